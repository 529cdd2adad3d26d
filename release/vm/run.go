package vm

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// runner runs other commands, as somebody else or in other surroundings.
type runner func(c *Call) int

// runners are the commands that run others. They are not recorded: what they run
// is.
var runners map[string]runner

func init() {
	runners = map[string]runner{
		"env": env, "nohup": plain, "setsid": plain, "exec": plain, "builtin": plain, "command": plain, "eatmydata": plain, "catchsegv": plain,
		"nice": nice, "ionice": ionice, "chrt": skip("", "p"), "taskset": skip("", "c p"), "numactl": skipLong, "stdbuf": skip("", "i o e"), "unbuffer": plain, "time": skip("p", "f o"),
		"timeout": timeout, "chpst": chpst, "softlimit": chpst, "envuidgid": setuidgid, "setuidgid": setuidgid, "gosu": setuidgid, "su-exec": setuidgid,
		"su": su, "runuser": su, "sudo": sudo, "setpriv": setpriv, "start-stop-daemon": startStopDaemon, "daemonize": daemonize, "daemon": daemonize,
		"prlimit": prlimit, "bash": shellCommand, "sh": shellCommand, "dash": shellCommand, "ksh": shellCommand, "tini": skip("s v w g h", "e p"), "dumb-init": skip("c v", ""),
		"authbind": skipLong, "capsh": capsh, "unshare": skipLong, "flock": flock, "busybox": plain, "xvfb-run": skipLong, "script": plain, "linux64": plain, "setarch": plain,
	}
	register(map[string]command{
		"sleep": sleep, "usleep": sleep, "which": which, "kill": func(c *Call) int { return c.kill(c.Args[1:]) }, "ps": ps, "pgrep": none, "pidof": none, "pkill": none, "killall": none, "fuser": none, "lsof": none,
		"logger": drain, "test": byShell, "[": byShell, "setcap": recorded, "getcap": drain, "wait": drain,
		"pwd": func(c *Call) int { c.printf("%s\n", c.Dir); return 0 },
	})
}

// carried are those that packages bring.
var carried = map[string]bool{"tini": true, "dumb-init": true, "gosu": true, "su-exec": true, "setuidgid": true, "chpst": true, "daemonize": true, "start-stop-daemon": true}

// quiet are commands of which no event is kept: they change nothing.
func quiet(name string) bool { return !changing[name] }

// changing are the commands that are carried out and leave something behind.
var changing = map[string]bool{"mkdir": true, "chown": true, "chgrp": true, "chmod": true, "ln": true, "cp": true, "mv": true, "rm": true, "rmdir": true, "touch": true, "install": true,
	"useradd": true, "adduser": true, "usermod": true, "groupadd": true, "addgroup": true, "userdel": true, "setcap": true, "truncate": true, "dd": true, "mkfifo": true}

