package interp

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// stmt runs a command with its redirections.
func (sh *Shell) stmt(s *syntax.Stmt) {
	if s.Background {
		sh.inBackground(s)
		return
	}
	if s.Coprocess || s.Disown {
		sh.m.Miss("|& and &| at the end of a command")
	}
	if s.Negated {
		sh.quiet++
	}
	sh.bare(s)
	if s.Negated {
		sh.quiet--
		if sh.jump == goesOn || sh.jump == breaks || sh.jump == continues {
			if sh.status == 0 {
				sh.status = 1
			} else {
				sh.status = 0
			}
		}
	}
	if len(sh.pending) > 0 {
		sh.signals()
	}
}

// bare runs a command without its ! and &.
func (sh *Shell) bare(s *syntax.Stmt) {
	if !sh.at.fixed && s.Position.IsValid() {
		sh.at.line = int(s.Position.Line())
	}
	switch c := s.Cmd.(type) {
	case nil:
		undo, ok := sh.redirect(s.Redirs)
		undo()
		if sh.jump == goesOn {
			sh.set(truthStatus(ok))
			sh.failed()
		}
		return
	case *syntax.CallExpr:
		sh.simple(c, s.Redirs)
		return
	case *syntax.DeclClause:
		sh.declaration(c, s.Redirs)
		return
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			sh.pipeline(s)
			return
		}
	case *syntax.FuncDecl:
		name := c.Name.Value
		if f := sh.funcs[name]; f != nil && sh.readonlyFunc(name) {
			sh.errorf("%s: readonly function", name)
			sh.set(1)
			return
		}
		sh.funcs[name] = &Function{Name: name, body: c.Body, at: sh.at, src: sh.source0()}
		sh.set(0)
		return
	}
	if len(s.Redirs) > 0 {
		undo, ok := sh.redirect(s.Redirs)
		defer undo()
		if sh.jump != goesOn {
			return
		}
		if !ok {
			sh.set(1)
			sh.failed()
			return
		}
	}
	sh.compound(s.Cmd)
}

