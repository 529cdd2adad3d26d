package commands

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jessevdk/go-flags"
)

// exits is what the exit status means; the long descriptions of the commands
// say what counts as an error.
const exits = "0 when all was done, 1 when something failed, was refused, or was found that a person has to look at."

// manColumns is how wide the source of the man page is; man fills lines anew.
const manColumns = 72

type manOptions struct {
	Markdown bool `long:"markdown" description:"Print it as markdown, as it stands in docs/cli.md"`
}

func (o *manOptions) Execute([]string) error { return nil }
func (o *manOptions) command() command       { return o }

func (o *manOptions) run(env *environment) error {
	if o.Markdown {
		writeMarkdown(env.stdout, env.parser)
		return nil
	}
	return writeMan(env.stdout, env.parser)
}

// writeMan prints the man page. It bears no date but that of SOURCE_DATE_EPOCH,
// so that the same source gives the same page.
func writeMan(out io.Writer, parser *flags.Parser) error {
	date := ""
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	fmt.Fprintf(out, ".TH %s 1 \"%s\" \"%s %s\"\n", strings.ToUpper(parser.Name), date, parser.Name, roff(Version()))
	fmt.Fprintf(out, ".SH NAME\n%s \\- %s\n", roff(parser.Name), roff(lowerFirst(parser.ShortDescription)))
	fmt.Fprintf(out, ".SH SYNOPSIS\n.B %s\n%s\n", roff(parser.Name), roff(strings.TrimPrefix(synopsis(parser, parser.Command), parser.Name+" ")))
	fmt.Fprintf(out, ".SH DESCRIPTION\n")
	manProse(out, prose(parser.Command)[1:])
	fmt.Fprintf(out, ".SH GLOBAL OPTIONS\n")
	for _, g := range parser.Groups() {
		manRows(out, flagRows(g.Options()))
	}
	fmt.Fprintf(out, ".SH COMMANDS\n")
	for _, cmd := range visible(parser) {
		fmt.Fprintf(out, ".SS %s\n", roff(strings.TrimPrefix(synopsis(parser, cmd), parser.Name+" ")))
		manProse(out, prose(cmd))
		manRows(out, argumentRows(cmd))
		manRows(out, flagRows(cmd.Options()))
	}
	fmt.Fprintf(out, ".SH EXIT STATUS\n%s\n", roff(wrap(exits, manColumns, 0)))
	fmt.Fprintf(out, ".SH SEE ALSO\nhttps://github.com/bosh\\-bpmify/bosh\\-bpmify/tree/main/docs\n")
	return nil
}

func manProse(out io.Writer, paragraphs []string) {
	for i, text := range paragraphs {
		if i > 0 {
			fmt.Fprintln(out, ".PP")
		}
		if strings.HasPrefix(text, " ") {
			fmt.Fprintf(out, ".nf\n%s\n.fi\n", roff(text))
		} else {
			fmt.Fprintln(out, roff(wrap(text, manColumns, 0)))
		}
	}
}

func manRows(out io.Writer, rows [][2]string) {
	for _, r := range rows {
		fmt.Fprintf(out, ".TP\n\\fB%s\\fR\n%s\n", roff(strings.TrimSpace(r[0])), roff(wrap(r[1], manColumns, 0)))
	}
}

func argumentRows(cmd *flags.Command) [][2]string {
	var rows [][2]string
	for _, a := range cmd.Args() {
		rows = append(rows, [2]string{a.Name, a.Description})
	}
	return rows
}

// roff is text without meaning to troff: a minus that can be copied, and no
// line that is taken for a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`", "~", `\(ti`, "^", `\(ha`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// writeMarkdown prints the same as a page of the documentation.
func writeMarkdown(out io.Writer, parser *flags.Parser) {
	fmt.Fprintf(out, "# Commands and flags\n\nWhat `--help` behind a command shows, and `man %s`; written by `%s man --markdown`.\n", parser.Name, parser.Name)
	fmt.Fprintf(out, "\nExit status: %s\n", exits)
	for _, cmd := range visible(parser) {
		fmt.Fprintf(out, "\n## %s\n\n`%s`\n", cmd.Name, synopsis(parser, cmd))
		for _, text := range prose(cmd) {
			if strings.HasPrefix(text, " ") {
				text = "    " + strings.ReplaceAll(text, "\n", "\n    ")
			} else {
				text = wrap(inMarkdown(text), 90, 0)
			}
			fmt.Fprintf(out, "\n%s\n", text)
		}
		markdownRows(out, "argument", argumentRows(cmd))
		markdownRows(out, "flag", flagRows(cmd.Options()))
	}
	fmt.Fprintf(out, "\n## Global options\n")
	for _, g := range parser.Groups() {
		markdownRows(out, "flag", flagRows(g.Options()))
	}
}

func markdownRows(out io.Writer, title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n| %s | |\n|---|---|\n", title)
	for _, r := range rows {
		fmt.Fprintf(out, "| `%s` | %s |\n", strings.ReplaceAll(strings.TrimSpace(r[0]), "|", `\|`), inMarkdown(r[1]))
	}
}

// inMarkdown is text without meaning to markdown.
func inMarkdown(text string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "_", `\_`, "[", `\[`).Replace(text)
}

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }
