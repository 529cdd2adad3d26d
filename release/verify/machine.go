package verify

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/vm"
)

// The environments that a process is started with: by monit (monit 5.2.5
// resets it, src/env.c) and by the agent for bin/pre-start and bin/post-start
// (bosh-agent, agent/script/pathenv).
var (
	monitEnv = map[string]string{"PATH": "/bin:/usr/bin:/sbin:/usr/sbin"}
	agentEnv = map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
)

// side is a job on a machine of its own.
type side struct {
	job    *release.Job
	vm     *vm.VM
	ctx    render.Context
	render func(*source.File, render.Context) ([]byte, error)
	// failed are templates that do not render, each once.
	failed []error
	// checks are what monit starts, as rendered.
	checks []check
	// launched is what bpm was asked to start, by the name of the check.
	launched map[string]*launched
	current  string
	// containers are the processes that bpm knows, with their pids, by JOB/PROCESS:
	// one that died is known until it is started again.
	containers map[string]string
	// running are those that were started last, by JOB/PROCESS.
	running map[string]*launched
	// status has the exit statuses of the scripts that the agent runs, printed what
	// drain printed.
	status  map[string]int
	printed map[string]string
	// started has the exit statuses of the start programs, by their checks.
	started map[string]int
	// signals are those that drain sent to processes.
	signals []string
	// configs are the bpm.yml that were read, by their text.
	configs map[string]config
	// before is the tree before anything ran.
	before vm.Snapshot
	// places tells where the lines of rendered scripts come from, by target.
	places map[string]*lines
}

// check is a check process of a rendered monit file.
type check struct {
	name, pidfile string
	start         []string
	user, group   string
	stop          program
}

// program is a command of monit, with as whom it is executed.
type program struct {
	args        []string
	user, group string
}

// launched is a process that bpm started.
type launched struct {
	process bpm.Process
	err     string
	// phase is when it was: a script may start it before monit does.
	phase string
}

// newSide makes the machine of a job: what the agent puts there before monit and
// bpm come.
func newSide(j *release.Job, ctx render.Context, renderer func(*source.File, render.Context) ([]byte, error)) *side {
	s := &side{job: j, vm: vm.New(), ctx: ctx, render: renderer, launched: map[string]*launched{}, containers: map[string]string{}, running: map[string]*launched{}, places: map[string]*lines{}, configs: map[string]config{}, status: map[string]int{}, started: map[string]int{}, printed: map[string]string{}}
	t := s.vm.Files
	dir := func(name, group string, mode fs.FileMode) { t.AddDir("/var/vcap/"+name, "root", group, mode) }
	for _, d := range []string{"bosh/bin", "bosh/etc", "data", "data/packages", "jobs", "monit", "packages", "store", "sys"} {
		dir(d, "root", 0o755)
	}
	dir("sys/log", "vcap", 0o750)
	dir("sys/run", "vcap", 0o750)
	dir("data/tmp", "vcap", 0o770)
	dir("instance", "vcap", 0o750)
	for name, text := range map[string]string{"name": "ig", "id": vm.Hostname, "deployment": "dep", "az": "z1", "bootstrap": "true"} {
		t.Add("/var/vcap/instance/"+name, text, 0o640).Group = "vcap"
	}
	s.jobFolders()
	dir("sys/log/monit", "root", 0o755) // old helpers write there, and so did old agents
	t.AddLink("/var/vcap/data/sys", "/var/vcap/sys")
	t.AddLink("/var/vcap/data/jobs", "/var/vcap/jobs")
	s.install()
	s.before = t.Snapshot()
	return s
}

// jobFolders makes the folders of the job that are not there, as the agent does when
// it applies a job and when it starts (bosh-agent, agent/applier/models/job.go,
// CreateDirectories; agent/bootstrap.go).
func (s *side) jobFolders() {
	for _, d := range []string{"sys/log/", "sys/run/", "data/"} {
		name := "/var/vcap/" + d + s.job.Name
		if _, err := s.vm.Root(nil).Stat(name); err != nil {
			s.vm.Files.AddDir(name, "root", "vcap", 0o770)
		}
	}
}

