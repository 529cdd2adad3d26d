package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	opsfiles "github.com/bosh-bpmify/bosh-bpmify/ops-files"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Placement is a job of the release where a deployment manifest puts it.
type Placement struct {
	// Job has its properties as the Director resolves them.
	Job   manifest.Job
	Group *manifest.Group
	// BPM is the version of bpm that the deployment uses; "", "latest" or a
	// variable where it is not known. BPMSpan is where the manifest says so, if it
	// does.
	BPM     string
	BPMSpan source.Span
	// GroupsKey is what the manifest calls its list of groups; "" means
	// instance_groups.
	GroupsKey string
}

// Placer holds the jobs of a release against the places where manifests put them.
// What is the same for all places is worked out once.
type Placer struct {
	ctx   *context
	jobs  map[string]*placeable
	trees map[*source.File]*conditions
}

// NewPlacer is for the jobs of one release.
func NewPlacer(r *release.Release) *Placer {
	return &Placer{newContext(r), map[string]*placeable{}, map[*source.File]*conditions{}}
}

// Placed tells what a job that runs under bpm asks of the deployment and does not
// get there: a disk, a later bpm, a port or a path that its properties name. A job
// that does not run under bpm, or of which nothing is deployed, has no findings;
// neither has what a variable decides.
func (l *Placer) Placed(p Placement) []source.Diagnostic {
	if p.Group == nil || p.Group.Windows() || p.Group.Instances == "0" {
		return nil
	}
	known := l.job(p.Job.Name)
	if known == nil {
		return nil
	}
	w := newJob(known.Job, l.ctx)
	w.monit, w.doc, w.starts, w.stops, w.others = known.monit, known.doc, known.starts, known.stops, known.others
	w.deployed = newDeployment(p.Job, w.Spec, l.trees)
	at := &placed{job: w, place: p, byDefault: known.byDefault}
	for _, process := range w.doc.Processes() {
		if runs := at.runs(process); runs > no {
			at.processes = append(at.processes, running{process, runs})
		}
	}
	at.disk()
	at.version()
	at.ports()
	at.paths()
	return source.Merge(at.findings)
}

// job gives a job that has a configuration for bpm which can be read, else nil.
func (l *Placer) job(name string) *placeable {
	if p, ok := l.jobs[name]; ok {
		return p
	}
	l.jobs[name] = nil
	j := l.ctx.release.Job(name)
	if j == nil || j.Err != nil {
		return nil
	}
	w := newJob(j, l.ctx)
	if !w.load() || w.doc == nil {
		return nil
	}
	l.jobs[name] = &placeable{w, sync.OnceValue(w.pathsByDefault)}
	return l.jobs[name]
}

// placeable is a job as the release has it.
type placeable struct {
	*job
	// byDefault are the findings about paths without a deployment.
	byDefault func() map[string]bool
}

// placed is a job under check with the place where it is deployed.
type placed struct {
	*job
	place     Placement
	processes []running
	findings  []source.Diagnostic
	byDefault func() map[string]bool
}

// running is a process that bpm starts in the deployment, surely or perhaps.
type running struct {
	bpm.ProcessNode
	runs truth
}

// unmet names the instance group first: a manifest has many.
func (d *placed) unmet(id string, severity source.Severity, at source.Span, related []source.Span, fix, format string, args ...any) {
	d.findings = append(d.findings, source.Diagnostic{
		ID: id, Severity: severity, Span: at, Related: related, Fix: fix,
		Message: fmt.Sprintf("instance group %s: ", d.place.Group.Name) + fmt.Sprintf(format, args...),
	})
}

// runs says whether bpm starts a process in this deployment: bpm.yml may have it
// under a condition, and monit may start something else.
func (d *placed) runs(p bpm.ProcessNode) truth {
	there := d.deployed.arms(d.doc.File, p.Arms)
	if p.Chosen {
		there = min(there, maybe)
	}
	started, known := no, false
	for _, c := range d.starts {
		if startedBy(p, c) {
			known = true
			started = max(started, d.deployed.at(d.Monit, c.program.Span.Start))
		}
	}
	switch {
	case known:
		return min(there, started)
	case len(d.starts) == 0 && len(d.others) > 0:
		return no
	}
	return there // an errand, or what a script runs
}

// disk looks for processes that ask for a disk which the group does not have.
func (d *placed) disk() {
	if d.place.Group.HasPersistentDisk {
		return
	}
	names := map[truth][]string{}
	places := map[truth][]source.Span{}
	for _, p := range d.processes {
		wants, at := d.wants(p, "persistent_disk")
		if wants = min(wants, p.runs); wants > no {
			names[wants] = append(names[wants], p.Name().Text())
			places[wants] = append(places[wants], at)
		}
	}
	sure, severity, where := yes, source.Error, ""
	if len(names[yes]) == 0 {
		sure, severity = maybe, source.Warning
		where = " under a condition that the manifest does not decide"
	}
	if len(names[sure]) == 0 {
		return
	}
	outcome := "bpm does not start it then: requested persistent disk does not exist"
	if d.makesStore() {
		severity = source.Warning
		outcome = "a script on the group may make /var/vcap/store; if none does, bpm does not start it, and if one does, its data is lost with the VM"
	}
	groups := d.place.GroupsKey
	if groups == "" {
		groups = "instance_groups"
	}
	d.unmet("no-persistent-disk", severity, d.place.Group.Span, places[sure],
		opsfiles.DiskOp(groups, d.place.Group),
		"job %s asks for a persistent disk (%s)%s, and the group has none\n%s\ngive the group a disk, of 10 GiB or as much as it needs",
		d.Name, processList(names[sure]), where, outcome)
}

