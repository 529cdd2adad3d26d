package release

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	boshjob "github.com/cloudfoundry/bosh-cli/v7/release/job/manifest"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
	boshsys "github.com/cloudfoundry/bosh-utils/system"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Job is one folder under jobs/.
type Job struct {
	Name    string
	Release *Release
	Spec    *Spec
	Monit   *source.File
	// Err is why the job could not be loaded; Spec or Monit is then nil.
	Err error
}

// Dir is the job's folder, relative to the release.
func (j *Job) Dir() string { return "jobs/" + j.Name }

// Spec is a job spec with the places of what can be edited in it.
type Spec struct {
	File       *source.File
	Name       string
	Packages   []string
	Templates  []Template // in the order of the file
	Properties []Property // in the order of the file
	// TemplatesSpan spans the templates mapping; invalid when there is none.
	TemplatesSpan source.Span
	// Flow says that the templates mapping is written as {a: b}.
	Flow bool
}

// Template is one entry of the spec's templates: the file Source below
// templates/ is rendered to Target below /var/vcap/jobs/JOB.
type Template struct {
	Source, Target string
	Span           source.Span // from the key to the end of the value
}

// Property is one entry of the spec's properties.
type Property struct {
	Name        string
	Description string
	Default     *yaml.Node // nil when there is none
	Example     *yaml.Node // nil when there is none
	Span        source.Span
}

func loadJob(r *Release, name string) *Job {
	j := &Job{Name: name, Release: r}
	spec, err := readSpec(r, j.Dir()+"/spec")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s/spec: missing; every job needs one (bosh generate-job writes it)", j.Dir())
		}
		j.Err = err
		return j
	}
	j.Spec = spec
	if spec.Name != name {
		j.Err = source.Errorf(source.Span{File: spec.File}, "job directory %q does not match the job name %q in the spec", name, spec.Name)
		return j
	}
	monit, err := r.Read(j.Dir() + "/monit")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s/monit: missing; every job needs one, an empty one when nothing is to run", j.Dir())
		}
		j.Err = err
		return j
	}
	j.Monit = monit
	return j
}

