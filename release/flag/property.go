package flag

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Property gives the edit that declares the flag in a spec, false by default: in
// its order where the properties are sorted, else in front, as the releases that
// have the flag do. A property of that name, above it or below it is an error with
// its place.
func (f Flag) Property(spec *source.File) (source.Edit, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(spec.Data, &root); err != nil {
		return source.Edit{}, source.Errorf(source.Span{File: spec}, "%v", err)
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode || root.Content[0].Style&yaml.FlowStyle != 0 {
		return source.Edit{}, source.Errorf(source.Span{File: spec}, "the spec is no mapping in the block form, and %s cannot be added to it", f.Name)
	}
	top := root.Content[0]
	newline := spec.Newline()
	edit := func(start, end int, lines ...string) source.Edit {
		return source.Edit{Start: start, End: end, New: strings.Join(lines, newline) + newline, Rule: "flag"}
	}
	i := slices.IndexFunc(top.Content, func(n *yaml.Node) bool { return n.Value == "properties" })
	if i < 0 || i%2 != 0 {
		return f.append(spec, newline), nil
	}
	key, all := top.Content[i], top.Content[i+1]
	if all.Kind != yaml.MappingNode || len(all.Content) == 0 {
		if all.Tag != "!!null" && all.Kind != yaml.MappingNode || all.Anchor != "" {
			return source.Edit{}, source.Errorf(place(spec, all), "this is no mapping, and %s cannot be added to it", f.Name)
		}
		// properties: {} or nothing at all
		start := spec.Offset(key.Line, key.Column)
		end := spec.LineEnd(start)
		if line := string(spec.Data[start:end]); !emptyProperties.MatchString(line) {
			return source.Edit{}, source.Errorf(place(spec, key), "%s cannot be added to these properties", f.Name)
		}
		return edit(start, end, append([]string{"properties:"}, style{indent: 2, step: 2, quote: `"`, descriptionFirst: true}.lines(f.Name)...)...), nil
	}
	if all.Style&yaml.FlowStyle != 0 {
		return source.Edit{}, source.Errorf(place(spec, all), "the properties are written as {a: b}, and %s cannot be added to them", f.Name)
	}
	var names []*yaml.Node
	for k := 0; k < len(all.Content); k += 2 {
		n := all.Content[k]
		if n.Value == f.Name || strings.HasPrefix(n.Value, f.Name+".") || strings.HasPrefix(f.Name, n.Value+".") {
			return source.Edit{}, source.Errorf(place(spec, n), "the job has property %s already, and %s would be the flag; give another name with --feature-flag=NAME", n.Value, f.Name)
		}
		names = append(names, n)
	}
	s := styleOf(spec, all)
	lines := s.lines(f.Name)
	at := 0 // before which one
	if sorted := slices.IsSortedFunc(names, byName); sorted && len(names) > 2 {
		if at, _ = slices.BinarySearchFunc(names, &yaml.Node{Value: f.Name}, byName); at == len(names) {
			return f.behind(spec, all, lines, s.apart, newline), nil
		}
	}
	start := commentsAbove(spec, spec.LineStart(spec.Offset(names[at].Line, names[at].Column)))
	if s.apart {
		lines = append(lines, "")
	}
	return edit(start, start, lines...), nil
}

var emptyProperties = search.MustCompile(`^properties:[ \t]*(?:\{[ \t]*\}|~|null)?[ \t]*\r?\n?$`)

func byName(a, b *yaml.Node) int { return strings.Compare(a.Value, b.Value) }

// commentsAbove is where the comments start that stand right above a line, and
// with no blank line between them.
func commentsAbove(f *source.File, start int) int {
	for start > 0 {
		above := f.LineStart(start - 1)
		line := bytes.TrimSpace(f.Data[above:start])
		if len(line) == 0 || line[0] != '#' {
			break
		}
		start = above
	}
	return start
}

// append declares the first property of a spec.
func (f Flag) append(spec *source.File, newline string) source.Edit {
	text := newline + "properties:" + newline + strings.Join(style{indent: 2, step: 2, quote: `"`, descriptionFirst: true}.lines(f.Name), newline) + newline
	if !bytes.HasSuffix(spec.Data, []byte("\n")) {
		text = newline + text
	}
	return source.Edit{Start: len(spec.Data), End: len(spec.Data), New: text, Rule: "flag"}
}

// behind declares the flag behind the last property.
func (f Flag) behind(spec *source.File, all *yaml.Node, lines []string, apart bool, newline string) source.Edit {
	at := spec.LineEnd(spec.Offset(lastLine(all), 1))
	// a text over several lines ends where the indentation does
	for at < len(spec.Data) {
		end := spec.LineEnd(at)
		line := string(spec.Data[at:end])
		if strings.TrimSpace(line) != "" && len(line)-len(strings.TrimLeft(line, " ")) < all.Column {
			break
		}
		if strings.TrimSpace(line) == "" && !deeperFollows(spec, end, all.Column) {
			break
		}
		at = end
	}
	if apart {
		lines = append([]string{""}, lines...)
	}
	text := strings.Join(lines, newline) + newline
	if at == len(spec.Data) && !bytes.HasSuffix(spec.Data, []byte("\n")) {
		text = newline + text
	}
	return source.Edit{Start: at, End: at, New: text, Rule: "flag"}
}

// deeperFollows says whether the next line that is not blank belongs to what
// stands at the column.
func deeperFollows(f *source.File, at, column int) bool {
	for at < len(f.Data) {
		end := f.LineEnd(at)
		if line := string(f.Data[at:end]); strings.TrimSpace(line) != "" {
			return len(line)-len(strings.TrimLeft(line, " ")) >= column
		}
		at = end
	}
	return false
}

func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = max(line, lastLine(c))
	}
	return line
}

