package interp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
)

// parsed are scripts that were read before: the same ones run in every case of a
// job. Trees are never changed.
var parsed = struct {
	sync.Mutex
	scripts map[key]result
	size    int
}{scripts: map[key]result{}}

type key struct {
	sum  [sha256.Size]byte
	dash bool
}

type result struct {
	script *Script
	err    error
}

// maxParsed is how many bytes of scripts are kept.
const maxParsed = 32 << 20

// Parse reads a script as bash or dash reads it: command by command, so that what
// is in front of an error is run. Both results may be there.
func Parse(text []byte, name string, dash bool) (*Script, error) {
	k := key{sha256.Sum256(text), dash}
	parsed.Lock()
	r, ok := parsed.scripts[k]
	parsed.Unlock()
	if ok {
		return r.script, r.err
	}
	r.script, r.err = parse(text, name, dash)
	parsed.Lock()
	defer parsed.Unlock()
	if parsed.size += len(text) * 8; parsed.size > maxParsed {
		clear(parsed.scripts)
		parsed.size = len(text) * 8
	}
	parsed.scripts[k] = r
	return r.script, r.err
}

func parse(text []byte, name string, dash bool) (*Script, error) {
	lang := syntax.LangBash
	if dash {
		lang = syntax.LangPOSIX
	}
	if i := bytes.IndexByte(text, 0); i >= 0 && i < 80 {
		return nil, errors.New("cannot execute binary file")
	}
	f, err := shell.Parse(text, name, syntax.Variant(lang))
	for range 50 {
		if err == nil && !dash {
			if n, at := tooEarly(f); n >= 0 {
				return &Script{f.Stmts[:n]}, syntax.ParseError{Filename: name, Pos: at, Text: "a pattern of extglob in the command that turns it on: bash does not read it"}
			}
		}
		if err == nil {
			return &Script{f.Stmts}, nil
		}
		better := respelled(text, err, dash)
		if better == nil {
			break
		}
		text = better
		f, err = shell.Parse(text, name, syntax.Variant(lang))
	}
	if dash {
		// some of what is an error to the parser is one to dash only when it is run
		if f, err := shell.Parse(text, name, syntax.Variant(syntax.LangBash)); err == nil && plain(f) {
			return &Script{f.Stmts}, nil
		}
	}
	var where syntax.ParseError
	if errors.As(err, &where) && strings.Contains(where.Text, "not read") {
		return nil, err
	}
	// what is in front of the line with the error
	lines := bytes.SplitAfter(text, []byte("\n"))
	at := line(err)
	for n := min(at-1, len(lines)-1); n > 0; n-- {
		f, before := shell.Parse(bytes.Join(lines[:n], nil), name, syntax.Variant(lang))
		if before == nil {
			return &Script{f.Stmts}, err
		}
		if l := line(before); l > 0 && l <= n && !unfinished(before) {
			n = l
		}
	}
	return nil, err
}

// tooEarly finds a command at the top that turns extglob on and has a pattern of
// it, when none before turned it on: bash reads a command before it runs any of it.
func tooEarly(f *syntax.File) (n int, at syntax.Pos) {
	for i, s := range f.Stmts {
		on, pattern := false, syntax.Pos{}
		syntax.Walk(s, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.TestClause:
				return false
			case *syntax.ExtGlob:
				if !pattern.IsValid() {
					pattern = n.Pos()
				}
			case *syntax.CallExpr:
				for j, w := range n.Args {
					on = on || j > 0 && n.Args[0].Lit() == "shopt" && w.Lit() == "extglob"
				}
			}
			return true
		})
		switch {
		case on && pattern.IsValid():
			return i, pattern
		case on:
			return -1, pattern
		}
	}
	return -1, syntax.Pos{}
}

// respelled is a text whose first error is none to the shell, spelled so that
// the parser reads it: the key of an array that is no expression (m[a.b]=1), and in
// dash &>, which are two operators.
func respelled(text []byte, err error, dash bool) []byte {
	var p syntax.ParseError
	var l syntax.LangError
	at, what := 0, ""
	switch {
	case errors.As(err, &p):
		at, what = int(p.Pos.Offset()), p.Text
	case errors.As(err, &l):
		at, what = int(l.Pos.Offset()), l.Feature
	}
	if at <= 0 || at >= len(text) {
		return nil
	}
	switch {
	case dash && strings.Contains(what, "&>") && text[at] == '&':
		return slices.Concat(text[:at+1], []byte(" "), text[at+1:])
	case !dash && (strings.Contains(what, "arithmetic") || strings.Contains(what, "must follow")):
		from := bytes.LastIndexByte(text[:at], '[')
		end := bytes.IndexByte(text[at:], ']')
		if from < 0 || end < 0 || bytes.ContainsAny(text[from+1:at+end], "\n\"'`()[]\\") {
			return nil
		}
		end += at
		return slices.Concat(text[:from+1], []byte{'"'}, text[from+1:end], []byte{'"'}, text[end:])
	}
	return nil
}

func line(err error) int {
	var p syntax.ParseError
	var l syntax.LangError
	switch {
	case errors.As(err, &p):
		return int(p.Pos.Line())
	case errors.As(err, &l):
		return int(l.Pos.Line())
	}
	return 0
}

func unfinished(err error) bool {
	var p syntax.ParseError
	return errors.As(err, &p) && p.Incomplete
}

// plain says whether a tree of bash's language has nothing that dash reads in
// another way; a parameter that dash does not know is an error when it is run.
func plain(f *syntax.File) bool {
	ok := true
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.TestClause, *syntax.DeclClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.ProcSubst, *syntax.ExtGlob, *syntax.ArrayExpr, *syntax.CStyleLoop, *syntax.TimeClause, *syntax.CoprocClause:
			ok = false
		case *syntax.FuncDecl:
			ok = ok && !n.RsrvWord
		case *syntax.SglQuoted:
			ok = ok && !n.Dollar
		case *syntax.DblQuoted:
			ok = ok && !n.Dollar
		case *syntax.ForClause:
			ok = ok && !n.Select
		case *syntax.ArithmExp:
			ok = ok && !n.Bracket
		case *syntax.Assign:
			ok = ok && n.Index == nil && !n.Append
		case *syntax.Redirect:
			switch n.Op {
			case syntax.WordHdoc, syntax.RdrAll, syntax.AppAll:
				ok = false
			}
			if n.N != nil && strings.HasPrefix(n.N.Value, "{") {
				ok = false
			}
		case *syntax.BinaryCmd:
			ok = ok && n.Op != syntax.PipeAll
		}
		return ok
	})
	return ok
}

// wordOf reads a text as one word.
func wordOf(s string) (*syntax.Word, error) {
	var w *syntax.Word
	f, err := syntax.NewParser().Parse(strings.NewReader("case x in ("+s+") ;; esac"), "")
	if err != nil {
		return nil, err
	}
	if c, ok := f.Stmts[0].Cmd.(*syntax.CaseClause); ok && len(c.Items) == 1 {
		for i, p := range c.Items[0].Patterns {
			if i == 0 {
				w = &syntax.Word{Parts: p.Parts}
				continue
			}
			w.Parts = append(append(w.Parts, &syntax.Lit{Value: "|"}), p.Parts...)
		}
	}
	return w, nil
}
