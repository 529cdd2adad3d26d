package check

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// hooks finds BOSH's own pre-start in the place of a hook of bpm.
func (w *job) hooks() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		for _, h := range p.Get("hooks") {
			for _, n := range h.Get("pre_start") {
				v, _ := n.Static()
				w.fileCapabilities(p, v)
				if target, ok := w.own(v); ok && target == "bin/pre-start" {
					if _, rendered := w.Spec.Template(target); rendered {
						w.find("hook-is-pre-start", source.Warning, n.Span, "bin/pre-start is BOSH's script too: it runs once a deploy and then again at every start of the process, within the start timeout of monit; give the hook a script of its own (bin/bpm-pre-start)")
					}
				}
			}
		}
	}
}

var setcap = search.MustCompile(`(?m)^[ \t]*(?:sudo[ \t]+)?(?:/\S*/)?setcap[ \t]+\S+`)

// fileCapabilities finds a hook that gives capabilities to a file, which bpm's
// containers ignore.
func (w *job) fileCapabilities(p bpm.ProcessNode, hook string) {
	target, ok := w.own(hook)
	if !ok || privileges(p).privileged {
		return
	}
	f, _, err := w.TemplateFile(target)
	if err != nil {
		return
	}
	if m := setcap.FindIndex(f.Data); m != nil {
		w.find("file-capability", source.Warning, source.Span{File: f, Start: m[0], End: m[1]}, "capabilities of a file have no effect in the container (no_new_privileges); what the process needs stands in capabilities of bpm.yml")
	}
}

// programs finds executables that the VM will not have.
func (w *job) programs() {
	if w.doc == nil {
		return
	}
	var targets []string
	for _, t := range w.Spec.Templates {
		targets = append(targets, path.Clean(t.Target))
	}
	for _, p := range w.doc.Processes() {
		named := p.Get("executable")
		for _, h := range p.Get("hooks") {
			named = append(named, h.Get("pre_start")...)
		}
		for _, n := range named {
			v, ok := n.Static()
			if !ok || strings.ContainsAny(v, " \t") {
				continue
			}
			if target, ok := w.own(v); ok && !slices.Contains(targets, target) && !w.madeOnVM(v) {
				w.find("program-not-rendered", source.Error, n.Span, "no template is rendered to %s, so the start fails (no such file or directory)%s", target, didYouMean(target, targets))
			}
			w.packageOf(n, v)
		}
	}
}

// madeOnVM says whether a script of the job may make a file.
func (w *job) madeOnVM(vmPath string) bool {
	for _, f := range w.ctx.textsOf(w.Name) {
		if f == w.doc.File || path.Base(f.Name) == "monit" {
			continue
		}
		if bytes.Contains(f.Data, []byte(vmPath)) || bytes.Contains(f.Data, []byte("bin/"+path.Base(vmPath))) {
			return true
		}
	}
	return false
}

// packageOf checks that the spec lists the package of a program.
func (w *job) packageOf(n *bpm.Node, v string) {
	rest, ok := strings.CutPrefix(strings.Replace(v, "/var/vcap/data/packages/", "/var/vcap/packages/", 1), "/var/vcap/packages/")
	if !ok {
		return
	}
	name, _, _ := strings.Cut(rest, "/")
	if slices.Contains(w.Spec.Packages, name) {
		return
	}
	here := false
	for _, f := range w.ctx.release.Glob(func(f string) bool { return path.Base(f) == "spec" || path.Base(f) == "spec.lock" }, "packages/"+name) {
		here = here || f != ""
	}
	hint := didYouMean(name, w.Spec.Packages)
	switch {
	case here:
		w.find("package-not-listed", source.Error, n.Span, "the spec of the job does not list the package %s, so a VM has it only if another job there does", name)
	case hint != "":
		w.find("package-not-listed", source.Error, n.Span, "there is no package %s in the spec of the job or in the release%s", name, hint)
	}
}

// script is a shell script that a process runs.
type script struct {
	file      *source.File
	template  *erb.Template
	tree      *syntax.File
	functions map[string]*syntax.Stmt
	vars      map[string]string
	// defaults gives the default of the property that a tag prints.
	defaults func(code string) (string, bool)
	// sourced are the scripts of the job that this one sources.
	sourced []*script
	// calls are the functions that somebody calls who sources this script.
	calls map[string]bool
}

var shebang = search.MustCompile(`^#!\s*\S*(?:/env\s+(?:-S\s+)?)?\S*\b(?:ba|da|k)?sh\b`)

