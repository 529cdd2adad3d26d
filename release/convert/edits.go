package convert

import (
	"bytes"
	"slices"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// fileEdit is a change inside a file of the job that stays.
type fileEdit struct {
	at  source.Span
	new string
	// rule made it, for the error when two of them collide; why is for the
	// report.
	rule, why string
}

// editFile replaces a piece of a template that stays. The same edit may be asked
// for by several processes.
func (w *job) editFile(at source.Span, text, rule, why string) {
	e := fileEdit{at, text, rule, why}
	if !slices.Contains(w.edits, e) {
		w.edits = append(w.edits, e)
	}
}

// edited says whether a place is rewritten.
func (w *job) edited(at source.Span) bool {
	return slices.ContainsFunc(w.edits, func(e fileEdit) bool {
		return e.at.File == at.File && e.at.Start <= at.Start && at.End <= e.at.End
	})
}

// applyEdits turns the edits into changes, behind all others: a file that is
// deleted needs none, one that something is added to at its end, or that moves
// to another name as it is, gets them there.
func (w *job) applyEdits() bool {
	byFile := map[*source.File][]fileEdit{}
	var files []*source.File
	for _, e := range w.edits {
		if byFile[e.at.File] == nil {
			files = append(files, e.at.File)
		}
		byFile[e.at.File] = append(byFile[e.at.File], e)
	}
	for _, f := range files {
		change := Change{Name: f.Name, Before: f, After: f.Data, Mode: f.Mode, Why: byFile[f][0].why}
		target := &change
		for i := range w.Changes {
			if c := &w.Changes[i]; c.Before == f || c.Before == nil && bytes.Equal(c.After, f.Data) {
				target = c
				if c.Before == nil {
					break // the old text is there now
				}
			}
		}
		if target.Delete {
			continue
		}
		if !bytes.HasPrefix(target.After, f.Data) {
			return w.decline(byFile[f][0].at, "rule %s would change this place, and another rule the whole file", byFile[f][0].rule)
		}
		var edits []source.Edit
		for _, e := range byFile[f] {
			edits = append(edits, source.Edit{Start: e.at.Start, End: e.at.End, New: e.new, Rule: e.rule})
		}
		after, err := source.Apply(f.Data, edits)
		if err != nil {
			w.fail(err)
			return false
		}
		target.After = append(after, target.After[len(f.Data):]...)
		if target == &change {
			w.Changes = append(w.Changes, change)
		}
	}
	return true
}
