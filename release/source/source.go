// Package source holds what every other package agrees on about the text of a
// release: files as they were read, byte spans in them, edits, and diagnostics.
//
// Byte offsets into the original file are the only positions kept; line and
// column are computed when something is printed. The package reads and writes
// nothing: loading is package release's business, writing that of commands.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// File is one file as it was read. Name is relative to the release directory
// (or as the user gave it, for a manifest elsewhere), with forward slashes.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode

	once  sync.Once
	lines []int // offset of each line's first byte, made on first use

	mu      sync.Mutex
	derived map[any]any

	// of is the file that this one is a rearrangement of, pieces where its
	// bytes stood there.
	of     *File
	pieces []piece
}

// piece says where a run of bytes comes from.
type piece struct {
	start, end int
	from       int
	added      bool // all of it stands for the one place from
}

// Part is a piece of a rearranged file: bytes of the original, or New, which
// stands for the place Start.
type Part struct {
	Start, End int
	New        string
}

// Rearrange makes a file of pieces of another one. Its positions are those of
// the other file, so that people find the place.
func Rearrange(f *File, parts []Part) *File {
	out := &File{Name: f.Name, Mode: f.Mode, of: f}
	for _, p := range parts {
		text := []byte(p.New)
		if p.New == "" {
			text = f.Data[p.Start:p.End]
		}
		at := len(out.Data)
		out.Data = append(out.Data, text...)
		out.pieces = append(out.pieces, piece{at, len(out.Data), p.Start, p.New != ""})
	}
	return out
}

// Original gives the file as it was read, and where a byte of this one stands
// in it.
func (f *File) Original(offset int) (*File, int) {
	if f.of == nil {
		return f, offset
	}
	i := sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].end > offset })
	if i == len(f.pieces) {
		return f.of.Original(len(f.of.Data))
	}
	p := f.pieces[i]
	if p.added {
		return f.of.Original(p.from)
	}
	return f.of.Original(p.from + offset - p.start)
}

// Position is a place for people: both numbers count from 1, Column counts
// characters, not bytes.
type Position struct {
	Line, Column int
}

// Position computes the line and column of a byte offset. An offset beyond the
// end gives the position just behind the last byte.
func (f *File) Position(offset int) Position {
	f, offset = f.Original(offset)
	if offset > len(f.Data) {
		offset = len(f.Data)
	}
	f.index()
	line := sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset }) - 1
	return Position{line + 1, utf8.RuneCount(f.Data[f.lines[line]:offset]) + 1}
}

// Offset is the inverse of Position for a column that counts characters, as
// yaml.v3 gives them. Places outside the file are clamped to it.
func (f *File) Offset(line, column int) int {
	f.index()
	if line < 1 {
		return 0
	}
	if line > len(f.lines) {
		return len(f.Data)
	}
	offset := f.lines[line-1]
	for ; column > 1 && offset < len(f.Data) && f.Data[offset] != '\n'; column-- {
		_, n := utf8.DecodeRune(f.Data[offset:])
		offset += n
	}
	return offset
}

// LineStart is the offset of the first byte of the line that holds offset.
func (f *File) LineStart(offset int) int {
	return bytes.LastIndexByte(f.Data[:min(offset, len(f.Data))], '\n') + 1
}

