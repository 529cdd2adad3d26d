package vm

import (
	"slices"
	"testing"
)

// TestClone changes a clone: the machine that it was made from stays as it was.
func TestClone(t *testing.T) {
	v := New()
	v.Root(nil).Run([]string{"bash", "-c", "mkdir /srv/a; echo one > /srv/a/file"})
	c := v.Clone()
	c.Root(nil).Run([]string{"bash", "-c", "echo two > /srv/a/file; rm -rf /opt; mkdir /srv/b; chown vcap /srv/a"})
	data, err := v.Root(nil).ReadFile("/srv/a/file")
	if err != nil || string(data) != "one\n" {
		t.Errorf("the file has %q, %v", data, err)
	}
	if _, err := v.Root(nil).Stat("/srv/b"); err == nil {
		t.Error("/srv/b is there")
	}
	if n, err := v.Root(nil).Stat("/srv/a"); err != nil || n.Owner != "root" {
		t.Errorf("/srv/a: %+v, %v", n, err)
	}
	if _, err := v.Root(nil).Stat("/opt"); err != nil {
		t.Error(err)
	}
}

// TestRestore empties a tmpfs as a reboot does.
func TestRestore(t *testing.T) {
	v := New()
	before := v.Files.Snapshot()
	v.Root(nil).Run([]string{"bash", "-c", "rm -rf /run/lock; mkdir /run/web; touch /run/web/a /srv/stays"})
	v.Files.Restore("/run", before)
	for name, want := range map[string]bool{"/run/lock": true, "/run/web": false, "/run/web/a": false, "/srv/stays": true} {
		if _, err := v.Root(nil).Stat(name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKill lets what a script started be found by its pidfile, and be ended.
func TestKill(t *testing.T) {
	v := New()
	v.Files.Assume = func(string) *Node { return File(nil, 0o755) }
	v.Root(nil).Run([]string{"bash", "-c", "/var/vcap/packages/web/bin/web & echo $! > /srv/child; echo $$ > /srv/own; kill -0 $$ || exit 1; kill -0 $(cat /srv/child)"})
	v.Files.Assume = nil
	v.Later()
	status := v.Root(nil).Run([]string{"bash", "-c", "for f in own child; do kill -HUP $(cat /srv/$f) && kill $(cat /srv/$f) || exit 1; while kill -0 $(cat /srv/$f); do sleep 1; done; done"})
	if status != 0 {
		t.Errorf("exit status %d, output %q", status, v.Output)
	}
	if want := []string{"HUP", "TERM", "HUP", "TERM"}; !slices.Equal(v.Signals, want) {
		t.Errorf("signals %q, want %q", v.Signals, want)
	}
	v.Die()
	if v.Root(nil).Run([]string{"bash", "-c", "kill -0 $(cat /srv/own)"}) == 0 {
		t.Error("a process lives on")
	}
}