// style is how the properties of a spec are written.
type style struct {
	indent, step     int
	quote            string // around descriptions
	descriptionFirst bool
	apart            bool // a blank line between two
}

func styleOf(spec *source.File, all *yaml.Node) style {
	s := style{indent: all.Column - 1, step: 2, quote: `"`}
	quotes := map[yaml.Style]int{}
	first, described, blank := 0, 0, 0
	for k := 0; k < len(all.Content); k += 2 {
		name, body := all.Content[k], all.Content[k+1]
		above := spec.LineStart(spec.Offset(name.Line, name.Column))
		if k > 0 && above > 0 && len(bytes.TrimSpace(spec.Data[spec.LineStart(above-1):above])) == 0 {
			blank++
		}
		if body.Kind != yaml.MappingNode || body.Style&yaml.FlowStyle != 0 || len(body.Content) == 0 {
			continue
		}
		if described == 0 {
			s.step = max(1, body.Content[0].Column-all.Column) // body is where its anchor stands
		}
		described++
		if body.Content[0].Value == "description" {
			first++
		}
		for i := 0; i < len(body.Content); i += 2 {
			if body.Content[i].Value == "description" {
				quotes[body.Content[i+1].Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle)]++
			}
		}
	}
	s.apart = 2*blank > len(all.Content)/2-1 && blank > 0
	s.descriptionFirst = 2*first >= described
	switch double, single := quotes[yaml.DoubleQuotedStyle], quotes[yaml.SingleQuotedStyle]; {
	case quotes[0] > double && quotes[0] >= single:
		s.quote = ""
	case single > double:
		s.quote = "'"
	}
	return s
}

func (s style) lines(name string) []string {
	in, deeper := strings.Repeat(" ", s.indent), strings.Repeat(" ", s.indent+s.step)
	description := deeper + "description: " + s.quote + "Enable Bosh Process Manager" + s.quote
	standard := deeper + "default: false"
	if s.descriptionFirst {
		return []string{in + name + ":", description, standard}
	}
	return []string{in + name + ":", standard, description}
}
