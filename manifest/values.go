package manifest

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Value is a scalar below some properties. Path is dotted, list items have
// their index: "routes[0].uri".
type Value struct {
	Path, Text string
	Span       source.Span

	node *yaml.Node
}

// Values are all scalars of the job's properties.
func (j Job) Values() []Value { return Values(j.file, j.Properties) }

// Values are all scalars below a node of a file.
func Values(f *source.File, n *yaml.Node) []Value {
	var vs []Value
	collect(f, n, "", 0, &vs)
	return vs
}

func collect(f *source.File, n *yaml.Node, path string, depth int, vs *[]Value) {
	if n = resolve(n); n == nil || depth > 100 {
		return
	}
	switch n.Kind {
	case yaml.ScalarNode:
		*vs = append(*vs, Value{path, n.Value, scalarSpan(f, n), n})
	case yaml.SequenceNode:
		for i, c := range n.Content {
			collect(f, c, fmt.Sprintf("%s[%d]", path, i), depth+1, vs)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			p := n.Content[i].Value
			if path != "" {
				p = path + "." + p
			}
			collect(f, n.Content[i+1], p, depth+1, vs)
		}
	}
}

// scalarSpan spans a scalar that stands on one line as it is written; of
// others it gives the beginning.
func scalarSpan(f *source.File, n *yaml.Node) source.Span {
	s := span(f, n)
	if start := s.Start + quote(n); strings.HasPrefix(string(f.Data[min(start, len(f.Data)):]), n.Value) {
		s.Start, s.End = start, start+len(n.Value)
	}
	return s
}

func quote(n *yaml.Node) int {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 1
	}
	return 0
}

// SpanOf gives the place of a part of the text: exact in one-line scalars
// without escapes and in literal blocks, else where the value begins.
func (v Value) SpanOf(start, end int) source.Span {
	f := v.Span.File
	if v.Span.End > v.Span.Start || v.Text == "" {
		return source.Span{File: f, Start: v.Span.Start + start, End: v.Span.Start + end}
	}
	if v.node.Style&yaml.LiteralStyle == 0 {
		return v.Span
	}
	lines := strings.SplitAfter(v.Text, "\n")
	indent := v.blockIndent()
	if indent < 0 {
		return v.Span
	}
	at := func(offset int) int {
		line := 0
		for line < len(lines)-1 && offset >= len(lines[line]) {
			offset -= len(lines[line])
			line++
		}
		return f.Offset(v.node.Line+1+line, 1) + indent + offset
	}
	s := source.Span{File: f, Start: at(start), End: at(start) + end - start}
	if s.End > len(f.Data) || s.Text() != v.Text[start:end] {
		s.End = s.Start // several lines: the beginning is exact
		if s.Start > len(f.Data) {
			return v.Span
		}
	}
	return s
}

// blockIndent is the indentation of a literal block's content.
func (v Value) blockIndent() int {
	f := v.Span.File
	first := strings.SplitAfter(v.Text, "\n")
	for i, l := range first {
		if strings.TrimSpace(l) == "" {
			continue
		}
		start := f.Offset(v.node.Line+1+i, 1)
		line := string(f.Data[start:f.LineEnd(start)])
		text := strings.TrimRight(l, "\n")
		if n := strings.Index(line, text); n >= 0 && strings.TrimSpace(line[:n]) == "" {
			// leading blanks of the text itself are not indentation
			return n
		}
		return -1
	}
	return -1
}
