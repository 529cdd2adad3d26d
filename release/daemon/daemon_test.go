package daemon

import (
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for line, want := range map[string]string{
		"nginx -c /x":                      "nginx",
		"haproxy -f /x -D -p /pid":         "haproxy",
		"haproxy -f /x":                    "",
		"haproxy -D -db -f /x":             "",
		"pg_ctl start -D /x":               "pg_ctl",
		"pg_ctl stop -D /x":                "",
		"bundle exec unicorn -D":           "unicorn",
		"bundle exec unicorn":              "",
		"keepalived -n":                    "",
		"elasticsearch -d -p /pid":         "elasticsearch",
		"something --daemonize":            "anything",
		"python3 -m http.server --port 80": "",
	} {
		words := strings.Fields(line)
		p, got := Find(words[0], words[1:]), ""
		switch {
		case p != nil && len(p.Names) > 0:
			got = p.Names[0]
		case p != nil:
			got = "anything"
		}
		if got != want {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
}

// TestSettings holds that every line has the groups that an edit needs, and
// finds what it is for.
func TestSettings(t *testing.T) {
	lines := map[string]string{
		"daemonize yes": "redis-server", "pidfile /x": "redis-server", "  fork: true": "mongod", "pidFilePath: \"/x\"": "mongod", "  daemon\n": "haproxy", "<% if x %>daemon<% end %>": "haproxy",
		"<% else %>DAEMONIZE \"yes\"": "redis-server", "daemon\r\n": "openvpn", "p: {fork: true}": "mongod",
		"daemon vpn\n": "openvpn", "writepid /x": "openvpn", "foreground = no": "stunnel", "pid = /x": "stunnel", "background=YES": "vsftpd", "nodaemon = false": "supervisord",
		"external_pid_file = '/x'": "postgres", "pid_file: \"/x\"": "nats-server", "  pidfile = /x": "gnatsd", "user x; daemon on;": "nginx", "pid /x;": "nginx",
	}
	for _, s := range Settings {
		if s.Line.NumSubexp() != 2 || s.Docs == "" {
			t.Errorf("%s: %d groups, docs %q", s.Line, s.Line.NumSubexp(), s.Docs)
		}
		hit := false
		for line, program := range lines {
			m := s.Line.FindStringSubmatch(line)
			if m == nil || !slices.Contains(s.Programs, program) {
				continue
			}
			hit = true
			if s.Pidfile() && m[2] != "/x" || !s.Pidfile() && !strings.EqualFold(m[2], s.Bad) {
				t.Errorf("%s in %q: %q", s.Line, line, m[2])
			}
		}
		if !hit {
			t.Errorf("no line for %s", s.Line)
		}
	}
}
