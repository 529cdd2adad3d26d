package verify

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// comparison compares a job on two machines, in one case.
type comparison struct {
	job           string
	before, after *side
	// awkward says that the values of the case have characters that shells read.
	awkward bool
	// ran says that the old side came to a process.
	ran bool
	// used are the executions on both sides that are the launch of a process.
	usedBefore, usedAfter map[int]bool
	rows                  []Row
}

func (c *comparison) add(r Row) { c.rows = append(c.rows, r) }

// same adds a row for what is alike, or a difference.
func (c *comparison) compare(aspect, before, after, rule string) {
	switch {
	case before == after:
		c.add(Row{Aspect: aspect, Before: before, After: after, Status: Same})
	case rule != "":
		c.add(Row{Aspect: aspect, Before: before, After: after, Status: Explained, Rule: rule, Because: rules[rule]})
	default:
		c.add(Row{Aspect: aspect, Before: before, After: after, Status: Unexplained})
	}
}

// processes compares what monit starts on both sides.
func (c *comparison) processes() []Process {
	var out []Process
	for _, k := range c.after.checks {
		if len(k.start) == 0 {
			continue
		}
		out = append(out, c.process(k))
	}
	for _, k := range c.before.checks {
		if len(k.start) == 0 || slices.ContainsFunc(c.after.checks, func(a check) bool { return a.name == k.name }) {
			continue
		}
		p := Process{Name: k.name, Status: Unexplained, Before: shown(k.start)}
		p.Rows = []Row{{Aspect: "process", Before: "monit starts it", After: "monit does not", Status: Unexplained}}
		out = append(out, p)
	}
	return out
}

// isBPM says whether a check is started by bpm.
func isBPM(start []string) bool {
	return slices.ContainsFunc(start, func(w string) bool { return strings.HasSuffix(w, "bpm/bin/bpm") })
}

func (c *comparison) process(k check) Process {
	p := Process{Name: k.name, Status: Same}
	old := slices.IndexFunc(c.before.checks, func(b check) bool { return b.name == k.name })
	if old >= 0 && slices.Equal(c.before.checks[old].start, k.start) && !isBPM(k.start) {
		c.ran = true
		p.Why = "it is started as it was"
		return p
	}
	main, after := c.launch(c.after, k)
	if after == nil {
		if _, b := c.launch(c.before, k); b == nil && c.awkward {
			p.Status, p.Why = NotRun, "neither side comes to the process with such values"
			return p
		}
		p.Why = "nothing was executed in the container"
		if l := c.after.launched[k.name]; l != nil && l.err != "" {
			p.Why = "bpm does not start it: " + l.err
		} else if missing := c.after.missing(); missing != "" {
			p.Why += ": " + missing
		}
		if out := lastOutput(c.after); out != "" && !strings.Contains(p.Why, out) {
			p.Why += "; the last it printed is: " + out
		}
		if _, b := c.launch(c.before, k); b == nil {
			p.Status, p.Why = NotRun, "neither side executes a program that is not of the stemcell; the new one: "+p.Why
			return p
		}
		p.Status = Unexplained
		p.Rows = []Row{{Aspect: "executable", Before: c.lastProgram(c.before, k), After: "", Status: Unexplained, Because: p.Why}}
		return p
	}
	c.usedAfter[main] = true
	i, before := c.match(k, after)
	if before == nil {
		if c.awkward {
			p.Status, p.Why = NotRun, "the old start program does not come to the process with such values"
			return p
		}
		if len(programs(c.before, "")) == 0 {
			p.Status, p.Why = NotRun, "the old start program executes nothing that is not of the stemcell"
			if out := lastOutput(c.before); out != "" {
				p.Why += "; the last it printed is: " + out
			}
			return p
		}
		p.After, p.Status = shown(after.Args), Unexplained
		p.Rows = []Row{{Aspect: "executable", Before: c.lastProgram(c.before, k), After: shown(after.Args), Status: Unexplained}}
		return p
	}
	c.usedBefore[i], c.ran = true, true
	p.Before, p.After = shown(before.Args), shown(after.Args)
	c.rows = nil
	c.launches(k, before, after)
	p.Rows, c.rows = c.rows, nil
	for _, r := range p.Rows {
		p.Status = p.Status.Worse(r.Status)
	}
	return p
}

