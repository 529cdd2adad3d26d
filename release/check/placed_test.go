package check

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cppforlife/go-patch/patch"
	"github.com/rogpeppe/go-internal/txtar"
	yaml2 "gopkg.in/yaml.v2"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestPlaced holds the release in each testdata/placed/*.txtar against the
// manifests at its top. "want" is what is found.
func TestPlaced(t *testing.T) {
	golden.Cases(t, "testdata/placed/*.txtar", func(t *testing.T, files []txtar.File) string {
		all := maps.Clone(common)
		var manifests []*source.File
		for _, f := range files {
			switch {
			case filepath.Ext(f.Name) == ".yml" && !strings.Contains(f.Name, "/"):
				manifests = append(manifests, &source.File{Name: f.Name, Data: f.Data})
			default:
				all[f.Name] = string(f.Data)
			}
		}
		r := load(t, all)
		var b strings.Builder
		for _, f := range manifests {
			for _, d := range placedIn(t, r, f) {
				fmt.Fprintf(&b, "%s: %s: %s\n    %s\n", d.Span, d.Severity, d.ID, strings.ReplaceAll(d.Message, "\n", "\n    "))
				if d.Fix != "" {
					fmt.Fprintf(&b, "    fix: %s\n", strings.ReplaceAll(strings.TrimSpace(d.Fix), "\n", "\n         "))
				}
				for _, s := range d.Related {
					fmt.Fprintf(&b, "    also %s\n", s)
				}
			}
		}
		return b.String()
	})
}

func load(t *testing.T, files map[string]string) *release.Release {
	t.Helper()
	dir := t.TempDir()
	for n, text := range files {
		golden.Write(t, dir, n, []byte(text))
	}
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// placedIn is what is found of all jobs that a manifest places.
func placedIn(t *testing.T, r *release.Release, f *source.File) []source.Diagnostic {
	t.Helper()
	m, err := manifest.Read(f)
	if err != nil || !m.Deploys() {
		t.Fatal(f.Name, m.Kind, err)
	}
	placer := NewPlacer(r)
	p := Placement{GroupsKey: m.GroupsKey()}
	if b := m.BPMRelease(); b != nil {
		p.BPM, p.BPMSpan = b.Version, b.Span
	}
	var all []source.Diagnostic
	for _, g := range m.Groups {
		for _, j := range g.Jobs {
			p.Job, p.Group = j, g
			all = append(all, placer.Placed(p)...)
		}
	}
	return all
}

// TestPlacedOps applies the ops that the findings print: after them there is
// nothing left to find.
func TestPlacedOps(t *testing.T) {
	files := maps.Clone(common)
	files["jobs/web/templates/bpm.yml.erb"] += "  persistent_disk: true\n  shutdown_signal: INT\n"
	r := load(t, files)
	f := &source.File{Name: "m.yml", Data: []byte(`name: d
releases: [{name: web, version: 1}, {name: bpm, version: 1.1.9}]
instance_groups:
- name: web-z1
  jobs: [{name: web, release: web}]
stemcells: []
`)}
	found := placedIn(t, r, f)
	if len(found) != 2 {
		t.Fatal(found)
	}
	var tree any
	if err := yaml2.Unmarshal(f.Data, &tree); err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		var defs []patch.OpDefinition
		if err := yaml2.Unmarshal([]byte(d.Fix), &defs); err != nil || len(defs) == 0 {
			t.Fatalf("no op in %q: %v", d.Fix, err)
		}
		ops, err := patch.NewOpsFromDefinitions(defs)
		if err != nil {
			t.Fatal(err)
		}
		if tree, err = ops.Apply(tree); err != nil {
			t.Fatal(err)
		}
	}
	data, err := yaml2.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if left := placedIn(t, r, &source.File{Name: "m.yml", Data: data}); len(left) > 0 {
		t.Error(left)
	}
}

// TestBPMVersions asks which versions are too old for shutdown_signal, which came
// with 1.1.14.
func TestBPMVersions(t *testing.T) {
	files := maps.Clone(common)
	files["jobs/web/templates/bpm.yml.erb"] += "  shutdown_signal: INT\n"
	r := load(t, files)
	for version, old := range map[string]bool{
		"": false, "latest": false, "1.latest": false, "((bpm))": false, "create": false, "abc": false, "1": false,
		"1.1.9": true, "1.1.13": true, "1.1.14": false, "1.10.0": false, "1.4.33": false, "0.9.0": true, "v1.1.9": true,
		// a build on the way to 1.1.14 may have it, one after 1.1.13 as well
		"1.1.14-rc.1": false, "1.1.13+dev.5": false,
	} {
		t.Run(version, func(t *testing.T) {
			m := "name: d\nreleases: [{name: web, version: 1}, {name: bpm, version: '" + version + "'}]\nstemcells: []\ninstance_groups: [{name: a, jobs: [{name: web, release: web}]}]\n"
			found := placedIn(t, r, &source.File{Name: "m.yml", Data: []byte(m)})
			if got := len(found) > 0; got != old {
				t.Errorf("%v", found)
			}
		})
	}
}

// TestConditions decides conditions. Every line of the template that is reached
// has a yes, one that is not a no, what is not known a maybe.
func TestConditions(t *testing.T) {
	const template = `
<% if p('on') %>yes<% else %>no<% end %>
<% unless p('on') %>no<% else %>yes<% end %>
<% if p('off') || p('list').empty? %>no<% elsif p('name') == 'web' %>yes<% else %>no<% end %>
<% if p('off') && p('variable') %>no<% end %>
<% if p('on') || p('variable') %>yes<% end %>
<% if p('variable') %>maybe<% else %>maybe<% end %>
<% if !p('variable').nil? %>maybe<% end %>
<% if p('none', nil) %>no<% end %>
<% if p('none', 'x') == 'x' %>yes<% end %>
<% if p('none') %>maybe<% end %>
<% if_p('name', 'on') do |n, o| %>yes<% end.else do %>no<% end %>
<% if_p('name', 'none') do |n, o| %>no<% end.else do %>yes<% end %>
<% if_p('variable') do |v| %>maybe<% end %>
<% if link('db').p('on') %>maybe<% end %>
<% if properties.deep.on %>yes<% end %>
<% if properties.deep.none %>no<% end %>
<% p('list').each do |x| %>yes<% end %>
<% p('default_list').each do |x| %>no<% end %>
<% ['a'].each_with_index do |x, i| %>yes<% end %>
<% p('variable').each do |x| %>maybe<% end %>
<% 3.times do %>maybe<% end %>
<% once = p('off') %><% if once %>no<% end %>
<% twice = p('off'); twice = true %><% if twice %>maybe<% end %>
<% perhaps = nil; perhaps = true if p('on') %><% if perhaps %>maybe<% end %>
<% if p('word') %>yes<% end %>
<% if p('number') == 0 %>yes<% end %>
<% if p('default') %>yes<% end %>
<% if p('on') %><% if p('off') %>no<% end %><% end %>
<%= { 'a' => 'yes' } if p('on') %>
<%= { 'a' => 'no' } unless p('on') %>
`
	files := maps.Clone(common)
	files["jobs/web/spec"] += "properties:\n  default: {default: true}\n  default_list: {default: []}\n  none: {}\n"
	r := load(t, files)
	m, err := manifest.Read(&source.File{Name: "m.yml", Data: []byte(`name: d
releases: [{name: web, version: 1}]
stemcells: []
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
    properties: {"on": true, "off": false, list: [a], name: web, variable: ((v)), deep: {"on": 1}, word: "false", number: 0}
`)})
	if err != nil {
		t.Fatal(err)
	}
	d := newDeployment(m.Groups[0].Jobs[0], r.Job("web").Spec, map[*source.File]*conditions{})
	f := &source.File{Name: "t", Data: []byte(template)}
	names := []string{no: "no", maybe: "maybe", yes: "yes"}
	marks := regexp.MustCompile(`[>'](yes|no|maybe)[<']`).FindAllSubmatchIndex(f.Data, -1)
	if len(marks) < 30 {
		t.Fatal(len(marks))
	}
	for _, at := range marks {
		want := string(f.Data[at[2]:at[3]])
		if got := names[d.at(f, at[2])]; got != want {
			line := f.Data[f.LineStart(at[2]):f.LineEnd(at[2])]
			t.Errorf("%s, not %s: %s", got, want, line)
		}
	}
}
