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
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// harmless are commands that look, print or tell somebody; that one side does
// not call them makes no difference to the process.
var harmless = map[string]bool{"logger": true, "monit": true, "curl": true, "wget": true, "dig": true, "host": true, "nslookup": true, "nc": true, "ping": true, "pkill": true, "killall": true,
	"strace": true, "lsof": true, "netstat": true, "ss": true, "git": true, "sync": true, "fuser": true, "pstree": true, "top": true, "vmstat": true, "iostat": true}

// setup compares what happens beside the launches.
func (c *comparison) setup() []Row {
	c.rows = nil
	for _, err := range c.after.failed {
		if c.awkward || c.moment != "" {
			break // such values may be none that anybody can take
		}
		c.add(Row{Aspect: "template", Before: "renders", After: err.Error(), Status: Unexplained})
	}
	if !c.ran {
		return c.rows // the old side stopped on the way: what it did not do says nothing
	}
	if !c.awkward {
		c.rows = append(c.rows, failed(c.before, c.after)...)
	}
	if c.moment != Restart { // what the kernel and the disks have is still there
		c.commands()
	}
	c.tree()
	if c.moment == "" {
		c.templates()
	}
	return c.rows
}

// key is a command as it is compared.
func (c *comparison) key(e *vm.Event) string {
	name := path.Base(e.Path)
	if strings.HasPrefix(e.Path, "/var/vcap/") {
		name = c.executable(e.Path)
	}
	var args []string
	for _, a := range c.args(e.Args) {
		if f := strings.Fields(a); len(f) > 2 {
			a = strings.Join(f, " ") // how a text is indented says nothing
		}
		args = append(args, a)
	}
	line := shown(append([]string{name}, args...))
	if in := strings.Join(strings.Fields(e.Stdin), " "); in != "" {
		line += " <<< " + in
	}
	return line
}

// accounts are commands that are carried out, and compared by what they are asked
// for: what they come to depends on who is there.
var accounts = map[string]bool{"useradd": true, "usermod": true, "userdel": true, "groupadd": true, "adduser": true, "addgroup": true}

// commands compares the programs and commands that are executed beside.
func (c *comparison) commands() {
	list := func(s *side, used map[int]bool) (keys []string, first map[string]*vm.Event) {
		first = map[string]*vm.Event{}
		for i := range s.vm.Events {
			e := &s.vm.Events[i]
			if c.moment == Reboot && !inKernel(e) {
				continue // what it did is on the disks
			}
			if used[i] || harmless[path.Base(e.Path)] || e.Kind == vm.Script || e.Kind == vm.Command && !accounts[path.Base(e.Path)] {
				continue
			}
			k := c.key(e)
			if first[k] == nil {
				first[k] = e
				keys = append(keys, k)
			}
		}
		return keys, first
	}
	before, b := list(c.before, c.usedBefore)
	after, a := list(c.after, c.usedAfter)
	launched := func(s *side, used map[int]bool, k string) bool {
		for i := range used {
			if c.key(&s.vm.Events[i]) == k {
				return true
			}
		}
		return false
	}
	same := 0
	var kept []string
	for _, k := range before {
		switch {
		case a[k] != nil:
			same++
			kept = append(kept, k)
			c.toldBeside(b[k], a[k])
		case launched(c.after, c.usedAfter, k):
			same++
		default:
			c.add(Row{Aspect: "command:" + path.Base(b[k].Path), Before: k, Status: Unexplained, At: c.before.place(b[k].Script, b[k].Line)})
		}
	}
	for _, k := range after {
		if b[k] == nil && !launched(c.before, c.usedBefore, k) {
			c.add(Row{Aspect: "command:" + path.Base(a[k].Path), After: k, Status: Unexplained, At: c.after.place(a[k].Script, a[k].Line)})
		}
	}
	if same > 0 {
		s := fmt.Sprintf("%d commands", same)
		c.add(Row{Aspect: "commands", Before: s, After: s, Status: Same})
	}
	now := slices.DeleteFunc(slices.Clone(after), func(k string) bool { return !slices.Contains(kept, k) })
	// what different checks do is in no order: monit does not wait for one
	phases := map[string]bool{}
	for _, k := range kept {
		phase := b[k].Phase
		if phases[phase] {
			continue
		}
		phases[phase] = true
		other := func(k string) bool { return b[k].Phase != phase }
		c.order(slices.DeleteFunc(slices.Clone(kept), other), slices.DeleteFunc(slices.Clone(now), other), b)
	}
}

