package manifest

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func TestSets(t *testing.T) {
	for _, c := range []struct{ name, op, want string }{
		{"a property of a job", `{path: "/instance_groups/name=a/jobs/name=web/properties/x?/y?", value: 1}`, "web/ x.y = 1"},
		{"in the old form", `{path: "/jobs/name=a/templates/name=web/properties/x", value: 1}`, "web/ x = 1"},
		{"of a group of the old form", `{path: "/jobs/name=a/properties/x", value: 1}`, "/ x = 1"},
		{"of a group", `{path: "/instance_groups/name=a/properties/x", value: 1}`, "/ x = 1"},
		{"of all jobs", `{path: /properties/x, value: 1}`, "/ x = 1"},
		{"all properties", `{path: "/instance_groups/name=a/jobs/name=web/properties?", value: {x: 1}}`, "web/  = {x: 1}"},
		{"an entry that is added", `{path: "/instance_groups/name=a/jobs/name=web/properties/x?/-", value: 1}`, "web/ x + - 1"},
		{"an entry by its name", `{path: "/instance_groups/name=a/jobs/name=web/properties/x/name=b?", value: {name: b}}`, "web/ x + - {name: b}"},
		{"a part of an entry", `{path: "/instance_groups/name=a/jobs/name=web/properties/x/name=b/y", value: 1}`, ""},
		{"an entry by its index", `{path: "/instance_groups/name=a/jobs/name=web/properties/x/0", value: 1}`, ""},
		{"a name with a slash", `{path: "/instance_groups/name=a/jobs/name=web/properties/x~1y", value: 1}`, "web/ x/y = 1"},
		{"a job", `{path: "/instance_groups/name=a/jobs/-", value: {name: web, release: shop, properties: {x: 1}}}`, "web/shop  = {x: 1}"},
		{"a group with jobs", `{path: "/instance_groups/-", value: {name: a, instances: 1, jobs: [{name: web, release: shop, properties: {x: 1}}]}}`, "web/shop  = {x: 1}"},
		{"something else", `{path: "/instance_groups/name=a/instances", value: 1}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Read(&source.File{Name: "ops.yml", Data: []byte("- " + strings.Replace(c.op, "{", "{type: replace, ", 1) + "\n")})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range m.Sets() {
				v, err := yaml.Marshal(s.Value)
				if err != nil {
					t.Fatal(err)
				}
				how := "="
				if s.Adds {
					how = "+"
				}
				got = append(got, s.Job+"/"+s.Release+" "+s.Property+" "+how+" "+strings.TrimSpace(string(v)))
			}
			if g := strings.Join(got, "; "); g != c.want {
				t.Errorf("%q, not %q", g, c.want)
			}
		})
	}
}
