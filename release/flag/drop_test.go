package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const property = "bpm.enabled"

// drops are templates with the flag, and what they are without. "" for want says
// that something is left, with what is said of it in left.
var drops = []struct{ name, text, want, left string }{
	{name: "lines of their own", text: "a\n<% if p(\"bpm.enabled\") %>\nnew\n<% else %>\nold\n<% end %>\nb\n", want: "a\nnew\nb\n"},
	{name: "trimmed", text: "a\n<% if p(\"bpm.enabled\") -%>\nnew\n<% else -%>\nold\n<% end -%>\nb\n", want: "a\nnew\nb\n"},
	{name: "as generated, the last line without an end", text: "a\n<% if p(\"bpm.enabled\") -%>\nnew<% else -%>\nold<% end -%>\n", want: "a\nnew"},
	{name: "as generated, where the spec declares nothing", text: "<% if p(\"bpm.enabled\", false) -%>\nnew\n<% end -%>\n", want: "new\n"},
	{name: "the other arm first", text: "<% if !p('bpm.enabled') %>\nold\n<% else %>\nnew\n<% end %>\n", want: "new\n"},
	{name: "only the dead arm", text: "#!/bin/bash\n\n<% if !p(\"bpm.enabled\") %>\n  INDEX=$1\n<% end %>\n\nsource x\n", want: "#!/bin/bash\n\nsource x\n"},
	{name: "unless", text: "<% unless p('bpm.enabled') %>\nold\n<% end %>\nb\n", want: "b\n"},
	{name: "unless with else", text: "<% unless p 'bpm.enabled' %>\nold\n<% else %>\nnew\n<% end %>\nb\n", want: "new\nb\n"},
	{name: "properties", text: "<% if properties.bpm.enabled %>new<% else %>old<% end %>\n", want: "new\n"},
	{name: "inside of a line", text: "x <% if p('bpm.enabled') %>new<% else %>old<% end %> y\n", want: "x new y\n"},
	{name: "indented", text: "a:\n  <% if p('bpm.enabled') %>\n  b: 1\n  <% else %>\n  b: 2\n  <% end %>\nc: 3\n", want: "a:\n  b: 1\nc: 3\n"},
	{name: "indented and trimmed behind", text: "a:\n  <% if p('bpm.enabled') -%>\n  b: 1\n  <% else -%>\n  b: 2\n  <% end -%>\nc: 3\n", want: "a:\n    b: 1\n  c: 3\n"},
	{name: "indented and trimmed on both sides", text: "a:\n  <%- if p('bpm.enabled') -%>\n  b: 1\n  <%- else -%>\n  b: 2\n  <%- end -%>\nc: 3\n", want: "a:\n  b: 1\nc: 3\n"},
	{name: "within another", text: "<% if p('x') %>\n<% if p('bpm.enabled') %>\nnew\n<% else %>\nold\n<% end %>\n<% end %>\n", want: "<% if p('x') %>\nnew\n<% end %>\n"},
	{name: "another within", text: "<% if p('bpm.enabled') %>\n<% if p('x') %>\nnew\n<% end %>\n<% else %>\n<% if p('x') %>\nold\n<% end %>\n<% end %>\n", want: "<% if p('x') %>\nnew\n<% end %>\n"},
	{name: "itself within", text: "<% if p('bpm.enabled') %>\na\n<% unless p('bpm.enabled') %>\nb\n<% end %>\n<% end %>\n", want: "a\n"},
	{name: "and another", text: "<% if p('bpm.enabled') && p('x') %>\na\n<% end %>\n", want: "<% if p('x') %>\na\n<% end %>\n"},
	{name: "another and", text: "<% if (p('x') || p('y')) && (p('bpm.enabled')) %>\na\n<% end %>\n", want: "<% if (p('x') || p('y')) %>\na\n<% end %>\n"},
	{name: "not, or another", text: "<% if !p('bpm.enabled') || p('x') %>\na\n<% else %>\nb\n<% end %>\n", want: "<% if p('x') %>\na\n<% else %>\nb\n<% end %>\n"},
	{name: "or another", text: "<% if p('bpm.enabled') || p('x') %>\na\n<% else %>\nb\n<% end %>\n", want: "a\n"},
	{name: "elsif, first", text: "<% if p('bpm.enabled') %>\na\n<% elsif p('x') %>\nb\n<% else %>\nc\n<% end %>\n", want: "a\n"},
	{name: "elsif, not first", text: "<% if !p('bpm.enabled') %>\na\n<% elsif p('x') %>\nb\n<% else %>\nc\n<% end %>\n", want: "<% if p('x') %>\nb\n<% else %>\nc\n<% end %>\n"},
	{name: "elsif, in the middle", text: "<% if p('x') %>\na\n<% elsif p('bpm.enabled') %>\nb\n<% else %>\nc\n<% end %>\n", want: "<% if p('x') %>\na\n<% else %>\nb\n<% end %>\n"},
	{name: "elsif, last and dead", text: "<% if p('x') %>\na\n<% elsif !p('bpm.enabled') %>\nb\n<% end %>\nc\n", want: "<% if p('x') %>\na\n<% end %>\nc\n"},
	{name: "ternary", text: "a: <%= p('bpm.enabled') ? p('x') : 'c' %>\n", want: "a: <%= p('x') %>\n"},
	{name: "ternary of texts", text: "a: <%= p('bpm.enabled') ? '/b' : '/c' %>/d\n", want: "a: /b/d\n"},
	{name: "modifier", text: "a <%= '-x' if p('bpm.enabled') %> <%= '-y' unless p('bpm.enabled') %>b\n", want: "a -x b\n"},
	{name: "modifier of a statement", text: "<%\n  a = 1\n  a = 2 if p('bpm.enabled')\n  a = 3 unless p('bpm.enabled')\n%>\n<%= a %>\n", want: "<%\n  a = 1\n  a = 2\n%>\n<%= a %>\n"},
	{name: "if_p", text: "<% if_p('bpm.enabled') do %>\na\n<% end %>\n", want: "a\n"},
	{name: "ruby", text: "<%=\nc = {}\nif p('bpm.enabled')\n  [1].each do |i|\n    c[i] = 1\n  end\nend\n\nc.to_s\n%>\n", want: "<%=\nc = {}\n[1].each do |i|\n  c[i] = 1\nend\n\nc.to_s\n%>\n"},
	{name: "ruby with else", text: "<%\nif p('bpm.enabled')\n  a = 1\nelse\n  a = 2\nend\n%>\n<%= a %>\n", want: "<%\na = 1\n%>\n<%= a %>\n"},
	{name: "ruby, the else", text: "<%\nif !p('bpm.enabled')\n  a = 1\nelse\n  # why\n  a = 2\nend\n%>\n<%= a %>\n", want: "<%\n# why\na = 2\n%>\n<%= a %>\n"},
	{name: "ruby, a value", text: "<%\na = if p('bpm.enabled') then 1 else 2 end\n%>\n<%= a %>\n", want: "<%\na = 1\n%>\n<%= a %>\n"},
	{name: "ruby, a hash", text: "<%=\n{ 'a' => p('bpm.enabled') ? 1 : 2, 'b' => !p('bpm.enabled') ? 3 : 4 }.to_s\n%>\n", want: "<%=\n{ 'a' => 1, 'b' => 4 }.to_s\n%>\n"},
	{name: "a local", text: "<% on = p('bpm.enabled') %>\n<% if on %>\na\n<% else %>\nb\n<% end %>\n<%= on ? 1 : 2 %>\n", want: "a\n<%= 1 %>\n"},
	{name: "a local that is printed", text: "<% on = p('bpm.enabled') %>\n<% if on %>\na\n<% end %>\n<%= on %>\n", left: "1:the local on, which holds it, is used in other ways"},
	{name: "printed", text: "BPM=<%= p('bpm.enabled') %>\n", left: "1:it is no condition that can be decided here"},
	{name: "of a link", text: "<% if link('a').p('bpm.enabled') %>\na\n<% end %>\n", left: "1:it is no condition that can be decided here"},
	{name: "a case", text: "<% case p('bpm.enabled') %>\n<% when true %>\na\n<% end %>\n", left: "1:it is no condition that can be decided here"},
	{name: "more in the tag", text: "<% x = 1\n if p('bpm.enabled') %>\na\n<% end %>\n", left: "2:the tag holds more than the condition"},
	{name: "compared", text: "<% if p('bpm.enabled') == true %>\na\n<% end %><% if p('bpm.enabled') != true %>\nb\n<% end %>\n", want: "a\n"},
	{name: "compared with a text", text: "<% if p('bpm.enabled') == 'true' %>\na\n<% end %>\n", left: "1:it is no condition that can be decided here"},
	{name: "blank lines", text: "#!/bin/bash\n\n<% if p('bpm.enabled') %>\n\nnew\n\n<% else %>\n\nold\n\n<% end %>\n", want: "#!/bin/bash\n\nnew\n"},
	{name: "at the top", text: "\n<% if p('bpm.enabled') %>\n\nnew\n<% end %>\n", want: "\nnew\n"},
	{name: "behind a backslash", text: "x \\\n<% if p('bpm.enabled') -%>\n-a \\\n<% else -%>\n-b \\\n<% end -%>\n-c\n", want: "x \\\n-a \\\n-c\n"},
	{name: "behind a backslash that ends", text: "x \\\n<% if p('bpm.enabled') %>\n-a\n<% end %>\ny\n", want: "x \\\n\n-a\ny\n"},
	{name: "lines of DOS", text: "a\r\n<% if p('bpm.enabled') -%>\r\nnew\r\n<% else -%>\r\nold\r\n<% end %>\r\nb\r\n", want: "a\r\nnew\r\nb\r\n"},
	{name: "no end of the last line", text: "<% if p('bpm.enabled') %>\nnew\n<% else %>\nold\n<% end %>", want: "new\n"},
	{name: "all of it", text: "<% if p('bpm.enabled') %>processes:\n- name: web\n<% end %>", want: "processes:\n- name: web\n"},
	{name: "nothing in the arm", text: "a\n<% if p('bpm.enabled') %>\n<% else %>\nold\n<% end %>\nb\n", want: "a\nb\n"},
	{name: "nothing at all in the arm", text: "a\n<% if p('bpm.enabled') -%><% else %>\nold\n<% end %>\nb\n", left: "2:a tag beside it trims blanks that would stay otherwise"},
	{name: "a local of the other arm", text: "<% if p('bpm.enabled') %>\na\n<% else %><% x = 1 %>\n<% end %>\n<%= x %>\n", left: "3:x is only known here, and what stays asks for it"},
	{name: "a local of both arms", text: "<% if p('bpm.enabled') %><% x = 2 %>\na\n<% else %><% x = 1 %>\n<% end %>\n<%= x %>\n", want: "<% x = 2 %>\na\n<%= x %>\n"},
	{name: "a library of the other arm", text: "<% unless p('bpm.enabled') %><% require 'shellwords' %>\n<% end %>\n<%= Shellwords.escape('x') %>\n", left: "1:shellwords is required here, and what stays uses it"},
	{name: "a mapping above", text: "<% if properties.bpm && properties.bpm.enabled %>\na\n<% end %>\n", want: "a\n"},
	{name: "by brackets", text: "<% if properties['bpm']['enabled'] %>\na\n<% end %>\n", want: "a\n"},
	{name: "a mapping above, by itself", text: "<% properties.bpm.each do |k, v| %>\n<%= k %>\n<% end %>\n", left: "1:it is no condition that can be decided here"},
	{name: "text of the name", text: "# bpm.enabled is gone\n", want: "# bpm.enabled is gone\n"},
	{name: "another property", text: "<% if p('bpm.enabled.x') %>\na\n<% end %>\n", want: "<% if p('bpm.enabled.x') %>\na\n<% end %>\n"},
}

