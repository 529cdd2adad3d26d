// Package runit finds where a job runs a program of runit, which newer stemcells
// lack, and says what can stand there instead: for chpst a line of setpriv, nice,
// prlimit and the like with the same effect. For svlogd, sv and the others there
// is none.
//
// It reads shell scripts, monit files, crontabs and the scripts of packages. It
// decides nothing about bpm and changes no file: the edits are for release/convert.
package runit

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Chpst is the program of runit that releases use: it changes the user, limits
// and environment of a command.
const Chpst = "chpst"

// Use is one place that needs a program which a stemcell may lack.
type Use struct {
	Program string
	// Span is what names the program, with its options.
	Span source.Span
	// Edits put the replacement in; none where there is no replacement.
	Edits []source.Edit
	// Reason is why there is none.
	Reason string
	// text is what stands for the program and its options.
	text string
	// Review is where the replacement may do something else; "" when it does the
	// same.
	Review string
}

// Replaceable says whether the place has a replacement.
func (u Use) Replaceable() bool { return u.Reason == "" }

// Replacement are the words that stand for the program and its options.
func (u Use) Replacement() string { return u.text }

// New is the line of the place as the replacement makes it, trimmed.
func (u Use) New() string {
	f := u.Span.File
	from, to := f.LineStart(u.Span.Start), f.LineEnd(u.Span.Start)
	var edits []source.Edit
	for _, e := range u.Edits {
		if e.Start >= from && e.End <= to {
			edits = append(edits, source.Edit{Start: e.Start - from, End: e.End - from, New: e.New})
		}
	}
	line, err := source.Apply(f.Data[from:to], edits)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(line))
}

// Old is the line of the place as it is, trimmed.
func (u Use) Old() string { return strings.TrimSpace(u.Span.Line()) }

// rule is what the edits are called.
const rule = "swap-chpst"

// reader goes through one file for some programs.
type reader struct {
	file     *source.File
	template *erb.Template
	mask     []byte
	programs []string
	named    *search.Pattern
	// script is the file as hostscript reads it: it knows the values of variables.
	script *hostscript.Script
	// variables hold the name of a program: VAR=chpst, VAR=$(which chpst).
	variables map[string]string
	functions map[string]bool
	uses      []Use
	// seen are the offsets of the words that were dealt with.
	seen map[int]bool
}

// Script finds the uses in a script, or in a file with commands in it (a crontab,
// the configuration of logrotate). What names a program in a file that is no shell
// is a use without a replacement.
func Script(f *source.File, programs ...string) []Use {
	r := newReader(f, programs)
	if r == nil {
		return nil
	}
	_, shell := ctl.Shell(f)
	if !shell {
		r.elsewhere("this is no shell script")
		return r.sorted()
	}
	isScript := bytes.HasPrefix(f.Data, []byte("#!")) || isScriptName(f.Name)
	if r.script = hostscript.Read(f, isScript || !hostscript.RunsOnHost(f)); r.script == nil {
		r.elsewhere("this is no shell script that can be read")
		return r.sorted()
	}
	if !isScript && !hostscript.RunsOnHost(f) {
		r.elsewhere("whether a shell reads this file is not known")
		return r.sorted()
	}
	r.tree(r.script.Tree, false)
	return r.sorted()
}

var notScripts = []string{".yml", ".yaml", ".json", ".xml", ".conf", ".cfg", ".ini", ".properties", ".toml", ".md", ".txt", ".html"}

// isScriptName says whether a file without a first line that says so may be a
// script: it is sourced.
func isScriptName(name string) bool {
	return !slices.Contains(notScripts, path.Ext(strings.TrimSuffix(name, ".erb")))
}

func newReader(f *source.File, programs []string) *reader {
	if bytes.IndexByte(f.Data, 0) >= 0 {
		return nil
	}
	named := search.MustCompile(`(?:^|[^\w.-])(` + strings.Join(programs, "|") + `)(?:$|[^\w.-])`)
	if !named.Match(f.Data) {
		return nil
	}
	t, err := erb.Parse(f)
	if err != nil {
		return nil
	}
	return &reader{file: f, template: t, mask: t.Mask(), programs: programs, named: named, variables: map[string]string{}, functions: map[string]bool{}, seen: map[int]bool{}}
}

