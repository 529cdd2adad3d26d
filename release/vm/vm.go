// Package vm is a machine that exists in memory only: files with owners and
// modes, users, and the commands of a stemcell. It runs the shell of a start
// path with release/shell/interp and records what is executed.
//
// Nothing of the host is read, written or executed. Programs of packages are
// never there: running one is recorded and succeeds. The package knows nothing
// of releases, monit or bpm's configuration.
package vm

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell/interp"
)

// VM is one machine. It is used by one goroutine at a time: what a script does
// in the background is run to its end, or to its first long wait, before the
// script goes on.
type VM struct {
	Files *Tree
	// Events are what was executed, in order.
	Events []Event
	// Phase is written into the events that follow.
	Phase string
	// Unknown are the things that scripts use and this machine does not have, by
	// name, each once: what they print was taken to be empty.
	Unknown []string
	// Signals are those that were sent to processes that were alive, in order.
	Signals []string
	// pids says of those that were given out whether they are alive; self is $$
	// of what runs now.
	pids map[string]bool
	next int
	self string
	age  int
	// temps counts the names that mktemp gave.
	temps int
	// steps counts commands, clock the seconds slept: a script that does not end
	// is stopped.
	steps, clock int
	// changes counts changes of files.
	changes int
	// Errors are scripts that could not be read or run.
	Errors []string
	// Absent are the files that scripts source and that are not there.
	Absent []string
	// Blank are those that are there and that nobody has the text of.
	Blank []string
	// Output are the last lines of what the commands given to Run printed.
	Output []string
	// Stopped says that a script was stopped because it did not end.
	Stopped bool
	// halt ends the script that runs a command; waiting says that something in
	// the background waits without end.
	halt, waiting bool
	// exported are functions that new shells know.
	exported []*interp.Function
}

// New makes a machine with what a stemcell has before a job comes.
func New() *VM {
	v := &VM{Files: furnished()(), pids: map[string]bool{}, next: 1000, self: "1000"}
	return v
}

// furnished makes a tree with what a stemcell has. It is put together once.
var furnished = sync.OnceValue(func() func() *Tree {
	v := &VM{Files: NewTree()}
	v.furnish()
	return v.Files.above()
})

// miss says once that something was not known.
func (v *VM) miss(what string) {
	if !slices.Contains(v.Unknown, what) {
		v.Unknown = append(v.Unknown, what)
	}
}

// Kind is what an event is.
type Kind int

const (
	// Program is the execution of something that is no command of the stemcell:
	// of a package, mostly. It did nothing and succeeded.
	Program Kind = iota
	// Command is a command of the stemcell that was carried out on this machine.
	Command
	// Recorded is a command of the stemcell that was only written down, such as
	// sysctl.
	Recorded
	// Script is the start of a shell script.
	Script
)

// Event is one execution.
type Event struct {
	Phase string
	Kind  Kind
	// Path is the executable with its folder, Args what it was given, with the
	// name it was called by in front.
	Path string
	Args []string
	// Env is the whole environment, Dir the working directory.
	Env map[string]string
	Dir string
	Identity
	Limits Limits
	// Inside says that it happened in the container of bpm.
	Inside bool
	// Background says that the shell did not wait for it.
	Background bool
	// Stdout and Stderr name the files that they go to; "" is what the caller had.
	Stdout, Stderr string
	// Script and Line are where it was called.
	Script string
	Line   int
	// Stdin is what it was given to read, up to some size.
	Stdin string
	// Status is its exit status.
	Status int
}

// Identity is as whom a process runs.
type Identity struct {
	User, Group string
	// Capabilities are names without CAP_; nil for root, who has all of them.
	Capabilities []string
}

// Limits are resource limits by the letter of ulimit: "n" for open files, "u"
// for processes, "c" for core files, "l" locked memory, and so on. "unlimited"
// or a number; what is not there was not touched.
type Limits map[string]string

