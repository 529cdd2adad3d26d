package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Need is a job that runs under bpm.
type Need struct{ Job, Release string }

// Pin is the bpm release that a manifest is to use; the zero Pin means the
// latest one that the Director has.
type Pin struct{ Version, URL, SHA1 string }

// Change is one addition, for the report.
type Change struct {
	What string
	Span source.Span
}

// GroupsRunning gives the groups that place one of the jobs. A job without a
// release matches by its name.
func (m *Manifest) GroupsRunning(needs []Need) []*Group {
	var groups []*Group
	for _, g := range m.Groups {
		if g.Runs(needs) != nil {
			groups = append(groups, g)
		}
	}
	return groups
}

// Runs gives the first job of the group that is one of the needed ones.
func (g *Group) Runs(needs []Need) *Job {
	for i, j := range g.Jobs {
		for _, n := range needs {
			if j.Name == n.Job && (j.Release == "" || j.Release == n.Release) {
				return &g.Jobs[i]
			}
		}
	}
	return nil
}

// BPM gives the group's own bpm job, nil when it has none.
func (g *Group) BPM() *Job {
	for i, j := range g.Jobs {
		if j.Name == "bpm" && (j.Release == "bpm" || j.Release == "") {
			return &g.Jobs[i]
		}
	}
	return nil
}

// Windows says whether the group's VMs run Windows, where there is no bpm.
func (g *Group) Windows() bool { return strings.HasPrefix(g.OS, "windows") }

// BPMAddon gives the addon that brings bpm, nil when there is none.
func (m *Manifest) BPMAddon() *Addon {
	for i, a := range m.Addons {
		for _, j := range a.Jobs {
			if j.Name == "bpm" {
				return &m.Addons[i]
			}
		}
	}
	return nil
}

// BPMRelease gives the entry of releases for bpm, nil when there is none.
func (m *Manifest) BPMRelease() *Release {
	for i, r := range m.Releases {
		if r.Name == "bpm" {
			return &m.Releases[i]
		}
	}
	return nil
}

// Lacking gives the groups that need bpm and do not have it, or an error where
// that cannot be told.
func (m *Manifest) Lacking(needs []Need) ([]*Group, error) {
	var groups []*Group
	for _, g := range m.GroupsRunning(needs) {
		if g.BPM() == nil && !g.Windows() {
			groups = append(groups, g)
		}
	}
	addon := m.BPMAddon()
	if addon == nil || len(groups) == 0 {
		return groups, nil
	}
	if addon.Filtered {
		return nil, source.Errorf(addon.Span, "an addon brings bpm to some groups only, and its filter is not evaluated by this version; add bpm to the groups that it misses by hand")
	}
	return nil, nil
}

// AddBPM plans the additions that give bpm to every group that needs it: only
// lines are added. No edits means that everything is there. When the result
// would not be the old manifest plus exactly the additions, it is an error.
func (m *Manifest) AddBPM(needs []Need, pin Pin) ([]source.Edit, []Change, error) {
	if !m.Deploys() {
		return nil, nil, source.Errorf(source.Span{File: m.File}, "is no deployment manifest but: %s", m.Kind)
	}
	lacking, err := m.Lacking(needs)
	if err != nil {
		return nil, nil, err
	}
	running := m.GroupsRunning(needs)
	wantsRelease := len(lacking) > 0
	for _, g := range running {
		wantsRelease = wantsRelease || g.BPM() != nil
	}
	wantsRelease = wantsRelease && m.BPMRelease() == nil
	if len(lacking) == 0 && !wantsRelease {
		return nil, nil, nil
	}
	if m.Kind == V1 {
		return nil, nil, source.Errorf(running[0].Span, "this manifest has the old jobs/templates form, which is not edited; add bpm to releases and to the templates of %q", running[0].Name)
	}
	var edits []source.Edit
	var changes []Change
	var additions []addition
	if wantsRelease {
		if m.releases == nil {
			return nil, nil, source.Errorf(span(m.File, m.root.Content[0]), "has no list of releases that bpm could be added to")
		}
		if m.Kind == CreateEnv && pin.URL == "" {
			return nil, nil, source.Errorf(span(m.File, m.releases), "a create-env manifest needs a url and sha1 for every release, and none is known for bpm")
		}
		fields := [][2]string{{"name", "bpm"}, {"version", pin.version()}}
		if pin.URL != "" {
			fields = append(fields, [2]string{"url", pin.URL}, [2]string{"sha1", pin.SHA1})
		}
		e, err := m.appendItem(m.releases, fields)
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, e)
		additions = append(additions, addition{m.releases, fields})
		changes = append(changes, Change{"release bpm", span(m.File, m.releases)})
	}
	job := [][2]string{{"name", "bpm"}, {"release", "bpm"}}
	done := map[*yaml.Node]bool{}
	for _, g := range lacking {
		changes = append(changes, Change{"job bpm in instance group " + g.Name, g.Span})
		if done[g.jobs] {
			continue // one list that several groups share
		}
		done[g.jobs] = true
		e, err := m.appendItem(g.jobs, job)
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, e)
		additions = append(additions, addition{g.jobs, job})
	}
	if err := m.verify(edits, additions); err != nil {
		return nil, nil, err
	}
	return edits, changes, nil
}

