package commands

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"
	"github.com/fatih/color"

	opsfiles "github.com/bosh-bpmify/bosh-bpmify/ops-files"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// report shows what a run did, or with --dry-run would do.
type report struct {
	env            *environment
	plan           *convert.Plan
	dropFlag       string
	ledger         bool
	dryRun         bool
	resumed        bool
	showSuppressed bool
	// proof is what running both sides came to; nil when they were not run.
	proof *proof
	// dir is the release's directory where the run is about several.
	dir string
}

// diff prints the changes as one unified diff.
func (r *report) diff(dir string, changes []convert.Change) error {
	text, err := unified(gitPrefix(dir), changes)
	if err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	if r.env.json {
		r.env.ui.PrintBlock([]byte(text))
		return nil
	}
	if r.env.color {
		text = colorDiff(text)
	}
	_, err = io.WriteString(r.env.stdout, text+"\n")
	return err
}

func colorDiff(text string) string {
	add, remove, place, head := color.New(color.FgGreen), color.New(color.FgRed), color.New(color.FgCyan), color.New(color.Bold)
	for _, c := range []*color.Color{add, remove, place, head} {
		c.EnableColor()
	}
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		body := strings.TrimSuffix(l, "\n")
		end := l[len(body):]
		switch {
		case strings.HasPrefix(l, "diff --git"), strings.HasPrefix(l, "--- "), strings.HasPrefix(l, "+++ "):
			lines[i] = head.Sprint(body) + end
		case strings.HasPrefix(l, "@@"):
			lines[i] = place.Sprint(body) + end
		case strings.HasPrefix(l, "+"):
			lines[i] = add.Sprint(body) + end
		case strings.HasPrefix(l, "-"):
			lines[i] = remove.Sprint(body) + end
		}
	}
	return strings.Join(lines, "")
}

func (r *report) print() {
	if r.env.json {
		r.tables()
		return
	}
	r.text()
}

// failures go to standard error too: they are what stops a script.
func (r *report) failures() {
	for _, j := range r.plan.Jobs {
		if j.Verdict == convert.Failed && !j.Excused() {
			r.env.errorLine(place(j.Reason.Span) + j.Reason.Message)
		}
	}
}

// text is the report for people.
func (r *report) text() {
	r.failures()
	var b bytes.Buffer
	p := r.env.printer(&b)
	if r.resumed {
		p.line("An earlier run was cut off here; its changes were finished first.\n")
	}
	for _, j := range r.plan.Jobs {
		r.job(p, j)
	}
	if len(r.plan.Changes) > 0 {
		p.head("manifests", "", "")
		r.files(p, r.plan.Changes)
		p.line("")
	}
	if beside := foundBeside("", r.plan); len(beside) > 0 {
		p.head("release", "", "")
		r.findings(p, beside)
		p.line("")
	}
	r.next(p)
	if line := r.proof.line(); line != "" {
		p.line("")
		p.wrapped("", line)
	}
	_, _ = b.WriteTo(r.env.stdout)
}

func (r *report) job(p *printer, j *convert.Conversion) {
	p.head(j.Job.Name, string(j.Verdict), verdictColor(j.Verdict))
	if j.Reason.Message != "" {
		p.wrapped("  ", place(j.Reason.Span)+j.Reason.Message)
	}
	if j.Verdict == convert.Declined || j.Verdict == convert.Failed {
		for _, s := range j.Suppressed {
			p.wrapped("  ", "suppressed: "+s.Rule.Reason)
		}
		r.files(p, j.Changes)
		r.chpst(p, j)
		p.line("")
		return
	}
	r.files(p, j.Changes)
	if len(j.Decisions) > 0 && len(j.Changes) > 0 {
		p.section("decisions")
		for _, d := range j.Decisions {
			p.hanging("    ", "        ", d.What)
			p.wrapped("      ", d.Why)
			p.wrapped("      ", "from "+places(append([]source.Span{d.Cause}, d.Related...)))
		}
	}
	r.findings(p, foundInJob("", j))
	if r.ledger && len(j.Ledger) > 0 {
		p.section("ledger")
		p.ledger(j.Ledger)
	}
	r.proven(p, j)
	p.line("")
}

// chpst says how a job that stays fares on a stemcell without it.
func (r *report) chpst(p *printer, j *convert.Conversion) {
	var found []reported
	for _, d := range j.Chpst {
		found = append(found, reported{Diagnostic: d})
	}
	switch {
	case len(found) > 0:
		r.findings(p, found)
	case j.Verdict == convert.Declined && len(j.Changes) == 0:
		p.line("  It needs no other line for the stemcell of Ubuntu 26.04: it does not use chpst.")
	}
}

