package vm

import (
	"cmp"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
)

func init() {
	register(map[string]command{
		"cat": cat, "tee": tee, "cut": cut, "tr": tr, "head": head, "tail": tail, "uniq": uniq, "wc": wc, "rev": rev, "tac": tac, "paste": paste,
		"comm": comm, "nl": nl, "fold": fold, "seq": seq, "expr": expr, "basename": basename, "dirname": dirname, "yes": yes, "envsubst": envsubst,
		"echo": byShell, "printf": byShell, "true": func(*Call) int { return 0 }, "false": func(*Call) int { return 1 },
	})
}

func cat(c *Call) int {
	opts, names, ok := c.options("n u v e t A b s E T number=n squeeze-blank=s show-all=A number-nonblank=b")
	if !ok {
		return 0
	}
	for _, o := range []string{"v", "e", "t", "A", "E", "T"} {
		if opts.has(o) {
			return c.missed("-" + o)
		}
	}
	n, blank := 0, false
	plain := !opts.has("n") && !opts.has("b") && !opts.has("s")
	return c.each(names, func(_ string, data []byte) {
		if plain {
			c.Stdout.Write(data)
			return
		}
		for _, l := range lines(data) {
			empty := l == "\n"
			if opts.has("s") && empty && blank {
				continue
			}
			blank = empty
			if opts.has("b") && !empty || opts.has("n") && !opts.has("b") {
				n++
				c.printf("%6d\t", n)
			}
			c.printf("%s", l)
		}
	})
}

func tee(c *Call) int {
	opts, names, ok := c.options("a i p append=a ignore-interrupts=i output-error::")
	if !ok {
		return 0
	}
	status := 0
	var files []string
	for _, n := range names {
		if n == "/dev/stdout" || n == "/dev/stderr" || n == "/dev/null" {
			continue
		}
		// the files are there before the first line comes
		if err := c.WriteFile(n, nil, opts.has("a")); err != nil {
			status = c.failf(1, "%s", err)
			continue
		}
		files = append(files, n)
	}
	data := c.input()
	c.Stdout.Write(data)
	for _, n := range names {
		switch n {
		case "/dev/stdout":
			c.Stdout.Write(data)
		case "/dev/stderr":
			c.Stderr.Write(data)
		}
	}
	for _, n := range files {
		if err := c.WriteFile(n, data, true); err != nil {
			status = c.failf(1, "%s", err)
		}
	}
	return status
}

// ranges parses a list of cut: 1,3-5,7-.
func ranges(list string) (func(n int) bool, error) {
	type span struct{ from, to int }
	var spans []span
	for _, p := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		a, b, dash := strings.Cut(p, "-")
		s := span{1, 1 << 30}
		var err error
		if a != "" {
			s.from, err = strconv.Atoi(a)
		}
		if err == nil && b != "" {
			s.to, err = strconv.Atoi(b)
		}
		if !dash {
			s.to = s.from
		}
		if err != nil || s.from < 1 || s.to < s.from || p == "-" {
			return nil, fmt.Errorf("invalid field value '%s'", p)
		}
		spans = append(spans, s)
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("fields are numbered from 1")
	}
	return func(n int) bool {
		for _, s := range spans {
			if n >= s.from && n <= s.to {
				return true
			}
		}
		return false
	}, nil
}

