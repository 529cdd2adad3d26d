package commands

import (
	"bytes"
	"strings"
	"testing"
)

// TestNoRuby runs the program where there is no ruby: what needs it says so and
// how to get it, and the conversion does without.
func TestNoRuby(t *testing.T) {
	before, after := example(t), example(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv(noVerifyVariable, "")
	main := func(args ...string) (status int, stdout, stderr string) {
		var out, err bytes.Buffer
		status = Main(args, strings.NewReader(""), &out, &err)
		return status, out.String(), err.String()
	}
	const advice = "apt-get install ruby"
	status, stdout, stderr := main("verify", "--before", before, after)
	if status != 1 || !strings.Contains(stderr, advice) || stdout != "" {
		t.Errorf("verify: exit %d, stderr %q, stdout %q", status, stderr, stdout)
	}
	was := tree(t, after)
	status, _, stderr = main("release", "--force", "--verify", after)
	if status != 1 || !strings.Contains(stderr, advice) {
		t.Errorf("release --verify: exit %d, stderr %q", status, stderr)
	}
	if now := tree(t, after); len(now) != len(was) {
		t.Error("release --verify writes without a proof")
	}
	status, stdout, stderr = main("release", "--force", after)
	if status != 0 || !strings.HasSuffix(stdout, "\nNot proven: ruby is not installed.\n") {
		t.Errorf("release: exit %d, stderr %q, stdout %q", status, stderr, stdout)
	}
	if _, ok := tree(t, after)["jobs/website/templates/bpm.yml.erb"]; !ok {
		t.Error("release converts nothing without ruby")
	}
}
