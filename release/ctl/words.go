package ctl

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// word expands a shell word that is not split (an assignment, a case word, a
// redirection's file).
func (e *evaluator) word(w *syntax.Word) Word {
	if w == nil {
		return nil
	}
	f := &fields{}
	old := e.splits
	e.splits = false
	e.parts(f, w.Parts, true)
	e.splits = old
	words := f.words()
	if len(words) == 0 {
		return nil
	}
	return words[0]
}

// words expands a command's words, splitting what stands unquoted.
func (e *evaluator) words(ws []*syntax.Word) []Word {
	var all []Word
	for _, w := range ws {
		for _, one := range e.braces(w) {
			f := &fields{}
			old := e.splits
			e.splits = true
			e.parts(f, one.Parts, false)
			e.splits = old
			all = append(all, f.words()...)
		}
		e.values = nil
	}
	return all
}

// braces expands /{a,b} into /a and /b. The pieces that the library cuts have
// no place of their own: their text is taken from e.values instead.
func (e *evaluator) braces(w *syntax.Word) []*syntax.Word {
	span := e.script.span(w)
	if !strings.Contains(span.Text(), "{") || e.script.tags(span.Start, span.End) {
		return []*syntax.Word{w}
	}
	cut := &syntax.Word{Parts: append([]syntax.WordPart(nil), w.Parts...)}
	if !syntax.SplitBraces(cut) {
		return []*syntax.Word{w}
	}
	var words []*syntax.Word
	for one, err := range expand.BracesSeq(nil, cut) {
		if err != nil || len(words) >= maxRounds {
			return []*syntax.Word{w} // too many: isGlob leaves them to the VM
		}
		words = append(words, one)
	}
	e.values = &span
	return words
}

// parts adds word parts. quoted says that blanks in values do not separate
// words here: inside double quotes, in an assignment, in a case word.
func (e *evaluator) parts(f *fields, parts []syntax.WordPart, quoted bool) {
	for i, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if i == 0 && strings.HasPrefix(p.Value, "~") || strings.Contains(p.Value, ":~") {
				f.add(Part{Kind: Runtime, Text: p.Value, Split: true, Span: e.script.span(p)}) // a home directory
				continue
			}
			globs := !quoted && !strings.Contains(p.Value, `\`) && isGlob(p.Value)
			e.source(f, p, func(s string) string { return unescape(s, "") }, quoted, globs)
		case *syntax.SglQuoted:
			e.mark(f, p)
			if p.Dollar && strings.Contains(p.Value, `\`) {
				if text, ok := ansiC(p.Value); ok && !e.script.Template.HasExpr(e.script.span(p).Start, e.script.span(p).End) {
					f.add(Part{Kind: Literal, Text: text, Span: e.script.span(p)})
					continue
				}
				f.add(Part{Kind: Runtime, Text: e.text(p), Split: true, Span: e.script.span(p)})
				continue
			}
			e.inSingle = true
			e.source(f, p, func(s string) string {
				return strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(s, "$"), "'"), "'")
			}, true, false)
			e.inSingle = false
		case *syntax.DblQuoted:
			if !e.noParameters(p) {
				e.mark(f, p)
			}
			double := e.inDouble
			e.inDouble = true
			for _, inner := range p.Parts {
				if lit, ok := inner.(*syntax.Lit); ok {
					e.source(f, lit, func(s string) string { return unescape(s, "$`\"\\\n") }, true, false)
					continue
				}
				e.parts(f, []syntax.WordPart{inner}, true)
			}
			e.inDouble = double
		case *syntax.ParamExp:
			value, all := e.param(p)
			if all != nil { // $@ and "$@"
				for i, w := range all {
					if i > 0 {
						f.cut()
					}
					if quoted {
						f.addElement(w)
						continue
					}
					f.addValue(w, "argument", e.whole(p, w, quoted))
				}
				continue
			}
			name := "argument" // $1
			if p.Param != nil && syntax.ValidName(p.Param.Value) {
				name = p.Param.Value
			}
			f.addValue(value, name, e.whole(p, value, quoted))
		default: // command, process and arithmetic substitution, extended globs
			if value, ok := e.substituted(p); ok {
				f.addValue(value, "output", quoted)
				continue
			}
			f.add(Part{Kind: Runtime, Text: e.textOf(p).Text, Split: !quoted, Span: e.script.span(p), Guards: e.beyond(e.script.Template.Guards(e.script.span(p).Start))})
		}
	}
}

