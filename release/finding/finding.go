// Package finding is the registry of everything that the program reports: what
// a finding means, why it matters, what to do. "explain", docs/findings.md, the
// rule texts of SARIF and the tests all read this one list.
//
// It holds texts only. When a finding is reported is decided in release/convert,
// release/check, manifest and ops-files.
package finding

import (
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Entry is a kind of finding.
type Entry struct {
	// ID is stable and kebab-case: users search for it and suppress it by it.
	ID string
	// Severity is the usual one; a rule may report a milder one where nothing
	// breaks, as in documents.
	Severity source.Severity
	// Title says in one sentence, without a full stop, what was found.
	Title string
	// Why says what goes wrong, Do what the reader has to do about it.
	Why, Do string
	// Before and After show it in a few lines, where that helps.
	Before, After string
	// Sources are where the facts can be read.
	Sources []string
	// By says which commands report it; the zero value means the conversion.
	By Reporter
}

// Reporter is a set of those who report a finding.
type Reporter int

const (
	// Conversion is what release and scan do.
	Conversion Reporter = 1 << iota
	// Check is the check of jobs that are on bpm.
	Check
	// Doctor looks at deployment manifests.
	Doctor
	// Anybody stands for all of those that look at releases.
	Anybody = Conversion | Check
)

// ReportedBy says whether one of by reports this kind of finding.
func (e Entry) ReportedBy(by Reporter) bool {
	if e.By == 0 {
		return by&Conversion != 0
	}
	return e.By&by != 0
}

// URL is the page of the finding.
func (e Entry) URL() string { return Page + "#" + e.ID }

// Page is where docs/findings.md is published.
const Page = "https://github.com/bosh-bpmify/bosh-bpmify/blob/main/docs/findings.md"

// All gives every kind of finding, ordered by id.
func All() []Entry { return slices.Clone(entries) }

// Lookup finds a kind of finding by its id.
func Lookup(id string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(entries, id, func(e Entry, id string) int { return strings.Compare(e.ID, id) })
	if !ok {
		return Entry{}, false
	}
	return entries[i], true
}