// proven says in one line what running both sides came to.
func (r *report) proven(p *printer, c *convert.Conversion) {
	j := r.proof.of(c.Job.Name)
	switch {
	case j == nil || j.declined:
	case j.form.Wrapper != "":
		p.wrapped("  ", "kept as a wrapper: lifted into bpm.yml, "+j.usual)
	case j.form.EveryStart:
		p.wrapped("  ", "set up at every start, by the hook: once a deploy, "+j.usual)
	case j.idle():
		p.wrapped("  ", "not proven: monit starts no process of this job, and the scripts of errands and of bbr are not run")
	case j.Status == verify.NotRun:
		p.wrapped("  ", "not proven: "+j.Why)
	default:
		p.wrapped("  ", fmt.Sprintf("proven: %s run side by side, %s", plural(len(j.Cases), "case"), j.differs()))
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// findings lists those that are not suppressed, and says how many are.
func (r *report) findings(p *printer, found []reported) {
	suppressed := 0
	for _, f := range found {
		if f.Rule != nil {
			suppressed++
		}
	}
	if len(found) > suppressed || r.showSuppressed && suppressed > 0 {
		p.section("findings")
	}
	for _, f := range found {
		if f.Rule == nil || r.showSuppressed {
			p.finding("    ", f)
		}
	}
	if suppressed > 0 && !r.showSuppressed {
		plural := "findings are"
		if suppressed == 1 {
			plural = "finding is"
		}
		p.line(fmt.Sprintf("  %d %s suppressed by %s; --show-suppressed shows them", suppressed, plural, suppress.FileName))
	}
}

func (r *report) files(p *printer, changes []convert.Change) {
	if len(changes) == 0 {
		return
	}
	p.section("files")
	width := 0
	for _, c := range changes {
		width = max(width, len(c.Name))
	}
	for _, c := range changes {
		head := fmt.Sprintf("    %s %-*s  ", mark(c), width, c.Name)
		if p.width-len(head) >= readable {
			p.hanging(head, strings.Repeat(" ", len(head)), c.Why)
			continue
		}
		p.line(strings.TrimRight(head, " "))
		p.wrapped("        ", c.Why)
	}
}

func mark(c convert.Change) string {
	switch {
	case c.Delete:
		return "-"
	case c.Before == nil:
		return "+"
	}
	return "~"
}

// place is "file:line:col: ", or nothing.
func place(s source.Span) string {
	if !s.Valid() {
		return ""
	}
	return s.String() + ": "
}

// places lists where something comes from, each file and line once.
func places(spans []source.Span) string {
	var out []string
	seen := map[string]bool{}
	for _, s := range spans {
		if p := s.Place(); p != "" && !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

func verdictColor(v convert.Verdict) color.Attribute {
	switch v {
	case convert.Converted, convert.AlreadyBPM, convert.NothingToDo:
		return color.FgGreen
	case convert.Failed:
		return color.FgRed
	}
	return color.FgYellow
}

func severityColor(s source.Severity) color.Attribute {
	switch s {
	case source.Error:
		return color.FgRed
	case source.Warning:
		return color.FgYellow
	}
	return color.FgCyan
}

// next says what to do now.
func (r *report) next(p *printer) {
	count := map[convert.Verdict]int{}
	job, run := "", ""
	for _, j := range r.plan.Jobs {
		count[j.Verdict]++
		if j.Verdict != convert.Converted && j.Verdict != convert.ConvertedReview {
			continue
		}
		if job == "" && len(j.Processes) > len(j.Runs) {
			job = j.Job.Name
		}
		if run == "" && slices.Contains(j.Runs, "bin/run") {
			run = j.Job.Name
		}
	}
	converted := count[convert.Converted] + count[convert.ConvertedReview]
	if converted == 0 {
		switch {
		case swapped(r.plan) > 0:
			p.line(fmt.Sprintf("chpst is replaced in %s. No job was converted.", plural(swapped(r.plan), "job")))
		case len(r.plan.Changes) > 0:
		case count[convert.Declined]+count[convert.Failed] > 0:
			p.line("Nothing was changed.")
		case r.dropFlag != "":
			p.line("Nothing to do: no job has a property " + r.dropFlag + ". Nothing was changed.")
		case slices.ContainsFunc(r.plan.Jobs, func(j *convert.Conversion) bool { return j.Reason.ID == "behind-flag" }):
			p.line("Nothing was changed: a job that is behind a flag stays as it is.")
		default:
			p.line("Nothing to do: no job of this release is started by a ctl script. Nothing was changed.")
		}
		return
	}
	manifest := "MANIFEST"
	for _, c := range r.plan.Changes {
		if c.Before != nil && !opsfiles.Generated(c.After) {
			manifest = c.Name
			break
		}
	}
	if r.dryRun {
		p.line("Nothing was written. Run again without --dry-run to make these changes.")
		p.line("")
	}
	p.section("what to do next")
	if r.anyFound() {
		p.line("  Look at the findings; bosh-bpmify explain ID says what each means. Then")
	}
	p.line("    bosh create-release --force && bosh upload-release")
	p.line("    bosh -d DEPLOYMENT deploy " + manifest)
	if flags := r.flags(); len(flags) > 0 {
		p.line("  Nothing needs bpm until " + listed(flags, 4) + " is true: the jobs run as before. A manifest that")
		p.line("  sets it needs the bpm release, and the job bpm in the instance group.")
		if ops := r.opsFile(); ops != "" {
			p.line("  The ops-file does all of that:")
			p.line("    bosh -d DEPLOYMENT deploy " + manifest + " -o " + ops)
		}
	} else if ops := r.opsFile(); ops != "" {
		p.line("  In manifests that live elsewhere, bpm is added by the ops-file:")
		p.line("    bosh -d DEPLOYMENT deploy YOUR-MANIFEST.yml -o " + ops)
	} else {
		p.line("  Every manifest that places the job needs the bpm release, and the job bpm in")
		p.line("  each instance group that runs it; without it the deploy ends with")
		p.line("  \"is not running after update\".")
	}
	if run != "" {
		p.line("  An errand runs as before, in a container:")
		p.line("    bosh -d DEPLOYMENT run-errand " + run)
	}
	if job == "" {
		return
	}
	p.line("  If the job does not start, the reason is on the VM in one of")
	p.line("    /var/vcap/sys/log/" + job + "/bpm.log")
	p.line("    /var/vcap/sys/log/" + job + "/*.stderr.log")
	p.line("  or in what bpm says when it is started by hand:")
	p.line("    monit unmonitor " + job + " && /var/vcap/jobs/bpm/bin/bpm start " + job)
}

// anyFound says whether a converted job has findings that are shown.
func (r *report) anyFound() bool {
	return slices.ContainsFunc(r.plan.Jobs, func(j *convert.Conversion) bool {
		return len(j.Findings) > 0 && j.Verdict != convert.Declined && j.Verdict != convert.Failed
	})
}

// swapped counts the jobs that stay and have chpst replaced.
func swapped(p *convert.Plan) int {
	n := 0
	for _, j := range p.Jobs {
		if j.Swaps() {
			n++
		}
	}
	return n
}

// flags are those without which nothing needs bpm: none where one of the converted
// jobs has none.
func (r *report) flags() []string {
	var all []string
	for _, j := range r.plan.Jobs {
		switch {
		case j.Verdict != convert.Converted && j.Verdict != convert.ConvertedReview:
		case j.Flag == "":
			return nil
		case !slices.Contains(all, j.Flag):
			all = append(all, j.Flag)
		}
	}
	return all
}

// opsFile is the name of the first ops-file that the run made.
func (r *report) opsFile() string {
	for _, c := range r.plan.Changes {
		if opsfiles.Generated(c.After) {
			return c.Name
		}
	}
	return ""
}

// printer writes the report's lines.
type printer struct {
	w     io.Writer
	color bool
	// width is where text is wrapped.
	width int
}

func (p *printer) line(s string) { fmt.Fprintln(p.w, s) }

func (p *printer) paint(s string, attrs ...color.Attribute) string {
	if !p.color {
		return s
	}
	c := color.New(attrs...)
	c.EnableColor()
	return c.Sprint(s)
}

func (p *printer) head(name, verdict string, attr any) {
	line := p.paint(name, color.Bold)
	if verdict != "" {
		line += "  " + p.paint(verdict, attr.(color.Attribute))
	}
	p.line(line)
}

func (p *printer) section(name string) { p.line("  " + name) }

// wrapped prints a text with the same indent before each of its lines.
func (p *printer) wrapped(indent, text string) { p.hanging(indent, indent, text) }

// hanging prints a text with one indent before its first line and another before
// the others.
func (p *printer) hanging(first, others, text string) {
	indent := first
	for _, line := range folded(text, p.width-1-max(len(first), len(others))) {
		if line != "" || first != others {
			p.line(strings.TrimRight(indent+line, " "))
		}
		indent = others
	}
}

// finding prints where it is and what it is, and below that its text.
func (p *printer) finding(indent string, r reported) {
	at := r.at()
	if at != "" {
		at += ": "
	}
	id := r.ID
	if r.Rule != nil {
		id += " (suppressed)"
	}
	p.line(indent + at + p.paint(r.Severity.String(), severityColor(r.Severity)) + " " + id)
	for _, line := range strings.Split(r.Message, "\n") {
		p.wrapped(indent+"  ", line)
	}
	if r.Fix != "" {
		p.line(indent + "  fix:")
		for _, line := range strings.Split(strings.TrimSuffix(r.Fix, "\n"), "\n") {
			p.line(indent + "    " + line)
		}
	}
	if len(r.Related) > 0 {
		p.wrapped(indent+"  ", "also at "+places(r.Related))
	}
	if r.Rule != nil {
		p.wrapped(indent+"  ", "suppressed: "+r.Rule.Reason+" ("+r.Rule.Span.Place()+")")
	}
}

func (p *printer) ledger(rows []convert.Row) {
	lineWidth, toWidth := 0, 0
	for _, r := range rows {
		lineWidth, toWidth = max(lineWidth, len(fmt.Sprint(r.Span.Position().Line))), max(toWidth, len(r.To))
	}
	for i, r := range rows {
		if i == 0 || r.Span.File.Name != rows[i-1].Span.File.Name {
			p.line("    " + r.Span.File.Name)
		}
		head := fmt.Sprintf("    %*d  %-*s  ", lineWidth+2, r.Span.Position().Line, toWidth, r.To)
		p.line(head + oneLine(r.Span.Text(), p.width-1-len(head)))
		p.wrapped(strings.Repeat(" ", len(head)+2), r.Note)
	}
}

// oneLine shows a statement in one line, shortened.
func oneLine(s string, width int) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "\\\n", " ")), " ")
	if r := []rune(s); len(r) > width {
		s = string(r[:width-1]) + "…"
	}
	return s
}

