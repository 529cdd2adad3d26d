package ctl

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
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
	// Tree is the same as it is nested: what was decided is gone, functions and
	// scripts stand where they are called.
	Tree []*Node
	// Unclear is what the evaluation could not follow.
	Unclear []source.Diagnostic
	// Functions are the function declarations that were seen, by name.
	Functions map[string]Function
}

// Function is a function of a script, with what its body needs.
type Function struct {
	Script *Script
	Span   source.Span
	Text   string
	Refs   []string
	Calls  []string

	body *syntax.Stmt
}

// Idle is a statement that a start does not reach.
type Idle struct {
	Span   source.Span
	Reason string
	// Verb is the pattern of the case of "start" and "stop" in which it stands.
	Verb string
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
	// Text is the command's source, known values in place of variables; Refs
	// and Calls are the variables and functions that it still needs, Sets the
	// variables that it sets.
	Text              string
	Refs, Calls, Sets []string
	// Locals are the variables of functions that it sets: each is gone with the
	// call that it belongs to.
	Locals []Local
	// Test says that the command stands in a condition.
	Test bool
	// Outer is what starts the script or the command string in which the
	// command stands: its user and limits hold for the command, too.
	Outer *Launch
	// Dynamic says that the command sets variables whose names are known only
	// when the job is rendered.
	Dynamic bool
	// PrintsVariable says that the command is an expression that prints an
	// assignment and nothing else.
	PrintsVariable bool
	// Last says that the command is the last of its script or command string.
	Last bool
	// Missing says why a sourced file could not be read.
	Missing string
	// Leave says that the command is a break, a continue, a return or an exit
	// that only the VM decides on.
	Leave bool
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

// Local is a variable of a function, in one call of it.
type Local struct {
	Name string
	Call *Command
}

// Condition is a shell condition that only the VM can decide.
type Condition struct {
	Span    source.Span
	Negated bool
	// Exit says that the script has ended with success when the condition
	// held.
	Exit bool
}

// Assign sets a variable.
type Assign struct {
	Name  string
	Value Word
	Span  source.Span
	// Guards are the ERB blocks in which the variable is exported at all.
	Guards []erb.Guard

	array   []Word
	isArray bool
}

// Redirect is one redirection of a command or of the whole script (exec).
type Redirect struct {
	Fd   string // as written: "", "1", "2", "&"
	Op   string // ">", ">>", "<", ">&", ...
	File Word
	Span source.Span
}

type variable struct {
	value Word
	// exports are the blocks in any of which the variable has been exported: none
	// before that, one that is empty when it is exported however the job is
	// rendered.
	exports [][]erb.Guard
	array   []Word
	isArray bool
}

var exportedAlways = [][]erb.Guard{nil}

// assigns are the exports of a variable, as a command sees them.
func (v variable) assigns(name string) []Assign {
	if v.isArray {
		return nil
	}
	var out []Assign
	for _, guards := range v.exports {
		out = append(out, Assign{Name: name, Value: v.value, Guards: guards})
	}
	return out
}

// state is what assignments and cd change; a subshell works on a copy.
type state struct {
	vars   map[string]variable
	order  []string // exported names, by first export
	params []Word   // $1 and on; $0 is name
	name   Word
	dir    Word
	stack  []Word // of pushd
	// hidden are the variables of the calling scripts that this one does not
	// see.
	hidden map[string]bool
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
	v.value, v.array, v.isArray = value, nil, false
	s.vars[name] = v
	if len(v.exports) > 0 && !slices.Contains(s.order, name) {
		s.order = append(s.order, name) // PATH, which is exported from the start
	}
}

func (s *state) export(name string) {
	v := s.vars[name]
	if len(v.exports) == 0 {
		s.order = append(s.order, name)
	}
	v.exports = exportedAlways
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
	World
	result *Result
	script *Script
	state  *state
	funcs  map[string]Function
	seen   map[source.Span]bool
	depth  int
	out    *[]*Node

	// guards are the ERB blocks around the command under way, those of its
	// callers included; static are those of its own script, base how many of
	// them stand around the whole statement.
	guards []erb.Guard
	static []erb.Guard
	base   int
	// opaque says that something was sourced that is not known, so that unset
	// variables may be set.
	opaque bool
	// values is set while the pieces of a brace expansion are read.
	values *source.Span
	// locals are the variables that each function under way, called by calls, has
	// made local, with what they were before.
	locals []map[string]*variable
	calls  []*Command
	// made are the files of Absent that may be there by now.
	made map[string]bool
	// last is the command that has ended last.
	last *Command
	// inString is the statement whose command string is evaluated.
	inString *Command
	outer    *Launch

	conditions []Condition
	background bool
	piped      bool
	pipe       bool
	testing    bool
	inDouble   bool // inside double quotes
	inSingle   bool // inside single quotes
	splits     bool // in a command's words, which are split
	// exits are the conditions on which the script has ended with success.
	exits []Condition
	// mayReturn is the condition on which the function under way has returned.
	mayReturn source.Span
	entry     int // the conditions around its call
}

// monitPath is the PATH that monit gives a start program: it purges the
// environment otherwise (monit(1), "Environment").
const monitPath = "/bin:/usr/bin:/sbin:/usr/sbin"

// World is what a script finds when it starts.
type World struct {
	// Outer is what starts the script: its environment and folder.
	Outer *Launch
	// Lookup finds the files of the release; Exists, when it is not nil, tells
	// which files are there.
	Lookup Lookup
	Exists Exists
	// Succeeded are statements that are known to end with success.
	Succeeded []source.Span
	// Absent are files that are not there until the script makes them.
	Absent []string
	// Bare asks for the commands without what they need: Text is as written,
	// Refs and Calls are empty.
	Bare bool
	// Verbatim leaves lists, and variables whose values are known only when the
	// job is rendered, to the shell: they are Runtime parts.
	Verbatim bool
}

// Exists says whether a path will be there on the VM, when that is known.
type Exists func(vmPath string) (there, known bool)

// Evaluate follows a script from its first line with the given arguments.
func Evaluate(s *Script, args []Word, world World) *Result {
	e := &evaluator{
		World:  world,
		result: &Result{Functions: map[string]Function{}},
		state:  &state{vars: map[string]variable{"PATH": {value: Text(monitPath, source.Span{}), exports: exportedAlways}}, params: args, name: Text(s.Path, source.Span{})},
		funcs:  map[string]Function{},
		seen:   map[source.Span]bool{},
		outer:  world.Outer,
	}
	if outer := world.Outer; outer != nil {
		for _, a := range outer.Env {
			e.assign(a)
			e.state.export(a.Name)
		}
		e.state.dir = outer.Dir
	}
	e.out = &e.result.Tree
	e.run(s)
	e.idle()
	return e.result
}

// nest collects the nodes that f adds.
func (e *evaluator) nest(f func()) []*Node {
	old := e.out
	var nodes []*Node
	e.out = &nodes
	f()
	e.out = old
	return nodes
}

func (e *evaluator) add(n *Node) *Node {
	n.Script = e.script
	*e.out = append(*e.out, n)
	return n
}

// run evaluates a whole script in the current state.
func (e *evaluator) run(s *Script) flow {
	e.result.Scripts = append(e.result.Scripts, s)
	defer func(old *Script) { e.script = old }(e.script)
	e.script = s
	defer func(static []erb.Guard, base int) { e.static, e.base = static, base }(e.static, e.base)
	e.static, e.base = nil, 0
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
				e.result.Idle = append(e.result.Idle, Idle{Span: e.script.span(stmt), Reason: reason})
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
				idle = append(idle, Idle{Span: span, Reason: "in a function that a start does not call"})
				noted[span] = true
			}
		}
	}
	e.result.Idle = idle
}

