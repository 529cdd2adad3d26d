package ctl

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Lookup finds the file that will lie at a path on the VM: the template that
// is rendered there, or the source of a file that a package installs. It
// returns nil, nil when the path is nothing of the release.
type Lookup func(vmPath string) (*source.File, error)

// Result is the evaluated start path.
type Result struct {
	Scripts []*Script
	// Commands are the simple commands that run on a start, in order.
	Commands []*Command
	// Idle are the statements that do not run on a start, with the reason.
	Idle []Idle
	// Unclear is what the evaluation could not follow.
	Unclear []source.Diagnostic
}

// Idle is a statement that a start does not reach.
type Idle struct {
	Span   source.Span
	Reason string
}

// Command is one simple command that runs on a start.
type Command struct {
	Script *Script
	Span   source.Span
	// Words is the command after expansion; empty for a plain assignment.
	Words []Word
	// Assigns are the assignments: of the command alone when there are Words.
	Assigns   []Assign
	Exports   bool // a declaration that exports its Assigns
	Redirects []Redirect
	// Dir is the working directory; nil when the script has not changed it.
	Dir Word
	// Env are the exported variables that the command sees, in the order in
	// which they were first exported, its own Assigns included.
	Env []Assign
	// Background says that the command ends in & or stands in a list that does.
	Background bool
	// Piped says that the command's output goes into another command, Pipe
	// that its input comes from one.
	Piped, Pipe bool
	// Followed says that the command is a function or a script of the release,
	// whose own commands come next.
	Followed bool
	// Conditions are the shell conditions around the command that only the VM
	// can decide, outermost first; Guards are the ERB blocks around it.
	Conditions []Condition
	Guards     []erb.Guard
	// Tags says that ERB tags stand inside the command, so that its words are
	// not those that are rendered.
	Tags bool
}

// Name is the last element of the command's first word, when it is known.
func (c *Command) Name() string {
	if len(c.Words) == 0 {
		return ""
	}
	s, ok := c.Words[0].Literal()
	if !ok {
		return ""
	}
	return path.Base(s)
}

// Condition is a shell condition that only the VM can decide.
type Condition struct {
	Span    source.Span
	Negated bool
}

// Assign sets a variable.
type Assign struct {
	Name  string
	Value Word
	Span  source.Span
}

// Redirect is one redirection of a command or of the whole script (exec).
type Redirect struct {
	Fd   string // as written: "", "1", "2", "&"
	Op   string // ">", ">>", "<", ">&", ...
	File Word
	Span source.Span
}

type variable struct {
	value    Word
	exported bool
}

// state is what assignments and cd change; a subshell works on a copy.
type state struct {
	vars   map[string]variable
	order  []string // exported names, by first export
	params []Word   // $1 and on; $0 is name
	name   Word
	dir    Word
}

func (s *state) clone() *state {
	c := *s
	c.vars = make(map[string]variable, len(s.vars))
	for k, v := range s.vars {
		c.vars[k] = v
	}
	c.order = append([]string(nil), s.order...)
	return &c
}

func (s *state) set(name string, value Word) {
	v := s.vars[name]
	v.value = value
	s.vars[name] = v
}

func (s *state) export(name string) {
	v := s.vars[name]
	if !v.exported {
		v.exported = true
		s.order = append(s.order, name)
	}
	s.vars[name] = v
}

type flow int

const (
	goesOn flow = iota
	returns
	exits // exit, or exec of a program
)

// limits of the evaluation: a script beyond them is unclear, not followed on.
const (
	maxDepth    = 40
	maxCommands = 20000
	maxRounds   = 100
	maxValue    = 1 << 16
)

type evaluator struct {
	lookup Lookup
	result *Result
	script *Script
	state  *state
	funcs  map[string]function
	seen   map[source.Span]bool
	depth  int

	// values is set while the pieces of a brace expansion are read.
	values *source.Span
	// locals are the variables that each function under way has made local,
	// with what they were before.
	locals []map[string]*variable

	conditions []Condition
	background bool
	piped      bool
	pipe       bool
}

type function struct {
	script *Script
	body   *syntax.Stmt
}

// Evaluate follows a script from its first line with the given arguments.
func Evaluate(s *Script, args []Word, lookup Lookup) *Result {
	e := &evaluator{
		lookup: lookup,
		result: &Result{},
		state:  &state{vars: map[string]variable{}, params: args, name: Text(s.Path, source.Span{})},
		funcs:  map[string]function{},
		seen:   map[source.Span]bool{},
	}
	e.run(s)
	e.idle()
	return e.result
}

// run evaluates a whole script in the current state.
func (e *evaluator) run(s *Script) flow {
	e.result.Scripts = append(e.result.Scripts, s)
	defer func(old *Script) { e.script = old }(e.script)
	e.script = s
	return e.list(s.tree.Stmts)
}

