// Package hostscript reads shell scripts of a release that run on the VM, as root,
// and stay as they are: drains, cron jobs, the scripts of logrotate. It says what
// they do with a pidfile that moves, and gives the edits for it. It does not follow
// a script into others, and it changes no file.
package hostscript

import (
	"bytes"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/shell"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Script is a shell script that stays as it is, but for the paths in it
// that move. It is read statement by statement, not followed: a variable has a
// value here when the script gives it one only once.
type Script struct {
	File *source.File
	Tree *syntax.File
	// Exported are the variables that other programs see.
	Exported  map[string]bool
	template  *erb.Template
	values    map[string]string
	functions map[string]bool
	// set counts the places that set a variable.
	set map[string]int
	// Composed are the values of the words that are not written out, with a star
	// for what has none here.
	Composed []string
}

// Read parses a script, or what a crontab or the configuration of
// logrotate has as commands; nil when there is no shell in a file, or none that
// can be read.
func Read(f *source.File, script bool) *Script {
	type asScript bool
	return source.Derived(f, asScript(script), func() *Script { return read(f, script) })
}

func read(f *source.File, script bool) *Script {
	if _, shell := ctl.Shell(f); !shell || bytes.IndexByte(f.Data, 0) >= 0 {
		return nil
	}
	t, err := erb.Parse(f)
	if err != nil {
		return nil
	}
	text := t.Mask()
	if !script && !onlyCommands(text) {
		return nil
	}
	tree, err := shell.Parse(text, f.Name, syntax.Variant(syntax.LangBash), syntax.KeepComments(true))
	if err != nil {
		return nil
	}
	s := &Script{File: f, template: t, Tree: tree, values: map[string]string{}, set: map[string]int{}, Exported: map[string]bool{}, functions: map[string]bool{}}
	var assigns []*syntax.Assign
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			s.functions[n.Name.Value] = true
		case *syntax.Assign:
			if n.Name != nil && !n.Naked {
				s.set[n.Name.Value]++
				assigns = append(assigns, n)
			}
		case *syntax.DeclClause:
			if n.Variant.Value == "export" || n.Variant.Value == "declare" {
				for _, a := range n.Args {
					if a.Name != nil && n.Variant.Value == "export" {
						s.Exported[a.Name.Value] = true
					}
				}
			}
		case *syntax.WordIter:
			s.set[n.Name.Value] += 2 // one value after the other
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				for _, a := range n.Assigns {
					if a.Name != nil {
						s.Exported[a.Name.Value] = true // for the command
					}
				}
				switch n.Args[0].Lit() {
				case "read", "unset", "getopts", "mapfile", "readarray", "let", "printf":
					for _, w := range n.Args[1:] {
						s.set[w.Lit()]++
					}
				}
			}
		}
		return true
	})
	for range assigns { // as deep as one value may lie in another
		before := len(s.values)
		for _, a := range assigns {
			if s.set[a.Name.Value] != 1 || a.Append || a.Index != nil || a.Array != nil || a.Value == nil {
				continue
			}
			if v, ok := s.Value(a.Value); ok && len(v) <= maxValue {
				s.values[a.Name.Value] = v
			}
		}
		if len(s.values) == before {
			break
		}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		if w, ok := n.(*syntax.Word); ok && (w.Lit() == "" || strings.Contains(w.Lit(), "*")) {
			v, known := s.Value(w)
			if !known {
				v = s.pattern(w)
			}
			s.Composed = append(s.Composed, v)
		}
		return true
	})
	return s
}

// maxValue is the longest value that is kept: each may hold another one twice.
const maxValue = 1 << 16

// RunsOnHost says whether a file is a crontab or configuration of logrotate.
func RunsOnHost(f *source.File) bool {
	type onHost struct{}
	return source.Derived(f, onHost{}, func() bool {
		return !bytes.HasPrefix(f.Data, []byte("#!")) && onlyCommands(bytes.Clone(f.Data))
	})
}

