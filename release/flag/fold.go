// Package flag is about the boolean property of a job that chooses between two
// forms of its templates, the one with bpm and the one without: "Feature Flagging"
// in bpm-release, docs/transitioning.md. It puts two forms into one, and takes a
// property out again, so that one form is left.
//
// It works on the text of single files: templates, specs, manifests. What the forms
// are, which jobs have a flag and what else becomes of them is decided in
// release/convert.
package flag

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Default is the property that most releases use.
const Default = "bpm.enabled"

// Flag is a boolean property, and how templates ask for it.
type Flag struct {
	Name string
	// Quote is what the job's templates put around the names of properties.
	Quote byte
}

// nameForm is what the names of properties are made of.
var nameForm = search.MustCompile(`^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*$`)

// CheckName says why a property cannot have that name.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%q is no name of a property: words of letters, digits, _ and -, with dots between them, such as %s", name, Default)
	}
	for _, part := range strings.Split(name, ".") {
		if yamlWord.MatchString(part) {
			return fmt.Errorf("%q is no name of a property: in YAML, as BOSH reads it, %s is a value and no name", name, part)
		}
	}
	return nil
}

// yamlWord is what YAML 1.1 takes for a boolean or null where it stands bare.
var yamlWord = search.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)

// For gives the flag in the quotes that the texts of a job mostly use.
func For(name string, texts ...[]byte) Flag {
	single, double := 0, 0
	for _, t := range texts {
		single += bytes.Count(t, []byte("p('"))
		double += bytes.Count(t, []byte(`p("`))
	}
	if single > double {
		return Flag{name, '\''}
	}
	return Flag{name, '"'}
}

// head is the Ruby that opens a block.
func (f Flag) head(word string) string {
	return fmt.Sprintf("%s p(%c%s%c)", word, f.Quote, f.Name, f.Quote)
}

// Range is a run of bytes, from Start to before End.
type Range struct{ Start, End int }

// form is one of the two texts, and what must not be taken apart in it.
type form struct {
	text     string
	together [][]Range
	code     string // its Ruby
}

// formOf reads a text. A tag, and the tags of one block, stand in one arm or in
// none; so does what the caller wants together.
func formOf(text []byte, together []Range) (form, error) {
	t, err := erb.Parse(&source.File{Data: text})
	if err != nil {
		return form{}, err
	}
	f := form{text: string(text)}
	for _, r := range together {
		f.together = append(f.together, []Range{r})
	}
	for _, s := range t.Segments {
		if s.Kind == erb.Code || s.Kind == erb.Expr {
			f.code += f.text[s.CodeStart:s.CodeEnd] + "\n"
		}
		if s.Kind != erb.Text {
			f.together = append(f.together, []Range{{s.Start, s.End}})
		}
	}
	for _, b := range t.Blocks {
		tags := []Range{{b.Start, b.Start + 1}, {b.End - 1, b.End}}
		for _, a := range b.Arms[1:] {
			tags = append(tags, Range{a.Start - 1, a.Start})
		}
		f.together = append(f.together, tags)
	}
	return f, nil
}

// methods are what BOSH gives templates, by name.
var methods = []string{"name", "index", "spec", "properties", "raw_properties", "p", "if_p", "link", "if_link"}

// hides gives a method that one form asks for and that is a local variable in the
// other one: Ruby decides by what is written, in whichever arm it is.
func (f form) hides(o form) string {
	for _, m := range methods {
		sets := search.MustCompile(`(?:^|[^.@$:\w])` + m + `\s*(?:[-+*/|&]|\|\||&&)?=(?:[^=~>]|$)`)
		if sets.MatchString(f.code) && !sets.MatchString(o.code) && search.MustCompile(`(?:^|[^.@$:\w'"-])`+m+`\b`).MatchString(o.code) {
			return m
		}
	}
	return ""
}

// piece is a run of lines: the same in both forms, or what each of them has there.
type piece struct {
	same    bool
	off, on Range
}

// pieces are the lines that both forms have, one by one, and what differs between
// them.
func pieces(off, on string) []piece {
	var ps []piece
	i, k := 0, 0
	keep := func(end int) {
		for i < end {
			n := strings.IndexByte(off[i:end], '\n') + 1
			if n == 0 {
				n = end - i
			}
			ps = append(ps, piece{true, Range{i, i + n}, Range{k, k + n}})
			i, k = i+n, k+n
		}
	}
	for _, e := range udiff.Lines(off, on) {
		keep(e.Start)
		ps = append(ps, piece{false, Range{e.Start, e.End}, Range{k, k + len(e.New)}})
		i, k = e.End, k+len(e.New)
	}
	keep(len(off))
	return ps
}

// join makes one piece of those from first to last.
func join(ps []piece, first, last int) []piece {
	one := piece{false, Range{ps[first].off.Start, ps[last].off.End}, Range{ps[first].on.Start, ps[last].on.End}}
	return slices.Replace(ps, first, last+1, one)
}

