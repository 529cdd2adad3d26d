package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestKilled kills the program at random moments: a second run does what the
// first one did not. BPMIFY_KILLS says how often.
func TestKilled(t *testing.T) {
	times := 12
	if n, err := strconv.Atoi(os.Getenv("BPMIFY_KILLS")); err == nil {
		times = n
	}
	old := tree(t, example(t))
	whole := example(t)
	begin := time.Now()
	if out, err := exec.Command("bosh-bpmify", "release", whole).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	took := time.Since(begin)
	done := tree(t, whole)
	states := map[string]int{}
	for range times {
		dir := example(t)
		cmd := exec.Command("bosh-bpmify", "release", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(rand.Int64N(int64(took)))
		time.Sleep(after)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		states[holdOldOrNew(t, "killed after "+after.String(), old, done, tree(t, dir))]++
		if status, out := bpmify(t, "release", dir); status != 0 {
			t.Fatalf("killed after %s: second run: %s", after, out)
		}
		if diff := cmp.Diff(done, tree(t, dir)); diff != "" {
			t.Fatalf("killed after %s: second run:\n%s", after, diff)
		}
	}
	t.Log(states)
}

// TestCutOffIsTold by what does not write, until a run has put it right.
func TestCutOffIsTold(t *testing.T) {
	for _, prepared := range []bool{true, false} {
		dir := unpacked(t, small)
		d := onDisk(t, dir)
		if _, err := prepare(d, changes(t, dir)); err != nil {
			t.Fatal(err)
		}
		if prepared {
			if err := d.rename(journalName, preparedName); err != nil {
				t.Fatal(err)
			}
		}
		manifest := filepath.Join(dir, "manifests/shop.yml")
		for _, args := range [][]string{{"release", "--dry-run", dir}, {"scan", dir}, {"check", dir}, {"verify", dir}, {"ops", "--release", dir, manifest}, {"doctor", "--release", dir, manifest}} {
			if status, out := bpmify(t, args...); status != exitError || !strings.Contains(out, "a run was cut off here; bosh-bpmify release "+dir) {
				t.Errorf("%q: %d %s", args, status, out)
			}
		}
		status, out := bpmify(t, "release", dir)
		if finished := strings.Contains(out, "An earlier run was cut off here"); status != 0 || finished == prepared {
			t.Errorf("%d %s", status, out)
		}
	}
}

// TestTwoRuns holds that of two runs on one release one says so and changes
// nothing, and that nothing is left of the lock.
func TestTwoRuns(t *testing.T) {
	dir := unpacked(t, small)
	before := tree(t, dir)
	unlock, err := onDisk(t, dir).lock(0)
	if err != nil {
		t.Fatal(err)
	}
	pid := ""
	if runtime.GOOS == "linux" {
		pid = fmt.Sprintf(" (pid %d)", os.Getpid())
	}
	out, err := exec.Command("bosh-bpmify", "release", dir).CombinedOutput()
	if want := dir + ": another bosh-bpmify" + pid + " is writing here; wait until it has ended and run again\n"; err == nil || string(out) != want {
		t.Errorf("%v %s, want %s", err, out, want)
	}
	if out, err := exec.Command("bosh-bpmify", "release", "--dry-run", dir).CombinedOutput(); err != nil {
		t.Errorf("--dry-run: %v %s", err, out)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
	unlock()
	for range 5 {
		dir := unpacked(t, small)
		var runs [2]bytes.Buffer
		var cmds [2]*exec.Cmd
		for i := range cmds {
			cmds[i] = exec.Command("bosh-bpmify", "release", dir)
			cmds[i].Stdout, cmds[i].Stderr = &runs[i], &runs[i]
			if err := cmds[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		converted := 0
		for i := range cmds {
			err := cmds[i].Wait()
			out := runs[i].String()
			switch {
			case err == nil && strings.Contains(out, "web  converted"):
				converted++
			case err == nil && strings.Contains(out, "already bpm"), err != nil && strings.Contains(out, "another bosh-bpmify"):
			default:
				t.Errorf("%v %s", err, out)
			}
		}
		if converted != 1 {
			t.Errorf("%d of two runs converted it", converted)
		}
		whole := unpacked(t, small)
		if status, out := bpmify(t, "release", whole); status != 0 {
			t.Fatal(out)
		}
		if diff := cmp.Diff(tree(t, whole), tree(t, dir)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestManifestWaits for another run that writes to the same folder.
func TestManifestWaits(t *testing.T) {
	dir := unpacked(t, others)
	unlock, err := onDisk(t, filepath.Join(dir, "other/b")).lock(0)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, unlock)
	if status, out := bpmify(t, "manifest", "--release", "shop", filepath.Join(dir, "other/b/two.yml")); status != 0 || !strings.Contains(out, "changed ") {
		t.Errorf("%d %s", status, out)
	}
}

// TestHostileJournal holds that a journal that came with a release does nothing
// but what a run of the program had begun there.
func TestHostileJournal(t *testing.T) {
	sum := func(dir, name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return checksum(data)
	}
	const run = "0123456789abcdef"
	list := func(es ...entry) string {
		data, err := json.Marshal(journal{Run: run, Files: es})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	put := func(t *testing.T, dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		journal func(t *testing.T, dir string) string
		says    string
	}{
		{"empty", func(*testing.T, string) string { return "" }, "is not what bosh-bpmify writes"},
		{"truncated", func(t *testing.T, dir string) string { return list(entry{Name: "jobs/web/monit"})[:40] }, "is not what bosh-bpmify writes"},
		{"of an earlier version", func(*testing.T, string) string { return `[{"name": "config/final.yml"}]` }, "is not what bosh-bpmify writes"},
		{"a run with a path", func(*testing.T, string) string {
			return `{"run": "/../../../outside", "files": [{"name": "x", "after": "y"}]}`
		}, "is not what bosh-bpmify writes"},
		{"by ..", func(*testing.T, string) string {
			return list(entry{Name: "../outside/file", Before: checksum([]byte("x"))})
		}, "is not what bosh-bpmify writes"},
		{"by .. that is escaped", func(*testing.T, string) string {
			return list(entry{Name: "%2e%2e/outside/file", Before: checksum([]byte("x"))})
		}, "is not what bosh-bpmify writes"},
		{"from /", func(t *testing.T, dir string) string {
			return list(entry{Name: filepath.Join(filepath.Dir(dir), "outside/file"), Before: checksum([]byte("x"))})
		}, "is not what bosh-bpmify writes"},
		{"over a link", func(t *testing.T, dir string) string {
			if err := os.Symlink("../outside", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			return list(entry{Name: "link/file", Before: checksum([]byte("x"))})
		}, "is not what bosh-bpmify writes"},
		{"over a link inside", func(t *testing.T, dir string) string {
			if err := os.Symlink(".git", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			return list(entry{Name: "link/HEAD", Before: sum(dir, ".git/HEAD")})
		}, "is not what bosh-bpmify writes"},
		{"git's folder", func(t *testing.T, dir string) string {
			return list(entry{Name: ".git/HEAD", Before: sum(dir, ".git/HEAD")})
		}, "is not what bosh-bpmify writes"},
		{"removes a file of other content", func(t *testing.T, dir string) string {
			return list(entry{Name: "config/final.yml", Before: checksum([]byte("y"))})
		}, "it is not as the run that was cut off left it"},
		{"writes other content", func(t *testing.T, dir string) string {
			put(t, dir, "config/.bosh-bpmify-"+run+"-0", "name: other\n")
			return list(entry{Name: "config/final.yml", Before: sum(dir, "config/final.yml"), After: checksum([]byte("y"))})
		}, "it is not as the run that was cut off left it"},
		{"committed", func(t *testing.T, dir string) string {
			text := list(entry{Name: "config/final.yml", Before: sum(dir, "config/final.yml")})
			put(t, dir, journalName, text)
			if out, err := exec.Command("git", "-C", dir, "add", journalName).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			return text
		}, "is committed, so that no run was cut off here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := unpacked(t, small)
			outside := filepath.Join(filepath.Dir(dir), "outside")
			if err := os.Mkdir(outside, 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, outside, "file", "x")
			if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
				t.Skipf("git: %v %s", err, out)
			}
			put(t, dir, journalName, c.journal(t, dir))
			before, beside := tree(t, dir), tree(t, outside)
			if status, out := bpmify(t, "release", "--force", dir); status != exitError || !strings.Contains(out, c.says) {
				t.Errorf("%d %s", status, out)
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(beside, tree(t, outside)); diff != "" {
				t.Error(diff)
			}
		})
	}
	// the other list only takes away what a run has made
	dir := unpacked(t, small)
	whole := unpacked(t, small)
	put(t, dir, "config/.bosh-bpmify-"+run+"-1", "")
	put(t, dir, preparedName, list(entry{Name: "config/final.yml", Before: sum(dir, "config/final.yml")}, entry{Name: "config/x", After: "y"}))
	for _, d := range []string{dir, whole} {
		if status, out := bpmify(t, "release", d); status != 0 {
			t.Error(out)
		}
	}
	if diff := cmp.Diff(tree(t, whole), tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestTouchedMeanwhile shows the ways out where somebody changed a file between
// the run that was cut off and the next one.
func TestTouchedMeanwhile(t *testing.T) {
	dir := unpacked(t, small)
	d := onDisk(t, dir)
	j, err := prepare(d, changes(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	names, err := j.names()
	if err != nil {
		t.Fatal(err)
	}
	if err := j.place(d, 0, names[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, names[1]), []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out := bpmify(t, "release", dir)
	command := fmt.Sprintf("mv '%s' '%s'", filepath.Join(dir, journalName), filepath.Join(dir, preparedName))
	if status != exitError || !strings.Contains(out, names[1]) || !strings.Contains(out, command) {
		t.Fatalf("%d %s", status, out)
	}
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	bpmify(t, "release", dir)
	for name, content := range tree(t, dir) {
		if ourFile.MatchString(name) {
			t.Errorf("%s is left over", name)
		}
		if name == names[1] && !strings.HasSuffix(content, "mine\n") {
			t.Errorf("%s was changed: %s", name, content)
		}
	}
}
