package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bookFiles lie in the folder of each script.
var bookFiles = map[string]string{
	"data.txt": "first line\n second  one\nthird\n",
	"conf":     "k:v\nname:a:b\n# c\n",
	"noeol":    "l1\nl2",
	"empty":    "",
	"lib.sh":   "LIB=\"lib $#\"\nlibf() { echo \"libf $1\"; }\n",
	"conf.env": "KEY=val\nOTHER=\"o t\"\n",
	"ret.sh":   "echo ret\nreturn 4\necho no\n",
	"sub.sh":   "echo \"sub $# $1\"\n",
	"d/one":    "1\n",
	"d/two":    "2\n",
	".hid":     "h\n",
}

// run is what a script did.
type run struct {
	out    string
	status int
	files  map[string]string
	// named is what the machine says that it does not know.
	named []string
	slow  bool
}

// realRun runs a script with the real shell.
func realRun(t *testing.T, shell, script string) run {
	t.Helper()
	dir, err := os.MkdirTemp("", "shellbook")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range bookFiles {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("data.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "s.sh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "./s.sh", "a", "b c")
	cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/root"}
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	r := run{out: strings.ReplaceAll(out.String(), dir, "/work"), status: cmd.ProcessState.ExitCode(), slow: ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay)}
	if ws := cmd.ProcessState.String(); strings.HasPrefix(ws, "signal:") {
		r.status = 256
	}
	r.files = map[string]string{}
	for name, text := range realTree(t, dir) {
		r.files[name] = strings.ReplaceAll(text, dir, "/work")
	}
	return r
}

// machineRun runs it on the machine.
func machineRun(script string) run {
	v := New()
	v.Files.AddDir("/work", "root", "root", 0o700)
	for name, text := range bookFiles {
		if d := filepath.Dir(name); d != "." {
			v.Files.AddDir("/work/"+d, "root", "root", 0o755)
		}
		v.Files.Add("/work/"+name, text, 0o644)
	}
	v.Files.AddLink("/work/link", "data.txt")
	v.Files.Add("/work/s.sh", script, 0o755)
	p := v.Root(map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/root"})
	p.Dir = "/work"
	var out, errs bytes.Buffer
	shell := "bash"
	if strings.HasPrefix(script, "#!/bin/sh") {
		shell = "dash"
	}
	status := p.run([]string{shell, "./s.sh", "a", "b c"}, nil, &out, &errs)
	r := run{out: out.String(), status: status, files: memoryTree(p), named: v.Unknown}
	for _, e := range v.Errors {
		r.named = append(r.named, "error: "+e)
	}
	if v.Stopped {
		r.named = append(r.named, "stopped")
	}
	return r
}

// differs says in what two runs differ.
func differs(real, ours run) string {
	switch {
	case real.slow, strings.Contains(real.out, "/etc /"), strings.Contains(real.out, "[/etc][/"):
		return "" // too slow, or it listed the host's root
	case real.out != ours.out:
		return "output"
	case real.status != ours.status && real.status != 256:
		return fmt.Sprintf("status %d, real %d", ours.status, real.status)
	}
	for n, text := range real.files {
		if ours.files[n] != text {
			return "file " + n
		}
	}
	for n := range ours.files {
		if _, ok := real.files[n]; !ok {
			return "file " + n
		}
	}
	return ""
}

// tells says whether a difference is told.
func (r run) tells() bool {
	for _, n := range r.named {
		if !strings.HasPrefix(n, "command not found: ") {
			return true
		}
	}
	return false
}

// shrink takes away what a difference does not need.
func shrink(t *testing.T, shell, script string) string {
	bad := func(s string) bool {
		if exec.Command(shell, "-n", "-c", s).Run() != nil {
			return false
		}
		real, ours := realRun(t, shell, s), machineRun(s)
		return differs(real, ours) != "" && !ours.tells()
	}
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	for n := len(lines) / 2; n >= 1; n /= 2 {
		for i := len(lines) - n; i >= 1; i-- {
			if i+n > len(lines) {
				continue
			}
			less := append(append([]string{}, lines[:i]...), lines[i+n:]...)
			if bad(strings.Join(less, "\n") + "\n") {
				lines = less
			}
		}
	}
	words := strings.SplitAfter(strings.Join(lines, "\n")+"\n", " ")
	for i := len(words) - 1; i >= 1; i-- {
		if i >= len(words) {
			continue
		}
		less := append(append([]string{}, words[:i]...), words[i+1:]...)
		if s := strings.Join(less, ""); strings.HasPrefix(s, "#!") && bad(s) {
			words = less
		}
	}
	return strings.Join(words, "")
}

// defaultSignals lets the shells have signals that a test in the background was
// started without: one that is ignored cannot be trapped.
func defaultSignals(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGQUIT)
	t.Cleanup(func() { signal.Stop(c) })
}

func environment(name string, or int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return or
}

// TestShellbook runs generated scripts with the real shells and on this machine.
// BPMIFY_SHELLBOOK is how many, BPMIFY_SEED where they begin.
func TestShellbook(t *testing.T) {
	defaultSignals(t)
	for _, shell := range []string{"bash", "dash"} {
		t.Run(shell, func(t *testing.T) {
			full, err := exec.LookPath(shell)
			if err != nil {
				if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
					t.Fatal(shell + " is needed")
				}
				t.Skip("no " + shell)
			}
			n := environment("BPMIFY_SHELLBOOK", 300)
			if shell == "dash" {
				n = (n + 2) / 3
			}
			seed := environment("BPMIFY_SEED", 1)
			most := environment("BPMIFY_SHOW", 20)
			var lock sync.Mutex
			found, told := 0, 0
			why := map[string]int{}
			work := make(chan int)
			var wait sync.WaitGroup
			for range 2 {
				wait.Add(1)
				go func() {
					defer wait.Done()
					for i := range work {
						g := &grammar{Rand: rand.New(rand.NewPCG(uint64(seed), uint64(i))), dash: shell == "dash"}
						script := g.script()
						real, ours := realRun(t, full, script), machineRun(script)
						d := differs(real, ours)
						if d == "" {
							continue
						}
						lock.Lock()
						if ours.tells() {
							told++
							for _, n := range ours.named {
								why[n]++
							}
							if os.Getenv("BPMIFY_NAMED") != "" {
								t.Logf("script %d: %q\n%s", i, ours.named, script)
							}
							lock.Unlock()
							continue
						}
						found++
						show := found <= most
						lock.Unlock()
						if !show {
							continue
						}
						small := shrink(t, full, script)
						real, ours = realRun(t, full, small), machineRun(small)
						t.Errorf("script %d differs in %s:\n%s--- real (status %d)\n%s--- ours (status %d)\n%s", i, differs(real, ours), small, real.status, real.out, ours.status, ours.out)
					}
				}()
			}
			for i := range n {
				work <- i
			}
			close(work)
			wait.Wait()
			t.Logf("%s: %d scripts, %d differ in silence, %d differ and are named", shell, n, found, told)
			for n, c := range why {
				t.Logf("  %4d %s", c, n)
			}
		})
	}
}
