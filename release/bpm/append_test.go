package bpm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func TestAppendTo(t *testing.T) {
	plain := Template{Processes: []ProcessTemplate{{Title: Text("b"), Process: Process{Name: "b", Executable: "/b"}}}}
	ruby := Template{Processes: []ProcessTemplate{{Title: Text("b"), Process: Process{Name: "b", Executable: "/b"}, Args: []Item{{Value: Ruby("p('x')")}}}}}
	for _, c := range []struct {
		name, have string
		more       Template
		want       string // ! is an error
	}{
		{"list", "processes:\n- name: a\n  executable: /a", plain, "processes:\n- name: a\n  executable: /a\n- name: b\n  executable: /b\n"},
		{"indented, with a comment at the end", "---\nprocesses: # all\n  # first\n  - name: a\n    executable: /a\n# end\n", plain, "---\nprocesses: # all\n  # first\n  - name: a\n    executable: /a\n# end\n  - name: b\n    executable: /b\n"},
		{"with ERB inside", "processes:\n- name: a\n  executable: /a\n  <% if p('x') %>\n  workdir: /x\n  <% end %>\n", plain, "processes:\n- name: a\n  executable: /a\n  <% if p('x') %>\n  workdir: /x\n  <% end %>\n- name: b\n  executable: /b\n"},
		{"within a condition", "<% if p('x') %>\nprocesses:\n- name: a\n  executable: /a\n<% end %>\n", plain, "! an ERB condition stands around its processes"},
		{"a key behind", "processes:\n- name: a\n  executable: /a\nx: y\n", plain, "! something follows behind its processes"},
		{"there already", "processes:\n- name: b\n  executable: /a\n", plain, "! it has a process b already"},
		{"flow", "processes: [{name: a, executable: /a}]\n", plain, "! its processes are no list in YAML"},
		{"Ruby, comments", "processes:\n# mine\n- name: a\n  executable: /a\n", ruby, "! the process has values that only a deployment knows, and the file has ERB or comments of its own"},
		{"Ruby, a key of a later bpm", "processes:\n- name: a\n  executable: /a\n  later: 1\n", ruby, "! the process has values that only a deployment knows, and the file has ERB or comments of its own"},
		{"hash in one tag", "<%=\nc = { 'processes' => [{ 'name' => 'a', 'executable' => '/a' }] }\nYAML.dump(c)\n%>\n", plain, "<%=\nc = { 'processes' => [{ 'name' => 'a', 'executable' => '/a' }] }\n\nc['processes'] << {\n  'name' => 'b',\n  'executable' => '/b',\n}\nYAML.dump(c)\n%>\n"},
	} {
		got, err := c.more.AppendTo(&source.File{Name: "bpm.yml.erb", Data: []byte(c.have)})
		text := string(got)
		if err != nil {
			text = "! " + err.Error()
		}
		if diff := cmp.Diff(c.want, text); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	with, err := ruby.AppendTo(&source.File{Name: "bpm.yml.erb", Data: []byte("processes:\n- name: a\n  executable: /a\n  args: [x, 1]\n  env: {K: v}\n  hooks: {pre_start: /h}\n")})
	if err != nil || !strings.Contains(string(with), "'K' => 'v'") || !strings.Contains(string(with), "'pre_start' => '/h'") {
		t.Errorf("%s %v", with, err)
	}
}
