package interp

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// spell is an arithmetic expression as text, with what is expanded in it in
// place: $x may hold an operator.
func (sh *Shell) spell(x syntax.ArithmExpr) string {
	switch x := x.(type) {
	case nil:
		return ""
	case *syntax.ParenArithm:
		return "(" + sh.spell(x.X) + ")"
	case *syntax.UnaryArithm:
		if x.Post {
			return sh.spell(x.X) + x.Op.String() + " "
		}
		return " " + x.Op.String() + sh.spell(x.X)
	case *syntax.BinaryArithm:
		return sh.spell(x.X) + " " + x.Op.String() + " " + sh.spell(x.Y)
	case *syntax.Word:
		var b strings.Builder
		for _, p := range x.Parts {
			switch p := p.(type) {
			case *syntax.Lit:
				b.WriteString(p.Value)
			case *syntax.ParamExp:
				if p.Short && !p.Dollar.IsValid() && p.Index != nil {
					b.WriteString(p.Param.Value + "[" + sh.spell(p.Index) + "]")
					continue
				}
				b.WriteString(sh.plain(p, true))
			case *syntax.SglQuoted:
				b.WriteString(p.Value)
			case *syntax.DblQuoted:
				for _, q := range p.Parts {
					b.WriteString(sh.plain(q, true))
				}
			default:
				b.WriteString(sh.plain(p, true))
			}
			if sh.jump != goesOn {
				return ""
			}
		}
		return b.String()
	}
	return ""
}

// arithm evaluates an expression of the tree.
func (sh *Shell) arithm(x syntax.ArithmExpr) (int64, bool) {
	text := sh.spell(x)
	if sh.jump != goesOn {
		return 0, false
	}
	return sh.arithmetic(text)
}

// arithmetic evaluates text as $(( )) does; false after an error, which is
// printed and ends the command.
func (sh *Shell) arithmetic(text string) (n int64, ok bool) {
	e := &evaluator{sh: sh, s: text}
	defer func() {
		if r := recover(); r != nil {
			err, is := r.(arithError)
			if !is {
				panic(r)
			}
			if sh.jump == goesOn {
				if sh.dash {
					sh.leave(2, "arithmetic expression: %s: \"%s\"", string(err), text)
				} else {
					sh.errorf("%s", string(err))
					sh.failedExp = true
					sh.set(1)
					sh.jump = discards
				}
			}
			n, ok = 0, false
		}
	}()
	n = e.all()
	return n, sh.jump == goesOn
}

type arithError string

// evaluator evaluates while it parses. skip says that nothing may change, as in
// the branch of ?: that is not taken.
type evaluator struct {
	sh    *Shell
	s     string
	i     int
	skip  int
	depth int
}

func (e *evaluator) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !e.sh.dash {
		text = strings.TrimLeft(e.s, " \t\n") + ": " + text
	}
	panic(arithError(text))
}

func (e *evaluator) space() {
	for e.i < len(e.s) && strings.IndexByte(" \t\n\r", e.s[e.i]) >= 0 {
		e.i++
	}
}

// op takes an operator when it comes next and is not the beginning of another.
func (e *evaluator) op(name string) bool {
	e.space()
	if !strings.HasPrefix(e.s[e.i:], name) {
		return false
	}
	rest := e.s[e.i+len(name):]
	next := byte(0)
	if rest != "" {
		next = rest[0]
	}
	switch name {
	case "=":
		if next == '=' {
			return false
		}
	case "<", ">":
		if next == '=' || next == name[0] {
			return false
		}
	case "<<", ">>", "+", "-", "/", "%", "^":
		if next == '=' {
			return false
		}
	case "*":
		if next == '*' || next == '=' {
			return false
		}
	case "&", "|":
		if next == name[0] || next == '=' {
			return false
		}
	case "!":
		if next == '=' {
			return false
		}
	}
	e.i += len(name)
	return true
}

