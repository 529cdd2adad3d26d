package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
)

// TestFailures holds docs/failures.md: every failure of the survey has a row
// that says what is done about it, the findings in it exist, and the tests in
// it exist and name each finding.
func TestFailures(t *testing.T) {
	page, err := os.ReadFile("docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		n, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil {
			continue
		}
		if rows++; n != rows || len(cells) != 4 {
			t.Fatalf("row %d is out of place, or has not four columns: %s", rows, line)
		}
		what, tests := strings.ToLower(cells[2]), ""
		if !strings.Contains(what, "prevented") && !strings.Contains(what, "found") && !strings.Contains(what, "out of reach") {
			t.Errorf("row %d says neither prevented nor found nor out of reach", n)
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[3], -1) {
			text, err := os.ReadFile(name[1])
			if err != nil {
				t.Errorf("row %d: %v", n, err)
			}
			tests += string(text)
		}
		for _, id := range regexp.MustCompile("`([a-z]+(?:-[a-z]+)+)`").FindAllStringSubmatch(cells[2], -1) {
			if _, known := finding.Lookup(id[1]); !known {
				t.Errorf("row %d: no finding is called %s", n, id[1])
			} else if !strings.Contains(tests, id[1]) {
				t.Errorf("row %d: %s occurs in none of its tests", n, id[1])
			}
		}
	}
	if rows != 38 {
		t.Errorf("%d rows, not 38", rows)
	}
}
