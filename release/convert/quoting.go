package convert

import (
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// join breaks a long command into lines at its options.
func join(words []string) string {
	line := strings.Join(words, " ")
	if len(line) <= 100 {
		return line
	}
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i > 1 && (strings.HasPrefix(strings.TrimLeft(w, `"'`), "-") || strings.HasPrefix(w, "<% ")):
			b.WriteString(" \\\n  ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

var bareWord = search.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// shellWord writes a word so that the shell reads it as it is.
func shellWord(w ctl.Word) string {
	if s, ok := w.Literal(); ok {
		if bareWord.MatchString(s) {
			return s
		}
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	if guards := w.Presence(); len(guards) > 0 {
		inner := make(ctl.Word, len(w))
		for i, p := range w {
			p.Guards = p.Guards[len(guards):]
			inner[i] = p
		}
		return ctl.Tagged(guards, shellWord(inner))
	}
	var b strings.Builder
	for len(w) > 0 {
		// literal text stands in the quotes of what it stands beside
		first := slices.IndexFunc(w, func(p ctl.Part) bool { return p.Kind != ctl.Literal })
		quote := byte(0)
		if first >= 0 {
			quote = quoteOf(w[first])
		}
		end := slices.IndexFunc(w, func(p ctl.Part) bool { return p.Kind != ctl.Literal && quoteOf(p) != quote })
		if end < 0 {
			end = len(w)
		}
		marks := strings.Trim(string(quote), "\x00")
		b.WriteString(marks + ctl.TagParts(w[:end], func(p ctl.Part) string { return inQuotes(p, quote) }) + marks)
		w = w[end:]
	}
	return b.String()
}

// quoteOf is the quotes in which what is not known before the job is rendered
// or runs has to stand, 0 where the shell is to split it.
func quoteOf(p ctl.Part) byte {
	switch {
	case p.Split, p.Kind == ctl.ERB && p.Quote == 0 && prints(p.Text, `"'`):
		return 0 // what it prints brings its quotes
	case p.Quote == '\'':
		return '\''
	}
	return '"'
}

// inQuotes writes a part of a word between the given quotes.
func inQuotes(p ctl.Part, quote byte) string {
	switch {
	case p.Kind == ctl.ERB:
		return "<%= " + p.Text + " %>"
	case p.Kind == ctl.Runtime, p.Text == "":
		return p.Text
	case quote == '"':
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(p.Text)
	case quote == '\'':
		return strings.ReplaceAll(p.Text, "'", `'\''`)
	}
	return shellWord(ctl.Word{{Kind: ctl.Literal, Text: p.Text}})
}

// textLines gives a statement as lines without the indentation that it had,
// here-documents left alone.
func textLines(text string) []string {
	lines := strings.Split(text, "\n")
	if strings.Contains(text, "<<") {
		return lines
	}
	least := -1
	for _, l := range lines[1:] {
		if t := strings.TrimLeft(l, " \t"); t != "" {
			if n := len(l) - len(t); least < 0 || n < least {
				least = n
			}
		}
	}
	if least > 0 {
		last := strings.TrimSpace(lines[len(lines)-1])
		extra := "  "
		switch last {
		case "done", "fi", "esac", "}", ")":
			extra = ""
		}
		for i, l := range lines[1:] {
			if len(l) >= least {
				lines[i+1] = extra + l[least:]
			}
		}
	}
	return lines
}

func shift(lines []string) []string {
	out := make([]string, len(lines))
	heredoc := false
	for i, l := range lines {
		if heredoc || l == "" || strings.HasPrefix(l, "<%") && strings.HasSuffix(l, "%>") {
			out[i] = l
			continue
		}
		out[i] = "  " + l
		heredoc = strings.Contains(l, "<<") && !strings.Contains(l, "<<<")
	}
	return out
}

var exits = search.MustCompile(`^\s*exit\b`)

// setpriv runs a command as a user; without a group it is that of the user.
func setpriv(user, group string) string {
	switch {
	case group == "" && user == "vcap":
		group = "vcap"
	case group == "":
		group = "$(id -g " + user + ")"
	}
	return "setpriv --reuid=" + user + " --regid=" + group + " --init-groups "
}

// drops says whether a launch gives up root.
func drops(u *ctl.Launch) bool { return u.User != "" && u.User != "root" }

// asUser writes lines so that they run as the user who ran them before: what
// calls them now is root. functions are those that stand outside, begins is the line like set -e under which they ran,
// outside what holds around them.
func (r *residual) asUser(u *ctl.Launch, functions []string, begins string, lines []string, outside errorMode) []string {
	switch {
	case len(lines) == 0:
		return nil
	case begins != "":
		lines = append([]string{begins}, lines...)
	case strings.HasPrefix(lines[0], "<%"):
		lines = append([]string{":"}, lines...) // the block may be empty
	}
	name := "as_" + strings.ReplaceAll(u.User, "-", "_")
	out := append([]string{name + "() {"}, shift(lines)...)
	call := setpriv(u.User, u.Group) + "bash -c " + name
	if outside != endsAtErrors && slices.ContainsFunc(lines, exits.MatchString) {
		call += " || exit"
	}
	return append(out, "}", "export -f "+strings.Join(append([]string{name}, functions...), " "), call)
}
