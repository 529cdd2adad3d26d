package convert

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	opsfiles "github.com/bosh-bpmify/bosh-bpmify/ops-files"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
)

// Options are what a user can ask of a conversion.
type Options struct {
	// Jobs are the jobs to convert; empty means all.
	Jobs []string
	// Processes are the checks to convert, as CHECK or JOB/CHECK; empty means all.
	Processes []string
	// Errands says that the scripts of errands and of bbr are to run under bpm.
	Errands bool
	// Manifests are the files to add bpm to; nil means the release's own
	// sample manifests.
	Manifests []*source.File
	// OpsFile is the name of the generated ops-file, relative to the release.
	OpsFile string
	// Unproven are jobs that are not to be converted because their proof failed,
	// with the reason.
	Unproven map[string]source.Diagnostic
	// Plainer are jobs whose proof failed in the usual form.
	Plainer map[string]Plainer
	// Swap says where chpst is replaced.
	Swap Swap
	// DropFlag is the property that chooses between bpm and the old scripts, and is
	// to be taken out of the jobs, for bpm; "" converts jobs instead.
	DropFlag string
	// FeatureFlag is the property behind which the jobs are converted, false by
	// default; "" for none. Flags are those of single jobs, which go before it.
	FeatureFlag string
	// ShareWrapper has the old scripts, which stay behind a flag, call the wrappers.
	ShareWrapper bool
	Flags        map[string]string
	// Tool is what generated files name as their maker.
	Tool string
}

// Plan is everything that a conversion of a release comes to.
type Plan struct {
	Release *release.Release
	Jobs    []*Conversion
	// Samples are the sample manifests and ops-files of the release, or the
	// manifests that the user named.
	Samples []*manifest.Manifest
	// Changes are those of the manifests and ops-files; the jobs have theirs.
	Changes []Change
	// Findings are those that belong to no job.
	Findings []source.Diagnostic
	// Suppressed are those of them that .bpmify.yml covers.
	Suppressed []suppress.Finding
}

// All gives every change of the plan: jobs first, in the order of their names.
func (p *Plan) All() []Change {
	var all []Change
	for _, j := range p.Jobs {
		all = append(all, j.Changes...)
	}
	return append(all, p.Changes...)
}

// Files are the files of the release that the plan changes, as they will be; nil
// is one that goes.
func (p *Plan) Files() map[string]*source.File {
	files := map[string]*source.File{}
	for _, c := range p.All() {
		files[c.Name] = nil
		if !c.Delete {
			files[c.Name] = &source.File{Name: c.Name, Data: c.After, Mode: c.Mode}
		}
	}
	return files
}

// reread makes the edits of scripts that used what conversions took away. What
// another conversion makes of such a file is edited, too.
func (p *Plan) reread() {
	type file struct {
		by    *Conversion
		edits []source.Edit
		why   []string
	}
	edited := map[*source.File]*file{}
	var order []*source.File
	for _, c := range p.Jobs {
		for _, r := range c.rereads {
			f := edited[r.file]
			if f == nil {
				f = &file{by: c}
				edited[r.file] = f
				order = append(order, r.file)
			}
			f.edits = append(f.edits, r.edit)
			if !slices.Contains(f.why, r.why) {
				f.why = append(f.why, r.why)
			}
		}
	}
	changing := map[string][]*Conversion{} // who changes something in a folder
	for _, c := range p.Jobs {
		for _, ch := range c.Changes {
			if dir := path.Dir(ch.Name); !slices.Contains(changing[dir], c) {
				changing[dir] = append(changing[dir], c)
			}
		}
	}
	for _, f := range order {
		e := edited[f]
		dir := path.Dir(f.Name)
		err := edit(e.by, changing[dir], f, e.edits, strings.Join(e.why, "; "))
		if !slices.Contains(changing[dir], e.by) {
			changing[dir] = append(changing[dir], e.by)
		}
		if err != nil {
			e.by.Findings = append(e.by.Findings, source.Diagnostic{ID: "old-pidfile-used", Severity: source.Error, Span: source.Span{File: f}, Message: "this file uses the old pidfile or script and is not rewritten: " + err.Error()})
			source.SortDiagnostics(e.by.Findings)
			e.by.Verdict = ConvertedReview
		}
		sort.Slice(e.by.Changes, func(i, j int) bool { return e.by.Changes[i].Name < e.by.Changes[j].Name })
	}
}

