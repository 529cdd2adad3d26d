package convert

import (
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryFindingHasAPage holds docs/findings.md against the ids in the code.
func TestEveryFindingHasAPage(t *testing.T) {
	ids := map[string]bool{}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	use := regexp.MustCompile(`(?:\bfind\(|\bdiagnostic\(|\bID: )"([a-z-]+)"`)
	for _, s := range sources {
		if strings.HasSuffix(s, "_test.go") {
			continue
		}
		data, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range use.FindAllStringSubmatch(string(data), -1) {
			ids[m[1]] = true
		}
	}
	docs, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(docs), -1) {
		have = append(have, m[1])
	}
	for id := range ids {
		want = append(want, id)
	}
	sort.Strings(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("docs/findings.md (in order):\n%s", diff)
	}
}