// Run runs a command with no input, whose output nobody reads, and gives its
// exit status.
func (p *Process) Run(args []string) int {
	var out bytes.Buffer
	status := p.run(args, nil, &out, &out)
	p.Output = append(p.Output, lastLine(out.String()))
	p.halt = false
	return status
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// run runs a command and gives its exit status.
func (p *Process) run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p.steps++
	if p.steps > maxSteps {
		p.halt = true
		return 124
	}
	if args[0] == "" {
		return 127
	}
	c := &Call{Process: p, Args: args, Stdin: stdin, Stdout: stdout, Stderr: stderr}
	full, there := p.Lookup(args[0])
	name := path.Base(args[0])
	if !there {
		c.Args = []string{"bash"}
		failed := func(why string) int {
			if p.shell == "" {
				return c.failf(127, "%s: %s", args[0], why)
			}
			if p.dash {
				why = "not found"
			}
			fmt.Fprintf(stderr, "%s: %s: %s\n", p.shell, args[0], why)
			return 127
		}
		if strings.Contains(args[0], "/") {
			_, err := p.Stat(args[0])
			if err == nil {
				return c.failf(126, "%s: Is a directory", args[0])
			}
			p.missingProgram(args[0])
			return failed("No such file or directory")
		}
		if len(p.Blank) > 0 {
			p.miss("the function " + args[0] + ", of a file that is not in the release")
			if args[0] == "running_in_container" {
				return 1 // the VM is none
			}
			return 0
		}
		p.missingProgram(args[0])
		return failed("command not found")
	}
	n, err := p.Stat(full)
	if err != nil {
		return c.failf(126, "%s: %s", args[0], err)
	}
	real, err := p.Realpath(full)
	if err != nil {
		return c.failf(126, "%s: %s", args[0], err)
	}
	stemcell := p.Files.stemcell[real]
	if r, ok := runners[name]; ok && (stemcell || carried[name] && n.Assumed) {
		return r(c)
	}
	if stemcell {
		if f, ok := commands[name]; ok {
			status := f(c)
			if status != notMine {
				if !quiet(name) {
					p.record(Command, full, args).Status = status
				}
				return status
			}
		}
		in := c.input()
		p.record(Recorded, full, args).Stdin = string(in[:min(len(in), maxStdin)])
		return 0
	}
	if !p.can(n, 1) && !n.Assumed {
		return c.failf(126, "%s: Permission denied", args[0])
	}
	if n.native != nil {
		return n.native(c)
	}
	if n.Assumed && n.load == nil && len(n.data) == 0 {
		return p.program(c, full)
	}
	data, err := n.Data()
	if err != nil {
		p.Errors = append(p.Errors, err.Error())
		return 126
	}
	interpreter := shebang(data)
	switch {
	case len(interpreter) == 0 && bytes.IndexByte(data, 0) >= 0:
		return p.program(c, full)
	case len(interpreter) == 0, isShell(interpreter):
		p.record(Script, full, args)
		q := p.clone()
		q.inline = false
		if len(interpreter) > 0 {
			q.dash = isDash(interpreter[0])
		}
		var options []string
		for _, o := range interpreter[min(1, len(interpreter)):] {
			if len(o) > 1 && o[0] == '-' && strings.Trim(o[1:], "aefhnuxC") == "" {
				options = append(options, o)
			}
		}
		return q.Shell(data, full, args[1:], stdin, stdout, stderr, options...)
	}
	return p.program(c, full)
}

// missingProgram writes down what was to be executed and is not there.
func (p *Process) missingProgram(name string) {
	where := "command not found: " + name
	if p.Container != nil {
		where = "not in the container: " + name
	}
	p.miss(where)
}

// maxStdin is how many bytes of an input are kept.
const maxStdin = 1 << 16

// program records the execution of a program, which reads its input and
// succeeds.
func (p *Process) program(c *Call, full string) int {
	in := c.input()
	p.record(Program, full, c.Args).Stdin = string(in[:min(len(in), maxStdin)])
	if path.Base(full) == "initdb" {
		p.initdb(c.Args[1:])
	}
	return 0
}

// initdb makes the folder of a database cluster: scripts look for what is in it.
func (p *Process) initdb(args []string) {
	dir := p.Env["PGDATA"]
	for i, a := range args {
		switch {
		case (a == "-D" || a == "--pgdata") && i+1 < len(args):
			dir = args[i+1]
		case strings.HasPrefix(a, "--pgdata="):
			dir = strings.TrimPrefix(a, "--pgdata=")
		case strings.HasPrefix(a, "-D"):
			dir = a[2:]
		}
	}
	if dir == "" || p.Mkdir(dir, 0o700, true) != nil {
		return
	}
	for _, f := range []string{"PG_VERSION", "postgresql.conf", "pg_hba.conf", "pg_ident.conf"} {
		_ = p.WriteFile(path.Join(dir, f), []byte("\n"), false) // nobody may be allowed to write there
	}
}

// shebang is the interpreter of a script with its arguments, without env.
func shebang(data []byte) []string {
	line, _, _ := strings.Cut(string(data[:min(len(data), 256)]), "\n")
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return nil
	}
	words := strings.Fields(rest)
	if len(words) > 1 && path.Base(words[0]) == "env" {
		words = words[1:]
		for len(words) > 1 && strings.HasPrefix(words[0], "-") {
			words = words[1:]
		}
	}
	return words
}

