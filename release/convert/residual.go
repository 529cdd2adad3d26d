package convert

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
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
	// written are the assignments that stand there already, asked the files that
	// only set and ask something and do.
	written []*ctl.Command
	asked   []string
	to      Destination
	// ways are written as exec of the process.
	ways      bool
	functions []string
	// user is who ran what is being written, nil for root.
	user *ctl.Launch
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
	r = &residual{job: w, l: l, keep: map[*ctl.Command]bool{}, with: map[*ctl.Command]bool{}, to: to, ways: ways, given: given}
	for _, c := range l.result.Commands {
		if kept(c) {
			r.keep[c] = true
		}
	}
	r.close()
	r.locals()
	r.toggles()
	r.mode = modeOf(shebangStrict(l.result.Scripts[0].Original))
	if u := l.result.Commands[0].Outer; u != nil && !ways && drops(u) {
		r.user = u
	}
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
	if !ways && endsInAnswer(lines) {
		lines = append(lines, "true")
	}
	if r.user != nil && r.acts(l.result.Tree) {
		lines = r.asUser(r.user, nil, r.begins, lines, modeOf(r.begins != ""))
	}
	return r.complete(lines), r
}

// endsInAnswer says whether the last command may fail without an error: the old
// script went on, and the new one is not to end with that status.
func endsInAnswer(lines []string) bool {
	for i := len(lines) - 1; i >= 0; i-- {
		switch line := strings.TrimSpace(lines[i]); {
		case line == "" || line == "fi" || line == "done" || line == "esac" || line == ";;" || line == "}" || line == ")" || strings.HasPrefix(line, "<% ") && strings.HasSuffix(line, "%>"):
		default:
			return strings.Contains(line, " && ") || strings.HasPrefix(line, "[") || strings.HasPrefix(line, "! ")
		}
	}
	return false
}

