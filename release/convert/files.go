package convert

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const (
	configTarget    = "config/bpm.yml"
	configTemplate  = "bpm.yml.erb"
	preStartTarget  = "bin/pre-start"
	operatorTarget  = "bin/operator-pre-start"
	operatorPrefix  = "operator-"
	preStartDefault = "pre-start.erb"

	postStartDefault = "post-start.erb"
)

// scriptPaths are the paths on the VM of the scripts that go away.
func (w *job) scriptPaths(l *launch) []string {
	var paths []string
	for _, s := range l.result.Scripts {
		if below(s.Path, w.jobDir()) {
			paths = append(paths, s.Path)
		}
	}
	return paths
}

func (w *job) scripts(l *launch) []*source.File {
	var files []*source.File
	for _, s := range l.result.Scripts {
		if below(s.Path, w.jobDir()) {
			files = append(files, s.Original)
		}
	}
	return files
}

// files turns what was decided into changes. It returns false when the job has
// to stay as it is.
func (w *job) files() bool {
	config, joins := w.Job.Spec.Template(configTarget)
	if t := config; joins && !w.OnBPM && w.launches[0].errand == nil {
		return w.decline(t.Span, "the spec already has a %s, but monit does not start the job through bpm", configTarget)
	}
	spec := specEdit{job: w}
	var scripts []string // what the new files say, to see what they still need
	var post []piece
	for _, l := range w.supervised() {
		w.current = l
		if len(l.wrapper) > 0 {
			text := l.script
			template := w.freeName(path.Base(l.process.Executable))
			if !w.newFile(template, []byte(text), "what only the VM can decide about "+l.name) {
				return false
			}
			spec.add(template, "bin/"+path.Base(l.process.Executable))
			scripts = append(scripts, text)
		}
		w.startWait(l)
		w.failedStart(l)
		w.inVain(l)
		texts := map[Destination]piece{}
		for _, to := range []Destination{ToHook, ToPreStart, ToPostStart} {
			text, ok := w.scriptText(l, to)
			if !ok {
				return false
			}
			texts[to] = text
		}
		stale := w.stalePidfiles(l)
		if text := withRemovals(texts[ToHook].text, stale); text != "" {
			if len(stale) == 0 && texts[ToHook].ends != endsAtErrors && l.kernelLast() {
				text += "exit 0 # the old script went on when this failed\n"
			}
			name := "bpm-pre-start"
			if w.several {
				name = cleanName(l.name) + "-" + name
			}
			template := w.freeName(name)
			if !w.newFile(template, []byte(text), "what has to be done at every start, as root") {
				return false
			}
			spec.add(template, "bin/"+name)
			for _, p := range l.variants {
				p.Hooks.PreStart = path.Join(w.jobDir(), "bin", name)
			}
			scripts = append(scripts, text)
		}
		if p := texts[ToPreStart]; p.text != "" {
			w.preStart.moved = append(w.preStart.moved, p)
			scripts = append(scripts, p.text)
		}
		if l.wait != nil && len(l.wait.lines) > 0 {
			text := w.withLocals(l, w.checkBlocks(l, l.wait.lines)) + "\n"
			post = append(post, piece{text: text})
			scripts = append(scripts, text)
		}
		if p := texts[ToPostStart]; p.text != "" {
			post = append(post, p)
			scripts = append(scripts, p.text)
			w.find("post-start", source.Warning, l.launch.Span(), "what the script did after it had started %s is in bin/post-start now: it runs once a deploy, when monit says that the job runs, and a failure fails the deploy. Look at what it waits for", l.name)
		}
	}
	w.current = nil
	for _, l := range w.supervised() {
		w.unasked(l)
	}
	t := bpm.Template{}
	var ps []*bpm.ProcessTemplate
	var templates []*erb.Template
	for _, l := range w.launches {
		ps = append(ps, l.variants...)
		templates = append(templates, l.templates()...)
	}
	templates = append(templates, w.monit.Template)
	t.Locals = locals(templates, rubyOf(ps), true)
	for _, p := range ps {
		t.Processes = append(t.Processes, *p)
	}
	if !w.runsErrands(&spec) {
		return false
	}
	for i, p := range ps {
		t.Processes[i] = *p // an errand's script has its name now
	}
	w.Processes = ps
	if joins {
		return w.addProcesses(config, t) && w.changeRest(&spec, post, scripts)
	}
	yml, err := t.Print()
	if err != nil {
		return w.decline(w.launches[0].launch.Span(), "%s", err)
	}
	if !w.newFile(configTemplate, yml, "what bpm runs") {
		return false
	}
	spec.added = append([][2]string{{configTemplate, configTarget}}, spec.added...)
	return w.changeRest(&spec, post, scripts)
}

