package commands

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/flag"
	"github.com/bosh-bpmify/bosh-bpmify/release/parallel"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// defaultOpsFile is where release writes the ops-file, below DIR.
const defaultOpsFile = "generated-bpm-ops.yml"

type releaseOptions struct {
	DryRun    bool     `long:"dry-run" description:"Print one unified diff and the report, write nothing"`
	Jobs      []string `long:"job" value-name:"NAME" description:"Convert only this job (repeatable)"`
	Processes []string `long:"process" value-name:"NAME" description:"Convert only this check of a monit file, named CHECK or JOB/CHECK; the others of the job stay on their scripts (repeatable)"`
	Errands   bool     `long:"errands" description:"Have bpm run the scripts of errands (bin/run) and of bbr (bin/bbr/...), too"`
	Manifests []string `long:"manifest" value-name:"PATH" description:"Add bpm to this manifest instead of the release's own sample manifests (repeatable)"`
	OpsFile   string   `long:"ops-file" value-name:"NAME" default:"generated-bpm-ops.yml" description:"Name of the ops-file that colocates bpm, below DIR"`
	Ledger    bool     `long:"ledger" description:"Show where every statement of the old scripts went"`
	Verify    bool     `long:"verify" description:"Require the proof: without ruby nothing is written, and a job that is not proven is left as it was, with exit status 1"`
	NoVerify  bool     `long:"no-verify" description:"Leave the proof out and execute nothing of the release (also: BOSH_BPMIFY_NO_VERIFY=1)"`
	Swap      string   `long:"swap-chpst" value-name:"only" optional:"yes" optional-value:"rest" choice:"rest" choice:"only" description:"Replace chpst in the jobs and scripts that stay, by a line of setpriv and the like with the same effect; =only converts nothing"`
	// FeatureFlag and DropFlag are "" where the option is not given.
	FeatureFlag  string `long:"feature-flag" optional:"yes" optional-value:"bpm.enabled" value-name:"NAME" description:"Let a property decide whether bpm starts the jobs, false by default (bpm.enabled, if no other is named); what is there stays beside it"`
	ShareWrapper bool   `long:"share-wrapper" description:"With --feature-flag: have the old scripts call the new wrappers, where these do the same as they did"`
	DropFlag     string `long:"drop-flag" optional:"yes" optional-value:"bpm.enabled" value-name:"NAME" description:"Take the property that chooses between bpm and the old scripts out of the jobs, so that bpm is left (bpm.enabled, if no other is named); convert nothing"`
	Force        bool   `long:"force" description:"Change files that have uncommitted changes, too"`
	findingsOptions
	Args struct {
		Dirs []string `positional-arg-name:"DIR" description:"Release directory (default: .)"`
	} `positional-args:"yes"`
}

func (o *releaseOptions) Execute([]string) error { return nil }
func (o *releaseOptions) command() command       { return o }

