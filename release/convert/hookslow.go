package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// monitSeconds is how long monit waits for a start program that says nothing
// else.
const monitSeconds = 30

// slowHook finds what takes its time in the hook, which runs inside the time
// that monit gives a start. A job whose monit file gives a time of its own has
// thought of that, unless the wait is known to be longer.
func (w *job) slowHook(l *launch) {
	given, own := monitSeconds, false
	if t := l.check.Start.TimeoutSeconds; t > 0 {
		given, own = t, true
	}
	tell := func(at source.Span, what string) {
		w.find("hook-slow", source.Warning, at, "the hook of %s %s, and monit gives its start %d s: after that it reports the start as failed, though it goes on. Give the start program a longer \"with timeout\", or do it in bin/pre-start", l.name, what, given)
	}
	seen := map[source.Span]bool{}
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		switch {
		case n.Kind == ctl.Loop && !seen[n.Span] && l.inHook(n):
			seconds, waits := waitOf(n, l.result.Commands)
			switch {
			case !waits:
			case seconds > given:
				tell(n.Span, fmt.Sprintf("waits here for up to %d s", seconds))
			case seconds == 0 && !own:
				tell(n.Span, "waits here for as long as it takes")
			}
			seen[n.Span] = true
		case n.Kind == ctl.Leaf && !own && l.places[n.Command].to == ToHook && !seen[n.Command.Span] && slowWork(n.Command):
			tell(n.Command.Span, "does what takes longer the more data there is: "+oneLine(n.Command.Text))
			seen[n.Command.Span] = true
		}
	})
}

// inHook says whether a construct is in the hook.
func (l *launch) inHook(n *ctl.Node) bool {
	found := false
	ctl.Walk([]*ctl.Node{n}, func(o *ctl.Node) {
		found = found || o.Command != nil && o.Kind == ctl.Leaf && l.places[o.Command].to == ToHook
	})
	return found
}

// waitOf says whether a loop waits, and for how many seconds at most, 0 when
// that is not known. What it counts down from stands in the commands before it.
func waitOf(loop *ctl.Node, commands []*ctl.Command) (seconds int, waits bool) {
	each := 0.0
	ctl.Walk(append([]*ctl.Node{}, loop.Body...), func(n *ctl.Node) {
		if c := n.Command; c != nil && n.Kind == ctl.Leaf && c.Name() == "sleep" && len(c.Words) == 2 {
			waits = true
			s, _ := c.Words[1].Literal()
			each, _ = strconv.ParseFloat(strings.TrimSuffix(s, "s"), 64)
		}
	})
	count := 0
	for _, known := range []*search.Pattern{rounds, upTo, upToNumber} {
		if m := known.FindStringSubmatch(loop.Head); m != nil && count == 0 {
			count, _ = strconv.Atoi(strings.Join(m[1:], ""))
		}
	}
	if m := downFrom.FindStringSubmatch(loop.Head); m != nil && count == 0 {
		for _, c := range commands {
			for _, a := range c.Assigns {
				before := c.Span.File == loop.Span.File && c.Span.Start < loop.Span.Start
				if s, known := a.Value.Literal(); known && before && a.Name == strings.Join(m[1:], "") {
					count, _ = strconv.Atoi(s)
				}
			}
		}
	}
	for _, m := range leavesAt.FindAllStringSubmatch(loop.Text, -1) {
		if count == 0 && search.MustCompile(countsBy1(m[1])).MatchString(loop.Text) {
			count, _ = strconv.Atoi(m[2])
		}
	}
	return int(float64(count) * each), waits
}

// leavesAt is how a loop ends when a number is large enough: that, or what kills
// the process, follows the question.
var leavesAt = search.MustCompile(`\[+ "?\$\{?(\w+)\}?"? -(?:gt|ge|eq) "?(\d+)"? \]+\s*(?:&&\s*\{?\s*(?:break|exit|return|kill)\b|(?:;|\n)\s*then\b[^;\n]*?(?:[;\n]\s*(?:echo|log|kill|rm)\b[^;\n]*)*?[;\n\s]\s*(?:break|exit|return)\b)`)

