package render

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloudfoundry/bosh-cli/v7/templatescompiler/erbrenderer"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
	boshsys "github.com/cloudfoundry/bosh-utils/system"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

//go:embed *.rb
var scripts embed.FS

// RubyError says that nothing can be rendered, whatever the template: there is a
// ruby, and it does not do it.
type RubyError struct {
	// Ruby is where it is.
	Ruby string
	// Why is a line.
	Why string
}

func (e *RubyError) Error() string {
	return fmt.Sprintf("%s does not render templates (ruby %s or newer does): %s", e.Ruby, oldest, e.Why)
}

const (
	// oldest is the first ruby that reads the server's scripts.
	oldest = "3.0"
	// greeting is GREETING of the server, the first that it prints.
	greeting = "bosh-bpmify renders with ruby"
	// starting bounds how long a ruby takes to get ready; its libraries may come
	// from a slow disk.
	starting = time.Minute
	// endsProcess is the error of a template that does not leave its process alive.
	endsProcess = "it ends the process that renders it"
	// grace is how long a server may take, beyond what a rendering may, to say that
	// it took too long.
	grace = 10 * time.Second
)

// boot is what ruby is started with: it loads the scripts that come through its
// input, of which the last serves until that ends. Rubies since 1.9 read it.
const boot = `
STDIN.binmode
if RUBY_VERSION.to_i < 3
  STDOUT.puts "old #{RUBY_VERSION}"
  exit
end
while (line = STDIN.gets) && (name, size = line.split).size == 2
  eval(STDIN.read(size.to_i).force_encoding("UTF-8"), TOPLEVEL_BINDING, name)
end
`

// pool are the rubies that render, as many as there are cores. They are started
// when they are needed, and stay.
type pool struct {
	ruby string
	// input is what a server is given first: its scripts.
	input []byte
	slots chan struct{}

	mu     sync.Mutex
	idle   []*server
	closed bool
}

