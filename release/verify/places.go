package verify

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// lines tells which line of a template a line of what it renders to comes from.
// The template is rendered once more with a mark at the end of each of its
// lines; ERB has nothing better.
type lines struct {
	file *source.File
	of   []int // template lines, from 1, by rendered line; 0 is not known
}

// The marks are characters that no template has.
const markBegin, markEnd = "\x01", "\x02"

// markedKey is that of marked templates.
type markedKey struct{}

// marked is a template with its line numbers in the text that it prints.
func marked(f *source.File) *source.File {
	var out bytes.Buffer
	line, code := 1, false
	data := f.Data
	for i := 0; i < len(data); i++ {
		switch {
		case !code && bytes.HasPrefix(data[i:], []byte("<%%")):
			out.WriteString("<%%")
			i += 2
			continue
		case !code && bytes.HasPrefix(data[i:], []byte("<%")):
			code = true
		case code && bytes.HasPrefix(data[i:], []byte("%>")):
			code = false
			out.WriteString("%>")
			i++
			continue
		case data[i] == '\n':
			if !code && !bytes.HasSuffix(data[:i], []byte("-%>")) && !bytes.HasSuffix(data[:i], []byte("\\")) {
				fmt.Fprintf(&out, "%s%d%s", markBegin, line, markEnd)
			}
			line++
		}
		out.WriteByte(data[i])
	}
	return &source.File{Name: f.Name, Data: out.Bytes(), Mode: f.Mode}
}

// linesOf gives the lines of a script of the job.
func (s *side) linesOf(target string) *lines {
	if l, ok := s.places[target]; ok {
		return l
	}
	l := &lines{}
	s.places[target] = l
	for _, t := range s.job.Spec.Templates {
		if path.Clean(t.Target) != target {
			continue
		}
		f, err := s.job.Release.Read(s.job.TemplateName(t.Source))
		if err != nil {
			return l
		}
		l.file = f
		data, err := s.render(source.Derived(f, markedKey{}, func() *source.File { return marked(f) }), s.ctx)
		if err != nil {
			return l
		}
		for _, text := range strings.Split(string(data), "\n") {
			n := 0
			if i := strings.LastIndex(text, markBegin); i >= 0 {
				number, _, _ := strings.Cut(text[i+1:], markEnd)
				n, _ = strconv.Atoi(number)
			}
			l.of = append(l.of, n)
		}
		// a line without a mark is part of the next one that has one
		for i := len(l.of) - 2; i >= 0; i-- {
			if l.of[i] == 0 {
				l.of[i] = l.of[i+1]
			}
		}
	}
	return l
}

// place is where a line of a script on the machine stands in the release.
func (s *side) place(script string, line int) source.Span {
	if line <= 0 {
		return source.Span{}
	}
	if target, ok := strings.CutPrefix(script, "/var/vcap/jobs/"+s.job.Name+"/"); ok {
		l := s.linesOf(path.Clean(target))
		if l.file == nil || line > len(l.of) || l.of[line-1] == 0 {
			return source.Span{}
		}
		return lineSpan(l.file, l.of[line-1])
	}
	f, err := s.job.Release.PackageFile(script)
	if err != nil || f == nil {
		return source.Span{}
	}
	return lineSpan(f, line)
}

// lineSpan spans what stands in a line, without the blanks around it.
func lineSpan(f *source.File, line int) source.Span {
	start := f.Offset(line, 1)
	end := start
	for end < len(f.Data) && f.Data[end] != '\n' {
		end++
	}
	for start < end && (f.Data[start] == ' ' || f.Data[start] == '\t') {
		start++
	}
	return source.Span{File: f, Start: start, End: end}
}
