package opsfiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
)

// flagged are manifests that run a job with a flag, and the path at which an
// ops-file sets it, which is "" where it cannot.
var flagged = []struct{ name, text, path, left string }{
	{"own properties", simple, "/instance_groups/name=a/jobs/name=web/properties/bpm?/enabled?", ""},
	{"none at all", strings.Replace(simple, "    properties: {port: 80}\n", "", 1), "/instance_groups/name=a/jobs/name=web/properties?/bpm?/enabled?", ""},
	{"those of the group", strings.Replace(simple, "    properties: {port: 80}\n", "  properties: {port: 80}\n", 1), "/instance_groups/name=a/properties?/bpm?/enabled?", ""},
	{"those of the manifest", strings.Replace(simple, "    properties: {port: 80}\n", "", 1) + "properties: {port: 80}\n", "/instance_groups/name=a/properties?/bpm?/enabled?", ""},
	{"false so far", strings.Replace(simple, "{port: 80}", "{bpm: {enabled: false}}", 1), "/instance_groups/name=a/jobs/name=web/properties/bpm?/enabled?", ""},
	{"true so far", strings.Replace(simple, "{port: 80}", "{bpm: {enabled: true}}", 1), "/instance_groups/name=a/jobs/name=web/properties/bpm?/enabled?", ""},
	{"with bpm", strings.Replace(simple, "    properties: {port: 80}\n", "  - {name: bpm, release: bpm}\n", 1), "/instance_groups/name=a/jobs/name=web/properties?/bpm?/enabled?", ""},
	{"an addon brings bpm", simple + "addons:\n- name: bpm\n  jobs:\n  - {name: bpm, release: bpm}\n", "/instance_groups/name=a/jobs/name=web/properties/bpm?/enabled?", "addon bpm brings bpm"},
	{"old form", "releases: [{name: web, version: 1}]\njobs:\n- name: a\n  instances: 1\n  templates:\n  - {name: web, release: web}\n  properties: {port: 80}\n", "/jobs/name=a/properties?/bpm?/enabled?", ""},
	{"a variable", strings.Replace(simple, "{port: 80}", "((properties))", 1), "", "bpm.enabled of job web: properties is no mapping there"},
	{"a variable below", strings.Replace(simple, "{port: 80}", "{bpm: ((bpm))}", 1), "", "bpm.enabled of job web: bpm is no mapping there"},
	{"an addon", strings.Replace(simple, "name: web\n    release", "name: else\n    release", 1) + "addons:\n- name: web\n  jobs:\n  - {name: web, release: web}\n", "", "bpm.enabled of job web: an addon places the job"},
}

func TestTurnOn(t *testing.T) {
	o := options
	o.TurnOn = true
	o.Needs = []manifest.Need{{Job: "web", Release: "web", Flag: "bpm.enabled"}}
	for _, c := range flagged {
		t.Run(c.name, func(t *testing.T) {
			m := read(t, "m.yml", c.text)
			p, err := planFor(m, o)
			if err != nil {
				t.Fatal(err)
			}
			files, err := Generate([]*manifest.Manifest{m}, o)
			if err != nil {
				t.Fatal(err)
			}
			left := ""
			for _, s := range p.skipped {
				left += s.Reason
			}
			if !strings.Contains(left, c.left) || c.left == "" && left != "" {
				t.Errorf("left alone: %q", left)
			}
			if c.path == "" {
				if len(files) > 0 {
					t.Errorf("%s", files[0].Data)
				}
				return
			}
			if len(files) != 1 || !strings.Contains(string(files[0].Data), "path: "+c.path+"\n  value: true\n") {
				t.Fatalf("%v", files)
			}
			if n := strings.Count(string(files[0].Data), "enabled?"); n != 1 {
				t.Errorf("set %d times", n)
			}
			if said := strings.Contains(string(files[0].Data), "bpm.enabled (the manifest says false)"); said != (c.name == "false so far") {
				t.Errorf("it says that the manifest says no: %v\n%s", said, files[0].Data)
			}
			bosh := realBosh(t)
			dir := t.TempDir()
			write := func(name string, data []byte) string {
				p := filepath.Join(dir, name)
				if err := os.WriteFile(p, data, 0o600); err != nil {
					t.Fatal(err)
				}
				return p
			}
			ops := write("ops.yml", files[0].Data)
			once := interpolate(t, bosh, write("m.yml", []byte(c.text)), ops)
			if twice := interpolate(t, bosh, write("once.yml", once), ops); string(twice) != string(once) {
				t.Errorf("twice:\n%s\nonce:\n%s", twice, once)
			}
			// the job sees what it saw, and the flag
			job := read(t, "once.yml", string(once)).Groups[0].Jobs[0]
			if n, _ := job.Property("bpm.enabled"); n == nil || n.Value != "true" {
				t.Errorf("the job does not see it:\n%s", once)
			}
			was, _ := m.Groups[0].Jobs[0].Property("port")
			if now, _ := job.Property("port"); was != nil && (now == nil || now.Value != was.Value) {
				t.Errorf("the job has lost a property:\n%s", once)
			}
		})
	}
}

// TestTurnOnByDefault has jobs whose flag needs no op.
func TestTurnOnByDefault(t *testing.T) {
	o := options
	o.TurnOn = true
	o.Needs = []manifest.Need{{Job: "web", Release: "web", Flag: "web.use_bpm", Default: true}}
	files, err := Generate([]*manifest.Manifest{read(t, "m.yml", simple)}, o)
	if err != nil || len(files) != 1 || strings.Contains(string(files[0].Data), "use_bpm") {
		t.Errorf("%v %v", err, files)
	}
}
