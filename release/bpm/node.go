package bpm

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Kind is what a node of a document is.
type Kind int

const (
	// Unknown is there, but what it is comes from a property or from Ruby that
	// is not followed.
	Unknown Kind = iota
	// Scalar is a string, a number, true, false or null.
	Scalar
	// List and Map hold others.
	List
	Map
	// Choice is one of several, decided when the job is rendered.
	Choice
)

// Arm is a branch that a node stands in: the N-th of the block at offset Block.
type Arm struct {
	Block, N int
	Loop     bool
}

// exclusive says whether what stands in the one arms never comes with what
// stands in the others.
func exclusive(a, b []Arm) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Block == y.Block && x.N != y.N {
				return true
			}
		}
	}
	return false
}

// Node is a value as it stands in a template of a bpm.yml.
type Node struct {
	Kind Kind
	Span source.Span
	// Value is the text of a scalar, and of what is not known the Ruby.
	Value Value
	// Type is how YAML reads a scalar: "!!str", "!!int", "!!float", "!!bool",
	// "!!null"; "" when it is not known. A tag of its own is kept: "!foo".
	Type string
	// Plain says that the scalar stands without quotes in YAML.
	Plain bool
	// Folded says that a plain scalar goes on in the next line.
	Folded bool
	// Anchored says that YAML gives it a name, to be used elsewhere.
	Anchored bool
	// Comment is the comment behind a scalar, in YAML.
	Comment string

	Items  []Entry
	Fields []Field
	// Open says that there may be more items or fields than were read.
	Open bool
	// Alternatives are those of a Choice.
	Alternatives []*Node
}

// Entry is an item of a list.
type Entry struct {
	*Node
	Arms []Arm
}

// Field is an entry of a map.
type Field struct {
	Key Value
	// Symbol says that Ruby has a symbol there, which YAML.dump prints with a
	// colon before it.
	Symbol bool
	Span   source.Span // of the key
	Value  *Node
	Arms   []Arm
	// Set says that the field was given later than the map was written, which
	// replaces what was there.
	Set bool
}

// Name is the key when it is known.
func (f Field) Name() string {
	s, _ := f.Key.Static()
	return s
}

// Static is the text of a scalar that is the same in every deployment.
func (n *Node) Static() (string, bool) {
	if n == nil || n.Kind != Scalar {
		return "", false
	}
	return n.Value.Static()
}

// Text is what is known of a scalar; Ruby stands as <%= %> in it.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.Value.String()
}

// Each visits what a node may be: itself, or its alternatives.
func (n *Node) Each(visit func(*Node)) {
	if n == nil {
		return
	}
	if n.Kind != Choice {
		visit(n)
		return
	}
	for _, a := range n.Alternatives {
		a.Each(visit)
	}
}

// Get gives the values that a map has for a key: several where conditions
// choose.
func (n *Node) Get(key string) []*Node {
	var all []*Node
	n.Each(func(n *Node) {
		for _, f := range n.Fields {
			if f.Name() == key {
				f.Value.Each(func(v *Node) { all = append(all, v) })
			}
		}
	})
	return all
}

// Has says whether a map has a key, in one of its forms, with a value that is
// not false or null.
func (n *Node) Has(key string) bool {
	for _, v := range n.Get(key) {
		if s, ok := v.Static(); !ok || v.Type != "!!null" && s != "false" {
			return true
		}
	}
	return false
}

// Scalars visits every scalar and unknown value below a node. path is the keys
// that lead there.
func (n *Node) Scalars(visit func(path []string, n *Node)) {
	left := maxNodes
	n.scalars(nil, visit, 0, &left)
}

// scalars goes at most 40 levels down and to *left nodes: a list may hold itself.
func (n *Node) scalars(path []string, visit func([]string, *Node), depth int, left *int) {
	if *left--; depth > 40 || *left < 0 {
		return
	}
	n.Each(func(n *Node) {
		switch n.Kind {
		case Map:
			for _, f := range n.Fields {
				f.Value.scalars(append(path[:len(path):len(path)], f.Name()), visit, depth+1, left)
			}
		case List:
			for _, i := range n.Items {
				i.scalars(path, visit, depth+1, left)
			}
		default:
			visit(path, n)
		}
	})
}