func (o *releaseOptions) run(env *environment) error {
	if o.DropFlag != "" && (o.Errands || o.Swap != "" || o.FeatureFlag != "") {
		return errors.New("--drop-flag takes a flag out and converts nothing; run --errands, --swap-chpst and --feature-flag on their own")
	}
	if o.DropFlag != "" && len(o.Processes) > 0 {
		return errors.New("--drop-flag takes a flag out of whole jobs; name them with --job, not with --process")
	}
	if o.Verify && o.NoVerify {
		return errors.New("--verify and --no-verify contradict each other; use one of them")
	}
	if o.ShareWrapper && o.FeatureFlag == "" {
		return errors.New("--share-wrapper is for jobs whose old scripts stay: give --feature-flag, too")
	}
	if o.FeatureFlag != "" {
		if err := flag.CheckName(o.FeatureFlag); err != nil {
			return fmt.Errorf("--feature-flag: %w", err)
		}
	}
	if o.DropFlag != "" {
		if err := flag.CheckName(o.DropFlag); err != nil {
			return fmt.Errorf("--drop-flag: %w", err)
		}
	}
	dirs := o.Args.Dirs
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	dirs = distinct(dirs)
	failed := false
	var found []reported
	progress := newProgress(env, len(dirs))
	for p := range parallel.InOrder(dirs, func(dir string) planned { return o.plan(dir, env.step, progress) }) {
		dir := p.dir
		progress.release()
		progress.clear()
		if len(dirs) > 1 && !env.json && !o.machine() {
			fmt.Fprintf(env.stdout, "release in %s\n\n", dir)
		}
		err := o.one(env, dir, p)
		p.done()
		if p.plan != nil && o.machine() { // a finding holds on to the whole release
			found = append(found, foundIn(dir, p.plan)...)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, errReported) {
			env.errorLine(err.Error())
		}
		failed = true
	}
	if o.machine() {
		if err := o.print(env, found, len(dirs) > 1); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// distinct drops a directory that is named twice.
func distinct(dirs []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, d := range dirs {
		abs, err := filepath.Abs(d)
		if err != nil {
			abs = d
		}
		if info, err := os.Stat(abs); err == nil && info.IsDir() {
			if real, err := filepath.EvalSymlinks(abs); err == nil {
				abs = real
			}
		}
		if !seen[abs] {
			seen[abs] = true
			out = append(out, d)
		}
	}
	return out
}

// planned is what a release comes to, or why it could not be read.
type planned struct {
	dir     string
	plan    *convert.Plan
	resumed bool
	// proof is what verify says of the jobs; nil when it was not asked.
	proof *proof
	err   error
	disk  *disk
	// done gives the release free for other runs.
	done func()
}

// plan reads the release in dir and decides what becomes of it.
func (o *releaseOptions) plan(dir string, s step, progress *progress) (p planned) {
	p = planned{dir: dir, done: func() {}}
	d, err := openDisk(dir, s)
	if err != nil {
		if _, p.err = release.Load(dir); p.err == nil {
			p.err = err
		}
		return p
	}
	p.disk, p.done = d, d.close
	r, err := o.load(&p)
	if err == nil {
		err = o.decide(&p, r, func(job string, n, of int) { progress.job(dir, job, n, of) })
	}
	p.err = err
	return p
}

// load reads a release, of which a run that was cut off is finished first. Until
// done nobody else writes to it.
func (o *releaseOptions) load(p *planned) (*release.Release, error) {
	if o.DryRun {
		return load(p.dir)
	}
	unlock, err := p.disk.lock(killedWait)
	if err != nil {
		return nil, err
	}
	p.done = func() {
		unlock()
		p.disk.close()
	}
	if p.resumed, err = recoverJournal(p.disk); err != nil {
		return nil, err
	}
	return release.Load(p.dir)
}

func (o *releaseOptions) decide(p *planned, r *release.Release, progress func(job string, n, of int)) (err error) {
	opts := convert.Options{
		Jobs:         o.Jobs,
		Processes:    o.Processes,
		Errands:      o.Errands,
		Swap:         convert.Swap(o.Swap),
		FeatureFlag:  o.FeatureFlag,
		ShareWrapper: o.ShareWrapper,
		DropFlag:     o.DropFlag,
		OpsFile:      o.OpsFile,
		Tool:         "bosh-bpmify " + Version(),
	}
	if opts.Manifests, err = o.manifests(r); err != nil {
		return err
	}
	p.plan, err = convert.Release(r, opts)
	if err == nil && o.proves() {
		p.plan, p.proof, err = prove(r, p.plan, opts, o.Verify, progress)
	}
	return err
}

// proves says whether the jobs are to be proven. Where chpst alone is replaced,
// no job is converted.
func (o *releaseOptions) proves() bool {
	return o.Verify || !o.NoVerify && !switchedOn(noVerifyVariable) && convert.Swap(o.Swap) != convert.SwapOnly
}

// one prints and writes what the release in dir comes to.
func (o *releaseOptions) one(env *environment, dir string, p planned) error {
	if p.err != nil {
		return p.err
	}
	plan, resumed := p.plan, p.resumed
	changes := plan.All()
	var names []string
	for _, c := range changes {
		if c.Before != nil {
			names = append(names, c.Name)
		}
	}
	if !o.Force && !o.DryRun {
		if err := uncommitted(dir, names); err != nil {
			return err
		}
	}
	if _, err := checkWritable(p.disk, changes); err != nil {
		return err
	}
	report := &report{env: env, plan: plan, proof: p.proof, dropFlag: o.DropFlag, ledger: o.Ledger, dryRun: o.DryRun, resumed: resumed, showSuppressed: o.ShowSuppressed}
	if len(o.Args.Dirs) > 1 {
		report.dir = dir
	}
	if o.DryRun && o.machine() {
		// standard output is for the findings alone
	} else if o.DryRun {
		if err := report.diff(dir, changes); err != nil {
			return err
		}
	} else if len(changes) > 0 {
		if err := write(p.disk, changes); err != nil {
			return err
		}
	}
	if o.machine() {
		report.failures()
	} else {
		report.print()
	}
	for _, j := range plan.Jobs {
		if j.Verdict == convert.Failed && !j.Excused() {
			return errReported
		}
	}
	if o.Verify && p.proof != nil && p.proof.failed() {
		return errReported
	}
	return nil
}

// manifests reads the manifests that the user named. They have to lie in the
// release: what lies elsewhere gets an ops-file, not an edit.
func (o *releaseOptions) manifests(r *release.Release) ([]*source.File, error) {
	if len(o.Manifests) == 0 {
		return nil, nil
	}
	root, err := filepath.Abs(r.Dir)
	if err != nil {
		return nil, err
	}
	files := []*source.File{}
	for _, m := range o.Manifests {
		abs, err := filepath.Abs(m)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, abs)
		if err != nil || !filepath.IsLocal(rel) || strings.HasPrefix(rel, "..") {
			return nil, fmt.Errorf("%s: lies outside of the release; use bosh int %s -o %s for manifests that live elsewhere", m, m, o.OpsFile)
		}
		f, err := r.Read(filepath.ToSlash(rel))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}
