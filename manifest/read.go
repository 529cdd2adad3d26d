// Package manifest reads BOSH deployment manifests and plans the additions
// that colocate bpm in them: as edits that only add lines, so that comments,
// order, quoting and line ends stay.
//
// It knows who gets bpm from where: a group's own jobs, addons with their
// filters as the Director evaluates them, Windows stemcells. What is not a
// deployment manifest is told by its kind.
//
// It interpolates no variables, reads no runtime config and writes nothing.
// Generating ops-files for manifests that live elsewhere is package opsfiles'
// business.
package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Manifest is a manifest as it was read. A file of another kind has its Kind
// and File only.
type Manifest struct {
	File      *source.File
	Kind      Kind
	Name      string
	Releases  []Release
	Stemcells []Stemcell
	Groups    []*Group
	Addons    []*Addon
	// Template is the manifest before its variables were filled in, which is what
	// bosh applies ops-files to; nil where it is this one.
	Template *Manifest
	// Runtime are the runtime configs that count, see UseRuntime.
	Runtime []*Manifest

	runtimeAddons []*Addon

	places    places
	root      *yaml.Node // the document
	releases  *yaml.Node // the sequence, nil when there is none
	createEnv bool       // has cloud_provider, in whichever form its groups are
}

// Release is an entry of releases.
type Release struct {
	Name, Version, URL, SHA1 string
	Span                     source.Span
}

// Stemcell is an entry of stemcells, or the stemcell of a resource pool, whose
// name is the alias then. Name is the stemcell's own name, where it is given.
type Stemcell struct{ Alias, OS, Name string }

// Group is an instance group, or what the old manifest form calls a job.
type Group struct {
	Name string
	Span source.Span
	Jobs []Job
	// Lifecycle is "service" unless the manifest says otherwise.
	Lifecycle string
	// Instances is as written: a number or a variable.
	Instances string
	// OS is that of the group's stemcell, "" where the manifest does not say.
	OS                string
	AZs, Networks     []string
	HasPersistentDisk bool

	template *Group     // the group before variables were filled in
	stemcell string     // the stemcell's name
	index    int        // among the items of the groups list
	node     *yaml.Node // the mapping
	jobsKey  string
	jobs     *yaml.Node // the sequence; several groups share it through aliases
}

// Job is a job placed in an instance group or by an addon. Release is "" where
// the manifest does not say and several releases are listed.
type Job struct {
	Name, Release string
	Span          source.Span
	// Properties are the job's own, or those of the group or the manifest
	// where it has none, as the Director resolves them. nil when there are none.
	Properties *yaml.Node

	node     *yaml.Node
	places   places
	implicit bool // has no release of its own
}

// Interpolated stands behind the name of a file that was not read as it lies on
// the disk: its lines are those that bosh int prints.
const Interpolated = " (interpolated)"

// Path is the name of the file on the disk.
func (m *Manifest) Path() string { return strings.TrimSuffix(m.File.Name, Interpolated) }

// Deploys says whether the file places jobs on instances.
func (m *Manifest) Deploys() bool {
	return m.Kind == Deployment || m.Kind == CreateEnv || m.Kind == V1Deployment
}

// ListsReleases says whether the manifest has a list of releases.
func (m *Manifest) ListsReleases() bool { return m.releases != nil }

// BPMReleases gives the entries of releases for bpm; the Director takes one.
func (m *Manifest) BPMReleases() []Release {
	return slices.DeleteFunc(slices.Clone(m.Releases), func(r Release) bool { return r.Name != "bpm" })
}

// BPMRelease gives the entry of releases for bpm, nil when there is none.
func (m *Manifest) BPMRelease() *Release {
	for i, r := range m.Releases {
		if r.Name == "bpm" {
			return &m.Releases[i]
		}
	}
	return nil
}

// GroupsKey is what the list of groups is called in this manifest.
func (m *Manifest) GroupsKey() string {
	if m.Kind == V1Deployment {
		return "jobs"
	}
	return "instance_groups"
}

// JobsKey is what the group's list of jobs is called: "jobs", or "templates"
// in the old form. It is "" when the group has no such list.
func (g *Group) JobsKey() string { return g.jobsKey }

// Windows says whether the group's VMs run Windows, where there is no bpm.
func (g *Group) Windows() bool {
	return strings.Contains(g.OS, "windows") || strings.Contains(g.stemcell, "windows")
}

