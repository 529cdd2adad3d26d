package release

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// packagesDir is where the agent installs packages on a VM.
const packagesDir = "/var/vcap/packages/"

// InPackages gives the part of a path of the VM behind the folder of the packages,
// whichever of the three ways leads there: packages themselves, the agent's folder behind
// them, and the link in the folder of each job.
func InPackages(vmPath string) (rest string, ok bool) {
	p := path.Clean(vmPath)
	for _, dir := range []string{packagesDir, "/var/vcap/data/packages/"} {
		if rest, ok := strings.CutPrefix(p, dir); ok {
			return rest, true
		}
	}
	if p, ok = strings.CutPrefix(p, "/var/vcap/jobs/"); ok {
		_, p, _ = strings.Cut(p, "/")
		if rest, ok := strings.CutPrefix(p, "packages/"); ok {
			return rest, true
		}
	}
	return "", false
}

// PackageFile finds the source of a file that a package installs at vmPath: the
// file below src/ that the package's spec names and whose path ends like
// vmPath. A packaging script may put a file anywhere, so where several files
// come into question and differ it is none of them: nil, nil.
func (r *Release) PackageFile(vmPath string) (*source.File, error) {
	rest, ok := InPackages(vmPath)
	if !ok {
		return nil, nil
	}
	pkg, inside, _ := strings.Cut(rest, "/")
	if inside == "" {
		return nil, nil
	}
	globs, err := r.packageGlobs(pkg)
	if err != nil || globs == nil {
		return nil, err
	}
	best, length := []string(nil), -1
	for _, name := range r.sources(path.Base(inside)) {
		rel := strings.TrimPrefix(name, "src/")
		if !matchesAny(globs, rel) {
			continue
		}
		n := commonSuffix(rel, pkg+"/"+inside)
		if n > length {
			best, length = nil, n
		}
		if n == length {
			best = append(best, name)
		}
	}
	if len(best) == 0 {
		return nil, nil
	}
	f, err := r.Read(best[0])
	if err != nil {
		return nil, err
	}
	for _, other := range best[1:] {
		o, err := r.Read(other)
		if err != nil || string(o.Data) != string(f.Data) {
			return nil, nil
		}
	}
	return f, nil
}

// sources lists the files below src/ with a base name.
func (r *Release) sources(base string) []string {
	r.listed.Do(func() {
		r.byBase = map[string][]string{}
		for _, name := range r.Glob(func(string) bool { return true }, "src") {
			r.byBase[path.Base(name)] = append(r.byBase[path.Base(name)], name)
		}
	})
	return r.byBase[base]
}

// packageGlobs are the files that a package's spec names; nil when the release
// has no such package with sources.
func (r *Release) packageGlobs(pkg string) ([]string, error) {
	f, err := r.Read("packages/" + pkg + "/spec")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type key struct{}
	type packageSpec struct {
		Files []string `yaml:"files"`
		err   error
	}
	spec := source.Derived(f, key{}, func() packageSpec {
		var spec packageSpec
		if err := yaml.Unmarshal(f.Data, &spec); err != nil {
			spec.err = YAMLError(f, err)
		}
		return spec
	})
	return spec.Files, spec.err
}

// matchesAny says whether a name matches one of a package spec's patterns, in
// which ** stands for any folders.
func matchesAny(globs []string, name string) bool {
	for _, g := range globs {
		if MatchGlob(g, name) {
			return true
		}
	}
	return false
}

// MatchGlob says whether a name matches a pattern, in which ** stands for any
// folders. It goes through the pattern once: many ** must not multiply.
func MatchGlob(pattern, file string) bool {
	glob, name := strings.Split(pattern, "/"), strings.Split(file, "/")
	reached := make([]bool, len(name)+1) // the pattern so far matches so much of the name
	reached[0] = true
	for _, g := range glob {
		next := make([]bool, len(name)+1)
		for i, r := range reached {
			switch {
			case g == "**":
				next[i] = r || i > 0 && next[i-1]
			case r && i < len(name):
				ok, err := path.Match(g, name[i])
				next[i+1] = err == nil && ok
			}
		}
		reached = next
	}
	return reached[len(name)]
}

// commonSuffix counts the path elements that two names end in.
func commonSuffix(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}

// PackageSources lists the files below src/ that a package's spec names.
func (r *Release) PackageSources(pkg string) []string {
	globs, err := r.packageGlobs(pkg)
	if err != nil || globs == nil {
		return nil
	}
	var names []string
	r.sources("")
	for _, all := range r.byBase {
		for _, name := range all {
			if matchesAny(globs, strings.TrimPrefix(name, "src/")) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
