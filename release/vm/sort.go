package vm

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

func init() { register(map[string]command{"sort": sortLines}) }

// sortKey is one -k of sort; its ends count from 1, chars of 0 mean the whole
// field.
type sortKey struct {
	field, char       int
	toField, toChar   int
	flags             string
	skipFrom, skipEnd bool
}

func parseKey(s string) (k sortKey, ok bool) {
	end := func(s string) (field, char int, flags string, ok bool) {
		i := strings.IndexFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
		if i >= 0 {
			s, flags = s[:i], s[i:]
		}
		f, c, dot := strings.Cut(s, ".")
		field, err := strconv.Atoi(f)
		if err == nil && dot {
			char, err = strconv.Atoi(c)
		}
		return field, char, flags, err == nil
	}
	from, to, two := strings.Cut(s, ",")
	var flags string
	if k.field, k.char, flags, ok = end(from); !ok || k.field < 1 {
		return k, false
	}
	k.skipFrom = strings.Contains(flags, "b")
	if two {
		var more string
		if k.toField, k.toChar, more, ok = end(to); !ok || k.toField < 1 {
			return k, false
		}
		k.skipEnd = strings.Contains(more, "b")
		flags += more
	}
	k.flags = strings.ReplaceAll(flags, "b", "")
	return k, strings.Trim(k.flags, "nrfdhVgi") == ""
}

// of is the part of a line that the key is.
func (k sortKey) of(line, sep string, blanks bool) string {
	// the bounds of the fields; without a separator the blanks before a field
	// belong to it
	var starts, ends []int
	if sep != "" {
		at := 0
		for _, f := range strings.Split(line, sep) {
			starts, ends = append(starts, at), append(ends, at+len(f))
			at += len(f) + len(sep)
		}
	} else {
		for at := 0; at < len(line); {
			i := at
			for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
				i++
			}
			for i < len(line) && line[i] != ' ' && line[i] != '\t' {
				i++
			}
			starts, ends = append(starts, at), append(ends, i)
			at = i
		}
	}
	skip := func(at int) int {
		for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
			at++
		}
		return at
	}
	if k.field > len(starts) {
		return ""
	}
	from := starts[k.field-1]
	if blanks || k.skipFrom {
		from = skip(from)
	}
	from = min(from+max(k.char-1, 0), len(line))
	to := len(line)
	if k.toField > 0 && k.toField <= len(starts) {
		to = ends[k.toField-1]
		if k.toChar > 0 {
			at := starts[k.toField-1]
			if blanks || k.skipEnd {
				at = skip(at)
			}
			to = min(at+k.toChar, len(line))
		}
	}
	if to < from {
		return ""
	}
	return line[from:to]
}

func sortLines(c *Call) int {
	opts, names, ok := c.options("n r u b f d h V g i M R s m z c C k: t: o: S: T: key=k field-separator=t output=o numeric-sort=n reverse=r unique=u ignore-leading-blanks=b ignore-case=f " +
		"dictionary-order=d human-numeric-sort=h version-sort=V general-numeric-sort=g stable=s merge=m check=c random-sort=R zero-terminated=z parallel:")
	if !ok {
		return 0
	}
	for _, o := range []string{"M", "R", "i"} {
		if opts.has(o) {
			return c.missed("-" + o)
		}
	}
	global := ""
	for _, o := range opts {
		if strings.Contains("nrfdhVg", o.name) {
			global += o.name
		}
	}
	var keys []sortKey
	for _, v := range opts.all("k") {
		k, ok := parseKey(v)
		if !ok {
			return c.missed("-k " + v)
		}
		keys = append(keys, k)
	}
	sep, _ := opts.get("t")
	if sep == `\0` {
		sep = "\x00"
	}
	blanks := opts.has("b")
	data, status := c.gather(names)
	if status != 0 {
		return 2
	}
	end := "\n"
	if opts.has("z") {
		end = "\x00"
	}
	var all []string
	if len(data) > 0 {
		all = strings.Split(strings.TrimSuffix(string(data), end), end)
	}
	byKeys := func(a, b string) int {
		if len(keys) == 0 {
			return compareBy(a, b, global, blanks)
		}
		for _, k := range keys {
			flags := k.flags
			if flags == "" {
				flags = global
			}
			if d := compareBy(k.of(a, sep, blanks), k.of(b, sep, blanks), flags, false); d != 0 {
				return d
			}
		}
		return 0
	}
	whole := func(a, b string) int {
		if d := byKeys(a, b); d != 0 || opts.has("s") || opts.has("u") {
			return d
		}
		if strings.Contains(global, "r") {
			a, b = b, a
		}
		return strings.Compare(a, b)
	}
	if opts.has("c") || opts.has("C") {
		for i := 1; i < len(all); i++ {
			if d := whole(all[i-1], all[i]); d > 0 || d == 0 && opts.has("u") {
				if opts.has("c") {
					c.failf(1, "%s:%d: disorder: %s", strings.Join(append(names, "-")[:1], ""), i+1, all[i])
				}
				return 1
			}
		}
		return 0
	}
	slices.SortStableFunc(all, whole)
	if opts.has("u") {
		all = slices.CompactFunc(all, func(a, b string) bool { return byKeys(a, b) == 0 })
	}
	out := strings.Join(all, end)
	if len(all) > 0 {
		out += end
	}
	if o, ok := opts.get("o"); ok {
		if err := c.WriteFile(o, []byte(out), false); err != nil {
			return c.failf(2, "open failed: %s", err)
		}
		return 0
	}
	c.printf("%s", out)
	return 0
}

