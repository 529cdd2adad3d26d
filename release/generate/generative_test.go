//go:build linux

package generate

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/cases"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// finding is something that is wrong with a conversion or its proof.
type finding struct {
	// kind is "silent" for a difference that real bash sees and the proof does not,
	// "explained" for one that both see, which is worth to be read.
	kind, aspect, text string
}

// key is what has to stay when a job is made smaller.
func (f finding) key() string { return f.kind + " " + f.aspect }

// outcome is what became of a made-up job.
type outcome struct {
	verdict  string // "declined", "not run", or the status of the proof
	why      string
	findings []finding
}

// load writes files and reads them as a release.
func load(dir string, files map[string]string) (*release.Release, error) {
	for n, text := range files {
		if err := put(filepath.Join(dir, n), text, 0o644); err != nil {
			return nil, err
		}
	}
	return release.Load(dir)
}

// examine converts a job, proves it, and runs both sides in real bash.
func (l *lab) examine(rel *release.Release, job string, maxCases int) (outcome, error) {
	j := rel.Job(job)
	if j == nil || j.Err != nil {
		return outcome{}, fmt.Errorf("the job cannot be read: %v", j)
	}
	l.box.family = rel.Dir
	c, err := l.conversion(rel, job)
	if err != nil {
		return outcome{}, err
	}
	defer forget(c.rel)
	if !c.done() {
		return outcome{verdict: "declined", why: c.job.Reason.Message}, nil
	}
	result, err := l.verifier.Release(rel, c.rel, c.plan, []string{job})
	if err != nil {
		return outcome{}, err
	}
	if len(result.Jobs) != 1 {
		return outcome{}, fmt.Errorf("%d jobs were compared", len(result.Jobs))
	}
	proof := result.Jobs[0]
	out := outcome{verdict: string(proof.Status), why: proof.Why}
	for _, d := range proof.Differences {
		if d.Status == verify.Unexplained {
			out.why += fmt.Sprintf("%s %s - %.200s + %.200s %s\n", d.Process, d.Aspect, d.Before, d.After, d.Cases)
		}
	}
	after := c.rel.Job(job)
	var templates []*source.File
	for _, side := range []*release.Job{j, after} {
		for _, t := range side.Spec.Templates {
			if f, err := side.Release.Read(side.TemplateName(t.Source)); err == nil {
				templates = append(templates, f)
			}
		}
	}
	ran := 0
	var seen = map[string]bool{}
	for _, k := range cases.Of(j, after, append([]*source.File{j.Monit}, startTemplates(j, after)...), c.plan.Samples) {
		i := slices.IndexFunc(proof.Cases, func(x verify.Case) bool { return x.Name == k.Name })
		if k.Awkward || i < 0 || ran >= maxCases {
			continue
		}
		ctx := l.renderer.Fit(templates, k.Context(j))
		old, err := l.box.run(j, ctx)
		if err != nil {
			return outcome{}, err
		}
		if !old.ran() || !old.Ended {
			if out.verdict != string(verify.NotRun) && ran == 0 {
				out.why = "bash comes to no program: " + old.Log
				out.verdict = "not run in bash"
			}
			continue
		}
		ran++
		now, err := l.box.run(after, withFill(k.Context(after), ctx))
		if err != nil {
			return outcome{}, err
		}
		real := compareSides(old, now, job)
		for _, f := range contradictions(real, &proof.Cases[i]) {
			if !seen[f.key()] {
				seen[f.key()] = true
				f.text = "case " + k.Name + ": " + f.text
				out.findings = append(out.findings, f)
			}
		}
	}
	return out, nil
}

// startTemplates are the templates that package verify takes the cases from.
func startTemplates(jobs ...*release.Job) []*source.File {
	var files []*source.File
	for _, j := range jobs {
		for _, t := range j.Spec.Templates {
			if target := path.Clean(t.Target); strings.HasPrefix(target, "bin/") || target == "config/bpm.yml" {
				if f, err := j.Release.Read(j.TemplateName(t.Source)); err == nil {
					files = append(files, f)
				}
			}
		}
	}
	return files
}

