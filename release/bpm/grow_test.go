package bpm

import (
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestGrowing holds that templates which double a value in every line stay
// small: without a bound each of them would come to 2^60 items.
func TestGrowing(t *testing.T) {
	for _, line := range []string{"x = x + x\n", "x << x\n", "x = [x, x]\n", "x = x || [x]\n", "x = { 'processes' => [x, x] }\n", "s = \"#{s}#{s}\"\nx = [s]\n", "x += x if p('x')\n"} {
		text := "<%\ns = 'a'\nx = ['a']\n" + strings.Repeat(line, 60) + "%><%= YAML.dump('processes' => [{ 'name' => 'a', 'args' => x }]) %>"
		d, err := Read(&source.File{Name: "bpm.yml.erb", Data: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		d.Problems("web")
		count := 0
		for _, p := range d.Processes() {
			p.Scalars(func([]string, *Node) { count++ })
		}
		if count > 1_000_000 {
			t.Errorf("%q comes to %d values", line, count)
		}
	}
}