// yamlLine finds the line in an error of yaml.v2 or yaml.v3.
var yamlLine = search.MustCompile(`(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// YAMLError turns an error of the yaml libraries into one with a place.
func YAMLError(f *source.File, err error) error {
	m := yamlLine.FindStringSubmatchIndex(err.Error())
	if m == nil {
		return source.Errorf(source.Span{File: f}, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	line, _ := strconv.Atoi(err.Error()[m[2]:m[3]])
	at := f.Offset(line, 1)
	message, _, _ := strings.Cut(err.Error()[m[1]:], "\n") // the others are errors of their own
	message = strings.Replace(message, "manifest.PropertyDefinition", "a property, which is a mapping with description and default", 1)
	return source.Errorf(source.Span{File: f, Start: at, End: at}, "%s", message)
}

// oneFile gives bosh's reader the bytes that were read already: they need not be
// those on disk.
type oneFile struct {
	boshsys.FileSystem
	data []byte
}

func (f oneFile) ReadFile(string) ([]byte, error) { return f.data, nil }

func readSpec(r *Release, name string) (*Spec, error) {
	f, err := r.Read(name)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(f.Data, &root); err != nil {
		return nil, YAMLError(f, err)
	}
	boshFS := oneFile{boshsys.NewOsFileSystem(boshlog.NewLogger(boshlog.LevelNone)), f.Data}
	m, err := boshjob.NewManifestFromPath(r.Path(name), boshFS)
	if err != nil {
		// bosh wraps the YAML error; the innermost text has the line
		text := err.Error()
		if i := strings.Index(text, "yaml:"); i >= 0 {
			text = text[i:]
		}
		return nil, YAMLError(f, errors.New(text))
	}
	s := &Spec{File: f, Name: m.Name, Packages: m.Packages}
	if len(root.Content) == 0 {
		return nil, source.Errorf(source.Span{File: f}, "the spec is empty")
	}
	top := root.Content[0]
	if t := child(top, "templates"); t != nil && t.Kind == yaml.MappingNode {
		s.Flow = t.Style&yaml.FlowStyle != 0
		for i := 0; i+1 < len(t.Content); i += 2 {
			k, v := t.Content[i], t.Content[i+1]
			span := nodeSpan(f, k)
			span.End = nodeSpan(f, v).End
			s.Templates = append(s.Templates, Template{k.Value, v.Value, span})
		}
		s.TemplatesSpan = nodeSpan(f, t)
		if n := len(s.Templates); n > 0 && s.TemplatesSpan.End < s.Templates[n-1].Span.End {
			s.TemplatesSpan.End = s.Templates[n-1].Span.End
		}
	}
	if p := child(top, "properties"); p != nil && p.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(p.Content); i += 2 {
			k, v := p.Content[i], p.Content[i+1]
			prop := Property{Name: k.Value, Span: nodeSpan(f, k), Default: child(v, "default"), Example: child(v, "example")}
			if d := child(v, "description"); d != nil {
				prop.Description = d.Value
			}
			s.Properties = append(s.Properties, prop)
		}
	}
	return s, nil
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// nodeSpan spans a one-line scalar as it is written, quotes included; for
// every other node it is the place where the node begins.
func nodeSpan(f *source.File, n *yaml.Node) source.Span {
	start := f.Offset(n.Line, n.Column)
	end := start
	if n.Kind == yaml.ScalarNode && start < len(f.Data) {
		switch c := f.Data[start]; c {
		case '"', '\'':
			end = start + 1
			for end < len(f.Data) && f.Data[end] != c && f.Data[end] != '\n' {
				if c == '"' && f.Data[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(f.Data))
		default:
			if bytes.HasPrefix(f.Data[start:], []byte(n.Value)) {
				end = start + len(n.Value)
			}
		}
	}
	return source.Span{File: f, Start: start, End: end}
}

// Template finds the entry whose rendered file is target, a path below the
// job's directory such as "bin/ctl".
func (s *Spec) Template(target string) (Template, bool) {
	for _, t := range s.Templates {
		if path.Clean(t.Target) == path.Clean(target) {
			return t, true
		}
	}
	return Template{}, false
}

// Property finds a property definition by its dotted name.
func (s *Spec) Property(name string) (Property, bool) {
	for _, p := range s.Properties {
		if p.Name == name {
			return p, true
		}
	}
	return Property{}, false
}

// TemplateName is the name of a template source, relative to the release.
func (j *Job) TemplateName(src string) string { return j.Dir() + "/templates/" + src }

// TemplateFile reads the template that is rendered to target.
func (j *Job) TemplateFile(target string) (*source.File, Template, error) {
	t, ok := j.Spec.Template(target)
	if !ok {
		return nil, t, fmt.Errorf("%s: no template is rendered to %s", j.Spec.File.Name, target)
	}
	f, err := j.Release.Read(j.TemplateName(t.Source))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, t, source.Errorf(t.Span, "template %s does not exist", t.Source)
	}
	return f, t, err
}

// CheckTemplates says how the templates of a spec differ from want, which maps
// source to target; nil when they are the same.
func CheckTemplates(spec []byte, want map[string]string) error {
	var m struct {
		Templates map[string]string `yaml:"templates"`
	}
	if err := yaml.Unmarshal(spec, &m); err != nil {
		return err
	}
	for src, target := range want {
		if m.Templates[src] != target {
			return fmt.Errorf("template %s should be rendered to %s, not %q", src, target, m.Templates[src])
		}
	}
	if len(m.Templates) != len(want) {
		return fmt.Errorf("%d templates, not %d", len(m.Templates), len(want))
	}
	return nil
}
