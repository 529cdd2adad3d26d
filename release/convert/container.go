package convert

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// container holds what the processes need against what the container gives
// them: disks, ports below 1024, files that root left behind.
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
			w.manager(l, p)
		}
		l.process = l.variants[0]
		if l.launch.User == "" || l.launch.User == "root" {
			w.wasRoot(l)
		}
		if f, err := w.lookup(l.process.Executable); err == nil && f != nil && len(l.wrapper) == 0 {
			w.find("script-unchecked", source.Warning, source.Span{File: f}, "bpm runs this script of the job inside the container now, as vcap; what it does there is not checked by this version. Its last command should be an exec, or signals do not reach the process")
		}
	}
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

// managers are programs that run containers or mount for others: as vcap, in a
// container of their own, they cannot do what they are for.
var managers = regexp.MustCompile(`^(dockerd|containerd|gdn|garden-linux|garden-server|wardend?|runc|podman|rkt)$`)

// manager warns of a process whose nature is against bpm.
func (w *job) manager(l *launch, p *bpm.ProcessTemplate) {
	words := append([]string{l.launch.Executable.String()}, argTexts(p.Args)...)
	for _, a := range l.launch.Args {
		words = append(words, a.String())
	}
	found := ""
	for i, word := range words {
		if i < 4 && (managers.MatchString(path.Base(word)) || strings.HasPrefix(word, "warden:")) || i == 1 && path.Base(words[0]) == "docker" && word == "daemon" {
			found = word
			break
		}
	}
	if found == "" {
		return
	}
	var lost []string
	for _, text := range w.expanded(append(p.Texts(), l.script)) {
		for _, m := range storePath.FindAllString(text, -1) {
			if a := "access:" + strings.TrimSuffix(m, "/"); !slices.Contains(lost, a) {
				lost = append(lost, a)
			}
		}
	}
	what := path.Base(found)
	if task, _, ok := strings.Cut(what, "["); ok {
		what = task // of rake
	}
	w.find("needs-root", source.Error, l.launch.Span(), "%s runs containers itself and needs root, devices and mounts, none of which a process under bpm has. Keep the job as it was (leave it out with --job), or give the process unsafe.privileged and see what else it lacks", what)
	w.differs(lost...)
}

var storePath = regexp.MustCompile(`/var/vcap/(?:store|data)[A-Za-z0-9_./-]*`)

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

// rootOnly finds the files of the job that another script of it keeps from
// everybody but root: a process that was root could read them.
func (w *job) rootOnly(l *launch) {
	f, _, err := w.Job.TemplateFile(preStartTarget)
	if err != nil || !bytes.Contains(f.Data, []byte("chmod")) {
		return
	}
	script, err := ctl.ParseScript(path.Join(w.jobDir(), preStartTarget), f)
	if err != nil {
		return
	}
	world := ctl.World{Lookup: w.lookup, Exists: w.exists, Parsed: w.ctx.parsed, Bare: true}
	for _, c := range ctl.Evaluate(script, nil, world).Commands {
		if c.Name() != "chmod" || len(c.Words) < 3 {
			continue
		}
		mode, _ := c.Words[1].Literal()
		if !privateMode.MatchString(mode) {
			continue
		}
		for _, word := range c.Words[2:] {
			if dir := path.Dir(word.String()); below(dir, w.jobDir()) && !strings.ContainsAny(dir, "$<*?") {
				w.preStart.chown(dir)
				w.find("private-files", source.Warning, c.Span, "this keeps %s from everybody but root, and %s is not root any more: pre-start gives the files in %s to vcap", word, l.name, dir)
			}
		}
	}
}

var privateMode = regexp.MustCompile(`^0?[4-7]00$|^go-r|^go=$`)

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

// wasRoot finds what a process could do as root and cannot as vcap.
func (w *job) wasRoot(l *launch) {
	d := l.daemon
	if d == nil {
		w.find("ran-as-root", source.Warning, l.launch.Span(), "%s ran as root and runs as vcap now, without capabilities and in a container; what it did that only root can do (ports below 1024, files of others, mounts) is not checked by this version", l.name)
		return
	}
	i := flagValue(texts(l.process.Args), d.config)
	if d.config == "" || i < 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "no config file is named (%s), so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", d.config, l.name)
		return
	}
	files, open := w.configTexts(argTexts(l.process.Args)[i])
	if len(files) == 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "%s is no template of this job, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", argTexts(l.process.Args)[i], l.name)
		return
	}
	listens := false
	var low []source.Span
	for _, t := range files {
		body := blankComments(t.body)
		for _, at := range foundIn(d.listen, body) {
			listens = true
			address := strings.TrimSpace(body[at[0]:at[1]])
			if !strings.Contains(address, "<%") {
				if port := d.port(address); port > 0 && port < 1024 {
					low = append(low, t.span(at[0], at[1]))
				}
				continue
			}
			values := w.propertyTexts(erb.Properties(address)...)
			if len(values) == 0 {
				open = t.span(at[0], at[1])
			}
			for _, v := range values {
				if port := d.port(v.body); port > 0 && port < 1024 {
					low = append(low, v.span(0, len(v.body)))
				}
			}
		}
		for _, at := range foundIn(d.user, body) {
			w.find("user-directive-ignored", source.Warning, t.span(at[0], at[1]), "the user directive (%s) has no effect: under bpm %s starts as vcap and stays vcap; files that only that user or group may read have to be readable for vcap", strings.TrimSpace(body[at[0]:at[1]]), d.name)
		}
		for _, at := range foundIn(d.relative, body) {
			if slices.Contains(d.prefixLinks, strings.TrimSpace(body[at[0]:at[1]])) {
				continue // pre-start links it
			}
			w.find("relative-path-moved", source.Warning, t.span(at[0], at[1]), "%s is relative to the prefix of %s, which is %s now and was the package before", strings.TrimSpace(body[at[0]:at[1]]), d.name, w.dataDir())
		}
	}
	if !listens && !open.Valid() {
		open = files[0].span(0, 0) // a default port, or an include
	}
	switch {
	case len(low) > 0:
		for _, p := range l.variants {
			if !slices.Contains(p.Capabilities, "NET_BIND_SERVICE") {
				p.Capabilities = append(p.Capabilities, "NET_BIND_SERVICE")
			}
		}
		w.decide(l, low, "capabilities: NET_BIND_SERVICE", "listens on a port below 1024, which root could and vcap cannot")
	case open.Valid():
		w.find("config-unknown", source.Warning, open, "what this file holds is not all in the release, or has no listen directive that is read, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", l.name)
	}
}

