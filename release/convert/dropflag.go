package convert

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/flag"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// The flag that chose between bpm and the old scripts goes: each template is
// folded to what it is when the property is true, the property leaves the spec,
// and scripts that only the other form ran go with it.
//
// What the other form did and bpm's does not is told: the rules of its monit
// checks are held against those that stay, and its scripts are converted as if
// there were no bpm form, to see what of them is needed.

// flagDrop is the dropping of one flag from a release.
type flagDrop struct {
	r    *release.Release
	ctx  Context
	name string
	jobs map[string]*flagged
	// old is the release as it is without bpm's form, to convert jobs of it.
	old func() (Context, error)
}

// dropFrom gives what takes the flag out of a job. That no job has it, and another
// property is the flag, is an error.
func dropFrom(r *release.Release, ctx Context, name string) (func(*release.Job) *Conversion, error) {
	d := newFlagDrop(r, ctx, name)
	if err := d.unknown(); err != nil {
		return nil, err
	}
	return func(j *release.Job) *Conversion { return finish(d.convert(j), ctx) }, nil
}

// flagged is a job with what the flag does to its files.
type flagged struct {
	job *release.Job
	// on and off are the monit file and the templates in both forms.
	on, off  map[string]*flag.Dropped
	files    []*source.File // in the order of the spec, monit first
	declared bool
	used     bool
	err      error
}

// newFlagDrop reads all jobs.
func newFlagDrop(r *release.Release, ctx Context, name string) *flagDrop {
	d := &flagDrop{r: r, ctx: ctx, name: name, jobs: map[string]*flagged{}}
	d.old = sync.OnceValues(d.withoutBPM)
	for _, j := range r.Jobs {
		if j.Err == nil {
			d.jobs[j.Name] = d.read(j)
		}
	}
	return d
}

func (d *flagDrop) read(j *release.Job) *flagged {
	fl := &flagged{job: j, on: map[string]*flag.Dropped{}, off: map[string]*flag.Dropped{}, files: []*source.File{j.Monit}}
	_, fl.declared = j.Spec.Property(d.name)
	for _, t := range j.Spec.Templates {
		f, _, err := j.TemplateFile(t.Target)
		if err != nil {
			fl.err = err
			continue
		}
		if !slices.Contains(fl.files, f) {
			fl.files = append(fl.files, f)
		}
	}
	for _, f := range fl.files {
		on, err := flag.Drop(f, d.name, true)
		if err != nil {
			if bytes.Contains(f.Data, []byte(d.name)) {
				fl.err = err
			}
			on = &flag.Dropped{File: f, After: f.Data}
		}
		fl.on[f.Name], fl.off[f.Name] = on, on
		fl.used = fl.used || on.Used
		if on.Used {
			if off, err := flag.Drop(f, d.name, false); err == nil {
				fl.off[f.Name] = off
			}
		}
	}
	return fl
}

// has says whether a job of the release has the flag.
func (fl *flagged) has() bool { return fl.declared || fl.used }

// unknown is an error where no job has the flag and another property is one.
func (d *flagDrop) unknown() error {
	for _, fl := range d.jobs {
		if fl.has() {
			return nil
		}
	}
	var flags, said []string
	for _, j := range d.r.Jobs {
		if j.Err != nil {
			continue
		}
		for _, p := range j.Spec.Properties {
			if chooses(j.Monit, p.Name) && !slices.Contains(flags, p.Name) {
				flags = append(flags, p.Name)
				said = append(said, fmt.Sprintf("%s (job %s)", p.Name, j.Name))
			}
		}
	}
	if len(flags) == 0 {
		return nil // it is gone already
	}
	hint := "the properties that choose between bpm and scripts are " + strings.Join(said, ", ")
	if near := finding.Suggest(d.name, flags); near != "" || len(flags) == 1 {
		if near == "" {
			near = flags[0]
		}
		hint = "did you mean --drop-flag=" + near + "?"
	}
	return fmt.Errorf("%s: no job has a property %s; %s", path.Join(d.r.Dir, "jobs"), d.name, hint)
}