// countsBy1 matches what adds 1 to a variable.
func countsBy1(name string) string {
	return `\b` + name + `=["']?\$\(\(\s*\$?` + name + `\s*\+\s*1\s*\)\)|\(\(\s*(?:\+\+)?` + name + `(?:\+\+|\s*\+=\s*1)?\s*\)\)|\blet\s+["']?` + name + `(?:\+\+|\+=1\b|\s*=\s*` + name + `\s*\+\s*1\b)|\b` + name + "=(?:`|\\$\\()" + `\s*expr \$\{?` + name + `\}? \+ 1\b`
}

var (
	// rounds are those of a loop that counts from 1.
	rounds = search.MustCompile(`^for \w+ in (?:["']?\$\(seq (?:1 )?(\d+)\)["']?|\{1\.\.(\d+)\})$`)
	// upTo is a loop that goes on while a number is small, upToNumber one that says
	// so in arithmetic.
	upTo       = search.MustCompile(`^while .*\$(?:\{?\w+\}?|\(\(\s*(?:\+\+\w+|\w+\+\+)\s*\)\))"? -(?:lt|le) "?(\d+)|^until .*\$\{?\w+\}?"? -(?:gt|ge|eq) "?(\d+)`)
	upToNumber = search.MustCompile(`^(?:while|for) \(\((?:[^;()]*;)?[^;()]*\w\s*<=?\s*(\d+)`)
	// downFrom is a loop that goes on while a number is left.
	downFrom = search.MustCompile(`^while .*\$\{?(\w+)\}?"? -(?:gt|ge|ne) "?[01]\b|^while \(\(\s*(?:--)?(\w+)(?:--)?\s*(?:>=?\s*[01]\s*)?\)\)`)
)

// slowWork is work that takes longer the more there is.
func slowWork(c *ctl.Command) bool {
	switch c.Name() {
	case "initdb", "rsync", "tar", "unzip", "dd", "mkfs", "mkfs.ext4", "wget", "apt-get":
		return true
	case "cp":
		return recursiveCopy.MatchString(c.Text)
	case "chown", "chmod", "chgrp":
		paths, ok := operands(c)
		return recursive(c) && !(ok && allOf(paths, volatile))
	case "find":
		return treeWork.MatchString(c.Text)
	}
	return false
}

var (
	recursiveCopy = search.MustCompile(`^cp\s+(?:-\w*[rRa]|--recursive|--archive)`)
	treeWork      = search.MustCompile(`\s(?:-exec|-delete|-execdir)\b`)
)

// waitsBefore keeps the loops that wait, before the process starts, for something
// that another process gives: it is waited for at every start. What waits in the
// background waits for the process itself.
func (w *job) waitsBefore(l *launch, first int, aside map[*ctl.Command]bool) {
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if _, waits := waitOf(n, l.result.Commands); n.Kind != ctl.Loop || !waits || l.inHook(n) || w.aboutPid(l, n.Text) {
			return
		}
		ctl.Walk([]*ctl.Node{n}, func(o *ctl.Node) {
			c := o.Command
			if c == nil || o.Kind != ctl.Leaf || !c.Test || !askers[c.Name()] || slices.Index(l.result.Commands, c) > first {
				return
			}
			if aside[c] {
				l.places[c] = place{to: ToPostStart, note: "waits for the process, in the background"}
				return
			}
			l.places[c] = place{to: behindWait(c).to, note: "the start waits for this, so it is waited for at every start"}
		})
	})
}

// onceADeploy tells of the programs that the old script ran at every start and
// that pre-start runs once a deploy: what they do is not known here, nor whether
// once is enough. The VM's own programs, and those that lasting names, make
// something that stays.
func (w *job) onceADeploy(l *launch) {
	var programs []*ctl.Command
	for _, c := range l.result.Commands {
		if l.places[c].to != ToPreStart || c.Test || askers[c.Name()] || !l.runsProgram(c) && !setsKernel(c) || lasting.MatchString(c.Text) || setsOwnProcess(c) {
			continue
		}
		programs = append(programs, c)
	}
	if len(programs) == 0 {
		return
	}
	w.findCommands("once-a-deploy", source.Note, programs, "the old script ran %s at every start; bin/pre-start runs this once a deploy, and not again when monit or a reboot starts %s. Where every start needs it, move it to the hook (hooks.pre_start)", l.name)
}

// lasting is what makes or changes a database or what the host's syslog reads,
// or only moves around in the script.
var lasting = search.MustCompile(`^(?:pushd|popd|cd|ldconfig|resolvconf)\b|\binitdb\b|migrat|syslog`)
