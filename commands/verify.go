package commands

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"
	"github.com/fatih/color"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/demand"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
	verifyreport "github.com/bosh-bpmify/bosh-bpmify/release/verify/report"
)

type verifyOptions struct {
	Before   string   `long:"before" value-name:"DIR|REVISION" description:"The release as it was: a directory, or a revision of its git (default: HEAD)"`
	Jobs     []string `long:"job" value-name:"NAME" description:"Compare only this job (repeatable)"`
	DropFlag string   `long:"drop-flag" optional:"yes" optional-value:"bpm.enabled" value-name:"NAME" description:"The release as it was has this property, which chose bpm, and now it is gone: compare with the property on (bpm.enabled, if no other is named)"`
	Format   string   `long:"format" choice:"text" choice:"markdown" choice:"json" default:"text" description:"Form of the result; markdown is the description of a pull request"`
	HTML     string   `long:"html" value-name:"FILE" description:"Write a page that shows the old script beside the new files, and the proof"`
	Args     struct {
		Dirs []string `positional-arg-name:"DIR" description:"Release directory, or a folder with several of them (default: .)"`
	} `positional-args:"yes"`
}

func (o *verifyOptions) Execute([]string) error { return nil }
func (o *verifyOptions) command() command       { return o }
func (o *verifyOptions) format() string         { return o.Format }

// verified is what the comparison of one release comes to.
type verified struct {
	dir    string
	result *verify.Result
	err    error
}

func (o *verifyOptions) run(env *environment) error {
	dirs, several, err := releasesIn(o.Args.Dirs)
	if err != nil {
		return err
	}
	if several && o.Before != "" {
		if info, err := os.Stat(o.Before); err == nil && info.IsDir() {
			return fmt.Errorf("--before %s: this is one release, and you verify several; verify them one by one", o.Before)
		}
	}
	if several && o.HTML != "" {
		return fmt.Errorf("--html %s: a page shows one release; verify them one by one", o.HTML)
	}
	want, err := jobsIn(dirs, o.Jobs)
	if err != nil {
		return err
	}
	progress := newProgress(env, len(want.dirs))
	failed := false
	var all []verified
	slots := parallel.NewSlots()
	for v := range parallel.InOrder(want.dirs, func(dir string) verified { return o.verify(dir, want.jobs[dir], progress, slots) }) {
		if v.err != nil {
			progress.clear()
			env.errorLine(inDir(v.dir, several, v.err.Error()))
			failed = true
			continue
		}
		all = append(all, v)
	}
	progress.done()
	if len(all) > 0 {
		if err := o.print(env, all, several); err != nil {
			return err
		}
	}
	for _, v := range all {
		failed = failed || !v.result.Proven()
	}
	if failed {
		return errReported
	}
	return nil
}

// verify compares the release in dir with what it was.
func (o *verifyOptions) verify(dir string, jobs []string, progress *progress, slots parallel.Slots) verified {
	fail := func(err error) verified { return verified{dir: dir, err: err} }
	after, err := load(dir)
	if err != nil {
		return fail(err)
	}
	before, from, err := o.before(after)
	if err != nil {
		return fail(err)
	}
	renderer, err := render.New()
	if err != nil {
		return fail(err)
	}
	defer renderer.Close()
	v := &verify.Verifier{Renderer: renderer, On: o.DropFlag, Slots: slots, Progress: func(job string, n, of int) { progress.job(dir, job, n, of) }}
	result, err := compare(v, before, after, jobs)
	if err != nil {
		return fail(err)
	}
	result.Before = from
	progress.release()
	return verified{dir: dir, result: result}
}

// compare runs the comparison with what the program makes of the old release.
func compare(v *verify.Verifier, before, after *release.Release, jobs []string) (*verify.Result, error) {
	plan, err := convert.Release(before, convert.Options{OpsFile: defaultOpsFile, DropFlag: v.On, Flags: newFlags(before, after), Tool: "bosh-bpmify " + Version()})
	if err != nil {
		return nil, err
	}
	if err := convert.Known(after, jobs); err != nil {
		return nil, err
	}
	return v.Release(before, after, plan, jobs)
}

// newFlags are the properties that decide whether bpm starts a job, where the old
// release had none.
func newFlags(before, after *release.Release) map[string]string {
	flags := map[string]string{}
	for _, j := range after.Jobs {
		old := before.Job(j.Name)
		if j.Err != nil || old == nil || old.Err != nil {
			continue
		}
		name, _ := demand.Flag(j)
		if _, had := old.Spec.Property(name); name != "" && !had {
			flags[j.Name] = name
		}
	}
	return flags
}

