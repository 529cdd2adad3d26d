package convert

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// privileges holds what the processes could do as root against what they may do
// as vcap.
func (w *job) privileges() {
	for _, l := range w.launches {
		for _, p := range l.variants {
			w.manager(l, p)
		}
		if l.wasRoot() {
			w.wasRoot(l)
		}
	}
}

// wasRoot says whether the old script ran the process as root.
func (l *launch) wasRoot() bool { return l.launch.User == "" || l.launch.User == "root" }

// managers are programs that run containers or mount for others: as vcap, in a
// container of their own, they cannot do what they are for.
var managers = regexp.MustCompile(`^(dockerd|containerd|gdn|garden-linux|garden-server|wardend?|runc|podman|rkt)$`)

// manager warns of a process whose nature is against bpm.
func (w *job) manager(l *launch, p *bpm.ProcessTemplate) {
	words := append([]string{l.launch.Executable.String()}, argTexts(p.Args)...)
	for _, a := range l.launch.Args {
		words = append(words, a.String())
	}
	found := ""
	for i, word := range words {
		if i < 4 && (managers.MatchString(path.Base(word)) || strings.HasPrefix(word, "warden:")) || i == 1 && path.Base(words[0]) == "docker" && word == "daemon" {
			found = word
			break
		}
	}
	if found == "" {
		return
	}
	var lost []string
	for _, text := range w.expanded(append(p.Texts(), l.script)) {
		for _, m := range storePath.FindAllString(text, -1) {
			if a := "access:" + strings.TrimSuffix(m, "/"); !slices.Contains(lost, a) {
				lost = append(lost, a)
			}
		}
	}
	what := path.Base(found)
	if task, _, ok := strings.Cut(what, "["); ok {
		what = task // of rake
	}
	w.find("needs-root", source.Error, l.launch.Span(), "%s runs containers itself and needs root, devices and mounts, none of which a process under bpm has. Keep the job as it was (leave it out with --job), or give the process unsafe.privileged and see what else it lacks", what)
	w.differs(lost...)
}

var storePath = regexp.MustCompile(`/var/vcap/(?:store|data)[A-Za-z0-9_./-]*`)

// wasRoot finds what a process could do as root and cannot as vcap.
func (w *job) wasRoot(l *launch) {
	d := l.daemon
	if d == nil {
		w.find("ran-as-root", source.Warning, l.launch.Span(), "%s ran as root and runs as vcap now, without capabilities and in a container; what it did that only root can do (ports below 1024, files of others, mounts) is not checked by this version", l.name)
		return
	}
	i := flagValue(texts(l.process.Args), d.config)
	if d.config == "" || i < 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "no config file is named (%s), so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", d.config, l.name)
		return
	}
	files, open := w.configTexts(argTexts(l.process.Args)[i])
	if len(files) == 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "%s is no template of this job, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", argTexts(l.process.Args)[i], l.name)
		return
	}
	listens := false
	var low []source.Span
	for _, t := range files {
		body := blankComments(t.body)
		for _, at := range foundIn(d.listen, body) {
			listens = true
			address := strings.TrimSpace(body[at[0]:at[1]])
			if !strings.Contains(address, "<%") {
				if port := d.port(address); port > 0 && port < 1024 {
					low = append(low, t.span(at[0], at[1]))
				}
				continue
			}
			values := w.propertyTexts(erb.Properties(address)...)
			if len(values) == 0 {
				open = t.span(at[0], at[1])
			}
			for _, v := range values {
				if port := d.port(v.body); port > 0 && port < 1024 {
					low = append(low, v.span(0, len(v.body)))
				}
			}
		}
		for _, at := range foundIn(d.user, body) {
			w.find("user-directive-ignored", source.Warning, t.span(at[0], at[1]), "the user directive (%s) has no effect: under bpm %s starts as vcap and stays vcap; files that only that user or group may read have to be readable for vcap", strings.TrimSpace(body[at[0]:at[1]]), d.name)
		}
		for _, at := range foundIn(d.relative, body) {
			if slices.Contains(d.prefixLinks, strings.TrimSpace(body[at[0]:at[1]])) {
				continue // pre-start links it
			}
			w.find("relative-path-moved", source.Warning, t.span(at[0], at[1]), "%s is relative to the prefix of %s, which is %s now and was the package before", strings.TrimSpace(body[at[0]:at[1]]), d.name, w.dataDir())
		}
	}
	if !listens && !open.Valid() {
		open = files[0].span(0, 0) // a default port, or an include
	}
	switch {
	case len(low) > 0:
		for _, p := range l.variants {
			if !slices.Contains(p.Capabilities, "NET_BIND_SERVICE") {
				p.Capabilities = append(p.Capabilities, "NET_BIND_SERVICE")
			}
		}
		w.decide(l, low, "capabilities: NET_BIND_SERVICE", "listens on a port below 1024, which root could and vcap cannot")
	case open.Valid():
		w.find("config-unknown", source.Warning, open, "what this file holds is not all in the release, or has no listen directive that is read, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", l.name)
	}
}