// chooses says whether a property decides if monit starts something with bpm or
// without it.
func chooses(f *source.File, property string) bool {
	if !bytes.Contains(f.Data, []byte(property)) {
		return false
	}
	starts := func(on bool) (withBPM, without bool) {
		d, err := flag.Drop(f, property, on)
		if err != nil || !d.Used {
			return false, false
		}
		m, err := monit.Parse(d.File)
		if err != nil {
			return false, false
		}
		for _, c := range m.Checks {
			for _, p := range c.Starts {
				if bpmOnVM.MatchString(p.Command.Text()) {
					withBPM = true
				} else {
					without = true
				}
			}
		}
		return withBPM, without
	}
	on, beside := starts(true)
	stays, off := starts(false)
	return on && off && (!beside || !stays)
}

// drop is one job under way.
type drop struct {
	*Conversion
	*flagged
	d    *flagDrop
	gone []release.Template
	// old is what a conversion makes of the job without bpm's form, and why it
	// makes nothing of it.
	old  *Conversion
	why  string
	text string // what stays of the job's templates
}

// convert takes the flag out of one job.
func (d *flagDrop) convert(j *release.Job) *Conversion {
	c := &Conversion{Job: j}
	if j.Err != nil {
		return c.fail(j.Err)
	}
	w := &drop{Conversion: c, flagged: d.jobs[j.Name], d: d}
	if w.err != nil && w.has() {
		return c.fail(w.err)
	}
	m, err := monit.Parse(j.Monit)
	if err != nil {
		return c.fail(err)
	}
	for _, check := range m.Checks {
		if check.Kind == "process" && !slices.Contains(c.Checks, check.NameText()) {
			c.Checks = append(c.Checks, check.NameText())
		}
		for _, p := range check.Starts {
			c.OnBPM = c.OnBPM || bpmOnVM.MatchString(p.Command.Text())
		}
	}
	switch {
	case !w.has() && c.OnBPM:
		c.Verdict = AlreadyBPM
		return c
	case !w.has():
		c.Verdict = NothingToDo
		return c
	}
	if w.reason(); c.Reason.Message != "" {
		c.Verdict = Declined
		return c
	}
	w.edits()
	w.scripts()
	if err := w.spec(); err != nil {
		at, message := source.Split(err)
		c.Changes, c.Findings, c.Ledger, c.Decisions = nil, nil, nil, nil
		c.Verdict, c.Reason = Declined, source.Diagnostic{ID: "declined", Severity: source.Warning, Span: at, Message: message}
		return c
	}
	w.monitRules()
	w.ledger()
	w.decide()
	sort.Slice(c.Changes, func(i, j int) bool { return c.Changes[i].Name < c.Changes[j].Name })
	c.Verdict, c.OnBPM = Converted, w.onBPM()
	return c
}

// bpmOnVM is what monit calls; the releases that were first called it in its
// package.
var bpmOnVM = search.MustCompile(`/var/vcap/(?:jobs|packages|data/packages)/bpm/bin/bpm\b`)

// onBPM says whether what stays is started by bpm.
func (w *drop) onBPM() bool {
	if _, ok := w.job.Spec.Template(configTarget); ok {
		return true
	}
	for _, f := range w.files {
		if bpmOnVM.Match(w.on[f.Name].After) {
			return true
		}
	}
	return false
}

