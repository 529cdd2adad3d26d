package interp

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// kind is what a variable holds.
type kind uint8

const (
	scalar kind = iota
	indexed
	assoc
)

// variable is a variable with its attributes.
type variable struct {
	kind kind
	set  bool
	str  string
	// idx and vals are the elements of an indexed array, by index. Of an
	// associative one, keys and vals are in the order they came.
	idx  []int
	keys []string
	vals []string

	exported, readonly, integer, lower, upper, ref bool
	// local says that it was declared in a function.
	local bool
}

func (v *variable) clone() *variable {
	c := *v
	if v.kind != scalar {
		c.idx, c.keys, c.vals = slices.Clone(v.idx), slices.Clone(v.keys), slices.Clone(v.vals)
	}
	return &c
}

// get is an element of an array.
func (v *variable) get(key string) (string, bool) {
	switch v.kind {
	case indexed:
		n, _ := strconv.Atoi(key)
		if i, ok := slices.BinarySearch(v.idx, n); ok {
			return v.vals[i], true
		}
		return "", false
	case assoc:
		if i := slices.Index(v.keys, key); i >= 0 {
			return v.vals[i], true
		}
		return "", false
	}
	if key == "0" && v.set {
		return v.str, true
	}
	return "", false
}

// put sets an element of an array.
func (v *variable) put(key, value string) {
	v.set = true
	switch v.kind {
	case indexed:
		n, _ := strconv.Atoi(key)
		i, ok := slices.BinarySearch(v.idx, n)
		if ok {
			v.vals[i] = value
			return
		}
		v.idx, v.vals = slices.Insert(v.idx, i, n), slices.Insert(v.vals, i, value)
	case assoc:
		if i := slices.Index(v.keys, key); i >= 0 {
			v.vals[i] = value
			return
		}
		v.keys, v.vals = append(v.keys, key), append(v.vals, value)
	}
}

// drop removes an element of an array.
func (v *variable) drop(key string) {
	switch v.kind {
	case indexed:
		n, _ := strconv.Atoi(key)
		if i, ok := slices.BinarySearch(v.idx, n); ok {
			v.idx, v.vals = slices.Delete(v.idx, i, i+1), slices.Delete(v.vals, i, i+1)
		}
	case assoc:
		if i := slices.Index(v.keys, key); i >= 0 {
			v.keys, v.vals = slices.Delete(v.keys, i, i+1), slices.Delete(v.vals, i, i+1)
		}
	}
}

// index makes an array of it.
func (v *variable) index() {
	if v.kind != scalar {
		return
	}
	v.kind = indexed
	if v.set {
		v.idx, v.vals = []int{0}, []string{v.str}
	}
	v.str = ""
}

// list are the keys and the elements in the order in which bash lists them.
func (v *variable) list() (keys, vals []string) {
	switch v.kind {
	case indexed:
		for _, n := range v.idx {
			keys = append(keys, strconv.Itoa(n))
		}
		return keys, v.vals
	case assoc:
		// by the buckets of bash's table, in each the last that came first
		order := make([]int, len(v.keys))
		for i := range order {
			order[i] = len(order) - 1 - i
		}
		sort.SliceStable(order, func(a, b int) bool { return bucket(v.keys[order[a]]) < bucket(v.keys[order[b]]) })
		for _, i := range order {
			keys, vals = append(keys, v.keys[i]), append(vals, v.vals[i])
		}
		return keys, vals
	}
	if v.set {
		return []string{"0"}, []string{v.str}
	}
	return nil, nil
}

// bucket is where bash's hash table puts a key: FNV-1 over 1024 buckets.
func bucket(key string) uint32 {
	h := uint32(2166136261)
	for i := range len(key) {
		h *= 16777619
		h ^= uint32(key[i])
	}
	return h & 1023
}

// first is what the name alone gives.
func (v *variable) first() (string, bool) {
	switch v.kind {
	case scalar:
		return v.str, v.set
	default:
		return v.get("0")
	}
}

// scope are the variables of a function, of a command with assignments in front,
// or the global ones.
type scope struct {
	vars map[string]*variable
	// function says that local declares here.
	function bool
}

func newScope(function bool) *scope { return &scope{vars: map[string]*variable{}, function: function} }

