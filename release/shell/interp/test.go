package interp

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Ownership is what Sys of a file may tell: who may call it his own, and when it
// was changed.
type Ownership interface {
	Owned(user, group bool) bool
	Modified() int
	Same(other fs.FileInfo) bool
}

// test evaluates [[ ]]: 0 is true, 1 false, 2 an error, which is no more than false
// to ! && and ||.
func (sh *Shell) test(x syntax.TestExpr) int {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return sh.test(x.X)
	case *syntax.Word:
		return truthStatus(sh.one(x) != "")
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return truthStatus(sh.test(x.X) != 0)
		}
		s := sh.one(x.X.(*syntax.Word))
		if sh.jump != goesOn {
			return 1
		}
		return truthStatus(sh.unary(x.Op.String(), s))
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			if status := sh.test(x.X); status != 0 || sh.jump != goesOn {
				return status
			}
			return sh.test(x.Y)
		case syntax.OrTest:
			if status := sh.test(x.X); status == 0 || sh.jump != goesOn {
				return status
			}
			return sh.test(x.Y)
		}
		left := sh.one(x.X.(*syntax.Word))
		right := x.Y.(*syntax.Word)
		if sh.jump != goesOn {
			return 1
		}
		switch x.Op {
		case syntax.TsMatch, syntax.TsMatchShort:
			return truthStatus(sh.matches(sh.pattern(right), left, true))
		case syntax.TsNoMatch:
			return truthStatus(!sh.matches(sh.pattern(right), left, true))
		case syntax.TsReMatch:
			return sh.regexp(left, right)
		case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
			a, okA := sh.arithmetic(left)
			b, okB := int64(0), false
			if okA {
				b, okB = sh.arithmetic(sh.one(right))
			}
			if !okA || !okB {
				if sh.jump == discards {
					sh.jump = goesOn
				}
				return 1
			}
			return truthStatus(compare(x.Op.String(), a, b))
		}
		return truthStatus(sh.binary(x.Op.String(), left, sh.one(right)))
	}
	return 2
}

func compare(op string, a, b int64) bool {
	switch op {
	case "-eq":
		return a == b
	case "-ne":
		return a != b
	case "-le":
		return a <= b
	case "-ge":
		return a >= b
	case "-lt":
		return a < b
	case "-gt":
		return a > b
	}
	return false
}

// regexp is =~.
func (sh *Shell) regexp(left string, w *syntax.Word) int {
	var b strings.Builder
	for _, f := range sh.word(w, how{single: true, pattern: true}) {
		if f.quoted {
			b.WriteString(regexp.QuoteMeta(f.s))
		} else {
			b.WriteString(f.s)
		}
	}
	if sh.jump != goesOn {
		return 1
	}
	text := posixRegexp(b.String())
	if sh.shopts["nocasematch"] {
		text = "(?i)" + text
	}
	re, err := regexp.Compile("(?s)" + text)
	if err != nil {
		return 2
	}
	re.Longest()
	at := re.FindStringSubmatch(left)
	v := sh.writable("BASH_REMATCH")
	*v = variable{kind: indexed, set: true}
	for i, s := range at {
		v.put(strconv.Itoa(i), s)
	}
	return truthStatus(at != nil)
}

// posixRegexp spells a POSIX expression for Go: a class begins with ] and holds
// backslashes.
func posixRegexp(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) {
				i++
				if strings.IndexByte(`.[]()*+?{}|^$\/`, s[i]) >= 0 {
					b.WriteByte('\\')
				} else if strings.IndexByte("wWsSbB", s[i]) >= 0 {
					b.WriteByte('\\')
				}
				b.WriteByte(s[i])
				if s[i] == '/' {
					t := b.String()
					b.Reset()
					b.WriteString(t[:len(t)-2] + "/")
				}
			}
		case '[':
			end := classEnd([]rune(s[i:]))
			if end == 0 {
				b.WriteString(`\[`)
				continue
			}
			body := string([]rune(s[i:])[:end])
			inner := body[1 : len(body)-1]
			b.WriteByte('[')
			if strings.HasPrefix(inner, "^") {
				b.WriteByte('^')
				inner = inner[1:]
			}
			if strings.HasPrefix(inner, "]") {
				b.WriteString(`\]`)
				inner = inner[1:]
			}
			for j := 0; j < len(inner); j++ {
				switch {
				case inner[j] == '[' && j+1 < len(inner) && inner[j+1] == ':':
					if k := strings.Index(inner[j:], ":]"); k > 0 {
						b.WriteString(inner[j : j+k+2])
						j += k + 1
						continue
					}
					b.WriteString(`\[`)
				case inner[j] == '\\' || inner[j] == '[':
					b.WriteByte('\\')
					b.WriteByte(inner[j])
				default:
					b.WriteByte(inner[j])
				}
			}
			b.WriteByte(']')
			i += len(body) - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// unary is a test with one operand.
