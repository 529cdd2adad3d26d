package check

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/daemon"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// background finds processes that leave bpm: it supervises what it started, and
// takes the end of that for the end of the process.
func (w *job) background() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		for _, n := range p.Get("executable") {
			if v, _ := n.Static(); strings.HasPrefix(v, "/var/vcap/packages/") {
				w.goesToBackground(p, n, path.Base(v))
			}
		}
	}
}

func (w *job) goesToBackground(p bpm.ProcessNode, executable *bpm.Node, program string) {
	const ends = "bpm then sees its process end, and monit starts it again and again"
	var args []string
	open := false
	for _, list := range p.Get("args") {
		open = open || list.Open || list.Kind != bpm.List
	}
	p.Scalars(func(keys []string, n *bpm.Node) {
		if len(keys) > 0 && keys[0] == "args" {
			text, known := w.defaulted(n)
			open = open || !known
			args = append(args, text)
		}
	})
	row := daemon.Find(program, args)
	if row != nil && !row.Always {
		w.find("config-clash", source.Error, executable.Span, "the arguments send %s to the background: %s", program, ends)
		return
	}
	line := strings.Join(args, " ")
	configs := w.named(args)
	stays := row == nil || row.Stays == nil || row.Stays.MatchString(line)
	for _, f := range w.configs(args) { // what they include may say it, too
		stays = stays || row.Stays.MatchString(withoutComments(f))
	}
	for _, f := range configs {
		body := withoutComments(f)
		for _, s := range daemon.Settings {
			if s.Pidfile() || !slices.Contains(s.Programs, program) || s.Front != nil && s.Front.MatchString(line) {
				continue
			}
			for _, m := range s.Line.FindAllStringSubmatchIndex(body, -1) {
				if strings.EqualFold(body[m[len(m)-2]:m[len(m)-1]], s.Bad) {
					at := strings.TrimRight(body[m[2]:m[3]], " \t\n")
					start := m[2] + len(at) - len(strings.TrimLeft(at, " \t"))
					w.find("config-clash", source.Error, source.Span{File: f, Start: start, End: m[2] + len(at)}, "this sends %s to the background: %s", program, ends)
					return
				}
			}
		}
		if row != nil && row.Stays != nil && (row.Stays.MatchString(body) || strings.Contains(body, "include") || strings.Contains(body, "<%= p(")) {
			stays = stays || row.Stays.MatchString(body)
			open = open || !stays && !strings.Contains(body, "events")
		}
	}
	if !stays && !open && len(configs) > 0 {
		w.find("config-clash", source.Error, executable.Span, "%s goes to the background unless it is told not to (daemon off): %s", program, ends)
	}
}
