package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/errand"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// processName is what can stand in bpm's command line and in a pidfile's name.
var processName = search.MustCompile(`^[A-Za-z0-9_.-]+$`)

// launch is one check with the process it supervises.
type launch struct {
	check *monit.Check
	name  string // as monit has it, ERB included
	// launch is the command that stays; ways are all of them, where conditions
	// choose.
	launch *ctl.Launch
	ways   []*ctl.Launch
	result *ctl.Result
	// errand is the script of a process that monit does not supervise.
	errand *errand.Script
	daemon *server
	// process is what bpm.yml says; variants are there instead where ERB
	// chooses between several.
	process  *bpm.ProcessTemplate
	variants []*bpm.ProcessTemplate
	pidfile  string // of the old world
	stop     stopBehaviour
	// stopped are the commands of the old stop program.
	stopped []*ctl.Command

	// wrapper holds why the process cannot be said in bpm.yml alone.
	wrapper []source.Diagnostic
	// places is what becomes of each command.
	places map[*ctl.Command]place
	// strict is whether its scripts end at the first error: 1, -1, or 0 for not
	// looked at yet.
	strict int
	// script is the text of the wrapper, when there is one.
	script string
	// copied are the functions that went along with their callers.
	copied []copied
	// dropped are the variables of the old script that the process has no more.
	dropped []dropped
	// renamed are the log files that have other names now.
	renamed []renamed
	// disks are the places that ask for the job's own folders, by key.
	disks map[string][]source.Span
	// beside are programs that the script starts beside the process; they need
	// its container.
	beside []*ctl.Command
	// inline and prefix are what a wrapper adds to the command line of nginx.
	inline string
	prefix bool
	// wait is what the old start waited for, if anything.
	wait *wait
	// capabilities come from setcap.
	capabilities []string
	// needsMore says that something is known that it could do as root and cannot
	// as vcap, needsRoot that nothing but unsafe.privileged helps.
	needsMore, needsRoot bool
}

// copied is a function of the old script that stands in a new one as it is.
type copied struct {
	span source.Span
	to   Destination
}

// analyse finds out what a check supervises and how bpm has to run it. It
// returns false when the job's verdict is settled: declined or unreadable.
func (w *job) analyse(check *monit.Check) bool {
	name := check.NameText()
	switch {
	case !strings.Contains(name, "<%") && !processName.MatchString(name):
		return w.decline(check.Name, "the process name %q has characters that a name under bpm cannot have", name)
	case check.Start == nil:
		return w.decline(check.Span, "check %s has no start program", name)
	case check.Stop == nil:
		return w.decline(check.Span, "check %s has no stop program", name)
	case check.Pidfile == nil:
		return w.decline(check.Span, "check %s has no pidfile: it matches running processes, so there is no process of its own to move", name)
	case len(check.Starts) > 1 || len(check.Stops) > 1 || len(check.Pidfiles) > 1:
		return w.decline(check.Span, "check %s has several start programs, stop programs or pidfiles behind ERB conditions, which this version does not convert", name)
	}
	l := newLaunch(check)
	findings, decisions := len(w.Findings), len(w.Decisions)
	world := ctl.World{Verbatim: w.ctx.Plainer.Wrapper != ""}
	if !w.follow(l, world) {
		return false
	}
	if w.guarded(l) {
		// once more, now that it is known who writes the pidfile
		w.Findings, w.Decisions = w.Findings[:findings], w.Decisions[:decisions]
		l = newLaunch(check)
		world.Absent = []string{l.pidfile}
		if !w.follow(l, world) {
			return false
		}
	}
	w.launches = append(w.launches, l)
	return true
}

func newLaunch(check *monit.Check) *launch {
	return &launch{check: check, name: check.NameText(), pidfile: path.Clean(check.Pidfile.Value.Text()), places: map[*ctl.Command]place{}, disks: map[string][]source.Span{}}
}

