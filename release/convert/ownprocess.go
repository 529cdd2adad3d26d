package convert

import (
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// ownProcess finds what a script sets for itself, and so for the process that it
// becomes: priorities and the like of $$, and files that it writes below /proc/self.
var ownProcess = search.MustCompile(`\b(renice|ionice|chrt|taskset|prlimit|choom|cgclassify)\s(.*\s)?\$\$($|\s)|>\s*"?/proc/(self|\$\$)/`)

// setsOwnProcess says whether a command does that.
func setsOwnProcess(c *ctl.Command) bool { return ownProcess.MatchString(c.Span.Text()) }

// ownProcess tells of such statements that run in another script now, for whose
// process they have no meaning.
func (w *job) ownProcess(l *launch) {
	for _, c := range l.result.Commands {
		where := map[Destination]string{ToPreStart: "bin/pre-start", ToHook: "the hook"}[l.places[c].to]
		if where != "" && setsOwnProcess(c) {
			w.find("own-process-set", source.Warning, c.Span, "%s was for the script itself, and so for %s, which it started; in %s it has no effect on %s", oneLine(c.Span.Text()), l.name, where, l.name)
		}
	}
}
