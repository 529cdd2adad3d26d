package vm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	shellparser "github.com/bosh-bpmify/bosh-bpmify/release/shell"
)

// The interpreter runs pipelines and background commands side by side, makes
// named pipes on the host for process substitutions, and knows no file
// descriptors above 2. On this machine one thing happens after the other, and
// nothing of the host is touched: scripts are rewritten before they run.
//
// Names that begin with __vm_ are this package's.

// outDir and pipeDir hold what the rewritten script writes to and reads from.
const (
	outDir  = "/dev/vm/out/"
	pipeDir = "/dev/vm/pipe/"
)

// rewriter changes the tree of one script.
type rewriter struct {
	*VM
	// at is the name of the script, for the places of commands: sourced files,
	// eval and functions make the interpreter's own positions those of some text.
	// "" leaves the place of the caller; with line it is that for all of the text.
	at   string
	line int
}

// place is what a command is told of where it stands.
func (r *rewriter) place(c *syntax.CallExpr) {
	if r.at == "" || len(c.Args) == 0 {
		return
	}
	line := r.line
	if line == 0 {
		line = int(c.Pos().Line())
	}
	value := &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Left: c.Pos(), Right: c.Pos(), Value: fmt.Sprintf("%d:%s", line, r.at)}}}
	c.Assigns = append(c.Assigns, &syntax.Assign{Name: &syntax.Lit{ValuePos: c.Pos(), Value: "__vm_at"}, Value: value})
}

// number gives a name that is used once.
func (v *VM) number() string {
	v.names++
	return strconv.Itoa(v.names)
}

func (r *rewriter) stmts(list []*syntax.Stmt) {
	for _, s := range list {
		r.stmt(s)
	}
}

// stmt rewrites what is in a statement, then the statement itself.
func (r *rewriter) stmt(s *syntax.Stmt) {
	syntax.Walk(s, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			if n != s {
				r.stmt(n)
				return false
			}
		case *syntax.WhileClause:
			n.Do = append([]*syntax.Stmt{call(n.Pos(), ":")}, n.Do...) // every round counts as a step
		case *syntax.ForClause:
			n.Do = append([]*syntax.Stmt{call(n.Pos(), ":")}, n.Do...)
		case *syntax.CallExpr:
			r.place(n)
		case *syntax.FuncDecl:
			if n.Name != nil {
				r.functions[n.Name.Value] = true
				r.declared[n.Name.Value] = n
			}
		case *syntax.ParamExp:
			r.param(n)
		case *syntax.Word:
			r.word(n)
		case *syntax.DblQuoted:
			r.parts(n.Parts)
		}
		return true
	})
	if d, ok := s.Cmd.(*syntax.DeclClause); ok {
		r.exported(s, d)
	}
	r.redirects(s)
	if b, ok := s.Cmd.(*syntax.BinaryCmd); ok && (b.Op == syntax.Pipe || b.Op == syntax.PipeAll) {
		r.pipe(s, b)
	}
	if s.Background || s.Coprocess {
		r.background(s)
	}
}

// exported replaces export -f, which the interpreter does not have: shells that
// are started later know the function.
func (r *rewriter) exported(s *syntax.Stmt, d *syntax.DeclClause) {
	var words []string
	functions := false
	for _, a := range d.Args {
		switch {
		case a.Value != nil && a.Value.Lit() == "-f":
			functions = true
		case a.Name != nil:
			words = append(words, a.Name.Value)
		}
	}
	if functions && d.Variant.Value == "export" {
		s.Cmd = call(s.Pos(), append([]string{"__vm_export"}, words...)...).Cmd
	}
}

// param replaces parameters that the interpreter takes from the host.
func (r *rewriter) param(p *syntax.ParamExp) {
	if p.Param == nil {
		return
	}
	switch p.Param.Value {
	case "!":
		p.Param.Value, p.Short = "__vm_bang", false
	case "$", "BASHPID":
		p.Param.Value, p.Short = "__vm_pid", false
	case "PPID":
		p.Param.Value, p.Short = "__vm_ppid", false
	case "RANDOM", "SRANDOM":
		p.Param.Value, p.Short = "__vm_random", false
	case "SECONDS", "EPOCHSECONDS":
		p.Param.Value, p.Short = "__vm_seconds", false
	}
}

func (r *rewriter) word(w *syntax.Word) { r.parts(w.Parts) }

