package convert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMonitIsKept holds that of a monit file only the pidfile, the programs and
// the actions that call the old script change: timeouts and all other clauses
// stay byte for byte.
func TestMonitIsKept(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config/final.yml": "name: web\n",
		"jobs/web/spec":    "---\nname: web\ntemplates: {ctl: bin/ctl}\n",
		"jobs/web/templates/ctl": `#!/bin/bash
PIDFILE=/var/vcap/sys/run/web/web.pid
case $1 in
start) exec chpst -u vcap /var/vcap/packages/web/bin/web ;;
stop) kill $(cat $PIDFILE) ;;
kill) kill -9 $(cat $PIDFILE); rm -f $PIDFILE ;;
esac
`,
		"jobs/web/monit": `# the web server
check process web
  with pidfile "/var/vcap/sys/run/web/web.pid"
  start program "/var/vcap/jobs/web/bin/ctl start"
    with timeout   120 seconds
  stop program '/var/vcap/jobs/web/bin/ctl stop' with timeout <%= p('stop') %> seconds
  if totalmem > <%= p('mb') %> Mb for 3 cycles then exec "/var/vcap/jobs/web/bin/ctl kill"
  if failed unixsocket /var/vcap/sys/run/web/web.sock	with timeout 5 seconds for 5 cycles then restart
  depends on db
  group vcap
`,
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := `# the web server
check process web
  with pidfile "/var/vcap/sys/run/bpm/web/web.pid"
  start program "/var/vcap/jobs/bpm/bin/bpm start web"
    with timeout   120 seconds
  stop program '/var/vcap/jobs/bpm/bin/bpm stop web' with timeout <%= p('stop') %> seconds
  if totalmem > <%= p('mb') %> Mb for 3 cycles then exec "/var/vcap/jobs/bpm/bin/bpm stop web"
  if failed unixsocket /var/vcap/sys/run/web/web.sock	with timeout 5 seconds for 5 cycles then restart
  depends on db
  group vcap
`
	for _, c := range planOf(t, dir).All() {
		if c.Name == "jobs/web/monit" {
			if diff := cmp.Diff(want, string(c.After)); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	t.Error("the monit file does not change")
}
