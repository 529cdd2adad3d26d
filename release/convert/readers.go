package convert

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// readers finds who else uses the old pidfile or the old script: drain and
// post-start scripts, other jobs, app config, docs. Where a script runs on the
// VM and it is certain that it only reads the pidfile, or calls the old script
// as monit did, it is rewritten; every other place is a finding.
func (w *job) readers() {
	all := w.launches
	w.launches = w.supervised()
	defer func() { w.launches = all }()
	old := map[string]bool{} // files that go away or are rewritten
	old[w.Job.Monit.Name] = true
	type gone struct {
		path, now, what string
		written         bool // by the process itself
	}
	var lost []gone
	for _, l := range w.launches {
		for i, f := range w.scripts(l) {
			vmPath := w.scriptPaths(l)[i]
			old[f.Name] = old[f.Name] || i == 0 || w.startsLeft(vmPath) || !w.stillUsed(vmPath, nil)
		}
		lost = append(lost, gone{l.pidfile, bpm.PidFile(w.Job.Name, l.name), "pidfile", w.writesPidfile(l)})
		for i, vmPath := range w.scriptPaths(l) {
			if w.startsLeft(vmPath) || i > 0 && w.stillUsed(vmPath, nil) {
				continue
			}
			lost = append(lost, gone{vmPath, "", "script", false})
		}
	}
	for _, l := range w.launches {
		if m := search.MustCompile(`(?:\bcat\s+|<\s*)["']?` + search.QuoteMeta(l.pidfile) + `\b`).FindString(l.script); m != "" && !w.writesPidfile(l) {
			w.find("old-pidfile-used", source.Warning, l.launch.Span(), "the wrapper of %s reads %s, which is not written any more; bpm's pidfile is not in the container, and the process of an earlier start has ended by then", l.name, l.pidfile)
		}
	}
	for _, f := range w.hostFiles(old) {
		if f.pids {
			for _, l := range w.launches {
				w.rereadPid(l, f, old)
			}
		}
		if f.scripts {
			w.recall(f)
			w.lookedFor(f)
		}
		w.settle(f)
	}
	w.monitActions()
	for _, l := range w.launches {
		w.otherProcesses(l, l.process)
	}
	for _, g := range lost {
		owners := w.owners(g.path)
		for _, at := range w.ctx.Release.Mentions(g.path) {
			if !old[at.File.Name] && !(g.what == "pidfile" && ofJobs(owners, at.File)) {
				w.lostReader(g.what, g.path, g.now, g.written, at)
			}
		}
	}
	w.joinedNames(old)
	for _, g := range lost {
		for _, at := range fileText(w.Job.Monit).mentions(g.path) {
			if !w.rewritten(at) {
				w.lostReader(g.what, g.path, g.now, g.written, at)
			}
		}
	}
	for _, t := range w.allPropertyTexts() {
		for _, g := range lost {
			for _, at := range t.mentions(g.path) {
				w.lostReader(g.what, g.path, g.now, g.written, at)
			}
		}
	}
}

// joinedNames finds scripts in other languages than the shell's that put the name
// of the pidfile together: they have its folder in one place and its base name in
// another.
func (w *job) joinedNames(old map[string]bool) {
	for _, t := range w.Job.Spec.Templates {
		f, _, err := w.Job.TemplateFile(t.Target)
		if err != nil || old[f.Name] || !bytes.HasPrefix(f.Data, []byte("#!")) || hostscript.Read(f, true) != nil {
			continue
		}
		for _, l := range w.launches {
			base := path.Base(l.pidfile)
			if strings.Contains(l.pidfile, "<%") || w.writesPidfile(l) || !search.MustCompile(search.QuoteMeta(path.Dir(l.pidfile))+`/?["']`).Match(f.Data) {
				continue
			}
			body := withoutComments(f)
			for _, m := range search.MustCompile(`["'/}]`+search.QuoteMeta(base)+`["']`).FindAllStringIndex(body, -1) {
				at := source.Span{File: f, Start: m[0] + 1, End: m[1] - 1}
				if strings.HasSuffix(body[:at.Start], path.Dir(l.pidfile)+"/") {
					continue // the whole name
				}
				w.find("old-pidfile-used", source.Warning, at, "this is %s, if it is in the folder that the script names; that %s, and the pid is in %s", l.pidfile, w.notWritten(), bpm.PidFile(w.Job.Name, l.name))
			}
		}
	}
}

