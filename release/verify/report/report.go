// Package report shows what a comparison came to: as a page for the browser and
// for paper, and as the description of a pull request.
//
// It decides nothing: what is the same and what explains a difference is in the
// verify.Result. All texts of a release are foreign and are escaped.
package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// Options are what a report says about how it was made.
type Options struct {
	// Tool is the program and its version: "bosh-bpmify 1.4.0".
	Tool string
	// Command makes the report again: "bosh-bpmify verify .".
	Command string
}

// tally counts what a job, or a release, came to: rows that are the same,
// differences, and cases that were not run or of which a process was not.
type tally struct {
	Same, Explained, Unexplained, NotRun int
}

func tallyOf(j *verify.Job) tally {
	t := tally{Same: j.Compared}
	for _, d := range j.Differences {
		switch d.Status {
		case verify.Explained:
			t.Explained++
		case verify.Unexplained:
			t.Unexplained++
		}
	}
	for _, c := range j.Cases {
		if !c.Awkward && (c.Status == verify.NotRun || c.NotRun != "" || slices.ContainsFunc(c.Processes, func(p verify.Process) bool { return p.Status == verify.NotRun })) {
			t.NotRun++
		}
	}
	return t
}

// nothing says that no job was compared, so that a status has no meaning.
func nothing(r *verify.Result) bool {
	return !slices.ContainsFunc(r.Jobs, func(j *verify.Job) bool { return len(j.Cases) > 0 || j.Status != verify.Same })
}

// headline is the verdict on a release, in a sentence or two.
func headline(r *verify.Result) string {
	var sum tally
	differing, unexplained, notRun, unproven := 0, 0, 0, 0
	for _, j := range r.Jobs {
		t := tallyOf(j)
		sum.Same += t.Same
		sum.Explained += t.Explained
		sum.Unexplained += t.Unexplained
		if t.Explained+t.Unexplained > 0 {
			differing++
		}
		if j.Status == verify.Unexplained {
			unexplained++
		}
		switch {
		case j.Status == verify.NotRun:
			unproven++
		case t.NotRun > 0:
			notRun++
		}
	}
	if nothing(r) {
		return "No job was compared."
	}
	var out []string
	if sum.Unexplained > 0 || unexplained > 0 {
		out = append(out, fmt.Sprintf("%s %s no explanation%s.", count(sum.Unexplained, "difference"), have(sum.Unexplained), ofJobs(unexplained, len(r.Jobs))))
	}
	if unproven > 0 {
		out = append(out, fmt.Sprintf("%s %s not proven, because no case ran.", count(unproven, "job"), are(unproven)))
	}
	if notRun > 0 {
		out = append(out, fmt.Sprintf("%s did not run in every case, so %s proven only in part.", count(notRun, "job"), pick(notRun, "it is", "they are")))
	}
	switch {
	case len(out) > 0 && sum.Explained > 0:
		what := "difference"
		if sum.Unexplained > 0 {
			what = "other difference"
		}
		out = append(out, fmt.Sprintf("%s %s explained.", count(sum.Explained, what), are(sum.Explained)))
	case len(out) > 0:
	case sum.Explained > 0:
		out = append(out, fmt.Sprintf("Nothing changed without a reason: %s%s, each explained.", count(sum.Explained, "difference"), ofJobs(differing, len(r.Jobs))))
	default:
		out = append(out, fmt.Sprintf("Every process sees what it saw before: %s, no difference.", count(sum.Same, "comparison")))
	}
	return strings.Join(out, " ")
}

// ofJobs says in how many of several jobs something is so.
func ofJobs(n, all int) string {
	if all == 1 {
		return ""
	}
	return fmt.Sprintf(" in %d of %d jobs", n, all)
}

