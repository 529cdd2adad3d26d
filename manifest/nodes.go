package manifest

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// places converts the positions of yaml.v3 nodes to byte offsets. yaml.v3
// counts columns in characters, does not count a byte order mark, and takes
// more than \n for a line end.
type places struct {
	f     *source.File
	lines []int // nil when source.File's own index says the same
}

var byteOrderMark = []byte("\ufeff")

func placesOf(f *source.File) places {
	p := places{f: f}
	lone := bytes.Count(f.Data, []byte("\r")) != bytes.Count(f.Data, []byte("\r\n"))
	if !lone && !bytes.HasPrefix(f.Data, byteOrderMark) && !bytes.ContainsAny(f.Data, "\u0085\u2028\u2029") {
		return p
	}
	p.lines = []int{0}
	if bytes.HasPrefix(f.Data, byteOrderMark) {
		p.lines[0] = len(byteOrderMark)
	}
	for i := 0; i < len(f.Data); i++ {
		if n := lineBreak(f.Data, i); n > 0 {
			p.lines = append(p.lines, i+n)
			i += n - 1
		}
	}
	return p
}

// lineBreak is the length of the line end at i, 0 when there is none.
func lineBreak(data []byte, i int) int {
	rest := data[i:]
	switch {
	case len(rest) == 0:
		return 0
	case bytes.HasPrefix(rest, []byte("\r\n")):
		return 2
	case rest[0] == '\n' || rest[0] == '\r':
		return 1
	case bytes.HasPrefix(rest, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(rest, []byte("\u2028")), bytes.HasPrefix(rest, []byte("\u2029")):
		return 3
	}
	return 0
}

func (p places) offset(n *yaml.Node) int {
	if p.lines == nil {
		return p.f.Offset(n.Line, n.Column)
	}
	if n.Line < 1 {
		return 0
	}
	if n.Line > len(p.lines) {
		return len(p.f.Data)
	}
	at := p.lines[n.Line-1]
	for column := n.Column; column > 1 && at < len(p.f.Data) && lineBreak(p.f.Data, at) == 0; column-- {
		_, w := utf8.DecodeRune(p.f.Data[at:])
		at += w
	}
	return at
}

func (p places) at(start, end int) source.Span {
	return source.Span{File: p.f, Start: start, End: end}
}

// span is where a node begins, or all of it when that is on one line.
func (p places) span(n *yaml.Node) source.Span {
	start := p.offset(n)
	if end, ok := p.end(n); ok && n.Kind == yaml.ScalarNode && end > start && !bytes.ContainsAny(p.f.Data[start:end], "\r\n") {
		return p.at(start, end)
	}
	return p.at(start, start)
}

// behindProperties skips the anchor and the tag that a node begins with. The
// first result is the end of these, the second the start of the node's text.
func (p places) behindProperties(n *yaml.Node) (end, start int) {
	data := p.f.Data
	start = p.offset(n)
	end = start
	for start < len(data) && (data[start] == '&' || data[start] == '!') {
		for start < len(data) && strings.IndexByte(" \t\r\n", data[start]) < 0 {
			start++
		}
		end = start
		start = p.skipBlank(start, "")
	}
	return end, start
}

// skipBlank skips blanks, line ends, comments and the given bytes.
func (p places) skipBlank(at int, more string) int {
	data := p.f.Data
	for at < len(data) {
		c := data[at]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0 || strings.IndexByte(more, c) >= 0:
			at++
		case c == '#' && at > 0 && strings.IndexByte(" \t\r\n"+more, data[at-1]) >= 0:
			at = p.f.LineEnd(at)
		default:
			return at
		}
	}
	return at
}

