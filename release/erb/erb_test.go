package erb

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func parse(t *testing.T, text string) *Template {
	t.Helper()
	tpl, err := Parse(&source.File{Name: "f.erb", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// templates are the cases of every test here: blocks is how many blocks span
// tags, err what is wrong with the others. Ruby itself is asked about both.
var templates = []struct {
	name, text, err string
	blocks          []string
}{
	{"plain", "no tags\n", "", nil},
	{"expression", "a <%= p('x') %> b", "", nil},
	{"literal", "<%% not a tag %> <%= 1 %>", "", nil},
	{"if else", "<% if p('a') %>1<% elsif p('b') %>2<% else %>3<% end %>", "", []string{"if/3"}},
	{"unless", "<% unless x -%>\n1\n<% end -%>", "", []string{"unless/1"}},
	{"each in if", "<% if a %><% b.each do |c| %><%= c %><% end %><% end %>", "", []string{"if/1", "loop/1"}},
	{"if_p with else", "<% if_p('a') do |a| %>1<% end.else do %>2<% end %>", "", []string{"if_p/2"}},
	{"if_p with else_if_p", "<% if_p('a') do |a| %>1<% end.else_if_p('b') do |b| %>2<% end %>", "", []string{"if_p/2"}},
	{"if_link", "<% if_link('db') do |db| %>1<% end %>", "", []string{"if_link/1"}},
	{"case", "<% case x\n when 1 %>1<% when 2 %>2<% else %>3<% end %>", "", []string{"case/3"}},
	{"brace block", "<% x.each { |y| %><%= y %><% } %>", "", []string{"loop/1"}},
	{"modifier", "<% x = 1 if p('a') %>", "", nil},
	{"modifier behind return", "<% def f(v)\n  return if v.nil?\n  return unless v\n  return (if v then 1 end)\nend %>", "", nil},
	{"next arm of a name with do in it", "<% if_p('x') do |x| %>a<% end.else_if_link('domain') do |l| %>b<% end %>", "", []string{"if_p/2"}},
	{"a brace in a string in a string", "<% x = \"#{\"#{y}:1}\"}\" %>", "", nil},
	{"assigned if", "<% x = if a then 1 else 2 end %>", "", nil},
	{"multi-line ruby", "<%\n  a = []\n  p('x').each do |y|\n    a << y if y\n  end\n  # end of it\n  b = \"if #{a} end\"\n%>", "", nil},
	{"heredoc", "<% a = <<~EOS\n if x do\n EOS\n%>", "", nil},
	{"while do", "<% while x do %>1<% end %>", "", []string{"loop/1"}},
	{"for in", "<% for i in 1..3 %>1<% end %>", "", []string{"loop/1"}},
	{"symbols and keys", "<% x = {:if => 1, :end => 2} %>", "", nil},
	{"method called end", "<% r = (1..2); r.end %>", "", nil},
	{"word lists", "<% %w(if do end).each do |x| %><%= x %><% end %>", "", []string{"loop/1"}},
	{"comment tag", "<%# if end do %>", "", nil},
	{"hash in tag", "<% x = { 'a' => { 'b' => 1 } } %>", "", nil},
	{"def", "<% def f(x)\n x\n end %><%= f(1) %>", "", nil},
	{"not closed tag", "a <%= p('x') ", "never closed", nil},
	{"not closed block", "a\n<% if x %>", "f.erb:2:1: this ERB block is never closed", nil},
	{"end alone", "<% end %>", `"end" without a block`, nil},
	{"else alone", "<% else %>", `"else" without a block`, nil},
}

func TestParse(t *testing.T) {
	for _, c := range templates {
		t.Run(c.name, func(t *testing.T) {
			tpl, err := Parse(&source.File{Name: "f.erb", Data: []byte(c.text)})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want an error with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range tpl.Blocks {
				got = append(got, fmt.Sprintf("%s/%d", b.Kind, len(b.Arms)))
			}
			if strings.Join(got, " ") != strings.Join(c.blocks, " ") {
				t.Errorf("blocks %v, want %v", got, c.blocks)
			}
		})
	}
}

// TestRubyAgrees asks the real ERB compiler and ruby -c about every case.
func TestRubyAgrees(t *testing.T) {
	if _, err := exec.LookPath("ruby"); err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("ruby is missing")
		}
		t.Skip("ruby is missing")
	}
	for _, c := range templates {
		t.Run(c.name, func(t *testing.T) {
			f := filepath.Join(t.TempDir(), "f.erb")
			if err := os.WriteFile(f, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			script := `require "erb"; src = ERB.new(File.read(ARGV[0]), trim_mode: "-").src; RubyVM::InstructionSequence.compile(src)`
			out, err := exec.Command("ruby", "-e", script, f).CombinedOutput()
			// ERB itself lets a tag that is never closed pass as text
			if rejected := err != nil; rejected != (c.err != "") && c.name != "not closed tag" {
				t.Errorf("ruby: %v\n%s", err, out)
			}
		})
	}
}

func TestGuards(t *testing.T) {
	text := "a<% if x %>b<% else %>c<% y.each do |z| %>d<% end %><% end %>e"
	tpl := parse(t, text)
	for _, c := range []struct {
		at   string
		want string
	}{
		{">b<", "if x#0"}, {">c<", "if x#1"}, {">d<", "if x#1 y.each do |z|#0"}, {">e", ""},
	} {
		var got []string
		for _, g := range tpl.Guards(strings.Index(text, c.at) + 1) {
			got = append(got, fmt.Sprintf("%s#%d", g.Block.Arms[0].Head, g.Arm))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("at %s: %v, want %q", c.at, got, c.want)
		}
	}
}

// TestMask holds that what a template renders to as one command is one command
// in the mask.
func TestMask(t *testing.T) {
	for _, c := range []struct {
		name, text, mask string
		commands         int
	}{
		{"expression in a word", "run --port=<%= p('a b') %> x", "run --port=xxxxxxxxxxxxxxx x", 1},
		{"expression over lines", "run <%= p(\n'a') %> x", "run xxxxxxxxxxxxxx x", 1},
		{"block between continued lines", "run \\\n<% if x %>\n  --flag \\\n<% end %>\n  last\n", "run \\\n         \\\n  --flag \\\n        \\\n  last\n", 1},
		{"block over lines between continued lines", "run \\\n<%\nif x\n%>\n  --flag \\\n<% end %>\n  last\n", "", 1},
		{"block inside a line", "run a<% if x %> -b<% end %> c\n", "run a           -b          c\n", 1},
		{"trimmed newline joins", "run a <% x = 1 -%>\nb\n", "run a            \\\nb\n", 1},
		{"block around commands", "<% if x %>\na\n<% else %>\nb\n<% end %>\n", "          \na\n          \nb\n         \n", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			mask := parse(t, c.text).Mask()
			if c.mask != "" && string(mask) != c.mask {
				t.Errorf("got  %q\nwant %q", mask, c.mask)
			}
			f, err := syntax.NewParser().Parse(bytes.NewReader(mask), "")
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Stmts) != c.commands {
				t.Errorf("%d commands, want %d, in %q", len(f.Stmts), c.commands, mask)
			}
		})
	}
}

