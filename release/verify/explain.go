package verify

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/bosh-bpmify/bosh-bpmify/release/claim"
	"github.com/bosh-bpmify/bosh-bpmify/release/container"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// explainer knows what the conversion of the old job says about differences.
type explainer struct {
	conversion *convert.Conversion
	// reference has the differences that the conversion itself makes, by case and
	// row; nil when the new side is the conversion. What is different only in the
	// files that are there was changed by somebody: the conversion's findings are
	// not about that.
	reference map[string]bool
	// awkward says that the values of the case have characters that shells read.
	awkward bool
	// usual is what the new side has where they have none, by process and aspect.
	usual map[string]string
	// after is the new side, which the claims are held against.
	after *side
}

// key names a row for the comparison with the reference.
func key(process string, r Row) string {
	return strings.Join([]string{process, r.Aspect, r.Before, r.After, string(r.Moment)}, "\x00")
}

// explain turns a row that is not explained into one that is, if something says
// why.
func (x *explainer) explain(process string, r *Row) {
	if x == nil || x.conversion == nil {
		return
	}
	if needsReference[r.Rule] && x.reference != nil && !x.reference[key(process, *r)] {
		r.Status, r.Rule, r.Because = Unexplained, "", ""
	}
	if r.Status != Unexplained {
		return
	}
	if x.reference != nil && !x.reference[key(process, *r)] {
		return
	}
	if x.finding(r) || x.later(r) || x.ledger(r) || x.statement(r) || x.decision(r) || x.change(r) || x.read(process, r) {
		r.Status = Explained
	}
}

// assigned matches a statement that gives a variable to the environment.
func assigned(name string) *search.Pattern {
	return search.MustCompile(`(^|[\s;&|(])(export\s[^;]*\b)?` + search.QuoteMeta(name) + `(=|\s|;|$)`)
}

// statement looks for the statement that set what the process had: a variable, a
// limit. Where the ledger says that it was dropped, or that a person has to look
// at it, that is the explanation.
func (x *explainer) statement(r *Row) bool {
	kind, what, _ := strings.Cut(r.Aspect, ":")
	var set *search.Pattern
	switch kind {
	case "env-missing", "env-changed":
		set = assigned(what)
	case "limit":
		for letter, name := range limitNames {
			if name == what {
				set = search.MustCompile(`ulimit\s.*-[SH]*` + letter + `|prlimit|chpst|softlimit`)
			}
		}
	}
	if set == nil {
		return false
	}
	for _, row := range x.conversion.Ledger {
		if (row.To == convert.Dropped && x.covers(row, r) || row.To == convert.Review) && set.MatchString(row.Span.Text()) {
			r.Because, r.At = fmt.Sprintf("the ledger: %s: %s", row.To, row.Note), row.Span
			return true
		}
	}
	return false
}

// change is for what the conversion adds, and for the templates that it edits:
// it says why it changes the file that does it.
func (x *explainer) change(r *Row) bool {
	kind, _, _ := strings.Cut(r.Aspect, ":")
	if kind == "file" && r.Before != "" && r.After != "" {
		return x.copied(r)
	}
	if r.At.File == nil || kind != "template" && r.Before != "" && r.Before != "removed" {
		return false
	}
	for _, c := range x.conversion.Changes {
		if c.Name == r.At.File.Name && (!c.Delete || kind == "template") {
			r.Because = "the conversion: " + c.Why
			if line := strings.TrimSpace(r.At.Text()); kind != "template" && line != "" {
				r.Because = "the conversion adds it: " + line
			}
			return true
		}
	}
	return false
}

// copied is for a file that a script made of a template which the conversion
// edits: it differs as the template does.
func (x *explainer) copied(r *Row) bool {
	within := func(lines string, text []byte) bool {
		_, changed, _ := strings.Cut(lines, "\n") // behind mode and owner
		for _, l := range strings.Split(changed, "\n") {
			if !bytes.Contains(text, []byte(strings.TrimSpace(l))) {
				return false
			}
		}
		return true
	}
	if before, _, _ := strings.Cut(r.Before, "\n"); !strings.HasPrefix(r.After, before) {
		return false // its owner or mode differ, too
	}
	for _, c := range x.conversion.Changes {
		if c.Before == nil || c.Delete || !strings.Contains(c.Name, "/templates/") || !within(r.Before, c.Before.Data) || !within(r.After, c.After) {
			continue
		}
		r.Because, r.At = "the conversion edits the template that it is made of: "+c.Why, source.Span{File: c.Before}
		return true
	}
	return false
}

// read is for values with characters that shells read: the old script took them
// apart, where nothing else is lost.
func (x *explainer) read(process string, r *Row) bool {
	if !x.awkward {
		return false
	}
	kind, _, _ := strings.Cut(r.Aspect, ":")
	switch kind {
	case "argv":
		// a quote that is not closed takes what is behind it, too; and where the new
		// side is as it is with other values, the old one lost something to the shell
		usual, known := x.usual[process+"\x00"+r.Aspect]
		if plain(r.Before) != plain(r.After) && !strings.ContainsAny(r.After, `'"`) && !(known && usual == r.After) {
			return false
		}
	case "env-changed", "env-extra", "env-missing", "command", "file", "folder", "order", "access":
	default:
		return false
	}
	r.Rule, r.Because = "shell-values", rules["shell-values"]
	return true
}

