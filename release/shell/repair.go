package shell

import (
	"bytes"

	"mvdan.cc/sh/v3/syntax"
)

// repair puts right what mvdan.cc/sh v3.14.1 reads otherwise than bash does:
//
//   - in [[ ]] it lets ! and && take all that follows, so that [[ ! a || b ]] is
//     ! (a || b) and [[ a && b || c ]] is a && (b || c);
//   - in "${V:-'a'}" it takes the single quotes for quotes; they are two characters.
//
// Whoever reads a script reads it with Parse, so that all mean the same by it.
func repair(f *syntax.File, text []byte) {
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.TestClause:
			n.X = regroup(n.X)
		case *syntax.ParenTest:
			n.X = regroup(n.X)
		case *syntax.DblQuoted:
			unquoteDefaults(n.Parts, text)
		case *syntax.Redirect:
			if n.Hdoc != nil {
				unquoteDefaults(n.Hdoc.Parts, text)
			}
		}
		return true
	})
}

// unquoteDefaults makes the single quotes in the words of "${V:-word}" characters.
func unquoteDefaults(parts []syntax.WordPart, text []byte) {
	for _, p := range parts {
		e, ok := p.(*syntax.ParamExp)
		if !ok || e.Exp == nil || e.Exp.Word == nil || e.Exp.Op > syntax.AssignUnsetOrNull {
			continue
		}
		var out []syntax.WordPart
		for _, part := range e.Exp.Word.Parts {
			q, ok := part.(*syntax.SglQuoted)
			if !ok || q.Dollar {
				out = append(out, part)
				continue
			}
			out = append(out, &syntax.Lit{ValuePos: q.Left, ValueEnd: after(q.Left), Value: "'"})
			out = append(out, reread(q, text)...)
			out = append(out, &syntax.Lit{ValuePos: q.Right, ValueEnd: after(q.Right), Value: "'"})
		}
		e.Exp.Word.Parts = out
		unquoteDefaults(out, text)
	}
}

func after(p syntax.Pos) syntax.Pos { return syntax.NewPos(p.Offset()+1, p.Line(), p.Col()+1) }

// reread reads what is between single quotes as what is between double ones, at
// its place.
func reread(q *syntax.SglQuoted, text []byte) []syntax.WordPart {
	from, to := int(q.Left.Offset())+1, int(q.Right.Offset())
	if from >= to || to > len(text) {
		return nil
	}
	plain := []syntax.WordPart{&syntax.Lit{ValuePos: after(q.Left), ValueEnd: q.Right, Value: q.Value}}
	if !bytes.ContainsAny(text[from:to], "$`") {
		return plain
	}
	// what is in front keeps its lines
	blank := bytes.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, bytes.ToValidUTF8(text[:from], nil))
	for len(blank) < from {
		blank = append([]byte{' '}, blank...)
	}
	w, err := syntax.NewParser().Document(bytes.NewReader(append(blank, text[from:to]...)))
	if err != nil || w == nil || len(w.Parts) == 0 {
		return plain
	}
	if l, ok := w.Parts[0].(*syntax.Lit); ok && len(l.Value) >= len(blank) {
		l.Value, l.ValuePos = l.Value[len(blank):], after(q.Left)
		if l.Value == "" {
			return w.Parts[1:]
		}
	}
	return w.Parts
}

// regroup groups an expression of [[ ]] as bash does: ! binds closest, then &&,
// then ||.
func regroup(x syntax.TestExpr) syntax.TestExpr {
	g := &grouping{}
	g.flatten(x)
	if len(g.items) < 2 {
		return x
	}
	return g.either()
}

// grouping is an expression as the row of its operators and operands.
type grouping struct{ items []syntax.TestExpr }

// joins says whether a node is && or ||.
func joins(x syntax.TestExpr) bool {
	b, ok := x.(*syntax.BinaryTest)
	return ok && (b.Op == syntax.AndTest || b.Op == syntax.OrTest)
}

func negates(x syntax.TestExpr) bool {
	u, ok := x.(*syntax.UnaryTest)
	return ok && u.Op == syntax.TsNot
}

func (g *grouping) flatten(x syntax.TestExpr) {
	switch {
	case joins(x):
		b := x.(*syntax.BinaryTest)
		g.flatten(b.X)
		g.items = append(g.items, b)
		g.flatten(b.Y)
	case negates(x):
		u := x.(*syntax.UnaryTest)
		g.items = append(g.items, u)
		g.flatten(u.X)
	default:
		g.items = append(g.items, x)
	}
}

// next is the operator that comes next, when it is op.
func (g *grouping) next(op syntax.BinTestOperator) *syntax.BinaryTest {
	if len(g.items) == 0 {
		return nil
	}
	if b, ok := g.items[0].(*syntax.BinaryTest); ok && b.Op == op {
		g.items = g.items[1:]
		return b
	}
	return nil
}

func (g *grouping) either() syntax.TestExpr {
	x := g.both()
	for b := g.next(syntax.OrTest); b != nil; b = g.next(syntax.OrTest) {
		b.X, b.Y = x, g.both()
		x = b
	}
	return x
}

func (g *grouping) both() syntax.TestExpr {
	x := g.one()
	for b := g.next(syntax.AndTest); b != nil; b = g.next(syntax.AndTest) {
		b.X, b.Y = x, g.one()
		x = b
	}
	return x
}

func (g *grouping) one() syntax.TestExpr {
	x := g.items[0]
	g.items = g.items[1:]
	if negates(x) {
		u := x.(*syntax.UnaryTest)
		u.X = g.one()
	}
	return x
}
