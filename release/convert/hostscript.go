package convert

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// hostScript is a shell script that stays as it is, but for the paths in it
// that move. It is read statement by statement, not followed: a variable has a
// value here when the script gives it one only once.
type hostScript struct {
	file     *source.File
	template *erb.Template
	tree     *syntax.File
	values   map[string]string
	// set counts the places that set a variable.
	set       map[string]int
	exported  map[string]bool
	functions map[string]bool
}

// readHostScript parses a script, or what a crontab or the configuration of
// logrotate has as commands; nil when there is no shell in a file, or none that
// can be read.
func readHostScript(f *source.File, script bool) *hostScript {
	if _, shell := ctl.Shell(f); !shell || bytes.IndexByte(f.Data, 0) >= 0 {
		return nil
	}
	t, err := erb.Parse(f)
	if err != nil {
		return nil
	}
	text := t.Mask()
	if !script && !onlyCommands(text) {
		return nil
	}
	tree, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)).Parse(bytes.NewReader(text), f.Name)
	if err != nil {
		return nil
	}
	s := &hostScript{file: f, template: t, tree: tree, values: map[string]string{}, set: map[string]int{}, exported: map[string]bool{}, functions: map[string]bool{}}
	var assigns []*syntax.Assign
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			s.functions[n.Name.Value] = true
		case *syntax.Assign:
			if n.Name != nil && !n.Naked {
				s.set[n.Name.Value]++
				assigns = append(assigns, n)
			}
		case *syntax.DeclClause:
			if n.Variant.Value == "export" || n.Variant.Value == "declare" {
				for _, a := range n.Args {
					if a.Name != nil && n.Variant.Value == "export" {
						s.exported[a.Name.Value] = true
					}
				}
			}
		case *syntax.WordIter:
			s.set[n.Name.Value] += 2 // one value after the other
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				for _, a := range n.Assigns {
					if a.Name != nil {
						s.exported[a.Name.Value] = true // for the command
					}
				}
				switch n.Args[0].Lit() {
				case "read", "unset", "getopts", "mapfile", "readarray", "let", "printf":
					for _, w := range n.Args[1:] {
						s.set[w.Lit()]++
					}
				}
			}
		}
		return true
	})
	for range assigns { // as deep as one value may lie in another
		before := len(s.values)
		for _, a := range assigns {
			if s.set[a.Name.Value] != 1 || a.Append || a.Index != nil || a.Array != nil || a.Value == nil {
				continue
			}
			if v, ok := s.value(a.Value); ok {
				s.values[a.Name.Value] = v
			}
		}
		if len(s.values) == before {
			break
		}
	}
	return s
}

// runsOnHost says whether a file is a crontab or configuration of logrotate.
func runsOnHost(f *source.File) bool {
	return !bytes.HasPrefix(f.Data, []byte("#!")) && onlyCommands(bytes.Clone(f.Data))
}

// onlyCommands blanks all but the commands of a crontab, and all but those that
// logrotate runs; it says whether there are any.
func onlyCommands(text []byte) (some bool) {
	inside := false
	for at := 0; at < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		line := text[at:end]
		blank := len(line)
		word := string(bytes.TrimSpace(line))
		switch m := crontabFields.FindIndex(line); {
		case word == "endscript":
			inside = false
		case inside:
			blank = 0
		case rotateScript.MatchString(word):
			inside = true
		case m != nil:
			blank = m[1]
		}
		some = some || blank < len(line)
		for i := range blank {
			line[i] = ' '
		}
		at = end + 1
	}
	return some
}

var (
	// crontabFields are what stands before the command: when, and as whom.
	crontabFields = regexp.MustCompile(`^\s*(?:@\w+|(?:[*\d][\d*/,-]*\s+){2}[*\d]\S*\s+[*\w]\S*\s+[*\w]\S*)\s+(?:(?:root|vcap)\s+)?`)
	rotateScript  = regexp.MustCompile(`^(?:pre|post|first|last)(?:rotate|action)$`)
)

