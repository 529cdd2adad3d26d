package commands

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
)

func example(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../examples/website-release")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree is every file with its mode and content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[rel] = info.Mode().String() + "\n" + string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func changes(t *testing.T, dir string) []convert.Change {
	t.Helper()
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := convert.Release(r, convert.Options{OpsFile: defaultOpsFile, Tool: "bosh-bpmify " + Version()})
	if err != nil {
		t.Fatal(err)
	}
	return plan.All()
}

func bpmify(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	var b bytes.Buffer
	status = Main(args, strings.NewReader(""), &b, &b)
	return status, b.String()
}

// TestCutOff stops the writing at every point: the next run finishes it, and
// the release is then as if nothing had happened.
func TestCutOff(t *testing.T) {
	whole := example(t)
	if status, out := bpmify(t, "release", whole); status != 0 {
		t.Fatal(out)
	}
	want := tree(t, whole)
	n := len(changes(t, example(t)))
	if n < 10 {
		t.Fatalf("only %d changes", n)
	}
	for k := 0; k <= n; k++ {
		dir := example(t)
		entries, err := prepare(dir, changes(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries[:k] {
			if err := e.place(dir); err != nil {
				t.Fatal(err)
			}
		}
		if status, out := bpmify(t, "release", "--dry-run", dir); status != exitError || !strings.Contains(out, "a run was cut off here") {
			t.Fatalf("cut off at %d, --dry-run: %d %s", k, status, out)
		}
		if status, out := bpmify(t, "release", dir); status != 0 || !strings.Contains(out, "An earlier run was cut off here") {
			t.Fatalf("cut off at %d: %d %s", k, status, out)
		}
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
			t.Errorf("cut off at %d:\n%s", k, diff)
		}
	}
}

// TestRefusedWrites leave every file as it was.
func TestRefusedWrites(t *testing.T) {
	for _, c := range []struct {
		name, err string
		spoil     func(dir string) error
	}{
		{"changed meanwhile", "changed while it was being worked on", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "jobs/website/monit"), []byte("other"), 0o644)
		}},
		{"a new file appeared", "is there already", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "jobs/website/templates/bpm.yml.erb"), []byte("other"), 0o644)
		}},
		{"file became a folder", "is not a regular file", func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "jobs/website/monit")); err != nil {
				return err
			}
			return os.Mkdir(filepath.Join(dir, "jobs/website/monit"), 0o755)
		}},
		{"folder went away", "no such file or directory", func(dir string) error {
			return os.RemoveAll(filepath.Join(dir, "manifests"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := example(t)
			planned := changes(t, dir)
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			before := tree(t, dir)
			if err := write(dir, planned); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestJournalStaysInside holds that a journal that was tampered with cannot
// reach out of the release.
func TestJournalStaysInside(t *testing.T) {
	dir := example(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, journalName), []byte(`[{"name": "../outside"}]`), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out := bpmify(t, "release", dir); status != exitError || !strings.Contains(out, "names a file outside of the release") {
		t.Errorf("%d %s", status, out)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

// TestModesAreKept holds for files that are edited.
func TestModesAreKept(t *testing.T) {
	dir := example(t)
	if err := os.Chmod(filepath.Join(dir, "jobs/website/templates/pre-start.erb"), 0o755); err != nil {
		t.Fatal(err)
	}
	if status, out := bpmify(t, "release", dir); status != 0 {
		t.Fatal(out)
	}
	info, err := os.Stat(filepath.Join(dir, "jobs/website/templates/pre-start.erb"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
