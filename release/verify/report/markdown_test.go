package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
)

var (
	entity  = regexp.MustCompile(`&(#\d+|amp|lt|gt);`)
	escaped = regexp.MustCompile(`\\[[:punct:]]`)
	codes   = regexp.MustCompile("`[^`\n]*`|<code>[^<`]*</code>")
	tags    = regexp.MustCompile(`<[^>]*>`)
	linked  = regexp.MustCompile(`\]\(([^)]*)\)`)
)

// TestTables counts the columns of every table, as GitHub does: a pipe ends a
// cell unless there is a backslash in front, even in code.
func TestTables(t *testing.T) {
	for name, r := range results(t) {
		t.Run(name, func(t *testing.T) {
			columns, details := 0, 0
			for n, line := range strings.Split(markdownOf(t, name, r), "\n") {
				details += strings.Count(line, "<details>") - strings.Count(line, "</details>")
				if !strings.HasPrefix(line, "| ") {
					columns = 0
					continue
				}
				got := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1
				if columns == 0 {
					columns = got
				}
				if got != columns {
					t.Errorf("line %d has %d columns and not %d: %s", n+1, got, columns, line)
				}
			}
			if details != 0 {
				t.Errorf("%d details are not closed", details)
			}
		})
	}
}

// TestNothingIsMarkup takes out what the program writes itself, code and escaped
// signs: what is left of a hostile text must not mean anything.
func TestNothingIsMarkup(t *testing.T) {
	text := markdownOf(t, "hostile", hostile(converted(t, written(t, "hostile", hostileScript))))
	for _, m := range linked.FindAllStringSubmatch(text, -1) {
		if _, ok := finding.Lookup(strings.TrimPrefix(m[1], finding.Page+"#")); !ok {
			t.Errorf("link to %s", m[1])
		}
	}
	for n, line := range strings.Split(text, "\n") {
		line = linked.ReplaceAllString(line, "]")
		line = codes.ReplaceAllString(line, "")
		line = entity.ReplaceAllString(line, "")
		line = escaped.ReplaceAllString(line, "")
		for _, tag := range tags.FindAllString(line, -1) {
			switch tag {
			case "<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>", "<span>", "</span>", "<!-- -->":
			default:
				t.Errorf("line %d has the tag %s", n+1, tag)
			}
		}
		for _, bad := range []string{"`", "@team", "#12", "$x", "alert(1)</"} {
			if strings.Contains(line, bad) {
				t.Errorf("line %d: %s means something: %s", n+1, bad, line)
			}
		}
	}
}

func TestTextAndCode(t *testing.T) {
	for _, c := range []struct{ in, text, code string }{
		{"plain", "plain", "`plain`"},
		{"env_name and _x_", `env_name and \_x\_`, "`env_name and _x_`"},
		{"a|b", `a\|b`, "<code>a&#124;b</code>"},
		{"a`b", "a\\`b", "<code>a&#96;b</code>"},
		{`a\|b`, `a\\\|b`, "<code>a&#92;&#124;b</code>"},
		{"<b>&", "&lt;b&gt;&amp;", "`<b>&`"},
		{"two\nlines", "two lines", "`two ⏎ lines`"},
		{"@me #1 C#", "@<!-- -->me #<!-- -->1 C#", "`@me #1 C#`"},
		{"$HOME", "<span>$</span>HOME", "`$HOME`"},
	} {
		if got := mdText(c.in); got != c.text {
			t.Errorf("text of %q: got %q, want %q", c.in, got, c.text)
		}
		if got := mdCode(c.in); got != c.code {
			t.Errorf("code of %q: got %q, want %q", c.in, got, c.code)
		}
	}
}

// TestGitHubLimit makes releases that grow: what is told gets less, and the
// overview stays.
func TestGitHubLimit(t *testing.T) {
	seen := map[string]bool{}
	for _, jobs := range []int{1, 8, 12, 40, 400} {
		r := &verify.Result{Release: "big"}
		for i := range jobs {
			for _, j := range converted(t, example).Jobs {
				j.Name = fmt.Sprint("job", i)
				r.Jobs = append(r.Jobs, j)
			}
		}
		text := markdownOf(t, "limit", r)
		if n := utf8.RuneCountInString(text); n > githubLimit {
			t.Errorf("%d jobs make %d characters", jobs, n)
		}
		if !strings.Contains(text, fmt.Sprintf("| `job%d` |", jobs-1)) {
			t.Errorf("the overview of %d jobs is cut", jobs)
		}
		out := ""
		for _, l := range left {
			if strings.Contains(text, "Left out, because GitHub would not take it: "+l+".") {
				out = l
			}
		}
		seen[out] = true
	}
	if len(seen) < 4 {
		t.Errorf("left out were %v", seen)
	}
}

