package ctl

import (
	"strings"

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
	Span  source.Span
}

// Word is one word of a command after expansion.
type Word []Part

// Literal gives the word's text when all of it is known.
func (w Word) Literal() (string, bool) {
	var b strings.Builder
	for _, p := range w {
		if p.Kind != Literal {
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
	if n := len(f.open); n > 0 && p.Kind == Literal && f.open[n-1].Kind == Literal {
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

// addValue adds the value of an expansion. Unquoted, its literal parts are
// split at blanks; a part that is not known keeps Split, so that whoever
// prints it knows that it may be none or several words.
func (f *fields) addValue(value Word, quoted bool) {
	if quoted {
		f.any = true
		for _, p := range value {
			p.Split = false
			f.add(p)
		}
		return
	}
	for _, p := range value {
		if p.Kind != Literal {
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
				f.add(Part{Kind: Literal, Text: rest, Span: p.Span})
				break
			}
			if i > 0 {
				f.add(Part{Kind: Literal, Text: rest[:i], Span: p.Span})
			}
			f.cut()
			rest = strings.TrimLeft(rest[i:], " \t\n")
		}
	}
}

func (f *fields) words() []Word {
	f.cut()
	return f.done
}
