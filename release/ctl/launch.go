package ctl

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Launch is the process that stays when the start path has been run: what bpm
// has to run instead.
type Launch struct {
	Command    *Command
	Executable Word
	Args       []Word
	Env        []Assign
	Dir        Word
	// User is who runs it; empty when nothing drops root.
	User, Group string
	// OpenFiles is from chpst -o; nil when it says nothing.
	OpenFiles Word
	Redirects []Redirect
	// How tells what made it stay: "exec", "&", "start-stop-daemon", or a
	// program that puts itself in the background.
	How string
	// Inherited says that the script or string around it is what stays, and
	// the command only the last in it.
	Inherited bool
	// Login says that a login shell of the user starts it.
	Login bool
	// String is the command string of su -c or bash -c.
	String Word
	// Odd is what a launcher asked for that nothing in bpm.yml can say.
	Odd []source.Diagnostic
}

// Span is that of the statement that launches.
func (l *Launch) Span() source.Span { return l.Command.Span }

// Name is the last element of the executable's path.
func (l *Launch) Name() string {
	s, ok := l.Executable.Literal()
	if !ok {
		if n := len(l.Executable); n > 0 {
			last := l.Executable[n-1]
			if i := strings.LastIndexByte(last.Text, '/'); last.Kind == Literal && len(last.Guards) == 0 && i >= 0 {
				return last.Text[i+1:]
			}
		}
		return ""
	}
	return path.Base(s)
}

// Unwrap takes the launchers off a command (exec, nohup, chpst, env, sudo -u,
// start-stop-daemon, ...) and gives what they start.
func Unwrap(c *Command) *Launch {
	l := &Launch{Command: c, Env: append([]Assign(nil), c.Env...), Dir: c.Dir, Redirects: c.Redirects}
	if c.Background {
		l.How = "&"
	}
	if o := c.Outer; o != nil {
		l.User, l.Group, l.OpenFiles, l.Odd = o.User, o.Group, o.OpenFiles, slices.Clone(o.Odd)
		l.Redirects = append(slices.Clone(o.Redirects), l.Redirects...)
		if l.How == "" {
			if c.Last {
				l.How, l.Inherited = o.How, true
			}
		}
	}
	words := c.Words
	for len(words) > 0 {
		rest, ok := l.launcher(words)
		if !ok {
			break
		}
		words = rest
	}
	if len(words) == 0 {
		return nil
	}
	l.Executable, l.Args = words[0], words[1:]
	l.String = commandString(words)
	return l
}

// commandString finds the string of bash -c and the like.
func commandString(words []Word) Word {
	switch path.Base(words[0].String()) {
	case "bash", "sh", "dash":
	default:
		return nil
	}
	for i, w := range words[1:] {
		text, ok := w.Literal()
		if !ok || !strings.HasPrefix(text, "-") {
			return nil
		}
		if strings.HasSuffix(text, "c") && !strings.HasPrefix(text, "--") && i+2 < len(words) {
			return words[i+2]
		}
	}
	return nil
}

// launcher handles one launcher at the front; ok is false when there is none.
func (l *Launch) launcher(words []Word) (rest []Word, ok bool) {
	first, literal := words[0].Literal()
	if !literal {
		return nil, false
	}
	args := options{words: words[1:]}
	switch path.Base(first) {
	case "setpriv":
		l.setpriv(&args)
	case "exec":
		args.take("cl", "a", func(f byte, w Word) {
			switch f {
			case 'c':
				l.Env = nil
			case 'a':
				l.odd("exec -a %s: bpm.yml cannot give another name to a process", w)
			}
		})
		l.How = "exec"
	case "nohup":
	case "nice":
		args.take("", "n", func(f byte, w Word) { l.odd("nice %s: bpm.yml has no priority", w) })
	case "chpst":
		args.take("PvV012", "uUbenmdopfcrt/lL", l.chpst)
	case "prlimit":
		if !l.prlimit(&args) {
			return nil, false
		}
	case "setuidgid", "gosu", "su-exec":
		if len(args.words) > 0 {
			l.user(args.words[0].String())
			args.words = args.words[1:]
		}
	case "sudo":
		keep := false
		args.take("EHniS", "ugh", func(f byte, w Word) {
			switch f {
			case 'E':
				keep = true
			case 'u':
				l.user(w.String())
			case 'g':
				l.Group = w.String()
			}
		})
		if !keep {
			l.Env = nil // sudo gives the process an environment of its own
		}
		l.assigns(&args)
	case "su", "runuser-l":
		return l.su(args.words)
	case "runuser":
		if len(args.words) > 0 && !args.words[0].Is("-u") {
			return l.su(args.words)
		}
		args.take("", "ugG", func(f byte, w Word) {
			switch f {
			case 'u':
				l.user(w.String())
			default:
				l.Group = w.String()
			}
		})
	case "env":
		args.take("i0", "uC", func(f byte, w Word) {
			switch f {
			case 'i':
				l.Env = nil
			case 'u':
				l.unset(w.String())
			case 'C':
				l.Dir = w
			}
		})
		l.assigns(&args)
	case "timeout":
		args.take("", "ks", func(byte, Word) {})
		l.odd("timeout: bpm.yml cannot limit how long a process runs")
		if len(args.words) > 0 {
			args.words = args.words[1:]
		}
	case "start-stop-daemon":
		return l.startStopDaemon(args.words), true
	default:
		return nil, false
	}
	return args.words, true
}

