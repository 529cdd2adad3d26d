package ctl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func evaluate(t testing.TB, script string, files map[string]string, args ...string) *Result {
	t.Helper()
	s, err := ParseScript("/var/vcap/jobs/web/bin/ctl", &source.File{Name: "ctl", Data: []byte(script)})
	if err != nil {
		t.Fatal(err)
	}
	var words []Word
	for _, a := range args {
		words = append(words, Text(a, source.Span{}))
	}
	return Evaluate(s, words, World{Lookup: func(p string) (*source.File, error) {
		if text, ok := files[p]; ok {
			return &source.File{Name: filepath.Base(p), Data: []byte(text)}, nil
		}
		return nil, nil
	}})
}

// scripts are evaluated here and run by the real bash: what bash passes to
// "run" has to be what the evaluation says.
var scripts = []struct{ name, text, want string }{
	{"literal words", `run a 'b c' "d  e" f\ g`, "[a][b c][d  e][f g]"},
	{"variables", `X=/var; Y=$X/log; run $Y "${Y}/a"`, "[/var/log][/var/log/a]"},
	{"unquoted values split", `X="a  b"; run $X "$X"`, "[a][b][a  b]"},
	{"empty values vanish", `X=; run $X "$X" a`, "[][a]"},
	{"glued", `X="a b"; run p$X-q`, "[pa][b-q]"},
	{"defaults", `X=; run ${X:-d} ${Y:-e} ${X-f} ${1:-g}`, "[d][e][start]"},
	{"alternate", `X=1; run ${X:+yes} ${Y:+no}`, "[yes]"},
	{"trim", `X=a/b/c.sh; run ${X##*/} ${X%.sh} ${X#*/} ${X%%/*}`, "[c.sh][a/b/c][b/c.sh][a]"},
	{"comment in a continued line", "run a \\\n  # b \\\n  true", "[a]"},
	{"IFS without blanks", "IFS=$'\\n\\t'; X='a b'; run $X", "[a b]"},
	{"case", `case $1 in stop) run no ;; start) run yes ;; *) run other ;; esac`, "[yes]"},
	{"case with a pattern", `case "$1" in st*) run pattern ;; esac`, "[pattern]"},
	{"case with a quoted star", `case start in "s*") run a ;; start) run b ;; esac`, "[b]"},
	{"case with an escaped star", `case $1 in \*) run a ;; *) run b ;; esac`, "[b]"},
	{"case with a negated class", `case abc in [!x]*) run a ;; *) run b ;; esac`, "[a]"},
	{"case with a named class", `case a5 in a[[:digit:]]) run a ;; esac`, "[a]"},
	{"case with a pattern in a variable", `P="s*"; case start in "$P") run a ;; $P) run b ;; esac`, "[b]"},
	{"trim with a class", `F=/a/b.c.d; run ${F%.[!d]} ${F%.[!c]}`, "[/a/b.c.d][/a/b.c]"},
	{"shift to nothing", `shift; run "$@" x`, "[x]"},
	{"shift by too much", `shift 2; run "$@"`, "[start]"},
	{"continued line in quotes", "X=\"--a \\\n --b\"; run $X \"y \\\nz\"", "[--a][--b][y z]"},
	{"case quoted arm", `case "$1" in "start") run yes ;; esac`, "[yes]"},
	{"if decided", `if [ "$1" = start ]; then run a; else run b; fi`, "[a]"},
	{"if with test and not", `if ! test -z "$1"; then run a; else run b; fi`, "[a]"},
	{"if double bracket", `if [[ $1 == sta* && -n "$1" ]]; then run a; fi`, "[a]"},
	{"elif", `if [ 1 -gt 2 ]; then run a; elif [ 2 -ge 2 ]; then run b; else run c; fi`, "[b]"},
	{"and", `[ "$1" = start ] && run a; [ "$1" = stop ] && run b; run c`, "[a][c]"},
	{"or", `[ "$1" = start ] || run a; [ "$1" = stop ] || run b`, "[b]"},
	{"function with arguments", `f() { run "$2" "$1"; }; f x "y z"`, "[y z][x]"},
	{"function sets a variable", `f() { X=$1; }; f v; run $X`, "[v]"},
	{"all parameters", `f() { run "$@"; }; f a "b c"`, "[a][b c]"},
	{"shift", `f() { shift; run "$@"; }; f a b`, "[b]"},
	{"append", `X=a; X+=b; run $X`, "[ab]"},
	{"subshell keeps its variables", `X=a; (X=b); run $X`, "[a]"},
	{"block", `X=a; { X=b; }; run $X`, "[b]"},
	{"unset", `X=a; unset X; run "${X:-none}"`, "[none]"},
	{"exit ends", `run a; exit 0; run b`, "[a]"},
	{"return ends the function", `f() { run a; return; run b; }; f; run c`, "[a][c]"},
	{"dollar zero", `run "${0##*/}"`, "[ctl]"},
	{"count", `run $#`, "[1]"},
	{"continued lines", "run a \\\n  b\n", "[a][b]"},
	{"escapes in double quotes", `run "a\"b\$c\d"`, `[a"b$c\d]`},
	{"local", `X=out; f() { local X=in; run $X; }; f`, "[in]"},
	{"local ends with its function", `X=out; f() { local X=in; }; f; run $X`, "[out]"},
	{"set parameters", `set -- a b; run "$2"`, "[b]"},
	{"fallthrough", `case $1 in start) run a ;& other) run b ;; esac`, "[a][b]"},
	{"for over words", `for x in a b; do run $x; done`, "[a][b]"},
	{"braces", `run /x/{a,b}`, "[/x/a][/x/b]"},
	{"ANSI-C quotes", `run $'a\tb'`, "[a\tb]"},
	{"array as one word", `A=(a "b c"); run "${A[*]}" "$*"`, "[a b c][start]"},
	{"arrays", `A=(a "b c"); A+=(d); run "${A[@]}"`, "[a][b c][d]"},
	{"prefix assignment does not stay", `X=a; X=b true; run $X`, "[a]"},
}