func truthStatus(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

// source0 is BASH_SOURCE.
func (sh *Shell) source0() string {
	if n := len(sh.frames); n > 0 {
		return sh.frames[n-1].src
	}
	if sh.inline {
		return "environment"
	}
	return sh.name
}

func (sh *Shell) readonlyFunc(name string) bool { return sh.opts["readonly function "+name] }

func (sh *Shell) compound(c syntax.Command) {
	switch c := c.(type) {
	case *syntax.Block:
		sh.stmts(c.Stmts)
	case *syntax.Subshell:
		at := sh.at
		status := sh.inSub(nil, func(n *Shell) { n.stmts(c.Stmts) })
		sh.at = at
		sh.set(status)
		sh.failed()
	case *syntax.IfClause:
		sh.choice(c)
	case *syntax.WhileClause:
		sh.while(c)
	case *syntax.ForClause:
		sh.forLoop(c)
	case *syntax.CaseClause:
		sh.caseOf(c)
	case *syntax.BinaryCmd:
		sh.list(c)
	case *syntax.ArithmCmd:
		n, ok := sh.arithm(c.X)
		if !ok && sh.jump == discards {
			sh.jump = goesOn // an error in (( )) is a status
			sh.set(1)
			sh.failed()
			return
		}
		if sh.jump != goesOn {
			return
		}
		sh.set(truthStatus(n != 0))
		sh.failed()
	case *syntax.LetClause:
		n := int64(0)
		for _, x := range c.Exprs {
			var ok bool
			if n, ok = sh.arithm(x); !ok {
				if sh.jump == discards {
					sh.jump = goesOn
				}
				n = 0
				break
			}
		}
		if sh.jump != goesOn {
			return
		}
		sh.set(truthStatus(n != 0))
		sh.failed()
	case *syntax.TestClause:
		status := sh.test(c.X)
		if sh.jump != goesOn {
			return
		}
		sh.set(status)
		sh.failed()
	case *syntax.TimeClause:
		if c.Stmt != nil {
			sh.stmt(c.Stmt)
		}
		fmt.Fprint(sh.fds[2], "\nreal\t0m0.000s\nuser\t0m0.000s\nsys\t0m0.000s\n")
	case *syntax.CoprocClause:
		sh.m.Miss("coproc")
		bg := *c.Stmt
		bg.Background = true
		sh.inBackground(&bg)
	default:
		sh.m.Miss(fmt.Sprintf("%T", c))
	}
}

// choice is if.
func (sh *Shell) choice(c *syntax.IfClause) {
	for ; c != nil; c = c.Else {
		if len(c.Cond) == 0 {
			sh.stmts(c.Then)
			return
		}
		sh.silently(c.Cond)
		if sh.jump != goesOn {
			return
		}
		if sh.status == 0 {
			sh.stmts(c.Then)
			return
		}
	}
	sh.status = 0
}

// looped handles break and continue behind a round; false ends the loop.
func (sh *Shell) looped() bool {
	switch sh.jump {
	case breaks:
		if sh.n--; sh.n <= 0 {
			sh.jump = goesOn
		}
		return false
	case continues:
		if sh.n > 1 {
			sh.n--
			return false
		}
		sh.jump = goesOn
		return true
	}
	return sh.jump == goesOn
}

func (sh *Shell) step() bool {
	if !sh.m.Step() {
		sh.jump, sh.status = halts, 124
	}
	return sh.jump == goesOn
}

func (sh *Shell) while(c *syntax.WhileClause) {
	sh.loops++
	defer func() { sh.loops = max(0, sh.loops-1) }()
	status := 0
	for sh.step() {
		sh.silently(c.Cond)
		if sh.jump != goesOn {
			if !sh.looped() {
				if sh.jump == goesOn {
					status = 0
				}
				break
			}
			continue
		}
		if (sh.status == 0) == c.Until {
			break
		}
		sh.stmts(c.Do)
		status = sh.status
		if !sh.looped() {
			break
		}
	}
	if sh.jump == goesOn || sh.jump == breaks || sh.jump == continues {
		sh.status = status
	}
}

func (sh *Shell) forLoop(c *syntax.ForClause) {
	status := 0
	sh.loops++
	defer func() { sh.loops = max(0, sh.loops-1) }()
	switch l := c.Loop.(type) {
	case *syntax.WordIter:
		var items []string
		if l.InPos.IsValid() {
			items = sh.fields(l.Items)
		} else {
			items = slices.Clone(sh.params)
		}
		if sh.jump != goesOn {
			return
		}
		if c.Select {
			sh.choose(l.Name.Value, items, c)
			return
		}
		for _, item := range items {
			if !sh.step() {
				return
			}
			if !sh.Set(l.Name.Value, item) {
				sh.bad()
				return
			}
			sh.stmts(c.Do)
			status = sh.status
			if !sh.looped() {
				break
			}
		}
	case *syntax.CStyleLoop:
		eval := func(x syntax.ArithmExpr, none int64) int64 {
			if x == nil {
				return none
			}
			n, ok := sh.arithm(x)
			if !ok && sh.jump == discards {
				sh.jump = goesOn
				status = 1
				return 0
			}
			return n
		}
		eval(l.Init, 1)
		for sh.jump == goesOn && sh.step() {
			if eval(l.Cond, 1) == 0 || sh.jump != goesOn {
				break
			}
			sh.stmts(c.Do)
			status = sh.status
			if !sh.looped() {
				break
			}
			eval(l.Post, 1)
		}
	}
	if sh.jump == goesOn || sh.jump == breaks || sh.jump == continues {
		sh.status = status
	}
}

// choose is select.
func (sh *Shell) choose(name string, items []string, c *syntax.ForClause) {
	if len(items) == 0 {
		sh.status = 0
		return
	}
	status := 0
	for sh.step() {
		for i, item := range items {
			fmt.Fprintf(sh.fds[2], "%d) %s\n", i+1, item)
		}
		line, ok := sh.line('\n')
		if !ok {
			fmt.Fprintln(sh.fds[1])
			status = 1
			break
		}
		sh.Set("REPLY", strings.Trim(line, " \t"))
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && n >= 1 && n <= len(items) {
			sh.Set(name, items[n-1])
		} else if strings.TrimSpace(line) == "" {
			continue
		} else {
			sh.Set(name, "")
		}
		sh.stmts(c.Do)
		status = sh.status
		if !sh.looped() {
			break
		}
	}
	if sh.jump == goesOn {
		sh.status = status
	}
}

func (sh *Shell) caseOf(c *syntax.CaseClause) {
	s := joined(sh.word(c.Word, how{single: true}))
	if sh.jump != goesOn {
		return
	}
	status, ran, through := 0, false, false
	for _, item := range c.Items {
		matched := through
		through = false
		for _, p := range item.Patterns {
			if matched {
				break
			}
			pattern := sh.pattern(p)
			if sh.jump != goesOn {
				return
			}
			matched = sh.matches(pattern, s, sh.shopts["extglob"])
		}
		if !matched {
			continue
		}
		ran = true
		if status = 0; len(item.Stmts) > 0 {
			sh.stmts(item.Stmts)
			status = sh.status
		}
		if sh.jump != goesOn {
			return
		}
		switch item.Op {
		case syntax.Fallthrough:
			through = true
			continue
		case syntax.Resume, syntax.ResumeKorn:
			continue
		}
		break
	}
	if !ran {
		status = 0
	}
	sh.status = status
}

// list is && and ||.
func (sh *Shell) list(c *syntax.BinaryCmd) {
	sh.quiet++
	sh.stmt(c.X)
	sh.quiet--
	if sh.jump != goesOn {
		return
	}
	if (sh.status == 0) == (c.Op == syntax.AndStmt) {
		sh.stmt(c.Y)
	}
}

// elements are the commands of a pipeline.
func elements(s *syntax.Stmt, all []*syntax.Stmt, both []bool) ([]*syntax.Stmt, []bool) {
	c, ok := s.Cmd.(*syntax.BinaryCmd)
	if !ok || c.Op != syntax.Pipe && c.Op != syntax.PipeAll || s.Negated && len(all) > 0 || len(s.Redirs) > 0 {
		return append(all, s), append(both, false)
	}
	all, both = elements(c.X, all, both)
	both[len(both)-1] = c.Op == syntax.PipeAll
	return elements(c.Y, all, both)
}

func (sh *Shell) pipeline(s *syntax.Stmt) {
	c := s.Cmd.(*syntax.BinaryCmd)
	all, both := elements(c.X, nil, nil)
	both[len(both)-1] = c.Op == syntax.PipeAll
	all, both = elements(c.Y, all, both)
	for _, e := range all {
		if c, ok := e.Cmd.(*syntax.CallExpr); ok && sh.dash && len(c.Args) > 0 {
			if name := c.Args[0].Lit(); name != "" && sh.funcs[name] == nil && !sh.isBuiltin(name) {
				sh.remember(name) // dash looks before it forks
			}
		}
	}
	statuses := make([]int, len(all))
	at := sh.at
	in := sh.fds[0]
	for i, e := range all {
		last := i == len(all)-1
		if last && sh.shopts["lastpipe"] && !sh.dash {
			old := sh.fds[0]
			sh.fds = maps.Clone(sh.fds)
			sh.fds[0] = in
			sh.stmt(e)
			sh.fds[0] = old
			statuses[i] = sh.status
			if sh.jump != goesOn {
				return
			}
			break
		}
		var out bytes.Buffer
		statuses[i] = sh.inSub(func(n *Shell) {
			n.fds[0] = in
			if !last {
				w := &File{Name: "|", W: &limited{sh: n, b: &out}}
				n.fds[1] = w
				if both[i] {
					n.fds[2] = w
				}
			}
		}, func(n *Shell) {
			n.stmt(e)
		})
		if sh.jump != goesOn {
			return
		}
		in = &File{Name: "|", R: bytes.NewReader(out.Bytes())}
	}
	sh.at = at
	status := statuses[len(statuses)-1]
	if sh.opts["pipefail"] {
		for _, n := range statuses {
			if n != 0 {
				status = n
			}
		}
	}
	sh.status, sh.statuses = status, statuses
	if status != 0 {
		sh.failed()
		if sh.jump == goesOn {
			sh.statuses = statuses
		}
	}
}

// inBackground runs a job to its end, or to its first long wait.
func (sh *Shell) inBackground(s *syntax.Stmt) {
	job := *s
	job.Background = false
	at := sh.at
	c := sh.fork()
	c.background = true
	c.fds[0] = &File{Name: "/dev/null", R: strings.NewReader("")}
	c.quiet = 0
	c.stmt(&job)
	status := c.finish()
	pid := sh.m.Job(c, status, c.jump == halts)
	sh.at = at
	sh.bang = pid
	sh.jobs[pid] = status
	sh.order = append(sh.order, pid)
	sh.status, sh.statuses = 0, []int{0}
}

// process is <(command) or >(command).
func (sh *Shell) process(p *syntax.ProcSubst) string {
	fd := 63
	for sh.fds[fd] != nil {
		fd--
	}
	name := "/dev/fd/" + strconv.Itoa(fd)
	status, sub := sh.status, sh.substituted
	defer func() { sh.status, sh.substituted = status, sub }()
	if p.Op == syntax.CmdOut {
		var in bytes.Buffer
		sh.fds = maps.Clone(sh.fds)
		c := sh.fork()
		sh.bang = sh.m.Job(sh, 0, false)
		sh.jobs[sh.bang] = 0
		sh.fds[fd] = &File{Name: "| " + printed(p.Stmts), W: &limited{sh: sh, b: &in}}
		sh.later = append(sh.later, func() {
			c.fds[0] = &File{Name: "|", R: &in}
			c.stmts(p.Stmts)
			c.finish()
		})
		return name
	}
	at := sh.at
	out, ended := sh.output(func(n *Shell) { n.stmts(p.Stmts) })
	sh.at = at
	sh.bang = sh.m.Job(sh, ended, false)
	sh.jobs[sh.bang] = ended
	sh.fds = maps.Clone(sh.fds)
	sh.fds[fd] = &File{Name: name, R: strings.NewReader(out)}
	return name
}

// printed is the text of commands in a line.
func printed(stmts []*syntax.Stmt) string {
	var b strings.Builder
	printer := syntax.NewPrinter(syntax.SingleLine(true))
	for i, s := range stmts {
		if i > 0 {
			b.WriteString("; ")
		}
		_ = printer.Print(&b, s) // a Builder does not fail
	}
	return b.String()
}

// redirect opens what a command is given; undo gives back what was there.
func (sh *Shell) redirect(list []*syntax.Redirect) (undo func(), ok bool) {
	if len(list) == 0 {
		return func() {}, true
	}
	before := sh.fds
	waiting := len(sh.later)
	sh.fds = maps.Clone(sh.fds)
	undo = func() {
		// what was left open on purpose, with {name}>, stays
		now := sh.fds
		sh.fds = before
		for _, r := range list {
			if r.N != nil && strings.HasPrefix(r.N.Value, "{") {
				fd := atoi(sh.str(strings.Trim(r.N.Value, "{}")))
				sh.fds = maps.Clone(sh.fds)
				if f := now[fd]; f != nil {
					sh.fds[fd] = f
				} else {
					delete(sh.fds, fd)
				}
			}
		}
		for len(sh.later) > waiting {
			run := sh.later[waiting]
			sh.later = slices.Delete(sh.later, waiting, waiting+1)
			run()
		}
	}
	for _, r := range list {
		if !sh.open(r) {
			return undo, false
		}
	}
	return undo, true
}

// open carries out one redirection.
func (sh *Shell) open(r *syntax.Redirect) bool {
	fd := 1
	switch r.Op {
	case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		fd = 0
	}
	name := ""
	if r.N != nil {
		if strings.HasPrefix(r.N.Value, "{") {
			name = strings.Trim(r.N.Value, "{}")
			fd = 10
			for sh.fds[fd] != nil {
				fd++
			}
		} else {
			fd = atoi(r.N.Value)
		}
	}
	done := func(f *File) bool {
		if name != "" && !sh.Set(name, strconv.Itoa(fd)) {
			return false
		}
		sh.fds[fd] = f
		return true
	}
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		return done(&File{Name: "|", R: strings.NewReader(sh.hereDocument(r))}) && sh.jump == goesOn
	case syntax.WordHdoc:
		s := joined(sh.word(r.Word, how{single: true}))
		return done(&File{Name: "|", R: strings.NewReader(s + "\n")}) && sh.jump == goesOn
	}
	target, ok := sh.target(r.Word)
	if !ok {
		return false
	}
	both := false
	op := r.Op
	switch op {
	case syntax.DplIn, syntax.DplOut:
		move := false
		if n := len(target); n > 1 && target[n-1] == '-' {
			move, target = true, target[:n-1]
		}
		switch {
		case target == "-":
			if name != "" {
				delete(sh.fds, atoi(sh.str(name)))
				return true
			}
			delete(sh.fds, fd)
			return true
		case target != "" && strings.Trim(target, "0123456789") == "":
			f := sh.fds[atoi(target)]
			if f == nil {
				sh.errorf("%s: Bad file descriptor", target)
				return false
			}
			if !done(f) {
				return false
			}
			if move && atoi(target) != fd {
				delete(sh.fds, atoi(target))
			}
			return true
		case op == syntax.DplIn || r.N != nil || sh.dash:
			if sh.dash {
				sh.leave(2, "Bad fd number")
				return false
			}
			sh.errorf("%s: ambiguous redirect", target)
			return false
		}
		both, op = true, syntax.RdrOut
	case syntax.RdrAll, syntax.RdrAllClob:
		both, op = true, syntax.RdrOut
	case syntax.AppAll, syntax.AppAllClob:
		both, op = true, syntax.AppOut
	}
	mode := Read
	switch op {
	case syntax.RdrOut:
		mode = Write
		if sh.opts["noclobber"] && r.Op == syntax.RdrOut {
			if info, err := sh.m.Stat(sh, target, true); err == nil && info.Mode().IsRegular() {
				sh.errorf("%s: cannot overwrite existing file", target)
				return false
			}
		}
	case syntax.RdrClob:
		mode = Write
	case syntax.AppOut, syntax.AppClob:
		mode = Append
	case syntax.RdrInOut:
		mode = ReadWrite
	}
	f, err := sh.opened(target, mode)
	if err != nil {
		if sh.dash {
			verb := "open"
			if mode != Read {
				verb = "create"
			}
			sh.errorf("cannot %s %s: %s", verb, target, strings.TrimSuffix(err.Error(), " or directory"))
		} else {
			sh.errorf("%s: %s", target, err)
		}
		return false
	}
	if both {
		sh.fds[2] = f
		fd = 1
	}
	return done(f)
}

