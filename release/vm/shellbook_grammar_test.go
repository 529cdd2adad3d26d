package vm

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// grammar writes scripts of the constructs that start scripts use. The same seed
// gives the same script.
type grammar struct {
	*rand.Rand
	dash  bool
	depth int
	// function and loop say where a statement stands.
	function, loop int
}

// pick takes one of several.
func (g *grammar) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *grammar) name() string { return g.pick("A", "B", "C", "x", "y", "NAME", "opt_1") }

func (g *grammar) array() string { return g.pick("L", "M", "args") }

// text is a plain text without quotes in it.
func (g *grammar) text() string {
	return g.pick("a", "b", "foo", "foo.bar", "a-b", "1", "0", "42", "010", "-n", "-e", "x=y", "/var/vcap", "a/b/c.txt", "a:b:c", "1.2.3", "UPPER", "true", "no", "d/one", "data.txt")
}

// literal is a text with spaces and marks, to be quoted.
func (g *grammar) literal() string {
	return g.pick("a b", "  a  b ", "", "*", "?", "a*", "[ab]", "a\\b", "a\\nb", "tab\there", "x;y", "a&b", "#c", "~", "a:b c", "%d", "%s-%s", "-", "--", "=", "!", "a,b", "{a,b}", "d/*", "$", "b\"c")
}

func (g *grammar) single() string { return "'" + g.literal() + "'" }

