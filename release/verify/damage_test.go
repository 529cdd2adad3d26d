package verify

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// damage is one change to one file of a converted job that a process, or what
// runs before it, would notice.
type damage struct {
	// kind is what was done: "arg dropped", "limit changed".
	kind string
	file string
	// what is the place and the text that was there.
	what string
	was  string
	data []byte
}

func (d damage) String() string { return fmt.Sprintf("%s: %s: %s", d.kind, d.file, d.what) }

// damages are all that can be done to the files of a converted job: its bpm.yml,
// pre-start, hooks, wrappers, monit file and spec. before is the job as it was.
func damages(t *testing.T, j, before *release.Job) []damage {
	t.Helper()
	var all []damage
	var config *source.File
	for _, tpl := range j.Spec.Templates {
		if path.Clean(tpl.Target) == "config/bpm.yml" {
			config, _ = j.Release.Read(j.TemplateName(tpl.Source))
		}
	}
	if config == nil {
		return nil
	}
	all = append(all, configDamages(config, j.Name)...)
	spec, err := j.Release.Read(j.Dir() + "/spec")
	if err != nil {
		t.Fatal(err)
	}
	for _, tpl := range j.Spec.Templates {
		target := path.Clean(tpl.Target)
		started := target == "bin/pre-start" || bytes.Contains(config.Data, []byte("/var/vcap/jobs/"+j.Name+"/"+target))
		f, err := j.Release.Read(j.TemplateName(tpl.Source))
		if err != nil || !started && target != "config/bpm.yml" {
			continue
		}
		if strings.HasPrefix(target, "bin/") {
			all = append(all, scriptDamages(f)...)
		}
		line := regexp.MustCompile(`(?m)^\s+['"]?` + regexp.QuoteMeta(tpl.Source) + `['"]?:\s.*\n`)
		if at := line.FindIndex(spec.Data); at != nil && target != "config/bpm.yml" {
			all = append(all, replaced(spec, "template dropped from the spec", at[0], at[1], ""))
		}
	}
	old := oldText(before)
	all = slices.DeleteFunc(all, func(d damage) bool { return d.kind == "value unquoted" && unquotedBefore(d.was, old) })
	return append(all, monitDamages(j.Monit)...)
}

// oldText are the templates that run on the old side.
func oldText(j *release.Job) string {
	var out strings.Builder
	for _, f := range startFiles(j) {
		out.Write(f.Data)
	}
	return out.String()
}

var named = regexp.MustCompile(`p\(['"][\w.]+['"]\)`)

// unquotedBefore says that the old script did not quote the value either: there
// the shell read it, and the damaged job is no worse.
func unquotedBefore(text, old string) bool {
	name := named.FindString(text)
	if name == "" {
		return true // not a property: index, name
	}
	inner := regexp.MustCompile(`['"](\S+?)['"]`).FindStringSubmatch(name)[1]
	bare := regexp.MustCompile(`(?m)[^"'=\w]<%=\s*(?:p|properties)[.(]['"]?` + regexp.QuoteMeta(inner) + `\b|^[^"\n]*=<%=\s*(?:p|properties)[.(]['"]?` + regexp.QuoteMeta(inner) + `\b`)
	return bare.MatchString(old)
}

// replaced is the damage of other text in the place of what is there.
func replaced(f *source.File, kind string, start, end int, text string) damage {
	data := slices.Concat(f.Data[:start], []byte(text), f.Data[end:])
	line := f.Position(start).Line
	was, _, more := strings.Cut(strings.TrimSpace(string(f.Data[start:end])), "\n")
	if more {
		was += " ..."
	}
	what := fmt.Sprintf("line %d: %s", line, was)
	if text != "" {
		what += " => " + strings.Join(strings.Fields(text), " ")
	}
	return damage{kind: kind, file: f.Name, what: what, was: string(f.Data[start:end]), data: data}
}

