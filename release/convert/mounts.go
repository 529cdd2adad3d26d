package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// mounts names what is mounted before the process starts: the old script did it
// at every start and often took it back at every stop, pre-start does it once a
// deploy and nothing takes it back.
func (w *job) mounts(l *launch) {
	unmounts := slices.ContainsFunc(l.stopped, func(c *ctl.Command) bool { return c.Name() == "umount" })
	for _, c := range l.result.Commands {
		to := l.places[c].to
		if c.Name() != "mount" || len(c.Words) < 2 || to != ToPreStart && to != ToHook || c.Test || strings.Contains(c.Text, "--make-") {
			continue
		}
		where := strings.Trim(c.Words[len(c.Words)-1].String(), `"'`)
		guarded := slices.ContainsFunc(c.Conditions, func(o ctl.Condition) bool {
			t := o.Span.Text()
			return strings.Contains(t, "mount") || strings.Contains(t, "df ") || strings.Contains(t, path.Base(where))
		}) || slices.ContainsFunc(l.result.Commands, func(o *ctl.Command) bool {
			return o.Name() == "umount" && l.places[o].to == to && strings.Contains(o.Text, where) // first
		})
		switch {
		case to == ToHook:
			w.find("mount-stays", source.Warning, c.Span, "the hook mounts %s at every start, and nothing unmounts it: mount it only where it is not mounted yet (mountpoint -q)", where)
		case unmounts && !guarded:
			w.find("mount-stays", source.Warning, c.Span, "%s was mounted at every start and unmounted at every stop; bin/pre-start mounts it at every deploy, nothing unmounts it, and it is not mounted after a reboot. Guard it with mountpoint -q, and unmount it in bin/drain", where)
		case !guarded:
			w.find("mount-stays", source.Warning, c.Span, "bin/pre-start mounts %s at every deploy, above what is mounted there already, and not after a reboot. Guard it with mountpoint -q", where)
		default:
			w.find("mount-stays", source.Warning, c.Span, "bin/pre-start mounts %s at a deploy; after a reboot of the VM it is not mounted, where the old script mounted it at its next start. If the process must not run without it, mount it in the hook", where)
		}
	}
}