func (g *grammar) quotedInner() string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		switch g.IntN(7) {
		case 0, 1:
			b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(g.literal()))
		case 2:
			b.WriteString(g.text())
		case 3:
			b.WriteString(`\` + g.pick("\\", "a", "n", "$", "*", " "))
		default:
			b.WriteString(g.expansion(true))
		}
	}
	return b.String()
}

// word is one word of a command.
func (g *grammar) word() string {
	switch g.IntN(12) {
	case 0, 1, 2:
		return g.text()
	case 3:
		return g.single()
	case 4, 5:
		return `"` + g.quotedInner() + `"`
	case 6, 7:
		return g.expansion(false)
	case 8:
		return `"` + g.expansion(true) + `"`
	case 9:
		return g.text() + g.expansion(false)
	case 10:
		return g.pick(`a\ b`, `\*`, `\$x`, `""`, `''`, `d/*`, `*.txt`, `d/[ot]*`, `no*match`, `~`, `~/x`, `a=~`, `x\`+"\n"+`y`, `"a"'b'c`, `d/t??`, `.h*`)
	}
	if g.dash {
		return g.text()
	}
	return g.pick(`$'a\tb'`, `$'\x41\n'`, `{a,b}c`, `x{1..3}`, `{01..03}`, `a{,b}`, `{a,{b,c}}`, `{x}`, `$"t"`, `{3..1}`, `"{a,b}"`, `{a..e..2}`)
}

// expansion is a parameter, a command substitution or an arithmetic expansion.
func (g *grammar) expansion(quoted bool) string {
	n := g.name()
	switch g.IntN(22) {
	case 0, 1, 2:
		return "$" + n
	case 3:
		return "${" + n + "}"
	case 4, 5:
		return "${" + n + g.pick("-", ":-", "+", ":+") + g.inner(quoted) + "}"
	case 6:
		return "${" + n + g.pick("=", ":=") + g.text() + "}"
	case 7, 8:
		return "${" + n + g.pick("#", "##", "%", "%%") + g.pattern() + "}"
	case 9:
		return "${#" + n + "}"
	case 10:
		return g.pick("$1", "$2", "$3", "${1}", "${10}", "$#", "$?", "${1:-d}", "${2+set}", "${1#a}")
	case 11, 12:
		return g.pick("$@", "$*", "$@", "${@}", "${*}", "${@:-none}", "${*:-none}", "${@+x}")
	case 13:
		return "$( " + g.command() + ")"
	case 14:
		return "$((" + g.arithmetic() + "))"
	case 15:
		return "`" + g.pick("echo hi", "echo $x", "printf 'a\\n\\n'", `echo \$x`, `echo "a b"`) + "`"
	}
	if g.dash {
		return "$" + n
	}
	a := g.array()
	switch g.IntN(16) {
	case 0, 1:
		return "${" + a + "[@]}"
	case 2:
		return "${" + a + "[*]}"
	case 3:
		return "${#" + a + "[@]}"
	case 4:
		return "${" + a + "[" + g.pick("0", "1", "-1", "x", "1+1", "9") + "]" + g.pick("", "", ":-d", "+s", "#a", "/a/b") + "}"
	case 5:
		return "${" + a + "[@]" + g.pick(":1", ":0:2", ": -1", ":1:1", "#a", "%b", "/a/x", "//b/", "^", ":-none", "+set", "/#/-", "/%/.") + "}"
	case 6:
		return "${!" + a + "[@]}"
	case 7, 8:
		return "${" + n + g.pick("/", "//", "/#", "/%") + g.pattern() + g.pick("", "/", "/X", "/-", `/"$y"`, "/\\/", "/$x") + "}"
	case 9:
		return "${" + n + g.pick(":0:1", ":1", ": -2", ":1:-1", ":2:3", ":x", ":0", ": -1:1") + "}"
	case 10:
		return "${" + n + g.pick("^", "^^", ",", ",,", "^^[ab]") + "}"
	case 11:
		return g.pick("${!NAME}", "${!ref}", "${!opt_@}", "${!opt_*}", "${!ref:-x}")
	case 12:
		return "${" + n + "@" + g.pick("Q", "U", "L", "u", "a") + "}"
	case 13:
		return g.pick("${@:2}", "${@:1:1}", "${*:2}", "${@#a}", "${@/a/b}", "${@: -1}", "${@:0:1}", "${#@}")
	case 14:
		return "${#" + n + "}"
	}
	return "${" + n + "#" + g.pattern() + "}"
}

func (g *grammar) inner(quoted bool) string {
	switch g.IntN(7) {
	case 0:
		return g.text()
	case 1:
		return "a b"
	case 2:
		return "$" + g.name()
	case 3:
		return `"` + g.pick("a b", "$x", " ", "") + `"`
	case 4:
		return g.pick("$@", `"$@"`, "$*", "", "*.txt", `\*`, "a\\ b")
	case 5:
		if quoted {
			return g.text()
		}
		return g.single()
	}
	return "$(" + g.pick("echo z", "printf 'p q'", "false", "true") + ")"
}

func (g *grammar) pattern() string {
	return g.pick("a", "*", "?", "*/", "/*", "*.", ".*", "[a-f]", "[!a]*", "[[:digit:]]", "f*o", "$x", `"$x"`, `"*"`, `\*`, "*b", "a*", "foo", "[0-9]*", "'.'*", " ", "*[.:]")
}

func (g *grammar) arithmetic() string {
	switch g.IntN(10) {
	case 0:
		return g.pick("1", "2", "010", "0x1F", "7", "100")
	case 1, 2:
		return g.pick("x", "y", "n", "$n", "i", "unset_v")
	case 3:
		return g.arithmetic() + g.pick(" + ", " - ", "*", " % ", " / ") + g.pick("2", "3", "n", "7")
	case 4:
		return g.arithmetic() + g.pick(" < ", " > ", " == ", " != ", " <= ", " >= ", " && ", " || ", " & ", " | ", " ^ ", " << ") + g.pick("1", "2", "n")
	case 5:
		return "(" + g.arithmetic() + ")" + g.pick(" * 2", "", " + n")
	case 6:
		return g.pick("-", "!", "~", "+") + g.pick("1", "n", "(2 + 1)")
	case 7:
		return g.arithmetic() + " ? " + g.pick("1", "n", "2") + " : " + g.pick("3", "0", "n")
	case 8:
		if g.dash {
			return "n = " + g.pick("1", "n + 1", "2")
		}
		return g.pick("n++", "++n", "n--", "n += 2", "n = 3", "2 ** 3", "1, 2", "16#ff", "2#101", "n *= 2", "L[0]", "L[n] = 4", "-2 ** 2", "n ** 2 ** 1", "36#z")
	}
	return g.pick("1 + 2 * 3", "(1 + 2) * 3", "7 / 2", "-7 / 2", "-7 % 3", "1 << 4", "n + 1", "2 - 1 - 1", "1 ? 2 : 0 ? 4 : 5", "!0", "1 || 0 && 0")
}

// command is a simple command that prints something.
func (g *grammar) command() string {
	if g.depth > 3 {
		return "echo " + g.text()
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(9) {
	case 0:
		return "echo " + g.word()
	case 1:
		return `printf '%s\n' ` + g.word() + " " + g.word()
	case 2:
		return "show " + g.word() + " " + g.word()
	case 3:
		return g.pick("cat data.txt", "true", "false", "echo a; echo b", "exit 3", "return 2", `printf 'x\n\n'`, "cat < data.txt", "cd d; ls", "(exit 4)", "pwd | wc -c | tr -d 0-9", "set -- q; echo $1", "x=in; echo $x", "echo err >&2", "echo o; false")
	case 4:
		return "echo " + g.word() + " | " + g.pick("cat", "tr a-z A-Z", "wc -c", "sed 's/a/b/'", "grep -c .", "while read l; do echo \"[$l]\"; done", "{ read p q; echo \"$q\"; }")
	case 5:
		return "echo " + g.word() + g.pick(" && ", " || ", "; ") + "echo " + g.word()
	case 6:
		return "basename " + g.pick("/a/b.c .c", "$0", "a/b/")
	}
	return "echo " + g.word() + " " + g.word()
}

// test is a condition.
func (g *grammar) test() string {
	if g.dash || g.IntN(2) == 0 {
		open, end := "[ ", " ]"
		if g.IntN(5) == 0 {
			open, end = "test ", ""
		}
		q := func() string {
			if g.IntN(3) == 0 {
				return g.expansion(false)
			}
			return `"` + g.expansion(true) + `"`
		}
		switch g.IntN(12) {
		case 0:
			return open + g.pick("-z", "-n") + " " + q() + end
		case 1, 2:
			return open + q() + g.pick(" = ", " != ", " == ", " = ") + g.word() + end
		case 3:
			return open + g.pick("$#", "1", "$n", `"$n"`, "010", "$?") + g.pick(" -eq ", " -ne ", " -lt ", " -ge ", " -gt ", " -le ") + g.pick("0", "1", "2", "$#", "8") + end
		case 4:
			return open + g.pick("-e", "-f", "-d", "-r", "-s", "-x", "-L", "-w", "-h") + " " + g.pick("data.txt", "d", "nosuch", "empty", `"$x"`, "link", "d/one", ".", "s.sh", "/dev/null") + end
		case 5:
			return open + "! " + g.pick("-e data.txt", "-z "+q(), q()+" = a", q()) + end
		case 6:
			return open + g.pick("-n "+q()+" -a -n "+q(), "-z "+q()+" -o "+q()+" = a", q()+" = a -a 1 -eq 1") + end
		case 7:
			return open + q() + end
		case 8:
			return open + g.pick("a = a", "-z = -z", "-n", "a", "'' = ''", "-z", "= = =", "! = !", "-f = x", "'(' a ')'", "1 -eq x", "a -a b", "! a", "! ! a", "-d = -d", "' 1' -eq 1", "+1 -eq 1", "1 -eq 01") + end
		case 9:
			return g.test() + g.pick(" && ", " || ") + g.test()
		case 10:
			return "! " + open + q() + " = " + g.text() + end
		}
		return open + `"$x" ` + g.pick("=", "!=") + ` "` + g.text() + `"` + end
	}
	var one func(depth int) string
	one = func(depth int) string {
		switch g.IntN(13) {
		case 0:
			return g.pick("-z ", "-n ") + g.expansion(false)
		case 1, 2:
			return g.expansion(false) + g.pick(" == ", " = ", " != ") + g.pick(g.pattern(), g.text(), g.expansion(false), "@(a|b)", "+([0-9])", "!(a)", "f?(oo)", "*(a|b)*")
		case 3:
			return g.expansion(false) + " =~ " + g.pick("^a", "^[a-z]+$", "(a|f)(.*)", "$x", `"$x"`, "\\.", "^([0-9]+)$", "[[:alpha:]]+", "a{1,2}", `^"a"`)
		case 4:
			return g.pick("-e", "-f", "-d", "-r", "-s") + " " + g.pick("data.txt", "d", "nosuch", "empty", "$x")
		case 5:
			return g.pick("n", "1", "$#", "x", "010", "n+1") + g.pick(" -eq ", " -lt ", " -gt ", " -ne ", " -le ") + g.pick("1", "n", "0", "8", "2")
		case 6:
			return "-v " + g.pick("x", "unset_v", "L", "L[0]", "L[7]", "1", "NAME")
		case 7:
			return g.expansion(false) + g.pick(" < ", " > ") + g.text()
		case 8:
			return g.expansion(false)
		case 9, 10:
			if depth > 2 {
				return "a"
			}
			return g.pick("! ", "") + one(depth+1) + g.pick(" && ", " || ") + g.pick("! ", "") + one(depth+1)
		case 11:
			if depth > 2 {
				return "-z ''"
			}
			return "( " + one(depth+1) + " )"
		}
		return `"$x" == ` + g.text()
	}
	return "[[ " + one(0) + " ]]"
}

func (g *grammar) block() string {
	var all []string
	for range 1 + g.IntN(2) {
		all = append(all, g.statement())
	}
	return strings.Join(all, "\n")
}

// statement is one statement, over several lines perhaps.
func (g *grammar) statement() string {
	if g.depth > 2 {
		return g.show()
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(34) {
	case 0, 1, 2, 3:
		return g.show()
	case 4, 5:
		return g.assign()
	case 6:
		return "if " + g.test() + "; then\n" + g.block() + g.pick("\nelse\n"+g.block(), "\nelif "+g.test()+"; then\n"+g.block(), "") + "\nfi"
	case 7:
		g.loop++
		defer func() { g.loop-- }()
		return "for i in " + g.word() + " " + g.word() + "; do\n" + g.block() + g.pick("", "\n[ \"$i\" = a ] && continue", "\nbreak", "\n[ -n \"$x\" ] || break") + "\ndone; echo \"rc=$? i=$i\""
	case 8:
		return "case " + g.word() + " in\n" + g.pattern() + "|" + g.pick("b", "'x y'", "-*", "[0-9]") + ") " + g.show() + " ;;\n" + g.pattern() + ") " + g.show() + g.pick(" ;;", " ;;", ";;") + "\n*) echo other ;;\nesac; echo \"rc=$?\""
	case 9:
		g.function++
		defer func() { g.function-- }()
		f := g.pick("f", "g", "do_it")
		return f + "() {\n" + g.pick("local x=in\n", "local x\n", "", "local A B=2 C=$1\n", "local x=$1 y=\"$2\"\nx=$x.\n") + g.block() + g.pick("\nreturn 3", "\nreturn", "", "\nfalse", "\n[ -n \"$x\" ] && return 1", "\necho done") + "\n}\n" + f + " " + g.word() + " " + g.word() + g.pick("", " || echo failed", "\necho \"rc=$?\"")
	case 10:
		return g.test() + g.pick(" && ", " || ") + g.show()
	case 11:
		return g.test() + "; echo \"rc=$?\""
	case 12:
		return "(" + g.show() + g.pick("; x=sub", "; exit 3", "; cd d", "") + "); echo \"rc=$? x=$x\""
	case 13:
		return "{ " + g.show() + "; " + g.show() + "; }" + g.pick("", " > out1", " 2>/dev/null", " >> out2", " | cat")
	case 14:
		return g.command() + g.pick(" > out", " >> out", " 2>/dev/null", " > out 2>/dev/null", " < data.txt", " 2>/dev/null > out", " >&2") + "\necho \"rc=$?\""
	case 15:
		return "set -- " + g.word() + " " + g.word() + g.pick("", " "+g.word()) + "\n" + g.pick(`show "$@"`, "show $*", `show "$*"`, "show $@", "echo $#", "shift; echo $# $1", `for a; do echo "<$a>"; done`, `x=$*; show "$x"`, `x="$@"; show "$x"`)
	case 16:
		ifs := g.pick(":", ",", "''", "' '", "':,'", "$'\\n'", "': '", "x")
		if g.dash && strings.HasPrefix(ifs, "$") {
			ifs = "'/'"
		}
		return "IFS=" + ifs + "\n" + g.pick("v=a:b::c; show $v", `v=" a: b :c "; show $v`, `show $*`, `show "$*"`, "set -- $x; show \"$@\"", `echo $x`, `read p q r < data.txt; show "$p" "$q" "$r"`) + "\nunset IFS"
	case 17:
		delim := g.pick("EOF", "'EOF'", "\\EOF", "\"EOF\"", "-EOF")
		body := "line $x \"q\" \\$x \\\\ `echo s` ${y:-d e}\n\ttab $((1+1))\n'sq' \\a"
		return "cat <<" + delim + g.pick("", " > hd", " | tr a-z A-Z") + "\n" + body + "\nEOF"
	case 18:
		return g.pick(
			`while read -r l; do echo "[$l]"; done < data.txt`,
			`while read a b; do echo "$b,$a"; done < data.txt; echo "$a"`,
			`while IFS= read -r l || [ -n "$l" ]; do echo "<$l>"; done < noeol`,
			`while IFS=: read -r k v; do echo "$k=$v"; done < conf`,
			`read x < data.txt; echo "$x $?"`,
			`echo "a b c" | { read x y; echo "$y"; }`,
			`i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done; echo $?`,
			`i=0; until [ $i -ge 2 ]; do i=$((i+1)); echo "u$i"; done`,
			`for a in 1 2; do for b in x y; do [ $b = y ] && continue 2; echo $a$b; done; done`,
			`for a in 1 2; do for b in x y; do break 2; done; done; echo "$a$b"`,
			`while :; do break; done; echo $?`,
			`read x y < empty; echo "$? <$x>"`,
			`cat data.txt | while read l; do n=$l; done; echo "n=$n"`,
			`printf 'a\\b c\n' | { read x; echo "$x"; }`,
			`printf 'a\\b c\n' | { read -r x; echo "$x"; }`,
			`printf ' a b  \n' | { IFS= read -r x; echo "<$x>"; }`,
			`printf 'a:b:c:\n' | { IFS=: read x y; echo "<$x><$y>"; }`)
	case 19:
		return g.printf()
	case 20:
		return g.options()
	case 21:
		return g.trap()
	case 22:
		return g.pick("eval 'x=e; echo $x'", `eval "echo \$$(echo NAME)"`, `eval echo '$x' "$y"`, "eval 'false'; echo $?", `eval "set -- $x"; echo $#`, `cmd="echo a b"; $cmd; "$cmd"; echo $?`, `eval "$(echo x=5)"; echo $x`, "eval 'if'; echo $?", "eval; echo $?")
	case 23:
		return g.pick(". ./lib.sh; echo \"$LIB $?\"", ". ./lib.sh p q; libf r", "[ -f ./nosuch ] && . ./nosuch; echo $?", ". ./conf.env; echo \"$KEY $OTHER\"", "set -a; . ./conf.env; set +a; env | grep '^KEY='", ". ./ret.sh; echo \"rc=$?\"")
	case 24:
		return g.pick("export A=1 B=$A; echo $B; env | grep -c '^A='", "export x; env | grep '^x='", "readonly R=1; (R=2; echo in); echo $?", "A=tmp env | grep '^A='", "A=tmp; A=in show $A; echo $A", "A=in f2; echo \"$A\"", "export A=\"$x\"; sh -c 'echo \"$A\"'", "unset A; echo \"${A-gone}\"", "unset -v x; echo \"${x:-no}\"", "A=1 B=2 C=$A; echo \"$C\"", "export PATH=/x:$PATH; command -v cat >/dev/null; echo $?", "x=1 y=$x; echo $y", "export A=$*; show \"$A\"", "export A=\"$*\" B; show \"$A\"")
	case 25:
		return g.pick("command -v cat nosuch show if; echo $?", "type show >/dev/null 2>&1; echo $?", "command -v echo", "command -v nosuch || echo none", "command echo hi", "hash cat 2>/dev/null && echo y", "if ! command -v nosuch >/dev/null 2>&1; then echo n; fi", "type cat", "type nosuch 2>/dev/null; echo $?", "type cd", "which cat", "command -V cat", "command false; echo $?")
	case 26:
		return g.pick("true & wait $!; echo $?", "(exit 3) & wait $!; echo $?", "false & wait; echo $?", "{ echo bg; } & wait", "(echo x > bgf) & p=$!; wait $p; cat bgf", "kill -0 $$; echo $?", "kill -0 999999 2>/dev/null; echo $?", "kill -0 2>/dev/null; echo $?", "[ -n \"$!\" ] && echo has", "(sleep 0; exit 2) & wait $! || echo \"e$?\"", "kill -0 $nopid 2>/dev/null; echo $?", "kill -0 \"$nopid\" 2>/dev/null; echo $?", "x=$(true & wait; echo w); echo $x")
	case 27:
		return g.pick("umask 077; : > um; ls -l um | cut -c1-10", "umask 022; umask", "umask 027; mkdir um2; ls -ld um2 | cut -c1-10", "(umask 077; : > um3); umask", "umask u=rwx,g=rx,o=; umask")
	case 28:
		return g.pick("exec 3> fd3; echo a >&3; echo b >&3; exec 3>&-; cat fd3", "exec 3>&1; echo x >&3; exec 3>&-", "{ echo out; echo err >&2; } 2>&1 | sort", "exec 4< data.txt; read l <&4; echo $l; read l <&4; echo $l; exec 4<&-", "(exec > ex; echo in); cat ex", "echo a 3>&1 1>&2 2>&3 3>&-", "exec 5>>ap; echo 1 >&5; echo 2 >&5; cat ap", "echo x > d/new; cat d/new", "echo x > nodir/f 2>/dev/null; echo $?", ": > out; echo $?", "> out; ls -l out | cut -c1-5", "cat < nosuch 2>/dev/null; echo $?", "echo a >&- 2>/dev/null; echo $?", "{ echo 1; exec 1>o2; echo 2; }; echo hidden; exec 1>&2", "true", "exec 3< data.txt; cat <&3; cat <&3")
	case 29:
		return g.pick("x=$(echo $(echo nested)); echo $x", "x=$(cat data.txt); echo \"$x\"", "x=$(printf 'a\\n\\n'); echo \"$x.\"", "x=$(exit 5); echo $?", "x=`false`; echo $?", "x=$(echo a; exit 2) || echo \"f $x\"", "DIR=$(cd \"$(dirname \"$0\")\" && pwd); [ \"$DIR\" = \"$PWD\" ] && echo same", "basename \"$0\"; basename \"$0\" .sh", "echo ${0##*/}", "y=$(cd d && pwd); y=${y##*/}; echo $y", "y=$(echo \"$(echo \"a b\")\"); show \"$y\"", "cd d; pwd | sed 's/.*\\///'; cd - >/dev/null; ls", "cd nosuch 2>/dev/null || echo nocd", "cd d && ls && cd ..", "OPTIND=1; while getopts ab:c o -a -b v -c x; do echo \"$o=$OPTARG\"; done; echo $OPTIND", "OPTIND=1; while getopts :ab: o -ab val -x -b; do echo \"$o=$OPTARG\"; done; shift 0", "shift 0; echo $#", "test -t 1 || echo notty", "echo \"${x:?}\" | cat", "(: ${unset_v:?msg}) 2>/dev/null; echo $?", "! true; echo $?", "! false; echo $?", "! true | false; echo $?", "time_x=1; echo $time_x", "if ! false; then echo nf; fi", "true && false || echo tf", "false || true && echo ft", "nosuchcmd 2>/dev/null; echo $?", "./lib.sh 2>/dev/null; echo $?", "d/one 2>/dev/null; echo $?", "sh ./sub.sh 1 '2 3'", "echo a; # comment", "true; false; echo $?")
	case 30:
		return g.arith()
	case 31:
		if g.dash {
			return g.pick("echo 'a\\nb'", `echo "a\tb\c"`, "echo -e x", "echo -n x; echo", `printf '%b\n' 'a\tb'`, `echo '\0101'`, "[ a == a ]; echo $?", "x=a; [ $x == a ] && echo y || echo n", "[[ a = a ]]; echo $?", "echo {a,b}", "echo $'a'", "echo ${RANDOM:-none}", "source ./lib.sh; echo $?", "(set -o pipefail; echo ok) 2>/dev/null; echo $?", "trap 'echo e' ERR 2>/dev/null; echo $?", "(echo ${x/a/b}; echo after) 2>/dev/null; echo $?", "let n=1 2>/dev/null; echo $?", "echo a &> amp; wait", "read 2>/dev/null < data.txt; echo $?", "type echo cat nosuch", "(shift 9) 2>/dev/null; echo $?", "(. ./nosuch; echo after) 2>/dev/null; echo $?", "echo $((08)) 2>/dev/null; echo n", "(x=1; readonly x; x=2; echo after) 2>/dev/null; echo $?", "B='a b'; export E=$B; echo \"$E\"", "lf() { local v; echo \"${v-unset}\"; local v=2; }; v=1; lf; echo $v", "declare z=1 2>/dev/null; echo $?", "A=5 :; echo $A", "(set -u; echo $unset_v; echo no) 2>/dev/null; echo $?", "echo ${#} $- | cut -c1", "printf '%s %q\\n' a b 2>/dev/null; echo $?", "(exit -1) 2>/dev/null; echo $?", "cd nosuch 2>/dev/null; echo $?", "kill -0 2>/dev/null; echo $?", "[ 1 -eq x ] 2>/dev/null; echo $?", "export -f f 2>/dev/null; echo $?")
		}
		return g.arrays()
	case 32:
		if g.dash {
			return g.show()
		}
		return g.bash()
	}
	return g.show()
}

