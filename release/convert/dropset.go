package convert

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	opsfiles "github.com/bosh-bpmify/bosh-bpmify/ops-files"
	"github.com/bosh-bpmify/bosh-bpmify/release/flag"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// setting is a place that gives a flag a value.
type setting struct {
	value *yaml.Node
	// mapping is the job whose own properties have it; nil elsewhere.
	mapping *yaml.Node
	what    string
	// op is that of an ops-file, whose path says it; removes says that it takes the
	// property away, or all that lies beside it.
	op      *yaml.Node
	removes bool
}

// unset takes a flag out of the deployment manifests of the release, and tells of
// the places that set it and are not edited. It comes behind what else changes in
// the manifests.
func (p *Plan) unset(o Options, converted []manifest.Need) {
	if o.DropFlag == "" || len(converted) == 0 {
		return
	}
	u := newUnsetting(p, o, converted)
	dirs := slices.DeleteFunc(p.Release.Folders(), func(d string) bool { return slices.Contains(notManifests, d) })
	seen := map[string]bool{}
	var files []*source.File
	for _, name := range p.Release.Glob(isYAML, append(dirs, slices.DeleteFunc(slices.Clone(manifestDirs), func(d string) bool { return slices.Contains(dirs, d) })...)...) {
		f, err := p.Release.Read(name)
		if err != nil || seen[name] || opsfiles.Generated(f.Data) {
			continue
		}
		seen[name] = true
		files = append(files, f)
	}
	for _, f := range o.Manifests {
		if !seen[f.Name] {
			files = append(files, f)
		}
	}
	// ops-files last: they apply to what the manifests have become
	for _, last := range []bool{false, true} {
		for _, f := range files {
			if opsLike.Match(f.Data) == last {
				u.file(f)
			}
		}
	}
	u.mentions(dirs)
}

type unsetting struct {
	p     *Plan
	flag  string
	parts []string
	jobs  map[string]bool
	// named are the manifests that the user named; no others are edited then.
	named []*source.File
	// edited are the manifests that lost the setting: before and after that.
	edited []lost
}

// lost is a manifest with a setting and without it.
type lost struct {
	name          string
	before, after []byte
}

var opsLike = search.MustCompile(`(?m)^(?:- | +)["']?path["']?: *["']?/`)

func newUnsetting(p *Plan, o Options, converted []manifest.Need) *unsetting {
	u := &unsetting{p: p, flag: o.DropFlag, parts: strings.Split(o.DropFlag, "."), jobs: map[string]bool{}, named: o.Manifests}
	for _, n := range converted {
		u.jobs[n.Job] = true
	}
	return u
}

// stale tells of generated ops-files that set the flag and are not generated again:
// another one serves their manifests now, or they were made for others.
func (p *Plan) stale(o Options, converted []manifest.Need) {
	if o.DropFlag == "" || len(converted) == 0 {
		return
	}
	u := newUnsetting(p, o, converted)
	now := p.Files()
	for _, name := range p.Release.Glob(isYAML, ".") {
		f, err := p.Release.Read(name)
		if _, changed := now[name]; err != nil || changed || !opsfiles.Generated(f.Data) {
			continue
		}
		if all := u.settings(f.Data); len(all) > 0 {
			u.find("drop-flag-set", source.Warning, u.place(f, all[0].value), "this generated ops-file sets %s, which is gone, and no file of that name is generated any more: delete it, or make it again with bosh-bpmify ops", u.flag)
		}
	}
}

func (u *unsetting) find(id string, severity source.Severity, at source.Span, format string, args ...any) {
	u.p.Findings = append(u.p.Findings, source.Diagnostic{ID: id, Severity: severity, Span: at, Message: fmt.Sprintf(format, args...)})
}

