package vm

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// shellCases are scripts, one a line, whose meaning somebody got wrong: this
// machine, the interpreter that it had before, or the parser.
var shellCases = map[string]string{
	"bash": `
printf -v x '%03d' 7; echo "$x"
false; case a in a) echo $?;; esac; false; for i in 1; do echo $?; done; false; for i in; do :; done; echo $?
read -t 1 -r x < data.txt; echo "$x"; read -n 2 y <<< abcd; echo "$y"; read -d : z <<< a:b; echo "$z"
false | true | (exit 3); echo "${PIPESTATUS[@]}"
cat <(echo p) <(echo q); diff <(echo a) <(echo a) && echo same
echo to > >(cat > f); wait; cat f
set -- a b; shift 3; echo "$? $#"
f() { local x; echo "${x-unset}"; }; x=1; f
export A=/x B=$A/y; echo "$B"
A=/x B=$A/y; echo "$B"
[ -z = -z ]; echo $?; [ -n = -n ]; echo $?; [ ! = ! ]; echo $?; [ '(' a ')' ]; echo $?
kill -0 2>/dev/null; echo $?; kill -0 "" 2>/dev/null; echo $?; kill -0 $nopid 2>/dev/null || echo none
[[ ! a || b ]]; echo $?; [[ 1 = 2 && 1 = 1 || 1 = 1 ]]; echo $?
echo "${x:-'a'}" "${x:-'$HOME'}"
exec 3> f; echo a >&3; exec 3>&-; cat f; exec {fd}>> f; echo b >&$fd; cat f
{ echo o; echo e >&2; } 2>&1 >/dev/null
IFS=:; a=(x y); echo "${a[*]}"; set -- p q; echo "$*"
a=("" b); for i in "${a[@]}"; do echo "<$i>"; done; b=(); for i in "${b[@]}"; do echo never; done
x='1+2'; echo $(($x * 2)) $((x * 2)); [[ x -eq 3 ]]; echo $?
[[ 010 -eq 8 ]]; echo $?; [ 010 -eq 10 ]; echo $?
echo $((1/0)); echo never
(set -e; f() { false; echo on; }; f || true; f; echo never); echo $?
(set -e; x=$(false; echo hi); echo "$x"); (set -e; shopt -s inherit_errexit; x=$(false; echo hi); echo "$x"); echo $?
(trap 'echo bye $?' EXIT; exit 3); echo $?
trap 'echo err' ERR; f() { false; true; }; f; false; set -E; f; trap - ERR
f() { [ 1 = 2 ] && echo no; }; (set -e; f; echo never); echo $?
[[ x == "?" ]]; echo $?; [[ x == ? ]]; echo $?; p='x*'; [[ xy == $p ]]; echo $?; [[ xy == "$p" ]]; echo $?
declare -A m; m[a.b]=1 m[c-d]=2; echo "${m[a.b]} ${m[c-d]} ${!m[@]}"
shopt -s nocasematch; [[ A == a ]]; echo $?; case B in b) echo y;; esac
echo {a,} x{1..3} {01..03} {a..e..2} {x}
ref=x; x=1; echo "${!ref}"; declare -n n=x; n=2; echo "$x"
x=abc; echo "${x:1}" "${x: -1}" "${x:0:-1}" "${x/b/-}" "${x^}" "${x//[ac]}"
type cat; cat /dev/null; type cat
ls -d %x 2>/dev/null; %x 2>/dev/null; echo $?
bash -s p q <<< 'echo "$# $2"'
time true 2>/dev/null; ! true; echo $?; ! true | false; echo $?
sh -c 'trap "echo got" TERM; kill $$; echo next'; sh -c 'kill $$; echo next'; echo $?
x=$(echo a; exit 2) || echo "failed $x"; echo "$(exit 6)$?"
while IFS= read -r l || [ -n "$l" ]; do echo "<$l>"; done < noeol
printf '%s,' a b c; printf '%q ' 'a b' "c'd" ''; printf '%b\n' 'x\ty'
cat data.txt > copy; { read l; cat; } < copy; [ copy -nt data.txt ]; echo $?`,
	"dash": `
echo "a\tb\0101"; echo -e x; echo -n y
[ a == a ]; echo $?; [[ a = a ]]; echo $?
x=a; if [ $x == a ]; then echo yes; else echo no; fi
echo {a,b} ${RANDOM:-none}
(echo ${x/a/b}; echo never); echo $?
if false; then echo ${x/a/b}; fi; echo on
source ./lib.sh; echo $?
(set -o pipefail; echo never); echo $?
trap 'echo e' ERR; echo $?; false
let n=1; echo $?; declare n=1; echo $?; function f; echo $?
echo a &> amp; wait; cat amp
read; echo $?
(shift 9; echo never); echo $?
(. ./nosuch; echo never); echo $?
f() { local v; echo "$v"; local v=2; }; v=1; f; echo $v
B='a b=c'; export A=$B; echo "$A"
A=5 :; echo $A; A=6 true; echo $A
(readonly R=1; R=2; echo never); echo $?
type echo cat nosuch; command -v if
printf '%s\n' a; printf '%q\n' x; echo $?
cat <<< x; echo never
(set -u; echo $((nothing)); echo $nothing; echo never); echo $?
x=1; echo $((x++)); echo never`,
}

// TestShellCases asks the real shells.
func TestShellCases(t *testing.T) {
	defaultSignals(t)
	for shell, cases := range shellCases {
		full, err := exec.LookPath(shell)
		if err != nil {
			if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
				t.Fatal(shell + " is needed")
			}
			continue
		}
		for _, line := range strings.Split(strings.TrimSpace(cases), "\n") {
			t.Run(shell+"/"+line, func(t *testing.T) {
				head := "#!/bin/bash\n"
				if shell == "dash" {
					head = "#!/bin/sh\n"
				}
				real, ours := realRun(t, full, head+line+"\n"), machineRun(head+line+"\n")
				if d := differs(real, ours); d != "" {
					t.Errorf("differs in %s\n--- real (status %d)\n%s--- ours (status %d)\n%s%q", d, real.status, real.out, ours.status, ours.out, ours.named)
				}
			})
		}
	}
}
