// Package suppress reads .bpmify.yml, in which the maintainers of a release
// say which findings they have looked at and do not want to see again, and
// says which findings it covers.
//
// It decides nothing about the findings themselves and prints nothing.
package suppress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar"
	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// FileName is the name of the file, at the top of the release.
const FileName = ".bpmify.yml"

// maxStars bounds the ways in which a pattern with {} can fit: each * multiplies
// them.
const maxStars = 4

// Rule is one entry: it covers the findings of one id, where Job or Path are
// given those of that job or of the files that match.
type Rule struct {
	ID     string
	Job    string // "" is every job
	Path   string // relative to the release; may be a glob with * and **
	Reason string
	Span   source.Span

	used atomic.Bool // jobs are looked at side by side
}

// Rules are those of a release. The nil value covers nothing.
type Rules struct {
	rules []*Rule
	// unknown are the rules for jobs that the release does not have, with the
	// job that was probably meant.
	unknown map[*Rule]string
}

// Finding is one that a rule covers.
type Finding struct {
	source.Diagnostic
	Rule *Rule
}

// Read reads the rules of a release; one without the file has none.
func Read(r *release.Release) (*Rules, error) {
	f, err := r.Read(FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rules, err := Parse(f)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, j := range r.Jobs {
		known = append(known, j.Name)
	}
	for _, rule := range rules.rules {
		if rule.Job != "" && r.Job(rule.Job) == nil {
			rules.unknown[rule] = finding.Suggest(rule.Job, known)
		}
	}
	return rules, nil
}

// Parse reads the file. What it does not know is an error with its place: a
// rule that is spelled wrong would hide nothing, and nobody would know.
func Parse(f *source.File) (*Rules, error) {
	p := parser{f}
	var doc, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(f.Data))
	if err := d.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, release.YAMLError(f, err)
	}
	if d.Decode(&second) == nil {
		return nil, p.errorf(&second, "a second YAML document, which is not read")
	}
	rules := &Rules{unknown: map[*Rule]string{}}
	if len(doc.Content) == 0 {
		return rules, nil
	}
	top, err := p.mapping(doc.Content[0], "the file", "suppress")
	if err != nil {
		return nil, err
	}
	list := top["suppress"]
	if list == nil || list.Tag == "!!null" {
		return rules, nil
	}
	if list.Kind != yaml.SequenceNode {
		return nil, p.errorf(list, "suppress is a list of id, job, path and reason")
	}
	for _, n := range list.Content {
		rule, err := p.rule(n)
		if err != nil {
			return nil, err
		}
		rules.rules = append(rules.rules, rule)
	}
	return rules, nil
}

type parser struct{ f *source.File }

func (p parser) at(n *yaml.Node) source.Span {
	at := p.f.Offset(n.Line, n.Column)
	return source.Span{File: p.f, Start: at, End: at}
}

func (p parser) errorf(n *yaml.Node, format string, args ...any) error {
	return source.Errorf(p.at(n), format, args...)
}

// mapping gives the values of a mapping that may have the known keys only.
func (p parser) mapping(n *yaml.Node, what string, known ...string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, p.errorf(n, "%s has to be a mapping with %s", what, strings.Join(known, ", "))
	}
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		isKnown := false
		for _, k := range known {
			isKnown = isKnown || k == key.Value
		}
		if !isKnown {
			return nil, p.errorf(key, "unknown key %q%s", key.Value, didYouMean(finding.Suggest(key.Value, known), "known are "+strings.Join(known, ", ")))
		}
		if values[key.Value] != nil {
			return nil, p.errorf(key, "%s is there twice", key.Value)
		}
		values[key.Value] = value
	}
	return values, nil
}

func didYouMean(word, otherwise string) string {
	if word != "" {
		return fmt.Sprintf("; did you mean %q?", word)
	}
	return "; " + otherwise
}

