// Package container is the mount model of bpm: which paths of the VM a process
// has in its container, which of them it can write, and from which it can
// execute. Facts are those of bpm-release 1.4 (src/bpm/runc/adapter/adapter.go,
// src/bpm/runc/specbuilder).
//
// It knows nothing of releases or scripts; what a process needs is found out by
// release/convert and release/check.
package container

import (
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
)

// Process is what decides over the mounts of a process.
type Process struct {
	Job                           string
	EphemeralDisk, PersistentDisk bool
	// Additional and Unrestricted are the volumes; paths of unrestricted ones
	// may be globs.
	Additional, Unrestricted []bpm.Volume
	// known are the mounts, where they were put together already.
	known []mount
}

// Of gives the process of a bpm.yml.
func Of(job string, p bpm.Process) Process {
	of := Process{Job: job, EphemeralDisk: p.EphemeralDisk, PersistentDisk: p.PersistentDisk, Additional: p.AdditionalVolumes, Unrestricted: p.Unsafe.UnrestrictedVolumes}
	of.known = of.mounts()
	return of
}

// Access says what a process can do with a path.
type Access struct {
	// There says that the container has it, as the host does.
	There, Writable, Exec bool
	// Mount is the mount point that the path lies on; "" where it is not there.
	Mount string
}

type mount struct {
	path        string
	write, exec bool
}

// mounts are those of every process, in the order in which bpm makes them: a
// later one lies over an earlier one.
func (p Process) mounts() []mount {
	if p.known != nil {
		return p.known
	}
	ms := []mount{
		{"/bin", false, true}, {"/etc", false, true}, {"/lib", false, true}, {"/lib64", false, true}, {"/sbin", false, true}, {"/usr", false, true},
		{"/run/resolvconf", false, false}, {"/run/systemd/resolve", false, false},
		{"/proc", true, false}, {"/sys", false, false}, {"/dev/shm", true, false}, {"/dev/pts", true, false}, {"/dev/mqueue", true, false},
		{"/tmp", true, false}, {"/var/tmp", true, false}, {"/var/vcap/data/" + p.Job + "/tmp", true, false},
		{"/var/vcap/data/packages", false, true}, {"/var/vcap/packages", false, true},
		{"/var/vcap/jobs/" + p.Job, false, true}, {"/var/vcap/sys/log/" + p.Job, true, false},
	}
	for _, d := range devices {
		ms = append(ms, mount{d, true, false})
	}
	if p.EphemeralDisk {
		ms = append(ms, mount{"/var/vcap/data/" + p.Job, true, false})
	}
	if p.PersistentDisk {
		ms = append(ms, mount{"/var/vcap/store/" + p.Job, true, false})
	}
	own := len(ms)
	// of several at one place bpm mounts the first (adapter/mount.go), what runc
	// mounts by itself apart
	add := func(v bpm.Volume) {
		name := path.Clean(v.Path)
		for _, m := range ms {
			if m.path == name && !byRunc(name) {
				return
			}
		}
		ms = append(ms, mount{name, v.Writable, v.AllowExecutions})
	}
	for _, v := range p.Additional {
		add(v)
	}
	for _, v := range p.Unrestricted {
		dropped := false // bpm leaves out what lies below its own mounts (since 1.2.22)
		for _, m := range ms[:own] {
			dropped = dropped || bosh(m.path) && Below(path.Clean(v.Path), m.path)
		}
		if !dropped {
			add(v)
		}
	}
	return ms
}

// byRunc says whether a mount is none of bpm's: the kernel's file systems and the
// devices.
func byRunc(p string) bool {
	return Below(p, "/proc") || Below(p, "/sys") || Below(p, "/dev")
}

// bosh says whether a mount is one of those that bpm calls BOSH's.
func bosh(p string) bool {
	return strings.HasPrefix(p, "/var/vcap/") || p == "/tmp" || p == "/var/tmp"
}

// devices are the nodes that runc makes in every container's /dev.
var devices = []string{
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx",
	"/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr",
}

// Access tells what the process can do with a path of the VM, as it is written:
// the links /var/vcap/data/sys and /var/run are not there in a container. A
// volume whose path is a glob counts for what it matches.
func (p Process) Access(file string) Access {
	file = path.Clean(file)
	var a Access
	for _, m := range p.mounts() {
		if Below(file, m.path) || globBelow(file, m.path) {
			if len(m.path) < len(a.Mount) && !strings.ContainsAny(m.path, "*?[") {
				continue // a deeper mount stays visible
			}
			a = Access{true, m.write, m.exec, m.path}
		}
	}
	if Below(file, "/proc/sys") {
		a.Writable = false
	}
	return a
}

