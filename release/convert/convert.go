// Package convert holds the rules: it turns a job that is started by a ctl
// script into a bpm job, as edits, new files, deletions and findings.
//
// Deciding never writes; package commands does that. A job's change is whole
// or it is not there: when one statement of the start path has no place, the
// job is declined with that statement as the reason.
package convert

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/errand"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
)

// Verdict is what became of a job.
type Verdict string

const (
	// Converted: done, nothing for a person to look at.
	Converted Verdict = "converted"
	// ConvertedReview: done, with findings that a person must look at.
	ConvertedReview Verdict = "converted, review"
	// Declined: untouched, with the reason.
	Declined Verdict = "declined"
	// AlreadyBPM: every check of the job is started by bpm.
	AlreadyBPM Verdict = "already bpm"
	// NothingToDo: monit supervises no process of the job.
	NothingToDo Verdict = "nothing to do"
	// Swapped: nothing was to be converted, and chpst is replaced.
	Swapped Verdict = "chpst replaced"
	// Failed: the job could not be read; untouched.
	Failed Verdict = "error"
)

// Conversion is the outcome for one job.
type Conversion struct {
	Job     *release.Job
	Verdict Verdict
	// Reason says why a job was declined or could not be read.
	Reason    source.Diagnostic
	Processes []*bpm.ProcessTemplate
	// Runs are the scripts that call bpm run: bin/run, bin/bbr/backup.
	Runs    []string
	Changes []Change
	// rereads are edits of scripts that used what is gone; Plan makes changes of
	// them, as several jobs may edit one file.
	rereads   []reread
	Decisions []Decision
	Findings  []source.Diagnostic
	// Chpst are the findings about chpst in a job that stays as it is.
	Chpst []source.Diagnostic
	// Suppressed are the findings that .bpmify.yml covers; they do not count.
	Suppressed []suppress.Finding
	Ledger     []Row
	// Checks are the names of the processes that monit supervises.
	Checks []string
	// wrapped are the old scripts that call wrappers, which stay behind a flag.
	wrapped []Change
	// wrapper says that a process runs through one.
	wrapper bool
	// flagRefused says that it is the flag that keeps the job as it is.
	flagRefused bool
	// OnBPM says that bpm starts some of them already.
	OnBPM bool
	// Flag is the property behind which the conversion is put; "" for none.
	Flag string
}

// Form is how a converted job says what its processes run.
type Form string

const (
	// Lifted: bpm.yml says it.
	Lifted Form = "lifted"
	// Wrapper: for one process at least, bpm.yml names a script that ends in it.
	Wrapper Form = "wrapper"
)

// Plainer is a form that leaves more to the statements of the old script. The zero
// value is the usual form.
type Plainer struct {
	// Wrapper says why the processes run through wrappers that keep the words of
	// their scripts; "" where bpm.yml may say what they run.
	Wrapper string
	// EveryStart has the set-up done at every start, by the hook, as the script did;
	// else bin/pre-start does once a deploy what lasts.
	EveryStart bool
}

// Form is that of a converted job; "-" for others.
func (c *Conversion) Form() Form {
	switch {
	case c.Verdict != Converted && c.Verdict != ConvertedReview || len(c.Processes) == 0:
		return "-"
	case c.wrapper:
		return Wrapper
	}
	return Lifted
}

// Change is what happens to one file.
type Change struct {
	Name string
	// Before is nil for a new file.
	Before *source.File
	After  []byte
	Delete bool
	Mode   fs.FileMode
	Why    string
}

// Decision is something that stands in the new files and did not stand in the
// old ones in that form, with the place that caused it.
type Decision struct {
	What, Why string
	Cause     source.Span
	Related   []source.Span
}

// Destination is where a statement of an old script went.
type Destination string

const (
	ToBPM       Destination = "bpm.yml"
	ToWrapper   Destination = "wrapper"
	ToHook      Destination = "hook"
	ToPreStart  Destination = "pre-start"
	ToPostStart Destination = "post-start"
	Dropped     Destination = "dropped"
	Review      Destination = "review"
)

// Row is one line of the ledger.
type Row struct {
	Span source.Span
	To   Destination
	Note string
	// Claim is why the statement is dropped; none where it is not.
	Claim claim.Claim
	// idle says that the statement does not run on the start of its process.
	idle bool
}

// Idle says that the statement does not run on the start of its process: it is
// accounted for, and went nowhere.
func (r Row) Idle() bool { return r.idle }

