package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// fault is what happens to one operation on a file.
type fault struct {
	name string
	err  error
	// dead says that nothing after it reaches the disk: the process was killed,
	// or the power failed.
	dead bool
}

var faults = []fault{
	{"ENOSPC", syscall.ENOSPC, false},
	{"EACCES", syscall.EACCES, false},
	{"EIO", syscall.EIO, false},
	{"short write", io.ErrShortWrite, false},
	{"crash", errors.New("crashed"), true},
	{"crash in the middle of a write", errors.New("crashed"), true},
}

// at gives the step that makes operation n of a run fail, and counts.
func (f fault) at(n int, count *int, seen *[]string) step {
	return func(operation, p string) error {
		*count++
		if seen != nil {
			*seen = append(*seen, operation)
		}
		if *count < n || *count > n && !f.dead {
			return nil
		}
		if *count == n && operation == "write" && (f.err == io.ErrShortWrite || strings.HasSuffix(f.name, "write")) {
			if err := os.WriteFile(p, []byte("a part of what was to be wri"), 0o600); err != nil {
				panic(err)
			}
		}
		return f.err
	}
}

// applies leaves out what is the same as another one.
func (f fault) applies(operation string) bool {
	return operation == "write" || f.err != io.ErrShortWrite && !strings.HasSuffix(f.name, "write")
}

func faulty(t *testing.T, s step, args ...string) (status int, out string) {
	t.Helper()
	var b bytes.Buffer
	status = runMain(args, strings.NewReader(""), &b, &b, s)
	return status, b.String()
}

// small is a release in which files are edited, made and removed.
const small = `
-- config/final.yml --
name: shop
-- jobs/web/spec --
name: web
templates:
  ctl.erb: bin/ctl
packages: [web]
properties:
  port:
    default: 8080
-- jobs/web/monit --
check process web
  with pidfile /var/vcap/sys/run/web/web.pid
  start program "/var/vcap/jobs/web/bin/ctl start"
  stop program "/var/vcap/jobs/web/bin/ctl stop"
  group vcap
-- jobs/web/templates/ctl.erb --
#!/bin/bash
case $1 in
  start)
    mkdir -p /var/vcap/sys/run/web /var/vcap/data/web/cache
    echo $$ > /var/vcap/sys/run/web/web.pid
    exec chpst -u vcap:vcap /var/vcap/packages/web/bin/web -port <%= p('port') %>
    ;;
  stop)
    kill $(cat /var/vcap/sys/run/web/web.pid)
    ;;
esac
-- manifests/shop.yml --
name: shop
releases:
- name: shop
  version: latest
instance_groups:
- name: web
  jobs:
  - name: web
    release: shop
`

