package vm

import (
	"slices"
	"strings"
	"testing"
)

// What one machine does to the files of a stemcell no other one sees.
func TestMachinesAreApart(t *testing.T) {
	a, b := New(), New()
	before := a.Files.Snapshot()
	p := a.Root(nil)
	if status := p.Run([]string{"bash", "-c", "chmod 700 /etc; rm /etc/hosts; mv /etc/issue /etc/motd; echo x >>/etc/passwd; rm -rf /opt; mkdir /opt"}); status != 0 {
		t.Fatal(status)
	}
	c := a.Clone()
	c.Root(nil).Run([]string{"rm", "-rf", "/etc"})
	for _, m := range []struct {
		name string
		vm   *VM
		want string
	}{
		{"the first", a, "700 x motd "},
		{"the second", b, "755 hosts issue "},
		{"the clone", c, ""},
	} {
		text, _ := m.vm.Root(nil).Capture([]string{"bash", "-c", "[ ! -d /etc ] || { stat -c %a /etc; tail -1 /etc/passwd | grep -x x; cd /etc; ls hosts issue motd 2>/dev/null; }"})
		if got := strings.ReplaceAll(text, "\n", " "); got != m.want {
			t.Errorf("%s: %q, not %q", m.name, got, m.want)
		}
	}
	if _, there := before.Get("/etc/hosts"); !there {
		t.Error("a snapshot changed")
	}
	if gone := slices.Sorted(a.Files.Snapshot().Gone()); !slices.Equal(gone, []string{"/etc/hosts", "/etc/issue"}) {
		t.Error(gone)
	}
}

// A folder lists what the layer below has and what is of the tree alike.
func TestListOfLayers(t *testing.T) {
	v := New()
	v.Files.AddDir("/etc/zz", "root", "root", 0o755)
	v.Files.remove("/etc/hosts")
	names := v.Files.children("/etc")
	if !slices.IsSorted(names) || slices.Contains(names, "hosts") || !slices.Contains(names, "zz") || !slices.Contains(names, "passwd") {
		t.Error(names)
	}
	all := v.Files.below("/")
	if !slices.IsSorted(all) || all[0] != "/" || len(all) != len(slices.Compact(slices.Clone(all))) {
		t.Error("below / are not all paths, each once")
	}
	if below := v.Files.below("/etc"); below[0] != "/etc" || len(below) >= len(all) || slices.Contains(below, "/etc/hosts") {
		t.Error(below)
	}
}
