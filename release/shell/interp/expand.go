package interp

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// frag is a piece of a word that was expanded.
type frag struct {
	s string
	// quoted says that it is neither split nor a pattern; split that it came from
	// an expansion without quotes.
	quoted, split bool
	// ends says that a field ends here, as between the elements of "$@".
	ends bool
	// kept says that it is a word though it is empty and stands beside a "$@" that is
	// none.
	kept bool
}

// how is where a word is expanded.
type how struct {
	quoted  bool // in double quotes
	single  bool // as the value of an assignment: it is not split
	heredoc bool
	inner   bool // the word of ${x:-word}
	// assign says that ~ counts behind : too.
	assign  bool
	pattern bool
}

// word expands a word into its pieces.
func (sh *Shell) word(w *syntax.Word, h how) []frag {
	if w == nil {
		return nil
	}
	var out []frag
	for i, p := range w.Parts {
		if sh.jump != goesOn {
			return out
		}
		out = sh.part(out, p, h, i == 0, i == len(w.Parts)-1)
	}
	return out
}

func (sh *Shell) part(out []frag, p syntax.WordPart, h how, first, last bool) []frag {
	switch p := p.(type) {
	case *syntax.Lit:
		return sh.literal(out, p.Value, h, first, last)
	case *syntax.SglQuoted:
		if p.Dollar {
			if sh.dash {
				return append(out, frag{s: "$", split: false}, frag{s: p.Value, quoted: true})
			}
			s, _ := ansi(p.Value, false)
			if i := strings.IndexByte(s, 0); i >= 0 {
				s = s[:i]
			}
			return append(out, frag{s: s, quoted: true})
		}
		return append(out, frag{s: p.Value, quoted: true})
	case *syntax.DblQuoted:
		return sh.quoted(out, p, h)
	case *syntax.ParamExp:
		return append(out, sh.param(p, h)...)
	case *syntax.CmdSubst:
		return append(out, frag{s: sh.substitute(p), quoted: h.quoted, split: !h.quoted})
	case *syntax.ArithmExp:
		n, ok := sh.arithm(p.X)
		if !ok {
			return out
		}
		return append(out, frag{s: strconv.FormatInt(n, 10), quoted: h.quoted, split: !h.quoted})
	case *syntax.ProcSubst:
		return append(out, frag{s: sh.process(p), quoted: true})
	case *syntax.ExtGlob:
		if !sh.shopts["extglob"] && !h.pattern {
			sh.m.Miss("a pattern of extglob without shopt -s extglob, which bash does not read")
		}
		return append(out, frag{s: p.Op.String() + sh.extended(p.Pattern.Value) + ")", quoted: h.quoted})
	case *syntax.BraceExp:
		// it was expanded before
	}
	return out
}

// extended is what is in the brackets of an extended pattern: expansions are
// carried out, what is quoted is quoted for the pattern.
func (sh *Shell) extended(s string) string {
	if !strings.ContainsAny(s, "$`'\"") {
		return s
	}
	w, err := wordOf(s)
	if err != nil || w == nil {
		sh.m.Miss("the pattern (" + s + ")")
		return s
	}
	return sh.patternOf(sh.word(w, how{single: true, pattern: true}), true)
}

// quoted expands what is in double quotes.
func (sh *Shell) quoted(out []frag, d *syntax.DblQuoted, h how) []frag {
	if d.Dollar && sh.dash {
		out = append(out, frag{s: "$"})
	}
	in := h
	in.quoted = true
	n := len(out)
	none := false // "$@" without elements leaves nothing
	if slices.ContainsFunc(d.Parts, isListPart) && slices.ContainsFunc(d.Parts, escapes) {
		sh.m.Miss(`a backslash in "$@${V:-text}"`)
	}
	for _, p := range d.Parts {
		if sh.jump != goesOn {
			return out
		}
		if l, ok := p.(*syntax.Lit); ok {
			out = sh.literal(out, l.Value, in, false, false)
			continue
		}
		before := len(out)
		out = sh.part(out, p, in, false, false)
		if e, ok := p.(*syntax.ParamExp); ok && len(out) == before && isList(e) {
			none = true
		}
	}
	switch {
	case none && !slices.ContainsFunc(out[n:], func(f frag) bool { return f.s != "" || f.ends || f.kept }):
		out = out[:n]
	case len(out) == n:
		out = append(out, frag{quoted: true})
	}
	return out
}