func (p Pin) version() string {
	if p.Version == "" {
		return "latest"
	}
	return p.Version
}

// appendItem inserts a mapping behind the last item of a sequence, written as
// its neighbours are.
func (m *Manifest) appendItem(seq *yaml.Node, fields [][2]string) (source.Edit, error) {
	if len(seq.Content) == 0 && seq.Style&yaml.FlowStyle == 0 {
		return source.Edit{}, source.Errorf(span(m.File, seq), "cannot tell how a list without items is written")
	}
	if seq.Style&yaml.FlowStyle != 0 {
		return m.appendFlow(seq, fields)
	}
	f, nl := m.File, m.File.Newline()
	first := span(f, seq.Content[0]).Start
	if seq.Content[0].Kind == yaml.AliasNode || seq.Content[0].Anchor != "" {
		first = f.LineStart(first) + bytes.IndexByte(f.Data[f.LineStart(first):], '-') + 1
		for first < len(f.Data) && f.Data[first] == ' ' {
			first++
		}
	}
	head := string(f.Data[f.LineStart(first):first])
	dash := strings.LastIndexByte(head, '-')
	if dash < 0 {
		return source.Edit{}, source.Errorf(span(f, seq), "cannot tell how this list is written")
	}
	// the first item may stand behind its key's other text, such as "- - a"
	if strings.TrimSpace(head[:dash]) != "" {
		return source.Edit{}, source.Errorf(span(f, seq), "cannot tell how this list is indented")
	}
	indent, gap := head[:dash], head[dash+1:]
	if gap == "" {
		gap = " "
	}
	var b strings.Builder
	last := seq.Content[len(seq.Content)-1]
	if last.Kind == yaml.MappingNode && last.Style&yaml.FlowStyle != 0 {
		b.WriteString(indent + "-" + gap + flowItem(fields, last) + nl)
	} else {
		for i, kv := range fields {
			if i == 0 {
				b.WriteString(indent + "-" + gap)
			} else {
				b.WriteString(indent + " " + strings.Repeat(" ", len(gap)))
			}
			b.WriteString(kv[0] + ": " + scalar(kv[1]) + nl)
		}
	}
	at := m.contentEnd(seq, len(indent))
	text := b.String()
	if at > 0 && f.Data[at-1] != '\n' {
		text = nl + strings.TrimSuffix(text, nl)
	}
	return source.Edit{Start: at, End: at, New: text, Rule: "manifest"}, nil
}

