package vm

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

func init() {
	register(map[string]command{
		"mkdir": mkdir, "rmdir": rmdir, "rm": rm, "unlink": rm, "touch": touch, "ln": ln, "chown": chown, "chgrp": chgrp, "chmod": chmod,
		"mktemp": mktemp, "tempfile": mktemp, "truncate": truncate, "dd": dd, "mkfifo": mkfifo, "mknod": mknod, "sync": func(*Call) int { return 0 },
	})
}

// asked is a path without the slashes at its end; dir says that there were some,
// so that a link there is to be followed.
func asked(name string) (bare string, dir bool) {
	bare = strings.TrimRight(name, "/")
	if bare == "" && name != "" {
		return "/", false
	}
	return bare, bare != name || strings.HasSuffix(name, "/.")
}

// there is what is at a path, unless that is only taken to be there.
func (c *Call) there(name string, follow bool) *Node {
	_, n, err := c.find(name, follow)
	if err != nil || n.Assumed && !n.Mode.IsDir() {
		return nil
	}
	return n
}

func mkdir(c *Call) int {
	opts, names, ok := c.options("p m: v Z parents=p mode=m verbose=v")
	if !ok {
		return 0
	}
	if len(names) == 0 {
		return c.failf(1, "missing operand")
	}
	mode := 0o777 &^ c.Umask
	m, moded := opts.get("m")
	if moded {
		var ok bool
		if mode, ok = parseMode(m, 0o777, true, c.Umask); !ok {
			return c.failf(1, "invalid mode '%s'", m)
		}
	}
	status := 0
	for _, n := range names {
		made := []string{n}
		if opts.has("p") {
			made = nil
			for at := path.Clean(n); at != "." && at != "/"; at = path.Dir(at) {
				if _, err := c.Stat(at); err == nil {
					break
				}
				made = append(made, at)
			}
			slices.Reverse(made)
			if len(made) == 0 {
				if node, err := c.Stat(n); err == nil && !node.Mode.IsDir() {
					status = c.failf(1, "cannot create directory '%s': File exists", n)
				}
				continue
			}
		}
		for i, d := range made {
			if old, _ := c.Lstat(d); old != nil && old.Assumed && !opts.has("p") {
				c.discard(d)
			}
			bits := 0o777 &^ c.Umask
			if i == len(made)-1 {
				bits = mode
			}
			if err := c.Mkdir(d, bits, false); err != nil {
				status = c.failf(1, "cannot create directory '%s': %s", d, why(err))
				break
			}
			if opts.has("v") {
				c.printf("mkdir: created directory '%s'\n", d)
			}
		}
	}
	return status
}

// discard takes away what was only taken to be there, for what is made now.
func (c *Call) discard(name string) {
	if full, _, err := c.find(name, false); err == nil {
		c.Files.remove(full)
	}
}

func rmdir(c *Call) int {
	opts, names, ok := c.options("p v ignore-fail-on-non-empty parents=p verbose=v")
	if !ok {
		return 0
	}
	status := 0
	for _, n := range names {
		for at := strings.TrimRight(n, "/"); at != "" && at != "." && at != "/"; at = path.Dir(at) {
			full, node, err := c.find(at, false)
			reason := ""
			switch {
			case err != nil:
				reason = why(err)
			case !node.Mode.IsDir():
				reason = "Not a directory"
			case len(c.Files.children(full)) > 0:
				if reason = "Directory not empty"; opts.has("ignore-fail-on-non-empty") {
					reason = "-"
				}
			default:
				if err := c.Remove(at); err != nil {
					reason = why(err)
				}
			}
			if reason != "" {
				if reason != "-" {
					status = c.failf(1, "failed to remove '%s': %s", at, reason)
				}
				break
			}
			if !opts.has("p") {
				break
			}
		}
	}
	return status
}

