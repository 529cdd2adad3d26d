package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// residual writes what is left of a start path when only some of its commands
// are kept: a wrapper, a hook, a part of pre-start or post-start.
type residual struct {
	job  *job
	l    *launch
	keep map[*ctl.Command]bool
	// with are the commands that stand in what is written beside the kept ones:
	// conditions, the other commands of a pipeline or a loop.
	with map[*ctl.Command]bool
	// written are the assignments that stand there already.
	written []*ctl.Command
	// ways are written as exec of the process.
	ways      bool
	functions []string
	// given are variables that bpm.yml sets.
	given map[string]bool
	// broken says that a construct cannot be cut in pieces.
	broken string
	// mode is what the old script did at an error where the next line stood.
	mode errorMode
	// holders are the variables for what came out of one.
	holders []holder
	// begins is the line like set -e that the text needs in front, ends what
	// holds behind it.
	begins string
	ends   errorMode
}

// residue writes the commands for which kept is true.
func (w *job) residue(l *launch, to Destination, ways bool, given map[string]bool, kept func(*ctl.Command) bool) (lines []string, r *residual) {
	r = &residual{job: w, l: l, keep: map[*ctl.Command]bool{}, with: map[*ctl.Command]bool{}, ways: ways, given: given}
	for _, c := range l.result.Commands {
		if kept(c) {
			r.keep[c] = true
		}
	}
	r.close()
	r.toggles()
	r.mode = modeOf(shebangStrict(l.result.Scripts[0].Original))
	begin := r.mode
	lines, r.ends = quietToggles(r.nodes(l.result.Tree), begin)
	lines, r.begins = lead(lines, begin)
	if len(lines) == 0 {
		return nil, r
	}
	r.statuses(to)
	r.asksLate(to)
	var head []string
	for _, f := range r.functions {
		head = append(head, strings.Split(l.result.Functions[f].Text, "\n")...)
		head = append(head, "")
	}
	lines = append(head, lines...)
	r.complete(lines)
	return lines, r
}

// complete looks for what the lines need and do not have: a variable that the
// old script set, one of its functions.
func (r *residual) complete(lines []string) {
	text := strings.Join(lines, "\n") + "\n"
	script, err := ctl.ParseScript("", &source.File{Data: []byte(text)})
	if err != nil {
		why := err.Error()
		if syntax, ok := err.(*source.SyntaxError); ok {
			why = syntax.Message
		}
		r.broken = "what is left of the script cannot stand on its own: " + why
		return
	}
	variables, commands := script.Unbound()
	for _, c := range r.l.result.Commands {
		for _, name := range c.Sets {
			if slices.Contains(variables, name) && !r.given[name] {
				r.broken = fmt.Sprintf("what is left of the script needs %s, and what sets it does not go with it", name)
			}
		}
	}
	for _, name := range commands {
		if _, ok := r.l.result.Functions[name]; ok {
			r.broken = fmt.Sprintf("what is left of the script needs its function %s, which does not go with it", name)
		}
	}
}

