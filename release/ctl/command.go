package ctl

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// call evaluates a simple command: assignments, the builtins that change what
// later commands see, functions, and scripts of the release.
func (e *evaluator) call(s *syntax.Stmt, c *syntax.CallExpr) flow {
	assigns := e.assigns(c.Assigns)
	words := e.words(c.Args)
	cmd := &Command{Words: words, Assigns: assigns, Redirects: e.redirects(s)}
	if len(words) == 0 {
		e.record(s, cmd)
		for _, a := range assigns {
			if a.Name == "" {
				continue
			}
			e.assign(a)
		}
		return goesOn
	}
	name, _ := words[0].Literal()
	if first := words[0]; len(first) > 0 && first[0].Kind == ERB && first[0].Split && !strings.HasPrefix(e.tail(first), "/") {
		// the expression prints a command, or an assignment
		for _, m := range setsVariable.FindAllStringSubmatch(first[0].Text, -1) {
			cmd.Sets = append(cmd.Sets, m[1])
		}
		cmd.PrintsVariable = len(words) == 1 && onlySets.MatchString(first[0].Text)
		if len(cmd.Sets) == 0 && strings.ContainsAny(first[0].Text, "=") {
			cmd.Dynamic = true
		} else if len(cmd.Sets) == 0 {
			cmd.Missing = "what this expression prints is a command, and it is known only when the job is rendered"
		}
		e.record(s, cmd)
		for _, n := range cmd.Sets {
			e.unknown(n, e.script.span(s))
		}
		return goesOn
	}
	if f, ok := e.funcs[name]; ok {
		if len(assigns) > 0 {
			e.unclear(s, "a variable that is set for the call of a function only")
		}
		if len(s.Redirs) > 0 {
			return e.redirected(s, func() flow { return e.function(s, cmd, f) })
		}
		return e.function(s, cmd, f)
	}
	switch name {
	case "shift", "set", "unset":
		if len(e.guards) > 0 && (name == "shift" || len(words) > 1 && name == "set" && words[1].Is("--")) {
			e.unclear(s, "%s in an ERB block: what follows depends on how the job is rendered", name)
		}
	}
	switch name {
	case "exit", "return":
		cmd.Leave = true
		e.record(s, cmd)
		if name == "exit" {
			if n := len(e.conditions); n > 0 && (len(words) == 1 || words[1].Is("0")) {
				e.exits = append(slices.Clone(e.exits), Condition{Span: e.conditions[n-1].Span, Exit: true})
			}
			return exits
		}
		if n := len(e.conditions); n > e.entry {
			e.mayReturn = e.conditions[n-1].Span
		}
		return returns
	case "break", "continue":
		cmd.Leave = true
		e.record(s, cmd)
		return goesOn
	case "exec":
		if len(words) == 1 {
			e.record(s, cmd)
			return goesOn // it only redirects the script's own output
		}
		if !e.inner(s, cmd) {
			e.record(s, cmd)
		}
		return exits
	case "shift":
		e.record(s, cmd)
		n := 1
		if len(words) > 1 {
			if lit, ok := words[1].Literal(); ok {
				n, _ = strconv.Atoi(lit)
			}
		}
		if n >= 0 && n <= len(e.state.params) {
			e.state.params = e.state.params[n:] // more than there are: bash shifts nothing
		}
		return goesOn
	case "cd", "pushd":
		e.record(s, cmd)
		if name == "pushd" {
			e.state.stack = append(slices.Clone(e.state.stack), e.state.dir)
		}
		if len(words) > 1 {
			e.state.dir = e.into(words[len(words)-1])
		}
		return goesOn
	case "popd":
		e.record(s, cmd)
		if n := len(e.state.stack); n > 0 {
			e.state.dir, e.state.stack = e.state.stack[n-1], e.state.stack[:n-1]
		}
		return goesOn
	case "set":
		e.record(s, cmd)
		for i, w := range words[1:] {
			if w.Is("--") {
				e.state.params = words[i+2:]
				break
			}
			text, known := w.Literal()
			option := strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") || text == "pipefail"
			if !known || !option || text == "-a" || strings.Contains(text, "a") && !strings.Contains(text, "pipefail") {
				e.unclear(s, "what this does to the script's parameters or exports is not followed")
				break
			}
		}
		return goesOn
	case "unset":
		e.record(s, cmd)
		for _, w := range words[1:] {
			if lit, ok := w.Literal(); ok {
				delete(e.state.vars, lit)
			}
		}
		return goesOn
	case "source", ".":
		return e.sourced(s, cmd)
	case "eval":
		e.record(s, cmd)
		e.opaque = true
		return goesOn
	case "printf":
		if len(words) > 2 && words[1].Is("-v") {
			if lit, ok := words[2].Literal(); ok {
				cmd.Sets = append(cmd.Sets, lit)
			}
		}
		e.record(s, cmd)
		for _, name := range cmd.Sets {
			e.unknown(name, e.script.span(s))
		}
		return goesOn
	case "read", "mapfile", "readarray", "getopts":
		for _, w := range words[1:] {
			if lit, ok := w.Literal(); ok && lit != "" && lit[0] != '-' {
				cmd.Sets = append(cmd.Sets, lit)
			}
		}
		e.record(s, cmd)
		for _, name := range cmd.Sets {
			e.unknown(name, e.script.span(s))
		}
		return goesOn
	case "let":
		e.record(s, cmd)
		e.forget([]*syntax.Stmt{s}, e.script.span(s))
		return goesOn
	case "alias":
		e.unclear(s, "an alias changes what later commands are")
	}
	if !e.inner(s, cmd) {
		e.record(s, cmd)
	}
	return goesOn
}