func rm(c *Call) int {
	opts, names, ok := c.options("r R f d v i I recursive=r force=f dir=d verbose=v one-file-system preserve-root no-preserve-root interactive::")
	if !ok {
		return 0
	}
	recursive, force := opts.has("r") || opts.has("R"), opts.has("f")
	if len(names) == 0 && !force {
		return c.failf(1, "missing operand")
	}
	status := 0
	for _, n := range names {
		if b := path.Base(n); (b == "." || b == "..") && n != "" || c.Abs(n) == "/" {
			status = c.failf(1, "refusing to remove '.' or '..' directory: skipping '%s'", n)
			continue
		}
		bare, dir := asked(n)
		full, node, err := c.find(bare, false)
		switch {
		case n == "" || err != nil && why(err) == "No such file or directory":
			if !force {
				status = c.failf(1, "cannot remove '%s': No such file or directory", n)
			}
			continue
		case err != nil:
			status = c.failf(1, "cannot remove '%s': %s", n, why(err))
			continue
		case dir && !node.Mode.IsDir():
			// a link with a slash behind it: the folder is emptied, the link stays
			if _, to, err := c.find(n, true); err == nil && to.Mode.IsDir() && recursive {
				names, _ := c.List(n)
				for _, in := range names {
					c.Remove(n + "/" + in)
				}
			}
			if !force {
				status = c.failf(1, "cannot remove '%s': Not a directory", n)
			}
			continue
		case node.Mode.IsDir() && !recursive && !(opts.has("d") && len(c.Files.children(full)) == 0):
			status = c.failf(1, "cannot remove '%s': Is a directory", n)
			continue
		}
		if err := c.Remove(bare); err != nil {
			status = c.failf(1, "cannot remove '%s': %s", n, why(err))
			continue
		}
		if opts.has("v") {
			c.printf("removed '%s'\n", n)
		}
	}
	return status
}

func touch(c *Call) int {
	opts, names, ok := c.options("a m c f h d: t: r: no-create=c date=d reference=r no-dereference=h time:")
	if !ok {
		return 0
	}
	if len(names) == 0 {
		return c.failf(1, "missing file operand")
	}
	status := 0
	for _, n := range names {
		node, err := c.Stat(n)
		if err == nil {
			if c.User != node.Owner && c.User != "root" && !c.can(node, 2) {
				status = c.failf(1, "cannot touch '%s': Permission denied", n)
			}
			c.stamp(node, opts)
			continue
		}
		if opts.has("c") || opts.has("h") {
			continue
		}
		if strings.HasSuffix(n, "/") {
			err = &Error{n, "No such file or directory"}
		} else {
			if node, err = c.Create(n, 0o666); err == nil {
				c.stamp(node, opts)
			}
		}
		if err != nil {
			status = c.failf(1, "cannot touch '%s': %s", n, why(err))
		}
	}
	return status
}

// stamp sets the time of a file: now, or with -d @0 before everything.
func (c *Call) stamp(n *Node, opts options) {
	c.changes++
	n.modified, n.changed = c.changes, c.changes
	if d, _ := opts.get("d"); d == "@0" {
		n.modified = 0
	}
}

// into splits the operands of cp, mv, ln and install into sources and the place
// they go to. dir says that the place is a folder which they are put into.
func (c *Call) into(opts options, names []string, follow bool) (sources []string, to string, dir bool, fail string) {
	if t, ok := opts.get("t"); ok {
		if n, err := c.Stat(t); err != nil || !n.Mode.IsDir() {
			return nil, "", false, fmt.Sprintf("target directory '%s': No such file or directory", t)
		}
		if len(names) == 0 {
			return nil, "", false, "missing file operand"
		}
		return names, t, true, ""
	}
	switch len(names) {
	case 0:
		return nil, "", false, "missing file operand"
	case 1:
		return nil, "", false, fmt.Sprintf("missing destination file operand after '%s'", names[0])
	}
	sources, to = names[:len(names)-1], names[len(names)-1]
	n, err := c.Stat(to)
	if !follow && err == nil && !strings.HasSuffix(to, "/") {
		if l, err := c.Lstat(to); err == nil && l.Mode&fs.ModeSymlink != 0 {
			n = l
		}
	}
	dir = err == nil && n.Mode.IsDir() && !opts.has("T")
	switch {
	case opts.has("T") && len(sources) > 1:
		return nil, "", false, fmt.Sprintf("extra operand '%s'", names[2])
	case len(sources) > 1 && !dir:
		return nil, "", false, fmt.Sprintf("target '%s' is not a directory", to)
	}
	return sources, to, dir, ""
}