// wrapper reads the script of the job that a process runs; nil when it runs
// something else.
func (w *job) wrapper(p bpm.ProcessNode) *script {
	for _, n := range p.Get("executable") {
		v, _ := n.Static()
		target, ok := w.own(v)
		if !ok {
			continue
		}
		f, _, err := w.TemplateFile(target)
		if err != nil || !shebang.Match(f.Data) {
			continue
		}
		s, err := w.parseScript(f, 0)
		if err != nil {
			w.find("file-not-read", source.Note, source.Span{File: f}, "this script runs in the container and cannot be read (%s); it is not checked", reason(err))
			continue
		}
		return s
	}
	return nil
}

// reason is an error without the file, whose place the finding has.
func reason(err error) string {
	var syntaxErr *source.SyntaxError
	var shell syntax.ParseError
	switch {
	case errors.As(err, &syntaxErr):
		return fmt.Sprintf("line %d: %s", syntaxErr.Span.Position().Line, syntaxErr.Message)
	case errors.As(err, &shell):
		return fmt.Sprintf("line %d: %s", shell.Pos.Line(), shell.Text)
	}
	return err.Error()
}

func (w *job) parseScript(f *source.File, depth int) (*script, error) {
	t, err := erb.Parse(f)
	if err != nil {
		return nil, err
	}
	tree, err := shell.Parse(t.Mask(), f.Name, syntax.Variant(syntax.LangBash))
	if err != nil {
		return nil, err
	}
	s := &script{file: f, template: t, tree: tree, functions: map[string]*syntax.Stmt{}, vars: map[string]string{}, defaults: w.propertyDefault}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			s.functions[n.Name.Value] = n.Body
		case *syntax.Assign:
			if n.Name != nil && n.Value != nil && !n.Append {
				v := s.text(n.Value)
				if old, ok := s.vars[n.Name.Value]; ok && old != v {
					v = unknown
				}
				s.vars[n.Name.Value] = v
			}
		}
		return true
	})
	syntax.Walk(tree, func(n syntax.Node) bool {
		c, ok := n.(*syntax.CallExpr)
		if !ok || len(c.Args) < 2 || depth > 3 {
			return true
		}
		words, _ := s.words(c)
		if words[0] != "source" && words[0] != "." {
			return true
		}
		if target, ok := w.own(words[1]); ok {
			if f, _, err := w.TemplateFile(target); err == nil {
				if other, err := w.parseScript(f, depth+1); err == nil {
					s.sourced = append(s.sourced, other)
				}
			}
		}
		return true
	})
	return s, nil
}

func (s *script) span(n syntax.Node) source.Span {
	return source.Span{File: s.file, Start: int(n.Pos().Offset()), End: int(n.End().Offset())}
}

// unknown stands for a part of a word that only the VM knows.
const unknown = "\x00"

// maxText is the longest text that is put together of variables: each may hold
// another one twice.
const maxText = 1 << 16

// text is a word with what is known of it.
func (s *script) text(word *syntax.Word) string {
	if word == nil {
		return ""
	}
	var b strings.Builder
	var parts func([]syntax.WordPart)
	parts = func(all []syntax.WordPart) {
		for _, p := range all {
			switch p := p.(type) {
			case *syntax.Lit:
				at := s.span(p)
				if s.template.HasExpr(at.Start, at.End) {
					b.WriteString(s.printed(at.Text()))
				} else {
					b.WriteString(p.Value)
				}
			case *syntax.SglQuoted:
				b.WriteString(s.printed(strings.Trim(s.span(p).Text(), "'")))
			case *syntax.DblQuoted:
				parts(p.Parts)
			case *syntax.ParamExp:
				v, ok := s.vars[p.Param.Value]
				if p.Exp != nil || p.Repl != nil || p.Slice != nil || p.Length || !ok || b.Len()+len(v) > maxText {
					v = unknown
				}
				b.WriteString(v)
			default:
				b.WriteString(unknown)
			}
		}
	}
	parts(word.Parts)
	return b.String()
}

// printed puts the defaults of properties in where ERB prints them.
func (s *script) printed(text string) string {
	return printedTags.ReplaceAllStringFunc(text, func(tag string) string {
		code := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(tag, "<%="), "%>"), " -")
		if v, ok := s.defaults(code); ok && strings.HasPrefix(v, "/") {
			return v
		}
		return unknown
	})
}

var printedTags = search.MustCompile(`(?s)<%.*?%>`)

// words are the texts of a command, exec and its options left out.
func (s *script) words(c *syntax.CallExpr) (words []string, exec bool) {
	for _, a := range c.Args {
		words = append(words, s.text(a))
	}
	for len(words) > 0 && (words[0] == "exec" || words[0] == "command" || words[0] == "builtin") {
		exec = exec || words[0] == "exec"
		words = words[1:]
		for exec && len(words) > 0 && strings.HasPrefix(words[0], "-") {
			n := 1
			if words[0] == "-a" {
				n = 2
			}
			words = words[min(n, len(words)):]
		}
	}
	return words, exec
}

