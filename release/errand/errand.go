// Package errand reads the scripts of a job that nobody supervises: bin/run of an
// errand, and those that bbr calls (bin/bbr/backup and its like). It says which of
// them bpm can run, in which form, and what keeps the others on the VM.
//
// The forms are those of bpm's own documents, docs/transitioning.md and
// docs/transitioning_bbr_scripts.md of bpm-release. What a script needs in its
// container is found out by release/convert; no file is changed here.
package errand

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const (
	// RunTarget is the script that makes a job an errand.
	RunTarget = "bin/run"
	bbrDir    = "bin/bbr/"
)

// Script is one script that an operator's command runs on the VM.
type Script struct {
	Template release.Template
	File     *source.File
	// Process is its name in bpm.yml.
	Process string
	// Target is where the script lies afterwards, below the job's folder: bbr's
	// scripts stay where bbr looks for them.
	Target string
	// Source is its template afterwards, below templates/.
	Source string
	// Args are what bpm calls it with.
	Args []string
	// Left is why it stays as it is; its message is empty when it does not.
	Left source.Diagnostic
	// WorkDir is the folder that it is to run in, where it writes into the current
	// one; empty otherwise. Written are those places.
	WorkDir string
	Written []source.Span
	// Notes are places that a person has to look at.
	Notes []source.Diagnostic

	job      *release.Job
	template *erb.Template
	shell    *hostscript.Script
	// drops are the words that became vcap, which the process is by then.
	drops []source.Edit
	// builds says that it calls a compiler or installs something.
	builds bool
}

// BBR says whether it is bbr that calls the script.
func (s *Script) BBR() bool { return strings.HasPrefix(s.Template.Target, bbrDir) }

// Moves says whether the script gets a name of its own.
func (s *Script) Moves() bool { return s.Target != s.Template.Target }

// Executable is the script on the VM.
func (s *Script) Executable() string { return path.Join("/var/vcap/jobs", s.job.Name, s.Target) }

// Of gives the scripts of a job, in the order of its spec. taken are names of
// processes that the job has already.
func Of(j *release.Job, taken []string) []*Script {
	var all []*Script
	taken = slices.Clone(taken)
	for _, t := range j.Spec.Templates {
		if t.Target != RunTarget && (path.Dir(t.Target)+"/" != bbrDir || t.Target == bbrDir+"metadata") {
			continue // bbr asks for the metadata before it does anything
		}
		f, _, err := j.TemplateFile(t.Target)
		if err != nil || bytes.Contains(f.Data, []byte("/var/vcap/jobs/bpm/bin/bpm ")) {
			continue // what calls bpm is done
		}
		s := &Script{Template: t, File: f, Target: t.Target, Source: t.Source, job: j}
		if s.BBR() {
			s.Process, s.Args = path.Base(t.Target), []string{"run"}
		}
		s.read()
		if !s.BBR() {
			s.named(taken)
		}
		taken = append(taken, s.Process)
		all = append(all, s)
	}
	return all
}

// plain are names of templates that say nothing of what the script does.
var plain = search.MustCompile(`^(?:bin/)?(?:run|errand)(?:[-_.](?:sh|bash))*$`)

// named gives an errand's script a name: that of its template, where it says
// something, else the job's.
func (s *Script) named(taken []string) {
	base := strings.TrimSuffix(s.Template.Source, ".erb")
	name := strings.TrimSuffix(path.Base(base), ".sh")
	if plain.MatchString(base) || name == "run" {
		name = s.job.Name
		if slices.Contains(taken, name) {
			name += "-errand"
		}
	}
	// bpm puts the job's bin folder into PATH, before all others: a program that the
	// script calls by that name would be the script
	free := func(name string) bool {
		_, used := s.job.Spec.Template("bin/" + name)
		return !used && !s.calls(name)
	}
	if !free(name) {
		name += "-errand"
	}
	for !free(name) {
		name += "-run"
	}
	s.Target = "bin/" + name
	ext := strings.TrimPrefix(s.Template.Source, base)
	s.Source = path.Join(path.Dir(s.Template.Source), name) + ext
	if path.Base(base) == name || strings.HasSuffix(base, name+".sh") {
		s.Source = s.Template.Source // it has that name already
	}
	s.Process = s.job.Name
	for slices.Contains(taken, s.Process) {
		s.Process += "-errand"
	}
}

// calls says whether the script names a program by its name alone.
func (s *Script) calls(name string) bool {
	found := false
	if s.shell == nil {
		return false
	}
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		if w, ok := n.(*syntax.Word); ok {
			if v, known := s.shell.Value(w); known && v == name {
				found = true
			}
		}
		return !found
	})
	return found
}

func (s *Script) leave(at source.Span, why string) {
	if s.Left.Message == "" {
		s.Left = source.Diagnostic{ID: "errand-left", Severity: source.Note, Span: at, Message: s.Template.Target + " stays as it is, on the VM and as root: " + why}
	}
}

func (s *Script) note(at source.Span, message string) {
	s.Notes = append(s.Notes, source.Diagnostic{ID: "errand-review", Severity: source.Warning, Span: at, Message: message})
}

