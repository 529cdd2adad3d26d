package flag

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Dropped is a template without the flag.
type Dropped struct {
	// File has what is left of the text, with the places of the old one; After is
	// the text, the same as before where there was nothing to do.
	File  *source.File
	After []byte
	// Dead are the pieces of the old text that the other form had.
	Dead []source.Span
	// Left are the uses that stay; what is in After is of no use then.
	Left []Use
	// Used says that the template asks for the property.
	Used bool
}

// Use is a place that asks for the property in a way that cannot be taken out.
type Use struct {
	Span source.Span
	Why  string
}

// maxRounds bounds the foldings of one template.
const maxRounds = 1000

// Drop gives a template as it is when the property has the value on: conditions
// on it go, with the arms that are not taken. What is left renders as before,
// but for lines that held nothing but tags.
//
// One condition is folded at a time, from the outside in, and the result is read
// again.
func Drop(f *source.File, property string, on bool) (*Dropped, error) {
	d := &Dropped{}
	for now, rounds := f, 0; ; rounds++ {
		t, err := erb.Parse(now)
		if err != nil {
			return nil, err
		}
		s := newFold(t, property, on)
		d.Used = d.Used || len(s.uses()) > 0
		if d.Used && len(s.uses()) > 0 && rounds < maxRounds {
			s.next()
		}
		if len(s.edits) == 0 {
			for _, u := range s.uses() {
				if why := s.failed[u]; why == "" {
					s.failed[u] = "it is no condition that can be decided here"
				}
				start, end := originals(now, u.Start, u.End)
				d.Left = append(d.Left, Use{source.Span{File: f, Start: start, End: end}, s.failed[u]})
			}
			d.File, d.After = now, now.Data
			if len(d.Left) == 0 {
				d.Left = append(orphans(d, s.tree, s.src), hidden(now, f, property)...)
			}
			return d, nil
		}
		for _, span := range s.dead {
			if start, end := originals(now, span[0], span[1]); start < end {
				d.Dead = append(d.Dead, source.Span{File: f, Start: start, End: end})
			}
		}
		if _, err := source.Apply(now.Data, s.edits); err != nil {
			return nil, err
		}
		now = rearranged(now, s.edits)
	}
}

// orphans are names that only an arm which goes gave a meaning, and that something
// asks for which stays: an untaken assignment makes a local nil, none an error.
func orphans(d *Dropped, tree *ruby.Node, src []byte) (left []Use) {
	defined := func(n *ruby.Node) []string {
		switch {
		case n.Kind == ruby.Assign && n.Recv != nil && n.Recv.Kind == ruby.Name && n.Text != ",":
			return []string{n.Recv.Text}
		case n.Kind == ruby.Assign:
			return n.Params
		case n.Kind == ruby.Def:
			return []string{n.Text}
		}
		return nil
	}
	stays, asked := map[string]bool{}, map[string]bool{}
	ruby.Walk(tree, func(n *ruby.Node) bool {
		for _, name := range defined(n) {
			stays[name] = true
		}
		if n.Block != nil {
			for _, name := range n.Block.Params {
				stays[name] = true
			}
		}
		if n.Kind == ruby.Name || n.Kind == ruby.Call && n.Recv == nil {
			asked[n.Text] = true
		}
		return true
	})
	for _, span := range d.Dead {
		f := &source.File{Data: []byte(span.Text())}
		text := f.Data
		if t, err := erb.Parse(f); err == nil && t.HasTags() {
			text = t.Ruby()
		} else if err == nil && !insideTag(span) {
			continue
		}
		ruby.Walk(ruby.Parse(text), func(n *ruby.Node) bool {
			for _, name := range defined(n) {
				if asked[name] && !stays[name] {
					left = append(left, Use{span, fmt.Sprintf("%s is only known here, and what stays asks for it", name)})
				}
			}
			return true
		})
		for _, m := range required.FindAllSubmatch(text, -1) {
			library := strings.NewReplacer("/", "", "_", "").Replace(string(m[1]))
			if !required.Match(src) && bytes.Contains(bytes.ToLower(src), []byte(strings.ToLower(library))) {
				left = append(left, Use{span, fmt.Sprintf("%s is required here, and what stays uses it", m[1])})
			}
		}
	}
	return left
}

