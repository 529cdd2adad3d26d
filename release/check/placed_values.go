package check

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ports"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// text is the value of a property, where it is a text that is known.
func (d *deployment) text(name string) (string, bool) {
	n, known := d.property(name)
	if !known || n == nil || n.Kind != yaml.ScalarNode || n.Value == "" {
		return "", false
	}
	return n.Value, true
}

// lowPort is a port below 1024 that the manifest gives a property, with those who
// are told of it.
type lowPort struct {
	property string
	value    source.Span
	at       []source.Span
	names    []string
	sure     truth
}

// ports looks for properties that make a process listen on a port which vcap may
// not open.
func (d *placed) ports() {
	if d.opensLowPorts() {
		return
	}
	var all []*lowPort
	for _, p := range d.processes {
		r := &ports.Reader{Values: d.given}
		direct := d.tellPorts(r, p)
		for _, l := range r.Found {
			if l.Property == "" || !l.Low() || !l.Value.Valid() || d.lowByDefault(l.Property) || d.asks(l.Property) {
				continue
			}
			sure := min(p.runs, d.deployed.at(l.At.File, l.At.Start))
			own := slices.Contains(direct, l.At.File)
			several := slices.ContainsFunc(r.Found, func(o ports.Listener) bool { return o.At == l.At && o.Property != l.Property })
			switch {
			case sure == no, p.Open, d.mayBind(p), !own && d.anotherBinds(p):
				continue
			case !l.Sure || several:
				sure = maybe
			}
			if !own {
				if sure = min(sure, d.ownPort(l, p)); sure == no {
					continue
				}
			}
			i := slices.IndexFunc(all, func(o *lowPort) bool { return o.value == l.Value })
			if i < 0 {
				i = len(all)
				all = append(all, &lowPort{property: l.Property, value: l.Value})
			}
			o, name := all[i], p.Name().Text()
			if !slices.Contains(o.at, l.At) {
				o.at = append(o.at, l.At)
			}
			o.sure = max(o.sure, sure)
			if !slices.Contains(o.names, name) {
				o.names = append(o.names, name)
			}
		}
	}
	for _, o := range all {
		severity, listens := source.Error, "which process "+o.names[0]+" listens on"
		switch {
		case len(o.names) > 1:
			severity, listens = source.Warning, "which one of the processes "+strings.Join(o.names, ", ")+" may listen on"
		case o.sure == maybe:
			severity, listens = source.Warning, "which process "+o.names[0]+" may listen on"
		}
		d.unmet("property-needs-capability", severity, o.value, o.at, "",
			"property %s of job %s is %s, %s\nbpm runs it as vcap without the capability NET_BIND_SERVICE, and a port below 1024 is refused: permission denied\ngive it a port from 1024 on, or ask the release for the capability",
			o.property, d.Name, o.value.Text(), listens)
	}
}

// asks says whether a property is by its name for something that the job asks, and
// does not serve: a database, a message bus.
func (d *placed) asks(property string) bool {
	own := ports.Words(d.Name)
	return slices.ContainsFunc(ports.Words(property), func(word string) bool {
		return !slices.Contains(own, word) && (ports.Asked(word) || strings.HasSuffix(word, "db"))
	})
}

var lastWord = search.MustCompile(`[A-Za-z][\w-]*`)

// ownPort says whether a port in a config file is the process's own: by the word
// before it, or because the property is called like the process, the job or the release.
func (d *placed) ownPort(l ports.Listener, p running) truth {
	f := l.At.File
	line := string(f.Data[f.LineStart(l.At.Start):l.At.Start])
	key := ""
	if words := lastWord.FindAllString(line, -1); len(words) > 0 {
		key = words[len(words)-1]
	}
	for _, word := range ports.Words(key) {
		if word == "listen" || word == "bind" {
			return yes
		}
	}
	own := slices.Concat(ports.Words(d.Name), ports.Words(d.ctx.release.Name), ports.Words(p.Name().Text()))
	parts := strings.Split(l.Property, ".")
	if len(parts) == 1 {
		return yes
	}
	is := func(word string) bool { return slices.Contains(own, word) || ports.Own(word) }
	called := slices.ContainsFunc(ports.Words(parts[0]), is)
	for _, word := range ports.Words(strings.Join(parts[1:len(parts)-1], ".")) {
		called = called && is(word) // cc.locket.port is locket's
	}
	if called {
		return yes
	}
	return no
}

