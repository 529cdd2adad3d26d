package vm

import (
	"fmt"
	"io"
	"path"
)

// Call is the execution of a command of the stemcell.
type Call struct {
	*Process
	// Args are its arguments, with its name in front.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Name is what the command is called.
func (c *Call) Name() string { return path.Base(c.Args[0]) }

// failf prints a message the way commands do, and gives their exit status.
func (c *Call) failf(status int, format string, args ...any) int {
	fmt.Fprintf(c.Stderr, "%s: %s\n", c.Name(), fmt.Sprintf(format, args...))
	return status
}

// printf prints to standard output.
func (c *Call) printf(format string, args ...any) { fmt.Fprintf(c.Stdout, format, args...) }

// input is all of standard input.
func (c *Call) input() []byte {
	if c.Stdin == nil {
		return nil
	}
	data, err := io.ReadAll(c.Stdin)
	if err != nil {
		return nil // a pipe whose other end is gone
	}
	return data
}

// command carries out one command and gives its exit status.
type command func(c *Call) int

// commands are the commands that are carried out, by name. Those that change who
// runs, or run others, are in run.go.
var commands map[string]command

// register is called by the files that hold commands.
func register(more map[string]command) {
	if commands == nil {
		commands = map[string]command{}
	}
	for name, c := range more {
		commands[name] = c
	}
}
