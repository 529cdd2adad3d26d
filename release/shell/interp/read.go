package interp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// next reads one byte of a file.
func next(f *File) (byte, bool) {
	var b [1]byte
	n, _ := f.Read(b[:])
	return b[0], n == 1
}

// line reads standard input up to a character; ok is false when that did not come.
func (sh *Shell) line(delim byte) (string, bool) {
	var b strings.Builder
	for {
		c, ok := next(sh.fds[0])
		if !ok {
			return b.String(), false
		}
		if c == delim {
			return b.String(), true
		}
		if c != 0 {
			b.WriteByte(c)
		}
	}
}

// read is the builtin.
func read(sh *Shell, args []string) int {
	raw, array, delim, count, exact, fd := false, "", byte('\n'), -1, false, 0
	timed := false
	args = args[1:]
	valued := "adinNptu"
	known := valued + "ers"
	if sh.dash {
		valued, known = "p", "pr"
	}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for j := 1; j < len(a); j++ {
			l := a[j]
			if strings.IndexByte(known, l) < 0 {
				if sh.dash {
					sh.errorf("read: Illegal option -%c", l)
				} else {
					sh.errorf("read: -%c: invalid option", l)
				}
				return 2
			}
			if strings.IndexByte(valued, l) < 0 {
				raw = raw || l == 'r'
				continue
			}
			value := a[j+1:]
			if value == "" {
				if len(args) == 0 {
					sh.errorf("read: -%c: option requires an argument", l)
					return 2
				}
				value, args = args[0], args[1:]
			}
			switch l {
			case 'a':
				array = value
			case 'd':
				delim = 0
				if value != "" {
					delim = value[0]
				}
			case 'n', 'N':
				n, err := strconv.Atoi(value)
				if err != nil || n < 0 {
					sh.errorf("read: %s: invalid number", value)
					return 1
				}
				count, exact = n, l == 'N'
			case 't':
				x, err := strconv.ParseFloat(value, 64)
				if err != nil || x < 0 {
					sh.errorf("read: %s: invalid timeout specification", value)
					return 1
				}
				timed = x == 0
			case 'u':
				fd = atoi(value)
				if sh.fds[fd] == nil || strings.Trim(value, "0123456789") != "" {
					sh.errorf("read: %s: invalid file descriptor: Bad file descriptor", value)
					return 1
				}
			}
			break
		}
	}
	if sh.dash && len(args) == 0 {
		sh.errorf("read: arg count")
		return 2
	}
	for _, n := range args {
		if base, _, _ := strings.Cut(n, "["); !validName(base) {
			if sh.dash {
				sh.leave(2, "read: %s: bad variable name", n)
				return 2
			}
			sh.errorf("read: `%s': not a valid identifier", n)
			return 1
		}
	}
	in := sh.fds[fd]
	if in == nil || in.R == nil {
		if in == nil {
			sh.errorf("read: read error: %d: Bad file descriptor", fd)
			if sh.dash {
				return 2
			}
		}
		if in == nil || in.W != nil {
			return 1
		}
	}
	if timed {
		sh.m.Miss("read -t 0")
		return 1
	}
	// text is what was read, with a mark for each character that a backslash
	// quoted
	var text []byte
	var marks []bool
	ended := false
	n := 0
	for count < 0 || n < count {
		c, ok := next(in)
		if !ok {
			break
		}
		if c == delim && !exact {
			ended = true
			break
		}
		if c == '\\' && !raw {
			c, ok = next(in)
			if !ok {
				break
			}
			if c == '\n' {
				continue
			}
			if c == 0 {
				continue
			}
			text, marks = append(text, c), append(marks, true)
		} else {
			if c == 0 {
				continue
			}
			text, marks = append(text, c), append(marks, false)
		}
		if len(text) > maxMemory {
			sh.jump = halts
			return 1
		}
		if c < 0x80 || !sh.utf8() || utf8.FullRune(text[lastRune(text):]) {
			n++
		}
	}
	status := 0
	if !ended && (count < 0 || n < count) {
		status = 1
	}
	set := func(name, value string) {
		ok := true
		if i := strings.IndexByte(name, '['); i > 0 && strings.HasSuffix(name, "]") {
			key := name[i+1 : len(name)-1]
			if v, _ := sh.find(name[:i]); v == nil || v.kind != assoc {
				x, okX := sh.arithmetic(key)
				if !okX {
					status = 1
					return
				}
				key = strconv.FormatInt(x, 10)
			}
			ok = sh.assign(name[:i], key, value, true, false)
		} else {
			ok = sh.Set(name, value)
		}
		if !ok {
			status = 1
			if sh.dash {
				status = 2
				sh.jump, sh.status = exits, 2
			}
		}
	}
	s := splitter{ifs: sh.ifs(), text: text, marks: marks}
	if exact && array == "" {
		s.ifs = ""
	}
	if array != "" {
		name, _ := sh.resolve(array)
		if sh.isReadonly(name) {
			sh.errorf("%s: readonly variable", name)
			return 1
		}
		v := sh.writable(name)
		if v.kind == assoc {
			sh.errorf("read: %s: cannot convert associative to indexed array", name)
			return 1
		}
		*v = variable{kind: indexed, set: true, exported: v.exported, local: v.local, integer: v.integer}
		i := 0
		for {
			f, ok := s.next()
			if !ok {
				break
			}
			v.put(strconv.Itoa(i), f)
			i++
		}
		return status
	}
	if len(args) == 0 {
		set("REPLY", string(text))
		return status
	}
	for i, name := range args {
		if i == len(args)-1 {
			set(name, s.rest())
		} else {
			f, _ := s.next()
			set(name, f)
		}
		if sh.jump != goesOn {
			break
		}
	}
	return status
}