// reason says why the flag has to stay in a job.
func (w *drop) reason() {
	decline := func(at source.Span, related []source.Span, format string, args ...any) {
		w.Reason = source.Diagnostic{ID: "declined", Severity: source.Warning, Span: at, Related: related, Message: fmt.Sprintf(format, args...)}
	}
	var left []flag.Use
	for _, f := range w.files {
		left = append(left, w.on[f.Name].Left...)
	}
	if len(left) > 0 {
		var places, more []string
		var related []source.Span
		for _, u := range left[1:] {
			related = append(related, u.Span)
			places = append(places, u.Span.Place())
		}
		if len(places) > 0 {
			more = append(more, "; so do "+strings.Join(places, ", "))
		}
		decline(left[0].Span, related, "this asks for %s and cannot be taken out: %s%s. Simplify it by hand; the job keeps its flag until then", w.d.name, left[0].Why, strings.Join(more, ""))
		return
	}
	for _, f := range w.files {
		if info, err := os.Lstat(w.d.r.Path(f.Name)); w.on[f.Name].Used && err == nil && !info.Mode().IsRegular() {
			decline(source.Span{File: f}, nil, "this template is a link, and what it leads to may be that of other jobs: take %s out of it by hand first", w.d.name)
			return
		}
	}
	if !w.onBPM() {
		at := source.Whole(w.job.Monit)
		at.End = 0
		decline(at, nil, "with %s true bpm starts nothing of this job, so it is no flag for bpm", w.d.name)
		return
	}
	if at, ok := w.provided(); ok {
		// other jobs see what a link lists, and nothing else
		decline(at, nil, "a link gives %s to other jobs; take it out there first", w.d.name)
		return
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// provided finds the property among those that a link of the job gives.
func (w *drop) provided() (source.Span, bool) {
	f := w.job.Spec.File
	var spec struct {
		Provides []struct {
			Properties []yaml.Node `yaml:"properties"`
		} `yaml:"provides"`
	}
	if yaml.Unmarshal(f.Data, &spec) != nil {
		return source.Span{}, false
	}
	for _, p := range spec.Provides {
		for _, n := range p.Properties {
			if n.Value == w.d.name || strings.HasPrefix(w.d.name, n.Value+".") {
				at := f.Offset(n.Line, n.Column)
				return source.Span{File: f, Start: at, End: at + len(n.Value)}, true
			}
		}
	}
	return source.Span{}, false
}

// edits are the templates that asked for the property.
func (w *drop) edits() {
	for _, f := range w.files {
		if on := w.on[f.Name]; on.Used {
			w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, After: on.After, Mode: f.Mode, Why: "only what it is with " + w.d.name + " stays"})
		}
	}
}

var (
	fullComment = search.MustCompile(`(?m)^[ \t]*#[^!].*$`)
	lifecycles  = search.MustCompile(`^bin/(?:pre-start|post-start|post-deploy|pre-stop|post-stop|drain|run|bbr/.*|dns/.*|dns_health_check)$`)
)

// names says whether a text calls a script of the job: by its path on the VM, or
// by a variable and its name.
func names(text, vmPath string) bool {
	text = fullComment.ReplaceAllString(text, "")
	if release.NamesPath(text, vmPath) {
		return true
	}
	beside := search.MustCompile(`(?:[})"']|\$[A-Za-z_]\w*|[^\w/.]\.|%>)/(?:bin/)?` + search.QuoteMeta(path.Base(vmPath)) + `(?:[^A-Za-z0-9_.-]|$)`)
	return beside.MatchString(text)
}

