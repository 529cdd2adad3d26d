package bpm

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// evaluator follows the Ruby of a template as far as hashes, lists and strings
// go. Conditions are never decided: every arm is taken, and what it adds is
// there with the arm; a variable that it changes is a Choice. What comes from a
// property or a call is unknown, with its Ruby. Hashes and lists are shared by
// reference, as in Ruby, so that what is set later lands in the document.
type evaluator struct {
	file    *source.File
	src     []byte
	globals map[string]*Node // constants
	methods map[string]*ruby.Node
	arms    []Arm
	// tags are the ends of the tags that print, by their start, and printed
	// what they print.
	tags    map[int]int
	printed map[int]*Node
	dumped  []dump
	unread  []Unread
	depth   int
	steps   int
}

// dump is a call that writes YAML or JSON.
type dump struct {
	node   *Node
	format string
}

// maxSteps bounds the work for one template, maxCalls the nesting.
const (
	maxSteps = 200_000
	maxCalls = 60
)

type variable struct {
	node *Node
	arms int // how many arms were open when it was made
}

type scope struct {
	vars map[string]*variable
	up   *scope
}

func (s *scope) find(name string) *variable {
	for ; s != nil; s = s.up {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	return nil
}

func newScope(up *scope) *scope { return &scope{vars: map[string]*variable{}, up: up} }

func (e *evaluator) run() {
	body := ruby.Parse(e.src)
	ruby.Walk(body, func(n *ruby.Node) bool {
		if n.Kind == ruby.Def {
			e.methods[n.Text] = n
		}
		return true
	})
	e.body(body.Args, newScope(nil))
}

// fromRuby makes the document of what the template dumps.
func (d *Document) fromRuby(e *evaluator) {
	d.Unread = e.unread
	var last *dump
	for i := range e.dumped {
		if e.dumped[i].node.Get("processes") != nil || last == nil || last.node.Get("processes") == nil {
			last = &e.dumped[i]
		}
	}
	if last == nil || last.node.Kind == Unknown {
		at := source.Whole(d.File)
		if last != nil {
			at = last.node.Span
		}
		d.Format, d.Open = "yaml-dump", true
		d.Unread = append(d.Unread, Unread{Span: at, Why: "the hash that this prints is not known"})
		d.Root = &Node{Kind: Unknown, Span: at}
		return
	}
	d.Format, d.Root = last.format, last.node
}

func (e *evaluator) span(n *ruby.Node) source.Span {
	return source.Span{File: e.file, Start: min(n.Start, len(e.src)), End: min(max(n.End, n.Start), len(e.src))}
}

func (e *evaluator) text(n *ruby.Node) string {
	s := e.span(n)
	return strings.TrimSpace(string(e.src[s.Start:s.End]))
}

func (e *evaluator) unknown(n *ruby.Node) *Node {
	return &Node{Kind: Unknown, Span: e.span(n), Value: Ruby(e.text(n))}
}

func (e *evaluator) scalar(n *ruby.Node, typ, text string) *Node {
	return &Node{Kind: Scalar, Span: e.span(n), Type: typ, Value: Text(text)}
}

func (e *evaluator) here() []Arm { return append([]Arm(nil), e.arms...) }

// within follows statements in an arm.
func (e *evaluator) within(a Arm, body *ruby.Node, sc *scope) *Node {
	e.arms = append(e.arms, a)
	defer func() { e.arms = e.arms[:len(e.arms)-1] }()
	return e.eval(body, sc)
}

func (e *evaluator) body(statements []*ruby.Node, sc *scope) *Node {
	var last *Node
	for _, s := range statements {
		last = e.eval(s, sc)
		for start, end := range e.tags {
			if start <= s.Start && s.Start < end {
				e.printed[start] = last
			}
		}
	}
	return last
}

// maxSize bounds what a value may grow to: text that doubles itself in every
// line is no configuration.
const maxSize = 5000

// choice is one of several values, each once.
func choice(all ...*Node) *Node {
	var known []*Node
	for _, n := range all {
		n.Each(func(n *Node) {
			if !slices.Contains(known, n) && len(known) < maxItems {
				known = append(known, n)
			}
		})
	}
	switch len(known) {
	case 0:
		return nil
	case 1:
		return known[0]
	}
	return &Node{Kind: Choice, Span: known[0].Span, Alternatives: known}
}

func (e *evaluator) eval(n *ruby.Node, sc *scope) *Node {
	if n == nil {
		return nil
	}
	e.depth++
	e.steps++
	defer func() { e.depth-- }()
	if e.depth > maxCalls*4 || e.steps > maxSteps {
		return e.unknown(n)
	}
	switch n.Kind {
	case ruby.Body:
		return e.body(n.Args, sc)
	case ruby.Bad:
		e.lost(n, sc)
	case ruby.Str:
		return e.str(n, sc)
	case ruby.Sym:
		return e.scalar(n, "!!str", n.Text)
	case ruby.Num:
		typ := "!!int"
		if strings.ContainsAny(n.Text, ".eE") {
			typ = "!!float"
		}
		return e.scalar(n, typ, n.Text)
	case ruby.True:
		return e.scalar(n, "!!bool", "true")
	case ruby.False:
		return e.scalar(n, "!!bool", "false")
	case ruby.Nil:
		return e.scalar(n, "!!null", "")
	case ruby.Array:
		list := &Node{Kind: List, Span: e.span(n), Type: "!!seq"}
		for _, a := range n.Args {
			e.appendTo(list, a, sc, nil)
		}
		return list
	case ruby.Hash:
		return e.hash(n, sc)
	case ruby.Name:
		return e.name(n, sc)
	case ruby.Index:
		return e.index(n, sc)
	case ruby.Assign:
		return e.assign(n, sc)
	case ruby.Binary:
		return e.binary(n, sc)
	case ruby.Not:
		e.eval(n.Args[0], sc)
	case ruby.If, ruby.Case:
		e.eval(n.Recv, sc)
		var values []*Node
		for i, a := range n.Arms {
			e.eval(a.Cond, sc)
			values = append(values, e.within(Arm{Block: n.Start, N: i}, a.Body, sc))
		}
		if c := choice(values...); c != nil {
			return c
		}
	case ruby.Loop:
		e.eval(n.Args[0], sc)
		inner := newScope(sc)
		for _, p := range n.Block.Params {
			inner.vars[p] = &variable{e.unknown(n.Args[0]), len(e.arms)}
		}
		e.within(Arm{Block: n.Start, Loop: true}, n.Block.Body, inner)
	case ruby.Call:
		return e.call(n, sc)
	}
	return e.unknown(n)
}

var localName = search.MustCompile(`\b[a-z_][A-Za-z0-9_]*\b`)

// lost notes a statement that was not understood; what it names may have been
// changed by it.
func (e *evaluator) lost(n *ruby.Node, sc *scope) {
	e.unread = append(e.unread, Unread{Span: e.span(n), Why: "this statement is not understood"})
	for _, w := range localName.FindAllString(n.Text, -1) {
		if v := sc.find(w); v != nil {
			v.node.open()
		}
	}
}

// open says that a value may hold more than is known.
func (n *Node) open() {
	n.Each(func(n *Node) {
		if n.Kind == Map || n.Kind == List {
			n.Open = true
		}
	})
}

func (e *evaluator) str(n *ruby.Node, sc *scope) *Node {
	out := e.scalar(n, "!!str", n.Text)
	if len(n.Parts) == 0 {
		return out
	}
	out.Value = nil
	for _, p := range n.Parts {
		if p.Kind == ruby.Str && len(p.Parts) == 0 && p.Start == n.Start {
			out.Value = append(out.Value, Piece{Text: p.Text})
			continue
		}
		v := e.eval(p, sc)
		switch {
		case v != nil && v.Kind == Scalar:
			out.Value = append(out.Value, v.Value...)
		case v != nil && v.Kind == Unknown && len(v.Value) > 0:
			out.Value = append(out.Value, v.Value...)
		default:
			out.Value = append(out.Value, Piece{Ruby: e.text(p)})
		}
	}
	if len(out.Value) > maxSize {
		return e.unknown(n)
	}
	return out
}

func (e *evaluator) hash(n *ruby.Node, sc *scope) *Node {
	m := &Node{Kind: Map, Span: e.span(n), Type: "!!map"}
	for _, p := range n.Pairs {
		if p.Key == nil {
			e.merge(m, e.eval(p.Value, sc), false)
			continue
		}
		key := e.eval(p.Key, sc)
		m.Fields = append(m.Fields, Field{Key: key.Value, Symbol: p.Key.Kind == ruby.Sym, Span: e.span(p.Key), Value: e.value(p.Value, sc), Arms: e.here()})
	}
	return m
}

// value is never nil.
func (e *evaluator) value(n *ruby.Node, sc *scope) *Node {
	if v := e.eval(n, sc); v != nil {
		return v
	}
	return e.unknown(n)
}

// merge puts the fields of one map into another.
func (e *evaluator) merge(m, from *Node, set bool) {
	if from == nil {
		m.Open = true
		return
	}
	from.Each(func(from *Node) {
		if from.Kind != Map {
			m.Open = m.Open || from.Type != "!!null"
			return
		}
		m.Open = m.Open || from.Open
		if len(m.Fields)+len(from.Fields) > maxSize {
			m.Open = true
			return
		}
		for _, f := range from.Fields {
			f.Set = true
			if set {
				f.Arms = append(e.here(), f.Arms...)
			}
			m.Fields = append(m.Fields, f)
		}
	})
}

// appendTo puts an item, or with a splat several, into a list.
func (e *evaluator) appendTo(list *Node, a *ruby.Node, sc *scope, arms []Arm) {
	if a.Kind != ruby.Splat {
		list.Items = append(list.Items, Entry{e.value(a, sc), arms})
		return
	}
	e.extend(list, e.value(a.Args[0], sc), arms)
}

// extend puts the items of one list into another.
func (e *evaluator) extend(list, from *Node, arms []Arm) {
	if from == list {
		list.Open = true
		return
	}
	from.Each(func(from *Node) {
		if from.Kind != List || from == list {
			list.Open = list.Open || from.Type != "!!null"
			return
		}
		list.Open = list.Open || from.Open
		if len(list.Items)+len(from.Items) > maxSize {
			list.Open = true
			return
		}
		for _, i := range from.Items {
			list.Items = append(list.Items, Entry{i.Node, append(append([]Arm(nil), arms...), i.Arms...)})
		}
	})
}

func isConstant(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

func (e *evaluator) name(n *ruby.Node, sc *scope) *Node {
	if v := sc.find(n.Text); v != nil {
		return v.node
	}
	if g := e.globals[n.Text]; g != nil {
		return g
	}
	if m := e.methods[n.Text]; m != nil {
		return e.method(m, n, nil)
	}
	return e.unknown(n)
}

func (e *evaluator) index(n *ruby.Node, sc *scope) *Node {
	recv := e.value(n.Recv, sc)
	if len(n.Args) != 1 {
		return e.unknown(n)
	}
	key := e.value(n.Args[0], sc)
	if v := recv.at(key); v != nil {
		return v
	}
	return e.unknown(n)
}

// at is what a key or a number leads to; nil when that is not known.
func (n *Node) at(key *Node) *Node {
	k, ok := key.Static()
	if !ok {
		return nil
	}
	var found []*Node
	n.Each(func(n *Node) {
		switch n.Kind {
		case Map:
			for _, f := range n.Fields {
				if f.Name() == k {
					found = append(found, f.Value)
				}
			}
		case List:
			i, err := strconv.Atoi(k)
			if err == nil && i < 0 {
				i += len(n.Items)
			}
			if err == nil && i >= 0 && i < len(n.Items) {
				found = append(found, n.Items[i].Node)
			}
		}
	})
	return choice(found...)
}

func (e *evaluator) assign(n *ruby.Node, sc *scope) *Node {
	target, op := n.Recv, n.Text
	if op == "," {
		for _, a := range n.Args {
			e.eval(a, sc)
		}
		for _, name := range n.Params {
			e.set(name, &Node{Kind: Unknown, Span: e.span(n), Value: Ruby(name)}, false, sc)
		}
		return e.unknown(n)
	}
	v := e.value(n.Args[0], sc)
	if op == "+=" {
		v = e.plus(e.value(target, sc), v, n)
	} else if op != "=" && op != "||=" {
		v = e.unknown(n)
	}
	switch target.Kind {
	case ruby.Name:
		e.set(target.Text, v, op == "||=", sc)
	case ruby.Index:
		if len(target.Args) != 1 {
			break
		}
		recv, key := e.value(target.Recv, sc), e.value(target.Args[0], sc)
		recv.Each(func(recv *Node) {
			e.put(recv, key, target.Args[0], v, op)
		})
	}
	return v
}

// set gives a variable a value. In an arm that was not open when the variable
// was made the old value is still possible.
func (e *evaluator) set(name string, v *Node, onlyUnset bool, sc *scope) {
	if isConstant(name) {
		e.globals[name] = v
		return
	}
	old := sc.find(name)
	switch {
	case old == nil:
		sc.vars[name] = &variable{v, len(e.arms)}
	case onlyUnset && old.node.Type != "!!null" && old.node.Kind != Unknown:
	case len(e.arms) > old.arms || onlyUnset:
		if old.node != v {
			old.node = choice(old.node, v)
		}
	default:
		old.node = v
	}
}

// put sets an entry of a map.
func (e *evaluator) put(recv, key *Node, at *ruby.Node, v *Node, op string) {
	if recv.Kind == List {
		recv.Open = true
		return
	}
	if recv.Kind != Map {
		return
	}
	k, known := key.Static()
	if !known {
		recv.Open = recv.Open || len(key.Value) == 0
	}
	if op == "||=" && known && recv.Get(k) != nil {
		return
	}
	if len(e.arms) == 0 && known {
		kept := recv.Fields[:0:0]
		for _, f := range recv.Fields {
			if f.Name() != k {
				kept = append(kept, f)
			}
		}
		recv.Fields = kept
	}
	recv.Fields = append(recv.Fields, Field{Key: key.Value, Symbol: at.Kind == ruby.Sym, Span: e.span(at), Value: v, Arms: e.here(), Set: true})
}

func (e *evaluator) binary(n *ruby.Node, sc *scope) *Node {
	left := e.value(n.Recv, sc)
	right := e.value(n.Args[0], sc)
	switch n.Text {
	case "<<":
		left.Each(func(left *Node) {
			switch left.Kind {
			case List:
				left.Items = append(left.Items, Entry{right, e.here()})
			case Scalar:
				if len(e.arms) > 0 {
					left.Value = append(left.Value[:len(left.Value):len(left.Value)], Piece{Ruby: right.Text()})
				} else {
					left.Value = append(left.Value[:len(left.Value):len(left.Value)], right.Value...)
				}
			}
		})
		return left
	case "+":
		return e.plus(left, right, n)
	case "||":
		if left.Type == "!!null" {
			return right
		}
		return choice(left, right)
	case "&&":
		return right
	}
	return e.unknown(n)
}

// plus joins lists and strings.
func (e *evaluator) plus(left, right *Node, n *ruby.Node) *Node {
	if left.Kind == Choice {
		var all []*Node
		for _, a := range left.Alternatives {
			all = append(all, e.plus(a, right, n))
		}
		if len(all) > 20 {
			return e.unknown(n)
		}
		return choice(all...)
	}
	switch {
	case len(left.Value)+len(right.Value) > maxSize:
	case left.Kind == List:
		list := &Node{Kind: List, Span: left.Span, Type: "!!seq"}
		e.extend(list, left, nil)
		e.extend(list, right, e.here())
		return list
	case right.Kind == List:
		list := &Node{Kind: List, Span: right.Span, Type: "!!seq", Open: true}
		e.extend(list, right, nil)
		return list
	case left.Kind == Scalar && left.Type == "!!str" && (right.Kind == Scalar || right.Kind == Unknown):
		out := e.scalar(n, "!!str", "")
		out.Value = append(append(Value(nil), left.Value...), right.Value...)
		return out
	case left.Kind == Unknown && right.Kind == Scalar && right.Type == "!!str":
		out := e.scalar(n, "!!str", "")
		out.Value = append(append(Value(nil), left.Value...), right.Value...)
		return out
	}
	return e.unknown(n)
}

// method follows a method of the template.
func (e *evaluator) method(m, call *ruby.Node, args []*Node) *Node {
	if e.depth > maxCalls {
		return e.unknown(call)
	}
	sc := newScope(nil)
	for i, p := range m.Params {
		v := e.unknown(call)
		if i < len(args) {
			v = args[i]
		}
		sc.vars[p] = &variable{v, len(e.arms)}
	}
	v := e.eval(m.Block.Body, sc)
	if v == nil {
		return e.unknown(call)
	}
	return v
}

func (e *evaluator) call(n *ruby.Node, sc *scope) *Node {
	if n.Recv == nil {
		return e.function(n, sc)
	}
	if n.Recv.Kind == ruby.Name && isConstant(n.Recv.Text) && e.globals[n.Recv.Text] == nil {
		return e.library(n, sc)
	}
	recv := e.eval(n.Recv, sc)
	if strings.HasPrefix(n.Text, "else") && n.Block != nil {
		// end.else do, end.else_if_p('x') do
		arm := 1
		for r := n.Recv; r != nil && r.Kind == ruby.Call && strings.HasPrefix(r.Text, "else"); r = r.Recv {
			arm++
		}
		e.yield(n, sc, Arm{Block: n.Start, N: arm}, e.properties(n, sc))
		return e.unknown(n)
	}
	if recv == nil {
		recv = e.unknown(n.Recv)
	}
	if n.Block != nil {
		return e.iterate(n, recv, sc)
	}
	var args []*Node
	for _, a := range n.Args {
		if a.Kind != ruby.Splat {
			args = append(args, e.value(a, sc))
		}
	}
	switch n.Text {
	case "to_yaml":
		e.dumped = append(e.dumped, dump{recv, "yaml-dump"})
	case "to_json":
		e.dumped = append(e.dumped, dump{recv, "json"})
	case "to_s":
		if recv.Kind == Scalar && recv.Type != "!!null" {
			out := e.scalar(n, "!!str", "")
			out.Value = recv.Value
			return out
		}
		out := e.unknown(n)
		out.Kind, out.Type = Scalar, "!!str"
		if recv.Kind == Unknown {
			out.Value = recv.Value
		}
		return out
	case "join":
		if recv.Kind == List && !recv.Open && len(args) <= 1 {
			sep := ""
			if len(args) == 1 {
				sep, _ = args[0].Static()
			}
			return e.join(n, recv, sep)
		}
	case "freeze", "dup", "clone", "compact", "flatten", "uniq", "deep_dup", "sort", "to_h", "to_a", "reject", "itself", "strip", "chomp":
		if recv.Kind == List || recv.Kind == Map || recv.Kind == Choice || recv.Kind == Scalar && n.Text != "to_a" {
			return recv
		}
	case "first":
		if recv.Kind == List && len(recv.Items) > 0 && len(args) == 0 {
			return recv.Items[0].Node
		}
	case "last":
		if recv.Kind == List && len(recv.Items) > 0 && len(args) == 0 {
			return recv.Items[len(recv.Items)-1].Node
		}
	case "fetch", "dig":
		v := recv
		for _, a := range args {
			if v = v.at(a); v == nil {
				return e.unknown(n)
			}
			if n.Text == "fetch" {
				break
			}
		}
		return v
	case "merge!", "update", "store":
		recv.Each(func(recv *Node) {
			if n.Text == "store" && len(args) == 2 {
				e.put(recv, args[0], n.Args[0], args[1], "=")
				return
			}
			for _, a := range args {
				if recv.Kind == Map && a != recv {
					e.merge(recv, a, true)
				}
			}
		})
		return recv
	case "merge":
		if recv.Kind == Map {
			m := &Node{Kind: Map, Span: recv.Span, Type: "!!map"}
			e.merge(m, recv, false)
			for _, a := range args {
				e.merge(m, a, false)
			}
			return m
		}
	case "push", "append", "unshift", "prepend", "insert", "concat":
		recv.Each(func(recv *Node) {
			if recv.Kind != List {
				return
			}
			for _, a := range n.Args {
				switch {
				case n.Text == "concat":
					e.extend(recv, e.value(a, sc), e.here())
				default:
					e.appendTo(recv, a, sc, e.here())
				}
			}
		})
		return recv
	case "key?", "include?", "has_key?", "empty?", "nil?", "length", "size", "any?", "keys", "values", "is_a?", "each", "delete", "delete_if", "reject!", "compact!":
	default:
		if strings.HasSuffix(n.Text, "!") {
			recv.open()
		}
	}
	return e.unknown(n)
}

func (e *evaluator) join(n *ruby.Node, list *Node, sep string) *Node {
	out := e.scalar(n, "!!str", "")
	out.Value = nil
	for i, item := range list.Items {
		if len(item.Arms) > 0 || item.Kind != Scalar && item.Kind != Unknown {
			return e.unknown(n)
		}
		if i > 0 {
			out.Value = append(out.Value, Piece{Text: sep})
		}
		out.Value = append(out.Value, item.Value...)
	}
	if len(out.Value) == 0 {
		out.Value = Text("")
	}
	return out
}

// library knows the calls of modules that matter: those that dump, and paths.
func (e *evaluator) library(n *ruby.Node, sc *scope) *Node {
	var args []*Node
	static := true
	for _, a := range n.Args {
		v := e.value(a, sc)
		args = append(args, v)
		if _, ok := v.Static(); !ok {
			static = false
		}
	}
	text := func(i int) string { s, _ := args[i].Static(); return s }
	switch module := n.Recv.Text + "." + n.Text; {
	case module == "YAML.dump" && len(args) > 0:
		e.dumped = append(e.dumped, dump{args[0], "yaml-dump"})
	case n.Recv.Text == "JSON" && len(args) > 0 && n.Text != "parse":
		e.dumped = append(e.dumped, dump{args[0], "json"})
	case module == "File.join" && static && len(args) > 0:
		var all []string
		for i := range args {
			all = append(all, text(i))
		}
		return e.scalar(n, "!!str", strings.Join(all, "/"))
	case module == "File.dirname" && static && len(args) == 1:
		return e.scalar(n, "!!str", path.Dir(text(0)))
	case module == "File.basename" && static && len(args) == 1:
		return e.scalar(n, "!!str", path.Base(text(0)))
	case module == "Hash.new":
		return &Node{Kind: Map, Span: e.span(n), Type: "!!map"}
	case module == "Array.new" && len(args) == 0:
		return &Node{Kind: List, Span: e.span(n), Type: "!!seq"}
	}
	if n.Block != nil {
		e.yield(n, sc, Arm{Block: n.Start, Loop: true}, nil)
	}
	return e.unknown(n)
}

// function follows a call without a receiver: a method of the template, or one
// of BOSH's.
func (e *evaluator) function(n *ruby.Node, sc *scope) *Node {
	if m := e.methods[n.Text]; m != nil {
		var args []*Node
		for _, a := range n.Args {
			args = append(args, e.value(a, sc))
		}
		return e.method(m, n, args)
	}
	if n.Text == "return" || n.Text == "next" || n.Text == "break" {
		if len(n.Args) > 0 {
			return e.eval(n.Args[0], sc)
		}
		return nil
	}
	for _, a := range n.Args {
		v := e.eval(a, sc)
		if n.Text != "p" && n.Text != "puts" && n.Text != "raise" && v != nil {
			v.open()
		}
	}
	if n.Block != nil {
		e.yield(n, sc, Arm{Block: n.Start, Loop: n.Text == "loop"}, e.properties(n, sc))
	}
	return e.unknown(n)
}

// properties are the values that if_p gives its block.
func (e *evaluator) properties(n *ruby.Node, sc *scope) []*Node {
	var values []*Node
	if !strings.HasSuffix(n.Text, "if_p") {
		return nil
	}
	for _, a := range n.Args {
		v := e.unknown(n)
		if name, ok := e.eval(a, sc).Static(); ok {
			v.Value = Ruby("p('" + name + "')")
		}
		values = append(values, v)
	}
	return values
}

// yield follows a block once.
func (e *evaluator) yield(n *ruby.Node, sc *scope, arm Arm, values []*Node) *Node {
	inner := newScope(sc)
	for i, p := range n.Block.Params {
		v := &Node{Kind: Unknown, Span: e.span(n), Value: Ruby(p)}
		if i < len(values) && values[i] != nil {
			v = values[i]
		}
		inner.vars[p] = &variable{v, len(e.arms) + 1}
	}
	return e.within(arm, n.Block.Body, inner)
}

// maxItems is how many items of a known list a block is followed for.
const maxItems = 50

// iterate follows the block of a method: each, map and their kin.
func (e *evaluator) iterate(n *ruby.Node, recv *Node, sc *scope) *Node {
	loop := Arm{Block: n.Start, Loop: true}
	switch n.Text {
	case "tap", "then", "yield_self":
		v := e.yield(n, sc, Arm{Block: n.Start}, []*Node{recv})
		if n.Text == "tap" {
			return recv
		}
		return v
	case "if_p":
		e.yield(n, sc, Arm{Block: n.Start}, e.properties(n, sc))
		return e.unknown(n)
	}
	results := &Node{Kind: List, Span: e.span(n), Type: "!!seq"}
	if recv.Kind == List && !recv.Open && len(recv.Items) <= maxItems {
		for i, item := range recv.Items {
			values := []*Node{item.Node}
			if strings.HasSuffix(n.Text, "with_index") {
				values = append(values, e.scalar(n, "!!int", strconv.Itoa(i)))
			}
			if v := e.yield(n, sc, loop, values); v != nil {
				results.Items = append(results.Items, Entry{v, item.Arms})
			}
		}
	} else if recv.Kind == Map && !recv.Open && len(recv.Fields) <= maxItems && (n.Text == "each" || n.Text == "each_pair" || n.Text == "map") {
		for _, f := range recv.Fields {
			key := &Node{Kind: Scalar, Span: f.Span, Type: "!!str", Value: f.Key}
			if v := e.yield(n, sc, loop, []*Node{key, f.Value}); v != nil {
				results.Items = append(results.Items, Entry{v, f.Arms})
			}
		}
	} else {
		v := e.yield(n, sc, loop, nil)
		results.Open = true
		if v != nil {
			results.Items = append(results.Items, Entry{v, e.here()})
		}
	}
	switch n.Text {
	case "map", "collect", "flat_map", "each_with_index", "map!", "filter_map":
		if n.Text == "each_with_index" {
			return recv
		}
		if n.Text == "flat_map" || n.Text == "filter_map" {
			results.Open = true
		}
		return results
	case "each", "each_pair":
		return recv
	case "select", "reject", "filter", "compact", "sort_by":
		if recv.Kind == List || recv.Kind == Map {
			return recv
		}
	case "delete_if", "select!", "reject!", "keep_if":
		return recv
	}
	return e.unknown(n)
}
