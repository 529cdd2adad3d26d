package bpm

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/finding"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// shape is what a value has to be.
type shape int

const (
	text shape = iota
	flag
	count    // not negative
	integer  // may be negative
	texts    // a list of strings
	textMap  // names and strings
	object   // of
	objects  // a list of of
	hookable // an object that bpm acts on even when it is empty
)

// key is an entry of the schema: bpm-release src/bpm/config/job_config.go.
type key struct {
	name string
	want shape
	of   []key
}

var volumeKeys = []key{{"path", text, nil}, {"writable", flag, nil}, {"allow_executions", flag, nil}, {"mount_only", flag, nil}, {"shared", flag, nil}}

var processKeys = []key{
	{"name", text, nil}, {"executable", text, nil}, {"args", texts, nil}, {"env", textMap, nil}, {"workdir", text, nil},
	{"hooks", hookable, []key{{"pre_start", text, nil}}},
	{"limits", object, []key{{"memory", text, nil}, {"open_files", count, nil}, {"processes", integer, nil}, {"core_file_size", count, nil}}},
	{"ephemeral_disk", flag, nil}, {"persistent_disk", flag, nil},
	{"additional_volumes", objects, volumeKeys}, {"capabilities", texts, nil},
	{"unsafe", object, []key{{"privileged", flag, nil}, {"unrestricted_volumes", objects, volumeKeys}, {"host_pid_namespace", flag, nil}}},
	{"shutdown_signal", text, nil},
}

var documentKeys = []key{{"processes", objects, processKeys}}

// meant are keys of other tools, and what bpm has for them.
var meant = map[string]string{
	"user":                  "bpm runs every process as vcap (or, with unsafe.privileged, as root) and knows no user",
	"group":                 "bpm runs every process with the group of vcap and knows no group",
	"command":               "bpm has executable and args",
	"cmd":                   "bpm has executable and args",
	"environment":           "did you mean env?",
	"cwd":                   "did you mean workdir?",
	"working_dir":           "did you mean workdir?",
	"working_directory":     "did you mean workdir?",
	"volumes":               "did you mean additional_volumes?",
	"persistent_volumes":    "did you mean additional_volumes?",
	"stop_signal":           "did you mean shutdown_signal?",
	"signal":                "did you mean shutdown_signal?",
	"ports":                 "bpm uses the network of the VM; there is nothing to map",
	"read_only":             "a volume is read-only unless writable is true",
	"readonly":              "a volume is read-only unless writable is true",
	"post_start":            "bpm has no such hook; use the job's bin/post-start",
	"pre_stop":              "bpm has no such hook; use the job's bin/drain",
	"post_stop":             "bpm has no such hook; use the job's bin/post-stop",
	"timeout":               "bpm waits 15 s for a stop and knows no other time",
	"shutdown_timeout":      "bpm waits 15 s for a stop and knows no other time",
	"depends_on":            "dependencies stand in the monit file: depends on",
	"cpu":                   "bpm knows no limit of the CPU",
	"nofile":                "did you mean open_files?",
	"ulimit":                "did you mean limits.open_files?",
	"additional_privileges": "did you mean capabilities?",
}

// owners says below which keys of a process a key belongs.
func owners(name string) []string {
	var all []string
	var find func(prefix string, keys []key)
	find = func(prefix string, keys []key) {
		for _, k := range keys {
			if k.name == name {
				all = append(all, strings.TrimSuffix(prefix, "."))
			}
			if k.of != nil {
				find(prefix+k.name+".", k.of)
			}
		}
	}
	find("", processKeys)
	return all
}

// schema walks a document.
type schema struct {
	doc   *Document
	found []source.Diagnostic
	seen  map[string]bool
}

func (s *schema) report(id string, severity source.Severity, at source.Span, format string, args ...any) {
	d := source.Diagnostic{ID: id, Severity: severity, Span: at, Message: fmt.Sprintf(format, args...)}
	// a hash that several processes share is read once for each
	k := id + at.String() + d.Message
	if s.seen[k] {
		return
	}
	s.seen[k] = true
	s.found = append(s.found, d)
}

