package main

import (
	"os/exec"
	"strings"
	"testing"
)

// order lists our packages from leaf to top: each may import only those before
// it. It is the layout that README and docs describe.
var order = []string{
	"release/golden", "release/search", "release/source", "release/finding", "release/erb", "release/ruby", "release/flag", "release/monit", "release/ctl", "release/bpm", "release/daemon", "release/container", "release/vm", "release/ports",
	"release", "release/hostscript", "release/errand", "release/suppress", "release/tarball", "manifest", "release/render", "release/cases", "release/demand", "ops-files", "release/runit", "release/convert", "release/verify", "release/verify/report",
	"release/check", "manifest/doctor", "commands", "",
}

func TestImportsRunOneWay(t *testing.T) {
	const module = "github.com/bosh-bpmify/bosh-bpmify"
	rank := map[string]int{}
	for i, p := range order {
		rank[strings.TrimSuffix(module+"/"+p, "/")] = i
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		me, known := rank[words[0]]
		if !known {
			t.Errorf("%s has no place in the order", words[0])
		}
		for _, imported := range words[1:] {
			if r, ours := rank[imported]; ours && r >= me {
				t.Errorf("%s imports %s, which stands above it", words[0], imported)
			}
			if strings.Contains(imported, "bosh-cli/v7/releasedir") {
				t.Errorf("%s imports releasedir, which drags in three cloud SDKs", words[0])
			}
		}
	}
}
