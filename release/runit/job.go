package runit

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Uses finds the uses in one file of a release, whatever it is.
func Uses(f *source.File, programs ...string) []Use {
	if path.Base(f.Name) == "monit" && strings.HasPrefix(f.Name, "jobs/") {
		return Monit(f, programs...)
	}
	return Script(f, programs...)
}

// Files are the files of a job that run on its VM and may be scripts: the monit
// file, the templates, and what the packages of the job bring along as it is.
func Files(j *release.Job) []*source.File {
	var files []*source.File
	add := func(f *source.File) {
		if f != nil && !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	add(j.Monit)
	if j.Spec == nil {
		return files
	}
	for _, t := range j.Spec.Templates {
		if f, _, err := j.TemplateFile(t.Target); err == nil {
			add(f)
		}
	}
	for _, p := range j.Spec.Packages {
		if f, err := j.Release.Read("packages/" + p + "/packaging"); err == nil {
			add(f)
		}
		for _, name := range j.Release.PackageSources(p) {
			if !mayBeScript(name) {
				continue
			}
			if f, err := j.Release.Read(name); err == nil && bytes.HasPrefix(f.Data, []byte("#!")) {
				add(f)
			}
		}
	}
	return files
}

// mayBeScript says by its name whether a file of a package may be a script.
func mayBeScript(name string) bool {
	if strings.Contains(name, "/vendor/") || strings.Contains(name, "/node_modules/") || strings.Contains(name, "/test") || strings.Contains(name, "/spec/") {
		return false
	}
	switch path.Ext(name) {
	case "", ".sh", ".bash", ".erb", ".rb", ".py", ".pl":
		return true
	}
	return false
}
