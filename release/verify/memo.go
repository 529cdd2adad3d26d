package verify

import (
	"bytes"
	"slices"

	"github.com/bosh-bpmify/bosh-bpmify/release/cases"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Many cases of a job come to the same start path: what a case changes is printed
// where nothing of the path reads it, or not at all. What happens on a machine
// depends on what is asked of the case there, which is what the templates that are
// read render to, and of which properties paths are made up. A case that answers all
// that was asked in one before as that did has the same result.

// run is the comparison of a case, with all that was asked of it.
type run struct {
	awkward bool
	asked   []question
	// invented are the answers of which property a path is made up.
	invented map[string]string
	// result is the first deploy.
	result Case
}

// question is that for what a template renders to, in the contexts of one side.
type question struct {
	contexts []render.Context
	file     *source.File
	answer   answer
}

type answer struct {
	text []byte
	err  string
}

func (a answer) equal(b answer) bool { return a.err == b.err && bytes.Equal(a.text, b.text) }

// recorded is a renderer for the i-th of the contexts that writes down what is
// asked.
func (r *run) recorded(renderer *render.Renderer, contexts []render.Context) func(*source.File, render.Context) ([]byte, error) {
	return func(f *source.File, c render.Context) ([]byte, error) {
		text, err := renderer.Render(f, c)
		if !slices.ContainsFunc(r.asked, func(q question) bool { return q.file == f && &q.contexts[0] == &contexts[0] }) {
			r.asked = append(r.asked, question{contexts, f, answerOf(text, err)})
		}
		return text, err
	}
}

// invents is the case's Invented that writes down what is asked.
func (r *run) invents(k cases.Case) func(string) string {
	return func(path string) string {
		property := k.Invented(path)
		if r.invented == nil {
			r.invented = map[string]string{}
		}
		r.invented[path] = property
		return property
	}
}

func answerOf(text []byte, err error) answer {
	if err != nil {
		return answer{err: err.Error()}
	}
	return answer{text: text}
}

// memo has the runs of a job so far.
type memo struct {
	renderer *render.Renderer
	runs     []*run
}

// find gives the run that the i-th case would repeat, or nil.
func (m *memo) find(i int, k cases.Case) *run {
	type at struct {
		contexts *render.Context
		file     *source.File
	}
	known := map[at]answer{}
	answers := func(q question) bool {
		k := at{&q.contexts[0], q.file}
		a, ok := known[k]
		if !ok {
			a = answerOf(m.renderer.Render(q.file, q.contexts[i]))
			known[k] = a
		}
		return a.equal(q.answer)
	}
	for _, r := range m.runs {
		if r.awkward != k.Awkward || slices.ContainsFunc(r.asked, func(q question) bool { return !answers(q) }) {
			continue
		}
		same := true
		for path, property := range r.invented {
			same = same && k.Invented(path) == property
		}
		if same {
			return r
		}
	}
	return nil
}

// copied is the case with rows of its own.
func (c Case) copied() Case {
	c.Setup = slices.Clone(c.Setup)
	c.Processes = slices.Clone(c.Processes)
	for i := range c.Processes {
		c.Processes[i].Rows = slices.Clone(c.Processes[i].Rows)
	}
	return c
}
