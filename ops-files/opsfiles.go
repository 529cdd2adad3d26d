// Package opsfiles generates ops-files that colocate bpm in manifests that
// live elsewhere, and checks each one before it is given out: applied to its
// manifests with go-patch it gives what editing them in place gives, applied
// twice it gives the same as once, and where bpm is already it changes nothing.
//
// It reads manifests through package manifest, edits none, interpolates no
// variables and writes nothing.
package opsfiles

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"

	"gopkg.in/yaml.v2"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Options are what the ops-files are for.
type Options struct {
	// Tool and Release are named in the header.
	Tool, Release string
	Needs         []manifest.Need
	// Pin is used for manifests that do not list bpm.
	Pin manifest.Pin
	// OutName is the name of the first file, such as generated-bpm-ops.yml.
	OutName string
	// Applied are the ops-files that the manifests went through already, for the
	// command that the header shows; Variables says that they were given some.
	Applied   []string
	Variables bool
	// OnlyLacking is for manifests that an operator named: the groups, and the
	// release, that a manifest has already are left out, and one that no ops-file
	// can serve is an error. Without it the file is the same for a manifest with
	// bpm added.
	OnlyLacking bool
	// Addon makes one addon of it instead of a job for each group.
	Addon bool
	// TurnOn sets the flags of the jobs that know both ways: they need bpm then.
	TurnOn bool
}

// OpsFile is one generated file.
type OpsFile struct {
	Name      string
	Data      []byte
	Manifests []string
	// Groups get bpm.
	Groups []string
	// Skipped are groups of the file's manifests that run a needed job and are
	// left alone; in the first file also manifests that no file can serve.
	Skipped []Skip
}

// Skip is what an ops-file leaves alone. Group is "" for a whole manifest.
type Skip struct{ Manifest, Group, Reason string }

// Generate makes the ops-files for some manifests. An ops-file that names an
// instance group fails on a manifest without that group, so manifests whose
// groups differ get a file each: the one without a suffix is for the set that
// most manifests share. What comes out is the same, byte for byte, for a
// manifest with bpm already added.
//
// A manifest that no ops-file can serve is left alone, with the reason in the
// header; when that is all of them it is an error.
func Generate(manifests []*manifest.Manifest, o Options) ([]OpsFile, error) {
	type set struct {
		key   string
		plans []*plan
	}
	var sets []*set
	var refused []Skip
	var errs []error
	for _, m := range manifests {
		p, err := planFor(m, o)
		if err != nil {
			errs = append(errs, err)
			_, reason := source.Split(err) // lines move when the manifest is edited
			refused = append(refused, Skip{Manifest: m.Path(), Reason: reason})
			continue
		}
		if len(p.groups)+len(p.flags) == 0 || o.OnlyLacking && len(p.lacking()) == 0 {
			continue
		}
		i := slices.IndexFunc(sets, func(s *set) bool { return s.key == p.key() })
		if i < 0 {
			i, sets = len(sets), append(sets, &set{key: p.key()})
		}
		sets[i].plans = append(sets[i].plans, p)
	}
	if len(sets) == 0 || o.OnlyLacking && len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sort.SliceStable(sets, func(i, j int) bool { return len(sets[i].plans) > len(sets[j].plans) })
	var files []OpsFile
	taken := map[string]bool{}
	for i, s := range sets {
		first := s.plans[0]
		f := OpsFile{Name: o.OutName, Groups: first.names()}
		if i > 0 {
			f.Name = nameFor(o.OutName, first.m.Path(), taken)
		} else {
			f.Skipped = refused
		}
		taken[f.Name] = true
		for _, p := range s.plans {
			f.Manifests = append(f.Manifests, p.m.Path())
			f.Skipped = append(f.Skipped, p.skipped...)
		}
		f.Data = first.print(f, o)
		for _, p := range s.plans {
			if err := p.check(f, o); err != nil {
				return nil, err
			}
		}
		files = append(files, f)
	}
	return files, nil
}