// Process is who does something on the machine.
type Process struct {
	*VM
	Identity
	Env    map[string]string
	Dir    string
	Umask  fs.FileMode
	Limits Limits
	// Container is what the process has when it runs in one; nil on the VM.
	Container *container.Process
	Nice      int
	// depth counts scripts that run scripts.
	depth int
	// script and line are what is running, for the places of events. Of text that
	// was given to a shell they are where that was called.
	script string
	line   int
	inline bool
	// dash says that the shell is sh.
	dash bool
	// shell is how the shell that calls begins its messages.
	shell string
	// stdout and stderr name the files that they go to.
	stdout, stderr string
	background     bool
}

// Root is a process of root with an environment.
func (v *VM) Root(env map[string]string) *Process {
	return &Process{VM: v, Identity: Identity{User: "root", Group: "root"}, Env: maps.Clone(env), Dir: "/", Umask: 0o022, Limits: Limits{}}
}

// Clone is the same process, to be changed.
func (p *Process) Clone() *Process { return p.clone() }

// Rewind lets a new start path have all the time that one may take.
func (v *VM) Rewind() { v.steps, v.clock, v.halt = 0, 0, false }

// clone is the same process with maps of its own.
func (p *Process) clone() *Process {
	q := *p
	q.Env, q.Limits = maps.Clone(p.Env), maps.Clone(p.Limits)
	if q.Env == nil {
		q.Env = map[string]string{}
	}
	if q.Limits == nil {
		q.Limits = Limits{}
	}
	return &q
}

// Abs is a path as the process means it, clean and absolute.
func (p *Process) Abs(name string) string {
	if !path.IsAbs(name) {
		name = path.Join(p.Dir, name)
	}
	return path.Clean(name)
}

// record writes an event down.
func (p *Process) record(kind Kind, program string, args []string) *Event {
	p.Events = append(p.Events, Event{
		Phase: p.Phase, Kind: kind, Path: program, Args: slices.Clone(args), Env: maps.Clone(p.Env), Dir: p.Dir,
		Identity: Identity{p.User, p.Group, slices.Clone(p.Capabilities)}, Limits: maps.Clone(p.Limits), Inside: p.Container != nil,
		Background: p.background, Stdout: p.stdout, Stderr: p.stderr, Script: p.script, Line: p.line,
	})
	return &p.Events[len(p.Events)-1]
}

// Miss says once that something was not known.
func (v *VM) Miss(what string) { v.miss(what) }

// absent writes down that a sourced file is not there.
func (v *VM) absent(name string) {
	if !slices.Contains(v.Absent, name) {
		v.Absent = append(v.Absent, name)
	}
}

// Started gives the pid of a process that stays.
func (v *VM) Started() string { return v.newPid(true) }

// newPid gives a pid; alive says that it stays.
func (v *VM) newPid(alive bool) string {
	v.next++
	pid := strconv.Itoa(v.next)
	v.pids[pid] = alive
	return pid
}

// defaultPath is where the shell looks without a PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Lookup finds a command in the PATH of the process, as execvp does: the path
// and whether it is there.
func (p *Process) Lookup(name string) (string, bool) {
	if strings.Contains(name, "/") {
		full := p.Abs(name)
		p.settle(full)
		n, err := p.Stat(full)
		return full, err == nil && !n.Mode.IsDir()
	}
	list, ok := p.Env["PATH"]
	if !ok {
		list = defaultPath
	}
	dirs := strings.Split(list, ":")
	var assumed string
	for _, d := range dirs {
		full := path.Join(p.Abs(d), name)
		n, err := p.Stat(full)
		if err != nil || n.Mode.IsDir() {
			continue
		}
		if n.Assumed {
			// what is only taken to be there comes after what is known to be
			if assumed == "" {
				assumed = full
			}
			continue
		}
		return full, true
	}
	return assumed, assumed != ""
}

// Error is a failure with the text that the shell prints and no more.
type Error struct {
	Path string
	Why  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Why) }
