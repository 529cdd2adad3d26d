package bpm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Read reads the template of a bpm.yml in one of the three ways in which they
// are written: YAML, YAML with ERB, and a hash of Ruby that is dumped. Nothing
// is executed: what comes from properties is unknown, both arms of a condition
// are there. Broken ERB is an error with a place; what is not understood is in
// the document's Unread.
func Read(f *source.File) (*Document, error) {
	t, err := erb.Parse(f)
	if err != nil {
		return nil, err
	}
	d := &Document{File: f, Format: "yaml"}
	e := evaluate(t)
	if dumps(t) {
		d.fromRuby(e)
		return d, nil
	}
	r := &yamlReader{doc: d, template: t, ruby: e}
	r.read()
	return d, nil
}

var (
	dumpCall     = search.MustCompile(`\bYAML\.dump\b|\.to_yaml\b|\bJSON\.(?:dump|generate|pretty_generate)\b|\.to_json\b`)
	processesKey = search.MustCompile(`(?m)^\s*["']?processes["']?\s*:`)
)

// dumps says whether Ruby prints the whole document.
func dumps(t *erb.Template) bool {
	dump := false
	for _, s := range t.Segments {
		switch s.Kind {
		case erb.Text:
			if processesKey.Match(t.File.Data[s.Start:s.End]) {
				return false
			}
		case erb.Expr:
			dump = dump || dumpCall.Match(t.File.Data[s.Start:s.End])
		}
	}
	return dump
}

// yamlReader reads YAML out of which the ERB was taken: what a tag prints is a
// word that stands for it.
type yamlReader struct {
	doc      *Document
	template *erb.Template
	ruby     *evaluator
	text     *source.File
	tags     []erb.Segment
	// following are the anchors under way, nodes counts what was read: aliases
	// may lead in a circle, or multiply.
	following map[*yaml.Node]bool
	nodes     int
}

// maxNodes bounds what aliases make of a file.
const maxNodes = 100_000

var placeholder = search.MustCompile(`zERB(\d+)z`)

func (r *yamlReader) read() {
	var root yaml.Node
	r.arrange(false)
	err := yaml.Unmarshal(r.text.Data, &root)
	if err != nil && len(r.template.Segments) > 1 {
		// a tag that prints lines of its own
		r.arrange(true)
		if yaml.Unmarshal(r.text.Data, &root) == nil {
			r.doc.Open = true
			err = nil
		}
	}
	if err != nil {
		r.broken(err)
		return
	}
	if len(root.Content) == 0 {
		return
	}
	r.doc.Root = r.node(root.Content[0])
}

var errorLine = search.MustCompile(`line (\d+): `)

// broken notes an error of the YAML parser. Where tags are about it may be that
// no deployment gets to see it.
func (r *yamlReader) broken(err error) {
	at := 0
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := errorLine.FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1])
		at = r.text.Offset(line, 1)
		text = strings.Replace(text, m[0], "", 1)
	}
	f, offset := r.text.Original(at)
	r.doc.Open = true
	r.doc.Unread = append(r.doc.Unread, Unread{
		Span: source.Span{File: f, Start: offset, End: max(offset, f.LineEnd(offset)-1)}, Why: text,
		Broken: !r.template.HasTags(), Whole: true,
	})
}

// arrange makes the text that YAML is read from. With lone, lines that hold
// nothing but a tag that prints are left out.
func (r *yamlReader) arrange(lone bool) {
	data := r.template.File.Data
	var parts []source.Part
	r.tags = nil
	cut := 0 // text before this offset is gone
	for i, s := range r.template.Segments {
		switch s.Kind {
		case erb.Text:
			start, end := max(s.Start, cut), s.End
			if i+1 < len(r.template.Segments) && r.template.Segments[i+1].TrimLeft {
				for end > start && (data[end-1] == ' ' || data[end-1] == '\t') {
					end--
				}
			}
			if end > start {
				parts = append(parts, source.Part{Start: start, End: end})
			}
			continue
		case erb.Expr:
			if lone && len(bytes.TrimSpace(data[r.template.File.LineStart(s.Start):s.Start])) == 0 && len(bytes.TrimSpace(data[s.End:r.template.File.LineEnd(s.End)])) == 0 {
				parts = append(parts, source.Part{Start: s.Start, End: s.End, New: "# "})
				f := r.template.File
				r.doc.Unread = append(r.doc.Unread, Unread{Span: source.Span{File: f, Start: s.Start, End: s.End}, Why: "the lines that this prints are not known"})
				break
			}
			parts = append(parts, source.Part{Start: s.Start, End: s.End, New: fmt.Sprintf("zERB%dz", len(r.tags))})
			r.tags = append(r.tags, s)
		case erb.Literal:
			parts = append(parts, source.Part{Start: s.Start, End: s.End, New: "<%"})
		}
		if s.TrimRight && bytes.HasPrefix(data[s.End:], []byte("\n")) {
			cut = s.End + 1
		}
	}
	r.text = source.Rearrange(r.template.File, parts)
}

