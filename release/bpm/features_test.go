package bpm

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFeatures holds the table against the schema and its own order.
func TestFeatures(t *testing.T) {
	var last []int
	for _, f := range Features {
		var version []int
		for _, part := range strings.Split(f.Since, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				t.Errorf("%s: %v", f.What, err)
			}
			version = append(version, n)
		}
		if slices.Compare(last, version) > 0 {
			t.Errorf("%s (%s) stands in the wrong place", f.What, f.Since)
		}
		last = version
		keys := processKeys
		for _, name := range strings.Split(f.Keys, ".") {
			if f.Keys == "" {
				break
			}
			i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
			if i < 0 {
				t.Fatalf("%s is no key of bpm", f.Keys)
			}
			keys = keys[i].of
		}
	}
}
