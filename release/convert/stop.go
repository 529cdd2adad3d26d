package convert

import (
	"regexp"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// stopBehaviour is what the old stop program did.
type stopBehaviour struct {
	signal string // "TERM" unless said otherwise
	at     source.Span
}

// fastStop is pg_ctl's fast mode, for which it sends INT.
var fastStop = regexp.MustCompile(`-m\s*f(ast)?\b`)

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
		switch c.Name() {
		case "pg_ctl", "su":
			if strings.Contains(c.Text, "pg_ctl") && fastStop.MatchString(c.Text) && len(c.Guards) == 0 {
				l.stop = stopBehaviour{"INT", c.Span}
				rows[c.Span] = "bpm stops the process: INT, which is a fast shutdown of PostgreSQL, 15 s later QUIT, 2 s later KILL"
			}
		case "kill":
			signal, known := killSignal(c.Words)
			if !known || signal == "" || len(c.Guards) > 0 || c.Tags {
				w.find("stop-signal-unknown", source.Warning, c.Span, "this stops the process in a way that is not understood; bpm sends TERM, 15 s later QUIT, 2 s later KILL")
				continue
			}
			if signal == "0" {
				continue
			}
			if l.stop.at.Valid() && (signal == "KILL" || signal == "QUIT" || signal == l.stop.signal) {
				rows[c.Span] = "bpm sends QUIT 15 s after the first signal, and KILL 2 s later"
				continue
			}
			l.stop = stopBehaviour{signal, c.Span}
			rows[c.Span] = "bpm stops the process: " + bpmSignal(signal) + ", 15 s later QUIT, 2 s later KILL"
			switch signal {
			case "TERM", "INT":
			default:
				w.find("stop-signal", source.Warning, c.Span, "the old stop program sends %s; bpm can send TERM or INT only, and sends TERM here", signal)
			}
		}
	}
	for _, c := range result.Commands {
		if _, done := rows[c.Span]; done || starts[c.Span] || c.Followed || w.service(c, l) != "" || w.isQuiet(c) || writesPid(c, l) || pidHelpers[c.Name()] && !waitsLong(c) {
			continue
		}
		w.find("stop-does-more", source.Warning, c.Span, "the old stop program runs %q; bpm only signals the process. If it matters, move it to bin/drain", c.Span.Text())
	}
	for i := range l.result.Idle {
		if note, ok := rows[l.result.Idle[i].Span]; ok {
			l.result.Idle[i].Reason = note
		}
	}
	return true
}

// waitsLong says whether a helper like kill_and_wait is given more seconds than
// the 15 that bpm waits before QUIT.
func waitsLong(c *ctl.Command) bool {
	for _, word := range c.Words[1:] {
		if s, known := word.Literal(); known && digits.MatchString(s) && (len(s) > 2 || s > "15" && len(s) == 2) {
			return true
		}
	}
	return false
}

func bpmSignal(s string) string {
	if s == "INT" {
		return s
	}
	return "TERM"
}

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
		return signalName(s), known
	}
	s, known := words[1].Literal()
	return signalName(strings.TrimPrefix(s, "-")), known
}

func signalName(s string) string {
	numbers := map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM"}
	if n, ok := numbers[s]; ok {
		return n
	}
	return strings.TrimPrefix(strings.ToUpper(s), "SIG")
}
