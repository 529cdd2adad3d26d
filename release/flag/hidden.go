package flag

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// heredoc is where a here document of Ruby begins.
var heredoc = search.MustCompile(`(?:^|[\s(,=\[{])<<[-~]?["']?([A-Za-z_]\w*)`)

// rubyComment is a line of Ruby that is a comment alone.
var rubyComment = search.MustCompile(`(?m)^[ \t]*#(?:[^{\n].*)?$`)

// hidden are uses of the property that the reading of conditions does not see, in
// what is left of a template: in a lambda, a here document, a pattern, by a name
// that is put together, or as part of what lies around the property. It also
// finds here documents that lost their end. now has the text, f its old places.
func hidden(now, f *source.File, property string) (left []Use) {
	t, err := erb.Parse(now)
	if err != nil {
		return nil
	}
	patterns := hiddenUses(property)
	for _, s := range t.Segments {
		if s.Kind != erb.Code && s.Kind != erb.Expr {
			continue
		}
		code := rubyComment.ReplaceAllStringFunc(string(now.Data[s.CodeStart:s.CodeEnd]), func(c string) string { return strings.Repeat(" ", len(c)) })
		use := func(from, to int, why string) {
			start, end := originals(now, s.CodeStart+from, s.CodeStart+to)
			left = append(left, Use{source.Span{File: f, Start: start, End: end}, why})
		}
		for _, p := range patterns {
			if at := p.pattern.FindStringIndex(code); at != nil {
				use(at[0], at[1], p.why)
			}
		}
		for _, m := range heredoc.FindAllStringSubmatchIndex(code, -1) {
			end := search.MustCompile(`(?m)^[ \t]*` + code[m[2]:m[3]] + `[ \t]*\r?$`)
			if !end.MatchString(code[m[1]:]) {
				use(m[0], m[1], "the here document that begins here would lose its end")
			}
		}
	}
	return left
}

type hiddenUse struct {
	pattern *search.Pattern
	why     string
}

// hiddenUses are the texts that may ask for a property.
func hiddenUses(property string) []hiddenUse {
	quote := search.QuoteMeta
	parts := strings.Split(property, ".")
	uses := []hiddenUse{
		{search.MustCompile(`(?:^|[^\w.-])` + quote(property) + `(?:$|[^\w.-])`), "it stands where conditions are not read"},
		{search.MustCompile(`\b(?:if_)?p\b[\s(]*["'][^"'\n]*(?:#\{[^}\n]*\}|["']\s*\+\s*["'])[^"'\n]*` + quote(parts[len(parts)-1]) + `["']`), "a name is put together here, and may be that of the property"},
		{search.MustCompile(`\b(?:raw_)?properties\s*(?:\.(?:to_\w+|dig|each\w*|marshal_dump|inspect|send)\b|\)|\]|,|;|$)`), "all properties are read as a whole here"},
		{search.MustCompile(`\b(?:raw_)?properties\s*(?:&?\.\s*|\[\s*[:"'])` + quote(parts[0]) + `\b`), "the property, or what it is part of, is read in another way here"},
	}
	for i := 1; i < len(parts); i++ {
		whole := strings.Join(parts[:i], ".")
		uses = append(uses, hiddenUse{search.MustCompile(`\b(?:if_)?p\b[\s(]*["']` + quote(whole) + `["']`), whole + ", of which the property is a part, is read as a whole here"})
	}
	return uses
}
