package render

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Fill says how much of what nobody supplied has a value beside what p asks for.
type Fill int

const (
	// AsGiven is as the Director has it: properties.x is nil, if_p has none.
	AsGiven Fill = iota
	// Properties gives properties.x a value, too.
	Properties
	// Everything counts as supplied, also for if_p and p(x, nil).
	Everything
)

// Context is what a template sees.
type Context struct {
	Job string
	// Properties are nested, as a manifest has them. A value of Synthesize stands
	// for one that is not known.
	Properties map[string]any
	// Defaults are those of the spec by the dotted name; nil where there is none.
	Defaults map[string]any
	// Made are the values of properties that nobody supplies, by the dotted name,
	// where the name alone would suggest another one.
	Made map[string]any
	// Links are those that the job consumes.
	Links map[string]Link
	// Deployment and the rest are what spec says of the instance.
	Deployment, Address, ID, AZ string
	Index                       int
	PersistentDisk              int // MB
	Fill                        Fill
	// Undeclared says that the spec declares no properties: then any may be given.
	Undeclared bool
}

// Link is what a provider gives.
type Link struct {
	Address    string         `json:"address"`
	Properties map[string]any `json:"properties"`
	Instances  []Instance     `json:"instances"`
	// Absent says that if_link does not find it: it is optional, and no job of the
	// release provides it.
	Absent bool `json:"absent"`
}

// Instance is one of a link.
type Instance struct {
	Name      string `json:"name"`
	ID        string `json:"id"`
	Index     int    `json:"index"`
	AZ        string `json:"az"`
	Address   string `json:"address"`
	Bootstrap bool   `json:"bootstrap"`
}

// mark is Synthesized::MARK of synthesized.rb.
const mark = "bosh-bpmify synthesizes"

// Synthesize is a value for Properties that is made up as for a property of that
// name which nobody supplied.
func Synthesize(name string) any { return map[string]any{mark: name} }

// IsSynthesized says whether a value is one of Synthesize, and of which name.
func IsSynthesized(v any) (name string, ok bool) {
	m, ok := v.(map[string]any)
	if !ok || len(m) != 1 {
		return "", false
	}
	name, ok = m[mark].(string)
	return name, ok
}

// The one instance that all templates are rendered for.
const (
	deployment = "dep"
	address    = "10.0.0.10"
	instanceID = "6b0f1c1e-7a55-4f0f-8a8b-000000000000"
	zone       = "z1"
)

// NewContext is that of the first instance of a group with the job.
func NewContext(j *release.Job, properties map[string]any) Context {
	c := Context{
		Job: j.Name, Properties: properties, Defaults: map[string]any{}, Links: map[string]Link{},
		Deployment: deployment, Address: address, ID: instanceID, AZ: zone, PersistentDisk: 1024,
	}
	if c.Properties == nil {
		c.Properties = map[string]any{}
	}
	if j.Spec == nil {
		return c
	}
	for _, p := range j.Spec.Properties {
		c.Defaults[p.Name] = defaultOf(p)
	}
	if c.Undeclared = len(c.Defaults) == 0; c.Undeclared {
		// a job that declares no properties sees those of the whole manifest
		for name := range c.Properties {
			c.Defaults[name] = nil
		}
	}
	for _, l := range linksOf(j).Consumes {
		c.Links[l.Name] = provided(j.Release, l)
	}
	return c
}

// Present is the context with optional links that were not there.
func (c Context) Present(links ...string) Context {
	if len(links) == 0 {
		return c
	}
	with := map[string]Link{}
	for name, l := range c.Links {
		l.Absent = l.Absent && !slices.Contains(links, name)
		with[name] = l
	}
	c.Links = with
	return c
}

func defaultOf(p release.Property) any {
	var v any
	if p.Default == nil || p.Default.Decode(&v) != nil {
		return nil
	}
	return v
}

// linksKey is that of the links of a spec, which each consumer in the release asks for.
type linksKey struct{}

// links are the parts of a spec about them.
type links struct {
	Consumes []consumed
	Provides []struct {
		Name, Type string
		Properties []string
	}
}

type consumed struct {
	Name, Type string
	Optional   bool
}