// end is the offset behind the last byte of a node: behind the line end for a
// block scalar. yaml.v3 does not tell, so it is found by reading the text along
// with the nodes; false when the two do not agree.
func (p places) end(n *yaml.Node) (int, bool) {
	data := p.f.Data
	behind, start := p.behindProperties(n)
	switch n.Kind {
	case yaml.AliasNode:
		return p.offset(n) + 1 + len(n.Value), true
	case yaml.ScalarNode:
		switch {
		case n.Style&yaml.DoubleQuotedStyle != 0:
			for i := start + 1; i < len(data); i++ {
				switch data[i] {
				case '\\':
					i++
				case '"':
					return i + 1, true
				}
			}
			return 0, false
		case n.Style&yaml.SingleQuotedStyle != 0:
			for i := start + 1; i < len(data); i++ {
				if data[i] != '\'' {
					continue
				}
				if i+1 < len(data) && data[i+1] == '\'' {
					i++
					continue
				}
				return i + 1, true
			}
			return 0, false
		case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
			b, ok := p.block(n)
			return b.end, ok
		case n.Value == "":
			return behind, true
		}
		return p.plainEnd(start, n.Value)
	}
	flow := start < len(data) && (data[start] == '[' || data[start] == '{')
	at := behind
	if flow && n.Style&yaml.FlowStyle != 0 {
		at = start + 1
	}
	for _, c := range n.Content {
		end, ok := p.end(c)
		if !ok {
			return 0, false
		}
		at = max(at, end)
	}
	if !flow || n.Style&yaml.FlowStyle == 0 {
		return at, true
	}
	if at = p.skipBlank(at, ",:"); at < len(data) && (data[at] == ']' || data[at] == '}') {
		return at + 1, true
	}
	return 0, false
}

// plainEnd reads a plain scalar, which may run over several lines.
func (p places) plainEnd(at int, value string) (int, bool) {
	data := p.f.Data
	for i, word := range strings.Fields(value) {
		if i > 0 {
			for at < len(data) && (strings.IndexByte(" \t\r\n", data[at]) >= 0) {
				at++
			}
		}
		if !bytes.HasPrefix(data[at:], []byte(word)) {
			return 0, false
		}
		at += len(word)
	}
	return at, true
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// child gives the value of a key, through aliases and merge keys.
func child(n *yaml.Node, key string) *yaml.Node {
	for _, e := range entries(n) {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

type entry struct {
	key   string
	value *yaml.Node // aliases followed
}

// entries are what a mapping holds for bosh. Its yaml.v2 lets a merge key win
// over the keys above it, against the YAML specification and yaml.v3, and
// every manifest goes through bosh before the Director sees it.
func entries(n *yaml.Node) []entry {
	return merged(n, map[*yaml.Node][]entry{})
}

// merged remembers what it has seen: merges of merges could take for ever else.
func merged(n *yaml.Node, seen map[*yaml.Node][]entry) []entry {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	if out, ok := seen[n]; ok {
		return out
	}
	out := make([]entry, 0, len(n.Content)/2)
	var places map[string]int // made with the first merge, that keys can be met twice
	set := func(e entry) {
		if i, ok := places[e.key]; ok {
			out[i] = e
			return
		}
		if places != nil {
			places[e.key] = len(out)
		}
		out = append(out, e)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), resolve(n.Content[i+1])
		if k.Tag != "!!merge" {
			if k.Kind == yaml.ScalarNode {
				set(entry{k.Value, v})
			}
			continue
		}
		if places == nil {
			places = map[string]int{}
			for i, e := range out {
				places[e.key] = i
			}
		}
		from := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			from = items(v)
		}
		for _, m := range slices.Backward(from) { // the first of a list wins
			for _, e := range merged(m, seen) {
				set(e)
			}
		}
	}
	seen[n] = out
	return out
}

func sequence(n *yaml.Node, key string) *yaml.Node {
	if v := child(n, key); v != nil && v.Kind == yaml.SequenceNode {
		return v
	}
	return nil
}

// items are the entries of a sequence, aliases followed.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = resolve(c)
	}
	return out
}

func text(n *yaml.Node, key string) string {
	if v := child(n, key); v != nil && v.Kind == yaml.ScalarNode && v.Tag != "!!null" {
		return v.Value
	}
	return ""
}

func texts(list *yaml.Node) []string {
	var out []string
	for _, n := range items(list) {
		if n.Kind == yaml.ScalarNode {
			out = append(out, n.Value)
		}
	}
	return out
}
