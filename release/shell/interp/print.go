package interp

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func echo(sh *Shell, args []string) int {
	args = args[1:]
	newline, escapes := true, sh.dash || sh.shopts["xpg_echo"]
	if sh.dash {
		if len(args) > 0 && args[0] == "-n" {
			newline, args = false, args[1:]
		}
	} else {
		for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
			for _, l := range args[0][1:] {
				switch l {
				case 'n':
					newline = false
				case 'e':
					escapes = true
				case 'E':
					escapes = false
				}
			}
			args = args[1:]
		}
	}
	text := strings.Join(args, " ")
	if escapes {
		var cut bool
		if text, cut = sh.escapes(text); cut {
			newline = false
		}
	}
	if newline {
		text += "\n"
	}
	return sh.print(text, "echo")
}

// escapes carries out those of echo.
func (sh *Shell) escapes(s string) (string, bool) {
	if !sh.dash {
		return ansi(s, true)
	}
	return dashEscapes(s, true)
}

// dashEscapes are those of dash: octal, no hexadecimal. lead says that octal
// numbers begin with 0.
func dashEscapes(s string, lead bool) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == 'c' && lead:
			return b.String(), true
		case c == 'e':
			b.WriteByte(27)
		case strings.IndexByte("abfnrtv\\", c) >= 0:
			b.WriteByte("\a\b\f\n\r\t\v\\"[strings.IndexByte("abfnrtv\\", c)])
		case c >= '0' && c <= '7':
			most := 3
			j := i
			if lead && c == '0' {
				j++
			}
			n, from := 0, j
			for j < len(s) && j-from < most && s[j] >= '0' && s[j] <= '7' {
				n = n*8 + int(s[j]-'0')
				j++
			}
			b.WriteByte(byte(n))
			i = j - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), false
}

// print writes to standard output.
func (sh *Shell) print(text, name string) int {
	f := sh.fds[1]
	if f == nil || f.W == nil {
		if text == "" && f != nil {
			return 0
		}
		sh.errorf("%s: write error: Bad file descriptor", name)
		return 1
	}
	if _, err := f.W.Write([]byte(text)); err != nil && sh.jump == goesOn {
		sh.errorf("%s: write error: %s", name, err)
		return 1
	}
	return 0
}

func printf(sh *Shell, args []string) int {
	args = args[1:]
	into := ""
	if !sh.dash && len(args) > 0 && strings.HasPrefix(args[0], "-v") {
		if args[0] == "-v" {
			if len(args) < 2 {
				sh.errorf("printf: -v: option requires an argument")
				return 2
			}
			into, args = args[1], args[2:]
		} else {
			into, args = args[0][2:], args[1:]
		}
		base := into
		if i := strings.IndexByte(into, '['); i > 0 {
			base = into[:i]
		}
		if !validName(base) {
			sh.errorf("printf: `%s': not a valid identifier", into)
			return 2
		}
	} else if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		sh.errorf("printf: %s: invalid option", args[0])
		return 2
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		sh.errorf("printf: usage: printf [-v var] format [arguments]")
		return 2
	}
	f := &formatter{sh: sh, args: args[1:]}
	format := args[0]
	for {
		before := len(f.args)
		if !f.run(format) {
			break
		}
		if len(f.args) == 0 || len(f.args) == before {
			break
		}
	}
	if into == "" {
		if status := sh.print(f.b.String(), "printf"); status != 0 {
			return status
		}
		return f.status
	}
	ok := true
	text, _, _ := strings.Cut(f.b.String(), "\x00")
	if i := strings.IndexByte(into, '['); i > 0 && strings.HasSuffix(into, "]") {
		key := into[i+1 : len(into)-1]
		if v, _ := sh.find(into[:i]); v == nil || v.kind != assoc {
			n, okN := sh.arithmetic(key)
			if !okN {
				return 1
			}
			key = strconv.FormatInt(n, 10)
		}
		ok = sh.assign(into[:i], key, text, true, false)
	} else {
		ok = sh.Set(into, text)
	}
	if !ok {
		return 1
	}
	return f.status
}

// formatter carries out a format of printf.
type formatter struct {
	sh     *Shell
	args   []string
	b      strings.Builder
	status int
}