// Context is what a job is converted in.
type Context struct {
	Release *release.Release
	// Manifests are the release's sample manifests: their properties show what
	// the job is used for.
	Manifests []*manifest.Manifest
	// Suppress says which findings the maintainers do not want to see.
	Suppress *suppress.Rules
	// Processes are the checks to convert, as CHECK or JOB/CHECK; empty means all.
	Processes []string
	// Errands says that the scripts of errands and of bbr are to run under bpm.
	Errands bool
	// Flag is the property that is to decide whether bpm starts the job; "" where
	// it always does.
	Flag string
	// ShareWrapper has the old scripts, which stay behind a flag, call the wrappers.
	ShareWrapper bool
	// Plainer is the form of the job where the usual one is not proven.
	Plainer Plainer

	hosts *hostIndex
}

// job is one conversion under way.
type job struct {
	*Conversion
	ctx      Context
	monit    *monit.File
	launches []*launch
	// inConfigs has what the config files tell of.
	inConfigs map[config][]need
	several   bool // processes
	// current is the launch for which something is written that may not be
	// possible.
	current *launch
	// preStart is what has to be done once a deploy before bpm starts the job.
	preStart preStart
	// templates are those of the scripts of the check under way.
	templates  []*erb.Template
	valueTexts []valueText
	// edits are changes inside of files that stay.
	edits []fileEdit
	// left are the checks that stay as they are.
	left []left
	// settled are values of variables that nothing reads any more.
	settled []source.Span
	// monitEdits are those of other clauses than start, stop and pidfile.
	monitEdits []source.Edit
}

// left is a check that is not converted, while others of its job are.
type left struct {
	check  *monit.Check
	reason source.Diagnostic
}

// leaveOthers says which checks stay on their scripts.
func (w *job) leaveOthers() {
	w.Reason = source.Diagnostic{}
	w.several = w.several || len(w.left) > 0
	for _, o := range w.left {
		if o.reason.ID == notAsked {
			w.find("check-left", source.Note, o.check.Name, "check %s stays on its script, as it is: %s", o.check.NameText(), o.reason.Message)
			continue
		}
		w.find("check-left", source.Warning, o.check.Name, "check %s stays on its script, as it is: %s (%s)", o.check.NameText(), o.reason.Message, o.reason.Span.Place())
	}
}

// Job converts one job.
func Job(j *release.Job, ctx Context) *Conversion {
	c := convertJob(j, ctx)
	c.explain()
	return finish(c, ctx)
}

// finish takes suppressed findings out of a conversion and sees what the others
// make of its verdict.
func finish(c *Conversion, ctx Context) *Conversion {
	c.suppress(ctx.Suppress)
	if c.Verdict != Converted {
		return c
	}
	c.Findings = source.Merge(c.Findings)
	for _, f := range c.Findings {
		if f.Severity > source.Note {
			c.Verdict = ConvertedReview
		}
	}
	return c
}

// suppress takes the findings out that the rules cover. The reason of a job
// that stays as it is remains, as its verdict does.
func (c *Conversion) suppress(rules *suppress.Rules) {
	var covered []suppress.Finding
	c.Findings, covered = rules.Split(c.Job.Name, c.Findings)
	if c.Reason.Message != "" {
		_, covered = rules.Split(c.Job.Name, []source.Diagnostic{c.Reason})
	}
	c.Suppressed = mergeSuppressed(covered)
}

// Excused says whether the reason that a job stays as it is is suppressed.
func (c *Conversion) Excused() bool {
	return c.Reason.Message != "" && len(c.Suppressed) > 0
}

// mergeSuppressed does for each rule what merge does.
func mergeSuppressed(all []suppress.Finding) []suppress.Finding {
	by := map[*suppress.Rule][]source.Diagnostic{}
	var rules []*suppress.Rule
	for _, f := range all {
		if by[f.Rule] == nil {
			rules = append(rules, f.Rule)
		}
		by[f.Rule] = append(by[f.Rule], f.Diagnostic)
	}
	var merged []suppress.Finding
	for _, r := range rules {
		for _, d := range source.Merge(by[r]) {
			merged = append(merged, suppress.Finding{Diagnostic: d, Rule: r})
		}
	}
	return merged
}

