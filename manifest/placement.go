package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Need is a job that runs under bpm. Job "*" is every job of the release.
type Need struct {
	Job, Release string
	// Flag is the property that turns bpm on where the job knows both ways, and
	// Default the value that it has when it is not set; "" when there is none.
	Flag    string
	Default bool
	// Configured says that the job brings a configuration for bpm, and that monit
	// does not start it: its scripts call bpm, or another job's do.
	Configured bool
}

// Addon is an entry of addons: jobs that the Director places on every group
// that its filters let through.
type Addon struct {
	Name string
	Jobs []Job
	Span source.Span
	// Runtime says that a runtime config has it.
	Runtime bool
	// Include and Exclude are nil when they are not given.
	Include, Exclude *Filter
}

// Filter is an include or exclude of an addon.
type Filter struct {
	Lifecycle                                             string
	AZs, Teams, StemcellOS, Networks, Deployments, Groups []string
	Jobs                                                  []Job
	Span                                                  source.Span
}

func (m *Manifest) addon(n *yaml.Node, defaultRelease string) *Addon {
	a := &Addon{Name: text(n, "name"), Span: m.places.span(n), Include: m.filter(child(n, "include")), Exclude: m.filter(child(n, "exclude")), Runtime: m.Kind == RuntimeConfig}
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
		Span: m.places.span(n),
	}
	if m.Kind != RuntimeConfig {
		f.Teams = nil // the Director ignores them there
	}
	for _, s := range items(sequence(n, "stemcell")) {
		f.StemcellOS = append(f.StemcellOS, text(s, "os"))
	}
	for _, j := range items(sequence(n, "jobs")) {
		f.Jobs = append(f.Jobs, m.job(j, "", "", nil))
	}
	return f
}

// criterion is one of those that a filter can have: what it asks for, and what
// the group has; of jobs only whether it has one of them.
type criterion struct {
	what         string
	wanted, have []string
	hasJob       bool
}

// criteria are those that the filter has. All of them have to match.
func (f *Filter) criteria(m *Manifest, g *Group, jobs []Job) []criterion {
	var cs []criterion
	add := func(what string, wanted, have []string) {
		if len(wanted) > 0 {
			cs = append(cs, criterion{what: what, wanted: wanted, have: have})
		}
	}
	if f.Lifecycle != "" {
		add("lifecycle", []string{f.Lifecycle}, []string{g.Lifecycle})
	}
	add("stemcell", f.StemcellOS, []string{g.OS})
	add("azs", f.AZs, g.AZs)
	add("networks", f.Networks, g.Networks)
	add("teams", f.Teams, nil) // no manifest says them
	add("deployments", f.Deployments, []string{m.Name})
	if len(f.Jobs) > 0 {
		has := slices.ContainsFunc(jobs, func(j Job) bool {
			return slices.ContainsFunc(f.Jobs, func(w Job) bool { return w.Release != "" && w.Name == j.Name && w.Release == j.Release })
		})
		cs = append(cs, criterion{what: "jobs", wanted: jobNames(f.Jobs), hasJob: has})
	}
	add("instance_groups", f.Groups, []string{g.Name})
	return cs
}

func jobNames(jobs []Job) []string {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = j.Name + " of release " + j.Release
	}
	return names
}

// open says that what the manifest has decides nothing: it does not say it, or has
// a variable there.
func (c criterion) open() bool {
	switch c.what {
	case "teams":
		return true
	case "stemcell", "deployments":
		return c.have[0] == "" || strings.Contains(c.have[0], "((")
	case "azs", "networks":
		return slices.ContainsFunc(c.have, func(s string) bool { return strings.Contains(s, "((") })
	}
	return false
}

func (c criterion) matches() bool {
	return c.hasJob || slices.ContainsFunc(c.have, func(s string) bool { return slices.Contains(c.wanted, s) })
}

// misses says why an addon does not reach a group, "" when it does: an include
// has to match where there is one, an exclude must not. This is Addon#applies?
// and Filter#applies? of bosh-director (addon/addon.rb, addon/filter.rb): an
// include that names nothing lets everything through, an exclude that names
// nothing excludes nothing.
//
// open says what of it the manifest leaves open, "" when nothing; the reason is
// then as if that did not match.
func (a *Addon) misses(m *Manifest, g *Group, jobs []Job) (reason, open string) {
	if a.Include != nil {
		for _, c := range a.Include.criteria(m, g, jobs) {
			switch {
			case c.matches():
			case c.open():
				open = "its include asks for " + c.what + " " + someOf(c.wanted, " or ") + ", and " + c.of(g)
			default:
				return "its include asks for " + c.what + " " + someOf(c.wanted, " or ") + ", and " + c.of(g), ""
			}
		}
	}
	if a.Exclude == nil {
		return open, open
	}
	all := a.Exclude.criteria(m, g, jobs)
	var hit []string
	excluded := ""
	for _, c := range all {
		switch {
		case c.matches():
		case c.open():
			excluded = "its exclude names " + c.what + " " + someOf(c.wanted, " or ") + ", and " + c.of(g)
		default:
			return open, open
		}
		hit = append(hit, c.what+" "+someOf(c.wanted, " or "))
	}
	switch {
	case excluded != "" && open == "":
		return "", excluded
	case excluded != "" || len(hit) == 0:
		return open, open
	}
	return "its exclude names " + strings.Join(hit, " with "), ""
}

