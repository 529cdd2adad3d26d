package verify

// rules are the differences that every conversion makes, and why they are none:
// docs/verify.md lists them.
var rules = map[string]string{
	"start-dir":      "monit starts programs in /, bpm in the job's folder; the old script did not choose one",
	"login-dir":      "su - starts programs in the user's home; the old script did not choose a folder",
	"shell-values":   "the old script let the shell read the value, which takes blanks, quotes, $ and \\ for its own; the new job passes it on as it is",
	"user-vcap":      "bpm runs processes as vcap",
	"login-env":      "set by su, sudo or the shell for the user they change to, not by the script",
	"monit-env":      "told by monit to what it starts, or by a script around that; under bpm monit starts bpm",
	"bpm-env":        "bpm sets it where bpm.yml does not",
	"open-files":     "monit gives 1024 open files, bpm 524288; the old script asked for no number",
	"capabilities":   "root had all of them; bpm gives those that bpm.yml names",
	"pidfile":        "the old pidfile and its folder: bpm writes the pidfile now, elsewhere",
	"template-modes": "the container has the job's folder read-only, and vcap may read there what it could",
	"umask":          "monit starts programs with the umask 0, the agent with 022: what scripts make without a mode may not be written by everybody any more",
	"owner-stamp":    "bin/pre-start notes there when it last gave a folder to vcap",
	"not-told":       "the old process could reach it, and neither its arguments nor its environment name it; the conversion does not give it to the new one",
	"owner-vcap":     "the process ran as root and runs as vcap, so what is there for it belongs to vcap",
	"bpm-folder":     "bpm makes it, for vcap alone",
	"bpm-parent":     "bpm makes what leads to a volume, for root alone; no other job of the release that is not on bpm names something in it",
}

// needsReference are the rules that hold only where the conversion does the same:
// what it gives, nobody takes away without a reason.
var needsReference = map[string]bool{"not-told": true, "capabilities": true, "pidfile": true, "login-env": true, "template-modes": true}