func (e *evaluator) unclear(n syntax.Node, format string, args ...any) {
	e.result.Unclear = append(e.result.Unclear, source.Diagnostic{
		ID: "not-understood", Severity: source.Warning, Span: e.script.span(n), Message: fmt.Sprintf(format, args...)})
}

// skip marks all statements below n as not run.
func (e *evaluator) skip(reason string, nodes ...syntax.Node) {
	for _, n := range nodes {
		syntax.Walk(n, func(n syntax.Node) bool {
			if stmt, ok := n.(*syntax.Stmt); ok && isLeaf(stmt.Cmd) {
				e.result.Idle = append(e.result.Idle, Idle{e.script.span(stmt), reason})
				return false
			}
			switch n.(type) {
			case *syntax.CmdSubst, *syntax.ProcSubst:
				return false
			}
			return true
		})
	}
}

// idle drops from Idle what did run elsewhere, and adds what was never
// reached: bodies of functions that nothing calls.
func (e *evaluator) idle() {
	var idle []Idle
	noted := map[source.Span]bool{}
	for _, i := range e.result.Idle {
		if !e.seen[i.Span] && !noted[i.Span] {
			idle = append(idle, i)
			noted[i.Span] = true
		}
	}
	for _, s := range e.result.Scripts {
		for _, span := range s.Statements() {
			if !e.seen[span] && !noted[span] {
				idle = append(idle, Idle{span, "in a function that a start does not call"})
				noted[span] = true
			}
		}
	}
	e.result.Idle = idle
}

func (e *evaluator) list(stmts []*syntax.Stmt) flow {
	for i, s := range stmts {
		if f := e.stmt(s); f != goesOn {
			for _, rest := range stmts[i+1:] {
				e.skip("not reached: the script has ended or become the process by then", rest)
			}
			return f
		}
	}
	return goesOn
}

func (e *evaluator) stmt(s *syntax.Stmt) flow {
	if len(e.result.Commands) > maxCommands {
		return exits
	}
	if s.Background {
		defer func(old bool, st *state) { e.background, e.state = old, st }(e.background, e.state)
		e.background = true
		e.state = e.state.clone()
		e.command(s)
		return goesOn
	}
	return e.command(s)
}

func (e *evaluator) command(s *syntax.Stmt) flow {
	switch c := s.Cmd.(type) {
	case nil:
		e.record(s, &Command{Redirects: e.redirects(s)})
		return goesOn
	case *syntax.CallExpr:
		return e.call(s, c)
	case *syntax.DeclClause:
		e.declare(s, c)
		return goesOn
	case *syntax.FuncDecl:
		if len(e.conditions) > 0 {
			e.unclear(s, "which function this name calls is decided on the VM")
		}
		for _, name := range append([]*syntax.Lit{c.Name}, c.Names...) {
			if name != nil {
				e.funcs[name.Value] = function{e.script, c.Body}
			}
		}
		return goesOn
	case *syntax.Block:
		return e.list(c.Stmts)
	case *syntax.Subshell:
		defer func(old *state) { e.state = old }(e.state)
		e.state = e.state.clone()
		e.list(c.Stmts)
		return goesOn
	case *syntax.IfClause:
		return e.ifClause(c)
	case *syntax.CaseClause:
		return e.caseClause(c)
	case *syntax.BinaryCmd:
		return e.binary(c)
	case *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.TestDecl:
		e.record(s, &Command{Words: []Word{{{Kind: Runtime, Text: e.text(s), Span: e.script.span(s)}}}})
		return goesOn
	case *syntax.ForClause:
		return e.forClause(s, c)
	case *syntax.WhileClause:
		e.list(c.Cond)
		return e.maybe(e.spanOf(c.Cond), c.Until, c.Do)
	default:
		e.unclear(s, "%T is not followed", s.Cmd)
		e.skip("not understood", s)
		return goesOn
	}
}

func (e *evaluator) spanOf(stmts []*syntax.Stmt) source.Span {
	if len(stmts) == 0 {
		return source.Span{}
	}
	span := e.script.span(stmts[0])
	span.End = int(stmts[len(stmts)-1].End().Offset())
	return span
}

// text is the source of a node.
func (e *evaluator) text(n syntax.Node) string { return e.script.span(n).Text() }

// maybe evaluates a list that the VM may or may not run: what it assigns is
// not known afterwards, and its exit does not end the script for sure.
func (e *evaluator) maybe(cond source.Span, negated bool, stmts []*syntax.Stmt) flow {
	before := e.state
	e.state = before.clone()
	e.conditions = append(e.conditions, Condition{cond, negated})
	f := e.list(stmts)
	e.conditions = e.conditions[:len(e.conditions)-1]
	after := e.state
	e.state = before
	if f == goesOn {
		e.merge(after)
	}
	return goesOn
}

