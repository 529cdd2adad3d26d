package suppress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

func file(text string) *source.File { return &source.File{Name: FileName, Data: []byte(text)} }

// TestErrors holds that what is not understood is refused, with its place.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, text, err string }{
		{"no YAML", "suppress: [", `.bpmify.yml:1:1: did not find expected node content`},
		{"tab", "suppress:\n\t- id: wrapper\n", `.bpmify.yml:2:1: found character that cannot start any token`},
		{"a list", "- id: wrapper\n", `.bpmify.yml:1:1: the file has to be a mapping with suppress`},
		{"unknown key", "supress: []\n", `.bpmify.yml:1:1: unknown key "supress"; did you mean "suppress"?`},
		{"far from any key", "version: 1\n", `.bpmify.yml:1:1: unknown key "version"; known are suppress`},
		{"no list", "suppress:\n  id: wrapper\n", `.bpmify.yml:2:3: suppress is a list of id, job, path and reason`},
		{"no mapping", "suppress:\n- wrapper\n", `.bpmify.yml:2:3: an entry of suppress has to be a mapping with id, job, path, reason`},
		{"unknown field", "suppress:\n- id: wrapper\n  jobs: web\n  reason: x\n", `.bpmify.yml:3:3: unknown key "jobs"; did you mean "job"?`},
		{"twice", "suppress:\n- id: wrapper\n  reason: x\n  reason: y\n", `.bpmify.yml:4:3: reason is there twice`},
		{"no id", "suppress:\n- reason: x\n", `.bpmify.yml:2:3: this entry has no id`},
		{"no reason", "suppress:\n- id: wrapper\n", `.bpmify.yml:2:3: this entry has no reason: say why wrapper is fine here`},
		{"blank reason", "suppress:\n- id: wrapper\n  reason: ' '\n", `.bpmify.yml:3:11: reason is empty or no text`},
		{"null reason", "suppress:\n- id: wrapper\n  reason:\n", `.bpmify.yml:3:10: reason is empty or no text`},
		{"list as job", "suppress:\n- id: wrapper\n  job: [a, b]\n  reason: x\n", `.bpmify.yml:3:8: job is empty or no text`},
		{"unknown id", "suppress:\n- id: wraper\n  reason: x\n", `.bpmify.yml:2:7: unknown finding "wraper"; did you mean "wrapper"?`},
		{"id from nowhere", "suppress:\n- id: SC2086\n  reason: x\n", `.bpmify.yml:2:7: unknown finding "SC2086"; bosh-bpmify explain lists them`},
		{"absolute path", "suppress:\n- id: wrapper\n  path: /jobs\n  reason: x\n", `.bpmify.yml:3:9: path is relative to the release`},
		{"path outside", "suppress:\n- id: wrapper\n  path: ../x\n  reason: x\n", `.bpmify.yml:3:9: path is relative to the release`},
		{"broken pattern", "suppress:\n- id: wrapper\n  path: 'jobs/[a'\n  reason: x\n", `.bpmify.yml:3:9: jobs/[a is no pattern`},
		{"second document", "suppress: []\n---\nsuppress: []\n", `.bpmify.yml:2:1: a second YAML document, which is not read`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(file(c.text))
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("got  %v\nwant %s", err, c.err)
			}
		})
	}
	for _, fine := range []string{"", "# nothing\n", "suppress:\n", "suppress: []\n", "---\nsuppress: []\n"} {
		if _, err := Parse(file(fine)); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func TestSplit(t *testing.T) {
	rules, err := Parse(file(`suppress:
- id: wrapper
  job: web
  reason: by job
- id: stop-signal
  path: jobs/*/templates/bin/ctl.erb
  reason: by pattern
- id: old-pidfile-used
  path: docs/**
  reason: by tree
- id: post-start
  reason: everywhere
- id: wrapper
  job: gone
  reason: for nothing
- id: wrapper
  path: jobs/x/templates/ctl
  reason: for nothing
`))
	if err != nil {
		t.Fatal(err)
	}
	at := func(id, name string) source.Diagnostic {
		d := source.Diagnostic{ID: id}
		if name != "" {
			d.Span = source.Span{File: &source.File{Name: name}}
		}
		return d
	}
	for _, c := range []struct {
		job     string
		finding source.Diagnostic
		reason  string
	}{
		{"web", at("wrapper", "jobs/web/templates/ctl"), "by job"},
		{"web", at("wrapper", ""), "by job"},
		{"other", at("wrapper", "jobs/other/templates/ctl"), ""},
		{"", at("wrapper", ""), ""},
		{"web", at("stop-signal", "jobs/web/templates/bin/ctl.erb"), "by pattern"},
		{"web", at("stop-signal", "jobs/web/templates/more/bin/ctl.erb"), ""},
		{"web", at("stop-signal", ""), ""},
		{"web", at("old-pidfile-used", "docs/a/b.md"), "by tree"},
		{"web", at("post-start", ""), "everywhere"},
		{"", at("post-start", "x"), "everywhere"},
		{"web", at("stop-does-more", "jobs/web/templates/bin/ctl.erb"), ""},
	} {
		kept, covered := rules.Split(c.job, []source.Diagnostic{c.finding})
		got := ""
		if len(covered) > 0 {
			got = covered[0].Rule.Reason
		}
		if got != c.reason || len(kept)+len(covered) != 1 {
			t.Errorf("%s %v: %q, want %q", c.job, c.finding, got, c.reason)
		}
	}
	unused := func(by finding.Reporter, looked func(string) bool) []string {
		var out []string
		for _, d := range rules.Unused(by, looked) {
			out = append(out, fmt.Sprint(d.Span.Place(), " ", d.Message))
		}
		return out
	}
	if diff := cmp.Diff([]string{
		".bpmify.yml:13 this suppresses nothing: wrapper is not found for job gone; take the entry out",
		".bpmify.yml:16 this suppresses nothing: wrapper is not found in jobs/x/templates/ctl; take the entry out",
	}, unused(finding.Conversion, func(string) bool { return true })); diff != "" {
		t.Error(diff)
	}
	if got := unused(finding.Conversion, func(job string) bool { return job == "web" }); got != nil {
		t.Error("not all jobs were looked at:", got)
	}
	if got := unused(finding.Check, func(string) bool { return true }); got != nil {
		t.Error("wrapper is not the check's:", got)
	}
	var none *Rules
	if kept, covered := none.Split("web", []source.Diagnostic{at("wrapper", "")}); len(kept) != 1 || covered != nil || none.Unused(finding.Conversion, nil) != nil {
		t.Error("no file covers something")
	}
}

// FuzzParse holds that no file makes it panic.
func FuzzParse(f *testing.F) {
	f.Add("suppress:\n- id: wrapper\n  job: web\n  path: 'jobs/**'\n  reason: x\n")
	f.Add("suppress: &a\n- *a\n")
	f.Add("{suppress: [{id: é, reason: \"\"}]}\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := Parse(file(text))
		if err == nil {
			rules.Split("web", []source.Diagnostic{{ID: "wrapper"}})
			rules.Unused(finding.Conversion, func(string) bool { return true })
		}
	})
}
