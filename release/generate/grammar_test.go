//go:build linux

package generate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// design is a job that is made up: pieces that each stand by themselves, so that they can
// be left out one by one. "case" of the lists is where they stand in the files.
type design struct {
	job   string
	lists map[string][]string
	files map[string]string
}

// The lists of a design, in the order in which they are made smaller.
var pieces = []string{"drain", "post-start", "pre-start", "monit", "stop", "start", "args", "head", "functions", "config", "env-file", "second", "properties"}

// clone is a copy to be changed.
func (d *design) clone() *design {
	c := &design{job: d.job, lists: map[string][]string{}, files: map[string]string{}}
	for k, v := range d.lists {
		c.lists[k] = slices.Clone(v)
	}
	for k, v := range d.files {
		c.files[k] = v
	}
	return c
}

// grammar makes jobs up. The weights are of 399 jobs of public releases.
type grammar struct {
	*rand.Rand
	d *design
}

// of399 is true as often as n of 399 jobs show something.
func (g *grammar) of399(n int) bool { return g.IntN(399) < n }

func (g *grammar) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g *grammar) add(list string, texts ...string) {
	g.d.lists[list] = append(g.d.lists[list], texts...)
}

// property declares one, once.
func (g *grammar) property(name, text string) string {
	entry := "  " + name + ":\n    description: " + name + "\n"
	if text != "" {
		entry += "    default: " + text + "\n"
	}
	if !slices.Contains(g.d.lists["properties"], entry) {
		g.add("properties", entry)
	}
	return name
}

func (g *grammar) has(list string) bool { return len(g.d.lists[list]) > 0 }

// generate makes a job up.
func generate(seed uint64) *design {
	g := &grammar{Rand: rand.New(rand.NewPCG(seed, 399)), d: &design{lists: map[string][]string{}, files: map[string]string{}}}
	d := g.d
	d.job = g.pick("web", "router", "db-node", "agent", "cloud_api")
	if g.of399(200) {
		g.add("shebang", "#!/bin/bash")
	} else {
		g.add("shebang", g.pick("#!/bin/bash -e", "#!/bin/bash -ex", "#!/usr/bin/env bash", "#!/bin/bash"))
	}
	g.head()
	g.setup()
	g.environment()
	for range g.IntN(4) {
		g.odd()
	}
	g.rest()
	g.launch()
	g.stop()
	g.monit()
	g.scripts()
	return d
}

// head are the settings in front of the case.
func (g *grammar) head() {
	j := g.d.job
	if g.of399(60) {
		g.add("head", "set -e")
	}
	if g.of399(120) {
		g.add("head", g.pick("set -u", "set -eu", "set -euo pipefail"))
	}
	run, log := "/var/vcap/sys/run/"+j, "/var/vcap/sys/log/"+j
	if g.of399(48) {
		log = "/var/vcap/sys/log/" + strings.ReplaceAll(j, "_", "-") + "d"
	}
	switch g.IntN(4) {
	case 0:
		g.add("head", "JOB_NAME="+j, "RUN_DIR=/var/vcap/sys/run/$JOB_NAME")
	case 1:
		g.add("head", "export RUN_DIR="+run)
	default:
		g.add("head", "RUN_DIR="+run)
	}
	g.add("head", "LOG_DIR="+log)
	if g.of399(176) {
		g.add("head", g.pick("STORE_DIR=/var/vcap/store/"+j, "STORE_DIR=\"/var/vcap/store/"+j+"\""))
	}
	if g.of399(86) {
		g.add("head", g.pick("DATA_DIR=/var/vcap/data/"+j, "readonly DATA_DIR=/var/vcap/data/"+j))
	}
	pidfile := g.pick("$RUN_DIR/"+j+".pid", "${RUN_DIR}/"+j+".pid")
	if g.of399(73) {
		pidfile = "$RUN_DIR/daemon.pid"
		g.add("pidfile", run+"/daemon.pid")
	} else {
		g.add("pidfile", run+"/"+j+".pid")
	}
	g.add("head", "PIDFILE="+pidfile)
	if g.of399(276) {
		switch {
		case g.of399(100): // nobody knows what it is
			g.add("head", "source /var/vcap/packages/pid_utils/pid_utils.sh")
		default:
			g.d.files["src/common/utils.sh"] = utils
			g.d.files["packages/common/spec"] = "---\nname: common\nfiles: [common/utils.sh]\n"
			g.d.files["packages/common/packaging"] = "cp common/utils.sh $BOSH_INSTALL_TARGET/\n"
			g.add("packages", "common")
			g.add("head", g.pick("source", ".")+" /var/vcap/packages/common/utils.sh")
			g.add("known", "utils")
		}
	} else if g.of399(150) {
		g.add("functions", "pid_guard() {\n  if [ -f \"$1\" ]; then\n    pid=$(head -1 \"$1\")\n    if [ -n \"$pid\" ] && [ -e /proc/$pid ]; then\n      echo \"$2 is already running\"\n      exit 1\n    fi\n    rm \"$1\"\n  fi\n}")
		g.add("known", "guard")
	}
	if g.of399(22) {
		g.add("head", "SELF=$(basename $0)")
	}
	if g.of399(16) {
		g.add("head", "cd $(dirname ${BASH_SOURCE[0]})")
	}
	if g.of399(40) {
		g.add("head", g.pick("exec > >(tee -a $LOG_DIR/ctl.log) 2>&1", "exec >> $LOG_DIR/ctl.log 2>> $LOG_DIR/ctl.err.log", "exec 2>&1"))
	}
	if g.of399(66) {
		g.add("ruby", "<% workers = p('"+g.property("workers", "4")+"') * 2 %>")
	}
}

