package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
)

// TestBuild runs scripts/build in two copies of the source, under different
// circumstances, and compares what comes out byte by byte; then it installs it.
func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles everything anew")
	}
	golden.Needs(t, "bash", "git", "tar", "gzip")
	if runtime.GOOS != "linux" {
		t.Skip("needs GNU tar")
	}
	const version = "v0.0.1"
	platform := runtime.GOOS + "/" + runtime.GOARCH
	name := "bosh-bpmify-0.0.1-" + runtime.GOOS + "-" + runtime.GOARCH
	tmp := t.TempDir()
	releases := filepath.Join(tmp, "releases", version)
	var first []byte
	for i, circumstances := range []struct{ dir, umask, zone string }{{"a", "022", "UTC"}, {"some where else", "077", "Asia/Tokyo"}} {
		dir := filepath.Join(tmp, circumstances.dir)
		copySource(t, dir)
		cmd := exec.Command("bash", "-c", "umask "+circumstances.umask+"; exec scripts/build "+version+" "+platform)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TZ="+circumstances.zone, "SOURCE_DATE_EPOCH=1700000000", "GOFLAGS=-buildvcs=true")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		archive := read(t, filepath.Join(dir, "dist", name+".tar.gz"))
		sums := fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(archive), name)
		for _, file := range []string{name + ".tar.gz.sha256", "checksums.txt"} {
			if have := string(read(t, filepath.Join(dir, "dist", file))); have != sums {
				t.Errorf("%s has %q, the archive is %q", file, have, sums)
			}
		}
		if i == 0 {
			first = archive
			if err := os.CopyFS(releases, os.DirFS(filepath.Join(dir, "dist"))); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(archive, first) {
			t.Error("the two archives differ")
		}
	}

	files := archived(t, first)
	program := files[name+"/bosh-bpmify"]
	if n := len(program); n == 0 || n > 25_000_000 {
		t.Errorf("the program has %d bytes; it is to stay below 25 MB", n)
	}
	for _, file := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		if !bytes.Equal(files[name+"/"+file], read(t, file)) {
			t.Errorf("%s is not in the archive as it is here", file)
		}
	}
	if !bytes.HasPrefix(files[name+"/bosh-bpmify.1"], []byte(".TH BOSH-BPMIFY 1 \"2023-11-14\" \"bosh-bpmify v0.0.1\"")) {
		t.Errorf("the man page begins %.80q", files[name+"/bosh-bpmify.1"])
	}
	for _, line := range regexp.MustCompile(`\w+\.install "(.+?)"`).FindAllStringSubmatch(string(read(t, "scripts/bosh-bpmify.rb.tmpl")), -1) {
		if len(files[name+"/"+line[1]]) == 0 {
			t.Errorf("the formula installs %s, which is not in the archive", line[1])
		}
	}

	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	bin := filepath.Join(tmp, "bin")
	install := exec.Command("scripts/install", version, bin)
	install.Env = append(os.Environ(), "BPMIFY_MIRROR=file://"+filepath.Dir(releases))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(filepath.Join(bin, "bosh-bpmify"), "--version").Output()
	if err != nil || string(out) != "version "+version+"\n" {
		t.Errorf("%s %v", out, err)
	}

	// an archive that somebody changed
	if err := os.WriteFile(filepath.Join(releases, name+".tar.gz"), append(first, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	refused := exec.Command("scripts/install", version, filepath.Join(tmp, "nothing"))
	refused.Env = install.Env
	said, err := refused.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "is not what checksums.txt says; nothing is installed") {
		t.Errorf("%v %s", err, said)
	}
	if _, err := os.Stat(filepath.Join(tmp, "nothing")); err == nil {
		t.Error("it was installed all the same")
	}
}

