package verify

import (
	"fmt"
	"io/fs"
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
	if process == "" {
		process = job
	}
	id := job + "/" + process
	switch verb {
	case "start":
	case "run":
	case "stop":
		if err := s.stopped(job, process); err != nil {
			fmt.Fprintf(c.Stderr, "Error: %s\n", err)
			return 1
		}
		return 0
	case "pid":
		if pid := s.containers[id]; s.vm.Alive(pid) {
			fmt.Fprintln(c.Stdout, pid)
			return 0
		}
		fmt.Fprintln(c.Stderr, "Error: process is not running or could not be found")
		return 1
	default:
		return 0
	}
	l := &launched{phase: s.vm.Phase}
	running := verb == "start" && s.vm.Alive(s.containers[id])
	if running {
		l = s.running[id]
	}
	if s.current != "" {
		s.launched[s.current] = l
	}
	if running {
		return 0 // commands/start.go
	}
	s.running[id] = l
	if err := s.start(c, job, process, verb == "start", l); err != nil {
		l.err = err.Error()
		fmt.Fprintf(c.Stderr, "Error: %s\n", err)
		return 1
	}
	return 0
}

// wrongConfig begins what is said of a configuration that does not say what was meant.
const wrongConfig = "config/bpm.yml: "

// configured is a process of the job's configuration.
func (s *side) configured(job, process string) (bpm.Process, error) {
	file := "/var/vcap/jobs/" + job + "/config/bpm.yml"
	data, err := s.vm.Root(agentEnv).ReadFile(file)
	if err != nil {
		return bpm.Process{}, fmt.Errorf("failed to parse job configuration: %s", err)
	}
	processes, err := s.config(data)
	if err != nil {
		return bpm.Process{}, fmt.Errorf(wrongConfig+"%w", err)
	}
	i := slices.IndexFunc(processes, func(p bpm.Process) bool { return p.Name == process })
	if i < 0 {
		return bpm.Process{}, fmt.Errorf("process %q not present in job configuration (%s)", process, file)
	}
	return processes[i], nil
}

// stopped ends a process and takes its pidfile away (commands/stop.go).
func (s *side) stopped(job, process string) error {
	pid, there := s.containers[job+"/"+process]
	if !there {
		return nil
	}
	if _, err := s.configured(job, process); err != nil {
		return err
	}
	s.vm.End(pid)
	s.forgotten(job, process)
	return nil
}

// forgotten takes away what bpm knows of a process (RuncLifecycle.RemoveProcess).
func (s *side) forgotten(job, process string) {
	delete(s.containers, job+"/"+process)
	s.vm.Files.Delete(bpm.PidFile(job, process))
}

// start reads the configuration and starts the process; stays says that it goes on
// when bpm has ended.
func (s *side) start(c *vm.Call, job, process string, stays bool, l *launched) error {
	root := s.vm.Root(agentEnv)
	root.Umask = 0o077 // os.MkdirAll with 0700: folders that lead there are root's alone
	phase := s.vm.Phase
	byBPM := func(do func() error) error {
		s.vm.Phase = made
		defer func() { s.vm.Phase = phase }()
		return do()
	}
	if err := byBPM(func() error { return s.logFile(root, job, "bpm.log") }); err != nil {
		return err
	}
	p, err := s.configured(job, process)
	if err != nil {
		return err
	}
	l.process = p
	s.forgotten(job, process) // one that died
	err = byBPM(func() error {
		if err := s.folders(root, job, p); err != nil {
			return err
		}
		for _, name := range []string{process + ".stdout.log", process + ".stderr.log"} {
			if err := s.logFile(root, job, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	env := processEnv(job, p)
	if hook := p.Hooks.PreStart; hook != "" {
		s.vm.Phase = "hook " + process
		h := s.vm.Root(env)
		h.Umask = c.Umask // that of monit
		status := h.Run([]string{hook})
		s.vm.Phase = phase
		if status != 0 {
			return fmt.Errorf("prestart hook failed: exit status %d", status)
		}
	}
	in := s.vm.Root(env) // with the umask 022, which runc sets
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
	if !stays {
		return nil
	}
	pid := s.vm.Started()
	s.containers[job+"/"+process] = pid
	return byBPM(func() error { return root.WriteFile(bpm.PidFile(job, process), []byte(pid), false) })
}

// logFile opens a log as bpm does since 1.4.30 (safeio.OpenAppendChown).
func (s *side) logFile(root *vm.Process, job, name string) error {
	dir := "/var/vcap/sys/log/" + job
	if err := root.Mkdir(dir, 0o750, true); err != nil {
		return err
	}
	full := path.Join(dir, name)
	if n, err := root.Lstat(full); err == nil {
		if n.Mode&fs.ModeSymlink != 0 {
			return fmt.Errorf("refusing to open symlink at %s", full)
		}
		if n.Owner == "vcap" && n.Group == "vcap" {
			return nil
		}
	} else if _, err := root.Create(full, 0o600); err != nil {
		return err
	}
	return root.Chown(full, "vcap", "vcap", false)
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

// folders makes those that bpm makes, in its order (RuncAdapter.CreateJobPrerequisites).
// What leads to one that is not there belongs to root alone.
func (s *side) folders(root *vm.Process, job string, p bpm.Process) error {
	if err := root.Mkdir(path.Dir(bpm.PidFile(job, "x")), 0o700, true); err != nil {
		return err
	}
	var dirs, chown []string
	for _, v := range p.AdditionalVolumes {
		if v.MountOnly {
			continue
		}
		if n, err := root.Stat(v.Path); err != nil {
			dirs = append(dirs, v.Path)
		} else if n.Mode.IsDir() && n.Mode.Perm() != 0o700 {
			if err := root.Chmod(v.Path, 0o700); err != nil {
				return err
			}
		}
		chown = append(chown, v.Path)
	}
	dirs = append(dirs, "/var/vcap/sys/log/"+job, "/var/vcap/sys/run/"+job, "/var/vcap/data/"+job+"/tmp")
	if p.EphemeralDisk {
		dirs = append(dirs, "/var/vcap/data/"+job)
	}
	if p.PersistentDisk {
		dirs = append(dirs, "/var/vcap/store/"+job)
	}
	for _, d := range dirs {
		if err := root.Mkdir(d, 0o700, true); err != nil {
			return err
		}
		if err := root.Chown(d, "vcap", "vcap", true); err != nil {
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
