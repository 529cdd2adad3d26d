package ruby

import "strings"

// postfix reads an operand with the calls and indexes behind it.
func (p *parser) postfix() *Node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.failed = true
		return p.bad(p.at)
	}
	p.blanks()
	n := p.primary()
	for !p.failed {
		space := p.at
		p.blanks()
		spaced := p.at > space
		switch c := p.byte(0); {
		case c == '[' && (!spaced || n.Kind != Call && !(n.Kind == Name && !p.locals[n.Text])):
			n = p.index(n)
		case c == '.' && p.byte(1) != '.', c == '&' && p.byte(1) == '.':
			p.at++
			if c == '&' {
				p.at++
			}
			n = p.method(n)
		case c == ':' && p.byte(1) == ':':
			p.at += 2
			n = p.method(n)
		case c == '{' && (n.Kind == Call || n.Kind == Name && !p.locals[n.Text]) && n.Block == nil:
			n = p.block(n)
		case p.flat == 0 && p.word("do") && (n.Kind == Call || n.Kind == Name) && n.Block == nil:
			n = p.block(n)
		case c == '\n':
			// a call may go on with .method on the next line
			at, waiting := p.at, len(p.heredocs)
			if waiting > 0 {
				return n
			}
			p.lines()
			if p.byte(0) == '.' && p.byte(1) != '.' || p.byte(0) == '&' && p.byte(1) == '.' {
				continue
			}
			p.at = at
			return n
		default:
			p.at = space
			return n
		}
	}
	return n
}

func (p *parser) index(recv *Node) *Node {
	n := &Node{Kind: Index, Start: recv.Start, Recv: recv}
	p.at++
	n.Args = p.list(']')
	n.End = p.at
	return n
}

// list reads comma separated expressions up to a closing mark. Entries of a
// hash without braces become one Hash.
func (p *parser) list(end byte) []*Node {
	flat := p.flat
	p.flat = 0
	defer func() { p.flat = flat }()
	var all []*Node
	var hash *Node
	for !p.failed {
		p.lines()
		if p.byte(0) == end {
			p.at++
			return all
		}
		if p.at >= len(p.src) {
			p.failed = true
			return all
		}
		n, pair := p.argument()
		if pair != nil {
			if hash == nil {
				hash = &Node{Kind: Hash, Start: n.Start}
				all = append(all, hash)
			}
			hash.Pairs = append(hash.Pairs, *pair)
			hash.End = p.at
		} else {
			all = append(all, n)
		}
		p.lines()
		if p.byte(0) == ',' {
			p.at++
			continue
		}
		if p.byte(0) != end {
			p.failed = true
		}
	}
	return all
}

// argument reads an expression or an entry of a hash.
func (p *parser) argument() (*Node, *Pair) {
	p.blanks()
	start := p.at
	if key := p.label(); key != nil {
		p.lines()
		if c := p.byte(0); c == ',' || c == '}' || c == ')' {
			return key, &Pair{key, &Node{Kind: Name, Text: key.Text, Start: key.Start, End: key.End}}
		}
		v := p.argumentValue()
		return key, &Pair{key, v}
	}
	if p.has("**") {
		p.at += 2
		v := p.ternary()
		return v, &Pair{nil, v}
	}
	n := p.argumentValue()
	p.blanks()
	if !p.failed && p.has("=>") {
		p.at += 2
		p.lines()
		v := p.argumentValue()
		return n, &Pair{n, v}
	}
	n.Start = min(n.Start, start)
	return n, nil
}

func (p *parser) argumentValue() *Node {
	p.listed++
	defer func() { p.listed-- }()
	return p.assignment()
}

// label reads k: or "k": and gives the key.
func (p *parser) label() *Node {
	start := p.at
	if w := p.peekWord(); w != "" && p.byte(len(w)) == ':' && p.byte(len(w)+1) != ':' {
		p.at += len(w) + 1
		return &Node{Kind: Sym, Text: w, Start: start, End: p.at - 1}
	}
	if c := p.byte(0); c == '"' || c == '\'' {
		end := start + 1
		for end < len(p.src) && p.src[end] != c && p.src[end] != '\n' && p.src[end] != '\\' && p.src[end] != '#' {
			end++
		}
		if end+1 < len(p.src) && p.src[end] == c && p.src[end+1] == ':' && !(end+2 < len(p.src) && p.src[end+2] == ':') {
			n := &Node{Kind: Sym, Text: string(p.src[start+1 : end]), Start: start, End: end + 1}
			p.at = end + 2
			return n
		}
	}
	return nil
}

