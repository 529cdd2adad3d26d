package vm

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// TestOwners runs scripts as root and looks at owners, groups and modes, which
// cannot be compared with real ones everywhere.
func TestOwners(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         map[string]string
		status       int
	}{
		{"chown user and group", "touch f; chown vcap:vcap f", map[string]string{"f": "vcap:vcap"}, 0},
		{"chown user", "touch f; chown vcap f", map[string]string{"f": "vcap:root"}, 0},
		{"chown with the group of the login", "touch f; chown vcap: f", map[string]string{"f": "vcap:vcap"}, 0},
		{"chown with a dot", "touch f; chown vcap.vcap f", map[string]string{"f": "vcap:vcap"}, 0},
		{"chown of a group", "touch f; chown :vcap f", map[string]string{"f": "root:vcap"}, 0},
		{"numbers have names", "touch f; chown 1000:1000 f", map[string]string{"f": "vcap:vcap"}, 0},
		{"numbers without name", "touch f; chown 1234:5678 f", map[string]string{"f": "1234:5678"}, 0},
		{"chgrp", "touch f; chgrp vcap f", map[string]string{"f": "root:vcap"}, 0},
		{"unknown user", "touch f; chown nosuch:vcap f", map[string]string{"f": "root:root"}, 1},
		{"chown -R takes all", "mkdir -p d/e; touch d/e/f; chown -R vcap:vcap d", map[string]string{"d": "vcap:vcap", "d/e": "vcap:vcap", "d/e/f": "vcap:vcap"}, 0},
		{"chown -R does not follow links", "mkdir d o; touch o/f; ln -s ../o d/l; chown -R vcap d", map[string]string{"d/l": "vcap:root", "o": "root:root", "o/f": "root:root"}, 0},
		{"chown -R of a link changes the link", "mkdir o; ln -s o l; chown -R vcap l", map[string]string{"l": "vcap:root", "o": "root:root"}, 0},
		{"chown -R of a link with a slash goes in", "mkdir o; touch o/f; ln -s o l; chown -R vcap l/", map[string]string{"l": "root:root", "o": "vcap:root", "o/f": "vcap:root"}, 0},
		{"chown follows a link", "touch f; ln -s f l; chown vcap l", map[string]string{"l": "root:root", "f": "vcap:root"}, 0},
		{"chown -h does not", "touch f; ln -s f l; chown -h vcap l", map[string]string{"l": "vcap:root", "f": "root:root"}, 0},
		{"chown --reference", "touch f g; chown vcap:vcap f; chown --reference=f g", map[string]string{"g": "vcap:vcap"}, 0},
		{"install", "touch f; install -o vcap -g vcap -m 640 f g; install -d -o vcap d", map[string]string{"g": "vcap:vcap -rw-r-----", "d": "vcap:root drwxr-xr-x"}, 0},
		{"cp makes it ours", "touch f; chown vcap:vcap f; cp f g", map[string]string{"g": "root:root"}, 0},
		{"cp -p keeps the owner", "touch f; chown vcap:vcap f; cp -p f g", map[string]string{"g": "vcap:vcap"}, 0},
		{"cp -a keeps owners", "mkdir d; touch d/f; chown -R vcap:vcap d; cp -a d e", map[string]string{"e": "vcap:vcap", "e/f": "vcap:vcap"}, 0},
		{"cp onto a file leaves its owner", "touch f g; chown vcap g; chmod 600 g; cp f g", map[string]string{"g": "vcap:root -rw-------"}, 0},
		{"mv keeps the owner", "touch f; chown vcap f; mv f g", map[string]string{"g": "vcap:root"}, 0},
		{"sed -i keeps owner and mode", "echo a > f; chown vcap f; chmod 640 f; sed -i s/a/b/ f", map[string]string{"f": "vcap:root -rw-r-----"}, 0},
		{"rsync without -a", "touch f; chown vcap f; rsync f g; rsync -a f h", map[string]string{"g": "root:root", "h": "vcap:root"}, 0},
		{"find -user and chown", "mkdir d; touch d/a d/b; chown vcap d/a; find d -type f -not -user vcap | xargs chown vcap:vcap", map[string]string{"d/a": "vcap:root", "d/b": "vcap:vcap"}, 0},
		{"useradd", "useradd -r -m -d /work/home svc; touch f; chown svc:svc f", map[string]string{"f": "svc:svc", "home": "svc:svc drwxr-x---"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := machine(t)
			_, stderr, status := carryOut(t, p, tt.script)
			if status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, stderr)
			}
			for name, want := range tt.want {
				n := p.Files.look("/work/" + name)
				if n == nil {
					t.Errorf("%s is not there", name)
					continue
				}
				if got := n.Owner + ":" + n.Group + " " + n.Mode.String(); !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
			if len(p.Unknown) > 0 {
				t.Errorf("unknown: %q", p.Unknown)
			}
		})
	}
}

