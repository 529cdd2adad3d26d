package vm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	register(map[string]command{
		"hostname": hostname, "id": id, "whoami": whoami, "logname": whoami, "groups": groups, "uname": uname, "arch": arch, "nproc": nproc, "getconf": getconf,
		"free": free, "uptime": uptime, "date": date, "getent": getent, "lsb_release": lsbRelease, "tty": tty, "ip": ip, "ifconfig": ifconfig, "crontab": crontab,
	})
}

// address is that of the machine on eth0.
const address = "10.0.0.5"

// moment is when the machine's clock starts.
var moment = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func hostname(c *Call) int {
	opts, operands, ok := c.options("f s i I d A a y b F: fqdn=f long=f short=s ip-address=i all-ip-addresses=I domain=d all-fqdns=A alias=a file=F boot=b")
	switch {
	case !ok:
		return 0
	case len(operands) > 0 || opts.has("F") || opts.has("b"):
		return notMine
	}
	switch opts.last("f", "s", "i", "I", "d", "A", "a", "y") {
	case "", "f", "s":
		c.printf("%s\n", Hostname)
	case "A":
		c.printf("%s \n", Hostname)
	case "i":
		c.printf("%s\n", address)
	case "I":
		c.printf("%s \n", address)
	case "d", "a":
		c.printf("\n")
	default:
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	return 0
}

func id(c *Call) int {
	opts, names, ok := c.options("u g G n r z user=u group=g groups=G name=n real=r")
	if !ok {
		return 0
	}
	user, group := c.User, c.Group
	if len(names) > 0 {
		a := c.account(names[0])
		if a == nil {
			return c.failf(1, "'%s': no such user", names[0])
		}
		user, group = a.name, c.groupName(a.gid)
	}
	all := c.groupsOf(user, group)
	switch opts.last("u", "g", "G") {
	case "u":
		if opts.has("n") {
			c.printf("%s\n", user)
		} else {
			c.printf("%s\n", c.uid(user))
		}
	case "g":
		if opts.has("n") {
			c.printf("%s\n", group)
		} else {
			c.printf("%s\n", c.gid(group))
		}
	case "G":
		if !opts.has("n") {
			for i, g := range all {
				all[i] = c.gid(g)
			}
		}
		c.printf("%s\n", strings.Join(all, " "))
	default:
		if opts.has("n") || opts.has("r") {
			return c.failf(1, "cannot print only names or real IDs in default format")
		}
		for i, g := range all {
			all[i] = fmt.Sprintf("%s(%s)", c.gid(g), g)
		}
		c.printf("uid=%s(%s) gid=%s(%s) groups=%s\n", c.uid(user), user, c.gid(group), group, strings.Join(all, ","))
	}
	return 0
}

// groupsOf are the groups of a user, the first of them first.
func (c *Call) groupsOf(user, group string) []string {
	all := []string{group}
	for _, g := range c.groupFile() {
		if slices.Contains(g.members, user) && !slices.Contains(all, g.name) {
			all = append(all, g.name)
		}
	}
	return all
}

func whoami(c *Call) int {
	c.printf("%s\n", c.User)
	return 0
}

func groups(c *Call) int {
	if len(c.Args) == 1 {
		c.printf("%s\n", strings.Join(c.groupsOf(c.User, c.Group), " "))
		return 0
	}
	status := 0
	for _, n := range c.Args[1:] {
		a := c.account(n)
		if a == nil {
			status = c.failf(1, "'%s': no such user", n)
			continue
		}
		c.printf("%s : %s\n", n, strings.Join(c.groupsOf(a.name, c.groupName(a.gid)), " "))
	}
	return status
}

const kernel = "5.15.0-100-generic"

func uname(c *Call) int {
	opts, _, ok := c.options("a s n r v m p i o all=a kernel-name=s nodename=n kernel-release=r kernel-version=v machine=m processor=p hardware-platform=i operating-system=o")
	if !ok {
		return 0
	}
	var out []string
	for _, p := range []struct{ letter, value string }{
		{"s", "Linux"}, {"n", Hostname}, {"r", kernel}, {"v", "#110-Ubuntu SMP"}, {"m", "x86_64"}, {"p", "x86_64"}, {"i", "x86_64"}, {"o", "GNU/Linux"},
	} {
		if opts.has(p.letter) || opts.has("a") || len(opts) == 0 && p.letter == "s" {
			out = append(out, p.value)
		}
	}
	c.printf("%s\n", strings.Join(out, " "))
	return 0
}

func arch(c *Call) int {
	c.printf("x86_64\n")
	return 0
}

func nproc(c *Call) int {
	opts, _, ok := c.options("all ignore:")
	if !ok {
		return 0
	}
	n := 4
	if v, ok := opts.get("ignore"); ok {
		less, _ := strconv.Atoi(v)
		n = max(1, n-less)
	}
	c.printf("%d\n", n)
	return 0
}

func getconf(c *Call) int {
	values := map[string]string{
		"_NPROCESSORS_ONLN": "4", "_NPROCESSORS_CONF": "4", "PAGESIZE": "4096", "PAGE_SIZE": "4096", "_PHYS_PAGES": "2048000", "_AVPHYS_PAGES": "1536000",
		"CLK_TCK": "100", "LONG_BIT": "64", "OPEN_MAX": "1024", "ARG_MAX": "2097152", "GNU_LIBC_VERSION": "glibc 2.35", "NPROCESSORS_ONLN": "4",
	}
	if len(c.Args) < 2 || values[c.Args[1]] == "" {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	c.printf("%s\n", values[c.Args[1]])
	return 0
}

// memory of the machine in kB, as /proc/meminfo has it.
const (
	memTotal     = 8192000
	memFree      = 4096000
	memAvailable = 6144000
	memCached    = 2048000
)

func free(c *Call) int {
	opts, _, ok := c.options("b k m g h t w s: c: bytes=b kilo=k kibi=k mega=m mebi=m giga=g gibi=g human=h total=t")
	if !ok {
		return 0
	}
	if opts.has("h") || opts.has("w") || opts.has("s") || opts.has("c") {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	unit := func(kB int) int {
		switch opts.last("b", "k", "m", "g") {
		case "b":
			return kB * 1024
		case "m":
			return kB / 1024
		case "g":
			return kB / 1024 / 1024
		}
		return kB
	}
	c.printf("%7s%12s%12s%12s%12s%12s%12s\n", "", "total", "used", "free", "shared", "buff/cache", "available")
	c.printf("%-7s%12d%12d%12d%12d%12d%12d\n", "Mem:", unit(memTotal), unit(memTotal-memFree-memCached), unit(memFree), 0, unit(memCached), unit(memAvailable))
	c.printf("%-7s%12d%12d%12d\n", "Swap:", 0, 0, 0)
	if opts.has("t") {
		c.printf("%-7s%12d%12d%12d\n", "Total:", unit(memTotal), unit(memTotal-memFree-memCached), unit(memFree))
	}
	return 0
}

func uptime(c *Call) int {
	if len(c.Args) > 1 {
		return c.missed(c.Args[1])
	}
	c.printf(" %s up 1 min,  0 users,  load average: 0.00, 0.00, 0.00\n", moment.Add(time.Duration(c.clock)*time.Second).Format("15:04:05"))
	return 0
}

func tty(c *Call) int {
	if len(c.Args) == 1 {
		c.printf("not a tty\n")
	}
	return 1
}

// date prints the machine's time: the same at each start, and later by what was
// slept.
func date(c *Call) int {
	opts, operands, ok := c.options("u d: I:: R r: s: f: utc=u universal=u date=d iso-8601=I rfc-email=R rfc-2822=R rfc-3339: reference=r set=s")
	if !ok {
		return 0
	}
	now := moment.Add(time.Duration(c.clock) * time.Second)
	if opts.has("s") {
		return notMine
	}
	if opts.has("f") {
		return c.missed("-f")
	}
	if v, ok := opts.get("d"); ok {
		then, ok := parseDate(v, now)
		if !ok {
			return c.missed("-d " + v)
		}
		now = then
	}
	format := "%a %b %e %H:%M:%S %Z %Y"
	switch opts.last("I", "R", "rfc-3339") {
	case "I":
		spec, _ := opts.get("I")
		format, ok = map[string]string{"": "%F", "date": "%F", "hours": "%FT%H%:z", "minutes": "%FT%H:%M%:z", "seconds": "%FT%T%:z", "ns": "%FT%T,%N%:z"}[spec]
	case "R":
		format = "%a, %d %b %Y %H:%M:%S %z"
	case "rfc-3339":
		spec, _ := opts.get("rfc-3339")
		format, ok = map[string]string{"date": "%F", "seconds": "%F %T%:z", "ns": "%F %T.%N%:z"}[spec]
	}
	if !ok {
		return c.missed(strings.Join(c.Args[1:], " "))
	}
	for _, o := range operands {
		if !strings.HasPrefix(o, "+") {
			return notMine // it sets the clock
		}
		format = o[1:]
	}
	out, unknown := strftime(format, now)
	if unknown != "" {
		return c.missed("+" + unknown)
	}
	c.printf("%s\n", out)
	return 0
}

// parseDate reads the dates of date -d that scripts write.
func parseDate(s string, now time.Time) (time.Time, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if n, err := strconv.ParseInt(strings.TrimPrefix(s, "@"), 10, 64); err == nil && strings.HasPrefix(s, "@") {
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02t15:04:05z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	words := strings.Fields(s)
	for i := 0; i < len(words); i++ {
		switch w := words[i]; w {
		case "now", "today":
			continue
		case "yesterday":
			now = now.AddDate(0, 0, -1)
			continue
		case "tomorrow":
			now = now.AddDate(0, 0, 1)
			continue
		}
		n, err := strconv.Atoi(words[i])
		if err != nil || i+1 == len(words) {
			return now, false
		}
		i++
		if i+1 < len(words) && words[i+1] == "ago" {
			n = -n
		}
		switch strings.TrimSuffix(words[i], "s") {
		case "sec", "second":
			now = now.Add(time.Duration(n) * time.Second)
		case "min", "minute":
			now = now.Add(time.Duration(n) * time.Minute)
		case "hour":
			now = now.Add(time.Duration(n) * time.Hour)
		case "day":
			now = now.AddDate(0, 0, n)
		case "week":
			now = now.AddDate(0, 0, 7*n)
		case "month":
			now = now.AddDate(0, n, 0)
		case "year":
			now = now.AddDate(n, 0, 0)
		default:
			return now, false
		}
		if i+1 < len(words) && words[i+1] == "ago" {
			i++
		}
	}
	return now, len(words) > 0
}

// strftime formats a time; unknown is a conversion that it does not have.
func strftime(format string, t time.Time) (out, unknown string) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		from := i
		i++
		pad := byte(0)
		if strings.IndexByte("-_0^", format[i]) >= 0 && i+1 < len(format) {
			pad = format[i]
			i++
		}
		digits := 0
		for format[i] >= '0' && format[i] <= '9' && i+1 < len(format) {
			digits = digits*10 + int(format[i]-'0')
			i++
		}
		number := func(n, width int) string {
			switch pad {
			case '-':
				return strconv.Itoa(n)
			case '_':
				return fmt.Sprintf("%*d", width, n)
			}
			return fmt.Sprintf("%0*d", width, n)
		}
		text := ""
		switch format[i] {
		case 'Y':
			text = strconv.Itoa(t.Year())
		case 'C':
			text = number(t.Year()/100, 2)
		case 'y':
			text = number(t.Year()%100, 2)
		case 'm':
			text = number(int(t.Month()), 2)
		case 'd':
			text = number(t.Day(), 2)
		case 'e':
			text = fmt.Sprintf("%2d", t.Day())
			if pad != 0 {
				text = number(t.Day(), 2)
			}
		case 'j':
			text = number(t.YearDay(), 3)
		case 'H', 'k':
			if format[i] == 'k' && pad == 0 {
				pad = '_'
			}
			text = number(t.Hour(), 2)
		case 'I', 'l':
			if format[i] == 'l' && pad == 0 {
				pad = '_'
			}
			text = number((t.Hour()+11)%12+1, 2)
		case 'M':
			text = number(t.Minute(), 2)
		case 'S':
			text = number(t.Second(), 2)
		case 'N':
			text = "000000000"
			if digits > 0 && digits < 9 {
				text = text[:digits]
			}
		case 's':
			text = strconv.FormatInt(t.Unix(), 10)
		case 'F':
			text = t.Format("2006-01-02")
		case 'T':
			text = t.Format("15:04:05")
		case 'X':
			text = t.Format("15:04:05")
		case 'R':
			text = t.Format("15:04")
		case 'D', 'x':
			text = t.Format("01/02/06")
		case 'c':
			text = t.Format("Mon Jan _2 15:04:05 2006")
		case 'a':
			text = t.Format("Mon")
		case 'A':
			text = t.Format("Monday")
		case 'b', 'h':
			text = t.Format("Jan")
		case 'B':
			text = t.Format("January")
		case 'p':
			text = t.Format("PM")
		case 'P':
			text = t.Format("pm")
		case 'u':
			text = strconv.Itoa((int(t.Weekday())+6)%7 + 1)
		case 'w':
			text = strconv.Itoa(int(t.Weekday()))
		case 'V', 'G', 'g':
			year, week := t.ISOWeek()
			text = map[byte]string{'V': number(week, 2), 'G': strconv.Itoa(year), 'g': number(year%100, 2)}[format[i]]
		case 'Z':
			text = "UTC"
		case 'z':
			text = "+0000"
		case ':':
			if i+1 == len(format) || format[i+1] != 'z' {
				return "", format[from:]
			}
			i++
			text = "+00:00"
		case 'n':
			text = "\n"
		case 't':
			text = "\t"
		case '%':
			text = "%"
		default:
			return "", format[from : i+1]
		}
		if pad == '^' {
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
	}
	return b.String(), ""
}

func getent(c *Call) int {
	if len(c.Args) < 2 {
		return c.failf(1, "wrong number of arguments")
	}
	files := map[string]string{"passwd": "/etc/passwd", "group": "/etc/group", "hosts": "/etc/hosts", "ahosts": "/etc/hosts", "ahostsv4": "/etc/hosts"}
	file := files[c.Args[1]]
	if file == "" {
		return c.missed(c.Args[1])
	}
	data := c.etc(file)
	if len(c.Args) == 2 {
		c.printf("%s", data)
		return 0
	}
	status := 0
	for _, key := range c.Args[2:] {
		hit := false
		for _, l := range chomped([]byte(data)) {
			if file == "/etc/hosts" {
				w := strings.Fields(l)
				if len(w) > 1 && w[0][0] != '#' && slices.Contains(w, key) {
					if hit = true; c.Args[1] == "hosts" {
						c.printf("%-15s %s\n", w[0], strings.Join(w[1:], " "))
					} else {
						c.printf("%-15s STREAM %s\n%-15s DGRAM\n%-15s RAW\n", w[0], key, w[0], w[0])
					}
					break
				}
				continue
			}
			if f := strings.Split(l, ":"); len(f) > 2 && (f[0] == key || f[2] == key) {
				c.printf("%s\n", l)
				hit = true
				break
			}
		}
		if !hit {
			if status = 2; file == "/etc/hosts" {
				c.miss("getent hosts " + key)
			}
		}
	}
	return status
}

func lsbRelease(c *Call) int {
	opts, _, ok := c.options("i d r c a s v id=i description=d release=r codename=c all=a short=s")
	if !ok {
		return 0
	}
	var short []string
	for _, p := range []struct{ letter, label, value string }{
		{"i", "Distributor ID", "Ubuntu"}, {"d", "Description", "Ubuntu 22.04.5 LTS"}, {"r", "Release", "22.04"}, {"c", "Codename", "jammy"},
	} {
		switch {
		case !opts.has(p.letter) && !opts.has("a"):
		case opts.has("s"):
			short = append(short, p.value)
		default:
			c.printf("%s:\t%s\n", p.label, p.value)
		}
	}
	if len(short) > 0 {
		c.printf("%s\n", strings.Join(short, " "))
	}
	return 0
}

// ip answers questions about the addresses and the routes of the machine.
func ip(c *Call) int {
	var words []string
	brief := false
	for i := 1; i < len(c.Args); i++ {
		switch a := c.Args[i]; a {
		case "-4", "-o", "-oneline", "-family", "-f", "inet":
			if a == "-o" || a == "-oneline" {
				return c.askedIP()
			}
		case "-br", "-brief":
			brief = true
		case "-6", "-j", "-json", "-d", "-s", "-n", "-netns":
			return c.askedIP()
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		return c.failf(255, "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }")
	}
	object := ""
	for _, o := range []string{"address", "link", "route"} {
		if strings.HasPrefix(o, words[0]) {
			object = o
			break
		}
	}
	words = words[1:]
	verb := "show"
	if len(words) > 0 && !slices.Contains([]string{"dev", "default", "up", "eth0", "lo"}, words[0]) {
		verb, words = words[0], words[1:]
	}
	query := verb == "get" || strings.HasPrefix("show", verb) || strings.HasPrefix("list", verb) || verb == "lst"
	if object == "" || !query {
		return notMine
	}
	device := ""
	for _, w := range words {
		switch w {
		case "dev", "default", "up", "scope", "global":
		default:
			device = w
		}
	}
	switch {
	case brief:
		return c.askedIP()
	case object == "route" && verb == "get":
		c.printf("%s via 10.0.0.1 dev eth0 src %s uid 0 \n    cache \n", device, address)
		return 0
	case object == "route":
		if device != "" && device != "eth0" {
			return c.askedIP()
		}
		c.printf("default via 10.0.0.1 dev eth0 \n")
		if !slices.Contains(words, "default") {
			c.printf("10.0.0.0/24 dev eth0 proto kernel scope link src %s \n", address)
		}
		return 0
	case device != "" && device != "eth0" && device != "lo":
		fmt.Fprintf(c.Stderr, "Device \"%s\" does not exist.\n", device)
		return 1
	}
	if device != "eth0" {
		c.printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n")
		if object == "address" {
			c.printf("    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n")
		}
	}
	if device != "lo" {
		c.printf("2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default qlen 1000\n    link/ether 42:01:0a:00:00:05 brd ff:ff:ff:ff:ff:ff\n")
		if object == "address" {
			c.printf("    inet %s/24 brd 10.0.0.255 scope global eth0\n       valid_lft forever preferred_lft forever\n", address)
		}
	}
	return 0
}

func (c *Call) askedIP() int { return c.missed(strings.Join(c.Args[1:], " ")) }

func ifconfig(c *Call) int {
	args := slices.DeleteFunc(slices.Clone(c.Args[1:]), func(a string) bool { return a == "-a" })
	if len(args) > 1 {
		return notMine
	}
	if len(args) == 1 && args[0] != "eth0" && args[0] != "lo" {
		fmt.Fprintf(c.Stderr, "%s: error fetching interface information: Device not found\n", args[0])
		return 1
	}
	if len(args) == 0 || args[0] == "eth0" {
		c.printf("eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet %s  netmask 255.255.255.0  broadcast 10.0.0.255\n        ether 42:01:0a:00:00:05  txqueuelen 1000  (Ethernet)\n\n", address)
	}
	if len(args) == 0 || args[0] == "lo" {
		c.printf("lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen 1000  (Local Loopback)\n\n")
	}
	return 0
}

// crontab keeps the tables where cron does.
func crontab(c *Call) int {
	opts, names, ok := c.options("l r e i u:")
	if !ok {
		return 0
	}
	user := c.User
	if v, ok := opts.get("u"); ok {
		user = v
	}
	file := "/var/spool/cron/crontabs/" + user
	n := c.Files.node(file)
	switch {
	case c.Container != nil || opts.has("e"):
		return c.missed(strings.Join(c.Args[1:], " "))
	case opts.has("l"):
		if n == nil {
			fmt.Fprintf(c.Stderr, "no crontab for %s\n", user)
			return 1
		}
		data, _ := n.Data()
		c.Stdout.Write(data)
		return 0
	case opts.has("r"):
		if n == nil {
			fmt.Fprintf(c.Stderr, "no crontab for %s\n", user)
			return 1
		}
		c.Files.remove(file)
		return 0
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	data, err := c.read(names[0])
	if err != nil {
		fmt.Fprintln(c.Stderr, err)
		return 1
	}
	made := c.Files.Add(file, string(data), 0o600)
	made.Owner, made.Group, made.By = user, "crontab", c.Phase
	return 0
}
