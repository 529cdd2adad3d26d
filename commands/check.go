package commands

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/check"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

type checkOptions struct {
	Jobs []string `long:"job" value-name:"NAME" description:"Check only this job (repeatable)"`
	Args struct {
		Dirs []string `positional-arg-name:"DIR" description:"Release directory (default: .)"`
	} `positional-args:"yes"`
}

func (o *checkOptions) Execute([]string) error { return nil }
func (o *checkOptions) command() command       { return o }

// run checks every directory; a release that cannot be read does not keep the
// others from being checked.
func (o *checkOptions) run(env *environment) error {
	dirs := distinct(o.Args.Dirs)
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	failed := false
	var all []checked
	for _, dir := range dirs {
		results, err := o.one(dir)
		if err != nil {
			env.ui.ErrorLinef("%s", err)
			failed = true
			continue
		}
		all = append(all, results...)
	}
	if len(all) > 0 || !failed {
		showChecked(env, all)
	}
	for _, c := range all {
		for _, d := range c.Findings {
			failed = failed || d.Severity > source.Note
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// checked is a job with what was found in it.
type checked struct {
	dir string
	check.Result
}

func (o *checkOptions) one(dir string) ([]checked, error) {
	r, err := release.Load(dir)
	if err != nil {
		return nil, err
	}
	results, err := check.Release(r, o.Jobs)
	if err != nil {
		return nil, err
	}
	var all []checked
	for _, res := range results {
		all = append(all, checked{dir, res})
	}
	if len(o.Jobs) > 0 && len(all) == 0 {
		return nil, errors.New("no job of the given names is on bpm")
	}
	return all, nil
}

// showChecked prints what was found, as lines that editors jump to.
func showChecked(env *environment, all []checked) {
	if env.json {
		env.ui.PrintTable(checkedTable(all))
		return
	}
	if len(all) == 0 {
		fmt.Fprintln(env.stdout, "No job is on bpm, so there is nothing to check.")
		return
	}
	count := map[source.Severity]int{}
	for _, c := range all {
		for _, d := range c.Findings {
			count[d.Severity]++
			fmt.Fprintln(env.stdout, c.line(d))
			for _, r := range d.Related {
				fmt.Fprintf(env.stdout, "  also %s\n", c.place(r))
			}
		}
	}
	jobs := fmt.Sprintf("%d jobs checked", len(all))
	if len(all) == 1 {
		jobs = "1 job checked"
	}
	if total := count[source.Error] + count[source.Warning] + count[source.Note]; total == 0 {
		fmt.Fprintf(env.stdout, "%s, nothing found\n", jobs)
		return
	}
	var parts []string
	for _, s := range []source.Severity{source.Error, source.Warning, source.Note} {
		switch count[s] {
		case 0:
		case 1:
			parts = append(parts, "1 "+s.String())
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", count[s], s))
		}
	}
	fmt.Fprintf(env.stdout, "%s: %s\n", jobs, strings.Join(parts, ", "))
}

// place is "file:line:column" with the file as the user finds it.
func (c checked) place(s source.Span) string {
	return filepath.Join(c.dir, filepath.FromSlash(s.File.Name)) + strings.TrimPrefix(s.String(), s.File.Name)
}

func (c checked) line(d source.Diagnostic) string {
	if !d.Span.Valid() {
		return fmt.Sprintf("%s: %s: %s (%s)", filepath.Join(c.dir, "jobs", c.Job.Name), d.Severity, d.Message, d.ID)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", c.place(d.Span), d.Severity, d.Message, d.ID)
}

func checkedTable(all []checked) table.Table {
	t := table.Table{Content: "findings", Header: []table.Header{
		table.NewHeader("job"), table.NewHeader("severity"), table.NewHeader("id"), table.NewHeader("place"), table.NewHeader("message"),
	}}
	for _, c := range all {
		for _, d := range c.Findings {
			place := ""
			if d.Span.Valid() {
				place = c.place(d.Span)
			}
			t.Rows = append(t.Rows, []table.Value{
				table.NewValueString(c.Job.Name), table.NewValueString(d.Severity.String()), table.NewValueString(d.ID),
				table.NewValueString(place), table.NewValueString(d.Message),
			})
		}
	}
	return t
}