// difference is one that real bash shows between the old and the new side.
type difference struct{ aspect, text string }

// compareSides compares what an old and a new side did in real bash.
func compareSides(old, now *recording, job string) []difference {
	var out []difference
	add := func(aspect, format string, args ...any) {
		out = append(out, difference{aspect, fmt.Sprintf(format, args...)})
	}
	exe := func(e record) string {
		if p := usual(e.Exe, job); !strings.HasPrefix(p, "/var/vcap/") {
			return path.Base(p)
		}
		return usual(e.Exe, job)
	}
	args := func(e record) string { return usual(quoted(e.Args), job) }
	after := slices.Clone(now.Records)
	for i, e := range old.Records {
		if harmless[path.Base(e.Exe)] {
			continue
		}
		best, score := -1, -1
		for k, x := range after {
			if exe(x) != exe(e) {
				continue
			}
			n := 0
			if args(x) == args(e) {
				n = 1
			}
			if n > score {
				best, score = k, n
			}
		}
		if best < 0 {
			// a script may do it once where it was done twice
			if !slices.ContainsFunc(now.Records, func(x record) bool { return exe(x) == exe(e) && args(x) == args(e) }) {
				add("command:"+path.Base(e.Exe), "%s %s is not executed", exe(e), args(e))
			}
			continue
		}
		x := after[best]
		after = slices.Delete(after, best, best+1)
		if args(x) != args(e) {
			add("argv", "- %s %s\n+ %s %s", exe(e), args(e), exe(x), args(x))
		}
		if !strings.HasPrefix(e.Exe, "/var/vcap/") {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(e.Env)) {
			y, there := x.Env[name]
			switch {
			case quiet[name] || name == "PATH" || strings.HasPrefix(name, "SUDO_") || strings.HasPrefix(name, "BASH_FUNC"):
			case !there:
				add("env-missing:"+name, "%s: %s", exe(e), e.Env[name])
			case usual(y, job) != usual(e.Env[name], job):
				add("env-changed:"+name, "%s: - %q + %q", exe(e), e.Env[name], y)
			}
		}
		for _, dir := range strings.Split(usual(e.Env["PATH"], job), ":") {
			if strings.HasPrefix(dir, "/var/vcap/") && !slices.Contains(strings.Split(usual(x.Env["PATH"], job), ":"), dir) {
				add("env-changed:PATH", "%s: %s is not in %s", exe(e), dir, x.Env["PATH"])
				break
			}
		}
		last := i == len(old.Records)-1 || !strings.HasPrefix(old.Records[len(old.Records)-1].Exe, "/var/vcap/")
		if last && e.Dir != x.Dir && e.Dir != "/" && e.Dir != "/home/vcap" && e.Dir != "/root" {
			add("cwd", "%s: - %s + %s", exe(e), e.Dir, x.Dir)
		}
		if last && e.Uid != "0" && e.Uid != x.Uid {
			add("user", "%s: - %s + %s", exe(e), e.Uid, x.Uid)
		}
	}
	for _, x := range after {
		if !harmless[path.Base(x.Exe)] && !slices.ContainsFunc(old.Records, func(e record) bool { return exe(e) == exe(x) && args(e) == args(x) }) {
			add("command:"+path.Base(x.Exe), "%s %s is executed now", exe(x), args(x))
		}
	}
	for _, line := range strings.Split(now.Status, "\n") {
		name, status, _ := strings.Cut(line, " ")
		if status != "" && status != "0" && !slices.Contains(strings.Split(old.Status, "\n"), line) {
			add("status:"+name, "%s ends with %s: %s", name, status, now.Log)
		}
	}
	p, q := old.left(job), now.left(job)
	for _, n := range slices.Sorted(maps.Keys(p)) {
		switch {
		case p[n] == q[n], passing(n, job):
		case q[n] == "":
			add("file:"+n, "- %s", p[n])
		case strings.HasPrefix(p[n], "2") && link(p[n]) == link(q[n]): // nobody asks whose a link is
		case strings.HasPrefix(p[n], "5") && strings.HasPrefix(q[n], "5"): // owners and modes of folders
			if !strings.Contains(q[n], "vcap:vcap") {
				add("file:"+n, "- %s + %s", p[n], q[n])
			}
		case n == "/var/vcap/sys/run/bpm":
		default:
			add("file:"+n, "- %s + %s", p[n], q[n])
		}
	}
	for _, n := range slices.Sorted(maps.Keys(q)) {
		if strings.HasPrefix(q[n], "5 700 vcap:vcap") {
			continue // bpm makes the folders that it mounts
		}
		if p[n] == "" && !passing(n, job) && !strings.HasSuffix(n, ".vcap") {
			add("extra:"+n, "+ %s", q[n])
		}
	}
	return out
}

