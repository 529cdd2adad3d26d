package convert

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// notAsked is the id of the reason why a check stays that the user left out.
const notAsked = "not-asked"

// asked says whether a check of a job is one of those to convert: processes
// are CHECK or JOB/CHECK, and none means all.
func asked(processes []string, job, check string) bool {
	return len(processes) == 0 || slices.Contains(processes, check) || slices.Contains(processes, job+"/"+check)
}

// notAsked gives the checks that stay because the user named others.
func (w *job) notAsked(todo []*monit.Check) map[*monit.Check]source.Diagnostic {
	stays := map[*monit.Check]source.Diagnostic{}
	for _, c := range todo {
		if !asked(w.ctx.Processes, w.Job.Name, c.NameText()) {
			stays[c] = source.Diagnostic{ID: notAsked, Span: c.Name, Message: "--process names others"}
		}
	}
	return stays
}

// whyAllStay is the reason of a job none of whose checks is converted: that of
// the first that was to be.
func (w *job) whyAllStay() source.Diagnostic {
	i := slices.IndexFunc(w.left, func(l left) bool { return l.reason.ID != notAsked })
	return w.left[max(i, 0)].reason
}

// having gives those of the jobs that have one of the processes, and an error
// when one of the processes is in none of them. A job that cannot be read has
// none.
func having(r *release.Release, jobs, processes []string) ([]string, error) {
	if len(processes) == 0 {
		return jobs, nil
	}
	var with, known []string
	found := map[string]bool{}
	for _, j := range r.Jobs {
		if len(jobs) > 0 && !slices.Contains(jobs, j.Name) || j.Err != nil {
			continue
		}
		m, err := monit.Parse(j.Monit)
		if err != nil {
			continue
		}
		for _, c := range m.Checks {
			if c.Kind != "process" {
				continue
			}
			name := c.NameText()
			known = append(known, name, j.Name+"/"+name)
			found[name], found[j.Name+"/"+name] = true, true
			if asked(processes, j.Name, name) && !slices.Contains(with, j.Name) {
				with = append(with, j.Name)
			}
		}
	}
	for _, p := range processes {
		if found[p] {
			continue
		}
		where := ""
		if len(jobs) > 0 {
			where = " of " + strings.Join(jobs, ", ")
		}
		hint := ""
		if near := finding.Suggest(p, known); near != "" {
			hint = "; did you mean " + near + "?"
		}
		return nil, fmt.Errorf("%s: no monit file%s has a check process %s%s", path.Join(r.Dir, "jobs"), where, p, hint)
	}
	return with, nil
}
