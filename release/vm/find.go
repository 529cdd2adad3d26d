package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

func init() { register(map[string]command{"find": find, "xargs": xargs}) }

// found is what find looks at.
type found struct {
	name, full string
	start      string // the operand under which it was found
	node       *Node
	depth      int
	parent     *found
}

// findTest is a test or an action.
type findTest func(f *found) bool

// finder parses and runs the expression of find.
type finder struct {
	c        *Call
	words    []string
	min, max int
	depth    bool
	follow   bool
	acts     bool // an action stands in the expression
	pruned   bool
	quit     bool
	status   int
	// later are the commands of -exec ... +
	later []func()
}

var errFind = errors.New("not understood")

func find(c *Call) int {
	f := &finder{c: c, max: 1 << 20}
	args := c.Args[1:]
	for len(args) > 0 && (args[0] == "-L" || args[0] == "-H" || args[0] == "-P") {
		f.follow = args[0] == "-L"
		args = args[1:]
	}
	var starts []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "(" && args[0] != "!" {
		starts, args = append(starts, args[0]), args[1:]
	}
	if len(starts) == 0 {
		starts = []string{"."}
	}
	f.words = args
	test := findTest(func(*found) bool { return true })
	if len(args) > 0 {
		var err error
		if test, err = f.list(); err == nil && len(f.words) > 0 {
			err = fmt.Errorf("%w: %s", errFind, f.words[0])
		}
		if err != nil {
			return c.missed(err.Error())
		}
	}
	if !f.acts {
		inner := test
		test = func(x *found) bool {
			if inner(x) && !f.quit {
				c.printf("%s\n", x.name)
			}
			return true
		}
	}
	for _, s := range starts {
		bare, dir := asked(s)
		full, node, err := c.find(bare, f.follow || dir)
		if err != nil && f.follow {
			full, node, err = c.find(bare, false)
		}
		if err == nil && dir && !node.Mode.IsDir() {
			err = &Error{s, "Not a directory"}
		}
		if err != nil {
			f.status = c.failf(1, "'%s': %s", s, why(err))
			continue
		}
		f.walk(&found{name: s, full: full, start: s, node: node}, test)
	}
	for _, l := range f.later {
		l()
	}
	return f.status
}

func (f *finder) walk(x *found, test findTest) {
	if f.quit || x.depth > f.max || x.depth > 200 {
		return
	}
	f.pruned = false
	if !f.depth && x.depth >= f.min {
		test(x)
	}
	if !f.pruned && x.node.Mode.IsDir() && !f.quit && x.depth < f.max {
		names, err := f.c.List(x.full)
		if err != nil {
			f.status = f.c.failf(1, "'%s': %s", x.name, why(err))
		}
		for _, n := range names {
			full := path.Join(x.full, n)
			node, err := f.c.Lstat(full)
			if err != nil {
				continue
			}
			if f.follow && node.Mode&fs.ModeSymlink != 0 {
				if to, real, err := f.c.find(full, true); err == nil {
					if x.within(to) {
						f.status = f.c.failf(1, "File system loop detected; '%s' is part of the same file system loop as '%s'.", full, to)
						continue
					}
					full, node = to, real
				}
			}
			f.walk(&found{name: strings.TrimSuffix(x.name, "/") + "/" + n, full: full, start: x.start, node: node, depth: x.depth + 1, parent: x}, test)
		}
	}
	if f.depth && x.depth >= f.min && !f.quit {
		test(x)
	}
}

// within says whether a folder is x or one of those that led to it.
func (x *found) within(full string) bool {
	for ; x != nil; x = x.parent {
		if x.full == full {
			return true
		}
	}
	return false
}

func (f *finder) take() string {
	if len(f.words) == 0 {
		return ""
	}
	w := f.words[0]
	f.words = f.words[1:]
	return w
}

// list is the lowest level: a, b.
func (f *finder) list() (findTest, error) {
	left, err := f.or()
	for err == nil && len(f.words) > 0 && f.words[0] == "," {
		f.take()
		var right findTest
		if right, err = f.or(); err == nil {
			a := left
			left = func(x *found) bool { a(x); return right(x) }
		}
	}
	return left, err
}

func (f *finder) or() (findTest, error) {
	left, err := f.and()
	for err == nil && len(f.words) > 0 && (f.words[0] == "-o" || f.words[0] == "-or") {
		f.take()
		var right findTest
		if right, err = f.and(); err == nil {
			a := left
			left = func(x *found) bool { return a(x) || right(x) }
		}
	}
	return left, err
}