var required = search.MustCompile(`\brequire\s*\(?\s*['"]([\w/]+)['"]`)

// insideTag says whether a piece of a template is Ruby.
func insideTag(span source.Span) bool {
	t, err := erb.Parse(span.File)
	if err != nil {
		return false
	}
	within := t.Within(span.Start, span.Start+1)
	return len(within) > 0 && within[0].Kind != erb.Text
}

// originals are the bounds of a piece of a rearranged file in the file as it was.
func originals(f *source.File, start, end int) (int, int) {
	_, from := f.Original(start)
	if end <= start {
		return from, from
	}
	_, to := f.Original(end - 1)
	return from, to + 1
}

// rearranged is the file with the edits made; its places are those of the file.
func rearranged(f *source.File, edits []source.Edit) *source.File {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b source.Edit) int { return a.Start - b.Start })
	var parts []source.Part
	at := 0
	for _, e := range edits {
		if e.Start > at {
			parts = append(parts, source.Part{Start: at, End: e.Start})
		}
		if e.New != "" {
			parts = append(parts, source.Part{Start: e.Start, End: e.End, New: e.New})
		}
		at = e.End
	}
	if at < len(f.Data) {
		parts = append(parts, source.Part{Start: at, End: len(f.Data)})
	}
	return source.Rearrange(f, parts)
}

// truth is what is known of a condition once the property is.
type truth = ruby.Truth

const (
	no    = ruby.No
	maybe = ruby.Maybe
	yes   = ruby.Yes
)

// fold looks for one condition to take out.
type fold struct {
	t        *erb.Template
	src      []byte
	property string
	on       truth
	tree     *ruby.Node
	// locals are those that hold the property, with what it makes of them.
	locals map[string]truth
	sets   map[string]*ruby.Node
	// failed says why a use stays.
	failed map[*ruby.Node]string
	asks   []*ruby.Node

	edits []source.Edit
	dead  [][2]int
	// clash says that an edit would let a tag trim other blanks than before.
	clash bool
}

func newFold(t *erb.Template, property string, on bool) *fold {
	s := &fold{t: t, src: t.Ruby(), property: property, on: no, locals: map[string]truth{}, sets: map[string]*ruby.Node{}, failed: map[*ruby.Node]string{}}
	if on {
		s.on = yes
	}
	s.tree = ruby.Parse(s.src)
	ruby.Walk(s.tree, func(n *ruby.Node) bool {
		if n.Kind != ruby.Bad && n.Kind != ruby.Body && n.Start < n.End {
			n.End = n.Start + len(bytes.TrimRight(s.src[n.Start:n.End], " \t\r\n"))
		}
		return true
	})
	ruby.Walk(s.tree, func(n *ruby.Node) bool {
		switch {
		case s.reads(n), s.above(n):
			s.asks = append(s.asks, n)
			return false
		case strings.HasPrefix(dotted(n), "properties."):
			return false // another one
		case n.Kind == ruby.Str && n.Text == property, n.Kind == ruby.Bad && s.named().MatchString(n.Text):
			s.asks = append(s.asks, n)
		}
		return true
	})
	if len(s.asks) > 0 {
		s.findLocals()
	}
	return s
}

func (s *fold) named() *search.Pattern {
	return search.MustCompile(`(?:^|[^\w.-])(?:properties\.)?` + search.QuoteMeta(s.property) + `(?:$|[^\w.-])`)
}

// uses are the places that ask for the property.
func (s *fold) uses() []*ruby.Node { return s.asks }

// reads says whether a node is the property: p('a.b'), with or without a value
// for where it is not there, or properties.a.b.
func (s *fold) reads(n *ruby.Node) bool {
	if n.Kind != ruby.Call && n.Kind != ruby.Index {
		return false
	}
	if n.Recv == nil {
		return n.Text == "p" && n.Block == nil && (len(n.Args) == 1 || len(n.Args) == 2) && n.Args[0].Kind == ruby.Str && len(n.Args[0].Parts) == 0 && n.Args[0].Text == s.property
	}
	return dotted(n) == "properties."+s.property
}