func cut(c *Call) int {
	opts, names, ok := c.options("d: f: c: b: s n z delimiter=d fields=f characters=c bytes=b only-delimited=s complement output-delimiter:")
	if !ok {
		return 0
	}
	if opts.has("z") {
		return c.missed("-z")
	}
	mode := opts.last("f", "c", "b")
	if mode == "" {
		return c.failf(1, "you must specify a list of bytes, characters, or fields")
	}
	list, _ := opts.get(mode)
	in, err := ranges(list)
	if err != nil {
		return c.failf(1, "%s", err)
	}
	if opts.has("complement") {
		inner := in
		in = func(n int) bool { return !inner(n) }
	}
	delim := "\t"
	if d, ok := opts.get("d"); ok {
		if len(d) > 1 {
			return c.failf(1, "the delimiter must be a single character")
		}
		if delim = d; d == "" {
			delim = "\x00"
		}
	}
	join, joined := opts.get("output-delimiter")
	if !joined && mode == "f" {
		join = delim
	}
	return c.each(names, func(_ string, data []byte) {
		for _, l := range chomped(data) {
			var parts, kept []string
			if mode == "f" {
				if !strings.Contains(l, delim) {
					if !opts.has("s") {
						c.printf("%s\n", l)
					}
					continue
				}
				parts = strings.Split(l, delim)
			} else {
				for i := range len(l) {
					parts = append(parts, l[i:i+1])
				}
			}
			for i, p := range parts {
				if in(i + 1) {
					kept = append(kept, p)
				}
			}
			if mode != "f" && joined {
				// the delimiter stands between ranges only
				c.miss("cut --output-delimiter with -" + mode)
			}
			c.printf("%s\n", strings.Join(kept, join))
		}
	})
}

var classes = map[string]func(b byte) bool{
	"alpha":  func(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' },
	"digit":  func(b byte) bool { return b >= '0' && b <= '9' },
	"alnum":  func(b byte) bool { return wordy(b) && b != '_' },
	"upper":  func(b byte) bool { return b >= 'A' && b <= 'Z' },
	"lower":  func(b byte) bool { return b >= 'a' && b <= 'z' },
	"space":  func(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' },
	"blank":  func(b byte) bool { return b == ' ' || b == '\t' },
	"punct":  func(b byte) bool { return b > ' ' && b < 127 && (!wordy(b) || b == '_') },
	"print":  func(b byte) bool { return b >= ' ' && b < 127 },
	"graph":  func(b byte) bool { return b > ' ' && b < 127 },
	"cntrl":  func(b byte) bool { return b < ' ' || b == 127 },
	"xdigit": func(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' },
}

// trSet is a set of tr, in order.
func trSet(s string) (set []byte, err error) {
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "[:") && strings.Contains(s[i:], ":]"):
			end := strings.Index(s[i:], ":]")
			class := classes[s[i+2:i+end]]
			if class == nil {
				return nil, fmt.Errorf("invalid character class '%s'", s[i+2:i+end])
			}
			for b := range 256 {
				if class(byte(b)) {
					set = append(set, byte(b))
				}
			}
			i += end + 2
			continue
		case strings.HasPrefix(s[i:], "[=") || len(s) > i+2 && s[i] == '[' && s[i+2] == '*' && strings.Contains(s[i:], "]"):
			return nil, fmt.Errorf("the set %s", s)
		}
		ch, width := trChar(s[i:])
		i += width
		if i+1 < len(s) && s[i] == '-' {
			to, w := trChar(s[i+1:])
			i += 1 + w
			if to < ch {
				return nil, fmt.Errorf("range-endpoints of '%c-%c' are in reverse collating sequence order", ch, to)
			}
			for b := int(ch); b <= int(to); b++ {
				set = append(set, byte(b))
			}
			continue
		}
		set = append(set, ch)
	}
	return set, nil
}

func trChar(s string) (byte, int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	if i := strings.IndexByte("abfnrtv\\", s[1]); i >= 0 {
		return "\a\b\f\n\r\t\v\\"[i], 2
	}
	n, width := 0, 1
	for width < len(s) && width < 4 && s[width] >= '0' && s[width] <= '7' {
		n, width = n*8+int(s[width]-'0'), width+1
	}
	if width > 1 {
		return byte(n), width
	}
	return s[1], 2
}

