package flag

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func TestProperty(t *testing.T) {
	for _, c := range []struct{ name, spec, want string }{
		{"none", "name: web\n", "name: web\n\nproperties:\n  bpm.enabled:\n    description: \"Enable Bosh Process Manager\"\n    default: false\n"},
		{"empty", "name: web\nproperties: {}\npackages: []\n", "name: web\nproperties:\n  bpm.enabled:\n    description: \"Enable Bosh Process Manager\"\n    default: false\npackages: []\n"},
		{"nothing behind the key", "name: web\nproperties:\n", "name: web\nproperties:\n  bpm.enabled:\n    description: \"Enable Bosh Process Manager\"\n    default: false\n"},
		{"in front", "properties:\n  web.port:\n    description: The port\n  # why\n  web.host:\n    description: 'The host'\n",
			"properties:\n  bpm.enabled:\n    description: Enable Bosh Process Manager\n    default: false\n  web.port:\n    description: The port\n  # why\n  web.host:\n    description: 'The host'\n"},
		{"apart", "properties:\n    # the port\n    web.port:\n        default: 1\n        description: \"x\"\n\n    web.host:\n        default: h\n        description: \"y\"\n",
			"properties:\n    bpm.enabled:\n        default: false\n        description: \"Enable Bosh Process Manager\"\n\n    # the port\n    web.port:\n        default: 1\n        description: \"x\"\n\n    web.host:\n        default: h\n        description: \"y\"\n"},
		{"an anchor", "properties:\n  web.port: &port\n    description: \"x\"\n",
			"properties:\n  bpm.enabled:\n    description: \"Enable Bosh Process Manager\"\n    default: false\n  web.port: &port\n    description: \"x\"\n"},
		{"sorted", "properties:\n  a:\n    description: \"x\"\n  b:\n    description: \"x\"\n  c:\n    description: \"x\"\n",
			"properties:\n  a:\n    description: \"x\"\n  b:\n    description: \"x\"\n  bpm.enabled:\n    description: \"Enable Bosh Process Manager\"\n    default: false\n  c:\n    description: \"x\"\n"},
		{"sorted, and last", "properties:\n  a:\n    description: x\n  b:\n    description: x\n  bb:\n    description: |\n      x\n\n      y\n\npackages: []\n",
			"properties:\n  a:\n    description: x\n  b:\n    description: x\n  bb:\n    description: |\n      x\n\n      y\n  bpm.enabled:\n    description: Enable Bosh Process Manager\n    default: false\n\npackages: []\n"},
		{"sorted, last, no end of the line", "properties:\n  a:\n    description: x\n  b:\n    description: x\n  bb:\n    description: x",
			"properties:\n  a:\n    description: x\n  b:\n    description: x\n  bb:\n    description: x\n  bpm.enabled:\n    description: Enable Bosh Process Manager\n    default: false\n"},
		{"no indentation of the texts", "properties:\n  z: {description: x}\n", "properties:\n  bpm.enabled:\n    description: \"Enable Bosh Process Manager\"\n    default: false\n  z: {description: x}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &source.File{Name: "jobs/web/spec", Data: []byte(c.spec)}
			edit, err := Flag{Default, '"'}.Property(f)
			if err != nil {
				t.Fatal(err)
			}
			got, err := source.Apply(f.Data, []source.Edit{edit})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckNameWords(t *testing.T) {
	for name, ok := range map[string]bool{Default: true, "use_bpm": true, "bpm.only": true, "on": false, "bpm.on": false, "True.bpm": false, "bpm.null": false, "9x!": false} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPropertyRefuses(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{"properties:\n  bpm.enabled:\n    default: 1\n", "spec:2:3: the job has property bpm.enabled already"},
		{"properties:\n  a: {}\n  bpm:\n    default: {}\n", "spec:3:3: the job has property bpm already"},
		{"properties:\n  bpm.enabled.x: {}\n", "spec:2:3: the job has property bpm.enabled.x already"},
		{"properties: {a: {}}\n", "spec:1:13: the properties are written as {a: b}"},
		{"properties: [a]\n", "spec:1:13: this is no mapping"},
		{"properties: &x\n", "this is no mapping"},
		{"a: [\n", "did not find expected"},
		{"{a: b}\n", "no mapping in the block form"},
	} {
		edit, err := Flag{Default, '"'}.Property(&source.File{Name: "spec", Data: []byte(c.spec)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %+v", c.spec, err, edit)
		}
	}
}
