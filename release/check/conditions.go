package check

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// truth is what is known of a condition.
type truth = ruby.Truth

const (
	no    = ruby.No
	maybe = ruby.Maybe
	yes   = ruby.Yes
)

// deployment is what a manifest gives a job: the values of its properties, and
// with them the conditions in its templates.
type deployment struct {
	job  manifest.Job
	spec *release.Spec
	// values are the scalars, by path.
	values map[string]manifest.Value
	// trees are the same for all deployments of the release.
	trees map[*source.File]*conditions
}

func newDeployment(j manifest.Job, spec *release.Spec, trees map[*source.File]*conditions) *deployment {
	d := &deployment{job: j, spec: spec, values: map[string]manifest.Value{}, trees: trees}
	for _, v := range j.Values() {
		d.values[v.Path] = v
	}
	return d
}

// property is what p('name') gives: the value of the manifest, or the default.
// The node is nil where there is none.
func (d *deployment) property(name string) (n *yaml.Node, known bool) {
	n, known = d.job.Property(name)
	if n != nil || !known {
		return n, known
	}
	if p, ok := d.spec.Property(name); ok && p.Default != nil && p.Default.Tag != "!!null" {
		return p.Default, true
	}
	return nil, true
}

// conditions is the Ruby of a template, for the conditions that are in it.
type conditions struct {
	template *erb.Template
	src      []byte
	tree     *ruby.Node
	// set are the locals that are set once, and not in an arm or a block.
	set map[string]*ruby.Node
}

// conditionsOf is nil for a file whose ERB cannot be read.
func (d *deployment) conditionsOf(f *source.File) *conditions {
	if c, ok := d.trees[f]; ok {
		return c
	}
	d.trees[f] = nil
	t, err := erb.Parse(f)
	if err != nil {
		return nil
	}
	c := &conditions{template: t, src: t.Ruby(), set: map[string]*ruby.Node{}}
	c.tree = ruby.Parse(c.src)
	c.locals(c.tree, true)
	d.trees[f] = c
	return c
}

// locals notes what locals are set to; what is set twice, or perhaps, is nil.
func (c *conditions) locals(n *ruby.Node, surely bool) {
	ruby.Walk(n, func(n *ruby.Node) bool {
		switch {
		case n.Kind == ruby.Assign && n.Recv != nil && n.Recv.Kind == ruby.Name:
			name := n.Recv.Text
			if _, before := c.set[name]; before || !surely || n.Text != "=" {
				c.set[name] = nil
			} else {
				c.set[name] = n.Args[0]
			}
		case n.Kind == ruby.Assign:
			for _, name := range n.Params {
				c.set[name] = nil
			}
		}
		if n.Block != nil {
			for _, name := range n.Block.Params {
				c.set[name] = nil
			}
			if surely {
				c.locals(n.Block.Body, false)
			}
		}
		for _, a := range n.Arms {
			if surely {
				c.locals(a.Body, false)
			}
		}
		return true
	})
}

// at says whether a place of a template is reached when the job is rendered.
func (d *deployment) at(f *source.File, offset int) truth {
	f, offset = f.Original(offset)
	c := d.conditionsOf(f)
	if c == nil {
		return maybe
	}
	var arms []bpm.Arm
	for _, g := range c.template.Guards(offset) {
		arms = append(arms, bpm.Arm{Block: g.Block.Start, N: g.Arm, Loop: g.Block.Kind == erb.Loop})
	}
	all := d.arms(f, arms)
	within := func(n *ruby.Node) bool { return n != nil && n.Start <= offset && offset < n.End }
	ruby.Walk(c.tree, func(n *ruby.Node) bool {
		for i, a := range n.Arms {
			if within(a.Body) {
				all = min(all, d.arm(c, n, i))
			}
		}
		if n.Block != nil && within(n.Block.Body) {
			switch {
			case n.Kind == ruby.Def || n.Text == "tap":
			case n.Text == "if_p":
				all = min(all, d.given(n))
			case n.Text == "else" && n.Recv != nil && n.Recv.Text == "if_p":
				all = min(all, d.given(n.Recv).Not())
			default:
				all = min(all, d.loops(c, n))
			}
		}
		return true
	})
	return all
}

// arms says whether all of the arms are taken.
func (d *deployment) arms(f *source.File, arms []bpm.Arm) truth {
	all := yes
	for _, a := range arms {
		all = min(all, d.taken(f, a))
	}
	return all
}

