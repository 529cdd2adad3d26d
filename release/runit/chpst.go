package runit

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// invocation is a call of chpst: its options as they are written, by what they
// mean (chpst(8)). Values are shell words.
type invocation struct {
	r *reader
	// user and env are the arguments of -u and -U, split at their colons.
	user, env []string
	numeric   bool // of -u
	envNumber bool // of -U
	nice      string
	name      string // -b
	envDir    string
	lock      string
	noWait    bool // -L
	limits    []limit
	closes    []string
	session   bool
	// tool is how the new commands are called: with a path where chpst was.
	dir string
}

// limit is one of the soft limits that chpst sets.
type limit struct{ name, value string }

// limitNames are those of prlimit(1). chpst sets the soft limit alone and so
// does NAME=N: with a colon.
var limitNames = map[byte][]string{
	'm': {"data", "stack", "memlock", "as"}, 'd': {"data"}, 'o': {"nofile"}, 'p': {"nproc"}, 'f': {"fsize"}, 'c': {"core"}, 'r': {"rss"}, 't': {"cpu"},
}

// hardLimits are what systemd gives to the processes of Ubuntu, or less: where more
// is asked for, the hard limit of a VM may be lower. Those that are not here have
// none.
var hardLimits = map[string]int{"nofile": 524288, "memlock": 8388608, "nproc": 4096}

