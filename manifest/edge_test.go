package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func mustRead(t *testing.T, text string) *Manifest {
	t.Helper()
	m, err := Read(&source.File{Name: "f.yml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAddBPMAtEOF has files that end without a line end, in a block scalar: its
// value must not gain one.
func TestAddBPMAtEOF(t *testing.T) {
	const head = "releases: [{name: web, version: 1}, {name: bpm, version: 1}]\ninstance_groups:\n- name: a\n  jobs:\n  - name: web\n    release: web\n    properties:\n"
	const tail = "\n  - name: bpm\n    release: bpm"
	for _, c := range []struct{ name, last, want string }{
		{"clip", "      a: |\n        é", "      a: |-\n        é"},
		{"indentation given", "      a: |1 # c\n         é", "      a: |-1 # c\n         é"},
		{"folded", "      a: >\n        b\n        c", "      a: >-\n        b\n        c"},
		{"strip", "      a: |-\n        é", "      a: |-\n        é"},
		{"keep", "      a: |2+\n          é", "      a: |2-\n          é"},
		{"no text", "      a: |", "      a: |"},
		{"plain", "      a: b # c", "      a: b # c"},
		{"comment", "      a: b\n      # c", "      a: b\n      # c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := addBPM(t, head+c.last)
			if err != nil || got != head+c.want+tail {
				t.Errorf("%v\n%s", err, cmp.Diff(head+c.want+tail, got))
			}
		})
	}
}

func TestAddBPMKeepsForm(t *testing.T) {
	for _, c := range []struct{ name, before, want string }{
		{"byte order mark", "\ufeffreleases:\n- name: web\n  version: 1\ninstance_groups: [{name: a, jobs: [{name: web, release: web}]}]\n",
			"\ufeffreleases:\n- name: web\n  version: 1\n- name: bpm\n  version: latest\ninstance_groups: [{name: a, jobs: [{name: web, release: web}, {name: bpm, release: bpm}]}]\n"},
		{"byte order mark before flow", "\ufeff{releases: [{name: web, version: 1}], instance_groups: [{name: é, jobs: [{name: web, release: web}]}]}",
			"\ufeff{releases: [{name: web, version: 1}, {name: bpm, version: latest}], instance_groups: [{name: é, jobs: [{name: web, release: web}, {name: bpm, release: bpm}]}]}"},
		{"JSON over lines", `{
  "releases": [
    {
      "name": "web", "version": "1"
    }
  ],
  "instance_groups": [
    {"name": "a", "jobs": [
      {"name": "web", "release": "web", "properties": {"re": "}\"]"}}
    ]}
  ]
}`, `{
  "releases": [
    {
      "name": "web", "version": "1"
    },
    {
      "name": "bpm",
      "version": "latest"
    }
  ],
  "instance_groups": [
    {"name": "a", "jobs": [
      {"name": "web", "release": "web", "properties": {"re": "}\"]"}},
      {"name": "bpm", "release": "bpm"}
    ]}
  ]
}`},
		{"flow with an anchor, a comma and plain quotes", "releases: &r [ { name: web, version: it's } , ]\ninstance_groups:\n- name: a\n  jobs: !!seq [\n    *x, { name: web, release: web } ] # ]\n",
			""},
		{"line separators are line ends", "x: \"a\u2028b\"\nreleases:\n- name: web # \u0085\n  version: 1\ninstance_groups:\n- name: a\n  jobs:\n  - name: web\n    release: web\n",
			"x: \"a\u2028b\"\nreleases:\n- name: web # \u0085\n  version: 1\n- name: bpm\n  version: latest\ninstance_groups:\n- name: a\n  jobs:\n  - name: web\n    release: web\n  - name: bpm\n    release: bpm\n"},
		{"blanks in the last line", "releases: [{name: bpm, version: 1}]\ninstance_groups:\n- name: a\n  jobs:\n  - name: web\n    release: web\n    properties:\n      a: |\n        é\n        ",
			"releases: [{name: bpm, version: 1}]\ninstance_groups:\n- name: a\n  jobs:\n  - name: web\n    release: web\n    properties:\n      a: |\n        é\n  - name: bpm\n    release: bpm\n        "},
		{"mixed line ends", "releases:\r\n- name: web\n  version: 1\ninstance_groups:\r\n- name: a\r\n  jobs:\r\n  - name: web\r\n    release: web\r\n",
			"releases:\r\n- name: web\n  version: 1\n- name: bpm\n  version: latest\ninstance_groups:\r\n- name: a\r\n  jobs:\r\n  - name: web\r\n    release: web\r\n  - name: bpm\r\n    release: bpm\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "" {
				c.before = "x: &x {name: x, release: web}\n" + c.before
				c.want = strings.Replace(c.before, "it's } ,", "it's }, { name: bpm, version: latest } ,", 1)
				c.want = strings.Replace(c.want, "release: web } ]", "release: web }, { name: bpm, release: bpm } ]", 1)
			}
			got, err := addBPM(t, c.before)
			if err != nil || got != c.want {
				t.Errorf("%v\n%s", err, cmp.Diff(c.want, got))
			}
		})
	}
}

