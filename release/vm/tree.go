package vm

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
)

// Node is a file, a folder or a link.
type Node struct {
	// Mode has the type and the permissions.
	Mode         fs.FileMode
	Owner, Group string
	// Link is where a symbolic link leads.
	Link string
	// Assumed says that nobody made it: it is part of a package, and taken to be
	// there because somebody asked for it.
	Assumed bool
	// By is the phase in which it was made or last changed; "" when it was there
	// from the beginning. Script and Line are what did it.
	By     string
	Script string
	Line   int
	// MadeBy and MadeAt are the script and the line that made it.
	MadeBy string
	MadeAt int

	// modified and changed are when what is in it, and its owner or mode, were
	// changed last: the machine counts changes. 0 is before all of them.
	modified, changed int

	// origin is the folder that this one is a copy of: what is taken to be there
	// is taken to be here, too.
	origin string

	data []byte
	// native is what happens when the file is executed.
	native func(*Call) int
	load   func() ([]byte, error)
}

// Tree is a file system. Its paths are clean and absolute.
type Tree struct {
	nodes map[string]*Node
	// stemcell are the commands that a stemcell has, by path.
	stemcell map[string]bool
	// gone are paths that were taken to be there and were removed: nothing is
	// taken to be there, or below, any more.
	gone map[string]bool
	// Assume is asked for what is not there; nil says that it is not.
	Assume func(name string) *Node
}

// NewTree makes an empty tree.
func NewTree() *Tree {
	return &Tree{stemcell: map[string]bool{}, nodes: map[string]*Node{"/": {Mode: fs.ModeDir | 0o755, Owner: "root", Group: "root"}}}
}

// Add puts a file there, and the folders that lead to it.
func (t *Tree) Add(name, data string, mode fs.FileMode) *Node {
	n := &Node{Mode: mode, Owner: "root", Group: "root", data: []byte(data)}
	t.put(name, n)
	return n
}

// AddLazy puts a file there that is made when it is first read.
func (t *Tree) AddLazy(name string, mode fs.FileMode, load func() ([]byte, error)) *Node {
	n := &Node{Mode: mode, Owner: "root", Group: "root", load: load}
	t.put(name, n)
	return n
}

// AddProgram puts a program there that is carried out by run.
func (t *Tree) AddProgram(name string, run func(*Call) int) {
	t.put(name, Native(run))
}

// Native makes a node of a program for Assume.
func Native(run func(*Call) int) *Node {
	return &Node{Mode: 0o755, Owner: "root", Group: "root", native: run}
}

// File makes a node of a file for Assume.
func File(data []byte, mode fs.FileMode) *Node {
	return &Node{Mode: mode, Owner: "root", Group: "root", data: data}
}

// Folder makes a node of a folder for Assume.
func Folder(mode fs.FileMode) *Node {
	return &Node{Mode: fs.ModeDir | mode, Owner: "root", Group: "root"}
}

// AddDir puts a folder there, and those that lead to it.
func (t *Tree) AddDir(name string, owner, group string, mode fs.FileMode) *Node {
	if n := t.nodes[name]; n != nil && n.Mode.IsDir() {
		n.Owner, n.Group, n.Mode = owner, group, fs.ModeDir|mode
		return n
	}
	n := &Node{Mode: fs.ModeDir | mode, Owner: owner, Group: group}
	t.put(name, n)
	return n
}

// AddLink puts a symbolic link there.
func (t *Tree) AddLink(name, to string) {
	t.put(name, &Node{Mode: fs.ModeSymlink | 0o777, Owner: "root", Group: "root", Link: to})
}

func (t *Tree) put(name string, n *Node) {
	for d := path.Dir(name); t.nodes[d] == nil; d = path.Dir(d) {
		t.nodes[d] = &Node{Mode: fs.ModeDir | 0o755, Owner: "root", Group: "root"}
	}
	t.nodes[name] = n
}

// resolve follows the links of a path: of its folders always, of its end when
// follow says so. There need be nothing at the end.
func (t *Tree) resolve(name string, follow bool) (string, error) {
	name = path.Clean(name)
	for hops := 0; ; hops++ {
		if hops > 40 {
			return "", &Error{name, "Too many levels of symbolic links"}
		}
		next := ""
		parts := strings.Split(strings.TrimPrefix(name, "/"), "/")
		at := ""
		for i, part := range parts {
			at += "/" + part
			n := t.nodes[at]
			if n == nil || n.Mode&fs.ModeSymlink == 0 || i == len(parts)-1 && !follow {
				continue
			}
			to := n.Link
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(at), to)
			}
			next = path.Join(append([]string{to}, parts[i+1:]...)...)
			break
		}
		if next == "" {
			return name, nil
		}
		name = next
	}
}

// get is what is at a path, whose links are resolved.
func (t *Tree) get(name string) *Node {
	if n := t.nodes[name]; n != nil {
		return n
	}
	if t.Assume == nil {
		return nil
	}
	if t.gone[name] {
		return nil
	}
	var n *Node
	for d := path.Dir(name); d != "/"; d = path.Dir(d) {
		up := t.nodes[d]
		if t.gone[d] || up != nil && !up.Mode.IsDir() {
			return nil // below what is known to be a file there is nothing
		}
		if up != nil && up.origin != "" && n == nil {
			if n = t.Assume(up.origin + strings.TrimPrefix(name, d)); n != nil {
				n.Owner, n.Group = up.Owner, up.Group
			}
		}
	}
	if n == nil {
		n = t.Assume(name)
	}
	if n != nil {
		n.Assumed = true
		t.put(name, n)
	}
	return n
}

// children are the names of what is in a folder, sorted.
func (t *Tree) children(dir string) []string {
	var names []string
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for p := range t.nodes {
		if rest, ok := strings.CutPrefix(p, prefix); ok && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	sort.Strings(names)
	return names
}

// below are the paths in a folder and in those in it, the folder first.
func (t *Tree) below(dir string) []string {
	var paths []string
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for p := range t.nodes {
		if p == dir || strings.HasPrefix(p, prefix) {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	return paths
}

// remove takes a path away, and all that is below it.
func (t *Tree) remove(name string) {
	for _, p := range t.below(name) {
		delete(t.nodes, p)
	}
	if t.get(name) != nil {
		// it is taken to be there again
		delete(t.nodes, name)
		if t.gone == nil {
			t.gone = map[string]bool{}
		}
		t.gone[name] = true
	}
}

// Data is what is in a file.
func (n *Node) Data() ([]byte, error) {
	if n.load != nil {
		data, err := n.load()
		if err != nil {
			return nil, err
		}
		n.data, n.load = data, nil
	}
	return n.data, nil
}

// Snapshot is a copy of all that is there.
func (t *Tree) Snapshot() map[string]Node {
	out := make(map[string]Node, len(t.nodes))
	for p, n := range t.nodes {
		out[p] = *n
	}
	return out
}

// Paths are all paths, sorted.
func (t *Tree) Paths() []string { return slices.Sorted(maps.Keys(t.nodes)) }