// link is where a link leads.
func link(what string) string {
	_, to, _ := strings.Cut(what, " ")
	_, to, _ = strings.Cut(to, " ")
	_, to, _ = strings.Cut(to, " ")
	return to
}

// passing are places where nothing stays, or that bpm makes.
func passing(name, job string) bool {
	for _, d := range []string{"/var/vcap/sys/run", "/var/vcap/sys/log"} {
		if name == d || strings.HasPrefix(name, d+"/") {
			return true
		}
	}
	for _, d := range []string{"/var/vcap/data/" + job + "/tmp", "/var/vcap/store/" + job, "/var/vcap/store"} {
		if name == d {
			return true
		}
	}
	return false
}

var harmless = map[string]bool{"logger": true, "monit": true, "curl": true, "wget": true, "nc": true, "ping": true, "pkill": true, "killall": true, "hostname": true}

// contradictions are where real bash and the proof say different things of a case.
func contradictions(real []difference, c *verify.Case) []finding {
	var out []finding
	said := map[string]verify.Row{}
	any := false
	note := func(r verify.Row) {
		if r.Status == verify.Same {
			return
		}
		any = any || r.Status == verify.Unexplained
		a := strings.Replace(r.Aspect, "folder:", "file:", 1)
		if old, ok := said[a]; !ok || old.Status != verify.Unexplained {
			said[a] = r
		}
	}
	for _, p := range c.Processes {
		for _, r := range p.Rows {
			note(r)
		}
		if p.Status == verify.NotRun {
			return nil
		}
	}
	for _, r := range c.Setup {
		note(r)
	}
	if c.NotRun != "" || any {
		return nil // it is caught
	}
	for _, d := range real {
		aspect := strings.Replace(d.aspect, "extra:", "file:", 1)
		row, ok := said[aspect]
		if ok && !strings.HasPrefix(aspect, "file:") {
			why := row.ID + row.Rule
			if why == "" {
				why = row.Because
			}
			out = append(out, finding{"explained", d.aspect + " (" + why + ")", d.text})
		}
		if p, is := strings.CutPrefix(aspect, "file:"); is && !ok {
			_, ok = said["access:"+p]
		}
		if _, gone := said["executable"]; !ok && !gone {
			out = append(out, finding{"silent", d.aspect, d.text})
		}
	}
	return out
}

// shrink leaves out pieces of a job while it fails in the same way.
func (l *lab) shrink(d *design, key string, tries int) *design {
	dir, err := os.MkdirTemp("", "bpmify-shrink")
	if err != nil {
		return d
	}
	defer os.RemoveAll(dir)
	n := 0
	fails := func(c *design) bool {
		n++
		rel, err := load(filepath.Join(dir, fmt.Sprint(n)), c.release())
		if err != nil {
			return false
		}
		o, err := l.examine(rel, c.job, 2)
		return err == nil && slices.ContainsFunc(o.findings, func(f finding) bool { return f.key() == key })
	}
	for again := true; again && n < tries; {
		again = false
		for _, list := range pieces {
			for i := len(d.lists[list]) - 1; i >= 0 && n < tries; i-- {
				c := d.clone()
				c.lists[list] = slices.Delete(c.lists[list], i, i+1)
				if fails(c) {
					d, again = c, true
				}
			}
		}
	}
	return d
}

