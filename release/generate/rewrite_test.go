//go:build linux

package generate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// script is the start script of a job, to be rewritten. What is rewritten need not keep
// its meaning: real bash says whether it did.
type script struct {
	job   string
	text  string
	spec  string
	monit string
	// more are other files of the release that a rewrite adds or changes.
	more map[string]string
}

func (s *script) lines() []string { return strings.Split(s.text, "\n") }

func (s *script) join(lines ...[]string) bool {
	s.text = strings.Join(slices.Concat(lines...), "\n")
	return true
}

// rewrite is one way to write a start script otherwise; false where it finds nothing to
// rewrite.
type rewrite struct {
	name string
	do   func(s *script) bool
}

// in is text with what matches replaced by what f makes of it.
func (s *script) replace(re *regexp.Regexp, f func(m []string) string) bool {
	old := s.text
	s.text = re.ReplaceAllStringFunc(s.text, func(whole string) string { return f(re.FindStringSubmatch(whole)) })
	return s.text != old
}

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

var (
	armHead  = re(`^\s*\(?["']?start["']?\)\s*$`)
	caseLine = re(`^\s*case\s.*\sin\s*$`)
	esacLine = re(`^\s*esac\b`)
	armEnd   = re(`^\s*;;\s*$`)
	begins   = re(`^\s*(exec|chpst|/var/vcap/packages/|\$\{?[A-Za-z]\w*\}?[/ ]|su |runuser |setpriv |sudo |start-stop-daemon|nohup )`)
	simple   = re(`^\s*(\w+)=("[^"$` + "`" + `<]*"|'[^'<]*'|[\w./:${}-]+)\s*$`)
	blank    = re(`^\s*(#.*)?$`)
)

// arm gives the first line behind "start)" and that of its ";;".
func arm(lines []string) (from, to int, ok bool) {
	from = slices.IndexFunc(lines, armHead.MatchString) + 1
	if from == 0 {
		return 0, 0, false
	}
	depth := 0
	for i := from; i < len(lines); i++ {
		switch {
		case caseLine.MatchString(lines[i]):
			depth++
		case esacLine.MatchString(lines[i]):
			depth--
		case depth == 0 && armEnd.MatchString(lines[i]):
			return from, i, true
		}
	}
	return 0, 0, false
}

// launch gives the lines of the last command of the start arm.
func launch(lines []string) (from, to int, ok bool) {
	a, b, ok := arm(lines)
	if !ok {
		return 0, 0, false
	}
	to = b
	for to > a && blank.MatchString(lines[to-1]) {
		to--
	}
	for from = to - 1; from > a && strings.HasSuffix(lines[from-1], "\\"); from-- {
	}
	return from, to, from >= a && begins.MatchString(lines[from])
}

// head gives the lines between the first line and the case: settings, mostly.
func head(lines []string) (from, to int, ok bool) {
	to = slices.IndexFunc(lines, caseLine.MatchString)
	if to < 2 || !strings.HasPrefix(lines[0], "#!") {
		return 0, 0, false
	}
	return 1, to, true
}

// settings are the first lines of the head that only set variables.
func settings(lines []string) (from, to int, ok bool) {
	from, end, ok := head(lines)
	if !ok {
		return 0, 0, false
	}
	for from < end && (blank.MatchString(lines[from]) || strings.HasPrefix(lines[from], "set ")) {
		from++
	}
	for to = from; to < end && simple.MatchString(lines[to]); to++ {
	}
	return from, to, to > from
}

// shebang is the first line of a script that is made beside.
func (s *script) shebang() string { return s.lines()[0] }

// around puts lines around the launch.
func around(before, after string) func(*script) bool {
	return func(s *script) bool {
		l := s.lines()
		from, to, ok := launch(l)
		if !ok {
			return false
		}
		return s.join(l[:from], strings.Split(before, "\n"), l[from:to], strings.Split(after, "\n"), l[to:])
	}
}

// before puts lines at the beginning of the start arm.
func before(text string) func(*script) bool {
	return func(s *script) bool {
		l := s.lines()
		from, _, ok := arm(l)
		if !ok {
			return false
		}
		return s.join(l[:from], strings.Split(strings.ReplaceAll(text, "JOB", s.job), "\n"), l[from:])
	}
}

