// Package commands is the command line: flags, output, exit codes, and the
// only place that writes to disk or terminal. It decides nothing about
// releases; the rules are in release/convert, manifest and ops-files.
package commands

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	boshui "github.com/cloudfoundry/bosh-cli/v7/ui"
	"github.com/cloudfoundry/bosh-cli/v7/ui/table"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
	"github.com/fatih/color"
	"github.com/jessevdk/go-flags"
)

// Exit codes, the same two that bosh has.
const (
	exitDone  = 0
	exitError = 1
)

// version is set by the linker for releases.
var version = ""

// Version is the label that --version and generated files show.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "[DEV BUILD]"
}

// options are the global flags: those of bosh that make sense without a
// Director, by the same names.
type options struct {
	ShowHelp       func() error `long:"help" short:"h" description:"Show this help message"`
	Version        func() error `long:"version" short:"v" description:"Show bosh-bpmify version"`
	Columns        []column     `long:"column" value-name:"NAME" description:"Filter to show only given column(s), use the --column flag for each column you wish to include"`
	JSON           bool         `long:"json" description:"Output as JSON"`
	TTY            bool         `long:"tty" description:"Force TTY-like output" env:"BOSH_TTY"`
	NoColor        bool         `long:"no-color" description:"Toggle colorized output [$NO_COLOR]"`
	NonInteractive bool         `long:"non-interactive" short:"n" description:"Don't ask for user input" env:"BOSH_NON_INTERACTIVE"`

	Release  releaseOptions  `command:"release" description:"Turn the ctl jobs of a release into BPM jobs, in place" long-description:"Where ruby is installed, each job is proven before anything is written: the release's own ERB is rendered, which executes its Ruby code with your user's rights, and the old and the new start scripts are run in memory. A job that does not do the same becomes a wrapper, or is declined. Use --no-verify to execute nothing."`
	Ops      opsOptions      `command:"ops" description:"Write an ops-file that colocates bpm in deployment manifests" long-description:"Writes an ops-file for manifests that are not to be edited: bosh int MANIFEST -o OUT. What needs bpm is said with --release; groups that have bpm, or get it from an addon, are left alone. The manifest is looked at as bosh int prints it with the same -o, -v, -l, --var-file and --vars-store. Each file is applied in memory before it is written."`
	Manifest manifestOptions `command:"manifest" description:"Add bpm to deployment manifests, in place" long-description:"Adds the bpm job to each instance group that needs it, and the bpm release where the manifest does not list it. Only lines are added: comments, order, quoting, anchors and line ends stay. A manifest that cannot be edited with certainty is an error, and then none is changed."`
	Doctor   doctorOptions   `command:"doctor" description:"Say before a deploy where bpm is missing, or is not what the jobs need" long-description:"Holds a deployment manifest against the releases that it deploys: bpm beside each job that it starts, addons and their filters as the Director evaluates them, bpm twice, persistent disks, versions of bpm, and what the jobs need with the properties of this manifest. Changes nothing. Exit status 1 when there are errors or warnings."`
	Scan     scanOptions     `command:"scan" description:"Show what would become of each job of a release, or of a folder of releases; change nothing"`
	Verify   verifyOptions   `command:"verify" description:"Run the start path as it was and as it is now, and compare what the processes see" long-description:"Renders the templates of both sides with ruby, for the spec's defaults, the sample manifests and the conditions in the templates, and runs their shell in an interpreter on a machine that exists in memory only: nothing of the host is read, written or executed beyond ruby. What the process sees (executable, arguments, environment, directory, limits, user, capabilities, paths) and what happens before it is started are compared; each difference is explained by a finding, the ledger or a rule, or it is UNEXPLAINED, and the exit status is 1."`
	Explain  explainOptions  `command:"explain" description:"Say what a finding means, why it matters and what to do about it"`
	Check    checkOptions    `command:"check" description:"Check the jobs of a release that are on BPM already, more strictly than bpm does" long-description:"Holds config/bpm.yml against bpm's schema (bpm ignores keys that it does not know), monit and the spec against it, and what each process is told of against what its container has. Finds what is left of the ctl scripts. Changes nothing. Exit status 1 when there are errors or warnings."`

	Help       helpOptions       `command:"help" description:"Show this help message, or that of a command"`
	Completion completionOptions `command:"completion" description:"Print the completion script for a shell" long-description:"Prints a script that completes commands, flags, and what flags take: jobs and monit checks of the release, formats, findings, directories. To have it in every shell:\n\n  bash  eval \"$(bosh-bpmify completion bash)\"       in ~/.bashrc\n  zsh   source <(bosh-bpmify completion zsh)        in ~/.zshrc, below compinit\n  fish  bosh-bpmify completion fish | source        in ~/.config/fish/config.fish"`
	Man        manOptions        `command:"man" hidden:"yes" description:"Print the man page"`
}