// foundIn gives the places of a pattern's first group.
func foundIn(pattern *regexp.Regexp, body string) [][2]int {
	if pattern == nil {
		return nil
	}
	var at [][2]int
	for _, m := range pattern.FindAllStringSubmatchIndex(body, -1) {
		at = append(at, [2]int{m[2], m[3]})
	}
	return at
}

// leftovers arranges that what a root process left behind becomes vcap's: bpm
// changes the owner of the top folders only.
func (w *job) leftovers() {
	for _, l := range w.launches {
		if l.launch.User != "" && l.launch.User != "root" {
			continue
		}
		trees := []string{w.logDir()}
		if l.process.EphemeralDisk {
			trees = append(trees, w.dataDir())
		}
		if l.process.PersistentDisk {
			trees = append(trees, w.storeDir())
		}
		w.preStart.chown(trees...)
		w.rootOnly(l)
		if w.preStart.rootProcess == "" {
			w.preStart.rootProcess = l.name
		}
		w.find("root-owned-files", source.Note, l.launch.Span(), "%s ran as root: files that it left in %s belong to root, and bpm changes the owner of the top folder only. pre-start gives them to vcap once; a document root that is written elsewhere has to be made readable by you", l.name, strings.Join(trees, ", "))
	}
}

// preStart collects what bin/pre-start has to do, once a deploy and as root.
type preStart struct {
	dirs        []string
	links       [][2]string
	trees       []string
	rootProcess string
	// moved are the pieces of old scripts that are done once a deploy.
	moved []piece
}

func (p *preStart) mkdir(dir string) {
	dir = path.Clean(dir)
	for _, d := range p.dirs {
		if d == dir {
			return
		}
	}
	p.dirs = append(p.dirs, dir)
}

func (p *preStart) link(target, name string) {
	p.links = append(p.links, [2]string{target, name})
}

func (p *preStart) chown(trees ...string) {
	for _, t := range trees {
		known := false
		for _, have := range p.trees {
			known = known || have == t
		}
		if !known {
			p.trees = append(p.trees, t)
		}
	}
}

func (p *preStart) empty() bool { return len(p.dirs)+len(p.links)+len(p.trees)+len(p.moved) == 0 }

// script is the shell for it, behind a line like set -e or none. It may run again
// at any time.
func (p *preStart) script(mode string) string {
	var b strings.Builder
	mode = pieces(&b, p.moved, mode)
	if len(p.moved) > 0 && len(p.dirs)+len(p.links)+len(p.trees) > 0 {
		b.WriteString("\n")
		if !strings.HasPrefix(mode, "set -e") {
			b.WriteString("set -e\n\n")
		}
	}
	if len(p.dirs) > 0 {
		b.WriteString("mkdir -p " + strings.Join(p.dirs, " ") + "\n")
		if owned := p.notInTrees(); len(owned) > 0 {
			b.WriteString("chown vcap:vcap " + strings.Join(owned, " ") + "\n")
		}
	}
	for _, l := range p.links {
		b.WriteString("[ -e " + l[1] + " ] || ln -s " + l[0] + " " + l[1] + "\n")
	}
	if len(p.trees) > 0 {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n\n") {
			b.WriteString("\n")
		}
		if p.rootProcess != "" {
			b.WriteString("# " + p.rootProcess + " ran as root before bpm ran it as vcap; bpm does not change owners recursively.\n")
		}
		b.WriteString("for dir in " + strings.Join(p.trees, " ") + "; do\n")
		b.WriteString("  if [ -d \"$dir\" ]; then\n")
		b.WriteString("    find \"$dir\" -xdev ! -user vcap -exec chown -h vcap:vcap {} +\n")
		b.WriteString("  fi\ndone\n")
	}
	return b.String()
}

// notInTrees are the folders that the recursive chown does not reach.
func (p *preStart) notInTrees() []string {
	var dirs []string
	for _, d := range p.dirs {
		covered := false
		for _, t := range p.trees {
			covered = covered || below(d, t)
		}
		if !covered {
			dirs = append(dirs, d)
		}
	}
	return dirs
}
