package vm

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

func init() { register(map[string]command{"cp": cp, "mv": mv, "install": install, "rsync": rsync}) }

// copying is how files are copied.
type copying struct {
	recursive bool
	// follow follows links: those named, and those come across.
	followNamed, followAll bool
	owner, mode            bool
	force, keepOld, fresh  bool
	say                    func(from, to string)
}

func cp(c *Call) int {
	opts, names, ok := c.options("r R a p f n u v L P H T d i x l s b t: Z recursive=r archive=a force=f no-clobber=n update=u verbose=v dereference=L no-dereference=P " +
		"no-target-directory=T target-directory=t preserve:: no-preserve: one-file-system=x remove-destination strip-trailing-slashes parents reflink:: sparse:")
	if !ok {
		return 0
	}
	for _, o := range []string{"l", "s", "b", "parents", "no-preserve"} {
		if opts.has(o) {
			return c.missed("-" + o)
		}
	}
	how := copying{recursive: opts.has("r") || opts.has("R") || opts.has("a"), force: opts.has("f"), keepOld: opts.has("n"), fresh: opts.has("remove-destination")}
	if opts.has("p") || opts.has("a") {
		how.owner, how.mode = true, true
	}
	for _, v := range opts.all("preserve") {
		how.mode = how.mode || v == "" || strings.Contains(v, "mode") || strings.Contains(v, "all")
		how.owner = how.owner || v == "" || strings.Contains(v, "ownership") || strings.Contains(v, "all")
	}
	switch opts.last("L", "P", "H", "d", "a") {
	case "L":
		how.followNamed, how.followAll = true, true
	case "H":
		how.followNamed = true
	case "":
		how.followNamed, how.followAll = !how.recursive, !how.recursive
	}
	if opts.has("v") {
		how.say = func(from, to string) { c.printf("'%s' -> '%s'\n", from, to) }
	}
	sources, to, dir, fail := c.into(opts, names, true)
	if fail != "" {
		return c.failf(1, "%s", fail)
	}
	status := 0
	for _, s := range sources {
		if opts.has("u") {
			// nothing is older than anything else here
			a, _ := c.ReadFile(s)
			if b, err := c.ReadFile(inside(to, s, dir)); err == nil && !bytes.Equal(a, b) {
				c.miss("cp -u onto a file that is there")
			}
		}
		if err := c.copy(s, inside(to, s, dir), how); err != "" {
			status = c.failf(1, "%s", err)
		}
	}
	return status
}

// copy copies one source; what it gives is what cp says when it fails.
func (c *Call) copy(from, to string, how copying) string {
	bare, dir := asked(from)
	src, n, err := c.find(bare, how.followNamed || dir)
	if err != nil {
		return fmt.Sprintf("cannot stat '%s': %s", from, why(err))
	}
	if dir && !n.Mode.IsDir() {
		return fmt.Sprintf("cannot stat '%s': Not a directory", from)
	}
	if n.Mode.IsDir() && !how.recursive {
		return fmt.Sprintf("-r not specified; omitting directory '%s'", from)
	}
	bareTo, slash := asked(to)
	dst, old, err := c.find(bareTo, !how.fresh)
	switch {
	case dst == "":
		return fmt.Sprintf("cannot create regular file '%s': %s", to, why(err))
	case slash && old == nil && !n.Mode.IsDir():
		return fmt.Sprintf("cannot create regular file '%s': Not a directory", to)
	case dst == src:
		return fmt.Sprintf("'%s' and '%s' are the same file", from, to)
	case n.Mode.IsDir() && strings.HasPrefix(dst, src+"/"):
		return fmt.Sprintf("cannot copy a directory, '%s', into itself, '%s'", from, to)
	}
	all := []string{src}
	if n.Mode.IsDir() {
		if all, err = c.Tree(src); err != nil {
			return fmt.Sprintf("cannot access '%s': %s", from, why(err))
		}
	}
	failed := ""
	for _, p := range all {
		node := c.Files.node(p)
		rest := strings.TrimPrefix(p, src)
		target := dst + rest
		if node == nil {
			continue
		}
		if node.Mode&fs.ModeSymlink != 0 && how.followAll {
			to, err := c.Stat(p)
			if err != nil {
				failed = fmt.Sprintf("cannot stat '%s': %s", from+rest, why(err))
				continue
			}
			if to.Mode.IsDir() {
				c.miss("cp -L of a link to a folder")
				continue
			}
			node = to
		}
		if err := c.copyNode(p, node, target, how); err != "" {
			failed = err
			continue
		}
		if how.say != nil {
			how.say(strings.TrimRight(from, "/")+rest, strings.TrimRight(to, "/")+rest)
		}
	}
	return failed
}

