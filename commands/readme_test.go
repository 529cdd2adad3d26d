package commands

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeTranscript holds every line of the transcript in the README
// against what the program prints.
func TestReadmeTranscript(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "$ bosh-bpmify release examples/website-release\n")
	if !found {
		t.Fatal("the README has no transcript")
	}
	transcript, _, _ := strings.Cut(rest, "\n\n")
	status, out := bpmify(t, "release", example(t))
	if status != 0 {
		t.Fatal(out)
	}
	lines := map[string]bool{}
	for _, l := range strings.Split(out, "\n") {
		lines[l] = true
	}
	n := 0
	for _, l := range strings.Split(transcript, "\n") {
		l = strings.TrimPrefix(l, "    ")
		if strings.TrimSpace(l) == "..." {
			continue
		}
		n++
		if !lines[l] {
			t.Errorf("the program does not print %q", l)
		}
	}
	if n < 15 {
		t.Errorf("only %d lines", n)
	}
}