// scripts finds what only the other form ran, and what only that called.
func (w *drop) scripts() {
	dead := ""
	for _, f := range w.files {
		for _, s := range w.on[f.Name].Dead {
			dead += s.Text() + "\n"
		}
	}
	// what a conversion of the old form would take away
	served := map[string]bool{}
	if w.on[w.job.Monit.Name].Used {
		w.old, w.why = w.d.converted(w.job.Name)
		for _, c := range w.old.Changes {
			served[c.Name] = c.Delete
		}
	}
	told := map[string]bool{}
	for again := true; again; {
		again = false
		for _, t := range w.job.Spec.Templates {
			target := path.Clean(t.Target)
			vmPath := path.Join("/var/vcap/jobs", w.job.Name, target)
			script := strings.HasPrefix(target, "bin/") || path.Ext(target) == ".sh"
			if slices.Contains(w.gone, t) || lifecycles.MatchString(target) || !(script && names(dead, vmPath)) && !served[w.job.TemplateName(t.Source)] {
				continue
			}
			if at, ok := w.caller(t, vmPath); ok {
				if calls := startsWith(dead, vmPath); calls && !told[vmPath] {
					told[vmPath] = true
					w.found(source.Diagnostic{ID: "drop-flag-script", Severity: source.Warning, Span: at,
						Message: fmt.Sprintf("monit does not start %s any more, and this still names it: the script stays. Where it is for the old process, the process that bpm starts knows nothing of it", target)})
				}
				continue
			}
			f, _, err := w.job.TemplateFile(t.Target)
			if err != nil {
				continue
			}
			w.gone = append(w.gone, t)
			dead += string(f.Data) + "\n"
			again = true
		}
	}
	for i, t := range w.gone {
		f, _, _ := w.job.TemplateFile(t.Target)
		first := slices.IndexFunc(w.gone, func(o release.Template) bool { return o.Source == t.Source })
		if first == i && !w.staysInUse(t) {
			w.Changes = slices.DeleteFunc(w.Changes, func(c Change) bool { return c.Name == f.Name })
			w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, Delete: true, Why: "it was only run without " + w.d.name})
		}
	}
}

// startsWith says whether a monit line in a text runs a script.
func startsWith(text, vmPath string) bool {
	for _, l := range strings.Split(text, "\n") {
		if release.NamesPath(l, vmPath) && monitProgram.MatchString(l) {
			return true
		}
	}
	return false
}

var monitProgram = search.MustCompile(`\b(?:start|stop|restart)\b\s*(?:program)?\s*=?\s*"`)

func (w *drop) found(d source.Diagnostic) { w.Findings = append(w.Findings, d) }

// caller finds what names a script and stays.
func (w *drop) caller(t release.Template, vmPath string) (source.Span, bool) {
	for _, name := range sortedKeys(w.d.jobs) {
		other := w.d.jobs[name]
		for _, f := range other.files {
			if other == w.flagged && (w.removes(f) || f.Name == w.job.TemplateName(t.Source)) {
				continue
			}
			text := string(other.on[f.Name].After)
			if other == w.flagged && names(text, vmPath) || other != w.flagged && release.NamesPath(fullComment.ReplaceAllString(text, ""), vmPath) {
				at := max(0, strings.Index(text, path.Base(vmPath)))
				_, at = other.on[f.Name].File.Original(at)
				return source.Span{File: f, Start: at, End: at}, true
			}
		}
	}
	for _, at := range w.d.r.Mentions(vmPath) {
		if strings.HasPrefix(at.File.Name, "packages/") || strings.HasPrefix(at.File.Name, "manifests/") || strings.HasPrefix(at.File.Name, "operations/") {
			return at, true
		}
	}
	return source.Span{}, false
}

func (w *drop) removes(f *source.File) bool {
	return slices.ContainsFunc(w.gone, func(t release.Template) bool { return w.job.TemplateName(t.Source) == f.Name })
}

// staysInUse says whether a template is rendered to another place, or is what a
// link in another job leads to.
func (w *drop) staysInUse(t release.Template) bool {
	for _, o := range w.job.Spec.Templates {
		if o.Source == t.Source && !slices.Contains(w.gone, o) {
			return true
		}
	}
	name := w.d.r.Path(w.job.TemplateName(t.Source))
	mine, err := os.Stat(name)
	if err != nil {
		return true
	}
	for _, other := range w.d.jobs {
		for _, o := range other.job.Spec.Templates {
			p := w.d.r.Path(other.job.TemplateName(o.Source))
			if p == name {
				continue
			}
			if info, err := os.Stat(p); err == nil && os.SameFile(mine, info) {
				return true
			}
		}
	}
	return false
}

