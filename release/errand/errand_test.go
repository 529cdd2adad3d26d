package errand

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// scriptOf makes a job with one script and reads it.
func scriptOf(t *testing.T, target, text string) *Script {
	t.Helper()
	dir := t.TempDir()
	golden.Write(t, dir, "config/final.yml", []byte("name: web\n"))
	golden.Write(t, dir, "jobs/web/monit", nil)
	golden.Write(t, dir, "jobs/web/spec", []byte("name: web\ntemplates: {run: "+target+"}\n"))
	golden.Write(t, dir, "jobs/web/templates/run", []byte(text))
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := Of(r.Job("web"), nil)
	if len(all) != 1 {
		t.Fatalf("%d scripts", len(all))
	}
	return all[0]
}

func TestLeft(t *testing.T) {
	for text, want := range map[string]string{
		"/var/vcap/bosh/bin/monit stop web":                    "asks monit",
		"source /var/vcap/packages/u/u.sh\nmonit_stop_job web": "asks monit",
		"drain_job web": "asks monit",
		"if true; then\n  mount /dev/sdb /mnt\nfi":               "only root can",
		"sudo -E -u git /var/vcap/packages/g/g backup":           "another user",
		"su - git -c 'g backup'":                                 "another user",
		"exec chpst -u git:git /var/vcap/packages/g/g":           "another user",
		"exec chpst -o 1000 -u vcap:vcap /var/vcap/packages/g/g": "no form under bpm",
		"chown git $BBR_ARTIFACT_DIRECTORY":                      "gives files to another user",
		"cp -al a $BBR_ARTIFACT_DIRECTORY":                       "hard links",
		"ln /var/vcap/store/web/a $BBR_ARTIFACT_DIRECTORY/a":     "hard links",
		"docker ps":                           "VM's docker",
		"tar -cf $1 .":                        "arguments",
		"set -- a b\nfor f; do echo $f; done": "arguments",
		"shift":                               "arguments",
		"for f; do echo $f; done":             "arguments",
		"X='sudo -u web'\n$X /p/x":            "another user",
		"run \"$@\"":                          "arguments",
		"declare -A made\ntrap 'echo ${made[a]}' EXIT\nmade[a]=1": "its trap",
		"if [":      "cannot be read",
		"# nothing": "nothing in it",
		"ln -s a b\ncp -r a b\ndocker --version\nchown vcap:vcap x": "",
		"f() { echo $1; }\nf a":                 "",
		"export DOCKER_HOST=tcp://x\ndocker ps": "",
	} {
		s := scriptOf(t, "bin/bbr/backup", "#!/bin/bash\n"+text+"\n")
		if got := s.Left.Message; want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestNotes holds which statements are told of, and that those which are fine are
// not.
func TestNotes(t *testing.T) {
	for text, want := range map[string]int{
		"go test ./...": 1,
		"go version":    0,
		"mktemp x.XXXX": 0,
		"mktemp -t x.XXXX\nmktemp /tmp/x.XXXX\nmktemp": 0,
		"echo > out": 0,
		"cd /var/vcap/data/web\necho > out\nmktemp x.XXX":      0,
		"cd /var/vcap/packages/web\necho > out":                1,
		"cd $DIR\necho > out":                                  0,
		"echo > /tmp/out 2>&1":                                 0,
		"kill $PID":                                            1,
		"sleep 1 &\nkill $!":                                   0,
		"bundle install\nbundle exec rake":                     1,
		"chown -R vcap:vcap /var/vcap/data/web\nchgrp vcap /x": 2,
	} {
		if s := scriptOf(t, RunTarget, "#!/bin/bash\n"+text+"\n"); len(s.Notes) != want || s.Left.Message != "" {
			t.Errorf("%s: %v %v, want %d", text, s.Notes, s.Left, want)
		}
	}
}

// TestNamed holds the names that a script gets, and the folder that it runs in.
func TestNamed(t *testing.T) {
	for text, want := range map[string]string{
		"true":                       "bin/web",
		"web check":                  "bin/web-errand",
		"exec web":                   "bin/web-errand",
		"/var/vcap/packages/w/web x": "bin/web",
	} {
		if s := scriptOf(t, RunTarget, "#!/bin/bash\n"+text+"\n"); s.Target != want {
			t.Errorf("%s: %s", text, s.Target)
		}
	}
	for text, want := range map[string]string{
		"mktemp x.XXXX": "/var/vcap/data/web/tmp", "echo > out": "/var/vcap/data/web/tmp", "mktemp": "", "cd $DIR\necho > out": "", "mktemp -t x.XXXX\nmktemp /tmp/x.XXXX": "",
	} {
		if s := scriptOf(t, RunTarget, "#!/bin/bash\n"+text+"\n"); s.WorkDir != want {
			t.Errorf("%s: %q", text, s.WorkDir)
		}
	}
}

// TestForm holds the form where a condition stands around the #! line, too.
func TestForm(t *testing.T) {
	s := scriptOf(t, "bin/bbr/restore", "<% if p('x') -%>\n#!/bin/bash\n\n/r <%= p('y') %>\n<% end -%>\n")
	want := "<% if p('x') -%>\n#!/bin/bash\n\nrestore() {\n  /r <%= p('y') %>\n}\n\ncase ${1:-} in\n  run)\n    restore\n    ;;\n  *)\n" +
		"    /var/vcap/jobs/bpm/bin/bpm run web \\\n      -p restore \\\n      -v \"${BBR_ARTIFACT_DIRECTORY%/}:writable\" \\\n      -e BBR_ARTIFACT_DIRECTORY=\"$BBR_ARTIFACT_DIRECTORY\"\n    ;;\nesac\n<% end -%>\n"
	if diff := cmp.Diff(want, string(s.Form())); diff != "" {
		t.Error(diff)
	}
	if s := scriptOf(t, RunTarget, "echo x\n"); !strings.Contains(s.Left.Message, "no #! line") {
		t.Error(s.Left)
	}
}

// TestBothWays runs the form of a script under the real bash, called by bbr, with
// a bpm that takes over the environment it is told of and calls the script again:
// what comes of it is what the script did before.
func TestBothWays(t *testing.T) {
	for _, text := range []string{
		"set -eu\necho \"to $BBR_ARTIFACT_DIRECTORY\"\n",
		"set -e\nfalse\necho never\n",
		"echo one\nexit 4\n",
		"set -e\ncleanup() {\n  echo clean $?\n}\ntrap cleanup EXIT\ncat <<EOF\n  kept\n    as it is\nEOF\nfalse\n",
		"X='a\n  b'\necho \"$X\"\necho \"c \\\n  d\"\n",
		"( cd /; pwd )\nif [ -z ${BBR_AFTER_BACKUP_SCRIPTS_SUCCESSFUL+x} ]; then echo unset; exit 3; fi\n",
		"# only a comment before\nset -u\n# and one behind\necho ${BBR_JOB_NAME:-none}\n",
		"exec echo last\n",
		"set -e; echo once\necho two\n",
		"set -euo pipefail # all\necho $BBR_ARTIFACT_DIRECTORY\n",
		"backup() { echo mine; }\nbackup\n",
		"shopt -s nullglob\nfor f in /nowhere/*; do echo $f; done; echo end",
		"echo \"$0\" | sed 's,.*/,,'\n",
	} {
		s := scriptOf(t, "bin/bbr/backup", "#!/bin/bash\n"+text)
		if s.Left.Message != "" {
			t.Errorf("%s: %s", text, s.Left.Message)
			continue
		}
		dir := t.TempDir()
		run := func(data []byte) string {
			script := filepath.Join(dir, "backup")
			bpm := "#!/bin/bash\nshift 2\nwhile [ $# -gt 0 ]; do case $1 in -e) export \"$2\";; esac; shift; done\nexec " + script + " run\n"
			form := strings.ReplaceAll(string(data), "/var/vcap/jobs/bpm/bin/bpm", filepath.Join(dir, "bpm"))
			for name, body := range map[string]string{"backup": form, "bpm": bpm} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(script)
			cmd.Env = []string{"PATH=/usr/bin:/bin", "BBR_ARTIFACT_DIRECTORY=/a/b/"}
			out, err := cmd.CombinedOutput()
			if err != nil {
				return string(out) + err.Error()
			}
			return string(out)
		}
		if diff := cmp.Diff(run(s.File.Data), run(s.Form())); diff != "" {
			t.Errorf("%s\n%s", s.Form(), diff)
		}
	}
}