// element is an entry of a list or a mapping in bpm.yml, with the lines that
// belong to it.
type element struct {
	section    string
	start, end int
}

var (
	// header begins a section, in YAML or in a Ruby literal.
	header = regexp.MustCompile(`^(\s*)(- )?['"]?(?:\w+_)?(args|env|limits|additional_volumes|unrestricted_volumes|capabilities|hooks)['"]?(:| =>| =) ?([\[{])?$`)
	single = regexp.MustCompile(`^(\s*)(?:- )?['"]?(executable|workdir|ephemeral_disk|persistent_disk)['"]?(:| =>) (.*?),?$`)
	shovel = regexp.MustCompile(`^\s*\w*args(_item)? (<<|\+=) `)
	assign = regexp.MustCompile(`^\s*\w*env\[['"]\w+['"]\] = `)
)

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// elements reads a bpm.yml as the conversion writes it, line by line.
func elements(f *source.File) []element {
	var all []element
	lines := strings.SplitAfter(string(f.Data), "\n")
	offsets := make([]int, len(lines)+1)
	for i, l := range lines {
		offsets[i+1] = offsets[i] + len(l)
	}
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], "\n")
		switch {
		case shovel.MatchString(line):
			all = append(all, element{"args", offsets[i], offsets[i+1]})
			continue
		case assign.MatchString(line):
			all = append(all, element{"env", offsets[i], offsets[i+1]})
			continue
		}
		if m := single.FindStringSubmatch(line); m != nil {
			all = append(all, element{m[2], offsets[i], offsets[i+1]})
			continue
		}
		m := header.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		depth, ruby := len(m[1]), m[5] != ""
		if m[2] != "" {
			depth += 2
		}
		first, inner := -1, -1
		k := i + 1
		for ; k < len(lines); k++ {
			text := strings.TrimRight(lines[k], "\n")
			at := indent(text)
			if strings.TrimSpace(text) == "" || at < depth || at == depth && (ruby || !strings.HasPrefix(text[at:], "- ")) {
				break
			}
			if inner < 0 {
				inner = at
			}
			closes := strings.Trim(strings.TrimSpace(text), "]}),") == "" || strings.HasPrefix(strings.TrimSpace(text), "})") || strings.HasPrefix(strings.TrimSpace(text), "]")
			if at == inner && !closes {
				if first >= 0 {
					all = append(all, element{m[3], offsets[first], offsets[k]})
				}
				first = k
			}
		}
		if first >= 0 {
			all = append(all, element{m[3], offsets[first], offsets[k]})
		}
		i = k - 1
	}
	return all
}

var (
	literal  = regexp.MustCompile(`^\s*'([^']*)',$`)
	plainArg = regexp.MustCompile(`^\s*- ([^\s"'*&|>{\[#][^#"':]*)$`)
	value    = regexp.MustCompile(`(?:: | => | = )(.+?),?\n$`)
	writable = regexp.MustCompile(`(?m),? ?^? *['"]?writable['"]?(:| =>) true`)
	property = regexp.MustCompile(`^(\s*)(p\(['"][\w.]+['"]\))\.to_s,\n$`)
	number   = regexp.MustCompile(`\d+`)
)

