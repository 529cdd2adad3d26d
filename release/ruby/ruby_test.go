package ruby

import (
	"strings"
	"testing"
)

// outline is a short form of a tree for tests.
func outline(n *Node) string {
	if n == nil {
		return "-"
	}
	list := func(all []*Node) string {
		var parts []string
		for _, a := range all {
			parts = append(parts, outline(a))
		}
		return strings.Join(parts, " ")
	}
	block := ""
	if n.Block != nil {
		block = " {" + strings.Join(n.Block.Params, ",") + "| " + outline(n.Block.Body) + "}"
	}
	switch n.Kind {
	case Bad:
		return "BAD"
	case Str:
		if len(n.Parts) > 0 {
			return "\"" + list(n.Parts) + "\""
		}
		return "'" + n.Text + "'"
	case Sym:
		return ":" + n.Text
	case Num, Name:
		return n.Text
	case True:
		return "true"
	case False:
		return "false"
	case Nil:
		return "nil"
	case Array:
		return "[" + list(n.Args) + "]"
	case Hash:
		var parts []string
		for _, p := range n.Pairs {
			if p.Key == nil {
				parts = append(parts, "**"+outline(p.Value))
				continue
			}
			parts = append(parts, outline(p.Key)+"=>"+outline(p.Value))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case Call:
		recv := ""
		if n.Recv != nil {
			recv = outline(n.Recv) + "."
		}
		return recv + n.Text + "(" + list(n.Args) + ")" + block
	case Index:
		return outline(n.Recv) + "[" + list(n.Args) + "]"
	case Binary:
		return "(" + outline(n.Recv) + n.Text + outline(n.Args[0]) + ")"
	case Not:
		return "!" + outline(n.Args[0])
	case Splat:
		return "*" + outline(n.Args[0])
	case Assign:
		if n.Text == "," {
			return strings.Join(n.Params, ",") + "=" + list(n.Args)
		}
		return outline(n.Recv) + n.Text + outline(n.Args[0])
	case If, Case:
		var parts []string
		for _, a := range n.Arms {
			parts = append(parts, outline(a.Cond)+"?"+outline(a.Body))
		}
		return "if(" + strings.Join(parts, " ") + ")"
	case Loop:
		return "loop(" + list(n.Args) + block + ")"
	case Def:
		return "def " + n.Text + "(" + strings.Join(n.Params, ",") + ")" + block
	case Body:
		return list(n.Args)
	}
	return "other"
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{`a = { 'b' => 1, "c" => [true, nil], d: :e, :f => x, "g": 2 }`, `a={'b'=>1 'c'=>[true nil] :d=>:e :f=>x :g=>2}`},
		{`a['b'][0]["c"] = "x#{p('y')}z"`, `a['b'][0]['c']="'x' p('y') 'z'"`},
		{"a << 1\na += [2]\na ||= []", "(a<<1) a+=[2] a||=[]"},
		{"x = p('a') if p('b')", "if(p('b')?x=p('a'))"},
		{"if a\n  b\nelsif c then d\nelse\n  e\nend", "if(a?b c?d -?e)"},
		{"unless a.empty?\n  b\nend", "if(a.empty?()?b)"},
		{"case p('x').downcase\nwhen 'a', 'b'\n  1\nelse\n  2\nend", "if('a'?1 -?2)"},
		{"if_p('x') do |v|\n  y\nend.else do\n  z\nend", "if_p('x') {v| y}.else() {| z}"},
		{"if_p('x') { |v| y }.else_if_link('db') { |l| z }", "if_p('x') {v| y}.else_if_link('db') {l| z}"},
		{"(1..p('n')).each do |i|\n  a << i\nend", "(1..p('n')).each() {i| (a<<i)}"},
		{"def f(a, b = 1)\n  a\nend\nf 1, 2", "def f(a,b) {| a} f(1 2)"},
		{"x = a ? 'b' : 'c'", "x=if(a?'b' -?'c')"},
		{"a ? b = 1 : b = 2", "if(a?b=1 -?b=2)"},
		{"_, n = x.find do |k, v|\n  v\nend", "n,_=x.find() {k,v| v}"},
		{"a = b\n  .map { |x| x }\n  .join(',')", "a=b.map() {x| x}.join(',')"},
		{"%w[-a -b] + %q(c)", "(['-a' '-b']+'c')"},
		{"f(**h, 'a' => 1)", "f({**h 'a'=>1})"},
		{"[*a, 'b']", "[*a 'b']"},
		{"x = <<~EOS\n  text end\nEOS\ny = 1", "x='text end' y=1"},
		{"# if\na = 1 # do\n", "a=1"},
		{"matched = /(^\\/a[^\\/]*)\\/.*/.match(x)", "matched=other.match(x)"},
		{"YAML.dump({ 'a' => 'b' })", "YAML.dump({'a'=>'b'})"},
		{"require 'yaml'", "require('yaml')"},
		{"a ~~ 1\nb = 2", "BAD b=2"},
		{"raise 'x' unless p('a').is_a?(Integer) || p('a') <= 0", "if((p('a').is_a?(Integer)||(p('a')<=0))?raise('x'))"},
		{"while x do\n  y\nend", "loop(x {| y})"},
		{"\"#{a.map { |x| \"#{x}:1}\" }.join(',')}\"", `"a.map() {x| "x ':1}'"}.join(',')"`},
		{"end\na = 1", "a=1"},
	} {
		t.Run(c.code, func(t *testing.T) {
			if got := outline(Parse([]byte(c.code))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// FuzzParse holds that parsing ends, never panics, and keeps to the text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a = {", "((((", "%w[", "\"#{", "<<~X", "do end", "x.y { |a", "a ? b : ", "[1,", "-> {", "@a", "a,b=1,2", "if if if"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		Walk(Parse([]byte(code)), func(n *Node) bool {
			if n.Start < 0 || n.End > len(code) {
				t.Errorf("%d to %d lies outside of %d bytes", n.Start, n.End, len(code))
			}
			return true
		})
	})
}
