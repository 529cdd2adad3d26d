package vm

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release/shell/interp"
)

// What a start path may take before it is stopped: commands, seconds slept, and
// scripts that run scripts.
const (
	maxSteps  = 20000
	maxClock  = 900
	maxDepth  = 40
	wallClock = 20 * time.Second
)

// epoch is what the clock of the machine says when a start path begins.
const epoch = 1767225600

// shell binds a running shell to the machine.
type shell struct {
	*Process
	began time.Time
}

// Shell runs a script and gives its exit status. name is what $0 is. A script of
// sh is run as dash runs it, which sh is on a stemcell.
func (p *Process) Shell(src []byte, name string, params []string, stdin io.Reader, stdout, stderr io.Writer, options ...string) int {
	if p.depth > maxDepth {
		p.miss("scripts that run each other without end")
		return 126
	}
	p = p.clone()
	p.depth++
	if !p.inline || p.script == "" {
		p.script, p.line, p.inline = name, 0, false
	}
	s := &shell{Process: p, began: time.Now()}
	id := s.uid(s.User)
	vars := map[string]string{"HOSTNAME": Hostname, "OSTYPE": "linux-gnu", "MACHTYPE": "x86_64-pc-linux-gnu", "HOSTTYPE": "x86_64", "BASH": "/bin/bash", "BASH_VERSION": "5.1.16(1)-release", "SHLVL": "1"}
	if p.dash {
		vars = map[string]string{}
	}
	vars["PWD"] = p.Dir
	if _, ok := s.Env["PATH"]; !ok {
		vars["PATH"] = defaultPath
	}
	env := maps.Clone(s.Env)
	delete(env, "IFS")
	sh := interp.New(s.machine(), interp.Options{
		Dash: p.dash, Name: name, Params: params, File: p.script, Line: p.line, Inline: p.inline, Command: p.inline, Flags: options,
		Env: env, Vars: vars, Dir: p.Dir, Umask: p.Umask, Limits: p.Limits, Pid: p.self, Ppid: "1", UID: id, GID: id, Functions: p.exported,
		Stdin: fileOf(stdin, nil, ""), Stdout: fileOf(nil, stdout, p.stdout), Stderr: fileOf(nil, stderr, p.stderr),
	})
	status, stopped, err := sh.Run(src, func(text []byte) (*interp.Script, error) { return interp.Parse(text, name, p.dash) })
	switch {
	case stopped:
		p.Stopped = true
		return 124
	case err != nil:
		p.Errors = append(p.Errors, err.Error())
	}
	return status
}

// fileOf is what a caller gave the shell to read or to write.
func fileOf(r io.Reader, w io.Writer, name string) *interp.File {
	if f, ok := r.(*interp.File); ok {
		return f
	}
	if f, ok := w.(*interp.File); ok {
		return f
	}
	if r == nil && w == nil {
		r = bytes.NewReader(nil)
	}
	return &interp.File{Name: name, R: r, W: w}
}

// at is the process as the running shell is now: a subshell has its own.
func (s *shell) at(sh *interp.Shell) *Process {
	p := s.Process.clone()
	p.Dir, p.Env, p.Umask = sh.Dir(), sh.Env(), sh.Umask()
	maps.Copy(p.Limits, sh.Limits())
	p.script, p.line = sh.Place()
	p.background = p.background || sh.Background()
	p.shell = sh.Says()
	delete(p.Env, "PWD")
	delete(p.Env, "OLDPWD")
	p.stdout, p.stderr = outputName(sh.File(1)), outputName(sh.File(2))
	return p
}

// there is the process for looking at files: it needs no environment.
func (s *shell) there(sh *interp.Shell) *Process {
	p := *s.Process
	p.Dir, p.Umask = sh.Dir(), sh.Umask()
	p.script, p.line = sh.Place()
	return &p
}

// outputName is the file that output goes to.
func outputName(f *interp.File) string {
	if f == nil {
		return "/dev/null"
	}
	return f.Name
}