// spec takes the property and the lines of scripts that go out of the spec.
func (w *drop) spec() error {
	spec := w.job.Spec
	edits, err := flag.DropProperty(spec.File, w.d.name)
	if err != nil {
		return err
	}
	lines, err := withoutTemplates(spec, w.gone)
	if err != nil {
		return err
	}
	edits = append(edits, lines...)
	if len(edits) == 0 {
		return nil
	}
	after, err := source.Apply(spec.File.Data, edits)
	if err != nil {
		return err
	}
	want := map[string]string{}
	for _, t := range spec.Templates {
		if !slices.Contains(w.gone, t) {
			want[t.Source] = t.Target
		}
	}
	if err := release.CheckTemplates(after, want); err != nil {
		return source.Errorf(spec.TemplatesSpan, "the edited spec does not say what it should: %v", err)
	}
	var properties struct {
		Properties map[string]any `yaml:"properties"`
	}
	if err := yaml.Unmarshal(after, &properties); err != nil {
		return err
	}
	if _, there := properties.Properties[w.d.name]; there || len(properties.Properties) != len(spec.Properties)-len(w.declaration()) {
		return source.Errorf(source.Span{File: spec.File}, "the edited spec does not say what it should")
	}
	w.Changes = append(w.Changes, Change{Name: spec.File.Name, Before: spec.File, After: after, Mode: spec.File.Mode, Why: w.specWhy()})
	return nil
}

func (w *drop) declaration() []release.Property {
	if p, ok := w.job.Spec.Property(w.d.name); ok {
		return []release.Property{p}
	}
	return nil
}

func (w *drop) specWhy() string {
	why := w.d.name + " goes"
	if len(w.gone) > 0 {
		var targets []string
		for _, t := range w.gone {
			targets = append(targets, t.Target)
		}
		why += ", and " + strings.Join(targets, ", ")
	}
	return why
}

// withoutTemplates takes entries out of the templates of a spec.
func withoutTemplates(spec *release.Spec, gone []release.Template) ([]source.Edit, error) {
	f := spec.File
	var edits []source.Edit
	if len(gone) > 0 && len(gone) == len(spec.Templates) {
		return nil, source.Errorf(spec.TemplatesSpan, "none of these templates would stay")
	}
	for _, t := range gone {
		start, end := f.LineStart(t.Span.Start), f.LineEnd(t.Span.End)
		if spec.Flow {
			start, end = flowEntry(f, t.Span)
		} else if strings.TrimSpace(string(f.Data[start:t.Span.Start])) != "" {
			return nil, source.Errorf(t.Span, "this entry does not stand on a line of its own")
		}
		edits = append(edits, source.Edit{Start: start, End: end, Rule: "drop-flag"})
	}
	return edits, nil
}

// decide tells what operators get now.
func (w *drop) decide() {
	p, ok := w.job.Spec.Property(w.d.name)
	if !ok || p.Default != nil && p.Default.Value == "true" {
		return
	}
	w.Decisions = append(w.Decisions, Decision{
		What:  "bpm, for everybody",
		Why:   w.d.name + " was false by default: deployments that did not set it ran the old form, and get bpm's with the next deploy",
		Cause: p.Span,
	})
}

// monitRules holds the rules of the old checks against those that stay.
func (w *drop) monitRules() {
	name := w.job.Monit.Name
	if !w.on[name].Used {
		return
	}
	now, err := monit.Parse(w.on[name].File)
	if err != nil {
		return
	}
	old, err := monit.Parse(w.off[name].File)
	if err != nil {
		return
	}
	for i, c := range old.Checks {
		var stays *monit.Check
		for _, o := range now.Checks {
			if o.Kind == c.Kind && o.NameText() == c.NameText() {
				stays = o
			}
		}
		if stays == nil && len(old.Checks) == len(now.Checks) {
			stays = now.Checks[i]
		}
		if stays == nil {
			w.found(source.Diagnostic{ID: "drop-flag-monit", Severity: source.Warning, Span: w.original(c.Name),
				Message: fmt.Sprintf("the check of %s was only there without the flag: monit looks at nothing of that name any more", c.NameText())})
			continue
		}
		var lost []string
		var places []source.Span
		kept := map[string]bool{}
		for _, o := range stays.Clauses {
			kept[clauseText(o)] = true
		}
		for _, o := range c.Clauses {
			if ownClause(o) || kept[clauseText(o)] {
				continue
			}
			lost = append(lost, clauseText(o))
			places = append(places, w.original(o.Span))
		}
		if c.Start != nil && stays.Start != nil && c.Start.TimeoutSeconds > 0 && c.Start.TimeoutSeconds != stays.Start.TimeoutSeconds {
			lost = append(lost, fmt.Sprintf("with timeout %d seconds", c.Start.TimeoutSeconds))
			places = append(places, w.original(c.Start.Span))
		}
		if len(lost) == 0 {
			continue
		}
		w.found(source.Diagnostic{ID: "drop-flag-monit", Severity: source.Warning, Span: places[0], Related: places[1:],
			Message: fmt.Sprintf("the check of %s had this without the flag, and has not with it: %s. Add it to the check that stays, or see that nobody needs it", c.NameText(), strings.Join(lost, "; "))})
	}
}