// install puts the files of the job there, its packages and bpm.
func (s *side) install() {
	t, j := s.vm.Files, s.job
	own := "/var/vcap/jobs/" + j.Name
	t.AddDir(own, "root", "vcap", 0o750)
	t.AddLink(own+"/packages", "/var/vcap/packages")
	for _, p := range j.Spec.Packages {
		// scripts look for these with patterns, which find what is there
		for _, d := range []string{"", "/bin", "/lib"} {
			t.AddDir("/var/vcap/packages/"+p+d, "root", "root", 0o755)
		}
		t.AddLink("/var/vcap/data/packages/"+p, "/var/vcap/packages/"+p)
	}
	for _, tpl := range j.Spec.Templates {
		target := path.Join(own, tpl.Target)
		mode := fs.FileMode(0o640)
		if strings.HasPrefix(path.Clean(tpl.Target), "bin/") {
			mode = 0o750
		}
		for d := path.Dir(target); d != own && strings.HasPrefix(d, own); d = path.Dir(d) {
			t.AddDir(d, "root", "vcap", 0o750)
		}
		t.AddLazy(target, mode, func() ([]byte, error) { return s.template(tpl.Source) }).Group = "vcap"
	}
	s.bind()
}

// bind makes bpm, and what is taken to be there, those of this side.
func (s *side) bind() {
	s.vm.Files.AddProgram("/var/vcap/jobs/bpm/bin/bpm", s.bpm)
	s.vm.Files.Assume = s.assume
}

// template renders a template of the job.
func (s *side) template(src string) ([]byte, error) {
	f, err := s.job.Release.Read(s.job.TemplateName(src))
	if err != nil {
		s.fail(err)
		return nil, err
	}
	data, err := s.render(f, s.ctx)
	if err != nil {
		s.fail(err)
	}
	return data, err
}

func (s *side) fail(err error) {
	for _, e := range s.failed {
		if e.Error() == err.Error() {
			return
		}
	}
	s.failed = append(s.failed, err)
}

// hasExtension is a base name that looks like that of a file with text in it.
var hasExtension = search.MustCompile(`[^.]\.[A-Za-z][A-Za-z0-9]*$`)

// assume says what is at a path that only a package or another job could have
// put there. A file that the release has the source of is that; otherwise a name
// below bin is a program, one with an extension a file, any other a folder.
func (s *side) assume(name string) *vm.Node {
	if strings.ContainsAny(name, "*?[") {
		return nil // a pattern that matched nothing
	}
	rest, ok := strings.CutPrefix(name, "/var/vcap/packages/")
	if rest == "bpm/bin/bpm" {
		return vm.Native(s.bpm)
	}
	if !ok {
		rest, ok = strings.CutPrefix(name, "/var/vcap/data/packages/")
	}
	switch {
	case ok:
		f, err := s.job.Release.PackageFile("/var/vcap/packages/" + rest)
		if err == nil && f != nil {
			mode := fs.FileMode(0o644)
			if inBin(rest) || f.Mode&0o111 != 0 {
				mode = 0o755
			}
			return vm.File(f.Data, mode)
		}
	case strings.HasPrefix(name, "/var/vcap/jobs/"):
		rest = strings.TrimPrefix(name, "/var/vcap/jobs/")
		if job, _, _ := strings.Cut(rest, "/"); job == s.job.Name {
			return nil // all that it has is there
		}
	case strings.HasPrefix(name, "/proc/sys/"):
		return vm.File(nil, 0o644) // what the kernel can be told
	case strings.HasPrefix(name, "/var/vcap/bosh/"):
		rest = strings.TrimPrefix(name, "/var/vcap/bosh/")
	default:
		return nil
	}
	switch base := path.Base(name); {
	case inBin(rest):
		return vm.File(nil, 0o755)
	case hasExtension.MatchString(base):
		return vm.File(nil, 0o644)
	}
	return vm.Folder(0o755)
}

// inBin says whether a path lies in a folder of programs.
func inBin(name string) bool {
	switch path.Base(path.Dir(name)) {
	case "bin", "sbin", "libexec":
		return true
	}
	return false
}

// maxChecks is how many checks of a job are run: a number in the properties may
// ask for thousands.
const maxChecks = 24

