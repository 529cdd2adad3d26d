package vm

import (
	"fmt"
	"io"
	"path"
	"strings"
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

// files reads the named files one after the other, or standard input when there
// are none; - is standard input. What cannot be read is told of, with status 1.
func (c *Call) files(names []string, each func(name string, data []byte)) (status int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, n := range names {
		if n == "-" {
			each("-", c.input())
			continue
		}
		data, err := c.ReadFile(n)
		if err != nil {
			c.failf(0, "%s", err)
			status = 1
			continue
		}
		each(n, data)
	}
	return status
}

// flags splits arguments into options and operands: one-letter options may stand
// together, valued names those that take a value ("t", "target-directory"), which
// is given by the last occurrence. An option that is not in known is an error
// that says so; "--" ends the options.
func flags(args []string, known, valued string) (set map[string]string, operands []string, err error) {
	set = map[string]string{}
	has := func(list, name string) bool {
		for _, w := range strings.Fields(list) {
			if w == name {
				return true
			}
		}
		return false
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return set, append(operands, args[i+1:]...), nil
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			switch {
			case has(valued, name) && given:
				set[name] = value
			case has(valued, name) && i+1 < len(args):
				i++
				set[name] = args[i]
			case has(known, name):
				set[name] = value
			default:
				return nil, nil, fmt.Errorf("unrecognized option '%s'", a)
			}
		case len(a) > 1 && a[0] == '-':
			for j, r := range a[1:] {
				name := string(r)
				if has(valued, name) {
					rest := a[1+j+len(name):]
					if rest == "" && i+1 < len(args) {
						i++
						rest = args[i]
					}
					set[name] = rest
					break
				}
				if !has(known, name) {
					return nil, nil, fmt.Errorf("invalid option -- '%s'", name)
				}
				set[name] = "true"
			}
		default:
			operands = append(operands, a)
		}
	}
	return set, operands, nil
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