// before is the release as it was, and how to call that.
func (o *verifyOptions) before(after *release.Release) (*release.Release, string, error) {
	if info, err := os.Stat(o.Before); o.Before != "" && err == nil && info.IsDir() {
		r, err := load(o.Before)
		return r, o.Before, err
	}
	revision := o.Before
	if revision == "" {
		revision = "HEAD"
	}
	files, short, err := changedSince(after.Dir, revision)
	if err != nil {
		if o.Before == "" && errors.Is(err, errNoCheckout) {
			err = fmt.Errorf("%s is not a git checkout: give the release as it was with --before DIR", after.Dir)
		} else if errors.Is(err, errNoCheckout) {
			err = fmt.Errorf("--before %s: not a directory, and %s is not a git checkout", o.Before, after.Dir)
		}
		return nil, "", err
	}
	r, err := after.With(files)
	return r, fmt.Sprintf("git %s (%s)", revision, short), err
}

// print shows the results in the form that was asked for.
func (o *verifyOptions) print(env *environment, all []verified, several bool) error {
	options := verifyreport.Options{Tool: "bosh-bpmify " + Version(), Command: o.again()}
	if o.HTML != "" {
		var page bytes.Buffer
		if err := verifyreport.HTML(&page, all[0].result, options); err != nil {
			return err
		}
		if err := os.WriteFile(o.HTML, page.Bytes(), 0o644); err != nil {
			return err
		}
	}
	switch {
	case env.json:
		o.tables(env, all, several)
	case o.Format == "markdown":
		for _, v := range all {
			if err := verifyreport.Markdown(env.stdout, v.result, options); err != nil {
				return err
			}
		}
	default:
		o.text(env, all, several)
	}
	return nil
}

// again is the command that repeats the comparison.
func (o *verifyOptions) again() string {
	words := []string{"bosh-bpmify", "verify"}
	if o.Before != "" {
		words = append(words, "--before", o.Before)
	}
	for _, j := range o.Jobs {
		words = append(words, "--job", j)
	}
	if o.DropFlag != "" {
		words = append(words, "--drop-flag="+o.DropFlag)
	}
	if len(o.Args.Dirs) == 0 {
		words = append(words, ".")
	}
	return strings.Join(append(words, o.Args.Dirs...), " ")
}

// text is the result for people.
func (o *verifyOptions) text(env *environment, all []verified, several bool) {
	count := map[verify.Status]int{}
	for _, v := range all {
		if several {
			fmt.Fprintf(env.stdout, "release in %s\n\n", v.dir)
		}
		if len(v.result.Jobs) == 0 {
			fmt.Fprintf(env.stdout, "No job differs from %s.\n\n", v.result.Before)
		}
		for _, j := range v.result.Jobs {
			count[j.Status]++
			o.job(env, j)
		}
	}
	if len(count) > 0 {
		env.say("%s", compared(count))
	}
}

// compared counts the jobs for the last line.
func compared(count map[verify.Status]int) string {
	total := 0
	var parts []string
	for _, s := range []struct {
		status verify.Status
		text   string
	}{{verify.Same, "the same"}, {verify.Explained, "with differences that are explained"}, {verify.Unexplained, "UNEXPLAINED"}, {verify.NotRun, "not proven, because no case ran"}} {
		if n := count[s.status]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, s.text))
		}
	}
	noun := "jobs"
	if total == 1 {
		noun = "job"
	}
	return strings.TrimSuffix(fmt.Sprintf("%d %s compared: %s", total, noun, strings.Join(parts, ", ")), " compared: ")
}

// job prints a job: its cases as a table, then what differs.
func (o *verifyOptions) job(env *environment, j *verify.Job) {
	p := env.printer(env.stdout)
	p.head(j.Name, fmt.Sprintf("%s, %d of %s run", j.Status, j.Ran(), plural(len(j.Cases), "case")), statusColor(j.Status))
	switch {
	case j.Why != "" && j.Status == verify.NotRun:
		p.wrapped("  ", "not proven: "+j.Why)
	case j.Why != "":
		p.wrapped("  ", j.Why)
	}
	t := table.Table{Header: headers("Case", "Process", "Result", "Differences"), FillFirstColumn: true}
	for _, row := range alike(j.Cases) {
		add(&t, row...)
		cells := t.Rows[len(t.Rows)-1]
		cells[2] = env.cell(row[2], statusColor(verify.Status(row[2])))
	}
	if len(t.Rows) > 0 {
		if env.tty {
			p.line("")
		}
		env.tables(t)
		fmt.Fprintln(env.stdout)
	}
	for _, d := range j.Differences {
		o.difference(p, j, d)
	}
	for _, u := range j.Unknown {
		p.wrapped("  ", "not known here, so both sides ignore it: "+u)
	}
	p.line("")
}

// alike are the rows of all cases; those that differ only in the case are one.
func alike(cases []verify.Case) [][]string {
	var rows [][]string
	more := map[string]int{}
	at := map[string]int{}
	for _, c := range cases {
		for _, row := range caseRows(c) {
			k := strings.Join(row[1:], "\x00")
			if _, there := at[k]; there {
				more[k]++
				continue
			}
			at[k] = len(rows)
			rows = append(rows, row)
		}
	}
	for k, n := range more {
		rows[at[k]][0] += fmt.Sprintf(" and %d more", n)
	}
	return rows
}

