// Package render renders job templates: with bosh-cli's own renderer and the
// ruby of this machine, on values that a manifest could have. What nobody
// supplied is synthesized, and what changes from one rendering to the next is
// held still, so that two templates can be compared by what they print.
//
// bosh-cli starts a ruby for each template. Here a few rubies stay, which have
// loaded bosh-cli's script, and each request holds many renderings. What
// bosh-cli's context lacks, and the Director's has, is added in context.rb.
//
// Rendering executes the Ruby of the templates, as a deploy does on the Director.
// The package runs no script, writes no file, and decides nothing about the
// values: cases are package cases' business.
package render

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// ErrNoRuby says that there is no ruby to render with.
var ErrNoRuby = errors.New("ruby is needed to render templates: apt-get install ruby (or put ruby into PATH)")

// Renderer renders. It may be used by several goroutines, which render at the
// same time.
type Renderer struct {
	// Timeout bounds one rendering.
	Timeout time.Duration

	pool  *pool
	cache *cache
}

// New makes a renderer. It is ErrNoRuby where there is no ruby, and a *RubyError
// where the one that there is renders nothing.
func New() (*Renderer, error) {
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		return nil, ErrNoRuby
	}
	p, err := newPool(ruby)
	if err != nil {
		return nil, err
	}
	r := &Renderer{Timeout: 20 * time.Second, pool: p, cache: newCache()}
	if err := r.try(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// try renders something that every ruby has to.
func (r *Renderer) try() error {
	given := map[string]any{"a": map[string]any{"b": "c"}}
	out, err := r.Fresh().Render(&source.File{Name: "t.erb", Data: []byte("<% if true -%>\n<%= p('a.b') %>\n<% end -%>\n")}, Context{Properties: given, Defaults: map[string]any{"a.b": nil}})
	var broken *RubyError
	switch {
	case errors.As(err, &broken):
		return broken
	case err != nil:
		_, why, _ := strings.Cut(err.Error(), "does not render: ")
		return &RubyError{Ruby: r.pool.ruby, Why: why}
	case string(out) != "c\n":
		return &RubyError{Ruby: r.pool.ruby, Why: fmt.Sprintf("it makes %q of what is \"c\\n\"", out)}
	}
	return nil
}

// Fresh is a renderer that shares the rubies of this one and has rendered nothing
// yet. What it keeps goes with it, so that a job has one of its own; it is not
// closed.
func (r *Renderer) Fresh() *Renderer {
	return &Renderer{Timeout: r.Timeout, pool: r.pool, cache: newCache()}
}

// Forget drops what was rendered: another job has other templates.
func (r *Renderer) Forget() { r.cache.forget() }

// Close ends the rubies.
func (r *Renderer) Close() { r.pool.close() }

// Render gives what a template prints, which is not to be changed. That it does
// not render is a *source.SyntaxError with the line where Ruby stopped; that
// nothing does is a *RubyError.
func (r *Renderer) Render(f *source.File, c Context) ([]byte, error) {
	res, err := r.render(f, c)
	switch {
	case err != nil:
		return nil, err
	case res.failure != nil:
		return nil, res.failure.at(f)
	}
	return res.out, nil
}

// Synthesized names the properties that a template asked for and nobody
// supplied, in the order in which it did. It renders the template; of one that
// fails they are those up to there.
func (r *Renderer) Synthesized(f *source.File, c Context) []string {
	res, err := r.render(f, c)
	if err != nil {
		return nil
	}
	return res.synthesized
}

// Fit gives a context the least Fill with which as many of the templates render
// as can. Both sides of a comparison need the same one: a condition on what
// nobody supplied holds in one and not in the other.
func (r *Renderer) Fit(files []*source.File, c Context) Context {
	return r.FitAll(files, []Context{c})[0]
}

// FitAll is Fit for each of the contexts, in few requests.
func (r *Renderer) FitAll(files []*source.File, contexts []Context) []Context {
	best := slices.Clone(contexts)
	fewest := make([]int, len(contexts))
	for i := range fewest {
		fewest[i] = len(files) + 1
	}
	for _, fill := range []Fill{AsGiven, Properties, Everything} {
		var filled []Context
		var of []int
		for i, c := range contexts {
			if fewest[i] > 0 && fill >= c.Fill {
				c.Fill = fill
				filled, of = append(filled, c), append(of, i)
			}
		}
		r.Prepare(files, filled)
		for k, c := range filled {
			failed := 0
			for _, f := range files {
				if _, err := r.Render(f, c); err != nil {
					failed++
				}
			}
			if i := of[k]; failed < fewest[i] {
				best[i], fewest[i] = c, failed
			}
		}
	}
	return best
}

// Prepare renders templates with each of the contexts, in few requests. What it
// finds, errors included, is there for Render.
func (r *Renderer) Prepare(files []*source.File, contexts []Context) {
	var all []*rendering
	for _, f := range files {
		for _, c := range contexts {
			if w, err := r.cache.rendering(f, c); err == nil && w != nil {
				all = append(all, w)
			}
		}
	}
	_ = r.renderAll(all)
}

func (r *Renderer) render(f *source.File, c Context) (*result, error) {
	w, err := r.cache.rendering(f, c)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return &result{out: f.Data}, nil
	}
	if err := r.renderAll([]*rendering{w}); err != nil {
		return nil, err
	}
	res := w.known()
	if res == nil {
		return nil, fmt.Errorf("%s: it is rendered and not kept", f.Name)
	}
	return res, nil
}

// seed makes chance the same for all templates of a job.
func seed(job string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(job))
	return h.Sum32()
}
