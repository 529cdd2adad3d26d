package opsfiles

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

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

// Applies says why ops cannot be applied to a manifest.
func Applies(manifest, ops []byte) error {
	tree, err := decode(manifest)
	if err == nil {
		_, err = Apply(tree, ops)
	}
	return err
}

// check applies the file to the manifest: once must give the manifest plus the
// additions, twice the same as once. Where the manifest is one that release edits,
// it must be what editing in place gives, too.
func (p *plan) check(f OpsFile, o Options) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: the ops-file %s would be wrong for it: %w", p.m.Path(), f.Name, fmt.Errorf(format, args...))
	}
	want, err := p.expected()
	if err != nil {
		return fail("%w", err)
	}
	once, err := Apply(clone(p.tree), f.Data)
	if err != nil {
		return fail("%w", err)
	}
	if !equal(once, want) {
		return fail("it does not give the manifest plus bpm")
	}
	if twice, err := Apply(clone(once), f.Data); err != nil || !equal(twice, once) {
		return fail("applied twice it does not give the same as once (%v)", err)
	}
	switch {
	case p.addon != nil:
		err = p.reaches(f)
	case !o.OnlyLacking && len(p.flags) == 0: // editing in place sets no flags
		err = p.sameAsEdited(f, o, want)
	}
	if err != nil {
		return fail("%w", err)
	}
	return nil
}

// sameAsEdited holds the result against the manifest that is edited in place, and
// applies the file to that.
func (p *plan) sameAsEdited(f OpsFile, o Options, want any) error {
	edits, _, err := p.m.AddBPM(o.Needs, o.Pin)
	if err != nil {
		return nil // what only editing in place cannot do is told there
	}
	data, err := source.Apply(p.m.File.Data, edits)
	if err != nil {
		return err
	}
	edited, err := decode(data)
	if err != nil {
		return err
	}
	// A list that lies elsewhere, and is shared through an anchor, gains bpm
	// there, too: what counts is what is deployed.
	for _, key := range []string{"releases", p.m.GroupsKey()} {
		if !equal(at(edited, key), at(want, key)) {
			return errors.New("it does not give what editing the manifest gives")
		}
	}
	if over, err := Apply(clone(edited), f.Data); err != nil || !equal(over, edited) {
		return fmt.Errorf("it changes the edited manifest (%w)", err)
	}
	return nil
}

// equal compares decoded YAML; what is not equal to itself (.nan) by its text.
func equal(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, errX := yaml.Marshal(a)
	y, errY := yaml.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// clone copies decoded YAML: go-patch changes what it is given.
func clone(tree any) any {
	switch t := tree.(type) {
	case map[any]any:
		out := make(map[any]any, len(t))
		for k, v := range t {
			out[k] = clone(v)
		}
		return out
	case []any:
		out := make([]any, len(t))
		for i, v := range t {
			out[i] = clone(v)
		}
		return out
	}
	return tree
}

// reaches makes sure that each group has bpm through the addon, and once.
func (p *plan) reaches(f OpsFile) error {
	tree, err := decode(p.m.File.Data)
	if err != nil {
		return err
	}
	if tree, err = Apply(tree, f.Data); err != nil {
		return err
	}
	after, err := yaml.Marshal(tree)
	if err != nil {
		return err
	}
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
func (p *plan) expected() (any, error) {
	tree := clone(p.tree)
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
		return tree, nil
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
	for _, f := range p.flags {
		if err := p.setFlag(tree, f); err != nil {
			return nil, err
		}
	}
	return tree, nil
}
