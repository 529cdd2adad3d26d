// Package bpm is the model of a job's config/bpm.yml: printing it the way
// release authors write it, and validating it more strictly than bpm does.
//
// bpm's own parser (bpm-release 1.4, src/bpm/config/job_config.go) ignores
// unknown keys and drops empty list items, so what it accepts is no proof.
// The package knows nothing of releases, shells or monit.
package bpm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Config is a bpm.yml.
type Config struct {
	Processes []Process `yaml:"processes"`
}

// Process is one process of a job. The order of the fields is the order in
// which the keys are printed.
type Process struct {
	Name              string   `yaml:"name"`
	Executable        string   `yaml:"executable"`
	Args              []string `yaml:"args"`
	Env               []Env    `yaml:"env"`
	WorkDir           string   `yaml:"workdir"`
	Hooks             Hooks    `yaml:"hooks"`
	Limits            Limits   `yaml:"limits"`
	EphemeralDisk     bool     `yaml:"ephemeral_disk"`
	PersistentDisk    bool     `yaml:"persistent_disk"`
	AdditionalVolumes []Volume `yaml:"additional_volumes"`
	Capabilities      []string `yaml:"capabilities"`
	Unsafe            Unsafe   `yaml:"unsafe"`
	ShutdownSignal    string   `yaml:"shutdown_signal"`
}

// Env is one environment variable; a slice keeps the order of the script.
type Env struct{ Name, Value string }

// Hooks are commands that bpm runs on the host, as root, at every start.
type Hooks struct {
	PreStart string `yaml:"pre_start"`
}

// Limits are resource limits; zero means that none is set.
type Limits struct {
	Memory       string `yaml:"memory"`
	OpenFiles    uint64 `yaml:"open_files"`
	Processes    int64  `yaml:"processes"`
	CoreFileSize uint64 `yaml:"core_file_size"`
}

// set puts a limit in; false when the value is no number.
func (l *Limits) set(key, value string) bool {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return false
	}
	switch key {
	case "open_files":
		l.OpenFiles = n
	case "processes":
		l.Processes = int64(n)
	case "core_file_size":
		l.CoreFileSize = n
	}
	return true
}

// Volume is a path that is mounted into the container.
type Volume struct {
	Path            string `yaml:"path"`
	Writable        bool   `yaml:"writable"`
	AllowExecutions bool   `yaml:"allow_executions"`
	MountOnly       bool   `yaml:"mount_only"`
	Shared          bool   `yaml:"shared"`
}

// Unsafe are the options that weaken the container.
type Unsafe struct {
	Privileged          bool     `yaml:"privileged"`
	UnrestrictedVolumes []Volume `yaml:"unrestricted_volumes"`
	HostPidNamespace    bool     `yaml:"host_pid_namespace"`
}

// PidFile is where bpm writes the pid of a process, and where monit looks for
// it (bpm-release, src/bpm/config/bpm_config.go).
func PidFile(job, process string) string {
	return "/var/vcap/sys/run/bpm/" + job + "/" + process + ".pid"
}

// Program is the command that monit calls; verb is start or stop. -p is only
// written when the process is not called like the job.
func Program(verb, job, process string) string {
	cmd := "/var/vcap/jobs/bpm/bin/bpm " + verb + " " + job
	if process != job {
		cmd += " -p " + process
	}
	return cmd
}

