package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// What a start path may take before it is stopped: commands, seconds slept, and
// scripts that run scripts.
const (
	maxSteps  = 20000
	maxClock  = 900
	maxDepth  = 40
	wallClock = 20 * time.Second
)

// errStopped ends a script that would not end.
var errStopped = errors.New("stopped: it does not end")

// shell is one running shell.
type shell struct {
	*Process
}

// source is a place in front of what the source builtin opens, so that the
// interpreter does not look at the host for it.
const sourcePrefix = "/dev/null/vm"

// Shell runs a script with the interpreter and gives its exit status. name is
// what $0 is.
func (p *Process) Shell(src []byte, name string, params []string, stdin io.Reader, stdout, stderr io.Writer, options ...string) int {
	if p.depth > maxDepth {
		p.miss("scripts that run each other without end")
		return 126
	}
	p = p.clone()
	p.depth++
	if !p.inline || p.script == "" {
		p.script, p.inline = name, false
	}
	at := p.script
	if p.inline {
		at = ""
	}
	f, err := p.parse(src, name, at, 0)
	if err != nil {
		fmt.Fprintln(stderr, err)
		p.Errors = append(p.Errors, err.Error())
		return 2
	}
	for _, name := range p.exported {
		if d := p.declared[name]; d != nil {
			f.Stmts = append([]*syntax.Stmt{{Position: f.Pos(), Cmd: d}}, f.Stmts...)
		}
	}
	s := &shell{Process: p}
	in, stopIn := stdinPipe(stdin)
	defer stopIn()
	r, err := interp.New(
		interp.Env(s.environ()),
		interp.StdIO(in, stdout, stderr),
		interp.Dir("/"),
		interp.Params(append(append(slices.Clone(options), "--"), params...)...),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.OpenHandler(s.open),
		interp.StatHandler(s.stat),
		interp.AccessHandler(s.access),
		interp.ReadDirHandler2(s.readDir),
	)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	r.Dir = p.Dir
	ctx, cancel := context.WithTimeout(context.Background(), wallClock)
	defer cancel()
	err = r.Run(ctx, f)
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errStopped), errors.Is(err, context.DeadlineExceeded):
		p.Stopped = true
		return 124
	}
	fmt.Fprintln(stderr, err)
	p.Errors = append(p.Errors, name+": "+err.Error())
	return 1
}

// stdinPipe gives the interpreter its input; an input that is not a file would
// be read by a goroutine of its own to the end.
func stdinPipe(in io.Reader) (io.Reader, func()) {
	if in == nil {
		return nil, func() {}
	}
	if f, ok := in.(*os.File); ok {
		return f, func() {}
	}
	data, _ := io.ReadAll(in) // in is a buffer
	return bytes.NewReader(data), func() {}
}

// environ is the environment of the process, and the variables that the
// interpreter would take from the host.
func (s *shell) environ() expand.Environ {
	vars := map[string]expand.Variable{}
	for k, v := range s.Env {
		vars[k] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: v}
	}
	hidden := func(name, value string) {
		if _, ok := vars[name]; !ok {
			vars[name] = expand.Variable{Set: true, Kind: expand.String, Str: value}
		}
	}
	id := s.uid(s.User)
	for _, n := range []string{"UID", "EUID", "GID"} {
		delete(vars, n)
		vars[n] = expand.Variable{Set: true, ReadOnly: true, Kind: expand.String, Str: id}
	}
	for name, value := range map[string]string{"HOME": "", "HOSTNAME": Hostname, "OSTYPE": "linux-gnu", "MACHTYPE": "x86_64-pc-linux-gnu", "HOSTTYPE": "x86_64",
		"BASH": "/bin/bash", "BASH_VERSION": "5.1.16(1)-release", "SHLVL": "1", "__vm_pid": s.self, "__vm_ppid": "1", "__vm_random": "12345", "__vm_seconds": "1767225600"} {
		hidden(name, value)
	}
	if _, ok := s.Env["PATH"]; !ok {
		hidden("PATH", defaultPath)
	}
	vars["BASH_SOURCE"] = expand.Variable{Set: true, Kind: expand.Indexed, List: []string{s.script}}
	return environ(vars)
}

// environ is a fixed set of variables.
type environ map[string]expand.Variable

func (e environ) Get(name string) expand.Variable { return e[name] }

func (e environ) Each(fn func(string, expand.Variable) bool) {
	for _, k := range slices.Sorted(maps.Keys(e)) {
		if !fn(k, e[k]) {
			return
		}
	}
}