// into gives the folder that a cd leads to from the current one.
func (e *evaluator) into(dir Word) Word {
	to, ok := dir.Literal()
	from, known := e.state.dir.Literal()
	if !ok || path.IsAbs(to) || to == "-" {
		return dir
	}
	if len(e.state.dir) == 0 {
		from = "/"
	}
	if !known || !path.IsAbs(from) {
		return Word{{Kind: Runtime, Text: "$PWD", Span: dir.Span()}}
	}
	return Text(path.Join(from, to), dir.Span())
}

func (e *evaluator) assign(a Assign) {
	if !a.Value.Known() && !ownName(a) {
		// the command runs once, where it stands: later the variable is meant
		e.unknown(a.Name, a.Span)
		return
	}
	e.state.set(a.Name, a.Value)
	if a.isArray {
		v := e.state.vars[a.Name]
		v.value, v.array, v.isArray = nil, a.array, true
		e.state.vars[a.Name] = v
	}
}

// setsVariable finds the assignments in the text that an expression prints.
var setsVariable = search.MustCompile(`(?:["'\s;]|^|export\s+)([A-Za-z_]\w*)=`)

// onlySets is Ruby that prints one assignment: a string that begins with it, and
// nothing in which a second command could begin.
var onlySets = search.MustCompile("^\\s*[\"'](?:export\\s+)?[A-Za-z_]\\w*=[^;`|&\\n]*$")

// tail is the literal text behind the first part of a word.
func (e *evaluator) tail(w Word) string {
	if len(w) > 1 && w[1].Kind == Literal {
		return w[1].Text
	}
	return ""
}

// ownName says whether a value is just the variable itself.
func ownName(a Assign) bool {
	return len(a.Value) == 1 && a.Value[0].Text == "${"+a.Name+"}"
}

