package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// destination is how a place that statements go to is shown. The letter says
// what the colour says.
type destination struct {
	To                   convert.Destination
	Class, Letter, Title string
}

// idle is where statements are that a start does not reach.
const idle convert.Destination = "idle"

var destinations = []destination{
	{convert.ToBPM, "bpm", "B", "bpm.yml"},
	{convert.ToWrapper, "wrapper", "W", "wrapper"},
	{convert.ToHook, "hook", "H", "hook at every start"},
	{convert.ToPreStart, "pre", "P", "pre-start"},
	{convert.ToPostStart, "post", "S", "post-start"},
	{convert.Review, "review", "?", "a person has to look"},
	{convert.Dropped, "dropped", "×", "dropped"},
	{idle, "idle", "·", "does not run on a start"},
}

func destinationOf(to convert.Destination) destination {
	for _, d := range destinations {
		if d.To == to {
			return d
		}
	}
	return destination{to, "review", "?", string(to)}
}

func rowDestination(r convert.Row) destination {
	if r.Idle() {
		return destinationOf(idle)
	}
	return destinationOf(r.To)
}

// mark is one statement of an old script: its rows have one place. Rows of
// several processes may send it to several destinations.
type mark struct {
	start, end int
	to         []destination
	notes      []string
}

// Class is that of the destination that is shown.
func (m *mark) Class() string { return m.to[0].Class }

// Title is the text for the pointer.
func (m *mark) Title() string { return strings.Join(m.notes, "\n") }

// marking is what the ledger says about one file.
type marking struct {
	file  *source.File
	marks []*mark
	// at is the innermost mark of every byte, nil where there is none.
	at []*mark
}

// markings lays the ledger over the files that it is about, as they were read.
// Where statements lie in one another, the innermost one has the byte.
func markings(rows []convert.Row) []*marking {
	var all []*marking
	by := map[*source.File]*marking{}
	type part struct {
		*mark
		offsets []int
	}
	parts := map[*marking][]*part{}
	for _, r := range rows {
		if !r.Span.Valid() {
			continue
		}
		offsets := originals(r.Span)
		file, _ := r.Span.File.Original(r.Span.Start)
		m := by[file]
		if m == nil {
			m = &marking{file: file, at: make([]*mark, len(file.Data))}
			by[file], all = m, append(all, m)
		}
		if len(offsets) == 0 {
			continue
		}
		start, end := slices.Min(offsets), slices.Max(offsets)+1
		var p *part
		for _, o := range parts[m] {
			if o.start == start && o.end == end {
				p = o
			}
		}
		if p == nil {
			p = &part{mark: &mark{start: start, end: end}}
			parts[m] = append(parts[m], p)
			m.marks = append(m.marks, p.mark)
		}
		p.offsets = append(p.offsets, offsets...)
		d := rowDestination(r)
		if !slices.Contains(p.to, d) {
			p.to = append(p.to, d)
		}
		if note := d.Title + ": " + r.Note; !slices.Contains(p.notes, note) {
			p.notes = append(p.notes, note)
		}
	}
	for _, m := range all {
		outermost := parts[m]
		sort.SliceStable(outermost, func(i, j int) bool {
			return outermost[i].end-outermost[i].start > outermost[j].end-outermost[j].start
		})
		for _, p := range outermost {
			sort.SliceStable(p.to, func(i, j int) bool { return slices.Index(destinations, p.to[i]) < slices.Index(destinations, p.to[j]) })
			for _, o := range p.offsets {
				m.at[o] = p.mark
			}
		}
		sort.SliceStable(m.marks, func(i, j int) bool { return m.marks[i].start < m.marks[j].start })
	}
	return all
}

// originals are the bytes of a span as the file was read. Bytes that were put in
// stand for one place and are not of the file.
func originals(s source.Span) []int {
	var out []int
	last := -1
	for i := s.Start; i < min(s.End, len(s.File.Data)); i++ {
		f, o := s.File.Original(i)
		if o != last && o < len(f.Data) {
			out = append(out, o)
		}
		last = o
	}
	return out
}

// went is what became of some statements of one file, for one reason.
type went struct {
	destination
	Note       string
	Statements int
	Ranges     []lineRange
}

type lineRange struct{ From, To int }

func (r lineRange) String() string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d–%d", r.From, r.To)
}

// Lines lists the places: "5–9, 12". Of many, the first ones.
func (w went) Lines() string {
	const most = 8
	var out []string
	for _, r := range w.Ranges[:min(most, len(w.Ranges))] {
		out = append(out, r.String())
	}
	list := strings.Join(out, ", ")
	if n := len(w.Ranges) - most; n > 0 {
		list += fmt.Sprintf(" and %d more places", n)
	}
	return list
}

// wents sums the rows of a file up: one for each destination and reason.
func wents(file *source.File, rows []convert.Row) []went {
	var out []went
	at := map[string]int{}
	begins := map[int][]int{} // line to what begins there
	for _, r := range rows {
		if !r.Span.Valid() {
			continue
		}
		if f, _ := r.Span.File.Original(r.Span.Start); f != file {
			continue
		}
		d := rowDestination(r)
		key := d.Class + "\x00" + r.Note
		i, ok := at[key]
		if !ok {
			i, at[key] = len(out), len(out)
			out = append(out, went{destination: d, Note: r.Note})
		}
		from := r.Span.Position().Line
		to := max(from, r.Span.EndPosition().Line)
		if p := r.Span.EndPosition(); p.Column == 1 && p.Line > from {
			to = p.Line - 1
		}
		out[i].Statements++
		out[i].Ranges = append(out[i].Ranges, lineRange{from, to})
		begins[from] = append(begins[from], i)
	}
	for i := range out {
		out[i].Ranges = joinRanges(out[i].Ranges, func(line int) bool {
			return slices.ContainsFunc(begins[line], func(o int) bool { return o != i })
		})
	}
	sort.SliceStable(out, func(i, j int) bool {
		return slices.Index(destinations, out[i].destination) < slices.Index(destinations, out[j].destination)
	})
	return out
}

// joinRanges makes one of those with no other statement between them.
func joinRanges(rs []lineRange, other func(line int) bool) []lineRange {
	slices.SortFunc(rs, func(a, b lineRange) int { return a.From - b.From })
	var out []lineRange
	for _, r := range rs {
		n := len(out)
		near := n > 0
		for line := 0; near && line < r.From-out[n-1].To-1; line++ {
			near = !other(out[n-1].To + 1 + line)
		}
		if near {
			out[n-1].To = max(out[n-1].To, r.To)
			continue
		}
		out = append(out, r)
	}
	return out
}
