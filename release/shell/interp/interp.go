// Package interp runs shell scripts as bash 5.2 does, or dash 0.5.12 for those of
// /bin/sh, on a machine that the caller gives as functions. It opens, executes
// and reads nothing itself.
//
// One thing happens after the other: of a pipeline the left side runs to its end
// before the right side begins, and what is put in the background runs to its end
// before the script goes on. So the same script always does the same.
//
// What is not modelled is said with Machine.Miss, never left out in silence. Job
// control, history, completion and the prompt are not here: scripts do not have
// them.
package interp

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"mvdan.cc/sh/v3/syntax"
)

// Machine is what scripts run on.
type Machine struct {
	// Exec runs what is neither a function nor a builtin, and gives its exit
	// status. stop ends the script, or the background job, that called it.
	Exec func(sh *Shell, args []string) (status int, stop bool)
	// Lookup finds a command in PATH, as execvp does.
	Lookup func(sh *Shell, name string) (string, bool)
	// Open opens a file for a redirection.
	Open func(sh *Shell, name string, mode Mode) (*File, error)
	// Text gives a script that is sourced.
	Text func(sh *Shell, name string) ([]byte, error)
	// Stat is what is at a path; its Sys may be an Ownership.
	Stat func(sh *Shell, name string, follow bool) (fs.FileInfo, error)
	// Access says whether the process may read (4), write (2) or execute (1).
	Access func(sh *Shell, name string, want fs.FileMode) bool
	// ReadDir gives the names in a folder, sorted.
	ReadDir func(sh *Shell, name string) ([]string, error)
	// Realpath follows the links of a path.
	Realpath func(sh *Shell, name string) (string, error)
	// Home is the home folder of a user; "" when there is none of that name.
	Home func(sh *Shell, user string) string
	// Step counts a command; false ends the script.
	Step func() bool
	// Job gives what ran in the background a pid. status is its exit status,
	// stopped says that it did not end.
	Job func(sh *Shell, status int, stopped bool) string
	// Signal sends a signal to what is no process of the running shell; 0 asks
	// whether it is there.
	Signal func(sh *Shell, pid, signal string) bool
	// Clock gives seconds since the epoch.
	Clock func() int
	// Miss says that something is not known.
	Miss func(what string)
	// Absent says that a sourced file is not there.
	Absent func(name string)
	// Export makes a function known to shells that are started later.
	Export func(f *Function)
}

// Mode is how a file is opened.
type Mode int

const (
	// Read opens what is there.
	Read Mode = iota
	// Write makes the file, or empties it.
	Write
	// Append makes the file, or writes at its end.
	Append
	// ReadWrite makes the file and empties nothing.
	ReadWrite
)

// File is an open file. Those who share it share its place.
type File struct {
	// Name is its path; "" for what the shell had when it began.
	Name string
	R    io.Reader
	W    io.Writer
}

func (f *File) Read(b []byte) (int, error) {
	if f == nil || f.R == nil {
		return 0, io.EOF
	}
	return f.R.Read(b)
}

func (f *File) Write(b []byte) (int, error) {
	if f == nil || f.W == nil {
		return 0, fs.ErrClosed
	}
	return f.W.Write(b)
}

// Function is a declared function.
type Function struct {
	Name string
	body *syntax.Stmt
	at   place
	src  string // the file that it was declared in
}

// place is where commands stand. Of text without a file of its own, as what eval
// is given, that is where the text was used.
type place struct {
	file  string
	line  int
	fixed bool
}

// Options are what a shell is started with.
type Options struct {
	// Dash makes it dash.
	Dash bool
	// Name is $0, Params the positional parameters.
	Name   string
	Params []string
	// File and Line are where the script is: see Shell.Place. Inline says that it
	// is no file: the place is that of whoever started the shell.
	File   string
	Line   int
	Inline bool
	// Command says that the script was given with -c.
	Command bool
	// Flags are arguments for set.
	Flags []string
	// Env is the environment, Vars what else is set.
	Env, Vars map[string]string
	Dir       string
	Umask     fs.FileMode
	Limits    map[string]string
	Pid, Ppid string
	UID, GID  string
	Functions []*Function
	Stdin     *File
	Stdout    *File
	Stderr    *File
}

// jump is how commands are left.
type jump uint8

const (
	goesOn jump = iota
	breaks
	continues
	returns
	exits
	// discards leaves the whole command at the top, as bash does after an error in
	// an expansion.
	discards
	// halts ends all: the script does not end by itself.
	halts
)

