package ctl

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
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
			e.assign(a)
			if a.Name == "IFS" {
				e.unclear(s, "IFS is set, so words are split otherwise than this evaluation does")
			}
		}
		return goesOn
	}
	name, _ := words[0].Literal()
	if f, ok := e.funcs[name]; ok {
		if len(assigns) > 0 {
			e.unclear(s, "a variable that is set for the call of a function only")
		}
		return e.function(s, cmd, f)
	}
	switch name {
	case "exit", "return", "shift", "set", "unset":
		if len(e.script.Template.Guards(e.script.span(s).Start)) > 0 {
			e.unclear(s, "%s in an ERB block: what follows depends on how the job is rendered", name)
		}
	}
	switch name {
	case "exit":
		e.record(s, cmd)
		return exits
	case "return":
		if len(e.conditions) > 0 {
			e.unclear(s, "whether what follows in the function runs is decided on the VM")
		}
		e.record(s, cmd)
		return returns
	case "exec":
		e.record(s, cmd)
		if len(words) == 1 {
			return goesOn // it only redirects the script's own output
		}
		_, cmd.Followed = e.follow(cmd, words[1:])
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
		if len(words) > 1 {
			e.state.dir = words[len(words)-1]
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
	case "read", "eval", "trap", "mapfile", "readarray", "getopts", "printf":
		e.record(s, cmd)
		if name == "eval" {
			e.unclear(s, "eval: what it runs is known only on the VM")
		}
		if name == "read" || name == "mapfile" || name == "readarray" || name == "getopts" {
			for _, w := range words[1:] {
				if lit, ok := w.Literal(); ok && lit != "" && lit[0] != '-' {
					e.state.set(lit, Word{{Kind: Runtime, Text: "${" + lit + "}", Span: e.script.span(s)}})
				}
			}
		}
		return goesOn
	}
	e.record(s, cmd)
	return goesOn
}

func (e *evaluator) assign(a Assign) {
	if len(e.script.Template.Guards(a.Span.Start)) > 0 {
		// only set when the ERB block around it is rendered
		a.Value = append(Word{}, a.Value...)
		old := e.state.vars[a.Name].value
		if old.String() != a.Value.String() {
			e.state.set(a.Name, Word{{Kind: Runtime, Text: "${" + a.Name + "}", Span: a.Span}})
			return
		}
	}
	e.state.set(a.Name, a.Value)
}

func (e *evaluator) declare(s *syntax.Stmt, c *syntax.DeclClause) {
	assigns := e.assigns(c.Args)
	exports := c.Variant.Value == "export"
	for _, a := range c.Args {
		if a.Name == nil && a.Value != nil {
			switch flag := a.Value.Lit(); {
			case flag == "-x" && len(e.locals) == 0:
				exports = true
			case flag != "-r" && flag != "-g" && flag != "-a" && flag != "-A" && flag != "-f":
				e.unclear(s, "the option %s changes what the variable is or who sees it", flag)
			}
		}
	}
	e.record(s, &Command{Assigns: assigns, Exports: exports, Redirects: e.redirects(s)})
	for i, a := range assigns {
		if n := len(e.locals); n > 0 && c.Variant.Value != "export" && c.Variant.Value != "readonly" {
			if _, saved := e.locals[n-1][a.Name]; !saved {
				e.locals[n-1][a.Name] = nil
				if v, set := e.state.vars[a.Name]; set {
					e.locals[n-1][a.Name] = &v
				}
			}
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
func (e *evaluator) function(s *syntax.Stmt, call *Command, f function) flow {
	call.Followed = true
	e.record(s, call)
	if e.depth >= maxDepth {
		e.unclear(s, "calls are nested more than %d deep: not followed", maxDepth)
		return goesOn
	}
	defer func(script *Script, params []Word) {
		e.script, e.state.params = script, params
		e.depth--
		for name, v := range e.locals[len(e.locals)-1] {
			if v == nil {
				delete(e.state.vars, name)
			} else {
				e.state.vars[name] = *v
			}
		}
		e.locals = e.locals[:len(e.locals)-1]
	}(e.script, e.state.params)
	e.depth++
	e.locals = append(e.locals, map[string]*variable{})
	e.script, e.state.params = f.script, call.Words[1:]
	if got := e.stmt(f.body); got == exits {
		return exits
	}
	return goesOn
}

// sourced evaluates a sourced file of the release in the current state.
func (e *evaluator) sourced(s *syntax.Stmt, call *Command) flow {
	e.record(s, call)
	if len(call.Words) < 2 {
		return goesOn
	}
	vmPath, ok := call.Words[1].Literal()
	if !ok {
		e.unclear(s, "what it sources is known only on the VM")
		return goesOn
	}
	script := e.load(s, vmPath)
	if script == nil {
		return goesOn
	}
	call.Followed = true
	defer func(params []Word) { e.state.params = params; e.depth-- }(e.state.params)
	e.depth++
	if len(call.Words) > 2 {
		e.state.params = call.Words[2:]
	}
	if got := e.run(script); got == exits {
		return exits
	}
	return goesOn
}

// load finds and parses the script at a path on the VM; nil when there is
// none, which is said.
func (e *evaluator) load(n syntax.Node, vmPath string) *Script {
	if e.depth >= maxDepth {
		e.unclear(n, "scripts are nested more than %d deep: not followed", maxDepth)
		return nil
	}
	f, err := e.lookup(vmPath)
	if err != nil {
		e.unclear(n, "%s: %v", vmPath, err)
		return nil
	}
	if f == nil {
		e.unclear(n, "%s is not in this release", vmPath)
		return nil
	}
	script, err := ParseScript(vmPath, f)
	if err != nil {
		e.unclear(n, "%v", err)
		return nil
	}
	return script
}

// follow evaluates a shell script of the release that is executed, in a state
// of its own with the environment that it is given. followed is false when the
// command is no such script: then it is the process itself.
func (e *evaluator) follow(cmd *Command, words []Word) (flow, bool) {
	vmPath, ok := words[0].Literal()
	if !ok || e.depth >= maxDepth {
		return goesOn, false
	}
	f, err := e.lookup(vmPath)
	if err != nil || f == nil {
		return goesOn, false
	}
	if name, shell := Shell(f); !shell || name == "" {
		return goesOn, false
	}
	script, err := ParseScript(vmPath, f)
	if err != nil {
		return goesOn, false
	}
	defer func(st *state, funcs map[string]function) {
		e.state, e.funcs = st, funcs
		e.depth--
	}(e.state, e.funcs)
	e.depth++
	next := &state{vars: map[string]variable{}, params: words[1:], name: words[0], dir: cmd.Dir}
	for _, a := range cmd.Env {
		next.vars[a.Name] = variable{a.Value, true}
		next.order = append(next.order, a.Name)
	}
	e.state, e.funcs = next, map[string]function{}
	return e.run(script), true
}
