package vm

import (
	"bytes"
	"strings"
	"testing"
)

func runScript(t *testing.T, script string) (*VM, string, int) {
	t.Helper()
	v := New()
	v.Files.Assume = func(name string) *Node {
		if strings.HasPrefix(name, "/var/vcap/packages/") {
			if strings.Contains(name, "/bin/") {
				return &Node{Mode: 0o755, Owner: "root", Group: "root"}
			}
			return &Node{Mode: 1<<31 | 0o755, Owner: "root", Group: "root"}
		}
		return nil
	}
	v.Files.AddDir("/var/vcap/sys/log", "root", "vcap", 0o755)
	v.Files.AddDir("/var/vcap/sys/run", "root", "vcap", 0o755)
	v.Files.Add("/job/ctl", script, 0o755)
	p := v.Root(map[string]string{"PATH": "/bin:/usr/bin:/sbin:/usr/sbin"})
	var out bytes.Buffer
	status := p.run([]string{"/job/ctl", "start"}, nil, &out, &out)
	return v, out.String(), status
}

func TestShell(t *testing.T) {
	v, out, status := runScript(t, `#!/bin/bash
set -e
case $1 in
start)
mkdir_x() { echo made "$@"; }
mkdir_x a
export FOO=bar
ulimit -n 4096
cd /var/vcap/packages/web
exec 3>&1 >>/var/vcap/sys/log/a.log 2> >(tee -a /x | logger -t foo)
echo hello | cat - >&2
echo $$ > /var/vcap/sys/run/x.pid
x=$(echo a b c | cat)
while read l; do echo "got $l" >> /var/vcap/sys/log/b.log; done < <(echo one; echo two)
BAZ=1 chpst -u vcap:vcap /var/vcap/packages/web/bin/server --a "$x" &
echo $! > /var/vcap/sys/run/y.pid
kill -0 $!
(while true; do sleep 10; done) &
exec su vcap -c "exec /var/vcap/packages/web/bin/other 'a b' $x"
;;
esac
`)
	t.Log(out, status, v.Unknown, v.Errors, v.Stopped)
	for _, e := range v.Events {
		t.Logf("%+v", e)
	}
	for _, f := range []string{"/var/vcap/sys/log/a.log", "/var/vcap/sys/log/b.log", "/var/vcap/sys/run/x.pid", "/var/vcap/sys/run/y.pid"} {
		n := v.Files.get(f)
		if n == nil {
			t.Log(f, "not there")
			continue
		}
		d, _ := n.Data()
		t.Logf("%s: %q", f, d)
	}
}