// list evaluates statements in order; those that stand in an ERB block are
// evaluated arm by arm.
func (e *evaluator) list(stmts []*syntax.Stmt) flow {
	for i := 0; i < len(stmts); {
		s := stmts[i]
		extra, ok := e.extra(s)
		if !ok {
			e.unclear(s, "an ERB block begins in one part of the shell and ends in another, so what is rendered cannot be told")
		}
		if extra == nil {
			if f := e.stmt(s); f != goesOn {
				for _, rest := range stmts[i+1:] {
					e.skip("not reached: the script has ended or become the process by then", rest)
				}
				return f
			}
			i++
			if at := e.mayReturn; at.Valid() && i < len(stmts) {
				e.mayReturn = source.Span{}
				f := e.maybe(at, true, stmts[i:])
				e.mayReturn = at
				return f
			}
			continue
		}
		j := i + 1
		for j < len(stmts) {
			g, _ := e.extra(stmts[j])
			if g == nil || g.Block != extra.Block {
				break
			}
			j++
		}
		f := e.arms(extra.Block, stmts[i:j], stmts[j:])
		if f != goesOn {
			for _, rest := range stmts[j:] {
				e.skip("not reached: the script has ended or become the process by then", rest)
			}
			return f
		}
		i = j
	}
	return goesOn
}

