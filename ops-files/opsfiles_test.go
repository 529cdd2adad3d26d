package opsfiles

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var options = Options{
	Tool: "bosh-bpmify 1.0.0", Release: "web", OutName: "generated-bpm-ops.yml",
	Needs: []manifest.Need{{Job: "web", Release: "web"}},
}

const simple = `name: d
releases:
- name: web
  version: "1"
instance_groups:
- name: a
  jobs:
  - name: web
    release: web
    properties: {port: 80}
- name: b
  jobs:
  - name: other
    release: web
`

const bpmRelease = "releases:\n- name: bpm\n  version: \"1.4.0\"\n"

var inputs = map[string]string{
	"simple":       simple,
	"two groups":   simple + "- name: c\n  jobs:\n  - name: web\n    release: web\n",
	"has bpm":      strings.Replace(simple, "    properties: {port: 80}\n", "  - name: bpm\n    release: bpm\n", 1),
	"pinned":       strings.Replace(simple, "releases:\n", bpmRelease, 1),
	"pinned, has":  strings.Replace(strings.Replace(simple, "releases:\n", bpmRelease, 1), "    properties: {port: 80}\n", "  - name: bpm\n    release: bpm\n", 1),
	"own settings": strings.Replace(simple, "    properties: {port: 80}\n", "  - name: bpm\n    release: bpm\n    properties: {a: b}\n", 1) + "- name: c\n  jobs:\n  - name: web\n    release: web\n",
	"odd name":     strings.Replace(simple, "name: a", "name: a/b~1:c=?d é", 1),
	"shared":       strings.Replace(simple, "  jobs:\n  - name: web", "  jobs: &jobs\n  - name: web", 1) + "- {name: c, jobs: *jobs}\n",
	"number pin":   strings.Replace(simple, "releases:\n", "releases:\n- name: bpm\n  version: 1.10\n", 1),
	"compiled pin": strings.Replace(simple, "releases:\n", "releases:\n- name: bpm\n  version: \"1.4.0\"\n  stemcell: {os: ubuntu-jammy, version: \"1.1\"}\n", 1),
	"variable pin": strings.Replace(simple, "releases:\n", "releases:\n- {sha1: ((sum)), name: bpm, version: ((version))}\n", 1),
	"no list":      "instance_groups: [{name: a, jobs: [{name: web, release: web}, {name: bpm, release: bpm}]}]\n",
	"old form":     "releases: [{name: web, version: 1}]\njobs:\n- name: a\n  instances: 1\n  templates:\n  - {name: web, release: web}\n",
	"old key":      "releases: [{name: web, version: 1}]\ninstance_groups:\n- name: a\n  templates:\n  - {name: web, release: web}\n",
	"CRLF":         strings.ReplaceAll(simple, "\n", "\r\n"),
	"no newline":   strings.TrimSuffix(simple, "\n"),
	"BOM":          "\ufeff" + simple,
	"variables":    strings.Replace(simple, "80", "((port))", 1),
}

