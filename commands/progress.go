package commands

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/mattn/go-isatty"
)

// progress shows on a terminal what a long run is at; nowhere else.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	releases int
	finished int
	shown    int
}

// newProgress shows the progress on standard error when that is a terminal and
// there is a person to read it.
func newProgress(env *environment, releases int) *progress {
	p := &progress{releases: releases}
	if f, ok := env.stderr.(*os.File); ok && isatty.IsTerminal(f.Fd()) && !env.json {
		p.w = f
	}
	return p
}

// job says which job is being worked on.
func (p *progress) job(dir, job string, n, of int) {
	text := fmt.Sprintf("job %d of %d: %s", n, of, job)
	if p.releases > 1 {
		p.mu.Lock()
		text = fmt.Sprintf("release %d of %d: %s, %s", min(p.finished+1, p.releases), p.releases, dir, text)
		p.mu.Unlock()
	}
	p.show(text)
}

// release counts one that is finished.
func (p *progress) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished++
}

func (p *progress) show(text string) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := []rune(text)
	if len(r) > 78 {
		r = append(r[:77], '…')
	}
	fmt.Fprintf(p.w, "\r%s%s", string(r), strings.Repeat(" ", max(0, p.shown-len(r))))
	p.shown = len(r)
}

// clear makes room for other lines.
func (p *progress) clear() { p.done() }

// done takes the line away.
func (p *progress) done() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown > 0 {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.shown))
		p.shown = 0
	}
}
