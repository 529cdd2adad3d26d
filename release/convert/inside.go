package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var (
	// callsLogger is a command that writes to the socket of syslog.
	callsLogger = search.MustCompile(`(?m)(?:^|[;&|(]|\bthen\b|\bdo\b)[ \t]*(logger\b[^\n]*)`)
	// asksPids is a command that looks for a process by its pid or name.
	asksPids = search.MustCompile(`(?m)(\bkill -0\b[^\n]*|-[ed] "?/proc/\$[^\n]*|\b(?:pgrep|pidof)\s[^\n]*)`)
	// tmpSocket is a setting that puts a socket into /tmp.
	tmpSocket = search.MustCompile(`(?im)^[^#\n]*?\b([\w.-]*sock[\w.-]*["']?[ \t]*[=: ][ \t]*["']?(?:/var)?/tmp\b[\w./-]*)`)
)

// inside names what the scripts of the job that run in a container ask of the
// host: its syslog, its processes, its /tmp.
func (w *job) inside(l *launch, p *bpm.ProcessTemplate) {
	scripts := []text{{body: l.script, span: func(int, int) source.Span { return l.launch.Span() }}}
	for _, f := range w.innerScripts(p, l.script) {
		scripts = append(scripts, fileText(f))
	}
	for _, t := range scripts {
		body := blankComments(t.body)
		for _, m := range callsLogger.FindAllStringSubmatchIndex(body, -1) {
			w.find("syslog-socket", source.Warning, t.span(m[2], m[3]), "%s calls logger in its container, which has no /dev/log: the lines are lost. Print them, bpm writes them to %s", l.name, w.logDir())
		}
		for _, m := range asksPids.FindAllStringSubmatchIndex(body, -1) {
			w.find("other-processes-hidden", source.Warning, t.span(m[2], m[3]), "%s looks for a process by its pid or name in its container, which sees its own processes only, under other pids: one that an old pidfile holds may be that of another process by then", l.name)
		}
	}
	w.madeOutside(l, p)
	for _, c := range w.configs(p) {
		if !c.named || hostscript.RunsOnHost(c.file) {
			continue
		}
		body := settingsOf(c.file)
		for _, m := range tmpSocket.FindAllStringSubmatchIndex(body, -1) {
			w.find("private-tmp", source.Warning, source.Span{File: c.file, Start: m[2], End: m[3]}, "/tmp in the container is %s/tmp, for the processes of this job alone: who meets %s at this socket from elsewhere has to use a folder that both have, such as %s", w.dataDir(), l.name, w.runDir())
		}
	}
}

// madeOutside names what pre-start, the job's own too, or the hook makes in a folder for temporary
// files and the process is told of: its container has folders of its own there.
func (w *job) madeOutside(l *launch, p *bpm.ProcessTemplate) {
	told := append(p.Texts(), l.script)
	for _, c := range w.ownerCommands() {
		if c.Name() == "rm" {
			continue
		}
		seen := map[string]bool{}
		for _, at := range container.Paths(c.Text) {
			file := c.Text[at[0]:at[1]]
			top, rest, below := privateFolder(file)
			if seen[file] || !below || !slices.ContainsFunc(told, func(t string) bool { return mentionsBelow(t, file) }) {
				continue
			}
			seen[file] = true
			instead := "the process itself has to make it"
			if top != "/dev/shm" {
				instead = "make " + path.Join(w.dataDir(), "tmp", rest) + " instead"
			}
			w.find("private-tmp", source.Warning, c.Span, "%s is made on the host here, and the container of %s has a %s of its own: %s", file, l.name, top, instead)
		}
	}
}

// privateFolder is the folder of temporary files that a path lies in, and what
// comes behind it.
func privateFolder(file string) (top, rest string, below bool) {
	for _, top := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		if rest, below := strings.CutPrefix(file, top+"/"); below {
			return top, rest, true
		}
	}
	return "", "", false
}
