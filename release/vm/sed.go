package vm

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func init() { register(map[string]command{"sed": sed, "gsed": sed}) }

// sedAddr is one address: a line, the last line, or an expression.
type sedAddr struct {
	line       int
	step       int // first~step
	last       bool
	re         *regexp.Regexp
	prior      bool // the last expression that was used
	plus, fold int  // +N and ~N, of a second address
}

type sedCmd struct {
	name byte
	from *sedAddr
	to   *sedAddr
	not  bool
	// in is the range that is open: the line it ends at, or -1 for an expression.
	open bool
	end  int

	re    *regexp.Regexp
	repl  []sedPart
	nth   int
	all   bool
	print bool
	text  string // of a, i and c; the label; the file
	table map[rune]rune
	exit  int
	jump  int // where } is, or the label
}

// sedPart is a piece of a replacement: text, a group, or a change of case.
type sedPart struct {
	text  string
	group int // -1 for text and cases
	fold  byte
}

// sedScript parses a script.
type sedScript struct {
	src      string
	at       int
	extended bool
	cmds     []*sedCmd
}

// errSed is a script that is wrong or uses what is not carried out.
type errSed struct{ what string }

func (e errSed) Error() string { return e.what }

func (s *sedScript) fail(format string, args ...any) {
	panic(errSed{fmt.Sprintf(format, args...)})
}

func (s *sedScript) peek() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

func (s *sedScript) skip(set string) {
	for s.at < len(s.src) && strings.IndexByte(set, s.src[s.at]) >= 0 {
		s.at++
	}
}

func (s *sedScript) number() int {
	from := s.at
	for s.peek() >= '0' && s.peek() <= '9' {
		s.at++
	}
	n, err := strconv.Atoi(s.src[from:s.at])
	if err != nil {
		s.fail("a number is missing at %q", s.src[from:])
	}
	return n
}

// until reads up to a delimiter, which may be escaped; in expressions it may also
// stand between brackets.
func (s *sedScript) until(delim byte, regex bool) string {
	var out strings.Builder
	for {
		if s.at >= len(s.src) {
			s.fail("unterminated expression: %s", s.src)
		}
		ch := s.src[s.at]
		switch {
		case ch == delim:
			s.at++
			return out.String()
		case ch == '\\' && s.at+1 < len(s.src):
			next := s.src[s.at+1]
			s.at += 2
			switch {
			case next == delim && regex && (strings.IndexByte(`.*[]^$`, delim) >= 0 || s.extended && strings.IndexByte(`+?(){}|`, delim) >= 0):
				s.fail("the delimiter %c means something in expressions", delim)
			case next == delim:
				out.WriteByte(next)
			case next == '\n' && regex:
				out.WriteString("\n")
			default:
				out.WriteByte('\\')
				out.WriteByte(next)
			}
			continue
		case ch == '[' && regex:
			if _, width, err := (dialect{escapes: true}).bracket(s.src[s.at:]); err == nil {
				out.WriteString(s.src[s.at : s.at+width])
				s.at += width
				continue
			}
		case ch == '\n' && regex:
			s.fail("unterminated expression")
		}
		out.WriteByte(ch)
		s.at++
	}
}

func (s *sedScript) regex(src string, flags dialect) *regexp.Regexp {
	flags.extended, flags.escapes = s.extended, true
	re, err := flags.compile(src)
	if err != nil {
		s.fail("%s: %s", src, err)
	}
	return re
}

func (s *sedScript) addr(second bool) *sedAddr {
	switch ch := s.peek(); {
	case ch >= '0' && ch <= '9':
		a := &sedAddr{line: s.number()}
		if s.peek() == '~' && !second {
			s.at++
			a.step = s.number()
			if a.step == 0 {
				a.step = -1
			}
		}
		return a
	case ch == '$':
		s.at++
		return &sedAddr{last: true}
	case ch == '+' && second:
		s.at++
		return &sedAddr{plus: s.number() + 1}
	case ch == '~' && second:
		s.at++
		return &sedAddr{fold: s.number()}
	case ch == '/' || ch == '\\' && s.at+1 < len(s.src):
		s.at++
		if ch == '\\' {
			ch = s.src[s.at]
			s.at++
		}
		src := s.until(ch, true)
		flags := dialect{}
		for {
			switch s.peek() {
			case 'I':
				flags.icase = true
			case 'M':
				flags.multiline = true
			default:
				if src == "" {
					return &sedAddr{prior: true}
				}
				return &sedAddr{re: s.regex(src, flags)}
			}
			s.at++
		}
	}
	return nil
}