// changeRest writes what goes with bpm.yml: monit, the scripts of a deploy, and
// the spec.
func (w *job) changeRest(spec *specEdit, post []piece, scripts []string) bool {
	if !w.editMonit() || !w.addPreStart(spec) || !w.addPostStart(spec, post) {
		return false
	}
	for _, l := range w.launches {
		for i, p := range w.scriptPaths(l) {
			target := strings.TrimPrefix(p, w.jobDir()+"/")
			t, ok := w.Job.Spec.Template(target)
			if !ok || spec.removes(t) || w.startsLeft(p) || i > 0 && w.stillUsed(p, scripts) {
				continue
			}
			spec.remove = append(spec.remove, t)
			f, _, err := w.Job.TemplateFile(target)
			if err != nil {
				w.fail(err)
				return false
			}
			if !w.usedElsewhere(t) {
				w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, Delete: true, Why: whyDeleted(i)})
			}
		}
	}
	return spec.apply() && w.applyEdits()
}

// whyDeleted says why a script goes: the first is the old control script, the
// others only served it.
func whyDeleted(i int) string {
	if i == 0 {
		return "bpm starts and stops the process"
	}
	return "only the old script used it; what is needed of it stands in the new files"
}

// templates are those of the scripts on the start path.
func (l *launch) templates() []*erb.Template {
	var ts []*erb.Template
	for _, s := range l.result.Scripts {
		ts = append(ts, s.Template)
	}
	return ts
}

// startsLeft says whether a check that stays uses a script.
func (w *job) startsLeft(vmPath string) bool {
	for _, o := range w.left {
		for _, p := range append(append([]*monit.Program(nil), o.check.Starts...), o.check.Stops...) {
			if strings.Contains(p.Command.Text(), vmPath) {
				return true
			}
		}
	}
	return false
}

// stillUsed says whether a script that the start path sourced or ran is used by
// anything that stays.
func (w *job) stillUsed(vmPath string, scripts []string) bool {
	for _, s := range scripts {
		if strings.Contains(s, vmPath) {
			return true
		}
	}
	gone := map[string]bool{w.Job.Monit.Name: true}
	for _, l := range w.launches {
		for _, s := range l.result.Scripts {
			if below(s.Path, w.jobDir()) && !w.startsLeft(s.Path) {
				gone[s.File.Name] = true
			}
		}
	}
	for _, at := range w.ctx.Release.Mentions(vmPath) {
		if !gone[at.File.Name] && strings.HasPrefix(at.File.Name, "jobs/") {
			return true
		}
	}
	for _, t := range w.Job.Spec.Templates {
		f, _, err := w.Job.TemplateFile(t.Target)
		if err == nil && !gone[f.Name] && strings.Contains(string(f.Data), "bin/"+path.Base(vmPath)) {
			return true
		}
	}
	return false
}

func cleanName(name string) string {
	return strings.Trim(unsafeName.ReplaceAllString(name, "_"), "_")
}

var unsafeName = search.MustCompile(`[^A-Za-z0-9_.-]+`)

// freeName gives a template name that no file has.
func (w *job) freeName(base string) string {
	for _, name := range []string{base + ".erb", base + ".sh.erb", base + "-bpm.erb"} {
		if _, err := w.ctx.Release.Read(w.Job.TemplateName(name)); errors.Is(err, fs.ErrNotExist) {
			return name
		}
	}
	return base + ".erb"
}

