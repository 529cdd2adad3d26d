package convert

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/ctl"
	"github.com/bosh-bpmify/bosh-bpmify/release/golden"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// common are the files that a case does not have to give: a job "web" with a
// ctl that runs one process.
var common = map[string]string{
	"jobs/web/spec": `---
name: web
templates:
  ctl: bin/ctl
packages: []
`,
	"jobs/web/monit": `check process web
  with pidfile /var/vcap/sys/run/web/web.pid
  start program "/var/vcap/jobs/web/bin/ctl start"
  stop program "/var/vcap/jobs/web/bin/ctl stop"
  group vcap
`,
}

// TestCases converts the release in each testdata/*.txtar. The file's comment
// says why the case is there; "want" is what comes of it: verdict, findings,
// decisions, ledger and the changed files.
func TestCases(t *testing.T) {
	golden.Cases(t, "testdata/*.txtar", func(t *testing.T, files []txtar.File) string {
		dir := t.TempDir()
		for n, text := range common {
			golden.Write(t, dir, n, []byte(text))
		}
		golden.Write(t, dir, "config/final.yml", []byte("name: web\n"))
		var props []byte
		o := Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"}
		for _, f := range files {
			switch f.Name {
			case "props":
				props = f.Data
			case "options":
				o.read(t, string(f.Data))
			default:
				golden.Write(t, dir, f.Name, f.Data)
			}
		}
		plan := planWith(t, dir, o)
		got := show(plan)
		if out := rendered(t, plan, props); props != nil {
			got += out
		}
		invariants(t, plan)

		// a second run finds nothing to do
		for _, c := range plan.All() {
			if c.Delete {
				if err := os.Remove(filepath.Join(dir, c.Name)); err != nil {
					t.Fatal(err)
				}
			} else {
				golden.Write(t, dir, c.Name, c.After)
			}
		}
		if again := planWith(t, dir, o).All(); len(plan.All()) > 0 && len(again) > 0 {
			t.Errorf("a second run changes %s again", again[0].Name)
		}
		return got
	})
}

// read takes the options of a case: one to a line, as NAME=VALUE.
func (o *Options) read(t *testing.T, lines string) {
	t.Helper()
	for _, line := range strings.Fields(lines) {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "errands":
			o.Errands = true
		case "process":
			o.Processes = append(o.Processes, value)
		case "swap-chpst":
			o.Swap = SwapRest
			if value != "" {
				o.Swap = Swap(value)
			}
		case "drop-flag":
			o.DropFlag = value
		case "share-wrapper":
			o.ShareWrapper = true
		case "feature-flag":
			o.FeatureFlag = value
		default:
			t.Fatal("no option", name)
		}
	}
}

func planOf(t *testing.T, dir string) *Plan {
	t.Helper()
	return planWith(t, dir, Options{OpsFile: "generated-bpm-ops.yml", Tool: "bosh-bpmify test"})
}

