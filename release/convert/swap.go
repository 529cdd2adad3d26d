package convert

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/runit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
)

// Swap says where chpst is replaced by a line that does the same without runit.
type Swap string

const (
	// SwapNew replaces it in new files alone.
	SwapNew Swap = ""
	// SwapRest converts what can be converted, and replaces it in what stays.
	SwapRest Swap = "rest"
	// SwapOnly converts nothing.
	SwapOnly Swap = "only"
)

// swapOnly is the outcome for a job of which nothing is converted; nil when it does
// not use chpst.
func swapOnly(j *release.Job) *Conversion {
	c := &Conversion{Job: j}
	if j.Err != nil {
		return c.fail(j.Err)
	}
	for _, f := range runit.Files(j) {
		if len(runit.Uses(f, runit.Chpst)) > 0 {
			c.Verdict = Swapped
			return c
		}
	}
	return nil
}

// swap replaces chpst in the files of the jobs as they are after the conversion, and
// says where it is left.
func (p *Plan) swap(o Options, rules *suppress.Rules) {
	changed := map[string]int{} // by which job a file is
	note := func(i int) {
		for _, ch := range p.Jobs[i].Changes {
			changed[ch.Name] = max(changed[ch.Name], i)
		}
	}
	for i := range p.Jobs {
		note(i)
	}
	for i, c := range p.Jobs {
		if c.Verdict == Failed {
			continue
		}
		for _, f := range p.filesAfter(c, changed) {
			p.swapIn(c, f, o.Swap)
		}
		note(i)
		sort.Slice(c.Changes, func(i, j int) bool { return c.Changes[i].Name < c.Changes[j].Name })
		c.settle(rules)
	}
}

// settle puts what was found about chpst among the findings of a job that has some;
// those of a job that stays go beside its reason.
func (c *Conversion) settle(rules *suppress.Rules) {
	var covered []suppress.Finding
	c.Chpst, covered = rules.Split(c.Job.Name, source.Merge(c.Chpst))
	c.Suppressed = append(c.Suppressed, mergeSuppressed(covered)...)
	if c.Reason.Message != "" || c.Verdict == Swapped {
		return
	}
	for _, d := range c.Chpst {
		if d.Severity > source.Note && c.Verdict == Converted {
			c.Verdict = ConvertedReview
		}
	}
	c.Findings = append(c.Findings, c.Chpst...)
	source.SortDiagnostics(c.Findings)
	c.Chpst = nil
}

// laterFile is a file of a job as it is after the conversion, and its change if it
// has one.
type laterFile struct {
	*source.File
	change *Change
}

// filesAfter are the files of a job that may run chpst after the conversion.
// changed has the job by which a file is changed.
func (p *Plan) filesAfter(c *Conversion, changed map[string]int) []laterFile {
	change := func(name string) *Change {
		by, ok := changed[name]
		if !ok {
			return nil
		}
		all := p.Jobs[by].Changes
		if i := slices.IndexFunc(all, func(ch Change) bool { return ch.Name == name }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	later := func(ch *Change) laterFile {
		return laterFile{&source.File{Name: ch.Name, Data: ch.After, Mode: ch.Mode}, ch}
	}
	var files []laterFile
	for _, f := range runit.Files(c.Job) {
		switch ch := change(f.Name); {
		case ch == nil:
			files = append(files, laterFile{File: f})
		case !ch.Delete:
			files = append(files, later(ch))
		}
	}
	for i := range c.Changes {
		if ch := &c.Changes[i]; ch.Before == nil {
			files = append(files, later(ch))
		}
	}
	return files
}

// swapIn replaces chpst in one file, or says that it stays there.
func (p *Plan) swapIn(c *Conversion, f laterFile, how Swap) {
	uses := runit.Uses(f.File, runit.Chpst)
	if len(uses) == 0 {
		return
	}
	replace := func(u runit.Use) bool { return how != SwapNew || p.written(f.change, u) }
	var edits []source.Edit
	n := 0
	for _, u := range uses {
		if replace(u) && u.Replaceable() {
			n++
			edits = append(edits, u.Edits...)
		}
	}
	after, err := source.Apply(f.Data, edits)
	if err == nil && len(edits) > 0 && len(runit.Uses(&source.File{Name: f.Name, Data: after}, runit.Chpst)) > len(uses)-n {
		err = fmt.Errorf("the new text does not read back as what it should be")
	}
	for _, u := range uses {
		d := source.Diagnostic{ID: "chpst-left", Severity: source.Note, Span: u.Span}
		words, line := strings.Join(strings.Fields(u.Span.Text()), " "), u.Replacement()
		switch {
		case !u.Replaceable():
			words = oneLine(u.Old())
			d.Severity, d.Message = source.Warning, fmt.Sprintf("%q fails on the stemcell for Ubuntu 26.04, which has no chpst, and nothing of one line can stand for it: %s", words, u.Reason)
		case err != nil:
			d.Severity, d.Message = source.Warning, fmt.Sprintf("%q fails on the stemcell for Ubuntu 26.04, which has no chpst, and is not replaced: %s", words, err)
		case !replace(u):
			d.Message = fmt.Sprintf("%q fails on the stemcell for Ubuntu 26.04, which has no chpst; %q does the same, and --swap-chpst puts it here", words, line)
		case u.Review == "":
			continue
		default:
			d = source.Diagnostic{ID: "chpst-swapped", Severity: source.Warning, Span: u.Span, Message: fmt.Sprintf("%q is %q now, and they differ: %s", words, line, u.Review)}
		}
		c.Chpst = append(c.Chpst, d)
	}
	if len(edits) == 0 || err != nil {
		return
	}
	why := "chpst is replaced"
	if n > 1 {
		why = fmt.Sprintf("chpst is replaced in %d places", n)
	}
	if f.change != nil {
		f.change.After = after
		if f.change.Before != nil {
			f.change.Why += "; " + why
		}
		return
	}
	c.Changes = append(c.Changes, Change{Name: f.Name, Before: f.File, After: after, Mode: f.Mode, Why: why})
}

// written says whether a line is one that the conversion writes, in a file that it
// has not only moved.
func (p *Plan) written(change *Change, u runit.Use) bool {
	if change == nil {
		return false
	}
	if change.Before != nil {
		words := []byte(u.Span.Text())
		return !bytes.Contains(change.Before.Data, []byte(u.Span.Line())) && bytes.Count(change.After, words) > bytes.Count(change.Before.Data, words)
	}
	for _, c := range p.Jobs {
		for _, o := range c.Changes {
			if o.Before != nil && bytes.Equal(o.Before.Data, u.Span.File.Data) { // it only moves
				return false
			}
		}
	}
	return true
}

// Swaps says whether a job that stays as it is has chpst replaced.
func (c *Conversion) Swaps() bool {
	return c.Verdict != Converted && c.Verdict != ConvertedReview && len(c.Changes) > 0
}