// plain is a text without what shells read.
func plain(s string) string {
	s = strings.ReplaceAll(s, "$b", "")
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || strings.ContainsRune(`'"\$`, c) {
			return -1
		}
		return c
	}, s)
}

// finding looks for one that says it makes this difference.
func (x *explainer) finding(r *Row) bool {
	all := slices.Clone(x.conversion.Findings)
	for _, s := range x.conversion.Suppressed {
		all = append(all, s.Diagnostic)
	}
	for _, d := range all {
		if r.Aspect == "executable" && r.After == "" {
			continue // it may be another program, but not none
		}
		if slices.Contains(d.Differs, r.Aspect) && (r.Aspect != "argv" || x.written(r)) {
			r.ID, r.Because, r.At = d.ID, d.Message, d.Span
			return true
		}
	}
	return false
}

// written says whether what is new in a command line stands in a file that the
// conversion writes: what a script finds out for itself, such as its user, is no
// argument that the conversion changed.
func (x *explainer) written(r *Row) bool {
	if x.awkward {
		return true
	}
	pieces := func(text string) []string {
		return strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(`'"\;=`, c) })
	}
	old := pieces(r.Before)
	for _, piece := range pieces(r.After) {
		if !slices.Contains(old, piece) && !slices.ContainsFunc(x.conversion.Changes, func(c convert.Change) bool { return !c.Delete && bytes.Contains(c.After, []byte(piece)) }) {
			return false
		}
	}
	return true
}

// saysOf are the findings that say, at their places, what is another in a later
// moment.
var saysOf = map[Moment][]string{Restart: {"once-a-deploy"}, Reboot: {"once-a-deploy", "mount-stays"}, Upgrade: {"needs-root"}, Stop: {"old-pidfile-used", "old-script-used"}}

// later looks for a finding about a later moment, at the place of the difference; in
// what a process left when it was root, and in a drain script, anywhere.
func (x *explainer) later(r *Row) bool {
	if (r.Moment == Restart || r.Moment == Reboot) && x.onceADeploy(r) {
		return true
	}
	for _, d := range x.conversion.Findings {
		if !slices.Contains(saysOf[r.Moment], d.ID) {
			continue
		}
		at := func(s source.Span) bool {
			return s.File != nil && r.At.File != nil && s.File.Name == r.At.File.Name && s.Start < r.At.End && r.At.Start < s.End
		}
		kind, what, _ := strings.Cut(r.Aspect, ":")
		switch {
		case r.Moment == Upgrade && kind == "access" && wroteIt(what):
		case r.Moment == Stop && kind == "drain" && d.Span.File != nil && strings.Contains(path.Base(d.Span.File.Name), "drain"):
		case at(d.Span), slices.ContainsFunc(d.Related, at):
		default:
			continue
		}
		r.ID, r.Because, r.At = d.ID, d.Message, d.Span
		return true
	}
	return false
}

// onceADeploy is for what the old script did again at each start, on a disk, and
// the ledger says that bin/pre-start does once a deploy: what it made is there
// still. It says nothing of what a reboot takes away.
func (x *explainer) onceADeploy(r *Row) bool {
	kind, what, _ := strings.Cut(r.Aspect, ":")
	if kind != "file" && kind != "folder" && kind != "access" || !container.Below(what, "/var/vcap/data") && !container.Below(what, "/var/vcap/store") || container.Below(what, "/var/vcap/data/sys") {
		return false
	}
	for _, row := range x.conversion.Ledger {
		if row.To != convert.ToPreStart || row.Span.File == nil {
			continue
		}
		at := r.At.File != nil && row.Span.File.Name == r.At.File.Name && row.Span.Start < r.At.End && r.At.Start < row.Span.End
		removed := (wroteIt(what) || r.Before == writtenGone) && strings.HasPrefix(row.Span.Text(), "rm ")
		if at || removed {
			r.Because, r.At = fmt.Sprintf("the ledger: pre-start: %s; the old script did it at every start", row.Note), row.Span
			return true
		}
	}
	return false
}

// ledger looks for the statement that did it: where a person has to look at it,
// or where it was dropped with a claim that is about this difference.
func (x *explainer) ledger(r *Row) bool {
	if r.At.File == nil {
		return false
	}
	row, ok := x.row(r.At, subject(r.Aspect))
	if !ok {
		return false
	}
	kind, _, _ := strings.Cut(r.Aspect, ":")
	switch row.To {
	case convert.Dropped:
		if !x.covers(row, r) {
			return false
		}
	case convert.Review:
	case convert.ToBPM:
		if kind != "command" && !(kind == "file" && strings.HasSuffix(r.Aspect, ".log") && strings.Contains(row.Span.Text(), ">")) {
			return false
		}
		// what was a step on the way is the process now, or its arguments
	default:
		return false
	}
	if r.At = row.Span; r.Because == "" {
		r.Because = fmt.Sprintf("the ledger: %s: %s", row.To, row.Note)
	}
	return true
}