// parse reads all commands.
func (s *sedScript) parse() (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(errSed)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	var blocks []int
	labels := map[string]int{}
	for {
		s.skip(" \t\n;")
		if s.at >= len(s.src) {
			break
		}
		if s.peek() == '#' {
			for s.at < len(s.src) && s.peek() != '\n' {
				s.at++
			}
			continue
		}
		cmd := &sedCmd{from: s.addr(false)}
		s.skip(" \t")
		if cmd.from != nil && s.peek() == ',' {
			s.at++
			s.skip(" \t")
			if cmd.to = s.addr(true); cmd.to == nil {
				s.fail("unexpected ','")
			}
			s.skip(" \t")
		}
		for s.peek() == '!' {
			cmd.not = true
			s.at++
			s.skip(" \t")
		}
		if s.at >= len(s.src) {
			s.fail("missing command")
		}
		cmd.name = s.src[s.at]
		s.at++
		index := len(s.cmds)
		switch cmd.name {
		case '{':
			blocks = append(blocks, index)
		case '}':
			if len(blocks) == 0 {
				s.fail("unexpected '}'")
			}
			s.cmds[blocks[len(blocks)-1]].jump = index
			blocks = blocks[:len(blocks)-1]
		case 'p', 'P', 'd', 'D', 'n', 'N', 'h', 'H', 'g', 'G', 'x', '=', 'F', 'z':
		case 'q', 'Q':
			s.skip(" \t")
			if ch := s.peek(); ch >= '0' && ch <= '9' {
				cmd.exit = s.number()
			}
		case 's':
			s.substitution(cmd)
		case 'y':
			delim := s.delimiter()
			from, to := []rune(unescapeY(s.until(delim, false))), []rune(unescapeY(s.until(delim, false)))
			if len(from) != len(to) {
				s.fail("strings for 'y' command are different lengths")
			}
			cmd.table = map[rune]rune{}
			for i, r := range from {
				cmd.table[r] = to[i]
			}
		case 'a', 'i', 'c':
			cmd.text = s.block()
		case ':', 'b', 't', 'T':
			s.skip(" \t")
			from := s.at
			for s.at < len(s.src) && s.peek() != '\n' && (s.peek() != ';' && s.peek() != '}' || cmd.name == ':' && s.peek() != ';') {
				s.at++
			}
			cmd.text = strings.TrimSpace(s.src[from:s.at])
			if cmd.name == ':' {
				labels[cmd.text] = index
			}
		case 'r', 'w':
			s.skip(" \t")
			from := s.at
			for s.at < len(s.src) && s.peek() != '\n' {
				s.at++
			}
			cmd.text = s.src[from:s.at]
		default:
			s.fail("the command %c", cmd.name)
		}
		s.cmds = append(s.cmds, cmd)
		if !strings.ContainsRune("{aicrw:", rune(cmd.name)) {
			s.skip(" \t")
			if ch := s.peek(); ch != 0 && ch != ';' && ch != '\n' && ch != '}' && ch != '#' {
				s.fail("extra characters after command: %s", s.src[s.at:])
			}
		}
	}
	if len(blocks) > 0 {
		s.fail("unmatched '{'")
	}
	for _, cmd := range s.cmds {
		if strings.ContainsRune("btT", rune(cmd.name)) {
			cmd.jump = len(s.cmds)
			if cmd.text != "" {
				to, ok := labels[cmd.text]
				if !ok {
					s.fail("can't find label for jump to '%s'", cmd.text)
				}
				cmd.jump = to
			}
		}
	}
	return nil
}

func (s *sedScript) delimiter() byte {
	d := s.peek()
	if d == 0 || d == '\n' || d == '\\' || d >= utf8.RuneSelf {
		s.fail("unterminated command")
	}
	s.at++
	return d
}

