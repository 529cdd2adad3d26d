package commands

import (
	"fmt"
	"strings"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
)

type explainOptions struct {
	Args struct {
		IDs []string `positional-arg-name:"ID" description:"What the report calls the finding, such as ran-as-root (default: list all)"`
	} `positional-args:"yes"`
}

func (o *explainOptions) Execute([]string) error { return nil }
func (o *explainOptions) command() command       { return o }

func (o *explainOptions) run(env *environment) error {
	if len(o.Args.IDs) == 0 {
		t := table.Table{Content: "findings", Header: headers("ID", "Severity", "Title")}
		for _, e := range finding.All() {
			add(&t, e.ID, e.Severity.String(), e.Title)
			t.Rows[len(t.Rows)-1][1] = env.cell(e.Severity.String(), severityColor(e.Severity))
		}
		env.tables(t)
		return nil
	}
	var entries []finding.Entry
	for _, id := range o.Args.IDs {
		e, ok := finding.Lookup(strings.ToLower(id))
		if !ok {
			hint := "bosh-bpmify explain lists all"
			if near := finding.SuggestID(strings.ToLower(id)); near != "" {
				hint = "did you mean " + near + "?"
			}
			return fmt.Errorf("%s: there is no finding of this name; %s", id, hint)
		}
		entries = append(entries, e)
	}
	if env.json {
		t := table.Table{Content: "findings", Header: headers("ID", "Severity", "Title", "Why", "Do", "Before", "After", "Sources", "URL")}
		for _, e := range entries {
			add(&t, e.ID, e.Severity.String(), e.Title, e.Why, e.Do, e.Before, e.After, strings.Join(e.Sources, "\n"), e.URL())
		}
		env.tables(t)
		return nil
	}
	for i, e := range entries {
		if i > 0 {
			fmt.Fprintln(env.stdout)
		}
		_, text, _ := strings.Cut(e.Text(min(90, env.textWidth()-1)), "\n")
		env.printer(env.stdout).head(e.ID, e.Severity.String(), severityColor(e.Severity))
		fmt.Fprint(env.stdout, text)
	}
	return nil
}
