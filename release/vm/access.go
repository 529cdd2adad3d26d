package vm

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// can says whether the process may do with a node what the bits of want (4 read,
// 2 write, 1 execute) say, by its owner and mode.
func (p *Process) can(n *Node, want fs.FileMode) bool {
	if p.User == "root" && (p.Container == nil || p.Capabilities == nil) || slices.Contains(p.Capabilities, "DAC_OVERRIDE") {
		return want&1 == 0 || n.Mode.IsDir() || n.Mode&0o111 != 0
	}
	bits := n.Mode.Perm()
	switch {
	case n.Owner == p.User:
		bits >>= 6
	case n.Group == p.Group || n.Group == "vcap" && p.User == "vcap":
		bits >>= 3
	}
	return bits&want == want
}

// find is the node at a path as the process sees it.
func (p *Process) find(name string, follow bool) (string, *Node, error) {
	seen := p.Abs(name)
	full, err := p.Files.resolve(p.mapped(seen), follow)
	if err != nil {
		return "", nil, err
	}
	if !p.visible(full) || !p.visible(seen) {
		return full, nil, &Error{name, "No such file or directory"}
	}
	n := p.Files.get(full)
	if n == nil {
		return full, nil, &Error{name, "No such file or directory"}
	}
	for d := path.Dir(full); d != "/"; d = path.Dir(d) {
		if p.Container != nil && !p.Container.Access(d).There {
			break // what leads to a mount is made in the container, open to all
		}
		if f := p.Files.look(d); f != nil && f.Mode.IsDir() && !p.can(f, 1) {
			return full, nil, &Error{name, "Permission denied"}
		}
	}
	return full, n, nil
}

// mapped is where a path of the container lies on the VM: bpm mounts a folder of
// the job over /tmp and /var/tmp.
func (p *Process) mapped(full string) string {
	if p.Container == nil {
		return full
	}
	for _, dir := range []string{"/tmp", "/var/tmp"} {
		if full == dir || strings.HasPrefix(full, dir+"/") {
			return "/var/vcap/data/" + p.Container.Job + "/tmp" + strings.TrimPrefix(full, dir)
		}
	}
	return full
}

// visible says whether the container has a path; on the VM all are there. What
// leads to a mount is there, too.
func (p *Process) visible(full string) bool {
	return p.Container == nil || p.Container.Access(full).There || p.Container.Leads(full)
}

// writable says whether the mounts let the process change a path.
func (p *Process) writable(full string) bool {
	return p.Container == nil || p.Container.Access(full).Writable
}

// settle decides that what was only taken to be a folder is a file, because
// somebody reads or executes it.
func (p *Process) settle(name string) {
	full, n, err := p.find(name, true)
	if err == nil && n.Assumed && n.Mode.IsDir() && len(p.Files.children(full)) == 0 {
		n.Mode = 0o755
	}
}

// Stat is the node at a path, links followed.
func (p *Process) Stat(name string) (*Node, error) {
	_, n, err := p.find(name, true)
	return n, err
}

// Lstat is the node at a path; a link at its end is not followed.
func (p *Process) Lstat(name string) (*Node, error) {
	_, n, err := p.find(name, false)
	return n, err
}

// Access says whether the process may read (4), write (2) or execute (1) what is
// at a path.
func (p *Process) Access(name string, want fs.FileMode) error {
	full, n, err := p.find(name, true)
	if err != nil {
		return err
	}
	if want&2 != 0 && !p.writable(full) {
		return &Error{name, "Read-only file system"}
	}
	if !p.can(n, want) {
		return &Error{name, "Permission denied"}
	}
	return nil
}

// Realpath is a path with its links followed.
func (p *Process) Realpath(name string) (string, error) { return p.Files.resolve(p.Abs(name), true) }

// ReadFile gives what is in a file.
func (p *Process) ReadFile(name string) ([]byte, error) {
	p.settle(name)
	_, n, err := p.find(name, true)
	switch {
	case err != nil:
		return nil, err
	case n.Mode.IsDir():
		return nil, &Error{name, "Is a directory"}
	case !p.can(n, 4):
		return nil, &Error{name, "Permission denied"}
	}
	return n.Data()
}

// WriteFile changes what is in a file, and makes it where it is not.
func (p *Process) WriteFile(name string, data []byte, appending bool) error {
	n, err := p.Create(name, 0o666)
	if err != nil {
		return err
	}
	if n.Mode&fs.ModeDevice != 0 {
		return nil
	}
	if appending {
		old, err := n.Data()
		if err != nil {
			return err
		}
		data = append(slices.Clone(old), data...)
	}
	n.data, n.load, n.Assumed = slices.Clone(data), nil, false
	p.touch(n)
	n.modified = n.changed
	return nil
}

// Create makes an empty file, or finds the one that is there and may be written.
func (p *Process) Create(name string, mode fs.FileMode) (*Node, error) {
	full, n, err := p.find(name, true)
	if n != nil {
		switch {
		case n.Mode.IsDir():
			return nil, &Error{name, "Is a directory"}
		case !p.writable(full):
			return nil, &Error{name, "Read-only file system"}
		case !p.can(n, 2):
			return nil, &Error{name, "Permission denied"}
		}
		return n, nil
	}
	if full == "" || err != nil && strings.HasSuffix(err.Error(), "Permission denied") {
		return nil, err
	}
	n = &Node{Mode: mode &^ p.Umask, Owner: p.User, Group: p.Group}
	return n, p.insert(name, full, n)
}

// touch notes who changed a node.
func (p *Process) touch(n *Node) {
	p.changes++
	n.By, n.Script, n.Line, n.changed = p.Phase, p.script, p.line, p.changes
}