// merge makes unknown what differs between the current state and another one
// that may be the case instead.
func (e *evaluator) merge(other *state) {
	for name, v := range other.vars {
		old, had := e.state.vars[name]
		if !had || old.value.String() != v.value.String() {
			e.state.set(name, Word{{Kind: Runtime, Text: "${" + name + "}", Span: v.value.Span()}})
		}
		if v.exported {
			e.state.export(name)
		}
	}
	if e.state.dir.String() != other.dir.String() {
		e.state.dir = Word{{Kind: Runtime, Text: "$PWD", Span: other.dir.Span()}}
	}
}

func (e *evaluator) ifClause(c *syntax.IfClause) flow {
	if c.Cond == nil { // else
		return e.list(c.Then)
	}
	for _, s := range c.Cond[:len(c.Cond)-1] {
		e.stmt(s)
	}
	last := c.Cond[len(c.Cond)-1]
	truth, known := e.test(last)
	e.stmt(last)
	if known {
		if truth {
			if c.Else != nil {
				e.skip("not reached: the condition before it holds on a start", c.Else)
			}
			return e.list(c.Then)
		}
		for _, s := range c.Then {
			e.skip("not reached: the condition does not hold on a start", s)
		}
		if c.Else != nil {
			return e.ifClause(c.Else)
		}
		return goesOn
	}
	cond := e.spanOf(c.Cond)
	before := e.state
	e.state = before.clone()
	e.conditions = append(e.conditions, Condition{cond, false})
	thenFlow := e.list(c.Then)
	e.conditions = e.conditions[:len(e.conditions)-1]
	afterThen := e.state
	e.state = before
	elseFlow := goesOn
	if c.Else != nil {
		e.conditions = append(e.conditions, Condition{cond, true})
		elseFlow = e.ifClause(c.Else)
		e.conditions = e.conditions[:len(e.conditions)-1]
	}
	switch {
	case thenFlow != goesOn && elseFlow != goesOn:
		return max(thenFlow, elseFlow)
	case thenFlow != goesOn:
		// only the else arm goes on
	case elseFlow != goesOn:
		e.state = afterThen
	default:
		e.merge(afterThen)
	}
	return goesOn
}

// forClause runs the body once for each word when all words are known and
// nothing leaves the loop early.
func (e *evaluator) forClause(s *syntax.Stmt, c *syntax.ForClause) flow {
	iter, ok := c.Loop.(*syntax.WordIter)
	if !ok {
		e.unclear(s, "a loop whose rounds are counted on the VM")
		return e.maybe(e.script.span(c.Loop), false, c.Do)
	}
	words := e.words(iter.Items)
	known := len(words) <= maxRounds && iter.InPos.IsValid() && !leavesLoop(c.Do)
	for _, w := range words {
		_, literal := w.Literal()
		known = known && literal
	}
	if !known {
		e.unclear(s, "a loop over what only the VM knows")
		e.state.set(iter.Name.Value, Word{{Kind: Runtime, Text: "${" + iter.Name.Value + "}", Span: e.script.span(iter)}})
		return e.maybe(e.script.span(c.Loop), false, c.Do)
	}
	if len(words) == 0 {
		for _, s := range c.Do {
			e.skip("in a loop over nothing", s)
		}
	}
	for _, w := range words {
		e.state.set(iter.Name.Value, w)
		if f := e.list(c.Do); f != goesOn {
			return f
		}
	}
	return goesOn
}

// leavesLoop says whether a loop's body has a break or a continue.
func leavesLoop(stmts []*syntax.Stmt) bool {
	found := false
	for _, s := range stmts {
		syntax.Walk(s, func(n syntax.Node) bool {
			if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
				if lit := c.Args[0].Lit(); lit == "break" || lit == "continue" {
					found = true
				}
			}
			return !found
		})
	}
	return found
}

func (e *evaluator) caseClause(c *syntax.CaseClause) flow {
	value, known := e.word(c.Word).Literal()
	taken := -1
	if known {
		for i, item := range c.Items {
			for _, p := range item.Patterns {
				pattern, ok := e.pattern(p)
				if !ok {
					known = false
				} else if matches(pattern, value) && taken < 0 && known {
					taken = i
				}
			}
		}
	}
	if !known {
		e.unclear(c, "the value of this case is known only on the VM")
		for _, item := range c.Items {
			e.maybe(e.script.span(c.Word), false, item.Stmts)
		}
		return goesOn
	}
	next := false // the item before falls through
	f := goesOn
	for i, item := range c.Items {
		if i != taken && !next {
			reason := fmt.Sprintf("runs for %q, not on a start", patterns(item))
			for _, s := range item.Stmts {
				e.skip(reason, s)
			}
			continue
		}
		if f == goesOn {
			f = e.list(item.Stmts)
		}
		next = f == goesOn && item.Op == syntax.Fallthrough
		if item.Op == syntax.Resume {
			e.unclear(c, "an arm of this case ends in ;;&, which is not followed")
		}
	}
	return f
}

