package demand

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
)

func TestOf(t *testing.T) {
	const (
		check   = "check process x\n  with pidfile /var/vcap/sys/run/bpm/x/x.pid\n  start program \"/var/vcap/jobs/bpm/bin/bpm start x\"\n  stop program \"/var/vcap/jobs/bpm/bin/bpm stop x\"\n  group vcap\n"
		ctl     = "check process x\n  with pidfile /var/vcap/sys/run/x/x.pid\n  start program \"/var/vcap/jobs/x/bin/ctl start\"\n  stop program \"/var/vcap/jobs/x/bin/ctl stop\"\n  group vcap\n"
		config  = "templates: {bpm.yml: config/bpm.yml}\n"
		enabled = "properties: {bpm.enabled: {default: false}}\n"
	)
	dir := t.TempDir()
	for name, job := range map[string]struct{ monit, spec string }{
		"started":    {check, config},
		"configured": {"", config},
		"neither":    {ctl, "templates: {}\n"},
		"flagged":    {"<% if p('bpm.enabled') %>\n" + check + "<% else %>\n" + ctl + "<% end %>\n", config + enabled},
		"both":       {"<% if p('bpm.enabled') %>\n" + check + "<% end %>\n" + check, config + enabled},
		"broken":     {check, "templates: [\n"},
	} {
		for file, text := range map[string]string{"monit": job.monit, "spec": "name: " + name + "\npackages: []\n" + job.spec, "templates/bpm.yml": "processes: []\n"} {
			path := filepath.Join(dir, "jobs", name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.Name = "site"
	needs, unread := Of(r)
	want := []manifest.Need{
		{Job: "both", Release: "site"},
		{Job: "broken", Release: "site"},
		{Job: "configured", Release: "site", Configured: true},
		{Job: "flagged", Release: "site", Flag: "bpm.enabled"},
		{Job: "started", Release: "site"},
	}
	if diff := cmp.Diff(want, needs); diff != "" {
		t.Error(diff)
	}
	if len(unread) != 1 {
		t.Errorf("unread: %v", unread)
	}
}
