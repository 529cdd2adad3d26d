package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	yaml2 "gopkg.in/yaml.v2"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Pin is the bpm release that a manifest is to use; the zero Pin means that of
// the runtime configs, else the latest one that the Director has.
type Pin struct {
	Version, URL, SHA1 string
	// Variables lets a create-env manifest, which needs a url and a checksum, have
	// ((bpm_url)) and ((bpm_sha1)) where none are known.
	Variables bool
}

// Field is a key of a mapping with its value.
type Field struct{ Key, Value string }

// Change is one addition, for the report.
type Change struct {
	What string
	Span source.Span
}

// Additions are what a manifest needs so that each group which runs a needed
// job has bpm.
type Additions struct {
	// Placements are all groups that run a needed job, those with state Lacks
	// get {name: bpm, release: bpm}.
	Placements []Placement
	// Release is the entry that releases gets, nil when bpm is listed already
	// or no group has or gets a bpm job of its own.
	Release []Field
	// Ambiguous are jobs that do not say from which release they come, which the
	// Director wants to know once a second one is listed.
	Ambiguous []AmbiguousJob
}

// AmbiguousJob gets "release: RELEASE", that of the only release so far.
type AmbiguousJob struct {
	Group *Group
	Job   Job
}

// Lacking are the groups that get bpm.
func (a *Additions) Lacking() []*Group {
	var groups []*Group
	for _, p := range a.Placements {
		if p.State == Lacks {
			groups = append(groups, p.Group)
		}
	}
	return groups
}

// Additions tells what has to be added. It is an error when the file is no
// deployment manifest, and when the Director would not accept the result.
func (m *Manifest) Additions(needs []Need, pin Pin) (*Additions, error) {
	if err := m.NotDeployment(); err != nil {
		return nil, err
	}
	a := &Additions{Placements: m.Placements(needs)}
	lacking := a.Lacking()
	own := slices.ContainsFunc(a.Placements, func(p Placement) bool { return p.State == Has || p.State == HasOwn })
	if len(lacking) == 0 && (!own || m.releases == nil) {
		return a, nil // without a list, the releases come from elsewhere
	}
	listed := m.BPMReleases()
	if len(listed) > 1 {
		return nil, source.Errorf(listed[1].Span, "release bpm is listed twice, first in line %d; keep one of them", listed[0].Span.Position().Line)
	}
	for _, g := range lacking {
		if g.jobs == nil && child(g.node, "template") != nil {
			return nil, source.Errorf(g.Span, "%s %s names its jobs with template:, which has no place for bpm; write templates:, with name and release for each", m.groupWord(), g.Name)
		}
		if g.jobs == nil {
			return nil, source.Errorf(g.Span, "%s %s has no list of jobs that bpm could be added to; write one, with name and release for each", m.groupWord(), g.Name)
		}
		for _, j := range items(g.jobs) {
			if j.Kind != yaml.MappingNode {
				return nil, source.Errorf(m.places.span(j), "this item of %s is no mapping; write name and release", g.jobsKey)
			}
		}
	}
	if len(listed) == 1 {
		return a, nil
	}
	top := resolve(m.root.Content[0])
	if r := child(top, "release"); m.releases == nil && r != nil {
		return nil, source.Errorf(m.places.span(r), "the manifest has one release: and the Director refuses releases: beside it; write it as an item of releases: first")
	}
	if m.releases == nil {
		return nil, source.Errorf(m.places.span(top), "the manifest has no list of releases that bpm could be added to")
	}
	var err error
	if a.Ambiguous, err = m.ambiguous(); err != nil {
		return nil, err
	}
	a.Release, err = m.ReleaseEntry(pin)
	return a, err
}

// Ambiguous is the error that refuses a job which relies on there being one
// release.
func (j Job) Ambiguous() error {
	return source.Errorf(j.Span, "job %s does not say its release, which the Director needs once bpm is listed, too; add \"release: %s\" to it first", j.Name, j.Release)
}

// ambiguous gives the jobs that rely on there being one release.
func (m *Manifest) ambiguous() ([]AmbiguousJob, error) {
	if len(m.Releases) != 1 {
		return nil, nil
	}
	var jobs []AmbiguousJob
	for _, g := range m.Groups {
		for _, j := range g.Jobs {
			if !j.implicit {
				continue
			}
			same := func(other Job) bool { return other.Name == j.Name && other.node != j.node }
			if j.node.Kind != yaml.MappingNode || ownKey(j.node, "name") == nil || slices.ContainsFunc(g.Jobs, same) {
				return nil, j.Ambiguous()
			}
			jobs = append(jobs, AmbiguousJob{g, j})
		}
	}
	for _, a := range m.Addons {
		for _, j := range a.Jobs {
			if j.implicit {
				return nil, j.Ambiguous()
			}
		}
	}
	return jobs, nil
}

// ownKey is the value that a mapping itself has for a key, not through a merge.
func ownKey(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key && n.Content[i].Kind == yaml.ScalarNode {
			return n.Content[i+1]
		}
	}
	return nil
}

