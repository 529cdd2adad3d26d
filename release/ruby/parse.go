package ruby

import "strings"

// maxDepth bounds how deep expressions may nest.
const maxDepth = 200

// Parse reads the statements of src. Nothing is an error: what is not
// understood is a Bad node in the result.
func Parse(src []byte) *Node {
	p := &parser{src: src, locals: map[string]bool{}}
	body := &Node{Kind: Body, End: len(src)}
	for p.at < len(p.src) {
		body.Args = append(body.Args, p.statements()...)
		if p.at < len(p.src) {
			// an end or a brace that belongs to nothing we read
			if w := p.peekWord(); w != "" {
				p.at += len(w)
			} else {
				p.at++
			}
		}
	}
	return body
}

type parser struct {
	src   []byte
	at    int
	depth int
	// failed is set where an expression is not understood.
	failed bool
	locals map[string]bool
	// heredocs wait for the end of the line.
	heredocs []*heredoc
	// flat says that a do belongs to somebody else: while x do. listed says that
	// a comma does: it separates arguments.
	flat, listed int
}

type heredoc struct {
	node *Node
	name string
	raw  bool
}

func (p *parser) byte(n int) byte {
	if p.at+n < len(p.src) && p.at+n >= 0 {
		return p.src[p.at+n]
	}
	return 0
}

func (p *parser) has(s string) bool {
	return strings.HasPrefix(string(p.src[p.at:min(len(p.src), p.at+len(s))]), s)
}

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// blanks skips blanks, and comments up to the end of the line.
func (p *parser) blanks() {
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case c == ' ' || c == '\t' || c == '\r':
			p.at++
		case c == '\\' && p.byte(1) == '\n':
			p.at += 2
		case c == '#':
			for p.at < len(p.src) && p.src[p.at] != '\n' {
				p.at++
			}
		default:
			return
		}
	}
}

// newline steps over a line end and what waits for it.
func (p *parser) newline() {
	p.at++
	for _, h := range p.heredocs {
		p.heredocBody(h)
	}
	p.heredocs = nil
}

// lines skips blanks, comments and line ends.
func (p *parser) lines() {
	for {
		p.blanks()
		if p.at < len(p.src) && p.src[p.at] == '\n' {
			p.newline()
			continue
		}
		return
	}
}

// peekWord gives the identifier here, with a trailing ? or !.
func (p *parser) peekWord() string {
	c := p.byte(0)
	if !isWord(c) || isDigit(c) {
		return ""
	}
	end := p.at
	for end < len(p.src) && isWord(p.src[end]) {
		end++
	}
	if end < len(p.src) && (p.src[end] == '?' || p.src[end] == '!') && !(end+1 < len(p.src) && p.src[end+1] == '=') {
		// a?b:c is a ternary, a? b is a question
		if p.src[end] == '!' || !(end+1 < len(p.src) && (isWord(p.src[end+1]) || p.src[end+1] == '"' || p.src[end+1] == '\'')) {
			end++
		}
	}
	return string(p.src[p.at:end])
}

func (p *parser) word(words ...string) bool {
	w := p.peekWord()
	for _, want := range words {
		if w == want {
			// a label is no keyword
			if p.byte(len(w)) == ':' && p.byte(len(w)+1) != ':' && w != "else" {
				return false
			}
			return true
		}
	}
	return false
}

// statements reads up to a word that ends or divides a block, or a brace.
func (p *parser) statements() []*Node {
	var all []*Node
	listed := p.listed
	p.listed = 0
	defer func() { p.listed = listed }()
	for {
		p.lines()
		if p.at >= len(p.src) {
			return all
		}
		if p.byte(0) == ';' {
			p.at++
			continue
		}
		if p.byte(0) == '}' || p.byte(0) == ')' || p.byte(0) == ']' || p.word("end", "else", "elsif", "when", "in", "rescue", "ensure") {
			return all
		}
		start := p.at
		n := p.statement()
		if !p.failed {
			p.blanks()
			if c := p.byte(0); p.at < len(p.src) && c != '\n' && c != ';' && c != '}' && c != ')' && !p.word("end", "else", "elsif", "when", "rescue", "ensure", "do", "then") {
				p.failed = true
			}
		}
		if p.failed {
			p.failed = false
			p.recover(start)
			n = &Node{Kind: Bad, Start: start, End: p.at, Text: string(p.src[start:p.at])}
		}
		all = append(all, n)
	}
}