// opensLowPorts says whether a script of the job lets everybody listen there.
func (d *placed) opensLowPorts() bool {
	return slices.ContainsFunc(d.ctx.textsOf(d.Name), func(f *source.File) bool {
		return strings.Contains(string(f.Data), "ip_unprivileged_port_start")
	})
}

// given are the values that the manifest gives a property.
func (d *placed) given(property string) []ports.Value {
	var all []ports.Value
	for name, v := range d.deployed.values {
		if !strings.Contains(v.Text, "((") && sameProperty(name, property) {
			all = append(all, ports.Value{Text: v.Text, Span: v.Span})
		}
	}
	slices.SortFunc(all, func(a, b ports.Value) int { return a.Span.Start - b.Span.Start })
	return all
}

// sameProperty says whether a value is that of a property, or of an item of it;
// * stands for an item in the name.
func sameProperty(have, property string) bool {
	a, b := strings.Split(strings.ReplaceAll(have, "[", ".["), "."), strings.Split(property, ".")
	if len(a) == len(b)+1 && strings.HasPrefix(a[len(b)], "[") {
		a = a[:len(b)]
	}
	return slices.EqualFunc(a, b, func(a, b string) bool { return a == b || b == "*" })
}

// lowByDefault says whether the release gives the property such a port itself:
// then it is not the manifest's doing.
func (d *placed) lowByDefault(property string) bool {
	p, ok := d.Spec.Property(property)
	if !ok || p.Default == nil {
		return false
	}
	for _, v := range manifest.Values(d.Spec.File, p.Default) {
		if port, ok := ports.Of(v.Text); ok && port < 1024 {
			return true
		}
	}
	return false
}

// tellPorts reads what a process is told. direct are the files that are the
// process's own: bpm.yml, and the script that it runs.
func (d *placed) tellPorts(r *ports.Reader, p running) (direct []*source.File) {
	direct = []*source.File{d.doc.File}
	var texts []string
	var args []ports.Argument
	p.Scalars(func(keys []string, n *bpm.Node) {
		switch {
		case len(keys) == 1 && keys[0] == "args":
			args = append(args, ports.Argument{Text: n.Text(), At: n.Span})
		case len(keys) == 2 && keys[0] == "env":
			if kind := ports.Name(keys[1]); kind != "" {
				r.Value(n.Span, n.Text(), kind, true)
			}
		case len(keys) != 1 || keys[0] != "executable":
			return
		}
		text, _ := d.defaulted(n)
		texts = append(texts, text)
	})
	if !asksHost(args) {
		r.Arguments(args)
	}
	if s := d.wrapper(p.ProcessNode); s != nil {
		direct = append(direct, s.file)
		texts = append(texts, s.mentions()...)
		syntax.Walk(s.tree, func(n syntax.Node) bool {
			if c, ok := n.(*syntax.CallExpr); ok {
				if _, exec := s.words(c); exec {
					var args []ports.Argument
					for _, a := range c.Args {
						at := s.span(a)
						args = append(args, ports.Argument{Text: strings.Trim(at.Text(), `"'`), At: at})
					}
					if !asksHost(args) {
						r.Arguments(args)
					}
				}
			}
			return true
		})
	}
	for _, f := range d.configs(texts) {
		r.Config(f, withoutComments(f))
	}
	return direct
}

var (
	hostOption = search.MustCompile(`^--?(?:host|hostname|server|url|uri|endpoint|target|address|addr)(?:=(.*))?$`)
	anyHost    = search.MustCompile(`^(?:0\.0\.0\.0|\*|::|\[::\])?(?::|$)`)
)

