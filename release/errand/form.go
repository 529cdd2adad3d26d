package errand

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
)

// both is a script of bbr in two: called by bbr it runs bpm, and called by bpm,
// with run, it does its work. An ERB block around all of it stays around all.
func (s *Script) both() []byte {
	text := string(s.File.Data)
	start, end := 0, len(text)
	if b := s.around(); b != nil {
		start, end = b.Start, b.End
	}
	if at := start + len(text[start:end]) - len(strings.TrimLeft(text[start:end], "\n")); strings.HasPrefix(text[at:], "#!") {
		start = lineEnd(text, at)
	}
	start = s.skipSettings(start, end)
	body := text[start:end]
	from := start + len(body) - len(strings.TrimLeft(body, "\n"))
	to := max(from, start+len(strings.TrimRight(body, " \t\n")))
	lead := max("\n", text[start:from])
	work := s.piece(from, to)
	if s.steady(from, to) {
		work = indented(work)
	}
	name := functionName(s.Process)
	if s.calls(name) { // the program of that name would be the function
		name += "_script"
	}
	var b bytes.Buffer
	b.WriteString(text[:start] + lead + name + "() {\n" + s.filler(start, end) + work + "\n}\n\n")
	call := s.call("    ", "")
	if g := s.onlyIf(start, end); g != "" {
		call = "    <% " + g + " %>\n" + call + "\n    <% end %>"
	}
	b.WriteString("case ${1:-} in\n  run)\n    " + name + "\n    ;;\n  *)\n" + call + "\n    ;;\nesac")
	behind := text[to:]
	b.WriteString("\n" + behind[min(len(behind), 1+strings.IndexByte(behind, '\n')):])
	return b.Bytes()
}

// piece is a part of the script as bpm runs it.
func (s *Script) piece(from, to int) string {
	text := string(s.File.Data[from:to])
	for _, d := range slices.Backward(s.drops) {
		if from <= d.Start && d.End <= to {
			text = text[:d.Start-from] + text[d.End-from:]
		}
	}
	return text
}

// functionName is a name for the work of a process.
func functionName(process string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(path.Base(process))
}

func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// around is the arm of an ERB condition that all commands of the script stand
// in, but for its settings: the first arm, as a whole.
func (s *Script) around() *erb.Arm {
	var found *erb.Arm
	for _, st := range s.shell.Tree.Stmts {
		at := int(st.Pos().Offset())
		if isSetting(st) && found == nil && len(s.template.Guards(at)) == 0 {
			continue
		}
		gs := s.template.Guards(at)
		if len(gs) == 0 || gs[0].Block.Kind == erb.Loop || gs[0].Block.Kind == erb.Case {
			return nil
		}
		g := gs[0]
		if g.Arm > 0 {
			if found == nil || g.Block.Arms[0].Start != found.Start {
				return nil
			}
			continue // what it does otherwise stays behind
		}
		a := &g.Block.Arms[0]
		if found != nil && found.Start != a.Start {
			return nil
		}
		if end := int(st.End().Offset()); end > a.End {
			return nil
		}
		found = a
	}
	return found
}

// isSetting says whether a statement only sets how the shell works.
func isSetting(st *syntax.Stmt) bool {
	c, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || len(c.Args) == 0 || len(st.Redirs) > 0 || c.Args[0].Lit() != "set" && c.Args[0].Lit() != "shopt" {
		return false
	}
	for i, a := range c.Args[1:] { // set -- a b sets the arguments
		word := a.Lit()
		named := i > 0 && strings.HasSuffix(c.Args[i].Lit(), "o") // set -o pipefail
		if c.Args[0].Lit() == "set" && (word == "" || word == "-" || word == "--" || !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "+") && !named) {
			return false
		}
	}
	return true
}

// skipSettings gives the end of the lines with which a script sets its shell, and
// of the comments before them.
func (s *Script) skipSettings(start, end int) int {
	text := string(s.File.Data)
	for _, st := range s.shell.Tree.Stmts {
		at := int(st.Pos().Offset())
		if at < start || at >= end {
			continue
		}
		between := text[start:at]
		line := text[int(st.End().Offset()):lineEnd(text, int(st.End().Offset()))]
		alone := strings.TrimLeft(line, "; \t\r\n") == "" || strings.HasPrefix(strings.TrimSpace(line), "#")
		if !isSetting(st) || !alone || strings.Contains(between, "<%") {
			break
		}
		start = lineEnd(text, int(st.End().Offset()))
	}
	return min(start, end)
}

// filler is a command for a function that ERB may leave without one.
func (s *Script) filler(start, end int) string {
	outer := len(s.template.Guards(start))
	for _, st := range s.shell.Tree.Stmts {
		if at := int(st.Pos().Offset()); at >= start && at < end && len(s.template.Guards(at)) <= outer {
			return ""
		}
	}
	return "  :\n"
}

// onlyIf is the condition without which a script does no more than set
// variables: bpm need not be called then.
func (s *Script) onlyIf(start, end int) string {
	outer := len(s.template.Guards(start))
	var only *erb.Block
	for _, st := range s.shell.Tree.Stmts {
		at := int(st.Pos().Offset())
		if at < start || at >= end {
			continue
		}
		gs := s.template.Guards(at)
		if len(gs) <= outer {
			if c, ok := st.Cmd.(*syntax.CallExpr); !ok || len(c.Args) > 0 || assignsOutput(c) {
				return ""
			}
			continue
		}
		b := gs[outer].Block
		if only != nil && only != b || gs[outer].Arm > 0 || len(b.Arms) > 1 || b.Kind != erb.If {
			return ""
		}
		only = b
	}
	if only == nil {
		return ""
	}
	code := strings.TrimSpace(only.Arms[0].Head)
	if strings.Contains(code, "\n") || strings.Contains(code, "|") {
		return ""
	}
	return code
}

// assignsOutput says whether an assignment runs a command.
func assignsOutput(c *syntax.CallExpr) bool {
	runs := false
	syntax.Walk(c, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			runs = true
		}
		return !runs
	})
	return runs
}

// steady says whether blanks before the lines of a piece change nothing: no text
// or tag goes over several of them.
func (s *Script) steady(start, end int) bool {
	steady := true
	spans := func(n syntax.Node) bool {
		return n.Pos().Line() != n.End().Line()
	}
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Redirect:
			steady = steady && n.Hdoc == nil
		case *syntax.SglQuoted:
			steady = steady && !spans(n)
		case *syntax.DblQuoted:
			steady = steady && !spans(n)
		case *syntax.Lit:
			steady = steady && !strings.Contains(n.Value, "\\\n")
		}
		return steady
	})
	for _, g := range s.template.Segments {
		if g.Kind != erb.Text && g.Start >= start && g.End <= end && bytes.ContainsRune(s.File.Data[g.Start:g.End], '\n') {
			steady = false
		}
	}
	return steady
}

func indented(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			lines[i] = "  " + l
		}
	}
	return strings.Join(lines, "\n")
}