// unpacked writes the files of an archive to a folder of their own.
func unpacked(t *testing.T, archive string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	for _, f := range txtar.Parse([]byte(archive)).Files {
		p := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// others are what the manifest and ops commands write, beside the release.
const others = small + `
-- other/a/one.yml --
releases: [{name: shop, version: 1}]
instance_groups:
- name: web
  jobs:
  - name: web
    release: shop
-- other/b/two.yml --
releases:
- name: shop
  version: 2
instance_groups:
- name: web2
  jobs:
  - name: web
    release: shop
`

var ourFile = regexp.MustCompile(`\.bosh-bpmify-`)

// TestEveryFault has each operation on a file fail in each way: every file is
// then the old one or the new one, what the program could clean up is cleaned up,
// the error says what to do, and a second run comes to what one that nothing
// disturbs comes to. With BPMIFY_EVERY_FAULT each errno is tried at each
// operation, otherwise they take turns.
func TestEveryFault(t *testing.T) {
	for _, c := range []struct {
		name, archive string
		args          []string
		least         int
	}{
		{"release", small, []string{"release", "DIR"}, 80},
		{"manifest", others, []string{"manifest", "--release", "shop", "DIR/other/a/one.yml", "DIR/other/b/two.yml"}, 15},
		{"ops", others, []string{"ops", "--release", "shop", "--ops-file", "DIR/other/ops.yml", "DIR/other/b/two.yml"}, 10},
	} {
		args := func(dir string) []string {
			var out []string
			for _, a := range c.args {
				out = append(out, strings.Replace(a, "DIR", dir, 1))
			}
			return out
		}
		old := tree(t, unpacked(t, c.archive))
		whole := unpacked(t, c.archive)
		var operations []string
		n := 0
		if status, out := faulty(t, fault{}.at(-1, &n, &operations), args(whole)...); status != 0 {
			t.Fatal(out)
		}
		done := tree(t, whole)
		if len(operations) < c.least {
			t.Fatalf("%s: only %d operations: %q", c.name, len(operations), operations)
		}
		for i, f := range faults {
			t.Run(c.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				outcome := map[string]int{}
				for n := 1; n <= len(operations); n++ {
					operation := operations[n-1]
					turn := i >= 3 || n%3 == i || os.Getenv("BPMIFY_EVERY_FAULT") != ""
					if !f.applies(operation) || !turn {
						continue
					}
					dir := unpacked(t, c.archive)
					count := 0
					what := fmt.Sprintf("%s at operation %d (%s)", f.name, n, operation)
					status, out := faulty(t, f.at(n, &count, nil), args(dir)...)
					state := holdOldOrNew(t, what, old, done, tree(t, dir))
					if status == 0 {
						t.Fatalf("%s: the run says that it went well\n%s", what, out)
					}
					if !f.dead {
						if !strings.Contains(out, f.err.Error()) || !strings.Contains(out, "run again") {
							t.Errorf("%s: does not say what to do: %s", what, out)
						}
						if said := strings.Contains(out, "nothing was changed"); said && !strings.HasPrefix(state, "old") {
							t.Errorf("%s: says that nothing was changed, and it is %s", what, state)
						}
					}
					outcome[operation+"\t"+state]++
					if status, out := bpmify(t, args(dir)...); status != 0 {
						t.Errorf("%s: second run: %s", what, out)
					}
					if diff := cmp.Diff(done, tree(t, dir)); diff != "" {
						t.Errorf("%s: second run:\n%s", what, diff)
					}
					if t.Failed() {
						t.FailNow()
					}
				}
				for _, o := range slices.Sorted(maps.Keys(outcome)) {
					t.Logf("%s\t%d", o, outcome[o])
				}
			})
		}
	}
}

// TestFaultInRecovery cuts the run off that puts a first one right, too.
func TestFaultInRecovery(t *testing.T) {
	whole := unpacked(t, small)
	if status, out := bpmify(t, "release", whole); status != 0 {
		t.Fatal(out)
	}
	done, old := tree(t, whole), tree(t, unpacked(t, small))
	crash := faults[4]
	for point, recovering := range map[string]int{"sync": 14, "rename": 40} {
		for n := 1; n <= recovering; n++ {
			dir := unpacked(t, small)
			first, times := crash.at(1, new(int), nil), 0
			faulty(t, func(operation, name string) error {
				if operation == point {
					times++
				}
				if times < 4 { // the third new content, the second file that is placed
					return nil
				}
				return first(operation, name)
			}, "release", dir)
			count := 0
			status, _ := faulty(t, crash.at(n, &count, nil), "release", dir)
			holdOldOrNew(t, fmt.Sprintf("recovery from a crash at %s, cut off at %d", point, n), old, done, tree(t, dir))
			if status == 0 {
				break // it needed less operations
			}
			if status, out := bpmify(t, "release", dir); status != 0 {
				t.Fatalf("%s, %d: third run: %s", point, n, out)
			}
			if diff := cmp.Diff(done, tree(t, dir)); diff != "" {
				t.Fatalf("%s, %d: third run:\n%s", point, n, diff)
			}
		}
	}
}

// holdOldOrNew says in which state a release is: old, new or between, with the
// files of a run that was cut off.
func holdOldOrNew(t *testing.T, what string, old, done, now map[string]string) (state string) {
	t.Helper()
	isOld, isNew, ours := true, true, ""
	for name, content := range now {
		if ourFile.MatchString(name) {
			ours = ", with files of its own"
			continue
		}
		if content != old[name] && content != done[name] {
			t.Errorf("%s: %s is neither old nor new:\n%s", what, name, content)
		}
		isOld = isOld && content == old[name]
		isNew = isNew && content == done[name]
	}
	for name := range old {
		_, there := now[name]
		if _, stays := done[name]; !there && stays {
			t.Errorf("%s: %s is gone", what, name)
		}
		isOld = isOld && there
	}
	for name := range done {
		_, there := now[name]
		isNew = isNew && there
	}
	switch {
	case isOld:
		return "old" + ours
	case isNew:
		return "new" + ours
	}
	return "between" + ours
}