// file tells of the settings of a file, and edits those that are true and stand in
// the properties of a job of a deployment manifest.
func (u *unsetting) file(f *source.File) {
	defer u.broken(f)
	settings := u.settings(f.Data)
	if len(settings) == 0 {
		return
	}
	m, err := manifest.Read(f)
	edits := err == nil && m.Deploys() && !expected.MatchString(path.Dir(f.Name)) && (u.named == nil || slices.Contains(u.named, f))
	clean, stay := 0, []setting(nil)
	for _, s := range settings {
		at := u.place(f, s.value)
		switch {
		case s.removes:
			u.find("drop-flag-set", source.Warning, at, "this op takes %s away for %s; the property is gone%s: take the op out, and see that the deployment works with bpm", u.flag, s.what, u.refused(s.op))
		case isFalse(s.value):
			u.find("drop-flag-off", source.Error, at, "%s is false for %s: this deployment runs the old form, which is gone. See that it works with bpm, and take the property out", u.flag, s.what)
		case isNull(s.value):
			u.find("drop-flag-set", source.Warning, at, "%s has no value for %s, so that its default counted; the property is gone: take it out, and see that the deployment works with bpm", u.flag, s.what)
		case strings.Contains(s.value.Value, "(("):
			u.find("drop-flag-set", source.Warning, at, "%s is a variable for %s; the property is gone: take it out, and see that it was true", u.flag, s.what)
		case s.mapping == nil || !edits:
			stay = append(stay, s)
		default:
			clean++
		}
	}
	if len(stay) > 0 {
		var related []source.Span
		var what []string
		fails := ""
		for _, s := range stay {
			if fails == "" && s.op != nil {
				fails = u.refused(s.op)
			}
			related = append(related, u.place(f, s.value))
			if !slices.Contains(what, s.what) {
				what = append(what, s.what)
			}
		}
		u.p.Findings = append(u.p.Findings, source.Diagnostic{ID: "drop-flag-set", Severity: source.Warning, Span: related[0], Related: related[1:],
			Message: fmt.Sprintf("this sets %s for %s; the property is gone%s: take it out here, too", u.flag, strings.Join(what, ", "), fails)})
	}
	if clean > 0 {
		u.edit(f)
	}
}

// edit takes the settings out, one at a time.
func (u *unsetting) edit(f *source.File) {
	change := &Change{Name: f.Name, Before: f, After: f.Data, Mode: f.Mode}
	fresh := true
	for i := range u.p.Changes {
		if u.p.Changes[i].Name == f.Name {
			change, fresh = &u.p.Changes[i], false
		}
	}
	after := change.After
	told := map[source.Span]bool{}
	for skipped := 0; ; {
		settings := slices.DeleteFunc(u.settings(after), func(s setting) bool {
			return s.mapping == nil || isFalse(s.value) || isNull(s.value) || strings.Contains(s.value.Value, "((")
		})
		if len(settings) <= skipped {
			break
		}
		next, err := u.without(f.Name, after, settings[skipped])
		if err == nil {
			after = next
			continue
		}
		_, message := source.Split(err)
		if at := u.stood(f, settings[skipped]); !told[at] { // several jobs may share one
			told[at] = true
			u.find("drop-flag-set", source.Warning, at, "this sets %s for %s and is not edited: %s", u.flag, settings[skipped].what, message)
		}
		skipped++
	}
	if bytes.Equal(change.After, after) {
		return
	}
	u.edited = append(u.edited, lost{f.Name, change.After, after})
	change.After = after
	change.Why = strings.TrimPrefix(change.Why+"; "+u.flag+" goes", "; ")
	if fresh {
		u.p.Changes = append(u.p.Changes, *change)
	}
}

// stood is where a setting stands in a file as it was: what has been taken out of it
// since then stood elsewhere.
func (u *unsetting) stood(f *source.File, of setting) source.Span {
	for _, s := range u.settings(f.Data) {
		if s.mapping != nil && s.what == of.what && s.value.Value == of.value.Value {
			return u.place(f, s.value)
		}
	}
	return source.Span{File: f}
}