// of says what the group has instead.
func (c criterion) of(g *Group) string {
	switch c.what {
	case "stemcell":
		switch {
		case g.OS == "":
			return "nothing says which OS the stemcell of this group has"
		case strings.Contains(g.OS, "(("):
			return "the stemcell of this group has the OS " + g.OS + ", a variable"
		}
		return "this group has " + g.OS
	case "teams":
		return "no manifest says to which teams its deployment belongs"
	case "deployments":
		switch {
		case c.have[0] == "":
			return "the manifest does not say what its deployment is called"
		case c.open():
			return "this one is called " + c.have[0] + ", a variable"
		}
		return "this one is called " + c.have[0]
	case "instance_groups":
		return "this one is not among them"
	case "lifecycle":
		return "this group has " + c.have[0]
	case "jobs":
		return "this group has none of them"
	}
	if len(c.have) == 0 {
		return "this group has none"
	}
	return "this group has " + someOf(c.have, ", ")
}

// someOf joins names, and counts those that would make the sentence too long.
func someOf(names []string, with string) string {
	const most = 4
	if len(names) > most+1 {
		return strings.Join(names[:most], with) + fmt.Sprintf(" and %d others", len(names)-most)
	}
	return strings.Join(names, with)
}

// Miss is an addon that brings bpm, but not to the group.
type Miss struct {
	Addon  *Addon
	Reason string
}

// Open is an addon with bpm of which nobody can tell from the files whether it
// reaches the group, and as what it is taken.
type Open struct {
	Addon   *Addon
	Reason  string
	Reaches bool
}

// UseRuntime adds the addons of runtime configs, which the Director places
// after the manifest's own.
func (m *Manifest) UseRuntime(configs ...*Manifest) {
	for _, c := range configs {
		m.Runtime = append(m.Runtime, c)
		m.runtimeAddons = append(m.runtimeAddons, c.Addons...)
	}
}

// addonsOn gives the addons that the Director places on a group, in order: a
// later filter sees the jobs that earlier addons brought. create-env knows no
// addons.
func (m *Manifest) addonsOn(g *Group) (on []*Addon, missed []Miss, undecided []Open) {
	if m.createEnv {
		return nil, nil, nil
	}
	jobs := slices.Clone(g.Jobs)
	for _, a := range slices.Concat(m.Addons, m.runtimeAddons) {
		reason, open := a.misses(m, g, jobs)
		brings := slices.ContainsFunc(a.Jobs, isBPM)
		if reason == "" {
			on = append(on, a)
			jobs = append(jobs, a.Jobs...)
		} else if brings {
			missed = append(missed, Miss{a, reason})
		}
		if open != "" && brings {
			undecided = append(undecided, Open{a, open, reason == ""})
		}
	}
	return on, missed, undecided
}

// Reaches says whether an addon that is added behind the manifest's own would
// reach a group.
func (m *Manifest) Reaches(a *Addon, g *Group) bool { return m.reaches(a, g, m.Addons) }

// reaches says whether an addon reaches a group on which those before it are
// placed.
func (m *Manifest) reaches(a *Addon, g *Group, before []*Addon) bool {
	jobs := slices.Clone(g.Jobs)
	for _, b := range before {
		if reason, _ := b.misses(m, g, jobs); reason == "" {
			jobs = append(jobs, b.Jobs...)
		}
	}
	reason, _ := a.misses(m, g, jobs)
	return reason == ""
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
	// Twice has bpm, which the Director refuses.
	Twice
	// Windows stemcell: bpm does not run there.
	Windows
)

// Placement is a group that runs a needed job.
type Placement struct {
	Group *Group
	State State
	// Job is the first one of the group that needs bpm, Needing are all of
	// them; Addon is what brings Job, nil when it is the group's own.
	Job     Job
	Needing []Job
	Addon   *Addon
	// Own are the group's own bpm jobs, Brings the addons that bring one, Missed
	// those that would, but for their filters.
	Own    []Job
	Brings []*Addon
	Missed []Miss
	// Open are addons with bpm that may reach the group or not.
	Open []Open
	// Reason says why nothing is added, "" for Lacks and Has.
	Reason string
}

// Placements gives every group that runs one of the jobs, in the order of the
// manifest. A job that does not say its release, where several are listed,
// counts by its name.
func (m *Manifest) Placements(needs []Need) []Placement {
	return slices.DeleteFunc(m.Standings(needs), func(p Placement) bool { return p.Job.Name == "" })
}

