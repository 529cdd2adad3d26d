// Package erb reads ERB templates for their structure: which bytes are text,
// which are Ruby, and which blocks stand around a place. It masks a template to
// equal length, so that a shell or monit parser can read it and its offsets
// hold in the original.
//
// It does not evaluate Ruby. BOSH renders with ERB's trim mode "-".
package erb

import (
	"bytes"
	"sort"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Kind is what a segment is.
type Kind int

const (
	// Text is printed as it is.
	Text Kind = iota
	// Expr is <%= %>: its value is printed.
	Expr
	// Code is <% %>: run, not printed.
	Code
	// Comment is <%# %>.
	Comment
	// Literal is <%%, which prints <%.
	Literal
)

// Segment is a run of bytes of one kind. Joined, the segments of a template
// are its bytes.
type Segment struct {
	Kind       Kind
	Start, End int
	// CodeStart and CodeEnd enclose the Ruby of a tag, delimiters left out.
	CodeStart, CodeEnd int
	// TrimLeft and TrimRight say that the tag is <%- or -%>.
	TrimLeft, TrimRight bool
}

// Template is a parsed template.
type Template struct {
	File     *source.File
	Segments []Segment
	// Blocks are the Ruby blocks that span several tags, by their start.
	Blocks []*Block
}

// Parse reads a template. An unclosed tag, an end without a block and a block
// without an end are errors with a place.
func Parse(f *source.File) (*Template, error) {
	p := source.Derived(f, parsed{}, func() parsed {
		t, err := parseFile(f)
		return parsed{t, err}
	})
	return p.template, p.err
}

type parsed struct {
	template *Template
	err      error
}

func parseFile(f *source.File) (*Template, error) {
	t := &Template{File: f}
	data := f.Data
	text := 0
	flush := func(end int) {
		if end > text {
			t.Segments = append(t.Segments, Segment{Kind: Text, Start: text, End: end})
		}
	}
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("<%"))
		if i < 0 {
			break
		}
		start := at + i
		flush(start)
		if bytes.HasPrefix(data[start:], []byte("<%%")) {
			t.Segments = append(t.Segments, Segment{Kind: Literal, Start: start, End: start + 3})
			at, text = start+3, start+3
			continue
		}
		s := Segment{Kind: Code, Start: start, CodeStart: start + 2}
		end := closing(data, start+2)
		if end < 0 {
			return nil, source.Errorf(source.Span{File: f, Start: start, End: start + 2}, "this ERB tag is never closed (no %%> after it)")
		}
		s.End, s.CodeEnd = end+2, end
		if s.CodeStart < end {
			switch data[s.CodeStart] {
			case '=':
				s.Kind = Expr
				s.CodeStart++
			case '#':
				s.Kind = Comment
				s.CodeStart++
			case '-':
				s.TrimLeft = true
				s.CodeStart++
			}
		}
		if s.CodeEnd > s.CodeStart && data[s.CodeEnd-1] == '-' {
			s.TrimRight = true
			s.CodeEnd--
		}
		t.Segments = append(t.Segments, s)
		at, text = s.End, s.End
	}
	flush(len(data))
	if err := t.blocks(); err != nil {
		return nil, err
	}
	return t, nil
}

// closing finds the %> that ends a tag; %%> inside one is a literal %>.
func closing(data []byte, from int) int {
	for at := from; ; {
		i := bytes.Index(data[at:], []byte("%>"))
		if i < 0 {
			return -1
		}
		if p := at + i; p == from || data[p-1] != '%' {
			return p
		}
		at += i + 2
	}
}

// Code is the Ruby of a tag, trimmed.
func (s Segment) Code(t *Template) string {
	return strings.TrimSpace(string(t.File.Data[s.CodeStart:s.CodeEnd]))
}

// Within gives the segments that touch the bytes from start to end.
func (t *Template) Within(start, end int) []Segment {
	from := sort.Search(len(t.Segments), func(i int) bool { return t.Segments[i].End > start })
	to := from
	for to < len(t.Segments) && t.Segments[to].Start < end {
		to++
	}
	return t.Segments[from:to]
}

// HasTags says whether there is anything but text.
func (t *Template) HasTags() bool {
	for _, s := range t.Segments {
		if s.Kind != Text {
			return true
		}
	}
	return false
}

// HasExpr says whether an expression stands between two offsets.
func (t *Template) HasExpr(start, end int) bool {
	for _, s := range t.Within(start, end) {
		if s.Kind == Expr {
			return true
		}
	}
	return false
}

// exprByte stands for every byte of an expression in a mask: one word wherever
// a word may stand, in a name, in quotes, as a number's place.
const exprByte = 'x'