func isShell(interpreter []string) bool {
	switch path.Base(interpreter[0]) {
	case "bash", "sh", "dash", "ksh":
		return true
	}
	return false
}

// isDash says whether a shell is dash, which sh is on a stemcell.
func isDash(name string) bool {
	name = path.Base(name)
	return name == "sh" || name == "dash"
}

// run runs a command in the place of this one.
func (c *Call) run(args []string, stdin io.Reader, stdout io.Writer) int {
	if len(args) == 0 {
		return 0
	}
	return c.Process.run(args, stdin, stdout, c.Stderr)
}

// as runs a command as a changed process.
func (c *Call) as(p *Process, args []string) int {
	if len(args) == 0 {
		return 0
	}
	return p.run(args, c.Stdin, c.Stdout, c.Stderr)
}

func plain(c *Call) int { return c.run(c.Args[1:], c.Stdin, c.Stdout) }

// skip runs the first argument that is no option.
func skip(known, valued string) runner {
	return func(c *Call) int {
		args := c.Args[1:]
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			a := args[0]
			args = args[1:]
			if a == "--" {
				break
			}
			if len(a) == 2 && slices.Contains(strings.Fields(valued), a[1:]) && len(args) > 0 {
				args = args[1:]
			}
		}
		if c.Name() == "chrt" || c.Name() == "taskset" {
			args = args[min(1, len(args)):] // the priority or the mask
		}
		return c.run(args, c.Stdin, c.Stdout)
	}
}

// skipLong runs the first argument that is no option; options have no value of
// their own.
func skipLong(c *Call) int {
	args := c.Args[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args = args[1:]; strings.HasPrefix(args[0], "--") && len(args[0]) == 2 {
			break
		}
	}
	return c.run(args, c.Stdin, c.Stdout)
}

func env(c *Call) int {
	p := c.clone()
	args := c.Args[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		switch {
		case a == "-" || a == "-i" || a == "--ignore-environment":
			p.Env = map[string]string{}
		case (a == "-u" || a == "--unset") && len(args) > 0:
			delete(p.Env, args[0])
			args = args[1:]
		case strings.HasPrefix(a, "--unset="):
			delete(p.Env, strings.TrimPrefix(a, "--unset="))
		case (a == "-C" || a == "--chdir") && len(args) > 0:
			p.Dir = p.Abs(args[0])
			args = args[1:]
		case strings.HasPrefix(a, "--chdir="):
			p.Dir = p.Abs(strings.TrimPrefix(a, "--chdir="))
		case a == "--":
		default:
			c.miss("env " + a)
		}
	}
	for len(args) > 0 {
		k, v, ok := strings.Cut(args[0], "=")
		if !ok {
			break
		}
		p.Env[k] = v
		args = args[1:]
	}
	if len(args) == 0 {
		for _, k := range sorted(p.Env) {
			c.printf("%s=%s\n", k, p.Env[k])
		}
		return 0
	}
	return c.as(p, args)
}

func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func nice(c *Call) int {
	p := c.clone()
	args := c.Args[1:]
	by := 10
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if (a == "-n" || a == "--adjustment") && len(args) > 0 {
			a, args = args[0], args[1:]
		}
		a = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a, "--adjustment="), "-n"), "--")
		if n, err := strconv.Atoi(a); err == nil {
			by = n
		} else if n, err := strconv.Atoi(strings.TrimPrefix(a, "-")); err == nil {
			by = n
		}
	}
	p.Nice += by
	return c.as(p, args)
}

func ionice(c *Call) int {
	for i, a := range c.Args {
		if a == "-p" || strings.HasPrefix(a, "-p") || a == "-P" {
			_ = i
			return 0 // of a process that runs
		}
	}
	return skip("t", "c n")(c)
}

func timeout(c *Call) int {
	args := c.Args[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if (a == "-k" || a == "-s" || a == "--kill-after" || a == "--signal") && len(args) > 0 {
			args = args[1:]
		}
	}
	if len(args) > 0 {
		args = args[1:]
	}
	clock := c.clock
	status := c.run(args, c.Stdin, c.Stdout)
	if c.halt && c.clock > clock && !c.background {
		c.halt, c.clock = false, clock
		return 124
	}
	return status
}