// opened opens a file; those of /dev/fd are what the shell has.
func (sh *Shell) opened(target string, mode Mode) (*File, error) {
	n := ""
	switch {
	case strings.HasPrefix(target, "/dev/fd/"):
		n = target[len("/dev/fd/"):]
	case strings.HasPrefix(target, "/proc/self/fd/"):
		n = target[len("/proc/self/fd/"):]
	case target == "/dev/stdin":
		n = "0"
	case target == "/dev/stdout":
		n = "1"
	case target == "/dev/stderr":
		n = "2"
	}
	if n != "" && strings.Trim(n, "0123456789") == "" {
		if f := sh.fds[atoi(n)]; f != nil {
			return f, nil
		}
		return nil, errNoFile
	}
	return sh.m.Open(sh, target, mode)
}

// message is an error in the words in which shells print it.
type message string

func (m message) Error() string { return string(m) }

var errNoFile = message("No such file or directory")

// target is the word of a redirection.
func (sh *Shell) target(w *syntax.Word) (string, bool) {
	if sh.dash {
		s := joined(sh.word(w, how{single: true}))
		return s, sh.jump == goesOn
	}
	list := sh.field(w)
	if sh.jump != goesOn {
		return "", false
	}
	if len(list) != 1 {
		sh.errorf("%s: ambiguous redirect", printedWord(w))
		return "", false
	}
	return list[0], true
}

