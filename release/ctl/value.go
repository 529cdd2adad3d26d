package ctl

import (
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// PartKind tells what is known about a part of a word.
type PartKind int

const (
	// Literal text is the same on every VM.
	Literal PartKind = iota
	// ERB is a Ruby expression that BOSH evaluates when it renders the job.
	ERB
	// Runtime is shell that only the VM can evaluate: a command substitution,
	// a variable nobody sets, a glob.
	Runtime
)

// Part is a piece of a word. Text is the literal text, the Ruby source of the
// expression, or the shell source. Split says that the part stood unquoted, so
// that blanks in its value separate words (and an empty value vanishes).
type Part struct {
	Kind  PartKind
	Text  string
	Split bool
	// Quote is the quotes in which an expression stands, 0 for none: in single
	// ones the shell does not look at its value.
	Quote byte
	// Held names the variable out of which a quoted expression came, or what can
	// stand for one: the shell splits its value at blanks, and reads no quotes or
	// operators in it.
	Held string
	Span source.Span
	// Guards are the ERB blocks in which the part is there, beyond those that
	// the command stands in.
	Guards []erb.Guard
}

// Word is one word of a command after expansion.
type Word []Part

// Literal gives the word's text when all of it is known.
func (w Word) Literal() (string, bool) {
	var b strings.Builder
	for _, p := range w {
		if p.Kind != Literal || len(p.Guards) > 0 || strings.Contains(p.Text, loopMark) {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// Is says whether the word is exactly the given text.
func (w Word) Is(text string) bool {
	s, ok := w.Literal()
	return ok && s == text
}

// String shows the word to people: unknown parts as they are written.
func (w Word) String() string {
	var b strings.Builder
	for _, p := range w {
		switch p.Kind {
		case ERB:
			b.WriteString("<%= " + p.Text + " %>")
		default:
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// Span is that of the first part that has a place.
func (w Word) Span() source.Span {
	for _, p := range w {
		if p.Span.Valid() {
			return p.Span
		}
	}
	return source.Span{}
}

// Text makes a literal word.
func Text(s string, at source.Span) Word {
	return Word{{Kind: Literal, Text: s, Span: at}}
}

// fields collects the words that one shell word expands to.
type fields struct {
	done []Word
	open Word
	any  bool // the open word exists even when it is empty: it had quotes
}

func (f *fields) add(p Part) {
	f.any = true
	if n := len(f.open); n > 0 && p.Kind == Literal && f.open[n-1].Kind == Literal && sameGuards(p.Guards, f.open[n-1].Guards) {
		f.open[n-1].Text += p.Text
		return
	}
	f.open = append(f.open, p)
}

func (f *fields) cut() {
	if f.any {
		f.done = append(f.done, f.open)
	}
	f.open, f.any = nil, false
}

// addValue adds the value of an expansion, which name tells apart from others.
// Unquoted, its literal parts are split at blanks; a part that is not known
// keeps Split, so that whoever prints it knows that it may be none or several
// words.
func (f *fields) addValue(value Word, name string, quoted bool) {
	value = atRunTime(value, name)
	if quoted {
		f.any = true
		for _, p := range value {
			p.Split, p.Held = false, ""
			f.add(p)
		}
		return
	}
	for _, p := range value {
		if p.Kind != Literal {
			if p.Kind == ERB && p.Quote != 0 {
				p.Held = name
			}
			p.Split = true
			f.add(p)
			continue
		}
		if strings.ContainsAny(p.Text, "*?") || strings.Contains(p.Text, "[") && strings.Contains(p.Text, "]") {
			p.Kind, p.Split = Runtime, true // a glob, which the VM expands
			f.add(p)
			continue
		}
		rest := p.Text
		for rest != "" {
			i := strings.IndexAny(rest, " \t\n")
			if i < 0 {
				f.add(Part{Kind: Literal, Text: rest, Span: p.Span, Guards: p.Guards})
				break
			}
			if i > 0 {
				f.add(Part{Kind: Literal, Text: rest[:i], Span: p.Span, Guards: p.Guards})
			}
			f.cut()
			rest = strings.TrimLeft(rest[i:], " \t\n")
		}
	}
}

// atRunTime is the variable alone where one arm of a condition gives it a value
// that only the VM knows: the others give it theirs there, too.
func atRunTime(value Word, name string) Word {
	for _, p := range value {
		if p.Kind != Runtime || p.Text != "${"+name+"}" && p.Text != "$"+name {
			continue
		}
		if len(value) > 1 && !slices.ContainsFunc(value, func(o Part) bool { return len(o.Guards) == 0 }) {
			p.Guards = nil
			return Word{p}
		}
	}
	return value
}

// addElement adds one of the words of "$@" or of a list. An expression that stood
// unquoted where they were made may still be none or several.
func (f *fields) addElement(w Word) {
	f.any = f.any || len(w) == 0
	for _, p := range w {
		if !p.Split {
			p.Held = ""
		}
		f.add(p)
	}
}

func (f *fields) words() []Word {
	f.cut()
	return f.done
}

func sameGuards(a, b []erb.Guard) bool { return slices.Equal(a, b) }

// loopMark stands in a variable for what the earlier rounds of an ERB loop have
// made of it. No script has this byte.
const loopMark = "\x00"

// samePart says whether two parts stand for the same value.
func samePart(a, b Part) bool {
	return a.Kind == b.Kind && a.Text == b.Text && a.Split == b.Split && a.Quote == b.Quote && a.Held == b.Held && sameGuards(a.Guards, b.Guards)
}

func sameWord(a, b Word) bool { return slices.EqualFunc(a, b, samePart) }

// under gives the parts with guards around them.
func (w Word) under(gs ...erb.Guard) Word {
	var out Word
	for _, p := range w {
		p.Guards = append(slices.Clone(gs), p.Guards...)
		out = append(out, p)
	}
	return out
}

// Presence gives the guards that all parts of a word share: without them the
// word is not there.
func (w Word) Presence() []erb.Guard {
	if len(w) == 0 {
		return nil
	}
	common := w[0].Guards
	for _, p := range w[1:] {
		n := 0
		for n < len(common) && n < len(p.Guards) && common[n] == p.Guards[n] {
			n++
		}
		common = common[:n]
	}
	return common
}

// Known says whether the word holds nothing that only the VM can tell.
func (w Word) Known() bool {
	for _, p := range w {
		if p.Kind == Runtime {
			return false
		}
	}
	return true
}

// SplitWord splits a word at the blanks of its text, as a shell does with what
// stands unquoted.
func SplitWord(w Word) []Word {
	f := &fields{}
	f.addValue(w, "", false)
	return f.words()
}

// Tagged puts ERB blocks around a piece of a line.
func Tagged(guards []erb.Guard, text string) string {
	for i := len(guards) - 1; i >= 0; i-- {
		text = armsOf(guards[i].Block, map[int]string{guards[i].Arm: text})
	}
	return text
}

// armsOf writes a block with a text in each of its arms, those behind the last
// text left out; -1 is the arm that the block does not have.
func armsOf(b *erb.Block, texts map[int]string) string {
	var out strings.Builder
	last := len(b.Arms) - 1
	if _, other := texts[-1]; !other {
		for last > 0 && texts[last] == "" {
			last--
		}
	}
	for i := 0; i <= last; i++ {
		out.WriteString("<% " + strings.Join(strings.Fields(b.Arms[i].Head), " ") + " %>" + texts[i])
	}
	if text, other := texts[-1]; other {
		if b.Kind == erb.IfP || b.Kind == erb.IfLink {
			out.WriteString("<% end.else do %>")
		} else {
			out.WriteString("<% else %>")
		}
		out.WriteString(text)
	}
	if b.Brace {
		return out.String() + "<% } %>"
	}
	return out.String() + "<% end %>"
}

// TagParts writes the parts of a word with the ERB blocks around them. Parts of
// one block stand together in it: in a loop they belong to one round.
func TagParts(w Word, text func(Part) string) string {
	var b strings.Builder
	for i := 0; i < len(w); {
		if len(w[i].Guards) == 0 {
			b.WriteString(text(w[i]))
			i++
			continue
		}
		block := w[i].Guards[0].Block
		loop := block.Kind == erb.Loop || block.Kind == erb.Other
		texts := map[int]string{}
		for i < len(w) && len(w[i].Guards) > 0 && w[i].Guards[0].Block == block {
			arm := w[i].Guards[0].Arm
			if _, written := texts[arm]; written || loop && len(texts) > 0 {
				break
			}
			var inside Word
			for ; i < len(w) && len(w[i].Guards) > 0 && w[i].Guards[0].Block == block && w[i].Guards[0].Arm == arm; i++ {
				p := w[i]
				p.Guards = p.Guards[1:]
				inside = append(inside, p)
			}
			texts[arm] = TagParts(inside, text)
		}
		b.WriteString(armsOf(block, texts))
	}
	return b.String()
}

// WithoutEnd takes the sign that ends a command off its text. The semicolon that
// ends the words of find -exec is none.
func WithoutEnd(text string) string {
	short := strings.TrimRight(text, ";& \t\n")
	if len(short) < len(text) && strings.HasSuffix(short, `\`) && !strings.HasSuffix(short, `\\`) {
		return text[:len(short)+1]
	}
	return short
}
