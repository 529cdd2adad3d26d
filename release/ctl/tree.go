package ctl

import (
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// NodeKind is what a Node stands for.
type NodeKind int

const (
	// Leaf is one command.
	Leaf NodeKind = iota
	// If is a condition that only the VM can decide; Head is its text.
	If
	// AndOr is X && Y or X || Y, undecided; Cond holds X, Body Y, Op the sign.
	AndOr
	// Loop is a loop whose rounds only the VM knows; Head is "for x in y" or
	// "while x".
	Loop
	// Case is a case whose value only the VM knows; Arms has the bodies and
	// Patterns what they stand for.
	Case
	// Call is a function, Source a sourced file, Run a script or a command
	// string that runs as a process of its own: Body is what it does.
	Call
	Source
	Run
	// Group is a list in braces or parentheses, Pipe a pipeline.
	Group
	Pipe
	// ERB is a Ruby block; Arms has what stands in its arms, Arms[-1] what
	// runs when none of them is rendered.
	Block
)

// Node is a piece of the start path as a start runs it: what was decided is
// gone, functions and scripts stand where they are called.
type Node struct {
	Kind    NodeKind
	Command *Command // of a leaf, and what calls, sources or runs
	Span    source.Span
	// Text is the source of the whole construct, Head that of a condition or
	// of what a loop goes over; known values stand for their variables.
	Text, Head string
	Op         string
	Cond, Body []*Node
	Else       []*Node
	Block      *erb.Block
	Arms       map[int][]*Node
	Patterns   []string
	// Redirs are the redirections of the whole construct, as they are written.
	Redirs string
	// Subshell says that a group has a process of its own.
	Subshell bool
	// Refs and Calls are the variables and functions that Head needs.
	Refs, Calls []string
	// Script is where the node stands.
	Script *Script
}

// Walk visits the commands of the tree in the order in which they run.
func Walk(nodes []*Node, visit func(n *Node)) {
	for _, n := range nodes {
		visit(n)
		Walk(n.Cond, visit)
		Walk(n.Body, visit)
		Walk(n.Else, visit)
		for i := -1; i < 1000; i++ {
			arm, ok := n.Arms[i]
			if !ok && i >= len(n.Arms) {
				break
			}
			Walk(arm, visit)
		}
	}
}
