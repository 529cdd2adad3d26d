package manifest

import (
	"errors"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Kind is what a YAML file looks like.
type Kind string

// The kinds of files that lie where manifests do.
const (
	Deployment    Kind = "deployment manifest"
	V1Deployment  Kind = "deployment manifest in the old jobs/templates form"
	CreateEnv     Kind = "create-env manifest"
	RuntimeConfig Kind = "runtime config"
	CloudConfig   Kind = "cloud config"
	OpsFile       Kind = "ops-file"
	Pipeline      Kind = "Concourse pipeline or task"
	ReleaseFile   Kind = "file of a release"
	VarsFile      Kind = "vars file"
	Template      Kind = "template (ERB, spiff or Go)"
	Empty         Kind = "empty file"
	Unknown       Kind = "file without instance_groups"
)

// instead says what to give in place of a file that is no manifest.
var instead = map[Kind]string{
	RuntimeConfig: "give the deployment manifest that it applies to, and this one with --runtime-config",
	CloudConfig:   "give the deployment manifest that uses it",
	OpsFile:       "give the deployment manifest that it is applied to",
	Pipeline:      "give the deployment manifest that it deploys",
	ReleaseFile:   "give a deployment manifest that uses the release",
	VarsFile:      "give the deployment manifest that it fills",
	Template:      "render it first, and give the result",
	Empty:         "give a deployment manifest",
	Unknown:       "give a deployment manifest",
}

// NotDeployment is the error that refuses a file of another kind: what it is,
// and what to do. It is nil for a deployment manifest.
func (m *Manifest) NotDeployment() error {
	if m.Deploys() {
		return nil
	}
	if m.Kind == Unknown {
		if n := child(resolve(m.root.Content[0]), "instance_groups"); isVariable(n) {
			return source.Errorf(m.places.span(n), "instance_groups is the variable %s, so that there is nothing to look at; give its value with -v or -l, or the manifest that bosh int prints", n.Value)
		}
	}
	article := "a"
	if strings.IndexByte("aeiouE", m.Kind[0]) >= 0 {
		article = "an"
	}
	return source.Errorf(source.Span{File: m.File}, "this is %s %s, not a deployment manifest; %s", article, m.Kind, instead[m.Kind])
}

func kindOf(doc, top *yaml.Node) Kind {
	switch {
	case top.Tag == "!!null" && top.Kind == yaml.ScalarNode:
		return Empty
	case top.Kind == yaml.SequenceNode && len(top.Content) > 0 && child(top.Content[0], "path") != nil && child(top.Content[0], "type") != nil:
		return OpsFile
	case top.Kind != yaml.MappingNode:
		return Unknown
	case hasTemplateMarks(doc, false):
		return Template
	}
	has := func(keys ...string) bool {
		for _, k := range keys {
			if child(top, k) == nil {
				return false
			}
		}
		return true
	}
	jobs := sequence(top, "jobs")
	switch {
	case sequence(top, "instance_groups") != nil && has("cloud_provider"):
		return CreateEnv
	case sequence(top, "instance_groups") != nil:
		return Deployment
	case has("resources") && jobs != nil, anyHas(jobs, "plan"), has("resource_types"), has("platform", "run"):
		return Pipeline
	case has("commit_hash"), has("packages") && jobs != nil, has("packages", "templates"):
		return ReleaseFile
	case anyHas(jobs, "templates"), anyHas(jobs, "template"), anyHas(jobs, "instances"):
		return V1Deployment
	case has("addons"), has("releases") && !has("stemcells") && !has("update") && !has("name"):
		return RuntimeConfig
	case has("vm_types"), has("disk_types"), has("vm_extensions"), has("compilation", "networks"):
		return CloudConfig
	case jobs == nil && allValues(top):
		return VarsFile
	}
	return Unknown
}

func anyHas(list *yaml.Node, key string) bool {
	for _, n := range items(list) {
		if child(n, key) != nil {
			return true
		}
	}
	return false
}

// allValues says whether a mapping holds what variables have: texts, lists of
// texts, and certificates and keys.
func allValues(top *yaml.Node) bool {
	for i := 0; i+1 < len(top.Content); i += 2 {
		v := resolve(top.Content[i+1])
		scalars := len(v.Content) > 0 || v.Kind == yaml.ScalarNode
		for _, c := range v.Content {
			scalars = scalars && resolve(c).Kind == yaml.ScalarNode
		}
		if !scalars {
			return false
		}
	}
	return len(top.Content) > 0
}

var (
	parenthesised = search.MustCompile(`^\(\((.*)\)\)$`)
	variable      = search.MustCompile(`^ ?!?[-/\.\w\pL]+ ?$`) // bosh-cli, director/template
)

// isSpiff says whether a value is an expression of spiff or spruce, such as
// "(( merge || nil ))", and not variables of BOSH, such as "((a))((b))".
func isSpiff(value string) bool {
	m := parenthesised.FindStringSubmatch(value)
	if m == nil || !strings.HasPrefix(m[1], " ") || strings.Contains(m[1], "((") || strings.Contains(m[1], "))") {
		return false
	}
	inner := strings.TrimSpace(m[1])
	return !variable.MatchString(m[1]) || inner == "merge" || strings.HasPrefix(inner, ".")
}

// hasTemplateMarks says whether something outside properties has to be rendered
// before the file is YAML that BOSH understands. Values of properties are not
// looked at unless they are plain: config templates of daemons live there.
func hasTemplateMarks(n *yaml.Node, properties bool) bool {
	for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		if strings.Contains(c, "<%") && strings.Contains(c, "%>") {
			return true // ERB acts in comments as well
		}
	}
	if n.Kind == yaml.ScalarNode {
		plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
		block := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
		switch {
		case plain && isSpiff(n.Value):
			return true
		case plain || !block && !properties:
			return strings.Contains(n.Value, "<%") && strings.Contains(n.Value, "%>")
		}
		return false
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.MappingNode && c.Style&yaml.FlowStyle != 0 && n.Style&yaml.FlowStyle != 0 {
			return true // {{ .Name }} of a Go template
		}
		inside := properties
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "properties" {
			inside = true
		}
		if c.Kind != yaml.AliasNode && hasTemplateMarks(c, inside) {
			return true
		}
	}
	return false
}

// isTemplate says whether YAML is broken because it is to be rendered first:
// the line of the error, or a line of its own, belongs to a template language.
func isTemplate(f *source.File, err error) bool {
	var syntax *source.SyntaxError
	if !errors.As(err, &syntax) {
		return false
	}
	broken := syntax.Span.Position().Line
	for i, line := range strings.Split(string(f.Data), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "<%"), strings.HasPrefix(trimmed, "{{-"), strings.HasPrefix(trimmed, "{{ "):
			return true
		case i+1 == broken && (strings.Contains(line, "<%") || strings.Contains(line, "{{")):
			return true
		}
	}
	return false
}
