//go:build unix

package commands

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bosh-bpmify/bosh-bpmify/release"
)

// tryLock locks the folder itself, so that nothing is left of the lock.
func (d *disk) tryLock() (unlock func(), err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, release.Cause(err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, errLocked
	}
	// other errors: NFS and the like cannot lock folders
	return func() {
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // a child that starts may hold the file, too
		_ = f.Close()
	}, nil
}

// lockedBy says which process has the lock, where the system tells: " (pid 7)".
func (d *disk) lockedBy() string {
	info, err := d.root.Stat(".")
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	locks, err := os.ReadFile("/proc/locks")
	if !ok || err != nil {
		return ""
	}
	pid := ""
	for line := range strings.Lines(string(locks)) {
		// 1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
		words := strings.Fields(line)
		if len(words) > 5 && words[1] == "FLOCK" && strings.HasSuffix(words[5], fmt.Sprintf(":%d", stat.Ino)) {
			if pid != "" {
				return "" // of several file systems
			}
			pid = words[4]
		}
	}
	if pid == "" {
		return ""
	}
	return " (pid " + pid + ")"
}

// give makes a file that root creates belong to whom the file belongs that it is
// for, or the folder of that one: in a container everybody is root, and the
// release is not root's.
func (d *disk) give(f *os.File, target string) {
	if os.Geteuid() != 0 {
		return
	}
	info, err := d.root.Lstat(filepath.FromSlash(target))
	if err != nil {
		info, err = d.root.Stat(filepath.FromSlash(path.Dir(target)))
	}
	if err != nil {
		return
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid)) // where that cannot be the file is root's
	}
}