func (sh *Shell) unary(op, s string) bool {
	stat := func(follow bool) fs.FileInfo {
		if s == "" {
			return nil
		}
		if n, ok := strings.CutPrefix(s, "/dev/fd/"); ok && sh.fds[atoi(n)] != nil {
			info, err := sh.m.Stat(sh, "/dev/null", true)
			if err == nil {
				return info
			}
		}
		info, err := sh.m.Stat(sh, s, follow)
		if err != nil {
			return nil
		}
		return info
	}
	is := func(bits fs.FileMode) bool {
		info := stat(true)
		return info != nil && info.Mode()&bits != 0
	}
	switch op {
	case "-e", "-a":
		return stat(true) != nil
	case "-f":
		info := stat(true)
		return info != nil && info.Mode().IsRegular()
	case "-d":
		return is(fs.ModeDir)
	case "-b":
		info := stat(true)
		return info != nil && info.Mode()&fs.ModeDevice != 0 && info.Mode()&fs.ModeCharDevice == 0
	case "-c":
		return is(fs.ModeCharDevice)
	case "-p":
		if n, ok := strings.CutPrefix(s, "/dev/fd/"); ok && sh.fds[atoi(n)] != nil {
			return sh.fds[atoi(n)].Name == "|"
		}
		return is(fs.ModeNamedPipe)
	case "-S":
		return is(fs.ModeSocket)
	case "-h", "-L":
		info := stat(false)
		return info != nil && info.Mode()&fs.ModeSymlink != 0
	case "-k":
		return is(fs.ModeSticky)
	case "-g":
		return is(fs.ModeSetgid)
	case "-u":
		return is(fs.ModeSetuid)
	case "-r":
		return s != "" && stat(true) != nil && sh.m.Access(sh, s, 4)
	case "-w":
		return s != "" && stat(true) != nil && sh.m.Access(sh, s, 2)
	case "-x":
		return s != "" && stat(true) != nil && sh.m.Access(sh, s, 1)
	case "-s":
		info := stat(true)
		return info != nil && (info.Size() > 0 || info.IsDir())
	case "-O", "-G", "-N":
		info := stat(true)
		if info == nil {
			return false
		}
		if o, ok := info.Sys().(Ownership); ok && op != "-N" {
			return o.Owned(op == "-O", op == "-G")
		}
		sh.m.Miss("test " + op)
		return true
	case "-t":
		return false
	case "-z":
		return s == ""
	case "-n":
		return s != ""
	case "-o":
		return sh.opts[s]
	case "-v":
		return sh.isSet(s)
	case "-R":
		v, _ := sh.find(s)
		return v != nil && v.ref
	}
	return false
}

// isSet is -v.
func (sh *Shell) isSet(name string) bool {
	if i := strings.IndexByte(name, '['); i > 0 && strings.HasSuffix(name, "]") {
		v := sh.value(name[:i])
		key := name[i+1 : len(name)-1]
		if v == nil {
			return false
		}
		if v.kind == assoc {
			_, ok := v.get(key)
			return ok
		}
		if key == "@" || key == "*" {
			return v.set && (v.kind == scalar || len(v.vals) > 0)
		}
		n, ok := sh.arithmetic(key)
		if !ok {
			return false
		}
		if n < 0 && len(v.idx) > 0 {
			n += int64(v.idx[len(v.idx)-1]) + 1
		}
		_, set := v.get(strconv.FormatInt(n, 10))
		return set
	}
	if v, _ := sh.find(name); v != nil && v.ref {
		name, _ = sh.resolve(name)
	}
	_, ok := sh.Get(name)
	return ok
}

