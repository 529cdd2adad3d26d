package errand

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// hostCommands only work on the VM, or only for root. What they do is said in
// the words of the reason.
var hostCommands = map[string]string{
	"monit": "it asks monit, which is not reachable from a container",
	"mount": "it mounts, which only root can", "umount": "it unmounts, which only root can",
	"modprobe": "it loads a module of the kernel", "insmod": "it loads a module of the kernel",
	"sysctl":   "it sets the kernel's parameters",
	"iptables": "it changes the VM's firewall", "ip6tables": "it changes the VM's firewall", "nft": "it changes the VM's firewall", "ipset": "it changes the VM's firewall",
	"apt-get": "it installs software on the VM", "apt": "it installs software on the VM", "dpkg": "it installs software on the VM", "gem": "",
	"useradd": "it changes the VM's users", "adduser": "it changes the VM's users", "usermod": "it changes the VM's users", "groupadd": "it changes the VM's users",
	"systemctl": "it starts or stops services of the VM", "service": "it starts or stops services of the VM", "sv": "it starts or stops services of the VM", "initctl": "it starts or stops services of the VM",
	"crontab": "it changes the VM's cron jobs", "reboot": "it restarts the VM", "shutdown": "it stops the VM",
	"pkill": "it signals processes that it does not see in a container", "killall": "it signals processes that it does not see in a container",
	"losetup": "it needs devices of the VM", "mkfs": "it needs devices of the VM", "parted": "it needs devices of the VM", "dmsetup": "it needs devices of the VM",
	"chroot": "it changes its root folder, which only root can", "nsenter": "it enters other processes' namespaces", "unshare": "it makes namespaces of its own",
	"docker": "it talks to the VM's docker",
}

// builders are programs that write where their sources or libraries lie.
var builders = map[string][]string{
	"go": {"install", "build", "test", "get", "run"}, "ginkgo": {"", "-r"}, "bundle": {"install"}, "npm": {"install", "ci"},
	"pip": {"install"}, "pip3": {"install"}, "gem": {"install"}, "make": {""},
}

var (
	// monitHelper is a function of releases' own libraries for bbr scripts.
	monitHelper = search.MustCompile(`^(?:monit_|un?monitor|drain_job)`)
	asVcap      = search.MustCompile(`^vcap(?:[:.]vcap)?$`)
)

// command looks at one command of the script.
func (s *Script) command(c *syntax.CallExpr) {
	name, args := s.shell.Command(c)
	if f := strings.Fields(name); len(f) > 1 {
		name = f[0] // a variable with the words of a command
	}
	at := s.shell.Span(c)
	var words []string
	for _, a := range args {
		v, ok := s.shell.Value(a)
		if !ok {
			v = string(s.File.Data[a.Pos().Offset():a.End().Offset()])
		}
		words = append(words, v)
	}
	if why := hostCommands[name]; why != "" && !(name == "docker" && (s.remoteDocker() || asksVersion(words))) {
		s.leave(at, why)
	}
	switch {
	case (name == "shift" || name == "getopts") && !s.inFunction(c), name == "set" && slices.Contains(words, "--"):
		s.leave(at, usesArguments)
	case monitHelper.MatchString(name):
		s.leave(at, hostCommands["monit"])
	case name == "chpst" || name == "setuidgid" || name == "gosu":
		s.becomes(c, name, args, words)
	case name == "su" || name == "runuser" || name == "setpriv" || name == "sudo":
		s.leave(at, "it becomes another user, which only root can")
	case (name == "chown" || name == "chgrp") && !vcapOwns(words):
		s.leave(at, "it gives files to another user, which only root can")
	case name == "chown" || name == "chgrp":
		s.note(at, "only root can give files away: as vcap, in its container, this works on files that vcap has already")
	case name == "cp" && slices.ContainsFunc(words, func(w string) bool { return w == "--link" || shortOption(w, 'l') }),
		name == "ln" && !slices.ContainsFunc(words, func(w string) bool { return w == "--symbolic" || shortOption(w, 's') }):
		s.leave(at, "it makes hard links, which cannot go from one mount of a container to another")
	case name == "kill" && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "$!") || strings.Contains(w, "jobs") }):
		s.note(at, "in its container the script sees its own processes only: what this signals has to be one of them")
	case name == "mktemp" && relativeTemplate(words):
		s.writesHere(c, "this makes a file in the current folder, and that of a container is read-only: give mktemp a folder, such as \"${TMPDIR}\", or -t")
	}
	if verbs, ok := builders[name]; ok && (slices.Contains(verbs, "") || len(words) > 0 && slices.Contains(verbs, words[0])) {
		s.builds = true
		s.note(at, "this may compile or install when it runs, and "+s.compileEarlier())
	}
}

// remoteDocker says whether the script names a docker elsewhere.
func (s *Script) remoteDocker() bool {
	return strings.Contains(string(s.File.Data), "DOCKER_HOST")
}

// asksVersion says whether a program only says what it is.
func asksVersion(words []string) bool {
	return len(words) == 1 && (words[0] == "-v" || words[0] == "--version")
}

func shortOption(word string, letter rune) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.ContainsRune(word, letter)
}

