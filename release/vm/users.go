package vm

import (
	"slices"
	"strconv"
	"strings"
)

func init() {
	register(map[string]command{
		"useradd": useradd, "adduser": adduser, "usermod": usermod, "userdel": userdel, "deluser": userdel,
		"groupadd": groupadd, "addgroup": groupadd, "groupdel": groupdel, "delgroup": groupdel,
	})
}

// account is a line of /etc/passwd.
type account struct{ name, uid, gid, gecos, home, shell string }

// groupLine is a line of /etc/group.
type groupLine struct {
	name, gid string
	members   []string
}

// etc is what is in a file of the machine, whoever asks.
func (p *Process) etc(file string) string {
	n := p.Files.get(file)
	if n == nil {
		return ""
	}
	data, err := n.Data()
	if err != nil {
		return ""
	}
	return string(data)
}

func (p *Process) accounts() []account {
	var all []account
	for _, l := range strings.Split(p.etc("/etc/passwd"), "\n") {
		if f := strings.Split(l, ":"); len(f) >= 7 {
			all = append(all, account{f[0], f[2], f[3], f[4], f[5], f[6]})
		}
	}
	return all
}

func (p *Process) groupFile() []groupLine {
	var all []groupLine
	for _, l := range strings.Split(p.etc("/etc/group"), "\n") {
		if f := strings.Split(l, ":"); len(f) >= 4 {
			g := groupLine{name: f[0], gid: f[2]}
			if f[3] != "" {
				g.members = strings.Split(f[3], ",")
			}
			all = append(all, g)
		}
	}
	return all
}

// account finds a user by name or number.
func (p *Process) account(who string) *account {
	for _, byNumber := range []bool{false, true} {
		for _, a := range p.accounts() {
			if !byNumber && a.name == who || byNumber && a.uid == who {
				return &a
			}
		}
	}
	return nil
}

// group finds a group by name or number.
func (p *Process) group(which string) *groupLine {
	for _, byNumber := range []bool{false, true} {
		for _, g := range p.groupFile() {
			if !byNumber && g.name == which || byNumber && g.gid == which {
				return &g
			}
		}
	}
	return nil
}

// groupName is the name of a group's number, or the number.
func (p *Process) groupName(gid string) string {
	if g := p.group(gid); g != nil {
		return g.name
	}
	return gid
}

// uid is the number of a user; one that is no name is its own number.
func (p *Process) uid(user string) string {
	if a := p.account(user); a != nil {
		return a.uid
	}
	return user
}

func (p *Process) gid(group string) string {
	if g := p.group(group); g != nil {
		return g.gid
	}
	return group
}

// keep writes one of the files of accounts.
func (c *Call) keep(file string, all []string) {
	n := c.Files.get(file)
	if n == nil {
		n = c.Files.Add(file, "", 0o644)
	}
	n.data, n.load, n.By = []byte(strings.Join(all, "\n")+"\n"), nil, c.Phase
}

func (c *Call) keepAccounts(all []account) {
	var out []string
	for _, a := range all {
		out = append(out, strings.Join([]string{a.name, "x", a.uid, a.gid, a.gecos, a.home, a.shell}, ":"))
	}
	c.keep("/etc/passwd", out)
}

func (c *Call) keepGroups(all []groupLine) {
	var out []string
	for _, g := range all {
		out = append(out, strings.Join([]string{g.name, "x", g.gid, strings.Join(g.members, ",")}, ":"))
	}
	c.keep("/etc/group", out)
}

// freeID is the next number that is taken by nobody: from 1001 up, or from 999
// down for what belongs to the system.
func freeID(system bool, taken func(id string) bool) string {
	n, step := 1001, 1
	if system {
		n, step = 996, -1
	}
	for taken(strconv.Itoa(n)) && n > 1 {
		n += step
	}
	return strconv.Itoa(n)
}

// mayAdmin says whether the caller may change accounts.
func (c *Call) mayAdmin() bool { return c.User == "root" && c.Container == nil }

func (c *Call) addGroup(name, gid string, system bool) groupLine {
	if gid == "" {
		gid = freeID(system, func(id string) bool { return c.group(id) != nil })
	}
	g := groupLine{name: name, gid: gid}
	c.keepGroups(append(c.groupFile(), g))
	return g
}

// join makes a user a member of groups; the name of one that is not there comes
// back.
func (c *Call) join(user string, names []string) (missing string) {
	for _, n := range names {
		if n != "" && c.group(n) == nil {
			return n
		}
	}
	all := c.groupFile()
	for i, g := range all {
		if (slices.Contains(names, g.name) || slices.Contains(names, g.gid)) && !slices.Contains(g.members, user) {
			all[i].members = append(g.members, user)
		}
	}
	c.keepGroups(all)
	return ""
}

