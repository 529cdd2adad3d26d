package opsfiles

import (
	"fmt"
	"slices"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// addon is an addon that brings bpm to some groups and to no others.
type addon struct {
	name string
	// jobs and groups are the include, stemcells the exclude.
	jobs      []manifest.Job
	groups    []string
	stemcells []string
}

// addonFor finds the filters that reach the groups that lack bpm and nothing
// else. The jobs alone are best: they fit any other manifest, and groups that
// come later. Where that would reach more, Windows groups are excluded, or the
// groups are named.
func addonFor(m *manifest.Manifest, lacking []manifest.Placement, o Options) (*addon, error) {
	if m.CreateEnv() {
		return nil, source.Errorf(source.Span{File: m.File}, "bosh create-env knows no addons; leave out --addon")
	}
	a := addon{name: addonName(m, o.Release)}
	var jobs []manifest.Job
	var groups []string
	wanted := map[*manifest.Group]bool{}
	for _, p := range lacking {
		groups = append(groups, p.Group.Name)
		wanted[p.Group] = true
		for _, j := range p.Needing {
			if j.Release == "" {
				return nil, source.Errorf(j.Span, "job %s does not say its release, which the filter of an addon needs; add it first", j.Name)
			}
			if !slices.ContainsFunc(jobs, func(k manifest.Job) bool { return k.Name == j.Name && k.Release == j.Release }) {
				jobs = append(jobs, j)
			}
		}
	}
	var windows []string
	for _, g := range m.Groups {
		if g.Windows() && g.OS != "" && !slices.Contains(windows, g.OS) {
			windows = append(windows, g.OS)
		}
	}
	for _, try := range []addon{
		{jobs: jobs}, {jobs: jobs, stemcells: windows}, {jobs: jobs, groups: groups}, {groups: groups},
	} {
		try.name = a.name
		right := func(g *manifest.Group) bool { return m.Reaches(try.asPlaced(), g) == wanted[g] }
		if !slices.ContainsFunc(m.Groups, func(g *manifest.Group) bool { return !right(g) }) {
			return &try, nil
		}
	}
	return nil, source.Errorf(source.Span{File: m.File}, "no addon can reach the instance groups that lack bpm and no others; leave out --addon")
}

// addonName is bpm, or another name where the manifest has that addon already.
func addonName(m *manifest.Manifest, release string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(m.Addons, func(a *manifest.Addon) bool { return a.Name == name })
	}
	name := "bpm"
	if taken(name) {
		name = "bpm-for-" + release
	}
	for i := 2; taken(name); i++ {
		name = fmt.Sprintf("bpm-for-%s-%d", release, i)
	}
	return name
}

func (a *addon) asPlaced() *manifest.Addon {
	placed := &manifest.Addon{Name: a.name, Include: &manifest.Filter{Jobs: a.jobs, Groups: a.groups}}
	if len(a.stemcells) > 0 {
		placed.Exclude = &manifest.Filter{StemcellOS: a.stemcells}
	}
	return placed
}

func (a *addon) path() string { return "/addons?/name=" + pathEscapes.Replace(a.name) + "?" }

// lines are the addon as YAML.
func (a *addon) lines() []string {
	lines := []string{"name: " + scalar(a.name), "jobs:", "- name: bpm", "  release: bpm", "include:"}
	if len(a.jobs) > 0 {
		lines = append(lines, "  jobs:")
		for _, j := range a.jobs {
			lines = append(lines, "  - name: "+scalar(j.Name), "    release: "+scalar(j.Release))
		}
	}
	if len(a.groups) > 0 {
		lines = append(lines, "  instance_groups:")
		for _, g := range a.groups {
			lines = append(lines, "  - "+scalar(g))
		}
	}
	if len(a.stemcells) > 0 {
		lines = append(lines, "exclude:", "  stemcell:")
		for _, os := range a.stemcells {
			lines = append(lines, "  - os: "+scalar(os))
		}
	}
	return lines
}

// tree is the addon as yaml.v2 decodes it.
func (a *addon) tree() map[any]any {
	named := func(name, release string) map[any]any { return map[any]any{"name": name, "release": release} }
	include := map[any]any{}
	var jobs, groups, stemcells []any
	for _, j := range a.jobs {
		jobs = append(jobs, named(j.Name, j.Release))
	}
	for _, g := range a.groups {
		groups = append(groups, g)
	}
	for _, os := range a.stemcells {
		stemcells = append(stemcells, map[any]any{"os": os})
	}
	if len(jobs) > 0 {
		include["jobs"] = jobs
	}
	if len(groups) > 0 {
		include["instance_groups"] = groups
	}
	tree := map[any]any{"name": a.name, "jobs": []any{named("bpm", "bpm")}, "include": include}
	if len(stemcells) > 0 {
		tree["exclude"] = map[any]any{"stemcell": stemcells}
	}
	return tree
}