// extra gives the outermost ERB block that a statement stands in and its list
// does not; ok is false when block and statement cross.
func (e *evaluator) extra(s *syntax.Stmt) (g *erb.Guard, ok bool) {
	if e.inString != nil {
		return nil, true
	}
	span := e.script.span(s)
	gs := e.script.Template.Guards(span.Start)
	if len(gs) <= len(e.static) {
		return nil, len(gs) == len(e.static)
	}
	g = &gs[len(e.static)]
	return g, span.End <= g.Block.Arms[g.Arm].End
}

// arms evaluates what stands in the arms of an ERB block.
func (e *evaluator) arms(b *erb.Block, stmts, rest []*syntax.Stmt) flow {
	node := e.add(&Node{Kind: Block, Block: b, Arms: map[int][]*Node{}, Span: e.script.span(stmts[0])})
	before := e.state
	byArm := map[int][]*syntax.Stmt{}
	for _, s := range stmts {
		g, _ := e.extra(s)
		byArm[g.Arm] = append(byArm[g.Arm], s)
	}
	count := len(b.Arms)
	first := 0
	if !b.Whole() {
		first = -1
	}
	static, guards := e.static, e.guards
	loop := b.Kind == erb.Loop || b.Kind == erb.Other
	var changed []string
	if loop {
		// a later round finds what the earlier ones have made
		before = before.clone()
		changed = e.assignedIn(stmts)
		for _, name := range changed {
			v := before.vars[name]
			if v.isArray {
				v.array = append(slices.Clone(v.array), Text(loopMark, node.Span))
			} else {
				v.value = append(slices.Clone(v.value), Part{Kind: Literal, Text: loopMark, Span: node.Span})
			}
			before.vars[name] = v
		}
	}
	var on []armState
	worst := goesOn
	for arm := first; arm < count; arm++ {
		e.state = before.clone()
		f := goesOn
		if arm >= 0 {
			g := erb.Guard{Block: b, Arm: arm}
			e.static, e.guards = append(slices.Clone(static), g), append(slices.Clone(guards), g)
			node.Arms[arm] = e.nest(func() { f = e.list(byArm[arm]) })
		}
		if f == goesOn {
			on = append(on, armState{arm, e.state})
		}
		worst = max(worst, f)
	}
	e.static, e.guards = static, guards
	if len(on) == 0 {
		return worst
	}
	e.state = before
	e.choose(b, on)
	for _, name := range changed {
		e.unmark(name, node.Span)
	}
	if worst == goesOn {
		return goesOn
	}
	// what follows runs only where no arm has ended the script
	if len(on) > 1 {
		if len(rest) > 0 {
			e.unclear(stmts[0], "the script ends in some arms of this ERB block and goes on in others")
		}
		return goesOn
	}
	e.guards = append(slices.Clone(guards), erb.Guard{Block: b, Arm: on[0].arm})
	return goesOn
}

// unmark takes the mark of a loop out of a variable. Without it the loop has
// written over what was there, and which round was the last is not known.
func (e *evaluator) unmark(name string, at source.Span) {
	v := e.state.vars[name]
	if v.isArray {
		out := v.array[:0:0]
		marks := 0
		for _, w := range v.array {
			if len(w) == 1 && w[0].Text == loopMark {
				marks++
				continue
			}
			out = append(out, w)
		}
		if v.array = out; marks != 1 {
			v.array, v.isArray = nil, false
			v.value = Word{{Kind: Runtime, Text: "${" + name + "}", Span: at}}
		}
		e.state.vars[name] = v
		return
	}
	marks := 0
	var out Word
	for _, p := range v.value {
		if n := strings.Count(p.Text, loopMark); n > 0 {
			marks += n
			if len(p.Guards) > 0 {
				marks++ // it is not there in every round
			}
			if p.Text = strings.ReplaceAll(p.Text, loopMark, ""); p.Text == "" {
				continue
			}
		}
		out = append(out, p)
	}
	if marks != 1 {
		out = Word{{Kind: Runtime, Text: "${" + name + "}", Span: at}}
	}
	v.value = out
	e.state.vars[name] = v
}

// armState is what holds after an arm of an ERB block.
type armState struct {
	arm   int
	state *state
}