// parts replaces process substitutions: what is written to one is dropped, what
// one prints is read from a file.
func (r *rewriter) parts(parts []syntax.WordPart) {
	for i, p := range parts {
		if e, ok := p.(*syntax.ParamExp); ok && r.at != "" && e.Param != nil && e.Param.Value == "BASH_SOURCE" && e.Exp == nil && e.Slice == nil && e.Repl == nil && !e.Length {
			parts[i] = &syntax.Lit{ValuePos: e.Pos(), ValueEnd: e.End(), Value: r.at} // of the file that says so
			continue
		}
		ps, ok := p.(*syntax.ProcSubst)
		if !ok {
			continue
		}
		name := outDir + r.number()
		if ps.Op == syntax.CmdOut {
			r.outputs[name] = printed(ps.Stmts)
			parts[i] = &syntax.Lit{ValuePos: ps.Pos(), ValueEnd: ps.End(), Value: name}
			continue
		}
		r.stmts(ps.Stmts)
		save := call(ps.Pos(), "__vm_file", pipeDir+r.number())
		from := &syntax.Stmt{Position: ps.Pos(), Cmd: &syntax.Subshell{Lparen: ps.Pos(), Rparen: ps.End(), Stmts: ps.Stmts}}
		both := &syntax.Stmt{Position: ps.Pos(), Cmd: &syntax.BinaryCmd{OpPos: ps.Pos(), Op: syntax.Pipe, X: from, Y: save}}
		r.pipe(both, both.Cmd.(*syntax.BinaryCmd))
		parts[i] = &syntax.CmdSubst{Left: ps.Pos(), Right: ps.End(), Stmts: []*syntax.Stmt{both}}
	}
}

// printed is the text of statements in a line.
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

func lit(at syntax.Pos, s string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: at, ValueEnd: at, Value: s}}}
}

func variable(at syntax.Pos, name string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Left: at, Right: at, Parts: []syntax.WordPart{&syntax.ParamExp{Dollar: at, Param: &syntax.Lit{Value: name}}}}}}
}

// call is a statement that calls a command with plain words.
func call(at syntax.Pos, words ...string) *syntax.Stmt {
	c := &syntax.CallExpr{}
	for _, w := range words {
		c.Args = append(c.Args, lit(at, w))
	}
	return &syntax.Stmt{Position: at, Cmd: c}
}

// assign is the statement name=$from.
func assign(at syntax.Pos, name string, value *syntax.Word) *syntax.Stmt {
	return &syntax.Stmt{Position: at, Cmd: &syntax.CallExpr{Assigns: []*syntax.Assign{{Name: &syntax.Lit{ValuePos: at, Value: name}, Value: value}}}}
}

func redirect(op syntax.RedirOperator, at syntax.Pos, to string) *syntax.Redirect {
	return &syntax.Redirect{OpPos: at, Op: op, Word: lit(at, to)}
}

// pipe makes a | b one after the other:
//
//	{ ! (a) >pipe; x=$?; ! [[ -o pipefail ]]; f=$?; (b) <pipe; __vm_status $? $x $f; }
//
// A statement that is negated does not end a script that runs with set -e.
func (r *rewriter) pipe(s *syntax.Stmt, b *syntax.BinaryCmd) {
	at, n := b.Pos(), r.number()
	pipe, x, f := pipeDir+n, "__vm_x"+n, "__vm_f"+n
	sub := func(s *syntax.Stmt) *syntax.Stmt {
		return &syntax.Stmt{Position: s.Pos(), Cmd: &syntax.Subshell{Lparen: s.Pos(), Rparen: s.End(), Stmts: []*syntax.Stmt{s}}}
	}
	left, right := sub(b.X), sub(b.Y)
	left.Negated = true
	left.Redirs = []*syntax.Redirect{redirect(syntax.RdrOut, at, pipe)}
	if b.Op == syntax.PipeAll {
		two := redirect(syntax.DplOut, at, "1")
		two.N = &syntax.Lit{ValuePos: at, Value: "2"}
		left.Redirs = append(left.Redirs, two)
	}
	right.Redirs = []*syntax.Redirect{redirect(syntax.RdrIn, at, pipe)}
	option := &syntax.Stmt{Position: at, Negated: true, Cmd: &syntax.TestClause{Left: at, Right: at, X: &syntax.UnaryTest{OpPos: at, Op: syntax.TsOptSet, X: lit(at, "pipefail")}}}
	status := call(at, "__vm_status")
	c := status.Cmd.(*syntax.CallExpr)
	c.Args = append(c.Args, variable(at, "?"), variable(at, x), variable(at, f))
	s.Cmd = &syntax.Block{Lbrace: at, Rbrace: b.End(), Stmts: []*syntax.Stmt{
		left, assign(at, x, variable(at, "?")), option, assign(at, f, variable(at, "?")), right, status,
	}}
}

