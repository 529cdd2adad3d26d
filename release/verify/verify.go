// Package verify runs the start path of a job as it was and as it is now, on
// machines in memory, and compares what the processes see.
//
// It decides nothing about how a job is converted: what explains a difference
// comes from the conversion's findings, decisions and ledger. Nothing of a
// release is executed but its ERB, by ruby.
package verify

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/cases"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Verifier compares jobs.
type Verifier struct {
	Renderer *render.Renderer
	// Progress is told of every job before it is compared, by several goroutines;
	// it may be nil.
	Progress func(job string, n, of int)
	// Slots bound how many jobs are compared at a time, where other releases are
	// compared side by side with this one.
	Slots parallel.Slots
	// On is a property that is true on the side before, whatever its default is:
	// the flag that the side after has no more. "" for none.
	On string
	// everyCase says that cases are run which come to the same as one before.
	everyCase bool
}

// Release compares the jobs of a release that differ between before and after.
// plan is what the program makes of before: it explains differences. Only the
// named jobs are compared; none means all.
func (v *Verifier) Release(before, after *release.Release, plan *convert.Plan, only []string) (*Result, error) {
	r := &Result{Release: after.Name}
	var pairs []pair
	for _, a := range after.Jobs {
		b := before.Job(a.Name)
		if b == nil || len(only) > 0 && !slices.Contains(only, a.Name) || sameFiles(b, a) {
			continue
		}
		pairs = append(pairs, pair{len(pairs) + 1, b, a})
	}
	converted, err := before.With(plan.Files())
	if err != nil {
		return nil, err
	}
	for j := range parallel.InOrder(pairs, func(p pair) (j *Job) {
		v.Slots.Do(func() {
			if v.Progress != nil {
				v.Progress(p.after.Name, p.n, len(pairs))
			}
			j = v.guarded(p, converted.Job(p.before.Name), plan)
		})
		return j
	}) {
		r.Jobs = append(r.Jobs, j)
	}
	return r, nil
}

// pair is the n-th job that is compared.
type pair struct {
	n             int
	before, after *release.Job
}

// guarded is job, where a fault of this program is one of the job: the others go
// on.
func (v *Verifier) guarded(p pair, reference *release.Job, plan *convert.Plan) (j *Job) {
	defer func() {
		if fault := recover(); fault != nil {
			j = &Job{Name: p.before.Name, Status: NotRun, Why: fmt.Sprintf("bosh-bpmify failed at it, which is a fault of bosh-bpmify: %v", fault)}
		}
	}()
	var c *convert.Conversion
	if k := slices.IndexFunc(plan.Jobs, func(c *convert.Conversion) bool { return c.Job.Name == p.before.Name }); k >= 0 {
		c = plan.Jobs[k]
	}
	return v.job(p.before, p.after, reference, c, plan.Samples)
}

// files are the spec, the monit file and the templates of a job, by name.
func files(j *release.Job) map[string]*source.File {
	out := map[string]*source.File{}
	for _, name := range j.Release.Glob(func(string) bool { return true }, j.Dir()) {
		if f, err := j.Release.Read(name); err == nil {
			out[name] = f
		}
	}
	return out
}

// sameFiles says whether two forms of a job have the same files.
func sameFiles(a, b *release.Job) bool {
	x, y := files(a), files(b)
	if len(x) != len(y) {
		return false
	}
	for name, f := range x {
		if y[name] == nil || !bytes.Equal(f.Data, y[name].Data) {
			return false
		}
	}
	return true
}

