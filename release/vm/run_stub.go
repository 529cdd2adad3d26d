package vm

import "io"

// run carries out another command; the shell's half of this package has it.
func (c *Call) run(args []string, stdin io.Reader, stdout io.Writer) int {
	cmd := commands[args[0]]
	if cmd == nil {
		return 127
	}
	return cmd(&Call{Process: c.Process, Args: args, Stdin: stdin, Stdout: stdout, Stderr: c.Stderr})
}
