package commands

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
)

// findingsOptions are the flags of commands that show findings.
type findingsOptions struct {
	Format         string `long:"format" choice:"text" choice:"json" choice:"sarif" choice:"github" default:"text" description:"How to show findings: for people, as JSON (the same as --json), as SARIF 2.1.0 for code scanning, as workflow commands that annotate pull requests on GitHub"`
	ShowSuppressed bool   `long:"show-suppressed" description:"Show the findings that .bpmify.yml suppresses, too, with their reasons"`
}

// format is the format that was asked for.
func (o *findingsOptions) format() string { return o.Format }

// machine says that standard output is for a program which reads nothing but
// findings there.
func (o *findingsOptions) machine() bool { return o.Format == "sarif" || o.Format == "github" }

// reported is a finding with what it takes to show it beside those of other
// releases.
type reported struct {
	// Dir is the release's directory, to which the names of files are relative;
	// empty when they are as the user gave them.
	Dir string
	// Job is empty for a finding that belongs to none.
	Job string
	source.Diagnostic
	// Rule is the entry of .bpmify.yml that suppresses it; nil when none does.
	Rule *suppress.Rule
}

// file is the name by which the user finds the file of a span, empty when that
// is nowhere.
func (r reported) file(s source.Span) string {
	if !s.Valid() {
		return ""
	}
	return filepath.Join(r.Dir, filepath.FromSlash(s.File.Name))
}

// at is "file:line:col", or the job where the finding is nowhere in a file.
func (r reported) at() string {
	if !r.Span.Valid() {
		return r.Job
	}
	pos := r.Span.Position()
	return fmt.Sprintf("%s:%d:%d", r.file(r.Span), pos.Line, pos.Column)
}

// print shows findings in the format that was asked for; several says that they
// may be of several releases. Whether they are reason for another exit status is
// for the command to say.
func (o *findingsOptions) print(env *environment, found []reported, several bool) error {
	switch o.Format {
	case "sarif":
		return printSARIF(env.stdout, found)
	case "github":
		return printGitHub(env.stdout, found, o.ShowSuppressed)
	}
	if env.json {
		env.tables(findingsTable(found, several), suppressedTable(found, several))
		return nil
	}
	if len(env.columns) > 0 {
		t := findingsTable(found, several)
		t.Content = "" // the summary counts them
		env.tables(t)
		return nil
	}
	return o.text(env, found)
}

// text lists findings for people, file by file, and counts them.
func (o *findingsOptions) text(env *environment, found []reported) error {
	var b bytes.Buffer
	count := tally{}
	for _, r := range found {
		count.add(r)
	}
	if o.list(env.printer(&b), found) {
		b.WriteString("\n")
	}
	if s := count.String(); s != "" {
		b.WriteString(s + "\n")
	}
	_, err := b.WriteTo(env.stdout)
	return err
}

// list prints the findings of each file together. It says whether there were
// any.
func (o *findingsOptions) list(p *printer, found []reported) bool {
	shown := slices.DeleteFunc(slices.Clone(found), func(r reported) bool { return r.Rule != nil && !o.ShowSuppressed })
	sort.SliceStable(shown, func(i, j int) bool {
		a, b := shown[i], shown[j]
		if x, y := a.file(a.Span), b.file(b.Span); x != y {
			return x < y
		}
		x, y := a.Span.Position(), b.Span.Position()
		return x.Line < y.Line || x.Line == y.Line && x.Column < y.Column
	})
	for i, r := range shown {
		if i > 0 && r.file(r.Span) != shown[i-1].file(shown[i-1].Span) {
			p.line("")
		}
		p.finding("", r)
	}
	return len(shown) > 0
}

// tally counts findings for one line.
type tally struct{ errors, warnings, notes, suppressed int }

func (t *tally) add(r reported) {
	switch {
	case r.Rule != nil:
		t.suppressed++
	case r.Severity == source.Error:
		t.errors++
	case r.Severity == source.Warning:
		t.warnings++
	default:
		t.notes++
	}
}

// String is "1 error, 3 warnings, 2 suppressed", or empty.
func (t tally) String() string {
	var parts []string
	for _, c := range []struct {
		n          int
		what, many string
	}{{t.errors, "error", "errors"}, {t.warnings, "warning", "warnings"}, {t.notes, "note", "notes"}, {t.suppressed, "suppressed", "suppressed"}} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.what)
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.many))
		}
	}
	return strings.Join(parts, ", ")
}

// findingsTable has a row for every place of every finding, with the release
// where there are several.
func findingsTable(found []reported, several bool) table.Table {
	t := table.Table{Content: "findings", Header: headers("Job", "Severity", "ID", "Place", "Message", "Differs")}
	if several {
		t.Header = append(headers("Release"), t.Header...)
	}
	fixes := slices.ContainsFunc(found, func(r reported) bool { return r.Fix != "" })
	if fixes {
		t.Header = append(t.Header, headers("Fix")...)
	}
	for _, r := range found {
		if r.Rule != nil {
			continue
		}
		for _, at := range append([]source.Span{r.Span}, r.Related...) {
			cells := []string{r.Job, r.Severity.String(), r.ID, at.String(), r.Message, strings.Join(r.Differs, " ")}
			if several {
				cells = append([]string{r.Dir}, cells...)
			}
			if fixes {
				cells = append(cells, r.Fix)
			}
			add(&t, cells...)
		}
	}
	return t
}

