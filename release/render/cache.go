package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// cache keeps what was rendered, each template once for the values that it asks
// for.
type cache struct {
	mu        sync.Mutex
	files     map[*source.File]*erbText
	templates map[string]*erbText
	bases     map[string]*base
	base      map[string]*base
	entries   map[key]*entry
	outs      map[string][]byte
	// rendered counts what ruby rendered.
	rendered int
}

func newCache() *cache {
	c := &cache{}
	c.forget()
	return c
}

func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files, c.templates = map[*source.File]*erbText{}, map[string]*erbText{}
	c.bases, c.base = map[string]*base{}, map[string]*base{}
	c.entries, c.outs = map[key]*entry{}, map[string][]byte{}
}

// erbText is a template, and whether it may look at properties other than by
// their names.
type erbText struct {
	text  []byte
	whole bool
}

// base is a context but for properties and fill, as JSON. It keeps the contexts,
// so that their maps stay where they are.
type base struct {
	json     []byte
	contexts []Context
}

// identity is the same for contexts of which that JSON is the same: it is not
// written for every rendering. The maps of a context are not changed.
func (c Context) identity() string {
	c.Properties, c.Fill = nil, 0
	var id []byte
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if field := v.Field(i); field.Kind() == reflect.Map {
			id = fmt.Appendf(id, "%x\x00", field.Pointer())
		} else {
			id = fmt.Appendf(id, "%v\x00", field.Interface())
		}
	}
	return string(id)
}

// key is what a rendering depends on, the properties left out.
type key struct {
	template *erbText
	base     *base
	fill     Fill
}

// entry has the renderings of a key. A template that asks for properties by their
// names asks for the first of them always, and for the next ones as the values
// before say: the names are the nodes of a tree, and the values its branches.
type entry struct {
	root node
	// others are those of which this is not known.
	others []*result
}

type node struct {
	result   *result
	name     string
	branches []branch
}

type branch struct {
	// value and rest are what reach gives.
	value any
	rest  string
	node  *node
}

type result struct {
	out         []byte
	failure     *reply
	synthesized []string
	// properties are those that it was rendered with, where all of them may count.
	properties map[string]any
}

// rendering is one that is wanted.
type rendering struct {
	cache      *cache
	key        key
	entry      *entry
	properties map[string]any
}

// rendering is nil for a template without ERB.
func (c *cache) rendering(f *source.File, ctx Context) (*rendering, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.template(f), error(nil)
	if t == nil {
		return nil, nil
	}
	k := key{template: t, fill: ctx.Fill}
	if k.base, err = c.baseOf(&ctx); err != nil {
		return nil, fmt.Errorf("%s: its properties cannot be given to ruby: %w", f.Name, err)
	}
	if k.fill == Properties && !t.whole {
		k.fill = AsGiven // it does not look at them
	}
	e := c.entries[k]
	if e == nil {
		e = &entry{}
		c.entries[k] = e
	}
	return &rendering{cache: c, key: k, entry: e, properties: ctx.Properties}, nil
}

func (c *cache) template(f *source.File) *erbText {
	t, ok := c.files[f]
	if ok {
		return t
	}
	if t = c.templates[string(f.Data)]; t == nil && bytes.Contains(f.Data, []byte("<%")) {
		t = &erbText{f.Data, sees.Match(f.Data)}
		c.templates[string(f.Data)] = t
	}
	c.files[f] = t
	return t
}

func (c *cache) baseOf(ctx *Context) (*base, error) {
	id := ctx.identity()
	if b, ok := c.bases[id]; ok {
		return b, nil
	}
	text, err := ctx.base()
	if err != nil {
		return nil, err
	}
	b := c.base[string(text)]
	if b == nil {
		b = &base{json: text}
		c.base[string(text)] = b
	}
	b.contexts = append(b.contexts, *ctx)
	c.bases[id] = b
	return b, nil
}

// sees finds templates that may look at properties other than by their names.
var sees = search.MustCompile(`properties|\bspec\s*(?:[^.\s]|\.(?:to_|each|inspect|dig|send|methods|\[))|\b(?:eval|binding|self|instance_\w+|method|__send__|public_send|ObjectSpace|lookup_property)\b`)

// known is its result, or nil.
func (w *rendering) known() *result {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	res, _, _ := w.find()
	return res
}

// find goes along what the template asks for. Without a result it gives the node
// that has no branch for its value yet.
func (w *rendering) find() (res *result, at *node, value branch) {
	for _, res := range w.entry.others {
		if reflect.DeepEqual(res.properties, w.properties) {
			return res, nil, branch{}
		}
	}
	at = &w.entry.root
	for at.name != "" {
		b := at.follow(w.properties)
		if b.node == nil {
			return nil, at, b
		}
		at = b.node
	}
	return at.result, at, branch{}
}

