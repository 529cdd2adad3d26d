package interp

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

type builtin func(sh *Shell, args []string) int

// builtins are those of bash, dashBuiltins those of dash.
var builtins, dashBuiltins map[string]builtin

// specials are the special builtins of POSIX.
var specials = map[string]bool{":": true, ".": true, "break": true, "continue": true, "eval": true, "exec": true, "exit": true, "export": true, "readonly": true, "return": true, "set": true,
	"shift": true, "times": true, "trap": true, "unset": true, "source": true}

func init() {
	yes := func(*Shell, []string) int { return 0 }
	missing := func(sh *Shell, args []string) int { sh.m.Miss(args[0]); return 0 }
	builtins = map[string]builtin{
		":": yes, "true": yes, "false": func(*Shell, []string) int { return 1 }, "echo": echo, "printf": printf, "test": testBuiltin, "[": testBuiltin,
		"cd": cd, "pwd": pwd, "exit": exit, "return": returnBuiltin, "break": leaveLoop, "continue": leaveLoop, "eval": eval, ".": source, "source": source, "exec": exec,
		"set": set, "shift": shift, "unset": unset, "export": declareBuiltin, "readonly": declareBuiltin, "declare": declareBuiltin, "typeset": declareBuiltin, "local": declareBuiltin,
		"trap": trap, "read": read, "mapfile": mapfile, "readarray": mapfile, "getopts": getopts, "let": let, "type": typeBuiltin, "command": command, "builtin": runBuiltin, "hash": hash,
		"umask": umask, "ulimit": ulimit, "kill": kill, "wait": wait, "shopt": shopt, "times": times, "alias": alias, "unalias": yes, "jobs": jobs, "disown": yes,
		"pushd": pushd, "popd": popd, "dirs": dirs,
		"bg": noJobs, "fg": noJobs, "suspend": noJobs, "caller": missing, "history": missing, "fc": missing, "help": missing, "enable": missing, "bind": missing, "logout": missing,
		"complete": missing, "compgen": missing, "compopt": missing,
	}
	dashBuiltins = map[string]builtin{}
	for _, n := range strings.Fields(": true false echo printf test [ cd pwd exit return break continue eval . exec set shift unset export readonly local trap read getopts type command hash umask ulimit kill wait times alias unalias jobs bg fg") {
		dashBuiltins[n] = builtins[n]
	}
}

// isBuiltin says whether the shell has a builtin.
func (sh *Shell) isBuiltin(name string) bool {
	if sh.dash {
		return dashBuiltins[name] != nil
	}
	return builtins[name] != nil
}

func noJobs(sh *Shell, args []string) int {
	sh.errorf("%s: no job control", args[0])
	return 1
}

func jobs(sh *Shell, _ []string) int { return 0 }

func times(sh *Shell, _ []string) int {
	if sh.dash {
		return sh.print("0m0.000000s 0m0.000000s\n0m0.000000s 0m0.000000s\n", "times")
	}
	return sh.print("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n", "times")
}

func alias(sh *Shell, args []string) int {
	if len(args) > 1 && (sh.dash || sh.shopts["expand_aliases"]) {
		sh.m.Miss("alias")
	}
	return 0
}

// exit is exit.
func exit(sh *Shell, args []string) int {
	status := sh.status
	if len(args) > 1 {
		n, err := strconv.ParseInt(args[1], 10, 64)
		switch {
		case err != nil || sh.dash && n < 0:
			if sh.dash {
				sh.errorf("exit: Illegal number: %s", args[1])
			} else {
				sh.errorf("exit: %s: numeric argument required", args[1])
			}
			n = 2
		case len(args) > 2 && !sh.dash:
			sh.errorf("exit: too many arguments")
			return 1
		}
		status = int(uint8(n))
	}
	sh.status, sh.jump = status, exits
	return status
}

func returnBuiltin(sh *Shell, args []string) int {
	status := sh.status
	if len(args) > 1 {
		n, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || sh.dash && n < 0 {
			if sh.dash {
				sh.leave(2, "return: Illegal number: %s", args[1])
				return 2
			}
			sh.errorf("return: %s: numeric argument required", args[1])
			n = 2
		}
		status = int(uint8(n))
		if sh.dash {
			status = int(n)
		}
	}
	if sh.calls == 0 && sh.sources == 0 {
		if sh.dash {
			sh.status, sh.jump = status, exits
			return status
		}
		sh.errorf("return: can only `return' from a function or sourced script")
		return 2
	}
	sh.status, sh.jump = status, returns
	return status
}

func leaveLoop(sh *Shell, args []string) int {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 1 {
			if sh.dash {
				sh.leave(2, "%s: Illegal number: %s", args[0], args[1])
				return 2
			}
			if err != nil {
				if sh.loops == 0 {
					return 0
				}
				sh.errorf("%s: %s: numeric argument required", args[0], args[1])
				sh.status, sh.jump = 128, exits
				return 128
			}
			if sh.loops > 0 {
				sh.errorf("%s: %s: loop count out of range", args[0], args[1])
				sh.jump, sh.n = breaks, sh.loops
				return 1
			}
			return 0
		}
	}
	if sh.loops == 0 {
		if !sh.dash {
			sh.errorf("%s: only meaningful in a `for', `while', or `until' loop", args[0])
		}
		return 0
	}
	sh.n = min(n, sh.loops)
	if sh.jump = breaks; args[0] == "continue" {
		sh.jump = continues
	}
	sh.status = 0
	return 0
}