// recursively matches a statement about what is below its folders, too.
var recursively = search.MustCompile(`^ch(own|mod|grp)\s.*(-\w*R|--recursive)\b`)

// covers says whether the claim with which a statement was dropped is about a
// difference, and holds on the new side.
func (x *explainer) covers(row convert.Row, r *Row) bool {
	kind, what, _ := strings.Cut(r.Aspect, ":")
	c := row.Claim
	if c.Kind == claim.OtherForm {
		return true // the form goes as a whole, and the other one was there
	}
	switch kind {
	case "folder", "file", "access":
		for _, p := range c.Paths() {
			deep := recursively.MatchString(row.Span.Text()) && strings.HasPrefix(what, p+"/")
			if p != what && !strings.HasPrefix(p, what+"/") && !deep {
				continue // mkdir -p makes what is above, too
			}
			kind, sentence := c.Of(p)
			switch kind {
			case claim.Made, claim.Shared:
				if r.After != "" {
					r.Because = "the ledger: dropped: " + sentence
					return true // it is there, with another owner or mode
				}
				r.Because = fmt.Sprintf("the ledger says: %s; it is not there", sentence)
			case claim.Unused, claim.Pidfile:
				reader := x.reads(p)
				if reader == "" {
					r.Because = "the ledger: dropped: " + sentence
					return true
				}
				r.Because = fmt.Sprintf("the ledger says: %s; %s names it", sentence, reader)
			}
			return false
		}
		switch c.Kind {
		case claim.Process, claim.Pidfile, claim.Listed:
			return pidfile.MatchString(what)
		case claim.Output, claim.Quiet:
			return strings.HasPrefix(what, "/var/vcap/sys/log/") || strings.HasSuffix(what, ".log")
		case claim.Undone:
			return true
		}
		return false
	case "command":
		if !strings.Contains(row.Span.Text(), subject(r.Aspect)) && c.Kind != claim.Listed && c.Kind != claim.Process {
			return false
		}
		switch c.Kind {
		case claim.Quiet, claim.Output, claim.Process, claim.Pidfile, claim.Listed, claim.Value, claim.Undone:
			return true
		}
		return false
	case "limit":
		return c.Kind == claim.Limit
	case "env-missing", "env-changed":
		return c.Kind == claim.Process || c.Kind == claim.Pidfile
	}
	return false
}

// reads names the file of the new side that names a path; "" where none does.
func (x *explainer) reads(p string) string {
	if x.after == nil {
		return ""
	}
	for _, t := range x.after.job.Spec.Templates {
		if notConfiguration.MatchString(path.Clean(t.Target)) && !strings.HasPrefix(path.Clean(t.Target), "bin/") && path.Base(t.Target) != "bpm.yml" {
			continue
		}
		data, err := x.after.template(t.Source)
		if err != nil {
			continue
		}
		for _, q := range paths(string(data)) {
			if q == p || strings.HasPrefix(q, p+"/") {
				return path.Clean(t.Target)
			}
		}
	}
	return ""
}

// subject is what an aspect is about: the name of the command or the last part
// of the path.
func subject(aspect string) string {
	_, what, _ := strings.Cut(aspect, ":")
	return path.Base(what)
}

// row is the innermost row of the ledger at a place; of several in a line the
// one whose text has the word.
func (x *explainer) row(at source.Span, word string) (convert.Row, bool) {
	best, found := convert.Row{}, false
	better := func(r convert.Row) bool {
		if !found {
			return true
		}
		has, had := strings.Contains(r.Span.Text(), word), strings.Contains(best.Span.Text(), word)
		if has != had {
			return has
		}
		return r.Span.End-r.Span.Start < best.Span.End-best.Span.Start
	}
	for _, r := range x.conversion.Ledger {
		if r.Span.File == nil || r.Span.File.Name != at.File.Name || r.Span.End <= at.Start || r.Span.Start >= at.End {
			continue
		}
		if better(r) {
			best, found = r, true
		}
	}
	return best, found
}

// decision looks for one that stands in the new files for a reason that is not
// in the old script.
func (x *explainer) decision(r *Row) bool {
	kind, what, _ := strings.Cut(r.Aspect, ":")
	for _, d := range x.conversion.Decisions {
		fits := false
		switch kind {
		case "capabilities":
			fits = strings.Contains(d.What, "capabilities")
		case "env-extra":
			fits = strings.Contains(d.What, what)
		}
		if fits {
			r.Because, r.At = d.What+": "+d.Why, d.Cause
			return true
		}
	}
	return false
}