const utils = `#!/bin/bash

pid_guard() {
  pidfile=$1
  name=$2
  if [ -f "$pidfile" ]; then
    pid=$(head -1 "$pidfile")
    if [ -n "$pid" ] && [ -e /proc/$pid ]; then
      echo "$name is already running, please stop it first"
      exit 1
    fi
    echo "Removing stale pidfile..."
    rm $pidfile
  fi
}

kill_and_wait() {
  pidfile=$1
  timeout=${2:-25}
  if [ -f "$pidfile" ]; then
    pid=$(head -1 "$pidfile")
    kill $pid
    while [ -e /proc/$pid ] && [ $timeout -gt 0 ]; do
      timeout=$(expr $timeout - 1)
      sleep 1
    done
    rm -f $pidfile
  fi
}

create_dirs() {
  for d in "$@"; do
    mkdir -p $d
    chown vcap:vcap $d
  done
}
`

// dir is a folder that the script has a name for, or a path.
func (g *grammar) dir() string {
	j := g.d.job
	var choices []string
	for _, line := range g.d.lists["head"] {
		for _, n := range []string{"STORE_DIR", "DATA_DIR"} {
			if strings.Contains(line, n+"=") {
				choices = append(choices, "$"+n, "${"+n+"}/"+g.pick("db", "cache", "uploads"))
			}
		}
	}
	choices = append(choices, "/var/vcap/data/"+j+"/"+g.pick("work", "spool", "cache"), "/var/vcap/store/"+j+"/"+g.pick("db", "files"))
	if g.of399(40) {
		choices = append(choices, "/var/vcap/data/shared", "/var/vcap/store/common/"+j)
	}
	return choices[g.IntN(len(choices))]
}

// setup are folders and files.
func (g *grammar) setup() {
	j := g.d.job
	if g.of399(279) && g.has("known") {
		g.add("start", g.pick("pid_guard $PIDFILE "+j, `pid_guard $PIDFILE "`+j+`"`))
	}
	if g.of399(365) {
		switch {
		case slices.Contains(g.d.lists["known"], "utils") && g.of399(80):
			g.add("start", "create_dirs $RUN_DIR $LOG_DIR")
		case g.of399(250):
			g.add("start", "mkdir -p $RUN_DIR $LOG_DIR")
		default:
			g.add("start", "mkdir -p $RUN_DIR", "mkdir -p \"${LOG_DIR}\"")
		}
	}
	for range g.IntN(3) {
		d := g.dir()
		g.add("dirs", d)
		switch g.IntN(5) {
		case 0:
			g.add("start", "[ -d "+d+" ] || mkdir -p "+d)
		case 1:
			g.add("start", "if [ ! -d "+d+" ]; then\n  mkdir -p "+d+"\n  chown vcap:vcap "+d+"\nfi")
		case 2:
			g.add("start", "mkdir -p "+d+" && chown vcap:vcap "+d)
		case 3:
			g.add("start", "install -d -o vcap -g vcap -m 0750 "+d)
		default:
			g.add("start", "mkdir -p "+d)
		}
		if g.of399(247) {
			g.add("start", g.pick("chown", "chown -R")+" "+g.pick("vcap:vcap", "vcap")+" "+d)
		}
		if g.of399(77) {
			g.add("start", "chmod "+g.pick("0700", "750", "a+rx", "-R g+w", "u=rwx,go=")+" "+d)
		}
	}
	if g.of399(247) {
		g.add("start", g.pick("chown vcap:vcap $RUN_DIR $LOG_DIR", "chown -R vcap:vcap $RUN_DIR $LOG_DIR", "chown -R vcap $LOG_DIR"))
	}
	if g.has("dirs") {
		d := g.d.lists["dirs"][0]
		if g.of399(61) {
			g.config()
			g.add("start", g.pick("cp", "cp -p", "cp -f", "install -m 0644")+" /var/vcap/jobs/"+j+"/config/app.conf "+d+"/app.conf")
			g.add("made", d+"/app.conf")
		}
		if g.of399(43) {
			g.add("start", g.pick("rm -f "+d+"/*.lock", "rm -rf "+d+"/tmp", "find "+d+" -name '*.sock' -delete"))
		}
		if g.of399(30) {
			g.add("start", g.pick("ln -sfn "+d+" /var/vcap/data/current", "ln -sf /var/vcap/packages/app/assets "+d+"/assets"))
		}
		if g.of399(40) {
			g.add("start", g.pick("echo \"mode = fast\" > "+d+"/mode.conf", "cat > "+d+"/run.conf <<CONF\nroot = "+d+"\nport = <%= p('"+g.property("port", "8080")+"') %>\nCONF", "touch "+d+"/.keep", "printf '%s\\n' one two > "+d+"/list"))
		}
	}
	if g.of399(31) {
		g.add("start", g.pick("sysctl -w net.core.somaxconn=1024", "sysctl -q -w vm.max_map_count=262144", "modprobe nf_conntrack || true"))
	}
	if g.of399(37) {
		g.add("start", g.pick("/var/vcap/packages/app/bin/migrate --all", "chpst -u vcap:vcap /var/vcap/packages/app/bin/migrate --conf /var/vcap/jobs/"+j+"/config/app.conf", "if ! /var/vcap/packages/app/bin/check; then exit 1; fi"))
	}
	if g.of399(13) {
		g.add("start", "sleep 2")
	}
	if g.of399(14) {
		g.add("start", g.pick("for i in 1 2 3; do\n  if curl -s http://127.0.0.1:9000/ > /dev/null; then break; fi\n  sleep 1\ndone", "n=0\nwhile [ ! -f /var/vcap/data/ready ] && [ $n -lt 3 ]; do\n  n=$((n + 1))\n  sleep 1\ndone"))
	}
}

