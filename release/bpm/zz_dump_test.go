package bpm

import (
	"fmt"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"os"
	"strings"
	"testing"
)

func show(n *Node, ind string) {
	if n == nil {
		fmt.Println("nil")
		return
	}
	switch n.Kind {
	case Map:
		fmt.Printf("map open=%v\n", n.Open)
		for _, f := range n.Fields {
			fmt.Printf("%s%s%v (%d): ", ind, f.Key, f.Arms, f.Span.Start)
			show(f.Value, ind+"  ")
		}
	case List:
		fmt.Printf("list open=%v\n", n.Open)
		for _, f := range n.Items {
			fmt.Printf("%s- %v", ind, f.Arms)
			show(f.Node, ind+"  ")
		}
	case Choice:
		fmt.Printf("choice\n")
		for _, f := range n.Alternatives {
			fmt.Printf("%s| ", ind)
			show(f, ind+"  ")
		}
	default:
		fmt.Printf("%d %s %q [%s]\n", n.Kind, n.Type, n.Value.String(), n.Span.Text())
	}
}
func TestDump(t *testing.T) {
	for _, p := range strings.Fields(os.Getenv("DUMP")) {
		data, _ := os.ReadFile(p)
		d, err := Read(&source.File{Name: p, Data: data})
		if err != nil {
			fmt.Println("ERR", err)
			continue
		}
		fmt.Println("=====", p, d.Format, "complete", d.Complete(), len(d.Processes()))
		for _, u := range d.Unread {
			fmt.Println("UNREAD", u.Span, u.Why, u.Span.Text())
		}
		if os.Getenv("DUMPALL") != "" {
			show(d.Root, "  ")
		}
	}
}
