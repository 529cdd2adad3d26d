// Package monit reads monit control files as BOSH jobs have them: every check
// with its clauses, by byte offset, so that single values can be replaced and
// every other byte kept.
//
// It reads the ERB template, masked, not the rendered file: both arms of an
// ERB condition are there. It knows the statements that BOSH jobs use
// (monit 5.2.5, the version on stemcells) and keeps what it does not know as a
// clause without meaning.
package monit

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// File is a monit control file.
type File struct {
	Source   *source.File
	Template *erb.Template
	Checks   []*Check
}

// Check is one "check KIND NAME" with what follows up to the next one.
type Check struct {
	Kind string // process, file, device, ...
	Name source.Span
	Span source.Span
	// Clauses are all statements of the check, in order.
	Clauses []*Clause
	// Pidfiles, Starts and Stops are the statements of that kind: several where
	// ERB chooses between them. Pidfile, Start and Stop are the first, or nil.
	Pidfiles      []*Clause
	Starts, Stops []*Program
	Pidfile       *Clause
	Start, Stop   *Program
}

// Clause is one statement of a check. Value is the word or string that it
// gives, without quotes, where it has one.
type Clause struct {
	Keyword string
	Span    source.Span
	Value   source.Span
	Quoted  bool
}

// Program is a start, stop or restart program.
type Program struct {
	*Clause
	Command source.Span
	// Uid and Gid are the "as uid" and "and gid" values; invalid when absent.
	Uid, Gid source.Span
	// As spans "as uid X and gid Y" with the blanks before it; invalid when
	// absent.
	As source.Span
	// TimeoutSeconds is the "with timeout"; 0 when absent (monit's default is
	// 30) or when ERB gives it.
	TimeoutSeconds int
}

// NameText is the name as it is written, ERB included.
func (c *Check) NameText() string { return c.Name.Text() }

// token is a word, a quoted string or a mark of the control file.
type token struct {
	text       string // of the mask, without quotes
	start, end int    // with quotes
	quoted     bool
}

func (t token) is(words ...string) bool {
	if t.quoted {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(t.text, w) {
			return true
		}
	}
	return false
}

// Parse reads a control file. Broken ERB, a string that is not closed and a
// check without a kind or a name are errors with a place.
func Parse(f *source.File) (*File, error) {
	if bytes.HasPrefix(f.Data, []byte("\ufeff")) {
		return nil, source.Errorf(source.Span{File: f}, "the file begins with a byte order mark, which monit does not read; take it out")
	}
	template, err := erb.Parse(f)
	if err != nil {
		return nil, err
	}
	tokens, err := tokenize(f, template)
	if err != nil {
		return nil, err
	}
	p := &parser{file: &File{Source: f, Template: template}, tokens: tokens}
	return p.file, p.parse()
}