func unescapeY(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(s)
}

// block is the text of a, i and c: what is behind the command or on the lines
// that follow.
func (s *sedScript) block() string {
	s.skip(" \t")
	if s.peek() == '\\' {
		s.at++
		rest := strings.TrimLeft(s.src[s.at:], " \t")
		if strings.HasPrefix(rest, "\n") {
			s.at = len(s.src) - len(rest) + 1
		}
	}
	if s.at >= len(s.src) {
		s.fail("expected \\ after 'a', 'c' or 'i'")
	}
	var out strings.Builder
	for s.at < len(s.src) {
		ch := s.src[s.at]
		s.at++
		if ch == '\\' && s.at < len(s.src) {
			out.WriteByte(s.src[s.at])
			s.at++
			continue
		}
		if ch == '\n' {
			break
		}
		out.WriteByte(ch)
	}
	return out.String() + "\n"
}

func (s *sedScript) substitution(cmd *sedCmd) {
	delim := s.delimiter()
	src := s.until(delim, true)
	repl := s.until(delim, false)
	flags := dialect{}
	for done := false; !done; {
		switch ch := s.peek(); {
		case ch == 'g':
			cmd.all = true
		case ch == 'p':
			cmd.print = true
		case ch == 'i' || ch == 'I':
			flags.icase = true
		case ch == 'm' || ch == 'M':
			flags.multiline = true
		case ch >= '1' && ch <= '9':
			cmd.nth = s.number()
			continue
		case ch == 'w':
			s.at++
			s.skip(" \t")
			from := s.at
			for s.at < len(s.src) && s.peek() != '\n' {
				s.at++
			}
			cmd.text = s.src[from:s.at]
			continue
		case ch == 'e':
			s.fail("the flag e of s")
		default:
			done = true
			continue
		}
		s.at++
	}
	if src != "" {
		cmd.re = s.regex(src, flags)
	}
	text := ""
	flush := func() {
		if text != "" {
			cmd.repl = append(cmd.repl, sedPart{text: text, group: -1})
			text = ""
		}
	}
	for i := 0; i < len(repl); i++ {
		ch := repl[i]
		switch {
		case ch == '&' && delim != '&':
			flush()
			cmd.repl = append(cmd.repl, sedPart{group: 0})
		case ch == '\\' && i+1 < len(repl):
			i++
			switch e := repl[i]; {
			case e >= '0' && e <= '9':
				flush()
				g := int(e - '0')
				if cmd.re != nil && g > cmd.re.NumSubexp() {
					s.fail("invalid reference \\%d on 's' command's RHS", g)
				}
				cmd.repl = append(cmd.repl, sedPart{group: g})
			case e == 'n':
				text += "\n"
			case e == 't':
				text += "\t"
			case e == 'r':
				text += "\r"
			case strings.IndexByte("LUluE", e) >= 0:
				flush()
				cmd.repl = append(cmd.repl, sedPart{group: -1, fold: e})
			case strings.IndexByte("cdoxafv", e) >= 0:
				s.fail("\\%c in a replacement", e)
			default:
				text += string(e)
			}
		default:
			text += string(ch)
		}
	}
	flush()
}

// sedRun is a script that runs over some input.
type sedRun struct {
	c       *Call
	script  *sedScript
	quiet   bool
	out     *bytes.Buffer
	lines   []string
	line    int // the number of the current one
	file    string
	space   string
	newline bool
	hold    string
	after   []string
	prior   *regexp.Regexp
	steps   int
	writes  map[string]bool
	// done ends the run with exit.
	done bool
	exit int
}

