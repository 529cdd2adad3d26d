package commands

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// The documents are README.md, CONTRIBUTING.md and docs/*.md. What they show is
// held in three ways:
//
//   - A line "$ COMMAND" in a block of code begins a transcript: the commands of a
//     page run one after the other, and each prints the lines below it.
//   - Other commands in blocks of code run, too, each by itself, or notRun says why
//     they do not.
//   - Commands and flags in the text are read by the program's own parser.

// page is a document with its commands.
type page struct {
	name        string
	transcripts []shown
	commands    []string
	inline      []string
}

// shown is a command and what a page shows below it.
type shown struct {
	command string
	prints  []string
}

// known are the first words of what is taken for a command in a block of code.
var known = regexp.MustCompile(`^(bosh-bpmify|bosh|go|git|gh|sed|\S*scripts/\S+|[A-Z_]+=\S+ (go|\S*scripts/\S+)) ?`)

func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []page
	for _, name := range append([]string{"../README.md", "../CONTRIBUTING.md"}, names...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, read(strings.TrimPrefix(name, "../"), string(text)))
	}
	return all
}

var inlineCode = regexp.MustCompile("`([^`]+)`")

// read finds the commands of a page. Blocks are indented by four or fenced.
func read(name, text string) page {
	p := page{name: name}
	fenced, blank := false, true
	block := false
	for l := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "```") {
			fenced, block = !fenced, !fenced
			p.transcripts = append(p.transcripts, shown{})
			continue
		}
		code, indented := strings.CutPrefix(l, "    ")
		switch {
		case fenced:
			code = l
		case indented && (blank || block):
			block = true
		case l == "":
			blank = true
			if block {
				p.add("")
			}
			continue
		default:
			blank, block = false, false
			p.transcripts = append(p.transcripts, shown{})
			for _, m := range inlineCode.FindAllStringSubmatch(l, -1) {
				p.inline = append(p.inline, m[1])
			}
			continue
		}
		blank = false
		p.add(code)
	}
	p.transcripts = slices.DeleteFunc(p.transcripts, func(s shown) bool { return s.command == "" })
	return p
}

// add is a line of code: a command, or what the one above prints.
func (p *page) add(code string) {
	last := len(p.transcripts) - 1
	switch command, ok := strings.CutPrefix(code, "$ "); {
	case ok:
		p.transcripts = append(p.transcripts, shown{command: command})
	case last >= 0 && p.transcripts[last].command != "":
		if text := strings.TrimRight(code, " \t"); text != "" {
			p.transcripts[last].prints = append(p.transcripts[last].prints, text)
		}
	default:
		code = strings.TrimPrefix(strings.TrimSpace(code), "- run: ")
		if command, _, _ := strings.Cut(code, "  #"); known.MatchString(command) {
			p.commands = append(p.commands, strings.TrimSpace(command))
		}
	}
}

