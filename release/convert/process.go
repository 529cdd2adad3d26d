package convert

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// processes makes the bpm.yml entries of a check: one, several where ERB
// chooses, or one that runs a wrapper where only the VM can tell what runs.
func (w *job) processes(l *launch) bool {
	title, around := w.title(l)
	for _, u := range l.ways {
		p := &bpm.ProcessTemplate{Title: title}
		p.Name, _ = title.Static()
		p.Guards = once(append(slices.Clone(around), u.Command.Guards...))
		if l.stop.signal == "INT" {
			p.ShutdownSignal = "INT"
		}
		if why := w.lift(l, u, p); why != nil {
			l.wrapper = append(l.wrapper, *why)
		}
		l.variants = append(l.variants, p)
	}
	if len(l.wrapper) > 0 {
		if !w.wrap(l, title, around) {
			return false
		}
		w.traced(l)
		return true
	}
	w.traced(l)
	for i, p := range l.variants {
		before := argTexts(p.Args)
		exe := p.Executable
		l.process = p
		l.launch = l.ways[i]
		l.daemon = knownDaemon(path.Base(exe))
		if !w.foreground(l, p) || !w.daemonArgs(l) {
			return false
		}
		if after := argTexts(p.Args); !slices.Equal(after, before) || exe != p.Executable {
			w.find("argv-changed", source.Note, l.ways[i].Span(), "the argv of %s was [%s %s] and is [%s %s]; the decisions say why", l.name, exe, strings.Join(before, " "), p.Executable, strings.Join(after, " "))
			w.differs("main", "executable", "argv")
		}
		w.decide(l, at(l.ways[i].Span()), "executable: "+p.Executable, "the process that check %s supervises (%s)", l.name, how(l.ways[i]))
	}
	l.variants = collapse(l.variants)
	l.process = l.variants[0]
	l.launch = l.ways[0]
	if l.stop.signal == "INT" {
		w.decide(l, at(l.stop.at), "shutdown_signal: INT", "the old stop program sends it")
	}
	return true
}

// collapse makes one process of those that are the same in every arm of an ERB
// block: what differed was not the process's.
func collapse(ps []*bpm.ProcessTemplate) []*bpm.ProcessTemplate {
	same := func(a, b *bpm.ProcessTemplate) bool {
		x, y := *a, *b
		x.Guards, y.Guards = nil, nil
		xs, errX := bpm.Template{Processes: []bpm.ProcessTemplate{x}}.Print()
		ys, errY := bpm.Template{Processes: []bpm.ProcessTemplate{y}}.Print()
		return errX == nil && errY == nil && bytes.Equal(xs, ys)
	}
	for i := 0; i < len(ps); i++ {
		n := len(ps[i].Guards)
		if n == 0 {
			continue
		}
		b, outer := ps[i].Guards[n-1].Block, ps[i].Guards[:n-1]
		if !b.Whole() || i+len(b.Arms) > len(ps) {
			continue
		}
		all := true
		for arm := range b.Arms {
			o := ps[i+arm]
			all = all && len(o.Guards) == n && slices.Equal(o.Guards[:n-1], outer) && o.Guards[n-1] == erb.Guard{Block: b, Arm: arm} && same(ps[i], o)
		}
		if !all {
			continue
		}
		one := *ps[i]
		one.Guards = outer
		rest := ps[i+len(b.Arms):]
		return collapse(append(append(slices.Clone(ps[:i]), &one), rest...))
	}
	return ps
}

