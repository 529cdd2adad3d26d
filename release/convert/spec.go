package convert

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// specEdit collects what changes in the templates of a spec. The first removed
// entry is replaced where it stands, so that the diff is one line for one.
type specEdit struct {
	job    *job
	added  [][2]string
	remove []release.Template
}

func (s *specEdit) add(src, target string) { s.added = append(s.added, [2]string{src, target}) }

func (s *specEdit) removes(t release.Template) bool {
	for _, r := range s.remove {
		if r.Span == t.Span {
			return true
		}
	}
	return false
}

func (s *specEdit) apply() bool {
	w, spec := s.job, s.job.Job.Spec
	f := spec.File
	if len(s.added)+len(s.remove) == 0 {
		return true
	}
	entries := make([]string, len(s.added))
	for i, a := range s.added {
		entries[i] = a[0] + ":" + strings.Repeat(" ", max(1, s.column()-len(a[0])-1)) + a[1]
	}
	if len(spec.Templates) == 0 {
		return w.decline(source.Span{File: f}, "the spec has no templates")
	}
	var edits []source.Edit
	edit := func(start, end int, text string) {
		edits = append(edits, source.Edit{Start: start, End: end, New: text, Rule: "spec"})
	}
	first := spec.Templates[len(spec.Templates)-1].Span
	if len(s.remove) > 0 {
		first = s.remove[0].Span
	}
	if w.Flag != "" {
		s.remove = nil // they run where the flag is false
	}
	if len(s.remove) == 0 {
		// the script stays: what is new stands behind it, or the last template
		entries = append([]string{string(f.Data[first.Start:first.End])}, entries...)
	}
	removed := s.remove
	if len(removed) > 0 && len(entries) > 0 {
		removed = removed[1:]
	}
	if spec.Flow {
		if len(entries) > 0 {
			edit(first.Start, first.End, strings.Join(entries, ", "))
		}
		for _, t := range removed {
			start, end := flowEntry(f, t.Span)
			edit(start, end, "")
		}
	} else {
		indent := string(f.Data[f.LineStart(first.Start):first.Start])
		if strings.TrimSpace(indent) != "" {
			return w.decline(first, "this entry does not stand on a line of its own")
		}
		if len(entries) > 0 {
			edit(first.Start, first.End, strings.Join(entries, f.Newline()+indent))
		}
		for _, t := range removed {
			edit(f.LineStart(t.Span.Start), f.LineEnd(t.Span.End), "")
		}
	}
	edits, ok := w.addFlag(edits)
	if !ok {
		return false
	}
	after, err := source.Apply(f.Data, edits)
	if err != nil {
		w.fail(err)
		return false
	}
	if err := cmp.Or(s.check(after), w.declares(after)); err != nil {
		return w.decline(first, "the edited spec does not say what it should: %v", err)
	}
	w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, After: after, Mode: f.Mode, Why: s.why()})
	return true
}

// why says what the change of the spec is about.
func (s *specEdit) why() string {
	comes := "the new files have their lines"
	if slices.ContainsFunc(s.added, func(a [2]string) bool { return a[1] == configTarget }) {
		comes = configTarget + " comes"
	}
	if s.job.Flag != "" {
		return comes + ", and property " + s.job.Flag
	}
	if len(s.job.supervised()) > 0 && len(s.remove) > 0 {
		return "the ctl script's line goes, " + comes
	}
	return comes
}

// column is where the targets of the spec begin, behind the start of their
// entries, where most of them are set below each other; 0 elsewhere.
func (s *specEdit) column() int {
	count, wide := map[int]int{}, map[int]bool{}
	all := s.job.Job.Spec.Templates
	for _, t := range all {
		key, rest, found := strings.Cut(t.Span.Text(), ":")
		if blanks := len(rest) - len(strings.TrimLeft(rest, " ")); found {
			at := len(key) + 1 + blanks
			count[at]++
			wide[at] = wide[at] || blanks > 1
		}
	}
	for at, n := range count {
		if wide[at] && n > 1 && 2*n > len(all) {
			return at
		}
	}
	return 0
}

// flowEntry widens an entry of a {a: b, c: d} mapping by one comma.
func flowEntry(f *source.File, span source.Span) (start, end int) {
	start, end = span.Start, span.End
	before := strings.TrimRight(string(f.Data[:start]), " \t\r\n")
	if strings.HasSuffix(before, ",") {
		return len(before) - 1, end
	}
	rest := string(f.Data[end:])
	trimmed := strings.TrimLeft(rest, " \t\r\n")
	if strings.HasPrefix(trimmed, ",") {
		end += len(rest) - len(trimmed) + 1
	}
	return start, end
}

// check reads the edited spec again and holds its templates against the plan.
func (s *specEdit) check(after []byte) error {
	want := map[string]string{}
	for _, t := range s.job.Job.Spec.Templates {
		if !s.removes(t) {
			want[t.Source] = t.Target
		}
	}
	for _, a := range s.added {
		want[a[0]] = a[1]
	}
	return release.CheckTemplates(after, want)
}
