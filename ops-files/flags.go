package opsfiles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
)

// flag is a property that has bpm start a job where it is true.
type flag struct {
	name  string
	group *manifest.Group
	job   manifest.Job
	// from says where the properties of the job stand. The Director gives a job
	// that has some of its own nothing of its group's, so that a flag beside those
	// of the group would take them away (instance_group_spec_parser.rb).
	from manifest.Holder
	// now is its value in the manifest, "" where there is none.
	now string
}

// TurnedOn are the needs of jobs with their flags set.
func TurnedOn(needs []manifest.Need) []manifest.Need {
	on := slices.Clone(needs)
	for i := range on {
		on[i].Flag, on[i].Default = "", false
	}
	return on
}

// turnOn collects the flags of the jobs of a group, and says whether bpm starts one
// of them then. What an op cannot set is left alone, with the reason.
func (p *plan) turnOn(g manifest.Placement, needs []manifest.Need) (starts bool) {
	if g.State == manifest.Windows || g.State == manifest.Twice {
		return true
	}
	for _, j := range g.Needing {
		for _, n := range needs {
			if n.Job != j.Name || j.Release != "" && j.Release != n.Release {
				continue
			}
			if n.Flag == "" || n.Default {
				starts = true
				continue
			}
			skip := func(reason string) {
				p.skipped = append(p.skipped, Skip{p.m.Path(), g.Group.Name, n.Flag + " of job " + j.Name + ": " + reason})
			}
			if !g.Group.Owns(j) {
				skip("an addon places the job; set it there")
				continue
			}
			from, now, reason := p.m.Holds(g.Group, j, n.Flag)
			if reason != "" {
				skip(reason + "; set it by hand")
				continue
			}
			p.flags, starts = append(p.flags, flag{n.Flag, g.Group, j, from, now}), true
		}
	}
	return starts
}

// flagPath points at the flag: in the properties that the job sees.
func (p *plan) flagPath(f flag) string {
	at := groupPath(p.m.GroupsKey(), f.group)
	switch f.from {
	case manifest.OwnProperties:
		at += "/" + f.group.JobsKey() + "/name=" + pathEscapes.Replace(f.job.Name) + "/properties"
	case manifest.GroupProperties:
		at += "/properties?"
	default:
		at += "/" + f.group.JobsKey() + "/name=" + pathEscapes.Replace(f.job.Name) + "/properties?"
	}
	return at + "/" + strings.ReplaceAll(f.name, ".", "?/") + "?"
}

// note is for the header.
func (f flag) note() string {
	was := ""
	if f.now != "" && f.now != "true" {
		was = " (the manifest says " + f.now + ")"
	}
	if f.from == manifest.GroupProperties {
		return f.name + was + ", in the properties of the group: with some of its own the job would not see those"
	}
	return f.name + was
}

// title is that of the op.
func (f flag) title(group string) string {
	if f.from == manifest.GroupProperties {
		return fmt.Sprintf("%s for the jobs of %s %s that have no properties of their own", f.name, group, f.group.Name)
	}
	return fmt.Sprintf("%s of job %s in %s %s", f.name, f.job.Name, group, f.group.Name)
}

// setFlag sets it in a decoded manifest.
func (p *plan) setFlag(tree any, f flag) error {
	holder, ok := at(tree, p.m.GroupsKey(), f.group.Index()).(map[any]any)
	if f.from != manifest.GroupProperties && ok {
		jobs, _ := holder[f.group.JobsKey()].([]any)
		i := slices.IndexFunc(jobs, func(j any) bool { return at(j, "name") == f.job.Name })
		if holder, ok = nil, i >= 0; ok {
			holder, ok = jobs[i].(map[any]any)
		}
	}
	parts := append([]string{"properties"}, strings.Split(f.name, ".")...)
	for _, part := range parts[:len(parts)-1] {
		if !ok {
			break
		}
		if holder[part] == nil {
			holder[part] = map[any]any{}
		}
		holder, ok = holder[part].(map[any]any)
	}
	if !ok {
		return fmt.Errorf("%s cannot be set for job %s", f.name, f.job.Name)
	}
	holder[parts[len(parts)-1]] = true
	return nil
}
