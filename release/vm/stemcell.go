package vm

import (
	"io/fs"
	"math/rand/v2"
	"strings"
)

// stemcellPath is where a command is on a stemcell of Ubuntu 22.04; "" when
// there is none of that name. What only packages bring, such as ruby, java or
// jq, is not there.
func stemcellPath(name string) string {
	if dir := stemcellCommands[name]; dir != "" {
		return dir + name
	}
	return ""
}

// stemcellHas says whether a stemcell has a command.
func stemcellHas(name string) bool { return stemcellPath(name) != "" }

var stemcellCommands = func() map[string]string {
	all := map[string]string{}
	for dir, names := range map[string]string{"/usr/bin/": inBin, "/usr/sbin/": inSbin} {
		for _, n := range strings.Fields(names) {
			all[n] = dir
		}
	}
	return all
}()

// inBin are the commands in /usr/bin, to which /bin is a link.
const inBin = `
[ addpart addr2line ar arch as aspell at atq atrm awk b2sum base32 base64 basename basenc bash bashbug bc
bootctl bsd-write bunzip2 busctl busybox bzcat bzcmp bzdiff bzegrep bzexe bzfgrep bzgrep bzip2
bzip2recover bzless bzmore c++ c++filt c_rehash captoinfo cat cc chage chattr chcon chgrp chmod chown
chfn choom chrt chsh chvt cksum clear clear_console cmp col colcrt colrm column comm corelist cp cpio
cpan cpp crontab csplit curl cut cvtsudoers
dash date dbus-cleanup-sockets dbus-daemon dbus-monitor dbus-send dbus-uuidgen dd deallocvt deb-systemd-helper
deb-systemd-invoke debconf debconf-communicate debconf-set-selections debconf-show dh_bash-completion df
diff diff3 dig dir dircolors dirmngr dirname dmesg dnsdomainname domainname dpkg dpkg-deb dpkg-divert
dpkg-maintscript-helper dpkg-query dpkg-split dpkg-statoverride dpkg-trigger du dumpkeys echo ed editor egrep
eject elfedit env envsubst ex expand expiry expr factor faillog fallocate false fgconsole fgrep file
fincore find findmnt flex flock fmt fold free fuser fusermount g++ gawk gcc gcov gdb gencat geqn getconf getent
getfacl getkeycodes getopt gettext gettext.sh git git-shell git-upload-pack gold gpasswd gpg gpg-agent
gpgconf gpgv gprof grep groff grotty groups growpart gunzip gzexe gzip hd head hexdump host hostid hostname
hostnamectl htop i386 iconv id info infocmp infotocap install install-info instmodsh ionice ipcmk ipcrm
ipcs ischroot join journalctl kbd_mode kbdinfo kbxutil kernel-install kill killall kmod kbdrate last lastb
lastlog ld ldd less lessecho lessfile lesskey lesspipe lexgrog libnetcfg link linux32 linux64 ln
loadkeys loadunimap locale localectl localedef logger login loginctl logname look ls lsattr lsblk
lsb_release lscpu lshw lsinitramfs lsipc lslocks lslogins lsmem lsmod lsns lsof lspgpot lzcat lzcmp lzdiff
lzegrep lzfgrep lzgrep lzless lzma lzmainfo lzmore m4 make make-first-existing-target mandb mapscrn mawk mcookie
md5sum md5sum.textutils mesg mkdir mkfifo mknod mktemp more mount mountpoint mpstat mt mt-gnu mtr mv namei
nano nawk nc nc.openbsd netcat netstat networkctl networkd-dispatcher newgrp newuidmap newgidmap nice nisdomainname nl nm
nohup nproc nroff nsenter nslookup nstat nsupdate numfmt objcopy objdump od on_ac_power openssl openvt
pager partx passwd paste patch pathchk peekfd perl perl5.34-x86_64-linux-gnu perl5.34.0 perlbug perldoc
perlivp perlthanks pgrep pic pico piconv pidof pidstat pidwait pinentry ping ping4 ping6 pinky pkaction
pkexec pkg-config pkill pl2pm pldd pmap pod2html pod2man pod2text pod2usage podchecker pr preconv printenv
printf prlimit prove prtstat ps psfaddtable pslog pstree pstree.x11 ptar ptardiff ptargrep ptx pwd pwdx
py3clean py3compile py3versions python3 python3.10 quilt ranlib rbash rdma readelf readlink realpath renice
rename reset resizepart resolvectl rev rgrep rm rmdir rnano routel rpcinfo rsync rsync-ssl rtstat run-parts runcon rview
rvim sar sadf savelog scp screendump script scriptlive scriptreplay sdiff sed select-editor sensible-browser
sensible-editor sensible-pager seq setarch setfacl setfont setkeycodes setleds setlogcons setmetamode setpci
setpriv setsid setterm setupcon sftp sg sginfo sg_inq sg_map sh sha1sum sha224sum sha256sum sha384sum sha512sum shasum showconsolefont showkey
shred shuf size skill slabtop sleep slogin snice soelim sort splain split ss ssh ssh-add ssh-agent
ssh-argv0 ssh-copy-id ssh-keygen ssh-keyscan stat static-sh stdbuf strace strace-log-merge streamzip strings strip stty
su sudo sudoedit sudoreplay sum sync systemctl systemd systemd-analyze systemd-ask-password systemd-cat
systemd-cgls systemd-cgtop systemd-delta systemd-detect-virt systemd-escape systemd-id128 systemd-inhibit
systemd-machine-id-setup systemd-mount systemd-notify systemd-path systemd-run systemd-socket-activate
systemd-stdio-bridge systemd-sysext systemd-sysusers systemd-tmpfiles systemd-tty-ask-password-agent
systemd-umount tabs tac tail tar taskset tbl tcpdump tee tempfile test tic time timedatectl timeout tload
tnftp toe top touch tput tr traceroute troff true truncate tset tsort tty tzselect ucf ul ulockmgr_server umount
uname uncompress unexpand unicode_start unicode_stop uniq unlink unlzma unmkinitramfs unshare unxz unzip unzipsfx
update-alternatives uptime users utmpdump uuidgen uuidparse vdir vi view vim vim.tiny vimdiff vimtutor
vmstat w wall watch watchgnupg wc wdctl wget whatis whereis which which.debianutils who whoami write
write.ul x86_64 xargs xauth xdg-user-dir xsubpp xxd xz xzcat xzcmp xzdiff xzegrep xzfgrep xzgrep xzless xzmore yes
ypdomainname zcat zcmp zdiff zdump zegrep zfgrep zforce zgrep zip zipcloak zipdetails zipgrep zipinfo zipnote zipsplit zless zmore znew
dpkg-architecture dpkg-buildpackage bison yacc iperf apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark add-apt-repository
lsusb ltrace iostat tmux screen telnet
`