func tr(c *Call) int {
	opts, sets, ok := c.options("d s c C t delete=d squeeze-repeats=s complement=c truncate-set1=t")
	if !ok {
		return 0
	}
	if len(sets) == 0 || len(sets) == 1 && !opts.has("d") && !opts.has("s") {
		return c.failf(1, "missing operand")
	}
	if len(sets) > 2 || len(sets) > 1 && opts.has("d") && !opts.has("s") {
		return c.failf(1, "extra operand '%s'", sets[len(sets)-1])
	}
	from, err := trSet(sets[0])
	var to []byte
	if err == nil && len(sets) > 1 {
		to, err = trSet(sets[1])
	}
	if err != nil {
		return c.missed(err.Error())
	}
	var in [256]bool
	for _, b := range from {
		in[b] = true
	}
	if opts.has("c") || opts.has("C") {
		from = from[:0]
		for b := range in {
			if in[b] = !in[b]; in[b] {
				from = append(from, byte(b))
			}
		}
	}
	var table [256]byte
	for b := range table {
		table[b] = byte(b)
	}
	squeeze := in
	if !opts.has("d") && len(sets) > 1 {
		if len(to) == 0 {
			return c.failf(1, "when not truncating set1, string2 must be non-empty")
		}
		if opts.has("t") && len(from) > len(to) {
			from = from[:len(to)]
		}
		for i, b := range from {
			table[b] = to[min(i, len(to)-1)]
		}
	}
	if len(sets) > 1 {
		squeeze = [256]bool{}
		for _, b := range to {
			squeeze[b] = true
		}
	}
	var out []byte
	for _, b := range c.input() {
		if opts.has("d") && in[b] {
			continue
		}
		b = table[b]
		if opts.has("s") && squeeze[b] && len(out) > 0 && out[len(out)-1] == b {
			continue
		}
		out = append(out, b)
	}
	c.Stdout.Write(out)
	return 0
}

// numbered turns the old -5 and +5 into -n 5.
func (c *Call) numbered() {
	if len(c.Args) < 2 {
		return
	}
	a := c.Args[1]
	args := []string{c.Args[0]}
	rest := strings.TrimLeft(a, "-+")
	digits := strings.TrimRight(rest, "fcqlbkm")
	if _, err := strconv.Atoi(digits); err == nil && len(a)-len(rest) == 1 && (a[0] == '-' || c.Name() == "tail") {
		value := digits
		if a[0] == '+' {
			value = "+" + digits
		}
		args = append(args, "-n", value)
		if f := strings.Trim(rest[len(digits):], "l"); f != "" {
			args = append(args, "-"+f)
		}
		c.Args = append(args, c.Args[2:]...)
	}
}