// contentEnd is the offset behind the last line that belongs to a block
// sequence whose dashes stand in column dash: comments and blank lines behind
// it belong to what follows, unless they are text of a block scalar or comments
// indented like the last item's own lines.
func (m *Manifest) contentEnd(seq *yaml.Node, dash int) int {
	f := m.File
	var flat []*yaml.Node
	flatten(m.root, &flat)
	lastLeaf := seq
	limit := len(f.Data)
	for i, n := range flat {
		if n != seq {
			continue
		}
		end := i + count(seq)
		lastLeaf = flat[end-1]
		if end < len(flat) {
			limit = f.LineStart(span(f, flat[end]).Start)
		}
		break
	}
	start := span(f, lastLeaf).Start
	block := lastLeaf.Kind == yaml.ScalarNode && lastLeaf.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	indent := -1 // of the block scalar's text
	end := f.LineEnd(start)
	for at := end; at < limit; {
		next := f.LineEnd(at)
		line := strings.TrimRight(string(f.Data[at:next]), "\r\n")
		trimmed := strings.TrimLeft(line, " ")
		width := len(line) - len(trimmed)
		blank := strings.TrimSpace(line) == ""
		if block && indent < 0 && !blank {
			indent = width
		}
		switch {
		case blank:
		case width == 0 && (strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")):
			return end
		case strings.HasPrefix(trimmed, "#") && !(block && width >= indent) && !(width > dash && at == end):
		default:
			end = next
		}
		at = next
	}
	return end
}

// flatten lists the nodes in the order of the file, aliases not followed.
func flatten(n *yaml.Node, out *[]*yaml.Node) {
	*out = append(*out, n)
	for _, c := range n.Content {
		flatten(c, out)
	}
}

func count(n *yaml.Node) int {
	total := 1
	for _, c := range n.Content {
		total += count(c)
	}
	return total
}

// appendFlow inserts before the closing bracket of [a, b].
func (m *Manifest) appendFlow(seq *yaml.Node, fields [][2]string) (source.Edit, error) {
	f := m.File
	start := span(f, seq).Start
	if i := bytes.IndexByte(f.Data[start:], '['); i >= 0 {
		start += i // behind an anchor or a tag
	}
	content, closing := flowEnd(f.Data, start)
	if closing < 0 {
		return source.Edit{}, source.Errorf(span(f, seq), "cannot find the end of this list")
	}
	var last *yaml.Node
	if n := len(seq.Content); n > 0 {
		last = seq.Content[n-1]
	}
	text := flowItem(fields, last)
	switch {
	case last == nil:
	case f.Data[content-1] == ',':
		text = " " + text
	default:
		text = ", " + text
	}
	return source.Edit{Start: content, End: content, New: text, Rule: "manifest"}, nil
}

// flowEnd finds the bracket that closes the one at start, and the end of the
// last thing before it that is neither blank nor comment.
func flowEnd(data []byte, start int) (content, closing int) {
	depth := 0
	for i := start; i < len(data); i++ {
		c := data[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '#':
			if i > 0 && strings.IndexByte(" \t\n", data[i-1]) >= 0 {
				for i < len(data) && data[i] != '\n' {
					i++
				}
				continue
			}
		case '"', '\'':
			for i++; i < len(data) && data[i] != c; i++ {
				if c == '"' && data[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
		case ']', '}':
			depth--
			if depth == 0 {
				return content, i
			}
		}
		content = i + 1
	}
	return 0, -1
}

// flowItem writes {name: bpm, release: bpm}, with quoted keys where the
// neighbour has them (JSON).
func flowItem(fields [][2]string, neighbour *yaml.Node) string {
	quoted := neighbour != nil && neighbour.Kind == yaml.MappingNode && len(neighbour.Content) > 0 &&
		neighbour.Content[0].Style&yaml.DoubleQuotedStyle != 0
	var parts []string
	for _, kv := range fields {
		if quoted {
			parts = append(parts, fmt.Sprintf("%q: %q", kv[0], kv[1]))
		} else {
			parts = append(parts, kv[0]+": "+scalar(kv[1]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// scalar writes a value so that no YAML reader takes it for anything but a
// string: versions and checksums are quoted.
func scalar(s string) string {
	if s == "bpm" || s == "latest" {
		return s
	}
	return fmt.Sprintf("%q", s)
}

// addition is an item that a sequence gets.
type addition struct {
	to     *yaml.Node
	fields [][2]string
}

// verify applies the edits in memory and holds the result against the old
// manifest with the items added to its tree, where aliases and merge keys see
// them too.
func (m *Manifest) verify(edits []source.Edit, additions []addition) error {
	after, err := source.Apply(m.File.Data, edits)
	if err != nil {
		return fmt.Errorf("%s: %w", m.File.Name, err)
	}
	var got, want any
	if err := yaml.Unmarshal(after, &got); err != nil {
		return fmt.Errorf("%s: with bpm added it would not be YAML any more (%w); add it by hand", m.File.Name, err)
	}
	for _, a := range additions {
		item := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, kv := range a.fields {
			for _, v := range kv {
				item.Content = append(item.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v})
			}
		}
		old := a.to.Content
		a.to.Content = append(old[:len(old):len(old)], item)
		defer func() { a.to.Content = old }()
	}
	if err := m.root.Decode(&want); err != nil {
		return yamlError(m.File, err)
	}
	if !reflect.DeepEqual(got, want) {
		return source.Errorf(source.Span{File: m.File}, "with bpm added it would say something else as well; add bpm by hand")
	}
	return nil
}
