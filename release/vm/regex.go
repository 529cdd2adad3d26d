package vm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// dialect is the grammar of a regular expression.
type dialect struct {
	// extended is the grammar of grep -E and sed -E; the other one is basic.
	extended bool
	// escapes says that \t, \n and the like mean what they mean to sed.
	escapes bool
	// icase ignores case; multiline lets ^ and $ match at newlines.
	icase, multiline bool
}

// compile translates a regular expression of POSIX, with the extensions of GNU,
// into one of Go. What Go cannot say, such as back-references, is an error. A
// match is the longest of those that start first, and a dot matches a newline.
func (d dialect) compile(src string) (*regexp.Regexp, error) {
	expr, err := d.translate(src)
	if err != nil {
		return nil, err
	}
	flags := "(?s"
	if d.icase {
		flags += "i"
	}
	if d.multiline {
		flags += "m"
	}
	re, err := regexp.Compile(flags + ")" + expr)
	if err != nil {
		return nil, err
	}
	re.Longest()
	return re, nil
}

// translate gives the expression in Go's grammar, without flags.
func (d dialect) translate(src string) (string, error) {
	var out strings.Builder
	// start says that nothing of the branch has been read, atom that there is
	// something to repeat, loose that this something is a dot.
	start, atom, loose := true, false, false
	depth := 0
	put := func(s string) {
		out.WriteString(s)
		start, atom, loose = false, true, false
	}
	// op tells whether the operator stands at i, in the grammar's own way.
	op := func(i int, o byte) (width int) {
		switch {
		case d.extended && src[i] == o:
			return 1
		case !d.extended && src[i] == '\\' && i+1 < len(src) && src[i+1] == o:
			return 2
		}
		return 0
	}
	repeat := func(s string) {
		// a repetition of a repetition is not in Go's grammar: the outer one wins
		// where it is wider, and a group does no harm
		text := out.String()
		if n := len(text); n > 0 && strings.ContainsRune("*+?}", rune(text[n-1])) && (n < 2 || text[n-2] != '\\') {
			if s == "*" && text[n-1] == '*' {
				return
			}
		}
		out.WriteString(s)
		start = false
	}
	for i := 0; i < len(src); {
		ch := src[i]
		switch {
		case op(i, '(') > 0:
			i += op(i, '(')
			out.WriteByte('(')
			depth++
			start, atom, loose = true, false, false
		case op(i, ')') > 0 && depth > 0:
			i += op(i, ')')
			depth--
			put(")")
		case op(i, ')') > 0 && !d.extended:
			return "", fmt.Errorf("unmatched ) or \\)")
		case op(i, '|') > 0:
			i += op(i, '|')
			out.WriteByte('|')
			start, atom, loose = true, false, false
		case ch == '*':
			i++
			switch {
			case atom:
				repeat("*")
			case d.extended:
				// an operator at the start is passed over
			default:
				put(`\*`)
			}
		case (op(i, '+') > 0 || op(i, '?') > 0) && (atom || d.extended):
			w := max(op(i, '+'), op(i, '?'))
			o := src[i+w-1 : i+w]
			i += w
			if atom {
				repeat(o)
			}
		case op(i, '{') > 0 && atom:
			w := op(i, '{')
			closer := `\}`
			if d.extended {
				closer = "}"
			}
			end := strings.Index(src[i+w:], closer)
			body := ""
			if end >= 0 {
				body = src[i+w : i+w+end]
			}
			low, high, comma := strings.Cut(body, ",")
			_, lowErr := strconv.Atoi(low)
			_, highErr := strconv.Atoi(high)
			switch {
			case comma && low == "" && (high == "" || highErr == nil):
				body = "0," + high
			case lowErr != nil || comma && high != "" && highErr != nil:
				if !d.extended {
					return "", fmt.Errorf("invalid content of \\{\\}")
				}
				put(`\{`)
				i++
				continue
			}
			i += w + end + len(closer)
			repeat("{" + body + "}")
		case ch == '^':
			i++
			if d.extended || start {
				out.WriteString(anchor(d.multiline, '^'))
				// in basic expressions a star behind an anchor is itself
				if d.extended {
					start = false
				}
				atom = false
				continue
			}
			put(`\^`)
		case ch == '$':
			i++
			rest := src[i:]
			if d.extended || rest == "" || strings.HasPrefix(rest, `\)`) || strings.HasPrefix(rest, `\|`) {
				out.WriteString(anchor(d.multiline, '$'))
				start, atom, loose = false, false, false
				continue
			}
			put(`\$`)
		case ch == '.':
			i++
			put(".")
			loose = true
		case ch == '[':
			class, width, err := d.bracket(src[i:])
			if err != nil {
				return "", err
			}
			i += width
			put(class)
		case ch == '\\':
			if i+1 == len(src) {
				return "", fmt.Errorf("trailing backslash")
			}
			e := src[i+1]
			i += 2
			switch {
			case e >= '1' && e <= '9':
				return "", fmt.Errorf("a back-reference")
			case e == '<':
				if i < len(src) && !wordy(src[i]) && !strings.ContainsRune(`[(\`, rune(src[i])) {
					return "", fmt.Errorf(`\< before something that need not be a word`)
				}
				out.WriteString(`\b`)
				start = false
			case e == '>':
				if loose || !atom && !start {
					return "", fmt.Errorf(`\> behind something that need not be a word`)
				}
				out.WriteString(`\b`)
				start, atom = false, false
			case e == 'b' || e == 'B':
				out.WriteString(`\` + string(e))
				start, atom = false, false
			case e == '`':
				out.WriteString(`\A`)
				start, atom = false, false
			case e == '\'':
				out.WriteString(`\z`)
				start, atom = false, false
			case e == 's':
				put(`[\s\v]`)
			case e == 'S':
				put(`[^\s\v]`)
			case e == 'w' || e == 'W':
				put(`\` + string(e))
			case e == 'n' && d.escapes:
				put(`\n`)
			case d.escapes && strings.ContainsRune("tfrva", rune(e)):
				put(`\` + string(e))
			case d.escapes && strings.ContainsRune("cdox", rune(e)):
				return "", fmt.Errorf(`\%c`, e)
			default:
				put(regexp.QuoteMeta(string(e)))
			}
		case ch == '\n' && !d.escapes:
			// grep: each line is an expression
			i++
			out.WriteByte('|')
			start, atom, loose = true, false, false
		default:
			n := 1
			for i+n < len(src) && src[i+n]&0xC0 == 0x80 {
				n++
			}
			put(regexp.QuoteMeta(src[i : i+n]))
			i += n
		}
	}
	if depth > 0 {
		return "", fmt.Errorf("unmatched ( or \\(")
	}
	return out.String(), nil
}

func anchor(multiline bool, a byte) string {
	switch {
	case multiline:
		return string(a)
	case a == '^':
		return `\A`
	}
	return `\z`
}

func wordy(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// bracket translates the bracket expression that src starts with, and gives its
// width.
func (d dialect) bracket(src string) (string, int, error) {
	var out strings.Builder
	out.WriteByte('[')
	i := 1
	if i < len(src) && src[i] == '^' {
		out.WriteByte('^')
		i++
	}
	for first := true; ; first = false {
		if i >= len(src) {
			return "", 0, fmt.Errorf("unmatched [, [^, [:, [., or [=")
		}
		ch := src[i]
		switch {
		case ch == ']' && !first:
			out.WriteByte(']')
			return out.String(), i + 1, nil
		case ch == '[' && i+1 < len(src) && strings.ContainsRune(":.=", rune(src[i+1])):
			kind := src[i+1]
			end := strings.Index(src[i+2:], string(kind)+"]")
			if end < 0 {
				return "", 0, fmt.Errorf("unmatched [, [^, [:, [., or [=")
			}
			name := src[i+2 : i+2+end]
			i += end + 4
			switch kind {
			case ':':
				out.WriteString("[:" + name + ":]")
			default:
				out.WriteString(quoteInClass(name))
			}
			continue
		case ch == '\\' && d.escapes && i+1 < len(src) && strings.ContainsRune("ntfrv", rune(src[i+1])):
			out.WriteString(src[i : i+2])
			i += 2
			continue
		}
		n := 1
		for i+n < len(src) && src[i+n]&0xC0 == 0x80 {
			n++
		}
		out.WriteString(quoteInClass(src[i : i+n]))
		i += n
		if i+1 < len(src) && src[i] == '-' && src[i+1] != ']' {
			out.WriteByte('-')
			i++
			n := 1
			for i+n < len(src) && src[i+n]&0xC0 == 0x80 {
				n++
			}
			if src[i] == '[' && i+1 < len(src) && src[i+1] == '.' {
				return "", 0, fmt.Errorf("a collating symbol in a range")
			}
			out.WriteString(quoteInClass(src[i : i+n]))
			i += n
		}
	}
}

func quoteInClass(s string) string {
	if len(s) == 1 && strings.ContainsRune(`\[]^-&~`, rune(s[0])) {
		return `\` + s
	}
	return s
}

// perl compiles an expression of grep -P. \K, which forgets what was matched
// before it, becomes a group: keep is its number, or 0.
func perl(src string, icase bool) (re *regexp.Regexp, keep int, err error) {
	flags := "(?s"
	if icase {
		flags += "i"
	}
	if before, after, found := strings.Cut(src, `\K`); found && !strings.HasSuffix(before, `\`) {
		re, err := regexp.Compile(flags + ")(?:" + before + ")(?P<keep>" + after + ")")
		if err != nil {
			return nil, 0, err
		}
		return re, re.SubexpIndex("keep"), nil
	}
	re, err = regexp.Compile(flags + ")" + src)
	return re, 0, err
}

func quoteMeta(b byte) string { return regexp.QuoteMeta(string(b)) }

func goRegexp(expr string, icase bool) (*regexp.Regexp, error) {
	if icase {
		expr = "(?i)" + expr
	}
	return regexp.Compile("(?s)" + expr)
}
