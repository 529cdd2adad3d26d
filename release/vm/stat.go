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
		"ls": ls, "stat": stat, "readlink": readlink, "realpath": readlink, "du": du, "df": df, "mountpoint": mountpoint, "mount": mount, "findmnt": findmnt,
	})
}

// resolved follows the links of a path the way that readlink does: exist is -1
// when nothing need be there, 0 when only the end may be missing, 1 when all has
// to be there.
func (c *Call) resolved(name string, exist int) (string, error) {
	full, n, err := c.find(name, true)
	switch {
	case full == "":
		return "", err
	case exist == 1 && n == nil:
		return "", err
	case exist == 0 && n == nil:
		up, err := c.Stat(path.Dir(full))
		if err != nil {
			return "", &Error{name, "No such file or directory"}
		}
		if !up.Mode.IsDir() {
			return "", &Error{name, "Not a directory"}
		}
	}
	return full, nil
}

func readlink(c *Call) int {
	opts, names, ok := c.options("f e m n q s z v L P canonicalize=f canonicalize-existing=e canonicalize-missing=m no-newline=n quiet=q silent=q no-symlinks=s strip=s zero=z relative-to: relative-base:")
	if !ok {
		return 0
	}
	real := c.Name() == "realpath"
	if opts.has("relative-base") || opts.has("L") {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	if len(names) == 0 {
		return c.failf(1, "missing operand")
	}
	exist, canonical := 0, real
	switch opts.last("f", "e", "m") {
	case "f":
		canonical = true
	case "e":
		exist, canonical = 1, true
	case "m":
		exist, canonical = -1, true
	}
	status := 0
	for _, n := range names {
		var out string
		var err error
		switch {
		case real && opts.has("s"):
			out = c.Abs(n)
		case canonical && n != "":
			out, err = c.resolved(n, exist)
		default:
			var node *Node
			if node, err = c.Lstat(n); err == nil && node.Mode&fs.ModeSymlink == 0 {
				err = &Error{n, "Invalid argument"}
			}
			if err == nil {
				out = node.Link
			}
		}
		if err != nil {
			if status = 1; real && !opts.has("q") || opts.has("v") {
				c.failf(1, "%s", err)
			}
			continue
		}
		if rel, ok := opts.get("relative-to"); ok {
			from, err := c.resolved(rel, exist)
			if err != nil {
				return c.failf(1, "%s", err)
			}
			out = relative(from, out)
		}
		end := "\n"
		switch {
		case opts.has("z"):
			end = "\x00"
		case opts.has("n") && !real && len(names) == 1:
			end = ""
		}
		c.printf("%s%s", out, end)
	}
	return status
}

// modeText is a mode as ls -l prints it.
func modeText(m fs.FileMode) string {
	kind := typeLetter(m)
	if kind == "f" {
		kind = "-"
	}
	b := []byte(kind + "rwxrwxrwx")
	for i := range 9 {
		if m.Perm()&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	for _, s := range []struct {
		bit fs.FileMode
		at  int
		on  byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		if m&s.bit == 0 {
			continue
		}
		if b[s.at] == '-' {
			b[s.at] = s.on - 32
		} else {
			b[s.at] = s.on
		}
	}
	return string(b)
}

// length is the size of what a node holds.
func length(n *Node) int {
	switch {
	case n.Mode.IsDir():
		return 4096
	case n.Mode&fs.ModeSymlink != 0:
		return len(n.Link)
	}
	data, _ := n.Data()
	return len(data)
}

func ls(c *Call) int {
	opts, names, ok := c.options("1 a A d l r t S h F p R L H n g o G i s Q N q b U f v X Z C x m all=a almost-all=A directory=d reverse=r recursive=R human-readable=h classify=F " +
		"color:: time-style: full-time group-directories-first")
	if !ok {
		return 0
	}
	for _, o := range []string{"i", "s", "Q", "Z", "m", "full-time", "x", "C", "R", "h", "L", "g", "o", "S", "X", "v"} {
		if opts.has(o) && (o != "h" && o != "S" || opts.has("l")) {
			return c.missed("-" + o)
		}
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	type entry struct {
		name string
		node *Node
	}
	status := 0
	var plain, dirs []entry
	for _, n := range names {
		follow := !opts.has("l") && !opts.has("d") && !opts.has("F")
		bare, slash := asked(n)
		node, err := c.Lstat(bare)
		if err == nil && node.Mode&fs.ModeSymlink != 0 && (follow || slash) {
			if to, err := c.Stat(bare); err == nil {
				node = to
			}
		}
		if n == "" {
			err = &Error{n, "No such file or directory"}
		}
		if err != nil {
			status = c.failf(2, "cannot access '%s': %s", n, why(err))
			continue
		}
		if node.Mode.IsDir() && !opts.has("d") {
			dirs = append(dirs, entry{n, node})
		} else {
			plain = append(plain, entry{n, node})
		}
	}
	order := func(list []entry) {
		slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
		if opts.has("r") {
			slices.Reverse(list)
		}
	}
	show := func(list []entry) {
		width := [4]int{}
		cell := func(e entry) [4]string {
			user, group := e.node.Owner, e.node.Group
			if opts.has("n") {
				user, group = c.uid(user), c.gid(group)
			}
			links := "1"
			if e.node.Mode.IsDir() {
				links = "2"
			}
			return [4]string{links, user, group, strconv.Itoa(length(e.node))}
		}
		for _, e := range list {
			for i, s := range cell(e) {
				width[i] = max(width[i], len(s))
			}
		}
		for _, e := range list {
			if opts.has("l") || opts.has("n") {
				x := cell(e)
				group := ""
				if !opts.has("G") {
					group = fmt.Sprintf(" %-*s", width[2], x[2])
				}
				c.printf("%s %*s %-*s%s %*s Jan  1 00:00 ", modeText(e.node.Mode), width[0], x[0], width[1], x[1], group, width[3], x[3])
			}
			c.printf("%s", e.name)
			switch {
			case (opts.has("F") || opts.has("p")) && e.node.Mode.IsDir():
				c.printf("/")
			case opts.has("F") && e.node.Mode&fs.ModeSymlink != 0 && !opts.has("l"):
				c.printf("@")
			case opts.has("F") && e.node.Mode.IsRegular() && e.node.Mode&0o111 != 0:
				c.printf("*")
			}
			if opts.has("l") && e.node.Mode&fs.ModeSymlink != 0 {
				c.printf(" -> %s", e.node.Link)
			}
			c.printf("\n")
		}
	}
	order(plain)
	show(plain)
	order(dirs)
	for i, d := range dirs {
		inside, err := c.List(d.name)
		if err != nil {
			status = c.failf(2, "cannot open directory '%s': %s", d.name, why(err))
			continue
		}
		if len(names) > 1 {
			if i > 0 || len(plain) > 0 {
				c.printf("\n")
			}
			c.printf("%s:\n", d.name)
		}
		var list []entry
		blocks := 0
		add := func(name string) {
			if n, err := c.Lstat(path.Join(d.name, name)); err == nil {
				list = append(list, entry{name, n})
				if n.Mode&fs.ModeSymlink == 0 {
					blocks += (length(n) + 4095) / 4096 * 4
				}
			}
		}
		if opts.has("a") || opts.has("f") {
			add(".")
			add("..")
		}
		for _, n := range inside {
			if n[0] != '.' || opts.has("a") || opts.has("A") || opts.has("f") {
				add(n)
			}
		}
		order(list)
		if opts.has("l") || opts.has("n") {
			c.printf("total %d\n", blocks)
		}
		show(list)
	}
	return status
}

// deviceNumber is that of the one disk of this machine.
const deviceNumber = "2049"

func stat(c *Call) int {
	opts, names, ok := c.options("c: L f t format=c printf: dereference=L file-system=f terse=t")
	if !ok {
		return 0
	}
	format, given := opts.get("c")
	end := "\n"
	if v, ok := opts.get("printf"); ok {
		format, given, end = v, true, ""
	}
	if !given {
		return c.missed("without a format")
	}
	status := 0
	for _, n := range names {
		var node *Node
		var err error
		full := c.Abs(n)
		if bare, slash := asked(n); opts.has("L") || slash || opts.has("f") {
			node, err = c.Stat(bare)
			full, _ = c.Realpath(bare)
		} else {
			node, err = c.Lstat(bare)
		}
		if err != nil {
			status = c.failf(1, "cannot stat '%s': %s", n, why(err))
			continue
		}
		var out strings.Builder
		for i := 0; i < len(format); i++ {
			ch := format[i]
			switch {
			case ch == '\\' && end == "" && i+1 < len(format):
				b, w := trChar(format[i:])
				out.WriteByte(b)
				i += w - 1
				continue
			case ch != '%' || i+1 == len(format):
				out.WriteByte(ch)
				continue
			}
			i++
			if opts.has("f") {
				if format[i] != 'T' {
					return c.missed("-f -c " + format)
				}
				out.WriteString(c.fileSystem(full).kind)
				continue
			}
			switch format[i] {
			case 'U':
				out.WriteString(node.Owner)
			case 'G':
				out.WriteString(node.Group)
			case 'u':
				out.WriteString(c.uid(node.Owner))
			case 'g':
				out.WriteString(c.gid(node.Group))
			case 'a':
				fmt.Fprintf(&out, "%o", octal(node.Mode))
			case 'A':
				out.WriteString(modeText(node.Mode))
			case 's':
				out.WriteString(strconv.Itoa(length(node)))
			case 'n':
				out.WriteString(n)
			case 'N':
				out.WriteString("'" + n + "'")
				if node.Mode&fs.ModeSymlink != 0 {
					out.WriteString(" -> '" + node.Link + "'")
				}
			case 'F':
				kind := map[string]string{"d": "directory", "l": "symbolic link", "p": "fifo", "s": "socket", "b": "block special file", "c": "character special file", "f": "regular file"}[typeLetter(node.Mode)]
				if kind == "regular file" && length(node) == 0 {
					kind = "regular empty file"
				}
				out.WriteString(kind)
			case 'Y', 'X', 'Z', 'W':
				out.WriteString(strconv.FormatInt(moment.Unix(), 10))
			case 'm':
				out.WriteString(c.fileSystem(full).at)
			case 'd':
				out.WriteString(deviceNumber)
			case '%':
				out.WriteByte('%')
			default:
				return c.missed("-c " + format)
			}
		}
		c.printf("%s%s", out.String(), end)
	}
	return status
}

// fileSystem is one line of /proc/mounts.
type fileSystem struct{ device, at, kind, options string }

func (c *Call) fileSystems() []fileSystem {
	n := c.Files.get("/proc/mounts")
	if n == nil {
		return nil
	}
	data, err := n.Data()
	if err != nil {
		return nil
	}
	var all []fileSystem
	for _, l := range chomped(data) {
		if w := strings.Fields(l); len(w) >= 4 {
			all = append(all, fileSystem{w[0], w[1], w[2], w[3]})
		}
	}
	return all
}

// fileSystem is the file system that a path is on.
func (c *Call) fileSystem(full string) fileSystem {
	best := fileSystem{"/dev/sda1", "/", "ext4", "rw"}
	for _, f := range c.fileSystems() {
		if len(f.at) >= len(best.at) && (f.at == "/" || full == f.at || strings.HasPrefix(full, f.at+"/")) {
			best = f
		}
	}
	return best
}

func mountpoint(c *Call) int {
	opts, names, ok := c.options("q d x quiet=q fs-devno=d")
	if !ok {
		return 0
	}
	if len(names) == 0 {
		return c.failf(1, "bad usage")
	}
	if len(names) != 1 || opts.has("x") || opts.has("d") {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	full, n, err := c.find(names[0], true)
	if err != nil {
		if !opts.has("q") {
			c.failf(1, "%s", err)
		}
		return 1
	}
	is := n.Mode.IsDir() && c.fileSystem(full).at == full
	if !opts.has("q") {
		not := "not "
		if is {
			not = ""
		}
		c.printf("%s is %sa mountpoint\n", names[0], not)
	}
	if is {
		return 0
	}
	return 32
}

// mount lists what is mounted; what changes that is not carried out here.
func mount(c *Call) int {
	if len(c.Args) > 2 || len(c.Args) == 2 && c.Args[1] != "-l" {
		return notMine
	}
	for _, f := range c.fileSystems() {
		c.printf("%s on %s type %s (%s)\n", f.device, f.at, f.kind, f.options)
	}
	return 0
}

func findmnt(c *Call) int { return c.missed(strings.Join(c.Args[1:], " ")) }

func du(c *Call) int {
	opts, names, ok := c.options("s h k m b c a x d: L D H summarize=s human-readable=h bytes=b max-depth=d apparent-size total=c")
	if !ok {
		return 0
	}
	if !opts.has("s") || opts.has("h") || opts.has("c") || opts.has("a") || opts.has("d") {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	status := 0
	for _, n := range names {
		all, err := c.Tree(n)
		if err != nil {
			status = c.failf(1, "cannot access '%s': %s", n, why(err))
			continue
		}
		total := 0
		for _, p := range all {
			size := length(c.Files.node(p))
			if !opts.has("b") {
				size = (size + 4095) / 4096 * 4096
			}
			total += size
		}
		switch {
		case opts.has("b"):
		case opts.has("m"):
			total = (total + 1<<20 - 1) >> 20
		default:
			total >>= 10
		}
		c.printf("%d\t%s\n", total, n)
	}
	return status
}

// df gives every file system 10 GB, a tenth of which is used.
func df(c *Call) int {
	opts, names, ok := c.options("h H P k m T a l x: t: B: i output:: human-readable=h portability=P print-type=T block-size=B")
	if !ok {
		return 0
	}
	for _, o := range []string{"i", "output", "x", "t", "B", "T", "H"} {
		if opts.has(o) {
			return c.missed("-" + o)
		}
	}
	var all []fileSystem
	status := 0
	for _, n := range names {
		full, _, err := c.find(n, true)
		if err != nil {
			status = c.failf(1, "%s", err)
			continue
		}
		all = append(all, c.fileSystem(full))
	}
	if len(names) == 0 {
		for _, f := range c.fileSystems() {
			if strings.HasPrefix(f.device, "/dev/") {
				all = append(all, f)
			}
		}
	}
	if len(all) == 0 {
		return status
	}
	head, size, used, free := "1K-blocks", "10485760", "1048576", "9437184"
	switch {
	case opts.has("h"):
		head, size, used, free = "Size", "10G", "1.0G", "9.0G"
	case opts.has("m"):
		head, size, used, free = "1M-blocks", "10240", "1024", "9216"
	case opts.has("P"):
		head = "1024-blocks"
	}
	percent := "Use%"
	if opts.has("P") {
		percent = "Capacity"
	}
	available := "Available"
	if opts.has("h") {
		available = "Avail"
	}
	c.printf("%-14s %*s %*s %*s %*s Mounted on\n", "Filesystem", max(len(head), len(size)), head, max(4, len(used)), "Used", max(len(available), len(free)), available, len(percent), percent)
	for _, f := range all {
		c.printf("%-14s %*s %*s %*s %*s %s\n", f.device, max(len(head), len(size)), size, max(4, len(used)), used, max(len(available), len(free)), free, len(percent), "10%", f.at)
	}
	return status
}
