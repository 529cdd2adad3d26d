package check

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// configs are the templates that a process is told of, by their name or by a
// pattern, in what it is given itself or in another of them. A folder tells
// nothing: files of others, for logrotate or for scripts, lie there too.
func (w *job) configs(texts []string) []*source.File {
	var all []*source.File
	for seen := 0; ; {
		for _, f := range w.named(texts) {
			if !slices.ContainsFunc(all, func(o *source.File) bool { return o.Name == f.Name }) {
				all = append(all, f)
			}
		}
		if seen == len(all) {
			return all
		}
		for texts = nil; seen < len(all); seen++ {
			texts = append(texts, withoutComments(all[seen]))
		}
	}
}

// named are the templates that texts name.
func (w *job) named(texts []string) []*source.File {
	var files []*source.File
	for _, t := range w.Spec.Templates {
		target := path.Clean(t.Target)
		if strings.HasPrefix(target, "bin/") || target == configTarget {
			continue
		}
		vmPath := path.Join(w.vmDir(), target)
		names := []string{vmPath, path.Dir(vmPath) + "/*", path.Dir(vmPath) + "/*" + path.Ext(vmPath)}
		if !slices.ContainsFunc(texts, func(s string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return namesPath(s, name) })
		}) {
			continue
		}
		if f, _, err := w.TemplateFile(t.Target); err == nil && !bytes.HasPrefix(f.Data, []byte("#!")) && bytes.IndexByte(f.Data, 0) < 0 {
			files = append(files, f)
		}
	}
	return files
}

// namesPath says whether a text has a path that does not go on.
func namesPath(text, p string) bool {
	for {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
		if text == "" || !isPathByte(text[0]) && text[0] != '*' {
			return true
		}
	}
}

var commentLine = search.MustCompile(`(?m)^[ \t]*(?:#|//|;).*$|(?s:<!--.*?-->)`)

// withoutComments is a config file with the lines that are comments made blank.
func withoutComments(f *source.File) string {
	return commentLine.ReplaceAllStringFunc(string(f.Data), func(s string) string { return strings.Repeat(" ", len(s)) })
}

// configUses are the paths in a config file.
func (w *job) configUses(f *source.File) []use {
	body := withoutComments(f)
	t, err := erb.Parse(f)
	if err != nil {
		w.find("file-not-read", source.Note, source.Span{File: f}, "a process is told of this config file, and it cannot be read (%s); it is not checked", reason(err))
		return nil
	}
	var uses []use
	for _, m := range pathsIn(body) {
		tag := false
		for _, s := range t.Within(m[0], m[1]) {
			tag = tag || s.Kind == erb.Comment || s.Kind == erb.Code && bytes.Contains(f.Data[s.Start:s.End], []byte("File."))
		}
		if !tag {
			uses = append(uses, use{path: body[m[0]:m[1]], at: source.Span{File: f, Start: m[0], End: m[1]}, config: true})
		}
	}
	for _, v := range printedValues(t) {
		if text, ok := w.propertyDefault(v.property); ok {
			for _, m := range pathsIn(text) {
				if m[0] == 0 {
					uses = append(uses, use{path: text[m[0]:m[1]], at: v.at, config: true})
				}
			}
		}
	}
	return uses
}

// printedValue is a place at which a property gets into a config file.
type printedValue struct {
	property string // as Ruby: p('a.b')
	at       source.Span
}

var (
	propertyCall = search.MustCompile(`\bp\(['"][^'"]+['"]\)|\bproperties\.[a-z_][\w.]*`)
	// assigned ends what stands before a value that Ruby puts into a hash or list.
	assigned = search.MustCompile(`(?:\][ \t]*=|=>|<<|\w['"]?:)[ \t]*$`)
	// given is the block of if_p, to which one property's value is given.
	given    = search.MustCompile(`\bif_p\([ \t]*(['"][^'"]+['"])[ \t]*\)[ \t]*(?:do|\{)[ \t]*\|[ \t]*(\w+)[ \t]*\|`)
	blockEnd = search.MustCompile(`(?m)^[ \t]*(?:end\b|\})`)
)

// printedValues finds the properties that a template prints: by themselves, in a
// hash that Ruby fills, or as what if_p gives to its block.
func printedValues(t *erb.Template) []printedValue {
	var all []printedValue
	for _, s := range t.Segments {
		code := string(t.File.Data[s.CodeStart:s.CodeEnd])
		add := func(property string, from, to int) {
			all = append(all, printedValue{property, source.Span{File: t.File, Start: s.CodeStart + from, End: s.CodeStart + to}})
		}
		if s.Kind != erb.Expr && s.Kind != erb.Code {
			continue
		}
		for _, m := range propertyCall.FindAllStringIndex(code, -1) {
			if s.Kind == erb.Expr || assigned.MatchString(code[:m[0]]) {
				add(code[m[0]:m[1]], m[0], m[1])
			}
		}
		for _, m := range given.FindAllStringSubmatchIndex(code, -1) {
			body := code[m[1]:]
			if end := blockEnd.FindStringIndex(body); end != nil {
				body = body[:end[0]]
			}
			for _, v := range search.MustCompile(`\b`+search.QuoteMeta(code[m[4]:m[5]])+`\b`).FindAllStringIndex(body, -1) {
				if assigned.MatchString(body[:v[0]]) {
					add("p("+code[m[2]:m[3]]+")", m[2], m[3])
					break
				}
			}
		}
		if name := strings.TrimSpace(code); s.Kind == erb.Expr {
			for _, g := range t.Guards(s.Start) {
				if m := given.FindStringSubmatch(g.Block.Arms[0].Head); g.Arm == 0 && m != nil && m[2] == name {
					at := strings.Index(code, name)
					add("p("+m[1]+")", at, at+len(name))
				}
			}
		}
	}
	return all
}
