package shell

import "mvdan.cc/sh/v3/syntax"

// repair puts right what mvdan.cc/sh v3.14.1 reads otherwise than bash does:
// in [[ ]] it lets ! and && take all that follows, so that [[ ! a || b ]] is
// ! (a || b) and [[ a && b || c ]] is a && (b || c). Whoever reads a script reads it
// with Parse, so that all mean the same by it.
func repair(f *syntax.File) {
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.TestClause:
			n.X = regroup(n.X)
		case *syntax.ParenTest:
			n.X = regroup(n.X)
		}
		return true
	})
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