// original is a span in the file as it is on disk.
func (w *drop) original(s source.Span) source.Span {
	f, start := s.File.Original(s.Start)
	if s.End <= s.Start {
		return source.Span{File: f, Start: start, End: start}
	}
	_, end := s.File.Original(s.End - 1)
	return source.Span{File: f, Start: start, End: end + 1}
}

func clauseText(c *monit.Clause) string { return oneLine(c.Span.Text()) }

// ownClause says whether a clause is another one under bpm in any case.
func ownClause(c *monit.Clause) bool {
	switch c.Keyword {
	case "start", "stop", "restart", "pidfile", "matching", "group":
		return true
	}
	return false
}

// ledger accounts for the scripts that go.
func (w *drop) ledger() {
	scripts := map[string]*source.File{}
	for _, c := range w.Changes {
		if c.Delete {
			scripts[c.Name] = c.Before
		}
	}
	if len(scripts) == 0 {
		return
	}
	var kept strings.Builder
	for _, f := range w.files {
		if !w.removes(f) {
			kept.Write(w.on[f.Name].After)
			kept.WriteByte('\n')
		}
	}
	w.text = kept.String()
	rows := map[string]bool{}
	var unread []source.Span
	old, why := w.old, w.why
	if old == nil {
		old = &Conversion{}
	}
	for _, r := range old.Ledger {
		f := scripts[r.Span.File.Name]
		if f == nil {
			continue
		}
		at := w.original(r.Span)
		at.File = f
		row := Row{Span: at, To: Dropped, idle: r.idle}
		switch missing := w.missing(r); {
		case r.To == Dropped:
			row.Claim = r.Claim
		case sourced.MatchString(at.Text()):
			row.Claim = claim.HelpsListed
		case missing == "":
			row.Claim = claim.FormHasLike
		default:
			row.Claim = claim.FormLacks(missing)
			w.lost(at, missing)
		}
		rows[at.String()] = true
		w.dropped(row.Span, row.Claim, row.idle)
	}
	for _, name := range sortedKeys(scripts) {
		s, err := ctl.ParseScript("/"+name, scripts[name])
		if err != nil {
			w.dropped(firstLine(scripts[name]), claim.NoScript, false)
			continue
		}
		compared := slices.ContainsFunc(old.Ledger, func(r Row) bool { return r.Span.File.Name == name })
		for _, span := range s.Statements() {
			if rows[span.String()] {
				continue
			}
			row := Row{Span: span, To: Dropped, Claim: claim.PartOfForm}
			if !compared && matters.MatchString(span.Text()) {
				if missing := w.missing(Row{Span: span, To: ToBPM}); missing != "" {
					row.Claim = claim.FormLacks(missing)
					w.lost(span, missing)
				}
			}
			w.dropped(row.Span, row.Claim, row.idle)
		}
		if !compared {
			unread = append(unread, firstLine(scripts[name]))
		}
	}
	if len(unread) > 0 {
		for _, f := range old.Findings {
			if _, reason, ok := strings.Cut(f.Message, "stays on its script, as it is: "); ok && f.ID == "check-left" && why == "" {
				why = reason
			}
		}
		if why == "" {
			why = "the start of the old process does not lead to it"
		}
		w.found(source.Diagnostic{ID: "drop-flag-ctl", Severity: source.Warning, Span: unread[0], Related: unread[1:],
			Message: "this script goes, and only its exports and limits were held against what bpm starts, as a conversion would not understand the rest: " + why + ". Read it once more before it is gone"})
	}
	w.Ledger = sortLedger(w.Ledger)
}