// touched are the first and the last piece that has a byte of the ranges, and
// whether one of them differs.
func touched(ps []piece, ranges []Range, of func(piece) Range) (first, last int, differs bool) {
	first, last = len(ps), -1
	for n, p := range ps {
		r := of(p)
		if slices.ContainsFunc(ranges, func(t Range) bool { return t.Start < r.End && r.Start < t.End }) {
			first, last = min(first, n), n
			differs = differs || !p.same
		}
	}
	return first, last, differs
}

// Fold gives a template that renders as off where the flag is false, and as on
// where it is true, byte for byte. What stands in a range of offTogether, or of
// onTogether, is not taken apart.
func (f Flag) Fold(off, on []byte, offTogether, onTogether []Range) ([]byte, error) {
	a, err := formOf(off, offTogether)
	if err != nil {
		return nil, err
	}
	b, err := formOf(on, onTogether)
	if err != nil {
		return nil, err
	}
	if name := cmp.Or(a.hides(b), b.hides(a)); name != "" && a.text != b.text {
		return nil, fmt.Errorf("one form sets a variable %s, and the other one asks BOSH for what has that name; in one template Ruby takes it for the variable", name)
	}
	ps := pieces(a.text, b.text)
	for again := true; again; {
		again = false
		widen := func(form form, of func(piece) Range) {
			for _, ranges := range form.together {
				if first, last, differs := touched(ps, ranges, of); differs && first < last {
					ps, again = join(ps, first, last), true
				}
			}
		}
		widen(a, func(p piece) Range { return p.off })
		widen(b, func(p piece) Range { return p.on })
	}
	// what only blank lines keep apart is one arm
	for n := 0; n < len(ps); n++ {
		end := n + 1
		for end < len(ps) && ps[end].same && strings.TrimSpace(a.text[ps[end].off.Start:ps[end].off.End]) == "" {
			end++
		}
		if !ps[n].same && end < len(ps) && !ps[end].same {
			ps = join(ps, n, end)
			n--
		}
	}
	var out strings.Builder
	for _, p := range ps {
		was, now := a.text[p.off.Start:p.off.End], b.text[p.on.Start:p.on.End]
		if p.same {
			out.WriteString(was)
			continue
		}
		f.arms(&out, was, now)
	}
	folded := []byte(out.String())
	for _, side := range []struct {
		on   bool
		want []byte
	}{{false, off}, {true, on}} {
		got, err := f.Unfold(folded, side.on)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(got, side.want) {
			return nil, errors.New("the two forms cannot be told apart again in one template")
		}
	}
	return folded, nil
}

// arms writes what differs. The tags end in -%>, which takes the end of their line
// with it.
func (f Flag) arms(out *strings.Builder, was, now string) {
	tag := func(code string) { out.WriteString("<% " + code + " -%>\n") }
	switch {
	case was == "":
		tag(f.head("if"))
		out.WriteString(now)
	case now == "":
		tag(f.head("unless"))
		out.WriteString(was)
	case !strings.HasSuffix(was, "\n") && strings.HasPrefix(now, was+"\n"):
		// something is added behind a last line that has no end
		out.WriteString(was + "<% " + f.head("if") + " %>" + now[len(was):])
	default:
		tag(f.head("if"))
		out.WriteString(now)
		tag("else")
		out.WriteString(was)
	}
	tag("end")
}

// Unfold takes the flag out of a template again: it gives the form that BOSH
// renders where the flag has that value.
func (f Flag) Unfold(folded []byte, on bool) ([]byte, error) {
	t, err := erb.Parse(&source.File{Data: folded})
	if err != nil {
		return nil, err
	}
	// behind is where the text behind a tag starts
	behind := map[int]int{}
	for _, s := range t.Segments {
		behind[s.End] = s.End
		if s.TrimRight && s.End < len(folded) && folded[s.End] == '\n' {
			behind[s.End]++
		}
	}
	var edits []source.Edit
	for _, b := range t.Blocks {
		var arm int
		switch b.Arms[0].Head {
		case f.head("if"):
			arm = 1
			if on {
				arm = 0
			}
		case f.head("unless"):
			if on {
				arm = 1
			}
		default:
			continue
		}
		kept := ""
		if arm < len(b.Arms) {
			kept = string(folded[behind[b.Arms[arm].Start]:b.Arms[arm].End])
		}
		edits = append(edits, source.Edit{Start: b.Start, End: behind[b.End], New: kept, Rule: "flag"})
	}
	return source.Apply(folded, edits)
}

// Guard puts an if around a whole script, but for its first line.
func (f Flag) Guard(script []byte) ([]byte, error) {
	first := 0
	if bytes.HasPrefix(script, []byte("#!")) {
		first = bytes.IndexByte(script, '\n') + 1
		if first == 0 {
			return script, nil
		}
	}
	return f.Fold(script[:first], script, nil, nil)
}