// escapes says whether it is ${V:-text} with a backslash in the text.
func escapes(p syntax.WordPart) bool {
	e, ok := p.(*syntax.ParamExp)
	if !ok || e.Exp == nil || e.Exp.Word == nil || !isDefault(e.Exp.Op) {
		return false
	}
	return slices.ContainsFunc(e.Exp.Word.Parts, func(p syntax.WordPart) bool {
		l, ok := p.(*syntax.Lit)
		return ok && strings.Contains(l.Value, `\`)
	})
}

// isList says whether a parameter stands for several words.
func isList(e *syntax.ParamExp) bool {
	if e.Param == nil || e.Length {
		return false
	}
	if e.Param.Value == "@" {
		return true
	}
	if w, ok := e.Index.(*syntax.Word); ok && w.Lit() == "@" {
		return true
	}
	return e.Names == syntax.NamesPrefixWords
}

// literal expands plain text: its backslashes and, at its beginning, ~.
func (sh *Shell) literal(out []frag, s string, h how, first, last bool) []frag {
	if h.quoted {
		if strings.IndexByte(s, '\\') < 0 {
			if s == "" {
				return out
			}
			return append(out, frag{s: s, quoted: true})
		}
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			if s[i] == '\\' && i+1 < len(s) {
				switch c := s[i+1]; {
				case c == '\n':
					i++
					continue
				case c == '$' || c == '`' || c == '\\' || c == '"' && !h.heredoc || c == '}' && h.inner:
					i++
				}
			}
			b.WriteByte(s[i])
		}
		return append(out, frag{s: b.String(), quoted: true})
	}
	if first && s != "" && s[0] == '~' {
		if home, rest, ok := sh.tilde(s, last, h.assign); ok {
			out = append(out, frag{s: home, quoted: true})
			s = rest
		}
	}
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, frag{s: b.String(), split: h.inner && !h.single})
			b.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] == '\n' {
				continue
			}
			flush()
			n := 1
			if s[i] >= utf8.RuneSelf {
				_, n = utf8.DecodeRuneInString(s[i:])
			}
			out = append(out, frag{s: s[i : i+n], quoted: true})
			i += n - 1
		case s[i] == ':' && h.assign && i+1 < len(s) && s[i+1] == '~':
			b.WriteByte(':')
			if home, rest, ok := sh.tilde(s[i+1:], last, true); ok {
				flush()
				out = append(out, frag{s: home, quoted: true})
				s, i = rest, -1
			}
		default:
			b.WriteByte(s[i])
		}
	}
	flush()
	return out
}

// tilde expands ~ at the beginning of s. last says that the word ends behind s.
func (sh *Shell) tilde(s string, last, assign bool) (home, rest string, ok bool) {
	stops := "/"
	if assign {
		stops = "/:"
	}
	end := strings.IndexAny(s, stops)
	if end < 0 {
		if !last {
			return "", s, false
		}
		end = len(s)
	}
	user := s[1:end]
	rest = s[end:]
	switch {
	case strings.IndexByte(user, '\\') >= 0:
		return "", s, false
	case user == "":
		home, ok = sh.Get("HOME")
		if !ok {
			home = sh.m.Home(sh, "")
		}
		if home == "/" && strings.HasPrefix(rest, "/") && !sh.dash {
			home = ""
		}
		return home, rest, true
	case user == "+" && !sh.dash:
		return sh.dir, rest, true
	case user == "-" && !sh.dash:
		home, ok = sh.Get("OLDPWD")
		return home, rest, ok
	}
	home = sh.m.Home(sh, user)
	return home, rest, home != ""
}

// plain is a part as text in quotes.
func (sh *Shell) plain(p syntax.WordPart, quoted bool) string {
	return joined(sh.part(nil, p, how{quoted: quoted, single: true}, false, false))
}

func joined(frags []frag) string {
	if len(frags) == 1 && !frags[0].ends {
		return frags[0].s
	}
	var b strings.Builder
	for _, f := range frags {
		if f.ends {
			b.WriteByte(' ')
		}
		b.WriteString(f.s)
	}
	return b.String()
}