func (r *reader) sorted() []Use {
	slices.SortStableFunc(r.uses, func(a, b Use) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	return r.uses
}

func (r *reader) add(u Use) {
	if !r.seen[u.Span.Start] {
		r.seen[u.Span.Start] = true
		r.uses = append(r.uses, u)
	}
}

func (r *reader) span(start, end int) source.Span {
	return source.Span{File: r.file, Start: start, End: end}
}

// withOption is how a command line begins that is written in another language.
var withOption = search.MustCompile(`^["']?\s*,?\s*["']?-`)

// elsewhere finds command lines in a file that is not read as shell.
func (r *reader) elsewhere(why string) {
	for at := 0; at < len(r.file.Data); {
		end := r.file.LineEnd(at)
		line := r.file.Data[at:end]
		if trimmed := bytes.TrimSpace(line); !bytes.HasPrefix(trimmed, []byte("#")) && !bytes.HasPrefix(trimmed, []byte("//")) {
			for _, m := range r.named.FindAllSubmatchIndex(line, -1) {
				if withOption.Match(line[m[3]:]) {
					r.add(Use{Program: string(line[m[2]:m[3]]), Span: r.span(at+m[2], at+m[3]), Reason: why})
				}
			}
		}
		at = end
	}
}

// talks are commands that print or look for their arguments.
var talks = map[string]bool{"echo": true, "printf": true, "logger": true, "log": true, "grep": true, "egrep": true, "fgrep": true, "pgrep": true, "pkill": true, "killall": true, "pidof": true, "sed": true, "awk": true, "apt-get": true, "apt": true, "dpkg": true, "rm": true, "ls": true, "chmod": true, "chown": true}

// asks are commands that ask whether there is a program.
var asks = map[string]bool{"which": true, "type": true, "hash": true, "test": true, "[": true, "whereis": true}

// tree finds the uses in parsed shell; nested says that it is the text of a string.
func (r *reader) tree(tree *syntax.File, nested bool) {
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			r.functions[n.Name.Value] = true
		case *syntax.Assign:
			if n.Name != nil && n.Value != nil {
				if p, _ := r.program(n.Value); p != "" {
					r.variables[n.Name.Value] = p
				}
			}
		}
		return true
	})
	var stack []syntax.Node
	syntax.Walk(tree, func(n syntax.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		switch n := n.(type) {
		case *syntax.CallExpr:
			r.call(n, stack, nested)
		case *syntax.ArrayExpr:
			var words []*syntax.Word
			for _, e := range n.Elems {
				if e.Value != nil {
					words = append(words, e.Value)
				}
			}
			r.words(words, command{stack: stack, nested: nested, array: true})
		case *syntax.Word:
			r.inside(n, stack, nested)
		case *syntax.Redirect:
			if n.Hdoc != nil {
				r.inside(n.Hdoc, stack, nested)
			}
		}
		stack = append(stack, n)
		return true
	})
}

// command is where the words of a command stand.
type command struct {
	stack  []syntax.Node
	nested bool
	array  bool
}

// call looks at a simple command.
func (r *reader) call(c *syntax.CallExpr, stack []syntax.Node, nested bool) {
	if len(c.Args) == 0 {
		return
	}
	r.words(c.Args, command{stack: stack, nested: nested})
}

// words looks for the program among the words of a command. In front of it may
// stand what runs it: exec, nohup, a function of the script.
func (r *reader) words(words []*syntax.Word, c command) {
	if len(words) == 0 {
		return
	}
	first, _ := r.value(words[0])
	first = path.Base(first)
	for i, w := range words {
		p, own := r.program(w)
		if p == "" || own {
			continue
		}
		at := r.span(int(w.Pos().Offset()), int(w.End().Offset()))
		if r.seen[at.Start] || i == 0 && r.functions[p] {
			continue
		}
		starts := i == 0 || launches[first] || first == Chpst
		switch {
		case i == 0 && c.array && len(words) == 1, i > 0 && talks[first]:
		case i > 0 && (asks[first] || first == "command" && strings.HasPrefix(strings.ToLower(words[1].Lit()), "-v")):
			r.asked(p, at, w, c)
		case i > 0 && first == "start-stop-daemon":
			r.add(Use{Program: p, Span: at, Reason: "start-stop-daemon starts it; give that --chuid and the program itself"})
		case p != Chpst:
			if starts {
				r.add(Use{Program: p, Span: at, Reason: without(p)})
			}
		case guarded(c.stack, r):
			r.seen[at.Start] = true // the script has another way where it is not there
		default:
			r.chpst(words[i:], i, starts, c)
		}
	}
}

// launches are commands whose last arguments are a command.
var launches = map[string]bool{"exec": true, "nohup": true, "nice": true, "ionice": true, "env": true, "timeout": true, "sudo": true, "command": true, "builtin": true, "setsid": true, "taskset": true, "numactl": true, "stdbuf": true, "xargs": true, "flock": true, "setpriv": true, "runuser": true, "prlimit": true, "time": true, "eval": true}