// whole says whether the blanks in a value do not separate words here: it is
// quoted, or IFS has none of what stands in it.
func (e *evaluator) whole(p syntax.Node, value Word, quoted bool) bool {
	ifs, set := e.state.vars["IFS"]
	text, known := ifs.value.Literal()
	if quoted || !set || !known || strings.Contains(text, " ") {
		return quoted
	}
	for _, part := range value {
		if strings.ContainsAny(part.Text, text) || part.Kind == ERB && strings.Trim(text, "\t\n") != "" {
			e.unclear(p, "IFS is set, and this is split at it")
		}
	}
	return true
}

// noParameters says whether the quotes hold nothing but $@ and there are no
// parameters: then bash makes no word of it.
func (e *evaluator) noParameters(q *syntax.DblQuoted) bool {
	if len(q.Parts) != 1 || len(e.state.params) > 0 {
		return false
	}
	p, ok := q.Parts[0].(*syntax.ParamExp)
	return ok && p.Param != nil && p.Param.Value == "@" && p.Exp == nil
}

// source adds the source text of a node, cut into literal text, to which
// unquote is applied, and ERB expressions.
func (e *evaluator) source(f *fields, n syntax.Node, unquote func(string) string, quoted, globs bool) {
	if lit, ok := n.(*syntax.Lit); ok && e.values != nil {
		part := Part{Kind: Literal, Text: unquote(lit.Value), Span: *e.values}
		if globs {
			part.Kind, part.Split = Runtime, true
		}
		f.add(part)
		return
	}
	span := e.script.span(n)
	guards := e.script.Template.Guards
	for _, s := range e.script.Template.Within(span.Start, span.End) {
		piece := span
		piece.Start, piece.End = max(s.Start, span.Start), min(s.End, span.End)
		around := e.beyond(guards(piece.Start))
		switch s.Kind {
		case erb.Expr:
			f.add(Part{Kind: ERB, Text: s.Code(e.script.Template), Split: !quoted, Quote: e.quote(), Span: piece, Guards: around})
		case erb.Comment, erb.Code:
		default:
			text := piece.Text()
			if s.Kind == erb.Literal {
				text = strings.NewReplacer("<%%", "<%", "%%>", "%>").Replace(text)
			}
			part := Part{Kind: Literal, Text: unquote(text), Span: piece, Guards: around}
			if globs {
				part.Kind, part.Split = Runtime, true
			}
			f.add(part)
		}
	}
}

// quote is the kind of quotes around what is looked at.
func (e *evaluator) quote() byte {
	switch {
	case e.inSingle:
		return '\''
	case e.inDouble:
		return '"'
	}
	return 0
}

// beyond takes off the guards that stand around the whole statement.
func (e *evaluator) beyond(gs []erb.Guard) []erb.Guard {
	if len(gs) <= e.base {
		return nil
	}
	return gs[e.base:]
}

// mark adds an empty part where quotes begin: they make a word even when
// nothing in them is rendered.
func (e *evaluator) mark(f *fields, n syntax.Node) {
	f.any = true
	at := e.script.span(n)
	if !e.script.tags(at.Start, at.End) {
		return
	}
	at.End = at.Start
	f.add(Part{Kind: Literal, Span: at, Guards: e.beyond(e.script.Template.Guards(at.Start))})
}

// isGlob says whether unquoted text is a pattern that is left to the VM: a
// glob, or a brace expansion of more words than are followed here.
func isGlob(s string) bool {
	if strings.ContainsAny(s, "*?") || strings.Contains(s, "{") && (strings.Contains(s, "..") || strings.Contains(s, ",")) {
		return true
	}
	open := strings.IndexByte(s, '[')
	return open >= 0 && strings.IndexByte(s[open:], ']') > 1
}