// insert puts a node into its folder, which has to be there.
func (p *Process) insert(name, full string, n *Node) error {
	dir := p.Files.get(path.Dir(full))
	switch {
	case dir == nil || !p.visible(path.Dir(full)):
		return &Error{name, "No such file or directory"}
	case !dir.Mode.IsDir():
		return &Error{name, "Not a directory"}
	case !p.writable(full):
		return &Error{name, "Read-only file system"}
	case !p.can(dir, 3):
		return &Error{name, "Permission denied"}
	}
	p.touch(n)
	n.modified, n.MadeBy, n.MadeAt = n.changed, n.Script, n.Line
	n.Masked = n.Mode == fs.ModeDir|0o777&^p.Umask || n.Mode == 0o666&^p.Umask
	dir.modified, dir.changed = n.changed, n.changed
	p.Files.put(full, n)
	return nil
}

// Mkdir makes a folder; with parents also those that lead to it, and one that is
// there already is no error.
func (p *Process) Mkdir(name string, mode fs.FileMode, parents bool) error {
	full, n, err := p.find(name, true)
	if n != nil {
		if parents && n.Mode.IsDir() {
			return nil
		}
		return &Error{name, "File exists"}
	}
	if full == "" {
		return err
	}
	if parents {
		if up := path.Dir(full); up != "/" {
			if err := p.Mkdir(up, 0o777&^p.Umask, true); err != nil {
				return err
			}
		}
	}
	return p.insert(name, full, &Node{Mode: fs.ModeDir | mode, Owner: p.User, Group: p.Group})
}

// Symlink makes a link.
func (p *Process) Symlink(to, name string) error {
	full, n, err := p.find(name, false)
	if n != nil {
		return &Error{name, "File exists"}
	}
	if full == "" {
		return err
	}
	return p.insert(name, full, &Node{Mode: fs.ModeSymlink | 0o777, Owner: p.User, Group: p.Group, Link: to})
}

// Remove takes away a file, or a folder with all that is in it.
func (p *Process) Remove(name string) error {
	full, _, err := p.find(name, false)
	if err != nil {
		return err
	}
	if err := p.mayChange(name, full); err != nil {
		return err
	}
	p.Files.remove(full)
	return nil
}

// Rename moves a file or a folder.
func (p *Process) Rename(from, to string) error {
	if err := p.Copy(from, to, true); err != nil {
		return err
	}
	return p.Remove(from)
}

// Copy copies a file, or a folder with all that is in it; keep keeps owners and
// modes.
func (p *Process) Copy(from, to string, keep bool) error {
	src, _, err := p.find(from, !keep)
	if err != nil {
		return err
	}
	dst, _, err := p.find(to, true)
	if dst == "" {
		return err
	}
	if dst == src || strings.HasPrefix(dst, src+"/") {
		return &Error{to, "cannot copy a directory into itself"}
	}
	for _, q := range p.Files.below(src) {
		old := p.Files.get(q)
		target := dst + strings.TrimPrefix(q, src)
		made := *old
		made.Assumed = false
		if !keep {
			made.Owner, made.Group = p.User, p.Group
			made.Mode &^= p.Umask
		}
		if there := p.Files.look(target); there != nil && there.Mode.IsDir() && made.Mode.IsDir() {
			continue
		}
		if err := p.insert(to, target, &made); err != nil {
			return err
		}
	}
	return nil
}

// mayChange says whether the process may take away or replace a path.
func (p *Process) mayChange(name, full string) error {
	dir := p.Files.get(path.Dir(full))
	switch {
	case !p.writable(full):
		return &Error{name, "Read-only file system"}
	case dir != nil && !p.can(dir, 3):
		return &Error{name, "Permission denied"}
	}
	return nil
}

// Chown changes the owner; "" leaves user or group as it is.
func (p *Process) Chown(name, user, group string, follow bool) error {
	full, n, err := p.find(name, follow)
	if err != nil {
		return err
	}
	if !p.writable(full) {
		return &Error{name, "Read-only file system"}
	}
	if p.User != "root" && !slices.Contains(p.Capabilities, "CHOWN") && (user != "" && user != n.Owner || group != "" && group != n.Group && n.Owner != p.User) {
		return &Error{name, "Operation not permitted"}
	}
	if user != "" {
		n.Owner = user
	}
	if group != "" {
		n.Group = group
	}
	p.touch(n)
	return nil
}

// Chmod changes the permissions.
func (p *Process) Chmod(name string, mode fs.FileMode) error {
	full, n, err := p.find(name, true)
	if err != nil {
		return err
	}
	if !p.writable(full) {
		return &Error{name, "Read-only file system"}
	}
	if p.User != "root" && n.Owner != p.User {
		return &Error{name, "Operation not permitted"}
	}
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	n.Mode, n.Masked = n.Mode&^bits|mode&bits, false
	p.touch(n)
	return nil
}

// Tree lists the paths of a folder and of all that is in it, the folder first;
// of a file its path alone.
func (p *Process) Tree(name string) ([]string, error) {
	full, _, err := p.find(name, false)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(p.Files.below(full), func(q string) bool { return !p.visible(q) }), nil
}

// List gives the names of what is in a folder.
func (p *Process) List(name string) ([]string, error) {
	full, n, err := p.find(name, true)
	switch {
	case err != nil:
		return nil, err
	case !n.Mode.IsDir():
		return nil, &Error{name, "Not a directory"}
	case !p.can(n, 4):
		return nil, &Error{name, "Permission denied"}
	}
	return slices.DeleteFunc(p.Files.children(full), func(c string) bool { return !p.visible(path.Join(full, c)) }), nil
}