// binary is a test with two operands.
func (sh *Shell) binary(op, a, b string) bool {
	switch op {
	case "=", "==":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case ">":
		return a > b
	case "-nt", "-ot", "-ef":
		x, errX := sh.m.Stat(sh, a, true)
		y, errY := sh.m.Stat(sh, b, true)
		switch {
		case op == "-ef":
			if errX != nil || errY != nil {
				return false
			}
			o, ok := x.Sys().(Ownership)
			return ok && o.Same(y)
		case op == "-nt" && errX == nil && errY != nil, op == "-ot" && errX != nil && errY == nil:
			return true
		case errX != nil || errY != nil:
			return false
		}
		ox, okX := x.Sys().(Ownership)
		oy, okY := y.Sys().(Ownership)
		if !okX || !okY {
			return false
		}
		if op == "-nt" {
			return ox.Modified() > oy.Modified()
		}
		return ox.Modified() < oy.Modified()
	}
	return false
}

// classic is test and [: what it says depends on how many words there are.
type classic struct {
	sh   *Shell
	args []string
	i    int
}

type testError string

func (c *classic) fail(format string, args ...any) { panic(testError(fmt.Sprintf(format, args...))) }

// testBuiltin is test and [.
func testBuiltin(sh *Shell, args []string) (status int) {
	name := args[0]
	args = args[1:]
	if name == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			sh.errorf("[: missing `]'")
			return 2
		}
		args = args[:len(args)-1]
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(testError)
			if !ok {
				panic(r)
			}
			sh.errorf("%s: %s", name, string(e))
			status = 2
		}
	}()
	c := &classic{sh: sh, args: args}
	var ok bool
	if sh.dash {
		ok = c.dash()
	} else {
		ok = c.bash(args)
	}
	return truthStatus(ok)
}

const unaryOps = "abcdefghknoprstuvwxzGLNORS"

func isUnary(s string) bool {
	return len(s) == 2 && s[0] == '-' && strings.IndexByte(unaryOps, s[1]) >= 0
}

