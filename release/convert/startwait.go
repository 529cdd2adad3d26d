package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// wait is what the old start waited for: that the process answers.
type wait struct {
	at source.Span
	// lines ask in bin/post-start; none when that could not be said there.
	lines []string
	// asks is the command of the old script that the lines stand for.
	asks *ctl.Command
}

// asksHealth is a command that asks a process whether it serves.
var asksHealth = search.MustCompile(`\b(curl|wget|pg_isready|nc|netcat|telnet|wait_for_\w+)\b`)

// startWait finds the wait for the process after its start. The old start ended
// when it served, and failed without it; bpm's ends when it runs. Where what it
// asked, how often and what came of it are all known, bin/post-start asks now.
func (w *job) startWait(l *launch) {
	first := slices.Index(l.result.Commands, l.ways[0].Command)
	if first < 0 {
		return
	}
	for _, c := range l.result.Commands[first+1:] {
		if l.isWay(c) != nil || c.Followed || !l.asksInside(c) || len(c.Words) > 0 && (c.Name() == "echo" || c.Name() == "trap") {
			continue
		}
		if to := l.places[c].to; to != Dropped && to != ToPostStart {
			continue
		}
		found := wait{at: c.Span, asks: c}
		if _, there := w.Job.Spec.Template("bin/post-start"); !there && w.failsAfter(l, c) {
			if len(c.Words) == 0 {
				found.lines = w.askFunction(l, c)
			} else {
				found.lines = w.askLoop(l, c)
			}
		}
		if len(found.lines) == 0 && l.places[c].to == ToPostStart {
			continue // it is moved as it is
		}
		l.wait = &found
		if len(found.lines) > 0 {
			l.places[c] = place{to: ToPostStart, note: "asked until " + l.name + " answers"}
		}
		return
	}
}

// inVain keeps the error in which a start ended that no success had left before:
// what asks and leaves with success is in bin/post-start.
func (w *job) inVain(l *launch) {
	last := l.result.Commands[len(l.result.Commands)-1]
	if last.Name() != "exit" || len(last.Words) != 2 || last.Words[1].Is("0") || len(last.Conditions) == 0 ||
		slices.ContainsFunc(last.Conditions, func(o ctl.Condition) bool { return !o.Exit }) {
		return
	}
	before := l.places[last]
	moved := func(c *ctl.Command) bool { return l.places[c].to == ToPostStart && !l.waitsFor(c) }
	if !slices.ContainsFunc(l.result.Commands, moved) {
		return
	}
	l.places[last] = place{to: ToPostStart, note: "the start failed here, and the deploy does now"}
	lines, r := w.residue(l, ToPostStart, false, nil, moved)
	if r.broken != "" || !leavesWell.MatchString(strings.Join(lines, "\n")) {
		l.places[last] = before
	}
}

// leavesWell ends a script with success.
var leavesWell = search.MustCompile(`\bexit(?:\s+0)?\s*(?:[;}\n]|$)`)

// failedStart keeps out of bin/post-start what the old script did when the start
// had failed: it undid things before it killed the process, which runs on under
// bpm. What is left of such an arm is its exit, which fails the deploy.
func (w *job) failedStart(l *launch) {
	first := slices.Index(l.result.Commands, l.ways[0].Command)
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind != ctl.If {
			return
		}
		for _, arm := range [][]*ctl.Node{n.Body, n.Else} {
			var exit *ctl.Command
			for _, o := range arm {
				if c := o.Command; c != nil && o.Kind == ctl.Leaf && c.Name() == "exit" && len(c.Words) == 2 && !c.Words[1].Is("0") {
					exit = c
				}
			}
			if exit == nil || slices.Index(l.result.Commands, exit) < first {
				continue
			}
			ctl.Walk(arm, func(o *ctl.Node) {
				if c := o.Command; c != nil && o.Kind == ctl.Leaf && l.places[c].to == ToPostStart && l.isWay(c) == nil {
					l.places[c] = gone(claim.UndidFailedStart)
					if works(c) && !w.isQuiet(c) {
						w.find("not-understood", source.Warning, c.Span, "this ran when the start of %s had failed, before the script killed it; nothing does it now", l.name)
					}
				}
			})
			before := l.places[exit]
			moved := func(c *ctl.Command) bool { return l.places[c].to == ToPostStart && !l.waitsFor(c) }
			more := slices.ContainsFunc(l.result.Commands, moved)
			l.places[exit] = place{to: ToPostStart, note: "the start failed here, and the deploy does now"}
			lines, r := w.residue(l, ToPostStart, false, nil, moved)
			text := strings.Join(lines, "\n")
			if r.broken != "" || !more && (l.wait != nil && len(l.wait.lines) > 0 || !looped.MatchString(text) || pidWords.MatchString(text)) {
				l.places[exit] = before
			}
		}
	})
}

