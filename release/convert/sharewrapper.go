package convert

import (
	"fmt"
	"path"
	"slices"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// shareWrappers has the old scripts, which stay behind a flag, call the wrappers:
// what decides about the command line stands in one place then. Where it is not
// certain that this is the same as before, the script stays as it is, with a
// finding.
func (w *job) shareWrappers() {
	if !w.ctx.ShareWrapper || w.Flag == "" {
		return
	}
	edits := map[*source.File][]source.Edit{}
	var files []*source.File
	for _, l := range w.supervised() {
		if len(l.wrapper) == 0 {
			continue
		}
		edit, file, why := w.sharing(l)
		if why != "" {
			w.find("wrapper-not-shared", source.Note, l.launch.Span(), "the old script does not call %s, but does as before: %s", l.process.Executable, why)
			continue
		}
		if edits[file] == nil {
			files = append(files, file)
		}
		edits[file] = append(edits[file], edit)
		w.decide(l, at(l.launch.Span()), "the old script calls "+l.process.Executable, "--share-wrapper: the wrapper does nothing but what the script did there, with the same user, environment and output")
	}
	for _, f := range files {
		after, err := source.Apply(f.Data, edits[f])
		if err != nil {
			w.find("wrapper-not-shared", source.Note, source.Span{File: f}, "the old script does not call its wrappers, but does as before: %v", err)
			continue
		}
		w.wrapped = append(w.wrapped, Change{Name: f.Name, Before: f, After: after, Mode: f.Mode, Why: "calls the wrapper"})
	}
}

// sharing is the edit with which the script of a process calls its wrapper.
func (w *job) sharing(l *launch) (edit source.Edit, file *source.File, why string) {
	if len(l.ways) != 1 || len(l.beside) > 0 || l.inline != "" || l.prefix {
		return edit, nil, "the wrapper starts the process in another way, or starts more than one"
	}
	if why := onlySets(l.script, w.Job.Dir()); why != "" {
		return edit, nil, why
	}
	u := l.ways[0]
	file = u.Command.Span.File
	stays := slices.ContainsFunc(l.result.Scripts, func(s *ctl.Script) bool { return s.Original == file })
	s := hostscript.Read(file, true)
	if !stays || s == nil {
		return edit, nil, "the command does not stand in a file of the job as it is"
	}
	var call *syntax.CallExpr
	first := -1
	syntax.Walk(s.Tree, func(n syntax.Node) bool {
		c, ok := n.(*syntax.CallExpr)
		if !ok || call != nil {
			return call == nil
		}
		at := s.Span(c)
		if u.Command.Span.Start > at.Start || at.End > u.Command.Span.End {
			return true
		}
		if i := slices.IndexFunc(c.Args, func(a *syntax.Word) bool { return w.is(l, s, a) }); i >= 0 {
			call, first = c, i
		}
		return true
	})
	if call == nil {
		return edit, nil, "the program does not stand there by its own name"
	}
	start, end := int(call.Args[first].Pos().Offset()), int(call.Args[len(call.Args)-1].End().Offset())
	syntax.Walk(s.Tree, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && start < int(r.Pos().Offset()) && int(r.Pos().Offset()) < end {
			why = "a redirection stands between its arguments"
		}
		return true
	})
	if why == "" && len(call.Args)-first != len(u.Args)+1 && !splits(call.Args[first:]) {
		why = fmt.Sprintf("its command line has %d words, and the process %d", len(call.Args)-first, len(u.Args)+1)
	}
	return source.Edit{Start: start, End: end, New: l.process.Executable, Rule: "share-wrapper"}, file, why
}

// is says whether a word is the program of a process.
func (w *job) is(l *launch, s *hostscript.Script, word *syntax.Word) bool {
	exe, known := l.ways[0].Executable.Literal()
	v, ok := s.Value(word)
	return known && ok && path.Clean(v) == path.Clean(exe)
}

// splits says whether a word may become several.
func splits(words []*syntax.Word) bool {
	return slices.ContainsFunc(words, func(w *syntax.Word) bool {
		return slices.ContainsFunc(w.Parts, func(p syntax.WordPart) bool {
			switch p.(type) {
			case *syntax.ParamExp, *syntax.CmdSubst:
				return true
			}
			return false
		})
	})
}

// onlySets says what a wrapper does besides setting variables and becoming the
// process; "" when nothing. To set a variable twice is the same as once, unless
// its value has the old one in it.
func onlySets(script, dir string) string {
	s := hostscript.Read(&source.File{Name: path.Join(dir, "wrapper"), Data: []byte(script)}, true)
	if s == nil {
		return "the wrapper cannot be read"
	}
	for i, st := range s.Tree.Stmts {
		var assigns []*syntax.Assign
		switch c := st.Cmd.(type) {
		case *syntax.CallExpr:
			if len(c.Args) > 0 {
				if name := c.Args[0].Lit(); name == "set" || name == "exec" && i == len(s.Tree.Stmts)-1 {
					continue
				}
				return "the wrapper does more than to set variables: " + oneLine(s.Span(st).Text())
			}
			assigns = c.Assigns
		case *syntax.DeclClause:
			if c.Variant.Value != "export" {
				return "the wrapper does more than to set variables: " + oneLine(s.Span(st).Text())
			}
			assigns = c.Args
		default:
			return "the wrapper does more than to set variables: " + oneLine(s.Span(st).Text())
		}
		for _, a := range assigns {
			again := a.Append
			syntax.Walk(a, func(n syntax.Node) bool {
				if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && a.Name != nil && p.Param.Value == a.Name.Value {
					again = true
				}
				return true
			})
			if again {
				return "the wrapper adds to a variable, which would be done twice: " + oneLine(s.Span(st).Text())
			}
		}
	}
	return ""
}
