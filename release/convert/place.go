package convert

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// place is where a command goes.
type place struct {
	to   Destination
	note string
	// why is the claim with which it goes nowhere.
	why claim.Claim
}

// gone is the place of a command that is not needed any more.
func gone(why claim.Claim) place { return place{Dropped, why.String(), why} }

// placeAll decides on every command of the start path, and accounts for it.
func (w *job) placeAll(l *launch) bool {
	first := slices.Index(l.result.Commands, l.ways[0].Command)
	guards, follows := w.startGuards(l)
	last := Dropped
	aside := l.inBackground()
	waits := l.asksOther(first, aside)
	for _, c := range l.result.Commands {
		if c.Name() != "exec" || len(c.Words) > 1 {
			continue
		}
		for _, r := range c.Redirects {
			switch r.Fd {
			case "", "0", "1", "2", "&":
			default:
				return w.decline(c.Span, "%s opens a file for the process, and bpm gives it none but its output", oneLine(c.Span.Text()))
			}
		}
	}
	for i, c := range l.result.Commands {
		after := i > first && (l.ways[0].How != "exec" || l.ways[0].Command.Background) || aside[c]
		p := w.placeOf(l, c, after, guards[c] == ToHook)
		if guards[c] == ToPreStart && p.to == Dropped && !after {
			p = place{to: ToPreStart, note: "the set-up is not to begin when this fails"}
		}
		switch {
		case !follows[c]:
		case last != Dropped:
			p = place{to: last, note: "looks at the command before it"}
		case c.Test || c.Leave || w.isQuiet(c):
			p = gone(claim.LooksAtDropped)
		}
		if waits >= 0 && i >= waits && i < first && (p.to == ToPreStart || p.to == ToHook) {
			p = behindWait(c)
		}
		if !c.Followed && !c.Leave && (!w.isQuiet(c) || p.to != Dropped) && len(c.Words) > 0 {
			last = p.to
			if last == ToBPM || last == Review {
				last = Dropped
			}
		}
		l.places[c] = p
	}
	w.waitsBefore(l, first, aside)
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.AndOr {
			l.together(n)
		}
	})
	hooks := map[source.Span]bool{}
	for l.oneHook(hooks) {
	}
	moved := slices.IndexFunc(l.result.Commands, func(c *ctl.Command) bool { return hooks[c.Span] && l.places[c].to == ToHook })
	if moved >= 0 {
		for _, c := range l.result.Commands[moved:] {
			if l.places[c].to == ToPreStart && does(c) {
				w.find("not-understood", source.Warning, c.Span, "this ran behind %s (%s), which is in the hook as its function cannot be cut, and bin/pre-start runs before the hook", oneLine(l.result.Commands[moved].Text), l.result.Commands[moved].Span.Place())
				break
			}
		}
	}
	return true
}

// inBackground gives the commands of scripts and functions that the start sends to
// the background and does not wait for: they run beside the process.
func (l *launch) inBackground() map[*ctl.Command]bool {
	aside := map[*ctl.Command]bool{}
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if (n.Kind == ctl.Run || n.Kind == ctl.Call) && n.Command != nil && n.Command.Background && !holdsWay(l, n.Body) {
			ctl.Walk(n.Body, func(o *ctl.Node) {
				if o.Command != nil {
					aside[o.Command] = true
				}
			})
		}
	})
	return aside
}

func holdsWay(l *launch, nodes []*ctl.Node) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) { found = found || n.Command != nil && l.isWay(n.Command) != nil })
	return found
}

// asksOther gives the first command before the launch that waits for another
// process to answer, -1 when there is none.
func (l *launch) asksOther(first int, aside map[*ctl.Command]bool) int {
	loops := map[*ctl.Command]bool{}
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.Loop {
			ctl.Walk([]*ctl.Node{n}, func(o *ctl.Node) { loops[o.Command] = true })
		}
	})
	return slices.IndexFunc(l.result.Commands[:first], func(c *ctl.Command) bool {
		return !c.Followed && !aside[c] && asksHealth.MatchString(c.Text) && (loops[c] || strings.Contains(c.Text, "while ") || strings.Contains(c.Text, "until "))
	})
}

// behindWait places what can only be done once another process answers: at
// every start, and where the old script did it as vcap in the container, from
// where sockets in /tmp are seen.
func behindWait(c *ctl.Command) place {
	if c.Outer != nil && c.Outer.User == "vcap" {
		return place{to: ToWrapper, note: "done at every start, when another process answers"}
	}
	return place{to: ToHook, note: "done at every start, when another process answers"}
}

// together puts a list like a || b, which cannot be cut, where its set-up is.
func (l *launch) together(list *ctl.Node) {
	var hooks []*ctl.Command
	setup := false
	ctl.Walk([]*ctl.Node{list}, func(n *ctl.Node) {
		switch c := n.Command; {
		case n.Kind != ctl.Leaf:
		case l.places[c].to == ToHook:
			hooks = append(hooks, c)
		case l.places[c].to == ToPreStart:
			setup = true
		}
	})
	for _, c := range hooks {
		if setup {
			l.places[c] = place{to: ToPreStart, note: "stands in one list with what is done once a deploy"}
		}
	}
}

