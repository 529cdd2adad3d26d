package interp

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// operand is what a parameter stands for.
type operand struct {
	vals []string
	// list says that it is $@, $* or all of an array; star that quotes join it.
	list, star bool
	set        bool
	// name, key and element are where := puts something.
	name, key string
	element   bool
	v         *variable
	keys      []string
}

func (o *operand) str() string {
	if len(o.vals) == 0 {
		return ""
	}
	return o.vals[0]
}

// called is its name with the subscript.
func (o *operand) called(name string, index syntax.ArithmExpr) string {
	if o.element && index != nil {
		return name + "[" + spelled(index, printedWord) + "]"
	}
	return name
}

// lookup finds what a parameter stands for.
func (sh *Shell) lookup(name string, index syntax.ArithmExpr) (o operand, ok bool) {
	o.name = name
	switch name {
	case "@", "*":
		return operand{name: name, vals: sh.params, list: true, star: name == "*", set: len(sh.params) > 0}, true
	}
	v := sh.value(name)
	o.v = v
	if index == nil {
		if v != nil {
			s, set := v.first()
			if set {
				o.vals, o.set = []string{s}, true
			}
		}
		return o, true
	}
	if w, is := index.(*syntax.Word); is {
		if lit := w.Lit(); lit == "@" || lit == "*" {
			o.list, o.star = true, lit == "*"
			if v != nil {
				o.keys, o.vals = v.list()
				o.set = len(o.vals) > 0
			}
			return o, true
		}
	}
	key, ok := sh.subscript(v, index)
	if !ok {
		return o, false
	}
	return sh.elementOf(o, v, key), true
}

func (sh *Shell) elementOf(o operand, v *variable, key string) operand {
	o.key, o.element = key, true
	if n := atoi(key); n < 0 && v == nil {
		v = &variable{}
	}
	if key == "" && v != nil && v.kind == assoc {
		sh.fatal("%s[]: bad array subscript", o.name)
		return o
	}
	if v == nil {
		return o
	}
	if v.kind == indexed || v.kind == scalar {
		n := atoi(key)
		if n < 0 {
			size := 0
			if v.kind == scalar && v.set {
				size = 1
			} else if v.kind == indexed && len(v.idx) > 0 {
				size = v.idx[len(v.idx)-1] + 1
			}
			if n += size; n < 0 {
				if sh.errorf("%s: bad array subscript", o.name); sh.opts["errexit"] {
					sh.status, sh.jump = max(sh.status, 1), exits
				}
				return o
			}
			key = strconv.Itoa(n)
		}
	}
	if s, set := v.get(key); set {
		o.vals, o.set = []string{s}, true
	}
	return o
}

// subscript evaluates what is between [ and ].
func (sh *Shell) subscript(v *variable, index syntax.ArithmExpr) (string, bool) {
	if v != nil && v.kind == assoc {
		if w, ok := index.(*syntax.Word); ok {
			s := sh.one(w)
			return s, sh.jump == goesOn
		}
		s := spelled(index, sh.one)
		return s, sh.jump == goesOn
	}
	text := sh.spell(index)
	if sh.jump != goesOn {
		return "", false
	}
	if strings.TrimSpace(text) == "" {
		return "", true
	}
	n, ok := sh.arithmetic(text)
	return strconv.FormatInt(n, 10), ok
}