// inSbin are those in /usr/sbin, to which /sbin is a link.
const inSbin = `
add-shell addgnupghome addgroup adduser agetty anacron applygnupgdefaults arp arpd arptables arptables-nft aa-status apparmor_parser
audisp-syslog auditctl auditd augenrules aureport ausearch autrace badblocks blkdeactivate blkdiscard blkid
blkzone blockdev bridge capsh cfdisk cgdisk chcpu chgpasswd chmem chpasswd chpst chronyd chroot cppw cpgr cron
cryptsetup ctrlaltdel debugfs delgroup deluser depmod devlink dhclient dhclient-script dmeventd dmidecode dmsetup
dosfsck dumpe2fs e2freefrag e2fsck e2image e2label e2mmpstatus e2scrub e2undo e4crypt e4defrag ebtables ethtool
faillock fatlabel fdformat fdisk filefrag findfs fixparts fsck fsck.ext2 fsck.ext3 fsck.ext4 fsck.fat fsck.vfat fsck.xfs
fsfreeze fstab-decode fstrim gdisk genl getcap getpcaps getty groupadd groupdel groupmems groupmod grpck
grpconv grpunconv grub-install grub-mkconfig grub-mkdevicemap grub-probe grub-set-default halt hdparm hwclock iconvconfig ifconfig
ifdown ifenslave ifquery ifup init insmod installkernel invoke-rc.d ip ip6tables ip6tables-apply ip6tables-restore ip6tables-save
ipmaddr ipset iptables iptables-apply iptables-restore iptables-save iptables-legacy iptables-nft iptunnel isosize killall5 kpartx
ldattach ldconfig ldconfig.real locale-gen logrotate logsave losetup lvchange lvcreate lvdisplay lvextend
lvm lvreduce lvremove lvrename lvresize lvs mii-tool mkdosfs mke2fs mkfs mkfs.bfs mkfs.cramfs mkfs.ext2
mkfs.ext3 mkfs.ext4 mkfs.fat mkfs.minix mkfs.vfat mkfs.xfs mkhomedir_helper mkinitramfs mkswap modinfo modprobe mount.fuse
mount.nfs mount.nfs4 multipath multipathd nameif netplan newusers nfnl_osf nft nologin pam-auth-update pam_tally2 pam_timestamp_check parted partprobe
pivot_root plipconfig policy-rc.d poweroff pvchange pvcreate pvdisplay pvremove pvresize pvs pwck pwconv pwunconv rarp readprofile
reboot remove-shell resize2fs rmmod rmt rmt-tar route rpc.statd rpcbind rsyslogd rtacct rtmon runlevel runit runsv runsvchdir runsvdir runuser
service setcap setvtrgb sfdisk sgdisk shadowconfig showmount shutdown slattach sm-notify sshd start-stop-daemon sudo_logsrvd sulogin
sv svlogd swaplabel swapoff swapon switch_root sysctl sysstat tarcat tc telinit tipc tune2fs tunelp udevadm umount.nfs umount.nfs4 unix_chkpwd unix_update
update-ca-certificates update-grub update-initramfs update-locale update-passwd update-rc.d useradd userdel usermod utmpset
validlocale veritysetup vgchange vgcreate vgdisplay vgextend vgreduce vgremove vgrename vgs vgscan vigr vipw visudo vpddecode
wipefs xfs_admin xfs_growfs xfs_repair xtables-legacy-multi xtables-nft-multi zic zramctl
`