// Print gives the file as a release author writes it: list items not
// indented, one argument a line, only the keys that say something.
func (c Config) Print() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("processes:\n")
	for _, p := range c.Processes {
		pr := &printer{w: &b, first: true}
		pr.scalar("name", p.Name)
		pr.scalar("executable", p.Executable)
		pr.list("args", p.Args)
		if len(p.Env) > 0 {
			pr.key("env")
			for _, e := range p.Env {
				fmt.Fprintf(&b, "    %s: %s\n", scalar(e.Name), scalar(e.Value))
			}
		}
		pr.scalar("workdir", p.WorkDir)
		if p.Hooks.PreStart != "" {
			pr.key("hooks")
			fmt.Fprintf(&b, "    pre_start: %s\n", scalar(p.Hooks.PreStart))
		}
		pr.limits(p.Limits)
		pr.flag("ephemeral_disk", p.EphemeralDisk)
		pr.flag("persistent_disk", p.PersistentDisk)
		pr.volumes("  ", "additional_volumes", p.AdditionalVolumes)
		pr.list("capabilities", p.Capabilities)
		if p.Unsafe.Privileged || p.Unsafe.HostPidNamespace || len(p.Unsafe.UnrestrictedVolumes) > 0 {
			pr.key("unsafe")
			if p.Unsafe.Privileged {
				b.WriteString("    privileged: true\n")
			}
			pr.volumes("    ", "unrestricted_volumes", p.Unsafe.UnrestrictedVolumes)
			if p.Unsafe.HostPidNamespace {
				b.WriteString("    host_pid_namespace: true\n")
			}
		}
		pr.scalar("shutdown_signal", p.ShutdownSignal)
	}
	if err := Validate(b.Bytes()); err != nil {
		return nil, fmt.Errorf("generated bpm.yml: %w", err)
	}
	return b.Bytes(), nil
}

type printer struct {
	w     *bytes.Buffer
	first bool
}

func (p *printer) indent() {
	if p.first {
		p.w.WriteString("- ")
		p.first = false
		return
	}
	p.w.WriteString("  ")
}

func (p *printer) key(k string) {
	p.indent()
	p.w.WriteString(k + ":\n")
}

func (p *printer) scalar(k, v string) {
	if v != "" {
		p.indent()
		fmt.Fprintf(p.w, "%s: %s\n", k, scalar(v))
	}
}

func (p *printer) flag(k string, v bool) {
	if v {
		p.indent()
		p.w.WriteString(k + ": true\n")
	}
}

func (p *printer) list(k string, vs []string) {
	if len(vs) == 0 {
		return
	}
	p.key(k)
	for _, v := range vs {
		p.w.WriteString("  - " + scalar(v) + "\n")
	}
}

func (p *printer) limits(l Limits) {
	if l == (Limits{}) {
		return
	}
	p.key("limits")
	if l.Memory != "" {
		fmt.Fprintf(p.w, "    memory: %s\n", scalar(l.Memory))
	}
	if l.OpenFiles != 0 {
		fmt.Fprintf(p.w, "    open_files: %d\n", l.OpenFiles)
	}
	if l.Processes != 0 {
		fmt.Fprintf(p.w, "    processes: %d\n", l.Processes)
	}
	if l.CoreFileSize != 0 {
		fmt.Fprintf(p.w, "    core_file_size: %d\n", l.CoreFileSize)
	}
}

func (p *printer) volumes(indent, k string, vs []Volume) {
	if len(vs) == 0 {
		return
	}
	p.w.WriteString(indent + k + ":\n")
	for _, v := range vs {
		fmt.Fprintf(p.w, "%s- path: %s\n", indent, scalar(v.Path))
		for _, f := range []struct {
			key string
			on  bool
		}{{"writable", v.Writable}, {"allow_executions", v.AllowExecutions}, {"mount_only", v.MountOnly}, {"shared", v.Shared}} {
			if f.on {
				fmt.Fprintf(p.w, "%s  %s: true\n", indent, f.key)
			}
		}
	}
}

// scalar writes a string so that every YAML reader gets the same string back.
// yaml.v3 quotes what YAML 1.1 (Ruby, bosh) would read as something else.
func scalar(s string) string {
	if strings.ContainsAny(s, "\n\r") {
		// a block scalar would need indentation of its own: quote it instead
		n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
		out, err := yaml.Marshal(&n)
		if err == nil {
			return strings.TrimSuffix(string(out), "\n")
		}
	}
	out, err := yaml.Marshal(s)
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Validate holds a rendered bpm.yml against the schema and against what bpm
// itself refuses only at start: the first of its Problems is an error.
func Validate(data []byte) error {
	f := &source.File{Name: "bpm.yml", Data: data}
	d := &Document{File: f, Format: "yaml"}
	(&yamlReader{doc: d, template: &erb.Template{File: f, Segments: []erb.Segment{{Kind: erb.Text, End: len(data)}}}}).read()
	for _, p := range d.Problems("") {
		if p.Severity > source.Note {
			return fmt.Errorf("line %d: %s", p.Span.Position().Line, p.Message)
		}
	}
	return nil
}