func (g *grammar) arith() string {
	e := g.arithmetic()
	if g.dash {
		return "n=" + g.pick("1", "2", "5") + "; echo $((" + e + "))"
	}
	switch g.IntN(3) {
	case 0:
		return "((" + e + ")); echo \"rc=$? n=$n\""
	case 1:
		return "let 'v = " + e + "'; echo \"rc=$? v=$v n=$n\""
	}
	return "echo $((" + e + ")); echo \"rc=$? n=$n\""
}

func (g *grammar) show() string {
	switch g.IntN(6) {
	case 0:
		return "echo " + g.word() + " " + g.word()
	case 1:
		return `printf '<%s>\n' ` + g.word() + " " + g.word()
	case 2:
		return "echo " + g.word()
	}
	return "show " + g.word() + " " + g.word()
}

func (g *grammar) assign() string {
	n := g.name()
	switch g.IntN(8) {
	case 0:
		if !g.dash {
			return n + "+=" + g.word0()
		}
	case 1:
		return n + "=" + g.word0() + " " + g.name() + "=" + g.word0()
	case 2:
		return n + "=$(" + g.command() + "); echo \"$? $" + n + "\""
	case 3:
		return ": ${" + n + ":=" + g.pick("dflt", "a b", "$x", "\"$y\"") + "}; echo \"$" + n + "\""
	case 4:
		return n + "=" + g.word0() + " show \"$" + n + "\""
	}
	return n + "=" + g.word0() + "; show \"$" + n + "\""
}

