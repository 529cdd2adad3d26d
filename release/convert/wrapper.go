package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
)

// held gives the variable for a piece that the old script had in one: what it
// prints is split at blanks and not read.
func (r *residual) held(p ctl.Part) string {
	for _, h := range r.holders {
		if h.value == holding(p) {
			return h.name
		}
	}
	name := p.Held
	taken := func(name string) bool {
		if slices.ContainsFunc(r.holders, func(h holder) bool { return h.name == name && !erb.Exclusive(h.guards, p.Guards) }) {
			return true
		}
		for c := range r.keep {
			launched := slices.ContainsFunc(r.l.ways, func(u *ctl.Launch) bool { return u.Command == c })
			if !launched && (slices.Contains(c.Sets, name) || slices.Contains(c.Refs, name)) {
				return true
			}
		}
		return slices.ContainsFunc(r.l.ways, func(u *ctl.Launch) bool {
			return slices.ContainsFunc(u.Env, func(e ctl.Assign) bool {
				return e.Name == name && !(len(e.Value) == 1 && holding(e.Value[0]) == holding(p))
			})
		})
	}
	for i := 2; taken(name); i++ {
		name = fmt.Sprintf("%s%d", p.Held, i)
	}
	r.holders = append(r.holders, holder{name, holding(p), p.Guards})
	return name
}

// holds says whether a piece of a word has to stay in a variable: it came out
// of one, and what it prints may be several words.
func (r *residual) holds(p ctl.Part) bool { return p.Held != "" && r.job.printsWords(p.Text) }

// holder is a variable of a wrapper for what the old script had in one.
type holder struct {
	name, value string
	guards      []erb.Guard
}

func holding(p ctl.Part) string { return string(p.Quote) + "<%= " + p.Text + " %>" + string(p.Quote) }

// hold writes the variables that the words of a launch need.
func (r *residual) hold(u *ctl.Launch) []string {
	var lines []string
	for _, word := range append([]ctl.Word{u.Executable}, u.Args...) {
		for _, p := range word {
			if !r.holds(p) {
				continue
			}
			if line := ctl.Tagged(p.Guards, r.held(p)+"="+holding(p)); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// word writes a word of a launch. What came out of a variable is not read
// again: it stands in quotes, or in a variable where it has to be split.
func (r *residual) word(w ctl.Word) string {
	out := slices.Clone(w)
	for i, p := range out {
		switch {
		case r.holds(p):
			out[i].Kind, out[i].Text = ctl.Runtime, "${"+r.held(p)+"}"
		case p.Held != "":
			out[i].Split = false
		}
	}
	return shellWord(out)
}

// inline writes the variables that the command of a launch sets itself, by env or in front
// of it, where bpm.yml does not set them: another way to the process may set others.
func (r *residual) inline(u *ctl.Launch) []string {
	var lines []string
	for _, e := range u.Env {
		if at := u.Command.Span; e.Span.File == at.File && e.Span.Start >= at.Start && e.Span.End <= at.End && e.Span.Valid() && !r.given[e.Name] && !r.l.drops(e.Name) {
			lines = append(lines, ctl.Tagged(e.Guards, "export "+e.Name+"="+r.word(e.Value)))
		}
	}
	return lines
}

// exec writes a launch as the last command of a wrapper.
func (r *residual) exec(u *ctl.Launch) string {
	words := []string{"exec", r.word(u.Executable)}
	args := u.Args
	row := background(u)
	if row != nil && slices.Contains(row.Names, "pg_ctl") {
		return join(postgresWords(u))
	}
	var kept []ctl.Word
	for i := 0; i < len(args); i++ {
		text := args[i].String()
		if row != nil && slices.Contains(row.Flags, text) {
			continue
		}
		if row != nil && slices.Contains(row.Valued, text) || pidFlag.MatchString(text) && i+1 < len(args) && r.job.oldPid(r.l, args[i+1].String()) {
			i++
			continue
		}
		kept = append(kept, args[i])
	}
	words = append(words, r.tagged(kept)...)
	if row != nil {
		words = append(words, row.Add()...)
		for _, n := range row.Names {
			if n == "nginx" {
				words = r.nginx(words)
			}
		}
	}
	return join(words)
}

// tagged writes arguments; those in the same block stand in one pair of tags.
func (r *residual) tagged(args []ctl.Word) []string {
	var words []string
	for i := 0; i < len(args); i++ {
		guards := args[i].Presence()
		if len(guards) == 0 {
			words = append(words, r.word(args[i]))
			continue
		}
		var inside []string
		for ; i < len(args) && slices.Equal(args[i].Presence(), guards); i++ {
			inner := make(ctl.Word, len(args[i]))
			for k, p := range args[i] {
				p.Guards = p.Guards[len(guards):]
				inner[k] = p
			}
			inside = append(inside, r.word(inner))
		}
		i--
		text := strings.Join(inside, " ")
		if slices.ContainsFunc(guards, func(g erb.Guard) bool { return g.Block.Kind == erb.Loop || g.Block.Kind == erb.Other }) {
			text += " " // the next round begins a new word
		}
		words = append(words, ctl.Tagged(guards, text))
	}
	return words
}

// postgresWords runs the server instead of pg_ctl: what -o holds are its
// options, which the shell splits.
func postgresWords(u *ctl.Launch) []string {
	exe := slices.Clone(u.Executable)
	last := &exe[len(exe)-1]
	last.Text = strings.TrimSuffix(last.Text, "pg_ctl") + "postgres"
	words := []string{"exec", shellWord(exe)}
	for i := 0; i < len(u.Args); i++ {
		switch u.Args[i].String() {
		case "-D", "--pgdata":
			if i+1 < len(u.Args) {
				i++
				words = append(words, "-D", shellWord(u.Args[i]))
			}
		case "-o", "--options":
			if i+1 < len(u.Args) {
				i++
				text := shellWord(u.Args[i])
				if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
					text = text[1 : len(text)-1]
				}
				words = append(words, text)
			}
		case "-l", "-t", "-m", "-p", "--log", "--timeout":
			i++
		}
	}
	return words
}

// nginx adds what keeps nginx in the foreground and off its package.
func (r *residual) nginx(words []string) []string {
	if r.l.inline != "" {
		done := false
		for i, w := range words {
			if w == "-g" && i+1 < len(words) {
				if q := words[i+1][:1]; q == `"` || q == "'" {
					words[i+1] = q + r.l.inline + " " + words[i+1][1:]
				} else {
					words[i+1] = "'" + r.l.inline + " " + words[i+1] + "'"
				}
				done = true
			}
		}
		if !done {
			words = append(words, "-g", "'"+r.l.inline+"'")
		}
	}
	if r.l.prefix {
		words = append(words, "-p", r.job.dataDir())
	}
	return words
}
