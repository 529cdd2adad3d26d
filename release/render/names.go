package render

import (
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// Kind is what a value is by the name of its property.
type Kind int

const (
	Text Kind = iota
	Number
	True
	False
	// Path is an absolute one, of a file or a folder. What is only called a path
	// may be that of a URL.
	Path
)

// What names say; Go's and Ruby's regexps agree on these. The first that matches
// the last part of a name counts.
const (
	noName   = `(^|[._-])(disabled?|debug)$|_disabled$|^(disable|skip)_`
	yesName  = `(^|[._-])(enabled?|active)$|_enabled$|^(enable|use)_`
	pathName = `(^|[._-])(dir|directory|file|folder|socket)$`

	numberName = `(^|[._-])(port|timeout|size|count|limit|nofile|open_files|file_descriptors|fds|interval|seconds|secs|ms|` +
		`minutes|retries|attempts|workers|threads|replicas|weight|ttl|mb|kb|gb|bytes|megabytes|memory|heap|instances|` +
		`connections|processes|days|hours|uid|gid|max|min|length|depth|percent|percentage|quota|factor)$|` +
		`(^|[._-])(max|min|num|number_of)_[a-z_]+$`
)

var names = []struct {
	re   *search.Pattern
	kind Kind
}{
	{search.MustCompile(noName), False},
	{search.MustCompile(yesName), True},
	{search.MustCompile(numberName), Number},
	{search.MustCompile(pathName), Path},
}

var lastPart = search.MustCompile(`[^.]+$`)

// KindOf says what is synthesized for a property of that name.
func KindOf(name string) Kind {
	last := lastPart.FindString(name)
	for _, n := range names {
		if n.re.MatchString(last) {
			return n.kind
		}
	}
	return Text
}
