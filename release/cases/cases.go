// Package cases makes up the cases in which a job is looked at: the defaults of
// its spec, what sample manifests give it, and values for which the templates
// ask, so that each branch of them is taken once.
//
// It reads templates and evaluates nothing. Whether a template renders with the
// values of a case is package render's business: a job may refuse some of them.
package cases

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Max bounds the cases of a job.
const Max = 60

// Case is one set of property values.
type Case struct {
	// Name is short and unique: "defaults", "if tls.cert", "hosts many".
	Name string
	// Why says what it shows, and where a template asks for it.
	Why string
	// Properties are nested, as a manifest has them.
	Properties map[string]any
	// Links are optional ones that are there in this case.
	Links []string
	// Awkward says that the values have characters in them that shells read.
	Awkward bool
	// made are the values of properties that nobody supplies.
	made map[string]any
}

// Context is the case as templates of the job see it.
func (c Case) Context(j *release.Job) render.Context {
	ctx := render.NewContext(j, c.Properties).Present(c.Links...)
	ctx.Made = c.made
	return ctx
}

// Contexts are those of several cases of a job, in their order. What the cases have
// in common they share.
func Contexts(j *release.Job, all []Case) []render.Context {
	contexts := make([]render.Context, len(all))
	base := render.NewContext(j, nil)
	for i, c := range all {
		if base.Undeclared { // then each case declares what it gives
			contexts[i] = c.Context(j)
			continue
		}
		contexts[i] = base.Present(c.Links...)
		contexts[i].Made = c.made
		if c.Properties != nil {
			contexts[i].Properties = c.Properties
		}
	}
	return contexts
}

// Invented is the property whose made up value a path has, or begins with; ""
// where somebody gives the path.
func (c Case) Invented(name string) string {
	for _, property := range slices.Sorted(maps.Keys(c.made)) {
		if v, ok := c.made[property].(string); ok && len(v) > 1 && v[0] == '/' && (name == v || strings.HasPrefix(name, v+"/")) {
			return property
		}
	}
	for _, part := range strings.Split(name, "/") {
		if property, ok := strings.CutPrefix(part, "p."); ok {
			return property
		}
	}
	return ""
}

// maker makes the cases of a job.
type maker struct {
	// properties are those of the specs, and what templates use below them.
	properties map[string]*property
	declared   []string
	// undeclared says that the job declares none: it sees all of a manifest then.
	undeclared bool
	uses       []use
	cases      []Case
	seen       map[string]bool // by properties and by name
}

// Of gives the cases of a job as it was and as it is now, which may be nil. The
// templates are those of both sides whose output counts; the first ones count
// most, should there be too many cases.
func Of(old, now *release.Job, templates []*source.File, manifests []*manifest.Manifest) []Case {
	m := &maker{properties: map[string]*property{}, seen: map[string]bool{}}
	for _, j := range []*release.Job{old, now} {
		if j == nil || j.Spec == nil {
			continue
		}
		for _, p := range j.Spec.Properties {
			if m.properties[p.Name] == nil {
				m.properties[p.Name] = newProperty(p.Name)
				m.properties[p.Name].description = p.Description
				m.declared = append(m.declared, p.Name)
			}
			var v any
			if own := m.properties[p.Name]; own.def == nil && p.Default != nil && p.Default.Decode(&v) == nil {
				own.def = v
			}
			if own := m.properties[p.Name]; own.example == nil && p.Example != nil {
				own.example = exampleOf(p.Example)
			}
		}
	}
	m.undeclared = len(m.declared) == 0
	for _, f := range templates {
		m.uses = append(m.uses, read(f, m.declares, m.inner)...)
	}
	for _, u := range m.uses {
		p := m.property(u.name)
		p.kinds[u.kind] = true
		if u.line.before != "" {
			p.places[u.line.place()] = true
		}
		p.inner = p.inner || u.kind == entered
		if (u.kind == compared || u.kind == matched) && u.value != nil && !slices.Contains(p.literals, u.value) {
			p.literals = append(p.literals, u.value)
		}
	}
	for name := range m.properties {
		for i, c := range name {
			if p := m.properties[name[:i]]; c == '.' && p != nil {
				p.inner = true
			}
		}
	}
	m.add(Case{Name: "defaults", Why: "the defaults of the spec, and made up values for properties without one", Properties: map[string]any{}})
	placed := m.samples(old, manifests)
	m.awkward()
	first := len(m.cases)
	m.branches()
	m.sizes()
	m.without(placed)
	generated := len(m.cases)
	m.everything()
	if len(m.cases) > generated {
		// its name is the last choice, but it is not the first to go
		all := m.cases[generated]
		m.cases = slices.Insert(m.cases[:generated], first, all)
	}
	made := map[string]any{}
	for name, p := range m.properties {
		if v := p.made(); v != nil {
			made[name] = v
		}
	}
	for i := range m.cases {
		m.cases[i].made = made
	}
	return m.cases[:min(Max, len(m.cases))]
}

