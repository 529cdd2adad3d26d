package flag

import (
	"bytes"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// role is what the value of an expression is for.
type role int

const (
	statement role = iota
	value
	condition
)

// walk looks for a condition in the Ruby of single tags, from the outside in.
func (s *fold) walk(n *ruby.Node, r role) {
	if n == nil || len(s.edits) > 0 || !s.concerns(n) {
		return
	}
	switch n.Kind {
	case ruby.If:
		if s.ifNode(n, r); len(s.edits) > 0 {
			return
		}
		for _, a := range n.Arms {
			s.walk(a.Cond, condition)
			below := r
			if r == statement && a.Body != nil && a.Body.Kind != ruby.Body {
				below = statement
			}
			s.walk(a.Body, below)
		}
	case ruby.Binary:
		if n.Text == "&&" || n.Text == "||" {
			if s.operand(n, r); len(s.edits) > 0 {
				return
			}
			below := value
			if r == condition {
				below = condition
			}
			s.walk(n.Recv, below)
			s.walk(n.Args[0], below)
			return
		}
		s.walk(n.Recv, value)
		s.walk(n.Args[0], value)
	case ruby.Not:
		s.walk(n.Args[0], condition)
	case ruby.Body:
		for i, a := range n.Args {
			if below := statement; i < len(n.Args)-1 || r == statement {
				s.walk(a, below)
				continue
			}
			s.walk(a, r)
		}
	default:
		s.walk(n.Recv, value)
		for _, a := range n.Args {
			s.walk(a, value)
		}
		for _, a := range n.Parts {
			s.walk(a, value)
		}
		for _, p := range n.Pairs {
			s.walk(p.Key, value)
			s.walk(p.Value, value)
		}
		for _, a := range n.Arms {
			s.walk(a.Cond, value)
			s.walk(a.Body, value)
		}
		if n.Block != nil {
			s.walk(n.Block.Body, statement)
		}
	}
}

var (
	operator = search.MustCompile(`^(\)*)\s*(?:&&|\|\||and\b|or\b)\s*`)
	question = search.MustCompile(`^\)*\s*\?\s*`)
	colon    = search.MustCompile(`^(\)*)\s*:\s*`)
)

// operand takes the settled side out of a && b or a || b. The span of such a node
// has the parentheses of its sides, theirs have not.
func (s *fold) operand(n *ruby.Node, r role) {
	neutral := yes // true && x is x
	if n.Text == "||" {
		neutral = no
	}
	left, right := n.Recv, n.Args[0]
	m := operator.FindSubmatchIndex(s.src[left.End:right.Start])
	if m == nil {
		s.fail(n, "the parentheses around it are not understood")
		return
	}
	switch {
	case s.decided(left) && s.truth(left) == neutral:
		s.edit(n.Start, left.End+m[1], "")
	case s.decided(right) && s.truth(right) == neutral && r == condition:
		s.edit(left.End+m[3], n.End, "")
	}
}

// tagOf is the tag that holds a node, if one does.
func (s *fold) tagOf(n *ruby.Node) (erb.Segment, bool) {
	for _, g := range s.t.Within(n.Start, n.Start+1) {
		if g.CodeStart <= n.Start && n.End <= g.CodeEnd {
			return g, true
		}
	}
	return erb.Segment{}, false
}

// ifNode folds an if, unless, ternary or modifier that stands in one tag.
func (s *fold) ifNode(n *ruby.Node, r role) {
	tag, within := s.tagOf(n)
	first := n.Arms[0]
	if !within || first.Cond == nil {
		return
	}
	modifier := first.Body != nil && first.Body.Start < first.Cond.Start && n.Text != "?"
	unless := n.Text != "?" && strings.HasSuffix(strings.TrimRight(string(s.src[n.Start:first.Cond.Start]), " \t("), "unless")
	live := -1
	for i, a := range n.Arms {
		t := yes
		if a.Cond != nil {
			if !s.decided(a.Cond) {
				if i > 0 && s.concerns(n.Arms[i].Cond) || i == 0 {
					if i == 0 {
						return
					}
				}
				s.fail(first.Cond, "it is one of several conditions of this if")
				return
			}
			t = s.truth(a.Cond)
			if unless && i == 0 {
				t = t.Not()
			}
		}
		if t == yes {
			live = i
			break
		}
	}
	if n.Text == "?" {
		s.ternary(n, tag, live)
		return
	}
	if modifier {
		if live == 0 {
			if s.wholeTag(tag, n) && s.literal(tag, first.Body) {
				return
			}
			s.edit(first.Body.End, n.End, "")
			return
		}
		if r != statement && tag.Kind != erb.Expr {
			s.fail(n, "its value is used")
			return
		}
		s.dead = append(s.dead, [2]int{n.Start, n.End})
		s.remove(n, n.Start, n.End)
		return
	}
	for i, a := range n.Arms {
		if i != live && a.Body != nil && len(a.Body.Args) > 0 {
			s.dead = append(s.dead, [2]int{a.Body.Args[0].Start, a.Body.Args[len(a.Body.Args)-1].End})
		}
	}
	if s.ifLines(n, tag, live, r); len(s.edits) == 0 {
		s.dead = nil
		s.fail(n, "this if does not stand on lines of its own")
	}
}

// ternary puts the value that is taken in the place of a ? b : c.
func (s *fold) ternary(n *ruby.Node, tag erb.Segment, live int) {
	then, other := n.Arms[0].Body, n.Arms[1].Body
	ask, between := question.FindIndex(s.src[n.Arms[0].Cond.End:then.Start]), colon.FindSubmatchIndex(s.src[then.End:other.Start])
	if ask == nil || between == nil {
		s.fail(n, "the parentheses around it are not understood")
		return
	}
	kept, gone := then, other
	start, end := n.Arms[0].Cond.End+ask[1], then.End+between[3]
	if live == 1 {
		kept, gone = other, then
		start, end = then.End+between[1], n.End
	}
	s.dead = append(s.dead, [2]int{gone.Start, gone.End})
	if s.wholeTag(tag, n) && s.literal(tag, kept) {
		return
	}
	s.edit(n.Start, n.End, string(s.src[start:end]))
}

// wholeTag says whether a tag holds nothing but a node.
func (s *fold) wholeTag(tag erb.Segment, n *ruby.Node) bool {
	return blank(s.src[tag.CodeStart:n.Start]) && blank(bytes.TrimRight(s.src[n.End:tag.CodeEnd], ";"))
}

// literal puts the text that a tag prints in its place.
func (s *fold) literal(tag erb.Segment, n *ruby.Node) bool {
	if tag.Kind != erb.Expr || tag.TrimRight || n.Kind != ruby.Str || len(n.Parts) > 0 {
		return false
	}
	written := string(s.src[n.Start:n.End])
	if len(written) < 2 || written[1:len(written)-1] != n.Text || strings.ContainsAny(n.Text, "\\\n#%") || n.Text == "" {
		return false
	}
	s.edit(tag.Start, tag.End, n.Text)
	return true
}

// remove takes a statement out: with its tag, or with its lines.
func (s *fold) remove(n *ruby.Node, start, end int) {
	tag, within := s.tagOf(n)
	f := s.t.File
	switch line, next := f.LineStart(start), f.LineEnd(end); {
	case within && s.wholeTag(tag, n):
		s.cut(tag, tag)
	case within && line >= tag.CodeStart && next <= tag.CodeEnd && blank(f.Data[line:start]) && blank(f.Data[end:next]):
		s.lines(line, next)
	default:
		s.fail(n, "it does not stand on lines of its own")
	}
}

// lines takes whole lines out; of two empty ones that meet, one is enough.
func (s *fold) lines(start, end int) {
	f := s.t.File
	if start > 0 && blankLine(f, start-1) && end < len(f.Data) && blankLine(f, end) {
		end = f.LineEnd(end)
	}
	s.edit(start, end, "")
}

var multiline = search.MustCompile(`<<[~-]?["'A-Za-z_]`)

// ifLines folds an if ... end.
func (s *fold) ifLines(n *ruby.Node, tag erb.Segment, live int, r role) {
	f := s.t.File
	var body *ruby.Node
	if live >= 0 {
		body = n.Arms[live].Body
	}
	empty := body == nil || len(body.Args) == 0
	text := ""
	if !empty {
		text = string(s.src[body.Args[0].Start:body.Args[len(body.Args)-1].End])
	}
	line, next := f.LineStart(n.Start), f.LineEnd(n.End)
	own := line >= tag.CodeStart && blank(s.src[line:n.Start]) && next <= tag.CodeEnd && blank(s.src[n.End:next])
	if r == statement && own && f.LineEnd(n.Start) < n.End {
		if empty {
			s.lines(line, next)
			return
		}
		s.armLines(n, live, line, next)
		return
	}
	// in one line, or for its value
	switch {
	case !empty && len(body.Args) == 1 && !strings.Contains(text, "#") && (r != statement || !strings.Contains(string(s.src[n.Start:n.End]), "\n") || s.wholeTag(tag, n)):
		if !s.wholeTag(tag, n) || !s.literal(tag, body.Args[0]) {
			s.edit(n.Start, n.End, text)
		}
	case empty && (r == statement || tag.Kind == erb.Expr) && s.wholeTag(tag, n):
		s.cut(tag, tag)
	case empty && r != statement:
		s.edit(n.Start, n.End, "nil")
	}
}

// armLines keeps the lines of one arm, less indented by what the if took.
func (s *fold) armLines(n *ruby.Node, live, line, next int) {
	f, body := s.t.File, n.Arms[live].Body
	divider := func(from, to int, words ...string) int {
		for at := f.LineEnd(from); at < to || at == f.LineStart(to) && at <= to; at = f.LineEnd(at) {
			text := strings.TrimSpace(string(s.src[at:f.LineEnd(at)]))
			for _, w := range words {
				if text == w || w == "elsif" && strings.HasPrefix(text, "elsif ") {
					return at
				}
			}
			if f.LineEnd(at) == at {
				break
			}
		}
		return -1
	}
	var start int
	if cond := n.Arms[live].Cond; cond != nil {
		start = f.LineEnd(cond.End)
		rest := strings.TrimSpace(strings.TrimLeft(string(s.src[cond.End:start]), " \t)"))
		if rest != "" && rest != "then" && !strings.HasPrefix(rest, "#") {
			return
		}
	} else {
		from := n.Start
		for _, a := range n.Arms[:live] {
			from = max(from, a.Cond.End)
			if a.Body != nil && len(a.Body.Args) > 0 {
				from = max(from, a.Body.Args[len(a.Body.Args)-1].End-1)
			}
		}
		at := divider(from, body.Args[0].Start, "else")
		if at < 0 {
			return
		}
		start = f.LineEnd(at)
	}
	end := f.LineStart(n.End - len("end"))
	if live+1 < len(n.Arms) {
		if end = divider(body.Args[len(body.Args)-1].End-1, n.End, "elsif", "else"); end < 0 {
			return
		}
	} else if !blank(s.src[end : n.End-len("end")]) {
		return
	}
	if body.Args[0].Start < start || body.Args[len(body.Args)-1].End > end {
		return
	}
	s.edit(line, start, "")
	s.dedent(f.LineStart(n.Start), n.Start, start, end)
	s.edit(end, next, "")
}

// dedent takes the indentation of an arm back to that of its if, where every line
// of it has more and no string goes over lines.
func (s *fold) dedent(line, at, start, end int) {
	f := s.t.File
	outer := string(f.Data[line:at])
	inner := ""
	text := s.src[start:end]
	if multiline.Match(text) || strings.Contains(outer, "\t") != bytes.Contains(text, []byte("\t")) && strings.Contains(outer, "\t") {
		return
	}
	tree := ruby.Parse(text)
	broken := false
	ruby.Walk(tree, func(n *ruby.Node) bool {
		broken = broken || (n.Kind == ruby.Str || n.Kind == ruby.Other || n.Kind == ruby.Bad) && n.End <= len(text) && bytes.Contains(text[n.Start:n.End], []byte("\n"))
		return true
	})
	if broken {
		return
	}
	for p := start; p < end; p = f.LineEnd(p) {
		l := string(f.Data[p:f.LineEnd(p)])
		indent := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		if blank([]byte(l)) {
			continue
		}
		if inner == "" || len(indent) < len(inner) {
			inner = indent
		}
	}
	by := len(inner) - len(outer)
	if by <= 0 || !strings.HasPrefix(inner, outer) {
		return
	}
	for p := start; p < end; p = f.LineEnd(p) {
		if !blankLine(f, p) {
			s.edit(p, p+by, "")
		}
	}
}