func (f *finder) and() (findTest, error) {
	left, err := f.not()
	for err == nil && len(f.words) > 0 {
		switch f.words[0] {
		case "-o", "-or", ")", ",":
			return left, nil
		case "-a", "-and":
			f.take()
		}
		var right findTest
		if right, err = f.not(); err == nil {
			a := left
			left = func(x *found) bool { return a(x) && right(x) }
		}
	}
	return left, err
}

func (f *finder) not() (findTest, error) {
	if len(f.words) == 0 {
		return nil, fmt.Errorf("%w: an expression that ends too early", errFind)
	}
	switch f.words[0] {
	case "!", "-not":
		f.take()
		inner, err := f.not()
		return func(x *found) bool { return !inner(x) }, err
	case "(":
		f.take()
		inner, err := f.list()
		if err == nil && f.take() != ")" {
			err = fmt.Errorf("%w: a ( without )", errFind)
		}
		return inner, err
	}
	return f.primary()
}

// glob compiles a pattern of -name; unlike in file names * matches slashes.
func glob(pattern string, icase bool) (func(string) bool, error) {
	var re strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch ch := pattern[i]; ch {
		case '*':
			re.WriteString(".*")
		case '?':
			re.WriteByte('.')
		case '[':
			src := pattern[i:]
			if strings.HasPrefix(src, "[!") {
				src = "[^" + src[2:]
			}
			class, width, err := dialect{}.bracket(src)
			if err != nil {
				re.WriteString(`\[`)
				continue
			}
			re.WriteString(class)
			i += width - 1
		case '\\':
			if i++; i < len(pattern) {
				re.WriteString(quoteMeta(pattern[i]))
			}
		default:
			re.WriteString(quoteMeta(ch))
		}
	}
	compiled, err := goRegexp("^(?:"+re.String()+")$", icase)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errFind, pattern)
	}
	return compiled.MatchString, nil
}

// count reads N, +N or -N and compares.
func count(s string) (func(n int64) bool, error) {
	n, err := strconv.ParseInt(strings.TrimLeft(s, "+-"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errFind, s)
	}
	switch {
	case strings.HasPrefix(s, "+"):
		return func(v int64) bool { return v > n }, nil
	case strings.HasPrefix(s, "-"):
		return func(v int64) bool { return v < n }, nil
	}
	return func(v int64) bool { return v == n }, nil
}

func always(v bool) findTest { return func(*found) bool { return v } }

