package convert

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// container holds what the processes need against what the container gives
// them: disks and folders here, what only root could do in privilege.go and
// owners.go.
func (w *job) container() bool {
	for _, l := range w.launches {
		if len(l.wrapper) > 0 {
			var ok bool
			if l.script, ok = w.wrapperText(l); !ok {
				return false
			}
		}
	}
	scripts := map[*source.File]bool{}
	for _, l := range w.launches {
		for _, s := range l.result.Scripts {
			scripts[s.Original] = true
		}
	}
	texts := append(w.propertyTexts(), w.templateTexts(scripts)...)
	for _, l := range w.launches {
		for _, u := range l.ways {
			w.daemonSettings(l, u)
		}
		for _, p := range l.variants {
			l.process = p
			w.disks(l, texts)
			w.volumes(l, p)
		}
		l.process = l.variants[0]
		if f, err := w.lookup(l.process.Executable); err == nil && f != nil && len(l.wrapper) == 0 {
			w.find("script-unchecked", source.Warning, source.Span{File: f}, "bpm runs this script of the job inside the container now, as vcap; what it does there is not checked by this version. Its last command should be an exec, or signals do not reach the process")
		}
	}
	w.privileges()
	w.leftovers()
	return true
}

// disks asks for the job's own data and store folders where the process's
// arguments, the job's templates or its properties name them.
func (w *job) disks(l *launch, texts []text) {
	for _, d := range []struct {
		dir, key, what string
		on             *bool
	}{
		{w.dataDir(), "ephemeral_disk", "the job's own data folder", &l.process.EphemeralDisk},
		{w.storeDir(), "persistent_disk", "the job's own store folder", &l.process.PersistentDisk},
	} {
		causes := l.disks[d.key]
		for _, t := range texts {
			for _, s := range t.mentions(d.dir) {
				// the tmp folder is mounted in any case
				if !below(s.Text(), d.dir+"/tmp") {
					causes = append(causes, s)
					break
				}
			}
		}
		for _, a := range w.expanded(append(l.process.Texts(), l.script)) {
			if strings.Contains(a, d.dir+"/") && !strings.Contains(a, d.dir+"/tmp/") || strings.HasSuffix(a, d.dir) {
				causes = append(causes, l.launch.Span())
				break
			}
		}
		for _, dir := range w.preStart.dirs {
			if below(dir, d.dir) && len(causes) == 0 {
				causes = append(causes, l.launch.Span())
			}
		}
		for _, c := range l.result.Commands {
			at := l.places[c].to
			if len(causes) == 0 && (at == ToPreStart || at == ToHook) && strings.Contains(c.Text, d.dir+"/") && !strings.Contains(c.Text, d.dir+"/tmp") {
				causes = append(causes, c.Span) // what is set up there is for the process
			}
		}
		if len(causes) == 0 {
			continue
		}
		*d.on = true
		w.decide(l, causes, d.key+": true", "%s (%s) is in use, and without it the container does not have it", d.what, d.dir)
	}
	if l.process.PersistentDisk {
		w.noDisk(l)
	}
}

// ownPath is a path on the VM that only a volume brings into the container.
var ownPath = regexp.MustCompile(`/var/vcap/(?:sys/run|sys/tmp|sys/log|data|store|jobs)(?:/[A-Za-z0-9_.-]+)+`)

// fileName has an ending that is no part of a version.
var fileName = regexp.MustCompile(`\.[A-Za-z]+$`)

