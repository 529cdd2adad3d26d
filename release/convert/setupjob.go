package convert

import (
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const asSetup = "This is a set-up job: what its start does belongs into bin/pre-start, what its stop undoes into bin/post-stop, and its monit file can be empty"

// noProcess says what a job is whose start path leaves no process running.
func (w *job) noProcess(l *launch) (at source.Span, message string) {
	at = l.check.Start.Command
	writes := false
	for _, c := range l.result.Commands {
		words := c.Words
		if c.Name() == "exec" && len(words) > 1 {
			words = words[1:]
		}
		switch {
		case c.Name() == "kill" && stopsItself.MatchString(c.Text):
			return c.Span, "the script does its work and then stops itself, so that monit sees a process: there is none to supervise. " + asSetup
		case len(words) == 2 && path.Base(words[0].String()) == "sleep" && endless.MatchString(words[1].String()),
			len(words) > 1 && path.Base(words[0].String()) == "tail" && words[len(words)-1].Is("/dev/null"):
			return c.Span, "all that stays after the start is this, so that monit sees a process. " + asSetup
		}
		for _, r := range c.Redirects {
			if !strings.Contains(r.Op, ">") || path.Clean(r.File.String()) != l.pidfile {
				continue
			}
			writes = true
			if len(c.Words) == 2 && c.Name() == "echo" && digits.MatchString(c.Words[1].String()) {
				return c.Span, "the script writes the pid " + c.Words[1].String() + ", which is that of no process of its own, so that monit sees one. " + asSetup
			}
			if m := lookedUp.FindString(lineAt(c.Span.File, c.Span.Start)); m != "" {
				return c.Span, "the pidfile gets the pid of what \"" + m + "\" finds: that process puts itself in the background, or is a service of the system, and the start path does not lead to it. Where all else is set-up, it belongs into bin/pre-start"
			}
		}
	}
	for _, c := range l.result.Commands {
		if len(c.Words) > 0 && runsContainer.MatchString(c.Text) {
			return c.Span, "the process is in a container that docker starts, so it is not a child of this script and cannot be one of bpm"
		}
	}
	if !writes && !w.writesOwnPid(l) {
		return at, "no process found, and nothing on the start path writes the pidfile that monit looks at: the start ends when its work is done. " + asSetup
	}
	return at, "no process found: the start path ends without exec, &, start-stop-daemon or a program that is known to put itself in the background"
}

// writesOwnPid says whether the pidfile is named to a program.
func (w *job) writesOwnPid(l *launch) bool {
	for _, c := range l.result.Commands {
		if strings.Contains(c.Text, l.pidfile) && !c.Test && !writesPid(c, l) && len(c.Words) > 0 || pidVariableUsed.MatchString(c.Text) && len(c.Words) > 0 && works(c) && !writesPid(c, l) && !pidHelpers[c.Name()] {
			return true
		}
		if c.Missing != "" {
			return true
		}
	}
	for _, t := range w.templateTexts(nil) {
		if !strings.HasSuffix(t.span(0, 0).File.Name, "monit") && len(t.mentions(l.pidfile)) > 0 && !strings.HasPrefix(t.body, "#!") {
			return true
		}
	}
	return ctlStarts(l.result.Commands)
}

// ctlStarts says whether a program is told to start something, which may write
// the pidfile.
func ctlStarts(commands []*ctl.Command) bool {
	for _, c := range commands {
		if len(c.Words) < 2 || quiet[c.Name()] || fileCommands[c.Name()] {
			continue
		}
		for _, word := range c.Words[1:] {
			if s := word.String(); s == "start" || s == "restart" || s == "up" {
				return true
			}
		}
	}
	return false
}

var (
	stopsItself     = search.MustCompile(`-(?:STOP|SIGSTOP|19)\s+"?\$\$`)
	endless         = search.MustCompile(`^(?:infinity|inf|\d{5,}d?|\d+d)$`)
	lookedUp        = search.MustCompile(`\b(?:pgrep|pidof)\s+(?:-\w+\s+)*[\w./-]+`)
	runsContainer   = search.MustCompile(`\bdocker\b.*\b(?:run|start|inspect)\b|(?i)\$\{?docker_command\}?`)
	pidVariableUsed = search.MustCompile(`(?i)\$\{?\w*pid_?file\b`)
)

// errand gives the note for a job without a process that is an errand.
func (w *job) errand() (note source.Diagnostic) {
	if t, ok := w.Job.Spec.Template("bin/run"); ok {
		note = source.Diagnostic{ID: "errand", Severity: source.Note, Span: t.Span, Message: "bin/run makes this an errand, which runs on the VM, as root, as before. It is left as it is; --errands has bpm run it"}
	}
	return note
}