// asksInside says whether a command asks, itself or in a function whose output it
// takes.
func (l *launch) asksInside(c *ctl.Command) bool {
	if asksHealth.MatchString(c.Text) {
		return true
	}
	m := callsFunction.FindStringSubmatch(c.Text)
	return m != nil && asksHealth.MatchString(l.result.Functions[m[2]].Text)
}

// waitsFor says whether a command is the one that the lines of a wait stand for.
func (l *launch) waitsFor(c *ctl.Command) bool {
	return l.wait != nil && l.wait.asks == c && len(l.wait.lines) > 0
}

// failsAfter says whether the start failed when the wait was in vain: what
// follows ends with an error or kills the process.
func (w *job) failsAfter(l *launch, c *ctl.Command) bool {
	for _, later := range l.result.Commands[slices.Index(l.result.Commands, c)+1:] {
		n := later.Name()
		if n == "exit" && len(later.Words) == 2 && !later.Words[1].Is("0") || n == "kill_and_wait" {
			return true
		}
		if s, _ := killSignal(later.Words); n == "kill" && s != "0" {
			return true
		}
	}
	return false
}

// askFunction writes X=$(f ARGS), where f waits and prints 0 or 1.

func (w *job) askFunction(l *launch, c *ctl.Command) []string {
	m := callsFunction.FindStringSubmatch(c.Text)
	if m == nil || len(c.Guards) > len(l.ways[0].Command.Guards) {
		return nil
	}
	name, args := m[2], m[3]
	f, ok := l.result.Functions[name]
	if !ok || !selfContained(f) || strings.Contains(args, "$") || !looped.MatchString(f.Text) || !asksHealth.MatchString(strings.ReplaceAll(f.Text, name, "")) {
		return nil
	}
	if slices.ContainsFunc(f.Calls, func(n string) bool { _, own := l.result.Functions[n]; return own }) {
		return nil
	}
	var prints []string
	for _, e := range echoed.FindAllStringSubmatch(f.Text, -1) {
		prints = append(prints, e[1])
	}
	if !slices.Equal(prints, []string{"0", "1"}) {
		return nil
	}
	zero := false
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.If && strings.Contains(n.Head, m[1]) {
			zero = zero || isZero.MatchString(n.Head) && endsInError(n.Else) || notZero.MatchString(n.Head) && endsInError(n.Body)
		}
	})
	if !zero {
		return nil
	}
	lines := append(strings.Split(f.Text, "\n"), "")
	return w.tagged(l, c, append(lines,
		fmt.Sprintf(`if [ "$(%s)" != 0 ]; then`, strings.TrimSpace(name+" "+args)),
		fmt.Sprintf(`  echo "%s does not answer" >&2`, l.name),
		"  exit 1",
		"fi"))
}

// selfContained says whether a function reads only its arguments and what it sets
// itself.
func selfContained(f ctl.Function) bool {
	for _, name := range f.Refs {
		if shellIdentifier.FindString(name) != name {
			continue // $1, $?
		}
		if !search.MustCompile(`(?m)(?:^|[\s;])` + name + `=|\bfor ` + name + ` in\b`).MatchString(f.Text) {
			return false
		}
	}
	return true
}

