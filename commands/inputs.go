package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/demand"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/tarball"
)

// demandOptions say which jobs need bpm, and what else brings it.
type demandOptions struct {
	Releases []string `long:"release" value-name:"DIR|TGZ|NAME" description:"What needs bpm (repeatable): a release directory or tarball is read for the jobs that bpm starts, of a bare name every job counts (default: the release in the current directory)"`
	Runtime  []string `long:"runtime-config" value-name:"PATH" description:"Runtime config that the Director has: its addons count (repeatable)"`
}

// pinOptions say which bpm a manifest that lists none is to use.
type pinOptions struct {
	BPMVersion string `long:"bpm-version" value-name:"VERSION" description:"Version of bpm where the manifest lists none (default: latest)"`
	BPMURL     string `long:"bpm-url" value-name:"URL" description:"Where that version of bpm is to be had"`
	BPMSHA1    string `long:"bpm-sha1" value-name:"SHA1" description:"Its checksum"`
}

func (o pinOptions) pin() manifest.Pin {
	return manifest.Pin{Version: o.BPMVersion, URL: o.BPMURL, SHA1: o.BPMSHA1, Variables: true}
}

// asks tells of the variables that the operator has to give.
func (o pinOptions) asks(m *manifest.Manifest, needs []manifest.Need) []string {
	if !m.CreateEnv() {
		return nil
	}
	additions, err := m.Additions(needs, o.pin())
	if err != nil {
		return nil
	}
	names := manifest.Asks(additions.Release)
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: a create-env manifest needs to know where bpm comes from, and nothing says it: give %s as variables (-v %s=...), or use --bpm-url, --bpm-sha1 and --bpm-version here",
		m.Path(), strings.Join(names, " and "), strings.Join(names, "=... -v "))}
}

// deploymentOptions are those of commands that look at manifests as bosh int
// prints them.
type deploymentOptions struct {
	variableOptions
	demandOptions
	pinOptions
}

// open reads everything. What it gives has to be closed with done.
func (o *deploymentOptions) open(opsFiles, names []string) (*demands, []*manifest.Manifest, error) {
	in, err := o.interpolation(opsFiles)
	if err != nil {
		return nil, nil, err
	}
	d, err := o.demandOptions.read(in)
	if err != nil {
		return nil, nil, err
	}
	manifests, err := d.manifests(names, in)
	if err != nil {
		d.done()
		return nil, nil, err
	}
	return d, manifests, nil
}

// demands is what the options came to.
type demands struct {
	needs []manifest.Need
	// releases were read; names are those of all, in the order of the options.
	releases []*release.Release
	names    []string
	runtime  []*manifest.Manifest
	// remarks are for the user: jobs that could not be read, releases in which
	// nothing needs bpm.
	remarks []string
	// done removes what tarballs were extracted to.
	done func()
}

// read reads the releases and runtime configs. Without --release it is the
// release in the current directory, if that is one.
func (o *demandOptions) read(in *interpolation) (*demands, error) {
	d := &demands{}
	var closers []func()
	d.done = func() {
		for _, c := range closers {
			c()
		}
	}
	given := o.Releases
	if len(given) == 0 && isRelease(".") {
		given = []string{"."}
	}
	for _, g := range given {
		r, done, err := openRelease(g)
		if err != nil {
			d.done()
			return nil, err
		}
		if done != nil {
			closers = append(closers, done)
		}
		if r == nil {
			d.needs = append(d.needs, manifest.Need{Job: "*", Release: g})
			d.names = append(d.names, g)
			continue
		}
		if slices.Contains(d.names, r.Name) {
			d.done()
			return nil, fmt.Errorf("--release %s: release %s is given twice", g, r.Name)
		}
		needs, unread := demand.Of(r)
		for _, err := range unread {
			d.remarks = append(d.remarks, err.Error())
		}
		if len(needs) == 0 {
			d.remarks = append(d.remarks, fmt.Sprintf("release %s (%s): no job of it is started by bpm; to convert them: bosh-bpmify release", r.Name, g))
		}
		d.needs = append(d.needs, needs...)
		d.names = append(d.names, r.Name)
		d.releases = append(d.releases, r)
	}
	for _, name := range o.Runtime {
		m, err := readRuntime(name, in)
		if err != nil {
			d.done()
			return nil, err
		}
		d.runtime = append(d.runtime, m)
	}
	return d, nil
}