// Shell is a shell, or a subshell, while it runs.
type Shell struct {
	m    *Machine
	dash bool
	// scopes are the variables: the global ones, then those of functions.
	scopes []*scope
	funcs  map[string]*Function
	params []string
	name   string
	opts   map[string]bool // long names of set -o
	shopts map[string]bool
	fds    map[int]*File
	dir    string
	umask  fs.FileMode
	limits map[string]string
	traps  map[string]string
	// outer are the traps that a subshell shows and does not run.
	outer map[string]string

	status   int
	statuses []int // PIPESTATUS
	last     string
	bang     string
	pid      string // $$
	ppid     string
	self     string // BASHPID
	uid, gid string
	hashed   map[string]bool // commands that were found before
	jobs     map[string]int
	order    []string

	jump  jump
	n     int // how many loops are left
	loops int
	// quiet is in how many conditions a failure does not matter to set -e.
	quiet int
	// substituted says that an assignment ran a command substitution.
	substituted bool
	failedExp   bool

	at     place
	frames []frame
	// sources and calls are how deep . and functions lie in each other.
	sources, calls int
	sub            int // how deep subshells lie in each other
	inTrap         bool
	// newTrap says that the command that just ended set the ERR trap itself.
	newTrap        bool
	optind, optpos int
	command        bool
	inline         bool
	started        int
	background     bool
	later          []func() // what a process substitution is given
	dirs           []string
	shared         *shared
	// pending are signals that the script sent to itself.
	pending []string
	execErr bool
}

// shared is what a shell has in common with its subshells.
type shared struct {
	pids int
}

// frame is a call of a function or of a sourced file.
type frame struct {
	name, src string
	line      int
}

// New makes a shell.
func New(m *Machine, o Options) *Shell {
	sh := &Shell{m: m, dash: o.Dash, scopes: []*scope{newScope(false)}, funcs: map[string]*Function{}, params: o.Params, name: o.Name, opts: map[string]bool{}, shopts: map[string]bool{},
		fds: map[int]*File{0: o.Stdin, 1: o.Stdout, 2: o.Stderr}, dir: o.Dir, umask: o.Umask, limits: maps.Clone(o.Limits), traps: map[string]string{}, jobs: map[string]int{}, hashed: map[string]bool{},
		pid: o.Pid, ppid: o.Ppid, self: o.Pid, uid: o.UID, gid: o.GID, command: o.Command, inline: o.Inline, started: m.Clock(), shared: &shared{}, optind: 1,
		at: place{o.File, o.Line, o.Inline}, last: o.Name}
	if sh.limits == nil {
		sh.limits = map[string]string{}
	}
	for k, v := range o.Env {
		if !validName(k) {
			continue
		}
		sh.scopes[0].vars[k] = &variable{set: true, str: v, exported: true}
	}
	for k, v := range o.Vars {
		if sh.scopes[0].vars[k] == nil {
			sh.scopes[0].vars[k] = &variable{set: true, str: v}
		}
	}
	sh.scopes[0].vars["IFS"] = &variable{set: true, str: " \t\n"}
	for _, n := range []string{"OPTIND"} {
		sh.scopes[0].vars[n] = &variable{set: true, str: "1"}
	}
	if _, ok := o.Env["PS4"]; !ok {
		sh.scopes[0].vars["PS4"] = &variable{set: true, str: "+ "}
	}
	for _, f := range o.Functions {
		sh.funcs[f.Name] = f
	}
	for _, n := range []string{"cmdhist", "complete_fullquote", "extquote", "force_fignore", "globasciiranges", "globskipdots", "hostcomplete", "interactive_comments", "patsub_replacement", "progcomp", "promptvars", "sourcepath"} {
		sh.shopts[n] = true
	}
	sh.opts["braceexpand"], sh.opts["hashall"] = true, true
	if len(o.Flags) > 0 {
		sh.setOptions(o.Flags)
	}
	return sh
}

// Dir is the working folder, Umask and Limits what the shell has.
func (sh *Shell) Dir() string               { return sh.dir }
func (sh *Shell) Umask() fs.FileMode        { return sh.umask }
func (sh *Shell) Limits() map[string]string { return sh.limits }

// Background says that the shell that is asked is a background job.
func (sh *Shell) Background() bool { return sh.background }

// Place is the file and the line of the command that runs.
func (sh *Shell) Place() (file string, line int) { return sh.at.file, sh.at.line }

// File is what a descriptor is; nil when it is closed.
func (sh *Shell) File(fd int) *File { return sh.fds[fd] }

