package runit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func TestMonit(t *testing.T) {
	f := &source.File{Name: "jobs/web/monit", Data: []byte(`check process web
  with pidfile /var/vcap/sys/run/web/web.pid
  start program "/usr/bin/chpst -u vcap:vcap /var/vcap/jobs/web/bin/run"
  stop program "/usr/bin/chpst -u web /var/vcap/jobs/web/bin/stop"
`)}
	uses := Uses(f, Chpst)
	if len(uses) != 2 {
		t.Fatalf("%+v", uses)
	}
	if want := `start program "/usr/bin/setpriv --reuid=vcap --regid=vcap --clear-groups /var/vcap/jobs/web/bin/run"`; uses[0].New() != want {
		t.Errorf("%s, want %s", uses[0].New(), want)
	}
	if uses[1].Replaceable() {
		t.Errorf("monit has no shell: %s", uses[1].New())
	}
}

func TestOtherFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		reason     string
		now        string
	}{
		"ruby":          {"jobs/web/templates/run.rb", "#!/usr/bin/env ruby\n# chpst -u x\nexec 'chpst', '-u', 'vcap:vcap', '/p/x'\n", "no shell script", ""},
		"yaml":          {"jobs/web/templates/x.yml.erb", "run: chpst -u vcap:vcap /p/x\n", "whether a shell reads", ""},
		"crontab":       {"jobs/web/templates/cron", "*/5 * * * * root chpst -u vcap:vcap /p/x\n", "", "*/5 * * * * root setpriv --reuid=vcap --regid=vcap --clear-groups /p/x"},
		"broken":        {"jobs/web/templates/ctl", "#!/bin/bash\nif chpst -u vcap:vcap /p/x; then\n", "can be read", ""},
		"sourced":       {"jobs/web/templates/lib.sh", "as_vcap() { chpst -u vcap:vcap \"$@\"; }\n", "", `as_vcap() { setpriv --reuid=vcap --regid=vcap --clear-groups "$@"; }`},
		"documentation": {"jobs/web/templates/notes.md", "Do not use chpst here.\n", "none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			uses := Uses(&source.File{Name: c.file, Data: []byte(c.text)}, Chpst)
			switch {
			case c.reason == "none":
				if len(uses) > 0 {
					t.Errorf("%+v", uses)
				}
			case len(uses) != 1:
				t.Fatalf("%+v", uses)
			case c.reason != "" && !strings.Contains(uses[0].Reason, c.reason):
				t.Errorf("reason %q, want %q", uses[0].Reason, c.reason)
			case c.reason == "" && uses[0].New() != c.now:
				t.Errorf("%s, want %s", uses[0].New(), c.now)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"jobs/web/spec":               "name: web\ntemplates:\n  ctl: bin/ctl\n  web.conf: config/web.conf\npackages: [web]\n",
		"jobs/web/monit":              "",
		"jobs/web/templates/ctl":      "#!/bin/bash\n",
		"jobs/web/templates/web.conf": "x\n",
		"jobs/web/templates/unused":   "#!/bin/bash\nchpst -u vcap x\n",
		"packages/web/spec":           "name: web\nfiles:\n- web/**/*\n",
		"packages/web/packaging":      "set -e\n",
		"src/web/bin/start":           "#!/bin/sh\nexec chpst -u vcap:vcap x\n",
		"src/web/README":              "chpst\n",
		"src/web/main.go":             "package main\n",
		"src/other/run":               "#!/bin/sh\nchpst x\n",
	} {
		p := filepath.Join(dir, name)
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
	var names []string
	for _, f := range Files(r.Job("web")) {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, " "), "jobs/web/monit jobs/web/templates/ctl jobs/web/templates/web.conf packages/web/packaging src/web/bin/start"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestFindStemcell(t *testing.T) {
	if _, err := FindStemcell("ubuntu-noble"); err == nil || !strings.Contains(err.Error(), "known: ubuntu-resolute") {
		t.Error(err)
	}
}
