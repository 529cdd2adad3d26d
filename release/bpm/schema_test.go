package bpm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// problems reads a template and shows its problems as "line:column severity id".
func problems(t *testing.T, text string) (string, []source.Diagnostic) {
	t.Helper()
	d, err := Read(&source.File{Name: "bpm.yml.erb", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	found := d.Problems("web")
	for _, p := range found {
		at := p.Span.Position()
		lines = append(lines, fmt.Sprintf("%d:%d %s %s", at.Line, at.Column, p.Severity, p.ID))
	}
	return strings.Join(lines, ", "), found
}

// TestSchema has what bpm's parser was seen to accept without a word, to refuse,
// and to accept rightly.
func TestSchema(t *testing.T) {
	process := func(s string) string { return "processes:\n- name: web\n  executable: /a\n" + s }
	for _, c := range []struct{ name, text, want, says string }{
		{"nothing", process(""), "", ""},
		{"empty file", "", "1:1 error bpm-no-process", "is empty"},
		{"a comment only", "# nothing\n", "1:1 error bpm-no-process", "is empty"},
		{"no processes", "processes: []\n", "1:1 error bpm-no-process", "has no processes"},
		{"processes is a map", "processes:\n  web:\n    executable: /a\n", "2:3 error bpm-value-type", "processes has to be a list"},
		{"a list at the top", "- name: web\n", "1:1 error bpm-value-type", "the file has to be keys and values"},

		{"numbers and switches as arguments", process("  args: [2424, 1e3, 0777, true, on, no]\n"), "", ""},
		{"an empty string", process("  args:\n  - \"\"\n"), "", ""},
		{"an empty item", process("  args:\n  - -a\n  -\n  - -b\n"), "6:4 error bpm-value-lost", "entry 2 of args is empty: bpm drops it"},
		{"null", process("  args: [~, null]\n"), "4:10 error bpm-value-lost, 4:13 error bpm-value-lost", ""},
		{"a comment in a word", process("  args:\n  - pass #word\n"), "5:5 warning bpm-value-lost", `ends before "#word"`},
		{"a comment", process("  args:\n  - pass # the word\n"), "", ""},
		{"a tag", process("  args:\n  - !foo bar\n"), "5:10 error bpm-value-lost", "takes for a tag"},
		{"an anchor", process("  args:\n  - &abc\n"), "5:9 error bpm-value-lost", "is empty"},
		{"a colon at the end", process("  args:\n  - oidc:\n"), "5:5 error bpm-value-type", "has to be quoted"},
		{"a map as argument", process("  args:\n  - {\"a\":1}\n"), "5:5 error bpm-value-type", ""},
		{"a star", process("  args:\n  - *.example.com\n"), "5:1 error bpm-yml-broken", "begins with * has to be quoted"},
		{"an at", process("  args:\n  - @f\n"), "5:1 error bpm-yml-broken", "begins with @ has to be quoted"},
		{"a tab", process("  args:\n\t- a\n"), "5:1 error bpm-yml-broken", "tabs"},
		{"a line too deep", process("  args:\n  - a\n   - b\n"), "5:5 error bpm-value-lost", "indented deeper"},
		{"one argument", process("  args: -a\n"), "4:9 error bpm-value-type", "args has to be a list"},

		{"env null", process("  env:\n    A:\n"), "", ""},
		{"no env", process("  env:\n"), "", ""},
		{"env twice", process("  env:\n    A: 1\n    A: 2\n"), "6:5 error bpm-key-twice", "already defined"},
		{"env in both arms", process("  env:\n<% if p('x') %>\n    A: 1\n<% else %>\n    A: 2\n<% end %>\n"), "", ""},
		{"env in an arm and outside", process("  env:\n    A: 1\n<% if p('x') %>\n    A: 2\n<% end %>\n"), "7:5 error bpm-key-twice", ""},
		{"env as a list", process("  env:\n  - A=1\n"), "5:3 error bpm-value-type", "names and values"},
		{"limits below env", process("  env:\n    A: b\n    limits:\n      open_files: 1\n"), "6:5 error bpm-key-misplaced", "limits stands in env"},
		{"a name that is none", process("  env: {\"A B\": c}\n"), "4:9 error bpm-value-refused", ""},

		{"yes", process("  ephemeral_disk: yes\n"), "", ""},
		{"true in quotes", process("  ephemeral_disk: \"true\"\n"), "4:19 error bpm-value-type", "without quotes"},
		{"a printed switch in quotes", process("  ephemeral_disk: \"<%= p('x') %>\"\n"), "4:19 error bpm-value-type", ""},
		{"a printed switch", process("  ephemeral_disk: <%= p('x') %>\n"), "", ""},
		{"a whole fraction", process("  limits: {open_files: 12500.0}\n"), "", ""},
		{"a fraction", process("  limits: {open_files: 12500.5}\n"), "4:24 error bpm-value-type", ""},
		{"a product", process("  limits:\n    open_files: <%= p('x') * 1.25 %>\n"), "5:17 warning bpm-value-type", ".to_i"},
		{"a rounded product", process("  limits:\n    open_files: <%= (p('x') * 1.25).to_i %>\n"), "", ""},
		{"a number in quotes", process("  limits: {open_files: \"1024\"}\n"), "4:24 error bpm-value-type", ""},
		{"unlimited", process("  limits: {open_files: unlimited}\n"), "4:24 error bpm-value-type", "leave the key out"},
		{"negative", process("  limits: {open_files: -1}\n"), "4:24 error bpm-value-type", "not negative"},
		{"processes may be -1", process("  limits: {processes: -1}\n"), "", ""},
		{"memory without a unit", process("  limits: {memory: 512}\n"), "4:20 error bpm-value-refused", "the unit is missing"},
		{"memory as a share", process("  limits: {memory: 50%}\n"), "4:20 error bpm-value-refused", ""},
		{"printed share", process("  limits: {memory: \"<%= p('x') %>%\"}\n"), "4:20 error bpm-value-refused", "share"},
		{"memory", process("  limits: {memory: 1.5G}\n"), "", ""},
		{"memory in MiB", process("  limits: {memory: 512MiB}\n"), "", ""},

		{"user", process("  user: web\n"), "4:3 error bpm-key-unknown", "knows no user"},
		{"near", process("  persistant_disk: true\n"), "4:3 error bpm-key-unknown", "did you mean persistent_disk?"},
		{"nearer", process("  capabilties: [NET_RAW]\n"), "4:3 error bpm-key-unknown", "did you mean capabilities?"},
		{"outside of unsafe", process("  unrestricted_volumes: []\n"), "4:3 error bpm-key-misplaced", "into unsafe"},
		{"inside of limits", process("  limits:\n    ephemeral_disk: true\n"), "5:5 error bpm-key-misplaced", "the process itself"},
		{"at the top", "processes:\n- name: web\n  executable: /a\nenv:\n  A: b\n", "4:1 error bpm-key-misplaced", "entry of processes"},
		{"in a volume", process("  additional_volumes:\n  - path: /var/vcap/data/x\n    writeable: true\n"), "6:5 error bpm-key-unknown", "did you mean writable?"},

		{"a slash at the end", process("  additional_volumes:\n  - path: /var/vcap/data/x/\n"), "5:11 error bpm-volume-refused", "canonical"},
		{"own data", process("  additional_volumes:\n  - path: /var/vcap/data/web\n"), "5:11 error bpm-volume-refused", "ephemeral_disk"},
		{"own store", process("  additional_volumes:\n  - path: /var/vcap/store/web\n"), "5:11 error bpm-volume-refused", "persistent_disk"},
		{"below own data", process("  additional_volumes:\n  - path: /var/vcap/data/web/x\n"), "", ""},
		{"outside", process("  additional_volumes:\n  - path: /var/log\n"), "5:11 error bpm-volume-refused", "unrestricted_volumes"},
		{"a pattern", process("  additional_volumes:\n  - path: /var/vcap/jobs/*/config\n"), "5:11 warning bpm-volume-refused", "patterns"},
		{"no path", process("  additional_volumes:\n  - writable: true\n"), "5:5 error bpm-volume-refused", "no path"},
		{"own job, writable", process("  unsafe:\n    unrestricted_volumes:\n    - path: /var/vcap/jobs/web/config\n      writable: true\n"), "6:13 warning bpm-volume-dropped", ""},
		{"own job", process("  unsafe:\n    unrestricted_volumes:\n    - path: /var/vcap/jobs/web/config\n"), "6:13 note bpm-volume-dropped", ""},
		{"another job of a longer name", process("  unsafe:\n    unrestricted_volumes:\n    - path: /var/vcap/jobs/website/config\n"), "", ""},
		{"wide", process("  unsafe:\n    unrestricted_volumes:\n    - path: /var/vcap/data/x/**/*\n"), "6:13 warning bpm-volume-wide", ""},

		{"arguments in executable", "processes:\n- name: web\n  executable: /a --flag\n", "3:15 error bpm-value-refused", "arguments go to args"},
		{"a program by its name", "processes:\n- name: web\n  executable: web\n", "3:15 warning bpm-value-refused", "PATH"},
		{"no executable", "processes:\n- name: web\n", "2:3 error bpm-value-refused", "no executable"},
		{"arguments in the hook", process("  hooks:\n    pre_start: /x --f\n"), "5:16 error bpm-value-refused", "no arguments"},
		{"a hook without a command", process("  hooks: {}\n"), "4:10 error bpm-value-refused", "empty command"},
		{"no hooks", process("  hooks:\n"), "", ""},
		{"SIGINT", process("  shutdown_signal: SIGINT\n"), "4:20 error bpm-value-refused", "TERM and INT only"},
		{"INT", process("  shutdown_signal: INT\n"), "", ""},
		{"CAP_", process("  capabilities: [CAP_NET_RAW]\n"), "4:18 error bpm-value-refused", "has to be written NET_RAW"},
		{"small letters", process("  capabilities: [net_raw]\n"), "4:18 error bpm-value-refused", "has to be written NET_RAW"},
		{"no such capability", process("  capabilities: [NET_BIND_SERVCE]\n"), "4:18 error bpm-value-refused", "did you mean NET_BIND_SERVICE?"},
		{"two processes of a name", process("- name: web\n  executable: /b\n"), "4:9 error bpm-process-twice", "first in line 2"},
		{"two processes in two arms", "processes:\n<% if p('x') %>\n- name: web\n  executable: /a\n<% else %>\n- name: web\n  executable: /b\n<% end %>\n", "", ""},

		{"Ruby: an unknown key", "<%= YAML.dump({'processes' => [{'name' => 'web', 'executable' => '/a', 'envs' => {}}]}) %>", "1:72 error bpm-key-unknown", "did you mean env?"},
		{"Ruby: symbols", "<%= YAML.dump({processes: [{'name' => 'web', 'executable' => '/a'}]}) %>", "1:16 error bpm-key-unknown", "prints as"},
		{"Ruby: symbols as JSON", "<%= {processes: [{name: 'web', executable: '/a'}]}.to_json %>", "", ""},
		{"Ruby: a number as text", "<%\nc = {'processes' => [{'name' => 'web', 'executable' => '/a'}]}\nc['processes'][0]['limits'] = { 'open_files' => \"#{p('x')}\" }\n%><%= c.to_yaml %>", "3:49 error bpm-value-type", ""},
		{"Ruby: twice", "<%= YAML.dump('processes' => [{'name' => 'web', 'executable' => '/a', 'executable' => '/b'}]) %>", "1:71 warning bpm-key-twice", "last one"},
		{"Ruby: nil", "<%= YAML.dump('processes' => [{'name' => 'web', 'executable' => '/a', 'args' => ['-a', nil]}]) %>", "1:88 error bpm-value-lost", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, found := problems(t, c.text)
			if got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
				for _, d := range found {
					t.Log(d)
				}
			}
			if c.says != "" && (len(found) == 0 || !strings.Contains(found[0].Message, c.says)) {
				t.Errorf("says nothing of %q: %v", c.says, found)
			}
		})
	}
}

