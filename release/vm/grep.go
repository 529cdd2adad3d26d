package vm

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"strconv"
	"strings"
)

func init() {
	register(map[string]command{"grep": grep, "egrep": grep, "fgrep": grep, "rgrep": grep})
}

// pattern is what grep looks for.
type pattern struct {
	re   *regexp.Regexp
	keep int
	// word asks for matches that are whole words.
	word bool
}

// spans are the matches in a line.
func (p pattern) spans(line string) [][2]int {
	var out [][2]int
	if !p.word {
		for _, m := range p.re.FindAllStringSubmatchIndex(line, -1) {
			out = append(out, [2]int{m[2*p.keep], m[2*p.keep+1]})
		}
		return out
	}
	for at := 0; at <= len(line); {
		// the characters around a match may be shared by two matches, so that
		// each is looked for on its own
		m := p.re.FindStringSubmatchIndex(line[at:])
		if m == nil {
			break
		}
		from, to := at+m[4], at+m[5]
		if from > 0 && wordy(line[from-1]) {
			at++ // the line does not start here
			continue
		}
		out = append(out, [2]int{from, to})
		at = max(to, at+1)
	}
	return out
}

func grep(c *Call) int {
	args := []string{c.Args[0]}
	for _, a := range c.Args[1:] {
		if _, err := strconv.Atoi(strings.TrimPrefix(a, "-")); err == nil && len(a) > 1 && a[0] == '-' {
			a = "-C" + a[1:]
		}
		args = append(args, a)
	}
	c.Args = args
	opts, operands, ok := c.options("q v i y c n o w x E F G P a s h H l L r R I U Z e: f: m: A: B: C: include: exclude: exclude-dir: color:: colour:: line-buffered quiet=q silent=q invert-match=v " +
		"ignore-case=i count=c line-number=n only-matching=o word-regexp=w line-regexp=x extended-regexp=E fixed-strings=F basic-regexp=G perl-regexp=P text=a no-messages=s " +
		"no-filename=h with-filename=H files-with-matches=l files-without-match=L recursive=r regexp=e file=f max-count=m after-context=A before-context=B context=C")
	if !ok {
		return 0
	}
	// patterns
	var sources []string
	for _, o := range opts {
		switch o.name {
		case "e":
			sources = append(sources, strings.Split(o.value, "\n")...)
		case "f":
			data, err := c.read(o.value)
			if err != nil {
				return c.failf(2, "%s", err)
			}
			sources = append(sources, chomped(data)...)
		}
	}
	if !opts.has("e") && !opts.has("f") {
		if len(operands) == 0 {
			return c.failf(2, "no pattern")
		}
		sources, operands = strings.Split(operands[0], "\n"), operands[1:]
	}
	kind := opts.last("E", "F", "G", "P")
	if kind == "" {
		kind = map[string]string{"egrep": "E", "fgrep": "F"}[c.Name()]
	}
	want, err := grepPattern(sources, kind, opts)
	if err != nil {
		return c.missed(strings.Join(sources, " ") + ": " + err.Error())
	}
	// files
	recursive := opts.has("r") || opts.has("R")
	if len(operands) == 0 {
		operands = []string{"-"}
		if recursive {
			operands = []string{"."}
		}
	}
	named := len(operands) > 1 || recursive
	if o := opts.last("h", "H"); o != "" {
		named = o == "H"
	}
	found, failed := false, false
	fail := func(name, why string) {
		failed = true
		if !opts.has("s") {
			c.failf(2, "%s: %s", name, why)
		}
	}
	for _, name := range operands {
		if n, err := c.Stat(name); name != "-" && err == nil && n.Mode.IsDir() {
			if !recursive {
				fail(name, "Is a directory")
				continue
			}
			for _, f := range c.filesBelow(name) {
				if !included(f, opts) {
					continue
				}
				if data, err := c.ReadFile(f); err != nil {
					fail(f, why(err))
				} else if c.grepIn(f, data, want, opts, named) {
					found = true
				}
			}
			continue
		}
		data, err := c.read(name)
		if err != nil {
			fail(name, why(err))
			continue
		}
		if name == "-" {
			name = "(standard input)"
		}
		if c.grepIn(name, data, want, opts, named) {
			found = true
		}
		if found && opts.has("q") {
			return 0
		}
	}
	switch {
	case failed:
		return 2
	case found:
		return 0
	}
	return 1
}

// filesBelow are the files in a folder and in those in it, named the way that
// the folder was.
func (c *Call) filesBelow(name string) []string {
	full, err := c.Realpath(name)
	if err != nil {
		return nil
	}
	all, err := c.Tree(full)
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range all {
		if n := c.Files.look(p); n != nil && n.Mode.IsRegular() {
			out = append(out, strings.TrimSuffix(name, "/")+strings.TrimPrefix(p, strings.TrimSuffix(full, "/")))
		}
	}
	return out
}