// become changes the user; "" leaves it. A user that is a number is looked up.
func (p *Process) become(user, group string) {
	if a := p.account(user); a != nil && user != "" {
		user = a.name
	}
	if user != "" {
		if group == "" {
			group = user
			if user == "nobody" {
				group = "nogroup"
			}
		}
		if user != "root" {
			p.Capabilities = []string{}
		}
		p.User = user
	}
	if group != "" {
		p.Group = group
	}
}

// Become changes who the process is.
func (p *Process) Become(user, group string) { p.become(user, group) }

// home is the home of a user.
func (p *Process) home(user string) string {
	if a := p.account(user); a != nil {
		return a.home
	}
	return "/home/" + user
}

func chpst(c *Call) int {
	p := c.clone()
	args := c.Args[1:]
	limit := func(letter, value string) { p.Limits[letter] = value }
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		letters := a[1:]
		for i := 0; i < len(letters); i++ {
			l := letters[i]
			if strings.IndexByte("vVP012", l) >= 0 {
				continue
			}
			value := letters[i+1:]
			if value == "" && len(args) > 0 {
				value, args = args[0], args[1:]
			}
			switch l {
			case 'u', 'U':
				if l == 'U' {
					break
				}
				names := strings.Split(strings.TrimPrefix(value, ":"), ":")
				group := ""
				if len(names) > 1 {
					group = names[1]
				}
				p.become(names[0], group)
			case 'e':
				p.envDir(value)
			case 'n':
				n, _ := strconv.Atoi(value)
				p.Nice += n
			case 'o':
				limit("n", value)
			case 'p':
				limit("u", value)
			case 'c':
				limit("c", blocks(value, 1024))
			case 'm', 's', 'd', 'a', 't', 'f', 'r':
				limit(map[byte]string{'m': "m", 's': "s", 'd': "d", 'a': "v", 't': "t", 'f': "f", 'r': "m"}[l], value)
			case 'b':
				// the name it is called by
			case '/', 'l', 'L', 'C':
				if l == 'C' {
					p.Dir = p.Abs(value)
				}
				if l == '/' {
					c.miss("chpst -/")
				}
			default:
				c.miss("chpst -" + string(l))
			}
			break
		}
	}
	return c.as(p, args)
}

// blocks turns bytes into the unit of ulimit.
func blocks(value string, size int) string {
	n, err := strconv.Atoi(value)
	if err != nil {
		return value
	}
	return strconv.Itoa(n / size)
}

// envDir takes the environment from a folder, a file for each variable.
func (p *Process) envDir(dir string) {
	names, err := p.List(dir)
	if err != nil {
		p.miss("chpst -e " + dir)
		return
	}
	for _, n := range names {
		data, err := p.ReadFile(path.Join(dir, n))
		if err != nil {
			continue
		}
		line, _, _ := strings.Cut(string(data), "\n")
		if len(data) == 0 {
			delete(p.Env, n)
		} else {
			p.Env[n] = strings.TrimRight(line, " \t")
		}
	}
}

func setuidgid(c *Call) int {
	if len(c.Args) < 3 {
		return 100
	}
	p := c.clone()
	user, group, _ := strings.Cut(c.Args[1], ":")
	p.become(user, group)
	return c.as(p, c.Args[2:])
}

// login sets what a login sets.
func (p *Process) login(user string, all bool) {
	if all {
		term := p.Env["TERM"]
		p.Env = map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"}
		if user == "root" {
			p.Env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		}
		if term != "" {
			p.Env["TERM"] = term
		}
		p.Dir = p.home(user)
	}
	p.Env["HOME"], p.Env["SHELL"] = p.home(user), "/bin/bash"
	if a := p.account(user); a != nil {
		p.Env["SHELL"] = a.shell
	}
	if all || user != "root" {
		p.Env["USER"], p.Env["LOGNAME"] = user, user
	}
}

