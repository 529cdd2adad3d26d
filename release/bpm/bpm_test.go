package bpm

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yamlv2 "gopkg.in/yaml.v2"
	"gopkg.in/yaml.v3"
)

// awkward are values that an unquoted YAML scalar would change or break.
var awkward = []string{
	"", " ", "a b", "a: b", "a #b", "#a", "- a", "*a", "&a b", "!a b", "%a", "@a", "`a", "[::]:80", "{a: b}", "a, b", "'", "\"", "\\", "\\n",
	"yes", "no", "on", "off", "true", "null", "~", "1", "1.10", "0777", "1e3", "0x1f", "2001-01-01", "1:30", "=", "<<", "a\nb", "a\n", "\ta",
	"a\rb", "é", "\u2028", "a\x1bb", "$(x)", "a:", "?", "|", ">", "-", "--x=y", "<no erb>", ".inf", "+1", "1_000",
}

func config() Config {
	return Config{Processes: []Process{{
		Name: "web", Executable: "/var/vcap/packages/web/bin/web", Args: awkward,
		Env: []Env{{"B", "yes"}, {"A", "1"}}, WorkDir: "/var/vcap/data/web", Hooks: Hooks{"/var/vcap/jobs/web/bin/hook"},
		Limits: Limits{Memory: "1G", OpenFiles: 100, Processes: 5, CoreFileSize: 7}, EphemeralDisk: true, PersistentDisk: true,
		AdditionalVolumes: []Volume{{Path: "/var/vcap/sys/run/web", Writable: true, MountOnly: true}},
		Capabilities:      []string{"NET_BIND_SERVICE"},
		Unsafe:            Unsafe{Privileged: true, HostPidNamespace: true, UnrestrictedVolumes: []Volume{{Path: "/dev/log", MountOnly: true}}},
		ShutdownSignal:    "INT",
	}, {Name: "b", Executable: "/b"}}}
}

// TestEveryReaderGetsTheSame reads what is printed with the YAML readers that
// meet a bpm.yml: bpm's (yaml.v3), bosh's (yaml.v2) and Ruby's.
func TestEveryReaderGetsTheSame(t *testing.T) {
	text, err := config().Print()
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := yaml.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	args := want.(map[string]any)["processes"].([]any)[0].(map[string]any)["args"].([]any)
	for i, a := range args {
		if a != awkward[i] {
			t.Errorf("%q became %q", awkward[i], a)
		}
	}
	var v2 struct {
		Processes []struct{ Args []any }
	}
	if err := yamlv2.Unmarshal(text, &v2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(args, v2.Processes[0].Args); diff != "" {
		t.Errorf("yaml.v2: %s", diff)
	}
	if _, err := exec.LookPath("ruby"); err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("ruby is missing")
		}
		t.Skip("ruby is missing")
	}
	cmd := exec.Command("ruby", "-ryaml", "-rjson", "-e", "puts JSON.generate(YAML.load(STDIN.read))")
	cmd.Stdin = strings.NewReader(string(text))
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var ruby any
	if err := json.Unmarshal(out, &ruby); err != nil {
		t.Fatal(err)
	}
	wantJSON, _ := json.Marshal(want)
	var normal any
	_ = json.Unmarshal(wantJSON, &normal)
	if diff := cmp.Diff(normal, ruby); diff != "" {
		t.Errorf("ruby: %s", diff)
	}
}

func TestPrintOrder(t *testing.T) {
	c := config()
	c.Processes[0].Args = []string{"-a"}
	text, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	want := `processes:
- name: web
  executable: /var/vcap/packages/web/bin/web
  args:
  - -a
  env:
    B: "yes"
    A: "1"
  workdir: /var/vcap/data/web
  hooks:
    pre_start: /var/vcap/jobs/web/bin/hook
  limits:
    memory: 1G
    open_files: 100
    processes: 5
    core_file_size: 7
  ephemeral_disk: true
  persistent_disk: true
  additional_volumes:
  - path: /var/vcap/sys/run/web
    writable: true
    mount_only: true
  capabilities:
  - NET_BIND_SERVICE
  unsafe:
    privileged: true
    unrestricted_volumes:
    - path: /dev/log
      mount_only: true
    host_pid_namespace: true
  shutdown_signal: INT
- name: b
  executable: /b
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestValidate(t *testing.T) {
	process := func(s string) string { return "processes:\n- name: a\n  executable: /a\n" + s }
	for _, c := range []struct{ text, err string }{
		{process(""), ""},
		{"", "is empty"},
		{"processes: []", "has no processes"},
		{process("  persistant_disk: true\n"), "did you mean persistent_disk?"},
		{process("  args: [~]\n"), "entry 1 of args is empty"},
		{process("  capabilities: [CAP_NET_RAW]\n"), "has to be written NET_RAW"},
		{process("  shutdown_signal: SIGINT\n"), "knows TERM and INT only"},
		{process("  limits: {memory: \"512\"}\n"), "the unit is missing"},
		{process("  additional_volumes: [{path: /var/vcap/x/}]\n"), "clean path"},
		{process("  additional_volumes: [{path: /etc}]\n"), "below /var/vcap"},
		{process("  hooks: {pre_start: /a b}\n"), "it gets no arguments"},
		{process("- name: a\n  executable: /b\n"), "is there twice"},
		{"processes:\n- name: a\n  executable: /a --b\n", "has blanks"},
		{"processes:\n- name: a\n  executable: a\n", "not an absolute path"},
		{"processes:\n  a:\n    executable: /a\n", "processes has to be a list"},
		{process("  env: {\"A B\": c}\n"), "is no name of a variable"},
	} {
		err := Validate([]byte(c.text))
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.err)
		}
	}
}

func TestProgram(t *testing.T) {
	if got := Program("start", "web", "web"); got != "/var/vcap/jobs/bpm/bin/bpm start web" {
		t.Error(got)
	}
	if got := Program("stop", "web", "worker"); got != "/var/vcap/jobs/bpm/bin/bpm stop web -p worker" {
		t.Error(got)
	}
}