var (
	callsFunction = search.MustCompile(`^(\w+)="?\$\((\w+)\s*((?:<%=(?:[^%]|%[^>])*%>|[^()|;&])*)\)"?$`)
	looped        = search.MustCompile(`(?m)^\s*(?:for|while|until)\b`)
	echoed        = search.MustCompile(`(?m)^\s*(?:echo|printf)\s+(\S.*)$`)
	isZero        = search.MustCompile(`\s(?:-eq|=|==)\s+["']?0["']?\s`)
	notZero       = search.MustCompile(`\s(?:-ne|!=)\s+["']?0["']?\s`)
)

func endsInError(nodes []*ctl.Node) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) {
		if c := n.Command; c != nil && c.Name() == "exit" && len(c.Words) == 2 && !c.Words[1].Is("0") {
			found = true
		}
	})
	return found
}

// askLoop writes a loop that asks with one command, as often as the old one did.
func (w *job) askLoop(l *launch, c *ctl.Command) []string {
	text := knownText(c)
	if text == "" || c.Tags || c.Piped || c.Pipe || c.Background {
		return nil
	}
	var loop *ctl.Node
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.Loop && contains(n.Cond, c) || n.Kind == ctl.Loop && contains(n.Body, c) {
			loop = n // the innermost comes last
		}
	})
	if loop == nil || !w.asksUntil(l, loop, c) {
		return nil
	}
	pause := ""
	asked := 0
	ctl.Walk(append(slices.Clone(loop.Cond), loop.Body...), func(n *ctl.Node) {
		switch o := n.Command; {
		case o == nil || n.Kind != ctl.Leaf:
		case o.Name() == "sleep" && len(o.Words) == 2:
			pause, _ = o.Words[1].Literal()
		case len(o.Words) > 0 && asksHealth.MatchString(o.Text) && o.Name() != "echo":
			asked++
		}
	})
	each, err := strconv.ParseFloat(pause, 64)
	if err != nil || each <= 0 || asked != 1 {
		return nil
	}
	tries := ""
	if m := counted.FindStringSubmatch(loop.Head); m != nil {
		tries = strings.Trim(m[1]+m[2], `"'`)
	} else if m := untilSecond.FindStringSubmatch(loop.Head); m != nil {
		n, _ := strconv.Atoi(m[1])
		tries = strconv.Itoa(max(1, int(float64(n)/each)))
	}
	if tries == "" {
		return nil
	}
	return w.tagged(l, c, []string{
		"tries=0",
		"until " + text + "; do",
		"  tries=$((tries + 1))",
		"  if [ $tries -ge " + tries + " ]; then",
		fmt.Sprintf(`    echo "%s does not answer" >&2`, l.name),
		"    exit 1",
		"  fi",
		"  sleep " + pause,
		"done",
	})
}

// knownText is a command with the values of its variables; empty when some are
// known only on the VM.
func knownText(c *ctl.Command) string {
	if !strings.ContainsAny(c.Text, "$`") {
		return c.Text
	}
	var words []string
	for _, word := range c.Words {
		if !word.Known() {
			return ""
		}
		words = append(words, shellWord(word))
	}
	for _, r := range c.Redirects {
		if strings.ContainsAny(r.Span.Text(), "$`") {
			return ""
		}
		words = append(words, r.Span.Text())
	}
	return strings.Join(words, " ")
}

var (
	// counted is a loop that counts from 1.
	counted = search.MustCompile(`^for \w+ in (?:"?\$\(seq (?:1 )?("?\d+"?|<%=[^%]*%>)\)"?|\{1\.\.(\d+)\})$`)
	// untilSecond is a loop that looks at the clock.
	untilSecond = search.MustCompile(`^while \[+ \$\(\(\s*\$\(date \+%s\)\s*-\s*(\d+)\s*\)\) -l[te] "?\$\{?\w+\}?"? \]+$`)
)

