package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// pidSetting is a line of a configuration file that tells a daemon where to
// write its pid.
var pidSetting = search.MustCompile(`(?im)^\s*["']?(?:pid|pid_?file(?:_?name)?|pid_?path)["']?\s*[:=\s]\s*["']?(/var/vcap/[\w./-]+)["']?\s*[;,]?\s*$`)

// pidArgument is the value of a flag that tells a daemon where to write its pid.
var pidArgument = search.MustCompile(`^(?:--?[\w-]*pid[\w-]*[= ])?(/var/vcap/[\w./-]+\.pid)$`)

// writesOver are daemons that write their pidfile without a look at what is in
// it.
var writesOver = map[string]bool{"nginx": true, "redis-server": true, "gnatsd": true, "nats-server": true, "gorouter": true, "haproxy": true, "postgres": true, "mysqld": true}

// stalePidfiles are the pidfiles that the process writes itself into a folder
// which outlives it. After a kill the file is still there, and the number in it
// is the one that the next process gets in its container: a daemon that looks
// finds itself running.
func (w *job) stalePidfiles(l *launch) (files []string) {
	add := func(p *bpm.ProcessTemplate, file string, span source.Span) {
		file = path.Clean(file)
		if slices.Contains(files, file) || !w.keeps(p, file) || w.removedAtStart(l, file) {
			return
		}
		files = append(files, file)
		w.decide(l, at(span), "rm -f "+file+" in the hook", "the process writes its pid there itself, and one that a kill leaves would be taken for that of the next process, which has the same number in its container")
	}
	for _, p := range l.variants {
		if len(l.wrapper) == 0 && writesOver[path.Base(p.Executable)] || writesOver[l.launch.Name()] {
			continue
		}
		for _, a := range argTexts(p.Args) {
			if m := pidArgument.FindStringSubmatch(a); m != nil {
				add(p, m[1], l.launch.Span())
			}
		}
		for _, c := range w.configs(p) {
			if hostscript.RunsOnHost(c.file) {
				continue
			}
			for _, m := range pidSetting.FindAllSubmatchIndex([]byte(withoutComments(c.file)), -1) {
				if file := string(c.file.Data[m[2]:m[3]]); path.Clean(file) == l.pidfile { // another may be that of another program
					add(p, file, source.Span{File: c.file, Start: m[2], End: m[3]})
				}
			}
		}
	}
	return files
}

// keeps says whether a file lies where the process can write and what it writes
// is still there when it starts again.
func (w *job) keeps(p *bpm.ProcessTemplate, file string) bool {
	switch {
	case below(file, w.dataDir()+"/tmp"), below(file, w.dataDir()) && p.EphemeralDisk, below(file, w.storeDir()) && p.PersistentDisk:
		return true
	}
	in := func(v bpm.Volume) bool { return v.Writable && below(file, v.Path) }
	return slices.ContainsFunc(p.AdditionalVolumes, in) || slices.ContainsFunc(p.Unsafe.UnrestrictedVolumes, in)
}

// removedAtStart says whether the hook or the wrapper removes a file anyway.
func (w *job) removedAtStart(l *launch, file string) bool {
	for _, c := range l.result.Commands {
		if to := l.places[c].to; c.Name() == "rm" && (to == ToHook || to == ToWrapper) && release.NamesPath(c.Text, file) {
			return true
		}
	}
	return strings.Contains(l.script, "rm -f "+file)
}

// withRemovals adds what removes stale pidfiles to the hook.
func withRemovals(hook string, files []string) string {
	if len(files) == 0 {
		return hook
	}
	if hook == "" {
		hook = "#!/bin/bash\n\n"
	}
	return hook + "rm -f " + strings.Join(files, " ") + "\n"
}