// asksHost says whether a command line names a host beside the port: then it may
// be that of another process.
func asksHost(args []ports.Argument) bool {
	for i, a := range args {
		m := hostOption.FindStringSubmatch(a.Text)
		if m == nil {
			continue
		}
		value := m[1]
		if !strings.Contains(a.Text, "=") && i+1 < len(args) {
			value = args[i+1].Text
		}
		if !anyHost.MatchString(value) {
			return true
		}
	}
	return false
}

// mayBind says whether a process has the right to listen on any port, or may have
// it.
func (d *placed) mayBind(p running) bool {
	may := false
	p.Each(func(n *bpm.Node) {
		for _, f := range n.Fields {
			if f.Name() == "unsafe" && f.Value.Has("privileged") && d.deployed.arms(d.doc.File, f.Arms) > no {
				may = true
			}
			if f.Name() != "capabilities" || d.deployed.arms(d.doc.File, f.Arms) == no {
				continue
			}
			f.Value.Each(func(list *bpm.Node) {
				may = may || list.Open || list.Kind != bpm.List
				for _, i := range list.Items {
					name, known := i.Static()
					if (!known || strings.TrimPrefix(name, "CAP_") == "NET_BIND_SERVICE") && d.deployed.arms(d.doc.File, i.Arms) > no {
						may = true
					}
				}
			})
		}
	})
	return may
}

// anotherBinds says whether another process of the job has the right: a config
// file that both read may be meant for that one.
func (d *placed) anotherBinds(p running) bool {
	return slices.ContainsFunc(d.processes, func(o running) bool { return o.Node != p.Node && d.mayBind(o) })
}

// paths runs the rule about paths with the values of the manifest, and tells what
// it does not find with the defaults.
func (d *placed) paths() {
	before := d.byDefault()
	told := map[source.Span]bool{}
	d.tell = func(p bpm.ProcessNode, mounts container.Process, u use, id string, severity source.Severity) {
		name, v := d.origin(u)
		i := slices.IndexFunc(d.processes, func(o running) bool { return o.Node == p.Node })
		if name == "" || i < 0 || before[id+u.at.String()] || told[v.Span] || severity == source.Note {
			return
		}
		switch min(d.processes[i].runs, d.deployed.at(u.at.File, u.at.Start)) {
		case no:
			return
		case maybe:
			severity = min(severity, source.Warning)
		}
		told[v.Span] = true
		d.unmet("property-not-mounted", severity, v.Span, []source.Span{u.at}, "",
			"property %s of job %s is %s, and the container of process %s, which is told of it, does not have %s\ngive it a path that the container has (the process can write below %s), or ask the release for a volume",
			name, d.Name, v.Text, p.Name().Text(), u.path, mountedBy(mounts))
	}
	d.job.paths()
	d.tell = nil
}

// pathsByDefault are the findings about paths with the defaults of the properties,
// by id and place.
func (w *job) pathsByDefault() map[string]bool {
	found := map[string]bool{}
	w.tell = func(_ bpm.ProcessNode, _ container.Process, u use, id string, _ source.Severity) {
		found[id+u.at.String()] = true
	}
	w.paths()
	w.tell = nil
	return found
}

// origin is the property whose value in the manifest makes a path: one that its
// place names, or else its file.
func (d *placed) origin(u use) (name string, value manifest.Value) {
	file := path.Clean(u.path)
	for _, text := range []string{u.at.Text(), string(u.at.File.Data)} {
		for _, n := range erb.Properties(text) {
			v, ok := d.deployed.values[n]
			if !ok || !strings.HasPrefix(v.Text, "/") && !strings.Contains(v.Text, "/var/") || len(v.Text) < len(value.Text) {
				continue
			}
			if strings.Contains(v.Text, file) || container.Below(file, path.Clean(v.Text)) {
				name, value = n, v
			}
		}
		if name != "" {
			break
		}
	}
	return name, value
}