// Mask gives the template's text with the tags made harmless, byte for byte as
// long as the original. An expression becomes a word of x's, code and comments
// become blanks. Both arms of a block stay: whoever reads the mask has to ask
// Guards which arm a place stands in. Where a code tag stands between lines
// that a backslash joins, or eats the newline behind it, it becomes a
// backslash itself, so that the lines stay joined.
func (t *Template) Mask() []byte {
	out := append([]byte(nil), t.File.Data...)
	for i, s := range t.Segments {
		switch s.Kind {
		case Expr, Literal:
			for i := s.Start; i < s.End; i++ {
				out[i] = exprByte
			}
		case Code, Comment:
			fill := byte(' ')
			if t.wordBefore(i, out) && t.wordBehind(i) {
				fill = exprByte // the text before and behind is one word
			}
			joined := !alone(s, out) || continued(s, out)
			for i := s.Start; i < s.End; i++ {
				if out[i] != '\n' || fill == exprByte || joined {
					out[i] = fill // newlines of the Ruby would end the command
				}
			}
		}
	}
	for _, s := range t.Segments {
		if s.Kind == Code || s.Kind == Comment {
			joinLines(out, s)
		}
	}
	return out
}

// alone says whether a tag is the first thing in its line.
func alone(s Segment, out []byte) bool {
	return len(bytes.TrimSpace(out[bytes.LastIndexByte(out[:s.Start], '\n')+1:s.Start])) == 0
}

// continued says whether a backslash joins the line of a tag to the one before.
func continued(s Segment, out []byte) bool {
	line := bytes.LastIndexByte(out[:s.Start], '\n') + 1
	return line >= 2 && out[line-2] == '\\' && !(line >= 3 && out[line-3] == '\\')
}

// wordBefore says whether a word ends where the i-th segment begins; out is the
// mask so far.
func (t *Template) wordBefore(i int, out []byte) bool {
	s := t.Segments[i]
	return s.Start > 0 && inWord(out[s.Start-1])
}

// wordBehind says whether a word goes on behind the i-th segment: text, or an
// expression, tags that print nothing left out.
func (t *Template) wordBehind(i int) bool {
	for _, s := range t.Segments[i+1:] {
		switch s.Kind {
		case Expr:
			return true
		case Text:
			return inWord(t.File.Data[s.Start])
		case Literal:
			return false
		}
	}
	return false
}

// inWord says whether a byte beside a tag belongs to a word that goes on
// through the tag.
func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("=-_/.,:@+%", c) >= 0
}

func joinLines(out []byte, s Segment) {
	if s.End >= len(out) || out[s.End] != '\n' {
		return
	}
	glued := s.Start > 0 && out[s.Start-1] == '\\' && !(s.Start > 1 && out[s.Start-2] == '\\')
	switch {
	case glued:
		// the tag prints nothing, so the backslash stands before the newline
		for i := s.Start - 1; i < s.End-1; i++ {
			out[i] = ' '
		}
		out[s.End-1] = '\\'
	case alone(s, out) && continued(s, out):
		out[s.End-1] = '\\'
	case !alone(s, out) && s.TrimRight:
		out[s.End-1] = '\\'
	}
}

var (
	plainProperty = search.MustCompile(`^p\(?\s*(?:'([^']+)'|"([^"#]+)")\s*\)?$`)
	propertyUse   = search.MustCompile(`\bp\(?\s*['"]([^'"]+)['"]|\bproperties\.([a-zA-Z_][\w.]*)|\b(?:if_p\(|p\(\s*\[)\s*((?:['"][^'"]+['"]\s*,?\s*)+)[\])]`)
	quotedName    = search.MustCompile(`['"]([^'"]+)['"]`)
)

// Property gives the name when the expression does nothing but print one
// property: p('a.b').
func (t *Template) Property(s Segment) (name string, ok bool) {
	m := plainProperty.FindStringSubmatch(s.Code(t))
	if s.Kind != Expr || m == nil {
		return "", false
	}
	return m[1] + m[2], true
}

// Ruby is the Ruby of a template, with blanks for the text, so that offsets stay.
func (t *Template) Ruby() []byte {
	data := bytes.Repeat([]byte(" "), len(t.File.Data))
	for i, b := range t.File.Data {
		if b == '\n' {
			data[i] = '\n'
		}
	}
	for _, s := range t.Segments {
		if s.Kind != Code && s.Kind != Expr {
			continue
		}
		copy(data[s.CodeStart:s.CodeEnd], t.File.Data[s.CodeStart:s.CodeEnd])
		data[s.CodeStart-1] = ';'
		data[s.End-1] = ';'
	}
	return data
}

// Properties lists the property names that a piece of Ruby mentions.
func Properties(code string) []string {
	var names []string
	for _, m := range propertyUse.FindAllStringSubmatch(code, -1) {
		switch {
		case m[1] != "":
			names = append(names, m[1])
		case m[2] != "":
			names = append(names, strings.TrimSuffix(m[2], "."))
		default:
			for _, q := range quotedName.FindAllStringSubmatch(m[3], -1) {
				names = append(names, q[1])
			}
		}
	}
	return names
}