// inside is where a source goes to: the place, or its name in the folder.
func inside(to, source string, dir bool) string {
	if !dir {
		return to
	}
	base := strings.TrimRight(source, "/")
	base = base[strings.LastIndexByte(base, '/')+1:]
	if base == "." || base == "" {
		return to
	}
	return strings.TrimRight(to, "/") + "/" + base
}

func ln(c *Call) int {
	opts, names, ok := c.options("s f n T v i b r t: symbolic=s force=f no-dereference=n no-target-directory=T verbose=v target-directory=t relative=r")
	if !ok {
		return 0
	}
	if opts.has("b") || opts.has("i") {
		return c.missed("-b")
	}
	if len(names) == 1 && !opts.has("t") {
		names = append(names, ".")
	}
	sources, to, dir, fail := c.into(opts, names, !opts.has("n"))
	if fail != "" {
		return c.failf(1, "%s", fail)
	}
	status := 0
	kind := "symbolic link"
	if !opts.has("s") {
		kind = "hard link"
	}
	for _, s := range sources {
		name := inside(to, s, dir)
		bare, _ := asked(name)
		full, old, _ := c.find(bare, false)
		var err error
		if old != nil {
			switch {
			case old.Mode.IsDir() && old.Assumed:
				c.Files.remove(full)
			case old.Mode.IsDir():
				status = c.failf(1, "%s: cannot overwrite directory", name)
				continue
			case old.Assumed:
				c.Files.remove(full)
			case !opts.has("f"):
				status = c.failf(1, "failed to create %s '%s': File exists", kind, name)
				continue
			default:
				if !opts.has("s") {
					if src, _ := c.Stat(s); src == old {
						status = c.failf(1, "'%s' and '%s' are the same file", s, name)
						continue
					}
				}
				if err := c.Remove(bare); err != nil {
					status = c.failf(1, "cannot remove '%s': %s", name, why(err))
					continue
				}
			}
		}
		if opts.has("s") {
			target := s
			if opts.has("r") {
				target = relative(path.Dir(full), c.Abs(s))
			}
			err = c.Symlink(target, bare)
		} else if src, problem := c.Lstat(s); problem != nil {
			status = c.failf(1, "failed to access '%s': %s", s, why(problem))
			continue
		} else if src.Mode.IsDir() {
			status = c.failf(1, "%s: hard link not allowed for directory", s)
			continue
		} else {
			err = c.insert(name, full, src)
		}
		if err != nil {
			status = c.failf(1, "failed to create %s '%s': %s", kind, name, why(err))
			continue
		}
		if opts.has("v") {
			arrow := "->"
			if kind == "hard link" {
				arrow = "=>"
			}
			c.printf("'%s' %s '%s'\n", name, arrow, s)
		}
	}
	return status
}

// relative is the way from a folder to a path.
func relative(from, to string) string {
	a, b := strings.Split(strings.Trim(from, "/"), "/"), strings.Split(strings.Trim(to, "/"), "/")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	out := append(slices.Repeat([]string{".."}, len(slices.DeleteFunc(a[i:], func(s string) bool { return s == "" }))), b[i:]...)
	if len(out) == 0 {
		return "."
	}
	return strings.TrimSuffix(path.Join(out...), "/")
}

// owner reads USER, USER:GROUP, USER: or :GROUP; numbers become names where
// there is one.
func (c *Call) owner(spec string) (user, group, fail string) {
	u, g, colon := strings.Cut(spec, ":")
	if !colon {
		if before, after, dot := strings.Cut(spec, "."); dot && c.account(spec) == nil {
			u, g, colon = before, after, true
		}
	}
	if u != "" {
		if a := c.account(u); a != nil {
			if user = a.name; colon && g == "" {
				group = c.groupName(a.gid)
			}
		} else if _, err := strconv.Atoi(u); err == nil && !(colon && g == "") {
			user = u
		} else {
			return "", "", fmt.Sprintf("invalid user: '%s'", spec)
		}
	}
	if g != "" {
		if _, err := strconv.Atoi(g); err == nil {
			group = c.groupName(g)
		} else if c.group(g) != nil {
			group = g
		} else if u == "" {
			return "", "", fmt.Sprintf("invalid group: '%s'", spec)
		} else {
			return "", "", fmt.Sprintf("invalid group: '%s'", spec)
		}
	}
	return user, group, ""
}