// follow does the whole analysis of a check.
func (w *job) follow(l *launch, world ctl.World) bool {
	if !w.startPath(l, world) {
		return false
	}
	if spans := l.awaited(); len(spans) > 0 {
		world.Succeeded = spans
		if !w.startPath(l, world) {
			return false
		}
	}
	return w.stopPath(l) && w.placeAll(l) && w.processes(l)
}

// guarded says whether something that is kept may stand under a condition on
// the old pidfile, which nothing writes any more.
func (w *job) guarded(l *launch) bool {
	asks := false
	for _, c := range l.result.Commands {
		if c.Test && strings.Contains(c.Text, l.pidfile) {
			asks = true
		}
	}
	if !asks {
		return false
	}
	kept := slices.ContainsFunc(l.result.Commands, func(c *ctl.Command) bool {
		to := l.places[c].to
		return (to == ToHook || to == ToPreStart || to == ToPostStart || to == ToWrapper) &&
			slices.ContainsFunc(c.Conditions, func(o ctl.Condition) bool { return !o.Exit })
	})
	return kept && !w.writesPidfile(l)
}

// writesPidfile says whether the process may know of the pidfile that monit
// looks at: from its command line, its environment or its configuration.
func (w *job) writesPidfile(l *launch) bool {
	for _, p := range l.variants {
		if slices.ContainsFunc(p.Texts(), func(s string) bool { return strings.Contains(s, l.pidfile) }) {
			return true
		}
	}
	for _, t := range w.Job.Spec.Templates {
		if strings.HasPrefix(t.Target, "bin/") {
			continue // scripts that read it: drain, health checks
		}
		if f, _, err := w.Job.TemplateFile(t.Target); err == nil && len(fileText(f).mentions(l.pidfile)) > 0 && !hostscript.RunsOnHost(f) {
			return true
		}
	}
	return false
}

// startPath follows the start program and picks the process.
func (w *job) startPath(l *launch, world ctl.World) bool {
	result, ok := w.evaluate(l, l.check.Start, world)
	if !ok {
		return false
	}
	l.result, l.beside = result, nil
	w.templates = l.templates()
	if len(result.Unclear) > 0 {
		u := result.Unclear[0]
		return w.decline(u.Span, "%s", u.Message)
	}
	return w.pick(l)
}

// awaited are the launches whose exit status the script looks at: what comes
// after them runs when bpm has started the process, so they have succeeded.
func (l *launch) awaited() []source.Span {
	var spans []source.Span
	for i, c := range l.result.Commands[1:] {
		if u := l.isWay(l.result.Commands[i]); u != nil && slices.Contains(c.Refs, "?") {
			spans = append(spans, u.Command.Span)
		}
	}
	return spans
}

// evaluate follows what a start or stop program leads to.
func (w *job) evaluate(l *launch, program *monit.Program, world ctl.World) (*ctl.Result, bool) {
	var words []ctl.Word
	for _, s := range program.Words() {
		words = append(words, templateWord(w.monit.Template, s))
	}
	words = debugged(words)
	inner := ctl.Unwrap(&ctl.Command{Words: words, Span: program.Command})
	if inner == nil {
		return nil, w.decline(program.Command, "check %s has an empty program", l.name)
	}
	inner.How = "" // the start program itself is not what stays
	inner.Odd = nil
	if program.Uid.Valid() {
		if uid := program.Uid.Text(); uid != "root" && uid != "0" {
			inner.User = uid
		}
	}
	vmPath, ok := inner.Executable.Literal()
	if !ok {
		return nil, w.decline(program.Command, "which script check %s starts depends on how the job is rendered", l.name)
	}
	file, err := w.lookup(vmPath)
	if err != nil {
		w.fail(err)
		return nil, false
	}
	if file == nil {
		return nil, w.decline(program.Command, "%s is no template of this job and no file of its packages, so there is no script to read", vmPath)
	}
	if name, shell := ctl.Shell(file); !shell {
		return nil, w.decline(source.Span{File: file}, "this is a script for %s, and only shell is read", name)
	}
	script, err := ctl.ParseScript(vmPath, file)
	if err != nil {
		w.fail(err)
		return nil, false
	}
	world.Outer, world.Lookup, world.Exists = inner, w.lookup, w.exists
	return ctl.Evaluate(script, inner.Args, world), true
}