// unescape drops the backslashes that quote: before any character when only is
// empty, else before one of its characters. A backslash-newline vanishes.
func unescape(s, only string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 == len(s) {
			break // the parser cuts the text at a backslash-newline
		}
		if s[i] == '\\' && (only == "" || strings.IndexByte(only, s[i+1]) >= 0) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// isSource says whether an expansion is of the file that bash reads at this place.
func isSource(p *syntax.ParamExp) bool {
	w, ok := p.Index.(*syntax.Word)
	return p.Param.Value == "BASH_SOURCE" && ok && w.Lit() == "0"
}

// param gives the value of a parameter expansion; for $@ and $* it gives all
// positional parameters instead.
func (e *evaluator) param(p *syntax.ParamExp) (Word, []Word) {
	runtime := Word{{Kind: Runtime, Text: e.text(p), Span: e.script.span(p), Guards: e.beyond(e.script.Template.Guards(e.script.span(p).Start))}}
	if p.Param != nil && p.Index != nil && !e.Verbatim && !p.Excl && !p.Length && p.Slice == nil && p.Repl == nil && p.Exp == nil {
		v := e.state.vars[p.Param.Value]
		if w, ok := p.Index.(*syntax.Word); ok && (w.Lit() == "@" || w.Lit() == "*") && v.isArray {
			if len(v.array) == 0 {
				return nil, []Word{}
			}
			if w.Lit() == "*" && e.inDouble {
				return joined(v.array), nil
			}
			return nil, v.array
		}
	}
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil && !isSource(p) || p.Slice != nil || p.Repl != nil || p.NestedParam != nil {
		return runtime, nil
	}
	name := p.Param.Value
	if name == "@" || name == "*" {
		if e.Verbatim && slices.ContainsFunc(e.state.params, varies) {
			return runtime, nil
		}
		if p.Exp == nil && len(e.state.params) > 0 {
			if name == "*" && e.inDouble {
				return joined(e.state.params), nil
			}
			return nil, e.state.params
		}
		return nil, []Word{}
	}
	value, set, known := e.variable(name)
	if !known || e.Verbatim && (varies(value) || e.state.vars[name].isArray) {
		return runtime, nil
	}
	if around := e.beyond(e.script.Template.Guards(e.script.span(p).Start)); len(around) > 0 && e.inString == nil {
		value = value.under(around...)
	}
	if p.Exp == nil {
		return value, nil
	}
	text, literal := value.Literal()
	empty := !set || literal && text == ""
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if !literal && set && !filled(value) {
			return runtime, nil // it may be empty
		}
	}
	if p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull {
		e.unclear(p, "an expansion that sets its variable")
		return runtime, nil
	}
	if p.Exp.Word != nil && (e.inDouble || e.splits) {
		for _, part := range p.Exp.Word.Parts {
			switch part.(type) {
			case *syntax.SglQuoted, *syntax.DblQuoted:
				return runtime, nil // its quotes count otherwise than those of a word
			}
		}
	}
	word := e.word(p.Exp.Word) // once: words lie in words
	arg, argLiteral := word.Literal()
	switch p.Exp.Op {
	case syntax.DefaultUnset:
		if !set {
			return word, nil
		}
		return value, nil
	case syntax.DefaultUnsetOrNull:
		if empty {
			// an unset variable may come from monit's environment; what
			// scripts mean by ${1:-} and ${X:-y} is the default
			return word, nil
		}
		return value, nil
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if empty {
			return nil, nil
		}
		return word, nil
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !set || empty && p.Exp.Op == syntax.ErrorUnsetOrNull {
			return runtime, nil
		}
		return value, nil
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix, syntax.RemSmallPrefix, syntax.RemLargePrefix:
		if literal && argLiteral && set {
			return Text(trim(text, arg, p.Exp.Op), value.Span()), nil
		}
	}
	return runtime, nil
}

// varies says whether a value is not the same on every VM.
func varies(w Word) bool {
	_, same := w.Literal()
	return !same
}

// joined makes one word of several, as "$*" does.
func joined(words []Word) Word {
	var out Word
	for i, w := range words {
		if i > 0 {
			out = append(out, Part{Kind: Literal, Text: " "})
		}
		out = append(out, w...)
	}
	return out
}