func compareBy(a, b, flags string, blanks bool) int {
	has := func(f string) bool { return strings.Contains(flags, f) }
	if has("r") {
		a, b = b, a
	}
	if blanks {
		a, b = strings.TrimLeft(a, " \t"), strings.TrimLeft(b, " \t")
	}
	number := func(x, y float64) int {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	switch {
	case has("n"):
		return number(leading(a, false), leading(b, false))
	case has("g"):
		return number(leading(a, true), leading(b, true))
	case has("h"):
		return number(human(a), human(b))
	case has("V"):
		return versions(a, b)
	}
	plain := func(s string) string {
		if has("d") {
			s = strings.Map(func(r rune) rune {
				if r == ' ' || r == '\t' || r < 128 && classes["alnum"](byte(r)) {
					return r
				}
				return -1
			}, s)
		}
		if has("f") {
			s = strings.ToUpper(s)
		}
		return s
	}
	return strings.Compare(plain(a), plain(b))
}

// leading is the number that a text starts with, or 0.
func leading(s string, exponent bool) float64 {
	s = strings.TrimLeft(s, " \t")
	end, dot := 0, false
	for end < len(s) {
		ch := s[end]
		if !(ch >= '0' && ch <= '9' || end == 0 && ch == '-' || ch == '.' && !dot) {
			break
		}
		dot = dot || ch == '.'
		end++
	}
	if exponent {
		for e := len(s); e > end; e-- {
			if v, err := strconv.ParseFloat(s[:e], 64); err == nil && !math.IsNaN(v) {
				return v
			}
		}
	}
	v, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0
	}
	return v
}

func human(s string) float64 {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "-0123456789.")
	v := leading(s, false)
	if digits != "" {
		if i := strings.IndexByte("KMGTPE", strings.ToUpper(digits)[0]); i >= 0 {
			v *= math.Pow(1024, float64(i+1))
		}
	}
	return v
}

// versions compares texts the numbers in which count as numbers.
func versions(a, b string) int {
	full := strings.Compare(a, b)
	for a != "" || b != "" {
		cut := func(s string, digit bool) (string, string) {
			i := strings.IndexFunc(s, func(r rune) bool { return (r >= '0' && r <= '9') != digit })
			if i < 0 {
				return s, ""
			}
			return s[:i], s[i:]
		}
		var x, y string
		x, a = cut(a, false)
		y, b = cut(b, false)
		if d := versionText(x, y); d != 0 {
			return d
		}
		x, a = cut(a, true)
		y, b = cut(b, true)
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if d := strings.Compare(x, y); d != 0 {
			return d
		}
	}
	return full
}

// versionText orders what is no number: ~ first, then the end, letters, the rest.
func versionText(x, y string) int {
	rank := func(s string, i int) int {
		switch {
		case i >= len(s):
			return 0
		case s[i] == '~':
			return -1
		case classes["alpha"](s[i]):
			return int(s[i])
		}
		return 256 + int(s[i])
	}
	for i := range max(len(x), len(y)) {
		if d := rank(x, i) - rank(y, i); d != 0 {
			return d
		}
	}
	return 0
}