func (f *formatter) arg() (string, bool) {
	if len(f.args) == 0 {
		return "", false
	}
	s := f.args[0]
	f.args = f.args[1:]
	return s, true
}

// number reads an argument as printf does.
func (f *formatter) number(s string, given bool) int64 {
	if !given || s == "" {
		return 0
	}
	if s[0] == '\'' || s[0] == '"' {
		if len(s) > 1 {
			if f.sh.utf8() {
				r, _ := utf8.DecodeRuneInString(s[1:])
				return int64(r)
			}
			return int64(s[1])
		}
		return 0
	}
	t := strings.TrimLeft(s, " \t\n")
	end := 0
	if end < len(t) && (t[0] == '-' || t[0] == '+') {
		end++
	}
	base := 10
	switch {
	case strings.HasPrefix(strings.ToLower(t[end:]), "0x"):
		base, end = 16, end+2
	case strings.HasPrefix(t[end:], "0"):
		base = 8
	}
	from := end
	for end < len(t) {
		if _, err := strconv.ParseUint(t[end:end+1], base, 64); err != nil {
			break
		}
		end++
	}
	var n int64
	if digits := t[from:end]; digits != "" {
		u, err := strconv.ParseUint(digits, base, 64)
		if err != nil || u > math.MaxInt64 && t[0] == '-' {
			u = math.MaxInt64
		}
		n = int64(u)
	}
	if t[0] == '-' {
		n = -n
	}
	if end < len(t) || from == end && base != 8 || t == "" {
		if f.sh.dash {
			f.sh.errorf("printf: %s: not completely converted", s)
		} else {
			f.sh.errorf("printf: %s: invalid number", s)
		}
		f.status = 1
	}
	return n
}

// run carries out the format once; false ends all output.
func (f *formatter) run(format string) bool {
	sh := f.sh
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '\\':
			j := i + 1
			if j >= len(format) {
				f.b.WriteByte('\\')
				continue
			}
			end := j + 1
			switch c := format[j]; {
			case c >= '0' && c <= '7':
				for end < len(format) && end-j < 3 && format[end] >= '0' && format[end] <= '7' {
					end++
				}
				n, _ := strconv.ParseUint(format[j:end], 8, 16)
				f.b.WriteByte(byte(n))
			case c == 'c' && !sh.dash:
				f.b.WriteString("\\c")
			case c == 'x' && !sh.dash, c == 'u' && !sh.dash, c == 'U' && !sh.dash:
				most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
				for end < len(format) && end-j <= most && strings.IndexByte("0123456789abcdefABCDEF", format[end]) >= 0 {
					end++
				}
				s, _ := ansi(format[i:end], false)
				f.b.WriteString(s)
			case sh.dash:
				s, _ := dashEscapes(format[i:end], false)
				if c == '"' || c == '\'' {
					s = "\\" + string(c)
				}
				f.b.WriteString(s)
			default:
				s, _ := ansi(format[i:end], false)
				f.b.WriteString(s)
			}
			i = end - 1
		case '%':
			n, ok := f.verb(format[i:])
			if !ok {
				return false
			}
			i += n - 1
		default:
			f.b.WriteByte(format[i])
		}
	}
	return true
}