// wrapperText is the script that runs what only the VM can decide.
func (w *job) wrapperText(l *launch) (string, bool) {
	given := map[string]bool{}
	for _, e := range l.process.Env {
		given[e.Name] = true
	}
	lines, r := w.residue(l, ToWrapper, true, given, func(c *ctl.Command) bool {
		if l.isWay(c) != nil || slices.Contains(l.beside, c) || c.Dynamic || l.places[c].to == ToWrapper {
			return true
		}
		if n := c.Name(); n == "cd" || n == "pushd" || n == "umask" {
			for _, u := range l.ways {
				if len(u.Dir) > 0 && len(l.process.WorkDir) == 0 || n == "umask" {
					return true
				}
			}
		}
		return false
	})
	if r.broken != "" {
		return "", w.decline(l.launch.Span(), "%s", r.broken)
	}
	l.copies(r, ToWrapper)
	for c := range r.with {
		if l.places[c].to == Dropped {
			l.places[c] = place{to: ToWrapper, note: "goes with what it stands around"}
		}
	}
	for c := range r.keep {
		if l.isWay(c) == nil && l.places[c].to == Dropped {
			l.places[c] = place{to: ToWrapper, note: "needed at every start, in the container"}
		}
		if l.isWay(c) != nil {
			l.places[c] = place{to: ToWrapper, note: "process " + l.name + ": the wrapper ends in it"}
		}
	}
	return w.script(l, r.begins, lines), true
}

// copies notes where functions went that are only called inside others.
func (l *launch) copies(r *residual, to Destination) {
	for _, f := range r.functions {
		l.copied = append(l.copied, copied{l.result.Functions[f].Span, to})
	}
}

// scriptText is what is left of the start path for one destination.
func (w *job) scriptText(l *launch, to Destination) (p piece, ok bool) {
	moved := func(c *ctl.Command) bool {
		return l.places[c].to == to && !(to == ToPostStart && l.waitsFor(c))
	}
	lines, r := w.residue(l, to, false, nil, moved)
	if folders := w.foldersFor(l, to, strings.Join(lines, "\n")); len(folders) > 0 {
		lines, r = w.residue(l, to, false, nil, func(c *ctl.Command) bool { return moved(c) || folders[c] })
	}
	if r.broken != "" {
		return piece{}, w.decline(l.launch.Span(), "%s", r.broken)
	}
	if len(lines) == 0 {
		return piece{}, true
	}
	for c := range r.keep {
		if l.places[c].to == ToWrapper && len(c.Words) == 0 && fresh.MatchString(c.Text) {
			return piece{}, w.decline(c.Span, "%s is another value each time, and the set-up and the process need the same", oneLine(c.Text))
		}
	}
	env := w.neededEnv(l, r, to)
	l.copies(r, to)
	for c := range r.with {
		if l.places[c].to == Dropped {
			l.places[c] = place{to: to, note: "goes with what it stands around"}
		}
	}
	for c := range r.keep {
		if l.places[c].to == Dropped {
			l.places[c] = place{to: to, note: "needed by what stands there"}
		}
	}
	if to == ToPreStart || to == ToPostStart {
		body := w.checkBlocks(l, append(env, lines...))
		return piece{w.withLocals(l, body) + "\n", r.begins, r.ends}, true
	}
	if strings.Contains(l.name, "<%") && strings.Contains(strings.Join(lines, "\n"), "<%=") {
		w.find("not-understood", source.Error, l.check.Name, "the hook of %s uses what ERB in the monit file sets, and a hook is one file for all of them", l.name)
	}
	return piece{text: w.script(l, r.begins, append(env, lines...)), ends: r.ends}, true
}

// kernelLast says whether a hook ends in what the kernel is told, which it may refuse.
func (l *launch) kernelLast() bool {
	for _, c := range slices.Backward(l.result.Commands) {
		if l.places[c].to == ToHook && !c.Test {
			return setsKernel(c)
		}
	}
	return false
}

// checkBlocks puts the ERB blocks around lines in which monit has the check.
func (w *job) checkBlocks(l *launch, body []string) string {
	for i := len(w.monit.Template.Guards(l.check.Name.Start)) - 1; i >= 0; i-- {
		// monit has the check only inside this block, or once a round of it
		g := w.monit.Template.Guards(l.check.Name.Start)[i]
		head := []string{"<% " + g.Block.Arms[0].Head + " %>"}
		for a := 1; a <= g.Arm; a++ {
			head = append(head, "<% "+g.Block.Arms[a].Head+" %>")
		}
		if i > 0 {
			if up := w.monit.Template.Guards(l.check.Name.Start)[i-1]; up.Block.Start == g.Block.Start {
				head = nil // the tag around it opens this block, too
			}
		}
		end := "<% end %>"
		if g.Block.Brace {
			end = "<% } %>"
		}
		body = append(append(head, body...), end)
	}
	return strings.Join(body, "\n")
}

