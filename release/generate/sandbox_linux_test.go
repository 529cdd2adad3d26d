package generate

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// The sandbox runs the start path of a job in real bash: a mount, process and network
// namespace over an overlay of this machine that vanishes with it, with a /var/vcap of
// its own. Programs of packages are stubs that write down how they were executed.

// stub writes down who executed it and how, into a file that is named for its process,
// and the order into another. It succeeds and prints nothing, as package vm has it.
const stub = `#!/bin/dash
read n < /proc/$$/stat
while read k v x; do case $k in Uid:) u=$v; break ;; esac; done < /proc/$$/status
{ printf '%s\0' "$0" "$(pwd -P)" "$u" "$(ulimit -n)" "$(ulimit -c)" "$#" "$@"; cat /proc/$$/environ; } > /bpmify/rec.$$
echo $$ >> /bpmify/order
exit 0
`

// hostStubs are commands that change the machine or talk to others: written down only.
var hostStubs = strings.Fields(`sysctl modprobe insmod iptables ip6tables ipset mount umount ip ifconfig route ethtool swapon
	service systemctl crontab hostname logger curl wget nc ping pkill killall monit apt-get dpkg ldconfig openssl reboot setcap
	useradd usermod groupadd update-ca-certificates`)

// record is one execution of a stub.
type record struct {
	// Start says that monit started it.
	Start                       bool
	Exe, Dir, Uid, Nofile, Core string
	Args                        []string
	Env                         map[string]string
}

// recording is what a start path did.
type recording struct {
	Records []record
	// Files are by path: type, mode, owner and content.
	Files  map[string]string
	Log    string
	Status string
	// Ended says that all scripts came to their end in time.
	Ended bool
}

// sandbox has what all runs share.
type sandbox struct {
	dir      string
	prefix   []string
	renderer *render.Renderer
	mu       sync.Mutex
	runs     int
	// known are the programs of packages that scripts turned out to execute.
	// They are kept for each family of jobs.
	known  map[string]map[string]bool
	family string
}

// newSandbox skips the test where there is no root and no sudo.
func newSandbox(t *testing.T, r *render.Renderer) *sandbox {
	t.Helper()
	s := &sandbox{dir: t.TempDir(), renderer: r, known: map[string]map[string]bool{}}
	for d := s.dir; d != "/"; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err == nil && info.Mode()&0o005 != 0o005 {
			_ = os.Chmod(d, info.Mode()|0o055)
		}
	}
	for _, c := range hostStubs {
		for _, d := range []string{"usr/bin", "usr/sbin"} {
			if _, err := os.Stat("/" + d + "/" + c); err == nil || d == "usr/sbin" {
				writeMode(t, filepath.Join(s.dir, "lower", d, c), stub, 0o755)
				break
			}
		}
	}
	// a script that waits is not waited for
	writeMode(t, filepath.Join(s.dir, "lower/usr/bin/sleep"), "#!/bin/dash\nexit 0\n", 0o755)
	if program, err := os.ReadFile("/usr/bin/sleep"); err == nil {
		writeMode(t, filepath.Join(s.dir, "lower/usr/bin/bpmify-sleep"), string(program), 0o755)
	}
	writeMode(t, filepath.Join(s.dir, "outer"), outer, 0o755)
	unshare := []string{"unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"}
	if os.Getuid() != 0 {
		unshare = append([]string{"sudo", "-n"}, unshare...)
	}
	s.prefix = unshare
	probe := filepath.Join(s.dir, "probe")
	for _, d := range []string{"tree", "out"} {
		if err := os.MkdirAll(filepath.Join(probe, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeMode(t, filepath.Join(probe, "out", "inner"), "chpst -u vcap true && setpriv --reuid vcap --regid vcap --clear-groups true && echo fine", 0o755)
	out, err := s.command(context.Background(), probe).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "fine") {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" && os.Getuid() == 0 {
			t.Fatalf("no namespace, chpst or user vcap: %v\n%s", err, out)
		}
		t.Skipf("no namespace, chpst or user vcap: %v\n%s", err, out)
	}
	return s
}

func (s *sandbox) command(ctx context.Context, work string) *exec.Cmd {
	argv := slices.Concat(s.prefix, []string{"bash", filepath.Join(s.dir, "outer"), work, filepath.Join(s.dir, "lower")})
	return exec.CommandContext(ctx, argv[0], argv[1:]...)
}

