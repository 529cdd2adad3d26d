package cases

import (
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// wish is what has to hold of a property, or of a link, for a place of a
// template to be reached.
type wish struct {
	name  string
	kind  wishKind
	value any
}

type wishKind int

const (
	present wishKind = iota
	absent
	truthy
	falsy
	equals
	differs
	filled
	empty
	// linked wishes for a link.
	linked
	unlinked
)

// opposite is the wish for the contrary.
func (w wish) opposite() wish {
	w.kind = map[wishKind]wishKind{
		present: absent, absent: present, truthy: falsy, falsy: truthy, equals: differs, differs: equals,
		filled: empty, empty: filled, linked: unlinked, unlinked: linked,
	}[w.kind]
	return w
}

// use is a place where a template asks something of a property.
type use struct {
	name string
	kind useKind
	// value is what it is compared with.
	value  any
	at     source.Span
	guards []wish
	// line is where a value is printed.
	line line
}

type useKind int

const (
	// printed is any use that makes a text of the value, or that is not known.
	printed useKind = iota
	// passed hands the value on as it is: into a list, a hash, JSON or YAML.
	passed
	// textual is what only a text can do: split, sub, to be escaped.
	textual
	// filed makes a path of a file of it: File.join, File.exist?.
	filed
	asked // if_p
	nilChecked
	condition
	compared
	matched // with a pattern
	listed
	hashed
	counted // as a number
	sized   // empty?, size: of a list, a hash or a text
	askedLink
	entered // properties.plans.send(name): others lie below it
)

// reader collects the uses in one template.
type reader struct {
	file *source.File
	// src is the Ruby of the template, tree what it says.
	src  []byte
	uses []use
	// declared says whether the spec has a property of that name, or one below it;
	// inner says that others lie below it, or may.
	declared, inner func(name string) bool
	// locals are the properties that local variables hold.
	locals map[string]string
	guards []wish
}

// read gives the uses in a template; none of one whose ERB cannot be read.
func read(f *source.File, declared, inner func(string) bool) []use {
	t, err := erb.Parse(f)
	if err != nil {
		return nil
	}
	r := &reader{file: f, src: t.Ruby(), declared: declared, inner: inner, locals: map[string]string{}}
	r.walk(ruby.Parse(r.src))
	return r.uses
}

func (r *reader) note(name string, kind useKind, value any, n *ruby.Node) {
	for n.Kind == ruby.Body && len(n.Args) == 1 {
		n = n.Args[0]
	}
	u := use{name: name, kind: kind, value: value, at: source.Span{File: r.file, Start: n.Start, End: max(n.Start, n.End)}, guards: append([]wish(nil), r.guards...)}
	if kind == printed || kind == textual {
		u.line = lineBefore(r.file.Data, u.at.Start)
	}
	r.uses = append(r.uses, u)
}

// under walks what is reached only when the wishes hold.
func (r *reader) under(wishes []wish, n *ruby.Node) {
	before := len(r.guards)
	r.guards = append(r.guards, wishes...)
	r.walk(n)
	r.guards = r.guards[:before]
}

// transparent are methods that give the value in another form.
var transparent = map[string]bool{
	"to_s": true, "to_sym": true, "strip": true, "downcase": true, "upcase": true, "chomp": true, "to_str": true, "freeze": true, "dup": true,
}

// property names the property whose value an expression is.
func (r *reader) property(n *ruby.Node) (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.Kind {
	case ruby.Name:
		if n.Recv == nil {
			name, ok := r.locals[n.Text]
			return name, ok && name != ""
		}
	case ruby.Call:
		switch {
		case n.Block != nil:
			return "", false
		case n.Recv == nil && n.Text == "p" && len(n.Args) > 0:
			return firstName(n.Args[0], r.declared)
		case n.Recv != nil && len(n.Args) == 0 && transparent[n.Text]:
			return r.property(n.Recv)
		case len(n.Args) == 0:
			if name, ok := below(n); ok {
				return name, r.declared(name)
			}
			// plan = properties.plans; plan.size
			if name, ok := r.property(n.Recv); ok && n.Recv.Kind == ruby.Name && r.inner(name) && !method(n.Text) {
				return name + "." + n.Text, true
			}
		case n.Text == "fetch" || n.Text == "dig":
			return r.element(n)
		}
	case ruby.Index:
		return r.element(n)
	case ruby.Body:
		if len(n.Args) == 1 {
			return r.property(n.Args[0])
		}
	case ruby.Binary:
		if n.Text == "||" {
			return r.property(n.Recv)
		}
	}
	return "", false
}

// element is that of a hash: p('tls')['cert'].
func (r *reader) element(n *ruby.Node) (string, bool) {
	name, ok := r.property(n.Recv)
	if !ok || len(n.Args) == 0 || n.Args[0].Kind != ruby.Str || len(n.Args[0].Parts) > 0 {
		return "", false
	}
	return name + "." + n.Args[0].Text, true
}

// firstName is the property that p gives, of a name or a list of them.
func firstName(n *ruby.Node, declared func(string) bool) (string, bool) {
	switch {
	case n.Kind == ruby.Str && len(n.Parts) == 0:
		return n.Text, declared(n.Text)
	case n.Kind == ruby.Array:
		for _, a := range n.Args {
			if a.Kind == ruby.Str && len(a.Parts) == 0 && declared(a.Text) {
				return a.Text, true
			}
		}
	}
	return "", false
}

// below is the name of properties.a.b.
func below(n *ruby.Node) (string, bool) {
	if n.Recv == nil || len(n.Args) > 0 || strings.HasSuffix(n.Text, "?") {
		return "", false
	}
	if n.Recv.Recv == nil && n.Recv.Text == "properties" {
		return n.Text, true
	}
	if n.Recv.Kind != ruby.Call && n.Recv.Kind != ruby.Name {
		return "", false
	}
	name, ok := below(n.Recv)
	return name + "." + n.Text, ok
}

// literal is the value of a node that is written out.
func literal(n *ruby.Node) (any, bool) {
	switch n.Kind {
	case ruby.Str:
		return n.Text, len(n.Parts) == 0
	case ruby.Sym:
		return n.Text, true
	case ruby.Num:
		if i, err := strconv.Atoi(n.Text); err == nil {
			return i, true
		}
		f, err := strconv.ParseFloat(n.Text, 64)
		return f, err == nil
	case ruby.True:
		return true, true
	case ruby.False:
		return false, true
	}
	return nil, false
}

var (
	listMethods = map[string]bool{
		"each_with_index": true, "join": true, "first": true, "last": true, "flatten": true, "compact": true, "uniq": true, "sort": true, "push": true,
		"each_slice": true, "sort_by": true, "shuffle": true, "zip": true, "collect": true,
	}
	hashMethods = map[string]bool{
		"each_pair": true, "keys": true, "values": true, "key?": true, "has_key?": true, "merge": true, "to_h": true, "transform_values": true, "each_key": true, "each_value": true,
	}
	// either of a list or of a hash
	loops   = map[string]bool{"each": true, "map": true, "select": true, "reject": true, "any?": true, "all?": true, "inject": true, "reduce": true, "find": true, "detect": true, "flat_map": true, "filter_map": true, "each_with_object": true}
	sizes   = map[string]bool{"empty?": true, "size": true, "length": true, "count": true, "blank?": true, "present?": true}
	numbers = map[string]bool{"to_i": true, "to_f": true, "zero?": true, "times": true, "ceil": true, "floor": true, "round": true}
)

// textMethods are those of texts alone.
var textMethods = map[string]bool{
	"split": true, "sub": true, "gsub": true, "tr": true, "lines": true, "each_line": true, "chars": true, "capitalize": true, "squeeze": true,
	"unpack": true, "rjust": true, "ljust": true, "center": true, "casecmp": true, "shellescape": true,
	"delete_prefix": true, "delete_suffix": true, "encode": true, "scan": true, "prepend": true,
}

// takers are modules whose methods make something of what they are given.
var takers = map[string]useKind{
	"JSON": passed, "YAML": passed, "Psych": passed,
	"Shellwords": textual, "CGI": textual, "URI": textual, "Base64": textual, "Regexp": textual, "IPAddr": textual,
	"File": filed, "Dir": filed, "Pathname": filed,
}

// reads are methods of takers that read a text.
var reads = map[string]bool{"parse": true, "load": true, "safe_load": true}

// receiver is the constant on which a method is called.
func receiver(n *ruby.Node) string {
	if n.Recv != nil && n.Recv.Kind == ruby.Name {
		return n.Recv.Text
	}
	return ""
}

// method says whether a name is that of a method of lists, hashes, texts or
// numbers, and so hardly that of a property.
func method(name string) bool {
	return strings.HasSuffix(name, "?") || strings.HasSuffix(name, "!") || strings.HasPrefix(name, "to_") ||
		transparent[name] || listMethods[name] || hashMethods[name] || loops[name] || sizes[name] || numbers[name]
}

func (r *reader) walk(n *ruby.Node) {
	if n == nil {
		return
	}
	if name, ok := r.property(n); ok {
		r.note(name, printed, nil, n)
		return
	}
	switch n.Kind {
	case ruby.Assign:
		r.assign(n)
		return
	case ruby.If:
		r.arms(n)
		return
	case ruby.Case:
		r.caseWhen(n)
		return
	case ruby.Binary, ruby.Not:
		r.ask(n)
		return
	case ruby.Loop:
		for _, a := range n.Args {
			if name, ok := r.property(a); ok {
				r.note(name, listed, nil, a)
			} else {
				r.walk(a)
			}
		}
		r.forget(n.Block.Params)
		r.walk(n.Block.Body)
		return
	case ruby.Call:
		if r.call(n) {
			return
		}
	case ruby.Array:
		r.hand(n.Args, passed)
		return
	}
	r.children(n)
}

// hand walks values that are handed on as they are.
func (r *reader) hand(values []*ruby.Node, kind useKind) {
	for _, v := range values {
		if name, ok := r.property(v); ok {
			r.note(name, kind, nil, v)
		} else {
			r.walk(v)
		}
	}
}

func (r *reader) children(n *ruby.Node) {
	r.walk(n.Recv)
	for _, list := range [][]*ruby.Node{n.Args, n.Parts} {
		for _, a := range list {
			r.walk(a)
		}
	}
	for _, p := range n.Pairs {
		r.walk(p.Key)
		r.hand([]*ruby.Node{p.Value}, passed)
	}
	for _, a := range n.Arms {
		r.walk(a.Cond)
		r.walk(a.Body)
	}
	if n.Block != nil {
		r.forget(n.Block.Params)
		r.walk(n.Block.Body)
	}
}

func (r *reader) forget(params []string) {
	for _, p := range params {
		delete(r.locals, p)
	}
}

func (r *reader) assign(n *ruby.Node) {
	for _, a := range n.Args {
		if _, ok := r.property(a); !ok || n.Recv == nil || n.Recv.Kind != ruby.Name {
			r.walk(a)
		}
	}
	if n.Recv == nil {
		return
	}
	if n.Recv.Kind != ruby.Name {
		r.walk(n.Recv)
		return
	}
	r.forget(append([]string{n.Recv.Text}, n.Params...))
	if name, ok := r.property(n.Args[0]); ok && len(n.Args) == 1 && (n.Text == "=" || n.Text == "||=") {
		r.locals[n.Recv.Text] = name
	}
}

// arms walks an if.
func (r *reader) arms(n *ruby.Node) {
	before := len(r.guards)
	for i, a := range n.Arms {
		if a.Cond == nil {
			r.walk(a.Body)
			break
		}
		r.ask(a.Cond)
		yes, no := r.wishes(a.Cond, true), r.wishes(a.Cond, false)
		if i == 0 && r.unless(n) {
			yes, no = no, yes
		}
		r.under(yes, a.Body)
		r.guards = append(r.guards, no...)
	}
	r.guards = r.guards[:before]
}

// unless says whether an if is an unless, which the tree does not tell.
func (r *reader) unless(n *ruby.Node) bool {
	cond := n.Arms[0].Cond
	before := string(r.src[min(n.Start, cond.Start):cond.Start])
	return n.Text != "?" && strings.HasSuffix(strings.TrimRight(before, " \t("), "unless")
}

func (r *reader) caseWhen(n *ruby.Node) {
	name, ok := r.property(n.Recv)
	if !ok {
		r.walk(n.Recv)
	}
	before := len(r.guards)
	for _, a := range n.Arms {
		if a.Cond == nil || !ok {
			r.walk(a.Cond)
			r.walk(a.Body)
			continue
		}
		value, known := literal(a.Cond)
		if !known {
			r.note(name, matched, nil, a.Cond)
			r.walk(a.Body)
			continue
		}
		r.note(name, compared, value, a.Cond)
		r.under([]wish{{name, equals, value}}, a.Body)
		r.guards = append(r.guards, wish{name, differs, value})
	}
	r.guards = r.guards[:before]
}

// ask notes what a condition asks of properties.
func (r *reader) ask(n *ruby.Node) {
	if n == nil {
		return
	}
	if name, ok := r.property(n); ok && n.Kind != ruby.Binary {
		r.note(name, condition, nil, n)
		return
	}
	switch {
	case n.Kind == ruby.Not:
		r.ask(n.Args[0])
	case n.Kind == ruby.Body && len(n.Args) == 1:
		r.ask(n.Args[0])
	case n.Kind == ruby.Binary && (n.Text == "&&" || n.Text == "||"):
		r.ask(n.Recv)
		before := len(r.guards)
		r.guards = append(r.guards, r.wishes(n.Recv, n.Text == "&&")...)
		r.ask(n.Args[0])
		r.guards = r.guards[:before]
	case n.Kind == ruby.Binary:
		r.compare(n)
	default:
		r.walk(n)
	}
}

// compare notes a comparison, or an operation on a property.
func (r *reader) compare(n *ruby.Node) {
	left, right := n.Recv, n.Args[0]
	name, ok := r.property(left)
	if !ok {
		if name, ok = r.property(right); ok && n.Text != "<<" && n.Text != "+" {
			left, right = right, left
		} else {
			r.walk(left)
			r.walk(right)
			return
		}
	}
	value, known := literal(right)
	switch n.Text {
	case "==", "!=", "===":
		switch {
		case right.Kind == ruby.Nil:
			r.note(name, nilChecked, nil, n)
			return
		case known:
			r.note(name, compared, value, n)
			return
		}
	case "=~", "!~":
		r.note(name, matched, pattern(r.src, right), n)
		return
	case "<", ">", "<=", ">=", "<=>", "-", "*", "/":
		r.note(name, counted, value, n)
		if !known {
			r.walk(right)
		}
		return
	case "+", "%":
		if right.Kind == ruby.Num {
			r.note(name, counted, nil, n)
			return
		}
	case "<<":
		r.note(name, listed, nil, n)
		r.walk(right)
		return
	}
	r.walk(left)
	r.walk(right)
}

var plainPattern = search.MustCompile(`^/(?:\^|\\A)?([\w./:-]+)(?:\$|\\z|\\Z)?/$`)

// pattern is a text that a regexp matches, nil where it is not plain.
func pattern(src []byte, n *ruby.Node) any {
	if n.Kind == ruby.Other && n.Start >= 0 && n.End <= len(src) && n.Start < n.End {
		if m := plainPattern.FindSubmatch(src[n.Start:n.End]); m != nil {
			return string(m[1])
		}
	}
	return nil
}

// call notes a call on a property, if_p and the like. It says whether that was
// all that there is to it.
func (r *reader) call(n *ruby.Node) bool {
	switch n.Text {
	case "if_p", "unless_p", "else_if_p", "else", "if_link", "else_if_link":
		if n.Recv == nil || strings.HasPrefix(n.Text, "else") {
			r.chain(n)
			return true
		}
		return false // that of a link
	case "Integer", "Float":
		if n.Recv == nil && len(n.Args) > 0 {
			if name, ok := r.property(n.Args[0]); ok {
				r.note(name, counted, nil, n)
				return true
			}
		}
	case "Array":
		if n.Recv == nil {
			r.hand(n.Args, listed)
			return true
		}
	case "p":
		if n.Recv == nil {
			for _, a := range n.Args[min(1, len(n.Args)):] {
				r.walk(a)
			}
			return true
		}
	case "include?":
		if r.includes(n) {
			return true
		}
	}
	if kind, ok := takers[receiver(n)]; ok && len(n.Args) > 0 {
		if reads[n.Text] {
			kind = textual
		}
		r.hand(n.Args, kind)
		return n.Block == nil
	}
	name, ok := r.property(n.Recv)
	if !ok {
		return false
	}
	body := true
	switch {
	case n.Text == "nil?":
		r.note(name, nilChecked, nil, n)
	case n.Text == "send" || n.Text == "public_send":
		r.note(name, entered, nil, n)
	case sizes[n.Text] && n.Block == nil:
		r.note(name, sized, nil, n)
	case hashMethods[n.Text], loops[n.Text] && n.Block != nil && len(n.Block.Params) == 2 && n.Text != "inject" && n.Text != "reduce" && n.Text != "each_with_object":
		r.note(name, hashed, nil, n)
	case listMethods[n.Text], loops[n.Text]:
		r.note(name, listed, nil, n)
	case numbers[n.Text]:
		r.note(name, counted, nil, n)
	case textMethods[n.Text]:
		r.note(name, textual, nil, n)
		body = false
	case n.Text == "to_json" || n.Text == "to_yaml":
		r.note(name, passed, nil, n)
	case n.Text == "is_a?" || n.Text == "kind_of?" || n.Text == "respond_to?":
		if len(n.Args) == 1 && n.Args[0].Text == "Hash" {
			r.note(name, hashed, nil, n)
		} else if len(n.Args) == 1 && n.Args[0].Text == "Array" {
			r.note(name, listed, nil, n)
		}
	case n.Text == "start_with?" || n.Text == "end_with?" || n.Text == "match" || n.Text == "match?":
		for _, a := range n.Args {
			value, _ := literal(a)
			if value == nil {
				value = pattern(r.src, a)
			}
			r.note(name, matched, value, n)
		}
	default:
		r.note(name, printed, nil, n)
		body = false
	}
	for _, a := range n.Args {
		r.walk(a)
	}
	if n.Block != nil {
		r.forget(n.Block.Params)
		if body {
			r.under([]wish{{name, filled, nil}}, n.Block.Body)
		} else {
			r.walk(n.Block.Body)
		}
	}
	return true
}

// includes notes p('x').include?('a') and ['a', 'b'].include?(p('x')).
func (r *reader) includes(n *ruby.Node) bool {
	if len(n.Args) != 1 {
		return false
	}
	if name, ok := r.property(n.Recv); ok {
		if value, known := literal(n.Args[0]); known {
			r.note(name, matched, value, n)
		} else {
			r.note(name, printed, nil, n)
			r.walk(n.Args[0])
		}
		return true
	}
	name, ok := r.property(n.Args[0])
	if !ok || n.Recv == nil || n.Recv.Kind != ruby.Array {
		return false
	}
	for _, a := range n.Recv.Args {
		if value, known := literal(a); known {
			r.note(name, compared, value, n)
		}
	}
	return true
}

// chain walks if_p with the else that belong to it: the last call of
// "if_p('a') do ... end.else do ... end" stands around the first.
func (r *reader) chain(n *ruby.Node) []wish {
	before := len(r.guards)
	var not []wish
	if strings.HasPrefix(n.Text, "else") && n.Recv != nil {
		not = r.elseOf(n.Recv)
		r.guards = append(r.guards, not...)
	}
	yes := r.given(n)
	r.guards = append(r.guards, yes...) // if_p('a', 'b') wants both
	for _, w := range yes {
		kind := asked
		if w.kind == linked {
			kind = askedLink
		}
		r.note(w.name, kind, nil, n)
	}
	if n.Block != nil {
		r.forget(n.Block.Params)
		for i, p := range n.Block.Params {
			if strings.HasSuffix(n.Text, "_p") && i < len(n.Args) {
				if name, ok := firstName(n.Args[i], r.declared); ok {
					r.locals[p] = name
				}
			}
		}
		r.walk(n.Block.Body)
	}
	r.guards = r.guards[:before]
	if len(yes) > 0 {
		not = append(not, yes[0].opposite())
	}
	return not
}

// elseOf walks what stands before an else, and gives what holds in the else.
func (r *reader) elseOf(n *ruby.Node) []wish {
	switch n.Text {
	case "if_p", "if_link", "else_if_p", "else_if_link", "else":
		return r.chain(n)
	}
	r.walk(n)
	return nil
}

// given are the wishes of an if_p or if_link.
func (r *reader) given(n *ruby.Node) []wish {
	var all []wish
	for _, a := range n.Args {
		if a.Kind != ruby.Str || len(a.Parts) > 0 {
			continue
		}
		switch {
		case strings.HasSuffix(n.Text, "if_link"):
			all = append(all, wish{a.Text, linked, nil})
		case r.declared(a.Text):
			all = append(all, wish{a.Text, present, nil})
		}
	}
	return all
}

// wishes are those that make a condition hold, or fail, as far as it is about
// properties.
func (r *reader) wishes(n *ruby.Node, holds bool) []wish {
	if n == nil {
		return nil
	}
	as := func(w wish) []wish {
		if !holds {
			w = w.opposite()
		}
		return []wish{w}
	}
	if name, ok := r.property(n); ok && n.Kind != ruby.Binary {
		return as(wish{name, truthy, nil})
	}
	switch n.Kind {
	case ruby.Not:
		return r.wishes(n.Args[0], !holds)
	case ruby.Body:
		if len(n.Args) == 1 {
			return r.wishes(n.Args[0], holds)
		}
	case ruby.Binary:
		left, right := n.Recv, n.Args[0]
		switch {
		case (n.Text == "&&") == holds && (n.Text == "&&" || n.Text == "||"):
			return append(r.wishes(left, holds), r.wishes(right, holds)...)
		case n.Text == "&&" || n.Text == "||": // one of the two is enough
			return r.wishes(left, holds)
		}
		name, ok := r.property(left)
		if !ok {
			return nil
		}
		value, known := literal(right)
		switch {
		case n.Text == "==" && right.Kind == ruby.Nil:
			return as(wish{name, absent, nil})
		case n.Text == "!=" && right.Kind == ruby.Nil:
			return as(wish{name, present, nil})
		case n.Text == "==" && known:
			return as(wish{name, equals, value})
		case n.Text == "!=" && known:
			return as(wish{name, differs, value})
		}
	case ruby.Call:
		name, ok := r.property(n.Recv)
		switch {
		case !ok:
		case n.Text == "nil?":
			return as(wish{name, absent, nil})
		case n.Text == "empty?" || n.Text == "blank?":
			return as(wish{name, empty, nil})
		case n.Text == "any?" || n.Text == "present?":
			return as(wish{name, filled, nil})
		}
	}
	return nil
}