// Problems holds a document against the schema, more strictly than bpm does:
// unknown keys, items that bpm drops, values that it refuses only at start. job
// is the name of the job; "" when it is not known. What is not known, because
// it comes from a property, is never a problem.
func (d *Document) Problems(job string) []source.Diagnostic {
	s := &schema{doc: d, seen: map[string]bool{}}
	for _, u := range d.Unread {
		if u.Broken {
			s.report("bpm-yml-broken", source.Error, u.Span, "this is no YAML (%s): bpm cannot start any process of the job%s", u.Why, hint(u.Span))
		}
	}
	at := source.Span{File: d.File}
	if d.Root == nil || d.Root.Kind == Scalar && d.Root.Type == "!!null" {
		if len(d.Unread) == 0 {
			s.report("bpm-no-process", source.Error, at, "is empty: bpm accepts that and then finds no process to start")
		}
		return s.found
	}
	s.object(d.Root, "", documentKeys)
	if d.Complete() && len(d.Processes()) == 0 {
		s.report("bpm-no-process", source.Error, d.Root.Span, "has no processes: bpm accepts that and then finds no process to start")
	}
	s.processes(job)
	source.SortDiagnostics(s.found)
	return s.found
}

var (
	firstMark = search.MustCompile(`^\s*(?:-|[\w.-]+:)\s+([*@%&!\x60\[{])`)
)

// hint says what about a line that is no YAML is most likely the matter.
func hint(at source.Span) string {
	line := string(at.File.Data[at.File.LineStart(at.Start):at.File.LineEnd(at.Start)])
	if m := firstMark.FindStringSubmatch(line); m != nil {
		return fmt.Sprintf("; a value that begins with %s has to be quoted", m[1])
	}
	if strings.Contains(line, "\t") {
		return "; YAML is indented with blanks, not with tabs"
	}
	return ""
}

// object checks the keys of a map, and what they hold.
func (s *schema) object(n *Node, where string, keys []key) {
	n.Each(func(n *Node) {
		switch n.Kind {
		case Map:
		case Scalar:
			if n.Type != "!!null" {
				s.mistyped(n, where, "keys and values")
			}
			return
		case List:
			s.mistyped(n, where, "keys and values")
			return
		default:
			return
		}
		s.twice(n, where)
		for _, f := range n.Fields {
			name, known := f.Key.Static()
			if !known {
				continue
			}
			if f.Symbol && s.doc.Format == "yaml-dump" {
				s.report("bpm-key-unknown", source.Error, f.Span, "%s is a symbol, which YAML.dump prints as %q; bpm ignores it. Write '%s' =>", name, ":"+name, name)
				continue
			}
			i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
			if i < 0 {
				if f.Value.Anchored {
					continue // holds what is used elsewhere
				}
				s.unknown(f, name, where, keys)
				continue
			}
			s.value(f.Value, join(where, name), keys[i])
		}
	})
}

func join(where, name string) string {
	if where == "" || where == "processes" {
		return name
	}
	return where + "." + name
}

