package vm

import (
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
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
	// Masked says that the umask decided its mode.
	Masked bool

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
//
// What all machines have in common stands in a layer below, which nobody changes:
// a node of it is copied before somebody gets it who may change it.
type Tree struct {
	base *layer
	// own are the nodes of this tree by path; nil: that of the layer below is gone.
	own map[string]*Node
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
	return &Tree{base: &layer{}, stemcell: map[string]bool{}, own: map[string]*Node{"/": {Mode: fs.ModeDir | 0o755, Owner: "root", Group: "root"}}}
}

// layer is what several trees have in common.
type layer struct {
	nodes map[string]*Node
	// paths are sorted, children are the sorted names in each folder.
	paths    []string
	children map[string][]string
}

// layer makes one of all that is in a tree, which nobody may change any more.
func (t *Tree) layer() *layer {
	l := &layer{nodes: t.own, paths: slices.Sorted(maps.Keys(t.own)), children: map[string][]string{}}
	for _, p := range l.paths {
		if p != "/" {
			l.children[path.Dir(p)] = append(l.children[path.Dir(p)], path.Base(p))
		}
	}
	return l
}

// above makes a tree with the same files as this one, which nobody may change any
// more.
func (t *Tree) above() func() *Tree {
	base := t.layer()
	return func() *Tree {
		return &Tree{base: base, stemcell: t.stemcell, own: map[string]*Node{}}
	}
}

// look is the node at a path, to be looked at only; nil: there is none.
func (t *Tree) look(name string) *Node {
	if n, ok := t.own[name]; ok {
		return n
	}
	return t.base.nodes[name]
}

// node is the node at a path, which may be changed; nil: there is none.
func (t *Tree) node(name string) *Node {
	if n, ok := t.own[name]; ok {
		return n
	}
	n := t.base.nodes[name]
	if n != nil {
		made := *n
		n = &made
		t.own[name] = n
	}
	return n
}

// drop takes away the node at a path, and no other.
func (t *Tree) drop(name string) {
	if t.base.nodes[name] != nil {
		t.own[name] = nil
	} else {
		delete(t.own, name)
	}
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
	if n := t.node(name); n != nil && n.Mode.IsDir() {
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
	for d := path.Dir(name); t.look(d) == nil; d = path.Dir(d) {
		t.own[d] = &Node{Mode: fs.ModeDir | 0o755, Owner: "root", Group: "root"}
	}
	t.own[name] = n
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
			n := t.look(at)
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
	if n := t.node(name); n != nil {
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
		up := t.look(d)
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
	for _, name := range t.base.children[dir] {
		if _, ok := t.own[prefix+name]; !ok {
			names = append(names, name)
		}
	}
	for p, n := range t.own {
		if rest, ok := strings.CutPrefix(p, prefix); ok && n != nil && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// below are the paths in a folder and in those in it, the folder first.
func (t *Tree) below(dir string) []string {
	var paths []string
	prefix := strings.TrimSuffix(dir, "/") + "/"
	if _, ok := t.own[dir]; !ok && t.base.nodes[dir] != nil && dir != "/" {
		paths = append(paths, dir)
	}
	from, _ := slices.BinarySearch(t.base.paths, prefix)
	for _, p := range t.base.paths[from:] {
		if !strings.HasPrefix(p, prefix) {
			break
		}
		if _, ok := t.own[p]; !ok {
			paths = append(paths, p)
		}
	}
	for p, n := range t.own {
		if n != nil && (p == dir || strings.HasPrefix(p, prefix)) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// remove takes a path away, and all that is below it.
func (t *Tree) remove(name string) {
	for _, p := range t.below(name) {
		t.drop(p)
	}
	if t.get(name) != nil {
		// it is taken to be there again
		t.drop(name)
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

// Snapshot is what was in a tree at some time.
type Snapshot struct {
	base *layer
	own  map[string]*Node
}

// Snapshot is what is in the tree now.
func (t *Tree) Snapshot() Snapshot { return Snapshot{t.base, t.copies()} }

// copies are the nodes of this tree for another one.
func (t *Tree) copies() map[string]*Node {
	nodes := make([]Node, 0, len(t.own))
	own := make(map[string]*Node, len(t.own))
	for p, n := range t.own {
		if n != nil {
			nodes = append(nodes, *n)
			n = &nodes[len(nodes)-1]
		}
		own[p] = n
	}
	return own
}

// Get is a copy of the node at a path.
func (s Snapshot) Get(name string) (n Node, there bool) {
	found, ok := s.own[name]
	if !ok {
		found = s.base.nodes[name]
	}
	if found == nil {
		return Node{}, false
	}
	return *found, true
}

// Own gives the nodes that are not those of each stemcell, and those of it that
// somebody looked at or changed, in no order.
func (s Snapshot) Own() iter.Seq2[string, Node] {
	return func(yield func(string, Node) bool) {
		for p, n := range s.own {
			if n != nil && !yield(p, *n) {
				return
			}
		}
	}
}

// Gone gives the paths of a stemcell that are no more, in no order.
func (s Snapshot) Gone() iter.Seq[string] {
	return func(yield func(string) bool) {
		for p, n := range s.own {
			if n == nil && !yield(p) {
				return
			}
		}
	}
}

// all gives all nodes, in no order.
func (s Snapshot) all() iter.Seq2[string, Node] {
	return func(yield func(string, Node) bool) {
		for p, n := range s.Own() {
			if !yield(p, n) {
				return
			}
		}
		for p, n := range s.base.nodes {
			if _, own := s.own[p]; !own && !yield(p, *n) {
				return
			}
		}
	}
}

// Paths are all paths, sorted.
func (t *Tree) Paths() []string { return t.below("/") }
