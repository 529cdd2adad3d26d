package vm

// furnish puts there what a stemcell has.
func (v *VM) furnish() {
	t := v.Files
	for _, d := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/etc", "/var/log", "/var/lib", "/run", "/home/vcap", "/root",
		"/opt", "/mnt", "/srv", "/proc/sys", "/sys", "/usr/share", "/usr/lib", "/usr/lib64", "/etc/default", "/etc/init.d", "/etc/cron.d", "/etc/logrotate.d", "/etc/sysctl.d", "/etc/security", "/etc/profile.d",
		"/etc/ssl/certs", "/var/spool", "/var/cache"} {
		t.AddDir(d, "root", "root", 0o755)
	}
	for _, d := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		t.AddDir(d, "root", "root", 0o777|1<<20) // sticky
	}
	t.AddDir("/home/vcap", "vcap", "vcap", 0o755)
	t.AddDir("/root", "root", "root", 0o700)
	for _, d := range []string{"bin", "sbin", "lib", "lib64"} {
		t.AddLink("/"+d, "usr/"+d)
	}
	t.AddLink("/var/run", "/run")
	v.furnishSystem()
	t.Add("/etc/passwd", passwd, 0o644)
	t.Add("/etc/group", group, 0o644)
	t.Add("/etc/hosts", "127.0.0.1 localhost\n"+address+" "+Hostname+"\n", 0o644)
	t.Add("/etc/hostname", Hostname+"\n", 0o644)
	v.furnishCommands()
}

// Hostname is what the machine is called.
const Hostname = "6b0f1c1e-7a55-4f0f-8a8b-000000000000"

const passwd = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
sshd:x:103:65534::/run/sshd:/usr/sbin/nologin
syslog:x:102:106::/home/syslog:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
vcap:x:1000:1000:BOSH System User:/home/vcap:/bin/bash
`

const group = `root:x:0:
daemon:x:1:
adm:x:4:syslog
tty:x:5:
disk:x:6:
sudo:x:27:vcap
shadow:x:42:
www-data:x:33:
crontab:x:105:
users:x:100:
syslog:x:106:
nogroup:x:65534:
admin:x:999:vcap
bosh_sshers:x:998:vcap
bosh_sudoers:x:997:
vcap:x:1000:syslog
`