func isBinary(s string) bool {
	switch s {
	case "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (c *classic) bash(args []string) bool {
	switch len(args) {
	case 0:
		return false
	case 1:
		return args[0] != ""
	case 2:
		return c.two(args)
	case 3:
		return c.three(args)
	case 4:
		if args[0] == "!" {
			return !c.three(args[1:])
		}
		if args[0] == "(" && args[3] == ")" {
			return c.two(args[1:3])
		}
	}
	c.i = 0
	ok := c.or()
	if c.i < len(c.args) {
		c.fail("too many arguments")
	}
	return ok
}

func (c *classic) two(args []string) bool {
	if args[0] == "!" {
		return args[1] == ""
	}
	if isUnary(args[0]) {
		return c.unary(args[0], args[1])
	}
	c.fail("%s: unary operator expected", args[0])
	return false
}

func (c *classic) three(args []string) bool {
	switch {
	case isBinary(args[1]):
		return c.binary(args[0], args[1], args[2])
	case args[1] == "-a":
		return args[0] != "" && args[2] != ""
	case args[1] == "-o":
		return args[0] != "" || args[2] != ""
	case args[0] == "!":
		return !c.two(args[1:])
	case args[0] == "(" && args[2] == ")":
		return args[1] != ""
	}
	c.fail("%s: binary operator expected", args[1])
	return false
}

func (c *classic) or() bool {
	x := c.and()
	for c.i < len(c.args) && c.args[c.i] == "-o" {
		c.i++
		y := c.and()
		x = x || y
	}
	return x
}

func (c *classic) and() bool {
	x := c.term()
	for c.i < len(c.args) && c.args[c.i] == "-a" {
		c.i++
		y := c.term()
		x = x && y
	}
	return x
}

func (c *classic) term() bool {
	if c.i >= len(c.args) {
		c.fail("argument expected")
	}
	left := len(c.args) - c.i
	a := c.args[c.i]
	negated := false
	for a == "!" {
		c.i++
		negated = !negated
		if c.i >= len(c.args) {
			c.fail("argument expected")
		}
		a = c.args[c.i]
		left--
	}
	var ok bool
	switch {
	case a == "(":
		// up to the bracket that closes it
		c.i++
		n := 1
		for c.i+n < len(c.args) && c.args[c.i+n] != ")" && n < 4 {
			n++
		}
		if c.i < len(c.args) && c.i+n < len(c.args) && c.args[c.i+n] == ")" && n < 4 {
			sub := c.args[c.i : c.i+n]
			q := &classic{sh: c.sh, args: sub}
			ok = q.bash(sub)
			c.i += n + 1
			break
		}
		ok = c.or()
		if c.i >= len(c.args) || c.args[c.i] != ")" {
			c.fail("`)' expected")
		}
		c.i++
	case left >= 3 && isBinary(c.args[c.i+1]):
		ok = c.binary(a, c.args[c.i+1], c.args[c.i+2])
		c.i += 3
	case isUnary(a) && left >= 2:
		ok = c.unary(a, c.args[c.i+1])
		c.i += 2
	case len(a) == 2 && a[0] == '-' && isUnary(a) && left < 2:
		ok = true
		c.i++
	default:
		ok = a != ""
		c.i++
	}
	return ok != negated
}

func (c *classic) unary(op, s string) bool {
	if op == "-t" {
		c.number(s)
	}
	return c.sh.unary(op, s)
}

func (c *classic) number(s string) int64 {
	t := strings.TrimSpace(s)
	n, err := strconv.ParseInt(strings.TrimPrefix(t, "+"), 10, 64)
	if err != nil || t == "" || strings.HasPrefix(t, "+-") {
		if c.sh.dash {
			c.fail("Illegal number: %s", s)
		}
		c.fail("%s: integer expression expected", s)
	}
	return n
}

func (c *classic) binary(a, op, b string) bool {
	switch op {
	case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
		x := c.number(a)
		return compare(op, x, c.number(b))
	}
	return c.sh.binary(op, a, b)
}

// dash evaluates as dash does: by precedence, with a look at how many words
// there are.
func (c *classic) dash() bool {
	if len(c.args) == 0 {
		return false
	}
	// POSIX says what three and four words are
	switch n := len(c.args); {
	case n == 3 || n == 4:
		rest := c.args
		if n == 4 {
			if rest[0] == "!" && dashBinary(rest[2]) {
				return !c.binary(rest[1], rest[2], rest[3])
			}
			if rest[0] == "(" && rest[3] == ")" {
				return (&classic{sh: c.sh, args: rest[1:3]}).dash()
			}
			break
		}
		if dashBinary(rest[1]) {
			return c.binary(rest[0], rest[1], rest[2])
		}
		if rest[0] == "(" && rest[2] == ")" {
			return rest[1] != ""
		}
	}
	ok := c.dashOr()
	if c.i < len(c.args) {
		c.fail("%s: unexpected operator", c.args[c.i])
	}
	return ok
}

func dashBinary(s string) bool { return s != "==" && isBinary(s) }

func (c *classic) dashOr() bool {
	x := c.dashAnd()
	for c.i < len(c.args) && c.args[c.i] == "-o" {
		c.i++
		y := c.dashOr()
		return x || y
	}
	return x
}

func (c *classic) dashAnd() bool {
	x := c.dashNot()
	for c.i < len(c.args) && c.args[c.i] == "-a" {
		c.i++
		y := c.dashAnd()
		return x && y
	}
	return x
}

func (c *classic) dashNot() bool {
	if c.i < len(c.args) && c.args[c.i] == "!" && !(c.i+2 < len(c.args) && dashBinary(c.args[c.i+1])) && c.i+1 < len(c.args) {
		c.i++
		return !c.dashNot()
	}
	return c.dashPrimary()
}

func (c *classic) dashPrimary() bool {
	if c.i >= len(c.args) {
		return false
	}
	a := c.args[c.i]
	left := len(c.args) - c.i
	if left >= 3 && dashBinary(c.args[c.i+1]) {
		c.i += 3
		return c.binary(a, c.args[c.i-2], c.args[c.i-1])
	}
	if a == "(" && left > 1 {
		c.i++
		ok := c.dashOr()
		if c.i >= len(c.args) || c.args[c.i] != ")" {
			c.fail("closing paren expected")
		}
		c.i++
		return ok
	}
	if len(a) == 2 && a[0] == '-' && strings.IndexByte("bcdefghknprstuwxzGLOS", a[1]) >= 0 {
		if left == 1 {
			c.i++
			return true
		}
		if a == "-n" || a == "-z" || left >= 2 {
			c.i += 2
			return c.unary(a, c.args[c.i-1])
		}
	}
	c.i++
	return a != ""
}
