package convert

import (
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// readers finds who else uses the old pidfile or the old script: drain and
// post-start scripts, other jobs, app config, docs.
func (w *job) readers() {
	old := map[string]bool{} // files that go away or are rewritten
	old[w.Job.Monit.Name] = true
	type gone struct {
		path, now, what string
		written         bool // by the process itself
	}
	var lost []gone
	for _, l := range w.launches {
		for _, f := range w.scripts(l) {
			old[f.Name] = true
		}
		lost = append(lost, gone{l.pidfile, "/var/vcap/sys/run/bpm/" + w.Job.Name + "/" + l.name + ".pid", "pidfile", w.writesPidfile(l)})
		for i, vmPath := range w.scriptPaths(l) {
			if w.startsLeft(vmPath) || i > 0 && w.stillUsed(vmPath, nil) {
				continue
			}
			lost = append(lost, gone{vmPath, "", "script", false})
		}
	}
	for _, g := range lost {
		for _, at := range w.ctx.Release.Mentions(g.path) {
			if !old[at.File.Name] && !(g.what == "pidfile" && w.ofOtherJob(at.File)) {
				w.lostReader(g.what, g.path, g.now, g.written, at)
			}
		}
	}
	for _, g := range lost {
		for _, at := range fileText(w.Job.Monit).mentions(g.path) {
			if !w.rewritten(at) {
				w.lostReader(g.what, g.path, g.now, g.written, at)
			}
		}
	}
	for _, t := range w.propertyTexts() {
		for _, g := range lost {
			for _, at := range t.mentions(g.path) {
				w.lostReader(g.what, g.path, g.now, g.written, at)
			}
		}
	}
}

// ofOtherJob says whether a file is the monit file of another job: the pidfile in
// it is that job's own, of the same name.
func (w *job) ofOtherJob(f *source.File) bool {
	parts := strings.Split(f.Name, "/")
	return len(parts) == 3 && parts[0] == "jobs" && parts[1] != w.Job.Name && parts[2] == "monit"
}

// rewritten says whether a place in the monit file is one that becomes bpm's.
func (w *job) rewritten(at source.Span) bool {
	for _, l := range w.launches {
		for _, c := range []*monit.Clause{l.check.Pidfile, l.check.Start.Clause, l.check.Stop.Clause} {
			if c.Span.Start <= at.Start && at.End <= c.Span.End {
				return true
			}
		}
	}
	return false
}

// lostReader reports a use of something that the conversion takes away. In
// documents it is a note: nothing breaks when the job runs.
func (w *job) lostReader(what, old, now string, written bool, at source.Span) {
	severity := source.Warning
	if strings.HasSuffix(at.File.Name, ".md") {
		severity = source.Note
	}
	if w.edited(at) {
		return
	}
	for _, f := range w.Findings {
		if f.Span == at || f.Span.File == at.File && f.Span.Start <= at.Start && at.End <= f.Span.End {
			return // said already, and better
		}
	}
	if what == "pidfile" && written {
		w.find("old-pidfile-used", severity, at, "the process writes %s itself, and the number in it is that of its container, which nobody outside can signal; the pid is in %s", old, now)
		return
	}
	if what == "pidfile" {
		w.find("old-pidfile-used", severity, at, "%s is not written any more; the pid is in %s", old, now)
		return
	}
	if severity == source.Warning {
		severity = source.Error
	}
	w.find("old-script-used", severity, at, "%s is gone; use /var/vcap/jobs/bpm/bin/bpm or monit instead", path.Clean(old))
}
