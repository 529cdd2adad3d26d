package runit

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// chpstCases are calls of chpst with the line that does the same. USER and GROUP
// are an account of the machine when they are run; the names stay as they are
// where the case is only read.
var chpstCases = []struct {
	name, old, now string
	// reason is part of why there is no replacement.
	reason string
	// readOnly keeps the case from being run.
	readOnly bool
	// mode of a new lock file and the like is for a person to see.
	review bool
}{
	{name: "user and group", old: `chpst -u USER:GROUP PROBE`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "joined", old: `chpst -uUSER:GROUP PROBE`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "user alone", old: `chpst -u USER PROBE`, now: `setpriv --reuid=USER --regid=$(id -g USER) --clear-groups PROBE`},
	{name: "vcap alone", old: `chpst -u vcap /p/x`, now: `setpriv --reuid=vcap --regid=vcap --clear-groups /p/x`, readOnly: true},
	{name: "two groups", old: `chpst -u USER:GROUP:adm PROBE`, now: `setpriv --reuid=USER --regid=GROUP --groups=GROUP,adm PROBE`},
	{name: "numbers", old: `chpst -u :4321:4322:4323 PROBE`, now: `setpriv --reuid=4321 --regid=4322 --groups=4322,4323 PROBE`},
	{name: "root", old: `chpst -u root:root PROBE`, now: `setpriv --reuid=root --regid=root --clear-groups PROBE`},
	{name: "variables", old: `U=USER; G=GROUP; chpst -u "$U":"$G" PROBE`, now: `U=USER; G=GROUP; setpriv --reuid="$U" --regid="$G" --clear-groups PROBE`},
	{name: "in one pair of quotes", old: `U=USER; G=GROUP; chpst -u "${U}:${G}" PROBE`, now: `U=USER; G=GROUP; setpriv --reuid="${U}" --regid="${G}" --clear-groups PROBE`},
	{name: "both in a variable", old: `UG=USER:GROUP; chpst -u $UG PROBE`, now: `UG=USER:GROUP; setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "no option", old: `chpst PROBE`, now: `PROBE`},
	{name: "exec and no option", old: `exec chpst /p/x -v`, now: `exec /p/x -v`, readOnly: true},
	{name: "verbose", old: `chpst -v -u USER:GROUP PROBE`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "end of options", old: `chpst -u USER:GROUP -- PROBE`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "open files", old: `chpst -o 300 PROBE`, now: `prlimit --nofile=300: PROBE`},
	{name: "limits and user", old: `chpst -u USER:GROUP -o 301 -p 4000 -c 0 -f 1000000 -t 100 PROBE`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups prlimit --nofile=301: --nproc=4000: --core=0: --fsize=1000000: --cpu=100: PROBE`},
	{name: "memory", old: `chpst -m 900000000 -d 800000000 PROBE`, now: `prlimit --stack=900000000: --memlock=900000000: --as=900000000: --data=800000000: PROBE`, review: true, readOnly: true},
	{name: "data", old: `chpst -d 800000000 PROBE`, now: `prlimit --data=800000000: PROBE`},
	{name: "a limit that a variable has", old: `N=302; chpst -o $N PROBE`, now: `N=302; prlimit --nofile=$N: PROBE`, review: true},
	{name: "a limit after ulimit", old: `ulimit -n 400; chpst -o 303 PROBE`, now: `ulimit -n 400; prlimit --nofile=303: PROBE`, review: true},
	{name: "nice", old: `chpst -n 5 PROBE`, now: `nice -n 5 PROBE`},
	{name: "nicer and user", old: `chpst -n -5 -u USER:GROUP PROBE`, now: `nice -n -5 setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "nice with a plus", old: `chpst -n +3 PROBE`, now: `nice -n +3 PROBE`},
	{name: "ids as variables", old: `chpst -U USER PROBE`, now: `env UID=$(id -u USER) GID=$(id -g USER) PROBE`},
	{name: "ids and a group as variables", old: `chpst -U USER:adm PROBE`, now: `env UID=$(id -u USER) GID=$(getent group adm | cut -d: -f3) PROBE`},
	{name: "ids by number", old: `chpst -U :7:8 PROBE`, now: `env UID=7 GID=8 PROBE`},
	{name: "a folder of variables", old: `chpst -e ENVDIR PROBE`, now: `bash -c ` + readEnvDir + ` ENVDIR PROBE`},
	{name: "a folder of variables and a user", old: `exec chpst -u USER:GROUP -e ENVDIR PROBE`, now: `exec bash -c ` + readEnvDir + ` ENVDIR setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "another name", old: `chpst -b other PROBE`, now: `bash -c 'exec -a "$0" "$@"' other PROBE`},
	{name: "another name, shown", old: `chpst -b other bash -c 'echo $0'`, now: `bash -c 'exec -a "$0" "$@"' other bash -c 'echo $0'`},
	{name: "lock", old: `chpst -l LOCK PROBE`, now: `flock -F LOCK PROBE`, review: true},
	{name: "lock at once", old: `chpst -L LOCK PROBE`, now: `flock -F -n -E 111 LOCK PROBE`, review: true},
	{name: "no input", old: `chpst -0 PROBE`, now: `PROBE <&-`},
	{name: "no input, all to one file", old: `chpst -0 -u USER:GROUP PROBE 2>&1`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups PROBE 2>&1 <&-`},
	{name: "with a path", old: `/usr/bin/chpst -u USER:GROUP -o 304 PROBE`, now: `/usr/bin/setpriv --reuid=USER --regid=GROUP --clear-groups /usr/bin/prlimit --nofile=304: PROBE`},
	{name: "a session in the background", old: "chpst -P -u USER:GROUP PROBE &\nwait", now: "setsid setpriv --reuid=USER --regid=GROUP --clear-groups PROBE &\nwait"},
	{name: "lines of its own", old: "exec chpst \\\n  -u USER:GROUP \\\n  PROBE", now: "exec setpriv --reuid=USER --regid=GROUP --clear-groups \\\n  PROBE"},
	{name: "in a pipe", old: `chpst -u USER:GROUP PROBE | cat`, now: `setpriv --reuid=USER --regid=GROUP --clear-groups PROBE | cat`},
	{name: "in a string", old: `bash -c "exec chpst -u USER:GROUP PROBE"`, now: `bash -c "exec setpriv --reuid=USER --regid=GROUP --clear-groups PROBE"`},
	{name: "in a string with a user alone", old: `bash -c 'chpst -u USER PROBE'`, now: `bash -c 'setpriv --reuid=USER --regid=$(id -g USER) --clear-groups PROBE'`},
	{name: "the program in a variable", old: `CHPST=chpst; $CHPST -u USER:GROUP PROBE`, now: `CHPST=chpst; setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "the program found", old: `C=$(which chpst); $C -u USER:GROUP PROBE`, now: `C=$(which setpriv); setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "the whole in a variable", old: `AS="chpst -u USER:GROUP"; $AS PROBE`, now: `AS="setpriv --reuid=USER --regid=GROUP --clear-groups"; $AS PROBE`},
	{name: "an array", old: `A=(chpst -u USER:GROUP); "${A[@]}" PROBE`, now: `A=(setpriv --reuid=USER --regid=GROUP --clear-groups); "${A[@]}" PROBE`},
	{name: "a function around it", old: `as() { chpst -u USER:GROUP "$@"; }; as PROBE`, now: `as() { setpriv --reuid=USER --regid=GROUP --clear-groups "$@"; }; as PROBE`},
	{name: "handed on", old: `run() { "$@"; }; run chpst -u USER:GROUP PROBE`, now: `run() { "$@"; }; run setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "behind others", old: `timeout 9 nohup chpst -u USER:GROUP PROBE`, now: `timeout 9 nohup setpriv --reuid=USER --regid=GROUP --clear-groups PROBE`},
	{name: "expressions", old: `chpst -u <%= p("u:v") %>:<%= g %> /p/x <%= a %>`, now: `setpriv --reuid=<%= p("u:v") %> --regid=<%= g %> --clear-groups /p/x <%= a %>`, readOnly: true},
	{name: "a here document", old: "cat > /x <<EOF\nexec chpst -u vcap:vcap /p/x\nEOF", now: "cat > /x <<EOF\nexec setpriv --reuid=vcap --regid=vcap --clear-groups /p/x\nEOF", readOnly: true},

	{name: "an expression for all", old: `chpst -u <%= p("user") %> /p/x`, reason: "names a group beside the user"},
	{name: "an unknown variable for all", old: `chpst -u $RUN_AS /p/x`, reason: "names a group beside the user"},
	{name: "user by number alone", old: `chpst -u :1000 /p/x`, reason: "wants a group"},
	{name: "options in a variable", old: `chpst $OPTIONS /p/x`, reason: "its options are in $OPTIONS"},
	{name: "an expression may be options", old: `chpst <%= p("opts") %> /p/x`, reason: "more options may be in <%="},
	{name: "options behind options", old: `chpst -u vcap:vcap $O /p/x`, reason: "more options may be in $O"},
	{name: "an option when set", old: `chpst -u vcap:vcap ${LIMIT:+-o $LIMIT} /p/x`, reason: "more options may be in"},
	{name: "a quoted option", old: `chpst -u vcap:vcap "-o" 10 /p/x`, reason: `more options may be in "-o"`},
	{name: "all arguments", old: `chpst "$@"`, reason: `its options are in "$@"`},
	{name: "an unknown option", old: `chpst -C /tmp /p/x`, reason: "no option -C"},
	{name: "a number with a unit", old: `chpst -o 5k /p/x`, reason: "numbers alone"},
	{name: "another root", old: `chpst -/ /var/empty /p/x`, reason: "root directory"},
	{name: "a session in place of the script", old: `exec chpst -P /p/x`, reason: "setsid forks"},
	{name: "ERB in the options", old: "chpst -u vcap:vcap <% if_p('n') do |n| %>-o <%= n %><% end %> -c 0 /p/x", reason: "ERB decides"},
	{name: "no program", old: `chpst -u vcap:vcap`, reason: "runs no program"},
	{name: "started by another", old: `start-stop-daemon --start --exec /usr/bin/chpst -- -u vcap:vcap /p/x`, reason: "start-stop-daemon"},
	{name: "asked for", old: `command -v chpst || exit 1`, now: `command -v chpst || exit 1`, readOnly: true},
	{name: "asked for and needed", old: `which chpst`, reason: "asks here"},
	{name: "its log", old: `exec svlogd -tt /var/vcap/sys/log/x`, reason: "svlogd writes"},
}

