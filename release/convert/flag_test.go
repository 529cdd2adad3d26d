package convert

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/cases"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestFlagged puts the releases of all cases behind a flag, and those of
// BPMIFY_RELEASES, and renders them with ruby: with the flag off every file is what
// it was, byte for byte, and with the flag on what it is without one.
func TestFlagged(t *testing.T) {
	renderer, err := render.New()
	if err != nil {
		if os.Getenv("BPMIFY_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	defer renderer.Close()
	var dirs []string
	if pattern := os.Getenv("BPMIFY_RELEASES"); pattern != "" {
		if dirs, err = filepath.Glob(pattern); err != nil || len(dirs) == 0 {
			t.Fatalf("%s: no directories (%v)", pattern, err)
		}
	} else {
		dirs = unpacked(t)
	}
	n := &bothWays{renderer: renderer}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Log(dir)
			n.compare(t, dir)
		})
	}
	t.Logf("%d jobs, with %d files that render when the flag is off, and %d when it is on; %d do not render before", n.jobs, n.off, n.on, n.broken)
	if n.jobs < 50 {
		t.Errorf("only %d jobs were put behind a flag", n.jobs)
	}
}

// unpacked writes the releases of the cases.
func unpacked(t *testing.T) (dirs []string) {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(name), ".txtar"))
		for n, text := range common {
			golden.Write(t, dir, n, []byte(text))
		}
		golden.Write(t, dir, "config/final.yml", []byte("name: web\n"))
		for _, f := range archive.Files {
			if !slices.Contains([]string{"want", "props", "options"}, f.Name) {
				golden.Write(t, dir, f.Name, f.Data)
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

type bothWays struct {
	renderer              *render.Renderer
	jobs, off, on, broken int
}

func (n *bothWays) compare(t *testing.T, dir string) {
	plain := planOf(t, dir)
	plan := planWith(t, dir, Options{FeatureFlag: "bpm.enabled"})
	flagged, err := plan.Release.With(plan.Files())
	if err != nil {
		t.Fatal(err)
	}
	converted, err := plain.Release.With(plain.Files())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range plan.Jobs {
		if c.Verdict != Converted && c.Verdict != ConvertedReview {
			continue
		}
		n.jobs++
		old, now, free := c.Job, flagged.Job(c.Job.Name), converted.Job(c.Job.Name)
		if now.Err != nil {
			t.Fatal(now.Err)
		}
		n.renderer.Forget()
		files := templatesOf(old)
		for i, k := range cases.Of(old, nil, files, plan.Samples) {
			if i > 12 {
				break
			}
			context := n.renderer.Fit(files, k.Context(old))
			if _, err := n.renderer.Render(&source.File{Name: "any", Data: []byte("<%# %>")}, context); err != nil {
				continue // BOSH refuses such properties, whatever the template
			}
			for _, f := range files {
				n.same(t, k, f, context, flagged, now, false)
			}
			if free.Err != nil {
				t.Fatal(free.Err)
			}
			for _, f := range templatesOf(free) {
				if told(plan, f.Name) {
					continue // it uses another job, and cannot ask for that one's flag
				}
				n.same(t, k, f, context, flagged, now, true)
			}
		}
	}
}

// told says whether a file of one job that uses another one is told of.
func told(p *Plan, name string) bool {
	return slices.ContainsFunc(p.Jobs, func(c *Conversion) bool {
		return slices.ContainsFunc(c.Findings, func(d source.Diagnostic) bool {
			return d.ID == "flag-other-job" && slices.ContainsFunc(append(d.Related, d.Span), func(at source.Span) bool { return at.File.Name == name })
		})
	})
}

// same renders a file of the one release, and of the one with the flag.
func (n *bothWays) same(t *testing.T, k cases.Case, f *source.File, fitted render.Context, flagged *release.Release, now *release.Job, on bool) {
	t.Helper()
	want, err := n.renderer.Render(f, fitted)
	if err != nil {
		n.broken++
		return
	}
	file, err := flagged.Read(f.Name)
	if err != nil {
		return // a wrapper that has another name beside the script
	}
	k.Properties = clone(k.Properties)
	if on {
		render.Set(k.Properties, "bpm.enabled", true)
	}
	context := k.Context(now)
	context.Fill = fitted.Fill
	got, err := n.renderer.Render(file, context)
	if err != nil {
		t.Errorf("%s, case %s, flag %v: %v", f.Name, k.Name, on, err)
		return
	}
	if on {
		n.on++
	} else {
		n.off++
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s, case %s, flag %v:\n%s", f.Name, k.Name, on, gocmp.Diff(string(want), string(got)))
	}
}

func clone(properties map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range properties {
		if m, ok := v.(map[string]any); ok {
			v = clone(m)
		}
		out[k] = v
	}
	return out
}

// templatesOf are the monit file and the templates of a job.
func templatesOf(j *release.Job) []*source.File {
	files := []*source.File{j.Monit}
	for _, t := range j.Spec.Templates {
		if f, _, err := j.TemplateFile(t.Target); err == nil {
			files = append(files, f)
		}
	}
	return files
}
