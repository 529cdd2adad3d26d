package verify

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// Moment is when in the life of a VM a difference is seen; "" is the first deploy.
// Each begins with what the first deploy left, so that a difference belongs to one.
type Moment string

const (
	// Stop: the agent runs pre-stop and drain, monit the stop programs, the agent
	// post-stop.
	Stop Moment = "at the stop"
	// Restart: the processes died, and monit starts them again.
	Restart Moment = "after a restart by monit"
	// Reboot: what is in memory only is gone, and monit starts the processes;
	// pre-start does not run.
	Reboot Moment = "after a reboot"
	// SecondDeploy: the job is stopped and deployed once more.
	SecondDeploy Moment = "at the second deploy"
	// Upgrade: the old job was deployed and stopped, and the new one is deployed
	// over what that left. Compared with the old one's second deploy.
	Upgrade Moment = "at the upgrade"
)

// left is the phase of what processes write by themselves.
const left = "process"

// volatile are the folders that a reboot empties: tmpfs, devices, and what the kernel
// was told. /tmp is a folder on the ephemeral disk (bosh-agent, SetupTmpDir).
var volatile = []string{"/var/vcap/sys/run", "/run", "/dev", "/proc", "/sys"}

// untilReboot are the commands whose effect is in the kernel only, with the arguments
// that ask or take back: after a reboot there is nothing to take back.
var untilReboot = map[string]*search.Pattern{
	"sysctl": search.MustCompile(`^[^=]*$`), "modprobe": search.MustCompile(`^(-r|--remove|-R|-c|-n)\b`), "insmod": nothing, "mount": search.MustCompile(`^(-l|-h|-V)?$`), "swapon": search.MustCompile(`^(-s|--show.*|--summary)?$`),
	"losetup": search.MustCompile(`^(-d\b|--detach|-a\b|-l\b|-f$|-j\b|$)`), "cryptsetup": search.MustCompile(`^(close|luksClose|status|remove)\b`), "dmsetup": search.MustCompile(`^(remove|info|ls|status|table)\b`),
	"iptables": takesBack, "ip6tables": takesBack, "ebtables": takesBack, "arptables": takesBack, "iptables-legacy": takesBack, "iptables-nft": takesBack, "iptables-restore": nothing, "ip6tables-restore": nothing,
	"ipset": search.MustCompile(`^(destroy|flush|del|list|save|test|-X|-F|-L)\b`), "nft": search.MustCompile(`^(flush|delete|list)\b`),
	"ip": search.MustCompile(`\b(del|delete|flush|show|list|ls|get|help|down)\b|^(-\S+ )*\w+$`), "ifconfig": search.MustCompile(`^\S*( down)?$`), "ifup": nothing, "route": search.MustCompile(`\bdel\b|^(-\S+ ?)*$`), "tc": search.MustCompile(`\b(del|show|list)\b`),
	"brctl": search.MustCompile(`^(delbr|delif|show)`), "bridge": search.MustCompile(`\b(del|show)\b`), "ethtool": search.MustCompile(`^[^-]`), "hostname": search.MustCompile(`^(-[sfdiaIyA]+|--\w+)?$`),
	"mount.nfs": nothing, "mount.fuse": nothing, "mdadm": search.MustCompile(`--(stop|detail|examine)|^-[SDE]`), "blockdev": search.MustCompile(`--(get|report)`), "hdparm": nothing,
}

var (
	nothing   = search.MustCompile(`^$`)
	takesBack = search.MustCompile(`(^| )(-[DFXZLSC]|--(delete|flush|delete-chain|zero|list|list-rules|check))( |$)`)
)

// inKernel says whether a command tells the kernel something that a reboot forgets.
func inKernel(e *vm.Event) bool {
	asks, known := untilReboot[path.Base(e.Path)]
	if !known {
		return false
	}
	line := strings.Join(e.Args[min(1, len(e.Args)):], " ")
	if path.Base(e.Path) == "sysctl" && (strings.HasPrefix(line, "-p") || strings.HasPrefix(line, "--load") || strings.HasPrefix(line, "--system")) {
		return true
	}
	return !asks.MatchString(line)
}

// lives are the places of scripts of which the later moments were compared.
type lives map[string]bool

// compare compares the later moments of a case, if it takes a way that none before
// took: what a value is makes no difference to where a folder lies, and a run of each
// moment for each value would take five times as long. It says whether it did.
func (l lives) compare(result *Case, c *comparison) (fresh bool) {
	if c == nil || c.awkward || !c.ran {
		return false
	}
	note := func(place string) {
		fresh = fresh || !l[place]
		l[place] = true
	}
	c.before.trodden("before", note)
	c.after.trodden("after", note)
	if fresh {
		life(result, c)
	}
	return fresh
}