// spelled is what is between [ and ] as it is written: the key of an associative
// array, which the parser took for an expression. one gives the words in it.
func spelled(x syntax.ArithmExpr, one func(*syntax.Word) string) string {
	switch x := x.(type) {
	case *syntax.BinaryArithm:
		left, right := spelled(x.X, one), spelled(x.Y, one)
		gap := func(a, b syntax.Pos) string {
			if b.Offset() > a.Offset() {
				return strings.Repeat(" ", int(b.Offset()-a.Offset()))
			}
			return ""
		}
		op := x.Op.String()
		after := x.OpPos.Offset() + uint(len(op))
		text := left + gap(x.X.End(), x.OpPos) + op
		if x.Y.Pos().Offset() > after {
			text += strings.Repeat(" ", int(x.Y.Pos().Offset()-after))
		}
		return text + right
	case *syntax.UnaryArithm:
		if x.Post {
			return spelled(x.X, one) + x.Op.String()
		}
		return x.Op.String() + spelled(x.X, one)
	case *syntax.ParenArithm:
		return "(" + spelled(x.X, one) + ")"
	case *syntax.Word:
		return one(x)
	}
	return ""
}

// param expands a parameter.
func (sh *Shell) param(e *syntax.ParamExp, h how) []frag {
	out := sh.parameter(e, h)
	if len(out) == 1 && out[0].s == "" && h.quoted && (e.Slice != nil || e.Repl != nil || e.Exp != nil && !isDefault(e.Exp.Op)) {
		if v := sh.value(e.Param.Value); v != nil && v.set {
			removes := e.Exp != nil && e.Exp.Op < syntax.UpperFirst
			s, _ := v.first()
			out[0].kept = !removes || s != ""
		}
	}
	return out
}

func (sh *Shell) parameter(e *syntax.ParamExp, h how) []frag {
	if e.Param == nil {
		sh.m.Miss("a parameter without a name")
		return nil
	}
	name := e.Param.Value
	if sh.dash && (e.Slice != nil || e.Repl != nil || e.Index != nil || e.Excl || e.Exp != nil && (e.Exp.Op >= syntax.UpperFirst || e.Exp.Op == syntax.OtherParamOps)) {
		sh.leave(2, "Bad substitution")
		return nil
	}
	if e.Excl && e.Names != 0 {
		return sh.render(operand{vals: sh.names(name), list: true, star: e.Names == syntax.NamesPrefix, set: true}, h)
	}
	o, ok := sh.lookup(name, e.Index)
	if !ok {
		return nil
	}
	if e.Excl {
		if o.list && e.Index != nil {
			return sh.render(operand{vals: o.keys, list: true, star: o.star, set: true}, h)
		}
		if o.v != nil {
			if raw, _ := sh.find(name); raw != nil && raw.ref && e.Index == nil {
				return sh.render(operand{vals: []string{raw.str}, set: true}, h)
			}
		}
		if !o.set {
			sh.fatal("%s: invalid indirect expansion", name)
			return nil
		}
		to := o.str()
		if o.list {
			to = strings.Join(o.vals, " ")
		}
		if o, ok = sh.indirect(to); !ok {
			return nil
		}
		name = to
	}
	if e.Length {
		return sh.length(e, o, h)
	}
	if o.list && o.v != nil && !h.quoted && !h.single && (e.Slice != nil || e.Repl != nil || e.Exp != nil && !isDefault(e.Exp.Op)) && sh.ifs() == "" {
		sh.m.Miss("an array without quotes that is cut while IFS is empty")
	}
	if e.Slice != nil {
		if !o.set && sh.opts["nounset"] && !o.list {
			sh.unbound(o.called(name, e.Index))
			return nil
		}
		if !o.set && !o.list {
			return sh.render(o, h)
		}
		if !sh.slice(e.Slice, &o) {
			return nil
		}
		return sh.render(o, h)
	}
	if e.Repl != nil {
		if !o.set && sh.opts["nounset"] && !o.list {
			sh.unbound(o.called(name, e.Index))
			return nil
		}
		sh.replace(e.Repl, &o)
		return sh.render(o, h)
	}
	if e.Exp != nil {
		return sh.expansion(e, name, o, h)
	}
	if !o.set && sh.opts["nounset"] && !o.list {
		sh.unbound(o.called(name, e.Index))
		return nil
	}
	return sh.render(o, h)
}

