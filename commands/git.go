package commands

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// git runs git in dir without anything that the checkout's own configuration
// could make it execute. ok is false when dir is no checkout or git is absent.
func git(dir string, args ...string) (out []byte, ok bool) {
	out, err := runGit(dir, args...)
	return out, err == nil
}

func runGit(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"}, args...)...)
	cmd.Env = append(cmd.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_LITERAL_PATHSPECS=1", "LC_ALL=C")
	return cmd.Output()
}

// gitPrefix is the path from the top of the checkout to dir, with a slash at
// the end, or empty.
func gitPrefix(dir string) string {
	if !inCheckout(dir) {
		return ""
	}
	out, ok := git(dir, "rev-parse", "--show-prefix")
	if !ok {
		return ""
	}
	return strings.TrimRight(string(out), "\n")
}

// inCheckout says whether a .git lies above dir: git does not have to be asked
// where there is none.
func inCheckout(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return true
	}
	for {
		if _, err := os.Lstat(filepath.Join(abs, ".git")); err == nil {
			return true
		}
		up := filepath.Dir(abs)
		if up == abs {
			return os.Getenv("GIT_DIR") != ""
		}
		abs = up
	}
}

// uncommitted gives an error when one of the files differs from what is
// committed: after the run nobody could tell the two changes apart.
func uncommitted(dir string, names []string) error {
	// a command line holds so many names only
	for some := range slices.Chunk(names, 500) {
		out, err := runGit(dir, append([]string{"status", "--porcelain", "-z", "--"}, some...)...)
		var failed *exec.ExitError
		if errors.As(err, &failed) && inCheckout(dir) && !bytes.HasPrefix(failed.Stderr, []byte("fatal: not a git repository")) {
			says, _, _ := strings.Cut(string(failed.Stderr), "\n")
			return fmt.Errorf("%s: git cannot tell what is committed here (%s); make git status work, or use --force", dir, says)
		}
		if err != nil {
			return nil
		}
		for _, e := range strings.Split(string(out), "\x00") {
			if len(e) > 3 {
				state := "has uncommitted changes"
				if strings.HasPrefix(e, "??") {
					state = "is not committed"
				}
				return fmt.Errorf("%s: %s; commit or stash first, or use --force", strings.TrimPrefix(e[3:], gitPrefix(dir)), state)
			}
		}
	}
	return nil
}

// errNoCheckout says that git knows nothing of a directory.
var errNoCheckout = errors.New("no git checkout")

// changedSince gives the files of dir that differ from a revision, as they were
// then; nil is one that was not there. short is the revision's short name.
func changedSince(dir, revision string) (files map[string]*source.File, short string, err error) {
	if !inCheckout(dir) {
		return nil, "", errNoCheckout
	}
	out, ok := git(dir, "rev-parse", "--verify", "--quiet", "--short", revision+"^{commit}")
	if !ok {
		return nil, "", fmt.Errorf("%s: git has no revision %s there", dir, revision)
	}
	short = strings.TrimSpace(string(out))
	out, ok = git(dir, "diff", "--no-renames", "--no-ext-diff", "--ignore-submodules=all", "--name-only", "--relative", "-z", short, "--", ".")
	if !ok {
		return nil, "", fmt.Errorf("%s: git diff %s fails", dir, revision)
	}
	files = map[string]*source.File{}
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		files[name] = nil
		if data, ok := git(dir, "show", "--no-textconv", short+":./"+name); ok {
			files[name] = &source.File{Name: name, Data: data, Mode: 0o644}
		}
	}
	out, _ = git(dir, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if name != "" {
			files[name] = nil
		}
	}
	return files, short, nil
}
