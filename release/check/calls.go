package check

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var (
	scriptCall    = search.MustCompile(`/bpm/bin/bpm["']?[ \t]+(?:run|start|stop|pid|shell|trace|logs)[ \t]+(?:\\\n[ \t]*)?["']?([A-Za-z0-9_.-]+)["']?((?:[ \t]|\\\n|[^\n;|&])*)`)
	processFlagIn = search.MustCompile(`(?:^|\s)(?:-p|--process)[ \t=]+["']?([A-Za-z0-9_.$<{-][^\s"']*)`)
	plainName     = search.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

// bpmCalls holds the calls of bpm in the job's scripts against what there is:
// errands and bbr scripts run their processes by name.
func (w *job) bpmCalls() {
	for _, f := range w.ctx.textsOf(w.Name) {
		if path.Base(f.Name) == "monit" || w.doc != nil && f == w.doc.File || w.dead(f) || strings.HasSuffix(f.Name, ".md") {
			continue
		}
		for _, m := range scriptCall.FindAllSubmatchIndex(uncommented(f), -1) {
			line := string(f.Data[f.LineStart(m[0]):m[0]])
			if comment(line+" ", len(line)) || m[3] < len(f.Data) && strings.IndexByte("$<{*", f.Data[m[3]]) >= 0 {
				continue
			}
			name := string(f.Data[m[2]:m[3]])
			at := source.Span{File: f, Start: m[2], End: m[3]}
			j := w.ctx.release.Job(name)
			if j == nil {
				var names []string
				for n := range w.ctx.jobs {
					names = append(names, n)
				}
				w.find("bpm-process-unknown", source.Warning, at, "this release has no job %s%s", name, didYouMean(name, names))
				continue
			}
			other := w.ctx.jobs[name]
			if other == nil || other.doc == nil {
				if other == nil {
					w.find("bpm-process-unknown", source.Error, at, "the job %s has no config/bpm.yml", name)
				}
				continue
			}
			process := name
			if p := processFlagIn.FindSubmatch(f.Data[m[4]:m[5]]); p != nil {
				process = string(p[1])
			}
			if !plainName.MatchString(process) || !other.doc.Complete() {
				continue
			}
			var names []string
			there := false
			for _, p := range other.doc.Processes() {
				there = there || p.Matches(process)
				names = append(names, p.Name().Text())
			}
			if !there && len(names) > 0 {
				w.find("bpm-process-unknown", source.Error, at, "process %q is not in %s; it has %s", process, other.doc.File.Name, strings.Join(names, ", "))
			}
		}
	}
}

// memoryRules finds limits that kill a process before monit's own rule for the
// same property does something gentler.
func (w *job) memoryRules() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		for _, limits := range p.Get("limits") {
			for _, n := range limits.Get("memory") {
				props := map[string]bool{}
				for _, piece := range n.Value {
					for _, name := range erb.Properties(piece.Ruby) {
						props[name] = true
					}
				}
				for _, c := range w.starts {
					if len(props) == 0 || !startedBy(p, c) {
						continue
					}
					for _, clause := range c.check.Clauses {
						text := clause.Span.Text()
						if clause.Keyword != "if" || !strings.Contains(text, "mem") {
							continue
						}
						for _, name := range erb.Properties(text) {
							if props[name] {
								w.find("limit-beside-monit", source.Warning, n.Span, "limits.memory and a rule of monit (%s) use the same property %s: the kernel kills the process at that size at once, before monit can act", clause.Span.Place(), name)
								break
							}
						}
					}
				}
			}
		}
	}
}

// startedBy says whether monit starts the process with a call.
func startedBy(p bpm.ProcessNode, c call) bool {
	for _, n := range p.Get("name") {
		if n.Value.Compatible(c.process) {
			return true
		}
	}
	return false
}

var openFiles = search.MustCompile(`(?m)^[ \t]*ulimit[ \t]+(?:-[HS]*n|-[HS]+[ \t]+-n)[ \t]+\S+`)

// checkOf is the name of the check that a program of monit belongs to.
func (w *job) checkOf(p *monit.Program) string {
	for _, c := range w.monit.Checks {
		if slices.Contains(c.Starts, p) {
			return c.NameText()
		}
	}
	return ""
}

// lostLimits compares the two worlds of a job with a feature flag: what the ctl
// script raises, bpm has to raise.
func (w *job) lostLimits() {
	if w.doc == nil || len(w.starts) == 0 || len(w.others) == 0 {
		return
	}
	for _, p := range w.others {
		target, ok := w.own(firstWord(p))
		if !ok {
			continue
		}
		f, _, err := w.TemplateFile(target)
		if err != nil {
			continue
		}
		m := openFiles.FindIndex(f.Data)
		if m == nil {
			continue
		}
		for _, c := range w.starts {
			if c.check.NameText() != w.checkOf(p) && len(w.doc.Processes()) > 1 {
				continue
			}
			for _, process := range w.doc.Processes() {
				if !startedBy(process, c) || process.Open {
					continue
				}
				has := false
				for _, l := range process.Get("limits") {
					has = has || l.Kind != bpm.Map || l.Open || l.Has("open_files")
				}
				if !has {
					w.find("open-files-lost", source.Warning, source.Span{File: f, Start: m[0], End: m[1]}, "the script raises the number of open files, and process %s under bpm has the default; set limits.open_files", process.Name().Text())
				}
			}
		}
	}
}