func planWith(t *testing.T, dir string, o Options) *Plan {
	t.Helper()
	r, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Release(r, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// invariants hold for every conversion: the ledger has every statement of every
// script that goes away, and what is new is valid.
func invariants(t *testing.T, p *Plan) {
	t.Helper()
	for _, c := range p.Jobs {
		if c.Verdict != Converted && c.Verdict != ConvertedReview {
			for _, change := range c.Changes {
				if !swaps(change) {
					t.Errorf("%s: %s, and still changes %s", c.Job.Name, c.Verdict, change.Name)
				}
			}
			continue
		}
		rows := map[string]bool{}
		for _, r := range c.Ledger {
			if (r.To == Dropped) != (r.Claim.Kind != claim.None) {
				t.Errorf("%s: %s: %s without a claim, or a claim of what stays", c.Job.Name, r.Span, r.To)
			}
			rows[r.Span.String()] = true
			part, written := map[Destination]string{ToHook: "bpm-pre-start", ToPreStart: "pre-start", ToPostStart: "post-start"}[r.To]
			if written && !slices.ContainsFunc(c.Changes, func(ch Change) bool { return !ch.Delete && strings.Contains(ch.Name, part) }) {
				t.Errorf("%s: goes into %s, which is not written: %s", r.Span, r.To, r.Span.Text())
			}
		}
		for _, change := range c.Changes {
			if name := filepath.Base(change.Name); !change.Delete && (strings.Contains(name, "pre-start") || strings.Contains(name, "post-start")) && bytes.Contains(change.After, []byte("\nexec /var/vcap/packages")) {
				t.Errorf("%s becomes a process", change.Name)
			}
		}
		for _, change := range c.Changes {
			if filepath.Base(change.Name) == configTemplate && !bytes.Contains(change.After, []byte("<%")) {
				if err := bpm.Validate(change.After); err != nil {
					t.Error(err)
				}
			}
			if !change.Delete {
				continue
			}
			s, err := ctl.ParseScript("/x", change.Before)
			if err != nil {
				t.Fatal(err)
			}
			for _, span := range s.Statements() {
				if !rows[span.String()] {
					t.Errorf("%s: not in the ledger: %s", span, span.Text())
				}
			}
		}
	}
}

// swaps says whether a change does nothing but put something else for chpst: what
// differs are lines that have it and do not have it any more.
func swaps(c Change) bool {
	if c.Before == nil || c.Delete {
		return false
	}
	old, now := strings.Split(string(c.Before.Data), "\n"), strings.Split(string(c.After), "\n")
	for len(old) > 0 && len(now) > 0 {
		switch {
		case old[0] == now[0]:
			old, now = old[1:], now[1:]
		case !strings.Contains(old[0], "chpst"):
			return false
		default:
			for strings.HasSuffix(old[0], "\\") && len(old) > 1 && len(old) > len(now) {
				old = old[1:] // options on lines of their own
			}
			old, now = old[1:], now[1:]
		}
	}
	return len(old) == 0 && len(now) == 0 && !bytes.Equal(c.Before.Data, c.After)
}

func show(p *Plan) string {
	var b bytes.Buffer
	for _, c := range p.Jobs {
		fmt.Fprintf(&b, "%s: %s\n", c.Job.Name, c.Verdict)
		if c.Reason.Message != "" {
			fmt.Fprintf(&b, "  %s: %s\n", c.Reason.Span, c.Reason.Message)
		}
		for _, d := range c.Chpst {
			fmt.Fprintf(&b, "  %s\n", d)
		}
		if c.Reason.Message != "" {
			continue
		}
		for _, d := range c.Decisions {
			var places []string
			for _, s := range append([]source.Span{d.Cause}, d.Related...) {
				places = append(places, s.Place())
			}
			sort.Strings(places)
			fmt.Fprintf(&b, "  decision %s < %s\n", d.What, strings.Join(places, " "))
		}
		for _, f := range c.Findings {
			fmt.Fprintf(&b, "  %s\n", f)
		}
		for _, r := range c.Ledger {
			fmt.Fprintf(&b, "  ledger %s %s: %s\n", r.Span.Place(), r.To, r.Note)
		}
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "release: %s\n", f)
	}
	for _, c := range p.All() {
		switch {
		case c.Delete:
			fmt.Fprintf(&b, "delete %s\n", c.Name)
		case strings.HasSuffix(c.Name, "monit"), strings.HasPrefix(c.Name, "generated"):
			fmt.Fprintf(&b, "write %s\n", c.Name)
		default:
			fmt.Fprintf(&b, "write %s\n", c.Name)
			for _, l := range strings.Split(strings.TrimSuffix(string(c.After), "\n"), "\n") {
				fmt.Fprintf(&b, "  | %s\n", l)
			}
		}
	}
	return b.String()
}

// FuzzConvert holds that no script makes the conversion panic, and that what
// it writes is understood on the next run.
func FuzzConvert(f *testing.F) {
	f.Add("#!/bin/bash\nexec /var/vcap/packages/web/bin/web -a \"b c\"\n", common["jobs/web/monit"], common["jobs/web/spec"])
	f.Add("case $1 in start) /p/nginx -g 'pid /x;' ;; stop) kill -2 $(cat /p) ;; esac", common["jobs/web/monit"], "name: web\ntemplates: {ctl: bin/ctl}\n")
	f.Add("A=<%= p('a') %>\nexec $A & export B=1", "<% if x %>\n"+common["jobs/web/monit"]+"<% end %>", common["jobs/web/spec"])
	f.Fuzz(func(t *testing.T, script, monit, spec string) {
		dir := t.TempDir()
		files := map[string]string{"jobs/web/templates/ctl": script, "jobs/web/monit": monit, "jobs/web/spec": spec}
		write := func(name string, data []byte) {
			p := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Skip(err)
			}
			if err := os.WriteFile(p, data, 0o644); err != nil {
				t.Skip(err)
			}
		}
		for name, text := range files {
			write(name, []byte(text))
		}
		p := planOf(t, dir)
		invariants(t, p)
		if len(p.All()) == 0 {
			return
		}
		for _, c := range p.All() {
			if c.Delete {
				_ = os.Remove(filepath.Join(dir, c.Name))
			} else {
				write(c.Name, c.After)
			}
		}
		if again := planOf(t, dir); len(again.All()) > 0 || again.Jobs[0].Verdict != AlreadyBPM {
			t.Fatalf("a second run: %s, %s", again.Jobs[0].Verdict, again.Jobs[0].Reason.Message)
		}
	})
}