// renamed are builtins of the interpreter that look at the host, or that it does
// not have; commands of this machine stand in for them.
var renamed = map[string]bool{"kill": true, "ulimit": true, "umask": true, "wait": true, "hash": true, "type": true, "jobs": true, "disown": true, "suspend": true,
	"fg": true, "bg": true, "bind": true, "enable": true, "caller": true, "history": true, "logout": true, "newgrp": true, "fc": true, "help": true, "times": true,
	"complete": true, "compgen": true, "compopt": true}

// call sees every simple command before it runs.
func (s *shell) call(ctx context.Context, args []string) ([]string, error) {
	s.steps++
	if s.steps > maxSteps || s.steps%4 == 0 && grown(ctx, args) {
		return nil, errStopped
	}
	switch name := args[0]; {
	case s.functions[name]:
	case renamed[name]:
		return append([]string{"__vm_" + name}, args[1:]...), nil
	case name == "command" && len(args) > 1:
		if args[1] == "-v" || args[1] == "-V" || args[1] == "-p" {
			return append([]string{"__vm_command"}, args[1:]...), nil
		}
		if renamed[args[1]] {
			return append([]string{"__vm_" + args[1]}, args[2:]...), nil
		}
	case name == "pwd" && len(args) > 1:
		return append([]string{"__vm_pwd"}, args[1:]...), nil
	case name == "source" || name == ".":
		if len(args) > 1 {
			file := args[1]
			if !strings.Contains(file, "/") {
				if found, ok := s.at(ctx).Lookup(file); ok {
					file = found
				}
			}
			return append([]string{name, sourcePrefix + s.at(ctx).Abs(file)}, args[2:]...), nil
		}
	case name == "eval" && len(args) > 1:
		p := s.at(ctx)
		return []string{"eval", string(s.respell([]byte(strings.Join(args[1:], " ")), p.script, p.line))}, nil
	case name == "exec" && len(args) > 1:
		return append([]string{"exec", "__vm_exec"}, args[1:]...), nil
	case name == "trap" && len(args) > 2:
		return trap(args), nil
	case name == "test" || name == "[":
		return s.test(args), nil
	}
	return args, nil
}

// trap leaves the traps that the interpreter knows: no signal comes here.
func trap(args []string) []string {
	kept := args[:2:2]
	for _, signal := range args[2:] {
		switch strings.TrimPrefix(strings.ToUpper(signal), "SIG") {
		case "EXIT", "0":
			kept = append(kept, "EXIT")
		case "ERR":
			kept = append(kept, "ERR")
		}
	}
	if len(kept) == 2 {
		return []string{":"}
	}
	return kept
}

// maxMemory is how many bytes the variables of a shell, or the words of a command,
// may hold.
const maxMemory = 8 << 20

// grown says whether a script makes its variables larger and larger.
func grown(ctx context.Context, args []string) bool {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	interp.HandlerCtx(ctx).Env.Each(func(_ string, v expand.Variable) bool {
		size += len(v.Str)
		for _, e := range v.List {
			size += len(e)
		}
		return size <= maxMemory
	})
	return size > maxMemory
}

// test turns == into =, and what the interpreter would ask the host for.
func (s *shell) test(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if (a == "-O" || a == "-G") && i+1 < len(out) && i > 0 && out[i-1] != "=" {
			out[i] = "-e"
		}
	}
	return out
}

// at is the process as the running shell is now: a subshell has its own.
func (s *shell) at(ctx context.Context) *Process {
	hc := interp.HandlerCtx(ctx)
	p := s.clone()
	p.Dir = hc.Dir
	p.Env = map[string]string{}
	hc.Env.Each(func(name string, v expand.Variable) bool {
		switch {
		case strings.HasPrefix(name, "__vm_ulimit_"):
			p.Limits[strings.TrimPrefix(name, "__vm_ulimit_")] = v.String()
		case name == "__vm_umask":
			if n, err := strconv.ParseUint(v.String(), 8, 16); err == nil {
				p.Umask = fs.FileMode(n)
			}
		case name == "__vm_at":
			if line, script, ok := strings.Cut(v.String(), ":"); ok {
				p.script = script
				p.line, _ = strconv.Atoi(line)
			}
		case name == "__vm_background":
			p.background = true
		case strings.HasPrefix(name, "__vm_"):
		case v.Exported && v.IsSet() && v.Kind == expand.String:
			p.Env[name] = v.Str
		case v.Exported && !v.IsSet():
			delete(p.Env, name)
		}
		return true
	})
	delete(p.Env, "PWD")
	delete(p.Env, "OLDPWD")
	p.stdout, p.stderr = outputName(hc.Stdout, s.stdout), outputName(hc.Stderr, s.stderr)
	return p
}