// job compares a job before and after. reference is what the conversion makes of
// it.
func (v *Verifier) job(before, after, reference *release.Job, conversion *convert.Conversion, samples []*manifest.Manifest) *Job {
	j := &Job{Name: before.Name, Status: Same, Conversion: conversion}
	j.Old, j.New = differing(before, after)
	if before.Err != nil || after.Err != nil {
		j.Status, j.Why = NotRun, fmt.Sprintf("it cannot be read: %v", firstError(before.Err, after.Err))
		return j
	}
	templates := startFiles(before)
	for _, f := range startFiles(after) {
		if !slices.ContainsFunc(templates, func(o *source.File) bool { return bytes.Equal(o.Data, f.Data) }) {
			templates = append(templates, f)
		}
	}
	own := reference == nil || reference.Err != nil || sameFiles(after, reference)
	m := machines{renderer: v.Renderer.Fresh(), cases: cases.Of(before, after, templates, samples)}
	ctxB := m.fitted(before, templates, v.On)
	ctxA := m.contexts(after, ctxB)
	var ctxR []render.Context
	if !own {
		ctxR = m.contexts(reference, ctxB)
	}
	lived, livedToo := lives{}, lives{}
	usual := map[string]string{} // what the new side has in the first case that ran
	done := memo{renderer: m.renderer}
	for i, k := range m.cases {
		c, again := Case{}, done.find(i, k)
		if again != nil && !v.everyCase {
			c = again.result.copied()
			c.Name, c.Why = k.Name, k.Why
		} else {
			r := &run{awkward: k.Awkward}
			b, a := m.side(r, before, ctxB, i), m.side(r, after, ctxA, i)
			var converted Case
			var given *side
			var first, firstToo *comparison
			if !own {
				given = m.side(r, reference, ctxR, i)
				converted, firstToo = v.one(j.Name, k, r, m.side(r, before, ctxB, i), given)
			}
			c, first = v.one(j.Name, k, r, b, a)
			finish := func(c *Case) {
				x := &explainer{conversion: conversion, awkward: k.Awkward, after: a, usual: usual}
				if given != nil {
					if c.NotRun == "" && converted.NotRun == "" {
						c.Setup = append(c.Setup, undone(converted, *c, after)...)
						c.Setup = append(c.Setup, notRun(given, a)...)
						takenAway(c, given, a)
					}
					x.reference = map[string]bool{}
					converted.each(func(process string, r *Row) { x.reference[key(process, *r)] = true })
				}
				c.each(func(process string, r *Row) { x.explain(process, r) })
				c.settle(k.Awkward)
			}
			// a case that repeats it goes no new way, on which the later moments
			// would be compared
			r.result = c.copied()
			finish(&r.result)
			convertedLives, lives := livedToo.compare(&converted, firstToo), lived.compare(&c, first)
			if convertedLives || lives {
				finish(&c)
			} else {
				c = r.result.copied()
			}
			done.runs = append(done.runs, r)
			if len(usual) == 0 && !k.Awkward {
				c.each(func(process string, r *Row) {
					// where the two sides differ the difference is not one of the values
					if r.Status != Unexplained && r.Moment == "" {
						usual[process+"\x00"+r.Aspect] = r.After
					}
				})
			}
			for _, u := range slices.Concat(b.vm.Unknown, a.vm.Unknown) {
				if !slices.Contains(j.Unknown, u) {
					j.Unknown = append(j.Unknown, u)
				}
			}
		}
		j.Cases = append(j.Cases, c)
	}
	j.finish()
	return j
}