// su is su and runuser.
func su(c *Call) int {
	p := c.clone()
	var operands []string
	user, group, text := "", "", ""
	login, keep, given, direct := false, false, false, false
	args := c.Args[1:]
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		next := func() string {
			if len(args) == 0 {
				return ""
			}
			v := args[0]
			args = args[1:]
			return v
		}
		switch {
		case a == "--":
			operands = append(operands, args...)
			args = nil
		case a == "-" || a == "-l" || a == "--login":
			login = true
		case a == "-m" || a == "-p" || a == "--preserve-environment":
			keep = true
		case a == "-c" || a == "--command" || a == "--session-command":
			text, given = next(), true
		case strings.HasPrefix(a, "--command="):
			text, given = strings.TrimPrefix(a, "--command="), true
		case a == "-s" || a == "--shell":
			next()
		case strings.HasPrefix(a, "--shell="), a == "-f", a == "--fast", a == "-P", a == "--pty":
		case (a == "-u" || a == "--user") && c.Name() == "runuser":
			user, direct = next(), true
		case strings.HasPrefix(a, "--user=") && c.Name() == "runuser":
			user, direct = strings.TrimPrefix(a, "--user="), true
		case a == "-g" || a == "--group":
			group = next()
		case strings.HasPrefix(a, "--group="):
			group = strings.TrimPrefix(a, "--group=")
		case a == "-G" || a == "-w":
			next()
		case strings.HasPrefix(a, "-") && len(a) > 1:
			// letters together, such as -lc
			known := true
			for i, l := range a[1:] {
				switch l {
				case 'l':
					login = true
				case 'm', 'p':
					keep = true
				case 'c':
					text, given = next(), true
					if rest := a[i+2:]; rest != "" {
						text = rest
					}
				case 's':
					next()
				default:
					known = false
				}
			}
			if !known {
				c.miss(c.Name() + " " + a)
			}
		default:
			operands = append(operands, a)
			if direct {
				// runuser -u USER COMMAND ARGS
				operands = append(operands, args...)
				args = nil
			}
		}
	}
	if direct {
		p.become(user, group)
		return c.as(p, operands)
	}
	user = "root"
	if len(operands) > 0 {
		user, operands = operands[0], operands[1:]
	}
	if p.account(user) == nil {
		return c.failf(1, "user %s does not exist", user)
	}
	p.become(user, group)
	if login || !keep {
		p.login(user, login)
	}
	if given {
		operands = append([]string{"-c", text}, operands...)
	}
	if len(operands) == 0 {
		script := c.input()
		p.inline, p.dash = true, false
		return p.Shell(script, "bash", nil, nil, c.Stdout, c.Stderr)
	}
	return c.as(p, append([]string{"/bin/bash"}, operands...))
}

func sudo(c *Call) int {
	p := c.clone()
	user, group := "root", ""
	preserve, login, shell := false, false, false
	set := map[string]string{}
	args := c.Args[1:]
options:
	for len(args) > 0 {
		a := args[0]
		next := func() string {
			if len(args) < 2 {
				return ""
			}
			args = args[1:]
			return args[0]
		}
		switch {
		case a == "--":
			args = args[1:]
			break options
		case a == "-u" || a == "--user":
			user = next()
		case strings.HasPrefix(a, "--user="):
			user = strings.TrimPrefix(a, "--user=")
		case a == "-g" || a == "--group":
			group = next()
		case a == "-E" || a == "--preserve-env":
			preserve = true
		case strings.HasPrefix(a, "--preserve-env="):
			for _, k := range strings.Split(strings.TrimPrefix(a, "--preserve-env="), ",") {
				if v, ok := p.Env[k]; ok {
					set[k] = v
				}
			}
		case a == "-i" || a == "--login":
			login = true
		case a == "-s" || a == "--shell":
			shell = true
		case a == "-n" || a == "-H" || a == "-b" || a == "-S" || a == "-k" || a == "-A" || a == "-P":
		case a == "-p" || a == "-C" || a == "-r" || a == "-t" || a == "-h" || a == "-T":
			next()
		case strings.HasPrefix(a, "-u") && len(a) > 2:
			user = a[2:]
		case strings.HasPrefix(a, "-") && strings.Trim(a[1:], "EHnSiks") == "" && len(a) > 1:
			preserve = preserve || strings.Contains(a, "E")
			login = login || strings.Contains(a, "i")
		case strings.HasPrefix(a, "-"):
			c.miss("sudo " + a)
		default:
			k, v, ok := strings.Cut(a, "=")
			if !ok || strings.Contains(k, "/") {
				break options
			}
			set[k] = v
		}
		args = args[1:]
	}
	user = strings.TrimPrefix(user, "#")
	p.become(user, group)
	if !preserve {
		p.Env = map[string]string{}
		if t, ok := c.Env["TERM"]; ok {
			p.Env["TERM"] = t
		}
	}
	p.login(p.User, login)
	p.Env["USER"], p.Env["LOGNAME"] = p.User, p.User
	p.Env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
	for k, v := range set {
		p.Env[k] = v
	}
	if len(args) > 0 && (login || shell) {
		args = []string{"/bin/bash", "-c", strings.Join(args, " ")}
	}
	return c.as(p, args)
}