// jobLine is the verdict on a job, in a sentence.
func jobLine(j *verify.Job) string {
	if len(j.Cases) == 0 {
		if j.Why != "" {
			return "Not proven: " + strings.TrimSuffix(j.Why, ".") + "."
		}
		return "Not compared."
	}
	t := tallyOf(j)
	var parts []string
	if t.Same > 0 {
		parts = append(parts, fmt.Sprintf("%s %s the same in %s", count(t.Same, "comparison"), are(t.Same), count(len(j.Cases), "case")))
	}
	if t.Explained > 0 {
		parts = append(parts, count(t.Explained, "difference")+" "+are(t.Explained)+" explained")
	}
	if t.Unexplained > 0 {
		parts = append(parts, count(t.Unexplained, "difference")+" "+have(t.Unexplained)+" no explanation")
	}
	switch {
	case j.Status == verify.NotRun:
		parts = append(parts, "not proven, because no case ran")
	case t.NotRun > 0:
		parts = append(parts, fmt.Sprintf("%d of %s did not run in full", t.NotRun, count(len(j.Cases), "case")))
	}
	if len(parts) == 0 {
		parts = []string{"nothing was compared"}
	}
	line := sentence(strings.Join(parts, ", "))
	if j.Why != "" {
		line += " " + sentence(j.Why)
	}
	return line
}

// sentence begins with a capital and ends in a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + strings.TrimSuffix(s[n:], ".") + "."
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// thousands writes a number as people read it: 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func pick(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func are(n int) string  { return pick(n, "is", "are") }
func have(n int) string { return pick(n, "has", "have") }

// kinds are what the aspects before the colon mean, for people, in the order of
// the report. Those of the environment are one.
var kinds = []struct{ key, one, many string }{
	{"executable", "executable", "executable"},
	{"argv", "arguments", "arguments"},
	{"env", "variable", "environment"},
	{"cwd", "working directory", "working directory"},
	{"user", "user", "user"},
	{"limit", "limit", "limits"},
	{"access", "access to", "access"},
	{"folder", "folder", "folders"},
	{"file", "file", "files"},
	{"template", "template", "templates"},
	{"command", "command", "commands"},
	{"order", "order of", "order"},
}

// kindOf splits an aspect in its kind, as an index of kinds, and its name. An
// aspect that is not known is a kind of its own.
func kindOf(aspect string) (kind int, name string) {
	key, name, _ := strings.Cut(aspect, ":")
	if strings.HasPrefix(key, "env-") {
		key = "env"
	}
	for i, k := range kinds {
		if k.key == key {
			return i, name
		}
	}
	return len(kinds), aspect
}

// aspectText gives the words for an aspect, and the name behind them.
func aspectText(aspect string) (kind, name string) {
	k, name := kindOf(aspect)
	if k == len(kinds) {
		return "", name
	}
	return kinds[k].one, name
}

// Said says in a few words what differs, for one line of a list.
func Said(d verify.Difference) string {
	kind, name := aspectText(d.Aspect)
	what := strings.TrimSpace(kind + " " + name)
	if key, _, _ := strings.Cut(d.Aspect, ":"); key == "status" {
		what = "the exit status of " + strings.TrimPrefix(d.Aspect, "status:")
	}
	before, after := apart(oneLine(d.Before), oneLine(d.After))
	switch {
	case d.Because != "":
		what += ": " + oneLine(d.Because)
	case d.After == "":
		what += ": " + before + " is missing"
	case d.Before == "":
		what += ": " + after + " is new"
	default:
		what += ": " + before + " became " + after
	}
	if d.Moment != "" {
		what = string(d.Moment) + ", " + what
	}
	return shortened(what, 160)
}

