package convert

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ports"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// privileges holds what the processes could do as root against what they may do
// as vcap. What is certain is written as a capability; unsafe.privileged is only
// ever proposed.
func (w *job) privileges() {
	for _, l := range w.launches {
		for _, p := range l.variants {
			w.manager(l, p)
		}
		if !l.needsRoot {
			w.needsMore(l)
		}
		w.measures(l)
		w.asksToStay(l)
		w.locksMemory(l)
		if l.wasRoot() {
			w.wasRoot(l)
		}
	}
}

// wasRoot says whether the old script ran the process as root.
func (l *launch) wasRoot() bool { return l.launch.User == "" || l.launch.User == "root" }

// capability adds one to a process.
func (w *job) capability(l *launch, name string, causes []source.Span, why string) {
	for _, p := range l.variants {
		if !slices.Contains(p.Capabilities, name) {
			p.Capabilities = append(p.Capabilities, name)
		}
	}
	w.decide(l, causes, "capabilities: "+name, "%s", why)
}

// managers are programs that run containers or mount for others: as vcap, in a
// container of their own, they cannot do what they are for.
var managers = search.MustCompile(`^(dockerd|containerd|gdn|garden-linux|garden-server|wardend?|runc|podman|rkt)$`)

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
	task, _, _ := strings.Cut(found, "[") // of rake
	what := path.Base(task)
	w.find("needs-root", source.Error, l.launch.Span(), "%s runs containers itself and needs root, devices and mounts, none of which a process under bpm has. Keep the job as it was (leave it out with --job), or give the process unsafe.privileged and see what else it lacks", what)
	w.differs(lost...)
	l.needsRoot = true
}

var storePath = search.MustCompile(`/var/vcap/(?:store|data)[A-Za-z0-9_./-]*`)

const listensLow = "listens on a port below 1024, which root could and vcap cannot"

// lowPorts gives a process the right to listen on ports below 1024 where it does,
// and says what is left open.
func (w *job) lowPorts(l *launch) {
	ls := w.listeners(l)
	var low, maybe []source.Span
	var words []string
	any, open := false, false
	for _, o := range ls.Found {
		any = any || o.Sure
		switch {
		case o.Low() && o.Sure:
			low = append(low, o.At)
			if o.Value.Valid() {
				low = append(low, o.Value)
			}
		case o.Low():
			maybe = append(maybe, o.At)
			words = append(words, "port "+strconv.Itoa(o.Port))
		}
	}
	if len(low) > 0 || slices.Contains(l.capabilities, "NET_BIND_SERVICE") {
		if len(low) > 0 {
			w.capability(l, "NET_BIND_SERVICE", low, listensLow)
		}
		return
	}
	var unknown []ports.Listener
	for _, o := range ls.Found {
		beside := func(p ports.Listener) bool { return p.At.File == o.At.File && !p.Host && p.Sure }
		if o.Port == 0 && !(o.Host && slices.ContainsFunc(ls.Found, beside)) {
			open = true
			unknown = append(unknown, o)
		}
	}
	w.unknownPorts(l, unknown)
	name := l.launch.Name()
	if port := defaultPorts[name]; port != "" && !any {
		open = true
		w.find("config-unknown", source.Warning, l.launch.Span(), "%s listens on port %s unless it is told otherwise, and nothing that is read here tells; add the capability NET_BIND_SERVICE", name, port)
	}
	for _, p := range w.unread(l) {
		open = true
		w.find("config-unknown", source.Warning, l.launch.Span(), "%s is no template of this job, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", p, l.name)
	}
	if open || l.needsMore || l.needsRoot {
		return
	}
	files := ""
	for _, f := range ls.read {
		files += ", " + path.Base(f.Name)
	}
	for _, at := range w.signsOfRoot(l) {
		maybe = append(maybe, at)
		words = append(words, oneLine(at.Text()))
	}
	if len(maybe) > 0 {
		slices.Sort(words)
		words = slices.Compact(words)
		words = words[:min(len(words), 5)]
		w.find("ran-as-root", source.Warning, maybe[0], "%s ran as root and runs as vcap now, and what it is told or made of speaks of something that may need root: %s. See whether it does, and which capabilities help", l.name, strings.Join(words, ", "))
		return
	}
	w.find("ran-as-root", source.Note, l.launch.Span(), "%s ran as root and runs as vcap now. Its arguments, environment and files (bpm.yml%s) name no port below 1024, and no program, device or user that only root can use; what the program does by itself is not seen", l.name, files)
}