// wrappers checks the scripts that run in the container.
func (w *job) wrappers() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		s := w.wrapper(p)
		if s == nil {
			continue
		}
		if w.startedByMonit(p) {
			w.endsInExec(s, p)
		}
		w.argumentsInScript(s, p)
		syntax.Walk(s.tree, func(n syntax.Node) bool {
			c, ok := n.(*syntax.CallExpr)
			if !ok || len(c.Args) == 0 {
				return true
			}
			w.limitInScript(s, p, c)
			w.userInScript(s, p, c)
			return true
		})
	}
}

func (p privilege) any() bool { return p.privileged || p.resource }

type privilege struct{ privileged, resource bool }

func privileges(p bpm.ProcessNode) privilege {
	var out privilege
	for _, u := range p.Get("unsafe") {
		out.privileged = out.privileged || u.Has("privileged")
	}
	for _, list := range p.Get("capabilities") {
		if list.Open {
			out.resource = true
		}
		for _, i := range list.Items {
			if v, ok := i.Static(); !ok || v == "SYS_RESOURCE" {
				out.resource = true
			}
		}
	}
	return out
}

// limitInScript finds ulimit in a script that runs as vcap.
func (w *job) limitInScript(s *script, p bpm.ProcessNode, c *syntax.CallExpr) {
	words, _ := s.words(c)
	if len(words) < 2 || words[0] != "ulimit" || w.unreachable(s.span(c)) || privileges(p).any() {
		return
	}
	flag, value := words[1], ""
	if len(words) > 2 {
		value = words[2]
	}
	if !strings.HasPrefix(flag, "-") {
		return
	}
	if strings.Contains(flag, "S") || value == "" || strings.Contains(flag, "a") || value == "0" {
		return
	}
	keys := map[byte]string{'n': "limits.open_files", 'u': "limits.processes", 'c': "limits.core_file_size"}
	key := keys[flag[len(flag)-1]]
	if key == "limits.open_files" {
		for _, l := range p.Get("limits") {
			if l.Has("open_files") {
				return // it lowers, or repeats, what bpm set
			}
		}
	}
	switch key {
	case "":
		w.find("wrapper-raises-limit", source.Warning, s.span(c), "this runs in the container as vcap, who cannot raise a limit above the hard one that the container got, and bpm.yml knows no such limit")
	default:
		w.find("wrapper-raises-limit", source.Warning, s.span(c), "this runs in the container as vcap, who cannot raise a limit above the hard one that the container got; set %s in bpm.yml", key)
	}
}

// userChangers are programs that run another one as another user.
var userChangers = []string{"chpst", "su", "sudo", "runuser", "setuidgid", "gosu", "su-exec"}

// userInScript finds programs that change the user, which vcap may not.
func (w *job) userInScript(s *script, p bpm.ProcessNode, c *syntax.CallExpr) {
	words, _ := s.words(c)
	if len(words) < 2 || w.unreachable(s.span(c)) || !slices.Contains(userChangers, path.Base(words[0])) || privileges(p).privileged {
		return
	}
	if path.Base(words[0]) == "chpst" && !slices.ContainsFunc(words, func(a string) bool { return strings.HasPrefix(a, "-u") || strings.HasPrefix(a, "-U") }) {
		return
	}
	w.find("wrapper-changes-user", source.Error, s.span(c), "this runs in the container, as vcap and without the right to become another user: %s fails there. bpm starts the process as vcap already", path.Base(words[0]))
}

// argumentsInScript finds a script that reads arguments which bpm.yml does not
// give it.
func (w *job) argumentsInScript(s *script, p bpm.ProcessNode) {
	if len(p.Get("args")) > 0 || p.Open {
		return
	}
	if bytes.Contains(s.file.Data, []byte("set --")) || bytes.Contains(s.file.Data, []byte("shift")) || bytes.Contains(s.file.Data, []byte("$#")) {
		return
	}
	if !w.startedByMonit(p) {
		return
	}
	env := map[string]bool{}
	for _, e := range p.Get("env") {
		for _, f := range e.Fields {
			env[f.Name()] = true
		}
	}
	done := false
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		if n != nil && n.Pos().IsValid() && w.unreachable(s.span(n)) {
			return false
		}
		switch n := n.(type) {
		case *syntax.FuncDecl:
			return false // has arguments of its own
		case *syntax.Assign:
			if word := n.Value; word != nil && n.Name != nil && s.isArgument(word) && env[n.Name.Value] && !done {
				done = true
				w.find("wrapper-without-argument", source.Error, s.span(n), "bpm.yml gives this script no arguments, so that %s, which env sets, becomes empty here", n.Name.Value)
				return false
			}
		case *syntax.ParamExp:
			if n.Param.Value == "1" && n.Exp == nil && !n.Length && !done {
				done = true
				w.find("wrapper-without-argument", source.Warning, s.span(n), "bpm.yml gives this script no arguments (args), so that $1 is empty")
			}
		}
		return true
	})
}