// taken says whether an arm is, as package bpm has it: its block is the place of
// the Ruby, or of the tag that it begins in.
func (d *deployment) taken(f *source.File, a bpm.Arm) truth {
	c := d.conditionsOf(f)
	if c == nil {
		return maybe
	}
	start, end := a.Block, a.Block+1
	for _, s := range c.template.Segments {
		if s.Start == a.Block && s.Kind != erb.Text {
			end = s.End
		}
	}
	var found *ruby.Node
	ruby.Walk(c.tree, func(n *ruby.Node) bool {
		opens := (n.Kind == ruby.If || n.Kind == ruby.Case || n.Kind == ruby.Call && n.Block != nil) && n.Start >= start && n.Start < end
		if opens && (end == start+1 || n.End > end) && found == nil {
			found = n
		}
		return found == nil
	})
	switch {
	case found == nil:
		return maybe
	case a.Loop:
		return d.loops(c, found)
	case found.Kind == ruby.If:
		return d.arm(c, found, a.N)
	case found.Kind == ruby.Call:
		// if_p('a') do ... end.else do: the last call stands around the first
		inner := found
		for inner.Recv != nil && strings.HasPrefix(inner.Text, "else") {
			inner = inner.Recv
		}
		switch {
		case inner.Text == "tap":
			return yes
		case inner.Text != "if_p" || a.N > 1 || a.N == 1 && found.Text != "else":
			return maybe
		case a.N == 1:
			return d.given(inner).Not()
		}
		return d.given(inner)
	}
	return maybe
}

// loops says whether a loop goes round at all.
func (d *deployment) loops(c *conditions, n *ruby.Node) truth {
	if n.Kind != ruby.Call || n.Recv == nil || !slices.Contains([]string{"each", "each_with_index", "each_pair", "map", "flat_map"}, n.Text) {
		return maybe
	}
	switch list := d.value(c, n.Recv, 0); {
	case !list.known || list.tag != "!!seq" && list.tag != "!!map":
		return maybe
	case list.filled:
		return yes
	}
	return no
}

// given says whether the properties that if_p asks for have values.
func (d *deployment) given(n *ruby.Node) truth {
	all := yes
	for _, a := range n.Args {
		if a.Kind != ruby.Str || len(a.Parts) > 0 {
			return maybe
		}
		v, known := d.property(a.Text)
		switch {
		case !known:
			all = min(all, maybe)
		case v == nil:
			all = no
		}
	}
	return all
}

// arm says whether the i-th arm of an if is taken.
func (d *deployment) arm(c *conditions, n *ruby.Node, i int) truth {
	if n.Kind != ruby.If || i >= len(n.Arms) {
		return maybe
	}
	all := yes
	for j, a := range n.Arms[:i+1] {
		if a.Cond == nil {
			break // else
		}
		holds := d.value(c, a.Cond, 0).truth()
		if j == 0 && c.unless(n) {
			holds = holds.Not()
		}
		if j < i {
			holds = holds.Not()
		}
		all = min(all, holds)
	}
	return all
}

// unless says whether an if is an unless, which the tree does not tell.
func (c *conditions) unless(n *ruby.Node) bool {
	cond := n.Arms[0].Cond
	before := string(c.src[min(n.Start, cond.Start):cond.Start])
	return n.Text != "?" && strings.HasSuffix(strings.TrimRight(before, " \t("), "unless")
}

// result is the value of an expression, as far as it is known. A text is one of
// a scalar; a list or a map is only known to be there, and to be empty.
type result struct {
	known, null, filled bool
	text, tag           string
}

var (
	nothing   = result{}
	nilResult = result{known: true, null: true, tag: "!!null"}
)

func resultOf(b truth) result {
	if b == maybe {
		return nothing
	}
	return result{known: true, text: map[truth]string{yes: "true", no: "false"}[b], tag: "!!bool", filled: true}
}

func (r result) truth() truth {
	switch {
	case !r.known:
		return maybe
	case r.null || r.tag == "!!bool" && r.text == "false":
		return no
	}
	return yes
}

func fromNode(n *yaml.Node) result {
	switch {
	case n == nil:
		return nilResult
	case n.Kind == yaml.AliasNode:
		return fromNode(n.Alias)
	case n.Kind != yaml.ScalarNode:
		return result{known: true, tag: n.ShortTag(), filled: len(n.Content) > 0}
	}
	out := result{known: true, text: n.Value, tag: n.ShortTag(), filled: n.Value != ""}
	if out.tag == "!!bool" {
		out.text = strings.ToLower(n.Value)
	} else if out.tag == "!!str" && n.Style == 0 {
		// YAML 1.1, which bosh reads, has more words for true and false
		switch strings.ToLower(n.Value) {
		case "yes", "on":
			out.text, out.tag = "true", "!!bool"
		case "no", "off":
			out.text, out.tag = "false", "!!bool"
		}
	}
	return out
}