// openRelease reads a release directory or tarball. r is nil for a bare name.
func openRelease(given string) (r *release.Release, done func(), err error) {
	info, err := os.Stat(given)
	named := !strings.ContainsAny(given, `/\`) && !strings.HasPrefix(given, ".") && !isTarballName(given)
	switch {
	case err == nil && info.IsDir() && (!named || hasJobs(given)):
		r, err = load(given)
		return r, nil, err
	case err == nil && info.Mode().IsRegular():
		return tarball.Open(given)
	case named && given != "":
		return nil, nil, nil
	case given == "":
		return nil, nil, errors.New("--release: give a release directory, a release tarball, or the name of a release")
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("--release %s: there is no such directory or file", given)
	case err == nil:
		return nil, nil, fmt.Errorf("--release %s: is neither a directory nor a regular file", given)
	}
	return nil, nil, err
}

func isTarballName(name string) bool {
	return strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar.gz")
}

func readRuntime(name string, in *interpolation) (*manifest.Manifest, error) {
	f, err := readInput(name)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Read(f)
	if err != nil {
		return nil, err
	}
	if m.Kind != manifest.RuntimeConfig && m.Kind != manifest.Empty {
		return nil, source.Errorf(source.Span{File: f}, "this is no runtime config (it looks like: %s)", m.Kind)
	}
	if in == nil || len(in.vars) == 0 || m.Kind == manifest.Empty {
		return m, nil
	}
	return in.onlyVars().evaluate(m)
}

// tell shows the remarks.
func (d *demands) tell(env *environment) {
	for _, r := range d.remarks {
		env.remark(r)
	}
}

// manifests reads the manifests. A release that none of them lists is an error:
// it would look as if nothing needed bpm.
func (d *demands) manifests(names []string, in *interpolation) ([]*manifest.Manifest, error) {
	var all []*manifest.Manifest
	var errs []error
	for _, name := range distinct(names) {
		m, err := in.read(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.UseRuntime(d.runtime...)
		all = append(all, m)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all, d.known(all)
}

func (d *demands) known(all []*manifest.Manifest) error {
	var listed []string
	for _, m := range slices.Concat(all, d.runtime) {
		if m.Kind == manifest.Empty {
			continue
		}
		if !m.ListsReleases() && m.Deploys() {
			return nil // they come from elsewhere
		}
		for _, r := range m.Releases {
			if !slices.Contains(listed, r.Name) {
				listed = append(listed, r.Name)
			}
		}
	}
	for _, name := range d.names {
		if slices.Contains(listed, name) {
			continue
		}
		hint := ""
		if slices.ContainsFunc(listed, func(s string) bool { return strings.Contains(s, "((") }) {
			hint = "; where the name is a variable, give its value with -v"
		}
		what := "the manifest lists no release " + name
		if len(all) > 1 {
			what = "no manifest lists release " + name
		}
		there := "it lists none"
		if len(listed) > 0 {
			there = "there are: " + strings.Join(listed, ", ")
		}
		return fmt.Errorf("%s: %s (%s)%s", all[0].Path(), what, there, hint)
	}
	return nil
}

// doubts tells what the files leave open, and as what it is taken: the OS of a
// group, whether an addon with bpm reaches it, and what jobs it has. fill says how a
// variable gets its value.
func doubts(m *manifest.Manifest, needs []manifest.Need, fill string) []string {
	var remarks []string
	for _, u := range m.Unfilled(needs) {
		remarks = append(remarks, fmt.Sprintf("%s: %s, so that it is not looked at; %s", u.Span.Place(), u.What, fill))
	}
	type doubt struct {
		addon   *manifest.Addon
		reason  string
		reaches bool
	}
	var order []doubt
	groups := map[doubt][]string{}
	for _, p := range m.Placements(needs) {
		if strings.Contains(p.Group.OS, "((") {
			remarks = append(remarks, fmt.Sprintf("%s: instance group %s: the OS of its stemcell is the variable %s, and taken for Linux; %s", p.Group.Span.Place(), p.Group.Name, p.Group.OS, fill))
		}
		for _, open := range p.Open {
			d := doubt{open.Addon, open.Reason, open.Reaches}
			if groups[d] == nil {
				order = append(order, d)
			}
			groups[d] = append(groups[d], p.Group.Name)
		}
	}
	for _, d := range order {
		taken := "does not"
		if d.reaches {
			taken = "does"
		}
		remarks = append(remarks, fmt.Sprintf("%s: nobody can tell from the files whether %s brings bpm to %s: %s; it is taken that it %s",
			m.Path(), d.addon, strings.Join(groups[d], ", "), d.reason, taken))
	}
	return remarks
}

// giveVariable is for commands that take variables.
const giveVariable = "give it with -v"