// missing is what a side wanted to execute and did not find.
func (s *side) missing() string {
	for _, u := range s.vm.Unknown {
		if strings.HasPrefix(u, "not in the container: ") || strings.HasPrefix(u, "command not found: ") {
			return u
		}
	}
	return ""
}

func lastOutput(s *side) string {
	for _, l := range slices.Backward(s.vm.Output) {
		if l != "" {
			return l
		}
	}
	return ""
}

// programs are the executions of a side that may be the launch: of programs, on
// the start of a check, or of all of them.
func programs(s *side, name string) []int {
	var out []int
	for i, e := range s.vm.Events {
		if e.Kind == vm.Program && (e.Phase == "start "+name || name == "" && strings.HasPrefix(e.Phase, "start ")) && !harmless[path.Base(e.Path)] {
			out = append(out, i)
		}
	}
	return out
}

// launch is the last program that is executed where the process is to run.
func (c *comparison) launch(s *side, k check) (int, *vm.Event) {
	list := programs(s, k.name)
	if isBPM(k.start) {
		list = slices.DeleteFunc(list, func(i int) bool { return !s.vm.Events[i].Inside })
	}
	if len(list) == 0 {
		// a command of the stemcell may be the process: cron, sleep, rsyslogd
		for i, e := range slices.Backward(s.vm.Events) {
			if e.Kind == vm.Recorded && e.Phase == "start "+k.name && (e.Inside || !isBPM(k.start)) && !harmless[path.Base(e.Path)] {
				return i, &s.vm.Events[i]
			}
		}
		return -1, nil
	}
	i := list[len(list)-1]
	return i, &s.vm.Events[i]
}

func (c *comparison) lastProgram(s *side, k check) string {
	if _, e := c.launch(s, k); e != nil {
		return shown(e.Args)
	}
	if list := programs(s, ""); len(list) > 0 {
		return shown(s.vm.Events[list[len(list)-1]].Args)
	}
	return ""
}

// match finds the execution before that became the launch after: with the same
// arguments, or the closest with the same program. That of the same check is
// preferred.
func (c *comparison) match(k check, after *vm.Event) (int, *vm.Event) {
	list := programs(c.before, k.name)
	others := programs(c.before, "")
	if after.Kind == vm.Recorded {
		list, others = nil, nil
		for i, e := range c.before.vm.Events {
			if e.Kind == vm.Recorded && strings.HasPrefix(e.Phase, "start ") {
				others = append(others, i)
				if e.Phase == "start "+k.name {
					list = append(list, i)
				}
			}
		}
	}
	exe := c.executable(after.Path)
	best, score := -1, -1
	for _, candidates := range [][]int{list, others} {
		for _, i := range candidates {
			e := &c.before.vm.Events[i]
			if c.usedBefore[i] {
				continue
			}
			n := 0
			switch {
			case c.executable(e.Path) == exe:
				n = 1000
			case path.Base(e.Path) == path.Base(exe):
				n = 500
			default:
				continue
			}
			if slices.Equal(c.args(e.Args), c.args(after.Args)) {
				n += 400
			} else {
				n += common(e.Args, after.Args)
			}
			if n >= score {
				best, score = i, n
			}
		}
		if best >= 0 {
			return best, &c.before.vm.Events[best]
		}
	}
	// another program: the last of the check
	if len(list) > 0 {
		i := list[len(list)-1]
		if !c.usedBefore[i] && !c.awkward {
			return i, &c.before.vm.Events[i]
		}
	}
	return -1, nil
}

// common counts the arguments that two command lines share, up to 300.
func common(a, b []string) int {
	n := 0
	for _, x := range a {
		if slices.Contains(b, x) {
			n++
		}
	}
	return min(n, 300)
}

// executable is a path with the links of a VM followed.
func (c *comparison) executable(p string) string {
	p = path.Clean(p)
	for _, from := range []string{"/var/vcap/data/packages/", "/var/vcap/jobs/" + c.job + "/packages/"} {
		if rest, ok := strings.CutPrefix(p, from); ok {
			p = "/var/vcap/packages/" + rest
		}
	}
	for _, d := range []string{"/bin/", "/sbin/"} {
		if strings.HasPrefix(p, d) {
			p = "/usr" + p
		}
	}
	return p
}