// reread is an edit of a file that uses what the conversion takes away.
type reread struct {
	file *source.File
	edit source.Edit
	why  string
}

// hostFile is a template that stays, as a script that runs on the VM.
type hostFile struct {
	*hostscript.Script
	job    *release.Job
	target string
	// pids and scripts say that it may name a pidfile, a script of the start path.
	pids, scripts bool
	// elsewhere is who may run it in a container, where there is somebody.
	elsewhere source.Span
}

// hostFiles are the shell scripts of all jobs that stay, as far as they may have to
// do with a pidfile or a script of the start path.
func (w *job) hostFiles(old map[string]bool) []hostFile {
	candidates := fileSet{}
	hosts := w.ctx.hosts
	candidates.add(hosts.ofJob(w.Job.Name))
	candidates.add(hosts.saying(w.Job.Name))
	for _, l := range w.launches {
		candidates.add(hosts.sayingFile(l.pidfile))
		for _, p := range w.scriptPaths(l) {
			if !hosts.several(p) {
				candidates.add(hosts.saying(path.Base(p)))
			}
		}
	}
	var all []hostFile
	seen := map[string]bool{}
	for _, t := range hosts.files(candidates) {
		if old[t.file.Name] || seen[t.file.Name] {
			continue
		}
		here := strings.HasPrefix(t.file.Name, "jobs/"+w.Job.Name+"/") || bytes.Contains(t.file.Data, []byte(w.Job.Name))
		f := hostFile{job: t.job, target: t.target, pids: w.concernsPidfile(t.file, here), scripts: w.concernsScript(t.file, here)}
		if !f.pids && !f.scripts {
			continue
		}
		seen[t.file.Name] = true
		if f.Script = t.read(); f.Script == nil {
			continue
		}
		if t.script {
			f.elsewhere = w.runElsewhere(t.job, t.target, old, 0)
		}
		all = append(all, f)
	}
	return all
}

// concernsPidfile says whether a file may have the name of a pidfile in it. here
// says that it is of the job, or has its name in it.
func (w *job) concernsPidfile(f *source.File, here bool) bool {
	return slices.ContainsFunc(w.launches, func(l *launch) bool {
		ext := path.Ext(l.pidfile)
		return bytes.Contains(f.Data, []byte(path.Base(l.pidfile))) && (here || ext != "") || // any job may have a file "pid"
			ext != "" && bytes.Contains(f.Data, []byte(ext)) && (here || hasOpenName(f))
	})
}

// concernsScript says whether a file may have the name of a script of the start path
// in it. Elsewhere than here it has to be one that no other job has.
func (w *job) concernsScript(f *source.File, here bool) bool {
	return slices.ContainsFunc(w.launches, func(l *launch) bool {
		return slices.ContainsFunc(w.scriptPaths(l), func(p string) bool {
			name := path.Base(p)
			if !here {
				name = "bin/" + name
			}
			return (here || !w.ctx.hosts.several(p)) && bytes.Contains(f.Data, []byte(name))
		})
	})
}

// openName is the name of a file of which only the ending is known.
var openName = search.MustCompile(`(?:\$\{?\w+\}?|[*?\])}])["']?\.\w`)

func hasOpenName(f *source.File) bool {
	type key struct{}
	return source.Derived(f, key{}, func() bool { return openName.Match(f.Data) })
}

// lifecycle are the scripts that the BOSH agent and bbr run, on the VM, as root.
var lifecycle = search.MustCompile(`^bin/(?:drain|pre-start|post-start|post-deploy|pre-stop|post-stop|bbr/[\w-]+)$`)

// ending are those that run when the job is about to stop, or has stopped: one
// that ends the process is to remove the pidfile (bpm-release, docs/runtime.md).
var ending = search.MustCompile(`^bin/(?:drain|pre-stop|post-stop)$`)