// shown is a short form of a node for tests.
func shown(n *Node) string {
	if n == nil {
		return "-"
	}
	var parts []string
	switch n.Kind {
	case Map:
		for _, f := range n.Fields {
			s := f.Key.String() + ":" + shown(f.Value)
			if len(f.Arms) > 0 {
				s += "?"
			}
			parts = append(parts, s)
		}
	case List:
		for _, i := range n.Items {
			s := shown(i.Node)
			if len(i.Arms) > 0 {
				s += "?"
			}
			parts = append(parts, s)
		}
	case Choice:
		for _, a := range n.Alternatives {
			parts = append(parts, shown(a))
		}
		return "(" + strings.Join(parts, "|") + ")"
	default:
		return n.Text()
	}
	open := ""
	if n.Open {
		open = "..."
	}
	if n.Kind == Map {
		return "{" + strings.Join(parts, " ") + open + "}"
	}
	return "[" + strings.Join(parts, " ") + open + "]"
}

// TestRead shows what becomes of templates of every style.
func TestRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"static", "processes:\n- name: a\n  args: [x, 1]\n", "{processes:[{name:a args:[x 1]}]}"},
		{"an expression", "processes:\n- name: a\n  args:\n  - --x=<%= p('y') %>\n  - <%= p('z') %>\n", "{processes:[{name:a args:[--x=<%= p('y') %> <%= p('z') %>]}]}"},
		{"both arms", "processes:\n- name: a\n  args:\n<% if p('x') -%>\n  - b\n<% else -%>\n  - c\n<% end -%>\n  - d\n", "{processes:[{name:a args:[b? c? d]}]}"},
		{"a tag before its item", "processes:\n- name: a\n  args:\n  <% if_p('x') do |x| %>- <%= x %>\n  <% end %>\n", "{processes:[{name:a args:[<%= x %>?]}]}"},
		{"a constant", "<% DIR = '/d' %>\nprocesses:\n- name: a\n  workdir: <%= DIR %>/x\n", "{processes:[{name:a workdir:/d/x}]}"},
		{"a condition in a value", "processes:\n- name: <% if p('x') %>a<% else %>b<% end %>\n", "{processes:[{name:<%= a<% else %>b %>}]}"},
		{"anchors", "x: &x {name: a}\nprocesses:\n- *x\n", "{x:{name:a} processes:[{name:a}]}"},
		{"é before a tag", "processes:\n- name: \"é<%= p('x') %>é\"\n", "{processes:[{name:é<%= p('x') %>é}]}"},
		{"a hash", "<%= YAML.dump({ 'processes' => [{ \"name\" => 'a', 'env' => { 'A' => \"#{p('x')}/y\" } }] }) %>", "{processes:[{name:a env:{A:<%= p('x') %>/y}}]}"},
		{"set later", "<%\nc = { 'processes' => [{ 'name' => 'a', 'env' => {} }] }\nif p('x')\n  c['processes'][0]['env']['X'] = true\nend\nc['processes'][0]['args'] = ['-a']\n%>\n<%= YAML.dump(c) %>\n", "{processes:[{name:a env:{X:true?} args:[-a]}]}"},
		{"pushed and merged", "<%\nargs = %w[-a -b]\nargs << '-c'\nargs.push('-d', '-e')\nargs += ['-f'] if p('x')\np1 = { 'name' => 'a' }.merge('args' => args)\np1.merge!({ 'env' => {} })\n%><%= { 'processes' => [p1] }.to_yaml %>", "{processes:[{name:a args:([-a -b -c -d -e]|[-a -b -c -d -e -f?]) env:{}}]}"},
		{"if_p and else", "<%\nport = nil\nif_p('port') do |x|\n  port = x\nend.else_if_link('db') do |l|\n  port = l.p('port')\nend\n%><%= YAML.dump('processes' => [{ 'name' => 'a', 'args' => [\"--port=#{port}\"] }]) %>", "{processes:[{name:a args:[--port=<%= port %>]}]}"},
		{"a method", "<%\ndef disk!(c)\n  c['ephemeral_disk'] = true\nend\na = { 'name' => 'a' }\ndisk!(a)\n%><%= YAML.dump({ 'processes' => [a] }) %>", "{processes:[{name:a ephemeral_disk:true}]}"},
		{"a loop", "<%=\nc = { 'processes' => [] }\n(1..p('n')).each do |i|\n  c['processes'] << { 'name' => \"w_#{i}\" }\nend\nYAML.dump(c)\n%>", "{processes:[{name:w_<%= i %>?}?]}"},
		{"a known loop", "<%=\nYAML.dump('processes' => ['a', 'b'].map { |n| { 'name' => n } })\n%>", "{processes:[{name:a?} {name:b?}]}"},
		{"what is not understood", "<%\nargs = ['-a']\nargs ~~ 1\n%><%= YAML.dump('processes' => [{ 'name' => 'a', 'args' => args }]) %>", "{processes:[{name:a args:[-a...]}]}"},
		{"an unknown hash", "<%= YAML.dump(p('all')) %>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Read(&source.File{Name: "bpm.yml.erb", Data: []byte(c.text)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, shown(d.Root)); diff != "" {
				t.Errorf("%s\n%s", diff, c.text)
			}
		})
	}
}

