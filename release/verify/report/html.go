package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"aspectKind": func(aspect string) string { k, _ := aspectText(aspect); return k },
	"aspectName": func(aspect string) string { _, n := aspectText(aspect); return n },
	"count":      count,
	"casesCount": casesCount,
	"casesText":  casesText,
	"findingURL": findingURL,
	"join":       strings.Join,
	"sides":      sides,
	"thousands":  thousands,
	"first":      func(n int, s []string) []string { return s[:min(n, len(s))] },
	"rest":       func(n int, s []string) []string { return s[min(n, len(s)):] },
	"dict": func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	},
}).Parse(pageText))

// HTML writes one page that needs nothing else: no script, no font, no other
// file. It is XML as well, so that programs can read it.
func HTML(w io.Writer, r *verify.Result, o Options) error {
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, newPage(r, o)); err != nil {
		return fmt.Errorf("writing the page of %s: %w", r.Release, err)
	}
	_, err := w.Write(bytes.Map(printable, page.Bytes()))
	return err
}

// printable shows control characters, which neither HTML nor XML may hold, by
// their pictures. What is no UTF-8 is U+FFFD already.
func printable(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return r
	case r < ' ':
		return 0x2400 + r
	case r == 0x7f:
		return 0x2421
	case r == 0xfffe || r == 0xffff:
		return 0xfffd
	}
	return r
}

// findingURL is where a finding is explained; "" for what is none of ours.
func findingURL(id string) string {
	e, ok := finding.Lookup(id)
	if !ok {
		return ""
	}
	return e.URL()
}

// page is what the template shows.
type page struct {
	Options
	Style    template.CSS
	Result   *verify.Result
	Chip     chip
	Headline string
	Jobs     []*jobView
	Total    tally
}

// chip is a status with its sign.
type chip struct{ Class, Sign, Text string }

func chipOf(s verify.Status) chip {
	switch s {
	case verify.Same:
		return chip{"same", "✓", "same"}
	case verify.Explained:
		return chip{"explained", "≈", "explained"}
	case verify.Unexplained:
		return chip{"unexplained", "!", "unexplained"}
	case verify.NotRun:
		return chip{"notrun", "–", "not run"}
	}
	return chip{"notrun", "?", string(s)}
}

type jobView struct {
	*verify.Job
	ID      string
	Chip    chip
	Line    string
	Tally   tally
	Verdict convert.Verdict
	Legend  []legendItem
	Old     []*oldFile
	New     []*newFile
	Proofs  []proofView
	Cases   []caseView
	// Findings and Decisions are those of the conversion.
	Findings  []findingView
	Decisions []decisionView
	Reason    *findingView
}

// Code says whether there are files to show.
func (j *jobView) Code() bool { return len(j.Old)+len(j.New) > 0 }

// alarm is a difference that nothing explains, for the head of a job.
type alarm struct{ Process, Aspect, Where, Proof string }

// Alarms are what a reader has to see first.
func (j *jobView) Alarms() []alarm {
	var out []alarm
	for _, d := range j.Differences {
		if d.Status == verify.Unexplained {
			out = append(out, alarm{d.Process, d.Aspect, "in " + inCases(d.Cases, len(j.Cases)), j.ID + "-proof"})
		}
	}
	return out
}

// inCases says in which cases something is seen.
func inCases(names []string, all int) string {
	switch {
	case len(names) == all && all > 1:
		return "all cases"
	case len(names) > 2:
		return fmt.Sprintf("%s and %s", names[0], count(len(names)-1, "other case"))
	}
	return strings.Join(names, " and ")
}

// Told says whether there is more to tell than what the overview does.
func (j *jobView) Told() bool {
	return len(j.Cases) > 0 || j.Code() || len(j.Findings) > 0 || j.Reason != nil && j.Status != verify.Same
}

// Follows says that the new files are so short that they can stay in view while
// a long script is read.
func (j *jobView) Follows() bool {
	lines := 0
	for _, f := range j.New {
		lines += 4
		for _, b := range f.Blocks {
			lines += len(b.Lines)
		}
	}
	return lines <= 40
}

type legendItem struct {
	destination
	Statements int
}

type oldFile struct {
	Name, ID string
	Fate     string
	Blocks   []block
	Went     []went
}

type newFile struct {
	Name   string
	Fate   string
	Holds  []destination
	Diff   bool
	Blocks []block
}

