package convert

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// unliftable is why a word of the old script cannot stand in bpm.yml.
type unliftable struct {
	part   ctl.Part
	reason string
}

func (u *unliftable) Error() string { return u.reason }

var (
	shellEscape = search.MustCompile(`^(?:Shellwords\.(?:shellescape|escape)\s*\(?\s*(.*?)\s*\)?|(.*)\.shellescape)$`)
	shellJoin   = search.MustCompile(`^(?:Shellwords\.(?:shelljoin|join)\s*\((.*)\)|(.*)\.shelljoin)$`)
	rubyString  = search.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
	// interpolation is what a Ruby string puts in.
	interpolation = search.MustCompile(`#\{[^{}]*\}`)
	blankJoin     = search.MustCompile(`\.join\(\s*["'][^"']*[ \\][^"']*["']\s*\)|\.join\(["'] +["']\)`)
)

// value makes the value of a word that is one string, whatever it holds.
func (w *job) value(word ctl.Word) (bpm.Value, error) {
	var v bpm.Value
	for _, p := range word {
		switch p.Kind {
		case ctl.Literal:
			if p.Text != "" || len(word) == 1 {
				v = append(v, bpm.Piece{Text: p.Text, Guards: p.Guards})
			}
		case ctl.ERB:
			code, err := plainRuby(p, false)
			if err != nil {
				return nil, err
			}
			v = append(v, bpm.Piece{Ruby: code, Guards: p.Guards})
		default:
			return nil, &unliftable{p, fmt.Sprintf("%s is known only on the VM", strings.TrimSpace(p.Text))}
		}
	}
	if len(v) == 0 {
		v = bpm.Text("")
	}
	return v, nil
}

// inMonit says whether a part stands in a monit file, which no shell reads.
func inMonit(p ctl.Part) bool { return p.Span.File != nil && path.Base(p.Span.File.Name) == "monit" }

// plainRuby gives the expression for the value that the shell made of what it
// printed. What it printed for the shell to read, quotes or variables, has no
// place in bpm.yml, but for the quotes of an expression that is a whole word:
// Shellwords reads them.
func plainRuby(p ctl.Part, whole bool) (string, error) {
	code := strings.TrimSuffix(strings.TrimSpace(p.Text), ";")
	if m := shellEscape.FindStringSubmatch(code); m != nil {
		inner := m[1] + m[2]
		if strings.Count(inner, "(") > strings.Count(inner, ")") {
			inner += ")"
		}
		return inner, nil
	}
	if strings.Contains(code, "hell") && (strings.Contains(code, "shellescape") || strings.Contains(code, "Shellwords")) {
		return "", &unliftable{p, fmt.Sprintf("<%%= %s %%> quotes for the shell", code)}
	}
	if !p.Split && strings.Contains(code, "gsub") && strings.Contains(code, `\`) {
		return "", &unliftable{p, fmt.Sprintf("<%%= %s %%> escapes for the shell", code)}
	}
	if strings.Contains(code, "\n") {
		if strings.Contains(code, "#") {
			return "", &unliftable{p, "a Ruby expression of several lines"}
		}
	}
	var read string // what the shell does not take as it is
	switch {
	case p.Quote == '\'', inMonit(p):
		return code, nil
	case p.Quote == '"':
		read = "\\`$\""
	case whole:
		read = "\\`$;|&<>"
	default:
		read = "\\`$;|&<>\"'"
	}
	if prints(code, read) {
		return "", &unliftable{p, fmt.Sprintf("<%%= %s %%> prints text that the shell reads", code)}
	}
	return code, nil
}

// prints says whether a string of an expression has any of some characters.
func prints(code, chars string) bool {
	return slices.ContainsFunc(rubyString.FindAllString(code, -1), func(s string) bool {
		return strings.ContainsAny(interpolation.ReplaceAllString(s[1:len(s)-1], ""), chars)
	})
}

