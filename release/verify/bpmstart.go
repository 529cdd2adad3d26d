package verify

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// made is the phase in which bpm makes folders: what it did itself is told from
// what scripts did.
const made = "bpm"

// bpm is the program bpm: it starts a process as bpm-release 1.4 does
// (src/bpm/runc/lifecycle, src/bpm/runc/adapter).
func (s *side) bpm(c *vm.Call) int {
	args := slices.Clone(c.Args[1:])
	verb, job, process := "", "", ""
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case (a == "-p" || a == "--process") && i+1 < len(args):
			i++
			process = args[i]
		case strings.HasPrefix(a, "--process="):
			process = strings.TrimPrefix(a, "--process=")
		case strings.HasPrefix(a, "-p") && len(a) > 2:
			process = a[2:]
		case strings.HasPrefix(a, "-"):
		case verb == "":
			verb = a
		case job == "":
			job = a
		}
	}
	if verb != "start" && verb != "run" {
		return 0
	}
	if process == "" {
		process = job
	}
	l := &launched{}
	if s.current != "" {
		s.launched[s.current] = l
	}
	if err := s.start(c, job, process, l); err != nil {
		l.err = err.Error()
		fmt.Fprintf(c.Stderr, "Error: %s\n", err)
		return 1
	}
	return 0
}

// wrongConfig begins what is said of a configuration that does not say what was meant.
const wrongConfig = "config/bpm.yml: "

// start reads the configuration and starts the process.
func (s *side) start(c *vm.Call, job, process string, l *launched) error {
	file := "/var/vcap/jobs/" + job + "/config/bpm.yml"
	root := s.vm.Root(agentEnv)
	data, err := root.ReadFile(file)
	if err != nil {
		return fmt.Errorf("failed to parse job configuration: %s", err)
	}
	processes, err := s.config(data)
	if err != nil {
		return fmt.Errorf(wrongConfig+"%w", err)
	}
	i := slices.IndexFunc(processes, func(p bpm.Process) bool { return p.Name == process })
	if i < 0 {
		return fmt.Errorf("process %q not present in job configuration (%s)", process, file)
	}
	p := processes[i]
	l.process = p
	phase := s.vm.Phase
	s.vm.Phase = made
	err = s.folders(root, job, p)
	s.vm.Phase = phase
	if err != nil {
		return err
	}
	env := processEnv(job, p)
	if hook := p.Hooks.PreStart; hook != "" {
		s.vm.Phase = "hook " + process
		h := s.vm.Root(env)
		status := h.Run([]string{hook})
		s.vm.Phase = phase
		if status != 0 {
			return fmt.Errorf("prestart hook failed: exit status %d", status)
		}
	}
	in := s.vm.Root(env)
	box := container.Of(job, p)
	in.Container = &box
	in.Limits = vm.Limits{"n": "524288"}
	if p.Limits.OpenFiles != 0 {
		in.Limits["n"] = strconv.FormatUint(p.Limits.OpenFiles, 10)
	}
	if p.Limits.Processes != 0 {
		in.Limits["u"] = strconv.FormatInt(p.Limits.Processes, 10)
	}
	if p.Limits.CoreFileSize != 0 {
		in.Limits["c"] = strconv.FormatUint(p.Limits.CoreFileSize, 10)
	}
	if !p.Unsafe.Privileged {
		in.Become("vcap", "vcap")
		in.Capabilities = append([]string{}, p.Capabilities...)
	}
	in.Dir = path.Join("/var/vcap/jobs", job)
	if p.WorkDir != "" {
		in.Dir = p.WorkDir
		if n, err := in.Stat(p.WorkDir); err != nil || !n.Mode.IsDir() {
			return fmt.Errorf("chdir to cwd (%q) failed: no such folder in the container", p.WorkDir)
		}
	}
	in.Run(append([]string{p.Executable}, p.Args...))
	s.vm.Phase = made
	defer func() { s.vm.Phase = phase }()
	pidfile := bpm.PidFile(job, process)
	if err := root.Mkdir(path.Dir(pidfile), 0o755, true); err != nil {
		return err
	}
	return root.WriteFile(pidfile, []byte(s.vm.Started()), false)
}

// config is a rendered bpm.yml, or why bpm does not take it.
type config struct {
	processes []bpm.Process
	err       error
}

// config reads a rendered bpm.yml, once.
func (s *side) config(data []byte) ([]bpm.Process, error) {
	if c, ok := s.configs[string(data)]; ok {
		return c.processes, c.err
	}
	var c config
	if c.err = bpm.Validate(data); c.err == nil {
		c.processes, c.err = bpm.Rendered(data)
	}
	s.configs[string(data)] = c
	return c.processes, c.err
}

// processEnv is env with what bpm gives a process that does not set it.
func processEnv(job string, p bpm.Process) map[string]string {
	env := map[string]string{
		"TMPDIR": "/var/vcap/data/" + job + "/tmp",
		"LANG":   "en_US.UTF-8",
		"HOME":   "/var/vcap/data/" + job,
		"PATH":   "/var/vcap/jobs/" + job + "/bin:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:.",
	}
	set := map[string]string{}
	for _, e := range p.Env {
		set[e.Name] = e.Value
	}
	maps.Copy(env, set)
	return env
}

// folders makes those that bpm makes, in its order.
func (s *side) folders(root *vm.Process, job string, p bpm.Process) error {
	own := func(name string) error {
		if err := root.Mkdir(name, 0o700, true); err != nil {
			return err
		}
		return root.Chown(name, "vcap", "vcap", true)
	}
	var chown []string
	for _, v := range p.AdditionalVolumes {
		if v.MountOnly {
			continue
		}
		if n, err := root.Stat(v.Path); err != nil {
			if err := own(v.Path); err != nil {
				return err
			}
		} else if n.Mode.IsDir() && n.Mode.Perm() != 0o700 {
			if err := root.Chmod(v.Path, 0o700); err != nil {
				return err
			}
		}
		chown = append(chown, v.Path)
	}
	dirs := []string{"/var/vcap/sys/log/" + job, "/var/vcap/sys/run/" + job, "/var/vcap/data/" + job + "/tmp"}
	if p.EphemeralDisk {
		dirs = append(dirs, "/var/vcap/data/"+job)
	}
	if p.PersistentDisk {
		dirs = append(dirs, "/var/vcap/store/"+job)
	}
	for _, d := range dirs {
		if err := own(d); err != nil {
			return err
		}
	}
	for _, d := range chown {
		if err := root.Chown(d, "vcap", "vcap", true); err != nil {
			return err
		}
	}
	return nil
}