// machine is this machine as the interpreter sees it.
func (s *shell) machine() *interp.Machine {
	return &interp.Machine{
		Exec: func(sh *interp.Shell, args []string) (int, bool) {
			p := s.at(sh)
			var in io.Reader
			if f := sh.File(0); f != nil {
				in = f
			}
			taken := s.lend(sh, args)
			status := p.run(args, in, writer(sh.File(1)), writer(sh.File(2)))
			taken()
			if s.halt {
				s.halt = false
				return status, true
			}
			return status, false
		},
		Lookup: func(sh *interp.Shell, name string) (string, bool) {
			p := s.there(sh)
			p.Env = map[string]string{}
			if list, ok := sh.Get("PATH"); ok {
				p.Env["PATH"] = list
			}
			return p.Lookup(name)
		},
		Open: s.open,
		Text: func(sh *interp.Shell, name string) ([]byte, error) {
			p := s.there(sh)
			file := p.Abs(name)
			data, err := p.ReadFile(file)
			if err != nil {
				return nil, errors.New(why(err))
			}
			if n, err := p.Stat(file); err == nil && n.Assumed && len(data) == 0 && !slices.Contains(s.Blank, file) {
				s.Blank = append(s.Blank, file)
			}
			return data, nil
		},
		Stat: func(sh *interp.Shell, name string, follow bool) (fs.FileInfo, error) {
			p := s.there(sh)
			get := p.Stat
			if !follow {
				get = p.Lstat
			}
			n, err := get(name)
			if err == nil && strings.HasSuffix(name, "/") && !n.Mode.IsDir() {
				if n.Mode&fs.ModeSymlink == 0 {
					return nil, fs.ErrNotExist
				}
				if n, err = p.Stat(name); err == nil && !n.Mode.IsDir() {
					err = fs.ErrNotExist
				}
			}
			if err != nil {
				return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
			}
			return info{path.Base(name), n, p}, nil
		},
		Access: func(sh *interp.Shell, name string, want fs.FileMode) bool {
			return s.there(sh).Access(name, want) == nil
		},
		ReadDir: func(sh *interp.Shell, name string) ([]string, error) { return s.there(sh).List(name) },
		Realpath: func(sh *interp.Shell, name string) (string, error) {
			return s.there(sh).Realpath(name)
		},
		Home: func(_ *interp.Shell, user string) string {
			if user == "" {
				user = s.User
			}
			if a := s.account(user); a != nil {
				return a.home
			}
			return ""
		},
		Step: func() bool {
			s.steps++
			return s.steps <= maxSteps && (s.steps%256 != 0 || time.Since(s.began) < wallClock)
		},
		Job: func(sh *interp.Shell, _ int, stopped bool) string {
			alive := false
			if n := len(s.Events); n > 0 {
				alive = s.Events[n-1].Kind == Program && s.Events[n-1].Background
			}
			alive = alive || stopped || s.waiting
			s.waiting = false
			return s.newPid(alive)
		},
		Signal: func(_ *interp.Shell, pid, signal string) bool { return s.kill([]string{"-" + signal, pid}) == 0 },
		Clock:  func() int { return epoch + s.clock },
		Miss:   s.miss,
		Absent: s.absent,
		Export: func(f *interp.Function) { s.exported = append(s.exported, f) },
	}
}

// lend puts what the shell has open under /dev/fd for a command that is told of
// it, and takes what the command wrote there.
func (s *shell) lend(sh *interp.Shell, args []string) (taken func()) {
	type lent struct {
		name string
		file *interp.File
		node *Node
	}
	var all []lent
	for _, a := range args {
		n, ok := strings.CutPrefix(a, "/dev/fd/")
		fd, err := strconv.Atoi(n)
		if !ok || err != nil || sh.File(fd) == nil {
			continue
		}
		l := lent{file: sh.File(fd), node: &Node{Mode: 0o600, Owner: s.User, Group: s.Group}}
		if l.file.R != nil {
			l.node.data, _ = io.ReadAll(l.file) // a pipe of this machine
		}
		if l.name, err = s.Files.resolve(a, false); err == nil {
			s.Files.put(l.name, l.node)
			all = append(all, l)
		}
	}
	return func() {
		for _, l := range all {
			if l.file.R == nil {
				_, _ = l.file.Write(l.node.data)
			}
			s.Files.drop(l.name)
		}
	}
}