// life compares the later moments of a case that ran: rows that its first deploy does
// not have are added to it. c compared the first deploy.
func life(result *Case, c *comparison) {
	before, after, marks := c.leave()
	first := rowsOf(result)
	add := func(m Moment, x *comparison, processes []Process, setup []Row) {
		fresh := func(process string, rows []Row) (out []Row) {
			for _, r := range rows {
				if r.Moment = m; r.Status != Same && first.adds(process, r) {
					out = append(out, r)
				}
			}
			return out
		}
		for _, p := range processes {
			if i := slices.IndexFunc(result.Processes, func(q Process) bool { return q.Name == p.Name }); i >= 0 {
				result.Processes[i].Rows = append(result.Processes[i].Rows, fresh(p.Name, p.Rows)...)
			}
		}
		result.Setup = append(result.Setup, fresh("", setup)...)
	}
	next := func(m Moment, b, a *side) {
		x := &comparison{job: c.job, before: b, after: a, moment: m, first: c, marks: marks, invented: c.invented, usedBefore: map[int]bool{}, usedAfter: map[int]bool{}}
		processes := x.processes()
		setup := x.setup()
		if x.ran {
			setup = append(setup, x.kept()...)
		}
		add(m, x, processes, setup)
	}
	each := func(do func(s *side)) (b, a *side) {
		b, a = before.again(), after.again()
		do(b)
		do(a)
		return b, a
	}
	b, a := each(func(s *side) { s.restart() })
	next(Restart, b, a)
	b, a = each(func(s *side) { s.reboot() })
	next(Reboot, b, a)
	b, a = each(func(s *side) { s.stopAll() })
	add(Stop, nil, nil, stops(b, a))
	upgraded := after.onto(b)
	for _, s := range []*side{b, a, upgraded} {
		s.vm.Forget()
		s.deploy()
	}
	next(SecondDeploy, b, a)
	next(Upgrade, b, upgraded)
}

// known are the rows of a case, by process and aspect.
type known map[string][]Row

func rowsOf(c *Case) known {
	all := known{}
	c.each(func(process string, r *Row) {
		if r.Status != Same {
			all[process+"\x00"+r.Aspect] = append(all[process+"\x00"+r.Aspect], *r)
		}
	})
	return all
}

// adds says whether a row says something that the ones before did not, and notes it.
// What rules explain at both times is no news, whatever the values are: pids are in
// them.
func (k known) adds(process string, r Row) bool {
	at := process + "\x00" + r.Aspect
	for _, x := range k[at] {
		if x.Before == r.Before && x.After == r.After || x.Rule != "" && r.Rule != "" {
			return false
		}
	}
	k[at] = append(k[at], r)
	return true
}

// again is the side as its first deploy left it, on a machine of its own.
func (s *side) again() *side {
	c := *s
	c.vm = s.vm.Clone()
	c.vm.Forget()
	c.failed = nil
	c.launched, c.running, c.containers = map[string]*launched{}, maps.Clone(s.running), maps.Clone(s.containers)
	c.status, c.started, c.printed = map[string]int{}, map[string]int{}, map[string]string{}
	c.bind()
	return &c
}

// onto is the side on the machine of another one, whose job it takes the place of.
func (s *side) onto(old *side) *side {
	c := s.again()
	c.vm = old.vm.Clone()
	c.running, c.containers = map[string]*launched{}, map[string]string{}
	c.vm.Files.Delete("/var/vcap/jobs/" + s.job.Name)
	c.jobFolders()
	c.install()
	return c
}

// restart is what follows when the processes were killed.
func (s *side) restart() {
	s.vm.Die()
	s.startAll()
}

// reboot empties what is in memory only. The agent makes the folders of the job again,
// and nothing below them, before it starts monit.
func (s *side) reboot() {
	s.vm.Die()
	s.running, s.containers = map[string]*launched{}, map[string]string{}
	for _, d := range volatile {
		s.vm.Files.Restore(d, s.before)
	}
	s.vm.Files.AddDir("/var/vcap/sys/run", "root", "vcap", 0o750)
	s.jobFolders()
	s.startAll()
}

// stopAll stops the job as an update does (bosh-agent, agent/action/drain.go, stop.go).
func (s *side) stopAll() {
	s.vm.Later()
	s.script("pre-stop")
	s.drain()
	s.current = ""
	for _, c := range s.checks {
		if len(c.stop.args) > 0 {
			s.vm.Phase = "stop " + c.name
			s.status[s.vm.Phase] = s.monit(c.stop)
		}
	}
	s.script("post-stop")
	s.vm.Die() // monit has seen that they are gone
}

// maxDrains is how often a drain script is asked again.
const maxDrains = 5

// drain runs the drain script until it says that the job can be stopped (bosh-agent,
// agent/script/drain/concrete_script.go).
func (s *side) drain() {
	s.vm.Signals = nil
	args := []string{"job_changed", "hash_changed"}
	said := ""
	for range maxDrains {
		s.script("drain", args...)
		printed := strings.TrimSpace(s.printed["drain"])
		said = strings.TrimSpace(said + " " + printed)
		if n, err := strconv.Atoi(printed); err != nil || n >= 0 || s.status["drain"] != 0 {
			break
		}
		args = []string{"job_check_status", "hash_unchanged"}
	}
	s.printed["drain"] = said
	s.signals = slices.Clone(s.vm.Signals)
}

