package flag

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folds are two forms of a template, and what they are in one.
var folds = []struct{ name, off, on, want string }{
	{"one line", "a\nold\nb\n", "a\nnew\nb\n", "a\n<% if p(\"bpm.enabled\") -%>\nnew\n<% else -%>\nold\n<% end -%>\nb\n"},
	{"added at the end", "a\n", "a\n\nb\n", "a\n<% if p(\"bpm.enabled\") -%>\n\nb\n<% end -%>\n"},
	{"added behind a line without an end", "a", "a\n\nb\n", "a<% if p(\"bpm.enabled\") %>\n\nb\n<% end -%>\n"},
	{"taken out", "a\nb\nc\n", "a\nc\n", "a\n<% unless p(\"bpm.enabled\") -%>\nb\n<% end -%>\nc\n"},
	{"another last line, without an end", "a\nold", "a\nnew", "a\n<% if p(\"bpm.enabled\") -%>\nnew<% else -%>\nold<% end -%>\n"},
	{"the end of the last line alone", "a\nb", "a\nb\n", "a\nb<% if p(\"bpm.enabled\") %>\n<% end -%>\n"},
	{"the same", "a\n", "a\n", "a\n"},
	{"nothing before", "", "a\n", "<% if p(\"bpm.enabled\") -%>\na\n<% end -%>\n"},
	{"a block that opens differently", "<% if 1 == 1 %>\na\n<% end %>\nb\n", "<% if 1 == 2 %>\na\n<% end %>\nb\n",
		"<% if p(\"bpm.enabled\") -%>\n<% if 1 == 2 %>\na\n<% end %>\n<% else -%>\n<% if 1 == 1 %>\na\n<% end %>\n<% end -%>\nb\n"},
	{"inside of a block", "<% 2.times do |i| %>\nold <%= i %>\n<% end %>\n", "<% 2.times do |i| %>\nnew <%= i %>\n<% end %>\n",
		"<% 2.times do |i| %>\n<% if p(\"bpm.enabled\") -%>\nnew <%= i %>\n<% else -%>\nold <%= i %>\n<% end -%>\n<% end %>\n"},
	{"a tag over several lines", "<%\n x = 1\n y = 1\n%>\n<%= x + y %>\n", "<%\n x = 1\n y = 2\n%>\n<%= x + y %>\n",
		"<% if p(\"bpm.enabled\") -%>\n<%\n x = 1\n y = 2\n%>\n<% else -%>\n<%\n x = 1\n y = 1\n%>\n<% end -%>\n<%= x + y %>\n"},
	{"tags that trim", "a\n  <%- if true -%>\n  old\n  <%- end -%>\nb\n", "a\n  <%- if true -%>\n  new\n  <%- end -%>\nb\n",
		"a\n  <%- if true -%>\n<% if p(\"bpm.enabled\") -%>\n  new\n<% else -%>\n  old\n<% end -%>\n  <%- end -%>\nb\n"},
	{"blank lines between two", "a\n\nb\n", "c\n\nd\n", "<% if p(\"bpm.enabled\") -%>\nc\n\nd\n<% else -%>\na\n\nb\n<% end -%>\n"},
	{"ends of lines for DOS", "a\r\nold\r\n", "a\r\nnew\r\n", "a\r\n<% if p(\"bpm.enabled\") -%>\nnew\r\n<% else -%>\nold\r\n<% end -%>\n"},
	{"a literal tag", "<%% x %>\nold\n", "<%% x %>\nnew\n", "<%% x %>\n<% if p(\"bpm.enabled\") -%>\nnew\n<% else -%>\nold\n<% end -%>\n"},
}

func TestFold(t *testing.T) {
	for _, c := range folds {
		t.Run(c.name, func(t *testing.T) {
			got, err := Flag{Default, '"'}.Fold([]byte(c.off), []byte(c.on), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
			renders(t, got, "false", c.off)
			renders(t, got, "true", c.on)
		})
	}
}

// renders holds what a folded template renders to against what the form that it
// was made of renders to: with ruby, in the trim mode that BOSH has.
func renders(t *testing.T, folded []byte, flag, form string) {
	t.Helper()
	got, want := printed(t, folded, flag), printed(t, []byte(form), flag)
	if !bytes.Equal(got, want) {
		t.Errorf("with the flag %s:\n%s", flag, cmp.Diff(string(want), string(got)))
	}
}

func printed(t *testing.T, template []byte, flag string) []byte {
	t.Helper()
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("ruby is missing")
		}
		t.Skip("ruby is missing")
	}
	c := exec.Command(ruby, "-rerb", "-e", "def p(*) = "+flag+"\nSTDOUT.binmode; print ERB.new(STDIN.binmode.read, trim_mode: '-').result(binding)")
	c.Stdin = bytes.NewReader(template)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, template)
	}
	return out
}

func TestFoldKeepsTogether(t *testing.T) {
	off := "check process a\n  with pidfile /old\n  group vcap\n\nset x\n"
	on := "check process a\n  with pidfile /new\n  group vcap\n\nset x\n"
	end := strings.Index(off, "\n\n")
	got, err := Flag{"use_bpm", '\''}.Fold([]byte(off), []byte(on), []Range{{0, end}}, []Range{{0, end}})
	if err != nil {
		t.Fatal(err)
	}
	want := "<% if p('use_bpm') -%>\ncheck process a\n  with pidfile /new\n  group vcap\n<% else -%>\ncheck process a\n  with pidfile /old\n  group vcap\n<% end -%>\n\nset x\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestFoldRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"broken ERB":                     {"<% if x %>\n", "a\n"},
		"a variable that hides a method": {"<%= name %>\n", "<% name = 'x' %>\n<%= name %>\n"},
		// the flag is there already, and would be taken for the one that is put in
		"the same question": {"<% if p(\"bpm.enabled\") -%>\nx\n<% end -%>\na\n", "<% if p(\"bpm.enabled\") -%>\nx\n<% end -%>\nb\n"},
	} {
		if got, err := (Flag{Default, '"'}).Fold([]byte(c[0]), []byte(c[1]), nil, nil); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestGuard(t *testing.T) {
	got, err := Flag{Default, '"'}.Guard([]byte("#!/bin/bash\nset -e\n\nmkdir /x\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("#!/bin/bash\n<% if p(\"bpm.enabled\") -%>\nset -e\n\nmkdir /x\n<% end -%>\n", string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestFor(t *testing.T) {
	if f := For(Default, []byte("p('a') p('b') p(\"c\")")); f.Quote != '\'' {
		t.Errorf("%c", f.Quote)
	}
	if f := For(Default, []byte("nothing")); f.Quote != '"' {
		t.Errorf("%c", f.Quote)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"bpm.enabled", "use_bpm", "director.use_bpm-for.workers"} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "bpm.", ".bpm", "bpm enabled", "bpm'", "a..b", "bpm.enabled?", "-x", "1"} {
		if CheckName(name) == nil {
			t.Errorf("%q", name)
		}
	}
}

// FuzzFold holds that a template with both forms gives each of them again: Fold
// proves it, or says that it cannot.
func FuzzFold(f *testing.F) {
	for _, c := range folds {
		f.Add(c.off, c.on)
	}
	f.Fuzz(func(t *testing.T, off, on string) {
		_, _ = Flag{Default, '"'}.Fold([]byte(off), []byte(on), nil, nil)
	})
}