// toldBeside compares the environment that a program of a package is executed with beside
// the processes. Commands of the stemcell read none of what scripts export.
func (c *comparison) toldBeside(b, a *vm.Event) {
	if b.Kind != vm.Program || !strings.HasPrefix(b.Path, "/var/vcap/") {
		return
	}
	given := func(e *vm.Event, value string) string { return value + ", for " + path.Base(e.Path) }
	at := c.before.place(b.Script, b.Line)
	add := func(r Row) { // once, where the program is executed many times
		if !slices.ContainsFunc(c.rows, func(x Row) bool { return key("", x) == key("", r) }) {
			c.add(r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Env)) {
		x := b.Env[name]
		y, there := a.Env[name]
		if there && x == y || name == "PATH" || name == "HOME" || byLogin(name) || strings.HasPrefix(name, "MONIT_") {
			continue
		}
		r := Row{Aspect: "env-missing:" + name, Before: given(b, x), Status: Unexplained, At: at}
		if there {
			r.Aspect, r.After = "env-changed:"+name, given(a, y)
		}
		add(r)
	}
	y := c.dirs(a.Env["PATH"])
	for _, d := range c.dirs(b.Env["PATH"]) {
		if !slices.Contains(y, d) {
			add(Row{Aspect: "env-changed:PATH", Before: given(b, b.Env["PATH"]), After: given(a, a.Env["PATH"]), Status: Unexplained, At: at})
			break
		}
	}
}

// order compares the order of the same commands.
func (c *comparison) order(before, after []string, events map[string]*vm.Event) {
	for i, k := range before {
		if after[i] != k {
			c.add(Row{Aspect: "order:" + path.Base(events[k].Path), Before: strings.Join(before, "; "), After: strings.Join(after, "; "), Status: Unexplained})
			return
		}
	}
}

// passing are files and folders in which nothing stays: logs, pidfiles, sockets.
func (c *comparison) passing(name string) bool {
	if strings.HasPrefix(name, "/proc/sys/") {
		return false // what the kernel was told
	}
	for _, d := range []string{"/var/vcap/sys/log", "/var/log", "/dev", "/proc", "/var/vcap/packages", "/var/vcap/jobs", "/var/vcap/data/jobs", "/var/vcap/data/packages", "/var/vcap/bosh", "/var/vcap/monit", "/tmp", "/var/tmp",
		"/var/vcap/data/" + c.job + "/tmp"} {
		if name != d && strings.HasPrefix(name, d+"/") && !(d == "/var/vcap/jobs" && strings.HasPrefix(name, "/var/vcap/jobs/"+c.job+"/")) {
			return !strings.HasPrefix(d, "/var/vcap/sys/log") || path.Ext(name) != "" || strings.Contains(path.Base(name), "log")
		}
	}
	return pidfile.MatchString(name) || strings.HasPrefix(name, "/var/vcap/sys/run/bpm") || strings.HasPrefix(name, "/var/vcap/sys/run/") && strings.Contains(path.Base(name), "pid")
}

// tree compares what the start path left on the disk.
func (c *comparison) tree() {
	b, a := c.before.vm.Files.Snapshot(), c.after.vm.Files.Snapshot()
	names := map[string]bool{}
	for p, n := range b.Own() {
		if _, was := c.before.before.Get(p); n.By != "" || !was && !n.Assumed {
			names[p] = true
		}
	}
	for p, n := range a.Own() {
		if n.By != "" && (n.By != made || c.ofVM(p) && !c.own(p)) {
			names[p] = true
		}
	}
	away := func(p string) {
		_, was := c.before.before.Get(p)
		_, x := b.Get(p)
		_, y := a.Get(p)
		if was && !(x && y) {
			names[p] = true
		}
	}
	for p := range c.before.before.Own() {
		away(p)
	}
	for _, s := range []vm.Snapshot{b, a} {
		for p := range s.Gone() {
			away(p)
		}
	}
	// the templates of the job are compared by themselves, but for their owners
	// and modes where a script changes those
	rendered := map[string]bool{}
	for _, s := range []*side{c.before, c.after} {
		for p := range s.before.Own() {
			if strings.HasPrefix(p, "/var/vcap/jobs/"+c.job+"/") {
				rendered[p] = true
			}
		}
	}
	for p := range rendered {
		_, inBefore := b.Get(p)
		if _, inAfter := a.Get(p); !inBefore || !inAfter {
			delete(names, p)
		}
	}
	same := 0
	for _, p := range slices.Sorted(maps.Keys(names)) {
		if c.passing(p) && !rendered[p] {
			continue
		}
		x, inBefore := b.Get(p)
		y, inAfter := a.Get(p)
		if x.By == left || y.By == left || c.isPidfile(p) {
			continue
		}
		if rendered[p] {
			if meta(x) != meta(y) {
				rule := ""
				if vcapMay(y)&vcapMay(x) == vcapMay(x) {
					rule = "template-modes"
				}
				c.compare("file:"+p, meta(x), meta(y), rule)
				last := &c.rows[len(c.rows)-1]
				if last.At = c.before.place(x.Script, x.Line); last.At.File == nil {
					last.At = c.after.place(y.Script, y.Line)
				}
			}
			continue
		}
		from := len(c.rows)
		kind := "file:"
		if x.Mode.IsDir() || !inBefore && y.Mode.IsDir() {
			kind = "folder:"
		}
		switch {
		case inBefore && !inAfter:
			c.compare(kind+p, c.describe(p, x), "", c.missingRule(p, x))
		case !inBefore && inAfter:
			if _, was := c.before.before.Get(p); was {
				c.compare(kind+p, "removed", c.describe(p, y), "")
				break
			}
			c.compare(kind+p, "", c.describe(p, y), stampRule(p))
		default:
			c.node(kind+p, p, x, y, &same)
		}
		for i := from; i < len(c.rows); i++ {
			r := &c.rows[i]
			switch {
			case !inAfter:
				r.At = c.before.place(x.MadeBy, x.MadeAt)
			case !inBefore:
				r.At = c.after.place(y.MadeBy, y.MadeAt)
			default:
				if r.At = c.before.place(x.Script, x.Line); r.At.File == nil {
					r.At = c.after.place(y.Script, y.Line)
				}
			}
		}
	}
	if same > 0 {
		s := fmt.Sprintf("%d files and folders", same)
		c.add(Row{Aspect: "files", Before: s, After: s, Status: Same})
	}
}

// vcapMay is what vcap may do with a node, but for writing.
func vcapMay(n vm.Node) fs.FileMode {
	bits := n.Mode.Perm()
	switch {
	case n.Owner == "vcap":
		bits >>= 6
	case n.Group == "vcap":
		bits >>= 3
	}
	return bits & 5
}

// stamp is what the conversion leaves beside a folder whose owners it changed.
var stamp = search.MustCompile(`^/var/vcap/(data|store)/\.[^/]+\.vcap$`)

func stampRule(p string) string {
	if stamp.MatchString(p) {
		return "owner-stamp"
	}
	return ""
}

// isPidfile says whether monit looks for a pid there.
func (c *comparison) isPidfile(p string) bool {
	for _, s := range []*side{c.before, c.after} {
		for _, k := range s.checks {
			if p == path.Clean(unquoted(k.pidfile)) {
				return true
			}
		}
	}
	return false
}

// forPidfile says whether a folder is that of an old pidfile, and no process has it
// now.
func (c *comparison) forPidfile(p string) bool {
	first := c.after
	if c.first != nil {
		first = c.first.after
	}
	for _, l := range first.launched {
		if container.Of(c.job, l.process).Access(p).There {
			return false
		}
	}
	return slices.ContainsFunc(c.before.checks, func(k check) bool { return p == path.Dir(path.Clean(unquoted(k.pidfile))) })
}

// missingRule explains what is not made any more.
func (c *comparison) missingRule(p string, x vm.Node) string {
	if c.forPidfile(p) {
		return "pidfile"
	}
	if c.first != nil {
		if _, err := c.first.after.vm.Root(nil).Lstat(p); err == nil {
			return "" // it was there at first
		}
	}
	if p == "/var/vcap/sys/run/"+c.job {
		return "pidfile" // bpm makes it when it starts a process; what is below it, nobody
	}
	return ""
}

// node compares what is there on both sides.
func (c *comparison) node(aspect, p string, x, y vm.Node, same *int) {
	sameText := content(x) == content(y)
	if sameText && x.Mode == y.Mode && x.Owner == y.Owner && x.Group == y.Group && x.Link == y.Link {
		*same++
		return
	}
	before, after := c.describe(p, x), c.describe(p, y)
	rule := ""
	onlyOwner := x.Mode.Type() == y.Mode.Type() && x.Link == y.Link && sameText
	if onlyOwner && (strings.HasPrefix(p, "/proc/") || strings.HasPrefix(p, "/sys/")) {
		return // the kernel's, whatever a script says
	}
	sameMode := x.Mode == y.Mode || x.Masked && y.Masked && y.By != made
	switch {
	case !onlyOwner:
	case x.Owner == y.Owner && x.Group == y.Group && sameMode:
		rule = "umask"
	case (x.Owner == "root" || x.Owner == "vcap") && y.Owner == "vcap" && sameMode && c.wasRoot(): // chown vcap leaves the group
		rule = "owner-vcap"
	case y.By == made && y.Owner == "vcap" && (c.own(p) || !c.ofVM(p)):
		rule = "bpm-folder"
	case y.By == made && x.Owner == "root" && y.Owner == "root" && !c.wayOfOthers(p):
		rule = "bpm-parent"
	case y.Owner == "vcap" && x.Mode.IsDir() && c.own(p):
		rule = "bpm-folder" // what a script did before, bpm would do at the next start
	}
	if x.Mode.IsRegular() && y.Mode.IsRegular() {
		if sameMode && !sameText {
			y.Mode = x.Mode
		}
		before, after = meta(x), meta(y)
		if !sameText {
			gone, come := changedLines(content(x), content(y))
			before, after = before+"\n"+gone, after+"\n"+come
		}
	}
	c.compare(aspect, before, after, rule)
}

// wayOfOthers says whether another job of the release, which has no bpm.yml, names
// something in a folder.
func (c *comparison) wayOfOthers(dir string) bool {
	r := c.after.job.Release
	return slices.ContainsFunc(r.Mentions(dir), func(at source.Span) bool {
		parts := strings.Split(at.File.Name, "/")
		if len(parts) < 3 || parts[0] != "jobs" || parts[1] == c.job {
			return false
		}
		j := r.Job(parts[1])
		if j == nil || j.Err != nil {
			return false
		}
		_, onBPM := j.Spec.Template("config/bpm.yml")
		return !onBPM
	})
}

// wasRoot says whether a process ran as root and runs as vcap.
func (c *comparison) wasRoot() bool {
	for i := range c.usedBefore {
		if c.before.vm.Events[i].User == "root" {
			return true
		}
	}
	return false
}

// ofVM says whether a folder was there before the job: others use it, too, and
// what bpm makes vcap's alone is taken from them.
func (c *comparison) ofVM(p string) bool {
	_, there := c.after.before.Get(p)
	return there
}

// own says whether a folder is one of those that bpm gives to vcap.
func (c *comparison) own(p string) bool {
	for _, d := range []string{"/var/vcap/sys/log/", "/var/vcap/sys/run/", "/var/vcap/data/", "/var/vcap/store/"} {
		if p == d+c.job {
			return true
		}
	}
	return false
}

func content(n vm.Node) string {
	data, err := n.Data()
	if err != nil {
		return ""
	}
	return string(data)
}

// describe shows a node: mode, owner, and the beginning of what is in it.
func (c *comparison) describe(p string, n vm.Node) string {
	if n.Mode&fs.ModeSymlink != 0 {
		return "link to " + n.Link
	}
	s := meta(n)
	if text := content(n); n.Mode.IsRegular() && text != "" {
		s += "\n" + text
	}
	return s
}

// meta shows the mode and the owner of a node.
func meta(n vm.Node) string { return fmt.Sprintf("%s %s:%s", n.Mode, n.Owner, n.Group) }