// refused says that bosh cannot apply an op to a manifest any more.
func (u *unsetting) refused(op *yaml.Node) string {
	text, err := yaml.Marshal(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{op}})
	if err != nil {
		return ""
	}
	var names []string
	for _, m := range u.edited {
		if opsfiles.Applies(m.before, text) == nil && opsfiles.Applies(m.after, text) != nil {
			names = append(names, m.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", and bosh cannot apply it to " + strings.Join(names, ", ") + " any more"
}

// broken tells of the ops that do not speak of the flag, and need what stood in a
// manifest for its sake only.
func (u *unsetting) broken(f *source.File) {
	var root yaml.Node
	if len(u.edited) == 0 || !opsLike.Match(f.Data) || yaml.Unmarshal(f.Data, &root) != nil || len(root.Content) == 0 || root.Content[0].Kind != yaml.SequenceNode {
		return
	}
	for _, op := range root.Content[0].Content {
		at := keyed(op, "path")
		if at == nil || !strings.Contains(at.Value, "/properties") {
			continue
		}
		if _, told := u.setting(op); told {
			continue
		}
		if why := u.refused(op); why != "" {
			u.find("drop-flag-set", source.Warning, u.place(f, at), "%s is gone%s: change the op, or take it out", u.flag, strings.Replace(why, "apply it", "apply this op", 1))
		}
	}
}

// without is a manifest without one of its settings.
func (u *unsetting) without(name string, data []byte, s setting) ([]byte, error) {
	edits, err := flag.DropEntry(&source.File{Name: name, Data: data}, []*yaml.Node{s.mapping}, append([]string{"properties"}, u.parts...)...)
	if err != nil {
		return nil, err
	}
	next, err := source.Apply(data, edits)
	if err == nil && len(u.settings(next)) != len(u.settings(data))-1 {
		err = fmt.Errorf("the edited file does not say what it should")
	}
	return next, err
}

func (u *unsetting) place(f *source.File, n *yaml.Node) source.Span {
	at := f.Offset(n.Line, n.Column)
	return source.Span{File: f, Start: at, End: at + len(n.Value)}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func isFalse(n *yaml.Node) bool {
	switch strings.ToLower(n.Value) {
	case "false", "no", "off":
		return n.Kind == yaml.ScalarNode && n.Style == 0
	}
	return false
}

// settings finds the places of a YAML file that give the flag a value: the
// properties of jobs that lose it, those that all jobs of a group or a deployment
// see, and the paths of ops.
func (u *unsetting) settings(data []byte) []setting {
	var root yaml.Node
	named := bytes.Contains(data, []byte(u.parts[len(u.parts)-1])) || opsLike.Match(data) && bytes.Contains(data, []byte(u.parts[0]))
	if !named || yaml.Unmarshal(data, &root) != nil {
		return nil
	}
	var all []setting
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		if depth > 100 {
			return
		}
		if n.Kind == yaml.MappingNode {
			if s, ok := u.setting(n); ok {
				all = append(all, s)
			}
		}
		for _, c := range n.Content {
			walk(c, depth+1)
		}
	}
	walk(&root, 0)
	return all
}

func (u *unsetting) setting(n *yaml.Node) (setting, bool) {
	name, op := keyed(n, "name"), keyed(n, "path")
	if op != nil && op.Kind == yaml.ScalarNode && strings.HasPrefix(op.Value, "/") {
		return u.op(n, op.Value)
	}
	v := keyed(n, append([]string{"properties"}, u.parts...)...)
	if v == nil {
		return setting{}, false
	}
	group := keyed(n, "jobs") != nil || keyed(n, "templates") != nil || keyed(n, "instance_groups") != nil || name == nil
	rel := keyed(n, "release")
	switch {
	case group:
		return setting{value: v, what: "all jobs that see these properties"}, true
	case !u.jobs[name.Value], rel != nil && rel.Value != u.p.Release.Name && !strings.Contains(rel.Value, "(("):
		return setting{}, false
	}
	return setting{value: v, mapping: n, what: "job " + name.Value}, true
}

var (
	opName = search.MustCompile(`/(?:jobs|templates)/name=([^/?:]+)`)
)

// op is one of an ops-file: its path leads to the property, or to a mapping that
// its value gives the property in.
func (u *unsetting) op(n *yaml.Node, where string) (setting, bool) {
	job := opName.FindStringSubmatch(where)
	what := "the jobs that it reaches"
	if job != nil {
		if !u.jobs[job[1]] {
			return setting{}, false
		}
		what = "job " + job[1]
	}
	_, below, found := strings.Cut(strings.ReplaceAll(where, "?", ""), "/properties")
	if !found {
		return setting{}, false
	}
	keys := strings.Split(strings.Trim(below, "/"), "/")
	if below == "" {
		keys = nil
	}
	if len(keys) > len(u.parts) || !slices.Equal(keys, u.parts[:len(keys)]) {
		return setting{}, false
	}
	if kind := keyed(n, "type"); kind != nil && kind.Value == "remove" {
		if len(keys) == 0 || u.besideFlag(keys) {
			return setting{}, false
		}
		return setting{value: keyed(n, "path"), what: what, op: n, removes: true}, true
	}
	v := keyed(n, append([]string{"value"}, u.parts[len(keys):]...)...)
	if v == nil {
		return setting{}, false
	}
	return setting{value: v, what: what, op: n}, true
}

// besideFlag says whether a job has other properties below some keys.
func (u *unsetting) besideFlag(keys []string) bool {
	above := strings.Join(keys, ".") + "."
	for _, j := range u.p.Release.Jobs {
		if j.Err != nil || !u.jobs[j.Name] {
			continue
		}
		for _, p := range j.Spec.Properties {
			if p.Name != u.flag && strings.HasPrefix(p.Name, above) {
				return true
			}
		}
	}
	return false
}

// keyed follows keys through mappings.
func keyed(n *yaml.Node, keys ...string) *yaml.Node {
	for _, k := range keys {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == k {
				next = n.Content[i+1]
			}
		}
		n = next
	}
	return n
}

// mentions tells of documents, tests and scripts that speak of the property.
func (u *unsetting) mentions(dirs []string) {
	named := search.MustCompile(u.pattern())
	text := func(name string) bool {
		switch path.Ext(name) {
		case ".md", ".rb", ".sh", ".go", ".py", ".txt", ".html", ".adoc", ".rst":
			return true
		}
		return path.Ext(name) == "" && !strings.HasPrefix(path.Base(name), ".")
	}
	names := u.p.Release.Glob(text, dirs...)
	for _, n := range u.p.Release.Glob(text, ".") {
		if !strings.Contains(n, "/") {
			names = append(names, n)
		}
	}
	for _, j := range u.p.Release.Jobs {
		if u.jobs[j.Name] {
			names = append(names, u.p.Release.Glob(func(string) bool { return true }, j.Dir())...)
		}
	}
	after := u.p.Files()
	for _, name := range names {
		f, err := u.p.Release.Read(name)
		if err != nil || bytes.IndexByte(f.Data, 0) >= 0 {
			continue
		}
		now := f.Data
		if a, changed := after[name]; changed {
			if a == nil {
				continue
			}
			now = a.Data
		}
		if !named.Match(now) {
			continue
		}
		d := source.Diagnostic{ID: "drop-flag-mentioned", Severity: source.Note, Message: u.flag + " is gone, and is still spoken of here"}
		// where the file changes, its lines have other numbers now
		for i, m := range named.FindAllIndex(f.Data, -1) {
			at := source.Span{File: f, Start: m[0], End: m[1]}
			if !bytes.Contains(now, bytes.TrimRight([]byte(at.Line()), "\r\n")) {
				continue
			}
			if !d.Span.Valid() || i == 0 {
				d.Span = at
			} else {
				d.Related = append(d.Related, at)
			}
		}
		if d.Span.Valid() {
			u.p.Findings = append(u.p.Findings, d)
		}
	}
}

// pattern finds the name of the property, and its parts below each other in one
// line of Ruby, JSON, YAML or a path of an op.
func (u *unsetting) pattern() string {
	quoted := make([]string, len(u.parts))
	for i, part := range u.parts {
		quoted[i] = search.QuoteMeta(part)
	}
	forms := []string{`\b` + search.QuoteMeta(u.flag) + `\b`}
	if len(quoted) > 1 {
		forms = append(forms, strings.Join(quoted, `["']?\]?\s*(?:=>|:|\?/|/|\[)\s*\{?\s*["':]?`)+`\b`)
		if last := u.parts[len(u.parts)-1]; strings.Contains(last, "bpm") {
			forms = append(forms, `\b`+search.QuoteMeta(last)+`\b`)
		}
	}
	return strings.Join(forms, "|")
}