// choose makes the state after an ERB block: what differs between its arms
// stands under their guards.
func (e *evaluator) choose(b *erb.Block, states []armState) {
	if len(states) == 1 {
		e.state = states[0].state
		return
	}
	names := map[string]bool{}
	for _, s := range states {
		for n := range s.state.vars {
			names[n] = true
		}
	}
	for name := range names {
		v := e.state.vars[name]
		words := make([]Word, len(states))
		arrays := false
		for i, s := range states {
			o := s.state.vars[name]
			words[i] = o.value
			arrays = arrays || o.isArray
		}
		if arrays {
			v.value, v.isArray = nil, true
			v.array = e.chooseArray(b, name, states)
		} else {
			v.value = chooseWord(b, name, states, words)
		}
		v.exports = chooseExports(b, name, v.exports, states)
		e.state.vars[name] = v
	}
	for _, s := range states {
		for _, n := range s.state.order {
			if !slices.Contains(e.state.order, n) {
				e.state.order = append(e.state.order, n)
			}
		}
		if !sameWord(s.state.dir, states[0].state.dir) {
			words := make([]Word, len(states))
			for i, o := range states {
				words[i] = o.state.dir
			}
			e.state.dir = chooseWord(b, "PWD", states, words)
			return
		}
	}
	e.state.dir = states[0].state.dir
}

// chooseExports gives where a variable is exported after a block.
func chooseExports(b *erb.Block, name string, before [][]erb.Guard, states []armState) [][]erb.Guard {
	after := slices.Clone(before)
	always := true
	for _, s := range states {
		exports := s.state.vars[name].exports
		always = always && slices.ContainsFunc(exports, func(gs []erb.Guard) bool { return len(gs) == 0 })
		for _, gs := range exports {
			if !slices.ContainsFunc(before, func(o []erb.Guard) bool { return sameGuards(o, gs) }) {
				after = append(after, append([]erb.Guard{{Block: b, Arm: s.arm}}, gs...))
			}
		}
	}
	if always {
		return exportedAlways
	}
	return after
}

func chooseWord(b *erb.Block, name string, states []armState, words []Word) Word {
	same := true
	for _, w := range words[1:] {
		same = same && sameWord(w, words[0])
	}
	if same {
		return words[0]
	}
	words = slices.Clone(words)
	var common Word
	for {
		p, ok := commonPart(words)
		if !ok {
			break
		}
		common = append(common, p)
		for i := range words {
			rest := words[i][1:]
			if text := words[i][0].Text[len(p.Text):]; text != "" {
				tail := words[i][0]
				tail.Text = text
				rest = append(Word{tail}, rest...)
			}
			words[i] = rest
		}
	}
	if b.Kind == erb.Loop || b.Kind == erb.Other {
		// states are the one before the loop and the one after a round; a block
		// of which nothing is known may be a loop
		if len(words) != 2 || len(words[0]) > 0 {
			return Word{{Kind: Runtime, Text: "${" + name + "}", Span: words[len(words)-1].Span()}}
		}
	}
	out := slices.Clone(common)
	for i, s := range states {
		out = append(out, words[i].under(erb.Guard{Block: b, Arm: s.arm})...)
	}
	return out
}

// commonPart gives the part with which all words begin: a literal may be the
// whole of one word's part and the beginning of another's.
func commonPart(words []Word) (Part, bool) {
	for _, w := range words {
		if len(w) == 0 {
			return Part{}, false
		}
	}
	p := words[0][0]
	for _, w := range words[1:] {
		o := w[0]
		if o.Kind != p.Kind || !sameGuards(o.Guards, p.Guards) || o.Split != p.Split {
			return Part{}, false
		}
		if o.Text == p.Text {
			continue
		}
		if p.Kind != Literal {
			return Part{}, false
		}
		switch {
		case strings.HasPrefix(o.Text, p.Text):
		case strings.HasPrefix(p.Text, o.Text):
			p = o
		default:
			return Part{}, false
		}
	}
	return p, p.Kind != Literal || p.Text != ""
}

func (e *evaluator) chooseArray(b *erb.Block, name string, states []armState) []Word {
	var common []Word
	for n := 0; ; n++ {
		var w Word
		for i, s := range states {
			a := s.state.vars[name].array
			if n >= len(a) || i > 0 && !sameWord(a[n], w) {
				for _, s := range states {
					for _, rest := range s.state.vars[name].array[min(n, len(s.state.vars[name].array)):] {
						common = append(common, rest.under(erb.Guard{Block: b, Arm: s.arm}))
					}
				}
				return common
			}
			w = a[n]
		}
		common = append(common, w)
	}
}

func (e *evaluator) stmt(s *syntax.Stmt) flow {
	if len(e.result.Commands) > maxCommands {
		return exits
	}
	if e.inString == nil && e.script.crossed[s] {
		e.unclear(s, "an ERB block begins in one part of the shell and ends in another, so what is rendered cannot be told")
	}
	defer func(base int) { e.base = base }(e.base)
	e.base = len(e.script.Template.Guards(e.script.span(s).Start))
	if s.Background {
		defer func(old bool, st *state) { e.background, e.state = old, st }(e.background, e.state)
		e.state = e.state.clone()
		first := len(e.result.Commands)
		_, e.background = s.Cmd.(*syntax.CallExpr)
		e.command(s)
		if !e.background {
			e.lastStays(first)
		}
		return goesOn
	}
	return e.command(s)
}