// oneHook puts all that a function does before the process in the hook when
// some of it has to be there: the function cannot be cut. hooks collects what
// is in the hook for that; the result says whether there is something new.
func (l *launch) oneHook(hooks map[source.Span]bool) (more bool) {
	ctl.Walk(l.result.Tree, func(call *ctl.Node) {
		if call.Kind != ctl.Call || !leaves(call.Body) {
			return
		}
		var setup []*ctl.Command
		hook, cut := false, false
		ctl.Walk(call.Body, func(n *ctl.Node) {
			switch c := n.Command; {
			case n.Kind != ctl.Leaf:
			case l.isWay(c) != nil:
				cut = true
			case l.places[c].to == ToHook:
				hook = true
			case l.places[c].to == ToPreStart:
				setup = append(setup, c)
				hook = hook || hooks[c.Span]
			}
		})
		for _, c := range setup {
			if hook && !cut {
				l.places[c] = place{to: ToHook, note: "in a function that also does what has to be done at every start"}
				hooks[c.Span], more = true, true
			}
		}
	})
	return more
}

// isWay says whether a command is one of the launches.
func (l *launch) isWay(c *ctl.Command) *ctl.Launch {
	for _, u := range l.ways {
		if u.Command == c {
			return u
		}
	}
	return nil
}

// startGuards finds the conditions that end a start with an error: what they
// look at has to hold at every start. Those that look for a running process are
// bpm's. One on the persistent disk is for pre-start, which would make the
// folders of the job on the system disk, and so is one on what the set-up or bpm
// makes: it has to be asked before.
//
// Those that look at how the command before them ended go where it goes.
func (w *job) startGuards(l *launch) (found map[*ctl.Command]Destination, follows map[*ctl.Command]bool) {
	found, follows = map[*ctl.Command]Destination{}, map[*ctl.Command]bool{}
	status := map[string]bool{"?": true}
	for _, c := range l.result.Commands {
		if len(c.Sets) == 1 && slices.Contains(c.Refs, "?") {
			status[c.Sets[0]] = true
		}
	}
	results := func(refs []string) bool {
		return slices.ContainsFunc(refs, func(r string) bool { return status[r] })
	}
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind != ctl.If && n.Kind != ctl.AndOr || w.aboutPid(l, n.Head) || aboutFiles.MatchString(n.Head) && !aboutDisk.MatchString(n.Head) {
			return
		}
		ends := false
		for _, arm := range [][]*ctl.Node{n.Body, n.Else} {
			for _, o := range arm {
				if c := o.Command; c != nil && c.Leave && c.Name() == "exit" && len(c.Words) == 2 && !c.Words[1].Is("0") {
					ends = true
				}
			}
		}
		if !ends {
			return
		}
		to := ToHook
		if aboutDisk.MatchString(n.Head) || slices.ContainsFunc(strings.Fields(n.Head), func(word string) bool {
			p := strings.Trim(word, `"'`)
			return w.ownDisk(p) || !w.ctx.Plainer.EveryStart && makesFile(l.result.Commands, p)
		}) {
			to = ToPreStart
		}
		ctl.Walk(n.Cond, func(o *ctl.Node) {
			if o.Kind == ctl.Leaf && works(o.Command) && w.placeOf(l, o.Command, false, false).to == ToPreStart {
				to = ToPreStart // a migration, say, in its place among the others
			}
		})
		ctl.Walk([]*ctl.Node{n}, func(o *ctl.Node) {
			switch {
			case o.Command == nil || o.Kind != ctl.Leaf:
			case results(n.Refs):
				follows[o.Command] = true
			default:
				found[o.Command] = to
			}
		})
	})
	return found, follows
}

var (
	// aboutFiles is a condition on what is there whenever the job is: its own
	// files, its package, its disk.
	aboutFiles = search.MustCompile(`^!?\s*(\[\[?|test)\s+(!\s+)?-[a-z]\s+"?(/var/vcap/(jobs|packages)\b|/var/vcap/store/?"?\s*\]?\]?$)[^&|]*$`)
	aboutDisk  = search.MustCompile(`^!?\s*(\[\[?|test)\s+(!\s+)?-[a-z]\s+"?/var/vcap/store/?"?\s*\]?\]?$`)
	pidWords   = search.MustCompile(`(?i)\bpid\b|_pid\b|\bpid_|pidfile|\bpgrep\b|\bpidof\b|/proc/\$|kill -0|\bps -|\$!|is_running|already running`)
)

func (w *job) aboutPid(l *launch, text string) bool {
	if strings.Contains(text, l.pidfile) {
		return true
	}
	for _, m := range runPath.FindAllStringSubmatch(text, -1) {
		if m[1] != w.Job.Name && w.ctx.Release.Job(m[1]) != nil && !strings.HasPrefix(l.pidfile, m[0]) {
			return false // of another job
		}
	}
	return pidWords.MatchString(text)
}

var runPath = search.MustCompile(`/var/vcap/sys/run/([\w-]+)/`)

