package ruby

import (
	"strings"
)

// quoted reads a string from its opening mark. open is the opening mark where
// it differs from the closing one and nests.
func (p *parser) quoted(end, open byte, interpolate bool) *Node {
	n := &Node{Kind: Str, Start: p.at}
	p.at++
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			n.Parts = append(n.Parts, &Node{Kind: Str, Text: text.String(), Start: n.Start, End: p.at})
			text.Reset()
		}
	}
	nested := 0
	for p.at < len(p.src) {
		c := p.src[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.src):
			next := p.src[p.at+1]
			switch {
			case !interpolate && next != end && next != '\\':
				text.WriteByte('\\')
				text.WriteByte(next)
			case interpolate && next == 'n':
				text.WriteByte('\n')
			case interpolate && next == 't':
				text.WriteByte('\t')
			case interpolate && next == '\n':
			default:
				text.WriteByte(next)
			}
			p.at += 2
		case c == '#' && interpolate && p.byte(1) == '{':
			flush()
			p.at += 2
			n.Parts = append(n.Parts, p.interpolation())
		case open != 0 && c == open:
			nested++
			text.WriteByte(c)
			p.at++
		case c == end && nested > 0:
			nested--
			text.WriteByte(c)
			p.at++
		case c == end:
			p.at++
			p.finish(n, &text)
			return n
		default:
			text.WriteByte(c)
			p.at++
		}
	}
	p.failed = true
	p.finish(n, &text)
	return n
}

// finish makes a string without interpolation plain text.
func (p *parser) finish(n *Node, text *strings.Builder) {
	n.End = p.at
	if len(n.Parts) == 0 {
		n.Text = text.String()
		return
	}
	if text.Len() > 0 {
		n.Parts = append(n.Parts, &Node{Kind: Str, Text: text.String(), Start: n.Start, End: p.at})
	}
}

// interpolation reads up to the brace that closes #{.
func (p *parser) interpolation() *Node {
	start := p.at
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.failed = true
		return p.bad(start)
	}
	n := &Node{Kind: Body, Start: start, Args: p.statements(), End: p.at}
	if p.byte(0) != '}' {
		p.failed = true
		return n
	}
	p.at++
	if len(n.Args) == 1 {
		return n.Args[0]
	}
	return n
}

// adjacent joins strings that stand beside each other.
func (p *parser) adjacent(n *Node) *Node {
	for !p.failed {
		at := p.at
		p.blanks()
		c := p.byte(0)
		if c != '"' && c != '\'' {
			p.at = at
			return n
		}
		next := p.quoted(c, 0, c == '"')
		joined := &Node{Kind: Str, Start: n.Start, End: next.End}
		if n.Parts == nil && next.Parts == nil {
			joined.Text = n.Text + next.Text
		} else {
			joined.Parts = []*Node{n, next}
		}
		n = joined
	}
	return n
}

var closers = map[byte]byte{'(': ')', '[': ']', '{': '}', '<': '>'}

// percent reads %w(...), %q(...), %(...) and the like.
func (p *parser) percent() *Node {
	start := p.at
	p.at++
	kind := byte('Q')
	if isWord(p.byte(0)) {
		kind = p.byte(0)
		p.at++
	}
	open := p.byte(0)
	end, nests := closers[open]
	if !nests {
		end, open = open, 0
	}
	text := p.quoted(end, open, kind != 'w' && kind != 'q' && kind != 'i')
	text.Start = start
	switch kind {
	case 'w', 'W', 'i', 'I':
		n := &Node{Kind: Array, Start: start, End: p.at}
		if text.Parts != nil {
			return &Node{Kind: Other, Start: start, End: p.at}
		}
		for _, w := range strings.Fields(text.Text) {
			n.Args = append(n.Args, &Node{Kind: Str, Text: w, Start: start, End: p.at})
		}
		return n
	case 'r':
		return &Node{Kind: Other, Start: start, End: p.at}
	}
	return text
}

// heredocStart reads <<~NAME; the body is read when the line ends.
func (p *parser) heredocStart() *Node {
	at := p.at
	i := at + 2
	if i < len(p.src) && (p.src[i] == '~' || p.src[i] == '-') {
		i++
	}
	quote := byte(0)
	if i < len(p.src) && (p.src[i] == '"' || p.src[i] == '\'') {
		quote = p.src[i]
		i++
	}
	from := i
	for i < len(p.src) && isWord(p.src[i]) {
		i++
	}
	if i == from || isDigit(p.src[from]) {
		return nil
	}
	name := string(p.src[from:i])
	if quote != 0 {
		if i >= len(p.src) || p.src[i] != quote {
			return nil
		}
		i++
	}
	p.at = i
	n := &Node{Kind: Str, Start: at, End: i}
	p.heredocs = append(p.heredocs, &heredoc{n, name, quote == '\''})
	return n
}

func (p *parser) heredocBody(h *heredoc) {
	var lines []string
	for p.at < len(p.src) {
		end := p.at
		for end < len(p.src) && p.src[end] != '\n' {
			end++
		}
		line := string(p.src[p.at:end])
		p.at = min(end+1, len(p.src))
		if strings.TrimSpace(line) == h.name {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	h.node.Text = strings.Join(lines, "\n")
	if !h.raw && strings.Contains(h.node.Text, "#{") {
		h.node.Kind = Other
	}
}