// above says whether a node is what the property lies in: properties.a. It is
// there in both forms, as the property has a value, and not any more without it.
func (s *fold) above(n *ruby.Node) bool {
	d := dotted(n)
	return strings.HasPrefix(d, "properties.") && strings.HasPrefix("properties."+s.property, d+".")
}

// dotted is a chain of names: properties.web.port, or properties['web'].port.
func dotted(n *ruby.Node) string {
	switch {
	case n != nil && n.Kind == ruby.Index && len(n.Args) == 1 && (n.Args[0].Kind == ruby.Str || n.Args[0].Kind == ruby.Sym) && len(n.Args[0].Parts) == 0:
		if before := dotted(n.Recv); before != "" {
			return before + "." + n.Args[0].Text
		}
	case n == nil:
		return ""
	case n.Kind == ruby.Name:
		return n.Text
	case n.Kind == ruby.Call && n.Recv != nil && len(n.Args) == 0 && n.Block == nil:
		if before := dotted(n.Recv); before != "" {
			return before + "." + n.Text
		}
	}
	return ""
}

// findLocals finds locals that are set once, to the property or what it decides,
// where every reader comes behind.
func (s *fold) findLocals() {
	count := map[string]int{}
	ruby.Walk(s.tree, func(n *ruby.Node) bool {
		switch {
		case n.Kind == ruby.Assign && n.Recv != nil && n.Recv.Kind == ruby.Name:
			count[n.Recv.Text]++
		case n.Kind == ruby.Assign:
			for _, name := range n.Params {
				count[name] += 2
			}
		}
		if n.Block != nil {
			for _, name := range n.Block.Params {
				count[name] += 2
			}
		}
		return true
	})
	for _, n := range s.tree.Args {
		if n.Kind != ruby.Assign || n.Text != "=" || n.Recv == nil || n.Recv.Kind != ruby.Name || count[n.Recv.Text] != 1 {
			continue
		}
		if v := s.truth(n.Args[0]); v != maybe && s.concerns(n.Args[0]) && s.boolean(n.Args[0]) {
			s.locals[n.Recv.Text], s.sets[n.Recv.Text] = v, n
		}
	}
}

// boolean says whether an expression is true or false, and nothing else.
func (s *fold) boolean(n *ruby.Node) bool {
	switch n.Kind {
	case ruby.True, ruby.False, ruby.Not:
		return true
	case ruby.Binary:
		return n.Text == "==" || n.Text == "!=" || (n.Text == "&&" || n.Text == "||") && s.boolean(n.Recv) && s.boolean(n.Args[0])
	}
	return s.reads(n)
}

// concerns says whether the property, or a local that holds it, is part of it.
func (s *fold) concerns(n *ruby.Node) bool {
	found := false
	ruby.Walk(n, func(n *ruby.Node) bool {
		_, local := s.locals[n.Text]
		found = found || s.reads(n) || s.above(n) || n.Kind == ruby.Name && local
		return !found
	})
	return found
}

func (s *fold) truth(n *ruby.Node) truth {
	switch n.Kind {
	case ruby.True:
		return yes
	case ruby.False, ruby.Nil:
		return no
	case ruby.Not:
		return s.truth(n.Args[0]).Not()
	case ruby.Body:
		if len(n.Args) == 1 {
			return s.truth(n.Args[0])
		}
	case ruby.Name:
		if v, ok := s.locals[n.Text]; ok {
			return v
		}
	case ruby.Binary:
		left, right := s.truth(n.Recv), s.truth(n.Args[0])
		switch n.Text {
		case "&&":
			return min(left, right)
		case "||":
			return max(left, right)
		case "==", "!=":
			literal := func(n *ruby.Node) bool { return n.Kind == ruby.True || n.Kind == ruby.False }
			known := left != maybe && right != maybe
			if !known || !literal(n.Recv) && !s.boolean(n.Recv) || !literal(n.Args[0]) && !s.boolean(n.Args[0]) {
				return maybe
			}
			if (left == right) == (n.Text == "==") {
				return yes
			}
			return no
		}
	}
	switch {
	case s.reads(n):
		return s.on
	case s.above(n):
		return yes
	}
	return maybe
}

