package commands

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
)

type scanOptions struct {
	Jobs     []string `long:"job" value-name:"NAME" description:"Look only at this job (repeatable)"`
	Stemcell string   `long:"stemcell" value-name:"NAME" description:"List the jobs that would break on this line of stemcells (ubuntu-resolute) for what it has no more, and the way out for each"`
	findingsOptions
	Args struct {
		Dirs []string `positional-arg-name:"DIR" description:"Release directory, or a folder with several of them (default: .)"`
	} `positional-args:"yes"`
}

func (o *scanOptions) Execute([]string) error { return nil }
func (o *scanOptions) command() command       { return o }

// scanned is what one release comes to, or why it could not be read.
type scanned struct {
	dir, name string
	plan      *convert.Plan
	err       error
}

func (o *scanOptions) run(env *environment) error {
	dirs, several, err := releasesIn(o.Args.Dirs)
	if err != nil {
		return err
	}
	if o.Stemcell != "" {
		return o.stemcell(env, dirs, several)
	}
	want, err := jobsIn(dirs, o.Jobs)
	if err != nil {
		return err
	}
	failed := false
	var found []reported
	var all []scanned
	for s := range parallel.InOrder(want.dirs, func(dir string) scanned { return o.scan(dir, want.jobs[dir]) }) {
		failed = !s.read(env, several) || failed
		if s.err != nil {
			continue
		}
		all = append(all, s)
		found = append(found, foundIn(s.dir, s.plan)...)
	}
	switch {
	case o.machine():
		if err := o.print(env, found, several); err != nil {
			return err
		}
	case len(all) > 0 || env.json:
		o.tables(env, all, several, found)
	}
	if failed {
		return errReported
	}
	return nil
}

// inDir says which release a message is about, where there are several.
func inDir(dir string, several bool, message string) string {
	if !several || strings.HasPrefix(message, dir) {
		return message
	}
	return dir + ": " + message
}

// releasesIn finds the releases: each directory that is one, and those right
// below each that is none. several says that the user has to be told which is
// which.
func releasesIn(args []string) (dirs []string, several bool, err error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	for _, dir := range distinct(args) {
		below := []string{}
		if !hasJobs(dir) {
			entries, err := os.ReadDir(dir)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, false, err
			}
			for _, e := range entries {
				if sub := filepath.Join(dir, e.Name()); !strings.HasPrefix(e.Name(), ".") && isRelease(sub) {
					below = append(below, sub)
				}
			}
		}
		if len(below) == 0 {
			below = []string{dir} // what it lacks is for the reader of the release to say
		} else {
			several = true
		}
		dirs = append(dirs, below...)
	}
	return dirs, several || len(dirs) > 1, nil
}

// wanted are the jobs that the user wants, by the releases that have them.
type wanted struct {
	dirs []string
	jobs map[string][]string
}

// jobsIn leaves the releases out that have none of the jobs, where another one
// has them.
func jobsIn(dirs, jobs []string) (wanted, error) {
	all := wanted{dirs, map[string][]string{}}
	if len(jobs) == 0 || len(dirs) < 2 {
		for _, dir := range dirs {
			all.jobs[dir] = jobs
		}
		return all, nil
	}
	all.dirs = nil
	var known []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(dir, "jobs"))
		if err != nil {
			all.dirs = append(all.dirs, dir) // why is for the reader of the release to say
			continue
		}
		for _, e := range entries {
			known = append(known, e.Name())
			if slices.Contains(jobs, e.Name()) {
				seen[e.Name()] = true
				all.jobs[dir] = append(all.jobs[dir], e.Name())
			}
		}
		if len(all.jobs[dir]) > 0 {
			all.dirs = append(all.dirs, dir)
		}
	}
	for _, j := range jobs {
		if !seen[j] {
			hint := ""
			if near := finding.Suggest(j, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return all, fmt.Errorf("no release has a job %s%s", j, hint)
		}
	}
	return all, nil
}

func hasJobs(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "jobs"))
	return err == nil && info.IsDir()
}

// isRelease says whether there is a job with a spec in it: other projects have
// a folder jobs, too.
func isRelease(dir string) bool {
	jobs, err := os.ReadDir(filepath.Join(dir, "jobs"))
	return err == nil && slices.ContainsFunc(jobs, func(j os.DirEntry) bool {
		_, err := os.Stat(filepath.Join(dir, "jobs", j.Name(), "spec"))
		return err == nil
	})
}

// scan plans the conversion of a release as the release command does.
func (o *scanOptions) scan(dir string, jobs []string) scanned {
	r, err := load(dir)
	if err != nil {
		return scanned{dir: dir, err: err}
	}
	plan, err := convert.Release(r, convert.Options{Jobs: jobs, Errands: o.Stemcell != "", OpsFile: defaultOpsFile, Tool: "bosh-bpmify " + Version()})
	return scanned{dir, r.Name, plan, err}
}