// TestAsVcap runs scripts as a user who may not do all that root may.
func TestAsVcap(t *testing.T) {
	for _, tt := range []struct {
		script, stderr string
		status         int
	}{
		{"touch mine/f", "", 0},
		{"touch f", "touch: cannot touch 'f': Permission denied\n", 1},
		{"mkdir d", "mkdir: cannot create directory 'd': Permission denied\n", 1},
		{"mkdir -p mine/d", "", 0},
		{"rm secret", "rm: cannot remove 'secret': Permission denied\n", 1},
		{"cat secret", "cat: secret: Permission denied\n", 1},
		{"cp secret mine/x", "cp: cannot open '/work/secret' for reading: Permission denied\n", 1},
		{"cp open mine/x", "", 0},
		{"cp open secret", "cp: cannot create regular file '/work/secret': Permission denied\n", 1},
		{"chown vcap:vcap mine", "", 0},
		{"chown vcap open", "chown: changing ownership of 'open': Operation not permitted\n", 1},
		{"chown root mine", "chown: changing ownership of 'mine': Operation not permitted\n", 1},
		{"chmod 700 mine", "", 0},
		{"chmod 666 open", "chmod: changing permissions of '/work/open': Operation not permitted\n", 1},
		{"sed -i s/a/b/ open", "sed: couldn't open temporary file ./sedXXXXXX: Permission denied\n", 4},
		{"echo x | tee open", "tee: open: Permission denied\n", 1},
		{"ls up/x", "ls: cannot access 'up/x': Permission denied\n", 2},
		{"useradd x", "useradd: Permission denied.\n", 1},
		{"mv mine/own moved", "mv: cannot move 'mine/own' to 'moved': Permission denied\n", 1},
		{"ln -s open l", "ln: failed to create symbolic link 'l': Permission denied\n", 1},
		{"test \"$(id -un)\" = vcap", "", 0},
	} {
		t.Run(tt.script, func(t *testing.T) {
			p := machine(t)
			p.Files.AddDir("/work/mine", "vcap", "vcap", 0o755)
			p.Files.Add("/work/mine/own", "", 0o644).Owner = "vcap"
			p.Files.Add("/work/open", "a\n", 0o644)
			p.Files.Add("/work/secret", "a\n", 0o600)
			p.User, p.Group = "vcap", "vcap"
			p.Files.AddDir("/work/up", "root", "root", 0o700)
			p.Files.AddDir("/work/up/x", "root", "root", 0o755)
			_, stderr, status := carryOut(t, p, tt.script)
			if stderr != tt.stderr || status != tt.status {
				t.Errorf("status %d, %q; want %d, %q", status, stderr, tt.status, tt.stderr)
			}
		})
	}
}

// TestAssumed is about files of packages: they are there when asked for, can be
// taken away, and are in a copy of their folder, too.
func TestAssumed(t *testing.T) {
	p := machine(t)
	p.Files.Assume = func(name string) *Node {
		if !strings.HasPrefix(name, "/pkg/") {
			return nil
		}
		if strings.Contains(name[len("/pkg/"):], ".") {
			return &Node{Mode: 0o644, Owner: "root", Group: "root"}
		}
		return &Node{Mode: fs.ModeDir | 0o755, Owner: "root", Group: "root"}
	}
	out, stderr, status := carryOut(t, p, `
cp -a /pkg/tomcat tomcat
chown -R vcap:vcap tomcat
cp x.conf tomcat/conf/ 2>/dev/null
ls tomcat/conf/server.xml
stat -c %U tomcat/lib/some.jar
ls tomcat.d 2>/dev/null
rm -rf /pkg/tool/data
ls -d /pkg/tool/data 2>/dev/null || echo gone
ln -s /work/data /pkg/tool/data
readlink /pkg/tool/data
mkdir /pkg/other
rm tomcat/conf/a.xml
ls tomcat/conf/a.xml 2>/dev/null || echo no a.xml
mv /pkg/moved here
ls -d here/sub
ls -d /pkg/moved 2>/dev/null || echo moved
`)
	want := "tomcat/conf/server.xml\nvcap\ngone\n/work/data\nno a.xml\nhere/sub\nmoved\n"
	if out != want || status != 0 {
		t.Errorf("status %d, stderr %s, printed\n%s want\n%s", status, stderr, out, want)
	}
}