// method reads the name and the arguments of a call.
func (p *parser) method(recv *Node) *Node {
	p.lines()
	n := &Node{Kind: Call, Start: recv.Start, Recv: recv}
	if p.byte(0) == '(' { // a lambda: f.(x)
		n.Text = "call"
	} else {
		w := p.peekWord()
		if w == "" {
			p.failed = true
			return n
		}
		p.at += len(w)
		n.Text = w
	}
	p.arguments(n)
	n.End = p.at
	return n
}

// arguments reads (a, b), or a, b without parentheses where that is what
// follows.
func (p *parser) arguments(n *Node) {
	if p.byte(0) == '(' {
		p.at++
		n.Args = p.list(')')
		return
	}
	if !p.command() {
		return
	}
	for !p.failed {
		a, pair := p.argument()
		if pair != nil {
			if last := len(n.Args) - 1; last >= 0 && n.Args[last].Kind == Hash && n.Args[last].Text == "bare" {
				n.Args[last].Pairs = append(n.Args[last].Pairs, *pair)
			} else {
				n.Args = append(n.Args, &Node{Kind: Hash, Text: "bare", Start: a.Start, End: p.at, Pairs: []Pair{*pair}})
			}
		} else {
			n.Args = append(n.Args, a)
		}
		at := p.at
		p.blanks()
		if p.byte(0) != ',' {
			p.at = at
			return
		}
		p.at++
		p.lines()
	}
}

// command says whether arguments without parentheses follow a name.
func (p *parser) command() bool {
	if c := p.byte(0); c != ' ' && c != '\t' {
		return false
	}
	at := p.at
	defer func() { p.at = at }()
	p.blanks()
	c, next := p.byte(0), p.byte(1)
	switch {
	case c == '"' || c == '\'':
		return true
	case isWord(c):
		return !p.word("if", "unless", "while", "until", "do", "and", "or", "then", "rescue", "end", "in")
	case c == ':' && (isWord(next) || next == '"'):
		return true
	case c == '[' || c == '-' && next == '>' || c == '(':
		return true
	case c == '*' || c == '&' || c == '-':
		return next != ' ' && next != '=' && next != c && next != '.'
	case c == '%':
		return (next == 'w' || next == 'q' || next == 'Q') && !isWord(p.byte(2)) && p.byte(2) != ' '
	case c == '<' && next == '<':
		return p.byte(2) == '~' || p.byte(2) == '-'
	}
	return false
}

// block reads { |x| ... } or do |x| ... end behind a call.
func (p *parser) block(call *Node) *Node {
	if call.Kind == Name {
		call.Kind = Call
	}
	brace := p.byte(0) == '{'
	if brace {
		p.at++
	} else {
		p.at += 2
	}
	flat := p.flat
	p.flat = 0
	defer func() { p.flat = flat }()
	b := &Block{Params: p.params('|')}
	start := p.at
	b.Body = &Node{Kind: Body, Start: start, Args: p.statements()}
	b.Body.End = p.at
	p.closeBlock(brace, b.Body)
	call.Block = b
	call.End = p.at
	return call
}

// closeBlock steps over the end of a block; rescue and ensure belong to it.
func (p *parser) closeBlock(brace bool, body *Node) {
	for {
		switch {
		case brace && p.byte(0) == '}':
			p.at++
			return
		case !brace && p.word("end"):
			p.at += len("end")
			return
		case p.word("rescue", "ensure", "else") && !brace:
			for p.at < len(p.src) && p.byte(0) != '\n' && p.byte(0) != ';' {
				p.at++
			}
			body.Args = append(body.Args, p.statements()...)
		default:
			p.failed = true
			return
		}
	}
}

// params reads |a, (b, c)| and makes the names local.
func (p *parser) params(mark byte) []string {
	p.blanks()
	if p.byte(0) != mark {
		return nil
	}
	p.at++
	end := mark
	if mark == '(' {
		end = ')'
	}
	var names []string
	for p.at < len(p.src) && p.byte(0) != end && p.byte(0) != '\n' {
		w := p.peekWord()
		switch {
		case w != "":
			names = append(names, w)
			p.locals[w] = true
			p.at += len(w)
			// a default goes up to the next comma
			p.blanks()
			if p.byte(0) == '=' {
				for p.at < len(p.src) && p.byte(0) != ',' && p.byte(0) != end && p.byte(0) != '\n' {
					p.at++
				}
			}
		default:
			p.at++
		}
	}
	if p.byte(0) == end {
		p.at++
	}
	return names
}

