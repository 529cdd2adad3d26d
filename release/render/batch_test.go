package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// awkward are templates that do something to their process.
var awkward = []string{
	`<% def helper = 'x' %><%= helper %>`,
	`<%= helper %>`,
	`<% class String; def upcase = 'no'; end %><%= 'a'.upcase %>`,
	`<%= 'a'.upcase %>`,
	`<% def p(*) = 'mine' %><%= p('web.port') %>`,
	`<%= p('web.port') %>`,
	`<% def Time.now = 'late' %><%= Time.now %>`,
	`<%= Time.now %>`,
	`<% MINE = 1 %><% class Own; def x = 1; end %><%= MINE %>`,
	`<%= defined?(MINE).inspect %><%= defined?(Own).inspect %>`,
	`<% ::MINE = 1 %>`,
	`<%= defined?(::MINE).inspect %>`,
	`<% ENV['MINE'] = 'x' %><%= ENV['MINE'] %>`,
	`<%= ENV['MINE'].inspect %>`,
	`<% $mine = 1 %>`,
	`<%= $mine.inspect %>`,
	`<% @@mine = 1 %>`,
	`<%= self.class.class_variables.inspect %>`,
	`<% $, = '-' %><%= [1, 2].join %>`,
	`<%= [1, 2].join %>`,
	`<% $stdout = nil %>`,
	`<%= $stdout.nil? %>`,
	`<% module Kernel; def blank? = 1; end; class Object; remove_method :presence; end %>`,
	`<%= ''.presence.inspect %>`,
	`<% p('web.hosts') << 'c' %><%= p('web.hosts') %>`,
	`<%= p('web.hosts') %>`,
	`<%= rand(1000) %>`,
	`<% srand(1) %><%= rand(1000) %>`,
	`<% raise 'no' %>`,
	`<% exit! %>`,
	`<% exit %>`,
	`<%= 1 %>`,
	`<%= p('web.port') %>é<%= "\xff".b %>`,
}

func TestBatch(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, webSpec), nil)
	files := []*source.File{}
	for _, text := range append([]string{`<% fork %>forks`, `<% Process.kill(:KILL, Process.ppid) %>`, `<% Process.kill(:TERM, $$); sleep %>`, `<% loop {} %>`}, awkward...) {
		files = append(files, template(text))
	}
	r.Timeout = 3 * time.Second
	together := r.Fresh()
	together.Prepare(files, []Context{c})
	rendered := together.cache.rendered
	for _, f := range files {
		out, err := together.Render(f, c)
		alone, errAlone := r.Fresh().Render(f, c)
		if got, want := fmt.Sprintf("%q %v", out, err), fmt.Sprintf("%q %v", alone, errAlone); got != want {
			t.Errorf("%s\ntogether %s\nalone    %s", f.Data, got, want)
		}
	}
	if together.cache.rendered != rendered || rendered != len(files) {
		t.Errorf("%d templates, %d renderings, then %d", len(files), rendered, together.cache.rendered)
	}
}

func TestParallel(t *testing.T) {
	r := renderer(t)
	j := job(t, webSpec)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 10 {
				port := n % 3
				out, err := r.Render(template(fmt.Sprintf("<%%= p('web.port') %%> %d", n)), NewContext(j, map[string]any{"web": map[string]any{"port": port, "title": i}}))
				if want := fmt.Sprintf("%d %d", port, n); err != nil || string(out) != want {
					t.Errorf("%q, not %s: %v", out, want, err)
				}
			}
		})
	}
	wait.Wait()
}

// Cases that differ in what a template does not ask for are one rendering, and so
// are those that the values before make the same.
func TestPrepare(t *testing.T) {
	r := renderer(t).Fresh()
	j := job(t, webSpec)
	f := template(`<%= p('web.port') == 1 ? p('web.title') : p('web.hosts').first %>`)
	var contexts []Context
	for _, port := range []int{1, 2} {
		for _, title := range []string{"a", "b"} {
			for _, ratio := range []int{1, 2, 3} {
				contexts = append(contexts, NewContext(j, map[string]any{"web": map[string]any{"port": port, "title": title, "ratio": ratio}}))
			}
		}
	}
	r.Prepare([]*source.File{f}, contexts)
	for i, c := range contexts {
		want := []string{"a", "a", "a", "b", "b", "b", "a", "a", "a", "a", "a", "a"}[i]
		if out, err := r.Render(f, c); err != nil || string(out) != want {
			t.Errorf("%d: %q, not %s: %v", i, out, want, err)
		}
	}
	if r.cache.rendered != 3 {
		t.Errorf("%d renderings", r.cache.rendered)
	}
}

func TestTooLarge(t *testing.T) {
	r := renderer(t)
	_, err := r.Render(template(`<%= 'x' * 5_000_000 %>`), NewContext(job(t, webSpec), nil))
	if err == nil || err.Error() != fmt.Sprintf("jobs/web/templates/t.erb:1:1: the template renders to 5000000 bytes, more than the %d that are read", release.MaxFileSize) {
		t.Error(err)
	}
}

func TestDeadServer(t *testing.T) {
	r := renderer(t)
	for range 2 {
		for _, s := range r.pool.idle {
			_ = s.cmd.Process.Kill()
			_, _ = s.cmd.Process.Wait()
		}
		if out, err := r.Fresh().Render(template("<%= 1 %>"), NewContext(job(t, webSpec), nil)); err != nil || string(out) != "1" {
			t.Errorf("%q %v", out, err)
		}
	}
}