// background makes a & run to its end before the script goes on, with a pid.
func (r *rewriter) background(s *syntax.Stmt) {
	at := s.Pos()
	inner := *s
	inner.Background, inner.Coprocess, inner.Negated = false, false, false
	s.Background, s.Coprocess, s.Disown, s.Redirs = false, false, false, nil
	job := &syntax.Stmt{Position: at, Background: true, Cmd: &syntax.Block{Lbrace: at, Rbrace: s.End(), Stmts: []*syntax.Stmt{assign(at, "__vm_background", lit(at, "1")), &inner}}}
	s.Cmd = &syntax.Block{Lbrace: at, Rbrace: s.End(), Stmts: []*syntax.Stmt{job, call(at, "__vm_join")}}
}

// redirects leaves those that the interpreter knows. What goes to another
// descriptor is opened, for what that does to the file, and dropped.
func (r *rewriter) redirects(s *syntax.Stmt) {
	var kept []*syntax.Redirect
	for _, rd := range s.Redirs {
		fd := ""
		if rd.N != nil {
			fd = rd.N.Value
		}
		target := ""
		if rd.Word != nil {
			target = rd.Word.Lit()
		}
		switch rd.Op {
		case syntax.RdrClob:
			rd.Op = syntax.RdrOut
		case syntax.RdrAllClob:
			rd.Op = syntax.RdrAll
		case syntax.AppAllClob:
			rd.Op = syntax.AppAll
		case syntax.AppClob:
			rd.Op = syntax.AppOut
		case syntax.RdrInOut:
			rd.Op = syntax.RdrIn
		case syntax.DplOut:
			number := target == "-" || target != "" && strings.Trim(target, "0123456789") == ""
			if !number && fd == "" && target != "" {
				rd.Op = syntax.RdrAll
			} else if target != "1" && target != "2" && target != "-" {
				continue // a copy of another descriptor: where it leads is not followed
			}
		case syntax.DplIn:
			if target != "-" {
				continue
			}
		}
		if fd != "" && fd != "0" && fd != "1" && fd != "2" {
			if rd.Op == syntax.DplOut || rd.Op == syntax.DplIn || rd.Op == syntax.Hdoc || rd.Op == syntax.DashHdoc || rd.Op == syntax.WordHdoc {
				continue
			}
			open := *rd
			open.N = nil
			opener := &syntax.Stmt{Position: rd.OpPos, Cmd: call(rd.OpPos, ":").Cmd, Redirs: []*syntax.Redirect{&open}}
			first := s.Cmd
			if first == nil {
				s.Cmd = opener.Cmd
				kept = append(kept, &open)
				continue
			}
			if c, ok := first.(*syntax.CallExpr); ok && len(c.Args) == 1 && c.Args[0].Lit() == "exec" {
				// exec 9>file: the file is opened, no more
				s.Cmd = &syntax.Block{Lbrace: s.Pos(), Rbrace: s.End(), Stmts: []*syntax.Stmt{opener, {Position: s.Pos(), Cmd: first, Redirs: without(s.Redirs, rd)}}}
				s.Redirs = nil
				r.redirects(s.Cmd.(*syntax.Block).Stmts[1])
				return
			}
			s.Cmd = &syntax.Block{Lbrace: s.Pos(), Rbrace: s.End(), Stmts: []*syntax.Stmt{opener, {Position: s.Pos(), Cmd: first}}}
			continue
		}
		kept = append(kept, rd)
	}
	s.Redirs = kept
}

func without(list []*syntax.Redirect, drop *syntax.Redirect) []*syntax.Redirect {
	var out []*syntax.Redirect
	for _, r := range list {
		if r != drop {
			out = append(out, r)
		}
	}
	return out
}

// parse reads a script and rewrites it. at and line are the place of its
// commands; see rewriter.
func (v *VM) parse(src []byte, name, at string, line int) (*syntax.File, error) {
	f, err := shellparser.Parse(src, name, syntax.Variant(syntax.LangBash))
	if err != nil {
		return nil, err
	}
	r := &rewriter{VM: v, at: at, line: line}
	r.stmts(f.Stmts)
	return f, nil
}

// respell gives the text of a rewritten script, for what the interpreter parses
// itself: sourced files and eval.
func (v *VM) respell(src []byte, at string, line int) []byte {
	f, err := v.parse(src, at, at, line)
	if err != nil {
		return src // the interpreter says the same, at the place
	}
	var b bytes.Buffer
	if err := syntax.NewPrinter().Print(&b, f); err != nil {
		return src
	}
	return b.Bytes()
}