// verb carries out one % and gives its length.
func (f *formatter) verb(s string) (int, bool) {
	sh := f.sh
	i := 1
	flags := ""
	for i < len(s) && strings.IndexByte("-+ #0'", s[i]) >= 0 {
		flags += s[i : i+1]
		i++
	}
	width, precision := -1, -1
	star := func() int {
		a, given := f.arg()
		return int(f.number(a, given))
	}
	digits := func() int {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, _ := strconv.Atoi(s[from:i])
		return n
	}
	if i < len(s) && s[i] == '*' {
		i++
		if width = star(); width < 0 {
			flags += "-"
			width = -width
		}
	} else if i < len(s) && s[i] >= '0' && s[i] <= '9' {
		width = digits()
	}
	if i < len(s) && s[i] == '.' {
		i++
		precision = 0
		if i < len(s) && s[i] == '*' {
			i++
			precision = star()
		} else {
			precision = digits()
		}
	}
	for i < len(s) && strings.IndexByte("hlLjzt", s[i]) >= 0 && !sh.dash {
		i++
	}
	if width > maxMemory || precision > maxMemory {
		sh.jump = halts
		return i, false
	}
	if i >= len(s) {
		if sh.dash {
			sh.errorf("printf: missing format character")
			f.status = 2
			return i, false
		}
		sh.errorf("printf: `%s': missing format character", s)
		f.status = 1
		return i, false
	}
	left := strings.Contains(flags, "-")
	out := func(text string, zero bool) {
		n := utf8.RuneCountInString(text)
		if !sh.utf8() {
			n = len(text)
		}
		fill := strings.Repeat(" ", max(0, width-n))
		switch {
		case left:
			f.b.WriteString(text + fill)
		case zero && strings.Contains(flags, "0"):
			sign := ""
			if text != "" && (text[0] == '-' || text[0] == '+' || text[0] == ' ') {
				sign, text = text[:1], text[1:]
			}
			if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
				sign, text = sign+text[:2], text[2:]
			}
			f.b.WriteString(sign + strings.Repeat("0", max(0, width-n)) + text)
		default:
			f.b.WriteString(fill + text)
		}
	}
	cut := func(text string) string {
		if precision >= 0 && precision < len(text) {
			if sh.utf8() {
				r := []rune(text)
				return string(r[:min(precision, len(r))])
			}
			return text[:precision]
		}
		return text
	}
	verb := s[i]
	i++
	switch verb {
	case '%':
		f.b.WriteByte('%')
	case 's':
		a, _ := f.arg()
		out(cut(a), false)
	case 'c':
		a, _ := f.arg()
		if len(a) > 0 {
			a = a[:1]
		} else {
			a = "\x00"
		}
		out(a, false)
	case 'b':
		a, _ := f.arg()
		var text string
		var end bool
		if sh.dash {
			text, end = dashEscapes(a, true)
		} else {
			text, end = percentB(a)
		}
		out(cut(text), false)
		if end {
			return i, false
		}
	case 'q', 'Q':
		if sh.dash {
			sh.errorf("printf: %%%c: invalid directive", verb)
			f.status = 2
			return i, false
		}
		a, _ := f.arg()
		if verb == 'Q' {
			a = cut(a)
			precision = -1
		}
		out(cut(quoteWords(a)), false)
	case 'd', 'i', 'u', 'o', 'x', 'X':
		a, given := f.arg()
		n := f.number(a, given)
		out(integer(n, verb, flags, precision), precision < 0)
	case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
		a, given := f.arg()
		x := 0.0
		if given && a != "" {
			var err error
			if a[0] == '\'' || a[0] == '"' {
				x = float64(f.number(a, true))
			} else if strings.Contains(strings.ToLower(a), "0x") && !strings.ContainsAny(a, "pP.") {
				x = float64(f.number(a, true))
			} else if x, err = strconv.ParseFloat(strings.TrimSpace(a), 64); err != nil {
				sh.errorf("printf: %s: invalid number", a)
				f.status = 1
				end := len(a)
				for end > 0 {
					if x, err = strconv.ParseFloat(strings.TrimSpace(a[:end]), 64); err == nil {
						break
					}
					end--
				}
			}
		}
		if verb == 'a' || verb == 'A' {
			sh.m.Miss("printf %a")
		}
		format := "%"
		for _, c := range flags {
			if strings.ContainsRune("+ #", c) {
				format += string(c)
			}
		}
		if precision < 0 {
			precision = 6
		}
		format += "." + strconv.Itoa(precision) + string(verb)
		out(fmt.Sprintf(format, x), true)
	case '(':
		end := strings.Index(s, ")T")
		if end < 0 || sh.dash {
			sh.errorf("printf: `(': invalid format character")
			f.status = 1
			return i, false
		}
		a, given := f.arg()
		when := int64(sh.m.Clock())
		if given && a != "-1" && a != "-2" {
			when = f.number(a, true)
		}
		layout := s[i:end]
		if layout == "" {
			layout = "%X"
		}
		out(strftime(sh, layout, time.Unix(when, 0).UTC()), false)
		i = end + 2
	default:
		if sh.dash {
			sh.errorf("printf: %%%c: invalid directive", verb)
			f.status = 2
			return i, false
		}
		sh.errorf("printf: `%c': invalid format character", verb)
		f.status = 1
		return i, false
	}
	return i, true
}

