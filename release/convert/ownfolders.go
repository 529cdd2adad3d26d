package convert

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// givenFolders names folders below /var/vcap/jobs and /var/vcap/packages that the
// old script or the job's pre-start made writable for the process: its container
// has them read-only, whoever owns them.
func (w *job) givenFolders() {
	for _, l := range w.launches {
		for _, c := range l.result.Commands {
			if paths, ok := operands(c); ok {
				args := make([]string, 0, len(c.Words))
				for _, word := range c.Words[1:] {
					args = append(args, word.String())
				}
				w.given(c.Name(), args, paths, c.Span)
			}
		}
	}
	f, _, err := w.Job.TemplateFile("bin/pre-start")
	if err != nil {
		return
	}
	s := readHostScript(f, true)
	if s == nil {
		return
	}
	syntax.Walk(s.tree, func(n syntax.Node) bool {
		c, call := n.(*syntax.CallExpr)
		if !call {
			return true
		}
		name, words := s.command(c)
		var args, paths []string
		for _, word := range words {
			v, known := s.value(word)
			if !known {
				return true
			}
			args = append(args, v)
			if path.IsAbs(v) {
				paths = append(paths, path.Clean(v))
			}
		}
		w.given(name, args, paths, s.span(c))
		return true
	})
}

// given looks at one chown or chmod. Only a mode says for certain that somebody
// writes; files are also given to vcap for it to read them.
func (w *job) given(name string, args, paths []string, at source.Span) {
	severity := source.Note
	switch {
	case len(args) == 0:
		return
	case name == "chown":
		owner, _, _ := strings.Cut(firstOperand(args), ":")
		if owner == "" || owner == "root" {
			return
		}
	case name == "chmod" && opensUp(firstOperand(args)):
		severity = source.Warning
	default:
		return
	}
	for _, p := range paths {
		place := container.Locate(w.Job.Name, p)
		if place.Kind != container.Packages && (place.Kind != container.Job || place.Owner != w.Job.Name) {
			continue
		}
		w.find("read-only-path", severity, at, "%s was made writable for the process here, and is read-only in its container, whoever owns it: what the process writes there has to move to %s or %s", p, w.dataDir(), w.storeDir())
	}
}

func firstOperand(args []string) string {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return a
		}
	}
	return ""
}

// symbolicWrite gives others than the owner the right to write.
var symbolicWrite = regexp.MustCompile(`(?:^|,)[ugoa]*[goa][ugoa]*[+=][rxXst]*w`)

// opensUp says whether a mode lets others than the owner write.
func opensUp(mode string) bool {
	if bits, err := strconv.ParseUint(mode, 8, 16); err == nil {
		return bits&0o022 != 0
	}
	return symbolicWrite.MatchString(mode)
}