func (e *evaluator) all() int64 {
	e.space()
	if e.i >= len(e.s) {
		if e.sh.dash {
			e.fail("expecting primary")
		}
		return 0
	}
	n := e.comma()
	e.space()
	if e.i < len(e.s) {
		if e.sh.dash {
			e.fail("expecting EOF")
		}
		c := e.s[e.i]
		if isName(c) || c >= '0' && c <= '9' || strings.IndexByte("+-*/%<>=!&|^?:,()~", c) >= 0 {
			e.fail("syntax error in expression (error token is \"%s\")", e.s[e.i:])
		}
		e.fail("syntax error: invalid arithmetic operator (error token is \"%s\")", e.s[e.i:])
	}
	return n
}

func (e *evaluator) comma() int64 {
	n := e.assignment()
	for !e.sh.dash && e.op(",") {
		n = e.assignment()
	}
	return n
}

// name reads a variable and its subscript.
func (e *evaluator) name() (name, key string, element bool) {
	from := e.i
	for e.i < len(e.s) && (isName(e.s[e.i]) || e.i > from && e.s[e.i] >= '0' && e.s[e.i] <= '9') {
		e.i++
	}
	name = e.s[from:e.i]
	if name == "" || e.i >= len(e.s) || e.s[e.i] != '[' || e.sh.dash {
		return name, "", false
	}
	depth := 0
	at := e.i
	for ; e.i < len(e.s); e.i++ {
		switch e.s[e.i] {
		case '[':
			depth++
		case ']':
			depth--
		}
		if depth == 0 {
			break
		}
	}
	if e.i >= len(e.s) {
		e.fail("bad array subscript (error token is \"%s\")", e.s[from:])
	}
	e.i++
	key = e.s[at+1 : e.i-1]
	base, _ := e.sh.resolve(name)
	v, _ := e.sh.find(base)
	if v == nil || v.kind != assoc {
		if key == "@" || key == "*" {
			return name, key, true
		}
		n := e.inner(key)
		if v != nil && n < 0 && v.kind == indexed && len(v.idx) > 0 {
			n += int64(v.idx[len(v.idx)-1]) + 1
		}
		key = strconv.FormatInt(n, 10)
	}
	return name, key, true
}

// inner evaluates the value of a variable.
func (e *evaluator) inner(text string) int64 {
	if e.depth > 100 {
		e.fail("expression recursion level exceeded (error token is \"%s\")", text)
	}
	q := &evaluator{sh: e.sh, s: text, depth: e.depth + 1, skip: e.skip}
	return q.all()
}