func TestHeadline(t *testing.T) {
	job := func(s verify.Status, same int, ds ...verify.Status) *verify.Job {
		j := &verify.Job{Status: s, Compared: same, Cases: []verify.Case{{}}}
		for _, d := range ds {
			j.Differences = append(j.Differences, verify.Difference{Row: verify.Row{Status: d}})
		}
		return j
	}
	for _, c := range []struct {
		want string
		jobs []*verify.Job
	}{
		{"No job was compared.", nil},
		{"No job was compared.", []*verify.Job{{Status: verify.Same}}},
		{"Every process sees what it saw before: 1,234 comparisons, no difference.", []*verify.Job{job(verify.Same, 1234)}},
		{"Nothing changed without a reason: 1 difference in 1 of 2 jobs, each explained.", []*verify.Job{job(verify.Same, 1), job(verify.Explained, 1, verify.Explained)}},
		{"1 difference has no explanation. 2 other differences are explained.", []*verify.Job{job(verify.Unexplained, 1, verify.Unexplained, verify.Explained, verify.Explained)}},
		{"1 job is not proven, because no case ran. 1 difference is explained.", []*verify.Job{{Status: verify.NotRun}, job(verify.Explained, 1, verify.Explained)}},
		{"1 job is not proven, because no case ran.", []*verify.Job{{Status: verify.NotRun}, job(verify.Same, 1)}},
	} {
		if got := headline(&verify.Result{Jobs: c.jobs}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAgreements(t *testing.T) {
	rows := [][]verify.Row{
		{{Aspect: "env:B", Status: verify.Same}, {Aspect: "argv", Status: verify.Same}, {Aspect: "env:A", Status: verify.Same}, {Aspect: "user", Status: verify.Explained}},
		{{Aspect: "argv", Status: verify.Same}, {Aspect: "env:B", Status: verify.Same}, {Aspect: "new:x", Status: verify.Same}},
	}
	got := fmt.Sprint(agreements(rows))
	if want := "[{arguments [] 2} {environment [B] 2} {environment [A] 1} {other [new:x] 1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestInnermost lays statements over each other: a byte has the colour of the
// innermost one, whatever the order of the rows.
func TestInnermost(t *testing.T) {
	f := &source.File{Name: "ctl", Data: []byte("if x; then\n  y; z\nfi\n")}
	rows := []convert.Row{
		{Span: source.Span{File: f, Start: 13, End: 14}, To: convert.ToBPM, Note: "y"},
		{Span: source.Span{File: f, Start: 0, End: 20}, To: convert.ToPreStart, Note: "if"},
		{Span: source.Span{File: f, Start: 16, End: 17}, To: convert.Dropped, Note: "z"},
		{Span: source.Span{File: f, Start: 16, End: 17}, To: convert.ToWrapper, Note: "z for another"},
	}
	m := markings(rows)[0]
	got := ""
	for _, k := range m.at {
		switch {
		case k == nil:
			got += "-"
		default:
			got += k.to[0].Letter
		}
	}
	if want := strings.Repeat("P", 13) + "BPPWPPP-"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	lines := markedLines(f, m)[0].Lines
	letters := func(l codeLine) (s string) {
		for _, d := range l.Letters {
			s += d.Letter
		}
		return s
	}
	if letters(lines[0]) != "P" || letters(lines[1]) != "BW×" || letters(lines[2]) != "" {
		t.Errorf("letters %s, %s, %s", letters(lines[0]), letters(lines[1]), letters(lines[2]))
	}
}

func TestLines(t *testing.T) {
	f := &source.File{Name: "ctl", Data: []byte("a\n\n# c\nb\nX\na\na \\\n 2\nY\na\n")}
	row := func(text, note string, from int) convert.Row {
		at := from + strings.Index(string(f.Data[from:]), text)
		return convert.Row{Span: source.Span{File: f, Start: at, End: at + len(text)}, To: convert.Dropped, Note: note}
	}
	rows := []convert.Row{row("a", "n", 0), row("b", "n", 0), row("X", "o", 0), row("a\n", "n", 9), row("a \\\n 2", "n", 0), row("Y", "o", 0), row("a\n", "n", 20)}
	got := ""
	for _, w := range wents(f, rows) {
		got += w.Note + " " + w.Lines() + "\n"
	}
	if want := "n 1–4, 6–8, 10\no 5, 9\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