// read finds out whether bpm can run the script.
func (s *Script) read() {
	whole := source.Span{File: s.File}
	if name, shell := ctl.Shell(s.File); !shell {
		s.leave(whole, "it is a script for "+name+", and only shell is read")
		return
	}
	t, err := erb.Parse(s.File)
	if err != nil {
		s.leave(whole, err.Error())
		return
	}
	if !bytes.HasPrefix(bytes.TrimLeft(t.Mask(), " \t\r\n"), []byte("#!")) {
		s.leave(whole, "it has no #! line, and in a container nothing else says which program reads it")
		return
	}
	s.template = t
	if s.shell = hostscript.Read(s.File, true); s.shell == nil {
		s.leave(whole, "its shell cannot be read")
		return
	}
	if len(s.shell.Tree.Stmts) == 0 {
		s.leave(whole, "there is nothing in it")
		return
	}
	defer s.maybeCompiles()
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				s.command(n)
			}
		case *syntax.ParamExp:
			if n.Param != nil && arguments.MatchString(n.Param.Value) && !s.inFunction(n) {
				s.leave(s.shell.Span(n), usesArguments)
			}
		case *syntax.WordIter:
			if !n.InPos.IsValid() && !s.inFunction(n) {
				s.leave(s.shell.Span(n), usesArguments)
			}
		case *syntax.Redirect:
			s.redirect(n)
		case *syntax.DeclClause:
			if v := n.Variant.Value; (v == "declare" || v == "typeset") && s.BBR() && !s.inFunction(n) && bytes.Contains(s.File.Data, []byte("trap ")) {
				s.leave(s.shell.Span(n), "what it declares would be local to a function, and its trap would not have it")
			}
		}
		return true
	})
}

const usesArguments = "it uses its arguments, and bpm run gives it none"

// arguments are the variables of what a script is called with.
var arguments = search.MustCompile(`^[1-9@*]$`)

// inFunction says whether a node stands in a function, where $1 is another thing.
func (s *Script) inFunction(n syntax.Node) bool {
	in := false
	syntax.Walk(s.shell.Tree, func(o syntax.Node) bool {
		if f, ok := o.(*syntax.FuncDecl); ok && f.Pos().Offset() <= n.Pos().Offset() && n.End().Offset() <= f.End().Offset() {
			in = true
		}
		return !in
	})
	return in
}

// Form is the file that stands at the script's old place: what calls bpm.
func (s *Script) Form() []byte {
	if !s.BBR() {
		return []byte("#!/bin/bash\n\nset -e\n\n" + s.call("", "exec ") + "\n")
	}
	return s.both()
}

// Body is the script as bpm runs it, where it has a file of its own.
func (s *Script) Body() []byte { return []byte(s.piece(0, len(s.File.Data))) }

// call is the command that runs the process, broken into lines as bpm's documents do.
func (s *Script) call(indent, before string) string {
	var b strings.Builder
	b.WriteString(indent + before + "/var/vcap/jobs/bpm/bin/bpm run " + s.job.Name)
	broken := func(option string) {
		if s.BBR() {
			b.WriteString(" \\\n" + indent + "  ")
		} else {
			b.WriteString(" ")
		}
		b.WriteString(option)
	}
	if s.Process != s.job.Name {
		broken("-p " + s.Process)
	}
	if s.artifact() {
		broken(`-v "${BBR_ARTIFACT_DIRECTORY%/}:writable"`)
	}
	for _, name := range s.Environment() {
		if s.expects(name) {
			broken("-e " + name + `="$` + name + `"`)
		} else {
			broken("${" + name + `+-e "` + name + "=$" + name + `"}`)
		}
	}
	return b.String()
}

// artifact says whether bbr gives the script a folder for what is backed up.
func (s *Script) artifact() bool {
	name := path.Base(s.Template.Target)
	return s.BBR() && (name == "backup" || name == "restore" || strings.Contains(string(s.File.Data), "BBR_ARTIFACT_DIRECTORY"))
}

// given are variables that bbr sets for its scripts: its documentation, "BBR
// developer's guide", and bbr's own source, instance/job.go.
var given = search.MustCompile(`\b(?:BBR_[A-Z_]+|ARTIFACT_DIRECTORY)\b`)

// Environment are the variables that bbr sets and the script reads.
func (s *Script) Environment() []string {
	if !s.BBR() {
		return nil
	}
	var names []string
	if s.artifact() {
		names = append(names, "BBR_ARTIFACT_DIRECTORY")
	}
	set := map[string]bool{}
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Assign); ok && a.Name != nil && !a.Naked {
			set[a.Name.Value] = true
		}
		return true
	})
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			name := p.Param.Value
			if given.MatchString(name) && !slices.Contains(names, name) && (!set[name] || name == "BBR_ARTIFACT_DIRECTORY") {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// expects says whether the script takes it that a variable is set.
func (s *Script) expects(name string) bool {
	if name == "BBR_ARTIFACT_DIRECTORY" {
		return true
	}
	bare, asked := false, false
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && p.Param.Value == name {
			asked = asked || p.Exp != nil
			bare = bare || p.Exp == nil
		}
		return true
	})
	return bare && !asked
}

// SDK is the folder of the backup and restore SDK's programs, which its scripts
// call by their paths: docs/transitioning_bbr_scripts.md of bpm-release.
var SDK = bpm.Volume{Path: "/var/vcap/jobs/database-backup-restorer/bin", AllowExecutions: true}

// UsesSDK says whether the script names the SDK.
func (s *Script) UsesSDK() bool {
	return strings.Contains(string(s.File.Data), path.Dir(SDK.Path))
}