// suppressedTable has those that .bpmify.yml suppresses.
func suppressedTable(found []reported, several bool) table.Table {
	t := table.Table{Content: "suppressed", Header: headers("Job", "Severity", "ID", "Place", "Message", "Reason", "By")}
	if several {
		t.Header = append(headers("Release"), t.Header...)
	}
	for _, r := range found {
		if r.Rule == nil {
			continue
		}
		cells := []string{r.Job, r.Severity.String(), r.ID, r.Span.String(), r.Message, r.Rule.Reason, r.Rule.Span.Place()}
		if several {
			cells = append([]string{r.Dir}, cells...)
		}
		add(&t, cells...)
	}
	return t
}

// foundIn lists what a plan reports: why jobs stay as they are, and the
// findings of the others.
func foundIn(dir string, p *convert.Plan) []reported {
	var found []reported
	for _, j := range p.Jobs {
		found = append(found, foundInJob(dir, j)...)
	}
	return append(found, foundBeside(dir, p)...)
}

func foundInJob(dir string, j *convert.Conversion) []reported {
	var found []reported
	if j.Reason.Message == "" {
		for _, d := range j.Findings {
			found = append(found, reported{Dir: dir, Job: j.Job.Name, Diagnostic: d})
		}
	} else if !j.Excused() {
		found = append(found, reported{Dir: dir, Job: j.Job.Name, Diagnostic: j.Reason})
	}
	for _, d := range j.Chpst {
		found = append(found, reported{Dir: dir, Job: j.Job.Name, Diagnostic: d})
	}
	for _, s := range j.Suppressed {
		found = append(found, reported{Dir: dir, Job: j.Job.Name, Diagnostic: s.Diagnostic, Rule: s.Rule})
	}
	return found
}

// foundBeside lists the findings that belong to no job.
func foundBeside(dir string, p *convert.Plan) []reported {
	var found []reported
	for _, d := range p.Findings {
		found = append(found, reported{Dir: dir, Diagnostic: d})
	}
	for _, s := range p.Suppressed {
		found = append(found, reported{Dir: dir, Diagnostic: s.Diagnostic, Rule: s.Rule})
	}
	return found
}

// printGitHub writes one workflow command for each finding, as GitHub Actions
// reads them from a step's output.
func printGitHub(w io.Writer, found []reported, showSuppressed bool) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	paths := checkoutPaths{}
	for _, r := range found {
		kind := map[source.Severity]string{source.Note: "notice", source.Warning: "warning", source.Error: "error"}[r.Severity]
		title, message := r.ID, r.Message
		if r.Rule != nil {
			if !showSuppressed {
				continue
			}
			kind, title = "notice", title+" (suppressed)"
			message += "\nsuppressed: " + r.Rule.Reason
		}
		if len(r.Related) > 0 {
			message += "\nalso at " + places(r.Related)
		}
		var properties []string
		set := func(name, value string) { properties = append(properties, name+"="+property.Replace(value)) }
		if r.Span.Valid() {
			set("file", paths.of(r.Dir, r.Span))
			at := r.Span.Position()
			set("line", fmt.Sprint(at.Line))
			if end := r.Span.EndPosition(); end.Line == at.Line && end.Column > at.Column {
				set("endLine", fmt.Sprint(end.Line))
				set("col", fmt.Sprint(at.Column))
				set("endColumn", fmt.Sprint(end.Column))
			} else {
				set("col", fmt.Sprint(at.Column))
			}
		} else if r.Job != "" {
			message = r.Job + ": " + message
		}
		set("title", title)
		if _, err := fmt.Fprintf(w, "::%s %s::%s\n", kind, strings.Join(properties, ","), data.Replace(message)); err != nil {
			return err
		}
	}
	return nil
}

// checkoutPaths knows for each release how its files are called from the top
// of the git checkout, where code scanning looks for them; outside of a
// checkout from the current directory.
type checkoutPaths map[string]string

// of is the slash-separated path of a span's file.
func (c checkoutPaths) of(dir string, s source.Span) string { return c.path(dir, s.File.Name) }

func (c checkoutPaths) path(dir, name string) string {
	if path.IsAbs(filepath.ToSlash(name)) {
		dir, name = filepath.Dir(name), filepath.Base(name)
	}
	top, known := c[dir]
	if !known {
		top = fromTop(dir)
		c[dir] = top
	}
	return path.Join(top, name)
}

// fromTop is the path from the top of the checkout to dir.
func fromTop(dir string) string {
	if dir == "" {
		dir = "."
	}
	if inCheckout(dir) {
		if out, ok := git(dir, "rev-parse", "--show-prefix"); ok {
			return strings.TrimRight(string(out), "\n")
		}
	}
	if here, err := os.Getwd(); err == nil {
		if abs, err := filepath.Abs(dir); err == nil {
			if rel, err := filepath.Rel(here, abs); err == nil {
				return filepath.ToSlash(rel)
			}
		}
	}
	return filepath.ToSlash(dir)
}
