package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release"
)

// TestReleases holds the invariants over real releases, which are not part of
// this repository: BPMIFY_RELEASES is a pattern of release directories.
func TestReleases(t *testing.T) {
	pattern := os.Getenv("BPMIFY_RELEASES")
	if pattern == "" {
		t.Skip("BPMIFY_RELEASES is not set")
	}
	dirs, err := filepath.Glob(pattern)
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%s: no directories (%v)", pattern, err)
	}
	verdicts := map[Verdict]int{}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p := planOf(t, dir)
			invariants(t, p)
			for _, c := range p.Jobs {
				verdicts[c.Verdict]++
				if c.Verdict == "" {
					t.Errorf("%s has no verdict", c.Job.Name)
				}
			}
		})
	}
	t.Log(verdicts)
}

// BenchmarkJob converts releases of more and more jobs: the time per job is to
// stay the same.
func BenchmarkJob(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			put := func(name, text string) {
				p := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			put("config/final.yml", "name: many\n")
			for i := range n {
				job := fmt.Sprintf("job%d", i)
				put("jobs/"+job+"/spec", "---\nname: "+job+"\ntemplates:\n  ctl: bin/ctl\npackages: []\nproperties:\n  port: {default: 80}\n")
				put("jobs/"+job+"/monit", "check process "+job+"\n  with pidfile /var/vcap/sys/run/"+job+"/pid\n  start program \"/var/vcap/jobs/"+job+"/bin/ctl start\"\n  stop program \"/var/vcap/jobs/"+job+"/bin/ctl stop\"\n  group vcap\n")
				put("jobs/"+job+"/templates/ctl", benchScript)
			}
			b.ResetTimer()
			for range b.N {
				r, err := release.Load(dir)
				if err != nil {
					b.Fatal(err)
				}
				p, err := Release(r, Options{OpsFile: "generated-bpm-ops.yml"})
				if err != nil || len(p.Jobs) != n || p.Jobs[0].Verdict != Converted {
					b.Fatal(err, p.Jobs[0].Verdict, p.Jobs[0].Reason.Message)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/job")
		})
	}
}

const benchScript = `#!/bin/bash -e
RUN_DIR=/var/vcap/sys/run/$(basename $(dirname $(dirname $0)))
PIDFILE=$RUN_DIR/pid
pid_guard() {
  if [ -f "$1" ]; then
    pid=$(head -1 "$1")
    if ps -p $pid > /dev/null; then exit 1; fi
    rm "$1"
  fi
}
<% if_p('token') do |token| %>
export TOKEN=<%= token %>
<% end %>
case $1 in
start)
  pid_guard $PIDFILE
  mkdir -p $RUN_DIR
  sysctl -w vm.max_map_count=262144
  echo $$ > $PIDFILE
  ulimit -n 1024
  exec chpst -u vcap:vcap /var/vcap/packages/web/bin/web --port <%= p('port') %> --cores $(nproc)
  ;;
stop)
  kill $(cat $PIDFILE)
  ;;
esac
`
