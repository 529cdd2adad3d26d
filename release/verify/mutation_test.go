package verify

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/manifest"
	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// patient is a converted job that is going to be damaged.
type patient struct {
	release    string
	before     *release.Job
	after      *release.Job
	reference  *release.Job
	conversion *convert.Conversion
	samples    []*manifest.Manifest
	known      map[string]bool
	damages    []damage
}

// outcome is what verify says of a damage.
type outcome int

const (
	caught outcome = iota
	missed
	// unrendered is a damage that leaves no template to compare: that is too easy
	// to count.
	unrendered
)

// hurt damages the job and compares.
func (p *patient) hurt(t *testing.T, v *Verifier, d damage) (outcome, string) {
	t.Helper()
	files := map[string]*source.File{}
	for _, f := range jobFiles(p.before) {
		files[f.Name] = nil
	}
	for _, f := range jobFiles(p.after) {
		files[f.Name] = f
	}
	old := files[d.file]
	if old == nil {
		t.Fatalf("%s has no %s", p.after.Name, d.file)
	}
	files[d.file] = &source.File{Name: d.file, Data: d.data, Mode: old.Mode}
	r, err := p.before.Release.With(files)
	if err != nil {
		t.Fatal(err)
	}
	j := v.job(p.before, r.Job(p.before.Name), p.reference, p.conversion, p.samples)
	aspects, broken := []string{}, false
	for _, x := range j.Differences {
		if x.Status != Unexplained || p.known[difference(x)] {
			continue
		}
		aspects = append(aspects, x.Aspect)
		broken = broken || x.Aspect == "template"
	}
	switch {
	case broken:
		return unrendered, ""
	case len(aspects) > 0:
		return caught, strings.Join(aspects, ", ")
	case j.Status == NotRun:
		return missed, "not run: " + j.Why
	}
	return missed, string(j.Status)
}

func difference(d Difference) string { return key(d.Process, d.Row) }

func jobFiles(j *release.Job) []*source.File {
	var out []*source.File
	for _, f := range files(j) {
		out = append(out, f)
	}
	return out
}

// patients are the converted jobs of a release. after is nil for what the
// conversion makes of it. What is UNEXPLAINED in a job as it is does not count.
func patients(t *testing.T, v *Verifier, before, after *release.Release) []*patient {
	t.Helper()
	plan, err := convert.Release(before, convert.Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"})
	if err != nil {
		t.Fatal(err)
	}
	converted, err := before.With(plan.Files())
	if err != nil {
		t.Fatal(err)
	}
	if after == nil {
		after = converted
	}
	var all []*patient
	for _, c := range plan.Jobs {
		name := c.Job.Name
		if len(c.Changes) == 0 || after.Job(name) == nil {
			continue
		}
		p := &patient{release: filepath.Base(before.Dir), before: before.Job(name), after: after.Job(name), reference: converted.Job(name), conversion: c, samples: plan.Samples}
		if p.damages = damages(t, p.after, p.before); len(p.damages) == 0 {
			continue
		}
		healthy := v.job(p.before, p.after, p.reference, c, plan.Samples)
		if healthy.Status == NotRun {
			continue
		}
		p.known = map[string]bool{}
		for _, x := range healthy.Differences {
			if x.Status == Unexplained {
				p.known[difference(x)] = true
				t.Logf("%s is UNEXPLAINED before it is damaged: %s: %s", name, x.Aspect, x.Before)
			}
		}
		all = append(all, p)
	}
	return all
}

// TestMutations damages converted jobs in every way that damages knows, and
// verify has to notice 98 of 100. BPMIFY_MUTATE_SHOW=1 shows what it says of each.
func TestMutations(t *testing.T) {
	v := verifier(t)
	var all []*patient
	example, err := release.Load("../../examples/website-release")
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, patients(t, v, example, nil)...)
	names, err := filepath.Glob("testdata/mutate/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no jobs to damage", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := release.Load(unpack(t, archive.Files))
		if err != nil {
			t.Fatal(err)
		}
		ps := patients(t, v, r, nil)
		if len(ps) == 0 {
			t.Errorf("%s: nothing in it is converted", name)
		}
		all = append(all, ps...)
	}
	count := tally{show: os.Getenv("BPMIFY_MUTATE_SHOW") != ""}
	for _, p := range all {
		for _, d := range p.damages {
			count.add(t, v, p, d)
		}
	}
	count.report(t)
	if count.total < 100 || count.noticed*100 < count.total*98 {
		t.Errorf("%d of %d damages are noticed; want 98 of 100, and at least 100", count.noticed, count.total)
	}
}

// tally counts damages: those that verify notices, of all that it should.
type tally struct {
	noticed, total int
	kinds          map[string][2]int
	show           bool
}

func (y *tally) add(t *testing.T, v *Verifier, p *patient, d damage) {
	t.Helper()
	o, why := p.hurt(t, v, d)
	if o == unrendered {
		return
	}
	if y.kinds == nil {
		y.kinds = map[string][2]int{}
	}
	k := y.kinds[d.kind]
	k[1]++
	if d.kind != tidies {
		y.total++
	}
	if o != caught {
		t.Logf("missed: %s %s: %s (%s)", p.release, p.after.Name, d, why)
	} else {
		k[0]++
		if d.kind != tidies {
			y.noticed++
		}
		if y.show {
			t.Logf("noticed: %s %s: %s (%s)", p.release, p.after.Name, d, why)
		}
	}
	y.kinds[d.kind] = k
}