func (p parser) rule(n *yaml.Node) (*Rule, error) {
	values, err := p.mapping(n, "an entry of suppress", "id", "job", "path", "reason")
	if err != nil {
		return nil, err
	}
	at := p.at(n)
	at.End = p.f.LineEnd(at.Start)
	for at.End > at.Start && strings.ContainsRune("\r\n", rune(p.f.Data[at.End-1])) {
		at.End--
	}
	r := &Rule{Span: at}
	for _, field := range []struct {
		key string
		to  *string
	}{{"id", &r.ID}, {"job", &r.Job}, {"path", &r.Path}, {"reason", &r.Reason}} {
		v := values[field.key]
		if v == nil {
			continue
		}
		if v.Kind != yaml.ScalarNode || v.Tag == "!!null" || strings.TrimSpace(v.Value) == "" {
			return nil, p.errorf(v, "%s is empty or no text", field.key)
		}
		*field.to = strings.TrimSpace(v.Value)
	}
	switch {
	case r.ID == "":
		return nil, p.errorf(n, "this entry has no id: it says which finding it is about (bosh-bpmify explain lists them)")
	case r.Reason == "":
		return nil, p.errorf(n, "this entry has no reason: say why %s is fine here, for whoever reads it next", r.ID)
	}
	if _, known := finding.Lookup(r.ID); !known {
		return nil, p.errorf(values["id"], "unknown finding %q%s", r.ID, didYouMean(finding.SuggestID(r.ID), "bosh-bpmify explain lists them"))
	}
	if r.Path != "" {
		if path.IsAbs(r.Path) || strings.HasPrefix(path.Clean(r.Path), "..") {
			return nil, p.errorf(values["path"], "path is relative to the release, such as jobs/web/templates/ctl.erb")
		}
		// doublestar looks at a pattern only as far as the name fits
		if strings.Contains(r.Path, "{") && strings.Count(r.Path, "*") > maxStars {
			return nil, p.errorf(values["path"], "more than %d * in one path with {}", maxStars)
		}
		if _, err := path.Match(r.Path, ""); err != nil {
			return nil, p.errorf(values["path"], "%s is no pattern: %v", r.Path, err)
		}
		r.Path = path.Clean(r.Path)
	}
	return r, nil
}

// covers says whether the rule is about a finding of the job ("" for one that
// belongs to none).
func (r *Rule) covers(job string, d source.Diagnostic) bool {
	if r.ID != d.ID || r.Job != "" && r.Job != job {
		return false
	}
	if r.Path == "" {
		return true
	}
	if !d.Span.Valid() {
		return false
	}
	if !strings.Contains(r.Path, "{") {
		return release.MatchGlob(r.Path, d.Span.File.Name)
	}
	match, _ := doublestar.Match(r.Path, d.Span.File.Name)
	return match
}

// Split tells the findings of a job that stay from those that a rule covers.
func (l *Rules) Split(job string, all []source.Diagnostic) (kept []source.Diagnostic, covered []Finding) {
	if l == nil {
		return all, nil
	}
	for _, d := range all {
		if r := l.rule(job, d); r != nil {
			covered = append(covered, Finding{d, r})
		} else {
			kept = append(kept, d)
		}
	}
	return kept, covered
}

// rule gives the first rule that covers the finding. All that do count as used.
func (l *Rules) rule(job string, d source.Diagnostic) *Rule {
	var first *Rule
	for _, r := range l.rules {
		if r.covers(job, d) {
			r.used.Store(true)
			if first == nil {
				first = r
			}
		}
	}
	return first
}

// Unused gives a finding for every rule that has covered nothing: the code has
// changed, or it was never right. Rules for findings that by does not report,
// and for jobs that looked says were left out, are passed over.
func (l *Rules) Unused(by finding.Reporter, looked func(job string) bool) []source.Diagnostic {
	if l == nil {
		return nil
	}
	var out []source.Diagnostic
	for _, r := range l.rules {
		e, _ := finding.Lookup(r.ID)
		if r.used.Load() || !e.ReportedBy(by) || !looked(r.Job) {
			continue
		}
		message, do := fmt.Sprintf("this suppresses nothing: %s is not found", r.ID), "; take the entry out"
		near, unknown := l.unknown[r]
		switch {
		case unknown:
			if near != "" {
				do = "; did you mean " + near + "?"
			}
			message = fmt.Sprintf("this suppresses nothing: there is no job %s in this release", r.Job)
		case r.Path != "":
			message += " in " + r.Path
		case r.Job != "":
			message += " for job " + r.Job
		}
		out = append(out, source.Diagnostic{ID: "unused-suppression", Severity: source.Warning, Span: r.Span, Message: message + do})
	}
	return out
}