func TestDrop(t *testing.T) {
	var all [][3]any
	for _, c := range drops {
		t.Run(c.name, func(t *testing.T) {
			f := &source.File{Name: "t", Data: []byte(c.text)}
			d, err := Drop(f, property, true)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, u := range d.Left {
				left = append(left, fmt.Sprintf("%d:%s", u.Span.Position().Line, u.Why))
			}
			if diff := cmp.Diff(c.left, strings.Join(left, "\n")); diff != "" {
				t.Fatal(diff, string(d.After))
			}
			if c.left != "" {
				return
			}
			if diff := cmp.Diff(c.want, string(d.After)); diff != "" {
				t.Error(diff)
			}
			again, err := Drop(&source.File{Name: "t", Data: d.After}, property, true)
			if err != nil || again.Used || !bytes.Equal(again.After, d.After) {
				t.Errorf("dropped again: %v, %s", err, again.After)
			}
			all = append(all, [3]any{c.text, string(d.After), true})
			off, err := Drop(f, property, false)
			if err != nil || len(off.Left) > 0 {
				t.Fatal("off:", err, off)
			}
			all = append(all, [3]any{c.text, string(off.After), false})
		})
	}
	same(t, all)
}

// same renders templates with the flag and what is left of them with ruby, for all
// values of the other properties.
func same(t *testing.T, all [][3]any) {
	t.Helper()
	for n, out := range byRuby(t, all) {
		before := all[n][0].(string)
		exact := !strings.Contains(strings.ReplaceAll(before, "-%>", ""), "%>")
		for i := 0; i < len(out); i += 2 {
			if want, got := out[i], out[i+1]; exact && want != got || lines(want) != lines(got) {
				t.Errorf("with the flag %v:\n%s\n%s", all[n][2], before, cmp.Diff(want, got))
			}
		}
	}
}

