package claim

import "testing"

// Each path of a statement keeps its own reason, whatever stands beside it.
func TestAnd(t *testing.T) {
	c := And(MadeByBPM("/var/vcap/store/web"), OnlyOld("/var/vcap/sys/tmp/web"), MadeByBPM("/var/vcap/data/web"))
	if want := "bpm makes /var/vcap/store/web, /var/vcap/data/web with the right owner; only the old script used /var/vcap/sys/tmp/web"; c.String() != want {
		t.Errorf("the sentence is %q, not %q", c, want)
	}
	for p, want := range map[string]Kind{"/var/vcap/data/web": Made, "/var/vcap/sys/tmp/web/": Unused, "/var/vcap/sys/tmp": None} {
		if got, _ := c.Of(p); got != want {
			t.Errorf("of %s it says %q, not %q", p, got, want)
		}
	}
	if _, sentence := c.Of("/var/vcap/data/web"); sentence != "bpm makes /var/vcap/data/web with the right owner" {
		t.Errorf("of one path it says %q", sentence)
	}
}
