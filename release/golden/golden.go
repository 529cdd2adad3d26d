// Package golden holds tests against what is written in their case files, and to
// the real programs that they need. Only tests import it.
package golden

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the want sections of the case files, and pages that are made")

// Updating says whether a page that is made is to be written.
func Updating() bool { return *update }

// Cases runs a subtest for each txtar file that the pattern matches. What run makes
// of the other sections is compared with the section "want".
func Cases(t *testing.T, pattern string, run func(t *testing.T, files []txtar.File) string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	isWant := func(f txtar.File) bool { return f.Name == "want" }
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, slices.DeleteFunc(slices.Clone(archive.Files), isWant))
			want := slices.IndexFunc(archive.Files, isWant)
			switch {
			case *update:
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			case want < 0:
				t.Fatalf("no want section; go test -update writes it:\n%s", got)
			default:
				if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// Write makes a file below dir, and the folders that it needs.
func Write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Needs skips the test where a program is missing, but fails where all have to be
// there.
func Needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatalf("%s is missing", program)
		}
		t.Skipf("%s is missing", program)
	}
}