// traced says of the commands that set what bpm.yml says where it stands there.
func (w *job) traced(l *launch) {
	said := func(name string) bool {
		return slices.ContainsFunc(l.variants, func(p *bpm.ProcessTemplate) bool {
			return slices.ContainsFunc(p.Env, func(e bpm.Variable) bool { return e.Name == name })
		})
	}
	u := l.ways[0]
	for _, c := range l.result.Commands {
		if l.places[c].to != Dropped || c.Followed {
			continue
		}
		if n := c.Name(); (n == "cd" || n == "pushd") && len(u.Dir) > 0 && len(c.Words) == 2 {
			if len(l.variants[0].WorkDir) > 0 && c.Words[1].String() == u.Dir.String() {
				l.places[c] = place{to: ToBPM, note: "workdir of process " + l.name}
			}
			continue
		}
		if len(c.Words) > 0 {
			continue
		}
		var names []string
		for _, a := range c.Assigns {
			if said(a.Name) {
				names = append(names, a.Name)
			}
		}
		if len(names) > 0 {
			l.places[c] = place{to: ToBPM, note: "env " + strings.Join(names, ", ") + " of process " + l.name}
		}
	}
}

// lift makes the bpm.yml entry of a launch; it says what keeps it from being
// said there.
func (w *job) lift(l *launch, u *ctl.Launch, p *bpm.ProcessTemplate) *source.Diagnostic {
	c := u.Command
	cannot := func(at source.Span, format string, args ...any) *source.Diagnostic {
		d := w.diagnostic("wrapper", source.Note, at, format, args...)
		return &d
	}
	w.limits(l, u, p)
	for _, o := range l.beside {
		l.places[o] = place{to: ToWrapper, note: "has to run in the container of " + l.name}
		return cannot(o.Span, "the script starts %s beside it, in the background", ctl.Unwrap(o).Name())
	}
	if why := w.ctx.Plainer.Wrapper; why != "" {
		return cannot(c.Span, "%s", why)
	}
	for _, o := range l.result.Commands {
		if o == c {
			break
		}
		if o.Name() == "umask" && len(o.Words) == 2 {
			return cannot(o.Span, "%s, which bpm.yml cannot say", oneLine(o.Text))
		}
		if l.places[o].to == ToWrapper && (o.Dynamic || o.Missing != "") {
			return cannot(o.Span, "%s, which sets what the process sees", oneLine(o.Text))
		}
		if l.places[o].to == ToWrapper {
			return cannot(o.Span, "%s, which has to wait for another process at every start", oneLine(o.Text))
		}
		if o.Dynamic {
			w.mayBeOverridden(l, o, c)
			return cannot(o.Span, "the names of variables that are set here are known only when the job is rendered")
		}
	}
	for _, cond := range c.Conditions {
		if !cond.Exit && !w.aboutPid(l, cond.Span.Text()) && !w.pidStatus(l, cond) && !aboutFiles.MatchString(cond.Span.Text()) {
			return cannot(cond.Span, "whether or how the process runs is decided on the VM (%s)", oneLine(cond.Span.Text()))
		}
	}
	executable, why := w.executable(u)
	if why != "" {
		return cannot(c.Span, "%s", why)
	}
	p.Executable = executable
	for _, a := range u.Args {
		items, err := w.items(a)
		if err != nil {
			var u *unliftable
			span := c.Span
			if errors.As(err, &u) && u.part.Span.Valid() && u.part.Span.File == c.Span.File {
				span = u.part.Span
			}
			return cannot(span, "an argument: %v", err)
		}
		for _, item := range items {
			item.Guards, item.Value = outside(item.Guards, p.Guards), relative(item.Value, p.Guards)
			p.Args = append(p.Args, item)
		}
	}
	for _, e := range u.Env {
		if w.bookkeeping(l, e) {
			continue
		}
		v, err := w.value(e.Value)
		if err != nil {
			var u *unliftable
			span := c.Span
			if errors.As(err, &u) && u.part.Span.Valid() {
				span = u.part.Span
			}
			return cannot(span, "the environment variable %s: %v", e.Name, err)
		}
		guards := outside(e.Guards, p.Guards)
		p.Env = append(p.Env, bpm.Variable{Name: e.Name, Value: relative(relative(v, p.Guards), guards), Guards: guards})
	}
	if len(u.Dir) > 0 {
		v, err := w.value(u.Dir)
		if err != nil {
			return cannot(c.Span, "the working directory: %v", err)
		}
		dir, static := v.Static()
		switch {
		case static && path.IsAbs(dir):
			if dir = path.Clean(dir); dir != "/" && dir != "/home/vcap" {
				p.WorkDir = bpm.Text(dir)
			}
		case static:
			return cannot(c.Span, "the working directory %s is not absolute", dir)
		default:
			p.WorkDir = v
		}
	}
	var loops []bpm.Variable
	_ = loops
	if err := w.printable(p); err != "" {
		return cannot(c.Span, "%s", err)
	}
	if at, found := loopLocal(w.templates, uses(rubyOf([]*bpm.ProcessTemplate{p}))); found {
		return cannot(at, "Ruby inside a loop sets what its arguments use")
	}
	return nil
}