// outer makes the machine and runs /bpmify/inner on it.
const outer = `set -e
ulimit -Sn 1024
W=$1
mount --make-rprivate /
mkdir -p $W/ns
mount -t tmpfs -o mode=755 none $W/ns
mkdir $W/ns/upper $W/ns/work $W/ns/root
cp -r --preserve=mode $2 $W/ns/lower
mount -t overlay none -o lowerdir=$W/ns/lower:/,upperdir=$W/ns/upper,workdir=$W/ns/work $W/ns/root
R=$W/ns/root
mkdir -p $R/proc $R/dev $R/tmp $R/var/vcap $R/bpmify
mount -t proc proc $R/proc
mount --bind $R/proc/sys $R/proc/sys
mount -o remount,ro,bind $R/proc/sys
mount --rbind /dev $R/dev
mount -t tmpfs -o mode=1777 none $R/tmp
mount -t tmpfs -o mode=755 none $R/var/vcap
chmod 1777 $W/out
touch $W/out/order
chmod 666 $W/out/order
mount --bind $W/out $R/bpmify
cp -r --preserve=mode,links $W/tree/. $R/var/vcap/
chown -R root:root $R/var/vcap
chroot $R /bin/bash /bpmify/inner
`

func writeMode(t testing.TB, name, text string, mode os.FileMode) {
	t.Helper()
	if err := put(name, text, mode); err != nil {
		t.Fatal(err)
	}
}

func put(name, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}

// monitStart and agentStart are the environments and umasks with which monit and the agent
// start things.
const (
	monitStart = "cd /; umask 0; env -i PATH=/bin:/usr/bin:/sbin:/usr/sbin timeout -s KILL 10 "
	agentStart = "cd /; umask 022; env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin timeout -s KILL 10 "
)

// errRender says that the job does not render.
var errRender = errors.New("does not render")

// run runs the start path of a job with values. What scripts miss in packages is put
// there, and they run again.
func (s *sandbox) run(j *release.Job, ctx render.Context) (*recording, error) {
	known := s.known[s.family]
	if known == nil {
		known = map[string]bool{}
		s.known[s.family] = known
	}
	for try := 0; ; try++ {
		r, err := s.once(j, ctx)
		if err != nil {
			return nil, err
		}
		more := false
		log := r.Log
		for p, what := range r.Files {
			if strings.HasPrefix(p, "/var/vcap/sys/log/") {
				log += what
			}
		}
		for _, line := range strings.Split(log, "\n") {
			if !missing.MatchString(line) {
				continue
			}
			for _, p := range packagePath.FindAllString(strings.ReplaceAll(line, "/var/vcap/jobs/"+j.Name+"/packages/", "/var/vcap/packages/"), -1) {
				p = strings.TrimRight(p, ".:")
				if strings.Count(p, "/") > 4 && !known[p] {
					known[p], more = true, true
				}
			}
			if m := bareName.FindStringSubmatch(line); m != nil {
				for _, pkg := range j.Spec.Packages {
					if p := "/var/vcap/packages/" + pkg + "/bin/" + m[1]; !known[p] {
						known[p], more = true, true
					}
				}
			}
		}
		if !more || try == 3 {
			return r, nil
		}
	}
}

var (
	missing     = regexp.MustCompile(`No such file|not exist|not found|Is a directory|not a directory|annot execute`)
	bareName    = regexp.MustCompile(`(?:line \d+: (?:exec: |\./bin/)?|unable to run: |execute |env: ['‘]?)([\w-][\w.-]*)['’]?: `)
	packagePath = regexp.MustCompile(`/var/vcap/(?:data/)?packages/[\w.+/-]+`)
	assigned    = regexp.MustCompile(`(?m)^\s*(?:export\s+|readonly\s+|local\s+)?([A-Za-z_]\w*)=["']?([\w./${}-]+)["']?\s*$`)
	withEnding  = regexp.MustCompile(`[^.]\.[A-Za-z][A-Za-z0-9]*$`)
)