// stops compares how a job is stopped.
func stops(b, a *side) []Row {
	var rows []Row
	for _, name := range slices.Sorted(maps.Keys(a.status)) {
		x, ran := b.status[name]
		if y := a.status[name]; y != 0 && x == 0 {
			r := Row{Aspect: "status:" + name, After: fmt.Sprint(y), Status: Unexplained}
			if ran {
				r.Before = "0"
			}
			rows = append(rows, r)
		}
	}
	_, drains := b.status["drain"]
	_, drained := a.status["drain"]
	if !drains || !drained {
		return rows
	}
	if x, y := b.printed["drain"], a.printed["drain"]; x != y {
		rows = append(rows, Row{Aspect: "drain", Before: "prints " + strconv.Quote(x), After: "prints " + strconv.Quote(y), Status: Unexplained})
	}
	for _, signal := range b.signals {
		r := Row{Aspect: "drain:" + signal, Before: "sends " + signal + " to the process", Status: Unexplained}
		if !slices.Contains(a.signals, signal) && !slices.ContainsFunc(rows, func(x Row) bool { return x.Aspect == r.Aspect }) {
			rows = append(rows, r)
		}
	}
	return rows
}

// match is a process that was compared, as both sides executed it.
type match struct {
	process       string
	before, after *vm.Event
	// told are the paths that it is told of.
	told map[string]bool
}

// leave makes both sides again, with a file of each process in each of the folders
// that it is told of and may write: what processes write by themselves is there, and
// belongs to them, when scripts come to the folder again. marks are these files, with
// their processes.
func (c *comparison) leave() (before, after *side, marks map[string]string) {
	before, after, marks = c.before.again(), c.after.again(), map[string]string{}
	for _, m := range c.matches {
		if path.Base(m.before.Path) != path.Base(m.after.Path) {
			continue // who the process is, is not known
		}
		x, y := c.viewer(c.before, m.before), c.viewer(c.after, m.after)
		for p := range m.told {
			dir := p
			if n, err := x.Stat(p); err != nil || !n.Mode.IsDir() {
				dir = path.Dir(p) // it makes the file
			}
			if n, err := x.Stat(dir); err != nil || !n.Mode.IsDir() || !c.mine(dir) || x.Access(dir, 3) != nil || y.Access(dir, 3) != nil {
				continue
			}
			name := path.Join(dir, writtenBy+m.process)
			if strings.HasPrefix(dir, "/var/vcap/sys/log/") {
				name += ".log"
			}
			write := func(s *side, e *vm.Event) {
				n := s.vm.Files.Add(name, "written by the process\n", 0o644)
				n.Owner, n.Group, n.By = e.User, e.Group, left
			}
			write(before, m.before)
			write(after, m.after)
			marks[name] = m.process
		}
	}
	return before, after, marks
}

// writtenBy begins the names of what processes leave.
const writtenBy = "written-by-"

// wroteIt says whether a path is that of something which a process left.
func wroteIt(name string) bool { return strings.HasPrefix(path.Base(name), writtenBy) }

// writtenGone is said of a folder from which a script removes what the process wrote.
const writtenGone = "what the process wrote there is removed"

// mine says whether a folder is one of a disk, a log or a run folder that somebody has
// for its own, and no temporary one.
func (c *comparison) mine(dir string) bool {
	switch place := container.Locate(c.job, dir); place.Kind {
	case container.Data, container.Store, container.Log, container.Run:
		return place.Owner != ""
	}
	return false
}

// kept compares what happened to the files that processes left.
func (c *comparison) kept() []Row {
	var rows []Row
	for _, p := range slices.Sorted(maps.Keys(c.marks)) {
		_, x := c.before.vm.Root(nil).Lstat(p)
		_, y := c.after.vm.Root(nil).Lstat(p)
		if (x == nil) == (y == nil) {
			continue
		}
		say := func(err error) string {
			if err == nil {
				return "what the process wrote there is kept"
			}
			return writtenGone
		}
		rows = append(rows, Row{Aspect: "folder:" + path.Dir(p), Before: say(x), After: say(y), Status: Unexplained})
	}
	return rows
}

// trodden are the places of the scripts that did something on a side, for the cases
// that take a way which none before took.
func (s *side) trodden(side string, note func(place string)) {
	for i := range s.vm.Events {
		e := &s.vm.Events[i]
		note(fmt.Sprintf("%s %d %s %s %s:%d", side, e.Kind, e.Phase, path.Base(e.Path), e.Script, e.Line))
	}
	for _, n := range s.vm.Files.Snapshot().Own() {
		if n.By != "" {
			note(fmt.Sprintf("%s %s %s:%d %s:%d", side, n.By, n.MadeBy, n.MadeAt, n.Script, n.Line))
		}
	}
	for name, l := range s.launched {
		if l.err != "" {
			note(side + " " + name + " not started")
		}
	}
}
