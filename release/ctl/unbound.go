package ctl

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
)

// Unbound lists the variables that a script reads and never sets, those with a
// default left out, and the commands that it calls by a bare name and does not
// define as functions.
func (s *Script) Unbound() (variables, commands []string) {
	set, defined := map[string]bool{}, map[string]bool{}
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				set[n.Name.Value] = true
			}
		case *syntax.WordIter:
			set[n.Name.Value] = true
		case *syntax.FuncDecl:
			for _, name := range append([]*syntax.Lit{n.Name}, n.Names...) {
				if name != nil {
					defined[name.Value] = true
				}
			}
		case *syntax.BinaryArithm:
			if w, ok := n.X.(*syntax.Word); ok && n.Op == syntax.Assgn {
				set[w.Lit()] = true
			}
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				switch n.Args[0].Lit() {
				case "read", "mapfile", "readarray", "getopts", "let", "printf":
					for _, w := range n.Args[1:] {
						set[w.Lit()] = true
					}
				}
			}
		}
		return true
	})
	for _, seg := range s.Template.Segments {
		if seg.Kind == erb.Expr {
			for _, m := range setsVariable.FindAllStringSubmatch(seg.Code(s.Template), -1) {
				set[m[1]] = true
			}
		}
	}
	add := func(list *[]string, name string) {
		if syntax.ValidName(name) && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for _, u := range s.uses(s.tree) {
		switch {
		case u.param != nil:
			name := u.param.Param.Value
			if u.param.Exp == nil && !set[name] && name != "PATH" && !shellVariable(name) {
				add(&variables, name)
			}
		case u.ref:
			if !set[u.name] {
				add(&variables, u.name)
			}
		case !defined[u.name]:
			add(&commands, u.name)
		}
	}
	for _, name := range s.printed(0, len(s.File.Data)) {
		if !set[name] {
			add(&variables, name)
		}
	}
	return variables, commands
}

// LocalsOutside gives the offsets of the word local where it stands in no
// function, where the shell does not have it.
func (s *Script) LocalsOutside() []int {
	var found []int
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			return false
		case *syntax.DeclClause:
			if n.Variant.Value == "local" {
				found = append(found, int(n.Variant.Pos().Offset()))
			}
		}
		return true
	})
	return found
}