// nameFor names the file for a manifest: by its base name, or, where another
// file has that, by its whole path.
func nameFor(outName, manifestName string, taken map[string]bool) string {
	ext := path.Ext(outName)
	stem := strings.TrimSuffix(outName, ext)
	whole := strings.TrimSuffix(manifestName, path.Ext(manifestName))
	name := stem + "-" + path.Base(whole) + ext
	if taken[name] {
		name = stem + "-" + strings.Trim(strings.NewReplacer("/", "-", "..", "").Replace(whole), "-") + ext
	}
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%s-%d%s", stem, path.Base(whole), i, ext)
	}
	return name
}

// plan is what an ops-file has to say for one manifest.
type plan struct {
	tree    any // what bosh decodes, before variables
	m       *manifest.Manifest
	groups  []manifest.Placement
	skipped []Skip
	// release is the value for the bpm release: the manifest's own entry where
	// it has one, so that the op changes nothing there. nil where there is no
	// op for it; kept says why.
	release []manifest.Field
	kept    string
	// adds says that the manifest does not list the release.
	adds bool
	// ambiguous are jobs that get their release.
	ambiguous []manifest.AmbiguousJob
	// addon is what brings bpm in the addon form.
	addon *addon
	// flags are the properties that turn bpm on.
	flags []flag
}

func planFor(m *manifest.Manifest, o Options) (*plan, error) {
	needs := o.Needs
	if o.TurnOn {
		needs = TurnedOn(needs)
	}
	additions, err := m.Additions(needs, o.Pin)
	if err != nil {
		return nil, err
	}
	tree, err := decode(template(m).File.Data)
	if err != nil {
		return nil, source.Errorf(source.Span{File: m.File}, "bosh cannot read this: %v", err)
	}
	if len(additions.Ambiguous) > 0 && !o.OnlyLacking {
		return nil, additions.Ambiguous[0].Job.Ambiguous()
	}
	p := &plan{m: m, tree: tree, ambiguous: additions.Ambiguous, release: additions.Release, adds: additions.Release != nil}
	if _, isList := at(tree, "releases").([]any); p.adds && !isList {
		return nil, source.Errorf(source.Span{File: m.File}, "the list of releases is the value of a variable, and bosh applies ops-files before it fills variables in; add bpm to that value")
	}
	points := pointing(m, tree)
	for _, g := range additions.Placements {
		if o.TurnOn && !p.turnOn(g, o.Needs) {
			continue // it runs without bpm still
		}
		reason := g.Reason
		if g.State == manifest.Has && (o.OnlyLacking || o.Addon) {
			reason = "it has bpm already"
		} else if g.State == manifest.Lacks || g.State == manifest.Has {
			reason = ""
		}
		if reason != "" {
			p.skipped = append(p.skipped, Skip{m.Path(), g.Group.Name, reason})
			continue
		}
		if err := points(g.Group); err != nil && !o.Addon {
			return nil, err
		}
		p.groups = append(p.groups, g)
	}
	if o.Addon && len(p.groups) > 0 {
		if p.addon, err = addonFor(m, p.groups, o); err != nil {
			return nil, err
		}
	}
	switch {
	case p.adds, len(p.groups) == 0:
	case m.BPMRelease() != nil && (o.OnlyLacking || o.Addon):
		p.kept = "the manifest lists it"
	case m.BPMRelease() == nil:
		p.kept = "the manifest has no list of releases"
	default:
		if p.release = ownEntry(tree); p.release == nil {
			p.kept = "the manifest lists it in a form of its own"
		}
	}
	return p, nil
}

// Pointing gives the error that refuses a group which no op can point at, nil for
// the others.
func Pointing(m *manifest.Manifest) func(*manifest.Group) error {
	once := sync.OnceValues(func() (func(*manifest.Group) error, error) {
		tree, err := decode(template(m).File.Data)
		return pointing(m, tree), err
	})
	return func(g *manifest.Group) error {
		check, err := once()
		if err != nil {
			return source.Errorf(source.Span{File: m.File}, "bosh cannot read this: %v", err)
		}
		return check(g)
	}
}

