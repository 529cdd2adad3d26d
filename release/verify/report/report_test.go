package report

import (
	"fmt"
	"path"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

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