func printedWord(w *syntax.Word) string {
	var b strings.Builder
	_ = syntax.NewPrinter().Print(&b, w) // a Builder does not fail
	return b.String()
}

// hereDocument is what << gives.
func (sh *Shell) hereDocument(r *syntax.Redirect) string {
	if r.Hdoc == nil {
		return ""
	}
	quoted := false
	for _, p := range r.Word.Parts {
		l, ok := p.(*syntax.Lit)
		quoted = quoted || !ok || strings.Contains(l.Value, "\\")
	}
	w := r.Hdoc
	if r.Op == syntax.DashHdoc {
		parts := slices.Clone(w.Parts)
		atLine := true
		for i, p := range parts {
			if l, ok := p.(*syntax.Lit); ok {
				s := l.Value
				var b strings.Builder
				for _, line := range strings.SplitAfter(s, "\n") {
					if atLine {
						line = strings.TrimLeft(line, "\t")
					}
					b.WriteString(line)
					atLine = strings.HasSuffix(line, "\n") || line == "" && atLine
				}
				c := *l
				c.Value = b.String()
				parts[i] = &c
			} else {
				atLine = false
			}
		}
		w = &syntax.Word{Parts: parts}
	}
	if quoted {
		var b strings.Builder
		for _, p := range w.Parts {
			if l, ok := p.(*syntax.Lit); ok {
				b.WriteString(l.Value)
			}
		}
		return b.String()
	}
	return sh.document(w)
}