func setpriv(c *Call) int {
	p := c.clone()
	user, group := "", ""
	args := c.Args[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		switch name {
		case "reuid", "regid", "ruid", "euid", "rgid", "egid", "inh-caps", "ambient-caps", "bounding-set", "groups", "securebits", "pdeathsig", "selinux-label", "apparmor-profile", "rlimit":
			if !ok && len(args) > 0 {
				value, args = args[0], args[1:]
			}
		}
		switch name {
		case "reuid", "euid":
			user = value
		case "regid", "egid":
			group = value
		case "ambient-caps":
			for _, k := range strings.Split(value, ",") {
				if strings.HasPrefix(k, "+") {
					p.Capabilities = append(p.Capabilities, strings.ToUpper(strings.TrimPrefix(strings.TrimPrefix(k, "+"), "cap_")))
				}
			}
		case "reset-env":
			p.login(user, true)
		}
	}
	caps := p.Capabilities
	p.become(user, group)
	if user != "" && user != "root" && user != "0" {
		p.Capabilities = append([]string{}, caps...)
	}
	return c.as(p, args)
}

func startStopDaemon(c *Call) int {
	p := c.clone()
	var exe, startas, user, group, pidfile string
	start, background, makePid := false, false, false
	args := c.Args[1:]
	var rest []string
options:
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		name, value, given := strings.Cut(a, "=")
		if !strings.HasPrefix(a, "--") {
			name, given = a, false
		}
		next := func() string {
			if given {
				return value
			}
			if len(args) == 0 {
				return ""
			}
			v := args[0]
			args = args[1:]
			return v
		}
		switch name {
		case "--":
			rest = args
			break options
		case "-S", "--start":
			start = true
		case "-K", "--stop", "-T", "--status", "-t", "--test":
			return 0
		case "-x", "--exec":
			exe = next()
		case "-a", "--startas":
			startas = next()
		case "-c", "--chuid":
			user, group, _ = strings.Cut(next(), ":")
		case "-g", "--group":
			group = next()
		case "-d", "--chdir":
			p.Dir = p.Abs(next())
		case "-p", "--pidfile":
			pidfile = next()
		case "-N", "--nicelevel":
			n, _ := strconv.Atoi(next())
			p.Nice += n
		case "-k", "--umask":
			if m, err := strconv.ParseUint(next(), 8, 16); err == nil {
				p.Umask = fs.FileMode(m)
			}
		case "-n", "--name", "-u", "--user", "-s", "--signal", "-R", "--retry", "-r", "--chroot", "-P", "--procsched", "-I", "--iosched", "--ppid", "--pid", "--output", "-O", "--notify-timeout":
			next()
		case "-b", "--background":
			background = true
		case "-m", "--make-pidfile":
			makePid = true
		case "-q", "--quiet", "-v", "--verbose", "-o", "--oknodo", "-C", "--no-close", "--remove-pidfile", "--notify-await":
		default:
			if strings.HasPrefix(name, "-") && len(name) > 2 && name[1] != '-' {
				for _, l := range name[1:] {
					args = append([]string{"-" + string(l)}, args...)
				}
				slices.Reverse(args[:len(name)-1])
				continue
			}
			c.miss("start-stop-daemon " + a)
		}
	}
	if !start {
		return 0
	}
	if startas != "" {
		exe = startas
	}
	p.become(user, group)
	if user != "" {
		p.Env["HOME"], p.Env["USER"], p.Env["LOGNAME"] = p.home(p.User), p.User, p.User
	}
	p.background = p.background || background
	if makePid && pidfile != "" {
		_ = c.WriteFile(pidfile, []byte(c.newPid(true)+"\n"), false) // bookkeeping
	}
	return c.as(p, append([]string{exe}, rest...))
}

