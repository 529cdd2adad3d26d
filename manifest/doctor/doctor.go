// Package doctor holds a deployment manifest against the releases that it
// deploys: what would end in "is not running after update", or be refused by
// the Director, because of bpm.
//
// Who gets bpm from where is known to package manifest, what a job asks of the
// group that it is placed on to release/check. The package reads, and changes
// nothing.
package doctor

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	opsfiles "github.com/bosh-bpmify/bosh-bpmify/ops-files"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/check"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Finding is something that a deployment would stumble over. Group and Job are
// empty where it belongs to none.
type Finding struct {
	Group, Job string
	source.Diagnostic
}

// Options are what the manifest is held against.
type Options struct {
	Needs []manifest.Need
	// Releases are those that could be read.
	Releases []*release.Release
	// Pin is the bpm that the fixes are to use where the manifest lists none.
	Pin manifest.Pin
}

// Examine gives the findings in the order of the manifest's groups; what belongs
// to no group comes first.
func Examine(m *manifest.Manifest, o Options) []Finding {
	x := &examination{m: m, o: o, standings: m.Standings(o.Needs), points: opsfiles.Pointing(m)}
	for _, r := range o.Releases {
		x.placers = append(x.placers, check.NewPlacer(r))
	}
	x.runtime = sync.OnceValue(m.RuntimeBPMs)
	x.runtimeVersion = sync.OnceValue(func() string { version, _ := m.RuntimeBPM(); return version })
	x.additions = sync.OnceValues(func() (*manifest.Additions, error) { return m.Additions(o.Needs, o.Pin) })
	x.releases()
	x.stemcells()
	x.addons()
	for _, s := range x.standings {
		x.group(s)
	}
	return x.findings
}

type examination struct {
	m *manifest.Manifest
	o Options
	// standings are those of all groups.
	standings []manifest.Placement
	findings  []Finding
	placers   []*check.Placer // for each release
	// releaseFixed says that a fix lists the release already.
	releaseFixed bool
	// runtime are the bpm releases of runtime configs that count here,
	// runtimeVersion is the version that a group gets from them.
	runtime        func() []manifest.Release
	runtimeVersion func() string
	// additions are what would be added, or why it cannot be.
	additions func() (*manifest.Additions, error)
	// points says why no op can point at a group.
	points func(*manifest.Group) error
}

// message is an error's text without its place.
func message(err error) string {
	_, text := source.Split(err)
	return text
}

func (x *examination) find(s manifest.Placement, d source.Diagnostic) {
	f := Finding{Diagnostic: d}
	if s.Group != nil {
		f.Group, f.Job = s.Group.Name, s.Job.Name
	}
	x.findings = append(x.findings, f)
}

// lines joins what a finding says: a line each, the group's name in the first.
func lines(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "\n")
}

// group looks at one instance group.
func (x *examination) group(s manifest.Placement) {
	switch s.State {
	case manifest.Lacks:
		if s.Job.Name != "" {
			x.lacks(s)
		}
	case manifest.Twice:
		x.twice(s)
	case manifest.Windows:
		x.windows(s)
		return
	}
	x.placed(s)
}