func (p *parser) primary() *Node {
	start := p.at
	if p.at >= len(p.src) {
		p.failed = true
		return p.bad(start)
	}
	switch c := p.src[p.at]; {
	case c == '"' || c == '`':
		return p.adjacent(p.quoted(c, 0, true))
	case c == '\'':
		return p.adjacent(p.quoted(c, 0, false))
	case isDigit(c):
		return p.number()
	case c == ':' && p.byte(1) == '"':
		p.at++
		n := p.quoted('"', 0, true)
		n.Kind, n.Start = Sym, start
		return n
	case c == ':' && isWord(p.byte(1)):
		p.at++
		w := p.peekWord()
		if w == "" {
			p.failed = true
			return p.bad(start)
		}
		p.at += len(w)
		return &Node{Kind: Sym, Text: w, Start: start, End: p.at}
	case c == '[':
		p.at++
		n := &Node{Kind: Array, Start: start, Args: p.list(']')}
		n.End = p.at
		return n
	case c == '{':
		return p.hash()
	case c == '(':
		p.at++
		flat := p.flat
		p.flat = 0
		body := &Node{Kind: Body, Start: start, Args: p.statements()}
		p.flat = flat
		if p.byte(0) != ')' {
			p.failed = true
			return body
		}
		p.at++
		body.End = p.at
		if len(body.Args) == 1 {
			return body.Args[0]
		}
		return body
	case c == '%' && (strings.IndexByte("wWiIqQr", p.byte(1)) >= 0 && !isWord(p.byte(2)) && p.byte(2) > ' ' || strings.IndexByte("({[<|!", p.byte(1)) >= 0):
		return p.percent()
	case c == '/':
		n := p.quoted('/', 0, true)
		for strings.IndexByte("imxounse", p.byte(0)) >= 0 && p.byte(0) != 0 {
			p.at++
		}
		return &Node{Kind: Other, Start: n.Start, End: p.at}
	case c == '<' && p.byte(1) == '<':
		if n := p.heredocStart(); n != nil {
			return n
		}
	case c == '-' && p.byte(1) == '>':
		p.at += 2
		p.blanks()
		if p.byte(0) == '(' {
			p.params('(')
		}
		p.blanks()
		n := &Node{Kind: Call, Text: "lambda", Start: start, End: p.at}
		if p.byte(0) == '{' || p.word("do") {
			p.block(n)
		}
		return &Node{Kind: Other, Start: start, End: p.at}
	case c == '@' || c == '$':
		p.at++
		for isWord(p.byte(0)) || p.byte(0) == '@' {
			p.at++
		}
		return &Node{Kind: Name, Text: string(p.src[start:p.at]), Start: start, End: p.at}
	case isWord(c):
		return p.name()
	}
	p.failed = true
	return p.bad(start)
}

func (p *parser) hash() *Node {
	n := &Node{Kind: Hash, Start: p.at}
	p.at++
	for _, a := range p.list('}') {
		if a.Kind != Hash {
			p.failed = true
			return n
		}
		n.Pairs = append(n.Pairs, a.Pairs...)
	}
	n.End = p.at
	return n
}

func (p *parser) number() *Node {
	start := p.at
	for isWord(p.byte(0)) || p.byte(0) == '.' && isDigit(p.byte(1)) {
		p.at++
	}
	return &Node{Kind: Num, Text: strings.ReplaceAll(string(p.src[start:p.at]), "_", ""), Start: start, End: p.at}
}