// unchanged are scripts in which nothing needs chpst.
var unchanged = map[string]string{
	"a comment":           "# exec chpst -u vcap:vcap /p/x",
	"a message":           `echo "run chpst -u vcap:vcap x"`,
	"of a package":        `/var/vcap/packages/runit/bin/chpst -u vcap:vcap /p/x`,
	"a function":          `chpst() { :; }; chpst -u vcap:vcap /p/x`,
	"with another way":    "if command -v chpst >/dev/null; then\n exec chpst -u vcap:vcap /p/x\nelse\n exec setpriv --reuid=vcap /p/x\nfi",
	"with a test for it":  "if [ -x /usr/bin/chpst ]; then chpst -u vcap:vcap /p/x; else runuser -u vcap /p/x; fi",
	"a name that goes on": `chpst-like -u vcap:vcap /p/x; /var/vcap/jobs/chpst-x/bin/y`,
	"as an argument":      `install_package chpst`,
	"killed":              `pkill chpst`,
}

func script(text string) *source.File {
	return &source.File{Name: "jobs/web/templates/ctl", Data: []byte("#!/bin/bash\n" + text + "\n")}
}

func applied(t *testing.T, f *source.File, uses []Use) string {
	t.Helper()
	var edits []source.Edit
	for _, u := range uses {
		edits = append(edits, u.Edits...)
	}
	after, err := source.Apply(f.Data, edits)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(after), "#!/bin/bash\n"), "\n")
}