// close adds what the kept commands need: the commands that set their
// variables, and the functions that they call.
func (r *residual) close() {
	res := r.l.result
	need := map[string]bool{}
	asked := map[*ctl.Command]bool{} // with which the conditions begin
	refs := func(names []string) {
		for _, n := range names {
			if !r.given[n] {
				need[n] = true
			}
		}
	}
	var call func(names []string)
	call = func(names []string) {
		for _, n := range names {
			f, ok := res.Functions[n]
			if !ok || slices.Contains(r.functions, n) {
				continue
			}
			r.functions = append(r.functions, n)
			refs(f.Refs)
			call(f.Calls)
		}
	}
	unknown := func(names []string) {
		for _, n := range names {
			if _, known := res.Functions[n]; !known && !strings.Contains(n, "/") && !quiet[n] && !fileCommands[n] && !hostPrograms[n] {
				for _, c := range res.Commands {
					if c.Missing != "" {
						r.keep[c] = true
					}
				}
			}
		}
	}
	for changed := true; changed; {
		changed = false
		before := len(need) + len(r.functions)
		ctl.Walk(res.Tree, func(n *ctl.Node) {
			switch {
			case n.Kind == ctl.Leaf && r.keep[n.Command]:
				if u := r.l.isWay(n.Command); u != nil && r.ways {
					for _, word := range append([]ctl.Word{u.Executable}, u.Args...) {
						refs(wordRefs(word))
						call(functionsIn(word, res))
					}
					for _, e := range u.Env {
						if !r.given[e.Name] && !r.job.droppedEnv(e.Name) {
							need[e.Name] = true
						}
					}
					return
				}
				refs(n.Command.Refs)
				call(n.Command.Calls)
				if n.Command.Missing == "" {
					unknown(n.Command.Calls)
				}
			case (n.Kind == ctl.Call || n.Kind == ctl.Source || n.Kind == ctl.Run) && r.any(n.Body) && (r.positional(n.Body) || n.Kind == ctl.Call && leaves(n.Body)):
				refs(n.Command.Refs)
				if n.Kind == ctl.Call && !r.way(n.Body) {
					call([]string{n.Command.Name()}) // it stays a function
				}
			case (n.Kind == ctl.If || n.Kind == ctl.Loop || n.Kind == ctl.AndOr || n.Kind == ctl.Pipe || n.Kind == ctl.Case) && r.any([]*ctl.Node{n}):
				refs(n.Refs)
				call(n.Calls)
				unknown(n.Calls)
				if len(n.Cond) > 0 && n.Cond[0].Command != nil {
					asked[n.Cond[0].Command] = true
				}
			}
		})
		last := -1
		for i, c := range res.Commands {
			if r.keep[c] {
				last = i
			}
		}
		for i, c := range res.Commands {
			if i > last || r.keep[c] || c.Followed {
				continue
			}
			for _, s := range c.Sets {
				if (s != "IFS" && need[s] || need["!"] || s == "IFS" && r.splits(i)) && !(r.ways && c.Test) {
					r.keep[c], changed = true, true
				}
			}
			if need["?"] && i+1 < len(res.Commands) && slices.Contains(res.Commands[i+1].Refs, "?") && (r.keep[res.Commands[i+1]] || asked[res.Commands[i+1]]) && !c.Leave {
				r.keep[c], changed = true, true
			}
		}
		changed = changed || len(need)+len(r.functions) != before
	}
}

// splits says whether something is kept that runs under the IFS which a
// command sets.
func (r *residual) splits(at int) bool {
	cs := r.l.result.Commands
	if restores := len(cs[at].Refs) > 0; restores && !slices.ContainsFunc(cs[:at], func(c *ctl.Command) bool {
		return r.keep[c] && slices.Contains(c.Sets, "IFS")
	}) {
		return false
	}
	for _, c := range cs[at+1:] {
		if slices.Contains(c.Sets, "IFS") {
			return false
		}
		if r.keep[c] {
			return true
		}
	}
	return false
}

// statuses looks for a $? whose command stands elsewhere now.
func (r *residual) statuses(to Destination) {
	var before *ctl.Command
	for _, c := range r.l.result.Commands {
		if (r.keep[c] || r.with[c]) && slices.Contains(c.Refs, "?") && before != nil && !before.Followed {
			if at := r.l.places[before].to; !r.keep[before] && !r.with[before] || at != to && at != Dropped {
				r.broken = fmt.Sprintf("%s looks at the exit status of %s, which runs elsewhere now", oneLine(c.Text), oneLine(before.Text))
			}
		}
		before = c
	}
}

// asksLate looks for a condition on a folder that bpm has made by the time it
// is asked: only pre-start runs before.
func (r *residual) asksLate(to Destination) {
	if to == ToPreStart {
		return
	}
	for _, c := range r.l.result.Commands {
		if c.Test && (r.keep[c] || r.with[c]) && slices.ContainsFunc(c.Words, func(word ctl.Word) bool {
			s, known := word.Literal()
			return known && path.IsAbs(s) && r.job.ownDisk(path.Clean(s))
		}) {
			r.broken = fmt.Sprintf("%s (%s) asks for a folder that bpm makes before the process starts, so the answer would not be that of the old script", oneLine(c.Text), c.Span.Place())
		}
	}
}

