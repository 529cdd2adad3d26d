package convert

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	bpmdemand "github.com/bosh-bpmify/bosh-bpmify/release/demand"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/flag"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// A conversion behind a flag is the last step over one without: the old files and
// the new ones are both known, and every template that differs becomes one with
// both forms. Nothing is deleted, what runs once a deploy runs where the flag is
// true only, and the new files that only bpm looks at need no condition.

// flagOf is the property behind which a job is converted; "" for none.
func (o Options) flagOf(job string) string {
	if name, ok := o.Flags[job]; ok {
		return name
	}
	return o.FeatureFlag
}

// behindFlag says that bpm starts the job where a property is true already.
func (w *job) behindFlag() bool {
	name, standard := bpmdemand.Flag(w.Job)
	if name == "" {
		return false
	}
	w.OnBPM, w.Verdict = true, AlreadyBPM
	at := source.Span{File: w.Job.Spec.File}
	if p, ok := w.Job.Spec.Property(name); ok {
		at = p.Span
	}
	also := ""
	if w.ctx.Flag != "" && w.ctx.Flag != name {
		also = fmt.Sprintf(", and is not put behind %s, too", w.ctx.Flag)
	}
	w.Reason = w.diagnostic("behind-flag", source.Note, at, "is behind the flag %s, %v by default%s; --drop-flag removes it%s", name, standard, also, w.besideFlag())
	return true
}

// besideFlag says which checks stay on their scripts whatever the flag is.
func (w *job) besideFlag() string {
	m, err := monit.Parse(w.Job.Monit)
	if err != nil {
		return ""
	}
	withBPM := map[string]bool{}
	var names []string
	for _, c := range m.Checks {
		for _, p := range c.Starts {
			withBPM[c.NameText()] = withBPM[c.NameText()] || bpmOnVM.MatchString(p.Command.Text())
		}
		if c.Kind == "process" && len(c.Starts) > 0 && !slices.Contains(names, c.NameText()) {
			names = append(names, c.NameText())
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return withBPM[name] })
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(". Check %s stays on its script for both values: it can be converted when the flag is gone", names[0])
	}
	return fmt.Sprintf(". Checks %s stay on their scripts for both values: they can be converted when the flag is gone", strings.Join(names, ", "))
}

// flagged is the flag in the form in which the job's templates ask for properties.
func (c *Conversion) flagged() flag.Flag {
	texts := [][]byte{c.Job.Monit.Data}
	for _, t := range c.Job.Spec.Templates {
		if f, _, err := c.Job.TemplateFile(t.Target); err == nil {
			texts = append(texts, f.Data)
		}
	}
	return flag.For(c.Flag, texts...)
}

// gone says of an old script what became of it.
func (w *job) gone() string {
	if w.Flag != "" {
		return "does not know the process that bpm runs where " + w.Flag + " is true"
	}
	return "is gone"
}

// notWritten says it of an old pidfile.
func (w *job) notWritten() string {
	if w.Flag != "" {
		return "is not written where " + w.Flag + " is true"
	}
	return "is not written any more"
}

// ownFiles keeps the edits in scripts of other jobs out: their templates do not see
// the flag, so that neither path would be right for both of its values.
func (w *job) ownFiles() {
	if w.Flag == "" {
		return
	}
	w.rereads = slices.DeleteFunc(w.rereads, func(r reread) bool {
		if strings.HasPrefix(r.file.Name, w.Job.Dir()+"/") {
			return false
		}
		at := source.Span{File: r.file, Start: r.edit.Start, End: r.edit.End}
		w.find("flag-other-job", source.Warning, at, "this is right while %s of job %s is false; where it is true, it has to be %s. A template of another job cannot ask for that property, so nothing is changed here: make it try both", w.Flag, w.Job.Name, r.edit.New)
		w.Decisions = slices.DeleteFunc(w.Decisions, func(d Decision) bool { return d.Cause.File == r.file })
		return true
	})
}

// addFlag declares the property in the edits of a spec.
func (w *job) addFlag(edits []source.Edit) ([]source.Edit, bool) {
	if w.Flag == "" {
		return edits, true
	}
	if at := w.readsProperties(); len(w.Job.Spec.Properties) == 0 && at.Valid() {
		w.flagRefused = true
		return nil, w.decline(at, "this asks for a property, and the spec declares none: Directors before v257 gave the job all of a manifest then, and would give it nothing but %s if that were declared; those since give it none. Declare the properties first", w.Flag)
	}
	edit, err := w.flagged().Property(w.Job.Spec.File)
	if err != nil {
		at, message := source.Split(err)
		w.flagRefused = true
		return nil, w.decline(at, "%s", message)
	}
	return append(edits, edit), true
}

// readsProperties is a place where the job's files ask for a property.
func (w *job) readsProperties() source.Span {
	files := []*source.File{w.Job.Monit}
	for _, t := range w.Job.Spec.Templates {
		if f, _, err := w.Job.TemplateFile(t.Target); err == nil {
			files = append(files, f)
		}
	}
	for _, f := range files {
		t, err := erb.Parse(f)
		if err != nil {
			continue
		}
		for _, s := range t.Segments {
			if s.Kind != erb.Code && s.Kind != erb.Expr {
				continue
			}
			if at := asksForProperty.FindSubmatchIndex(f.Data[s.CodeStart:s.CodeEnd]); at != nil {
				return source.Span{File: f, Start: s.CodeStart + at[2], End: s.CodeStart + at[3]}
			}
		}
	}
	return source.Span{}
}

