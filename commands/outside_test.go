package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shopWithWrapper has a process that needs a file of its own, named like it.
const shopWithWrapper = small + `
-- jobs/web/templates/ctl.erb --
#!/bin/bash
case $1 in
  start)
    echo $$ > /var/vcap/sys/run/web/web.pid
    export WORKERS=$(nproc)
    exec chpst -u vcap:vcap /var/vcap/packages/web/bin/web -n $WORKERS
    ;;
  stop)
    kill $(cat /var/vcap/sys/run/web/web.pid)
    ;;
esac
`

// TestNothingOutside holds that no name and no link in a release leads a write
// out of it, or into git's folder.
func TestNothingOutside(t *testing.T) {
	replace := func(file, old, new string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			p := filepath.Join(dir, file)
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(data), old) {
				t.Fatalf("%s does not contain %q", file, old)
			}
			if err := os.WriteFile(p, []byte(strings.ReplaceAll(string(data), old, new)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	// moved puts a file or folder outside and a link in its place
	moved := func(name, link string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			to := filepath.Join(filepath.Dir(dir), "outside", filepath.Base(name))
			if err := os.Rename(filepath.Join(dir, name), to); err != nil {
				t.Fatal(err)
			}
			if link == "" {
				link = to
			}
			if err := os.Symlink(link, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	linked := func(name, link string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Symlink(link, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		args  []string
		says  string
	}{
		{"jobs is a link", moved("jobs", ""), nil, "leads out of the release"},
		{"jobs is a link by ..", moved("jobs", "../outside/jobs"), nil, "leads out of the release"},
		{"a job is a link", moved("jobs/web", ""), nil, "leads out of the release"},
		{"a job is a link by ..", moved("jobs/web", "../../outside/web"), nil, "leads out of the release"},
		{"templates is a link", moved("jobs/web/templates", ""), nil, "leads out of the release"},
		{"a script is a link", moved("jobs/web/templates/ctl.erb", ""), nil, "leads out of the release"},
		{"monit is a link", moved("jobs/web/monit", ""), nil, "leads out of the release"},
		{"spec is a link", moved("jobs/web/spec", ""), nil, "leads out of the release"},
		{"manifests is a link", moved("manifests", ""), nil, ""},
		{"a manifest is a link", moved("manifests/shop.yml", ""), nil, ""},
		{"a named manifest is a link", moved("manifests/shop.yml", ""), []string{"--manifest", "DIR/manifests/shop.yml"}, "leads out of the release"},
		{"a named manifest by ..", nil, []string{"--manifest", "DIR/manifests/../../outside/file"}, "lies outside of the release"},
		{"templates leads to itself", func(t *testing.T, dir string) {
			moved("jobs/web/templates", "templates")(t, dir)
		}, nil, "too many levels of symbolic links"},
		{"jobs lead to each other", func(t *testing.T, dir string) {
			moved("jobs/web", "other")(t, dir)
			linked("jobs/other", "web")(t, dir)
		}, nil, "is a link that cannot be followed"},
		{"a template by ..", replace("jobs/web/spec", "ctl.erb: bin/ctl", "../../../../outside/file: bin/ctl"), nil, "leads out of the release"},
		{"a template with a path from /", replace("jobs/web/spec", "ctl.erb: bin/ctl", "/etc/passwd: bin/ctl"), nil, "does not exist"},
		{"a template of git", func(t *testing.T, dir string) {
			replace("jobs/web/spec", "ctl.erb: bin/ctl", "../../../.git/hooks/ctl: bin/ctl")(t, dir)
			if err := os.Rename(filepath.Join(dir, "jobs/web/templates/ctl.erb"), filepath.Join(dir, ".git/hooks/ctl")); err != nil {
				t.Fatal(err)
			}
		}, nil, "lies in a folder of git"},
		{"templates is git's folder", func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "jobs/web/templates/ctl.erb"), filepath.Join(dir, ".git/hooks/ctl.erb")); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, "jobs/web/templates")); err != nil {
				t.Fatal(err)
			}
			linked("jobs/web/templates", "../../.git/hooks")(t, dir)
		}, nil, "lies in a folder of git"},
		{"the name of a job", replace("jobs/web/spec", "name: web", "name: ../../../outside/x"), nil, "does not match the job name"},
		{"the name of a process", replace("jobs/web/monit", "check process web", "check process ../../../../outside/x"), nil, ""},
		{"the target of a template", replace("jobs/web/spec", "bin/ctl", "../../../outside/ctl"), nil, ""},
		{"the ops-file by ..", nil, []string{"--ops-file", "../outside/ops.yml"}, "leads out of the release"},
		{"the ops-file from /", nil, []string{"--ops-file", "/tmp/bosh-bpmify-no-such-ops.yml"}, "leads out of the release"},
		{"the ops-file in git's folder", nil, []string{"--ops-file", ".git/ops.yml"}, "lies in a folder of git"},
		{"the ops-file is a link", linked("generated-bpm-ops.yml", "../outside/new"), nil, "is not a regular file"},
		{"bpm.yml is a link", linked("jobs/web/templates/bpm.yml.erb", "../../../../outside/new"), nil, "is not a regular file"},
		{".bpmify.yml is a link", linked(".bpmify.yml", "../outside/file"), nil, "leads out of the release"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := unpacked(t, shopWithWrapper)
			outside := filepath.Join(filepath.Dir(dir), "outside")
			if err := os.Mkdir(outside, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outside, "file"), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
				t.Skipf("git: %v %s", err, out)
			}
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			beside, git := tree(t, outside), tree(t, filepath.Join(dir, ".git"))
			args := []string{"release", "--force"}
			for _, a := range c.args {
				args = append(args, strings.Replace(a, "DIR", dir, 1))
			}
			status, out := bpmify(t, append(args, dir)...)
			if !strings.Contains(out, c.says) {
				t.Errorf("does not say %q: %d %s", c.says, status, out)
			}
			if diff := cmp.Diff(beside, tree(t, outside)); diff != "" {
				t.Errorf("outside: %s", diff)
			}
			if diff := cmp.Diff(git, tree(t, filepath.Join(dir, ".git"))); diff != "" {
				t.Errorf("git: %s", diff)
			}
		})
	}
}

// TestDiskStaysInside holds for the writer by itself, whoever asks it.
func TestDiskStaysInside(t *testing.T) {
	dir := unpacked(t, small)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	d := onDisk(t, dir)
	for _, name := range []string{"../outside/x", "link/x", filepath.ToSlash(filepath.Join(outside, "x"))} {
		if err := d.create(name, name, nil, 0o644); err == nil {
			t.Errorf("created %s", name)
		}
		if err := d.rename("config/final.yml", name); err == nil {
			t.Errorf("renamed to %s", name)
		}
		if _, err := d.resolve(name); err == nil {
			t.Errorf("resolved %s", name)
		}
	}
	if err := d.remove("link/file"); err == nil {
		t.Error("removed link/file")
	}
}