// outputName is the file that output goes to; other when the shell did not say.
func outputName(w io.Writer, other string) string {
	switch w := w.(type) {
	case *handle:
		return w.name
	case nil:
		return "/dev/null"
	}
	if w == io.Discard {
		return "/dev/null"
	}
	return other
}

// exec runs what is neither a function nor a builtin.
func (s *shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	p := s.at(ctx)
	if internal, ok := strings.CutPrefix(args[0], "__vm_"); ok {
		return exit(s.builtin(ctx, hc, p, internal, args[1:]))
	}
	status := p.run(args, hc.Stdin, hc.Stdout, hc.Stderr)
	if s.halt {
		s.halt = false
		return errStopped
	}
	return exit(status)
}

func exit(status int) error {
	if status == 0 {
		return nil
	}
	return interp.ExitStatus(uint8(status))
}

// set gives a variable of the running shell a value.
func set(ctx context.Context, hc interp.HandlerContext, name, value string) {
	_ = hc.Builtin(ctx, []string{"eval", name + "=" + quote(value)}) // an assignment does not fail
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// builtin carries out what the script was rewritten to call, and the builtins
// that the interpreter does not have.
func (s *shell) builtin(ctx context.Context, hc interp.HandlerContext, p *Process, name string, args []string) int {
	switch name {
	case "join":
		_ = hc.Builtin(ctx, []string{"wait"}) // without arguments it gives 0
		alive := false
		if n := len(s.Events); n > 0 {
			alive = s.Events[n-1].Kind == Program && s.Events[n-1].Background
		}
		set(ctx, hc, "__vm_bang", s.newPid(alive || s.waiting))
		s.waiting = false
		return 0
	case "status":
		if len(args) == 3 {
			if args[0] == "0" && args[1] == "0" && args[2] == "1" {
				return 1
			}
			n, _ := strconv.Atoi(args[0])
			return n
		}
	case "file":
		data, _ := io.ReadAll(hc.Stdin)
		s.pipes[args[0]] = bytes.NewBuffer(data)
		fmt.Fprint(hc.Stdout, args[0])
		return 0
	case "export":
		s.exported = append(s.exported, args...)
		return 0
	case "exec":
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			switch {
			case args[0] == "-a" && len(args) > 1:
				args = args[2:]
			case args[0] == "-c":
				p.Env = map[string]string{}
				args = args[1:]
			case args[0] == "--" || args[0] == "-l":
				args = args[1:]
			default:
				s.miss("exec " + args[0])
				args = args[1:]
			}
		}
		if len(args) == 0 {
			return 0
		}
		status := p.run(args, hc.Stdin, hc.Stdout, hc.Stderr)
		return status
	case "ulimit":
		return s.ulimit(ctx, hc, p, args)
	case "umask":
		if len(args) == 0 {
			fmt.Fprintf(hc.Stdout, "%04o\n", p.Umask)
			return 0
		}
		mask, err := strconv.ParseUint(args[0], 8, 16)
		if err != nil {
			m, ok := symbolicMask(args[0], p.Umask)
			if !ok {
				s.miss("umask " + args[0])
				return 0
			}
			mask = uint64(m)
		}
		set(ctx, hc, "__vm_umask", strconv.FormatUint(mask, 8))
		return 0
	case "wait", "disown", "hash", "jobs", "times", "enable", "bind", "history", "complete", "compgen", "compopt":
		if name == "hash" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			if _, ok := p.Lookup(args[0]); !ok {
				return 1
			}
		}
		return 0
	case "kill":
		return s.kill(args)
	case "type", "command":
		return s.which(p, hc, name, args)
	case "pwd":
		dir, err := p.Realpath(".")
		if err != nil {
			dir = p.Dir
		}
		fmt.Fprintln(hc.Stdout, dir)
		return 0
	}
	s.miss(name)
	return 1
}

