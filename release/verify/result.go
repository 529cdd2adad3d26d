package verify

import (
	"slices"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Status is what a comparison came to.
type Status string

const (
	// Same: both sides do it alike.
	Same Status = "same"
	// Explained: they differ, and a finding, the ledger or what bpm does says why.
	Explained Status = "explained"
	// Unexplained: they differ, and nothing says why.
	Unexplained Status = "UNEXPLAINED"
	// NotRun: one side could not be run, so nothing is known.
	NotRun Status = "not run"
)

// worst is the order of statuses.
var worst = map[Status]int{Same: 0, Explained: 1, NotRun: 2, Unexplained: 3}

// Worse gives the worse one of two.
func (s Status) Worse(o Status) Status {
	if worst[o] > worst[s] {
		return o
	}
	return s
}

// Row is one comparison: something that the process sees, or that happens before
// it is started.
type Row struct {
	// Aspect names what is compared, as findings name it in Differs:
	// "executable", "argv", "env-missing:NAME", "env-changed:NAME",
	// "env-extra:NAME", "cwd", "user", "limit:open_files", "access:PATH", "volume:PATH",
	// "pidfile", "process",
	// "folder:PATH", "file:PATH", "command:NAME", "order:NAME", "status:NAME",
	// "template:PATH", and of the stop "drain" and "drain:SIGNAL".
	Aspect string
	// Before and After are what the two sides have; "" when it has nothing.
	Before, After string
	// Moment is when in the life of the VM it is seen; "" is the first deploy.
	Moment Moment
	Status Status
	// Because explains a difference, in a sentence.
	Because string
	// ID is the finding that explains it; "" when it is the ledger or a rule.
	ID string
	// At is where the explanation stands; it is invalid when it has no place.
	At source.Span
	// Rule is the noise rule that explains it, by its name in docs/verify.md.
	Rule string
}

// Process is the comparison of one process in one case.
type Process struct {
	// Name is that of the monit check.
	Name string
	// Launch says how the process is started: the command line on both sides.
	Before, After string
	Rows          []Row
	Status        Status
	// Why says why it was not run.
	Why string
}

// Case is one set of property values.
type Case struct {
	// Name is short: "defaults", "manifest website.yml, group web", "if tls.cert".
	Name string
	// Why says what it shows and where it comes from.
	Why       string
	Processes []Process
	// Setup is what happens beside the processes: folders, files, commands, order.
	Setup  []Row
	Status Status
	// Awkward says that the values are such as shells take apart: that a process
	// does not come to run with them says nothing.
	Awkward bool
	// Why it was not run, such as a template that does not render.
	NotRun string
}

// Difference is a row that is not the same, over all cases in which it is seen.
type Difference struct {
	Row
	// Process is that of the row; "" for what happens beside.
	Process string
	Cases   []string
}

// Job is the comparison of one job.
type Job struct {
	Name   string
	Status Status
	// Why says why the job was not compared: it was not changed, or a side could
	// not be run.
	Why   string
	Cases []Case
	// Differences are those of all cases, the worst first.
	Differences []Difference
	// Unknown are things that the scripts use and this machine does not have:
	// what they print was taken to be empty, on both sides.
	Unknown []string
	// Compared counts the rows that are the same.
	Compared int
	// Conversion is what the program makes of the old job: its ledger, decisions
	// and findings explain the differences. It is nil when the old job is on bpm.
	Conversion *convert.Conversion
	// Old and New are the files that stand on one side only, or differ.
	Old, New []*source.File
}

// Result is the comparison of a release.
type Result struct {
	Release string
	// Before says where the old side comes from: "git HEAD (abc1234)", a folder.
	Before string
	Jobs   []*Job
}

// Proven says whether a job was run on both sides, in one case at least, and no
// difference lacks an explanation.
func (j *Job) Proven() bool { return j.Status == Same || j.Status == Explained }

// Ran counts the cases that were run on both sides.
func (j *Job) Ran() int {
	n := 0
	for _, c := range j.Cases {
		if c.NotRun == "" && c.Status != NotRun {
			n++
		}
	}
	return n
}

// Proven says whether every job is.
func (r *Result) Proven() bool {
	return !slices.ContainsFunc(r.Jobs, func(j *Job) bool { return !j.Proven() })
}

// Status is the worst of the jobs.
func (r *Result) Status() Status {
	s := Same
	for _, j := range r.Jobs {
		s = s.Worse(j.Status)
	}
	return s
}