// once drops a condition that stands inside the same condition.
func once(gs []erb.Guard) []erb.Guard {
	var out []erb.Guard
	for _, g := range gs {
		same := slices.ContainsFunc(out, func(o erb.Guard) bool {
			return o.Arm == g.Arm && o.Block.Kind == g.Block.Kind && (g.Block.Kind == erb.If || g.Block.Kind == erb.Unless) &&
				len(o.Block.Arms) == len(g.Block.Arms) && o.Block.Arms[0].Head == g.Block.Arms[0].Head && !strings.ContainsAny(g.Block.Arms[0].Head, "\n;")
		})
		if !same {
			out = append(out, g)
		}
	}
	return out
}

// pidStatus says whether a condition reads a variable that a look for a running
// process has set.
func (w *job) pidStatus(l *launch, cond ctl.Condition) bool {
	for _, m := range shellName.FindAllStringSubmatch(cond.Span.Text(), -1) {
		for _, c := range l.result.Commands {
			if slices.Contains(c.Sets, m[1]) && slices.ContainsFunc(c.Conditions, func(o ctl.Condition) bool { return w.aboutPid(l, o.Span.Text()) }) {
				return true
			}
			if slices.Contains(c.Sets, m[1]) && len(c.Conditions) > 0 && strings.Contains(c.Conditions[0].Span.Text(), "PID") {
				return true
			}
		}
	}
	return false
}

