package erb

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// BlockKind is the kind of a Ruby block.
type BlockKind string

const (
	If     BlockKind = "if"
	Unless BlockKind = "unless"
	Case   BlockKind = "case"
	Loop   BlockKind = "loop"
	IfP    BlockKind = "if_p"
	IfLink BlockKind = "if_link"
	Other  BlockKind = "block"
)

// Block is a Ruby block that opens in one tag and ends in another.
type Block struct {
	Kind BlockKind
	Arms []Arm
	// Start is where the opening tag starts, End where the closing tag ends.
	Start, End int
	// File is the template's.
	File *source.File
	// Brace says that the block is closed by } instead of end.
	Brace bool
}

// Whole says whether one of the arms is taken in any case: there is an else.
func (b *Block) Whole() bool {
	last := b.Arms[len(b.Arms)-1].Head
	return len(b.Arms) > 1 && (last == "else" || strings.HasSuffix(last, "\nelse") || strings.HasPrefix(last, "end.else do"))
}

// Arm is one branch of a block: the bytes between two of its tags.
type Arm struct {
	Head       string // the Ruby of the tag that opens it
	Start, End int
}

// Guard is an open arm around a place.
type Guard struct {
	Block *Block
	Arm   int
}

// Guards gives the arms that a byte offset stands in, outermost first.
func (t *Template) Guards(offset int) []Guard {
	var gs []Guard
	for _, b := range t.Blocks {
		if b.Start > offset {
			break
		}
		for i, a := range b.Arms {
			if a.Start <= offset && offset < a.End {
				gs = append(gs, Guard{b, i})
			}
		}
	}
	return gs
}

// Exclusive says whether what stands in the one arms is never printed together
// with what stands in the others.
func Exclusive(a, b []Guard) bool {
	for i, g := range a {
		if i < len(b) && b[i].Block == g.Block && b[i].Arm != g.Arm {
			return true
		}
	}
	return false
}

// What is looked up in a template is looked for in all of its blocks.
const (
	maxBlocks = 5000
	maxDepth  = 200
)

// opener is a Ruby construct that waits for its end.
type opener struct {
	block *Block // nil while no second tag is involved
	kind  BlockKind
	tag   int
	brace bool
}

// blocks finds the block structure by scanning the Ruby of every tag for the
// words that open, divide and close blocks.
func (t *Template) blocks() error {
	var stack []opener
	for i, s := range t.Segments {
		if s.Kind != Code && s.Kind != Expr {
			continue
		}
		code := string(t.File.Data[s.CodeStart:s.CodeEnd])
		for _, e := range scanRuby(code) {
			at := source.Span{File: t.File, Start: s.CodeStart + e.at, End: s.CodeStart + e.at}
			switch e.what {
			case opens:
				if len(stack) == maxDepth {
					return source.Errorf(at, "ERB blocks that lie in each other more than %d deep: not read", maxDepth)
				}
				stack = append(stack, opener{kind: e.kind, tag: i, brace: e.brace})
			case divides, closes:
				if len(stack) == 0 || stack[len(stack)-1].brace != e.brace {
					if e.brace {
						continue // a hash or an interpolation that was misread
					}
					return source.Errorf(at, "%q without a block that it belongs to", e.word)
				}
				top := &stack[len(stack)-1]
				if top.tag != i || top.block != nil {
					t.arm(top, s)
				}
				if e.what == closes {
					if top.block != nil {
						top.block.End = s.End
					}
					stack = stack[:len(stack)-1]
				} else if top.block != nil {
					top.block.Arms = append(top.block.Arms, Arm{Head: strings.TrimSpace(code), Start: s.End})
					top.tag = i
				}
			}
		}
		for n := range stack {
			if stack[n].tag == i && stack[n].block == nil {
				b := &Block{File: t.File, Kind: stack[n].kind, Brace: stack[n].brace, Start: s.Start, Arms: []Arm{{Head: strings.TrimSpace(code), Start: s.End}}}
				stack[n].block = b
				if len(t.Blocks) == maxBlocks {
					return source.Errorf(source.Span{File: t.File, Start: s.Start, End: s.End}, "more than %d ERB blocks: not read", maxBlocks)
				}
				t.Blocks = append(t.Blocks, b)
			}
		}
	}
	if len(stack) > 0 {
		s := t.Segments[stack[len(stack)-1].tag]
		return source.Errorf(source.Span{File: t.File, Start: s.Start, End: s.End}, "this ERB block is never closed (no <%% end %%> for it)")
	}
	return nil
}

// arm ends the open arm of a block before the tag s.
func (t *Template) arm(o *opener, s Segment) {
	if o.block == nil {
		return
	}
	last := &o.block.Arms[len(o.block.Arms)-1]
	if last.End == 0 {
		last.End = max(last.Start, s.Start)
	}
}

// Divides says whether a code tag opens, divides or closes a block.
func (t *Template) Divides(s Segment) bool {
	for _, b := range t.Blocks {
		if b.Start == s.Start || b.End == s.End {
			return true
		}
		for _, a := range b.Arms {
			if a.Start == s.End {
				return true
			}
		}
	}
	return false
}
