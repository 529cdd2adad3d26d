package manifest

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Set is a property that an ops-file gives a job.
type Set struct {
	// Job and Release are those of the job; "" where the file does not say: it sets
	// properties of an instance group, or of the deployment.
	Job, Release string
	// Property is the dotted path; "" when Value holds all of the job's properties.
	Property string
	// Value is what the property gets. Where Adds says so, it is a list whose
	// entries are added to the one that is there.
	Value *yaml.Node
	Adds  bool
	Span  source.Span
}

var opEscapes = strings.NewReplacer("~1", "/", "~7", ":", "~0", "~")

// Sets are the properties that an ops-file gives jobs, in its order: those that
// its paths lead to, and those of the jobs that it adds. Of what is no ops-file
// there are none.
func (m *Manifest) Sets() []Set {
	if m.Kind != OpsFile {
		return nil
	}
	var all []Set
	for _, op := range items(resolve(m.root.Content[0])) {
		value := child(op, "value")
		if text(op, "type") != "replace" || value == nil {
			continue
		}
		if s, ok := setAt(text(op, "path"), value); ok {
			s.Span = m.places.span(op)
			all = append(all, s)
			continue
		}
		all = append(all, m.setsIn(value)...)
	}
	return all
}

// setAt is the property that a path leads to, as go-patch reads it.
func setAt(path string, value *yaml.Node) (Set, bool) {
	var s Set
	tokens := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, token := range tokens {
		tokens[i] = opEscapes.Replace(strings.TrimSuffix(token, "?"))
	}
	for i, token := range tokens {
		if token != "properties" {
			continue
		}
		if i > 2 && (tokens[i-2] == "jobs" || tokens[i-2] == "templates") { // jobs of the top are groups
			s.Job, _ = strings.CutPrefix(tokens[i-1], "name=")
		}
		var names []string
		for k, t := range tokens[i+1:] {
			selects := strings.Contains(t, "=")
			switch {
			case t == "-":
				value, s.Adds = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{value}}, true
			case selects && k == len(tokens[i+1:])-1 && value.Kind == yaml.MappingNode:
				value, s.Adds = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{value}}, true
			case selects:
				return Set{}, false // a part of an entry whose rest is not known here
			case strings.Trim(t, "0123456789") == "" && t != "":
				return Set{}, false
			default:
				names = append(names, t)
			}
		}
		s.Property, s.Value = strings.Join(names, "."), value
		return s, true
	}
	return Set{}, false
}

// setsIn are the properties of the jobs in a value.
func (m *Manifest) setsIn(value *yaml.Node) []Set {
	var all []Set
	seen := map[*yaml.Node]bool{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n = resolve(n); n == nil || seen[n] {
			return
		}
		seen[n] = true
		if p := child(n, "properties"); p != nil && p.Kind == yaml.MappingNode && text(n, "name") != "" {
			s := Set{Value: p, Span: m.places.span(n)}
			if child(n, "jobs") == nil && child(n, "templates") == nil && child(n, "instances") == nil {
				s.Job, s.Release = text(n, "name"), text(n, "release")
			}
			all = append(all, s)
			if s.Job != "" {
				return
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(value)
	return all
}