// fresh is what gives another value each time.
var fresh = search.MustCompile("(?:\\$\\(|`)\\s*(?:mktemp|date|uuidgen|openssl rand|pwgen|head|tr|cat /proc/sys/kernel/random)\\b|\\$\\{?(?:S?RANDOM|EPOCH\\w+)\\b")

// unasked names the programs of the release that ran only for a value or a
// message which nothing needs any more: they may have done something besides.
func (w *job) unasked(l *launch) {
	inLists := map[*ctl.Command]bool{} // where set -e does not look
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.AndOr {
			ctl.Walk([]*ctl.Node{n}, func(o *ctl.Node) { inLists[o.Command] = true })
		}
	})
	mode := modeOf(shebangStrict(l.result.Scripts[0].Original))
	for _, c := range l.result.Commands {
		if l.isWay(c) != nil {
			return
		}
		if isToggle(c.Text) {
			mode = toggled(c.Text)
		}
		if l.places[c].to != Dropped || c.Followed || w.aboutPid(l, c.Text) {
			continue
		}
		if mode == endsAtErrors && !c.Test && !inLists[c] && !c.Pipe && !c.Piped && len(c.Conditions) == 0 && guardsAlone.MatchString(c.Text) && !aboutFiles.MatchString(c.Text) && !strings.Contains(c.Text, " -x ") {
			w.find("not-understood", source.Warning, c.Span, "under set -e the start ended when %s was false; nothing asks that any more", oneLine(c.Text))
		}
		for _, m := range substituted.FindAllStringSubmatch(c.Text, -1) {
			if below(m[1], "/var/vcap/packages") || below(m[1], w.jobDir()) {
				w.find("not-understood", source.Warning, c.Span, "%s is not run any more: nothing needs what it printed here. If it did more than to print, add it to bin/pre-start", m[1])
			}
		}
	}
}

// guardsAlone is a question whose answer only set -e looks at.
var guardsAlone = search.MustCompile(`^(?:\[\[? |test |grep |mountpoint )`)

// substituted is the program of a command substitution.
var substituted = search.MustCompile("(?:\\$\\(|`)\\s*(/[^\\s)`]+)")

// foldersFor gives the commands that make the folders which the text still
// uses: bpm makes them, too, but only when the process starts.
func (w *job) foldersFor(l *launch, to Destination, text string) map[*ctl.Command]bool {
	needed := map[*ctl.Command]bool{}
	for _, c := range l.result.Commands {
		switch n := c.Name(); {
		case l.places[c].to == ToHook && to == ToPreStart && setsKernel(c) && l.setsUpBehind(c):
			needed[c] = true // what runs there runs before the hook does
			continue
		case l.places[c].to == ToHook && to == ToPreStart && (n == "mkdir" || n == "touch"):
			// in memory, and here as well
		case l.places[c].to != Dropped:
			continue
		case n == "mkdir", to == ToPreStart && (n == "chown" || n == "chmod" || n == "install"):
		default:
			continue
		}
		paths, ok := operands(c)
		if ok && slices.ContainsFunc(paths, func(p string) bool {
			switch {
			case !strings.Contains(text, p):
				return false
			case l.places[c].to == ToHook:
				return true
			case w.ownDisk(p):
				return to == ToPreStart
			}
			return !w.madeByOthers(p) && (below(p, "/var/vcap/sys/log") || below(p, "/var/vcap/sys/run"))
		}) {
			needed[c] = true
		}
	}
	return needed
}

// setsUpBehind says whether bin/pre-start runs a program that came behind a command.
func (l *launch) setsUpBehind(c *ctl.Command) bool {
	at := slices.Index(l.result.Commands, c)
	return slices.ContainsFunc(l.result.Commands[at:], func(o *ctl.Command) bool { return l.places[o].to == ToPreStart && l.runsProgram(o) })
}