// copyNode copies what is at one path.
func (c *Call) copyNode(from string, n *Node, target string, how copying) string {
	full, old, _ := c.find(target, n.Mode&fs.ModeSymlink == 0 && !how.fresh)
	if full == "" {
		full = target
	}
	if old != nil && how.keepOld && !n.Mode.IsDir() {
		return ""
	}
	if n.Mode.IsRegular() && !c.can(n, 4) {
		return fmt.Sprintf("cannot open '%s' for reading: Permission denied", from)
	}
	switch {
	case old == nil:
	case n.Mode.IsDir() && old.Mode.IsDir():
		if how.mode {
			old.Mode, old.By = n.Mode, c.Phase
		}
		c.give(old, n, how)
		c.follow(old, n, from)
		return ""
	case n.Mode.IsDir():
		return fmt.Sprintf("cannot overwrite non-directory '%s' with directory '%s'", target, from)
	case old.Mode.IsDir():
		return fmt.Sprintf("cannot overwrite directory '%s' with non-directory", target)
	case old.Mode&fs.ModeDevice != 0:
		return ""
	case old == n:
		return fmt.Sprintf("'%s' and '%s' are the same file", from, target)
	case n.Mode.IsRegular() && old.Mode.IsRegular() && !how.fresh:
		if !c.writable(full) || !c.can(old, 2) {
			if !how.force || c.mayChange(target, full) != nil {
				reason := "Permission denied"
				if !c.writable(full) {
					reason = "Read-only file system"
				}
				return fmt.Sprintf("cannot create regular file '%s': %s", target, reason)
			}
			break
		}
		old.data, old.load, old.By, old.Assumed = n.data, n.load, c.Phase, false
		if how.mode {
			old.Mode = n.Mode
		}
		c.give(old, n, how)
		return ""
	default:
		if err := c.mayChange(target, full); err != nil {
			return fmt.Sprintf("cannot remove '%s': %s", target, why(err))
		}
		c.Files.remove(full)
	}
	made := *n
	made.By, made.Assumed = c.Phase, false
	made.Owner, made.Group = c.User, c.Group
	if !how.mode && n.Mode&fs.ModeSymlink == 0 {
		made.Mode = n.Mode&^(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)&^fs.ModePerm | n.Mode.Perm()&^c.Umask
	}
	c.give(&made, n, how)
	c.follow(&made, n, from)
	if err := c.insert(target, full, &made); err != nil {
		kind := "regular file"
		if n.Mode.IsDir() {
			kind = "directory"
		}
		return fmt.Sprintf("cannot create %s '%s': %s", kind, target, why(err))
	}
	return ""
}

// give gives a copy the owner of what it was made from, where that is asked for
// and allowed.
func (c *Call) give(copy, n *Node, how copying) {
	if !how.owner {
		return
	}
	if c.User == "root" || slices.Contains(c.Capabilities, "CHOWN") {
		copy.Owner, copy.Group = n.Owner, n.Group
	}
}

// follow makes a copy of a folder of a package one in which that is taken to be
// there which is taken to be there in the original.
func (c *Call) follow(copy, n *Node, from string) {
	if !n.Mode.IsDir() {
		return
	}
	switch {
	case n.origin != "":
		copy.origin = n.origin
	case c.Files.Assume != nil && copy.origin == "":
		copy.origin = from
	}
}

func mv(c *Call) int {
	opts, names, ok := c.options("f n v T i u b t: force=f no-clobber=n verbose=v no-target-directory=T target-directory=t update=u")
	if !ok {
		return 0
	}
	if opts.has("b") || opts.has("u") {
		return c.missed("-" + opts.last("b", "u"))
	}
	sources, to, dir, fail := c.into(opts, names, true)
	if fail != "" {
		return c.failf(1, "%s", fail)
	}
	status := 0
	for _, s := range sources {
		target := inside(to, s, dir)
		done, err := c.move(s, target, opts.has("n"))
		if err != "" {
			status = c.failf(1, "%s", err)
		} else if done && opts.has("v") {
			c.printf("renamed '%s' -> '%s'\n", s, target)
		}
	}
	return status
}

