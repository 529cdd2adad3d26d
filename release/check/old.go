package check

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// text is a file with the variables of shell put in where they hold a path: what
// stands in "$RUN_DIR/web.pid".
var (
	pathVariable  = search.MustCompile(`(?m)^[ \t]*(?:export[ \t]+|local[ \t]+|readonly[ \t]+|declare[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=([^\s;]+)`)
	wholeVariable = search.MustCompile(`^\$\{?[A-Za-z_][A-Za-z0-9_]*\}?$`)
	variableUse   = search.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?`)
	runPath       = search.MustCompile(`(?:/var/vcap/(?:data/)?sys/run|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?)(?:"?/"?[A-Za-z0-9_.-]+|"?/?"?\$\{?[A-Za-z_][A-Za-z0-9_]*\}?)*`)
)

var quotes = strings.NewReplacer(`"`, "", "'", "")

// mention is a path that a text names, directly or through variables.
type mention struct {
	path string
	at   source.Span
}

// runPaths are the paths below /var/vcap/sys/run that a file names.
func (c *context) runPaths(f *source.File) []mention {
	text := string(uncommented(f))
	if !strings.Contains(text, "/sys/run") {
		return nil
	}
	vars := map[string]string{}
	for _, m := range pathVariable.FindAllStringSubmatch(text, -1) {
		v := expand(quotes.Replace(m[2]), vars)
		if old, ok := vars[m[1]]; ok && old != v {
			v = ""
		}
		vars[m[1]] = v
	}
	var all []mention
	for _, m := range runPath.FindAllStringIndex(text, -1) {
		p := strings.Replace(path.Clean(expand(quotes.Replace(text[m[0]:m[1]]), vars)), "/var/vcap/data/sys/", "/var/vcap/sys/", 1)
		if wholeVariable.MatchString(text[m[0]:m[1]]) {
			continue // what it holds was named where it was set
		}
		if strings.HasPrefix(p, "/var/vcap/sys/run/") && !strings.ContainsAny(p, "$\x00") {
			if m[1] < len(text) && text[m[1]] == '<' {
				continue // goes on with what ERB prints
			}
			all = append(all, mention{strings.TrimSuffix(p, "."), source.Span{File: f, Start: m[0], End: m[1]}})
		}
	}
	return all
}

func expand(s string, vars map[string]string) string {
	length := len(s)
	return variableUse.ReplaceAllStringFunc(s, func(u string) string {
		if v := vars[strings.Trim(u, "${}")]; v != "" && length+len(v) <= maxText {
			length += len(v)
			return v
		}
		return unknown
	})
}

// oldPidfiles finds readers of the pidfile that the job's ctl script wrote. They
// may stand in any job. What a process writes itself is its own business as long
// as its container has the folder.
func (w *job) oldPidfiles() {
	if !w.onBPM() || w.doc == nil {
		return
	}
	dir := "/var/vcap/sys/run/" + w.Name
	for _, p := range w.doc.Processes() {
		mounts, open := w.mounts(p)
		if open && len(mounts.Additional) > 0 || mounts.Access(dir+"/x.pid").There {
			return
		}
	}
	var uses []mention
	written := map[string]bool{}
	w.ctx.index()
	for _, m := range w.ctx.pids[w.Name] {
		f := m.at.File
		base := path.Base(f.Name)
		if w.doc.File == f || w.left[f] || strings.HasSuffix(base, ".ps1.erb") || strings.HasSuffix(base, ".ps1") || strings.HasSuffix(base, ".md") {
			continue
		}
		if writesPidfile(f, m) {
			written[m.path] = true
		}
		uses = append(uses, m)
	}
	for _, m := range uses {
		if written[m.path] || w.unreachable(m.at) {
			continue
		}
		inOwn := strings.HasPrefix(m.at.File.Name, w.Dir()+"/")
		if inOwn && !bytes.HasPrefix(m.at.File.Data, []byte("#!")) && path.Base(m.at.File.Name) != "monit" {
			continue // its own config: see paths
		}
		if path.Base(m.at.File.Name) == "monit" && !inOwn {
			continue // another job's own check
		}
		if path.Base(m.at.File.Name) == "monit" && w.isPidfileClause(m.at) {
			continue // told of by monitPrograms
		}
		now := w.nowPidfile(m.path)
		w.find("old-pidfile-used", source.Warning, m.at, "%s was the pidfile of the script before bpm, and nothing writes it any more; the pid is in %s", m.path, now)
	}
}

func (w *job) isPidfileClause(at source.Span) bool {
	for _, c := range w.monit.Checks {
		for _, p := range c.Pidfiles {
			if p.Value.Start <= at.Start && at.Start <= p.Value.End {
				return true
			}
		}
	}
	return false
}

// nowPidfile is the pidfile that bpm writes instead.
func (w *job) nowPidfile(old string) string {
	name := strings.TrimSuffix(path.Base(old), ".pid")
	var all []string
	for _, p := range w.doc.Processes() {
		n := p.Name().Text()
		if n == name || n == w.Name && len(w.doc.Processes()) == 1 {
			return bpm.PidFile(w.Name, n)
		}
		all = append(all, n)
	}
	if len(all) == 1 {
		return bpm.PidFile(w.Name, all[0])
	}
	return bpm.PidFile(w.Name, "PROCESS")
}

var writer = search.MustCompile(`>\s*["']?$|(?i:pid_?file|--pid|-p|--write-pid)[ =:"']*$`)

// writesPidfile says whether the place is one at which the file is written.
func writesPidfile(f *source.File, m mention) bool {
	line := string(f.Data[f.LineStart(m.at.Start):m.at.Start])
	if writer.MatchString(line) && strings.Contains(line, ">") {
		return true
	}
	// PIDFILE=/...; echo $$ > "$PIDFILE"
	if v := pathVariable.FindStringSubmatch(string(f.Data[f.LineStart(m.at.Start):f.LineEnd(m.at.Start)])); v != nil {
		return search.MustCompile(`>\s*["']?\$\{?` + v[1] + `\b`).Match(f.Data)
	}
	return false
}

// dead says whether a file is a template that its job's spec does not list.
func (w *job) dead(f *source.File) bool {
	parts := strings.SplitN(f.Name, "/", 3) // jobs/JOB/...
	if len(parts) < 3 {
		return false
	}
	j := w.ctx.release.Job(parts[1])
	return j != nil && dead(j, f)
}

// dead is that for a file of a job that is known.
func dead(j *release.Job, f *source.File) bool {
	src, ok := strings.CutPrefix(f.Name, j.Dir()+"/templates/")
	if !ok || j.Spec == nil {
		return false
	}
	return !slices.ContainsFunc(j.Spec.Templates, func(t release.Template) bool { return path.Clean(t.Source) == src })
}

var jobBinPath = search.MustCompile(`/var/vcap/jobs/([A-Za-z0-9_.-]+)/(bin/[A-Za-z0-9_./-]*[A-Za-z0-9_-])`)

// oldScripts finds calls of scripts of this job that are not rendered any more.
func (w *job) oldScripts() {
	targets := map[string]bool{}
	var names []string
	for _, d := range w.findings {
		if d.ID == "monit-still-ctl" && d.Severity == source.Error {
			return // that says it
		}
	}
	for _, t := range w.Spec.Templates {
		for p := path.Clean(t.Target); p != "."; p = path.Dir(p) {
			targets[p] = true
		}
		if strings.HasPrefix(t.Target, "bin/") {
			names = append(names, path.Clean(t.Target))
		}
	}
	w.ctx.index()
	for _, c := range w.ctx.calls[w.Name] {
		f := c.at.File
		if w.left[f] || w.doc != nil && f == w.doc.File || strings.HasSuffix(f.Name, ".md") {
			continue
		}
		if targets[c.target] || c.at.End < len(f.Data) && strings.IndexByte("*$<{/", f.Data[c.at.End]) >= 0 {
			continue
		}
		if w.unreachable(c.at) {
			continue
		}
		line := string(f.Data[f.LineStart(c.at.Start):f.LineEnd(c.at.Start)])
		if comment(line, c.at.Start-f.LineStart(c.at.Start)) || asksFor(f, line, c.at.Text()) {
			continue
		}
		w.find("old-script-used", source.Error, c.at, "no template of the job %s is rendered to %s%s", w.Name, c.target, w.mendsTarget(c.target, names))
	}
}

// named is a place where a script of a job is named, by its place in the job.
type named struct {
	target string
	at     source.Span
}

// index reads the files of all jobs once.
func (c *context) index() {
	if c.pids != nil {
		return
	}
	c.pids, c.calls = map[string][]mention{}, map[string][]named{}
	for _, j := range c.release.Jobs {
		for _, f := range c.textsOf(j.Name) {
			if dead(j, f) {
				continue
			}
			for _, m := range c.runPaths(f) {
				if rest, ok := strings.CutPrefix(m.path, "/var/vcap/sys/run/"); ok && path.Ext(m.path) == ".pid" {
					if name, _, ok := strings.Cut(rest, "/"); ok {
						c.pids[name] = append(c.pids[name], m)
					}
				}
			}
			for _, m := range jobBinPath.FindAllSubmatchIndex(uncommented(f), -1) {
				name := string(f.Data[m[2]:m[3]])
				c.calls[name] = append(c.calls[name], named{path.Clean(string(f.Data[m[4]:m[5]])), source.Span{File: f, Start: m[0], End: m[1]}})
			}
		}
	}
}

// mendsTarget says what may be meant by a path that no template is rendered to:
// a template that the spec does not list, another path, or bpm.
func (w *job) mendsTarget(target string, names []string) string {
	base := path.Base(target)
	listed := func(src string) bool {
		return slices.ContainsFunc(w.Spec.Templates, func(t release.Template) bool { return t.Source == src })
	}
	for _, f := range w.ctx.release.Glob(func(n string) bool { n = path.Base(n); return n == base || strings.TrimSuffix(n, ".erb") == base }, w.Dir()+"/templates") {
		if src := strings.TrimPrefix(f, w.Dir()+"/templates/"); !listed(src) {
			return "; " + f + " is there, and the spec does not list it"
		}
	}
	return didYouMean(target, names) + insteadOf(target)
}

func insteadOf(target string) string {
	if strings.HasSuffix(target, "ctl") {
		return "; where this started or stopped the process, use " + bpmProgram + " or monit"
	}
	return ""
}

// comment says whether a place in a line stands in a comment.
func comment(line string, at int) bool {
	i := strings.IndexByte(line, '#')
	return i >= 0 && i < at && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t')
}

// asksFor says whether a file asks whether a script is there before it calls
// it, or makes it.
func asksFor(f *source.File, line, vmPath string) bool {
	q := search.QuoteMeta(vmPath)
	if search.MustCompile(`(?:-[efxrsL]|\bexist\?\(|>|\btee|\bcp\b.*|\bln\b.*|\bmv\b.*)\s*["']?` + q).MatchString(line) {
		return true
	}
	return search.MustCompile(`(?:\[\[?|test)\s+(?:!\s+)?-[efxrsL]\s+["']?` + q).Match(f.Data)
}

// lifecycle are the scripts that BOSH, bbr and monit find by their names.
var lifecycle = search.MustCompile(`^bin/(pre-start|post-start|post-deploy|pre-stop|post-stop|drain|run|bbr/.*|dns/.*|dns_health_check)$`)

var oldWorld = search.MustCompile(`\b(pid_guard|kill_and_wait|wait_pidfile|start-stop-daemon|pid_utils\.sh)\b`)

// leftTemplates finds what is left of the time before bpm: ctl scripts that the
// spec still lists and nothing calls, and templates that no spec lists.
func (w *job) leftTemplates() {
	if w.doc == nil || !w.onBPM() {
		return
	}
	for _, t := range w.Spec.Templates {
		target := path.Clean(t.Target)
		if !strings.HasPrefix(target, "bin/") || lifecycle.MatchString(target) {
			continue
		}
		f, _, err := w.TemplateFile(t.Target)
		if err != nil || !oldWorld.Match(f.Data) && !strings.HasSuffix(strings.TrimSuffix(target, ".sh"), "ctl") && !w.startsSame(f) {
			continue
		}
		if w.called(target, t.Source, f) {
			continue
		}
		w.left[f] = true
		w.find("ctl-left", source.Warning, t.Span, "%s is a script of the time before bpm, and nothing calls it any more: take it out of the spec and delete %s", target, f.Name)
	}
	var unlisted []source.Span
	var names []string
	for _, f := range w.ctx.textsOf(w.Name) {
		if !w.dead(f) || isConfig(path.Base(f.Name)) || !oldWorld.Match(f.Data) && !strings.Contains(path.Base(f.Name), "ctl") {
			continue
		}
		base := strings.TrimSuffix(path.Base(f.Name), ".erb")
		if w.mentioned(base, f) {
			continue // put into another template
		}
		unlisted = append(unlisted, source.Whole(f))
		names = append(names, path.Base(f.Name))
	}
	for i, at := range unlisted {
		at.End = at.Start
		w.find("ctl-left", source.Warning, at, "%s is a script of the time before bpm that the spec does not list any more: delete it", names[i])
	}
}

// startsSame says whether a script ends in what bpm starts.
func (w *job) startsSame(f *source.File) bool {
	if !shebang.Match(f.Data) {
		return false
	}
	for _, p := range w.doc.Processes() {
		for _, n := range p.Get("executable") {
			if v, ok := n.Static(); ok && strings.HasPrefix(v, "/var/vcap/packages/") && bytes.Contains(f.Data, []byte("exec "+v)) {
				return true
			}
		}
	}
	return false
}

// called says whether anything in the release names a script.
func (w *job) called(target, src string, self *source.File) bool {
	vmPath := []byte(path.Join(w.vmDir(), target))
	// by a variable, or from the same folder
	beside := search.MustCompile(`(?:[})"']|\$[A-Za-z_]+|\.)/(?:bin/)?` + search.QuoteMeta(path.Base(target)) + `(?:[^A-Za-z0-9_.-]|$)`)
	for _, f := range w.ctx.everyText() {
		if f == self {
			continue
		}
		text := uncommented(f)
		if bytes.Contains(text, vmPath) {
			return true
		}
		if strings.HasPrefix(f.Name, w.Dir()+"/") && beside.Match(text) {
			return true
		}
	}
	for _, n := range w.ctx.release.Glob(func(n string) bool { return path.Base(n) != "spec" }, "packages", "manifests", "operations", "ci", "scripts") {
		if f, err := w.ctx.release.Read(n); err == nil && bytes.Contains(f.Data, vmPath) {
			return true
		}
	}
	return false
}

func (w *job) mentioned(name string, self *source.File) bool {
	for _, f := range w.ctx.textsOf(w.Name) {
		if f != self && bytes.Contains(uncommented(f), []byte(name)) {
			return true
		}
	}
	return false
}
