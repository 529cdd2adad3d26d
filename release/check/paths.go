package check

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// use is a path that a process is told of.
type use struct {
	path  string
	at    source.Span
	write bool
	// waits says that a script goes on only when it is there.
	waits bool
	// from says where it stands: bpm.yml, the wrapper, or a config file, which
	// may say more than the process makes use of.
	config bool
	// shared says that the config file is one that another job has, too, or
	// that another process of the job has the path: it may be for that one.
	shared bool
	// included says that another config file names this one, not the process's
	// own arguments, environment or script.
	included bool
}

// absolute finds paths that may need a volume: below /var/vcap, and folders of
// the host that are no part of URLs.
var absolute = search.MustCompile(`(?:/var/vcap/[A-Za-z0-9_-]+|/var/run|/var/log|/var/lib|/run|/dev/log|/dev/kmsg|/dev/fuse|/home|/opt|/srv|/mnt)(?:/[A-Za-z0-9_.@+*-]+)*/?`)

// pathsIn finds the paths in a text; what is behind an unknown part is left
// out, with the name that it is part of.
func pathsIn(text string) [][2]int {
	var all [][2]int
	for _, m := range absolute.FindAllStringIndex(text, -1) {
		if m[0] > 0 && (isPathByte(text[m[0]-1]) || text[m[0]-1] == '}') {
			continue // part of a longer path, or of a URL
		}
		end := m[1]
		if end < len(text) && (isPathByte(text[end]) || strings.IndexByte("$<{\x00", text[end]) >= 0) && text[end-1] != '/' {
			end = strings.LastIndexByte(text[:end], '/')
		}
		for end > m[0] && (text[end-1] == '/' || text[end-1] == '.') {
			end--
		}
		if strings.Count(text[m[0]:end], "/") > 1 {
			all = append(all, [2]int{m[0], end})
		}
	}
	return all
}

func isPathByte(c byte) bool {
	return c == '/' || c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// mounts is the container of a process as its configuration says; open says
// that it may have more volumes than are known.
func (w *job) mounts(p bpm.ProcessNode) (c container.Process, open bool) {
	c = container.Process{Job: w.Name, EphemeralDisk: p.Has("ephemeral_disk"), PersistentDisk: p.Has("persistent_disk")}
	volumes := func(list *bpm.Node) (all []bpm.Volume) {
		open = open || list.Open || list.Kind != bpm.List
		for _, i := range list.Items {
			paths := i.Get("path")
			if len(paths) == 0 {
				open = true
			}
			for _, n := range paths {
				v, known := w.defaulted(n)
				if !known {
					open = true
					continue
				}
				all = append(all, bpm.Volume{Path: v, Writable: i.Has("writable"), AllowExecutions: i.Has("allow_executions"), MountOnly: i.Has("mount_only")})
			}
		}
		return all
	}
	for _, list := range p.Get("additional_volumes") {
		c.Additional = append(c.Additional, volumes(list)...)
	}
	for _, u := range p.Get("unsafe") {
		open = open || u.Kind != bpm.Map || u.Open
		for _, list := range u.Get("unrestricted_volumes") {
			c.Unrestricted = append(c.Unrestricted, volumes(list)...)
		}
	}
	open = open || p.Open
	return c, open
}

// defaulted is the text of a value with the defaults of the properties that it
// prints, or with the values that a deployment gives them.
func (w *job) defaulted(n *bpm.Node) (string, bool) {
	var b strings.Builder
	known := true
	for _, piece := range n.Value {
		if piece.Ruby == "" {
			b.WriteString(piece.Text)
			continue
		}
		dir := strings.HasPrefix(piece.Ruby, "File.dirname(") && strings.HasSuffix(piece.Ruby, ")")
		code := piece.Ruby
		if dir {
			code = strings.TrimSuffix(strings.TrimPrefix(code, "File.dirname("), ")")
		}
		v, ok := w.propertyDefault(code)
		switch {
		case !ok:
			known = false
			b.WriteString(unknown)
		case dir:
			b.WriteString(path.Dir(v))
		default:
			b.WriteString(v)
		}
	}
	return b.String(), known
}

// propertyDefault is the default of the property that an expression prints, or
// the value that a deployment gives it.
func (w *job) propertyDefault(code string) (string, bool) {
	props := erb.Properties(code)
	if len(props) != 1 || !plainProperty(code) {
		return "", false
	}
	if w.deployed != nil {
		return w.deployed.text(props[0])
	}
	prop, ok := w.Spec.Property(props[0])
	if !ok || prop.Default == nil || prop.Default.Kind != yaml.ScalarNode || prop.Default.Value == "" {
		return "", false
	}
	return prop.Default.Value, true
}

// paths holds what a process is told of against what its container has.
func (w *job) paths() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		mounts, open := w.mounts(p)
		if mounts.Job == "" {
			continue
		}
		var uses []use
		var texts []string
		p.Scalars(func(keys []string, n *bpm.Node) {
			if len(keys) == 0 || keys[0] != "args" && keys[0] != "env" && keys[0] != "workdir" && keys[0] != "executable" {
				return
			}
			text, _ := w.defaulted(n)
			texts = append(texts, text)
			if a := mounts.Access(text); keys[0] == "executable" && a.There && !a.Exec && !open {
				w.find("noexec-path", source.Error, n.Span, "from %s, where this lies, the container cannot execute anything (noexec); put the program elsewhere, or mount its folder with allow_executions", a.Mount)
			}
			if len(keys) == 2 && (keys[1] == "HOME" || keys[1] == "PATH" || strings.HasSuffix(keys[1], "_PATH") && strings.Contains(text, ":")) {
				return // may name what is not there
			}
			for _, m := range pathsIn(text) {
				uses = append(uses, use{path: text[m[0]:m[1]], at: n.Span})
			}
		})
		if s := w.wrapper(p); s != nil {
			used := s.uses()
			for _, u := range used {
				texts = append(texts, u.path)
			}
			texts = append(texts, s.mentions()...)
			uses = append(uses, used...)
		}
		direct := w.named(texts)
		for _, f := range w.configs(texts) {
			stem, _, _ := strings.Cut(path.Base(f.Name), ".")
			shared := stem != w.Name && w.ctx.release.Job(stem) != nil
			for _, u := range w.configUses(f) {
				u.included = !slices.Contains(direct, f)
				u.shared = shared || w.another(p, u.path)
				uses = append(uses, u)
			}
		}
		seen := map[string]bool{}
		for _, u := range uses {
			w.use(p, mounts, open, u, seen)
		}
	}
}