// name reads what begins with a word: a keyword, a variable, a call.
func (p *parser) name() *Node {
	start := p.at
	w := p.peekWord()
	p.at += len(w)
	simple := func(k Kind) *Node { return &Node{Kind: k, Text: w, Start: start, End: p.at} }
	switch w {
	case "true":
		return simple(True)
	case "false":
		return simple(False)
	case "nil":
		return simple(Nil)
	case "if", "unless":
		return p.ifElse(start)
	case "case":
		return p.caseWhen(start)
	case "while", "until", "for":
		return p.loop(start)
	case "def":
		return p.def(start)
	case "begin":
		n := &Node{Kind: Body, Start: start, Args: p.statements()}
		p.closeBlock(false, n)
		n.End = p.at
		return n
	case "return", "break", "next":
		n := &Node{Kind: Call, Text: w, Start: start}
		p.blanks()
		if c := p.byte(0); p.at < len(p.src) && c != '\n' && c != ';' && c != '}' && !p.word("if", "unless", "end") {
			n.Args = []*Node{p.ternary()}
		}
		n.End = p.at
		return n
	case "end", "do", "then", "else", "elsif", "when", "rescue", "ensure", "and", "or", "class", "module":
		p.at = start
		p.failed = true
		return p.bad(start)
	case "lambda", "proc":
		n := simple(Call)
		p.blanks()
		if p.byte(0) == '{' || p.word("do") {
			p.block(n)
		}
		return &Node{Kind: Other, Start: start, End: p.at}
	}
	n := simple(Name)
	if p.locals[w] && p.byte(0) != '(' {
		return n
	}
	if p.byte(0) == '(' || p.command() {
		n.Kind = Call
		p.arguments(n)
		n.End = p.at
	}
	return n
}

func (p *parser) body() *Node {
	n := &Node{Kind: Body, Start: p.at}
	n.Args = p.statements()
	n.End = p.at
	return n
}

func (p *parser) condition() *Node {
	p.flat++
	n := p.expression()
	p.flat--
	p.blanks()
	if p.word("then", "do") {
		p.at += len(p.peekWord())
	}
	return n
}

func (p *parser) ifElse(start int) *Node {
	n := &Node{Kind: If, Start: start}
	n.Arms = append(n.Arms, Arm{Cond: p.condition()})
	for !p.failed {
		n.Arms[len(n.Arms)-1].Body = p.body()
		switch {
		case p.word("elsif"):
			p.at += len("elsif")
			n.Arms = append(n.Arms, Arm{Cond: p.condition()})
		case p.word("else"):
			p.at += len("else")
			n.Arms = append(n.Arms, Arm{})
		case p.word("end"):
			p.at += len("end")
			n.End = p.at
			return n
		default:
			p.failed = true
		}
	}
	return n
}

func (p *parser) caseWhen(start int) *Node {
	n := &Node{Kind: Case, Start: start}
	p.blanks()
	if p.byte(0) != '\n' {
		n.Recv = p.expression()
	}
	p.statements()
	for !p.failed {
		switch {
		case p.word("when", "in"):
			p.at += len(p.peekWord())
			p.flat++
			first := p.ternary()
			for p.blanks(); p.byte(0) == ',' && !p.failed; p.blanks() {
				p.at++
				p.lines()
				p.ternary()
			}
			p.flat--
			if p.word("then") {
				p.at += len("then")
			}
			n.Arms = append(n.Arms, Arm{first, p.body()})
		case p.word("else"):
			p.at += len("else")
			n.Arms = append(n.Arms, Arm{nil, p.body()})
		case p.word("end"):
			p.at += len("end")
			n.End = p.at
			return n
		default:
			p.failed = true
		}
	}
	return n
}

func (p *parser) loop(start int) *Node {
	n := &Node{Kind: Loop, Start: start, Block: &Block{}}
	if string(p.src[start:p.at]) == "for" {
		for p.at < len(p.src) && !p.word("in") && p.byte(0) != '\n' {
			if w := p.peekWord(); w != "" {
				n.Block.Params = append(n.Block.Params, w)
				p.locals[w] = true
				p.at += len(w)
			} else {
				p.at++
			}
		}
		if !p.word("in") {
			p.failed = true
			return n
		}
		p.at += len("in")
	}
	n.Args = []*Node{p.condition()}
	n.Block.Body = p.body()
	p.closeBlock(false, n.Block.Body)
	n.End = p.at
	return n
}

func (p *parser) def(start int) *Node {
	n := &Node{Kind: Def, Start: start, Block: &Block{}}
	p.blanks()
	n.Text = p.peekWord()
	p.at += len(n.Text)
	if n.Text == "" {
		p.failed = true
		return n
	}
	locals := p.locals
	p.locals = map[string]bool{}
	defer func() { p.locals = locals }()
	if p.byte(0) == '(' {
		n.Params = p.params('(')
	} else {
		p.blanks()
		for w := p.peekWord(); w != ""; w = p.peekWord() {
			n.Params = append(n.Params, w)
			p.locals[w] = true
			p.at += len(w)
			for p.byte(0) == ' ' || p.byte(0) == ',' {
				p.at++
			}
		}
	}
	n.Block.Body = p.body()
	p.closeBlock(false, n.Block.Body)
	n.End = p.at
	return n
}
