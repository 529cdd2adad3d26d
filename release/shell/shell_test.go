package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// TestBounds holds that what is too deep is refused before it is parsed, at its
// place, and that what people write is not.
func TestBounds(t *testing.T) {
	nested := func(n int, open, close string) string {
		return strings.Repeat(open, n) + "true\n" + strings.Repeat(close, n)
	}
	for _, c := range []struct {
		name, text string
		refused    string
	}{
		{"subshells", nested(300000, "(", ")"), "more than 500 deep"},
		{"braces", nested(200000, "{ ", "}\n"), "more than 500 deep"},
		{"if in case", nested(10000, "case a in a) if a; then\n", "fi;;\nesac\n"), "more than 500 deep"},
		{"case that closes what it did not open", nested(10000, "(case a in a) ", ";; esac)"), "more than 500 deep"},
		{"elif", "if a; then b\n" + strings.Repeat("elif a; then b\n", 10000) + "fi\n", "more than 500 deep"},
		{"expansions", "a=" + nested(100000, "${a:-", "}"), "more than 500 deep"},
		{"a pipe", "a" + strings.Repeat("|a", 100000), "in one chain"},
		{"a list over lines", "a" + strings.Repeat(" &&\n\n # b\n a", 50000), "in one chain"},
		{"size", strings.Repeat("a\n", 1<<20), "bytes: at most"},
		{"400 deep", nested(240, "if a; then (", "); fi\n"), ""},
		{"many in a row", strings.Repeat("if a; then for i in b; do case c in c) (d) ;; esac; done; fi\n", 5000), ""},
		{"words of a language", strings.Repeat("echo if you wait for it, while (\n", 200) + strings.Repeat("if a; then b; fi\n", 200), "a command"},
		{"comments", strings.Repeat("# if ( { for\n", 5000), ""},
		{"pipes in a row", strings.Repeat("a | b && c || d\n", 5000), ""},
	} {
		_, err := Parse([]byte(c.text), "x", syntax.Variant(syntax.LangBash))
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.refused != "" && err == nil:
			t.Errorf("%s: is parsed", c.name)
		case c.refused != "" && c.refused != "a command" && !strings.Contains(err.Error(), c.refused):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestRealScripts are far from the bounds.
func TestRealScripts(t *testing.T) {
	scripts, _ := filepath.Glob("/etc/init.d/*")
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), "#!/bin/sh") {
			continue
		}
		if at, what := tooMuch(text); what != "" {
			t.Errorf("%s:%d: %s", name, at, what)
		}
	}
}

func TestComments(t *testing.T) {
	tree, err := Parse([]byte("# caf\xe9\n  # \xff\ntrue # ok\n"), "x", syntax.KeepComments(true))
	if err != nil || len(tree.Stmts) != 1 {
		t.Errorf("%v, %v", tree, err)
	}
}