var (
	// signs are words in the configuration of programs that do what only root may;
	// paths that the container lacks are told of by volumes.
	signs = search.MustCompile(`(?i)\b(?:iptables|ipset|vtep|vxlan|netns|apparmor|icmp|promiscuous|cgroup)\w*|/proc/sys/[\w./-]*|/sys/(?:fs|class|module|kernel|bus|devices)\b[\w./-]*|[\w./-]*docker\.sock\b|/etc/(?:shadow|sudoers)[\w./-]*`)
	// libraries are parts of programs in the file list of a package that do so.
	libraries = search.MustCompile(`\S*(?:go-iptables|vishvananda/netlink|vishvananda/netns|netlink/nl|libcontainer|opencontainers/runc|google/gopacket|bazil\.org/fuse|hanwen/go-fuse|x/net/icmp|go-ping/ping|docker/pkg/mount|moby/sys/mount|containernetworking/plugins)\S*`)
)

// signsOfRoot finds them in what a process is told, in what it reads and in the
// spec of its package.
func (w *job) signsOfRoot(l *launch) []source.Span {
	var all []source.Span
	for _, u := range l.ways {
		for _, word := range u.Args {
			at := word.Span()
			if m := signs.FindStringIndex(word.String()); m != nil && alone(word.String(), m[0]) {
				if !at.Valid() {
					at = u.Span()
				}
				all = append(all, at)
			}
		}
	}
	for _, f := range w.configFiles(l) {
		body := settingsOf(f)
		for _, m := range signs.FindAllStringIndex(body, -1) {
			if alone(body, m[0]) {
				all = append(all, source.Span{File: f, Start: m[0], End: m[1]})
			}
		}
	}
	for _, u := range l.ways {
		exe, _ := u.Executable.Literal()
		rest, ok := release.InPackages(exe)
		if !ok {
			continue
		}
		pkg, _, _ := strings.Cut(rest, "/")
		f, err := w.ctx.Release.Read("packages/" + pkg + "/spec")
		if err != nil {
			continue
		}
		for _, m := range libraries.FindAllIndex(f.Data, -1) {
			all = append(all, source.Span{File: f, Start: m[0], End: m[1]})
		}
	}
	return all
}

// rooted are the signs that are paths from the root.
var rooted = search.MustCompile(`^/(?:proc|sys|etc)/`)

// alone says whether what begins in a text is not the end of a longer path.
func alone(text string, at int) bool {
	return !rooted.MatchString(text[at:]) || at == 0 || !release.IsPathByte(text[at-1]) && text[at-1] != '>' && text[at-1] != '}'
}

// configPath is an argument that names a config file.
var configPath = search.MustCompile(`(/var/vcap/[\w./-]+\.(?:ya?ml|json|conf|cfg|ini|toml|properties|xml))\b`)

// unread are the config files that a process is told of and that are no
// templates of the job and no files of its packages.
func (w *job) unread(l *launch) []string {
	var paths []string
	for _, u := range l.ways {
		for _, word := range u.Args {
			m := configPath.FindStringSubmatch(word.String())
			if m == nil || slices.Contains(paths, m[1]) {
				continue
			}
			if f, err := w.lookup(m[1]); err != nil || f == nil {
				paths = append(paths, m[1])
			}
		}
	}
	return paths
}

// wasRoot finds what a process could do as root and cannot as vcap.
func (w *job) wasRoot(l *launch) {
	w.switchesUser(l)
	if l.errand != nil {
		return // it listens nowhere, and what it is told of is said of others
	}
	if l.daemon != nil {
		w.daemonConfig(l)
		return
	}
	w.lowPorts(l)
}