// chpst works out the replacement for a call whose words begin with the program.
// before counts the words in front of it, sure says that what follows is a
// command for certain.
func (r *reader) chpst(words []*syntax.Word, before int, sure bool, c command) {
	tool := words[0]
	start, end := int(tool.Pos().Offset()), int(tool.End().Offset())
	use := Use{Program: Chpst, Span: r.span(start, end)}
	fail := func(format string, args ...any) {
		use.Edits, use.Reason = nil, fmt.Sprintf(format, args...)
		r.add(use)
	}
	in := &invocation{r: r}
	if v, ok := r.value(tool); ok && strings.Contains(v, "/") || !ok && strings.Contains(tool.Lit(), "/") {
		in.dir = "/usr/bin/"
	}
	var options [][2]int // the words of the options
	rest := words[1:]
	for len(rest) > 0 {
		w := rest[0]
		lit, ok := w.Parts[0].(*syntax.Lit)
		if !ok || !strings.HasPrefix(lit.Value, "-") || lit.Value == "-" {
			break
		}
		rest = rest[1:]
		options = append(options, [2]int{int(w.Pos().Offset()), int(w.End().Offset())})
		if w.Lit() == "--" {
			break
		}
		if strings.Contains(lit.Value, `\`) {
			fail("its options are not understood: %s", string(r.file.Data[w.Pos().Offset():w.End().Offset()]))
			return
		}
		taken, err := in.option(w, lit, rest)
		if err != nil {
			fail("%s", err)
			return
		}
		if taken {
			options = append(options, [2]int{int(rest[0].Pos().Offset()), int(rest[0].End().Offset())})
			rest = rest[1:]
		}
	}
	if n := len(options); n > 0 {
		use.Span.End = options[n-1][1]
	}
	assigned := !c.array && before == 0 && inAssignment(c.stack, c.nested, start, r)
	switch {
	case len(options) == 0 && !sure:
		return // an argument of something else
	case len(rest) == 0 && !assigned && !c.array:
		fail("it runs no program here")
		return
	case r.unsure(tool):
		fail("what %s holds is set in several places", string(r.file.Data[start:end]))
		return
	case assigned && r.extended(start):
		fail("options are added to it where it is used")
		return
	case len(options) == 0 && len(rest) > 0 && !plainStart(rest[0]):
		fail("its options are in %s", string(r.file.Data[rest[0].Pos().Offset():rest[0].End().Offset()]))
		return
	case len(rest) > 0 && r.mayBeOptions(rest, len(options) == 0):
		fail("more options may be in %s", string(r.file.Data[rest[0].Pos().Offset():rest[0].End().Offset()]))
		return
	}
	for _, s := range r.template.Within(use.Span.Start, use.Span.End) {
		if s.Kind == erb.Code || s.Kind == erb.Comment || s.Kind == erb.Literal {
			fail("ERB decides on its options")
			return
		}
	}
	text, err := in.replacement(c)
	if err != nil {
		fail("%s", err)
		return
	}
	if assigned && strings.Contains(text, "$(") && r.singleQuoted(start) {
		fail("the group of the user is asked for with $(id -g), which single quotes keep as it is")
		return
	}
	use.text, use.Review = text, in.review()
	if len(in.closes) > 0 {
		edit, err := closing(c.stack, in.closes)
		if err != nil {
			fail("%s", err)
			return
		}
		use.Edits = append(use.Edits, edit)
	}
	use.Edits = append(use.Edits, r.edits(use.Span, [2]int{start, end}, options, rest, text)...)
	r.add(use)
}

// inAssignment says whether the text that a command stands in is the value of a
// variable, which runs it with more words.
func inAssignment(stack []syntax.Node, nested bool, at int, r *reader) bool {
	if !nested || r.script == nil {
		return false
	}
	found := false
	syntax.Walk(r.script.Tree, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Assign); ok && a.Value != nil && int(a.Value.Pos().Offset()) <= at && at < int(a.Value.End().Offset()) {
			_, sub := parent[*syntax.CmdSubst](stack)
			found = !sub
		}
		return true
	})
	return found
}

// plainStart says whether a word is no option, whatever it stands for.
func plainStart(w *syntax.Word) bool {
	switch p := w.Parts[0].(type) {
	case *syntax.Lit:
		return true
	case *syntax.SglQuoted:
		return !strings.HasPrefix(p.Value, "-")
	case *syntax.DblQuoted:
		if len(p.Parts) > 0 {
			l, ok := p.Parts[0].(*syntax.Lit)
			return ok && !strings.HasPrefix(l.Value, "-") || len(p.Parts) > 1
		}
	case *syntax.ParamExp:
		return len(w.Parts) > 1 // $DIR/bin/x
	}
	return false
}

// option takes a word of options; taken says that the next word is the argument
// of its last one.
func (in *invocation) option(w *syntax.Word, lit *syntax.Lit, rest []*syntax.Word) (taken bool, err error) {
	letters := lit.Value
	for i := 1; i < len(letters); i++ {
		l := letters[i]
		switch l {
		case 'v', 'V':
			continue
		case 'P':
			in.session = true
			continue
		case '0', '1', '2':
			in.closes = append(in.closes, map[byte]string{'0': "<&-", '1': ">&-", '2': "2>&-"}[l])
			continue
		}
		if strings.IndexByte("uUbenldmopfcrtL/", l) < 0 {
			return false, fmt.Errorf("chpst has no option -%c", l)
		}
		value, skip := w, i+1
		if skip == len(letters) && len(w.Parts) == 1 {
			if len(rest) == 0 {
				return false, fmt.Errorf("-%c has no argument here", l)
			}
			value, skip, taken = rest[0], 0, true
		}
		return taken, in.take(l, value, skip)
	}
	if len(w.Parts) > 1 {
		return false, fmt.Errorf("its options are not understood: %s", in.raw(w, 0))
	}
	return false, nil
}

// raw is a word as it is written, without its first bytes.
func (in *invocation) raw(w *syntax.Word, skip int) string {
	return string(in.r.file.Data[int(w.Pos().Offset())+skip : w.End().Offset()])
}

var digits = search.MustCompile(`^\d+$`)

// take takes an option with its argument, which begins after skip bytes of a word.
func (in *invocation) take(l byte, w *syntax.Word, skip int) error {
	text := in.raw(w, skip)
	if strings.Contains(text, `\`) {
		return fmt.Errorf("the argument of -%c has a backslash in it: %s", l, text)
	}
	switch l {
	case 'u', 'U':
		names, numeric, err := in.names(l, w, skip)
		if l == 'u' {
			in.user, in.numeric = names, numeric
		} else {
			in.env, in.envNumber = names, numeric
		}
		return err
	case 'b':
		in.name = text
	case 'e':
		in.envDir = text
	case 'n':
		in.nice = text
	case 'l', 'L':
		in.lock, in.noWait = text, l == 'L'
	case '/':
		return fmt.Errorf("-/ changes the root directory, where setpriv is not found any more")
	default:
		if bare := strings.Trim(text, `"'`); !strings.ContainsAny(text, "$<`") && !digits.MatchString(bare) {
			return fmt.Errorf("-%c %s: chpst takes numbers alone, and fails here", l, text)
		}
		for _, name := range limitNames[l] {
			in.limits = slices.DeleteFunc(in.limits, func(o limit) bool { return o.name == name })
			in.limits = append(in.limits, limit{name, text})
		}
	}
	return nil
}

// names splits the argument of -u at its colons.
func (in *invocation) names(l byte, w *syntax.Word, skip int) (names []string, numeric bool, err error) {
	pieces := []string{""}
	put := func(text, masked, quote string) {
		for i, from := 0, 0; i <= len(masked); i++ {
			if i < len(masked) && masked[i] != ':' {
				continue
			}
			if from < i {
				pieces[len(pieces)-1] += quote + text[from:i] + quote
			}
			if i < len(masked) {
				pieces = append(pieces, "")
			}
			from = i + 1
		}
	}
	unknown := false
	var parts func(ps []syntax.WordPart, quote string)
	parts = func(ps []syntax.WordPart, quote string) {
		for _, p := range ps {
			start, end := int(p.Pos().Offset()), int(p.End().Offset())
			switch p := p.(type) {
			case *syntax.Lit:
				if first := int(w.Pos().Offset()) + skip; start < first {
					start = first
				}
				put(string(in.r.file.Data[start:end]), string(in.r.mask[start:end]), quote)
				unknown = unknown || in.r.template.HasExpr(start, end)
			case *syntax.SglQuoted:
				put(string(in.r.file.Data[start+1:end-1]), string(in.r.mask[start+1:end-1]), "'")
				unknown = unknown || in.r.template.HasExpr(start, end)
			case *syntax.DblQuoted:
				parts(p.Parts, `"`)
			default:
				unknown = true
				pieces[len(pieces)-1] += quote + string(in.r.file.Data[start:end]) + quote
			}
		}
	}
	parts(w.Parts, "")
	for i := range pieces {
		pieces[i] = strings.ReplaceAll(pieces[i], `""`, "")
	}
	if unknown && len(pieces) == 1 {
		v, ok := in.r.value(w)
		if !ok || skip > 0 {
			return nil, false, fmt.Errorf("whether %s names a group beside the user is not known", pieces[0])
		}
		if strings.Contains(v, ":") {
			pieces = strings.Split(v, ":")
		}
	}
	if pieces[0] == "" && len(pieces) > 1 {
		pieces, numeric = pieces[1:], true
		if len(pieces) == 1 {
			return nil, true, fmt.Errorf("-%c :%s: chpst wants a group, too, and fails here", l, pieces[0])
		}
	}
	if slices.Contains(pieces, "") {
		return nil, numeric, fmt.Errorf("-%c %s: a name is missing", l, in.raw(w, skip))
	}
	return pieces, numeric, nil
}

