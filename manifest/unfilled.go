package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Unfilled is a variable without a value that hides whether a group runs a job
// that needs bpm.
type Unfilled struct {
	// Span is that of the group's name, where there is one.
	Span source.Span
	// What says what the variable stands for, with the variable in it.
	What string
}

// Unfilled finds these variables: a group, a list of jobs, a job, its name or its
// release. Groups that have bpm, or surely need it, have none.
func (m *Manifest) Unfilled(needs []Need) []Unfilled {
	if !m.Deploys() {
		return nil
	}
	var all []Unfilled
	for _, n := range items(sequence(resolve(m.root.Content[0]), m.GroupsKey())) {
		if isVariable(n) {
			all = append(all, Unfilled{m.places.span(n), "an instance group is the variable " + n.Value})
		}
	}
	for _, s := range m.Standings(needs) {
		if s.Job.Name != "" || len(s.Own) > 0 || len(s.Brings) > 0 || s.State == Windows {
			continue
		}
		if u, ok := m.unfilled(s.Group, needs); ok {
			all = append(all, u)
		}
	}
	return all
}

func (m *Manifest) unfilled(g *Group, needs []Need) (Unfilled, bool) {
	of := fmt.Sprintf("%s %s: ", m.groupWord(), g.Name)
	for _, key := range []string{"jobs", "templates"} {
		if n := child(g.node, key); isVariable(n) {
			return Unfilled{g.Span, of + "its " + key + " are the variable " + n.Value}, true
		}
	}
	for _, j := range g.Jobs {
		name, release := strings.Contains(j.Name, "(("), strings.Contains(j.Release, "((")
		switch {
		case isVariable(j.node):
			return Unfilled{g.Span, of + "a job is the variable " + j.node.Value}, true
		case !name && !release:
		case slices.ContainsFunc(needs, func(n Need) bool {
			return (name || n.Job == "*" || n.Job == j.Name) && (release || n.Release == j.Release)
		}):
			return Unfilled{g.Span, fmt.Sprintf("%sjob %s of release %s is not known by name", of, j.Name, j.Release)}, true
		}
	}
	return Unfilled{}, false
}

func isVariable(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Value, "((") && strings.HasSuffix(n.Value, "))")
}