func eval(sh *Shell, args []string) int {
	args = args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && !sh.dash {
		sh.errorf("eval: %s: invalid option", args[0])
		return 2
	}
	text := strings.Join(args, " ")
	if strings.TrimSpace(text) == "" {
		return 0
	}
	sh.status = 0
	sh.evaluate(text)
	return sh.status
}

// parse reads text that the script made, as far as it can be read.
func (sh *Shell) parse(src []byte) ([]*syntax.Stmt, error) {
	s, err := Parse(src, sh.at.file, sh.dash)
	if s == nil {
		return nil, err
	}
	return s.Stmts, err
}

func source(sh *Shell, args []string) int {
	args = args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		if sh.dash {
			return 0
		}
		sh.errorf("source: filename argument required")
		return 2
	}
	if sh.sources > 100 {
		sh.jump, sh.status = halts, 124
		return 124
	}
	file := args[0]
	if !strings.Contains(file, "/") {
		dirs := strings.Split(sh.str("PATH"), ":")
		if !sh.dash && !sh.opts["posix"] {
			dirs = append(dirs, ".")
		}
		for _, d := range dirs {
			full := d + "/" + file
			if d == "" || d == "." {
				full = file
			}
			if info, err := sh.m.Stat(sh, full, true); err == nil && info.Mode().IsRegular() {
				file = full
				break
			}
		}
	}
	var data []byte
	var err error
	if n, ok := strings.CutPrefix(file, "/dev/fd/"); ok && sh.fds[atoi(n)] != nil {
		var b strings.Builder
		sh.copy(sh.fds[atoi(n)], &File{W: &b})
		data = []byte(b.String())
	} else if file == "/dev/stdin" {
		var b strings.Builder
		sh.copy(sh.fds[0], &File{W: &b})
		data = []byte(b.String())
	} else {
		data, err = sh.m.Text(sh, file)
	}
	if err != nil {
		sh.m.Absent(abs(sh.dir, file))
		if sh.dash {
			sh.leave(2, ".: cannot open %s: No such file", file)
			return 2
		}
		sh.errorf("%s: %s", args[0], err)
		return 1
	}
	s, err := Parse(data, file, sh.dash)
	at, params, loops := sh.at, sh.params, sh.loops
	given := len(args) > 1 && !sh.dash
	if given {
		sh.params = args[1:]
	}
	sh.frames = append(sh.frames, frame{"source", file, at.line})
	sh.sources++
	sh.at = place{file: abs(sh.dir, file), line: 1}
	sh.status = 0
	depth := len(sh.frames)
	if s != nil {
		sh.top(s.Stmts)
	}
	if err != nil && sh.jump == goesOn {
		sh.errorf("%s", err)
		sh.status = 1
		if sh.dash {
			sh.status, sh.jump = 2, exits
		}
	}
	if sh.jump == returns {
		sh.jump = goesOn
	}
	sh.sources--
	sh.frames = sh.frames[:min(depth-1, len(sh.frames))]
	sh.at, sh.loops = at, loops
	if given {
		sh.params = params
	}
	return sh.status
}

func exec(sh *Shell, args []string) int {
	args = args[1:]
	clean := false
	for !sh.dash && len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for i := 1; i < len(a); i++ {
			switch a[i] {
			case 'a':
				// the name that the program is told
				if i+1 == len(a) && len(args) > 0 {
					args = args[1:]
				}
				i = len(a)
			case 'c':
				clean = true
			case 'l':
			default:
				sh.errorf("exec: %s: invalid option", a)
				sh.status, sh.jump = 2, exits
				return 2
			}
		}
	}
	if len(args) == 0 {
		return 0
	}
	if clean {
		for _, s := range sh.scopes {
			for _, v := range s.vars {
				v.exported = false
			}
		}
	}
	_, found := sh.m.Lookup(sh, args[0])
	sh.external(args)
	if found {
		delete(sh.traps, "EXIT")
	}
	if sh.jump == goesOn {
		sh.jump = exits
	}
	return sh.status
}

func shift(sh *Shell, args []string) int {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 0 {
			if sh.dash {
				sh.leave(2, "shift: Illegal number: %s", args[1])
				return 2
			}
			if err != nil {
				sh.fatal("shift: %s: numeric argument required", args[1])
				return 1
			}
			sh.errorf("shift: %s: shift count out of range", args[1])
			return 1
		}
	}
	if n > len(sh.params) {
		if sh.dash {
			sh.leave(2, "shift: can't shift that many")
			return 2
		}
		return 1
	}
	sh.params = sh.params[n:]
	return 0
}