// onlyCommands blanks all but the commands of a crontab, and all but those that
// logrotate runs; it says whether there are any.
func onlyCommands(text []byte) (some bool) {
	inside := false
	for at := 0; at < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		line := text[at:end]
		blank := len(line)
		word := string(bytes.TrimSpace(line))
		var m []int
		if word != "" && strings.ContainsRune("@*0123456789", rune(word[0])) {
			m = crontabFields.FindIndex(line)
		}
		switch {
		case word == "endscript":
			inside = false
		case inside:
			blank = 0
		case rotateScript.MatchString(word):
			inside = true
		case m != nil:
			blank = m[1]
		}
		some = some || blank < len(line)
		for i := range blank {
			line[i] = ' '
		}
		at = end + 1
	}
	return some
}

var (
	// crontabFields are what stands before the command: when, and as whom.
	crontabFields = search.MustCompile(`^\s*(?:@\w+|(?:[*\d][\d*/,-]*\s+){2}[*\d]\S*\s+[*\w]\S*\s+[*\w]\S*)\s+(?:(?:root|vcap)\s+)?`)
	rotateScript  = search.MustCompile(`^(?:pre|post|first|last)(?:rotate|action)$`)
)

// Value is what a word stands for, when the script alone tells.
func (s *Script) Value(w *syntax.Word) (string, bool) {
	if s.template.HasExpr(int(w.Pos().Offset()), int(w.End().Offset())) {
		return "", false
	}
	return s.parts(w.Parts)
}

func (s *Script) parts(parts []syntax.WordPart) (string, bool) {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.Contains(p.Value, `\`) {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			v, ok := s.parts(p.Parts)
			if !ok {
				return "", false
			}
			b.WriteString(v)
		case *syntax.ParamExp:
			name, plain := reference(p)
			v, ok := s.values[name]
			if !plain || !ok || b.Len()+len(v) > maxValue {
				return "", false
			}
			b.WriteString(v)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// reference is the variable that $X or ${X} stands for; plain says that nothing
// is done to its value.
func reference(p *syntax.ParamExp) (name string, plain bool) {
	if p.Param == nil {
		return "", false
	}
	plain = !p.Excl && !p.Length && !p.Width && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Exp == nil && len(p.Modifiers) == 0 && p.NestedParam == nil
	return p.Param.Value, plain
}

// refersTo gives the variable that a word stands for by itself.
func refersTo(w *syntax.Word) string {
	if len(w.Parts) != 1 {
		return ""
	}
	part := w.Parts[0]
	if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
		part = q.Parts[0]
	}
	if p, ok := part.(*syntax.ParamExp); ok {
		if name, plain := reference(p); plain {
			return name
		}
	}
	return ""
}

func (s *Script) Span(n syntax.Node) source.Span {
	return source.Span{File: s.File, Start: int(n.Pos().Offset()), End: int(n.End().Offset())}
}

// Command is the program of a call without what only starts it, and its
// arguments.
func (s *Script) Command(c *syntax.CallExpr) (name string, args []*syntax.Word) {
	args = c.Args
	for len(args) > 0 {
		v, ok := s.Value(args[0])
		if !ok {
			return "", args
		}
		name, args = path.Base(v), args[1:]
		switch name {
		case "sudo", "exec", "command", "builtin", "nohup":
			if len(args) > 0 && !strings.HasPrefix(args[0].Lit(), "-") {
				continue
			}
		}
		return name, args
	}
	return "", nil
}

// mentions are the places where a path stands in the script.
func (s *Script) mentions(path string) []source.Span {
	var spans []source.Span
	for _, at := range release.Occurrences(string(s.File.Data), path) {
		spans = append(spans, source.Span{File: s.File, Start: at[0], End: at[1]})
	}
	return spans
}

// InCrontab says whether a line runs its command by the clock.
func InCrontab(line string) bool { return crontabFields.MatchString(line) }