// another says whether another process of the job has a path in its container.
func (w *job) another(p bpm.ProcessNode, file string) bool {
	for _, o := range w.doc.Processes() {
		if o.Node == p.Node {
			continue
		}
		if mounts, _ := w.mounts(o); mounts.Access(path.Clean(file)).There {
			return true
		}
	}
	return false
}

// writesPid are programs known to write the pidfile that their config names.
var writesPid = search.MustCompile(`^(redis-|valkey-|nats|gnatsd|haproxy|mongo|openvpn|stunnel|memcached|mysqld|postgres|squid|vsftpd|supervisord)`)

// use reports a path that the container does not have, or not so.
func (w *job) use(p bpm.ProcessNode, mounts container.Process, open bool, u use, seen map[string]bool) {
	file := path.Clean(u.path)
	place := container.Locate(w.Name, file)
	if container.Below(file, "/var/vcap/sys/run/bpm") || container.Below(file, "/var/vcap/jobs/bpm") {
		return
	}
	a := mounts.Access(file)
	if w.unreachable(u.at) {
		return
	}
	name := "process " + p.Name().Text()
	says := name + " is told of"
	if u.waits {
		says = name + " waits for"
	}
	if a.There {
		if u.write && !a.Writable && !seen["w"+file] {
			seen["w"+file] = true
			switch place.Kind {
			case container.Job, container.Packages, container.System:
				w.find("read-only-path", source.Error, u.at, "%s writes to %s, which is read-only in its container (%s); write to the job's own data folder, or do this in bin/pre-start", name, u.path, a.Mount)
			}
		}
		return
	}
	severity := source.Error
	switch {
	case u.shared:
		severity = source.Note
	case u.config || u.waits:
		severity = source.Warning
	}
	report := func(id, key, format string, args ...any) {
		if w.tell != nil {
			w.tell(p, mounts, u, id, severity)
			return
		}
		// one finding for what several processes share
		place := u.at.String() + id
		if seen[id+key] || w.told[place] {
			return
		}
		seen[id+key], w.told[place] = true, true
		w.find(id, severity, u.at, format, args...)
	}
	switch place.Kind {
	case container.Data, container.Store:
		key, on := "ephemeral_disk", "/var/vcap/data"
		if place.Kind == container.Store {
			key, on = "persistent_disk", "/var/vcap/store"
		}
		switch {
		case place.Owner == w.Name:
			report("own-disk-missing", key, "%s %s, and its container has no %s/%s; give the process %s: true", says, u.path, on, w.Name, key)
		case place.Owner == "" || open:
		case place.Folder == file && path.Ext(file) != "":
			report("lone-file", file, "%s %s, which lies in a folder that belongs to no job and is not in its container; give it a folder of its own below %s", says, u.path, path.Join(path.Dir(file), w.Name))
		default:
			report("path-not-mounted", place.Folder, "%s %s, which its container does not have; add %s to additional_volumes%s", says, u.path, place.Folder, w.mountOnly(place.Owner))
		}
	case container.Run, container.SysTmp:
		if place.Owner == "" || open || place.Owner == "bpm" {
			return
		}
		if path.Ext(file) == ".pid" && u.config {
			severity = source.Note
			for _, n := range p.Get("executable") {
				switch v, _ := n.Static(); {
				case path.Base(v) == "nginx":
					severity = source.Error // it does not start then
				case writesPid.MatchString(path.Base(v)):
					severity = source.Warning
				}
			}
			if severity == source.Note && (u.shared || u.included) {
				return // nothing says that this process writes it
			}
			report("config-clash", file, "%s has no %s in its container, so that it cannot write this pidfile; some daemons do not start then. bpm and monit do not need it", name, place.Folder)
			return
		}
		if place.Folder == file && path.Ext(file) != "" {
			report("lone-file", file, "%s %s, which lies in a folder that belongs to no job and is not in its container; give it a folder of its own below %s", says, u.path, path.Join(path.Dir(file), w.Name))
			return
		}
		if place.Owner != w.Name {
			report("path-not-mounted", place.Folder, "%s %s, which its container does not have: nothing of %s is there", says, u.path, path.Dir(place.Folder))
			return
		}
		report("path-not-mounted", place.Folder, "%s %s, which its container does not have (bpm makes %s, and does not mount it); add it to additional_volumes", says, u.path, place.Folder)
	case container.Log:
		if place.Owner == "" || open {
			return
		}
		if place.Folder == file && path.Ext(file) != "" {
			report("lone-file", file, "%s %s, which lies in a folder that belongs to no job and is not in its container; give it a folder of its own below %s", says, u.path, path.Join(path.Dir(file), w.Name))
			return
		}
		report("path-not-mounted", place.Folder, "%s %s, which its container does not have: of /var/vcap/sys/log it has %s only", says, u.path, "/var/vcap/sys/log/"+w.Name)
	case container.Job:
		if place.Owner == "" || open {
			return
		}
		report("path-not-mounted", place.Folder, "%s %s, and its container has no folder of another job; add what it needs to unsafe.unrestricted_volumes (or to additional_volumes with mount_only)", says, u.path)
	case container.Agent, container.Device, container.HostRun, container.HostLog:
		switch {
		case open:
		case file == "/dev/log":
			report("syslog-socket", file, "%s /dev/log, the socket of the host's syslog, which its container does not have; let it log to stdout, or add the socket to unsafe.unrestricted_volumes", says)
		default:
			report("host-path", file, "%s %s, which is the host's and not in its container; add it to unsafe.unrestricted_volumes if it is needed", says, u.path)
		}
	case container.Home, container.Host:
		if open || u.config {
			return
		}
		severity = min(severity, source.Warning)
		report("host-path", file, "%s %s, which is the host's and not in its container; add it to unsafe.unrestricted_volumes if it is needed", says, u.path)
	}
}