// items makes the arguments that one word of the old command comes to: one, or
// any number where an unquoted expression may print several words or none.
func (w *job) items(word ctl.Word) ([]bpm.Item, error) {
	guards := word.Presence()
	inner := make(ctl.Word, len(word))
	for i, p := range word {
		p.Guards = p.Guards[len(guards):]
		inner[i] = p
	}
	if arms := armsOf(inner); len(arms) > 1 {
		var all []bpm.Item
		for _, arm := range arms {
			for i := range arm {
				arm[i].Guards = append(slices.Clone(guards), arm[i].Guards...)
			}
			items, err := w.items(arm)
			if err != nil {
				return nil, err
			}
			all = append(all, items...)
		}
		return all, nil
	}
	if len(inner) == 1 && inner[0].Kind == ctl.ERB {
		p := inner[0]
		if m := shellJoin.FindStringSubmatch(strings.TrimSpace(p.Text)); m != nil {
			return []bpm.Item{{Value: bpm.Ruby("[*" + m[1] + m[2] + "]"), Guards: guards, List: true}}, nil
		}
		code, err := plainRuby(p, true)
		if err != nil {
			return nil, err
		}
		if p.Split && w.printsWords(code) {
			return []bpm.Item{{Value: bpm.Ruby(code), Guards: guards, List: true, Held: p.Held != ""}}, nil
		}
		if names := erb.Properties(code); p.Split && len(names) == 1 && oneProperty.MatchString(code) && !strings.Contains(p.Text, "shellescape") {
			if prop, ok := w.Job.Spec.Property(names[0]); ok && prop.Default == nil {
				w.find("one-word", source.Note, p.Span, "this property stood unquoted, where the shell splits a value at blanks; it is one argument now, whatever it holds")
			}
		}
		return []bpm.Item{{Value: bpm.Ruby(code), Guards: guards}}, nil
	}
	for _, p := range inner {
		if p.Kind == ctl.ERB && p.Split && blankJoin.MatchString(p.Text) {
			return nil, &unliftable{p, fmt.Sprintf("<%%= %s %%> prints several words, and the first and the last are part of others", p.Text)}
		}
	}
	v, err := w.value(inner)
	if err != nil {
		return nil, err
	}
	return []bpm.Item{{Value: v, Guards: guards}}, nil
}

// armsOf cuts a word that is another one in each arm of an ERB block into those
// words; none when it has parts outside the block.
func armsOf(word ctl.Word) []ctl.Word {
	var arms []ctl.Word
	for i, p := range word {
		if len(word[0].Guards) == 0 || len(p.Guards) == 0 || p.Guards[0].Block != word[0].Guards[0].Block || p.Guards[0].Arm < 0 && p.Guards[0].Block.Kind == erb.Loop {
			return nil
		}
		if i == 0 || p.Guards[0].Arm != word[i-1].Guards[0].Arm {
			arms = append(arms, nil)
		}
		arms[len(arms)-1] = append(arms[len(arms)-1], p)
	}
	return arms
}

// printsWords says whether an unquoted expression may print anything but one
// word: it joins with blanks, has text with blanks, or prints a property that
// is empty or has blanks by default.
func (w *job) printsWords(code string) bool {
	if blankJoin.MatchString(code) {
		return true
	}
	for _, s := range rubyString.FindAllString(code, -1) {
		body := s[1 : len(s)-1]
		if plain := interpolation.ReplaceAllString(body, ""); strings.ContainsAny(plain, " \t\n\"'") || body == "" {
			return true
		}
	}
	if strings.Contains(code, "? ") && strings.Contains(code, "nil") || modifier.MatchString(code) {
		return true
	}
	if m := methodCall.FindStringSubmatch(code); m != nil && m[1] != "p" {
		for _, t := range w.templates {
			for _, s := range t.Segments {
				if s.Kind == erb.Code && search.MustCompile(`\bdef\s+`+m[1]+`\b`).MatchString(s.Code(t)) {
					return true
				}
			}
		}
	}
	if localName.MatchString(code) {
		for _, t := range w.templates {
			for _, s := range t.Segments {
				if s.Kind != erb.Code {
					continue
				}
				if text := s.Code(t); search.MustCompile(`\b` + code + `\s*[+|]*=`).MatchString(text) {
					for _, lit := range rubyString.FindAllString(text, -1) {
						if body := lit[1 : len(lit)-1]; body == "" || strings.ContainsAny(interpolation.ReplaceAllString(body, ""), " \t") && !strings.Contains(body, "/") {
							return true
						}
					}
				}
			}
		}
	}
	for _, name := range erb.Properties(code) {
		prop, ok := w.Job.Spec.Property(name)
		if !ok || prop.Default == nil {
			continue
		}
		d := prop.Default
		switch {
		case d.Kind == yaml.SequenceNode || d.Kind == yaml.MappingNode:
		case d.Kind == yaml.ScalarNode && (d.Value == "" || d.Tag == "!!null" || strings.ContainsAny(d.Value, " \t\n")):
			return true
		}
	}
	return false
}

