//go:build linux

package generate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/cases"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
	"github.com/bosh-bpmify/bosh-bpmify/release/monit"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// plainJob are the files that a case does not have to give.
var plainJob = map[string]string{
	"config/final.yml": "name: web\n",
	"jobs/web/spec":    "---\nname: web\ntemplates:\n  ctl: bin/ctl\npackages: []\n",
	"jobs/web/monit": `check process web
  with pidfile /var/vcap/sys/run/web/web.pid
  start program "/var/vcap/jobs/web/bin/ctl start"
  stop program "/var/vcap/jobs/web/bin/ctl stop"
  group vcap
`,
}

// number reads a number from the environment.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// rendererFor needs ruby.
func rendererFor(t *testing.T) *render.Renderer {
	t.Helper()
	r, err := render.New()
	if err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(r.Close)
	return r
}

// subject is a job whose start script is rewritten.
type subject struct {
	name string // where it comes from
	rel  *release.Release
	job  *release.Job
	file string // the start script
}

// subjects are the jobs of a release that a script of theirs starts.
func subjects(name string, rel *release.Release) []*subject {
	var out []*subject
	for _, j := range rel.Jobs {
		if j.Err != nil || j.Monit == nil {
			continue
		}
		m, err := monit.Parse(j.Monit)
		if err != nil {
			continue
		}
		for _, c := range m.Checks {
			if c.Kind != "process" || c.Start == nil {
				continue
			}
			w := words(c.Start.Command.Text())
			if len(w) == 0 || !strings.HasPrefix(w[0], "/var/vcap/jobs/"+j.Name+"/bin/") {
				continue
			}
			f, _, err := j.TemplateFile("bin/" + path.Base(w[0]))
			if err != nil || f == nil || !strings.HasPrefix(string(f.Data), "#!") {
				continue
			}
			out = append(out, &subject{name + " " + j.Name, rel, j, f.Name})
			break
		}
	}
	return out
}

// rewritten is the release with the start script rewritten; nil where the rewrites find
// nothing.
func (l *lab) rewritten(s *subject, names []string) (*release.Release, map[string]*source.File, error) {
	read := func(name string) string {
		f, err := s.rel.Read(name)
		if err != nil {
			return ""
		}
		return string(f.Data)
	}
	x := &script{job: s.job.Name, text: read(s.file), spec: read(s.job.Dir() + "/spec"), monit: string(s.job.Monit.Data), more: map[string]string{}}
	for _, n := range names {
		r, err := named(n)
		if err != nil {
			return nil, nil, err
		}
		if !r.do(x) {
			return nil, nil, nil
		}
	}
	x.more[s.file], x.more[s.job.Dir()+"/spec"], x.more[s.job.Monit.Name] = x.text, x.spec, x.monit
	files := map[string]*source.File{}
	for n, text := range x.more {
		if read(n) != text {
			files[n] = &source.File{Name: n, Data: []byte(text), Mode: 0o644}
		}
	}
	r, err := l.with(s.rel, files)
	return r, files, err
}

