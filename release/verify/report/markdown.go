package report

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// depth is how much of a result the markdown tells.
type depth int

const (
	everything depth = iota
	withoutLedger
	withoutNotes
	openOnly
	overviewOnly
)

// left says what a depth leaves out.
var left = map[depth]string{
	withoutLedger: "where every statement went",
	withoutNotes:  "where every statement went, decisions, notes and what is the same",
	openOnly:      "everything but what has no explanation and what was not run",
	overviewOnly:  "everything about the single jobs",
}

// githubLimit is how many characters the description of a pull request may
// have; GitHub's answer to more is "body is too long (maximum is 65536
// characters)". The rest is for what people write above it.
const githubLimit = 65536 - 1500

// Markdown writes the description of a pull request, as GitHub shows it. What
// GitHub would not take is left out, and the text says so.
func Markdown(w io.Writer, r *verify.Result, o Options) error {
	for d := everything; ; d++ {
		text := markdown(r, o, d)
		if utf8.RuneCountInString(text) > githubLimit && d < overviewOnly {
			continue
		}
		_, err := io.WriteString(w, text)
		return err
	}
}

func markdown(r *verify.Result, o Options, d depth) string {
	m := &md{}
	m.line("## %s: before and after bpm", mdText(r.Release))
	m.line("")
	sign := mdSign(r.Status())
	if nothing(r) {
		sign = mdSign(verify.NotRun)
	}
	m.line("%s **%s**", sign, mdText(headline(r)))
	m.line("")
	m.row("Job", "Verdict", "Cases", "Same", "Explained", "Unexplained")
	m.rule("---", "---", "---:", "---:", "---:", "---:")
	for _, j := range r.Jobs {
		if len(j.Cases) == 0 {
			why := "not compared"
			if j.Why != "" {
				why += ": " + j.Why
			}
			m.row(mdCode(j.Name), mdText(why), "", "", "", "")
			continue
		}
		t := tallyOf(j)
		unexplained := fmt.Sprint(t.Unexplained)
		if t.Unexplained > 0 {
			unexplained = "**" + unexplained + "**"
		}
		m.row(mdCode(j.Name), mdStatus(j.Status), fmt.Sprint(len(j.Cases)), thousands(t.Same), fmt.Sprint(t.Explained), unexplained)
	}
	m.line("")
	if d != overviewOnly {
		for _, j := range r.Jobs {
			switch open := j.Status == verify.Unexplained || j.Status == verify.NotRun; {
			case d == openOnly && !open:
			case len(j.Cases) > 0, j.Conversion != nil && len(j.Conversion.Findings)+len(j.Conversion.Ledger) > 0:
				m.job(j, d)
			}
		}
	}
	if d != everything {
		m.line("_Left out, because GitHub would not take it: %s. The page that `--html FILE` writes has it._", left[d])
		m.line("")
	}
	var foot []string
	if r.Before != "" {
		foot = append(foot, "Before: "+mdText(r.Before)+".")
	}
	if o.Command != "" {
		foot = append(foot, "Repeat it: "+mdCode(o.Command)+".")
	}
	if o.Tool != "" {
		foot = append(foot, mdText(o.Tool)+".")
	}
	if len(foot) > 0 {
		m.line("<sub>%s</sub>", strings.Join(foot, " "))
	}
	return m.String()
}

// md writes lines of markdown.
type md struct{ strings.Builder }

func (m *md) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// row writes cells that are escaped already.
func (m *md) row(cells ...string) { m.line("| %s |", strings.Join(cells, " | ")) }

func (m *md) rule(cells ...string) { m.row(cells...) }

// details writes a part that is opened with a click.
func (m *md) details(summary string, body func()) {
	m.line("<details><summary>%s</summary>", summary)
	m.line("")
	body()
	m.line("")
	m.line("</details>")
	m.line("")
}

