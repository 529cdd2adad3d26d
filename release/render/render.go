// Package render renders job templates: with bosh-cli's own renderer and the
// ruby of this machine, on values that a manifest could have. What nobody
// supplied is synthesized, and what changes from one rendering to the next is
// held still, so that two templates can be compared by what they print.
//
// bosh-cli starts a ruby for each template. Here it is given a runner that hands
// its arguments to one server instead, which has loaded bosh-cli's script and
// forks for each rendering. What bosh-cli's context lacks, and the Director's
// has, is added in context.rb.
//
// Rendering executes the Ruby of the templates, as a deploy does on the Director.
// The package runs no script, and decides nothing about the values: cases are
// package cases' business.
package render

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/cloudfoundry/bosh-cli/v7/templatescompiler/erbrenderer"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
	boshsys "github.com/cloudfoundry/bosh-utils/system"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

//go:embed *.rb
var scripts embed.FS

// ErrNoRuby says that there is no ruby to render with.
var ErrNoRuby = errors.New("ruby is needed to render templates: apt-get install ruby (or put ruby into PATH)")

// Renderer renders. It may be used by several goroutines; they take turns.
type Renderer struct {
	// Timeout bounds one rendering.
	Timeout time.Duration

	mu      *sync.Mutex
	dir     string
	cli     erbrenderer.ERBRenderer
	server  *server
	results map[key][]result
	// rendered counts what ruby rendered.
	rendered int
}

// key is what a rendering depends on, the properties left out.
type key struct{ text, context string }

type result struct {
	// properties are those that it was rendered with, lookedUp the names that it
	// asked for; whole says that it may have seen all of them.
	properties map[string]any
	lookedUp   []string
	whole      bool

	out         []byte
	failure     *reply
	synthesized []string
}

// New starts a renderer. It is ErrNoRuby where there is none.
func New() (*Renderer, error) {
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		return nil, ErrNoRuby
	}
	dir, err := os.MkdirTemp("", "bosh-bpmify-render")
	if err != nil {
		return nil, fmt.Errorf("making a folder for renderings: %w", err)
	}
	r := &Renderer{Timeout: 20 * time.Second, dir: dir, mu: new(sync.Mutex), results: map[key][]result{}}
	if err := r.start(ruby); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Renderer) start(ruby string) error {
	lib := filepath.Join(r.dir, "lib")
	if err := os.Mkdir(lib, 0o700); err != nil {
		return err
	}
	err := fs.WalkDir(scripts, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := scripts.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(lib, name), text, 0o600)
	})
	if err != nil {
		return fmt.Errorf("writing the scripts of the renderer: %w", err)
	}
	if r.server, err = serve(ruby, r.dir, filepath.Join(lib, "server.rb")); err != nil {
		return err
	}
	log := boshlog.NewLogger(boshlog.LevelNone)
	files := boshsys.NewOsFileSystem(log)
	work := filepath.Join(r.dir, "work")
	if err := files.ChangeTempRoot(work); err != nil {
		return fmt.Errorf("making a folder for renderings: %w", err)
	}
	r.cli = erbrenderer.NewERBRenderer(files, r.server, log)
	return nil
}

// Fresh is a renderer that shares the rubies of this one and has rendered nothing
// yet. What it keeps goes with it, so that a job has one of its own; it is not
// closed.
func (r *Renderer) Fresh() *Renderer {
	return &Renderer{Timeout: r.Timeout, dir: r.dir, cli: r.cli, server: r.server, mu: r.mu, results: map[key][]result{}}
}

// Prepare renders templates with each of the contexts, in few requests. What it
// finds, errors included, is there for Render.
func (r *Renderer) Prepare(files []*source.File, contexts []Context) {
	for _, c := range contexts {
		for _, f := range files {
			_, _ = r.Render(f, c)
		}
	}
}

// FitAll is Fit for each of the contexts, in few requests.
func (r *Renderer) FitAll(files []*source.File, contexts []Context) []Context {
	fitted := make([]Context, len(contexts))
	for i, c := range contexts {
		fitted[i] = r.Fit(files, c)
	}
	return fitted
}

