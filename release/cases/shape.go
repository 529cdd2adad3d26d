package cases

import (
	"fmt"
	"maps"
	"slices"
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
	// sample is a value of a manifest.
	sample any
	// literals are what it is compared with, in order.
	literals []any
	kinds    map[useKind]bool
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

// shape goes by the default, then by a manifest, the templates, the description
// and the name.
func (p *property) shape() shape {
	for _, v := range []any{p.def, p.sample} {
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
	case describesList.MatchString(p.description):
		return list
	case describesHash.MatchString(p.description):
		return hash
	case p.kinds[counted]:
		return number
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
	if p.sample != nil {
		return p.sample
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
	for _, v := range []any{p.def, p.sample} {
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
	for _, v := range []any{p.def, p.sample} {
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