// placeOf decides on one command. after says that the process runs by then,
// guard that the start ends when the command fails.
func (w *job) placeOf(l *launch, c *ctl.Command, after, guard bool) place {
	name := c.Name()
	switch {
	case slices.Contains(l.beside, c):
		return place{to: ToWrapper, note: "has to run in the container of " + l.name}
	case l.isWay(c) != nil:
		return place{to: ToBPM, note: "process " + l.name + ": executable and args"}
	case c.Dynamic && !after && (name == "source" || name == "."):
		w.find("not-understood", source.Warning, c.Span, "which file this reads is known only on the VM or when the job is rendered: it stays in the wrapper, and has to lie where the container of %s has it", l.name)
		return place{to: ToWrapper, note: "what it sets is for the process"}
	case c.Missing != "" && !after && (name == "source" || name == ".") && len(c.Words) > 1 && ofPackage(c.Words[1]):
		w.find("not-understood", source.Warning, c.Span, "%s: what it sets or does is not known. It stays in the wrapper of %s, since packages are in the container", c.Missing, l.name)
		return place{to: ToWrapper, note: "what it sets is for the process"}
	case c.Missing != "":
		return place{to: Review, note: c.Missing + ": what it sets or does is not known"}
	case c.Followed:
		return gone(claim.CallListed)
	case guard && !after && (c.Leave || c.Test || !w.isQuiet(c) || quiet[name]):
		return place{to: ToHook, note: "the start ends when this fails, so it is tried at every start"}
	case c.Leave:
		return gone(claim.ControlFlow)
	case c.Pipe && (helpers[name] || quiet[name]) && !w.writes(c):
		return gone(claim.NothingLeft)
	case name == "cd" || name == "pushd" || name == "popd":
		return gone(claim.OldDirectory)
	case name == "ulimit":
		return place{to: ToBPM, note: "limits"}
	case name == "trap":
		return gone(claim.StopsProcess)
	case name == "eval":
		return place{to: Review, note: "what eval runs is known only on the VM"}
	}
	why := w.service(c, l)
	if why.Kind == claim.None {
		why = w.unusedFolders(l, c, after)
	}
	if why.Kind != claim.None {
		if owner := newOwner(c); owner != "" && owner != "vcap" && owner != "root" {
			paths, _ := operands(c)
			w.find("owner-changed", source.Warning, c.Span, "%s belonged to %s; bpm makes it for vcap, and %s cannot write there any more", strings.Join(paths, ", "), owner, owner)
		}
		return gone(why)
	}
	if c.PrintsVariable {
		return gone(claim.SetWhereUsed)
	}
	if len(c.Words) == 0 {
		if len(c.Redirects) > 0 && len(c.Assigns) == 0 {
			return w.setup(l, c, after)
		}
		return gone(claim.ValueInPlace)
	}
	switch {
	case name == "setcap":
		return place{to: ToBPM, note: "capabilities"}
	case pidHelpers[name]:
		return gone(claim.GuardsProcess)
	case logHelpers.MatchString(name):
		return gone(claim.OutputToFiles)
	case killers[name] && w.killsOther(l, c):
		return place{to: ToHook, note: "it is about another process than this one"}
	case killers[name]:
		return gone(claim.RemovesOld)
	case writesPid(c, l):
		return gone(claim.PidfileWritten(l.pidfile))
	case c.Background && (helpers[name] || quiet[name]):
		return gone(claim.HandlesOutput)
	case c.Test && (w.isQuiet(c) || askers[name] || after):
		return gone(claim.OldCondition)
	case w.isQuiet(c):
		return gone(claim.NoEffect)
	}
	return w.setup(l, c, after)
}

// ofPackage says whether a word is a file of a package.
func ofPackage(word ctl.Word) bool {
	p, known := word.Literal()
	_, in := release.InPackages(p)
	return known && in
}

// unusedFolders says why a command that makes folders for logs and pidfiles is
// not needed any more: nothing but the old script used them, or bpm makes them
// because the process gets them as volumes. What is changed behind the start (after)
// the process may have made.
func (w *job) unusedFolders(l *launch, c *ctl.Command, after bool) claim.Claim {
	none := claim.Claim{}
	if !fileCommands[c.Name()] || c.Name() == "ln" {
		return none
	}
	changes := after && (c.Name() == "chmod" || c.Name() == "chown" || c.Name() == "chgrp")
	paths, ok := operands(c)
	if !ok || len(paths) == 0 {
		return none
	}
	var all []claim.Claim
	add := func(c claim.Claim) { all = append(all, c) }
	for _, p := range paths {
		switch {
		case w.ownDisk(p) && recursive(c):
			return none
		case w.ownDisk(p):
			for _, d := range []struct{ dir, key string }{{w.storeDir(), "persistent_disk"}, {w.dataDir(), "ephemeral_disk"}} {
				if p == d.dir {
					l.disks[d.key] = append(l.disks[d.key], c.Span)
				}
			}
			add(claim.MadeByBPM(p))
		case w.madeByOthers(p):
			add(whoMakes([]string{p}))
		case !below(p, "/var/vcap/sys/log") && !below(p, "/var/vcap/sys/run") && !below(p, "/var/vcap/sys/tmp"):
			return none
		case changes && path.Ext(p) != ".pid" && !makesFile(l.result.Commands, p):
			return none
		case p == "/var/vcap/sys/tmp":
			add(claim.FolderAbove(p))
		case w.processNames(l, p):
			add(claim.MadeAsVolume(p))
		default:
			add(claim.OnlyOld(p))
		}
	}
	return claim.And(all...)
}

// newOwner is the user to whom a chown gives files, when it is known.
func newOwner(c *ctl.Command) string {
	if c.Name() != "chown" {
		return ""
	}
	for _, word := range c.Words[1:] {
		if s := word.String(); !strings.HasPrefix(s, "-") {
			owner, _, _ := strings.Cut(s, ":")
			if !userName.MatchString(owner) {
				return ""
			}
			return owner
		}
	}
	return ""
}