func (s *scope) clone() *scope {
	c := &scope{vars: make(map[string]*variable, len(s.vars)), function: s.function}
	for n, v := range s.vars {
		c.vars[n] = v.clone()
	}
	return c
}

// find is a variable and the scope that has it.
func (sh *Shell) find(name string) (*variable, *scope) {
	for i := len(sh.scopes) - 1; i >= 0; i-- {
		if v := sh.scopes[i].vars[name]; v != nil {
			return v, sh.scopes[i]
		}
	}
	return nil, nil
}

// resolve follows namerefs: the name, and the subscript of one that names an
// element.
func (sh *Shell) resolve(name string) (string, string) {
	for range 10 {
		v, _ := sh.find(name)
		if v == nil || !v.ref || v.str == "" {
			return name, ""
		}
		if i := strings.IndexByte(v.str, '['); i > 0 && strings.HasSuffix(v.str, "]") {
			return v.str[:i], v.str[i+1 : len(v.str)-1]
		}
		name = v.str
	}
	return name, ""
}

// special are the variables that the shell makes when it is asked.
func (sh *Shell) special(name string) *variable {
	one := func(s string) *variable { return &variable{set: true, str: s} }
	number := func(n int) *variable { return one(strconv.Itoa(n)) }
	array := func(vals []string) *variable {
		v := &variable{kind: indexed, set: len(vals) > 0, vals: vals}
		for i := range vals {
			v.idx = append(v.idx, i)
		}
		return v
	}
	switch name {
	case "?":
		return number(sh.status)
	case "$":
		return one(sh.pid)
	case "!":
		return &variable{set: sh.bang != "", str: sh.bang}
	case "#":
		return number(len(sh.params))
	case "-":
		return one(sh.flags())
	case "0":
		return one(sh.name)
	case "PPID":
		return one(sh.ppid)
	case "LINENO":
		return number(sh.at.line)
	}
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		n, _ := strconv.Atoi(name)
		if n >= 1 && n <= len(sh.params) {
			return one(sh.params[n-1])
		}
		return &variable{}
	}
	if sh.dash {
		return nil
	}
	switch name {
	case "_":
		return one(sh.last)
	case "BASHPID":
		return one(sh.self)
	case "UID", "EUID":
		return one(sh.uid)
	case "GROUPS":
		return array([]string{sh.gid})
	case "PIPESTATUS":
		var vals []string
		for _, s := range sh.statuses {
			vals = append(vals, strconv.Itoa(s))
		}
		return array(vals)
	case "BASH_SUBSHELL":
		return number(sh.sub)
	case "SHELLOPTS":
		var on []string
		for n, ok := range sh.opts {
			if ok {
				on = append(on, n)
			}
		}
		on = append(on, "interactive-comments")
		slices.Sort(on)
		return one(strings.Join(slices.Compact(on), ":"))
	case "FUNCNAME":
		var vals []string
		if sh.calls == 0 && sh.sources == 0 {
			return &variable{}
		}
		for i := len(sh.frames) - 1; i >= 0; i-- {
			vals = append(vals, sh.frames[i].name)
		}
		if !sh.inline {
			vals = append(vals, "main")
		}
		return array(vals)
	case "BASH_SOURCE":
		var vals []string
		for i := len(sh.frames) - 1; i >= 0; i-- {
			vals = append(vals, sh.frames[i].src)
		}
		if !sh.inline {
			vals = append(vals, sh.name)
		}
		return array(vals)
	case "BASH_LINENO":
		var vals []string
		for i := len(sh.frames) - 1; i >= 0; i-- {
			vals = append(vals, strconv.Itoa(sh.frames[i].line))
		}
		if !sh.inline {
			vals = append(vals, "0")
		}
		return array(vals)
	case "BASH_VERSINFO":
		return array([]string{"5", "1", "16", "1", "release", "x86_64-pc-linux-gnu"})
	case "DIRSTACK":
		return array(append([]string{sh.dir}, sh.dirs...))
	case "SECONDS":
		if v, _ := sh.find(name); v == nil {
			return number(sh.m.Clock() - sh.started)
		}
	case "EPOCHSECONDS":
		return number(sh.m.Clock())
	case "EPOCHREALTIME":
		return one(strconv.Itoa(sh.m.Clock()) + ".000000")
	case "RANDOM", "SRANDOM":
		return one("12345") // the same on both sides of a proof
	}
	return nil
}

