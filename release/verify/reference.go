package verify

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// undone are the things beside the processes that the conversion adds, and that
// the new side does not do although it has the file that does them: somebody took
// them out of it.
func undone(converted, now Case, after *release.Job) []Row {
	done := map[string]bool{}
	for _, r := range now.Setup {
		done[key("", r)] = true
	}
	var rows []Row
	for _, r := range converted.Setup {
		if r.Status == Same || r.Before != "" || done[key("", r)] || r.At.File == nil {
			continue
		}
		f, err := after.Release.Read(r.At.File.Name)
		if err != nil || !alike(r.At.File.Data, f.Data) {
			continue
		}
		r.Before, r.After = "the conversion: "+r.After, ""
		r.Status, r.Rule, r.Because = Unexplained, "", ""
		rows = append(rows, r)
	}
	return rows
}

// alike says whether at least half of the lines of a text are in another one.
func alike(a, b []byte) bool {
	lines := bytes.Split(bytes.TrimSpace(a), []byte("\n"))
	n := 0
	for _, l := range lines {
		if bytes.Contains(b, bytes.TrimSpace(l)) {
			n++
		}
	}
	return 2*n >= len(lines)
}

// notRun are the scripts of the job that the conversion runs and the new side does
// not: the agent runs them for what they do on another day, too.
func notRun(given, now *side) []Row {
	ran := map[string]bool{}
	for _, e := range now.vm.Events {
		ran[e.Path] = true
	}
	var rows []Row
	for _, e := range given.vm.Events {
		if e.Kind == vm.Script && !ran[e.Path] && strings.HasPrefix(e.Path, "/var/vcap/jobs/"+given.job.Name+"/") {
			ran[e.Path] = true
			rows = append(rows, Row{Aspect: "command:" + path.Base(e.Path), Before: "the conversion: " + e.Path, Status: Unexplained})
		}
	}
	return append(rows, failed(given, now)...)
}

// failed are the scripts of the agent that end well on one side and not on the
// other: a deployment stops there.
func failed(before, now *side) []Row {
	var rows []Row
	for _, name := range []string{"pre-start", "post-start"} {
		x, ran := before.status[name]
		was := fmt.Sprint(x)
		if !ran {
			was = "no " + name
		}
		if y := now.status[name]; x == 0 && y != 0 {
			rows = append(rows, Row{Aspect: "status:" + name, Before: was, After: fmt.Sprint(y), Status: Unexplained})
		}
	}
	return rows
}

// takenAway adds what bpm.yml of the conversion gives a process and that of the
// new side does not: volumes and disks, which nothing that runs here may use.
func takenAway(c *Case, given, now *side) {
	for i := range c.Processes {
		p := &c.Processes[i]
		x, y := given.launched[p.Name], now.launched[p.Name]
		if x == nil || y == nil || y.process.Name == "" {
			continue
		}
		for _, v := range volumes(given.job.Name, x.process) {
			access := ""
			for _, w := range volumes(now.job.Name, y.process) {
				if path.Clean(w.Path) == path.Clean(v.Path) {
					access = allows(w)
				}
			}
			if access != allows(v) && !(access == allows(bpm.Volume{Writable: true, AllowExecutions: true})) {
				p.Rows = append(p.Rows, Row{Aspect: "volume:" + path.Clean(v.Path), Before: "the conversion: " + allows(v), After: access, Status: Unexplained})
			}
		}
	}
}

// volumes are those of a process, and its disks.
func volumes(job string, p bpm.Process) []bpm.Volume {
	vs := append(append([]bpm.Volume{}, p.AdditionalVolumes...), p.Unsafe.UnrestrictedVolumes...)
	if p.EphemeralDisk {
		vs = append(vs, bpm.Volume{Path: "/var/vcap/data/" + job, Writable: true})
	}
	if p.PersistentDisk {
		vs = append(vs, bpm.Volume{Path: "/var/vcap/store/" + job, Writable: true})
	}
	return vs
}

// allows tells what a volume allows.
func allows(v bpm.Volume) string {
	return fmt.Sprintf("mounted, writable %v, executable %v", v.Writable, v.AllowExecutions)
}