// decided says whether the property settles a condition.
func (s *fold) decided(n *ruby.Node) bool { return s.truth(n) != maybe && s.concerns(n) }

// next makes the edits that take one condition out.
func (s *fold) next() {
	for _, b := range s.t.Blocks {
		if s.block(b); len(s.edits) > 0 {
			return
		}
	}
	for _, n := range s.tree.Args {
		if s.walk(n, statement); len(s.edits) > 0 {
			return
		}
	}
	for name, n := range s.sets {
		if !s.unread(name) {
			s.fail(n, fmt.Sprintf("the local %s, which holds it, is used in other ways", name))
		} else if s.remove(n, n.Start, n.End); len(s.edits) > 0 {
			return
		}
	}
}

// unread says whether nothing but its assignment names a local.
func (s *fold) unread(name string) bool {
	n := 0
	for _, m := range search.MustCompile(`[\w@$]+`).FindAllIndex(s.src, -1) {
		if string(s.src[m[0]:m[1]]) == name {
			n++
		}
	}
	return n == 1
}

func (s *fold) edit(start, end int, text string) {
	if start < end || text != "" {
		s.edits = append(s.edits, source.Edit{Start: start, End: end, New: text, Rule: "drop-flag"})
	}
}

// fail notes why the uses in a node stay.
func (s *fold) fail(n *ruby.Node, why string) {
	if n == nil {
		return
	}
	for _, u := range s.asks {
		if n.Start <= u.Start && u.End <= n.End && s.failed[u] == "" {
			s.failed[u] = why
		}
	}
}