func (sh *Shell) unbound(name string) {
	if sh.dash {
		sh.leave(2, "%s: parameter not set", name)
		return
	}
	if name != "" && name[0] >= '1' && name[0] <= '9' {
		name = "$" + name
	}
	status := 1
	if sh.command {
		status = 127
	}
	sh.leave(status, "%s: unbound variable", name)
}

// indirect is what ${!x} stands for, when x holds to.
func (sh *Shell) indirect(to string) (operand, bool) {
	if to == "@" || to == "*" {
		return sh.lookup(to, nil)
	}
	if i := strings.IndexByte(to, '['); i > 0 && strings.HasSuffix(to, "]") {
		name, key := to[:i], to[i+1:len(to)-1]
		v := sh.value(name)
		if key == "@" || key == "*" {
			o := operand{name: name, list: true, star: key == "*", v: v}
			if v != nil {
				o.keys, o.vals = v.list()
				o.set = len(o.vals) > 0
			}
			return o, true
		}
		if v == nil || v.kind != assoc {
			n, ok := sh.arithmetic(key)
			if !ok {
				return operand{}, false
			}
			key = strconv.FormatInt(n, 10)
		}
		return sh.elementOf(operand{name: name, v: v}, v, key), true
	}
	if !validName(to) && !(len(to) > 0 && (to[0] >= '0' && to[0] <= '9' && strings.Trim(to, "0123456789") == "" || len(to) == 1 && strings.Contains("?$!#-_", to))) {
		sh.fatal("%s: invalid variable name", to)
		return operand{}, false
	}
	return sh.lookup(to, nil)
}

func (sh *Shell) count(s string) int {
	if sh.utf8() {
		return utf8.RuneCountInString(s)
	}
	return len(s)
}

func (sh *Shell) length(e *syntax.ParamExp, o operand, h how) []frag {
	n := 0
	switch {
	case o.list:
		if n = len(o.vals); sh.opts["nounset"] && o.name != "@" && o.name != "*" && (o.v == nil || !o.v.set) {
			sh.fatal("%s: unbound variable", o.name)
			return nil
		}
	case !o.set && sh.opts["nounset"]:
		sh.unbound(o.name)
		return nil
	default:
		n = sh.count(o.str())
	}
	return []frag{{s: strconv.Itoa(n), quoted: h.quoted, split: !h.quoted}}
}

// render makes pieces of what a parameter gave.
func (sh *Shell) render(o operand, h how) []frag {
	if !o.list {
		if len(o.vals) == 0 {
			if h.quoted {
				return []frag{{quoted: true}}
			}
			return nil
		}
		return []frag{{s: o.vals[0], quoted: h.quoted, split: !h.quoted && !h.single}}
	}
	var out []frag
	switch {
	case h.quoted && o.star || h.single && o.star:
		return []frag{{s: strings.Join(o.vals, sh.glue()), quoted: h.quoted}}
	case h.single:
		sep := " "
		if sh.dash && !h.heredoc {
			sep = sh.glue()
		}
		if len(o.vals) == 0 {
			return nil
		}
		return []frag{{s: strings.Join(o.vals, sep), quoted: h.quoted}}
	}
	// bash joins what has no quotes with the first character of IFS and splits it
	// again: empty ones are lost when that is white space, and else only the last
	glue := sh.glue()
	joins := !sh.dash && !h.quoted && glue != "" && strings.Trim(glue, " \t\n") != ""
	if joins && h.inner && !o.star {
		return []frag{{s: strings.Join(o.vals, " "), split: true}}
	}
	for i, v := range o.vals {
		switch {
		case i > 0 && joins:
			out = append(out, frag{s: glue, split: true})
		case i > 0:
			out = append(out, frag{ends: true, quoted: h.quoted})
		}
		out = append(out, frag{s: v, quoted: h.quoted, split: !h.quoted})
	}
	return out
}

func isDefault(op syntax.ParExpOperator) bool { return op <= syntax.AssignUnsetOrNull }