// runElsewhere finds who may run a script in a container: everybody who names
// it but the agent, cron and scripts that run on the VM themselves.
func (w *job) runElsewhere(j *release.Job, target string, old map[string]bool, depth int) (at source.Span) {
	if lifecycle.MatchString(target) || depth > 4 {
		return at
	}
	if target == "bin/dns/healthy" {
		at.File = j.Spec.File // run by the health job of bosh-dns, which is on bpm
		return at
	}
	for _, m := range w.ctx.Release.Mentions("/var/vcap/jobs/" + j.Name + "/" + target) {
		parts := strings.SplitN(m.File.Name, "/", 4) // jobs/J/templates/SOURCE
		if len(parts) < 4 || parts[0] != "jobs" || parts[2] != "templates" || old[m.File.Name] {
			continue
		}
		caller := w.ctx.Release.Job(parts[1])
		if caller == nil || caller.Spec == nil {
			continue
		}
		if hostscript.InCrontab(lineAt(m.File, m.Start)) {
			continue
		}
		found := false
		for _, t := range caller.Spec.Templates {
			if t.Source != parts[3] || caller == j && t.Target == target {
				continue
			}
			found = true
			if lifecycle.MatchString(t.Target) {
				continue
			}
			f, _, err := caller.TemplateFile(t.Target)
			if err != nil || !bytes.HasPrefix(f.Data, []byte("#!")) {
				return m
			}
			if o := w.runElsewhere(caller, t.Target, old, depth+1); o.File != nil {
				return o
			}
		}
		if !found && !(caller == j && strings.HasSuffix(m.File.Name, "/"+path.Base(target))) {
			return m
		}
	}
	return at
}

func lineAt(f *source.File, offset int) string {
	start := bytes.LastIndexByte(f.Data[:offset], '\n') + 1
	line, _, _ := bytes.Cut(f.Data[start:], []byte("\n"))
	return string(line)
}

// rereadPid makes a script read bpm's pidfile, where that is certain to do.
func (w *job) rereadPid(l *launch, f hostFile, old map[string]bool) {
	if f.job != w.Job && slices.Contains(w.owners(l.pidfile), f.job.Name) {
		return // its own, of the same name
	}
	now := bpm.PidFile(w.Job.Name, l.name)
	use := f.PidUses(l.pidfile, now, f.job == w.Job, func(variable string) bool { return w.readsVariable(variable, f.File, old) })
	switch {
	case len(use.Names) == 0:
		return
	case strings.Contains(l.name, "<%"):
		use.Against, use.AgainstAt = "its name depends on how the job is rendered", use.Names[0]
	case use.Against == "" && len(use.Removes) > 0 && !ending.MatchString(f.target):
		use.Against, use.AgainstAt = "it removes the pidfile, and the process may be running", use.Removes[0]
	case use.Against == "" && f.elsewhere.File != nil:
		use.Against = "a process may run this script in its container, where no pidfile of a job is"
		use.AgainstAt = f.elsewhere
	}
	if use.Against != "" {
		at := ""
		if use.AgainstAt.File != use.Names[0].File || lineAt(use.AgainstAt.File, use.AgainstAt.Start) != lineAt(use.Names[0].File, use.Names[0].Start) {
			at = " (" + use.AgainstAt.Place() + ")"
		}
		for i, n := range use.Names {
			if slices.ContainsFunc(use.Names[:i], func(o source.Span) bool { return o.File == n.File && o.Start <= n.Start && n.End <= o.End }) {
				continue // a path in a word that is told already
			}
			w.find("old-pidfile-used", source.Warning, n, "%s %s; the pid is in %s. This file is not rewritten: %s%s", l.pidfile, w.notWritten(), now, use.Against, at)
		}
		return
	}
	for _, e := range use.Edits {
		w.rereads = append(w.rereads, reread{f.File, e, "the pid is in " + now + " now"})
	}
	w.decide(l, use.Names, "reads "+now, "%s only reads the pidfile, and what it does with the pid does the same with bpm's", f.target)
}

// readsVariable says whether a template that stays, other than the given one,
// reads a shell variable.
func (w *job) readsVariable(name string, but *source.File, old map[string]bool) bool {
	use := search.MustCompile(`\$\{?` + name + `\b`)
	return slices.ContainsFunc(w.ctx.Release.Jobs, func(j *release.Job) bool {
		if j.Spec == nil {
			return false
		}
		return slices.ContainsFunc(j.Spec.Templates, func(t release.Template) bool {
			f, _, err := j.TemplateFile(t.Target)
			return err == nil && f != but && !old[f.Name] && use.Match(f.Data)
		})
	})
}