func useradd(c *Call) int {
	opts, names, ok := c.options("b: c: d: D e: f: g: G: k: K: l m M N o p: r s: u: U Z: R: comment=c home-dir=d home=d gid=g groups=G create-home=m no-create-home=M no-user-group=N system=r shell=s uid=u " +
		"user-group=U non-unique=o password=p base-dir=b")
	if !ok {
		return 0
	}
	switch {
	case opts.has("D") || opts.has("R"):
		return c.missed(strings.Join(c.Args[1:], " "))
	case len(names) != 1:
		return c.failf(2, "usage: useradd [options] LOGIN")
	case !c.mayAdmin():
		return c.failf(1, "Permission denied.")
	}
	name := names[0]
	if a := c.account(name); a != nil && a.name == name {
		return c.failf(9, "user '%s' already exists", name)
	}
	a := account{name: name, shell: "/bin/sh", home: "/home/" + name}
	a.uid, _ = opts.get("u")
	if a.uid == "" {
		a.uid = freeID(opts.has("r"), func(id string) bool { return c.account(id) != nil })
	} else if c.account(a.uid) != nil && !opts.has("o") {
		return c.failf(4, "UID %s is not unique", a.uid)
	}
	a.gecos, _ = opts.get("c")
	if v, ok := opts.get("s"); ok {
		a.shell = v
	}
	if v, ok := opts.get("b"); ok {
		a.home = v + "/" + name
	}
	if v, ok := opts.get("d"); ok {
		a.home = v
	}
	extra, _ := opts.get("G")
	for _, g := range strings.Split(extra, ",") {
		if g != "" && c.group(g) == nil {
			return c.failf(6, "group '%s' does not exist", g)
		}
	}
	switch v, ok := opts.get("g"); {
	case ok:
		g := c.group(v)
		if g == nil {
			return c.failf(6, "group '%s' does not exist", v)
		}
		a.gid = g.gid
	case opts.has("N"):
		a.gid = "100"
	default:
		if g := c.group(name); g != nil {
			return c.failf(9, "group %s exists - if you want to add this user to that group, use -g.", name)
		}
		gid := a.uid
		if c.group(gid) != nil {
			gid = ""
		}
		a.gid = c.addGroup(name, gid, opts.has("r")).gid
	}
	c.keepAccounts(append(c.accounts(), a))
	c.join(name, strings.Split(extra, ","))
	if opts.has("m") && !opts.has("M") {
		c.home(a, 0o750)
	}
	return 0
}

// home makes the home folder of a user.
func (c *Call) home(a account, mode uint32) {
	if _, err := c.Stat(a.home); err == nil {
		return
	}
	if c.parents(a.home, true) == nil {
		m := octalMode(uint64(mode))
		c.Chmod(a.home, m)
		c.Chown(a.home, a.name, c.groupName(a.gid), true)
	}
}

// adduser is Debian's: with two names it makes a user a member of a group.
func adduser(c *Call) int {
	opts, names, ok := c.options("q system group ingroup: home: shell: uid: gid: gecos: no-create-home disabled-password disabled-login force-badname quiet=q debug")
	if !ok {
		return 0
	}
	if !c.mayAdmin() {
		return c.failf(1, "Only root may add a user or group to the system.")
	}
	if len(names) == 2 {
		if c.account(names[0]) == nil {
			return c.failf(1, "The user `%s' does not exist.", names[0])
		}
		if c.join(names[0], names[1:]) != "" {
			return c.failf(1, "The group `%s' does not exist.", names[1])
		}
		return 0
	}
	if len(names) != 1 {
		return c.failf(1, "Only one or two names allowed.")
	}
	name, system := names[0], opts.has("system")
	if opts.has("group") && !system {
		return groupadd(c)
	}
	if a := c.account(name); a != nil && a.name == name {
		if system {
			return 0
		}
		return c.failf(1, "The user `%s' already exists.", name)
	}
	a := account{name: name, shell: "/bin/bash", home: "/home/" + name, gecos: ",,,"}
	if system {
		a.shell, a.gecos, a.home = "/usr/sbin/nologin", "", "/home/"+name
	}
	for o, field := range map[string]*string{"shell": &a.shell, "home": &a.home, "gecos": &a.gecos, "uid": &a.uid} {
		if v, ok := opts.get(o); ok {
			*field = v
		}
	}
	if a.uid == "" {
		a.uid = freeID(system, func(id string) bool { return c.account(id) != nil })
	}
	in, given := opts.get("ingroup")
	if v, ok := opts.get("gid"); ok {
		in, given = v, true
	}
	switch {
	case given:
		g := c.group(in)
		if g == nil {
			return c.failf(1, "The group `%s' does not exist.", in)
		}
		a.gid = g.gid
	case system && !opts.has("group"):
		a.gid = "65534"
	default:
		if g := c.group(name); g != nil {
			a.gid = g.gid
		} else {
			a.gid = c.addGroup(name, "", system).gid
		}
	}
	c.keepAccounts(append(c.accounts(), a))
	if !opts.has("no-create-home") {
		c.home(a, 0o755)
	}
	return 0
}