// group is that of a user whose group is not given.
func group(user string) string {
	if user == "vcap" || user == "root" {
		return user
	}
	return "$(id -g " + user + ")"
}

// replacement are the words that do what chpst does, in its order: session,
// environment, priority, user, lock, limits.
func (in *invocation) replacement(c command) (string, error) {
	var words []string
	tool := func(name string, args ...string) {
		words = append(words, in.dir+name)
		words = append(words, args...)
	}
	if in.session {
		if execs(c) {
			return "", fmt.Errorf("-P begins a session where it can, and setsid forks where the process leads one already, which changes the pid")
		}
		tool("setsid")
	}
	if in.envDir != "" {
		if c.nested || c.array {
			return "", fmt.Errorf("-e reads variables from %s, which takes a script", in.envDir)
		}
		tool("bash", "-c", readEnvDir, in.envDir)
	}
	if in.nice != "" {
		tool("nice", "-n", in.nice)
	}
	if n := len(in.env); n > 0 {
		uid, gid := "$(id -u "+in.env[0]+")", "$(id -g "+in.env[0]+")"
		switch {
		case in.envNumber:
			uid, gid = in.env[0], in.env[1]
		case n > 1:
			gid = "$(getent group " + in.env[1] + " | cut -d: -f3)"
		}
		tool("env", "UID="+uid, "GID="+gid)
	}
	if n := len(in.user); n > 0 {
		groups := in.user[1:]
		if n == 1 {
			groups = []string{group(in.user[0])}
		}
		others := "--clear-groups"
		if len(groups) > 1 {
			others = "--groups=" + strings.Join(groups, ",")
		}
		tool("setpriv", "--reuid="+in.user[0], "--regid="+groups[0], others)
	}
	if in.lock != "" {
		args := []string{"-F"}
		if in.noWait {
			args = append(args, "-n", "-E", "111")
		}
		tool("flock", append(args, in.lock)...)
	}
	if len(in.limits) > 0 {
		var args []string
		for _, l := range in.limits {
			args = append(args, "--"+l.name+"="+l.value+":")
		}
		tool("prlimit", args...)
	}
	if in.name != "" {
		if c.nested || c.array {
			return "", fmt.Errorf("-b gives the program another name, which takes a shell")
		}
		tool("bash", "-c", `'exec -a "$0" "$@"'`, in.name)
	}
	return strings.Join(words, " "), nil
}

