package render

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func renderer(t *testing.T) *Renderer {
	t.Helper()
	if _, err := exec.LookPath("ruby"); err != nil && os.Getenv("BPMIFY_REQUIRE_TOOLS") == "" {
		t.Skip("ruby is missing")
	}
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func template(text string) *source.File {
	return &source.File{Name: "jobs/web/templates/t.erb", Data: []byte(text)}
}

// job makes a release of spec files by job name, and gives the first job.
func job(t *testing.T, specs ...string) *release.Job {
	t.Helper()
	dir := t.TempDir()
	for i, spec := range specs {
		name := []string{"web", "store"}[i]
		jobDir := filepath.Join(dir, "jobs", name)
		if err := os.MkdirAll(filepath.Join(jobDir, "templates"), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"spec": "name: " + name + "\n" + spec, "monit": ""} {
			if err := os.WriteFile(filepath.Join(jobDir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	rel, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	j := rel.Job("web")
	if j.Err != nil {
		t.Fatal(j.Err)
	}
	return j
}

const webSpec = `
templates: {}
consumes:
- {name: store, type: kv}
- {name: cache, type: memo, optional: true}
properties:
  web.port: {default: 8080}
  web.ratio: {default: 1.0}
  web.title: {default: "the é web"}
  web.hosts: {default: [a, b]}
  web.secret: {}
  web.admin_port: {}
  web.enabled: {}
  web.skip_checks: {}
  web.log_dir: {}
  web.backends: {}
  web.tls.cert: {}
  web.tls.key: {}
`

const storeSpec = `
templates: {}
provides:
- {name: store, type: kv, properties: [kv.port, kv.token]}
properties:
  kv.port: {default: 6000}
  kv.token: {}
`

func TestRender(t *testing.T) {
	r := renderer(t)
	j := job(t, webSpec, storeSpec)
	for _, c := range []struct {
		name, text, want string
		props            map[string]any
		fill             Fill
	}{
		{name: "default", text: `<%= p('web.port') %> <%= p("web.title") %> <%= p('web.ratio') %>`, want: "8080 the é web 1.0"},
		{name: "given", text: `<%= p('web.port') %>`, want: "9", props: map[string]any{"web": map[string]any{"port": 9}}},
		{name: "null is no value", text: `<%= p('web.port') %>`, want: "8080", props: map[string]any{"web": map[string]any{"port": nil}}},
		{name: "trim", text: "<% if true -%>\na\n<% end -%>\n", want: "a\n"},
		{name: "if_p", text: `<% if_p('web.port', 'web.title') do |port, title| %><%= port %><% end.else do %>no<% end %>`, want: "8080"},
		{name: "if_p stays absent", text: `<% if_p('web.secret') do |s| %>yes<% end.else_if_p('web.port') do |x| %><%= x %><% end.else do %>no<% end %>`, want: "8080"},
		{name: "if_p everything", text: `<% if_p('web.secret') do |s| %><%= s %><% end %>`, want: "p.web.secret", fill: Everything},
		{name: "properties", text: `<%= properties.web.port %>,<%= properties.web.secret.inspect %>`, want: "8080,nil"},
		{name: "properties filled", text: `<%= properties.web.secret %>,<%= properties.nothing.inspect %>`, want: "p.web.secret,nil", fill: Properties},
		{name: "spec", text: `<%= spec.networks.default.ip %> <%= spec.networks.send(:other).ip %> <%= spec.address %> <%= spec.ip %> <%= spec.index %> <%= spec.az %> <%= spec.bootstrap %> <%= spec.deployment %> <%= spec.name %> <%= spec.job.name %> <%= spec.persistent_disk %> <%= name %> <%= index %>`,
			want: "10.0.0.10 10.0.0.10 10.0.0.10 10.0.0.10 0 z1 true dep web web 1024 web 0"},
		{name: "spec names", text: `<%= spec.networks.methods(false).grep(/^[a-z]/).join(' ') %> <%= spec.properties.web.port %>`, want: "default 8080"},
		{name: "link of the release", text: `<% l = link('store') %><%= l.p('kv.port') %> <%= l.p('kv.token') %> <%= l.p('kv.none', 3) %> <%= l.address %> <%= l.instances.map(&:address).join %> <%= l.instances.first.bootstrap %> <%= l.properties['kv']['port'] %> <%= l.instances[0].p('kv.port') %>`,
			want: "6000 p.link.store.kv.token 3 q-s0.store.default.dep.bosh 0.store.default.dep.bosh true 6000 6000"},
		{name: "if_link", text: `<% if_link('cache') do |l| %>yes<% end.else do %>no<% end %> <% if_link('store') do |l| %><% l.if_p('kv.port') do |x| %><%= x %><% end %><% l.if_p('kv.token') {} .else do %>no token<% end %><% end %>`,
			want: "no 6000no token"},
		{name: "synthesized", text: `<%= p('web.secret') %> <%= p('web.enabled') %> <%= p('web.skip_checks') %> <%= p('web.log_dir') %>`, want: "p.web.secret true false /var/vcap/data/p.web.log_dir"},
		{name: "synthesized number", text: `<%= Integer(p('web.admin_port')) == p('web.admin_port').to_i && p('web.admin_port') + 1 > 1000 %> <%= {'a' => p('web.admin_port')}.to_json =~ /:\d+}/ ? 1 : 0 %> <%= {'a' => p('web.admin_port')}.to_yaml =~ /: \d+$/ ? 1 : 0 %>`, want: "true 1 1"},
		{name: "synthesized list", text: `<% p('web.backends').each do |b| %>[<%= b %>]<% end %> <%= p('web.backends').map { |b| b.upcase }.join(',') %> <%= p('web.backends').first %> <%= p('web.backends').join %>`,
			want: "[p.web.backends.0] P.WEB.BACKENDS.0 p.web.backends.0 p.web.backends.0"},
		{name: "synthesized hash", text: `<% p('web.backends').each do |k, v| %><%= k %>=<%= v %> <% end %><%= p('web.backends')['host'] %> <%= p('web.backends').fetch('host') %> <%= p('web.backends').keys.inspect %>`,
			want: `key=p.web.backends.key p.web.backends.host p.web.backends.host ["key"]`},
		{name: "synthesized, to others", text: `<%= JSON.parse(p('web.secret')).keys %> <%= URI.parse(p('web.secret')).host %> <%= IPAddr.new(p('web.secret')).ipv4? %> <%= Shellwords.escape(p('web.secret')) %> <%= [p('web.secret')].to_json %> <%= [p('web.secret')].to_yaml %>`,
			want: "[\"key\"] p.web.secret true p.web.secret [\"p.web.secret\"] ---\n- p.web.secret\n"},
		{name: "a given unknown", text: `<%= p('web.secret') %>`, want: "p.web.secret", props: map[string]any{"web": map[string]any{"secret": Synthesize("web.secret")}}},
		{name: "a tree that is unknown", text: `<%= p('web.tls.cert') %>`, want: "p.web.tls.cert", props: map[string]any{"web": map[string]any{"tls": Synthesize("web.tls")}}},
		{name: "p with a default", text: `<%= p('web.secret', 'x') %><%= p(['web.secret', 'web.port']) %>`, want: "x8080"},
		{name: "activesupport", text: `<% require 'active_support/core_ext/object/blank' %><%= ''.blank? %> <%= nil.present? %> <%= p('web.hosts').present? %>`, want: "true false true"},
		{name: "libraries", text: `<% %w[json yaml base64 shellwords ipaddr openssl digest securerandom time uri].each { |l| require l } %><%= Base64.strict_encode64('a') %>`, want: "YQ=="},
		{name: "output is not the protocol's", text: `<% puts 'x'; $stderr.puts 'y'; STDOUT.puts '{}'; system('echo z') %>a<%= $stdin.read.inspect %>`, want: `a""`},
		{name: "awkward", text: `<%= p('web.title') %>`, want: `it's "a" $b \c`, props: map[string]any{"web": map[string]any{"title": `it's "a" $b \c`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			context := NewContext(j, c.props)
			context.Fill = c.fill
			got, err := r.Render(template(c.text), context)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestPresentLink(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, webSpec), nil).Present("cache")
	got, err := r.Render(template(`<% if_link('cache') do |l| %><%= l.p('ttl_text') %><% end %>`), c)
	if err != nil || string(got) != "p.link.cache.ttl_text" {
		t.Errorf("%q %v", got, err)
	}
}

func TestUndeclared(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, "templates: {}\n"), map[string]any{"a": map[string]any{"b": "c"}})
	got, err := r.Render(template(`<%= p('a.b') %> <%= properties.a.b %>`), c)
	if err != nil || string(got) != "c c" {
		t.Errorf("a job without properties: %q %v", got, err)
	}
}

// What differs from one rendering to the next is fixed.
func TestSameEveryTime(t *testing.T) {
	text := `<%= rand(1000) %> <%= SecureRandom.hex %> <%= SecureRandom.uuid %> <%= SecureRandom.random_number(99) %> <%= Random.new.rand(99) %> <%= Random.rand %> <%= (1..99).to_a.shuffle.first %> <%= Time.now.to_f %> <%= Time.now.strftime('%Z') %> <%= Date.today %> <%= Process.pid %> <%= Socket.gethostname %> <%= Dir.pwd.length > 0 %>`
	var outs []string
	for range 2 {
		r := renderer(t)
		out, err := r.Render(template(text), NewContext(job(t, webSpec), nil))
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Render(template(text+" "), NewContext(job(t, webSpec), nil))
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, string(out), strings.TrimSuffix(string(again), " "))
	}
	for _, o := range outs {
		if o != outs[0] {
			t.Errorf("differs:\n%s\n%s", outs[0], o)
		}
	}
	if !strings.Contains(outs[0], " 2024-01-01 4242 fixed-host") {
		t.Error(outs[0])
	}
}

func TestFailures(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, webSpec), nil)
	const at = "jobs/web/templates/t.erb:"
	for _, f := range []struct{ name, text, want string }{
		{"line", "a\n<%= p('web.port') %>\n<%= nil.foo %>\n", at + "3:1: the template does not render: undefined method 'foo' for nil"},
		{"raise", "\n<% raise 'give web.secret' %>", at + "2:1: the template does not render: give web.secret"},
		{"undeclared", "<%= p('web.prot') %>", at + "1:1: the template does not render: Can't find property 'web.prot'"},
		{"link", "<%= link('nope').address %>", at + "1:1: the template does not render: Can't find link 'nope'"},
		{"syntax", "a\n<% if true %>\n<%= ) %>\n<% end %>", at + "3:1: the template does not render: syntax error"},
		{"exit", "a\n<% exit 1 %>", at + "2:1: the template does not render: exit (SystemExit)"},
		{"exit!", "a\n<% exit! %>", at + "1:1: the template does not render: it ends the process that renders it"},
		{"killed", "<% Process.kill(:KILL, $$) %>", at + "1:1: the template does not render: it ends the process that renders it"},
		{"loop", "<% loop {} %>", at + "1:1: the template does not render: it takes longer than 0.3 seconds"},
		{"loop that rescues", "<% begin; sleep; rescue Exception; retry; end %>", at + "1:1: the template does not render: it takes longer than 0.3 seconds"},
		{"deep", "<% def x = x + 1 %>\n<%= x %>", "SystemStackError"},
	} {
		t.Run(f.name, func(t *testing.T) {
			r.Timeout = 30 * time.Second
			if strings.HasPrefix(f.name, "loop") { // it lasts as long as it may
				r.Timeout = 300 * time.Millisecond
			}
			_, err := r.Render(template(f.text), c)
			if err == nil || !strings.Contains(err.Error(), f.want) {
				t.Fatalf("got %v\nwant %s", err, f.want)
			}
			if strings.Contains(err.Error(), "/bosh-bpmify/") {
				t.Errorf("a path of ours is in it: %v", err)
			}
			var syntax *source.SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("%T has no place", err)
			}
			// the server is still there
			if out, err := r.Render(template("<%= 1 %>"+f.name), c); err != nil || string(out) != "1"+f.name {
				t.Errorf("afterwards: %q %v", out, err)
			}
		})
	}
}

func TestSynthesizedNames(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, webSpec), nil)
	got := r.Synthesized(template(`<%= p('web.secret') %><%= p('web.port') %><%= p('web.backends').first %><% if_p('web.tls.key') {} %><%= p('web.tls.cert', 1) %>`), c)
	if want := []string{"web.secret", "web.backends"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestFit(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, webSpec), nil)
	plain, asks, everything := template(`<%= p('web.port') %>`), template(`<%= properties.web.secret.upcase %>`), template(`<% x = nil; if_p('web.secret') { |s| x = s } %><%= x.upcase %>`)
	for _, f := range []struct {
		files []*source.File
		want  Fill
	}{
		{[]*source.File{plain}, AsGiven},
		{[]*source.File{plain, asks}, Properties},
		{[]*source.File{asks, everything}, Everything},
		{[]*source.File{template("<% raise 'x' %>"), asks}, Properties},
	} {
		if got := r.Fit(f.files, c).Fill; got != f.want {
			t.Errorf("fill %d, not %d", got, f.want)
		}
	}
}