// exampleOf is the value of an example in a spec. A text over several lines is a
// picture of the manifest, or a certificate, and no value for an argument.
func exampleOf(n *yaml.Node) any {
	var v any
	if n.Decode(&v) != nil {
		return nil
	}
	if s, ok := v.(string); ok && (s == "" || strings.Contains(s, "\n")) {
		return nil
	}
	return v
}

// declares says whether a spec has the property, or one below or above it.
func (m *maker) declares(name string) bool {
	return m.undeclared || slices.ContainsFunc(m.declared, func(d string) bool {
		return d == name || strings.HasPrefix(d, name+".") || strings.HasPrefix(name, d+".")
	})
}

// inner says whether others lie below a property, as far as the specs tell.
func (m *maker) inner(name string) bool {
	return m.undeclared || m.properties[name] == nil && slices.ContainsFunc(m.declared, func(d string) bool { return strings.HasPrefix(d, name+".") })
}

func newProperty(name string) *property {
	return &property{name: name, kinds: map[useKind]bool{}, places: map[place]bool{}}
}

func (m *maker) property(name string) *property {
	p := m.properties[name]
	if p == nil {
		p = newProperty(name)
		// below one that is declared: p('tls')['cert']
		for _, d := range m.declared {
			if rest, ok := strings.CutPrefix(name, d+"."); ok {
				p.def = at(m.properties[d].def, rest)
			}
		}
		m.properties[name] = p
	}
	return p
}

// at is what lies at a dotted path of a value.
func at(v any, name string) any {
	for _, part := range strings.Split(name, ".") {
		h, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = h[part]
	}
	return v
}

// add adds a case, unless there is an equal one.
func (m *maker) add(c Case) {
	text, err := json.Marshal([]any{c.Properties, c.Links})
	if err != nil || m.seen[string(text)] || m.seen[c.Name] {
		return
	}
	m.seen[string(text)], m.seen[c.Name] = true, true
	m.cases = append(m.cases, c)
}

// samples adds a case for each placement in a manifest.
func (m *maker) samples(j *release.Job, manifests []*manifest.Manifest) []Case {
	var placed []Case
	for _, doc := range manifests {
		for _, g := range doc.Groups {
			for _, entry := range g.Jobs {
				if j == nil || entry.Name != j.Name || entry.Release != "" && entry.Release != j.Release.Name && !strings.Contains(entry.Release, "((") {
					continue
				}
				c := Case{
					Name: fmt.Sprintf("%s, group %s", doc.Path(), g.Name), Properties: m.known(values(entry.Properties)),
					Why: fmt.Sprintf("what %s gives the job", entry.Span.Place()),
				}
				m.add(c)
				placed = append(placed, c)
				m.learn(c.Properties)
			}
		}
	}
	for _, doc := range manifests {
		m.ops(j, doc, placed)
	}
	return placed
}

