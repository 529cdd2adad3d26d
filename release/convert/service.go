package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
)

// service says why a command of the old script is not needed any more: bpm
// does it, or nothing is left that it would be for. Empty when that is not so.
func (w *job) service(c *ctl.Command, l *launch) claim.Claim {
	name := c.Name()
	switch name {
	case "set", "shopt":
		return claim.ShellOption
	case "exit", "return", "shift", "true", ":":
		return claim.ControlFlow
	case "[", "test":
		return claim.OldCondition
	case "exec":
		if len(c.Words) == 1 {
			return claim.OutputTo(w.logDir(), l.name)
		}
	case "echo", "printf":
		for _, r := range c.Redirects {
			if file, ok := r.File.Literal(); ok && path.Clean(file) == l.pidfile {
				return claim.PidfileWritten(l.pidfile)
			}
		}
		if !writesFile(c) {
			return claim.Message
		}
	case "kill":
		if s, _ := killSignal(c.Words); s == "0" {
			return claim.OldCondition
		}
	case "rm", "mv":
		if paths, ok := operands(c); ok && allOf(paths, func(p string) bool { return p == l.pidfile || strings.HasPrefix(p, l.pidfile+".") }) {
			return claim.PidfileRemoved(paths...)
		}
	case "mkdir", "chown", "chmod", "touch", "install":
		paths, ok := operands(c)
		if ok && len(paths) > 0 && allOf(paths, w.madeByOthers) && !(recursive(c) && slices.ContainsFunc(paths, w.ownDisk)) {
			return whoMakes(paths)
		}
	}
	return claim.Claim{}
}

// whoMakes says who gives the process folders that madeByOthers holds for.
func whoMakes(paths []string) claim.Claim {
	if allOf(paths, func(p string) bool { return below(p, "/var/vcap/jobs") }) {
		return claim.MadeByAgent(paths...)
	}
	return claim.MadeByBoth(paths...)
}

// recursive says whether a command is about what lies below its paths, too:
// bpm sets the owner and the mode of the top folder only.
func recursive(c *ctl.Command) bool {
	if n := c.Name(); n != "chown" && n != "chmod" && n != "chgrp" {
		return false
	}
	return slices.ContainsFunc(c.Words[1:], func(word ctl.Word) bool {
		s, _ := word.Literal()
		return s == "--recursive" || strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "--") && strings.Contains(s, "R")
	})
}

// ownDisk says whether a folder is the job's on one of the disks.
func (w *job) ownDisk(p string) bool { return p == w.storeDir() || p == w.dataDir() }

// madeByOthers says whether a folder is there, and vcap's, before the process
// starts: bpm makes the job's run, log, data and tmp folders, the agent renders
// templates into the job's own.
func (w *job) madeByOthers(p string) bool {
	switch p {
	case w.runDir(), w.logDir(), w.dataDir(), w.dataDir() + "/tmp", w.jobDir(),
		"/var/vcap/sys/run", "/var/vcap/sys/log", "/var/vcap/data":
		return true
	}
	for _, t := range w.Job.Spec.Templates {
		if path.Join(w.jobDir(), path.Dir(t.Target)) == p {
			return true
		}
	}
	return false
}

// operands gives the paths that a file command works on, options and owners
// left out. ok is false when one of them is not known.
func operands(c *ctl.Command) (paths []string, ok bool) {
	if len(c.Words) == 0 {
		return nil, false
	}
	words := c.Words[1:]
	skip := 0
	if n := c.Name(); n == "chown" || n == "chmod" {
		skip = 1 // the owner or the mode
	}
	for i := 0; i < len(words); i++ {
		text, literal := words[i].Literal()
		if !literal {
			return nil, false
		}
		if strings.HasPrefix(text, "-") {
			if text == "-m" || text == "-o" || text == "-g" {
				i++
			}
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		paths = append(paths, path.Clean(text))
	}
	return paths, true
}

func allOf(paths []string, ok func(string) bool) bool {
	for _, p := range paths {
		if !ok(p) {
			return false
		}
	}
	return true
}

// writesFile says whether a command's output goes into a file.
func writesFile(c *ctl.Command) bool {
	for _, r := range c.Redirects {
		file, ok := r.File.Literal()
		if strings.Contains(r.Op, ">") && !strings.HasSuffix(r.Op, "&") && (!ok || file != "/dev/null") {
			return true
		}
	}
	return false
}
