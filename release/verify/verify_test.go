package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// plainJob are the files that a case does not have to give: a job "web" with a ctl
// that runs one process.
var plainJob = []txtar.File{
	{Name: "jobs/web/spec", Data: []byte("---\nname: web\ntemplates:\n  ctl: bin/ctl\npackages: []\n")},
	{Name: "jobs/web/monit", Data: []byte(`check process web
  with pidfile /var/vcap/sys/run/web/web.pid
  start program "/var/vcap/jobs/web/bin/ctl start"
  stop program "/var/vcap/jobs/web/bin/ctl stop"
  group vcap
`)},
}

// TestCases compares the release in each testdata/cases/*.txtar with what the
// conversion makes of it, in which the files below after/ stand in the place of
// its own and those that "gone" names are not there. "want" has the status of
// the job and a line for each difference, with what both sides have where
// nothing explains it.
func TestCases(t *testing.T) {
	v := verifier(t)
	golden.Cases(t, "testdata/cases/*.txtar", func(t *testing.T, sections []txtar.File) string {
		files, changed := fixture(sections)
		return show(compared(t, v, unpack(t, files), changed))
	})
}

// fixture gives the files of a release, and those that are others after the
// conversion.
func fixture(sections []txtar.File) (files []txtar.File, changed map[string]*source.File) {
	files, changed = slices.Clone(plainJob), map[string]*source.File{}
	for _, f := range sections {
		switch rest, after := strings.CutPrefix(f.Name, "after/"); {
		case f.Name == "gone":
			for _, n := range strings.Fields(string(f.Data)) {
				changed[n] = nil
			}
		case after:
			changed[rest] = &source.File{Name: rest, Data: f.Data, Mode: 0o644}
		default:
			files = append(files, f)
		}
	}
	return files, changed
}

// compared is the comparison of a release with what the conversion makes of it,
// but for the changed files.
func compared(t *testing.T, v *Verifier, dir string, changed map[string]*source.File) *Result {
	t.Helper()
	before, after, plan := converted(t, dir, changed)
	r, err := v.Release(before, after, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// converted is a release, and what the conversion makes of it but for the changed
// files.
func converted(t testing.TB, dir string, changed map[string]*source.File) (before, after *release.Release, plan *convert.Plan) {
	t.Helper()
	before, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	plan, err = convert.Release(before, convert.Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"})
	if err != nil {
		t.Fatal(err)
	}
	now := plan.Files()
	for name, f := range changed {
		now[name] = f
	}
	if after, err = before.With(now); err != nil {
		t.Fatal(err)
	}
	return before, after, plan
}

// show prints a result, one line for each difference.
func show(r *Result) string {
	var out strings.Builder
	if len(r.Jobs) == 0 {
		out.WriteString("no job differs\n")
	}
	for _, j := range r.Jobs {
		fmt.Fprintf(&out, "%s: %s", j.Name, j.Status)
		if j.Why != "" {
			fmt.Fprintf(&out, ": %s", j.Why)
		}
		out.WriteString("\n")
		for _, c := range j.Cases {
			if c.NotRun != "" {
				fmt.Fprintf(&out, "  %s: not run: %s\n", c.Name, c.NotRun)
			}
			for _, p := range c.Processes {
				if p.Why != "" {
					fmt.Fprintf(&out, "  %s: %s: %s: %s\n", c.Name, p.Name, p.Status, p.Why)
				}
			}
		}
		for _, d := range j.Differences {
			fmt.Fprintf(&out, "  %s %s", d.Status, d.Aspect)
			if d.Moment != "" {
				fmt.Fprintf(&out, ", %s", d.Moment)
			}
			if d.Process != "" {
				fmt.Fprintf(&out, " [%s]", d.Process)
			}
			switch why, _, _ := strings.Cut(d.Because, "; "); {
			case d.Rule != "":
				fmt.Fprintf(&out, " (rule %s)", d.Rule)
			case d.ID != "":
				fmt.Fprintf(&out, " (finding %s)", d.ID)
			case d.Because != "":
				fmt.Fprintf(&out, " (%s)", why)
			}
			if len(d.Cases) < len(j.Cases) {
				fmt.Fprintf(&out, " in %s", strings.Join(d.Cases, ", "))
			}
			out.WriteString("\n")
			if d.Status == Unexplained {
				for _, side := range []struct{ sign, text string }{{"-", d.Before}, {"+", d.After}} {
					if side.text != "" {
						fmt.Fprintf(&out, "    %s %s\n", side.sign, strings.ReplaceAll(side.text, "\n", "\n      "))
					}
				}
			}
		}
		for _, u := range j.Unknown {
			fmt.Fprintf(&out, "  unknown: %s\n", u)
		}
	}
	return out.String()
}