// second puts a line behind the first one.
func second(text string) func(*script) bool {
	return func(s *script) bool {
		l := s.lines()
		return s.join(l[:1], []string{text}, l[1:])
	}
}

// sub replaces a pattern.
func sub(pattern, with string) func(*script) bool {
	r := re(pattern)
	return func(s *script) bool {
		old := s.text
		s.text = r.ReplaceAllString(s.text, with)
		return s.text != old
	}
}

// onLaunch replaces a pattern in the last command of the start arm, on one line.
func onLaunch(pattern, with string) func(*script) bool {
	r := re(pattern)
	return func(s *script) bool {
		l := s.lines()
		from, to, ok := launch(l)
		if !ok {
			return false
		}
		command := strings.Join(l[from:to], "\n")
		now := r.ReplaceAllString(command, with)
		return now != command && s.join(l[:from], []string{now}, l[to:])
	}
}

const chpst = `(?s)^(\s*(?:exec )?)chpst -u vcap(?::vcap)? `

var rewrites = []rewrite{
	{"function", func(s *script) bool {
		l := s.lines()
		from, to, ok := arm(l)
		at := slices.IndexFunc(l, caseLine.MatchString)
		if !ok || at < 0 || at > from {
			return false
		}
		return s.join(l[:at], []string{"start_it() {"}, l[from:to], []string{"}", ""}, l[at:from], []string{"    start_it"}, l[to:])
	}},
	{"function of the launch", func(s *script) bool {
		l := s.lines()
		from, to, ok := launch(l)
		at := slices.IndexFunc(l, caseLine.MatchString)
		if !ok || at < 0 || at > from {
			return false
		}
		return s.join(l[:at], []string{"function launch {"}, l[from:to], []string{"}", ""}, l[at:from], []string{"    launch"}, l[to:])
	}},
	{"main", func(s *script) bool {
		l := s.lines()
		if strings.Contains(s.text, "<<") {
			return false
		}
		return s.join(l[:1], []string{"main() {"}, l[1:], []string{"}", `main "$@"`, ""})
	}},
	{"rename", func(s *script) bool {
		if strings.Contains(s.text, "export") || strings.Contains(s.text, "set -a") {
			for _, m := range re(`export\s+([^\n=]*)`).FindAllStringSubmatch(s.text, -1) {
				if strings.ContainsAny(m[1], " $") {
					return false
				}
			}
		}
		changed := false
		for _, m := range re(`(?m)^\s*([A-Za-z_]\w*)=`).FindAllStringSubmatch(s.text, -1) {
			name := m[1]
			if re(`export\s+`+name+`\b`).MatchString(s.text) || re(`\b`+name+`=\S*[ \t]+\S`).MatchString(s.text) || name == "PATH" || name == "HOME" || strings.HasPrefix(name, "the_") {
				continue
			}
			s.text = re(`(^|[^\w-])`+name+`\b`).ReplaceAllStringFunc(s.text, func(x string) string {
				return strings.TrimSuffix(x, name) + "the_" + strings.ToLower(name)
			})
			changed = true
		}
		return changed
	}},
	{"quote assignments", sub(`(?m)^(\s*(?:export )?\w+=)(/[\w./${}-]+)$`, `$1"$2"`)},
	{"quote single", sub(`(?m)^(\s*(?:export )?\w+=)"?([\w./-]+)"?$`, `$1'$2'`)},
	{"unquote", sub(`"(\$\{?\w+\}?)"`, `$1`)},
	{"quote variables", sub(`([ /=])(\$\w+)([ /\n])`, `$1"$2"$3`)},
	{"braces", sub(`\$([A-Za-z_]\w*)`, `$${$1}`)},
	{"quote the words of the launch", onLaunch(` (--?[\w-]+[= ])?(/var/vcap/[\w./-]+)`, ` $1"$2"`)},
	{"launch in if", around(`    if [ -d /var/vcap ]; then`, `    fi`)},
	{"launch in if else", around(`    if [ "$1" != start ]; then`+"\n      echo no\n    else", `    fi`)},
	{"launch in case", around(`    case "$1" in`+"\n      start)", "      ;;\n    esac")},
	{"launch in braces", around("    {", "    }")},
	{"launch in a subshell", around("    (", "    )")},
	{"helper of the job", func(s *script) bool {
		l := s.lines()
		from, to, ok := settings(l)
		if !ok {
			return false
		}
		s.more["jobs/"+s.job+"/templates/settings.sh.erb"] = s.shebang() + "\n" + strings.Join(l[from:to], "\n") + "\n"
		old := s.spec
		s.spec = re(`(?m)^templates:\s*$`).ReplaceAllString(s.spec, "templates:\n  settings.sh.erb: bin/settings.sh")
		return s.spec != old && s.join(l[:from], []string{"source /var/vcap/jobs/" + s.job + "/bin/settings.sh"}, l[to:])
	}},
	{"helper beside", func(s *script) bool {
		l := s.lines()
		from, to, ok := settings(l)
		if !ok {
			return false
		}
		s.more["jobs/"+s.job+"/templates/settings.sh.erb"] = s.shebang() + "\n" + strings.Join(l[from:to], "\n") + "\n"
		old := s.spec
		s.spec = re(`(?m)^templates:\s*$`).ReplaceAllString(s.spec, "templates:\n  settings.sh.erb: bin/settings.sh")
		return s.spec != old && s.join(l[:from], []string{`. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"`}, l[to:])
	}},
	{"helper of a package", func(s *script) bool {
		l := s.lines()
		from, to, ok := settings(l)
		if !ok || strings.Contains(strings.Join(l[from:to], ""), "<%") {
			return false
		}
		s.more["src/helpers/settings.sh"] = strings.Join(l[from:to], "\n") + "\n"
		s.more["packages/helpers/spec"] = "---\nname: helpers\nfiles: [helpers/settings.sh]\n"
		s.more["packages/helpers/packaging"] = "cp helpers/settings.sh $BOSH_INSTALL_TARGET/\n"
		old := s.spec
		s.spec = re(`(?m)^packages: \[`).ReplaceAllString(s.spec, "packages: [helpers, ")
		return s.spec != old && s.join(l[:from], []string{"source /var/vcap/packages/helpers/settings.sh"}, l[to:])
	}},
	{"start script calls another", func(s *script) bool {
		l := s.lines()
		from, to, ok := launch(l)
		if !ok || strings.Contains(strings.Join(l[from:to], ""), "$") {
			return false
		}
		s.more["jobs/"+s.job+"/templates/run_it.erb"] = "#!/bin/bash\n" + strings.Join(l[from:to], "\n") + "\n"
		old := s.spec
		s.spec = re(`(?m)^templates:\s*$`).ReplaceAllString(s.spec, "templates:\n  run_it.erb: bin/run_it")
		return s.spec != old && s.join(l[:from], []string{"    exec /var/vcap/jobs/" + s.job + "/bin/run_it"}, l[to:])
	}},
	{"own folder by BASH_SOURCE", func(s *script) bool {
		return s.replace(re(`/var/vcap/jobs/`+s.job+`/([\w.-])`), func(m []string) string { return `$(dirname "$(dirname "${BASH_SOURCE[0]}")")/` + m[1] })
	}},
	{"own folder by cd", func(s *script) bool {
		return s.replace(re(`/var/vcap/jobs/`+s.job+`/([\w.-])`), func(m []string) string { return `$(cd "$(dirname "$0")/.." && pwd)/` + m[1] })
	}},
	{"own folder by readlink -f", func(s *script) bool {
		old := s.text
		s.text = strings.ReplaceAll(s.text, "/var/vcap/jobs/"+s.job+"/", `${OWN}/`)
		l := s.lines()
		return s.text != old && s.join(l[:1], []string{`OWN=$(dirname $(dirname $(readlink -f $0)))`}, l[1:])
	}},
	{"own folder by readlink -e", func(s *script) bool {
		old := s.text
		s.text = strings.ReplaceAll(s.text, "/var/vcap/jobs/"+s.job+"/", `${OWN}/`)
		l := s.lines()
		return s.text != old && s.join(l[:1], []string{`OWN="$(readlink -e "$(dirname "$0")/..")"`}, l[1:])
	}},
	{"packages of the job", func(s *script) bool {
		old := s.text
		s.text = strings.ReplaceAll(s.text, "/var/vcap/packages/", "/var/vcap/jobs/"+s.job+"/packages/")
		return s.text != old
	}},
	{"packages of data", sub(`/var/vcap/packages/`, `/var/vcap/data/packages/`)},
	{"runuser for chpst", onLaunch(chpst, `${1}runuser -u vcap -- `)},
	{"setpriv for chpst", onLaunch(chpst, `${1}setpriv --reuid=vcap --regid=vcap --clear-groups `)},
	{"setpriv --init-groups for chpst", onLaunch(chpst, `${1}setpriv --reuid vcap --regid vcap --init-groups -- `)},
	{"sudo for chpst", onLaunch(chpst, `${1}sudo -u vcap -E `)},
	{"chpst -v for chpst", onLaunch(chpst, `${1}/usr/bin/env chpst -u vcap:vcap `)},
	{"su for chpst", onLaunch(`(?s)^(\s*(?:exec )?)chpst -u vcap(?::vcap)? ([^"<>&|\\]+?)((?:\s*\\?\s*[12&]?>.*)?)$`, `${1}su vcap -c "exec $2"$3`)},
	{"su - for chpst", onLaunch(`(?s)^(\s*(?:exec )?)chpst -u vcap(?::vcap)? ([^"<>&|\\]+?)((?:\s*\\?\s*[12&]?>.*)?)$`, `${1}su - vcap -s /bin/bash -c "cd / && exec $2"$3`)},
	{"chpst in bash -c", onLaunch(`(?s)^(\s*(?:exec )?)chpst -u vcap(?::vcap)? ([^"<>&|\\]+?)((?:\s*\\?\s*[12&]?>.*)?)$`, `${1}chpst -u vcap:vcap bash -c "exec $2"$3`)},
	{"without exec", onLaunch(`^(\s*)exec `, `$1`)},
	{"with exec", onLaunch(`^(\s*)(chpst|/var)`, `${1}exec $2`)},
	{"command in front", onLaunch(`^(\s*)exec `, `${1}exec -- `)},
	{"env in front", onLaunch(`^(\s*)exec `, `${1}exec env SOME_MODE=on `)},
	{"erb local", func(s *script) bool {
		m := re(`(?m)^(\s*)(\w+)=([\w./-]+)$`).FindStringSubmatch(s.text)
		if m == nil {
			return false
		}
		name := "the_" + strings.ToLower(m[2])
		s.text = strings.Replace(s.text, m[0], "<% "+name+" = '"+m[3]+"' %>"+m[1]+m[2]+"=<%= "+name+" %>", 1)
		return true
	}},
	{"erb for a variable", func(s *script) bool {
		m := re(`(?m)^(\w+)=(/[\w./-]+)$`).FindStringSubmatch(s.text)
		if m == nil || strings.Count(s.text, m[1]+"=") > 1 {
			return false
		}
		name := "the_" + strings.ToLower(m[1])
		s.text = re(`\$\{`+m[1]+`\}|\$`+m[1]+`\b`).ReplaceAllString(s.text, "<%= "+name+" %>")
		s.text = "<% " + name + " = \"" + m[2] + "\" -%>\n" + s.text
		return true
	}},
	{"two checks", func(s *script) bool {
		if strings.Count(s.monit, "check process") != 1 || strings.Contains(s.monit, "<%") {
			return false
		}
		s.more["jobs/"+s.job+"/templates/beside_ctl"] = "#!/bin/bash\nPIDFILE=/var/vcap/sys/run/" + s.job + "/beside.pid\ncase $1 in\n  start)\n    echo $$ > $PIDFILE\n    exec chpst -u vcap:vcap /var/vcap/packages/beside/bin/beside --port 9999\n    ;;\n  stop)\n    kill $(cat $PIDFILE)\n    rm -f $PIDFILE\n    ;;\nesac\n"
		old := s.spec
		s.spec = re(`(?m)^templates:\s*$`).ReplaceAllString(s.spec, "templates:\n  beside_ctl: bin/beside_ctl")
		s.monit = strings.TrimRight(s.monit, "\n") + "\n\ncheck process beside\n  with pidfile /var/vcap/sys/run/" + s.job + "/beside.pid\n  start program \"/var/vcap/jobs/" + s.job + "/bin/beside_ctl start\"\n  stop program \"/var/vcap/jobs/" + s.job + "/bin/beside_ctl stop\"\n  group vcap\n"
		return s.spec != old
	}},
	{"guard on a folder", before("    if [ ! -d /var/vcap/packages ]; then\n      echo \"no packages\" >&2\n      exit 1\n    fi")},
	{"guard on root", before(`    [ "$(id -u)" = 0 ] || { echo "run me as root"; exit 1; }`)},
	{"guard on arguments", second(`[ $# -gt 0 ] || exit 1`)},
	{"guard on the verb", second(`if [[ -z "${1:-}" ]]; then echo "usage: $0 start|stop"; exit 1; fi`)},
	{"heredoc for echo", sub(`(?m)^(\s*)echo "([^"\n\\]+)" > ([\w./$"{}-]+)$`, "${1}cat > $3 <<TEXT\n$2\nTEXT")},
	{"printf for echo", sub(`(?m)^(\s*)echo "([^"\n\\%]+)" > ([\w./$"{}-]+)$`, "${1}printf '%s\\n' \"$2\" > $3")},
	{"tee for echo", sub(`(?m)^(\s*)echo "([^"\n\\]+)" > ([\w./$"{}-]+)$`, `${1}echo "$2" | tee $3 > /dev/null`)},
	{"[[ for [", sub(`(if|elif|while|&&|\|\||^\s*) \[ ([^\[\]\n<>]*[^\[\]\n <>]) \]`, `$1 [[ $2 ]]`)},
	{"[ for [[", sub(`\[\[ ((?:! )?-[a-z] [^\[\]\n<>&|=]*[^\[\]\n <>]) \]\]`, `[ $1 ]`)},
	{"test for [", sub(`(if|elif|while|&&|\|\|) \[ ([^\[\]\n<>]*[^\[\]\n <>]) \]`, `$1 test $2`)},
	{"&& for if", sub(`(?m)^(\s*)if ([^\n;]+); then\n\s*([^\n#]+[^\n\\#;])\n\s*fi$`, `${1}$2 && $3`)},
	{"|| for if", sub(`(?m)^(\s*)if ([^\n;|&]+); then\n\s*([^\n#]+[^\n\\#;])\n\s*fi$`, `${1}! $2 || $3`)},
	{"then on its own line", sub(`(?m)^(\s*)(if|elif) ([^\n]*); then$`, "$1$2 $3\n${1}then")},
	{"if for &&", sub(`(?m)^(\s*)(\[\[? [^\n&|;]*\]\]?) && ([^\n&|]*)$`, "${1}if $2; then\n$1  $3\n${1}fi")},
	{"cd &&", sub(`(?m)^(\s*)cd (\S+)\n\s*exec `, `${1}cd $2 && exec `)},
	{"pushd for cd", sub(`(?m)^(\s*)cd (\S+)$`, `${1}pushd $2 > /dev/null`)},
	{"cd first", func(s *script) bool {
		l := s.lines()
		from, to, ok := arm(l)
		if !ok {
			return false
		}
		i := slices.IndexFunc(l[from:to], re(`^\s*cd \S+$`).MatchString)
		if i < 1 {
			return false
		}
		line := l[from+i]
		return s.join(l[:from], []string{line}, l[from:from+i], l[from+i+1:])
	}},
	{"cd or die", sub(`(?m)^(\s*)cd (\S+)$`, `${1}cd $2 || exit 1`)},
	{"export on its own line", sub(`(?m)^(\s*)export (\w+)=([^\n]*[^\n\\])$`, "$1$2=$3\n${1}export $2")},
	{"export inline", sub(`(?m)^(\s*)(\w+)=([^\n]*[^\n\\])\n\s*export (\w+)$`, "${1}export $2=$3\n${1}: $4")},
	{"declare -x", sub(`(?m)^(\s*)export (\w+=)`, `${1}declare -x $2`)},
	{"set -a", sub(`(?m)^(\s*)export (\w+=[^\n]*[^\n\\])$`, "${1}set -a\n${1}$2\n${1}set +a")},
	{"continuation", onLaunch(` (-)`, " \\\n        $1")},
	{"one line", sub(`[ \t]*\\\n[ \t]*`, ` `)},
	{"comments", sub(`(?m)^(\s*)(exec|mkdir|export|chown|echo|cd|ulimit) `, "$1# what follows is needed\n\n$1$2 ")},
	{"semicolons", sub(`(?m)^(\s*mkdir [^\n\\]*[^\n\\;])\n\s*(chown [^\n\\]*[^\n\\;])$`, `$1; $2`)},
	{"one mkdir each", func(s *script) bool {
		return s.replace(re(`(?m)^(\s*)mkdir -p (\S+ \S[^\n\\;&|]*)$`), func(m []string) string {
			return m[1] + "for dir in " + m[2] + "; do\n" + m[1] + "  mkdir -p $dir\n" + m[1] + "done"
		})
	}},
	{"folder if it is not there", sub(`(?m)^(\s*)mkdir -p (\S+)$`, `${1}[ -d $2 ] || mkdir -p $2`)},
	{"set -e", second("set -e")},
	{"set -eu", second("set -eu -o pipefail")},
	{"bash -e", sub(`^#!/bin/bash\n`, "#!/bin/bash -e\n")},
	{"env bash", sub(`^#!/bin/bash\n`, "#!/usr/bin/env bash\n")},
	{"sh", sub(`^#!/bin/bash\n`, "#!/bin/sh\n")},
	{"quoted arm", sub(`(?m)^(\s*)start\)\s*$`, `${1}"start")`)},
	{"arm in brackets", sub(`(?m)^(\s*)start\)\s*$`, `$1(start)`)},
	{"arm of two words", sub(`(?m)^(\s*)start\)\s*$`, `${1}start|run)`)},
	{"verb in a variable", sub(`(?m)^case "?\$\{?1\}?"? in\s*$`, "VERB=$$1\ncase $$VERB in")},
	{"if for case", func(s *script) bool {
		l := s.lines()
		from, to, ok := arm(l)
		at := slices.IndexFunc(l, caseLine.MatchString)
		if !ok || at != from-2 {
			return false
		}
		return s.join(l[:at], []string{`if [ "$1" = "start" ]; then`}, l[from:to], []string{"  exit", "fi"}, l[at:from-1], l[to+1:])
	}},
	{"array", onLaunch(`(?s)^(\s*exec (?:chpst -u \S+ )?\S+)((?: \\?\s*[^\s<>|&;\\]+)+)(.*)$`, "    ARGS=($2 )\n$1 \"$${ARGS[@]}\"$3")},
	{"arguments in a variable", onLaunch(`(?s)^(\s*exec (?:chpst -u \S+ )?\S+) ([\w./=: -]+[\w])(\s.*|)$`, "    OPTIONS=\"$2\"\n$1 $$OPTIONS$3")},
	{"program in a variable", onLaunch(`(?s)^(\s*exec (?:chpst -u \S+ )?)(/var/vcap/packages/\S+)`, "    DAEMON=$2\n$1$$DAEMON")},
	{"program by PATH", onLaunch(`(?s)^(\s*exec (?:chpst -u \S+ )?)(/var/vcap/packages/\S+)/([\w.-]+)`, "    PATH=$2:$$PATH\n$1$3")},
	{"output before", onLaunch(`(?s)^(.*?)\s*\\?\s*>>\s*(\S+)\s+2>>?\s*(\S+)\s*$`, "    exec >> $2 2>> $3\n$1")},
	{"output through tee", onLaunch(`(?s)^(.*?)\s*\\?\s*>>\s*(\S+)\s+2>&1\s*$`, "    exec > >(tee -a $2) 2>&1\n$1")},
	{"stdin closed", onLaunch(`(?s)^(.*[^\\&])$`, "$1 < /dev/null")},
	{"readonly", sub(`(?m)^(\w+=[^\n]*[^\n\\])$`, `readonly $1`)},
	{"default value", sub(`(?m)^(\w+)=([\w./-]+)$`, `$1=$${$1:-$2}`)},
	{"pid by a function", sub(`(?m)^(\s*)echo \$\$ > (\S+)$`, "${1}write_pid() { echo $$$$ > \"$$1\"; }\n${1}write_pid $2")},
	{"nice", onLaunch(`^(\s*)exec `, `${1}exec nice -n 0 `)},
}

// named finds a rewrite.
func named(name string) (rewrite, error) {
	i := slices.IndexFunc(rewrites, func(r rewrite) bool { return r.name == name })
	if i < 0 {
		return rewrite{}, fmt.Errorf("no rewrite %q", name)
	}
	return rewrites[i], nil
}
