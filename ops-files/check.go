package opsfiles

import (
	"bytes"
	"fmt"

	"github.com/cppforlife/go-patch/patch"
	"gopkg.in/yaml.v2"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Apply applies an ops-file to a decoded manifest, as bosh int does. The tree
// is used up.
func Apply(tree any, ops []byte) (any, error) {
	var defs []patch.OpDefinition
	if err := yaml.Unmarshal(ops, &defs); err != nil {
		return nil, err
	}
	parsed, err := patch.NewOpsFromDefinitions(defs)
	if err != nil {
		return nil, err
	}
	return parsed.Apply(tree)
}

// check applies the file to the manifest: once must give the manifest plus the
// additions, which is what editing in place gives; twice, and over the edited
// one, the same.
func (p *plan) check(f OpsFile, o Options) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: the ops-file %s would be wrong for it: %w", p.m.Path(), f.Name, fmt.Errorf(format, args...))
	}
	apply := func(data []byte) ([]byte, error) {
		tree, err := decode(data)
		if err != nil {
			return nil, err
		}
		if tree, err = Apply(tree, f.Data); err != nil {
			return nil, err
		}
		return yaml.Marshal(tree)
	}
	want, err := p.expected()
	if err != nil {
		return fail("%w", err)
	}
	once, err := apply(template(p.m).File.Data)
	if err != nil {
		return fail("%w", err)
	}
	if !bytes.Equal(once, want) {
		return fail("it does not give the manifest plus bpm")
	}
	if twice, err := apply(once); err != nil || !bytes.Equal(twice, once) {
		return fail("applied twice it does not give the same as once (%v)", err)
	}
	if p.addon != nil {
		after, err := apply(p.m.File.Data)
		if err != nil {
			return fail("%w", err)
		}
		return p.reaches(after)
	}
	if p.m.Template != nil {
		return nil // nobody edits what came from variables
	}
	edits, _, err := p.m.AddBPM(o.Needs, o.Pin)
	if err != nil {
		return nil // what only editing in place cannot do is told there
	}
	edited, err := source.Apply(p.m.File.Data, edits)
	if err != nil {
		return fail("%w", err)
	}
	tree, err := decode(edited)
	if err != nil {
		return fail("%w", err)
	}
	// A list that lies elsewhere, and is shared through an anchor, gains bpm
	// there, too: what counts is what is deployed.
	wanted, err := decode(want)
	if err != nil {
		return fail("%w", err)
	}
	for _, key := range []string{"releases", p.m.GroupsKey()} {
		x, errX := yaml.Marshal(at(tree, key))
		y, errY := yaml.Marshal(at(wanted, key))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			return fail("it does not give what editing the manifest gives")
		}
	}
	same, err := yaml.Marshal(tree)
	if err != nil {
		return fail("%w", err)
	}
	if over, err := apply(edited); err != nil || !bytes.Equal(over, same) {
		return fail("it changes the edited manifest (%v)", err)
	}
	return nil
}

// reaches makes sure that each group has bpm through the addon, and once.
func (p *plan) reaches(after []byte) error {
	m, err := manifest.Read(&source.File{Name: p.m.Path(), Data: after})
	if err != nil {
		return err
	}
	m.UseRuntime(p.m.Runtime...)
	want := map[string]bool{}
	for _, g := range p.groups {
		want[g.Group.Name] = true
	}
	for _, s := range m.Standings(nil) {
		if s.State == manifest.Twice && len(s.Brings) > 0 || want[s.Group.Name] && s.State != manifest.Covered {
			return fmt.Errorf("%s: the addon would be wrong for instance group %s", p.m.Path(), s.Group.Name)
		}
	}
	return nil
}

// expected is the decoded manifest plus the additions.
func (p *plan) expected() ([]byte, error) {
	tree, err := decode(template(p.m).File.Data)
	if err != nil {
		return nil, err
	}
	top, _ := tree.(map[any]any)
	if p.adds {
		releases, _ := top["releases"].([]any)
		entry := map[any]any{}
		for _, kv := range p.release {
			entry[kv.Key] = kv.Value
		}
		top["releases"] = append(releases, entry)
	}
	for _, j := range p.ambiguous {
		jobs, _ := at(tree, p.m.GroupsKey(), j.Group.Index(), j.Group.JobsKey()).([]any)
		for _, job := range jobs {
			if job, ok := job.(map[any]any); ok && job["name"] == j.Job.Name {
				job["release"] = j.Job.Release
			}
		}
	}
	if p.addon != nil {
		addons, _ := top["addons"].([]any)
		top["addons"] = append(addons, p.addon.tree())
		return yaml.Marshal(tree)
	}
	for _, g := range p.groups {
		if g.State != manifest.Lacks {
			continue
		}
		group, ok := at(tree, p.m.GroupsKey(), g.Group.Index()).(map[any]any)
		if !ok {
			return nil, fmt.Errorf("instance group %s is no mapping", g.Group.Name)
		}
		jobs, _ := group[g.Group.JobsKey()].([]any)
		group[g.Group.JobsKey()] = append(jobs, map[any]any{"name": "bpm", "release": "bpm"})
	}
	return yaml.Marshal(tree)
}
