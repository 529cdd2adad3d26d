package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Holder says where a deployment gives the properties that a job sees.
type Holder int

const (
	// OwnProperties stand in the job, and the job sees no others.
	OwnProperties Holder = iota
	// GroupProperties are those of the instance group, with those of the manifest
	// below them: a job sees them that has none of its own.
	GroupProperties
	// NoProperties are there for the job.
	NoProperties
)

// Holds says where a job of a group has its properties from. reason is not "" where
// an op cannot add the property to them. now is what they give it already, "" where
// they do not.
func (m *Manifest) Holds(g *Group, j Job, property string) (h Holder, now, reason string) {
	at := child(j.node, "properties")
	switch {
	case at != nil:
		h = OwnProperties
	case j.Properties != nil || j.node.Kind == yaml.ScalarNode:
		h, at = GroupProperties, child(g.node, "properties")
	default:
		return NoProperties, "", ""
	}
	key := "properties"
	for _, part := range strings.Split(property, ".") {
		switch {
		case at == nil:
			return h, "", ""
		case at.Kind != yaml.MappingNode:
			return h, "", key + " is no mapping there"
		}
		key, at = part, child(at, part)
	}
	if at != nil && at.Kind == yaml.ScalarNode {
		now = at.Value
	}
	return h, now, ""
}

// Owns says whether a job is one of the group's own, and not an addon's.
func (g *Group) Owns(j Job) bool {
	return slices.ContainsFunc(g.Jobs, func(o Job) bool { return o.node == j.node })
}