// daemonConfig reads the config file of a known daemon.
func (w *job) daemonConfig(l *launch) {
	d := l.daemon
	config := w.configOf(l)
	if config == "" {
		w.find("config-unknown", source.Warning, l.launch.Span(), "no config file is named (%s), so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", d.config, l.name)
		return
	}
	files, open := w.configTexts(config)
	if len(files) == 0 {
		w.find("config-unknown", source.Warning, l.launch.Span(), "%s is no template of this job, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", config, l.name)
		return
	}
	files = append(files, w.included(l.daemon, config, files[0])...)
	listens := false
	var low []source.Span
	var unknown []ports.Listener
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
			here := t.span(at[0], at[1])
			code := ports.Local(here.File, address)
			names := erb.Properties(code)
			values := w.propertyTexts(names...)
			literal := ports.Numbers(code)
			for _, n := range literal {
				if port := d.port(n); port > 0 && port < 1024 {
					low = append(low, here)
				}
			}
			switch {
			case len(literal) > 0:
			case len(names) == 0:
				open = here
			case len(values) == 0:
				unknown = append(unknown, ports.Listener{At: here, Property: names[0]})
			}
			for _, v := range values {
				if port := d.port(v.body); len(names) > 0 && port > 0 && port < 1024 {
					low = append(low, v.span(0, len(v.body)))
				}
			}
		}
		for _, at := range foundIn(d.user, body) {
			user := strings.TrimSpace(body[at[0]:at[1]])
			if user != "vcap" && user != "vcap vcap" {
				w.find("user-directive-ignored", source.Warning, t.span(at[0], at[1]), "the user directive (%s) has no effect: under bpm %s starts as vcap and stays vcap; files that only that user or group may read have to be readable for vcap", user, d.name)
			}
		}
	}
	if !listens && !open.Valid() {
		open = files[0].span(0, 0) // a default port, or an include
	}
	switch {
	case len(low) > 0:
		w.capability(l, "NET_BIND_SERVICE", low, listensLow)
	case open.Valid():
		w.find("config-unknown", source.Warning, open, "what this file holds is not all in the release, or has no listen directive that is read, so it is not known whether %s listens on a port below 1024; if it does, add the capability NET_BIND_SERVICE", l.name)
	default:
		w.unknownPorts(l, unknown)
	}
}

// relativePaths finds what a daemon's config file names relative to the prefix
// that is moved.
func (w *job) relativePaths(l *launch, d *server) {
	files, _ := w.configTexts(w.configOf(l))
	if len(files) == 0 {
		return
	}
	for _, t := range append(files, w.included(d, w.configOf(l), files[0])...) {
		body := blankComments(t.body)
		for _, at := range foundIn(d.relative, body) {
			if slices.Contains(d.prefixLinks, strings.TrimSpace(body[at[0]:at[1]])) {
				continue // pre-start links it
			}
			here, is, severity := t.span(at[0], at[1]), "is", source.Warning
			if strings.HasPrefix(strings.TrimSpace(here.Text()), "<%") {
				if w.printsAbsolute(here) {
					continue
				}
				is, severity = "may be", source.Note
			}
			w.find("relative-path-moved", severity, here, "%s %s relative to the prefix of %s, which is %s now and was the package before", strings.TrimSpace(body[at[0]:at[1]]), is, d.name, w.dataDir())
		}
	}
}

// printsAbsolute says whether an expression prints an absolute path, as far as
// the values of its properties and the strings in it are known.
func (w *job) printsAbsolute(at source.Span) bool {
	code := ports.Local(at.File, at.Text())
	values := w.propertyTexts(erb.Properties(code)...)
	if slices.ContainsFunc(values, func(v text) bool { return !path.IsAbs(v.body) }) {
		return false
	}
	return len(values) > 0 || absoluteString.MatchString(code)
}

// absoluteString is a string with an absolute path, and nothing in front of it.
var absoluteString = search.MustCompile(`(?:^|[^+"'\w)\s])\s*["']/\w`)

// included are the templates that a config file includes, by name or as *.
func (w *job) included(d *server, config string, in text) []text {
	var all []text
	for _, at := range foundIn(d.include, blankComments(in.body)) {
		pattern := strings.Trim(strings.TrimSpace(in.body[at[0]:at[1]]), `"'`)
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(config), pattern)
		}
		for _, t := range w.Job.Spec.Templates {
			vmPath := path.Join(w.jobDir(), t.Target)
			if ok, err := path.Match(pattern, vmPath); err == nil && ok {
				texts, _ := w.configTexts(vmPath)
				all = append(all, texts...)
			}
		}
	}
	return all
}

