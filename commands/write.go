package commands

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// A set of files is written as one. First a list of them is written
// (preparedName), then each new content into a file of its own beside the file
// that it is for. Up to here a run that is cut off is undone by the next one:
// what the list says was made is removed. Then the list gets the name
// journalName, which needs no room on the disk, and each new content takes the
// place of its file. From here on the next run finishes what was cut off.
//
// The list comes from the release, which may be anybody's. So it holds no path
// that a file comes from, and the checksums of what it replaces and removes:
// nothing happens that is not exactly what a run had begun.
const (
	journalName  = ".bosh-bpmify-journal"
	preparedName = ".bosh-bpmify-prepared"
)

// journal is the list.
type journal struct {
	About string `json:"about"`
	// Run is in the names of the files that the run made.
	Run   string  `json:"run"`
	Files []entry `json:"files"`
}

// entry is one file, relative to the release and escaped as in a URL: names need
// not be UTF-8. Before and After are the checksums of its content; without
// Before it is new, without After it goes.
type entry struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

func escaped(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// runForm is what tells one run from the others; plainForm is that of writePlain.
var (
	runForm   = search.MustCompile(`^[0-9a-f]{16}$`)
	plainForm = search.MustCompile(`^\.bosh-bpmify-plain-[0-9a-f]{16}-[0-9]+$`)
)

func newRun() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// temp is the name of the file that holds the new content of file i.
func (j *journal) temp(i int, name string) string {
	return path.Join(path.Dir(name), fmt.Sprintf(".bosh-bpmify-%s-%d", j.Run, i))
}

// names gives the files of a journal, after a look at each.
func (j *journal) names() ([]string, error) {
	if !runForm.MatchString(j.Run) {
		return nil, errors.New("it has no run")
	}
	var names []string
	for _, e := range j.Files {
		name, err := url.PathUnescape(e.Name)
		if err == nil && path.Clean(name) != name {
			err = errors.New("is no name that a run writes")
		}
		if err == nil {
			err = ours(name)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", e.Name, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// checkWritable finds what would stop a write before anything is written:
// links, files that changed since they were read, files without write
// permission, two names of one file. It gives the names without links.
func checkWritable(d *disk, changes []convert.Change) ([]string, error) {
	var names []string
	seen := map[string]string{}
	for _, c := range changes {
		name, err := d.resolve(c.Name)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[name]; twice {
			return nil, fmt.Errorf("%s: is the same file as %s, through a link; convert the two jobs one after the other (--job), or make the link a folder", c.Name, other)
		}
		seen[name] = c.Name
		names = append(names, name)
		info, err := d.lstat(name)
		switch {
		case c.Before == nil && err == nil && info.Mode().IsRegular():
			return nil, fmt.Errorf("%s: is there already", c.Name)
		case c.Before == nil && errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, failed(c.Name, err)
		}
		if err := writable(c.Name, info); err != nil {
			return nil, err
		}
		if err := unchanged(d, name, c.Before.Data); err != nil {
			return nil, failed(c.Name, err)
		}
	}
	return names, nil
}

func unchanged(d *disk, name string, before []byte) error {
	data, err := d.read(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, before) {
		return errors.New("changed while it was being worked on; run again")
	}
	return nil
}

// writable refuses files that are not to be replaced.
func writable(name string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: is not a regular file (%s); it is not written through", name, info.Mode().Type())
	}
	if info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("%s: is read-only (mode %04o); make it writable first", name, info.Mode().Perm())
	}
	return nil
}

// write makes the changes.
func write(d *disk, changes []convert.Change) error {
	j, err := prepare(d, changes)
	if err != nil {
		return err
	}
	return finish(d, j)
}

// prepare does all that comes before the files change.
func prepare(d *disk, changes []convert.Change) (*journal, error) {
	names, err := checkWritable(d, changes)
	if err != nil {
		return nil, err
	}
	j := &journal{About: "bosh-bpmify was cut off while it wrote these files; run bosh-bpmify release again, which finishes or undoes it", Run: newRun()}
	for i, c := range changes {
		e := entry{Name: escaped(names[i])}
		if c.Before != nil {
			e.Before = checksum(c.Before.Data)
		}
		if !c.Delete {
			e.After = checksum(c.After)
		}
		j.Files = append(j.Files, e)
	}
	data, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return nil, err
	}
	if err := d.create(preparedName, preparedName, append(data, '\n'), 0o600); err != nil {
		return nil, notWritten(d.path(preparedName), err)
	}
	fail := func(name string, err error) (*journal, error) {
		return nil, notWritten(name, andAlso(err, undo(d, j)))
	}
	if err := d.syncFolder("."); err != nil {
		return fail(d.dir, err)
	}
	for i, c := range changes {
		if c.Delete {
			continue
		}
		mode := c.Mode
		if c.Before != nil {
			mode = c.Before.Mode
		}
		if err := d.create(j.temp(i, names[i]), names[i], c.After, mode); err != nil {
			return fail(c.Name, err)
		}
	}
	if folder, err := syncFolders(d, names); err != nil {
		return fail(folder, err)
	}
	if err := d.rename(preparedName, journalName); err != nil {
		return fail(d.path(journalName), err)
	}
	return j, nil
}

// notWritten is the error of what failed before anything changed.
func notWritten(name string, err error) error {
	return fmt.Errorf("%s: %w; nothing was changed%s", name, err, advice(err))
}

// andAlso puts a second error into the line of the first.
func andAlso(err, second error) error {
	if second == nil {
		return err
	}
	return fmt.Errorf("%w; and %w", err, second)
}

// undo removes what a run made that did not get to the journal.
func undo(d *disk, j *journal) error {
	names, err := j.names()
	if err != nil {
		return err
	}
	for i, name := range names {
		if j.Files[i].After == "" {
			continue
		}
		if err := d.leftOver(j.temp(i, name)); err != nil {
			return err
		}
	}
	return d.leftOver(preparedName)
}

// syncFolders syncs each folder that holds one of the files. It gives the one
// that failed.
func syncFolders(d *disk, names []string) (folder string, err error) {
	done := map[string]bool{}
	for _, name := range names {
		folder := path.Dir(name)
		if done[folder] {
			continue
		}
		done[folder] = true
		if err := d.syncFolder(folder); err != nil {
			return d.path(folder), err
		}
	}
	return "", nil
}

// finish puts every file of a journal in its place. Doing it again is harmless.
func finish(d *disk, j *journal) error {
	names, err := j.names()
	if err != nil {
		return err
	}
	unfinished := func(name string, err error) error {
		if errors.Is(err, errTouched) {
			return fmt.Errorf("%s: %w", name, err)
		}
		return fmt.Errorf("%s: %w; not every file is written yet%s, which finishes it", name, err, cmp.Or(advice(err), "; run again"))
	}
	// the journal has to last before what it says is done
	if err := d.syncFolder("."); err != nil {
		return unfinished(d.dir, err)
	}
	for i, name := range names {
		if err := j.place(d, i, name); err != nil {
			return unfinished(name, err)
		}
	}
	if folder, err := syncFolders(d, names); err != nil {
		return unfinished(folder, err)
	}
	if err := d.remove(journalName); err != nil {
		return unfinished(d.path(journalName), err)
	}
	if err := d.syncFolder("."); err != nil {
		return unfinished(d.dir, err)
	}
	return nil
}

// errTouched says that somebody else was at a file.
var errTouched = errors.New("it is not as the run that was cut off left it")

// place puts one file in its place; one that is there already is left.
func (j *journal) place(d *disk, i int, name string) error {
	e := j.Files[i]
	now, err := d.sum(name)
	if err != nil {
		return err
	}
	if now == e.After {
		if e.After == e.Before {
			_ = d.leftOver(j.temp(i, name))
		}
		return nil
	}
	if now != e.Before {
		return j.touched(d, name)
	}
	if e.After == "" {
		return d.remove(name)
	}
	temp := j.temp(i, name)
	got, err := d.sum(temp)
	if err != nil {
		return err
	}
	if got != e.After {
		return j.touched(d, name)
	}
	return d.rename(temp, name)
}

// touched says how to go on where only a person can.
func (j *journal) touched(d *disk, name string) error {
	return fmt.Errorf("%w; nothing more was done: restore it (git checkout), or keep all files as they are now with: mv '%s' '%s'; then run again",
		errTouched, d.path(journalName), d.path(preparedName))
}

// recoverJournal finishes or undoes a run that was cut off. done says that it
// finished one.
func recoverJournal(d *disk) (done bool, err error) {
	prepared, err := readJournal(d, preparedName)
	switch {
	case err == nil:
		err = undo(d, prepared)
	case errors.Is(err, errNoJournal):
		err = d.leftOver(preparedName) // cut off while that was written, before anything else
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return false, failed(d.path(preparedName), err)
	}
	j, err := readJournal(d, journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if errors.Is(err, errNoJournal) {
		return false, fmt.Errorf("%s: %w; nothing was done; restore the release (git checkout) and remove this file", d.path(journalName), err)
	}
	if err != nil {
		return false, failed(d.path(journalName), err)
	}
	return true, finish(d, j)
}

// errNoJournal says that a file is not what a run writes.
var errNoJournal = errors.New("is not what bosh-bpmify writes")

func readJournal(d *disk, name string) (*journal, error) {
	data, err := d.read(name)
	if err != nil {
		return nil, err
	}
	if inCheckout(d.dir) {
		if _, tracked := git(d.dir, "ls-files", "--error-unmatch", "--", name); tracked {
			return nil, errors.New("is committed, so that no run was cut off here; remove it (git rm)")
		}
	}
	j := &journal{}
	if err := json.Unmarshal(data, j); err != nil {
		return nil, fmt.Errorf("%w (%w)", errNoJournal, err)
	}
	names, err := j.names()
	for i := 0; err == nil && i < len(names); i++ {
		var to string
		to, err = d.resolve(names[i])
		if err == nil && to != names[i] {
			err = fmt.Errorf("%s: has a link on the way", names[i])
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // its folder was removed
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errNoJournal, err)
	}
	return j, nil
}

// load reads a release that no run is in the middle of.
func load(dir string) (*release.Release, error) {
	d, err := openDisk(dir, nil)
	if err != nil {
		return release.Load(dir) // which says what is wrong
	}
	defer d.close()
	cutOff := func() string {
		for _, name := range []string{journalName, preparedName} {
			if _, err := d.lstat(name); err == nil {
				return d.path(name)
			}
		}
		return ""
	}
	if cutOff() != "" {
		unlock, err := d.lock(0)
		if err != nil {
			return nil, err
		}
		unlock()
	}
	if p := cutOff(); p != "" {
		return nil, fmt.Errorf("%s: a run was cut off here; bosh-bpmify release %s finishes or undoes it", p, dir)
	}
	return release.Load(dir)
}

// newFile is a file to write, with what was there.
type newFile struct {
	path         string
	before, data []byte
	mode         fs.FileMode
}

// lockWait is how long a run waits for another one that writes to the same
// folder. Several may: only those that write the same file are in each other's
// way.
const lockWait = 10 * time.Second

// killedWait is for the lock of a run that was killed just when it started git: it
// is the child's until that has begun.
const killedWait = time.Second

// writePlain writes every file or, where the disk allows none of it, nothing:
// each content goes beside its file first, then all are put in place. A crash
// leaves each file old or new, and another run does the rest.
func writePlain(news []newFile, s step) (err error) {
	news = slices.DeleteFunc(slices.Clone(news), func(n newFile) bool { return n.before != nil && bytes.Equal(n.before, n.data) })
	disks := map[string]*disk{}
	var folders []string
	for _, n := range news {
		folder := filepath.Dir(n.path)
		if disks[folder] != nil {
			continue
		}
		d, err := openDisk(folder, s)
		if err != nil {
			return fmt.Errorf("%s: %w; nothing was changed", n.path, err)
		}
		defer d.close()
		disks[folder] = d
		folders = append(folders, folder)
	}
	// in one order, so that two runs do not wait for each other
	slices.SortFunc(folders, func(a, b string) int { return cmp.Compare(disks[a].real, disks[b].real) })
	locked := map[string]bool{}
	for _, folder := range folders {
		d := disks[folder]
		if locked[d.real] {
			continue
		}
		locked[d.real] = true
		unlock, err := d.lock(lockWait)
		if err != nil {
			return err
		}
		defer unlock()
		if err := d.removePlain(); err != nil {
			return err
		}
	}
	run := newRun()
	temp := func(i int) string { return fmt.Sprintf(".bosh-bpmify-plain-%s-%d", run, i) }
	made := 0
	fail := func(n newFile, err error) error {
		for i := range made {
			err = andAlso(err, disks[filepath.Dir(news[i].path)].leftOver(temp(i)))
		}
		return notWritten(n.path, err)
	}
	for i, n := range news {
		d, base := disks[filepath.Dir(n.path)], filepath.Base(n.path)
		var err error
		if n.before != nil {
			err = unchanged(d, base, n.before)
		} else if _, err = d.lstat(base); err == nil {
			err = errors.New("is there already")
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err == nil {
			err = d.create(temp(i), base, n.data, n.mode)
		}
		if err != nil {
			return fail(n, err)
		}
		made++
	}
	for i, n := range news {
		d := disks[filepath.Dir(n.path)]
		err := d.rename(temp(i), filepath.Base(n.path))
		if err == nil {
			continue
		}
		if i == 0 {
			return fail(n, err)
		}
		for k := i; k < len(news); k++ {
			err = andAlso(err, disks[filepath.Dir(news[k].path)].leftOver(temp(k)))
		}
		return fmt.Errorf("%s: %w; it is as it was, and so is what was to be written after it%s", n.path, err, advice(err))
	}
	for _, folder := range folders {
		if err := disks[folder].syncFolder("."); err != nil {
			return fmt.Errorf("%s: %w; everything is written, and may not last when the power fails%s", folder, err, advice(err))
		}
	}
	return nil
}

// removePlain removes what runs left that were cut off. Nobody else writes here
// while the folder is locked.
func (d *disk) removePlain() error {
	names, err := d.names(".")
	if err != nil {
		return failed(d.dir, err)
	}
	for _, name := range names {
		if plainForm.MatchString(name) {
			if err := d.leftOver(name); err != nil {
				return err
			}
		}
	}
	return nil
}