func TestAccounts(t *testing.T) {
	for _, tt := range []struct {
		script, want string
		status       int
	}{
		{"id -u; id -un; id -g; id -gn; whoami", "0\nroot\n0\nroot\nroot\n", 0},
		{"id vcap | cut -d' ' -f1,2", "uid=1000(vcap) gid=1000(vcap)\n", 0},
		{"id -u vcap", "1000\n", 0},
		{"id nosuch", "", 1},
		{"id nosuch 2>/dev/null || useradd -g vcap -G admin -s /bin/false -d /x -c who -u 2000 svc; getent passwd svc; id -Gn svc", "svc:x:2000:1000:who:/x:/bin/false\nvcap admin\n", 0},
		{"useradd vcap", "", 9},
		{"useradd -g nosuch x", "", 6},
		{"groupadd -g 1500 team; groupadd team", "", 9},
		{"groupadd -f team; groupadd -f team; getent group team | cut -d: -f1", "team\n", 0},
		{"groupadd team; usermod -a -G team vcap; groups vcap", "vcap : vcap sudo admin bosh_sshers team\n", 0},
		{"usermod -G vcap nosuch", "", 6},
		{"adduser --system --group --no-create-home svc; id -gn svc; getent passwd svc | cut -d: -f7", "svc\n/usr/sbin/nologin\n", 0},
		{"addgroup --system grp; adduser vcap grp >/dev/null; id -Gn vcap | tr ' ' '\\n' | grep grp", "grp\n", 0},
		{"useradd x; userdel x; id x 2>/dev/null || echo gone; getent group x", "gone\n", 2},
		{"groupdel nosuch", "", 6},
		{"useradd --no-create-home --system dockremap; grep -c '^dockremap:' /etc/passwd", "1\n", 0},
		{"crontab -l", "", 1},
		{"echo '* * * * * x' | crontab; crontab -l | sed /x/d; crontab -l; cat /var/spool/cron/crontabs/root", "* * * * * x\n* * * * * x\n", 0},
		{"crontab -r 2>/dev/null; echo a | crontab -; crontab -r; crontab -l", "", 1},
		{"hostname; hostname -i; hostname -I", Hostname + "\n10.0.0.5\n10.0.0.5 \n", 0},
		{"uname; uname -m; uname -sr", "Linux\nx86_64\nLinux 5.15.0-100-generic\n", 0},
		{"nproc; grep -c ^processor /proc/cpuinfo; getconf _NPROCESSORS_ONLN", "4\n4\n4\n", 0},
		{"awk '/MemTotal/{print $2}' /proc/meminfo; free | awk '/Mem:/{print $2}'; free -m | awk '/Mem:/{print $2}'", "8192000\n8192000\n8000\n", 0},
		{"lsb_release -cs; lsb_release -c | awk '{print $2}'; grep ^ID= /etc/os-release", "jammy\njammy\nID=ubuntu\n", 0},
		{"ip route | grep ^default | cut -d' ' -f3; ip addr show eth0 | grep -o 'inet [0-9.]*'; ip -4 a s eth0 | awk '/inet /{print $2}'", "10.0.0.1\ninet 10.0.0.5\n10.0.0.5/24\n", 0},
		{"ip link show nosuch", "", 1},
		{"ifconfig eth0 | awk '/inet /{print $2}'", "10.0.0.5\n", 0},
		{"date; date +%s; date +%Y-%m-%dT%H:%M:%S.%NZ; date --rfc-3339=ns", "Thu Jan  1 00:00:00 UTC 2026\n1767225600\n2026-01-01T00:00:00.000000000Z\n2026-01-01 00:00:00.000000000+00:00\n", 0},
		{"mktemp; mktemp -d; mktemp -p /work x.XXXX; mktemp --tmpdir=/work -d; mktemp -t a.XXXXX; ls -d tmp.*", "/tmp/tmp.0000000001\n/tmp/tmp.0000000002\n/work/x.0003\n/work/tmp.0000000004\n/tmp/a.00005\ntmp.0000000004\n", 0},
		{"mountpoint -q /var/vcap/store || mountpoint /tmp; grep -qs /var/vcap/store /proc/mounts; mount | grep -c vcap; df -P / | tail -1 | awk '{print $1}'", "/tmp is not a mountpoint\n3\n/dev/sda1\n", 0},
		{"head -c 16 /dev/urandom | xxd -p | wc -c; cat /dev/urandom | tr -dc a-zA-Z0-9 | fold -w 32 | head -n 1 | wc -c; cat /dev/null", "33\n33\n", 0},
		{"tty", "not a tty\n", 1},
		{"stat -fc %T /sys/fs/cgroup", "tmpfs\n", 0},
		{"cut -d: -f1 /etc/group | grep -c vcap; ls /bin/sed /sbin/ip", "1\n/bin/sed\n/sbin/ip\n", 0},
	} {
		t.Run(tt.script, func(t *testing.T) {
			p := machine(t)
			out, stderr, status := carryOut(t, p, tt.script)
			if out != tt.want || status != tt.status {
				t.Errorf("status %d, want %d; stderr %s printed\n%s want\n%s", status, tt.status, stderr, out, tt.want)
			}
			if len(p.Unknown) > 0 {
				t.Errorf("unknown: %q", p.Unknown)
			}
		})
	}
}