// edit applies edits to a file: to what there is of it already, added to at its
// end or moved, or in a change of its own. others change something in its folder.
func edit(c *Conversion, others []*Conversion, f *source.File, edits []source.Edit, why string) error {
	change := &Change{Name: f.Name, Before: f, After: f.Data, Mode: f.Mode}
	fresh := true
	for _, j := range others {
		for i := range j.Changes {
			o := &j.Changes[i]
			if o.Name == f.Name && o.Delete {
				return stillNamed(j, f, edits)
			}
			moved := o.Before == nil && bytes.Equal(o.After, f.Data) && path.Dir(o.Name) == path.Dir(f.Name)
			if moved || o.Name == f.Name && fresh {
				change, fresh = o, false
			}
		}
	}
	if !bytes.HasPrefix(change.After, f.Data) {
		moved, err := movedEdits(f, change.After, edits)
		if err != nil {
			return err
		}
		edits = moved
	}
	after, err := source.Apply(change.After, edits)
	if err != nil {
		return err
	}
	change.After, change.Why = after, strings.TrimPrefix(change.Why+"; "+why, "; ")
	if fresh {
		c.Changes = append(c.Changes, *change)
	}
	return nil
}

// movedEdits finds the places of edits in a file that has changed: their lines
// are there once, as they were.
func movedEdits(f *source.File, now []byte, edits []source.Edit) ([]source.Edit, error) {
	var moved []source.Edit
	for _, e := range edits {
		start := bytes.LastIndexByte(f.Data[:e.Start], '\n') + 1
		end := len(f.Data)
		if i := bytes.IndexByte(f.Data[e.End:], '\n'); i >= 0 {
			end = e.End + i
		}
		line := f.Data[start:end]
		if bytes.Count(f.Data, line) != 1 || bytes.Count(now, line) != 1 {
			return nil, errors.New("the conversion changes it in another way, too")
		}
		by := bytes.Index(now, line) - start
		e.Start, e.End = e.Start+by, e.End+by
		moved = append(moved, e)
	}
	return moved, nil
}

// stillNamed says which of the files that a conversion made of a script name what
// an edit would have put another path for.
func stillNamed(c *Conversion, f *source.File, edits []source.Edit) error {
	for _, e := range edits {
		old := strings.Trim(string(f.Data[e.Start:e.End]), `"'`)
		for _, o := range c.Changes {
			added := o.After
			if o.Before != nil {
				added = bytes.TrimPrefix(o.After, o.Before.Data)
			}
			if !o.Delete && release.NamesPath(string(added), old) {
				return fmt.Errorf("it became %s, where %s has to be %s", o.Name, old, strings.Trim(e.New, `"'`))
			}
		}
	}
	return nil
}

// manifestDirs are where releases keep sample manifests.
var manifestDirs = []string{"manifests", "manifest", "examples", "example-manifests", "samples", "templates"}

