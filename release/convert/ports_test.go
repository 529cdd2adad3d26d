package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/ports"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestPortsInConfig reads one file at a time. Every line with a port that is
// below 1024 and the process's own ends in LOW, one that may be in MAYBE, and one
// that a property without a value holds in OPEN.
func TestPortsInConfig(t *testing.T) {
	known := map[string]string{"web.port": "80", "web.high": "8080", "web.address": "0.0.0.0:443", "web.host": "10.0.0.1", "smtp.port": "25",
		"web.list.[0]": "8080", "web.list.[1]": "84", "web.servers.[0].port": "85", "web.servers.[0].name": "86", "web.highs.[0]": "8081"}
	w := &job{}
	for name, value := range known {
		f := &source.File{Name: "spec", Data: []byte(value)}
		w.valueTexts = append(w.valueTexts, valueText{name, fileText(f)})
	}
	for _, c := range []struct{ name, text string }{
		{"yaml", `
port: 80 #LOW
status:
  port: 8080
listen: 0.0.0.0:443 #LOW
bind_address: 127.0.0.1
http_port: "81" #LOW
https-port: 0
smtp_port: 25
external_port: 80
bind_dn: cn=admin,dc=example
listen_timeout: 30
nats:
  host: 10.0.0.1
  port: 80
smtp:
  port: 25
cache:
  host: cache.example.com
  port: 11 #MAYBE
front:
  host: 0.0.0.0
  port: 82 #LOW
`},
		{"yaml that prints properties", `
port: <%= p('web.port') %> #LOW
http_port: <%= p("web.high") %>
listen: "<%= p('web.address') %>" #LOW
bind: <%= p('web.host') %>
bind_port: <%= p('web.none') %> #OPEN
admin_port: <%= p('web.none', 90) %> #LOW
debug_port: <%= p('web.none', 9090) %>
listen_addr: 0.0.0.0:<%= p('web.none') %> #OPEN
listen_address: 0.0.0.0:<%= p('web.high') %>
status_port: <%= properties.web.port || 80 %> #LOW
web_port: <%= (properties.web && properties.web.none) ? properties.web.none : 8080 %>
ui_port: <%= (properties.web && properties.web.none) ? properties.web.none : 83 %> #LOW
grpc_port: <%= properties.none && properties.none.port %> #OPEN
tls_port: <%= link('other').p('web.port') %>
mail:
  port: <%= p('smtp.port') %>
`},
		{"json", `{
  "listen_addr": ":80", //LOW
  "metrics": {"port": 9100},
  "upstream": {"host": "a", "port": 80}, //MAYBE
  "url": "http://example.com:80/",
  "ports": {
    "dns": 53, //LOW
    "grpc": -1
  },
  "addr": "10.0.0.1:80",
  "health_check_port": 79 //LOW
}
`},
		{"ruby that makes json", `<%=
config = {
  "debug_port" => p("web.port"), #LOW
  "health_check_port" => p("web.none"), #OPEN
  "metron_port" => p("web.port"),
}
config[:port] = p("web.port") #LOW
%>
`},
		{"haproxy", `
frontend http
  bind :80 #LOW
  bind *:8080,*:443 ssl crt /a/b.pem #LOW
  bind <%= p('web.none') %> #OPEN
  bind :<%= p('web.none') %> #OPEN
  bind :<%= p('web.high') %>
  default_backend http
listen stats
  server node1 10.0.0.1:80 check
  ssl-default-bind-options no-tlsv10
listen old *:81 #LOW
frontend older 0.0.0.0:8080,:82 #LOW
frontend plain
`},
		{"nginx", "server {\n  listen 80 default_server; #LOW\n  listen 8080;\n  listen [::]:443 ssl; #LOW\n  proxy_pass http://a:80;\n}\n"},
		{"list of others", "backends:\n- name: a\n  port: 80\n"},
		{"redis", "port 6379\nbind 0.0.0.0\n# port 80\n"},
		{"rsyslog", `
$UDPServerRun 514 #LOW
$InputTCPServerRun <%= p('web.none') %> #OPEN
input(type="imudp" port="515") #LOW
action(type="omfwd" target="example.com" port="514") #MAYBE
*.* @@example.com:514
`},
		{"logstash", `
input {
  tcp {
    port => 514 #LOW
  }
}
output {
  tcp {
    host => "example.com"
    port => 80 #MAYBE
  }
}
`},
		{"xml", `<Server port="-1">
  <Connector port="80" protocol="HTTP/1.1"/> <!-- LOW -->
`},
		{"ini", "[server]\nhttp_port = 80 #LOW\n; port = 80\nport=53 #LOW\n"},
		{"blocks", `
<% p('web.list').each do |port| %>
listen <%= port %>; #LOW
<% end %>
<% p("web.highs", []).each do |high| -%>
listen <%= high -%>;
<% end %>
<% p('web.servers').each do |server| %>
bind *:<%= server['port'] %> #LOW
<% end %>
<% if_p('smtp.port', 'web.port') do |mail, web| %>
port = <%= web %> #LOW
<% end %>
<% if_p('web.none') do |none| %>
http_port = <%= none %> #OPEN
<% end %>
<% [8080, 443].each { |tls| %>
listen <%= tls %> #LOW
<% } %>
`},
		{"named", "  listen-on port 53 { any; }; #LOW\n"},
	} {
		mark := regexp.MustCompile(`\s*(?:#|//|<!--) ?(LOW|MAYBE|OPEN)\b.*`)
		t.Run(c.name, func(t *testing.T) {
			var lines, want, got []string
			for i, line := range strings.Split(c.text, "\n") {
				if m := mark.FindStringSubmatchIndex(line); m != nil {
					want = append(want, fmt.Sprint(i+1, " ", line[m[2]:m[3]]))
					line = line[:m[0]]
				}
				lines = append(lines, line)
			}
			f := &source.File{Name: "config", Data: []byte(strings.Join(lines, "\n"))}
			r := &ports.Reader{Values: w.portValues}
			r.Config(f, blankConfig(string(f.Data)))
			for _, o := range r.Found {
				text := "OPEN"
				switch {
				case o.Low() && o.Sure:
					text = "LOW"
				case o.Low():
					text = "MAYBE"
				case o.Port > 0:
					continue
				}
				got = append(got, fmt.Sprint(f.Position(o.At.Start).Line, " ", text))
			}
			got = slices.Compact(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