// word0 is the value of an assignment.
func (g *grammar) word0() string {
	w := g.word()
	if strings.HasPrefix(w, "(") {
		return "a"
	}
	return w
}

func (g *grammar) printf() string {
	f := g.pick(`%s\n`, `%s-%s\n`, `%d\n`, `%5s|\n`, `%-5s|\n`, `%05d\n`, `%x\n`, `%%\n`, `%c\n`, `a\tb\n`, `%s`, `%b\n`, `%.2s|\n`, `[%3d]\n`, `%o\n`, `%s %d\n`, `%5.1f\n`, `\101\n`, `%i\n`, `%+d\n`)
	args := g.pick("", "a", "1 2", "x 3 y", `"a b" c`, "010", "0x10", "-5", "'a\\tb'", "\"'A\"", "abc", "$x", `"$x" "$y"`)
	if !g.dash && g.IntN(3) == 0 {
		return "printf -v pv '" + f + "' " + args + "; echo \"<$pv>\""
	}
	if !g.dash && g.IntN(5) == 0 {
		return "printf '%q\\n' " + g.word()
	}
	return "printf '" + f + "' " + args + "; echo \"rc=$?\""
}

func (g *grammar) options() string {
	body := g.pick("false", "false || true", "true && false", "if false; then :; fi", "! true", "false | true", "true | false", "ff() { false; echo in; }; ff", "ff() { false; echo in; }; ff || true", "ff() { false; echo in; }; if ff; then echo y; fi", "x=$(false)", "x=$(false; echo hi)", "echo $(false)", "[ -n '' ]", "[ -n '' ] && echo y", "(false; echo sub)", "{ false; echo grp; }", "for i in 1; do false; done", "while false; do :; done", "case a in a) false;; esac", "lf() { local v=$(false); echo l; }; lf", "export v=$(false)", "ff() { return 2; }; ff", "! false", "nosuchcmd", ". ./ret.sh", "eval false", "until true; do :; done", "ff() { [ 1 = 2 ] && echo no; }; ff", "echo a | grep -q b", "true; false", "(exit 3)", "cat nosuch", "trap 'echo bye' EXIT; false", "ff() { set +e; false; echo off; }; ff", "x=1; x=$((x-1))", "test a = b || exit 4", "cd nosuch", ": ${unset_v:?}", "{ false; } || echo rescued", "false & wait $!", "(false) || echo r", "if (false; echo notreached); then echo t; fi", "false; echo same line")
	if !g.dash && g.IntN(3) == 0 {
		body = g.pick("[[ a = b ]]", "((0))", "[[ a = b ]] && echo y", "let 0", "n=0; ((n++))", "local v=1", "declare v=$(false)", "shopt -s inherit_errexit; x=$(false; echo hi)", "diff <(echo a) <(echo b) >/dev/null", "set -o pipefail; false | true", "set -o pipefail; true | false | true; echo ${PIPESTATUS[@]}", "trap 'echo err' ERR; false", "trap 'echo err' ERR; ff() { false; }; ff", "set -E; trap 'echo err' ERR; ff() { false; true; }; ff", "if [[ -z $x ]]; then false; fi", "! [[ a = b ]]", "x=(a); [[ ${x[0]} = b ]]", "((1)) && false")
	}
	opts := g.pick("-e", "-e", "-eu", "-u", "-ex 2>/dev/null", "-e")
	if !g.dash {
		opts = g.pick("-e", "-e", "-eu", "-u", "-euo pipefail", "-o pipefail", "-o errexit")
	}
	return "(set " + opts + "; " + body + "; echo \"after $?\") 2>/dev/null; echo \"rc=$?\""
}