// Known says which of the jobs the release does not have.
func Known(r *release.Release, jobs []string) error {
	for _, name := range jobs {
		if r.Job(name) == nil {
			var known []string
			for _, j := range r.Jobs {
				known = append(known, j.Name)
			}
			hint := ""
			if near := finding.Suggest(name, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return fmt.Errorf("%s: no job %s in this release%s", path.Join(r.Dir, "jobs"), name, hint)
		}
	}
	return nil
}

// Release plans the conversion of a whole release.
func Release(r *release.Release, o Options) (*Plan, error) {
	if err := Known(r, o.Jobs); err != nil {
		return nil, err
	}
	var err error
	if o.Jobs, err = having(r, o.Jobs, o.Processes); err != nil {
		return nil, err
	}
	rules, err := suppress.Read(r)
	if err != nil {
		return nil, err
	}
	p := &Plan{Release: r}
	if err := p.fill(o, rules); err != nil {
		return nil, err
	}
	p.Findings, p.Suppressed = rules.Split("", p.Findings)
	p.Findings = append(p.Findings, rules.Unused(finding.Conversion, func(job string) bool {
		return len(o.Jobs) == 0 || slices.Contains(o.Jobs, job)
	})...)
	source.SortDiagnostics(p.Findings)
	r.Forget() // the plan keeps the files, not what was read in them
	return p, nil
}

// fill works the plan out.
func (p *Plan) fill(o Options, rules *suppress.Rules) error {
	manifests, err := p.manifests(o)
	if err != nil {
		return err
	}
	p.Samples = manifests
	ctx := Context{Release: p.Release, Manifests: manifests, Suppress: rules, Processes: o.Processes, Errands: o.Errands, ShareWrapper: o.ShareWrapper, hosts: &hostIndex{release: p.Release}}
	one := func(j *release.Job) *Conversion {
		ctx := ctx
		ctx.Flag = o.flagOf(j.Name)
		ctx.Plainer = o.Plainer[j.Name]
		return Job(j, ctx)
	}
	if o.DropFlag != "" {
		if one, err = dropFrom(p.Release, ctx, o.DropFlag); err != nil {
			return err
		}
	}
	if o.Swap == SwapOnly {
		one = swapOnly
	}
	for c := range parallel.InOrder(o.asked(p.Release), one) {
		if c == nil {
			continue // nothing to swap
		}
		if why, ok := o.Unproven[c.Job.Name]; ok && o.Swap != SwapOnly {
			c = &Conversion{Job: c.Job, Verdict: Declined, Reason: why, Checks: c.Checks, OnBPM: c.OnBPM}
		}
		p.Jobs = append(p.Jobs, c)
	}
	var needs, converted []manifest.Need
	p.reread()
	p.fold(o)
	p.swap(o, rules)
	changed := false
	for _, c := range p.Jobs {
		need := c.need()
		switch {
		case c.Verdict == Converted, c.Verdict == ConvertedReview:
			changed = true
			if need.Flag == "" {
				converted = append(converted, need)
			}
			fallthrough
		case c.Verdict == AlreadyBPM, c.OnBPM:
			needs = append(needs, need)
		}
	}
	if len(needs) == 0 {
		return nil
	}
	p.colocate(manifests, needs)
	p.elsewhere(manifests, needs, converted, o)
	p.unset(o, converted)
	if err := p.opsFiles(placing(manifests, needs), needs, changed, o); err != nil {
		return err
	}
	p.stale(o, converted)
	return nil
}

// asked are the jobs that were asked for.
func (o Options) asked(r *release.Release) []*release.Job {
	return slices.DeleteFunc(slices.Clone(r.Jobs), func(j *release.Job) bool { return len(o.Jobs) > 0 && !slices.Contains(o.Jobs, j.Name) })
}

// manifests reads the manifests to work on. One that the user named has to be
// readable; of the release's own, what is no deployment manifest is passed
// over, and what is broken is a finding.
func (p *Plan) manifests(o Options) ([]*manifest.Manifest, error) {
	var ms []*manifest.Manifest
	if o.Manifests != nil {
		for _, f := range o.Manifests {
			m, err := manifest.Read(f)
			if err != nil {
				return nil, err
			}
			if !m.Deploys() {
				return nil, source.Errorf(source.Span{File: f}, "is no deployment manifest (it looks like: %s)", m.Kind)
			}
			ms = append(ms, m)
		}
		return ms, nil
	}
	names := p.Release.Glob(func(name string) bool { return isYAML(name) && path.Ext(name) != ".erb" }, manifestDirs...)
	for _, name := range names {
		f, err := p.Release.Read(name)
		if err != nil {
			p.Findings = append(p.Findings, source.Diagnostic{ID: "manifest-unreadable", Severity: source.Warning, Message: err.Error()})
			continue
		}
		m, err := manifest.Read(f)
		if err != nil {
			at, message := source.Split(err)
			p.Findings = append(p.Findings, source.Diagnostic{ID: "manifest-unreadable", Severity: source.Warning, Span: at, Message: message})
			continue
		}
		if m.Deploys() {
			ms = append(ms, m)
		}
	}
	return ms, nil
}

// notManifests are folders of a release in which nobody keeps manifests, and in
// which there can be very many files.
var notManifests = []string{"jobs", "packages", "src", "blobs", "releases", "dev_releases", "config", "vendor", "node_modules"}

// expected are folders whose files tests hold against something: a change there
// would break the test.
var expected = search.MustCompile(`(^|/)(spec|fixtures?|testdata|assets)(/|$)`)

// elsewhere looks at the YAML files of the release's other folders: deployment
// manifests get bpm as the sample manifests do, and where ops-files, runtime
// configs and templates place a job that needs bpm, that is a finding. Where the
// user named the manifests to edit, no others are.
func (p *Plan) elsewhere(samples []*manifest.Manifest, needs, converted []manifest.Need, o Options) {
	dirs := slices.DeleteFunc(p.Release.Folders(), func(d string) bool { return slices.Contains(notManifests, d) })
	var more, runtime []*manifest.Manifest
	for _, name := range p.Release.Glob(isYAML, dirs...) {
		if slices.ContainsFunc(samples, func(m *manifest.Manifest) bool { return m.File.Name == name }) {
			continue
		}
		f, err := p.Release.Read(name)
		if err != nil || opsfiles.Generated(f.Data) {
			continue
		}
		m, err := manifest.Read(f)
		if err == nil && m.Deploys() {
			if !expected.MatchString(path.Dir(name)) {
				more = append(more, m)
			}
			continue
		}
		if m != nil && m.Kind == manifest.OpsFile && o.Manifests == nil && !expected.MatchString(path.Dir(name)) {
			p.Samples = append(p.Samples, m)
		}
		if m != nil && m.Kind == manifest.RuntimeConfig {
			runtime = append(runtime, m)
		}
		kind, places := manifest.Mentions(f, m, converted)
		p.notPlaced(string(kind), slices.DeleteFunc(places, func(at manifest.Mention) bool { return bpmOn(at.Group, slices.Concat(samples, more), needs) }))
	}
	if o.DropFlag == "" { // the flag that it would recommend is what goes
		p.addonJobs(slices.Concat(samples, more, runtime), converted)
	}
	for _, m := range slices.Concat(samples, more) {
		p.notPlaced(string(m.Kind), m.VariableReleases(converted))
	}
	if o.Manifests == nil {
		p.colocate(more, needs)
	}
}

// notPlaced tells of the places of one file that cannot be edited.
func (p *Plan) notPlaced(kind string, places []manifest.Mention) {
	if len(places) == 0 {
		return
	}
	d := source.Diagnostic{ID: "bpm-not-placed", Severity: source.Warning, Span: places[0].Span}
	var jobs []string
	for i, m := range places {
		if !slices.Contains(jobs, m.Job) {
			jobs = append(jobs, m.Job)
		}
		if i > 0 {
			d.Related = append(d.Related, m.Span)
		}
	}
	d.Message = fmt.Sprintf("this %s places %s, which bpm starts now, and says nothing of bpm: see that the same instance groups get it", kind, strings.Join(jobs, ", "))
	p.Findings = append(p.Findings, d)
}

// bpmOn says whether every manifest that has the group gives it bpm, or gets it
// for that group.
func bpmOn(group string, manifests []*manifest.Manifest, needs []manifest.Need) bool {
	on := false
	for _, m := range manifests {
		for _, s := range m.Standings(needs) {
			if s.Group.Name != group || group == "" {
				continue
			}
			if s.State == manifest.Lacks && s.Job.Name == "" || s.State == manifest.Windows {
				return false
			}
			on = true
		}
	}
	return on
}

func isYAML(name string) bool {
	ext := path.Ext(strings.TrimSuffix(name, ".erb"))
	return ext == ".yml" || ext == ".yaml"
}

// placing are the manifests that place one of the jobs, whatever its flag is there.
func placing(manifests []*manifest.Manifest, needs []manifest.Need) []*manifest.Manifest {
	needs = opsfiles.TurnedOn(needs)
	return slices.DeleteFunc(slices.Clone(manifests), func(m *manifest.Manifest) bool { return len(m.GroupsRunning(needs)) == 0 })
}

// colocate adds bpm to the manifests that place a job which needs it.
func (p *Plan) colocate(manifests []*manifest.Manifest, needs []manifest.Need) {
	for _, m := range manifests {
		if len(m.GroupsRunning(needs)) == 0 {
			continue
		}
		edits, changes, err := m.AddBPM(needs, manifest.Pin{})
		if err != nil {
			at, message := source.Split(err)
			if !at.Valid() {
				at = source.Span{File: m.File}
			}
			p.Findings = append(p.Findings, source.Diagnostic{ID: "manifest-not-edited", Severity: source.Warning, Span: at, Message: message})
			continue
		}
		if len(edits) == 0 {
			continue
		}
		after, err := source.Apply(m.File.Data, edits)
		if err != nil {
			p.Findings = append(p.Findings, source.Diagnostic{ID: "manifest-not-edited", Severity: source.Warning, Span: source.Span{File: m.File}, Message: err.Error()})
			continue
		}
		var what []string
		for _, c := range changes {
			what = append(what, c.What)
		}
		p.Changes = append(p.Changes, Change{Name: m.File.Name, Before: m.File, After: after, Mode: m.File.Mode, Why: strings.Join(what, "; ")})
	}
}

// opsFiles generates the ops-files: when a job was converted, or when one of
// them exists and says something else (a run that was cut off).
func (p *Plan) opsFiles(inputs []*manifest.Manifest, needs []manifest.Need, converted bool, o Options) error {
	if len(inputs) == 0 || o.OpsFile == "" {
		return nil
	}
	files, err := opsfiles.Generate(inputs, opsfiles.Options{Tool: o.Tool, Release: p.Release.Name, Needs: needs, TurnOn: true, OutName: o.OpsFile})
	if err != nil {
		all := []error{err}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			all = joined.Unwrap()
		}
		for _, err := range all {
			at, message := source.Split(err)
			p.Findings = append(p.Findings, source.Diagnostic{ID: "ops-file-not-written", Severity: source.Warning, Span: at, Message: "there is no ops-file because of this: " + message})
		}
		return nil
	}
	for _, f := range files {
		before, err := p.Release.Read(f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if !converted {
				continue
			}
			before = nil
		case err != nil:
			return err
		case bytes.Equal(before.Data, f.Data), !converted && opsfiles.SameOps(before.Data, f.Data):
			continue
		case !opsfiles.Generated(before.Data):
			return fmt.Errorf("%s: is there and was not generated; give another name with --ops-file", f.Name)
		}
		p.Changes = append(p.Changes, Change{Name: f.Name, Before: before, After: f.Data, Mode: 0o644, Why: "colocates bpm in " + strings.Join(f.Manifests, ", ")})
	}
	return nil
}
