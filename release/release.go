// Package release loads a BOSH release directory: its jobs with their spec,
// monit file and templates, its packages, and its name.
//
// Specs are read with bosh-cli's own reader, so that what bosh accepts is
// accepted here; positions come from a second, yaml.v3 pass over the same
// bytes. The package reads, and decides nothing: the rules are in
// release/convert, writing is in commands.
package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// MaxFileSize is the largest file that is read, in bytes. The largest template of
// the releases that we know has a tenth of it; a larger file is somebody's
// mistake and would only cost time and memory.
const MaxFileSize = 4 << 20

// Release is a release directory as it was found.
type Release struct {
	// Dir is the directory as the user gave it.
	Dir string
	// Name is final_name, name or dev_name of config/, else the directory's.
	Name string
	Jobs []*Job

	// mu is for files and plainDirs: jobs are looked at side by side.
	mu    sync.Mutex
	files map[string]*source.File
	// changed are the files that differ from what is on disk; nil: it is gone.
	changed map[string]*source.File
	// plainDirs are the folders that are known to lie in the release.
	plainDirs map[string]bool
	// entries are the regular files at the top of the directory.
	entries  []string
	indexed  sync.Once
	mentions []mention
	listed   sync.Once
	byBase   map[string][]string // the files below src/ by base name
}

// NotReleaseError says that a directory holds no release.
type NotReleaseError struct{ Dir, Reason string }

func (e *NotReleaseError) Error() string {
	return fmt.Sprintf("%s is no BOSH release: %s", e.Dir, e.Reason)
}

// Load reads the release in dir. Only what keeps the whole release from being
// read is an error; a job that cannot be loaded carries its own in Job.Err.
func Load(dir string) (*Release, error) { return load(dir, nil) }

// With is the release as it would be with other files, by their slash-separated
// names; what is nil is gone. Nothing is written.
func (r *Release) With(files map[string]*source.File) (*Release, error) { return load(r.Dir, files) }

func load(dir string, changed map[string]*source.File) (*Release, error) {
	info, err := os.Stat(dir)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, &NotReleaseError{dir, err.Error()}
	}
	if !info.IsDir() {
		return nil, &NotReleaseError{dir, "it is a file; give the directory that holds jobs/ and packages/"}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "jobs"))
	if err != nil {
		return nil, &NotReleaseError{dir, "no jobs/ directory in it; give the directory that holds jobs/ and packages/"}
	}
	r := &Release{Dir: dir, files: map[string]*source.File{}, changed: changed, plainDirs: map[string]bool{}}
	if top, err := os.ReadDir(dir); err == nil {
		for _, e := range top {
			if e.Type().IsRegular() {
				r.entries = append(r.entries, e.Name())
			}
		}
	}
	if r.Name, err = r.name(); err != nil {
		return nil, err
	}
	jobs := map[string]bool{}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 && !strings.HasPrefix(e.Name(), ".") {
			if _, err := os.Stat(filepath.Join(dir, "jobs", e.Name())); err != nil {
				r.Jobs = append(r.Jobs, &Job{Name: e.Name(), Release: r, Err: fmt.Errorf("jobs/%s: is a link that cannot be followed: %w", e.Name(), Cause(err))})
			}
		}
		if name := e.Name(); !strings.HasPrefix(name, ".") && isDir(filepath.Join(dir, "jobs", name)) {
			jobs[name] = true
		}
	}
	for name, f := range changed {
		parts := strings.Split(name, "/")
		if len(parts) == 3 && parts[0] == "jobs" && parts[2] == "spec" {
			if f == nil {
				delete(jobs, parts[1])
			} else {
				jobs[parts[1]] = true
			}
		}
	}
	for name := range jobs {
		r.Jobs = append(r.Jobs, loadJob(r, name))
	}
	sort.Slice(r.Jobs, func(i, j int) bool { return r.Jobs[i].Name < r.Jobs[j].Name })
	return r, nil
}

func isDir(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.IsDir()
}

// Job finds a job by name.
func (r *Release) Job(name string) *Job {
	for _, j := range r.Jobs {
		if j.Name == name {
			return j
		}
	}
	return nil
}

