package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var needs = []Need{{Job: "web", Release: "web"}}

// manifests are the cases for adding bpm. Lines that start with "+" are the
// ones that come; without them the text is the file before.
var manifests = []struct{ name, text, err string }{
	{"usual", `---
name: d
releases:
- name: web
  version: 1
+- name: bpm
+  version: latest

# behind
stemcells: []
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
+  - name: bpm
+    release: bpm
- name: b
  jobs:
  - name: other
    release: web
update: {}
`, ""},
	{"indented lists", `releases:
  - name: web
    version: 1
+  - name: bpm
+    version: latest
instance_groups:
  - name: a
    jobs:
      - name: web
        release: web
        properties:
          a: b
+      - name: bpm
+        release: bpm
    networks: []
`, ""},
	{"wide gap behind the dash", `releases:
-   name: web
    version: 1
+-   name: bpm
+    version: latest
instance_groups:
-   name: a
    jobs:
    -   name: web
        release: web
+    -   name: bpm
+        release: bpm
`, ""},
	{"block scalar last, with a comment that is text", `releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
    properties:
      conf: |
        é

        # text
+  - name: bpm
+    release: bpm

# no text
update: {}
`, ""},
	{"at the end, comments behind", `instance_groups:
- name: a
  jobs:
  - name: web
    release: web # why
    # about nothing
+  - name: bpm
+    release: bpm
releases:
- name: web
  version: 1
+- name: bpm
+  version: latest

# the end
`, ""},
	{"flow items", `releases:
- {name: web, version: 1}
+- {name: bpm, version: latest}
instance_groups:
- name: a
  jobs:
  - {name: web, release: web}
+  - {name: bpm, release: bpm}
`, ""},
	{"bpm release there", `releases:
- name: web
  version: 1
- name: bpm
  version: "1.4.0"
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
+  - name: bpm
+    release: bpm
`, ""},
	{"all there", `releases:
- name: web
  version: 1
- name: bpm
  version: "1.4.0"
instance_groups:
- name: a
  jobs:
  - name: bpm
    release: bpm
  - name: web
    release: web
`, ""},
	{"an addon brings it", `releases: [{name: web, version: 1}]
addons:
- name: bpm
  jobs:
  - name: bpm
    release: bpm
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
`, ""},
	{"one list for two groups", `releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
instance_groups:
- name: a
  jobs: &jobs
  - name: web
    release: web
+  - name: bpm
+    release: bpm
- name: b
  jobs: *jobs
`, ""},
	{"a merged group", `base: &base
  jobs:
  - name: web
    release: web
+  - name: bpm
+    release: bpm
releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
instance_groups:
- <<: *base
  name: a
- <<: *base
  name: b
`, ""},
	{"windows group", `releases:
- name: web
  version: 1
stemcells:
- alias: w
  os: windows2019
instance_groups:
- name: a
  stemcell: w
  jobs:
  - name: web
    release: web
`, ""},
	{"other release's job of that name", `releases:
- name: web
  version: 1
instance_groups:
- name: a
  jobs:
  - name: web
    release: other
`, ""},
	{"filtered addon", `releases: [{name: web, version: 1}]
addons:
- name: bpm
  jobs: [{name: bpm, release: bpm}]
  include: {stemcell: [{os: ubuntu-jammy}]}
instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, "f.yml:3:3: an addon brings bpm to some groups only"},
	{"old form", `releases: [{name: web, version: 1}]
jobs:
- name: a
  templates: [{name: web, release: web}]
`, "f.yml:3:3: this manifest has the old jobs/templates form"},
	{"no releases", `instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, "f.yml:1:1: has no list of releases"},
	{"create-env", `cloud_provider: {}
releases: [{name: web, url: u, sha1: s}]
instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, "f.yml:2:11: a create-env manifest needs a url"},
	{"pipeline", "jobs:\n- name: web\n  plan: []\nresources: []\n", "f.yml:1:1: is no deployment manifest but: Concourse pipeline"},
}

func added(text string) (before, after string) {
	var b, a []string
	for _, l := range strings.SplitAfter(text, "\n") {
		if rest, ok := strings.CutPrefix(l, "+"); ok {
			a = append(a, rest)
		} else {
			a, b = append(a, l), append(b, l)
		}
	}
	return strings.Join(b, ""), strings.Join(a, "")
}

func addBPM(t *testing.T, text string) (string, error) {
	t.Helper()
	m, err := Read(&source.File{Name: "f.yml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	edits, _, err := m.AddBPM(needs, Pin{})
	if err != nil {
		return "", err
	}
	out, err := source.Apply([]byte(text), edits)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), nil
}

func TestAddBPM(t *testing.T) {
	for _, c := range manifests {
		before, after := added(c.text)
		for _, v := range []struct {
			name string
			edit func(string) string
		}{
			{"as is", func(s string) string { return s }},
			{"CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }},
			{"no final newline", func(s string) string { return strings.TrimSuffix(s, "\n") }},
		} {
			t.Run(c.name+"/"+v.name, func(t *testing.T) {
				got, err := addBPM(t, v.edit(before))
				if c.err != "" {
					if err == nil || !strings.HasPrefix(err.Error(), c.err) {
						t.Fatalf("got %v, want %q", err, c.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(v.edit(after), got); diff != "" {
					t.Error(diff)
				}
				if again, err := addBPM(t, got); err != nil || again != got {
					t.Errorf("a second time gives %v, %s", err, cmp.Diff(got, again))
				}
			})
		}
	}
}

// TestAddBPMInline has the cases that are not whole lines.
func TestAddBPMInline(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"flow lists", "releases: [{name: web, version: 1}] # r\ninstance_groups:\n- name: a\n  jobs: [ {name: web, release: web} ]\n",
			"releases: [{name: web, version: 1}, {name: bpm, version: latest}] # r\ninstance_groups:\n- name: a\n  jobs: [ {name: web, release: web}, {name: bpm, release: bpm} ]\n"},
		{"flow list over lines", "releases: [\n  {name: web, version: 1}, # ]\n]\ninstance_groups: [{name: a, jobs: [{name: web, release: web}]}]\n",
			"releases: [\n  {name: web, version: 1}, {name: bpm, version: latest} # ]\n]\ninstance_groups: [{name: a, jobs: [{name: web, release: web}, {name: bpm, release: bpm}]}]\n"},
		{"JSON", `{"releases": [{"name": "web", "version": "1"}], "instance_groups": [{"name": "a", "jobs": [{"name": "web", "release": "web"}]}]}`,
			`{"releases": [{"name": "web", "version": "1"}, {"name": "bpm", "version": "latest"}], "instance_groups": [{"name": "a", "jobs": [{"name": "web", "release": "web"}, {"name": "bpm", "release": "bpm"}]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := addBPM(t, c.text)
			if err != nil || got != c.want {
				t.Errorf("%v\n%s", err, cmp.Diff(c.want, got))
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, err string }{
		{"tab", "a:\n\tb: 1\n", "f.yml:2:1: found character that cannot start any token"},
		{"two documents", "a: 1\n---\nb: 2\n", "f.yml:2:1: a second YAML document"},
		{"latin1", "a: caf\xe9\n", "f.yml:1:7: not UTF-8"},
		{"duplicate key", "a: 1\nb: 2\na: 3\n", `f.yml:3:1: mapping key "a" already defined at line 1`},
		{"conflict", "a: 1\n<<<<<<< HEAD\nb: 2\n=======\n", "f.yml:"},
		{"cut off", "a: \"b\n", "f.yml:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(&source.File{Name: "f.yml", Data: []byte(c.text)})
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestSpanOf(t *testing.T) {
	text := `properties:
  plain: a é /x b
  quoted: "/x é"
  escaped: "\t/x"
  conf: |
    é

      /x
  # c
  keep: |2+
     /x

  folded: >
    a
    /x
`
	f := &source.File{Name: "f", Data: []byte(text)}
	var doc yaml.Node
	if err := yaml.Unmarshal(f.Data, &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"properties.plain": "f:2:14", "properties.quoted": "f:3:12", "properties.escaped": "f:4:12",
		"properties.conf": "f:8:7", "properties.keep": "f:11:6", "properties.folded": "f:13:11",
	}
	for _, v := range Values(f, doc.Content[0]) {
		i := strings.Index(v.Text, "/x")
		if got := v.SpanOf(i, i+2).String(); got != want[v.Path] {
			t.Errorf("%s: got %s, want %s", v.Path, got, want[v.Path])
		}
	}
}

func FuzzAddBPM(f *testing.F) {
	for _, c := range manifests {
		before, _ := added(c.text)
		f.Add(before)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Read(&source.File{Name: "f", Data: []byte(text)})
		if err != nil {
			return
		}
		for _, g := range m.Groups {
			for _, j := range g.Jobs {
				for _, v := range j.Values() {
					if s := v.SpanOf(0, len(v.Text)); s.Start < 0 || s.End > len(text) || s.Start > s.End {
						t.Fatalf("span %+v of %q", s, v.Text)
					}
				}
			}
		}
		edits, _, err := m.AddBPM(needs, Pin{})
		if err != nil || len(edits) == 0 {
			return
		}
		after, err := source.Apply([]byte(text), edits)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(&source.File{Name: "f", Data: after})
		if err != nil {
			t.Fatalf("the result cannot be read: %v", err)
		}
		if edits, _, err := again.AddBPM(needs, Pin{}); err != nil || len(edits) > 0 {
			t.Fatalf("a second time: %v, %v", edits, err)
		}
	})
}
