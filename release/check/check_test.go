package check

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
)

var update = flag.Bool("update", false, "write the want sections of testdata/*.txtar")

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
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			put := func(name string, data []byte) {
				p := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			// a case that has no use for them says so with an empty file "alone"
			if !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "alone" }) {
				for n, text := range common {
					put(n, []byte(text))
				}
			}
			want := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				put(f.Name, f.Data)
			}
			got := show(t, dir)
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want < 0 {
				t.Fatalf("no want section; go test -update writes it:\n%s", got)
			} else if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
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