func TestProperties(t *testing.T) {
	got := Properties(`if p('a.b') && p("c") then properties.d.e; if_p("f", 'g') do |x, y| end; link('l').p('h') end`)
	if want := "a.b c d.e f g h"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	tpl := parse(t, `<%= p('a') %><%= p("b") %><%= p('c', 1) %><%= "#{p('d')}" %>`)
	var plain []string
	for _, s := range tpl.Segments {
		if name, ok := tpl.Property(s); ok {
			plain = append(plain, name)
		}
	}
	if strings.Join(plain, " ") != "a b" {
		t.Errorf("plain properties: %v", plain)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range templates {
		f.Add(c.text)
	}
	f.Add("x \\\n<% a\n%>\n")
	f.Fuzz(func(t *testing.T, text string) {
		tpl, err := Parse(&source.File{Name: "f", Data: []byte(text)})
		if err != nil {
			return
		}
		at := 0
		for _, s := range tpl.Segments {
			if s.Start != at || s.End < s.Start || s.CodeStart > s.CodeEnd {
				t.Fatalf("segment %+v does not follow %d", s, at)
			}
			at = s.End
		}
		if at != len(text) {
			t.Fatalf("segments end at %d of %d", at, len(text))
		}
		if mask := tpl.Mask(); len(mask) != len(text) {
			t.Fatalf("mask has %d bytes of %d", len(mask), len(text))
		}
		for _, b := range tpl.Blocks {
			for _, a := range b.Arms {
				if a.Start > a.End || a.End > b.End {
					t.Fatalf("arm %+v of block %+v", a, b)
				}
			}
		}
	})
}