// without says why nothing can stand for a program.
func without(program string) string {
	switch program {
	case "svlogd":
		return "svlogd writes and rotates the log, and no program of the stemcell does that the same way; write the log to a file that logrotate keeps, as it does for all of /var/vcap/sys/log"
	case "apt-key":
		return "apt-key add has no replacement of one line: the key goes into /usr/share/keyrings, and the source names it with signed-by"
	case "setuidgid", "envuidgid", "envdir", "softlimit", "setlock", "pgrphack":
		return program + " is a program of daemontools"
	}
	return program + " supervises services of runit, which is not there; monit is what starts processes on a VM"
}

// asked is a question whether there is a program: command -v chpst.
func (r *reader) asked(p string, at source.Span, w *syntax.Word, c command) {
	for i := len(c.stack) - 1; i >= 0; i-- {
		switch n := c.stack[i].(type) {
		case *syntax.CmdSubst: // $(which chpst): what it prints is run
			if a := assigned(c.stack[:i]); a != "" && r.variables[a] != "" && w.Lit() == Chpst {
				r.add(Use{Program: p, Span: at, Edits: []source.Edit{{Start: at.Start, End: at.End, New: "setpriv", Rule: rule}}})
				return
			}
			if calls(c.stack[:i], n) {
				return // it is the first word of a command
			}
		case *syntax.IfClause:
			if n.Else != nil {
				return
			}
		}
	}
	if slices.ContainsFunc(c.stack, func(n syntax.Node) bool { b, ok := n.(*syntax.BinaryCmd); return ok && b.Op == syntax.OrStmt }) {
		return
	}
	r.add(Use{Program: p, Span: at, Reason: "the script asks here whether there is " + p + "; see what it does without"})
}

// assigned is the variable that an innermost assignment sets.
func assigned(stack []syntax.Node) string {
	for i := len(stack) - 1; i >= 0; i-- {
		switch n := stack[i].(type) {
		case *syntax.Assign:
			if n.Name != nil {
				return n.Name.Value
			}
		case *syntax.Word, *syntax.DblQuoted:
		default:
			return ""
		}
	}
	return ""
}

// calls says whether a substitution is the first word of a command.
func calls(stack []syntax.Node, sub *syntax.CmdSubst) bool {
	for i := len(stack) - 1; i >= 0; i-- {
		if c, ok := stack[i].(*syntax.CallExpr); ok {
			return slices.ContainsFunc(c.Args, func(w *syntax.Word) bool {
				return w.Pos().Offset() <= sub.Pos().Offset() && sub.End().Offset() <= w.End().Offset()
			})
		}
	}
	return false
}

// guarded says whether the command is run only where the program is there, and
// something else otherwise.
func guarded(stack []syntax.Node, r *reader) bool {
	for i, n := range stack {
		clause, ok := n.(*syntax.IfClause)
		if !ok || clause.Else == nil || i+1 >= len(stack) {
			continue
		}
		inThen := slices.ContainsFunc(clause.Then, func(s *syntax.Stmt) bool { return s == stack[i+1] })
		for _, cond := range clause.Cond {
			if inThen && r.asksFor(cond) {
				return true
			}
		}
	}
	return false
}

// asksFor says whether a condition is whether there is chpst.
func (r *reader) asksFor(cond *syntax.Stmt) bool {
	found := false
	if cond.Negated {
		return false
	}
	syntax.Walk(cond, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 1 {
				first := path.Base(n.Args[0].Lit())
				last, _ := r.value(n.Args[len(n.Args)-1])
				if first == "[" && len(n.Args) > 2 {
					last, _ = r.value(n.Args[len(n.Args)-2])
				}
				found = found || (asks[first] || first == "command") && path.Base(last) == Chpst
			}
		case *syntax.UnaryTest:
			if w, ok := n.X.(*syntax.Word); ok {
				v, _ := r.value(w)
				found = found || path.Base(v) == Chpst
			}
		}
		return true
	})
	return found
}

// value is what a word stands for, where the script tells.
func (r *reader) value(w *syntax.Word) (string, bool) {
	if r.script == nil {
		return "", false
	}
	return r.script.Value(w)
}

// systemDirs are where programs of the stemcell lie.
var systemDirs = []string{"/usr/bin", "/usr/sbin", "/bin", "/sbin"}