// su reads su(1) and runuser(1): the user, and the command string, which the
// user's shell runs. Without one it is nothing that this evaluation follows.
func (l *Launch) su(words []Word) ([]Word, bool) {
	var user, command Word
	login := false
	for i := 0; i < len(words); i++ {
		text, _ := words[i].Literal()
		switch {
		case text == "-" || text == "-l" || text == "--login":
			login = true
		case text == "-c" || text == "--command":
			if i+1 < len(words) {
				i++
				command = words[i]
			}
		case text == "-s" || text == "--shell" || text == "-g" || text == "-G":
			i++
		case text == "-m" || text == "-p" || text == "--preserve-environment":
		case text == "--":
		case strings.HasPrefix(text, "-"):
			return nil, false
		case user == nil:
			user = words[i]
		default:
			return nil, false
		}
	}
	if user == nil || command == nil {
		return nil, false
	}
	l.user(user.String())
	if login {
		// a login shell starts with an environment and a folder of its own
		l.Env, l.Dir, l.Login = nil, Text("/home/"+l.User, user.Span()), true
		l.odd("su -: a login shell sets USER, LOGNAME and HOME of %s, which bpm does not", l.User)
	}
	return []Word{Text("bash", user.Span()), Text("-c", user.Span()), command}, true
}

func (l *Launch) user(spec string) {
	user, group, _ := strings.Cut(strings.TrimPrefix(spec, ":"), ":")
	l.User = user
	if group != "" {
		l.Group = group
	}
}

func (l *Launch) unset(name string) {
	for i, a := range l.Env {
		if a.Name == name {
			l.Env = append(l.Env[:i:i], l.Env[i+1:]...)
			return
		}
	}
}

func (l *Launch) odd(format string, args ...any) {
	l.Odd = append(l.Odd, source.Diagnostic{ID: "launcher-option", Severity: source.Warning, Span: l.Command.Span, Message: fmt.Sprintf(format, args...)})
}

// chpst takes one flag of chpst (runit): see chpst(8).
func (l *Launch) chpst(flag byte, value Word) {
	switch flag {
	case 'u':
		l.user(value.String())
	case 'P', 'v', 'V', '0', '1', '2':
	case 'o':
		l.OpenFiles = value
	default:
		l.odd("chpst -%c %s: bpm.yml cannot say this", flag, value)
	}
}

// prlimit reads the options of prlimit(1) that limit what it starts; ok is false when
// it is about a process that runs.
func (l *Launch) prlimit(args *options) (ok bool) {
	for len(args.words) > 0 {
		w := args.words[0]
		if len(w) == 0 || w[0].Kind != Literal || !strings.HasPrefix(w[0].Text, "-") {
			return true
		}
		args.words = args.words[1:]
		name, value, joined := strings.Cut(w[0].Text, "=")
		switch {
		case w.Is("--"):
			return true
		case strings.HasPrefix(name, "--pid"), strings.HasPrefix(name, "-p"):
			return false
		case name == "--nofile" && joined:
			limit := append(Word{{Kind: Literal, Text: value, Span: w[0].Span}}, w[1:]...)
			if last := &limit[len(limit)-1]; last.Kind == Literal {
				last.Text, _, _ = strings.Cut(last.Text, ":")
			}
			l.OpenFiles = limit
		default:
			l.odd("prlimit %s: bpm.yml cannot say this", w)
		}
	}
	return true
}