func (e *evaluator) declare(s *syntax.Stmt, c *syntax.DeclClause) {
	assigns := e.assigns(c.Args)
	exports, global := c.Variant.Value == "export", false
	for _, a := range c.Args {
		if a.Name == nil && a.Value != nil {
			switch flag := a.Value.Lit(); {
			case flag == "-g":
				global = true
			case flag == "-x" && len(e.locals) == 0:
				exports = true
			case flag != "-r" && flag != "-a" && flag != "-A" && flag != "-f":
				e.unclear(s, "the option %s changes what the variable is or who sees it", flag)
			}
		}
	}
	cmd := &Command{Assigns: assigns, Exports: exports, Redirects: e.redirects(s)}
	for _, a := range assigns {
		if n := len(e.locals); n > 0 && a.Name != "" && c.Variant.Value != "export" && c.Variant.Value != "readonly" && !global {
			if _, saved := e.locals[n-1][a.Name]; !saved {
				e.locals[n-1][a.Name] = nil
				if v, set := e.state.vars[a.Name]; set {
					e.locals[n-1][a.Name] = &v
				}
			}
		}
	}
	e.record(s, cmd)
	for i, a := range assigns {
		if a.Name == "" {
			continue
		}
		if !naked(c, i) {
			e.assign(a)
		}
		if exports {
			e.state.export(a.Name)
		}
	}
}

// naked says whether the i-th named argument of a declaration has no "=".
func naked(c *syntax.DeclClause, i int) bool {
	for _, a := range c.Args {
		if a.Name == nil {
			continue
		}
		if i == 0 {
			return a.Naked
		}
		i--
	}
	return false
}

// function evaluates a call of one of the script's own functions.
func (e *evaluator) function(s *syntax.Stmt, call *Command, f Function) flow {
	call.Followed = true
	e.note(s, call)
	node := e.add(&Node{Kind: Call, Command: call, Span: call.Span})
	if e.depth >= maxDepth {
		e.unclear(s, "calls are nested more than %d deep: not followed", maxDepth)
		return goesOn
	}
	defer func(script *Script, params []Word, static, guards []erb.Guard, conds, entry int, may source.Span) {
		e.script, e.state.params, e.static, e.guards = script, params, static, guards
		e.entry, e.mayReturn = entry, may
		e.conditions = e.conditions[:conds]
		e.depth--
		for name, v := range e.locals[len(e.locals)-1] {
			if v == nil {
				delete(e.state.vars, name)
			} else {
				e.state.vars[name] = *v
			}
		}
		e.locals, e.calls = e.locals[:len(e.locals)-1], e.calls[:len(e.calls)-1]
	}(e.script, e.state.params, e.static, e.guards, len(e.conditions), e.entry, e.mayReturn)
	e.entry, e.mayReturn = len(e.conditions), source.Span{}
	e.depth++
	e.locals, e.calls = append(e.locals, map[string]*variable{}), append(e.calls, call)
	e.script, e.state.params = f.Script, call.Words[1:]
	e.static = f.Script.Template.Guards(f.Script.span(f.body).Start)
	var got flow
	node.Body = e.nest(func() { got = e.stmt(f.body) })
	if got == exits {
		return exits
	}
	return goesOn
}

// sourced evaluates a sourced file of the release in the current state.
func (e *evaluator) sourced(s *syntax.Stmt, call *Command) flow {
	if len(call.Words) < 2 {
		e.record(s, call)
		return goesOn
	}
	vmPath, ok := call.Words[1].Literal()
	if !ok {
		call.Dynamic = true // what it sets is not known either
		e.record(s, call)
		e.opaque = true
		return goesOn
	}
	script := e.load(s, call, vmPath)
	if script == nil {
		e.record(s, call)
		e.opaque = true
		return goesOn
	}
	call.Followed = true
	e.note(s, call)
	node := e.add(&Node{Kind: Source, Command: call, Span: call.Span})
	defer func(params []Word) { e.state.params = params; e.depth-- }(e.state.params)
	e.depth++
	if len(call.Words) > 2 {
		e.state.params = call.Words[2:]
	}
	var got flow
	node.Body = e.nest(func() { got = e.run(script) })
	if got == exits {
		return exits
	}
	return goesOn
}

// load finds and parses the script at a path on the VM; nil when there is
// none, and then the call says why.
func (e *evaluator) load(n syntax.Node, call *Command, vmPath string) *Script {
	if e.depth >= maxDepth {
		e.unclear(n, "scripts are nested more than %d deep: not followed", maxDepth)
		return nil
	}
	f, err := e.Lookup(vmPath)
	if err != nil {
		call.Missing = err.Error()
		return nil
	}
	if f == nil {
		call.Missing = vmPath + " is not in this release"
		return nil
	}
	script, err := ParseScript(vmPath, f)
	if err != nil {
		call.Missing = err.Error()
		return nil
	}
	return script
}

