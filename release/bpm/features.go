package bpm

import (
	"strings"

	"github.com/cppforlife/go-semi-semantic/version"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Feature is something in a bpm.yml, or on a stemcell, that needs a bpm of at
// least a version. What a release writes is no finding: which bpm it meets is
// decided by the deployment.
type Feature struct {
	// Keys lead to what needs it, from the process down, such as
	// "unsafe.host_pid_namespace"; empty where it is no key.
	Keys string
	// Since is the first version that has it.
	Since string
	// What says what it is.
	What string
	// path says which paths of a volume need it, where Keys lead to one. What is
	// not known of a path is a zero byte.
	path func(string) bool
}

// Features are ordered by version. They come from bpm-release's CHANGELOG, and
// where that is silent from the first tag that holds the commit.
var Features = []Feature{
	{"additional_volumes.allow_executions", "0.4.0", "volumes from which programs can be executed", nil},
	{"unsafe.unrestricted_volumes", "0.8.0", "volumes outside of /var/vcap", nil},
	{"", "0.8.0", "bpm run, for errands and backup scripts", nil},
	{"additional_volumes.mount_only", "0.9.0", "volumes whose owner and mode stay as they are", nil},
	// meant was /var/vcap/sys/run; what came was every folder that lies as deep,
	// until 1.1.7 made a rule of it (pathIsIn of src/bpm/config/job_config.go)
	{"additional_volumes.path", "0.13.0", "additional_volumes outside of data and store", beside},
	{"additional_volumes.shared", "1.1.0", "volumes that share what is mounted in them", nil},
	{"unsafe.unrestricted_volumes.path", "1.1.0", "patterns in unrestricted_volumes", hasPattern},
	{"additional_volumes.path", "1.1.7", "additional_volumes right below /var/vcap", top},
	{"unsafe.host_pid_namespace", "1.1.9", "the process ids of the host", nil},
	{"shutdown_signal", "1.1.14", "another first signal than TERM", nil},
	{"", "1.2.0", "all of /dev/shm", nil},
	{"", "1.2.5", "keys that are there twice are refused", nil},
	{"", "1.2.22", "unrestricted_volumes in the job's own folders are left out", nil},
	{"", "1.3.0", "stemcells with cgroup v2", nil},
	{"", "1.4.0", "stemcells whose resolver is systemd-resolved", nil},
	{"limits.core_file_size", "1.4.30", "the size of core files", nil},
}

// releaseNumber is how bpm's releases are numbered. What stands behind that is a
// build before it or after it, which may have what the next release has.
var releaseNumber = search.MustCompile(`^v?(\d+(?:\.\d+)+)(?:-[\w.-]+)?$`)

// Before says whether a version of bpm is known, and is before another one.
// "latest", a variable and a development build are not known.
func Before(have, since string) bool {
	m := releaseNumber.FindStringSubmatch(have)
	if m == nil {
		return false
	}
	a, errA := version.NewVersionFromString(m[1])
	b, errB := version.NewVersionFromString(since)
	return errA == nil && errB == nil && a.IsLt(b)
}

// folders are the parts of a path below /var/vcap, up to what is not known;
// whole says that all is known.
func folders(path string) (below []string, whole bool) {
	rest, ok := strings.CutPrefix(path, "/var/vcap/")
	if !ok {
		return nil, false
	}
	for _, part := range strings.Split(rest, "/") {
		if strings.Contains(part, "\x00") {
			return below, false
		}
		below = append(below, part)
	}
	return below, true
}

func beside(path string) bool {
	below, whole := folders(path)
	return len(below) > 0 && below[0] != "data" && below[0] != "store" && (len(below) > 1 || !whole)
}

func top(path string) bool {
	below, whole := folders(path)
	return whole && len(below) == 1
}

func hasPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// Use is a feature that a process makes use of.
type Use struct {
	Feature
	At source.Span
	// Arms are those in which it stands. Open says that the value decides, and is
	// not known.
	Arms []Arm
	Open bool
}

// Uses are the features of a process. path gives that of a volume, with a zero
// byte for what is not known.
func (p ProcessNode) Uses(path func(*Node) string) []Use {
	var all []Use
	for _, f := range Features {
		if f.Keys == "" {
			continue
		}
		follow(p.Node, strings.Split(f.Keys, "."), p.Arms, func(field Field, arms []Arm) {
			u := Use{Feature: f, At: field.Span, Arms: arms}
			if s, ok := field.Value.Static(); f.path != nil {
				if !f.path(path(field.Value)) {
					return
				}
			} else if ok && (s == "false" || field.Value.Type == "!!null") || field.Value.Kind == List && len(field.Value.Items) == 0 && !field.Value.Open {
				return
			} else if !ok && (field.Value.Kind == Unknown || field.Value.Kind == Choice) {
				u.Open = true
			}
			all = append(all, u)
		})
	}
	return all
}

// follow visits the fields that keys lead to.
func follow(n *Node, keys []string, arms []Arm, visit func(Field, []Arm)) {
	n.Each(func(n *Node) {
		for _, i := range n.Items {
			follow(i.Node, keys, inner(arms, i.Arms), visit)
		}
		for _, f := range n.Fields {
			switch {
			case f.Name() != keys[0]:
			case len(keys) == 1:
				visit(f, inner(arms, f.Arms))
			default:
				follow(f.Value, keys[1:], inner(arms, f.Arms), visit)
			}
		}
	})
}

func inner(a, b []Arm) []Arm { return append(a[:len(a):len(a)], b...) }