// readEnvDir is what chpst -e does: a variable for each file, with its first line,
// and none for a file that is empty.
const readEnvDir = `'[ -r "$0" ] || exit 111; for _f in "$0"/*; do [ -f "$_f" ] || continue; unset "${_f##*/}"; [ -s "$_f" ] || continue; IFS= read -r _v < "$_f" || :; export "${_f##*/}=${_v%"${_v##*[![:blank:]]}"}"; done; exec "$@"'`

// review says where the replacement may do something else.
func (in *invocation) review() string {
	var parts []string
	for _, l := range in.limits {
		hard, has := hardLimits[l.name]
		if n, err := strconv.Atoi(l.value); err != nil || has && n > hard || in.r.setsLimits() {
			parts = append(parts, "prlimit fails for a limit above the hard one, where chpst takes the hard one: see that "+l.name+" "+l.value+" is not above (ulimit -H -a)")
			break
		}
	}
	if in.lock != "" {
		parts = append(parts, "a new lock file has the mode that the umask gives, with chpst 0600")
	}
	return strings.Join(parts, "; ")
}

var ulimit = search.MustCompile(`\bulimit\b`)

// setsLimits says whether the script sets limits itself: they are hard ones, too.
func (r *reader) setsLimits() bool { return ulimit.Match(r.file.Data) }

// execs says whether a command is run by exec.
func execs(c command) bool {
	for i := len(c.stack) - 1; i >= 0; i-- {
		if s, ok := c.stack[i].(*syntax.Stmt); ok {
			call, ok := s.Cmd.(*syntax.CallExpr)
			return ok && len(call.Args) > 0 && call.Args[0].Lit() == "exec"
		}
	}
	return false
}

// closing closes descriptors behind everything else that a statement redirects.
func closing(stack []syntax.Node, closes []string) (source.Edit, error) {
	s, ok := parent[*syntax.Stmt](stack)
	if !ok {
		return source.Edit{}, fmt.Errorf("-%s closes a descriptor, and there is no command to do that for", "0, -1 or -2")
	}
	end := int(s.Cmd.End().Offset())
	for _, r := range s.Redirs {
		if r.Hdoc != nil {
			return source.Edit{}, fmt.Errorf("-0, -1 or -2 closes a descriptor, and the command has a here document")
		}
		end = max(end, int(r.End().Offset()))
	}
	return source.Edit{Start: end, End: end, New: " " + strings.Join(closes, " "), Rule: rule}, nil
}

