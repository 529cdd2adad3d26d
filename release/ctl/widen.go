package ctl

import (
	"bytes"
	"slices"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// limits of the rearrangement; beyond them a script stays as it is, and what
// crosses is unclear.
const (
	maxWidenings  = 24
	maxWidened    = 1 << 19
	maxWidenedArm = 1 << 14
)

// crossing is a statement of which an ERB block holds only a part, and more
// than that part.
type crossing struct {
	stmt  *syntax.Stmt
	block *erb.Block
}

// crossings finds them, outer blocks first.
func (s *Script) crossings() []crossing {
	if len(s.Template.Blocks) == 0 {
		return nil
	}
	var found []crossing
	for _, stmt := range s.leaves() {
		span := s.span(stmt)
		for _, b := range s.Template.Blocks {
			if b.Start >= span.End {
				break
			}
			if b.End > span.Start && s.cuts(b, span) {
				found = append(found, crossing{stmt, b})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b crossing) int { return a.block.Start - b.block.Start })
	return found
}

// cuts says whether a block has a boundary inside the span and text beyond it.
func (s *Script) cuts(b *erb.Block, span source.Span) bool {
	if b.Start >= span.Start {
		return span.End < b.End && s.said(span.End, b.End)
	}
	for i, a := range b.Arms {
		inside := func(at int) bool { return span.Start < at && at < span.End }
		if inside(a.End) || i > 0 && inside(a.Start) {
			return true
		}
	}
	return false
}

// said says whether anything but tags stands between two offsets.
func (s *Script) said(start, end int) bool {
	return len(bytes.Trim(s.mask[start:end], " \t\r\n\\")) > 0
}

func (s *Script) leaves() []*syntax.Stmt {
	var all []*syntax.Stmt
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false // a statement inside belongs to its command
		case *syntax.Stmt:
			if isLeaf(n.Cmd) {
				all = append(all, n)
				return false
			}
		}
		return true
	})
	return all
}

// widened gives the script with the first block that cuts a statement grown
// over it: each arm has the whole statement. It is nil when there is none, or
// when the block cannot grow: a loop, one that is not closed by end.
func (s *Script) widened() *source.File {
	for _, c := range s.crossings() {
		if f := s.grown(c); f != nil {
			return f
		}
	}
	return nil
}

func (s *Script) grown(c crossing) *source.File {
	b := c.block
	var otherwise string
	switch {
	case b.Brace || b.Kind == erb.Loop || b.Kind == erb.Other:
		return nil
	case b.Whole():
	case b.Kind == erb.IfP || b.Kind == erb.IfLink:
		otherwise = "<% end.else do %>"
	default:
		otherwise = "<% else %>"
	}
	from, to := s.around(c)
	data := s.File.Data
	last := len(b.Arms) - 1
	size := (to - from) * (last + 2)
	if size > maxWidenedArm || len(data)+size > maxWidened {
		return nil
	}
	var parts []source.Part
	add := func(start, end int) {
		if end > start {
			parts = append(parts, source.Part{Start: start, End: end})
		}
	}
	put := func(text string) { parts = append(parts, source.Part{Start: b.Start, End: b.Start, New: text}) }
	// text between two tags, without what their trimming takes off
	between := func(start, end int) (int, int) {
		if start > 1 && bytes.HasPrefix(data[start-min(3, start):], []byte("-%>")) && start < end && data[start] == '\n' {
			start++
		}
		if bytes.HasPrefix(data[end:], []byte("<%-")) {
			for end > start && (data[end-1] == ' ' || data[end-1] == '\t') {
				end--
			}
		}
		return start, end
	}
	headEnd := from
	if b.Start > from {
		_, headEnd = between(from, b.Start)
	}
	tail, _ := between(b.End, to)
	arm := func(start, end int) bool {
		start, end = between(start, end)
		add(from, headEnd)
		add(start, end)
		add(tail, to)
		text := slices.Concat(data[from:headEnd], data[start:end], data[tail:to])
		put("\n")
		return !bytes.HasSuffix(bytes.TrimRight(text, " \t"), []byte("\\"))
	}
	add(0, from)
	whole := true
	for i, a := range b.Arms {
		start := b.Start
		if i > 0 {
			start = b.Arms[i-1].End
		}
		add(start, a.Start) // the tag
		whole = arm(a.Start, a.End) && whole
	}
	if otherwise != "" {
		put(otherwise)
		whole = arm(b.End, b.End) && whole
	}
	add(b.Arms[last].End, b.End)
	add(to, len(data))
	if !whole {
		return nil // the statement goes on beyond the block
	}
	return source.Rearrange(s.File, parts)
}

// around gives the bytes that have to stand in each arm: whole statements, and
// whole blocks.
func (s *Script) around(c crossing) (from, to int) {
	span := s.span(c.stmt)
	from, to = min(span.Start, c.block.Start), max(span.End, c.block.End)
	for changed := true; changed; {
		changed = false
		grow := func(start, end int) {
			if start < from || end > to {
				from, to, changed = min(from, start), max(to, end), true
			}
		}
		for _, stmt := range s.leaves() {
			if at := s.span(stmt); at.Start < to && at.End > from {
				grow(at.Start, at.End)
			}
		}
		for _, b := range s.Template.Blocks {
			if b == c.block || b.Start >= to || b.End <= from {
				continue
			}
			inArm := false
			for _, a := range b.Arms {
				inArm = inArm || a.Start <= from && to <= a.End
			}
			if !inArm {
				grow(b.Start, b.End)
			}
		}
	}
	return from, to
}