// A template is rendered again only when something that it asks for is another.
func TestRenderedOnce(t *testing.T) {
	r := renderer(t)
	j := job(t, webSpec)
	for _, c := range []struct {
		text, name string
		value      any
		again      int
	}{
		{`1<%= p('web.title') %>`, "web.port", 1, 0},
		{`2<%= p('web.title') %>`, "web.title", "x", 1},
		{`3<%= p('web.title', nil) %><% if_p('web.tls.cert') {} %>`, "web.tls.cert", "x", 1},
		{`4<%= p('web.title') %><% if_p('web.tls.cert') {} %>`, "web.tls", Synthesize("web.tls"), 1},
		{`5<%= p('web')['port'] %>`, "web.port", 1, 1},
		{`6<%= properties.web.title %>`, "web.port", 1, 1},
		{`7<%= spec.to_h.to_s.length %>`, "web.port", 1, 1},
		{`8<%= p('web.title') %> <%= spec.index %>`, "web.port", 1, 0},
		{`9<% raise p('web.title') %>`, "web.port", 1, 0},
		{`10<% raise p('web.title') %>`, "web.title", "y", 1},
		{`11<% exit! if p('web.title') == 'a' %>`, "web.title", "a", 1},
	} {
		_, first := r.Render(template(c.text), NewContext(j, nil))
		before := r.cache.rendered
		props := map[string]any{}
		Set(props, c.name, c.value)
		_, second := r.Render(template(c.text), NewContext(j, props))
		if got := r.cache.rendered - before; got != c.again {
			t.Errorf("%s: rendered %d times with another %s (%v, %v)", c.text, got, c.name, first, second)
		}
	}
}