// size is a number with a suffix: 5, 10k, 2M.
func size(s string) (int64, bool) {
	units := map[string]int64{"": 1, "c": 1, "w": 2, "b": 512, "kB": 1000, "MB": 1000_000, "GB": 1000_000_000}
	for i, u := range []string{"K", "M", "G", "T"} {
		n := int64(1) << (10 * (i + 1))
		units[u], units[u+"iB"], units[strings.ToLower(u)] = n, n, n
	}
	digits := s
	for i, r := range s {
		if !unicode.IsDigit(r) && (i > 0 || r != '-' && r != '+') {
			digits = s[:i]
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	unit, known := units[s[len(digits):]]
	// what is beyond this is no size of anything here, and products stay in range
	const most = 1 << 50
	if err != nil || !known || n > most/unit || n < -most/unit {
		return 0, false
	}
	return n * unit, true
}

func head(c *Call) int { return ends(c, true) }
func tail(c *Call) int { return ends(c, false) }

// ends is head and tail.
func ends(c *Call, first bool) int {
	c.numbered()
	opts, names, ok := c.options("n: c: q v f F z s: lines=n bytes=c quiet=q silent=q verbose=v follow:: retry pid:")
	if !ok {
		return 0
	}
	if opts.has("z") {
		return c.missed("-z")
	}
	if opts.has("f") || opts.has("F") || opts.has("follow") {
		c.miss("tail -f, which does not end")
	}
	unit := opts.last("n", "c")
	spec := "10"
	if unit != "" {
		spec, _ = opts.get(unit)
	}
	n, ok := size(spec)
	if !ok {
		return c.failf(1, "invalid number of lines: '%s'", spec)
	}
	plus, minus := strings.HasPrefix(spec, "+"), strings.HasPrefix(spec, "-")
	if minus {
		n = -n
	}
	pick := func(total int) (from, to int) {
		k := int(min(n, int64(total)))
		switch {
		case first && minus:
			return 0, total - k
		case first:
			return 0, k
		case plus:
			return min(max(int(min(n, int64(total)+1))-1, 0), total), total
		}
		return total - k, total
	}
	headers := len(names) > 1 && !opts.has("q") || opts.has("v")
	if len(names) == 0 {
		names = []string{"-"}
	}
	status := 0
	printed := false
	for _, name := range names {
		data, err := c.read(name)
		if err != nil {
			status = c.failf(1, "cannot open '%s' for reading: %s", name, why(err))
			continue
		}
		if headers {
			if printed {
				c.printf("\n")
			}
			title := name
			if name == "-" {
				title = "standard input"
			}
			c.printf("==> %s <==\n", title)
			printed = true
		}
		if unit == "c" {
			from, to := pick(len(data))
			c.Stdout.Write(data[from:to])
			continue
		}
		all := lines(data)
		from, to := pick(len(all))
		c.printf("%s", strings.Join(all[from:to], ""))
	}
	return status
}

func uniq(c *Call) int {
	opts, names, ok := c.options("c d u i f: s: w: D count=c repeated=d unique=u ignore-case=i skip-fields=f skip-chars=s check-chars=w")
	if !ok {
		return 0
	}
	if opts.has("D") {
		return c.missed("-D")
	}
	var in []string
	if len(names) > 0 {
		in = names[:1]
	}
	data, status := c.gather(in)
	key := func(l string) string {
		if v, ok := opts.get("f"); ok {
			n, _ := strconv.Atoi(v)
			for range min(n, len(l)) {
				l = strings.TrimLeft(l, " \t")
				if i := strings.IndexAny(l, " \t"); i >= 0 {
					l = l[i:]
				} else {
					l = ""
				}
			}
		}
		if v, ok := opts.get("s"); ok {
			n, _ := strconv.Atoi(v)
			l = l[min(max(n, 0), len(l)):]
		}
		if v, ok := opts.get("w"); ok {
			n, _ := strconv.Atoi(v)
			l = l[:min(max(n, 0), len(l))]
		}
		if opts.has("i") {
			l = strings.ToLower(l)
		}
		return l
	}
	var out strings.Builder
	all := chomped(data)
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && key(all[j]) == key(all[i]) {
			j++
		}
		n := j - i
		if !(opts.has("d") && n == 1) && !(opts.has("u") && n > 1) {
			if opts.has("c") {
				fmt.Fprintf(&out, "%7d ", n)
			}
			out.WriteString(all[i] + "\n")
		}
		i = j
	}
	if len(names) > 1 {
		if err := c.WriteFile(names[1], []byte(out.String()), false); err != nil {
			return c.failf(1, "%s", err)
		}
		return status
	}
	c.printf("%s", out.String())
	return status
}

func wc(c *Call) int {
	opts, names, ok := c.options("l w c m L lines=l words=w bytes=c chars=m max-line-length=L")
	if !ok {
		return 0
	}
	kinds := []string{}
	for _, k := range []string{"l", "w", "m", "c", "L"} {
		if opts.has(k) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		kinds = []string{"l", "w", "c"}
	}
	type counted struct {
		name string
		n    map[string]int
	}
	var rows []counted
	total := map[string]int{}
	bytes := 0
	status := c.each(names, func(name string, data []byte) {
		n := map[string]int{"l": strings.Count(string(data), "\n"), "w": len(strings.Fields(string(data))), "c": len(data), "m": len(data)}
		for _, l := range chomped(data) {
			n["L"] = max(n["L"], len(l))
		}
		for k, v := range n {
			if total[k] += v; k == "L" {
				total[k] = max(total[k]-v, v)
			}
		}
		bytes += len(data)
		rows = append(rows, counted{name, n})
	})
	width := len(strconv.Itoa(bytes))
	switch {
	case len(names) <= 1 && len(kinds) == 1:
		width = 1
	case len(names) == 0 || strings.Contains(" "+strings.Join(names, " ")+" ", " - "):
		width = 7
	}
	show := func(n map[string]int, name string) {
		for i, k := range kinds {
			if i > 0 {
				c.printf(" ")
			}
			c.printf("%*d", width, n[k])
		}
		if name != "" {
			c.printf(" %s", name)
		}
		c.printf("\n")
	}
	for _, r := range rows {
		if len(names) == 0 {
			r.name = ""
		}
		show(r.n, r.name)
	}
	if len(names) > 1 {
		show(total, "total")
	}
	return status
}

func rev(c *Call) int {
	return c.each(c.Args[1:], func(_ string, data []byte) {
		for _, l := range lines(data) {
			r := []rune(chomp(l))
			for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
				r[i], r[j] = r[j], r[i]
			}
			c.printf("%s%s", string(r), l[len(chomp(l)):])
		}
	})
}