// tokenize splits the masked text as monit's lexer does: blanks separate,
// quotes group, "#" starts a comment, and "=" stands alone.
func tokenize(f *source.File, template *erb.Template) ([]token, error) {
	mask := template.Mask()
	var ts []token
	for i := 0; i < len(mask); {
		c := mask[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\\' || c == ',' || c == ';':
			i++
		case c == '#':
			for i < len(mask) && mask[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			end := i + 1
			for end < len(mask) && mask[end] != c {
				end++ // monit has no escapes in strings
			}
			if end >= len(mask) {
				return nil, source.Errorf(source.Span{File: f, Start: i, End: i + 1}, "this quote is never closed")
			}
			ts = append(ts, token{string(mask[i+1 : end]), i, end + 1, true})
			i = end + 1
		case c == '=':
			ts = append(ts, token{"=", i, i + 1, false})
			i++
		default:
			end := i
			for end < len(mask) && !strings.ContainsRune(" \t\r\n\"',;#=", rune(mask[end])) {
				end++
			}
			ts = append(ts, token{string(mask[i:end]), i, end, false})
			i = end
		}
	}
	return ts, nil
}

type parser struct {
	file   *File
	tokens []token
	at     int
}

func (p *parser) span(from, to token) source.Span {
	return source.Span{File: p.file.Source, Start: from.start, End: to.end}
}

// value is a token's text without its quotes.
func (p *parser) value(t token) source.Span {
	s := p.span(t, t)
	if t.quoted {
		s.Start++
		s.End--
	}
	return s
}

func (p *parser) more() bool { return p.at < len(p.tokens) }

// maxChecks is far beyond what a job has: each check is held against each other.
const maxChecks = 500

func (p *parser) parse() error {
	var check *Check
	for p.more() {
		t := p.tokens[p.at]
		if t.is("check") {
			c, err := p.check()
			if err != nil {
				return err
			}
			if len(p.file.Checks) == maxChecks {
				return source.Errorf(c.Span, "more than %d checks: not read", maxChecks)
			}
			check = c
			p.file.Checks = append(p.file.Checks, c)
			continue
		}
		clause := p.clause(check)
		if check != nil {
			check.Clauses = append(check.Clauses, clause)
			check.Span.End = max(check.Span.End, clause.Span.End)
		}
	}
	return nil
}

func (p *parser) check() (*Check, error) {
	first := p.tokens[p.at]
	if p.at+2 >= len(p.tokens) || p.tokens[p.at+1].quoted {
		return nil, source.Errorf(p.span(first, first), "check needs a kind and a name, such as: check process NAME")
	}
	kind, name := p.tokens[p.at+1], p.tokens[p.at+2]
	if !kind.is("process", "file", "directory", "fifo", "filesystem", "device", "host", "system", "program", "network") {
		return nil, source.Errorf(p.span(kind, kind), "check %s: monit knows no such kind; did you mean process?", kind.text)
	}
	p.at += 3
	return &Check{Kind: strings.ToLower(kind.text), Name: p.value(name), Span: p.span(first, name)}, nil
}

// clause reads one statement: it ends where the next one begins.
func (p *parser) clause(c *Check) *Clause {
	for p.more() && p.tokens[p.at].is("with", "and", "has", "using", "use", "the") && p.at+1 < len(p.tokens) {
		p.at++
	}
	first := p.tokens[p.at]
	clause := &Clause{Keyword: strings.ToLower(first.text), Span: p.span(first, first)}
	switch {
	case first.is("pidfile", "matching"):
		p.at++
		p.take(clause)
		if c != nil && first.is("pidfile") {
			c.Pidfiles = append(c.Pidfiles, clause)
			c.Pidfile = c.Pidfiles[0]
		}
	case first.is("start", "stop", "restart"):
		p.at++
		program := &Program{Clause: clause}
		if p.more() && p.tokens[p.at].is("program") {
			p.at++
		}
		p.take(clause)
		program.Command = clause.Value
		p.programOptions(program)
		if c != nil && clause.Value.Valid() {
			switch clause.Keyword {
			case "start":
				c.Starts = append(c.Starts, program)
				c.Start = c.Starts[0]
			case "stop":
				c.Stops = append(c.Stops, program)
				c.Stop = c.Stops[0]
			}
		}
	default:
		p.at++
		for p.more() && !p.begins() {
			clause.Span.End = p.tokens[p.at].end
			p.at++
		}
	}
	return clause
}

// take reads the value of a clause, behind an optional "=".
func (p *parser) take(c *Clause) {
	if p.more() && p.tokens[p.at].is("=") {
		p.at++
	}
	if !p.more() || p.begins() {
		return
	}
	t := p.tokens[p.at]
	c.Value, c.Quoted = p.value(t), t.quoted
	c.Span.End = t.end
	p.at++
}

// programOptions reads "as uid X and gid Y with timeout N seconds".
func (p *parser) programOptions(pr *Program) {
	for p.more() {
		at := p.at
		for p.more() && p.tokens[p.at].is("as", "and", "with", "using") {
			p.at++
		}
		if !p.more() || p.at+1 >= len(p.tokens) {
			p.at = at
			return
		}
		value := p.tokens[p.at+1]
		owner := func() {
			if !pr.As.Valid() {
				pr.As = source.Span{File: p.file.Source, Start: p.tokens[at-1].end, End: value.end}
			}
			pr.As.End = value.end
		}
		switch {
		case p.tokens[p.at].is("uid"):
			pr.Uid = p.value(value)
			owner()
		case p.tokens[p.at].is("gid"):
			pr.Gid = p.value(value)
			owner()
		case p.tokens[p.at].is("timeout"):
			pr.TimeoutSeconds, _ = strconv.Atoi(value.text)
			if p.at+2 < len(p.tokens) && p.tokens[p.at+2].is("second", "seconds", "s") {
				value = p.tokens[p.at+2]
				p.at++
			}
		default:
			p.at = at
			return
		}
		pr.Span.End = value.end
		p.at += 2
	}
}

// begins says whether the current token starts a statement of its own.
func (p *parser) begins() bool {
	t := p.tokens[p.at]
	prev := p.tokens[p.at-1]
	switch {
	case prev.is("then"): // the action of an if: alert, restart, stop, exec
		return false
	case t.is("check", "group", "pidfile", "matching", "every", "mode", "depends", "alert", "noalert"):
		return true
	case t.is("if"):
		return true
	case t.is("start", "stop", "restart"):
		return p.at+1 < len(p.tokens) && (p.tokens[p.at+1].is("program", "=") || p.tokens[p.at+1].quoted)
	case t.is("with"):
		return p.at+1 < len(p.tokens) && p.tokens[p.at+1].is("pidfile")
	}
	return false
}

// Words splits the command as monit does before it executes it: at blanks,
// with quotes that group and backslashes that quote. An ERB expression is
// never split.
func (pr *Program) Words() []source.Span {
	f := pr.Command.File
	template, err := erb.Parse(f)
	mask := f.Data
	if err == nil {
		mask = template.Mask()
	}
	var words []source.Span
	for i := pr.Command.Start; i < pr.Command.End; {
		c := mask[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		start, end := i, i
		if c == '"' || c == '\'' {
			end = i + 1
			for end < pr.Command.End && mask[end] != c {
				end++
			}
			words = append(words, source.Span{File: f, Start: start + 1, End: end})
			i = end + 1
			continue
		}
		for end < pr.Command.End && mask[end] != ' ' && mask[end] != '\t' && mask[end] != '\n' && mask[end] != '\r' {
			end++
		}
		words = append(words, source.Span{File: f, Start: start, End: end})
		i = end
	}
	return words
}