// sandbox is a folder with what the pages speak of: the example release as a
// checkout with everything committed, and the example deployment.
func sandbox(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../examples")); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("bash", "-ec", `cp examples/production.yml .; cd examples/website-release; git init -q; git add -A
		git -c user.name=t -c user.email=t@example.com -c core.autocrlf=false commit -q -m all`)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// begin is the folder in which the transcripts of a page begin.
var begin = map[string]string{
	"docs/ops-files.md": ".",
	"README.md":         ".",
}

// TestTranscripts runs every "$ COMMAND" of the documents, and holds what they
// show below it. A line of dots stands for lines that a page leaves out.
func TestTranscripts(t *testing.T) {
	golden.Needs(t, "ruby", "git", "sed", "bash")
	for _, p := range pages(t) {
		if len(p.transcripts) == 0 {
			continue
		}
		t.Run(filepath.Base(p.name), func(t *testing.T) {
			dir := sandbox(t)
			at, ok := begin[p.name]
			if !ok {
				at = "examples/website-release"
			}
			t.Chdir(filepath.Join(dir, at))
			t.Setenv(noVerifyVariable, "")
			for _, s := range p.transcripts {
				s.holds(t, printed(t, s.command))
			}
		})
	}
}

// printed is what a command prints on a terminal without colours.
func printed(t *testing.T, command string) string {
	t.Helper()
	if args, ours := strings.CutPrefix(command, "bosh-bpmify "); ours {
		_, out := bpmify(t, append(strings.Fields(args), "--tty", "--no-color")...)
		return out
	}
	if strings.HasPrefix(command, "bosh ") {
		if os.Getenv("BPMIFY_BOSH") == "" {
			if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
				t.Fatal("BPMIFY_BOSH is not set")
			}
			return ""
		}
		command = os.Getenv("BPMIFY_BOSH") + strings.TrimPrefix(command, "bosh")
	}
	cmd := exec.Command("bash", "-c", command)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// holds compares what a page shows with what the command prints: each line has to
// follow the one above it, but for empty lines and where dots stand between them.
func (s shown) holds(t *testing.T, out string) {
	t.Helper()
	var left []string
	for l := range strings.SplitSeq(out, "\n") {
		if l = strings.TrimRight(l, " \t"); l != "" {
			left = append(left, l)
		}
	}
	free := false
	for _, want := range s.prints {
		if strings.TrimSpace(want) == "..." {
			free = true
			continue
		}
		i := slices.Index(left, want)
		if i < 0 || i > 0 && !free {
			t.Fatalf("%s does not print, or not there, %q:\n%s", s.command, want, out)
		}
		left, free = left[i+1:], false
	}
	if len(s.prints) > 0 && len(left) > 0 && !free {
		t.Errorf("%s prints more, and the page has no dots for it:\n%s", s.command, strings.Join(left, "\n"))
	}
}

// notRun are commands in blocks of code that no test runs, with the reason.
var notRun = []struct{ command, reason string }{
	{`^go install `, "needs the network"},
	{`^(\S*/)?scripts/test`, "is what runs this test"},
	{`^(\S+=\S+ )?scripts/(build|install) `, "TestBuild runs both"},
	{`^bosh .*\b(upload-release|create-release|deploy)\b`, "needs a Director, or blobs"},
	{`^git (commit|revert|checkout|clean|rebase) `, "git's own"},
	{`^go (build|vet|test) `, "the folder and the tests in it are looked for by TestGoCommands"},
	{`^go run honnef`, "needs the network on the first run"},
	{`^([A-Z_]+=\S+ )+go test `, "as go test"},
}

// TestCommands runs the other commands in blocks of code, each in a sandbox.
func TestCommands(t *testing.T) {
	golden.Needs(t, "ruby", "git", "bash")
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, command := range p.commands {
			t.Run(filepath.Base(p.name)+"/"+command, func(t *testing.T) {
				for _, n := range notRun {
					if regexp.MustCompile(n.command).MatchString(command) {
						t.Skip(n.reason)
					}
				}
				t.Chdir(repository + "/commands")
				dir := sandbox(t)
				if !strings.Contains(command, "examples/") {
					dir += "/examples/website-release"
				}
				t.Chdir(dir)
				runs(t, filled(command))
			})
		}
	}
}

// filled puts what the sandbox has in place of what stands for the reader's own.
func filled(command string) string {
	command = strings.NewReplacer("go run . ", "bosh-bpmify ", "MANIFEST.yml", "manifests/website.yml", "~/workspace/website-release", ".",
		"~/workspace", "..", "--job JOB", "--job website", " DIR", " .", " ID", " stop-signal").Replace(command)
	return regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(command, "")
}

// judges end with exit status 1 where they find something.
var judges = regexp.MustCompile(`^bosh-bpmify (check|doctor|verify) `)

func runs(t *testing.T, command string) {
	t.Helper()
	command, _, _ = strings.Cut(command, " | ")
	command, _, _ = strings.Cut(command, " > ")
	args, ours := strings.CutPrefix(command, "bosh-bpmify ")
	if !ours {
		if strings.Contains(command, defaultOpsFile) {
			bpmify(t, "release", ".")
		}
		printed(t, command)
		return
	}
	status, out := bpmify(t, strings.Fields(args)...)
	if status != 0 && !(judges.MatchString(command) && tallied.MatchString(out)) {
		t.Errorf("%s: exit status %d\n%s", command, status, out)
	}
}

// tallied is the line below findings.
var tallied = regexp.MustCompile(`(?m)^\d+ (error|warning)|^\d+ jobs? compared`)

// TestInlineCommands holds the commands and flags in the text of the documents,
// and those in blocks of code, against the program's own parser.
func TestInlineCommands(t *testing.T) {
	_, help := bpmify(t, "--help")
	verbs := []string{}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+)  +[A-Z]`).FindAllStringSubmatch(help, -1) {
		verbs = append(verbs, m[1])
		_, of := bpmify(t, m[1], "--help")
		help += of
	}
	if !slices.Contains(verbs, "release") || !slices.Contains(verbs, "verify") {
		t.Fatalf("these are not all commands: %v", verbs)
	}
	for _, p := range pages(t) {
		all := slices.Concat(p.commands, p.inline)
		for _, s := range p.transcripts {
			all = append(all, s.command)
		}
		for _, code := range all {
			words := strings.Fields(strings.ReplaceAll(filled(code), `\|`, "|"))
			if i := slices.IndexFunc(words, func(w string) bool { return w == "|" || w == ">" || w == "&&" }); i >= 0 {
				words = words[:i]
			}
			switch {
			case len(words) == 0:
			case words[0] == "bosh-bpmify" && len(words) == 1:
			case words[0] == "bosh-bpmify":
				parses(t, p.name, words[1:])
			case slices.Contains(verbs, words[0]) && slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") }):
				parses(t, p.name, words)
			case strings.HasPrefix(words[0], "--") && words[0] != "--":
				flag, _, _ := strings.Cut(words[0], "=")
				if !regexp.MustCompile(regexp.QuoteMeta(flag)+`\b`).MatchString(help) && othersFlags[flag] == "" {
					t.Errorf("%s: no command has a flag %s", p.name, flag)
				}
			}
		}
	}
}