func read(t *testing.T, name, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(&source.File{Name: name, Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func realBosh(t *testing.T) string {
	t.Helper()
	if b := os.Getenv("BPMIFY_BOSH"); b != "" {
		return b
	}
	if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
		t.Fatal("BPMIFY_BOSH does not name a bosh; scripts/test builds one")
	}
	t.Skip("BPMIFY_BOSH does not name a bosh")
	return ""
}

func interpolate(t *testing.T, bosh, manifest, ops string) []byte {
	t.Helper()
	args := []string{"int", manifest}
	if ops != "" {
		args = append(args, "-o", ops)
	}
	out, err := exec.Command(bosh, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("bosh %v: %v\n%s", args, err, out)
	}
	return out
}

// TestRealBosh applies each generated file with the real bosh: it gives what
// editing in place gives, twice the same as once, and nothing where bpm is.
func TestRealBosh(t *testing.T) {
	bosh := realBosh(t)
	for name, text := range inputs {
		t.Run(name, func(t *testing.T) {
			m := read(t, "m.yml", text)
			files, err := Generate([]*manifest.Manifest{m}, options)
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			dir := t.TempDir()
			write := func(name string, data []byte) string {
				p := filepath.Join(dir, name)
				if err := os.WriteFile(p, data, 0o600); err != nil {
					t.Fatal(err)
				}
				return p
			}
			edits, _, err := m.AddBPM(options.Needs, manifest.Pin{})
			if err != nil {
				t.Fatal(err)
			}
			after, err := source.Apply(m.File.Data, edits)
			if err != nil {
				t.Fatal(err)
			}
			ops := write("ops.yml", files[0].Data)
			once := interpolate(t, bosh, write("m.yml", m.File.Data), ops)
			edited := write("edited.yml", after)
			for what, got := range map[string][]byte{
				"twice":                 interpolate(t, bosh, write("once.yml", once), ops),
				"edited in place":       interpolate(t, bosh, edited, ""),
				"over the edited place": interpolate(t, bosh, edited, ops),
			} {
				if !bytes.Equal(once, got) {
					t.Errorf("%s differs:\n%s\nonce:\n%s", what, got, once)
				}
			}
			if len(edits) == 0 && !bytes.Equal(once, interpolate(t, bosh, write("m.yml", m.File.Data), "")) {
				t.Error("not a no-op where bpm is there already")
			}
			// what is generated from the edited manifest is the same file
			again, err := Generate([]*manifest.Manifest{read(t, "m.yml", string(after))}, options)
			if err != nil || !bytes.Equal(again[0].Data, files[0].Data) {
				t.Errorf("generated again: %v\n%s", err, again[0].Data)
			}
		})
	}
}

func TestGroupsThatDiffer(t *testing.T) {
	files, err := Generate([]*manifest.Manifest{
		read(t, "manifests/big.yml", inputs["two groups"]),
		read(t, "manifests/one.yml", simple),
		read(t, "manifests/two.yml", inputs["variables"]),
	}, options)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Name+": "+strings.Join(f.Manifests, " "))
	}
	want := "generated-bpm-ops.yml: manifests/one.yml manifests/two.yml|generated-bpm-ops-big.yml: manifests/big.yml"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestHeader(t *testing.T) {
	files, err := Generate([]*manifest.Manifest{read(t, "manifests/m.yml", inputs["own settings"])}, options)
	if err != nil {
		t.Fatal(err)
	}
	text := string(files[0].Data)
	for _, want := range []string{
		"---\n# Generated by bosh-bpmify 1.0.0 for release web.\n",
		"#   c: runs job web of release web\n",
		"# Left alone:\n#   a in manifests/m.yml: it has a bpm job that says more than name and release\n",
		"#   manifests/m.yml\n", "# op 0: the bpm release\n", "# op 1: bpm in instance group c\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "name=a/") {
		t.Errorf("group a must be left alone:\n%s", text)
	}
	if !Generated(files[0].Data) || Generated([]byte("---\n- type: replace\n")) {
		t.Error("Generated does not tell our files from others")
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ name, text, err string }{
		{"group with a question mark", strings.Replace(simple, "name: a", "name: a?", 1), `m.yml:6:9: the name of instance group "a?"`},
		{"group with a number for a name", strings.Replace(simple, "name: a", "name: 007", 1), `m.yml:6:9: the name of instance group "007" is no text`},
		{"two groups of one name", strings.Replace(simple, "name: b", "name: a", 1), `m.yml:6:9: two instance groups are called "a"`},
		{"ops-file", "- type: remove\n  path: /a\n", "m.yml:1:1: this is an ops-file, not a deployment manifest"},
		{"create-env", simple + "cloud_provider: {}\n", "m.yml:3:1: a create-env manifest needs a url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Generate([]*manifest.Manifest{read(t, "m.yml", c.text)}, options)
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

// TestSharedElsewhere: the list that two groups take over from a place of its
// own gains bpm there when it is edited; the ops change the groups only.
func TestSharedElsewhere(t *testing.T) {
	text := "base: &base {jobs: [{name: web, release: web}]}\n" +
		strings.Replace(simple, "    properties: {port: 80}\n", "  <<: *base\n", 1) + "- {<<: *base, name: c}\n"
	files, err := Generate([]*manifest.Manifest{read(t, "m.yml", text)}, options)
	if err != nil || len(files) != 1 || strings.Join(files[0].Groups, " ") != "a c" {
		t.Errorf("%v, %v", files, err)
	}
}

// TestLeftAlone: a manifest that no ops-file can serve does not keep the
// others from getting theirs, and is named.
func TestLeftAlone(t *testing.T) {
	files, err := Generate([]*manifest.Manifest{
		read(t, "/home/me/create-env.yml", "cloud_provider: {}\n"+simple),
		read(t, "m.yml", simple),
		read(t, "other.yml", strings.ReplaceAll(simple, "name: web", "name: different")),
	}, options)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	want := "# Left alone:\n#   create-env.yml: a create-env manifest needs a url"
	if !strings.Contains(string(files[0].Data), want) || strings.Contains(string(files[0].Data), "/home") || strings.Contains(string(files[0].Data), "other.yml") {
		t.Errorf("%s", files[0].Data)
	}
}

// TestStates has what leaves a group alone.
func TestStates(t *testing.T) {
	text := `releases: [{name: bpm, version: "1.4.0", url: https://x, sha1: 0e1}, {name: web, version: 1}]
stemcells: [{alias: w, os: windows2019}, {alias: j, os: ubuntu-jammy}]
addons:
- name: bpm on jammy
  jobs: [{name: bpm, release: bpm}]
  include: {stemcell: [{os: ubuntu-jammy}]}
instance_groups:
- {name: win, stemcell: w, jobs: [{name: web, release: web}]}
- {name: covered, stemcell: j, jobs: [{name: web, release: web}]}
- {name: twice, jobs: [{name: web, release: web}, {name: bpm, release: bpm}, {name: bpm, release: bpm}]}
- {name: plain, jobs: [{name: bpm, release: bpm}, {name: web, release: web}]}
- {name: lacks, jobs: [{name: web, release: web}]}
`
	files, err := Generate([]*manifest.Manifest{read(t, "m.yml", text)}, options)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	var skipped []string
	for _, s := range files[0].Skipped {
		skipped = append(skipped, s.Group)
	}
	if got := strings.Join(files[0].Groups, " ") + "|" + strings.Join(skipped, " "); got != "plain lacks|win covered twice" {
		t.Errorf("got %s", got)
	}
	if strings.Contains(string(files[0].Data), "/releases") {
		t.Error("sha1 0e1 is a number for YAML: an op that repeats it as text would change the manifest")
	}
}

// TestNames: two manifests of one base name do not get one file.
func TestNames(t *testing.T) {
	group := func(name string) string { return strings.Replace(simple, "name: a", "name: "+name, 1) }
	files, err := Generate([]*manifest.Manifest{
		read(t, "m.yml", simple), read(t, "x/n.yml", group("xx")), read(t, "../y/n.yml", group("yy")), read(t, "y/n.yml", group("zz")),
	}, Options{Tool: options.Tool, Release: "web", Needs: options.Needs, OutName: "ops/bpm.yml"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Name)
	}
	if want := "ops/bpm.yml ops/bpm-n.yml ops/bpm-y-n.yml ops/bpm-n-2.yml"; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestPrinted(t *testing.T) {
	files, err := Generate([]*manifest.Manifest{read(t, "manifests/m.yml", strings.Replace(simple, "name: a", "name: a/b#1", 1))},
		Options{Tool: options.Tool, Release: "web", Needs: options.Needs, OutName: "o.yml", Pin: manifest.Pin{Version: "1.10", URL: "https://bosh.io/d/x?v=1.10", SHA1: "sha256:ab"}})
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(files[0].Data), "\n\n")
	want := `# op 0: the bpm release
- type: replace
  path: /releases/name=bpm?
  value:
    name: bpm
    version: "1.10"
    url: https://bosh.io/d/x?v=1.10
    sha1: "sha256:ab"

# op 1: bpm in instance group a/b#1
- type: replace
  path: "/instance_groups/name=a~1b#1/jobs/name=bpm?"
  value:
    name: bpm
    release: bpm
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestOperator has what an operator gets, for the groups and as an addon, applied
// with the real bosh: what comes out lacks nothing, and a second time changes
// nothing.
func TestOperator(t *testing.T) {
	bosh := realBosh(t)
	more := map[string]string{
		"no release said": "name: d\nreleases: [{name: web, version: 1}]\ninstance_groups: [{name: a, jobs: [{name: web}, {name: other}]}]\n",
		"Windows": "releases: [{name: web, version: 1}]\nstemcells: [{alias: w, os: windows2019}, {alias: l, os: ubuntu-jammy}]\n" +
			"instance_groups:\n- {name: a, stemcell: l, jobs: [{name: web, release: web}]}\n- {name: w, stemcell: w, jobs: [{name: web, release: web}]}\n",
		"covered in part": strings.Replace(inputs["two groups"], "instance_groups:", "addons: [{name: bpm, jobs: [{name: bpm, release: bpm}], include: {instance_groups: [nobody]}}]\ninstance_groups:", 1),
		"brought":         "releases: [{name: web, version: 1}]\naddons: [{name: w, jobs: [{name: web, release: web}]}]\ninstance_groups: [{name: a, jobs: [{name: x, release: web}]}]\n",
	}
	for name, text := range inputs {
		more[name] = text
	}
	for name, text := range more {
		for _, form := range []string{"groups", "addon"} {
			t.Run(name+"/"+form, func(t *testing.T) {
				o := options
				o.OnlyLacking, o.Addon = true, form == "addon"
				m := read(t, "m.yml", text)
				files, err := Generate([]*manifest.Manifest{m}, o)
				if err != nil {
					if o.Addon && strings.Contains(err.Error(), "does not say its release") {
						return
					}
					t.Fatal(err)
				}
				additions, err := m.Additions(o.Needs, manifest.Pin{})
				if err != nil {
					t.Fatal(err)
				}
				if len(additions.Lacking()) == 0 {
					if len(files) > 0 {
						t.Errorf("nothing lacks bpm, and there is\n%s", files[0].Data)
					}
					return
				}
				dir := t.TempDir()
				write := func(name string, data []byte) string {
					p := filepath.Join(dir, name)
					if err := os.WriteFile(p, data, 0o600); err != nil {
						t.Fatal(err)
					}
					return p
				}
				ops := write("ops.yml", files[0].Data)
				once := interpolate(t, bosh, write("m.yml", []byte(text)), ops)
				if twice := interpolate(t, bosh, write("once.yml", once), ops); !bytes.Equal(once, twice) {
					t.Errorf("twice differs:\n%s\nonce:\n%s", twice, once)
				}
				after := read(t, "once.yml", string(once))
				left, err := after.Additions(o.Needs, manifest.Pin{})
				if err != nil || len(left.Lacking()) > 0 || left.Release != nil {
					t.Errorf("%v: still lacking: %v\n%s", err, left, once)
				}
				for _, s := range after.Standings(o.Needs) {
					if s.State == manifest.Twice || s.State == manifest.Windows && len(s.Own)+len(s.Brings) > 0 || s.Job.Name == "" && len(s.Own)+len(s.Brings) > 0 {
						t.Errorf("instance group %s: %s", s.Group.Name, s.Reason)
					}
				}
				if again, err := Generate([]*manifest.Manifest{after}, o); err != nil || len(again) > 0 {
					t.Errorf("generated again: %v, %v", again, err)
				}
			})
		}
	}
}

// BenchmarkGenerate is one manifest with many groups.
func BenchmarkGenerate(b *testing.B) {
	var text strings.Builder
	text.WriteString("releases: [{name: web, version: 1}]\ninstance_groups:\n")
	for i := range 200 {
		fmt.Fprintf(&text, "- name: g%d\n  networks: [{name: default}]\n  jobs:\n  - name: web\n    release: web\n    properties: {port: %d, text: %q}\n", i, 8000+i, strings.Repeat("x", 200))
	}
	o := options
	o.OnlyLacking = true
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		m, err := manifest.Read(&source.File{Name: "m.yml", Data: []byte(text.String())})
		if err != nil {
			b.Fatal(err)
		}
		if files, err := Generate([]*manifest.Manifest{m}, o); err != nil || len(files) != 1 {
			b.Fatal(files, err)
		}
	}
}
