// Package search is package regexp for expressions that look at whole files and
// seldom find anything: it gives the same answers, and is quicker to say no. An
// expression is compiled when it is first needed. A text that has none of the
// strings one of which every match contains is not searched; where a match lies
// in one line, only lines that have one of them are. Expressions that come from
// outside of this program are not its business.
package search

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// Pattern is a regular expression, with the syntax and the methods of package
// regexp. It may be used by several goroutines.
type Pattern struct {
	expr string
	once sync.Once
	re   *regexp.Regexp
	// needs are strings one of which is in every match; nil: none are known.
	needs []string
	// fold says that needs are lower case, and letters in a text may be of either.
	fold bool
	// line says that a match lies in one line and does not depend on others.
	line bool
}

// MustCompile makes a pattern. One that cannot be parsed panics when it is first
// used; a test of this package reads all that are written in the house.
func MustCompile(expr string) *Pattern { return &Pattern{expr: expr} }

// QuoteMeta is that of package regexp, which takes no expression that is not UTF-8: a
// byte of s that is not stands for any one character.
func QuoteMeta(s string) string {
	if utf8.ValidString(s) {
		return regexp.QuoteMeta(s)
	}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			b.WriteByte('.')
		} else {
			b.WriteString(regexp.QuoteMeta(s[:size]))
		}
		s = s[size:]
	}
	return b.String()
}

func (p *Pattern) String() string { return p.expr }

// regexp compiles the expression.
func (p *Pattern) regexp() *regexp.Regexp {
	p.once.Do(func() {
		p.re = regexp.MustCompile(p.expr)
		tree, err := syntax.Parse(p.expr, syntax.Perl)
		if err != nil {
			panic(err) // it compiled
		}
		if !anchored(tree) {
			p.needs = needs(tree)
		}
		if p.fold = folds(tree); p.fold {
			for i, n := range p.needs {
				p.needs[i] = strings.ToLower(n)
			}
		}
		p.line = p.needs != nil && inLine(tree)
	})
	return p.re
}

// inLines says whether a text is searched line by line, of which those that cannot
// match are passed over.
func (p *Pattern) inLines() bool {
	p.regexp()
	return p.line
}

// folded is a text as needs are looked for in it; ok is false where that cannot
// be done: letters beyond ASCII have more than two cases.
func (p *Pattern) folded(s string) (lower string, ok bool) {
	if !p.fold {
		return s, true
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return s, false
		}
	}
	return strings.ToLower(s), true
}

// possible says whether a match may be in a text.
func (p *Pattern) possible(s string) bool {
	p.regexp()
	if p.needs == nil {
		return true
	}
	s, ok := p.folded(s)
	return !ok || slices.ContainsFunc(p.needs, func(n string) bool { return strings.Contains(s, n) })
}

// lines calls do with each line that may have a match, and where it begins, until
// do returns false.
func (p *Pattern) lines(text string, do func(line string, at int) bool) {
	s, ok := p.folded(text)
	if !ok {
		do(text, 0)
		return
	}
	next := make([]int, len(p.needs)) // where each needed string comes next
	for i := range next {
		next[i] = -1
	}
	for at := 0; at < len(s); {
		first := len(s)
		for i, n := range p.needs {
			if next[i] < at {
				next[i] = len(s)
				if j := strings.Index(s[at:], n); j >= 0 {
					next[i] = at + j
				}
			}
			first = min(first, next[i])
		}
		if first == len(s) {
			return
		}
		start := strings.LastIndexByte(s[at:first], '\n') + 1 + at
		end := len(s)
		if i := strings.IndexByte(s[first:], '\n'); i >= 0 {
			end = first + i
		}
		if !do(text[start:end], start) {
			return
		}
		at = end + 1
	}
}

// all gives the matches as package regexp does, at most n where n is not -1.
func (p *Pattern) all(s string, n int) [][]int {
	if !p.inLines() {
		if !p.possible(s) {
			return nil
		}
		return p.re.FindAllStringSubmatchIndex(s, n)
	}
	var found [][]int
	p.lines(s, func(line string, at int) bool {
		for _, m := range p.re.FindAllStringSubmatchIndex(line, max(-1, n-len(found))) {
			for i := range m {
				if m[i] >= 0 {
					m[i] += at
				}
			}
			found = append(found, m)
		}
		return n < 0 || len(found) < n
	})
	return found
}

// first gives the first match.
func (p *Pattern) first(s string) []int {
	if !p.inLines() {
		if !p.possible(s) {
			return nil
		}
		return p.re.FindStringSubmatchIndex(s)
	}
	if all := p.all(s, 1); all != nil {
		return all[0]
	}
	return nil
}

// text is a view of bytes that nobody changes meanwhile: the methods for bytes
// keep no part of it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// MatchString says whether s has a match.
func (p *Pattern) MatchString(s string) bool {
	if !p.inLines() {
		return p.possible(s) && p.re.MatchString(s)
	}
	found := false
	p.lines(s, func(line string, _ int) bool {
		found = p.re.MatchString(line)
		return !found
	})
	return found
}

