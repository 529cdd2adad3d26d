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
	changing := map[string]*Conversion{}
	for _, c := range p.Jobs {
		for _, ch := range c.Changes {
			changing[ch.Name] = c
		}
	}
	for _, c := range p.Jobs {
		if c.Verdict == Failed {
			continue
		}
		var added []Change // later: there are pointers to those that are there
		for _, f := range filesAfter(c, changing) {
			if ch := p.swapIn(c, f, o.Swap); ch != nil {
				added = append(added, *ch)
				changing[ch.Name] = c
			}
		}
		c.Changes = append(c.Changes, added...)
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
// changing says which conversion changes a file.
func filesAfter(c *Conversion, changing map[string]*Conversion) []laterFile {
	change := func(name string) *Change {
		by := changing[name]
		if by == nil {
			return nil
		}
		i := slices.IndexFunc(by.Changes, func(ch Change) bool { return ch.Name == name })
		return &by.Changes[i]
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

// swapIn replaces chpst in one file, or says that it stays there. It gives the
// change of a file that has none yet.
func (p *Plan) swapIn(c *Conversion, f laterFile, how Swap) *Change {
	uses := runit.Uses(f.File, runit.Chpst)
	if len(uses) == 0 {
		return nil
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
		return nil
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
		return nil
	}
	return &Change{Name: f.Name, Before: f.File, After: after, Mode: f.Mode, Why: why}
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