// complete looks for what the lines need and do not have: a variable that the
// old script set, one of its functions. Where a function's own lines stand in the
// script itself, "local" has to be "declare".
func (r *residual) complete(lines []string) []string {
	text := strings.Join(lines, "\n") + "\n"
	script, err := ctl.ParseScript("", &source.File{Data: []byte(text)})
	if err != nil {
		_, why := source.Split(err)
		r.broken = "what is left of the script cannot stand on its own: " + why
		return lines
	}
	variables, commands := script.Unbound()
	for _, c := range r.l.result.Commands {
		names := slices.Clone(c.Sets)
		for _, o := range c.Locals {
			names = append(names, o.Name)
		}
		for _, name := range names {
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
	locals := script.LocalsOutside()
	for i := len(locals) - 1; i >= 0; i-- {
		text = text[:locals[i]] + "declare" + text[locals[i]+len("local"):]
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// close adds what the kept commands need: the commands that set their
// variables, and the functions that they call.
func (r *residual) close() {
	res := r.l.result
	need := map[string]bool{}
	needLocal := map[ctl.Local]bool{}
	asked := map[*ctl.Command]bool{} // with which the conditions begin
	var calls []*ctl.Command         // that stand around what is looked at now
	refs := func(names []string) {
		for _, n := range names {
			if r.given[n] {
				continue
			}
			need[n] = true
			for _, c := range calls {
				needLocal[ctl.Local{Name: n, Call: c}] = true
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
	// a program may look at what is exported, though its command does not
	sees := func(c *ctl.Command) {
		if !r.l.runsProgram(c) {
			return
		}
		for _, e := range c.Env {
			if !e.Value.Known() && e.Name != "PIDFILE" && r.job.mayRead(c, e.Name) {
				refs([]string{e.Name})
			}
		}
	}
	inlined := map[*ctl.Node][]*ctl.Command{} // calls around a node that do not stay functions
	ctl.Walk(res.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.Call && (r.way(n.Body) || !leaves(n.Body)) {
			ctl.Walk(n.Body, func(o *ctl.Node) { inlined[o] = append(inlined[o], n.Command) })
		}
	})
	for changed := true; changed; {
		changed = false
		before := len(need) + len(r.functions)
		ctl.Walk(res.Tree, func(n *ctl.Node) {
			calls = inlined[n]
			switch {
			case n.Kind == ctl.Leaf && r.keep[n.Command]:
				if u := r.l.isWay(n.Command); u != nil && r.ways {
					for _, word := range append([]ctl.Word{u.Executable}, u.Args...) {
						refs(wordRefs(word))
						call(functionsIn(word, res))
					}
					for _, e := range u.Env {
						if !r.given[e.Name] && !r.l.drops(e.Name) {
							need[e.Name] = true
						}
					}
					return
				}
				refs(n.Command.Refs)
				sees(n.Command)
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
				ctl.Walk(n.Cond, func(o *ctl.Node) {
					if o.Kind == ctl.Leaf {
						sees(o.Command)
					}
				})
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
			if !r.keep[c] && setsParameters(c) && needsParameters(need) {
				r.keep[c], changed = true, true
			}
			for _, o := range c.Locals {
				if needLocal[o] && !(r.ways && c.Test) {
					r.keep[c], changed = true, true
				}
			}
			if need["?"] && !r.l.endedWell(i) && i+1 < len(res.Commands) && slices.Contains(res.Commands[i+1].Refs, "?") && (r.keep[res.Commands[i+1]] || asked[res.Commands[i+1]]) && !c.Leave {
				r.keep[c], changed = true, true
			}
		}
		changed = changed || len(need)+len(r.functions) != before
	}
}

// setsParameters says whether a command changes $1, $@ and the like.
func setsParameters(c *ctl.Command) bool {
	return c.Name() == "shift" || c.Name() == "set" && len(c.Words) > 1 && c.Words[1].Is("--")
}

// needsParameters says whether $1, $@ or the like is among some variables.
func needsParameters(names map[string]bool) bool {
	for n := range names {
		if isParameter(n) {
			return true
		}
	}
	return false
}

func isParameter(name string) bool {
	return name == "@" || name == "*" || name == "#" || name != "" && name[0] >= '1' && name[0] <= '9'
}

// locals looks for variables of functions that are no longer gone behind their
// call: what a function did stands in the script itself now.
func (r *residual) locals() {
	cs := r.l.result.Commands
	around := r.l.callsAround()
	end := map[*ctl.Command]int{} // the last command of a call
	owned := map[ctl.Local]bool{}
	for i, c := range cs {
		for _, call := range around[c] {
			end[call] = i
		}
		for _, o := range c.Locals {
			owned[o] = true
		}
	}
	for i, c := range cs {
		for _, o := range c.Locals {
			if !r.keep[c] || slices.Contains(r.functions, o.Call.Name()) {
				continue
			}
			hides := slices.ContainsFunc(cs[:i], func(k *ctl.Command) bool { return r.keep[k] && slices.Contains(k.Sets, o.Name) }) ||
				slices.ContainsFunc(around[c], func(call *ctl.Command) bool { return call != o.Call && owned[ctl.Local{Name: o.Name, Call: call}] })
			meant := slices.ContainsFunc(cs[end[o.Call]+1:], func(k *ctl.Command) bool {
				return r.keep[k] && slices.Contains(k.Refs, o.Name) && !slices.ContainsFunc(around[k], func(call *ctl.Command) bool {
					return !slices.Contains(around[c], call) && owned[ctl.Local{Name: o.Name, Call: call}]
				})
			})
			if o.Name == "IFS" || hides && meant {
				r.broken = fmt.Sprintf("%s (%s) is a variable of its function, and what is left of the script has no function around it", o.Name, c.Span.Place())
			}
		}
	}
}

// callsAround are the calls of functions around each command, outermost first.
func (l *launch) callsAround() map[*ctl.Command][]*ctl.Command {
	around := map[*ctl.Command][]*ctl.Command{}
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		if n.Kind == ctl.Call {
			ctl.Walk(n.Body, func(o *ctl.Node) {
				if o.Command != nil {
					around[o.Command] = append(around[o.Command], n.Command)
				}
			})
		}
	})
	return around
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
	for i, c := range r.l.result.Commands {
		if (r.keep[c] || r.with[c]) && slices.Contains(c.Refs, "?") && before != nil && !before.Followed && !r.l.endedWell(i-1) {
			if at := r.l.places[before].to; !r.keep[before] && !r.with[before] || at != to && at != Dropped {
				r.broken = fmt.Sprintf("%s looks at the exit status of %s, which runs elsewhere now", oneLine(c.Text), oneLine(before.Text))
			}
		}
		before = c
	}
}

// endedWell says whether a command cannot have failed where the next one runs:
// the script ends at errors there, and nothing asks how it ended.
func (l *launch) endedWell(at int) bool {
	mode := modeOf(shebangStrict(l.result.Scripts[0].Original))
	for _, c := range l.result.Commands[:at] {
		if isToggle(c.Text) {
			mode = toggled(c.Text)
		}
	}
	c := l.result.Commands[at]
	return mode == endsAtErrors && !c.Test && !c.Pipe && !l.inList(c)
}

// inList says whether a command stands in a list, where set -e does not look.
func (l *launch) inList(c *ctl.Command) bool {
	found := false
	ctl.Walk(l.result.Tree, func(n *ctl.Node) {
		switch n.Kind {
		case ctl.AndOr:
			ctl.Walk([]*ctl.Node{n}, func(o *ctl.Node) { found = found || o.Command == c })
		case ctl.If, ctl.Loop:
			ctl.Walk(n.Cond, func(o *ctl.Node) { found = found || o.Command == c })
		}
	})
	return found
}

// asksLate looks for a condition on something that has been made by the time it
// is asked: bpm makes folders, and pre-start runs before.
func (r *residual) asksLate(to Destination) {
	if to == ToPreStart {
		return
	}
	for i, c := range r.l.result.Commands {
		if !r.keep[c] && !r.with[c] || r.l.isWay(c) != nil || !reads(c) {
			continue
		}
		if n := c.Name(); (n == "[" || n == "[[" || n == "test") && slices.ContainsFunc(c.Words, func(word ctl.Word) bool {
			p, _ := word.Literal()
			return r.job.ownDisk(path.Clean(p))
		}) {
			r.broken = fmt.Sprintf("%s (%s) asks for a folder that bpm makes before the process starts, so the answer would not be that of the old script", oneLine(c.Text), c.Span.Place())
		}
		for _, later := range r.l.result.Commands[i:] {
			if r.l.places[later].to != ToPreStart {
				continue
			}
			made := makes(later)
			if r.l.runsProgram(later) && len(later.Words) > 1 {
				for _, word := range later.Words[1:] {
					if p, _ := word.Literal(); below(p, "/var/vcap/store") || below(p, "/var/vcap/data") {
						made = append(made, p) // an argument, which it may make
					}
				}
			}
			for _, p := range made {
				if release.NamesPath(c.Text, p) || lists.MatchString(c.Text) && release.NamesPath(c.Text, path.Dir(p)) {
					r.broken = fmt.Sprintf("%s (%s) looks at what %s (%s) makes, which runs before the process starts now, so the answer would not be that of the old script", oneLine(c.Text), c.Span.Place(), oneLine(later.Text), later.Span.Place())
				}
			}
		}
	}
}

// reads says whether a command looks at files by itself or in its words.
func reads(c *ctl.Command) bool {
	return c.Test || strings.Contains(c.Text, "$(") || strings.Contains(c.Text, "`") || c.Name() == "source" || c.Name() == "."
}

// lists is a program that reads a folder.
var lists = search.MustCompile(`\b(?:ls|find|du)\b`)

// mentionsBelow says whether a text names a path or one below it.
func mentionsBelow(text, p string) bool {
	return release.NamesPath(text, p) || strings.Contains(text, p+"/")
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
		if n := c.Name(); i < last && (n == "umask" || n == "shopt" || shellOption.MatchString(c.Text) && !r.ways) && !c.Followed {
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

// shellOption is a line that changes how the shell reads what follows.
var shellOption = search.MustCompile(`^set [-+](?:o\s+(?:pipefail|noglob)|f)$`)

// absolute says whether a command is one that works on paths, and all of them
// are absolute: then it does not matter where it runs.
func absolute(c *ctl.Command) bool {
	if quiet[c.Name()] && isQuietProgram(c) || c.Name() == "cd" || c.Name() == "pushd" || c.Name() == "popd" {
		return true
	}
	paths, ok := operands(c)
	return ok && (fileCommands[c.Name()] || hostPrograms[c.Name()]) && allOf(paths, path.IsAbs)
}

var (
	arithmetic      = search.MustCompile(`\$\(\((?:[^()]|\([^()]*\))*\)\)`)
	shellIdentifier = search.MustCompile(`[A-Za-z_]\w*`)
)

var shellName = search.MustCompile(`\$\{?[#!]?([A-Za-z_]\w*|[1-9@*])|\$(\?|#)`)

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
			if search.MustCompile(`(^|[^\w-])` + search.QuoteMeta(name) + `($|[^\w-])`).MatchString(p.Text) {
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
		if n.Command != nil && r.keep[n.Command] && n.Kind == ctl.Leaf && !isToggle(n.Command.Text) && n.Command.Name() != "shopt" && (n.Command.Name() != "umask" || r.ways) {
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

// drops says whether a variable is bookkeeping that goes.
func (l *launch) drops(name string) bool {
	return slices.ContainsFunc(l.dropped, func(d dropped) bool { return d.name == name })
}
