package commands

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// beside are programs that people know, to hold ours against: bosh and shfmt, where
// BPMIFY_BOSH and BPMIFY_SHFMT say where they are.
var beside = map[string]string{"bosh": os.Getenv("BPMIFY_BOSH"), "shfmt": os.Getenv("BPMIFY_SHFMT")}

// built is the program as scripts/build makes it.
func built(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "bosh-bpmify")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// process measures a program from its start to its end, and the memory that it had.
// worst is the exit status that it may have.
func process(b *testing.B, worst int, bin string, args ...string) {
	b.Helper()
	if bin == "" {
		b.Skip("where it is, nobody says")
	}
	peak := int64(0)
	for b.Loop() {
		c := exec.Command(bin, args...)
		out, err := c.CombinedOutput()
		if status := c.ProcessState.ExitCode(); status < 0 || status > worst {
			b.Fatalf("%s %q: %v\n%s", bin, args[:min(len(args), 3)], err, out)
		}
		peak = max(peak, peakMemory(c.ProcessState))
	}
	b.ReportMetric(float64(peak)/(1<<20), "MB")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/run")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart is what a user waits for a help text, and how large the program is.
func BenchmarkStart(b *testing.B) {
	for _, p := range []struct{ name, bin string }{{"bosh-bpmify", built(b)}, {"bosh", beside["bosh"]}, {"shfmt", beside["shfmt"]}} {
		b.Run(p.name, func(b *testing.B) {
			process(b, 0, p.bin, "--help")
			if info, err := os.Stat(p.bin); err == nil {
				b.ReportMetric(float64(info.Size())/1e6, "MB-on-disk")
			}
		})
	}
}

// BenchmarkReleases is a dry run over the releases of BPMIFY_RELEASES, a pattern of
// directories (some of them may not be readable), beside shfmt -l over the shell scripts among their templates. shfmt
// gets them with the ERB masked, or it would stop at it.
func BenchmarkReleases(b *testing.B) {
	dirs, err := filepath.Glob(os.Getenv("BPMIFY_RELEASES"))
	if err != nil || len(dirs) == 0 {
		b.Skip("BPMIFY_RELEASES is not set")
	}
	bin := built(b)
	b.Run("bosh-bpmify", func(b *testing.B) {
		process(b, 1, bin, append([]string{"release", "--dry-run"}, dirs...)...)
	})
	b.Run("shfmt", func(b *testing.B) {
		if beside["shfmt"] == "" {
			b.Skip("BPMIFY_SHFMT is not set")
		}
		dir := b.TempDir()
		n, size := 0, 0
		for _, d := range dirs {
			err := filepath.WalkDir(filepath.Join(d, "jobs"), func(p string, e fs.DirEntry, err error) error {
				if err != nil || !e.Type().IsRegular() {
					return nil
				}
				data, err := os.ReadFile(p)
				f := &source.File{Name: p, Data: data}
				if _, shell := ctl.Shell(f); err != nil || !shell || !strings.HasPrefix(string(data), "#!") {
					return nil
				}
				t, err := erb.Parse(f)
				if err != nil {
					return nil
				}
				n, size = n+1, size+len(data)
				return os.WriteFile(filepath.Join(dir, fmt.Sprint(n, ".sh")), t.Mask(), 0o600)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		process(b, 1, beside["shfmt"], "-l", dir)
		b.ReportMetric(float64(n), "scripts")
		b.ReportMetric(float64(size)/1e6, "MB-of-scripts")
	})
}

// BenchmarkOps is the ops-file for one manifest, beside bosh int of the manifest.
func BenchmarkOps(b *testing.B) {
	bin := built(b)
	for _, groups := range []int{5, 500} {
		var text strings.Builder
		text.WriteString("name: big\nreleases: [{name: web, version: 1}]\nstemcells: []\nupdate: {}\ninstance_groups:\n")
		for i := range groups {
			fmt.Fprintf(&text, "- name: g%d\n  networks: [{name: default}]\n  jobs:\n  - name: web\n    release: web\n    properties: {port: %d, text: %q}\n", i, 8000+i, strings.Repeat("x", 200))
		}
		manifest := filepath.Join(b.TempDir(), "manifest.yml")
		if err := os.WriteFile(manifest, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("bosh-bpmify/%d-groups", groups), func(b *testing.B) {
			process(b, 0, bin, "ops", manifest, "--release", "web", "--ops-file", filepath.Join(b.TempDir(), "ops.yml"))
		})
		b.Run(fmt.Sprintf("bosh/%d-groups", groups), func(b *testing.B) {
			process(b, 0, beside["bosh"], "int", manifest)
		})
	}
}