func tac(c *Call) int {
	_, names, ok := c.options("")
	if !ok {
		return 0
	}
	return c.each(names, func(_ string, data []byte) {
		all := lines(data)
		for i := len(all) - 1; i >= 0; i-- {
			c.printf("%s", all[i])
		}
	})
}

func paste(c *Call) int {
	opts, names, ok := c.options("d: s delimiters=d serial=s")
	if !ok {
		return 0
	}
	delims := []string{"\t"}
	if d, ok := opts.get("d"); ok {
		delims = nil
		for i := 0; i < len(d); {
			if strings.HasPrefix(d[i:], `\0`) {
				delims = append(delims, "")
				i += 2
				continue
			}
			b, w := trChar(d[i:])
			delims = append(delims, string(b))
			i += w
		}
		if len(delims) == 0 {
			delims = []string{""}
		}
	}
	var columns [][]string
	status := c.each(names, func(_ string, data []byte) { columns = append(columns, chomped(data)) })
	if !opts.has("s") {
		columns = deal(names, columns)
	}
	join := func(cells []string) {
		for i, s := range cells {
			if i > 0 {
				c.printf("%s", delims[(i-1)%len(delims)])
			}
			c.printf("%s", s)
		}
		c.printf("\n")
	}
	if opts.has("s") {
		for _, col := range columns {
			join(col)
		}
		return status
	}
	for row := 0; ; row++ {
		cells := make([]string, len(columns))
		more := false
		for i, col := range columns {
			if row < len(col) {
				cells[i], more = col[row], true
			}
		}
		if !more {
			return status
		}
		join(cells)
	}
}

// deal gives each - among several a line of standard input in turn; the first of
// them has read all.
func deal(names []string, columns [][]string) [][]string {
	var at []int
	for i, n := range names {
		if n == "-" && i < len(columns) {
			at = append(at, i)
		}
	}
	if len(at) < 2 || len(names) != len(columns) {
		return columns
	}
	all := columns[at[0]]
	for k, i := range at {
		columns[i] = nil
		for j := k; j < len(all); j += len(at) {
			columns[i] = append(columns[i], all[j])
		}
	}
	return columns
}