func lastRune(b []byte) int {
	i := len(b) - 1
	for i > 0 && i > len(b)-4 && !utf8.RuneStart(b[i]) {
		i--
	}
	return i
}

// splitter cuts what read reads.
type splitter struct {
	ifs   string
	text  []byte
	marks []bool
	i     int
}

func (s *splitter) is(i int) bool {
	return !s.marks[i] && strings.IndexByte(s.ifs, s.text[i]) >= 0
}

func (s *splitter) white(i int) bool {
	return s.is(i) && (s.text[i] == ' ' || s.text[i] == '\t' || s.text[i] == '\n')
}

func (s *splitter) skip() {
	for s.i < len(s.text) && s.white(s.i) {
		s.i++
	}
}

func (s *splitter) next() (string, bool) {
	s.skip()
	if s.i >= len(s.text) {
		return "", false
	}
	from := s.i
	for s.i < len(s.text) && !s.is(s.i) {
		s.i++
	}
	field := string(s.text[from:s.i])
	s.skip()
	if s.i < len(s.text) && s.is(s.i) {
		s.i++
		s.skip()
	}
	return field, true
}

// rest is all that is left, without the white space around it, and without one
// delimiter at the end when nothing else is left.
func (s *splitter) rest() string {
	s.skip()
	end := len(s.text)
	for end > s.i && s.white(end-1) {
		end--
	}
	if end > s.i && s.is(end-1) && !s.white(end-1) {
		// the only delimiter, at the end of the last field
		only := true
		for i := s.i; i < end-1; i++ {
			if s.is(i) {
				only = false
				break
			}
		}
		if only {
			end--
			for end > s.i && s.white(end-1) {
				end--
			}
		}
	}
	return string(s.text[s.i:end])
}

