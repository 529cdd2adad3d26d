package verify

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// processes compares what monit starts on both sides.
func (c *comparison) processes() []Process {
	var out []Process
	for _, k := range c.after.checks {
		if len(k.start) == 0 {
			continue
		}
		p := c.processOf(k)
		p.Rows = append(p.Rows, c.pidfile(k)...)
		for _, r := range p.Rows {
			p.Status = p.Status.Worse(r.Status)
		}
		out = append(out, p)
	}
	for _, k := range c.before.checks {
		if len(k.start) == 0 || slices.ContainsFunc(c.after.checks, func(a check) bool { return a.name == k.name && len(a.start) > 0 }) {
			continue
		}
		p := Process{Name: k.name, Status: Unexplained, Before: shown(k.start)}
		p.Rows = []Row{{Aspect: "process", Before: "monit starts it", After: "monit does not", Status: Unexplained}}
		out = append(out, p)
	}
	return out
}

// isBPM says whether a check is started by bpm.
func isBPM(start []string) bool {
	return slices.ContainsFunc(start, func(w string) bool { return strings.HasSuffix(w, "bpm/bin/bpm") })
}

func (c *comparison) processOf(k check) Process {
	c.process = k.name
	p := Process{Name: k.name, Status: Same}
	old := slices.IndexFunc(c.before.checks, func(b check) bool { return b.name == k.name })
	if old >= 0 && slices.Equal(c.before.checks[old].start, k.start) && !isBPM(k.start) {
		c.ran = true
		p.Why = "it is started as it was"
		return p
	}
	main, after := c.launch(c.after, k)
	if after == nil {
		old := c.launchBefore(k)
		if c.awkward && (old == nil || !c.isProcess(k, old)) {
			p.Status, p.Why = NotRun, "with these values neither script starts the process"
			return p
		}
		p.Why = "the container starts no program"
		if l := c.after.launched[k.name]; l != nil && l.err != "" {
			p.Why = "bpm does not start it: " + l.err
			if strings.HasPrefix(l.err, wrongConfig) { // some of which bpm only ignores
				p.Why = "bpm does not start it, because its configuration is wrong: " + l.err
			}
		} else if missing := c.after.missing(); missing != "" {
			p.Why += ": " + missing
		}
		if out := lastOutput(c.after); out != "" && !strings.Contains(p.Why, strings.TrimPrefix(out, "Error: ")) {
			p.Why += "; its last output is: " + out
		}
		if old == nil || c.stopped(k) && !c.isProcess(k, old) {
			p.Status, p.Why = NotRun, "neither the old nor the new job starts a program of a package here; the new one: "+p.Why
			return p
		}
		p.Rows = []Row{{Aspect: "executable", Before: c.lastProgram(c.before, k), After: "", Status: Unexplained, Because: p.Why}}
		return p
	}
	c.usedAfter[main] = true
	i, before := c.match(k, after)
	if before == nil {
		if c.awkward {
			p.Status, p.Why = NotRun, neverStarts
			return p
		}
		if len(programs(c.before, "")) == 0 || c.stopped(k) && after.Kind == vm.Program {
			p.Status, p.Why = NotRun, "the old script starts no program of a package here"
			if out := lastOutput(c.before); out != "" {
				p.Why += "; its last output is: " + out
			}
			return p
		}
		p.After = shown(after.Args)
		p.Rows = []Row{{Aspect: "executable", Before: c.lastProgram(c.before, k), After: shown(after.Args), Status: Unexplained}}
		return p
	}
	if c.awkward && c.executable(before.Path) != c.executable(after.Path) {
		p.Status, p.Why = NotRun, neverStarts
		return p
	}
	c.usedBefore[i], c.ran = true, true
	p.Before, p.After = shown(before.Args), shown(after.Args)
	c.rows = nil
	c.launches(before, after)
	p.Rows, c.rows = c.rows, nil
	return p
}

// neverStarts is said of values with which only the new job starts the process.
const neverStarts = "with these values the old script never starts the process"

// stopped says that the old start program of a check came to an end before any
// program of a package: it failed, or it wanted one that is not known here.
func (c *comparison) stopped(k check) bool {
	return len(programs(c.before, k.name)) == 0 && (c.before.started[k.name] != 0 || c.before.missing() != "")
}

// isProcess says whether an execution may be that of the process which bpm.yml
// has for a check. What a script of the job does not tell by its name.
func (c *comparison) isProcess(k check, e *vm.Event) bool {
	l := c.after.launched[k.name]
	if l == nil || l.process.Executable == "" {
		return true
	}
	if exe := c.executable(l.process.Executable); !strings.HasPrefix(exe, "/var/vcap/jobs/") || c.awkward {
		return path.Base(exe) == path.Base(e.Path)
	}
	return e.Kind == vm.Program
}

