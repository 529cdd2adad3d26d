// Package manifest reads BOSH deployment manifests and plans the additions
// that colocate bpm in them: as edits that only add lines, so that comments,
// order and quoting stay.
//
// It interpolates nothing and writes nothing. Generating ops-files for
// manifests that live elsewhere is package opsfiles' business.
package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Kind is what a YAML file looks like.
type Kind string

const (
	Deployment    Kind = "deployment manifest"
	CreateEnv     Kind = "create-env manifest"
	V1            Kind = "deployment manifest in the old jobs/templates form"
	RuntimeConfig Kind = "runtime config"
	CloudConfig   Kind = "cloud config"
	OpsFile       Kind = "ops-file"
	Pipeline      Kind = "Concourse pipeline"
	Empty         Kind = "empty file"
	Unknown       Kind = "other YAML"
)

// Manifest is a manifest as it was read.
type Manifest struct {
	File     *source.File
	Kind     Kind
	Name     string
	Releases []Release
	Groups   []*Group
	Addons   []Addon

	root     *yaml.Node
	releases *yaml.Node // the sequence, nil when there is none
}

// Release is an entry of releases.
type Release struct {
	Name, Version, URL, SHA1 string
	Span                     source.Span
}

// Group is an instance group.
type Group struct {
	Name      string
	Span      source.Span
	Jobs      []Job
	Lifecycle string
	// OS is that of the group's stemcell, where the manifest says it.
	OS                string
	HasPersistentDisk bool

	index int
	jobs  *yaml.Node // the sequence; shared when it comes through an alias
}

// Job is a job placed in an instance group.
type Job struct {
	Name, Release string
	Span          source.Span
	Properties    *yaml.Node

	file *source.File
}

// Addon is an entry of addons.
type Addon struct {
	Name string
	Jobs []Job
	Span source.Span
	// Filtered says that include or exclude keeps it from some groups.
	Filtered bool
}

// Deploys says whether the file places jobs on instances.
func (m *Manifest) Deploys() bool {
	return m.Kind == Deployment || m.Kind == CreateEnv || m.Kind == V1
}