// learn takes what a manifest gives for samples of the properties.
func (m *maker) learn(values map[string]any) {
	for name, p := range m.properties {
		if v := at(values, name); v != nil && p.sample == nil {
			p.sample = v
		}
	}
}

// ops adds a case for an ops-file that sets properties of the job: on the first
// manifest that places it, or on the defaults.
func (m *maker) ops(j *release.Job, doc *manifest.Manifest, placed []Case) {
	var first manifest.Set
	given := map[string]any{} // by this file alone
	all := map[string]any{}
	if len(placed) > 0 {
		all, _ = clone(placed[0].Properties).(map[string]any)
	}
	for _, s := range doc.Sets() {
		if j == nil || s.Job != "" && s.Job != j.Name || s.Release != "" && s.Release != j.Release.Name && !strings.Contains(s.Release, "((") {
			continue
		}
		v := value(s.Value, s.Property)
		set, ok := v.(map[string]any)
		if _, made := render.IsSynthesized(v); s.Property != "" || made {
			set, ok = map[string]any{}, s.Property != ""
			if ok {
				render.Set(set, s.Property, v)
			}
		}
		// a global one counts where the job declares it
		if set = m.known(set); !ok || len(set) == 0 || m.undeclared && s.Job == "" {
			continue
		}
		if first.Value == nil {
			first = s
		}
		for _, into := range []map[string]any{given, all} {
			if l, ok := at(into, s.Property).([]any); ok && s.Adds {
				more, _ := v.([]any)
				render.Set(into, s.Property, append(slices.Clone(l), more...))
			} else {
				overlay(into, set)
			}
		}
	}
	if first.Value == nil {
		return
	}
	m.add(Case{Name: doc.Path(), Properties: all, Why: fmt.Sprintf("what %s gives the job", first.Span.Place())})
	m.learn(given)
}

// overlay puts values over others, mapping by mapping.
func overlay(into, over map[string]any) {
	for k, v := range over {
		below, ok := v.(map[string]any)
		has, had := into[k].(map[string]any)
		if _, made := render.IsSynthesized(v); ok && had && !made {
			overlay(has, below)
		} else {
			into[k] = v
		}
	}
}

// known are the properties that the job sees.
func (m *maker) known(values map[string]any) map[string]any {
	if m.undeclared {
		return values
	}
	out := map[string]any{}
	for _, name := range m.declared {
		if v := within(values, name); v != nil {
			render.Set(out, name, v)
		}
	}
	return out
}

// within is at, for properties of a manifest: below a variable that stands for
// several there is one for each.
func within(v any, name string) any {
	parts := strings.Split(name, ".")
	for _, part := range parts {
		if _, ok := render.IsSynthesized(v); ok {
			return render.Synthesize(name)
		}
		h, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = h[part]
	}
	return v
}

// branches adds the cases that take the branches of the templates.
func (m *maker) branches() {
	for _, u := range m.simplest() {
		p := m.properties[u.name]
		set := func(name, why string, w ...wish) {
			m.addCase(Case{Name: name, Why: u.at.Place() + " " + why}, append(slices.Clone(u.guards), w...))
		}
		switch u.kind {
		case asked:
			set("if "+u.name, "asks if it is given", wish{u.name, present, nil})
		case nilChecked:
			set("if "+u.name, "asks if it is nil", wish{u.name, present, nil})
		case askedLink:
			set("link "+u.name, "asks for the link", wish{u.name, linked, nil})
		case condition:
			set("if "+u.name, "asks for it", wish{u.name, truthy, nil})
			set("unless "+u.name, "asks for it", wish{u.name, falsy, nil})
		case compared, matched:
			if u.value != nil {
				set(fmt.Sprintf("%s is %v", u.name, u.value), "compares it", wish{u.name, equals, u.value})
			}
			set(u.name+" is another", "compares it", wish{u.name, equals, p.other()})
		case printed:
			if _, ok := p.def.(bool); ok {
				set("if "+u.name, "prints it", wish{u.name, equals, true})
				set("unless "+u.name, "prints it", wish{u.name, equals, false})
			}
		}
	}
}