const ownerOptions = "R h f v c H L P recursive=R no-dereference=h silent=f quiet=f verbose=v changes=c reference: from: dereference preserve-root no-preserve-root"

func chown(c *Call) int {
	opts, names, ok := c.options(ownerOptions)
	if !ok {
		return 0
	}
	return c.chownAll(opts, names, c.owner)
}

func chgrp(c *Call) int {
	opts, names, ok := c.options(ownerOptions)
	if !ok {
		return 0
	}
	return c.chownAll(opts, names, func(spec string) (string, string, string) { return c.owner(":" + spec) })
}

func (c *Call) chownAll(opts options, names []string, read func(string) (user, group, fail string)) int {
	if opts.has("from") {
		return c.missed("--from")
	}
	var user, group string
	if ref, ok := opts.get("reference"); ok {
		n, err := c.Stat(ref)
		if err != nil {
			return c.failf(1, "failed to get attributes of '%s': %s", ref, why(err))
		}
		if group = n.Group; c.Name() == "chown" {
			user = n.Owner
		}
	} else {
		if len(names) < 2 {
			return c.failf(1, "missing operand after '%s'", c.Args[len(c.Args)-1])
		}
		var fail string
		if user, group, fail = read(names[0]); fail != "" {
			return c.failf(1, "%s", fail)
		}
		names = names[1:]
	}
	if len(names) == 0 {
		return c.failf(1, "missing operand")
	}
	status := 0
	quiet := opts.has("f")
	fail := func(format string, args ...any) {
		if status = 1; !quiet {
			c.failf(1, format, args...)
		}
	}
	recursive := opts.has("R")
	walk := opts.last("H", "L", "P")
	for _, n := range names {
		bare, dir := asked(n)
		follow := dir || !opts.has("h") && (!recursive || walk == "H" || walk == "L")
		full, node, err := c.find(bare, follow)
		if err != nil {
			fail("cannot access '%s': %s", n, why(err))
			continue
		}
		one := func(name string, follow bool) {
			if err := c.Chown(name, user, group, follow); err != nil {
				if why(err) == "No such file or directory" {
					if recursive {
						return // a link that leads nowhere
					}
					fail("cannot dereference '%s': %s", name, why(err))
					return
				}
				fail("changing ownership of '%s': %s", name, why(err))
				return
			}
			if opts.has("v") || opts.has("c") {
				c.miss("chown -v: what it prints")
			}
		}
		if !recursive || !node.Mode.IsDir() {
			one(bare, follow)
			continue
		}
		all, err := c.Tree(full)
		if err != nil {
			fail("cannot access '%s': %s", n, why(err))
			continue
		}
		for _, p := range all {
			if walk == "L" {
				if l, err := c.Lstat(p); err == nil && l.Mode&fs.ModeSymlink != 0 {
					if to, err := c.Stat(p); err == nil && to.Mode.IsDir() {
						c.miss(c.Name() + " -L through a link to a folder")
					}
				}
			}
			one(p, walk == "L")
		}
	}
	return status
}