func (e *evaluator) read(name, key string, element bool) int64 {
	if e.skip > 0 {
		return 0
	}
	var text string
	var set bool
	if v := e.sh.value(name); v != nil {
		if element {
			if v.kind == scalar {
				if key == "0" {
					text, set = v.first()
				}
			} else {
				text, set = v.get(key)
			}
		} else {
			text, set = v.first()
		}
	}
	if !set && e.sh.opts["nounset"] && !e.sh.dash {
		e.sh.leave(1, "%s: unbound variable", name)
		e.fail("")
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (text == "0" || text[0] != '0' && text[0] != '+' && text[0] != '-') {
		return n
	}
	if strings.TrimSpace(text) == "" {
		return 0
	}
	if e.sh.dash {
		// dash reads numbers only
		t := strings.TrimSpace(text)
		neg := false
		if t != "" && (t[0] == '-' || t[0] == '+') {
			neg, t = t[0] == '-', t[1:]
		}
		n, err := strconv.ParseInt(t, 0, 64)
		if err != nil || strings.ContainsAny(t, "_bBoO") && !strings.HasPrefix(strings.ToLower(t), "0x") || len(t) > 1 && t[0] == '0' && strings.ContainsAny(t, "bBoO") {
			e.sh.leave(2, "Illegal number: %s", text)
			e.fail("")
		}
		if neg {
			n = -n
		}
		return n
	}
	return e.inner(text)
}

func (e *evaluator) write(name, key string, element bool, n int64) int64 {
	if e.skip > 0 {
		return n
	}
	if !e.sh.assign(name, key, strconv.FormatInt(n, 10), element, false) {
		if e.sh.dash {
			e.sh.status, e.sh.jump = 2, exits
		} else if e.sh.jump == goesOn {
			e.sh.set(1)
			e.sh.jump = discards
		}
		e.fail("")
	}
	return n
}

func (e *evaluator) assignment() int64 {
	e.space()
	from := e.i
	if e.i < len(e.s) && isName(e.s[e.i]) {
		name, key, element := e.name()
		for _, op := range []string{"<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="} {
			if !e.op(op) {
				continue
			}
			if op == "=" {
				return e.write(name, key, element, e.assignment())
			}
			old := e.read(name, key, element)
			y := e.assignment()
			return e.write(name, key, element, e.binary(strings.TrimSuffix(op, "="), old, y))
		}
		e.i = from
	}
	return e.ternary()
}

func (e *evaluator) ternary() int64 {
	c := e.logicalOr()
	if !e.op("?") {
		return c
	}
	branch := func(taken bool, f func() int64) int64 {
		if !taken {
			e.skip++
			defer func() { e.skip-- }()
		}
		return f()
	}
	x := branch(c != 0, e.comma)
	if !e.op(":") {
		e.fail("`:' expected for conditional expression")
	}
	y := branch(c == 0, e.ternaryRight)
	if c != 0 {
		return x
	}
	return y
}

func (e *evaluator) ternaryRight() int64 { return e.ternary() }

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (e *evaluator) logicalOr() int64 {
	x := e.logicalAnd()
	for e.op("||") {
		if x != 0 {
			e.skip++
		}
		y := e.logicalAnd()
		if x != 0 {
			e.skip--
		}
		x = truth(x != 0 || y != 0)
	}
	return x
}

func (e *evaluator) logicalAnd() int64 {
	x := e.level(0)
	for e.op("&&") {
		if x == 0 {
			e.skip++
		}
		y := e.level(0)
		if x == 0 {
			e.skip--
		}
		x = truth(x != 0 && y != 0)
	}
	return x
}

var levels = [][]string{{"|"}, {"^"}, {"&"}, {"==", "!="}, {"<=", ">=", "<", ">"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (e *evaluator) level(n int) int64 {
	if n == len(levels) {
		return e.power()
	}
	x := e.level(n + 1)
loop:
	for {
		for _, op := range levels[n] {
			if e.op(op) {
				y := e.level(n + 1)
				x = e.binary(op, x, y)
				continue loop
			}
		}
		return x
	}
}

func (e *evaluator) power() int64 {
	x := e.unary()
	if !e.sh.dash && e.op("**") {
		y := e.power()
		return e.binary("**", x, y)
	}
	return x
}

func (e *evaluator) binary(op string, x, y int64) int64 {
	switch op {
	case "|":
		return x | y
	case "^":
		return x ^ y
	case "&":
		return x & y
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "<=":
		return truth(x <= y)
	case ">=":
		return truth(x >= y)
	case "<":
		return truth(x < y)
	case ">":
		return truth(x > y)
	case "<<":
		return x << (uint64(y) & 63)
	case ">>":
		return x >> (uint64(y) & 63)
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/", "%":
		if y == 0 {
			if e.skip > 0 {
				return 0
			}
			if e.sh.dash {
				e.fail("division by zero")
			}
			e.fail("division by 0 (error token is \"%s\")", strings.TrimSpace(e.s[max(0, e.i-1):]))
		}
		if x == math.MinInt64 && y == -1 {
			if op == "/" {
				return x
			}
			return 0
		}
		if op == "/" {
			return x / y
		}
		return x % y
	case "**":
		if y < 0 {
			if e.skip > 0 {
				return 0
			}
			e.fail("exponent less than 0 (error token is \"%s\")", e.s[max(0, e.i-1):])
		}
		n := int64(1)
		for ; y > 0; y >>= 1 {
			if y&1 == 1 {
				n *= x
			}
			x *= x
		}
		return n
	}
	return 0
}

func (e *evaluator) unary() int64 {
	e.space()
	if e.i >= len(e.s) {
		if e.sh.dash {
			e.fail("expecting primary")
		}
		e.fail("syntax error: operand expected (error token is \"%s\")", lastToken(e.s))
	}
	rest := e.s[e.i:]
	if !e.sh.dash && (strings.HasPrefix(rest, "++") || strings.HasPrefix(rest, "--")) {
		j := 2
		for j < len(rest) && rest[j] == ' ' {
			j++
		}
		if j < len(rest) && isName(rest[j]) {
			e.i += j
			name, key, element := e.name()
			n := e.read(name, key, element)
			if rest[0] == '+' {
				n++
			} else {
				n--
			}
			return e.write(name, key, element, n)
		}
	}
	switch {
	case rest[0] == '!':
		e.i++
		return truth(e.unary() == 0)
	case rest[0] == '~':
		e.i++
		return ^e.unary()
	case rest[0] == '-':
		e.i++
		return -e.unary()
	case rest[0] == '+':
		e.i++
		return e.unary()
	}
	return e.primary()
}

func lastToken(s string) string {
	s = strings.TrimRight(s, " ")
	if s == "" {
		return ""
	}
	return s[len(s)-1:]
}

func isName(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (e *evaluator) primary() int64 {
	e.space()
	if e.i >= len(e.s) {
		e.fail("syntax error: operand expected")
	}
	c := e.s[e.i]
	switch {
	case c == '(':
		e.i++
		var n int64
		if e.sh.dash {
			n = e.assignment()
		} else {
			n = e.comma()
		}
		if !e.op(")") {
			e.fail("missing `)' (error token is \"%s\")", e.s[max(0, e.i-1):])
		}
		return n
	case isName(c):
		name, key, element := e.name()
		if e.space(); !e.sh.dash && e.i < len(e.s) && strings.IndexByte("+-*/%<>=!&|^?:,)]~", e.s[e.i]) < 0 && !isName(e.s[e.i]) && (e.s[e.i] < '0' || e.s[e.i] > '9') && e.s[e.i] != '(' {
			e.fail("syntax error: invalid arithmetic operator (error token is \"%s\")", e.s[e.i:])
		}
		n := e.read(name, key, element)
		if !e.sh.dash {
			e.space()
			if rest := e.s[e.i:]; strings.HasPrefix(rest, "++") || strings.HasPrefix(rest, "--") {
				e.i += 2
				by := int64(1)
				if rest[0] == '-' {
					by = -1
				}
				e.write(name, key, element, n+by)
			}
		}
		return n
	case c >= '0' && c <= '9':
		return e.number()
	}
	if e.sh.dash {
		e.fail("expecting primary")
	}
	e.fail("syntax error: operand expected (error token is \"%s\")", e.s[e.i:])
	return 0
}

func (e *evaluator) number() int64 {
	from := e.i
	for e.i < len(e.s) && (isName(e.s[e.i]) || e.s[e.i] >= '0' && e.s[e.i] <= '9' || !e.sh.dash && (e.s[e.i] == '#' || e.s[e.i] == '@')) {
		e.i++
	}
	text := e.s[from:e.i]
	base, digits := uint64(10), text
	switch {
	case strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X"):
		base, digits = 16, text[2:]
	case strings.Contains(text, "#"):
		b, d, _ := strings.Cut(text, "#")
		n, err := strconv.Atoi(b)
		if err != nil || n < 2 || n > 64 {
			e.fail("invalid arithmetic base (error token is \"%s\")", text)
		}
		if d == "" {
			e.fail("invalid integer constant (error token is \"%s\")", text)
		}
		base, digits = uint64(n), d
	case len(text) > 1 && text[0] == '0':
		base, digits = 8, text[1:]
	}
	var n uint64
	for i := range len(digits) {
		c := digits[i]
		d := uint64(99)
		switch {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c >= 'a' && c <= 'z':
			d = uint64(c-'a') + 10
		case c >= 'A' && c <= 'Z' && base <= 36:
			d = uint64(c-'A') + 10
		case c >= 'A' && c <= 'Z':
			d = uint64(c-'A') + 36
		case c == '@':
			d = 62
		case c == '_':
			d = 63
		}
		if d >= base {
			if e.sh.dash {
				e.fail("expecting EOF")
			}
			e.fail("value too great for base (error token is \"%s\")", text)
		}
		n = n*base + d
	}
	return int64(n)
}
