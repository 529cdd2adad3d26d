package bpm

import "testing"

// TestText holds which expressions are printed without to_s, and that what is
// called on one of them is called on all of it.
func TestText(t *testing.T) {
	for code, want := range map[string]string{
		`"http://" + p("a")`:                    `"http://" + p("a")`,
		`p("a").to_s + ":" + p("b").to_s`:       `p("a").to_s + ":" + p("b").to_s`,
		`p("a").map { |x| "-x #{x}" }.join " "`: `(p("a").map { |x| "-x #{x}" }.join " ").to_s`,
		`p("a").gsub(":", ",")`:                 `p("a").gsub(":", ",")`,
		`p("a") + "x"`:                          `(p("a") + "x").to_s`,
		`"a" + x ? 1 : 2`:                       `("a" + x ? 1 : 2).to_s`,
		`"a" + x || y`:                          `("a" + x || y).to_s`,
		`"a" * 2`:                               `("a" * 2).to_s`,
		`x if "a" + y`:                          `(x if "a" + y).to_s`,
		`p("a")`:                                `p("a").to_s`,
	} {
		if got := stringExpr(Ruby(code)); got != want {
			t.Errorf("%s: %s, not %s", code, got, want)
		}
	}
	held := Item{Value: Ruby(`"-a " + p("b")`), List: true, Held: true}
	if got, want := listExpr(held), `("-a " + p("b")).split`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