var userName = search.MustCompile(`^[a-z_][\w-]*$`)

// processNames says whether a process or its configuration names a folder.
func (w *job) processNames(l *launch, dir string) bool {
	named := func(word ctl.Word) bool {
		s := word.String()
		return path.Clean(s) != l.pidfile && len(fileTextOf(s).mentions(dir)) > 0
	}
	for _, u := range l.ways {
		if named(u.Executable) || slices.ContainsFunc(u.Args, named) || slices.ContainsFunc(u.Env, func(e ctl.Assign) bool { return named(e.Value) }) {
			return true
		}
	}
	scripts := map[*source.File]bool{}
	for _, s := range l.result.Scripts {
		scripts[s.Original] = true
	}
	for _, t := range w.templateTexts(scripts) {
		for _, at := range t.mentions(dir) {
			if text := at.Text(); path.Clean(text) != l.pidfile && !strings.HasSuffix(text, ".pid") && !strings.HasSuffix(at.File.Name, "monit") {
				return true
			}
		}
	}
	return false
}

// askers are programs that ask another process something and change nothing.
var askers = map[string]bool{"host": true, "dig": true, "nslookup": true, "nc": true, "ping": true, "pg_isready": true}

// setup places a command that changes something outside the script.
func (w *job) setup(l *launch, c *ctl.Command, after bool) place {
	if after {
		return place{to: ToPostStart, note: "runs when the process has been started"}
	}
	once := "done once a deploy, as root"
	if c.Outer != nil && drops(c.Outer) {
		once = "done once a deploy, as " + c.Outer.User
	}
	paths, known := operands(c)
	switch n := c.Name(); {
	case w.ctx.Plainer.EveryStart:
		return place{to: ToHook, note: "done at every start, as the old script did"}
	case askers[n]:
		return place{to: ToHook, note: "asks for something that has to be there at every start"}
	case (n == "rm" || n == "unlink" || n == "rmdir") && w.madeAgain(l, c):
		return place{to: ToPreStart, note: once + ", where it is made"}
	case n == "rm" || n == "unlink" || n == "rmdir":
		return place{to: ToHook, note: "removes what an earlier process left, at every start"}
	case setsKernel(c):
		return place{to: ToHook, note: "the kernel forgets it at a reboot, so it is done at every start"}
	case known && fileCommands[n] && slices.ContainsFunc(paths, func(p string) bool { return volatile(p) && !w.madeByOthers(p) }):
		return place{to: ToHook, note: "what it makes is gone after a reboot, so it is done at every start"}
	}
	return place{to: ToPreStart, note: once}
}

// kernelCommands change what the kernel holds until the next boot. mount is not one:
// where a start mounts, mounts() says what becomes of it.
var kernelCommands = map[string]bool{"sysctl": true, "modprobe": true, "insmod": true, "rmmod": true, "ip": true, "ifconfig": true, "route": true,
	"iptables": true, "ip6tables": true, "iptables-restore": true, "ip6tables-restore": true, "ipset": true, "ebtables": true, "nft": true, "tc": true, "ethtool": true, "brctl": true,
	"swapon": true, "mknod": true, "hostname": true}

// setsKernel says whether a command changes something that a reboot takes away.
func setsKernel(c *ctl.Command) bool {
	if kernelCommands[c.Name()] || c.Name() == "mount" && strings.Contains(c.Text, "--make-") {
		return true
	}
	return slices.ContainsFunc(c.Redirects, func(r ctl.Redirect) bool {
		p := r.File.String()
		return strings.Contains(r.Op, ">") && (below(p, "/proc/sys") || below(p, "/sys"))
	})
}

// makesFile says whether one of the commands makes a file that outlives a reboot.
func makesFile(commands []*ctl.Command, p string) bool {
	return slices.ContainsFunc(commands, func(c *ctl.Command) bool { return slices.Contains(makes(c), p) })
}

// makes gives the files and folders that a command writes and that outlive a
// reboot.
func makes(c *ctl.Command) []string {
	return slices.DeleteFunc(makesFiles(c), func(p string) bool { return volatile(p) || below(p, "/var/vcap/sys/log") })
}

// makesFiles gives the files and folders that a command writes.
func makesFiles(c *ctl.Command) []string {
	var paths []string
	add := func(word ctl.Word) {
		if p, ok := word.Literal(); ok && path.IsAbs(p) {
			paths = append(paths, path.Clean(p))
		}
	}
	for _, r := range c.Redirects {
		if strings.Contains(r.Op, ">") && !strings.HasSuffix(r.Op, ">&") {
			add(r.File)
		}
	}
	switch n := c.Name(); {
	case c.Test || !fileMakers[n]:
	case n == "cp" || n == "mv" || n == "ln" || n == "rsync" || n == "install":
		add(c.Words[len(c.Words)-1])
	default:
		for _, word := range c.Words[1:] {
			add(word)
		}
	}
	return paths
}