// apart leaves the words out with which both texts begin.
func apart(a, b string) (string, string) {
	x, y := strings.Fields(a), strings.Fields(b)
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	cut := func(words []string) string {
		text := strings.Join(words[n:], " ")
		if n > 0 {
			text = strings.TrimSpace("… " + text)
		}
		return shortened(text, 60)
	}
	return cut(x), cut(y)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func shortened(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}

// agreement is what is the same in a number of cases, one kind.
type agreement struct {
	Kind  string
	Names []string // empty where the kind says it all
	Cases int
}

// agreements sums up the rows that are the same: one for each kind and number
// of cases.
func agreements(rows [][]verify.Row) []agreement {
	cases := map[string]int{}
	var order []string
	for _, of := range rows {
		for _, r := range of {
			if r.Status != verify.Same {
				continue
			}
			if cases[r.Aspect] == 0 {
				order = append(order, r.Aspect)
			}
			cases[r.Aspect]++
		}
	}
	slices.SortStableFunc(order, func(a, b string) int {
		x, _ := kindOf(a)
		y, _ := kindOf(b)
		if x != y {
			return x - y
		}
		return cases[b] - cases[a]
	})
	var out []agreement
	for _, aspect := range order {
		k, name := kindOf(aspect)
		kind := "other"
		if k < len(kinds) {
			kind = kinds[k].many
		}
		if n := len(out); n == 0 || out[n-1].Kind != kind || out[n-1].Cases != cases[aspect] {
			out = append(out, agreement{Kind: kind, Cases: cases[aspect]})
		}
		if name != "" {
			out[len(out)-1].Names = append(out[len(out)-1].Names, name)
		}
	}
	return out
}

// proof is what was compared of one process; of what happens beside the
// processes where Name is "".
type proof struct {
	Name        string
	Status      verify.Status
	Launches    []launch
	Cases       int
	Agreements  []agreement
	Differences []verify.Difference
	// Missing says in which cases it was not run, and why.
	Missing []missing
}

type launch struct{ Before, After string }

type missing struct {
	Why   string
	Cases []string
}

// proofs sums a job up for each process, in the order of the cases.
func proofs(j *verify.Job) []proof {
	var out []proof
	at := map[string]int{}
	rows := map[string][][]verify.Row{}
	get := func(name string) *proof {
		if _, ok := at[name]; !ok {
			at[name] = len(out)
			out = append(out, proof{Name: name, Status: verify.Same})
		}
		return &out[at[name]]
	}
	setup := false
	for _, c := range j.Cases {
		for _, p := range c.Processes {
			o := get(p.Name)
			o.Status = o.Status.Worse(p.Status)
			if l := (launch{p.Before, p.After}); l != (launch{}) && !slices.Contains(o.Launches, l) {
				o.Launches = append(o.Launches, l)
			}
			if p.Status == verify.NotRun {
				o.miss(p.Why, c.Name)
				continue
			}
			o.Cases++
			rows[p.Name] = append(rows[p.Name], p.Rows)
		}
		setup = setup || len(c.Setup) > 0
	}
	for _, d := range j.Differences {
		setup = setup || d.Process == ""
	}
	if setup {
		o := get("")
		for _, c := range j.Cases {
			if c.NotRun == "" {
				o.Cases++
				rows[""] = append(rows[""], c.Setup)
			}
		}
	}
	for _, d := range j.Differences {
		o := get(d.Process)
		o.Status = o.Status.Worse(d.Status)
		o.Differences = append(o.Differences, d)
	}
	for i := range out {
		out[i].Agreements = agreements(rows[out[i].Name])
	}
	return out
}

func (p *proof) miss(why, name string) {
	for i := range p.Missing {
		if p.Missing[i].Why == why {
			p.Missing[i].Cases = append(p.Missing[i].Cases, name)
			return
		}
	}
	p.Missing = append(p.Missing, missing{why, []string{name}})
}

// casesText says in which of a number of cases something is seen.
func casesText(names []string, all int) string {
	switch {
	case all == 1 && len(names) == 1:
		return names[0]
	case len(names) == all:
		return fmt.Sprintf("all %d cases", all)
	case len(names) <= 3:
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%d of %d cases: %s; …", len(names), all, strings.Join(names[:2], "; "))
}

// casesCount says the same with numbers only.
func casesCount(n, all int) string {
	switch {
	case n == all && all == 1:
		return "1 case"
	case n == all:
		return fmt.Sprintf("all %d cases", all)
	}
	return fmt.Sprintf("%d of %d cases", n, all)
}

// places lists spans, each file and line once.
func places(spans ...source.Span) []source.Span {
	var out []source.Span
	seen := map[string]bool{}
	for _, s := range spans {
		if p := s.Place(); p != "" && !seen[p] {
			seen[p] = true
			out = append(out, s)
		}
	}
	return out
}

// placeIn gives "file:line", without the folders of the job that is told about.
func placeIn(job string, s source.Span) string {
	place := strings.TrimPrefix(s.Place(), "jobs/"+job+"/")
	return strings.TrimPrefix(place, "templates/")
}

// shorten cuts a text that would fill pages.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + fmt.Sprintf(" … (%s more)", count(len(r)-most, "character"))
}