// volumes asks for the folders that a process is told of and that the container
// does not have.
func (w *job) volumes(l *launch, p *bpm.ProcessTemplate) {
	type need struct {
		at   source.Span
		path string
	}
	var needs []need
	for _, text := range w.expanded(append(p.Texts(), l.script)) {
		for _, m := range ownPath.FindAllString(text, -1) {
			needs = append(needs, need{l.launch.Span(), m})
		}
	}
	for _, c := range w.configs(p) {
		body := blankComments(string(c.file.Data))
		for _, m := range ownPath.FindAllStringIndex(body, -1) {
			text := body[m[0]:m[1]]
			if below(text, "/var/vcap/sys/run") || below(text, "/var/vcap/sys/tmp") || c.named && !below(text, "/var/vcap/jobs") {
				needs = append(needs, need{source.Span{File: c.file, Start: m[0], End: m[1]}, text})
			}
		}
	}
	for _, n := range needs {
		if w.edited(n.at) {
			continue
		}
		if rest, ok := strings.CutPrefix(n.path, "/var/vcap/data/sys/"); ok {
			n.path = "/var/vcap/sys/" + rest // the same folder
		}
		parts := strings.Split(n.path, "/") // "", var, vcap, sys, run, NAME, ...
		v := bpm.Volume{Writable: true}
		switch {
		case below(n.path, w.jobDir()), below(n.path, w.logDir()), below(n.path, w.dataDir()), below(n.path, w.storeDir()), below(n.path, "/var/vcap/data/packages"):
			continue
		case below(n.path, "/var/vcap/sys/run/bpm"):
			continue
		case parts[3] == "sys" && len(parts) == 6 && fileName.MatchString(parts[5]), len(parts) == 5 && fileName.MatchString(parts[4]):
			// a file that lies beside the folders of the jobs
			if path.Ext(n.path) != ".pid" {
				w.find("lone-file", source.Warning, n.at, "%s lies in a folder that belongs to no job, and the container does not have it; give it a folder of its own below %s", n.path, path.Join(path.Dir(n.path), w.Job.Name))
				w.differs("access:" + n.path)
			}
			continue
		case parts[3] == "sys" && len(parts) > 5:
			v.Path = strings.Join(parts[:6], "/")
			if parts[5] != w.Job.Name && w.ctx.Release.Job(parts[5]) != nil && !madeFolder(l, v.Path) {
				v.MountOnly = true
			}
		case (parts[3] == "store" || parts[3] == "data") && len(parts) > 4:
			v.Path = strings.Join(parts[:5], "/")
			if w.ctx.Release.Job(parts[4]) != nil && !madeFolder(l, v.Path) {
				v.MountOnly = true
			}
		case parts[3] == "jobs" && len(parts) > 4:
			v = bpm.Volume{Path: strings.Join(parts[:5], "/"), MountOnly: true}
			if w.ctx.Release.Job(parts[4]) == nil {
				continue
			}
		default:
			continue
		}
		has := func(o bpm.Volume) bool { return below(v.Path, o.Path) }
		if slices.ContainsFunc(p.AdditionalVolumes, has) || slices.ContainsFunc(p.Unsafe.UnrestrictedVolumes, has) {
			continue
		}
		if v.MountOnly {
			// bpm does not start a process whose mount_only volume is missing;
			// an unrestricted one it leaves out
			p.Unsafe.UnrestrictedVolumes = append(p.Unsafe.UnrestrictedVolumes, v)
			w.decide(l, at(n.at), "unsafe.unrestricted_volumes: "+v.Path, "the process is told of %s, which belongs to another job", n.path)
			w.find("shared-folder", source.Warning, n.at, "%s belongs to another job; the container gets it as it is, when it is there as the process starts", v.Path)
			continue
		}
		p.AdditionalVolumes = append(p.AdditionalVolumes, v)
		w.decide(l, at(n.at), "additional_volumes: "+v.Path, "the process is told of %s, and the container does not have it otherwise", n.path)
	}
}

// config is a template that a process may read.
type config struct {
	file *source.File
	// named says that the process is told of it.
	named bool
}

// configs are the templates that a process reads: those that it is told of,
// alone or by their folder, and those that nobody tells of when it is the job's
// only process.
func (w *job) configs(p *bpm.ProcessTemplate) []config {
	script := ""
	for _, l := range w.launches {
		if slices.Contains(l.variants, p) {
			script = l.script
		}
	}
	var all []config
	for _, t := range w.Job.Spec.Templates {
		if strings.HasPrefix(t.Target, "bin/") {
			continue
		}
		f, _, err := w.Job.TemplateFile(t.Target)
		if err != nil || bytes.HasPrefix(f.Data, []byte("#!")) {
			continue
		}
		vmPath := path.Join(w.jobDir(), t.Target)
		named := slices.ContainsFunc(append(p.Texts(), script), func(s string) bool {
			return slices.ContainsFunc(fileTextOf(s).mentions(path.Dir(vmPath)), func(at source.Span) bool {
				told := path.Clean(at.Text())
				return told == vmPath || told == path.Dir(vmPath) && told != w.jobDir()
			})
		})
		if named || len(w.launches) == 1 {
			all = append(all, config{f, named})
		}
	}
	return all
}

// madeFolder says whether the old script made a folder.
func madeFolder(l *launch, dir string) bool {
	for _, c := range l.result.Commands {
		if c.Name() == "mkdir" || c.Name() == "install" {
			if paths, ok := operands(c); ok && slices.Contains(paths, dir) {
				return true
			}
		}
	}
	return false
}

// expanded puts the defaults of properties in where a text prints them.
func (w *job) expanded(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, printed.ReplaceAllStringFunc(t, func(tag string) string {
			names := erb.Properties(tag)
			if len(names) != 1 {
				return tag
			}
			prop, ok := w.Job.Spec.Property(names[0])
			if !ok || prop.Default == nil || prop.Default.Value == "" {
				return tag
			}
			return prop.Default.Value
		}))
	}
	return out
}

var printed = regexp.MustCompile(`<%=[^%]*%>`)

// noDisk looks for instance groups without a persistent disk: bpm refuses to
// start a process that asks for one where /var/vcap/store is absent.
func (w *job) noDisk(l *launch) {
	for _, m := range w.ctx.Manifests {
		for _, g := range m.Groups {
			for _, j := range g.Jobs {
				if j.Name == w.Job.Name && !g.HasPersistentDisk {
					w.preStart.mkdir(w.storeDir())
					w.find("no-persistent-disk", source.Note, g.Span, "instance group %s has no persistent disk, where bpm refuses persistent_disk unless /var/vcap/store exists; pre-start makes %s, so the job starts and the data lies on the system disk as before", g.Name, w.storeDir())
					break
				}
			}
		}
	}
}
