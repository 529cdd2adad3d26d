package verify

import (
	"bytes"
	"fmt"
	"path"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
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
