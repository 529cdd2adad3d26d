package search

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// written are the expressions that the house has, but for those that are put
// together when the program runs.
func written(t testing.TB) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir("../..", func(p string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) != 1 {
				return true
			}
			f, ok := c.Fun.(*ast.SelectorExpr)
			if x, named := c.Fun.(*ast.SelectorExpr); !ok || !named || x.Sel.Name != "MustCompile" {
				return true
			}
			if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "search" {
				return true
			}
			if lit, ok := c.Args[0].(*ast.BasicLit); ok {
				expr, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Errorf("%s: %v", p, err)
				}
				all[expr] = p
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 200 {
		t.Fatalf("found only %d expressions", len(all))
	}
	return all
}

// texts are what the expressions look at: cases of the conversion.
func texts(t testing.TB) []string {
	names, err := filepath.Glob("../convert/testdata/[a-d]*.txtar")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d cases, %v", len(names), err)
	}
	all := []string{"", "\n", "a\r\nb\r\n", "é\n", "\xff\xfe pid\n"}
	for i, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := string(data)
		switch i % 5 {
		case 1:
			s = strings.ToUpper(s)
		case 2:
			s = strings.ReplaceAll(s, "s", "ſ") // folds to s
		case 3:
			s = strings.ReplaceAll(s, "\n", "\r\n")
		}
		if i%4 == 0 {
			all = append(all, s)
		}
	}
	return all
}

func TestSameAsRegexp(t *testing.T) {
	texts := texts(t)
	for expr, file := range written(t) {
		re, err := regexp.Compile(expr)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, s := range texts {
			same(t, re, MustCompile(expr), s)
		}
	}
}

// same holds a pattern against package regexp.
func same(t *testing.T, re *regexp.Regexp, p *Pattern, s string) {
	t.Helper()
	all := re.FindAllStringSubmatchIndex(s, -1)
	if diff := cmp.Diff(all, p.FindAllStringSubmatchIndex(s, -1)); diff != "" {
		t.Fatalf("%s in %q: -regexp +search\n%s", re, s, diff)
	}
	if p.MatchString(s) != (all != nil) || p.Match([]byte(s)) != (all != nil) {
		t.Fatalf("%s in %q: MatchString is not %v", re, s, all != nil)
	}
	if diff := cmp.Diff(re.FindStringSubmatchIndex(s), p.FindStringSubmatchIndex(s)); diff != "" {
		t.Fatalf("%s in %q: the first: -regexp +search\n%s", re, s, diff)
	}
	if diff := cmp.Diff(re.FindAllString(s, 2), p.FindAllString(s, 2)); diff != "" {
		t.Fatalf("%s in %q: two: -regexp +search\n%s", re, s, diff)
	}
	if a, b := re.ReplaceAllString(s, "<$0>"), p.ReplaceAllString(s, "<$0>"); a != b {
		t.Fatalf("%s in %q: -regexp +search\n%s", re, s, cmp.Diff(a, b))
	}
}

func FuzzSameAsRegexp(f *testing.F) {
	for expr := range written(f) {
		f.Add(expr, "/var/vcap/sys/run/web/web.pid\nexec chpst -u vcap:vcap\n")
	}
	f.Add(`(?m)^a(?:b|c)+$`, "ab\nac\r\nabc")
	f.Add(`(?i)sock|KEY`, "SOCK key ſock")
	f.Add(`a\z|b\n`, "b\na")
	f.Fuzz(func(t *testing.T, expr, s string) {
		re, err := regexp.Compile(expr)
		if err != nil || len(expr) > 200 || len(s) > 2000 {
			return
		}
		same(t, re, MustCompile(expr), s)
	})
}

func BenchmarkMatch(b *testing.B) {
	text := strings.Repeat("export PATH=/var/vcap/packages/web/bin:$PATH # the path\n", 200)
	for _, expr := range []string{`(?m)^[^#;\n]*?\b(pgrep\s+[^\n]*|ps\s+aux)`, `(?i)\b(?:iptables|icmp)\w*`} {
		b.Run("regexp", func(b *testing.B) {
			re := regexp.MustCompile(expr)
			for b.Loop() {
				re.MatchString(text)
			}
		})
		b.Run("search", func(b *testing.B) {
			p := MustCompile(expr)
			for b.Loop() {
				p.MatchString(text)
			}
		})
	}
}

// TestQuoteMeta holds that any text can be looked for.
func TestQuoteMeta(t *testing.T) {
	for _, s := range []string{"a.b*", "café", "/run/\xb8t\x98.pid", "\xef\xbf", "\ufffd"} {
		if p := MustCompile(QuoteMeta(s)); !p.MatchString("x " + s) {
			t.Errorf("%q is not found in itself by %s", s, p)
		}
	}
	if MustCompile(QuoteMeta("a.b")).MatchString("axb") {
		t.Error("a dot is any character")
	}
}