func (c *Call) move(from, to string, keepOld bool) (done bool, fail string) {
	bare, dir := asked(from)
	src, n, err := c.find(bare, false)
	if err != nil {
		return false, fmt.Sprintf("cannot stat '%s': %s", from, why(err))
	}
	if dir && !n.Mode.IsDir() {
		return false, fmt.Sprintf("cannot stat '%s': Not a directory", from)
	}
	bareTo, slash := asked(to)
	dst, old, err := c.find(bareTo, false)
	if slash && old != nil && old.Mode&fs.ModeSymlink != 0 {
		dst, old, err = c.find(bareTo, true)
	}
	cannot := func(reason string) (bool, string) {
		return false, fmt.Sprintf("cannot move '%s' to '%s': %s", from, to, reason)
	}
	switch {
	case dst == "":
		return cannot(why(err))
	case old != nil && keepOld:
		return false, ""
	case dst == src:
		return false, fmt.Sprintf("'%s' and '%s' are the same file", from, to)
	case strings.HasPrefix(dst, src+"/"):
		return false, fmt.Sprintf("cannot move '%s' to a subdirectory of itself, '%s'", from, to)
	case slash && old == nil && !n.Mode.IsDir():
		return cannot("Not a directory")
	case old != nil && old.Mode.IsDir() && !n.Mode.IsDir():
		return false, fmt.Sprintf("cannot overwrite directory '%s' with non-directory", to)
	case old != nil && !old.Mode.IsDir() && n.Mode.IsDir():
		return false, fmt.Sprintf("cannot overwrite non-directory '%s' with directory '%s'", to, from)
	case old != nil && old.Mode.IsDir() && len(c.Files.children(dst)) > 0:
		return cannot("Directory not empty")
	}
	if err := c.mayChange(from, src); err != nil {
		return cannot(why(err))
	}
	if old != nil {
		if err := c.mayChange(to, dst); err != nil {
			return cannot(why(err))
		}
		c.Files.remove(dst)
	}
	moved := c.Files.below(src)
	nodes := make([]*Node, len(moved))
	for i, p := range moved {
		nodes[i] = c.Files.node(p)
	}
	for i, p := range moved {
		m := nodes[i]
		c.follow(m, m, p)
		m.By, m.Assumed = c.Phase, false
		if err := c.insert(to, dst+strings.TrimPrefix(p, src), m); err != nil {
			return cannot(why(err))
		}
	}
	c.Files.remove(src)
	return true, ""
}

func install(c *Call) int {
	opts, names, ok := c.options("d D m: o: g: t: T v p C c s b S: directory=d mode=m owner=o group=g target-directory=t no-target-directory=T verbose=v preserve-timestamps=p compare=C")
	if !ok {
		return 0
	}
	for _, o := range []string{"s", "b"} {
		if opts.has(o) {
			return c.missed("-" + o)
		}
	}
	mode := fs.FileMode(0o755)
	if m, ok := opts.get("m"); ok {
		var valid bool
		if mode, valid = parseMode(m, 0, opts.has("d"), 0); !valid {
			return c.failf(1, "invalid mode '%s'", m)
		}
	}
	user, group := "", ""
	for _, o := range []string{"o", "g"} {
		v, ok := opts.get(o)
		if !ok {
			continue
		}
		if o == "g" {
			v = ":" + v
		}
		u, g, fail := c.owner(v)
		if fail != "" {
			return c.failf(1, "%s", fail)
		}
		if o == "o" {
			user = u
		} else {
			group = g
		}
	}
	finish := func(name string) int {
		if err := c.Chown(name, user, group, true); err != nil {
			return c.failf(1, "cannot change ownership of '%s': %s", name, why(err))
		}
		if err := c.Chmod(name, mode); err != nil {
			return c.failf(1, "cannot change permissions of '%s': %s", name, why(err))
		}
		return 0
	}
	status := 0
	if opts.has("d") {
		if len(names) == 0 {
			return c.failf(1, "missing file operand")
		}
		for _, n := range names {
			if err := c.parents(n, true); err != nil {
				status = c.failf(1, "cannot create directory '%s': %s", n, why(err))
				continue
			}
			status = max(status, finish(n))
		}
		return status
	}
	if opts.has("D") {
		if t, ok := opts.get("t"); ok {
			if err := c.parents(t, true); err != nil {
				return c.failf(1, "cannot create directory '%s': %s", t, why(err))
			}
		} else if len(names) > 1 {
			if err := c.parents(path.Dir(names[len(names)-1]), true); err != nil {
				return c.failf(1, "cannot create directory '%s': %s", path.Dir(names[len(names)-1]), why(err))
			}
		}
	}
	sources, to, dir, fail := c.into(opts, names, true)
	if fail != "" {
		return c.failf(1, "%s", fail)
	}
	for _, s := range sources {
		target := inside(to, s, dir)
		if n, err := c.Stat(s); err == nil && n.Mode.IsDir() {
			status = c.failf(1, "omitting directory '%s'", s)
			continue
		}
		how := copying{followNamed: true, followAll: true, fresh: true}
		if err := c.copy(s, target, how); err != "" {
			status = c.failf(1, "%s", err)
			continue
		}
		if opts.has("v") {
			c.printf("'%s' -> '%s'\n", s, target)
		}
		status = max(status, finish(target))
	}
	return status
}

