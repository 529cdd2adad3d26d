// Package ruby reads the Ruby that stands in job templates: literals of hashes
// and lists, assignments, conditions, calls. It never executes anything.
//
// The parser is tolerant: a statement that it does not understand becomes a Bad
// node with its place, and the next line is read as if nothing had happened.
// It knows the part of Ruby that templates use, not the language; what a tree
// means is decided elsewhere (release/bpm).
package ruby

// Kind is what a node is.
type Kind int

const (
	// Bad is a statement that was not understood.
	Bad Kind = iota
	// Str is a string: Text, or Parts where something is put in.
	Str
	// Sym is a symbol.
	Sym
	// Num is a number, as it is written.
	Num
	True
	False
	Nil
	// Array has its items in Args, Hash its entries in Pairs.
	Array
	Hash
	// Name is a local variable, a constant, or a call without arguments.
	Name
	// Call is Recv.Text(Args) with a Block; Recv is nil for a function.
	Call
	// Index is Recv[Args].
	Index
	// Binary is Recv Text Args[0]; Not is !Args[0].
	Binary
	Not
	// Splat is *Args[0] or **Args[0].
	Splat
	// Assign is Recv Text Args[0], Text being =, +=, ||= and the like. With the
	// Text "," it gives values to all of Params.
	Assign
	// If has its arms in Arms; so has Case. Loop runs Block any number of times.
	If
	Case
	Loop
	// Def is a method Text with Params and Block.
	Def
	// Body is a sequence of statements in Args.
	Body
	// Other is an expression that has no value we care for: a regexp, a lambda.
	Other
)

// Node is a piece of Ruby. Start and End are byte offsets.
type Node struct {
	Kind       Kind
	Start, End int
	Text       string
	Recv       *Node
	Args       []*Node
	Parts      []*Node
	Pairs      []Pair
	Arms       []Arm
	Block      *Block
	Params     []string
}

// Pair is an entry of a hash. Key is nil for **other.
type Pair struct {
	Key, Value *Node
}

// Arm is a branch of if or case; Cond is nil for else.
type Arm struct {
	Cond *Node
	Body *Node
}

// Block is what a call is given in braces or do ... end.
type Block struct {
	Params []string
	Body   *Node
}

// Walk visits a tree from the top; it goes below a node when visit says so.
func Walk(n *Node, visit func(*Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	Walk(n.Recv, visit)
	for _, a := range n.Args {
		Walk(a, visit)
	}
	for _, a := range n.Parts {
		Walk(a, visit)
	}
	for _, p := range n.Pairs {
		Walk(p.Key, visit)
		Walk(p.Value, visit)
	}
	for _, a := range n.Arms {
		Walk(a.Cond, visit)
		Walk(a.Body, visit)
	}
	if n.Block != nil {
		Walk(n.Block.Body, visit)
	}
}
