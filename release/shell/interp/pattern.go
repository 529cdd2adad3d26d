package interp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// matcher matches patterns of the shell. In a pattern a backslash quotes.
type matcher struct {
	extended, nocase bool
	wide             bool // characters are UTF-8
	// paths says that * ? and [ do not match a slash.
	paths bool
	steps int
}

// maxMatch is how many steps a match may take.
const maxMatch = 2_000_000

// runes are the characters of a text.
func (m *matcher) runes(s string) []rune {
	if m.wide {
		return []rune(s)
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return out
}

func (m *matcher) text(r []rune) string {
	if m.wide {
		return string(r)
	}
	b := make([]byte, len(r))
	for i, c := range r {
		b[i] = byte(c)
	}
	return string(b)
}

// match says whether all of s is matched.
func (m *matcher) match(pattern, s string) bool {
	p, t := m.runes(pattern), m.runes(s)
	return m.at(p, t, func(rest []rune) bool { return len(rest) == 0 })
}

// at matches p at the beginning of t; then says whether what is left will do.
func (m *matcher) at(p, t []rune, then func([]rune) bool) bool {
	if m.steps++; m.steps > maxMatch {
		return false
	}
	for len(p) > 0 {
		c := p[0]
		if m.extended && len(p) > 1 && p[1] == '(' && strings.ContainsRune("?*+@!", c) {
			if end := closing(p, 1); end > 0 {
				return m.group(c, alternatives(p[2:end]), p[end+1:], t, then)
			}
		}
		switch c {
		case '*':
			for len(p) > 1 && p[1] == '*' && !(m.extended && len(p) > 2 && p[2] == '(') {
				p = p[1:]
			}
			rest := p[1:]
			if len(rest) == 0 && !m.paths {
				// the whole rest, or as little as will do
				for i := len(t); i >= 0; i-- {
					if then(t[i:]) {
						return true
					}
				}
				return false
			}
			for i := 0; ; i++ {
				if m.at(rest, t[i:], then) {
					return true
				}
				if i >= len(t) || m.paths && t[i] == '/' || m.steps > maxMatch {
					return false
				}
			}
		case '?':
			if len(t) == 0 || m.paths && t[0] == '/' {
				return false
			}
			p, t = p[1:], t[1:]
		case '[':
			if n, ok, valid := m.class(p, t); valid {
				if len(t) == 0 || !ok || m.paths && t[0] == '/' {
					return false
				}
				p, t = p[n:], t[1:]
				continue
			}
			if len(t) == 0 || t[0] != '[' {
				return false
			}
			p, t = p[1:], t[1:]
		case '\\':
			if len(p) > 1 {
				p = p[1:]
				c = p[0]
			}
			fallthrough
		default:
			if len(t) == 0 || !m.same(c, t[0]) {
				return false
			}
			p, t = p[1:], t[1:]
		}
	}
	return then(t)
}

func (m *matcher) same(a, b rune) bool {
	return a == b || m.nocase && unicode.ToLower(a) == unicode.ToLower(b)
}

// closing is where the bracket at i is closed; -1 when it is not.
func closing(p []rune, i int) int {
	depth := 0
	for ; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '[':
			if end := classEnd(p[i:]); end > 0 {
				i += end - 1
			}
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func alternatives(p []rune) [][]rune {
	var out [][]rune
	depth, from := 0, 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '[':
			if end := classEnd(p[i:]); end > 0 {
				i += end - 1
			}
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				out, from = append(out, p[from:i]), i+1
			}
		}
	}
	return append(out, p[from:])
}

// group matches one of ?( *( +( @( !(.
func (m *matcher) group(op rune, alts [][]rune, rest, t []rune, then func([]rune) bool) bool {
	after := func(r []rune) bool { return m.at(rest, r, then) }
	once := func(t []rune, then func([]rune) bool) bool {
		for _, a := range alts {
			if m.at(a, t, then) {
				return true
			}
		}
		return false
	}
	switch op {
	case '@':
		return once(t, after)
	case '?':
		return once(t, after) || after(t)
	case '!':
		for i := len(t); i >= 0; i-- {
			part := t[:i]
			if once(part, func(r []rune) bool { return len(r) == 0 }) {
				continue
			}
			if after(t[i:]) {
				return true
			}
		}
		return false
	}
	var more func(t []rune) bool
	more = func(t []rune) bool {
		if after(t) {
			return true
		}
		return once(t, func(r []rune) bool { return len(r) < len(t) && more(r) })
	}
	if op == '*' {
		return more(t)
	}
	return once(t, func(r []rune) bool { return len(r) < len(t) && more(r) || len(r) == len(t) && after(r) })
}

