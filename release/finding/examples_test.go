package finding_test

import (
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
)

// TestExamples holds that the examples of bpm.yml are what bpm takes.
func TestExamples(t *testing.T) {
	n := 0
	for _, e := range finding.All() {
		key, _, _ := strings.Cut(e.After, ":")
		switch key {
		case "executable", "capabilities", "env", "limits", "unsafe", "additional_volumes", "shutdown_signal":
		default:
			continue
		}
		n++
		text := e.After
		if key != "executable" {
			text = "executable: /x\n" + text
		}
		text = "processes:\n- name: web\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n"
		if err := bpm.Validate([]byte(text)); err != nil {
			t.Errorf("%s: %v\n%s", e.ID, err, text)
		}
	}
	if n < 8 {
		t.Errorf("only %d examples", n)
	}
}
