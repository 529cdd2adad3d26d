package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpsFilesPage runs the transcripts of docs/ops-files.md, beside the example
// deployment.
func TestOpsFilesPage(t *testing.T) {
	page, err := os.ReadFile("../docs/ops-files.md")
	if err != nil {
		t.Fatal(err)
	}
	deployment, err := os.ReadFile("../examples/production.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "production.yml"), deployment, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	n := 0
	for _, part := range strings.Split(string(page), "\n    $ bosh-bpmify ")[1:] {
		command, rest, _ := strings.Cut(part, "\n")
		var want []string
		for _, l := range strings.Split(rest, "\n") {
			text, ours := strings.CutPrefix(l, "    ")
			if l != "" && !ours {
				break
			}
			want = append(want, strings.TrimRight(text, " \t"))
		}
		_, out := bpmify(t, strings.Fields(command)...)
		var got []string
		for _, l := range strings.Split(out, "\n") {
			got = append(got, strings.TrimRight(l, " \t"))
		}
		wanted := strings.TrimSpace(strings.Join(want, "\n"))
		wanted, _, _ = strings.Cut(wanted, "\n\n$ ")
		if wanted != "" && !strings.Contains(strings.Join(got, "\n"), wanted) {
			t.Errorf("%s prints\n%s\nthe page has\n%s", command, strings.Join(got, "\n"), wanted)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d transcripts", n)
	}
}
