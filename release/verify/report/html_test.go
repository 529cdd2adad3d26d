package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

// TestPages reads every page as strict XML: what is not closed or not escaped is
// an error.
func TestPages(t *testing.T) {
	for name, r := range results(t) {
		t.Run(name, func(t *testing.T) {
			page := pageOf(t, name, r)
			ids := map[string]bool{}
			var anchors []string
			d := xml.NewDecoder(bytes.NewReader(page))
			for {
				token, err := d.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				e, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				switch e.Name.Local {
				case "script", "link", "img", "iframe", "object", "embed", "base", "form":
					t.Errorf("element %s", e.Name.Local)
				}
				for _, a := range e.Attr {
					switch {
					case a.Name.Local == "id":
						if ids[a.Value] {
							t.Errorf("two elements have the id %s", a.Value)
						}
						ids[a.Value] = true
					case a.Name.Local == "href" && strings.HasPrefix(a.Value, "#"):
						anchors = append(anchors, a.Value[1:])
					case a.Name.Local == "href":
						if e.Name.Local != "a" || !strings.HasPrefix(a.Value, finding.Page+"#") {
							t.Errorf("link to %s", a.Value)
						}
					case strings.HasPrefix(a.Name.Local, "on"), a.Name.Local == "src", a.Name.Local == "style":
						t.Errorf("attribute %s", a.Name.Local)
					}
				}
			}
			for _, a := range anchors {
				if !ids[a] {
					t.Errorf("#%s leads nowhere", a)
				}
			}
			if bytes.Contains(page, []byte("ZgotmplZ")) {
				t.Error("html/template refused a value")
			}
		})
	}
	if strings.Contains(pageStyle, "url(") || strings.Contains(pageStyle, "@import") {
		t.Error("the style asks for something that is not in the page")
	}
}

// TestEveryStatementIsColoured finds the bytes of every row of the ledger in the
// page, in the colour of the innermost one.
func TestEveryStatementIsColoured(t *testing.T) {
	for name, r := range results(t) {
		t.Run(name, func(t *testing.T) {
			seen := colours(t, pageOf(t, name, r))
			views := newPage(r, Options{}).Jobs
			for n, j := range r.Jobs {
				if j.Conversion == nil {
					continue
				}
				v := views[n]
				covered := 0
				all := markings(j.Conversion.Ledger)
				for i, m := range all {
					var want strings.Builder
					for o, k := range m.at {
						c := m.file.Data[o]
						if k != nil && !strings.ContainsRune(" \t\r\n", rune(c)) {
							fmt.Fprintf(&want, "%s:%c ", k.Class(), c)
							covered++
						}
					}
					var got strings.Builder
					for _, c := range seen[v.Old[i].ID] {
						for _, b := range []byte(c.text) {
							if !strings.ContainsRune(" \t\r\n", rune(b)) {
								fmt.Fprintf(&got, "%s:%c ", c.class, b)
							}
						}
					}
					if got.String() != want.String() {
						t.Errorf("%s: the page has\n%s\nand not\n%s", m.file.Name, got.String(), want.String())
					}
				}
				for _, row := range j.Conversion.Ledger {
					f, at := row.Span.File.Original(row.Span.Start)
					for _, m := range all {
						if m.file == f && m.at[at] == nil {
							t.Errorf("%s has no colour", row.Span)
						}
					}
				}
				if len(j.Conversion.Ledger) > 0 && covered == 0 {
					t.Error("nothing is coloured")
				}
			}
		})
	}
}

type coloured struct{ class, text string }

// colours reads the marked text of each file from a page.
func colours(t *testing.T, page []byte) map[string][]coloured {
	out := map[string][]coloured{}
	d := xml.NewDecoder(bytes.NewReader(page))
	file, depth := "", 0
	class := ""
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			c := ""
			for _, a := range e.Attr {
				switch {
				case a.Name.Local == "id" && strings.Contains(a.Value, ".old"):
					file = a.Value[:strings.LastIndexByte(a.Value, '.')]
				case a.Name.Local == "id":
					file = ""
				case a.Name.Local == "class":
					c = a.Value
				}
			}
			if class != "" {
				depth++
			} else if strings.HasPrefix(c, "mark to-") {
				class, depth = strings.TrimPrefix(c, "mark to-"), 1
			}
		case xml.EndElement:
			if class != "" {
				if depth--; depth == 0 {
					class = ""
				}
			}
		case xml.CharData:
			if class != "" {
				out[file] = append(out[file], coloured{class, string(e)})
			}
		}
	}
}

