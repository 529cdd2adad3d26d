package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/errand"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// errandScripts gives the scripts of the job that bpm is to run without monit,
// and those that stay on the VM.
func (w *job) errandScripts(checks []*monit.Check) (run, stay []*errand.Script) {
	if !w.ctx.Errands || len(w.ctx.Processes) > 0 {
		return nil, nil
	}
	var taken []string
	for _, c := range w.monit.Checks {
		taken = append(taken, c.NameText())
	}
	for _, s := range errand.Of(w.Job, taken) {
		if by := w.calledBy(s); s.Left.Message == "" && by.Valid() {
			s.Left = source.Diagnostic{ID: "errand-left", Severity: source.Note, Span: by, Message: s.Template.Target + " stays as it is: this calls it, too, and may not be root"}
		}
		if s.Left.Message != "" {
			stay = append(stay, s)
		} else {
			run = append(run, s)
		}
	}
	return run, stay
}

// supervised are the processes that monit had started.
func (w *job) supervised() []*launch {
	var ls []*launch
	for _, l := range w.launches {
		if l.errand == nil {
			ls = append(ls, l)
		}
	}
	return ls
}

// calledBy gives the place in another file that calls an errand's script.
func (w *job) calledBy(s *errand.Script) source.Span {
	if s.BBR() {
		return source.Span{}
	}
	for _, at := range w.ctx.Release.Mentions(path.Join(w.jobDir(), s.Template.Target)) {
		if at.File.Name != s.File.Name && strings.HasPrefix(at.File.Name, "jobs/") {
			return at
		}
	}
	return source.Span{}
}

// errands makes a process of each script.
func (w *job) errands(scripts []*errand.Script) {
	for _, s := range scripts {
		vmPath := path.Join(w.jobDir(), s.Template.Target)
		p := &bpm.ProcessTemplate{Title: bpm.Text(s.Process)}
		p.Name, p.Executable = s.Process, vmPath
		whole := source.Span{File: s.File}
		disks := map[string][]source.Span{}
		if at, needed := s.Home(); needed {
			disks["ephemeral_disk"] = []source.Span{at}
		}
		name := source.Span{File: &source.File{Name: s.File.Name, Data: []byte(s.Process)}, End: len(s.Process)}
		u := &ctl.Launch{Command: &ctl.Command{Span: whole}, Executable: ctl.Word{{Kind: ctl.Literal, Text: vmPath, Span: whole}}}
		w.launches = append(w.launches, &launch{
			check: &monit.Check{Name: name}, name: s.Process, errand: s, launch: u, ways: []*ctl.Launch{u}, result: &ctl.Result{},
			process: p, variants: []*bpm.ProcessTemplate{p}, places: map[*ctl.Command]place{}, disks: disks,
		})
	}
}

// runsErrands turns the scripts of errands and of bbr into what bpm runs and
// what calls bpm.
func (w *job) runsErrands(spec *specEdit) bool {
	for _, l := range w.launches {
		s := l.errand
		if s == nil {
			continue
		}
		p := l.process
		p.Executable = s.Executable()
		for _, a := range s.Args {
			p.Args = append(p.Args, bpm.Item{Value: bpm.Text(a)})
		}
		if s.WorkDir != "" {
			p.WorkDir = bpm.Text(s.WorkDir)
			w.decide(l, s.Written, "workdir: "+s.WorkDir, "%s writes into the folder that it runs in, and that of a container is read-only", s.Template.Target)
		}
		if s.UsesSDK() {
			w.sdk(l, s)
		}
		for _, n := range s.Notes {
			w.find(n.ID, n.Severity, n.Span, "%s", n.Message)
		}
		w.Runs = append(w.Runs, s.Template.Target)
		called := "bpm run " + w.Job.Name
		if s.Process != w.Job.Name {
			called += " -p " + s.Process
		}
		if s.BBR() {
			w.decide(l, at(l.launch.Span()), s.Template.Target+" calls "+called, "bbr calls it as root, and bpm calls it again, in its container, with run")
		} else {
			w.decide(l, at(l.launch.Span()), s.Template.Target+" calls "+called, "what it did is in %s; its exit status is that of bpm run", s.Target)
		}
		w.find("errand-as-vcap", source.Warning, l.launch.Span(), "%s ran as root, on the VM; it runs as vcap in a container now, from a folder that is read-only and with HOME=%s. See what it writes, and what it reads that only root can", s.Template.Target, w.dataDir())
		w.differs("user")
		w.ledger(l.launch.Span(), ToBPM, "all of it: process %s, which %s calls", l.name, s.Template.Target)
		if s.Moves() && s.Source != s.Template.Source {
			if !w.newFile(s.Source, s.Body(), "what "+s.Template.Target+" did, in a file named for it") {
				return false
			}
			w.Changes = append(w.Changes, Change{Name: s.File.Name, Before: s.File, After: s.Form(), Mode: s.File.Mode, Why: "calls bpm run"})
			spec.add(s.Source, s.Target)
			continue
		}
		if s.Moves() {
			// the template has a name of its own already
			if body := s.Body(); string(body) != string(s.File.Data) {
				w.Changes = append(w.Changes, Change{Name: s.File.Name, Before: s.File, After: body, Mode: s.File.Mode, Why: "vcap runs it already"})
			}
			caller := w.freeName("run")
			if !w.newFile(caller, s.Form(), "calls bpm run") {
				return false
			}
			spec.remove = append(spec.remove, s.Template)
			spec.add(s.Source, s.Target)
			spec.add(caller, s.Template.Target)
			continue
		}
		w.Changes = append(w.Changes, Change{Name: s.File.Name, Before: s.File, After: s.Form(), Mode: s.File.Mode, Why: "calls bpm run, which calls it with run"})
	}
	return true
}

// sdk gives a script the programs of the backup and restore SDK, in the form of
// its documentation.
func (w *job) sdk(l *launch, s *errand.Script) {
	folder := path.Dir(errand.SDK.Path)
	l.process.Unsafe.UnrestrictedVolumes = append(slices.DeleteFunc(l.process.Unsafe.UnrestrictedVolumes, func(v bpm.Volume) bool { return below(v.Path, folder) }), errand.SDK)
	ofSDK := func(text string) bool { return strings.Contains(text, folder) }
	w.Decisions = slices.DeleteFunc(w.Decisions, func(d Decision) bool { return ofSDK(d.What) && d.Cause.File == s.File })
	w.Findings = slices.DeleteFunc(w.Findings, func(f source.Diagnostic) bool {
		return f.ID == "shared-folder" && ofSDK(f.Message) && f.Span.File == s.File
	})
	w.decide(l, at(l.launch.Span()), "unsafe.unrestricted_volumes: "+errand.SDK.Path, "%s calls the backup and restore SDK", s.Template.Target)
}

// addProcesses adds processes to the bpm.yml that a job has.
func (w *job) addProcesses(t release.Template, more bpm.Template) bool {
	f, _, err := w.Job.TemplateFile(configTarget)
	if err != nil {
		w.fail(err)
		return false
	}
	after, err := more.AppendTo(f)
	if err != nil {
		return w.decline(t.Span, "%s is added to none of the processes that %s has: %v", w.launches[0].name, f.Name, err)
	}
	w.Changes = append(w.Changes, Change{Name: f.Name, Before: f, After: after, Mode: f.Mode, Why: "what bpm runs, too"})
	return true
}
