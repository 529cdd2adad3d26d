package flag

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func TestDropProperty(t *testing.T) {
	for _, c := range []struct{ name, spec, want string }{
		{"first", "properties:\n  bpm.enabled:\n    description: \"x\"\n    default: false\n\n  a:\n    default: 1\n", "properties:\n  a:\n    default: 1\n"},
		{"last", "properties:\n  a:\n    default: 1\n  bpm.enabled:\n    description: >\n      x\n\n      y\n    default: false\n", "properties:\n  a:\n    default: 1\n"},
		{"last, apart", "properties:\n  a:\n    default: 1\n\n  bpm.enabled:\n    default: false\n", "properties:\n  a:\n    default: 1\n"},
		{"between", "properties:\n  a:\n    default: 1\n\n  # whether bpm starts it\n  bpm.enabled:\n    default: false\n\n  b:\n    default: 1\n", "properties:\n  a:\n    default: 1\n\n  b:\n    default: 1\n"},
		{"a comment about others", "properties:\n  # process control\n  bpm.enabled:\n    default: false\n  b: {}\n", "properties:\n  # process control\n  b: {}\n"},
		{"only one", "name: a\nproperties:\n  bpm.enabled:\n    default: false\npackages: []\n", "name: a\nproperties: {}\npackages: []\n"},
		{"a flow value", "properties:\n  bpm.enabled: {default: false}\n  a: {}\n", "properties:\n  a: {}\n"},
		{"a flow mapping", "properties: {a: {}, bpm.enabled: {default: false}, b: {}}\n", "properties: {a: {}, b: {}}\n"},
		{"last of a flow mapping", "properties: {a: {}, bpm.enabled: {default: false}}\n", "properties: {a: {}}\n"},
		{"none", "properties:\n  a: {}\n", "properties:\n  a: {}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &source.File{Name: "spec", Data: []byte(c.spec)}
			edits, err := DropProperty(f, property)
			if err != nil {
				t.Fatal(err)
			}
			got, err := source.Apply(f.Data, edits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDropEntry(t *testing.T) {
	for _, c := range []struct{ name, job, want string }{
		{"with others", "name: web\nproperties:\n  bpm:\n    enabled: true\n  port: 1\n", "name: web\nproperties:\n  port: 1\n"},
		{"with others below", "name: web\nproperties:\n  bpm:\n    enabled: true\n    x: 1\n", "name: web\nproperties:\n  bpm:\n    x: 1\n"},
		{"alone", "name: web\nproperties:\n  bpm:\n    enabled: true\nrelease: web\n", "name: web\nproperties: {}\nrelease: web\n"},
		{"flow, alone", "{name: web, properties: {bpm: {enabled: true}}, release: web}\n", "{name: web, properties: {}, release: web}\n"},
		{"flow below, alone", "name: web\nproperties: {bpm: {enabled: true}}\n", "name: web\nproperties: {}\n"},
		{"with a comment", "name: web\nproperties:\n  bpm:\n    # why\n    enabled: true\n  port: 1\n", "name: web\nproperties:\n  port: 1\n"},
		{"flow below", "name: web\nproperties:\n  bpm: {enabled: true}\n  port: 1\n", "name: web\nproperties:\n  port: 1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &source.File{Name: "m", Data: []byte(c.job)}
			var root yaml.Node
			if err := yaml.Unmarshal(f.Data, &root); err != nil {
				t.Fatal(err)
			}
			edits, err := DropEntry(f, root.Content, "properties", "bpm", "enabled")
			if err != nil {
				t.Fatal(err)
			}
			got, err := source.Apply(f.Data, edits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
