package check

import (
	"path"
	"regexp"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// daemon is how a program goes to the background.
type daemon struct {
	program string
	// flag does it on the command line, setting in a config file.
	flag, setting *regexp.Regexp
	// front overrules the config file on the command line.
	front *regexp.Regexp
	// stays keeps it in the foreground, on the command line or in the config
	// file; nil where that is what it does anyway.
	stays *regexp.Regexp
}

var daemons = []daemon{
	{"redis-server", regexp.MustCompile(`--daemonize[ =]yes\b`), regexp.MustCompile(`(?m)^[ \t]*daemonize[ \t]+yes\b`), regexp.MustCompile(`--daemonize[ =]no\b`), nil},
	{"redis-sentinel", regexp.MustCompile(`--daemonize[ =]yes\b`), regexp.MustCompile(`(?m)^[ \t]*daemonize[ \t]+yes\b`), regexp.MustCompile(`--daemonize[ =]no\b`), nil},
	{"valkey-server", regexp.MustCompile(`--daemonize[ =]yes\b`), regexp.MustCompile(`(?m)^[ \t]*daemonize[ \t]+yes\b`), regexp.MustCompile(`--daemonize[ =]no\b`), nil},
	{"nginx", nil, regexp.MustCompile(`(?m)^[ \t]*daemon[ \t]+on[ \t]*;`), nil, regexp.MustCompile(`\bdaemon[ \t]+off\b`)},
	{"haproxy", regexp.MustCompile(`(?:^|\s)-D(?:\s|$)`), regexp.MustCompile(`(?m)^[ \t]*daemon[ \t]*$`), regexp.MustCompile(`(?:^|\s)(?:-db|-Ws?|-W)(?:\s|$)`), nil},
	{"mongod", regexp.MustCompile(`(?:^|\s)--fork(?:\s|$)`), regexp.MustCompile(`(?m)^[ \t]*fork[ \t]*[:=][ \t]*true\b`), nil, nil},
	{"elasticsearch", regexp.MustCompile(`(?:^|\s)(?:-d|--daemonize)(?:\s|$)`), nil, nil, nil},
	{"memcached", regexp.MustCompile(`(?:^|\s)-d(?:\s|$)`), nil, nil, nil},
	{"monit", nil, nil, nil, regexp.MustCompile(`(?:^|\s)-I(?:\s|$)`)},
}

// background finds processes that leave bpm: it supervises what it started, and
// takes the end of that for the end of the process.
func (w *job) background() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		for _, n := range p.Get("executable") {
			v, _ := n.Static()
			for _, d := range daemons {
				if path.Base(v) == d.program && strings.HasPrefix(v, "/var/vcap/packages/") {
					w.goesToBackground(p, n, d)
				}
			}
		}
	}
}

func (w *job) goesToBackground(p bpm.ProcessNode, executable *bpm.Node, d daemon) {
	var texts []string
	open := false
	for _, list := range p.Get("args") {
		open = open || list.Open || list.Kind != bpm.List
	}
	p.Scalars(func(keys []string, n *bpm.Node) {
		if len(keys) > 0 && keys[0] == "args" {
			text, known := w.defaulted(n)
			open = open || !known
			texts = append(texts, text)
		}
	})
	line := strings.Join(texts, " ")
	if d.flag != nil && d.flag.MatchString(line) {
		w.find("config-clash", source.Error, executable.Span, "the arguments send %s to the background: bpm then sees its process end, and monit starts it again and again", d.program)
		return
	}
	if d.front != nil && d.front.MatchString(line) {
		return
	}
	stays := d.stays == nil || d.stays.MatchString(line)
	configs := w.configs(texts)
	for _, f := range configs {
		body := commentLine.ReplaceAllStringFunc(string(f.Data), func(s string) string { return strings.Repeat(" ", len(s)) })
		if d.setting != nil {
			if m := d.setting.FindStringIndex(body); m != nil {
				w.find("config-clash", source.Error, source.Span{File: f, Start: m[0], End: m[1]}, "this sends %s to the background: bpm then sees its process end, and monit starts it again and again", d.program)
				return
			}
		}
		if d.stays != nil && (d.stays.MatchString(body) || strings.Contains(body, "include") || strings.Contains(body, "<%= p(")) {
			stays = stays || d.stays.MatchString(body)
			open = open || !stays && !strings.Contains(body, "events")
		}
	}
	if !stays && !open && len(configs) > 0 {
		w.find("config-clash", source.Error, executable.Span, "%s goes to the background unless it is told not to (daemon off): bpm then sees its process end, and monit starts it again and again", d.program)
	}
}