func (s *schema) unknown(f Field, name, where string, keys []key) {
	place := "a process"
	switch {
	case where == "":
		place = "the top of the file"
	case where != "processes":
		place = where
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	in := owners(name)
	if where == "" && len(in) > 0 {
		s.report("bpm-key-misplaced", source.Error, f.Span, "%s belongs into an entry of processes; at the top of the file bpm ignores it", name)
		return
	}
	if near := finding.Suggest(name, names); near != "" {
		s.report("bpm-key-unknown", source.Error, f.Span, "bpm knows no %s in %s and ignores it; did you mean %s?", name, place, near)
		return
	}
	if len(in) > 0 {
		var to []string
		for _, o := range in {
			if o == "" {
				o = "the process itself"
			}
			if !slices.Contains(to, o) {
				to = append(to, o)
			}
		}
		s.report("bpm-key-misplaced", source.Error, f.Span, "%s does not belong into %s but into %s; here bpm ignores it", name, place, strings.Join(to, " or "))
		return
	}
	severity := source.Error
	var tail string
	if m := meant[strings.ReplaceAll(strings.ToLower(name), "-", "_")]; m != "" {
		tail = "; " + m
	} else {
		tail = "; it knows " + strings.Join(names, ", ")
	}
	s.report("bpm-key-unknown", severity, f.Span, "bpm knows no %s in %s and ignores it%s", name, place, tail)
}

// twice finds keys that a map has more than once in one deployment.
func (s *schema) twice(n *Node, where string) {
	for i, f := range n.Fields {
		name, known := f.Key.Static()
		if !known || f.Set {
			continue
		}
		for _, o := range n.Fields[:i] {
			if o.Name() != name || o.Set || exclusive(o.Arms, f.Arms) || len(o.Arms) > 0 && len(f.Arms) > 0 && !sameArms(o.Arms, f.Arms) {
				continue
			}
			p := join(where, name)
			if s.doc.Format == "yaml" {
				s.report("bpm-key-twice", source.Error, f.Span, "%s is there twice (first in line %d), which bpm refuses: mapping key %q already defined", p, o.Span.Position().Line, name)
			} else if o.Span != f.Span {
				s.report("bpm-key-twice", source.Warning, f.Span, "%s is there twice (first in line %d); Ruby keeps the last one only", p, o.Span.Position().Line)
			}
			break
		}
	}
}

func sameArms(a, b []Arm) bool { return slices.Equal(a, b) }

func (s *schema) mistyped(n *Node, where, want string) {
	if where == "" {
		where = "the file"
	}
	have := map[Kind]string{List: "a list", Map: "keys and values", Scalar: "text"}[n.Kind]
	if n.Kind == Scalar {
		switch n.Type {
		case "!!int", "!!float":
			have = "a number"
		case "!!bool":
			have = "true or false"
		}
		if v, ok := n.Static(); ok {
			have += " (" + strconv.Quote(v) + ")"
		}
	}
	s.report("bpm-value-type", source.Error, n.Span, "%s has to be %s and is %s: bpm cannot read the file and starts no process of the job", where, want, have)
}

// yaml11 are the plain words that yaml.v3 takes for a bool where one is wanted.
var yaml11 = search.MustCompile(`^(?i:y|yes|on|n|no|off|true|false)$`)

func (s *schema) value(n *Node, where string, k key) {
	n.Each(func(n *Node) {
		if n.Kind == Scalar && n.Type == "!!null" {
			if k.want == hookable {
				return
			}
			return // as if it were not there
		}
		switch k.want {
		case text:
			s.textValue(n, where)
		case flag:
			v, ok := n.Static()
			if n.Kind == Map || n.Kind == List || n.Kind == Scalar && n.Type != "" && n.Type != "!!bool" && !(ok && n.Plain && yaml11.MatchString(v)) {
				s.mistyped(n, where, "true or false, without quotes")
			}
		case count, integer:
			s.number(n, where, k)
		case texts:
			s.list(n, where, func(item Entry, i int) { s.item(item, where, i) })
		case textMap:
			s.env(n, where)
		case object, hookable:
			s.object(n, where, k.of)
			if k.want == hookable && n.Kind == Map && !n.Open && len(n.Fields) == 0 {
				s.report("bpm-value-refused", source.Error, n.Span, "hooks is there without pre_start: bpm runs the empty command and the start fails (prestart hook failed: exec: no command)")
			}
		case objects:
			s.list(n, where, func(item Entry, i int) {
				item.Each(func(v *Node) {
					if v.Kind == Scalar && v.Type == "!!null" {
						s.report("bpm-value-lost", source.Error, v.Span, "entry %d of %s is empty", i+1, where)
						return
					}
					s.object(v, where, k.of)
				})
			})
		}
	})
}

func (s *schema) list(n *Node, where string, visit func(Entry, int)) {
	switch n.Kind {
	case List:
		for i, item := range n.Items {
			visit(item, i)
		}
	case Map, Scalar:
		s.mistyped(n, where, "a list")
	}
}

func (s *schema) textValue(n *Node, where string) {
	if n.Kind == Map || n.Kind == List {
		s.mistyped(n, where, "text; a value with a colon and a blank in it has to be quoted")
		return
	}
	s.surprises(n, where)
}

var cutWord = search.MustCompile(`^#[^ #!\t]`)

// surprises finds what YAML makes of a plain value without a word.
func (s *schema) surprises(n *Node, where string) {
	if n.Plain && cutWord.MatchString(n.Comment) {
		s.report("bpm-value-lost", source.Warning, n.Span, "%s ends before %q, which YAML takes for a comment; quote the value if it belongs to it", where, n.Comment)
	}
	if n.Folded && strings.Contains(n.Text(), " - ") {
		_, lost, _ := strings.Cut(n.Text(), " - ")
		s.report("bpm-value-lost", source.Error, n.Span, "%s goes on in the next line, because that is indented deeper: %q is no entry of its own but the end of this one", where, "- "+lost)
	}
	if n.Kind == Scalar && strings.HasPrefix(n.Type, "!") && !strings.HasPrefix(n.Type, "!!") {
		s.report("bpm-value-lost", source.Error, n.Span, "%s begins with %s, which YAML takes for a tag and leaves out; quote the value", where, n.Type)
	}
}

func (s *schema) item(item Entry, where string, i int) {
	item.Each(func(n *Node) {
		switch {
		case n.Kind == Map || n.Kind == List:
			s.mistyped(n, fmt.Sprintf("entry %d of %s", i+1, where), "text; a value with a colon and a blank in it, or a colon at its end, has to be quoted")
		case n.Kind == Scalar && n.Type == "!!null" && n == item.Node:
			s.report("bpm-value-lost", source.Error, n.Span, "entry %d of %s is empty: bpm drops it, and the next one takes its place; write \"\" for an empty string", i+1, where)
		default:
			s.surprises(n, fmt.Sprintf("entry %d of %s", i+1, where))
		}
	})
}

// fraction is a product with a fraction that is not rounded.
var fraction = search.MustCompile(`[*/]\s*\d*\.\d+\s*(%>)?$`)

func (s *schema) number(n *Node, where string, k key) {
	want := "a number, without quotes"
	if n.Kind == Unknown && fraction.MatchString(n.Text()) {
		s.report("bpm-value-type", source.Warning, n.Span, "%s has to be a whole number, and this gives a fraction for some values, which bpm cannot read; put it in parentheses with .to_i behind them", where)
	}
	switch n.Kind {
	case Map, List:
		s.mistyped(n, where, want)
	case Scalar:
		v, ok := n.Static()
		switch {
		case n.Type == "":
		case n.Type == "!!int" && ok:
			if strings.HasPrefix(v, "-") && k.want == count {
				s.mistyped(n, where, "a number that is not negative; leave the key out where there is no limit")
			}
		case n.Type == "!!float" && ok:
			if f, err := strconv.ParseFloat(v, 64); err != nil || f != float64(int64(f)) || f < 0 {
				s.mistyped(n, where, want)
			}
		case ok && strings.EqualFold(v, "unlimited") || ok && strings.EqualFold(v, "infinity"):
			s.mistyped(n, where, "a number; leave the key out where there is no limit")
		default:
			s.mistyped(n, where, want)
		}
	}
}

func (s *schema) env(n *Node, where string) {
	switch n.Kind {
	case Map:
	case List, Scalar:
		s.mistyped(n, where, "names and values")
		return
	default:
		return
	}
	s.twice(n, where)
	for _, f := range n.Fields {
		name, known := f.Key.Static()
		if known && !envName.MatchString(name) {
			if f.Symbol && s.doc.Format == "yaml-dump" || strings.ContainsAny(name, "= \t") || name == "" {
				s.report("bpm-value-refused", source.Error, f.Span, "%q is no name of a variable", name)
			}
		} else if known && f.Symbol && s.doc.Format == "yaml-dump" {
			s.report("bpm-key-unknown", source.Error, f.Span, "%s is a symbol, which YAML.dump prints as %q, so the variable gets that name. Write '%s' =>", name, ":"+name, name)
		}
		f.Value.Each(func(v *Node) {
			if known && len(owners(name)) > 0 && (v.Kind == Map || v.Kind == List) {
				s.report("bpm-key-misplaced", source.Error, f.Span, "%s stands in env; indent it like env", name)
				return
			}
			s.textValue(v, where+"."+f.Key.String())
		})
	}
}

// processes checks what takes more than one key, and what bpm refuses only when
// it starts the process.
func (s *schema) processes(job string) {
	all := s.doc.Processes()
	for i, p := range all {
		s.process(p, job)
		for _, n := range p.Get("name") {
			name, ok := n.Static()
			if !ok || len(p.Get("name")) > 1 {
				continue
			}
			for _, o := range all[:i] {
				if other, ok := o.Name().Static(); ok && other == name && !exclusive(o.Arms, p.Arms) && len(o.Get("name")) == 1 && (len(o.Arms) == 0 || len(p.Arms) == 0 || sameArms(o.Arms, p.Arms)) {
					s.report("bpm-process-twice", source.Error, n.Span, "process %q is there twice (first in line %d): bpm starts the first one only", name, o.Name().Span.Position().Line)
					break
				}
			}
		}
	}
}

var (
	envName    = search.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	memory     = search.MustCompile(`^(?i)[0-9]+(\.[0-9]+)?(B|[KMGTPE](I?B)?)$`)
	bareNumber = search.MustCompile(`^[0-9.]+%?$`)
)

// Capabilities are the names that Linux knows, without CAP_.
var Capabilities = strings.Fields(`AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE
SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`)

func (s *schema) process(p ProcessNode, job string) {
	for _, k := range []string{"name", "executable"} {
		values := p.Get(k)
		if len(values) == 0 && !p.Open {
			s.report("bpm-value-refused", source.Error, p.Span, "this process has no %s: bpm refuses the file (invalid config: %s)", k, k)
		}
		for _, n := range values {
			if v, ok := n.Static(); ok && v == "" && n.Type == "!!str" {
				s.report("bpm-value-refused", source.Error, n.Span, "%s is empty: bpm refuses the file (invalid config: %s)", k, k)
			}
		}
	}
	for _, n := range p.Get("name") {
		if v, ok := n.Static(); ok && strings.ContainsAny(v, "/ \t") {
			s.report("bpm-value-refused", source.Error, n.Span, "process name %q: it is part of file names and of the command of monit, and cannot hold blanks or slashes", v)
		}
	}
	for _, n := range p.Get("executable") {
		s.command(n, "executable", "arguments go to args")
	}
	for _, hooks := range p.Get("hooks") {
		for _, n := range hooks.Get("pre_start") {
			s.command(n, "hooks.pre_start", "it gets no arguments; put them into a script")
		}
	}
	for _, n := range p.Get("shutdown_signal") {
		if v, ok := n.Static(); ok && v != "TERM" && v != "INT" && n.Type != "!!null" && v != "" {
			s.report("bpm-value-refused", source.Error, n.Span, "shutdown_signal %q: bpm knows TERM and INT only and refuses the file; what needs another signal has to send it in bin/drain", v)
		}
	}
	for _, limits := range p.Get("limits") {
		for _, n := range limits.Get("memory") {
			s.memory(n)
		}
	}
	for _, list := range p.Get("capabilities") {
		for _, i := range list.Items {
			i.Each(func(n *Node) { s.capability(n) })
		}
	}
	for _, list := range p.Get("additional_volumes") {
		for _, i := range list.Items {
			for _, n := range i.Get("path") {
				s.additional(n, job)
			}
			s.pathless(i, "additional_volumes")
		}
	}
	for _, unsafe := range p.Get("unsafe") {
		for _, list := range unsafe.Get("unrestricted_volumes") {
			for _, i := range list.Items {
				s.unrestricted(p, i, job)
				s.pathless(i, "unsafe.unrestricted_volumes")
			}
		}
	}
}

// pathless finds volumes without a path.
func (s *schema) pathless(i Entry, where string) {
	i.Each(func(v *Node) {
		if v.Kind == Map && !v.Open && len(v.Get("path")) == 0 {
			s.report("bpm-volume-refused", source.Error, v.Span, "an entry of %s has no path", where)
		}
	})
}

// command checks a path that bpm executes.
func (s *schema) command(n *Node, where, instead string) {
	v, static := n.Static()
	literal := ""
	for _, piece := range n.Value {
		if piece.Ruby == "" {
			literal += piece.Text
		}
	}
	switch {
	case strings.ContainsAny(strings.TrimSpace(literal), " \t") && n.Kind != Unknown:
		s.report("bpm-value-refused", source.Error, n.Span, "%s %q has blanks: bpm takes all of it for one path and does not find it (no such file or directory); %s", where, n.Text(), instead)
	case static && v != "" && !path.IsAbs(v) && strings.Contains(v, "/"):
		s.report("bpm-value-refused", source.Error, n.Span, "%s %q is not an absolute path", where, v)
	case static && v != "" && !path.IsAbs(v) && n.Type == "!!str":
		s.report("bpm-value-refused", source.Warning, n.Span, "%s %q is not an absolute path: which program runs depends on the PATH of the process", where, v)
	}
}

func (s *schema) memory(n *Node) {
	v, ok := n.Static()
	if n.Kind != Scalar || n.Type == "!!null" || n.Type == "" {
		return
	}
	if !ok {
		last := n.Value[len(n.Value)-1]
		if last.Ruby == "" && strings.HasSuffix(strings.TrimSpace(last.Text), "%") {
			s.report("bpm-value-refused", source.Error, n.Span, "limits.memory cannot be a share of the memory; bpm wants a number with a unit, such as 512M, and fails at start")
		}
		return
	}
	if !memory.MatchString(v) {
		why := "bpm wants a positive number with a unit, such as 512M, and fails at start"
		if bareNumber.MatchString(v) && !strings.HasSuffix(v, "%") {
			why = "the unit is missing (512M); " + why
		}
		s.report("bpm-value-refused", source.Error, n.Span, "limits.memory %q: %s", v, why)
	}
}

func (s *schema) capability(n *Node) {
	v, ok := n.Static()
	if !ok || n.Type == "!!null" {
		return
	}
	if slices.Contains(Capabilities, v) {
		return
	}
	name := strings.TrimPrefix(strings.ToUpper(v), "CAP_")
	switch {
	case v == "ALL" || v == "all":
		s.report("bpm-value-refused", source.Error, n.Span, "capability %q: there is no such name, so the process gets nothing by it; name each capability, or use unsafe.privileged", v)
	case slices.Contains(Capabilities, name):
		s.report("bpm-value-refused", source.Error, n.Span, "capability %q has to be written %s: bpm puts CAP_ before it, and the process does not get it", v, name)
	default:
		tail := ""
		if near := finding.Suggest(name, Capabilities); near != "" {
			tail = "; did you mean " + near + "?"
		}
		s.report("bpm-value-refused", source.Error, n.Span, "Linux knows no capability %q, so the process gets nothing by it%s", v, tail)
	}
}

// additional checks a path of additional_volumes as bpm does at start.
func (s *schema) additional(n *Node, job string) {
	v, ok := n.Static()
	if !ok {
		if len(n.Value) > 0 && n.Value[0].Ruby == "" && len(n.Value[0].Text) > 9 && !strings.HasPrefix(n.Value[0].Text, "/var/vcap/") {
			s.report("bpm-volume-refused", source.Error, n.Span, "volume %s lies outside of /var/vcap, which bpm refuses; it belongs into unsafe.unrestricted_volumes", n.Text())
		}
		return
	}
	switch clean := path.Clean(v); {
	case v == "":
	case clean != v:
		s.report("bpm-volume-refused", source.Error, n.Span, "volume path %q: bpm refuses it (volume path must be canonical); write a clean path: %s", v, clean)
	case !strings.HasPrefix(v, "/var/vcap/"):
		s.report("bpm-volume-refused", source.Error, n.Span, "volume %s does not lie below /var/vcap, which bpm refuses; it belongs into unsafe.unrestricted_volumes", v)
	case job != "" && v == "/var/vcap/data/"+job:
		s.report("bpm-volume-refused", source.Error, n.Span, "volume %s is the job's own data folder, which bpm refuses; write ephemeral_disk: true", v)
	case job != "" && v == "/var/vcap/store/"+job:
		s.report("bpm-volume-refused", source.Error, n.Span, "volume %s is the job's own store folder, which bpm refuses; write persistent_disk: true", v)
	case strings.ContainsAny(v, "*?["):
		s.report("bpm-volume-refused", source.Warning, n.Span, "volume %s: only unsafe.unrestricted_volumes take patterns; here bpm makes a folder of that very name", v)
	}
}

// unrestricted checks an entry of unsafe.unrestricted_volumes.
func (s *schema) unrestricted(p ProcessNode, i Entry, job string) {
	for _, n := range i.Get("path") {
		v, ok := n.Static()
		if !ok {
			continue
		}
		if strings.Contains(v, "**") || strings.HasSuffix(v, "/*") && strings.Count(v, "*") > 1 {
			s.report("bpm-volume-wide", source.Warning, n.Span, "%s may match a great many paths, and bpm mounts each one by itself (docs/config.md advises against it); mount the folder", v)
		}
		if job == "" {
			continue
		}
		own := []string{"/var/vcap/jobs/" + job, "/var/vcap/sys/log/" + job, "/var/vcap/data/" + job + "/tmp", "/var/vcap/packages", "/var/vcap/data/packages", "/tmp", "/var/tmp"}
		if p.Has("ephemeral_disk") {
			own = append(own, "/var/vcap/data/"+job)
		}
		if p.Has("persistent_disk") {
			own = append(own, "/var/vcap/store/"+job)
		}
		for _, o := range own {
			if v != o && !strings.HasPrefix(v, o+"/") {
				continue
			}
			severity := source.Note
			if i.Has("writable") || i.Has("allow_executions") {
				severity = source.Warning
			}
			s.report("bpm-volume-dropped", severity, n.Span, "%s lies in %s, which every process of the job has already: bpm (since 1.2.22) leaves it out of unrestricted_volumes, with its options; what needs other options there goes to additional_volumes", v, o)
			break
		}
	}
	if i.Has("shared") {
		s.report("bpm-volume-dropped", source.Warning, i.Span, "shared has no effect in unrestricted_volumes (docs/config.md)")
	}
}
