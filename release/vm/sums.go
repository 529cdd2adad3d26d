package vm

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

func init() {
	register(map[string]command{
		"base64": base64Command, "md5sum": sum, "sha1sum": sum, "sha256sum": sum, "sha512sum": sum, "shasum": sum,
		"cmp": cmpFiles, "diff": diff, "od": od, "xxd": xxd,
	})
}

func base64Command(c *Call) int {
	opts, names, ok := c.options("d D i w: decode=d ignore-garbage=i wrap=w")
	if !ok {
		return 0
	}
	data, status := c.gather(names)
	if opts.has("d") || opts.has("D") {
		text := strings.Map(func(r rune) rune {
			garbage := r > 127 || !classes["alnum"](byte(r)) && !strings.ContainsRune("+/=", r)
			if r == '\n' || opts.has("i") && garbage {
				return -1
			}
			return r
		}, string(data))
		out, err := base64.StdEncoding.DecodeString(text)
		c.Stdout.Write(out)
		if err != nil {
			return c.failf(1, "invalid input")
		}
		return status
	}
	width := 76
	if v, ok := opts.get("w"); ok {
		var err error
		if width, err = strconv.Atoi(v); err != nil || width < 0 {
			return c.failf(1, "invalid wrap size: '%s'", v)
		}
	}
	text := base64.StdEncoding.EncodeToString(data)
	for width > 0 && text != "" {
		n := min(width, len(text))
		c.printf("%s\n", text[:n])
		text = text[n:]
	}
	c.printf("%s", text)
	return status
}

func sum(c *Call) int {
	opts, names, ok := c.options("b t c a: z quiet status w strict ignore-missing check=c binary=b text=t algorithm=a tag")
	if !ok {
		return 0
	}
	kind := c.Name()
	if kind == "shasum" {
		bits, given := opts.get("a")
		if !given {
			bits = "1"
		}
		kind = "sha" + bits + "sum"
	}
	digest := func(data []byte) string {
		switch kind {
		case "md5sum":
			return fmt.Sprintf("%x", md5.Sum(data))
		case "sha1sum":
			return fmt.Sprintf("%x", sha1.Sum(data))
		case "sha256sum":
			return fmt.Sprintf("%x", sha256.Sum256(data))
		case "sha512sum":
			return fmt.Sprintf("%x", sha512.Sum512(data))
		}
		return ""
	}
	if digest(nil) == "" || opts.has("tag") || opts.has("z") {
		return c.missed("of another kind")
	}
	if opts.has("c") {
		status := 0
		bad := c.each(names, func(_ string, data []byte) {
			for _, l := range chomped(data) {
				want, name, ok := strings.Cut(l, " ")
				if !ok || len(name) < 2 {
					continue
				}
				name = name[1:]
				content, err := c.read(name)
				result := "OK"
				switch {
				case err != nil && opts.has("ignore-missing"):
					continue
				case err != nil:
					c.failf(0, "%s", err)
					status, result = 1, "FAILED open or read"
				case !strings.EqualFold(want, digest(content)):
					status, result = 1, "FAILED"
				}
				if !opts.has("status") && !(opts.has("quiet") && result == "OK") {
					c.printf("%s: %s\n", name, result)
				}
			}
		})
		return max(status, bad)
	}
	return c.each(names, func(name string, data []byte) {
		mark := " "
		if opts.has("b") {
			mark = "*"
		}
		c.printf("%s %s%s\n", digest(data), mark, name)
	})
}

func cmpFiles(c *Call) int {
	opts, names, ok := c.options("s l b n: silent=s quiet=s")
	if !ok {
		return 0
	}
	if opts.has("l") || opts.has("b") || opts.has("n") || len(names) == 0 || len(names) > 2 {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	if len(names) == 1 {
		names = append(names, "-")
	}
	var in [2][]byte
	for i, n := range names {
		data, err := c.read(n)
		if err != nil {
			if !opts.has("s") {
				c.failf(2, "%s", err)
			}
			return 2
		}
		in[i] = data
	}
	a, b := in[0], in[1]
	if bytes.Equal(a, b) {
		return 0
	}
	if opts.has("s") {
		return 1
	}
	line := 1
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			c.printf("%s %s differ: char %d, line %d\n", names[0], names[1], i+1, line)
			return 1
		}
		if a[i] == '\n' {
			line++
		}
	}
	shorter := 0
	if len(b) < len(a) {
		shorter = 1
	}
	n := len(in[shorter])
	switch {
	case n == 0:
		return c.failf(1, "EOF on %s which is empty", names[shorter])
	case in[shorter][n-1] == '\n':
		return c.failf(1, "EOF on %s after byte %d, line %d", names[shorter], n, line-1)
	}
	return c.failf(1, "EOF on %s after byte %d, in line %d", names[shorter], n, line)
}