// neededEnv exports what the programs of packages among the kept commands saw.
func (w *job) neededEnv(l *launch, r *residual, to Destination) []string {
	var lines []string
	done := map[string]ctl.Word{}
	for _, c := range l.result.Commands {
		if !r.keep[c] || !l.runsProgram(c) {
			continue
		}
		for name := range done {
			if !slices.ContainsFunc(c.Env, func(e ctl.Assign) bool { return e.Name == name }) {
				w.find("not-understood", source.Warning, c.Span, "%s is not exported here any more; in the new script it is", name)
			}
		}
		for _, e := range c.Env {
			if !e.Value.Known() || e.Name == "PIDFILE" || slices.ContainsFunc(c.Assigns, func(a ctl.Assign) bool { return a.Name == e.Name }) {
				continue // its own stand in front of it
			}
			if to == ToHook && l.gives(e.Name) {
				continue // the hook has the environment of the process
			}
			if first, there := done[e.Name]; there {
				if len(e.Guards) == 0 && !slices.EqualFunc(first, e.Value, func(a, b ctl.Part) bool { return a.Text == b.Text }) {
					w.find("not-understood", source.Warning, c.Span, "%s has another value here than for what the set-up runs before; in the new script it has the first one", e.Name)
				}
				continue
			}
			done[e.Name] = e.Value
			value := slices.Clone(e.Value)
			for i, p := range value {
				value[i].Split = false
				if n := len(e.Guards); len(p.Guards) >= n && slices.Equal(p.Guards[:n], e.Guards) {
					value[i].Guards = p.Guards[n:] // they stand around the line
				}
			}
			line := "export " + e.Name + "=" + shellWord(value)
			if len(value) == 0 {
				line = "export " + e.Name + "="
			}
			lines = append(lines, ctl.Tagged(e.Guards, line))
		}
	}
	return lines
}

// gives says whether bpm.yml sets a variable however the job is rendered.
func (l *launch) gives(name string) bool {
	return !slices.ContainsFunc(l.variants, func(p *bpm.ProcessTemplate) bool {
		return !slices.ContainsFunc(p.Env, func(v bpm.Variable) bool { return v.Name == name && len(v.Guards) == 0 })
	})
}

// runsProgram says whether a command runs a program that may look at the
// environment: none of the shell's own and of those that every VM has.
func (l *launch) runsProgram(c *ctl.Command) bool {
	if len(c.Words) == 0 {
		return false
	}
	name := c.Words[0].String()
	if plain := ctl.Unwrap(c); plain != nil {
		name = plain.Executable.String()
	}
	base := path.Base(name)
	return !fileCommands[base] && !quiet[base] && !hostPrograms[base] && (!path.IsAbs(name) || below(name, "/var/vcap")) &&
		!strings.HasPrefix(name, "[[") && !strings.HasPrefix(name, "((") && l.result.Functions[name].Text == ""
}

// mayRead says whether the program of a command may look at a variable. What a
// script of the job looks at can be seen.
func (w *job) mayRead(c *ctl.Command, name string) bool {
	u := ctl.Unwrap(c)
	if u == nil || name == "PATH" {
		return true
	}
	exe, _ := u.Executable.Literal()
	if !below(exe, w.jobDir()) {
		return true
	}
	file, err := w.lookup(exe)
	return err != nil || file == nil || strings.Contains(string(file.Data), name)
}

var hostPrograms = map[string]bool{
	"sysctl": true, "modprobe": true, "mount": true, "umount": true, "cp": true, "mv": true, "rm": true, "sed": true, "useradd": true, "groupadd": true, "usermod": true,
	"iptables": true, "ip": true, "ifconfig": true, "crontab": true, "service": true, "tar": true, "rsync": true, "find": true, "sleep": true, "chmod": true, "mknod": true, "setcap": true,
	"dpkg": true, "apt-get": true, "update-ca-certificates": true, "ulimit": true, "host": true, "curl": true, "wget": true, "rmdir": true, "unlink": true, "xargs": true, "openssl": true,
}

// script makes a whole script of lines.
func (w *job) script(l *launch, begins string, lines []string) string {
	head := "#!/bin/bash\n"
	if begins != "" {
		head += begins + "\n"
	}
	return w.withLocals(l, head+"\n"+strings.Join(lines, "\n")+"\n")
}

// withLocals puts the Ruby that a script's expressions use in front of its
// first command.
func (w *job) withLocals(l *launch, text string) string {
	var ruby []string
	for _, m := range erbTag.FindAllStringSubmatch(text, -1) {
		ruby = append(ruby, m[1])
	}
	if len(ruby) == 0 {
		return text
	}
	var b strings.Builder
	for _, local := range locals(append(l.templates(), w.monit.Template), ruby, false) {
		if len(local.Guards) > 0 && strings.Contains(text, "<% "+strings.TrimSpace(local.Code)+" %>") {
			continue // it stands in its block
		}
		code := "<%" + strings.TrimRight(local.Code, " \t\n") + " -%>"
		if !strings.HasPrefix(local.Code, " ") && !strings.HasPrefix(local.Code, "\n") {
			code = "<% " + strings.TrimRight(local.Code, " \t\n") + " -%>"
		}
		b.WriteString(ctl.Tagged(local.Guards, code) + "\n")
	}
	if b.Len() == 0 {
		return text
	}
	if strings.HasPrefix(text, "#!") {
		i := strings.IndexByte(text, '\n') + 1
		return text[:i] + b.String() + text[i:]
	}
	return b.String() + text
}

