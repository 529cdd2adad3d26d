package check

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var conditionHead = search.MustCompile(`^(if|unless|if_p)\b[ \t]*(.*)$`)

// facts are the conditions that hold where a list of guards is open.
func facts(guards []erb.Guard) map[string]bool {
	all := map[string]bool{}
	for _, g := range guards {
		m := conditionHead.FindStringSubmatch(strings.TrimSpace(g.Block.Arms[0].Head))
		if m == nil || strings.Contains(m[2], "\n") || g.Arm > 1 || g.Arm == 1 && len(g.Block.Arms) > 2 {
			continue
		}
		text := strings.TrimSpace(m[2])
		holds := g.Arm == 0
		if m[1] == "unless" {
			holds = !holds
		}
		if m[1] == "if_p" {
			if i := strings.IndexByte(text, ')'); i >= 0 {
				text = "if_p" + text[:i+1]
			}
		}
		if rest, ok := strings.CutPrefix(text, "!"); ok {
			text, holds = rest, !holds
		}
		text = strings.TrimSuffix(strings.TrimPrefix(strings.Trim(text, "()"), "p("), ")")
		text = strings.NewReplacer(`"`, "'", " == true", "", " ", "", "(", "", ")", "").Replace(text)
		all[text] = holds
	}
	return all
}

// unreachable says whether a place is printed only in deployments in which
// monit does not start the job with bpm.
func (w *job) unreachable(at source.Span) bool {
	if len(w.others) == 0 || len(w.starts) == 0 {
		return false
	}
	t, err := erb.Parse(at.File)
	if err != nil {
		return false
	}
	here := facts(t.Guards(at.Start))
	if len(here) == 0 {
		return false
	}
	for _, c := range w.starts {
		clash := false
		for text, holds := range facts(w.monit.Template.Guards(c.program.Span.Start)) {
			if other, ok := here[text]; ok && other != holds {
				clash = true
			}
		}
		if !clash {
			return false
		}
	}
	return true
}
