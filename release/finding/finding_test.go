package finding

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/findings.md")

// root is the top of the repository.
const root = "../.."

const docsHead = `# Findings

<!-- Made of release/finding/entries.go by "go test ./release/finding -update". -->

A finding is a line of the report: place, severity, id, text. An **error** means
that the job would not work, a **warning** that a person must look, a **note**
needs no action. The severity given here is the usual one; a rule reports a
milder one where nothing breaks, as in documents.

` + "`bosh-bpmify explain ID`" + ` prints the same text. [Findings in CI](ci.md) says how to
get findings into code scanning, and how to suppress those that are fine.

| id | | what was found |
|---|---|---|
`

// TestDocs holds docs/findings.md against the registry.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString(docsHead)
	for _, e := range All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", e.ID, e.ID, e.Severity, e.Title)
	}
	for _, e := range All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s", e.ID, e.Markdown())
	}
	name := filepath.Join(root, "docs/findings.md")
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(have)); diff != "" {
		t.Errorf("stale; go test ./release/finding -update writes it:\n%s", diff)
	}
}

// TestEntries holds that every entry is whole and stands in its place.
func TestEntries(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for i, e := range entries {
		t.Run(e.ID, func(t *testing.T) {
			if i > 0 && entries[i-1].ID >= e.ID {
				t.Errorf("stands behind %s", entries[i-1].ID)
			}
			if found, ok := Lookup(e.ID); !ok || found.ID != e.ID {
				t.Error("is not found")
			}
			if !kebab.MatchString(e.ID) {
				t.Error("the id is not kebab-case")
			}
			if e.Title == "" || strings.HasSuffix(e.Title, ".") || len(e.Title) > 120 {
				t.Errorf("title: %q", e.Title)
			}
			for what, text := range map[string]string{"Why": e.Why, "Do": e.Do} {
				if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, ".)") || strings.Contains(text, "  ") || strings.Contains(text, "](") {
					t.Errorf("%s is no whole text: %q", what, text)
				}
				if strings.Count(text, "`")%2 != 0 {
					t.Errorf("%s has a backtick without its other: %q", what, text)
				}
			}
			for what, text := range map[string]string{"Before": e.Before, "After": e.After} {
				for _, l := range strings.Split(text, "\n") {
					if len(l) > 90 || strings.TrimRight(l, " ") != l {
						t.Errorf("%s: %q", what, l)
					}
				}
				if strings.Count(text, "\n") > 9 {
					t.Errorf("%s is too long for an example", what)
				}
			}
			if len(e.Sources) == 0 {
				t.Error("no sources")
			}
			for _, l := range strings.Split(e.Text(90), "\n") {
				if len(l) > 90 && !strings.Contains(l, "https://") && !strings.HasPrefix(l, "    ") {
					t.Errorf("a long line: %q", l)
				}
			}
		})
	}
}

// TestEveryIDIsKnown holds the registry against the code: what is reported is
// in it, what is in it is reported, by those that it says, and in some test.
func TestEveryIDIsKnown(t *testing.T) {
	reported := reportedIDs(t)
	for id, by := range reported {
		e, ok := Lookup(id)
		if !ok {
			t.Errorf("%s is reported and has no entry", id)
			continue
		}
		for r, name := range map[Reporter]string{Conversion: "Conversion", Check: "Check", Doctor: "Doctor"} {
			if by&r != 0 && !e.ReportedBy(r) {
				t.Errorf("%s: By does not say %s, which reports it", id, name)
			}
		}
	}
	tested := testTexts(t)
	for _, e := range entries {
		if _, ok := reported[e.ID]; !ok {
			t.Errorf("%s has an entry and is reported nowhere", e.ID)
		}
		if !regexp.MustCompile(`(^|[^a-z-])` + e.ID + `($|[^a-z-])`).MatchString(tested) {
			t.Errorf("%s occurs in no test", e.ID)
		}
	}
}

// reportedIDs finds the ids in the code, with who reports them. An id is what is
// given for a parameter that is called id, for a field ID, or set to a
// variable id.
func reportedIDs(t *testing.T) map[string]Reporter {
	t.Helper()
	files := map[string]*ast.File{}
	for _, dir := range []string{"release", "manifest", "ops-files", "commands"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || filepath.Base(filepath.Dir(p)) == "finding" {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
			files[p] = f
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	takesID := map[string]int{} // functions, and which of their arguments it is
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := 0
			for _, field := range fn.Type.Params.List {
				for _, name := range field.Names {
					if name.Name == "id" {
						takesID[fn.Name.Name] = n
					}
					n++
				}
			}
		}
	}
	ids := map[string]Reporter{}
	for name, f := range files {
		by := Conversion
		if p := filepath.ToSlash(name); strings.Contains(p, "release/check/") || strings.Contains(p, "release/bpm/") {
			by = Check
		}
		if strings.HasPrefix(filepath.Base(name), "placed") || strings.Contains(filepath.ToSlash(name), "manifest/doctor/") {
			by = Doctor
		}
		if strings.Contains(filepath.ToSlash(name), "release/suppress/") {
			by = Anybody
		}
		use := func(e ast.Expr) {
			if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if id, err := strconv.Unquote(lit.Value); err == nil && id != "" {
					ids[id] |= by
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				called := ""
				switch fun := n.Fun.(type) {
				case *ast.Ident:
					called = fun.Name
				case *ast.SelectorExpr:
					called = fun.Sel.Name
				}
				if i, ok := takesID[called]; ok && i < len(n.Args) {
					use(n.Args[i])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "ID" {
					use(n.Value)
				}
			case *ast.AssignStmt:
				if n.Tok != token.ASSIGN && n.Tok != token.DEFINE {
					break
				}
				for i, l := range n.Lhs {
					if v, ok := l.(*ast.Ident); ok && v.Name == "id" && i < len(n.Rhs) {
						use(n.Rhs[i])
					}
				}
			}
			return true
		})
	}
	if len(ids) < 30 {
		t.Fatalf("only %d ids found: %v", len(ids), slices.Sorted(maps.Keys(ids)))
	}
	return ids
}

// testTexts is what the tests want: the last sections of the cases, and all of
// the other tests but this one.
func testTexts(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if strings.HasPrefix(e.Name(), ".") && p != root {
				return filepath.SkipDir
			}
			return nil
		}
		test := strings.HasSuffix(p, "_test.go") && !strings.Contains(filepath.ToSlash(p), "release/finding/")
		if !test && !strings.HasSuffix(p, ".txtar") {
			return nil
		}
		data, err := os.ReadFile(p)
		text := string(data)
		if _, want, ok := strings.Cut(text, "\n-- want --\n"); ok && !test {
			text = want
		}
		b.WriteString(text + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSuggest(t *testing.T) {
	for word, want := range map[string]string{
		"run-as-root": "ran-as-root", "stopsignal": "stop-signal", "shared-folders": "shared-folder",
		"old-pidfile-use": "old-pidfile-used", "xyz": "", "": "", "wrappre": "wrapper",
	} {
		if got := SuggestID(word); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Suggest("pat", []string{"id", "job", "path", "reason"}); got != "path" {
		t.Error(got)
	}
	if got := Suggest("resaon", []string{"id", "job", "path", "reason"}); got != "reason" {
		t.Error(got)
	}
}
