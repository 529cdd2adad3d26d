package convert

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// stopBehaviour is what the old stop program did.
type stopBehaviour struct {
	signal string // "TERM" unless said otherwise
	at     source.Span
	// seconds is how long the process had to end, where the script says it.
	seconds   int
	secondsAt source.Span
}

// bpmSeconds is how long bpm waits for the process before it sends QUIT
// (bpm-release, commands/stop.go, DefaultStopTimeout).
const bpmSeconds = 15

// fastStop is pg_ctl's fast mode, for which it sends INT.
var fastStop = search.MustCompile(`-m\s*f(ast)?\b`)

// pgSeconds is how long pg_ctl waits.
var pgSeconds = search.MustCompile(`\s-t\s*(\d+)`)

// stopPath evaluates the stop program, to hold it against bpm's stop: the
// signal, 15 s later QUIT, 2 s later KILL (bpm-release, commands/stop.go).
func (w *job) stopPath(l *launch) bool {
	l.stop.signal = "TERM"
	if l.check.Stop == nil {
		return true
	}
	result, ok := w.evaluate(l, l.check.Stop, ctl.World{Bare: true})
	if !ok {
		return false
	}
	l.stopped = result.Commands
	rows := map[source.Span]string{}
	starts := map[source.Span]bool{}
	for _, c := range l.result.Commands {
		starts[c.Span] = true
	}
	for _, c := range result.Commands {
		if strings.Contains(c.Text, "pg_ctl") && fastStop.MatchString(c.Text) && !c.Followed && l.always(c) && runsPgCtl(c) {
			l.stop.signal, l.stop.at = "INT", c.Span
			rows[c.Span] = "bpm stops the process: INT, which is a fast shutdown of PostgreSQL, 15 s later QUIT, 2 s later KILL"
			if m := pgSeconds.FindStringSubmatch(c.Text); m != nil {
				n, _ := strconv.Atoi(m[1])
				l.waits(n, c.Span)
			}
			continue
		}
		if c.Name() == "sleep" && len(c.Words) == 2 && l.stop.at.Valid() { // between two signals
			s, _ := c.Words[1].Literal()
			n, _ := strconv.Atoi(strings.TrimSuffix(s, "s"))
			l.waits(n, c.Span)
		}
		signal, seconds, stops := w.stops(l, c)
		if !stops || starts[c.Span] && c.Name() != "kill" {
			continue
		}
		if signal == "" || !l.always(c) || c.Tags {
			w.find("stop-signal-unknown", source.Warning, c.Span, "this stops the process in a way that is not understood; bpm sends TERM, 15 s later QUIT, 2 s later KILL")
			rows[c.Span] = "bpm stops the process"
			continue
		}
		l.waits(seconds, c.Span)
		if c.Followed {
			continue // what it does comes next
		}
		if signal == "0" {
			if !c.Test {
				rows[c.Span] = "bpm waits for the process"
			}
			continue
		}
		if l.stop.at.Valid() && (signal == "KILL" || signal == "QUIT" || signal == "INT" || signal == l.stop.signal) {
			rows[c.Span] = "bpm sends QUIT 15 s after the first signal, and KILL 2 s later"
			continue
		}
		l.stop.signal, l.stop.at = signal, c.Span
		rows[c.Span] = "bpm stops the process: " + bpmSignal(signal) + ", 15 s later QUIT, 2 s later KILL"
		switch signal {
		case "TERM", "INT":
		case "KILL":
			w.find("stop-signal", source.Note, c.Span, "the old stop program killed the process at once; bpm sends TERM first, and KILL 17 s later when it has not ended by then")
		default:
			w.find("stop-signal", source.Warning, c.Span, "the old stop program sends %s; bpm can send TERM or INT only, and sends TERM here", signal)
		}
	}
	w.stopLoops(l, result)
	var more []*ctl.Command
	for _, c := range result.Commands {
		if _, done := rows[c.Span]; done || starts[c.Span] || c.Followed || w.service(c, l).Kind != claim.None || w.isQuiet(c) || writesPid(c, l) || pidHelpers[c.Name()] || onlyPrepares(c) {
			continue
		}
		more = append(more, c)
	}
	if len(more) > 0 {
		where := "If it matters, put it into a bin/drain"
		if t, there := w.Job.Spec.Template("bin/drain"); there {
			where = "If it matters, its place is bin/drain (" + t.Source + ")"
		}
		w.findCommands("stop-does-more", source.Warning, more, "the old stop program runs %s; bpm only signals the process. %s", where)
	}
	for i := range l.result.Idle {
		if note, ok := rows[l.result.Idle[i].Span]; ok {
			l.result.Idle[i].Reason = note
		}
	}
	if n := l.stop.seconds; n > bpmSeconds {
		where := "a bin/drain that sends the signal and waits"
		if t, there := w.Job.Spec.Template("bin/drain"); there {
			where = "its bin/drain (" + t.Source + ") has to send the signal and wait"
		}
		w.find("stop-timeout", source.Warning, l.stop.secondsAt, "the old stop program gave %s %d s to end, bpm gives it %d s and kills it 2 s later. Where it needs more: %s", l.name, n, bpmSeconds, where)
	}
	return true
}

