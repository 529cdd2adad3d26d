package convert

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// container holds what the processes need against what the container gives
// them: disks and folders here, what only root could do in privilege.go and
// owners.go.
func (w *job) container() bool {
	for _, l := range w.launches {
		if len(l.wrapper) > 0 {
			var ok bool
			w.current = l
			if l.script, ok = w.wrapperText(l); !ok {
				return false
			}
		}
	}
	w.current = nil
	scripts := map[*source.File]bool{}
	for _, l := range w.launches {
		for _, s := range l.result.Scripts {
			scripts[s.Original] = true
		}
	}
	for _, o := range w.left {
		if o.check.Start == nil {
			continue
		}
		for _, word := range o.check.Start.Words() {
			if f, err := w.lookup(word.Text()); err == nil && f != nil {
				scripts[f] = true
			}
		}
	}
	texts := append(w.allPropertyTexts(), w.templateTexts(scripts)...)
	for _, l := range w.launches {
		for _, p := range l.variants {
			w.daemonSettings(l, p)
			l.process = p
			w.disks(l, w.others(l, texts))
			w.volumes(l, p)
			w.inside(l, p)
		}
		l.process = l.variants[0]
		if l.errand == nil {
			w.innerEnds(l)
		}
	}
	w.givenFolders()
	for _, l := range w.launches {
		l.keepUnmade()
	}
	w.privileges()
	w.leftovers()
	return true
}

// keepUnmade keeps what makes a folder as part of the set-up where it was taken for
// a volume, and the volume is a folder above it: bpm makes that one only.
func (l *launch) keepUnmade() {
	made := func(p string) bool {
		return slices.ContainsFunc(l.variants, func(v *bpm.ProcessTemplate) bool {
			return slices.ContainsFunc(v.AdditionalVolumes, func(o bpm.Volume) bool { return path.Clean(o.Path) == p })
		})
	}
	for _, c := range l.result.Commands {
		at := l.places[c]
		if at.to != Dropped || at.why.Kind != claim.Made {
			continue
		}
		for _, p := range at.why.Paths() {
			if at.why.Volume(p) && !made(p) {
				l.places[c] = place{to: ToHook, note: "bpm makes the volume above " + p + " and not what is below it, and a reboot takes it away"}
			}
		}
	}
}

// innerEnds looks at how the script ends that a process is or becomes: tini
// signals its direct child only (bpm starts it with -w -s, without -g), so the
// last command has to be an exec.
func (w *job) innerEnds(l *launch) {
	exe := l.process.Executable
	if len(l.wrapper) > 0 {
		exe, _ = l.ways[0].Executable.Literal()
	}
	f, err := w.lookup(exe)
	if err != nil || f == nil || endsInExec(f) {
		return
	}
	w.find("wrapper-without-exec", source.Warning, source.Span{File: f}, "this script runs in the container and does not end in an exec: bpm's signals reach the script only, and what it has started is killed without one when the script ends")
}

// others drops the texts that speak of a disk which other processes of the job
// are told of and this one is not: disks are given by process.
func (w *job) others(l *launch, texts []text) []text {
	if len(w.launches) < 2 {
		return texts
	}
	told := func(l *launch, dir string) bool {
		return slices.ContainsFunc(l.variants, func(p *bpm.ProcessTemplate) bool {
			return slices.ContainsFunc(w.needs(l, p), func(n need) bool { return below(n.path, dir) && !below(n.path, w.dataDir()+"/tmp") })
		})
	}
	var kept []text
	for _, t := range texts {
		keep := true
		for _, dir := range []string{w.dataDir(), w.storeDir()} {
			if len(t.mentions(dir)) > 0 && !told(l, dir) && slices.ContainsFunc(w.launches, func(o *launch) bool { return o != l && told(o, dir) }) {
				keep = false
			}
		}
		if keep {
			kept = append(kept, t)
		}
	}
	return kept
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
			if slices.ContainsFunc(release.Occurrences(a, d.dir), func(at [2]int) bool { return !below(a[at[0]:at[1]], d.dir+"/tmp") }) {
				causes = append(causes, l.launch.Span())
				break
			}
		}
		for _, c := range l.result.Commands {
			at := l.places[c].to
			if len(causes) == 0 && (at == ToPreStart || at == ToHook) && (strings.Contains(c.Text, d.dir+"/") && !strings.Contains(c.Text, d.dir+"/tmp") || release.NamesPath(written(c), d.dir)) {
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
		// bpm run ends with 0 when it refuses, and a backup that was none looks well
		if (len(l.disks["persistent_disk"]) > 0 || l.errand != nil) && !w.deployed() {
			w.preStart.mkdir(w.storeDir()) // as the old script did: bpm refuses to start without /var/vcap/store
		}
	}
}