// ReleaseEntry is the entry for bpm. create-env downloads releases itself and
// so needs to know from where (bosh-cli, release/set/manifest/validator.go);
// the Director has them, and wants a version.
func (m *Manifest) ReleaseEntry(pin Pin) ([]Field, error) {
	entry := []Field{{"name", "bpm"}}
	version, counts := m.RuntimeBPM()
	switch {
	case version == "":
	case pin == (Pin{Variables: pin.Variables}):
		pin.Version = version // the Director refuses two versions
	case counts && pin.Version != "" && pin.Version != version:
		return nil, fmt.Errorf("%s: bpm %s is asked for, and the runtime config, whose bpm this deployment uses too, lists %s; the Director refuses two versions: use the same in both", m.Path(), pin.Version, version)
	}
	if m.createEnv && pin.Variables {
		if pin.URL == "" {
			pin.URL = "((bpm_url))"
		}
		if pin.SHA1 == "" && (pin.URL == "((bpm_url))" || strings.HasPrefix(pin.URL, "http")) {
			pin.SHA1 = "((bpm_sha1))"
		}
	}
	switch {
	case m.createEnv && pin.URL == "":
		return nil, source.Errorf(m.places.span(m.releases), "a create-env manifest needs a url and sha1 for every release, and none is known for bpm")
	case m.createEnv && strings.HasPrefix(pin.URL, "http") && pin.SHA1 == "":
		return nil, source.Errorf(m.places.span(m.releases), "a create-env manifest needs a sha1 for a release with an http url, and none is known for bpm")
	case !m.createEnv && pin.URL != "" && pin.Version == "":
		return nil, errors.New("the url of a bpm release needs its version beside it")
	case pin.Version != "":
		entry = append(entry, Field{"version", pin.Version})
	case !m.createEnv:
		entry = append(entry, Field{"version", "latest"})
	}
	if pin.URL != "" {
		entry = append(entry, Field{"url", pin.URL})
	}
	if pin.SHA1 != "" {
		entry = append(entry, Field{"sha1", pin.SHA1})
	}
	return entry, nil
}

// RuntimeBPM is the version of bpm that the runtime configs list; counts says
// that an addon of theirs brings it to this deployment.
func (m *Manifest) RuntimeBPM() (version string, counts bool) {
	if all := m.RuntimeBPMs(); len(all) > 0 {
		return all[0].Version, true
	}
	for _, c := range m.Runtime {
		if r := c.BPMRelease(); r != nil && r.Version != "" {
			return r.Version, false
		}
	}
	return "", false
}

// RuntimeBPMs are the entries for bpm of those runtime configs that have an addon
// which brings it to a group. Only these does the Director take, and hold against
// the manifest's (runtime_config/release.rb). It asks the filters before it places
// any addon of the same runtime config (deployment_plan/planner_factory.rb), so that
// a job which one of these brings does not count.
func (m *Manifest) RuntimeBPMs() []Release {
	var all []Release
	before := slices.Clone(m.Addons)
	for _, c := range m.Runtime {
		brings := slices.DeleteFunc(slices.Clone(c.Addons), func(a *Addon) bool {
			return !slices.ContainsFunc(a.Jobs, func(j Job) bool { return j.Release == "bpm" })
		})
		taken := slices.ContainsFunc(m.Groups, func(g *Group) bool {
			return slices.ContainsFunc(brings, func(a *Addon) bool { return m.reaches(a, g, before) })
		})
		if r := c.BPMRelease(); r != nil && r.Version != "" && taken && !m.createEnv {
			all = append(all, *r)
		}
		before = append(before, c.Addons...)
	}
	return all
}

// Asks names the variables of an entry for bpm that the operator has to give.
func Asks(entry []Field) []string {
	var names []string
	for _, f := range entry {
		if name, ok := strings.CutPrefix(f.Value, "((bpm_"); ok {
			names = append(names, "bpm_"+strings.TrimSuffix(name, "))"))
		}
	}
	return names
}

func (m *Manifest) groupWord() string {
	if m.Kind == V1Deployment {
		return "job"
	}
	return "instance group"
}