// ansiC reads the escapes of $'...'; ok is false for those that it does not know.
func ansiC(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", false
		}
		j := strings.IndexByte(`abefnrtv\'"?`, s[i])
		if j < 0 {
			return "", false
		}
		b.WriteByte("\a\b\x1b\f\n\r\t\v\\'\"?"[j])
	}
	return b.String(), true
}

// trim does ${v%p}, ${v%%p}, ${v#p} and ${v##p}.
func trim(text, pattern string, op syntax.ParExpOperator) string {
	suffix := op == syntax.RemSmallSuffix || op == syntax.RemLargeSuffix
	large := op == syntax.RemLargeSuffix || op == syntax.RemLargePrefix
	best := text
	for i := 0; i <= len(text); i++ {
		cut, rest := text[:i], text[i:]
		if suffix {
			cut, rest = rest, cut
		}
		if matches(pattern, cut) && (best == text || large == (len(rest) < len(best))) {
			best = rest
		}
	}
	return best
}

// variable looks a name up. known is false for what only the VM knows ($$, $?).
func (e *evaluator) variable(name string) (value Word, set, known bool) {
	if n, err := strconv.Atoi(name); err == nil {
		if n == 0 {
			return e.state.name, true, true
		}
		if n <= len(e.state.params) {
			return e.state.params[n-1], true, true
		}
		return nil, true, true // monit's start program has no more words
	}
	switch name {
	case "#":
		return Text(strconv.Itoa(len(e.state.params)), source.Span{}), true, true
	case "?":
		if l := e.last; l != nil && slices.Contains(e.Succeeded, l.Span) && len(l.Conditions) == len(e.conditions)+len(e.exits) {
			return Text("0", source.Span{}), true, true
		}
		return nil, false, false
	case "BASH_SOURCE":
		return Text(e.script.Path, source.Span{}), true, e.script.Path != ""
	case "$", "!", "-", "_", "RANDOM", "PPID", "UID", "EUID", "HOSTNAME", "BASHPID", "SECONDS":
		return nil, false, false
	}
	v, ok := e.state.vars[name]
	if v.isArray {
		if len(v.array) > 0 {
			return v.array[0], true, true
		}
		return nil, true, true
	}
	if !ok {
		// monit purges the environment, so an unset variable is empty; bash
		// itself sets a few
		if e.opaque || shellVariable(name) {
			return nil, false, false
		}
		if name == "PWD" {
			if e.state.dir == nil {
				return Text("/", source.Span{}), true, true
			}
			return e.state.dir, true, true
		}
	}
	return v.value, ok, true
}

// filled says whether a value holds literal text in any case, so that it is
// not empty.
func filled(w Word) bool {
	for _, p := range w {
		if p.Kind == Literal && p.Text != "" && len(p.Guards) == 0 {
			return true
		}
	}
	return false
}

func shellVariable(name string) bool {
	switch name {
	case "SHLVL", "OLDPWD", "IFS", "OPTIND", "OPTARG", "LINENO", "TERM", "SHELL", "MACHTYPE", "OSTYPE", "HOSTTYPE", "REPLY", "COLUMNS", "LINES", "EPOCHSECONDS":
		return true
	}
	return strings.HasPrefix(name, "BASH") || strings.HasPrefix(name, "MONIT_")
}

// which finds a program along PATH: in the one package that is on it, before
// the folders of the system.
func (e *evaluator) which(name string, at source.Span) (Word, bool) {
	if strings.Contains(name, "/") {
		return nil, false
	}
	value, ok := e.state.vars["PATH"].value.Literal()
	if !ok {
		if e.Exists != nil {
			if there, known := e.Exists("/var/vcap/packages/" + name); there && known {
				return Text("/var/vcap/packages/"+name+"/bin/"+name, at), true
			}
		}
		return nil, false
	}
	var dirs []string
	for _, d := range strings.Split(value, ":") {
		if strings.HasPrefix(d, "/var/vcap/packages/") {
			dirs = append(dirs, d)
		}
	}
	if len(dirs) != 1 || name == "date" || name == "logger" {
		return nil, false
	}
	return Text(path.Join(dirs[0], name), at), true
}