func linksOf(j *release.Job) links {
	if j.Spec == nil {
		return links{}
	}
	return source.Derived(j.Spec.File, linksKey{}, func() links {
		var l links
		// what bosh would not take is bosh's to say
		if yaml.Unmarshal(j.Spec.File.Data, &l) != nil {
			return links{}
		}
		return l
	})
}

// provided is the link that a job of the same release would provide, with the
// defaults of its spec; else it has what templates ask for.
func provided(r *release.Release, l consumed) Link {
	host := strings.NewReplacer("_", "-", ".", "-").Replace(l.Name) + ".default." + deployment + ".bosh"
	link := Link{
		Address: "q-s0." + host, Properties: map[string]any{}, Absent: l.Optional,
		Instances: []Instance{{Name: l.Name, ID: l.Name + "-id-0", AZ: zone, Address: "0." + host, Bootstrap: true}},
	}
	best := -1
	for _, j := range r.Jobs {
		for _, p := range linksOf(j).Provides {
			rank := 0
			if p.Name == l.Name {
				rank = 1
			}
			if p.Type != l.Type || rank <= best {
				continue
			}
			best, link.Absent = rank, false // the Director finds it
			link.Properties = map[string]any{}
			for _, name := range p.Properties {
				if prop, ok := j.Spec.Property(name); ok {
					if v := defaultOf(prop); v != nil {
						Set(link.Properties, name, v)
					}
				}
			}
		}
	}
	return link
}

// Set gives a property a value by its dotted name. What is no mapping on the way
// is replaced by one.
func Set(properties map[string]any, name string, value any) {
	parts := strings.Split(name, ".")
	at := properties
	for _, part := range parts[:len(parts)-1] {
		below, ok := at[part].(map[string]any)
		if _, unknown := IsSynthesized(at[part]); !ok || unknown {
			below = map[string]any{}
			at[part] = below
		}
		at = below
	}
	at[parts[len(parts)-1]] = value
}

// base is a context but for its properties and the fill, as JSON in bosh-cli's
// form, with what the Director has beyond it.
func (c *Context) base() ([]byte, error) {
	network := map[string]any{
		"type": "manual", "ip": c.Address, "netmask": "255.255.255.0", "gateway": "10.0.0.1", "dns": []string{"10.0.0.2"},
		"default": []string{"dns", "gateway"}, "dns_record_name": "0." + c.Job + ".default." + c.Deployment + ".bosh", "cloud_properties": map[string]any{},
	}
	return json.Marshal(map[string]any{
		"index": c.Index, "id": c.ID, "az": c.AZ, "bootstrap": c.Index == 0, "deployment": c.Deployment, "address": c.Address, "ip": c.Address,
		"name": c.Job, "dns_domain_name": "bosh", "persistent_disk": c.PersistentDisk,
		"job":                map[string]any{"name": c.Job, "template": c.Job, "version": "1", "templates": []any{map[string]any{"name": c.Job, "version": "1"}}},
		"release":            map[string]any{"name": "rel", "version": "1"},
		"stemcell":           map[string]any{"name": "stemcell", "version": "1"},
		"vm_type":            map[string]any{"name": "default", "cloud_properties": map[string]any{}},
		"resource_pool":      map[string]any{"name": "default", "cloud_properties": map[string]any{}, "stemcell": map[string]any{"name": "stemcell", "version": "1"}},
		"packages":           map[string]any{},
		"configuration_hash": "c0ffee",
		"networks":           map[string]any{"default": network},
		"global_properties":  map[string]any{},
		"cluster_properties": map[string]any{},
		"default_properties": plain(c.Defaults),
		"links":              c.plainLinks(),
		"undeclared":         c.Undeclared,
		"seed":               seed(c.Job),
		"made":               plain(c.Made),
		"names":              map[string]string{"no": noName, "yes": yesName, "number": numberName, "path": pathName},
	})
}

func (c *Context) plainLinks() map[string]Link {
	all := map[string]Link{}
	for name, l := range c.Links {
		l.Properties, _ = plain(l.Properties).(map[string]any)
		all[name] = l
	}
	return all
}

// plain makes of YAML what JSON can hold; 1.0 stays a float.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case map[any]any:
		out := map[string]any{}
		for k, e := range v {
			out[fmt.Sprint(k)] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return fmt.Sprint(v)
		}
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.Number(text)
	}
	return v
}