// unknownPorts tells of ports that properties without a value hold.
func (w *job) unknownPorts(l *launch, unknown []ports.Listener) {
	for _, o := range unknown {
		w.find("config-unknown", source.Warning, o.At, "%s listens on what the property %s says, which has no default and no value in a sample manifest; if it is a port below 1024, add the capability NET_BIND_SERVICE", l.name, o.Property)
	}
}

// configOf is the config file that a known daemon is told of; where a variable of
// a wrapper stands for the job's folder, the template of that name.
func (w *job) configOf(l *launch) string {
	all := [][]string{argTexts(l.process.Args)}
	for _, u := range l.ways {
		all = append(all, wordTexts(u.Args))
	}
	for _, args := range all {
		i := flagValue(args, l.daemon.config)
		if l.daemon.config == "" || i < 0 {
			continue
		}
		if m := inVariable.FindStringSubmatch(args[i]); m != nil {
			return path.Join(w.jobDir(), m[1])
		}
		return args[i]
	}
	return ""
}

var inVariable = search.MustCompile(`^"?\$\{?\w+\}?/([\w./-]+)"?$`)

// foundIn gives the places of a pattern's first group.
func foundIn(pattern *search.Pattern, body string) [][2]int {
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
	for _, o := range w.launches {
		for _, c := range o.result.Commands {
			if c.Name() == "setcap" && !w.fileCapabilities(l, c.Text+" "+strings.Join(wordTexts(c.Words), " "), c.Span) && o == l {
				w.find("not-understood", source.Warning, c.Span, "which capabilities this gives is not known")
			}
		}
	}
	w.otherSetcaps(l)
	for _, p := range l.variants {
		p.Capabilities = slices.Clone(l.capabilities)
	}
}

// fileCapabilities gives a process what a setcap gives a file, if it tells.
func (w *job) fileCapabilities(l *launch, command string, span source.Span) bool {
	if w.ofOther(l, command) {
		return true
	}
	found := false
	for _, m := range capabilityClause.FindAllStringSubmatch(command, -1) {
		for _, n := range strings.Split(m[1], ",") {
			n = strings.ToUpper(n[len("cap_"):])
			found = true
			if !slices.Contains(l.capabilities, n) {
				l.capabilities = append(l.capabilities, n)
				w.decide(l, at(span), "capabilities: "+n, "setcap has no effect on a process that bpm starts")
			}
		}
	}
	return found
}

// ofOther says whether a setcap names the program of another process of the job,
// and not that of this one.
func (w *job) ofOther(l *launch, command string) bool {
	names := func(l *launch) bool {
		return slices.ContainsFunc(l.ways, func(u *ctl.Launch) bool {
			exe, known := u.Executable.Literal()
			return known && path.IsAbs(exe) && release.NamesPath(command, exe)
		})
	}
	return !names(l) && slices.ContainsFunc(w.launches, func(o *launch) bool { return o != l && names(o) })
}

var (
	// capabilityClause is a list of capabilities that setcap gives.
	capabilityClause = search.MustCompile(`(?i)\b(cap_\w+(?:,cap_\w+)*)[=+]`)
	// setcapLine finds setcap in a script that is not on the start path.
	setcapLine = search.MustCompile(`(?m)^[^#\n]*\b(setcap\s[^\n]*)`)
)

// otherSetcaps looks for setcap in the job's other scripts: the capabilities
// that they give to a file are lost in a container, too.
func (w *job) otherSetcaps(l *launch) {
	for _, t := range w.Job.Spec.Templates {
		f, _, err := w.Job.TemplateFile(t.Target)
		if err != nil || !strings.HasPrefix(t.Target, "bin/") || slices.ContainsFunc(w.launches, func(l *launch) bool {
			return slices.ContainsFunc(l.result.Scripts, func(s *ctl.Script) bool { return s.Original == f })
		}) {
			continue
		}
		for _, m := range setcapLine.FindAllSubmatchIndex(f.Data, -1) {
			w.fileCapabilities(l, string(f.Data[m[2]:m[3]]), source.Span{File: f, Start: m[2], End: m[3]})
		}
	}
}