// simplest gives of each thing that is asked of a property the place with the
// fewest conditions around it, in the order of the templates.
func (m *maker) simplest() []use {
	type key struct {
		name  string
		kind  useKind
		value string
	}
	var out []use
	index := map[key]int{}
	for _, u := range m.uses {
		k := key{u.name, u.kind, fmt.Sprintf("%T%v", u.value, u.value)}
		i, ok := index[k]
		switch {
		case !ok:
			index[k] = len(out)
			out = append(out, u)
		case len(u.guards) < len(out[i].guards):
			out[i] = u
		}
	}
	return out
}

// addCase adds a case in which the wishes hold; the last ones count most. It is
// left out where a manifest cannot make them hold.
func (m *maker) addCase(c Case, wishes []wish) {
	c.Properties = map[string]any{}
	for i, w := range wishes {
		if !m.grant(&c, w) && i == len(wishes)-1 {
			return
		}
	}
	slices.Sort(c.Links)
	m.add(c)
}

// grant makes a wish hold in a case, if it can.
func (m *maker) grant(c *Case, w wish) bool {
	if w.kind == linked || w.kind == unlinked {
		c.Links = slices.DeleteFunc(c.Links, func(l string) bool { return l == w.name })
		if w.kind == linked {
			c.Links = append(c.Links, w.name)
		}
		return true
	}
	p := m.property(w.name)
	value := at(c.Properties, w.name)
	if value == nil {
		value = p.def
	}
	set := func(v any) bool {
		m.set(c.Properties, w.name, v)
		return true
	}
	switch w.kind {
	case present:
		if value != nil {
			return true
		}
		return set(p.fitting())
	case absent:
		remove(c.Properties, w.name)
		return p.def == nil
	case truthy:
		if value != nil && value != any(false) {
			return true
		}
		return set(p.fitting())
	case falsy:
		switch {
		case p.shape() == boolean || p.def == any(true):
			return set(false)
		case p.def == nil:
			remove(c.Properties, w.name) // properties.x is nil
			return true
		}
		return false // a text or a list is true whatever it holds
	case equals:
		if p.shape() == list && shapeOf(w.value) != list {
			return set([]any{w.value})
		}
		return set(w.value)
	case differs:
		if value != nil && fmt.Sprint(value) != fmt.Sprint(w.value) {
			return true
		}
		return set(p.other())
	case filled:
		switch {
		case value != nil && !isEmpty(value):
			return true
		case p.shape() == hash:
			return set(p.entries(1))
		case p.shape() == list:
			return set(p.elements(1))
		}
		return set(p.fitting())
	case empty:
		switch p.shape() {
		case hash:
			return set(map[string]any{})
		case list:
			return set([]any{})
		}
		return set("")
	}
	return false
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// set gives a property a value. Beside one below a declared property stands the
// rest of its default: a manifest's hash takes the place of all of it.
func (m *maker) set(properties map[string]any, name string, v any) {
	if p := m.properties[name]; p != nil && v != nil && reflect.DeepEqual(v, p.def) {
		remove(properties, name)
		return
	}
	for _, d := range m.declared {
		if rest, ok := strings.CutPrefix(name, d+"."); ok && rest != "" && m.properties[name] != nil && at(properties, d) == nil {
			if def, ok := m.properties[d].def.(map[string]any); ok {
				render.Set(properties, d, clone(def))
			}
		}
	}
	render.Set(properties, name, clone(v))
}

// remove takes a property out, and what it leaves empty.
func remove(properties map[string]any, name string) {
	first, rest, deeper := strings.Cut(name, ".")
	if !deeper {
		delete(properties, first)
		return
	}
	if h, ok := properties[first].(map[string]any); ok {
		if _, ok := render.IsSynthesized(h); ok {
			return
		}
		if remove(h, rest); len(h) == 0 {
			delete(properties, first)
		}
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

// sizes adds the cases of lists and hashes: empty, one, many. A text that is
// asked whether it is empty has an empty one, and one that is not.
func (m *maker) sizes() {
	done := map[string]bool{}
	for _, u := range m.simplest() {
		p := m.properties[u.name]
		s := p.shape()
		if done[u.name] || u.kind == askedLink || s != list && s != hash && u.kind != sized || !p.several() {
			continue
		}
		done[u.name] = true
		set := func(name string, v any) {
			m.addCase(Case{Name: u.name + " " + name, Why: fmt.Sprintf("%s goes through it", u.at.Place())}, append(slices.Clone(u.guards), wish{u.name, equals, v}))
		}
		switch s {
		case list:
			set("empty", []any{})
			set("one", p.elements(1))
			set("many", p.elements(3))
		case hash:
			set("empty", map[string]any{})
			set("one", p.entries(1))
			set("many", p.entries(3))
		default:
			if s == number || s == boolean {
				continue
			}
			set("empty", "")
			m.addCase(Case{Name: u.name + " given", Why: fmt.Sprintf("%s asks if it is empty", u.at.Place())}, append(slices.Clone(u.guards), wish{u.name, filled, nil}))
		}
	}
}

// everything adds the case in which all that templates ask for is given.
func (m *maker) everything() {
	c := Case{Name: "everything", Why: "all properties and links that templates ask for are given"}
	var wishes []wish
	for _, u := range m.uses {
		switch u.kind {
		case asked, nilChecked:
			wishes = append(wishes, wish{u.name, present, nil})
		case askedLink:
			wishes = append(wishes, wish{u.name, linked, nil})
		case condition:
			wishes = append(wishes, wish{u.name, truthy, nil})
		}
	}
	if len(wishes) > 1 {
		m.addCase(c, wishes)
	}
}

// without adds the cases of manifests with one property less: where a default is
// nil, and if_p asks for it.
func (m *maker) without(placed []Case) {
	for _, c := range placed {
		for _, u := range m.simplest() {
			if u.kind != asked && u.kind != nilChecked || m.properties[u.name].def != nil || at(c.Properties, u.name) == nil {
				continue
			}
			less, _ := clone(c.Properties).(map[string]any)
			remove(less, u.name)
			m.add(Case{Name: c.Name + " without " + u.name, Why: u.at.Place() + " asks if it is given", Properties: less})
		}
	}
}

// awkward adds the cases with texts that a shell may take apart.
func (m *maker) awkward() {
	names := map[string]bool{}
	for _, u := range m.uses {
		p := m.properties[u.name]
		s := p.shape()
		if u.kind == printed && !p.inner && (s == text || s == unknown) && len(p.literals) == 0 && !p.kinds[matched] {
			names[u.name] = true
		}
	}
	for _, a := range []struct{ name, why, format string }{
		{"values with blanks", "every text that is printed has blanks in it", "%s with  blanks"},
		{"values with quotes", `every text that is printed has quotes, a dollar sign and a backslash in it`, `it's "%s" $b \c`},
	} {
		c := Case{Name: a.name, Why: a.why, Properties: map[string]any{}, Awkward: true}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			value := fmt.Sprintf(a.format, name)
			def, _ := m.properties[name].def.(string)
			if strings.HasPrefix(def, "/") {
				value = path.Join(path.Dir(def+"/"), value)
			} else if w := m.properties[name].place(); def == "" && w != noPath && w != part {
				value = path.Join(path.Dir(placed(w, name)), value)
			}
			m.set(c.Properties, name, value)
		}
		if len(names) > 0 {
			m.add(c)
		}
	}
}