// value is what a word stands for, when the script alone tells.
func (s *hostScript) value(w *syntax.Word) (string, bool) {
	if s.template.HasExpr(int(w.Pos().Offset()), int(w.End().Offset())) {
		return "", false
	}
	return s.parts(w.Parts)
}

func (s *hostScript) parts(parts []syntax.WordPart) (string, bool) {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.Contains(p.Value, `\`) {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			v, ok := s.parts(p.Parts)
			if !ok {
				return "", false
			}
			b.WriteString(v)
		case *syntax.ParamExp:
			name, plain := reference(p)
			v, ok := s.values[name]
			if !plain || !ok {
				return "", false
			}
			b.WriteString(v)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// reference is the variable that $X or ${X} stands for; plain says that nothing
// is done to its value.
func reference(p *syntax.ParamExp) (name string, plain bool) {
	if p.Param == nil {
		return "", false
	}
	plain = !p.Excl && !p.Length && !p.Width && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Exp == nil && len(p.Modifiers) == 0 && p.NestedParam == nil
	return p.Param.Value, plain
}

// refersTo gives the variable that a word stands for by itself.
func refersTo(w *syntax.Word) string {
	if len(w.Parts) != 1 {
		return ""
	}
	part := w.Parts[0]
	if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
		part = q.Parts[0]
	}
	if p, ok := part.(*syntax.ParamExp); ok {
		if name, plain := reference(p); plain {
			return name
		}
	}
	return ""
}

func (s *hostScript) span(n syntax.Node) source.Span {
	return source.Span{File: s.file, Start: int(n.Pos().Offset()), End: int(n.End().Offset())}
}

// command is the program of a call without what only starts it, and its
// arguments.
func (s *hostScript) command(c *syntax.CallExpr) (name string, args []*syntax.Word) {
	args = c.Args
	for len(args) > 0 {
		v, ok := s.value(args[0])
		if !ok {
			return "", args
		}
		name, args = path.Base(v), args[1:]
		switch name {
		case "sudo", "exec", "command", "builtin", "nohup":
			if len(args) > 0 && !strings.HasPrefix(args[0].Lit(), "-") {
				continue
			}
		}
		return name, args
	}
	return "", nil
}

// pidUse is what a script does with the pidfile.
type pidUse struct {
	// edits put the new path in the places that name the old one.
	edits []source.Edit
	// names are the words that name the old one.
	names []source.Span
	// removes are the commands that remove it.
	removes []source.Span
	// against is why the new path would not do, and where.
	against   string
	againstAt source.Span
}

// pidReader goes through a script for one pidfile.
type pidReader struct {
	*hostScript
	old, now string
	use      pidUse
	// files are variables that may hold the name of the pidfile, pids those that
	// may hold the number in it.
	files, pids map[string]bool
	stack       []syntax.Node
}

// pidUses finds what a script does with a pidfile. Certain is that it only reads
// it and that bpm's pid does what the old one did: bpm's is that of an init which
// hands signals on to the process. A variable that is set here and not used may be
// read elsewhere.
func (s *hostScript) pidUses(old, now string, readElsewhere func(variable string) bool) pidUse {
	r := &pidReader{hostScript: s, old: old, now: now, files: map[string]bool{}, pids: map[string]bool{}}
	for more := true; more; {
		more = false
		syntax.Walk(s.tree, func(n syntax.Node) bool {
			if a, ok := n.(*syntax.Assign); ok && a.Name != nil && a.Value != nil && !r.files[a.Name.Value] && r.isFile(a.Value) {
				r.files[a.Name.Value], more = true, true
			}
			return true
		})
	}
	r.findPids()
	covered := map[int]bool{}
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		if n == nil {
			r.stack = r.stack[:len(r.stack)-1]
			return true
		}
		switch n := n.(type) {
		case *syntax.Word:
			r.word(n, covered)
		case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause:
			r.computes(n)
		}
		r.stack = append(r.stack, n)
		return true
	})
	if len(r.use.names) == 0 {
		return r.use
	}
	used, sources := map[string]bool{}, false
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			if n.Param != nil {
				used[n.Param.Value] = true
			}
		case *syntax.CallExpr:
			sources = sources || len(n.Args) > 1 && (n.Args[0].Lit() == "." || n.Args[0].Lit() == "source")
		}
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		if s.exported[name] {
			r.refuse(r.use.names[0], "%s is exported, and what the programs do that see it is not known", name)
		}
		if !used[name] && (sources || readElsewhere(name)) {
			r.refuse(r.use.names[0], "%s is set here and read elsewhere", name)
		}
	}
	for _, at := range fileText(s.file).mentions(old) {
		if at.Text() == old && !covered[at.Start] && !s.comment(at.Start) {
			r.use.names = append(r.use.names, at)
			r.refuse(at, "how the script uses it is not understood")
		}
	}
	return r.use
}

// comment says whether a place is in a comment.
func (s *hostScript) comment(at int) bool {
	found := false
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.Comment); ok && int(c.Pos().Offset()) <= at && at < int(c.End().Offset()) {
			found = true
		}
		return true
	})
	return found
}

func (r *pidReader) refuse(at source.Span, format string, args ...any) {
	if r.use.against == "" {
		r.use.against, r.use.againstAt = fmt.Sprintf(format, args...), at
	}
}

// findPids collects the variables that hold the number.
func (r *pidReader) findPids() {
	for more := true; more; {
		more = false
		add := func(name string) {
			if name != "" && !r.pids[name] {
				r.pids[name], more = true, true
			}
		}
		syntax.Walk(r.tree, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Assign:
				if n.Name != nil && n.Value != nil && (r.readsFile(n.Value) || r.pids[refersTo(n.Value)]) {
					add(n.Name.Value)
				}
			case *syntax.Stmt:
				if c, ok := n.Cmd.(*syntax.CallExpr); ok && len(c.Args) > 1 && c.Args[0].Lit() == "read" && r.input(n) {
					for _, a := range c.Args[1:] {
						if v := a.Lit(); !strings.HasPrefix(v, "-") {
							add(v)
						}
					}
				}
			}
			return true
		})
	}
}

// isFile says whether a word names the pidfile, always or sometimes.
func (r *pidReader) isFile(w *syntax.Word) bool {
	v, ok := r.value(w)
	return ok && path.Clean(v) == r.old || r.files[refersTo(w)]
}

// input says whether a statement reads the pidfile from a redirection.
func (r *pidReader) input(s *syntax.Stmt) bool {
	return slices.ContainsFunc(s.Redirs, func(d *syntax.Redirect) bool { return d.Op == syntax.RdrIn && d.Word != nil && r.isFile(d.Word) })
}

// readsFile says whether a word is the output of a command that only prints what
// the pidfile holds.
func (r *pidReader) readsFile(w *syntax.Word) bool {
	if len(w.Parts) != 1 {
		return false
	}
	part := w.Parts[0]
	if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
		part = q.Parts[0]
	}
	sub, ok := part.(*syntax.CmdSubst)
	return ok && r.printsPid(sub)
}

func (r *pidReader) printsPid(sub *syntax.CmdSubst) bool {
	if len(sub.Stmts) != 1 {
		return false
	}
	return r.prints(sub.Stmts[0])
}

func (r *pidReader) prints(s *syntax.Stmt) bool {
	switch c := s.Cmd.(type) {
	case nil:
		return r.input(s)
	case *syntax.BinaryCmd:
		return (c.Op == syntax.OrStmt || c.Op == syntax.AndStmt) && r.prints(c.X) // || true, || echo 0
	case *syntax.CallExpr:
		name, args := r.command(c)
		return (name == "cat" || name == "head") && (r.input(s) || slices.ContainsFunc(args, r.isFile))
	}
	return false
}

// word looks at one word: whether it names the pidfile or holds the pid, and
// whether what is done with it stays right.
func (r *pidReader) word(w *syntax.Word, covered map[int]bool) {
	at := r.span(w)
	raw := at.Text()
	switch {
	case r.isFile(w):
		if !r.files[refersTo(w)] {
			r.use.names = append(r.use.names, at)
			r.use.edits = append(r.use.edits, r.edit(at))
		}
		for _, m := range fileText(r.file).mentions(r.old) {
			if at.Start <= m.Start && m.End <= at.End {
				covered[m.Start] = true
			}
		}
		r.fileUse(w, at)
	case r.namesInside(w):
		for _, m := range fileText(r.file).mentions(r.old) {
			if m.Text() == r.old && at.Start <= m.Start && m.End <= at.End && r.here(w, m) {
				covered[m.Start] = true
				r.use.names = append(r.use.names, m)
				r.use.edits = append(r.use.edits, source.Edit{Start: m.Start, End: m.End, New: r.now, Rule: "pidfile"})
			}
		}
		if !r.message() {
			if len(r.use.names) == 0 {
				r.use.names = append(r.use.names, at)
			}
			r.refuse(at, "%s uses it in a way that is not understood", oneLine(r.lineOf(at)))
		}
	case r.mayName(w):
		r.use.names = append(r.use.names, at)
		r.refuse(at, "%s may name it, and that is known only on the VM", raw)
	case r.holdsPid(w):
		r.pidWord(w, at, raw)
	}
}

// mayName says whether a word can be the name of the pidfile: a pattern, a name
// with a variable in it, or the bare name in a script that changes to its folder.
func (r *pidReader) mayName(w *syntax.Word) bool {
	v, known := r.value(w)
	if known && v == path.Base(r.old) {
		return r.entered(path.Dir(r.old))
	}
	if !known {
		v = r.pattern(w)
	}
	before, _, open := strings.Cut(v, "*")
	if !open || strings.Contains(r.old, "<%") || !strings.HasPrefix(before, "/var/vcap/") || !strings.HasSuffix(v, ".pid") || strings.Contains(v, "**") {
		return false
	}
	ok, err := path.Match(v, r.old)
	return err == nil && ok
}

// pattern is a word with a star for each variable that has no value here.
func (r *pidReader) pattern(w *syntax.Word) string {
	if r.template.HasExpr(int(w.Pos().Offset()), int(w.End().Offset())) {
		return ""
	}
	var b strings.Builder
	var add func(parts []syntax.WordPart)
	add = func(parts []syntax.WordPart) {
		for _, p := range parts {
			if q, ok := p.(*syntax.DblQuoted); ok {
				add(q.Parts)
				continue
			}
			if v, ok := r.parts([]syntax.WordPart{p}); ok {
				b.WriteString(v)
				continue
			}
			b.WriteString("*")
		}
	}
	add(w.Parts)
	return b.String()
}

// entered says whether the script changes to a folder.
func (r *pidReader) entered(dir string) bool {
	found := false
	syntax.Walk(r.tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) == 2 && (c.Args[0].Lit() == "cd" || c.Args[0].Lit() == "pushd") {
			v, known := r.value(c.Args[1])
			found = found || known && path.Clean(v) == dir
		}
		return true
	})
	return found
}

// edit is the new path in place of a word, in the quotes that it had.
func (r *pidReader) edit(at source.Span) source.Edit {
	text, now := at.Text(), r.now
	if q := text[:1]; (q == `"` || q == "'") && strings.Count(text, q) == 2 && strings.HasSuffix(text, q) {
		now = q + now + q
	}
	return source.Edit{Start: at.Start, End: at.End, New: now, Rule: "pidfile"}
}

