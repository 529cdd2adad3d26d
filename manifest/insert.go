package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const rule = "add-bpm"

// appendItem inserts a mapping behind the last item of a list, written as its
// neighbour is. More than one edit is needed where the file ends, without a
// line end, in a block scalar whose value would gain one.
func (m *Manifest) appendItem(list *yaml.Node, item []Field) ([]source.Edit, error) {
	if m.isFlow(list) {
		return m.appendFlow(list, item)
	}
	if len(list.Content) == 0 {
		return nil, m.unclear(list)
	}
	return m.appendBlock(list, item)
}

func (m *Manifest) unclear(list *yaml.Node) error {
	return source.Errorf(m.places.span(list), "cannot tell how this list is written; add bpm to it by hand")
}

func (m *Manifest) isFlow(n *yaml.Node) bool {
	_, start := m.places.behindProperties(n)
	return n.Style&yaml.FlowStyle != 0 && start < len(m.File.Data) && (m.File.Data[start] == '[' || m.File.Data[start] == '{')
}

// appendBlock adds "- name: bpm". It goes behind the last line that belongs to
// the last item: a block scalar's lines and comments that are indented deeper
// than the dash do, blank lines and other comments belong to what follows.
func (m *Manifest) appendBlock(list *yaml.Node, item []Field) ([]source.Edit, error) {
	f, data := m.File, m.File.Data
	last := list.Content[len(list.Content)-1]
	end, ok := m.places.end(last)
	if !ok {
		return nil, m.unclear(list)
	}
	dash, ok := m.dashBefore(m.places.offset(last))
	if !ok {
		return nil, m.unclear(list)
	}
	// The first line of a list can share its line with what is around it, such
	// as "? a\n: - name: x": blanks as wide as that keep the column.
	indent := strings.Repeat(" ", len([]rune(string(data[f.LineStart(dash):dash]))))
	if bytes.HasPrefix(data, byteOrderMark) && f.LineStart(dash) == 0 {
		indent = indent[1:]
	}

	at := end
	leaf := lastLeaf(last)
	inBlock := leaf.Kind == yaml.ScalarNode && leaf.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if !inBlock || at != f.LineStart(at) {
		at = f.LineEnd(at)
	}
	for at < len(data) {
		line := string(data[at:f.LineEnd(at)])
		text := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(text, "#") || len(line)-len(text) <= len(indent) {
			break
		}
		at = f.LineEnd(at)
	}

	newline := f.Newline()
	if at >= 2 && data[at-1] == '\n' {
		newline = "\n"
		if data[at-2] == '\r' {
			newline = "\r\n"
		}
	}
	text := m.blockItem(item, list, indent, newline)
	var edits []source.Edit
	if at > 0 && data[at-1] != '\n' {
		text = newline + strings.TrimSuffix(text, newline)
		if inBlock {
			b, _ := m.places.block(leaf)
			switch {
			case !b.open || b.chomp > 0 && data[b.chomp] == '-':
			case b.chomp > 0:
				edits = append(edits, source.Edit{Start: b.chomp, End: b.chomp + 1, New: "-", Rule: rule})
			default:
				edits = append(edits, source.Edit{Start: b.indicator + 1, End: b.indicator + 1, New: "-", Rule: rule})
			}
		}
	}
	return append(edits, source.Edit{Start: at, End: at, New: text, Rule: rule}), nil
}

// insertKey adds a key behind the name of a job.
func (m *Manifest) insertKey(n *yaml.Node, field Field) (source.Edit, error) {
	f, data := m.File, m.File.Data
	name := ownKey(n, "name")
	key := n.Content[slices.Index(n.Content, name)-1]
	end, ok := m.places.end(name)
	start := m.places.offset(key)
	if !ok || bytes.ContainsAny(data[start:end], "\r\n") {
		return source.Edit{}, m.unclear(n)
	}
	if m.isFlow(n) {
		return source.Edit{Start: end, End: end, New: ", " + m.flowField(field, n), Rule: rule}, nil
	}
	indent := strings.Repeat(" ", len([]rune(string(data[f.LineStart(start):start]))))
	if bytes.HasPrefix(data, byteOrderMark) && f.LineStart(start) == 0 {
		indent = indent[1:]
	}
	at := f.LineEnd(end)
	text := indent + quotedLike(field.Key, n) + ": " + scalar(field.Value)
	if at > 0 && data[at-1] != '\n' {
		return source.Edit{Start: at, End: at, New: f.Newline() + text, Rule: rule}, nil
	}
	newline := "\n"
	if bytes.HasSuffix(data[:at], []byte("\r\n")) {
		newline = "\r\n"
	}
	return source.Edit{Start: at, End: at, New: text + newline, Rule: rule}, nil
}