func patterns(item *syntax.CaseItem) string {
	var names []string
	for _, p := range item.Patterns {
		if lit := p.Lit(); lit != "" {
			names = append(names, lit)
			continue
		}
		var b strings.Builder
		_ = syntax.NewPrinter().Print(&b, p)
		names = append(names, strings.Trim(b.String(), `"'`))
	}
	return strings.Join(names, "|")
}

// matches says whether a shell pattern matches the whole value.
func matches(glob, value string) bool {
	if !strings.ContainsAny(glob, `*?[\`) {
		return glob == value
	}
	re, err := pattern.Regexp(glob, pattern.EntireString)
	if err != nil {
		return glob == value
	}
	ok, err := regexp.MatchString(re, value)
	return err == nil && ok
}

// pattern gives the text of a pattern, what stands quoted escaped.
func (e *evaluator) pattern(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		if lit, ok := p.(*syntax.Lit); ok {
			span := e.script.span(lit)
			if e.script.Template.HasExpr(span.Start, span.End) {
				return "", false
			}
			b.WriteString(lit.Value) // with its backslashes, which quote
			continue
		}
		f := &fields{}
		e.parts(f, []syntax.WordPart{p}, true)
		for _, part := range f.words() {
			text, known := part.Literal()
			if !known {
				return "", false
			}
			if _, quoted := p.(*syntax.ParamExp); quoted {
				b.WriteString(text)
			} else {
				b.WriteString(pattern.QuoteMeta(text, 0))
			}
		}
	}
	return b.String(), true
}

func (e *evaluator) binary(c *syntax.BinaryCmd) flow {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		truth, known := e.test(c.X)
		f := e.stmt(c.X)
		if f != goesOn {
			e.skip("not reached", c.Y)
			return f
		}
		or := c.Op == syntax.OrStmt
		if known {
			if truth == or {
				e.skip("not reached: what stands before it already decides", c.Y)
				return goesOn
			}
			return e.stmt(c.Y)
		}
		return e.maybe(e.script.span(c.X), or, []*syntax.Stmt{c.Y})
	default: // | and |&
		defer func(st *state, piped, pipe bool) { e.state, e.piped, e.pipe = st, piped, pipe }(e.state, e.piped, e.pipe)
		outer, before := e.piped, e.state
		e.piped = true
		e.state = before.clone()
		e.stmt(c.X)
		e.piped, e.pipe = outer, true
		e.state = before.clone()
		e.stmt(c.Y)
		return goesOn
	}
}

func (e *evaluator) record(s *syntax.Stmt, c *Command) *Command {
	c.Script = e.script
	c.Span = e.script.span(s)
	c.Dir = e.state.dir
	c.Background, c.Piped, c.Pipe = e.background, e.piped, e.pipe
	c.Conditions = append([]Condition(nil), e.conditions...)
	c.Guards = e.script.Template.Guards(c.Span.Start)
	c.Tags = e.script.tags(c.Span.Start, c.Span.End)
	own := map[string]bool{}
	for _, a := range c.Assigns {
		own[a.Name] = len(c.Words) > 0
	}
	for _, name := range e.state.order {
		if !own[name] {
			c.Env = append(c.Env, Assign{Name: name, Value: e.state.vars[name].value})
		}
	}
	if len(c.Words) > 0 {
		c.Env = append(c.Env, c.Assigns...)
	}
	e.seen[c.Span] = true
	e.result.Commands = append(e.result.Commands, c)
	return c
}

func (e *evaluator) redirects(s *syntax.Stmt) []Redirect {
	var rs []Redirect
	for _, r := range s.Redirs {
		red := Redirect{Op: r.Op.String(), Span: e.script.span(r)}
		if r.N != nil {
			red.Fd = r.N.Value
		}
		if r.Word != nil {
			red.File = e.word(r.Word)
		}
		rs = append(rs, red)
	}
	return rs
}

func (e *evaluator) assigns(list []*syntax.Assign) []Assign {
	var as []Assign
	for _, a := range list {
		if a.Name == nil {
			continue
		}
		name := a.Name.Value
		as = append(as, Assign{Name: name, Value: e.assigned(name, a), Span: e.script.span(a)})
	}
	return as
}
