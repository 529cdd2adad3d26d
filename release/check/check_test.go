package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// common are the files that a case does not have to give: a job "web" on bpm
// with nothing to find.
var common = map[string]string{
	"config/final.yml": "name: web\n",
	"jobs/web/spec": `---
name: web
templates:
  bpm.yml.erb: config/bpm.yml
packages:
- web
`,
	"jobs/web/monit": `check process web
  with pidfile /var/vcap/sys/run/bpm/web/web.pid
  start program "/var/vcap/jobs/bpm/bin/bpm start web"
  stop program "/var/vcap/jobs/bpm/bin/bpm stop web"
  group vcap
`,
	"jobs/web/templates/bpm.yml.erb": `processes:
- name: web
  executable: /var/vcap/packages/web/bin/web
`,
	"packages/web/spec": "---\nname: web\n",
}

// TestCases checks the release in each testdata/*.txtar. The file's comment says
// why the case is there; "want" is what is found, with the places of each.
func TestCases(t *testing.T) {
	golden.Cases(t, "testdata/*.txtar", func(t *testing.T, files []txtar.File) string {
		dir := t.TempDir()
		// a case that has no use for them says so with an empty file "alone"
		if !slices.ContainsFunc(files, func(f txtar.File) bool { return f.Name == "alone" }) {
			for n, text := range common {
				golden.Write(t, dir, n, []byte(text))
			}
		}
		for _, f := range files {
			golden.Write(t, dir, f.Name, f.Data)
		}
		got := show(t, dir)
		return got
	})
}

// show checks the release in dir and gives what was found.
func show(t *testing.T, dir string) string {
	t.Helper()
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Release(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, j := range report.Jobs {
		if len(j.Findings) == 0 {
			fmt.Fprintf(&b, "%s: nothing found\n", j.Job.Name)
		}
		for _, d := range j.Findings {
			fmt.Fprintln(&b, d)
			for _, s := range d.Related {
				fmt.Fprintf(&b, "    also %s\n", s)
			}
		}
		for _, s := range j.Suppressed {
			fmt.Fprintf(&b, "suppressed: %s\n", s.Diagnostic)
		}
	}
	for _, d := range report.Findings {
		fmt.Fprintln(&b, d)
	}
	if len(report.Jobs) == 0 {
		b.WriteString("no job is on bpm\n")
	}
	return b.String()
}

// TestNoSuchJob names what was probably meant.
func TestNoSuchJob(t *testing.T) {
	dir := t.TempDir()
	for n, text := range common {
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Release(r, []string{"wbe"}); err == nil || !strings.Contains(err.Error(), "did you mean web?") {
		t.Error(err)
	}
}