// owners are the other jobs whose monit file has a pidfile of that name: what
// they say of it is about their own.
func (w *job) owners(pidfile string) []string {
	var names []string
	for _, at := range w.ctx.Release.Mentions(pidfile) {
		if parts := strings.Split(at.File.Name, "/"); len(parts) == 3 && parts[0] == "jobs" && parts[1] != w.Job.Name && parts[2] == "monit" {
			names = append(names, parts[1])
		}
	}
	return names
}

// ofJobs says whether a file belongs to one of the jobs.
func ofJobs(names []string, f *source.File) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(f.Name, "jobs/"+n+"/") })
}

// recall makes a script call bpm where it called the old script as monit did.
func (w *job) recall(f hostFile) {
	if f.elsewhere.File != nil {
		return
	}
	syntax.Walk(f.Tree, func(n syntax.Node) bool {
		c, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		var words []string
		for _, a := range c.Args {
			v, known := f.Value(a)
			if !known {
				v = "\x00"
			}
			words = append(words, v)
		}
		for i := range words {
			if i > 1 || i == 1 && words[0] != "sudo" && words[0] != "exec" {
				break
			}
			l, command := w.asMonit(words[i:])
			if l == nil {
				continue
			}
			e := source.Edit{Start: int(c.Args[i].Pos().Offset()), End: int(c.Args[len(c.Args)-1].End().Offset()), New: command, Rule: "ctl"}
			w.rereads = append(w.rereads, reread{f.File, e, "the old script is gone, and bpm starts and stops the process"})
			w.decide(l, at(f.Span(c)), "calls "+command, "%s called the old script as monit did", f.target)
		}
		return true
	})
}

// settle notes where a variable holds the name of an old script and all that used
// it is rewritten.
func (w *job) settle(f hostFile) {
	if !slices.ContainsFunc(w.rereads, func(r reread) bool { return r.file == f.File }) {
		return
	}
	left := map[string]bool{} // variables that something still reads
	syntax.Walk(f.Tree, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && !w.reread(f.Span(p)) {
			left[p.Param.Value] = true
		}
		return true
	})
	syntax.Walk(f.Tree, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Assign); ok && a.Name != nil && a.Value != nil && !left[a.Name.Value] && !f.Exported[a.Name.Value] {
			w.settled = append(w.settled, f.Span(a.Value))
		}
		return true
	})
}

// lookedFor finds the commands that look for the old script among the processes
// of the VM. The process itself is among them as before: the host sees what runs
// in a container.
func (w *job) lookedFor(f hostFile) {
	syntax.Walk(f.Tree, func(n syntax.Node) bool {
		c, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		name, args := f.Command(c)
		switch name {
		case "pgrep", "pkill", "killall", "pidof":
		case "grep", "egrep", "fgrep":
			if !listsProcesses.MatchString(lineAt(f.File, int(c.Pos().Offset()))) {
				return true
			}
		default:
			return true
		}
		for _, a := range args {
			v, _ := f.Value(a)
			v = notItself.ReplaceAllString(v, "$1")
			for _, l := range w.launches {
				for _, p := range w.scriptPaths(l) {
					base := path.Base(p)
					if !w.removed(l, p) || !hasWord([]byte(v), base) || slices.ContainsFunc(l.variants, func(p *bpm.ProcessTemplate) bool {
						return slices.ContainsFunc(p.Texts(), func(t string) bool { return strings.Contains(t, base) })
					}) {
						continue
					}
					w.find("old-script-used", source.Warning, f.Span(c), "%s looks for the script %s among the processes, and it %s; the program that bpm runs is %s", oneLine(f.Span(c).Text()), base, w.gone(), l.process.Executable)
					return true
				}
			}
		}
		return true
	})
}

var (
	listsProcesses = search.MustCompile(`\bps\s`)
	// notItself keeps a grep out of what it finds: [c]tl.
	notItself = search.MustCompile(`\[(\w)\]`)
)

// otherProcesses finds what looks at the processes of the VM from inside a
// container, where only its own are to be seen.
func (w *job) otherProcesses(l *launch, p *bpm.ProcessTemplate) {
	for _, c := range w.configs(p) {
		if slices.ContainsFunc(l.result.Scripts, func(s *ctl.Script) bool { return s.Original == c.file }) {
			continue
		}
		type key struct{}
		for _, m := range source.Derived(c.file, key{}, func() [][]int { return processLists.FindAllSubmatchIndex(c.file.Data, -1) }) {
			w.find("other-processes-hidden", source.Warning, source.Span{File: c.file, Start: m[2], End: m[3]}, "%s runs this in its container, which sees no processes but its own", l.name)
		}
	}
}