func sed(c *Call) int {
	opts, operands, ok := c.options("n E r s u i:: e: f: z b posix debug sandbox follow-symlinks quiet=n silent=n regexp-extended=r separate=s unbuffered=u in-place=i expression=e file=f null-data=z")
	if !ok {
		return 0
	}
	// the suffix of -i may hold letters that were meant as options: GNU sed
	// takes them as the suffix, too
	script := &sedScript{extended: opts.has("E") || opts.has("r")}
	var sources []string
	for _, o := range opts {
		switch o.name {
		case "e":
			sources = append(sources, o.value)
		case "f":
			data, err := c.read(o.value)
			if err != nil {
				return c.failf(1, "couldn't open file %s", err)
			}
			sources = append(sources, strings.TrimSuffix(string(data), "\n"))
		}
	}
	if len(sources) == 0 {
		if len(operands) == 0 {
			return c.failf(1, "no script specified")
		}
		sources, operands = operands[:1], operands[1:]
	}
	script.src = strings.Join(sources, "\n")
	if err := script.parse(); err != nil {
		return c.missed(err.Error())
	}
	run := &sedRun{c: c, script: script, quiet: opts.has("n") || strings.HasPrefix(script.src, "#n\n"), out: &bytes.Buffer{}, writes: map[string]bool{}}
	// with -z a line ends in a zero byte, and a newline is a character
	swap := func(data []byte) []byte {
		if !opts.has("z") {
			return data
		}
		return bytes.Map(func(r rune) rune {
			switch r {
			case 0:
				return '\n'
			case '\n':
				return 0
			}
			return r
		}, data)
	}
	suffix, inPlace := opts.get("i")
	if !inPlace && !opts.has("s") {
		var all []string
		status := 0
		if len(operands) == 0 {
			operands = []string{"-"}
		}
		for _, n := range operands {
			data, err := c.sedRead(n)
			if err != nil {
				status = 2
				continue
			}
			if more := lines(swap(data)); len(all) > 0 && len(more) > 0 && !strings.HasSuffix(all[len(all)-1], "\n") {
				all[len(all)-1] += "\n"
				all = append(all, more...)
			} else {
				all = append(all, more...)
			}
			run.file = n
		}
		run.lines = all
		run.loop()
		c.Stdout.Write(swap(run.out.Bytes()))
		if run.exit != 0 {
			return run.exit
		}
		return status
	}
	status := 0
	for _, n := range operands {
		data, err := c.sedRead(n)
		if err != nil {
			status = 2
			if inPlace {
				status = 4
			}
			if _, missing := c.Stat(n); missing != nil {
				status = 2
			}
			continue
		}
		run.lines, run.line, run.file, run.after = lines(swap(data)), 0, n, nil
		run.loop()
		if !inPlace {
			c.Stdout.Write(swap(run.out.Bytes()))
		} else if err := c.replace(n, swap(run.out.Bytes()), suffix, opts.has("follow-symlinks")); err != nil {
			return c.failf(4, "couldn't open temporary file %s: %s", path.Dir(n)+"/sedXXXXXX", why(err))
		}
		run.out.Reset()
		if run.done {
			break
		}
	}
	if run.exit != 0 {
		return run.exit
	}
	return status
}

func (c *Call) sedRead(name string) ([]byte, error) {
	data, err := c.read(name)
	if err != nil {
		what := "can't read " + name + ": " + why(err)
		if why(err) == "Is a directory" {
			what = "couldn't edit " + name + ": not a regular file"
		}
		c.failf(2, "%s", what)
	}
	return data, err
}

// replace puts a new file with the owner and mode of the old one in its place,
// the way that sed -i does it: a link becomes a file.
func (c *Call) replace(name string, data []byte, suffix string, follow bool) error {
	full, _, err := c.find(name, follow)
	if err != nil {
		return err
	}
	old, err := c.Stat(name)
	if err != nil {
		return err
	}
	if err := c.mayChange(name, full); err != nil {
		return err
	}
	if suffix != "" {
		backup := full + suffix
		if strings.Contains(suffix, "*") {
			backup = path.Join(path.Dir(full), strings.ReplaceAll(suffix, "*", path.Base(full)))
		}
		kept := *old
		kept.By = c.Phase
		c.Files.put(backup, &kept)
	}
	n := &Node{Mode: old.Mode &^ fs.ModeSymlink, Owner: old.Owner, Group: old.Group, By: c.Phase, data: slices.Clone(data)}
	if c.User != "root" {
		n.Owner, n.Group = c.User, c.Group
	}
	c.Files.put(full, n)
	return nil
}

// matches says whether a command is for the current line.
func (r *sedRun) matches(cmd *sedCmd) bool { return r.inRange(cmd) != cmd.not }