// inner evaluates what a command runs as a shell of its own: a script of the
// job, or the command string of su -c and bash -c. It returns false when the
// command is no such thing, or when nothing in it stays: then it is a step like
// any other.
func (e *evaluator) inner(s *syntax.Stmt, cmd *Command) bool {
	if !mayStart(cmd.Words[0]) {
		return false
	}
	probe := *cmd
	probe.Outer, probe.Background = e.outer, e.background
	probe.Dir = e.state.dir
	for _, name := range e.state.order {
		probe.Env = append(probe.Env, e.state.vars[name].assigns(name)...)
	}
	probe.Env = append(probe.Env, cmd.Assigns...)
	probe.Span = e.script.span(s)
	launch := Unwrap(&probe)
	if launch == nil {
		return false
	}
	var script *Script
	inString := e.inString
	params := launch.Args
	switch {
	case launch.String != nil:
		// what stands behind the string is $0, $1 and so on
		for i, a := range launch.Args {
			if sameWord(a, launch.String) {
				params = launch.Args[min(i+2, len(launch.Args)):]
				if i+1 < len(launch.Args) {
					launch.Executable = launch.Args[i+1]
				}
				break
			}
		}
		script = e.stringScript(launch.String)
		if e.inString == nil {
			e.note(s, cmd)
			e.result.Commands = e.result.Commands[:len(e.result.Commands)-1]
			inString = cmd
		}
	default:
		vmPath, ok := launch.Executable.Literal()
		if !ok {
			return false
		}
		f, err := e.Lookup(vmPath)
		if err != nil || f == nil {
			return false
		}
		if name, shell := Shell(f); !shell || name == "" {
			return false
		}
		if script, err = ParseScript(vmPath, f); err != nil {
			return false
		}
		inString = nil
	}
	if script == nil {
		return false
	}
	if e.depth >= maxDepth {
		e.unclear(s, "scripts are nested more than %d deep: not followed", maxDepth)
		return false
	}
	result := *e.result
	seen, exits := e.seen, e.exits
	e.seen = maps.Clone(seen)
	undo := func() {
		e.exits = exits
		unclear := e.result.Unclear
		*e.result = result
		_ = unclear
		e.seen = seen
	}
	e.note(s, cmd)
	cmd.Followed = true
	node := &Node{Kind: Run, Command: cmd, Span: cmd.Span, Script: e.script}
	first := len(e.result.Commands)
	func() {
		defer func(st *state, funcs map[string]Function, in *Command, outer *Launch, sc *Script, static []erb.Guard, base int, opaque, background bool) {
			e.background = background
			e.state, e.funcs, e.inString, e.outer, e.script = st, funcs, in, outer, sc
			e.static, e.base, e.opaque = static, base, opaque
			e.depth--
		}(e.state, e.funcs, e.inString, e.outer, e.script, e.static, e.base, e.opaque, e.background)
		e.depth++
		next := &state{vars: map[string]variable{"PATH": {value: Text(monitPath, source.Span{}), exports: exportedAlways}}, params: params, name: launch.Executable, dir: launch.Dir}
		if launch.Login {
			for name, value := range map[string]string{"HOME": "/home/" + launch.User, "USER": launch.User, "LOGNAME": launch.User} {
				next.set(name, Text(value, source.Span{}))
			}
		}
		next.hidden = e.unexported()
		e.outer, e.inString = launch, inString
		e.background = false
		e.state, e.funcs = next, map[string]Function{}
		for _, a := range launch.Env {
			before := next.vars[a.Name].exports
			e.assign(a)
			e.state.export(a.Name)
			if v := e.state.vars[a.Name]; len(a.Guards) > 0 {
				v.exports = append(slices.Clone(before), a.Guards)
				e.state.vars[a.Name] = v
			}
		}
		node.Body = e.nest(func() {
			if launch.String != nil {
				e.script = script
				e.static, e.base = nil, 0
				e.list(script.tree.Stmts)
			} else {
				e.run(script)
			}
		})
	}()
	if launch.How != "exec" {
		e.exits = exits // one in it only ends what was started
	}
	if launch.How != "" {
		for i := len(e.result.Commands) - 1; i >= first; i-- {
			if c := e.result.Commands[i]; !c.Followed && len(c.Words) > 0 && !Quiet(c) {
				c.Last = !c.Test && !c.Pipe
				break
			}
		}
	}
	if endless(node.Body) || !stays(e.result.Commands[first:], launch.How != "") {
		undo()
		cmd.Followed = false
		return false
	}
	*e.out = append(*e.out, node)
	return true
}

