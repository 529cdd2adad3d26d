package commands

import (
	"bytes"
	"fmt"
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
		var data []byte
		if info.Mode().IsRegular() {
			data, err = os.ReadFile(p)
		}
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

func onDisk(t *testing.T, dir string) *disk {
	t.Helper()
	d, err := openDisk(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

func bpmify(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	var b bytes.Buffer
	status = Main(args, strings.NewReader(""), &b, &b)
	return status, b.String()
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
			if err := write(onDisk(t, dir), planned); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
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

// TestReadOnlyFolders needs a user who may not write everywhere.
func TestReadOnlyFolders(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	for _, folder := range []string{".", "jobs/web/templates", "manifests"} {
		dir := unpacked(t, small)
		before := tree(t, dir)
		if err := os.Chmod(filepath.Join(dir, folder), 0o555); err != nil {
			t.Fatal(err)
		}
		status, out := bpmify(t, "release", dir)
		if err := os.Chmod(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if status != exitError || !strings.Contains(out, "permission denied; nothing was changed; give yourself permission") {
			t.Errorf("%s: %d %s", folder, status, out)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("%s: %s", folder, diff)
		}
		if status, out := bpmify(t, "release", dir); status != 0 {
			t.Errorf("%s: second run: %s", folder, out)
		}
	}
}

// TestOwnersAreKept needs root, who otherwise takes what it writes.
func TestOwnersAreKept(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has files of others")
	}
	dir := unpacked(t, small)
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(p, 1234, 1234)
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, out := bpmify(t, "release", dir); status != 0 {
		t.Fatal(out)
	}
	for name := range tree(t, dir) {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if owner := fmt.Sprintf("%+v", info.Sys()); !strings.Contains(owner, "Uid:1234 Gid:1234") {
			t.Errorf("%s belongs to somebody else: %s", name, owner)
		}
	}
}
