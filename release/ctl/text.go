package ctl

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// text is what a piece of script needs and does, told from its syntax.
type text struct {
	// Text is the source, with the values of variables that are known.
	Text string
	// Refs are the variables that are left in it, Calls the names of the
	// commands and functions in it.
	Refs, Calls []string
}

// safe is what a value may hold to stand in a script in place of its variable.
var safe = search.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// textOf gives the source of a node, as it would be written had its known
// variables never been variables.
func (e *evaluator) textOf(n syntax.Node) text {
	span := e.script.span(n)
	span.End = e.end(n, span.End)
	return e.textIn(span, n)
}

// end widens a statement by the here-documents that begin in it.
func (e *evaluator) end(n syntax.Node, end int) int {
	data := e.script.File.Data
	if !e.script.heredocs {
		return end
	}
	syntax.Walk(n, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && r.Hdoc != nil {
			at := int(r.Hdoc.End().Offset())
			at = min(at, len(data))
			stop := at
			if i := strings.IndexByte(string(data[at:]), '\n'); i >= 0 {
				stop = at + i
			} else {
				stop = len(data)
			}
			end = max(end, stop)
		}
		return true
	})
	return end
}

// textRaw is the source of a node as it is written, for what may run more than
// once: the values of its variables are not those of now.
func (e *evaluator) textRaw(n syntax.Node) text {
	span := e.script.span(n)
	span.End = e.end(n, span.End)
	return e.textWith(span, true, n)
}

func (e *evaluator) textIn(span source.Span, nodes ...syntax.Node) text {
	return e.textWith(span, false, nodes...)
}