// LineEnd is the offset just behind the newline of the line that holds offset,
// or the end of the file.
func (f *File) LineEnd(offset int) int {
	if offset >= len(f.Data) {
		return len(f.Data)
	}
	if i := bytes.IndexByte(f.Data[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(f.Data)
}

// Newline is the line ending of the file: that of its first line.
func (f *File) Newline() string {
	if i := bytes.IndexByte(f.Data, '\n'); i > 0 && f.Data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func (f *File) index() {
	f.once.Do(func() {
		f.lines = []int{0}
		for i, b := range f.Data {
			if b == '\n' {
				f.lines = append(f.lines, i+1)
			}
		}
	})
}

// Derived gives what make finds in a file, and keeps it with the file for the
// next who asks by that key: many jobs look at the same files. Nobody changes it.
// Keys are of types that the asking package keeps to itself.
func Derived[T any](f *File, key any, make func() T) T {
	f.mu.Lock()
	v, ok := f.derived[key]
	f.mu.Unlock()
	if ok {
		return v.(T)
	}
	made := make()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.derived == nil {
		f.derived = map[any]any{}
	}
	f.derived[key] = made
	return made
}

// Forget drops what Derived keeps.
func (f *File) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.derived = nil
}

// Span is a run of bytes of a file, End excluded. The zero Span is nowhere; a
// span with End == Start is a place between two bytes.
type Span struct {
	File       *File
	Start, End int
}

// Valid says whether the span is somewhere.
func (s Span) Valid() bool { return s.File != nil }

// Text is the spanned bytes.
func (s Span) Text() string {
	if s.File == nil {
		return ""
	}
	return string(s.File.Data[s.Start:s.End])
}

// Position is that of the span's first byte.
func (s Span) Position() Position {
	if s.File == nil {
		return Position{}
	}
	return s.File.Position(s.Start)
}

// EndPosition is that of the byte behind the span. Where the span was put
// together from several places it may lie before Position.
func (s Span) EndPosition() Position {
	if s.File == nil || s.End <= s.Start {
		return s.Position()
	}
	p := s.File.Position(s.End - 1)
	p.Column++
	if s.File.Data[s.End-1] == '\n' {
		return Position{p.Line + 1, 1}
	}
	return p
}

// String gives "file:line:column", the form editors jump to.
func (s Span) String() string {
	if s.File == nil {
		return ""
	}
	p := s.Position()
	return fmt.Sprintf("%s:%d:%d", s.File.Name, p.Line, p.Column)
}

// Place gives "file:line", the short form for tables.
func (s Span) Place() string {
	if s.File == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.File.Name, s.Position().Line)
}

// Line gives the line that the span begins in, with its line end.
func (s Span) Line() string {
	if s.File == nil {
		return ""
	}
	return string(s.File.Data[s.File.LineStart(s.Start):s.File.LineEnd(s.Start)])
}

// Whole spans all of a file.
func Whole(f *File) Span { return Span{f, 0, len(f.Data)} }

// Edit replaces the bytes from Start to End (excluded) with New. Rule names
// who made the edit, for the error when two of them collide.
type Edit struct {
	Start, End int
	New        string
	Rule       string
}

// Apply returns data with all edits made. Edits that overlap or lie outside
// the data are an error that names their rules; two insertions at one place
// are made in the order given.
func Apply(data []byte, edits []Edit) ([]byte, error) {
	sorted := append([]Edit(nil), edits...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Start < sorted[j].Start })
	var out bytes.Buffer
	at := 0
	for i, e := range sorted {
		if e.Start < 0 || e.End < e.Start || e.End > len(data) {
			return nil, fmt.Errorf("edit of rule %s at %d:%d lies outside the file (%d bytes)", e.Rule, e.Start, e.End, len(data))
		}
		if e.Start < at {
			return nil, fmt.Errorf("edits of rules %s and %s overlap at byte %d", sorted[i-1].Rule, e.Rule, e.Start)
		}
		out.Write(data[at:e.Start])
		out.WriteString(e.New)
		at = e.End
	}
	out.Write(data[at:])
	return out.Bytes(), nil
}

// Severity ranks a diagnostic.
type Severity int

const (
	// Note tells something that needs no action.
	Note Severity = iota
	// Warning needs a person to look.
	Warning
	// Error means that the job would not work.
	Error
)

func (s Severity) String() string {
	return [...]string{"note", "warning", "error"}[s]
}

// Diagnostic is one finding. ID is stable and kebab-case: users search for it
// and suppress it by it. Related places are shown behind the message.
// Differs names what a comparison of the old and the new process shows because
// of it: "env-missing:NAME", "argv", "access:PATH".
type Diagnostic struct {
	ID       string
	Severity Severity
	Span     Span
	Message  string
	Related  []Span
	Differs  []string
	Fix      string
}

func (d Diagnostic) String() string {
	if !d.Span.Valid() {
		return fmt.Sprintf("%s: %s (%s)", d.Severity, d.Message, d.ID)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", d.Span, d.Severity, d.Message, d.ID)
}

// SyntaxError is a parse error at a place. It prints bare, as compilers do.
type SyntaxError struct {
	Span    Span
	Message string
}

func (e *SyntaxError) Error() string { return e.Span.String() + ": " + e.Message }

// Errorf makes a SyntaxError.
func Errorf(at Span, format string, args ...any) error {
	return &SyntaxError{at, fmt.Sprintf(format, args...)}
}

// Split gives the place of an error, invalid where it has none, and its text
// without that.
func Split(err error) (Span, string) {
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Span, syntax.Message
	}
	return Span{}, err.Error()
}

func (s Span) origin() int {
	if s.File == nil {
		return s.Start
	}
	_, at := s.File.Original(s.Start)
	return at
}

// SortDiagnostics orders by file, place and id, so that output never depends
// on the order in which rules ran.
func SortDiagnostics(ds []Diagnostic) {
	key := func(d Diagnostic) string {
		if d.Span.File == nil {
			return ""
		}
		return d.Span.File.Name
	}
	sort.SliceStable(ds, func(i, j int) bool {
		a, b := ds[i], ds[j]
		if c := strings.Compare(key(a), key(b)); c != 0 {
			return c < 0
		}
		if x, y := a.Span.origin(), b.Span.origin(); x != y {
			return x < y
		}
		return a.ID < b.ID
	})
}

// Merge orders diagnostics and makes one of those that say the same of several
// places.
func Merge(all []Diagnostic) []Diagnostic {
	SortDiagnostics(all)
	var merged []Diagnostic
	at := map[string]int{}
	for _, d := range all {
		key := d.ID + "\x00" + d.Message
		i, seen := at[key]
		if !seen {
			at[key] = len(merged)
			merged = append(merged, d)
			continue
		}
		if merged[i].Span != d.Span && !slices.Contains(merged[i].Related, d.Span) {
			merged[i].Related = append(merged[i].Related, d.Span)
		}
	}
	return merged
}
