package hostscript

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// PidUse is what a script does with the pidfile.
type PidUse struct {
	// Edits put the new path in the places that name the old one.
	Edits []source.Edit
	// Names are the words that name the old one.
	Names []source.Span
	// Removes are the commands that remove it.
	Removes []source.Span
	// Against is why the new path would not do, and where; "" when it does.
	Against   string
	AgainstAt source.Span
}

// pidReader goes through a script for one pidfile.
type pidReader struct {
	*Script
	old, now string
	ownJob   bool
	use      PidUse
	// files are variables that may hold the name of the pidfile, pids those that
	// may hold the number in it.
	files, pids map[string]bool
	stack       []syntax.Node
}

// PidUses finds what a script does with a pidfile. Certain is that it only reads
// it and that bpm's pid does what the old one did: bpm's is that of an init which
// hands signals on to the process. A variable that is set here and not used may be
// read elsewhere.
//
// ownJob says that the script is of the job whose pidfile it is.
func (s *Script) PidUses(old, now string, ownJob bool, readElsewhere func(variable string) bool) PidUse {
	if !s.maySay(old) {
		return PidUse{}
	}
	r := &pidReader{Script: s, old: old, now: now, ownJob: ownJob, files: map[string]bool{}, pids: map[string]bool{}}
	for more := true; more; {
		more = false
		syntax.Walk(s.Tree, func(n syntax.Node) bool {
			if a, ok := n.(*syntax.Assign); ok && a.Name != nil && a.Value != nil && !r.files[a.Name.Value] && r.isFile(a.Value) {
				r.files[a.Name.Value], more = true, true
			}
			return true
		})
	}
	r.findPids()
	covered := map[int]bool{}
	syntax.Walk(s.Tree, func(n syntax.Node) bool {
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
	if len(r.use.Names) == 0 {
		return r.use
	}
	used, sources := map[string]bool{}, false
	syntax.Walk(s.Tree, func(n syntax.Node) bool {
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
		if s.Exported[name] {
			r.refuse(r.use.Names[0], "%s is exported, and what the programs do that see it is not known", name)
		}
		if !used[name] && (sources || readElsewhere(name)) {
			r.refuse(r.use.Names[0], "%s is set here and read elsewhere", name)
		}
	}
	for _, at := range s.mentions(old) {
		if at.Text() == old && !covered[at.Start] && !s.comment(at.Start) {
			r.use.Names = append(r.use.Names, at)
			r.refuse(at, "how the script uses it is not understood")
		}
	}
	return r.use
}

// maySay says whether a file can be named in the script at all.
func (s *Script) maySay(file string) bool {
	base := path.Base(file)
	return bytes.Contains(s.File.Data, []byte(base)) || slices.ContainsFunc(s.Composed, func(word string) bool {
		if strings.Contains(word, base) {
			return true
		}
		ok, err := path.Match(word, file)
		return ok && err == nil
	})
}

// comment says whether a place is in a comment.
func (s *Script) comment(at int) bool {
	found := false
	syntax.Walk(s.Tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.Comment); ok && int(c.Pos().Offset()) <= at && at < int(c.End().Offset()) {
			found = true
		}
		return true
	})
	return found
}

func (r *pidReader) refuse(at source.Span, format string, args ...any) {
	if r.use.Against == "" {
		r.use.Against, r.use.AgainstAt = fmt.Sprintf(format, args...), at
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
		syntax.Walk(r.Tree, func(n syntax.Node) bool {
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
	v, ok := r.Value(w)
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
		name, args := r.Command(c)
		return (name == "cat" || name == "head") && (r.input(s) || slices.ContainsFunc(args, r.isFile))
	}
	return false
}

// word looks at one word: whether it names the pidfile or holds the pid, and
// whether what is done with it stays right.
func (r *pidReader) word(w *syntax.Word, covered map[int]bool) {
	at := r.Span(w)
	raw := at.Text()
	switch {
	case r.isFile(w):
		if !r.files[refersTo(w)] {
			r.use.Names = append(r.use.Names, at)
			r.use.Edits = append(r.use.Edits, r.edit(at))
		}
		for _, m := range r.mentions(r.old) {
			if at.Start <= m.Start && m.End <= at.End {
				covered[m.Start] = true
			}
		}
		r.fileUse(w, at)
	case r.namesInside(w):
		for _, m := range r.mentions(r.old) {
			if m.Text() == r.old && at.Start <= m.Start && m.End <= at.End && r.here(w, m) {
				covered[m.Start] = true
				r.use.Names = append(r.use.Names, m)
				r.use.Edits = append(r.use.Edits, source.Edit{Start: m.Start, End: m.End, New: r.now, Rule: "pidfile"})
			}
		}
		if !r.message() {
			if len(r.use.Names) == 0 {
				r.use.Names = append(r.use.Names, at)
			}
			r.refuse(at, "%s uses it in a way that is not understood", r.lineOf(at))
		}
	case r.mayName(w):
		r.use.Names = append(r.use.Names, at)
		r.refuse(at, "%s may name it, and that is known only on the VM", raw)
	case r.holdsPid(w):
		r.pidWord(w, at, raw)
	}
}

// mayName says whether a word can be the name of the pidfile: a pattern, a name
// with a variable in it, or the bare name in a script that changes to its folder.
func (r *pidReader) mayName(w *syntax.Word) bool {
	v, known := r.Value(w)
	if known && v == path.Base(r.old) {
		return r.entered(path.Dir(r.old))
	}
	if !known {
		v = r.pattern(w)
	}
	if r.ownJob && v == "*/"+path.Base(r.old) && !strings.Contains(r.old, "<%") {
		return r.fromElsewhere(w)
	}
	before, _, open := strings.Cut(v, "*")
	if !open || strings.Contains(r.old, "<%") || !strings.HasPrefix(before, "/var/vcap/") || !strings.HasSuffix(v, ".pid") || strings.Contains(v, "**") {
		return false
	}
	ok, err := path.Match(v, r.old)
	return err == nil && ok
}

// fromElsewhere says whether a word begins with a variable that the script does
// not set: a file that it reads does.
func (r *pidReader) fromElsewhere(w *syntax.Word) bool {
	found, sources := false, false
	syntax.Walk(w, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			found = found || r.set[p.Param.Value] == 0 && syntax.ValidName(p.Param.Value)
		}
		return true
	})
	syntax.Walk(r.Tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 1 {
			sources = sources || c.Args[0].Lit() == "." || c.Args[0].Lit() == "source"
		}
		return true
	})
	return found && sources
}