func newPool(ruby string) (*pool, error) {
	script, err := boshScript()
	if err != nil {
		return nil, err
	}
	p := &pool{ruby: ruby, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	for _, name := range []string{"server.rb", "failure.rb", "fixed.rb", "synthesized.rb", "", "context.rb", "traces.rb", "start.rb"} {
		text := []byte(script)
		if name == "" {
			name = "erb-render.rb"
		} else if text, err = scripts.ReadFile(name); err != nil {
			return nil, err
		}
		p.input = append(fmt.Appendf(p.input, "bosh-bpmify/%s %d\n", name, len(text)), text...)
	}
	return p, nil
}

// memory is the files that bosh-cli's renderer writes, kept.
type memory struct {
	boshsys.FileSystem
	// script is the first of them.
	script string
}

func (*memory) TempDir(string) (string, error) { return "", nil }
func (*memory) RemoveAll(string) error         { return nil }
func (m *memory) WriteFileString(_, text string) error {
	if m.script == "" {
		m.script = text
	}
	return nil
}

// nothing is a runner that runs nothing.
type nothing struct{ boshsys.CmdRunner }

func (nothing) RunComplexCommand(boshsys.Command) (stdout, stderr string, status int, err error) {
	return "", "", 0, nil
}

// boshScript is bosh-cli's own script, which it writes to a file for each
// template.
func boshScript() (string, error) {
	var m memory
	err := erbrenderer.NewERBRenderer(&m, nothing{}, boshlog.NewLogger(boshlog.LevelNone)).Render("", "", noContext{})
	if err != nil || m.script == "" {
		return "", fmt.Errorf("bosh-cli renders in a way that is not known: %v", err)
	}
	return m.script, nil
}

type noContext struct{}

func (noContext) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// take gives a server that nobody else has until it is given back.
func (p *pool) take() (*server, error) {
	p.slots <- struct{}{}
	p.mu.Lock()
	var s *server
	if n := len(p.idle); n > 0 {
		s, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	closed := p.closed
	p.mu.Unlock()
	var err error
	switch {
	case closed:
		err = errors.New("the renderer is closed")
	case s == nil:
		s, err = p.start()
	}
	if err != nil {
		<-p.slots
		return nil, err
	}
	return s, nil
}

// give takes a server back, or nil for one that is no more.
func (p *pool) give(s *server) {
	p.mu.Lock()
	if s != nil && p.closed {
		s.stop()
	} else if s != nil {
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	<-p.slots
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.idle {
		s.stop()
	}
	p.idle = nil
}

// render answers a request. One that a server does not survive is given to another
// one, alone; when that ends, too, it is given up, and the next goes on behind it; with nothing to go on with, the error says so
// and the rest has no replies.
func (p *pool) render(b *batch, timeout time.Duration) ([]reply, error) {
	var replies []reply
	alone := -1
	for len(replies) < len(b.renderings) {
		s, err := p.take()
		if err != nil {
			return replies, err
		}
		first, end := len(replies), len(b.renderings)
		if first == alone {
			end = first + 1
		}
		more, lost := s.render(b.part(first, end), timeout)
		if n := len(more); lost && more[n-1].Error == endsProcess && first != alone {
			// the server may have been dead before, or the next one has ended it
			more = more[:n-1]
			alone = first + len(more)
		}
		replies = append(replies, more...)
		if lost {
			s.stop()
			s = nil
		}
		p.give(s)
	}
	return replies, nil
}

// server is a ruby that renders.
type server struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors tail
}

// tail keeps the beginning of what a ruby that ends says.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if room := 4096 - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// start starts a ruby and has it load the scripts.
func (p *pool) start() (*server, error) {
	fail := func(format string, args ...any) (*server, error) {
		return nil, &RubyError{Ruby: p.ruby, Why: fmt.Sprintf(format, args...)}
	}
	s := &server{cmd: exec.Command(p.ruby, "-W0", "-E", "UTF-8:UTF-8", "-e", boot)}
	s.cmd.Stderr = &s.errors
	s.cmd.WaitDelay = time.Second
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return fail("%v", err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return fail("%v", err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return fail("%v", err)
	}
	guard := time.AfterFunc(starting, func() { _ = s.cmd.Process.Kill() })
	_, writing := s.in.Write(p.input)
	line, reading := s.out.ReadString('\n')
	late := !guard.Stop()
	if _, ok := strings.CutPrefix(line, greeting+" "); ok && writing == nil && !late {
		return s, nil
	}
	version, old := strings.CutPrefix(strings.TrimSpace(line), "old ")
	s.in.Close()
	_ = s.cmd.Process.Kill()
	ended := s.cmd.Wait()
	said, _, _ := strings.Cut(strings.TrimSpace(s.errors.String()), "\n")
	switch {
	case late:
		return fail("it is not ready within %s", starting)
	case old:
		return fail("it is ruby %s", version)
	case said != "":
		return fail("%s", said)
	case reading == nil:
		return fail("it prints what no ruby prints: %.60q", strings.TrimSpace(line))
	case ended != nil:
		return fail("it ends at once: %v", ended)
	}
	return fail("it ends at once")
}

// stop ends a server, which ends with its input and takes the template along that
// it is at.
func (s *server) stop() {
	s.in.Close()
	guard := time.AfterFunc(time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	guard.Stop()
}

// batch is a request. The renderings say which of the blobs are the template, the
// context without properties, and the properties; then come the fill, and 1 for a
// template that may look at properties other than by their names.
type batch struct {
	blobs      [][]byte
	renderings [][5]int
	at         map[string]int
}

// blob gives the number of a text of the request.
func (b *batch) blob(text []byte) int {
	if b.at == nil {
		b.at = map[string]int{}
	}
	n, ok := b.at[string(text)]
	if !ok {
		n = len(b.blobs)
		b.at[string(text)] = n
		b.blobs = append(b.blobs, text)
	}
	return n
}

// part has some of the renderings.
func (b *batch) part(first, end int) *batch {
	if first == 0 && end == len(b.renderings) {
		return b
	}
	var rest batch
	for _, r := range b.renderings[first:end] {
		for i := range r[:3] {
			r[i] = rest.blob(b.blobs[r[i]])
		}
		rest.renderings = append(rest.renderings, r)
	}
	return &rest
}

// request is what the server is sent.
func (b *batch) request(timeout time.Duration) ([]byte, error) {
	sizes := make([]int, len(b.blobs))
	for i, blob := range b.blobs {
		sizes[i] = len(blob)
	}
	head, err := json.Marshal(map[string]any{"sizes": sizes, "renderings": b.renderings, "timeout": timeout.Seconds(), "limit": release.MaxFileSize})
	if err != nil {
		return nil, err
	}
	return append(append(head, '\n'), bytes.Join(b.blobs, nil)...), nil
}

// reply is what there is to say of a rendering.
type reply struct {
	Error string
	Class string
	Line  int
	Size  int // of what is too large
	// Unasked says that it failed before the template asked for anything.
	Unasked     bool
	Synthesized []string
	LookedUp    []string `json:"looked_up"`

	out []byte
}

// at makes an error of it, with its place in the template.
func (p *reply) at(f *source.File) error {
	at := source.Span{File: f}
	if p.Size > 0 {
		return source.Errorf(at, "the template renders to %d bytes, more than the %d that are read", p.Size, release.MaxFileSize)
	}
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

// render has the server render. lost says that the server is of no
// more use; what it was at then has a reply, too.
func (s *server) render(b *batch, timeout time.Duration) (replies []reply, lost bool) {
	request, err := b.request(timeout)
	if err != nil {
		return []reply{{Error: err.Error()}}, true
	}
	guard := time.AfterFunc(timeout+grace, func() { _ = s.cmd.Process.Kill() })
	defer func() { guard.Stop() }()
	_, err = s.in.Write(request)
	for len(replies) < len(b.renderings) {
		var r reply
		var ends bool
		if err == nil {
			r, ends, err = s.read()
		}
		late := !guard.Reset(timeout + grace)
		switch {
		case late:
			return append(replies, reply{Error: fmt.Sprintf("it takes longer than %g seconds to render", timeout.Seconds())}), true
		case err != nil:
			return append(replies, reply{Error: endsProcess}), true
		}
		replies = append(replies, r)
		if ends {
			return replies, true
		}
	}
	return replies, false
}

// read reads a reply. One that begins with an e is the last of this server.
func (s *server) read() (r reply, ends bool, err error) {
	line, err := s.out.ReadString('\n')
	if err != nil {
		return r, false, err
	}
	parts := strings.Fields(line)
	if len(parts) != 3 {
		return r, false, fmt.Errorf("no reply: %.60q", line)
	}
	head, err1 := strconv.Atoi(parts[1])
	size, err2 := strconv.Atoi(parts[2])
	if err := errors.Join(err1, err2); err != nil {
		return r, false, err
	}
	if head < 0 || size < 0 || size > release.MaxFileSize {
		return r, false, fmt.Errorf("no reply: %.60q", line)
	}
	text := make([]byte, head+size)
	if _, err := io.ReadFull(s.out, text); err != nil {
		return r, false, err
	}
	if err := json.Unmarshal(text[:head], &r); err != nil {
		return r, false, err
	}
	r.out = text[head:len(text):len(text)]
	return r, parts[0] == "e", nil
}