func pointing(m *manifest.Manifest, tree any) func(*manifest.Group) error {
	called := map[string]int{}
	for _, g := range m.Groups {
		called[g.OpName()]++
	}
	return func(g *manifest.Group) error {
		if called[g.OpName()] > 1 {
			return source.Errorf(g.Span, "two instance groups are called %q, and an op can point at one only", g.Name)
		}
		return nameable(m, tree, g)
	}
}

// nameable refuses groups that a path of go-patch cannot point at. go-patch
// compares names as strings and takes a "?" at the end for "optional", which would
// make up a group where there is none.
func nameable(m *manifest.Manifest, tree any, g *manifest.Group) error {
	if !m.OpReaches(g) {
		return source.Errorf(g.Span, "the jobs of instance group %q are the value of a variable, and bosh applies ops-files before it fills variables in; add bpm to that value, or use ops --addon", g.Name)
	}
	name, isText := at(tree, m.GroupsKey(), g.Index(), "name").(string)
	switch {
	case !isText:
		return source.Errorf(g.Span, "the name of instance group %q is no text for YAML, and an op cannot point at it; put it in quotes", g.Name)
	case name != g.OpName():
		return source.Errorf(g.Span, "bosh reads the name of instance group %q as %q", g.Name, name)
	case name == "" || strings.HasSuffix(name, "?"):
		return source.Errorf(g.Span, "the name of instance group %q cannot stand in the path of an op", g.Name)
	}
	return nil
}

// ownEntry gives the bpm entry of releases, nil when something in it is no
// text, such as the stemcell of a compiled release, or a version that YAML
// reads as a number: an op that repeats it could change it.
func ownEntry(tree any) []manifest.Field {
	releases, _ := at(tree, "releases").([]any)
	for _, r := range releases {
		entry, _ := r.(map[any]any)
		if entry["name"] != "bpm" {
			continue
		}
		var fields []manifest.Field
		for k, v := range entry {
			key, keyOK := k.(string)
			value, valueOK := v.(string)
			if !keyOK || !valueOK {
				return nil
			}
			fields = append(fields, manifest.Field{Key: key, Value: value})
		}
		order := []string{"name", "version", "url", "sha1"}
		slices.SortFunc(fields, func(a, b manifest.Field) int {
			i, j := slices.Index(order, a.Key), slices.Index(order, b.Key)
			switch {
			case i >= 0 && j >= 0:
				return i - j
			case i < 0 && j < 0:
				return strings.Compare(a.Key, b.Key)
			}
			return j - i // one of them is -1, and that one is last
		})
		return fields
	}
	return nil
}

func (p *plan) lacking() []manifest.Placement {
	return slices.DeleteFunc(slices.Clone(p.groups), func(g manifest.Placement) bool { return g.State != manifest.Lacks })
}

func (p *plan) names() []string {
	var names []string
	for _, g := range p.groups {
		names = append(names, g.Group.Name)
	}
	return names
}

// key is the same for plans that can share a file.
func (p *plan) key() string {
	var paths []string
	for _, g := range p.groups {
		paths = append(paths, jobPath(p.m, g.Group))
	}
	for _, j := range p.ambiguous {
		paths = append(paths, p.releasePath(j))
	}
	for _, f := range p.flags {
		paths = append(paths, p.flagPath(f))
	}
	sort.Strings(paths)
	if p.addon != nil {
		paths = p.addon.lines()
	}
	return fmt.Sprintf("%q %q %q", paths, p.release, p.kept)
}

// template is what bosh applies ops-files to.
func template(m *manifest.Manifest) *manifest.Manifest {
	if m.Template != nil {
		return m.Template
	}
	return m
}

func decode(data []byte) (tree any, err error) {
	err = yaml.Unmarshal(data, &tree)
	return tree, err
}

// at walks a decoded tree by keys and indexes; nil where there is nothing.
func at(tree any, path ...any) any {
	for _, step := range path {
		switch t := tree.(type) {
		case map[any]any:
			tree = t[step]
		case []any:
			i, ok := step.(int)
			if !ok || i >= len(t) {
				return nil
			}
			tree = t[i]
		default:
			return nil
		}
	}
	return tree
}

// SameOps says whether two ops-files do the same, whatever their comments say.
func SameOps(a, b []byte) bool {
	x, errX := decode(a)
	y, errY := decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}
