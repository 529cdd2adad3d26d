package verify

import (
	"fmt"
	"path"
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// comparison compares a job on two machines, in one case.
type comparison struct {
	job           string
	before, after *side
	// awkward says that the values of the case have characters that shells read.
	awkward bool
	// invented is the property whose made up value a path has; "" for none.
	invented func(path string) string
	// ran says that the old side came to a process.
	ran bool
	// used are the executions on both sides that are the launch of a process.
	usedBefore, usedAfter map[int]bool
	rows                  []Row
	// matches are the processes that were compared; process is the one that is.
	matches []match
	process string
	// moment is when in the life of the VM it is, first the comparison of the first
	// deploy, and marks the files that processes left there, with their processes.
	moment Moment
	first  *comparison
	marks  map[string]string
}

func (c *comparison) add(r Row) { c.rows = append(c.rows, r) }

// compare adds a row: for what is alike, or for a difference, which a rule may
// explain.
func (c *comparison) compare(aspect, before, after, rule string) {
	switch {
	case before == after:
		c.add(Row{Aspect: aspect, Before: before, After: after, Status: Same})
	case rule != "":
		c.add(Row{Aspect: aspect, Before: before, After: after, Status: Explained, Rule: rule, Because: rules[rule]})
	default:
		c.add(Row{Aspect: aspect, Before: before, After: after, Status: Unexplained})
	}
}

// executable is a path with the links of a VM followed.
func (c *comparison) executable(p string) string {
	p = path.Clean(p)
	for _, from := range []string{"/var/vcap/data/packages/", "/var/vcap/jobs/" + c.job + "/packages/"} {
		if rest, ok := strings.CutPrefix(p, from); ok {
			p = "/var/vcap/packages/" + rest
		}
	}
	for _, d := range []string{"/bin/", "/sbin/"} {
		if strings.HasPrefix(p, d) {
			p = "/usr" + p
		}
	}
	return p
}

// args are the arguments behind the name.
func (c *comparison) args(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	return args[1:]
}

// shown prints a command line so that the shell would read it.
func shown(args []string) string {
	var out []string
	for _, a := range args {
		q, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			q = fmt.Sprintf("%q", a)
		}
		out = append(out, q)
	}
	return strings.Join(out, " ")
}

// sortDifferences puts the worst first.
func sortDifferences(ds []Difference) {
	sort.SliceStable(ds, func(i, j int) bool {
		if worst[ds[i].Status] != worst[ds[j].Status] {
			return worst[ds[i].Status] > worst[ds[j].Status]
		}
		if ds[i].Process != ds[j].Process {
			return ds[i].Process < ds[j].Process
		}
		return ds[i].Aspect < ds[j].Aspect
	})
}
