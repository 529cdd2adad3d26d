package commands

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
)

// unified gives the changes as one diff that git apply accepts. prefix is put
// before every name: the path from the top of the git checkout.
func unified(prefix string, changes []convert.Change) (string, error) {
	var b strings.Builder
	for _, c := range changes {
		name := prefix + c.Name
		from, to, before := "a/"+name, "b/"+name, ""
		fmt.Fprintf(&b, "diff --git a/%s b/%s\n", name, name)
		switch {
		case c.Before == nil:
			fmt.Fprintf(&b, "new file mode 100%03o\n", c.Mode.Perm())
			from = "/dev/null"
		case c.Delete:
			mode := 0o644
			if c.Before.Mode&0o100 != 0 {
				mode = 0o755
			}
			fmt.Fprintf(&b, "deleted file mode 100%03o\n", mode)
			to = "/dev/null"
		}
		if c.Before != nil {
			before = string(c.Before.Data)
		}
		diff, err := udiff.ToUnified(from, to, before, udiff.Lines(before, string(c.After)), udiff.DefaultContextLines)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.Name, err)
		}
		b.WriteString(diff)
	}
	return b.String(), nil
}

// diff shows what a file would become, where people read it.
func (env *environment) diff(n newFile) {
	if env.json {
		return
	}
	text := udiff.Unified(n.path, n.path, string(n.before), string(n.data))
	if env.color {
		text = colorDiff(text)
	}
	fmt.Fprint(env.stdout, text)
}