// asksForProperty is Ruby that asks for a property of the job, and not of a link.
var asksForProperty = search.MustCompile(`(?:^|[^.\w]|\bspec\.)((?:p|if_p)\b\s*[('"]|(?:raw_)?properties\b)`)

// declares says whether an edited spec has the properties that it had and the flag.
func (w *job) declares(spec []byte) error {
	if w.Flag == "" {
		return nil
	}
	var m struct {
		Properties map[string]struct{ Default any }
	}
	if err := yaml.Unmarshal(spec, &m); err != nil {
		return err
	}
	if p, ok := m.Properties[w.Flag]; !ok || p.Default != false || len(m.Properties) != len(w.Job.Spec.Properties)+1 {
		return fmt.Errorf("property %s should be there, with the default false", w.Flag)
	}
	return nil
}

// fold puts the jobs that have a flag behind it. One for which that cannot be done
// is declined.
func (p *Plan) fold(o Options) {
	for _, c := range p.Jobs {
		if c.Flag == "" || c.Verdict != Converted && c.Verdict != ConvertedReview {
			continue
		}
		if at, err := c.fold(o); err != nil {
			c.Verdict, c.Changes, c.rereads, c.Findings, c.Processes = Declined, nil, nil, nil, nil
			c.Reason = source.Diagnostic{ID: "declined", Severity: source.Warning, Span: at, Message: fmt.Sprintf("this cannot be put behind %s: %v", c.Flag, err)}
		}
	}
}

// fold makes the changes of a conversion depend on its flag. The place is where
// that fails.
func (c *Conversion) fold(o Options) (source.Span, error) {
	f := c.flagged()
	var kept []Change
	for _, change := range c.Changes {
		name := change.Name
		at := source.Span{File: change.Before}
		if at.File == nil {
			at.File = c.Job.Monit
		}
		var err error
		switch {
		case change.Delete:
			continue // it is what runs where the flag is false
		case name == c.Job.Spec.File.Name:
		case !strings.HasPrefix(name, c.Job.Dir()+"/"):
			err = fmt.Errorf("%s belongs to another job", name)
		case change.Before == nil && (name == c.Job.TemplateName(preStartDefault) || name == c.Job.TemplateName(postStartDefault)):
			change.After, err = f.Guard(change.After)
			change.Why += ", where " + c.Flag + " is true"
		case change.Before == nil:
		default:
			change.After, err = c.foldFile(f, change)
			change.Why = "where " + c.Flag + " is true: " + change.Why
		}
		if err != nil {
			return at, err
		}
		kept = append(kept, change)
	}
	for _, s := range c.wrapped {
		if !slices.ContainsFunc(kept, func(o Change) bool { return o.Name == s.Name }) {
			kept = append(kept, s)
		}
	}
	but := ""
	if o.Swap != "" {
		but = ", but for chpst, which --swap-chpst replaces in what stays"
	}
	slices.SortFunc(kept, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	c.Changes = kept
	c.Decisions = slices.Insert(c.Decisions, 0, Decision{
		What: "behind " + c.Flag, Cause: source.Whole(c.Job.Monit),
		Why: "it is false by default: what was there renders as before then, byte for byte, and the old scripts stay" + but + ". What follows is about the job with it set to true",
	})
	return source.Span{}, nil
}

// foldFile puts the old form of a file and the new one into one template.
func (c *Conversion) foldFile(f flag.Flag, change Change) ([]byte, error) {
	var off, on []flag.Range
	if change.Name == c.Job.Monit.Name {
		off, on = checks(change.Before.Data), checks(change.After)
	}
	return f.Fold(change.Before.Data, change.After, off, on)
}

// checks are the places of the checks of a monit file, which are duplicated as a
// whole: each arm can be read alone then.
func checks(data []byte) []flag.Range {
	m, err := monit.Parse(&source.File{Data: data})
	if err != nil {
		return nil
	}
	var all []flag.Range
	for _, c := range m.Checks {
		start := bytes.LastIndexByte(data[:c.Span.Start], '\n') + 1
		all = append(all, flag.Range{Start: start, End: c.Span.End})
	}
	return all
}

// need is what the job asks of a deployment.
func (c *Conversion) need() manifest.Need {
	n := manifest.Need{Job: c.Job.Name, Release: c.Job.Release.Name, Flag: c.Flag}
	if c.Verdict == AlreadyBPM {
		n.Flag, n.Default = bpmdemand.Flag(c.Job)
	}
	return n
}

// addonJobs recommends the flag for jobs that addons place: operators get them
// with their next deploy, on VMs that may have no bpm. That says more of such a
// place than that bpm is not in it.
func (p *Plan) addonJobs(files []*manifest.Manifest, converted []manifest.Need) {
	for _, m := range files {
		for _, at := range m.AddonJobs(converted) {
			p.Findings = slices.DeleteFunc(p.Findings, func(d source.Diagnostic) bool {
				return d.ID == "bpm-not-placed" && d.Span == at.Span && len(d.Related) == 0
			})
			p.Findings = append(p.Findings, source.Diagnostic{ID: "addon-job", Severity: source.Warning, Span: at.Span, Message: fmt.Sprintf("job %s is deployed as an addon, and needs bpm on every VM that gets it from now on; with --feature-flag it runs as before until a deployment asks for bpm", at.Job)})
		}
	}
}
