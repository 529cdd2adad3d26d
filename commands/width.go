package commands

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/cloudfoundry/bosh-cli/v7/ui/table"
	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
)

// Text is wrapped at the width of the terminal, but not beyond what reads well,
// nor to less than a place in a file takes. Where there is no terminal it has the
// same width on every machine.
const (
	widest    = 100
	narrowest = 50
	// readable is the least that the last column of a table is folded to.
	readable = 24
)

// terminal says whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// columnsOf is how many columns a terminal has, 0 for anything else.
func columnsOf(w io.Writer) int {
	if !terminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// textWidth is how many columns text may take.
func (env *environment) textWidth() int {
	if env.width == 0 {
		return widest
	}
	return min(widest, max(narrowest, env.width))
}

// printer writes text for people to w.
func (env *environment) printer(w io.Writer) *printer {
	return &printer{w: w, color: env.color, width: env.textWidth()}
}

// fit makes a table as narrow as the terminal: its last column, which is the one
// with sentences, is folded. Where there is no room for that it is taken off, and
// what stood in it is returned, with what it is about.
func (env *environment) fit(t *table.Table) (below []string) {
	if !env.tty || env.json || env.width == 0 || len(env.columns) > 0 {
		return nil
	}
	widths := columnWidths(*t)
	last := len(widths) - 1
	room := env.width - bordered
	for _, w := range widths[:last] {
		room -= w
	}
	if widths[last]-bordered <= room {
		return nil
	}
	if room >= readable {
		for _, row := range t.Rows {
			row[last] = table.NewValueStrings(folded(row[last].String(), room))
		}
		return nil
	}
	named := map[string]int{}
	for _, row := range t.Rows {
		named[row[0].String()]++
	}
	for i, row := range t.Rows {
		about := row[0].String()
		if named[about] > 1 && last > 1 {
			about += " " + strings.Join(strings.Fields(row[1].String()), ", ")
		}
		if text := row[last].String(); text != "" {
			below = append(below, about+": "+text)
		}
		t.Rows[i] = row[:last]
	}
	t.Header = t.Header[:last]
	return below
}

// bordered is what bosh puts behind each column.
const bordered = 2

// columnWidths are the widths of a table's columns as bosh prints them, with what is
// behind them; 0 for those that are hidden.
func columnWidths(t table.Table) []int {
	widths := make([]int, len(t.Header))
	for i, h := range t.Header {
		if h.Hidden {
			continue
		}
		widths[i] = len(h.Title) + bordered
		for _, row := range t.Rows {
			for line := range strings.SplitSeq(row[i].String(), "\n") {
				widths[i] = max(widths[i], len(line)+bordered)
			}
		}
	}
	return widths
}

// tooWide says whether a table would be wider than the terminal even without its
// last column.
func (env *environment) tooWide(t table.Table) bool {
	if !env.tty || env.json || env.width == 0 || len(env.columns) > 0 {
		return false
	}
	widths := columnWidths(t)
	sum := 0
	for _, w := range widths[:len(widths)-1] {
		sum += w
	}
	return sum > env.width
}

// painted is a cell in a colour.
type painted struct {
	table.ValueString
	attr color.Attribute
}

// Fprintf is what bosh's tables print a cell with.
func (v painted) Fprintf(w io.Writer, pattern string, args ...interface{}) (int, error) {
	c := color.New(v.attr)
	c.EnableColor()
	return fmt.Fprint(w, c.Sprintf(pattern, args...))
}

// cell is a cell in a colour where there are colours.
func (env *environment) cell(text string, attr color.Attribute) table.Value {
	if !env.color {
		return table.NewValueString(text)
	}
	return painted{table.ValueString{S: text}, attr}
}

// verdict is the cell of a verdict.
func (env *environment) verdict(v convert.Verdict) table.Value {
	if v == convert.NothingToDo {
		return table.NewValueString(string(v))
	}
	return env.cell(string(v), verdictColor(v))
}

// folded cuts a text into lines of at most width characters.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}
