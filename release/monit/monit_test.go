package monit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// files are the cases: want is one line a check, err an error, and monit -t
// is asked about those without ERB.
var files = []struct {
	name, text, want, err string
}{
	{"usual", `check process web
  with pidfile /var/vcap/sys/run/web/web.pid
  start program "/var/vcap/jobs/web/bin/ctl start"
  stop program "/var/vcap/jobs/web/bin/ctl stop"
  group vcap
`, "process web pid=/var/vcap/sys/run/web/web.pid start=/var/vcap/jobs/web/bin/ctl start stop=/var/vcap/jobs/web/bin/ctl stop clauses=4", ""},
	{"one line and timeouts", `check process web with pidfile /run/web.pid
  start program "/bin/ctl start" with timeout 60 seconds
  stop program = "/bin/ctl stop" with timeout 120 seconds
  if totalmem > 500 Mb for 3 cycles then alert
  if failed host 127.0.0.1 port 80 protocol http with timeout 20 seconds for 3 cycles then restart
  depends on db
check process db
  with pidfile "/run/db.pid"
  start program = "/bin/db start" as uid root and gid root
  stop program = "/bin/db stop"
`, `process web pid=/run/web.pid start=/bin/ctl start timeout=60 stop=/bin/ctl stop clauses=6
process db pid=/run/db.pid start=/bin/db start uid=root stop=/bin/db stop clauses=3`, ""},
	{"single quotes and comments", `# check process old
check process web with pidfile /run/web.pid # its own
  start program '/bin/ctl start "a b"'
  stop program "/bin/ctl stop"
`, `process web pid=/run/web.pid start=/bin/ctl start "a b" stop=/bin/ctl stop clauses=3`, ""},
	{"file check", `check file log with path /var/log/syslog
  if size > 100 MB then alert
`, "file log clauses=2", ""},
	{"exec action", `check process web with pidfile /run/web.pid
  start program "/bin/ctl start"
  stop program "/bin/ctl stop"
  if cpu > 50% for 5 cycles then exec "/bin/ctl reload"
`, "process web pid=/run/web.pid start=/bin/ctl start stop=/bin/ctl stop clauses=4", ""},
	{"empty", "", "", ""},
	{"ERB loop with the name", `<% (1..p('n')).each do |i| %>
check process worker_<%= i %>
  with pidfile /run/worker_<%= i %>.pid
  start program "/bin/ctl start <%= i %>"
  stop program "/bin/ctl stop <%= i %>"
<% end %>
`, "process worker_<%= i %> pid=/run/worker_<%= i %>.pid start=/bin/ctl start <%= i %> stop=/bin/ctl stop <%= i %> clauses=3", ""},
	{"ERB chooses", `check process web
<% if p('bpm') %>
  with pidfile /run/bpm/web.pid
  start program "/bpm start web"
<% else %>
  with pidfile /run/web.pid
  start program "/ctl start"
<% end %>
  stop program "/ctl stop"
`, "process web pid=/run/bpm/web.pid start=/bpm start web stop=/ctl stop clauses=5", ""},
	{"quote not closed", "check process web\n  start program \"/bin/ctl start\n", "", "f:2:17: this quote is never closed"},
	{"check without a name", "check process\n", "", "f:1:1: check needs a kind and a name"},
	{"broken ERB", "<% if x %>\ncheck process a with pidfile /a\n", "", "f:1:1: this ERB block is never closed"},
}

func show(f *File) string {
	var lines []string
	for _, c := range f.Checks {
		l := c.Kind + " " + c.NameText()
		if c.Pidfile != nil {
			l += " pid=" + c.Pidfile.Value.Text()
		}
		if p := c.Start; p != nil {
			l += " start=" + p.Command.Text()
			if p.TimeoutSeconds > 0 {
				l += fmt.Sprintf(" timeout=%d", p.TimeoutSeconds)
			}
			if p.Uid.Valid() {
				l += " uid=" + p.Uid.Text()
			}
		}
		if c.Stop != nil {
			l += " stop=" + c.Stop.Command.Text()
		}
		lines = append(lines, fmt.Sprintf("%s clauses=%d", l, len(c.Clauses)))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	for _, c := range files {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(&source.File{Name: "f", Data: []byte(c.text)})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := show(f); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestMonitAgrees gives every case without ERB to the real monit.
func TestMonitAgrees(t *testing.T) {
	if _, err := exec.LookPath("monit"); err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("monit is missing")
		}
		t.Skip("monit is missing")
	}
	for _, c := range files {
		if strings.Contains(c.text, "<%") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			text := "set daemon 10\nset idfile " + dir + "/id\nset statefile " + dir + "/state\n"
			for _, old := range []string{"/bin/ctl", "/bin/db"} { // monit wants programs that exist
				c.text = strings.ReplaceAll(c.text, old, "/bin/true")
			}
			rc := filepath.Join(dir, "monitrc")
			if err := os.WriteFile(rc, []byte(text+strings.ReplaceAll(c.text, "/var/vcap/jobs/web/bin/ctl", "/bin/true")), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("monit", "-t", "-c", rc).CombinedOutput()
			if rejected := err != nil; rejected != (c.err != "") {
				t.Errorf("monit -t: %v\n%s", err, out)
			}
		})
	}
}

func TestWords(t *testing.T) {
	f, err := Parse(&source.File{Name: "f", Data: []byte(`check process a with pidfile /a
  start program "/bin/sh -c '/ctl start now' <%= p('x y') %>"`)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range f.Checks[0].Start.Words() {
		got = append(got, w.Text())
	}
	if want := "/bin/sh|-c|/ctl start now|<%= p('x y') %>"; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
}

func FuzzMonit(f *testing.F) {
	for _, c := range files {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(&source.File{Name: "f", Data: []byte(text)})
		if err != nil {
			return
		}
		for _, c := range m.Checks {
			for _, cl := range c.Clauses {
				if cl.Span.Start > cl.Span.End || cl.Span.End > len(text) || cl.Value.Valid() && (cl.Value.Start < cl.Span.Start || cl.Value.End > cl.Span.End) {
					t.Fatalf("clause %+v", cl)
				}
			}
			for _, p := range append(c.Starts, c.Stops...) {
				p.Words()
			}
		}
	})
}