// here says whether a place stands in a word itself, not in a command that
// stands in it.
func (r *pidReader) here(w *syntax.Word, at source.Span) bool {
	inner := false
	syntax.Walk(w, func(n syntax.Node) bool {
		if sub, ok := n.(*syntax.CmdSubst); ok && int(sub.Pos().Offset()) <= at.Start && at.End <= int(sub.End().Offset()) {
			inner = true
		}
		return true
	})
	return !inner
}

// namesInside says whether a word has the name of the pidfile and more.
func (r *pidReader) namesInside(w *syntax.Word) bool {
	found := mentionsPath(r.pattern(w), r.old)
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		case *syntax.Lit:
			found = found || mentionsPath(n.Value, r.old)
		case *syntax.SglQuoted:
			found = found || mentionsPath(n.Value, r.old)
		case *syntax.ParamExp:
			found = found || n.Param != nil && r.files[n.Param.Value]
		}
		return true
	})
	return found
}

// holdsPid says whether a word has the number in it.
func (r *pidReader) holdsPid(w *syntax.Word) bool {
	found := false
	for _, part := range w.Parts {
		parts := []syntax.WordPart{part}
		if q, ok := part.(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
		for _, p := range parts {
			switch p := p.(type) {
			case *syntax.ParamExp:
				found = found || p.Param != nil && r.pids[p.Param.Value]
			case *syntax.CmdSubst:
				found = found || r.printsPid(p)
			}
		}
	}
	return found
}

func (r *pidReader) lineOf(at source.Span) string {
	data := r.file.Data
	start := bytes.LastIndexByte(data[:at.Start], '\n') + 1
	end := len(data)
	if i := bytes.IndexByte(data[at.Start:], '\n'); i >= 0 {
		end = at.Start + i
	}
	return strings.TrimSpace(strings.TrimSuffix(string(data[start:end]), `\`))
}

// call is the command whose word is looked at, with its statement.
func (r *pidReader) call() (*syntax.CallExpr, *syntax.Stmt) {
	n := len(r.stack)
	if n < 2 {
		return nil, nil
	}
	c, _ := r.stack[n-1].(*syntax.CallExpr)
	s, _ := r.stack[n-2].(*syntax.Stmt)
	return c, s
}

// message says whether the word is part of one.
func (r *pidReader) message() bool {
	c, s := r.call()
	if c == nil {
		return false
	}
	name, _ := r.command(c)
	return isMessage(name) && (s == nil || !slices.ContainsFunc(s.Redirs, func(d *syntax.Redirect) bool {
		v, ok := r.value(d.Word)
		return d.Op == syntax.RdrOut && (!ok || strings.HasSuffix(v, ".pid"))
	}))
}

func isMessage(name string) bool {
	return name == "echo" || name == "printf" || name == "logger" || messages.MatchString(name)
}

var messages = regexp.MustCompile(`^(?:log|warn|info|error|fail|die|abort|debug)(?:_?\w*)$`)

// fileReaders are commands that only look at the file whose name they get;
// those of the releases' helpers end the process and wait for it.
var fileReaders = map[string]bool{
	"cat": true, "head": true, "[": true, "test": true, "ls": true, "stat": true, "wc": true,
	"kill_and_wait": true, "wait_pidfile": true, "stop_process": true,
}

// fileUse decides on a word that names the pidfile.
func (r *pidReader) fileUse(w *syntax.Word, at source.Span) {
	if len(r.stack) == 0 {
		return
	}
	switch parent := r.stack[len(r.stack)-1].(type) {
	case *syntax.Assign, *syntax.UnaryTest, *syntax.BinaryTest:
		return
	case *syntax.Redirect:
		if parent.Op != syntax.RdrIn {
			r.refuse(at, "%s writes it", oneLine(r.lineOf(at)))
			return
		}
		if r.inputFollowed() {
			return
		}
	case *syntax.CallExpr:
		name, args := r.command(parent)
		switch {
		case isMessage(name):
			return
		case name == "cat" || name == "head":
			if r.knownOutput() {
				return
			}
		case fileReaders[name] && !r.functions[name]:
			return
		case name == "pkill" && r.onlySignals(args):
			return
		case name == "start-stop-daemon" && r.plainStop(args):
			return
		case name == "rm" || name == "unlink":
			r.use.removes = append(r.use.removes, r.span(parent))
			return
		}
	}
	r.refuse(at, "what %s does with it is not understood", oneLine(r.lineOf(at)))
}

// inputFollowed says whether a statement whose input is the pidfile puts the
// number where it is followed.
func (r *pidReader) inputFollowed() bool {
	stmt, ok := r.stack[len(r.stack)-2].(*syntax.Stmt)
	if !ok {
		return false
	}
	c, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok {
		return stmt.Cmd == nil // $(< FILE)
	}
	name, args := r.command(c)
	switch name {
	case "read":
		return true
	case "cat", "head":
		return r.knownOutput()
	case "xargs":
		return len(args) > 0 && args[0].Lit() == "kill" && r.signals(args[1:], nil)
	}
	return false
}

// onlySignals says whether pkill finds the process by the pidfile and by nothing
// else.
func (r *pidReader) onlySignals(args []*syntax.Word) bool {
	byFile := false
	for _, a := range args {
		switch v := a.Lit(); {
		case v == "-F" || v == "--pidfile":
			byFile = true
		case r.isFile(a):
		case signalOption.MatchString(v), v == "-L", v == "-e":
		default:
			return false
		}
	}
	return byFile
}

// signalOption is a signal that bpm's init hands on.
var signalOption = regexp.MustCompile(`^-(?:SIG)?(?:TERM|INT|HUP|QUIT|KILL|USR1|USR2|WINCH|[0-39]|1[025])$`)

// plainStop says whether start-stop-daemon finds the process by the pidfile and
// by nothing else, and stops it.
func (r *pidReader) plainStop(args []*syntax.Word) bool {
	stop := false
	for _, a := range args {
		v, _ := r.value(a)
		switch {
		case v == "--stop" || v == "-K":
			stop = true
		case strings.HasPrefix(v, "--exec"), v == "-x", strings.HasPrefix(v, "--name"), v == "-n", strings.HasPrefix(v, "--user"), v == "-u", strings.HasPrefix(v, "--startas"), v == "-a", v == "--start", v == "-S", v == "--remove-pidfile", strings.HasPrefix(v, "--ppid"):
			return false
		}
	}
	return stop
}

// knownOutput says whether what a command prints goes where the number is
// followed: into a variable, the arguments of a command, or xargs.
func (r *pidReader) knownOutput() bool {
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch n := r.stack[i].(type) {
		case *syntax.CmdSubst:
			return r.printsPid(n)
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe {
				c, ok := n.Y.Cmd.(*syntax.CallExpr)
				if !ok {
					return false
				}
				name, args := r.command(c)
				return name == "xargs" && len(args) > 0 && args[0].Lit() == "kill" && r.signals(args[1:], nil)
			}
		case *syntax.FuncDecl, *syntax.File:
			return false
		}
	}
	return false
}

// pidHelpersByNumber are functions of the releases' helpers that get the number:
// they look for the process and wait for its end.
var pidHelpersByNumber = map[string]bool{"wait_pid": true, "wait_pid_death": true, "pid_is_running": true, "pid_exists": true}

// pidWord decides on a word that has the number in it.
func (r *pidReader) pidWord(w *syntax.Word, at source.Span, raw string) {
	if len(r.stack) == 0 {
		return
	}
	alone := r.pids[refersTo(w)] || r.readsFile(w)
	why := fmt.Sprintf("%s looks at more than whether the process is there, and bpm's pid is that of an init whose child is the process", oneLine(r.lineOf(at)))
	switch parent := r.stack[len(r.stack)-1].(type) {
	case *syntax.Assign:
		if alone {
			return
		}
	case *syntax.UnaryTest:
		if alone || procFolder.MatchString(raw) {
			return
		}
	case *syntax.BinaryTest:
		x, _ := parent.X.(*syntax.Word)
		y, _ := parent.Y.(*syntax.Word)
		if alone && x != nil && y != nil && (x != w && r.comparable(x) || y != w && r.comparable(y)) {
			return
		}
	case *syntax.CallExpr:
		name, args := r.command(parent)
		_, stmt := r.call()
		switch {
		case isMessage(name):
			if !alone || !r.output(name, args, stmt) {
				return
			}
			why = fmt.Sprintf("what becomes of the number that %s prints is not followed", oneLine(r.lineOf(at)))
		case name == "[" || name == "test":
			if alone && r.plainTest(args, w) || procFolder.MatchString(raw) {
				return
			}
		case name == "kill":
			if r.signals(args, w) {
				return
			}
			why = fmt.Sprintf("%s sends a signal that bpm's init does not hand on as it is", oneLine(r.lineOf(at)))
		case name == "ps":
			if alone && stmt != nil && !slices.ContainsFunc(args, func(a *syntax.Word) bool { return byRelation[a.Lit()] }) && slices.ContainsFunc(stmt.Redirs, func(d *syntax.Redirect) bool { v, _ := r.value(d.Word); return v == "/dev/null" }) {
				return
			}
		case name == "tail" && strings.HasPrefix(raw, "--pid="):
			return
		case pidHelpersByNumber[name] && !r.functions[name] && alone:
			return
		case name == "unset", name == "read":
			return
		}
	}
	r.refuse(at, "%s", why)
}

// byRelation are options of ps that ask for the relatives of a process.
var byRelation = map[string]bool{"--ppid": true, "--sid": true, "-s": true, "-g": true, "--group": true}

// comparable says whether the number may be compared with a word: with a text,
// or with itself. Another command may give the number of the process that is the
// child of bpm's init.
func (r *pidReader) comparable(w *syntax.Word) bool {
	_, known := r.value(w)
	return known || r.pids[refersTo(w)] || r.readsFile(w)
}

// comparisons are the operators of test that compare two words.
var comparisons = map[string]bool{"=": true, "==": true, "!=": true, "-eq": true, "-ne": true, "-gt": true, "-ge": true, "-lt": true, "-le": true}

// plainTest says whether what a test compares the number with is comparable.
func (r *pidReader) plainTest(args []*syntax.Word, w *syntax.Word) bool {
	i := slices.Index(args, w)
	if i > 1 && comparisons[args[i-1].Lit()] {
		return r.comparable(args[i-2])
	}
	if i >= 0 && i+2 < len(args) && comparisons[args[i+1].Lit()] {
		return r.comparable(args[i+2])
	}
	return true
}

// output says whether a command prints the number alone, for another command or
// into a file that is no log.
func (r *pidReader) output(name string, args []*syntax.Word, stmt *syntax.Stmt) bool {
	if name != "echo" && name != "printf" {
		return false
	}
	words := 0
	for _, a := range args {
		if v, known := r.value(a); !known || strings.ContainsFunc(v, unicode.IsLetter) && !strings.HasPrefix(v, "-") && !strings.HasPrefix(v, "%") {
			words++
		}
	}
	if words > 1 {
		return false
	}
	if stmt != nil {
		for _, d := range stmt.Redirs {
			switch v, known := r.value(d.Word); {
			case d.Op == syntax.DplOut && v == "2":
				return false
			case known && (strings.HasPrefix(v, "/dev/") || below(v, "/var/vcap/sys/log")):
				return false
			case d.Op == syntax.RdrOut || d.Op == syntax.AppOut:
				return true
			}
		}
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch n := r.stack[i].(type) {
		case *syntax.CmdSubst, *syntax.FuncDecl:
			return true
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe && i+1 < len(r.stack) && r.stack[i+1] == syntax.Node(n.X) {
				return true
			}
		}
	}
	return false
}

// procFolder is the folder of a process, which is there as long as it runs.
var procFolder = regexp.MustCompile(`^"?/proc/"?\$(?:\{\w+\}|\w+|\(cat [^()|;&]+\))"?/?"?$`)

// signals says whether the arguments of a kill send the process itself a signal
// that reaches it through bpm's init.
func (r *pidReader) signals(args []*syntax.Word, pid *syntax.Word) bool {
	signal := "TERM"
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == pid {
			return r.pids[refersTo(a)] || r.readsFile(a)
		}
		v, ok := r.value(a)
		switch {
		case !ok:
			return false
		case (v == "-s" || v == "-n") && i+1 < len(args):
			i++
			if v, ok = r.value(args[i]); !ok {
				return false
			}
			signal = signalName(v)
		case strings.HasPrefix(v, "-") && len(v) > 1 && v != "--":
			signal = signalName(v[1:])
		case v == "--":
		default:
			return false
		}
		switch signal {
		case "0", "TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2", "10", "12", "WINCH":
		default:
			return false
		}
	}
	return pid == nil
}

// computes refuses arithmetic with the number.
func (r *pidReader) computes(n syntax.Node) {
	text := r.span(n).Text()
	for _, name := range shellIdentifier.FindAllString(text, -1) {
		if r.pids[name] || r.files[name] {
			r.refuse(r.span(n), "%s computes with it", oneLine(text))
		}
	}
}
