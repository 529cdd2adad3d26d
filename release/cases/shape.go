package cases

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// shape is what the values of a property are like.
type shape int

const (
	unknown shape = iota
	text
	number
	boolean
	list
	hash
)

// property is what is known of a property from the specs, the manifests and
// what the templates do with it.
type property struct {
	name        string
	def         any // nil when there is none
	description string
	// sample is a value of a manifest or of an ops-file, example that of the spec.
	sample, example any
	// literals are what it is compared with, in order.
	literals []any
	kinds    map[useKind]bool
	// places are where templates print it, should it be a path.
	places map[place]bool
	// inner says that templates use properties below it.
	inner bool
}

var (
	describesList = search.MustCompile(`(?i)\b(array|list) (of|with|containing)\b|^\s*(an? )?(array|list)\b`)
	describesHash = search.MustCompile(`(?i)\b(hash|map|dictionary) (of|with|containing|from)\b|^\s*(an? )?(hash|map|dictionary)\b`)
)

func shapeOf(v any) shape {
	if _, ok := render.IsSynthesized(v); ok {
		return unknown
	}
	switch v.(type) {
	case string:
		return text
	case int, int64, uint64, float64:
		return number
	case bool:
		return boolean
	case []any:
		return list
	case map[string]any, map[any]any:
		return hash
	}
	return unknown
}

// fits says whether the templates can do with a value what they do.
func (p *property) fits(v any) bool {
	switch shapeOf(v) {
	case unknown:
		return false
	case list:
		return !p.scalar() && !p.kinds[hashed]
	case hash:
		return !p.scalar() && !p.kinds[listed]
	case text:
		if p.kinds[counted] && !p.kinds[textual] {
			return number.holds(v)
		}
		return !p.kinds[listed] && !p.kinds[hashed]
	}
	return !p.kinds[listed] && !p.kinds[hashed] && !p.kinds[textual]
}

// scalar says that a list or a hash makes no sense to the templates: what prints
// one as it is prints Ruby.
func (p *property) scalar() bool {
	if p.kinds[listed] || p.kinds[hashed] {
		return false
	}
	return p.kinds[printed] || p.kinds[textual] || p.kinds[counted] || p.kinds[filed] || p.kinds[matched]
}

// several says whether the templates look at how many elements it has, or hand
// all of them on.
func (p *property) several() bool {
	return p.kinds[listed] || p.kinds[hashed] || p.kinds[sized] || p.kinds[passed] && !p.scalar()
}

// holds says whether a text can be read as what has the shape.
func (s shape) holds(v any) bool {
	_, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	return s == number && err == nil
}

// known is what a manifest, an ops-file or the spec give as an example.
func (p *property) known() any {
	if p.sample != nil {
		return p.sample
	}
	if p.fits(p.example) {
		return p.example
	}
	return nil
}

// shape goes by the default, then by a manifest, the templates, the example of
// the spec, the description and the name.
func (p *property) shape() shape {
	for _, v := range []any{p.def, p.known()} {
		if s := shapeOf(v); s != unknown {
			return s
		}
	}
	if p.inner {
		return unknown
	}
	for _, v := range p.literals {
		if s := shapeOf(v); s != unknown && !p.kinds[listed] && !p.kinds[hashed] {
			return s
		}
	}
	switch {
	case p.kinds[hashed]:
		return hash
	case p.kinds[listed]:
		return list
	case p.kinds[counted] && !p.kinds[textual]:
		return number
	case p.kinds[textual], p.kinds[filed]:
		return text
	case p.scalar():
	case describesList.MatchString(p.description):
		return list
	case describesHash.MatchString(p.description):
		return hash
	}
	switch render.KindOf(p.name) {
	case render.True, render.False:
		return boolean
	case render.Number:
		return number
	}
	if p.kinds[condition] && !p.kinds[printed] && !p.kinds[sized] && !p.kinds[matched] {
		return boolean
	}
	return unknown
}

// fitting is a value that it could have.
func (p *property) fitting() any {
	if v := p.known(); v != nil {
		return v
	}
	if len(p.literals) > 0 && shapeOf(p.literals[0]) != boolean {
		return p.literals[0]
	}
	switch p.shape() {
	case boolean:
		return true
	case list:
		return p.elements(1)
	case hash:
		return p.entries(1)
	}
	return render.Synthesize(p.name)
}

// elements is a list of n, like those of the default or of a manifest.
func (p *property) elements(n int) []any {
	out := []any{}
	var like []any
	for _, v := range []any{p.def, p.sample, p.example} {
		if l, ok := v.([]any); ok && len(l) > 0 && like == nil {
			like = l
		}
	}
	for i := range n {
		switch {
		case i < len(like):
			out = append(out, like[i])
		case len(like) > 0:
			out = append(out, another(like[0], i+1))
		default:
			out = append(out, render.Synthesize(fmt.Sprintf("%s.%d", p.name, i)))
		}
	}
	return out
}

// entries is a hash of n, like those of the default or of a manifest.
func (p *property) entries(n int) map[string]any {
	out := map[string]any{}
	for _, v := range []any{p.def, p.sample, p.example} {
		if m, ok := v.(map[string]any); ok && len(m) > 0 && len(out) == 0 {
			keys := slices.Sorted(maps.Keys(m))
			for i := range n {
				if i < len(keys) {
					out[keys[i]] = m[keys[i]]
				} else {
					out[fmt.Sprintf("%s-%d", keys[0], i+1)] = another(m[keys[0]], i+1)
				}
			}
		}
	}
	if len(out) == 0 {
		for i := range n {
			key := fmt.Sprintf("key%d", i+1)
			out[key] = render.Synthesize(p.name + "." + key)
		}
	}
	return out
}

// another is a value like v that differs from it.
func another(v any, n int) any {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%s-%d", v, n)
	case int:
		return v + n
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = another(e, n)
		}
		return out
	}
	return v
}

// other is a value that is none of those that it is compared with.
func (p *property) other() any {
	switch p.shape() {
	case number:
		n := 1
		for slices.Contains(p.literals, any(n)) || p.def == any(n) {
			n++
		}
		return n
	case boolean:
		return p.def != any(true)
	}
	return "other-" + strings.ReplaceAll(p.name, ".", "-")
}

// made is the value of a property that nobody supplies, where something says more
// than its name; nil where nothing does. A text stays one that names the property,
// so that two of them can be told apart.
func (p *property) made() any {
	v := p.known()
	if _, ok := render.IsSynthesized(v); ok {
		v = nil
	}
	switch s := shapeOf(v); {
	case p.def != nil || p.inner:
		return nil
	case s == unknown:
	case s != text:
		return v
	case p.sample == nil: // the example of the spec
		return v
	}
	w := p.place()
	if name := placed(w, p.name); w != noPath && (w == onDisk) != (render.KindOf(p.name) == render.Path) || w == ofURL {
		return name
	}
	return nil
}
