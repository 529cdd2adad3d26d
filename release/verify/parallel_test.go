package verify

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
)

// twoJobs are web, of plainJob, and a second one like it.
func twoJobs() []txtar.File {
	ctl := []byte("#!/bin/bash\nexec chpst -u vcap:vcap /var/vcap/packages/app/bin/app <%= 8080 %>\n")
	files := append([]txtar.File{{Name: "jobs/web/templates/ctl", Data: ctl}}, plainJob...)
	for _, f := range files {
		files = append(files, txtar.File{Name: strings.ReplaceAll(f.Name, "/web/", "/api/"), Data: []byte(strings.ReplaceAll(string(f.Data), "web", "api"))})
	}
	return files
}

// Jobs that are compared side by side come in the order of their names.
func TestOrderOfJobs(t *testing.T) {
	v := verifier(t)
	v.Slots = parallel.NewSlots()
	r := compared(t, v, unpack(t, twoJobs()), nil)
	if len(r.Jobs) != 2 || r.Jobs[0].Name != "api" || r.Jobs[1].Name != "web" {
		t.Fatalf("%s", show(r))
	}
}

// A fault of this program in one job does not end the others.
func TestFaultInOneJob(t *testing.T) {
	r := compared(t, &Verifier{}, unpack(t, twoJobs()), nil) // there is no renderer
	for _, j := range r.Jobs {
		if j.Status != NotRun || !strings.Contains(j.Why, "a fault of bosh-bpmify") {
			t.Errorf("%s: %s, %s", j.Name, j.Status, j.Why)
		}
	}
	if len(r.Jobs) != 2 {
		t.Errorf("%d jobs", len(r.Jobs))
	}
}