// once runs it once.
func (s *sandbox) once(j *release.Job, ctx render.Context) (*recording, error) {
	s.mu.Lock()
	s.runs++
	work := filepath.Join(s.dir, fmt.Sprint("run", s.runs))
	s.mu.Unlock()
	defer os.RemoveAll(work)
	own := "/var/vcap/jobs/" + j.Name
	tree := func(p string) string {
		return filepath.Join(work, "tree", strings.TrimPrefix(path.Clean(p), "/var/vcap/"))
	}
	var inner strings.Builder
	fmt.Fprintf(&inner, "settle() { for i in {1..60}; do set -- /proc/[0-9]*; [ $# -gt 2 ] || break; bpmify-sleep 0.05; done; }\numask 022\nid vcap > /dev/null 2>&1 || { echo vcap:x:1000:1000::/home/vcap:/bin/bash >> /etc/passwd; echo vcap:x:1000: >> /etc/group; mkdir -p /home/vcap; }\n"+
		"cd /var/vcap\nmkdir -p bosh/bin bosh/etc data/packages data/tmp monit store sys/log/monit sys/run instance data/%[1]s sys/log/%[1]s sys/run/%[1]s packages jobs/%[1]s\n"+
		"chmod 750 sys/log sys/run instance jobs/%[1]s\nchmod 770 data/tmp data/%[1]s sys/log/%[1]s sys/run/%[1]s\nchgrp -R vcap sys/log sys/run instance data/tmp data/%[1]s jobs/%[1]s\n"+
		"ln -s /var/vcap/sys data/sys\nln -s /var/vcap/packages jobs/%[1]s/packages\n", j.Name)
	var texts []string
	for _, tpl := range j.Spec.Templates {
		f, err := j.Release.Read(j.TemplateName(tpl.Source))
		if err != nil {
			return nil, err
		}
		data, err := s.renderer.Render(f, ctx)
		if err != nil {
			return nil, fmt.Errorf("%s %w: %w", f.Name, errRender, err)
		}
		mode := os.FileMode(0o640)
		if strings.HasPrefix(path.Clean(tpl.Target), "bin/") {
			mode = 0o750
		}
		texts = append(texts, string(data))
		if err := put(tree(own+"/"+tpl.Target), allowed(string(data)), mode); err != nil {
			return nil, err
		}
	}
	if err := s.packages(j, texts, tree); err != nil {
		return nil, err
	}
	data, err := s.renderer.Render(j.Monit, ctx)
	if err != nil {
		return nil, fmt.Errorf("monit %w: %w", errRender, err)
	}
	m, err := monit.Parse(&source.File{Name: "monit", Data: data})
	if err != nil {
		return nil, err
	}
	if err := s.bpm(j, ctx, work, tree); err != nil {
		return nil, err
	}
	step := func(env, name string, words []string) {
		fmt.Fprintf(&inner, "echo '=== %s' >> /bpmify/order\n(%s%s) < /dev/null >> /bpmify/log 2>&1\necho %s $? >> /bpmify/status\nsettle # what runs in the background\n", name, env, quoted(words), name)
	}
	hasScript := func(name string) bool { _, ok := j.Spec.Template("bin/" + name); return ok }
	if hasScript("pre-start") {
		step(agentStart, "pre-start", []string{own + "/bin/pre-start"})
	}
	for _, c := range m.Checks {
		if c.Kind == "process" && c.Start != nil {
			step(monitStart, "start", words(c.Start.Command.Text()))
		}
	}
	if hasScript("post-start") {
		step(agentStart, "post-start", []string{own + "/bin/post-start"})
	}
	inner.WriteString("cd /var/vcap\nrm -rf jobs/bpm\ntar --exclude=./packages -cf /bpmify/after.tar . 2> /dev/null\nchmod -R a+rX /bpmify\necho ended >> /bpmify/status\n")
	if err := put(filepath.Join(work, "out", "inner"), inner.String(), 0o755); err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	out, _ := s.command(limit, work).CombinedOutput() // a script that fails is no failure of ours
	return read(filepath.Join(work, "out"), string(out), j.Name)
}