// expansion is ${x op word}.
func (sh *Shell) expansion(e *syntax.ParamExp, name string, o operand, h how) []frag {
	op, w := e.Exp.Op, e.Exp.Word
	in := h
	in.inner = true
	null := !o.set
	colon := false
	switch op {
	case syntax.AlternateUnsetOrNull, syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		colon = true
		if o.list {
			text := strings.Join(o.vals, " ")
			if o.star {
				text = strings.Join(o.vals, sh.glue())
			}
			null = text == ""
		} else {
			null = o.str() == ""
		}
	}
	switch op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if null {
			if h.quoted && !o.list {
				return []frag{{quoted: true}}
			}
			return nil
		}
		return sh.inner(w, in)
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if !null {
			return sh.render(o, h)
		}
		return sh.inner(w, in)
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !null {
			return sh.render(o, h)
		}
		text := ""
		if w != nil {
			text = joined(sh.word(w, how{quoted: h.quoted, single: true, inner: true}))
		}
		if text == "" {
			text = "parameter not set"
			if colon {
				text = "parameter null or not set"
			}
			if sh.dash && colon {
				text = "parameter not set or null"
			}
		}
		status := 1
		if sh.command && !sh.dash {
			status = 127
		}
		if sh.jump == goesOn {
			sh.leave(status, "%s: %s", name, text)
		}
		return nil
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !null {
			return sh.render(o, h)
		}
		if o.list || !validName(o.name) {
			if sh.dash {
				sh.leave(2, "%s: bad variable name", o.name)
			} else {
				sh.leave(1, "%s: cannot assign in this way", name)
			}
			return nil
		}
		text := ""
		if w != nil {
			text = joined(sh.word(w, how{quoted: h.quoted, single: true, inner: true, assign: true}))
		}
		if sh.jump != goesOn {
			return nil
		}
		if !sh.assign(o.name, o.key, text, o.element, false) {
			sh.bad()
			return nil
		}
		if v := sh.value(o.name); v != nil && !o.element {
			text, _ = v.first()
		}
		return []frag{{s: text, quoted: h.quoted, split: !h.quoted && !h.single}}
	}
	if !o.set && sh.opts["nounset"] && !o.list {
		sh.unbound(o.called(name, e.Index))
		return nil
	}
	switch op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		pattern := ""
		if w != nil {
			pattern = sh.pattern(w)
		}
		m := &matcher{extended: !sh.dash && sh.shopts["extglob"], wide: sh.utf8()}
		o.vals = slices.Clone(o.vals)
		for i, s := range o.vals {
			switch op {
			case syntax.RemSmallPrefix, syntax.RemLargePrefix:
				if n := m.prefix(pattern, s, op == syntax.RemLargePrefix); n > 0 {
					o.vals[i] = s[n:]
				}
			default:
				if n := m.suffix(pattern, s, op == syntax.RemLargeSuffix); n > 0 {
					o.vals[i] = s[:len(s)-n]
				}
			}
		}
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		pattern := "?"
		if w != nil && len(w.Parts) > 0 {
			pattern = sh.pattern(w)
		}
		m := &matcher{extended: sh.shopts["extglob"], wide: sh.utf8()}
		o.vals = slices.Clone(o.vals)
		for i, s := range o.vals {
			r := m.runes(s)
			for j := range r {
				if m.match(pattern, m.text(r[j:j+1])) && (m.wide || r[j] < 128) {
					if op == syntax.UpperFirst || op == syntax.UpperAll {
						r[j] = unicode.ToUpper(r[j])
					} else {
						r[j] = unicode.ToLower(r[j])
					}
				}
				if op == syntax.UpperFirst || op == syntax.LowerFirst {
					break
				}
			}
			o.vals[i] = m.text(r)
		}
	case syntax.OtherParamOps:
		return sh.transform(w, o, h)
	default:
		sh.m.Miss("${" + name + op.String() + "}")
	}
	return sh.render(o, h)
}

