package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// demand is a row of the table of programs that do what only root may. It holds
// data only; the rules that read it are below.
type demand struct {
	names []string
	// host says that the names are common words: only the programs of the VM are
	// meant, not those of a package.
	host bool
	// verb makes the row hold only with such an argument.
	verb *search.Pattern
	// does completes "it ...".
	does string
	// capabilities would let vcap do it under bpm; none when nothing but
	// unsafe.privileged does.
	capabilities []string
	// certain says that they are enough for the program as the process, and are
	// written.
	certain bool
	// lacks is what else it finds missing in the container.
	lacks string
	// setuid says that it gets its rights from its file, which a process under bpm
	// cannot: it fails for vcap as well, where it worked before.
	setuid bool
	docs   string
}

const bpmSeccomp = "bpm-release src/bpm/runc/specbuilder/seccomp.go"

var demands = []demand{
	{names: []string{"iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "iptables-save", "nft", "ebtables", "arptables", "conntrack", "conntrackd", "ipvsadm"},
		does: "reads or changes the packet filter of the VM", capabilities: []string{"NET_ADMIN"}, lacks: "/run/xtables.lock, without which iptables-legacy ends", docs: "capabilities(7), iptables(8)"},
	{names: []string{"ipset"}, does: "changes the packet filter of the VM", capabilities: []string{"NET_ADMIN"}, docs: "capabilities(7)"},
	{names: []string{"ip", "tc", "brctl", "bridge"}, host: true, verb: search.MustCompile(`^(?:add|addbr|del|delete|set|change|replace|append|flush|addif|link)$`),
		does: "changes addresses, routes or devices of the network", capabilities: []string{"NET_ADMIN"}, docs: "capabilities(7)"},
	{names: []string{"ifconfig", "route"}, host: true, verb: search.MustCompile(`^(?:add|del|up|down|netmask|mtu)$`), does: "changes addresses, routes or devices of the network", capabilities: []string{"NET_ADMIN"}, docs: "capabilities(7)"},
	{names: []string{"flanneld"}, does: "makes network devices and routes, and has iptables change the packet filter", capabilities: []string{"NET_ADMIN", "NET_RAW"}, lacks: "/run/xtables.lock and /run/flannel", docs: "https://github.com/flannel-io/flannel/blob/master/Documentation/kube-flannel.yml"},
	{names: []string{"silk-daemon", "vxlan-policy-agent"}, does: "makes network devices, routes and packet filters for other containers", lacks: "/run/xtables.lock and the network namespaces of the other containers", docs: "https://github.com/cloudfoundry/silk-release/blob/develop/jobs/silk-daemon/templates/bpm.yml.erb"},
	{names: []string{"netmon"}, does: "counts the packet filters and the network devices of the VM", lacks: "/run/xtables.lock", docs: "https://github.com/cloudfoundry/silk-release/blob/develop/jobs/netmon/templates/bpm.yml.erb"},
	{names: []string{"iptables-logger"}, does: "reads the kernel's log, which only root and a group of the VM may", lacks: "/var/log", docs: "https://github.com/cloudfoundry/silk-release/blob/develop/jobs/iptables-logger/templates/bpm.yml.erb"},
	{names: []string{"keepalived"}, does: "sends and receives VRRP through raw sockets and moves addresses from VM to VM", capabilities: []string{"NET_ADMIN", "NET_RAW"}, certain: true, docs: "capabilities(7); tried with keepalived 2.2.7"},
	{names: []string{"openvpn", "wg-quick", "charon", "ipsec", "pluto", "racoon", "strongswan"}, does: "makes tunnels: network devices, routes or the kernel's IPsec rules", lacks: "/dev/net/tun", docs: "capabilities(7)"},
	{names: []string{"fping", "arping", "tcpdump", "hping3", "nmap", "traceroute", "smokeping"}, does: "uses raw sockets", capabilities: []string{"NET_RAW"}, setuid: true, docs: "capabilities(7)"},
	{names: []string{"dhcpd", "dhclient", "udhcpd", "dhcrelay", "kea-dhcp4"}, does: "speaks DHCP through raw sockets on a port below 1024", capabilities: []string{"NET_BIND_SERVICE", "NET_RAW"}, docs: "capabilities(7)"},
	{names: []string{"ntpd", "chronyd", "ntpdate", "openntpd", "timedatectl", "hwclock"}, does: "sets the clock, and the calls for that are not among those that bpm's seccomp profile allows, whatever the capabilities", docs: bpmSeccomp},
	{names: []string{"mount", "umount", "losetup", "swapon", "swapoff", "mkfs", "mkfs.ext4", "mkfs.xfs", "fsck", "resize2fs", "fusermount", "sshfs", "s3fs", "goofys", "gcsfuse", "ceph-fuse", "mount.nfs", "mount.cifs", "rpc.nfsd", "nfsd", "rpc.mountd", "exportfs"},
		does: "mounts file systems or serves them from the kernel, which bpm's seccomp profile does not allow, whatever the capabilities", setuid: true, docs: bpmSeccomp},
	{names: []string{"lvcreate", "lvremove", "lvextend", "vgcreate", "pvcreate", "dmsetup", "mdadm", "fdisk", "sfdisk", "parted", "sgdisk", "blkid", "drbdadm", "iscsid", "iscsiadm", "multipathd", "lvmvd"}, does: "works on disks", lacks: "the devices in /dev", docs: "bpm-release src/bpm/runc/specbuilder/specbuilder.go"},
	{names: []string{"modprobe", "insmod", "rmmod"}, does: "loads kernel modules, which bpm's seccomp profile does not allow, whatever the capabilities. Do it in the hook (hooks.pre_start), which runs on the host as root, at every start", docs: bpmSeccomp},
	{names: []string{"sysctl"}, verb: search.MustCompile(`^-(?:w|p|-load|-system)|^[\w./-]+=`), does: "changes kernel parameters, and /proc/sys is read-only in the container. Do it in the hook (hooks.pre_start), which runs on the host as root, at every start", docs: "bpm-release src/bpm/runc/specbuilder/specbuilder.go"},
	{names: []string{"chroot"}, host: true, does: "changes the root folder", capabilities: []string{"SYS_CHROOT"}, docs: "capabilities(7)"},
	{names: []string{"unshare", "nsenter"}, host: true, does: "makes or enters namespaces, which bpm's seccomp profile does not allow, whatever the capabilities", docs: bpmSeccomp},
	{names: []string{"strace", "ltrace", "gdb", "perf", "auditd", "auditctl", "falco", "osqueryd", "cadvisor", "sysdig", "bpftrace"}, does: "watches other processes or the kernel", lacks: "the processes of the VM: the container has its own", docs: bpmSeccomp},
	{names: []string{"su", "sudo", "runuser", "gosu", "setuidgid", "chpst", "setpriv"}, host: true, does: "changes the user, which no process under bpm can: it is vcap already, and gains nothing from setuid files (no_new_privileges)", setuid: true, docs: "https://github.com/cloudfoundry/bpm-release/blob/master/docs/runtime.md"},
	{names: []string{"useradd", "usermod", "userdel", "groupadd", "groupdel", "adduser", "addgroup", "chpasswd", "passwd", "crontab", "update-ca-certificates"}, host: true, does: "changes files of the VM below /etc or /var/spool, which are read-only or missing in the container. Do it in bin/pre-start, which runs on the host as root", docs: "bpm-release src/bpm/runc/specbuilder/specbuilder.go"},
	{names: []string{"service", "systemctl", "initctl", "invoke-rc.d", "rc-service"}, host: true, does: "speaks to services of the VM, which the container does not reach", docs: "bpm-release src/bpm/runc/specbuilder/specbuilder.go"},
	{names: []string{"apparmor_parser", "aa-enforce", "cgcreate", "cgexec", "cgset"}, does: "writes rules for processes of the VM", docs: "bpm-release src/bpm/runc/specbuilder/specbuilder.go"},
	{names: []string{"renice"}, host: true, does: "raises priorities", capabilities: []string{"SYS_NICE"}, docs: "capabilities(7)"},
	{names: []string{"sshd", "dropbear", "in.telnetd"}, does: "starts sessions of other users", lacks: "their homes and terminals", docs: "sshd(8)"},
}

// defaultPorts are the ports below 1024 that programs listen on unless they are
// told otherwise.
var defaultPorts = map[string]string{
	"named": "53", "dnsmasq": "53", "unbound": "53", "pdns_server": "53", "coredns": "53", "bosh-dns": "53", "httpd": "80", "apache2": "80", "caddy": "80 and 443", "traefik": "80",
	"vsftpd": "21", "proftpd": "21", "pure-ftpd": "21", "slapd": "389", "rpcbind": "111", "snmpd": "161", "snmptrapd": "162", "smbd": "139 and 445", "in.tftpd": "69", "postfix": "25", "exim": "25",
}

// used is a program that runs in the container of a process.
type used struct {
	name  string
	words []string
	at    source.Span
	// itself says that it is the process, not something that it runs; released that
	// it comes with a package or a job.
	itself, released bool
	// writes are files of the VM that it changes.
	writes []string
}

// needsMore finds what the programs in the container of a process do that vcap
// may not.
func (w *job) needsMore(l *launch) {
	programs := w.programs(l)
	w.changesHost(l, programs)
	for _, u := range programs {
		for _, n := range demands {
			if !slices.Contains(n.names, u.name) || n.host && u.released || n.verb != nil && !slices.ContainsFunc(u.words, n.verb.MatchString) || u.name == "mount" && len(u.words) == 0 || !n.setuid && !l.wasRoot() || l.has(n.capabilities) {
				continue
			}
			l.needsMore = true
			lacks := ""
			if n.lacks != "" {
				lacks = "; the container also lacks " + n.lacks
			}
			if n.certain && u.itself {
				for _, c := range n.capabilities {
					w.capability(l, c, at(u.at), u.name+" "+n.does)
				}
				continue
			}
			if len(n.capabilities) > 0 {
				w.find("needs-capability", source.Warning, u.at, "%s %s: as vcap it needs capabilities: [%s] in config/bpm.yml, which is not written without you%s", u.name, n.does, strings.Join(n.capabilities, ", "), lacks)
				continue
			}
			l.needsRoot = true
			if u.itself {
				w.find("needs-root", source.Error, u.at, "%s %s%s. Keep the job as it was (leave it out with --job), or give the process unsafe: {privileged: true} and see what else it lacks", u.name, n.does, lacks)
				continue
			}
			w.find("needs-root", source.Error, u.at, "%s %s%s", u.name, n.does, lacks)
		}
	}
}

// changesHost finds the files of the VM that scripts in the container of a
// process change.
func (w *job) changesHost(l *launch, programs []used) {
	var places []source.Span
	var files []string
	for _, u := range programs {
		if len(u.writes) > 0 && l.wasRoot() {
			places = append(places, u.at)
			files = append(files, u.writes...)
		}
	}
	if len(places) == 0 {
		return
	}
	l.needsMore, l.needsRoot = true, true
	slices.Sort(files)
	files = slices.Compact(files)
	names := strings.Join(files[:min(len(files), 5)], ", ")
	if len(files) > 5 {
		names += ", ..."
	}
	w.find("needs-root", source.Error, places[0], "%s changes files of the VM (%s), which are read-only or missing in the container, for root as well. Keep the job as it was (leave it out with --job), or do it in bin/pre-start or hooks.pre_start, which run on the host as root", l.name, names)
}

// has says whether setcap gave a process all of some capabilities.
func (l *launch) has(capabilities []string) bool {
	return len(capabilities) > 0 && !slices.ContainsFunc(capabilities, func(c string) bool { return !slices.Contains(l.capabilities, c) })
}

// runners run the program that their first argument names.
var runners = search.MustCompile(`^(?:bash|sh|dash|env|ruby|python[\d.]*|perl|node|tini|dumb-init|nice|ionice|timeout|stdbuf)$`)

// program gives the program of a launch, behind what runs it, with its arguments.
func program(u *ctl.Launch) (string, []string) {
	words := wordTexts(u.Args)
	exe := u.Executable.String()
	if runners.MatchString(path.Base(exe)) {
		if i := slices.IndexFunc(words, func(s string) bool { return !strings.HasPrefix(s, "-") && !strings.Contains(s, "=") }); i >= 0 {
			return words[i], words[i+1:]
		}
	}
	return exe, words
}

// programs are those that are known to run in the container of a process: its
// own, what its wrapper runs, and what a script of the release runs that is the
// process.
func (w *job) programs(l *launch) []used {
	var all []used
	for _, u := range l.ways {
		full, words := program(u)
		name := path.Base(full)
		all = append(all, used{name: name, words: words, at: u.Span(), itself: true, released: below(full, "/var/vcap")})
		exe, _ := u.Executable.Literal()
		f, err := w.lookup(exe)
		if err != nil || f == nil || slices.ContainsFunc(l.result.Scripts, func(s *ctl.Script) bool { return s.Original == f }) {
			continue
		}
		script, err := ctl.ParseScript(exe, f)
		if err != nil {
			continue
		}
		world := ctl.World{Lookup: w.lookup, Exists: w.exists, Bare: true}
		for _, c := range ctl.Evaluate(script, u.Args, world).Commands {
			if len(c.Words) > 0 && !c.Followed {
				all = append(all, used{name: c.Name(), words: wordTexts(c.Words[1:]), at: c.Span, released: below(c.Words[0].String(), "/var/vcap"), writes: hostFiles(c)})
			}
		}
	}
	for _, c := range l.result.Commands {
		if l.places[c].to == ToWrapper && l.isWay(c) == nil && len(c.Words) > 0 && !c.Followed {
			all = append(all, used{name: c.Name(), words: wordTexts(c.Words[1:]), at: c.Span, released: below(c.Words[0].String(), "/var/vcap"), writes: hostFiles(c)})
		}
	}
	return all
}

// hostFiles are the files outside of what a container can write that a command of
// a script changes.
func hostFiles(c *ctl.Command) []string {
	var files []string
	add := func(word ctl.Word) {
		if p := word.String(); ofHost.MatchString(p) && !below(p, "/home/vcap") && !slices.Contains(files, p) {
			files = append(files, p)
		}
	}
	for _, r := range c.Redirects {
		if strings.Contains(r.Op, ">") && !strings.HasSuffix(r.Op, ">&") {
			add(r.File)
		}
	}
	switch words := c.Words; c.Name() {
	case "cp", "mv", "ln", "install", "rsync":
		add(words[len(words)-1])
	case "sed":
		if slices.ContainsFunc(words, func(w ctl.Word) bool { return strings.HasPrefix(w.String(), "-i") }) {
			add(words[len(words)-1])
		}
	case "tee", "touch", "mkdir", "rm", "chown", "chmod", "rmdir", "unlink":
		for _, word := range words[1:] {
			add(word)
		}
	}
	return files
}

// ofHost is a path on the VM that no process under bpm can change and that is
// about the VM.
var ofHost = search.MustCompile(`^/(?:etc|usr|home|root|lib|boot|sys|proc/sys|var/spool)/`)

// userSwitch is a row of the table of daemons that drop privileges by
// themselves.
type userSwitch struct {
	names []string
	// directive finds it in the config file, with the user as the first group;
	// flag is the option that names one.
	directive *search.Pattern
	flag      string
	// fatal says that it ends the program which is not root.
	fatal bool
	docs  string
}

var userSwitches = []userSwitch{
	{names: []string{"haproxy"}, directive: search.MustCompile(`(?m)^[ \t]*((?:user|group|uid|gid|chroot)[ \t]+[^\s#]+)[ \t]*$`), fatal: true, docs: "https://docs.haproxy.org/2.8/configuration.html#3.1"},
	{names: []string{"mysqld", "mysqld_safe", "mariadbd"}, directive: search.MustCompile(`(?m)^[ \t]*(user[ \t]*=[ \t]*\S+)`), flag: "--user", docs: "https://dev.mysql.com/doc/refman/8.0/en/server-options.html#option_mysqld_user"},
	{names: []string{"httpd", "apache2"}, directive: search.MustCompile(`(?m)^[ \t]*((?:User|Group)[ \t]+\S+)`), docs: "https://httpd.apache.org/docs/2.4/mod/mod_unixd.html#user"},
	{names: []string{"php-fpm"}, directive: search.MustCompile(`(?m)^[ \t]*((?:user|group)[ \t]*=[ \t]*\S+)`), docs: "https://www.php.net/manual/en/install.fpm.configuration.php#user"},
	{names: []string{"memcached"}, flag: "-u", docs: "memcached(1)"},
	{names: []string{"squid", "squid3"}, directive: search.MustCompile(`(?m)^[ \t]*(cache_effective_(?:user|group)[ \t]+\S+)`), docs: "https://www.squid-cache.org/Doc/config/cache_effective_user/"},
}

// switchesUser finds where the config file or the command line of a daemon names
// the user that it is to become.
func (w *job) switchesUser(l *launch) {
	for _, u := range l.ways {
		name := u.Name()
		for _, row := range userSwitches {
			if !slices.Contains(row.names, name) {
				continue
			}
			words := wordTexts(u.Args)
			for i, word := range words {
				value, ok := strings.CutPrefix(word, row.flag+"=")
				if !ok && word == row.flag && i+1 < len(words) {
					value, ok = words[i+1], true
				}
				if row.flag != "" && ok && value != "vcap" && value != "root" {
					at := u.Args[i].Span()
					if !at.Valid() {
						at = u.Span()
					}
					l.needsMore = true
					w.find("user-directive-ignored", source.Warning, at, "%s %s has no effect: under bpm %s starts as vcap and stays vcap; files that only %s may read have to be readable for vcap", row.flag, value, name, value)
				}
			}
			if row.directive == nil {
				continue
			}
			for _, f := range w.configFiles(l) {
				t := fileText(f)
				for _, at := range foundIn(row.directive, blankComments(t.body)) {
					text := oneLine(t.body[at[0]:at[1]])
					who := text[strings.LastIndexAny(text, " =")+1:]
					switch {
					case strings.HasPrefix(text, "chroot"):
					case who == "vcap", who == "root" && !row.fatal:
						continue
					}
					l.needsMore = true
					if row.fatal {
						w.find("config-clash", source.Error, t.span(at[0], at[1]), "%s ends with an error at this unless it is root: under bpm it starts as vcap. Take the line out", name)
						continue
					}
					w.find("user-directive-ignored", source.Warning, t.span(at[0], at[1]), "the user directive (%s) has no effect: under bpm %s starts as vcap and stays vcap; files that only that user or group may read have to be readable for vcap", text, name)
				}
			}
		}
	}
}

var (
	// forHost are files that daemons of the host read, wherever they are copied to.
	forHost = search.MustCompile(`(?i)syslog_forward|trafficlog_forward|logrotate|\bcron\b`)
	// notConfig are files for others than the process, unless it is told of them by
	// their name; notOwn are such that nobody tells of.
	notConfig = search.MustCompile(`(?i)registrar|backup|migration|indicators?\.yml|_ctl|ctl_|\.(?:pem|crt|cert|key|html|md|map|lua|sql|sh)(?:\.erb)?$`)
	notOwn    = search.MustCompile(`(?i)syslog|dashboard|health`)
)

// notServers write files for others, or tell of the ports of others: those are not
// their own.
var notServers = search.MustCompile(`consul-template|confd|registrar`)

// configFiles are the templates that a process reads for itself, each once.
func (w *job) configFiles(l *launch) []*source.File {
	var files []*source.File
	for _, u := range l.ways {
		if name, _ := program(u); notServers.MatchString(path.Base(name)) {
			return nil
		}
	}
	for _, p := range l.variants {
		for _, c := range w.configs(p) {
			name := path.Base(c.file.Name)
			others := !c.exact && notConfig.MatchString(name) || !c.named && notOwn.MatchString(name)
			if !slices.Contains(files, c.file) && !forHost.MatchString(name) && !others {
				files = append(files, c.file)
			}
		}
	}
	return files
}

// locksMemory gives the capability to lock memory where a program is told to: as
// root it had it, and for vcap the limit is that of monit.
func (w *job) locksMemory(l *launch) {
	var causes []source.Span
	off := false
	for _, f := range w.configFiles(l) {
		t := fileText(f)
		body := withoutComments(f)
		for _, m := range lockKey.FindAllStringSubmatchIndex(body, -1) {
			value := body[m[4]:m[5]]
			disables := strings.HasPrefix(body[m[2]:m[3]], "disable")
			switch on, known := w.boolean(value); {
			case known && on && disables:
				off = true
			case known && on != disables:
				causes = append(causes, t.span(m[2], m[5]))
			}
		}
	}
	if l.launch.Name() == "vault" && l.wasRoot() && !off {
		causes = append(causes, l.launch.Span()) // unless it is told not to
	}
	unlimited := slices.ContainsFunc(l.result.Commands, func(c *ctl.Command) bool { return c.Name() == "ulimit" && lockLimit.MatchString(c.Text) })
	if len(causes) == 0 || !l.wasRoot() && !unlimited || slices.Contains(l.capabilities, "IPC_LOCK") {
		return
	}
	w.capability(l, "IPC_LOCK", causes, "the program locks its memory, which root could without a limit; the limit of a process under bpm is that of monit")
}

var (
	lockKey   = search.MustCompile(`(?m)^\s*["']?((?:bootstrap\.)?(?:memory_lock|mlockall)|disable_mlock)["']?\s*[:=]\s*["']?(<%=.*?%>|\w+)`)
	lockLimit = search.MustCompile(`-[SH]*l\s+unlimited`)
)

// boolean gives the value of a text that is true or false, or prints a property
// that is.
func (w *job) boolean(text string) (value, known bool) {
	values := []string{text}
	if strings.HasPrefix(text, "<%=") {
		values = nil
		for _, v := range w.propertyTexts(erb.Properties(text)...) {
			values = append(values, v.body)
		}
	}
	for _, v := range values {
		switch strings.ToLower(v) {
		case "true", "1":
			return true, true
		case "false", "0":
			known = true
		}
	}
	return false, known
}
