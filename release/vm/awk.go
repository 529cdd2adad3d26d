package vm

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/benhoyt/goawk/interp"
	"github.com/benhoyt/goawk/parser"
)

func init() { register(map[string]command{"awk": awk, "gawk": awk, "mawk": awk, "nawk": awk}) }

// awk runs goawk, which is kept from the host: it runs nothing and opens no
// files. The files that a program is given are read from this machine.
func awk(c *Call) int {
	var vars, sources, operands []string
	args := c.Args[1:]
	fail := func(a string) int { return c.missed(a) }
loop:
	for i := 0; i < len(args); i++ {
		a := args[i]
		value := func() string {
			if len(a) > 2 {
				return a[2:]
			}
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch {
		case a == "--":
			operands = args[i+1:]
			break loop
		case strings.HasPrefix(a, "-F"):
			fs := value()
			if fs == "t" {
				fs = `\t`
			}
			vars = append(vars, "FS", fs)
		case strings.HasPrefix(a, "-v"):
			name, v, ok := strings.Cut(value(), "=")
			if !ok {
				return c.failf(2, "invalid -v argument")
			}
			vars = append(vars, name, v)
		case strings.HasPrefix(a, "-f"):
			name := value()
			data, err := c.read(name)
			if err != nil {
				return c.failf(2, "cannot open %s", err)
			}
			sources = append(sources, string(data))
		case strings.HasPrefix(a, "-W"):
			if v := value(); v != "interactive" {
				return fail("-W " + v)
			}
		case a == "--posix" || a == "--re-interval":
		case len(a) > 1 && a[0] == '-':
			return fail(a)
		default:
			operands = args[i:]
			break loop
		}
	}
	if len(sources) == 0 {
		if len(operands) == 0 {
			return c.failf(2, "usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]")
		}
		sources, operands = operands[:1], operands[1:]
	}
	// goawk knows this name of standard output when it may not write files
	source := strings.ReplaceAll(strings.Join(sources, "\n"), `"/dev/stdout"`, `"-"`)
	program, err := parser.ParseProgram([]byte(source), nil)
	if err != nil {
		return c.missed(err.Error())
	}
	// files are joined, so that the program cannot tell one from the other
	status, read := 0, 0
	var data []byte
	for _, o := range operands {
		if name, v, ok := strings.Cut(o, "="); ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == "" {
			if read > 0 {
				c.miss("awk: a variable between files")
			}
			vars = append(vars, name, v)
			continue
		}
		more, err := c.read(o)
		if err != nil {
			status = c.failf(2, "cannot open %s", err)
			continue
		}
		if read++; len(data) > 0 && data[len(data)-1] != '\n' {
			data = append(data, '\n')
		}
		data = append(data, more...)
		vars = append(vars, "FILENAME", o)
	}
	if read > 1 && (strings.Contains(source, "FILENAME") || strings.Contains(source, "FNR")) {
		return c.missed("with FNR or FILENAME and several files")
	}
	stdin := io.Reader(strings.NewReader(""))
	switch {
	case read > 0:
		stdin = reader(data)
	case status == 0 && c.Stdin != nil:
		stdin = c.Stdin
	}
	environ := []string{}
	for k, v := range c.Env {
		environ = append(environ, k, v)
	}
	runner, err := interp.New(program)
	if err != nil {
		return c.missed(err.Error())
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	out := &bounded{to: c.Stdout, left: 4 * maxOutput, full: stop}
	exit, err := runner.ExecuteContext(ctx, &interp.Config{
		Stdin: stdin, Output: out, Error: c.Stderr, Argv0: c.Name(), NoArgVars: true, Vars: vars, Environ: environ,
		NoExec: true, NoFileReads: true, NoFileWrites: true,
	})
	switch {
	case err != nil && ctx.Err() != nil:
		c.miss("awk: program without end")
		return 0
	case err != nil && (strings.Contains(err.Error(), "NoExec") || strings.Contains(err.Error(), "NoFile")):
		io.Copy(io.Discard, stdin) // so that whoever writes to it can go on
		return c.missed("that runs a command or opens a file: " + err.Error())
	case err != nil:
		return c.failf(2, "%s", err)
	case exit != 0:
		return exit
	}
	return status
}
