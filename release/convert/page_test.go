package convert

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// skeletons are the scripts into which the statements of docs/conversion.md are
// put, by the place that the table names.
var skeletons = map[string]string{
	"before":  "start)\n  HERE\n  exec chpst -u vcap:vcap /var/vcap/packages/web/bin/web\n  ;;\n",
	"process": "start)\n  HERE\n  ;;\n",
	"behind":  "start)\n  chpst -u vcap:vcap /var/vcap/packages/web/bin/web &\n  echo $! > /var/vcap/sys/run/web/web.pid\n  HERE\n  ;;\n",
	"stop":    "start)\n  exec chpst -u vcap:vcap /var/vcap/packages/web/bin/web\n  ;;\nstop)\n  HERE\n  ;;\n",
	"reload":  "start)\n  exec chpst -u vcap:vcap /var/vcap/packages/web/bin/web\n  ;;\nreload)\n  HERE\n  ;;\n",
}

// TestConversionPage converts each statement in the table of docs/conversion.md, and
// holds where it goes and what is reported. All destinations of the ledger are in
// the table.
func TestConversionPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/conversion.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "| where | statement |")
	if !found {
		t.Fatal("the page has no such table")
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	seen := map[string]bool{}
	id := regexp.MustCompile(`\[([a-z-]+)\]\(findings.md#([a-z-]+)\)`)
	where := ""
	for _, row := range strings.Split(rest, "\n")[2:] {
		cells := strings.Split(strings.ReplaceAll(strings.Trim(row, "|"), `\|`, "\x00"), "|")
		if len(cells) != 5 {
			t.Fatalf("not five columns: %s", row)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
		}
		if cells[0] != "" {
			where = cells[0]
		}
		statement, to := strings.Trim(cells[1], "`"), cells[2]
		seen[to] = true
		t.Run(where+"/"+statement, func(t *testing.T) {
			c := converted(t, strings.Replace(skeletons[where], "HERE", statement, 1))
			var at []string
			for _, r := range c.Ledger {
				line := string(r.Span.File.Data[:r.Span.Start])
				line = line[strings.LastIndex(line, "\n")+1:] + r.Span.Text()
				if strings.HasPrefix("  "+statement, strings.SplitN(line, "\n", 2)[0]) {
					at = append(at, string(r.To))
				}
			}
			switch {
			case to == string(Declined):
				if c.Verdict != Declined {
					t.Errorf("is %s", c.Verdict)
				}
			case !slices.Contains(at, to):
				t.Errorf("goes to %q, not %s: %s", at, to, c.Reason.Message)
			case slices.ContainsFunc(at, func(o string) bool { return o != to && o != string(Dropped) }):
				t.Errorf("goes to %q, not all to %s", at, to)
			}
			var reported []string
			for _, f := range c.Findings {
				reported = append(reported, f.ID)
			}
			said := id.FindAllStringSubmatch(cells[4], -1)
			for _, m := range said {
				if !slices.Contains(reported, m[2]) {
					t.Errorf("%s is not reported, but %s", m[2], reported)
				}
			}
			if len(said) == 0 && len(reported) > 0 {
				t.Errorf("the table says of no finding, and there is %s", reported)
			}
		})
	}
	for _, d := range []Destination{ToBPM, ToWrapper, ToHook, ToPreStart, ToPostStart, Dropped, Review} {
		if !seen[string(d)] {
			t.Errorf("nothing in the table goes to %s", d)
		}
	}
}

// converted is the conversion of a job with a script.
func converted(t *testing.T, arms string) *Conversion {
	t.Helper()
	dir := t.TempDir()
	for n, text := range common {
		golden.Write(t, dir, n, []byte(text))
	}
	golden.Write(t, dir, "config/final.yml", []byte("name: web\n"))
	golden.Write(t, dir, "jobs/web/templates/ctl", []byte("#!/bin/bash\ncase $1 in\n"+arms+"esac\n"))
	return planOf(t, dir).Jobs[0]
}