// rubyOf collects the Ruby that a bpm.yml template holds.
func rubyOf(ps []*bpm.ProcessTemplate) []string {
	var all []string
	guards := func(gs []erb.Guard) {
		for _, g := range gs {
			for _, a := range g.Block.Arms {
				all = append(all, a.Head)
			}
		}
	}
	value := func(v bpm.Value) {
		for _, p := range v {
			if p.Ruby != "" {
				all = append(all, p.Ruby)
			}
			guards(p.Guards)
		}
	}
	for _, p := range ps {
		value(p.Title)
		value(p.WorkDir)
		guards(p.Guards)
		for _, a := range p.Args {
			value(a.Value)
			guards(a.Guards)
			if a.Shellwords() {
				all = append(all, "Shellwords")
			}
		}
		for _, e := range p.Env {
			value(e.Value)
			guards(e.Guards)
		}
		for _, l := range p.Limits {
			value(l.Value)
			guards(l.Guards)
		}
	}
	return all
}

var oneProperty = search.MustCompile(`^p\(?\s*["'][\w.-]+["']\s*\)?$`)

var methodCall = search.MustCompile(`^([a-z_]\w*)[\s(]`)

var modifier = search.MustCompile(`\s(if|unless)\s`)

var localName = search.MustCompile(`^[a-z_]\w*$`)

var (
	raises      = search.MustCompile(`(?m)(^|[\s;])raise\b`)
	rubyWord    = search.MustCompile(`[@$]?\b[A-Za-z_]\w*\b`)
	rubyDefines = search.MustCompile(`(?m)(?:^|[^\w.@$:"'\]])([@$]?[a-z_]\w*(?:\s*,\s*[a-z_]\w*)*)\s*(?:\|\||&&|\+|-|<<)?=[^=~>]|\bdef\s+([a-z_]\w*[?!]?)`)
	// rubyChanges finds what Ruby adds to without assigning it.
	rubyChanges = search.MustCompile(`\b([a-z_]\w*)\s*(?:<<|\.(?:push|concat|merge!|store|append|prepend|unshift|update|insert|delete\w*|\w+!)|\[[^\]\n]*\]\s*(?:\|\||\+)?=[^=~>])`)
)

