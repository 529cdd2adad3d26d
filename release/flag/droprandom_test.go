package flag

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// writer makes templates up.
type writer struct {
	*rand.Rand
	b     strings.Builder
	lines int
}

func (w *writer) pick(of ...string) string { return of[w.Intn(len(of))] }

func (w *writer) condition(depth int) string {
	switch w.Intn(8) {
	case 0, 1, 2:
		return w.pick("p('bpm.enabled')", `p("bpm.enabled")`, "p('bpm.enabled', false)", "properties.bpm.enabled", "(p('bpm.enabled'))", "p('bpm.enabled') == true")
	case 3:
		return "p('x')"
	case 4:
		return "!" + w.pick("p('bpm.enabled')", "p('x')", "(p('bpm.enabled') && p('x'))")
	}
	if depth > 2 {
		return "p('x')"
	}
	return "(" + w.condition(depth+1) + w.pick(" && ", " || ") + w.condition(depth+1) + ")"
}

// tag is one line of a template, or part of one.
func (w *writer) tag(code string) {
	indent := w.pick("", "", "  ")
	open, end := w.pick("<%", "<%", "<%-"), w.pick("%>", "%>", "-%>")
	w.b.WriteString(indent + open + " " + code + " " + end + w.pick("\n", "\n", "\n", " ", "text\n"))
}

func (w *writer) body(depth int) {
	for range w.Intn(3) + 1 {
		switch w.Intn(7) {
		case 0, 1, 2:
			w.lines++
			fmt.Fprintf(&w.b, "%sline %d%s\n", w.pick("", "  ", "a: "), w.lines, w.pick("", "", " \\"))
		case 3:
			w.b.WriteString(w.pick("\n", "", "\n\n"))
		case 4:
			w.lines++
			fmt.Fprintf(&w.b, "v <%%= %s ? 'a%d' : \"b%d\" %%>%s\n", w.condition(1), w.lines, w.lines, w.pick("", " c"))
		case 5:
			w.ruby()
		default:
			if depth < 3 {
				w.block(depth + 1)
			}
		}
	}
}

func (w *writer) block(depth int) {
	w.tag(w.pick("if ", "if ", "unless ") + w.condition(0))
	w.body(depth)
	unless := strings.Contains(w.b.String(), "unless")
	for !unless && w.Intn(3) == 0 {
		w.tag("elsif " + w.condition(0))
		w.body(depth)
	}
	if w.Intn(2) == 0 {
		w.tag("else")
		w.body(depth)
	}
	w.tag("end")
}

// ruby is a tag with statements.
func (w *writer) ruby() {
	w.lines++
	n := w.lines
	fmt.Fprintf(&w.b, "<%%\n  l%d = 1\n", n)
	switch w.Intn(4) {
	case 0:
		fmt.Fprintf(&w.b, "  l%d = 2 %s %s\n", n, w.pick("if", "unless"), w.condition(0))
	case 1:
		fmt.Fprintf(&w.b, "  if %s\n    # why\n    l%d = 3\n    l%d += 1\n  else\n    l%d = 4\n  end\n", w.condition(0), n, n, n)
	case 2:
		fmt.Fprintf(&w.b, "  unless %s\n    l%d = 3\n  end\n", w.condition(0), n)
	default:
		fmt.Fprintf(&w.b, "  if %s\n    l%d = 5\n  elsif %s\n    l%d = 6\n  end\n", w.condition(0), n, w.condition(0), n)
	}
	fmt.Fprintf(&w.b, "%%>\n<%%= l%d %%>\n", n)
}

// TestDropRandom folds templates that are made up, in both forms, and holds what
// ruby renders of them against what it rendered before.
func TestDropRandom(t *testing.T) {
	folded, left, why := 0, 0, map[string]int{}
	var all [][3]any
	seeds := int64(600)
	if n, err := strconv.Atoi(os.Getenv("BPMIFY_SEEDS")); err == nil {
		seeds = int64(n) // more, to look for what is not found yet
	}
	for seed := range seeds {
		w := &writer{Rand: rand.New(rand.NewSource(seed))}
		w.body(0)
		w.block(1)
		text := w.b.String()
		for _, on := range []bool{true, false} {
			d, err := Drop(&source.File{Name: "t", Data: []byte(text)}, property, on)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if len(d.Left) > 0 {
				left++
				why[d.Left[0].Why]++
				continue
			}
			folded++
			all = append(all, [3]any{text, string(d.After), on})
		}
	}
	for i, out := range byRuby(t, all) {
		for k := 0; k < len(out); k += 2 {
			if lines(out[k]) != lines(out[k+1]) {
				t.Errorf("with the flag %v:\n%s\nbecame\n%s\nand renders\n%s\ninstead of\n%s", all[i][2], all[i][0], all[i][1], out[k+1], out[k])
				break
			}
		}
	}
	if t.Logf("%d folded, %d left: %v", folded, left, why); left*5 > folded {
		t.Errorf("%d of %d are left", left, left+folded)
	}
}