// Forget drops what was rendered: another job has other templates.
func (r *Renderer) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.results)
}

// Close ends the server and removes its folder.
func (r *Renderer) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		r.server.stop()
	}
	os.RemoveAll(r.dir)
}

// Render gives what a template prints. That it does not render is a
// *source.SyntaxError with the line where Ruby stopped.
func (r *Renderer) Render(f *source.File, c Context) ([]byte, error) {
	res, err := r.render(f, c)
	if err != nil {
		return nil, err
	}
	if res.failure != nil {
		return nil, res.failure.at(f)
	}
	return bytes.Clone(res.out), nil
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
	best, fewest := c, len(files)+1
	for _, fill := range []Fill{AsGiven, Properties, Everything} {
		if fill < c.Fill {
			continue
		}
		with := c
		with.Fill = fill
		failed := 0
		for _, f := range files {
			if _, err := r.Render(f, with); err != nil {
				failed++
			}
		}
		if failed < fewest {
			best, fewest = with, failed
		}
		if failed == 0 {
			break
		}
	}
	return best
}

func (r *Renderer) render(f *source.File, c Context) (result, error) {
	if !bytes.Contains(f.Data, []byte("<%")) {
		return result{out: f.Data}, nil
	}
	context, err := json.Marshal(c)
	if err != nil {
		return result{}, fmt.Errorf("%s: its properties cannot be given to ruby: %w", f.Name, err)
	}
	with := c
	with.Properties = map[string]any{}
	without, err := json.Marshal(with)
	if err != nil {
		return result{}, fmt.Errorf("%s: its properties cannot be given to ruby: %w", f.Name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{string(f.Data), string(without)}
	for _, res := range r.results[k] {
		if res.holds(c.Properties) {
			return res, nil
		}
	}
	r.rendered++
	src, dst := filepath.Join(r.dir, "template"), filepath.Join(r.dir, "rendered")
	if err := os.WriteFile(src, f.Data, 0o600); err != nil {
		return result{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	if err := os.WriteFile(dst, nil, 0o600); err != nil {
		return result{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	r.server.last = nil
	r.server.timeout = r.Timeout
	err = r.cli.Render(src, dst, marshaled(context))
	res := result{properties: c.Properties, whole: sees.Match(f.Data)}
	last := r.server.last
	switch {
	case last == nil:
		return result{}, fmt.Errorf("%s: %w", f.Name, err)
	case last.Error != "":
		res.failure = last
	default:
		if info, err := os.Stat(dst); err == nil && info.Size() > release.MaxFileSize {
			return result{}, fmt.Errorf("%s: it renders to %d bytes, more than the %d that are read", f.Name, info.Size(), release.MaxFileSize)
		}
		if res.out, err = os.ReadFile(dst); err != nil {
			return result{}, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	res.synthesized, res.lookedUp = last.Synthesized, last.LookedUp
	res.whole = res.whole || last.Class == "" && last.Error != "" // it did not tell
	r.results[k] = append(r.results[k], res)
	return res, nil
}

// sees finds templates that may look at properties other than by their names.
var sees = search.MustCompile(`properties|\bspec\s*(?:[^.\s]|\.(?:to_|each|inspect|dig|send|methods|\[))|\b(?:eval|binding|self|instance_\w+|method|__send__|public_send|ObjectSpace|lookup_property)\b`)

// holds says whether the template prints the same with other properties: those
// that it asked for are the same.
func (res *result) holds(properties map[string]any) bool {
	if res.whole {
		return reflect.DeepEqual(res.properties, properties)
	}
	for _, name := range res.lookedUp {
		before, restBefore := reach(res.properties, name)
		now, restNow := reach(properties, name)
		if restBefore != restNow || !reflect.DeepEqual(before, now) {
			return false
		}
	}
	return true
}

// reach goes along a dotted name as far as there are mappings, and gives what it
// comes to and what is left of the name.
func reach(properties map[string]any, name string) (any, string) {
	var v any = properties
	for name != "" {
		if v == nil {
			return nil, ""
		}
		if _, ok := IsSynthesized(v); ok {
			return v, name
		}
		h, ok := v.(map[string]any)
		if !ok {
			return v, name
		}
		part, rest, _ := strings.Cut(name, ".")
		v, name = h[part], rest
	}
	return v, ""
}

// marshaled is a context for bosh-cli, which wants to write it itself.
type marshaled []byte

func (m marshaled) MarshalJSON() ([]byte, error) { return m, nil }

// request and reply are the lines that go to the server and come back.
type request struct {
	Script  string  `json:"script"`
	Context string  `json:"context"`
	Src     string  `json:"src"`
	Dst     string  `json:"dst"`
	Timeout float64 `json:"timeout"` // seconds
}

type reply struct {
	Error       string
	Class       string
	Line        int
	Synthesized []string
	LookedUp    []string `json:"looked_up"`
}

// at makes an error of it, with its place in the template.
func (p *reply) at(f *source.File) error {
	at := source.Span{File: f}
	if p.Line > 0 {
		at.Start = f.Offset(p.Line, 1)
		at.End = at.Start + len(strings.TrimRight(string(f.Data[at.Start:f.LineEnd(at.Start)]), "\r\n"))
	}
	text := p.Error
	if p.Class != "" && p.Class != "UnknownProperty" && p.Class != "UnknownLink" && p.Class != "RuntimeError" {
		text += " (" + p.Class + ")"
	}
	return source.Errorf(at, "the template does not render: %s", text)
}

// server is the ruby that renders, in the place of one that bosh-cli would
// start for each template: of a runner, its renderer uses RunComplexCommand only.
type server struct {
	boshsys.CmdRunner

	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	errors  bytes.Buffer
	timeout time.Duration
	// last is the reply to the last request.
	last *reply
}

func serve(ruby, dir, script string) (*server, error) {
	s := &server{cmd: exec.Command(ruby, "-W0", "-E", "UTF-8:UTF-8", script)}
	s.cmd.Dir = dir
	s.cmd.Stderr = &s.errors
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.in, s.out = in, bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s to render templates: %w", ruby, err)
	}
	return s, nil
}

func (s *server) stop() {
	s.in.Close()
	// it ends with its input, unless a template runs: that is not waited for
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.cmd.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(time.Second):
		_ = s.cmd.Process.Kill()
		<-ended
	}
}

// RunComplexCommand has the server render: the arguments are those that
// bosh-cli gives ruby.
func (s *server) RunComplexCommand(c boshsys.Command) (stdout, stderr string, status int, err error) {
	if c.Name != "ruby" || len(c.Args) != 4 {
		return "", "", 1, fmt.Errorf("bosh-cli renders in a way that is not known: %s %s", c.Name, strings.Join(c.Args, " "))
	}
	line, err := json.Marshal(request{c.Args[0], c.Args[1], c.Args[2], c.Args[3], s.timeout.Seconds()})
	if err != nil {
		return "", "", 1, err
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		return "", "", 1, s.ended(err)
	}
	text, err := s.out.ReadBytes('\n')
	if err != nil {
		return "", "", 1, s.ended(err)
	}
	var p reply
	if err := json.Unmarshal(text, &p); err != nil {
		return "", "", 1, fmt.Errorf("reading what ruby rendered: %w", err)
	}
	s.last = &p
	if p.Error != "" {
		return "", "", 1, errors.New(p.Error)
	}
	return "", "", 0, nil
}

// ended is the error of a server that is no more.
func (s *server) ended(err error) error {
	s.in.Close()
	_ = s.cmd.Wait()
	text, _, _ := strings.Cut(strings.TrimSpace(s.errors.String()), "\n")
	if text == "" {
		text = err.Error()
	}
	return fmt.Errorf("ruby (3.0 or newer is needed) does not render templates: %s", text)
}

// seed makes chance the same for all templates of a job.
func seed(job string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(job))
	return h.Sum32()
}