// mountOnly advises for a folder of another job.
func (w *job) mountOnly(owner string) string {
	if owner == w.Name {
		return ""
	}
	return " with mount_only"
}

// volumeOwners finds volumes of others that bpm would make its own: whatever
// additional_volumes has without mount_only gets mode 0700 and the owner vcap.
func (w *job) volumeOwners() {
	if w.doc == nil {
		return
	}
	for _, p := range w.doc.Processes() {
		for _, list := range p.Get("additional_volumes") {
			for _, i := range list.Items {
				if i.Has("mount_only") || i.Open {
					continue
				}
				for _, n := range i.Get("path") {
					v, ok := n.Static()
					if !ok {
						continue
					}
					place := container.Locate(w.Name, v)
					switch {
					case place.Owner == "" || place.Owner == w.Name:
					case place.Kind == container.Job:
						w.find("volume-of-another", source.Warning, n.Span, "%s belongs to the job %s, and bpm gives it to vcap alone (mode 0700) at every start; add mount_only: true", v, place.Owner)
					case place.Kind == container.Packages:
						w.find("volume-of-another", source.Warning, n.Span, "%s is a package, which other jobs use too, and bpm gives it to vcap alone (mode 0700) at every start", v)
					}
				}
			}
		}
	}
}

// uses are the paths that a script's commands name, those that it only asks for
// left out.
func (s *script) uses() []use {
	asked := map[string]bool{}
	ask := func(n syntax.Node) {
		syntax.Walk(n, func(n syntax.Node) bool {
			if word, ok := n.(*syntax.Word); ok {
				for _, m := range pathsIn(s.text(word)) {
					asked[s.text(word)[m[0]:m[1]]] = true
				}
			}
			return true
		})
	}
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.TestClause:
			ask(n)
		case *syntax.CallExpr:
			if words, _ := s.words(n); len(words) > 0 && (words[0] == "[" || words[0] == "test") {
				ask(n)
			}
		}
		return true
	})
	called := s.called()
	var all []use
	for _, other := range s.sourced {
		other.calls = called
		all = append(all, other.uses()...)
	}
	add := func(word *syntax.Word, write bool) {
		text := s.text(word)
		for _, m := range pathsIn(text) {
			if !asked[text[m[0]:m[1]]] {
				all = append(all, use{path: text[m[0]:m[1]], at: s.span(word), write: write})
			}
		}
	}
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			return called[n.Name.Value]
		case *syntax.WhileClause:
			if word := s.awaited(n); word != nil {
				text := s.text(word)
				for _, m := range pathsIn(text) {
					all = append(all, use{path: text[m[0]:m[1]], at: s.span(word), waits: true})
				}
			}
		case *syntax.Assign:
			if n.Value != nil && n.Name != nil && !strings.HasSuffix(n.Name.Value, "PATH") && n.Name.Value != "HOME" && s.exported(n) {
				add(n.Value, false)
			}
		case *syntax.Redirect:
			write := n.Op == syntax.RdrOut || n.Op == syntax.AppOut || n.Op == syntax.RdrAll || n.Op == syntax.AppAll || n.Op == syntax.RdrClob
			if n.Word != nil && (write || n.Op == syntax.RdrIn) {
				text := s.text(n.Word)
				if write && strings.HasPrefix(text, "/var/vcap/") && !asked[text] && !strings.Contains(text, unknown) {
					all = append(all, use{path: text, at: s.span(n.Word), write: true})
				} else {
					add(n.Word, write)
				}
			}
		case *syntax.CallExpr:
			words, _ := s.words(n)
			if len(words) == 0 {
				return true
			}
			skip := len(n.Args) - len(words)
			for i, word := range n.Args[skip:] {
				write := false
				switch path.Base(words[0]) {
				case "echo", "printf", "logger", "[", "test":
					return true
				case "mkdir", "touch", "tee", "rm", "chown", "chmod":
					write = i > 0
				case "cp", "mv", "ln", "install":
					write = i > 1 && i == len(words)-1
				}
				text := words[i]
				if write && strings.HasPrefix(text, "/var/vcap/packages/") && !strings.Contains(text, unknown) {
					all = append(all, use{path: text, at: s.span(word), write: true})
					continue
				}
				add(word, write)
			}
		}
		return true
	})
	return all
}

