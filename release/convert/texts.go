package convert

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// text is something that the process may come to see: a template, or the value
// that a property has by default or in a sample manifest.
type text struct {
	body string
	span func(start, end int) source.Span
	// group is set for a value from a sample manifest.
	group *manifest.Group
}

// fileTextOf is a text that stands nowhere.
func fileTextOf(s string) text { return fileText(&source.File{Name: "-", Data: []byte(s)}) }

func fileText(f *source.File) text {
	return text{body: string(f.Data), span: func(start, end int) source.Span {
		return source.Span{File: f, Start: start, End: end}
	}}
}

// allPropertyTexts are the values that properties of the job have: the defaults
// in its spec, and what the sample manifests give.
func (w *job) allPropertyTexts() []text {
	var texts []text
	for _, v := range w.values() {
		texts = append(texts, v.text)
	}
	return texts
}

// propertyTexts are the values of the properties with these names.
func (w *job) propertyTexts(names ...string) []text {
	var texts []text
	for _, v := range w.valuesOf(names...) {
		texts = append(texts, v.text)
	}
	return texts
}

// valuesOf is propertyTexts with the properties' paths.
func (w *job) valuesOf(names ...string) []valueText {
	wanted := func(path string) bool {
		for _, n := range names {
			if path == n || strings.HasPrefix(path, n+".") || strings.HasPrefix(path, n+"[") || strings.Contains(n, "*") && inEach(path, n) {
				return true
			}
		}
		return false
	}
	var values []valueText
	for _, v := range w.values() {
		if wanted(v.path) {
			values = append(values, v)
		}
	}
	return values
}

// inEach says whether a path lies at or below a name in which * stands for the
// elements of a list.
func inEach(path, name string) bool {
	have, want := strings.Split(path, "."), strings.Split(name, ".")
	if len(have) < len(want) {
		return false
	}
	for i, part := range want {
		if part != "*" && part != have[i] {
			return false
		}
	}
	return true
}

// valueText is the value of a property, with the property's path.
type valueText struct {
	path string
	text text
}

// values are the values of all properties of the job, worked out once.
func (w *job) values() []valueText {
	if w.valueTexts != nil {
		return w.valueTexts
	}
	texts := []valueText{}
	for _, m := range w.ctx.Manifests {
		for _, g := range m.Groups {
			for _, j := range g.Jobs {
				if j.Name != w.Job.Name || j.Release != "" && j.Release != w.ctx.Release.Name {
					continue
				}
				for _, v := range j.Values() {
					texts = append(texts, valueText{v.Path, text{v.Text, v.SpanOf, g}})
				}
			}
		}
	}
	read := manifest.Reader(w.Job.Spec.File)
	for _, p := range w.Job.Spec.Properties {
		if p.Default == nil {
			continue
		}
		for _, v := range read(p.Default) {
			name := p.Name
			if v.Path != "" {
				name += "." + v.Path
			}
			texts = append(texts, valueText{name, text{v.Text, v.SpanOf, nil}})
		}
	}
	w.valueTexts = texts
	return texts
}

// configTexts are what the file at a path on the VM can hold: its template and
// the properties that the template prints. open is the place of an expression
// that prints whole lines which nothing in the release tells.
func (w *job) configTexts(vmPath string) (texts []text, open source.Span) {
	f, err := w.lookup(vmPath)
	if err != nil || f == nil {
		return nil, open
	}
	texts = []text{fileText(f)}
	template, err := erb.Parse(f)
	if err != nil {
		return texts, open
	}
	for _, s := range template.Segments {
		if s.Kind != erb.Expr && s.Kind != erb.Code {
			continue
		}
		known := false
		if names := erb.Properties(s.Code(template)); len(names) > 0 {
			values := w.propertyTexts(names...)
			known = len(values) > 0
			texts = append(texts, values...)
		}
		if !known && s.Kind == erb.Expr && lineOf(f.Data, s.Start, s.End) {
			open = source.Span{File: f, Start: s.Start, End: s.End}
		}
	}
	return texts, open
}

// lineOf says whether a piece of a file has its line for itself.
func lineOf(data []byte, start, end int) bool {
	before, after := string(data[:start]), string(data[end:])
	before = before[strings.LastIndexByte(before, '\n')+1:]
	after, _, _ = strings.Cut(after, "\n")
	return strings.TrimSpace(before+after) == ""
}

// templateTexts are all templates of the job but the given scripts.
func (w *job) templateTexts(but map[*source.File]bool) []text {
	var texts []text
	for _, t := range w.Job.Spec.Templates {
		f, _, err := w.Job.TemplateFile(t.Target)
		if err == nil && !but[f] {
			texts = append(texts, fileText(f))
		}
	}
	return texts
}

// mentions finds the places where a path stands in a text: whole, or followed
// by what lies below it.
func (t text) mentions(path string) []source.Span {
	var spans []source.Span
	for _, at := range release.Occurrences(t.body, path) {
		spans = append(spans, t.span(at[0], at[1]))
	}
	return spans
}
