package release

import (
	"bytes"
	"slices"
	"sort"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// mention is a path below /var/vcap as it stands in a file.
type mention struct {
	path string
	span source.Span
}

// maxMentions is how many paths of one file are looked at: who has read so many
// findings about a file knows it by heart.
const maxMentions = 2000

// Mentions finds the places where a path on the VM stands in the jobs, the
// documents, the scripts or the sample manifests of the release: the path
// itself, or what lies below it or begins with it and a dot. The release is read
// once for all of them.
func (r *Release) Mentions(vmPath string) []source.Span {
	r.indexed.Do(r.index)
	var spans []source.Span
	for i := sort.Search(len(r.mentions), func(i int) bool { return r.mentions[i].path >= vmPath }); i < len(r.mentions); i++ {
		m := r.mentions[i]
		rest, ok := strings.CutPrefix(m.path, vmPath)
		if !ok {
			break
		}
		if rest == "" || rest[0] == '/' || rest[0] == '.' {
			spans = append(spans, m.span)
		}
	}
	slices.SortStableFunc(spans, func(a, b source.Span) int {
		if n := strings.Compare(a.File.Name, b.File.Name); n != 0 {
			return n
		}
		return a.Start - b.Start
	})
	return spans
}

func (r *Release) index() {
	r.mentions = []mention{}
	names := r.Glob(func(string) bool { return true }, "jobs", "docs", "ci", "scripts", "packages", "manifests", "manifest", "examples", "operations", "templates")
	names = append(names, r.top(".md")...)
	for _, name := range names {
		f, err := r.Read(name)
		if err != nil || bytes.IndexByte(f.Data, 0) >= 0 {
			continue
		}
		for at, n := 0, 0; n < maxMentions; n++ {
			i := bytes.Index(f.Data[at:], []byte("/var/vcap/"))
			if i < 0 {
				break
			}
			start := at + i
			end := start
			for end < len(f.Data) && IsPathByte(f.Data[end]) {
				end++
			}
			at = end
			if start > 0 && IsPathByte(f.Data[start-1]) {
				continue
			}
			r.mentions = append(r.mentions, mention{string(f.Data[start:end]), source.Span{File: f, Start: start, End: end}})
		}
	}
	slices.SortFunc(r.mentions, func(a, b mention) int { return strings.Compare(a.path, b.path) })
}

// top lists the files at the top of the release with an extension.
func (r *Release) top(ext string) []string {
	var names []string
	for _, e := range r.entries {
		if strings.HasSuffix(e, ext) {
			names = append(names, e)
		}
	}
	return names
}

// Occurrences finds the places where a path of the VM stands in a text: whole, or
// followed by what lies below it. A name that goes on (store/web.db beside
// store/web) is another path.
func Occurrences(text, path string) [][2]int {
	var found [][2]int
	for at := 0; ; {
		i := strings.Index(text[at:], path)
		if i < 0 {
			return found
		}
		start := at + i
		end := start + len(path)
		at = end
		if end < len(text) && IsPathByte(text[end]) && text[end] != '/' && text[end] != '.' {
			continue
		}
		if end+1 < len(text) && text[end] == '.' && IsPathByte(text[end+1]) && text[end+1] != '.' {
			continue
		}
		if start > 0 && IsPathByte(text[start-1]) {
			continue
		}
		for end < len(text) && IsPathByte(text[end]) {
			end++
		}
		found = append(found, [2]int{start, end})
	}
}

// NamesPath says whether a text names a path itself, not something below it.
func NamesPath(text, p string) bool {
	for rest := text; ; {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
		if rest == "" || !IsPathByte(rest[0]) {
			return true
		}
	}
}

// IsPathByte says whether a byte belongs to a path as scripts write them.
func IsPathByte(c byte) bool {
	return c == '/' || c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