// value is a variable as it is read; nil when there is none.
func (sh *Shell) value(name string) *variable {
	if v := sh.special(name); v != nil {
		return v
	}
	name, element := sh.resolve(name)
	v, _ := sh.find(name)
	if v != nil && element != "" && element != "@" && element != "*" {
		s, ok := v.get(element)
		return &variable{set: ok, str: s}
	}
	return v
}

// Get is what a variable holds.
func (sh *Shell) Get(name string) (string, bool) {
	if v := sh.value(name); v != nil {
		return v.first()
	}
	return "", false
}

func (sh *Shell) str(name string) string {
	s, _ := sh.Get(name)
	return s
}

// writable is the variable that an assignment changes.
func (sh *Shell) writable(name string) *variable {
	v, _ := sh.find(name)
	if v == nil {
		v = &variable{}
		sh.scopes[0].vars[name] = v
	}
	return v
}

// isReadonly complains about an assignment to what may not change.
func (sh *Shell) isReadonly(name string) bool {
	v, _ := sh.find(name)
	bad := v != nil && v.readonly
	if !sh.dash && (name == "UID" || name == "EUID" || name == "PPID" || name == "BASH_VERSINFO" || name == "SHELLOPTS" || name == "BASHOPTS") {
		bad = true
	}
	return bad
}

// convert applies the attributes of a variable to a value.
func (sh *Shell) convert(v *variable, value string) string {
	switch {
	case v.integer:
		n, ok := sh.arithmetic(value)
		if !ok {
			return "0"
		}
		return strconv.FormatInt(n, 10)
	case v.lower:
		return strings.ToLower(value)
	case v.upper:
		return strings.ToUpper(value)
	}
	return value
}

// Set gives a variable a value, as an assignment does; false when it may not
// change.
func (sh *Shell) Set(name, value string) bool { return sh.assign(name, "", value, false, false) }

// assign sets a variable, or the element of one at key. more says +=.
func (sh *Shell) assign(name, key, value string, element, more bool) bool {
	name, ref := sh.resolve(name)
	if ref != "" && !element {
		key, element = ref, true
	}
	if sh.isReadonly(name) {
		if sh.dash {
			sh.errorf("%s: is read only", name)
		} else {
			sh.errorf("%s: readonly variable", name)
		}
		return false
	}
	switch name {
	case "FUNCNAME", "BASH_SOURCE", "BASH_LINENO", "GROUPS", "PIPESTATUS":
		if !sh.dash {
			return true
		}
	case "PATH":
		clear(sh.hashed)
	case "OPTIND":
		sh.optind, sh.optpos = max(1, atoi(value)), 0
	case "SECONDS", "RANDOM", "LINENO":
		if !sh.dash {
			sh.m.Miss("an assignment to " + name)
		}
	}
	v := sh.writable(name)
	if len(value) > maxMemory {
		sh.jump = halts
		return false
	}
	if sh.opts["allexport"] {
		v.exported = true
	}
	if v.kind != scalar && !element {
		key, element = "0", true
	}
	if element {
		if key == "" && v.kind == assoc {
			sh.fatal("%s[]: bad array subscript", name)
			return false
		}
		v.index()
		if v.kind == indexed {
			if n, err := strconv.Atoi(key); err == nil && n < 0 {
				if len(v.idx) > 0 {
					n += v.idx[len(v.idx)-1] + 1
				}
				if n < 0 {
					sh.errorf("%s[%s]: bad array subscript", name, key)
					return false
				}
				key = strconv.Itoa(n)
			}
		}
		if more {
			old, _ := v.get(key)
			value = sh.join(v, old, value)
		}
		value = sh.convert(v, value)
		if sh.jump != goesOn {
			return false
		}
		v.put(key, value)
		return true
	}
	if more {
		value = sh.join(v, v.str, value)
	}
	value = sh.convert(v, value)
	if sh.jump != goesOn {
		return false
	}
	v.set, v.str = true, value
	return true
}

func (sh *Shell) join(v *variable, old, value string) string {
	if v.integer {
		if old == "" {
			old = "0"
		}
		return old + "+(" + value + ")"
	}
	return old + value
}

