package convert

import (
	"path"
	"slices"
	"strconv"

	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// givenFolders names folders below /var/vcap/jobs and /var/vcap/packages that the
// old script or the job's pre-start made writable for the process: its container
// has them read-only, whoever owns them.
func (w *job) givenFolders() {
	var all []*ctl.Command
	for _, l := range w.launches {
		all = append(all, l.result.Commands...)
	}
	for _, c := range append(all, w.ownerCommands()...) {
		if paths, ok := operands(c); ok {
			w.given(c, paths)
		}
	}
}

// given looks at one chown or chmod. Only a mode says for certain that somebody
// writes; files are also given to vcap for it to read them.
func (w *job) given(c *ctl.Command, paths []string) {
	severity, owner := source.Note, newOwner(c)
	switch {
	case owner != "" && owner != "root":
	case c.Name() == "chmod" && slices.ContainsFunc(c.Words[1:], func(word ctl.Word) bool { return opensUp(word.String()) }):
		severity = source.Warning
	default:
		return
	}
	for _, p := range paths {
		if dir, known := c.Dir.Literal(); known && !path.IsAbs(p) {
			p = path.Join(dir, p)
		}
		place := container.Locate(w.Job.Name, p)
		if place.Kind != container.Packages && (place.Kind != container.Job || place.Owner != w.Job.Name) {
			continue
		}
		if severity == source.Note {
			w.find("read-only-path", severity, c.Span, "this gives %s to %s, and vcap can read it without. A process that writes there fails in its container, where it is read-only: if it does, use %s or %s", p, owner, w.dataDir(), w.storeDir())
			continue
		}
		w.find("read-only-path", severity, c.Span, "%s was made writable for the process here, and is read-only in its container, whoever owns it: what the process writes there has to move to %s or %s", p, w.dataDir(), w.storeDir())
	}
}

// symbolicWrite gives others than the owner the right to write.
var symbolicWrite = search.MustCompile(`(?:^|,)[ugoa]*[goa][ugoa]*[+=][rxXst]*w`)

// opensUp says whether a mode lets others than the owner write.
func opensUp(mode string) bool {
	if bits, err := strconv.ParseUint(mode, 8, 16); err == nil {
		return bits&0o022 != 0
	}
	return symbolicWrite.MatchString(mode)
}