// configDamages are those to bpm.yml.
func configDamages(f *source.File, job string) []damage {
	var all []damage
	list := elements(f)
	text := func(e element) string { return string(f.Data[e.start:e.end]) }
	add := func(kind string, e element, with string) {
		all = append(all, replaced(f, kind, e.start, e.end, with))
	}
	for i, e := range list {
		s := text(e)
		bare := strings.TrimSuffix(s, "\n")
		switch e.section {
		case "args":
			if strings.Count(s, "\n") == 1 {
				add("arg dropped", e, "")
				if i+1 < len(list) && list[i+1].section == "args" && list[i+1].start == e.end && text(list[i+1]) != s && strings.Count(text(list[i+1]), "\n") == 1 {
					next := list[i+1]
					all = append(all, replaced(f, "args swapped", e.start, next.end, text(next)+s))
					a, b := literal.FindStringSubmatch(bare), literal.FindStringSubmatch(strings.TrimSuffix(text(next), "\n"))
					if a != nil && b != nil {
						all = append(all, replaced(f, "args joined", e.start, next.end, strings.Replace(bare, a[1], a[1]+" "+b[1], 1)+"\n"))
					}
					a, b = plainArg.FindStringSubmatch(bare), plainArg.FindStringSubmatch(strings.TrimSuffix(text(next), "\n"))
					if a != nil && b != nil {
						all = append(all, replaced(f, "args joined", e.start, next.end, bare+" "+b[1]+"\n"))
					}
				}
			}
			pad := strings.Repeat(" ", indent(s))
			if m := literal.FindStringSubmatch(bare); m != nil {
				if a, b, ok := strings.Cut(m[1], "="); ok && a != "" {
					add("arg split", e, pad+"'"+a+"',\n"+pad+"'"+b+"',\n")
				}
			}
			if m := plainArg.FindStringSubmatch(bare); m != nil {
				if a, b, ok := strings.Cut(m[1], "="); ok && a != "" && b != "" {
					add("arg split", e, pad+"- "+a+"\n"+pad+"- "+b+"\n")
				}
			}
			if m := property.FindStringSubmatch(s); m != nil {
				add("value unquoted", e, m[1]+"*"+m[2]+".to_s.split,\n")
			}
		case "env":
			if bpmSets(s, job) || strings.Count(s, "\n") != 1 {
				continue
			}
			add("env dropped", e, "")
			if m := value.FindStringSubmatchIndex(s); m != nil {
				add("env changed", e, s[:m[2]]+`"damaged"`+s[m[3]:])
			}
		case "limits":
			add("limit dropped", e, "")
			if m := number.FindStringIndex(s); m != nil {
				add("limit changed", e, s[:m[0]]+"77"+s[m[1]:])
			}
		case "additional_volumes", "unrestricted_volumes":
			add("volume dropped", e, "")
			if m := writable.FindStringIndex(s); m != nil {
				add("volume read-only", e, strings.ReplaceAll(s[:m[0]]+s[m[1]:], "\n\n", "\n"))
			}
		case "capabilities":
			add("capability dropped", e, "")
		case "hooks":
			add("hook dropped", e, "")
		case "ephemeral_disk", "persistent_disk":
			add("disk dropped", e, "")
		case "workdir":
			add("workdir dropped", e, "")
			if m := value.FindStringSubmatchIndex(s); m != nil {
				with := "/var/vcap/jobs"
				if strings.Contains(s, "=>") {
					with = "'" + with + "'"
				}
				add("workdir changed", e, s[:m[2]]+with+s[m[3]:])
			}
		case "executable":
			m := value.FindStringSubmatchIndex(s)
			if m == nil {
				continue
			}
			old := s[m[2]:m[3]]
			if q := old[len(old)-1:]; q == "'" || q == `"` {
				add("executable changed", e, s[:m[3]-1]+"2"+s[m[3]-1:])
			} else if !strings.Contains(old, "%>") && !strings.Contains(s, "=>") {
				add("executable changed", e, s[:m[3]]+"2"+s[m[3]:])
			}
			if pad := strings.Repeat(" ", indent(s)); strings.Contains(s, "=>") {
				add("capability added", e, s+pad+"'capabilities' => ['SYS_ADMIN'],\n")
			} else {
				if strings.HasPrefix(s[indent(s):], "- ") {
					pad += "  "
				}
				add("capability added", e, s+pad+"capabilities: [SYS_ADMIN]\n")
			}
		}
	}
	// a section that is given twice is what YAML and Ruby take the last of
	if bytes.Contains(f.Data, []byte("capabilities")) {
		all = slices.DeleteFunc(all, func(d damage) bool { return d.kind == "capability added" })
	}
	return all
}