func relativeTemplate(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return strings.Contains(w, "XXX") && !strings.HasPrefix(w, "-") && !strings.ContainsAny(w, "/$")
	}) && !slices.ContainsFunc(words, func(w string) bool {
		return shortOption(w, 't') || shortOption(w, 'p') || strings.HasPrefix(w, "--tmpdir")
	})
}

// vcapOwns says whether the owner that chown or chgrp gives is vcap.
func vcapOwns(words []string) bool {
	for _, w := range words {
		if !strings.HasPrefix(w, "-") {
			return asVcap.MatchString(strings.TrimSuffix(w, ":"))
		}
	}
	return false
}

// becomes takes the words out that make vcap of the process, which it is under
// bpm; another user keeps the script on the VM.
func (s *Script) becomes(c *syntax.CallExpr, name string, args []*syntax.Word, words []string) {
	at := s.shell.Span(c)
	var program *syntax.Word
	switch {
	case name == "chpst" && len(words) > 2 && words[0] == "-u" && asVcap.MatchString(words[1]) && !strings.HasPrefix(words[2], "-"):
		program = args[2]
	case name == "chpst" && len(words) > 1 && strings.HasPrefix(words[0], "-u") && asVcap.MatchString(words[0][2:]) && !strings.HasPrefix(words[1], "-"):
		program = args[1]
	case name != "chpst" && len(words) > 1 && asVcap.MatchString(words[0]):
		program = args[1]
	case name == "chpst" && !slices.ContainsFunc(words, asVcap.MatchString):
		s.leave(at, "it becomes another user, which only root can")
		return
	default:
		s.leave(at, "what "+name+" does here has no form under bpm yet: take it out of the script, and run this again")
		return
	}
	i := slices.IndexFunc(c.Args, func(w *syntax.Word) bool { v, _ := s.shell.Value(w); return path.Base(v) == name })
	s.drops = append(s.drops, source.Edit{Start: int(c.Args[i].Pos().Offset()), End: int(program.Pos().Offset()), Rule: "errand"})
}

// redirect looks at where output goes.
func (s *Script) redirect(r *syntax.Redirect) {
	if r.Word == nil || !strings.Contains(r.Op.String(), ">") || strings.Contains(r.Op.String(), "&") {
		return
	}
	file, ok := s.shell.Value(r.Word)
	if !ok || path.IsAbs(file) || file == "" {
		return
	}
	s.writesHere(r, "this writes into the current folder, and that of a container is read-only: name one below /var/vcap/data/"+s.job.Name)
}

// writesHere looks at what writes into the current folder. Where the script has
// not changed it, the process gets one that it can write.
func (s *Script) writesHere(n syntax.Node, message string) {
	moved, readOnly := false, false
	syntax.Walk(s.shell.Tree, func(o syntax.Node) bool {
		c, ok := o.(*syntax.CallExpr)
		if !ok || c.Pos().Offset() >= n.Pos().Offset() {
			return true
		}
		if name, args := s.shell.Command(c); (name == "cd" || name == "pushd") && len(args) > 0 {
			dir, known := s.shell.Value(args[len(args)-1])
			moved, readOnly = true, known && (strings.HasPrefix(dir, "/var/vcap/packages") || strings.HasPrefix(dir, "/var/vcap/jobs"))
		}
		return true
	})
	switch {
	case readOnly:
		s.note(s.shell.Span(n), message)
	case !moved:
		s.WorkDir = "/var/vcap/data/" + s.job.Name + "/tmp"
		s.Written = append(s.Written, s.shell.Span(n))
	}
}

// atHome are programs that keep files in the home folder.
var atHome = []string{"cf", "bosh", "uaac", "uaa", "credhub", "fly", "git", "go", "npm", "bundle", "gem", "pip", "pip3", "docker", "kubectl", "aws", "gcloud", "az", "ginkgo"}

// compiles is what scripts set that run tests or tools written in Go.
var compiles = search.MustCompile(`(?m)^[^#\n]*\b(GO(?:PATH|ROOT)=[^\n]*)`)

// maybeCompiles tells of a script that prepares for Go and calls something else.
func (s *Script) maybeCompiles() {
	if m := compiles.FindSubmatchIndex(s.File.Data); m != nil && !s.builds {
		s.note(source.Span{File: s.File, Start: m[2], End: m[3]}, "the script prepares for Go: where what it calls compiles, "+s.compileEarlier())
	}
}

func (s *Script) compileEarlier() string {
	return "packages are read-only in its container: do it when the package is compiled, or into a folder below /var/vcap/data/" + s.job.Name
}

// Home is the place where the script needs its home folder: HOME is
// /var/vcap/data/JOB in a container, and there only with ephemeral_disk.
func (s *Script) Home() (at source.Span, needed bool) {
	syntax.Walk(s.shell.Tree, func(n syntax.Node) bool {
		if needed {
			return false
		}
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil && n.Name.Value == "HOME" && n.Value != nil {
				needed, at = true, source.Span{} // it has one of its own
				return false
			}
		case *syntax.ParamExp:
			needed = n.Param != nil && n.Param.Value == "HOME"
		case *syntax.Lit:
			needed = strings.HasPrefix(n.Value, "~/") || n.Value == "~"
		case *syntax.CallExpr:
			name, _ := s.shell.Command(n)
			needed = slices.Contains(atHome, name)
		}
		if needed {
			at = s.shell.Span(n)
		}
		return true
	})
	return at, needed && at.Valid()
}