func convertJob(j *release.Job, ctx Context) *Conversion {
	c := &Conversion{Job: j}
	if ctx.hosts == nil {
		ctx.hosts = &hostIndex{release: ctx.Release}
	}
	if j.Err != nil {
		return c.fail(j.Err)
	}
	m, err := monit.Parse(j.Monit)
	if err != nil {
		return c.fail(err)
	}
	for _, t := range j.Spec.Templates {
		if _, _, err := j.TemplateFile(t.Target); err != nil {
			return c.fail(err)
		}
	}
	for _, check := range m.Checks {
		if check.Kind == "process" && !slices.Contains(c.Checks, check.NameText()) {
			c.Checks = append(c.Checks, check.NameText())
		}
	}
	w := &job{Conversion: c, ctx: ctx, monit: m}
	if w.behindFlag() {
		return c
	}
	todo := w.checks()
	scripts, stay := w.errandScripts(todo)
	for _, s := range stay {
		w.find(s.Left.ID, s.Left.Severity, s.Left.Span, "%s", s.Left.Message)
	}
	if len(todo)+len(scripts) == 0 {
		if len(stay) > 0 && c.Verdict == NothingToDo {
			c.Reason = stay[0].Left
			c.Findings = c.Findings[1:]
		}
		return c
	}
	notes := w.Findings
	// a check that turns out to be declined when the new files are written is
	// left out, and the others are converted without it
	for stays := w.notAsked(todo); ; {
		w = &job{Conversion: &Conversion{Job: j, Checks: c.Checks, OnBPM: c.OnBPM, Flag: ctx.Flag}, ctx: ctx, monit: m, several: len(todo)+len(scripts) > 1}
		w.Findings = slices.Clone(notes)
		converted := w.convert(todo, stays, scripts)
		c = w.Conversion
		if converted {
			break
		}
		if c.Verdict == Failed || w.current == nil || len(stays)+1 == len(todo)+min(len(scripts), 1) {
			return c
		}
		if s := w.current.errand; s != nil {
			scripts = slices.DeleteFunc(scripts, func(o *errand.Script) bool { return o == s })
			notes = append(notes, source.Diagnostic{ID: "errand-left", Severity: source.Note, Span: c.Reason.Span, Message: s.Template.Target + " stays as it is: " + c.Reason.Message})
			continue
		}
		stays[w.current.check] = c.Reason
	}
	for _, l := range w.supervised() {
		w.account(l)
	}
	sort.Slice(c.Changes, func(i, j int) bool { return c.Changes[i].Name < c.Changes[j].Name })
	c.Ledger = sortLedger(c.Ledger)
	c.Verdict = Converted
	return c
}

// convert does the work for the checks of a job; those that stay are not looked
// at. It returns false when the verdict is settled, and current is the launch
// that did it, where it was one of several.
func (w *job) convert(todo []*monit.Check, stays map[*monit.Check]source.Diagnostic, scripts []*errand.Script) bool {
	for _, check := range todo {
		if reason, ok := stays[check]; ok {
			w.left = append(w.left, left{check, reason})
			continue
		}
		if w.analyse(check) {
			continue
		}
		if w.Verdict == Failed {
			return false
		}
		w.left = append(w.left, left{check, w.Reason})
	}
	w.errands(scripts)
	if len(w.launches) == 0 {
		w.Reason, w.Verdict = w.whyAllStay(), Declined
		return false
	}
	w.leaveOthers()
	for _, l := range w.supervised() {
		w.setcaps(l)
	}
	if !w.container() {
		return false
	}
	w.readers()
	w.ownFiles()
	if !w.files() {
		return false
	}
	w.shareWrappers()
	return true
}

// sortLedger puts the rows in the order of their files: the scripts as they
// were reached, the statements as they are written.
// Where one statement serves several processes, the row that says what became
// of it stands for those that say why another process does not need it.
func sortLedger(all []Row) []Row {
	var rows []Row
	at := map[source.Span]int{}
	arms := map[Row]bool{}
	for _, r := range all {
		i, seen := at[r.Span]
		if file, offset := r.Span.File.Original(r.Span.Start); file != r.Span.File {
			key := Row{Span: source.Span{File: file, Start: offset}, To: r.To, Note: r.Note}
			if !seen && arms[key] {
				continue // another arm of the same command
			}
			arms[key] = true
		}
		switch {
		case !seen:
			at[r.Span] = len(rows)
			rows = append(rows, r)
		case rows[i].To == Dropped && r.To != Dropped, rows[i].idle && !r.idle:
			rows[i] = r
		case rows[i].To != Dropped && r.To != Dropped && rows[i] != r:
			rows = append(rows, r)
		}
	}
	rank := map[string]int{}
	for _, r := range rows {
		if _, ok := rank[r.Span.File.Name]; !ok {
			rank[r.Span.File.Name] = len(rank)
		}
	}
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := rows[i].Span, rows[j].Span
		if x, y := rank[a.File.Name], rank[b.File.Name]; x != y {
			return x < y
		}
		return a.Start < b.Start
	})
	return rows
}