func (y *tally) report(t *testing.T) {
	t.Helper()
	var names []string
	for name, k := range y.kinds {
		names = append(names, fmt.Sprintf("%-32s %d of %d", name, k[0], k[1]))
	}
	slices.Sort(names)
	t.Logf("%d of %d damages are noticed\n%s", y.noticed, y.total, strings.Join(names, "\n"))
}

// TestMutationsOfReleases damages the jobs of releases in a folder, a number of
// times, spread over jobs and kinds:
//
//	BPMIFY_MUTATE_BEFORE=DIR [BPMIFY_MUTATE_AFTER=DIR] [BPMIFY_MUTATE_SEED=1] [BPMIFY_MUTATE_COUNT=100] go test ./release/verify -run TestMutationsOfReleases -v -timeout 0
func TestMutationsOfReleases(t *testing.T) {
	root := os.Getenv("BPMIFY_MUTATE_BEFORE")
	if root == "" {
		t.Skip("BPMIFY_MUTATE_BEFORE names no folder with releases")
	}
	v := verifier(t)
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	count := number("BPMIFY_MUTATE_COUNT", 100)
	chance := rand.New(rand.NewPCG(uint64(number("BPMIFY_MUTATE_SEED", 1)), 0))
	dirs, err := filepath.Glob(filepath.Join(root, "*", "jobs"))
	if err != nil {
		t.Fatal(err)
	}
	chance.Shuffle(len(dirs), func(i, k int) { dirs[i], dirs[k] = dirs[k], dirs[i] })
	counted := tally{show: true}
	for round := 0; counted.total < count && round < 5*len(dirs); round++ {
		dir := filepath.Dir(dirs[round%len(dirs)])
		before, err := release.Load(dir)
		if err != nil {
			continue
		}
		var after *release.Release
		if other := os.Getenv("BPMIFY_MUTATE_AFTER"); other != "" {
			if after, err = release.Load(filepath.Join(other, filepath.Base(dir))); err != nil {
				continue
			}
		}
		p := anyPatient(t, v, before, after, chance)
		if p == nil {
			continue
		}
		// each kind is as likely as another
		var order []string
		byKind := map[string][]damage{}
		for _, d := range p.damages {
			if byKind[d.kind] == nil {
				order = append(order, d.kind)
			}
			byKind[d.kind] = append(byKind[d.kind], d)
		}
		slices.Sort(order)
		chance.Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
		for _, kind := range order[:min(2, len(order))] {
			d := byKind[kind][chance.IntN(len(byKind[kind]))]
			if counted.total < count {
				counted.add(t, v, p, d)
			}
		}
	}
	counted.report(t)
	if counted.noticed*100 < counted.total*98 {
		t.Errorf("%d of %d damages are noticed; want 98 of 100", counted.noticed, counted.total)
	}
}

// anyPatient is a job of the release by chance, of those that are healthy.
func anyPatient(t *testing.T, v *Verifier, before, after *release.Release, chance *rand.Rand) *patient {
	t.Helper()
	chance.Shuffle(len(before.Jobs), func(i, k int) { before.Jobs[i], before.Jobs[k] = before.Jobs[k], before.Jobs[i] })
	plan, err := convert.Release(before, convert.Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"})
	if err != nil {
		return nil
	}
	converted, err := before.With(plan.Files())
	if err != nil {
		return nil
	}
	if after == nil {
		after = converted
	}
	tries := 0
	for _, j := range before.Jobs {
		i := slices.IndexFunc(plan.Jobs, func(c *convert.Conversion) bool { return c.Job.Name == j.Name })
		if i < 0 || len(plan.Jobs[i].Changes) == 0 || after.Job(j.Name) == nil || after.Job(j.Name).Err != nil {
			continue
		}
		p := &patient{release: filepath.Base(before.Dir), before: j, after: after.Job(j.Name), reference: converted.Job(j.Name), conversion: plan.Jobs[i], samples: plan.Samples}
		if p.damages = damages(t, p.after, p.before); len(p.damages) == 0 {
			continue
		}
		if tries++; tries > 3 {
			return nil
		}
		if s := v.job(p.before, p.after, p.reference, p.conversion, p.samples).Status; s == Same || s == Explained {
			return p
		}
	}
	return nil
}

// verifier is one with ruby, which the tests need.
func verifier(t *testing.T) *Verifier {
	t.Helper()
	r, err := render.New()
	if err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(r.Close)
	return &Verifier{Renderer: r}
}

// unpack writes files into a folder, with the name of the release.
func unpack(t *testing.T, files []txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	files = append([]txtar.File{{Name: "config/final.yml", Data: []byte("name: shop\n")}}, files...)
	for _, f := range files {
		golden.Write(t, dir, f.Name, f.Data)
	}
	return dir
}