// diff compares two files. What differs is printed in the plain format; other
// formats are printed as unknown, with the right status.
func diff(c *Call) int {
	opts, names, ok := c.options("q s u U: N r b w B i a y c brief=q report-identical-files=s unified:: new-file=N recursive=r ignore-space-change=b ignore-all-space=w ignore-blank-lines=B " +
		"ignore-case=i text=a side-by-side=y strip-trailing-cr")
	if !ok {
		return 0
	}
	if len(names) != 2 {
		return c.failf(2, "missing operand after '%s'", c.Args[len(c.Args)-1])
	}
	var in [2][]byte
	for i, n := range names {
		if node, err := c.Stat(n); n != "-" && err == nil && node.Mode.IsDir() {
			return c.missed("of folders")
		}
		data, err := c.read(n)
		if err != nil && !opts.has("N") {
			return c.failf(2, "%s", err)
		}
		in[i] = data
	}
	same := func(x, y string) bool { return x == y }
	for _, o := range []string{"b", "w", "B", "i", "strip-trailing-cr"} {
		if opts.has(o) && !bytes.Equal(in[0], in[1]) {
			return c.missed("-" + o)
		}
	}
	if bytes.Equal(in[0], in[1]) {
		if opts.has("s") {
			c.printf("Files %s and %s are identical\n", names[0], names[1])
		}
		return 0
	}
	a, b := lines(in[0]), lines(in[1])
	switch {
	case opts.has("q"):
		c.printf("Files %s and %s differ\n", names[0], names[1])
		return 1
	case opts.has("u") || opts.has("U") || opts.has("unified") || opts.has("y") || opts.has("c") || len(a)*len(b) > 4_000_000:
		c.miss("diff: what it prints")
		return 1
	}
	// the longest common subsequence, from the ends
	long := make([][]int, len(a)+1)
	for i := range long {
		long[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same(a[i], b[j]) {
				long[i][j] = long[i+1][j+1] + 1
			} else {
				long[i][j] = max(long[i+1][j], long[i][j+1])
			}
		}
	}
	span := func(from, to int) string {
		if to-from <= 1 {
			return strconv.Itoa(max(to, from))
		}
		return fmt.Sprintf("%d,%d", from+1, to)
	}
	show := func(mark string, text []string) {
		for _, l := range text {
			c.printf("%s %s", mark, l)
			if !strings.HasSuffix(l, "\n") {
				c.printf("\n\\ No newline at end of file\n")
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if i < len(a) && j < len(b) && same(a[i], b[j]) {
			i, j = i+1, j+1
			continue
		}
		x, y := i, j
		for x < len(a) || y < len(b) {
			if x < len(a) && y < len(b) && same(a[x], b[y]) {
				break
			}
			if y == len(b) || x < len(a) && long[x+1][y] >= long[x][y+1] {
				x++
			} else {
				y++
			}
		}
		switch {
		case x == i:
			c.printf("%da%s\n", i, span(j, y))
		case y == j:
			c.printf("%sd%d\n", span(i, x), j)
		default:
			c.printf("%sc%s\n", span(i, x), span(j, y))
		}
		show("<", a[i:x])
		if x > i && y > j {
			c.printf("---\n")
		}
		show(">", b[j:y])
		i, j = x, y
	}
	return 1
}

// od prints bytes and numbers without addresses, which is how scripts use it.
func od(c *Call) int {
	opts, names, ok := c.options("A: N: t: v x j: w:: address-radix=A read-bytes=N format=t")
	if !ok {
		return 0
	}
	address, _ := opts.get("A")
	format, given := opts.get("t")
	if opts.has("x") {
		format, given = "x2", true
	}
	widths := map[string]int{"x1": 2, "x2": 4, "x4": 8, "xC": 2, "x": 8, "u1": 3, "u2": 5, "u4": 10, "u": 10, "d1": 4, "d2": 6, "d4": 11, "d": 11}
	width, known := widths[format]
	if address != "n" || !given || !known || opts.has("j") || opts.has("w") {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	data, status := c.gather(names)
	if v, ok := opts.get("N"); ok {
		n, ok := size(v)
		if !ok {
			return c.failf(1, "invalid -N argument '%s'", v)
		}
		data = data[:min(max(n, 0), int64(len(data)))]
	}
	step := 4
	switch format[1:] {
	case "1", "C":
		step = 1
	case "2":
		step = 2
	}
	for len(data) > 0 {
		row := data[:min(16, len(data))]
		data = data[len(row):]
		for len(row) > 0 {
			cell := make([]byte, 4)
			copy(cell, row[:min(step, len(row))])
			row = row[min(step, len(row)):]
			v := uint64(binary.LittleEndian.Uint32(cell))
			switch format[0] {
			case 'x':
				c.printf(" %0*x", width, v)
			case 'u':
				c.printf(" %*d", width, v)
			default:
				shift := 64 - 8*step
				c.printf(" %*d", width, int64(v<<shift)>>shift)
			}
		}
		c.printf("\n")
	}
	return status
}

func xxd(c *Call) int {
	opts, names, ok := c.options("p r c: l: u ps=p plain=p")
	if !ok {
		return 0
	}
	if !opts.has("p") {
		return c.missed("without -p")
	}
	data, status := c.gather(names)
	if opts.has("r") {
		out, err := hex.DecodeString(strings.Join(strings.Fields(string(data)), ""))
		if err != nil {
			return c.missed("-r of what is not hexadecimal")
		}
		c.Stdout.Write(out)
		return status
	}
	if v, ok := opts.get("l"); ok {
		n, _ := strconv.Atoi(v)
		data = data[:min(max(n, 0), len(data))]
	}
	width := 30
	if v, ok := opts.get("c"); ok {
		if width, _ = strconv.Atoi(v); width <= 0 {
			width = max(len(data), 1)
		}
	}
	for len(data) > 0 {
		n := min(width, len(data))
		text := hex.EncodeToString(data[:n])
		if opts.has("u") {
			text = strings.ToUpper(text)
		}
		c.printf("%s\n", text)
		data = data[n:]
	}
	return status
}