// Index is the place of the group in the list of groups, from 0.
func (g *Group) Index() int { return g.index }

// Read reads a manifest. What is not YAML, not UTF-8, has a key twice or more
// than one document is a *source.SyntaxError with a place; what is YAML but no
// deployment manifest is not: its Kind says what it is.
func Read(f *source.File) (*Manifest, error) {
	p := placesOf(f)
	doc, err := parse(p)
	if err != nil {
		if isTemplate(f, err) {
			return &Manifest{File: f, Kind: Template, places: p}, nil
		}
		return nil, err
	}
	m := &Manifest{File: f, places: p, root: doc}
	if doc == nil {
		m.Kind = Empty
		return m, nil
	}
	top := resolve(doc.Content[0])
	m.Kind = kindOf(doc, top)
	if m.Deploys() || m.Kind == RuntimeConfig {
		if groups := items(sequence(top, m.GroupsKey())); len(groups) > maxGroups {
			return nil, source.Errorf(p.span(groups[maxGroups]), "more than %d instance groups: not read", maxGroups)
		}
		m.read(top)
	}
	return m, nil
}

// maxGroups is far beyond what a Director deploys at once.
const maxGroups = 5000

func (m *Manifest) read(top *yaml.Node) {
	m.Name = text(top, "name")
	m.createEnv = child(top, "cloud_provider") != nil
	m.releases = sequence(top, "releases")
	for _, r := range items(m.releases) {
		m.Releases = append(m.Releases, Release{text(r, "name"), text(r, "version"), text(r, "url"), text(r, "sha1"), m.places.span(r)})
	}
	defaultRelease := text(child(top, "release"), "name")
	if len(m.Releases) == 1 {
		defaultRelease = m.Releases[0].Name
	}
	for _, s := range items(sequence(top, "stemcells")) {
		m.Stemcells = append(m.Stemcells, stemcell(text(s, "alias"), s))
	}
	for _, p := range items(sequence(top, "resource_pools")) {
		m.Stemcells = append(m.Stemcells, stemcell(text(p, "name"), child(p, "stemcell")))
	}
	for i, g := range items(sequence(top, m.GroupsKey())) {
		if g.Kind == yaml.MappingNode {
			m.Groups = append(m.Groups, m.group(i, g, defaultRelease, child(top, "properties")))
		}
	}
	for _, a := range items(sequence(top, "addons")) {
		m.Addons = append(m.Addons, m.addon(a, defaultRelease))
	}
}

func (m *Manifest) group(i int, n *yaml.Node, defaultRelease string, global *yaml.Node) *Group {
	g := &Group{
		Name: text(n, "name"), Span: m.places.span(n), Lifecycle: text(n, "lifecycle"), Instances: text(n, "instances"),
		AZs: texts(sequence(n, "azs")), index: i, node: n,
	}
	if name := child(n, "name"); name != nil {
		g.Span = m.places.span(name)
	}
	for _, key := range []string{"jobs", "templates"} { // the first instance groups had templates, too
		if list := sequence(n, key); list != nil && g.jobs == nil && (key == "templates" || m.Kind != V1Deployment) {
			g.jobsKey, g.jobs = key, list
		}
	}
	if g.Lifecycle == "" {
		g.Lifecycle = "service"
	}
	for _, net := range items(sequence(n, "networks")) {
		g.Networks = append(g.Networks, text(net, "name"))
	}
	for _, alias := range []string{text(n, "stemcell"), text(n, "resource_pool")} {
		for _, s := range m.Stemcells {
			if alias != "" && s.Alias == alias && g.OS == "" {
				g.OS, g.stemcell = s.OS, s.Name
			}
		}
	}
	for _, k := range []string{"persistent_disk", "persistent_disk_type", "persistent_disk_pool", "persistent_disks"} {
		if d := child(n, k); d != nil && d.Tag != "!!null" && d.Value != "0" && (d.Kind == yaml.ScalarNode || len(d.Content) > 0) {
			g.HasPersistentDisk = true
		}
	}
	jobs := items(g.jobs)
	if t := child(n, "template"); g.jobs == nil && t != nil { // a name, or a list of names
		if jobs = items(t); t.Kind == yaml.ScalarNode {
			jobs = []*yaml.Node{t}
		}
	}
	properties := mergedProperties(global, child(n, "properties"))
	for _, j := range jobs {
		g.Jobs = append(g.Jobs, m.job(j, text(n, "release"), defaultRelease, properties))
	}
	return g
}