func (e *evaluator) textWith(span source.Span, raw bool, nodes ...syntax.Node) text {
	if e.Bare {
		return text{Text: strings.TrimRight(span.Text(), " \t\n")}
	}
	var t text
	var edits []source.Edit
	skip := 0
	add := func(list *[]string, name string) {
		if name != "" && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for _, n := range nodes {
		for _, u := range e.script.uses(n) {
			if u.param == nil {
				if u.ref {
					add(&t.Refs, u.name)
				} else {
					add(&t.Calls, u.name)
				}
				continue
			}
			if !raw {
				if value, ok := e.plain(u.param, u.quoted); ok {
					edits = append(edits, source.Edit{Start: u.start - span.Start, End: u.end - span.Start, New: value})
					skip = u.end
					continue
				}
			}
			if u.start < skip {
				continue // inside one that is replaced
			}
			add(&t.Refs, u.param.Param.Value)
		}
	}
	for _, name := range e.script.printed(span.Start, span.End) {
		add(&t.Refs, name)
	}
	written := span.File.Data[span.Start:span.End]
	after, err := source.Apply(written, edits)
	if err != nil {
		after = written
	}
	t.Text = strings.TrimRight(string(after), " \t\n")
	return t
}

// printed lists the shell variables in the text that ERB expressions print.
func (s *Script) printed(start, end int) []string {
	var names []string
	for _, seg := range s.Template.Within(start, end) {
		if seg.Kind == erb.Expr {
			for _, m := range inRuby.FindAllStringSubmatch(seg.Code(s.Template), -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

var inRuby = search.MustCompile(`\$\{?([A-Za-z_]\w*)`)

// use is a variable or a command that a piece of script names.
type use struct {
	param      *syntax.ParamExp
	quoted     bool // in double quotes
	start, end int
	name       string
	ref        bool // of a variable in an arithmetic expression
}

// uses lists what a node names; it is worked out once.
func (s *Script) uses(n syntax.Node) []use {
	if list, ok := s.used.Load(n); ok {
		return list.([]use)
	}
	var list []use
	var visit func(n syntax.Node, quoted bool)
	visit = func(n syntax.Node, quoted bool) {
		syntax.Walk(n, func(c syntax.Node) bool {
			if c == nil || c == n {
				return true
			}
			switch c := c.(type) {
			case *syntax.DblQuoted:
				visit(c, true)
				return false
			case *syntax.CmdSubst, *syntax.ProcSubst:
				visit(c, false)
				return false
			case *syntax.ParamExp, *syntax.CallExpr, *syntax.ArithmExp, *syntax.ArithmCmd:
				list = s.use(list, c, quoted)
			}
			return true
		})
	}
	switch n.(type) {
	case *syntax.ParamExp, *syntax.CallExpr, *syntax.ArithmExp, *syntax.ArithmCmd:
		list = s.use(list, n, false)
	}
	_, quoted := n.(*syntax.DblQuoted)
	visit(n, quoted)
	s.used.Store(n, list)
	return list
}

func (s *Script) use(list []use, n syntax.Node, quoted bool) []use {
	switch n := n.(type) {
	case *syntax.ParamExp:
		if n.Param != nil {
			span := s.span(n)
			return append(list, use{param: n, quoted: quoted, start: span.Start, end: span.End})
		}
	case *syntax.CallExpr:
		if len(n.Args) > 0 {
			if name := n.Args[0].Lit(); name != "" {
				return append(list, use{name: name})
			}
		}
	default:
		syntax.Walk(n, func(n syntax.Node) bool {
			if w, ok := n.(*syntax.Word); ok && syntax.ValidName(w.Lit()) {
				list = append(list, use{name: w.Lit(), ref: true})
			}
			return true
		})
	}
	return list
}

// inContainers are variables that bpm sets for a process, or the agent for a
// script: what is written for an empty one would change its meaning.
var inContainers = map[string]bool{"HOME": true, "USER": true, "LOGNAME": true, "TMPDIR": true, "PATH": true, "LANG": true}

// plain gives the value of a parameter expansion as it can stand in its place.
func (e *evaluator) plain(p *syntax.ParamExp, quoted bool) (string, bool) {
	if p.Param == nil {
		return "", false
	}
	if _, set := e.state.vars[p.Param.Value]; !set && p.Exp != nil && syntax.ValidName(p.Param.Value) && !e.state.hidden[p.Param.Value] && !inContainers[p.Param.Value] {
		return "", false // ${X:-default}: its author left X open
	}
	value, all := e.param(p)
	if all != nil || (p.Param.Value == "0" || p.Param.Value == "BASH_SOURCE") && p.Exp == nil {
		return "", false
	}
	var b strings.Builder
	for _, part := range value {
		switch {
		case len(part.Guards) > 0 || part.Kind == Runtime || part.Quote == '\'' || part.Quote != 0 && !quoted || strings.Contains(part.Text, loopMark):
			return "", false
		case part.Kind == ERB:
			b.WriteString("<%= " + part.Text + " %>")
		case safe.MatchString(part.Text):
			b.WriteString(part.Text)
		case quoted && !strings.ContainsAny(part.Text, "\"$`\\\n<"):
			b.WriteString(part.Text)
		default:
			return "", false
		}
	}
	if _, set := e.state.vars[p.Param.Value]; b.Len() == 0 && !quoted && (set || !e.state.hidden[p.Param.Value]) {
		return "", false
	}
	return b.String(), true
}

// assignedIn lists the variables that statements set, also by the functions
// that they call.
func (e *evaluator) assignedIn(stmts []*syntax.Stmt) []string {
	var names []string
	add := func(name string) {
		if syntax.ValidName(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	called := map[string]bool{}
	var visit func(stmts ...*syntax.Stmt)
	visit = func(stmts ...*syntax.Stmt) {
		for _, s := range stmts {
			syntax.Walk(s, func(n syntax.Node) bool {
				switch n := n.(type) {
				case *syntax.CmdSubst, *syntax.ProcSubst, *syntax.Subshell, *syntax.FuncDecl:
					return false
				case *syntax.Assign:
					if n.Name != nil && !n.Naked {
						add(n.Name.Value)
					}
				case *syntax.WordIter:
					add(n.Name.Value)
				case *syntax.BinaryArithm:
					if w, ok := n.X.(*syntax.Word); ok && strings.HasSuffix(n.Op.String(), "=") {
						add(w.Lit())
					}
				case *syntax.UnaryArithm:
					if w, ok := n.X.(*syntax.Word); ok {
						add(w.Lit())
					}
				case *syntax.CallExpr:
					if len(n.Args) == 0 {
						return true
					}
					name := n.Args[0].Lit()
					switch name {
					case "read", "mapfile", "readarray", "getopts", "unset", "let":
						for _, w := range n.Args[1:] {
							add(w.Lit())
						}
					}
					if f, ok := e.funcs[name]; ok && !called[name] {
						called[name] = true
						visit(f.body)
					}
				}
				return true
			})
		}
	}
	visit(stmts...)
	return names
}
