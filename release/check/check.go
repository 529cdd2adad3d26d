// Package check holds the rules for jobs that are on bpm already: the schema of
// their bpm.yml, what has to line up with monit and the spec, what the container
// lacks, and what is left of the time before bpm. Placed holds one such job against
// the place that a deployment manifest gives it.
//
// It reads, and changes nothing. Reading a bpm.yml template is the business of
// release/bpm, which also holds the schema; what a container has is known by
// release/container.
package check

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
)

// Report is what was found in a release.
type Report struct {
	// Jobs are those that have to do with bpm, with or without findings.
	Jobs []Result
	// Findings are those that belong to no job: of .bpmify.yml.
	Findings []source.Diagnostic
}

// Result is what was found in one job.
type Result struct {
	Job      *release.Job
	Findings []source.Diagnostic
	// Suppressed are the findings that .bpmify.yml covers.
	Suppressed []suppress.Finding
}

// order is that in which the rules run. What was considered and left out:
// a process without limits (most have none, and none is needed), unsafe options
// as such (the releases that use them know why), features that need a newer bpm
// (see bpm.Features; the bpm of the deployment decides, not the release).
var order = []func(*job){
	(*job).schema,
	(*job).unread,
	(*job).unquoted,
	(*job).rendered,
	(*job).templates,
	(*job).monitPrograms,
	(*job).bpmCalls,
	(*job).stillCtl,
	(*job).unusedProcesses,
	(*job).memoryRules,
	(*job).lostLimits,
	(*job).hooks,
	(*job).programs,
	(*job).wrappers,
	(*job).background,
	(*job).volumeOwners,
	(*job).paths,
	(*job).leftTemplates,
	(*job).oldPidfiles,
	(*job).oldScripts,
}

// configTarget is where bpm looks for the configuration of a job.
const configTarget = "config/bpm.yml"

// bpmProgram is the command that monit calls.
const bpmProgram = "/var/vcap/jobs/bpm/bin/bpm"

// job is one job under check.
type job struct {
	*release.Job
	ctx   *context
	monit *monit.File
	// doc is nil when there is no bpm.yml, or when it cannot be read.
	doc *bpm.Document
	// starts are the start and stop programs of monit that call bpm.
	starts, stops []call
	// others are the start programs that do not.
	others []*monit.Program
	// left are the files that leftTemplates says to delete, told the places of
	// what was said about paths.
	left     map[*source.File]bool
	told     map[string]bool
	findings []source.Diagnostic
	// deployed has the values of a deployment, nil where the release is checked by
	// itself. tell then takes what is found about paths.
	deployed *deployment
	tell     func(bpm.ProcessNode, container.Process, use, string, source.Severity)
}

// context is the release around the jobs.
type context struct {
	release *release.Release
	jobs    map[string]*job
	texts   map[string][]*source.File // the templates and scripts of a job
	// pids and calls are the pidfiles and the scripts that the files of all jobs
	// name, by the job whose they are: each job asks for its own. nil: not made yet.
	pids  map[string][]mention
	calls map[string][]named
}

// Release checks the bpm jobs of a release, or those of them that are named. A
// name that is no job of the release is an error.
func Release(r *release.Release, names []string) (*Report, error) {
	var known []string
	for _, j := range r.Jobs {
		known = append(known, j.Name)
	}
	for _, n := range names {
		if r.Job(n) == nil {
			return nil, fmt.Errorf("%s has no job %s%s", r.Dir, n, didYouMean(n, known))
		}
	}
	rules, err := suppress.Read(r)
	if err != nil {
		return nil, err
	}
	ctx := newContext(r)
	var all []*job
	for _, j := range r.Jobs {
		w := newJob(j, ctx)
		if !w.load() {
			continue
		}
		ctx.jobs[j.Name] = w
		all = append(all, w)
	}
	report := &Report{}
	for _, w := range all {
		if len(names) > 0 && !slices.Contains(names, w.Name) {
			continue
		}
		if w.Err == nil {
			for _, rule := range order {
				rule(w)
			}
		}
		kept, covered := rules.Split(w.Name, source.Merge(w.findings))
		report.Jobs = append(report.Jobs, Result{w.Job, kept, covered})
	}
	report.Findings = rules.Unused(finding.Check, func(job string) bool {
		return len(names) == 0 || job != "" && slices.Contains(names, job)
	})
	return report, nil
}

func newContext(r *release.Release) *context {
	return &context{release: r, jobs: map[string]*job{}, texts: map[string][]*source.File{}}
}

func newJob(j *release.Job, ctx *context) *job {
	return &job{Job: j, ctx: ctx, left: map[*source.File]bool{}, told: map[string]bool{}}
}

