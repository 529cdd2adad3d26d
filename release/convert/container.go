package convert

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// container holds what the processes need against what the container gives
// them: disks, ports below 1024, files that root left behind.
func (w *job) container() {
	scripts := map[*source.File]bool{}
	for _, l := range w.launches {
		for _, s := range l.result.Scripts {
			scripts[s.File] = true
		}
	}
	texts := append(w.propertyTexts(), w.templateTexts(scripts)...)
	for _, l := range w.launches {
		w.disks(l, texts)
		if l.launch.User == "" {
			w.wasRoot(l)
		}
		if f, err := w.lookup(l.process.Executable); err == nil && f != nil {
			w.find("script-unchecked", source.Warning, source.Span{File: f}, "bpm runs this script of the job inside the container now, as vcap; what it does there is not checked by this version. Its last command should be an exec, or signals do not reach the process")
		}
	}
	w.leftovers()
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
		var causes []source.Span
		for _, t := range texts {
			for _, s := range t.mentions(d.dir) {
				// the tmp folder is mounted in any case
				if !below(s.Text(), d.dir+"/tmp") {
					causes = append(causes, s)
					break
				}
			}
		}
		for _, a := range append([]string{l.process.Executable, l.process.WorkDir}, l.process.Args...) {
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
	i := flagValue(l.process.Args, d.config)
	if d.config == "" || i < 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "no config file is named (%s), so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", d.config, l.name)
		return
	}
	texts, open := w.configTexts(l.process.Args[i])
	if len(texts) == 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "%s is no template of this job, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", l.process.Args[i], l.name)
		return
	}
	listens := false
	var low []source.Span
	for _, t := range texts {
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
		open = texts[0].span(0, 0) // a default port, or an include
	}
	switch {
	case len(low) > 0:
		l.process.Capabilities = append(l.process.Capabilities, "NET_BIND_SERVICE")
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
		if l.launch.User != "" {
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
		w.preStart.rootProcess = l.name
		w.find("root-owned-files", source.Note, l.launch.Span(), "%s ran as root: files that it left in %s belong to root, and bpm changes the owner of the top folder only. pre-start gives them to vcap once; a document root that is written elsewhere has to be made readable by you", l.name, strings.Join(trees, ", "))
	}
}

// preStart collects what bin/pre-start has to do, once a deploy and as root.
type preStart struct {
	dirs        []string
	links       [][2]string
	trees       []string
	rootProcess string
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

func (p *preStart) empty() bool { return len(p.dirs)+len(p.links)+len(p.trees) == 0 }

// script is the shell for it. It may run again at any time.
func (p *preStart) script() string {
	var b strings.Builder
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
		if b.Len() > 0 {
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