// config puts a configuration into the job.
func (g *grammar) config() {
	if g.has("config") {
		return
	}
	j := g.d.job
	g.add("config", "listen = <%= p('"+g.property("port", "8080")+"') %>", g.pick("log = /var/vcap/sys/log/"+j+"/app.log", "level = info"), g.pick("data = /var/vcap/store/"+j+"/db", "cache = /var/vcap/data/"+j+"/cache", "threads = 4"))
}

// environment are exports and limits.
func (g *grammar) environment() {
	j := g.d.job
	list := "start"
	if g.of399(80) {
		list = "head"
	}
	if g.of399(172) {
		g.add(list, g.pick("export PATH=/var/vcap/packages/app/bin:$PATH", "PATH=$PATH:/var/vcap/packages/app/bin", "export PATH=\"/var/vcap/packages/ruby/bin:/var/vcap/packages/app/bin:${PATH}\""))
		g.add("known", "path")
	}
	if g.of399(142) {
		g.add(list, g.pick("export APP_ENV=production", "export APP_MODE='fast mode'", "APP_LEVEL=info\nexport APP_LEVEL", "export APP_A=1 APP_B=two", "declare -x APP_C=c"))
	}
	if g.of399(211) {
		g.add(list, g.pick("export APP_HOME=$RUN_DIR", "export APP_LOG=\"${LOG_DIR}/app.log\"", "export CONF_DIR=/var/vcap/jobs/"+j+"/config\nexport APP_CONF=$CONF_DIR/app.conf"))
	}
	if g.of399(108) {
		g.add(list, g.pick("export APP_NAME=\"<%= p('"+g.property("name", "a shop")+"') %>\"", "export APP_PORT=<%= p('"+g.property("port", "8080")+"') %>", "export APP_HOSTS=<%= p('"+g.property("hosts", "[a, b]")+"').join(',') %>", "export APP_INDEX=<%= spec.index %>"))
	}
	if g.of399(59) {
		g.add(list, g.pick("<% if p('"+g.property("debug", "false")+"') %>\nexport DEBUG=1\n<% end %>", "<% if_p('"+g.property("proxy", "")+"') do |proxy| %>\nexport http_proxy=<%= proxy %>\n<% end %>", "<% unless p('"+g.property("quiet", "false")+"') -%>\nexport VERBOSE=yes\n<% end -%>"))
	}
	if g.of399(57) {
		g.add(list, g.pick("export HOME=/home/vcap", "export TMPDIR=/var/vcap/data/"+j+"/tmp\nmkdir -p $TMPDIR", "export HOME=/var/vcap/data/"+j))
	}
	if g.of399(51) {
		g.add(list, g.pick("export LD_LIBRARY_PATH=/var/vcap/packages/app/lib", "export LD_LIBRARY_PATH=/var/vcap/packages/lib/lib:${LD_LIBRARY_PATH:-}"))
	}
	if g.of399(34) {
		g.add(list, "for package in app lib; do\n  PATH=/var/vcap/packages/$package/bin:$PATH\ndone\nexport PATH")
	}
	if g.of399(31) {
		g.add(list, g.pick("export CPUS=$(nproc)", "export STAMP=$(cat /var/vcap/jobs/"+j+"/config/stamp 2> /dev/null || echo none)", "export PARENT=$(dirname /var/vcap/data/"+j+"/x)"))
	}
	if g.of399(52) {
		g.add("env-file", "export FROM_FILE=yes", "export FILE_PORT=<%= p('"+g.property("port", "8080")+"') %>")
		g.add(list, g.pick("source", ".")+" /var/vcap/jobs/"+j+"/"+g.pick("bin/env.sh", "bin/env.sh"))
	}
	if g.of399(27) {
		g.add(list, g.pick("export LANG=en_US.UTF-8", "export LC_ALL=C.UTF-8"))
	}
	if g.of399(89) {
		g.add("start", g.pick("ulimit -n 4096", "ulimit -n 16384 || true", "ulimit -Hn 8192; ulimit -n 8192"))
	}
	if g.of399(20) {
		g.add("start", "ulimit -c 0")
	}
}