func (w *job) find(id string, severity source.Severity, at source.Span, format string, args ...any) {
	w.findings = append(w.findings, source.Diagnostic{ID: id, Severity: severity, Span: at, Message: fmt.Sprintf(format, args...)})
}

// load reads what the rules need; false when the job has nothing to do with
// bpm.
func (w *job) load() bool {
	names := w.ctx.release.Glob(func(string) bool { return true }, w.Dir())
	concerned := slices.ContainsFunc(names, func(n string) bool { return isConfig(path.Base(n)) })
	if w.Err != nil {
		for _, n := range []string{w.Dir() + "/monit", w.Dir() + "/spec"} {
			f, err := w.ctx.release.Read(n)
			concerned = concerned || err == nil && (strings.Contains(string(f.Data), bpmProgram) || strings.Contains(string(f.Data), configTarget))
		}
		if concerned {
			w.unreadable(w.Err)
		}
		return concerned
	}
	m, err := monit.Parse(w.Monit)
	if err != nil {
		if concerned || strings.Contains(string(w.Monit.Data), bpmProgram) {
			w.Err = err
			w.unreadable(err)
			return true
		}
		return false
	}
	w.monit = m
	w.programsOfMonit()
	_, rendered := w.Spec.Template(configTarget)
	if !rendered && !concerned && len(w.starts) == 0 {
		return false
	}
	if f, _, err := w.TemplateFile(configTarget); err == nil {
		if w.doc, err = bpm.Read(f); err != nil {
			w.unreadable(err)
		}
	} else if rendered && !errors.Is(err, fs.ErrNotExist) {
		var syntax *source.SyntaxError
		if !errors.As(err, &syntax) { // a missing source is told of by rendered
			w.unreadable(err)
		}
	}
	return true
}

// isConfig says whether a file of the templates is called like a bpm.yml.
func isConfig(base string) bool {
	return base == "bpm.yml" || base == "bpm.yml.erb" || base == "bpm.yaml.erb" || base == "bpm.erb"
}

func (w *job) unreadable(err error) {
	at, message := source.Split(err)
	w.find("unreadable", source.Error, at, "%s", message)
}

// vmDir is the job's folder on the VM.
func (w *job) vmDir() string { return "/var/vcap/jobs/" + w.Name }

// own gives the target of a template for a path below the job's folder.
func (w *job) own(vmPath string) (target string, ok bool) {
	return strings.CutPrefix(path.Clean(vmPath), w.vmDir()+"/")
}

// onBPM says whether every process of the job is started by bpm in every
// deployment.
func (w *job) onBPM() bool { return len(w.starts) > 0 && len(w.others) == 0 }

// textsOf are the templates and scripts of a job, its monit file included.
func (c *context) textsOf(name string) []*source.File {
	if files, ok := c.texts[name]; ok {
		return files
	}
	files := []*source.File{}
	for _, n := range c.release.Glob(func(string) bool { return true }, "jobs/"+name) {
		if f, err := c.release.Read(n); err == nil && path.Base(n) != "spec" && !strings.Contains(string(f.Data[:min(len(f.Data), 8000)]), "\x00") {
			files = append(files, f)
		}
	}
	c.texts[name] = files
	return files
}

var hashComment = search.MustCompile(`(?m)^[ \t]*#(?:[^!\n].*)?$`)

// uncommented is a file with the lines that are comments made blank.
func uncommented(f *source.File) []byte {
	type key struct{}
	return source.Derived(f, key{}, func() []byte {
		return hashComment.ReplaceAllFunc(f.Data, func(b []byte) []byte { return bytes.Repeat([]byte(" "), len(b)) })
	})
}

// everyText are those of all jobs, in the order of their names.
func (c *context) everyText() []*source.File {
	var all []*source.File
	for _, j := range c.release.Jobs {
		all = append(all, c.textsOf(j.Name)...)
	}
	return all
}

// schema reports what release/bpm finds in the configuration.
func (w *job) schema() {
	if w.doc != nil {
		w.findings = append(w.findings, w.doc.Problems(w.Name)...)
	}
}

// unread says what of the configuration was not understood, so that nobody
// takes silence for approval.
func (w *job) unread() {
	if w.doc == nil {
		return
	}
	for _, u := range w.doc.Unread {
		switch {
		case u.Broken:
		case u.Whole:
			w.find("bpm-yml-not-read", source.Warning, u.Span, "without the ERB this is no YAML (%s), so nothing of it is checked; where it renders to YAML all the same, a hash and YAML.dump can be checked", u.Why)
		default:
			w.find("bpm-yml-not-read", source.Note, u.Span, "%s; what depends on it is not checked", u.Why)
		}
	}
}