// othersFlags are flags in the documents that are not this program's.
var othersFlags = map[string]string{
	"--port": "of a daemon", "--daemonize": "of a daemon", "--daemon": "of a daemon", "--fork": "of a daemon", "--background": "of a daemon",
	"--groups": "of setpriv", "--revert": "there is none, and the page says so",
}

// parses fails where the program does not know a flag, a value or a command. With
// --help behind it nothing is run.
func parses(t *testing.T, page string, args []string) {
	t.Helper()
	if status, out := bpmify(t, append(slices.Clone(args), "--help")...); status != 0 {
		t.Errorf("%s: bosh-bpmify %s: %s", page, strings.Join(args, " "), out)
	}
}

// TestGoCommands holds that the folders, tests and cases exist that go test is given in
// the documents, and the tests that these name.
func TestGoCommands(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, command := range slices.Concat(p.commands, p.inline) {
			_, args, found := strings.Cut(command, "go test ")
			if !found {
				continue
			}
			n++
			var names []string
			dir := ""
			words := strings.Fields(args)
			for i, w := range words {
				switch {
				case strings.HasPrefix(w, "./") && !strings.HasSuffix(w, "..."):
					functions, err := testFunctions(filepath.Join("..", w))
					if err != nil || len(functions) == 0 {
						t.Errorf("%s: %s: no tests in %s: %v", p.name, command, w, err)
					}
					names = append(names, functions...)
					dir = w
				case slices.Contains([]string{"-run", "-bench", "-fuzz"}, w) && words[i+1] != "^$" && words[i+1] != "." && words[i+1] != "'^$'":
					pattern, of, _ := strings.Cut(strings.Trim(words[i+1], "'"), "/")
					if files, err := filepath.Glob(filepath.Join("..", dir, "testdata", "*", of+".txtar")); of != "" && err == nil && len(files) == 0 {
						if _, err := os.Stat(filepath.Join("..", dir, "testdata", of+".txtar")); err != nil {
							t.Errorf("%s: %s: there is no case %s", p.name, command, of)
						}
					}
					re, err := regexp.Compile(pattern)
					if err != nil || len(names) > 0 && !slices.ContainsFunc(names, re.MatchString) {
						t.Errorf("%s: %s: there is no %s (%v)", p.name, command, pattern, err)
					}
				}
			}
		}
	}
	if n == 0 {
		t.Error("no document has a go test")
	}
	var all []string
	if err := filepath.WalkDir("..", func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		functions, err := testFunctions(name)
		all = append(all, functions...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, code := range p.inline {
			if regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]\w*$`).MatchString(code) && !slices.Contains(all, code) {
				t.Errorf("%s: there is no %s", p.name, code)
			}
		}
	}
}

// testFunctions are the names of the tests, benchmarks and fuzz targets in a folder.
func testFunctions(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	var functions []string
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z]`).MatchString(f.Name.Name) {
				functions = append(functions, f.Name.Name)
			}
		}
	}
	return functions, nil
}

// TestLinks holds that what the documents link to is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, p := range pages(t) {
		text, err := os.ReadFile("../" + p.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			name := filepath.Join("..", filepath.Dir(p.name), file)
			if file == "" {
				name = "../" + p.name
			}
			target, err := os.ReadFile(name)
			if info, statErr := os.Stat(name); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", p.name, m[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(target), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", p.name, m[1])
			}
		}
	}
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(text []byte) []string {
	var all []string
	for l := range bytes.Lines(text) {
		if head, ok := strings.CutPrefix(strings.TrimLeft(string(l), "#"), " "); ok && l[0] == '#' {
			head = regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(head)), "")
			all = append(all, strings.ReplaceAll(head, " ", "-"))
		}
	}
	return all
}

// TestReadPage holds that commands are found where they stand.
func TestReadPage(t *testing.T) {
	p := read("x.md", "Text `bosh-bpmify scan`:\n\n    $ bosh-bpmify check .\n    one\n\n    two\n\ntext\n\n    bosh-bpmify scan .   # all\n    no command\n\n- item\n    bosh-bpmify no block\n\n```yaml\n- run: bosh-bpmify verify .\n```\n")
	got := fmt.Sprint(p.transcripts, p.commands, p.inline)
	if want := "[{bosh-bpmify check . [one two]}] [bosh-bpmify scan . bosh-bpmify verify .] [bosh-bpmify scan]"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