// percentB are the escapes of %b: as those of echo, and \ooo without 0.
func percentB(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] >= '1' && s[i+1] <= '7' {
			j := i + 1
			for j < len(s) && j-i <= 3 && s[j] >= '0' && s[j] <= '7' {
				j++
			}
			n, _ := strconv.ParseUint(s[i+1:j], 8, 16)
			b.WriteByte(byte(n))
			i = j
			continue
		}
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		j := i + 2
		if strings.IndexByte("0xuU", s[i+1]) >= 0 {
			most := map[byte]int{'0': 3, 'x': 2, 'u': 4, 'U': 8}[s[i+1]]
			set := "0123456789abcdefABCDEF"
			if s[i+1] == '0' {
				set = "01234567"
			}
			for j < len(s) && j-i-2 < most && strings.IndexByte(set, s[j]) >= 0 {
				j++
			}
		}
		if c := s[i+1]; c == '"' || c == '\'' || c == '?' {
			b.WriteByte(c)
			i = j
			continue
		}
		text, cut := ansi(s[i:j], true)
		b.WriteString(text)
		if cut {
			return b.String(), true
		}
		i = j
	}
	return b.String(), false
}

func integer(n int64, verb byte, flags string, precision int) string {
	text, sign := "", ""
	switch verb {
	case 'd', 'i':
		u := uint64(n)
		if n < 0 {
			sign, u = "-", -u
		} else if strings.Contains(flags, "+") {
			sign = "+"
		} else if strings.Contains(flags, " ") {
			sign = " "
		}
		text = strconv.FormatUint(u, 10)
	case 'u':
		text = strconv.FormatUint(uint64(n), 10)
	case 'o':
		text = strconv.FormatUint(uint64(n), 8)
		if strings.Contains(flags, "#") && text[0] != '0' {
			text = "0" + text
		}
	case 'x':
		text = strconv.FormatUint(uint64(n), 16)
	case 'X':
		text = strings.ToUpper(strconv.FormatUint(uint64(n), 16))
	}
	if precision >= 0 {
		if precision == 0 && n == 0 {
			text = ""
		}
		text = pad(text, precision)
	}
	if strings.Contains(flags, "#") && n != 0 && (verb == 'x' || verb == 'X') {
		sign = "0" + string(verb)
	}
	return sign + text
}

// quoteWords is printf %q.
func quoteWords(s string) string {
	if s == "" {
		return "''"
	}
	if control(s) || !utf8.ValidString(s) {
		return ansiQuote(s)
	}
	for i := range len(s) {
		if s[i] >= 128 {
			return ansiQuote(s)
		}
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if strings.IndexByte(" \t\n'\"\\|&;()<>!{}*[]?^$`,", c) >= 0 || i == 0 && (c == '#' || c == '~') || c == '~' && i > 0 && (s[i-1] == ':' || s[i-1] == '=') {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// strftime formats a time as %(..)T does.
func strftime(sh *Shell, layout string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 >= len(layout) {
			b.WriteByte(layout[i])
			continue
		}
		i++
		switch layout[i] {
		case 'Y':
			b.WriteString(t.Format("2006"))
		case 'm':
			b.WriteString(t.Format("01"))
		case 'd':
			b.WriteString(t.Format("02"))
		case 'H':
			b.WriteString(t.Format("15"))
		case 'M':
			b.WriteString(t.Format("04"))
		case 'S':
			b.WriteString(t.Format("05"))
		case 'F':
			b.WriteString(t.Format("2006-01-02"))
		case 'T', 'X':
			b.WriteString(t.Format("15:04:05"))
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'y':
			b.WriteString(t.Format("06"))
		case 'b':
			b.WriteString(t.Format("Jan"))
		case 'a':
			b.WriteString(t.Format("Mon"))
		case 'e':
			b.WriteString(t.Format("_2"))
		case 'Z':
			b.WriteString("UTC")
		case 'z':
			b.WriteString("+0000")
		case '%':
			b.WriteByte('%')
		default:
			sh.m.Miss("printf %(%" + layout[i:i+1] + ")T")
		}
	}
	return b.String()
}
