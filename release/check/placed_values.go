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

// ports looks for properties that make a process listen on a port which vcap may
// not open.
func (d *placed) ports() {
	if d.opensLowPorts() {
		return
	}
	for _, p := range d.processes {
		if p.Open || d.mayBind(p) {
			continue
		}
		r := &ports.Reader{Values: d.given}
		direct := d.tellPorts(r, p)
		told := map[source.Span]bool{}
		for _, l := range r.Found {
			if l.Property == "" || !l.Low() || !l.Value.Valid() || told[l.Value] || d.lowByDefault(l.Property) {
				continue
			}
			sure := min(p.runs, d.deployed.at(l.At.File, l.At.Start))
			several := slices.ContainsFunc(r.Found, func(o ports.Listener) bool { return o.At == l.At && o.Property != l.Property })
			config := !slices.Contains(direct, l.At.File)
			switch {
			case sure == no, config && d.anotherBinds(p):
				continue
			case !l.Sure || several:
				sure = maybe
			}
			told[l.Value] = true
			severity, listens := source.Error, "which process %s listens on"
			if sure == maybe {
				severity, listens = source.Warning, "which process %s may listen on"
			}
			d.find(l.Value, []source.Span{l.At}, "property-needs-capability", severity,
				"property %s of job %s is %s, "+listens+": bpm runs it as vcap without the capability NET_BIND_SERVICE, and a port below 1024 is refused (permission denied); give it a port from 1024 on, or ask the release for the capability",
				l.Property, d.Name, l.Value.Text(), p.Name().Text())
		}
	}
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
	r.Arguments(args)
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
					r.Arguments(args)
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
	before := map[string]bool{}
	plain := newJob(d.Job, d.ctx)
	if !plain.load() {
		return
	}
	plain.tell = func(_ bpm.ProcessNode, _ container.Process, u use, id string, _ source.Severity) {
		before[id+u.at.String()] = true
	}
	plain.paths()
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
		d.find(v.Span, []source.Span{u.at}, "property-not-mounted", severity,
			"property %s of job %s is %s, and the container of process %s, which is told of it, does not have %s; give it a path that the container has (it can write below %s), or ask the release for a volume",
			name, d.Name, v.Text, p.Name().Text(), u.path, mountedBy(mounts))
	}
	d.job.paths()
	d.tell = nil
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