// edits put the new words where the old ones stood. Options that are on lines of
// their own leave no empty line behind.
func (r *reader) edits(all source.Span, tool [2]int, options [][2]int, rest []*syntax.Word, text string) []source.Edit {
	if text == "" { // chpst without an option does nothing
		end := all.End
		if len(rest) > 0 && bytes.IndexByte(r.file.Data[end:rest[0].Pos().Offset()], '\n') < 0 {
			end = int(rest[0].Pos().Offset())
		}
		return []source.Edit{{Start: all.Start, End: end, Rule: rule}}
	}
	return []source.Edit{{Start: all.Start, End: all.End, New: text, Rule: rule}}
}

// unsure says whether the program stands in a variable that has several values.
func (r *reader) unsure(tool *syntax.Word) bool {
	if r.script == nil || variableOf(tool) == "" {
		return false
	}
	sets := 0
	syntax.Walk(r.script.Tree, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Assign); ok && a.Name != nil && !a.Naked && a.Name.Value == variableOf(tool) {
			sets++
		}
		return true
	})
	return sets > 1
}

// variableOf is the variable that a word is, alone.
func variableOf(w *syntax.Word) string {
	if len(w.Parts) != 1 {
		return ""
	}
	part := w.Parts[0]
	if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
		part = q.Parts[0]
	}
	if p, ok := part.(*syntax.ParamExp); ok && p.Param != nil {
		return p.Param.Value
	}
	return ""
}

// mayBeOptions says whether the word behind the options may hold more of them: an
// expression, a variable in front of what is the program by its look, a default
// that begins with a dash.
func (r *reader) mayBeOptions(rest []*syntax.Word, first bool) bool {
	w := rest[0]
	start, end := int(w.Pos().Offset()), int(w.End().Offset())
	if len(w.Parts) == 0 {
		return false
	}
	switch p := w.Parts[0].(type) {
	case *syntax.DblQuoted:
		if len(p.Parts) > 0 {
			if l, ok := p.Parts[0].(*syntax.Lit); ok {
				return strings.HasPrefix(l.Value, "-")
			}
		}
	case *syntax.SglQuoted:
		return strings.HasPrefix(p.Value, "-")
	case *syntax.ParamExp:
		if len(w.Parts) > 1 {
			return false
		}
		if p.Exp != nil {
			return true
		}
		if v, known := r.value(w); known {
			return strings.HasPrefix(strings.TrimSpace(v), "-")
		}
		return len(rest) > 1 && strings.HasPrefix(rest[1].Lit(), "/")
	}
	return r.template.HasExpr(start, start+1) && (first || len(rest) > 1 && strings.HasPrefix(rest[1].Lit(), "/")) && end > start
}

// extended says whether the variable, in whose value a place stands, gets more
// words, or is used with options behind it.
func (r *reader) extended(at int) bool {
	name := ""
	syntax.Walk(r.script.Tree, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Assign); ok && a.Name != nil && a.Value != nil && int(a.Value.Pos().Offset()) <= at && at < int(a.Value.End().Offset()) {
			name = a.Name.Value
		}
		return true
	})
	more := false
	syntax.Walk(r.script.Tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil && n.Name.Value == name && (n.Append || n.Value != nil && len(n.Value.Parts) > 0 && mentions(n.Value, name)) {
				more = true
			}
		case *syntax.CallExpr:
			for i, w := range n.Args {
				if variableOf(w) == name && i+1 < len(n.Args) && strings.HasPrefix(n.Args[i+1].Lit(), "-") {
					more = true
				}
			}
		}
		return !more
	})
	return name != "" && more
}

// mentions says whether a variable is used in a word.
func mentions(w *syntax.Word, name string) bool {
	found := false
	syntax.Walk(w, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && p.Param.Value == name {
			found = true
		}
		return !found
	})
	return found
}

// singleQuoted says whether a place stands in single quotes.
func (r *reader) singleQuoted(at int) bool {
	found := false
	syntax.Walk(r.script.Tree, func(n syntax.Node) bool {
		if q, ok := n.(*syntax.SglQuoted); ok && int(q.Pos().Offset()) <= at && at < int(q.End().Offset()) {
			found = true
		}
		return !found
	})
	return found
}
