package convert

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func (r *residual) nodes(nodes []*ctl.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, r.node(n)...)
	}
	return out
}

// node writes what is kept of a node, under its author's comment.
func (r *residual) node(n *ctl.Node) []string {
	lines := r.bare(n)
	switch n.Kind {
	case ctl.Leaf, ctl.If, ctl.AndOr, ctl.Loop, ctl.Case, ctl.Pipe:
		if len(lines) > 0 && !isToggle(lines[0]) && !r.way([]*ctl.Node{n}) {
			return append(comment(n.Span), lines...)
		}
	}
	return lines
}

// comment gives the lines above a statement that are about it.
func comment(at source.Span) []string {
	text := string(at.File.Data)
	start := strings.LastIndexByte(text[:at.Start], '\n') + 1
	if strings.TrimSpace(text[start:at.Start]) != "" {
		return nil
	}
	var lines []string
	above := strings.Split(text[:start], "\n")
	for i := len(above) - 2; i >= 0; i-- {
		line := strings.TrimSpace(above[i])
		if !strings.HasPrefix(line, "#") || strings.HasPrefix(line, "#!") {
			break
		}
		if strings.Contains(line, "<%") || strings.Contains(line, "%>") {
			return nil // what is left of it would be half a sentence
		}
		lines = append([]string{line}, lines...)
	}
	return lines
}

// bare writes what is kept of a node without the comment.
func (r *residual) bare(n *ctl.Node) []string {
	if n.Kind != ctl.Leaf && !r.any([]*ctl.Node{n}) {
		return nil
	}
	if n.Kind != ctl.Source && !r.asks(n) {
		r.asked = nil // the next answers may be others
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
			return slices.Concat(r.hold(u), r.inline(u), []string{r.exec(u)})
		}
		if isToggle(n.Command.Text) {
			r.mode = toggled(n.Command.Text)
		}
		return textLines(r.job.trimmed(n.Command))
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
			r.whole(n, "the list "+oneLine(n.Text))
			return textLines(ctl.WithoutEnd(n.Text))
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
		return textLines(ctl.WithoutEnd(n.Text))
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
		if u := ctl.Unwrap(n.Command); u != nil && !r.ways && drops(u) && r.acts(n.Body) && (r.user == nil || r.user.User != u.User) {
			outside := r.user
			r.user = u
			defer func() { r.user = outside }()
			before := r.mode
			r.mode = modeOf(len(n.Body) > 0 && n.Body[0].Script != nil && shebangStrict(n.Body[0].Script.Original))
			lines, _ := quietToggles(r.file(n), r.mode)
			lines, begins := lead(lines, r.mode)
			r.mode = before
			return r.asUser(u, r.functions, begins, lines, before)
		}
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
			r.whole(n, "the function "+n.Command.Name())
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
	if n.Kind == ctl.Source {
		sign, again := r.asksOnly(n)
		if again {
			return nil
		}
		if sign != "" {
			// behind what it sources itself, which may say just the same
			defer func() { r.asked = append(r.asked, sign) }()
		}
	}
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

// whole looks for what belongs elsewhere in something that cannot be cut.
func (r *residual) whole(uncut *ctl.Node, what string) {
	ctl.Walk([]*ctl.Node{uncut}, func(n *ctl.Node) {
		if n.Kind != ctl.Leaf || !does(n.Command) {
			return
		}
		switch at := r.l.places[n.Command].to; {
		case at == r.to, at == ToBPM, at == Dropped, at == Review:
		default:
			r.broken = fmt.Sprintf("%s is needed in several places, and %s (%s) in it would be done twice", what, oneLine(n.Command.Text), n.Command.Span.Place())
		}
	})
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

// kept says whether any command that is kept in some nodes is such a one.
func (r *residual) kept(nodes []*ctl.Node, such func(c *ctl.Command) bool) bool {
	found := false
	ctl.Walk(nodes, func(n *ctl.Node) {
		found = found || n.Kind == ctl.Leaf && r.keep[n.Command] && such(n.Command)
	})
	return found
}

// asks says whether what is kept of a node only sets variables and asks what
// has the same answer each time.
func (r *residual) asks(n *ctl.Node) bool {
	return !r.kept([]*ctl.Node{n}, func(c *ctl.Command) bool { return does(c) || askers[c.Name()] || c.Missing != "" })
}

// acts says whether what is kept of some nodes does more than to set variables
// and to ask, or asks who runs it: only then it matters who does.
func (r *residual) acts(nodes []*ctl.Node) bool {
	return r.kept(nodes, func(c *ctl.Command) bool { return does(c) || whoRuns.MatchString(c.Text) })
}

// whoRuns is what a script learns its user from.
var whoRuns = search.MustCompile(`\b(?:whoami|id)\b|\$\{?(?:E?UID|USER|LOGNAME|HOME)\b`)

// does says whether a command does more than to set variables and to ask.
func does(c *ctl.Command) bool {
	return !c.Test && (len(c.Redirects) > 0 || works(c))
}

// works says whether a command is none of those that only ask and steer.
func works(c *ctl.Command) bool {
	return len(c.Words) > 0 && !c.Leave && c.Missing == "" && c.Name() != "[[" && !isQuietProgram(c) && !askers[c.Name()] && !isToggle(c.Text)
}

// asksOnly gives what a sourced file sets and asks, "" when it does more; again
// says that it has been asked just before.
func (r *residual) asksOnly(n *ctl.Node) (sign string, again bool) {
	var b strings.Builder
	inside := map[source.Span]bool{}
	var sets []string
	ctl.Walk(n.Body, func(o *ctl.Node) {
		if c := o.Command; o.Kind == ctl.Leaf && r.keep[c] {
			inside[c.Span] = true
			sets = append(sets, c.Sets...)
			fmt.Fprintln(&b, c.Span.Place(), c.Text)
		}
	})
	if !r.asks(n) || r.positional(n.Body) || b.Len() == 0 || slices.ContainsFunc(r.l.result.Commands, func(c *ctl.Command) bool {
		return r.keep[c] && !inside[c.Span] && slices.ContainsFunc(c.Sets, func(s string) bool { return slices.Contains(sets, s) })
	}) {
		return "", false
	}
	return b.String(), slices.Contains(r.asked, b.String())
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
			found = found || isParameter(n)
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

var simpleTest = search.MustCompile(`^\[ (?:(-[zn]) ("[^"]*"|[^\s"\]]+)|("[^"]*"|[^\s"\]]+) (=|==|!=) ("[^"]*"|[^\s"\]]+)) \]$`)

var compound = search.MustCompile(`[;\n]|\s(&&|\|\|)\s`)

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
			return name != "_" && search.MustCompile(`\b`+search.QuoteMeta(name)+`\b`).MatchString(text)
		}) {
			out = append([]string{"<% " + code + " %>"}, out...)
			text += "\n" + code
		}
	}
	return out
}