// processLists is a command that looks for processes, outside a comment.
var processLists = search.MustCompile(`(?m)^[^#;\n]*?\b((?:pgrep|pkill|killall|pidof)\s+[^\n]*|ps\s+(?:-e|aux|ax)[^\n]*)`)

// asMonit gives bpm's form of a command that calls an old script with the
// arguments with which monit starts or stops a process.
func (w *job) asMonit(words []string) (of *launch, command string) {
	for _, l := range w.launches {
		if strings.Contains(l.name, "<%") {
			continue
		}
		for verb, p := range map[string]*monit.Program{"start": l.check.Start, "stop": l.check.Stop} {
			if p == nil || !w.removed(l, words[0]) {
				continue
			}
			if slices.Equal(w.programWords(p), words) {
				if of != nil {
					return nil, "" // one call for several processes
				}
				of, command = l, bpm.Program(verb, w.Job.Name, l.name)
			}
		}
	}
	return of, command
}

// removed says whether a script is one that goes away.
func (w *job) removed(l *launch, vmPath string) bool {
	for i, p := range w.scriptPaths(l) {
		if p == vmPath {
			return !w.startsLeft(p) && !(i > 0 && w.stillUsed(p, nil))
		}
	}
	return false
}

// programWords are the words of a program that is no template.
func (w *job) programWords(p *monit.Program) []string {
	var words []ctl.Word
	for _, s := range p.Words() {
		words = append(words, templateWord(w.monit.Template, s))
	}
	var texts []string
	for _, word := range debugged(words) {
		s, ok := word.Literal()
		if !ok {
			return nil
		}
		texts = append(texts, s)
	}
	return texts
}

// monitActions are the calls of the old script in other clauses of the monit
// file, such as "if ... then exec": those that only stop the process become
// bpm's.
func (w *job) monitActions() {
	data := w.Job.Monit.Data
	for _, l := range w.launches {
		for _, vmPath := range w.scriptPaths(l) {
			if !w.removed(l, vmPath) {
				continue
			}
			for _, m := range fileText(w.Job.Monit).mentions(vmPath) {
				if w.rewritten(m) || m.Text() != vmPath || m.Start == 0 || data[m.Start-1] != '"' || !execBefore.Match(data[:m.Start-1]) {
					continue
				}
				n := bytes.IndexByte(data[m.End:], '"')
				if n < 0 {
					continue
				}
				command := source.Span{File: w.Job.Monit, Start: m.Start, End: m.End + n}
				p := &monit.Program{Clause: &monit.Clause{Keyword: "exec", Span: command, Value: command, Quoted: true}, Command: command}
				words := w.programWords(p)
				of, now := w.asMonit(words)
				if of == nil && len(words) > 0 {
					does, only := w.verbDoes(l, p)
					if only && w.usedBy(vmPath) == 1 {
						of, now = l, bpm.Program("stop", w.Job.Name, l.name)
					} else {
						w.find("old-script-used", source.Error, command, "monit runs %s here, and this script %s. It ran %s: put that into a script of its own, or take the action out", command.Text(), w.gone(), does)
						continue
					}
				}
				if of != nil {
					w.monitEdits = append(w.monitEdits, source.Edit{Start: command.Start, End: command.End, New: now, Rule: "monit"})
					w.decide(of, at(command), "monit action: "+now, "%s stops or starts the process, and nothing else", command.Text())
				}
			}
		}
	}
}

// usedBy counts the processes whose start path has a script.
func (w *job) usedBy(vmPath string) (n int) {
	for _, l := range w.launches {
		if slices.Contains(w.scriptPaths(l), vmPath) {
			n++
		}
	}
	return n
}

var execBefore = search.MustCompile(`(?i)\bexec\s+$`)