var yamlLine = regexp.MustCompile(`(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

func yamlError(f *source.File, err error) error {
	m := yamlLine.FindStringSubmatchIndex(err.Error())
	if m == nil {
		return source.Errorf(source.Span{File: f}, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	line, _ := strconv.Atoi(err.Error()[m[2]:m[3]])
	at := f.Offset(line, 1)
	return source.Errorf(source.Span{File: f, Start: at, End: at}, "%s", err.Error()[m[1]:])
}

// Read reads a manifest. What is not YAML, or not UTF-8, or more than one
// document is an error with a place.
func Read(f *source.File) (*Manifest, error) {
	if !utf8.Valid(f.Data) {
		at := 0
		for at < len(f.Data) {
			r, n := utf8.DecodeRune(f.Data[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return nil, source.Errorf(source.Span{File: f, Start: at, End: at}, "not UTF-8")
	}
	d := yaml.NewDecoder(bytes.NewReader(f.Data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return &Manifest{File: f, Kind: Empty}, nil
		}
		return nil, yamlError(f, err)
	}
	if err := d.Decode(&second); err == nil {
		return nil, source.Errorf(span(f, &second), "a second YAML document; a manifest is one")
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(f, err)
	}
	var tree any
	if err := doc.Decode(&tree); err != nil { // duplicate keys, bad merges
		return nil, yamlError(f, err)
	}
	m := &Manifest{File: f, Kind: Unknown, root: &doc}
	if len(doc.Content) == 0 {
		m.Kind = Empty
		return m, nil
	}
	m.read(doc.Content[0])
	return m, nil
}

func (m *Manifest) read(top *yaml.Node) {
	groups, jobs := sequence(top, "instance_groups"), sequence(top, "jobs")
	switch {
	case isOpsFile(top):
		m.Kind = OpsFile
	case groups != nil && child(top, "cloud_provider") != nil:
		m.Kind = CreateEnv
	case groups != nil:
		m.Kind = Deployment
	case jobs != nil && (child(top, "resources") != nil || hasKey(jobs, "plan")):
		m.Kind = Pipeline
	case jobs != nil && (hasKey(jobs, "templates") || hasKey(jobs, "template")):
		m.Kind = V1
	case sequence(top, "addons") != nil:
		m.Kind = RuntimeConfig
	case child(top, "vm_types") != nil || child(top, "disk_types") != nil || child(top, "compilation") != nil && child(top, "networks") != nil:
		m.Kind = CloudConfig
	case top.Tag == "!!null":
		m.Kind = Empty
	}
	if n := child(top, "name"); n != nil {
		m.Name = n.Value
	}
	m.releases = sequence(top, "releases")
	for _, r := range items(m.releases) {
		m.Releases = append(m.Releases, Release{text(r, "name"), text(r, "version"), text(r, "url"), text(r, "sha1"), span(m.File, r)})
	}
	stemcells := map[string]string{}
	for _, s := range items(sequence(top, "stemcells")) {
		stemcells[text(s, "alias")] = text(s, "os")
	}
	key := "jobs"
	if m.Kind == V1 {
		groups, key = jobs, "templates"
	}
	for i, g := range items(groups) {
		group := &Group{
			Name: text(g, "name"), Span: span(m.File, g), Lifecycle: text(g, "lifecycle"),
			OS: stemcells[text(g, "stemcell")], index: i, jobs: sequence(g, key),
		}
		for _, k := range []string{"persistent_disk", "persistent_disk_type", "persistent_disk_pool", "persistent_disks"} {
			if d := child(g, k); d != nil && d.Value != "0" {
				group.HasPersistentDisk = true
			}
		}
		for _, j := range items(group.jobs) {
			group.Jobs = append(group.Jobs, m.job(j, text(g, "release")))
		}
		if m.Kind == V1 {
			for i := range group.Jobs { // properties are the group's there
				if group.Jobs[i].Properties == nil {
					group.Jobs[i].Properties = child(g, "properties")
				}
			}
		}
		m.Groups = append(m.Groups, group)
	}
	for _, a := range items(sequence(top, "addons")) {
		addon := Addon{Name: text(a, "name"), Span: span(m.File, a), Filtered: child(a, "include") != nil || child(a, "exclude") != nil}
		for _, j := range items(sequence(a, "jobs")) {
			addon.Jobs = append(addon.Jobs, m.job(j, ""))
		}
		m.Addons = append(m.Addons, addon)
	}
}

func (m *Manifest) job(n *yaml.Node, fallback string) Job {
	if n.Kind == yaml.ScalarNode { // v1: a template by name
		return Job{Name: n.Value, Release: fallback, Span: span(m.File, n), file: m.File}
	}
	j := Job{Name: text(n, "name"), Release: text(n, "release"), Span: span(m.File, n), Properties: child(n, "properties"), file: m.File}
	if j.Release == "" {
		j.Release = fallback
	}
	return j
}

func isOpsFile(top *yaml.Node) bool {
	return top.Kind == yaml.SequenceNode && len(top.Content) > 0 && child(top.Content[0], "path") != nil && child(top.Content[0], "type") != nil
}

func hasKey(list *yaml.Node, key string) bool {
	for _, n := range items(list) {
		if child(n, key) != nil {
			return true
		}
	}
	return false
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// child gives the value of a key, through aliases and merge keys.
func child(n *yaml.Node, key string) *yaml.Node {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		merged := resolve(n.Content[i+1])
		if merged.Kind == yaml.SequenceNode {
			for _, m := range merged.Content {
				if v := child(m, key); v != nil {
					return v
				}
			}
		} else if v := child(merged, key); v != nil {
			return v
		}
	}
	return nil
}

func sequence(n *yaml.Node, key string) *yaml.Node {
	if v := child(n, key); v != nil && v.Kind == yaml.SequenceNode {
		return v
	}
	return nil
}

// items are the entries of a sequence, aliases followed.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	var out []*yaml.Node
	for _, c := range n.Content {
		out = append(out, resolve(c))
	}
	return out
}

func text(n *yaml.Node, key string) string {
	if v := child(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// span is the place where a node begins. yaml.v3 counts columns in characters.
func span(f *source.File, n *yaml.Node) source.Span {
	at := f.Offset(n.Line, n.Column)
	return source.Span{File: f, Start: at, End: at}
}
