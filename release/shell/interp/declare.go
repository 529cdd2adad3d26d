package interp

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// item is an argument of declare and its like.
type item struct {
	flag  string // an option
	name  string
	key   string
	elem  bool
	value string
	given bool // there is a value
	more  bool // +=
	array *syntax.Assign
	bad   bool
	text  string // as it was given
}

// declaration runs declare, local, export and readonly with the words as they
// are written.
func (sh *Shell) declaration(d *syntax.DeclClause, redirs []*syntax.Redirect) {
	if !sh.step() {
		return
	}
	name := d.Variant.Value
	var items []item
	options := true
	for _, a := range d.Args {
		switch {
		case a.Name == nil:
			for _, f := range sh.field(a.Value) {
				items = append(items, sh.parseItem(f, &options))
			}
		case a.Array != nil:
			items = append(items, item{name: a.Name.Value, array: a, given: true, more: a.Append})
			options = false
		default:
			it := item{name: a.Name.Value, more: a.Append, given: !a.Naked}
			options = false
			if a.Index != nil {
				it.elem = true
				base, _ := sh.resolve(it.name)
				v, _ := sh.find(base)
				if v == nil && slices.ContainsFunc(items, func(i item) bool { return strings.Contains(i.flag, "A") }) {
					v = &variable{kind: assoc}
				}
				it.key, _ = sh.subscript(v, a.Index)
			}
			if a.Value != nil {
				it.value = sh.assigned(a.Value)
			}
			items = append(items, it)
		}
		if sh.jump != goesOn {
			return
		}
	}
	if f := sh.funcs[name]; f != nil {
		sh.m.Miss("a function that is called " + name)
	}
	undo, ok := sh.redirect(redirs)
	defer undo()
	if sh.jump != goesOn {
		return
	}
	if !ok {
		sh.set(1)
		sh.failed()
		return
	}
	if sh.opts["xtrace"] {
		words := []string{name}
		for _, it := range items {
			switch {
			case it.flag != "":
				words = append(words, it.flag)
			case it.given && it.array == nil:
				words = append(words, it.name+"="+quoteWord(it.value))
			default:
				words = append(words, it.name)
			}
		}
		sh.trace(nil, words)
	}
	status := sh.declare(name, items)
	if sh.jump != goesOn {
		return
	}
	sh.set(status)
	if len(items) > 0 {
		sh.last = items[len(items)-1].name
	}
	sh.failed()
}

// parseItem reads an argument that is a text.
func (sh *Shell) parseItem(s string, options *bool) item {
	if *options && len(s) > 1 && (s[0] == '-' || s[0] == '+' && !sh.dash) {
		if s == "--" {
			*options = false
		}
		return item{flag: s}
	}
	*options = false
	name, value, given := strings.Cut(s, "=")
	it := item{name: name, value: value, given: given, text: s}
	if given && strings.HasSuffix(name, "+") && !sh.dash {
		it.more, it.name = true, strings.TrimSuffix(name, "+")
	}
	if i := strings.IndexByte(it.name, '['); i > 0 && strings.HasSuffix(it.name, "]") && !sh.dash {
		it.elem, it.key, it.name = true, it.name[i+1:len(it.name)-1], it.name[:i]
	}
	if !validName(it.name) {
		it.bad = true
	}
	return it
}

// declareBuiltin is declare and its like with words that were expanded.
func declareBuiltin(sh *Shell, args []string) int {
	options := true
	var items []item
	for _, a := range args[1:] {
		items = append(items, sh.parseItem(a, &options))
	}
	return sh.declare(args[0], items)
}