var erbTag = search.MustCompile(`(?s)<%[=-]?(.*?)-?%>`)

// errexit says whether the old scripts ended at the first error.
func (w *job) errexit(l *launch) bool {
	if l.strict == 0 {
		l.strict = -1
		for _, s := range l.result.Scripts {
			if setsErrexit(s.Original.Data) {
				l.strict = 1
				break
			}
		}
	}
	return l.strict > 0
}

var errexit = search.MustCompile(`^(#!.*|set)\s+-\w*e`)

// setsErrexit says whether a script asks for the end at the first error, in its
// first line or with set.
func setsErrexit(script []byte) bool {
	for line := range bytes.Lines(script) {
		line = bytes.TrimLeft(line, " \t")
		if (bytes.HasPrefix(line, []byte("#!")) || bytes.HasPrefix(line, []byte("set"))) && errexit.Match(line) {
			return true
		}
	}
	return false
}

// addPostStart puts the work that follows the start into bin/post-start.
func (w *job) addPostStart(spec *specEdit, parts []piece) bool {
	if len(parts) == 0 {
		return true
	}
	if t, there := w.Job.Spec.Template("bin/post-start"); there {
		f, _, err := w.Job.TemplateFile("bin/post-start")
		if err != nil {
			w.fail(err)
			return false
		}
		if !w.goesOn(f) {
			return w.decline(t.Span, "the script does more after it has started the process, and this post-start may end early, so nothing can be added behind it")
		}
		text := string(f.Data)
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, After: []byte(text + "\n" + joined(parts, "set -e")), Mode: f.Mode, Why: "what the script did after the start is added at the end"})
		return true
	}
	if !w.newFile(postStartDefault, []byte(startOf(parts)+joined(parts, parts[0].begins)), "what the script did after the start") {
		return false
	}
	spec.add(postStartDefault, "bin/post-start")
	return true
}

// usedElsewhere says whether a template source is rendered to another target
// as well.
func (w *job) usedElsewhere(t release.Template) bool {
	n := 0
	for _, o := range w.Job.Spec.Templates {
		if o.Source == t.Source {
			n++
		}
	}
	return n > 1
}

// newFile adds a template. One that is there already and not in the spec is
// somebody's work: it is not written over.
func (w *job) newFile(template string, data []byte, why string) bool {
	name := w.Job.TemplateName(template)
	if f, err := w.ctx.Release.Read(name); err == nil {
		return w.decline(source.Span{File: f}, "this file is in the way: the conversion writes one of that name")
	} else if !errors.Is(err, fs.ErrNotExist) {
		w.fail(err)
		return false
	}
	w.Changes = append(w.Changes, Change{Name: name, After: data, Mode: 0o644, Why: why})
	return true
}

func (w *job) editMonit() bool {
	edits := slices.Clone(w.monitEdits)
	put := func(c *monit.Clause, value string) {
		if !c.Quoted && strings.ContainsAny(value, " ") {
			value = `"` + value + `"`
		}
		edits = append(edits, source.Edit{Start: c.Value.Start, End: c.Value.End, New: value, Rule: "monit"})
	}
	for _, l := range w.supervised() {
		if l.check.Stop == nil {
			return w.decline(l.check.Span, "check %s has no stop program", l.name)
		}
		put(l.check.Pidfile, bpm.PidFile(w.Job.Name, l.name))
		put(l.check.Start.Clause, bpm.Program("start", w.Job.Name, l.name))
		put(l.check.Stop.Clause, bpm.Program("stop", w.Job.Name, l.name))
		for _, p := range []*monit.Program{l.check.Start, l.check.Stop} {
			if p.As.Valid() {
				edits = append(edits, source.Edit{Start: p.As.Start, End: p.As.End, Rule: "monit"})
			}
		}
	}
	if len(edits) == 0 {
		return true
	}
	after, err := source.Apply(w.Job.Monit.Data, edits)
	if err != nil {
		w.fail(err)
		return false
	}
	if _, err := monit.Parse(&source.File{Name: w.Job.Monit.Name, Data: after}); err != nil {
		w.fail(err)
		return false
	}
	w.Changes = append(w.Changes, Change{Name: w.Job.Monit.Name, Before: w.Job.Monit, After: after, Mode: w.Job.Monit.Mode, Why: "start, stop and pidfile are bpm's"})
	return true
}