// Properties that the spec has no place for are a failure before the template
// asks for any.
func TestNoContext(t *testing.T) {
	r := renderer(t)
	j := job(t, webSpec)
	f := template(`<%= p('web.port') %>`)
	if out, err := r.Render(f, NewContext(j, map[string]any{"web": map[string]any{"tls": 1}})); err == nil {
		t.Fatalf("%q", out)
	}
	if out, err := r.Render(f, NewContext(j, nil)); err != nil || string(out) != "8080" {
		t.Errorf("%q %v", out, err)
	}
}

// The text of a failure has no object, no address and no value of a manifest in it,
// and is the same with each ruby.
func TestFailureTexts(t *testing.T) {
	r := renderer(t)
	given := map[string]any{"web": map[string]any{
		"secret": "s3cr3t-w0rd", "title": "a title", "port": 31337, "hosts": []any{"alpha.example.com", "beta"}, "tls": map[string]any{"cert": "BEGIN\nline two\n"},
	}}
	c := NewContext(job(t, webSpec), given)
	for _, f := range []struct{ text, want string }{
		{`<%= p('web.secret').nope %>`, "undefined method 'nope' for an instance of String (NoMethodError)"},
		{`<%= p('web.enabled').nope(1) %>`, "undefined method 'nope' for true (NoMethodError)"},
		{`<%= p('web.admin_port').nope(1) %>`, "undefined method 'nope' for an instance of String (NoMethodError)"},
		{`<%= p('web.hosts').nope %>`, "undefined method 'nope' for an instance of Array (NoMethodError)"},
		{`<%= p('web').nope %>`, "undefined method 'nope' for an instance of Hash (NoMethodError)"},
		{`<%= properties.web.nope(1) %>`, "undefined method 'nope' for an instance of OpenStruct (NoMethodError)"},
		{`<%= 31337.nope %>`, "undefined method 'nope' for an instance of Integer (NoMethodError)"},
		{`<%= JSON.nope %>`, "undefined method 'nope' for module JSON (NoMethodError)"},
		{`<%= Class.new.new.nope %>`, "undefined method 'nope' for an instance of a class without a name (NoMethodError)"},
		{`<%= BasicObject.new.nope %>`, "undefined method 'nope' for an instance of BasicObject (NoMethodError)"},
		{`<%= nope %>`, "undefined local variable or method 'nope' (NameError)"},
		{`<%= nope() %>`, "undefined method 'nope' (NoMethodError)"},
		{`<%= nil.puts %>`, "private method 'puts' called for nil (NoMethodError)"},
		{`<%= Nope %>`, "uninitialized constant Nope (NameError)"},
		{`<%= JSON::Nope %>`, "uninitialized constant JSON::Nope (NameError)"},
		{`<%= p('web.secret').dup.freeze << 'x' %>`, "can't modify frozen String (FrozenError)"},
		{`<%= Integer(p('web.secret')) %>`, "invalid value for Integer() (ArgumentError)"},
		{`<%= {}.fetch(p('web.secret')) %>`, `key not found: "(the value of web.secret)" (KeyError)`},
		{`<%= JSON.parse(p('web.secret')) %>`, "the text is not JSON (ParserError)"},
		{`<%= YAML.load('{' + p('web.secret')) %>`, "the text is not YAML (SyntaxError)"},
		{`<%= URI.parse('a b' + p('web.secret')) %>`, "the text is not a URI (InvalidURIError)"},
		{`<%= IPAddr.new(p('web.secret')) %>`, "the text is not an IP address (InvalidAddressError)"},
		{`<%= File.read('/nowhere/' + p('web.secret')) %>`, "No such file or directory: /nowhere/(the value of web.secret) (ENOENT)"},
		{`<% raise "port #{p('web.port')} of #{p('web.hosts').first}, not a title" %>`, "port (the value of web.port) of (the value of web.hosts), not a title"},
		{`<% raise "give one: #{p('web.tls.cert')}" %>`, "give one: (the value of web.tls.cert)"},
		{`<% raise "unknown: #{properties.web.inspect}!" %>`, "unknown: an instance of OpenStruct!"},
		{`<% raise "unknown: #{self.inspect}" %>`, "unknown: an instance of TemplateEvaluationContext"},
		{`<% raise "unknown: #{p('web').inspect}." %>`, "unknown: a hash."},
		{`<% raise "unknown: #{p('web.hosts')}" %>`, "unknown: a list"},
		{`<% raise "unknown: #{Object.new}" %>`, "unknown: an instance of Object"},
		{`<% raise "unknown: #{->{}}" %>`, "unknown: an instance of Proc"},
		{`<% raise "line one\nline two" %>`, "line one"},
		{`<% raise '' %>`, "RuntimeError"},
		{"<%= ) %>", "syntax error, unexpected ')'"},
	} {
		_, err := r.Render(template(f.text), c)
		if want := "jobs/web/templates/t.erb:1:1: the template does not render: " + f.want; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", f.text, err, want)
		}
	}
}