// mayBeOverridden names variables that a property may set anew, in a loop that
// exports what it is given, and whose values stand in the command already.
func (w *job) mayBeOverridden(l *launch, loop, c *ctl.Command) {
	commands := l.result.Commands
	at := slices.Index(commands, loop)
	var names []string
	for _, m := range shellName.FindAllStringSubmatch(c.Span.Text(), -1) {
		name := m[1]
		sets := func(o *ctl.Command) bool { return slices.Contains(o.Sets, name) }
		exported := func(e ctl.Assign) bool {
			text, known := e.Value.Literal()
			return e.Name == name && !(known && path.IsAbs(text)) // the layout of the job is nobody's to change
		}
		if slices.Contains(names, name) || !slices.ContainsFunc(c.Env, exported) ||
			!slices.ContainsFunc(commands[:at], sets) || slices.ContainsFunc(commands[at:slices.Index(commands, c)], sets) {
			continue
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		w.find("not-understood", source.Warning, loop.Span, "a property may give %s another value here, and the command that starts %s has the one from before", strings.Join(names, ", "), l.name)
	}
}

// outside takes off the guards that hold around a process anyway.
func outside(gs, around []erb.Guard) []erb.Guard {
	var out []erb.Guard
	for _, g := range gs {
		if !slices.Contains(around, g) {
			out = append(out, g)
		}
	}
	return out
}

// relative takes off the guards that hold around a process anyway, and the
// parts that are never there under them.
func relative(v bpm.Value, around []erb.Guard) bpm.Value {
	if len(around) == 0 {
		return v
	}
	var out bpm.Value
next:
	for _, p := range v {
		var rest []erb.Guard
		for _, g := range p.Guards {
			for _, a := range around {
				if a.Block == g.Block {
					if a.Arm != g.Arm {
						continue next
					}
					g.Block = nil
					break
				}
			}
			if g.Block != nil {
				rest = append(rest, g)
			}
		}
		p.Guards = rest
		if n := len(out); n > 0 && p.Ruby == "" && out[n-1].Ruby == "" && len(p.Guards)+len(out[n-1].Guards) == 0 {
			out[n-1].Text += p.Text
			continue
		}
		out = append(out, p)
	}
	return out
}

// printable says what of a process Ruby cannot say: a value for when a loop has
// no round.
func (w *job) printable(p *bpm.ProcessTemplate) string {
	bad := false
	check := func(gs []erb.Guard) {
		for i, g := range gs {
			if g.Arm < 0 && g.Block.Kind == erb.Loop {
				bad = true
			}
			for j, o := range gs[:i] {
				if o.Block.File == g.Block.File && o.Block.Start == g.Block.Start && o.Block != g.Block && (j+1 != i || o.Arm != 0 || g.Arm != 0) {
					bad = true // one tag opens both
				}
			}
		}
	}
	for _, a := range p.Args {
		check(a.Guards)
		for _, x := range a.Value {
			check(x.Guards)
		}
	}
	for _, e := range p.Env {
		check(e.Guards)
		for _, x := range e.Value {
			check(x.Guards)
		}
	}
	for _, x := range p.WorkDir {
		check(x.Guards)
	}
	check(p.Guards)
	if bad {
		return "its arguments depend on ERB blocks in a way that Ruby would have to be written for"
	}
	return ""
}

// bookkeeping says whether an exported variable only served the script: it
// names the pidfile, or a folder that no process under bpm has.
func (w *job) bookkeeping(l *launch, e ctl.Assign) bool {
	text, ok := e.Value.Literal()
	drop := ""
	switch {
	case ok && path.Clean(text) == l.pidfile && path.IsAbs(text):
		drop = "bpm writes the pidfile elsewhere"
	case ok && below(text, "/var/vcap/sys/run") && ofPidfile.MatchString(e.Name) && !w.usesVariable(l, e.Name):
		drop = "read by nothing, and a folder that the container does not have"
	case ok && below(text, "/var/vcap/sys/log") && logsTo(l, text) && !w.usesVariable(l, e.Name):
		drop = "the log file of the old script"
	case e.Name == "PIDFILE" || e.Name == "PID_FILE":
		drop = "bpm writes the pidfile"
	case w.servedScripts(l, e.Name):
		drop = "read by the scripts that are gone"
	case e.Name == "GOMAXPROCS" && w.allProcessors(l):
		drop = takenByGo
	case e.Name == "PWD" || e.Name == "OLDPWD" || e.Name == "SHLVL" || e.Name == "_":
		drop = "the shell's own"
	}
	if drop == "" {
		return false
	}
	value := e.Value.String()
	if e.Name == "GOMAXPROCS" && drop == takenByGo {
		value = "$(nproc)"
	}
	if d := (dropped{e.Name, value, drop}); !slices.Contains(l.dropped, d) {
		l.dropped = append(l.dropped, d)
	}
	return true
}

// ofPidfile are names of variables with which scripts find their own pidfile. A
// program may read any other one, whether the release has its source or not.
var ofPidfile = search.MustCompile(`(?i)(^|_)(pid|run)(_?(file|dir|path|folder))?$`)

// allProcessors says whether a script sets GOMAXPROCS to nothing else than the
// number of processors, for programs of a Go that has that as the default
// (https://go.dev/doc/go1.5#runtime): without it no wrapper is needed.
func (w *job) allProcessors(l *launch) bool {
	set := false
	for _, c := range l.result.Commands {
		if text := oneLine(c.Span.Text()); hasWord([]byte(text), "GOMAXPROCS") {
			if !nproc.MatchString(text) {
				return false
			}
			set = true
		}
	}
	if !set {
		return false
	}
	known := false
	for _, name := range w.ctx.Release.Glob(func(name string) bool {
		base := path.Base(name)
		return base == "spec" || base == "spec.lock" || base == "packaging"
	}, "packages") {
		f, err := w.ctx.Release.Read(name)
		if err != nil {
			return false
		}
		for _, m := range goVersion.FindAllSubmatch(append([]byte(name+"\n"), f.Data...), -1) {
			if minor, err := strconv.Atoi(string(m[1])); err != nil || minor < 5 {
				return false
			}
			known = true
		}
	}
	return known
}

var (
	nproc     = search.MustCompile("^export GOMAXPROCS(?:=[\"']?(?:\\$\\(nproc\\)|`nproc`)[\"']?)?$")
	goVersion = search.MustCompile(`\bgo(?:lang)?[-_]?1\.(\d+)`)
)

const takenByGo = "Go takes that many by itself since 1.5"

// dropped is a variable that the process has no more.
type dropped struct{ name, value, why string }

// envDropped tells which variables a process has no more: all of them in one
// finding, and each reason once.
func (w *job) envDropped(l *launch) {
	if len(l.dropped) == 0 {
		return
	}
	w.find("env-dropped", source.Note, l.launch.Span(), "%s", l.droppedText())
	var missing []string
	for _, d := range l.dropped {
		missing = append(missing, "env-missing:"+d.name)
	}
	w.differs(missing...)
}

func (l *launch) droppedText() string {
	if len(l.dropped) == 1 {
		d := l.dropped[0]
		return fmt.Sprintf("%s had %s=%s in its environment and has it no more: %s", l.name, d.name, d.value, d.why)
	}
	names := map[string][]string{}
	var reasons []string
	for _, d := range l.dropped {
		if len(names[d.why]) == 0 {
			reasons = append(reasons, d.why)
		}
		if !slices.Contains(names[d.why], d.name) {
			names[d.why] = append(names[d.why], d.name)
		}
	}
	for i, why := range reasons {
		reasons[i] = strings.Join(names[why], ", ") + " (" + why + ")"
	}
	return fmt.Sprintf("%s had these variables in its environment and has them no more: %s", l.name, strings.Join(reasons, ", "))
}

// logsTo says whether the old script writes its own output to a file.
func logsTo(l *launch, file string) bool {
	for _, c := range l.result.Commands {
		for _, r := range c.Redirects {
			if l.isWay(c) == nil && path.Clean(r.File.String()) == path.Clean(file) || slices.ContainsFunc(fileTextOf(r.Span.Text()).mentions(path.Clean(file)), func(at source.Span) bool { return path.Clean(at.Text()) == path.Clean(file) }) {
				return true
			}
		}
		if c.Name() == "tee" && len(c.Words) > 1 && slices.ContainsFunc(c.Words[1:], func(w ctl.Word) bool { return w.Is(file) }) {
			return true
		}
	}
	return false
}

// hasWord says whether a name stands in a text by itself.
func hasWord(text []byte, name string) bool {
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(name))
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(name)
		if (start == 0 || !isWordByte(text[start-1])) && (end == len(text) || !isWordByte(text[end])) {
			return true
		}
		at = end
	}
}