// span gives the bytes of the template from which those of the text come.
func (r *yamlReader) span(start, end int) source.Span {
	f, from := r.text.Original(start)
	to := from
	if end > start {
		_, to = r.text.Original(end - 1)
		to++
		// what a tag prints ends where the tag ends
		for _, s := range r.template.Within(to-1, to) {
			if s.Kind == erb.Expr {
				to = s.End
			}
		}
	}
	return source.Span{File: f, Start: from, End: max(from, to)}
}

func (r *yamlReader) arms(offset int) []Arm {
	var arms []Arm
	for _, g := range r.template.Guards(offset) {
		arms = append(arms, Arm{Block: g.Block.Start, N: g.Arm, Loop: g.Block.Kind == erb.Loop})
	}
	return arms
}

// extent gives the bytes of a scalar in the text.
func (r *yamlReader) extent(n *yaml.Node) (int, int) {
	data := r.text.Data
	start := r.text.Offset(n.Line, n.Column)
	if start >= len(data) {
		return start, start
	}
	if n.Tag != "" && data[start] == '!' || data[start] == '&' {
		for start < len(data) && data[start] != ' ' && data[start] != '\n' {
			start++
		}
		for start < len(data) && data[start] == ' ' {
			start++
		}
	}
	switch c := byte(0); {
	case start >= len(data):
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		c = data[start]
		end := start + 1
		for end < len(data) && data[end] != c {
			if c == '"' && data[end] == '\\' {
				end++
			}
			end++
		}
		return start, min(end+1, len(data))
	case bytes.HasPrefix(data[start:], []byte(n.Value)):
		return start, start + len(n.Value)
	}
	return start, min(start+1, len(data))
}

func (r *yamlReader) node(n *yaml.Node) *Node {
	r.nodes++
	if n.Kind == yaml.AliasNode {
		if r.following[n.Alias] || r.nodes > maxNodes {
			return &Node{Kind: Unknown, Span: r.span(r.text.Offset(n.Line, n.Column), r.text.Offset(n.Line, n.Column))}
		}
		if r.following == nil {
			r.following = map[*yaml.Node]bool{}
		}
		r.following[n.Alias] = true
		defer delete(r.following, n.Alias)
		return r.node(n.Alias)
	}
	start, end := r.extent(n)
	if n.Kind != yaml.ScalarNode {
		end = start
	}
	out := &Node{Span: r.span(start, end), Type: n.ShortTag(), Anchored: n.Anchor != ""}
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = Map
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if k.ShortTag() == "!!merge" {
				if m := r.node(v); m.Kind == Map {
					out.Fields = append(out.Fields, m.Fields...)
				}
				continue
			}
			key := r.node(k)
			out.Fields = append(out.Fields, Field{Key: key.Value, Span: key.Span, Value: r.node(v), Arms: r.arms(key.Span.Start)})
		}
	case yaml.SequenceNode:
		out.Kind = List
		for _, i := range n.Content {
			item := r.node(i)
			out.Items = append(out.Items, Entry{item, r.arms(item.Span.Start)})
		}
	case yaml.ScalarNode:
		out.Kind = Scalar
		out.Plain = n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
		out.Comment = n.LineComment
		out.Folded = out.Plain && n.Value != "" && !bytes.HasPrefix(r.text.Data[min(start, len(r.text.Data)):], []byte(n.Value))
		r.scalar(out, n.Value)
	}
	return out
}

// scalar splits a value into text and what tags print.
func (r *yamlReader) scalar(out *Node, text string) {
	at := 0
	unknown := false
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			out.Value = append(out.Value, Piece{Text: text[at:m[0]]})
		}
		at = m[1]
		i, _ := strconv.Atoi(text[m[2]:m[3]])
		if i >= len(r.tags) {
			continue
		}
		tag := r.tags[i]
		if v := r.ruby.printed[tag.Start]; v != nil {
			if s, ok := v.Static(); ok {
				out.Value = append(out.Value, Piece{Text: s})
				continue
			}
		}
		unknown = true
		out.Value = append(out.Value, Piece{Ruby: tag.Code(r.template)})
	}
	if at < len(text) || len(out.Value) == 0 {
		out.Value = append(out.Value, Piece{Text: text[at:]})
	}
	// a condition in the middle of the text
	for _, s := range r.template.Within(out.Span.Start, out.Span.End) {
		if s.Kind == erb.Code {
			out.Value = Value{{Ruby: out.Span.Text()}}
			unknown = true
			break
		}
	}
	if unknown && out.Plain && !strings.HasPrefix(out.Type, "!") || unknown && out.Plain && strings.HasPrefix(out.Type, "!!") {
		out.Type = ""
		if strings.Trim(placeholder.ReplaceAllString(text, ""), "0123456789.-+ ") != "" {
			out.Type = "!!str"
		}
	}
	if unknown && len(out.Value) == 1 {
		out.Kind = Unknown
		if !out.Plain {
			out.Kind = Scalar
		}
	}
}

// evaluate follows the Ruby of a template.
func evaluate(t *erb.Template) *evaluator {
	e := &evaluator{file: t.File, src: t.Ruby(), globals: map[string]*Node{}, methods: map[string]*ruby.Node{}, printed: map[int]*Node{}, tags: map[int]int{}}
	for _, s := range t.Segments {
		if s.Kind == erb.Expr {
			e.tags[s.Start] = s.End
		}
	}
	e.run()
	return e
}