// lacks is what an operator sees as "is not running after update".
func (x *examination) lacks(s manifest.Placement) {
	g := s.Group
	text := []string{fmt.Sprintf("instance group %s has no bpm", g.Name)}
	what := fmt.Sprintf(`the deploy will end with "'%s/...' is not running after update"`, g.Name)
	if x.m.CreateEnv() {
		what = fmt.Sprintf(`bosh create-env will wait for instance '%s/0' until it times out`, g.Name)
	}
	if g.Lifecycle == "errand" {
		what = "the errand will end where it calls bpm"
	}
	severity := source.Error
	if s.MonitStarts(x.o.Needs) {
		text = append(text, jobsThatNeed(s)+"; "+what)
	} else {
		severity = source.Warning
		text = append(text, s.JobNames()+": there is a configuration for bpm, though monit does not start it; what calls bpm there, such as a script of a backup or an errand, finds none")
	}
	if g.Instances == "0" {
		text = append(text, "it has 0 instances: this shows once it is scaled up")
	}
	for _, miss := range s.Missed {
		known := ""
		if slices.ContainsFunc(s.Open, func(o manifest.Open) bool { return o.Addon == miss.Addon }) {
			severity, known = source.Warning, ", as far as the files tell"
		}
		text = append(text, fmt.Sprintf("%s does not reach it%s: %s", miss.Addon, known, miss.Reason))
	}
	fix := opsfiles.JobOp(x.m, g)
	if err := x.points(g); err != nil {
		fix = ""
		text = append(text, message(err))
	} else if additions, err := x.additions(); err != nil {
		text = append(text, "the ops below are not enough: "+message(err))
	} else if additions.Release != nil && !x.releaseFixed {
		x.releaseFixed = true
		fix = opsfiles.ReleaseOp(additions.Release) + fix
	}
	if g.JobsKey() == "" {
		fix = ""
	}
	x.find(s, source.Diagnostic{ID: "bpm-missing", Severity: severity, Span: g.Span, Message: lines(text...), Fix: fix})
}

// jobsThatNeed names the jobs of a group that bpm starts.
func jobsThatNeed(s manifest.Placement) string {
	text := s.JobNames()
	if len(s.Needing) == 1 {
		text += " is started by it"
	} else {
		text += " are started by it"
	}
	if s.Addon != nil {
		text += ", through " + s.Addon.String()
	}
	return text
}

// twice is refused by the Director.
func (x *examination) twice(s manifest.Placement) {
	g := s.Group
	var from []string
	for _, j := range s.Own {
		from = append(from, fmt.Sprintf("its own jobs (line %d)", j.Span.Position().Line))
	}
	for _, a := range s.Brings {
		from = append(from, a.String())
	}
	fix := ""
	if len(s.Own) == 1 && x.points(g) == nil {
		fix = opsfiles.RemoveJobOp(x.m, g)
	}
	x.find(s, source.Diagnostic{
		ID: "bpm-twice", Severity: source.Error, Span: g.Span, Fix: fix,
		Message: lines(fmt.Sprintf("instance group %s has bpm from %s", g.Name, strings.Join(from, " and from ")),
			fmt.Sprintf("the Director refuses the deploy: \"Colocated job 'bpm' is already added to the instance group '%s'\"", g.Name)),
	})
}

// windows has no bpm.
func (x *examination) windows(s manifest.Placement) {
	g := s.Group
	if len(s.Own)+len(s.Brings) > 0 {
		from := "it lists the job"
		if len(s.Brings) > 0 {
			from = s.Brings[0].String() + " reaches it; give that an exclude for the stemcell"
		}
		x.find(s, source.Diagnostic{
			ID: "bpm-on-windows", Severity: source.Error, Span: g.Span,
			Message: lines(fmt.Sprintf("instance group %s would get bpm, and its stemcell is Windows: error", g.Name), "bpm is for Linux, its packages do not compile there", from),
		})
		return
	}
	if s.Job.Name == "" {
		return
	}
	x.find(s, source.Diagnostic{
		ID: "bpm-on-windows", Severity: source.Note, Span: g.Span,
		Message: lines(fmt.Sprintf("instance group %s has a Windows stemcell, and bpm is for Linux only", g.Name), jobsThatNeed(s)+" on Linux; on Windows it has to start by itself"),
	})
}

// placed asks what the jobs want of this group.
func (x *examination) placed(s manifest.Placement) {
	version, at := "", source.Span{}
	if r := x.m.BPMRelease(); r != nil {
		version, at = r.Version, r.Span
	} else if len(s.Brings) > 0 {
		version = x.runtimeVersion()
	}
	for _, j := range s.Needing {
		for i, r := range x.o.Releases {
			if j.Release != r.Name && j.Release != "" {
				continue
			}
			for _, d := range x.placers[i].Placed(check.Placement{Job: j, Group: s.Group, BPM: version, BPMSpan: at, GroupsKey: x.m.GroupsKey()}) {
				if d.ID == "no-persistent-disk" && x.points(s.Group) != nil {
					d.Fix = ""
				}
				x.findings = append(x.findings, Finding{Group: s.Group.Name, Job: j.Name, Diagnostic: d})
			}
		}
	}
}