var makesFolder = search.MustCompile(`(?m)^[^\n#]*\b(?:mkdir|install[ \t]+-d)\b`)

// makesStore says whether a script of a job of the release on the group may make
// /var/vcap/store, which only a VM with a disk has otherwise.
func (d *placed) makesStore() bool {
	for _, j := range d.place.Group.Jobs {
		if d.ctx.release.Job(j.Name) == nil {
			continue
		}
		for _, f := range d.ctx.textsOf(j.Name) {
			if text := uncommented(f); path.Base(f.Name) != "monit" && makesFolder.Match(text) && strings.Contains(string(text), "/var/vcap/store") {
				return true
			}
		}
	}
	return false
}

// processList names processes.
func processList(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 1 {
		return "process " + names[0]
	}
	return "processes " + strings.Join(names, ", ")
}

// wants says whether a switch of a process is on; a later field replaces an
// earlier one.
func (d *placed) wants(p running, key string) (on truth, at source.Span) {
	p.Each(func(n *bpm.Node) {
		for _, f := range n.Fields {
			if f.Name() != key {
				continue
			}
			value := maybe
			if s, ok := f.Value.Static(); ok {
				value = no
				if s == "true" {
					value = yes
				}
			} else if f.Value.Kind != bpm.Choice && len(f.Value.Value) == 1 {
				value = d.expression(f.Value.Value[0].Ruby)
			}
			switch holds := d.deployed.arms(d.doc.File, f.Arms); {
			case holds == yes:
				on, at = value, f.Span
			case holds == maybe && value != on:
				on, at = maybe, f.Span
			}
		}
	})
	return on, at
}

// expression is the truth of Ruby that prints one property.
func (d *placed) expression(code string) truth {
	names := onlyPropertyName.FindStringSubmatch(strings.TrimSpace(code))
	if names == nil {
		return maybe
	}
	v, known := d.deployed.property(names[1])
	if !known || v == nil {
		return maybe
	}
	return fromNode(v).truth()
}

var onlyPropertyName = search.MustCompile(`^p\(?\s*['"]([^'"]+)['"]\s*\)?$`)

// version looks for what the bpm of the deployment does not know yet.
func (d *placed) version() {
	type need struct {
		bpm.Feature
		at source.Span
	}
	found := map[truth][]need{}
	for _, p := range d.processes {
		for _, u := range p.Uses(func(n *bpm.Node) string { text, _ := d.defaulted(n); return text }) {
			if !bpm.Before(d.place.BPM, u.Since) {
				continue
			}
			sure := min(p.runs, d.deployed.arms(d.doc.File, u.Arms))
			if u.Open {
				sure = min(sure, maybe)
			}
			if !slices.ContainsFunc(found[sure], func(o need) bool { return o.What == u.What }) {
				found[sure] = append(found[sure], need{u.Feature, u.At})
			}
		}
	}
	sure, severity, where := yes, source.Error, ""
	if len(found[yes]) == 0 {
		sure, severity = maybe, source.Warning
		where = ", under a condition that the manifest does not decide"
	}
	needs := found[sure]
	if len(needs) == 0 {
		return
	}
	// Features are ordered by version, those of one process at least
	latest := needs[0].Since
	var words []string
	var places []source.Span
	for _, n := range needs {
		if bpm.Before(latest, n.Since) {
			latest = n.Since
		}
		words = append(words, fmt.Sprintf("%s (%s)", n.What, n.Since))
		places = append(places, n.at)
	}
	at, from := d.place.BPMSpan, ""
	fix := opsfiles.VersionOp(latest)
	if !at.Valid() { // it is that of a runtime config, where no op for the manifest reaches
		at, from, fix = d.place.Group.Span, ", which the runtime config lists,", ""
	}
	d.unmet("bpm-too-old", severity, at, places, fix,
		"job %s asks for what bpm %s%s does not know%s: %s\ntake bpm %s or later; where url and sha1 stand beside the version, they have to be those of the new one",
		d.Name, d.place.BPM, from, where, strings.Join(words, ", "), latest)
}

// mountedBy describes for people where a process can write.
func mountedBy(c container.Process) string {
	var all []string
	for _, dir := range []string{"/var/vcap/data/" + c.Job, "/var/vcap/store/" + c.Job} {
		if a := c.Access(dir); a.There && a.Writable {
			all = append(all, dir)
		}
	}
	for _, v := range c.Additional {
		if v.Writable && !strings.Contains(v.Path, unknown) {
			all = append(all, path.Clean(v.Path))
		}
	}
	if len(all) == 0 {
		all = []string{"/var/vcap/data/" + c.Job + "/tmp"}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}
