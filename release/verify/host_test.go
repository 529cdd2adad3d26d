package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// started runs the start path of a job with this start arm; nothing in it needs
// ruby.
func started(t *testing.T, arm string) *side {
	t.Helper()
	dir := unpack(t, append(slices.Clone(plainJob), txtar.File{Name: "jobs/web/templates/ctl", Data: []byte("#!/bin/bash\ncase $1 in\n  start)\n" + arm + "\n    ;;\nesac\n")}))
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := newSide(r.Job("web"), render.Context{}, func(f *source.File, _ render.Context) ([]byte, error) { return f.Data, nil })
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	return s
}

// launchOf is the last program that a side executed.
func launchOf(t *testing.T, s *side) vm.Event {
	t.Helper()
	list := programs(s, "")
	if len(list) == 0 {
		t.Fatalf("nothing was executed; output %q, unknown %q, errors %q", s.vm.Output, s.vm.Unknown, s.vm.Errors)
	}
	return s.vm.Events[list[len(list)-1]]
}

// TestHostIsNotTouched runs a script that reads, writes and executes what is on
// this machine: it finds none of that, and leaves nothing here.
func TestHostIsNotTouched(t *testing.T) {
	host := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(host, name)
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	secret := put("secret", "of the host\n", 0o644)
	program := put("program", "#!/bin/sh\ntouch "+host+"/program-ran\n", 0o755)
	sourced := put("sourced.sh", "SOURCED=yes\ntouch "+host+"/sourced-ran\n", 0o644)
	t.Setenv("BPMIFY_HOST_VARIABLE", "of the host")
	const left = "/tmp/bpmify-test-x"
	if _, err := os.Lstat(left); err == nil {
		t.Fatalf("%s is there before the test", left)
	}
	names, err := os.ReadDir(host)
	if err != nil {
		t.Fatal(err)
	}
	s := started(t, `
    NAME=$(cat /etc/hostname)
    SECRET=$(cat `+secret+`)
    . `+sourced+`
    `+program+`
    echo written > `+left+`
    echo written > `+host+`/written
    /bin/touch `+host+`/touched /tmp/bpmify-test-touched
    /usr/bin/env touch `+host+`/touched-by-env
    mkdir -p `+host+`/folder
    rm -rf `+secret+`
    ln -s /etc/passwd `+host+`/link
    FOUND=$(cd `+host+` 2> /dev/null && echo *)
    exec /var/vcap/packages/web/bin/web "$NAME" "$SECRET" "$SOURCED" "$BPMIFY_HOST_VARIABLE" "$(cat `+left+`)" "$FOUND"`)
	e := launchOf(t, s)
	found := "folder link" // nothing was there before it made the folder
	if want := []string{vm.Hostname, "", "", "", "written", found}; !slices.Equal(e.Args[1:], want) {
		t.Errorf("the script saw %q, want %q", e.Args[1:], want)
	}
	for _, p := range []string{left, "/tmp/bpmify-test-touched"} {
		if _, err := os.Lstat(p); err == nil {
			t.Errorf("%s is on the host", p)
			os.Remove(p)
		}
	}
	now, err := os.ReadDir(host)
	if err != nil {
		t.Fatal(err)
	}
	if len(now) != len(names) {
		t.Errorf("the folder of the host has %v now, and had %v", now, names)
	}
	if data, err := os.ReadFile(secret); err != nil || string(data) != "of the host\n" {
		t.Errorf("%s: %q, %v", secret, data, err)
	}
	for name, value := range e.Env {
		if strings.Contains(value, "of the host") {
			t.Errorf("the process was given %s of the host", name)
		}
	}
}

// TestNoEnd runs scripts that do not end: they are stopped. Loops in which no
// command is called, such as for (( ; ; )); do X=1; done, take the interpreter 20
// seconds, and are left out here.
func TestNoEnd(t *testing.T) {
	for name, arm := range map[string]string{
		"busy":         "while true; do :; done",
		"sleeps":       "while true; do sleep 1; done",
		"sleeps long":  "sleep infinity",
		"waits":        "until [ -e /var/vcap/data/web/ready ]; do sleep 0.1; done",
		"substitution": "X=$(while true; do echo x; done)",
		"pipe":         "yes | while read x; do :; done",
		"itself":       "exec $0 start",
		"child":        "$0 start",
		"trap":         "trap '$0 start' EXIT; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan *side, 1)
			go func() { ended <- started(t, arm+"\nexec /var/vcap/packages/web/bin/web") }()
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Fatal("it runs on")
			}
		})
	}
}
