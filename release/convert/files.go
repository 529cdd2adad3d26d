package convert

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const (
	configTarget    = "config/bpm.yml"
	configTemplate  = "bpm.yml.erb"
	preStartTarget  = "bin/pre-start"
	operatorTarget  = "bin/operator-pre-start"
	operatorPrefix  = "operator-"
	preStartDefault = "pre-start.erb"
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
			files = append(files, s.File)
		}
	}
	return files
}

// files turns what was decided into changes. It returns false when the job has
// to stay as it is.
func (w *job) files() bool {
	var config bpm.Config
	for _, l := range w.launches {
		config.Processes = append(config.Processes, l.process)
	}
	w.Processes = config.Processes
	if t, ok := w.Job.Spec.Template(configTarget); ok {
		return w.decline(t.Span, "the spec already has a %s, but monit does not start the job through bpm", configTarget)
	}
	yml, err := config.Print()
	if err != nil {
		return w.decline(w.launches[0].launch.Span(), "%s", err)
	}
	spec := specEdit{job: w}
	// the file is a template: what reads like a tag has to be said
	yml = bytes.ReplaceAll(yml, []byte("<%"), []byte("<%%"))
	if !w.newFile(configTemplate, yml, "what bpm runs") {
		return false
	}
	spec.add(configTemplate, configTarget)
	if !w.editMonit() || !w.addPreStart(&spec) {
		return false
	}
	for _, l := range w.launches {
		for _, p := range w.scriptPaths(l) {
			target := strings.TrimPrefix(p, w.jobDir()+"/")
			t, ok := w.Job.Spec.Template(target)
			if !ok || spec.removes(t) {
				continue
			}
			spec.remove = append(spec.remove, t)
			f, _, err := w.Job.TemplateFile(target)
			if err != nil {
				w.fail(err)
				return false
			}
			if !w.usedElsewhere(t) {
				w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, Delete: true, Why: "bpm starts and stops the process"})
			}
		}
	}
	return spec.apply()
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
	var edits []source.Edit
	put := func(c *monit.Clause, value string) {
		if !c.Quoted && strings.ContainsAny(value, " ") {
			value = `"` + value + `"`
		}
		edits = append(edits, source.Edit{Start: c.Value.Start, End: c.Value.End, New: value, Rule: "monit"})
	}
	for _, l := range w.launches {
		if l.check.Stop == nil {
			return w.decline(l.check.Span, "check %s has no stop program", l.name)
		}
		put(l.check.Pidfile, bpm.PidFile(w.Job.Name, l.name))
		put(l.check.Start.Clause, bpm.Program("start", w.Job.Name, l.name))
		put(l.check.Stop.Clause, bpm.Program("stop", w.Job.Name, l.name))
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
	body := w.preStart.script()
	f, t, err := w.Job.TemplateFile(preStartTarget)
	if _, there := w.Job.Spec.Template(preStartTarget); !there {
		if !w.newFile(preStartDefault, []byte("#!/bin/bash\nset -e\n\n"+body), "what has to be done once a deploy, as root") {
			return false
		}
		spec.add(preStartDefault, preStartTarget)
		return true
	}
	if err != nil {
		w.fail(err)
		return false
	}
	if w.goesOn(f) {
		text := string(f.Data)
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
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

// goesOn says whether lines can be added at the end of a script and change
// nothing else: it is bash that ends at the first error, not made up by ERB,
// and nothing in it exits or becomes another program.
func (w *job) goesOn(f *source.File) bool {
	if !strings.HasPrefix(string(f.Data), "#!/bin/bash") {
		return false
	}
	t, err := erb.Parse(f)
	if err != nil || t.HasTags() {
		return false
	}
	tree, err := syntax.NewParser().Parse(strings.NewReader(string(f.Data)), f.Name)
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(f.Data), "\n")
	ok := strings.Contains(first, " -e") || len(tree.Stmts) > 0 && strings.HasPrefix(string(f.Data[tree.Stmts[0].Pos().Offset():]), "set -e")
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Subshell, *syntax.CmdSubst:
			return false
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				switch n.Args[0].Lit() {
				case "exit", "exec", "trap":
					ok = false
				}
			}
		}
		return ok
	})
	return ok
}
