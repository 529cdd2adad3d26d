package commands

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/bosh-bpmify/bosh-bpmify/release"
)

// disk is the files below one folder. What is written goes through it alone: it
// is opened once, and no name and no link below it leads out of it.
type disk struct {
	// dir is the folder as the user gave it, real the same without links.
	dir, real string
	root      *os.Root
	step      step
	folders   map[string]string
}

// step is asked before each operation on a file, and what it gives back is that
// operation's failure. Only tests have one.
type step func(operation, path string) error

// openDisk opens a folder. What it gives has to be closed.
func openDisk(dir string, s step) (*disk, error) {
	if s == nil {
		s = func(string, string) error { return nil }
	}
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, failed(dir, release.Cause(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, failed(dir, release.Cause(err))
	}
	return &disk{dir: dir, real: real, root: root, step: s, folders: map[string]string{}}, nil
}

func (d *disk) close() { _ = d.root.Close() }

func (d *disk) before(operation, name string) error { return d.step(operation, d.path(name)) }

// path is the place of a file for people.
func (d *disk) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

// resolve gives the name of a file without the links of its folder: two names
// of one file become the same. A folder that lies elsewhere, or is one of git's,
// is an error.
func (d *disk) resolve(name string) (string, error) {
	folder := path.Dir(path.Clean(name))
	to, known := d.folders[folder]
	if !known {
		var err error
		if to, err = d.follow(folder); err != nil {
			return "", failed(name, err)
		}
		d.folders[folder] = to
	}
	resolved := path.Join(to, path.Base(name))
	if err := ours(resolved); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return resolved, nil
}

func (d *disk) follow(folder string) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(folder)) {
		return "", errors.New("leads out of the release")
	}
	if err := d.before("resolve", folder); err != nil {
		return "", err
	}
	p, err := filepath.EvalSymlinks(filepath.Join(d.real, filepath.FromSlash(folder)))
	if err != nil {
		return "", fmt.Errorf("the folder %s: %w", folder, release.Cause(err))
	}
	rel, err := filepath.Rel(d.real, p)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("the folder %s is a link that leads out of the release (to %s)", folder, p)
	}
	return filepath.ToSlash(rel), nil
}

// ours refuses the names that no run writes to.
func ours(name string) error {
	if name == "." || !filepath.IsLocal(filepath.FromSlash(name)) {
		return errors.New("leads out of the release")
	}
	for _, part := range strings.Split(name, "/") {
		if strings.EqualFold(part, ".git") {
			return errors.New("lies in a folder of git, which is not written to")
		}
	}
	return nil
}

func (d *disk) lstat(name string) (fs.FileInfo, error) {
	if err := d.before("lstat", name); err != nil {
		return nil, err
	}
	info, err := d.root.Lstat(filepath.FromSlash(name))
	return info, release.Cause(err)
}

// read reads a regular file; reading a pipe could take for ever.
func (d *disk) read(name string) ([]byte, error) {
	info, err := d.lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("is not a regular file (%s)", info.Mode().Type())
	}
	if err := d.before("read", name); err != nil {
		return nil, err
	}
	data, err := d.root.ReadFile(filepath.FromSlash(name))
	return data, release.Cause(err)
}

// sum is the checksum of a file, or "" where there is none.
func (d *disk) sum(name string) (string, error) {
	data, err := d.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return checksum(data), nil
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// create makes a new file with all that is to be in it, on the disk for good. It
// belongs to whom target belongs, or its folder where that is not there yet. One
// that cannot be finished is removed.
func (d *disk) create(name, target string, data []byte, mode fs.FileMode) error {
	if err := d.before("create", name); err != nil {
		return err
	}
	f, err := d.root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return release.Cause(err)
	}
	d.give(f, target)
	for _, s := range []struct {
		operation string
		do        func() error
	}{
		{"write", func() error { _, err := f.Write(data); return err }},
		{"chmod", func() error { return f.Chmod(mode) }},
		{"sync", f.Sync},
	} {
		if err = d.before(s.operation, name); err == nil {
			err = s.do()
		}
		if err != nil {
			break
		}
	}
	closed := d.before("close", name)
	if failed := f.Close(); closed == nil {
		closed = failed
	}
	if err == nil {
		err = closed
	}
	if err == nil {
		return nil
	}
	return andAlso(release.Cause(err), d.leftOver(name))
}

// leftOver removes a file that is not needed, and says so where that fails.
func (d *disk) leftOver(name string) error {
	err := d.remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s is left over (%w)", d.path(name), err)
}

func (d *disk) rename(from, to string) error {
	if err := d.before("rename", to); err != nil {
		return err
	}
	return release.Cause(d.root.Rename(filepath.FromSlash(from), filepath.FromSlash(to)))
}

func (d *disk) remove(name string) error {
	if err := d.before("remove", name); err != nil {
		return err
	}
	return release.Cause(d.root.Remove(filepath.FromSlash(name)))
}

// syncFolder makes what was created, renamed and removed in a folder last when
// the power fails. Windows and some file systems have no such thing.
func (d *disk) syncFolder(name string) error {
	if err := d.before("sync folder", name); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := d.root.Open(filepath.FromSlash(name))
	if err != nil {
		return release.Cause(err)
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return release.Cause(err)
}

// names lists a folder, in no order that matters.
func (d *disk) names(folder string) ([]string, error) {
	if err := d.before("list", folder); err != nil {
		return nil, err
	}
	f, err := d.root.Open(filepath.FromSlash(folder))
	if err != nil {
		return nil, release.Cause(err)
	}
	defer f.Close()
	var names []string
	for {
		some, err := f.Readdirnames(1000)
		names = append(names, some...)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, release.Cause(err)
		}
	}
}

// failed is the error of an operation on a file.
func failed(name string, err error) error {
	return fmt.Errorf("%s: %w%s", name, err, advice(err))
}

// advice says what to do about a failure of the disk, behind a semicolon.
func advice(err error) string {
	var number syscall.Errno
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "; make room and run again"
	case errors.Is(err, syscall.EROFS):
		return "; mount the file system writable and run again"
	case errors.Is(err, fs.ErrPermission):
		return "; give yourself permission to read and write it and its folder, and run again"
	case errors.As(err, &number), errors.Is(err, io.ErrShortWrite):
		return "; run again once the disk works"
	}
	return ""
}