func comm(c *Call) int {
	opts, names, ok := c.options("1 2 3 nocheck-order check-order output-delimiter:")
	if !ok || len(names) != 2 {
		return 1
	}
	if opts.has("output-delimiter") {
		return c.missed("--output-delimiter")
	}
	var in [2][]string
	for i, n := range names {
		data, err := c.read(n)
		if err != nil {
			return c.failf(1, "%s", err)
		}
		in[i] = chomped(data)
	}
	a, b := in[0], in[1]
	show := func(column int, line string) {
		if opts.has(strconv.Itoa(column)) {
			return
		}
		tabs := 0
		for k := 1; k < column; k++ {
			if !opts.has(strconv.Itoa(k)) {
				tabs++
			}
		}
		c.printf("%s%s\n", strings.Repeat("\t", tabs), line)
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			show(1, a[0])
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			show(2, b[0])
			b = b[1:]
		default:
			show(3, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return 0
}

func nl(c *Call) int {
	opts, names, ok := c.options("b: w: s: n: v: i: body-numbering=b number-width=w number-separator=s starting-line-number=v")
	if !ok {
		return 0
	}
	if opts.has("n") || opts.has("i") {
		return c.missed("-n")
	}
	width, sep, n := 6, "\t", 1
	if v, ok := opts.get("w"); ok {
		width, _ = strconv.Atoi(v)
		width = min(max(width, 1), 100)
	}
	if v, ok := opts.get("s"); ok {
		sep = v
	}
	if v, ok := opts.get("v"); ok {
		n, _ = strconv.Atoi(v)
	}
	body, _ := opts.get("b")
	return c.each(names, func(_ string, data []byte) {
		for _, l := range chomped(data) {
			if l == "" && body != "a" || body == "n" {
				c.printf("%s%s\n", strings.Repeat(" ", width+len(sep)), l)
				continue
			}
			c.printf("%*d%s%s\n", width, n, sep, l)
			n++
		}
	})
}

func fold(c *Call) int {
	opts, names, ok := c.options("w: s b width=w spaces=s bytes=b")
	if !ok {
		return 0
	}
	width := 80
	if v, ok := opts.get("w"); ok {
		var err error
		if width, err = strconv.Atoi(v); err != nil || width < 1 {
			return c.failf(1, "invalid number of columns: '%s'", v)
		}
	}
	return c.each(names, func(_ string, data []byte) {
		for _, l := range lines(data) {
			text := chomp(l)
			for len(text) > width {
				at := width
				if i := strings.LastIndexAny(text[:width], " \t"); opts.has("s") && i >= 0 {
					at = i + 1
				}
				c.printf("%s\n", text[:at])
				text = text[at:]
			}
			c.printf("%s%s", text, l[len(chomp(l)):])
		}
	})
}

func seq(c *Call) int {
	args := c.Args
	// negative numbers are no options
	var operands []string
	sep, format, equal := "\n", "", false
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-s" && i+1 < len(args):
			i++
			sep = args[i]
		case strings.HasPrefix(a, "-s"):
			sep = a[2:]
		case a == "-f" && i+1 < len(args):
			i++
			format = args[i]
		case a == "-w":
			equal = true
		case len(a) > 1 && a[0] == '-' && a[1] != '.' && (a[1] < '0' || a[1] > '9'):
			return c.missed(a)
		default:
			operands = append(operands, a)
		}
	}
	first, step, last := 1.0, 1.0, 0.0
	decimals, width := 0, 0
	var err error
	number := func(s string, bound bool) float64 {
		v, e := strconv.ParseFloat(s, 64)
		if e != nil {
			err = fmt.Errorf("invalid floating point argument: '%s'", s)
		}
		if _, d, dot := strings.Cut(s, "."); dot && !bound {
			decimals = max(decimals, len(d))
		}
		return v
	}
	switch len(operands) {
	case 1:
		last = number(operands[0], true)
	case 2:
		first, last = number(operands[0], false), number(operands[1], true)
	case 3:
		first, step, last = number(operands[0], false), number(operands[1], false), number(operands[2], true)
	default:
		return c.failf(1, "missing operand")
	}
	if err == nil && step == 0 {
		err = fmt.Errorf("invalid Zero increment value: '%s'", operands[1])
	}
	if err != nil {
		return c.failf(1, "%s", err)
	}
	show := func(v float64) string {
		if format != "" {
			return fmt.Sprintf(format, v)
		}
		return strconv.FormatFloat(v, 'f', decimals, 64)
	}
	if equal {
		width = max(len(show(first)), len(show(last)))
	}
	if format != "" && (strings.Count(format, "%") != 1 || !strings.ContainsAny(format, "gfe")) {
		return c.missed("-f " + format)
	}
	var out strings.Builder
	for i := 0; ; i++ {
		v := first + float64(i)*step
		if step > 0 && v > last+1e-10 || step < 0 && v < last-1e-10 {
			break
		}
		if out.Len() > maxOutput {
			c.miss("seq: output without end")
			break
		}
		if i > 0 {
			out.WriteString(sep)
		}
		s := show(v)
		if pad := width - len(s); pad > 0 {
			s = strings.Repeat("0", pad) + s
		}
		out.WriteString(s)
	}
	if out.Len() > 0 {
		c.printf("%s\n", out.String())
	}
	return 0
}

