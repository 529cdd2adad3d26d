package verify

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPageListsRules holds the table of rules in docs/verify.md against the
// rules: each has a row with its reason, and no row is about another.
func TestPageListsRules(t *testing.T) {
	page, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## The rules\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("the page has no section about the rules")
	}
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*) \\|$").FindAllStringSubmatch(section, -1) {
		listed[row[1]] = row[2]
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if listed[name] != rules[name] {
			t.Errorf("%s: the page has %q, the rule %q", name, listed[name], rules[name])
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("there is no rule %s", name)
	}
}