// checks gives the process checks that are not bpm's yet, and sets the verdict
// when there are none.
func (w *job) checks() []*monit.Check {
	var todo []*monit.Check
	bpms := 0
	for _, c := range w.monit.Checks {
		switch {
		case c.Kind != "process":
		case c.Start != nil && strings.Contains(c.Start.Command.Text(), "/var/vcap/jobs/bpm/bin/bpm"):
			bpms++
		default:
			todo = append(todo, c)
		}
	}
	w.OnBPM = bpms > 0
	switch {
	case len(todo) > 0:
	case bpms > 0:
		w.Verdict = AlreadyBPM
	default:
		w.Verdict, w.Reason = NothingToDo, w.errand()
	}
	return todo
}

func (c *Conversion) fail(err error) *Conversion {
	d := source.Diagnostic{ID: "unreadable", Severity: source.Error, Message: err.Error()}
	if syntax, ok := err.(*source.SyntaxError); ok {
		d.Span, d.Message = syntax.Span, syntax.Message
	}
	c.Verdict, c.Reason = Failed, d
	return c
}

// decline leaves the job as it is. What was found so far is kept: the reader
// sees how far the conversion came.
func (w *job) decline(at source.Span, format string, args ...any) bool {
	w.Verdict = Declined
	w.Reason = source.Diagnostic{ID: "declined", Severity: source.Warning, Span: at, Message: fmt.Sprintf(format, args...)}
	w.Changes, w.rereads = nil, nil
	return false
}

func (w *job) find(id string, severity source.Severity, at source.Span, format string, args ...any) {
	d := source.Diagnostic{ID: id, Severity: severity, Span: at, Message: fmt.Sprintf(format, args...)}
	w.Findings = slices.DeleteFunc(w.Findings, func(o source.Diagnostic) bool {
		return o.ID == d.ID && o.Span == d.Span && o.Message == d.Message // of another arm or process
	})
	w.Findings = append(w.Findings, d)
}

// findCommands is find for several commands of one program: one finding, at the
// first of them, that quotes all.
func (w *job) findCommands(id string, severity source.Severity, commands []*ctl.Command, format string, args ...any) {
	var quoted []string
	var places []source.Span
	for _, c := range commands {
		if slices.Contains(places, c.Span) {
			continue // of another round or arm
		}
		quoted = append(quoted, strconv.Quote(strings.ReplaceAll(oneLine(c.Span.Text()), `\ `, "")))
		places = append(places, c.Span)
	}
	w.find(id, severity, places[0], format, append([]any{strings.Join(quoted, ", ")}, args...)...)
	w.Findings[len(w.Findings)-1].Related = places[1:]
}

// differs says what the last finding makes different for the process.
func (w *job) differs(what ...string) {
	w.Findings[len(w.Findings)-1].Differs = what
}

// decide notes a decision about a process; its places come with it, the one
// that caused it first.
func (w *job) decide(l *launch, causes []source.Span, what, why string, args ...any) {
	if w.several {
		what = l.name + ": " + what
	}
	d := Decision{What: what, Why: fmt.Sprintf(why, args...), Cause: causes[0], Related: causes[1:]}
	for _, o := range w.Decisions {
		if o.What == d.What && o.Why == d.Why && o.Cause.String() == d.Cause.String() && len(d.Related) == 0 {
			return // of another arm of the same command
		}
	}
	w.Decisions = append(w.Decisions, d)
}

func at(s source.Span) []source.Span { return []source.Span{s} }

func (w *job) ledger(at source.Span, to Destination, note string, args ...any) {
	w.Ledger = append(w.Ledger, Row{Span: at, To: to, Note: fmt.Sprintf(note, args...)})
}

// dropped accounts for a statement that goes, with the reason. idle says that the
// start does not come to it.
func (c *Conversion) dropped(at source.Span, why claim.Claim, idle bool) {
	c.Ledger = append(c.Ledger, Row{Span: at, To: Dropped, Note: why.String(), Claim: why, idle: idle})
}

// dirs are the folders that belong to a job by BOSH's and bpm's convention.
func (w *job) logDir() string   { return "/var/vcap/sys/log/" + w.Job.Name }
func (w *job) runDir() string   { return "/var/vcap/sys/run/" + w.Job.Name }
func (w *job) dataDir() string  { return "/var/vcap/data/" + w.Job.Name }
func (w *job) storeDir() string { return "/var/vcap/store/" + w.Job.Name }
func (w *job) jobDir() string   { return "/var/vcap/jobs/" + w.Job.Name }

// below says whether p is dir or lies below it.
func below(p, dir string) bool {
	p = path.Clean(p)
	return p == dir || strings.HasPrefix(p, dir+"/")
}