// firstLine is that of a file.
func firstLine(f *source.File) source.Span {
	return source.Span{File: f, End: len(bytes.TrimRight(f.Data[:f.LineEnd(0)], "\r\n"))}
}

// lost notes a statement that has nothing like it in bpm's form: one finding for
// each script.
func (w *drop) lost(at source.Span, missing string) {
	text := oneLine(strings.ReplaceAll(piped.ReplaceAllString(at.Text(), " "), "\\\n", " "))
	quoted := strconv.Quote(text)
	if missing != text && missing != strings.Fields(text + " ")[0] {
		quoted = missing + " of " + quoted
	}
	for i := range w.Findings {
		f := &w.Findings[i]
		if f.ID == "drop-flag-ctl" && f.Span.File == at.File {
			if !slices.Contains(f.Related, at) && f.Span != at {
				f.Related = append(f.Related, at)
				f.Message = strings.Replace(f.Message, ". See whether", ", "+strings.ReplaceAll(quoted, ". See whether", "")+". See whether", 1)
			}
			return
		}
	}
	w.found(source.Diagnostic{ID: "drop-flag-ctl", Severity: source.Warning, Span: at,
		Message: "this script goes, and nothing of bpm's form does the like of: " + quoted + ". See whether the process needs it"})
}

// withoutBPM makes the release that old gives.
func (d *flagDrop) withoutBPM() (Context, error) {
	files := map[string]*source.File{}
	for _, fl := range d.jobs {
		if !fl.has() {
			continue
		}
		for _, f := range fl.files {
			if off := fl.off[f.Name]; off.Used && len(off.Left) == 0 {
				files[f.Name] = off.File
			}
		}
		t, ok := fl.job.Spec.Template(configTarget)
		if !ok {
			continue
		}
		edits, err := withoutTemplates(fl.job.Spec, []release.Template{t})
		if err != nil {
			continue
		}
		after, err := source.Apply(fl.job.Spec.File.Data, edits)
		if err != nil {
			continue
		}
		files[fl.job.Spec.File.Name] = &source.File{Name: fl.job.Spec.File.Name, Data: after, Mode: 0o644}
		files[fl.job.TemplateName(t.Source)] = nil
	}
	ctx := d.ctx
	var err error
	ctx.Release, err = d.r.With(files)
	ctx.hosts, ctx.Processes = &hostIndex{release: ctx.Release}, nil
	return ctx, err
}

// converted is what the conversion makes of a job that has the old form only, and
// why it makes nothing of it.
func (d *flagDrop) converted(name string) (*Conversion, string) {
	ctx, err := d.old()
	if err != nil {
		return &Conversion{}, err.Error()
	}
	j := ctx.Release.Job(name)
	if j == nil {
		return &Conversion{}, "there is no such job without bpm"
	}
	c := convertJob(j, ctx)
	switch c.Verdict {
	case Converted, ConvertedReview:
		return c, ""
	case Declined, Failed:
		return c, c.Reason.Message
	}
	return c, "the job has no process without bpm"
}