func (g *grammar) trap() string {
	return g.pick("(trap 'echo bye' EXIT; echo hi)", "(trap 'echo bye $?' EXIT; exit 3); echo $?", "(trap 'echo bye' EXIT; trap - EXIT; echo hi)", "(trap 'exit 7' EXIT; false); echo $?", "(trap 'echo t' TERM INT; trap)", "(trap 'echo bye' 0; (echo sub))", "(trap 'echo bye' EXIT; exec true)", "(trap 'echo \"q $x\"' EXIT; x=late)", "(trap 'echo a' EXIT; trap 'echo b' EXIT)", "(trap 'rm -f tmpf; echo cleaned' EXIT; : > tmpf); ls tmpf 2>/dev/null", "trap", "(trap 'echo h' HUP; trap - HUP; trap)", "x=$(trap 'echo e' EXIT; echo o); echo $x", "sh -c 'trap \"echo got\" TERM; kill $$; echo next'", "sh -c 'trap \"echo got; exit 5\" USR1; kill -USR1 $$; echo next'; echo $?", "sh -c 'kill $$; echo next' 2>/dev/null; echo $?", "sh -c 'trap \"\" TERM; kill $$; echo next'", "sh -c 'trap \"echo x\" EXIT; kill -9 $$' 2>/dev/null; echo $?")
}