// maxDepth bounds how deep an expression is followed.
const maxDepth = 30

// value is what an expression gives in the deployment.
func (d *deployment) value(c *conditions, n *ruby.Node, depth int) result {
	if n == nil || depth > maxDepth {
		return nothing
	}
	below := func(n *ruby.Node) result { return d.value(c, n, depth+1) }
	switch n.Kind {
	case ruby.True:
		return resultOf(yes)
	case ruby.False:
		return resultOf(no)
	case ruby.Nil:
		return nilResult
	case ruby.Num:
		return result{known: true, text: n.Text, tag: "!!int", filled: true}
	case ruby.Str:
		if len(n.Parts) == 0 {
			return result{known: true, text: n.Text, tag: "!!str", filled: n.Text != ""}
		}
	case ruby.Array:
		return result{known: true, tag: "!!seq", filled: len(n.Args) > 0}
	case ruby.Hash:
		return result{known: true, tag: "!!map", filled: len(n.Pairs) > 0}
	case ruby.Not:
		return resultOf(below(n.Args[0]).truth().Not())
	case ruby.Body:
		if len(n.Args) == 1 {
			return below(n.Args[0])
		}
	case ruby.Name:
		if set := c.set[n.Text]; set != nil {
			return below(set)
		}
	case ruby.Binary:
		return d.binary(n, below)
	case ruby.Call:
		return d.call(n, below)
	}
	return nothing
}

func (d *deployment) binary(n *ruby.Node, below func(*ruby.Node) result) result {
	left := below(n.Recv)
	switch n.Text {
	case "&&", "||":
		switch t := left.truth(); {
		case t == no && n.Text == "&&", t == yes && n.Text == "||":
			return left
		case t == maybe:
			// false and anything is false, true or anything true
			if right := below(n.Args[0]).truth(); right == no && n.Text == "&&" || right == yes && n.Text == "||" {
				return resultOf(right)
			}
			return nothing
		}
		return below(n.Args[0])
	case "==", "!=":
		right := below(n.Args[0])
		scalar := func(r result) bool { return r.known && (r.null || r.tag != "!!seq" && r.tag != "!!map") }
		if !scalar(left) || !scalar(right) {
			return nothing
		}
		equal := no
		if left.tag == right.tag && left.text == right.text {
			equal = yes
		}
		if n.Text == "!=" {
			equal = equal.Not()
		}
		return resultOf(equal)
	}
	return nothing
}

func (d *deployment) call(n *ruby.Node, below func(*ruby.Node) result) result {
	if n.Recv == nil {
		if n.Text == "p" {
			return d.lookup(n.Args, below)
		}
		return nothing
	}
	if name, ok := strings.CutPrefix(dotted(n), "properties."); ok {
		v, known := d.property(name)
		if !known {
			return nothing
		}
		return fromNode(v)
	}
	if len(n.Args) > 0 || n.Block != nil {
		return nothing
	}
	recv := below(n.Recv)
	if !recv.known {
		return nothing
	}
	is := func(b bool) result {
		if b {
			return resultOf(yes)
		}
		return resultOf(no)
	}
	switch n.Text {
	case "nil?":
		return is(recv.null)
	case "empty?":
		if !recv.null {
			return is(!recv.filled)
		}
	case "any?":
		if recv.tag == "!!seq" || recv.tag == "!!map" {
			return is(recv.filled)
		}
	case "to_s", "strip":
		recv.tag, recv.null = "!!str", false
		return recv
	}
	return nothing
}

// lookup is p('a'), p('a', default), p(['a', 'b']).
func (d *deployment) lookup(args []*ruby.Node, below func(*ruby.Node) result) result {
	if len(args) == 0 {
		return nothing
	}
	names := []*ruby.Node{args[0]}
	if args[0].Kind == ruby.Array {
		names = args[0].Args
	}
	for _, n := range names {
		if n.Kind != ruby.Str || len(n.Parts) > 0 {
			return nothing
		}
		v, known := d.property(n.Text)
		if !known {
			return nothing
		}
		if v != nil {
			return fromNode(v)
		}
	}
	if len(args) > 1 {
		return below(args[1])
	}
	return nothing // the Director refuses the deployment
}

// dotted is a chain of names: properties.web.port.
func dotted(n *ruby.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Kind == ruby.Name:
		return n.Text
	case n.Kind == ruby.Call && n.Recv != nil && len(n.Args) == 0 && n.Block == nil:
		if before := dotted(n.Recv); before != "" {
			return before + "." + n.Text
		}
	}
	return ""
}