func unset(sh *Shell, args []string) int {
	mode := byte(0)
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		for i := 1; i < len(args[0]); i++ {
			if strings.IndexByte("fvn", args[0][i]) < 0 || sh.dash && args[0][i] == 'n' {
				if sh.dash {
					sh.leave(2, "unset: Illegal option %s", args[0])
				} else {
					sh.errorf("unset: %s: invalid option", args[0])
				}
				return 2
			}
			mode = args[0][i]
		}
		args = args[1:]
	}
	status := 0
	for _, n := range args {
		if mode == 'f' {
			delete(sh.funcs, n)
			continue
		}
		base, _, _ := strings.Cut(n, "[")
		if !validName(base) {
			if mode == 0 && sh.funcs[n] != nil {
				delete(sh.funcs, n)
				continue
			}
			if sh.dash {
				sh.leave(2, "unset: %s: bad variable name", n)
				return 2
			}
			sh.errorf("unset: `%s': not a valid identifier", n)
			status = 1
			continue
		}
		if mode == 'n' {
			for _, s := range sh.scopes {
				if v := s.vars[n]; v != nil && v.ref {
					delete(s.vars, n)
				}
			}
			continue
		}
		v, _ := sh.find(base)
		if v == nil && mode == 0 && sh.funcs[n] != nil && !sh.dash {
			delete(sh.funcs, n)
			continue
		}
		if !sh.unset(n) {
			if sh.dash {
				sh.leave(2, "unset: %s: is read only", n)
				return 2
			}
			if sh.jump == goesOn {
				sh.errorf("unset: %s: cannot unset: readonly variable", n)
			}
			status = 1
		}
	}
	return status
}

var signals = []string{"EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU",
	"URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"}

// signal is the name of a signal without SIG, and its number; "" when there is
// none.
func (sh *Shell) signal(s string) (string, int) {
	if n, err := strconv.Atoi(s); err == nil {
		if n >= 0 && n < len(signals) {
			return signals[n], n
		}
		return "", -1
	}
	name := s
	if !sh.dash {
		name = strings.ToUpper(s)
		if len(name) > 3 {
			name = strings.TrimPrefix(name, "SIG")
		}
	} else {
		name = strings.ToUpper(s)
	}
	if n := slices.Index(signals, name); n >= 0 {
		return name, n
	}
	if !sh.dash && (name == "ERR" || name == "DEBUG" || name == "RETURN") {
		return name, -1
	}
	return "", -1
}

func trap(sh *Shell, args []string) int {
	args = args[1:]
	show := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		if a == "--" {
			args = args[1:]
			break
		}
		if a == "-p" && !sh.dash {
			show, args = true, args[1:]
			continue
		}
		if a == "-l" && !sh.dash {
			sh.m.Miss("trap -l")
			return 0
		}
		if sh.dash {
			sh.leave(2, "trap: Illegal option %s", a)
			return 2
		}
		sh.errorf("trap: %s: invalid option", a)
		return 2
	}
	if len(args) == 0 || show {
		traps := sh.traps
		if len(traps) == 0 && sh.sub > 0 {
			traps = sh.outer
		}
		var names []string
		for n := range traps {
			names = append(names, n)
		}
		order := func(n string) int {
			if i := slices.Index(signals, n); i >= 0 {
				return i
			}
			return 100 + strings.Index("DEBUG ERR RETURN", n)
		}
		slices.SortFunc(names, func(a, b string) int { return order(a) - order(b) })
		var b strings.Builder
		for _, n := range names {
			if show && len(args) > 0 && !slices.ContainsFunc(args, func(a string) bool { s, _ := sh.signal(a); return s == n }) {
				continue
			}
			text := "'" + strings.ReplaceAll(traps[n], "'", `'\''`) + "'"
			if sh.dash {
				text = "'" + strings.ReplaceAll(traps[n], "'", `'"'"'`) + "'"
			}
			full := n
			if !sh.dash && n != "EXIT" && n != "ERR" && n != "DEBUG" && n != "RETURN" {
				full = "SIG" + n
			}
			fmt.Fprintf(&b, "trap -- %s %s\n", text, full)
		}
		return sh.print(b.String(), "trap")
	}
	action := args[0]
	list := args[1:]
	reset := action == "-"
	if len(list) == 0 {
		if _, n := sh.signal(action); n >= 0 {
			reset, list = true, args
		} else if !sh.dash {
			sh.errorf("trap: usage: trap [-lp] [[arg] signal_spec ...]")
			return 2
		}
	} else if n, err := strconv.Atoi(action); err == nil && n >= 0 && n < len(signals) {
		reset, list = true, args
	}
	status := 0
	for _, s := range list {
		name, _ := sh.signal(s)
		if name == "" {
			if sh.dash {
				sh.errorf("trap: %s: bad trap", s)
			} else {
				sh.errorf("trap: %s: invalid signal specification", s)
			}
			status = 1
			continue
		}
		if reset {
			delete(sh.traps, name)
		} else {
			sh.traps[name] = action
		}
		if name == "DEBUG" || name == "RETURN" {
			sh.m.Miss("trap " + name)
		}
	}
	return status
}

// optionNames are the letters of set.
var optionNames = map[byte]string{'a': "allexport", 'b': "notify", 'e': "errexit", 'f': "noglob", 'h': "hashall", 'k': "keyword", 'm': "monitor", 'n': "noexec", 'p': "privileged", 'r': "restricted",
	't': "onecmd", 'u': "nounset", 'v': "verbose", 'x': "xtrace", 'B': "braceexpand", 'C': "noclobber", 'E': "errtrace", 'H': "histexpand", 'P': "physical", 'T': "functrace"}