// tables is the report for programs: bosh's JSON of tables.
func (r *report) tables() {
	jobs := table.Table{Content: "jobs", Header: headers("Job", "Verdict", "Place", "Reason", "Proof", "Form")}
	files := table.Table{Content: "files", Header: headers("Job", "File", "Change", "Why")}
	decisions := table.Table{Content: "decisions", Header: headers("Job", "What", "Why", "Place")}
	ledger := table.Table{Content: "statements", Header: headers("Job", "Place", "To", "Statement", "Note")}
	var found []reported
	change := map[string]string{"-": "deleted", "+": "new", "~": "changed"}
	for _, j := range r.plan.Jobs {
		name := j.Job.Name
		add(&jobs, name, string(j.Verdict), j.Reason.Span.String(), j.Reason.Message, r.proof.word(name), string(j.Form()))
		for _, c := range j.Changes {
			add(&files, name, c.Name, change[mark(c)], c.Why)
		}
		for _, d := range j.Decisions {
			add(&decisions, name, d.What, d.Why, places(append([]source.Span{d.Cause}, d.Related...)))
		}
		for _, f := range j.Findings {
			found = append(found, reported{Dir: r.dir, Job: name, Diagnostic: f})
		}
		for _, s := range j.Suppressed {
			found = append(found, reported{Dir: r.dir, Job: name, Diagnostic: s.Diagnostic, Rule: s.Rule})
		}
		for _, l := range j.Ledger {
			add(&ledger, name, l.Span.String(), string(l.To), l.Span.Text(), l.Note)
		}
	}
	for _, c := range r.plan.Changes {
		add(&files, "", c.Name, change[mark(c)], c.Why)
	}
	found = append(found, foundBeside(r.dir, r.plan)...)
	tables := []table.Table{jobs, files, decisions, findingsTable(found, false), suppressedTable(found, false), ledger}
	if r.dir != "" {
		for i := range tables {
			ofRelease(&tables[i], r.dir)
		}
	}
	r.env.tables(tables...)
	if line := r.proof.line(); line != "" {
		r.env.say("%s", line)
	}
}

// ofRelease puts the release into each row.
func ofRelease(t *table.Table, dir string) {
	t.Header = append(headers("Release"), t.Header...)
	for i, row := range t.Rows {
		t.Rows[i] = append([]table.Value{table.NewValueString(dir)}, row...)
	}
}

func headers(names ...string) []table.Header {
	var hs []table.Header
	for _, n := range names {
		hs = append(hs, table.NewHeader(n))
	}
	return hs
}

func add(t *table.Table, cells ...string) {
	var row []table.Value
	for _, c := range cells {
		row = append(row, table.NewValueString(c))
	}
	t.Rows = append(t.Rows, row)
	t.FillFirstColumn = true
}