// TestHostileText looks for the text that must not become markup, and for the
// same text as text.
func TestHostileText(t *testing.T) {
	page := string(pageOf(t, "hostile", hostile(converted(t, written(t, "hostile", hostileScript)))))
	for _, bad := range []string{"<script", "onmouseover='x'", `onclick="x`, "<img", "<!-- -->"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the text is not shown")
	}
}

// TestFoldedLines shows that only lines without a statement of the start path are
// folded.
func TestFoldedLines(t *testing.T) {
	r := converted(t, written(t, "long", long()))
	c := r.Jobs[0].Conversion
	m := markings(c.Ledger)[0]
	folded, last := 0, 0
	for _, b := range markedLines(m.file, m) {
		if b.From() != last+1 {
			t.Errorf("line %d follows line %d", b.From(), last)
		}
		last = b.To()
		if !b.Folded {
			continue
		}
		folded++
		for _, l := range b.Lines {
			for _, p := range l.Pieces {
				if p.Class != "" && p.Class != "idle" {
					t.Errorf("line %d is folded", l.Number)
				}
			}
		}
	}
	if folded != 2 || last != strings.Count(string(m.file.Data), "\n") {
		t.Errorf("%d blocks are folded, the last line is %d", folded, last)
	}
}

// TestControlCharacters shows that bytes that no page may hold do not get lost
// without a sign.
func TestControlCharacters(t *testing.T) {
	r := byHand()
	r.Jobs[0].New[0].Data = []byte("check a\xff\x00\x1b\ufffeb\n")
	if page := pageOf(t, "control", r); !bytes.Contains(page, []byte(" a��␛�b<")) {
		t.Errorf("not shown")
	}
}

func TestSides(t *testing.T) {
	show := func(ws []diffWord) string {
		var b strings.Builder
		for _, w := range ws {
			if w.Changed {
				b.WriteString("[" + w.Text + "]")
			} else {
				b.WriteString(w.Text)
			}
		}
		return b.String()
	}
	for _, c := range []struct{ before, after, wantBefore, wantAfter string }{
		{"a b c", "a x c", "a [b] c", "a [x] c"},
		{"a", "", "a", ""},
		{"a b", "a b -p c", "a b", "a b[ -p c]"},
		{strings.Repeat("x ", 5000), "y", "", "[y]"},
	} {
		p := sides(c.before, c.after)
		if got := show(p.After); got != c.wantAfter {
			t.Errorf("after: got %q, want %q", got, c.wantAfter)
		}
		if got := show(p.Before); c.wantBefore != "" && got != c.wantBefore {
			t.Errorf("before: got %q, want %q", got, c.wantBefore)
		}
	}
}

// TestContrast computes WCAG's contrast of every pair of colours that text is
// written in; AA asks for 4.5.
func TestContrast(t *testing.T) {
	dark := strings.Index(pageStyle, "@media screen")
	light := variables(pageStyle[:dark])
	both := variables(pageStyle[dark:strings.Index(pageStyle, "* { box-sizing")])
	for name, value := range light {
		if _, ok := both[name]; !ok {
			both[name] = value
		}
	}
	for scheme, v := range map[string]map[string]string{"light": light, "dark": both} {
		pairs := [][2]string{{"changed-ink", "changed"}}
		for _, d := range destinations {
			pairs = append(pairs, [2]string{d.Class + "-ink", d.Class})
			if d.Class != "idle" {
				pairs = append(pairs, [2]string{"ruby", d.Class})
			}
		}
		for _, s := range []verify.Status{verify.Same, verify.Explained, verify.Unexplained, verify.NotRun} {
			c := chipOf(s).Class
			pairs = append(pairs, [2]string{c + "-ink", c})
		}
		for _, text := range []string{"ink", "muted", "link", "comment", "ruby", "key", "same-ink"} {
			for _, ground := range []string{"paper", "soft"} {
				pairs = append(pairs, [2]string{text, ground})
			}
		}
		for _, text := range []string{"ink", "muted", "comment", "ruby", "key"} {
			pairs = append(pairs, [2]string{text, "added"}, [2]string{text, "gone"})
		}
		for _, p := range pairs {
			ground := v[p[1]]
			if ground == "transparent" {
				ground = v["paper"]
			}
			if c := contrast(t, v[p[0]], ground); c < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f", scheme, p[0], p[1], c)
			}
		}
	}
}

func variables(css string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{6}|transparent);`).FindAllStringSubmatch(css, -1) {
		out[m[1]] = m[2]
	}
	return out
}

func contrast(t *testing.T, a, b string) float64 {
	luminance := func(s string) float64 {
		if len(s) != 7 {
			t.Fatalf("no colour: %q", s)
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}