func included(file string, opts options) bool {
	for _, e := range opts.all("exclude") {
		if ok, _ := path.Match(e, path.Base(file)); ok {
			return false
		}
	}
	for _, e := range opts.all("exclude-dir") {
		for _, d := range strings.Split(path.Dir(file), "/") {
			if ok, _ := path.Match(e, d); ok {
				return false
			}
		}
	}
	in := opts.all("include")
	for _, e := range in {
		if ok, _ := path.Match(e, path.Base(file)); ok {
			return true
		}
	}
	return len(in) == 0
}

func grepPattern(sources []string, kind string, opts options) (pattern, error) {
	icase := opts.has("i") || opts.has("y")
	if kind == "P" && len(sources) == 1 && !opts.has("w") && !opts.has("x") {
		re, keep, err := perl(sources[0], icase)
		return pattern{re: re, keep: keep}, err
	}
	var parts []string
	for _, s := range sources {
		switch kind {
		case "F":
			s = regexp.QuoteMeta(s)
		case "P":
			if strings.Contains(s, `\K`) {
				return pattern{}, errors.New("\\K among several patterns")
			}
		default:
			var err error
			if s, err = (dialect{extended: kind == "E"}).translate(s); err != nil {
				return pattern{}, err
			}
		}
		parts = append(parts, "(?:"+s+")")
	}
	expr := strings.Join(parts, "|")
	switch {
	case len(sources) == 0:
		expr = `[^\x00-\x{10FFFF}]`
	case opts.has("x"):
		expr = `\A(?:` + expr + `)\z`
	case opts.has("w"):
		expr = `(\A|\W)(` + expr + `)(?:\W|\z)`
	}
	flags := "(?s"
	if icase {
		flags += "i"
	}
	re, err := regexp.Compile(flags + ")" + expr)
	if err != nil {
		return pattern{}, err
	}
	if kind != "P" {
		re.Longest()
	}
	return pattern{re: re, word: opts.has("w") && !opts.has("x") && len(sources) > 0}, nil
}

// grepIn looks through one file and prints what is asked for.
func (c *Call) grepIn(name string, data []byte, want pattern, opts options, named bool) bool {
	number := func(names ...string) int {
		if o := opts.last(names...); o != "" {
			v, _ := opts.get(o)
			n, _ := strconv.Atoi(v)
			return n
		}
		return 0
	}
	before, after, most := number("B", "C"), number("A", "C"), -1
	if opts.has("m") {
		most = number("m")
	}
	quiet := opts.has("q") || opts.has("l") || opts.has("L") || opts.has("c")
	binary := !opts.has("a") && bytes.IndexByte(data, 0) >= 0
	if binary && opts.has("I") {
		return false
	}
	all := chomped(data)
	prefix := func(i int, sep string) string {
		s := ""
		if named {
			s += name + sep
		}
		if opts.has("n") {
			s += strconv.Itoa(i+1) + sep
		}
		return s
	}
	count, printed, trailing := 0, -1, 0
	for i, line := range all {
		if most >= 0 && count >= most {
			if trailing == 0 {
				break
			}
		}
		spans := want.spans(line)
		hit := (len(spans) > 0) != opts.has("v") && (most < 0 || count < most)
		if !hit {
			if trailing > 0 && !quiet {
				c.printf("%s%s\n", prefix(i, "-"), line)
				printed = i
				trailing--
			}
			continue
		}
		count++
		if quiet {
			continue
		}
		if binary {
			c.printf("Binary file %s matches\n", name)
			return true
		}
		if opts.has("o") {
			if !opts.has("v") {
				for _, s := range spans {
					if s[1] > s[0] {
						c.printf("%s%s\n", prefix(i, ":"), line[s[0]:s[1]])
					}
				}
			}
			continue
		}
		from := max(i-before, printed+1)
		if (before > 0 || after > 0) && printed >= 0 && from > printed+1 {
			c.printf("--\n")
		}
		for j := from; j < i; j++ {
			c.printf("%s%s\n", prefix(j, "-"), all[j])
		}
		c.printf("%s%s\n", prefix(i, ":"), line)
		printed, trailing = i, after
	}
	switch {
	case opts.has("q"):
	case opts.has("l"):
		if count > 0 {
			c.printf("%s\n", name)
		}
	case opts.has("L"):
		if count == 0 {
			c.printf("%s\n", name)
		}
		return count == 0
	case opts.has("c"):
		if named {
			c.printf("%s:", name)
		}
		c.printf("%d\n", count)
	}
	return count > 0
}