// parseMode reads a mode, octal or symbolic, for what has the mode old.
func parseMode(spec string, old fs.FileMode, dir bool, umask fs.FileMode) (fs.FileMode, bool) {
	if n, err := strconv.ParseUint(spec, 8, 32); err == nil && n <= 0o7777 {
		m := octalMode(n)
		if dir && len(spec) < 5 {
			// a folder keeps these unless they are given as well
			m |= old & (fs.ModeSetuid | fs.ModeSetgid)
		}
		return m, true
	}
	for _, clause := range strings.Split(spec, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 {
			return 0, false
		}
		who, ops := clause[:i], clause[i:]
		masked := who == ""
		if who == "" || strings.Contains(who, "a") {
			who = "ugo"
		}
		if strings.Trim(who, "ugo") != "" {
			return 0, false
		}
		for ops != "" {
			op := ops[0]
			end := strings.IndexAny(ops[1:], "+-=")
			if end < 0 {
				end = len(ops) - 1
			}
			perms := ops[1 : 1+end]
			ops = ops[1+end:]
			var bits, special fs.FileMode
			for _, r := range perms {
				switch r {
				case 'r':
					bits |= 4
				case 'w':
					bits |= 2
				case 'x':
					bits |= 1
				case 'X':
					if dir || old&0o111 != 0 {
						bits |= 1
					}
				case 's':
					if strings.Contains(who, "u") {
						special |= fs.ModeSetuid
					}
					if strings.Contains(who, "g") {
						special |= fs.ModeSetgid
					}
				case 't':
					special |= fs.ModeSticky
				case 'u':
					bits |= old >> 6 & 7
				case 'g':
					bits |= old >> 3 & 7
				case 'o':
					bits |= old & 7
				default:
					return 0, false
				}
			}
			var set, all fs.FileMode
			for _, w := range who {
				shift := map[rune]uint{'u': 6, 'g': 3, 'o': 0}[w]
				set |= bits << shift
				all |= 7 << shift
			}
			if masked {
				set &^= umask
			}
			set |= special
			switch op {
			case '+':
				old |= set
			case '-':
				old &^= set
			default:
				if strings.Contains(who, "u") && !dir {
					all |= fs.ModeSetuid
				}
				if strings.Contains(who, "g") && !dir {
					all |= fs.ModeSetgid
				}
				old = old&^all | set
			}
		}
	}
	return old & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky), true
}