// copy reads all of one file into another.
func (sh *Shell) copy(from, to *File) {
	data, _ := io.ReadAll(from)
	_, _ = to.Write(data)
}

// simple runs a simple command.
func (sh *Shell) simple(c *syntax.CallExpr, redirs []*syntax.Redirect) {
	if !sh.step() {
		return
	}
	sh.substituted = false
	before := sh.status
	if t := sh.traps["DEBUG"]; t != "" && !sh.inTrap {
		sh.m.Miss("trap DEBUG")
	}
	args := sh.arguments(c.Args)
	if sh.jump != goesOn {
		return
	}
	if len(args) == 0 {
		status := 0
		if len(redirs) > 0 {
			// bash opens the files before it assigns
			undo, ok := sh.redirect(redirs)
			undo()
			if sh.jump != goesOn {
				return
			}
			if !ok {
				status = 1
				if sh.dash {
					status = 2
				}
			}
		}
		if !sh.substituted {
			sh.status = before
		}
		sub := sh.substituted
		at := sh.status
		for _, a := range c.Assigns {
			sh.substituted = false
			if !sh.assignment(a, nil) {
				sh.bad()
				return
			}
			if sh.substituted {
				sub, at = true, sh.status
			}
		}
		if sh.jump != goesOn {
			return
		}
		if status == 0 && sub {
			status = at
		}
		sh.trace(c.Assigns, nil)
		sh.set(status)
		sh.failed()
		return
	}
	sh.runArgs(args, c.Assigns, redirs)
}