func TestNoRuby(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New()
	if err == nil || err.Error() != "ruby is needed to render templates: apt-get install ruby (or put ruby into PATH)" {
		t.Errorf("%v", err)
	}
}

// A program called ruby that is none.
func TestOtherRuby(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ruby"), []byte("#!/bin/sh\necho 'no ruby here' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	_, err := New()
	if err == nil || !strings.Contains(err.Error(), "3.0 or newer") || !strings.Contains(err.Error(), "no ruby here") {
		t.Errorf("%v", err)
	}
}

// A rendering takes less time than starting ruby does.
func TestQuick(t *testing.T) {
	r := renderer(t)
	c := NewContext(job(t, webSpec), nil)
	const n = 20
	var rendering, starting time.Duration
	for i := range n {
		start := time.Now()
		if _, err := r.Render(template("<%= p('web.port') %>"+strings.Repeat(" ", i)), c); err != nil {
			t.Fatal(err)
		}
		rendering += time.Since(start)
		start = time.Now()
		if err := exec.Command("ruby", "-e", "%w[json yaml erb ostruct].each { |l| require l }").Run(); err != nil {
			t.Fatal(err)
		}
		starting += time.Since(start)
	}
	t.Logf("%s a rendering, %s to start ruby", rendering/n, starting/n)
	if rendering > starting {
		t.Errorf("%s a rendering, and %s to start ruby", rendering/n, starting/n)
	}
}