// recover goes to the end of the line on which reading stopped.
func (p *parser) recover(start int) {
	for p.at < len(p.src) && p.src[p.at] != '\n' && p.src[p.at] != ';' {
		p.at++
	}
	if p.at == start {
		p.at++
	}
}

// statement is an expression with the modifiers behind it.
func (p *parser) statement() *Node {
	n := p.expression()
	for !p.failed {
		p.blanks()
		start := n.Start
		switch {
		case p.word("if", "unless"):
			p.at += len(p.peekWord())
			cond := p.expression()
			n = &Node{Kind: If, Start: start, End: p.at, Arms: []Arm{{cond, n}}}
		case p.word("while", "until"):
			p.at += len(p.peekWord())
			cond := p.expression()
			n = &Node{Kind: Loop, Start: start, End: p.at, Args: []*Node{cond}, Block: &Block{Body: n}}
		case p.word("rescue"):
			p.at += len("rescue")
			p.expression()
		default:
			return n
		}
	}
	return n
}

// expression includes assignments and the words and, or, not.
func (p *parser) expression() *Node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.failed = true
		return p.bad(p.at)
	}
	p.blanks()
	start := p.at
	if p.word("not") {
		p.at += 3
		n := p.expression()
		return &Node{Kind: Not, Start: start, End: p.at, Args: []*Node{n}}
	}
	n := p.assignment()
	for !p.failed {
		p.blanks()
		if !p.word("and", "or") {
			return n
		}
		op := map[string]string{"and": "&&", "or": "||"}[p.peekWord()]
		p.at += len(p.peekWord())
		p.lines()
		r := p.assignment()
		n = &Node{Kind: Binary, Text: op, Start: start, End: p.at, Recv: n, Args: []*Node{r}}
	}
	return n
}

func (p *parser) bad(start int) *Node { return &Node{Kind: Bad, Start: start, End: p.at} }

var assignments = []string{"||=", "&&=", "<<=", "**=", "+=", "-=", "*=", "/=", "|=", "&=", "%=", "="}

func (p *parser) assignment() *Node {
	start := p.at
	n := p.ternary()
	if p.failed {
		return n
	}
	p.blanks()
	if p.byte(0) == ',' && n.Kind == Name && p.listed == 0 && p.multiple() {
		// a, b = ...: which gets what is not followed
		names := &Node{Kind: Assign, Text: ",", Start: start, Recv: n}
		for p.at < len(p.src) && p.byte(0) != '=' {
			if w := p.peekWord(); w != "" {
				names.Params = append(names.Params, w)
				p.locals[w] = true
				p.at += len(w)
				continue
			}
			p.at++
		}
		names.Params = append(names.Params, n.Text)
		p.locals[n.Text] = true
		p.at++
		p.lines()
		names.Args = []*Node{p.expression()}
		for p.blanks(); p.byte(0) == ',' && !p.failed; p.blanks() {
			p.at++
			p.lines()
			names.Args = append(names.Args, p.ternary())
		}
		names.End = p.at
		return names
	}
	if n.Kind != Name && n.Kind != Index && n.Kind != Call {
		return n
	}
	for _, op := range assignments {
		if !p.has(op) || op == "=" && (p.byte(1) == '=' || p.byte(1) == '~' || p.byte(1) == '>') {
			continue
		}
		p.at += len(op)
		p.lines()
		if n.Kind == Name {
			p.locals[n.Text] = true
		}
		p.listed++ // no second list of names
		r := p.expressionWithRescue()
		p.listed--
		p.blanks()
		if p.byte(0) == ',' && p.listed == 0 {
			// a = 1, 2 is a list
			list := &Node{Kind: Array, Start: r.Start, Args: []*Node{r}}
			for p.byte(0) == ',' && !p.failed {
				p.at++
				p.lines()
				list.Args = append(list.Args, p.ternary())
				p.blanks()
			}
			list.End = p.at
			r = list
		}
		return &Node{Kind: Assign, Text: op, Start: start, End: r.End, Recv: n, Args: []*Node{r}}
	}
	return n
}

