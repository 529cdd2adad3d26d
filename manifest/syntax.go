package manifest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// parse gives the document of a file, nil when there is none. What it returns
// is free of duplicate keys, of aliases that contain themselves and of merge
// keys without a mapping, so that later code need not look for them.
func parse(p places) (*yaml.Node, error) {
	if err := checkText(p); err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(p.f.Data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxError(p, err)
	}
	if err := d.Decode(&second); err == nil {
		return nil, source.Errorf(p.span(&second), "a second YAML document starts here; bosh reads the first only: give one document per file")
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(p, err)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	c := checker{p: p, done: map[*yaml.Node]bool{}, open: map[*yaml.Node]bool{}}
	return &doc, c.check(&doc)
}

// checkText finds what yaml.v3 reports without a place, or as something else.
func checkText(p places) error {
	data := p.f.Data
	for at := 0; at < len(data); {
		r, n := utf8.DecodeRune(data[at:])
		switch {
		case r == utf8.RuneError && n == 1:
			return source.Errorf(p.at(at, at+1), "byte 0x%02x is not UTF-8; save the file as UTF-8", data[at])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == 0xfffe || r == 0xffff || r >= 0x80 && r < 0xa0 && r != 0x85:
			return source.Errorf(p.at(at, at+n), "control character %U: this is binary data, or damaged", r)
		}
		at += n
	}
	return nil
}

var (
	yamlLine       = search.MustCompile(`^(?:yaml: )?(?:line \d+: )?`)
	conflictMarker = search.MustCompile(`(?m)^(?:<{7} |={7}\r?$|>{7} )`)
	tabIndent      = search.MustCompile(`^ *\t`)
)

// syntaxError gives an error of yaml.v3 the place where the text stops being
// YAML. The line that yaml.v3 names is that of the enclosing mapping as often
// as not, and off by one for some of its errors, so it is not used.
func syntaxError(p places, err error) error {
	f := p.f
	if at := conflictMarker.FindIndex(f.Data); at != nil {
		return source.Errorf(p.at(at[0], at[1]), "an unresolved merge conflict")
	}
	message := yamlLine.ReplaceAllString(err.Error(), "")
	start := brokenLine(f.Data)
	line := string(f.Data[start:f.LineEnd(start)])
	if tabIndent.MatchString(line) && strings.Contains(message, "cannot start any token") {
		at := start + strings.IndexByte(line, '\t')
		return source.Errorf(p.at(at, at+1), "found character that cannot start any token: a tab, where YAML wants blanks")
	}
	start += len(line) - len(strings.TrimLeft(line, " "))
	return source.Errorf(p.at(start, start), "not valid YAML: %s", message)
}

// brokenLine finds the start of the line behind the longest run of lines, from
// the first one, that is YAML by itself. Beginnings that end inside a quoted
// text or a flow list are no YAML either, though more lines mend them, so a
// bisection alone could stop too early: it goes on when lines soon after do.
func brokenLine(data []byte) int {
	starts := []int{0}
	for i, b := range data {
		if b == '\n' && i+1 < len(data) {
			starts = append(starts, i+1)
		}
	}
	upTo := func(lines int) []byte {
		if lines < len(starts) {
			return data[:starts[lines]]
		}
		return data
	}
	valid := func(lines int) bool {
		var n yaml.Node
		d := yaml.NewDecoder(bytes.NewReader(upTo(lines)))
		for {
			if err := d.Decode(&n); err != nil {
				return errors.Is(err, io.EOF)
			}
		}
	}
	const window = 60
	good, bad := 0, len(starts)
	for {
		for bad-good > 1 {
			if mid := (good + bad) / 2; valid(mid) {
				good = mid
			} else {
				bad = mid
			}
		}
		next := 0
		for k := bad + 1; k < len(starts) && k <= bad+window && next == 0; k++ {
			if valid(k) {
				next = k
			}
		}
		if next == 0 {
			return starts[good]
		}
		good, bad = next, len(starts)
	}
}

// checker walks each node once, aliases followed.
type checker struct {
	p          places
	done, open map[*yaml.Node]bool
}

func (c checker) check(n *yaml.Node) error {
	if c.open[n] {
		return source.Errorf(c.p.span(n), "anchor %s contains itself", n.Anchor)
	}
	if c.done[n] {
		return nil
	}
	c.open[n] = true
	defer func() { delete(c.open, n); c.done[n] = true }()
	switch n.Kind {
	case yaml.AliasNode:
		return c.check(n.Alias)
	case yaml.MappingNode:
		if err := c.checkKeys(n); err != nil {
			return err
		}
	}
	for _, k := range n.Content {
		if err := c.check(k); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) checkKeys(n *yaml.Node) error {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Tag == "!!merge" {
			merged := []*yaml.Node{resolve(v)}
			if merged[0].Kind == yaml.SequenceNode {
				merged = items(merged[0])
			}
			for _, m := range merged {
				if m.Kind != yaml.MappingNode && !isSpiff(m.Value) { // that is a template, and refused as one
					return source.Errorf(c.p.span(v), "<< wants a mapping, or a list of mappings")
				}
			}
			continue
		}
		if k.Kind != yaml.ScalarNode {
			continue
		}
		id := k.Tag + " " + k.Value
		if first := seen[id]; first != nil {
			return source.Errorf(c.p.span(k), "key %q is here twice, first in line %d", k.Value, first.Line)
		}
		seen[id] = k
	}
	return nil
}