// inner expands the word of ${x:-word}.
func (sh *Shell) inner(w *syntax.Word, h how) []frag {
	if w == nil || len(w.Parts) == 0 {
		if h.quoted {
			return []frag{{quoted: true}}
		}
		return nil
	}
	out := sh.word(w, h)
	if h.quoted && len(out) == 0 && sh.jump == goesOn && !(len(w.Parts) == 1 && isListPart(w.Parts[0])) {
		return []frag{{quoted: true}}
	}
	return out
}

func isListPart(p syntax.WordPart) bool {
	e, ok := p.(*syntax.ParamExp)
	if d, is := p.(*syntax.DblQuoted); is && len(d.Parts) == 1 {
		return isListPart(d.Parts[0])
	}
	return ok && isList(e)
}

// bad is what follows an assignment that may not be.
func (sh *Shell) bad() {
	if sh.jump != goesOn {
		return
	}
	if sh.dash {
		sh.status, sh.jump = 2, exits
		return
	}
	sh.set(1)
	sh.jump = discards
	sh.failedExp = true
}

// slice is ${x:offset:length}.
func (sh *Shell) slice(s *syntax.Slice, o *operand) bool {
	from, ok := int64(0), true
	if s.Offset != nil {
		if from, ok = sh.arithm(s.Offset); !ok {
			return false
		}
	}
	length, given := int64(0), s.Length != nil
	if given {
		if length, ok = sh.arithm(s.Length); !ok {
			return false
		}
	}
	if o.list {
		vals := o.vals
		if o.name == "@" || o.name == "*" {
			size := int64(len(vals)) + 1
			if from < 0 {
				if from += size; from < 0 {
					o.vals = nil
					return true
				}
			}
			vals = append([]string{sh.name}, vals...)
			if from > int64(len(vals)) {
				from = int64(len(vals))
			}
			vals = vals[from:]
		} else {
			if o.v != nil && o.v.kind == indexed && from < 0 && len(o.v.idx) > 0 {
				from += int64(o.v.idx[len(o.v.idx)-1]) + 1
			} else if from < 0 {
				from += int64(len(vals))
			}
			if from < 0 {
				o.vals = nil
				return true
			}
			if o.v != nil && o.v.kind == indexed {
				i, _ := slices.BinarySearch(o.v.idx, int(from))
				from = int64(i)
			} else if o.v != nil && o.v.kind == assoc && from > 0 {
				from--
			}
			vals = vals[min(from, int64(len(vals))):]
		}
		if given {
			if length < 0 {
				sh.discard("%d: substring expression < 0", length)
				return false
			}
			vals = vals[:min(length, int64(len(vals)))]
		}
		o.vals, o.set = vals, len(vals) > 0
		return true
	}
	if !o.set {
		return true
	}
	m := &matcher{wide: sh.utf8()}
	r := m.runes(o.str())
	size := int64(len(r))
	if from < 0 {
		from += size
	}
	if from < 0 || from > size {
		o.vals = []string{""}
		return true
	}
	to := size
	if given {
		if length < 0 {
			if to = size + length; to < from {
				sh.discard("%d: substring expression < 0", length)
				return false
			}
		} else {
			to = min(size, from+length)
		}
	}
	o.vals = []string{m.text(r[from:to])}
	return true
}

