package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// processName is what can stand in bpm's command line and in a pidfile's name.
var processName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// analyse finds out what a check supervises and how bpm has to run it. It
// returns false when the job's verdict is settled: declined or unreadable.
func (w *job) analyse(check *monit.Check) bool {
	name := check.NameText()
	switch {
	case !strings.Contains(name, "<%") && !processName.MatchString(name):
		return w.decline(check.Name, "the process name %q has characters that a name under bpm cannot have", name)
	case strings.Contains(name, "<%"):
		return w.decline(check.Name, "the process name comes from ERB, which this version does not convert")
	case check.Start == nil:
		return w.decline(check.Span, "check %s has no start program", name)
	case check.Stop == nil:
		return w.decline(check.Span, "check %s has no stop program", name)
	case check.Pidfile == nil:
		return w.decline(check.Span, "check %s has no pidfile: it matches running processes, so there is no process of its own to move", name)
	case len(check.Starts) > 1 || len(check.Stops) > 1 || len(check.Pidfiles) > 1:
		return w.decline(check.Span, "check %s has several start programs, stop programs or pidfiles behind ERB conditions, which this version does not convert", name)
	case check.Start.Uid.Valid():
		return w.decline(check.Start.Uid, "monit starts check %s as another user; bpm has to be started by root, and this version does not take the user off", name)
	}
	l := &launch{check: check, name: name, pidfile: check.Pidfile.Value.Text()}
	result, ok := w.evaluate(l, check.Start)
	if !ok {
		return false
	}
	l.result = result
	if len(result.Unclear) > 0 {
		u := result.Unclear[0]
		return w.decline(u.Span, "%s", u.Message)
	}
	if !w.pick(l) {
		return false
	}
	if !w.stopPath(l) || !w.account(l) || !w.process(l) {
		return false
	}
	w.launches = append(w.launches, l)
	return true
}

// evaluate follows what a start or stop program leads to.
func (w *job) evaluate(l *launch, program *monit.Program) (*ctl.Result, bool) {
	var words []ctl.Word
	for _, s := range program.Words() {
		if strings.Contains(s.Text(), "<%") {
			return nil, w.decline(s, "the program of check %s comes from ERB, which this version does not convert", l.name)
		}
		words = append(words, ctl.Text(s.Text(), s))
	}
	inner := ctl.Unwrap(&ctl.Command{Words: words, Span: program.Command})
	if inner == nil {
		return nil, w.decline(program.Command, "check %s has an empty program", l.name)
	}
	if len(inner.Env) > 0 || inner.User != "" || len(inner.Dir) > 0 {
		return nil, w.decline(program.Command, "monit's program gives the script an environment or a user of its own, which this version does not convert")
	}
	vmPath, _ := inner.Executable.Literal()
	file, err := w.lookup(vmPath)
	if err != nil {
		w.fail(err)
		return nil, false
	}
	if file == nil {
		return nil, w.decline(program.Command, "%s is no template of this job, so there is no script to read", vmPath)
	}
	if name, shell := ctl.Shell(file); !shell {
		return nil, w.decline(source.Span{File: file}, "this is a script for %s, and only shell is read", name)
	}
	script, err := ctl.ParseScript(vmPath, file)
	if err != nil {
		w.fail(err)
		return nil, false
	}
	return ctl.Evaluate(script, inner.Args, w.lookup), true
}