// TestGenerated makes jobs up, converts them and proves them, and runs both sides in real
// bash: what bash sees, the proof has to see.
//
//	BPMIFY_GENERATE=N [BPMIFY_GENERATE_SEED=1] go test ./release/generate -run TestGenerated -v -timeout 0
//
// N jobs from the seed on. Those that fail are made smaller first.
func TestGenerated(t *testing.T) {
	l := newLab(t)
	count, seed := number("BPMIFY_GENERATE", 6), number("BPMIFY_GENERATE_SEED", 1)
	verdicts := map[string]int{}
	declined := map[string]int{}
	kinds := map[string][]int{}
	for i := range count {
		n := seed + i
		d := generate(uint64(n))
		files := d.release()
		rel, err := load(t.TempDir(), files)
		if err != nil {
			t.Errorf("seed %d: %v", n, err)
			continue
		}
		o, err := l.examine(rel, d.job, 3)
		if err != nil {
			t.Errorf("seed %d: %v", n, err)
			continue
		}
		verdicts[o.verdict]++
		switch o.verdict {
		case "declined":
			declined[o.why]++
		case string(verify.Unexplained), string(verify.NotRun), "not run in bash":
			t.Logf("seed %d: %s: %s", n, o.verdict, o.why)
		}
		for _, f := range o.findings {
			kinds[f.key()] = append(kinds[f.key()], n)
			if f.kind == "explained" {
				if len(kinds[f.key()]) <= 3 || f.aspect == "argv" {
					t.Logf("seed %d: %s: %s", n, f.key(), f.text)
				}
				continue
			}
			if len(kinds[f.key()]) > 1 {
				continue // one of each kind is enough to read
			}
			small := l.shrink(d, f.key(), 60)
			t.Errorf("seed %d: %s: %s\nagain: BPMIFY_GENERATE=1 BPMIFY_GENERATE_SEED=%d go test ./release/generate -run TestGenerated\n%s", n, f.key(), f.text, n, shown(small))
		}
	}
	t.Logf("%d jobs: %v", count, verdicts)
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%-40s %v", k, kinds[k])
	}
	for _, k := range slices.Sorted(maps.Keys(declined)) {
		t.Logf("declined %d: %s", declined[k], k)
	}
}

// shown prints a job.
func shown(d *design) string {
	var b strings.Builder
	files := d.release()
	for _, n := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(n, "config/") && !strings.HasPrefix(n, "packages/") && !strings.HasPrefix(n, "src/") {
			fmt.Fprintf(&b, "-- %s --\n%s", n, files[n])
		}
	}
	return b.String()
}

// TestSeeds holds that a seed makes the same job each time.
func TestSeeds(t *testing.T) {
	if a, b := fmt.Sprint(generate(7).release()), fmt.Sprint(generate(7).release()); a != b {
		t.Error("one seed makes two jobs")
	}
}

// TestWriteGenerated writes the made-up releases into a folder, for other tools:
//
//	BPMIFY_GENERATE_DIR=DIR BPMIFY_GENERATE=N [BPMIFY_GENERATE_SEED=1] go test ./release/generate -run TestWriteGenerated
func TestWriteGenerated(t *testing.T) {
	dir := os.Getenv("BPMIFY_GENERATE_DIR")
	if dir == "" {
		t.Skip("BPMIFY_GENERATE_DIR names no folder")
	}
	seed := number("BPMIFY_GENERATE_SEED", 1)
	for n := seed; n < seed+number("BPMIFY_GENERATE", 1); n++ {
		if _, err := load(filepath.Join(dir, fmt.Sprint(n)), generate(uint64(n)).release()); err != nil {
			t.Error(err)
		}
	}
}