type proofView struct {
	proof
	Chip        chip
	Total       int
	Differences []differenceView
}

type differenceView struct {
	verify.Difference
	Chip chip
	At   link
	All  int // cases of the process
}

type caseView struct {
	verify.Case
	Chip  chip
	Names []string // of the processes that were run
}

type findingView struct {
	source.Diagnostic
	Places []link
}

type decisionView struct {
	convert.Decision
	Places []link
}

// link is a place, and where on the page it is shown. Text is without the
// job's folder, Title with it.
type link struct{ Text, Title, Href string }

var notID = search.MustCompile(`[^A-Za-z0-9_.-]+`)

func newPage(r *verify.Result, o Options) *page {
	p := &page{Options: o, Style: template.CSS(pageStyle), Result: r, Chip: chipOf(r.Status()), Headline: headline(r)}
	if nothing(r) {
		p.Chip = chip{"notrun", "–", "nothing compared"}
	}
	ids := map[string]bool{}
	for n, j := range r.Jobs {
		id := "job-" + notID.ReplaceAllString(j.Name, "-")
		if ids[id] {
			id = fmt.Sprintf("%s.%d", id, n+1)
		}
		ids[id] = true
		v := newJobView(j, id)
		p.Jobs = append(p.Jobs, v)
		p.Total.Same += v.Tally.Same
		p.Total.Explained += v.Tally.Explained
		p.Total.Unexplained += v.Tally.Unexplained
		p.Total.NotRun += v.Tally.NotRun
	}
	return p
}

func newJobView(j *verify.Job, id string) *jobView {
	v := &jobView{Job: j, ID: id, Chip: chipOf(j.Status), Line: jobLine(j), Tally: tallyOf(j)}
	if j.Status == verify.Same && len(j.Cases) == 0 {
		v.Chip = chip{"notrun", "=", "not compared"}
	}
	var ledger []convert.Row
	if c := j.Conversion; c != nil {
		v.Verdict, ledger = c.Verdict, c.Ledger
	}
	v.legend(ledger)
	v.files(ledger)
	for _, p := range proofs(j) {
		o := proofView{proof: p, Chip: chipOf(p.Status), Total: len(j.Cases)}
		for _, d := range p.Differences {
			o.Differences = append(o.Differences, differenceView{d, chipOf(d.Status), v.link(d.At), len(j.Cases)})
		}
		v.Proofs = append(v.Proofs, o)
	}
	for _, c := range j.Cases {
		o := caseView{Case: c, Chip: chipOf(c.Status)}
		for _, p := range c.Processes {
			o.Names = append(o.Names, p.Name)
		}
		v.Cases = append(v.Cases, o)
	}
	if c := j.Conversion; c != nil {
		found := slices.Clone(c.Findings)
		slices.SortStableFunc(found, func(a, b source.Diagnostic) int { return int(b.Severity - a.Severity) })
		for _, f := range found {
			v.Findings = append(v.Findings, v.finding(f))
		}
		if c.Reason.Message != "" {
			f := v.finding(c.Reason)
			v.Reason = &f
		}
		for _, d := range c.Decisions {
			v.Decisions = append(v.Decisions, decisionView{d, v.links(append([]source.Span{d.Cause}, d.Related...))})
		}
	}
	return v
}

func (v *jobView) finding(d source.Diagnostic) findingView {
	return findingView{d, v.links(append([]source.Span{d.Span}, d.Related...))}
}

// legend counts the statements by their destination.
func (v *jobView) legend(ledger []convert.Row) {
	n := map[string]int{}
	for _, r := range ledger {
		n[rowDestination(r).Class]++
	}
	for _, d := range destinations {
		if n[d.Class] > 0 {
			v.Legend = append(v.Legend, legendItem{d, n[d.Class]})
		}
	}
}

