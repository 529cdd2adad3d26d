package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain leaves the proof of release out of all tests but those that are about it:
// they run release hundreds of times to see what it writes, and a proof takes a ruby
// and a second each time.
func TestMain(m *testing.M) {
	if _, set := os.LookupEnv(noVerifyVariable); !set { // the program of a script begins here, too
		os.Setenv(noVerifyVariable, "1")
	}
	testscript.Main(m, map[string]func(){
		"bosh-bpmify": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the program as a user does. $EXAMPLE is the example release
// that ships with the repository; "checkout DIR" copies it to DIR as a git
// checkout with everything committed.
func TestScripts(t *testing.T) {
	example, err := filepath.Abs("../examples/website-release")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLE", example)
			e.Setenv("BOSH", os.Getenv("BPMIFY_BOSH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv(noVerifyVariable, os.Getenv(noVerifyVariable))
			return os.WriteFile(filepath.Join(e.WorkDir, ".gitconfig"), []byte("[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n[core]\n\tautocrlf = false\n"), 0o600)
		},
		Condition: func(cond string) (bool, error) {
			// what nobody has to have, and CI neither
			if tool, ok := strings.CutPrefix(cond, "optional:"); ok {
				_, err := exec.LookPath(tool)
				return err == nil, nil
			}
			have := false
			switch cond {
			case "bosh":
				have = os.Getenv("BPMIFY_BOSH") != ""
			default:
				_, err := exec.LookPath(cond)
				have = err == nil
			}
			if !have && os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
				t.Fatalf("%s is missing", cond)
			}
			return have, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"checkout": checkout,
			"gitted":   gitted,
			"rendered": rendered,
			"edit":     edit,
		},
	})
}

func run(ts *testscript.TestScript, dir, name string, args ...string) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func checkout(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.CopyFS(dir, os.DirFS(ts.Getenv("EXAMPLE"))))
	gitted(ts, neg, args)
}

// gitted commits all that is in a folder to a repository there.
func gitted(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	run(ts, dir, "git", "init", "-q")
	run(ts, dir, "git", "add", "-A")
	run(ts, dir, "git", "commit", "-q", "-m", "all")
}

// edit replaces text in a file: edit FILE OLD NEW.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.MkAbs(args[0])
	data, err := os.ReadFile(p)
	ts.Check(err)
	unquote := strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t").Replace
	after := strings.ReplaceAll(string(data), unquote(args[1]), unquote(args[2]))
	if after == string(data) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	info, err := os.Stat(p)
	ts.Check(err)
	ts.Check(os.WriteFile(p, []byte(after), info.Mode()))
}

// rendered renders a job as BOSH does, with the properties given as JSON, and
// checks what comes out with the real tools: monit -t, bash -n, and a YAML
// reader for bpm.yml. rendered RELEASE JOB PROPERTIES OUT
func rendered(ts *testscript.TestScript, neg bool, args []string) {
	release, job, properties, out := ts.MkAbs(args[0]), args[1], args[2], ts.MkAbs(args[3])
	ts.Check(os.MkdirAll(out, 0o755))
	run(ts, release, "ruby", "-e", renderer, job, properties, out)
	rc := filepath.Join(out, "monitrc")
	monit, err := os.ReadFile(filepath.Join(out, "monit"))
	ts.Check(err)
	// monit -t wants programs that exist
	text := "set daemon 10\nset idfile " + out + "/id\nset statefile " + out + "/state\n" +
		strings.ReplaceAll(string(monit), "/var/vcap/jobs/bpm/bin/bpm", "/bin/true")
	ts.Check(os.WriteFile(rc, []byte(text), 0o600))
	run(ts, release, "monit", "-t", "-c", rc)
	scripts, err := filepath.Glob(filepath.Join(out, "bin", "*"))
	ts.Check(err)
	for _, s := range scripts {
		run(ts, release, "bash", "-n", s)
	}
}

// renderer is the least of BOSH's ERB context that the example needs.
const renderer = `
require "erb"; require "yaml"; require "json"; require "fileutils"
job, properties, out = ARGV
spec = YAML.load_file("jobs/#{job}/spec")
Context = Struct.new(:spec, :given) do
  def p(name, default = (missing = true; nil))
    value = given.fetch(name) { (spec["properties"][name] || {}).fetch("default", nil) }
    raise "no property #{name}" if value.nil? && missing
    value.nil? ? default : value
  end
  def get_binding; binding; end
end
context = Context.new(spec, JSON.parse(properties))
spec["templates"].merge("../monit" => "monit").each do |src, target|
  text = ERB.new(File.read("jobs/#{job}/templates/#{src}"), trim_mode: "-").result(context.get_binding)
  FileUtils.mkdir_p(File.dirname("#{out}/#{target}"))
  File.write("#{out}/#{target}", text)
end
`
