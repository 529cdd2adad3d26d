package ports

import (
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Local puts what a local of a template was set to in the place of its name.
func Local(f *source.File, code string) string {
	m := oneName.FindStringSubmatch(code)
	if m == nil {
		return code
	}
	name, key := m[1], m[2]
	ruby := rubyIn(f)
	if set := search.MustCompile(`(?m)(?:^|;)\s*` + name + `\s*=\s*([^=\s].*)`).FindStringSubmatch(ruby); set != nil {
		if key != "" {
			return code
		}
		return set[1]
	}
	for _, block := range blockHead.FindAllStringSubmatch(ruby, -1) {
		for i, variable := range strings.Split(block[3], ",") {
			if strings.TrimSpace(variable) != name {
				continue
			}
			over, given := block[1], erb.Properties("if_p("+block[2]+")")
			switch {
			case i < len(given):
				return property(given[i], key)
			case key == "":
				return over
			}
			if names := erb.Properties(over); len(names) == 1 {
				return property(names[0]+".*", key)
			}
		}
	}
	return code
}

// rubyIn is the Ruby of a template, a tag a line.
func rubyIn(f *source.File) string {
	template, err := erb.Parse(f)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, s := range template.Segments {
		if s.Kind == erb.Code || s.Kind == erb.Expr {
			b.WriteString(s.Code(template) + "\n")
		}
	}
	return b.String()
}

// property is Ruby for a property or for something in it.
func property(name, key string) string {
	if key != "" {
		name += "." + key
	}
	return "p('" + name + "')"
}

var (
	// oneName is a local, alone or for one of the values that it holds.
	oneName = search.MustCompile(`^(?:[^<]*<%=)?-?\s*([a-z_]\w*)(?:\[["':]?(\w+)["']?\])?\s*(?:-?%>[^<]*)?$`)
	// blockHead begins a block: what it goes over or the properties that have to be
	// there, and its variables.
	blockHead = search.MustCompile(`(?:([^\n;=%<>]+?)\.each\w*|\bif_p\(([^()\n]*)\))\s*(?:do|\{)\s*\|([^|\n]*)\|`)
	// literalList is a list of numbers in Ruby.
	numbers     = search.MustCompile(`[0-9]+`)
	literalList = search.MustCompile(`^\s*(?:%w)?[\[(][\d\s,"']+[\])]\s*$`)
)

// Numbers are the numbers of a list in Ruby.
func Numbers(code string) []string {
	if !literalList.MatchString(code) {
		return nil
	}
	return numbers.FindAllString(code, -1)
}