// debugged takes off monit_debugger LABEL COMMAND, a helper of many community
// releases that logs what the command prints.
func debugged(words []ctl.Word) []ctl.Word {
	if len(words) < 3 || path.Base(words[0].String()) != "monit_debugger" {
		return words
	}
	var rest []ctl.Word
	for _, w := range words[2:] {
		rest = append(rest, ctl.SplitWord(w)...)
	}
	return rest
}

// templateWord makes a word of a piece of a template: text and expressions.
func templateWord(t *erb.Template, span source.Span) ctl.Word {
	var w ctl.Word
	around := len(t.Guards(span.Start))
	for _, s := range t.Segments {
		if s.End <= span.Start || s.Start >= span.End {
			continue
		}
		piece := span
		piece.Start, piece.End = max(s.Start, span.Start), min(s.End, span.End)
		guards := t.Guards(piece.Start)
		if len(guards) > around {
			guards = guards[around:]
		} else {
			guards = nil
		}
		switch s.Kind {
		case erb.Expr:
			w = append(w, ctl.Part{Kind: ctl.ERB, Text: s.Code(t), Span: piece, Guards: guards})
		case erb.Text:
			w = append(w, ctl.Part{Kind: ctl.Literal, Text: piece.Text(), Span: piece, Guards: guards})
		}
	}
	return w
}

// lookup finds the template that is rendered to a path on the VM, or the source
// of the file that a package installs there.
func (w *job) lookup(vmPath string) (*source.File, error) {
	rest, ok := strings.CutPrefix(path.Clean(vmPath), "/var/vcap/jobs/")
	if !ok {
		return w.ctx.Release.PackageFile(vmPath)
	}
	name, target, _ := strings.Cut(rest, "/")
	j := w.ctx.Release.Job(name)
	if j == nil || j.Spec == nil {
		return nil, nil
	}
	if _, ok := j.Spec.Template(target); !ok {
		return nil, nil
	}
	f, _, err := j.TemplateFile(target)
	return f, err
}

// exists says whether a template of the job, or a package, is on the VM: the
// spec tells.
func (w *job) exists(vmPath string) (there, known bool) {
	p := path.Clean(vmPath)
	rest, ok := release.InPackages(p)
	if rest, own := strings.CutPrefix(p, w.jobDir()+"/"); own && !ok {
		for _, t := range w.Job.Spec.Templates {
			if below(t.Target, rest) {
				return true, true
			}
		}
		return false, !strings.HasPrefix(rest, "packages")
	}
	if !ok || strings.Contains(rest, "/") || strings.ContainsAny(rest, "*?[") {
		return false, false
	}
	return slices.Contains(w.Job.Spec.Packages, rest), slices.Contains(w.Job.Spec.Packages, rest)
}

// helpers are programs that serve the script's own output or waiting and are
// never the process that monit supervises.
var helpers = map[string]bool{"tee": true, "logger": true, "sleep": true, "cat": true, "awk": true, "sed": true, "echo": true, "tail": true, "wait": true}

// launchers are programs that only start another one, and that Unwrap does not
// read: taking them for the process would be wrong.
var launchers = map[string]bool{
	"su": true, "chroot": true, "unshare": true, "nsenter": true, "setsid": true, "taskset": true,
	"numactl": true, "ionice": true, "stdbuf": true, "prlimit": true, "softlimit": true, "envdir": true, "envuidgid": true,
	"setlock": true, "flock": true, "daemon": true, "daemonize": true, "sg": true, "doas": true, "ip": true, "cgexec": true,
	"capsh": true, "xargs": true, "bash": true, "sh": true, "dash": true, "systemd-run": true, "runuser": true, "sudo": true,
	"chpst": true, "time": true, "script": true, "service": true, "systemctl": true, "initctl": true,
}