// toggles keeps the set -e and set +e between the kept commands: what they
// allow to fail may fail.
func (r *residual) toggles() {
	first, last, moved := -1, -1, -1
	for i, c := range r.l.result.Commands {
		if r.keep[c] {
			if first < 0 {
				first = i
			}
			last = i
			if len(c.Dir) > 0 && len(c.Words) > 0 && !absolute(c) {
				moved = i
			}
		}
	}
	for i, c := range r.l.result.Commands {
		if n := c.Name(); i < moved && !r.ways && (n == "cd" || n == "pushd" || n == "popd") && !c.Followed {
			r.keep[c] = true
		}
	}
	for i, c := range r.l.result.Commands {
		if n := c.Name(); i < last && (n == "umask" || n == "shopt") && !c.Followed {
			r.keep[c] = true
		}
	}
	if first < 0 || !r.job.errexit(r.l) {
		return
	}
	for i, c := range r.l.result.Commands {
		if i < last && isToggle(c.Text) && !c.Followed {
			r.keep[c] = true
		}
	}
}

// absolute says whether a command is one that works on paths, and all of them
// are absolute: then it does not matter where it runs.
func absolute(c *ctl.Command) bool {
	if quiet[c.Name()] || c.Name() == "cd" || c.Name() == "pushd" || c.Name() == "popd" {
		return true
	}
	paths, ok := operands(c)
	return ok && (fileCommands[c.Name()] || hostPrograms[c.Name()]) && allOf(paths, path.IsAbs)
}

var (
	arithmetic      = regexp.MustCompile(`\$\(\((?:[^()]|\([^()]*\))*\)\)`)
	shellIdentifier = regexp.MustCompile(`[A-Za-z_]\w*`)
)

var shellName = regexp.MustCompile(`\$\{?[#!]?([A-Za-z_]\w*)|\$(\?)`)

// wordRefs are the variables that the run-time parts of a word read.
func wordRefs(w ctl.Word) []string {
	var names []string
	for _, p := range w {
		if p.Kind == ctl.Runtime {
			for _, m := range shellName.FindAllStringSubmatch(p.Text, -1) {
				names = append(names, m[1]+m[2])
			}
			for _, m := range arithmetic.FindAllString(p.Text, -1) {
				names = append(names, shellIdentifier.FindAllString(m, -1)...)
			}
			if strings.Contains(p.Text, "${!") {
				names = append(names, "!") // any variable may be meant
			}
		}
	}
	return names
}

func functionsIn(w ctl.Word, res *ctl.Result) []string {
	var names []string
	for _, p := range w {
		if p.Kind != ctl.Runtime {
			continue
		}
		for name := range res.Functions {
			if regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(name) + `($|[^\w-])`).MatchString(p.Text) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// any says whether something below is kept.
func (r *residual) any(nodes []*ctl.Node) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) {
		if n.Command != nil && r.keep[n.Command] && n.Kind == ctl.Leaf && !isToggle(n.Command.Text) && n.Command.Name() != "shopt" && n.Command.Name() != "umask" {
			found = true
		}
	})
	return found
}

// way says whether a launch stands below, which has to be written as exec.
func (r *residual) way(nodes []*ctl.Node) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) {
		if n.Command != nil && r.l.isWay(n.Command) != nil {
			found = true
		}
	})
	return found
}

func (r *residual) nodes(nodes []*ctl.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, r.node(n)...)
	}
	return out
}