func TestReplacement(t *testing.T) {
	for _, c := range chpstCases {
		t.Run(c.name, func(t *testing.T) {
			f := script(c.old)
			uses := Script(f, Chpst, "svlogd", "sv")
			if c.reason != "" {
				if len(uses) != 1 || !strings.Contains(uses[0].Reason, c.reason) || len(uses[0].Edits) > 0 {
					t.Errorf("%+v, want the reason %q", uses, c.reason)
				}
				return
			}
			if got := applied(t, f, uses); got != c.now {
				t.Errorf("got  %s\nwant %s", got, c.now)
			}
			if review := slices.ContainsFunc(uses, func(u Use) bool { return u.Review != "" }); review != c.review {
				t.Errorf("review is %v", review)
			}
			for _, u := range uses {
				if !u.Replaceable() {
					t.Errorf("%s: %s", u.Old(), u.Reason)
				}
			}
		})
	}
	for name, text := range unchanged {
		t.Run(name, func(t *testing.T) {
			if uses := Script(script(text), Chpst); len(uses) > 0 {
				t.Errorf("%s: %+v", uses[0].Old(), uses[0])
			}
		})
	}
}

// probe shows what chpst can change of a process. Groups are those that the process
// has in one way or another: --clear-groups leaves the list empty where chpst puts
// the group of the process into it a second time.
const probe = `#!/bin/bash
grep -E '^(Uid|Gid|Cap|NoNewPrivs)' /proc/self/status
id -G | tr ' ' '\n' | sort -n | tr '\n' ' '; echo
ulimit -S -a; ulimit -H -a
nice
env | grep -v -E '^(_|SHLVL|OLDPWD)=' | sort
pwd
umask
for fd in 0 1 2; do [ -e /proc/self/fd/$fd ] && echo "fd $fd"; done
[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ] && echo session
echo "$0" | sed 's#.*/##'
true
`