// config is a template that a process may read.
type config struct {
	file   *source.File
	target string // as the spec has it
	// named says that the process is told of it, exact that this is by its own
	// name or a pattern and not by its folder.
	named, exact bool
}

// hostConfig is what config files are called that daemons of the host read.
var hostConfig = search.MustCompile(`logrotate|syslog|cron|sudoers|idmapd`)

// configs are the templates that a process reads: those that it is told of,
// alone or by their folder, and those that nobody tells of when it is the job's
// only process.
func (w *job) configs(p *bpm.ProcessTemplate) []config {
	script, copies := "", ""
	for _, l := range w.launches {
		if slices.Contains(l.variants, p) {
			script = l.script
			for _, c := range l.result.Commands {
				if fileMakers[c.Name()] {
					copies += c.Text + "\n" // of a config file, to where it is read
				}
			}
		}
	}
	told := map[string]bool{}
	var patterns []string
	tell := func(texts ...string) {
		for _, t := range texts {
			for _, at := range container.Paths(t) {
				told[path.Clean(t[at[0]:at[1]])] = true
			}
			for _, m := range filePattern.FindAllString(t, -1) {
				patterns = append(patterns, path.Clean(m))
			}
		}
	}
	tell(append(p.Texts(), script, copies)...)
	for _, f := range w.innerScripts(p, script) {
		tell(withoutComments(f))
	}
	var all []config
	seen := map[string]bool{}
	for more := true; more; { // a config file may name others
		more = false
		for _, t := range w.Job.Spec.Templates {
			vmPath := path.Join(w.jobDir(), t.Target)
			exact := told[vmPath] || !hostConfig.MatchString(path.Base(t.Target)) && slices.ContainsFunc(patterns, func(pattern string) bool {
				ok, err := path.Match(pattern, vmPath)
				return err == nil && ok
			})
			folder := told[path.Dir(vmPath)] && path.Dir(vmPath) != w.jobDir()
			if seen[t.Target] || strings.HasPrefix(t.Target, "bin/") || !exact && (!folder || hostConfig.MatchString(path.Base(t.Target))) {
				continue
			}
			f, _, err := w.Job.TemplateFile(t.Target)
			if err != nil || bytes.HasPrefix(f.Data, []byte("#!")) {
				continue
			}
			seen[t.Target], more = true, true
			body := settingsOf(f)
			tell(body)
			for _, m := range includes.FindAllStringSubmatch(body, -1) {
				patterns = append(patterns, path.Join(path.Dir(vmPath), m[1]))
			}
			all = append(all, config{f, t.Target, true, exact})
		}
	}
	if len(w.launches) > 1 {
		return all
	}
	for _, t := range w.Job.Spec.Templates {
		if seen[t.Target] || strings.HasPrefix(t.Target, "bin/") || hostConfig.MatchString(path.Base(t.Target)) {
			continue
		}
		if f, _, err := w.Job.TemplateFile(t.Target); err == nil && !bytes.HasPrefix(f.Data, []byte("#!")) {
			all = append(all, config{f, t.Target, false, false})
		}
	}
	return all
}

var (
	// filePattern is a pattern for files below a folder of a job.
	filePattern = search.MustCompile(`/var/vcap/jobs/[\w./-]*/[\w.-]*[*?][\w.*?-]*`)
	// includes is a line of a config file that names another one beside it.
	includes = search.MustCompile(`(?m)(?:^|[;{}])[ \t]*["'-]?[ \t]*[@!$%]?include["']?(?:[ \t]*[:=(]|[ \t])[ \t]*["']?([\w-][\w./*?-]*)`)
)

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

var printed = search.MustCompile(`<%=[^%]*%>`)

// deployed says whether one of the sample manifests runs the job.
func (w *job) deployed() bool {
	return slices.ContainsFunc(w.ctx.Manifests, func(m *manifest.Manifest) bool {
		return slices.ContainsFunc(m.Groups, func(g *manifest.Group) bool {
			return slices.ContainsFunc(g.Jobs, func(j manifest.Job) bool { return j.Name == w.Job.Name })
		})
	})
}

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