func (r *residual) node(n *ctl.Node) []string {
	if n.Kind != ctl.Leaf && !r.any([]*ctl.Node{n}) {
		return nil
	}
	inside := r.way([]*ctl.Node{n})
	switch n.Kind {
	case ctl.If:
		r.along(n.Cond)
	case ctl.AndOr, ctl.Loop, ctl.Case, ctl.Pipe:
		if !inside {
			r.along([]*ctl.Node{n})
		}
	}
	switch n.Kind {
	case ctl.Leaf:
		if !r.keep[n.Command] || r.again(n.Command) {
			return nil
		}
		if u := r.l.isWay(n.Command); u != nil {
			if !r.ways {
				r.broken = "what the script does besides cannot be told from the start of the process"
			}
			return append(r.hold(u), r.exec(u))
		}
		if isToggle(n.Command.Text) {
			r.mode = toggled(n.Command.Text)
		}
		return textLines(r.job.unprivileged(r.job.trimmed(n.Command)))
	case ctl.If:
		body, otherwise := r.nodes(n.Body), r.nodes(n.Else)
		head := n.Head
		if not, ok := negated(head); ok && len(body) == 0 && len(otherwise) > 0 {
			head, body, otherwise = not, otherwise, nil
		}
		if len(body) == 0 {
			body = []string{":"}
		}
		out := append([]string{"if " + head + "; then"}, shift(body)...)
		if len(otherwise) > 0 && r.chained(n.Else) && strings.HasPrefix(otherwise[0], "if ") {
			out = append(out, "el"+otherwise[0])
			return append(out, otherwise[1:]...)
		}
		if len(otherwise) > 0 {
			out = append(out, "else")
			out = append(out, shift(otherwise)...)
		}
		return append(out, "fi")
	case ctl.AndOr:
		if !inside {
			return textLines(r.job.unprivileged(strings.TrimRight(n.Text, ";& \t\n")))
		}
		if n.Op == "&&" && len(n.Body) == 1 && n.Body[0].Kind == ctl.Leaf && n.Body[0].Command.Leave {
			return nil
		}
		word := "if "
		if n.Op == "||" {
			word = "if ! "
		}
		out := []string{word + n.Head + "; then"}
		return append(append(out, shift(r.nodes(n.Body))...), "fi")
	case ctl.Loop, ctl.Case:
		if !inside {
			return textLines(n.Text)
		}
		if n.Kind == ctl.Case {
			out := []string{"case " + n.Head + " in"}
			for i, p := range n.Patterns {
				out = append(out, "  "+p+")")
				out = append(out, shift(shift(r.nodes(n.Arms[i])))...)
				out = append(out, "    ;;")
			}
			return append(out, "esac")
		}
		if body := r.nodes(n.Body); len(body) > 0 && r.way(n.Body) {
			r.broken = "the process is started in a loop"
			return nil
		}
		return textLines(n.Text)
	case ctl.Pipe:
		if inside {
			return r.nodes(n.Body)
		}
		return textLines(strings.TrimRight(n.Text, ";& \t\n"))
	case ctl.Group:
		if n.Redirs != "" && !inside && r.job.writesAny(n) {
			lines := r.nodes(n.Body)
			if len(lines) == 0 || len(n.Body) == 1 && (n.Body[0].Kind == ctl.Loop || n.Body[0].Kind == ctl.Case) {
				return lines // its text has the redirections
			}
			return append(append([]string{"{"}, shift(lines)...), "} "+n.Redirs)
		}
		if inside || !n.Subshell {
			return r.nodes(n.Body)
		}
		return append(append([]string{"("}, shift(r.nodes(n.Body))...), ")")
	case ctl.Run:
		before := r.mode
		r.mode = modeOf(len(n.Body) > 0 && n.Body[0].Script != nil && shebangStrict(n.Body[0].Script.Original))
		var out []string
		if r.mode != before {
			out = append(out, modeLine(r.mode == endsAtErrors))
		}
		out = append(out, r.file(n)...)
		if r.mode != before {
			out = append(out, modeLine(before == endsAtErrors))
		}
		r.mode = before
		return out
	case ctl.Source:
		return r.file(n)
	case ctl.Call:
		if inside && r.positional(n.Body) {
			words := []string{"set", "--"}
			for _, a := range n.Command.Words[1:] {
				words = append(words, shellWord(a))
			}
			return append([]string{strings.Join(words, " ")}, r.nodes(n.Body)...)
		}
		if !inside && (leaves(n.Body) || r.positional(n.Body)) {
			r.function(n.Command.Name())
			return textLines(n.Command.Text)
		}
		return r.nodes(n.Body)
	case ctl.Block:
		return r.block(n)
	}
	return r.nodes(n.Body)
}

// file writes what a script that is sourced or run leaves.
func (r *residual) file(n *ctl.Node) []string {
	if r.positional(n.Body) && len(n.Command.Words) > 1 {
		args := n.Command.Words[1:]
		if n.Kind == ctl.Source {
			args = n.Command.Words[min(2, len(n.Command.Words)):]
		} else if u := ctl.Unwrap(n.Command); u != nil {
			args = u.Args
		}
		words := []string{"set", "--"}
		for _, a := range args {
			words = append(words, shellWord(a))
		}
		return append([]string{strings.Join(words, " ")}, r.nodes(n.Body)...)
	}
	return r.nodes(n.Body)
}