// releases looks at the bpm release: listed once, and where it is used.
func (x *examination) releases() {
	listed := x.m.BPMReleases()
	if len(listed) > 1 {
		x.find(manifest.Placement{}, source.Diagnostic{
			ID: "bpm-twice", Severity: source.Error, Span: listed[1].Span, Related: []source.Span{listed[0].Span},
			Message: "release bpm is listed twice\nthe Director refuses the deploy; keep one of them",
		})
	}
	if len(listed) == 0 && x.m.ListsReleases() {
		x.unlisted()
		x.notTaken()
	}
	x.versions(listed)
}

// versions finds a bpm of the manifest or of a runtime config that differs from
// that of another runtime config.
func (x *examination) versions(listed []manifest.Release) {
	runtime := x.runtime()
	if len(runtime) == 0 {
		return
	}
	if other := slices.IndexFunc(runtime, func(r manifest.Release) bool { return r.Version != runtime[0].Version }); other > 0 && !strings.Contains(runtime[0].Version+runtime[other].Version, "((") {
		x.find(manifest.Placement{}, source.Diagnostic{
			ID: "bpm-versions-differ", Severity: source.Error, Span: runtime[other].Span, Related: []source.Span{runtime[0].Span},
			Message: lines(fmt.Sprintf("a runtime config lists bpm %s and another one bpm %s, and both bring it to this deployment", runtime[0].Version, runtime[other].Version), "the Director refuses the deploy; use the same version in both"),
		})
	}
	if len(listed) != 1 || listed[0].Version == runtime[0].Version || strings.Contains(listed[0].Version+runtime[0].Version, "((") {
		return
	}
	d := source.Diagnostic{
		ID: "bpm-versions-differ", Severity: source.Error, Span: listed[0].Span,
		Message: lines(fmt.Sprintf("the manifest lists bpm %s and the runtime config bpm %s", listed[0].Version, runtime[0].Version), "the Director refuses the deploy; use the same version in both"),
		Fix:     opsfiles.VersionOp(runtime[0].Version),
	}
	if strings.HasSuffix(listed[0].Version, "latest") {
		d.Severity = source.Warning
		d.Message = lines(fmt.Sprintf("the manifest lists bpm %s and the runtime config bpm %s", listed[0].Version, runtime[0].Version),
			"the Director refuses the deploy as soon as it has a later bpm than that; use the same version in both")
	}
	x.find(manifest.Placement{}, d)
}

// unlisted finds bpm jobs whose release the manifest does not list.
func (x *examination) unlisted() {
	for _, s := range x.standings {
		job, by := manifest.Job{}, ""
		if len(s.Own) > 0 {
			job, by = s.Own[0], "instance group "+s.Group.Name
		}
		for _, a := range s.Brings {
			if !a.Runtime {
				job, by = manifest.Job{Name: "bpm", Release: "bpm", Span: a.Span}, a.String()
			}
		}
		if by == "" || job.Release != "bpm" && job.Release != "" {
			continue
		}
		fix := ""
		if entry, err := x.m.ReleaseEntry(x.o.Pin); err == nil {
			fix = opsfiles.ReleaseOp(entry)
		}
		x.find(s, source.Diagnostic{
			ID: "bpm-release-missing", Severity: source.Error, Span: job.Span, Fix: fix,
			Message: lines(by+" runs job bpm, and no release bpm is listed: error", "the Director refuses the deploy: it \"references an unknown release 'bpm'\""),
		})
		return
	}
}