// verbDoes tells what the old script did for a verb, and whether it only
// stopped the process.
func (w *job) verbDoes(l *launch, p *monit.Program) (does string, onlyStops bool) {
	verdict, reason := w.Verdict, w.Reason
	result, ok := w.evaluate(l, p, ctl.World{Bare: true})
	w.Verdict, w.Reason = verdict, reason // what cannot be read here is no reason to decline
	if !ok {
		return "what cannot be read", false
	}
	stops := false
	var more []string
	for _, c := range result.Commands {
		switch n := c.Name(); {
		case c.Followed || c.Leave || c.Test || n == "exec" && len(c.Words) == 1:
		case n == "kill":
			if s, known := killSignal(c.Words); known && (s == "TERM" || s == "INT" || s == "KILL" || s == "QUIT") {
				stops = true
			} else if !known || s != "0" {
				more = append(more, "`"+oneLine(c.Span.Text())+"`")
			}
		case n == "kill_and_wait":
			stops = true
		case w.service(c, l).Kind != claim.None || w.isQuiet(c) || writesPid(c, l) || pidHelpers[n]:
		default:
			more = append(more, "`"+oneLine(c.Span.Text())+"`")
		}
	}
	switch {
	case len(more) > 3:
		return strings.Join(more[:3], ", ") + " and more", false
	case len(more) > 0:
		return strings.Join(more, ", "), false
	}
	if stops {
		return "a stop of the process", len(result.Unclear) == 0
	}
	return "nothing that is known", false
}

// rewritten says whether a place in the monit file is one that becomes bpm's.
func (w *job) rewritten(at source.Span) bool {
	for _, l := range w.launches {
		for _, c := range []*monit.Clause{l.check.Pidfile, l.check.Start.Clause, l.check.Stop.Clause} {
			if c.Span.Start <= at.Start && at.End <= c.Span.End {
				return true
			}
		}
	}
	return slices.ContainsFunc(w.monitEdits, func(e source.Edit) bool { return at.File == w.Job.Monit && e.Start <= at.Start && at.End <= e.End })
}

// reread says whether a place is rewritten.
func (w *job) reread(at source.Span) bool {
	return slices.ContainsFunc(w.rereads, func(r reread) bool {
		return r.file == at.File && r.edit.Start <= at.Start && at.End <= r.edit.End
	})
}

// lostReader reports a use of something that the conversion takes away. In
// documents it is a note: nothing breaks when the job runs.
func (w *job) lostReader(what, old, now string, written bool, at source.Span) {
	severity := source.Warning
	if strings.HasSuffix(at.File.Name, ".md") {
		severity = source.Note
	}
	if w.edited(at) || w.reread(at) || what == "script" && slices.ContainsFunc(w.settled, func(s source.Span) bool {
		return s.File == at.File && s.Start <= at.Start && at.End <= s.End
	}) {
		return
	}
	for _, f := range w.Findings {
		if f.Span == at || f.Span.File == at.File && f.Span.Start <= at.Start && at.End <= f.Span.End {
			return // said already, and better
		}
	}
	if what == "pidfile" && written {
		w.find("old-pidfile-used", severity, at, "the process writes %s itself, and the number in it is that of its container, which nobody outside can signal; the pid is in %s", old, now)
		return
	}
	if what == "pidfile" {
		w.find("old-pidfile-used", severity, at, "%s %s; the pid is in %s", old, w.notWritten(), now)
		return
	}
	if severity == source.Warning {
		severity = source.Error
	}
	w.find("old-script-used", severity, at, "%s %s; use /var/vcap/jobs/bpm/bin/bpm or monit instead", path.Clean(old), w.gone())
}

// logReaders finds who reads the old log file; what writes to it may go on.
func (w *job) logReaders(l *launch, old, now string) {
	gone := map[string]bool{w.Job.Monit.Name: true}
	for _, o := range w.launches {
		for _, f := range w.scripts(o) {
			gone[f.Name] = true
		}
	}
	for _, m := range w.ctx.Release.Mentions(old) {
		line := lineAt(m.File, m.Start)
		before := line[:min(len(line), m.Start-(bytes.LastIndexByte(m.File.Data[:m.Start], '\n')+1))]
		if gone[m.File.Name] || m.Text() != old || writesLog.MatchString(before) {
			continue
		}
		severity := source.Warning
		if strings.HasSuffix(m.File.Name, ".md") {
			severity = source.Note
		}
		w.find("log-file-renamed", severity, m, "the output of %s is not in this file any more; it is in %s", l.name, now)
	}
}

// writesLog is what stands in front of a file that is written to or made, or
// that a variable holds.
var writesLog = search.MustCompile(`(?:>\s*["']?|\btee\s+(?:-a\s+)?["']?|\b(?:touch|chown|chmod|mkdir|rm)\b.*|^\s*(?:export\s+)?\w+=["']?)$`)
