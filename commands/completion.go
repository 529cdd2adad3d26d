package commands

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jessevdk/go-flags"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/runit"
)

// Completion is as bosh has it: "completion SHELL" prints a script, and the
// script asks the hidden command "__complete WORD..." what the last word can
// become. It answers as bosh does (cobra's protocol): a candidate a line, with
// what it means behind a tab, and ":N" at last, which says what the shell is to
// offer besides. GO_FLAGS_COMPLETION, which bosh's Homebrew formula uses, works too.

//go:embed completion.bash
var completionBash string

//go:embed completion.zsh
var completionZsh string

//go:embed completion.fish
var completionFish string

// completionScripts are those of the shells, by name.
var completionScripts = map[string]string{"bash": completionBash, "zsh": completionZsh, "fish": completionFish}

// shells are the names of completionScripts in order.
var shells = []string{"bash", "zsh", "fish"}

type completionOptions struct {
	Args struct {
		Shell string `positional-arg-name:"SHELL" description:"bash, zsh or fish" required:"1-1"`
	} `positional-args:"yes" required:"yes"`
}

func (o *completionOptions) Execute([]string) error { return nil }
func (o *completionOptions) command() command       { return o }

func (o *completionOptions) run(env *environment) error {
	script, ok := completionScripts[o.Args.Shell]
	if !ok {
		return fmt.Errorf("there is no completion for %s; there is one for %s", o.Args.Shell, strings.Join(shells, ", "))
	}
	_, err := io.WriteString(env.stdout, script)
	return err
}

// besides is what a shell offers beside the candidates, by cobra's numbers.
type besides int

const (
	andFiles       besides = 0
	andNothing     besides = 4
	andDirectories besides = 16
)

// candidate is a word that the user may mean.
type candidate struct{ word, means string }

// completed is what there is for a word.
type completed struct {
	candidates []candidate
	besides    besides
}

// completing says whether a shell asks for completion: for which words, and how
// it is answered.
func completing(args []string) ([]string, func(io.Writer, completed)) {
	if len(args) > 0 && args[0] == "__complete" {
		return args[1:], func(out io.Writer, c completed) {
			for _, x := range c.candidates {
				fmt.Fprintf(out, "%s\t%s\n", x.word, x.means)
			}
			fmt.Fprintf(out, ":%d\n", c.besides)
		}
	}
	if os.Getenv("GO_FLAGS_COMPLETION") != "" {
		return args, func(out io.Writer, c completed) {
			for _, x := range c.candidates {
				fmt.Fprintln(out, x.word)
			}
		}
	}
	return nil, nil
}

// complete says what the last of words may become. It reads the release that
// the words name, and never fails: what cannot be read has no candidates.
func complete(parser *flags.Parser, words []string) completed {
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
		words = words[:len(words)-1]
	}
	line := typed{parser: parser, cmd: parser.Command}
	for _, w := range words {
		line.read(w)
	}
	c := line.candidates(last)
	c.candidates = slices.DeleteFunc(c.candidates, func(x candidate) bool { return !strings.HasPrefix(x.word, last) })
	for i := range c.candidates {
		c.candidates[i].means = firstSentence(c.candidates[i].means)
	}
	return c
}

// typed is a command line up to the word that is to be completed.
type typed struct {
	parser *flags.Parser
	cmd    *flags.Command
	// awaits is the flag whose value comes next.
	awaits *flags.Option
	// raw is set behind "--".
	raw   bool
	given []string
}

func (t *typed) read(word string) {
	switch {
	case t.awaits != nil:
		t.awaits = nil
	case t.raw:
		t.given = append(t.given, word)
	case word == "--":
		t.raw = true
	case strings.HasPrefix(word, "--"):
		name, _, has := strings.Cut(word[2:], "=")
		if o := t.long(name); o != nil && !has && takesValue(o) && !o.OptionalArgument {
			t.awaits = o
		}
	case strings.HasPrefix(word, "-") && len(word) > 1:
		for rest := word[1:]; rest != ""; {
			r, n := utf8.DecodeRuneInString(rest)
			rest = rest[n:]
			if o := t.short(r); o == nil || takesValue(o) {
				if rest == "" {
					t.awaits = o
				}
				return
			}
		}
	case t.cmd == t.parser.Command:
		if c := t.parser.Find(word); c != nil {
			t.cmd = c
		}
	default:
		t.given = append(t.given, word)
	}
}

// options are the flags that may stand here; those of the command come first,
// they hide global ones of the same name.
func (t *typed) options() []*flags.Option {
	var all []*flags.Option
	if t.cmd != t.parser.Command {
		all = append(all, t.cmd.Options()...)
	}
	for _, g := range t.parser.Groups() {
		all = append(all, g.Options()...)
	}
	return slices.DeleteFunc(all, func(o *flags.Option) bool { return o.Hidden })
}