// pattern is a word with a star for each variable that has no value here.
func (s *Script) pattern(w *syntax.Word) string {
	if s.template.HasExpr(int(w.Pos().Offset()), int(w.End().Offset())) {
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
			if v, ok := s.parts([]syntax.WordPart{p}); ok {
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
	syntax.Walk(r.Tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) == 2 && (c.Args[0].Lit() == "cd" || c.Args[0].Lit() == "pushd") {
			v, known := r.Value(c.Args[1])
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
	found := release.NamesPath(r.pattern(w), r.old)
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		case *syntax.Lit:
			found = found || release.NamesPath(n.Value, r.old)
		case *syntax.SglQuoted:
			found = found || release.NamesPath(n.Value, r.old)
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

// lineOf is the line around a place, as messages quote it.
func (r *pidReader) lineOf(at source.Span) string {
	data := r.File.Data
	start := bytes.LastIndexByte(data[:at.Start], '\n') + 1
	end := len(data)
	if i := bytes.IndexByte(data[at.Start:], '\n'); i >= 0 {
		end = at.Start + i
	}
	return strings.Join(strings.Fields(strings.TrimSuffix(string(data[start:end]), `\`)), " ")
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
	name, _ := r.Command(c)
	return isMessage(name) && (s == nil || !slices.ContainsFunc(s.Redirs, func(d *syntax.Redirect) bool {
		v, ok := r.Value(d.Word)
		return d.Op == syntax.RdrOut && (!ok || strings.HasSuffix(v, ".pid"))
	}))
}

func isMessage(name string) bool {
	return name == "echo" || name == "printf" || name == "logger" || messages.MatchString(name)
}

var messages = search.MustCompile(`^(?:log|warn|info|error|fail|die|abort|debug)(?:_?\w*)$`)

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
			r.refuse(at, "%s writes it", r.lineOf(at))
			return
		}
		if r.inputFollowed() {
			return
		}
	case *syntax.CallExpr:
		name, args := r.Command(parent)
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
			r.use.Removes = append(r.use.Removes, r.Span(parent))
			return
		}
	}
	r.refuse(at, "what %s does with it is not understood", r.lineOf(at))
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
	name, args := r.Command(c)
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
var signalOption = search.MustCompile(`^-(?:SIG)?(?:TERM|INT|HUP|QUIT|KILL|USR1|USR2|WINCH|[0-39]|1[025])$`)

// plainStop says whether start-stop-daemon finds the process by the pidfile and
// by nothing else, and stops it.
func (r *pidReader) plainStop(args []*syntax.Word) bool {
	stop := false
	for _, a := range args {
		v, _ := r.Value(a)
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
				name, args := r.Command(c)
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
	why := fmt.Sprintf("%s looks at more than whether the process is there, and bpm's pid is that of an init whose child is the process", r.lineOf(at))
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
		name, args := r.Command(parent)
		_, stmt := r.call()
		switch {
		case isMessage(name):
			if !alone || !r.output(name, args, stmt) {
				return
			}
			why = fmt.Sprintf("what becomes of the number that %s prints is not followed", r.lineOf(at))
		case name == "[" || name == "test":
			if alone && r.plainTest(args, w) || procFolder.MatchString(raw) {
				return
			}
		case name == "kill":
			if r.signals(args, w) {
				return
			}
			why = fmt.Sprintf("%s sends a signal that bpm's init does not hand on as it is", r.lineOf(at))
		case name == "ps":
			if alone && stmt != nil && !slices.ContainsFunc(args, func(a *syntax.Word) bool { return byRelation[a.Lit()] }) && slices.ContainsFunc(stmt.Redirs, func(d *syntax.Redirect) bool { v, _ := r.Value(d.Word); return v == "/dev/null" }) {
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
	_, known := r.Value(w)
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
		if v, known := r.Value(a); !known || strings.ContainsFunc(v, unicode.IsLetter) && !strings.HasPrefix(v, "-") && !strings.HasPrefix(v, "%") {
			words++
		}
	}
	if words > 1 {
		return false
	}
	if stmt != nil {
		for _, d := range stmt.Redirs {
			switch v, known := r.Value(d.Word); {
			case d.Op == syntax.DplOut && v == "2":
				return false
			case known && (strings.HasPrefix(v, "/dev/") || strings.HasPrefix(path.Clean(v), "/var/vcap/sys/log/")):
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
var procFolder = search.MustCompile(`^"?/proc/"?\$(?:\{\w+\}|\w+|\(cat [^()|;&]+\))"?/?"?$`)

// signals says whether the arguments of a kill send the process itself a signal
// that reaches it through bpm's init.
func (r *pidReader) signals(args []*syntax.Word, pid *syntax.Word) bool {
	signal := "TERM"
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == pid {
			return r.pids[refersTo(a)] || r.readsFile(a)
		}
		v, ok := r.Value(a)
		switch {
		case !ok:
			return false
		case (v == "-s" || v == "-n") && i+1 < len(args):
			i++
			if v, ok = r.Value(args[i]); !ok {
				return false
			}
			signal = ctl.SignalName(v)
		case strings.HasPrefix(v, "-") && len(v) > 1 && v != "--":
			signal = ctl.SignalName(v[1:])
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

var identifier = search.MustCompile(`[A-Za-z_]\w*`)

// computes refuses arithmetic with the number.
func (r *pidReader) computes(n syntax.Node) {
	text := r.Span(n).Text()
	for _, name := range identifier.FindAllString(text, -1) {
		if r.pids[name] || r.files[name] {
			r.refuse(r.Span(n), "%s computes with it", strings.Join(strings.Fields(text), " "))
		}
	}
}