func init() {
	ctl.Daemonizes = func(l *ctl.Launch) bool { return background(l) != nil }
}

// pick finds the process that the start path leaves running.
func (w *job) pick(l *launch) bool {
	var found []*ctl.Launch
	for _, c := range l.result.Commands {
		if len(c.Words) == 0 || c.Followed || c.Pipe || c.Test {
			continue
		}
		u := ctl.Unwrap(c)
		if u == nil {
			continue
		}
		d := background(u)
		switch {
		case d != nil:
			u.How = "puts itself in the background"
		case u.How == "exec" && (helpers[u.Name()] || ends(u.Name())):
			continue
		case u.How == "exec", u.How == "start-stop-daemon":
		case u.How == "&" && !helpers[u.Name()] && !tool(u) && !ctl.Quiet(c):
		default:
			continue
		}
		found = append(found, u)
	}
	at := l.check.Start.Command
	if len(found) == 0 {
		if u := w.lastProgram(l); u != nil {
			found = append(found, u)
		}
	}
	if len(found) == 0 {
		at, why := w.noProcess(l)
		return w.decline(at, "%s", why)
	}
	if own := slices.DeleteFunc(slices.Clone(found), func(u *ctl.Launch) bool { return u.Inherited }); len(own) > 0 {
		found = own
	}
	found = l.aside(found)
	l.ways = found
	l.launch = found[0]
	if len(found) > 1 && !alternatives(found) {
		var places []string
		for _, f := range found {
			places = append(places, f.Span().Place())
		}
		return w.decline(at, "the start path leaves several processes running (%s), and monit supervises one: which of them has to become a check of its own is not for a program to say", strings.Join(places, ", "))
	}
	for _, u := range found {
		if u.Executable.String() != found[0].Executable.String() && !(u.Executable.Known() && found[0].Executable.Known()) {
			return w.decline(u.Span(), "which of two programs is the process is known only on the VM: %s or %s (%s)", found[0].Executable, u.Executable, found[0].Span().Place())
		}
	}
	for _, u := range found {
		if exe, _ := u.Executable.Literal(); u.Inherited && below(exe, w.jobDir()) {
			return w.decline(u.Span(), "which of the commands of this script is the process is not known: the last one is a script of the job")
		}
		for _, cond := range u.Command.Conditions {
			if cond.Exit && !w.aboutPid(l, cond.Span.Text()) && !aboutFiles.MatchString(cond.Span.Text()) && !w.pidStatus(l, cond) {
				return w.decline(cond.Span, "whether the process starts at all depends on this: the script ends with success before it")
			}
		}
		if !w.fits(u) {
			return false
		}
	}
	l.daemon = knownDaemon(l.launch.Name())
	return true
}

// ends says whether a program does something and ends: no process to supervise,
// not even where it is the last that the old script became.
func ends(name string) bool { return fileCommands[name] || hostPrograms[name] || quiet[name] }

// tool says whether a launch is of a program of the VM that does something and
// ends.
func tool(u *ctl.Launch) bool {
	exe, _ := u.Executable.Literal()
	return ends(u.Name()) && !below(exe, "/var/vcap")
}

// aside takes off the programs that put themselves in the background when the
// script goes on to become another one: they have to run beside it.
func (l *launch) aside(found []*ctl.Launch) []*ctl.Launch {
	last := found[len(found)-1]
	if len(found) < 2 || last.How != "exec" || slices.ContainsFunc(last.Command.Conditions, func(c ctl.Condition) bool { return !c.Exit }) {
		return found
	}
	for _, u := range found[:len(found)-1] {
		if background(u) == nil || u.Command.Background {
			return found
		}
	}
	for _, u := range found[:len(found)-1] {
		l.beside = append(l.beside, u.Command)
	}
	return []*ctl.Launch{last}
}

