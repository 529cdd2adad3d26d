package flag

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// DropProperty gives the edit that takes a property out of a spec, with the
// comments that are about it. A spec without it has none to make.
func DropProperty(spec *source.File, property string) ([]source.Edit, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(spec.Data, &root); err != nil {
		return nil, source.Errorf(source.Span{File: spec}, "%v", err)
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil, nil
	}
	return DropEntry(spec, []*yaml.Node{root.Content[0]}, "properties", property)
}

// DropEntry takes the entry at the end of a path of keys out of the last of the
// mappings, and the mappings below it that have no other entry with it. The last
// mapping itself, where it is left with nothing, becomes {}: somebody gave the
// key, and an empty value is not the same as none.
func DropEntry(f *source.File, mappings []*yaml.Node, keys ...string) ([]source.Edit, error) {
	at := mappings[len(mappings)-1]
	for i, k := range keys {
		if at.Kind != yaml.MappingNode {
			return nil, nil
		}
		mappings = append(mappings[:len(mappings):len(mappings)], at)
		n := entry(at, k)
		if n < 0 {
			return nil, nil
		}
		if i < len(keys)-1 {
			at = at.Content[n+1]
		}
	}
	// the highest one that has nothing else, below the first key
	last := len(keys) - 1
	chain := mappings[len(mappings)-len(keys):]
	for last > 1 && len(chain[last].Content) == 2 {
		last--
	}
	parent := chain[last]
	if parent.Anchor != "" {
		return nil, source.Errorf(place(f, parent), "%s cannot be taken out of a mapping that has an anchor", keys[len(keys)-1])
	}
	if len(parent.Content) == 2 && parent.Style&yaml.FlowStyle != 0 {
		start := place(f, parent).Start
		end, err := closing(f, parent, start+1)
		return []source.Edit{{Start: start, End: end + 1, New: "{}", Rule: "drop-flag"}}, err
	}
	i := entry(parent, keys[last])
	if len(parent.Content) == 2 && last > 0 {
		key := chain[last-1].Content[entry(chain[last-1], keys[last-1])]
		return emptied(f, key, parent, i)
	}
	if parent.Style&yaml.FlowStyle != 0 {
		return flowEntry(f, parent, i)
	}
	start, end, err := blockEntry(f, parent, i, strings.Join(keys, "."))
	return []source.Edit{{Start: start, End: end, Rule: "drop-flag"}}, err
}

// entry is the index of a key in the content of a mapping, -1 for none.
func entry(m *yaml.Node, key string) int {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func place(f *source.File, n *yaml.Node) source.Span {
	at := f.Offset(n.Line, n.Column)
	return source.Span{File: f, Start: at, End: at}
}

var keyEnd = search.MustCompile(`^(?:"[^"\n]*"|'[^'\n]*'|[^\s:#]+)\s*:[ \t]*(?:#[^\n]*)?\r?\n`)

// emptied writes {} behind the key of a mapping that loses its only entry.
func emptied(f *source.File, key, m *yaml.Node, i int) ([]source.Edit, error) {
	start, end, err := blockEntry(f, m, i, m.Content[i].Value)
	if err != nil {
		return nil, err
	}
	at := place(f, key).Start
	head := keyEnd.Find(f.Data[at:])
	if head == nil {
		return nil, source.Errorf(place(f, key), "%s cannot be taken out of this mapping", m.Content[i].Value)
	}
	colon := at + strings.IndexByte(string(head), ':') + 1
	return []source.Edit{{Start: colon, End: colon, New: " {}", Rule: "drop-flag"}, {Start: max(start, at+len(head)), End: end, Rule: "drop-flag"}}, nil
}

// closing is where the brace stands that ends a flow mapping; from is inside of it.
func closing(f *source.File, m *yaml.Node, from int) (int, error) {
	depth := 0
	for at := from; at < len(f.Data); at++ {
		switch f.Data[at] {
		case '"', '\'', '#':
			return 0, source.Errorf(place(f, m), "quotes and comments in this mapping keep it from being edited")
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at, nil
			}
			depth--
		}
	}
	return 0, source.Errorf(place(f, m), "this mapping is not closed")
}

// flowEntry takes an entry out of {a: b, c: d}.
func flowEntry(f *source.File, m *yaml.Node, i int) ([]source.Edit, error) {
	start := place(f, m.Content[i]).Start
	if i+2 < len(m.Content) {
		return []source.Edit{{Start: start, End: place(f, m.Content[i+2]).Start, Rule: "drop-flag"}}, nil
	}
	comma := strings.LastIndexByte(string(f.Data[:start]), ',')
	end, err := closing(f, m, place(f, m.Content[i+1]).Start)
	if err != nil {
		return nil, err
	}
	if comma < 0 || comma < place(f, m).Start {
		return nil, source.Errorf(place(f, m), "%s cannot be taken out of this mapping", m.Content[i].Value)
	}
	return []source.Edit{{Start: comma, End: end, Rule: "drop-flag"}}, nil
}

// blockEntry are the lines of an entry, with the comments above that name one of
// the keys, and with one of the empty lines around it.
func blockEntry(f *source.File, m *yaml.Node, i int, name string) (start, end int, err error) {
	key, val := m.Content[i], m.Content[i+1]
	at := place(f, key).Start
	start = f.LineStart(at)
	if !blank(f.Data[start:at]) || val.Anchor != "" {
		return 0, 0, source.Errorf(place(f, key), "%s does not stand on lines of its own", key.Value)
	}
	width := at - start
	for end = f.LineEnd(at); end < len(f.Data); {
		next := end
		for next < len(f.Data) && blankLine(f, next) {
			next = f.LineEnd(next)
		}
		line := string(f.Data[next:f.LineEnd(next)])
		indent := len(line) - len(strings.TrimLeft(line, " "))
		item := val.Kind == yaml.SequenceNode && indent == width && strings.HasPrefix(line[indent:], "-")
		if line == "" || indent <= width && !item {
			break
		}
		end = f.LineEnd(next)
	}
	for start > 0 {
		above := f.LineStart(start - 1)
		line := string(f.Data[above:start])
		if indent := len(line) - len(strings.TrimLeft(line, " ")); indent != width || !strings.HasPrefix(line[indent:], "#") || !about(line, name) {
			break
		}
		start = above
	}
	before := start == 0 || blankLine(f, start-1) || i == 0
	after := end < len(f.Data) && blankLine(f, end)
	switch {
	case before && after:
		end = f.LineEnd(end)
	case end >= len(f.Data) && start > 0 && blankLine(f, start-1):
		start = f.LineStart(start - 1)
	}
	return start, end, nil
}

// about says whether a comment is about a property: it has the name or one of its
// longer words.
func about(comment, name string) bool {
	words := strings.FieldsFunc(strings.ToLower(comment), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r == '_') })
	for _, w := range strings.Split(strings.ToLower(name), ".") {
		if w != "properties" && w != "enabled" && slices.Contains(words, w) {
			return true
		}
	}
	return strings.Contains(comment, name)
}