// one expands a word to one text, as the value of an assignment.
func (sh *Shell) one(w *syntax.Word) string { return joined(sh.word(w, how{single: true})) }

// value expands the value of an assignment.
func (sh *Shell) assigned(w *syntax.Word) string {
	return joined(sh.word(w, how{single: true, assign: true}))
}

// document expands a here-document.
func (sh *Shell) document(w *syntax.Word) string {
	return joined(sh.word(w, how{quoted: true, single: true, heredoc: true}))
}

// fields expands words into arguments.
func (sh *Shell) fields(words []*syntax.Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, sh.field(w)...)
		if sh.jump != goesOn {
			return nil
		}
	}
	return out
}

// field expands a word into arguments.
func (sh *Shell) field(w *syntax.Word) []string { return sh.expand(w, !sh.dash) }

// expand is field; assigns says that ~ behind name= counts, as in an assignment.
func (sh *Shell) expand(w *syntax.Word, assigns bool) []string {
	if len(w.Parts) == 1 {
		if l, ok := w.Parts[0].(*syntax.Lit); ok && !strings.ContainsAny(l.Value, "\\~{*?[=") {
			return []string{l.Value}
		}
	}
	var out []string
	for _, w := range sh.braces(w) {
		h := how{}
		if assigns && len(w.Parts) > 0 {
			if l, ok := w.Parts[0].(*syntax.Lit); ok {
				if name, value, ok := strings.Cut(l.Value, "="); ok && validName(strings.TrimSuffix(name, "+")) && (strings.HasPrefix(value, "~") || strings.Contains(value, ":~")) {
					// bash takes it for an assignment where ~ is concerned
					parts := slices.Clone(w.Parts)
					var fr []frag
					fr = append(fr, frag{s: name + "="})
					rest := &syntax.Word{Parts: append([]syntax.WordPart{&syntax.Lit{Value: value}}, parts[1:]...)}
					fr = append(fr, sh.word(rest, how{assign: true})...)
					out = append(out, sh.split(fr)...)
					continue
				}
			}
		}
		out = append(out, sh.split(sh.word(w, h))...)
		if sh.jump != goesOn {
			return nil
		}
	}
	return out
}

// piece is a part of a field.
type piece struct {
	s      string
	quoted bool
}

// split makes fields of pieces and looks for the files that they match.
func (sh *Shell) split(frags []frag) []string {
	if len(frags) == 0 {
		return nil
	}
	ifs := sh.ifs()
	var fields [][]piece
	var now []piece
	have, afterSpace := false, false
	end := func() {
		fields = append(fields, now)
		now, have = nil, false
	}
	for _, f := range frags {
		if f.ends {
			if have || f.quoted {
				end()
			}
			afterSpace = false
			continue
		}
		if !f.split || f.quoted {
			if f.s != "" || f.quoted {
				now, have, afterSpace = append(now, piece{f.s, f.quoted}), true, false
			}
			continue
		}
		from := 0
		add := func(to int) {
			if to > from {
				now, have = append(now, piece{f.s[from:to], false}), true
			}
		}
		for i := range len(f.s) {
			c := f.s[i]
			if strings.IndexByte(ifs, c) < 0 {
				afterSpace = false
				continue
			}
			add(i)
			from = i + 1
			if c == ' ' || c == '\t' || c == '\n' {
				if have {
					end()
					afterSpace = true
				}
				continue
			}
			switch {
			case have:
				end()
			case afterSpace:
			default:
				end()
			}
			afterSpace = false
		}
		add(len(f.s))
	}
	if have {
		end()
	}
	var out []string
	for _, f := range fields {
		out = sh.files(out, f)
	}
	return out
}

// files adds the files that a field matches, or the field.
func (sh *Shell) files(out []string, f []piece) []string {
	meta := false
	var plain, pattern strings.Builder
	for _, p := range f {
		plain.WriteString(p.s)
		if p.quoted {
			pattern.WriteString(quoteMeta(p.s))
			continue
		}
		meta = meta || strings.ContainsAny(p.s, "*?[") || sh.shopts["extglob"] && strings.ContainsAny(p.s, "@+!")
		pattern.WriteString(p.s)
	}
	if !meta || sh.opts["noglob"] || !special(pattern.String(), sh.shopts["extglob"]) {
		return append(out, plain.String())
	}
	matches := sh.glob(pattern.String())
	switch {
	case len(matches) > 0:
		return append(out, matches...)
	case sh.shopts["failglob"]:
		sh.fatal("no match: %s", plain.String())
		return out
	case sh.shopts["nullglob"]:
		return out
	}
	return append(out, plain.String())
}

