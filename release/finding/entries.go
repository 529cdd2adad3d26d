package finding

import "github.com/bosh-bpmify/bosh-bpmify/release/source"

// entries is the registry, ordered by id.
var entries = []Entry{
	{
		ID: "argv-changed", Severity: source.Note,
		Title: "A known daemon gets other arguments than from the ctl script: the foreground form, places that the container can write",
		Why:   "The decisions of the report name each one with its reason.",
	},
	{
		ID: "check-left", Severity: source.Warning,
		Title: "The job has several checks, and this one could not be converted: it keeps its script, its monit lines and its pidfile, while the others run under bpm",
		Why:   "The text says what stopped it.",
	},
	{
		ID: "config-clash", Severity: source.Error,
		Title: "The config file has a directive that clashes with what bpm needs: the daemon goes to the background, or its pid file lies where the container has no place",
		Why:   "Take the line out of the config file, or move the pid file to `/var/vcap/data/JOB/tmp`.",
	},
	{
		ID: "config-unknown", Severity: source.Warning,
		Title: "The config file, or a property that it prints, is not in the release, so it is not known whether the process listens on a port below 1024",
		Why:   "If it does, add `capabilities: [NET_BIND_SERVICE]`. A sample manifest that sets the property answers the question for good.",
	},
	{
		ID: "declined", Severity: source.Warning,
		Title: "The job stays as it is; the place is the statement that stopped the conversion",
		Why:   "See [limits](limits.md).",
	},
	{
		ID: "env-changed", Severity: source.Note,
		Title: "A variable held something that is another thing under bpm, such as the pid of the old script",
		Why:   "",
	},
	{
		ID: "env-dropped", Severity: source.Note,
		Title: "A variable that the old script exported is not in `env`: it named the pidfile, a folder that the container does not have, or it served scripts that are gone",
		Why:   "The text names it as `env-missing:NAME`. If the program reads it, add it to `env` in `config/bpm.yml`.",
	},
	{
		ID: "launcher-option", Severity: source.Warning,
		Title: "The old script started the process with something that bpm.yml cannot say: a priority, a timeout, another name",
		Why:   "It is not carried over.",
	},
	{
		ID: "limit-dropped", Severity: source.Note,
		Title: "A `ulimit` has no place in bpm.yml: bpm knows open files, processes, memory and the size of core files, as numbers",
		Why:   "A note says that the old limit was `unlimited`; bpm then sets none of its own.",
	},
	{
		ID: "limit-processes", Severity: source.Warning,
		Title: "`ulimit -u` counted every process of the user on the VM, `limits.processes` counts those of the container",
		Why:   "The same number means something else.",
	},
	{
		ID: "log-file-renamed", Severity: source.Note,
		Title: "bpm writes the process's output to `JOB/PROCESS.stdout.log` and `.stderr.log` below `/var/vcap/sys/log`",
		Why:   "Log rotation or forwarding that names the old file has to follow.",
	},
	{
		ID: "lone-file", Severity: source.Warning,
		Title: "The process or its configuration names a file that lies directly in `/var/vcap/store`, `/var/vcap/data`, `/var/vcap/sys/run` or `/var/vcap/sys/log`",
		Why:   "A volume is a folder, and those folders belong to all jobs: put the file into a folder of the job.",
	},
	{
		ID: "manifest-not-edited", Severity: source.Warning,
		Title: "bpm cannot be added to this manifest without the risk of changing something else",
		Why:   "Add the release and the job by hand, or use the ops-file.",
	},
	{
		ID: "manifest-unreadable", Severity: source.Warning,
		Title: "A YAML file among the sample manifests cannot be read",
		Why:   "It is left alone.",
	},
	{
		ID: "needs-root", Severity: source.Error,
		Title: "The process runs containers or mounts file systems for others: docker, garden, warden",
		Why:   "As vcap and inside a container it cannot. Keep the job on its script, or give it `unsafe: {privileged: true}` and find out what else it lacks.",
	},
	{
		ID: "no-persistent-disk", Severity: source.Note,
		Title: "bpm refuses to start a process with `persistent_disk: true` where `/var/vcap/store` is absent",
		Why:   "pre-start makes the job's folder there, so the job starts on groups without a disk as it did before.",
	},
	{
		ID: "not-understood", Severity: source.Warning,
		Title: "What a statement does is not known: a file that it sources is not in the release, or it runs text that is put together on the VM",
		Why:   "The ledger has it as `review`. Look at what it set or did, and add it by hand.",
	},
	{
		ID: "old-pidfile-used", Severity: source.Warning,
		Title: "A file names the pidfile that the ctl script wrote",
		Why:   "bpm's is `/var/vcap/sys/run/bpm/JOB/PROCESS.pid`; it holds the pid of the container's init as the host sees it.",
	},
	{
		ID: "old-script-used", Severity: source.Error,
		Title: "A file calls the ctl script, which is gone",
		Why:   "Use `/var/vcap/jobs/bpm/bin/bpm start|stop JOB` or `monit`.",
	},
	{
		ID: "one-word", Severity: source.Note,
		Title: "An expression that prints a property stood unquoted in the command",
		Why:   "The shell would have split its value at blanks; in `args` it is one argument. Where the property is meant to hold several, use `Shellwords.split`.",
	},
	{
		ID: "ops-file-not-written", Severity: source.Warning,
		Title: "The ops-file would not do what editing the manifest does, so it was not made",
		Why:   "The text says why.",
	},
	{
		ID: "output-not-followed", Severity: source.Warning,
		Title: "The process's output went into another command (`> >(tee ...)`, `> >(logger ...)`)",
		Why:   "bpm writes files; what has to go elsewhere needs a forwarder.",
	},
	{
		ID: "owner-changed", Severity: source.Warning,
		Title: "The script gave a folder for logs or pidfiles to a user other than vcap, who writes there too",
		Why:   "bpm makes the folder for vcap alone; let that user write elsewhere, or give the folder back in pre-start.",
	},
	{
		ID: "post-start", Severity: source.Warning,
		Title: "What the old script did after it had started the process is in `bin/post-start` now",
		Why:   "The old script did it at every start; post-start runs once a deploy, when monit says that the job runs, and a failure fails the deploy. Look at what it waits for, and whether the process is ready by then.",
	},
	{
		ID: "private-files", Severity: source.Warning,
		Title: "Another script of the job keeps files from everybody but root, and the process was root and is vcap now",
		Why:   "pre-start gives them to vcap.",
	},
	{
		ID: "ran-as-root", Severity: source.Warning,
		Title: "The process ran as root and is not one of the known daemons",
		Why:   "What only root can do (ports below 1024, files of other users, mounts) is not checked.",
	},
	{
		ID: "relative-path-moved", Severity: source.Warning,
		Title: "A path in the config file is relative to the daemon's prefix, which moved from the package to the job's data folder",
		Why:   "Make it absolute.",
	},
	{
		ID: "root-owned-files", Severity: source.Note,
		Title: "The process ran as root and left files that belong to root",
		Why:   "bpm changes the owner of the top folder only; pre-start gives the trees to vcap. Without this a fresh deploy works and the upgrade fails.",
	},
	{
		ID: "script-unchecked", Severity: source.Warning,
		Title: "The process is a script of the job itself, which runs inside the container now",
		Why:   "Read it: what it writes has to lie in the job's own folders, and its last command should be `exec`, or the process does not get bpm's signals.",
	},
	{
		ID: "shared-folder", Severity: source.Warning,
		Title: "The process is told of a folder of another job",
		Why:   "The container gets it as an unrestricted, mount-only volume: bpm leaves its owner and mode alone, and leaves it out when it is not there as the process starts.",
	},
	{
		ID: "start-wait", Severity: source.Warning,
		Title: "After the process had started, the script waited until it answered, and the start failed when it did not",
		Why:   "`bpm start` ends as soon as the process runs. Where other jobs or the deploy count on the wait, do it in `bin/post-start`.",
	},
	{
		ID: "stop-does-more", Severity: source.Warning,
		Title: "The old stop program did more than send a signal",
		Why:   "bpm has no stop hook: what matters goes into `bin/drain`.",
	},
	{
		ID: "stop-signal", Severity: source.Warning,
		Title: "The old stop program sends a signal that bpm cannot: it sends TERM or INT, 15 s later QUIT, 2 s later KILL",
		Why:   "",
	},
	{
		ID: "stop-signal-unknown", Severity: source.Warning,
		Title: "The old stop program uses kill in a way that is not understood",
		Why:   "",
	},
	{
		ID: "syslog-dropped", Severity: source.Warning,
		Title: "The old script sent the output to syslog with `logger`",
		Why:   "bpm writes files; a forwarder such as blackbox of syslog-release has to read them.",
	},
	{
		ID: "unreadable", Severity: source.Error,
		Title: "The job cannot be read: broken YAML, ERB, shell or monit syntax, a missing file, a link out of the release",
		Why:   "It is left as it is and the exit status is 1.",
	},
	{
		ID: "unused-suppression", Severity: source.Warning, By: Anybody,
		Title: "An entry of .bpmify.yml suppresses nothing",
		Why:   "What it was written for is gone, or is called otherwise: the next finding of this kind at this place would be hidden without anybody having looked at it.",
		Do:    "Take the entry out, or correct its id, job or path.",
	},
	{
		ID: "user-directive-ignored", Severity: source.Warning,
		Title: "The daemon's config names a user to drop privileges to",
		Why:   "bpm starts it as vcap already, so the directive has no effect: the daemon has vcap's rights, no others. Files that only the named user or group may read (keys, document roots) have to be readable for vcap.",
	},
	{
		ID: "wrapper", Severity: source.Note,
		Title: "Something about the process can be told only on the VM, such as `$(nproc)` or a condition on a file, or it is text that the shell has to read",
		Why:   "bpm runs a wrapper of the job, which keeps just that and ends in `exec`. The text names the statement.",
	},
}