// setpriv reads the options of setpriv(1) that name a user.
func (l *Launch) setpriv(args *options) {
	for len(args.words) > 0 {
		w := args.words[0]
		if len(w) == 0 || w[0].Kind != Literal || !strings.HasPrefix(w[0].Text, "--") {
			return
		}
		text := w.String() // with the expressions in it
		name, value, joined := strings.Cut(text, "=")
		args.words = args.words[1:]
		switch name {
		case "--reuid", "--regid", "--groups", "--ruid", "--rgid", "--euid", "--egid":
			if !joined && len(args.words) > 0 {
				value = args.words[0].String()
				args.words = args.words[1:]
			}
			if name == "--reuid" {
				l.user(value)
			}
			if name == "--regid" && !strings.HasPrefix(value, "$(id -g ") {
				l.Group = value
			}
			if name == "--groups" && strings.Contains(value, ",") {
				l.Group = strings.ReplaceAll(value, ",", ":")
			}
		case "--init-groups", "--clear-groups", "--reset-env", "--keep-groups":
		case "--":
			return
		default:
			l.odd("setpriv %s: what bpm.yml can say of it is not known", text)
		}
	}
}

// assigns takes the NAME=VALUE words at the front.
func (l *Launch) assigns(args *options) {
	for len(args.words) > 0 {
		w := args.words[0]
		if len(w) == 0 || w[0].Kind != Literal {
			return
		}
		name, value, ok := strings.Cut(w[0].Text, "=")
		if !ok || name == "" || strings.ContainsAny(name, "/-. ") {
			return
		}
		v := append(Word{{Kind: Literal, Text: value, Span: w[0].Span}}, w[1:]...)
		l.unset(name)
		l.Env = append(l.Env, Assign{Name: name, Value: v, Span: w[0].Span})
		args.words = args.words[1:]
	}
}

// startStopDaemon reads the options of Debian's start-stop-daemon(8).
func (l *Launch) startStopDaemon(words []Word) []Word {
	l.How = "start-stop-daemon"
	var exec Word
	for len(words) > 0 {
		w, _ := words[0].Literal()
		flag, value, joined := strings.Cut(w, "=")
		take := func() Word {
			if joined {
				return Text(value, words[0].Span())
			}
			if len(words) > 1 {
				words = words[1:]
				return words[0]
			}
			return nil
		}
		switch flag {
		case "--":
			return append([]Word{exec}, words[1:]...)
		case "-a", "--startas", "-x", "--exec":
			exec = take()
		case "-c", "--chuid":
			l.user(take().String())
		case "-d", "--chdir":
			l.Dir = take()
		case "-p", "--pidfile", "-n", "--name", "-u", "--user", "-s", "--signal", "-R", "--retry", "-g", "--group", "-O", "--output":
			take()
		case "-S", "--start", "-b", "--background", "-m", "--make-pidfile", "-q", "--quiet", "-v", "--verbose", "-o", "--oknodo", "-C", "--no-close":
		default:
			l.odd("start-stop-daemon %s is not known", words[0])
		}
		words = words[1:]
	}
	if exec == nil {
		return nil
	}
	return []Word{exec}
}

// options reads the short options at the front of a command's words.
type options struct{ words []Word }

// take calls f for each option; plain names those without a value, valued
// those with one, joined or as the next word. "--" ends them.
func (o *options) take(plain, valued string, f func(flag byte, value Word)) {
	for len(o.words) > 0 {
		w := o.words[0]
		if len(w) == 0 || w[0].Kind != Literal || !strings.HasPrefix(w[0].Text, "-") || w.Is("-") {
			return
		}
		text := w[0].Text
		if w.Is("--") {
			o.words = o.words[1:]
			return
		}
		if strings.HasPrefix(text, "--") {
			o.words = o.words[1:]
			continue
		}
		known := false
		for i := 1; i < len(text); i++ {
			c := text[i]
			if strings.IndexByte(valued, c) >= 0 {
				known = true
				value := append(Word{{Kind: Literal, Text: text[i+1:], Span: w[0].Span}}, w[1:]...)
				if text[i+1:] == "" && len(w) == 1 {
					if len(o.words) < 2 {
						o.words = nil
						return
					}
					o.words = o.words[1:]
					value = o.words[0]
				}
				f(c, value)
				break
			}
			if strings.IndexByte(plain, c) >= 0 {
				known = true
				f(c, nil)
			}
		}
		if !known {
			return
		}
		o.words = o.words[1:]
	}
}

// SignalName is the name of a signal as kill and its like are told it: by number,
// or by name with or without SIG.
func SignalName(s string) string {
	numbers := map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM"}
	if n, ok := numbers[s]; ok {
		return n
	}
	return strings.TrimPrefix(strings.ToUpper(s), "SIG")
}