func daemonize(c *Call) int {
	p := c.clone()
	args := c.Args[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		name, value, given := strings.Cut(a, "=")
		switch name {
		case "-a", "-v", "-r", "--respawn", "--inherit":
			continue
		}
		if !given && len(args) > 0 && (len(a) == 2 || strings.HasPrefix(a, "--")) {
			value, args = args[0], args[1:]
		}
		switch name {
		case "-u", "--user":
			user, group, _ := strings.Cut(strings.ReplaceAll(value, ".", ":"), ":")
			p.become(user, group)
		case "-c", "--chdir", "-D":
			p.Dir = p.Abs(value)
		case "-E", "--env":
			k, v, _ := strings.Cut(value, "=")
			p.Env[k] = v
		case "-p", "-o", "-e", "-l", "--pidfile", "-F", "-n", "--name", "--stdout", "--stderr", "--output", "-O":
		default:
			c.miss(c.Name() + " " + a)
		}
	}
	p.background = true
	return c.as(p, args)
}

func prlimit(c *Call) int {
	p := c.clone()
	args := c.Args[1:]
	letters := map[string]string{"nofile": "n", "n": "n", "nproc": "u", "u": "u", "core": "c", "c": "c", "memlock": "l", "l": "l", "stack": "s", "s": "s", "as": "v", "v": "v", "cpu": "t", "t": "t", "fsize": "f", "f": "f", "data": "d", "d": "d"}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if strings.HasPrefix(a, "--pid") || strings.HasPrefix(a, "-p") {
			return 0 // of a process that runs: whose it is is not followed
		}
		name, value, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		soft, _, _ := strings.Cut(value, ":")
		if l, ok := letters[name]; ok && soft != "" {
			p.Limits[l] = soft
		} else {
			c.miss("prlimit " + a)
		}
	}
	return c.as(p, args)
}

func shellCommand(c *Call) int {
	args := c.Args[1:]
	var options []string
	text, given, login, fromInput := "", false, false, false
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+') {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if a == "-o" || a == "+o" || a == "-O" || a == "+O" {
			if len(args) > 0 {
				if a == "-o" {
					options = append(options, a, args[0])
				}
				args = args[1:]
			}
			continue
		}
		if strings.HasPrefix(a, "--") {
			if (a == "--rcfile" || a == "--init-file") && len(args) > 0 {
				args = args[1:]
			}
			continue
		}
		kept := a[:1]
		for _, l := range a[1:] {
			switch l {
			case 'c':
				given = true
			case 'l':
				login = true
			case 's':
				fromInput = true
			case 'i', 'p', 'r', 'v', 'm', 'b', 'h', 'B', 'E', 'P', 'T', 'H', 'D':
			default:
				kept += string(l)
			}
		}
		if len(kept) > 1 {
			options = append(options, kept)
		}
	}
	_ = login
	p := c.clone()
	p.dash = isDash(c.Args[0])
	if given {
		if len(args) == 0 {
			return c.failf(2, "-c: option requires an argument")
		}
		text, args = args[0], args[1:]
		name := c.Args[0]
		if len(args) > 0 {
			name, args = args[0], args[1:]
		}
		q := p.clone()
		q.inline = true
		return q.Shell([]byte(text), name, args, c.Stdin, c.Stdout, c.Stderr, options...)
	}
	if len(args) == 0 || fromInput {
		p.inline = true
		return p.Shell(c.input(), c.Args[0], args, nil, c.Stdout, c.Stderr, options...)
	}
	file := args[0]
	data, err := p.ReadFile(file)
	if err != nil {
		if full, ok := p.Lookup(file); ok {
			file = full
			data, err = p.ReadFile(file)
		}
	}
	if err != nil {
		p.missingProgram(args[0])
		return c.failf(127, "%s", err)
	}
	full := p.Abs(file)
	if n, err := p.Stat(full); err == nil && n.Assumed && len(data) == 0 {
		// a script of a package that is not in the release
		p.record(Program, full, append([]string{c.Args[0]}, args...))
		return 0
	}
	p.record(Script, full, args)
	p.inline = false
	return p.Shell(data, file, args[1:], c.Stdin, c.Stdout, c.Stderr, options...)
}

