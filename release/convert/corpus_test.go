package convert

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

// many writes a release of n jobs.
func many(t testing.TB, n int) string {
	dir := t.TempDir()
	put := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("config/final.yml", "name: many\n")
	for i := range n {
		job := fmt.Sprintf("job%d", i)
		put("jobs/"+job+"/spec", "---\nname: "+job+"\ntemplates:\n  ctl: bin/ctl\n  drain: bin/drain\npackages: []\nproperties:\n  port: {default: 80}\n")
		put("jobs/"+job+"/monit", "check process "+job+"\n  with pidfile /var/vcap/sys/run/"+job+"/"+job+".pid\n  start program \"/var/vcap/jobs/"+job+"/bin/ctl start\"\n  stop program \"/var/vcap/jobs/"+job+"/bin/ctl stop\"\n  group vcap\n")
		put("jobs/"+job+"/templates/ctl", benchScript)
		// one that reads the pidfile of a neighbour
		put("jobs/"+job+"/templates/drain", fmt.Sprintf("#!/bin/bash\nkill -0 $(cat /var/vcap/sys/run/job%d/job%d.pid)\necho 0\n", (i+1)%n, (i+1)%n))
	}
	return dir
}

// TestSideBySide holds that how many jobs are converted at a time changes nothing.
// CI runs it with the race detector, too.
func TestSideBySide(t *testing.T) {
	dir := many(t, 60)
	old := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(old)
	one := planOf(t, dir)
	runtime.GOMAXPROCS(8)
	eight := planOf(t, dir)
	if len(one.Jobs) != 60 || len(eight.Jobs) != 60 {
		t.Fatalf("%d and %d jobs", len(one.Jobs), len(eight.Jobs))
	}
	for i, c := range one.Jobs {
		e := eight.Jobs[i]
		if c.Job.Name != e.Job.Name || c.Verdict != e.Verdict || len(c.Findings) != len(e.Findings) || len(c.Ledger) != len(e.Ledger) || len(c.Changes) < 5 || len(c.Changes) != len(e.Changes) {
			t.Fatalf("%s: %s with %d findings, %d rows and %d changes; then %s: %s with %d, %d and %d", c.Job.Name, c.Verdict, len(c.Findings), len(c.Ledger), len(c.Changes), e.Job.Name, e.Verdict, len(e.Findings), len(e.Ledger), len(e.Changes))
		}
		for k, ch := range c.Changes {
			if o := e.Changes[k]; ch.Name != o.Name || !bytes.Equal(ch.After, o.After) {
				t.Errorf("%s: another text, or %s", ch.Name, o.Name)
			}
		}
	}
}

// BenchmarkJobs converts releases of more and more jobs: the time per job is to
// stay the same.
func BenchmarkJobs(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := many(b, n)
			b.ReportAllocs()
			for b.Loop() {
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
PIDFILE=$RUN_DIR/$(basename $RUN_DIR).pid
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