// program is the program that a word names; own says that it comes from
// somewhere else than the stemcell, a package for example.
func (r *reader) program(w *syntax.Word) (name string, own bool) {
	v, known := r.value(w)
	if !known {
		if len(w.Parts) != 1 {
			return "", false
		}
		part := w.Parts[0]
		if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
			part = q.Parts[0]
		}
		switch part := part.(type) {
		case *syntax.ParamExp:
			if part.Param != nil && part.Exp == nil {
				return r.variables[part.Param.Value], false
			}
		case *syntax.CmdSubst:
			if len(part.Stmts) == 1 {
				if c, ok := part.Stmts[0].Cmd.(*syntax.CallExpr); ok && len(c.Args) > 1 && (asks[c.Args[0].Lit()] || c.Args[0].Lit() == "command") {
					v = c.Args[len(c.Args)-1].Lit()
				}
			}
		case *syntax.Lit:
			v = part.Value
		}
	}
	base := path.Base(v)
	if !slices.Contains(r.programs, base) {
		return "", false
	}
	return base, strings.Contains(v, "/") && !slices.Contains(systemDirs, path.Dir(v))
}

// inside looks for commands in the text of a string: bash -c "chpst ...", a here
// document that becomes a script.
func (r *reader) inside(w *syntax.Word, stack []syntax.Node, nested bool) {
	if len(w.Parts) == 0 {
		return
	}
	start, end := int(w.Pos().Offset()), int(w.End().Offset())
	text := r.mask[start:min(end, len(r.mask))]
	if !r.named.Match(text) || nested {
		return
	}
	if c, ok := parent[*syntax.CallExpr](stack); ok && len(c.Args) > 0 && talks[c.Args[0].Lit()] {
		return
	}
	heredoc := len(stack) > 0 && isHeredoc(stack[len(stack)-1], w)
	switch q := w.Parts[0].(type) {
	case *syntax.SglQuoted, *syntax.DblQuoted:
		if len(w.Parts) > 1 {
			break
		}
		if bytes.IndexByte(text, ' ') < 0 {
			return // the word itself names it
		}
		inner := [2]int{start + 1, end - 1}
		if s, ok := q.(*syntax.SglQuoted); ok && s.Dollar {
			break
		}
		_, double := q.(*syntax.DblQuoted)
		if r.parseInside(inner[0], inner[1], double) {
			return
		}
	default:
		if !heredoc {
			return // a word, which is looked at as one
		}
		if r.parseInside(start, end, true) {
			return
		}
	}
	for _, m := range r.named.FindAllSubmatchIndex(text, -1) {
		if withOption.Match(text[m[3]:]) {
			r.add(Use{Program: string(text[m[2]:m[3]]), Span: r.span(start+m[2], start+m[3]), Reason: "it stands in a text that is not understood as a command"})
		}
	}
}

func isHeredoc(n syntax.Node, w *syntax.Word) bool {
	redirect, ok := n.(*syntax.Redirect)
	return ok && redirect.Hdoc == w
}

func parent[T syntax.Node](stack []syntax.Node) (T, bool) {
	for i := len(stack) - 1; i >= 0; i-- {
		if n, ok := stack[i].(T); ok {
			return n, true
		}
	}
	var none T
	return none, false
}

// parseInside reads the text of a string as commands; double says that
// backslashes in it are for the quotes around it.
func (r *reader) parseInside(start, end int, double bool) bool {
	text := bytes.Repeat([]byte{' '}, end)
	copy(text[start:], r.mask[start:end])
	for i := start; double && i+1 < end; i++ {
		if text[i] == '\\' && bytes.IndexByte([]byte("\"$`\\"), text[i+1]) >= 0 {
			text[i] = ' '
			i++
		}
	}
	tree, err := shell.Parse(text, r.file.Name, syntax.Variant(syntax.LangBash))
	if err != nil {
		return false
	}
	n := len(r.uses)
	r.tree(tree, true)
	return len(r.uses) > n
}

// Monit finds the uses in the programs that monit starts.
func Monit(f *source.File, programs ...string) []Use {
	r := newReader(f, programs)
	if r == nil {
		return nil
	}
	m, err := monit.Parse(f)
	if err != nil {
		return nil
	}
	for _, c := range m.Checks {
		for _, p := range slices.Concat(c.Starts, c.Stops) {
			r.monitProgram(p.Command)
		}
	}
	return r.sorted()
}

func (r *reader) monitProgram(at source.Span) {
	text := bytes.Repeat([]byte{' '}, at.End)
	copy(text[at.Start:], r.mask[at.Start:at.End])
	tree, err := shell.Parse(text, r.file.Name, syntax.Variant(syntax.LangBash))
	if err != nil {
		return
	}
	n := len(r.uses)
	r.tree(tree, true)
	for i, u := range r.uses[n:] {
		for _, e := range u.Edits {
			if strings.ContainsAny(e.New, "$'\"") {
				r.uses[n+i].Edits, r.uses[n+i].Reason = nil, "monit runs it without a shell, and the replacement needs one"
			}
		}
	}
}
