package commands

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

const (
	projectURL = "https://github.com/bosh-bpmify/bosh-bpmify"
	sourceRoot = "%SRCROOT%"
)

// printSARIF writes findings as SARIF 2.1.0, with the texts of the kinds that
// occur. Those that are suppressed are in it, marked as such.
func printSARIF(w io.Writer, found []reported) error {
	driver := sarif.NewToolComponent().WithName("bosh-bpmify").WithVersion(Version()).WithInformationURI(projectURL)
	run := sarif.NewRun().WithTool(sarif.NewTool().WithDriver(driver))
	run.WithColumnKind("unicodeCodePoints")
	run.WithOriginalUriBaseIds(map[string]sarif.ArtifactLocation{
		sourceRoot: *sarif.NewArtifactLocation().WithDescription(sarif.NewTextMessage("the top of the checkout")),
	})
	occur := map[string]bool{}
	for _, r := range found {
		occur[r.ID] = true
	}
	index := map[string]int{}
	for _, e := range finding.All() {
		if occur[e.ID] {
			index[e.ID] = len(driver.Rules)
			driver.AddRule(sarifRule(e))
		}
	}
	paths := checkoutPaths{}
	for _, r := range found {
		result := sarif.NewResult().WithRuleID(r.ID).WithLevel(r.Severity.String()).WithMessage(sarif.NewTextMessage(r.Message))
		if i, ok := index[r.ID]; ok {
			result.WithRuleIndex(i)
		}
		result.AddLocation(r.sarifLocation(paths, r.Span))
		for _, s := range r.Related {
			result.AddRelatedLocation(r.sarifLocation(paths, s).WithMessage(sarif.NewTextMessage("also here")))
		}
		if r.Job != "" {
			result.WithProperties(sarif.NewPropertyBag().Add("job", r.Job))
		}
		if r.Rule != nil {
			result.AddSuppression(sarif.NewSuppression().WithKind("external").WithStatus("accepted").
				WithJustification(r.Rule.Reason).WithLocation(r.sarifLocation(paths, r.Rule.Span)))
		}
		run.AddResult(result)
	}
	report := sarif.NewReport()
	report.AddRun(run)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(report)
}

func sarifRule(e finding.Entry) *sarif.ReportingDescriptor {
	text := func(s string) *sarif.MultiformatMessageString {
		return sarif.NewMultiformatMessageString().WithText(s)
	}
	return sarif.NewReportingDescriptor().WithID(e.ID).WithName(pascal(e.ID)).
		WithShortDescription(text(e.Title + ".")).
		WithFullDescription(text(strings.Join([]string{e.Title + ".", e.Why}, " "))).
		WithHelp(text(e.Text(80)).WithMarkdown(e.Markdown())).
		WithHelpURI(e.URL()).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(e.Severity.String())).
		WithProperties(sarif.NewPropertyBag().Add("tags", []string{"bosh", "bpm"}))
}

// pascal makes the name of an id that SARIF asks for: RanAsRoot.
func pascal(id string) string {
	var b strings.Builder
	for _, w := range strings.Split(id, "-") {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// sarifLocation places a span. Code scanning wants one for every result: what
// is in no file gets the folder of its job, or that of the release.
func (r reported) sarifLocation(paths checkoutPaths, s source.Span) *sarif.Location {
	place := sarif.NewPhysicalLocation()
	uri := ""
	switch {
	case s.Valid():
		uri = paths.of(r.Dir, s)
		at, end := s.Position(), s.EndPosition()
		region := sarif.NewRegion().WithStartLine(at.Line).WithStartColumn(at.Column)
		if end.Line > at.Line || end.Line == at.Line && end.Column > at.Column {
			region.WithEndLine(end.Line).WithEndColumn(end.Column)
		}
		place.WithRegion(region)
	case r.Job != "":
		uri = paths.path(r.Dir, "jobs/"+r.Job) + "/"
	default:
		uri = paths.path(r.Dir, ".") + "/"
	}
	place.WithArtifactLocation(sarif.NewArtifactLocation().WithURI((&url.URL{Path: uri}).String()).WithURIBaseID(sourceRoot))
	return sarif.NewLocation().WithPhysicalLocation(place)
}