// substituted evaluates the command substitutions that need nothing of the VM.
func (e *evaluator) substituted(p syntax.WordPart) (Word, bool) {
	sub, ok := p.(*syntax.CmdSubst)
	if !ok {
		return nil, false
	}
	if dir := cdThenPwd(sub.Stmts); dir != nil {
		values, pos := e.values, e.base
		defer func() { e.values, e.base = values, pos }()
		if words := e.words([]*syntax.Word{dir}); len(words) == 1 {
			if text, ok := words[0].Literal(); ok && inJob(text) {
				return Text(path.Clean(text), e.script.span(p)), true
			}
		}
		return nil, false
	}
	if len(sub.Stmts) != 1 || len(sub.Stmts[0].Redirs) > 0 || sub.Stmts[0].Negated || sub.Stmts[0].Background {
		return nil, false
	}
	call, ok := sub.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Assigns) > 0 || len(call.Args) < 2 {
		return nil, false
	}
	values, pos := e.values, e.base
	defer func() { e.values, e.base = values, pos }()
	words := e.words(call.Args)
	var args []string
	for _, w := range words {
		text, ok := w.Literal()
		if !ok {
			return nil, false
		}
		args = append(args, text)
	}
	at := e.script.span(p)
	switch {
	case args[0] == "basename" && len(args) == 2 && args[1] != "":
		return Text(path.Base(args[1]), at), true
	case args[0] == "basename" && len(args) == 3 && args[1] != "":
		return Text(strings.TrimSuffix(path.Base(args[1]), args[2]), at), true
	case args[0] == "dirname" && len(args) == 2 && args[1] != "":
		return Text(path.Dir(args[1]), at), true
	case args[0] == "readlink" && len(args) == 3 && (args[1] == "-f" || args[1] == "-e") && inJob(args[2]), args[0] == "realpath" && len(args) == 2 && inJob(args[1]):
		return Text(path.Clean(args[len(args)-1]), at), true
	case args[0] == "which" && len(args) == 2 || args[0] == "command" && len(args) == 3 && args[1] == "-v":
		return e.which(args[len(args)-1], at)
	case args[0] == "echo" && !strings.HasPrefix(args[1], "-"):
		return Text(strings.Join(args[1:], " "), at), true
	}
	return nil, false
}

// inJob says whether a path is below the folder of a job, where links lead back to the
// same files.
func inJob(name string) bool {
	return strings.HasPrefix(path.Clean(name), "/var/vcap/jobs/") && !strings.Contains(name, "/packages/")
}

// cdThenPwd gives DIR of cd DIR && pwd, with && or ; between them; nil for anything else.
func cdThenPwd(stmts []*syntax.Stmt) *syntax.Word {
	if len(stmts) == 1 {
		both, ok := stmts[0].Cmd.(*syntax.BinaryCmd)
		if !ok || both.Op != syntax.AndStmt || stmts[0].Negated || stmts[0].Background {
			return nil
		}
		stmts = []*syntax.Stmt{both.X, both.Y}
	}
	if len(stmts) != 2 {
		return nil
	}
	call := func(s *syntax.Stmt) []*syntax.Word {
		if c, ok := s.Cmd.(*syntax.CallExpr); ok && len(c.Assigns) == 0 && !s.Negated && !s.Background {
			return c.Args
		}
		return nil
	}
	cd, pwd := call(stmts[0]), call(stmts[1])
	if len(cd) != 2 || cd[0].Lit() != "cd" || len(pwd) == 0 || pwd[0].Lit() != "pwd" || len(stmts[1].Redirs) > 0 {
		return nil
	}
	return cd[1]
}

func (e *evaluator) assigned(name string, a *syntax.Assign) Word {
	if a.Array != nil || a.Index != nil {
		return Word{{Kind: Runtime, Text: e.text(a), Span: e.script.span(a)}}
	}
	value := e.word(a.Value)
	if value == nil {
		value = Word{}
	}
	if a.Append {
		value = append(append(Word{}, e.state.vars[name].value...), value...)
	}
	size := 0
	for _, p := range value {
		size += len(p.Text)
	}
	if size > maxValue {
		return Word{{Kind: Runtime, Text: "${" + name + "}", Span: e.script.span(a)}}
	}
	return value
}