// replace is ${x/pattern/text}.
func (sh *Shell) replace(r *syntax.Replace, o *operand) {
	var frags []frag
	if r.Orig != nil {
		frags = sh.word(r.Orig, how{single: true, pattern: true})
	}
	pattern := sh.patternOf(frags, true)
	anchor := byte(0)
	if !r.All && len(frags) > 0 && !frags[0].quoted && pattern != "" && (pattern[0] == '#' || pattern[0] == '%') {
		anchor, pattern = pattern[0], pattern[1:]
	}
	with := func(string) string { return "" }
	if r.With != nil {
		with = sh.replacement(sh.word(r.With, how{single: true}))
	}
	if sh.jump != goesOn || pattern == "" && anchor == 0 {
		return
	}
	m := &matcher{extended: sh.shopts["extglob"], nocase: sh.shopts["nocasematch"], wide: sh.utf8()}
	o.vals = slices.Clone(o.vals)
	for i, s := range o.vals {
		switch anchor {
		case '#':
			if n := m.prefix(pattern, s, true); n >= 0 {
				o.vals[i] = with(s[:n]) + s[n:]
			}
			continue
		case '%':
			if n := m.suffix(pattern, s, true); n >= 0 {
				o.vals[i] = s[:len(s)-n] + with(s[len(s)-n:])
			}
			continue
		}
		var b strings.Builder
		at := 0
		if s == "" {
			if n := m.prefix(pattern, s, true); n == 0 {
				o.vals[i] = with("")
			}
			continue
		}
		for at < len(s) {
			n := m.prefix(pattern, s[at:], true)
			if n > 0 {
				b.WriteString(with(s[at : at+n]))
				at += n
				if !r.All {
					break
				}
				continue
			}
			if n == 0 && !r.All {
				b.WriteString(with(""))
				break
			}
			if n == 0 {
				b.WriteString(with(""))
			}
			size := 1
			if m.wide {
				_, size = utf8.DecodeRuneInString(s[at:])
			}
			b.WriteString(s[at : at+size])
			at += size
		}
		b.WriteString(s[at:])
		o.vals[i] = b.String()
	}
}

// replacement is what a match is replaced by: & is the match since bash 5.2.
func (sh *Shell) replacement(frags []frag) func(string) string {
	var parts []string
	var quoted []bool
	found := false
	for _, f := range frags {
		parts, quoted = append(parts, f.s), append(quoted, f.quoted)
		found = found || !f.quoted && strings.Contains(f.s, "&")
	}
	if !found || !sh.shopts["patsub_replacement"] {
		text := strings.Join(parts, "")
		return func(string) string { return text }
	}
	sh.m.Miss("& in the text of ${V/pattern/text}: the match since bash 5.2, a plain & in 5.1")
	return func(match string) string {
		var b strings.Builder
		for i, p := range parts {
			if quoted[i] {
				b.WriteString(p)
				continue
			}
			for j := 0; j < len(p); j++ {
				switch {
				case p[j] == '\\' && j+1 < len(p) && (p[j+1] == '&' || p[j+1] == '\\'):
					j++
					b.WriteByte(p[j])
				case p[j] == '&':
					b.WriteString(match)
				default:
					b.WriteByte(p[j])
				}
			}
		}
		return b.String()
	}
}

// transform is ${x@Q} and its like.
func (sh *Shell) transform(w *syntax.Word, o operand, h how) []frag {
	op := ""
	if w != nil {
		op = w.Lit()
	}
	o.vals = slices.Clone(o.vals)
	for i, s := range o.vals {
		switch op {
		case "Q":
			o.vals[i] = quoteFor(s)
		case "U":
			o.vals[i] = strings.ToUpper(s)
		case "L":
			o.vals[i] = strings.ToLower(s)
		case "u":
			if s != "" {
				o.vals[i] = strings.ToUpper(s[:1]) + s[1:]
			}
		case "E":
			o.vals[i], _ = ansi(s, false)
		case "a":
			o.vals[i] = sh.attributes(o.v)
		case "P":
			if strings.Contains(s, "\\") {
				sh.m.Miss("${V@P}")
			}
		case "A":
			if o.list || o.v == nil || o.v.kind != scalar {
				sh.m.Miss("${V@A} of an array")
			}
			o.vals[i] = o.name + "=" + quoteFor(s)
			if a := sh.attributes(o.v); a != "" {
				o.vals[i] = "declare -" + a + " " + o.vals[i]
			}
		case "K", "k":
			if !o.list {
				o.vals[i] = quoteFor(s)
				continue
			}
			if op == "K" || i >= len(o.keys) {
				sh.m.Miss("${V@" + op + "}")
			}
		default:
			sh.fatal("${%s@%s}: bad substitution", o.name, op)
			return nil
		}
	}
	if op == "a" && len(o.vals) == 0 && o.v != nil {
		o.vals = []string{sh.attributes(o.v)}
	}
	if op == "k" && o.list {
		var vals []string
		for i, k := range o.keys {
			vals = append(vals, k, o.vals[i])
		}
		o.vals = vals
	}
	return sh.render(o, h)
}

