// Package ctl evaluates the start path of a job: from the start program that
// monit calls, through the ctl script and whatever it sources or executes, to
// the process that stays.
//
// The shell is parsed by mvdan.cc/sh from ERB that is masked to equal length,
// and evaluated: positional parameters and variables are tracked, conditions
// on known values are decided, functions are followed. Nothing is executed.
// What cannot be known stays in the result as what it is, an ERB expression or
// run-time shell, and every statement of every script is in the result, taken
// or not. What becomes of a statement is decided in release/convert.
package ctl

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Script is one shell script on the start path.
type Script struct {
	// Path is where the script lies on the VM.
	Path string
	// File is what the spans of the script point into: the file as it was read,
	// or a rearrangement of Original.
	File, Original *source.File
	Template       *erb.Template

	tree *syntax.File
	mask []byte
	// heredocs says that there may be some.
	heredocs bool
	used     sync.Map // of syntax.Node: []use
	// crossed are the statements that an ERB block cuts in pieces.
	crossed map[*syntax.Stmt]bool
}

// What is followed is bounded: each condition doubles what has to be kept in
// mind. The longest ctl script that we know has 40,000 bytes.
const (
	maxScript = 128 << 10
	maxBlocks = 500
)

// ParseScript parses a script that lies at vmPath on the VM. Errors have a
// place: broken ERB, shell that bash would not read.
//
// Where an ERB block begins in one part of a command and ends in another, the
// script is rearranged so that each arm has the whole command.
func ParseScript(vmPath string, f *source.File) (*Script, error) {
	type lyingAt string
	type parsed struct {
		script *Script
		err    error
	}
	p := source.Derived(f, lyingAt(vmPath), func() parsed {
		s, err := parseWidened(vmPath, f)
		return parsed{s, err}
	})
	return p.script, p.err
}

func parseWidened(vmPath string, f *source.File) (*Script, error) {
	s, err := parseFile(vmPath, f)
	if err != nil {
		return nil, err
	}
	for range maxWidenings {
		wide := s.widened()
		if wide == nil {
			break
		}
		next, err := parseFile(vmPath, wide)
		if err != nil {
			break
		}
		next.Original, s = f, next
	}
	for _, c := range s.crossings() {
		if s.crossed == nil {
			s.crossed = map[*syntax.Stmt]bool{}
		}
		s.crossed[c.stmt] = true
	}
	return s, nil
}

func parseFile(vmPath string, f *source.File) (*Script, error) {
	if i := bytes.IndexByte(f.Data, 0); i >= 0 {
		return nil, source.Errorf(source.Span{File: f, Start: i, End: i + 1}, "a NUL byte: not a shell script")
	}
	if bytes.HasPrefix(f.Data, []byte("\ufeff")) {
		return nil, source.Errorf(source.Span{File: f}, "a byte order mark stands before the first line, and nothing runs such a script; take it out")
	}
	if first, _, _ := bytes.Cut(f.Data, []byte("\n")); bytes.HasPrefix(first, []byte("#!")) && bytes.HasSuffix(first, []byte("\r")) {
		return nil, source.Errorf(source.Span{File: f, Start: len(first) - 1, End: len(first)}, "the line ends in CR LF, and no interpreter has a CR in its name: the script does not run as it is")
	}
	if len(f.Data) > maxScript {
		return nil, source.Errorf(source.Span{File: f}, "a script of %d bytes is not followed; at most %d are", len(f.Data), maxScript)
	}
	template, err := erb.Parse(f)
	if err != nil {
		return nil, err
	}
	if n := len(template.Blocks); n > maxBlocks {
		b := template.Blocks[maxBlocks]
		return nil, source.Errorf(source.Span{File: f, Start: b.Start, End: b.Start}, "a script with %d ERB blocks is not followed; with %d it is", n, maxBlocks)
	}
	text := template.Mask()
	tree, err := parseShell(text, f.Name)
	if err == nil && uncontinue(tree, text) {
		tree, err = parseShell(text, f.Name)
	}
	if err != nil {
		var parse syntax.ParseError
		if errors.As(err, &parse) {
			at := int(parse.Pos.Offset())
			return nil, source.Errorf(source.Span{File: f, Start: at, End: at}, "%s", parse.Text)
		}
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return &Script{Path: vmPath, File: f, Original: f, Template: template, tree: tree, mask: text, heredocs: bytes.Contains(text, []byte("<<"))}, nil
}

func parseShell(text []byte, name string) (*syntax.File, error) {
	return shell.Parse(text, name, syntax.Variant(syntax.LangBash), syntax.KeepComments(true))
}

// uncontinue takes off the backslashes in which comments end: the parser goes
// on to the next line there, and bash does not.
func uncontinue(tree *syntax.File, text []byte) bool {
	found := false
	syntax.Walk(tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.Comment); ok {
			from := int(c.Hash.Offset())
			for i := from; i+1 < len(text) && i < from+1+len(c.Text); i++ {
				if text[i] == '\\' && text[i+1] == '\n' {
					text[i], found = ' ', true
				}
			}
		}
		return true
	})
	return found
}

func (s *Script) span(n syntax.Node) source.Span {
	return source.Span{File: s.File, Start: int(n.Pos().Offset()), End: int(n.End().Offset())}
}

// tags says whether an ERB tag that prints nothing stands between two offsets:
// then the text there is not what is rendered.
func (s *Script) tags(start, end int) bool {
	for _, seg := range s.Template.Within(start, end) {
		if seg.Kind == erb.Code || seg.Kind == erb.Comment {
			return true
		}
	}
	return false
}

// Statements lists the leaves of the script: the commands, tests and
// declarations that stand in its lists, conditions and function bodies. They
// are what the ledger has to account for.
func (s *Script) Statements() []source.Span {
	var spans []source.Span
	for _, stmt := range s.leaves() {
		spans = append(spans, s.span(stmt))
	}
	return spans
}

func isLeaf(c syntax.Command) bool {
	switch c.(type) {
	case nil, *syntax.CallExpr, *syntax.DeclClause, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.TestDecl:
		return true
	}
	return false
}

// Shell says whether the file is a script that a POSIX shell or bash reads: its
// first line names one, or no program at all. name is the program it names.
func Shell(f *source.File) (name string, ok bool) {
	line, _, _ := bytes.Cut(f.Data, []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return "", true
	}
	for _, w := range strings.Fields(string(line[2:])) {
		if name = w[strings.LastIndexByte(w, '/')+1:]; name != "env" && !strings.HasPrefix(name, "-") {
			break
		}
	}
	return name, name == "bash" || name == "sh" || name == "dash"
}