func (s *script) isArgument(word *syntax.Word) bool {
	text := strings.Trim(s.span(word).Text(), `"`)
	return text == "$1" || text == "${1}"
}

// quick are commands that are no process worth supervising.
var quick = strings.Fields(`echo printf exit return true false : set unset export readonly declare local cd pushd popd sleep kill pkill rm mkdir touch cp mv ln chmod chown
cat grep sed awk test [ [[ trap source . shift let eval read date wait log fi logger curl find tee sync umask ulimit`)

// endsInExec finds scripts that stay between bpm and the process: bpm's signals
// reach the script only.
func (w *job) endsInExec(s *script, p bpm.ProcessNode) {
	if trapped.Match(s.file.Data) {
		return // somebody thought of signals
	}
	for _, c := range s.last(s.tree.Stmts, 0) {
		if w.unreachable(s.span(c.node)) {
			continue
		}
		if c.background {
			w.find("wrapper-without-exec", source.Warning, s.span(c.node), "the script puts the process into the background and ends: bpm takes its end for that of the process, and kills what is left; end with exec")
			continue
		}
		w.find("wrapper-without-exec", source.Warning, s.span(c.node), "the script stays between bpm and this process: bpm's stop signal ends the script, and with it the container, so that the process is killed at once and never gets the signal; end with exec")
	}
}

var trapped = search.MustCompile(`(?m)^[^#\n]*\btrap\s+[^-\s][^\n]*\b(?:SIG)?(?:TERM|INT|EXIT|QUIT|0|2|15)\b`)

type launched struct {
	node       syntax.Node
	background bool
}

// last gives the commands in which a list of statements ends without exec and
// that are processes of their own.
func (s *script) last(stmts []*syntax.Stmt, depth int) []launched {
	var found []launched
	if depth > 10 {
		return nil
	}
	var taken []*syntax.Stmt
	tail := false // something quick follows
	for i := len(stmts) - 1; i >= 0; i-- {
		st := stmts[i]
		guards := s.template.Guards(int(st.Pos().Offset()))
		// what stands in another arm of ERB is last there
		if len(taken) > 0 {
			other := false
			for _, t := range taken {
				if !erb.Exclusive(guards, s.template.Guards(int(t.Pos().Offset()))) {
					other = true
				}
			}
			if other {
				if len(s.template.Guards(int(taken[len(taken)-1].Pos().Offset()))) == 0 || len(guards) == 0 {
					return found
				}
				continue
			}
		}
		if _, ok := st.Cmd.(*syntax.FuncDecl); ok {
			continue
		}
		if c, ok := st.Cmd.(*syntax.CallExpr); ok {
			words, exec := s.words(c)
			if len(words) == 0 && !exec || len(words) > 0 && !exec && slices.Contains(quick, path.Base(words[0])) && !st.Background {
				tail = true
				continue
			}
			// a program before the end is set-up, unless nothing follows that lasts
			if tail && !exec && s.functions[words[0]] == nil && !strings.HasPrefix(words[0], "/var/vcap/packages/") {
				return found
			}
		}
		if _, ok := st.Cmd.(*syntax.DeclClause); ok {
			continue
		}
		taken = append(taken, st)
		found = append(found, s.ending(st, depth)...)
	}
	return found
}

func (s *script) ending(st *syntax.Stmt, depth int) []launched {
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		words, exec := s.words(c)
		if exec || len(words) == 0 {
			return nil
		}
		if body := s.functions[words[0]]; body != nil {
			return s.last([]*syntax.Stmt{body}, depth+1)
		}
		name := words[0]
		if slices.Contains(quick, path.Base(name)) {
			return nil
		}
		if strings.HasPrefix(name, "/var/vcap/jobs/bpm/") {
			return nil
		}
		return []launched{{c, st.Background}}
	case *syntax.Block:
		return s.last(c.Stmts, depth+1)
	case *syntax.Subshell:
		return s.last(c.Stmts, depth+1)
	case *syntax.IfClause:
		var all []launched
		for arm := c; arm != nil; arm = arm.Else {
			all = append(all, s.last(arm.Then, depth+1)...)
		}
		return all
	case *syntax.CaseClause:
		var all []launched
		for _, item := range c.Items {
			all = append(all, s.last(item.Stmts, depth+1)...)
		}
		return all
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			return s.ending(c.X, depth+1)
		}
		return s.ending(c.Y, depth+1)
	}
	return nil
}
