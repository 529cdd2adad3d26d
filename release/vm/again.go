package vm

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Clone is a machine of its own that begins as this one is now. Its native
// programs and its Assume are those of this one: who made them puts others there.
func (v *VM) Clone() *VM {
	c := *v
	c.Files = v.Files.Clone()
	c.Events, c.Unknown, c.Errors = slices.Clone(v.Events), slices.Clone(v.Unknown), slices.Clone(v.Errors)
	c.Absent, c.Blank, c.Output = slices.Clone(v.Absent), slices.Clone(v.Blank), slices.Clone(v.Output)
	c.Signals = slices.Clone(v.Signals)
	c.pids = maps.Clone(v.pids)
	c.exported = slices.Clone(v.exported)
	return &c
}

// Clone is a tree of its own with the same files.
func (t *Tree) Clone() *Tree {
	return &Tree{base: t.base, own: t.copies(), stemcell: t.stemcell, gone: maps.Clone(t.gone), Assume: t.Assume}
}

// Restore puts back what a snapshot has in a folder, and takes away what it has
// not: a tmpfs after a reboot. The folder itself stays.
func (t *Tree) Restore(dir string, snapshot Snapshot) {
	for _, name := range t.below(dir) {
		if name != dir {
			t.drop(name)
		}
	}
	for name := range t.gone {
		if strings.HasPrefix(name, dir+"/") {
			delete(t.gone, name)
		}
	}
	for name, n := range snapshot.all() {
		if strings.HasPrefix(name, dir+"/") {
			t.put(name, &n)
		}
	}
}

// Delete takes away a path and all that is below it, whoever owns it.
func (t *Tree) Delete(name string) {
	for _, p := range t.below(name) {
		t.drop(p)
	}
}

// Forget drops what was executed and printed so far: what comes next is told by
// itself.
func (v *VM) Forget() {
	v.Events, v.Output, v.Errors, v.Signals = nil, nil, nil, nil
	v.exported, v.Stopped, v.waiting = nil, false, false
	v.Rewind()
}

// Die ends all processes.
func (v *VM) Die() {
	v.Later()
	for pid := range v.pids {
		v.pids[pid] = false
	}
}

// Alive says whether a pid is that of a process that runs.
func (v *VM) Alive(pid string) bool { return v.pids[pid] }

// End ends the process of a pid.
func (v *VM) End(pid string) { v.pids[pid] = false }

// Later lets what comes have other pids than what was: a script that exec'd its
// program left its own number in the pidfile.
func (v *VM) Later() {
	v.pids[v.self] = true
	v.age++
	v.next = 1000 + v.age*100000
	v.self = strconv.Itoa(v.next)
}

// Capture is Run for a command whose standard output somebody reads.
func (p *Process) Capture(args []string) (stdout string, status int) {
	var out, all bytes.Buffer
	status = p.run(args, nil, io.MultiWriter(&out, &all), &all)
	p.Output = append(p.Output, lastLine(all.String()))
	p.halt = false
	return out.String(), status
}