// writer is a file that a command writes to; one that is closed takes nothing.
func writer(f *interp.File) io.Writer {
	if f == nil {
		return io.Discard
	}
	return f
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

// handle is an open file: what reads and writes through it goes on where the last
// one ended.
type handle struct {
	p         *Process
	node      *Node
	at        int
	appending bool
}

func (h *handle) Read(b []byte) (int, error) {
	data, err := h.node.Data()
	if err != nil || h.at >= len(data) {
		return 0, io.EOF
	}
	n := copy(b, data[h.at:])
	h.at += n
	return n, nil
}

func (h *handle) Write(b []byte) (int, error) {
	old, err := h.node.Data()
	if err != nil {
		return 0, err
	}
	if h.appending {
		h.at = len(old)
	}
	data := make([]byte, max(len(old), h.at+len(b)))
	copy(data, old)
	copy(data[h.at:], b)
	h.at += len(b)
	h.node.data, h.node.load, h.node.Assumed = data, nil, false
	h.p.touch(h.node)
	h.node.modified = h.node.changed
	return len(b), nil
}

// open opens a file for the shell.
func (s *shell) open(sh *interp.Shell, name string, mode interp.Mode) (*interp.File, error) {
	p := s.there(sh)
	failed := func(err error) (*interp.File, error) { return nil, errors.New(why(err)) }
	if name == "" {
		return nil, message("No such file or directory")
	}
	full := p.Abs(name)
	switch full {
	case "/dev/null":
		return &interp.File{Name: full, R: bytes.NewReader(nil), W: io.Discard}, nil
	case "/proc/1/fd/1", "/proc/1/fd/2", "/dev/console", "/dev/tty", "/dev/log", "/dev/kmsg":
		if mode != interp.Read {
			return &interp.File{Name: s.stdout, W: io.Discard}, nil
		}
	case "/dev/urandom", "/dev/random", "/dev/zero":
		return &interp.File{Name: full, R: io.LimitReader(same('A'), 4096), W: io.Discard}, nil
	}
	if mode == interp.Read {
		p.settle(full)
		n, err := p.Stat(full)
		if err != nil {
			return failed(err)
		}
		if err := p.Access(full, 4); err != nil {
			return failed(err)
		}
		if n.Mode.IsDir() {
			return &interp.File{Name: full, R: bytes.NewReader(nil)}, nil
		}
		return &interp.File{Name: full, R: &handle{p: p, node: n}}, nil
	}
	if strings.HasSuffix(name, "/") {
		return nil, message("Is a directory")
	}
	n, err := p.Create(full, 0o666)
	if err != nil {
		return failed(err)
	}
	if !n.Mode.IsRegular() {
		return &interp.File{Name: full, R: bytes.NewReader(nil), W: io.Discard}, nil
	}
	if mode == interp.Write {
		if err := p.WriteFile(full, nil, false); err != nil {
			return failed(err)
		}
	}
	h := &handle{p: p, node: n, appending: mode == interp.Append}
	f := &interp.File{Name: full, W: h}
	if mode == interp.ReadWrite {
		f.R = h
	}
	return f, nil
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
	p *Process
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
func (i info) Sys() any           { return i }

// Owned says whether the process may call it its own.
func (i info) Owned(user, group bool) bool {
	return (!user || i.Owner == i.p.User) && (!group || i.Group == i.p.Group)
}

// Modified is when what is in it was changed last.
func (i info) Modified() int { return i.modified }

// Same says whether it is the same file.
func (i info) Same(other fs.FileInfo) bool {
	o, ok := other.(info)
	return ok && o.Node == i.Node
}

// message is an error in the words in which shells print it.
type message string

func (m message) Error() string { return string(m) }