// mergedProperties are those of the manifest with those of a group over them, as
// the Director merges them (deployment_plan/instance_group_spec_parser.rb).
func mergedProperties(global, own *yaml.Node) *yaml.Node {
	type pair [2]*yaml.Node
	done := map[pair]*yaml.Node{} // aliases of aliases could take for ever else
	var merge func(global, own *yaml.Node) *yaml.Node
	merge = func(global, own *yaml.Node) *yaml.Node {
		switch {
		case global == nil || global == own:
			return own
		case own == nil:
			return global
		case global.Kind != yaml.MappingNode || own.Kind != yaml.MappingNode:
			return own
		}
		if all := done[pair{global, own}]; all != nil {
			return all
		}
		all := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: own.Line, Column: own.Column}
		done[pair{global, own}] = all
		add := func(key string, value *yaml.Node) {
			all.Content = append(all.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
		}
		over := map[string]*yaml.Node{}
		for _, e := range entries(own) {
			over[e.key] = e.value
		}
		for _, e := range entries(global) {
			add(e.key, merge(e.value, over[e.key]))
			delete(over, e.key)
		}
		for _, e := range entries(own) {
			if over[e.key] != nil {
				add(e.key, e.value)
			}
		}
		return all
	}
	return merge(global, own)
}

func (m *Manifest) job(n *yaml.Node, groupRelease, defaultRelease string, properties *yaml.Node) Job {
	j := Job{Name: n.Value, Span: m.places.span(n), Properties: properties, node: n, places: m.places}
	if n.Kind != yaml.ScalarNode { // the old form has templates by name
		j.Name, j.Release = text(n, "name"), text(n, "release")
		if own := child(n, "properties"); own != nil {
			j.Properties = own
		}
	}
	if j.Release == "" {
		j.Release = groupRelease
	}
	if j.Release == "" {
		j.implicit, j.Release = true, defaultRelease
	}
	return j
}

// osOfStemcell is how the name of a stemcell says its OS.
var osOfStemcell = search.MustCompile(`(ubuntu-[a-z]+|centos-\d+|windows[\w-]*?)(?:-go_agent|$)`)

func stemcell(alias string, n *yaml.Node) Stemcell {
	s := Stemcell{Alias: alias, OS: text(n, "os"), Name: text(n, "name")}
	if s.OS == "" {
		if m := osOfStemcell.FindStringSubmatch(s.Name); m != nil {
			s.OS = m[1]
		}
	}
	return s
}

// CreateEnv says whether the manifest is for bosh create-env, in whichever
// form its groups are.
func (m *Manifest) CreateEnv() bool { return m.createEnv }

// FilledFrom says from which manifest this one came when variables were filled
// in, nil when none were. Places are those of raw, the file on the disk, where it
// has groups, addons and releases of the same names.
func (m *Manifest) FilledFrom(template, raw *Manifest) {
	m.Template = template
	from := m
	if template != nil {
		from = template
	}
	for _, g := range m.Groups {
		if template != nil {
			if i := slices.IndexFunc(template.Groups, func(t *Group) bool { return t.index == g.index }); i >= 0 {
				g.template = template.Groups[i]
			}
		}
		if i := slices.IndexFunc(raw.Groups, func(r *Group) bool { return r.Name == g.OpName() }); i >= 0 {
			g.Span = raw.Groups[i].Span
		}
	}
	for i, a := range m.Addons {
		if i >= len(from.Addons) {
			break
		}
		if k := slices.IndexFunc(raw.Addons, func(r *Addon) bool { return r.Name == from.Addons[i].Name }); k >= 0 {
			a.Span = raw.Addons[k].Span
		}
	}
	for i := range min(len(m.Releases), len(from.Releases)) {
		if k := slices.IndexFunc(raw.Releases, func(r Release) bool { return r.Name == from.Releases[i].Name }); k >= 0 {
			m.Releases[i].Span = raw.Releases[k].Span
		}
	}
}

// OpName is the name by which an op finds the group: bosh applies ops-files
// before it fills variables in.
func (g *Group) OpName() string {
	if g.template != nil {
		return g.template.Name
	}
	return g.Name
}

// OpReaches says whether an op can add to the jobs of the group: not where the
// list of groups or of jobs is the value of a variable.
func (m *Manifest) OpReaches(g *Group) bool {
	return m.Template == nil || g.template != nil && (g.template.jobs != nil || g.jobs == nil)
}
