package convert

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// nature is something that a job is for and that a container of bpm is against.
type nature struct {
	does     string
	programs []string
	// first is what the first argument has to be; nil is anything.
	first []string
}

// natures are in the order in which they tell most of a job.
var natures = []nature{
	{"runs containers for others, and they have to outlive it", []string{"dockerd", "containerd", "gdn", "guardian", "garden-linux", "garden", "warden", "podman", "crio", "kubelet"}, nil},
	{"runs containers for others, and they have to outlive it", []string{"docker"}, []string{"run", "start", "create", "-d", "daemon"}},
	{"serves file systems from the kernel to others", []string{"exportfs", "rpc.nfsd", "nfsd", "rpc.mountd"}, nil},
	{"mounts file systems, which others do not see when bpm does it", []string{"mount", "mount.nfs", "mount.cifs", "s3fs", "goofys", "gcsfuse", "sshfs", "ceph-fuse", "losetup"}, nil},
}

// natureOf says what a job that stays is for, where its scripts show it, and the
// place.
func (c *Conversion) natureOf() (does string, at source.Span) {
	best := len(natures)
	for _, t := range c.Job.Spec.Templates {
		f, _, err := c.Job.TemplateFile(t.Target)
		if err != nil || !strings.HasPrefix(t.Target, "bin/") {
			continue
		}
		s := hostscript.Read(f, true)
		if s == nil {
			continue
		}
		syntax.Walk(s.Tree, func(n syntax.Node) bool {
			call, ok := n.(*syntax.CallExpr)
			if !ok {
				return true
			}
			name, args := s.Command(call)
			for i, w := range call.Args { // behind nohup, setsid, a function
				if v, ok := s.Value(w); ok && i > 0 && strings.HasPrefix(v, "/var/vcap/packages/") {
					name, args = path.Base(v), call.Args[i:]
				}
			}
			if name == "service" && len(args) > 0 && strings.HasPrefix(args[0].Lit(), "nfs-") || strings.HasPrefix(path.Base(name), "nfs-kernel") {
				name = "nfsd"
			}
			for i, k := range natures[:best] {
				if slices.Contains(k.programs, name) && len(args) > 0 && !ownMemory(name, args) && (k.first == nil || slices.Contains(k.first, args[0].Lit())) {
					best, does, at = i, k.does, s.Span(call)
					break
				}
			}
			return true
		})
	}
	return does, at
}

// explain puts what a job is for in front of the statement that stopped its
// conversion: the statement is only where it shows.
func (c *Conversion) explain() {
	if c.Verdict != Declined || c.flagRefused || c.Job.Spec == nil || strings.Contains(c.Reason.Message, asSetup) {
		return
	}
	if does, at := c.natureOf(); does != "" {
		c.Reason.Message = fmt.Sprintf("the job %s (%s), and bpm is not for that: keep it on its script. What stopped the conversion: %s", does, at.Place(), c.Reason.Message)
	}
}

// measurers are programs that measure the machine that they run on.
var measurers = search.MustCompile(`^(?:(?:loggr-)?system-metrics-agent|node_exporter|collectd|telegraf|metricbeat|netdata|cadvisor|diamond|munin-node|sar|sadc)$`)

// measures finds processes that measure the VM: in a container they measure that.
func (w *job) measures(l *launch) {
	for _, u := range w.programs(l) {
		if u.itself && measurers.MatchString(u.name) {
			w.find("measures-host", source.Warning, u.at, "%s measures the VM, and in the container it sees the disks that are mounted there and its own processes: no /var/vcap/data and /var/vcap/store, no other pids. Mount what it is to measure as unsafe.unrestricted_volumes, or keep the job on its script", u.name)
		}
	}
}

var (
	againstBPM = search.MustCompile(`(?i)#.*\b(?:not|never|without|cannot|can't|don't|won't|break\w*)\b[^.]{0,60}\bbpm\b|#.*\bbpm\b[^.]{0,60}\b(?:not|never|cannot|can't|doesn't|won't|break\w*)\b`)
	aComment   = search.MustCompile(`^\s*#`)
)

// asksToStay finds comments that say why a job is not under bpm.
func (w *job) asksToStay(l *launch) {
	for _, f := range append([]*source.File{w.Job.Monit}, w.scripts(l)...) {
		for at := 0; at < len(f.Data); at = f.LineEnd(at) {
			end := f.LineEnd(at)
			if line := f.Data[at:end]; aComment.Match(line) && againstBPM.Match(line) {
				text := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(string(line)), "#"))
				w.find("comment-against-bpm", source.Warning, source.Span{File: f, Start: at, End: end}, "a comment says that the job is not to run under bpm: %q. See whether its reason still holds, or leave the job out with --job", text)
			}
		}
	}
}

// ownMemory says whether a mount is a folder in memory, which a job makes for itself.
func ownMemory(name string, args []*syntax.Word) bool {
	return name == "mount" && slices.ContainsFunc(args, func(w *syntax.Word) bool { return w.Lit() == "tmpfs" })
}