// arguments expands the words of a command. In dash the arguments of export and
// its like that look like assignments are not split.
func (sh *Shell) arguments(words []*syntax.Word) []string {
	if !sh.dash || len(words) < 2 {
		return sh.fields(words)
	}
	args := sh.field(words[0])
	for _, w := range words[1:] {
		if sh.jump != goesOn {
			return nil
		}
		name := ""
		if len(args) > 0 {
			if name = args[0]; name == "command" && len(args) > 1 {
				name = args[1]
			}
		}
		if name == "export" || name == "readonly" || name == "local" {
			if l, ok := w.Parts[0].(*syntax.Lit); ok {
				if name, value, ok := strings.Cut(l.Value, "="); ok && validName(name) {
					rest := &syntax.Word{Parts: append([]syntax.WordPart{&syntax.Lit{Value: value}}, w.Parts[1:]...)}
					args = append(args, name+"="+sh.assigned(rest))
					continue
				}
			}
		}
		args = append(args, sh.field(w)...)
	}
	return args
}

// runArgs runs a command whose words are expanded.
func (sh *Shell) runArgs(args []string, assigns []*syntax.Assign, redirs []*syntax.Redirect) {
	name := args[0]
	builtin := builtins[name]
	if sh.dash {
		builtin = dashBuiltins[name]
	}
	f := sh.funcs[name]
	special := specials[name] && f == nil && builtin != nil
	found := func() {
		if f == nil && builtin == nil {
			sh.remember(name)
		}
	}
	if !sh.dash {
		found()
	}
	undo, ok := sh.redirect(redirs)
	if sh.jump != goesOn || !ok {
		undo()
		if f == nil && builtin == nil && (sh.jump == exits || sh.jump == discards) {
			sh.jump = goesOn // it was the child that ended
		}
		if sh.jump == goesOn {
			if sh.dash {
				sh.set(2)
				if special {
					sh.jump = exits
					return
				}
			} else {
				sh.set(1)
				if name == "exec" && len(args) == 1 && !sh.dash {
					sh.jump = exits
					return
				}
			}
			sh.failed()
		}
		return
	}
	found()
	// assignments in front are there for the command alone
	scoped := false
	if len(assigns) > 0 && !(special && sh.dash) {
		sh.scopes = append(sh.scopes, newScope(false))
		scoped = true
	}
	depth := len(sh.scopes)
	for _, a := range assigns {
		var into *scope
		if scoped {
			into = sh.scopes[depth-1]
		}
		if !sh.assignment(a, into) {
			if scoped {
				sh.scopes = sh.scopes[:depth-1]
			}
			undo()
			sh.bad()
			return
		}
	}
	pop := func() {
		if scoped && len(sh.scopes) >= depth {
			sh.scopes = sh.scopes[:depth-1]
		}
	}
	if sh.jump != goesOn {
		pop()
		undo()
		return
	}
	sh.trace(assigns, args)
	trapped := sh.traps["ERR"] != ""
	defer func() { sh.newTrap = false }()
	switch {
	case f != nil:
		sh.call(f, args[1:])
	case builtin != nil:
		sh.execErr = false
		if name == "exec" {
			status := builtin(sh, args)
			if sh.jump == goesOn {
				// what was opened stays open
				sh.last = name
				sh.set(status)
				sh.failed()
				pop()
				return
			}
			pop()
			undo()
			return
		}
		status := builtin(sh, args)
		if sh.jump == goesOn || sh.jump == breaks || sh.jump == continues {
			sh.set(status)
		}
		if sh.dash && special && sh.execErr && sh.jump == goesOn {
			sh.jump = exits
		}
	default:
		sh.external(args)
	}
	if n := len(args); n > 0 {
		sh.last = args[n-1]
	}
	pop()
	undo()
	sh.newTrap = !trapped
	sh.failed()
}

