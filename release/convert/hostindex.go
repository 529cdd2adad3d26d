package convert

import (
	"bytes"
	"index/suffixarray"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/hostscript"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// hostIndex finds the scripts of a release that may say a name. Each job asks for
// its own names, and a release may have thousands of jobs: nobody reads all files
// for each of them.
type hostIndex struct {
	release *release.Release
	once    sync.Once
	files   []indexed
	// words are the words of all files, each once and on a line of its own, at the
	// offsets starts; in has which files have the word.
	words  *suffixarray.Index
	starts []int
	in     [][]int
	// open are the files with a name that ends in a pattern: it may be any.
	open []int
}

// indexed is one template of a job.
type indexed struct {
	job    *release.Job
	target string
	file   *source.File
	// script says that it is one by its first line or its folder.
	script bool
}

// read gives the file as a script that runs on the VM; nil when it is none.
func (i indexed) read() *hostscript.Script { return hostscript.Read(i.file, i.script) }

func (x *hostIndex) build() {
	in := map[string][]int{}
	for _, j := range x.release.Jobs {
		if j.Spec == nil {
			continue
		}
		for _, t := range j.Spec.Templates {
			f, _, err := j.TemplateFile(t.Target)
			if err != nil {
				continue
			}
			n := len(x.files)
			x.files = append(x.files, indexed{j, t.Target, f, bytes.HasPrefix(f.Data, []byte("#!")) || strings.HasPrefix(t.Target, "bin/")})
			add := func(text string) {
				eachWord(text, func(word string) {
					if files := in[word]; len(files) == 0 || files[len(files)-1] != n {
						in[word] = append(files, n)
					}
				})
			}
			add(string(f.Data))
			if s := x.files[n].read(); s != nil {
				for _, w := range s.Composed {
					add(w)
				}
				if slices.ContainsFunc(s.Composed, anyPidfile) {
					x.open = append(x.open, n)
				}
			}
		}
	}
	var text []byte
	for word, files := range in {
		x.starts = append(x.starts, len(text))
		x.in = append(x.in, files)
		text = append(append(text, word...), '\n')
	}
	x.words = suffixarray.New(text)
}

// anyPidfile says whether a word with stars for what is not known can be the name
// of a pidfile of any job.
func anyPidfile(word string) bool {
	return strings.HasPrefix(word, "/var/vcap/") && strings.HasSuffix(word, ".pid") && strings.Contains(word[strings.LastIndexByte(word, '/')+1:], "*")
}

// eachWord calls do with the words of a text: runs of letters, digits, _, . and -.
func eachWord(text string, do func(word string)) {
	start := -1
	for i := range len(text) + 1 {
		switch inside := i < len(text) && nameByte(text[i]); {
		case inside && start < 0:
			start = i
		case !inside && start >= 0:
			do(text[start:i])
			start = -1
		}
	}
}

func nameByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '.' || b == '-'
}

// saying gives the files that may say one of the names, in the order of the jobs
// and their specs. Some may not.
func (x *hostIndex) saying(names ...string) []indexed {
	x.once.Do(x.build)
	found := map[int]bool{}
	for _, n := range x.open {
		found[n] = true
	}
	for _, name := range names {
		longest := ""
		eachWord(name, func(w string) {
			if len(w) > len(longest) {
				longest = w
			}
		})
		if longest == "" {
			return x.files
		}
		for _, at := range x.words.Lookup([]byte(longest), -1) {
			for _, n := range x.in[sort.SearchInts(x.starts, at+1)-1] {
				found[n] = true
			}
		}
	}
	order := make([]int, 0, len(found))
	for n := range found {
		order = append(order, n)
	}
	slices.Sort(order)
	files := make([]indexed, len(order))
	for i, n := range order {
		files[i] = x.files[n]
	}
	return files
}