// furnishCommands puts the commands of the stemcell there.
func (v *VM) furnishCommands() {
	for name, dir := range stemcellCommands {
		v.Files.Add(dir+name, "", 0o755)
		v.Files.stemcell[dir+name] = true
	}
}

// furnishSystem puts there what scripts read to learn about the system.
func (v *VM) furnishSystem() {
	t := v.Files
	for name, data := range systemFiles {
		t.Add(name, data, 0o644)
	}
	t.Add("/etc/shadow", "", 0o640).Group = "shadow"
	t.Add("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n%bosh_sudoers ALL=(ALL) NOPASSWD: ALL\n#includedir /etc/sudoers.d\n", 0o440)
	for _, d := range []string{"/etc/resolvconf/resolv.conf.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/rsyslog.d", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/sudoers.d",
		"/etc/ld.so.conf.d", "/etc/systemd/system", "/etc/ssh", "/etc/ssl/private", "/etc/security/limits.d", "/etc/pam.d", "/etc/apt", "/etc/network", "/etc/init", "/etc/rc.local.d", "/etc/skel", "/etc/logrotate.d",
		"/usr/local/share/ca-certificates", "/usr/share/ca-certificates", "/var/spool/cron/crontabs", "/proc/1", "/proc/self", "/sys/class/net/eth0", "/sys/class/net/lo", "/sys/block/sda/queue",
		"/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/devices", "/sys/fs/cgroup/blkio", "/sys/kernel/mm/transparent_hugepage", "/sys/module", "/run/lock", "/run/systemd", "/dev/pts", "/dev/mapper", "/usr/lib/modules/" + kernel} {
		t.AddDir(d, "root", "root", 0o755)
	}
	t.AddLink("/var/lock", "/run/lock")
	t.AddLink("/proc/self/fd", "/dev/fd")
	t.AddDir("/dev/fd", "root", "root", 0o755)
	t.Add("/etc/ssl/certs/ca-certificates.crt", "", 0o644)
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "console", "stdin", "stdout", "stderr", "fuse", "ptmx"} {
		mode := devices
		if name == "console" {
			mode = mode&^0o777 | 0o600
		}
		t.AddLazy("/dev/"+name, mode, func() ([]byte, error) {
			switch name {
			case "zero", "full":
				return make([]byte, 1<<16), nil
			case "random", "urandom":
				return noise(), nil
			}
			return nil, nil
		})
	}
	for _, name := range []string{"sda", "sda1", "sdb", "sdb1", "sdb2", "sdc", "sdc1", "loop0", "loop1", "loop2", "loop3"} {
		t.Add("/dev/"+name, "", blockDevice)
	}
}

const (
	devices     = fs.ModeDevice | fs.ModeCharDevice | 0o666
	blockDevice = fs.ModeDevice | 0o660
)

// noise is what the random devices give: the same bytes on each machine, so that
// two runs of a script can be compared.
func noise() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 1<<14)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

const osRelease = `PRETTY_NAME="Ubuntu 22.04.5 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.5 LTS (Jammy Jellyfish)"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=jammy
`

