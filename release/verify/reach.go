package verify

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// paths finds the paths of the VM in a text.
func paths(text string) []string {
	var out []string
	for _, at := range container.Paths(text) {
		p := path.Clean(text[at[0]:at[1]])
		if strings.Count(p, "/") >= 2 && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

var pidfile = search.MustCompile(`\.(pid|lock)$`)

// access compares what the processes may do with the paths that they are told of:
// in their arguments, their environment, and the files that they are given.
func (c *comparison) access(b, a *vm.Event) {
	told := c.told(b, a)
	c.matches = append(c.matches, match{c.process, b, a, maps.Clone(told)})
	for p, process := range c.marks {
		if process == c.process {
			told[p] = true
		}
	}
	same := 0
	before, after := c.viewer(c.before, b), c.viewer(c.after, a)
	for _, p := range slices.Sorted(maps.Keys(told)) {
		x, y := can(before, p), can(after, p)
		if lost := lost(p, x, y); lost == "" || x == "+" && y == "-" && c.foreign(a, p) {
			same++
			continue
		}
		if property := c.invented(p); property != "" && x == "+" {
			c.add(Row{Aspect: "access:" + p, Before: x, After: y, Status: Explained, ID: "path-property",
				Because: fmt.Sprintf("the value of property %s is made up here; a path that you set must be in a folder that bpm.yml mounts", property)})
			continue
		}
		rule := ""
		if !told[p] {
			rule = "not-told"
		}
		if pidfile.MatchString(p) || p == "/var/vcap/sys/run/"+c.job {
			rule = "pidfile"
		}
		c.compare("access:"+p, x, y, rule)
	}
	if same > 0 {
		s := fmt.Sprintf("%d paths", same)
		c.add(Row{Aspect: "access", Before: s, After: s, Status: Same})
	}
}

// told are the paths that a process is told of: true where it is by its arguments, its
// environment or its folder.
func (c *comparison) told(b, a *vm.Event) map[string]bool {
	told := map[string]bool{}
	note := func(text string) {
		for _, p := range paths(text) {
			told[p] = true
		}
	}
	weakly := func(p string) {
		if _, there := told[p]; !there {
			told[p] = false
		}
	}
	// what the new process is not told of is a difference of its arguments, or of
	// its environment
	still := map[string]bool{}
	for _, s := range a.Args {
		for _, p := range paths(s) {
			still[p] = true
		}
	}
	for _, s := range a.Env {
		for _, p := range paths(s) {
			still[p] = true
		}
	}
	for _, s := range b.Args {
		for _, p := range paths(s) {
			if still[p] {
				told[p] = true
			}
		}
	}
	for name, v := range b.Env {
		if name != "PATH" && !bookkept[name] && name != "HOME" && a.Env[name] == v {
			note(v)
		}
	}
	if startDir(b) == "" {
		told[b.Dir] = true
	}
	c.toldByFiles(func(text string) {
		for _, p := range paths(text) {
			weakly(p)
		}
	})
	for p, n := range c.before.vm.Files.Snapshot().Own() {
		// a folder that the script made for the process
		if n.By != "" && n.Mode.IsDir() && !c.passing(p) && strings.HasPrefix(p, "/var/vcap/") && (n.Owner == b.User || n.Owner == "vcap") {
			weakly(p)
		}
	}
	return told
}

// foreign says whether a path is in a folder that others make, and that the
// container has when it is there. What other jobs have is not on this machine; it
// is taken to be there.
func (c *comparison) foreign(e *vm.Event, name string) bool {
	if !e.Inside {
		return false
	}
	for check, l := range c.after.launched {
		if e.Phase != "start "+check {
			continue
		}
		for _, v := range append(slices.Clone(l.process.AdditionalVolumes), l.process.Unsafe.UnrestrictedVolumes...) {
			if dir := path.Clean(v.Path); v.MountOnly && (name == dir || strings.HasPrefix(name, dir+"/")) {
				_, err := c.after.vm.Root(nil).Stat(dir)
				return err != nil
			}
		}
	}
	return false
}

// toldByFiles notes the paths in the files of the job that no shell runs and no
// other tool reads: its configuration.
func (c *comparison) toldByFiles(note func(string)) {
	for _, t := range c.before.job.Spec.Templates {
		target := path.Clean(t.Target)
		if notConfiguration.MatchString(target) {
			continue
		}
		if _, there := c.after.job.Spec.Template(target); !there {
			continue
		}
		data, err := c.before.vm.Root(nil).ReadFile("/var/vcap/jobs/" + c.job + "/" + target)
		if err == nil && len(data) < 1<<20 {
			note(string(data))
		}
	}
}

// notConfiguration are targets that the process does not read.
var notConfiguration = search.MustCompile(`^(bin|packages)/|(^|/)(bpm\.yml|.*logrotate.*|.*drain.*|.*syslog.*|.*\.sh|indicators.*|.*\.ya?ml\.example|dns/.*|aliases\.json)$`)

// viewer is a process that looks at paths as the launched one would.
func (c *comparison) viewer(s *side, e *vm.Event) *vm.Process {
	p := s.vm.Root(e.Env)
	p.Dir = e.Dir
	p.Identity = e.Identity
	if e.Inside {
		for _, l := range s.launched {
			if l.process.Name != "" && e.Phase == l.phase {
				box := container.Of(c.job, l.process)
				p.Container = &box
			}
		}
	}
	return p
}

// can tells what a process may do with a path, as ls does: d for a folder, then
// r, w and x. What is not there and may be made there is "+"; "-" is what is not
// there.
func can(p *vm.Process, name string) string {
	n, err := p.Stat(name)
	if err != nil {
		dir := path.Dir(name)
		for _, err := p.Stat(dir); err != nil && dir != "/"; _, err = p.Stat(dir) {
			dir = path.Dir(dir) // it could be made on the way
		}
		if parent, err := p.Stat(dir); err == nil && parent.Mode.IsDir() && p.Access(dir, 3) == nil {
			return "+"
		}
		return "-"
	}
	out := "f"
	if n.Mode.IsDir() {
		out = "d"
	}
	for _, m := range []struct {
		bit  fs.FileMode
		name string
	}{{4, "r"}, {2, "w"}, {1, "x"}} {
		if p.Access(name, m.bit) == nil {
			out += m.name
		}
	}
	return out
}

// readOnly are folders that are not there to be written.
var readOnly = []string{"/var/vcap/jobs/", "/var/vcap/packages/", "/var/vcap/data/packages/", "/etc/", "/usr/", "/opt/", "/bin/", "/lib/"}

// lost is what the new process may not do with a path and the old one could.
// Packages, templates and what belongs to the stemcell are not there to be
// written.
func lost(name, before, after string) string {
	if before == after || before == "-" {
		return ""
	}
	for _, d := range readOnly {
		if before == "+" && strings.HasPrefix(name, d) {
			return "" // nobody makes files there
		}
	}
	if after == "-" {
		return before
	}
	if before == "+" && after[0] == 'd' && !strings.ContainsRune(after, 'w') {
		return "w" // who could make the folder could write into it
	}
	if before == "+" || after == "+" {
		return "" // it is there now, or may be made
	}
	gone := ""
	for _, r := range before[1:] {
		if !strings.ContainsRune(after[1:], r) {
			gone += string(r)
		}
	}
	for _, d := range readOnly {
		if strings.HasPrefix(name+"/", d) {
			gone = strings.ReplaceAll(gone, "w", "")
		}
	}
	if before[0] == 'f' && !inBin(name) {
		gone = strings.ReplaceAll(gone, "x", "")
	}
	return gone
}
