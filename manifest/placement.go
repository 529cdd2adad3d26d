package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Need is a job that runs under bpm. Job "*" is every job of the release.
type Need struct{ Job, Release string }

// Addon is an entry of addons: jobs that the Director places on every group
// that its filters let through.
type Addon struct {
	Name string
	Jobs []Job
	Span source.Span
	// Include and Exclude are nil when they are not given.
	Include, Exclude *Filter
}

// Filter is an include or exclude of an addon.
type Filter struct {
	Lifecycle                                             string
	AZs, Teams, StemcellOS, Networks, Deployments, Groups []string
	Jobs                                                  []Job
}

func (m *Manifest) addon(n *yaml.Node, defaultRelease string) *Addon {
	a := &Addon{Name: text(n, "name"), Span: m.places.span(n), Include: m.filter(child(n, "include")), Exclude: m.filter(child(n, "exclude"))}
	for _, j := range items(sequence(n, "jobs")) {
		a.Jobs = append(a.Jobs, m.job(j, "", defaultRelease, child(n, "properties")))
	}
	return a
}

func (m *Manifest) filter(n *yaml.Node) *Filter {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	f := &Filter{
		Lifecycle: text(n, "lifecycle"), AZs: texts(sequence(n, "azs")), Teams: texts(sequence(n, "teams")),
		Networks: texts(sequence(n, "networks")), Deployments: texts(sequence(n, "deployments")), Groups: texts(sequence(n, "instance_groups")),
	}
	for _, s := range items(sequence(n, "stemcell")) {
		f.StemcellOS = append(f.StemcellOS, text(s, "os"))
	}
	for _, j := range items(sequence(n, "jobs")) {
		f.Jobs = append(f.Jobs, m.job(j, "", "", nil))
	}
	return f
}

// applies is Filter#applies? of bosh-director's addon/filter.rb. An include
// that names nothing lets everything through, an exclude that names nothing
// excludes nothing. Teams do not count in a deployment manifest.
func (f *Filter) applies(m *Manifest, g *Group, jobs []Job, include bool) bool {
	if f == nil {
		return include
	}
	none := func(wanted, have []string) bool {
		return len(wanted) > 0 && !slices.ContainsFunc(have, func(s string) bool { return slices.Contains(wanted, s) })
	}
	if f.Lifecycle != "" && f.Lifecycle != g.Lifecycle || none(f.AZs, g.AZs) || none(f.StemcellOS, []string{g.OS}) || none(f.Networks, g.Networks) {
		return false
	}
	if len(f.Deployments) > 0 || len(f.Jobs) > 0 || len(f.Groups) > 0 {
		has := slices.ContainsFunc(f.Jobs, func(want Job) bool {
			return slices.ContainsFunc(jobs, func(j Job) bool { return j.Name == want.Name && j.Release == want.Release })
		})
		return !none(f.Deployments, []string{m.Name}) && (len(f.Jobs) == 0 || has) && !none(f.Groups, []string{g.Name})
	}
	return include || len(f.StemcellOS) > 0 || len(f.Networks) > 0 || len(f.AZs) > 0 || f.Lifecycle != ""
}

// addonsOn gives the addons that the Director places on a group, in order: a
// later filter sees the jobs that earlier addons brought.
func (m *Manifest) addonsOn(g *Group) []*Addon {
	var on []*Addon
	jobs := slices.Clone(g.Jobs)
	for _, a := range m.Addons {
		if a.Include.applies(m, g, jobs, true) && !a.Exclude.applies(m, g, jobs, false) {
			on = append(on, a)
			jobs = append(jobs, a.Jobs...)
		}
	}
	return on
}

// State is how a group that runs a needed job stands with bpm.
type State int

const (
	// Lacks bpm: it has to be added.
	Lacks State = iota
	// Has a bpm job that says no more than name and release.
	Has
	// HasOwn bpm job, with properties or from another release.
	HasOwn
	// Covered by an addon that brings bpm.
	Covered
	// Windows stemcell: bpm does not run there.
	Windows
)

// Placement is a group that runs a needed job.
type Placement struct {
	Group *Group
	State State
	// Job is the first one of the group that needs bpm; Addon is what brings
	// it, nil when it is the group's own.
	Job   Job
	Addon *Addon
	// Reason says why nothing is added, "" for Lacks and Has.
	Reason string
}

// Placements gives every group that runs one of the jobs, in the order of the
// manifest. A job that does not say its release, where several are listed,
// counts by its name.
func (m *Manifest) Placements(needs []Need) []Placement {
	var ps []Placement
	for _, g := range m.Groups {
		p := Placement{Group: g}
		if job := needed(g.Jobs, needs); job != nil {
			p.Job = *job
		}
		var bringsBPM *Addon
		for _, a := range m.addonsOn(g) {
			if job := needed(a.Jobs, needs); job != nil && p.Job.Name == "" {
				p.Job, p.Addon = *job, a
			}
			if bringsBPM == nil && slices.ContainsFunc(a.Jobs, isBPM) {
				bringsBPM = a
			}
		}
		if p.Job.Name == "" {
			continue
		}
		var own []Job
		for _, j := range g.Jobs {
			if j.Name == "bpm" {
				own = append(own, j)
			}
		}
		switch {
		case g.Windows():
			p.State, p.Reason = Windows, "its stemcell is Windows, where bpm does not run"
		case len(own) > 1:
			p.State, p.Reason = HasOwn, "it lists bpm more than once; the Director refuses that"
		case len(own) == 1 && !isPlainBPM(own[0]):
			p.State, p.Reason = HasOwn, "it has a bpm job that says more than name and release"
		case len(own) == 1:
			p.State = Has
		case bringsBPM != nil:
			p.State, p.Reason = Covered, fmt.Sprintf("addon %s brings bpm", bringsBPM.Name)
		}
		ps = append(ps, p)
	}
	return ps
}

// GroupsRunning gives the groups that run one of the jobs, whether or not they
// have bpm.
func (m *Manifest) GroupsRunning(needs []Need) []*Group {
	var groups []*Group
	for _, p := range m.Placements(needs) {
		groups = append(groups, p.Group)
	}
	return groups
}

func needed(jobs []Job, needs []Need) *Job {
	for i, j := range jobs {
		if isBPM(j) {
			continue
		}
		for _, n := range needs {
			if (j.Name == n.Job || n.Job == "*") && (j.Release == n.Release || j.Release == "" && n.Job != "*") {
				return &jobs[i]
			}
		}
	}
	return nil
}

func isBPM(j Job) bool {
	return j.Name == "bpm" && (j.Release == "bpm" || j.Release == "" || j.implicit)
}

func isPlainBPM(j Job) bool {
	return j.node.Kind == yaml.MappingNode && len(j.node.Content) == 4 && text(j.node, "name") == "bpm" && text(j.node, "release") == "bpm"
}

// Why says in words why the group needs bpm.
func (p Placement) Why() string {
	var b strings.Builder
	b.WriteString("runs job " + p.Job.Name)
	if p.Job.Release != "" {
		b.WriteString(" of release " + p.Job.Release)
	}
	if p.Addon != nil {
		b.WriteString(" through addon " + p.Addon.Name)
	}
	return b.String()
}