// missing is what a side wanted to execute and did not find.
func (s *side) missing() string {
	for _, u := range s.vm.Unknown {
		if strings.HasPrefix(u, "not in the container: ") || strings.HasPrefix(u, "command not found: ") {
			return u
		}
	}
	return ""
}

func lastOutput(s *side) string {
	for _, l := range slices.Backward(s.vm.Output) {
		if l != "" {
			return l
		}
	}
	return ""
}

// programs are the executions of a side that may be the launch: of programs, on
// the start of a check, or of all of them.
func programs(s *side, name string) []int {
	var out []int
	phase := "start " + name
	if l := s.launched[name]; l != nil && l.phase != "" {
		phase = l.phase // a script of the agent ran bpm before monit did
	}
	for i, e := range s.vm.Events {
		if e.Kind == vm.Program && (e.Phase == phase || name == "" && strings.HasPrefix(e.Phase, "start ")) && !harmless[path.Base(e.Path)] {
			out = append(out, i)
		}
	}
	return out
}

// launch is the last program that is executed where the process is to run.
func (c *comparison) launch(s *side, k check) (int, *vm.Event) {
	list := programs(s, k.name)
	if isBPM(k.start) {
		list = slices.DeleteFunc(list, func(i int) bool { return !s.vm.Events[i].Inside })
	}
	if len(list) == 0 {
		// a command of the stemcell may be the process: cron, sleep, rsyslogd
		for i, e := range slices.Backward(s.vm.Events) {
			if e.Kind == vm.Recorded && e.Phase == "start "+k.name && (e.Inside || !isBPM(k.start)) && !harmless[path.Base(e.Path)] {
				return i, &s.vm.Events[i]
			}
		}
		return -1, nil
	}
	i := list[len(list)-1]
	return i, &s.vm.Events[i]
}

// launchBefore is what the old side executed for the check of that name.
func (c *comparison) launchBefore(k check) *vm.Event {
	i := slices.IndexFunc(c.before.checks, func(b check) bool { return b.name == k.name })
	if i < 0 {
		return nil
	}
	_, e := c.launch(c.before, c.before.checks[i])
	return e
}

func (c *comparison) lastProgram(s *side, k check) string {
	if i := slices.IndexFunc(s.checks, func(x check) bool { return x.name == k.name }); i >= 0 {
		if _, e := c.launch(s, s.checks[i]); e != nil {
			return shown(e.Args)
		}
	}
	if list := programs(s, ""); len(list) > 0 {
		return shown(s.vm.Events[list[len(list)-1]].Args)
	}
	return ""
}

// match finds the execution before that became the launch after: with the same
// arguments, or the closest with the same program. That of the same check is
// preferred.
func (c *comparison) match(k check, after *vm.Event) (int, *vm.Event) {
	list := programs(c.before, k.name)
	others := programs(c.before, "")
	if after.Kind == vm.Recorded {
		list, others = nil, nil
		for i, e := range c.before.vm.Events {
			if e.Kind == vm.Recorded && strings.HasPrefix(e.Phase, "start ") {
				others = append(others, i)
				if e.Phase == "start "+k.name {
					list = append(list, i)
				}
			}
		}
	}
	exe := c.executable(after.Path)
	best, score := -1, -1
	for _, candidates := range [][]int{list, others} {
		for _, i := range candidates {
			e := &c.before.vm.Events[i]
			if c.usedBefore[i] {
				continue
			}
			n := 0
			switch {
			case c.executable(e.Path) == exe:
				n = 1000
			case path.Base(e.Path) == path.Base(exe):
				n = 500
			default:
				continue
			}
			if slices.Equal(c.args(e.Args), c.args(after.Args)) {
				n += 400
			} else {
				n += common(e.Args, after.Args)
			}
			if n >= score {
				best, score = i, n
			}
		}
		if best >= 0 {
			return best, &c.before.vm.Events[best]
		}
	}
	score = 0
	// another program: the one of the check that is told the same, though it be in one
	// argument, as of pg_ctl
	for _, i := range slices.Backward(list) {
		if n := common(strings.Fields(strings.Join(c.before.vm.Events[i].Args, " ")), strings.Fields(strings.Join(after.Args, " "))); !c.usedBefore[i] && !c.awkward && n >= score {
			best, score = i, n
		}
	}
	if best < 0 {
		return -1, nil
	}
	return best, &c.before.vm.Events[best]
}

// common counts the arguments that two command lines share, up to 300.
func common(a, b []string) int {
	n := 0
	for _, x := range a {
		if slices.Contains(b, x) {
			n++
		}
	}
	return min(n, 300)
}