// Env is what a process is given.
func (sh *Shell) Env() map[string]string {
	env := map[string]string{}
	for _, s := range sh.scopes {
		for name, v := range s.vars {
			switch {
			case v.exported && v.set && v.kind == scalar:
				env[name] = v.str
			default:
				delete(env, name)
			}
		}
	}
	return env
}

// fork is a subshell: it has all that this one has, and changes nothing of it.
func (sh *Shell) fork() *Shell {
	c := *sh
	c.scopes = make([]*scope, len(sh.scopes))
	for i, s := range sh.scopes {
		c.scopes[i] = s.clone()
	}
	c.funcs, c.opts, c.shopts, c.fds, c.limits = maps.Clone(sh.funcs), maps.Clone(sh.opts), maps.Clone(sh.shopts), maps.Clone(sh.fds), maps.Clone(sh.limits)
	c.traps, c.outer = map[string]string{}, maps.Clone(sh.traps)
	if len(sh.traps) == 0 {
		c.outer = maps.Clone(sh.outer)
	}
	for k, v := range sh.traps {
		if v == "" || k == "ERR" && sh.opts["errtrace"] || (k == "DEBUG" || k == "RETURN") && sh.opts["functrace"] {
			c.traps[k] = v
		}
	}
	c.jobs, c.order, c.hashed = map[string]int{}, nil, maps.Clone(sh.hashed)
	c.frames, c.dirs, c.statuses = slices.Clone(sh.frames), slices.Clone(sh.dirs), slices.Clone(sh.statuses)
	c.later, c.pending = nil, nil
	c.loops = 0
	c.sub++
	sh.shared.pids++
	c.self = strconv.Itoa(30000 + sh.shared.pids)
	return &c
}

// finish ends a subshell or a shell: its EXIT trap, and what waits for its output.
func (sh *Shell) finish() int {
	switch sh.jump {
	case discards:
		sh.status = max(sh.status, 1)
	case halts:
		return sh.status
	}
	sh.jump = goesOn
	sh.signals()
	if t, ok := sh.traps["EXIT"]; ok && t != "" {
		delete(sh.traps, "EXIT")
		status := sh.status
		sh.jump, sh.quiet, sh.calls, sh.sources = goesOn, 0, 0, 0
		sh.evaluate(t)
		switch sh.jump {
		case exits:
		case halts:
			return sh.status
		default:
			sh.status = status
		}
		sh.jump = goesOn
	}
	sh.flush()
	return sh.status
}

// flush runs what process substitutions were given.
func (sh *Shell) flush() {
	for len(sh.later) > 0 {
		run := sh.later[0]
		sh.later = sh.later[1:]
		run()
	}
}

// inSub runs something in a subshell and gives its status.
func (sh *Shell) inSub(prepare, run func(c *Shell)) int {
	c := sh.fork()
	if prepare != nil {
		prepare(c)
	}
	run(c)
	status := c.finish()
	if c.jump == halts {
		sh.jump = halts
	}
	return status
}

// Run runs a script and gives its exit status; stopped says that it did not end
// by itself.
func (sh *Shell) Run(src []byte, parse func([]byte) (*Script, error)) (status int, stopped bool, err error) {
	script, err := parse(src)
	if script != nil {
		sh.top(script.Stmts)
	}
	if err != nil && sh.jump == goesOn {
		fmt.Fprintln(sh.fds[2], err)
		sh.status = 2
	} else if sh.jump != goesOn {
		err = nil // it was never read
	}
	status = sh.finish()
	return status, sh.jump == halts, err
}

// Script is text that was parsed, as far as it could be.
type Script struct{ Stmts []*syntax.Stmt }

// top runs the commands of a script, of a sourced file or of what eval is given.
// After an error in an expansion bash goes on with the next line there.
func (sh *Shell) top(stmts []*syntax.Stmt) {
	for i := 0; i < len(stmts); i++ {
		sh.stmt(stmts[i])
		if sh.jump == discards && sh.sub == 0 {
			sh.jump = goesOn
			sh.set(max(sh.status, 1))
			end := stmts[i].End().Line()
			for i+1 < len(stmts) && stmts[i+1].Pos().Line() <= end {
				end = max(end, stmts[i+1].End().Line())
				i++
			}
			continue
		}
		if sh.jump != goesOn {
			return
		}
	}
}