// declare carries out declare, typeset, local, export, readonly.
func (sh *Shell) declare(command string, items []item) int {
	on, off := "", ""
	known := "aAfFgiIlnrtuxp"
	switch command {
	case "export":
		known = "fnp"
	case "readonly":
		known = "aAfp"
	}
	if sh.dash {
		known = "p"
		if command == "local" {
			known = ""
		}
	}
	var names []item
	for _, it := range items {
		if it.flag == "" {
			names = append(names, it)
			continue
		}
		if it.flag == "--" {
			continue
		}
		for _, l := range it.flag[1:] {
			if !strings.ContainsRune(known, l) {
				sh.errorf("%s: %s: invalid option", command, it.flag)
				sh.execErr = true
				return 2
			}
		}
		if it.flag[0] == '-' {
			on += it.flag[1:]
		} else {
			off += it.flag[1:]
		}
	}
	has := func(l string) bool { return strings.Contains(on, l) }
	switch command {
	case "export":
		if has("n") {
			off = "x"
		} else {
			on += "x"
		}
	case "readonly":
		on += "r"
	}
	local := command == "local" || (command == "declare" || command == "typeset") && !has("g") && sh.functionScope() != nil
	if command == "local" && sh.functionScope() == nil {
		if sh.dash {
			sh.leave(2, "local: not in a function")
			return 2
		}
		sh.errorf("local: can only be used in a function")
		return 1
	}
	if has("f") || has("F") {
		return sh.declareFunctions(command, on, off, names)
	}
	if len(names) == 0 || has("p") {
		return sh.show(command, on, names)
	}
	status := 0
	for _, it := range names {
		if it.name == "-" && command == "local" {
			sh.m.Miss("local -")
			continue
		}
		if it.bad {
			if sh.dash {
				sh.leave(2, "%s: bad variable name", it.text)
				return 2
			}
			sh.errorf("%s: `%s': not a valid identifier", command, it.text)
			status = 1
			continue
		}
		if !sh.declareOne(command, it, on, off, local) {
			if sh.jump != goesOn {
				return 1
			}
			status = 1
			if sh.dash {
				sh.status, sh.jump = 2, exits
				return 2
			}
		}
	}
	return status
}

func (sh *Shell) declareOne(command string, it item, on, off string, local bool) bool {
	has := func(l string) bool {
		return strings.Contains(on, l) && command != "export" || l == "x" && strings.Contains(on, l)
	}
	name := it.name
	var v *variable
	if !has("n") && !strings.Contains(off, "n") {
		if n, _ := sh.resolve(name); !local || n != name && sh.functionScope() != nil && sh.functionScope().vars[name] != nil {
			name = n
		}
	}
	if old, _ := sh.find(name); old != nil && old.readonly && (it.given || local) {
		if sh.dash {
			sh.errorf("%s: is read only", name)
		} else {
			sh.errorf("%s: %s: readonly variable", command, name)
		}
		return false
	}
	if strings.Contains(off, "r") {
		if old, _ := sh.find(name); old != nil && old.readonly {
			sh.errorf("%s: %s: readonly variable", command, name)
			return false
		}
	}
	switch {
	case local:
		v = sh.declareLocal(name)
	case strings.Contains(on, "g"):
		if v = sh.scopes[0].vars[name]; v == nil {
			v = &variable{}
			sh.scopes[0].vars[name] = v
		}
	default:
		var s *scope
		v, s = sh.find(name)
		if v == nil {
			v = &variable{}
			sh.scopes[0].vars[name] = v
		} else if !s.function && s != sh.scopes[0] && (command == "export" || command == "readonly") {
			// A=1 export A
			sh.scopes[0].vars[name] = v
		}
	}
	if v.kind == scalar && (has("a") || has("A")) {
		if has("A") {
			if v.set {
				v.keys, v.vals = []string{"0"}, []string{v.str}
			}
			v.kind, v.str = assoc, ""
		} else {
			v.index()
		}
	} else if v.kind == indexed && has("A") || v.kind == assoc && has("a") {
		sh.errorf("%s: %s: cannot convert", command, name)
		return false
	}
	if it.array != nil && v.kind == scalar {
		v.index()
		if !it.more {
			v.idx, v.vals, v.set = nil, nil, false
		}
	}
	for _, a := range []struct {
		l  string
		at *bool
	}{{"i", &v.integer}, {"l", &v.lower}, {"u", &v.upper}, {"n", &v.ref}} {
		if command == "export" || command == "readonly" {
			break
		}
		if strings.Contains(on, a.l) {
			*a.at = true
		}
		if strings.Contains(off, a.l) {
			*a.at = false
		}
	}
	if has("l") {
		v.upper = false
	} else if has("u") {
		v.lower = false
	}
	if strings.Contains(on, "x") || local && sh.opts["allexport"] {
		v.exported = true
	}
	if strings.Contains(off, "x") {
		v.exported = false
	}
	ok := true
	if it.given {
		switch {
		case it.array != nil:
			ok = sh.arrayInto(name, it.array, v)
		case v.ref && has("n"):
			v.set, v.str = true, it.value
		default:
			ok = sh.into(v, name, it)
		}
	}
	if has("r") && ok {
		v.readonly = true
	}
	return ok
}