// attributes are the letters of declare.
func (sh *Shell) attributes(v *variable) string {
	if v == nil {
		return ""
	}
	var b strings.Builder
	for _, a := range []struct {
		on     bool
		letter byte
	}{{v.kind == indexed, 'a'}, {v.kind == assoc, 'A'}, {v.integer, 'i'}, {v.ref, 'n'}, {v.readonly, 'r'}, {v.exported, 'x'}, {v.lower, 'l'}, {v.upper, 'u'}} {
		if a.on {
			b.WriteByte(a.letter)
		}
	}
	return b.String()
}

// control says whether a text has characters that only $'..' can say.
func control(s string) bool {
	for i := range len(s) {
		if s[i] < 32 || s[i] == 127 {
			return true
		}
	}
	return false
}

// quoteFor quotes for ${x@Q}.
func quoteFor(s string) string {
	if control(s) || !utf8.ValidString(s) {
		return ansiQuote(s)
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ansiQuote is $'..'.
func ansiQuote(s string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; c {
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		case '\r':
			b.WriteString(`\r`)
		case 27:
			b.WriteString(`\E`)
		case 7:
			b.WriteString(`\a`)
		case 8:
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		case '\v':
			b.WriteString(`\v`)
		case '\'':
			b.WriteString(`\'`)
		case '\\':
			b.WriteString(`\\`)
		default:
			if c < 32 || c >= 127 {
				b.WriteString("\\" + pad(strconv.FormatInt(int64(c), 8), 3))
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('\'')
	return b.String()
}

func pad(s string, n int) string { return strings.Repeat("0", max(0, n-len(s))) + s }

// ansi carries out the escapes of $'..'; cut says that \c ended the text (that is
// for echo and printf %b).
func ansi(s string, printing bool) (out string, cut bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		number := func(base, most int) (int, int) {
			j := i + 1
			n := 0
			for j < len(s) && j-i <= most {
				d, err := strconv.ParseInt(s[j:j+1], base, 32)
				if err != nil {
					break
				}
				n = n*base + int(d)
				j++
			}
			return n, j - i - 1
		}
		switch c := s[i]; c {
		case 'a':
			b.WriteByte(7)
		case 'b':
			b.WriteByte(8)
		case 'e', 'E':
			b.WriteByte(27)
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'v':
			b.WriteByte('\v')
		case '\\':
			b.WriteByte('\\')
		case '\'', '"', '?':
			if printing {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		case 'x':
			n, used := number(16, 2)
			if used == 0 {
				b.WriteString("\\x")
				continue
			}
			b.WriteByte(byte(n))
			i += used
		case 'u', 'U':
			most := 4
			if c == 'U' {
				most = 8
			}
			n, used := number(16, most)
			if used == 0 {
				b.WriteByte('\\')
				b.WriteByte(c)
				continue
			}
			b.WriteRune(rune(n))
			i += used
		case 'c':
			if printing {
				return b.String(), true
			}
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i] & 0x1f)
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			if printing && c != '0' {
				b.WriteByte('\\')
				b.WriteByte(c)
				continue
			}
			most := 2
			if printing {
				most = 3
			}
			n, used := number(8, most)
			if !printing {
				n += int(c-'0') << (3 * used)
			}
			b.WriteByte(byte(n))
			i += used
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), false
}
