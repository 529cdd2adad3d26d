package verify

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// launches compares what two processes see.
func (c *comparison) launches(b, a *vm.Event) {
	c.compare("executable", c.executable(b.Path), c.executable(a.Path), "")
	c.compare("argv", shown(c.args(b.Args)), shown(c.args(a.Args)), "")
	c.env(b, a)
	c.compare("cwd", b.Dir, a.Dir, startDir(b))
	userRule := ""
	if b.User == "root" && a.User == "vcap" {
		userRule = "user-vcap"
	}
	c.compare("user", b.User, a.User, userRule)
	c.limits(b, a)
	c.capabilities(b, a)
	c.access(b, a)
}

// pidfile adds a row when monit does not look where bpm writes the pidfile.
func (c *comparison) pidfile(k check) []Row {
	l := c.after.launched[k.name]
	if !isBPM(k.start) || l == nil || l.process.Name == "" {
		return nil
	}
	want := "/var/vcap/sys/run/bpm/" + c.job + "/" + l.process.Name + ".pid"
	if got := unquoted(k.pidfile); path.Clean(got) != want {
		return []Row{{Aspect: "pidfile", Before: want, After: got, Status: Unexplained, Because: "monit does not look where bpm writes it"}}
	}
	return nil
}

// startDir is the rule for a working directory that the old script did not choose.
func startDir(b *vm.Event) string {
	switch {
	case b.Dir == "/":
		return "start-dir"
	case b.Dir == b.Env["HOME"] && (b.Dir == "/home/vcap" || b.Dir == "/root"):
		return "login-dir"
	}
	return ""
}

var (
	// bookkept are set by the shell, monit or a login, not by the script.
	bookkept = map[string]bool{"PWD": true, "OLDPWD": true, "SHLVL": true, "_": true, "TERM": true, "MAIL": true, "USER": true, "LOGNAME": true, "SHELL": true, "USERNAME": true}
	byBPM    = map[string]bool{"TMPDIR": true, "LANG": true, "HOME": true}
	// defaultDirs are on PATH whatever the script says.
	defaultDirs = map[string]bool{"/usr/local/games": true, "/usr/games": true, "/snap/bin": true, "/bin": true, "/usr/bin": true, "/sbin": true, "/usr/sbin": true,
		"/usr/local/bin": true, "/usr/local/sbin": true, ".": true, "": true}
)

// byLogin says whether a variable is set by the shell, a login or sudo.
func byLogin(name string) bool { return bookkept[name] || strings.HasPrefix(name, "SUDO_") }

func (c *comparison) env(b, a *vm.Event) {
	kept := 0
	for _, name := range slices.Sorted(maps.Keys(b.Env)) {
		x := b.Env[name]
		y, there := a.Env[name]
		switch {
		case there && x == y:
			kept++
		case name == "PATH":
		case name == "HOME" && (x == "/home/vcap" || x == "/root"):
			c.compare("env-changed:HOME", x, y, "login-env")
		case strings.HasPrefix(name, "MONIT_"):
			c.compare("env-changed:"+name, x, y, "monit-env")
		case byLogin(name):
			c.compare("env-changed:"+name, x, y, "login-env")
		case !there:
			c.compare("env-missing:"+name, x, "", "")
		default:
			c.compare("env-changed:"+name, x, y, "")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		if _, there := b.Env[name]; there || name == "PATH" {
			continue
		}
		rule := ""
		if byBPM[name] {
			rule = "bpm-env"
		} else if bookkept[name] {
			rule = "login-env"
		}
		c.compare("env-extra:"+name, "", a.Env[name], rule)
	}
	x, y := c.dirs(b.Env["PATH"]), c.dirs(a.Env["PATH"])
	kept++
	if left := slices.DeleteFunc(slices.Clone(y), func(d string) bool { return !slices.Contains(x, d) }); !slices.Equal(left, x) {
		c.compare("env-changed:PATH", b.Env["PATH"], a.Env["PATH"], "")
		kept--
	} else if more := slices.DeleteFunc(slices.Clone(y), func(d string) bool {
		return slices.Contains(x, d) || d == "/var/vcap/jobs/"+c.job+"/bin"
	}); len(more) > 0 {
		c.compare("env-extra:PATH", "", strings.Join(more, ":"), "")
	}
	c.add(Row{Aspect: "env", Before: fmt.Sprintf("%d variables", kept), After: fmt.Sprintf("%d variables", kept), Status: Same})
}

// dirs are the folders of PATH that a stemcell's does not have, each once.
func (c *comparison) dirs(value string) []string {
	var out []string
	for _, d := range strings.Split(value, ":") {
		if defaultDirs[d] {
			continue
		}
		if strings.HasPrefix(d, "/") {
			d = c.executable(d)
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// limitNames are the names of limits by their letter.
var limitNames = map[string]string{"n": "open_files", "u": "processes", "c": "core_file_size", "l": "memlock", "s": "stack", "v": "virtual_memory", "m": "memory", "d": "data", "t": "cpu", "f": "file_size"}

func (c *comparison) limits(b, a *vm.Event) {
	letters := map[string]bool{"n": true}
	for l := range b.Limits {
		letters[l] = true
	}
	for l := range a.Limits {
		letters[l] = true
	}
	for _, l := range slices.Sorted(maps.Keys(letters)) {
		name := limitNames[l]
		if name == "" {
			name = "ulimit -" + l
		}
		x, set := b.Limits[l]
		y := a.Limits[l]
		rule := ""
		switch {
		case l == "n" && !set:
			x = "1024"
			if y == "524288" {
				rule = "open-files"
			}
		case l == "n" && (x == "unlimited" || x == "hard") && y == "524288":
			rule = "open-files"
		case l == "c" && set:
			if n, err := strconv.Atoi(x); err == nil {
				x = strconv.Itoa(n * 1024) // ulimit counts blocks, bpm bytes
			}
		case !set && x == "":
			x = "as the VM has it"
		}
		if y == "" {
			y = "as the VM has it"
		}
		c.compare("limit:"+name, x, y, rule)
	}
}

func (c *comparison) capabilities(b, a *vm.Event) {
	before, after := slices.Clone(b.Capabilities), slices.Clone(a.Capabilities)
	slices.Sort(before)
	slices.Sort(after)
	show := func(e *vm.Event, list []string) string {
		if e.User == "root" && e.Capabilities == nil {
			return "all"
		}
		if len(list) == 0 {
			return "none"
		}
		return strings.Join(list, " ")
	}
	x, y := show(b, before), show(a, after)
	rule := ""
	if x == "all" {
		rule = "capabilities"
	}
	c.compare("capabilities", x, y, rule)
}
