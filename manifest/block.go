package manifest

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// block is a block scalar ("|" or ">") held against the text that it was
// decoded to.
type block struct {
	// at has the file offset of each byte of the decoded text; a line end that
	// became a blank, or a CRLF that became \n, has that of the line end.
	at []int
	// end is behind the last line that the scalar's value depends on.
	end int
	// indicator is the place of the "|" or ">", chomp that of a "+" or "-"
	// behind it, 0 when there is none.
	indicator, chomp int
	// open says that the last line of text ends with the file, without a line
	// end: with one, the value would be another unless chomping is "-".
	open bool
}

// block reads a block scalar again, as libyaml does, keeping the places. The
// indentation can depend on the parents when the header gives a number, so
// candidates are tried until the text comes out as yaml.v3 decoded it; false
// when none does.
func (p places) block(n *yaml.Node) (block, bool) {
	data := p.f.Data
	_, start := p.behindProperties(n)
	if start >= len(data) || data[start] != '|' && data[start] != '>' {
		return block{}, false
	}
	b := block{indicator: start}
	number := 0
	i := start + 1
	for ; i < len(data); i++ {
		c := data[i]
		if c >= '1' && c <= '9' {
			number = int(c - '0')
		} else if c == '+' || c == '-' {
			b.chomp = i
		} else {
			break
		}
	}
	for i < len(data) && lineBreak(data, i) == 0 {
		i++ // blanks and a comment
	}
	i += lineBreak(data, i)
	first, last := number, number+200
	if number == 0 {
		first = autoIndent(data, i)
		last = first
	}
	for indent := first; indent <= last; indent++ {
		if b.read(data, i, indent, data[start] == '>') == n.Value {
			return b, true
		}
	}
	// Text that is less indented than its parents belongs to the next node: the
	// scalar has no line of its own.
	if b.read(data, i, len(data)+1, false) == n.Value {
		return b, true
	}
	return block{}, false
}

// autoIndent is the indentation that libyaml finds when none is given: the
// widest of the leading blank lines and the first line of text.
func autoIndent(data []byte, i int) int {
	widest := 1
	for i < len(data) {
		blanks := 0
		for i < len(data) && data[i] == ' ' {
			blanks++
			i++
		}
		widest = max(widest, blanks)
		n := lineBreak(data, i)
		if n == 0 {
			break
		}
		i += n
	}
	return widest
}

// read is yaml_parser_scan_block_scalar of libyaml for a known indentation.
func (b *block) read(data []byte, i, indent int, folded bool) string {
	var text []byte
	b.at, b.open = b.at[:0], false
	type part struct {
		text string
		at   int
	}
	add := func(s string, at int) {
		text = append(text, s...)
		for k := range len(s) {
			b.at = append(b.at, at+k)
		}
	}
	lineEnd := func() part {
		n := lineBreak(data, i)
		e := part{"\n", i}
		if n == 3 {
			e.text = string(data[i : i+3])
		} else if n == 0 {
			e.text = ""
		}
		i += n
		return e
	}
	column := 0
	blankLines := func() (lines []part) {
		for {
			column = 0
			for i < len(data) && column < indent && data[i] == ' ' {
				column++
				i++
			}
			if lineBreak(data, i) == 0 {
				return lines
			}
			lines = append(lines, lineEnd())
		}
	}
	keep := b.chomp > 0 && data[b.chomp] == '+'
	strip := b.chomp > 0 && data[b.chomp] == '-'
	lineStart := func() int { return i - column }

	b.end = i
	var leading part
	var trailing []part
	trailing = blankLines()
	leadingBlank := false
	for column == indent && i < len(data) {
		blank := data[i] == ' ' || data[i] == '\t'
		if folded && leading.text == "\n" && !leadingBlank && !blank {
			if len(trailing) == 0 {
				add(" ", leading.at)
			}
		} else {
			add(leading.text, leading.at)
		}
		for _, t := range trailing {
			add(t.text, t.at)
		}
		leadingBlank = blank
		from := i
		for i < len(data) && lineBreak(data, i) == 0 {
			i++
		}
		add(string(data[from:i]), from)
		leading = lineEnd()
		b.end, b.open = i, leading.text == ""
		trailing = blankLines()
	}
	if !strip {
		add(leading.text, leading.at)
	}
	if keep {
		for _, t := range trailing {
			add(t.text, t.at)
		}
		b.end = lineStart()
	}
	return string(text)
}

// behind is the offset behind byte i of the decoded text.
func (b block) behind(data []byte, i int) int {
	at := b.at[i]
	if bytes.HasPrefix(data[at:], []byte("\r\n")) || bytes.HasPrefix(data[at:], []byte("\u0085")) {
		return at + 2
	}
	return at + 1
}
