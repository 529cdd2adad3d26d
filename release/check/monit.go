package check

import (
	"os"
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// call is a start or stop program of monit that calls bpm.
type call struct {
	check   *monit.Check
	program *monit.Program
	verb    string
	job     bpm.Value
	process bpm.Value
	named   bool // -p was given
	at      source.Span
}

// programsOfMonit sorts the start and stop programs of the monit file.
func (w *job) programsOfMonit() {
	for _, c := range w.monit.Checks {
		if c.Kind != "process" {
			continue
		}
		for _, p := range c.Starts {
			if call, ok := bpmCall(c, p); ok {
				w.starts = append(w.starts, call)
			} else {
				w.others = append(w.others, p)
			}
		}
		for _, p := range c.Stops {
			if call, ok := bpmCall(c, p); ok {
				w.stops = append(w.stops, call)
			}
		}
	}
}

var bpmPath = search.MustCompile(`^/var/vcap/(jobs|packages|data/packages)/bpm/bin/bpm$`)

// bpmCall reads "bpm start JOB -p PROCESS".
func bpmCall(c *monit.Check, p *monit.Program) (call, bool) {
	words := p.Words()
	if len(words) < 3 || !bpmPath.MatchString(words[0].Text()) {
		return call{}, false
	}
	out := call{check: c, program: p, verb: words[1].Text(), at: p.Command}
	for i := 2; i < len(words); i++ {
		switch text := words[i].Text(); {
		case (text == "-p" || text == "--process") && i+1 < len(words):
			i++
			out.process, out.named, out.at = bpm.TextWithTags(words[i].Text()), true, words[i]
		case strings.HasPrefix(text, "--process="):
			out.process, out.named, out.at = bpm.TextWithTags(strings.TrimPrefix(text, "--process=")), true, words[i]
		case !strings.HasPrefix(text, "-") && out.job == nil:
			out.job = bpm.TextWithTags(text)
			if !out.named {
				out.at = words[i]
			}
		}
	}
	if out.job == nil {
		return call{}, false
	}
	if out.process == nil {
		out.process = out.job
	}
	return out, true
}

func firstWord(p *monit.Program) string {
	if words := p.Words(); len(words) > 0 {
		return words[0].Text()
	}
	return ""
}

// templates finds entries of the spec without a file; that of config/bpm.yml is
// told of by rendered.
func (w *job) templates() {
	var names []string
	prefix := w.TemplateName("")
	for _, t := range w.Spec.Templates {
		if path.Clean(t.Target) == configTarget {
			continue
		}
		if _, _, err := w.TemplateFile(t.Target); err == nil || w.exists(w.TemplateName(t.Source)) {
			continue
		}
		if names == nil {
			for _, n := range w.ctx.release.Glob(func(string) bool { return true }, w.Dir()+"/templates") {
				names = append(names, strings.TrimPrefix(n, prefix))
			}
		}
		w.find("template-missing", source.Error, t.Span, "template %s does not exist, so that no release can be made%s", t.Source, nearestFile(t.Source, names))
	}
}

// exists says whether something is there, readable for us or not: a link, say.
func (w *job) exists(name string) bool {
	_, err := os.Lstat(w.ctx.release.Path(name))
	return err == nil
}

// rendered checks that there is a config/bpm.yml where bpm looks for it.
func (w *job) rendered() {
	t, ok := w.Spec.Template(configTarget)
	if ok {
		if _, err := w.ctx.release.Read(w.TemplateName(t.Source)); err != nil && w.doc == nil {
			var names []string
			prefix := w.TemplateName("")
			for _, n := range w.ctx.release.Glob(func(string) bool { return true }, w.Dir()+"/templates") {
				names = append(names, strings.TrimPrefix(n, prefix))
			}
			w.find("bpm-yml-not-rendered", source.Error, t.Span, "template %s does not exist, so there is no config/bpm.yml%s", t.Source, nearestFile(t.Source, names))
		}
		return
	}
	at := w.Spec.TemplatesSpan
	if !at.Valid() {
		at = source.Span{File: w.Spec.File}
	}
	hint := ""
	for _, t := range w.Spec.Templates {
		if isConfig(path.Base(t.Source)) || isConfig(path.Base(t.Target)) || finding.Suggest(t.Target, []string{configTarget}) != "" {
			at = t.Span
			hint = "; " + t.Source + " is rendered to " + t.Target
			break
		}
	}
	if hint == "" {
		for _, f := range w.ctx.textsOf(w.Name) {
			if isConfig(path.Base(f.Name)) {
				hint = "; the spec does not list " + strings.TrimPrefix(f.Name, w.TemplateName(""))
			}
		}
	}
	switch {
	case len(w.starts) > 0 && w.startsItself():
		w.find("bpm-yml-not-rendered", source.Error, at, "monit starts this job with bpm, and no template is rendered to config/bpm.yml, where bpm looks for it%s", hint)
	case hint != "":
		w.find("bpm-yml-not-rendered", source.Warning, at, "no template is rendered to config/bpm.yml, where bpm looks for it%s", hint)
	}
}

func (w *job) startsItself() bool {
	for _, c := range w.starts {
		if c.job.Compatible(bpm.Text(w.Name)) {
			return true
		}
	}
	return false
}

func didYouMean(word string, candidates []string) string {
	if near := finding.Suggest(word, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// nearestFile is didYouMean for names of files, whose endings say nothing.
func nearestFile(name string, files []string) string {
	stem := func(s string) string { s, _, _ = strings.Cut(path.Base(s), "."); return s }
	by := map[string]string{}
	var stems []string
	for _, f := range files {
		if _, seen := by[stem(f)]; !seen {
			by[stem(f)] = f
			stems = append(stems, stem(f))
		}
	}
	if near := finding.Suggest(stem(name), stems); near != "" {
		return "; did you mean " + by[near] + "?"
	}
	return ""
}

// exclusive says whether two places of the monit file never come together.
func (w *job) exclusive(a, b source.Span) bool {
	return erb.Exclusive(w.monit.Template.Guards(a.Start), w.monit.Template.Guards(b.Start))
}

// monitPrograms holds what monit calls against the configuration: the process
// has to be there, start and stop have to agree, the pidfile has to be bpm's.
func (w *job) monitPrograms() {
	for _, c := range w.starts {
		w.call(c)
		w.pidfile(c)
		agreed, other := false, source.Span{}
		for _, s := range w.stops {
			if s.check != c.check || w.exclusive(s.program.Span, c.program.Span) {
				continue
			}
			if s.job.Compatible(c.job) && s.process.Compatible(c.process) {
				agreed = true
			} else {
				other = s.at
			}
		}
		switch {
		case agreed:
		case other.Valid():
			w.find("monit-start-stop", source.Error, other, "monit starts process %s of %s and stops another one, so that a stop leaves the process running", c.process, c.job)
		default:
			for _, p := range c.check.Stops {
				if !w.exclusive(p.Span, c.program.Span) {
					w.find("monit-start-stop", source.Error, p.Command, "monit starts the process with bpm and stops it with something else; bpm has to stop what it started: %s", bpm.Program("stop", c.job.String(), c.process.String()))
				}
			}
			if len(c.check.Stops) == 0 {
				w.find("monit-start-stop", source.Error, c.check.Name, "the check has no stop program, so that monit cannot stop the process: %s", bpm.Program("stop", c.job.String(), c.process.String()))
			}
		}
		if c.verb != "start" {
			w.find("monit-start-stop", source.Error, c.program.Command, "the start program calls bpm %s", c.verb)
		}
	}
	for _, c := range append(w.starts[:len(w.starts):len(w.starts)], w.stops...) {
		if word := firstWord(c.program); word != bpmProgram {
			w.find("bpm-path", source.Warning, c.program.Command, "bpm is the job bpm, and its program %s; %s is there only as long as nobody renames the package", bpmProgram, word)
		}
	}
	for _, c := range w.stops {
		if c.verb != "stop" {
			w.find("monit-start-stop", source.Error, c.program.Command, "the stop program calls bpm %s", c.verb)
		}
	}
}

// call checks that the job and the process of a call are there.
func (w *job) call(c call) {
	doc := w.doc
	if name, static := c.job.Static(); static && name != w.Name {
		var names []string
		for _, j := range w.ctx.release.Jobs {
			names = append(names, j.Name)
		}
		other := w.ctx.jobs[name]
		if other == nil {
			w.find("bpm-process-unknown", source.Error, c.at, "bpm looks for /var/vcap/jobs/%s/config/bpm.yml, and the job is called %s%s", name, w.Name, didYouMean(name, names))
			return
		}
		doc = other.doc
		w.find("bpm-process-unknown", source.Warning, c.at, "this starts the job %s from the monit file of %s; monit and bpm then have two ideas of whose process it is", name, w.Name)
	}
	if doc == nil || !doc.Complete() {
		return
	}
	var names []string
	for _, p := range doc.Processes() {
		for _, n := range p.Get("name") {
			if n.Value.Compatible(c.process) {
				return
			}
			names = append(names, n.Text())
		}
		if len(p.Get("name")) == 0 {
			return // told of by the schema
		}
	}
	if len(names) == 0 {
		return
	}
	hint := ""
	process := c.process.String()
	if near := finding.Suggest(process, names); near != "" {
		hint = "; did you mean " + near + "?"
	} else {
		hint = "; it has " + strings.Join(names, ", ")
	}
	if !c.named {
		hint += ". Without -p bpm looks for a process that is called like the job"
	}
	w.find("bpm-process-unknown", source.Error, c.at, "process %q is not in %s, so the start fails%s", process, doc.File.Name, hint)
}

// pidfile checks that monit looks where bpm writes.
func (w *job) pidfile(c call) {
	jobName, static := c.job.Static()
	if !static {
		jobName = w.Name
	}
	want := append(bpm.Text("/var/vcap/sys/run/bpm/"+jobName+"/"), c.process...)
	want = append(want, bpm.Piece{Text: ".pid"})
	if s, ok := c.process.Static(); ok {
		want = bpm.Text(bpm.PidFile(jobName, s))
	}
	for _, p := range c.check.Pidfiles {
		if !p.Value.Valid() || w.exclusive(p.Span, c.program.Span) {
			continue
		}
		have := bpm.TextWithTags(p.Value.Text())
		if have.Compatible(want) {
			continue
		}
		// a default that a local variable holds
		if strings.Contains(have.String(), "<%") && !strings.HasPrefix(have.String(), "/var/vcap/sys/run/") {
			continue
		}
		w.find("monit-pidfile", source.Error, p.Value, "bpm writes the pid to %s; with this one monit takes the process for dead and starts it again and again", want)
	}
}

// stillCtl finds jobs with a bpm.yml that monit does not use.
func (w *job) stillCtl() {
	if len(w.starts) > 0 || len(w.others) == 0 || w.doc == nil {
		return
	}
	for _, p := range w.others {
		words := p.Words()
		if len(words) == 0 || strings.Contains(p.Command.Text(), "<%") {
			return
		}
		for _, word := range words {
			target, ok := w.own(word.Text())
			if !ok {
				continue
			}
			if f, _, err := w.TemplateFile(target); err == nil && strings.Contains(string(f.Data), "bpm") {
				return // the script calls bpm
			}
		}
	}
	for _, p := range w.doc.Processes() {
		if !w.calledElsewhere(p) {
			for _, word := range w.others[0].Words() {
				target, ok := w.own(word.Text())
				if !ok {
					continue
				}
				if _, rendered := w.Spec.Template(target); !rendered {
					w.find("monit-still-ctl", source.Error, w.others[0].Command, "the job has a config/bpm.yml, and monit starts %s instead, which no template is rendered to: %s", target, bpm.Program("start", w.Name, p.Name().Text()))
					return
				}
			}
			w.find("monit-still-ctl", source.Warning, w.others[0].Command, "the job has a config/bpm.yml, and monit does not start it with bpm: the file has no effect")
			return
		}
	}
}

// unusedProcesses finds processes that nothing starts.
func (w *job) unusedProcesses() {
	if w.doc == nil || len(w.starts) == 0 && len(w.others) > 0 {
		return // told of by stillCtl
	}
	for _, d := range w.findings {
		if d.ID == "bpm-process-unknown" && d.Span.File == w.Monit {
			return // the same mistake from the other side
		}
	}
	for _, p := range w.doc.Processes() {
		if len(p.Get("name")) == 0 || w.startedByMonit(p) || w.calledElsewhere(p) {
			continue
		}
		name := p.Name()
		if name.Kind != bpm.Scalar {
			continue
		}
		if len(w.starts) == 0 {
			w.find("bpm-process-unused", source.Note, name.Span, "monit does not start process %s, and no script of the release runs it (bpm run %s%s)", name.Text(), w.Name, processFlag(name.Text(), w.Name))
			continue
		}
		w.find("bpm-process-unused", source.Warning, name.Span, "nothing starts process %s: monit has no check for it, and no script of the release runs it", name.Text())
	}
}

func processFlag(process, job string) string {
	if process == job {
		return ""
	}
	return " -p " + process
}

func (w *job) startedByMonit(p bpm.ProcessNode) bool {
	for _, other := range w.ctx.jobs {
		for _, c := range other.starts {
			if !c.job.Compatible(bpm.Text(w.Name)) {
				continue
			}
			for _, n := range p.Get("name") {
				if n.Value.Compatible(c.process) {
					return true
				}
			}
		}
	}
	return false
}

var runsBPM = search.MustCompile(`bpm["']?\s+(?:run|start|shell)\b|bin/bpm\b`)

// calledElsewhere says whether a script of the release names the process where
// it calls bpm.
func (w *job) calledElsewhere(p bpm.ProcessNode) bool {
	files := w.ctx.everyText()
	for _, n := range w.ctx.release.Glob(func(n string) bool {
		return strings.HasSuffix(n, ".md") || strings.HasSuffix(n, ".sh") || strings.HasSuffix(n, ".yml")
	}, "docs", "ci", "scripts", "operations") {
		if f, err := w.ctx.release.Read(n); err == nil {
			files = append(files, f)
		}
	}
	for _, f := range files {
		if path.Base(f.Name) == "monit" || w.doc != nil && f == w.doc.File || !runsBPM.Match(f.Data) {
			continue
		}
		text := string(uncommented(f))
		for _, n := range p.Get("name") {
			name, static := n.Static()
			if !static {
				return true
			}
			if name == w.Name && strings.Contains(text, w.Name) {
				return true
			}
			if search.MustCompile(`(?:-p|--process)[ =]+["']?` + search.QuoteMeta(name) + `\b`).MatchString(text) {
				return true
			}
			// the name in a variable, or in a list that a loop runs over
			if search.MustCompile(`(?:-p|--process)[ =]+["']?\$`).MatchString(text) && search.MustCompile(`\b`+search.QuoteMeta(name)+`\b`).MatchString(text) {
				return true
			}
		}
	}
	return false
}