// symbolicMask reads u=rwx,g=rx,o=.
func symbolicMask(text string, now fs.FileMode) (fs.FileMode, bool) {
	mask := now
	for _, part := range strings.Split(text, ",") {
		i := strings.IndexAny(part, "=+-")
		if i < 0 {
			return 0, false
		}
		var bits fs.FileMode
		for _, c := range part[i+1:] {
			n := strings.IndexRune("xwr", c)
			if n < 0 {
				return 0, false
			}
			bits |= 1 << n
		}
		who := part[:i]
		if who == "" || who == "a" {
			who = "ugo"
		}
		for _, w := range who {
			shift := map[rune]int{'u': 6, 'g': 3, 'o': 0}[w]
			switch part[i] {
			case '=':
				mask = mask&^(7<<shift) | (7&^bits)<<shift
			case '+':
				mask &^= bits << shift
			case '-':
				mask |= bits << shift
			}
		}
	}
	return mask, true
}

// endsNot are the signals that a process outlives, or that ask whether it is there.
var endsNot = map[string]bool{"0": true, "HUP": true, "1": true, "USR1": true, "10": true, "USR2": true, "12": true, "CHLD": true, "17": true, "CONT": true, "18": true,
	"STOP": true, "19": true, "TSTP": true, "20": true, "URG": true, "23": true, "WINCH": true, "28": true}

// kill sends a signal to pids: one that is alive gets it, and ends at once where
// the signal ends processes.
func (v *VM) kill(args []string) int {
	status, signal := 0, "TERM"
	for i, a := range args {
		switch {
		case i == 0 && strings.HasPrefix(a, "-") && a != "-s" && a != "-n" && a != "--":
			signal = strings.TrimPrefix(strings.ToUpper(a[1:]), "SIG")
			continue
		case i == 1 && (args[0] == "-s" || args[0] == "-n"):
			signal = strings.TrimPrefix(strings.ToUpper(a), "SIG")
			continue
		}
		pid := strings.TrimPrefix(a, "-") // of a group: its first process
		if pid == "" || strings.Trim(pid, "0123456789") != "" {
			continue
		}
		switch {
		case pid == v.self:
		case !v.pids[pid]:
			status = 1
		case signal != "0":
			v.Signals = append(v.Signals, signal)
			v.pids[pid] = endsNot[signal]
		}
	}
	return status
}

// which is command -v, type and which.
func (s *shell) which(p *Process, hc interp.HandlerContext, name string, args []string) int {
	mode := ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		mode, args = args[0], args[1:]
	}
	if name == "command" && mode == "-p" {
		return p.run(args, hc.Stdin, hc.Stdout, hc.Stderr)
	}
	status := 0
	for _, a := range args {
		found := a
		switch full, ok := p.Lookup(a); {
		case s.functions[a] || interp.IsBuiltin(a):
			if mode == "-t" {
				found = "builtin"
				if s.functions[a] {
					found = "function"
				}
			}
			if mode == "-P" || mode == "-p" {
				continue
			}
		case ok:
			found = full
			if mode == "-t" {
				found = "file"
			} else if name == "type" && mode == "" {
				found = a + " is " + full
			}
		default:
			status = 1
			continue
		}
		fmt.Fprintln(hc.Stdout, found)
	}
	return status
}

// limits are what a process of monit has, by the letter of ulimit.
var limits = map[string]string{"n": "1024", "u": "31000", "c": "0", "l": "8192", "s": "8192", "f": "unlimited", "v": "unlimited", "m": "unlimited", "d": "unlimited", "t": "unlimited",
	"e": "0", "r": "0", "i": "31000", "q": "819200", "x": "unlimited", "p": "8", "b": "unlimited"}

func (s *shell) ulimit(ctx context.Context, hc interp.HandlerContext, p *Process, args []string) int {
	letter := "f"
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") {
			set(ctx, hc, "__vm_ulimit_"+letter, a)
			continue
		}
		show := true
		for _, c := range a[1:] {
			switch c {
			case 'S', 'H':
				show = false
			case 'a':
				for _, k := range slices.Sorted(maps.Keys(limits)) {
					fmt.Fprintf(hc.Stdout, "(-%s) %s\n", k, p.limit(k))
				}
				return 0
			default:
				letter, show = string(c), true
			}
		}
		if show && (i+1 == len(args) || strings.HasPrefix(args[i+1], "-")) {
			fmt.Fprintln(hc.Stdout, p.limit(letter))
		}
	}
	if len(args) == 0 {
		fmt.Fprintln(hc.Stdout, p.limit(letter))
	}
	return 0
}