// waits notes for how long the old script waited; the longest counts.
func (l *launch) waits(seconds int, at source.Span) {
	if seconds > l.stop.seconds {
		l.stop.seconds, l.stop.secondsAt = seconds, at
	}
}

// always says whether a command is rendered whenever the process is.
func (l *launch) always(c *ctl.Command) bool {
	for _, g := range c.Guards {
		if !slices.ContainsFunc(l.ways, func(u *ctl.Launch) bool { return slices.Contains(u.Command.Guards, g) }) {
			return false
		}
	}
	return true
}

func runsPgCtl(c *ctl.Command) bool {
	switch n := c.Name(); n {
	case "pg_ctl", "su":
		return true
	case "chpst", "sudo", "runuser", "setpriv":
		u := ctl.Unwrap(c)
		return u != nil && u.Name() == "pg_ctl"
	}
	return false
}

// stops says whether a command ends the process, with which signal first ("" when
// that is not known) and how many seconds it waits, 0 when it does not say.
func (w *job) stops(l *launch, c *ctl.Command) (signal string, seconds int, ok bool) {
	switch c.Name() {
	case "kill":
		signal, known := killSignal(c.Words)
		if !known {
			signal = ""
		}
		return signal, 0, true
	case "killall", "pkill":
		if w.killsOther(l, c) {
			return "", 0, false
		}
		return namedSignal(c.Words), 0, true
	case "xargs":
		// the pids come from a pipe
		if i := slices.IndexFunc(c.Words, func(word ctl.Word) bool { return word.Is("kill") }); i > 0 {
			if len(c.Words) == i+1 {
				return "TERM", 0, true
			}
			signal, known := killSignal(c.Words[i:])
			if !known {
				signal = ""
			}
			return signal, 0, true
		}
	case "redis-cli":
		// TERM has Redis do what SHUTDOWN does (https://redis.io/docs/latest/operate/oss_and_stack/reference/signals/)
		if last, known := c.Words[len(c.Words)-1].Literal(); known && strings.EqualFold(last, "shutdown") && l.launch != nil && path.Base(l.launch.Executable.String()) == "redis-server" {
			return "TERM", 0, true
		}
	case "start-stop-daemon":
		return daemonStop(c)
	case "timeout":
		// waits for the process to end, and no longer than that: in a loop, or with tail
		if limit, known := c.Words[min(1, len(c.Words)-1)].Literal(); known && pollsPid.MatchString(c.Text) {
			seconds, err := strconv.Atoi(strings.TrimSuffix(limit, "s"))
			return "0", seconds, err == nil
		}
	case "kill_and_wait":
		if len(c.Words) > 2 {
			if s, known := c.Words[2].Literal(); known && digits.MatchString(s) {
				seconds, _ = strconv.Atoi(s)
			}
		}
		return "TERM", seconds, true
	}
	return "", 0, false
}

// pollsPid asks again and again whether a process is there.
var pollsPid = search.MustCompile(`\b(?:while|until)\b.*(?:kill -0|/proc/|\bps\b)|\btail\b.*--pid\b`)