// When the program is no more, the pipe to the server closes: it ends, and so does
// the template that it is at.
func TestNothingIsLeft(t *testing.T) {
	r := renderer(t)
	r.Timeout = time.Hour
	pidfile := filepath.Join(t.TempDir(), "pid")
	s := r.pool.idle[0]
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = r.Render(template(fmt.Sprintf("<%% File.write(%q, $$); trap('INT', 'IGNORE'); sleep %%>", pidfile)), NewContext(job(t, webSpec), nil))
	}()
	pid := 0
	for pid == 0 {
		text, _ := os.ReadFile(pidfile)
		pid, _ = strconv.Atoi(string(text))
		time.Sleep(time.Millisecond)
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT) // the terminal tells it, too
	r.pool.mu.Lock()
	r.pool.closed = true
	r.pool.mu.Unlock()
	s.in.Close()
	<-ended
	for i := 0; syscall.Kill(pid, 0) == nil; i++ {
		if i == 5000 {
			t.Fatal("the template is still there")
		}
		time.Sleep(time.Millisecond)
	}
}

// Nor does one stay whose server was killed.
func TestOrphan(t *testing.T) {
	r := renderer(t)
	pidfile := filepath.Join(t.TempDir(), "pid")
	_, err := r.Render(template(fmt.Sprintf("<%% File.write(%q, $$); Process.kill(:KILL, Process.ppid); loop {} %%>", pidfile)), NewContext(job(t, webSpec), nil))
	if err == nil || !strings.Contains(err.Error(), endsProcess) {
		t.Error(err)
	}
	text, _ := os.ReadFile(pidfile)
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; syscall.Kill(pid, 0) == nil; i++ {
		if i == 10000 {
			t.Fatal("the template is still there")
		}
		time.Sleep(time.Millisecond)
	}
}

// An ERB that takes its options by their names only, as that of Ruby 4.0 does, and
// rubies that are none.
func TestStrangeRubies(t *testing.T) {
	renderer(t)
	for _, c := range []struct{ name, script, want string }{
		{"erb 6", "#!/bin/sh\nexec /usr/bin/env PATH=\"$REAL\" ruby -r \"$(dirname \"$0\")/erb6.rb\" \"$@\"\n", ""},
		{"too old", "#!/bin/sh\necho 'old 2.7.8'\n", "it is ruby 2.7.8"},
		{"rubbish", "#!/bin/sh\necho 'hello'\n", `it prints what no ruby prints: "hello"`},
		{"dies", "#!/bin/sh\nexit 3\n", "it ends at once: exit status 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			erb6 := "require 'erb'\nclass ERB\n  alias older initialize\n  def initialize(text, trim_mode: nil, eoutvar: '_erbout') = older(text, trim_mode: trim_mode, eoutvar: eoutvar)\nend\n"
			for name, text := range map[string]string{"ruby": c.script, "erb6.rb": erb6} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("REAL", os.Getenv("PATH"))
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			r, err := New()
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				r.Close()
				return
			}
			if want := filepath.Join(dir, "ruby") + " does not render templates (ruby 3.0 or newer does): " + c.want; err == nil || err.Error() != want {
				t.Errorf("%v, not %s", err, want)
			}
		})
	}
}

// Each ruby of BPMIFY_RUBIES (folders, as in PATH) prints what the one of this
// machine prints, or fails with the same words. scripts/rubies runs it.
func TestRubies(t *testing.T) {
	rubies := os.Getenv("BPMIFY_RUBIES")
	if rubies == "" {
		t.Skip("BPMIFY_RUBIES names none")
	}
	type one struct {
		file    *source.File
		context Context
	}
	var all []one
	own := job(t, webSpec, storeSpec)
	for _, text := range awkward {
		all = append(all, one{template(text), NewContext(own, nil)})
	}
	releases, _ := filepath.Glob("../../examples/*/jobs")
	for _, dir := range releases {
		rel, err := release.Load(filepath.Dir(dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range rel.Jobs {
			files := []*source.File{j.Monit}
			for _, tpl := range j.Spec.Templates {
				if f, err := rel.Read(j.TemplateName(tpl.Source)); err == nil {
					files = append(files, f)
				}
			}
			for _, f := range files {
				for _, fill := range []Fill{AsGiven, Properties, Everything} {
					c := NewContext(j, nil)
					c.Fill = fill
					all = append(all, one{f, c})
				}
			}
		}
	}
	outputs := func(r *Renderer) []string {
		var out []string
		for _, o := range all {
			text, err := r.Render(o.file, o.context)
			out = append(out, fmt.Sprintf("%q %v", text, err))
		}
		return out
	}
	want := outputs(renderer(t))
	path := os.Getenv("PATH")
	for _, ruby := range filepath.SplitList(rubies) {
		t.Run(filepath.Base(ruby), func(t *testing.T) {
			t.Setenv("PATH", ruby+":"+path)
			r := renderer(t)
			for i, got := range outputs(r) {
				if got != want[i] {
					t.Errorf("%s\n%s\ngot  %s\nwant %s", all[i].file.Name, strings.TrimSpace(string(all[i].file.Data)), got, want[i])
				}
			}
			t.Logf("%d renderings", len(all))
		})
	}
}

func BenchmarkRender(b *testing.B) {
	r, err := New()
	if err != nil {
		b.Skip(err)
	}
	defer r.Close()
	c := Context{Job: "web", Defaults: map[string]any{}, Links: map[string]Link{}}
	for i := range 50 {
		c.Defaults[fmt.Sprintf("web.part%d.value%d", i%10, i)] = i
	}
	var files []*source.File
	for i := range 40 {
		files = append(files, template(fmt.Sprintf("<%% if p('web.part%d.value%d') -%%>\n<%%= p('web.part1.value1') %%>\n<%% end -%%>\n%s", i%10, i, strings.Repeat("a line of text\n", 50))))
	}
	b.ResetTimer()
	for range b.N {
		r.Fresh().Prepare(files, []Context{c})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(files)), "ns/rendering")
}