// bpmSets says that an entry of env is what bpm gives a process anyway: without
// it nothing is different.
func bpmSets(s, job string) bool {
	for name, v := range map[string]string{"LANG": "en_US.UTF-8", "TMPDIR": "/var/vcap/data/" + job + "/tmp", "HOME": "/var/vcap/data/" + job} {
		if regexp.MustCompile(`\b` + name + `\b.*[\s'"]` + regexp.QuoteMeta(v) + `['"]?,?\n$`).MatchString(s) {
			return true
		}
	}
	return false
}

var (
	startProgram = regexp.MustCompile(`(?m)^\s*start program.*\n(?:\s+(?:with timeout|as uid).*\n)?`)
	bpmStart     = regexp.MustCompile(`(bpm start [\w.-]+)( -p [\w.-]+)?`)
	bpmPidfile   = regexp.MustCompile(`pidfile (/var/vcap/sys/run/bpm/)(\S+)(\.pid)`)
)

// monitDamages are those to the monit file.
func monitDamages(f *source.File) []damage {
	var all []damage
	for _, m := range bpmStart.FindAllSubmatchIndex(f.Data, -1) {
		if m[4] >= 0 {
			all = append(all, replaced(f, "-p dropped", m[4], m[5], ""))
		}
		all = append(all, replaced(f, "-p wrong", m[0], m[1], string(f.Data[m[2]:m[3]])+" -p another"))
	}
	for _, m := range bpmPidfile.FindAllSubmatchIndex(f.Data, -1) {
		all = append(all, replaced(f, "pidfile elsewhere", m[2], m[3], "/var/vcap/sys/run/"), replaced(f, "pidfile of another", m[6], m[7], "2.pid"))
	}
	for _, m := range startProgram.FindAllIndex(f.Data, -1) {
		if bpmStart.Match(f.Data[m[0]:m[1]]) {
			all = append(all, replaced(f, "start program dropped", m[0], m[1], ""))
		}
	}
	return all
}

// idle are commands without which nothing is different: they print, look, or say
// what is to happen on a failure.
var idle = map[string]bool{"set": true, ":": true, "true": true, "echo": true, "printf": true, "exit": true, "return": true, "sleep": true, "wait": true, "break": true, "continue": true,
	"logger": true, "date": true, "local": true, "shift": true, "trap": true, "shopt": true, "umask": true, "false": true, "[": true, "test": true}

// scriptDamages are those to a script: each simple statement away, each two that
// do not commute in the other order, each quoted value without its quotes.
func scriptDamages(f *source.File) []damage {
	t, err := erb.Parse(f)
	if err != nil {
		return nil
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(t.Mask()), f.Name)
	if err != nil {
		return nil
	}
	var all []damage
	span := func(s *syntax.Stmt) (int, int) {
		return int(s.Pos().Offset()), int(s.End().Offset())
	}
	text := func(s *syntax.Stmt) string {
		start, end := span(s)
		return string(f.Data[start:end])
	}
	called := map[string]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
			called[c.Args[0].Lit()] = true
		}
		return true
	})
	inList := func(list []*syntax.Stmt) {
		for i := 0; i+1 < len(list); i++ {
			a, b := list[i], list[i+1]
			if simple(a) == nil || simple(b) == nil || !depends(text(a), text(b)) {
				continue
			}
			start, middle := span(a)
			next, end := span(b)
			if bytes.Contains(f.Data[middle:next], []byte("<%")) {
				continue // in different arms
			}
			all = append(all, replaced(f, "statements swapped", start, end, text(b)+string(f.Data[middle:next])+text(a)))
		}
	}
	condition := map[*syntax.Stmt]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			return called[n.Name.Value] // nobody calls it
		case *syntax.File:
			inList(n.Stmts)
		case *syntax.Block:
			inList(n.Stmts)
		case *syntax.IfClause:
			inList(n.Then)
			for _, s := range n.Cond {
				condition[s] = true
			}
		case *syntax.WhileClause:
			for _, s := range n.Cond {
				condition[s] = true
			}
		case *syntax.CmdSubst:
			return false
		case *syntax.DblQuoted:
			start, end := int(n.Pos().Offset()), int(n.End().Offset())
			inner := string(f.Data[start+1 : end-1])
			if strings.Contains(inner, "<%=") && !strings.ContainsAny(inner, "\n") {
				all = append(all, replaced(f, "value unquoted", start, end, inner))
			}
		case *syntax.Stmt:
			c := simple(n)
			start, end := span(n)
			if c == nil || condition[n] || start >= end || blank(f.Data[start:end]) {
				break
			}
			if len(c.Args) > 0 && idle[c.Args[0].Lit()] && !writes(n) {
				break
			}
			kind := "statement dropped"
			if leftovers(f, start, c) {
				kind = tidies
			}
			all = append(all, replaced(f, kind, start, end, ":"))
		}
		return true
	})
	return all
}