// TestSpans holds that every scalar of the text stands where its span says.
func TestSpans(t *testing.T) {
	for _, text := range []string{
		"# é\nprocesses:\n- name: \"web\"\n  executable: /x\n  args:\n<% if p('a') -%>\n  - one\n<% end -%>\n  - 'two'\n",
		"<%\nx = 'one'\n%>\n<%= YAML.dump('processes' => [{ 'name' => 'web', 'args' => ['two', \"three\"] }]) %>",
	} {
		f := &source.File{Name: "bpm.yml.erb", Data: []byte(text)}
		d, err := Read(f)
		if err != nil {
			t.Fatal(err)
		}
		d.Root.Scalars(func(_ []string, n *Node) {
			if got := strings.Trim(n.Span.Text(), `"'`); got != n.Text() {
				t.Errorf("%q stands at %s, where %q is", n.Text(), n.Span, got)
			}
		})
	}
}

// FuzzRead holds that no template makes the reader or the schema panic, and that
// what is reported lies in the file.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "processes: []", "<%= YAML.dump({'a' => [1, *x]}) %>", "<% if x %>- a: <%= b %>\n<% end %>", "processes:\n- *a\n", "&a [*a]",
		"<%\nh = {}\nh['h'] = h\nl = []\nl << l\n%><%= h.to_yaml %>", "<%\ndef f(x)\n f(x)\nend\nf(1)\n%><%= f({}).to_json %>",
		"<% [1,2].each do |a| [a].each { |b| b << a } end %>x: <%= \"#{\"#{1}\"}\" %>", "a: &x {<<: *x}\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := &source.File{Name: "bpm.yml.erb", Data: []byte(text)}
		d, err := Read(file)
		if err != nil {
			return
		}
		for _, p := range d.Problems("web") {
			if p.Span.Valid() && (p.Span.Start < 0 || p.Span.End > len(text) || p.Span.Start > p.Span.End) {
				t.Errorf("%s lies outside of the file: %d to %d of %d", p.ID, p.Span.Start, p.Span.End, len(text))
			}
		}
		d.Processes()
		d.Complete()
	})
}
