package convert

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// TestRealBPM runs what --errands makes of an errand and of a job that bbr calls
// with the real bpm, in a mount namespace of its own over /var/vcap. BPM_BIN is the
// folder with bpm, runc and tini; it needs root and a user vcap. The file says what
// is run and what it has to print.
func TestRealBPM(t *testing.T) {
	bin := os.Getenv("BPM_BIN")
	if bin == "" {
		t.Skip("BPM_BIN is not set")
	}
	if os.Getuid() != 0 {
		t.Fatal("bpm must be run as root")
	}
	archive, err := txtar.ParseFile("testdata/ondemand/bpm.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir, vcap := t.TempDir(), t.TempDir()
	golden.Write(t, dir, "config/final.yml", []byte("name: probes\n"))
	var commands, want string
	for _, f := range archive.Files {
		switch f.Name {
		case "commands":
			commands = string(f.Data)
		case "want":
			want = string(f.Data)
		default:
			golden.Write(t, dir, f.Name, f.Data)
		}
	}
	plan := planWith(t, dir, Options{Errands: true})
	after, err := plan.Release.With(plan.Files())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range after.Jobs {
		install(t, vcap, j)
	}
	for _, d := range []string{"packages/bpm/bin", "jobs/bpm/bin", "jobs/database-backup-restorer/bin", "data/packages", "store/bbr-backup/keep", "sys/log", "sys/run"} {
		if err := os.MkdirAll(filepath.Join(vcap, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script(t, vcap, "jobs/bpm/bin/bpm", "#!/bin/bash\n/var/vcap/packages/bpm/bin/bpm \"$@\"\n")
	script(t, vcap, "jobs/database-backup-restorer/bin/backup", "#!/bin/bash\nid -un > \"$1\"\n")
	inner := "set -e\nmount --make-rprivate /\nmount --bind " + vcap + " /var/vcap\nset +e\ncd /\n" + commands
	for _, f := range []string{"bpm", "runc", "tini"} {
		data, err := os.ReadFile(filepath.Join(bin, f))
		if err != nil {
			t.Fatal(err)
		}
		script(t, vcap, "packages/bpm/bin/"+f, string(data))
	}
	for d := vcap; d != "/"; d = filepath.Dir(d) { // vcap has to get there
		if info, err := os.Stat(d); err == nil && info.Mode()&0o005 != 0o005 {
			if err := os.Chmod(d, info.Mode()|0o055); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "bash", "-c", inner).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}

// install puts the templates of a job where the agent would.
func install(t *testing.T, vcap string, j *release.Job) {
	t.Helper()
	if j.Err != nil {
		t.Fatal(j.Err)
	}
	for _, tmpl := range j.Spec.Templates {
		f, _, err := j.TemplateFile(tmpl.Target)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(f.Data), "<%") {
			t.Fatalf("%s is not rendered here", f.Name)
		}
		script(t, vcap, path.Join("jobs", j.Name, tmpl.Target), string(f.Data))
	}
}

func script(t *testing.T, dir, name, text string) {
	t.Helper()
	golden.Write(t, dir, name, []byte(text))
	if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
}
