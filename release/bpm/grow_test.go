package bpm

import (
	"strings"
	"testing"
	"time"

	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// TestGrowing holds that templates which double a value in every line are read
// in no time.
func TestGrowing(t *testing.T) {
	for _, line := range []string{"x = x + x\n", "x << x\n", "x = [x, x]\n", "x = x || [x]\n", "x = { 'processes' => [x, x] }\n", "s = \"#{s}#{s}\"\nx = [s]\n", "x += x if p('x')\n"} {
		start := time.Now()
		text := "<%\ns = 'a'\nx = ['a']\n" + strings.Repeat(line, 60) + "%><%= YAML.dump('processes' => [{ 'name' => 'a', 'args' => x }]) %>"
		d, err := Read(&source.File{Name: "bpm.yml.erb", Data: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		d.Problems("web")
		for _, p := range d.Processes() {
			p.Scalars(func([]string, *Node) {})
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q takes %s", line, took)
		}
	}
}
