package shell

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// truth evaluates an expression of which each operand is the word 0 or 1.
func truth(x syntax.TestExpr) bool {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return truth(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return !truth(x.X)
		}
		return x.X.(*syntax.Word).Lit() != "" // -n
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			return truth(x.X) && truth(x.Y)
		case syntax.OrTest:
			return truth(x.X) || truth(x.Y)
		}
		return x.X.(*syntax.Word).Lit() == x.Y.(*syntax.Word).Lit()
	}
	return false
}

// TestRepair asks bash what each expression is.
func TestRepair(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("bash is needed")
		}
		t.Skip("no bash")
	}
	for _, form := range []string{"! A || B", "A && B || C", "! A && B", "A || B && C", "! ! A || B", "! ( A || B ) && C", "A && ! B || C && D", "! A && ! B || ! C", "( ! A || B ) && C", "! -n A && B || C"} {
		for bits := range 16 {
			text := form
			for i, name := range []string{"A", "B", "C", "D"} {
				operand := "1 = 2"
				if bits>>i&1 == 1 {
					operand = "1 = 1"
				}
				if strings.Contains(text, "-n "+name) {
					operand = "x"
				}
				text = strings.ReplaceAll(text, name, operand)
			}
			text = "[[ " + text + " ]]"
			f, err := Parse([]byte(text), "", syntax.Variant(syntax.LangBash))
			if err != nil {
				t.Fatal(err)
			}
			want := exec.Command(bash, "-c", text).Run() == nil
			if got := truth(f.Stmts[0].Cmd.(*syntax.TestClause).X); got != want {
				t.Errorf("%s is %v, bash says %v", text, got, want)
			}
		}
	}
}