// follow gives the branch for a value, without a node where there is none yet.
func (n *node) follow(properties map[string]any) branch {
	value, rest := reach(properties, n.name)
	for _, b := range n.branches {
		if b.rest == rest && reflect.DeepEqual(b.value, value) {
			return b
		}
	}
	return branch{value: value, rest: rest}
}

// keep puts a result where find finds it.
func (w *rendering) keep(res *result, asked []string) {
	w.cache.rendered++
	tells := res.failure == nil || res.failure.Class != "" && !res.failure.Unasked
	if tells && !w.key.template.whole && w.entry.grow(res, asked, w.properties) {
		return
	}
	res.properties = w.properties
	w.entry.others = append(w.entry.others, res)
}

// grow puts a result into the tree. It says false where the template asked for
// something else than with the same values before.
func (e *entry) grow(res *result, asked []string, properties map[string]any) bool {
	at := &e.root
	for _, name := range asked {
		if at.result != nil || at.name != "" && at.name != name {
			return false
		}
		at.name = name
		b := at.follow(properties)
		if b.node == nil {
			b.node = &node{}
			at.branches = append(at.branches, b)
		}
		at = b.node
	}
	if at.name != "" || at.result != nil {
		return false
	}
	at.result = res
	return true
}

// chunk is how many renderings are worth a request of their own.
const chunk = 40

// renderAll renders what is not known yet. What a template asks for is known only
// when it was rendered once, so that this goes in rounds: in each, of those that
// may turn out to be the same one is rendered.
func (r *Renderer) renderAll(all []*rendering) error {
	for {
		var round []*rendering
		round, all = r.cache.unknown(all)
		if len(round) == 0 {
			return nil
		}
		if err := r.request(round); err != nil {
			return err
		}
	}
}

// unknown are those that are not known, and of them those to be rendered next.
func (c *cache) unknown(all []*rendering) (round, left []*rendering) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := map[*node][]branch{}
	others := map[*entry][]map[string]any{}
	for _, w := range all {
		res, at, value := w.find()
		if res != nil {
			continue
		}
		left = append(left, w)
		if w.key.template.whole {
			if !containsEqual(others[w.entry], w.properties) {
				others[w.entry] = append(others[w.entry], w.properties)
				round = append(round, w)
			}
			continue
		}
		if !slices.ContainsFunc(asked[at], func(b branch) bool { return b.rest == value.rest && reflect.DeepEqual(b.value, value.value) }) {
			asked[at] = append(asked[at], value)
			round = append(round, w)
		}
	}
	return round, left
}

func containsEqual(all []map[string]any, properties map[string]any) bool {
	return slices.ContainsFunc(all, func(p map[string]any) bool { return reflect.DeepEqual(p, properties) })
}

// request renders a round, by several rubies if it is long.
func (r *Renderer) request(round []*rendering) error {
	parts := min(cap(r.pool.slots), (len(round)+chunk-1)/chunk)
	errs := make([]error, parts)
	var wait sync.WaitGroup
	for i := range parts {
		part := round[i*len(round)/parts : (i+1)*len(round)/parts]
		wait.Go(func() { errs[i] = r.requestPart(part) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (r *Renderer) requestPart(part []*rendering) error {
	var b batch
	texts := map[uintptr]int{}
	for _, w := range part {
		at := reflect.ValueOf(w.properties).Pointer()
		n, ok := texts[at]
		if !ok {
			text, err := json.Marshal(plain(w.properties))
			if err != nil {
				return err
			}
			n = b.blob(text)
			texts[at] = n
		}
		whole := 0
		if w.key.template.whole {
			whole = 1
		}
		b.renderings = append(b.renderings, [5]int{b.blob(w.key.template.text), b.blob(w.key.base.json), n, int(w.key.fill), whole})
	}
	replies, err := r.pool.render(&b, r.Timeout)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	for i := range replies {
		part[i].keep(r.cache.result(&replies[i]), replies[i].LookedUp)
	}
	return err
}

func (c *cache) result(p *reply) *result {
	res := &result{synthesized: p.Synthesized}
	if p.Error != "" || p.Size > 0 {
		res.failure = p
		return res
	}
	out, ok := c.outs[string(p.out)]
	if !ok {
		out = p.out
		c.outs[string(out)] = out
	}
	res.out = out
	return res
}

// reach goes along a dotted name as far as there are mappings, and gives what it
// comes to and what is left of the name.
func reach(properties map[string]any, name string) (any, string) {
	var v any = properties
	for name != "" {
		if v == nil {
			return nil, ""
		}
		if _, ok := IsSynthesized(v); ok {
			return v, name
		}
		h, ok := v.(map[string]any)
		if !ok {
			return v, name
		}
		part, rest, _ := strings.Cut(name, ".")
		v, name = h[part], rest
	}
	return v, ""
}