// name follows bosh-cli: config/final.yml has name (final_name in old
// releases), config/dev.yml has name or dev_name. A file that is there and cannot be
// read is an error: ops-files name the release.
func (r *Release) name() (string, error) {
	for _, f := range []string{"config/final.yml", "config/dev.yml"} {
		file, err := r.Read(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		var c struct {
			Name      string `yaml:"name"`
			FinalName string `yaml:"final_name"`
			DevName   string `yaml:"dev_name"`
		}
		if err := yaml.Unmarshal(file.Data, &c); err != nil {
			return "", YAMLError(file, err)
		}
		for _, n := range []string{c.Name, c.FinalName, c.DevName} {
			if n != "" {
				return n, nil
			}
		}
	}
	abs, err := filepath.Abs(r.Dir)
	if err != nil {
		abs = r.Dir
	}
	return strings.TrimSuffix(filepath.Base(abs), "-release"), nil
}

// Path is the place of a file of the release on disk.
func (r *Release) Path(name string) string { return filepath.Join(r.Dir, filepath.FromSlash(name)) }

// Read reads a file of the release by its slash-separated name, once. A file
// that is not regular, leads out of the release through a link, or is larger
// than MaxFileSize is an error that says so.
func (r *Release) Read(name string) (*source.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.files[name]; ok {
		return f, nil
	}
	name = path.Clean(name)
	if f, ok := r.files[name]; ok {
		return f, nil
	}
	if name == ".." || strings.HasPrefix(name, "../") || path.IsAbs(name) {
		return nil, fmt.Errorf("%s: leads out of the release", name)
	}
	if f, ok := r.changed[name]; ok {
		if f == nil {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return f, nil
	}
	p := r.Path(name)
	if err := r.inside(p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := ReadFile(p, name)
	if err != nil {
		return nil, err
	}
	r.files[name] = f
	return f, nil
}

// Forget drops what was found in the files, which is many times their size. It is
// found again where somebody asks.
func (r *Release) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.files {
		f.Forget()
	}
}

// inside makes sure that p, with all links followed, is below the release.
func (r *Release) inside(p string) error {
	if info, err := os.Lstat(p); err == nil && info.Mode()&fs.ModeSymlink == 0 && r.plain(filepath.Dir(p)) {
		return nil
	}
	return r.resolve(p)
}

// plain says whether a folder lies below the release without a link on the way.
func (r *Release) plain(dir string) bool {
	plain, known := r.plainDirs[dir]
	if known {
		return plain
	}
	switch info, err := os.Lstat(dir); {
	case dir == filepath.Clean(r.Dir):
		plain = true
	case len(dir) <= len(r.Dir) || err != nil || info.Mode()&fs.ModeSymlink != 0:
	default:
		plain = r.plain(filepath.Dir(dir))
	}
	r.plainDirs[dir] = plain
	return plain
}

// resolve follows the links of a path and holds the end against the release.
func (r *Release) resolve(p string) error {
	root, err := filepath.EvalSymlinks(r.Dir)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(p)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fs.ErrNotExist
		}
		if err = Cause(err); strings.Contains(err.Error(), "too many links") { // of package filepath
			err = syscall.ELOOP
		}
		return err
	}
	rootAbs, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	realAbs, err := filepath.Abs(real)
	if err != nil {
		return err
	}
	if realAbs != rootAbs && !strings.HasPrefix(realAbs, rootAbs+string(filepath.Separator)) {
		return fmt.Errorf("is a link that leads out of the release (to %s)", real)
	}
	return nil
}

// ReadFile reads a regular file of at most MaxFileSize bytes and calls it name.
func ReadFile(p, name string) (*source.File, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, Cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file", name)
	}
	if info.Size() > MaxFileSize {
		return nil, fmt.Errorf("%s: is too large to be read (%d bytes; at most %d are read)", name, info.Size(), MaxFileSize)
	}
	data, err := os.ReadFile(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, Cause(err))
	}
	return &source.File{Name: name, Data: data, Mode: info.Mode().Perm()}, nil
}

// Cause drops the names that the errors of package os bring along: ours are shorter, and
// theirs may be those of temporary files.
func Cause(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	var callErr *os.SyscallError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	case errors.As(err, &callErr):
		return callErr.Err
	}
	return err
}

// Folders lists the folders at the top of the release, but for those with a dot.
func (r *Release) Folders() []string {
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return nil // it was read before, so somebody is taking it away
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// Glob lists the regular files below the given directories of the release, by
// slash-separated name. Links are not followed, dot directories are left out.
func (r *Release) Glob(match func(name string) bool, dirs ...string) []string {
	var names []string
	for _, d := range dirs {
		root := r.Path(d)
		_ = filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil // an unreadable folder has no readable files
			}
			if e.IsDir() {
				if p != root && strings.HasPrefix(e.Name(), ".") {
					return filepath.SkipDir
				}
				return nil
			}
			if !e.Type().IsRegular() {
				return nil
			}
			rel, err := filepath.Rel(r.Dir, p)
			if err != nil {
				return nil
			}
			name := filepath.ToSlash(rel)
			if _, differs := r.changed[name]; !differs && match(name) {
				names = append(names, name)
			}
			return nil
		})
		for name, f := range r.changed {
			if f != nil && (d == "." || strings.HasPrefix(name, strings.TrimSuffix(d, "/")+"/")) && match(name) {
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}
