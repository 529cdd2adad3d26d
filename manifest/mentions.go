package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Mention is a place that puts a job which needs bpm on some instance group, and
// that cannot be edited: an op of an ops-file, an addon of a runtime config, a
// line of a template, a release that is a variable.
type Mention struct {
	Span source.Span
	Job  string
	// Group is the instance group that an op puts it on, "" where that is not said.
	Group string
}

// Mentions finds these places. A file that places bpm, too, has none: where the
// two meet is not known to anybody who reads that file only. m is what Read gave
// for the file, nil where it is no YAML: it may be a template then.
func Mentions(f *source.File, m *Manifest, needs []Need) (Kind, []Mention) {
	switch {
	case m == nil || m.Kind == Template:
		return Template, mentionsInText(f, needs)
	case m.Kind == RuntimeConfig:
		return m.Kind, m.mentionsInAddons(needs)
	case m.Kind == OpsFile:
		return m.Kind, m.mentionsInOps(needs)
	}
	return m.Kind, nil
}

// VariableReleases are the places where a deployment manifest runs a job of that
// name from a release whose name is a variable, and has no bpm beside it.
func (m *Manifest) VariableReleases(needs []Need) []Mention {
	var all []Mention
	for _, s := range m.Standings(needs) {
		if len(s.Own) > 0 || len(s.Brings) > 0 || s.State != Lacks || s.Job.Name != "" {
			continue
		}
		for _, j := range s.Group.Jobs {
			if strings.HasPrefix(j.Release, "((") && slices.ContainsFunc(needs, func(n Need) bool { return n.Job == j.Name }) {
				all = append(all, Mention{j.Span, j.Name, s.Group.Name})
			}
		}
	}
	return all
}

func (m *Manifest) mentionsInAddons(needs []Need) []Mention {
	var all []Mention
	for _, a := range m.Addons {
		if slices.ContainsFunc(a.Jobs, isBPM) {
			return nil
		}
		for _, j := range needing(a.Jobs, needs) {
			all = append(all, Mention{Span: j.Span, Job: j.Name})
		}
	}
	return all
}

// AddonJobs are the places where addons put one of the jobs on instance groups.
func (m *Manifest) AddonJobs(needs []Need) []Mention {
	var all []Mention
	for _, a := range m.Addons {
		for _, j := range needing(a.Jobs, needs) {
			all = append(all, Mention{Span: j.Span, Job: j.Name})
		}
	}
	return all
}

// mentionsInOps looks for {name: JOB, release: RELEASE} in the values of ops.
func (m *Manifest) mentionsInOps(needs []Need) []Mention {
	var all []Mention
	hasBPM := false
	seen := map[*yaml.Node]bool{}
	group := ""
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n = resolve(n); n == nil || seen[n] {
			return
		}
		seen[n] = true
		if n.Kind == yaml.MappingNode && text(n, "name") != "" {
			j := m.job(n, "", "", nil)
			hasBPM = hasBPM || isBPM(j)
			if text(n, "release") != "" {
				for _, j := range needing([]Job{j}, needs) {
					all = append(all, Mention{j.Span, j.Name, group})
				}
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	for _, op := range items(resolve(m.root.Content[0])) {
		group = ""
		if m := groupPath.FindStringSubmatch(text(op, "path")); m != nil {
			group = strings.NewReplacer("~1", "/", "~7", ":", "~0", "~").Replace(m[1])
		}
		walk(child(op, "value"))
	}
	if hasBPM {
		return nil
	}
	return all
}

var (
	groupPath   = search.MustCompile(`^/(?:instance_groups|jobs)/name=([^/?]+)`)
	nameLine    = search.MustCompile(`(?m)\b(?:name|template)["']?:[ \t]*["']?([\w.-]+)`)
	releaseLine = search.MustCompile(`\brelease["']?:[ \t]*["']?([^\s"',}]+)`)
)

// mentionsInText looks for the name of a job with its release beside it, in the
// lines of a file that cannot be parsed. A release that is an expression counts:
// templates of a release mostly deploy that.
func mentionsInText(f *source.File, needs []Need) []Mention {
	var all []Mention
	for _, at := range nameLine.FindAllSubmatchIndex(f.Data, -1) {
		name := string(f.Data[at[2]:at[3]])
		if name == "bpm" {
			return nil
		}
		span := source.Span{File: f, Start: at[2], End: at[3]}
		if strings.HasPrefix(strings.TrimSpace(span.Line()), "#") {
			continue
		}
		for _, n := range needs {
			if n.Job == name && releaseBeside(f, at[0], at[1], n.Release) {
				all = append(all, Mention{Span: span, Job: name})
			}
		}
	}
	return all
}

// releaseBeside says whether a line around names the release: behind the name up
// to the next one, or right above.
func releaseBeside(f *source.File, start, end int, release string) bool {
	const around = 3
	is := func(text []byte) (found, right bool) {
		m := releaseLine.FindSubmatch(text)
		if m == nil {
			return false, false
		}
		r := string(m[1])
		return true, r == release || strings.HasPrefix(r, "((") || strings.HasPrefix(r, "<%") || strings.HasPrefix(r, "{{")
	}
	behind := end
	for range around {
		behind = min(f.LineEnd(behind), len(f.Data))
	}
	after := f.Data[end:behind]
	if next := nameLine.FindIndex(after); next != nil {
		after = after[:next[0]]
	}
	if found, right := is(after); found {
		return right
	}
	line := f.LineStart(start)
	if line == 0 {
		return false
	}
	_, right := is(f.Data[f.LineStart(line-1):start])
	return right
}