// read tells of what could not be read, the release or jobs of it, and says
// whether all could.
func (s scanned) read(env *environment, several bool) bool {
	if s.err != nil {
		env.errorLine(inDir(s.dir, several, s.err.Error()))
		return false
	}
	all := true
	for _, j := range s.plan.Jobs {
		if j.Verdict == convert.Failed && !j.Excused() {
			env.errorLine(inDir(s.dir, several, place(j.Reason.Span)+j.Reason.Message))
			all = false
		}
	}
	return all
}

// tables prints the verdicts, and for programs the findings too.
func (o *scanOptions) tables(env *environment, all []scanned, several bool, found []reported) {
	names := []string{"Job", "Processes", "Verdict", "Findings", "Reason"}
	if several {
		names = append([]string{"Release"}, names...)
	}
	if env.json {
		names = append(names, "Place")
	}
	t := table.Table{Content: "jobs", Header: headers(names...), FillFirstColumn: true}
	count := map[convert.Verdict]int{}
	var beside []reported
	for _, s := range all {
		beside = append(beside, foundBeside(s.dir, s.plan)...)
		for _, j := range s.plan.Jobs {
			count[j.Verdict]++
			t.Rows = append(t.Rows, o.row(env, s, j, several))
		}
	}
	if env.json {
		env.tables(t, findingsTable(found, several), suppressedTable(found, several))
		env.ui.PrintLinef("%s", verdicts(count))
		return
	}
	t.Content = "" // the last line counts the jobs
	switch {
	case several && env.tooWide(t):
		o.each(env, t)
	default:
		o.one(env, t)
	}
	// what is no row goes beside the table, where cut and grep do not see it
	out := env.stdout
	if !env.tty {
		out = env.stderr
	}
	if o.ShowSuppressed {
		for _, r := range found {
			if r.Job != "" && r.Rule != nil {
				beside = append(beside, r)
			}
		}
	}
	fmt.Fprintln(out)
	if o.list(env.printer(out), beside) {
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, verdicts(count))
}

// each prints a table for each release, where one for all would be too wide.
func (o *scanOptions) each(env *environment, all table.Table) {
	for start := 0; start < len(all.Rows); {
		dir := all.Rows[start][0].String()
		one := table.Table{Header: slices.Clone(all.Header[1:]), FillFirstColumn: true}
		end := start
		for ; end < len(all.Rows) && all.Rows[end][0].String() == dir; end++ {
			one.Rows = append(one.Rows, all.Rows[end][1:])
		}
		if start > 0 {
			fmt.Fprintln(env.stdout)
		}
		env.printer(env.stdout).head(dir, "", nil)
		o.one(env, one)
		start = end
	}
}

// one prints a table of jobs. Where it would be too wide, the names of the processes
// are left out: they are the widest, and seldom say more than those of the jobs.
func (o *scanOptions) one(env *environment, t table.Table) {
	if env.tooWide(t) {
		for i := range t.Header {
			t.Header[i].Hidden = t.Header[i].Title == "Processes"
		}
	}
	env.tables(t)
}

// row is a job in the table.
func (o *scanOptions) row(env *environment, s scanned, j *convert.Conversion, several bool) []table.Value {
	text := func(s string) table.Value { return table.NewValueString(s) }
	count := tally{}
	if j.Reason.Message == "" {
		for _, r := range foundInJob(s.dir, j) {
			count.add(r)
		}
	}
	reason := j.Reason.Message
	if reason != "" && !env.json {
		if at := j.Reason.Span.Place(); at != "" {
			reason = at + ": " + reason
		}
		if j.Excused() {
			reason = "suppressed: " + j.Suppressed[0].Rule.Reason
		}
	}
	processes := text(strings.Join(j.Checks, ", "))
	if env.tty && !env.json {
		processes = table.NewValueStrings(j.Checks)
	}
	row := []table.Value{text(j.Job.Name), processes, env.verdict(j.Verdict), text(count.String()), text(reason)}
	if several {
		row = append([]table.Value{text(s.dir)}, row...)
	}
	if env.json {
		row = append(row, text(j.Reason.Span.String()))
	}
	return row
}

// verdicts counts them for the last line.
func verdicts(count map[convert.Verdict]int) string {
	total := 0
	var parts []string
	for _, v := range []struct {
		verdict convert.Verdict
		text    string
	}{
		{convert.Converted, "converted"}, {convert.ConvertedReview, "to review"}, {convert.Declined, "declined"},
		{convert.AlreadyBPM, "already on bpm"}, {convert.Swapped, "with chpst replaced"}, {convert.NothingToDo, "without a process"}, {convert.Failed, "not readable"},
	} {
		total += count[v.verdict]
		if n := count[v.verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.text))
		}
	}
	switch total {
	case 0:
		return "0 jobs"
	case 1:
		return "1 job: " + parts[0]
	}
	return fmt.Sprintf("%d jobs: %s", total, strings.Join(parts, ", "))
}
