package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
)

// journalName is the file that makes a set of writes one: it is there from
// the moment everything is prepared until everything is in place. A run that
// finds one finishes what it says first.
const journalName = ".bosh-bpmify-journal"

// entry is one file of a journal. Temp, when there is one, takes the place of
// Name; otherwise Name is removed. Both are relative to the release.
type entry struct {
	Name string `json:"name"`
	Temp string `json:"temp,omitempty"`
}

// checkWritable finds what would stop a write before anything is written:
// links, files that changed since they were read, files without write
// permission.
func checkWritable(dir string, changes []convert.Change) error {
	for _, c := range changes {
		p := filepath.Join(dir, filepath.FromSlash(c.Name))
		info, err := os.Lstat(p)
		if c.Before == nil {
			if err == nil {
				return fmt.Errorf("%s: is there already", c.Name)
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := writable(c.Name, info); err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, c.Before.Data) {
			return fmt.Errorf("%s: changed while it was being worked on; run again", c.Name)
		}
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

// write makes the changes below dir. Until the journal is in place every file
// is old; from then on a run that is cut off is finished by the next one.
func write(dir string, changes []convert.Change) error {
	entries, err := prepare(dir, changes)
	if err != nil {
		return err
	}
	return finish(dir, entries)
}

// prepare writes every new content beside its file, and the journal last.
func prepare(dir string, changes []convert.Change) ([]entry, error) {
	if err := checkWritable(dir, changes); err != nil {
		return nil, err
	}
	var entries []entry
	cleanUp := func() {
		for _, e := range entries {
			if e.Temp != "" {
				_ = os.Remove(filepath.Join(dir, filepath.FromSlash(e.Temp)))
			}
		}
	}
	for _, c := range changes {
		if c.Delete {
			entries = append(entries, entry{Name: c.Name})
			continue
		}
		mode := c.Mode
		if c.Before != nil {
			mode = c.Before.Mode
		}
		temp, err := writeTemp(dir, c.Name, c.After, mode)
		if err != nil {
			cleanUp()
			return nil, fmt.Errorf("%s: %w; nothing was changed", c.Name, err)
		}
		entries = append(entries, entry{c.Name, temp})
	}
	data, err := json.MarshalIndent(entries, "", " ")
	if err != nil {
		cleanUp()
		return nil, err
	}
	temp, err := writeTemp(dir, journalName, append(data, '\n'), 0o600)
	if err == nil {
		err = os.Rename(filepath.Join(dir, temp), filepath.Join(dir, journalName))
	}
	if err != nil {
		cleanUp()
		return nil, fmt.Errorf("%s: %w; nothing was changed", journalName, err)
	}
	return entries, nil
}

// writeTemp writes a file beside the one it will replace and syncs it.
func writeTemp(dir, name string, data []byte, mode fs.FileMode) (string, error) {
	target := filepath.Join(dir, filepath.FromSlash(name))
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".bpmify-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	rel, err := filepath.Rel(dir, f.Name())
	return filepath.ToSlash(rel), err
}

// finish puts every file of a journal in its place. Doing it again is
// harmless.
func finish(dir string, entries []entry) error {
	for _, e := range entries {
		if err := e.place(dir); err != nil {
			return fmt.Errorf("%w; run bosh-bpmify again to finish", err)
		}
	}
	return os.Remove(filepath.Join(dir, journalName))
}

// place puts one file in its place; one that is there already is left.
func (e entry) place(dir string) error {
	name := filepath.Join(dir, filepath.FromSlash(e.Name))
	var err error
	if e.Temp == "" {
		err = os.Remove(name)
	} else {
		err = os.Rename(filepath.Join(dir, filepath.FromSlash(e.Temp)), name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// recoverJournal finishes a run that was cut off. done says that there was one.
func recoverJournal(dir string, dryRun bool) (done bool, err error) {
	p := filepath.Join(dir, journalName)
	data, err := os.ReadFile(p)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if dryRun {
		return false, fmt.Errorf("%s: a run was cut off here; run once without --dry-run to finish it", p)
	}
	var entries []entry
	if err := json.Unmarshal(data, &entries); err != nil {
		return false, fmt.Errorf("%s: %w", p, err)
	}
	for _, e := range entries {
		if !filepath.IsLocal(filepath.FromSlash(e.Name)) || e.Temp != "" && !filepath.IsLocal(filepath.FromSlash(e.Temp)) {
			return false, fmt.Errorf("%s: names a file outside of the release: %q", p, e.Name)
		}
	}
	return true, finish(dir, entries)
}

// newFile is a file to write, with what was there.
type newFile struct {
	path         string
	before, data []byte
	mode         fs.FileMode
}

// writeAll writes every file or, where the disk allows none of it, nothing: each
// content goes beside its file first, then all are put in place. A crash leaves
// each file old or new, and another run does the rest.
func writeAll(news []newFile) error {
	var temps []string
	cleanUp := func() {
		for _, t := range temps {
			_ = os.Remove(t)
		}
	}
	for _, n := range news {
		if n.before != nil && bytes.Equal(n.before, n.data) {
			temps = append(temps, "")
			continue
		}
		dir := filepath.Dir(n.path)
		temp, err := writeTemp(dir, filepath.Base(n.path), n.data, n.mode)
		if err != nil {
			cleanUp()
			return fmt.Errorf("%s: %w; nothing was changed", n.path, err)
		}
		temps = append(temps, filepath.Join(dir, temp))
	}
	for i, n := range news {
		if temps[i] == "" {
			continue
		}
		if err := os.Rename(temps[i], n.path); err != nil {
			cleanUp()
			return err
		}
	}
	return nil
}
