package cases

import (
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

var (
	variable  = search.MustCompile(`\(\(!?[-/.\w\pL]+\)\)`)
	oneOfThem = search.MustCompile(`^\(\(!?[-/.\w\pL]+\)\)$`)
)

var (
	secretName  = search.MustCompile(`(?i)(^|[._-])(password|passwd|passphrase|pass|pwd|secret|token|credentials?|api_?key|access_?key|secret_?key|private_?key|encryption_?key|secret_access_key|license_?key|hash)(\.\d+)?$|(?i)(password|secret|token)s?(\.\d+)?$`)
	certificate = search.MustCompile(`-----BEGIN`)
)

// secret says that a text is one that no report may show: one that is made up does
// as well. What has the form of a key or a certificate is kept, templates read it.
func secret(name, value string) bool {
	return secretName.MatchString(name) && value != "" && !certificate.MatchString(value)
}

// decoder makes values of a manifest's nodes. left bounds what aliases of aliases
// can blow up to.
type decoder struct{ left int }

// values are those of a job's properties. A variable has a value that is made up
// for the property at that path.
func values(n *yaml.Node) map[string]any {
	d := decoder{100_000}
	all, _ := d.decode(n, "").(map[string]any)
	if all == nil {
		all = map[string]any{}
	}
	return all
}

// value is that of one property.
func value(n *yaml.Node, name string) any {
	d := decoder{100_000}
	return d.decode(n, name)
}

func (d *decoder) decode(n *yaml.Node, name string) any {
	if d.left--; n == nil || d.left < 0 {
		return nil
	}
	below := func(key string) string {
		if name == "" {
			return key
		}
		return name + "." + key
	}
	switch n.Kind {
	case yaml.AliasNode:
		return d.decode(n.Alias, name)
	case yaml.SequenceNode:
		out := []any{}
		for i, c := range n.Content {
			out = append(out, d.decode(c, below(strconv.Itoa(i))))
		}
		return out
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if k.Tag == "!!merge" {
				d.merge(out, v, name)
				continue
			}
			out[k.Value] = d.decode(v, below(k.Value))
		}
		return out
	case yaml.ScalarNode:
		if oneOfThem.MatchString(n.Value) {
			return render.Synthesize(name)
		}
		if variable.MatchString(n.Value) {
			return variable.ReplaceAllLiteralString(n.Value, "p."+name)
		}
		var v any
		if n.Decode(&v) != nil {
			v = n.Value
		}
		if s, ok := v.(string); ok && secret(name, s) {
			return render.Synthesize(name)
		}
		return v
	}
	return nil
}

// merge puts what << names into a mapping. bosh lets it win over the keys above it.
func (d *decoder) merge(into map[string]any, n *yaml.Node, name string) {
	switch n.Kind {
	case yaml.AliasNode:
		d.merge(into, n.Alias, name)
	case yaml.SequenceNode:
		for i := len(n.Content) - 1; i >= 0; i-- {
			d.merge(into, n.Content[i], name)
		}
	case yaml.MappingNode:
		if all, ok := d.decode(n, name).(map[string]any); ok {
			for k, v := range all {
				into[k] = v
			}
		}
	}
}