// lookup finds the template that is rendered to a path on the VM.
func (w *job) lookup(vmPath string) (*source.File, error) {
	rest, ok := strings.CutPrefix(path.Clean(vmPath), "/var/vcap/jobs/")
	if !ok {
		return nil, nil
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

// helpers are programs that serve the script's own output or waiting and are
// never the process that monit supervises.
var helpers = map[string]bool{"tee": true, "logger": true, "sleep": true, "cat": true, "awk": true, "sed": true, "echo": true}

// launchers are programs that only start another one, and that Unwrap does not
// read: taking them for the process would be wrong.
var launchers = map[string]bool{
	"su": true, "setpriv": true, "chroot": true, "unshare": true, "nsenter": true, "setsid": true, "taskset": true,
	"numactl": true, "ionice": true, "stdbuf": true, "prlimit": true, "softlimit": true, "envdir": true, "envuidgid": true,
	"setlock": true, "flock": true, "daemon": true, "daemonize": true, "sg": true, "doas": true, "ip": true, "cgexec": true,
	"capsh": true, "xargs": true, "bash": true, "sh": true, "dash": true, "systemd-run": true, "runuser": true, "sudo": true,
	"chpst": true, "time": true, "script": true,
}

// pick finds the one process that the start path leaves running.
func (w *job) pick(l *launch) bool {
	var found []*ctl.Launch
	for _, c := range l.result.Commands {
		if len(c.Words) == 0 || c.Followed {
			continue
		}
		u := ctl.Unwrap(c)
		if u == nil {
			continue
		}
		d := knownDaemon(u.Name())
		switch {
		case u.How == "exec" || u.How == "start-stop-daemon":
		case u.How == "&" && !helpers[u.Name()]:
		case d != nil && d.background != "":
			u.How = "puts itself in the background"
		default:
			continue
		}
		found = append(found, u)
	}
	at := l.check.Start.Command
	switch len(found) {
	case 0:
		return w.decline(at, "no process found: the start path ends without exec, &, start-stop-daemon or a program that is known to put itself in the background")
	case 1:
	default:
		var places []string
		for _, f := range found {
			places = append(places, f.Span().Place())
		}
		return w.decline(at, "the start path leaves several processes running (%s), and this version converts one a check", strings.Join(places, ", "))
	}
	l.launch = found[0]
	l.daemon = knownDaemon(l.launch.Name())
	c := l.launch.Command
	switch {
	case len(c.Conditions) > 0:
		return w.decline(c.Span, "whether this runs is decided on the VM (%s), which this version does not convert", c.Conditions[0].Span.Place())
	case c.Tags:
		return w.decline(c.Span, "ERB tags stand inside this command, which this version does not convert")
	case len(c.Guards) > 0:
		return w.decline(c.Span, "whether this runs is decided by an ERB block, which this version does not convert")
	case l.launch.User != "" && l.launch.User != "vcap":
		return w.decline(c.Span, "runs as %s: bpm runs every process as vcap and has no key for another user", l.launch.User)
	}
	if g := l.launch.Group; g != "" && g != "vcap" {
		return w.decline(c.Span, "runs with the groups %s: bpm gives a process the group vcap and no other", g)
	}
	if n := l.launch.Name(); launchers[n] {
		return w.decline(c.Span, "%s starts the process in a way that this version does not read", n)
	}
	for _, r := range l.launch.Redirects {
		input := strings.HasPrefix(r.Op, "<") && r.Op != "<&" && !r.File.Is("/dev/null")
		if input || r.Fd != "" && r.Fd != "0" && r.Fd != "1" && r.Fd != "2" {
			return w.decline(r.Span, "bpm gives a process no input and no files but its output: %s has no place", r.Span.Text())
		}
	}
	if len(l.launch.Odd) > 0 {
		o := l.launch.Odd[0]
		return w.decline(o.Span, "%s", o.Message)
	}
	return true
}

// process makes the bpm.yml entry of a launch.
func (w *job) process(l *launch) bool {
	c := l.launch.Command
	executable, ok := l.launch.Executable.Literal()
	if !ok || !path.IsAbs(executable) {
		return w.decline(c.Span, "the executable %s is not a known absolute path", l.launch.Executable)
	}
	var args []string
	for _, a := range l.launch.Args {
		text, ok := a.Literal()
		if !ok {
			return w.decline(c.Span, "the argument %s is not known before the job is rendered, which this version does not convert", a)
		}
		args = append(args, text)
	}
	p := bpm.Process{Name: l.name, Executable: path.Clean(executable)}
	for _, e := range l.launch.Env {
		text, ok := e.Value.Literal()
		if !ok {
			return w.decline(c.Span, "the environment variable %s is not known before the job is rendered, which this version does not convert", e.Name)
		}
		p.Env = append(p.Env, bpm.Env{Name: e.Name, Value: text})
	}
	if len(l.launch.Dir) > 0 {
		dir, ok := l.launch.Dir.Literal()
		if !ok || !path.IsAbs(dir) {
			return w.decline(c.Span, "the working directory %s is not a known absolute path", l.launch.Dir)
		}
		p.WorkDir = path.Clean(dir)
	}
	if len(l.launch.OpenFiles) > 0 {
		return w.decline(c.Span, "a limit of open files (chpst -o), which this version does not convert")
	}
	w.decide(l, at(c.Span), "executable: "+p.Executable, "the process that check %s supervises (%s)", l.name, how(l.launch))
	if l.stop.signal == "INT" {
		p.ShutdownSignal = "INT"
		w.decide(l, at(l.stop.at), "shutdown_signal: INT", "the old stop program sends it")
	}
	l.process = p
	l.process.Args = w.daemonArgs(l, slices.Clone(args))
	if !slices.Equal(l.process.Args, args) {
		w.find("argv-changed", source.Note, c.Span, "the argv of %s was [%s] and is [%s]; the decisions say why", l.name, strings.Join(args, " "), strings.Join(l.process.Args, " "))
	}
	return true
}

func how(l *ctl.Launch) string {
	switch l.How {
	case "&":
		return "started in the background"
	case "exec":
		return "the script ends in exec"
	default:
		return "it " + l.How
	}
}

// daemonArgs turns the arguments of a known daemon into those for the
// foreground and for read-only packages.
func (w *job) daemonArgs(l *launch, args []string) []string {
	d, here := l.daemon, l.launch.Span()
	if d == nil {
		return args
	}
	if d.inline != "" {
		i := flagValue(args, d.inline)
		if i >= 0 && (strings.ContainsAny(args[i], `"'\\`) || flagValue(args[i:], d.inline) >= 0) {
			w.find("config-clash", source.Error, here, "the directives of %s are given in quotes or more than once, which this version does not read: check that they keep %s in the foreground and name no pid file that the container lacks", d.inline, d.name)
			return args
		}
		var ds directives
		if i >= 0 {
			ds = parseDirectives(args[i])
		}
		if n := ds.index(d.background); n >= 0 {
			ds = append(ds[:n], ds[n+1:]...)
		}
		inConfig := w.configDirective(l, args, d.foreground, d.background)
		if ds.index(d.foreground) < 0 && !inConfig {
			ds = append(directives{d.foreground}, ds...)
			w.decide(l, at(here), d.inline+" "+d.foreground+";", "%s puts itself in the background unless told otherwise, and bpm supervises a process in the foreground", d.name)
		}
		if n := ds.index(d.pid); n >= 0 {
			old := strings.TrimSpace(strings.TrimPrefix(ds[n], d.pid))
			if !below(old, w.dataDir()) {
				moved := path.Join(w.dataDir(), "tmp", path.Base(old))
				ds[n] = d.pid + " " + moved
				w.decide(l, at(here), d.inline+" "+ds[n]+";", "%s is not in the container; the job's tmp folder is and can be written. monit uses bpm's own pidfile", old)
			}
		}
		switch {
		case i >= 0:
			args[i] = ds.String()
		case len(ds) > 0:
			args = append(args, d.inline, ds.String())
		}
	}
	if i := flagValue(args, d.prefix); d.prefix != "" && i >= 0 && below(args[i], "/var/vcap/packages") {
		w.find("config-clash", source.Error, here, "%s %s is in a package, which the container cannot write; use %s and absolute paths in the config file", d.prefix, args[i], w.dataDir())
	}
	if d.prefix != "" && flagValue(args, d.prefix) < 0 && below(l.process.Executable, "/var/vcap/packages") {
		args = append(args, d.prefix, w.dataDir())
		w.decide(l, at(w.compiledPrefix(d, here)), d.prefix+" "+w.dataDir(),
			"%s keeps temporary files below its prefix, which is compiled to lie in its package, and packages are read-only in the container", d.name)
		l.process.EphemeralDisk = true
		for _, dir := range d.prefixDirs {
			w.preStart.mkdir(path.Join(w.dataDir(), dir))
		}
		for _, link := range d.prefixLinks {
			pkg := strings.SplitN(strings.TrimPrefix(l.process.Executable, "/var/vcap/packages/"), "/", 2)[0]
			w.preStart.link(path.Join("/var/vcap/packages", pkg, link), path.Join(w.dataDir(), link))
		}
	}
	return args
}

// configDirective looks for the directives that keep a daemon in the foreground
// or send it to the background in its config file, where giving one on the
// command line as well would be an error of the daemon's. found says that the
// config file already keeps it in the foreground.
func (w *job) configDirective(l *launch, args []string, foreground, background string) (found bool) {
	i := flagValue(args, l.daemon.config)
	if i < 0 {
		return false
	}
	texts, _ := w.configTexts(args[i])
	for _, t := range texts {
		body := blankComments(t.body)
		name, value, _ := strings.Cut(foreground, " ")
		_, bad, _ := strings.Cut(background, " ")
		for _, m := range foundIn(directive(name), body) {
			switch strings.TrimSpace(body[m[0]:m[1]]) {
			case value:
				w.decide(l, at(t.span(m[0], m[1])), "no "+l.daemon.inline+" "+foreground+";", "the config file says it already")
				found = true
			case bad:
				w.find("config-clash", source.Error, t.span(m[0], m[1]), "this clashes with %q on the command line: %s does not start; take it out of the config file", foreground, l.daemon.name)
			}
		}
		for _, m := range foundIn(directive(l.daemon.pid), body) {
			p := strings.TrimSpace(body[m[0]:m[1]])
			if path.IsAbs(p) && !below(p, w.dataDir()) && !below(p, "/tmp") {
				w.find("config-clash", source.Error, t.span(m[0], m[1]), "the container has no place for this pid file, and %s does not start without it; take the line out, or use %s", l.daemon.name, path.Join(w.dataDir(), "tmp", path.Base(p)))
			}
		}
	}
	return found
}

// flagValue gives the index of an option's value, -1 when it is not there.
func flagValue(args []string, flag string) int {
	for i, a := range args {
		if a == flag && i+1 < len(args) {
			return i + 1
		}
	}
	return -1
}

// compiledPrefix is the place in a packaging script that compiles the prefix
// in, or the fallback when no script says it.
func (w *job) compiledPrefix(d *daemon, fallback source.Span) source.Span {
	for _, pkg := range w.Job.Spec.Packages {
		f, err := w.ctx.Release.Read("packages/" + pkg + "/packaging")
		if err != nil {
			continue
		}
		if m := d.configure.FindIndex(f.Data); m != nil {
			return source.Span{File: f, Start: m[0], End: m[1]}
		}
	}
	return fallback
}

// stopBehaviour is what the old stop program did.
type stopBehaviour struct {
	signal string // "TERM" unless said otherwise
	at     source.Span
}

// stopPath evaluates the stop program, to hold it against bpm's stop: the
// signal, 15 s later QUIT, 2 s later KILL (bpm-release, commands/stop.go).
func (w *job) stopPath(l *launch) bool {
	l.stop.signal = "TERM"
	if l.check.Stop == nil {
		return true
	}
	result, ok := w.evaluate(l, l.check.Stop)
	if !ok {
		return false
	}
	rows := map[source.Span]string{}
	starts := map[source.Span]bool{}
	for _, c := range l.result.Commands {
		starts[c.Span] = true
	}
	for _, c := range result.Commands {
		switch c.Name() {
		case "kill":
			signal, known := killSignal(c.Words)
			if !known || len(c.Guards) > 0 || c.Tags {
				w.find("stop-signal-unknown", source.Warning, c.Span, "this stops the process in a way that is not understood; bpm sends TERM, 15 s later QUIT, 2 s later KILL")
				continue
			}
			if signal == "0" {
				continue
			}
			if l.stop.at.Valid() && (signal == "KILL" || signal == "QUIT" || signal == l.stop.signal) {
				rows[c.Span] = "bpm sends QUIT 15 s after the first signal, and KILL 2 s later"
				continue
			}
			l.stop = stopBehaviour{signal, c.Span}
			rows[c.Span] = "bpm stops the process: " + bpmSignal(signal) + ", 15 s later QUIT, 2 s later KILL"
			switch signal {
			case "TERM", "INT":
			default:
				w.find("stop-signal", source.Warning, c.Span, "the old stop program sends %s; bpm can send TERM or INT only, and sends TERM here", signal)
			}
		}
	}
	for _, c := range result.Commands {
		if _, done := rows[c.Span]; done || starts[c.Span] || c.Followed || w.service(c, l) != "" || isQuiet(c) {
			continue
		}
		w.find("stop-does-more", source.Warning, c.Span, "the old stop program runs %q; bpm only signals the process. If it matters, move it to bin/drain", c.Span.Text())
	}
	for i := range l.result.Idle {
		if note, ok := rows[l.result.Idle[i].Span]; ok {
			l.result.Idle[i].Reason = note
		}
	}
	return true
}

func bpmSignal(s string) string {
	if s == "INT" {
		return s
	}
	return "TERM"
}

// killSignal reads the signal of a kill command; without one it is TERM, and 0
// only asks whether the process is there.
func killSignal(words []ctl.Word) (string, bool) {
	if len(words) < 2 || len(words[1]) == 0 {
		return "", false
	}
	first := words[1][0]
	switch {
	case first.Kind != ctl.Literal || !strings.HasPrefix(first.Text, "-") || first.Text == "--":
		return "TERM", true
	case first.Text == "-s" || first.Text == "-n":
		if len(words) < 3 {
			return "", false
		}
		s, known := words[2].Literal()
		return signalName(s), known
	}
	s, known := words[1].Literal()
	return signalName(strings.TrimPrefix(s, "-")), known
}

func signalName(s string) string {
	numbers := map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM"}
	if n, ok := numbers[s]; ok {
		return n
	}
	return strings.TrimPrefix(strings.ToUpper(s), "SIG")
}

// account puts every statement of the start path's scripts into the ledger.
func (w *job) account(l *launch) bool {
	seen := map[source.Span]bool{}
	for _, c := range l.result.Commands {
		if seen[c.Span] {
			continue // a function that is called twice
		}
		seen[c.Span] = true
		switch {
		case c == l.launch.Command:
			w.ledger(c.Span, ToBPM, "process %s: executable and args", l.name)
			for _, r := range c.Redirects {
				w.logRedirect(l, r)
			}
			continue
		case c.Tags && (len(c.Words) > 0 && !isQuiet(c) || c.Followed):
			return w.decline(c.Span, "ERB tags stand inside this command, which this version does not convert")
		case c.Followed:
			w.ledger(c.Span, Dropped, "call of what is listed on its own")
			continue
		case len(c.Guards) > 0 && !isQuiet(c):
			return w.decline(c.Span, "stands in an ERB block, which this version does not convert")
		}
		if n := c.Name(); (n == "cd" || n == "pushd") && len(c.Words) == 2 {
			if c.Words[1].String() == l.launch.Dir.String() {
				w.ledger(c.Span, ToBPM, "workdir of process %s", l.name)
			} else {
				w.ledger(c.Span, Dropped, "another cd comes behind it")
			}
			continue
		}
		if note := w.service(c, l); note != "" {
			if c.Name() == "exec" && strings.Contains(c.Span.Text(), "logger") {
				w.find("syslog-dropped", source.Warning, c.Span, "this sent the output to syslog as well; under bpm it is only in %s/%s.stdout.log and .stderr.log, and something has to forward it from there", w.logDir(), l.name)
			}
			w.ledger(c.Span, Dropped, "%s", note)
			continue
		}
		if note := w.assignment(c, l); note != "" {
			to := Dropped
			if c.Exports {
				to = ToBPM
			}
			w.ledger(c.Span, to, "%s", note)
			continue
		}
		if dirs := w.ownFolders(c); dirs != nil {
			for _, d := range dirs {
				w.preStart.mkdir(d)
			}
			w.ledger(c.Span, ToPreStart, "folders of the job's own")
			continue
		}
		return w.decline(c.Span, "%q has no place in a bpm job that this version knows", firstLine(c.Span.Text()))
	}
	for _, i := range l.result.Idle {
		w.Ledger = append(w.Ledger, Row{Span: i.Span, To: Dropped, Note: i.Reason, idle: true})
	}
	return true
}

func firstLine(s string) string {
	line, rest, more := strings.Cut(s, "\n")
	if more && strings.TrimSpace(rest) != "" {
		return line + " ..."
	}
	return line
}

// assignment explains a statement that only sets variables.
func (w *job) assignment(c *ctl.Command, l *launch) string {
	if len(c.Words) > 0 || len(c.Assigns) == 0 || len(c.Redirects) > 0 {
		return ""
	}
	if c.Exports {
		var names []string
		for _, a := range c.Assigns {
			names = append(names, a.Name)
		}
		return "env " + strings.Join(names, ", ") + " of process " + l.name
	}
	return "shell variable; its value stands where it was used"
}

// logRedirect tells where the output goes now.
func (w *job) logRedirect(l *launch, r ctl.Redirect) {
	old, ok := r.File.Literal()
	if !ok && strings.HasPrefix(r.Op, ">") {
		w.find("output-not-followed", source.Warning, r.Span, "the output went into %s as well; under bpm it is only in %s/%s.stdout.log and .stderr.log", r.Span.Text(), w.logDir(), l.name)
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
		w.find("log-file-renamed", source.Note, r.Span, "%s of the process went to %s and goes to %s now; whatever reads the old name (logrotate, forwarders) has to follow", stream, old, now)
	}
}