var longNames = []string{"allexport", "braceexpand", "emacs", "errexit", "errtrace", "functrace", "hashall", "histexpand", "history", "ignoreeof", "interactive-comments", "keyword", "monitor", "noclobber",
	"noexec", "noglob", "nolog", "notify", "nounset", "onecmd", "physical", "pipefail", "posix", "privileged", "verbose", "vi", "xtrace"}

func set(sh *Shell, args []string) int { return sh.setOptions(args[1:]) }

func (sh *Shell) setOptions(args []string) int {
	if len(args) == 0 {
		sh.m.Miss("set prints the variables")
		return 0
	}
	option := func(name string, on bool) bool {
		known := slices.Contains(longNames, name)
		if sh.dash {
			known = slices.Contains(strings.Fields("errexit noglob ignoreeof interactive monitor noexec stdin xtrace verbose vi emacs noclobber allexport notify nounset nolog debug"), name)
		}
		if !known {
			return false
		}
		switch name {
		case "noexec", "onecmd", "keyword", "posix":
			if on {
				sh.m.Miss("set -o " + name)
			}
		}
		sh.opts[name] = on
		return true
	}
	for len(args) > 0 {
		a := args[0]
		if a == "--" {
			sh.params = slices.Clone(args[1:])
			return 0
		}
		if a == "-" {
			sh.opts["xtrace"], sh.opts["verbose"] = false, false
			if len(args) > 1 {
				sh.params = slices.Clone(args[1:])
			}
			return 0
		}
		if a == "+" && !sh.dash || len(a) == 0 || a[0] != '-' && a[0] != '+' {
			sh.params = slices.Clone(args)
			return 0
		}
		args = args[1:]
		on := a[0] == '-'
		for i := 1; i < len(a); i++ {
			if a[i] == 'o' {
				if len(args) == 0 || !sh.dash && (args[0] == "" || args[0][0] == '-' || args[0][0] == '+') {
					sh.showOptions(on)
					continue
				}
				if !option(args[0], on) {
					if sh.dash {
						sh.leave(2, "set: Illegal option -o %s", args[0])
					} else {
						sh.errorf("set: %s: invalid option name", args[0])
						sh.execErr = true
					}
					return 2
				}
				args = args[1:]
				continue
			}
			name, ok := optionNames[a[i]]
			if !ok || sh.dash && strings.IndexByte("BEHTPhkprt", a[i]) >= 0 && a[i] != 'p' || !option(name, on) {
				if sh.dash {
					sh.leave(2, "set: Illegal option %s", a[:1]+a[i:i+1])
				} else {
					sh.errorf("set: %s: invalid option", a[:1]+a[i:i+1])
				}
				return 2
			}
		}
	}
	return 0
}

// showOptions is set -o, and set +o when they are to be read again.
func (sh *Shell) showOptions(table bool) {
	if sh.dash {
		sh.m.Miss("set -o prints the options")
		return
	}
	var b strings.Builder
	for _, n := range longNames {
		on := sh.opts[n] || n == "interactive-comments"
		switch {
		case !table && on:
			b.WriteString("set -o " + n + "\n")
		case !table:
			b.WriteString("set +o " + n + "\n")
		case on:
			fmt.Fprintf(&b, "%-15s\ton\n", n)
		default:
			fmt.Fprintf(&b, "%-15s\toff\n", n)
		}
	}
	sh.print(b.String(), "set")
}

var shoptNames = strings.Fields("autocd assoc_expand_once cdable_vars cdspell checkhash checkjobs checkwinsize cmdhist compat31 compat32 compat40 compat41 compat42 compat43 compat44 complete_fullquote direxpand dirspell dotglob execfail expand_aliases extdebug extglob extquote failglob force_fignore globasciiranges globskipdots globstar gnu_errfmt histappend histreedit histverify hostcomplete huponexit inherit_errexit interactive_comments lastpipe lithist localvar_inherit localvar_unset login_shell mailwarn no_empty_cmd_completion nocaseglob nocasematch noexpand_translation nullglob patsub_replacement progcomp progcomp_alias promptvars restricted_shell shift_verbose sourcepath syslog_history varredir_close xpg_echo")

func shopt(sh *Shell, args []string) int {
	on, off, quiet, long, show := false, false, false, false, false
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		for _, l := range args[0][1:] {
			switch l {
			case 's':
				on = true
			case 'u':
				off = true
			case 'q':
				quiet = true
			case 'o':
				long = true
			case 'p':
				show = true
			default:
				sh.errorf("shopt: %s: invalid option", args[0])
				return 2
			}
		}
		args = args[1:]
	}
	if len(args) == 0 {
		sh.m.Miss("shopt prints the options")
		return 0
	}
	status := 0
	table := sh.shopts
	if long {
		table = sh.opts
	}
	for _, n := range args {
		if !long && !slices.Contains(shoptNames, n) || long && !slices.Contains(longNames, n) {
			sh.errorf("shopt: %s: invalid shell option name", n)
			status = 1
			continue
		}
		switch {
		case on, off:
			table[n] = on
			switch n {
			case "extdebug", "expand_aliases", "cdable_vars", "cdspell", "autocd", "execfail", "localvar_unset", "assoc_expand_once", "varredir_close":
				if on {
					sh.m.Miss("shopt -s " + n)
				}
			}
		default:
			word := "off"
			if table[n] {
				word = "on"
			} else {
				status = 1
			}
			if quiet {
				continue
			}
			if show {
				flag := map[string]string{"on": "-s", "off": "-u"}[word]
				sh.print("shopt "+flag+" "+n+"\n", "shopt")
			} else {
				sh.print(fmt.Sprintf("%-15s\t%s\n", n, word), "shopt")
			}
		}
	}
	return status
}