// mapfile is the builtin, which is also called readarray.
func mapfile(sh *Shell, args []string) int {
	delim, most, origin, skip, strip, fd := byte('\n'), 0, 0, 0, false, 0
	clear := true
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for j := 1; j < len(a); j++ {
			l := a[j]
			if l == 't' {
				strip = true
				continue
			}
			if strings.IndexByte("dnOsuCc", l) < 0 {
				sh.errorf("mapfile: -%c: invalid option", l)
				return 2
			}
			value := a[j+1:]
			if value == "" {
				if len(args) == 0 {
					sh.errorf("mapfile: -%c: option requires an argument", l)
					return 2
				}
				value, args = args[0], args[1:]
			}
			switch l {
			case 'd':
				delim = 0
				if value != "" {
					delim = value[0]
				}
			case 'n':
				most = atoi(value)
			case 'O':
				origin, clear = atoi(value), false
			case 's':
				skip = atoi(value)
			case 'u':
				fd = atoi(value)
			default:
				sh.m.Miss("mapfile -" + string(l))
			}
			break
		}
	}
	name := "MAPFILE"
	if len(args) > 0 {
		name = args[0]
	}
	if !validName(name) {
		sh.errorf("mapfile: `%s': not a valid identifier", name)
		return 1
	}
	name, _ = sh.resolve(name)
	if sh.isReadonly(name) {
		sh.errorf("%s: readonly variable", name)
		return 1
	}
	v := sh.writable(name)
	if v.kind == assoc {
		sh.errorf("mapfile: %s: not an indexed array", name)
		return 1
	}
	v.index()
	if clear {
		v.idx, v.vals = nil, nil
	}
	v.set = true
	fds := sh.fds
	sh.fds = cloneFds(fds, sh.fds[fd])
	defer func() { sh.fds = fds }()
	for n := 0; most == 0 || n < most; {
		line, ok := sh.line(delim)
		if !ok && line == "" {
			break
		}
		if skip > 0 {
			skip--
			continue
		}
		if ok && !strip {
			line += string(delim)
		}
		v.put(strconv.Itoa(origin+n), line)
		n++
		if !ok {
			break
		}
	}
	return 0
}

func cloneFds(fds map[int]*File, in *File) map[int]*File {
	out := map[int]*File{}
	for k, f := range fds {
		out[k] = f
	}
	out[0] = in
	return out
}

// getopts is the builtin.
func getopts(sh *Shell, args []string) int {
	if len(args) < 3 {
		sh.errorf("getopts: usage: getopts optstring name [arg ...]")
		return 2
	}
	spec, name := args[1], args[2]
	list := sh.params
	if len(args) > 3 {
		list = args[3:]
	}
	silent := strings.HasPrefix(spec, ":")
	spec = strings.TrimPrefix(spec, ":")
	finish := func(opt string, arg string, setArg bool, status int) int {
		ind := strconv.Itoa(sh.optind)
		pos := sh.optpos
		sh.Set("OPTIND", ind)
		sh.optpos = pos
		if setArg {
			sh.Set("OPTARG", arg)
		} else {
			sh.unset("OPTARG")
		}
		if !validName(name) {
			sh.errorf("getopts: `%s': not a valid identifier", name)
			return 1
		}
		if !sh.Set(name, opt) {
			return 1
		}
		return status
	}
	if sh.optpos == 0 {
		if sh.optind > len(list) {
			sh.optind = len(list) + 1
			return finish("?", "", false, 1)
		}
		a := list[sh.optind-1]
		if len(a) < 2 || a[0] != '-' {
			return finish("?", "", false, 1)
		}
		if a == "--" {
			sh.optind++
			return finish("?", "", false, 1)
		}
		sh.optpos = 1
	}
	if sh.optind > len(list) || sh.optpos >= len(list[sh.optind-1]) {
		sh.optpos = 0
		return finish("?", "", false, 1)
	}
	a := list[sh.optind-1]
	opt := a[sh.optpos : sh.optpos+1]
	sh.optpos++
	at := strings.Index(spec, opt)
	advance := func() {
		if sh.optpos >= len(a) {
			sh.optind++
			sh.optpos = 0
		}
	}
	if at < 0 || opt == ":" {
		advance()
		if silent {
			return finish("?", opt, true, 0)
		}
		sh.errorf("illegal option -- %s", opt)
		return finish("?", "", false, 0)
	}
	if at+1 < len(spec) && spec[at+1] == ':' {
		arg := ""
		if sh.optpos < len(a) {
			arg = a[sh.optpos:]
			sh.optind++
		} else {
			sh.optind++
			if sh.optind > len(list) {
				sh.optpos = 0
				if silent {
					return finish(":", opt, true, 0)
				}
				sh.errorf("option requires an argument -- %s", opt)
				return finish("?", "", false, 0)
			}
			arg = list[sh.optind-1]
			sh.optind++
		}
		sh.optpos = 0
		return finish(opt, arg, true, 0)
	}
	advance()
	return finish(opt, "", sh.dash, 0)
}