func (f *finder) primary() (findTest, error) {
	c := f.c
	name := f.take()
	value := func() (string, error) {
		if len(f.words) == 0 {
			return "", fmt.Errorf("%w: %s without an argument", errFind, name)
		}
		return f.take(), nil
	}
	switch name {
	case "-print", "-print0":
		f.acts = true
		end := "\n"
		if name == "-print0" {
			end = "\x00"
		}
		return func(x *found) bool { c.printf("%s%s", x.name, end); return true }, nil
	case "-prune":
		return func(*found) bool { f.pruned = true; return true }, nil
	case "-quit":
		return func(*found) bool { f.quit = true; return true }, nil
	case "-depth", "-d":
		f.depth = true
		return always(true), nil
	case "-true", "-xdev", "-mount", "-noleaf", "-ignore_readdir_race", "-daystart", "-nowarn":
		return always(true), nil
	case "-false":
		return always(false), nil
	case "-follow":
		f.follow = true
		return always(true), nil
	case "-empty":
		return func(x *found) bool {
			if x.node.Mode.IsDir() {
				return len(c.Files.children(x.full)) == 0
			}
			data, _ := x.node.Data()
			return x.node.Mode.IsRegular() && len(data) == 0
		}, nil
	case "-delete":
		f.acts, f.depth = true, true
		return func(x *found) bool {
			if x.name == "." {
				return true
			}
			if x.node.Mode.IsDir() && len(c.Files.children(x.full)) > 0 {
				f.status = c.failf(1, "cannot delete '%s': Directory not empty", x.name)
				return false
			}
			if err := c.Remove(x.name); err != nil {
				f.status = c.failf(1, "cannot delete '%s': %s", x.name, why(err))
				return false
			}
			return true
		}, nil
	case "-readable", "-writable", "-executable":
		want := map[string]fs.FileMode{"-readable": 4, "-writable": 2, "-executable": 1}[name]
		return func(x *found) bool { return c.Access(x.full, want) == nil }, nil
	case "-nouser":
		return func(x *found) bool { return c.account(x.node.Owner) == nil }, nil
	case "-nogroup":
		return func(x *found) bool { return c.group(x.node.Group) == nil }, nil
	case "-exec", "-execdir":
		return f.exec(name)
	}
	v, err := value()
	if err != nil {
		return nil, err
	}
	switch name {
	case "-name", "-iname":
		match, err := glob(v, name == "-iname")
		return func(x *found) bool {
			base := strings.TrimRight(x.name, "/")
			return match(base[strings.LastIndexByte(base, '/')+1:])
		}, err
	case "-path", "-wholename", "-ipath", "-iwholename":
		match, err := glob(v, strings.HasPrefix(name, "-i"))
		return func(x *found) bool { return match(x.name) }, err
	case "-lname":
		match, err := glob(v, false)
		return func(x *found) bool { return x.node.Mode&fs.ModeSymlink != 0 && match(x.node.Link) }, err
	case "-regex", "-iregex":
		if strings.ContainsAny(v, `+?{}()|`) {
			return nil, fmt.Errorf("%w: %s %s", errFind, name, v)
		}
		re, err := dialect{icase: name == "-iregex"}.compile("^" + strings.TrimPrefix(strings.TrimSuffix(v, "$"), "^") + "$")
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s", errFind, name, v)
		}
		return func(x *found) bool { return re.MatchString(x.name) }, nil
	case "-type", "-xtype":
		if name == "-xtype" || strings.Trim(v, "fdlpsbc,") != "" {
			return nil, fmt.Errorf("%w: %s %s", errFind, name, v)
		}
		return func(x *found) bool { return strings.Contains(v, typeLetter(x.node.Mode)) }, nil
	case "-maxdepth", "-mindepth":
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s", errFind, name, v)
		}
		if name == "-maxdepth" {
			f.max = n
		} else {
			f.min = n
		}
		return always(true), nil
	case "-user", "-uid":
		if a := c.account(v); a != nil {
			v = a.name
		}
		return func(x *found) bool { return x.node.Owner == v }, nil
	case "-group", "-gid":
		if g := c.group(v); g != nil {
			v = g.name
		}
		return func(x *found) bool { return x.node.Group == v }, nil
	case "-perm":
		kind := ""
		if v != "" && strings.Contains("-/", v[:1]) {
			kind, v = v[:1], v[1:]
		}
		want, ok := parseMode(v, 0, false, 0)
		if !ok {
			return nil, fmt.Errorf("%w: -perm %s", errFind, v)
		}
		bits := octal(want)
		return func(x *found) bool {
			have := octal(x.node.Mode)
			switch kind {
			case "-":
				return have&bits == bits
			case "/":
				return bits == 0 || have&bits != 0
			}
			return have == bits
		}, nil
	case "-mtime", "-ctime", "-atime", "-mmin", "-cmin", "-amin":
		// all that is there was made a moment ago
		match, err := count(v)
		return func(*found) bool { return match(0) }, err
	case "-newer", "-cnewer":
		ref, err := f.c.Stat(v)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s", errFind, name, v)
		}
		since := ref.modified
		return func(x *found) bool {
			if name == "-cnewer" {
				return since == 0 || x.node.changed > since
			}
			return x.node.modified > since
		}, nil
	case "-anewer":
		return nil, fmt.Errorf("%w: %s", errFind, name)
	case "-links":
		return nil, fmt.Errorf("%w: %s", errFind, name)
	case "-size":
		units := map[byte]int64{'c': 1, 'w': 2, 'b': 512, 'k': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
		unit := int64(512)
		if v != "" && units[v[len(v)-1]] > 0 {
			unit, v = units[v[len(v)-1]], v[:len(v)-1]
		}
		match, err := count(v)
		return func(x *found) bool {
			data, _ := x.node.Data()
			return match((int64(len(data)) + unit - 1) / unit)
		}, err
	case "-printf":
		f.acts = true
		return func(x *found) bool { c.printf("%s", f.printf(v, x)); return true }, f.checkPrintf(v)
	}
	return nil, fmt.Errorf("%w: %s", errFind, name)
}

