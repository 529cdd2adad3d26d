package runit

import (
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestInVariables holds that a variable whose words come from several places is
// not rewritten: taking chpst away from one of them would run the program as root.
func TestInVariables(t *testing.T) {
	for text, want := range map[string]string{
		"C=chpst\nC=\"$C -u vcap:vcap\"\nexec $C /p/x":                          "several places",
		"C=chpst\nif [ -n \"$U\" ]; then C=\"$C -u vcap:vcap\"; fi\n$C /p/x":    "several places",
		"C=\"chpst\"\n[ -n \"$U\" ] && C=\"chpst -u vcap:vcap -o 10\"\n$C /p/x": "several places",
		"AS=\"chpst -u vcap:vcap\"\n$AS -o 1024 /p/x":                           "options are added",
		"AS='chpst -u web'\n$AS /p/x":                                           "single quotes",
	} {
		var reasons []string
		for _, u := range Script(&source.File{Name: "jobs/web/templates/ctl", Data: []byte("#!/bin/bash\n" + text + "\n")}, Chpst) {
			reasons = append(reasons, u.Reason)
		}
		if !strings.Contains(strings.Join(reasons, "; "), want) {
			t.Errorf("%s: %q, want %q", text, reasons, want)
		}
	}
}