// args are the arguments behind the name.
func (c *comparison) args(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	return args[1:]
}

// launches compares what two processes see.
func (c *comparison) launches(k check, b, a *vm.Event) {
	c.compare("executable", c.executable(b.Path), c.executable(a.Path), "")
	c.argv(b, a)
	c.env(b, a)
	c.compare("cwd", b.Dir, a.Dir, startDir(b))
	userRule := ""
	if b.User == "root" && a.User == "vcap" {
		userRule = "user-vcap"
	}
	c.compare("user", b.User, a.User, userRule)
	c.limits(b, a)
	c.capabilities(b, a)
	c.access(b, a)
	pid := slices.IndexFunc(c.after.checks, func(x check) bool { return x.name == k.name })
	if isBPM(k.start) && pid >= 0 {
		want := "/var/vcap/sys/run/bpm/"
		if !strings.HasPrefix(c.after.checks[pid].pidfile, want) {
			c.add(Row{Aspect: "pidfile", Before: want + "...", After: c.after.checks[pid].pidfile, Status: Unexplained, Because: "monit does not look where bpm writes it"})
		}
	}
}

// startDir is the rule for a working directory that the old script did not choose.
func startDir(b *vm.Event) string {
	switch {
	case b.Dir == "/":
		return "start-dir"
	case b.Dir == b.Env["HOME"] && (b.Dir == "/home/vcap" || b.Dir == "/root"):
		return "login-dir"
	}
	return ""
}

func (c *comparison) argv(b, a *vm.Event) {
	x, y := c.args(b.Args), c.args(a.Args)
	if slices.Equal(x, y) {
		c.add(Row{Aspect: "argv", Before: shown(x), After: shown(y), Status: Same})
		return
	}
	c.compare("argv", shown(x), shown(y), "")
	last := &c.rows[len(c.rows)-1]
	last.Because = ""
}

// shown prints a command line so that the shell would read it.
func shown(args []string) string {
	var out []string
	for _, a := range args {
		q, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			q = fmt.Sprintf("%q", a)
		}
		out = append(out, q)
	}
	return strings.Join(out, " ")
}

var (
	// bookkept are set by the shell, monit or a login, not by the script.
	bookkept = map[string]bool{"PWD": true, "OLDPWD": true, "SHLVL": true, "_": true, "TERM": true, "MAIL": true, "USER": true, "LOGNAME": true, "SHELL": true, "USERNAME": true}
	byBPM    = map[string]bool{"TMPDIR": true, "LANG": true, "HOME": true}
	// defaultDirs are on PATH whatever the script says.
	defaultDirs = map[string]bool{"/usr/local/games": true, "/usr/games": true, "/snap/bin": true, "/bin": true, "/usr/bin": true, "/sbin": true, "/usr/sbin": true,
		"/usr/local/bin": true, "/usr/local/sbin": true, ".": true, "": true}
)

