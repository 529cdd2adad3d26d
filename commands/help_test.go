package commands

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// TestCommandsPage holds docs/cli.md against the program.
func TestCommandsPage(t *testing.T) {
	status, page := bpmify(t, "man", "--markdown")
	if status != 0 {
		t.Fatal(page)
	}
	const name = "../docs/cli.md"
	if golden.Updating() {
		if err := os.WriteFile(name, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page {
		t.Errorf("%s is not what the program says; go test ./commands -run TestCommandsPage -update writes it", name)
	}
}

// TestEverythingIsDescribed: a flag, argument or command without a word about it
// would be in the help all the same.
func TestEverythingIsDescribed(t *testing.T) {
	parser, err := newParser(&options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range parser.Groups() {
		for _, o := range g.Options() {
			if o.Description == "" {
				t.Errorf("%s has no description", spelled(o))
			}
		}
	}
	for _, cmd := range parser.Commands() {
		if cmd.ShortDescription == "" {
			t.Errorf("%s has no description", cmd.Name)
		}
		if len(cmd.Groups()) > 0 {
			t.Errorf("%s has flags in a group, which the help does not show", cmd.Name)
		}
		for _, o := range cmd.Options() {
			if o.Description == "" {
				t.Errorf("%s: %s has no description", cmd.Name, spelled(o))
			}
			if valueOf(o) == "VALUE" {
				t.Errorf("%s: %s says nothing of its value", cmd.Name, spelled(o))
			}
		}
		for _, a := range cmd.Args() {
			if a.Description == "" {
				t.Errorf("%s: %s has no description", cmd.Name, a.Name)
			}
		}
	}
}

// TestManPage: each command and flag is there, and no line is a request by
// accident. groff and mandoc, where there are any, have nothing to say to it.
func TestManPage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	status, page := bpmify(t, "man")
	if status != 0 {
		t.Fatal(page)
	}
	parser, err := newParser(&options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range visible(parser) {
		if !strings.Contains(page, "\n.SS "+cmd.Name) {
			t.Errorf("%s is missing", cmd.Name)
		}
		for _, r := range flagRows(cmd.Options()) {
			if !strings.Contains(page, "\\fB"+roff(strings.TrimSpace(r[0]))+"\\fR") {
				t.Errorf("%s is missing", r[0])
			}
		}
	}
	for line := range strings.Lines(page) {
		request, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case !strings.HasPrefix(request, "."), request == ".TH", request == ".SH", request == ".SS", request == ".TP", request == ".PP", request == ".B", request == ".nf", request == ".fi":
		default:
			t.Errorf("%q", line)
		}
	}
	for _, judge := range [][]string{{"groff", "-ww", "-man", "-Tascii", "-z"}, {"mandoc", "-T", "lint"}} {
		cmd := exec.Command(judge[0], judge[1:]...)
		if cmd.Err != nil {
			continue
		}
		cmd.Stdin = strings.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%v: %v\n%s", judge, err, out)
		}
	}
}
