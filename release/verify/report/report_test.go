package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// pages is for looking at what the tests make:
//
//	go test ./release/verify/report -pages /tmp/pages
var pages = flag.String("pages", "", "folder that the pages of the tests are written to")

const example = "../../../examples/website-release"

var options = Options{Tool: "bosh-bpmify 1.4.0", Command: "bosh-bpmify verify ."}

// page makes a page, and keeps it where -pages says.
func pageOf(t *testing.T, name string, r *verify.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r, options); err != nil {
		t.Fatal(err)
	}
	if *pages != "" {
		if err := os.WriteFile(filepath.Join(*pages, name+".html"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func markdownOf(t *testing.T, name string, r *verify.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := Markdown(&b, r, options); err != nil {
		t.Fatal(err)
	}
	if *pages != "" {
		if err := os.WriteFile(filepath.Join(*pages, name+".md"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// results are those that every test of a form goes through.
func results(t *testing.T) map[string]*verify.Result {
	same := converted(t, example)
	for _, j := range same.Jobs {
		for i := range j.Cases {
			for k := range j.Cases[i].Processes {
				p := &j.Cases[i].Processes[k]
				p.Status = verify.Same
				p.Rows = slices.DeleteFunc(p.Rows, func(r verify.Row) bool { return r.Status != verify.Same })
			}
			j.Cases[i].Status, j.Cases[i].Setup = verify.Same, nil
		}
		j.Status, j.Compared, j.Differences, j.Unknown = verify.Same, 0, nil, nil
		sum(j)
	}
	notRun := converted(t, example)
	j := notRun.Jobs[0]
	j.Status, j.Differences, j.Compared = verify.NotRun, nil, 0
	j.Cases[1].Status, j.Cases[1].NotRun, j.Cases[1].Processes, j.Cases[1].Setup = verify.NotRun, "website_ctl.erb: undefined property website.port", nil, nil
	j.Cases[2].Status = verify.NotRun
	for k := range j.Cases[2].Processes {
		p := &j.Cases[2].Processes[k]
		p.Status, p.Why, p.Rows = verify.NotRun, "the start path asks the network before it starts nginx", nil
	}
	sum(j)
	many := &verify.Result{Release: "many", Before: "git v41 (0c0ffee)"}
	for i := range 30 {
		for _, j := range converted(t, example).Jobs {
			j.Name = fmt.Sprintf("website_%d", i+1)
			if i%4 == 3 {
				*j = verify.Job{Name: j.Name, Status: verify.Same, Why: "it was not changed"}
			}
			many.Jobs = append(many.Jobs, j)
		}
	}
	return map[string]*verify.Result{
		"website": converted(t, example),
		"same":    same,
		"notrun":  notRun,
		"many":    many,
		"arms":    converted(t, written(t, "arms", arms)),
		"hostile": hostile(converted(t, written(t, "hostile", hostileScript))),
		"long":    converted(t, written(t, "long", long())),
		"empty":   {Release: "empty"},
		"by-hand": byHand(),
	}
}

// byHand is a job that was moved to bpm by its people: there is no conversion to
// tell where statements went.
func byHand() *verify.Result {
	old := &source.File{Name: "jobs/queue/monit", Data: []byte("check process queue\n  start program \"/var/vcap/jobs/queue/bin/queue_ctl start\"\n")}
	new := &source.File{Name: "jobs/queue/monit", Data: []byte("check process queue\n  start program \"/var/vcap/jobs/bpm/bin/bpm start queue\"\n")}
	script := &source.File{Name: "jobs/queue/templates/queue_ctl", Data: []byte("#!/bin/bash\nexec queue\n")}
	j := &verify.Job{Name: "queue", Status: verify.Same, Old: []*source.File{old, script}, New: []*source.File{new}}
	j.Cases = []verify.Case{{Name: "defaults", Status: verify.Same, Processes: []verify.Process{{Name: "queue", Status: verify.Same, Rows: []verify.Row{{Aspect: "executable", Before: "queue", After: "queue", Status: verify.Same}}}}}}
	sum(j)
	return &verify.Result{Release: "queue", Jobs: []*verify.Job{j}}
}

// written makes a release of one job with this ctl script.
func written(t *testing.T, name, script string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	files := map[string]string{
		"config/final.yml":                   "name: " + name + "\n",
		"jobs/queue/spec":                    "name: queue\ntemplates:\n  queue_ctl.erb: bin/queue_ctl\npackages: [queue]\nproperties:\n  tls:\n    default: false\n",
		"jobs/queue/monit":                   "check process queue\n  with pidfile /var/vcap/sys/run/queue/queue.pid\n  start program \"/var/vcap/jobs/queue/bin/queue_ctl start\"\n  stop program \"/var/vcap/jobs/queue/bin/queue_ctl stop\"\n  group vcap\n",
		"jobs/queue/templates/queue_ctl.erb": script,
		"packages/queue/spec":                "name: queue\nfiles: []\n",
		"packages/queue/packaging":           "true\n",
	}
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// arms has statements within statements, and a command of several ERB arms.
const arms = `#!/bin/bash
set -e
RUN=/var/vcap/sys/run/queue
PIDFILE=$RUN/queue.pid
case $1 in
start)
  if [ ! -d /var/vcap/store/queue/index ]; then
    mkdir -p /var/vcap/store/queue/index; chown -R vcap:vcap /var/vcap/store/queue
  fi
  ulimit -n 4096
  export LANG=en_US.UTF-8 QUEUE_HOST=$(hostname -f)
  echo $$ > $PIDFILE
  exec chpst -u vcap:vcap /var/vcap/packages/queue/bin/queue \
<% if p('tls') %>
    --tls \
<% else %>
    --plain \
<% end %>
    --größe 5 >> /var/vcap/sys/log/queue/queue.log 2>&1
  ;;
stop)
  kill $(cat $PIDFILE)
  ;;
esac
`

// evil is text that means something to a browser, to GitHub and to XML.
const evil = "</code></script><script>alert(1)</script>\" onmouseover='x' `a|b` \\| **b** @team #12 $x$ {{.}} <!-- --> ]]> &amp;"

const hostileScript = `#!/bin/bash
# </script><script>alert("x")</script> ` + "`|`" + `
PIDFILE=/var/vcap/sys/run/queue/queue.pid
case $1 in
start)
  echo $$ > $PIDFILE
  export TITLE='</span></code></script><script>alert(1)</script>" onclick="x'
  exec chpst -u vcap:vcap /var/vcap/packages/queue/bin/queue --title '<img src="http://evil.example/x.png">' --pipe 'a|b' '` + "`c`" + `'
  ;;
stop)
  kill $(cat $PIDFILE)
  ;;
esac
`

// hostile puts evil text into every place that a text can come from.
func hostile(r *verify.Result) *verify.Result {
	r.Release, r.Before = "r"+evil, "git "+evil
	for _, j := range r.Jobs {
		j.Name, j.Why, j.Unknown = "j"+evil, "w"+evil, []string{evil, "two\nlines"}
		for i := range j.Cases {
			c := &j.Cases[i]
			c.Name, c.Why = fmt.Sprint(i, evil), evil
			for k := range c.Processes {
				p := &c.Processes[k]
				p.Name, p.Before, p.After = "p"+evil, evil, evil
				p.Rows = append(p.Rows, verify.Row{Aspect: "env:" + evil, Status: verify.Same})
			}
			c.NotRun = evil
		}
		for i := range j.Differences {
			d := &j.Differences[i]
			d.Aspect, d.Before, d.After, d.Because, d.ID, d.Rule, d.Cases = "env-missing:"+evil, evil+"\x00\n|x", "b"+evil+"\xff", evil, "id"+evil, evil, []string{evil}
			d.Process = "p" + evil
		}
		c := j.Conversion
		c.Findings = append(c.Findings, source.Diagnostic{ID: evil, Severity: source.Error, Message: evil})
		c.Decisions = append(c.Decisions, convert.Decision{What: evil, Why: evil})
		for i := range c.Ledger {
			c.Ledger[i].Note = evil
		}
		j.New = append(j.New, &source.File{Name: evil, Data: []byte(evil + "\x01\xff\n")})
	}
	return r
}

// long is a script of a thousand lines.
func long() string {
	var b strings.Builder
	b.WriteString("#!/bin/bash\nPIDFILE=/var/vcap/sys/run/queue/queue.pid\n\nusage() {\n")
	for i := range 120 {
		fmt.Fprintf(&b, "  echo 'option %d of the queue'\n", i)
	}
	b.WriteString("}\n\ncase $1 in\nstart)\n")
	for i := range 700 {
		fmt.Fprintf(&b, "  export QUEUE_OPTION_%d=%s\n", i, strings.Repeat("value", 1+i%30))
	}
	b.WriteString("  echo $$ > $PIDFILE\n  exec chpst -u vcap:vcap /var/vcap/packages/queue/bin/queue " + strings.Repeat("--peer 10.0.0.1:7000 ", 60) + "\n  ;;\nstop)\n")
	for i := range 160 {
		fmt.Fprintf(&b, "  echo 'stopping %d'\n", i)
	}
	b.WriteString("  kill $(cat $PIDFILE)\n  ;;\n*)\n  usage\n  ;;\nesac\n")
	return b.String()
}

// converted makes a result of what the program makes of a release. The scripts,
// new files, ledger and findings are real, the rows of the proof are made up.
func converted(t testing.TB, dir string) *verify.Result {
	t.Helper()
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := convert.Release(r, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	result := &verify.Result{Release: path.Base(dir), Before: "git HEAD (1f3c0de)"}
	for _, c := range plan.Jobs {
		result.Jobs = append(result.Jobs, jobOf(c))
	}
	return result
}

func jobOf(c *convert.Conversion) *verify.Job {
	j := &verify.Job{Name: c.Job.Name, Status: verify.Same, Conversion: c}
	for _, change := range c.Changes {
		if change.Before != nil {
			j.Old = append(j.Old, change.Before)
		}
		if !change.Delete {
			j.New = append(j.New, &source.File{Name: change.Name, Data: change.After, Mode: change.Mode})
		}
	}
	switch c.Verdict {
	case convert.Converted, convert.ConvertedReview:
	case convert.Declined, convert.Failed:
		j.Status, j.Why = verify.NotRun, "the conversion leaves it as it is: "+c.Reason.Message
		return j
	default:
		j.Why = "it was not changed"
		return j
	}
	names := []string{"defaults", "manifest production.yml, instance group web", "if " + c.Job.Name + ".tls.cert is set"}
	whys := []string{"what the spec gives", "the sample manifest of the release", "reaches the other arm of the ERB if that bpm.yml.erb has"}
	at := source.Span{}
	for _, r := range c.Ledger {
		if r.To == convert.ToBPM {
			at = r.Span
		}
	}
	for i, name := range names {
		kase := verify.Case{Name: name, Why: whys[i], Status: verify.Explained}
		for _, check := range c.Checks {
			rows := []verify.Row{
				{Aspect: "executable", Before: "/var/vcap/packages/x/bin/x", After: "/var/vcap/packages/x/bin/x", Status: verify.Same},
				{Aspect: "cwd", Before: "/", After: "/", Status: verify.Same},
				{Aspect: "limit:open_files", Before: "65536", After: "65536", Status: verify.Same},
			}
			for _, env := range []string{"HOME", "LANG", "PATH", "TMPDIR", "GOMAXPROCS", "JAVA_HOME", "LD_LIBRARY_PATH"} {
				rows = append(rows, verify.Row{Aspect: "env:" + env, Before: "x", After: "x", Status: verify.Same})
			}
			rows = append(rows,
				verify.Row{
					Aspect: "argv", Status: verify.Explained,
					Before:  "/var/vcap/packages/nginx/sbin/nginx -c /var/vcap/jobs/website/config/nginx.conf -g pid /var/vcap/sys/run/website/nginx.pid;",
					After:   "/var/vcap/packages/nginx/sbin/nginx -c /var/vcap/jobs/website/config/nginx.conf -g daemon off; pid /var/vcap/data/website/tmp/nginx.pid; -p /var/vcap/data/website",
					Because: "nginx puts itself in the background unless told otherwise, and bpm supervises a process in the foreground.", ID: "argv-changed", At: at,
				},
				verify.Row{Aspect: "user", Before: "root", After: "vcap", Status: verify.Explained, Because: "bpm runs every process as vcap.", Rule: "bpm-user"},
			)
			if i == 2 {
				rows = append(rows, verify.Row{Aspect: "env-missing:SSL_CERT_FILE", Before: "/var/vcap/jobs/website/config/ca.pem", Status: verify.Unexplained})
			}
			p := verify.Process{Name: check, Before: "/var/vcap/jobs/" + c.Job.Name + "/bin/" + check + "_ctl start", After: "/var/vcap/jobs/bpm/bin/bpm start " + c.Job.Name, Rows: rows, Status: verify.Explained}
			for _, row := range rows {
				p.Status = p.Status.Worse(row.Status)
			}
			kase.Status = kase.Status.Worse(p.Status)
			kase.Processes = append(kase.Processes, p)
		}
		kase.Setup = []verify.Row{
			{Aspect: "folder:/var/vcap/data/" + c.Job.Name, Status: verify.Same},
			{Aspect: "folder:/var/vcap/sys/log/" + c.Job.Name, Status: verify.Same},
			{Aspect: "command:chown", Before: "chown vcap:vcap /var/vcap/sys/log/" + c.Job.Name, Status: verify.Explained, Because: "bpm and the BOSH agent make /var/vcap/sys/log/" + c.Job.Name + " with the right owner.", At: at},
		}
		j.Cases = append(j.Cases, kase)
	}
	j.Unknown = []string{"hostname -f", "ip route get 1"}
	sum(j)
	return j
}

// sum fills in what the engine does: the differences over all cases, the counts
// and the status.
func sum(j *verify.Job) {
	at := map[string]int{}
	add := func(process, name string, rows []verify.Row) {
		for _, r := range rows {
			j.Status = j.Status.Worse(r.Status)
			if r.Status == verify.Same {
				j.Compared++
				continue
			}
			key := fmt.Sprint(process, r.Aspect, r.Before, r.After)
			if _, ok := at[key]; !ok {
				at[key] = len(j.Differences)
				j.Differences = append(j.Differences, verify.Difference{Row: r, Process: process})
			}
			d := &j.Differences[at[key]]
			d.Cases = append(d.Cases, name)
		}
	}
	for _, c := range j.Cases {
		for _, p := range c.Processes {
			add(p.Name, c.Name, p.Rows)
		}
		add("", c.Name, c.Setup)
	}
}