// into gives a declared variable its value.
func (sh *Shell) into(v *variable, name string, it item) bool {
	if name == "PATH" {
		clear(sh.hashed)
	}
	if name == "OPTIND" {
		sh.optind, sh.optpos = max(1, atoi(it.value)), 0
	}
	key, elem := it.key, it.elem
	if v.kind != scalar && !elem {
		key, elem = "0", true
	}
	if elem {
		v.index()
		if key == "" {
			sh.errorf("%s[]: bad array subscript", name)
			return false
		}
		value := it.value
		if it.more {
			old, _ := v.get(key)
			value = sh.join(v, old, value)
		}
		v.put(key, sh.convert(v, value))
		return sh.jump == goesOn
	}
	value := it.value
	if it.more {
		value = sh.join(v, v.str, value)
	}
	value = sh.convert(v, value)
	v.set, v.str = true, value
	return sh.jump == goesOn
}

// arrayInto gives a declared variable the elements of name=(...).
func (sh *Shell) arrayInto(name string, a *syntax.Assign, v *variable) bool {
	return sh.arrayAssignment(name, a, v)
}

func (sh *Shell) declareFunctions(command, on, off string, names []item) int {
	if len(names) == 0 {
		sh.m.Miss(command + " -f prints functions")
		return 0
	}
	status := 0
	for _, it := range names {
		f := sh.funcs[it.name]
		if f == nil {
			status = 1
			continue
		}
		switch {
		case command == "export":
			if !strings.Contains(on, "n") {
				sh.m.Export(f)
			}
		case command == "readonly" || strings.Contains(on, "r"):
			sh.opts["readonly function "+it.name] = true
		case strings.Contains(on, "F"):
			fmt.Fprintln(sh.fds[1], it.name)
		default:
			sh.m.Miss(command + " -f prints a function")
			fmt.Fprintf(sh.fds[1], "%s () \n", it.name)
		}
	}
	return status
}

// show is declare -p.
func (sh *Shell) show(command, on string, names []item) int {
	if sh.dash {
		if command == "local" {
			return 0
		}
		if len(names) > 0 {
			return 0
		}
		for _, n := range sh.names("") {
			v, _ := sh.find(n)
			if command == "export" && v.exported || command == "readonly" && v.readonly {
				sh.m.Miss(command + " prints the variables")
				break
			}
		}
		return 0
	}
	status := 0
	if len(names) == 0 {
		if command == "local" && sh.functionScope() == nil {
			return 1
		}
		sh.m.Miss(command + " prints the variables")
		return 0
	}
	for _, it := range names {
		v, _ := sh.find(it.name)
		if v == nil {
			if s := sh.special(it.name); s != nil && s.set {
				v = s
			} else {
				sh.errorf("%s: %s: not found", command, it.name)
				status = 1
				continue
			}
		}
		fmt.Fprintln(sh.fds[1], sh.declared(it.name, v))
	}
	return status
}

// declared is what declare -p prints.
func (sh *Shell) declared(name string, v *variable) string {
	flags := sh.attributes(v)
	if flags == "" {
		flags = "-"
	}
	out := "declare -" + flags + " " + name
	double := func(s string) string {
		if control(s) {
			return ansiQuote(s)
		}
		var b strings.Builder
		b.WriteByte('"')
		for i := range len(s) {
			if strings.IndexByte("\"\\$`", s[i]) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		}
		b.WriteByte('"')
		return b.String()
	}
	switch {
	case !v.set:
		return out
	case v.kind == scalar:
		return out + "=" + double(v.str)
	}
	keys, vals := v.list()
	var parts []string
	for i, k := range keys {
		if v.kind == assoc && (k == "" || strings.ContainsAny(k, " \t\n'\"\\$`*?[]{}()<>|&;#~!^@")) {
			k = double(k)
		}
		parts = append(parts, "["+k+"]="+double(vals[i]))
	}
	out += "=(" + strings.Join(parts, " ")
	if v.kind == assoc && len(parts) > 0 {
		out += " "
	}
	return out + ")"
}
