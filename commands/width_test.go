package commands

import (
	"bytes"
	"strings"
	"testing"

	boshui "github.com/cloudfoundry/bosh-cli/v7/ui"
	"github.com/cloudfoundry/bosh-cli/v7/ui/table"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
)

// onTerminal is what env prints on a terminal of so many columns, without colours.
func onTerminal(columns int, print func(env *environment)) string {
	var out bytes.Buffer
	logger := boshlog.NewLogger(boshlog.LevelNone)
	env := &environment{stdout: &out, stderr: &out, tty: true, width: columns}
	env.ui = boshui.NewWrappingConfUI(boshui.NewWriterUI(&out, &out, logger), logger)
	print(env)
	env.ui.Flush()
	return out.String()
}

const sentence = "the job serves file systems from the kernel to others, and bpm is not for that: keep it on its script"

// TestTablesFitTheTerminal holds that no line of a table is longer than the
// terminal, and that no word of it is lost.
func TestTablesFitTheTerminal(t *testing.T) {
	for _, columns := range []int{60, 80, 120, 200} {
		out := onTerminal(columns, func(env *environment) {
			tab := table.Table{Header: headers("Job", "Verdict", "Reason"), FillFirstColumn: true}
			add(&tab, "nfs_server_of_the_shared_blobstore", "declined", sentence)
			add(&tab, "web", "converted", "")
			env.tables(tab)
		})
		for line := range strings.Lines(out) {
			if len(strings.TrimRight(line, "\n")) > columns {
				t.Errorf("%d columns, and a line of %d:\n%s", columns, len(line), out)
			}
		}
		words := strings.Join(strings.Fields(out), " ")
		for _, w := range append(strings.Fields(sentence), "web", "converted") {
			if !strings.Contains(words, w) {
				t.Errorf("%d columns: %q is lost:\n%s", columns, w, out)
			}
		}
	}
}

// TestNarrowTables shows the two ways: folded, and below the table.
func TestNarrowTables(t *testing.T) {
	tab := func(env *environment) {
		tab := table.Table{Header: headers("Job", "Reason"), FillFirstColumn: true}
		add(&tab, "nfs", "serves file systems from the kernel to others")
		env.tables(tab)
	}
	for _, c := range []struct {
		columns int
		want    string
	}{
		{200, "Job  Reason  \nnfs  serves file systems from the kernel to others  \n"},
		{40, "Job  Reason  \nnfs  serves file systems from the  \n     kernel to others  \n"},
		{30, "Job  \nnfs  \n\nnfs: serves file systems from the kernel to\n  others\n"},
	} {
		if got := onTerminal(c.columns, tab); got != c.want {
			t.Errorf("%d columns:\n%s\nwant\n%s", c.columns, got, c.want)
		}
	}
}

// TestTextIsAsWideAsTheTerminal holds the width of what is wrapped.
func TestTextIsAsWideAsTheTerminal(t *testing.T) {
	for columns, want := range map[int]int{0: widest, 20: narrowest, 72: 72, 80: 80, 200: widest} {
		env := &environment{width: columns}
		if got := env.textWidth(); got != want {
			t.Errorf("%d columns: text of %d, not %d", columns, got, want)
		}
		out := onTerminal(columns, func(env *environment) { env.printer(env.stdout).hanging("  - ", "    ", sentence) })
		for line := range strings.Lines(out) {
			if len(strings.TrimRight(line, "\n")) >= want {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
	}
}

// TestNoColourInPipes holds that colours go to terminals only, and not to a
// standard error that is something else.
func TestNoColourInPipes(t *testing.T) {
	for _, args := range [][]string{{"scan", example(t)}, {"release", "--dry-run", "--ledger", example(t)}, {"explain", "stop-signal"}, {"doctor", "../examples/production.yml", "--release", "website"}, {"scan", "nowhere"}} {
		if _, out := bpmify(t, args...); strings.Contains(out, "\x1b") {
			t.Errorf("%v prints colours into a pipe:\n%s", args, out)
		}
		if _, out := bpmify(t, append(args, "--tty", "--no-color")...); strings.Contains(out, "\x1b") {
			t.Errorf("%v prints colours in spite of --no-color:\n%s", args, out)
		}
	}
	if _, out := bpmify(t, "scan", example(t), "--tty"); !strings.Contains(out, "\x1b[33mconverted, review\x1b[0m") {
		t.Errorf("no colour on a terminal:\n%s", out)
	}
}