// packages puts stubs and files where the texts name them.
func (s *sandbox) packages(j *release.Job, texts []string, tree func(string) string) error {
	names := map[string]bool{}
	maps.Copy(names, s.known[s.family])
	for _, p := range j.Spec.Packages {
		for _, d := range []string{"bin", "lib"} {
			if err := os.MkdirAll(tree("/var/vcap/packages/"+p+"/"+d), 0o755); err != nil {
				return err
			}
		}
	}
	values := map[string]string{}
	for _, text := range texts {
		for _, m := range assigned.FindAllStringSubmatch(text, -1) {
			values[m[1]] = m[2]
		}
	}
	// a helper of a package names further paths
	for len(texts) > 0 {
		text := texts[0]
		texts = texts[1:]
		for range 3 {
			text = os.Expand(text, func(name string) string {
				if v, ok := values[name]; ok {
					return v
				}
				return "$" + name + " "
			})
		}
		text = strings.ReplaceAll(text, "/var/vcap/jobs/"+j.Name+"/packages/", "/var/vcap/packages/")
		for _, p := range packagePath.FindAllString(text, -1) {
			p = path.Clean(strings.Replace(strings.TrimRight(p, "."), "/data/packages/", "/packages/", 1))
			if names[p] || strings.Count(p, "/") < 5 || strings.HasPrefix(p, "/var/vcap/packages/bpm/") {
				continue
			}
			names[p] = false
			if f, err := j.Release.PackageFile(p); err == nil && f != nil {
				mode := os.FileMode(0o644)
				if path.Base(path.Dir(p)) == "bin" || f.Mode&0o111 != 0 {
					mode = 0o755
				}
				texts = append(texts, string(f.Data))
				if err := put(tree(p), string(f.Data), mode); err != nil {
					return err
				}
			}
		}
	}
	for p, executed := range names {
		if _, err := os.Lstat(tree(p)); err == nil {
			continue
		}
		parent := path.Base(path.Dir(p))
		switch {
		case executed || parent == "bin" || parent == "sbin" || parent == "libexec":
			if err := put(tree(p), stub, 0o755); err != nil {
				continue // a file is where it wants a folder
			}
		case withEnding.MatchString(path.Base(p)):
			_ = put(tree(p), "", 0o644)
		}
	}
	return nil
}

// bpm puts a program bpm there that starts the processes of the rendered bpm.yml as bpm
// does, without the container: their environment, folder, user, hook and limits.
func (s *sandbox) bpm(j *release.Job, ctx render.Context, work string, tree func(string) string) error {
	f, _, err := j.TemplateFile("config/bpm.yml")
	if err != nil {
		return nil
	}
	data, err := s.renderer.Render(f, ctx)
	if err != nil {
		return fmt.Errorf("bpm.yml %w: %w", errRender, err)
	}
	if err := bpm.Validate(data); err != nil {
		return put(tree("/var/vcap/jobs/bpm/bin/bpm"), "#!/bin/bash\necho "+quoted([]string{err.Error()})+"\nexit 1\n", 0o755)
	}
	processes, err := bpm.Rendered(data)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("#!/bin/bash\n[ \"$1\" = start ] || exit 0\nset -e\nP=$2\n[ \"$3\" != -p ] || P=$4\ncase $P in\n")
	for _, p := range processes {
		fmt.Fprintf(&b, "%s)\n", quoted([]string{p.Name}))
		dirs := []string{"/var/vcap/sys/log/" + j.Name, "/var/vcap/sys/run/" + j.Name, "/var/vcap/data/" + j.Name + "/tmp"}
		if p.EphemeralDisk {
			dirs = append(dirs, "/var/vcap/data/"+j.Name)
		}
		if p.PersistentDisk {
			dirs = append(dirs, "/var/vcap/store/"+j.Name)
		}
		for _, v := range p.AdditionalVolumes {
			if !v.MountOnly {
				dirs = append(dirs, v.Path)
			}
		}
		fmt.Fprintf(&b, "for d in %s; do if [ ! -e $d ]; then mkdir -p $d; chmod 700 $d; fi; chown vcap:vcap $d; done\n", quoted(dirs))
		env := map[string]string{"TMPDIR": "/var/vcap/data/" + j.Name + "/tmp", "LANG": "en_US.UTF-8", "HOME": "/var/vcap/data/" + j.Name,
			"PATH": "/var/vcap/jobs/" + j.Name + "/bin:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:."}
		for _, e := range p.Env {
			env[e.Name] = e.Value
		}
		var list []string
		for _, k := range slices.Sorted(maps.Keys(env)) {
			list = append(list, k+"="+env[k])
		}
		if p.Hooks.PreStart != "" {
			fmt.Fprintf(&b, "(cd /; exec env -i %s)\n", quoted(append(slices.Clone(list), p.Hooks.PreStart)))
		}
		dir := p.WorkDir
		if dir == "" {
			dir = "/var/vcap/jobs/" + j.Name
		}
		fmt.Fprintf(&b, "umask 022\ncd %s\n", quoted([]string{dir}))
		if p.Limits.OpenFiles != 0 {
			b.WriteString(allowed(fmt.Sprintf("ulimit -n %d\n", p.Limits.OpenFiles)))
		}
		if p.Limits.CoreFileSize != 0 {
			fmt.Fprintf(&b, "ulimit -c %d || :\n", p.Limits.CoreFileSize/1024)
		}
		as := "setpriv --reuid vcap --regid vcap --clear-groups "
		if p.Unsafe.Privileged {
			as = ""
		}
		fmt.Fprintf(&b, "%senv -i %s\n;;\n", as, quoted(slices.Concat(list, []string{p.Executable}, p.Args)))
	}
	b.WriteString("*) echo no process $P; exit 1 ;;\nesac\n")
	return put(tree("/var/vcap/jobs/bpm/bin/bpm"), b.String(), 0o755)
}

