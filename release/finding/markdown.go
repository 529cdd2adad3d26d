package finding

import (
	"fmt"
	"strings"
)

// Text is the whole entry for a terminal, in lines of at most width characters.
func (e Entry) Text(width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", e.ID, e.Severity)
	wrap(&b, "  ", e.Title+".", width)
	part := func(head, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n  %s\n", head)
			for _, paragraph := range strings.Split(text, "\n\n") {
				wrap(&b, "    ", paragraph, width)
			}
		}
	}
	code := func(head, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n  %s\n", head)
			for _, l := range strings.Split(text, "\n") {
				b.WriteString(strings.TrimRight("    "+l, " ") + "\n")
			}
		}
	}
	part("Why it matters", e.Why)
	part("What to do", e.Do)
	code("Before", e.Before)
	code("After", e.After)
	b.WriteString("\n  Sources\n")
	for _, s := range e.Sources {
		fmt.Fprintf(&b, "    %s\n", s)
	}
	fmt.Fprintf(&b, "    %s\n", e.URL())
	return b.String()
}

func wrap(b *strings.Builder, indent, text string, width int) {
	line := indent
	for _, w := range strings.Fields(text) {
		if len(line)+len(w) > width && strings.TrimSpace(line) != "" {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += w + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// Markdown is what stands below the entry's heading in docs/findings.md.
func (e Entry) Markdown() string {
	var b strings.Builder
	severity := e.Severity.String()
	fmt.Fprintf(&b, "**%s.** %s.\n", strings.ToUpper(severity[:1])+severity[1:], e.Title)
	part := func(head, text string) {
		if text == "" {
			return
		}
		for i, paragraph := range strings.Split(text, "\n\n") {
			if i == 0 {
				paragraph = "**" + head + "** " + paragraph
			}
			b.WriteString("\n")
			wrap(&b, "", paragraph, 80)
		}
	}
	code := func(head, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n%s\n\n```\n%s\n```\n", head, text)
		}
	}
	part("Why it matters:", e.Why)
	part("What to do:", e.Do)
	code("Before:", e.Before)
	code("After:", e.After)
	if len(e.Sources) > 0 {
		b.WriteString("\nSources:\n")
		for _, s := range e.Sources {
			if strings.HasPrefix(s, "https://") {
				s = "<" + s + ">"
			}
			fmt.Fprintf(&b, "- %s\n", s)
		}
	}
	return b.String()
}
