package erb

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

var bareReturn = search.MustCompile(`^[ \t]+(if|unless)\b`)

// doWord finds the do of "end.else_if_link('domain') do".
var doWord = search.MustCompile(`\bdo\b`)

type eventKind int

const (
	opens eventKind = iota
	divides
	closes
)

// event is a word in Ruby that opens, divides or closes a block.
type event struct {
	what  eventKind
	kind  BlockKind
	word  string
	at    int
	brace bool
}

// scanner reads Ruby just closely enough to tell block words from strings,
// comments, symbols, hash keys, method names and trailing modifiers.
type scanner struct {
	code   string
	at     int
	events []event
	// operand says that what came before ends a value, so that a following
	// "if" is a modifier.
	operand bool
	// loop says that a while, until or for waits for its optional do.
	loop bool
	// dot says that the next word is a method name.
	dot bool
	// statement is where the current statement starts.
	statement int
	heredocs  []string
}

func scanRuby(code string) []event {
	s := &scanner{code: code}
	for s.at < len(s.code) {
		s.step()
	}
	return s.events
}

func (s *scanner) step() {
	c := s.code[s.at]
	switch {
	case c == '\n':
		s.at++
		s.skipHeredocs()
		s.operand, s.loop, s.dot, s.statement = false, false, false, s.at
	case c == ';':
		s.at++
		s.operand, s.loop, s.statement = false, false, s.at
	case c == ' ' || c == '\t' || c == '\r':
		s.at++
	case c == '#':
		for s.at < len(s.code) && s.code[s.at] != '\n' {
			s.at++
		}
	case c == '"' || c == '`':
		s.quoted(c)
	case c == '\'':
		s.quoted(c)
	case c == '%' && !s.operand && s.at+2 < len(s.code) && strings.IndexByte("wWqQiIr({[<|!", s.code[s.at+1]) >= 0:
		s.percent()
	case c == '/' && !s.operand:
		s.quoted('/')
	case c == '<' && strings.HasPrefix(s.code[s.at:], "<<") && s.heredoc():
	case c == ':' && s.at+1 < len(s.code) && (isWord(s.code[s.at+1]) || s.code[s.at+1] == '"'):
		if s.at > 0 && s.code[s.at-1] == ':' || s.code[s.at+1] == '"' {
			s.at++ // Module::Name, or a quoted symbol
			s.dot = s.code[s.at] != '"'
			return
		}
		s.at++
		s.word()
		s.operand = true
	case c == '.' || c == '&' && strings.HasPrefix(s.code[s.at:], "&."):
		s.at++
		if c == '&' {
			s.at++
		}
		s.dot, s.operand = true, false
	case isWord(c):
		s.keyword()
	case c == ')' || c == ']':
		s.at++
		s.operand = true
	case c == '{':
		s.emit(event{what: opens, kind: blockKind(s.code[s.statement:s.at]), brace: true, at: s.at})
		s.at++
		s.operand = false
	case c == '}':
		s.emit(event{what: closes, brace: true, word: "}", at: s.at})
		s.at++
		s.operand = true
	default:
		s.at++
		s.operand = false
	}
}

func (s *scanner) emit(e event) { s.events = append(s.events, e) }

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// word reads an identifier.
func (s *scanner) word() string {
	start := s.at
	for s.at < len(s.code) && isWord(s.code[s.at]) {
		s.at++
	}
	if s.at < len(s.code) && (s.code[s.at] == '?' || s.code[s.at] == '!') && !strings.HasPrefix(s.code[s.at+1:], "=") {
		s.at++
	}
	return s.code[start:s.at]
}

func (s *scanner) keyword() {
	at, wasOperand, method := s.at, s.operand, s.dot
	w := s.word()
	s.dot, s.operand = false, true
	key := s.at < len(s.code) && s.code[s.at] == ':' && !strings.HasPrefix(s.code[s.at:], "::")
	if method || key && !strings.HasPrefix(s.code[s.at:], ": :") && isBlockWord(w) && s.at+1 < len(s.code) && s.code[s.at+1] == ' ' {
		return
	}
	switch w {
	case "if", "unless", "while", "until":
		s.operand = false
		if wasOperand {
			return // a modifier
		}
		kind := map[string]BlockKind{"if": If, "unless": Unless, "while": Loop, "until": Loop}[w]
		s.loop = kind == Loop
		s.emit(event{what: opens, kind: kind, word: w, at: at})
	case "for":
		s.loop, s.operand = true, false
		s.emit(event{what: opens, kind: Loop, word: w, at: at})
	case "case":
		s.operand = false
		s.emit(event{what: opens, kind: Case, word: w, at: at})
	case "begin", "def", "class", "module":
		s.operand = false
		s.emit(event{what: opens, kind: Other, word: w, at: at})
	case "do":
		s.operand = false
		if s.loop {
			s.loop = false
			return
		}
		s.emit(event{what: opens, kind: blockKind(s.code[s.statement:at]), word: w, at: at})
	case "else", "elsif", "when", "in", "rescue", "ensure":
		s.operand = false
		if w == "in" && (s.loop || wasOperand) || w == "rescue" && wasOperand {
			return
		}
		s.emit(event{what: divides, word: w, at: at})
	case "end":
		if rest := s.code[s.at:]; strings.HasPrefix(rest, ".else") {
			// end.else do, end.else_if_p('x') do: the next arm of if_p
			if i := doWord.FindStringIndex(rest); i != nil {
				s.at += i[1]
				s.operand = false
				s.emit(event{what: divides, word: w, at: at})
				return
			}
		}
		s.emit(event{what: closes, word: w, at: at})
	case "return":
		// "return if x" has nothing to return: the if is a modifier
		s.operand = bareReturn.MatchString(s.code[s.at:])
	case "then", "and", "or", "not", "unless=", "puts":
		s.operand = false
	}
}