// typeLetter is the letter that find -type has for a kind of file.
func typeLetter(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "d"
	case m&fs.ModeSymlink != 0:
		return "l"
	case m&fs.ModeNamedPipe != 0:
		return "p"
	case m&fs.ModeSocket != 0:
		return "s"
	case m&fs.ModeCharDevice != 0:
		return "c"
	case m&fs.ModeDevice != 0:
		return "b"
	}
	return "f"
}

func (f *finder) checkPrintf(format string) error {
	for i := 0; i+1 < len(format); i++ {
		if format[i] == '%' {
			if i++; !strings.ContainsRune("pfhPsmugyldD%H", rune(format[i])) {
				return fmt.Errorf("%w: -printf %s", errFind, format)
			}
		}
	}
	return nil
}

func (f *finder) printf(format string, x *found) string {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if i+1 == len(format) || format[i] != '%' && format[i] != '\\' {
			out.WriteByte(format[i])
			continue
		}
		i++
		if format[i-1] == '\\' {
			b, width := trChar(format[i-1:])
			out.WriteByte(b)
			i += width - 2
			continue
		}
		data, _ := x.node.Data()
		switch format[i] {
		case 'p':
			out.WriteString(x.name)
		case 'f':
			out.WriteString(path.Base(x.name))
		case 'h':
			out.WriteString(path.Dir(x.name))
		case 'H':
			out.WriteString(x.start)
		case 'P':
			out.WriteString(strings.TrimPrefix(strings.TrimPrefix(x.name, x.start), "/"))
		case 's':
			out.WriteString(strconv.Itoa(len(data)))
		case 'm':
			fmt.Fprintf(&out, "%o", octal(x.node.Mode))
		case 'u':
			out.WriteString(x.node.Owner)
		case 'g':
			out.WriteString(x.node.Group)
		case 'y':
			out.WriteString(typeLetter(x.node.Mode))
		case 'D':
			out.WriteString(deviceNumber)
		case 'l':
			out.WriteString(x.node.Link)
		case 'd':
			out.WriteString(strconv.Itoa(x.depth))
		default:
			out.WriteByte(format[i])
		}
	}
	return out.String()
}

// exec is -exec with ; or +.
func (f *finder) exec(name string) (findTest, error) {
	c := f.c
	f.acts = true
	var words []string
	for {
		if len(f.words) == 0 {
			return nil, fmt.Errorf("%w: %s without ; or +", errFind, name)
		}
		w := f.take()
		if w == ";" {
			break
		}
		if w == "+" && len(words) > 0 && words[len(words)-1] == "{}" {
			words = words[:len(words)-1]
			if len(words) == 0 || name == "-execdir" {
				return nil, fmt.Errorf("%w: %s {} +", errFind, name)
			}
			var all []string
			f.later = append(f.later, func() {
				if len(all) > 0 && c.run(append(words, all...), nil, c.Stdout) != 0 {
					f.status = 1
				}
			})
			return func(x *found) bool { all = append(all, x.name); return true }, nil
		}
		words = append(words, w)
	}
	if len(words) == 0 || name == "-execdir" {
		return nil, fmt.Errorf("%w: %s", errFind, name)
	}
	return func(x *found) bool {
		args := make([]string, len(words))
		for i, w := range words {
			args[i] = strings.ReplaceAll(w, "{}", x.name)
		}
		return c.run(args, nil, c.Stdout) == 0
	}, nil
}