// lines are those that are not empty: tags leave empty ones.
func lines(text string) string {
	var kept []string
	for _, l := range strings.Split(text, "\n") {
		if strings.TrimSpace(l) != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

const renderer = `require "erb"; require "json"; require "ostruct"
def render(text, on, x)
  define_singleton_method(:p) { |n, d = nil| n == "bpm.enabled" ? on : x }
  define_singleton_method(:if_p) { |n, &b| b.call(on) }
  define_singleton_method(:properties) { OpenStruct.new(bpm: OpenStruct.new(enabled: on)) }
  ERB.new(text, trim_mode: "-").result(binding)
end
def tried(text, on, x)
  render(text, on, x)
rescue StandardError, ScriptError => e
  "#{e.class}: #{e.message}"
end
print JSON.dump(JSON.parse($stdin.read).map { |before, after, on| [true, false].flat_map { |x| [render(before, on, x), tried(after, on, x)] } })`

// byRuby renders templates before and after, with a value of the flag: in pairs, for
// the values that p('x') may have.
func byRuby(t *testing.T, all [][3]any) (out [][]string) {
	t.Helper()
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(ruby, "-e", renderer)
	cmd.Stdin = bytes.NewReader(in)
	text, err := cmd.CombinedOutput()
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func FuzzDrop(f *testing.F) {
	for _, c := range drops {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Drop(&source.File{Name: "t", Data: []byte(text)}, property, true)
		if err != nil || len(d.Left) > 0 {
			return
		}
		again, err := Drop(&source.File{Name: "t", Data: d.After}, property, true)
		if err != nil || again.Used {
			t.Fatalf("%q became %q: %v", text, d.After, err)
		}
	})
}