// rest are the pid and the folder.
func (g *grammar) rest() {
	j := g.d.job
	// the blocks of set-up come in any order that keeps folders in front
	if g.of399(73) {
		g.add("start", "cd "+g.pick("/var/vcap/packages/app", "/var/vcap/jobs/"+j, "/var/vcap/data/"+j, "/"))
	}
	if g.of399(40) {
		g.add("start", g.pick("logger -t "+j+" starting", "echo \"$(date) starting\" >> $LOG_DIR/"+j+".log", "echo starting"))
	}
	if g.of399(45) {
		g.add("start", g.pick("MEM=$(awk '/MemTotal/ { print int($2 / 2048) }' /proc/meminfo)", "THREADS=$(nproc)", "IP=$(hostname -I | awk '{ print $1 }')"))
		last := g.d.lists["start"][len(g.d.lists["start"])-1]
		name, _, _ := strings.Cut(last, "=")
		g.add("args", g.pick("--"+strings.ToLower(name)+" $"+name, "-x$"+name, "--"+strings.ToLower(name)+"=\"${"+name+"}\""))
	}
	if g.of399(273) {
		g.add("start", g.pick("echo $$ > $PIDFILE", "echo $$ > \"$PIDFILE\"", "echo ${$} > $PIDFILE", "echo \"$$\" >$PIDFILE"))
	}
}

