package commands

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jessevdk/go-flags"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
)

// What --help, the man page and docs/cli.md say comes from the tags of the
// option structs; the functions of this file read them. go-flags prints help,
// too, but puts the flags of a command below the global ones and squeezes what
// they mean into a column of what is left.

type helpOptions struct {
	Args struct {
		Commands []string `positional-arg-name:"COMMAND" description:"What to show the help of (default: the program)"`
	} `positional-args:"yes"`
}

func (o *helpOptions) Execute([]string) error { return nil }
func (o *helpOptions) command() command       { return o }

func (o *helpOptions) run(env *environment) error {
	commands := []*flags.Command{env.parser.Command}
	for i, name := range o.Args.Commands {
		cmd := env.parser.Find(name)
		if cmd == nil {
			return unknownCommand(env.parser, name)
		}
		commands = append(commands[:i], cmd)
	}
	for i, cmd := range commands {
		if i > 0 {
			fmt.Fprintln(env.stdout)
		}
		writeHelp(env.stdout, env.parser, cmd, helpWidth(env.stdout))
	}
	return nil
}

func unknownCommand(parser *flags.Parser, name string) error {
	var known []string
	for _, c := range visible(parser) {
		known = append(known, c.Name)
	}
	hint := "there are " + strings.Join(known, ", ")
	if near := finding.Suggest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	return fmt.Errorf("there is no command %s; %s", name, hint)
}

// helpWidth is how wide help is: as wide as other text, or what COLUMNS says. Where
// neither is known it is shown by a pager, most likely.
func helpWidth(out io.Writer) int {
	width := columnsOf(out)
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		width = n
	}
	if width == 0 {
		width = 80
	}
	return min(widest, max(narrowest, width))
}

// writeHelp prints what --help shows for a command, which is the parser's own
// for the program.
func writeHelp(out io.Writer, parser *flags.Parser, cmd *flags.Command, width int) {
	fmt.Fprintf(out, "Usage:\n  %s\n", synopsis(parser, cmd))
	for _, text := range prose(cmd) {
		fmt.Fprintf(out, "\n%s\n", wrap(text, width, 0))
	}
	var own, global [][2]string
	if cmd != parser.Command {
		own = flagRows(cmd.Options())
	}
	for _, g := range parser.Groups() {
		global = append(global, flagRows(g.Options())...)
	}
	writeRows(out, "Arguments", argumentRows(cmd), width)
	writeRows(out, "Options", own, width)
	if cmd == parser.Command {
		var commands [][2]string
		for _, c := range visible(parser) {
			commands = append(commands, [2]string{c.Name, c.ShortDescription})
		}
		writeRows(out, "Available commands", commands, width)
	}
	writeRows(out, "Global options", global, width)
}

// visible are the commands that help lists, by name.
func visible(parser *flags.Parser) []*flags.Command {
	commands := slices.Clone(parser.Commands())
	commands = slices.DeleteFunc(commands, func(c *flags.Command) bool { return c.Hidden })
	slices.SortFunc(commands, func(a, b *flags.Command) int { return strings.Compare(a.Name, b.Name) })
	return commands
}

// synopsis is how a command is called.
func synopsis(parser *flags.Parser, cmd *flags.Command) string {
	if cmd == parser.Command {
		return parser.Name + " COMMAND [OPTIONS] [ARGUMENTS]"
	}
	words := []string{parser.Name, cmd.Name}
	if len(cmd.Options()) > 0 {
		words = append(words, "[OPTIONS]")
	}
	for _, a := range cmd.Args() {
		word := a.Name
		if a.RequiredMaximum != 1 {
			word += "..."
		}
		if a.Required < 1 {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// prose is what a command does, by paragraphs. A paragraph that begins with a
// blank is to be shown as it is.
func prose(cmd *flags.Command) []string {
	var out []string
	if cmd.ShortDescription != "" {
		out = append(out, cmd.ShortDescription+".")
	}
	if cmd.LongDescription != "" {
		out = append(out, strings.Split(cmd.LongDescription, "\n\n")...)
	}
	return out
}

func flagRows(options []*flags.Option) [][2]string {
	var rows [][2]string
	for _, o := range options {
		if !o.Hidden {
			rows = append(rows, [2]string{spelled(o), meaning(o)})
		}
	}
	return rows
}

// spelled is a flag as it is written, with the values that it takes.
func spelled(o *flags.Option) string {
	text := "    "
	if o.ShortName != 0 {
		text = "-" + string(o.ShortName)
		if o.LongName != "" {
			text += ", "
		}
	}
	if o.LongName != "" {
		text += "--" + o.LongName
	}
	value := valueOf(o)
	switch {
	case value == "":
		return text
	case o.OptionalArgument:
		return text + "[=" + value + "]"
	case o.LongName == "":
		return text + " " + value
	}
	return text + "=" + value
}

// valueOf is what stands for the value of a flag: the choices, where there are
// some. It is empty for a flag that takes none.
func valueOf(o *flags.Option) string {
	switch {
	case !takesValue(o):
		return ""
	case o.ValueName == "" && len(o.Choices) > 0:
		return strings.Join(o.Choices, "|")
	case o.ValueName == "":
		return "VALUE"
	}
	return o.ValueName
}

func takesValue(o *flags.Option) bool {
	t := o.Field().Type
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() != reflect.Bool && t.Kind() != reflect.Func
}

// meaning is what a flag does, with its default and the variable that sets it.
func meaning(o *flags.Option) string {
	text := o.Description
	if len(o.Default) > 0 {
		text += " (default: " + strings.Join(o.Default, ", ") + ")"
	}
	if o.EnvDefaultKey != "" {
		text += " [$" + o.EnvDefaultKey + "]"
	}
	return text
}

// writeRows prints names with what they mean, which begins in the same column;
// below the name, where that is too long.
func writeRows(out io.Writer, title string, rows [][2]string, width int) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s:\n", title)
	column := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]) + 4; n <= width/3 {
			column = max(column, n)
		}
	}
	column = max(column, 8)
	for _, r := range rows {
		text := wrap(r[1], width, column)
		if n := utf8.RuneCountInString(r[0]); n+4 <= column {
			fmt.Fprintf(out, "  %s%s%s\n", r[0], strings.Repeat(" ", column-2-n), text)
		} else {
			fmt.Fprintf(out, "  %s\n%s%s\n", r[0], strings.Repeat(" ", column), text)
		}
	}
}

// wrap breaks a paragraph into lines, all but the first indented; words that are
// longer than a line stay whole. What begins with a blank stays as it is.
func wrap(text string, width, indent int) string {
	if strings.HasPrefix(text, " ") {
		return text
	}
	return strings.Join(folded(text, width-indent-1), "\n"+strings.Repeat(" ", indent))
}