// stmts runs commands one after the other.
func (sh *Shell) stmts(list []*syntax.Stmt) {
	for _, s := range list {
		if sh.stmt(s); sh.jump != goesOn {
			return
		}
	}
}

// silently runs commands of which a failure does not end the script.
func (sh *Shell) silently(list []*syntax.Stmt) {
	sh.quiet++
	sh.stmts(list)
	sh.quiet--
}

// set gives the status of what just ended.
func (sh *Shell) set(status int) { sh.status, sh.statuses = status, append(sh.statuses[:0:0], status) }

// failed carries out what set -e and trap ERR say of a command that failed.
func (sh *Shell) failed() {
	if sh.status == 0 || sh.quiet > 0 || sh.jump != goesOn {
		return
	}
	if t, ok := sh.traps["ERR"]; ok && t != "" && !sh.inTrap && !sh.dash && !sh.newTrap {
		status, statuses := sh.status, sh.statuses
		sh.inTrap = true
		sh.evaluate(t)
		sh.inTrap = false
		if sh.jump == goesOn {
			sh.status, sh.statuses = status, statuses
		}
	}
	if sh.opts["errexit"] && sh.jump == goesOn {
		sh.jump = exits
	}
}

// signals runs the traps of signals that came.
func (sh *Shell) signals() {
	for len(sh.pending) > 0 && sh.jump == goesOn {
		signal := sh.pending[0]
		sh.pending = sh.pending[1:]
		if t := sh.traps[signal]; t != "" {
			status := sh.status
			sh.evaluate(t)
			if sh.jump == goesOn {
				sh.status = status
			}
		}
	}
}

// errorf prints an error as the shell does.
func (sh *Shell) errorf(format string, args ...any) {
	fmt.Fprintf(sh.fds[2], "%s: %s\n", sh.Says(), fmt.Sprintf(format, args...))
}

// Says is how the shell begins its messages.
func (sh *Shell) Says() string {
	if sh.dash {
		return fmt.Sprintf("%s: %d", sh.name, sh.at.line)
	}
	name := sh.name
	if n := len(sh.frames); n > 0 && sh.frames[n-1].src != "" {
		name = sh.frames[n-1].src
	}
	return fmt.Sprintf("%s: line %d", name, sh.at.line)
}

// fatal is an error of an expansion or of a special builtin: bash leaves the
// command, dash the shell.
func (sh *Shell) fatal(format string, args ...any) {
	sh.errorf(format, args...)
	sh.failedExp = true
	if sh.dash {
		sh.status, sh.jump = 2, exits
		return
	}
	if sh.opts["errexit"] {
		sh.status, sh.jump = max(sh.status, 1), exits // whatever condition it is in
		return
	}
	sh.set(1)
	sh.jump = discards
}

// discard is an error that bash leaves the command for, with set -e as without.
func (sh *Shell) discard(format string, args ...any) {
	sh.errorf(format, args...)
	sh.set(1)
	sh.jump = discards
}

// leave ends the shell after an error, with that status in bash and 2 in dash.
func (sh *Shell) leave(status int, format string, args ...any) {
	sh.errorf(format, args...)
	sh.failedExp = true
	if sh.dash {
		status = 2
	}
	sh.status, sh.jump = status, exits
}

// evaluate runs text in this shell, as eval does.
func (sh *Shell) evaluate(text string) {
	f, err := sh.parse([]byte(text))
	old := sh.at
	sh.at.fixed = true
	sh.top(f)
	if err != nil && sh.jump == goesOn {
		sh.errorf("%s", err)
		if sh.set(2); sh.dash {
			sh.jump = exits
		}
	}
	sh.at = old
}

// output runs something in a subshell and gives what it prints.
func (sh *Shell) output(run func(c *Shell)) (string, int) {
	var out bytes.Buffer
	status := sh.inSub(func(c *Shell) {
		c.fds[1] = &File{Name: sh.fds[1].name(), W: &limited{sh: c, b: &out}}
		if !sh.dash && !sh.shopts["inherit_errexit"] && !sh.opts["posix"] {
			c.opts["errexit"] = false
		}
	}, run)
	return out.String(), status
}

func (f *File) name() string {
	if f == nil {
		return "/dev/null"
	}
	return f.Name
}

// maxMemory is how many bytes an output or a variable may hold.
const maxMemory = 8 << 20

// limited is a buffer that does not grow without end.
type limited struct {
	sh *Shell
	b  *bytes.Buffer
}

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > maxMemory {
		l.sh.jump = halts
		return 0, io.ErrShortWrite
	}
	return l.b.Write(p)
}
