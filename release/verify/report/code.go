package report

import (
	"path"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// codeLine is one line of a file as it is shown.
type codeLine struct {
	// Number is 0 for a line that has none: one that was removed.
	Number int
	// Letters are those of the statements that begin here.
	Letters []destination
	Pieces  []piece
	// Change is "+" or "-" in a diff.
	Change string
}

// piece is a run of text of one mark.
type piece struct {
	Class, Title string
	Tokens       []token
}

// token is a run of text of one colour.
type token struct{ Class, Text string }

// block is a run of lines; one that is folded is opened with a click.
type block struct {
	Lines  []codeLine
	Folded bool
	// Gap says that lines were left out in front of it.
	Gap bool
	// Statements counts those that begin in it.
	Statements int
}

// From and To are the numbers of the first and last line.
func (b block) From() int { return b.Lines[0].Number }
func (b block) To() int   { return b.Lines[len(b.Lines)-1].Number }

// foldFrom is how many lines in a row may be without a statement of the start
// path before they are folded.
const foldFrom = 30

// markedLines shows a file with the marks of the ledger; m may be nil.
func markedLines(f *source.File, m *marking) []block {
	classes := tokenClasses(f)
	begins := map[int][]destination{}
	if m != nil {
		for _, k := range m.marks {
			line := f.Position(k.start).Line
			for _, d := range k.to {
				begins[line] = appendNew(begins[line], d)
			}
		}
	}
	lines := []codeLine{}
	busy := []bool{} // lines that a statement of the start path is in
	statements := map[int]int{}
	if m != nil {
		for _, k := range m.marks {
			statements[f.Position(k.start).Line]++
		}
	}
	start := 0
	for start < len(f.Data) {
		end := f.LineEnd(start)
		text := end
		for text > start && (f.Data[text-1] == '\n' || f.Data[text-1] == '\r') {
			text--
		}
		l := codeLine{Number: len(lines) + 1, Letters: begins[len(lines)+1]}
		used := false
		indent := start
		for indent < text && (f.Data[indent] == ' ' || f.Data[indent] == '\t') {
			indent++
		}
		at := func(i int) *mark {
			if m == nil || i < indent {
				return nil
			}
			return m.at[i]
		}
		for i := start; i < text; {
			k, c := at(i), classes[i]
			j := i + 1
			for j < text && at(j) == k && classes[j] == c {
				j++
			}
			t := token{Class: tokenNames[c], Text: string(f.Data[i:j])}
			p := piece{Tokens: []token{t}}
			if k != nil {
				p.Class, p.Title = k.Class(), k.Title()
				used = used || k.Class() != "idle"
			}
			if n := len(l.Pieces); n > 0 && at(i-1) == k {
				l.Pieces[n-1].Tokens = append(l.Pieces[n-1].Tokens, t)
			} else {
				l.Pieces = append(l.Pieces, p)
			}
			i = j
		}
		lines, busy = append(lines, l), append(busy, used)
		start = end
	}
	if m == nil {
		if len(lines) == 0 {
			return nil
		}
		return []block{{Lines: lines}}
	}
	var out []block
	for i := 0; i < len(lines); {
		j := i
		for j < len(lines) && busy[j] == busy[i] {
			j++
		}
		folded := !busy[i] && j-i >= foldFrom
		if n := len(out); folded || n == 0 || out[n-1].Folded {
			out = append(out, block{Folded: folded})
		}
		b := &out[len(out)-1]
		b.Lines = append(b.Lines, lines[i:j]...)
		for k := i; k < j; k++ {
			b.Statements += statements[k+1]
		}
		i = j
	}
	return out
}

func appendNew(ds []destination, d destination) []destination {
	for _, o := range ds {
		if o == d {
			return ds
		}
	}
	return append(ds, d)
}

// diffLines shows what changed between two versions of a file.
func diffLines(before, after *source.File) []block {
	old := string(before.Data)
	u, err := udiff.ToUnifiedDiff(before.Name, after.Name, old, udiff.Lines(old, string(after.Data)), udiff.DefaultContextLines)
	if err != nil {
		return markedLines(after, nil)
	}
	oldLines, newLines := markedLines(before, nil), markedLines(after, nil)
	line := func(bs []block, n int) codeLine {
		if len(bs) == 0 || n < 1 || n > len(bs[0].Lines) {
			return codeLine{Number: n}
		}
		return bs[0].Lines[n-1]
	}
	var out []block
	for _, h := range u.Hunks {
		b := block{Gap: h.FromLine > 1}
		was, is := h.FromLine, h.ToLine
		for _, l := range h.Lines {
			switch l.Kind {
			case udiff.Delete:
				o := line(oldLines, was)
				o.Number, o.Change = 0, "-"
				b.Lines = append(b.Lines, o)
				was++
			case udiff.Insert:
				o := line(newLines, is)
				o.Change = "+"
				b.Lines = append(b.Lines, o)
				is++
			default:
				b.Lines = append(b.Lines, line(newLines, is))
				was++
				is++
			}
		}
		if len(b.Lines) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// The tokens are few on purpose: what the eye skips (comments), what is Ruby,
// and the keys of YAML. They are told apart line by line, and where that is
// wrong only a colour is.
const (
	plainToken byte = iota
	commentToken
	rubyToken
	keyToken
)

var tokenNames = []string{"", "c", "r", "k"}

var (
	rubyTag  = search.MustCompile(`(?s)<%.*?%>`)
	comment  = search.MustCompile(`(?m)(?:^|[ \t])(#.*)$`)
	yamlKey  = search.MustCompile(`(?m)^[ \t]*(?:- )?([A-Za-z_][\w./-]*:)(?:[ \t]|$)`)
	monitKey = search.MustCompile(`(?m)^[ \t]*(check|with|start|stop|group|if|depends|restart|every|mode|alert)\b`)
)

// tokenClasses gives the token of every byte.
func tokenClasses(f *source.File) []byte {
	out := make([]byte, len(f.Data))
	paint := func(re *search.Pattern, group int, class byte) {
		for _, m := range re.FindAllSubmatchIndex(f.Data, -1) {
			for i := m[2*group]; i < m[2*group+1]; i++ {
				out[i] = class
			}
		}
	}
	name := strings.TrimSuffix(path.Base(f.Name), ".erb")
	switch {
	case strings.HasSuffix(name, ".yml"), name == "spec":
		paint(yamlKey, 1, keyToken)
	case name == "monit", strings.HasSuffix(name, ".monit"):
		paint(monitKey, 1, keyToken)
	}
	paint(comment, 1, commentToken)
	paint(rubyTag, 0, rubyToken)
	return out
}