// madeAgain says whether something that a command removes is made by an earlier
// one, or a later one is about it, which is done once a deploy: then so is this.
// The hook runs behind all of them.
func (w *job) madeAgain(l *launch, c *ctl.Command) bool {
	paths, ok := operands(c)
	i := slices.Index(l.result.Commands, c)
	if !ok {
		if paths = globbed(c); len(paths) == 0 || slices.ContainsFunc(l.result.Commands[:i], func(o *ctl.Command) bool {
			return slices.ContainsFunc(makes(o), func(m string) bool {
				return slices.ContainsFunc(paths, func(p string) bool { return m != p && below(m, p) })
			})
		}) {
			return true
		}
	}
	if ok && slices.ContainsFunc(paths, func(p string) bool { return makesFile(l.result.Commands[:i], p) }) {
		return true
	}
	for _, later := range l.result.Commands[i+1:] {
		if l.isWay(later) != nil {
			return false
		}
		if later.Followed || later.Name() == "rm" {
			continue
		}
		if slices.ContainsFunc(paths, func(p string) bool { return !volatile(p) && mentionsBelow(later.Text, p) }) {
			return true
		}
		if len(later.Words) == 0 || later.Test {
			continue
		}
		for _, word := range later.Words[1:] {
			for _, p := range paths {
				if s := word.String(); strings.HasPrefix(s, "/") && (below(s, p) || below(p, s) && strings.Count(s, "/") > 3) && fileMakers[later.Name()] {
					return true
				}
			}
		}
	}
	return false
}

// leftBehind is what a process leaves that has not ended by itself.
var leftBehind = search.MustCompile(`\.(?:sock|socket|pid|lock)$`)

// globbed gives the folders in which a command removes what a process may have
// left, by a pattern; none when it is about anything else.
func globbed(c *ctl.Command) (paths []string) {
	for _, word := range c.Words[1:] {
		s := word.String()
		if strings.HasPrefix(s, "-") {
			continue
		}
		if !path.IsAbs(s) || strings.ContainsAny(s, "$`<{") {
			return nil
		}
		if !leftBehind.MatchString(s) && !volatile(s) {
			return nil
		}
		if i := strings.IndexAny(s, "*?["); i >= 0 {
			s = path.Dir(s[:i] + "x")
		}
		paths = append(paths, path.Clean(s))
	}
	return paths
}

var fileMakers = map[string]bool{"mkdir": true, "cp": true, "mv": true, "rsync": true, "tar": true, "ln": true, "touch": true, "install": true, "unzip": true, "git": true}

var fileCommands = map[string]bool{"mkdir": true, "chown": true, "chmod": true, "touch": true, "install": true, "ln": true, "chgrp": true, "mkfifo": true}

// volatile says whether a path lies in memory.
func volatile(p string) bool {
	return below(p, "/var/vcap/sys/run") || below(p, "/var/vcap/data/sys/run") || below(p, "/run") || below(p, "/var/run") || below(p, "/dev") || below(p, "/tmp")
}

// pidHelpers are what releases call the functions that do what bpm does; they
// are known by name where their file is not in the release.
var pidHelpers = map[string]bool{
	"pid_guard": true, "wait_pid": true, "wait_pidfile": true, "wait_pid_death": true, "kill_and_wait": true, "pid_is_running": true, "pid_exists": true,
	"write_pid": true, "check_pid": true, "create_pid": true, "stop_process": true, "stop_process_on_port": true, "wait": true, "disown": true, "jobs": true, "bg": true,
}

var logHelpers = search.MustCompile(`^(redirect_output|tee_output_to_sys_log\w*|output_to_\w+|write_output_to_file\w*|prepend_datetime|log_\w+|logger|permit_\w+_logs?)$`)

var killers = map[string]bool{"kill": true, "killall": true, "pkill": true, "fuser": true, "killall5": true}

// killsOther says whether a command signals a program by a name that is not
// that of the process.
func (w *job) killsOther(l *launch, c *ctl.Command) bool {
	if n := c.Name(); n != "killall" && n != "pkill" {
		return false
	}
	for i, word := range c.Words[1:] {
		s, known := word.Literal()
		if !known || strings.HasPrefix(s, "-") || i > 0 && c.Words[i].Is("-s") || c.Words[i].Is("-u") {
			continue
		}
		for _, u := range l.ways {
			own := append([]string{u.Executable.String(), w.Job.Name, l.name}, wordTexts(u.Args)...)
			if slices.ContainsFunc(own, func(o string) bool {
				return strings.Contains(o, s) || strings.Contains(s, path.Base(o)) && len(path.Base(o)) > 2
			}) {
				return false
			}
		}
		return true
	}
	return false
}

func wordTexts(words []ctl.Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, w.String())
	}
	return out
}

// quiet are commands that only compute and print.
var quiet = map[string]bool{
	"echo": true, "printf": true, "sleep": true, "cat": true, "exit": true, "return": true, "set": true, "shift": true, "true": true, "false": true, ":": true,
	"[": true, "test": true, "local": true, "date": true, "basename": true, "dirname": true, "hostname": true, "id": true, "whoami": true, "nproc": true, "ps": true,
	"pgrep": true, "pidof": true, "grep": true, "egrep": true, "fgrep": true, "head": true, "tail": true, "awk": true, "cut": true, "tr": true, "wc": true, "sort": true,
	"uniq": true, "seq": true, "expr": true, "stat": true, "ls": true, "which": true, "command": true, "type": true, "getent": true, "free": true, "df": true, "uname": true,
	"read": true, "let": true, "break": true, "continue": true, "tee": true, "umask": true, "shopt": true, "unset": true, "mountpoint": true, "lsof": true, "netstat": true, "ss": true,
	"env": true, "pwd": true, "logger": true, "getconf": true, "readlink": true, "realpath": true, "export": true, "declare": true, "lsmod": true, "file": true, "du": true, "disown": true, "hash": true,
}

