package vm

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// notMine is the status of a command that does not want to carry out what it was
// asked for: it is to be recorded, as those are that change the machine.
const notMine = -1

// maxOutput bounds what a command prints or writes that makes its own output.
const maxOutput = 1 << 20

// option is one option as it was given; a flag has no value.
type option struct{ name, value string }

type options []option

func (o options) has(name string) bool {
	_, ok := o.get(name)
	return ok
}

// get is the last value that an option was given.
func (o options) get(name string) (string, bool) {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].name == name {
			return o[i].value, true
		}
	}
	return "", false
}

func (o options) all(name string) []string {
	var values []string
	for _, p := range o {
		if p.name == name {
			values = append(values, p.value)
		}
	}
	return values
}

// last is the name of that of several options which was given last.
func (o options) last(names ...string) string {
	for i := len(o) - 1; i >= 0; i-- {
		for _, n := range names {
			if o[i].name == n {
				return n
			}
		}
	}
	return ""
}

// options splits the arguments into options and operands, as GNU getopt_long
// does. A word of spec is a letter or a long name, with ":" behind it when it
// takes a value and "::" when the value may be missing; "quiet=q" makes a long
// name mean a letter. An option that is not in spec is noted as unknown.
func (c *Call) options(spec string) (opts options, operands []string, ok bool) {
	kind, alias := map[string]string{}, map[string]string{}
	for _, w := range strings.Fields(spec) {
		if long, short, found := strings.Cut(w, "="); found {
			alias[long] = short
			continue
		}
		name := strings.TrimRight(w, ":")
		kind[name] = w[len(name):]
	}
	args := c.Args[1:]
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return opts, append(operands, args[i+1:]...), true
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			if short := alias[name]; short != "" {
				name = short
			} else if len(name) == 1 {
				name = "--" + name
			}
			k, known := kind[name]
			switch {
			case !known || k == "" && given:
				c.miss(c.Name() + " " + a)
				return nil, nil, false
			case k == ":" && !given:
				if i++; i == len(args) {
					c.failf(0, "option '%s' requires an argument", a)
					return nil, nil, false
				}
				value = args[i]
			}
			opts = append(opts, option{name, value})
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				name := a[j : j+1]
				k, known := kind[name]
				if !known {
					c.miss(c.Name() + " -" + name)
					return nil, nil, false
				}
				value := ""
				if k != "" {
					value, j = a[j+1:], len(a)
				}
				if k == ":" && value == "" {
					if i++; i == len(args) {
						c.failf(0, "option requires an argument -- '%s'", name)
						return nil, nil, false
					}
					value = args[i]
				}
				opts = append(opts, option{name, value})
			}
		default:
			operands = append(operands, a)
		}
	}
	return opts, operands, true
}

// missed notes a use that is not carried out; the status is that of success.
func (c *Call) missed(what string) int {
	c.miss(c.Name() + " " + what)
	return 0
}

// why is the reason of an error without the path.
func why(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Why
	}
	return err.Error()
}

// read reads a file for a filter; - and /dev/stdin are standard input.
func (c *Call) read(name string) ([]byte, error) {
	if name == "-" || name == "/dev/stdin" || name == "/dev/fd/0" || name == "/proc/self/fd/0" {
		return c.input(), nil
	}
	return c.ReadFile(name)
}

// each reads the named files, or standard input when there are none. What cannot
// be read is told of, with status 1.
func (c *Call) each(names []string, do func(name string, data []byte)) (status int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, n := range names {
		data, err := c.read(n)
		if err != nil {
			status = c.failf(1, "%s", err)
			continue
		}
		do(n, data)
	}
	return status
}

// gather is all of the named files, or standard input when there are none.
func (c *Call) gather(names []string) ([]byte, int) {
	var all []byte
	status := c.each(names, func(_ string, data []byte) { all = append(all, data...) })
	return all, status
}

// lines splits text at its newlines; each line but perhaps the last keeps its
// own.
func lines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	all := strings.SplitAfter(string(data), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// chomp takes the newline off a line.
func chomp(line string) string { return strings.TrimSuffix(line, "\n") }

// chomped are the lines of a text without newlines.
func chomped(data []byte) []string {
	all := lines(data)
	for i := range all {
		all[i] = chomp(all[i])
	}
	return all
}

// bounded is a writer that takes maxOutput bytes and no more.
type bounded struct {
	to   io.Writer
	left int
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.to.Write(p[:b.left])
		b.left = 0
		if b.full != nil {
			b.full()
		}
		return 0, io.ErrShortWrite
	}
	b.left -= len(p)
	return b.to.Write(p)
}

// reader is a reader of bytes, for what is run with a standard input of its own.
func reader(data []byte) io.Reader { return bytes.NewReader(data) }