// daemonStop reads start-stop-daemon --stop: the signal, and how long --retry
// waits, a number of seconds or a schedule like TERM/40/KILL/5.
func daemonStop(c *ctl.Command) (signal string, seconds int, ok bool) {
	signal = "TERM"
	retry := ""
	for i := 1; i < len(c.Words); i++ {
		s, known := c.Words[i].Literal()
		option, value, joined := strings.Cut(s, "=")
		if !joined && i+1 < len(c.Words) {
			value, _ = c.Words[i+1].Literal()
		}
		switch {
		case !known:
		case s == "--stop" || s == "-K":
			ok = true
		case option == "--signal" || option == "-s":
			signal = ctl.SignalName(value)
		case option == "--retry" || option == "-R":
			retry = value
		}
	}
	first := true
	for _, step := range strings.Split(retry, "/") {
		if n, err := strconv.Atoi(step); err == nil && n > 0 {
			seconds = max(seconds, n)
			if !first || !strings.Contains(retry, "/") {
				continue
			}
		}
		name := ctl.SignalName(strings.TrimPrefix(step, "-"))
		if _, err := strconv.Atoi(name); err != nil && first && strings.Contains(retry, "/") && name != "" {
			signal, first = name, false
		}
	}
	return signal, seconds, ok
}

// stopLoops finds loops that wait for the process to end: as many rounds as the
// script says, with a sleep in each.
func (w *job) stopLoops(l *launch, result *ctl.Result) {
	ctl.Walk(result.Tree, func(n *ctl.Node) {
		if n.Kind != ctl.Loop {
			return
		}
		seconds, _ := waitOf(n, result.Commands)
		l.waits(seconds, n.Span)
	})
}

// onlyPrepares says whether a command of the stop program matters only for others
// of it, or clears away what only the old script made.
func onlyPrepares(c *ctl.Command) bool {
	switch c.Name() {
	case "chmod", "alias", "mkdir":
		return true
	case "crontab":
		return len(c.Words) == 2 && c.Words[1].Is("-l")
	case "rmdir":
		return strings.Contains(c.Text, "PID") || strings.Contains(c.Text, "/var/vcap/sys/run/")
	case "rm", "unlink":
		return !slices.ContainsFunc(strings.Fields(c.Span.Text())[1:], func(s string) bool {
			s = strings.Trim(s, `"`)
			return !strings.HasPrefix(s, "-") && !(below(s, "/var/vcap/sys/run") && path.Ext(s) == ".pid") && !pidVariable.MatchString(s)
		})
	}
	return c.Name() == "cd" || logHelpers.MatchString(c.Name()) || strings.HasPrefix(c.Span.Text(), `<%= "#`)
}

func bpmSignal(s string) string {
	if s == "INT" {
		return s
	}
	return "TERM"
}

// namedSignal reads the signal of pkill and killall, which have other options
// before and behind it, and send TERM without one.
func namedSignal(words []ctl.Word) string {
	for i, word := range words[1:] {
		s, known := word.Literal()
		option, value, joined := strings.Cut(s, "=")
		switch {
		case !known:
		case option == "--signal" && joined:
			return ctl.SignalName(value)
		case option == "--signal" || s == "-s" && words[0].Is("killall"):
			if i+2 < len(words) {
				value, _ = words[i+2].Literal()
			}
			return ctl.SignalName(value)
		case shortSignal.MatchString(s):
			return ctl.SignalName(s[1:])
		}
	}
	return "TERM"
}

// shortSignal is a signal among the options of pkill and killall, where single
// letters mean something else.
var shortSignal = search.MustCompile(`^-(?:\d+|(?:SIG)?[A-Z][A-Z]+\d?)$`)

// killSignal reads the signal of a kill command; without one it is TERM, and 0
// only asks whether the process is there.
func killSignal(words []ctl.Word) (string, bool) {
	if len(words) < 2 || len(words[1]) == 0 {
		return "", false
	}
	first := words[1][0]
	switch {
	case first.Kind != ctl.Literal || !strings.HasPrefix(first.Text, "-") || first.Text == "--":
		return "TERM", true
	case first.Text == "-s" || first.Text == "-n":
		if len(words) < 3 {
			return "", false
		}
		s, known := words[2].Literal()
		return ctl.SignalName(s), known
	}
	s, known := words[1].Literal()
	return ctl.SignalName(strings.TrimPrefix(s, "-")), known
}