// isQuietProgram says whether the program of a command changes nothing: for env
// and command it is that which they run.
func isQuietProgram(c *ctl.Command) bool {
	switch n := c.Name(); {
	case (n == "awk" || n == "gawk" || n == "mawk") && awkWrites.MatchString(c.Text):
		return false
	case n == "env":
		if u := ctl.Unwrap(c); u != nil && u.Name() != n {
			return quiet[u.Name()]
		}
	case n == "command" && len(c.Words) > 1:
		s := c.Words[1].String()
		return strings.HasPrefix(s, "-") || quiet[path.Base(s)]
	}
	return quiet[c.Name()]
}

// awkWrites is an awk program that writes files or runs commands.
var awkWrites = search.MustCompile(`print[^;}]*>|\bsystem\(|print[^;}]*\|\s*"`)

// isQuiet says whether a command changes nothing outside its own script; what
// it writes to a log or a pidfile does not count.
func (w *job) isQuiet(c *ctl.Command) bool {
	if len(c.Words) > 0 && !isQuietProgram(c) {
		text, known := c.Words[0].Literal()
		if c.Name() == "sed" || c.Name() == "find" || c.Name() == "mount" && len(c.Words) == 1 || c.Name() == "sysctl" && len(c.Words) == 2 {
			for _, a := range c.Words[1:] {
				if s := a.String(); strings.HasPrefix(s, "-i") || s == "-delete" || strings.HasPrefix(s, "-exec") || s == "-w" || strings.Contains(s, "=") && c.Name() == "sysctl" {
					return false
				}
			}
			return !w.writes(c)
		}
		// a test like [[ ]] or (( )) has no name
		if known || !strings.HasPrefix(text, "") {
			return false
		}
		t := c.Words[0].String()
		return (strings.HasPrefix(t, "[[") || strings.HasPrefix(t, "((") || strings.HasPrefix(t, "let ")) && !w.writes(c)
	}
	return !w.writes(c)
}

// writes says whether the output goes into a file that is neither a log nor
// /dev/null.
func (w *job) writes(c *ctl.Command) bool {
	for _, r := range c.Redirects {
		if !strings.Contains(r.Op, ">") || strings.HasSuffix(r.Op, ">&") {
			continue
		}
		file := r.File.String()
		if file == "/dev/null" || strings.HasPrefix(file, "/dev/std") || below(file, "/var/vcap/sys/log") || strings.HasPrefix(file, ">(") {
			continue
		}
		return true
	}
	if c.Name() == "tee" {
		for _, a := range c.Words[1:] {
			if s := a.String(); !strings.HasPrefix(s, "-") && !below(s, "/var/vcap/sys/log") && s != "/dev/stderr" {
				return true
			}
		}
	}
	return false
}

// pidfileOf is the pidfile to which the output of a command goes.
func pidfileOf(c *ctl.Command, l *launch) string {
	for _, r := range c.Redirects {
		if f := r.File.String(); strings.Contains(r.Op, ">") && (path.Clean(f) == l.pidfile || strings.HasSuffix(f, ".pid") || pidFileName.MatchString(r.Span.Text())) {
			return path.Clean(f)
		}
	}
	return ""
}

// writesPid says whether a command only writes or looks after a pidfile.
func writesPid(c *ctl.Command, l *launch) bool {
	if pidfileOf(c, l) != "" {
		return true
	}
	switch c.Name() {
	case "rm", "chown", "chmod", "touch", "unlink":
		skip, pids := 0, 0
		if n := c.Name(); n == "chown" || n == "chmod" {
			skip = 1
		}
		for _, word := range c.Words[1:] {
			s := word.String()
			switch {
			case strings.HasPrefix(s, "-"):
			case skip > 0:
				skip--
			case s == l.pidfile || strings.HasSuffix(s, ".pid") && below(s, "/var/vcap/sys/run"), pidVariable.MatchString(s):
				pids++
			case slices.ContainsFunc(l.result.Commands, func(o *ctl.Command) bool { return pidfileOf(o, l) == path.Clean(s) }):
				pids++
			default:
				return false
			}
		}
		return pids > 0
	}
	return false
}

var (
	pidFileName = search.MustCompile(`(?i)pid_?file\b|\.pid\b`)
	pidVariable = search.MustCompile(`(?i)^\$\{?\w*pid_?file\}?$`)
)

// account puts every statement of the start path's scripts into the ledger.
func (w *job) account(l *launch) {
	w.tellWait(l)
	w.slowHook(l)
	w.ownProcess(l)
	w.mounts(l)
	for _, c := range l.result.Commands {
		p := l.places[c]
		if p.to == Dropped {
			w.dropped(c.Span, p.why, false)
		} else {
			w.ledger(c.Span, p.to, "%s", p.note)
		}
		if p.to == Review {
			w.find("not-understood", source.Warning, c.Span, "%s", p.note)
		}
		if u := l.isWay(c); u != nil {
			for _, r := range u.Redirects {
				w.logRedirect(l, r)
			}
		}
		if (c.Name() == "exec" && len(c.Words) == 1 || logHelpers.MatchString(c.Name())) && strings.Contains(c.Span.Text(), "log") && (strings.Contains(c.Span.Text(), "logger") || strings.Contains(c.Name(), "sys_log")) {
			w.find("syslog-dropped", source.Warning, c.Span, "this sent the output to syslog as well; under bpm it is only in %s/%s.stdout.log and .stderr.log, and something has to forward it from there", w.logDir(), l.name)
		}
	}
	for _, i := range l.result.Idle {
		to := Destination("")
		for _, f := range l.copied {
			if f.span.File == i.Span.File && f.span.Start <= i.Span.Start && i.Span.End <= f.span.End {
				to = f.to
			}
		}
		if to != "" {
			w.ledger(i.Span, to, "in a function that stands there as it is")
			continue
		}
		if l.inFilter(i.Span) {
			w.dropped(i.Span, claim.HandlesOutput, true)
			continue
		}
		w.dropped(i.Span, claim.NotStarted(i.Reason), true)
	}
	w.envDropped(l)
	w.onceADeploy(l)
	w.logsRenamed(l)
	w.otherVerbs(l)
}