// switchedOn says whether a variable such as NO_COLOR is set, to whatever
// (https://no-color.org) but for what bosh takes as off: 0, false. The parser of
// flags would want a boolean.
func switchedOn(name string) bool {
	value := os.Getenv(name)
	on, err := strconv.ParseBool(value)
	return on || err != nil && value != ""
}

type column struct{ table.Header }

func (c *column) UnmarshalFlag(arg string) error {
	c.Header = table.Header{Key: table.KeyifyHeader(arg), Hidden: false}
	return nil
}

// environment is what a command gets to work with.
type environment struct {
	parser         *flags.Parser
	stdin          io.Reader
	stdout, stderr io.Writer
	ui             *boshui.ConfUI
	tty, json      bool
	color          bool
	// errorColor is for standard error, which may go elsewhere.
	errorColor bool
	columns    []column
	// width is how many columns the terminal has; 0 where it is not known.
	width int
	// step is for tests that have the disk fail.
	step step
}

// tables prints tables with the columns that the user asked for. Where a
// command has several, each shows those that it has.
func (env *environment) tables(ts ...table.Table) {
	known := map[string]bool{}
	printed := false
	for _, t := range ts {
		shown := len(env.columns) == 0
		for i := range t.Header {
			h := &t.Header[i]
			known[h.Key] = true
			h.Hidden = h.Hidden || len(env.columns) > 0 && !slices.ContainsFunc(env.columns, func(c column) bool { return c.Key == h.Key })
			shown = shown || !h.Hidden
		}
		if !shown {
			continue
		}
		if printed && env.tty && !env.json {
			fmt.Fprintln(env.stdout)
		}
		printed = true
		below := env.fit(&t)
		env.ui.PrintTable(t)
		if len(below) > 0 {
			fmt.Fprintln(env.stdout)
			p := env.printer(env.stdout)
			for _, text := range below {
				p.hanging("", "  ", text)
			}
		}
	}
	for _, c := range env.columns {
		if !known[c.Key] {
			env.errorLine(fmt.Sprintf("there is no column %s; there are %s", c.Key, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		}
	}
}

// errorLine says what went wrong: on standard error, or with --json among the
// lines of the result.
func (env *environment) errorLine(text string) {
	if env.json {
		env.ui.ErrorLinef("%s", text)
		return
	}
	if env.errorColor {
		c := color.New(color.FgRed)
		c.EnableColor()
		text = c.Sprint(text)
	}
	fmt.Fprintln(env.stderr, text)
}

// say tells how it went, below the tables; not where a program reads rows.
func (env *environment) say(format string, args ...any) {
	switch {
	case env.json:
		env.ui.PrintLinef(format, args...)
	case len(env.columns) > 0 && !env.tty:
		fmt.Fprintf(env.stderr, format+"\n", args...)
	default:
		fmt.Fprintf(env.stdout, format+"\n", args...)
	}
}

// remark tells something beside the result.
func (env *environment) remark(text string) {
	if env.json {
		env.ui.PrintLinef("%s", text)
		return
	}
	fmt.Fprintln(env.stderr, text)
}

// command is a verb with its parsed flags.
type command interface{ run(env *environment) error }

// errHelp and errVersion end the parsing of flags: nothing else is to be done.
var (
	errHelp    = &flags.Error{Type: flags.ErrHelp, Message: "help"}
	errVersion = &flags.Error{Type: flags.ErrHelp, Message: "version"}
)

// newParser knows every command and flag; what they are set to comes to opts.
func newParser(opts *options) (*flags.Parser, error) {
	opts.ShowHelp = func() error { return errHelp }
	opts.Version = func() error { return errVersion }
	parser := flags.NewNamedParser("bosh-bpmify", flags.PassDoubleDash)
	parser.ShortDescription = "Move BOSH jobs to BPM"
	parser.LongDescription = `Turns the jobs of a BOSH release that are started by ctl scripts into BPM jobs, and colocates bpm in deployment manifests.

  bosh-bpmify release --dry-run .      what would change, as a diff with a report
  bosh-bpmify release .                prove it (runs the release's ERB), change it
  bosh-bpmify verify .                 run the old and the new, say what differs
  bosh-bpmify scan .                   one line a job: what would become of it
  bosh-bpmify check .                  what is wrong with jobs that are on bpm
  bosh-bpmify doctor MANIFEST.yml      where a deployment lacks bpm
  bosh-bpmify ops MANIFEST.yml         an ops-file that adds it
  bosh-bpmify explain ran-as-root      what a finding of the report means`
	_, err := parser.AddGroup("Global options", "", opts)
	return parser, err
}

// errReported has been reported already; it only sets the exit status.
var errReported = errors.New("reported")

// Main runs the program and gives its exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runMain(args, stdin, stdout, stderr, nil)
}

func runMain(args []string, stdin io.Reader, stdout, stderr io.Writer, s step) int {
	opts := &options{}
	parser, err := newParser(opts)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitError
	}
	if words, shell := completing(args); shell != nil {
		shell(stdout, complete(parser, words))
		return exitDone
	}
	var chosen command
	parser.CommandHandler = func(c flags.Commander, extra []string) error {
		if c == nil {
			return nil
		}
		if len(extra) > 0 {
			return fmt.Errorf("unexpected arguments: %q", extra)
		}
		chosen = c.(interface{ command() command }).command()
		return nil
	}
	logger := boshlog.NewLogger(boshlog.LevelNone)
	writer := boshui.NewWriterUI(stdout, stderr, logger)
	env := &environment{parser: parser, stdin: stdin, stdout: stdout, stderr: stderr, step: s}
	env.ui = boshui.NewWrappingConfUI(writer, logger)
	_, err = parser.ParseArgs(args)
	var flagErr *flags.Error
	switch {
	case errors.Is(err, errVersion):
		fmt.Fprintf(stdout, "version %s\n", Version())
		return exitDone
	case errors.Is(err, errHelp), errors.As(err, &flagErr) && flagErr.Type == flags.ErrCommandRequired && len(args) == 0:
		about := parser.Command
		if parser.Active != nil {
			about = parser.Active
		}
		writeHelp(stdout, parser, about, helpWidth(stdout))
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s\n", err)
		return exitError
	}
	if f, ok := chosen.(interface{ format() string }); ok {
		switch {
		case f.format() == "json":
			opts.JSON = true
		case opts.JSON && f.format() != "text":
			fmt.Fprintf(stderr, "--json and --format %s contradict each other; use one of them\n", f.format())
			return exitError
		}
	}
	env.tty = opts.TTY || writer.IsTTY()
	env.json = opts.JSON
	env.color = env.tty && !opts.NoColor && !switchedOn("NO_COLOR") && !opts.JSON
	env.errorColor = env.color && (opts.TTY || terminal(stderr))
	env.width = columnsOf(stdout)
	if env.color {
		env.ui.EnableColor()
	}
	if opts.JSON {
		env.ui.EnableJSON()
	}
	if !env.tty && !opts.JSON {
		env.ui.EnableTTY(false)
		env.ui = boshui.NewWrappingConfUI(boshui.NewNonTTYUI(writer), logger)
	}
	env.columns = opts.Columns
	if opts.NonInteractive {
		env.ui.EnableNonInteractive()
	}
	defer env.ui.Flush()
	if err := chosen.run(env); err != nil {
		if !errors.Is(err, errReported) {
			env.errorLine(err.Error())
		}
		return exitError
	}
	return exitDone
}
