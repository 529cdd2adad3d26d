// Package shell parses shell scripts, and refuses those that no person wrote.
//
// The parser, and whatever walks its tree, go as deep as the script does, and a
// Go program whose stack is too deep ends at once, with no way to catch it. So
// a script is counted before it is parsed. What a script means is not known
// here; that is in release/ctl.
package shell

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// The scripts of the releases that we know have less than a tenth of each.
const (
	maxSize = 1 << 20
	// maxDepth is how deep commands, brackets and expansions may lie in each
	// other.
	maxDepth = 500
	// maxChain is how many commands | && and || may join.
	maxChain = 400
)

// Parse parses a script. That it is too large or too deep is a
// syntax.ParseError, as is what bash would not read. The tree is what bash
// reads, where the parser alone would differ: see repair.
func Parse(text []byte, name string, options ...syntax.ParserOption) (*syntax.File, error) {
	if at, what := tooMuch(text); what != "" {
		line := bytes.Count(text[:at], []byte("\n")) + 1
		return nil, syntax.ParseError{Filename: name, Text: what, Pos: syntax.NewPos(uint(at), uint(line), uint(at-bytes.LastIndexByte(text[:at], '\n')))}
	}
	text = plainComments(text)
	f, err := syntax.NewParser(options...).Parse(bytes.NewReader(text), name)
	if err != nil {
		return nil, err
	}
	repair(f, text)
	return f, nil
}

// plainComments puts ? for the bytes of comments that are no UTF-8, which bash
// passes over and the parser does not.
func plainComments(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	text = bytes.Clone(text)
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("#")) {
			continue
		}
		for i := 0; i < len(line); {
			r, n := utf8.DecodeRune(line[i:])
			if r == utf8.RuneError && n == 1 {
				line[i] = '?'
			}
			i += n
		}
	}
	return text
}

// tooMuch finds what goes beyond the bounds. It knows nothing of quotes, so
// that brackets in them count until the construct around them ends.
func tooMuch(text []byte) (at int, what string) {
	if len(text) > maxSize {
		return 0, fmt.Sprintf("a script of %d bytes: at most %d are read", len(text), maxSize)
	}
	var open []byte // ( { and k for a keyword, e for elif
	chain := 0
	command := true // a keyword may stand here
	joined := false // the command goes on in the next line
	for i := 0; i < len(text); i++ {
		c := text[i]
		comment := c == '#' && (i == 0 || text[i-1] == '\n' || text[i-1] == ' ' || text[i-1] == '\t')
		switch {
		case c == '|', c == '&' && i > 0 && text[i-1] == '&':
			joined = true
		case c != ' ' && c != '\t' && c != '\r' && c != '\n' && !comment:
			joined = false
		}
		switch {
		case c == '\\':
			i++
			command = false
		case c == ' ' || c == '\t' || c == '\r':
		case c == '\n':
			if !joined {
				chain = 0
			}
			command = true
		case comment:
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case c == '(' || c == '{':
			open = append(open, c)
			command = true
		case c == ')' || c == '}':
			if n := len(open); n > 0 && open[n-1] == c-')'+'(' || n > 0 && c == '}' && open[n-1] == '{' {
				open = open[:n-1]
			}
			command = true
		case c == ';':
			chain = 0
			command = true
		case c == '|' || c == '&':
			if i == 0 || text[i-1] != c {
				chain++
			}
			command = true
		case c == '!' || c == '`':
			command = true
		case c >= 'a' && c <= 'z':
			end := i
			for end < len(text) && (text[end] == '_' || text[end] >= '0' && text[end] <= '9' || text[end] >= 'a' && text[end] <= 'z' || text[end] >= 'A' && text[end] <= 'Z') {
				end++
			}
			word := string(text[i:end])
			i = end - 1
			if !command {
				continue
			}
			command = false
			switch word {
			case "if", "while", "until":
				open, command = append(open, 'k'), true
			case "for", "case", "select":
				open = append(open, 'k')
			case "elif":
				open, command = append(open, 'e'), true
			case "then", "do", "else", "time":
				command = true
			case "fi", "done", "esac":
				n := bytes.LastIndexByte(open, 'k')
				open = open[:max(n, 0)]
			}
		default:
			command = false
		}
		if len(open) > maxDepth {
			return i, fmt.Sprintf("commands that lie in each other more than %d deep: not read", maxDepth)
		}
		if chain > maxChain {
			return i, fmt.Sprintf("more than %d commands in one chain of | && ||: not read", maxChain)
		}
	}
	return 0, ""
}
