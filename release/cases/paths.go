package cases

import (
	"bytes"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// line is what stands before a value that is printed, in its line.
type line struct {
	before string
	// text is all of the template: what the line assigns may be used elsewhere.
	text []byte
}

var opener = search.MustCompile(`(?:<%=|#\{)[^<>#]*$`)

// lineBefore is the line before an expression that is printed, up to its ERB or
// the #{ that it is in.
func lineBefore(text []byte, start int) line {
	if start < 0 || start > len(text) {
		return line{}
	}
	from := bytes.LastIndexByte(text[:start], '\n') + 1
	l := line{before: string(text[from:start]), text: text}
	at := opener.FindStringIndex(l.before)
	if at == nil {
		return line{}
	}
	l.before = l.before[:at[0]]
	return l
}

// place is what a text that looks like a path by its name is a path of.
type place int

const (
	noPath place = iota
	// part is a part of a path, or of another word.
	part
	// ofURL is behind the host of a URL.
	ofURL
	// onDisk is a file or a folder.
	onDisk
)

var (
	// what a URL's path is put behind: a URL, a port, an option that says so
	urlBefore = search.MustCompile(`(?i)://[^\s"']*$|:(?:<%=[^%]*%>|\d+|\$\{?\w+\}?|#\{[^}]*\})/?$|` +
		`(?:ur[li]|route|endpoint|prefix|telemetry|metrics|context|https?|web|health|api|probe)[\w.-]*["']?\s*(?:=>|[=:,])?\s*["']?$`)
	describesURL = search.MustCompile(`(?i)\b(?:ur[li]s?|https?|endpoints?|routed?|routes|telemetry|context path|under which|expose[ds]?|web)\b|/metrics\b`)

	diskBefore    = search.MustCompile(`(?:^|[\s;&|(])(?:mkdir|chown|chmod|chgrp|cat|cp|mv|rm|ln|touch|source|\.|cd|ls|tar|find|install|tee|test|\[\[?|pushd|du|stat|rsync|mount)\s[^;|&]*$`)
	redirected    = search.MustCompile(`(?:^|[^%=])[<>]\s*["']?$`)
	describesDisk = search.MustCompile(`(?i)\b(?:files?|folders?|director(?:y|ies)|disks?|file ?system|mount(?:ed)?|sockets?|binary|executable|certificates?|location (?:on|of)|on the (?:vm|host|machine))\b`)
	assigns       = search.MustCompile(`(?:^|[\s;(])([A-Za-z_]\w*)=["']?$`)

	// ambiguous are names of paths on the disk, and of those of URLs
	ambiguous = search.MustCompile(`(?:^|[._-])path$`)
)

// place says where a line puts a value.
func (l line) place() place {
	before := strings.TrimRight(l.before, `"'`)
	switch {
	case urlBefore.MatchString(l.before):
		return ofURL
	case redirected.MatchString(l.before):
		return onDisk
	case before != "" && (isWord(before[len(before)-1]) || strings.IndexByte("/}>-.", before[len(before)-1]) >= 0) && !strings.HasSuffix(before, "]"):
		return part
	case diskBefore.MatchString(l.before):
		return onDisk
	}
	if m := assigns.FindStringSubmatch(l.before); m != nil {
		use := search.MustCompile(`(?m)(?:^|[\s;&|(])(?:mkdir|chown|chmod|chgrp|cat|cp|mv|rm|ln|touch|source|cd|ls|tar|find|install|tee|test|\[\[?)\s[^;|&\n]*\$\{?` + m[1] + `\b`)
		if use.Match(l.text) {
			return onDisk
		}
	}
	return noPath
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// place is where a property that has no value leads to, as the templates, its
// description and its name tell. A path that nothing calls one of the disk is not
// taken for it.
func (p *property) place() place {
	named := render.KindOf(p.name) == render.Path
	if !named && !ambiguous.MatchString(p.name) {
		return noPath
	}
	for _, w := range []place{ofURL, part, onDisk} {
		if p.places[w] {
			return w
		}
	}
	url, disk := describesURL.MatchString(p.description), describesDisk.MatchString(p.description)
	switch {
	case p.kinds[filed]:
		return onDisk
	case named && (disk || !url):
		return onDisk
	case url:
		return ofURL
	case disk:
		return onDisk
	}
	return noPath
}

// placed is a path that leads there, and says which property it stands for.
func placed(w place, name string) string {
	switch w {
	case ofURL:
		return "/p." + name
	case onDisk:
		return "/var/vcap/data/p." + name
	}
	return "p." + name
}