// tidies are statements that act on what an earlier start or deployment left. The
// machine of a comparison is a new one, where there is nothing: they are counted
// apart.
const tidies = "statement for leftovers dropped"

// owners is the loop of the conversion that gives old files to vcap.
var owners = regexp.MustCompile(`(?ms)^for dir in .*?^done$`)

func leftovers(f *source.File, at int, c *syntax.CallExpr) bool {
	if len(c.Args) > 0 && (c.Args[0].Lit() == "rm" || c.Args[0].Lit() == "find") {
		return true
	}
	return slices.ContainsFunc(owners.FindAllIndex(f.Data, -1), func(m []int) bool {
		return m[0] <= at && at < m[1] && bytes.Contains(f.Data[m[0]:m[1]], []byte("! -user vcap"))
	})
}

// blank says that a masked statement is a tag and nothing more.
func blank(text []byte) bool {
	return bytes.HasPrefix(text, []byte("<%")) && bytes.HasSuffix(text, []byte("%>"))
}

// simple is the command of a statement that has no others in it.
func simple(s *syntax.Stmt) *syntax.CallExpr {
	if s.Negated || s.Background || s.Coprocess {
		return nil
	}
	if c, ok := s.Cmd.(*syntax.CallExpr); ok {
		return c
	}
	if d, ok := s.Cmd.(*syntax.DeclClause); ok {
		return &syntax.CallExpr{Assigns: d.Args}
	}
	return nil
}

// writes says that what a statement prints goes into a file that stays.
func writes(s *syntax.Stmt) bool {
	return slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool {
		to := r.Word.Lit()
		return (r.Op == syntax.RdrOut || r.Op == syntax.AppOut || r.Op == syntax.RdrAll || r.Op == syntax.AppAll) && to != "/dev/null" && !strings.Contains(to, "/log/")
	})
}

var (
	sets    = regexp.MustCompile(`^(?:export\s+)?(\w+)=`)
	makes   = regexp.MustCompile(`^(mkdir|touch|cp|ln|mv|install|cat|echo|printf|tar)\b`)
	changes = regexp.MustCompile(`^(chown|chmod|chgrp|rm|mv)\b`)
	target  = regexp.MustCompile(`[\w/$.{}-]*/[\w/$.{}-]+`)
)

// depends says that two statements do not commute: one sets a variable that the
// other reads, or one makes a path that the other changes. All others do.
func depends(a, b string) bool {
	if m := sets.FindStringSubmatch(a); m != nil && regexp.MustCompile(`\$\{?`+m[1]+`\b`).MatchString(b) {
		return true
	}
	if makes.MatchString(a) && changes.MatchString(b) || changes.MatchString(a) && makes.MatchString(b) {
		theirs := target.FindAllString(b, -1)
		for _, p := range target.FindAllString(a, -1) {
			if slices.Contains(theirs, p) && len(p) > 3 {
				return true
			}
		}
	}
	return false
}