// lastStays marks the command in which a list ends that is left in the
// background, and which is the process then.
func (e *evaluator) lastStays(first int) {
	for i := len(e.result.Commands) - 1; i >= first; i-- {
		if c := e.result.Commands[i]; !c.Followed && len(c.Words) > 0 && !Quiet(c) && !c.Pipe {
			c.Background = !c.Test
			return
		}
	}
}

func (e *evaluator) command(s *syntax.Stmt) flow {
	if len(s.Redirs) == 0 {
		return e.construct(s)
	}
	switch s.Cmd.(type) {
	case nil, *syntax.CallExpr, *syntax.DeclClause, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.TestDecl, *syntax.FuncDecl:
		return e.construct(s)
	}
	return e.redirected(s, func() flow { return e.construct(s) })
}

// redirected evaluates a construct whose output goes elsewhere as a whole.
func (e *evaluator) redirected(s *syntax.Stmt, eval func() flow) flow {
	n := &Node{Kind: Group, Span: e.script.span(s), Text: e.textRaw(s).Text}
	var texts []string
	for _, r := range s.Redirs {
		if r.Hdoc != nil {
			e.unclear(s, "a here-document for a whole construct")
		}
		texts = append(texts, e.textOf(r).Text)
	}
	n.Redirs = strings.Join(texts, " ")
	redirects := e.redirects(s)
	first := len(e.result.Commands)
	e.add(n)
	var f flow
	n.Body = e.nest(func() { f = eval() })
	for _, c := range e.result.Commands[first:] {
		c.Redirects = append(c.Redirects, redirects...)
	}
	return f
}

func (e *evaluator) construct(s *syntax.Stmt) flow {
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
				t := e.textRaw(s)
				f := Function{e.script, e.script.span(s), t.Text, t.Refs, t.Calls, c.Body}
				e.funcs[name.Value] = f
				e.result.Functions[name.Value] = f
			}
		}
		return goesOn
	case *syntax.Block:
		var f flow
		n := e.group(s, &Node{Kind: Group}, func() { f = e.list(c.Stmts) })
		_ = n
		return f
	case *syntax.Subshell:
		// an exit in it only ends the subshell
		defer func(old *state, exits []Condition) { e.state, e.exits = old, exits }(e.state, e.exits)
		e.state = e.state.clone()
		e.group(s, &Node{Kind: Group, Subshell: true}, func() { e.list(c.Stmts) })
		return goesOn
	case *syntax.IfClause:
		return e.ifClause(s, c)
	case *syntax.CaseClause:
		return e.caseClause(s, c)
	case *syntax.BinaryCmd:
		return e.binary(s, c)
	case *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.TestDecl:
		cmd := &Command{Words: []Word{{{Kind: Runtime, Text: e.text(s), Span: e.script.span(s)}}}, Sets: e.assignedIn([]*syntax.Stmt{s})}
		e.record(s, cmd)
		for _, name := range cmd.Sets {
			e.unknown(name, cmd.Span)
		}
		return goesOn
	case *syntax.ForClause:
		return e.forClause(s, c)
	case *syntax.WhileClause:
		word := "while "
		if c.Until {
			word = "until "
		}
		e.forget(append(slices.Clone(c.Cond), c.Do...), e.script.span(s))
		t := e.textOfList(c.Cond)
		raw := e.textRaw(s)
		n := e.add(&Node{Kind: Loop, Span: e.script.span(s), Head: word + t.Text, Refs: append(t.Refs, raw.Refs...), Calls: append(t.Calls, raw.Calls...), Text: raw.Text})
		n.Cond = e.nest(func() { e.tests(c.Cond) })
		var f flow
		n.Body = e.nest(func() { f = e.maybe(e.spanOf(c.Cond), c.Until, c.Do) })
		return f
	default:
		e.unclear(s, "this construct (%s) is not followed", strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", s.Cmd), "*syntax."), "Clause")))
		e.skip("not understood", s)
		return goesOn
	}
}

// group evaluates a list in braces or parentheses.
func (e *evaluator) group(s *syntax.Stmt, n *Node, f func()) *Node {
	n.Span = e.script.span(s)
	n.Text = e.textRaw(s).Text
	e.add(n)
	n.Body = e.nest(f)
	return n
}