// mounts is /proc/mounts of a machine with a persistent disk.
const mounts = `sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
udev /dev devtmpfs rw,nosuid,relatime,size=4096000k,nr_inodes=1024000,mode=755 0 0
/dev/sda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw,nosuid,nodev,size=819200k,mode=755 0 0
tmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0
tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,mode=755 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,nodev,noexec,relatime,memory 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,nosuid,nodev,noexec,relatime,cpu 0 0
cgroup /sys/fs/cgroup/devices cgroup rw,nosuid,nodev,noexec,relatime,devices 0 0
cgroup /sys/fs/cgroup/blkio cgroup rw,nosuid,nodev,noexec,relatime,blkio 0 0
/dev/sdb2 /var/vcap/data ext4 rw,relatime 0 0
tmpfs /var/vcap/data/sys/run tmpfs rw,relatime,size=16384k 0 0
/dev/sdc1 /var/vcap/store ext4 rw,relatime 0 0
`

const cgroups = "9:memory:/\n8:cpu,cpuacct:/\n7:devices:/\n6:blkio:/\n1:name=systemd:/init.scope\n"

// systemFiles are files by name. Sysctl's are those that scripts were seen to
// read or to write.
var systemFiles = map[string]string{
	"/etc/os-release": osRelease, "/usr/lib/os-release": osRelease,
	"/etc/lsb-release":    "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\nDISTRIB_DESCRIPTION=\"Ubuntu 22.04.5 LTS\"\n",
	"/etc/debian_version": "bookworm/sid\n", "/etc/issue": "Ubuntu 22.04.5 LTS \\n \\l\n\n", "/etc/resolv.conf": "nameserver 169.254.0.2\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n", "/etc/fstab": "", "/etc/crontab": "", "/etc/environment": "", "/etc/profile": "", "/etc/bash.bashrc": "",
	"/etc/sysctl.conf": "", "/etc/security/limits.conf": "", "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n", "/etc/machine-id": "00000000000000000000000000000001\n",
	"/etc/timezone": "Etc/UTC\n", "/etc/shells": "/bin/sh\n/bin/bash\n", "/etc/rsyslog.conf": "", "/etc/logrotate.conf": "", "/etc/ssh/sshd_config": "", "/etc/subuid": "vcap:100000:65536\n", "/etc/subgid": "vcap:100000:65536\n",
	"/proc/cpuinfo": cpuinfo(4), "/proc/meminfo": meminfo, "/proc/mounts": mounts, "/proc/self/mounts": mounts, "/etc/mtab": mounts, "/proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
	"/proc/version": "Linux version " + kernel + " (buildd@host) (gcc 11.4.0) #110-Ubuntu SMP\n", "/proc/uptime": "60.00 240.00\n", "/proc/loadavg": "0.00 0.00 0.00 1/100 1000\n",
	"/proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz-" + kernel + " root=/dev/sda1 ro systemd.unified_cgroup_hierarchy=0\n", "/proc/filesystems": "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n\text4\n\txfs\nnodev\tfuse\n",
	"/proc/modules": "", "/proc/1/cgroup": cgroups, "/proc/self/cgroup": cgroups, "/proc/1/comm": "systemd\n", "/proc/1/cmdline": "/sbin/init\x00", "/proc/self/comm": "bash\n",
	"/proc/net/dev": "", "/proc/net/tcp": "  sl  local_address rem_address   st\n", "/proc/net/route": "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n", "/proc/sys/kernel/hostname": Hostname + "\n",
	"/proc/sys/kernel/osrelease": kernel + "\n", "/proc/sys/kernel/core_pattern": "|/usr/share/apport/apport\n", "/proc/sys/kernel/pid_max": "4194304\n", "/proc/sys/kernel/threads-max": "62000\n",
	"/proc/sys/kernel/shmmax": "18446744073692774399\n", "/proc/sys/kernel/shmall": "18446744073692774399\n", "/proc/sys/kernel/sem": "32000\t1024000000\t500\t32000\n", "/proc/sys/kernel/msgmax": "8192\n",
	"/proc/sys/kernel/random/uuid": "3f1d5b4e-0000-4000-8000-000000000001\n", "/proc/sys/kernel/random/boot_id": "3f1d5b4e-0000-4000-8000-000000000002\n", "/proc/sys/kernel/random/entropy_avail": "256\n",
	"/proc/sys/kernel/panic": "60\n", "/proc/sys/kernel/keys/maxkeys": "200\n", "/proc/sys/kernel/unprivileged_userns_clone": "1\n",
	"/proc/sys/vm/swappiness": "60\n", "/proc/sys/vm/max_map_count": "65530\n", "/proc/sys/vm/overcommit_memory": "0\n", "/proc/sys/vm/overcommit_ratio": "50\n", "/proc/sys/vm/drop_caches": "0\n", "/proc/sys/vm/nr_hugepages": "0\n",
	"/proc/sys/vm/dirty_ratio": "20\n", "/proc/sys/vm/dirty_background_ratio": "10\n", "/proc/sys/vm/zone_reclaim_mode": "0\n", "/proc/sys/vm/min_free_kbytes": "67584\n",
	"/proc/sys/fs/file-max": "9223372036854775807\n", "/proc/sys/fs/file-nr": "1000\t0\t9223372036854775807\n", "/proc/sys/fs/nr_open": "1048576\n", "/proc/sys/fs/inotify/max_user_watches": "65536\n",
	"/proc/sys/fs/inotify/max_user_instances": "128\n", "/proc/sys/fs/aio-max-nr": "65536\n", "/proc/sys/fs/suid_dumpable": "0\n",
	"/proc/sys/net/core/somaxconn": "4096\n", "/proc/sys/net/core/rmem_max": "212992\n", "/proc/sys/net/core/wmem_max": "212992\n", "/proc/sys/net/core/netdev_max_backlog": "1000\n",
	"/proc/sys/net/ipv4/ip_forward": "0\n", "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n", "/proc/sys/net/ipv4/ip_nonlocal_bind": "0\n", "/proc/sys/net/ipv4/tcp_tw_reuse": "2\n", "/proc/sys/net/ipv4/tcp_tw_recycle": "0\n",
	"/proc/sys/net/ipv4/tcp_fin_timeout": "60\n", "/proc/sys/net/ipv4/tcp_max_syn_backlog": "512\n", "/proc/sys/net/ipv4/tcp_keepalive_time": "7200\n", "/proc/sys/net/ipv4/tcp_keepalive_intvl": "75\n",
	"/proc/sys/net/ipv4/tcp_keepalive_probes": "9\n", "/proc/sys/net/ipv4/tcp_retries2": "15\n", "/proc/sys/net/ipv4/tcp_syn_retries": "6\n", "/proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456\n", "/proc/sys/net/ipv4/tcp_wmem": "4096\t16384\t4194304\n",
	"/proc/sys/net/ipv4/conf/all/rp_filter": "2\n", "/proc/sys/net/ipv4/conf/default/rp_filter": "2\n", "/proc/sys/net/ipv4/conf/eth0/rp_filter": "2\n", "/proc/sys/net/ipv4/conf/all/forwarding": "0\n", "/proc/sys/net/ipv4/conf/all/arp_ignore": "0\n",
	"/proc/sys/net/ipv4/conf/all/route_localnet": "0\n", "/proc/sys/net/ipv4/neigh/default/gc_thresh1": "128\n", "/proc/sys/net/ipv4/neigh/default/gc_thresh2": "512\n", "/proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024\n",
	"/proc/sys/net/ipv6/conf/all/disable_ipv6": "1\n", "/proc/sys/net/ipv6/conf/default/disable_ipv6": "1\n", "/proc/sys/net/ipv6/conf/all/forwarding": "0\n",
	"/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n", "/sys/kernel/mm/transparent_hugepage/defrag": "always defer defer+madvise [madvise] never\n",
	"/sys/class/net/eth0/address": "42:01:0a:00:00:05\n", "/sys/class/net/eth0/mtu": "1500\n", "/sys/class/net/eth0/operstate": "up\n", "/sys/class/net/lo/mtu": "65536\n", "/sys/class/dmi/id/product_uuid": "3f1d5b4e-0000-4000-8000-000000000003\n",
	"/sys/block/sda/queue/scheduler": "[none] mq-deadline \n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "/sys/fs/cgroup/memory/tasks": "", "/sys/fs/cgroup/cpu/tasks": "",
	"/sys/devices/system/cpu/online": "0-3\n", "/sys/module/apparmor/parameters/enabled": "Y\n",
}

// meminfo says the same as free does.
const meminfo = `MemTotal:        8192000 kB
MemFree:         4096000 kB
MemAvailable:    6144000 kB
Buffers:          102400 kB
Cached:          1945600 kB
SwapCached:            0 kB
SwapTotal:             0 kB
SwapFree:              0 kB
HugePages_Total:       0
HugePages_Free:        0
Hugepagesize:       2048 kB
`

func cpuinfo(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("processor\t: " + string(rune('0'+i)) + "\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\ncpu MHz\t\t: 2200.000\nphysical id\t: 0\nsiblings\t: 4\ncpu cores\t: 4\nflags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 avx avx2\n\n")
	}
	return b.String()
}