// awaited is the file until whose coming a loop turns; nil where it waits for
// something else.
func (s *script) awaited(loop *syntax.WhileClause) *syntax.Word {
	if len(loop.Cond) != 1 {
		return nil
	}
	missing := loop.Cond[0].Negated != loop.Until
	switch c := loop.Cond[0].Cmd.(type) {
	case *syntax.TestClause:
		x := c.X
		if not, ok := x.(*syntax.UnaryTest); ok && not.Op == syntax.TsNot {
			missing, x = !missing, not.X
		}
		if is, ok := x.(*syntax.UnaryTest); ok && missing {
			if word, ok := is.X.(*syntax.Word); ok && slices.Contains(asksForFile, is.Op.String()) {
				return word
			}
		}
	case *syntax.CallExpr:
		words, _ := s.words(c)
		if len(words) == 0 || words[0] != "[" && words[0] != "test" {
			return nil
		}
		at := 1
		if len(words) > at && words[at] == "!" {
			missing, at = !missing, at+1
		}
		if len(words) > at+1 && missing && slices.Contains(asksForFile, words[at]) && len(c.Args) == len(words) {
			return c.Args[at+1]
		}
	}
	return nil
}

// asksForFile are the tests that fail as long as a file is not there.
var asksForFile = strings.Fields("-e -a -f -d -S -s -r -p")

// called are the names of what a script and those that it sources call.
func (s *script) called() map[string]bool {
	names := map[string]bool{}
	for name := range s.calls {
		names[name] = true
	}
	for _, one := range append(s.sourced[:len(s.sourced):len(s.sourced)], s) {
		syntax.Walk(one.tree, func(n syntax.Node) bool {
			if c, ok := n.(*syntax.CallExpr); ok {
				for _, word := range c.Args {
					names[one.text(word)] = true
				}
			}
			return true
		})
	}
	return names
}

// exported says whether an assignment is one of "export A=b" or "A=b command".
func (s *script) exported(a *syntax.Assign) bool {
	found := false
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DeclClause:
			found = found || n.Variant.Value == "export" && slices.Contains(n.Args, a)
		case *syntax.CallExpr:
			found = found || len(n.Args) > 0 && slices.Contains(n.Assigns, a)
		}
		return !found
	})
	return found
}

// mentions are the texts of a script in which config files are named.
func (s *script) mentions() []string {
	var all []string
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		if word, ok := n.(*syntax.Word); ok {
			all = append(all, s.text(word))
		}
		return true
	})
	return all
}
