// Package verify runs the start path of a job as it was and as it is now, on
// machines in memory, and compares what the processes see.
package verify

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Verifier compares jobs.
type Verifier struct {
	Renderer *render.Renderer
	// Manifests are the sample manifests, whose groups are cases.
	Manifests []*manifest.Manifest
}

// Job compares a job before and after. conversion is what the program makes of
// the old one; it explains differences, and is nil where there is none.
func (v *Verifier) Job(before, after *release.Job, conversion *convert.Conversion) *Job {
	j := &Job{Name: before.Name, Status: Same, Conversion: conversion}
	if before.Err != nil || after.Err != nil {
		j.Status, j.Why = NotRun, fmt.Sprintf("it cannot be read: %v", firstError(before.Err, after.Err))
		return j
	}
	for _, c := range []Case{{Name: "defaults"}} {
		v.one(j, before, after, c, nil)
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

// one runs one case.
func (v *Verifier) one(j *Job, before, after *release.Job, c Case, properties map[string]any) {
	ctxB, ctxA := render.NewContext(before, properties), render.NewContext(after, properties)
	ctxB = v.Renderer.Fit(startFiles(before), ctxB)
	ctxA.Fill = ctxB.Fill
	b := newSide(before, ctxB, v.Renderer.Render)
	a := newSide(after, ctxA, v.Renderer.Render)
	c.Status = Same
	errB, errA := b.run(), a.run()
	switch {
	case errB != nil && errA != nil:
		c.Status, c.NotRun = NotRun, errB.Error()
	case errB != nil:
		c.Status, c.NotRun = NotRun, "before: "+errB.Error()
	case errA != nil:
		c.Status, c.NotRun = NotRun, "after: "+errA.Error()
	default:
		x := &comparison{job: before.Name, before: b, after: a, usedBefore: map[int]bool{}, usedAfter: map[int]bool{}}
		c.Processes = x.processes()
		c.Setup = x.setup()
		for _, p := range c.Processes {
			c.Status = c.Status.Worse(p.Status)
		}
		for _, r := range c.Setup {
			c.Status = c.Status.Worse(r.Status)
		}
	}
	for _, u := range slices.Concat(b.vm.Unknown, a.vm.Unknown) {
		if !slices.Contains(j.Unknown, u) {
			j.Unknown = append(j.Unknown, u)
		}
	}
	j.Cases = append(j.Cases, c)
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

// finish puts the differences of all cases together.
func (j *Job) finish() {
	at := map[string]int{}
	add := func(process, name string, r Row) {
		if r.Status == Same {
			j.Compared++
			return
		}
		k := strings.Join([]string{process, r.Aspect, r.Before, r.After, string(r.Status)}, "\x00")
		i, ok := at[k]
		if !ok {
			i = len(j.Differences)
			at[k] = i
			j.Differences = append(j.Differences, Difference{Row: r, Process: process})
		}
		j.Differences[i].Cases = append(j.Differences[i].Cases, name)
	}
	j.Status = Same
	ran := false
	for _, c := range j.Cases {
		ran = ran || c.Status != NotRun
		for _, p := range c.Processes {
			for _, r := range p.Rows {
				add(p.Name, c.Name, r)
			}
		}
		for _, r := range c.Setup {
			add("", c.Name, r)
		}
		j.Status = j.Status.Worse(c.Status)
	}
	sortDifferences(j.Differences)
}