// Document is a template of a bpm.yml that was read.
type Document struct {
	File *source.File
	// Root is nil when the file has no content.
	Root *Node
	// Format is how the document is made: "yaml", or by Ruby "yaml-dump" or
	// "json".
	Format string
	// Unread are the places that were not understood.
	Unread []Unread
	// Open says that there may be more than was read.
	Open bool
}

// Unread is a place in a template that was not understood.
type Unread struct {
	Span source.Span
	Why  string
	// Broken says that bpm will not read it either, Whole that nothing of the
	// document was read.
	Broken, Whole bool
}

// Processes are the entries of processes.
func (d *Document) Processes() []ProcessNode {
	var all []ProcessNode
	seen := map[*Node]bool{}
	for _, list := range d.Root.Get("processes") {
		for _, i := range list.Items {
			i.Each(func(n *Node) {
				if n.Kind == Map && !seen[n] {
					seen[n] = true
					all = append(all, ProcessNode{n, i.Arms, i.Kind == Choice})
				}
			})
		}
	}
	return all
}

// Complete says whether all processes were read.
func (d *Document) Complete() bool {
	if d.Open || d.Root == nil || d.Root.Kind != Map || d.Root.Open {
		return false
	}
	for _, list := range d.Root.Get("processes") {
		if list.Kind != List || list.Open {
			return false
		}
		for _, i := range list.Items {
			ok := true
			i.Each(func(n *Node) { ok = ok && n.Kind == Map })
			if !ok {
				return false
			}
		}
	}
	return true
}

// ProcessNode is one process of a document.
type ProcessNode struct {
	*Node
	Arms []Arm
	// Chosen says that it is one of several forms.
	Chosen bool
}

// Name is the value of name; nil when there is none.
func (p ProcessNode) Name() *Node {
	for _, n := range p.Get("name") {
		return n
	}
	return nil
}

// Matches says whether a name may be that of the process: what stands in the
// place of Ruby may be anything.
func (p ProcessNode) Matches(name string) bool {
	names := p.Get("name")
	for _, n := range names {
		if n.Value.matches(name) {
			return true
		}
	}
	return len(names) == 0 && p.Open
}

// matches says whether a text may come of a value.
func (v Value) matches(text string) bool {
	s, ok := v.Static()
	if ok {
		return s == text
	}
	rest, open := text, false
	for _, piece := range v {
		if piece.Ruby != "" || len(piece.Guards) > 0 {
			open = true
			continue
		}
		i := strings.Index(rest, piece.Text)
		if i < 0 || i > 0 && !open {
			return false
		}
		rest = rest[i+len(piece.Text):]
		open = false
	}
	return open || rest == ""
}

// Compatible says whether two values may come to the same text.
func (v Value) Compatible(o Value) bool {
	if s, ok := v.Static(); ok {
		return o.matches(s)
	}
	if s, ok := o.Static(); ok {
		return v.matches(s)
	}
	if len(v) == 0 || len(o) == 0 {
		return true
	}
	a, b := v[0].Text, o[0].Text
	if !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a) {
		return false
	}
	a, b = v[len(v)-1].Text, o[len(o)-1].Text
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

var printedTag = search.MustCompile(`(?s)<%=-?(.*?)-?%>`)

// TextWithTags makes a value of text in which ERB prints.
func TextWithTags(s string) Value {
	var v Value
	at := 0
	for _, m := range printedTag.FindAllStringSubmatchIndex(s, -1) {
		if m[0] > at {
			v = append(v, Piece{Text: s[at:m[0]]})
		}
		v = append(v, Piece{Ruby: strings.TrimSpace(s[m[2]:m[3]])})
		at = m[1]
	}
	if at < len(s) || len(v) == 0 {
		v = append(v, Piece{Text: s[at:]})
	}
	return v
}