// Standings is Placements for every group: those that need no bpm have no Job.
func (m *Manifest) Standings(needs []Need) []Placement {
	var ps []Placement
	for _, g := range m.Groups {
		p := Placement{Group: g, Needing: needing(g.Jobs, needs)}
		if len(p.Needing) > 0 {
			p.Job = p.Needing[0]
		}
		var on []*Addon
		on, p.Missed, p.Open = m.addonsOn(g)
		for _, a := range on {
			brought := needing(a.Jobs, needs)
			if len(brought) > 0 && p.Job.Name == "" {
				p.Job, p.Addon = brought[0], a
			}
			p.Needing = append(p.Needing, brought...)
			if slices.ContainsFunc(a.Jobs, isBPM) {
				p.Brings = append(p.Brings, a)
			}
		}
		for _, j := range g.Jobs {
			if isBPM(j) {
				p.Own = append(p.Own, j)
			}
		}
		switch {
		case g.Windows():
			p.State, p.Reason = Windows, "its stemcell is Windows, where bpm does not run"
		case len(p.Own) > 1:
			p.State, p.Reason = Twice, "it lists bpm more than once; the Director refuses that"
		case len(p.Own) == 1 && len(p.Brings) > 0:
			p.State, p.Reason = Twice, fmt.Sprintf("it lists bpm, and addon %s brings it, too; the Director refuses that", p.Brings[0].Name)
		case len(p.Brings) > 1:
			p.State, p.Reason = Twice, fmt.Sprintf("addon %s and addon %s both bring bpm; the Director refuses that", p.Brings[0].Name, p.Brings[1].Name)
		case len(p.Own) == 1 && !isPlainBPM(p.Own[0]):
			p.State, p.Reason = HasOwn, "it has a bpm job that says more than name and release"
		case len(p.Own) == 1:
			p.State = Has
		case len(p.Brings) > 0:
			p.State, p.Reason = Covered, fmt.Sprintf("%s brings bpm", p.Brings[0])
		}
		ps = append(ps, p)
	}
	return ps
}

// String names an addon and where it is.
func (a *Addon) String() string {
	if a.Runtime {
		return "addon " + a.Name + " of the runtime config"
	}
	return "addon " + a.Name
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

// needing are the jobs that need bpm.
func needing(jobs []Job, needs []Need) []Job {
	var out []Job
	for _, j := range jobs {
		if !isBPM(j) && slices.ContainsFunc(needs, func(n Need) bool { return n.is(j) && !n.off(j) }) {
			out = append(out, j)
		}
	}
	return out
}

func (n Need) is(j Job) bool {
	return (j.Name == n.Job || n.Job == "*") && (j.Release == n.Release || j.Release == "" && n.Job != "*")
}

// MonitStarts says whether monit starts one of the group's jobs through bpm, as far
// as is known: a deploy without bpm fails then.
func (p Placement) MonitStarts(needs []Need) bool {
	return slices.ContainsFunc(p.Needing, func(j Job) bool {
		return slices.ContainsFunc(needs, func(n Need) bool { return n.is(j) && !n.Configured && !n.off(j) })
	})
}

// off says whether the job's properties keep it from bpm for certain.
func (n Need) off(j Job) bool {
	if n.Flag == "" {
		return false
	}
	v := j.Properties
	for _, key := range strings.Split(n.Flag, ".") {
		v = child(v, key)
	}
	if v == nil {
		return !n.Default
	}
	return v.Kind == yaml.ScalarNode && (v.Tag == "!!null" && !n.Default || v.Tag == "!!bool" && v.Value != "true")
}

// isBPM goes by the name alone, as InstanceGroup#add_job of the Director does when
// it refuses a second one.
func isBPM(j Job) bool { return j.Name == "bpm" }

func isPlainBPM(j Job) bool {
	return j.node.Kind == yaml.MappingNode && len(j.node.Content) == 4 && text(j.node, "name") == "bpm" && text(j.node, "release") == "bpm"
}

// Why says in words why the group needs bpm.
func (p Placement) Why() string {
	text := "runs " + p.JobNames()
	if p.Addon != nil {
		text += " through " + p.Addon.String()
	}
	return text
}

// JobNames names the jobs that need bpm: "jobs web, api of release site".
func (p Placement) JobNames() string {
	var releases []string
	names := map[string][]string{}
	for _, j := range p.Needing {
		if names[j.Release] == nil {
			releases = append(releases, j.Release)
		}
		names[j.Release] = append(names[j.Release], j.Name)
	}
	var parts []string
	for _, r := range releases {
		part := "job " + names[r][0]
		if len(names[r]) > 1 {
			part = "jobs " + someOf(names[r], ", ")
		}
		if r != "" {
			part += " of release " + r
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