// readsVariable says whether shell text has $NAME or ${NAME.
func readsVariable(text []byte, name string) bool {
	for _, prefix := range []string{"$", "${"} {
		for at, mark := 0, []byte(prefix+name); ; {
			i := bytes.Index(text[at:], mark)
			if i < 0 {
				break
			}
			at += i + len(mark)
			if at == len(text) || !isWordByte(text[at]) {
				return true
			}
		}
	}
	return false
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// servedScripts says whether a variable was exported for a script that the ctl
// script ran as a process of its own, and that reads it; nothing else of the
// job does. Names that programs know are left alone.
func (w *job) servedScripts(l *launch, name string) bool {
	if knownVariable.MatchString(name) || w.usesVariable(l, name) {
		return false
	}
	runs, read := false, false
	for _, c := range l.result.Commands {
		if c.Followed && c.Name() != "source" && c.Name() != "." {
			if u := ctl.Unwrap(c); u != nil && l.result.Functions[c.Name()].Text == "" {
				runs = true
			}
		}
		read = read || readsVariable(c.Span.File.Data[c.Span.Start:c.Span.End], name)
	}
	return runs && read
}

// knownVariable are names that programs read by themselves.
var knownVariable = search.MustCompile(`^(PATH|HOME|TMPDIR|TEMP|TMP|LANG|LC_\w+|TZ|USER|LOGNAME|SHELL|TERM|\w*_OPTS|\w*_OPTIONS|\w*_HOME|\w*PATH|GO\w+|JAVA_\w+|RUBY\w*|BUNDLE_\w+|GEM_\w+|RAILS_\w+|RACK_\w+|PYTHON\w*|NODE_\w+|(?i:https?_proxy|no_proxy)|LD_\w+|MALLOC_\w+|\w+_ENV)$`)

// usesVariable says whether any template of the job other than its scripts
// mentions a variable by name.
func (w *job) usesVariable(l *launch, name string) bool {
	scripts := map[*source.File]bool{} // sourced ones lie beside bin/, too
	for _, s := range l.result.Scripts {
		scripts[s.Original] = true
	}
	for _, t := range w.Job.Spec.Templates {
		if strings.HasPrefix(t.Target, "bin/") {
			continue
		}
		if f, _, err := w.Job.TemplateFile(t.Target); err == nil && !scripts[f] && hasWord(f.Data, name) {
			return true
		}
	}
	return false
}

// executable finds the absolute path of what a launch runs.
func (w *job) executable(u *ctl.Launch) (abs, why string) {
	name, ok := u.Executable.Literal()
	if !ok {
		for _, p := range u.Executable {
			if p.Kind == ctl.Runtime {
				return "", "which program runs is known only on the VM (" + strings.TrimSpace(p.Text) + ")"
			}
		}
		return "", "which program runs depends on how the job is rendered (" + u.Executable.String() + ")"
	}
	switch {
	case path.IsAbs(name):
		return path.Clean(name), ""
	case strings.Contains(name, "/"):
		dir, ok := u.Dir.Literal()
		if !ok || !path.IsAbs(dir) {
			return "", "the path of " + name + " depends on the working directory"
		}
		return path.Join(dir, name), ""
	}
	if abs := w.onPath(u.Env, name); abs != "" {
		return abs, ""
	}
	return "", "which " + name + " is found depends on PATH"
}

// onPath finds a program by the PATH of an environment: the one package on it,
// or the one that is called like the program.
func (w *job) onPath(env []ctl.Assign, name string) string {
	value := ""
	for _, e := range env {
		if e.Name == "PATH" {
			text, ok := e.Value.Literal()
			if !ok {
				return ""
			}
			value = text
		}
	}
	var dirs []string
	for _, d := range strings.Split(value, ":") {
		if below(d, "/var/vcap/packages") || below(d, "/var/vcap/jobs") {
			dirs = append(dirs, path.Clean(d))
		}
	}
	if t, ok := w.Job.Spec.Template("bin/" + name); ok {
		return path.Join(w.jobDir(), t.Target)
	}
	if dir, ok := systemPrograms[name]; ok && len(dirs) == 0 {
		return path.Join(dir, name)
	}
	var packages []string
	for _, d := range dirs {
		if below(d, "/var/vcap/packages") {
			packages = append(packages, d)
		}
	}
	if len(packages) == 1 {
		return path.Join(packages[0], name)
	}
	family := map[string]string{"bundle": "ruby", "ruby": "ruby", "rake": "ruby", "gem": "ruby", "rackup": "ruby", "java": "java|jdk|jre", "node": "node", "npm": "node", "python": "python", "python3": "python"}[name]
	if family == "" {
		family = search.QuoteMeta(name)
	}
	match := search.MustCompile(`^/var/vcap/packages/[^/]*(` + family + `)`)
	var found []string
	for _, d := range packages {
		if match.MatchString(d) {
			found = append(found, d)
		}
	}
	if len(found) == 1 {
		return path.Join(found[0], name)
	}
	return ""
}

var systemPrograms = map[string]string{"perl": "/usr/bin", "python3": "/usr/bin", "sleep": "/bin"}

func how(l *ctl.Launch) string {
	switch l.How {
	case "&":
		return "started in the background"
	case "exec":
		return "the script ends in exec"
	case "start-stop-daemon":
		return "start-stop-daemon starts it"
	default:
		return "it " + l.How
	}
}

// wrap makes the process run a script that keeps what only the VM can decide.
func (w *job) wrap(l *launch, title bpm.Value, around []erb.Guard) bool {
	if strings.Contains(l.name, "<%") {
		return w.decline(l.wrapper[0].Span, "the processes of an ERB loop would need a wrapper each: %s", l.wrapper[0].Message)
	}
	for _, u := range l.ways {
		if row := background(u); row != nil && (insteadOf[u.Name()] != nil && u.Name() != "pg_ctl" || row.Always && len(row.Add()) == 0 && u.Name() != "nginx" && u.Name() != "pg_ctl") {
			return w.decline(u.Span(), "%s puts itself in the background, and what starts it is too dynamic to be turned into its foreground form", u.Name())
		}
	}
	for _, u := range l.ways {
		for _, cond := range u.Command.Conditions {
			for _, c := range l.result.Commands {
				if to := l.places[c].to; to == ToPreStart && slices.ContainsFunc(c.Conditions, func(o ctl.Condition) bool { return o.Span == cond.Span }) && !w.aboutPid(l, cond.Span.Text()) && !w.pidStatus(l, cond) {
					return w.decline(cond.Span, "what is set up (%s) and which process runs (%s) depend on one condition, and the set-up changes what it looks at", c.Span.Place(), u.Span().Place())
				}
			}
		}
	}
	var ruby []string
	for _, u := range l.ways {
		for _, word := range append([]ctl.Word{u.Executable}, u.Args...) {
			for _, part := range word {
				if part.Kind != ctl.Literal {
					ruby = append(ruby, part.Text)
				}
			}
		}
	}
	list := uses(ruby)
	for _, c := range l.result.Commands {
		for _, m := range erbTag.FindAllStringSubmatch(c.Text, -1) {
			list = append(list, rubyUse{m[1], c.Guards})
		}
	}
	if at, found := loopLocal(w.templates, list); found {
		return w.decline(at, "Ruby inside a loop sets what the script uses, and a wrapper would need it at the same place")
	}
	p := &bpm.ProcessTemplate{Title: title, Guards: around}
	p.Name = l.name
	p.Executable = path.Join(w.jobDir(), "bin", w.wrapperName(l))
	if l.stop.signal == "INT" {
		p.ShutdownSignal = "INT"
	}
	for _, u := range l.ways {
		for _, e := range u.Env {
			if w.bookkeeping(l, e) || slices.ContainsFunc(p.Env, func(v bpm.Variable) bool { return v.Name == e.Name }) {
				continue
			}
			if _, fixed := e.Value.Literal(); w.ctx.Plainer.Wrapper != "" && !fixed {
				continue
			}
			if v, err := w.value(e.Value); err == nil && len(e.Guards) == 0 && len(l.ways) == 1 {
				probe := &bpm.ProcessTemplate{Env: []bpm.Variable{{Name: e.Name, Value: v}}}
				if w.printable(probe) == "" {
					p.Env = append(p.Env, probe.Env...)
				}
			}
		}
		w.limits(l, u, p)
	}
	if dir, ok := l.ways[0].Dir.Literal(); ok && len(l.ways) == 1 && path.IsAbs(dir) && path.Clean(dir) != "/" && path.Clean(dir) != "/home/vcap" {
		p.WorkDir = bpm.Text(path.Clean(dir))
	}
	w.wrapNginx(l, p)
	for _, u := range l.ways {
		r := &residual{job: w, l: l}
		before := append([]string{"exec", r.word(u.Executable)}, r.tagged(u.Args)...)
		if now := r.exec(u); now != join(before) {
			w.find("argv-changed", source.Note, u.Span(), "the argv of %s was [%s] and is [%s] in the wrapper: it stays in the foreground, and writes no pidfile of its own", l.name, oneLine(strings.Join(before[1:], " ")), oneLine(strings.TrimPrefix(strings.ReplaceAll(now, "\\\n", " "), "exec ")))
			w.differs("main", "argv")
		}
		for _, e := range u.Env {
			for _, part := range e.Value {
				if part.Kind == ctl.Runtime && strings.Contains(e.Value.Span().Text(), "$$") {
					w.find("env-changed", source.Note, u.Span(), "%s held the pid of the old script, and holds that of the process in its container", e.Name)
					w.differs("env-changed:" + e.Name)
				}
			}
		}
	}
	for _, d := range l.wrapper {
		w.find(d.ID, d.Severity, d.Span, "%s runs through %s because of this: %s", l.name, p.Executable, d.Message)
	}
	l.process, l.variants = p, []*bpm.ProcessTemplate{p}
	w.wrapper = true
	l.launch = l.ways[0]
	w.decide(l, at(l.launch.Span()), "executable: "+p.Executable, "a wrapper around the process that check %s supervises (%s)", l.name, how(l.launch))
	return true
}

// wrapNginx moves the prefix of an nginx that runs through a wrapper, and finds
// out what its command line has to say.
func (w *job) wrapNginx(l *launch, p *bpm.ProcessTemplate) {
	d := knownDaemon(l.launch.Name())
	if d == nil {
		return
	}
	var args []string
	for _, a := range l.launch.Args {
		args = append(args, a.String())
	}
	l.daemon, l.process = d, p
	i := flagValue(args, d.inline)
	if said := i >= 0 && parseDirectives(args[i]).index(d.foreground) >= 0; !said && !w.configDirective(l, args, d.foreground) {
		l.inline = d.foreground + ";"
	}
	if flagValue(args, d.prefix) < 0 {
		w.movePrefix(l, d)
		l.prefix = true
	}
}

// wrapperName is the wrapper's name below bin/, and one that is not taken: by a
// script, or by a program that the wrapper looks for along PATH. That of bpm begins
// with the job's own bin (bpm-release src/bpm/runc/adapter/adapter.go), where the
// wrapper would find itself.
func (w *job) wrapperName(l *launch) string {
	name := l.name
	if slices.ContainsFunc(l.result.Commands, func(c *ctl.Command) bool { return len(c.Words) > 0 && c.Words[0].Is(name) }) ||
		slices.ContainsFunc(l.ways, func(u *ctl.Launch) bool { return u.Executable.Is(name) }) {
		return name + "-bpm"
	}
	if t, taken := w.Job.Spec.Template("bin/" + name); taken && !w.goes(l, path.Join(w.jobDir(), t.Target)) {
		name += "-bpm"
	}
	return name
}

// goes says whether a script of the job goes away with the conversion.
func (w *job) goes(l *launch, vmPath string) bool {
	return w.Flag == "" && len(l.result.Scripts) > 0 && l.result.Scripts[0].Path == vmPath
}

func (w *job) diagnostic(id string, severity source.Severity, at source.Span, format string, args ...any) source.Diagnostic {
	n := len(w.Findings)
	w.find(id, severity, at, format, args...)
	d := w.Findings[n]
	w.Findings = w.Findings[:n]
	return d
}
