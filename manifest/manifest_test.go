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
	{"the job there, but not the release", `releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
instance_groups:
- name: a
  jobs:
  - name: bpm
    release: bpm
  - name: web
    release: web
`, ""},
	{"the job there, releases from elsewhere", `instance_groups:
- name: a
  jobs:
  - name: bpm
    release: bpm
  - name: web
    release: web
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
	{"a merge key below what it replaces, as bosh reads it", `base: &base
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
- name: a
  jobs:
  - name: other
    release: web
  <<: *base
- <<: *base
  name: b
  jobs:
  - name: other
    release: web
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
	{"an addon whose filter lets one group through", `releases:
- {name: bpm, version: 1.1.0}
- {name: web, version: 1}
stemcells:
- {alias: j, os: ubuntu-jammy, version: latest}
- {alias: n, name: bosh-aws-xen-ubuntu-noble-go_agent, version: latest}
addons:
- name: bpm
  jobs: [{name: bpm, release: bpm}]
  include: {stemcell: [{os: ubuntu-jammy}]}
instance_groups:
- name: a
  stemcell: j
  jobs:
  - {name: web, release: web}
- name: b
  stemcell: n
  jobs:
  - {name: web, release: web}
+  - {name: bpm, release: bpm}
`, ""},
	{"an addon that excludes errands", `releases:
- {name: bpm, version: 1.1.0}
- {name: web, version: 1}
addons:
- name: bpm
  jobs: [{name: bpm, release: bpm}]
  exclude: {lifecycle: errand}
instance_groups:
- name: a
  jobs:
  - {name: web, release: web}
- name: b
  lifecycle: errand
  jobs:
  - {name: web, release: web}
+  - {name: bpm, release: bpm}
`, ""},
	{"an addon brings the job", `releases:
- {name: bpm, version: 1.1.0}
- {name: web, version: 1}
- {name: other, version: 1}
addons:
- name: everywhere
  jobs: [{name: web, release: web}]
  include: {jobs: [{name: special, release: other}]}
instance_groups:
- name: a
  jobs:
  - { name: plain, release: other }
- name: b
  jobs:
  - { name: special, release: other }
+  - { name: bpm, release: bpm }
`, ""},
	{"old form", `releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
jobs:
- name: a
  instances: 1
  templates:
  - release: web
    name: web
+  - release: bpm
+    name: bpm
  properties: {}
`, ""},
	{"old form, one template by name", `releases: [{name: web, version: 1}]
jobs:
- name: a
  release: web
  template: web
`, "f.yml:3:9: job a names its jobs with template:, which has no place for bpm"},
	{"old form, one release", `release: {name: web, version: 1}
jobs:
- name: a
  templates: [{name: web}]
`, "f.yml:1:10: the manifest has one release:"},
	{"jobs without their release", `releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
instance_groups:
- name: a
  jobs:
  - name: web   # the site
+    release: web
    properties: {port: 80}
  - properties: {}
    name: "other"
+    release: web
+  - name: bpm
+    release: bpm
- name: b
  jobs:
  - name: web
+    release: web
+  - name: bpm
+    release: bpm
`, ""},
	{"jobs without their release in the old form", `releases:
- name: web
  version: 1
+- name: bpm
+  version: latest
jobs:
- name: a
  instances: 1
  templates:
  - name: web
+    release: web
+  - name: bpm
+    release: bpm
`, ""},
	{"a job without its release that is a name only", `releases: [{name: web, version: 1}]
jobs:
- name: a
  templates: [web]
`, `f.yml:4:15: this item of templates is no mapping`},
	{"an addon whose job has no release", `releases: [{name: web, version: 1}]
addons: [{name: x, jobs: [{name: other}]}]
instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, `f.yml:2:27: job other does not say its release, which the Director needs once bpm is listed, too; add "release: web"`},
	{"bpm listed twice", `releases: [{name: bpm, version: 1}, {name: bpm, version: 2}]
instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, "f.yml:1:37: release bpm is listed twice, first in line 1"},
	{"a list shared with windows", `releases: [{name: web, version: 1}]
stemcells: [{alias: w, os: windows2019}]
instance_groups:
- name: a
  jobs: &j [{name: web, release: web}]
- name: b
  stemcell: w
  jobs: *j
`, "f.yml:6:9: instance group b shares its list of jobs"},
	{"quoted keys, nested lists, a comment behind the dash", `"releases":
- # the only one
  "name": web
  "version": "1"
+- "name": bpm
+  "version": latest
'instance_groups':
- 'name': a
  'jobs':
  - 'name': web
    'release': web
    'properties':
      list:
      - - a
        - b:
            - c
+  - 'name': bpm
+    'release': bpm
`, ""},
	{"aliases as items, anchors on items", `jobs:
- &web
  name: web
  release: web
releases:
- &r
  name: web
  version: 1
+- name: bpm
+  version: latest
instance_groups:
- &group
  name: a
  jobs:
  - &job
    name: web
    release: web
  - *web
+  - name: bpm
+    release: bpm
update: {}
`, ""},
	{"texts over several lines last", `releases:
- name: web
  version: "1
    2"
+- name: bpm
+  version: latest
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
    properties:
      a: one
        two # three
+  - name: bpm
+    release: bpm
- name: b
  jobs:
  - name: web
    release: web
    properties:
      a: 'it''s

        # no comment
        é'
+  - name: bpm
+    release: bpm
- name: c
  jobs:
  - name: web
    release: web
    properties: {a: [b, # ]
      "}"], c: it's}
+  - name: bpm
+    release: bpm
- name: d
  jobs:
  - name: web
    release: web
    properties: &empty
+  - name: bpm
+    release: bpm
`, ""},
	{"block scalars last, of every chomping", `releases:
- name: web
  version: |-
    1
+- name: bpm
+  version: latest

instance_groups:
- name: a
  jobs:
  - name: web
    release: web
    properties:
      a: |+ # keeps
        text

+  - name: bpm
+    release: bpm
- name: b
  jobs:
  - name: web
    release: web
    properties:
      a: >2-
          more
        # text
     # no text
+  - name: bpm
+    release: bpm
  # about networks
  networks: []
- name: c
  jobs:
  - name: web
    release: web
    properties:
      a: |
+  - name: bpm
+    release: bpm
`, ""},
	{"no releases", `instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, "f.yml:1:1: the manifest has no list of releases"},
	{"create-env", `cloud_provider: {}
releases: [{name: web, url: u, sha1: s}]
instance_groups:
- name: a
  jobs: [{name: web, release: web}]
`, "f.yml:2:11: a create-env manifest needs a url"},
	{"pipeline", "jobs:\n- name: web\n  plan: []\nresources: []\n", "f.yml:1:1: this is a Concourse pipeline or task, not a deployment manifest; give"},
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
		{"a job without its release", "releases: [{name: web, version: 1}]\ninstance_groups:\n- name: a\n  jobs: [{name: web, properties: {}}]\n",
			"releases: [{name: web, version: 1}, {name: bpm, version: latest}]\ninstance_groups:\n- name: a\n  jobs: [{name: web, release: web, properties: {}}, {name: bpm, release: bpm}]\n"},
		{"flow lists", "releases: [{name: web, version: 1}] # r\ninstance_groups:\n- name: a\n  jobs: [ {name: web, release: web} ]\n",
			"releases: [{name: web, version: 1}, {name: bpm, version: latest}] # r\ninstance_groups:\n- name: a\n  jobs: [ {name: web, release: web}, {name: bpm, release: bpm} ]\n"},
		{"flow list over lines", "releases: [\n  {name: web, version: 1}, # ]\n]\ninstance_groups: [{name: a, jobs: [{name: web, release: web}]}]\n",
			"releases: [\n  {name: web, version: 1},\n  {name: bpm, version: latest}, # ]\n]\ninstance_groups: [{name: a, jobs: [{name: web, release: web}, {name: bpm, release: bpm}]}]\n"},
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
		{"tab", "a:\n\tb: 1\n", "f.yml:2:1: found character that cannot start any token: a tab"},
		{"two documents", "a: 1\n---\nb: 2\n", "f.yml:2:1: a second YAML document"},
		{"latin1", "a: caf\xe9\n", "f.yml:1:7: byte 0xe9 is not UTF-8"},
		{"duplicate key", "a: 1\nb: 2\na: 3\n", `f.yml:3:1: key "a" is here twice, first in line 1`},
		{"conflict", "a: 1\n<<<<<<< HEAD\nb: 2\n=======\n", "f.yml:2:1: an unresolved merge conflict"},
		{"cut off", "a: 1\nb: [c,\n d]\ne:\n  f: \"b\n", "f.yml:5:3: not valid YAML"},
		{"wrong indentation", "a:\n  b: 1\n c: 2\n", "f.yml:3:2: not valid YAML: did not find expected key"},
		{"unknown anchor", "a: 1\nb: *c\n", "f.yml:2:1: not valid YAML: unknown anchor 'c'"},
		{"anchor in itself", "a: &a\n- *a\n", "f.yml:1:4: anchor a contains itself"},
		{"merge of a text", "a: b\n<<: c\n", "f.yml:2:5: << wants a mapping"},
		{"duplicate key in a flow", "a: {é: 1, b: 2, b: 3}\n", `f.yml:1:17: key "b" is here twice, first in line 1`},
		{"binary", "a: \x00\x01\n", "f.yml:1:4: control character U+0000"},
		{"second document broken", "a: 1\n---\nb: [\n", "f.yml:3:1: not valid YAML"},
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
		"properties.conf": "f:8:7", "properties.keep": "f:11:6", "properties.folded": "f:15:5",
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