func let(sh *Shell, args []string) int {
	if len(args) == 1 {
		sh.errorf("let: expression expected")
		return 1
	}
	n := int64(0)
	for _, a := range args[1:] {
		var ok bool
		if n, ok = sh.arithmetic(a); !ok {
			if sh.jump == discards {
				sh.jump = goesOn
			}
			return 1
		}
	}
	return truthStatus(n != 0)
}

// change goes to a folder.
func (sh *Shell) change(dir string, physical bool) error {
	full := abs(sh.dir, dir)
	if dir == "" {
		full = sh.dir
	}
	info, err := sh.m.Stat(sh, full, true)
	if err != nil {
		return message("No such file or directory")
	}
	if !info.IsDir() {
		return message("Not a directory")
	}
	if !sh.m.Access(sh, full, 1) {
		return message("Permission denied")
	}
	if physical || sh.opts["physical"] {
		if real, err := sh.m.Realpath(sh, full); err == nil {
			full = real
		}
	}
	old := sh.str("PWD")
	if old == "" {
		old = sh.dir
	}
	sh.dir = full
	sh.setShell("OLDPWD", old)
	sh.setShell("PWD", full)
	return nil
}

// setShell gives a variable that the shell keeps itself its value.
func (sh *Shell) setShell(name, value string) {
	v := sh.writable(name)
	v.set, v.str = true, value
}

func cd(sh *Shell, args []string) int {
	args = args[1:]
	physical := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if strings.Trim(a[1:], "LPe@") != "" {
			sh.errorf("cd: %s: invalid option", a)
			return 2
		}
		for _, l := range a[1:] {
			switch l {
			case 'P':
				physical = true
			case 'L':
				physical = false
			}
		}
	}
	if len(args) > 1 && !sh.dash {
		sh.errorf("cd: too many arguments")
		return 1
	}
	dir, show := "", false
	switch {
	case len(args) == 0:
		home, ok := sh.Get("HOME")
		if !ok {
			if sh.dash {
				return 0
			}
			sh.errorf("cd: HOME not set")
			return 1
		}
		if home == "" {
			return 0
		}
		dir = home
	case args[0] == "-":
		old, ok := sh.Get("OLDPWD")
		if !ok {
			if sh.dash {
				dir, show = sh.dir, true
				break
			}
			sh.errorf("cd: OLDPWD not set")
			return 1
		}
		dir, show = old, true
	default:
		dir = args[0]
		if path := sh.str("CDPATH"); path != "" && dir != "" && dir[0] != '/' && dir != "." && dir != ".." && !strings.HasPrefix(dir, "./") && !strings.HasPrefix(dir, "../") {
			for _, p := range strings.Split(path, ":") {
				full := abs(abs(sh.dir, p), dir)
				if info, err := sh.m.Stat(sh, full, true); err == nil && info.IsDir() {
					if p != "" && p != "." {
						show = true
					}
					dir = full
					break
				}
			}
		}
	}
	if err := sh.change(dir, physical); err != nil {
		if sh.dash {
			sh.errorf("cd: can't cd to %s", dir)
			return 2
		}
		sh.errorf("cd: %s: %s", dir, err)
		return 1
	}
	if show {
		sh.print(sh.dir+"\n", "cd")
	}
	return 0
}

func pwd(sh *Shell, args []string) int {
	dir := sh.dir
	physical := sh.opts["physical"]
	for _, a := range args[1:] {
		switch a {
		case "-P":
			physical = true
		case "-L":
			physical = false
		case "--":
		default:
			if len(a) > 1 && a[0] == '-' {
				sh.errorf("pwd: %s: invalid option", a)
				return 2
			}
		}
	}
	if physical {
		if real, err := sh.m.Realpath(sh, dir); err == nil {
			dir = real
		}
	}
	return sh.print(dir+"\n", "pwd")
}

func (sh *Shell) printDirs() int {
	home := sh.str("HOME")
	var out []string
	for _, d := range append([]string{sh.dir}, sh.dirs...) {
		if home != "" && (d == home || strings.HasPrefix(d, home+"/")) {
			d = "~" + strings.TrimPrefix(d, home)
		}
		out = append(out, d)
	}
	return sh.print(strings.Join(out, " ")+"\n", "dirs")
}

func dirs(sh *Shell, args []string) int {
	if len(args) > 1 {
		if args[1] == "-c" {
			sh.dirs = nil
			return 0
		}
		sh.m.Miss("dirs " + args[1])
	}
	return sh.printDirs()
}

