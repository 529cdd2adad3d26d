package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// leftovers arranges that what a root process left behind becomes vcap's: bpm
// changes the owner of the top folders only.
//
// A process that needs root keeps its files: where it gets it back, they are
// right as they are, and the layers of images or the root file systems of
// containers among them would be spoiled.
func (w *job) leftovers() {
	keeps := ""
	for _, l := range w.launches {
		if l.needsRoot {
			keeps = l.name
		}
	}
	for _, l := range w.launches {
		if !l.wasRoot() || l.needsRoot {
			continue
		}
		trees := []string{w.logDir()}
		if l.errand != nil && !strings.Contains(string(l.errand.File.Data), w.logDir()) {
			trees = nil // it printed what it had to say
		}
		shared := []string{}
		if keeps == "" {
			for _, p := range l.variants {
				if p.EphemeralDisk {
					trees = append(trees, w.dataDir())
				}
				if p.PersistentDisk {
					trees = append(trees, w.storeDir())
				}
				for _, v := range p.AdditionalVolumes {
					switch inside := func(t string) bool { return below(v.Path, t) }; {
					case !v.Writable || v.MountOnly || slices.ContainsFunc(trees, inside) || slices.ContainsFunc(shared, inside):
					case w.othersUse(v.Path):
						shared = append(shared, v.Path)
					default:
						trees = append(trees, v.Path)
					}
				}
			}
		}
		slices.Sort(trees)
		trees = slices.Compact(trees)
		for _, dir := range trees {
			third := w.thirdOwner(dir)
			if third != nil {
				w.find("third-owner", source.Warning, third.Span, "this gives files to %s, and %s, which is vcap now, can use them only as far as their mode allows; below %s pre-start changes the owner of root's files alone, and bpm gives the top folder to vcap", newOwner(third), l.name, dir)
			}
			w.preStart.chown(dir, third != nil || len(w.left) > 0 || l.errand != nil) // a check that stays may run as anybody
		}
		for _, dir := range shared {
			w.preStart.chown(dir, true)
		}
		if len(trees)+len(shared) == 0 {
			continue
		}
		w.rootOnly(l)
		if w.preStart.rootProcess == "" {
			w.preStart.rootProcess = l.name
		}
		all := strings.Join(append(trees, shared...), ", ")
		if keeps != "" {
			w.find("root-owned-files", source.Note, l.launch.Span(), "%s ran as root: files that it left in %s belong to root, and bpm changes the owner of the top folder only. pre-start gives them to vcap; it leaves the job's other folders alone, as %s needs root and keeps its files there", l.name, all, keeps)
			continue
		}
		w.find("root-owned-files", source.Note, l.launch.Span(), "%s ran as root: files that it left in %s belong to root, and bpm changes the owner of the top folder only. pre-start gives them to vcap; what it wrote elsewhere has to be made readable by you", l.name, all)
	}
}

// othersUse says whether another job of the release names a folder.
func (w *job) othersUse(dir string) bool {
	return slices.ContainsFunc(w.ctx.Release.Mentions(dir), func(at source.Span) bool {
		parts := strings.Split(at.File.Name, "/")
		return len(parts) > 2 && parts[0] == "jobs" && parts[1] != w.Job.Name
	})
}

// thirdOwner finds what gives something in a folder to a user other than root
// and vcap: that is on purpose, and pre-start does not take it back.
func (w *job) thirdOwner(dir string) *ctl.Command {
	for _, c := range w.ownerCommands() {
		if owner := newOwner(c); owner == "" || owner == "root" || owner == "vcap" {
			continue
		}
		paths, _ := operands(c)
		for _, p := range paths {
			if below(p, dir) || below(dir, p) {
				return c
			}
		}
	}
	return nil
}

// ownerCommands are the commands of the start path and of the job's own
// pre-start: what they say about owners and modes holds when the process runs.
func (w *job) ownerCommands() []*ctl.Command {
	var all []*ctl.Command
	for _, l := range w.launches {
		for _, c := range l.result.Commands {
			if to := l.places[c].to; to == ToPreStart || to == ToHook {
				all = append(all, c)
			}
		}
	}
	f, _, err := w.Job.TemplateFile(preStartTarget)
	if err != nil {
		return all
	}
	script, err := ctl.ParseScript(path.Join(w.jobDir(), preStartTarget), f)
	if err != nil {
		return all
	}
	world := ctl.World{Lookup: w.lookup, Exists: w.exists, Bare: true}
	return append(all, ctl.Evaluate(script, nil, world).Commands...)
}

// rootOnly finds the files of the job that its scripts keep from everybody but
// root: a process that was root could read them.
func (w *job) rootOnly(l *launch) {
	for _, c := range w.ownerCommands() {
		if c.Name() != "chmod" || len(c.Words) < 3 {
			continue
		}
		words := c.Words[1:]
		if words[0].Is("-R") {
			words = words[1:]
		}
		mode, _ := words[0].Literal()
		if !privateMode.MatchString(mode) {
			continue
		}
		for _, word := range words[1:] {
			if dir := path.Dir(word.String()); below(dir, w.jobDir()) && !strings.ContainsAny(dir, "$<*?") {
				w.preStart.reveal(dir)
				w.find("private-files", source.Warning, c.Span, "this keeps %s from everybody but root, and %s is not root any more: pre-start gives the files in %s to vcap", word, l.name, dir)
			}
		}
	}
}

var privateMode = search.MustCompile(`^0?[4-7]00$|^go-r|^go=$`)