// TestFormula fills the Homebrew formula in, and has the real ruby read it.
func TestFormula(t *testing.T) {
	golden.Needs(t, "bash", "ruby", "awk", "sed")
	platforms := []string{"darwin-arm64", "darwin-amd64", "linux-arm64", "linux-amd64"}
	var sums strings.Builder
	for i, p := range append([]string{"windows-amd64"}, platforms...) {
		fmt.Fprintf(&sums, "%064d  bosh-bpmify-1.2.3-%s.tar.gz\n", i, p)
	}
	checksums := filepath.Join(t.TempDir(), "checksums.txt")
	if err := os.WriteFile(checksums, []byte(sums.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	formula, err := exec.Command("scripts/formula", "v1.2.3", checksums).Output()
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command("ruby", "-wc")
	check.Stdin = bytes.NewReader(formula)
	if out, err := check.CombinedOutput(); err != nil || string(out) != "Syntax OK\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if bytes.Contains(formula, []byte("@")) {
		t.Errorf("something is not filled in:\n%s", formula)
	}
	for i, p := range platforms {
		want := fmt.Sprintf("/releases/download/v1.2.3/bosh-bpmify-1.2.3-%s.tar.gz\"\n      sha256 \"%064d\"\n", p, i+1)
		if !bytes.Contains(formula, []byte(want)) {
			t.Errorf("the formula lacks %s", want)
		}
	}
	if out, err := exec.Command("scripts/formula", "v1.2.4", checksums).CombinedOutput(); err == nil {
		t.Errorf("a formula without checksums: %s", out)
	}
}

// TestAction runs the steps of action.yml as the runner of GitHub does: bash with
// what it says about errors, inputs as environment variables, and files for what
// a step hands on.
func TestAction(t *testing.T) {
	golden.Needs(t, "bash")
	var action struct {
		Inputs map[string]struct {
			Description, Default string
		}
		Outputs map[string]struct{ Description, Value string }
		Runs    struct {
			Using string
			Steps []step
		}
	}
	decode(t, "action.yml", &action)
	if action.Runs.Using != "composite" || len(action.Runs.Steps) != 2 {
		t.Fatalf("%+v", action.Runs)
	}
	install, run := action.Runs.Steps[0], action.Runs.Steps[1]
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	job := t.TempDir()
	runner := map[string]string{"RUNNER_TEMP": filepath.Join(job, "temp"), "GITHUB_ACTION_PATH": here, "GITHUB_PATH": filepath.Join(job, "path"), "GITHUB_OUTPUT": filepath.Join(job, "output")}
	if err := os.Mkdir(runner["RUNNER_TEMP"], 0o755); err != nil {
		t.Fatal(err)
	}
	perform := func(s step, given map[string]string, in string) (int, string) {
		if s.Shell != "bash" {
			t.Fatalf("%+v", s)
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
		cmd.Dir = in
		cmd.Env = append(os.Environ(), "PATH="+strings.TrimSpace(string(optional(runner["GITHUB_PATH"])))+":"+os.Getenv("PATH"))
		for k, v := range runner {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		for k, v := range s.Env {
			input := regexp.MustCompile(`^\$\{\{ inputs\.(\w+) }}$`).FindStringSubmatch(v)
			if input == nil {
				t.Fatalf("%s: %s", k, v)
			}
			known, ok := action.Inputs[input[1]]
			if !ok {
				t.Fatalf("there is no input %s", input[1])
			}
			value := known.Default
			if g, ok := given[input[1]]; ok {
				value = g
			}
			cmd.Env = append(cmd.Env, k+"="+value)
		}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	if strings.Contains(install.Run+run.Run, "${{") {
		t.Error("an input goes into a script as text, where it may be anything")
	}
	if status, out := perform(install, nil, here); status != 0 {
		t.Fatal(out)
	}
	wrong := jobOnBPM(t, "enviroment: {A: b}")
	fine := jobOnBPM(t, "env: {A: b}")
	for _, c := range []struct {
		given  map[string]string
		dir    string
		status int
		want   string
	}{
		{nil, fine, 0, ""},
		{nil, wrong, 1, "::error file=jobs/web/templates/bpm.yml.erb,line=4,"},
		{map[string]string{"format": "text"}, fine, 0, "1 job on bpm, nothing found"},
		{map[string]string{"dir": wrong + "\n" + fine, "format": "text"}, here, 1, "2 jobs on bpm"},
		{map[string]string{"args": "--job\nweb", "format": "text"}, wrong, 1, "bpm-key-unknown"},
		{map[string]string{"args": "--job\n$(touch /nowhere)"}, wrong, 1, "has no job $(touch /nowhere)"},
		{map[string]string{"command": "scan", "dir": filepath.Join(here, "examples/website-release")}, here, 0, "::warning file="},
		{map[string]string{"format": "sarif"}, wrong, 1, ""},
	} {
		status, out := perform(run, c.given, c.dir)
		if status != c.status || !strings.Contains(out, c.want) || c.want == "" && out != "" {
			t.Errorf("%v: %d\n%s", c.given, status, out)
		}
	}
	_, file, _ := strings.Cut(strings.TrimSpace(string(read(t, runner["GITHUB_OUTPUT"]))), "sarif=")
	var sarif struct{ Runs []struct{ Results []any } }
	if err := json.Unmarshal(read(t, file), &sarif); err != nil || len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) != 1 {
		t.Errorf("%v %+v", err, sarif)
	}
	if v := action.Outputs["sarif"].Value; v != "${{ steps."+run.ID+".outputs.sarif }}" {
		t.Error(v)
	}

	// the hook of pre-commit runs the same program
	var hooks []struct {
		ID, Name, Description, Entry, Language, Files string
		PassFilenames                                 bool `yaml:"pass_filenames"`
	}
	decode(t, ".pre-commit-hooks.yaml", &hooks)
	hook := hooks[0]
	if len(hooks) != 1 || hook.ID != "bosh-bpmify-check" || hook.Language != "golang" || hook.PassFilenames {
		t.Fatalf("%+v", hooks)
	}
	for dir, want := range map[string]int{fine: 0, wrong: 1} {
		if status, out := perform(step{Shell: "bash", Run: hook.Entry}, nil, dir); status != want {
			t.Errorf("%d\n%s", status, out)
		}
	}
	for name, want := range map[string]bool{
		"jobs/web/monit": true, "jobs/web/templates/bpm.yml.erb": true, "packages/web/packaging": true, ".bpmify.yml": true,
		"releases/web/jobs/web/spec": true, "docs/jobs.md": false, "README.md": false, "src/web/main.go": false,
	} {
		if regexp.MustCompile(hook.Files).MatchString(name) != want {
			t.Errorf("%s: not %v", name, want)
		}
	}
	if _, err := exec.LookPath("pre-commit"); err == nil {
		if out, err := exec.Command("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestCIPage holds what docs/ci.md shows for the action and the hook against both.
func TestCIPage(t *testing.T) {
	var action struct{ Inputs, Outputs map[string]any }
	decode(t, "action.yml", &action)
	page := string(read(t, "docs/ci.md"))
	uses, hooks := 0, 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.+?)```").FindAllStringSubmatch(page, -1) {
		var shown struct {
			Steps []struct {
				Uses string
				With map[string]string
			}
			Repos []struct {
				Repo  string
				Hooks []struct{ ID string }
			}
		}
		if err := yaml.Unmarshal([]byte(block[1]), &shown); err != nil {
			t.Fatal(err)
		}
		for _, s := range shown.Steps {
			if !strings.HasPrefix(s.Uses, "bosh-bpmify/bosh-bpmify@") {
				continue
			}
			uses++
			for input := range s.With {
				if action.Inputs[input] == nil {
					t.Errorf("the action has no input %s", input)
				}
			}
		}
		for _, r := range shown.Repos {
			hooks++
			if len(r.Hooks) != 1 || !bytes.Contains(read(t, ".pre-commit-hooks.yaml"), []byte("- id: "+r.Hooks[0].ID+"\n")) {
				t.Errorf("%+v", r)
			}
		}
	}
	if uses != 2 || hooks != 1 {
		t.Errorf("%d uses of the action, %d of the hook", uses, hooks)
	}
	for input := range action.Inputs {
		if !strings.Contains(page, "\n| `"+input+"` | ") {
			t.Errorf("the page lacks the input %s", input)
		}
	}
	for _, output := range regexp.MustCompile(`outputs\.(\w+)`).FindAllStringSubmatch(page, -1) {
		if action.Outputs[output[1]] == nil {
			t.Errorf("the action has no output %s", output[1])
		}
	}
}

// step is one of an action.
type step struct {
	ID, Name, Shell, Run string
	Env                  map[string]string
}

// jobOnBPM is a release with one job, which has this in its process.
func jobOnBPM(t *testing.T, key string) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"jobs/web/spec":                  "name: web\ntemplates:\n  bpm.yml.erb: config/bpm.yml\npackages: [web]\nproperties: {}\n",
		"jobs/web/monit":                 "check process web\n  with pidfile /var/vcap/sys/run/bpm/web/web.pid\n  start program \"/var/vcap/jobs/bpm/bin/bpm start web\"\n  stop program \"/var/vcap/jobs/bpm/bin/bpm stop web\"\n  group vcap\n",
		"jobs/web/templates/bpm.yml.erb": "processes:\n- name: web\n  executable: /var/vcap/packages/web/bin/web\n  " + key + "\n",
		"packages/web/spec":              "name: web\nfiles: []\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// copySource copies what git has, or would have, of this repository.
func copySource(t *testing.T, to string) {
	out, err := exec.Command("git", "ls-files", "-co", "--exclude-standard", "-z").Output()
	if err != nil {
		t.Skip("no checkout", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		info, err := os.Stat(name)
		if err != nil {
			continue // deleted, and git has not been told
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, read(t, name), info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// archived are the files of a .tar.gz, of which each has to belong to root.
func archived(t *testing.T, data []byte) map[string][]byte {
	zipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname+h.Gname != "" || h.ModTime.Unix() != 1700000000 {
			t.Errorf("%+v", h)
		}
		if mode := h.Mode & 0o777; !slices.Contains([]int64{0o755, 0o644}, mode) {
			t.Errorf("%s: %o", h.Name, mode)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func decode(t *testing.T, name string, to any) {
	d := yaml.NewDecoder(bytes.NewReader(read(t, name)))
	if err := d.Decode(to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func read(t *testing.T, name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// optional is a file that may not be there.
func optional(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}