func xargs(c *Call) int {
	// its own options end where the command starts
	args := c.Args[1:]
	per, lineBased, per1 := 0, false, 0
	replace, delim := "", ""
	null, skipEmpty, trace := false, false, false
loop:
	for len(args) > 0 {
		a := args[0]
		value := func(letter string) string {
			if v := strings.TrimPrefix(a, "-"+letter); v != "" {
				return v
			}
			if len(args) > 1 {
				args = args[1:]
				return args[0]
			}
			return ""
		}
		number := func(letter string) int {
			n, err := strconv.Atoi(value(letter))
			if err != nil {
				return 0
			}
			return n
		}
		switch {
		case a == "--":
			args = args[1:]
			break loop
		case !strings.HasPrefix(a, "-") || a == "-":
			break loop
		case a == "-0" || a == "--null":
			null = true
		case a == "-r" || a == "--no-run-if-empty":
			skipEmpty = true
		case a == "-t" || a == "--verbose":
			trace = true
		case a == "-x" || a == "-p":
		case a == "-0r" || a == "-r0":
			null, skipEmpty = true, true
		case strings.HasPrefix(a, "-n"):
			per = number("n")
		case strings.HasPrefix(a, "--max-args="):
			per, _ = strconv.Atoi(strings.TrimPrefix(a, "--max-args="))
		case strings.HasPrefix(a, "-L"):
			lineBased, per1 = true, max(number("L"), 1)
		case a == "-l":
			lineBased, per1 = true, 1
		case strings.HasPrefix(a, "-P"):
			number("P")
		case strings.HasPrefix(a, "--max-procs="):
		case strings.HasPrefix(a, "-s"):
			number("s")
		case a == "-i" || a == "--replace":
			replace = "{}"
		case strings.HasPrefix(a, "-i"):
			replace = a[2:]
		case strings.HasPrefix(a, "-I"):
			replace = value("I")
		case strings.HasPrefix(a, "-d"):
			delim = value("d")
		case strings.HasPrefix(a, "--delimiter="):
			delim = strings.TrimPrefix(a, "--delimiter=")
		default:
			return c.missed(a)
		}
		args = args[1:]
	}
	if len(args) == 0 {
		args = []string{"echo"}
	}
	data := string(c.input())
	var groups [][]string
	var items []string
	switch {
	case null || delim != "":
		d := "\x00"
		if delim != "" {
			b, _ := trChar(delim)
			d = string(b)
		}
		if data != "" {
			items = strings.Split(strings.TrimSuffix(data, d), d)
		}
	case replace != "":
		for _, l := range chomped([]byte(data)) {
			if l = strings.TrimLeft(l, " \t"); l != "" {
				words, ok := shellWords(l, false)
				if !ok {
					return c.failf(1, "unmatched quote")
				}
				items = append(items, words...)
			}
		}
	case lineBased:
		var group []string
		n := 0
		for _, l := range chomped([]byte(data)) {
			words, ok := shellWords(l, true)
			if !ok {
				return c.failf(1, "unmatched quote")
			}
			if len(words) == 0 {
				continue
			}
			group = append(group, words...)
			if n++; n%per1 == 0 {
				groups, group = append(groups, group), nil
			}
		}
		if len(group) > 0 {
			groups = append(groups, group)
		}
	default:
		words, ok := shellWords(data, true)
		if !ok {
			return c.failf(1, "unmatched quote")
		}
		items = words
	}
	switch {
	case lineBased:
	case replace != "" || per == 1:
		for _, i := range items {
			groups = append(groups, []string{i})
		}
	case per > 1:
		for len(items) > 0 {
			n := min(per, len(items))
			groups, items = append(groups, items[:n]), items[n:]
		}
	case len(items) > 0:
		groups = [][]string{items}
	}
	if len(groups) == 0 && !skipEmpty && replace == "" {
		groups = [][]string{nil}
	}
	if len(groups) > 1000 {
		c.miss("xargs: more than 1000 commands")
		groups = groups[:1000]
	}
	status := 0
	for _, g := range groups {
		var words []string
		if replace == "" {
			words = append(append(words, args...), g...)
		} else {
			for _, a := range args {
				words = append(words, strings.ReplaceAll(a, replace, g[0]))
			}
		}
		if trace {
			fmt.Fprintln(c.Stderr, strings.Join(words, " "))
		}
		switch s := c.run(words, nil, c.Stdout); {
		case s == 255:
			return 124
		case s == 126 || s == 127:
			return s
		case s != 0:
			status = 123
		}
	}
	return status
}

// shellWords takes quotes and backslashes off; split splits at blanks.
func shellWords(s string, split bool) (words []string, ok bool) {
	var word strings.Builder
	some := false
	flush := func() {
		if some {
			words = append(words, word.String())
		}
		word.Reset()
		some = false
	}
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\'' || ch == '"':
			end := strings.IndexByte(s[i+1:], ch)
			if end < 0 {
				return nil, false
			}
			word.WriteString(s[i+1 : i+1+end])
			some = true
			i += end + 1
		case ch == '\\' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			some = true
		case (ch == ' ' || ch == '\t' || ch == '\n') && split:
			flush()
		default:
			word.WriteByte(ch)
			some = true
		}
	}
	flush()
	return words, true
}