// lastLeaf is the node that a node's text ends with.
func lastLeaf(n *yaml.Node) *yaml.Node {
	for len(n.Content) > 0 && n.Style&yaml.FlowStyle == 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

// dashBefore finds the "-" that introduces the list item at an offset.
func (m *Manifest) dashBefore(at int) (int, bool) {
	f, data := m.File, m.File.Data
	for {
		start := f.LineStart(at)
		before := strings.TrimRight(string(data[start:at]), " \t\r\n")
		if strings.HasSuffix(before, "-") {
			return start + len(before) - 1, true
		}
		// the dash stands on an earlier line, with or without a comment
		if dash := strings.TrimLeft(before, " "); strings.HasPrefix(dash, "- ") && strings.HasPrefix(strings.TrimLeft(dash[1:], " \t"), "#") {
			return start + len(before) - len(dash), true
		}
		if rest := strings.TrimSpace(before); start == 0 || rest != "" && rest[0] != '#' {
			return 0, false
		}
		at = start - 1
	}
}

// blockItem writes an item of a block list: keys quoted and ordered as in the
// nearest neighbour, and in braces where that is.
func (m *Manifest) blockItem(item []Field, list *yaml.Node, indent, newline string) string {
	neighbour := nearestMapping(list)
	item = ordered(item, neighbour)
	if neighbour != nil && m.isFlow(neighbour) {
		return indent + "- " + m.flowItem(item, neighbour) + newline
	}
	gap := " "
	if neighbour != nil && len(neighbour.Content) > 0 {
		if dash, ok := m.dashBefore(m.places.offset(neighbour)); ok {
			column := m.places.offset(neighbour.Content[0]) - m.File.LineStart(m.places.offset(neighbour.Content[0]))
			if n := column - len(indent) - 1; n > 0 && dash-m.File.LineStart(dash) == len(indent) {
				gap = strings.Repeat(" ", n)
			}
		}
	}
	var b strings.Builder
	for i, kv := range item {
		if i == 0 {
			b.WriteString(indent + "-" + gap)
		} else {
			b.WriteString(indent + " " + strings.Repeat(" ", len(gap)))
		}
		b.WriteString(quotedLike(kv.Key, neighbour) + ": " + scalar(kv.Value) + newline)
	}
	return b.String()
}

// nearestMapping is the last item that is written out as a mapping.
func nearestMapping(list *yaml.Node) *yaml.Node {
	for _, n := range slices.Backward(list.Content) {
		if n.Kind == yaml.MappingNode {
			return n
		}
	}
	return nil
}

// ordered sorts an item by the order of its keys in the neighbour; keys that
// it lacks stay behind.
func ordered(item []Field, neighbour *yaml.Node) []Field {
	if neighbour == nil {
		return item
	}
	rank := func(f Field) int {
		for i := 0; i+1 < len(neighbour.Content); i += 2 {
			if neighbour.Content[i].Value == f.Key {
				return i
			}
		}
		return len(neighbour.Content)
	}
	item = slices.Clone(item)
	slices.SortStableFunc(item, func(a, b Field) int { return rank(a) - rank(b) })
	return item
}

func quotedLike(key string, neighbour *yaml.Node) string {
	switch {
	case neighbour == nil || len(neighbour.Content) == 0:
	case neighbour.Content[0].Style&yaml.DoubleQuotedStyle != 0:
		return `"` + key + `"`
	case neighbour.Content[0].Style&yaml.SingleQuotedStyle != 0:
		return "'" + key + "'"
	}
	return key
}

// appendFlow adds an item within the brackets: on a line of its own where the
// last one has that.
func (m *Manifest) appendFlow(list *yaml.Node, item []Field) ([]source.Edit, error) {
	f, data := m.File, m.File.Data
	_, start := m.places.behindProperties(list)
	if len(list.Content) == 0 {
		return []source.Edit{{Start: start + 1, End: start + 1, New: m.flowItem(item, nil), Rule: rule}}, nil
	}
	last := list.Content[len(list.Content)-1]
	end, ok := m.places.end(last)
	if !ok {
		return nil, m.unclear(list)
	}
	neighbour := nearestMapping(list)
	item = ordered(item, neighbour)
	lead := func(at int) (string, bool) {
		s := string(data[f.LineStart(at):at])
		return s, strings.Trim(s, " \t") == ""
	}
	text := ", " + m.flowItem(item, neighbour)
	if indent, own := lead(m.places.offset(last)); own {
		newline := f.Newline()
		text = "," + newline + indent + m.flowItem(item, neighbour)
		if last == neighbour && len(last.Content) > 0 {
			if deeper, own := lead(m.places.offset(last.Content[0])); own {
				text = "," + newline + indent + "{"
				for i, kv := range item {
					if i > 0 {
						text += ","
					}
					text += newline + deeper + m.flowField(kv, neighbour)
				}
				text += newline + indent + "}"
			}
		}
	}
	return []source.Edit{{Start: end, End: end, New: text, Rule: rule}}, nil
}

// flowItem writes {name: bpm, release: bpm} with the neighbour's blanks and
// quotes: JSON stays JSON.
func (m *Manifest) flowItem(item []Field, neighbour *yaml.Node) string {
	blank := ""
	if neighbour != nil {
		if _, start := m.places.behindProperties(neighbour); bytes.HasPrefix(m.File.Data[start:], []byte("{ ")) {
			blank = " "
		}
	}
	var parts []string
	for _, kv := range item {
		parts = append(parts, m.flowField(kv, neighbour))
	}
	return "{" + blank + strings.Join(parts, ", ") + blank + "}"
}

func (m *Manifest) flowField(kv Field, neighbour *yaml.Node) string {
	key, value := quotedLike(kv.Key, neighbour), scalar(kv.Value)
	if key[0] == '"' && value[0] != '"' {
		value = doubleQuoted(kv.Value)
	}
	return key + ": " + value
}

// unmistakable is what every YAML reader, 1.1 or 1.2, block or flow, takes for
// a string when it stands bare: it begins with a letter, or is a version of
// three or more numbers. The exceptions are YAML 1.1's words.
var (
	unmistakable = search.MustCompile(`^(?:[A-Za-z][\w./:?=&%+@-]*[\w/]|[A-Za-z]|\d+(?:\.\d+){2,})$`)
	yamlWord     = search.MustCompile(`(?i)^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$`)
)

// scalar writes a value so that it is read as that string.
func scalar(s string) string {
	if unmistakable.MatchString(s) && !yamlWord.MatchString(s) {
		return s
	}
	return doubleQuoted(s)
}

// doubleQuoted is JSON's form, which YAML shares.
func doubleQuoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