// parents makes a folder and those that lead to it with the usual mode, whatever
// the umask is.
func (c *Call) parents(name string, last bool) error {
	old := c.Umask
	c.Umask = 0o022
	defer func() { c.Umask = old }()
	return c.Mkdir(name, 0o755, last)
}

// rsync copies on this machine, the way that jobs use it instead of cp.
func rsync(c *Call) int {
	opts, names, ok := c.options("a r l p t g o D v q u z H A X h recursive=r archive=a verbose=v quiet=q links=l perms=p times=t owner=o group=g delete ignore-existing progress partial stats numeric-ids")
	if !ok {
		return 0
	}
	for _, n := range names {
		if strings.Contains(n, ":") {
			return notMine
		}
	}
	if opts.has("u") || len(names) < 2 {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	archive := opts.has("a")
	how := copying{
		recursive: archive || opts.has("r"), owner: archive || opts.has("o"), mode: archive || opts.has("p"), fresh: true, keepOld: opts.has("ignore-existing"),
	}
	sources, to := names[:len(names)-1], names[len(names)-1]
	status := 0
	for _, s := range sources {
		n, err := c.Lstat(strings.TrimRight(s, "/"))
		if err != nil {
			c.failf(0, "link_stat \"%s\" failed: %s (2)", s, why(err))
			status = 23
			continue
		}
		if n.Mode&fs.ModeSymlink != 0 && !archive && !opts.has("l") && !strings.HasSuffix(s, "/") {
			c.printf("skipping non-regular file \"%s\"\n", path.Base(s))
			continue
		}
		there, _ := c.Stat(to)
		target := to
		contents := strings.HasSuffix(s, "/") || strings.HasSuffix(s, "/.")
		isDir := n.Mode.IsDir() || contents
		if isDir && !how.recursive {
			c.printf("skipping directory %s\n", s)
			continue
		}
		if there == nil && (isDir || len(sources) > 1 || strings.HasSuffix(to, "/")) {
			if err := c.Mkdir(to, 0o777&^c.Umask, false); err != nil {
				c.failf(0, "mkdir \"%s\" failed: %s (2)", to, why(err))
				return 11
			}
			there, _ = c.Stat(to)
		}
		if there != nil && there.Mode.IsDir() && !contents {
			target = inside(to, s, true)
		}
		if opts.has("delete") {
			if err := c.trim(s, target, contents); err != nil {
				c.failf(0, "%s", err)
				status = 23
			}
		}
		if err := c.copy(s, target, how); err != "" {
			c.failf(0, "%s", err)
			status = 23
		}
	}
	if opts.has("v") {
		c.miss("rsync -v: what it prints")
	}
	return status
}

// trim takes away from a folder what its source does not have.
func (c *Call) trim(from, to string, contents bool) error {
	src, n, err := c.find(strings.TrimRight(from, "/"), contents)
	if err != nil || !n.Mode.IsDir() {
		return err
	}
	dst, _, err := c.find(to, true)
	if err != nil {
		return nil // nothing is there
	}
	for _, p := range c.Files.below(dst) {
		if p != dst && c.Files.get(src+strings.TrimPrefix(p, dst)) == nil && c.Files.look(p) != nil {
			if err := c.Remove(p); err != nil {
				return err
			}
		}
	}
	return nil
}
