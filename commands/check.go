package commands

import (
	"fmt"

	"github.com/bosh-bpmify/bosh-bpmify/release/check"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

type checkOptions struct {
	findingsOptions
	Jobs []string `long:"job" value-name:"NAME" description:"Check only this job (repeatable)"`
	Args struct {
		Dirs []string `positional-arg-name:"DIR" description:"Release directory, or a folder with several of them (default: .)"`
	} `positional-args:"yes"`
}

func (o *checkOptions) Execute([]string) error { return nil }
func (o *checkOptions) command() command       { return o }

// checked is what one release comes to, or why it could not be read.
type checked struct {
	dir    string
	report *check.Report
	err    error
}

// run checks every release; one that cannot be read does not keep the others
// from being checked. Findings that a person has to look at make the exit status
// 1, notes do not.
func (o *checkOptions) run(env *environment) error {
	dirs, several, err := releasesIn(o.Args.Dirs)
	if err != nil {
		return err
	}
	want, err := jobsIn(dirs, o.Jobs)
	if err != nil {
		return err
	}
	failed := false
	jobs, read := 0, 0
	var found []reported
	for c := range parallel.InOrder(want.dirs, func(dir string) checked { return o.one(dir, want.jobs[dir]) }) {
		if c.err != nil {
			env.errorLine(inDir(c.dir, several, c.err.Error()))
			failed = true
			continue
		}
		read++
		jobs += len(c.report.Jobs)
		for _, j := range c.report.Jobs {
			for _, d := range j.Findings {
				found = append(found, reported{Dir: c.dir, Job: j.Job.Name, Diagnostic: d})
				failed = failed || d.Severity > source.Note
			}
			for _, s := range j.Suppressed {
				found = append(found, reported{Dir: c.dir, Job: j.Job.Name, Diagnostic: s.Diagnostic, Rule: s.Rule})
			}
		}
		for _, d := range c.report.Findings {
			found = append(found, reported{Dir: c.dir, Diagnostic: d})
			failed = true
		}
	}
	if read > 0 {
		if err := o.print(env, found, several); err != nil {
			return err
		}
		if !o.machine() {
			env.say("%s", summary(jobs, len(found)))
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// summary says what was looked at, so that nobody takes an empty output for
// approval.
func summary(jobs, found int) string {
	switch {
	case jobs == 0:
		return "no job is on bpm, so there is nothing to check"
	case jobs == 1 && found == 0:
		return "1 job on bpm, nothing found"
	case jobs == 1:
		return "1 job on bpm"
	case found == 0:
		return fmt.Sprintf("%d jobs on bpm, nothing found", jobs)
	}
	return fmt.Sprintf("%d jobs on bpm", jobs)
}

func (o *checkOptions) one(dir string, jobs []string) checked {
	r, err := load(dir)
	if err != nil {
		return checked{dir: dir, err: err}
	}
	report, err := check.Release(r, jobs)
	return checked{dir, report, err}
}