// caseRows are the rows of the table for a case: one for each process, and one
// for what happens beside when that is not the same.
func caseRows(c verify.Case) [][]string {
	if c.NotRun != "" {
		return [][]string{{c.Name, "", string(verify.NotRun), c.NotRun}}
	}
	var rows [][]string
	for _, p := range c.Processes {
		what := aspects(p.Rows)
		if what == "" {
			what = p.Why
		}
		if what == "" && p.Status == verify.Explained {
			what = "(rules only)"
		}
		rows = append(rows, []string{c.Name, p.Name, string(p.Status), what})
	}
	beside := verify.Same
	for _, r := range c.Setup {
		beside = beside.Worse(r.Status)
	}
	if beside == verify.Unexplained || aspects(c.Setup) != "" || len(rows) == 0 {
		rows = append(rows, []string{c.Name, "(setup)", string(beside), aspects(c.Setup)})
	}
	return rows
}

// statusColor is red for what nobody explains.
func statusColor(s verify.Status) color.Attribute {
	switch s {
	case verify.Same, verify.Explained:
		return color.FgGreen
	case verify.Unexplained:
		return color.FgRed
	}
	return color.FgYellow
}

// aspects names what is not the same, the worst first; what rules explain is
// left out, every job has it.
func aspects(rows []verify.Row) string {
	var bad, fine []string
	for _, r := range rows {
		switch {
		case r.Status == verify.Unexplained:
			bad = append(bad, r.Aspect)
		case r.Status == verify.Explained && r.Rule == "":
			fine = append(fine, r.Aspect)
		}
	}
	return strings.Join(slices.Concat(bad, fine), ", ")
}

// difference prints what differs, and why.
func (o *verifyOptions) difference(p *printer, j *verify.Job, d verify.Difference) {
	if d.Rule != "" {
		return
	}
	head := string(d.Status) + " " + d.Aspect
	if d.Moment != "" {
		head += ", " + string(d.Moment)
	}
	if d.Process != "" {
		head = d.Process + ": " + head
	}
	if len(d.Cases) < len(j.Cases) {
		head += " (in " + listed(d.Cases, 3) + ")"
	}
	var b bytes.Buffer // colours have no width
	(&printer{w: &b, width: p.width}).wrapped("  ", head)
	fmt.Fprint(p.w, strings.Replace(b.String(), string(d.Status), p.paint(string(d.Status), statusColor(d.Status)), 1))
	if d.Before != "" {
		p.wrapped("    - ", d.Before)
	}
	if d.After != "" {
		p.wrapped("    + ", d.After)
	}
	if d.Because != "" {
		why := d.Because
		if d.ID != "" {
			why += " [" + d.ID + "]"
		}
		if at := d.At.Place(); at != "" {
			why = at + ": " + why
		}
		p.wrapped("    ", why)
	} else if at := d.At.Place(); at != "" {
		p.wrapped("    ", "at "+at)
	}
}

// listed names the first n of a list.
func listed(names []string, n int) string {
	if len(names) > n {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
	}
	return strings.Join(names, ", ")
}

// tables is the result for programs.
func (o *verifyOptions) tables(env *environment, all []verified, several bool) {
	jobs := table.Table{Content: "jobs", Header: headers("Job", "Status", "Cases", "Same", "Why")}
	cases := table.Table{Content: "cases", Header: headers("Job", "Case", "Process", "Status", "Before", "After", "Why")}
	differences := table.Table{Content: "differences", Header: headers("Job", "Process", "Aspect", "Status", "Before", "After", "Because", "Finding", "Rule", "Place", "Cases")}
	count := map[verify.Status]int{}
	for _, v := range all {
		name := func(job string) string {
			if several {
				return v.dir + ": " + job
			}
			return job
		}
		for _, j := range v.result.Jobs {
			count[j.Status]++
			add(&jobs, name(j.Name), string(j.Status), fmt.Sprint(len(j.Cases)), fmt.Sprint(j.Compared), j.Why)
			for _, c := range j.Cases {
				if c.NotRun != "" {
					add(&cases, name(j.Name), c.Name, "", string(verify.NotRun), "", "", c.NotRun)
				}
				for _, p := range c.Processes {
					add(&cases, name(j.Name), c.Name, p.Name, string(p.Status), p.Before, p.After, p.Why)
				}
			}
			for _, d := range j.Differences {
				add(&differences, name(j.Name), d.Process, d.Aspect, string(d.Status), d.Before, d.After, d.Because, d.ID, d.Rule, d.At.String(), strings.Join(d.Cases, "; "))
			}
		}
	}
	env.tables(jobs, cases, differences)
	env.say("%s", compared(count))
}