func pushd(sh *Shell, args []string) int {
	if len(args) > 1 && (strings.HasPrefix(args[1], "+") || strings.HasPrefix(args[1], "-")) {
		sh.m.Miss("pushd " + args[1])
		return 1
	}
	old := sh.dir
	if len(args) < 2 {
		if len(sh.dirs) == 0 {
			sh.errorf("pushd: no other directory")
			return 1
		}
		to := sh.dirs[0]
		if err := sh.change(to, false); err != nil {
			sh.errorf("pushd: %s: %s", to, err)
			return 1
		}
		sh.dirs = append([]string{old}, sh.dirs[1:]...)
		return sh.printDirs()
	}
	if err := sh.change(args[1], false); err != nil {
		sh.errorf("pushd: %s: %s", args[1], err)
		return 1
	}
	sh.dirs = append([]string{old}, sh.dirs...)
	return sh.printDirs()
}

func popd(sh *Shell, args []string) int {
	if len(args) > 1 {
		sh.m.Miss("popd " + args[1])
		return 1
	}
	if len(sh.dirs) == 0 {
		sh.errorf("popd: directory stack empty")
		return 1
	}
	to := sh.dirs[0]
	if err := sh.change(to, false); err != nil {
		sh.errorf("popd: %s: %s", to, err)
		return 1
	}
	sh.dirs = sh.dirs[1:]
	return sh.printDirs()
}

var keywords = strings.Fields("if then else elif fi case esac for select while until do done in function time { } ! [[ ]] coproc")
var dashKeywords = strings.Fields("if then else elif fi case esac for while until do done in { } !")

// kindOf is what a word is when it is called.
func (sh *Shell) kindOf(name string) (kind, path string) {
	words := keywords
	if sh.dash {
		words = dashKeywords
	}
	switch {
	case slices.Contains(words, name):
		return "keyword", ""
	case sh.funcs[name] != nil:
		return "function", ""
	case sh.isBuiltin(name):
		return "builtin", ""
	}
	if full, ok := sh.lookup2(name); ok {
		return "file", full
	}
	return "", ""
}

// lookup2 finds an executable file as the shell names it.
func (sh *Shell) lookup2(name string) (string, bool) {
	full, ok := sh.m.Lookup(sh, name)
	if !ok {
		return "", false
	}
	if strings.Contains(name, "/") {
		if !sh.m.Access(sh, name, 1) {
			return "", false
		}
		return name, true
	}
	return full, true
}

func typeBuiltin(sh *Shell, args []string) int {
	args = args[1:]
	flags := ""
	for !sh.dash && len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		if strings.Trim(args[0][1:], "aftpP") != "" {
			sh.errorf("type: %s: invalid option", args[0])
			return 2
		}
		flags += args[0][1:]
		args = args[1:]
	}
	has := func(l string) bool { return strings.Contains(flags, l) }
	status := 0
	for _, n := range args {
		kind, full := sh.kindOf(n)
		if has("P") {
			full, ok := sh.lookup2(n)
			if !ok {
				status = 1
				continue
			}
			sh.print(full+"\n", "type")
			continue
		}
		if has("f") && kind == "function" {
			f := sh.funcs[n]
			delete(sh.funcs, n)
			kind, full = sh.kindOf(n)
			sh.funcs[n] = f
		}
		if kind == "" {
			status = 1
			if sh.dash {
				status = 127
				sh.print(n+": not found\n", "type")
			} else if !has("t") && !has("p") {
				sh.errorf("type: %s: not found", n)
			}
			continue
		}
		if has("t") {
			sh.print(kind+"\n", "type")
			continue
		}
		if has("p") {
			if kind == "file" {
				sh.print(full+"\n", "type")
			}
			continue
		}
		if has("a") {
			sh.m.Miss("type -a")
		}
		if sh.print(sh.sentence(n, kind, full)+"\n", "type"); sh.dash && kind == "file" {
			sh.remember(n)
		}
	}
	return status
}

func (sh *Shell) sentence(n, kind, full string) string {
	switch kind {
	case "keyword":
		return n + " is a shell keyword"
	case "function":
		if sh.dash {
			return n + " is a shell function"
		}
		sh.m.Miss("type prints a function")
		return n + " is a function"
	case "builtin":
		if sh.dash && specials[n] {
			return n + " is a special shell builtin"
		}
		return n + " is a shell builtin"
	}
	if sh.hashed[n] {
		if sh.dash {
			return n + " is a tracked alias for " + full
		}
		return n + " is hashed (" + full + ")"
	}
	return n + " is " + full
}

func command(sh *Shell, args []string) int {
	args = args[1:]
	flags := ""
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		if strings.Trim(args[0][1:], "pvV") != "" {
			sh.errorf("command: %s: invalid option", args[0])
			return 2
		}
		flags += args[0][1:]
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	if strings.ContainsAny(flags, "vV") {
		status := 1
		if sh.dash {
			args = args[:1]
			status = 127
		}
		found := false
		for _, n := range args {
			kind, full := sh.kindOf(n)
			if kind == "" {
				if strings.Contains(flags, "V") {
					if sh.dash {
						sh.print(n+": not found\n", "command")
					} else {
						sh.errorf("command: %s: not found", n)
					}
				}
				continue
			}
			found = true
			switch {
			case strings.Contains(flags, "V"):
				if sh.print(sh.sentence(n, kind, full)+"\n", "command"); sh.dash && kind == "file" {
					sh.remember(n)
				}
			case kind == "file":
				if sh.print(full+"\n", "command"); sh.dash {
					sh.remember(n)
				}
			default:
				sh.print(n+"\n", "command")
			}
		}
		if found {
			return 0
		}
		return status
	}
	b := builtins[args[0]]
	if sh.dash {
		b = dashBuiltins[args[0]]
	}
	if b != nil {
		status := b(sh, args)
		return status
	}
	sh.remember(args[0])
	sh.external(args)
	return sh.status
}