func (c *comparison) env(b, a *vm.Event) {
	kept := 0
	for _, name := range slices.Sorted(maps.Keys(b.Env)) {
		x := b.Env[name]
		y, there := a.Env[name]
		switch {
		case there && x == y:
			kept++
		case name == "PATH":
		case name == "HOME" && (x == "/home/vcap" || x == "/root"):
			c.compare("env-changed:HOME", x, y, "login-env")
		case strings.HasPrefix(name, "MONIT_"):
			c.compare("env-changed:"+name, x, y, "monit-env")
		case bookkept[name] || strings.HasPrefix(name, "SUDO_"):
			c.compare("env-changed:"+name, x, y, "login-env")
		case !there:
			c.compare("env-missing:"+name, x, "", "")
		default:
			c.compare("env-changed:"+name, x, y, "")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		if _, there := b.Env[name]; there || name == "PATH" {
			continue
		}
		rule := ""
		if byBPM[name] {
			rule = "bpm-env"
		} else if bookkept[name] {
			rule = "login-env"
		}
		c.compare("env-extra:"+name, "", a.Env[name], rule)
	}
	x, y := c.dirs(b.Env["PATH"]), c.dirs(a.Env["PATH"])
	kept++
	if left := slices.DeleteFunc(slices.Clone(y), func(d string) bool { return !slices.Contains(x, d) }); !slices.Equal(left, x) {
		c.compare("env-changed:PATH", b.Env["PATH"], a.Env["PATH"], "")
		kept--
	} else if more := slices.DeleteFunc(slices.Clone(y), func(d string) bool {
		return slices.Contains(x, d) || d == "/var/vcap/jobs/"+c.job+"/bin"
	}); len(more) > 0 {
		c.compare("env-extra:PATH", "", strings.Join(more, ":"), "")
	}
	c.add(Row{Aspect: "env", Before: fmt.Sprintf("%d variables", kept), After: fmt.Sprintf("%d variables", kept), Status: Same})
}

// dirs are the folders of PATH that a stemcell's does not have, each once.
func (c *comparison) dirs(value string) []string {
	var out []string
	for _, d := range strings.Split(value, ":") {
		if defaultDirs[d] {
			continue
		}
		if strings.HasPrefix(d, "/") {
			d = c.executable(d)
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// limitNames are the names of limits by their letter.
var limitNames = map[string]string{"n": "open_files", "u": "processes", "c": "core_file_size", "l": "memlock", "s": "stack", "v": "virtual_memory", "m": "memory", "d": "data", "t": "cpu", "f": "file_size"}

func (c *comparison) limits(b, a *vm.Event) {
	letters := map[string]bool{"n": true}
	for l := range b.Limits {
		letters[l] = true
	}
	for l := range a.Limits {
		letters[l] = true
	}
	for _, l := range slices.Sorted(maps.Keys(letters)) {
		name := limitNames[l]
		if name == "" {
			name = "ulimit -" + l
		}
		x, set := b.Limits[l]
		y := a.Limits[l]
		rule := ""
		switch {
		case l == "n" && !set:
			x = "1024"
			if y == "524288" {
				rule = "open-files"
			}
		case l == "n" && (x == "unlimited" || x == "hard") && y == "524288":
			rule = "open-files"
		case l == "c" && set && x == y:
		case !set && x == "":
			x = "as the VM has it"
		}
		if y == "" {
			y = "as the VM has it"
		}
		c.compare("limit:"+name, x, y, rule)
	}
}

func (c *comparison) capabilities(b, a *vm.Event) {
	before, after := slices.Clone(b.Capabilities), slices.Clone(a.Capabilities)
	slices.Sort(before)
	slices.Sort(after)
	show := func(e *vm.Event, list []string) string {
		if e.User == "root" && e.Capabilities == nil {
			return "all"
		}
		if len(list) == 0 {
			return "none"
		}
		return strings.Join(list, " ")
	}
	x, y := show(b, before), show(a, after)
	rule := ""
	if x == "all" {
		rule = "capabilities"
	}
	c.compare("capabilities", x, y, rule)
}

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

var pidfile = regexp.MustCompile(`\.(pid|lock)$`)

// access compares what the processes may do with the paths that they are told of:
// in their arguments, their environment, and the files that they are given.
func (c *comparison) access(b, a *vm.Event) {
	told := map[string]bool{}
	note := func(text string) {
		for _, p := range paths(text) {
			told[p] = true
		}
	}
	for _, s := range b.Args {
		note(s)
	}
	for name, v := range b.Env {
		// what the new process is not told of is a difference of its environment
		if name != "PATH" && !bookkept[name] && name != "HOME" && a.Env[name] == v {
			note(v)
		}
	}
	if startDir(b) == "" {
		told[b.Dir] = true
	}
	c.toldByFiles(note)
	for p, n := range c.before.vm.Files.Snapshot() {
		// a folder that the script made for the process
		if n.By != "" && n.Mode.IsDir() && !c.passing(p) && strings.HasPrefix(p, "/var/vcap/") && (n.Owner == b.User || n.Owner == "vcap") {
			told[p] = true
		}
	}
	same := 0
	before, after := c.viewer(c.before, b), c.viewer(c.after, a)
	for _, p := range slices.Sorted(maps.Keys(told)) {
		x, y := can(before, p), can(after, p)
		if lost := lost(p, x, y); lost == "" {
			same++
			continue
		}
		rule := ""
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
		if err == nil {
			note(string(data))
		}
	}
}

// notConfiguration are targets that the process does not read.
var notConfiguration = regexp.MustCompile(`^(bin|packages)/|(^|/)(bpm\.yml|.*logrotate.*|.*drain.*|.*syslog.*|.*\.sh|indicators.*|.*\.ya?ml\.example|dns/.*|aliases\.json)$`)

// viewer is a process that looks at paths as the launched one would.
func (c *comparison) viewer(s *side, e *vm.Event) *vm.Process {
	p := s.vm.Root(e.Env)
	p.Dir = e.Dir
	p.Identity = e.Identity
	if e.Inside {
		for _, l := range s.launched {
			if l.process.Name != "" && e.Phase == "start "+c.checkOf(s, l) {
				box := container.Of(c.job, l.process)
				p.Container = &box
			}
		}
	}
	return p
}

func (c *comparison) checkOf(s *side, l *launched) string {
	for name, x := range s.launched {
		if x == l {
			return name
		}
	}
	return ""
}

// can tells what a process may do with a path, as ls does: d for a folder, then
// r, w and x. What is not there and may be made there is "+"; "-" is what is not
// there.
func can(p *vm.Process, name string) string {
	n, err := p.Stat(name)
	if err != nil {
		dir := path.Dir(name)
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

// harmless are commands that look, print or tell somebody; that one side does
// not call them makes no difference to the process.
var harmless = map[string]bool{"logger": true, "monit": true, "curl": true, "wget": true, "dig": true, "host": true, "nslookup": true, "nc": true, "ping": true, "pkill": true, "killall": true,
	"strace": true, "lsof": true, "netstat": true, "ss": true, "git": true, "sync": true, "fuser": true, "pstree": true, "top": true, "vmstat": true, "iostat": true}

// setup compares what happens beside the launches.
func (c *comparison) setup() []Row {
	c.rows = nil
	for _, err := range c.after.failed {
		c.add(Row{Aspect: "template", Before: "renders", After: err.Error(), Status: Unexplained})
	}
	if !c.ran {
		return c.rows // the old side stopped on the way: what it did not do says nothing
	}
	c.commands()
	c.tree()
	c.templates()
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
		if strings.Contains(a, "\n") {
			a = strings.Join(strings.Fields(a), " ") // how a text is indented says nothing
		}
		args = append(args, a)
	}
	return shown(append([]string{name}, args...))
}

// commands compares the programs and commands that are executed beside.
func (c *comparison) commands() {
	list := func(s *side, used map[int]bool) (keys []string, first map[string]*vm.Event) {
		first = map[string]*vm.Event{}
		for i := range s.vm.Events {
			e := &s.vm.Events[i]
			if used[i] || e.Kind != vm.Program && e.Kind != vm.Recorded || harmless[path.Base(e.Path)] {
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
	for p, n := range b {
		if n.By != "" || c.before.before[p].Mode == 0 && !n.Assumed {
			names[p] = true
		}
	}
	for p, n := range a {
		if n.By != "" && n.By != made {
			names[p] = true
		}
	}
	for p := range c.before.before {
		_, x := b[p]
		_, y := a[p]
		if !x || !y {
			names[p] = true // taken away
		}
	}
	// the templates of the job are compared by themselves
	for _, s := range []*side{c.before, c.after} {
		for p := range s.before {
			if strings.HasPrefix(p, "/var/vcap/jobs/"+c.job+"/") {
				delete(names, p)
			}
		}
	}
	same := 0
	for _, p := range slices.Sorted(maps.Keys(names)) {
		if c.passing(p) {
			continue
		}
		x, inBefore := b[p]
		y, inAfter := a[p]
		from := len(c.rows)
		kind := "file:"
		if x.Mode.IsDir() || !inBefore && y.Mode.IsDir() {
			kind = "folder:"
		}
		switch {
		case inBefore && !inAfter:
			c.compare(kind+p, c.describe(p, x), "", c.missingRule(p, x))
		case !inBefore && inAfter:
			if _, was := c.before.before[p]; was {
				c.compare(kind+p, "removed", c.describe(p, y), "")
				break
			}
			c.compare(kind+p, "", c.describe(p, y), "")
		default:
			c.node(kind+p, p, x, y, &same)
		}
		for i := from; i < len(c.rows); i++ {
			if c.rows[i].At = c.before.place(x.Script, x.Line); c.rows[i].At.File == nil {
				c.rows[i].At = c.after.place(y.Script, y.Line)
			}
		}
	}
	if same > 0 {
		s := fmt.Sprintf("%d files and folders", same)
		c.add(Row{Aspect: "files", Before: s, After: s, Status: Same})
	}
}

// missingRule explains what is not made any more.
func (c *comparison) missingRule(p string, x vm.Node) string {
	if p == "/var/vcap/sys/run/"+c.job || strings.HasPrefix(p, "/var/vcap/sys/run/"+c.job+"/") && x.Mode.IsDir() {
		return "pidfile"
	}
	return ""
}

// node compares what is there on both sides.
func (c *comparison) node(aspect, p string, x, y vm.Node, same *int) {
	before, after := c.describe(p, x), c.describe(p, y)
	if before == after {
		*same++
		return
	}
	rule := ""
	onlyOwner := x.Mode.Type() == y.Mode.Type() && x.Link == y.Link && content(x) == content(y)
	switch {
	case !onlyOwner:
	case x.Owner == "root" && y.Owner == "vcap" && x.Mode == y.Mode && c.wasRoot():
		rule = "owner-vcap"
	case y.By == made:
		rule = "bpm-folder"
	case y.Owner == "vcap" && x.Mode.IsDir() && c.own(p):
		rule = "bpm-folder" // what a script did before, bpm would do at the next start
	}
	c.compare(aspect, before, after, rule)
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
	s := fmt.Sprintf("%s %s:%s", n.Mode, n.Owner, n.Group)
	if n.Mode.IsRegular() {
		if text := content(n); text != "" {
			s += fmt.Sprintf(" %q", text)
		}
	}
	return s
}

// templates compares the templates that differ between the sides, or that only
// one has, and that are no part of the start path.
func (c *comparison) templates() {
	targets := func(s *side) map[string]string {
		out := map[string]string{}
		for _, t := range s.job.Spec.Templates {
			out[path.Clean(t.Target)] = t.Source
		}
		return out
	}
	b, a := targets(c.before), targets(c.after)
	for _, target := range slices.Sorted(maps.Keys(b)) {
		src, there := a[target]
		if !there || strings.HasPrefix(target, "bin/") || target == "config/bpm.yml" {
			continue
		}
		x, errX := c.before.template(b[target])
		y, errY := c.after.template(src)
		if errX != nil || errY != nil {
			if (errX == nil) != (errY == nil) {
				c.compare("template:"+target, text(errX), text(errY), "")
			}
			continue
		}
		if string(x) != string(y) {
			gone, come := changedLines(string(x), string(y))
			c.compare("template:"+target, gone, come, "")
			c.rows[len(c.rows)-1].At = c.after.templateSpan(src)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[target]; !there && !strings.HasPrefix(target, "bin/") {
			c.compare("template:"+target, "rendered", "", "")
			c.rows[len(c.rows)-1].At = c.before.templateSpan(b[target])
		}
	}
}

// changedLines are the lines that only one of two texts has.
func changedLines(x, y string) (gone, come string) {
	edits := udiff.Lines(x, y)
	var old, now []string
	for _, e := range edits {
		old = append(old, strings.TrimSpace(x[e.Start:e.End]))
		now = append(now, strings.TrimSpace(e.New))
	}
	return strings.Join(old, "\n"), strings.Join(now, "\n")
}

// templateSpan is the beginning of a template.
func (s *side) templateSpan(src string) source.Span {
	f, err := s.job.Release.Read(s.job.TemplateName(src))
	if err != nil {
		return source.Span{}
	}
	return source.Span{File: f}
}

func text(err error) string {
	if err == nil {
		return "renders"
	}
	return err.Error()
}

// sortDifferences puts the worst first.
func sortDifferences(ds []Difference) {
	sort.SliceStable(ds, func(i, j int) bool {
		if worst[ds[i].Status] != worst[ds[j].Status] {
			return worst[ds[i].Status] > worst[ds[j].Status]
		}
		if ds[i].Process != ds[j].Process {
			return ds[i].Process < ds[j].Process
		}
		return ds[i].Aspect < ds[j].Aspect
	})
}