// files puts the old scripts on the left and what is new on the right. A file
// that stands on both sides is shown as what changed in it.
func (v *jobView) files(ledger []convert.Row) {
	marked := map[*source.File]*marking{}
	var left []*source.File
	for _, m := range markings(ledger) {
		marked[m.file] = m
		left = append(left, m.file)
	}
	old := map[string]*source.File{}
	for _, f := range v.Job.Old {
		f, _ = f.Original(0)
		old[f.Name] = f
	}
	new := map[string]bool{}
	for _, f := range v.Job.New {
		new[f.Name] = true
	}
	known := map[string]bool{}
	for _, f := range left {
		known[f.Name] = true
	}
	for _, f := range v.Job.Old {
		if !new[f.Name] && !known[f.Name] {
			left = append(left, f)
		}
	}
	for i, f := range left {
		fate := "removed"
		switch {
		case new[f.Name]:
			fate = "changed"
		case old[f.Name] == nil:
			fate = "stays"
		}
		v.Old = append(v.Old, &oldFile{
			Name: f.Name, ID: fmt.Sprintf("%s.old%d", v.ID, i+1), Fate: fate,
			Blocks: markedLines(f, marked[f]), Went: wents(f, ledger),
		})
	}
	wrapper := slices.ContainsFunc(v.Legend, func(l legendItem) bool { return l.To == convert.ToWrapper })
	for _, f := range v.Job.New {
		n := &newFile{Name: f.Name, Fate: "new", Holds: holds(f, wrapper)}
		if o := old[f.Name]; o != nil {
			n.Fate, n.Diff, n.Blocks = "changed", true, diffLines(o, f)
		} else {
			n.Blocks = markedLines(f, nil)
		}
		v.New = append(v.New, n)
	}
	slices.SortStableFunc(v.New, func(a, b *newFile) int { return newRank(a) - newRank(b) })
}

// newRank is the order of the new files: what bpm runs, what goes with it, what
// changed.
func newRank(n *newFile) int {
	if len(n.Holds) > 0 {
		return slices.Index(destinations, n.Holds[0])
	}
	switch {
	case path.Base(n.Name) == "monit" || path.Ext(n.Name) == ".monit":
		return len(destinations)
	case n.Diff:
		return len(destinations) + 2
	}
	return len(destinations) + 1
}

// holds says which statements a new file holds, by the names that package
// convert gives its files. wrapper says that the conversion wrote one: it has
// the name of its process.
func holds(f *source.File, wrapper bool) []destination {
	name := strings.TrimSuffix(path.Base(f.Name), ".erb")
	switch {
	case name == "bpm.yml":
		return []destination{destinationOf(convert.ToBPM)}
	case strings.HasPrefix(name, "operator-"):
	case strings.HasSuffix(name, "bpm-pre-start"):
		return []destination{destinationOf(convert.ToHook)}
	case name == "pre-start":
		return []destination{destinationOf(convert.ToPreStart)}
	case name == "post-start":
		return []destination{destinationOf(convert.ToPostStart)}
	case wrapper && bytes.HasPrefix(f.Data, []byte("#!")):
		return []destination{destinationOf(convert.ToWrapper)}
	}
	return nil
}

func (v *jobView) links(spans []source.Span) []link {
	var out []link
	for _, s := range places(spans...) {
		out = append(out, v.link(s))
	}
	return out
}

// link finds a place on the page.
func (v *jobView) link(s source.Span) link {
	l := link{Text: placeIn(v.Name, s), Title: s.Place()}
	if !s.Valid() {
		return l
	}
	for _, o := range v.Old {
		if o.Name == s.File.Name {
			l.Href = fmt.Sprintf("#%s.%d", o.ID, s.Position().Line)
		}
	}
	return l
}

// diffWord is a word of a value, Changed when the other side does not have it.
type diffWord struct {
	Text    string
	Changed bool
}

// pair is a value before and after, with what differs marked.
type pair struct{ Before, After []diffWord }

// longest is how much of a value is shown.
const longest = 3000

// sides compares two values word by word.
func sides(before, after string) pair {
	a, b := splitWords(shorten(before, longest)), splitWords(shorten(after, longest))
	if len(a) == 0 || len(b) == 0 || len(a)*len(b) > 1<<20 {
		return pair{[]diffWord{{Text: strings.Join(a, "")}}, []diffWord{{Text: strings.Join(b, "")}}}
	}
	// longest common subsequence, from the end
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var p pair
	add := func(to *[]diffWord, text string, changed bool) {
		if n := len(*to); n > 0 && (*to)[n-1].Changed == changed {
			(*to)[n-1].Text += text
			return
		}
		*to = append(*to, diffWord{text, changed})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			add(&p.Before, a[i], false)
			add(&p.After, b[j], false)
			i++
			j++
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			add(&p.Before, a[i], true)
			i++
		default:
			add(&p.After, b[j], true)
			j++
		}
	}
	return p
}

var word = search.MustCompile(`\s+|[^\s]+`)

func splitWords(s string) []string { return word.FindAllString(s, -1) }
