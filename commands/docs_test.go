package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestVerifyPage runs the transcripts of docs/verify.md, one after the other, on
// the example release in a checkout, and prints as to a terminal. A line of dots
// stands for lines that the page leaves out.
func TestVerifyPage(t *testing.T) {
	needed(t, "ruby", "git", "sed")
	page, err := os.ReadFile("../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(example(t))
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "all"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	compared := 0
	for _, part := range strings.Split(string(page), "\n    $ ")[1:] {
		command, rest, _ := strings.Cut(part, "\n")
		args, ours := strings.CutPrefix(command, "bosh-bpmify ")
		if !ours {
			if out, err := exec.Command("bash", "-c", command).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
			continue
		}
		_, out := bpmify(t, append(strings.Fields(args), "--tty", "--no-color")...)
		left := trimmed(strings.Split(out, "\n"))
		for _, want := range transcript(rest) {
			if want == "..." {
				continue
			}
			i := slices.Index(left, want)
			if i < 0 {
				t.Fatalf("%s does not print, or not there, %q:\n%s", command, want, out)
			}
			left = left[i+1:]
			compared++
		}
	}
	if compared < 12 {
		t.Errorf("only %d lines of transcripts", compared)
	}
}

// transcript is what a page shows below a command: the lines that are indented.
func transcript(page string) []string {
	var out []string
	for _, l := range strings.Split(page, "\n") {
		text, ours := strings.CutPrefix(l, "    ")
		if l != "" && !ours || strings.HasPrefix(text, "$ ") {
			break
		}
		out = append(out, text)
	}
	return slices.DeleteFunc(trimmed(out), func(l string) bool { return l == "" })
}

// trimmed are lines without the blanks behind them.
func trimmed(lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		out = append(out, strings.TrimRight(l, " \t"))
	}
	return out
}

// needed skips the test where a tool is missing, but fails where all have to be
// there.
func needed(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatalf("%s is missing", tool)
		}
		t.Skipf("%s is missing", tool)
	}
}