// inFilter says whether a statement is in a function that only a redirection of the
// output calls, which bpm takes the place of: exec > >(stamp >> LOG).
func (l *launch) inFilter(at source.Span) bool {
	for name, f := range l.result.Functions {
		if f.Span.File != at.File || at.Start < f.Span.Start || f.Span.End < at.End {
			continue
		}
		return slices.ContainsFunc(l.result.Commands, func(c *ctl.Command) bool {
			return l.places[c].why.Kind == claim.Output && hasWord([]byte(c.Span.Text()), name)
		})
	}
	return false
}

// logRedirect tells where the output goes now.
func (w *job) logRedirect(l *launch, r ctl.Redirect) {
	old, ok := r.File.Literal()
	if unknown := r.File.String(); !ok && strings.HasPrefix(unknown, "/var/vcap/") && !strings.Contains(unknown, "$") {
		old, ok = unknown, true // an expression in its name, which is printed
	}
	if !ok && strings.HasPrefix(r.Op, ">") {
		if strings.Contains(r.Span.Text(), "logger") {
			w.find("syslog-dropped", source.Warning, r.Span, "this sent the output to syslog as well; under bpm it is only in %s/%s.stdout.log and .stderr.log, and something has to forward it from there", w.logDir(), l.name)
		} else {
			w.find("output-not-followed", source.Warning, r.Span, "the output went into %s; under bpm it is only in %s/%s.stdout.log and .stderr.log", oneLine(r.Span.Text()), w.logDir(), l.name)
		}
		return
	}
	if !ok || !strings.HasPrefix(r.Op, ">") || !path.IsAbs(old) || old == "/dev/null" {
		return
	}
	stream := "stdout"
	if r.Fd == "2" {
		stream = "stderr"
	}
	now := fmt.Sprintf("%s/%s.%s.log", w.logDir(), l.name, stream)
	if old != now {
		l.renamed = append(l.renamed, renamed{stream, old, now, r.Span})
		w.logReaders(l, old, now)
	}
}

// renamed is a log file of the old script, and where that output goes now.
type renamed struct {
	stream, old, now string
	at               source.Span
}

