package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// git runs git in dir without anything that the checkout's own configuration
// could make it execute. ok is false when dir is no checkout or git is absent.
func git(dir string, args ...string) (out []byte, ok bool) {
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"}, args...)...)
	cmd.Env = append(cmd.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	out, err := cmd.Output()
	return out, err == nil
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
	if len(names) == 0 {
		return nil
	}
	out, ok := git(dir, append([]string{"status", "--porcelain", "-z", "--"}, names...)...)
	if !ok {
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
	return nil
}
