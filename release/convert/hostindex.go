package convert

import (
	"bytes"
	"index/suffixarray"
	"maps"
	"path"
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
	all     []indexed
	jobs    map[string][]int // which files a job has
	targets map[string]int   // how many jobs have a file of that base name
	// words are the words of all files, each once and on a line of its own, at the
	// offsets starts; in has which files have the word.
	words  *suffixarray.Index
	starts []int
	in     [][]int
	// open are the files with a name of a pidfile of which a part is not known.
	open []int
}

// fileSet has files by their numbers.
type fileSet map[int]bool

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
	x.jobs, x.targets = map[string][]int{}, map[string]int{}
	for _, j := range x.release.Jobs {
		if j.Spec == nil {
			continue
		}
		bases := map[string]bool{}
		for _, t := range j.Spec.Templates {
			if base := path.Base(t.Target); !bases[base] {
				bases[base] = true
				x.targets[base]++
			}
			f, _, err := j.TemplateFile(t.Target)
			if err != nil {
				continue
			}
			n := len(x.all)
			x.jobs[j.Name] = append(x.jobs[j.Name], n)
			x.all = append(x.all, indexed{j, t.Target, f, bytes.HasPrefix(f.Data, []byte("#!")) || strings.HasPrefix(t.Target, "bin/")})
			add := func(text string) {
				eachWord(text, func(word string) {
					if files := in[word]; len(files) == 0 || files[len(files)-1] != n {
						in[word] = append(files, n)
					}
				})
			}
			add(string(f.Data))
			if s := x.all[n].read(); s != nil {
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
	return strings.HasPrefix(word, "/var/vcap/") && strings.HasSuffix(word, ".pid") && strings.Contains(word, "*")
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

// few is how many files may be looked at without looking for fewer.
const few = 50

// sayingFile gives the files that may name a file: by its base name and its folder's,
// or with a part that is not known.
func (x *hostIndex) sayingFile(name string) []int {
	found := x.saying(path.Base(name))
	if len(found) > few {
		if folder := x.saying(path.Base(path.Dir(name))); len(folder) < len(found) {
			found = folder
		}
	}
	return append(found, x.open...)
}

// several says whether more than one job has a script of that base name.
func (x *hostIndex) several(vmPath string) bool {
	x.once.Do(x.build)
	return x.targets[path.Base(vmPath)] > 1
}

// ofJob gives the files of a job.
func (x *hostIndex) ofJob(name string) []int {
	x.once.Do(x.build)
	return x.jobs[name]
}

// saying gives the files that may have a name in them. Some may not.
func (x *hostIndex) saying(name string) []int {
	x.once.Do(x.build)
	longest := ""
	eachWord(name, func(w string) {
		if len(w) > len(longest) {
			longest = w
		}
	})
	if longest == "" {
		every := make([]int, len(x.all))
		for n := range every {
			every[n] = n
		}
		return every
	}
	var found []int
	for _, at := range x.words.Lookup([]byte(longest), -1) {
		found = append(found, x.in[sort.SearchInts(x.starts, at+1)-1]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (s fileSet) add(files []int) {
	for _, n := range files {
		s[n] = true
	}
}

// files gives those of a set in the order of the jobs and their specs.
func (x *hostIndex) files(set fileSet) []indexed {
	var files []indexed
	for _, n := range slices.Sorted(maps.Keys(set)) {
		files = append(files, x.all[n])
	}
	return files
}
