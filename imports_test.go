package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// order lists our packages from leaf to top: each may import only those before
// it. CONTRIBUTING.md has the same list.
var order = []string{
	"release/golden", "release/parallel", "release/search", "release/source", "release/finding", "release/erb", "release/shell", "release/shell/interp", "release/claim", "release/ruby", "release/flag", "release/monit", "release/ctl", "release/bpm", "release/daemon", "release/container", "release/vm", "release/ports",
	"release", "release/hostscript", "release/errand", "release/suppress", "release/tarball", "manifest", "release/render", "release/cases", "release/demand", "ops-files", "release/runit", "release/convert", "release/verify", "release/generate", "release/verify/report",
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

// TestPackagesInContributing holds the list of CONTRIBUTING.md: all packages, in the
// order in which they may import each other.
func TestPackagesInContributing(t *testing.T) {
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "\n| package | |\n|---|---|\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .").FindAllStringSubmatch(list, -1) {
		listed = append(listed, m[1])
	}
	if want := order[:len(order)-1]; !slices.Equal(listed, want) {
		t.Errorf("it lists\n%q\nand the order is\n%q", listed, want)
	}
}

// TestVariablesInContributing holds that the variables that widen the tests are in
// CONTRIBUTING.md, and no others.
func TestVariablesInContributing(t *testing.T) {
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`BPMIFY_[A-Z_]+|BPM_BIN`)
	out, err := exec.Command("git", "grep", "-ohE", `(Getenv|number|environment)\("(`+name.String()+`)"`, "--", "*_test.go").Output()
	if err != nil {
		t.Skip("no checkout", err)
	}
	used := name.FindAllString(string(out), -1)
	said := name.FindAllString(string(page), -1)
	for _, v := range used {
		if !slices.Contains(said, v) {
			t.Errorf("%s is not in CONTRIBUTING.md", v)
		}
	}
	for _, v := range said {
		if !slices.Contains(used, v) {
			t.Errorf("no test reads %s", v)
		}
	}
}