// test decides a condition when all of it is known: [ ], [[ ]], test, true,
// false and !. Tests of files are never known.
func (e *evaluator) test(s *syntax.Stmt) (truth, known bool) {
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		var ws []string
		for i, w := range e.words(c.Args) {
			lit, ok := w.Literal()
			if !ok {
				return false, false
			}
			if i == 0 {
				lit = strings.TrimPrefix(lit, "/bin/")
			}
			ws = append(ws, lit)
		}
		truth, known = e.testWords(ws)
	case *syntax.TestClause:
		truth, known = e.testExpr(c.X)
	}
	return truth != s.Negated, known
}

func (e *evaluator) testWords(ws []string) (truth, known bool) {
	if len(ws) == 0 {
		return false, false
	}
	switch ws[0] {
	case "true", ":":
		return true, true
	case "false":
		return false, true
	case "[":
		if ws[len(ws)-1] != "]" {
			return false, false
		}
		ws = ws[1 : len(ws)-1]
	case "test":
		ws = ws[1:]
	default:
		return false, false
	}
	negated := false
	for len(ws) > 0 && ws[0] == "!" {
		negated, ws = !negated, ws[1:]
	}
	switch len(ws) {
	case 1:
		truth, known = ws[0] != "", true
	case 2:
		truth, known = e.unary(ws[0], ws[1])
	case 3:
		truth, known = compare(ws[0], ws[1], ws[2], false)
	}
	return truth != negated, known
}

func (e *evaluator) unary(op, x string) (truth, known bool) {
	switch op {
	case "-z":
		return x == "", true
	case "-n":
		return x != "", true
	case "-e", "-f", "-d", "-a", "-r", "-s", "-x":
		if file := path.Clean(x); slices.Contains(e.Absent, file) && !e.made[file] {
			return false, true
		}
		if e.Exists != nil && path.IsAbs(x) {
			there, known := e.Exists(x)
			if there && (op == "-s" || op == "-x" || op == "-f" && path.Ext(x) == "" || op == "-d" && path.Ext(x) != "") {
				return false, false // it is there, but what it is depends
			}
			return there, known
		}
	}
	return false, false
}

func compare(x, op, y string, pattern bool) (truth, known bool) {
	switch op {
	case "=", "==":
		if pattern {
			return matches(y, x), true
		}
		return x == y, true
	case "!=":
		if pattern {
			return !matches(y, x), true
		}
		return x != y, true
	}
	a, errA := strconv.Atoi(x)
	b, errB := strconv.Atoi(y)
	if errA != nil || errB != nil {
		return false, false
	}
	switch op {
	case "-eq":
		return a == b, true
	case "-ne":
		return a != b, true
	case "-gt":
		return a > b, true
	case "-ge":
		return a >= b, true
	case "-lt":
		return a < b, true
	case "-le":
		return a <= b, true
	}
	return false, false
}

func (e *evaluator) testExpr(x syntax.TestExpr) (truth, known bool) {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return e.testExpr(x.X)
	case *syntax.Word:
		s, ok := e.word(x).Literal()
		return s != "", ok
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			truth, known = e.testExpr(x.X)
			return !truth, known
		}
		w, ok := x.X.(*syntax.Word)
		if !ok {
			return false, false
		}
		s, ok := e.word(w).Literal()
		if !ok {
			return false, false
		}
		return e.unary(x.Op.String(), s)
	case *syntax.BinaryTest:
		if x.Op == syntax.AndTest || x.Op == syntax.OrTest {
			a, knownA := e.testExpr(x.X)
			b, knownB := e.testExpr(x.Y)
			or := x.Op == syntax.OrTest
			if knownA && a == or || knownB && b == or {
				return or, true
			}
			return !or, knownA && knownB
		}
		xw, ok1 := x.X.(*syntax.Word)
		yw, ok2 := x.Y.(*syntax.Word)
		if !ok1 || !ok2 {
			return false, false
		}
		a, ok1 := e.word(xw).Literal()
		b, ok2 := e.word(yw).Literal()
		if !ok1 || !ok2 {
			return false, false
		}
		return compare(a, x.Op.String(), b, true)
	}
	return false, false
}