// function adds a function with those that it calls.
func (r *residual) function(name string) {
	f, ok := r.l.result.Functions[name]
	if !ok || slices.Contains(r.functions, name) {
		return
	}
	r.functions = append(r.functions, name)
	for _, c := range f.Calls {
		r.function(c)
	}
}

// again says whether an assignment has been written already, by a file that is
// sourced more than once, and nothing else sets its variables.
func (r *residual) again(c *ctl.Command) bool {
	if len(c.Words) > 0 || len(c.Sets) == 0 || len(c.Conditions) > 0 || len(c.Guards) > 0 {
		return false
	}
	for _, o := range r.l.result.Commands {
		if o.Span != c.Span && r.keep[o] && slices.ContainsFunc(o.Sets, func(s string) bool { return slices.Contains(c.Sets, s) }) {
			return false
		}
	}
	for _, o := range r.written {
		if o.Span == c.Span && o.Text == c.Text {
			return true
		}
	}
	r.written = append(r.written, c)
	return false
}

// along notes the commands that are written with the kept ones.
func (r *residual) along(nodes []*ctl.Node) {
	ctl.Walk(nodes, func(n *ctl.Node) {
		if n.Command != nil {
			r.with[n.Command] = true
		}
	})
}

// positional says whether what is kept below reads $1, $@ and the like.
func (r *residual) positional(nodes []*ctl.Node) bool {
	found := false
	has := func(refs []string) {
		for _, n := range refs {
			found = found || n == "@" || n == "*" || n == "#" || n != "" && n[0] >= '1' && n[0] <= '9'
		}
	}
	ctl.Walk(nodes, func(n *ctl.Node) {
		switch {
		case n.Kind == ctl.Leaf && r.keep[n.Command]:
			has(n.Command.Refs)
		case n.Kind != ctl.Leaf && r.any([]*ctl.Node{n}):
			has(n.Refs)
		}
	})
	return found
}

// writesAny says whether the output of a construct goes into a file that counts.
func (w *job) writesAny(n *ctl.Node) bool {
	found := false
	ctl.Walk(n.Body, func(o *ctl.Node) {
		found = found || o.Command != nil && w.writes(o.Command)
	})
	return found
}

// trimmed takes the folders that bpm makes off a command that makes several.
func (w *job) trimmed(c *ctl.Command) string {
	if !fileCommands[c.Name()] || c.Name() == "ln" || c.Name() == "install" || len(c.Redirects) > 0 {
		return c.Text
	}
	paths, ok := operands(c)
	if !ok {
		return c.Text
	}
	text := c.Words[0].String()
	n := 0
	for _, word := range c.Words[1:] {
		s := word.String()
		if p := path.Clean(s); strings.HasPrefix(s, "/") && slices.Contains(paths, p) && w.madeByOthers(p) && !w.ownDisk(p) {
			n++
			continue
		}
		text += " " + shellWord(word)
	}
	if n == 0 {
		return c.Text
	}
	return text
}

// negated gives the opposite of a condition that is one command.
func negated(head string) (string, bool) {
	if rest, ok := strings.CutPrefix(head, "! "); ok {
		return rest, !compound.MatchString(head)
	}
	if m := simpleTest.FindStringSubmatch(head); m != nil {
		opposite := map[string]string{"-z": "-n", "-n": "-z", "=": "!=", "==": "!=", "!=": "="}
		if m[1] != "" {
			return "[ " + opposite[m[1]] + " " + m[2] + " ]", true
		}
		return "[ " + m[3] + " " + opposite[m[4]] + " " + m[5] + " ]", true
	}
	return "! " + head, !compound.MatchString(head)
}

var simpleTest = regexp.MustCompile(`^\[ (?:(-[zn]) ("[^"]*"|[^\s"\]]+)|("[^"]*"|[^\s"\]]+) (=|==|!=) ("[^"]*"|[^\s"\]]+)) \]$`)

var compound = regexp.MustCompile(`[;\n]|\s(&&|\|\|)\s`)