func basename(c *Call) int {
	opts, names, ok := c.options("a s: z multiple=a suffix=s zero=z")
	if !ok {
		return 0
	}
	if len(names) == 0 {
		return c.failf(1, "missing operand")
	}
	suffix, multiple := opts.get("s")
	if !multiple && !opts.has("a") {
		if len(names) > 2 {
			return c.failf(1, "extra operand '%s'", names[2])
		}
		if len(names) == 2 {
			suffix, names = names[1], names[:1]
		}
	}
	end := "\n"
	if opts.has("z") {
		end = "\x00"
	}
	for _, n := range names {
		b := ""
		if n != "" {
			b = path.Base(n)
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		c.printf("%s%s", b, end)
	}
	return 0
}

func dirname(c *Call) int {
	opts, names, ok := c.options("z zero=z")
	if !ok {
		return 0
	}
	if len(names) == 0 {
		return c.failf(1, "missing operand")
	}
	end := "\n"
	if opts.has("z") {
		end = "\x00"
	}
	for _, n := range names {
		// unlike path.Dir, what is left is not cleaned
		d := strings.TrimRight(n, "/")
		switch i := strings.LastIndexByte(d, '/'); {
		case d == "" && n != "":
			d = "/"
		case i < 0:
			d = "."
		default:
			if d = strings.TrimRight(d[:i], "/"); d == "" {
				d = "/"
			}
		}
		c.printf("%s%s", d, end)
	}
	return 0
}

func yes(c *Call) int {
	line := "y\n"
	if len(c.Args) > 1 {
		line = strings.Join(c.Args[1:], " ") + "\n"
	}
	for n := 0; n < maxOutput/16; n += len(line) {
		if _, err := c.Stdout.Write([]byte(line)); err != nil {
			return 141 // SIGPIPE
		}
	}
	return 0
}

func envsubst(c *Call) int {
	opts, operands, ok := c.options("v variables=v")
	if !ok {
		return 0
	}
	var only map[string]bool
	if len(operands) > 0 {
		only = map[string]bool{}
		names := []string{}
		substitute(operands[0], func(name, whole string) string {
			if !only[name] {
				names = append(names, name)
			}
			only[name] = true
			return whole
		})
		if opts.has("v") {
			for _, n := range names {
				c.printf("%s\n", n)
			}
			return 0
		}
	}
	c.printf("%s", substitute(string(c.input()), func(name, whole string) string {
		if only != nil && !only[name] {
			return whole
		}
		return c.Env[name]
	}))
	return 0
}

// substitute replaces $NAME and ${NAME}.
func substitute(s string, value func(name, whole string) string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '$' {
			out.WriteByte(s[i])
			i++
			continue
		}
		from, closer := i+1, 0
		if from < len(s) && s[from] == '{' {
			from, closer = from+1, 1
		}
		to := from
		for to < len(s) && wordy(s[to]) {
			to++
		}
		if to == from || s[from] >= '0' && s[from] <= '9' || closer > 0 && (to == len(s) || s[to] != '}') {
			out.WriteByte('$')
			i++
			continue
		}
		out.WriteString(value(s[from:to], s[i:to+closer]))
		i = to + closer
	}
	return out.String()
}

// expr evaluates as expr does; the status tells whether the result is nothing.
func expr(c *Call) int {
	words := c.Args[1:]
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	e := &exprParser{words: words}
	v, err := e.parse(0)
	if err == nil && e.at < len(words) {
		err = fmt.Errorf("syntax error: unexpected argument '%s'", words[e.at])
	}
	if err != nil {
		return c.failf(2, "%s", err)
	}
	if e.unknown != "" {
		return c.missed(e.unknown)
	}
	c.printf("%s\n", v)
	if v == "" || strings.Trim(v, "-0") == "" && strings.Contains(v, "0") {
		return 1
	}
	return 0
}

type exprParser struct {
	words   []string
	at      int
	unknown string
}