func (p *Process) limit(letter string) string {
	if v, ok := p.Limits[letter]; ok {
		return v
	}
	return limits[letter]
}

// handle is an open file.
type handle struct {
	p       *Process
	name    string
	in      io.Reader
	out     *bytes.Buffer
	discard bool
}

func (h *handle) Read(b []byte) (int, error) {
	if h.in == nil {
		return 0, io.EOF
	}
	return h.in.Read(b)
}

func (h *handle) Write(b []byte) (int, error) {
	switch {
	case h.discard:
	case h.out != nil:
		h.out.Write(b)
	default:
		if err := h.p.WriteFile(h.name, b, true); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (h *handle) Close() error { return nil }

// open opens a file for the shell.
func (s *shell) open(ctx context.Context, name string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	p := s.at(ctx)
	failed := func(err error) error { return &os.PathError{Op: "open", Path: name, Err: errors.New(why(err))} }
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	if file, ok := strings.CutPrefix(name, sourcePrefix); ok {
		data, err := p.ReadFile(file)
		if err != nil {
			s.absent(file)
			return nil, failed(err)
		}
		if n, err := p.Stat(file); err == nil && n.Assumed && len(data) == 0 && !slices.Contains(s.Blank, file) {
			s.Blank = append(s.Blank, file)
		}
		return &handle{name: file, in: bytes.NewReader(s.respell(data, file, 0))}, nil
	}
	if text, ok := s.outputs[name]; ok {
		return &handle{name: "| " + text, discard: true}, nil
	}
	if strings.HasPrefix(name, pipeDir) {
		if writes {
			s.pipes[name] = &bytes.Buffer{}
			return &handle{name: "|", out: s.pipes[name]}, nil
		}
		if b := s.pipes[name]; b != nil {
			return &handle{name: name, in: bytes.NewReader(b.Bytes())}, nil
		}
		return &handle{name: name}, nil
	}
	full := p.Abs(name)
	switch full {
	case "/dev/null":
		return &handle{name: full, discard: true}, nil
	case "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2", "/proc/1/fd/1", "/proc/1/fd/2", "/dev/console", "/dev/tty", "/dev/log", "/dev/kmsg":
		if writes {
			return &handle{name: s.stdout, discard: true}, nil
		}
	case "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0":
		return &handle{name: full, in: interp.HandlerCtx(ctx).Stdin}, nil
	case "/dev/urandom", "/dev/random", "/dev/zero":
		return &handle{name: full, in: io.LimitReader(same('A'), 4096)}, nil
	}
	if !writes {
		data, err := p.ReadFile(full)
		if err != nil {
			return nil, failed(err)
		}
		return &handle{name: full, in: bytes.NewReader(data)}, nil
	}
	n, err := p.Create(full, 0o666)
	if err != nil {
		return nil, failed(err)
	}
	if flag&os.O_TRUNC != 0 && n.Mode.IsRegular() {
		if err := p.WriteFile(full, nil, false); err != nil {
			return nil, failed(err)
		}
	}
	return &handle{p: p, name: full, discard: !n.Mode.IsRegular()}, nil
}

// same is a file of one character.
type same byte

func (c same) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

// info is what stat gives.
type info struct {
	name string
	*Node
}

func (i info) Name() string { return i.name }
func (i info) Size() int64 {
	data, err := i.Data()
	if err != nil {
		return 0
	}
	if i.Assumed && len(data) == 0 {
		return 1 // what a package brings is not empty
	}
	return int64(len(data))
}
func (i info) Mode() fs.FileMode  { return i.Node.Mode }
func (i info) ModTime() time.Time { return time.Unix(0, 0) }
func (i info) IsDir() bool        { return i.Node.Mode.IsDir() }

func (s *shell) stat(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
	p := s.at(ctx)
	get := p.Stat
	if !follow {
		get = p.Lstat
	}
	n, err := get(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info{path.Base(name), n}, nil
}

func (s *shell) access(ctx context.Context, name string, mode interp.AccessMode) error {
	return s.at(ctx).Access(name, fs.FileMode(mode))
}

func (s *shell) readDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	p := s.at(ctx)
	names, err := p.List(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	var out []fs.DirEntry
	for _, n := range names {
		node, err := p.Lstat(path.Join(p.Abs(name), n))
		if err != nil {
			continue
		}
		out = append(out, fs.FileInfoToDirEntry(info{n, node}))
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name() < out[j].Name() })
	return out, nil
}
