package convert

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOwners runs the part of pre-start that changes owners, with nobody in the
// place of vcap.
func TestOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root changes owners")
	}
	if out, err := exec.Command("bash", "-c", "id nobody && find --version && sed --version && xargs --version").CombinedOutput(); err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("%v: %s", err, out)
	}
	const root, nobody, other = 0, 65534, 12345
	disk := t.TempDir()
	at := func(name string) string { return filepath.Join(disk, name) }
	put := func(name string, uid int) {
		t.Helper()
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
			if err := os.MkdirAll(at(dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(at(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at(name), uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	owner := func(name string) int {
		t.Helper()
		info, err := os.Lstat(at(name))
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Sys().(*syscall.Stat_t).Uid)
	}
	run := func(p *preStart) string {
		t.Helper()
		script := strings.ReplaceAll(p.script("set -e"), "vcap:vcap", "nobody")
		script = strings.ReplaceAll(script, "user vcap", "user nobody")
		script = strings.ReplaceAll(script, "exec chown", "exec chown -v")
		script = strings.ReplaceAll(script, "/var/vcap", disk)
		out, err := exec.Command("bash", "-euc", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s\n%s", err, out, script)
		}
		return string(out)
	}
	want := func(got, uid int, what string) {
		t.Helper()
		if got != uid {
			t.Errorf("%s belongs to %d, not to %d", what, got, uid)
		}
	}

	put("store/web/top", root)
	put("store/web/a/b/c d/deep", root)
	put("store/web/a/third", other)
	put("sys/log/web/a.log", root)
	put("packages/web/key", root)
	put("elsewhere/file", root)
	put("data/shared/ours", root)
	put("data/shared/theirs", other)
	if err := os.Symlink(at("elsewhere"), at("store/web/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(at("jobs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("packages/web"), at("jobs/web")); err != nil {
		t.Fatal(err)
	}
	p := &preStart{rootProcess: "web"}
	p.chown("/var/vcap/store/web", false)
	p.chown("/var/vcap/store/absent", false)
	p.chown("/var/vcap/data/shared", true)
	p.chown("/var/vcap/sys/log/web", false)
	p.reveal("/var/vcap/jobs/web")

	run(p)
	for _, name := range []string{"store/web", "store/web/top", "store/web/a", "store/web/a/b/c d", "store/web/a/b/c d/deep", "store/web/a/third", "store/web/link", "sys/log/web/a.log", "packages/web/key", "data/shared", "data/shared/ours"} {
		want(owner(name), nobody, name)
	}
	for _, name := range []string{"elsewhere", "elsewhere/file"} {
		want(owner(name), root, name)
	}
	want(owner("data/shared/theirs"), other, "data/shared/theirs")

	t.Run("nothing to do", func(t *testing.T) {
		if diff := cmp.Diff("", run(p)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("only folders that changed are looked into", func(t *testing.T) {
		// somebody changes a single file by hand: its folder stays as it was
		if err := os.Lchown(at("store/web/top"), root, root); err != nil {
			t.Fatal(err)
		}
		run(p)
		want(owner("store/web/top"), root, "store/web/top")
	})
	t.Run("the way back and forth", func(t *testing.T) {
		put("store/web/a/b/c d/later", root)
		put("store/web/a/new/later", root)
		run(p)
		for _, name := range []string{"store/web/a/b/c d/later", "store/web/a/new", "store/web/a/new/later"} {
			want(owner(name), nobody, name)
		}
	})
	t.Run("another disk", func(t *testing.T) {
		if err := os.Remove(at("store/.web.vcap")); err != nil {
			t.Fatal(err)
		}
		run(p)
		want(owner("store/web/top"), nobody, "store/web/top")
	})
	t.Run("a mount", func(t *testing.T) {
		if err := os.Mkdir(at("store/web/mnt"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", at("store/web/mnt"), "tmpfs", 0, ""); err != nil {
			t.Skip(err)
		}
		defer syscall.Unmount(at("store/web/mnt"), 0)
		put("store/web/mnt/sub/file", root)
		run(p)
		want(owner("store/web/mnt/sub"), root, "store/web/mnt/sub")
		want(owner("store/web/mnt/sub/file"), root, "store/web/mnt/sub/file")
	})
}
