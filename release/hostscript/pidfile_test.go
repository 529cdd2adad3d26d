package hostscript

import (
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestPidUses holds what scripts do with a pidfile against what is made of it:
// the script with the new path, or why it stays.
func TestPidUses(t *testing.T) {
	const (
		old = "/var/vcap/sys/run/web/web.pid"
		now = "/var/vcap/sys/run/bpm/web/web.pid"
	)
	for name, c := range map[string]struct{ script, against, want string }{
		"signals":          {"kill -HUP $(cat " + old + ")", "", "kill -HUP $(cat " + now + ")"},
		"by variable":      {"pidfile=" + old + "\nif kill -0 $(<$pidfile); then echo up; fi", "", "pidfile=" + now + "\nif kill -0 $(<$pidfile); then echo up; fi"},
		"in pieces":        {"dir=/var/vcap/sys/run/web\npid=$(head -1 $dir/web.pid)\nkill $pid", "", "dir=/var/vcap/sys/run/web\npid=$(head -1 " + now + ")\nkill $pid"},
		"another file":     {"cat " + old + ".old", "", "cat " + old + ".old"},
		"writes":           {"echo 1 > " + old, "writes it", ""},
		"looks in /proc":   {"ls /proc/$(cat " + old + ")/fd", "bpm's pid is that of an init", ""},
		"other signal":     {"kill -RTMIN $(cat " + old + ")", "sends a signal", ""},
		"exported":         {"export PIDFILE=" + old + "\n/var/vcap/packages/web/bin/reload", "is exported", ""},
		"read elsewhere":   {"PIDFILE=" + old, "read elsewhere", ""},
		"pid in a formula": {"pid=$(cat " + old + ")\nnext=$((pid + 1))", "computes with it", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &source.File{Name: "drain", Data: []byte("#!/bin/bash\n" + c.script + "\n")}
			s := Read(f, true)
			if s == nil {
				t.Fatal("not read")
			}
			use := s.PidUses(old, now, true, func(string) bool { return true })
			if c.against != "" || use.Against != "" {
				if !strings.Contains(use.Against, c.against) || c.against == "" {
					t.Errorf("against: %q, want %q", use.Against, c.against)
				}
				return
			}
			text := string(f.Data)
			for i := len(use.Edits) - 1; i >= 0; i-- {
				e := use.Edits[i]
				text = text[:e.Start] + e.New + text[e.End:]
			}
			want := "#!/bin/bash\n" + c.want + "\n"
			if text != want {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}
		})
	}
}