// glob gives the paths that a pattern matches, sorted.
func (sh *Shell) glob(pattern string) []string {
	if v := sh.str("GLOBIGNORE"); v != "" && !sh.dash {
		sh.m.Miss("GLOBIGNORE")
	}
	if strings.Contains(pattern, `\/`) {
		sh.m.Miss(`\/ in a pattern of files`)
	}
	prefixes := []string{""}
	rest := strings.ReplaceAll(pattern, `\/`, "/")
	if strings.HasPrefix(rest, "/") {
		n := len(rest) - len(strings.TrimLeft(rest, "/"))
		prefixes, rest = []string{rest[:n]}, rest[n:]
	}
	for rest != "" {
		end := slash(rest)
		part, after := rest[:end], ""
		if end < len(rest) {
			n := len(rest[end:]) - len(strings.TrimLeft(rest[end:], "/"))
			after, rest = rest[end:end+n], rest[end+n:]
		} else {
			rest = ""
		}
		var next []string
		for _, p := range prefixes {
			next = append(next, sh.globPart(p, part, after, rest == "")...)
		}
		prefixes = next
	}
	slices.Sort(prefixes)
	return prefixes
}

// slash is where the first slash is that is not quoted or in brackets.
func slash(p string) int {
	depth := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			depth--
		case '/':
			if depth <= 0 {
				return i
			}
		}
	}
	return len(p)
}

func (sh *Shell) globPart(prefix, part, after string, last bool) []string {
	if !special(part, sh.shopts["extglob"]) {
		name := prefix + unquote(part)
		if after == "" {
			if _, err := sh.m.Stat(sh, name, false); err != nil {
				return nil
			}
			return []string{name}
		}
		info, err := sh.m.Stat(sh, name, true)
		if err != nil || !info.IsDir() {
			return nil
		}
		return []string{name + after}
	}
	dir := prefix
	if dir == "" {
		dir = "."
	}
	names, err := sh.m.ReadDir(sh, dir)
	if err != nil {
		return nil
	}
	if part == "**" && sh.shopts["globstar"] {
		var out []string
		var walk func(at string)
		walk = func(at string) {
			if last && after == "" && at != prefix {
				out = append(out, strings.TrimSuffix(at, "/"))
			} else if at != prefix || !last {
				out = append(out, at)
			} else if after != "" {
				out = append(out, at)
			}
			d := at
			if d == "" {
				d = "."
			}
			names, _ := sh.m.ReadDir(sh, d)
			for _, n := range names {
				if strings.HasPrefix(n, ".") && !sh.shopts["dotglob"] {
					continue
				}
				info, err := sh.m.Stat(sh, at+n, false)
				if err != nil {
					continue
				}
				if info.IsDir() {
					walk(at + n + "/")
				} else if last && after == "" {
					out = append(out, at+n)
				}
			}
		}
		walk(prefix)
		return out
	}
	m := &matcher{extended: sh.shopts["extglob"], nocase: sh.shopts["nocaseglob"], wide: sh.utf8(), paths: true}
	if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "\\.") {
		if sh.dash {
			names = append([]string{".", ".."}, names...)
		}
	}
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, ".") && !strings.HasPrefix(part, ".") && !strings.HasPrefix(part, "\\.") && !(sh.shopts["dotglob"]) {
			continue
		}
		if !m.match(part, n) {
			continue
		}
		if after != "" {
			info, err := sh.m.Stat(sh, prefix+n, true)
			if err != nil || !info.IsDir() {
				continue
			}
		}
		out = append(out, prefix+n+after)
	}
	return out
}

// maxWords is how many words braces may make.
const maxWords = 1 << 17