// odd is something that few scripts do, and no two in the same way. JOB is the name of the
// job, @D@ a folder.
func (g *grammar) odd() {
	d := g.dir()
	make := "mkdir -p " + d + "\n"
	add := func(block string, args ...string) {
		g.add("start", strings.ReplaceAll(strings.ReplaceAll(block, "@D@", d), "JOB", g.d.job))
		g.add("args", args...)
	}
	odds := []func(){
		func() { add("NAME=$(basename /var/vcap/packages/app)\nNAME=${NAME%p}", "--name $NAME") },
		func() { add("COUNT=$(( 2 * 3 + 1 ))", "--count $COUNT") },
		func() { add("FILE=/var/vcap/jobs/JOB/config/app.conf\nBASE=${FILE##*/}", "--base ${BASE%.conf}") },
		func() { add("LIST=(one two)\nLIST+=(three)", `"${LIST[@]}"`) },
		func() { add("LIST=a,b,c\nWORDS=${LIST//,/ }", "--words $WORDS") },
		func() { add("set -- --first 'second third'", `"$@"`) },
		func() { add(make + "umask 077\necho secret > @D@/secret") },
		func() { add(make + "( cd @D@; echo inside > inside.txt )") },
		func() { add(make + "cd @D@ && echo there > there.txt; cd /") },
		func() { add(make + "pushd @D@ > /dev/null\ntouch pushed\npopd > /dev/null") },
		func() { add(make + "for n in one two three; do\n  echo $n > @D@/$n.txt\ndone") },
		func() { add(make + "rm -rf @D@/out\nmkdir @D@/out\necho new > @D@/out/file") },
		func() { add(make + "cat > @D@/env <<'CONF'\nhome=$HOME\nCONF") },
		func() {
			add(make + "cat > @D@/who <<CONF\njob=JOB\nlog=$LOG_DIR\nCONF\nchown vcap:vcap @D@/who\nchmod 600 @D@/who")
		},
		func() { add(make + "echo a=1 > @D@/settings\nsed -i 's/a=1/a=2/' @D@/settings") },
		func() { add(make + "printf 'x=%s\\n' <%= p('" + g.property("port", "8080") + "') %> >> @D@/appended") },
		func() { add(make + "echo one > @D@/one; cp @D@/one @D@/two; mv @D@/one @D@/three") },
		func() { add(make + "[ -f @D@/id ] || echo fresh | md5sum > @D@/id") },
		func() { add(make + "if [ -z \"$(ls -A @D@)\" ]; then\n  echo first > @D@/first\nfi") },
		func() {
			add("if [ -n \"<%= p('" + g.property("name", "a shop") + "') %>\" ]; then\n  export NAMED=yes\nfi")
		},
		func() {
			add("case <%= p('"+g.property("mode", "fast")+"') %> in\n  fast) SPEED=9 ;;\n  *) SPEED=1 ;;\nesac", "--speed $SPEED")
		},
		func() { add("MODE=${MODE:-quick}\n: ${LEVEL:=3}", "--mode $MODE --level $LEVEL") },
		func() { add("OPTION=\nif test -e /var/vcap/jobs/JOB/bin; then OPTION=--has-bin; fi", "$OPTION") },
		func() { add("[[ -d /var/vcap/nowhere ]] && export NOWHERE=1") },
		func() { add("for v in A B; do\n  export LOOP_$v=$v\ndone") },
		func() { add("export $(echo WORD_ONE=1 WORD_TWO=2)") },
		func() { add("unset LANG\nexport UNSET_ME=1\nunset UNSET_ME") },
		func() { add("export A_PATH=$PATH:/opt/x/bin") },
		func() { add("WHO=$(whoami)", "--who $WHO") },
		func() { add("WHO=$(id -u)", "--uid $WHO") },
		func() { add("export WORK=$(cd /var/vcap/packages && pwd)") },
		func() { add("read -r FIRST REST <<< 'uno dos tres'", `--first "$FIRST" --rest "$REST"`) },
		func() { add("printf -v PADDED '%03d' 7", "--padded $PADDED") },
		func() { add("LOWER=$(echo SHOUT | tr A-Z a-z)", "--lower $LOWER") },
		func() { add("UPPER=${SELF_NAME:-abc}\nUPPER=${UPPER^^}", "--upper $UPPER") },
		func() { add("ok() { [ \"$1\" = yes ]; }\nif ok yes; then GOOD=--good; else GOOD=--bad; fi", "$GOOD") },
		func() { add("value() {\n  local v=$1\n  echo \"v-$v\"\n}", "--value $(value 5)") },
		func() { add("N=0\nwhile [ $N -lt 3 ]; do\n  N=$((N + 1))\ndone", "--n $N") },
		func() { add("/var/vcap/packages/app/bin/helper --quiet || true") },
		func() { add("/var/vcap/packages/app/bin/helper --check && READY=--ready", "${READY:-}") },
		func() { add("su - vcap -c '/var/vcap/packages/app/bin/helper --as-vcap'") },
		func() { add("chpst -u vcap:vcap /var/vcap/packages/app/bin/helper --in DIR") },
		func() { add("cd /var/vcap/packages/app\n./bin/helper --relative\ncd /") },
		func() { add("HELPER_MODE=x /var/vcap/packages/app/bin/helper --with-env") },
		func() { add("(export ONLY_HERE=1; /var/vcap/packages/app/bin/helper --sub)") },
		func() { add("echo input | /var/vcap/packages/app/bin/helper --stdin") },
		func() { add("/var/vcap/packages/app/bin/helper --back &") },
		func() {
			add("for f in /var/vcap/jobs/JOB/config/*.conf; do\n  CONFS=\"${CONFS:-} -f $f\"\ndone", "$CONFS")
		},
		func() { add("trap 'echo bye' EXIT") },
		func() { add("if [ ! -f /var/vcap/jobs/JOB/config/none ]; then\n  export NONE=1\nfi") },
		func() {
			add(make + "if [ ! -f @D@/done ]; then\n  /var/vcap/packages/app/bin/helper --once\n  touch @D@/done\nfi")
		},
		func() { add(make + "mkdir -p @D@/a/b/c && chown -R vcap:vcap @D@/a") },
		func() { add(make + "echo <%= p('" + g.property("hosts", "[a, b]") + "').join(' ') %> > @D@/hosts") },
		func() {
			add(make + "<% p('" + g.property("hosts", "[a, b]") + "').each do |h| %>\necho <%= h %> >> @D@/each\n<% end %>")
		},
		func() {
			add(make + "TARGET=@D@/target\nif [ -L $TARGET ]; then rm $TARGET; fi\nln -s /var/vcap/packages/app $TARGET")
		},
		func() { add("exec 3>&1") },
		func() { add("export EMPTY=\nexport BLANK=' '") },
		func() { add(`export QUOTED="it's \"quoted\" \$x"`) },
		func() { add("export MULTI='two\nlines'") },
		func() { add(`JSON='{"a": "b c"}'`, `--json "$JSON"`) },
	}
	odds[g.IntN(len(odds))]()
}