func (g *grammar) arrays() string {
	a := g.array()
	return g.pick(
		a+"=("+g.word()+" "+g.word()+" "+g.word()+")\nshow \"${"+a+"[@]}\"; echo ${#"+a+"[@]}",
		a+"+=("+g.word()+")\nshow \"${"+a+"[@]}\"",
		a+"["+g.pick("0", "2", "n", "5")+"]="+g.word0()+"\necho \"${!"+a+"[@]}: ${"+a+"[*]}\"",
		"unset '"+a+"[1]'; show \"${"+a+"[@]}\" ${!"+a+"[@]}",
		"unset "+a+"; echo \"${#"+a+"[@]}\"; show \"${"+a+"[@]}\"",
		"for e in \"${"+a+"[@]}\"; do echo \"<$e>\"; done",
		"declare -A H=([a]=1 [b c]=2 [d]=\"x y\"); H[e]=5; echo \"${H[b c]} ${#H[@]} ${H[a]}\"; for k in \"${!H[@]}\"; do echo \"$k=${H[$k]}\"; done",
		"declare -A H; H[$x]=1; H[k.v]=2; echo \"${!H[@]}\" \"${H[@]}\"; unset 'H[k.v]'; echo ${#H[@]}",
		"declare -a P=(1 2 3); echo \"${P[-1]} ${P[@]:1}\"; declare -p P",
		"IFS=, read -ra P <<< \"a,b c,,d\"; declare -p P",
		"mapfile -t P < data.txt; echo \"${#P[@]} ${P[1]}\"",
		"readarray -t P < <(printf '%s\\n' q 'r s'); show \"${P[@]}\"",
		"P=($(echo a b c)); echo ${P[2]}; IFS=:; echo \"${P[*]}\"; unset IFS",
		"declare -A V; V[a.b]=1 V[c-d]=2 V['e f']=3; echo ${V[a.b]} \"${V[c-d]}\" ${V[e f]} ${#V[@]}",
		"P=(a b); Q=(\"${P[@]}\" c); echo ${#Q[@]}; Q=(\"${Q[@]/b/x}\"); echo \"${Q[*]}\"",
		"P=([3]=c [1]=a); echo \"${!P[@]} ${P[@]}\"; P+=(d); echo ${!P[@]}",
		"P=(a 'b c' d); f3() { echo $#; local -a L2=(\"$@\"); echo \"${L2[1]}\"; }; f3 \"${P[@]}\"",
		"echo \"${L[@]:-none}\" \"${L[0]:-z}\"; L=(); echo \"${L[@]-u}${L[*]+s}\"",
		"P=(); for e in \"${P[@]}\"; do echo never; done; echo \"n${#P[@]}\"; set -u; echo \"${P[@]}\"; set +u",
		"P=(x); P[1]+=y; P[0]+=z; echo \"${P[@]}\"; echo ${P}",
		"declare -p L 2>/dev/null; echo $?",
		"declare -n ref2=L; echo \"${ref2[@]}\"; ref2+=(new); echo ${#L[@]}",
		"L=(b a c); sorted=($(printf '%s\\n' \"${L[@]}\" | sort)); echo \"${sorted[*]}\"",
		"printf '%s,' \"${L[@]}\"; echo; printf '%q ' \"${L[@]}\"; echo",
		"a=(1 2 3); echo $(( a[0] + a[2] )) $((${#a[@]} - 1))",
		"[[ \" ${L[*]} \" == *\" a \"* ]]; echo $?")
}

