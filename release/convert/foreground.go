package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/daemon"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// insteadOf runs another program for those that only start one.
var insteadOf = map[string]func(executable string, args []bpm.Item) (string, []bpm.Item, bool){
	"pg_ctl": postgres, "hadoop-daemon.sh": hadoop("hadoop"), "hbase-daemon.sh": hadoop("hbase"),
}

// background finds the row that makes a launch one which puts itself in the
// background; nil when it stays in the foreground.
func background(l *ctl.Launch) *daemon.Program {
	var args []string
	for _, a := range l.Args {
		args = append(args, a.String())
	}
	return daemon.Find(l.Name(), args)
}

// texts gives arguments as text; one that is not known is empty.
func texts(items []bpm.Item) []string {
	out := make([]string, len(items))
	for i, a := range items {
		out[i], _ = a.Static()
	}
	return out
}

// postgres runs the server itself: pg_ctl only starts it.
func postgres(executable string, args []bpm.Item) (string, []bpm.Item, bool) {
	var out []bpm.Item
	ts := texts(args)
	for i := 0; i < len(args); i++ {
		switch ts[i] {
		case "-D", "--pgdata":
			if i+1 < len(args) {
				i++
				out = append(out, bpm.Item{Value: bpm.Text("-D")}, args[i])
			}
		case "-o", "--options":
			if i+1 >= len(args) || len(args[i+1].Guards) > 0 {
				return "", nil, false
			}
			i++
			words, ok := splitValue(args[i].Value)
			if !ok {
				return "", nil, false
			}
			out = append(out, words...)
		case "-l", "-t", "-m", "-p", "--log", "--timeout":
			i++
		case "start", "-w", "-W", "-s":
		default:
			return "", nil, false
		}
	}
	return path.Join(path.Dir(executable), "postgres"), out, true
}

// splitValue splits the options in a string at blanks; quotes in it are more
// than it reads.
func splitValue(v bpm.Value) ([]bpm.Item, bool) {
	var items []bpm.Item
	open := bpm.Value{}
	flush := func() {
		if len(open) > 0 {
			items = append(items, bpm.Item{Value: open})
		}
		open = nil
	}
	for _, p := range v {
		if len(p.Guards) > 0 {
			return nil, false
		}
		if p.Ruby != "" {
			open = append(open, p)
			continue
		}
		if strings.ContainsAny(p.Text, `"'\`) {
			return nil, false
		}
		for i, word := range blanks.Split(p.Text, -1) {
			if i > 0 {
				flush()
			}
			if word != "" {
				open = append(open, bpm.Piece{Text: word})
			}
		}
	}
	flush()
	return items, true
}

var blanks = search.MustCompile(`[ \t\n]+`)

// hadoop runs what the daemon script would have run: hadoop --config C namenode.
func hadoop(program string) func(string, []bpm.Item) (string, []bpm.Item, bool) {
	return func(executable string, args []bpm.Item) (string, []bpm.Item, bool) {
		var out []bpm.Item
		for i, t := range texts(args) {
			if t != "start" {
				out = append(out, args[i])
			}
		}
		if program == "hbase" {
			out = append(out, bpm.Item{Value: bpm.Text("start")})
		}
		return path.Join(path.Dir(executable), program), out, true
	}
}

// pidFlag is what options are called that name a pidfile.
var pidFlag = search.MustCompile(`(?i)^(-{1,2}(p|P|pid|pidfile|pid-file|pid_file|pidfilepath|pid-path))(=|$)`)

// foreground turns a program's arguments into those that keep it in the
// foreground, and takes the old pidfile off.
func (w *job) foreground(l *launch, p *bpm.ProcessTemplate) bool {
	here := l.launch.Span()
	row := daemon.Find(path.Base(p.Executable), argTexts(p.Args))
	if other := insteadOf[path.Base(p.Executable)]; row != nil && other != nil {
		executable, args, ok := other(p.Executable, p.Args)
		if !ok {
			return w.decline(here, "%s puts itself in the background, and how to run it in the foreground with these arguments is not known", path.Base(p.Executable))
		}
		w.decide(l, at(here), "executable: "+executable, "%s only starts it and puts it in the background; bpm supervises a process in the foreground", path.Base(p.Executable))
		w.find("argv-changed", source.Note, here, "%s is run itself, and not through %s any more", executable, p.Executable)
		w.differs("main", "executable", "argv")

		p.Executable, p.Args = executable, args
	} else if row != nil {
		var kept []bpm.Item
		for i := 0; i < len(p.Args); i++ {
			text := texts(p.Args)[i]
			switch {
			case slices.Contains(row.Flags, text) && text != "":
				w.decide(l, at(here), "no "+text, "it sends the process to the background, and bpm supervises it in the foreground")
				continue
			case slices.Contains(row.Valued, text) && text != "":
				w.decide(l, at(here), "no "+text, "bpm writes the pidfile that monit reads")
				i++
				continue
			}
			kept = append(kept, p.Args[i])
		}
		for _, a := range row.Add() {
			kept = append(kept, bpm.Item{Value: bpm.Text(a)})
		}
		if len(row.Add()) > 0 {
			w.decide(l, at(here), strings.Join(row.Add(), " "), "keeps %s in the foreground, where bpm supervises it (%s)", path.Base(p.Executable), row.Docs)
		}
		p.Args = kept
	}
	var kept []bpm.Item
	for i := 0; i < len(p.Args); i++ {
		text := p.Args[i].Value.String()
		if m := pidFlag.FindString(text); m != "" && len(p.Args[i].Guards) == 0 {
			if value, ok := strings.CutPrefix(text, m); ok && strings.HasSuffix(m, "=") && w.oldPid(l, value) {
				w.decide(l, at(here), "no "+text, "the container has no place for it, and bpm writes the pidfile that monit reads")
				continue
			}
			if i+1 < len(p.Args) && w.oldPid(l, p.Args[i+1].Value.String()) {
				w.decide(l, at(here), "no "+text+" "+p.Args[i+1].Value.String(), "the container has no place for it, and bpm writes the pidfile that monit reads")
				i++
				continue
			}
		}
		kept = append(kept, p.Args[i])
	}
	p.Args = kept
	return true
}

func (w *job) oldPid(l *launch, file string) bool {
	return path.Clean(file) == l.pidfile || strings.HasPrefix(file, "/var/vcap/sys/run/") && strings.HasSuffix(file, ".pid")
}

func argTexts(items []bpm.Item) []string {
	var out []string
	for _, i := range items {
		out = append(out, i.Value.String())
	}
	return out
}