func capsh(c *Call) int {
	p := c.clone()
	for i, a := range c.Args[1:] {
		switch {
		case strings.HasPrefix(a, "--user="):
			p.become(strings.TrimPrefix(a, "--user="), "")
		case a == "--":
			return c.as(p, append([]string{"/bin/bash"}, c.Args[i+2:]...))
		}
	}
	return 0
}

func flock(c *Call) int {
	args := c.Args[1:]
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "-c" || a == "--command":
			if len(args) > 0 {
				return c.as(c.clone(), []string{"/bin/sh", "-c", args[0]})
			}
		case a == "-w" || a == "-E" || a == "--timeout" || a == "--wait" || a == "--conflict-exit-code":
			args = args[min(1, len(args)):]
		case strings.HasPrefix(a, "-"):
		default:
			if strings.Trim(a, "0123456789") != "" && len(args) > 0 && args[0] != "-c" {
				return c.run(args, c.Stdin, c.Stdout)
			}
		}
	}
	return 0
}

// sleep lets time pass on this machine. What waits too long is stopped; in the
// background that is how a loop without end looks.
func sleep(c *Call) int {
	seconds := 0.0
	for _, a := range c.Args[1:] {
		unit := 1.0
		switch {
		case strings.HasSuffix(a, "m"):
			unit = 60
		case strings.HasSuffix(a, "h"):
			unit = 3600
		case strings.HasSuffix(a, "d"):
			unit = 86400
		case a == "infinity":
			unit, a = 86400, "1"
		}
		n, err := strconv.ParseFloat(strings.TrimRight(a, "smhd"), 64)
		if err != nil {
			return c.failf(1, "invalid time interval '%s'", a)
		}
		seconds += n * unit
	}
	if c.Name() == "usleep" {
		seconds /= 1e6
	}
	c.clock += int(seconds) + 1
	if c.clock > maxClock {
		c.halt = true
		c.waiting = c.background
		if c.background {
			c.clock = 0
		}
		return 124
	}
	return 0
}

func which(c *Call) int {
	status := 0
	for _, a := range c.Args[1:] {
		if strings.HasPrefix(a, "-") {
			continue
		}
		if full, ok := c.Lookup(a); ok {
			c.printf("%s\n", full)
		} else {
			status = 1
		}
	}
	return status
}

// ps knows the pids that were given out.
func ps(c *Call) int {
	asked := ""
	for i, a := range c.Args[1:] {
		switch {
		case (a == "-p" || a == "p" || a == "--pid") && i+2 < len(c.Args):
			asked = c.Args[i+2]
		case strings.HasPrefix(a, "-p") && len(a) > 2:
			asked = a[2:]
		case a != "" && strings.Trim(a, "0123456789") == "":
			asked = a
		}
	}
	if asked != "" {
		if !c.pids[asked] {
			c.printf("  PID TTY          TIME CMD\n")
			return 1
		}
		c.printf("  PID TTY          TIME CMD\n%5s ?        00:00:00 daemon\n", asked)
		return 0
	}
	c.printf("  PID TTY          TIME CMD\n    1 ?        00:00:00 init\n")
	return 0
}

// none finds no process.
func none(*Call) int { return 1 }

// drain reads its input and succeeds.
func drain(c *Call) int { c.input(); return 0 }

func recorded(*Call) int { return 0 }

// byShell is what the shell has as a builtin, for those who call it by its path
// or through another command.
func byShell(c *Call) int {
	p := c.clone()
	p.inline, p.dash = true, false
	return p.Shell([]byte("builtin "+c.Name()+` "$@"`), "bash", c.Args[1:], nil, c.Stdout, c.Stderr)
}