var openFiles = regexp.MustCompile(`(ulimit -[SH]*n )(\d+)`)

// allowed is a script that asks for no more open files than this machine has: not even
// root may have more everywhere.
func allowed(text string) string {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return text
	}
	return openFiles.ReplaceAllStringFunc(text, func(whole string) string {
		m := openFiles.FindStringSubmatch(whole)
		if n, err := strconv.ParseUint(m[2], 10, 64); err != nil || n > limit.Max {
			return m[1] + strconv.FormatUint(limit.Max, 10)
		}
		return whole
	})
}

// read reads what a run left.
func read(out, log, job string) (*recording, error) {
	r := &recording{Files: map[string]string{}}
	data, _ := os.ReadFile(filepath.Join(out, "log"))
	r.Log = string(data) + log
	status, _ := os.ReadFile(filepath.Join(out, "status"))
	r.Status = string(status)
	if !strings.HasSuffix(r.Status, "ended\n") {
		return nil, fmt.Errorf("the sandbox did not come to its end: %s", r.Log)
	}
	r.Ended = !strings.Contains(r.Status, " 137\n")
	order, err := os.ReadFile(filepath.Join(out, "order"))
	if err != nil {
		return nil, err
	}
	phase := ""
	for _, pid := range strings.Split(strings.TrimSpace(string(order)), "\n") {
		if name, ok := strings.CutPrefix(pid, "=== "); ok || pid == "" {
			phase = name
			continue
		}
		data, err := os.ReadFile(filepath.Join(out, "rec."+pid))
		if err != nil {
			return nil, err
		}
		parts := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
		if len(parts) < 6 {
			return nil, fmt.Errorf("a record of %d parts", len(parts))
		}
		var n int
		if _, err := fmt.Sscan(parts[5], &n); err != nil || len(parts) < 6+n {
			return nil, fmt.Errorf("a record that is cut: %q", parts)
		}
		e := record{Start: phase == "start", Exe: parts[0], Dir: parts[1], Uid: parts[2], Nofile: parts[3], Core: parts[4], Args: parts[6 : 6+n], Env: map[string]string{}}
		for _, kv := range parts[6+n:] {
			if k, v, ok := strings.Cut(kv, "="); ok {
				e.Env[k] = v
			}
		}
		r.Records = append(r.Records, e)
	}
	f, err := os.Open(filepath.Join(out, "after.tar"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, in); err != nil {
			return nil, err
		}
		name := path.Join("/var/vcap", h.Name)
		r.Files[name] = fmt.Sprintf("%c %o %s:%s %s\n%s", h.Typeflag, h.Mode&0o7777, h.Uname, h.Gname, h.Linkname, text.String())
	}
}

// quoted is a command line for a shell.
func quoted(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(out, " ")
}

// words splits the command of a start program as monit does.
func words(command string) []string {
	var out []string
	word, inQuotes, open := "", false, false
	for _, r := range command {
		switch {
		case r == '\'':
			inQuotes, open = !inQuotes, true
		case !inQuotes && (r == ' ' || r == '\t' || r == '\n'):
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
