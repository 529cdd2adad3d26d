package container

import (
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
)

// TestAccess has what a process saw of these paths in a container of bpm 1.4
// (commit 2d75618f), with test -e, a write, and a script that was executed.
func TestAccess(t *testing.T) {
	bare := Process{Job: "web"}
	disks := Process{Job: "web", EphemeralDisk: true, PersistentDisk: true}
	volumes := Process{
		Job: "web",
		Additional: []bpm.Volume{
			{Path: "/var/vcap/sys/run/web", Writable: true},
			{Path: "/var/vcap/data/web-cache", Writable: true, AllowExecutions: true},
			{Path: "/var/vcap/jobs/other/config", MountOnly: true},
			{Path: "/var/vcap/sys/run/web"},
		},
		Unrestricted: []bpm.Volume{
			{Path: "/var/vcap/jobs/*/config/metrics.yml"}, {Path: "/dev/log"}, {Path: "/var/vcap/jobs/web/config", Writable: true},
		},
	}
	for _, c := range []struct {
		name  string
		p     Process
		path  string
		there string // of "twx"
	}{
		{"package", bare, "/var/vcap/packages/web/bin/web", "tx"},
		{"own template", bare, "/var/vcap/jobs/web/config/web.conf", "tx"},
		{"template of another job", bare, "/var/vcap/jobs/website/config/x", ""},
		{"own log", bare, "/var/vcap/sys/log/web/web.log", "tw"},
		{"log of another job", bare, "/var/vcap/sys/log/other/web.log", ""},
		{"own run folder", bare, "/var/vcap/sys/run/web/web.sock", ""},
		{"own data without the disk", bare, "/var/vcap/data/web/cache", ""},
		{"own tmp", bare, "/var/vcap/data/web/tmp/x", "tw"},
		{"tmp", bare, "/tmp/x", "tw"},
		{"own data", disks, "/var/vcap/data/web/cache", "tw"},
		{"own store", disks, "/var/vcap/store/web/db", "tw"},
		{"store of another job", disks, "/var/vcap/store/web2/db", ""},
		{"the disk itself", disks, "/var/vcap/store", ""},
		{"etc", bare, "/etc/ssl/certs/ca-certificates.crt", "tx"},
		{"host log", bare, "/var/log/syslog", ""},
		{"syslog socket", bare, "/dev/log", ""},
		{"null", bare, "/dev/null", "tw"},
		{"fuse", bare, "/dev/fuse", ""},
		{"shm", bare, "/dev/shm/x", "tw"},
		{"sysctl", bare, "/proc/sys/net/core/somaxconn", "t"},
		{"host run", bare, "/var/run/docker.sock", ""},
		{"resolver", bare, "/run/systemd/resolve/resolv.conf", "t"},
		{"home", bare, "/home/vcap/.gem", ""},
		{"agent", bare, "/var/vcap/bosh/settings.json", ""},
		{"volume", volumes, "/var/vcap/sys/run/web/web.sock", "tw"},
		{"volume by its other name", volumes, "/var/vcap/data/sys/run/web/web.sock", ""},
		{"volume with executions", volumes, "/var/vcap/data/web-cache/plugin", "twx"},
		{"mount_only", volumes, "/var/vcap/jobs/other/config/x", "t"},
		{"glob", volumes, "/var/vcap/jobs/third/config/metrics.yml", "t"},
		{"beside the glob", volumes, "/var/vcap/jobs/third/config/other.yml", ""},
		{"unrestricted device", volumes, "/dev/log", "t"},
		{"unrestricted below the job's own folder is dropped", volumes, "/var/vcap/jobs/web/config/x", "tx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, got := c.p.Access(c.path), ""
			if a.There {
				got += "t"
			}
			if a.Writable {
				got += "w"
			}
			if a.Exec {
				got += "x"
			}
			if got != c.there {
				t.Errorf("%s: %q, not %q (%+v)", c.path, got, c.there, a)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	for file, want := range map[string]Place{
		"/var/vcap/data/web/tmp/x":        {Kind: Tmp, Owner: "web"},
		"/var/vcap/data/web/x":            {Data, "web", "/var/vcap/data/web"},
		"/var/vcap/data/packages/x/y":     {Packages, "x", "/var/vcap/data/packages/x"},
		"/var/vcap/data/sys/run/db/x":     {Run, "db", "/var/vcap/data/sys/run/db"},
		"/var/vcap/sys/log/db/db.log":     {Log, "db", "/var/vcap/sys/log/db"},
		"/var/vcap/store":                 {Kind: Store},
		"/var/vcap/jobs/db/bin/ctl":       {Job, "db", "/var/vcap/jobs/db"},
		"/var/vcap/bosh/bin/monit":        {Kind: Agent},
		"/var/run/docker.sock":            {Kind: HostRun},
		"/var/lib/nfs":                    {Kind: Host},
		"/etc/hosts":                      {Kind: System},
		"/var/vcap/sys/run/bpm/web/w.pid": {Run, "bpm", "/var/vcap/sys/run/bpm"},
	} {
		if got := Locate("web", file); got != want {
			t.Errorf("%s: %+v, not %+v", file, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for text, want := range map[string]string{
		`exec web -c /var/vcap/jobs/web/config/web.conf --log=/var/vcap/sys/log/web/web.log`: "/var/vcap/jobs/web/config/web.conf /var/vcap/sys/log/web/web.log",
		`listen unix:/var/run/web.sock; "/dev/log"`:                                          "/var/run/web.sock /dev/log",
		`unix:///var/vcap/sys/run/db/db.sock`:                                                "/var/vcap/sys/run/db/db.sock",
		`https://example.com/home/user/x and path/var/log/x`:                                 "",
		`dir: /var/vcap/store/<%= p('x') %>/db`:                                              "/var/vcap/store",
		`/var/vcap/data/cache-$NAME/x`:                                                       "/var/vcap/data",
		`<%= p('root') %>/var/log/x`:                                                         "",
		`cat >/var/log/web.log <<EOF`:                                                        "/var/log/web.log",
		`see /var/vcap/sys/log/web/web.log.`:                                                 "/var/vcap/sys/log/web/web.log",
		`PATH=/usr/local/bin:/opt/tool/bin`:                                                  "/usr/local/bin /opt/tool/bin",
	} {
		var got []string
		for _, p := range Paths(text) {
			got = append(got, text[p[0]:p[1]])
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, not %q", text, s, want)
		}
	}
}