// run runs the start path: pre-start, what monit starts, post-start.
func (s *side) run() error {
	data, err := s.render(s.job.Monit, s.ctx)
	if err != nil {
		s.fail(err)
		return err
	}
	if err := s.readMonit(data); err != nil {
		return err
	}
	if len(s.checks) > maxChecks {
		s.checks = s.checks[:maxChecks]
		s.vm.Miss(fmt.Sprintf("monit has more than %d checks here: the first ones are run", maxChecks))
	}
	s.deploy()
	return nil
}

// deploy runs what a deployment does when the files are there.
func (s *side) deploy() {
	s.script("pre-start")
	s.startAll()
	s.script("post-start")
}

// startAll lets monit start what it watches.
func (s *side) startAll() {
	for _, c := range s.checks {
		if len(c.start) == 0 {
			continue
		}
		s.vm.Phase, s.current = "start "+c.name, c.name
		s.started[c.name] = s.monit(program{c.start, c.user, c.group})
		s.wroteOwn(c)
	}
}

// monit executes a program of a check. monit starts with the umask 0.
func (s *side) monit(m program) int {
	p := s.vm.Root(monitEnv)
	p.Umask = 0
	if m.user != "" {
		p.Become(m.user, m.group)
	}
	s.vm.Rewind()
	return p.Run(m.args)
}

// wroteOwn writes the pidfile of a check that no script wrote: then the process
// did, as monit waits for it.
func (s *side) wroteOwn(c check) {
	pidfile := unquoted(c.pidfile)
	if isBPM(c.start) || len(programs(s, c.name)) == 0 {
		return
	}
	root := s.vm.Root(nil)
	if data, err := root.ReadFile(pidfile); err == nil && s.vm.Alive(strings.TrimSpace(string(data))) {
		return
	}
	if dir, err := root.Stat(path.Dir(pidfile)); err != nil || !dir.Mode.IsDir() {
		return
	}
	s.vm.Phase = left
	_ = root.WriteFile(pidfile, []byte(s.vm.Started()+"\n"), false) // where it cannot be written there is none
}

// script runs bin/NAME of the job when it has one.
func (s *side) script(name string, args ...string) {
	if _, ok := s.job.Spec.Template("bin/" + name); !ok {
		return
	}
	s.vm.Phase, s.current = name, ""
	s.vm.Rewind()
	s.printed[name], s.status[name] = s.vm.Root(agentEnv).Capture(append([]string{"/var/vcap/jobs/" + s.job.Name + "/bin/" + name}, args...))
}

// readMonit reads the checks of a rendered monit file.
func (s *side) readMonit(data []byte) error {
	f, err := monit.Parse(&source.File{Name: s.job.Monit.Name, Data: data})
	if err != nil {
		return fmt.Errorf("%s, rendered: %w", s.job.Monit.Name, err)
	}
	for _, c := range f.Checks {
		k := check{name: unquoted(c.NameText())}
		if c.Kind != "process" {
			continue
		}
		if c.Pidfile != nil {
			k.pidfile = c.Pidfile.Value.Text()
		}
		if c.Start != nil {
			k.start = words(c.Start.Command.Text())
			k.user, k.group = unquoted(c.Start.Uid.Text()), unquoted(c.Start.Gid.Text())
		}
		if c.Stop != nil {
			k.stop = program{words(c.Stop.Command.Text()), unquoted(c.Stop.Uid.Text()), unquoted(c.Stop.Gid.Text())}
		}
		s.checks = append(s.checks, k)
	}
	return nil
}

func unquoted(s string) string { return strings.Trim(s, `"'`) }

// words splits the command of a start program as monit does: at blanks, but for
// what stands in single quotes.
func words(command string) []string {
	var out []string
	word, quoted, open := "", false, false
	for _, r := range command {
		switch {
		case r == '\'':
			quoted, open = !quoted, true
		case !quoted && (r == ' ' || r == '\t' || r == '\n'):
			if open {
				out = append(out, word)
			}
			word, open = "", false
		default:
			word, open = word+string(r), true
		}
	}
	if open {
		out = append(out, word)
	}
	return out
}