func octalMode(n uint64) fs.FileMode {
	m := fs.FileMode(n & 0o777)
	if n&0o4000 != 0 {
		m |= fs.ModeSetuid
	}
	if n&0o2000 != 0 {
		m |= fs.ModeSetgid
	}
	if n&0o1000 != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// octal is a mode as chmod and stat write it.
func octal(m fs.FileMode) uint64 {
	n := uint64(m.Perm())
	if m&fs.ModeSetuid != 0 {
		n |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		n |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		n |= 0o1000
	}
	return n
}

func chmod(c *Call) int {
	// a mode like -x or -rw looks like options
	args := []string{c.Args[0]}
	mode := ""
	for _, a := range c.Args[1:] {
		if mode == "" && len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.Trim(a[1:], "rwxXst,+-=ugoa") == "" {
			mode = a
			continue
		}
		args = append(args, a)
	}
	c.Args = args
	opts, names, ok := c.options("R f v c recursive=R silent=f quiet=f verbose=v changes=c reference: preserve-root no-preserve-root")
	if !ok {
		return 0
	}
	ref, referred := opts.get("reference")
	if mode == "" && !referred {
		if len(names) == 0 {
			return c.failf(1, "missing operand")
		}
		mode, names = names[0], names[1:]
	}
	if referred {
		n, err := c.Stat(ref)
		if err != nil {
			return c.failf(1, "failed to get attributes of '%s': %s", ref, why(err))
		}
		mode = fmt.Sprintf("%05o", octal(n.Mode))
	}
	if _, ok := parseMode(mode, 0, false, 0); !ok {
		return c.failf(1, "invalid mode: '%s'", mode)
	}
	if len(names) == 0 {
		return c.failf(1, "missing operand after '%s'", mode)
	}
	status := 0
	fail := func(format string, args ...any) {
		if status = 1; !opts.has("f") {
			c.failf(1, format, args...)
		}
	}
	for _, n := range names {
		full, node, err := c.find(n, true)
		if err != nil {
			if l, bad := c.Lstat(n); bad == nil && l.Mode&fs.ModeSymlink != 0 {
				fail("cannot operate on dangling symlink '%s'", n)
			} else {
				fail("cannot access '%s': %s", n, why(err))
			}
			continue
		}
		all := []string{full}
		if opts.has("R") && node.Mode.IsDir() {
			if all, err = c.Tree(full); err != nil {
				fail("cannot access '%s': %s", n, why(err))
				continue
			}
		}
		for _, p := range all {
			node, err := c.Lstat(p)
			if err == nil && node.Mode&fs.ModeSymlink != 0 {
				continue // links that are come across are passed over
			}
			if err == nil {
				m, _ := parseMode(mode, node.Mode, node.Mode.IsDir(), c.Umask)
				err = c.Chmod(p, m)
			}
			if err != nil {
				fail("changing permissions of '%s': %s", p, why(err))
				continue
			}
			if opts.has("v") || opts.has("c") {
				c.miss("chmod -v: what it prints")
			}
		}
	}
	return status
}

func mktemp(c *Call) int {
	opts, names, ok := c.options("d u q p:: t V suffix: tmpdir:: directory=d dry-run=u quiet=q prefix:")
	if !ok {
		return 0
	}
	for i, o := range opts {
		// -p takes a value that must be there, --tmpdir one that may be missing
		if o.name == "p" && o.value == "" && len(names) > 0 {
			opts[i].value, names = names[0], names[1:]
		}
	}
	if len(names) > 1 {
		return c.failf(1, "too many templates")
	}
	base := "/tmp"
	if t := c.Env["TMPDIR"]; t != "" {
		base = t
	}
	template, inTmp := "tmp.XXXXXXXXXX", true
	if len(names) == 1 {
		template, inTmp = names[0], opts.has("t") || opts.has("p") || opts.has("tmpdir")
	}
	if o := opts.last("p", "tmpdir"); o != "" {
		if v, _ := opts.get(o); v != "" {
			base = v
		}
	}
	if c.Name() == "tempfile" {
		template, inTmp = "fileXXXXXX", true
	}
	suffix, _ := opts.get("suffix")
	end := strings.LastIndex(template, "X")
	if end >= 0 && suffix == "" {
		template, suffix = template[:end+1], template[end+1:]
	}
	stem := strings.TrimRight(template, "X")
	if len(template)-len(stem) < 3 {
		return c.failf(1, "too few X's in template '%s'", template+suffix)
	}
	if inTmp {
		base = strings.TrimRight(base, "/") + "/"
		stem, template = base+stem, base+template
	}
	var name string
	for {
		c.temps++
		name = fmt.Sprintf("%s%0*d%s", stem, len(template)-len(stem), c.temps, suffix)
		if _, err := c.Lstat(name); err != nil {
			break
		}
	}
	if !opts.has("u") {
		var err error
		kind := "file"
		if opts.has("d") {
			kind, err = "directory", c.Mkdir(name, 0o700, false)
		} else {
			var n *Node
			if n, err = c.Create(name, 0o600); err == nil {
				n.Mode = 0o600
			}
		}
		if err != nil {
			if !opts.has("q") {
				c.failf(1, "failed to create %s via template '%s': %s", kind, template+suffix, why(err))
			}
			return 1
		}
	}
	c.printf("%s\n", name)
	return 0
}

func truncate(c *Call) int {
	opts, names, ok := c.options("s: c r: o size=s no-create=c reference=r")
	if !ok {
		return 0
	}
	spec, given := opts.get("s")
	if ref, ok := opts.get("r"); ok && !given {
		data, err := c.ReadFile(ref)
		if err != nil {
			return c.failf(1, "cannot stat '%s': %s", ref, why(err))
		}
		spec, given = strconv.Itoa(len(data)), true
	}
	if !given {
		return c.failf(1, "you must specify either '--size' or '--reference'")
	}
	if spec == "" || strings.ContainsAny(spec[:1], "<>/%") || opts.has("o") {
		return c.missed("-s " + spec)
	}
	n, ok := size(spec)
	if !ok {
		return c.failf(1, "Invalid number: '%s'", spec)
	}
	status := 0
	for _, name := range names {
		data, err := c.ReadFile(name)
		if err != nil && opts.has("c") {
			continue
		}
		want := n
		if spec[0] == '+' || spec[0] == '-' {
			want += int64(len(data))
		}
		// a file of gigabytes is not kept in memory: its zeros are cut
		want = min(max(want, 0), maxOutput)
		made := make([]byte, want)
		copy(made, data)
		if err := c.WriteFile(name, made, false); err != nil {
			status = c.failf(1, "cannot open '%s' for writing: %s", name, why(err))
		}
	}
	return status
}

func dd(c *Call) int {
	in, out, bs := "", "", int64(512)
	count, skip, seek := int64(-1), int64(0), int64(0)
	keep := false
	for _, a := range c.Args[1:] {
		name, v, _ := strings.Cut(a, "=")
		n, isSize := size(v)
		number := true
		switch name {
		case "if":
			in, number = v, false
		case "of":
			out, number = v, false
		case "bs", "ibs":
			bs = n
		case "count":
			count = n
		case "skip":
			skip = n
		case "seek", "oseek":
			seek = n
		case "conv":
			number = false
			for _, f := range strings.Split(v, ",") {
				switch f {
				case "notrunc":
					keep = true
				case "sync", "fsync", "fdatasync", "noerror":
				default:
					return c.missed(a)
				}
			}
		case "status", "oflag", "obs":
			number = false
		case "iflag":
			if number = false; v != "fullblock" && v != "direct" {
				return c.missed(a)
			}
		default:
			return c.missed(a)
		}
		if number && (!isSize || n < 0 || n > 1<<30) {
			return c.failf(1, "invalid number: '%s'", v)
		}
	}
	var data []byte
	if in == "/dev/zero" {
		data = make([]byte, min(bs*max(min(count, maxOutput), 0), maxOutput))
		if count < 0 {
			data = make([]byte, maxOutput)
		}
	} else {
		var err error
		if in == "" {
			in = "-"
		}
		if data, err = c.read(in); err != nil {
			return c.failf(1, "failed to open %s", err)
		}
		data = data[min(skip*bs, int64(len(data))):]
		if count >= 0 {
			data = data[:min(count*bs, int64(len(data)))]
		}
	}
	if out == "" {
		c.Stdout.Write(data)
		return 0
	}
	at := min(seek*bs, maxOutput)
	var old []byte
	if at > 0 || keep {
		old, _ = c.ReadFile(out)
	}
	made := make([]byte, at)
	copy(made, old)
	made = append(made, data...)
	if keep && len(old) > len(made) {
		made = append(made, old[len(made):]...)
	}
	if err := c.WriteFile(out, made, false); err != nil {
		return c.failf(1, "failed to open %s", err)
	}
	return 0
}

func mkfifo(c *Call) int {
	opts, names, ok := c.options("m: mode=m")
	if !ok {
		return 0
	}
	mode, moded := opts.get("m")
	status := 0
	for _, n := range names {
		if err := c.special(n, fs.ModeNamedPipe, mode, moded); err != nil {
			status = c.failf(1, "cannot create fifo '%s': %s", n, why(err))
		}
	}
	return status
}

func mknod(c *Call) int {
	opts, names, ok := c.options("m: mode=m")
	if !ok {
		return 0
	}
	if len(names) < 2 {
		return c.failf(1, "missing operand")
	}
	kind, known := map[string]fs.FileMode{"p": fs.ModeNamedPipe, "b": fs.ModeDevice, "c": fs.ModeDevice | fs.ModeCharDevice, "u": fs.ModeDevice | fs.ModeCharDevice}[names[1]]
	if !known {
		return c.failf(1, "invalid device type '%s'", names[1])
	}
	mode, moded := opts.get("m")
	if err := c.special(names[0], kind, mode, moded); err != nil {
		return c.failf(1, "%s: %s", names[0], why(err))
	}
	return 0
}

// special makes a pipe or a device.
func (c *Call) special(name string, kind fs.FileMode, mode string, moded bool) error {
	if c.there(name, false) != nil {
		return &Error{name, "File exists"}
	}
	n, err := c.Create(name, 0o666)
	if err != nil {
		return err
	}
	if moded {
		m, ok := parseMode(mode, 0o666, false, c.Umask)
		if !ok {
			return &Error{name, "invalid mode"}
		}
		n.Mode = m
	}
	n.Mode |= kind
	return nil
}