// Match says whether b has a match.
func (p *Pattern) Match(b []byte) bool { return p.MatchString(text(b)) }

// FindStringSubmatchIndex is that of package regexp.
func (p *Pattern) FindStringSubmatchIndex(s string) []int { return p.first(s) }

// FindSubmatchIndex is that of package regexp.
func (p *Pattern) FindSubmatchIndex(b []byte) []int { return p.first(text(b)) }

// FindStringIndex is that of package regexp.
func (p *Pattern) FindStringIndex(s string) []int { return whole(p.first(s)) }

// FindIndex is that of package regexp.
func (p *Pattern) FindIndex(b []byte) []int { return whole(p.first(text(b))) }

func whole(m []int) []int {
	if m == nil {
		return nil
	}
	return m[:2:2]
}

// FindString is that of package regexp.
func (p *Pattern) FindString(s string) string {
	if m := p.first(s); m != nil {
		return s[m[0]:m[1]]
	}
	return ""
}

// Find is that of package regexp.
func (p *Pattern) Find(b []byte) []byte {
	if m := p.first(text(b)); m != nil {
		return b[m[0]:m[1]:m[1]]
	}
	return nil
}

// FindStringSubmatch is that of package regexp.
func (p *Pattern) FindStringSubmatch(s string) []string {
	if m := p.first(s); m != nil {
		return groups(s, m)
	}
	return nil
}

func groups(s string, m []int) []string {
	out := make([]string, len(m)/2)
	for i := range out {
		if m[2*i] >= 0 {
			out[i] = s[m[2*i]:m[2*i+1]]
		}
	}
	return out
}

// FindSubmatch is that of package regexp.
func (p *Pattern) FindSubmatch(b []byte) [][]byte {
	if m := p.first(text(b)); m != nil {
		return byteGroups(b, m)
	}
	return nil
}

func byteGroups(b []byte, m []int) [][]byte {
	out := make([][]byte, len(m)/2)
	for i := range out {
		if m[2*i] >= 0 {
			out[i] = b[m[2*i]:m[2*i+1]:m[2*i+1]]
		}
	}
	return out
}

// FindAllStringSubmatchIndex is that of package regexp.
func (p *Pattern) FindAllStringSubmatchIndex(s string, n int) [][]int { return p.all(s, n) }

// FindAllSubmatchIndex is that of package regexp.
func (p *Pattern) FindAllSubmatchIndex(b []byte, n int) [][]int { return p.all(text(b), n) }

// FindAllStringIndex is that of package regexp.
func (p *Pattern) FindAllStringIndex(s string, n int) [][]int {
	all := p.all(s, n)
	for i, m := range all {
		all[i] = m[:2:2]
	}
	return all
}

// FindAllIndex is that of package regexp.
func (p *Pattern) FindAllIndex(b []byte, n int) [][]int { return p.FindAllStringIndex(text(b), n) }

// FindAllString is that of package regexp.
func (p *Pattern) FindAllString(s string, n int) []string {
	var out []string
	for _, m := range p.all(s, n) {
		out = append(out, s[m[0]:m[1]])
	}
	return out
}

// FindAllStringSubmatch is that of package regexp.
func (p *Pattern) FindAllStringSubmatch(s string, n int) [][]string {
	var out [][]string
	for _, m := range p.all(s, n) {
		out = append(out, groups(s, m))
	}
	return out
}

// FindAllSubmatch is that of package regexp.
func (p *Pattern) FindAllSubmatch(b []byte, n int) [][][]byte {
	var out [][][]byte
	for _, m := range p.all(text(b), n) {
		out = append(out, byteGroups(b, m))
	}
	return out
}

// ReplaceAllString is that of package regexp.
func (p *Pattern) ReplaceAllString(s, with string) string {
	if !p.possible(s) {
		return s
	}
	return p.re.ReplaceAllString(s, with)
}

// ReplaceAllLiteralString is that of package regexp.
func (p *Pattern) ReplaceAllLiteralString(s, with string) string {
	if !p.possible(s) {
		return s
	}
	return p.re.ReplaceAllLiteralString(s, with)
}

// ReplaceAllStringFunc is that of package regexp.
func (p *Pattern) ReplaceAllStringFunc(s string, with func(string) string) string {
	if !p.possible(s) {
		return s
	}
	return p.re.ReplaceAllStringFunc(s, with)
}

// ReplaceAllFunc is that of package regexp: it gives a copy.
func (p *Pattern) ReplaceAllFunc(b []byte, with func([]byte) []byte) []byte {
	return p.regexp().ReplaceAllFunc(b, with)
}

// ReplaceAll is that of package regexp: it gives a copy.
func (p *Pattern) ReplaceAll(b, with []byte) []byte { return p.regexp().ReplaceAll(b, with) }

// Split is that of package regexp.
func (p *Pattern) Split(s string, n int) []string { return p.regexp().Split(s, n) }

// NumSubexp is that of package regexp.
func (p *Pattern) NumSubexp() int { return p.regexp().NumSubexp() }

// SubexpIndex is that of package regexp.
func (p *Pattern) SubexpIndex(name string) int { return p.regexp().SubexpIndex(name) }