// classEnd is how long the class at the beginning is; 0 when it is none.
func classEnd(p []rune) int {
	i := 1
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		i++
	}
	for first := true; i < len(p); first = false {
		switch {
		case p[i] == ']' && !first:
			return i + 1
		case p[i] == '[' && i+1 < len(p) && strings.ContainsRune(":.=", p[i+1]):
			end := -1
			for j := i + 2; j+1 < len(p); j++ {
				if p[j] == p[i+1] && p[j+1] == ']' {
					end = j + 2
					break
				}
			}
			if end < 0 {
				i++
			} else {
				i = end
			}
		case p[i] == '\\' && i+1 < len(p):
			i += 2
		default:
			i++
		}
	}
	return 0
}

// class matches a class: its length, whether the character is of it, and whether
// it is one.
func (m *matcher) class(p, t []rune) (n int, ok, valid bool) {
	n = classEnd(p)
	if n == 0 {
		return 0, false, false
	}
	if len(t) == 0 {
		return n, false, true
	}
	c := t[0]
	body := p[1 : n-1]
	negated := false
	if len(body) > 0 && (body[0] == '!' || body[0] == '^') {
		negated, body = true, body[1:]
	}
	in := func(lo, hi rune) bool {
		if lo <= c && c <= hi {
			return true
		}
		if m.nocase {
			for _, x := range []rune{unicode.ToLower(c), unicode.ToUpper(c)} {
				if lo <= x && x <= hi {
					return true
				}
			}
		}
		return false
	}
	found := false
	for i := 0; i < len(body); {
		if body[i] == '[' && i+1 < len(body) && strings.ContainsRune(":.=", body[i+1]) {
			end := -1
			for j := i + 2; j+1 < len(body); j++ {
				if body[j] == body[i+1] && body[j+1] == ']' {
					end = j
					break
				}
			}
			if end > 0 {
				name := string(body[i+2 : end])
				if body[i+1] == ':' {
					found = found || ofClass(name, c, m.nocase)
				} else {
					found = found || utf8.RuneCountInString(name) == 1 && in([]rune(name)[0], []rune(name)[0])
				}
				i = end + 2
				continue
			}
		}
		lo := body[i]
		if lo == '\\' && i+1 < len(body) {
			i++
			lo = body[i]
		}
		hi := lo
		if i+2 < len(body) && body[i+1] == '-' {
			i += 2
			hi = body[i]
			if hi == '\\' && i+1 < len(body) {
				i++
				hi = body[i]
			}
		}
		i++
		found = found || in(lo, hi)
	}
	return n, found != negated, true
}

func ofClass(name string, c rune, nocase bool) bool {
	ascii := c < 128
	switch name {
	case "alpha":
		return unicode.IsLetter(c) && ascii
	case "digit":
		return c >= '0' && c <= '9'
	case "alnum":
		return ascii && (unicode.IsLetter(c) || c >= '0' && c <= '9')
	case "upper":
		return ascii && (unicode.IsUpper(c) || nocase && unicode.IsLower(c))
	case "lower":
		return ascii && (unicode.IsLower(c) || nocase && unicode.IsUpper(c))
	case "space":
		return strings.ContainsRune(" \t\n\v\f\r", c)
	case "blank":
		return c == ' ' || c == '\t'
	case "punct":
		return c > 32 && c < 127 && !unicode.IsLetter(c) && !(c >= '0' && c <= '9')
	case "print":
		return c >= 32 && c < 127
	case "graph":
		return c > 32 && c < 127
	case "cntrl":
		return c < 32 || c == 127
	case "xdigit":
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
	case "word":
		return ascii && (unicode.IsLetter(c) || c >= '0' && c <= '9' || c == '_')
	}
	return false
}

// prefix is the length of the beginning of s that is matched: the longest one or
// the shortest; -1 for none.
func (m *matcher) prefix(pattern, s string, longest bool) int {
	p, t := m.runes(pattern), m.runes(s)
	best := -1
	m.at(p, t, func(rest []rune) bool {
		n := len(t) - len(rest)
		if best < 0 || longest && n > best || !longest && n < best {
			best = n
		}
		return false
	})
	if best < 0 {
		return -1
	}
	return len(m.text(t[:best]))
}

// suffix is the length of the end of s that is matched.
func (m *matcher) suffix(pattern, s string, longest bool) int {
	p, t := m.runes(pattern), m.runes(s)
	for k := range len(t) + 1 {
		i := len(t) - k
		if longest {
			i = k
		}
		if m.at(p, t[i:], func(rest []rune) bool { return len(rest) == 0 }) {
			return len(m.text(t[i:]))
		}
	}
	return -1
}

// special says whether a pattern has more than plain characters.
func special(pattern string, extended bool) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[':
			if strings.IndexByte(pattern[i:], ']') > 0 {
				return true
			}
		case '+', '@', '!':
			if extended && i+1 < len(pattern) && pattern[i+1] == '(' {
				return true
			}
		}
	}
	return false
}

// quoteMeta makes a pattern that matches a text and nothing else.
func quoteMeta(s string) string {
	if !strings.ContainsAny(s, `*?[]\()|+@!-^`) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`*?[]\()|+@!-^`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unquote removes the backslashes of a pattern.
func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
