package ctl

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// wide are scripts in which a block cuts a command; x and y are rendered both
// ways, and what bash runs has to stay the same when the script is rearranged.
var wide = []struct{ name, text string }{
	{"redirections in two arms", "run a \\<% if x %>\n  >/dev/null \\\n  2>/dev/null<% else %>\n  b \\\n  c\n<% end %>\nrun d\n"},
	{"two commands with one tail", "<% if x %>\nrun first\nrun a -m \\<% else %>\nrun a \\<% end %>\n  -c z\nrun d\n"},
	{"two tails", "<% if x %>\nrun a -m \\<% else %>\nrun a \\<% end %>\n  -c z \\<% if y %>\n  >/dev/null<% else %>\n  -q\n<% end %>\nrun d\n"},
	{"an assignment before the command", "<% if x %>V=1 <% end %>run a\nrun b\n"},
	{"trimmed tags", "run a \\\n<% if x -%>\n  b \\\n  c\nrun d\n<%- else -%>\n  e\n<%- end -%>\nrun f\n"},
	{"unless", "<% unless x %>run a<% else %>run b<% end %> c\nrun d\n"},
	{"case", "<% case x when true %>run a<% when false %>run b<% end %> c\nrun d\n"},
	{"no other arm", "run a <% if x %>b\nrun c <% end %>d\nrun e\n"},
}

func rendered(t *testing.T, text []byte, x, y bool) string {
	t.Helper()
	cmd := exec.Command("ruby", "-rerb", "-e", `x, y = ARGV.map { |a| a == "true" }; print ERB.new(STDIN.read, trim_mode: "-").result(binding)`, fmt.Sprint(x), fmt.Sprint(y)) //nolint:gosec // test code
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%s\n%s", err, out, text)
	}
	return string(out)
}

func ran(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", "run() { printf '[%s]' \"$@\" >&9; echo \" $V\" >&9; }\n"+script+"\n") //nolint:gosec // test code
	cmd.Args[2] = "exec 9>&1\n" + cmd.Args[2]
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%s\n%s", err, out, script)
	}
	return string(out)
}

func TestWidenedSaysTheSame(t *testing.T) {
	for _, c := range wide {
		t.Run(c.name, func(t *testing.T) {
			f := &source.File{Name: "ctl", Data: []byte(c.text)}
			s, err := ParseScript("/x", f)
			if err != nil {
				t.Fatal(err)
			}
			if s.File == f || s.Original != f || len(s.crossed) > 0 {
				t.Fatalf("not rearranged, or not for good:\n%s", s.File.Data)
			}
			for i := range 4 {
				x, y := i&1 == 1, i&2 == 2
				want, got := ran(t, rendered(t, f.Data, x, y)), ran(t, rendered(t, s.File.Data, x, y))
				if got != want {
					t.Errorf("x %t, y %t: ran\n%s\nthe original\n%s\n%s", x, y, got, want, s.File.Data)
				}
			}
			for _, at := range s.Statements() {
				// the place is that of the command in the file that people see
				line := strings.Split(c.text, "\n")[at.Position().Line-1]
				if word := strings.Fields(at.Text())[0]; !strings.Contains(line, word) {
					t.Errorf("%s is said to be %s: %s", word, at, line)
				}
			}
		})
	}
}

func TestNotWidened(t *testing.T) {
	for _, text := range []string{
		"run a \\<% list.each do |v| %>\n  --v <%= v %>\nrun <% end %>b\n",
		"<% if x %>run a \\<% else %>run b \\<% end %>\n",
	} {
		s, err := ParseScript("/x", &source.File{Name: "ctl", Data: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		if r := Evaluate(s, nil, World{Lookup: func(string) (*source.File, error) { return nil, nil }}); len(r.Unclear) == 0 {
			t.Errorf("nothing unclear in\n%s", s.File.Data)
		}
	}
}
