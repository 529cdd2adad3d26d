package convert

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// leftovers arranges that what a root process left behind becomes vcap's: bpm
// changes the owner of the top folders only.
func (w *job) leftovers() {
	for _, l := range w.launches {
		if !l.wasRoot() {
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