// foundIn gives the places of a pattern's first group.
func foundIn(pattern *regexp.Regexp, body string) [][2]int {
	if pattern == nil {
		return nil
	}
	var at [][2]int
	for _, m := range pattern.FindAllStringSubmatchIndex(body, -1) {
		at = append(at, [2]int{m[2], m[3]})
	}
	return at
}

// setcaps turns setcap into capabilities: those of a file have no effect in a
// container, which does not let a process gain any.
func (w *job) setcaps(l *launch) {
	for _, c := range l.result.Commands {
		if c.Name() != "setcap" || len(c.Words) < 2 {
			continue
		}
		text, _ := c.Words[1].Literal()
		names, _, _ := strings.Cut(text, "=")
		names, _, _ = strings.Cut(names, "+")
		for _, n := range strings.Split(names, ",") {
			n = strings.ToUpper(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(n)), "cap_"))
			if !capabilityName.MatchString(n) {
				w.find("not-understood", source.Warning, c.Span, "which capabilities this gives is not known")
				continue
			}
			if !slices.Contains(l.capabilities, n) {
				l.capabilities = append(l.capabilities, n)
				w.decide(l, at(c.Span), "capabilities: "+n, "setcap has no effect on a process that bpm starts")
			}
		}
	}
}

// setcapLine finds setcap in a script that is not on the start path.
var setcapLine = regexp.MustCompile(`(?m)^[^#\n]*\bsetcap\s+['"]?((?:cap_\w+,?)+)[=+]`)

// otherSetcaps looks for setcap in the job's other scripts: the capabilities
// that they give to a file are lost in a container, too.
func (w *job) otherSetcaps(l *launch) {
	for _, t := range w.Job.Spec.Templates {
		f, _, err := w.Job.TemplateFile(t.Target)
		if err != nil || !strings.HasPrefix(t.Target, "bin/") || slices.ContainsFunc(l.result.Scripts, func(s *ctl.Script) bool { return s.Original == f }) {
			continue
		}
		if !bytes.Contains(f.Data, []byte("setcap")) {
			continue
		}
		for _, m := range setcapLine.FindAllSubmatchIndex(f.Data, -1) {
			for _, n := range strings.Split(string(f.Data[m[2]:m[3]]), ",") {
				n = strings.ToUpper(strings.TrimPrefix(n, "cap_"))
				if capabilityName.MatchString(n) && !slices.Contains(l.capabilities, n) {
					l.capabilities = append(l.capabilities, n)
					w.decide(l, at(source.Span{File: f, Start: m[2], End: m[3]}), "capabilities: "+n, "setcap has no effect on a process that bpm starts")
				}
			}
		}
	}
}

var capabilityName = regexp.MustCompile(`^[A-Z][A-Z_]+$`)
