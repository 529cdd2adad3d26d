package bpm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

var (
	// dumped is how a template ends that prints one hash as YAML.
	dumped = search.MustCompile(`(?:-?%>[ \t]*\n?<%=[ \t]*|\n[ \t]*)YAML\.dump\((\w+)\)[ \t\n]*-?%>\s*$`)
	// firstItem is the key of the processes and the first of them.
	firstItem = search.MustCompile(`(?m)^processes:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*|<%.*%>[ \t]*)?\n)*([ \t]*)- `)
	topKey    = search.MustCompile(`\n[A-Za-z_'"{\[]`)
)

// AppendTo gives a bpm.yml with the processes of the template behind its own:
// behind the last item where the processes are a list that ends the file, or
// into the hash that is dumped at its end. Where a value needs Ruby, plain YAML
// becomes such a hash. Another shape is an error.
func (t Template) AppendTo(f *source.File) ([]byte, error) {
	before, err := Read(f)
	if err != nil {
		return nil, err
	}
	for _, p := range t.Processes {
		title, static := p.Title.Static()
		for _, o := range before.Processes() {
			if name := o.Name(); static && name != nil && name.Text() == title {
				return nil, fmt.Errorf("it has a process %s already", title)
			}
		}
	}
	text := string(f.Data)
	var after string
	if m := dumped.FindStringSubmatchIndex(text); m != nil {
		after = t.intoHash(text, text[m[2]:m[3]], m)
	} else {
		after, err = t.intoList(f)
		if errors.Is(err, errNeedsRuby) {
			after, err = t.withRuby(f)
		}
		if err != nil {
			return nil, err
		}
	}
	now, err := Read(&source.File{Name: f.Name, Data: []byte(after)})
	if err != nil {
		return nil, err
	}
	if got, want := len(now.Processes()), len(before.Processes())+len(t.Processes); got != want {
		return nil, fmt.Errorf("its processes are written in a way that is not known: %d of them would be %d", want, got)
	}
	return []byte(after), nil
}

// intoHash appends in Ruby, before the hash is dumped.
func (t Template) intoHash(text, hash string, dump []int) string {
	code := strings.Join(render(t.rubySteps(text, hash), 0), "\n")
	at := dump[0]
	if text[at] == '\n' { // the last statement of a tag
		return text[:at+1] + "\n" + code + "\n" + text[at+1:]
	}
	head := strings.TrimRight(text[:at], " \t\n")
	return head + "\n\n" + code + "\n" + text[at:]
}

// rubySteps appends each process to the hash of that name.
func (t Template) rubySteps(text, hash string) []step {
	w := &rubyWriter{names: map[string]bool{"p": true, "spec": true, "link": true}}
	for _, s := range append(t.everyRuby(), text) {
		for _, id := range identifier.FindAllString(s, -1) {
			w.names[id] = true
		}
	}
	for _, l := range t.Locals {
		w.line(l.Guards, strings.Split(dedent(l.Code), "\n")...)
	}
	for _, p := range t.Processes {
		title, _ := p.Title.Static()
		lines := append([]string{hash + "['processes'] << {"}, indent(w.process(p, title+"_"))...)
		w.line(p.Guards, append(lines, "}")...)
	}
	return w.steps
}

// intoList appends behind the last item of a list.
func (t Template) intoList(f *source.File) (string, error) {
	template, err := erb.Parse(f)
	if err != nil {
		return "", err
	}
	text := string(f.Data)
	m := firstItem.FindStringSubmatchIndex(text)
	switch {
	case m == nil:
		return "", errors.New("its processes are no list in YAML")
	case len(template.Guards(m[0])) > 0:
		return "", errors.New("an ERB condition stands around its processes")
	case topKey.MatchString(text[strings.IndexByte(text[m[1]:]+"\n", '\n')+m[1]:]):
		return "", errors.New("something follows behind its processes")
	}
	blanks := text[m[2]:m[3]]
	items, err := t.items(blanks)
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + items, nil
}

// items prints the processes alone, as items of a list.
func (t Template) items(blanks string) (string, error) {
	if c, ok := t.static(); ok {
		out, err := c.Print()
		if err != nil {
			return "", err
		}
		_, items, _ := bytes.Cut(out, []byte("processes:\n"))
		lines := strings.SplitAfter(strings.ReplaceAll(string(items), "<%", "<%%"), "\n")
		for i, l := range lines {
			if strings.TrimSpace(l) != "" {
				lines[i] = blanks + l
			}
		}
		return strings.Join(lines, ""), nil
	}
	return "", errNeedsRuby
}

// errNeedsRuby says that a process has values that only a deployment knows.
var errNeedsRuby = errors.New("the process has values that only a deployment knows, and the file has ERB or comments of its own")

// withRuby prints the whole file again, as Ruby: its processes are plain YAML.
func (t Template) withRuby(f *source.File) (string, error) {
	var shown, reprinted any
	var root struct{ Processes []yaml.Node }
	if bytes.Contains(f.Data, []byte("<%")) || bytes.Contains(f.Data, []byte("#")) || yaml.Unmarshal(f.Data, &shown) != nil || yaml.Unmarshal(f.Data, &root) != nil {
		return "", errNeedsRuby
	}
	var all Template
	for _, n := range root.Processes {
		p := ProcessTemplate{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if env := n.Content[i+1]; n.Content[i].Value == "env" && env.Kind == yaml.MappingNode {
				for k := 0; k+1 < len(env.Content); k += 2 {
					p.Env = append(p.Env, Variable{Name: env.Content[k].Value, Value: Text(env.Content[k+1].Value)})
				}
				n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			}
		}
		if err := n.Decode(&p.Process); err != nil {
			return "", err
		}
		for _, a := range p.Process.Args {
			p.Args = append(p.Args, Item{Value: Text(a)})
		}
		p.Title = Text(p.Name)
		if p.Process.WorkDir != "" {
			p.WorkDir = Text(p.Process.WorkDir)
		}
		all.Processes = append(all.Processes, p)
	}
	old, err := all.Print()
	if err != nil {
		return "", err
	}
	// a key that we have no field for would be lost
	if err := yaml.Unmarshal(old, &reprinted); err != nil || fmt.Sprint(shown) != fmt.Sprint(reprinted) {
		return "", errNeedsRuby
	}
	all.Locals, all.Processes = t.Locals, append(all.Processes, t.Processes...)
	out, err := all.Print()
	return string(out), err
}