var exprLevels = [][]string{{"|"}, {"&"}, {"<", "<=", "=", "==", "!=", ">=", ">"}, {"+", "-"}, {"*", "/", "%"}, {":"}}

func (e *exprParser) parse(level int) (string, error) {
	if level == len(exprLevels) {
		return e.primary()
	}
	left, err := e.parse(level + 1)
	for err == nil && e.at < len(e.words) {
		op := e.words[e.at]
		known := false
		for _, o := range exprLevels[level] {
			known = known || o == op
		}
		if !known {
			break
		}
		e.at++
		var right string
		if right, err = e.parse(level + 1); err == nil {
			left, err = e.apply(op, left, right)
		}
	}
	return left, err
}

func (e *exprParser) primary() (string, error) {
	if e.at >= len(e.words) {
		if len(e.words) == 0 {
			return "", fmt.Errorf("missing operand")
		}
		return "", fmt.Errorf("syntax error: missing argument after '%s'", e.words[len(e.words)-1])
	}
	w := e.words[e.at]
	e.at++
	more := len(e.words) - e.at
	switch {
	case w == "(":
		v, err := e.parse(0)
		if err == nil && (e.at >= len(e.words) || e.words[e.at] != ")") {
			return "", fmt.Errorf("syntax error: expecting ')'")
		}
		e.at++
		return v, err
	case w == "+" && more > 0:
		e.at++
		return e.words[e.at-1], nil
	case w == "length" && more >= 1:
		v, err := e.primary()
		return strconv.Itoa(len(v)), err
	case (w == "match" || w == "index") && more >= 2:
		a, err := e.primary()
		if err != nil {
			return "", err
		}
		b, err := e.primary()
		if err != nil {
			return "", err
		}
		if w == "match" {
			return e.apply(":", a, b)
		}
		return strconv.Itoa(strings.IndexAny(a, b) + 1), nil
	case w == "substr" && more >= 3:
		var args [3]string
		for i := range args {
			var err error
			if args[i], err = e.primary(); err != nil {
				return "", err
			}
		}
		from, err1 := strconv.Atoi(args[1])
		n, err2 := strconv.Atoi(args[2])
		if err1 != nil || err2 != nil || from < 1 || n < 1 || from > len(args[0]) {
			return "", nil
		}
		return args[0][from-1 : min(len(args[0]), from-1+min(n, len(args[0])))], nil
	}
	return w, nil
}

func (e *exprParser) apply(op, a, b string) (string, error) {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	numbers := errX == nil && errY == nil
	null := func(s string) bool { return s == "" || s == "0" }
	switch op {
	case "|":
		if !null(a) {
			return a, nil
		}
		if !null(b) {
			return b, nil
		}
		return "0", nil
	case "&":
		if !null(a) && !null(b) {
			return a, nil
		}
		return "0", nil
	case ":":
		re, err := dialect{}.compile("^" + strings.TrimPrefix(b, "^"))
		if err != nil {
			e.unknown = b + ": " + err.Error()
			return "", nil
		}
		m := re.FindStringSubmatch(a)
		switch {
		case re.NumSubexp() > 0 && m == nil:
			return "", nil
		case re.NumSubexp() > 0:
			return m[1], nil
		case m == nil:
			return "0", nil
		}
		return strconv.Itoa(len(m[0])), nil
	case "+", "-", "*", "/", "%":
		if !numbers {
			return "", fmt.Errorf("non-integer argument")
		}
		switch op {
		case "+":
			x += y
		case "-":
			x -= y
		case "*":
			x *= y
		default:
			if y == 0 {
				return "", fmt.Errorf("division by zero")
			}
			if op == "/" {
				x /= y
			} else {
				x %= y
			}
		}
		return strconv.FormatInt(x, 10), nil
	}
	order := strings.Compare(a, b)
	if numbers {
		order = cmp.Compare(x, y)
	}
	holds := map[string]bool{"<": order < 0, "<=": order <= 0, "=": order == 0, "==": order == 0, "!=": order != 0, ">=": order >= 0, ">": order > 0}[op]
	if holds {
		return "1", nil
	}
	return "0", nil
}
