package bpm

import (
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/ruby"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// Piece is a run of text or a Ruby expression that is put in when the job is
// rendered. Guards are the ERB blocks in which it is there.
type Piece struct {
	Text, Ruby string
	Guards     []erb.Guard
}

// Value is a string that is put together from pieces.
type Value []Piece

// Text makes a value that is the same in every deployment.
func Text(s string) Value { return Value{{Text: s}} }

// Ruby makes a value of one expression.
func Ruby(expr string) Value { return Value{{Ruby: expr}} }

// Static gives the value when all of it is text.
func (v Value) Static() (string, bool) {
	var b strings.Builder
	for _, p := range v {
		if p.Ruby != "" || len(p.Guards) > 0 {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// String shows a value to people.
func (v Value) String() string {
	var b strings.Builder
	for _, p := range v {
		if p.Ruby != "" {
			b.WriteString("<%= " + p.Ruby + " %>")
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// Item is one argument. With List its Ruby gives any number of them.
type Item struct {
	Value  Value
	Guards []erb.Guard
	List   bool
	// Held says that the shell had the text in a variable.
	Held bool
}

// Items makes arguments of strings.
func Items(texts ...string) []Item {
	var items []Item
	for _, t := range texts {
		items = append(items, Item{Value: Text(t)})
	}
	return items
}

// Static gives the argument when it is there in every deployment and the same.
func (i Item) Static() (string, bool) {
	if len(i.Guards) > 0 || i.List {
		return "", false
	}
	return i.Value.Static()
}

// Variable is one environment variable of a template.
type Variable struct {
	Name   string
	Value  Value
	Guards []erb.Guard
}

// Local is Ruby that sets what later Ruby uses, carried over as it was written.
type Local struct {
	Code   string
	Guards []erb.Guard
}

// Limit is a limit that is set when the job is rendered.
type Limit struct {
	Key    string // open_files, processes, core_file_size
	Value  Value
	Guards []erb.Guard
}

// ProcessTemplate is a process whose arguments, environment and limits may
// come from properties. The Args, Env and WorkDir of the Process inside are not
// used.
type ProcessTemplate struct {
	Process
	Title   Value // the name
	Args    []Item
	Env     []Variable
	WorkDir Value
	Limits  []Limit
	// Guards are the ERB blocks in which the process is there at all.
	Guards []erb.Guard
}

// Texts are the strings of a process, for looking up paths in them.
func (p *ProcessTemplate) Texts() []string {
	texts := []string{p.Executable, p.WorkDir.String()}
	for _, a := range p.Args {
		texts = append(texts, a.Value.String())
	}
	for _, e := range p.Env {
		texts = append(texts, e.Value.String())
	}
	return texts
}

// Template is a bpm.yml that is rendered.
type Template struct {
	Locals    []Local
	Processes []ProcessTemplate
}

// Print gives the template: plain YAML when nothing in it is Ruby, else a Ruby
// hash that is dumped as YAML, which quotes every value as it needs to be.
func (t Template) Print() ([]byte, error) {
	if c, ok := t.static(); ok {
		out, err := c.Print()
		// the file is a template: what reads like a tag has to be said
		return []byte(strings.ReplaceAll(string(out), "<%", "<%%")), err
	}
	for _, p := range t.Processes {
		q := p.Process
		if q.Name == "" {
			q.Name = "name"
		}
		if _, err := (Config{Processes: []Process{q}}).Print(); err != nil {
			return nil, err
		}
	}
	return []byte(t.ruby()), nil
}

func (t Template) static() (Config, bool) {
	var c Config
	for _, p := range t.Processes {
		q := p.Process
		q.Args, q.Env = nil, nil
		if len(p.Guards) > 0 {
			return c, false
		}
		var ok bool
		if q.Name, ok = p.Title.Static(); !ok {
			return c, false
		}
		if q.WorkDir, ok = p.WorkDir.Static(); !ok {
			return c, false
		}
		for _, a := range p.Args {
			text, ok := a.Static()
			if !ok {
				return c, false
			}
			q.Args = append(q.Args, text)
		}
		for _, e := range p.Env {
			text, ok := e.Value.Static()
			if !ok || len(e.Guards) > 0 {
				return c, false
			}
			q.Env = append(q.Env, Env{e.Name, text})
		}
		for _, l := range p.Limits {
			text, ok := l.Value.Static()
			if !ok || len(l.Guards) > 0 {
				return c, false
			}
			if !q.Limits.set(l.Key, text) {
				return c, false
			}
		}
		c.Processes = append(c.Processes, q)
	}
	return c, true
}

// step is one line of Ruby and the blocks it stands in.
type step struct {
	guards []erb.Guard
	lines  []string
}

type rubyWriter struct {
	steps []step
	names map[string]bool
}

func (w *rubyWriter) line(guards []erb.Guard, lines ...string) {
	w.steps = append(w.steps, step{guards, lines})
}

// name gives a variable name that is not taken.
func (w *rubyWriter) name(want string) string {
	want = strings.Trim(notWord.ReplaceAllString(strings.ToLower(want), "_"), "_")
	if want == "" || want[0] >= '0' && want[0] <= '9' {
		want = "value_" + want
	}
	name := want
	for n := 'a'; w.names[name]; n++ {
		name = want + "_" + string(n)
	}
	w.names[name] = true
	return name
}

var (
	notWord    = search.MustCompile(`[^a-z0-9]+`)
	identifier = search.MustCompile(`\b[a-z_][a-z0-9_]*\b`)
)

func (t Template) ruby() string {
	w := &rubyWriter{names: map[string]bool{"p": true, "spec": true, "link": true}}
	for _, s := range t.everyRuby() {
		for _, id := range identifier.FindAllString(s, -1) {
			w.names[id] = true
		}
	}
	several := len(t.Processes) > 1
	for _, l := range t.Locals {
		var lines []string
		for _, s := range strings.Split(dedent(l.Code), "\n") {
			lines = append(lines, strings.TrimRight(s, " \t"))
		}
		w.line(l.Guards, lines...)
	}
	guarded := false
	for _, p := range t.Processes {
		guarded = guarded || len(p.Guards) > 0
	}
	var bodies [][]string
	for _, p := range t.Processes {
		prefix := ""
		if several {
			title, _ := p.Title.Static()
			prefix = title + "_"
		}
		body := w.process(p, prefix)
		if guarded {
			lines := append([]string{"config['processes'] << {"}, indent(body)...)
			w.line(p.Guards, append(lines, "}")...)
			continue
		}
		bodies = append(bodies, body)
	}
	var head []step
	if guarded {
		head = []step{{nil, []string{"config = { 'processes' => [] }"}}}
		w.steps = append(head, w.steps...)
	} else {
		lines := []string{"config = {", "  'processes' => ["}
		for _, b := range bodies {
			lines = append(lines, "    {")
			lines = append(lines, indent(indent(indent(b)))...)
			lines = append(lines, "    },")
		}
		w.line(nil, append(lines, "  ],", "}")...)
	}
	body := strings.Join(render(w.steps, 0), "\n")
	return "<%\n" + body + "\n-%>\n<%= YAML.dump(config) %>\n"
}

// everyRuby lists the Ruby of the template.
func (t Template) everyRuby() []string {
	var all []string
	value := func(v Value) {
		for _, p := range v {
			all = append(all, p.Ruby)
		}
	}
	for _, l := range t.Locals {
		all = append(all, l.Code)
	}
	for _, p := range t.Processes {
		value(p.Title)
		value(p.WorkDir)
		for _, g := range p.Guards {
			all = append(all, g.Block.Arms[0].Head)
		}
		for _, a := range p.Args {
			value(a.Value)
			for _, g := range a.Guards {
				all = append(all, g.Block.Arms[0].Head)
			}
		}
		for _, e := range p.Env {
			value(e.Value)
		}
	}
	return all
}

// process gives the entries of a process's hash; what has to be computed before
// goes to the steps.
func (w *rubyWriter) process(p ProcessTemplate, prefix string) []string {
	var out []string
	put := func(key, value string) { out = append(out, "'"+key+"' => "+value+",") }
	put("name", w.value(p.Title, p.Guards, prefix+"name"))
	put("executable", quote(p.Executable))
	if len(p.Args) > 0 {
		out = append(out, w.list("args", p.Args, p.Guards, prefix+"args")...)
	}
	if len(p.Env) > 0 {
		out = append(out, w.env(p.Env, p.Guards, prefix+"env")...)
	}
	if len(p.WorkDir) > 0 {
		put("workdir", w.value(p.WorkDir, p.Guards, prefix+"workdir"))
	}
	if p.Hooks.PreStart != "" {
		out = append(out, "'hooks' => {", "  'pre_start' => "+quote(p.Hooks.PreStart)+",", "},")
	}
	if len(p.Limits) > 0 {
		out = append(out, w.limits(p.Limits, p.Guards, prefix+"limits")...)
	}
	if p.EphemeralDisk {
		put("ephemeral_disk", "true")
	}
	if p.PersistentDisk {
		put("persistent_disk", "true")
	}
	volumes := func(key string, vs []Volume) []string {
		if len(vs) == 0 {
			return nil
		}
		lines := []string{"'" + key + "' => ["}
		for _, v := range vs {
			s := "  { 'path' => " + quote(v.Path)
			for _, f := range []struct {
				key string
				on  bool
			}{{"writable", v.Writable}, {"allow_executions", v.AllowExecutions}, {"mount_only", v.MountOnly}, {"shared", v.Shared}} {
				if f.on {
					s += ", '" + f.key + "' => true"
				}
			}
			lines = append(lines, s+" },")
		}
		return append(lines, "],")
	}
	out = append(out, volumes("additional_volumes", p.AdditionalVolumes)...)
	if len(p.Capabilities) > 0 {
		var caps []string
		for _, c := range p.Capabilities {
			caps = append(caps, quote(c))
		}
		put("capabilities", "["+strings.Join(caps, ", ")+"]")
	}
	if u := p.Unsafe; u.Privileged || u.HostPidNamespace || len(u.UnrestrictedVolumes) > 0 {
		out = append(out, "'unsafe' => {")
		if u.Privileged {
			out = append(out, "  'privileged' => true,")
		}
		out = append(out, indent(volumes("unrestricted_volumes", u.UnrestrictedVolumes))...)
		if u.HostPidNamespace {
			out = append(out, "  'host_pid_namespace' => true,")
		}
		out = append(out, "},")
	}
	if p.ShutdownSignal != "" {
		put("shutdown_signal", quote(p.ShutdownSignal))
	}
	return out
}

// list gives the entry of a list: in place as long as nothing depends on a
// block, else as a variable that is filled before.
func (w *rubyWriter) list(key string, items []Item, around []erb.Guard, name string) []string {
	plain := true
	for _, i := range items {
		plain = plain && len(i.Guards) == 0 && !i.Value.guarded()
	}
	one := func(i Item, guards []erb.Guard) string {
		if i.List {
			return "*" + listExpr(i)
		}
		return w.value(i.Value, guards, name+"_item")
	}
	if plain {
		lines := []string{"'" + key + "' => ["}
		for _, i := range items {
			lines = append(lines, "  "+one(i, around)+",")
		}
		return append(lines, "],")
	}
	name = w.name(name)
	first := 0
	for first < len(items) && len(items[first].Guards) == 0 && !items[first].Value.guarded() {
		first++
	}
	if first == 0 {
		w.line(around, name+" = []")
	} else {
		lines := []string{name + " = ["}
		for _, i := range items[:first] {
			lines = append(lines, "  "+one(i, around)+",")
		}
		w.line(around, append(lines, "]")...)
	}
	for _, i := range items[first:] {
		guards := append(slices.Clone(around), i.Guards...)
		if i.List {
			w.line(guards, name+".concat("+listExpr(i)+")")
			continue
		}
		w.line(guards, name+" << "+one(i, guards))
	}
	return []string{"'" + key + "' => " + name + ","}
}

func (w *rubyWriter) env(vars []Variable, around []erb.Guard, name string) []string {
	plain := true
	for _, v := range vars {
		plain = plain && len(v.Guards) == 0
	}
	if plain {
		lines := []string{"'env' => {"}
		for _, v := range vars {
			lines = append(lines, "  "+quote(v.Name)+" => "+w.value(v.Value, around, v.Name)+",")
		}
		return append(lines, "},")
	}
	name = w.name(name)
	lines := []string{name + " = {"}
	for _, v := range vars {
		if len(v.Guards) == 0 {
			lines = append(lines, "  "+quote(v.Name)+" => "+w.value(v.Value, around, v.Name)+",")
		}
	}
	if len(lines) == 1 {
		lines = []string{name + " = {}"}
	} else {
		lines = append(lines, "}")
	}
	w.line(around, lines...)
	for _, v := range vars {
		if len(v.Guards) > 0 {
			guards := append(slices.Clone(around), v.Guards...)
			w.line(guards, name+"["+quote(v.Name)+"] = "+w.value(v.Value, guards, v.Name))
		}
	}
	return []string{"'env' => " + name + ","}
}

func (w *rubyWriter) limits(limits []Limit, around []erb.Guard, name string) []string {
	number := func(v Value) string {
		if s, ok := v.Static(); ok {
			return s
		}
		return "(" + v[0].Ruby + ").to_i"
	}
	plain := true
	for _, l := range limits {
		plain = plain && len(l.Guards) == 0
	}
	if plain {
		lines := []string{"'limits' => {"}
		for _, l := range limits {
			lines = append(lines, "  '"+l.Key+"' => "+simple(number(l.Value))+",")
		}
		return append(lines, "},")
	}
	name = w.name(name)
	w.line(around, name+" = {}")
	for _, l := range limits {
		w.line(append(slices.Clone(around), l.Guards...), name+"['"+l.Key+"'] = "+simple(number(l.Value)))
	}
	return []string{"'limits' => " + name + ","}
}

// simple takes parentheses off that are not needed.
func simple(expr string) string {
	inner, ok := strings.CutPrefix(expr, "(")
	if !ok {
		return expr
	}
	if i := strings.LastIndex(inner, ")."); i >= 0 && plainCall.MatchString(inner[:i]) {
		return inner[:i] + inner[i+1:]
	}
	return expr
}

func (v Value) guarded() bool {
	for _, p := range v {
		if len(p.Guards) > 0 {
			return true
		}
	}
	return false
}

// value gives the Ruby expression of a string.
func (w *rubyWriter) value(v Value, around []erb.Guard, name string) string {
	if !v.guarded() {
		return stringExpr(v)
	}
	name = w.name(name)
	first := 0
	for first < len(v) && len(v[first].Guards) == 0 {
		first++
	}
	w.line(around, name+" = "+stringExpr(v[:first]))
	for _, p := range v[first:] {
		guards := append(slices.Clone(around), p.Guards...)
		w.line(guards, name+" += "+stringExpr(Value{{Text: p.Text, Ruby: p.Ruby}}))
	}
	return name
}

var (
	plainCall   = search.MustCompile(`^[a-z_][\w.]*(\(("[^"#]*"|'[^']*')\))?(\.[a-z_]\w*[?!]?(\(("[^"#]*"|'[^']*')?\))?|\[("[^"#]*"|'[^']*'|\d+|:\w+)\])*$`)
	stringCall  = search.MustCompile(`\.(to_s|join\([^()]*\)|join|to_json|strip|chomp|inspect)$`)
	plainString = search.MustCompile(`^("([^"\\#]|\\.|#\{[^{}"]*(\("[^"]*"\)|\('[^']*'\))?[^{}"]*\})*"|'[^']*')$`)
)

// textMethods give a string, whatever they are called on.
var textMethods = map[string]bool{"to_s": true, "join": true, "gsub": true, "sub": true, "strip": true, "chomp": true, "inspect": true, "to_json": true}

// isText says whether an expression is a string, or an error.
func isText(code string) bool {
	body := ruby.Parse([]byte(code))
	if len(body.Args) != 1 || body.Args[0].Start != 0 || body.Args[0].End != len(code) || strings.ContainsAny(code, "\n") {
		return false
	}
	for n := body.Args[0]; ; n = n.Recv {
		switch {
		case n.Kind == ruby.Str:
			return true
		case n.Kind == ruby.Call:
			return n.Recv != nil && n.Block == nil && textMethods[n.Text] && (len(n.Args) == 0 || code[n.End-1] == ')')
		case n.Kind != ruby.Binary || n.Text != "+" || n.Recv == nil:
			return false
		}
	}
}

// stringExpr gives the Ruby for a string whose pieces are all there.
func stringExpr(v Value) string {
	if s, ok := v.Static(); ok {
		return quote(s)
	}
	if len(v) == 1 {
		r := v[0].Ruby
		switch {
		case stringCall.MatchString(r) && plainCall.MatchString(strings.TrimSuffix(stringCall.ReplaceAllString(r, ""), ".")), plainString.MatchString(r):
			return r
		case plainCall.MatchString(r):
			return r + ".to_s"
		case isText(r):
			return r
		}
		return "(" + r + ").to_s"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, p := range v {
		if p.Ruby != "" {
			b.WriteString("#{" + p.Ruby + "}")
			continue
		}
		b.WriteString(escape(p.Text))
	}
	b.WriteByte('"')
	return b.String()
}

// Shellwords says whether the quotes in what a list prints are read: the shell
// did so, but not with the value of a variable.
func (i Item) Shellwords() bool { return i.List && !i.Held && !i.array() }

// array says whether the Ruby of a list is an array of words already.
func (i Item) array() bool { return len(i.Value) == 1 && strings.HasPrefix(i.Value[0].Ruby, "[") }

// listExpr gives the Ruby for what an unquoted expression prints as words.
func listExpr(i Item) string {
	switch {
	case i.array():
		return i.Value[0].Ruby
	case i.Shellwords():
		return "Shellwords.split(" + stringExpr(i.Value) + ")"
	}
	code := stringExpr(i.Value)
	if body := ruby.Parse([]byte(code)); len(body.Args) != 1 || body.Args[0].Kind == ruby.Binary {
		code = "(" + code + ")"
	}
	return code + ".split"
}

func quote(s string) string {
	if strings.ContainsAny(s, "\n\t\r\x00") {
		return `"` + escape(s) + `"`
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "%>", "%%>").Replace(s) + "'"
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "#{", `\#{`, "#@", `\#@`, "#$", `\#$`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\x00", `\0`, "%>", "%%>").Replace(s)
}

func indent(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		if l != "" {
			l = "  " + l
		}
		out[i] = l
	}
	return out
}

// dedent takes the common indentation off.
func dedent(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	least := -1
	for i, l := range lines {
		if t := strings.TrimLeft(l, " \t"); t != "" && (i > 0 || len(lines) == 1) {
			if n := len(l) - len(t); least < 0 || n < least {
				least = n
			}
		}
	}
	for i, l := range lines {
		if i == 0 && len(lines) > 1 {
			lines[i] = strings.TrimLeft(l, " \t")
			continue
		}
		if least > 0 && len(l) >= least {
			lines[i] = l[least:]
		}
	}
	return strings.Join(lines, "\n")
}

// render writes steps, with those that share a block inside one.
func render(steps []step, depth int) []string {
	var out []string
	for i := 0; i < len(steps); {
		if len(steps[i].guards) <= depth {
			out = append(out, steps[i].lines...)
			i++
			continue
		}
		g := steps[i].guards[depth]
		j, arm := i, order(g)
		for j < len(steps) && len(steps[j].guards) > depth && steps[j].guards[depth].Block == g.Block && order(steps[j].guards[depth]) >= arm {
			arm = order(steps[j].guards[depth])
			j++
		}
		out = append(out, block(g.Block, steps[i:j], depth)...)
		i = j
	}
	return out
}

// order sorts the arms of a block; what stands when none is taken comes last.
func order(g erb.Guard) int {
	if g.Arm < 0 {
		return 1 << 20
	}
	return g.Arm
}

var condition = search.MustCompile(`^(if|unless)\s+([^\n]*)$`)

func block(b *erb.Block, steps []step, depth int) []string {
	byArm := map[int][]step{}
	last := 0
	for _, s := range steps {
		n := order(s.guards[depth])
		byArm[n] = append(byArm[n], s)
		last = max(last, n)
	}
	none := last == 1<<20
	if none || len(b.Arms) == 2 && b.Arms[1].Head == "else" && last == 1 {
		// only the other case: turn the condition round
		m := condition.FindStringSubmatch(b.Arms[0].Head)
		if len(byArm) == 1 && m != nil && (!none || len(b.Arms) == 1) {
			word := "unless "
			if m[1] == "unless" {
				word = "if "
			}
			return append(append([]string{word + m[2]}, indent(render(byArm[last], depth+1))...), "end")
		}
	}
	if inner := sameTag(b, steps, depth); inner != nil {
		// one tag opens both: its code stands once, and two ends close them
		out := append(strings.Split(dedent(b.Arms[0].Head), "\n"), indent(render(steps, depth+2))...)
		return append(out, closing(inner), closing(b))
	}
	var out []string
	for arm, a := range b.Arms {
		if arm > last {
			break
		}
		head := strings.Split(dedent(a.Head), "\n")
		out = append(out, head...)
		out = append(out, indent(render(byArm[arm], depth+1))...)
	}
	if none {
		other := "else"
		if b.Kind == erb.IfP || b.Kind == erb.IfLink {
			other = "end.else do"
		}
		out = append(out, other)
		out = append(out, indent(render(byArm[1<<20], depth+1))...)
	}
	return append(out, closing(b))
}

func closing(b *erb.Block) string {
	if b.Brace {
		return "}"
	}
	return "end"
}

// sameTag gives the block that the tag of b opens as well, when all steps stand
// in it.
func sameTag(b *erb.Block, steps []step, depth int) *erb.Block {
	var inner *erb.Block
	for _, s := range steps {
		if len(s.guards) < depth+2 || s.guards[depth].Arm != 0 || s.guards[depth+1].Arm != 0 {
			return nil
		}
		o := s.guards[depth+1].Block
		if o == b || o.File != b.File || o.Start != b.Start || inner != nil && inner != o {
			return nil
		}
		inner = o
	}
	return inner
}