// calls shows the arguments of all commands called run.
func calls(r *Result) string {
	var b strings.Builder
	for _, c := range r.Commands {
		if c.Name() != "run" {
			continue
		}
		for _, w := range c.Words[1:] {
			fmt.Fprintf(&b, "[%s]", w)
		}
	}
	return b.String()
}

// TestOwnFolder reads the ways in which scripts find their own folder.
func TestOwnFolder(t *testing.T) {
	const own = "/var/vcap/jobs/web"
	for text, want := range map[string]string{
		`run "${BASH_SOURCE[0]}" $BASH_SOURCE`:                   "[" + own + "/bin/ctl][" + own + "/bin/ctl]",
		`run "$(dirname "${BASH_SOURCE[0]}")" ${BASH_SOURCE%/*}`: "[" + own + "/bin][" + own + "/bin]",
		`run "$(cd "$(dirname "$0")/.." && pwd)"`:                "[" + own + "]",
		`run "$(cd ${0%/*} > /dev/null; pwd -P)"`:                "[" + own + "/bin]",
		`run $(dirname $(readlink -f $0))`:                       "[" + own + "/bin]",
		`run $(realpath $(dirname "$0")/..)`:                     "[" + own + "]",
		// what is elsewhere may be a link
		`run $(readlink -f /etc/x) $(cd /tmp && pwd)`: "[$(readlink -f /etc/x)][$(cd /tmp && pwd)]",
	} {
		if got := calls(evaluate(t, text, nil, "start")); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestEvaluate(t *testing.T) {
	for _, c := range scripts {
		t.Run(c.name, func(t *testing.T) {
			if got := calls(evaluate(t, c.text, nil, "start")); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestBashAgrees(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal("bash is missing")
		}
		t.Skip("bash is missing")
	}
	for _, c := range scripts {
		t.Run(c.name, func(t *testing.T) {
			f := filepath.Join(t.TempDir(), "ctl")
			text := "run() { for a in \"$@\"; do printf '[%s]' \"$a\"; done; }\n" + c.text
			if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("bash", f, "start").Output()
			if err != nil || string(out) != c.want {
				t.Errorf("bash says %s (%v), want %s", out, err, c.want)
			}
		})
	}
}

func TestWhatIsNotKnown(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"command substitution", `run "$(nproc)"`, "[$(nproc)]"},
		{"variable of the shell", `run "$SHLVL"`, "[$SHLVL]"},
		{"unset variable behind a file that is not there", `. /x; run "$HOME"`, "[$HOME]"},
		{"set in a loop", `i=0; while [ -f /x ]; do i=1; run "$i$j"; j=2; done`, "[1${j}]"},
		{"expression", `run "<%= p('a') %>/b"`, "[<%= p('a') %>/b]"},
		{"expression in a variable", `X=<%= p('a') %>; run $X`, "[<%= p('a') %>]"},
		{"glob in a variable", `X=/a/*.jar; run $X`, "[/a/*.jar]"},
		{"quotes in a default", `run ${U:-"a b"}`, `[${U:-"a b"}]`},
		{"tilde", `run ~/a`, "[~/a]"},
		{"tilde in an assignment", `X=~vcap; run $X`, "[${X}]"},
		{"set behind a return on a condition", `f() { [ -f /x ] && return; X=1; }; f; run $X`, "[${X}]"},
		{"ANSI-C quotes that are not read", `run $'a\x41'`, `[$'a\x41']`},
		{"arithmetic that sets", `((X=1+1)); let Y=2; run "$X$Y"`, "[${X}${Y}]"},
		{"glob", `run /a/*.jar`, "[/a/*.jar]"},
		{"set on a condition", `X=a; if [ -f /b ]; then X=c; fi; run $X`, "[${X}]"},
		{"the same on both sides", `if [ -f /b ]; then X=c; else X=c; fi; run $X`, "[c]"},
		{"set in an ERB block", "X=a\n<% if p('b') %>\nX=c\n<% end %>\nrun $X", "[ac]"},
		{"an ERB block in quotes", "run \"a<% if p('b') %>b<% end %>\"", "[ab]"},
		{"single-quoted expression", `run '<%= p("a") %>'`, `[<%= p("a") %>]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := evaluate(t, c.text, nil, "start")
			if got := calls(r); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for _, cmd := range r.Commands {
				if cmd.Name() != "run" {
					continue
				}
				if _, known := cmd.Words[1].Literal(); known != (c.name == "the same on both sides") {
					t.Errorf("%s: known is %v", cmd.Words[1], known)
				}
			}
		})
	}
}

// guarded shows the words of run with the heads of the ERB blocks around their
// parts.
func guarded(r *Result) string {
	var b strings.Builder
	show := func(gs []erb.Guard) {
		for _, g := range gs {
			if g.Arm < 0 {
				b.WriteString("{not " + g.Block.Arms[0].Head + "}")
				continue
			}
			b.WriteString("{" + g.Block.Arms[g.Arm].Head + "}")
		}
	}
	for _, c := range r.Commands {
		if c.Name() != "run" {
			continue
		}
		show(c.Guards)
		for _, w := range c.Words[1:] {
			b.WriteString("[")
			for _, p := range w {
				show(p.Guards)
				b.WriteString(p.Text)
			}
			b.WriteString("]")
		}
	}
	return b.String()
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"around a word", "run -a \\\n<% if x %> -b <%= y %> \\\n<% end %> -c", "[-a][{if x}-b][{if x}y][-c]"},
		{"around a command", "<% if x %>\nrun a\n<% else %>\nrun b\n<% end %>\n", "{if x}[a]{else}[b]"},
		{"around an assignment", "X=a\n<% if x %>\nX=b\n<% end %>\nrun $X", "[{not if x}a{if x}b]"},
		{"in every arm", "<% if x %>\nX=a\n<% else %>\nX=b\n<% end %>\nrun $X", "[{if x}a{else}b]"},
		{"appending", "X=-a\n<% if x %>\nX=\"$X -b c\"\n<% end %>\nrun $X", "[-a][{if x}-b][{if x}c]"},
		{"appending in a loop", "X=-a\n<% l.each do |i| %>\nX=\"$X -b <%= i %>\"\n<% end %>\nrun $X", "[-a][{l.each do |i|}-b][{l.each do |i|}i]"},
		{"the last round of a loop", "X=a\n<% l.each do |i| %>\nX=<%= i %>\n<% end %>\nrun $X", "[${X}]"},
		{"an array in a loop", "A=(a)\n<% l.each do |i| %>\nA+=(-b \"<%= i %>\")\n<% end %>\nrun \"${A[@]}\"", "[a][{l.each do |i|}-b][{l.each do |i|}i]"},
		{"inside a word", "run a<% if x %>b<% else %>c<% end %>d", "[a{if x}b{else}cd]"},
		{"inside quotes", "run \"a<% if x %>b<% end %>\"", "[a{if x}b]"},
		{"the script ends", "<% if x %>\nexit 0\n<% end %>\nrun a", "{not if x}[a]"},
		{"the function ends", "f() {\n<% if x %>\nreturn\n<% end %>\nrun a\n}; f; run b", "{not if x}[a][b]"},
		{"nested", "<% if x %>\n<% if y %>\nrun a\n<% end %>\n<% end %>", "{if x}{if y}[a]"},
		{"an array", "A=(a)\n<% if x %>\nA+=(b)\n<% end %>\nrun \"${A[@]}\"", "[a][{if x}b]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := evaluate(t, c.text, nil, "start")
			if got := guarded(r); got != c.want || len(r.Unclear) > 0 {
				t.Errorf("got  %s %v\nwant %s", got, r.Unclear, c.want)
			}
		})
	}
	for _, text := range []string{
		"<% if x %>\nset -- a\n<% end %>\nrun $1",
		"<% if x %>\nif [ -f /a ]; then\n<% else %>\nif [ -f /b ]; then\n<% end %>\nrun\nfi; fi",
	} {
		if r, err := ParseScript("ctl", &source.File{Name: "ctl", Data: []byte(text)}); err == nil {
			if r := Evaluate(r, nil, World{Lookup: func(string) (*source.File, error) { return nil, nil }}); len(r.Unclear) == 0 {
				t.Errorf("%q: has to be unclear", text)
			}
		}
	}
}

// TestCommandStrings has what su -c and bash -c run.
func TestCommandStrings(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`D=/p; su - vcap -c "A=1 $D/x -a 'b c' >> /l" &`, "& user=vcap env=A=1 /p/x [-a b c]"},
		{`export B=2; exec chpst -u vcap:vcap bash -c "/p/x -a"`, "exec user=vcap env=B=2 /p/x [-a]"},
		{`bash -c 'exec /p/x "$A"'`, "exec user= env= /p/x []"},
		{`su vcap -c "/p/x -a" &`, "& user=vcap env= /p/x [-a]"},
	} {
		r := evaluate(t, c.text, nil, "start")
		l := Unwrap(r.Commands[len(r.Commands)-1])
		var env []string
		for _, e := range l.Env {
			env = append(env, e.Name+"="+e.Value.String())
		}
		if got := fmt.Sprintf("%s user=%s env=%s %s %s", l.How, l.User, strings.Join(env, ","), l.Executable, l.Args); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestUnclear has what changes the outcome in ways that are not followed.
func TestUnclear(t *testing.T) {
	for _, text := range []string{
		"f() { run; }; A=1 f", ": ${FOO:=bar}; export FOO; run", "if [ -f /x ]; then f() { run 1; }; else f() { run 2; }; fi; f",
		"set -a; A=1; run", "set a b; run $1", "export A=1; export -n A; run", "f() { local -x A=1; }; f; run", "declare -i N=1; N+=1; run $N", "declare -u N=a; run $N",
	} {
		if r := evaluate(t, text, nil, "start"); len(r.Unclear) == 0 {
			t.Errorf("%q: has to be unclear", text)
		}
	}
}

func TestTagsInside(t *testing.T) {
	r := evaluate(t, "run a<% if p('b') %>b<% end %>\nrun <%= p('c') %>\n", nil, "start")
	if !r.Commands[0].Tags || r.Commands[1].Tags {
		t.Errorf("a block tag inside a command has to be told: %v, an expression not: %v", r.Commands[0].Tags, r.Commands[1].Tags)
	}
}

// TestBounds holds that scripts which grow without end are given up soon; the
// test's own timeout is the only clock.
func TestBounds(t *testing.T) {
	for _, text := range []string{
		"f() { f; f; }; f",
		"f() { f & f & }; f",
		"f() { X=$X$X$X$X; f; }; X=aaaa; f",
		"f() { export A$1=$X; X=$X$X; f; f; }; X=aa; f",
		"for a in {1..99}; do for b in {1..99}; do for c in {1..99}; do x; done; done; done",
		"run {1..100000000} {a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
	} {
		accounted(t, evaluate(t, text, nil, "start"))
	}
}

func TestHops(t *testing.T) {
	r := evaluate(t, `
. /var/vcap/jobs/web/bin/env.sh
export A=1
exec /var/vcap/jobs/web/bin/wrapper "$X"
`, map[string]string{
		"/var/vcap/jobs/web/bin/env.sh":  "X=fromenv\n",
		"/var/vcap/jobs/web/bin/wrapper": "#!/bin/bash\nexec /var/vcap/packages/web/bin/web --x \"$1\" \"$A\"\n",
	}, "start")
	if len(r.Scripts) != 3 {
		t.Errorf("%d scripts, want 3", len(r.Scripts))
	}
	last := r.Commands[len(r.Commands)-1]
	l := Unwrap(last)
	if got := fmt.Sprint(l.Executable, l.Args, l.Env); !strings.Contains(got, "/var/vcap/packages/web/bin/web [--x fromenv 1] [{A 1") {
		t.Errorf("launch: %s", got)
	}
}

func TestUnwrap(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"exec /p/x -a", "exec user= env= /p/x [-a]"},
		{"/p/x -a &", "& user= env= /p/x [-a]"},
		{"nohup /p/x &", "& user= env= /p/x []"},
		{"exec chpst -u vcap:vcap /p/x -u b", "exec user=vcap env= /p/x [-u b]"},
		{"exec chpst -v -u vcap -o 100 env K=V L=$SHLVL /p/x", "exec user=vcap env=K=V,L=$SHLVL /p/x []"},
		{"K=V exec sudo -E -u vcap /p/x", "exec user=vcap env=K=V /p/x []"},
		{"export K=V; env -u K /p/x &", "& user= env= /p/x []"},
		{"start-stop-daemon --start --background --make-pidfile --pidfile /r/p --chuid vcap:vcap --exec /p/x -- -a b", "start-stop-daemon user=vcap env= /p/x [-a b]"},
		{"exec setuidgid vcap /p/x", "exec user=vcap env= /p/x []"},
		{"exec -a name /p/x", "exec user= env= /p/x []"},
		{"export K=V; exec sudo -u vcap A=B /p/x", "exec user=vcap env=A=B /p/x []"},
		{"export K=V; exec env -i A=B /p/x", "exec user= env=A=B /p/x []"},
		{"exec runuser -u vcap -- /p/x", "exec user=vcap env= /p/x []"},
		{"exec timeout -k 5 30 /p/x", "exec user= env= /p/x []"},
	} {
		t.Run(c.text, func(t *testing.T) {
			r := evaluate(t, c.text, nil, "start")
			l := Unwrap(r.Commands[len(r.Commands)-1])
			var env []string
			for _, e := range l.Env {
				env = append(env, e.Name+"="+e.Value.String())
			}
			if got := fmt.Sprintf("%s user=%s env=%s %s %s", l.How, l.User, strings.Join(env, ","), l.Executable, l.Args); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestEveryStatementIsThere holds that each statement of each script is either
// run or idle, never both and never neither.
func TestEveryStatementIsThere(t *testing.T) {
	for _, c := range scripts {
		t.Run(c.name, func(t *testing.T) { accounted(t, evaluate(t, c.text, nil, "start")) })
	}
}

func accounted(t testing.TB, r *Result) {
	t.Helper()
	count := map[source.Span]string{}
	for _, c := range r.Commands {
		count[c.Span] = "run"
	}
	for _, i := range r.Idle {
		if count[i.Span] != "" {
			t.Errorf("%s: idle and %s: %s", i.Span, count[i.Span], i.Span.Text())
		}
		count[i.Span] = "idle"
	}
	for _, s := range r.Scripts {
		for _, span := range s.Statements() {
			if count[span] == "" {
				t.Errorf("%s: in no column: %s", span, span.Text())
			}
		}
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, c := range scripts {
		f.Add(c.text)
	}
	f.Add("<% if x %>\na\n<% else %>\nb &\n<% end %>\nf() { f; }; f")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScript("/ctl", &source.File{Name: "ctl", Data: []byte(text)})
		if err != nil {
			return
		}
		r := Evaluate(s, []Word{Text("start", source.Span{})}, World{Lookup: func(string) (*source.File, error) { return nil, nil }})
		accounted(t, r)
		for _, c := range r.Commands {
			Unwrap(c)
		}
	})
}