// chained says whether an else arm is one more condition and nothing else.
func (r *residual) chained(nodes []*ctl.Node) bool {
	last := -1
	for i, n := range nodes {
		if n.Kind == ctl.Leaf && r.keep[n.Command] || n.Kind != ctl.Leaf && r.any([]*ctl.Node{n}) {
			if last >= 0 {
				return false
			}
			last = i
		}
	}
	return last >= 0 && nodes[last].Kind == ctl.If
}

// leaves says whether a function body returns on a condition, so that it has to
// stay a function.
func leaves(nodes []*ctl.Node) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) {
		if c := n.Command; c != nil && n.Kind == ctl.Leaf && (c.Name() == "return" || strings.HasPrefix(c.Text, "local ")) {
			found = true
		}
	})
	return found
}

// block writes an ERB block as tags around its arms.
func (r *residual) block(n *ctl.Node) []string {
	b := n.Block
	last := -1
	arms := map[int][]string{}
	for i := range b.Arms {
		if r.any(n.Arms[i]) {
			arms[i] = r.nodes(n.Arms[i])
			if len(arms[i]) > 0 {
				last = i
			}
		}
	}
	if last < 0 {
		return nil
	}
	if inner := n.Arms[0]; last == 0 && len(inner) == 1 && inner[0].Kind == ctl.Block && inner[0].Block.Start == b.Start && inner[0].Block.File == b.File {
		// one tag opens both
		lines := r.block(inner[0])
		return append(lines, "<% end %>")
	}
	var out []string
	for i := 0; i <= last; i++ {
		out = append(out, "<% "+b.Arms[i].Head+" %>")
		out = append(out, r.armLocals(n, i, arms[i])...)
		out = append(out, arms[i]...)
	}
	if b.Brace {
		return append(out, "<% } %>")
	}
	return append(out, "<% end %>")
}

// armLocals are the code tags of an arm that set what its lines use.
func (r *residual) armLocals(n *ctl.Node, arm int, lines []string) []string {
	if n.Script == nil {
		return nil
	}
	t := n.Script.Template
	if !slices.Contains(t.Blocks, n.Block) {
		return nil
	}
	text := strings.Join(lines, "\n")
	var out []string
	for _, s := range slices.Backward(t.Segments) {
		if s.Kind != erb.Code || t.Divides(s) || s.Start < n.Block.Arms[arm].Start || s.End > n.Block.Arms[arm].End {
			continue
		}
		gs := t.Guards(s.Start)
		if len(gs) == 0 || gs[len(gs)-1] != (erb.Guard{Block: n.Block, Arm: arm}) {
			continue
		}
		code := s.Code(t)
		if slices.ContainsFunc(defines(code), func(name string) bool {
			return name != "_" && regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).MatchString(text)
		}) {
			out = append([]string{"<% " + code + " %>"}, out...)
			text += "\n" + code
		}
	}
	return out
}

// held gives the variable for a piece that the old script had in one: what it
// prints is split at blanks and not read.
func (r *residual) held(p ctl.Part) string {
	for _, h := range r.holders {
		if h.value == holding(p) {
			return h.name
		}
	}
	name := p.Held
	taken := func(name string) bool {
		if slices.ContainsFunc(r.holders, func(h holder) bool { return h.name == name && !erb.Exclusive(h.guards, p.Guards) }) {
			return true
		}
		for c := range r.keep {
			launched := slices.ContainsFunc(r.l.ways, func(u *ctl.Launch) bool { return u.Command == c })
			if !launched && (slices.Contains(c.Sets, name) || slices.Contains(c.Refs, name)) {
				return true
			}
		}
		return slices.ContainsFunc(r.l.ways, func(u *ctl.Launch) bool {
			return slices.ContainsFunc(u.Env, func(e ctl.Assign) bool {
				return e.Name == name && !(len(e.Value) == 1 && holding(e.Value[0]) == holding(p))
			})
		})
	}
	for i := 2; taken(name); i++ {
		name = fmt.Sprintf("%s%d", p.Held, i)
	}
	r.holders = append(r.holders, holder{name, holding(p), p.Guards})
	return name
}

// holds says whether a piece of a word has to stay in a variable: it came out
// of one, and what it prints may be several words.
func (r *residual) holds(p ctl.Part) bool { return p.Held != "" && r.job.printsWords(p.Text) }

// holder is a variable of a wrapper for what the old script had in one.
type holder struct {
	name, value string
	guards      []erb.Guard
}