// AddBPM plans the additions that give bpm to every group that needs it. Only
// lines are added, or items within the brackets of a flow list. A list that
// several groups share through an anchor gets its item once, at the anchor. No
// edits means that everything is there. When the result would not be the old
// manifest plus exactly the additions, it is an error.
func (m *Manifest) AddBPM(needs []Need, pin Pin) ([]source.Edit, []Change, error) {
	plan, err := m.Additions(needs, pin)
	if err != nil {
		return nil, nil, err
	}
	var edits []source.Edit
	var changes []Change
	added := map[*yaml.Node][]Field{}
	add := func(list *yaml.Node, item []Field) error {
		if added[list] != nil {
			return nil
		}
		added[list] = item
		es, err := m.appendItem(list, item)
		edits = append(edits, es...)
		return err
	}
	if plan.Release != nil {
		changes = append(changes, Change{"release bpm", m.places.span(m.releases)})
		if err := add(m.releases, plan.Release); err != nil {
			return nil, nil, err
		}
	}
	for _, j := range plan.Ambiguous {
		if added[j.Job.node] != nil {
			continue
		}
		entry := []Field{{"release", j.Job.Release}}
		added[j.Job.node] = entry
		e, err := m.insertKey(j.Job.node, entry[0])
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, e)
		changes = append(changes, Change{fmt.Sprintf("release of job %s", j.Job.Name), j.Job.Span})
	}
	for _, g := range plan.Lacking() {
		changes = append(changes, Change{fmt.Sprintf("job bpm in %s %s", m.groupWord(), g.Name), g.Span})
		if err := add(g.jobs, []Field{{"name", "bpm"}, {"release", "bpm"}}); err != nil {
			return nil, nil, err
		}
	}
	if len(edits) == 0 {
		return nil, nil, nil
	}
	if err := m.checkSharing(plan, added); err != nil {
		return nil, nil, err
	}
	if err := m.verify(edits, added, needs, pin); err != nil {
		return nil, nil, err
	}
	return edits, changes, nil
}

// checkSharing refuses to add to a list that something which must not get bpm
// takes over through an alias.
func (m *Manifest) checkSharing(plan *Additions, added map[*yaml.Node][]Field) error {
	gets := map[*Group]bool{}
	for _, g := range plan.Lacking() {
		gets[g] = true
	}
	for _, g := range m.Groups {
		if g.jobs != nil && added[g.jobs] != nil && !gets[g] {
			return source.Errorf(g.Span, "%s %s shares its list of jobs with one that needs bpm, but must not get it; write the lists apart", m.groupWord(), g.Name)
		}
	}
	for _, a := range items(sequence(resolve(m.root.Content[0]), "addons")) {
		if list := sequence(a, "jobs"); list != nil && added[list] != nil {
			return source.Errorf(m.places.span(a), "this addon shares its list of jobs with an instance group that needs bpm; write the lists apart")
		}
	}
	return nil
}

// verify applies the edits in memory and holds what comes out against the old
// nodes plus the additions. bosh reads manifests with yaml.v2, so that has to
// understand both, too.
func (m *Manifest) verify(edits []source.Edit, added map[*yaml.Node][]Field, needs []Need, pin Pin) error {
	fail := func(why string) error {
		return source.Errorf(source.Span{File: m.File}, "bpm cannot be added to this file safely (%s); add it by hand", why)
	}
	var tree any
	if err := yaml2.Unmarshal(m.File.Data, &tree); err != nil {
		return source.Errorf(source.Span{File: m.File}, "bosh cannot read this: %v", err)
	}
	data, err := source.Apply(m.File.Data, edits)
	if err != nil {
		return fail(err.Error())
	}
	after, err := Read(&source.File{Name: m.File.Name, Data: data})
	if err != nil {
		return fail("the result would not be valid: " + err.Error())
	}
	if after.root == nil || !same(m.root, after.root, added) {
		return fail("something else in it would change")
	}
	if err := yaml2.Unmarshal(data, &tree); err != nil {
		return fail("bosh could not read the result: " + err.Error())
	}
	if again, err := after.Additions(needs, pin); err != nil {
		return fail("in the result, " + err.Error())
	} else if len(again.Lacking()) > 0 || again.Release != nil {
		return fail("the result would lack bpm still")
	}
	return nil
}

// same says whether the new nodes are the old ones, style and anchors
// included, and each list that got an item has that one more at its end.
func same(old, now *yaml.Node, added map[*yaml.Node][]Field) bool {
	if old.Kind != now.Kind || old.Tag != now.Tag || old.Value != now.Value || old.Style != now.Style || old.Anchor != now.Anchor {
		return false
	}
	rest := now.Content
	if item := added[old]; item != nil && old.Kind == yaml.MappingNode {
		at := slices.IndexFunc(old.Content, func(n *yaml.Node) bool { return n.Value == "name" }) + 2
		if len(rest) != len(old.Content)+2 || !isItem(&yaml.Node{Kind: yaml.MappingNode, Content: rest[at : at+2]}, item) {
			return false
		}
		rest = slices.Concat(rest[:at], rest[at+2:])
	} else if item != nil {
		if len(rest) == 0 || !isItem(rest[len(rest)-1], item) {
			return false
		}
		rest = rest[:len(rest)-1]
	}
	if len(rest) != len(old.Content) {
		return false
	}
	for i, c := range old.Content {
		if !same(c, rest[i], added) {
			return false
		}
	}
	return true
}

func isItem(n *yaml.Node, item []Field) bool {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2*len(item) || n.Anchor != "" {
		return false
	}
	for _, f := range item {
		v := child(n, f.Key)
		if v == nil || v.Kind != yaml.ScalarNode || v.Value != f.Value || v.Tag != "!!str" {
			return false
		}
	}
	return true
}