func (g *grammar) bash() string {
	return g.pick(
		"shopt -s nullglob; show *.none; for f in *.none; do echo $f; done; shopt -u nullglob",
		"shopt -s extglob\ncase $x in @(a|b)*) echo ab;; !(c)) echo notc;; esac; echo ${x##+([a-z])} ${NAME//@(o|b)/_}",
		"shopt -s dotglob; echo *h*; shopt -u dotglob",
		"shopt -s nocasematch; [[ FOO == foo ]]; echo $?; case A in a) echo ca;; esac; shopt -u nocasematch",
		"false | true | (exit 3); echo \"${PIPESTATUS[@]}\"",
		"echo a | grep -q b; echo \"${PIPESTATUS[0]} ${PIPESTATUS[1]}\"",
		"cat <(echo p) <(echo q)",
		"while read -r l; do n=$l; done < <(printf '1\\n2\\n'); echo $n",
		"cat <<< \"$x y\"; read a b <<< \"1 2 3\"; echo \"$b\"",
		"read -r -a W <<< \" p  q \"; echo ${#W[@]}; read -n 2 z <<< abcd; echo $z; read -d : z <<< a:b; echo $z",
		"read -t 1 -r z < data.txt; echo $z; read -p prompt z <<< v; echo $z; read <<< ' r '; echo \"<$REPLY>\"",
		"echo \"${BASH_SOURCE[0]##*/} ${#BASH_SOURCE[@]} ${FUNCNAME[0]:-none}\"; ff() { echo \"${FUNCNAME[0]} ${BASH_SOURCE[0]##*/}\"; }; ff",
		"HERE=\"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\"; [ \"$HERE\" = \"$PWD\" ] && echo here",
		"HERE=$(dirname $(readlink -f $0)); [ \"$HERE\" = \"$PWD\" ] && echo here",
		"exec {fd}> fdv; echo v >&$fd; exec {fd}>&-; cat fdv",
		"echo both &> b2; cat b2; { echo o; echo e >&2; } &>> b2; cat b2; ls nosuch |& wc -l",
		"local_() { local -i i=5; i+=2; echo $i; local -r c=1; local -a l=(1 2); echo ${#l[@]}; local -x E=1; env | grep '^E='; }; local_",
		"declare -i n=5; n+=3; n=n*2; echo $n; declare -r ro=1; (ro=2; echo no) 2>/dev/null; declare -x EX=1; env | grep ^EX=; declare -u up=abc; echo $up; declare -l lo=ABC; echo $lo",
		"ff() { declare d=1; declare -g e=2; }; ff; echo \"${d-unset} $e\"",
		"ff() { local x=1; gg; echo $x; }; gg() { x=2; }; ff; echo $x",
		"ff() { unset x; echo \"${x-u}\"; }; x=o; ff; echo \"${x-u}\"; gg() { local x=l; unset x; echo \"${x-u}\"; }; x=o; gg; echo $x",
		"ff() { local A=$1 B=$A; echo \"<$B>\"; }; A=out; ff in",
		"for ((i = 0; i < 3; i++)); do ((i == 1)) && continue; echo $i; done; echo $i",
		"i=0; while ((i < 3)); do ((i++)); done; echo $i; ((i > 2)) && echo gt",
		"select s in a b; do echo $s; break; done < /dev/null; echo $?",
		"x=5; until (( x < 3 )); do (( x-- )); done; echo $x",
		"case $x in a) echo 1;& b) echo 2;; esac; case foo in f*) echo f;;& *o) echo o;; x) echo x;; esac",
		"function kw { echo \"kw $1\"; }; kw 1; function kp() { return 3; }; kp; echo $?",
		"type -t echo cat kw if nosuch; echo $?; type -P cat; type -p echo; command -v kw",
		"echo ${x@Q} ${NAME@U} \"${y@Q}\"; printf '%q\\n' \"$x\" 'a b' ''",
		"printf '%s\\n' {a..c}{1,2}; echo {1..5..2} {c..a} pre{-,_}post {a} {a,b",
		"set -- a b c; echo \"${@:2}\" \"${@: -1}\" \"${*:1:2}\" ${@:1:$#-1}; echo \"${!#}\"",
		"ref=x; echo \"${!ref}\"; ref='L[1]'; echo \"${!ref}\"; declare -n nr=x; nr=via; echo $x",
		"shift 9; echo $?; set --; shift; echo $?",
		"set -o | grep errexit; set +o | head -1",
		"x=abc; echo ${x:1:1} ${x: -1} ${x:0:-1} ${x/b/[&]} ${x//[ac]/-} ${x^} ${x^^}",
		"x='a b'; y=${x// /_}; echo $y; y=${x/ /}; echo $y; p=/a/b/c.tar.gz; echo ${p##*/} ${p%/*} ${p%%.*} ${p#*/} ${p//\\//:}",
		"[[ abc =~ ^(a)(b)(c)$ ]] && echo \"${BASH_REMATCH[1]}${BASH_REMATCH[3]} ${#BASH_REMATCH[@]}\"; re='^[0-9]+$'; [[ 42 =~ $re ]]; echo $?",
		"[[ a == \"?\" ]]; echo $?; [[ a == ? ]]; echo $?; p='a*'; [[ abc == $p ]]; echo $?; [[ abc == \"$p\" ]]; echo $?",
		"[[ ! a || b ]]; echo $?; [[ 1 = 2 && 1 = 1 || 1 = 1 ]]; echo $?; [[ ! ( a && '' ) ]]; echo $?",
		"[[ 010 -eq 8 ]]; echo $?; [ 010 -eq 10 ]; echo $?; n=7; [[ n -gt 1 ]]; echo $?; [[ n+1 -eq 8 ]]; echo $?",
		"let 'n = 2 + 3' m=n*2; echo $n $m; let n--; echo $n; let 0; echo $?",
		"echo $((n++)) $n $((++n)) $((n--)) $((n += 5)) $((n > 3 ? 1 : 0)) $((2 ** 10)) $((16#1f)) $((1, 2))",
		"ulimit -S -n >/dev/null; echo $?; set -o | grep -c . >/dev/null; echo $?",
		"(set -f; echo *; set +f; echo *.txt)",
		"set -x; echo traced; set +x",
		"(set -C; echo a > nc; echo b > nc; echo c >| nc) 2>/dev/null; cat nc",
		"ff() { return $1; }; ff 3 || echo \"e$?\"; ff 300; echo $?; ff; echo $?",
		"trap 'echo \"err $?\"' ERR; false; (exit 4); true; trap - ERR",
		"ff() { trap 'echo ret' RETURN; :; }; type ff >/dev/null",
		"pushd d >/dev/null; ls; popd >/dev/null; [ -d d ] && echo back",
		"echo \"${x:-\"a b\"}\" ${x:+\"$x\"} \"${unset_v:-'q'}\" ${unset_v:-'q r'} \"${unset_v:-$(echo sub)}\"",
		"a=(\"$x\"{1,2}); show \"${a[@]}\"; echo \"$x\"{a,b}; b=$x{a,b}; show \"$b\"",
		"export -f show; bash -c 'show exported'",
		"coproc_x=1; time_=2; echo $coproc_x$time_; time true 2>/dev/null; echo $?",
		"bash -c 'echo \"$0 $1\"' n arg; bash -ec 'false; echo no'; echo $?; echo 'echo from stdin $1' | bash -s p",
		"env -i A=1 bash -c 'echo \"$A ${B-unset}\"'; x=1 bash -c 'echo $x'; bash sub.sh q",
		"wait; echo $?; jobs; { sleep 0; exit 3; } & wait -n; echo $?",
		"(exit 3) & a=$!; (exit 4) & b=$!; wait $a; echo $?; wait $b; echo $?; wait 1 2>/dev/null; echo $?",
		"echo \"$-\" | grep -o h; echo ${#FUNCNAME[@]} \"$LINENO\" >/dev/null; echo \"$_\"; true q; echo $_",
		"x=(1 2); echo \"$x ${x[1]}\"; x=3; echo \"${x[@]}\"; y=s; y[1]=t; echo \"${y[@]}\"",
		"echo \"${L[@]}\"\"${M[@]}\"; show \"a${L[@]}b\"; show x\"${L[*]}\"y; show ${L[@]+\"${L[@]}\"}",
		"printf -v 'L[1]' %s v; echo \"${L[1]}\"; printf -v now '%(%Y)T' 0; echo $now; printf '%s %s\\n' \"${L[@]}\"",
		"exec 3>&1; x=$(echo c; echo d >&3); echo $x; exec 3>&-; echo hi 1>&2 2>/dev/null",
		"echo > >(cat > ps1) tee1; sleep 0.1; wait; echo done",
		"tee t1 t2 <<< both > /dev/null; cat t1 t2; cat <<A; cat <<-B\none\nA\n\t\ttwo $x\n\tB")
}

