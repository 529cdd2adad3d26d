package vm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// file is an open file of the machine in a test.
type file struct {
	bytes.Buffer
	close func(data []byte) error
}

func (f *file) Close() error { return f.close(f.Bytes()) }

// entry is a name in a folder.
type entry struct {
	name string
	mode fs.FileMode
}

func (e entry) Name() string               { return e.name }
func (e entry) IsDir() bool                { return e.mode.IsDir() }
func (e entry) Type() fs.FileMode          { return e.mode.Type() }
func (e entry) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }

// carryOut runs a script whose commands are those of this package, as a process.
func carryOut(t *testing.T, p *Process, script string) (stdout, stderr string, status int) {
	t.Helper()
	parsed, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	dir := t.TempDir()
	here := func(name string) string { return filepath.Join("/work", strings.TrimPrefix(name, dir)) }
	runner, err := interp.New(
		interp.StdIO(strings.NewReader(""), &out, &errs), interp.Dir(dir),
		interp.ReadDirHandler2(func(_ context.Context, name string) ([]fs.DirEntry, error) {
			names, err := p.List(here(name))
			var all []fs.DirEntry
			for _, n := range names {
				all = append(all, entry{n, p.Files.look(here(name) + "/" + n).Mode})
			}
			return all, err
		}),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
			return func(ctx context.Context, args []string) error {
				command := commands[args[0]]
				if command == nil {
					t.Errorf("no command %s", args[0])
					return interp.ExitStatus(127)
				}
				h := interp.HandlerCtx(ctx)
				if s := command(&Call{Process: p, Args: args, Stdin: h.Stdin, Stdout: h.Stdout, Stderr: h.Stderr}); s != 0 {
					return interp.ExitStatus(s)
				}
				return nil
			}
		}),
		interp.OpenHandler(func(_ context.Context, name string, flag int, _ fs.FileMode) (io.ReadWriteCloser, error) {
			if strings.HasPrefix(name, "/dev/null") {
				return &file{close: func([]byte) error { return nil }}, nil
			}
			name = here(name)
			if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
				data, err := p.ReadFile(name)
				if err != nil {
					return nil, err
				}
				return &file{*bytes.NewBuffer(data), func([]byte) error { return nil }}, nil
			}
			if err := p.WriteFile(name, nil, flag&os.O_APPEND != 0); err != nil {
				return nil, err
			}
			return &file{close: func(data []byte) error { return p.WriteFile(name, data, true) }}, nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	err = runner.Run(context.Background(), parsed)
	var exit interp.ExitStatus
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), int(exit)
}

// machine is a machine with a working folder.
func machine(t *testing.T) *Process {
	t.Helper()
	v := New()
	v.Files.AddDir("/work", "root", "root", 0o755)
	p := v.Root(map[string]string{"PATH": "/usr/bin", "HOME": "/root"})
	p.Dir = "/work"
	return p
}

// notInstalled is what bash says of a program of these that the machine lacks.
var notInstalled = regexp.MustCompile(`(?:jq|rsync|xxd|envsubst): command not found`)

// TestReal runs the same scripts with the commands of this machine and with the
// real ones under bash: what they print, how they end and the files that they
// leave behind must be the same.
func TestReal(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil || exec.Command(bash, "-c", "sed --version | grep -q GNU").Run() != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("bash and GNU's commands are needed")
		}
		t.Skip("no bash, or not GNU's commands")
	}
	for _, group := range realCases {
		for _, script := range strings.Split(strings.TrimSpace(group.scripts), "\n") {
			t.Run(group.name+"/"+script, func(t *testing.T) {
				all := group.setup + "\n" + script
				dir := t.TempDir()
				cmd := exec.Command(bash, "-c", "umask 022; "+all)
				cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=/root"}
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				err := cmd.Run()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				if lacks := notInstalled.FindString(errs.String()); lacks != "" {
					if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
						t.Fatal(lacks)
					}
					t.Skip(lacks)
				}
				p := machine(t)
				got, stderr, status := carryOut(t, p, all)
				if d := cmp.Diff(out.String(), got); d != "" {
					t.Errorf("printed (-real +ours):\n%s", d)
				}
				if want := cmd.ProcessState.ExitCode(); status != want {
					t.Errorf("status %d, want %d; stderr %s", status, want, stderr)
				}
				if d := cmp.Diff(realTree(t, dir), memoryTree(p)); d != "" {
					t.Errorf("files (-real +ours):\n%s", d)
				}
				if len(p.Unknown) > 0 {
					t.Errorf("unknown: %q", p.Unknown)
				}
			})
		}
	}
}

func realTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(p)
			text = "-> " + to
		case info.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += " " + string(data)
		}
		all[strings.TrimPrefix(p, dir)] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func memoryTree(p *Process) map[string]string {
	all := map[string]string{}
	for _, q := range p.Files.below("/work") {
		n := p.Files.look(q)
		if q == "/work" {
			continue
		}
		text := n.Mode.String()
		switch {
		case n.Mode&fs.ModeSymlink != 0:
			text = "-> " + n.Link
		case n.Mode.IsRegular():
			data, _ := n.Data()
			text += " " + string(data)
		}
		all[strings.TrimPrefix(q, "/work")] = text
	}
	return all
}