func runBuiltin(sh *Shell, args []string) int {
	args = args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	if b := builtins[args[0]]; b != nil {
		return b(sh, args)
	}
	sh.errorf("builtin: %s: not a shell builtin", args[0])
	return 1
}

func hash(sh *Shell, args []string) int {
	status := 0
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			continue
		}
		if sh.isBuiltin(a) && !sh.dash || sh.funcs[a] != nil {
			continue
		}
		if _, ok := sh.m.Lookup(sh, a); !ok && !sh.isBuiltin(a) {
			sh.errorf("hash: %s: not found", a)
			status = 1
		} else if !sh.isBuiltin(a) {
			sh.remember(a)
		}
	}
	return status
}

func umask(sh *Shell, args []string) int {
	args = args[1:]
	symbolic, show := false, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		for _, l := range args[0][1:] {
			switch l {
			case 'S':
				symbolic = true
			case 'p':
				show = true
			}
		}
		args = args[1:]
	}
	if len(args) == 0 {
		text := fmt.Sprintf("%04o", uint32(sh.umask))
		if symbolic {
			part := func(shift uint) string {
				s := ""
				for i, l := range "rwx" {
					if sh.umask>>shift&(4>>i) == 0 {
						s += string(l)
					}
				}
				return s
			}
			text = "u=" + part(6) + ",g=" + part(3) + ",o=" + part(0)
		}
		if show {
			text = "umask " + text
		}
		return sh.print(text+"\n", "umask")
	}
	mask, err := strconv.ParseUint(args[0], 8, 16)
	if err != nil {
		m, ok := symbolicMask(args[0], sh.umask)
		if !ok || args[0] != "" && args[0][0] >= '0' && args[0][0] <= '9' {
			if sh.dash {
				sh.leave(2, "umask: Illegal mode: %s", args[0])
				return 2
			}
			sh.errorf("umask: %s: octal number out of range", args[0])
			return 1
		}
		mask = uint64(m)
	}
	if mask > 0o777 {
		if !sh.dash {
			sh.errorf("umask: %s: octal number out of range", args[0])
			return 1
		}
		mask &= 0o777
	}
	sh.umask = fs.FileMode(mask)
	if symbolic && !sh.dash {
		return umask(sh, []string{"umask", "-S"})
	}
	return 0
}

// symbolicMask reads u=rwx,g=rx,o=.
func symbolicMask(text string, now fs.FileMode) (fs.FileMode, bool) {
	mask := now
	for _, part := range strings.Split(text, ",") {
		i := strings.IndexAny(part, "=+-")
		if i < 0 {
			return 0, false
		}
		var bits fs.FileMode
		for _, c := range part[i+1:] {
			n := strings.IndexRune("xwr", c)
			if n < 0 {
				return 0, false
			}
			bits |= 1 << n
		}
		who := part[:i]
		if who == "" || who == "a" {
			who = "ugo"
		}
		for _, w := range who {
			shift, ok := map[rune]int{'u': 6, 'g': 3, 'o': 0}[w]
			if !ok {
				return 0, false
			}
			switch part[i] {
			case '=':
				mask = mask&^(7<<shift) | (7&^bits)<<shift
			case '+':
				mask &^= bits << shift
			case '-':
				mask |= bits << shift
			}
		}
	}
	return mask, true
}

// limits are what a process of monit has, by the letter of ulimit.
var limits = map[string]string{"n": "1024", "u": "31000", "c": "0", "l": "8192", "s": "8192", "f": "unlimited", "v": "unlimited", "m": "unlimited", "d": "unlimited", "t": "unlimited",
	"e": "0", "r": "0", "i": "31000", "q": "819200", "x": "unlimited", "p": "8", "b": "unlimited"}

func (sh *Shell) limit(letter string) string {
	if v, ok := sh.limits[letter]; ok {
		return v
	}
	return limits[letter]
}

func ulimit(sh *Shell, args []string) int {
	letter := "f"
	args = args[1:]
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") {
			if strings.Trim(a, "0123456789") != "" && a != "unlimited" && a != "hard" && a != "soft" {
				sh.errorf("ulimit: %s: invalid number", a)
				return 1
			}
			sh.limits[letter] = a
			continue
		}
		show := true
		for _, c := range a[1:] {
			switch c {
			case 'S', 'H':
				show = false
			case 'a':
				for _, k := range slices.Sorted(maps.Keys(limits)) {
					sh.print(fmt.Sprintf("(-%s) %s\n", k, sh.limit(k)), "ulimit")
				}
				return 0
			default:
				letter, show = string(c), true
				if limits[letter] == "" {
					sh.errorf("ulimit: %s: invalid option", a)
					return 2
				}
			}
		}
		if show && (i+1 == len(args) || strings.HasPrefix(args[i+1], "-")) {
			sh.print(sh.limit(letter)+"\n", "ulimit")
		}
	}
	if len(args) == 0 {
		sh.print(sh.limit(letter)+"\n", "ulimit")
	}
	return 0
}

