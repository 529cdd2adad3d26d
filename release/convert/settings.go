package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/daemon"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const toBackground = "it sends the process to the background, and bpm supervises it in the foreground"

// instead gives what has to stand in the place of a setting's value; ok is false
// where the value is fine as it is.
func (w *job) instead(s daemon.Setting, value string) (text, why string, ok bool) {
	if s.Pidfile() {
		return writablePid(w, value)
	}
	return s.Good, toBackground, strings.EqualFold(value, s.Bad)
}

func writablePid(w *job, file string) (string, string, bool) {
	p := path.Clean(file)
	if !path.IsAbs(p) || below(p, w.dataDir()) || below(p, w.storeDir()) || below(p, w.logDir()) || below(p, "/tmp") || below(p, "/var/tmp") || p == "/dev/null" {
		return "", "", false
	}
	return path.Join(w.dataDir(), "tmp", path.Base(p)), "the container has no place for it; the job's tmp folder is and can be written. monit reads bpm's own pidfile", true
}

// daemonSettings edits what clashes with bpm in the config files that a process
// reads. What a property says cannot be edited and is a finding.
func (w *job) daemonSettings(l *launch, p *bpm.ProcessTemplate) {
	var rows []daemon.Setting
	program := ""
	for _, u := range l.ways {
		for _, s := range daemon.Settings {
			if slices.Contains(s.Programs, u.Name()) {
				rows, program = append(rows, s), u.Name()
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	for _, c := range w.configs(p) {
		if !c.named {
			continue
		}
		texts, _ := w.configTexts(path.Join(w.jobDir(), c.target))
		for i, t := range texts {
			for _, s := range rows {
				w.applySetting(l, s, program, t, i == 0)
			}
		}
	}
}

// printedSetting is applySetting for what an expression prints. The values of a
// property are looked at where it prints nothing else.
func (w *job) printedSetting(s daemon.Setting, program, value string, where source.Span) {
	var values []text
	if m := onlyProperty.FindStringSubmatch(value); m != nil {
		if values = w.propertyTexts(m[1]); m[2] != "" {
			values = append(values, text{m[2], func(int, int) source.Span { return where }, nil})
		}
	}
	for _, v := range values {
		if s.Pidfile() && below(path.Clean(v.body), w.runDir()) {
			continue // the process gets the folder, as it is told of it
		}
		if now, why, clash := w.instead(s, v.body); clash {
			w.find("config-clash", source.Error, v.span(0, len(v.body)), "%s reads %q from this property: %s. It has to be %s", program, v.body, why, now)
		}
	}
	switch {
	case len(values) > 0:
	case s.Pidfile():
		w.find("config-clash", source.Warning, where, "where %s writes its pidfile is not known in the release; the container has a place for it below %s/tmp", program, w.dataDir())
	default:
		w.find("config-clash", source.Warning, where, "what %s reads here is not known in the release, and %q sends it to the background, where bpm loses it. It has to be %q", program, s.Bad, s.Good)
	}
}

// onlyProperty prints a property, or a text instead of it.
var onlyProperty = search.MustCompile(`^<%=-?\s*p\(\s*["']([\w.-]+)["']\s*(?:,\s*["']?([\w./-]+)["']?\s*)?\)\s*-?%>$`)

// applySetting holds one text against a setting. Only the template itself can
// be edited.
func (w *job) applySetting(l *launch, s daemon.Setting, program string, t text, template bool) {
	body := blankComments(t.body)
	for _, m := range s.Line.FindAllStringSubmatchIndex(body, -1) {
		value := body[m[len(m)-2]:m[len(m)-1]]
		where := t.span(m[2], m[3])
		if strings.HasPrefix(value, "<%") {
			w.printedSetting(s, program, value, where)
			continue
		}
		now, why, clash := w.instead(s, value)
		if clash && strings.Count(now, "<%") != strings.Count(now, "%>") { // a slash in an expression
			w.find("config-clash", source.Warning, where, "%s reads %s: %s. It has to lie below %s", program, value, why, path.Dir(now))
			continue
		}
		if !clash {
			continue
		}
		if !template {
			w.find("config-clash", source.Error, where, "%s reads %q from this property: %s", program, strings.TrimSpace(body[m[0]:m[1]]), why)
			continue
		}
		w.editFile(where, now, "setting", "goes with bpm now")
		if now == "" {
			w.decide(l, at(where), "no "+oneLine(body[m[0]:m[1]]), "%s (%s)", why, s.Docs)
			continue
		}
		line := strings.Join(strings.Fields(body[m[0]:m[2]]+now+body[m[3]:m[1]]), " ")
		w.decide(l, at(where), strings.ReplaceAll(strings.TrimLeft(line, ";{},%> "), `"`, ""), "%s (%s)", why, s.Docs)
	}
}