// defines lists the names that a piece of Ruby sets or changes.
func defines(code string) []string {
	var names []string
	for _, m := range rubyDefines.FindAllStringSubmatch(code, -1) {
		for _, name := range strings.Split(m[1]+m[2], ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	for _, m := range rubyChanges.FindAllStringSubmatch(code, -1) {
		names = append(names, m[1])
	}
	return names
}

// rubyQuotes is a string without interpolation.
var rubyQuotes = search.MustCompile(`'[^'\\]*'|"[^"\\#]*"`)

// rubyUse is Ruby with the blocks that it stands in.
type rubyUse struct {
	code   string
	guards []erb.Guard
}

// uses gives Ruby that stands outside of the blocks it comes from.
func uses(ruby []string) []rubyUse {
	var list []rubyUse
	for _, r := range ruby {
		list = append(list, rubyUse{code: r})
	}
	return list
}

// loopLocal finds a code tag in a Ruby loop that sets what is used outside of
// its arm.
func loopLocal(templates []*erb.Template, list []rubyUse) (at source.Span, found bool) {
	used := map[string][]rubyUse{}
	for _, u := range list {
		for _, m := range rubyWord.FindAllString(rubyQuotes.ReplaceAllString(u.code, "''"), -1) {
			used[m] = append(used[m], u)
		}
	}
	for _, t := range templates {
		for _, s := range t.Segments {
			if s.Kind != erb.Code || t.Divides(s) {
				continue
			}
			loop := false
			around := t.Guards(s.Start)
			for _, g := range around {
				loop = loop || g.Block.Kind != erb.If && g.Block.Kind != erb.Unless && g.Block.Kind != erb.Case
			}
			if !loop {
				continue
			}
			for _, name := range defines(s.Code(t)) {
				if slices.ContainsFunc(used[name], func(u rubyUse) bool { return !slices.Contains(u.guards, around[len(around)-1]) }) {
					return source.Span{File: t.File, Start: s.Start, End: s.End}, true
				}
			}
		}
	}
	return at, false
}

// refuses says whether Ruby that raises an error looks at a property that the
// given Ruby prints.
func refuses(code string, guards []erb.Guard, ruby []string) bool {
	if strings.Contains(code, "def ") {
		return false // it does so when it is called
	}
	looked := erb.Properties(code)
	for _, g := range guards {
		looked = append(looked, erb.Properties(g.Block.Arms[g.Arm].Head)...)
	}
	return slices.ContainsFunc(ruby, func(r string) bool {
		return slices.ContainsFunc(erb.Properties(r), func(name string) bool { return slices.Contains(looked, name) })
	})
}

// locals gives the Ruby of the templates that sets what the given Ruby uses, in
// the order in which it stands there; with checks also what refuses to be
// rendered with some properties.
func locals(templates []*erb.Template, ruby []string, checks bool) []bpm.Local {
	needed := map[string]bool{}
	words := func(code string) {
		for _, m := range rubyWord.FindAllStringIndex(code, -1) {
			if method := m[0] > 0 && code[m[0]-1] == '.' && (m[0] < 2 || code[m[0]-2] != '.'); !method {
				needed[code[m[0]:m[1]]] = true
			}
		}
	}
	for _, r := range ruby {
		words(r)
	}
	type tag struct {
		code   string
		guards []erb.Guard
		used   bool
	}
	var tags []*tag
	for _, t := range templates {
		for _, s := range t.Segments {
			if s.Kind == erb.Code && !t.Divides(s) {
				tags = append(tags, &tag{code: string(t.File.Data[s.CodeStart:s.CodeEnd]), guards: t.Guards(s.Start)})
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, t := range tags {
			if t.used {
				continue
			}
			use := checks && raises.MatchString(t.code) && refuses(t.code, t.guards, ruby)
			for _, name := range defines(t.code) {
				use = use || needed[name]
			}
			if strings.Contains(t.code, "shellwords") && needed["Shellwords"] || strings.Contains(t.code, "require ") && strings.Contains(t.code, "json") && needed["JSON"] {
				use = true
			}
			if use {
				t.used, changed = true, true
				words(t.code)
				for _, g := range t.guards {
					for _, a := range g.Block.Arms {
						words(a.Head)
					}
				}
			}
		}
	}
	var out []bpm.Local
	for _, t := range tags {
		if t.used && !slices.ContainsFunc(out, func(l bpm.Local) bool { return l.Code == t.code }) {
			out = append(out, bpm.Local{Code: t.code, Guards: t.guards})
		}
	}
	if needed["Shellwords"] && !slices.ContainsFunc(out, func(l bpm.Local) bool { return strings.Contains(l.Code, "shellwords") }) {
		out = append([]bpm.Local{{Code: "require 'shellwords'"}}, out...)
	}
	return out
}