func usermod(c *Call) int {
	opts, names, ok := c.options("a c: d: e: f: g: G: l: L m o p: s: u: U append=a comment=c home=d gid=g groups=G login=l lock=L move-home=m shell=s uid=u unlock=U password=p")
	if !ok {
		return 0
	}
	switch {
	case len(names) != 1:
		return c.failf(2, "usage: usermod [options] LOGIN")
	case opts.has("l") || opts.has("m"):
		return c.missed(strings.Join(c.Args[1:], " "))
	case !c.mayAdmin():
		return c.failf(1, "Permission denied.")
	}
	all := c.accounts()
	i := slices.IndexFunc(all, func(a account) bool { return a.name == names[0] })
	if i < 0 {
		return c.failf(6, "user '%s' does not exist", names[0])
	}
	if v, ok := opts.get("g"); ok {
		g := c.group(v)
		if g == nil {
			return c.failf(6, "group '%s' does not exist", v)
		}
		all[i].gid = g.gid
	}
	for o, field := range map[string]*string{"s": &all[i].shell, "d": &all[i].home, "c": &all[i].gecos, "u": &all[i].uid} {
		if v, ok := opts.get(o); ok {
			*field = v
		}
	}
	if v, ok := opts.get("G"); ok {
		names := strings.Split(v, ",")
		for _, n := range names {
			if n != "" && c.group(n) == nil {
				return c.failf(6, "group '%s' does not exist", n)
			}
		}
		if !opts.has("a") {
			c.leave(all[i].name)
		}
		c.join(all[i].name, names)
	}
	c.keepAccounts(all)
	return 0
}

// leave takes a user out of all groups.
func (c *Call) leave(user string) {
	groups := c.groupFile()
	for i := range groups {
		groups[i].members = slices.DeleteFunc(groups[i].members, func(m string) bool { return m == user })
	}
	c.keepGroups(groups)
}

func userdel(c *Call) int {
	opts, names, ok := c.options("r f q Z remove=r force=f remove-home=r quiet=q system")
	if !ok {
		return 0
	}
	switch {
	case len(names) != 1:
		return c.missed(strings.Join(c.Args[1:], " "))
	case !c.mayAdmin():
		return c.failf(1, "Permission denied.")
	}
	all := c.accounts()
	i := slices.IndexFunc(all, func(a account) bool { return a.name == names[0] })
	if i < 0 {
		return c.failf(6, "user '%s' does not exist", names[0])
	}
	gone := all[i]
	c.keepAccounts(slices.Delete(all, i, i+1))
	c.leave(gone.name)
	if opts.has("r") {
		c.Remove(gone.home)
	}
	if g := c.group(gone.name); g != nil && g.name == gone.name && g.gid == gone.gid && len(g.members) == 0 {
		c.dropGroup(g.name)
	}
	return 0
}

func (c *Call) dropGroup(name string) {
	c.keepGroups(slices.DeleteFunc(c.groupFile(), func(g groupLine) bool { return g.name == name }))
}

func groupadd(c *Call) int {
	opts, names, ok := c.options("f g: K: o p: r force=f gid=g system=r non-unique=o group quiet")
	if !ok {
		return 0
	}
	if len(names) != 1 {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	if !c.mayAdmin() {
		return c.failf(10, "Permission denied.")
	}
	debian := c.Name() != "groupadd"
	gid, _ := opts.get("g")
	if g := c.group(names[0]); g != nil && g.name == names[0] {
		switch {
		case opts.has("f") || debian && opts.has("r"):
			return 0
		case debian:
			return c.failf(1, "The group `%s' already exists.", names[0])
		}
		return c.failf(9, "group '%s' already exists", names[0])
	}
	if gid != "" && c.group(gid) != nil && !opts.has("o") {
		if !opts.has("f") {
			return c.failf(4, "GID '%s' already exists", gid)
		}
		gid = ""
	}
	c.addGroup(names[0], gid, opts.has("r"))
	return 0
}

func groupdel(c *Call) int {
	if len(c.Args) != 2 {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	g := c.group(c.Args[1])
	if g == nil || g.name != c.Args[1] {
		return c.failf(6, "group '%s' does not exist", c.Args[1])
	}
	for _, a := range c.accounts() {
		if a.gid == g.gid {
			return c.failf(8, "cannot remove the primary group of user '%s'", a.name)
		}
	}
	c.dropGroup(g.name)
	return 0
}