// tests evaluates the commands of a condition.
func (e *evaluator) tests(stmts []*syntax.Stmt) {
	defer func(old bool) { e.testing = old }(e.testing)
	e.testing = true
	for _, s := range stmts {
		e.stmt(s)
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

func (e *evaluator) textOfList(stmts []*syntax.Stmt) text {
	nodes := make([]syntax.Node, len(stmts))
	for i, s := range stmts {
		nodes[i] = s
	}
	t := e.textIn(e.spanOf(stmts), nodes...)
	t.Text = WithoutEnd(t.Text)
	return t
}

// text is the source of a node.
func (e *evaluator) text(n syntax.Node) string { return e.script.span(n).Text() }

// maybe evaluates a list that the VM may or may not run: what it assigns is
// not known afterwards, and its exit does not end the script for sure.
func (e *evaluator) maybe(cond source.Span, negated bool, stmts []*syntax.Stmt) flow {
	before := e.state
	e.state = before.clone()
	e.conditions = append(e.conditions, Condition{Span: cond, Negated: negated})
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
		if !had || !sameWord(old.value, v.value) || old.isArray != v.isArray || !slices.EqualFunc(old.array, v.array, sameWord) {
			e.state.set(name, Word{{Kind: Runtime, Text: "${" + name + "}", Span: v.value.Span()}})
		}
		if len(v.exports) > 0 && len(old.exports) == 0 {
			e.state.export(name)
		}
	}
	for name, v := range e.state.vars {
		if _, there := other.vars[name]; !there {
			e.state.set(name, Word{{Kind: Runtime, Text: "${" + name + "}", Span: v.value.Span()}})
		}
	}
	if !sameWord(e.state.dir, other.dir) {
		e.state.dir = Word{{Kind: Runtime, Text: "$PWD", Span: other.dir.Span()}}
	}
}

func (e *evaluator) ifClause(s *syntax.Stmt, c *syntax.IfClause) flow {
	if c.Cond == nil { // else
		return e.list(c.Then)
	}
	tests := func() {
		defer func(old bool) { e.testing = old }(e.testing)
		e.testing = true
		for _, s := range c.Cond[:len(c.Cond)-1] {
			e.stmt(s)
		}
	}
	last := c.Cond[len(c.Cond)-1]
	var truth, known bool
	head := e.textOfList(c.Cond)
	cond := e.nest(func() {
		tests()
		truth, known = e.test(last)
		e.testing = true
		e.stmt(last)
		e.testing = false
	})
	if known {
		*e.out = append(*e.out, cond...)
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
			return e.ifClause(s, c.Else)
		}
		return goesOn
	}
	n := e.add(&Node{Kind: If, Span: e.script.span(c), Head: head.Text, Refs: head.Refs, Calls: head.Calls, Cond: cond})
	span := e.spanOf(c.Cond)
	before := e.state
	e.state = before.clone()
	e.conditions = append(e.conditions, Condition{Span: span})
	thenFlow := goesOn
	n.Body = e.nest(func() { thenFlow = e.list(c.Then) })
	e.conditions = e.conditions[:len(e.conditions)-1]
	afterThen := e.state
	e.state = before
	elseFlow := goesOn
	if c.Else != nil {
		e.conditions = append(e.conditions, Condition{Span: span, Negated: true})
		n.Else = e.nest(func() { elseFlow = e.ifClause(s, c.Else) })
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
	head := e.textIn(source.Span{File: e.script.File, Start: int(c.ForPos.Offset()), End: int(c.DoPos.Offset())}, c.Loop)
	raw := e.textRaw(s)
	node := &Node{Kind: Loop, Span: e.script.span(s), Head: WithoutEnd(head.Text), Refs: append(head.Refs, raw.Refs...), Calls: append(head.Calls, raw.Calls...), Text: raw.Text}
	iter, ok := c.Loop.(*syntax.WordIter)
	if ok {
		node.Refs = slices.DeleteFunc(node.Refs, func(n string) bool { return n == iter.Name.Value })
	}
	if !ok {
		e.add(node)
		e.forget(c.Do, e.script.span(s))
		node.Body = e.nest(func() { e.maybe(e.script.span(c.Loop), false, c.Do) })
		return goesOn
	}
	words := e.words(iter.Items)
	known := len(words) <= maxRounds && len(s.Redirs) == 0 && iter.InPos.IsValid() && !leavesLoop(c.Do)
	for _, w := range words {
		known = known && oneWord(w)
	}
	if !known {
		e.add(node)
		e.forget(c.Do, e.script.span(s))
		e.unknown(iter.Name.Value, e.script.span(iter))
		node.Body = e.nest(func() { e.maybe(e.script.span(c.Loop), false, c.Do) })
		e.unknown(iter.Name.Value, e.script.span(iter))
		return goesOn
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

// oneWord says whether a word is known to be one: literal, or with expressions
// that print a property.
func oneWord(w Word) bool {
	for _, p := range w {
		if len(p.Guards) > 0 || p.Kind == Runtime || p.Kind == ERB && p.Split && !oneProperty.MatchString(p.Text) {
			return false
		}
	}
	return true
}

var oneProperty = search.MustCompile(`^p\(?\s*["'][\w.-]+["']\s*\)?$`)

// forget makes unknown what a loop sets: a later round finds another value.
func (e *evaluator) forget(stmts []*syntax.Stmt, at source.Span) {
	for _, name := range e.assignedIn(stmts) {
		e.unknown(name, at)
	}
}

// unknown sets a variable to what only the VM knows.
func (e *evaluator) unknown(name string, at source.Span) {
	e.state.set(name, Word{{Kind: Runtime, Text: "${" + name + "}", Span: at}})
}

// leavesLoop says whether a loop may end before its last round: its body ends it, or
// the script with success. One that sleeps waits for something and then ends.
func leavesLoop(stmts []*syntax.Stmt) bool {
	found := false
	for _, s := range stmts {
		syntax.Walk(s, func(n syntax.Node) bool {
			if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
				switch c.Args[0].Lit() {
				case "break", "continue", "sleep":
					found = true
				case "exit":
					found = found || len(c.Args) == 1 || c.Args[1].Lit() == "0"
				}
			}
			return !found
		})
	}
	return found
}

func (e *evaluator) caseClause(s *syntax.Stmt, c *syntax.CaseClause) flow {
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
		head := e.textIn(source.Span{File: e.script.File, Start: int(c.Word.Pos().Offset()), End: int(c.Word.End().Offset())}, c.Word)
		raw := e.textRaw(s)
		n := e.add(&Node{Kind: Case, Span: e.script.span(s), Head: head.Text, Refs: append(head.Refs, raw.Refs...), Calls: append(head.Calls, raw.Calls...), Arms: map[int][]*Node{}, Text: raw.Text})
		for i, item := range c.Items {
			n.Patterns = append(n.Patterns, patternText(e, item))
			n.Arms[i] = e.nest(func() { e.maybe(e.script.span(c.Word), false, item.Stmts) })
		}
		return goesOn
	}
	next := false // the item before falls through
	f := goesOn
	for i, item := range c.Items {
		if i != taken && !next {
			reason := fmt.Sprintf("runs for %q, not on a start", patterns(item))
			first := len(e.result.Idle)
			for _, s := range item.Stmts {
				e.skip(reason, s)
			}
			for j := range e.result.Idle[first:] {
				if value == "start" {
					e.result.Idle[first+j].Verb = patterns(item)
				}
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

// patternText is the source of the patterns of an arm.
func patternText(e *evaluator, item *syntax.CaseItem) string {
	var all []string
	for _, p := range item.Patterns {
		all = append(all, e.textOf(p).Text)
	}
	return strings.Join(all, " | ")
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

func (e *evaluator) binary(s *syntax.Stmt, c *syntax.BinaryCmd) flow {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		truth, known := e.test(c.X)
		or := c.Op == syntax.OrStmt
		var f flow
		var n *Node
		if known {
			f = e.stmt(c.X)
		} else {
			t := e.textOf(s)
			n = e.add(&Node{Kind: AndOr, Op: c.Op.String(), Span: e.script.span(s), Text: t.Text, Refs: t.Refs, Calls: t.Calls, Head: e.textOfList([]*syntax.Stmt{c.X}).Text})
			n.Cond = e.nest(func() { f = e.stmt(c.X) })
		}
		if f != goesOn {
			e.skip("not reached", c.Y)
			return f
		}
		if known {
			if truth == or {
				e.skip("not reached: what stands before it already decides", c.Y)
				return goesOn
			}
			return e.stmt(c.Y)
		}
		n.Body = e.nest(func() { f = e.maybe(e.script.span(c.X), or, []*syntax.Stmt{c.Y}) })
		return f
	default: // | and |&
		defer func(st *state, piped, pipe bool) { e.state, e.piped, e.pipe = st, piped, pipe }(e.state, e.piped, e.pipe)
		outer, before := e.piped, e.state
		t := e.textOf(s)
		n := e.add(&Node{Kind: Pipe, Span: e.script.span(s), Text: t.Text, Refs: t.Refs, Calls: t.Calls})
		n.Body = e.nest(func() {
			e.piped = true
			e.state = before.clone()
			e.stmt(c.X)
			e.piped, e.pipe = outer, true
			e.state = before.clone()
			e.stmt(c.Y)
		})
		return goesOn
	}
}

func (e *evaluator) record(s *syntax.Stmt, c *Command) *Command {
	e.note(s, c)
	e.add(&Node{Kind: Leaf, Command: c, Span: c.Span})
	return c
}

// note fills a command in and adds it to the trace.
func (e *evaluator) note(s *syntax.Stmt, c *Command) {
	c.Script = e.script
	c.Span = e.script.span(s)
	t := e.textOf(s)
	c.Text, c.Refs, c.Calls = WithoutEnd(t.Text), t.Refs, t.Calls
	c.Tags = e.script.tags(c.Span.Start, c.Span.End)
	if e.inString != nil {
		c.Script, c.Span, c.Tags = e.inString.Script, e.inString.Span, e.inString.Tags
	}
	for i := 0; i < len(c.Assigns); i++ {
		if c.Assigns[i].Name == "" {
			c.Dynamic = true
			c.Assigns = append(slices.Clone(c.Assigns[:i]), c.Assigns[i+1:]...)
			i--
		}
	}
	for _, a := range c.Assigns {
		if len(c.Words) > 0 {
			break
		}
		if call := e.localTo(a.Name); call != nil {
			c.Locals = append(c.Locals, Local{a.Name, call})
		} else {
			c.Sets = append(c.Sets, a.Name)
		}
	}
	for _, word := range c.Words {
		for i, p := range word {
			if strings.Contains(p.Text, loopMark) {
				word[i].Kind, word[i].Text, word[i].Split = Runtime, strings.ReplaceAll(p.Text, loopMark, ""), true
			}
		}
	}
	c.Dir = e.state.dir
	c.Background, c.Piped, c.Pipe, c.Test = e.background, e.piped, e.pipe, e.testing
	c.Conditions = append(slices.Clone(e.conditions), e.exits...)
	c.Guards = slices.Clone(e.guards)
	c.Outer = e.outer
	if len(c.Words) > 0 {
		c.Env = make([]Assign, 0, len(e.state.order)+len(c.Assigns))
		for _, name := range e.state.order {
			own := slices.ContainsFunc(c.Assigns, func(a Assign) bool { return a.Name == name })
			if !own {
				c.Env = append(c.Env, e.state.vars[name].assigns(name)...)
			}
		}
		c.Env = append(c.Env, c.Assigns...)
	}
	e.makes(c)
	e.seen[c.Span] = true
	e.last = c
	e.result.Commands = append(e.result.Commands, c)
}

// localTo gives the call under way whose variable a name is, nil for one of the
// script.
func (e *evaluator) localTo(name string) *Command {
	for i := len(e.locals) - 1; i >= 0; i-- {
		if _, local := e.locals[i][name]; local {
			return e.calls[i]
		}
	}
	return nil
}

// makes notes that a command may make a file that was not there.
func (e *evaluator) makes(c *Command) {
	for _, file := range e.Absent {
		made := slices.ContainsFunc(c.Redirects, func(r Redirect) bool { return strings.Contains(r.File.String(), file) })
		if !c.Test && !Quiet(c) && c.Name() != "rm" && c.Name() != "kill" {
			made = made || slices.ContainsFunc(c.Words, func(w Word) bool { return strings.Contains(w.String(), file) })
		}
		if made {
			if e.made == nil {
				e.made = map[string]bool{}
			}
			e.made[file] = true
		}
	}
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
		if at := e.script.span(a.Name); e.inString == nil && e.script.Template.HasExpr(at.Start, at.End) {
			as = append(as, Assign{Name: "", Span: e.script.span(a)})
			continue
		}
		n := Assign{Name: name, Span: e.script.span(a)}
		if a.Array != nil && a.Index == nil {
			n.isArray = true
			if v, set := e.state.vars[name]; a.Append && set {
				n.array, n.isArray = slices.Clone(v.array), v.isArray || len(v.value) == 0
			}
			for _, el := range a.Array.Elems {
				if el.Index != nil || el.Value == nil {
					n.isArray = false
					break
				}
				n.array = append(n.array, e.words([]*syntax.Word{el.Value})...)
			}
			if slices.ContainsFunc(n.array, func(w Word) bool { return !w.Known() }) {
				n.isArray = false // globs and the like: the VM knows how many there are
			}
		}
		if !n.isArray {
			n.Value = e.assigned(name, a)
		}
		as = append(as, n)
	}
	return as
}