// multiple says whether a list of names and an = stand here.
func (p *parser) multiple() bool {
	for i := p.at; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case isWord(c) || c == ',' || c == ' ' || c == '*':
		case c == '=':
			return i+1 < len(p.src) && p.src[i+1] != '=' && p.src[i+1] != '>'
		default:
			return false
		}
	}
	return false
}

func (p *parser) expressionWithRescue() *Node {
	start := p.at
	n := p.assignment()
	if p.failed {
		return n
	}
	p.blanks()
	if !p.word("rescue") {
		return n
	}
	p.at += len("rescue")
	p.expression()
	return &Node{Kind: Other, Start: start, End: p.at}
}

func (p *parser) ternary() *Node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.failed = true
		return p.bad(p.at)
	}
	p.blanks()
	start := p.at
	n := p.binary(0)
	p.blanks()
	if p.failed || p.byte(0) != '?' {
		return n
	}
	p.at++
	p.lines()
	then := p.assignment()
	p.lines()
	if p.failed || p.byte(0) != ':' {
		p.failed = true
		return n
	}
	p.at++
	p.lines()
	other := p.assignment()
	return &Node{Kind: If, Text: "?", Start: start, End: p.at, Arms: []Arm{{n, then}, {nil, other}}}
}

// operators by binding, weakest first.
var operators = [][]string{
	{"...", ".."}, {"||"}, {"&&"}, {"<=>", "===", "==", "=~", "!=", "!~"}, {"<=", ">=", "<", ">"}, {"|", "^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}, {"**"},
}

func (p *parser) operator(level int) string {
	for _, op := range operators[level] {
		if !p.has(op) {
			continue
		}
		next := p.byte(len(op))
		switch {
		case next == '=' && op != "==" && op != "<=" && op != ">=" && op != "!=" && op != "===": // += and the like, or a longer one
			if strings.Contains("|| && << + - * / % | & **", op) {
				continue
			}
		case (op == "|" || op == "&" || op == "*" || op == "<" || op == ">") && next == op[0]:
			continue
		case op == "&" && next == '.':
			continue
		}
		return op
	}
	return ""
}

func (p *parser) binary(level int) *Node {
	if level == len(operators) {
		return p.unary()
	}
	p.blanks()
	start := p.at
	n := p.binary(level + 1)
	for !p.failed {
		p.blanks()
		op := p.operator(level)
		if op == "" {
			return n
		}
		p.at += len(op)
		p.lines()
		r := p.binary(level + 1)
		n = &Node{Kind: Binary, Text: op, Start: start, End: p.at, Recv: n, Args: []*Node{r}}
	}
	return n
}

func (p *parser) unary() *Node {
	p.blanks()
	start := p.at
	switch c := p.byte(0); {
	case c == '!' && p.byte(1) != '=' && p.byte(1) != '~':
		p.depth++
		defer func() { p.depth-- }()
		if p.depth > maxDepth {
			p.failed = true
			return p.bad(start)
		}
		p.at++
		n := p.unary()
		return &Node{Kind: Not, Start: start, End: p.at, Args: []*Node{n}}
	case c == '-' && isDigit(p.byte(1)):
		p.at++
		n := p.postfix()
		if n.Kind == Num {
			n.Text = "-" + n.Text
		}
		n.Start = start
		return n
	case c == '*' || c == '&' && p.byte(1) != '&':
		p.at++
		if c == '*' && p.byte(0) == '*' {
			p.at++
		}
		n := p.postfix()
		return &Node{Kind: Splat, Text: string(c), Start: start, End: p.at, Args: []*Node{n}}
	}
	return p.postfix()
}