func (m *md) job(j *verify.Job, d depth) {
	m.line("### %s", mdText(j.Name))
	m.line("")
	m.line("%s %s", mdSign(j.Status), mdText(jobLine(j)))
	m.line("")
	var open, explained []verify.Difference
	for _, o := range j.Differences {
		if o.Status == verify.Explained {
			explained = append(explained, o)
		} else {
			open = append(open, o)
		}
	}
	if len(open) > 0 {
		m.differences(j, open)
		m.line("")
	}
	for _, p := range proofs(j) {
		for _, o := range p.Missing {
			m.line("- not run: %s in %s%s", mdCode(p.Name), mdText(casesText(o.Cases, len(j.Cases))), mdText(because(o.Why)))
		}
	}
	for _, c := range j.Cases {
		if c.NotRun != "" {
			m.line("- not run: case %s%s", mdText(c.Name), mdText(because(c.NotRun)))
		}
	}
	if d == openOnly {
		m.line("")
		return
	}
	if c := j.Conversion; c != nil {
		m.findings(j.Name, c.Findings, func(s source.Severity) bool { return s > source.Note })
		m.line("")
		if d < withoutLedger && len(c.Ledger) > 0 {
			m.details("What moved where: "+mdText(movedText(c.Ledger)), func() { m.moved(c.Ledger) })
		}
	}
	if len(explained) > 0 {
		m.details(count(len(explained), "difference")+", with the reason", func() { m.differences(j, explained) })
	}
	if d < withoutNotes && len(j.Cases) > 0 {
		m.details("What is the same, and the cases", func() { m.same(j) })
	}
	if len(j.Unknown) > 0 && d < withoutNotes {
		var names []string
		for _, u := range j.Unknown {
			names = append(names, mdCode(u))
		}
		m.line("Not known, and taken to print nothing, before and after: %s", strings.Join(names, ", "))
		m.line("")
	}
	if c := j.Conversion; c != nil && d < withoutNotes {
		notes := slices.DeleteFunc(slices.Clone(c.Findings), func(f source.Diagnostic) bool { return f.Severity > source.Note })
		if len(notes) > 0 {
			m.details(count(len(notes), "note"), func() { m.findings(j.Name, notes, func(source.Severity) bool { return true }) })
		}
		if len(c.Decisions) > 0 {
			m.details(count(len(c.Decisions), "decision"), func() {
				m.row("In the new files", "Why", "From")
				m.rule("---", "---", "---")
				for _, o := range c.Decisions {
					m.row(mdCode(o.What), mdText(o.Why), mdPlaces(j.Name, append([]source.Span{o.Cause}, o.Related...)...))
				}
			})
		}
	}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

func (m *md) differences(j *verify.Job, ds []verify.Difference) {
	m.row("Difference", "Before", "After", "Why", "Cases")
	m.rule("---", "---", "---", "---", "---")
	for _, o := range ds {
		kind, name := aspectText(o.Aspect)
		what := mdText(kind)
		if name != "" {
			what = strings.TrimSpace(what + " " + mdCode(name))
		}
		if o.Process != "" {
			what += " of " + mdCode(o.Process)
		}
		var why []string
		if o.Because != "" {
			why = append(why, mdText(o.Because))
		}
		if o.ID != "" {
			why = append(why, mdFinding(o.ID))
		}
		if o.Rule != "" {
			why = append(why, "rule "+mdCode(o.Rule))
		}
		if o.At.Valid() {
			why = append(why, mdPlaces(j.Name, o.At))
		}
		if len(why) == 0 {
			why = []string{mdStatus(o.Status)}
		}
		m.row(what, mdValue(o.Before), mdValue(o.After), strings.Join(why, " "), mdText(casesText(o.Cases, len(j.Cases))))
	}
}

// movedText counts the statements: "1 bpm.yml, 10 dropped".
func movedText(ledger []convert.Row) string {
	n := map[string]int{}
	for _, r := range ledger {
		n[rowDestination(r).Title]++
	}
	var out []string
	for _, d := range destinations {
		if n[d.Title] > 0 {
			out = append(out, fmt.Sprintf("%s %d", d.Title, n[d.Title]))
		}
	}
	return strings.Join(out, ", ")
}

func (m *md) moved(ledger []convert.Row) {
	m.row("Script", "Lines", "Went to", "Why")
	m.rule("---", "---", "---", "---")
	for _, k := range markings(ledger) {
		for _, w := range wents(k.file, ledger) {
			m.row(mdCode(path.Base(k.file.Name)), w.Lines(), mdText(w.Title), mdText(w.Note))
		}
	}
}

func (m *md) same(j *verify.Job) {
	if j.Compared > 0 {
		m.row("Process", "The same", "In")
		m.rule("---", "---", "---")
	}
	for _, p := range proofs(j) {
		name := mdCode(p.Name)
		if p.Name == "" {
			name = "beside them"
		}
		for _, a := range p.Agreements {
			what := mdText(a.Kind)
			if len(a.Names) > 0 {
				var names []string
				for _, n := range a.Names[:min(len(a.Names), 12)] {
					names = append(names, mdCode(n))
				}
				what += ": " + strings.Join(names, ", ")
				if n := len(a.Names) - len(names); n > 0 {
					what += fmt.Sprintf(" and %d more", n)
				}
			}
			m.row(name, what, casesCount(a.Cases, len(j.Cases)))
		}
	}
	m.line("")
	m.row("Case", "What it shows", "Result")
	m.rule("---", "---", "---")
	for _, c := range j.Cases {
		m.row(mdText(c.Name), mdText(c.Why), mdStatus(c.Status))
	}
}

func (m *md) findings(job string, all []source.Diagnostic, want func(source.Severity) bool) {
	for _, f := range all {
		if !want(f.Severity) {
			continue
		}
		at := mdPlaces(job, append([]source.Span{f.Span}, f.Related...)...)
		if at != "" {
			at = " " + at
		}
		m.line("- **%s** %s%s: %s", f.Severity, mdFinding(f.ID), at, mdText(f.Message))
	}
}

func mdFinding(id string) string {
	if url := findingURL(id); url != "" {
		return fmt.Sprintf("[%s](%s)", id, url)
	}
	return mdText(id)
}

func mdSign(s verify.Status) string {
	switch s {
	case verify.Same, verify.Explained:
		return "✅"
	case verify.Unexplained:
		return "❌"
	}
	return "⚪"
}

func mdStatus(s verify.Status) string { return mdSign(s) + " " + chipOf(s).Text }

// mdPlaces lists places, of many the first ones.
func mdPlaces(job string, spans ...source.Span) string {
	var out []string
	for _, s := range places(spans...) {
		out = append(out, mdCode(placeIn(job, s)))
	}
	if n := len(out) - 4; n > 0 {
		out = append(out[:4], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, ", ")
}

func mdValue(s string) string {
	if s == "" {
		return "—"
	}
	return mdCode(shorten(s, 400))
}

var spaces = search.MustCompile(`\s+`)

// reference is what GitHub makes a link of: a person, a team, an issue.
var reference = search.MustCompile(`[@#]\w`)

// mdText writes foreign text as text: nothing in it is markup, a table's column,
// a formula or a link to a person.
func mdText(s string) string {
	s = strings.TrimSpace(spaces.ReplaceAllString(s, " "))
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == '_' && i > 0 && i+1 < len(runes) && alphanumeric(runes[i-1]) && alphanumeric(runes[i+1]):
			b.WriteRune(r) // inside of a word it is no markup
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '$':
			b.WriteString("<span>$</span>")
		case strings.ContainsRune("\\`*_[]|~", r):
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			b.WriteRune('�')
		default:
			b.WriteRune(r)
		}
	}
	return reference.ReplaceAllStringFunc(b.String(), func(m string) string { return m[:1] + "<!-- -->" + m[1:] })
}

func alphanumeric(r rune) bool {
	return r < utf8.RuneSelf && (r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z')
}

// mdCode writes foreign text as code. Between backticks nothing is markup, but
// a backtick ends it, and a pipe ends the cell of a table: such a text is
// written as HTML with every sign as its number.
func mdCode(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r", ""))
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), " ⏎ ")
	s = strings.ReplaceAll(s, "\t", " ")
	if s == "" {
		return ""
	}
	if !strings.ContainsAny(s, "`|") {
		return "`" + s + "`"
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range s {
		if strings.ContainsRune("&<>\"'`|\\*_[]~!#$@:(){}", r) {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}
