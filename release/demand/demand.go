// Package demand tells which jobs of a release need the bpm job beside them on
// the VM: those that monit starts through bpm, and those that bring a
// configuration for it.
//
// It looks at releases only. Where a deployment places the jobs, and whether bpm
// is there, is known to package manifest.
package demand

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// Of gives the jobs that need bpm, in the order of their names. A job that
// cannot be read counts by the text of its files; what is wrong with it is told
// beside, in unread.
func Of(r *release.Release) (needs []manifest.Need, unread []error) {
	for _, j := range r.Jobs {
		need := manifest.Need{Job: j.Name, Release: r.Name}
		if j.Err != nil {
			unread = append(unread, fmt.Errorf("job %s of release %s: %w", j.Name, r.Name, j.Err))
			if mentionsBPM(r, j) {
				needs = append(needs, need)
			}
			continue
		}
		_, configured := j.Spec.Template("config/bpm.yml")
		if started := bpmProgram.Match(j.Monit.Data); !started && !configured {
			continue
		} else if started {
			need.Flag, need.Default = Flag(j)
		} else {
			need.Configured = true
		}
		needs = append(needs, need)
	}
	return needs, unread
}

// bpmProgram is what monit calls.
var bpmProgram = search.MustCompile(`/var/vcap/(?:jobs|packages|data/packages)/bpm/bin/bpm\b`)

// mentionsBPM looks at the files of a job that is broken.
func mentionsBPM(r *release.Release, j *release.Job) bool {
	for _, name := range []string{"monit", "spec"} {
		f, err := r.Read(j.Dir() + "/" + name)
		if err == nil && (bpmProgram.Match(f.Data) || strings.Contains(string(f.Data), "config/bpm.yml")) {
			return true
		}
	}
	return false
}

// flagHead is the condition that chooses between bpm and a ctl script.
var flagHead = search.MustCompile(`^if[ (]+p\(?\s*(?:'([^']+)'|"([^"#]+)")\s*\)*\s*(?:==\s*true)?\)?\s*(?:then)?$`)

// Flag is the property without which monit starts nothing of the job through
// bpm, and its default; empty where there is none.
func Flag(j *release.Job) (property string, byDefault bool) {
	m, err := monit.Parse(j.Monit)
	if err != nil {
		return "", false
	}
	var all []string
	for _, c := range m.Checks {
		for _, p := range c.Starts {
			if !bpmProgram.MatchString(p.Command.Text()) {
				continue
			}
			if all = inAll(all, conditions(m.Template.Guards(p.Span.Start))); len(all) == 0 {
				return "", false
			}
		}
	}
	if len(all) == 0 {
		return "", false
	}
	p, ok := j.Spec.Property(all[0])
	if !ok || p.Default == nil || p.Default.Kind != yaml.ScalarNode || p.Default.Tag != "!!bool" {
		return "", false
	}
	return all[0], p.Default.Value == "true"
}

// inAll keeps what is in both; a nil list has everything.
func inAll(all, now []string) []string {
	if all == nil {
		return now
	}
	return slices.DeleteFunc(all, func(s string) bool { return !slices.Contains(now, s) })
}

// conditions are the properties that have to be true for these arms.
func conditions(guards []erb.Guard) []string {
	properties := []string{}
	for _, g := range guards {
		if head := flagHead.FindStringSubmatch(strings.TrimSpace(g.Block.Arms[0].Head)); head != nil && g.Arm == 0 {
			properties = append(properties, head[1]+head[2])
		}
	}
	return properties
}