func atoi(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}

// unset removes a variable.
func (sh *Shell) unset(name string) bool {
	if i := strings.IndexByte(name, '['); i > 0 && strings.HasSuffix(name, "]") && !sh.dash {
		base, key := name[:i], name[i+1:len(name)-1]
		base, _ = sh.resolve(base)
		v, _ := sh.find(base)
		if v == nil {
			return true
		}
		if v.readonly {
			return false
		}
		switch {
		case key == "@" || key == "*":
			if v.kind == assoc {
				v.drop(key)
				return true
			}
			return sh.unset(base)
		case v.kind == indexed:
			n, ok := sh.arithmetic(key)
			if !ok {
				return false
			}
			if n < 0 && len(v.idx) > 0 {
				n += int64(v.idx[len(v.idx)-1]) + 1
			}
			key = strconv.FormatInt(n, 10)
		}
		if v.kind == scalar {
			if key == "0" {
				return sh.unset(base)
			}
			sh.errorf("unset: %s: not an array variable", base)
			return false
		}
		v.drop(key)
		return true
	}
	name, _ = sh.resolve(name)
	v, s := sh.find(name)
	if v == nil {
		return true
	}
	if v.readonly {
		return false
	}
	top := sh.functionScope()
	if sh.dash && v.local || s.function && s == top && v.local {
		s.vars[name] = &variable{local: true}
		return true
	}
	delete(s.vars, name)
	return true
}

// functionScope is that of the function that runs; nil outside of all.
func (sh *Shell) functionScope() *scope {
	for i := len(sh.scopes) - 1; i >= 0; i-- {
		if sh.scopes[i].function {
			return sh.scopes[i]
		}
	}
	return nil
}

// declareLocal makes a variable of the function that runs.
func (sh *Shell) declareLocal(name string) *variable {
	s := sh.functionScope()
	if v := s.vars[name]; v != nil && v.local {
		return v
	}
	v := &variable{local: true}
	if old, from := sh.find(name); old != nil {
		switch {
		case sh.dash:
			v = old.clone()
			v.local = true
		case !from.function && from != sh.scopes[0], from == s:
			// the assignment in front of the call
			v = old.clone()
			v.local = true
		case sh.shopts["localvar_inherit"]:
			v = old.clone()
			v.local = true
		}
	}
	s.vars[name] = v
	return v
}

// names are those of all variables that begin so, sorted.
func (sh *Shell) names(prefix string) []string {
	seen := map[string]bool{}
	for _, s := range sh.scopes {
		for n, v := range s.vars {
			if strings.HasPrefix(n, prefix) && v.set {
				seen[n] = true
			}
		}
	}
	var out []string
	for n := range seen {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// flags is $-.
func (sh *Shell) flags() string {
	var b strings.Builder
	for _, o := range []struct{ letter, name string }{{"a", "allexport"}, {"b", "notify"}, {"e", "errexit"}, {"f", "noglob"}, {"h", "hashall"}, {"k", "keyword"}, {"m", "monitor"}, {"n", "noexec"}, {"u", "nounset"}, {"v", "verbose"}, {"x", "xtrace"}, {"B", "braceexpand"}, {"C", "noclobber"}, {"E", "errtrace"}, {"P", "physical"}, {"T", "functrace"}} {
		if sh.dash && (o.letter == "h" || o.letter == "B") {
			continue
		}
		if sh.opts[o.name] {
			b.WriteString(o.letter)
		}
	}
	if sh.command && !sh.dash {
		b.WriteByte('c')
	}
	return b.String()
}

// ifs is how words are split; set is false when nothing was said.
func (sh *Shell) ifs() string {
	v := sh.value("IFS")
	if v == nil || !v.set {
		return " \t\n"
	}
	s, _ := v.first()
	return s
}

// glue is what "$*" joins with.
func (sh *Shell) glue() string {
	s := sh.ifs()
	if s == "" {
		return ""
	}
	return s[:1]
}

// utf8 says whether characters are more than bytes.
func (sh *Shell) utf8() bool {
	if sh.dash {
		return false
	}
	for _, n := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if s := sh.str(n); s != "" {
			s = strings.ToLower(s)
			return strings.Contains(s, "utf-8") || strings.Contains(s, "utf8")
		}
	}
	return false
}
