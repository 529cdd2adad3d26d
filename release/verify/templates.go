package verify

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// templates compares the templates that differ between the sides, or that only
// one has, and that are no part of the start path.
func (c *comparison) templates() {
	targets := func(s *side) map[string]string {
		out := map[string]string{}
		for _, t := range s.job.Spec.Templates {
			out[path.Clean(t.Target)] = t.Source
		}
		return out
	}
	b, a := targets(c.before), targets(c.after)
	for _, target := range slices.Sorted(maps.Keys(b)) {
		src, there := a[target]
		if !there || strings.HasPrefix(target, "bin/") || target == "config/bpm.yml" {
			continue
		}
		x, errX := c.before.template(b[target])
		y, errY := c.after.template(src)
		if errX != nil || errY != nil {
			if (errX == nil) != (errY == nil) {
				c.compare("template:"+target, text(errX), text(errY), "")
			}
			continue
		}
		if string(x) != string(y) {
			gone, come := changedLines(string(x), string(y))
			c.compare("template:"+target, gone, come, "")
			c.rows[len(c.rows)-1].At = c.after.templateSpan(src)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[target]; !there && !strings.HasPrefix(target, "bin/") {
			c.compare("template:"+target, "rendered", "", "")
			c.rows[len(c.rows)-1].At = c.before.templateSpan(b[target])
		}
	}
}

// changedLines are the lines that only one of two texts has.
func changedLines(x, y string) (gone, come string) {
	edits := udiff.Lines(x, y)
	var old, now []string
	for _, e := range edits {
		old = append(old, strings.TrimSpace(x[e.Start:e.End]))
		now = append(now, strings.TrimSpace(e.New))
	}
	return strings.Join(old, "\n"), strings.Join(now, "\n")
}

// templateSpan is the beginning of a template.
func (s *side) templateSpan(src string) source.Span {
	f, err := s.job.Release.Read(s.job.TemplateName(src))
	if err != nil {
		return source.Span{}
	}
	return source.Span{File: f}
}

func text(err error) string {
	if err == nil {
		return "renders"
	}
	return err.Error()
}