// remember notes that a command was found in PATH, which type tells.
func (sh *Shell) remember(name string) {
	if strings.Contains(name, "/") || sh.hashed[name] {
		return
	}
	if _, ok := sh.m.Lookup(sh, name); ok {
		sh.hashed[name] = true
	}
}

// external runs a program.
func (sh *Shell) external(args []string) {
	if args[0] == "" {
		if sh.dash {
			sh.errorf(": Permission denied")
			sh.set(127)
			return
		}
		sh.errorf(": command not found")
		sh.set(127)
		return
	}
	if strings.HasPrefix(args[0], "%") && !sh.dash {
		sh.errorf("fg: no job control")
		sh.set(1)
		return
	}
	if strings.HasPrefix(args[0], "/dev/fd/") {
		sh.errorf("%s: Permission denied", args[0])
		sh.set(126)
		return
	}
	status, stop := sh.m.Exec(sh, args)
	sh.set(status)
	if stop {
		sh.jump = halts
	}
}

// trace prints a command for set -x.
func (sh *Shell) trace(assigns []*syntax.Assign, args []string) {
	if !sh.opts["xtrace"] {
		return
	}
	var words []string
	for _, a := range assigns {
		if a.Name != nil && a.Array == nil {
			words = append(words, a.Name.Value+"="+quoteWord(sh.str(a.Name.Value)))
		}
	}
	for _, a := range args {
		words = append(words, quoteWord(a))
	}
	to := sh.fds[2]
	if fd := sh.str("BASH_XTRACEFD"); fd != "" && sh.fds[atoi(fd)] != nil && !sh.dash {
		to = sh.fds[atoi(fd)]
	}
	fmt.Fprintln(to, sh.str("PS4")+strings.Join(words, " "))
}

func quoteWord(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n'\"\\$`*?[]{}()<>|&;#~!^") {
		return quoteFor(s)
	}
	return s
}

// maxCalls is how deep functions may call each other.
const maxCalls = 400

// call runs a function.
func (sh *Shell) call(f *Function, args []string) {
	if sh.calls > maxCalls {
		sh.jump, sh.status = halts, 124
		return
	}
	params, at, loops := sh.params, sh.at, sh.loops
	sh.params = args
	sh.scopes = append(sh.scopes, newScope(true))
	depth := len(sh.scopes)
	sh.frames = append(sh.frames, frame{f.Name, f.src, at.line})
	sh.calls++
	if !sh.dash {
		sh.loops = 0
	}
	sh.at = f.at
	// the ERR trap is not that of functions, without set -E
	hidden, hides := sh.traps["ERR"]
	if hides = hides && !sh.opts["errtrace"]; hides {
		delete(sh.traps, "ERR")
	}
	sh.stmt(f.body)
	if _, set := sh.traps["ERR"]; hides && !set {
		sh.traps["ERR"] = hidden
	}
	if t := sh.traps["RETURN"]; t != "" && !sh.dash && sh.opts["functrace"] {
		sh.m.Miss("trap RETURN")
	}
	sh.calls--
	sh.frames = sh.frames[:len(sh.frames)-1]
	if len(sh.scopes) >= depth {
		sh.scopes = sh.scopes[:depth-1]
	}
	sh.params, sh.at, sh.loops = params, at, loops
	if sh.jump == returns {
		sh.jump = goesOn
	}
	if sh.jump == goesOn {
		sh.statuses = append(sh.statuses[:0:0], sh.status)
	}
}

