package manifest

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Value is a scalar below some properties. Path is dotted, list items have
// their index: "routes[0].uri". Span is all of it as it is written, quotes,
// header and indentation included.
type Value struct {
	Path, Text string
	Span       source.Span

	block block // of block scalars
	plain int   // offset of the text where it is written as it is decoded, or -1
}

// maxValues bounds what aliases of aliases can blow up to.
const maxValues = 100_000

// Values are all scalars of the job's properties.
func (j Job) Values() []Value { return j.places.values(j.Properties) }

// Property is what the deployment gives a property, by its dotted name: nil where
// it gives nothing, or null. known is false where a variable stands for it.
func (j Job) Property(name string) (n *yaml.Node, known bool) {
	n = resolve(j.Properties)
	for _, part := range strings.Split(name, ".") {
		if n != nil && n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "((") {
			return nil, false
		}
		n = child(n, part)
	}
	switch {
	case n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, true
	case n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "(("):
		return nil, false
	}
	return n, true
}

// Values are all scalars below a node that was read from the file.
func Values(f *source.File, n *yaml.Node) []Value { return placesOf(f).values(n) }

// Reader is Values for several nodes of one file.
func Reader(f *source.File) func(n *yaml.Node) []Value { return placesOf(f).values }

func (p places) values(n *yaml.Node) []Value {
	if p.f == nil {
		return nil
	}
	var vs []Value
	p.collect(n, "", 0, &vs)
	return vs
}

func (p places) collect(n *yaml.Node, path string, depth int, vs *[]Value) {
	if n = resolve(n); n == nil || depth > 100 || len(*vs) >= maxValues {
		return
	}
	switch n.Kind {
	case yaml.ScalarNode:
		*vs = append(*vs, p.value(n, path))
	case yaml.SequenceNode:
		for i, c := range n.Content {
			p.collect(c, fmt.Sprintf("%s[%d]", path, i), depth+1, vs)
		}
	case yaml.MappingNode:
		for _, e := range entries(n) {
			below := e.key
			if path != "" {
				below = path + "." + e.key
			}
			p.collect(e.value, below, depth+1, vs)
		}
	}
}

func (p places) value(n *yaml.Node, path string) Value {
	_, start := p.behindProperties(n)
	v := Value{Path: path, Text: n.Value, Span: p.at(start, start), plain: -1}
	end, ok := p.end(n)
	if !ok || end < start {
		return v
	}
	v.Span.End = end
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		v.block, _ = p.block(n)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		if bytes.Equal(p.f.Data[start+1:end-1], []byte(n.Value)) {
			v.plain = start + 1
		}
	case bytes.Equal(p.f.Data[start:end], []byte(n.Value)):
		v.plain = start
	}
	return v
}

// SpanOf gives the place of bytes start to end of Text: exact in block scalars
// and in what is written as it is decoded; of a text with escapes, or folded
// over several lines without ">", it is the span of the whole value. A span
// over several lines of a block scalar includes the indentation between them.
func (v Value) SpanOf(start, end int) source.Span {
	f := v.Span.File
	if start < 0 || end < start || end > len(v.Text) {
		return v.Span
	}
	if v.plain >= 0 {
		return source.Span{File: f, Start: v.plain + start, End: v.plain + end}
	}
	if len(v.block.at) == 0 || len(v.block.at) != len(v.Text) {
		return v.Span
	}
	switch {
	case start == len(v.Text):
		behind := v.block.behind(f.Data, start-1)
		return source.Span{File: f, Start: behind, End: behind}
	case start == end:
		return source.Span{File: f, Start: v.block.at[start], End: v.block.at[start]}
	}
	return source.Span{File: f, Start: v.block.at[start], End: v.block.behind(f.Data, end-1)}
}