// launch is the last command of the start arm.
func (g *grammar) launch() {
	j := g.d.job
	for range 1 + g.IntN(4) {
		switch g.IntN(13) {
		case 0:
			g.config()
			g.add("args", g.pick("-c", "--config", "-f")+" /var/vcap/jobs/"+j+"/config/app.conf")
		case 1:
			g.add("args", "--port <%= p('"+g.property("port", "8080")+"') %>")
		case 2:
			g.add("args", "--name \"<%= p('"+g.property("name", "a shop")+"') %>\"")
		case 3:
			g.add("args", "<% if p('"+g.property("debug", "false")+"') %>--debug<% end %>")
		case 4:
			g.add("args", "<% p('"+g.property("hosts", "[a, b]")+"').each do |h| %> --host <%= h %><% end %>")
		case 5:
			g.add("args", "--root "+g.dir())
		case 6:
			g.add("args", "--pid $PIDFILE")
		case 7:
			g.add("start", "OPTS=\"--one 1 -v\"\n<% if p('"+g.property("debug", "false")+"') %>\nOPTS=\"$OPTS --trace\"\n<% end %>")
			g.add("args", "$OPTS")
		case 8:
			g.add("args", g.pick("--say 'two words'", "--say \"two words\"", "--re '^a.*b$'", "--json '{\"a\": [1]}'", "--dollar \\$HOME", "--star \\*"))
		case 9:
			g.add("args", g.pick("--log $LOG_DIR/app.log", "--dir=${RUN_DIR}", "--sock $RUN_DIR/app.sock"))
		case 10:
			g.add("args", "--index <%= spec.index %>")
		case 11:
			if g.has("ruby") {
				g.add("args", "-w <%= workers %>")
			} else {
				g.add("args", "--plain")
			}
		case 12:
			g.add("start", "EXTRA=\"\"\nif [ -f /var/vcap/data/"+j+"/extra ]; then\n  EXTRA=\"--extra\"\nfi")
			g.add("args", "$EXTRA")
		}
	}
	program := "/var/vcap/packages/app/bin/appd"
	switch {
	case g.of399(83):
		g.add("head", g.pick("DAEMON=/var/vcap/packages/app/bin/appd", "APP_DIR=/var/vcap/packages/app\nDAEMON=$APP_DIR/bin/appd"))
		program = g.pick("$DAEMON", "${DAEMON}", "\"$DAEMON\"")
	case g.of399(58) && slices.Contains(g.d.lists["known"], "path"):
		program = "appd"
	}
	user := ""
	switch {
	case g.of399(168):
		user = g.pick("chpst -u vcap:vcap ", "chpst -u vcap ", "/sbin/chpst -u vcap:vcap ")
		if strings.HasPrefix(user, "/sbin") {
			user = "chpst -u vcap:vcap "
		}
	case g.of399(10):
		user = g.pick("runuser -u vcap -- ", "setpriv --reuid vcap --regid vcap --clear-groups ")
	}
	out := g.pick("", " >> $LOG_DIR/"+j+".stdout.log 2>> $LOG_DIR/"+j+".stderr.log", " >>$LOG_DIR/"+j+".log 2>&1", " >> $LOG_DIR/"+j+".log \\\n  2>> $LOG_DIR/"+j+".err.log")
	switch {
	case g.of399(26):
		g.add("launch", g.pick("su - vcap -c", "su vcap -c", "exec su vcap -s /bin/bash -c")+" \"exec "+strings.ReplaceAll(program, "\"", "")+" --from-su --port <%= p('"+g.property("port", "8080")+"') %>"+out+"\"")
	case g.of399(51):
		g.add("launch", user+program+" @ARGS@"+out+" &\necho $! > $PIDFILE")
	case g.of399(49):
		g.add("launch", "exec "+user+program+" @ARGS@ 2>&1 | tee -a $LOG_DIR/"+j+".log")
	case g.of399(23):
		// it refuses a pidfile that others can write, and monit's umask makes such
		g.d.lists["start"] = slices.DeleteFunc(g.d.lists["start"], func(b string) bool { return strings.HasPrefix(b, "echo") && strings.Contains(b, "PIDFILE") })
		g.add("launch", "start-stop-daemon --start --background --make-pidfile --pidfile $PIDFILE"+g.pick(" --chuid vcap:vcap", "")+" --exec "+program+" -- @ARGS@")
	case g.of399(22):
		g.add("launch", "exec "+user+"bash -c \"exec "+strings.ReplaceAll(program, "\"", "")+" --in-bash\""+out)
	case g.of399(59):
		g.add("wrapper", g.pick("#!/bin/bash\nset -e\nexport FROM_WRAPPER=1\nexec "+user+"/var/vcap/packages/app/bin/appd @ARGS@"+out, "#!/bin/bash\ncd /var/vcap/packages/app\nexec "+user+"/var/vcap/packages/app/bin/appd --wrapped \"$@\""))
		if strings.Contains(g.d.lists["wrapper"][0], "\"$@\"") {
			g.add("launch", "exec /var/vcap/jobs/"+j+"/bin/run_app @ARGS@"+out)
		} else {
			g.add("launch", "exec /var/vcap/jobs/"+j+"/bin/run_app")
			g.d.lists["wrapper"][0] = strings.Replace(g.d.lists["wrapper"][0], "@ARGS@"+out, "--wrapped", 1)
			g.d.lists["args"] = nil
		}
	default:
		l := "exec " + user + program + " @ARGS@" + out
		if g.of399(60) {
			l = user + program + " @ARGS@" + out
		}
		if g.of399(16) {
			l = "exec env APP_INLINE=1 " + user + program + " @ARGS@" + out
		} else if g.of399(16) {
			l = "APP_INLINE=\"a b\" " + user + program + " @ARGS@" + out
		}
		if g.of399(13) {
			l += " < /dev/null"
		}
		switch {
		case g.of399(40):
			l = "if [ -f /var/vcap/data/" + j + "/special ]; then\n  " + strings.ReplaceAll(l, "@ARGS@", "--special @ARGS@") + "\nelse\n  " + l + "\nfi"
		case g.of399(30):
			l = "<% if p('" + g.property("special", "false") + "') %>\n" + strings.ReplaceAll(l, "@ARGS@", "--special @ARGS@") + "\n<% else %>\n" + l + "\n<% end %>"
		case g.of399(33):
			g.add("functions", "start_app() {\n"+indent(l)+"\n}")
			l = "start_app"
		}
		g.add("launch", l)
	}
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// stop is the stop arm.
func (g *grammar) stop() {
	switch {
	case slices.Contains(g.d.lists["known"], "utils") && g.of399(263):
		g.add("stop", g.pick("kill_and_wait $PIDFILE", "kill_and_wait $PIDFILE 60"))
	default:
		g.add("stop", g.pick("kill $(cat $PIDFILE)", "kill `cat $PIDFILE`", "PID=$(head -1 $PIDFILE)\nkill $PID\nwhile [ -e /proc/$PID ]; do sleep 0.1; done"), "rm -f $PIDFILE")
	}
	if g.of399(40) {
		g.add("stop", g.pick("/var/vcap/packages/app/bin/leave", "rm -rf /var/vcap/data/"+g.d.job+"/tmp"))
	}
}

// monit is what stands below the check.
func (g *grammar) monit() {
	if g.of399(60) {
		g.add("timeout", " with timeout 60 seconds")
	}
	if g.of399(27) {
		g.add("monit", "  if failed port <%= p('"+g.property("port", "8080")+"') %> for 3 cycles then restart")
	}
	if g.of399(9) {
		g.add("monit", "  if totalmem > 512 Mb for 10 cycles then restart")
	}
	if g.of399(63) {
		j := g.d.job
		g.add("second", "#!/bin/bash\nPIDFILE=/var/vcap/sys/run/"+j+"/worker.pid\ncase $1 in\nstart)\n  mkdir -p /var/vcap/sys/run/"+j+" /var/vcap/data/"+j+"/jobs\n  chown vcap:vcap /var/vcap/data/"+j+"/jobs\n  echo $$ > $PIDFILE\n  exec chpst -u vcap:vcap /var/vcap/packages/app/bin/worker --queue /var/vcap/data/"+j+"/jobs\n  ;;\nstop)\n  kill $(cat $PIDFILE)\n  rm -f $PIDFILE\n  ;;\nesac\n")
	}
}

// scripts are the others of the job.
func (g *grammar) scripts() {
	j := g.d.job
	if g.of399(75) {
		for range 1 + g.IntN(3) {
			g.add("pre-start", g.pick("mkdir -p /var/vcap/store/"+j+"/db\nchown -R vcap:vcap /var/vcap/store/"+j, "echo prepared > /var/vcap/data/"+j+"/prepared", "/var/vcap/packages/app/bin/prepare --port <%= p('"+g.property("port", "8080")+"') %>", "[ -f /var/vcap/store/"+j+"/seed ] || { mkdir -p /var/vcap/store/"+j+"; date +%Y > /dev/null; echo seed > /var/vcap/store/"+j+"/seed; }", "chmod 0750 /var/vcap/data/"+j))
		}
	}
	if g.of399(29) {
		g.add("post-start", g.pick("/var/vcap/packages/app/bin/wait_for --port <%= p('"+g.property("port", "8080")+"') %>", "for i in 1 2 3; do\n  curl -s localhost:8080 > /dev/null && break\n  sleep 1\ndone"))
	}
	if g.of399(39) {
		g.add("drain", "echo 0")
	}
}

// release gives the files of a release that has the job.
func (d *design) release() map[string]string {
	j := d.job
	own := "jobs/" + j + "/"
	out := map[string]string{"config/final.yml": "name: made-up\n"}
	for n, text := range d.files {
		out[n] = text
	}
	templates := []string{"ctl.erb: bin/" + j + "_ctl"}
	lines := func(list string) string { return strings.Join(d.lists[list], "\n") }
	args := strings.Join(d.lists["args"], " ")
	var ctl strings.Builder
	fmt.Fprintf(&ctl, "%s\n\n", lines("shebang"))
	for _, list := range []string{"ruby", "head", "functions"} {
		if len(d.lists[list]) > 0 {
			ctl.WriteString(strings.ReplaceAll(lines(list), "@ARGS@", args) + "\n\n")
		}
	}
	start := append(slices.Clone(d.lists["start"]), strings.ReplaceAll(lines("launch"), "@ARGS@", args))
	ctl.WriteString("case $1 in\n  start)\n" + body(start) + "    ;;\n  stop)\n" + body(d.lists["stop"]) + "    ;;\n  *)\n    echo \"Usage: $0 {start|stop}\"\n    ;;\nesac\n")
	out[own+"templates/ctl.erb"] = ctl.String()
	if len(d.lists["config"]) > 0 {
		out[own+"templates/app.conf.erb"] = lines("config") + "\n"
		templates = append(templates, "app.conf.erb: config/app.conf")
	}
	if len(d.lists["env-file"]) > 0 || strings.Contains(ctl.String(), "bin/env.sh") {
		out[own+"templates/env.sh.erb"] = "#!/bin/bash\n" + lines("env-file") + "\n"
		templates = append(templates, "env.sh.erb: bin/env.sh")
	}
	if len(d.lists["wrapper"]) > 0 {
		out[own+"templates/run_app.erb"] = lines("wrapper") + "\n"
		templates = append(templates, "run_app.erb: bin/run_app")
	}
	for _, name := range []string{"pre-start", "post-start", "drain"} {
		if len(d.lists[name]) > 0 {
			out[own+"templates/"+name+".erb"] = "#!/bin/bash\n" + lines(name) + "\n"
			templates = append(templates, name+".erb: bin/"+name)
		}
	}
	check := func(name, pidfile, script, more string) string {
		return fmt.Sprintf("check process %s\n  with pidfile %s\n  start program \"/var/vcap/jobs/%s/bin/%s start\"%s\n  stop program \"/var/vcap/jobs/%s/bin/%s stop\"%s\n  group vcap\n%s", name, pidfile, j, script, lines("timeout"), j, script, lines("timeout"), more)
	}
	more := ""
	if len(d.lists["monit"]) > 0 {
		more = lines("monit") + "\n"
	}
	monit := check(j, d.lists["pidfile"][0], j+"_ctl", more)
	if len(d.lists["second"]) > 0 {
		out[own+"templates/worker_ctl"] = d.lists["second"][0]
		templates = append(templates, "worker_ctl: bin/worker_ctl")
		monit += "\n" + check("worker", "/var/vcap/sys/run/"+j+"/worker.pid", "worker_ctl", "")
	}
	out[own+"monit"] = monit
	properties := ""
	if len(d.lists["properties"]) > 0 {
		properties = "properties:\n" + strings.Join(d.lists["properties"], "")
	}
	out[own+"spec"] = "---\nname: " + j + "\ntemplates:\n  " + strings.Join(templates, "\n  ") + "\npackages: [" + strings.Join(append([]string{"app", "lib"}, d.lists["packages"]...), ", ") + "]\n" + properties
	return out
}

// body indents blocks, but for what stands in a here-document and ERB.
func body(blocks []string) string {
	var b strings.Builder
	for _, block := range blocks {
		if block == "" {
			continue
		}
		inDoc := false
		for _, line := range strings.Split(block, "\n") {
			if inDoc || strings.HasPrefix(line, "<%") {
				b.WriteString(line + "\n")
			} else {
				b.WriteString("    " + line + "\n")
			}
			inDoc = inDoc && line != "CONF" || strings.Contains(line, "<<CONF") || strings.Contains(line, "<<'CONF'")
		}
	}
	return b.String()
}
