package cases

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// What is made up for a property without a value, by what the templates do with
// it, its description and its example. nil: what its name says.
func TestMade(t *testing.T) {
	for _, c := range []struct {
		name, property, text string
		want                 any
	}{
		{"a path behind an option of URLs", "metrics_path: {}", `run --web.telemetry-path="<%= p('metrics_path') %>"`, "/p.metrics_path"},
		{"a path behind a host", "base_path: {}", `URL=http://localhost:<%= p('port') %><%= p('base_path') %>`, "/p.base_path"},
		{"a path that is described as a URL's", "x_path: {description: Path under which to expose metrics}", `run -x "<%= p('x_path') %>"`, "/p.x_path"},
		{"a path that nothing is known of", "x_path: {}", `run -x <%= p('x_path') %>`, nil},
		{"a path that a folder is made of", "x_path: {}", `mkdir -p <%= p('x_path') %>`, "/var/vcap/data/p.x_path"},
		{"by a variable", "x_path: {}", "X=<%= p('x_path') %>\nmkdir -p $X\n", "/var/vcap/data/p.x_path"},
		{"a path that is described as a file", "x_path: {description: the file with the rules}", `run -x <%= p('x_path') %>`, "/var/vcap/data/p.x_path"},
		{"a path that Ruby reads", "x_path: {}", `<% if File.exist?(p('x_path')) %>x<% end %>`, "/var/vcap/data/p.x_path"},
		{"a folder", "data_dir: {}", `run --data <%= p('data_dir') %>`, nil},
		{"the name of a file", "log_file: {}", `run --log /var/vcap/sys/log/web/<%= p('log_file') %>`, "p.log_file"},
		{"an example", "level: {example: warn}", `run --level <%= p('level') %>`, "warn"},
		{"an example that is a list and is printed", "hosts: {example: [a, b]}", `run --hosts <%= p('hosts') %>`, nil},
		{"an example that is a list", "hosts: {example: [a, b]}", `run --hosts <%= p('hosts').join(',') %>`, []any{"a", "b"}},
		{"an example that is a text and is a list", "hosts: {example: 'a,b'}", `run --hosts <%= p('hosts').join(',') %>`, nil},
		{"an example that is a number", "limit: {example: 5}", `run --limit <%= p('limit') %>`, 5},
		{"an example over lines", "cert: {example: \"a\\nb\"}", `run --cert <%= p('cert') %>`, nil},
		{"a default", "x_path: {default: /a}", `run --url=<%= p('x_path') %>`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := job(t, "properties:\n  port: {default: 80}\n  "+c.property+"\n")
			all := Of(j, nil, []*source.File{file("jobs/web/templates/ctl.erb", c.text)}, nil)
			name := j.Spec.Properties[1].Name
			if d := cmp.Diff(c.want, all[0].made[name]); d != "" {
				t.Error(d)
			}
		})
	}
}