// braces expands {a,b} and {1..3}.
func (sh *Shell) braces(w *syntax.Word) []*syntax.Word {
	if sh.dash || !sh.opts["braceexpand"] {
		return []*syntax.Word{w}
	}
	found := false
	for _, p := range w.Parts {
		if l, ok := p.(*syntax.Lit); ok && strings.IndexByte(l.Value, '{') >= 0 {
			found = true
		}
	}
	if !found {
		return []*syntax.Word{w}
	}
	tokens := braceTokens(w)
	alts, ok := sh.braceList(tokens)
	if !ok {
		return []*syntax.Word{w}
	}
	var out []*syntax.Word
	for _, a := range alts {
		if len(a) == 0 {
			continue
		}
		out = append(out, &syntax.Word{Parts: merge(a)})
	}
	return out
}

// braceTokens cuts the plain text of a word into single characters, so that
// braces can be found beside the other parts.
func braceTokens(w *syntax.Word) []syntax.WordPart {
	var out []syntax.WordPart
	for _, p := range w.Parts {
		l, ok := p.(*syntax.Lit)
		if !ok {
			out = append(out, p)
			continue
		}
		for i := 0; i < len(l.Value); i++ {
			n := 1
			if l.Value[i] == '\\' && i+1 < len(l.Value) {
				n = 2
			}
			out = append(out, &syntax.Lit{Value: l.Value[i : i+n], ValuePos: l.ValuePos, ValueEnd: l.ValueEnd})
			i += n - 1
		}
	}
	return out
}

func merge(parts []syntax.WordPart) []syntax.WordPart {
	var out []syntax.WordPart
	for _, p := range parts {
		l, ok := p.(*syntax.Lit)
		if ok && len(out) > 0 {
			if before, ok := out[len(out)-1].(*syntax.Lit); ok {
				out[len(out)-1] = &syntax.Lit{Value: before.Value + l.Value, ValuePos: before.ValuePos, ValueEnd: l.ValueEnd}
				continue
			}
		}
		out = append(out, p)
	}
	return out
}

func char(p syntax.WordPart) string {
	if l, ok := p.(*syntax.Lit); ok && len(l.Value) == 1 {
		return l.Value
	}
	return ""
}

// braceList expands the first braces that are some, and what is behind them.
func (sh *Shell) braceList(t []syntax.WordPart) (alts [][]syntax.WordPart, found bool) {
	for i := range t {
		if char(t[i]) != "{" {
			continue
		}
		depth, end := 0, -1
		var commas []int
		for j := i; j < len(t); j++ {
			switch char(t[j]) {
			case "{":
				depth++
			case "}":
				depth--
			case ",":
				if depth == 1 {
					commas = append(commas, j)
				}
			}
			if depth == 0 {
				end = j
				break
			}
		}
		if end < 0 {
			// no end: the braces in it may be some
			continue
		}
		var middle [][]syntax.WordPart
		if len(commas) > 0 {
			from := i + 1
			for _, c := range append(commas, end) {
				sub, ok := sh.braceList(t[from:c])
				if !ok {
					sub = [][]syntax.WordPart{t[from:c]}
				}
				middle = append(middle, sub...)
				from = c + 1
			}
		} else {
			seq, ok := sequence(t[i+1 : end])
			if !ok {
				continue // what is in it may be some
			}
			middle = seq
		}
		rest, ok := sh.braceList(t[end+1:])
		if !ok {
			rest = [][]syntax.WordPart{t[end+1:]}
		}
		if len(middle)*len(rest) > maxWords {
			sh.jump = halts
			return nil, false
		}
		for _, m := range middle {
			for _, r := range rest {
				alts = append(alts, slices.Concat(t[:i], m, r))
			}
		}
		return alts, true
	}
	return nil, false
}

