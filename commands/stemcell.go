package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
	"github.com/bosh-bpmify/bosh-bpmify/release/runit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// broken is a job that a stemcell would break.
type broken struct {
	dir string
	job *convert.Conversion
	// uses are the places that need what the stemcell lacks.
	uses []runit.Use
	// left are those of them that a conversion leaves, with the files it writes.
	left []runit.Use
}

// onStemcell is what a stemcell does to one release.
type onStemcell struct {
	scanned
	broken []broken
	jobs   int
}

// stemcell lists the jobs that would break on a stemcell.
func (o *scanOptions) stemcell(env *environment, dirs []string, several bool) error {
	if o.machine() {
		return errors.New("--stemcell prints a table; it has no --format")
	}
	s, err := runit.FindStemcell(o.Stemcell)
	if err != nil {
		return err
	}
	want, err := jobsIn(dirs, o.Jobs)
	if err != nil {
		return err
	}
	failed := false
	var all []broken
	jobs := 0
	for r := range parallel.InOrder(want.dirs, func(dir string) onStemcell { return o.on(s, dir, want.jobs[dir]) }) {
		failed = !r.read(env, several) || failed
		if r.err != nil {
			continue
		}
		all = append(all, r.broken...)
		jobs += r.jobs
	}
	names := []string{"Job", "Places", "Verdict", "Way out", "First place"}
	people := env.tty && !env.json
	if people { // for whom the column with sentences is the last
		names[3], names[4] = names[4], names[3]
	}
	if several {
		names = append([]string{"Release"}, names...)
	}
	t := table.Table{Header: headers(names...), FillFirstColumn: true}
	if env.json {
		t.Content = "jobs"
	}
	hand := 0
	for _, b := range all {
		way := b.way()
		if strings.Contains(way, byHand) {
			hand++
		}
		row := []table.Value{table.NewValueString(b.job.Job.Name), table.NewValueInt(len(b.uses)), env.verdict(b.job.Verdict), table.NewValueString(way), table.NewValueString(b.uses[0].Span.Place())}
		if people {
			row[3], row[4] = row[4], row[3]
		}
		if several {
			row = append([]table.Value{table.NewValueString(b.dir)}, row...)
		}
		t.Rows = append(t.Rows, row)
	}
	sum := fmt.Sprintf("%s of %d would break on %s, %d of them with a place to change by hand (%s)", plural(len(all), "job"), jobs, s.Name, hand, s.Because)
	switch {
	case several && env.tooWide(t):
		o.each(env, t)
	case len(all) > 0 || env.json:
		env.tables(t)
	}
	switch {
	case env.json:
		env.ui.PrintLinef("%s", sum)
	case env.tty:
		fmt.Fprintln(env.stdout, "\n"+sum)
	default: // beside the table, where cut and grep do not see it
		fmt.Fprintln(env.stderr, "\n"+sum)
	}
	if failed {
		return errReported
	}
	return nil
}

// on plans the conversion of a release, and looks for what a stemcell lacks in the
// jobs as they are and as they would be.
func (o *scanOptions) on(s runit.Stemcell, dir string, jobs []string) onStemcell {
	result := onStemcell{scanned: o.scan(dir, jobs)}
	if result.err != nil {
		return result
	}
	result.jobs = len(result.plan.Jobs)
	now := result.plan.Files()
	var after *release.Release
	for _, c := range result.plan.Jobs {
		uses := usesIn(c.Job, s)
		if len(uses) == 0 {
			continue
		}
		if after == nil {
			if after, result.err = c.Job.Release.With(now); result.err != nil {
				return result
			}
		}
		b := broken{dir: dir, job: c, uses: uses}
		if j := after.Job(c.Job.Name); j != nil {
			b.left = usesIn(j, s)
		}
		result.broken = append(result.broken, b)
	}
	return result
}

// usesIn are the places of a job that need what a stemcell lacks.
func usesIn(j *release.Job, s runit.Stemcell) []runit.Use {
	var uses []runit.Use
	for _, f := range runit.Files(j) {
		uses = append(uses, runit.Uses(f, s.Lacks...)...)
	}
	return uses
}

const byHand = "by hand: "

// way says what a maintainer can do about the job.
func (b *broken) way() string {
	if b.job.Verdict == convert.Failed {
		return byHand + "the job cannot be read: " + b.job.Reason.Message
	}
	var ways []string
	swaps, files := 0, []*source.File{}
	for _, u := range b.left {
		if u.Replaceable() {
			swaps++
			if !slices.ContainsFunc(files, func(f *source.File) bool { return f.Name == u.Span.File.Name }) {
				files = append(files, u.Span.File)
			}
		}
	}
	converts := "bpm: converts"
	if len(b.job.Runs) > 0 {
		converts = "bpm (--errands): converts"
	}
	switch b.job.Verdict {
	case convert.Converted:
		ways = append(ways, converts)
	case convert.ConvertedReview:
		ways = append(ways, converts+", review")
	}
	if swaps > 0 {
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
		}
		ways = append(ways, fmt.Sprintf("swap (--swap-chpst): %s in %s", plural(swaps, "place"), listed(names, 3)))
	}
	places := map[string][]string{}
	var reasons []string
	for _, u := range b.left {
		if u.Replaceable() {
			continue
		}
		if places[u.Reason] == nil {
			reasons = append(reasons, u.Reason)
		}
		places[u.Reason] = append(places[u.Reason], u.Span.Place())
	}
	for _, r := range reasons {
		ways = append(ways, byHand+r+" at "+listed(places[r], 3))
	}
	return strings.Join(ways, "; ")
}