func contains(nodes []*ctl.Node, c *ctl.Command) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) { found = found || n.Command == c })
	return found
}

// asksUntil says whether a loop ends when a command in it succeeds.
func (w *job) asksUntil(l *launch, loop *ctl.Node, c *ctl.Command) bool {
	if contains(loop.Cond, c) {
		return false // it has no end of its own
	}
	ok := false
	ctl.Walk(loop.Body, func(n *ctl.Node) {
		switch {
		case n.Kind == ctl.If && contains(n.Cond, c):
			ok = !strings.HasPrefix(n.Head, "!") && leavesLoop(n.Body)
		case n.Kind == ctl.AndOr && contains(n.Cond, c):
			ok = n.Op == "&&" && leavesLoop(n.Body)
		case n.Kind == ctl.If && slices.Contains(n.Refs, "?") && leavesLoop(n.Body):
			i := slices.Index(l.result.Commands, c)
			next := l.result.Commands[i+1]
			ok = ok || contains(n.Cond, next) && statusZero.MatchString(next.Text)
		}
	})
	return ok
}

// statusZero asks whether the command before it succeeded.
var statusZero = search.MustCompile(`\[ "?\$\??"? (?:-eq|=|==) "?0"? \]|\[ "?0"? (?:-eq|=|==) "?\$\?"? \]|\[ "?\$\?"? (?:-eq|=|==) "?0"? \]`)

func leavesLoop(nodes []*ctl.Node) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) {
		if c := n.Command; c != nil && (c.Name() == "break" || c.Name() == "return") {
			found = true
		}
	})
	return found
}

// tagged puts the ERB blocks around lines in which a command stands, but for
// those in which monit has the check.
func (w *job) tagged(l *launch, c *ctl.Command, lines []string) []string {
	around := w.monit.Template.Guards(l.check.Name.Start)
	has := func(gs []erb.Guard, g erb.Guard) bool {
		return slices.ContainsFunc(gs, func(o erb.Guard) bool {
			return o.Arm == g.Arm && o.Block.Arms[0].Head == g.Block.Arms[0].Head
		})
	}
	var gs []erb.Guard
	for _, g := range c.Guards {
		if !has(around, g) && !has(gs, g) {
			gs = append(gs, g)
		}
	}
	if len(gs) == 0 {
		return lines
	}
	return strings.Split(ctl.Tagged(gs, "\n"+strings.Join(lines, "\n")+"\n"), "\n")
}

// tellWait reports what became of the wait.
func (w *job) tellWait(l *launch) {
	switch {
	case l.wait == nil:
	case len(l.wait.lines) > 0 && w.dependedOn(l):
		w.find("start-wait", source.Warning, l.wait.at, "the start of %s waited for this, and failed without it; bin/post-start does now. bpm's start ends as soon as the process runs, so what depends on %s in monit does not wait any more", l.name, l.name)
	case len(l.wait.lines) > 0:
		w.find("start-wait", source.Note, l.wait.at, "the start of %s waited for this, and failed without it; bin/post-start does now, once a deploy", l.name)
	case l.places[l.wait.asks].to != Dropped:
	default:
		where := "wait in bin/post-start"
		if t, there := w.Job.Spec.Template("bin/post-start"); there {
			where = "its bin/post-start (" + t.Source + ") has to wait"
		}
		w.find("start-wait", source.Warning, l.wait.at, "the start of %s waited for this, and failed without it; bpm's start ends as soon as the process runs. Where other jobs count on it, %s", l.name, where)
	}
}

// dependedOn says whether a check waits in monit for this one.
func (w *job) dependedOn(l *launch) bool {
	depends := search.MustCompile(`(?im)^\s*depends(?:\s+on)?\s+(?:[\w.-]+\s*,\s*)*` + search.QuoteMeta(l.name) + `\s*(?:,|$)`)
	return slices.ContainsFunc(w.ctx.Release.Jobs, func(j *release.Job) bool { return j.Monit != nil && depends.Match(j.Monit.Data) })
}