func kill(sh *Shell, args []string) int {
	args = args[1:]
	name := "TERM"
	usage := func() int {
		if sh.dash {
			sh.errorf("Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or")
			return 2
		}
		fmt.Fprintln(sh.fds[2], "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]")
		return 2
	}
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		a := args[0]
		args = args[1:]
		given := a[1:]
		switch {
		case a == "-l" || a == "-L":
			if len(args) == 1 {
				if n, err := strconv.Atoi(args[0]); err == nil {
					if n > 128 {
						n -= 128
					}
					if n > 0 && n < len(signals) {
						return sh.print(signals[n]+"\n", "kill")
					}
				} else if _, n := sh.signal(args[0]); n > 0 && !sh.dash {
					return sh.print(strconv.Itoa(n)+"\n", "kill")
				}
			}
			sh.m.Miss("kill -l")
			return 0
		case a == "-s" || a == "-n" && !sh.dash:
			if len(args) == 0 {
				return usage()
			}
			given, args = args[0], args[1:]
		}
		s, _ := sh.signal(given)
		if given == "0" {
			s = "0"
		}
		if s == "" || s == "EXIT" && given != "0" {
			if s == "EXIT" {
				s = "0"
			} else {
				if sh.dash {
					return usage()
				}
				sh.errorf("kill: %s: invalid signal specification", given)
				return 1
			}
		}
		name = s
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return usage()
	}
	status, sent := 0, 0
	for _, a := range args {
		pid := a
		if strings.HasPrefix(a, "%") {
			n, err := strconv.Atoi(a[1:])
			if a == "%%" || a == "%+" || a == "%" {
				n, err = len(sh.order), nil
			}
			if err != nil || n < 1 || n > len(sh.order) {
				sh.errorf("kill: %s: no such job", a)
				status = 1
				continue
			}
			pid = sh.order[n-1]
		}
		bare := strings.TrimPrefix(pid, "-")
		if bare == "" || strings.Trim(bare, "0123456789") != "" {
			if sh.dash {
				sh.errorf("kill: Illegal number: %s", a)
				return 2
			}
			sh.errorf("kill: `%s': not a pid or valid job spec", a)
			status = 1
			continue
		}
		if pid == sh.pid || pid == sh.self || pid == "0" {
			sent++
			sh.receive(name, pid != sh.self && pid != "0" || pid == sh.pid && sh.sub > 0)
			continue
		}
		if strings.HasPrefix(pid, "-") && name != "0" {
			pid = bare
		}
		if sh.m.Signal(sh, pid, name) {
			sent++
			continue
		}
		sh.errorf("kill: (%s) - No such process", pid)
		status = 1
	}
	if !sh.dash && sent > 0 {
		return 0
	}
	return status
}

// receive is a signal that the shell sends to itself; up says that it is for the
// shell that a subshell belongs to.
func (sh *Shell) receive(name string, up bool) {
	switch name {
	case "0", "CHLD", "CONT", "URG", "WINCH":
		if name == "0" || sh.traps[name] == "" {
			return
		}
	case "STOP", "TSTP", "TTIN", "TTOU":
		sh.m.Miss("kill -" + name + " of the shell itself")
		return
	}
	if up && sh.sub > 0 {
		sh.m.Miss("a subshell that sends a signal to its shell")
		return
	}
	if t, ok := sh.traps[name]; ok && name != "KILL" {
		if t != "" {
			sh.pending = append(sh.pending, name)
		}
		return
	}
	_, n := sh.signal(name)
	if name == "KILL" || sh.dash {
		delete(sh.traps, "EXIT")
	}
	sh.status, sh.jump = 128+n, exits
}

func wait(sh *Shell, args []string) int {
	args = args[1:]
	any := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		switch args[0] {
		case "-n":
			any = true
		case "-f", "--":
		default:
			if sh.dash {
				sh.leave(2, "wait: Illegal option %s", args[0])
				return 2
			}
			if args[0] == "-p" {
				sh.m.Miss("wait -p")
			} else {
				sh.errorf("wait: %s: invalid option", args[0])
				return 2
			}
		}
		args = args[1:]
	}
	if any && len(args) == 0 {
		if len(sh.order) == 0 {
			return 127
		}
		status := sh.jobs[sh.order[0]]
		sh.order = sh.order[1:]
		return status
	}
	if len(args) == 0 {
		sh.order = nil
		return 0
	}
	status := 0
	for _, a := range args {
		pid := a
		if strings.HasPrefix(a, "%") {
			n, err := strconv.Atoi(a[1:])
			if err != nil || n < 1 || n > len(sh.order) {
				sh.errorf("wait: %s: no such job", a)
				status = 127
				continue
			}
			pid = sh.order[n-1]
		} else if a == "" || strings.Trim(a, "0123456789") != "" {
			if sh.dash {
				sh.leave(2, "wait: Illegal number: %s", a)
				return 2
			}
			sh.errorf("wait: `%s': not a pid or valid job spec", a)
			status = 1
			continue
		}
		n, ok := sh.jobs[pid]
		if !ok {
			if !sh.dash {
				sh.errorf("wait: pid %s is not a child of this shell", pid)
			}
			status = 127
			continue
		}
		status = n
	}
	return status
}