var (
	ignoredWords = search.MustCompile(`^(?:exec|chpst|sudo|su|env|nohup|export|declare|local|readonly|if|then|fi|set|true|false|vcap|root|vcap:vcap|root:root|-u|-E|-c|-e|-p|-R|-f|-s|-m|\d?>.*|&.*|2>&1|/dev/null|\[+|\]+|\\|\||;;?|[{}()]+|\d+)$`)
	assignedName = search.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\+?=`)
	optionName   = search.MustCompile(`^-{1,2}[A-Za-z][\w.-]*`)
	erbTags      = search.MustCompile(`(?s)<%.*?%>`)
	// matters are statements that the process has something of in any case.
	matters       = search.MustCompile(`^(?:export\s+\w+=|ulimit\b|setcap\b|sysctl\b|modprobe\b)|>\s*"?/proc/sys/`)
	sourced       = search.MustCompile(`^(?:source|\.)\s`)
	piped         = search.MustCompile(`(?s)(?:\d|&)?>>?\s*>\(.*?\)|\|\s*(?:tee|logger|awk|sed)\b.*`)
	inCondition   = search.MustCompile(`(?:^|[\s;])(?:if|elif|while|until)\s+(?:!\s*)?$`)
	kernelSetting = search.MustCompile(`>\s*"?/proc/sys/\S*/(\w+)`)
	redirection   = search.MustCompile(`(?:\d|&)?>>?\s*\S+`)
)

// missing names what of a statement does not stand in what stays: options, names
// of variables, limits, paths, commands.
func (w *drop) missing(r Row) string {
	if r.To == Dropped {
		return ""
	}
	text := erbTags.ReplaceAllString(r.Span.Text(), "")
	if m := kernelSetting.FindStringSubmatch(text); m != nil {
		if wordIn(w.text, m[1]) {
			return ""
		}
		return oneLine(text)
	}
	if inCondition.MatchString(string(r.Span.File.Data[r.Span.File.LineStart(r.Span.Start):r.Span.Start])) {
		return "" // what hangs on it counts
	}
	text = redirection.ReplaceAllString(piped.ReplaceAllString(text, " "), " ")
	var lost []string
	need := func(what string, there bool) {
		if !there && !slices.Contains(lost, what) {
			lost = append(lost, what)
		}
	}
	words := strings.Fields(strings.NewReplacer(`"`, " ", "'", " ", ";", " ").Replace(text))
	switch {
	case len(words) == 0, words[0] == "source", words[0] == ".":
		return "" // so does what is used of it
	case words[0] == "ulimit":
		limit := map[string]string{"-n": "open_files", "-u": "processes", "-v": "memory", "-m": "memory", "-c": "core_file_size"}[strings.Join(words[1:min(2, len(words))], "")]
		need(oneLine(text), limit != "" && strings.Contains(w.text, limit) || strings.Contains(w.text, "ulimit "+strings.Join(words[1:min(2, len(words))], "")))
		return strings.Join(lost, ", ")
	case words[0] == "setcap":
		need("setcap", strings.Contains(w.text, "capabilities") || strings.Contains(w.text, "setcap"))
		return strings.Join(lost, ", ")
	}
	for i, word := range words {
		if m := assignedName.FindStringSubmatch(word); m != nil {
			if word == "TMPDIR=/var/vcap/data/"+w.job.Name+"/tmp" {
				continue // bpm gives it
			}
			need(m[1], wordIn(w.text, m[1]))
			continue
		}
		word = strings.Trim(word, "(){}`,:&|")
		switch m := optionName.FindString(word); {
		case word == "" || ignoredWords.MatchString(word):
		case m != "":
			need(m, wordIn(w.text, strings.TrimLeft(m, "-")))
		case strings.Contains(word, "/") && !strings.HasSuffix(word, "/") && !strings.Contains(path.Base(word), "$"):
			need(word, wordIn(w.text, path.Base(word)))
		case i == 0 && !strings.HasPrefix(word, "$"):
			need(word, wordIn(w.text, word))
		}
	}
	return strings.Join(lost, ", ")
}

// wordIn says whether a text has a word.
func wordIn(text, word string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(word)
		if (start == 0 || !wordByte(text[start-1])) && (end == len(text) || !wordByte(text[end])) {
			return true
		}
		at = start + 1
	}
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