// cut takes the bytes from the tag first to the tag last out: exactly, so that
// the rest renders as before, or with the whole line where nothing else stands in
// it. A line behind a backslash stays, empty as it was: what comes behind it would
// be joined.
func (s *fold) cut(first, last erb.Segment) {
	data, f := s.t.File.Data, s.t.File
	start, end := first.Start, last.End
	line := f.LineStart(start)
	alone := blank(data[line:start])
	if from := s.trimmable(start); first.TrimLeft && blank(data[from:start]) {
		start = from
	}
	eaten := lineBreak.Find(data[end:])
	if !last.TrimRight {
		eaten = nil
	}
	end += len(eaten)
	// blanks that a tag behind takes away, because a tag or a line end stands before
	if m := trimsLeft.FindIndex(data[end:]); m != nil && (eaten != nil || last.End == end) {
		end += m[1] - len("<%-")
		if from := s.trimmable(start); from < start && blank(data[from:start]) {
			s.clash = true // it would take others away
		}
		s.edit(start, end, "")
		return
	}
	if eaten != nil {
		s.clash = s.clash || s.ending(start) && lineBreak.Match(data[end:])
		s.edit(start, end, "")
		return
	}
	if s.ending(start) && lineBreak.Match(data[end:]) {
		s.clash = true // it would take the line break behind it away
	}
	next := f.LineEnd(end)
	joined := line >= 2 && strings.HasSuffix(strings.TrimRight(string(data[:line]), "\r\n"), `\`) || s.begun(line)
	if !alone || !blank(data[end:next]) || joined {
		s.edit(start, end, "")
		return
	}
	// the tags printed an empty line; of two that meet now, one is enough
	before, behind := line == 0 || blankLine(f, line-1), next < len(data) && blankLine(f, next)
	switch {
	case before && behind:
		next = f.LineEnd(next)
	case before && next == len(data) && line > 0:
		line = f.LineStart(line - 1)
	}
	s.edit(line, next, "")
}

// begun says whether what is printed of the line at an offset may begin in a line
// before: a tag took the end of that away.
func (s *fold) begun(line int) bool {
	return slices.ContainsFunc(s.t.Segments, func(g erb.Segment) bool {
		return g.TrimRight && g.End < line && string(lineBreak.Find(s.t.File.Data[g.End:])) == string(s.t.File.Data[g.End:line])
	})
}

// ending says whether a tag that takes a line break away ends at an offset.
func (s *fold) ending(at int) bool {
	return slices.ContainsFunc(s.t.Segments, func(g erb.Segment) bool { return g.TrimRight && g.End == at })
}

var trimsLeft = search.MustCompile(`^[ \t]*<%-`)

// trimmable is where blanks begin that a <%- at an offset takes away: at the start
// of a line, or behind another tag, as ERB scans.
func (s *fold) trimmable(at int) int {
	from := s.t.File.LineStart(at)
	for _, g := range s.t.Segments {
		if g.Start >= at {
			break
		}
		if g.Kind != erb.Text && g.End <= at {
			from = max(from, g.End)
		}
	}
	return from
}

// lineBreak is what a tag that ends in -%> takes with it.
var lineBreak = search.MustCompile(`^\r?\n`)

func blank(b []byte) bool { return strings.TrimSpace(string(b)) == "" }

// blankLine says whether the line of an offset is empty.
func blankLine(f *source.File, at int) bool { return blank(f.Data[f.LineStart(at):f.LineEnd(at)]) }

// head is a tag that opens an arm and does nothing else.
type head struct {
	tag  erb.Segment
	cond *ruby.Node // nil for else
	// keyword is if, unless, elsif or else; at is where it stands.
	keyword string
	at      int
}

var (
	keywordForm = search.MustCompile(`^\s*(if|unless|elsif|else|end)\b`)
	elseForm    = search.MustCompile(`^\s*(?:else|end)\s*(?:#[^\n]*)?$`)
	givenForm   = search.MustCompile(`^if_p\s*\(?\s*(?:'([^']+)'|"([^"]+)")\s*\)?\s*(?:do|\{)\s*(?:\|\s*(\w+)\s*\|)?$`)
)

// tagEnding finds the tag that ends at an offset.
func (s *fold) tagEnding(end int) (erb.Segment, bool) {
	for _, g := range s.t.Segments {
		if g.End == end && g.Kind == erb.Code {
			return g, true
		}
	}
	return erb.Segment{}, false
}

// heads reads the tags of a block; whole is false where one does more.
func (s *fold) heads(b *erb.Block) (heads []head, end erb.Segment, whole bool) {
	data := s.t.File.Data
	for _, a := range b.Arms {
		tag, ok := s.tagEnding(a.Start)
		code := string(data[tag.CodeStart:tag.CodeEnd])
		m := keywordForm.FindStringSubmatchIndex(code)
		if !ok || m == nil {
			return nil, end, false
		}
		h := head{tag: tag, keyword: code[m[2]:m[3]], at: tag.CodeStart + m[2]}
		if h.keyword == "else" {
			if !elseForm.MatchString(code) {
				return nil, end, false
			}
			heads = append(heads, h)
			continue
		}
		text := code
		if h.keyword == "elsif" {
			text = code[:m[2]] + "   if" + code[m[3]:]
		}
		// the condition at its place in the template
		padded := append([]byte(strings.Repeat(" ", tag.CodeStart)), text...)
		tree := ruby.Parse(append(padded, "\nend"...))
		if len(tree.Args) != 1 || tree.Args[0].Kind != ruby.If || len(tree.Args[0].Arms) != 1 || tree.Args[0].Text == "?" || len(tree.Args[0].Arms[0].Body.Args) > 0 || tree.Args[0].Arms[0].Cond.Start < tree.Args[0].Start {
			return nil, end, false
		}
		h.cond = tree.Args[0].Arms[0].Cond
		heads = append(heads, h)
	}
	end, ok := s.tagEnding(b.End)
	return heads, end, ok && elseForm.MatchString(string(data[end.CodeStart:end.CodeEnd]))
}

// block folds a block of several tags.
func (s *fold) block(b *erb.Block) {
	if b.Kind == erb.IfP {
		s.given(b)
		return
	}
	if b.Kind != erb.If && b.Kind != erb.Unless {
		return
	}
	heads, end, whole := s.heads(b)
	if !whole {
		for _, u := range s.asks {
			for _, a := range b.Arms {
				if tag, ok := s.tagEnding(a.Start); ok && tag.Start <= u.Start && u.End <= tag.End && s.failed[u] == "" {
					s.failed[u] = "the tag holds more than the condition"
				}
			}
		}
		return
	}
	var kept []int
	last := false
	for i, h := range heads {
		t := yes
		if h.cond != nil {
			if t = maybe; s.decided(h.cond) {
				t = s.truth(h.cond)
			}
			if h.keyword == "unless" {
				t = t.Not()
			}
		}
		if t == no {
			continue
		}
		kept = append(kept, i)
		if t == yes {
			last = true
			break
		}
	}
	if len(kept) == len(heads) && !(last && heads[len(heads)-1].keyword != "else") {
		return // nothing of it is decided
	}
	tags := make([]erb.Segment, 0, len(heads)+1)
	for _, h := range heads {
		tags = append(tags, h.tag)
	}
	tags = append(tags, end)
	for i := range heads {
		if !slices.Contains(kept, i) {
			s.dead = append(s.dead, [2]int{b.Arms[i].Start, b.Arms[i].End})
		}
	}
	switch {
	case len(kept) == 0:
		s.cut(tags[0], end)
	case len(kept) == 1 && last:
		s.cut(tags[0], tags[kept[0]])
		s.cut(tags[kept[0]+1], end)
		s.join()
	default:
		s.chain(heads, tags, kept, last)
	}
	if s.clash {
		s.edits, s.dead, s.clash = nil, nil, false
		s.fail(s.useIn(heads), "a tag beside it trims blanks that would stay otherwise")
	}
}

// join makes one edit of two that meet or overlap: an arm that prints nothing.
func (s *fold) join() {
	n := len(s.edits)
	if n >= 2 && s.edits[n-2].End > s.edits[n-1].Start {
		s.edits[n-2].End = max(s.edits[n-2].End, s.edits[n-1].End)
		s.edits = s.edits[:n-1]
	}
}

// chain shortens an if with other conditions.
func (s *fold) chain(heads []head, tags []erb.Segment, kept []int, last bool) {
	for i := 0; i < len(heads); i++ {
		if slices.Contains(kept, i) {
			continue
		}
		to := i + 1
		for to < len(heads) && !slices.Contains(kept, to) {
			to++
		}
		if tags[i].TrimLeft != tags[to].TrimLeft {
			s.edits, s.dead = nil, nil
			s.failed[s.useIn(heads)] = "the tags of its arms trim blanks in different ways"
			return
		}
		s.edit(tags[i].Start, tags[to].Start, "")
		i = to - 1
	}
	if h := heads[kept[0]]; h.keyword == "elsif" {
		s.edit(h.at, h.at+len("elsif"), "if")
	}
	if h := heads[kept[len(kept)-1]]; last && h.keyword == "elsif" {
		s.edit(h.at, h.tag.CodeEnd, "else ")
	}
}

// useIn is the first use in the conditions of a block.
func (s *fold) useIn(heads []head) *ruby.Node {
	for _, u := range s.asks {
		for _, h := range heads {
			if h.tag.Start <= u.Start && u.End <= h.tag.End {
				return u
			}
		}
	}
	return nil
}

// given folds if_p: the property has a default, so there is a value.
func (s *fold) given(b *erb.Block) {
	data := s.t.File.Data
	open, ok := s.tagEnding(b.Arms[0].Start)
	if !ok {
		return
	}
	m := givenForm.FindStringSubmatch(open.Code(s.t))
	if m == nil || m[1]+m[2] != s.property {
		return
	}
	arm := b.Arms[0]
	if m[3] != "" && search.MustCompile(`\b`+m[3]+`\b`).Match(s.src[arm.Start:arm.End]) {
		return
	}
	end, ok := s.tagEnding(b.End)
	if closing := strings.TrimSpace(string(data[end.CodeStart:end.CodeEnd])); !ok || closing != "end" && closing != "}" {
		return
	}
	then := end
	if len(b.Arms) > 1 {
		if then, ok = s.tagEnding(b.Arms[1].Start); !ok || len(b.Arms) > 2 || !strings.HasPrefix(then.Code(s.t), "end.else do") {
			return
		}
		s.dead = append(s.dead, [2]int{b.Arms[1].Start, b.Arms[1].End})
	}
	s.cut(open, open)
	s.cut(then, end)
	s.join()
}