// sequence is {1..10..2} and {a..e}.
func sequence(t []syntax.WordPart) ([][]syntax.WordPart, bool) {
	var b strings.Builder
	for _, p := range t {
		l, ok := p.(*syntax.Lit)
		if !ok {
			return nil, false
		}
		b.WriteString(l.Value)
	}
	ends := strings.Split(b.String(), "..")
	if len(ends) < 2 || len(ends) > 3 {
		return nil, false
	}
	step := 0
	if len(ends) == 3 {
		n, err := strconv.Atoi(ends[2])
		if err != nil {
			return nil, false
		}
		step = max(n, -n)
	}
	if step == 0 {
		step = 1
	}
	x, errX := strconv.Atoi(ends[0])
	y, errY := strconv.Atoi(ends[1])
	letters := false
	width := 0
	switch {
	case errX == nil && errY == nil:
		for _, e := range ends[:2] {
			digits := strings.TrimPrefix(e, "-")
			if len(digits) > 1 && digits[0] == '0' {
				width = max(len(ends[0]), len(ends[1]))
			}
		}
	case len(ends[0]) == 1 && len(ends[1]) == 1 && errX != nil && errY != nil && isName(ends[0][0]) && isName(ends[1][0]) && ends[0] != "_" && ends[1] != "_":
		letters, x, y = true, int(ends[0][0]), int(ends[1][0])
	default:
		return nil, false
	}
	if max(x-y, y-x)/step > maxWords {
		return nil, false
	}
	var out [][]syntax.WordPart
	add := func(n int) {
		s := strconv.Itoa(n)
		if letters {
			s = string(rune(n))
			if s == "\\" {
				s = ""
			}
			if s == "`" || s == "[" || s == "]" || s == "^" {
				s = "\\" + s
			}
		} else if len(s) < width {
			neg := strings.HasPrefix(s, "-")
			s = strings.TrimPrefix(s, "-")
			w := width
			if neg {
				w--
			}
			s = strings.Repeat("0", max(0, w-len(s))) + s
			if neg {
				s = "-" + s
			}
		}
		out = append(out, []syntax.WordPart{&syntax.Lit{Value: s}})
	}
	if x <= y {
		for n := x; n <= y; n += step {
			add(n)
		}
	} else {
		for n := x; n >= y; n -= step {
			add(n)
		}
	}
	return out, true
}

// patternOf makes a pattern of a word that was expanded. quotes says that
// backslashes of what was not quoted quote.
func (sh *Shell) patternOf(frags []frag, quotes bool) string {
	var b strings.Builder
	for _, f := range frags {
		if f.ends {
			b.WriteByte(' ')
		}
		if f.quoted {
			b.WriteString(quoteMeta(f.s))
		} else {
			b.WriteString(f.s)
		}
	}
	return b.String()
}

// pattern expands a word to a pattern.
func (sh *Shell) pattern(w *syntax.Word) string {
	return sh.patternOf(sh.word(w, how{single: true, pattern: true}), true)
}

// matches says whether a text is what a word says.
func (sh *Shell) matches(pattern, s string, extended bool) bool {
	m := &matcher{extended: extended && !sh.dash, nocase: sh.shopts["nocasematch"], wide: sh.utf8()}
	ok := m.match(pattern, s)
	if m.steps > maxMatch {
		sh.m.Miss("a pattern that takes too long")
	}
	return ok
}

// substitute is $(command).
func (sh *Shell) substitute(c *syntax.CmdSubst) string {
	sh.substituted = true
	if c.TempFile || c.ReplyVar {
		sh.m.Miss("${ command; }")
	}
	if len(c.Stmts) == 0 {
		sh.status = 0
		return ""
	}
	if s := c.Stmts[0]; len(c.Stmts) == 1 && s.Cmd == nil && len(s.Redirs) == 1 && s.Redirs[0].Op == syntax.RdrIn && !sh.dash {
		return sh.fileText(s)
	}
	at := sh.at
	out, status := sh.output(func(n *Shell) {
		n.stmts(c.Stmts)
	})
	sh.at = at
	sh.status = status
	return trim(out)
}

func trim(out string) string {
	if strings.IndexByte(out, 0) >= 0 {
		out = strings.ReplaceAll(out, "\x00", "")
	}
	return strings.TrimRight(out, "\n")
}

// fileText is $(<file).
func (sh *Shell) fileText(s *syntax.Stmt) string {
	text, status := sh.output(func(n *Shell) {
		undo, ok := n.redirect(s.Redirs)
		defer undo()
		if !ok {
			n.status = 1
			return
		}
		n.copy(n.fds[0], n.fds[1])
		n.status = 0
	})
	sh.status = status
	return trim(text)
}

// validName says whether a text can be the name of a variable.
func validName(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if !isName(s[i]) && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

func abs(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}