// TestReal runs both lines as root and compares the processes that they start.
func TestReal(t *testing.T) {
	chpst, err := exec.LookPath("chpst")
	missing := ""
	switch {
	case err != nil:
		missing = "no chpst on this machine"
	case os.Getuid() != 0:
		missing = "not root"
	}
	if missing != "" {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" && os.Getuid() == 0 {
			t.Fatal(missing, chpst)
		}
		t.Skip(missing)
	}
	account := "nobody"
	if _, err := user.Lookup("vcap"); err == nil {
		account = "vcap"
	}
	u, err := user.Lookup(account)
	if err != nil {
		t.Skip(err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Skip(err)
	}
	for _, c := range chpstCases {
		if c.reason != "" || c.readOnly {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "chpst")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			files := map[string]string{"probe": probe, "env/ONE": "one \t\nmore\n", "env/EMPTY": "", "env/BLANK": "\n", "env/NO_NEWLINE": "a b", "env/.hidden": "x"}
			for name, text := range files {
				p := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			words := strings.NewReplacer("USER", account, "GROUP", g.Name, "PROBE", filepath.Join(dir, "probe"), "ENVDIR", filepath.Join(dir, "env"), "LOCK", filepath.Join(dir, "lock"))
			run := func(text string) string {
				cmd := exec.Command("bash", "-c", words.Replace(text))
				cmd.Dir = dir
				cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "EMPTY=not", "BLANK=not"}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v: %s", text, err, out)
				}
				return string(out)
			}
			if d := cmp.Diff(run(c.old), run(c.now)); d != "" {
				t.Errorf("chpst, and what stands for it:\n%s", d)
			}
		})
	}
}
