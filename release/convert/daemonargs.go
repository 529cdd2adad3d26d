package convert

import (
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// daemonArgs turns the arguments of a known daemon into those for the
// foreground and for read-only packages.
func (w *job) daemonArgs(l *launch) bool {
	d, here := l.daemon, l.launch.Span()
	if d == nil {
		return true
	}
	items := l.process.Args
	args := texts(items)
	known := len(args)
	defer func() {
		for i, a := range args {
			if i >= known {
				l.process.Args = append(l.process.Args, bpm.Item{Value: bpm.Text(a)})
			} else if old, ok := items[i].Static(); ok && old != a {
				l.process.Args[i] = bpm.Item{Value: bpm.Text(a)}
			}
		}
	}()
	if d.inline != "" {
		i := flagValue(args, d.inline)
		if i >= 0 && (strings.ContainsAny(args[i], `"'\\`) || flagValue(args[i:], d.inline) >= 0) {
			w.find("config-clash", source.Error, here, "the directives of %s are given in quotes or more than once, which this version does not read: check that they keep %s in the foreground and name no pid file that the container lacks", d.inline, d.name)
			return true
		}
		var ds directives
		if i >= 0 {
			ds = parseDirectives(args[i])
		}
		if n := ds.index(d.background); n >= 0 {
			ds = append(ds[:n], ds[n+1:]...)
		}
		inConfig := w.configDirective(l, args, d.foreground)
		if ds.index(d.foreground) < 0 && !inConfig {
			ds = append(directives{d.foreground}, ds...)
			w.decide(l, at(here), d.inline+" "+d.foreground+";", "%s puts itself in the background unless told otherwise, and bpm supervises a process in the foreground", d.name)
		}
		if n := ds.index(d.pid); n >= 0 {
			old := strings.TrimSpace(strings.TrimPrefix(ds[n], d.pid))
			if !below(old, w.dataDir()) {
				moved := path.Join(w.dataDir(), "tmp", path.Base(old))
				ds[n] = d.pid + " " + moved
				w.decide(l, at(here), d.inline+" "+ds[n]+";", "%s is not in the container; the job's tmp folder is and can be written. monit uses bpm's own pidfile", old)
			}
		}
		switch {
		case i >= 0:
			args[i] = ds.String()
		case len(ds) > 0:
			args = append(args, d.inline, ds.String())
		}
	}
	inPackage := func(p string) bool { _, ok := release.InPackages(p); return ok }
	if i := flagValue(args, d.prefix); d.prefix != "" && i >= 0 && inPackage(args[i]) {
		w.find("config-clash", source.Error, here, "%s %s is in a package, which the container cannot write; use %s and absolute paths in the config file", d.prefix, args[i], w.dataDir())
	}
	if d.prefix != "" && flagValue(args, d.prefix) < 0 && inPackage(l.process.Executable) {
		args = append(args, d.prefix, w.dataDir())
		w.movePrefix(l, d)
	}
	return true
}

// movePrefix arranges for a daemon whose prefix lies in its package, which the
// container cannot write.
func (w *job) movePrefix(l *launch, d *server) {
	exe, _ := l.launch.Executable.Literal()
	w.decide(l, at(w.compiledPrefix(d, l.launch.Span())), d.prefix+" "+w.dataDir(),
		"%s keeps temporary files below its prefix, which is compiled to lie in its package, and packages are read-only in the container", d.name)
	l.process.EphemeralDisk = true
	w.relativePaths(l, d)
	for _, dir := range d.prefixDirs {
		w.preStart.mkdir(path.Join(w.dataDir(), dir))
	}
	for _, link := range d.prefixLinks {
		rest, _ := release.InPackages(exe)
		pkg, _, _ := strings.Cut(rest, "/")
		w.preStart.link(path.Join("/var/vcap/packages", pkg, link), path.Join(w.dataDir(), link))
	}
}

// configDirective looks for the directive that keeps a daemon in the foreground
// in its config file, where giving it on the command line as well would be an
// error of the daemon's. One that sends it to the background is turned around
// there (see settings.go), so it counts.
func (w *job) configDirective(l *launch, args []string, foreground string) (found bool) {
	i := flagValue(args, l.daemon.config)
	if i < 0 {
		return false
	}
	texts, _ := w.configTexts(args[i])
	name, value, _ := strings.Cut(foreground, " ")
	for _, t := range texts {
		body := blankComments(t.body)
		for _, m := range foundIn(directive(name), body) {
			found = true
			if strings.TrimSpace(body[m[0]:m[1]]) == value {
				w.decide(l, at(t.span(m[0], m[1])), "no "+l.daemon.inline+" "+foreground+";", "the config file says it already")
			}
		}
	}
	return found
}

// flagValue gives the index of an option's value, -1 when it is not there.
func flagValue(args []string, flag string) int {
	for i, a := range args {
		if a == flag && i+1 < len(args) {
			return i + 1
		}
	}
	return -1
}

// compiledPrefix is the place in a packaging script that compiles the prefix
// in, or the fallback when no script says it.
func (w *job) compiledPrefix(d *server, fallback source.Span) source.Span {
	for _, pkg := range w.Job.Spec.Packages {
		f, err := w.ctx.Release.Read("packages/" + pkg + "/packaging")
		if err != nil {
			continue
		}
		if m := d.configure.FindIndex(f.Data); m != nil {
			return source.Span{File: f, Start: m[0], End: m[1]}
		}
	}
	return fallback
}