func firstError(errs ...error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// differing are the files that only one side has, or that differ.
func differing(before, after *release.Job) (old, now []*source.File) {
	x, y := files(before), files(after)
	pick := func(from, other map[string]*source.File) (out []*source.File) {
		for name, f := range from {
			if other[name] == nil || !bytes.Equal(f.Data, other[name].Data) {
				out = append(out, f)
			}
		}
		slices.SortFunc(out, func(a, b *source.File) int { return strings.Compare(a.Name, b.Name) })
		return out
	}
	return pick(x, y), pick(y, x)
}

// machines makes those of the cases of a job. What they render is rendered for all
// cases at once.
type machines struct {
	renderer *render.Renderer
	cases    []cases.Case
}

// fitted are the contexts of the cases for the job as it was, in which as many of
// the templates render as can. on is a property that is true.
func (m *machines) fitted(j *release.Job, templates []*source.File, on string) []render.Context {
	contexts := cases.Contexts(j, m.cases)
	if on != "" {
		for i := range contexts {
			contexts[i].Properties = turnedOn(contexts[i].Properties, strings.Split(on, "."))
		}
	}
	contexts = m.renderer.FitAll(templates, contexts)
	m.renderer.Prepare(allTemplates(j), contexts)
	return contexts
}

// contexts are those of another form of the job, for which the same is made up.
func (m *machines) contexts(j *release.Job, before []render.Context) []render.Context {
	contexts := cases.Contexts(j, m.cases)
	for i := range contexts {
		contexts[i].Fill = before[i].Fill
	}
	m.renderer.Prepare(allTemplates(j), contexts)
	return contexts
}

// side is a machine on which nothing ran yet, in the i-th of the contexts. r notes
// what is asked there.
func (m *machines) side(r *run, j *release.Job, contexts []render.Context, i int) *side {
	return newSide(j, contexts[i], r.recorded(m.renderer, contexts))
}

// allTemplates are the monit file and the templates of a job that can be read.
func allTemplates(j *release.Job) []*source.File {
	files := []*source.File{j.Monit}
	for _, t := range j.Spec.Templates {
		if f, err := j.Release.Read(j.TemplateName(t.Source)); err == nil {
			files = append(files, f)
		}
	}
	return files
}

// turnedOn is a copy of properties in which the one at the path is true.
func turnedOn(properties map[string]any, at []string) map[string]any {
	on := maps.Clone(properties)
	if on == nil {
		on = map[string]any{}
	}
	if len(at) == 1 {
		on[at[0]] = true
		return on
	}
	below, _ := on[at[0]].(map[string]any)
	on[at[0]] = turnedOn(below, at[1:])
	return on
}

// one runs one case.
func (v *Verifier) one(job string, k cases.Case, r *run, b, a *side) (c Case, x *comparison) {
	c = Case{Name: k.Name, Why: k.Why, Status: Same, Awkward: k.Awkward}
	errB, errA := b.run(), a.run()
	switch {
	case errB != nil && errA != nil:
		c.Status, c.NotRun = NotRun, errB.Error()
	case errB != nil:
		c.Status, c.NotRun = NotRun, "before: "+errB.Error()
	case errA != nil:
		c.Status, c.NotRun = NotRun, "after: "+errA.Error()
	case len(b.failed) > 0:
		c.Status, c.NotRun = NotRun, "before: "+b.failed[0].Error()
	default:
		x = &comparison{job: job, before: b, after: a, awkward: k.Awkward, invented: r.invents(k), usedBefore: map[int]bool{}, usedAfter: map[int]bool{}}
		c.Processes = x.processes()
		c.Setup = x.setup()
	}
	return c, x
}

// each visits the rows of a case.
func (c *Case) each(visit func(process string, r *Row)) {
	for i := range c.Processes {
		for k := range c.Processes[i].Rows {
			visit(c.Processes[i].Name, &c.Processes[i].Rows[k])
		}
	}
	for k := range c.Setup {
		visit("", &c.Setup[k])
	}
}

// at names the case for a row, with the moment of its life.
func (c *Case) at(r Row) string {
	if r.Moment == "" {
		return c.Name
	}
	return c.Name + ", " + string(r.Moment)
}

// settle takes the statuses of a case from its rows. That a process does not come
// to run with awkward values says nothing.
func (c *Case) settle(awkward bool) {
	if c.NotRun != "" {
		return
	}
	ran := len(c.Processes) == 0
	for i := range c.Processes {
		ran = ran || c.Processes[i].Status != NotRun
	}
	for i := range c.Processes {
		p := &c.Processes[i]
		if len(p.Rows) == 0 {
			if !awkward || p.Status != NotRun {
				c.Status = c.Status.Worse(p.Status)
			}
			continue
		}
		p.Status = Same
		for _, r := range p.Rows {
			p.Status = p.Status.Worse(r.Status)
		}
		c.Status = c.Status.Worse(p.Status)
	}
	for _, r := range c.Setup {
		c.Status = c.Status.Worse(r.Status)
	}
	if !ran && c.Status == Same {
		c.Status = NotRun
	}
}

// startFiles are the templates of the start path, by their names.
func startFiles(j *release.Job) []*source.File {
	files := []*source.File{j.Monit}
	for _, t := range j.Spec.Templates {
		if target := path.Clean(t.Target); strings.HasPrefix(target, "bin/") || target == "config/bpm.yml" {
			if f, err := j.Release.Read(j.TemplateName(t.Source)); err == nil {
				files = append(files, f)
			}
		}
	}
	return files
}

// hasProcesses says that there is a case in which monit starts something.
func (j *Job) hasProcesses() bool {
	return slices.ContainsFunc(j.Cases, func(c Case) bool { return len(c.Processes) > 0 })
}

// finish puts the differences of all cases together.
func (j *Job) finish() {
	at := map[string]int{}
	add := func(process, name string, r Row) {
		if r.Status == Same {
			j.Compared++
			return
		}
		k := key(process, r) + "\x00" + string(r.Status)
		i, ok := at[k]
		if !ok {
			i = len(j.Differences)
			at[k] = i
			j.Differences = append(j.Differences, Difference{Row: r, Process: process})
		}
		j.Differences[i].Cases = append(j.Differences[i].Cases, name)
	}
	// a case that does not render says nothing against the job; one that runs has
	// to be there
	j.Status = NotRun
	for i := range j.Cases {
		c := &j.Cases[i]
		c.each(func(process string, r *Row) { add(process, c.at(*r), *r) })
		switch {
		case c.Status == NotRun, len(c.Processes) == 0 && c.Status == Same && j.hasProcesses():
		case j.Status == NotRun:
			j.Status = c.Status
		default:
			j.Status = j.Status.Worse(c.Status)
		}
	}
	if j.Status == NotRun {
		j.Why = "no case could be run on both sides"
		for _, c := range j.Cases {
			for _, p := range c.Processes {
				if p.Why != "" {
					j.Why = p.Name + ": " + p.Why
				}
			}
			if c.NotRun != "" {
				j.Why = c.NotRun
				break
			}
		}
	}
	sortDifferences(j.Differences)
}
