package cases

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// job loads the job web of a release shop.
func job(t *testing.T, spec string) *release.Job {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	for name, text := range map[string]string{
		"jobs/web/spec": "name: web\ntemplates: {}\n" + spec, "jobs/web/monit": "", "config/final.yml": "name: shop\n",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
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

func file(name, text string) *source.File { return &source.File{Name: name, Data: []byte(text)} }

type props = map[string]any

const spec = `
consumes:
- {name: cache, type: memo, optional: true}
properties:
  port: {default: 80}
  debug: {default: false}
  title: {default: shop}
  driver: {default: mysql}
  tls.cert: {}
  tls.key: {}
  proxy: {}
  hosts: {default: [a]}
  labels: {default: {}}
  peers: {description: an array of addresses}
  limit: {}
  unused: {default: x}
`

func TestConditions(t *testing.T) {
	j := job(t, spec)
	for _, c := range []struct {
		name, text string
		want       map[string]props // by the name of the case
		absent     []string
	}{
		{"if_p", `<% if_p('tls.cert') do |c| %><%= c %><% end.else do %>none<% end %>`,
			map[string]props{"if tls.cert": {"tls": props{"cert": render.Synthesize("tls.cert")}}}, nil},
		{"if_p with a default", `<% if_p('port') do |x| %><%= x %><% end %>`, nil, []string{"if port"}},
		{"nested", `<% if_p('tls.cert') do |c| %><% if p('debug') %><% if_p('proxy') do |x| %>a<% end %><% end %><% end %>`,
			map[string]props{"if proxy": {"debug": true, "proxy": render.Synthesize("proxy"), "tls": props{"cert": render.Synthesize("tls.cert")}}}, nil},
		{"else_if_p", `<% if_p('tls.cert') do %>a<% end.else_if_p('proxy') do |x| %><%= x %><% end %>`,
			map[string]props{"if proxy": {"proxy": render.Synthesize("proxy")}}, nil},
		{"boolean", `<% if p('debug') %>-v<% end %>`, map[string]props{"if debug": {"debug": true}}, []string{"unless debug"}},
		{"printed boolean", `debug=<%= p('debug') %>`, map[string]props{"if debug": {"debug": true}}, nil},
		{"unless", `<% unless p('debug') %><% if_p('proxy') do %>a<% end %><% end %>`, map[string]props{"if proxy": {"proxy": render.Synthesize("proxy")}}, nil},
		{"list", `<% p('hosts').each do |h| %><%= h %><% end %>`,
			map[string]props{"hosts empty": {"hosts": []any{}}, "hosts many": {"hosts": []any{"a", "a-2", "a-3"}}}, []string{"hosts one"}},
		{"list without default", `<%= p('peers').join(',') %>`,
			map[string]props{"peers empty": {"peers": []any{}}, "peers one": {"peers": []any{render.Synthesize("peers.0")}}}, nil},
		{"hash", `<% p('labels').each do |k, v| %><%= k %><% end %>`,
			map[string]props{"labels one": {"labels": props{"key1": render.Synthesize("labels.key1")}}}, []string{"labels empty"}},
		{"literals", `<% if p('driver') == 'mysql' %>a<% elsif p('driver') == 'postgres' %>b<% end %>`,
			map[string]props{"driver is postgres": {"driver": "postgres"}, "driver is another": {"driver": "other-driver"}}, nil},
		{"case", `<% case p('driver') when 'sqlite' %>a<% when 'postgres' %>b<% end %>`,
			map[string]props{"driver is sqlite": {"driver": "sqlite"}, "driver is postgres": {"driver": "postgres"}}, nil},
		{"include", `<% if %w(x y).include?(p('title')) %>a<% end %>`, map[string]props{"title is x": {"title": "x"}, "title is y": {"title": "y"}, "title is another": {"title": "other-title"}}, nil},
		{"pattern", `<% if p('title') =~ /^big$/ %>a<% end %>`, map[string]props{"title is big": {"title": "big"}}, nil},
		{"nil", `<% unless p('proxy', nil).nil? %>a<% end %>`, map[string]props{"if proxy": {"proxy": render.Synthesize("proxy")}}, nil},
		{"properties", `<% if properties.proxy %>a<% end %>`, map[string]props{"if proxy": {"proxy": true}}, nil},
		{"local", "<% mode = p('driver')\n if mode == 'fast' %>a<% end %>", map[string]props{"driver is fast": {"driver": "fast"}}, nil},
		{"empty text", `<% if !p('title').empty? %><%= p('title') %><% end %>`, map[string]props{"title empty": {"title": ""}}, nil},
		{"of a link", `<% if_link('cache') do |l| %><% l.if_p('proxy') do %>x<% end %><%= l.p('title') %><% end %>`, nil, []string{"if proxy", "values with blanks"}},
		{"awkward", `<%= p('title') %> <%= p('port') %> <%= p('limit') %> <%= p('driver') == 'x' %>`,
			map[string]props{"values with blanks": {"title": "title with  blanks"}, "values with quotes": {"title": `it's "title" $b \c`}}, nil},
		{"described as a list and printed", `<% if_p('peers') do |x| %>--peers <%= x %><% end %>`, map[string]props{"if peers": {"peers": render.Synthesize("peers")}}, []string{"peers many", "peers empty"}},
		{"described as a list and handed on", `<%= {'peers' => p('peers')}.to_json %>`, map[string]props{"peers one": {"peers": []any{render.Synthesize("peers.0")}}, "peers empty": {"peers": []any{}}}, nil},
		{"a list that is printed", `<%= p('hosts') %>`, nil, []string{"hosts many", "hosts empty"}},
		{"split", `<% p('peers').split(',').each do |x| %><%= x %><% end %>`, nil, []string{"peers many", "peers empty"}},
		{"Array()", `<% Array(p('limit')).each do |x| %><%= x %><% end %>`, map[string]props{"limit one": {"limit": []any{render.Synthesize("limit.0")}}}, nil},
		{"unreadable", `<% if p('debug') %>`, nil, []string{"if debug"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := map[string]Case{}
			for _, one := range Of(j, nil, []*source.File{file("jobs/web/templates/ctl.erb", c.text)}, nil) {
				if _, twice := got[one.Name]; twice {
					t.Errorf("two cases are called %s", one.Name)
				}
				got[one.Name] = one
			}
			if len(got["defaults"].Properties) != 0 {
				t.Error("the defaults are not there")
			}
			for name, want := range c.want {
				if one, ok := got[name]; !ok {
					t.Errorf("no case %q", name)
				} else if d := cmp.Diff(want, one.Properties); d != "" {
					t.Errorf("%s: %s", name, d)
				}
			}
			for _, name := range c.absent {
				if one, ok := got[name]; ok {
					t.Errorf("%s: %v", name, one.Properties)
				}
			}
			if t.Failed() {
				for name, one := range got {
					t.Logf("%s: %s %v", name, one.Why, one.Properties)
				}
			}
		})
	}
}

// A job that declares no properties sees all of a manifest, by their places.
func TestUndeclared(t *testing.T) {
	j := job(t, "")
	text := "<%= properties.zones.send(name).size %><% plans = properties.plans\n size = plans.small.memory %><%= size %> <% if properties.plans %>x<% end %><% if properties.fast %>f<% end %>"
	all := map[string]props{}
	for _, c := range Of(j, nil, []*source.File{file("t.erb", text)}, nil) {
		all[c.Name] = c.Properties
	}
	want := map[string]props{"defaults": {}, "if plans": {"plans": render.Synthesize("plans")}, "if fast": {"fast": true}, "unless fast": {"fast": false}}
	delete(all, "everything")
	delete(all, "values with blanks")
	delete(all, "values with quotes")
	if d := cmp.Diff(want, all); d != "" {
		t.Error(d)
	}
}

func TestLink(t *testing.T) {
	j := job(t, spec)
	all := Of(j, nil, []*source.File{file("jobs/web/templates/ctl.erb", "\n<% if_link('cache') do |l| %>a<% end %>")}, nil)
	last := all[len(all)-1]
	if last.Name != "link cache" || !reflect.DeepEqual(last.Links, []string{"cache"}) || last.Why != "jobs/web/templates/ctl.erb:2 asks for the link" {
		t.Errorf("%+v", last)
	}
	if last.Context(j).Links["cache"].Absent {
		t.Error("the link is absent")
	}
}

func read1(t *testing.T, name, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(file(name, text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifests(t *testing.T) {
	j := job(t, spec)
	m := read1(t, "manifests/shop.yml", `
name: shop
releases: [{name: shop, version: 1}]
instance_groups:
- name: front
  jobs:
  - name: web
    release: shop
    properties:
      title: the ((name)) shop
      proxy: {user: me, password: hunter2}
      tls: {cert: ((cert)), key: ((key))}
      hosts: [x, y]
      nobody: knows
  - {name: other, release: shop}
`)
	old := read1(t, "manifests/old.yml", `
name: shop
releases: [{name: shop, version: 1}]
resource_pools: [{name: small}]
networks: []
properties: {title: global, port: 1}
jobs:
- name: all
  resource_pool: small
  templates: [{name: web, release: shop}]
  properties: {port: 2}
`)
	all := map[string]props{}
	for _, c := range Of(j, nil, []*source.File{file("t.erb", `<% if_p('tls.cert') do %>a<% end %>`)}, []*manifest.Manifest{m, old}) {
		all[c.Name] = c.Properties
	}
	want := map[string]props{
		"manifests/shop.yml, group front": {"proxy": props{"user": "me", "password": render.Synthesize("proxy.password")}, "title": "the p.title shop", "hosts": []any{"x", "y"},
			"tls": props{"cert": render.Synthesize("tls.cert"), "key": render.Synthesize("tls.key")}},
		"manifests/old.yml, group all": {"title": "global", "port": 2},
		"manifests/shop.yml, group front without tls.cert": {"proxy": props{"user": "me", "password": render.Synthesize("proxy.password")}, "title": "the p.title shop", "hosts": []any{"x", "y"},
			"tls": props{"key": render.Synthesize("tls.key")}},
	}
	for name, w := range want {
		if d := cmp.Diff(w, all[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// There is an end to it, and the same one every time.
func TestManyAndOrdered(t *testing.T) {
	var declared, text strings.Builder
	declared.WriteString("properties:\n")
	for _, a := range "abcdefghij" {
		for _, b := range "abcdefghij" {
			name := string(a) + string(b)
			declared.WriteString("  x." + name + ": {}\n")
			text.WriteString("<% if_p('x." + name + "') do |v| %><%= v %><% end %>\n")
		}
	}
	j := job(t, declared.String())
	first := Of(j, nil, []*source.File{file("t.erb", text.String())}, nil)
	if len(first) != Max {
		t.Errorf("%d cases", len(first))
	}
	if again := Of(j, nil, []*source.File{file("t.erb", text.String())}, nil); !reflect.DeepEqual(first, again) {
		t.Error("another order")
	}
}

// All cases of a job render.
func TestRender(t *testing.T) {
	if _, err := exec.LookPath("ruby"); err != nil && os.Getenv("BPMIFY_REQUIRE_TOOLS") == "" {
		t.Skip("ruby is missing")
	}
	r, err := render.New()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	j := job(t, spec)
	f := file("jobs/web/templates/ctl.erb", `
<% if_p('tls.cert', 'tls.key') do |c, k| %><%= c %> <%= k %><% end %>
<% p('hosts').each do |h| %>--host <%= h %> <% end %><% p('labels').each do |k, v| %>--label <%= k %>=<%= v %> <% end %>
<%= p('peers').map { |x| x['ip'] }.join(',') %> <%= p('title') %>
<% if_link('cache') do |l| %><%= l.address %><% end %>
<% if p('driver') == 'mysql' %>m<% else %>o<% end %>
`)
	for _, c := range Of(j, nil, []*source.File{f}, nil) {
		out, err := r.Render(f, c.Context(j))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		for name, want := range map[string]string{
			"if tls.cert": "p.tls.cert p.tls.key", "hosts many": "--host a --host a-2 --host a-3", "hosts empty": "\n", "labels many": "--label key3=p.labels.key3",
			"peers many": "p.peers.0.ip,", "values with quotes": `it's "title" $b \c`, "link cache": "q-s0.cache.default.dep.bosh", "driver is another": "\no\n",
		} {
			if c.Name == name && !strings.Contains(string(out), want) {
				t.Errorf("%s: %s", name, out)
			}
		}
	}
}

// An ops-file of the release is a case on the first manifest that places the job.
func TestOpsFiles(t *testing.T) {
	j := job(t, spec)
	m := read1(t, "manifests/shop.yml", `
name: shop
releases: [{name: shop, version: 1}]
instance_groups:
- name: front
  jobs:
  - {name: web, release: shop, properties: {title: a shop, hosts: [x]}}
`)
	ops := read1(t, "operations/more.yml", `
- {type: replace, path: "/instance_groups/name=front/jobs/name=web/properties/tls?/cert?", value: ((cert))}
- {type: replace, path: "/instance_groups/name=front/jobs/name=web/properties/hosts/-", value: y}
- {type: replace, path: "/instance_groups/name=front/jobs/name=web/properties/nobody?", value: knows}
- {type: replace, path: "/instance_groups/name=front/jobs/name=other/properties/title", value: not here}
- {type: remove, path: /instance_groups/name=front/jobs/name=web/properties/title}
`)
	added := read1(t, "operations/add.yml", `
- type: replace
  path: /instance_groups/-
  value: {name: web, instances: 1, jobs: [{name: web, release: shop, properties: {limit: 7}}]}
- {type: replace, path: "/properties?/port", value: 81}
`)
	other := read1(t, "operations/other.yml", `[{type: replace, path: "/instance_groups/name=a/jobs/name=other/properties/title", value: x}]`)
	all := map[string]props{}
	for _, c := range Of(j, nil, []*source.File{file("t.erb", `<%= p('limit') %>`)}, []*manifest.Manifest{ops, m, added, other}) {
		all[c.Name] = c.Properties
	}
	for name, w := range map[string]props{
		"operations/more.yml": {"title": "a shop", "hosts": []any{"x", "y"}, "tls": props{"cert": render.Synthesize("tls.cert")}},
		"operations/add.yml":  {"title": "a shop", "hosts": []any{"x"}, "limit": 7, "port": 81},
	} {
		if d := cmp.Diff(w, all[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if p, ok := all["operations/other.yml"]; ok {
		t.Errorf("a file that does not set properties of the job: %v", p)
	}
}