func (r *sedRun) inRange(cmd *sedCmd) bool {
	if cmd.from == nil {
		return true
	}
	if cmd.to == nil {
		return r.at(cmd.from)
	}
	if cmd.open {
		switch {
		case cmd.end >= 0:
			if r.line >= cmd.end {
				cmd.open = false
			}
			// a range whose end has gone by while other commands read lines
			return r.line <= cmd.end
		case r.at(cmd.to):
			cmd.open = false
		}
		return true
	}
	zero := cmd.from.line == 0 && cmd.from.re == nil && !cmd.from.last && !cmd.from.prior && cmd.from.step == 0
	if zero {
		if r.line != 1 {
			return false
		}
		if cmd.end = -1; !r.at(cmd.to) {
			cmd.open = true
		}
		return true
	}
	if !r.at(cmd.from) {
		return false
	}
	switch to := cmd.to; {
	case to.plus > 0:
		cmd.end = r.line + to.plus - 1
	case to.fold > 0:
		cmd.end = (r.line + to.fold - 1) / to.fold * to.fold
	case to.line > 0:
		cmd.end = to.line
	case to.last:
		cmd.end = len(r.lines)
	default:
		cmd.end = -1
	}
	cmd.open = cmd.end < 0 || cmd.end > r.line
	return true
}

func (r *sedRun) at(a *sedAddr) bool {
	switch {
	case a.last:
		return r.line == len(r.lines)
	case a.prior:
		return r.prior != nil && r.prior.MatchString(r.space)
	case a.re != nil:
		r.prior = a.re
		return a.re.MatchString(r.space)
	case a.step > 0:
		return r.line >= a.line && (r.line-a.line)%a.step == 0
	}
	return r.line == a.line
}

// next reads a line into the pattern space.
func (r *sedRun) next() bool {
	if r.line >= len(r.lines) {
		return false
	}
	text := r.lines[r.line]
	r.line++
	r.newline = strings.HasSuffix(text, "\n")
	r.space = chomp(text)
	return true
}

func (r *sedRun) emit(s string, newline bool) {
	if r.out.Len() > 4*maxOutput {
		r.c.miss("sed: output without end")
		r.done = true
		return
	}
	// a line without newline at the end gets it when something follows
	r.out.WriteString(s)
	if newline {
		r.out.WriteByte('\n')
	}
}

func (r *sedRun) emitText(s string) {
	if b := r.out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' && r.line >= len(r.lines) && !r.newline {
		r.out.WriteByte('\n')
	}
	r.out.WriteString(s)
}

// finish ends a cycle: the pattern space is printed, then what was appended.
func (r *sedRun) finish(print bool) {
	if print && !r.quiet {
		r.emit(r.space, r.newline)
	}
	for _, a := range r.after {
		r.emitText(a)
	}
	r.after = nil
}

func (r *sedRun) loop() {
	for restart := false; !r.done && (restart || r.next()); {
		restart = r.cycle()
	}
}