// unexported lists the variables that a script which is started here does not
// see.
func (e *evaluator) unexported() map[string]bool {
	names := maps.Clone(e.state.hidden)
	if names == nil {
		names = map[string]bool{}
	}
	for name, v := range e.state.vars {
		names[name] = len(v.exports) == 0
	}
	return names
}

// mayStart says whether a command's first word can be a launcher, or a script of
// the release.
func mayStart(w Word) bool {
	name, ok := w.Literal()
	if !ok {
		return len(w) > 1 && w[len(w)-1].Kind == Literal
	}
	if strings.HasPrefix(name, "/var/vcap/") {
		return true
	}
	switch path.Base(name) {
	case "exec", "nohup", "nice", "chpst", "setuidgid", "gosu", "su-exec", "sudo", "su", "runuser", "setpriv", "env", "timeout", "start-stop-daemon", "bash", "sh", "dash":
		return true
	}
	return strings.Contains(name, "/") && !strings.HasPrefix(name, "/bin/") && !strings.HasPrefix(name, "/usr/bin/")
}

// endless says whether a script ends in a loop without an end or in a sleep
// without one: then it is the process itself.
func endless(nodes []*Node) bool {
	found := false
	Walk(nodes, func(n *Node) {
		switch {
		case n.Kind == Loop:
			switch strings.Join(strings.Fields(n.Head), " ") {
			case "while true", "while :", "until false", "while [ 1 ]", "while [[ 1 ]]", "while [ true ]", "while [[ true ]]", "while ((1))", "while 1":
				found = true
			}
		case n.Kind == Leaf && n.Command.Name() == "sleep" && len(n.Command.Words) > 1 && n.Command.Words[1].Is("infinity"):
			found = true
		}
	})
	return found
}

// stays says whether one of the commands leaves a process behind.
func stays(commands []*Command, all bool) bool {
	for _, c := range commands {
		if c.Followed || len(c.Words) == 0 {
			continue
		}
		if all && c.Last {
			return true
		}
		if u := Unwrap(c); u != nil && (u.How == "exec" || u.How == "&" || u.How == "start-stop-daemon" || Daemonizes != nil && Daemonizes(u)) {
			return true
		}
	}
	return false
}

// Daemonizes says whether a program puts itself in the background; set by
// package convert, which has the table of them.
var Daemonizes func(l *Launch) bool

// Quiet says whether a command is one that only computes or prints.
func Quiet(c *Command) bool {
	switch c.Name() {
	case "echo", "printf", "date", "set", "exit", "return", "trap", "cd", "ulimit", "sleep", "true", ":", "shift", "umask", "mkdir", "chown", "exec", "[", "test", "source", ".":
		return true
	}
	return false
}

// stringScript makes a script of a command string. Expressions stay what they
// are; so does what only the VM knows.
func (e *evaluator) stringScript(w Word) *Script {
	text := TagParts(w, func(p Part) string {
		if p.Kind == ERB {
			return "<%= " + p.Text + " %>"
		}
		return p.Text
	})
	script, err := ParseScript(e.script.Path, &source.File{Name: e.script.File.Name, Data: []byte(text)})
	if err != nil {
		return nil
	}
	return script
}