func (t *typed) long(name string) *flags.Option {
	for _, o := range t.options() {
		if o.LongName == name && name != "" {
			return o
		}
	}
	return nil
}

func (t *typed) short(name rune) *flags.Option {
	for _, o := range t.options() {
		if o.ShortName == name {
			return o
		}
	}
	return nil
}

// candidates are all words that may stand where last does, whether or not they
// begin so.
func (t *typed) candidates(last string) completed {
	name, _, has := strings.Cut(last, "=")
	switch {
	case t.awaits != nil:
		return t.values(t.awaits)
	case t.raw:
		return t.arguments()
	case strings.HasPrefix(last, "--") && has:
		o := t.long(name[2:])
		if o == nil {
			return completed{besides: andNothing}
		}
		c := t.values(o)
		for i := range c.candidates {
			c.candidates[i].word = name + "=" + c.candidates[i].word
		}
		return c
	case strings.HasPrefix(last, "-"):
		var c []candidate
		for _, o := range t.options() {
			if o.LongName != "" {
				c = append(c, candidate{"--" + o.LongName, o.Description})
			} else {
				c = append(c, candidate{"-" + string(o.ShortName), o.Description})
			}
		}
		slices.SortFunc(c, func(a, b candidate) int { return strings.Compare(a.word, b.word) })
		return completed{c, andNothing}
	case t.cmd == t.parser.Command:
		return completed{t.commands(), andNothing}
	}
	return t.arguments()
}

func (t *typed) commands() []candidate {
	var c []candidate
	for _, cmd := range visible(t.parser) {
		c = append(c, candidate{cmd.Name, cmd.ShortDescription})
	}
	return c
}

// values are what a flag takes.
func (t *typed) values(o *flags.Option) completed {
	if len(o.Choices) > 0 {
		return completed{plain(o.Choices), andNothing}
	}
	switch o.LongName {
	case "job":
		return completed{t.jobs(), andNothing}
	case "process":
		return completed{t.processes(), andNothing}
	case "stemcell":
		return completed{plain(runit.Stemcells()), andNothing}
	}
	return completed{besides: offer(o.ValueName)}
}

// arguments are what a command takes beside flags.
func (t *typed) arguments() completed {
	args := t.cmd.Args()
	if len(args) == 0 || args[0].RequiredMaximum == 1 && len(t.given) > 0 {
		return completed{besides: andNothing}
	}
	switch args[0].Name {
	case "COMMAND":
		return completed{t.commands(), andNothing}
	case "SHELL":
		return completed{plain(shells), andNothing}
	case "ID":
		var c []candidate
		for _, e := range finding.All() {
			c = append(c, candidate{e.ID, e.Title})
		}
		return completed{c, andNothing}
	}
	return completed{besides: offer(args[0].Name)}
}

// offer says from the name of a value what the shell knows about it.
func offer(valueName string) besides {
	for name := range strings.SplitSeq(valueName, "|") {
		switch name {
		case "PATH", "FILE", "OUT", "TGZ", "MANIFEST":
			return andFiles
		case "DIR":
			if !strings.Contains(valueName, "TGZ") {
				return andDirectories
			}
		}
	}
	return andNothing
}

// jobs are those of the releases that the line names so far.
func (t *typed) jobs() []candidate {
	dirs, _, err := releasesIn(t.given)
	if err != nil {
		return nil
	}
	var names []string
	for _, dir := range dirs {
		specs, err := filepath.Glob(filepath.Join(dir, "jobs", "*", "spec"))
		if err != nil {
			continue
		}
		for _, s := range specs {
			names = append(names, filepath.Base(filepath.Dir(s)))
		}
	}
	slices.Sort(names)
	return plain(slices.Compact(names))
}

// processes are the checks of the monit files, with the job that they are of.
func (t *typed) processes() []candidate {
	dirs := t.given
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	var names []string
	for _, dir := range dirs {
		r, err := release.Load(dir)
		if err != nil {
			continue
		}
		for _, j := range r.Jobs {
			if j.Monit == nil {
				continue
			}
			file, err := monit.Parse(j.Monit)
			if err != nil {
				continue
			}
			for _, c := range file.Checks {
				if c.Kind == "process" && !strings.Contains(c.NameText(), "<%") {
					names = append(names, j.Name+"/"+c.NameText())
				}
			}
		}
	}
	return plain(names)
}

func plain(words []string) []candidate {
	var c []candidate
	for _, w := range words {
		c = append(c, candidate{word: w})
	}
	return c
}

// firstSentence is as much of a description as fits beside a candidate.
func firstSentence(text string) string {
	for _, end := range []string{"; ", " (", ": "} {
		text, _, _ = strings.Cut(text, end)
	}
	return text
}
