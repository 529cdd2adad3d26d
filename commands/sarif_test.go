package commands

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/suppress"
)

// valid holds a log against the schema of SARIF 2.1.0, and against what code
// scanning wants besides.
func valid(t *testing.T, text []byte) *sarif.Report {
	t.Helper()
	report, err := sarif.FromBytes(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Validate(); err != nil {
		t.Fatal(err)
	}
	// the library reads what it wrote; the bare text has to be the same to others
	var bare struct {
		Version string
		Runs    []struct {
			Tool    struct{ Driver struct{ Name string } }
			Results []map[string]any
		}
	}
	if err := json.Unmarshal(text, &bare); err != nil {
		t.Fatal(err)
	}
	if bare.Version != "2.1.0" || len(bare.Runs) != 1 || bare.Runs[0].Tool.Driver.Name != "bosh-bpmify" || bare.Runs[0].Results == nil {
		t.Errorf("%+v", bare)
	}
	run := report.Runs[0]
	for _, rule := range run.Tool.Driver.Rules {
		if *rule.ID == "" || *rule.Name == "" || *rule.ShortDescription.Text == "" || *rule.FullDescription.Text == "" ||
			*rule.Help.Text == "" || *rule.Help.Markdown == "" || !strings.HasSuffix(*rule.HelpURI, "#"+*rule.ID) || len(*rule.FullDescription.Text) > 1024 {
			t.Errorf("rule %s is not whole, or too long", *rule.ID)
		}
	}
	for _, r := range run.Results {
		if r.RuleIndex < 0 || *run.Tool.Driver.Rules[r.RuleIndex].ID != *r.RuleID {
			t.Errorf("%s is not rule %d", *r.RuleID, r.RuleIndex)
		}
		if *r.Message.Text == "" || len(r.Locations) != 1 {
			t.Errorf("%s has no text or no place", *r.RuleID)
		}
		for _, l := range append(r.Locations, r.RelatedLocations...) {
			at := l.PhysicalLocation.ArtifactLocation
			if strings.HasPrefix(*at.URI, "/") || strings.Contains(*at.URI, " ") || *at.URIBaseID != "%SRCROOT%" {
				t.Errorf("%s is at %s", *r.RuleID, *at.URI)
			}
			if g := l.PhysicalLocation.Region; g != nil && (*g.StartLine < 1 || *g.StartColumn < 1 ||
				g.EndLine != nil && (*g.EndLine < *g.StartLine || *g.EndLine == *g.StartLine && *g.EndColumn <= *g.StartColumn)) {
				t.Errorf("%s has a region that ends before it begins", *r.RuleID)
			}
		}
	}
	return report
}

// TestSARIF holds for a whole run, and for findings of every kind, with and
// without a place.
func TestSARIF(t *testing.T) {
	status, out := bpmify(t, "scan", "--format", "sarif", example(t))
	if report := valid(t, []byte(out)); status != 0 || len(report.Runs[0].Results) < 6 {
		t.Errorf("%d, %d results", status, len(report.Runs[0].Results))
	}

	f := &source.File{Name: "jobs/é/templates/ctl", Data: []byte("é x\nsecond\n")}
	var found []reported
	for i, e := range finding.All() {
		r := reported{Dir: ".", Job: "é", Diagnostic: source.Diagnostic{ID: e.ID, Severity: e.Severity, Message: "a <b> & \"c\"\nd"}}
		switch i % 4 {
		case 0:
			r.Span = source.Span{File: f, Start: 3, End: 4}
		case 1:
			r.Span = source.Span{File: f, Start: 0, End: 12}
			r.Related = []source.Span{{File: f, Start: 5, End: 5}}
		case 2:
			r.Span = source.Span{File: f, Start: 5, End: 5}
			r.Rule = &suppress.Rule{Reason: "fine", Span: source.Span{File: f, Start: 0, End: 1}}
		case 3:
			if i%8 == 3 {
				r.Job = ""
			}
		}
		found = append(found, r)
	}
	var b bytes.Buffer
	if err := printSARIF(&b, found); err != nil {
		t.Fatal(err)
	}
	results := valid(t, b.Bytes()).Runs[0].Results
	if len(results) != len(found) {
		t.Fatalf("%d results", len(results))
	}
	at := func(i int) *sarif.Region { return results[i].Locations[0].PhysicalLocation.Region }
	if *at(0).StartColumn != 3 || *at(0).EndColumn != 4 || *at(1).EndLine != 3 || *at(1).EndColumn != 1 || at(2).EndLine != nil || at(3) != nil {
		t.Error("the regions are not where they should be")
	}
	if s := results[2].Suppressions; len(s) != 1 || *s[0].Kind != "external" || *s[0].Justification != "fine" || results[0].Suppressions != nil {
		t.Error("the suppressions are not where they should be")
	}
	if got := *results[3].Locations[0].PhysicalLocation.ArtifactLocation.URI; !strings.HasSuffix(got, "/") {
		t.Errorf("what belongs to nothing is at %s", got)
	}

	b.Reset()
	if err := printSARIF(&b, nil); err != nil {
		t.Fatal(err)
	}
	valid(t, b.Bytes())
}

// TestGitHubEscapes holds that no text can end a workflow command.
func TestGitHubEscapes(t *testing.T) {
	f := &source.File{Name: "jobs/a,b:c%/x", Data: []byte("text")}
	var b bytes.Buffer
	err := printGitHub(&b, []reported{
		{Diagnostic: source.Diagnostic{ID: "x", Severity: source.Error, Span: source.Span{File: f, Start: 0, End: 4}, Message: "100%\r\n::error::second, with: colon"}},
		{Job: "web", Diagnostic: source.Diagnostic{ID: "y", Message: "nowhere"}},
	}, false)
	dir, _ := os.Getwd()
	top := "commands/"
	if _, err := os.Stat(filepath.Join(dir, "../.git")); err != nil {
		top = "" // not in a checkout
	}
	want := "::error file=" + top + "jobs/a%2Cb%3Ac%25/x,line=1,endLine=1,col=1,endColumn=5,title=x::100%25%0D%0A::error::second, with: colon\n" +
		"::notice title=y::web: nowhere\n"
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s\n%s", err, b.String(), want)
	}
}