func TestPin(t *testing.T) {
	const deployment = "releases:\n- name: web\n  version: 1\ninstance_groups: [{name: a, jobs: [{name: web, release: web}]}]\n"
	const createEnv = "cloud_provider: {}\n" + deployment
	for _, c := range []struct {
		name, text string
		pin        Pin
		want, err  string
	}{
		{"version", deployment, Pin{Version: "1.4.33"}, "- name: bpm\n  version: 1.4.33\n", ""},
		{"version like a number", deployment, Pin{Version: "1.10"}, "- name: bpm\n  version: \"1.10\"\n", ""},
		{"checksums", deployment, Pin{Version: "1.4.33", URL: "https://bosh.io/d/x?v=1.4.33", SHA1: "0123456789e5"},
			"- name: bpm\n  version: 1.4.33\n  url: https://bosh.io/d/x?v=1.4.33\n  sha1: \"0123456789e5\"\n", ""},
		{"url without version", deployment, Pin{URL: "https://x"}, "", "needs its version"},
		{"create-env", createEnv, Pin{URL: "file:///x"}, "- name: bpm\n  url: file:///x\n", ""},
		{"create-env without sha1", createEnv, Pin{URL: "https://x"}, "", "f.yml:3:1: a create-env manifest needs a sha1"},
		{"create-env with variables", createEnv, Pin{Variables: true}, "- name: bpm\n  url: \"((bpm_url))\"\n  sha1: \"((bpm_sha1))\"\n", ""},
		{"create-env with a url and a variable", createEnv, Pin{URL: "https://x", Variables: true}, "- name: bpm\n  url: https://x\n  sha1: \"((bpm_sha1))\"\n", ""},
		{"create-env without url", createEnv, Pin{Version: "1.4.33"}, "", "f.yml:3:1: a create-env manifest needs a url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			edits, changes, err := mustRead(t, c.text).AddBPM(needs, c.pin)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || edits[0].New != c.want || len(changes) != 2 {
				t.Errorf("%v %v\n%s", err, changes, cmp.Diff(c.want, edits[0].New))
			}
		})
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		text string
		kind Kind
	}{
		{"", Empty},
		{"---\n# nothing\n", Empty},
		{"just text\n", Unknown},
		{"- a\n", Unknown},
		{"name: d\nreleases: []\nupdate: {}\n", Unknown},
		{"instance_groups: []\n", Deployment},
		{"instance_groups: []\ncloud_provider: {}\n", CreateEnv},
		{"jobs: [{name: a, templates: []}]\n", V1Deployment},
		{"jobs: [{name: a, template: a, instances: 1}]\n", V1Deployment},
		{"- {type: replace, path: /a, value: 1}\n", OpsFile},
		{"azs: []\nvm_types: []\nnetworks: []\n", CloudConfig},
		{"releases: []\naddons: []\n", RuntimeConfig},
		{"resources: []\njobs: [{name: a, plan: []}]\n", Pipeline},
		{"platform: linux\nrun: {path: a}\n", Pipeline},
		{"name: r\ncommit_hash: a\njobs: [{name: a, version: a}]\n", ReleaseFile},
		{"name: j\ntemplates: {}\npackages: []\n", ReleaseFile},
		{"password: a\ncert: {ca: a, certificate: b}\n", VarsFile},
		{"name: (( merge ))\njobs: (( merge || [] ))\n", Template},
		{"instance_groups:\n- <<: (( merge ))\n", Template},
		{"instance_groups:\n- name: <%= name %>\n", Template},
		{"# <% if a %>\ninstance_groups: []\n# <% end %>\n", Template},
		{"<% if a %>\ninstance_groups: []\n<% end %>\n", Template},
		{"{{ if .a }}\ninstance_groups: []\n{{ end }}\n", Template},
		{"instance_groups:\n- name: ((a.b))((c))\n  x: (( a ))/(( b ))\n  y: ((a || b))\n", Deployment},
		{"instance_groups:\n- name: ((merge))\n  properties: {a: \"<%= b %>\", c: '{{ d }}'}\n", Deployment},
	} {
		m := mustRead(t, c.text)
		if m.Kind != c.kind {
			t.Errorf("%q is taken for: %s, want %s", c.text, m.Kind, c.kind)
		}
		if err := m.NotDeployment(); (err == nil) != m.Deploys() {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

func TestReadGroups(t *testing.T) {
	m := mustRead(t, `name: d
releases: [{name: web, version: "1"}]
stemcells: [{alias: s, os: ubuntu-jammy, version: latest}]
resource_pools: [{name: p, stemcell: {name: bosh-warden-boshlite-ubuntu-trusty-go_agent}}]
properties: {global: 1}
base: &base
  stemcell: s
  azs: [z1, z2]
  persistent_disk_type: large
instance_groups:
- <<: *base
  name: é
  instances: ((n))
  networks: [{name: default}]
  jobs:
  - {name: web, properties: {own: 1}}
  - {name: two, release: other}
- name: b
  lifecycle: errand
  persistent_disk: 0
  resource_pool: p
  properties: {group: 1}
  jobs: [{name: web, release: web}]
`)
	a, b := m.Groups[0], m.Groups[1]
	type seen struct {
		Name, Lifecycle, Instances, OS string
		Disk                           bool
		AZs, Networks                  []string
		Span, Job, Release, Properties string
	}
	see := func(g *Group) seen {
		var properties []string
		for _, j := range g.Jobs {
			for _, e := range entries(j.Properties) {
				properties = append(properties, e.key)
			}
		}
		return seen{g.Name, g.Lifecycle, g.Instances, g.OS, g.HasPersistentDisk, g.AZs, g.Networks,
			g.Span.String() + " " + g.Span.Text(), g.Jobs[0].Span.String(), g.Jobs[0].Release, strings.Join(properties, " ")}
	}
	for _, c := range []struct{ got, want seen }{
		{see(a), seen{"é", "service", "((n))", "ubuntu-jammy", true, []string{"z1", "z2"}, []string{"default"}, "f.yml:12:9 é", "f.yml:16:5", "web", "own global"}},
		{see(b), seen{"b", "errand", "", "ubuntu-trusty", false, nil, nil, "f.yml:18:9 b", "f.yml:23:10", "web", "global group"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSpanOfEveryByte holds each byte of decoded block scalars against the
// byte of the file that its span gives.
func TestSpanOfEveryByte(t *testing.T) {
	text := "a: |\n  é\n\n    x  \n  # no comment\n\nb: >2+\n   more é\n  folded\n  once\n\n  twice\n\n\n# c\nc: &x !!str |-\n\n  ü\nd:\n- - |1+\n     in\n\n- e\nf: |\n\ng: |+\n\n\nh: >-\n\n  x\n   y\n  z\n  \n"
	for _, v := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), "\ufeff" + text, "# \u2028\n" + text} {
		f := &source.File{Name: "f", Data: []byte(v)}
		var doc yaml.Node
		if err := yaml.Unmarshal(f.Data, &doc); err != nil {
			t.Fatal(err)
		}
		values := Values(f, doc.Content[0])
		if len(values) != 8 {
			t.Fatalf("%d values", len(values))
		}
		for _, v := range values {
			if v.Path != "d[1]" && len(v.block.at) != len(v.Text) {
				t.Errorf("%s: %q is not mapped", v.Path, v.Text)
			}
			for i := range len(v.Text) {
				got := v.SpanOf(i, i+1).Text()
				if got == "\r\n" || got == "\n" && v.Text[i] == ' ' {
					got = "\n"
				}
				if want := v.Text[i : i+1]; got != want && !(want == " " && got == "\n") {
					t.Errorf("%s: byte %d of %q is %q in the file", v.Path, i, v.Text, got)
				}
			}
			if whole := v.Span.Text(); !strings.Contains(whole, strings.TrimSpace(strings.SplitN(v.Text, "\n", 2)[0])) {
				t.Errorf("%s: span is %q", v.Path, whole)
			}
		}
	}
}

func TestValuePaths(t *testing.T) {
	m := mustRead(t, `instance_groups:
- name: a
  jobs:
  - name: web
    properties:
      base: &base {a: 1, b: [x, {c: "q\ty"}]}
      top:
        <<: *base
        a: 2
      "": ~
`)
	var got []string
	for _, v := range m.Groups[0].Jobs[0].Values() {
		got = append(got, v.Path+"="+v.Text+"@"+v.Span.Text())
	}
	want := []string{"base.a=1@1", "base.b[0]=x@x", "base.b[1].c=q\ty@\"q\\ty\"", "top.a=2@2", "top.b[0]=x@x", "top.b[1].c=q\ty@\"q\\ty\"", "=~@~"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRefusesWithPlace: whatever is wrong, the error is a place that a user
// can jump to.
func TestRefusesWithPlace(t *testing.T) {
	long := "name: d\ninstance_groups:\n" + strings.Repeat("- name: a\n  jobs: [{name: web,\n    release: web}]\n  text: \"over\n    lines\"\n", 300)
	_, err := Read(&source.File{Name: "f.yml", Data: []byte(long + "  broken: [\n" + strings.Repeat("- name: b\n", 50))})
	var syntax *source.SyntaxError
	if !errors.As(err, &syntax) || syntax.Span.Position().Line != 2+300*5+1 {
		t.Errorf("got %v", err)
	}
}

// TestMergesOfMerges would not end if each were followed as often as it is named.
func TestMergesOfMerges(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 {a: 1}\n")
	for i := range 60 {
		fmt.Fprintf(&b, "x%d: &x%d {<<: [*x%d, *x%d]}\n", i+1, i+1, i, i)
	}
	m := mustRead(t, b.String()+"instance_groups: [{<<: *x60, name: g, jobs: [{name: web, properties: {a: *x60}}]}]\n")
	if vs := m.Groups[0].Jobs[0].Values(); len(vs) != 1 || vs[0].Path != "a.a" {
		t.Errorf("got %v", vs)
	}
}
