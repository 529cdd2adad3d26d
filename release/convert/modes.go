package convert

import (
	"bytes"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// piece is a part of an old script that has a place of its own now.
type piece struct {
	text string
	// begins is the line like set -e under which the piece ran, if any; ends is
	// what holds behind it.
	begins string
	ends   errorMode
}

// ownsWhatIsMadeBehind matches a folder that is given away and in which something is
// made behind that.
var ownsWhatIsMadeBehind = search.MustCompile(`(?s)\bchown\s[^\n]*-R.*\nmkdir\s`)

// pieces writes parts of old scripts one behind the other, each in the mode in
// which it ran. mode is the line like set -e that holds in front of them, the
// result what holds behind them.
func pieces(b *strings.Builder, parts []piece, mode string) string {
	seen := map[piece]bool{}
	for _, p := range parts {
		// what is given away and then made is given away by the second of two processes
		if seen[p] && !ownsWhatIsMadeBehind.MatchString(p.text) {
			continue
		}
		seen[p] = true
		if p.begins != mode {
			if p.begins == "" {
				b.WriteString("set +e\n")
			} else {
				b.WriteString(p.begins + "\n")
			}
		}
		b.WriteString(p.text)
		switch {
		case p.ends == dependsOnBranch:
			mode = "?"
		case p.ends == goesOnAtErrors:
			mode = ""
		case p.begins == "":
			mode = "set -e"
		default:
			mode = p.begins
		}
	}
	return mode
}

// startOf is the head of a new script that begins with the first of some parts.
func startOf(parts []piece) string {
	if parts[0].begins == "" {
		return "#!/bin/bash\n\n"
	}
	return "#!/bin/bash\n" + parts[0].begins + "\n\n"
}

func joined(parts []piece, mode string) string {
	var b strings.Builder
	pieces(&b, parts, mode)
	return b.String()
}

// errorMode is what a script does at an error where it is known.
type errorMode int

const (
	goesOnAtErrors errorMode = iota
	endsAtErrors
	dependsOnBranch
)

func modeOf(strict bool) errorMode {
	if strict {
		return endsAtErrors
	}
	return goesOnAtErrors
}

// modeLine gives the line that a piece needs in front of it.
func modeLine(strict bool) string {
	if strict {
		return "set -e"
	}
	return "set +e"
}

var (
	strictShebang = search.MustCompile(`^#!.*\s-\w*e`)
	toggle        = search.MustCompile(`^set (?:([-+])(\w*?)e\w*(?: -?o?\s*pipefail)?|([-+])o errexit)$`)
)

func isToggle(text string) bool { return toggle.MatchString(strings.TrimSpace(text)) }

// shebangStrict says whether the first line of a script asks for the end at the
// first error: this is lost where its commands stand in another file.
func shebangStrict(f *source.File) bool {
	first, _, _ := bytes.Cut(f.Data, []byte("\n"))
	return strictShebang.Match(first)
}

// toggled is the mode that holds after a line like set -e.
func toggled(line string) errorMode {
	m := toggle.FindStringSubmatch(strings.TrimSpace(line))
	return modeOf(m != nil && m[1]+m[3] == "-")
}

// untraced is how a toggle is written: without the tracing of the old script.
func untraced(line string) string {
	fields := strings.Fields(line)
	if fields[1] == "-o" || fields[1] == "+o" {
		fields = []string{"set", fields[1][:1] + "e"}
	}
	fields[1] = fields[1][:1] + strings.Map(func(c rune) rune {
		if c == 'x' || c == 'v' {
			return -1
		}
		return c
	}, fields[1][1:])
	return line[:len(line)-len(strings.TrimLeft(line, " "))] + strings.Join(fields, " ")
}

// quietToggles takes off the lines like set -e that change nothing: one that
// another follows at once, one at the end, one that holds already. begin is the
// mode in which the first line runs.
func quietToggles(lines []string, begin errorMode) (out []string, end errorMode) {
	t, err := erb.Parse(&source.File{Data: []byte(strings.Join(lines, "\n"))})
	mode, offset := begin, 0
	for i, l := range lines {
		at := offset
		offset += len(l) + 1
		if !isToggle(l) {
			out = append(out, l)
			continue
		}
		inside := strings.HasPrefix(l, " ") || err != nil || len(t.Guards(at)) > 0
		if i+1 < len(lines) && isToggle(lines[i+1]) && !strings.HasPrefix(lines[i+1], " ") == !strings.HasPrefix(l, " ") {
			continue
		}
		if inside {
			out, mode = append(out, untraced(l)), dependsOnBranch
			continue
		}
		last := i+1 == len(lines) || strings.HasPrefix(lines[i+1], "exec ")
		if last || toggled(l) == mode && !strings.Contains(l, "pipefail") && !strings.Contains(l, "u") {
			continue
		}
		out, mode = append(out, untraced(l)), toggled(l)
	}
	if !slices.ContainsFunc(out, func(l string) bool { return !isToggle(l) && strings.TrimSpace(l) != "" }) {
		return nil, begin
	}
	return out, mode
}

// lead takes the mode with which lines begin off them: it becomes the mode of
// the whole piece.
func lead(lines []string, begin errorMode) ([]string, string) {
	if len(lines) > 0 && isToggle(lines[0]) && !strings.HasPrefix(lines[0], " ") {
		return lines[1:], lines[0]
	}
	if begin == endsAtErrors {
		return lines, "set -e"
	}
	return lines, ""
}