func isBlockWord(w string) bool {
	switch w {
	case "if", "unless", "while", "until", "for", "case", "begin", "def", "class", "module", "do", "else", "elsif", "when", "in", "rescue", "ensure", "end":
		return true
	}
	return false
}

// blockKind tells what a do belongs to, from the statement before it.
func blockKind(statement string) BlockKind {
	switch {
	case strings.Contains(statement, "if_p"):
		return IfP
	case strings.Contains(statement, "if_link"):
		return IfLink
	}
	for _, m := range []string{".each", ".times", ".map", ".select", ".upto", ".downto", ".step", ".inject", ".reduce", ".sort_by", "loop"} {
		if strings.Contains(statement, m) {
			return Loop
		}
	}
	return Other
}

// quoted skips a string or a regexp, interpolation included.
func (s *scanner) quoted(end byte) {
	s.skipTo(end, 0)
	s.operand = true
}

// skipTo skips from an opening delimiter to its end; open is the opening one
// where the two differ and nest.
func (s *scanner) skipTo(end, open byte) {
	s.at++
	depth := 0
	for s.at < len(s.code) {
		c := s.code[s.at]
		switch {
		case c == '\\':
			s.at++
		case c == '#' && end != '\'' && s.at+1 < len(s.code) && s.code[s.at+1] == '{':
			s.at++
			s.interpolated()
			continue
		case open != 0 && c == open:
			depth++
		case c == end:
			if depth == 0 {
				s.at++
				return
			}
			depth--
		}
		s.at++
	}
	s.at = min(s.at, len(s.code))
}

// interpolated skips the code in a string, from its brace on. Strings in it may
// hold braces of their own.
func (s *scanner) interpolated() {
	s.at++
	depth := 0
	for s.at < len(s.code) {
		switch c := s.code[s.at]; c {
		case '"', '\'', '`':
			s.skipTo(c, 0)
			continue
		case '{':
			depth++
		case '}':
			if depth == 0 {
				s.at++
				return
			}
			depth--
		}
		s.at++
	}
}

// percent skips %w(..), %q{..}, %(..) and the like.
func (s *scanner) percent() {
	s.at++
	if isWord(s.code[s.at]) {
		s.at++
	}
	if s.at >= len(s.code) {
		return
	}
	open := s.code[s.at]
	closers := map[byte]byte{'(': ')', '[': ']', '{': '}', '<': '>'}
	if end, ok := closers[open]; ok {
		s.skipTo(end, open)
	} else {
		s.skipTo(open, 0)
	}
	s.operand = true
}

// heredoc notes a <<~NAME; its body starts on the next line.
func (s *scanner) heredoc() bool {
	rest := strings.TrimLeft(s.code[s.at+2:], "~-")
	squiggly := len(rest) < len(s.code)-s.at-2
	quote := byte(0)
	if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		quote = rest[0]
		rest = rest[1:]
	}
	n := 0
	for n < len(rest) && isWord(rest[n]) {
		n++
	}
	if n == 0 || !squiggly && quote == 0 && !(rest[0] >= 'A' && rest[0] <= 'Z') || s.operand && !squiggly {
		return false
	}
	s.heredocs = append(s.heredocs, rest[:n])
	s.at = len(s.code) - len(rest) + n
	if quote != 0 && s.at < len(s.code) {
		s.at++
	}
	s.operand = true
	return true
}

func (s *scanner) skipHeredocs() {
	for _, name := range s.heredocs {
		for s.at < len(s.code) {
			line, _, _ := strings.Cut(s.code[s.at:], "\n")
			s.at = min(s.at+len(line)+1, len(s.code))
			if strings.TrimSpace(line) == name {
				break
			}
		}
	}
	s.heredocs = nil
}