// cycle runs the commands over the pattern space. It says whether the next cycle
// is to start without reading a line.
func (r *sedRun) cycle() (restart bool) {
	cmds := r.script.cmds
	replaced := false
	for pc := 0; pc < len(cmds); pc++ {
		// long pattern spaces count for more, as they take longer
		if r.steps += 1 + len(r.space)/64; r.steps > 1_000_000 || len(r.space) > maxOutput || r.done {
			r.c.miss("sed: script without end")
			r.done = true
			return false
		}
		cmd := cmds[pc]
		if !r.matches(cmd) {
			if cmd.name == '{' {
				pc = cmd.jump
			}
			continue
		}
		switch cmd.name {
		case 's':
			if r.substitute(cmd) {
				replaced = true
			}
		case 'y':
			r.space = strings.Map(func(x rune) rune {
				if to, ok := cmd.table[x]; ok {
					return to
				}
				return x
			}, r.space)
		case 'p':
			r.emit(r.space, true)
		case 'P':
			first, _, _ := strings.Cut(r.space, "\n")
			r.emit(first, true)
		case 'd':
			r.finish(false)
			return false
		case 'D':
			_, rest, found := strings.Cut(r.space, "\n")
			r.finish(false)
			if found {
				r.space = rest
			}
			return found
		case 'n':
			if r.line >= len(r.lines) {
				r.finish(true)
				r.done = true
				return false
			}
			r.finish(true)
			r.next()
		case 'N':
			if r.line >= len(r.lines) {
				r.finish(true)
				r.done = true
				return false
			}
			held := r.space
			for _, a := range r.after {
				r.emitText(a)
			}
			r.after = nil
			r.next()
			r.space = held + "\n" + r.space
		case 'h':
			r.hold = r.space
		case 'H':
			r.hold += "\n" + r.space
		case 'g':
			r.space = r.hold
		case 'G':
			r.space += "\n" + r.hold
		case 'x':
			r.space, r.hold = r.hold, r.space
		case 'z':
			r.space = ""
		case '=':
			r.emit(strconv.Itoa(r.line), true)
		case 'F':
			r.emit(r.file, true)
		case 'a':
			r.after = append(r.after, cmd.text)
		case 'i':
			r.emit(chomp(cmd.text), true)
		case 'c':
			if cmd.to == nil || cmd.not || !cmd.open {
				r.emit(chomp(cmd.text), true)
			}
			r.finish(false)
			return false
		case 'r':
			if data, err := r.c.read(cmd.text); err == nil && len(data) > 0 {
				r.after = append(r.after, string(data))
			}
		case 'w':
			r.write(cmd.text)
		case 'q':
			r.finish(true)
			r.done, r.exit = true, cmd.exit
			return false
		case 'Q':
			r.done, r.exit = true, cmd.exit
			return false
		case 'b':
			pc = cmd.jump - 1
		case 't':
			if replaced {
				replaced, pc = false, cmd.jump-1
			}
		case 'T':
			if !replaced {
				pc = cmd.jump - 1
			}
			replaced = false
		}
	}
	r.finish(true)
	return false
}

func (r *sedRun) write(name string) {
	switch name {
	case "/dev/stdout":
		r.emit(r.space, true)
	case "/dev/stderr":
		fmt.Fprintln(r.c.Stderr, r.space)
	default:
		if err := r.c.WriteFile(name, []byte(r.space+"\n"), r.writes[name]); err != nil {
			r.c.failf(0, "couldn't open file %s", err)
		}
		r.writes[name] = true
	}
}

func (r *sedRun) substitute(cmd *sedCmd) bool {
	re := cmd.re
	if re == nil {
		re = r.prior
	}
	if re == nil {
		return false
	}
	r.prior = re
	all := re.FindAllStringSubmatchIndex(r.space, -1)
	var out strings.Builder
	at, done := 0, false
	for i, m := range all {
		if i+1 < cmd.nth || !cmd.all && done {
			continue
		}
		out.WriteString(r.space[at:m[0]])
		out.WriteString(filled(cmd.repl, r.space, m))
		at, done = m[1], true
	}
	if !done {
		return false
	}
	out.WriteString(r.space[at:])
	r.space = out.String()
	if cmd.print {
		r.emit(r.space, true)
	}
	if cmd.text != "" {
		r.write(cmd.text)
	}
	return true
}

// filled is a replacement with its groups filled in.
func filled(parts []sedPart, space string, m []int) string {
	var out strings.Builder
	var fold, once byte
	for _, p := range parts {
		text := p.text
		switch {
		case p.fold == 'E':
			fold, once = 0, 0
		case p.fold == 'U' || p.fold == 'L':
			fold = p.fold
		case p.fold != 0:
			once = p.fold
		case p.group >= 0 && 2*p.group+1 < len(m) && m[2*p.group] >= 0:
			text = space[m[2*p.group]:m[2*p.group+1]]
		}
		switch fold {
		case 'U':
			text = strings.ToUpper(text)
		case 'L':
			text = strings.ToLower(text)
		}
		if once != 0 && text != "" {
			_, n := utf8.DecodeRuneInString(text)
			if once == 'u' {
				text = strings.ToUpper(text[:n]) + text[n:]
			} else {
				text = strings.ToLower(text[:n]) + text[n:]
			}
			once = 0
		}
		out.WriteString(text)
	}
	return out.String()
}
