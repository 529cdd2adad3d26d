package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v2"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	opsfiles "github.com/bosh-bpmify/bosh-bpmify/ops-files"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var needs = []manifest.Need{{Job: "web", Release: "site"}, {Job: "flagged", Release: "site", Flag: "bpm.enabled"}}

// with is a deployment manifest with these groups, and more at its end.
func with(releases, groups, more string) string {
	return "name: d\nreleases: [{name: site, version: 1}" + releases + "]\nstemcells: [{alias: jammy, os: ubuntu-jammy}, {alias: noble, os: ubuntu-noble}, {alias: win, os: windows2019}, {alias: var, os: ((os))}]\n" +
		"instance_groups:\n" + groups + more
}

const (
	listed = `, {name: bpm, version: "1.4.0"}`
	addon  = "addons:\n- name: bpm\n  jobs: [{name: bpm, release: bpm}]\n"
	webJob = "{name: web, release: site}"
	bpmJob = "{name: bpm, release: bpm}"
)

func group(name, more, jobs string) string {
	return fmt.Sprintf("- {name: %s, stemcell: jammy, %sjobs: [%s]}\n", name, more, jobs)
}

// TestExamine has what doctor says of a manifest: id, group, and the first line
// and further ones that matter.
func TestExamine(t *testing.T) {
	a := group("a", "azs: [z1], networks: [{name: n}], ", webJob)
	for _, c := range []struct {
		name, text string
		runtime    string
		want       []string
	}{
		{"nothing to say", with(listed, group("a", "", webJob+", "+bpmJob)+group("b", "", "{name: other, release: site}"), ""), "", nil},
		{"no bpm", with("", a+group("b", "instances: 0, ", webJob), ""), "", []string{
			`bpm-missing a: instance group a has no bpm | job web of release site is started by it; the deploy will end with "'a/...' is not running after update"`,
			`bpm-missing b: instance group b has no bpm | job web of release site is started by it; the deploy will end with "'b/...' is not running after update" | it has 0 instances: this shows once it is scaled up`,
		}},
		{"an errand", with(listed, group("a", "lifecycle: errand, ", webJob), ""), "", []string{
			"bpm-missing a: instance group a has no bpm | job web of release site is started by it; the errand will end where it calls bpm"}},
		{"create-env", with("", a, "cloud_provider: {}\n"), "", []string{
			"bpm-missing a: instance group a has no bpm | job web of release site is started by it; bosh create-env will wait for instance 'a/0' until it times out"}},
		{"an addon reaches it", with(listed, a, addon), "", nil},
		{"a runtime config reaches it", with("", a, ""), "releases: [{name: bpm, version: 1.4.0}]\n" + addon, nil},
		{"a job that an addon brings", with(listed, group("a", "", "{name: other, release: site}"), "addons: [{name: x, jobs: ["+webJob+"]}]\n"), "", []string{
			`bpm-missing a: instance group a has no bpm | job web of release site is started by it, through addon x; the deploy will end with "'a/...' is not running after update"`}},
		{"a flag that is off", with(listed, group("a", "", "{name: flagged, release: site}")+group("b", "", "{name: flagged, release: site, properties: {bpm: {enabled: true}}}"), ""), "", []string{
			`bpm-missing b: instance group b has no bpm | job flagged of release site is started by it; the deploy will end with "'b/...' is not running after update"`}},
		{"a flag that is a variable", with(listed, group("a", "", "{name: flagged, release: site, properties: {bpm: {enabled: ((on))}}}"), ""), "", []string{
			`bpm-missing a: instance group a has no bpm | job flagged of release site is started by it; the deploy will end with "'a/...' is not running after update"`}},
		{"bpm listed and brought", with(listed, group("a", "", webJob+", "+bpmJob), addon), "", []string{
			`bpm-twice a: instance group a has bpm from its own jobs (line 5) and from addon bpm | the Director refuses the deploy: "Colocated job 'bpm' is already added to the instance group 'a'"`}},
		{"bpm from two addons, on a group that needs none", with(listed, group("a", "", "{name: other, release: site}"), addon), "releases: [{name: bpm, version: 1.4.0}]\n" + addon, []string{
			`bpm-twice a: instance group a has bpm from addon bpm and from addon bpm of the runtime config | the Director refuses the deploy: "Colocated job 'bpm' is already added to the instance group 'a'"`}},
		{"the release twice", with(listed+listed, group("a", "", webJob+", "+bpmJob), ""), "", []string{
			"bpm-twice : release bpm is listed twice | the Director refuses the deploy; keep one of them"}},
		{"no release", with("", group("a", "", webJob+", "+bpmJob), ""), "", []string{
			`bpm-release-missing a: instance group a runs job bpm, and no release bpm is listed: error | the Director refuses the deploy: it "references an unknown release 'bpm'"`}},
		{"no release in the runtime config", with(listed, a, ""), addon, []string{
			"bpm-release-missing : addon bpm of the runtime config runs job bpm of release bpm, and that runtime config does not list the release: error | the Director refuses the runtime config; list the release in it, with its version"}},
		{"two versions", with(listed, a, ""), "releases: [{name: bpm, version: 1.1.0}]\n" + addon, []string{
			"bpm-versions-differ : the manifest lists bpm 1.4.0 and the runtime config bpm 1.1.0 | the Director refuses the deploy; use the same version in both"}},
		{"two versions, and the addon is for others", with(listed, group("a", "", webJob+", "+bpmJob), ""), "releases: [{name: bpm, version: 1.1.0}]\n" + addon + "  include: {deployments: [other]}\n", nil},
		{"bpm for a job that the same runtime config brings", with("", group("a", "", "{name: other, release: site}"), ""),
			"releases: [{name: bpm, version: 1.4.0}, {name: site, version: 1}]\naddons:\n- name: w\n  jobs: [" + webJob + "]\n- name: bpm\n  jobs: [{name: bpm, release: bpm}]\n  include: {jobs: [" + webJob + "]}\n", []string{
				"bpm-release-missing a: addon bpm of the runtime config brings bpm to instance group a, and no release bpm is taken for it: error | it asks for a job that another addon of the runtime config brings, and the Director chooses the releases of a runtime config before it places the addons: the deploy fails | list release bpm in the manifest as well, or filter by something that the group has by itself"}},
		{"bpm for a job that the same runtime config brings, and listed", with(listed, group("a", "", "{name: other, release: site}"), ""),
			"releases: [{name: bpm, version: 1.4.0}, {name: site, version: 1}]\naddons:\n- name: w\n  jobs: [" + webJob + "]\n- name: bpm\n  jobs: [{name: bpm, release: bpm}]\n  include: {jobs: [" + webJob + "]}\n", nil},
		{"bpm for a job that the group has", with("", a, ""), "releases: [{name: bpm, version: 1.4.0}]\n" + addon + "  include: {jobs: [" + webJob + "]}\n", nil},
		{"Windows", with(listed, "- {name: w, stemcell: win, jobs: ["+webJob+"]}\n", ""), "", []string{
			"note bpm-on-windows w: instance group w has a Windows stemcell, and bpm is for Linux only | job web of release site is started by it on Linux; on Windows it has to start by itself"}},
		{"bpm on Windows", with(listed, "- {name: w, stemcell: win, jobs: [{name: other, release: site}]}\n", addon), "", []string{
			"bpm-on-windows w: instance group w would get bpm, and its stemcell is Windows: error | bpm is for Linux, its packages do not compile there | addon bpm reaches it; give that an exclude for the stemcell"}},
		{"an old bpm on a new stemcell", with(", {name: bpm, version: 1.3.2}", "- {name: n, stemcell: noble, jobs: ["+webJob+", "+bpmJob+"]}\n"+group("a", "", webJob+", "+bpmJob), ""), "", []string{
			"bpm-too-old : bpm 1.3.2 is too old for ubuntu-noble (instance groups n) | it has cgroup v2, which bpm knows since 1.3.0, and systemd-resolved, since 1.4.0: containers do not start, or have no DNS | take bpm 1.4.0 or later; where url and sha1 stand beside the version, they have to be those of the new one"}},
		{"an old bpm of a runtime config on a new stemcell", with("", "- {name: n, stemcell: noble, jobs: ["+webJob+"]}\n", ""), "releases: [{name: bpm, version: 1.3.2}]\n" + addon, []string{
			"bpm-too-old : bpm 1.3.2 is too old for ubuntu-noble (instance groups n) | it has cgroup v2, which bpm knows since 1.3.0, and systemd-resolved, since 1.4.0: containers do not start, or have no DNS | take bpm 1.4.0 or later; where url and sha1 stand beside the version, they have to be those of the new one"}},
		{"latest, and a version in the runtime config", with(", {name: bpm, version: latest}", a, ""), "releases: [{name: bpm, version: 1.1.0}]\n" + addon, []string{
			"bpm-versions-differ : the manifest lists bpm latest and the runtime config bpm 1.1.0 | the Director refuses the deploy as soon as it has a later bpm than that; use the same version in both"}},
		{"an addon with the bpm of another release", with(listed, group("a", "", webJob+", "+bpmJob), ""), "releases: [{name: fork, version: 1}]\naddons: [{name: f, jobs: [{name: bpm, release: fork}]}]\n", []string{
			`bpm-twice a: instance group a has bpm from its own jobs (line 5) and from addon f of the runtime config | the Director refuses the deploy: "Colocated job 'bpm' is already added to the instance group 'a'"`}},
		{"a flag that the manifest sets for all groups", with(listed, group("a", "properties: {x: 1}, ", "{name: flagged, release: site}"), "properties: {bpm: {enabled: true}}\n"), "", []string{
			`bpm-missing a: instance group a has no bpm | job flagged of release site is started by it; the deploy will end with "'a/...' is not running after update"`}},
		{"groups of one name", with(listed, group("a", "", webJob)+group("a", "", "{name: other, release: site}"), ""), "", []string{
			`bpm-missing a: instance group a has no bpm | job web of release site is started by it; the deploy will end with "'a/...' is not running after update" | two instance groups are called "a", and an op can point at one only`}},
		{"a new bpm on a new stemcell", with(listed, "- {name: n, stemcell: noble, jobs: ["+webJob+", "+bpmJob+"]}\n", ""), "", nil},
		{"a filter that no deployment may have", with(listed, group("a", "", webJob+", "+bpmJob), "addons:\n- name: x\n  jobs: []\n  include: {deployments: [d]}\n"), "", []string{
			`addon-filter-refused : addon x of this manifest filters by deployments | the Director refuses the deploy: "Deployment filter is not allowed for deployment level addons"; drop that filter, or put the addon into a runtime config`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := read(t, c.text)
			if c.runtime != "" {
				m.UseRuntime(read(t, c.runtime))
			}
			var got []string
			for _, f := range Examine(m, Options{Needs: needs, Pin: manifest.Pin{Variables: true}}) {
				text := f.ID + " " + f.Group + ": " + strings.ReplaceAll(f.Message, "\n", " | ")
				if f.Severity == source.Note {
					text = "note " + text
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFilters has the reasons why an addon with bpm does not reach a group.
func TestFilters(t *testing.T) {
	a := "- {name: a, stemcell: jammy, azs: [z1], networks: [{name: n}], jobs: [" + webJob + "]}\n"
	for filter, want := range map[string]string{
		"include: {stemcell: [{os: ubuntu-noble}, {os: ubuntu-bionic}]}":            "its include asks for stemcell ubuntu-noble or ubuntu-bionic, and this group has ubuntu-jammy",
		"exclude: {stemcell: [{os: ubuntu-jammy}]}":                                 "its exclude names stemcell ubuntu-jammy",
		"include: {azs: [z2, z3]}":                                                  "its include asks for azs z2 or z3, and this group has z1",
		"include: {jobs: [{name: other, release: site}]}":                           "its include asks for jobs other of release site, and this group has none of them",
		"exclude: {jobs: [{name: web, release: site}], azs: [z1]}":                  "its exclude names azs z1 with jobs web of release site",
		"include: {networks: [m]}":                                                  "its include asks for networks m, and this group has n",
		"include: {teams: [t]}":                                                     "its include asks for teams t, and no manifest says to which teams its deployment belongs",
		"include: {deployments: [other]}":                                           "its include asks for deployments other, and this one is called d",
		"include: {lifecycle: errand}":                                              "its include asks for lifecycle errand, and this group has service",
		"include: {instance_groups: [b]}":                                           "its include asks for instance_groups b, and this one is not among them",
		"include: {azs: [z1], stemcell: [{os: ubuntu-noble}]}":                      "its include asks for stemcell ubuntu-noble, and this group has ubuntu-jammy",
		"include: {stemcell: [{os: ubuntu-jammy}]}\n  exclude: {lifecycle: errand}": "",
		"include: {}\n  exclude: {}":                                                "",
		"exclude: {azs: [z1], networks: [m]}":                                       "",
		"include: {jobs: [{name: web, release: site}], instance_groups: [a], deployments: [d], azs: [z1]}": "",
	} {
		t.Run(filter, func(t *testing.T) {
			m := read(t, with("", a, ""))
			m.UseRuntime(read(t, "releases: [{name: bpm, version: 1.4.0}]\n"+addon+"  "+filter+"\n"))
			found := Examine(m, Options{Needs: needs})
			switch {
			case want == "" && len(found) > 0:
				t.Errorf("got %v", found[0].Message)
			case want == "":
			case len(found) != 1 || !strings.HasSuffix(strings.Replace(found[0].Message, ", as far as the files tell", "", 1), "addon bpm of the runtime config does not reach it: "+want):
				t.Errorf("got  %v\nwant %s", found, want)
			}
		})
	}
}

// TestTwoRuntimeConfigs has versions that differ between runtime configs: the
// Director minds where both bring bpm.
func TestTwoRuntimeConfigs(t *testing.T) {
	config := func(version, group string) *manifest.Manifest {
		return read(t, "releases: [{name: bpm, version: "+version+"}]\n"+addon+"  include: {instance_groups: ["+group+"]}\n")
	}
	for group, want := range map[string]int{"b": 1, "elsewhere": 0} {
		m := read(t, with("", "- {name: a, stemcell: jammy, jobs: ["+webJob+"]}\n- {name: b, stemcell: jammy, jobs: [{name: other, release: site}]}\n", ""))
		m.UseRuntime(config("1.4.0", "a"), config("1.4.33", group))
		found := Examine(m, Options{Needs: needs})
		if len(found) != want || want == 1 && found[0].ID != "bpm-versions-differ" {
			t.Errorf("%s: got %v", group, found)
		}
	}
}

// TestOpenFilters: what no file tells is a warning, and does not hide what a file
// does tell.
func TestOpenFilters(t *testing.T) {
	for filter, want := range map[string]source.Severity{
		"include: {teams: [t]}":                                 source.Warning,
		"include: {deployments: [other]}":                       source.Error,
		"include: {teams: [t], instance_groups: [b]}":           source.Error,
		"include: {teams: [t]}\n  exclude: {azs: [z1]}":         source.Error,
		"include: {teams: [t]}\n  exclude: {networks: [m]}":     source.Warning,
		"include: {azs: [z1]}\n  exclude: {lifecycle: service}": source.Error,
	} {
		m := read(t, with("", "- {name: a, stemcell: jammy, azs: [z1], networks: [{name: n}], jobs: ["+webJob+"]}\n", ""))
		m.UseRuntime(read(t, "releases: [{name: bpm, version: 1.4.0}]\n"+addon+"  "+filter+"\n"))
		found := Examine(m, Options{Needs: needs})
		if len(found) != 1 || found[0].Severity != want {
			t.Errorf("%s: got %v", filter, found)
		}
	}
}

// TestConfigured: where monit does not start the job, the deploy does not fail.
func TestConfigured(t *testing.T) {
	m := read(t, with(listed, group("a", "", webJob)+group("b", "", webJob+", {name: run, release: site}"), ""))
	found := Examine(m, Options{Needs: []manifest.Need{{Job: "web", Release: "site", Configured: true}, {Job: "run", Release: "site"}}})
	if len(found) != 2 || found[0].Severity != source.Warning || found[1].Severity != source.Error {
		t.Fatalf("got %v", found)
	}
	if want := "job web of release site: there is a configuration for bpm, though monit does not start it;"; !strings.Contains(found[0].Message, want) || strings.Contains(found[0].Message, "is not running") {
		t.Errorf("got %s", found[0].Message)
	}
}

// TestUnknownOS: a variable is not the OS that a filter asks for, and the reason
// says that.
func TestUnknownOS(t *testing.T) {
	m := read(t, with(listed, "- {name: a, stemcell: var, jobs: ["+webJob+"]}\n- {name: b, jobs: ["+webJob+"]}\n", addon+"  include: {stemcell: [{os: ubuntu-jammy}]}\n"))
	var got []string
	for _, f := range Examine(m, Options{Needs: needs}) {
		_, why, _ := strings.Cut(f.Message, "ubuntu-jammy, and ")
		got = append(got, why)
	}
	want := []string{"the stemcell of this group has the OS ((os)), a variable", "nothing says which OS the stemcell of this group has"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFixes applies what the findings propose: nothing is found behind that.
func TestFixes(t *testing.T) {
	for name, text := range map[string]string{
		"no bpm":           with("", group("a", "", webJob)+group("b", "", webJob)+group("c", "", "{name: other, release: site}"), ""),
		"twice":            with(listed, group("a", "", webJob+", "+bpmJob)+group("b", "", webJob), addon),
		"no release":       with("", group("a", "", webJob+", "+bpmJob), ""),
		"create-env":       with("", group("a", "", webJob), "cloud_provider: {}\n"),
		"old form":         "releases: [{name: site, version: 1}]\njobs: [{name: a, instances: 1, templates: [" + webJob + "]}]\n",
		"old version":      with(", {name: bpm, version: 1.0.0}", group("a", "persistent_disk: 1, ", webJob+", "+bpmJob), ""),
		"old for stemcell": with(", {name: bpm, version: 1.3.2}", "- {name: n, stemcell: noble, persistent_disk: 1, jobs: ["+webJob+", "+bpmJob+"]}\n", ""),
		"a colon":          with("", group("'a:b'", "", webJob+", "+bpmJob), ""),
		"no disk":          with(listed, group("a", "", webJob+", "+bpmJob), ""),
	} {
		t.Run(name, func(t *testing.T) {
			options := Options{Needs: needs, Releases: []*release.Release{site(t)}, Pin: manifest.Pin{Variables: true}}
			fixes := ""
			for _, f := range Examine(read(t, text), options) {
				fixes += f.Fix
			}
			if fixes == "" {
				t.Fatal("no fix")
			}
			var tree any
			if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
				t.Fatal(err)
			}
			tree, err := opsfiles.Apply(tree, []byte(fixes))
			if err != nil {
				t.Fatalf("%v\n%s", err, fixes)
			}
			data, err := yaml.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range Examine(read(t, string(data)), options) {
				t.Errorf("still there: %v", f)
			}
		})
	}
}

// site is a release with a job that wants a disk, and a signal that bpm knows
// since 1.1.14.
func site(t *testing.T) *release.Release {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config/final.yml":           "name: site\n",
		"jobs/web/spec":              "name: web\ntemplates:\n  bpm.yml: config/bpm.yml\npackages: []\nproperties: {}\n",
		"jobs/web/templates/bpm.yml": "processes:\n- name: web\n  executable: /var/vcap/packages/web/bin/web\n  persistent_disk: true\n  shutdown_signal: INT\n",
		"jobs/web/monit":             "check process web\n  with pidfile /var/vcap/sys/run/bpm/web/web.pid\n  start program \"/var/vcap/jobs/bpm/bin/bpm start web\"\n  stop program \"/var/vcap/jobs/bpm/bin/bpm stop web\"\n  group vcap\n",
	} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(&source.File{Name: "m.yml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRuntimeVersion: the bpm of a runtime config cannot be changed by an op for
// the manifest.
func TestRuntimeVersion(t *testing.T) {
	m := read(t, with("", group("a", "persistent_disk: 1, ", webJob), ""))
	m.UseRuntime(read(t, "releases: [{name: bpm, version: 1.0.0}]\n"+addon))
	found := Examine(m, Options{Needs: needs, Releases: []*release.Release{site(t)}})
	if len(found) != 1 || found[0].ID != "bpm-too-old" || found[0].Fix != "" || !strings.Contains(found[0].Message, "bpm 1.0.0, which the runtime config lists,") {
		t.Errorf("got %v", found)
	}
}