// Below says whether a path is a folder or lies in it. Both are clean.
func Below(file, dir string) bool {
	return strings.HasPrefix(file, dir) && (len(file) == len(dir) || file[len(dir)] == '/')
}

// globBelow says whether a path lies at or below what a glob matches.
func globBelow(file, pattern string) bool {
	if !strings.ContainsAny(pattern, "*?[") {
		return false
	}
	parts, want := strings.Split(file, "/"), strings.Split(pattern, "/")
	if len(parts) < len(want) {
		return false
	}
	for i, w := range want {
		if w == "**" {
			return true
		}
		if ok, err := path.Match(w, parts[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// Kind says what a path of the VM belongs to.
type Kind string

// The kinds of paths. Owner is set for those of a job.
const (
	Tmp      Kind = "tmp"      // /tmp, /var/tmp, the job's own tmp folder
	Data     Kind = "data"     // /var/vcap/data/JOB
	Store    Kind = "store"    // /var/vcap/store/JOB
	Run      Kind = "run"      // /var/vcap/sys/run/JOB
	Log      Kind = "log"      // /var/vcap/sys/log/JOB
	SysTmp   Kind = "sys-tmp"  // /var/vcap/sys/tmp/JOB
	Job      Kind = "job"      // /var/vcap/jobs/JOB
	Packages Kind = "packages" // /var/vcap/packages
	Agent    Kind = "agent"    // /var/vcap/bosh, /var/vcap/monit, /var/vcap/instance: the BOSH agent's
	System   Kind = "system"   // /bin, /etc, /lib, /sbin, /usr: read-only in every container
	Kernel   Kind = "kernel"   // /proc, /sys
	Device   Kind = "device"   // /dev
	HostRun  Kind = "host-run" // /run, /var/run: sockets and pid files of the host
	HostLog  Kind = "host-log" // /var/log
	Home     Kind = "home"     // /home, /root
	Host     Kind = "host"     // everything else: /opt, /srv, /mnt, /var/lib, /var/spool
)

// Place says whose a path is.
type Place struct {
	Kind Kind
	// Owner is the job, or what is called like one, that the folder belongs to.
	Owner string
	// Folder is the narrowest folder that can be mounted for it: that of the job
	// below data, store, sys/run, sys/log or jobs, as the path has it. "" where
	// there is none.
	Folder string
}

// jobFolders are the folders with one folder a job.
var jobFolders = []struct {
	kind Kind
	dir  string
}{
	{Packages, "/var/vcap/data/packages"}, {Job, "/var/vcap/data/jobs"},
	{Run, "/var/vcap/data/sys/run"}, {Log, "/var/vcap/data/sys/log"}, {SysTmp, "/var/vcap/data/sys/tmp"}, {Host, "/var/vcap/data/sys"}, {SysTmp, "/var/vcap/data/tmp"}, {Data, "/var/vcap/data"}, {Store, "/var/vcap/store"}, {Run, "/var/vcap/sys/run"},
	{Log, "/var/vcap/sys/log"}, {SysTmp, "/var/vcap/sys/tmp"}, {Job, "/var/vcap/jobs"}, {Packages, "/var/vcap/packages"},
}

// Locate says whose a path of the VM is. job is the one that asks.
func Locate(job, file string) Place {
	file = path.Clean(file)
	if Below(file, "/tmp") || Below(file, "/var/tmp") || Below(file, "/var/vcap/data/"+job+"/tmp") {
		return Place{Kind: Tmp, Owner: job}
	}
	for _, f := range jobFolders {
		rest, ok := strings.CutPrefix(file, f.dir+"/")
		if !ok {
			if file == f.dir {
				return Place{Kind: f.kind}
			}
			continue
		}
		if f.kind == Host {
			return Place{Kind: Host}
		}
		owner, _, _ := strings.Cut(rest, "/")
		return Place{f.kind, owner, path.Join(f.dir, owner)}
	}
	for _, k := range []struct {
		kind Kind
		dirs []string
	}{
		{Agent, []string{"/var/vcap/bosh", "/var/vcap/monit", "/var/vcap/instance", "/var/vcap/micro_bosh"}},
		{System, []string{"/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"}},
		{Kernel, []string{"/proc", "/sys"}},
		{Device, []string{"/dev"}},
		{HostRun, []string{"/run", "/var/run", "/var/lock"}},
		{HostLog, []string{"/var/log"}},
		{Home, []string{"/home", "/root"}},
	} {
		for _, d := range k.dirs {
			if Below(file, d) {
				return Place{Kind: k.kind}
			}
		}
	}
	return Place{Kind: Host}
}