// lastProgram finds the program of a package in which the start path ends. It
// runs in the foreground, or puts itself in the background by its configuration;
// a control script, which is told to start something, is neither.
func (w *job) lastProgram(l *launch) *ctl.Launch {
	for i := len(l.result.Commands) - 1; i >= 0; i-- {
		c := l.result.Commands[i]
		if len(c.Words) == 0 || c.Followed || w.isQuiet(c) || c.Leave || killers[c.Name()] || pidHelpers[c.Name()] || writesPid(c, l) {
			continue
		}
		u := ctl.Unwrap(c)
		if u == nil || ends(u.Name()) || c.Test || c.Pipe || slices.ContainsFunc(c.Conditions, func(o ctl.Condition) bool { return !o.Exit }) {
			return nil
		}
		exe, _ := w.executable(u)
		if _, ok := release.InPackages(exe); !ok || strings.HasSuffix(exe, "_ctl") || strings.Contains(exe, "/etc/init.d/") {
			return nil
		}
		for _, a := range u.Args {
			if s := a.String(); s == "start" || s == "run" && len(u.Args) > 3 || s == "restart" || s == "migrate" || strings.Contains(s, "db:migrate") || s == "-version" || s == "install" {
				return nil
			}
		}
		if len(u.Redirects) == 0 && len(u.Args) > 2 && knownDaemon(u.Name()) == nil {
			return nil
		}
		u.How = "is what the script ends in"
		return u
	}
	return nil
}

// alternatives says whether no two of the launches run on the same start:
// different arms of a condition, or one that an exit follows.
func alternatives(found []*ctl.Launch) bool {
	for i, a := range found {
		for _, b := range found[i+1:] {
			if !exclusive(a.Command, b.Command) {
				return false
			}
		}
	}
	return true
}

func exclusive(a, b *ctl.Command) bool {
	if erb.Exclusive(a.Guards, b.Guards) {
		return true
	}
	if slices.ContainsFunc(a.Conditions, func(c ctl.Condition) bool { return !c.Exit }) && ctl.Unwrap(a).How == "exec" {
		return true // what comes behind runs only when it does not
	}
	for i, c := range a.Conditions {
		if i < len(b.Conditions) && b.Conditions[i].Span == c.Span && b.Conditions[i].Negated != c.Negated {
			return true
		}
	}
	return false
}

// fits says whether bpm can run a launch at all.
func (w *job) fits(u *ctl.Launch) bool {
	c := u.Command
	switch {
	case u.User != "" && u.User != "vcap" && u.User != "root":
		return w.decline(c.Span, "runs as %s: bpm runs every process as vcap and has no key for another user", u.User)
	}
	if g := u.Group; g != "" && g != "vcap" && g != "root" {
		return w.decline(c.Span, "runs with the groups %s: bpm gives a process the group vcap and no other", g)
	}
	if n := u.Name(); launchers[n] {
		return w.decline(c.Span, "%s starts the process in a way that is not read", n)
	}
	for _, r := range u.Redirects {
		input := strings.HasPrefix(r.Op, "<") && r.Op != "<&" && !r.File.Is("/dev/null")
		if input || r.Fd != "" && r.Fd != "0" && r.Fd != "1" && r.Fd != "2" {
			return w.decline(r.Span, "bpm gives a process no input and no files but its output: %s has no place", r.Span.Text())
		}
	}
	for _, o := range u.Odd {
		w.find("launcher-option", source.Warning, o.Span, "%s", o.Message)
	}
	return true
}

// title is the process's name in bpm.yml.
func (w *job) title(l *launch) (bpm.Value, []erb.Guard) {
	if !strings.Contains(l.name, "<%") {
		return bpm.Text(l.name), nil
	}
	v, _ := w.value(templateWord(w.monit.Template, l.check.Name))
	return v, slices.Clone(w.monit.Template.Guards(l.check.Name.Start))
}