// TestNotUnderstood has uses that must be told of, and that do nothing.
func TestNotUnderstood(t *testing.T) {
	for script, want := range map[string]string{
		`echo aa | grep '\(a\)\1'`:          `grep \(a\)\1: a back-reference`,
		"echo a | sed 's/a/b/e'":            "sed the flag e of s",
		"echo a | sed 'l'":                  "sed the command l",
		"grep --nosuch a /etc/passwd":       "grep --nosuch",
		"find . -anewer x":                  "find not understood: -anewer",
		"cp --backup=t /etc/passwd x":       "cp --backup=t",
		"echo a | awk '{system(\"ls\")}'":   "awk that runs a command or opens a file: can't call system() due to NoExec",
		"awk 'BEGIN{while(1);}'":            "awk: program without end",
		"awk 'BEGIN{while(1)print \"x\"}'":  "awk: program without end",
		"jq -n 'def f: f; f'":               "jq: program without end",
		"echo x | sed ':a;s/x/xx/;ta'":      "sed: script without end",
		"echo x | sed ':a;ba'":              "sed: script without end",
		"seq 100000000 > f":                 "seq: output without end",
		"date -d 'third friday' +%s":        "date -d third friday",
		"date +%Q":                          "date +%Q",
		"tail -f /etc/passwd > /dev/null":   "tail -f, which does not end",
		"chown --from=a vcap /etc/passwd":   "chown --from",
		"printf 'a\\n' | od":                "od ",
		"stat /etc/passwd":                  "stat without a format",
		"rsync -a --exclude=x /etc/skel/ y": "rsync --exclude=x",
	} {
		t.Run(script, func(t *testing.T) {
			p := machine(t)
			_, _, status := carryOut(t, p, script)
			if !slices.Contains(p.Unknown, want) || status != 0 {
				t.Errorf("status %d, unknown %q, want %q", status, p.Unknown, want)
			}
		})
	}
}

// TestNotMine has uses that are only to be recorded.
func TestNotMine(t *testing.T) {
	for _, line := range []string{"hostname web", "ip link del docker0", "ip addr add 10.0.0.9/32 dev eth0", "ifconfig eth0 down", "mount -t tmpfs tmpfs /x", "date -s now", "rsync a host:b"} {
		p := machine(t)
		args := strings.Fields(line)
		if s := commands[args[0]](&Call{Process: p, Args: args, Stdout: &strings.Builder{}, Stderr: &strings.Builder{}}); s != notMine {
			t.Errorf("%s: %d", line, s)
		}
	}
}

func TestStemcell(t *testing.T) {
	for name, want := range map[string]string{"sed": "/usr/bin/sed", "ip": "/usr/sbin/ip", "chpst": "/usr/sbin/chpst", "ruby": "", "jq": "", "java": "", "node": "", "nginx": "", "curl": "/usr/bin/curl"} {
		if got := stemcellPath(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name := range commands {
		switch name {
		case "jq", "shasum", "gsed", "wait", "usleep":
		default:
			if !stemcellHas(name) {
				t.Errorf("%s is a command, and not on the stemcell", name)
			}
		}
	}
	if both := slices.DeleteFunc(strings.Fields(inBin), func(n string) bool { return !slices.Contains(strings.Fields(inSbin), n) }); len(both) > 0 {
		t.Errorf("in both folders: %q", both)
	}
}

// FuzzCommand runs one command with any arguments and input: it must come back.
func FuzzCommand(f *testing.F) {
	for _, g := range realCases {
		for _, s := range strings.Split(strings.TrimSpace(g.scripts), "\n") {
			f.Add(s, "alpha one\nbeta: 2\n")
		}
	}
	f.Fuzz(func(t *testing.T, line, input string) {
		args, _ := shellWords(line, true)
		if len(args) == 0 || commands[args[0]] == nil || len(line) > 200 {
			return
		}
		if slices.Contains([]string{"jq", "awk", "gawk", "mawk", "nawk"}, args[0]) {
			return // engines of others, stopped by the clock
		}
		v := New()
		p := v.Root(map[string]string{})
		p.Dir = "/work"
		v.Files.AddDir("/work", "root", "root", 0o755)
		v.Files.Add("/work/f", input, 0o644)
		v.Files.AddLink("/work/l", "f")
		v.Files.Add("/work/a/b/c", input, 0o644)
		v.Files.AddLink("/work/a/up", "..")
		commands[args[0]](&Call{Process: p, Args: args, Stdin: strings.NewReader(input), Stdout: &strings.Builder{}, Stderr: &strings.Builder{}})
	})
}
