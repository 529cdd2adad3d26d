package check

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// safeRuby are expressions whose text YAML cannot take for anything else.
var safeRuby = search.MustCompile(`\.(to_json|to_i|to_f|size|length|count|inspect|round|floor|ceil)\s*$|^\s*(spec\.(index|id|ip|name|job\.name|deployment|az|address)|index|name|i|n)\s*$|\?\s*$|File\.dirname|\.to_i\b`)

// breaks says why a plain YAML scalar would not keep a text.
func breaks(prefix, text, suffix string) string {
	whole := prefix + text + suffix
	var n yaml.Node
	if err := yaml.Unmarshal([]byte("- "+whole+"\n"), &n); err != nil {
		return "bpm cannot read the file then"
	}
	if len(n.Content) != 1 || n.Content[0].Kind != yaml.SequenceNode || len(n.Content[0].Content) != 1 {
		return "bpm cannot read the file then"
	}
	item := n.Content[0].Content[0]
	switch {
	case item.Kind != yaml.ScalarNode:
		return "bpm cannot read the file then"
	case item.ShortTag() == "!!null":
		return "bpm drops it then"
	case item.Value != whole:
		return "it is cut or changed then"
	}
	return ""
}

// unquoted looks at properties that are printed into YAML without quotes: one
// finding a file for what may break, one for each whose own default breaks.
func (w *job) unquoted() {
	if w.doc == nil || w.doc.Format != "yaml" || w.doc.Root == nil {
		return
	}
	var open []source.Span
	var names []string
	for _, p := range w.doc.Processes() {
		p.Scalars(func(keys []string, n *bpm.Node) {
			if !n.Plain || len(keys) == 0 || !isText(keys) {
				return
			}
			for i, piece := range n.Value {
				if piece.Ruby == "" || safeRuby.MatchString(piece.Ruby) || strings.Contains(piece.Ruby, "<%") {
					continue
				}
				prefix, suffix := around(n.Value, i)
				props := erb.Properties(piece.Ruby)
				if len(props) != 1 || !plainProperty(piece.Ruby) {
					continue // what Ruby makes of it is not known
				}
				prop, declared := w.Spec.Property(props[0])
				if declared && prop.Default != nil && prop.Default.Kind == yaml.ScalarNode {
					value := prop.Default.Value
					if strings.HasPrefix(value, "/") {
						continue // a path
					}
					switch prop.Default.ShortTag() {
					case "!!int", "!!float", "!!bool":
						continue
					case "!!null":
						value = ""
					}
					// empty variables are variables all the same
					if why := breaks(prefix, value, suffix); why != "" && !(keys[0] == "env" && value == "") {
						w.find("bpm-unquoted", source.Warning, n.Span, "the default of %s is %q, and it is printed without quotes: %s; write \"<%%= ... %%>\" or .to_json", props[0], value, why)
						continue
					}
				}
				if numeric(props[0]) {
					continue
				}
				open = append(open, n.Span)
				names = append(names, props[0])
			}
		})
	}
	if len(open) > 0 {
		d := source.Diagnostic{ID: "bpm-unquoted", Severity: source.Note, Span: open[0], Related: open[1:]}
		d.Message = "a property is printed into YAML without quotes (" + strings.Join(distinct(names), ", ") + "): a value with \": \", \" #\" or a mark such as * @ { at its beginning breaks or changes it; write \"<%= ... %>\", .to_json, or dump a hash"
		w.findings = append(w.findings, d)
	}
}

func distinct(names []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

// isText says whether what stands below the keys is text for the process.
func isText(keys []string) bool {
	switch keys[0] {
	case "args", "env", "executable", "workdir", "additional_volumes", "unsafe":
		last := keys[len(keys)-1]
		return last != "writable" && last != "allow_executions" && last != "mount_only" && last != "privileged" && last != "shared" && last != "host_pid_namespace"
	}
	return false
}

func around(v bpm.Value, i int) (prefix, suffix string) {
	for _, p := range v[:i] {
		if p.Ruby != "" {
			prefix += "x"
		}
		prefix += p.Text
	}
	for _, p := range v[i+1:] {
		if p.Ruby != "" {
			suffix += "x"
		}
		suffix += p.Text
	}
	return prefix, suffix
}

var onlyProperty = search.MustCompile(`^p\(?\s*['"][^'"]+['"]\s*\)?$|^properties\.[\w.]+$`)

func plainProperty(ruby string) bool { return onlyProperty.MatchString(strings.TrimSpace(ruby)) }

// numeric says whether a property is a number or a switch by its name.
var numericName = search.MustCompile(`(?i)(port|ports|timeout|interval|seconds|minutes|ms|limit|count|size|number|enabled|disabled|workers|threads|retries|max|min|level|ttl|percent|bytes|mb)$|(^|[._-])(max|min|num|number|enable|disable|is|use|skip)[._-]`)

func numeric(name string) bool { return numericName.MatchString(name) }
