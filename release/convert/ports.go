package convert

import (
	"slices"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/ports"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// listeners are the places that tell on which ports a process listens: its
// arguments, its environment and the files that it reads, with the values that
// properties have by default and in sample manifests.
type listeners struct {
	*ports.Reader
	// read are the files that were looked at.
	read []*source.File
}

// listeners looks for what a process listens on.
func (w *job) listeners(l *launch) *listeners {
	ls := &listeners{Reader: &ports.Reader{Values: w.portValues}}
	for _, u := range l.ways {
		ls.args(u)
		for _, e := range u.Env {
			if ports.Name(e.Name) != "" {
				at := e.Value.Span()
				if !at.Valid() {
					at = u.Span()
				}
				ls.Value(at, e.Value.String(), ports.Name(e.Name), true)
			}
		}
	}
	ls.monit(l)
	ls.read = w.configFiles(l)
	for _, f := range ls.read {
		ls.Config(f, settingsOf(f))
	}
	return ls
}

// portValues are the values of a property.
func (w *job) portValues(property string) []ports.Value {
	var all []ports.Value
	for _, t := range w.propertyTexts(property) {
		all = append(all, ports.Value{Text: t.body, Span: t.span(0, len(t.body))})
	}
	return all
}

// monit reads what monit asks the process: if failed port 80.
func (ls *listeners) monit(l *launch) {
	at := l.check.Span
	for _, m := range failedPort.FindAllStringSubmatchIndex(blankComments(at.Text()), -1) {
		ls.Value(source.Span{File: at.File, Start: at.Start + m[2], End: at.Start + m[3]}, at.Text()[m[2]:m[3]], "port", true)
	}
	// a property that has no value is told of where the process reads it
	ls.Found = slices.DeleteFunc(ls.Found, func(o ports.Listener) bool { return o.Port == 0 && o.At.File == at.File })
}

var failedPort = search.MustCompile(`(?i)\bif\s+failed\b[^\n]*?\bport\s+(\d+|<%=.*?%>)`)

// args reads the command line.
func (ls *listeners) args(u *ctl.Launch) {
	var args []ports.Argument
	for _, word := range u.Args {
		at := word.Span()
		if !at.Valid() {
			at = u.Span()
		}
		args = append(args, ports.Argument{Text: word.String(), At: at})
	}
	ls.Arguments(args)
}