// addPreStart puts the once-a-deploy work into bin/pre-start: into a new one,
// at the end of a bash script that only goes on, or around everything else.
func (w *job) addPreStart(spec *specEdit) bool {
	if w.preStart.empty() {
		return true
	}
	f, t, err := w.Job.TemplateFile(preStartTarget)
	if _, there := w.Job.Spec.Template(preStartTarget); !there {
		header, mode := "#!/bin/bash\nset -e\n\n", "set -e"
		if moved := w.preStart.moved; len(moved) > 0 {
			header, mode = startOf(moved), moved[0].begins
		}
		if !w.newFile(preStartDefault, []byte(header+w.preStart.script(mode)), "what has to be done once a deploy, as root") {
			return false
		}
		spec.add(preStartDefault, preStartTarget)
		return true
	}
	if err != nil {
		w.fail(err)
		return false
	}
	body := w.preStart.script("set -e")
	if w.goesOn(f) {
		text := string(f.Data)
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if nounset.MatchString(text) {
			body = "set +u\n" + body
		}
		if strings.Contains(text, "pipefail") {
			body = "set +o pipefail\n" + body
		}
		w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, After: []byte(text + "\n" + body), Mode: f.Mode, Why: "what has to be done once a deploy is added at the end"})
		return true
	}
	operator := operatorPrefix + path.Base(t.Source)
	if dir := path.Dir(t.Source); dir != "." {
		operator = path.Join(dir, operator)
	}
	if !w.newFile(operator, f.Data, "the release's own pre-start, unchanged") {
		return false
	}
	spec.add(operator, operatorTarget)
	wrapper := "#!/bin/bash\nset -e\n\n" + path.Join(w.jobDir(), operatorTarget) + "\n\n" + body
	w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, After: []byte(wrapper), Mode: f.Mode, Why: "runs the old one first, which moved to " + operator})
	w.decide(w.launches[0], at(source.Whole(f)), operatorTarget, "what this pre-start contains comes from a property or may end it early, so nothing can be added behind it; bin/pre-start runs it first")
	return true
}

// nounset is where a script ends at a variable that is not set.
var nounset = search.MustCompile(`(?m)^(?:#!.*|\s*set) -\w*u`)

// goesOn says whether lines can be added at the end of a script and change
// nothing else: it is bash that ends at the first error, no expression of ERB is
// a command in it, nothing ends it with success or becomes another program, and
// it leaves the shell as it was.
func (w *job) goesOn(f *source.File) bool {
	first, _, _ := strings.Cut(string(f.Data), "\n")
	if !strings.HasPrefix(first, "#!/bin/bash") && strings.TrimSpace(first) != "#!/usr/bin/env bash" {
		return false
	}
	t, err := erb.Parse(f)
	if err != nil {
		return false
	}
	tree, err := shell.Parse(t.Mask(), f.Name)
	if err != nil {
		return false
	}
	expressions := map[int]bool{}
	for _, s := range t.Segments {
		if s.Kind == erb.Expr {
			expressions[s.Start] = true
		}
	}
	ok := strings.Contains(first, " -e") || len(tree.Stmts) > 0 && strings.HasPrefix(string(f.Data[tree.Stmts[0].Pos().Offset():]), "set -e")
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Subshell, *syntax.CmdSubst:
			return false
		case *syntax.CallExpr:
			if len(n.Args) == 0 {
				return true
			}
			if expressions[int(n.Args[0].Pos().Offset())] {
				ok = false // what it prints may be anything
			}
			switch n.Args[0].Lit() {
			case "exit":
				status := ""
				if len(n.Args) == 2 {
					status = n.Args[1].Lit()
				}
				ok = ok && digits.MatchString(status) && strings.Trim(status, "0") != ""
			case "exec", "trap", "cd", "pushd", "umask", "shopt":
				ok = false // what comes behind would not run, or otherwise
			}
		}
		return ok
	})
	return ok
}
