package bpm

// Feature is something in a bpm.yml, or on a stemcell, that needs a bpm of at
// least a version. What a release writes is no finding: which bpm it meets is
// decided by the deployment.
type Feature struct {
	// Keys lead to what needs it, from the process down, such as
	// "unsafe.host_pid_namespace"; empty where it is no key.
	Keys string
	// Since is the first version that has it.
	Since string
	// What says what it is.
	What string
}

// Features are ordered by version. They come from bpm-release's CHANGELOG, and
// where that is silent from the first tag that holds the commit.
var Features = []Feature{
	{"additional_volumes.allow_executions", "0.4.0", "volumes from which programs can be executed"},
	{"unsafe.unrestricted_volumes", "0.8.0", "volumes outside of /var/vcap"},
	{"", "0.8.0", "bpm run, for errands and backup scripts"},
	{"additional_volumes.mount_only", "0.9.0", "volumes whose owner and mode stay as they are"},
	{"", "0.13.0", "additional_volumes below /var/vcap/sys/run"},
	{"additional_volumes.shared", "1.1.0", "volumes that share what is mounted in them"},
	{"", "1.1.0", "patterns in unrestricted_volumes"},
	{"", "1.1.7", "additional_volumes anywhere below /var/vcap"},
	{"unsafe.host_pid_namespace", "1.1.9", "the process ids of the host"},
	{"shutdown_signal", "1.1.14", "another first signal than TERM"},
	{"", "1.2.0", "all of /dev/shm"},
	{"", "1.2.5", "keys that are there twice are refused"},
	{"", "1.2.22", "unrestricted_volumes in the job's own folders are left out"},
	{"", "1.3.0", "stemcells with cgroup v2"},
	{"", "1.4.0", "stemcells whose resolver is systemd-resolved"},
	{"limits.core_file_size", "1.4.30", "the size of core files"},
}