// notTaken finds an addon of a runtime config that brings bpm behind a filter on a
// job which the same runtime config brings: the Director chooses the releases
// before it places addons, and then has no release for it.
func (x *examination) notTaken() {
	if len(x.runtime()) > 0 {
		return
	}
	for _, s := range x.standings {
		for _, a := range s.Brings {
			listed := slices.ContainsFunc(x.m.Runtime, func(c *manifest.Manifest) bool { return slices.Contains(c.Addons, a) && c.BPMRelease() != nil })
			if !listed || a.Include == nil || len(a.Include.Jobs) == 0 {
				continue
			}
			fix := ""
			if entry, err := x.m.ReleaseEntry(x.o.Pin); err == nil {
				fix = opsfiles.ReleaseOp(entry)
			}
			x.find(s, source.Diagnostic{
				ID: "bpm-release-missing", Severity: source.Error, Span: a.Span, Fix: fix,
				Message: lines(fmt.Sprintf("%s brings bpm to instance group %s, and no release bpm is taken for it: error", a, s.Group.Name),
					"it asks for a job that another addon of the runtime config brings, and the Director chooses the releases of a runtime config before it places the addons: the deploy fails",
					"list release bpm in the manifest as well, or filter by something that the group has by itself"),
			})
			return
		}
	}
}

// resolvedStemcells are those with cgroup v2 and systemd-resolved: a container of
// an older bpm does not start there, or has no DNS (bpm-release 546c72bc, 508af33f).
var resolvedStemcells = []string{"ubuntu-noble", "ubuntu-resolute"}

// stemcells finds a bpm that is older than a stemcell of the groups it is for.
func (x *examination) stemcells() {
	const since = "1.4.0"
	r := x.m.BPMRelease()
	fix := opsfiles.VersionOp(since)
	if runtime := x.runtime(); r == nil && len(runtime) > 0 {
		r, fix = &runtime[0], ""
	}
	if r == nil || !bpm.Before(r.Version, since) {
		return
	}
	var groups, systems []string
	for _, s := range x.standings {
		if slices.Contains(resolvedStemcells, s.Group.OS) && len(s.Own)+len(s.Brings) > 0 {
			groups = append(groups, s.Group.Name)
			if !slices.Contains(systems, s.Group.OS) {
				systems = append(systems, s.Group.OS)
			}
		}
	}
	if len(groups) == 0 {
		return
	}
	x.find(manifest.Placement{}, source.Diagnostic{
		ID: "bpm-too-old", Severity: source.Error, Span: r.Span,
		Message: lines(fmt.Sprintf("bpm %s is too old for %s (instance groups %s)", r.Version, strings.Join(systems, " and "), strings.Join(groups, ", ")),
			"it has cgroup v2, which bpm knows since 1.3.0, and systemd-resolved, since "+since+": containers do not start, or have no DNS",
			"take bpm "+since+" or later; where url and sha1 stand beside the version, they have to be those of the new one"),
		Fix: fix,
	})
}

// addons finds addons that the Director refuses.
func (x *examination) addons() {
	for _, c := range x.m.Runtime {
		for _, a := range c.Addons {
			for _, j := range a.Jobs {
				if j.Name != "bpm" || slices.ContainsFunc(c.Releases, func(r manifest.Release) bool { return r.Name == j.Release || strings.Contains(r.Name, "((") }) {
					continue
				}
				x.find(manifest.Placement{}, source.Diagnostic{
					ID: "bpm-release-missing", Severity: source.Error, Span: j.Span,
					Message: lines(fmt.Sprintf("%s runs job bpm of release %s, and that runtime config does not list the release: error", a, j.Release), "the Director refuses the runtime config; list the release in it, with its version"),
				})
			}
		}
	}
	for _, a := range x.m.Addons {
		for _, f := range []*manifest.Filter{a.Include, a.Exclude} {
			if f != nil && len(f.Deployments) > 0 {
				x.find(manifest.Placement{}, source.Diagnostic{
					ID: "addon-filter-refused", Severity: source.Error, Span: f.Span,
					Message: lines(fmt.Sprintf("%s of this manifest filters by deployments", a), "the Director refuses the deploy: \"Deployment filter is not allowed for deployment level addons\"; drop that filter, or put the addon into a runtime config"),
				})
			}
		}
	}
}