// logsRenamed tells of the log files that have other names now, stdout and
// stderr together.
func (w *job) logsRenamed(l *launch) {
	var streams, old, now []string
	add := func(list *[]string, s string) {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, r := range l.renamed {
		add(&streams, r.stream)
		add(&old, r.old)
		add(&now, r.now)
	}
	if len(streams) == 0 {
		return
	}
	verb := "goes"
	if len(streams) > 1 {
		verb = "go"
	}
	w.find("log-file-renamed", source.Note, l.renamed[0].at, "%s of the process went to %s and %s to %s now; whatever reads the old name (logrotate, forwarders) has to follow", strings.Join(streams, " and "), strings.Join(old, " and "), verb, strings.Join(now, " and "))
}

// otherVerbs tells what else than start and stop the old script could be asked.
func (w *job) otherVerbs(l *launch) {
	called := strings.FieldsFunc(string(w.Job.Monit.Data), func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'", r) })
	var verbs []string
	var at source.Span
	for _, i := range l.result.Idle {
		if i.Verb == "" || monitVerbs.MatchString(i.Verb) || slices.Contains(called, strings.Trim(i.Verb, `"'`)) || slices.Contains(verbs, i.Verb) {
			continue
		}
		if len(verbs) == 0 {
			at = i.Span
		}
		verbs = append(verbs, i.Verb)
	}
	if len(verbs) > 0 {
		w.find("verb-dropped", source.Note, at, "the old script also answered %s: monit does not call that; people and other scripts that do find it gone", strings.Join(verbs, ", "))
	}
}

// monitVerbs are the arms of a ctl script that bpm and monit replace, and the
// one for what is not known.
var monitVerbs = search.MustCompile(`^["']?(stop|(force-)?(restart|stop)|force-reload|help|usage|-h|--help|[*]|\s|\|)+["']?$`)

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// limits turns ulimit and chpst -o into the limits of bpm.yml.
func (w *job) limits(l *launch, u *ctl.Launch, p *bpm.ProcessTemplate) {
	set := func(key string, value ctl.Word, c *ctl.Command) {
		span := u.Span()
		var guards = u.Command.Guards
		if c != nil {
			span, guards = c.Span, c.Guards
			if filled := w.whereFilled(l, c); filled != nil {
				guards = append(slices.Clone(guards), *filled)
			}
		}
		note := func(why claim.Claim) {
			if c != nil {
				l.places[c] = gone(why)
			}
		}
		if value.Is("unlimited") {
			note(claim.UnlimitedAlready)
			w.find("limit-dropped", source.Note, span, "%s was unlimited (%s); bpm's default holds now", key, oneLine(span.Text()))
			return
		}
		v, err := w.value(value)
		if err != nil {
			note(claim.LimitOnVM)
			w.find("limit-dropped", source.Warning, span, "%s is not carried over: %v", oneLine(span.Text()), err)
			return
		}
		if s, ok := v.Static(); ok && !digits.MatchString(s) {
			note(claim.LimitIsNoNumber)
			w.find("limit-dropped", source.Warning, span, "%s is not carried over: %s is no number", oneLine(span.Text()), s)
			return
		}
		if len(v) != 1 {
			note(claim.LimitIsNoNumber)
			w.find("limit-dropped", source.Warning, span, "%s is not carried over", oneLine(span.Text()))
			return
		}
		around := p.Guards
		if len(guards) >= len(around) && slices.Equal(guards[:len(around)], around) {
			guards = guards[len(around):]
		}
		p.Limits = slices.DeleteFunc(p.Limits, func(o bpm.Limit) bool { return o.Key == key && len(guards) == 0 })
		p.Limits = append(p.Limits, bpm.Limit{Key: key, Value: v, Guards: guards})
	}
	for _, c := range l.result.Commands {
		if c == u.Command {
			break
		}
		if c.Name() != "ulimit" || len(c.Words) < 2 || c.Followed {
			continue
		}
		flag, value := c.Words[1].String(), ctl.Word(nil)
		if len(c.Words) > 2 {
			value = c.Words[len(c.Words)-1]
			flag = c.Words[len(c.Words)-2].String()
		}
		if value == nil {
			value, flag = c.Words[1], "-f"
		}
		if len(c.Conditions) > 0 && !w.aboutPid(l, c.Conditions[0].Span.Text()) && w.whereFilled(l, c) == nil {
			l.places[c] = gone(claim.LimitByCondition)
			w.find("limit-dropped", source.Warning, c.Span, "%s depends on a condition that only the VM can decide, and is not carried over", oneLine(c.Text))
			continue
		}
		switch strings.TrimLeft(flag, "-SH") {
		case "n":
			set("open_files", value, c)
		case "u":
			set("processes", value, c)
			if !value.Is("unlimited") {
				w.find("limit-processes", source.Warning, c.Span, "ulimit -u counted the processes of the user, bpm's limit those of the container")
			}
		case "c":
			if value.Is("unlimited") {
				l.places[c] = gone(claim.CoreTooLarge)
				w.find("limit-dropped", source.Note, c.Span, "core files were not limited (%s); bpm.yml can only give a size (core_file_size, bpm 1.4.30 and later)", oneLine(c.Text))
				continue
			}
			// bash counts in units of 1024 bytes, bpm in bytes
			text, known := value.Literal()
			blocks, err := strconv.ParseUint(text, 10, 32)
			switch {
			case !known || err != nil:
				l.places[c] = gone(claim.CoreUnknown)
				w.find("limit-dropped", source.Warning, c.Span, "%s is not carried over: bash counts in units of 1024 bytes, limits.core_file_size in bytes", oneLine(c.Text))
			case blocks == 0:
				l.places[c] = gone(claim.CoreNone)
			default:
				set("core_file_size", ctl.Text(strconv.FormatUint(blocks*1024, 10), c.Span), c)
			}
		default:
			l.places[c] = gone(claim.NoSuchLimit)
			severity := source.Warning
			if value.Is("unlimited") {
				severity = source.Note
			}
			w.find("limit-dropped", severity, c.Span, "bpm has no limit for %s", oneLine(c.Text))
		}
	}
	if len(u.OpenFiles) > 0 {
		set("open_files", u.OpenFiles, nil)
	}
}

// whereFilled is the ERB condition for a command whose only shell condition is
// that a value is not empty which is known when the job is rendered: that of
// its last word.
func (w *job) whereFilled(l *launch, c *ctl.Command) *erb.Guard {
	if len(c.Conditions) != 1 || c.Conditions[0].Exit {
		return nil
	}
	cond := c.Conditions[0]
	for _, o := range l.result.Commands {
		if o.Span != cond.Span || len(o.Words) < 3 {
			continue
		}
		ws := o.Words[1:]
		if o.Words[0].Is("[") {
			ws = ws[:len(ws)-1]
		}
		filled := !cond.Negated
		for len(ws) > 0 && ws[0].Is("!") {
			filled, ws = !filled, ws[1:]
		}
		if len(ws) != 2 || !(ws[0].Is("-n") && filled || ws[0].Is("-z") && !filled) {
			return nil
		}
		tested, used := ws[1], c.Words[len(c.Words)-1]
		if len(tested) != 1 || tested[0].Kind != ctl.ERB || len(used) != 1 || used[0].Text != tested[0].Text {
			return nil
		}
		code, err := plainRuby(tested[0], false)
		if err != nil {
			return nil
		}
		if !oneProperty.MatchString(code) {
			code = "(" + code + ")"
		}
		return &erb.Guard{Block: &erb.Block{Kind: erb.Unless, Arms: []erb.Arm{{Head: "unless " + code + ".to_s.empty?"}}, Start: cond.Span.Start, End: cond.Span.End, File: cond.Span.File}}
	}
	return nil
}

var digits = search.MustCompile(`^[0-9]+$`)