// with is a copy of a release on the disk, with some files changed: what package verify
// compares has to be a release as it is.
func (l *lab) with(rel *release.Release, files map[string]*source.File) (*release.Release, error) {
	dir, err := os.MkdirTemp(l.box.dir, "release")
	if err != nil {
		return nil, err
	}
	if exec.Command("cp", "-al", rel.Dir+"/.", dir).Run() != nil {
		if out, err := exec.Command("cp", "-a", rel.Dir+"/.", dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
	for n, f := range files {
		p := filepath.Join(dir, n)
		if err := os.Remove(p); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		if f != nil {
			if err := put(p, string(f.Data), 0o644); err != nil {
				return nil, err
			}
		}
	}
	return release.Load(dir)
}

// forget removes copies.
func forget(rels ...*release.Release) {
	for _, r := range rels {
		if r != nil {
			os.RemoveAll(r.Dir)
		}
	}
}

// quiet are variables that say who called whom.
var quiet = map[string]bool{"_": true, "PWD": true, "OLDPWD": true, "SHLVL": true, "HOME": true, "USER": true, "LOGNAME": true, "SHELL": true, "MAIL": true, "TERM": true, "USERNAME": true}

// usual is a path without the links that lead to packages.
func usual(text, job string) string {
	text = strings.ReplaceAll(text, "/var/vcap/jobs/"+job+"/packages/", "/var/vcap/packages/")
	return strings.ReplaceAll(text, "/var/vcap/data/packages/", "/var/vcap/packages/")
}

// told shows an execution as far as it counts.
func (e record) told(job string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n  in %s as %s", usual(e.Exe, job), usual(quoted(e.Args), job), e.Dir, e.Uid)
	for _, k := range slices.Sorted(maps.Keys(e.Env)) {
		if !quiet[k] && !strings.HasPrefix(k, "SUDO_") && !strings.HasPrefix(k, "BASH_FUNC_") && k != "PATH" {
			fmt.Fprintf(&b, "\n  %s=%s", k, usual(e.Env[k], job))
		}
	}
	return b.String()
}

// left is what stays of the files: not logs, pids and what the templates of a job are.
func (r *recording) left(job string) map[string]string {
	out := map[string]string{}
	for p, what := range r.Files {
		if strings.HasPrefix(p, "/var/vcap/sys/log/") && !strings.HasPrefix(what, "5") || strings.HasPrefix(p, "/var/vcap/jobs/") || strings.Contains(path.Base(p), "pid") || strings.HasPrefix(p, "/var/vcap/bosh") {
			continue
		}
		out[p] = what
	}
	return out
}

// differs says in which ways two recordings of scripts that are on the old side differ;
// "" when they do not.
func differs(a, b *recording, job string) string {
	var out []string
	show := func(r *recording) (lines []string) {
		for _, e := range r.Records {
			if !strings.Contains(e.Exe, "/beside") {
				lines = append(lines, e.told(job))
			}
		}
		return lines
	}
	x, y := show(a), show(b)
	if !slices.Equal(x, y) {
		out = append(out, "- "+strings.Join(x, "\n- ")+"\n+ "+strings.Join(y, "\n+ "))
	}
	p, q := a.left(job), b.left(job)
	for _, n := range slices.Sorted(maps.Keys(p)) {
		if p[n] != q[n] {
			out = append(out, fmt.Sprintf("%s: - %s + %s", n, p[n], q[n]))
		}
	}
	for _, n := range slices.Sorted(maps.Keys(q)) {
		if _, ok := p[n]; !ok {
			out = append(out, fmt.Sprintf("%s: + %s", n, q[n]))
		}
	}
	return strings.Join(out, "\n")
}

// ran says that monit's start came to a program of a package.
func (r *recording) ran() bool {
	return slices.ContainsFunc(r.Records, func(e record) bool { return e.Start && strings.HasPrefix(e.Exe, "/var/vcap/") })
}

// defaults are the values of the first case.
func defaults(r *render.Renderer, j *release.Job) render.Context {
	var files []*source.File
	for _, t := range j.Spec.Templates {
		if f, err := j.Release.Read(j.TemplateName(t.Source)); err == nil {
			files = append(files, f)
		}
	}
	return r.Fit(append(files, j.Monit), cases.Of(j, j, files, nil)[0].Context(j))
}

// converted is a conversion of a release.
type converted struct {
	plan *convert.Plan
	rel  *release.Release
	job  *convert.Conversion
}

func (l *lab) conversion(rel *release.Release, job string) (*converted, error) {
	plan, err := convert.Release(rel, convert.Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"})
	if err != nil {
		return nil, err
	}
	after, err := l.with(rel, plan.Files())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(plan.Jobs, func(c *convert.Conversion) bool { return c.Job.Name == job })
	if i < 0 {
		return nil, fmt.Errorf("no conversion of %s", job)
	}
	return &converted{plan, after, plan.Jobs[i]}, nil
}

func (c *converted) done() bool {
	return c.job.Verdict == convert.Converted || c.job.Verdict == convert.ConvertedReview
}

// verdict is what came of a rewrite.
type verdict struct {
	// kind is "same", "declined", "another meaning" or "not run" when there is nothing to
	// say; "caught" when the two do not do the same and the proof of one of them says so;
	// "different" when it does not.
	kind string
	why  string
}

// judge holds a rewrite against the original.
func (l *lab) judge(s *subject, names []string) verdict {
	rel, files, err := l.rewritten(s, names)
	if err != nil {
		return verdict{"fault", err.Error()}
	}
	if rel == nil {
		return verdict{"nothing to rewrite", ""}
	}
	defer forget(rel)
	job := s.job.Name
	now := rel.Job(job)
	if now == nil || now.Err != nil {
		return verdict{"another meaning", fmt.Sprint("it cannot be read: ", now.Err)}
	}
	l.box.family = s.name
	ctx := defaults(l.renderer, s.job)
	old, err := l.recorded(s, ctx)
	if err != nil {
		return verdict{"not run", err.Error()}
	}
	if !old.ran() || !old.Ended {
		return verdict{"not run", old.Status + old.Log}
	}
	rec, err := l.box.run(now, withFill(render.NewContext(now, ctx.Properties), ctx))
	if err != nil {
		return verdict{"another meaning", err.Error()}
	}
	if d := differs(old, rec, job); d != "" || !rec.Ended {
		return verdict{"another meaning", d + "\n" + rec.Log}
	}
	a, err := l.conversion(s.rel, job)
	if err != nil {
		return verdict{"fault", err.Error()}
	}
	defer forget(a.rel)
	b, err := l.conversion(rel, job)
	if err != nil {
		return verdict{"fault", err.Error()}
	}
	defer forget(b.rel)
	text := func() string {
		var out []string
		for _, n := range slices.Sorted(maps.Keys(files)) {
			out = append(out, "-- "+n+" --\n"+string(files[n].Data))
		}
		for _, c := range b.job.Changes {
			if !c.Delete {
				out = append(out, "-- after: "+c.Name+" --\n"+string(c.After))
			}
		}
		return strings.Join(out, "\n")
	}
	switch {
	case !a.done() && !b.done():
		return verdict{"both declined", ""}
	case !b.done():
		if b.job.Reason.Message == "" || !b.job.Reason.Span.Valid() {
			return verdict{"different", "it is declined without a statement: " + b.job.Reason.Message + "\n" + text()}
		}
		return verdict{"declined", b.job.Reason.Message}
	case !a.done():
		return verdict{"only the rewrite is converted", a.job.Reason.Message}
	}
	if d := l.between(a, b, job); d != "" {
		for _, x := range []struct {
			old *release.Release
			now *converted
		}{{rel, b}, {s.rel, a}} {
			r, err := l.verifier.Release(x.old, x.now.rel, x.now.plan, []string{job})
			if err != nil {
				return verdict{"fault", err.Error()}
			}
			if r.Status() == verify.Unexplained {
				return verdict{"caught", d + "\n" + text()}
			}
		}
		return verdict{"different", d + "\n" + text()}
	}
	return verdict{"same", ""}
}

func withFill(to, from render.Context) render.Context { to.Fill = from.Fill; return to }

// noise are rules that explain what two conversions of one meaning may do otherwise.
var noise = map[string]bool{"bpm-env": true, "login-env": true}

// between compares what two conversions start and leave.
func (l *lab) between(a, b *converted, job string) string {
	plan, err := convert.Release(a.rel, convert.Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"})
	if err != nil {
		return err.Error()
	}
	r, err := l.verifier.Release(a.rel, b.rel, plan, []string{job})
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, j := range r.Jobs {
		plain := map[string]bool{}
		for _, c := range j.Cases {
			plain[c.Name] = !c.Awkward
		}
		if j.Status == verify.NotRun {
			out = append(out, "not run: "+j.Why)
		}
		for _, d := range j.Differences {
			if strings.HasPrefix(d.Before, "the conversion: ") {
				continue // what it would make of the converted job
			}
			if !slices.ContainsFunc(d.Cases, func(name string) bool { return plain[name] }) {
				continue
			}
			if noise[d.Rule] || d.Process == "beside" || strings.HasPrefix(d.Aspect, "template:") || strings.Contains(d.Before+d.After, "beside") {
				continue
			}
			if own := "/var/vcap/jobs/" + job; d.Aspect == "cwd" && (d.Before == own && d.After == "/" || d.Before == "/" && d.After == own) {
				continue // that the old one ran in / is taken for chance, or is not
			}
			if (d.Aspect == "env-extra:PATH" || d.Aspect == "env-changed:PATH") && strings.HasPrefix(d.After, "/var/vcap/packages") {
				continue // the rewrite says so
			}
			if usual(d.Before, job) == usual(d.After, job) || slices.ContainsFunc(j.Differences, func(o verify.Difference) bool {
				return o.Aspect == d.Aspect && usual(o.Before, job) == usual(d.After, job) && usual(o.After, job) == usual(d.Before, job)
			}) {
				continue // another way to the same package
			}
			out = append(out, fmt.Sprintf("%s %s %s: - %s\n    + %s (%s)", d.Status, d.Process, d.Aspect, d.Before, d.After, d.Rule))
		}
	}
	return strings.Join(out, "\n")
}

// lab is what the tests of this package share.
type lab struct {
	box      *sandbox
	renderer *render.Renderer
	verifier *verify.Verifier
	known    map[*subject]*recording
}

func newLab(t *testing.T) *lab {
	t.Helper()
	golden.Needs(t, "bash", "unshare", "chpst")
	r := rendererFor(t)
	return &lab{newSandbox(t, r), r, &verify.Verifier{Renderer: r}, map[*subject]*recording{}}
}

func (l *lab) recorded(s *subject, ctx render.Context) (*recording, error) {
	if r := l.known[s]; r != nil {
		return r, nil
	}
	r, err := l.box.run(s.job, ctx)
	if err == nil {
		l.known[s] = r
	}
	return r, err
}

// fixtures are the jobs of case files.
func fixtures(t *testing.T, patterns ...string) []*subject {
	t.Helper()
	var out []*subject
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal("no cases", pattern)
		}
		for _, name := range names {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for n, text := range plainJob {
				golden.Write(t, dir, n, []byte(text))
			}
			for _, f := range archive.Files {
				if strings.Contains(f.Name, "/") && !strings.HasPrefix(f.Name, "after/") {
					golden.Write(t, dir, f.Name, f.Data)
				}
			}
			rel, err := release.Load(dir)
			if err != nil {
				t.Fatal(name, err)
			}
			out = append(out, subjects(filepath.Base(name), rel)...)
		}
	}
	return out
}

// TestRewrites rewrites start scripts in ways that keep their meaning, which real bash
// confirms: what the conversion makes of both has to do the same on the machine in
// memory, or the rewritten one is declined with a statement.
//
//	BPMIFY_REWRITES=N [BPMIFY_GENERATE_SEED=1] [BPMIFY_GENERATE_ONLY=TEXT] [BPMIFY_GENERATE_SHOW=1] go test ./release/generate -run TestRewrites -v -timeout 0
//
// N pairs of job and rewrite by chance, or all with "all". BPMIFY_RELEASES takes the jobs
// of real releases instead. ONLY takes those whose name has the text, SHOW prints the files
// of what fails.
func TestRewrites(t *testing.T) {
	l := newLab(t)
	var all []*subject
	if pattern := os.Getenv("BPMIFY_RELEASES"); pattern != "" && os.Getenv("BPMIFY_REWRITES") != "" {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dirs {
			rel, err := release.Load(d)
			if err != nil {
				continue
			}
			all = append(all, subjects(filepath.Base(d), rel)...)
		}
	} else {
		all = fixtures(t, "testdata/*.txtar", "../verify/testdata/mutate/*.txtar")
		if os.Getenv("BPMIFY_REWRITES") != "" {
			all = append(all, fixtures(t, "../convert/testdata/*.txtar")...)
		}
	}
	type pair struct {
		s     *subject
		names []string
	}
	var pairs []pair
	for _, s := range all {
		for _, r := range rewrites {
			pairs = append(pairs, pair{s, []string{r.name}})
		}
	}
	seed := number("BPMIFY_GENERATE_SEED", 1)
	chance := rand.New(rand.NewPCG(uint64(seed), 0))
	chance.Shuffle(len(pairs), func(i, k int) { pairs[i], pairs[k] = pairs[k], pairs[i] })
	want := 16
	if os.Getenv("BPMIFY_REWRITES") != "" {
		want = number("BPMIFY_REWRITES", len(pairs))
	}
	only := os.Getenv("BPMIFY_GENERATE_ONLY") // NAME of the subject, or of the rewrite
	counts := map[string]int{}
	ways := map[string]map[string]int{}
	judged := 0
	for _, p := range pairs {
		if only != "" && !strings.Contains(p.s.name+": "+strings.Join(p.names, "+"), only) {
			continue
		}
		v := l.judge(p.s, p.names)
		counts[v.kind]++
		if ways[p.names[0]] == nil {
			ways[p.names[0]] = map[string]int{}
		}
		ways[p.names[0]][v.kind]++
		id := p.s.name + ": " + strings.Join(p.names, "+")
		switch v.kind {
		case "different", "fault":
			if why := knownRewrites[id]; why != "" {
				counts["known"]++
				break
			}
			what, files, _ := strings.Cut(v.why, "\n-- ")
			if os.Getenv("BPMIFY_GENERATE_SHOW") != "" {
				what += "\n-- " + files
			}
			t.Errorf("%s: %s: %s", id, v.kind, what)
		case "same":
			if why := knownRewrites[id]; why != "" {
				t.Errorf("%s is in the list of what is known to fail, and does not: take it out", id)
			}
		case "declined", "only the rewrite is converted", "caught":
			v.why, _, _ = strings.Cut(v.why, "\n-- ")
			t.Logf("%s: %s: %s", id, v.kind, v.why)
		case "another meaning", "not run":
			if only != "" {
				t.Logf("%s: %s: %s", id, v.kind, v.why)
			}
		}
		if v.kind != "nothing to rewrite" && v.kind != "not run" {
			if judged++; judged >= want {
				break
			}
		}
	}
	t.Logf("seed %d: %d pairs: %v", seed, judged, counts)
	for _, n := range slices.Sorted(maps.Keys(ways)) {
		t.Logf("%-32s %v", n, ways[n])
	}
	if judged < min(want, 10) && only == "" {
		t.Errorf("%d pairs only", judged)
	}
}

// knownRewrites are pairs of job and rewrite that fail, with the assumption that is
// wrong. One that does not fail any more fails the test: the list has to shrink.
var knownRewrites = map[string]string{}
