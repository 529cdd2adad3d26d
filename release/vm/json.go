package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/itchyny/gojq"
)

func init() { register(map[string]command{"jq": jq}) }

// jq is no command of the stemcell, but comes with many packages. Unlike the
// real one it sorts the keys of objects.
func jq(c *Call) int {
	var names, operands []string
	var values []any
	set := map[string]bool{}
	indent := "  "
	args := c.Args[1:]
	file := ""
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--arg" || a == "--argjson":
			if i+2 >= len(args) {
				return c.failf(2, "%s takes two parameters", a)
			}
			var v any = args[i+2]
			if a == "--argjson" {
				if err := json.Unmarshal([]byte(args[i+2]), &v); err != nil {
					return c.failf(2, "Invalid JSON text passed to --argjson")
				}
			}
			names, values = append(names, "$"+args[i+1]), append(values, v)
			i += 2
		case a == "--tab":
			indent = "\t"
		case a == "--indent" && i+1 < len(args):
			i++
			if len(args[i]) != 1 || args[i][0] < '0' || args[i][0] > '7' {
				return c.failf(2, "cannot indent %s characters", args[i])
			}
			if indent = strings.Repeat(" ", int(args[i][0]-'0')); indent == "" {
				set["c"] = true
			}
		case a == "-f" || a == "--from-file":
			if i++; i < len(args) {
				file = args[i]
			}
		case strings.HasPrefix(a, "--"):
			short := map[string]string{"--raw-output": "r", "--compact-output": "c", "--exit-status": "e", "--null-input": "n", "--slurp": "s", "--join-output": "j",
				"--sort-keys": "S", "--raw-input": "R", "--monochrome-output": "M", "--color-output": "C", "--unbuffered": "M"}[a]
			if short == "" {
				return c.missed(a)
			}
			set[short] = true
		case len(a) > 1 && a[0] == '-':
			for _, r := range a[1:] {
				if !strings.ContainsRune("rcensjSRMC", r) {
					return c.missed(a)
				}
				set[string(r)] = true
			}
		default:
			operands = append(operands, a)
		}
	}
	if set["C"] {
		return c.missed("-C")
	}
	source := "."
	switch {
	case file != "":
		data, err := c.read(file)
		if err != nil {
			return c.failf(2, "error: Could not open %s", err)
		}
		source = string(data)
	case len(operands) > 0:
		source, operands = operands[0], operands[1:]
	}
	query, err := gojq.Parse(source)
	if err != nil {
		return c.failf(3, "error: %s", err)
	}
	inputs := &jqInputs{}
	data, status := c.gather(operands)
	if status != 0 {
		status = 2
	}
	inputs.fill(data, set["R"], set["s"])
	code, err := gojq.Compile(query, gojq.WithVariables(names), gojq.WithInputIter(inputs), gojq.WithEnvironLoader(func() []string {
		var env []string
		for k, v := range c.Env {
			env = append(env, k+"="+v)
		}
		return env
	}))
	if err != nil {
		return c.failf(3, "error: %s", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	out := &bounded{to: c.Stdout, left: 4 * maxOutput, full: stop}
	var last any
	some := false
	one := func(in any) {
		iter := code.RunWithContext(ctx, in, values...)
		for {
			v, ok := iter.Next()
			if !ok {
				return
			}
			if err, bad := v.(error); bad {
				var halt *gojq.HaltError
				switch {
				case ctx.Err() != nil:
					c.miss("jq: program without end")
				case errors.As(err, &halt):
					if text, isText := halt.Value().(string); isText {
						io.WriteString(c.Stderr, text)
					}
					status = halt.ExitCode()
					stop()
				default:
					status = c.failf(5, "error (at <stdin>:0): %s", err)
				}
				return
			}
			last, some = v, true
			text, isText := v.(string)
			if !isText || !set["r"] && !set["j"] {
				raw, err := gojq.Marshal(v)
				if err != nil {
					status = c.failf(5, "error: %s", err)
					return
				}
				if !set["c"] {
					var pretty bytes.Buffer
					if json.Indent(&pretty, raw, "", indent) == nil {
						raw = pretty.Bytes()
					}
				}
				text = string(raw)
			}
			if !set["j"] {
				text += "\n"
			}
			io.WriteString(out, text)
		}
	}
	if set["n"] {
		one(nil)
	} else {
		for {
			in, more := inputs.Next()
			if !more || ctx.Err() != nil {
				break
			}
			one(in)
		}
	}
	if inputs.err != nil {
		return c.failf(2, "error (at <stdin>:0): %s", inputs.err)
	}
	switch {
	case status != 0 || !set["e"]:
		return status
	case !some:
		return 4
	case last == nil || last == false:
		return 1
	}
	return 0
}

// jqInputs are the values that a filter is run over.
type jqInputs struct {
	all []any
	err error
}

func (j *jqInputs) fill(data []byte, raw, slurp bool) {
	switch {
	case raw && slurp:
		j.all = []any{string(data)}
		return
	case raw:
		for _, l := range chomped(data) {
			j.all = append(j.all, l)
		}
		return
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			j.err = err
			break
		}
		j.all = append(j.all, v)
	}
	if slurp {
		if j.all == nil {
			j.all = []any{}
		}
		j.all = []any{j.all}
	}
}

// Next is the next value.
func (j *jqInputs) Next() (any, bool) {
	if len(j.all) == 0 {
		return nil, false
	}
	v := j.all[0]
	j.all = j.all[1:]
	return v, true
}