// script is a whole script.
func (g *grammar) script() string {
	var b strings.Builder
	if g.dash {
		b.WriteString("#!/bin/sh\n")
	} else {
		b.WriteString("#!/bin/bash\n")
	}
	b.WriteString("show() { n_=$#; printf '%d:' $n_; printf '[%s]' \"$@\"; echo; }\n")
	fmt.Fprintf(&b, "x=%s y=%s n=%s A=%s NAME=%s\n", g.pick("a", "'a b'", "''", "foo.bar", "'*'", "5", "abc"), g.pick("b", "' c '", "/a/b", "x:y:z", "''"), g.pick("1", "3", "0"), g.pick("''", "1", "'p  q'"), g.pick("foobar", "x", "A"))
	if !g.dash && g.IntN(2) == 0 {
		b.WriteString(g.pick("L=(a b c)", "L=('a b' '' c) M=(1)", "L=() M=(x y)", "args=(--a \"b c\" '*')") + "\n")
	}
	switch g.IntN(12) {
	case 0:
		b.WriteString("set -e\n")
	case 1:
		b.WriteString("set -u\n")
	case 2:
		if g.dash {
			b.WriteString("set -eu\n")
		} else {
			b.WriteString("set -euo pipefail\n")
		}
	}
	for range 3 + g.IntN(5) {
		b.WriteString(g.statement() + "\n")
	}
	b.WriteString("echo end $?\n")
	return b.String()
}