// assignment carries out name=value. into is where it goes instead of the
// variable itself, for one in front of a command.
func (sh *Shell) assignment(a *syntax.Assign, into *scope) bool {
	name := a.Name.Value
	if a.Array != nil {
		return sh.arrayAssignment(name, a, nil)
	}
	value := ""
	if a.Value != nil {
		value = sh.assigned(a.Value)
	}
	if sh.jump != goesOn {
		return true
	}
	if a.Index != nil {
		base, _ := sh.resolve(name)
		v, _ := sh.find(base)
		if w, ok := a.Index.(*syntax.Word); ok && (w.Lit() == "@" || w.Lit() == "*") && (v == nil || v.kind != assoc) {
			sh.errorf("%s[%s]: bad array subscript", name, w.Lit())
			return false
		}
		key, ok := sh.subscript(v, a.Index)
		if !ok {
			return true
		}
		return sh.assign(name, key, value, true, a.Append)
	}
	if into == nil {
		return sh.assign(name, "", value, false, a.Append)
	}
	old, _ := sh.find(name)
	if sh.isReadonly(name) {
		sh.errorf("%s: readonly variable", name)
		return false
	}
	v := &variable{set: true, exported: true}
	if old != nil {
		v.integer, v.lower, v.upper = old.integer, old.lower, old.upper
		if a.Append {
			s, _ := old.first()
			value = sh.join(v, s, value)
		}
	}
	v.str = sh.convert(v, value)
	into.vars[name] = v
	return true
}

// arrayAssignment is name=(...). v is the variable when it is declared.
func (sh *Shell) arrayAssignment(name string, a *syntax.Assign, v *variable) bool {
	name, _ = sh.resolve(name)
	if sh.isReadonly(name) {
		sh.errorf("%s: readonly variable", name)
		return false
	}
	// the words are expanded before anything changes
	type element struct {
		key, value string
		keyed      bool
		index      syntax.ArithmExpr
	}
	var list []element
	if v == nil {
		v, _ = sh.find(name)
	}
	isAssoc := v != nil && v.kind == assoc
	for _, e := range a.Array.Elems {
		switch {
		case e.Index != nil:
			value := ""
			if e.Value != nil {
				value = sh.assigned(e.Value)
			}
			key := ""
			if isAssoc {
				key, _ = sh.subscript(v, e.Index)
			}
			list = append(list, element{key: key, value: value, keyed: true, index: e.Index})
		case e.Value != nil:
			for _, f := range sh.expand(e.Value, false) {
				list = append(list, element{value: f})
			}
		}
		if sh.jump != goesOn {
			return true
		}
	}
	if v == nil {
		v = sh.writable(name)
	}
	if !a.Append {
		v.idx, v.keys, v.vals = nil, nil, nil
		if v.kind == scalar {
			v.kind, v.str, v.set = indexed, "", false
		}
	}
	v.index()
	v.set = true
	if sh.opts["allexport"] {
		v.exported = true
	}
	next := 0
	if len(v.idx) > 0 {
		next = v.idx[len(v.idx)-1] + 1
	}
	if isAssoc && len(list) > 0 && !list[0].keyed {
		// bash 5.1: keys and values in turn
		for i := 0; i < len(list); i += 2 {
			value := ""
			if i+1 < len(list) {
				value = list[i+1].value
			}
			v.put(list[i].value, sh.convert(v, value))
		}
		return true
	}
	for _, e := range list {
		key := strconv.Itoa(next)
		if e.keyed {
			if isAssoc {
				key = e.key
			} else {
				n, ok := sh.arithm(e.index)
				if !ok {
					return true
				}
				if n < 0 {
					if len(v.idx) > 0 {
						n += int64(v.idx[len(v.idx)-1]) + 1
					}
					if n < 0 {
						sh.errorf("[%d]=: bad array subscript", n)
						continue
					}
				}
				key = strconv.FormatInt(n, 10)
			}
		}
		v.put(key, sh.convert(v, e.value))
		if !isAssoc {
			next = atoi(key) + 1
		}
	}
	return true
}