func holding(p ctl.Part) string { return string(p.Quote) + "<%= " + p.Text + " %>" + string(p.Quote) }

// hold writes the variables that the words of a launch need.
func (r *residual) hold(u *ctl.Launch) []string {
	var lines []string
	for _, word := range append([]ctl.Word{u.Executable}, u.Args...) {
		for _, p := range word {
			if !r.holds(p) {
				continue
			}
			if line := ctl.Tagged(p.Guards, r.held(p)+"="+holding(p)); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// word writes a word of a launch. What came out of a variable is not read
// again: it stands in quotes, or in a variable where it has to be split.
func (r *residual) word(w ctl.Word) string {
	out := slices.Clone(w)
	for i, p := range out {
		switch {
		case r.holds(p):
			out[i].Kind, out[i].Text = ctl.Runtime, "${"+r.held(p)+"}"
		case p.Held != "":
			out[i].Split = false
		}
	}
	return shellWord(out)
}

// exec writes a launch as the last command of a wrapper.
func (r *residual) exec(u *ctl.Launch) string {
	words := []string{"exec", r.word(u.Executable)}
	args := u.Args
	row := background(u)
	if row != nil && slices.Contains(row.names, "pg_ctl") {
		return join(postgresWords(u))
	}
	for i := 0; i < len(args); i++ {
		text := args[i].String()
		if row != nil && slices.Contains(row.flags, text) {
			continue
		}
		if row != nil && slices.Contains(row.valued, text) || pidFlag.MatchString(text) && i+1 < len(args) && r.job.oldPid(r.l, args[i+1].String()) {
			i++
			continue
		}
		guards := args[i].Presence()
		if len(guards) == 0 {
			words = append(words, r.word(args[i]))
			continue
		}
		// words in the same block stand in one pair of tags
		var inside []string
		for ; i < len(args) && slices.Equal(args[i].Presence(), guards); i++ {
			inner := make(ctl.Word, len(args[i]))
			for k, p := range args[i] {
				p.Guards = p.Guards[len(guards):]
				inner[k] = p
			}
			inside = append(inside, r.word(inner))
		}
		i--
		words = append(words, ctl.Tagged(guards, strings.Join(inside, " ")))
	}
	if row != nil {
		words = append(words, row.add...)
		for _, n := range row.names {
			if n == "nginx" {
				words = r.nginx(words)
			}
		}
	}
	return join(words)
}

// postgresWords runs the server instead of pg_ctl: what -o holds are its
// options, which the shell splits.
func postgresWords(u *ctl.Launch) []string {
	exe := slices.Clone(u.Executable)
	last := &exe[len(exe)-1]
	last.Text = strings.TrimSuffix(last.Text, "pg_ctl") + "postgres"
	words := []string{"exec", shellWord(exe)}
	for i := 0; i < len(u.Args); i++ {
		switch u.Args[i].String() {
		case "-D", "--pgdata":
			if i+1 < len(u.Args) {
				i++
				words = append(words, "-D", shellWord(u.Args[i]))
			}
		case "-o", "--options":
			if i+1 < len(u.Args) {
				i++
				text := shellWord(u.Args[i])
				if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
					text = text[1 : len(text)-1]
				}
				words = append(words, text)
			}
		case "-l", "-t", "-m", "-p", "--log", "--timeout":
			i++
		}
	}
	return words
}

// nginx adds what keeps nginx in the foreground and off its package.
func (r *residual) nginx(words []string) []string {
	if r.l.inline != "" {
		done := false
		for i, w := range words {
			if w == "-g" && i+1 < len(words) {
				if q := words[i+1][:1]; q == `"` || q == "'" {
					words[i+1] = q + r.l.inline + " " + words[i+1][1:]
				} else {
					words[i+1] = "'" + r.l.inline + " " + words[i+1] + "'"
				}
				done = true
			}
		}
		if !done {
			words = append(words, "-g", "'"+r.l.inline+"'")
		}
	}
	if r.l.prefix {
		words = append(words, "-p", r.job.dataDir())
	}
	return words
}

// join breaks a long command into lines at its options.
func join(words []string) string {
	line := strings.Join(words, " ")
	if len(line) <= 100 {
		return line
	}
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i > 1 && (strings.HasPrefix(strings.TrimLeft(w, `"'`), "-") || strings.HasPrefix(w, "<% ")):
			b.WriteString(" \\\n  ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

var bareWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// shellWord writes a word so that the shell reads it as it is.
func shellWord(w ctl.Word) string {
	if s, ok := w.Literal(); ok {
		if bareWord.MatchString(s) {
			return s
		}
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	if guards := w.Presence(); len(guards) > 0 {
		inner := make(ctl.Word, len(w))
		for i, p := range w {
			p.Guards = p.Guards[len(guards):]
			inner[i] = p
		}
		return ctl.Tagged(guards, shellWord(inner))
	}
	var b strings.Builder
	for len(w) > 0 {
		// literal text stands in the quotes of what it stands beside
		first := slices.IndexFunc(w, func(p ctl.Part) bool { return p.Kind != ctl.Literal })
		quote := byte(0)
		if first >= 0 {
			quote = quoteOf(w[first])
		}
		end := slices.IndexFunc(w, func(p ctl.Part) bool { return p.Kind != ctl.Literal && quoteOf(p) != quote })
		if end < 0 {
			end = len(w)
		}
		marks := strings.Trim(string(quote), "\x00")
		b.WriteString(marks + ctl.TagParts(w[:end], func(p ctl.Part) string { return inQuotes(p, quote) }) + marks)
		w = w[end:]
	}
	return b.String()
}

// quoteOf is the quotes in which what is not known before the job is rendered
// or runs has to stand, 0 where the shell is to split it.
func quoteOf(p ctl.Part) byte {
	switch {
	case p.Split:
		return 0
	case p.Quote == '\'':
		return '\''
	}
	return '"'
}

// inQuotes writes a part of a word between the given quotes.
func inQuotes(p ctl.Part, quote byte) string {
	switch {
	case p.Kind == ctl.ERB:
		return "<%= " + p.Text + " %>"
	case p.Kind == ctl.Runtime, p.Text == "":
		return p.Text
	case quote == '"':
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(p.Text)
	case quote == '\'':
		return strings.ReplaceAll(p.Text, "'", `'\''`)
	}
	return shellWord(ctl.Word{{Kind: ctl.Literal, Text: p.Text}})
}

// textLines gives a statement as lines without the indentation that it had,
// here-documents left alone.
func textLines(text string) []string {
	lines := strings.Split(text, "\n")
	if strings.Contains(text, "<<") {
		return lines
	}
	least := -1
	for _, l := range lines[1:] {
		if t := strings.TrimLeft(l, " \t"); t != "" {
			if n := len(l) - len(t); least < 0 || n < least {
				least = n
			}
		}
	}
	if least > 0 {
		last := strings.TrimSpace(lines[len(lines)-1])
		extra := "  "
		switch last {
		case "done", "fi", "esac", "}", ")":
			extra = ""
		}
		for i, l := range lines[1:] {
			if len(l) >= least {
				lines[i+1] = extra + l[least:]
			}
		}
	}
	return lines
}

func shift(lines []string) []string {
	out := make([]string, len(lines))
	heredoc := false
	for i, l := range lines {
		if heredoc || l == "" || strings.HasPrefix(l, "<%") && strings.HasSuffix(l, "%>") {
			out[i] = l
			continue
		}
		out[i] = "  " + l
		heredoc = strings.Contains(l, "<<") && !strings.Contains(l, "<<<")
	}
	return out
}

var chpstUser = regexp.MustCompile(`\bchpst -u (\w+)(?::(\w+))?\s+`)

// unprivileged replaces chpst, which newer stemcells lack (RFC-0058).
func (w *job) unprivileged(text string) string {
	return chpstUser.ReplaceAllStringFunc(text, func(s string) string {
		m := chpstUser.FindStringSubmatch(s)
		group := m[2]
		if group == "" {
			group = m[1]
		}
		return "setpriv --reuid=" + m[1] + " --regid=" + group + " --init-groups "
	})
}

// droppedEnv says whether a variable is bookkeeping that goes.
func (w *job) droppedEnv(name string) bool {
	for _, f := range w.Findings {
		if slices.Contains(f.Differs, "env-missing:"+name) {
			return true
		}
	}
	return false
}
