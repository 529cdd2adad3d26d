// Package ports reads on which ports a process listens out of what it is told:
// its arguments, its environment, its config files.
//
// A name says whether a port is one to listen on: --listen-addr, http_port, bind.
// A plain port is the process's own unless it stands with a host, a user of it
// or below the name of something that is asked: then it is another one's.
//
// Which values a property has, and what follows from a port, is the caller's
// business.
package ports

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// Reader collects the places that name a port.
type Reader struct {
	// Values are those of a property; in its name * stands for the items of a list.
	Values func(property string) []Value
	Found  []Listener
}

// Value is a value of a property.
type Value struct {
	Text string
	Span source.Span
}

// Listener is a place that names a port.
type Listener struct {
	At source.Span
	// Port is 0 where a property holds it that has no value.
	Port     int
	Property string
	// Value is where the property gets it.
	Value source.Span
	// Sure is false where it may be the port of another process; Host says that the
	// property may hold a host alone.
	Sure, Host bool
}

// Low says whether only root, or who has the capability, may listen there.
func (l Listener) Low() bool { return l.Port > 0 && l.Port < 1024 }

// Arguments reads a command line: --port=80, -listenAddr 0.0.0.0:80, -p 80, -l :80.
func (r *Reader) Arguments(args []Argument) {
	for i, a := range args {
		if !strings.HasPrefix(a.Text, "-") {
			continue
		}
		name, value, ok := strings.Cut(a.Text, "=")
		at := a.At
		if !ok && i+1 < len(args) {
			value, at = args[i+1].Text, args[i+1].At
		}
		switch kind := Name(strings.TrimLeft(name, "-")); {
		case name == "-p":
			// a folder, a pidfile, a prefix: a port only when it is one
			if names := erb.Properties(value); digits.MatchString(value) || len(names) > 0 && strings.Contains(names[0], "port") {
				r.Value(at, value, "port", true)
			}
		case name == "-l":
			if strings.Contains(value, ":") && !strings.Contains(value, "/") {
				r.Value(at, value, "address", true)
			}
		case kind == "":
		case kind == "port" || strings.Contains(value, ":") || strings.Contains(value, "<%"):
			r.Value(at, value, kind, true)
		}
	}
}

// Argument is a word of a command line; what a property puts in stands as a tag.
type Argument struct {
	Text string
	At   source.Span
}

var digits = search.MustCompile(`^[0-9]+$`)

// ownPort are words in the name of a port that the process itself opens.
var ownPort = map[string]bool{
	"http": true, "https": true, "ssl": true, "tls": true, "tcp": true, "udp": true, "status": true, "admin": true, "debug": true, "metrics": true, "health": true,
	"check": true, "healthcheck": true, "server": true, "web": true, "grpc": true, "pprof": true, "profiling": true, "prometheus": true, "ui": true, "management": true,
	"monitoring": true, "varz": true, "healthz": true, "app": true,
}

// notPort are words that make of listen and bind something else.
var notPort = map[string]bool{
	"options": true, "ciphers": true, "ciphersuites": true, "dn": true, "password": true, "pw": true, "user": true, "timeout": true, "backlog": true, "interface": true,
	"mode": true, "credential": true, "credentials": true, "max": true, "queue": true, "retry": true, "process": true, "group": true, "owner": true, "cert": true, "key": true,
}

// Own says whether a word in the name of a port is for one that the process itself
// opens.
func Own(word string) bool { return ownPort[word] }

// Asked says whether a word is the name of what processes ask: a database, a bus.
func Asked(word string) bool { return asked[word] || asked[strings.TrimSuffix(word, "s")] }

// Name says what a name means: "port" for a port to listen on, "address" for
// a host with or without one, nothing for all else.
func Name(name string) string {
	words := Words(name)
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	listen, own := false, true
	for _, word := range words {
		if notPort[word] {
			return ""
		}
		listen = listen || word == "listen" || word == "bind" || word == "listener"
	}
	for _, word := range words[:len(words)-1] {
		own = own && ownPort[word]
	}
	switch {
	case last == "port" && (listen || own), strings.HasSuffix(strings.ToLower(name), "serverrun"): // of rsyslog
		return "port"
	case listen:
		return "address"
	case (last == "addr" || last == "address") && own && len(words) > 1 && words[0] != "server" && words[0] != "app":
		return "address"
	}
	return ""
}

// Words cuts a name in small letters at -, _, ., and where a small letter meets a large one.
func Words(name string) []string {
	var b strings.Builder
	var before rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
		before = r
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Config reads a file line by line, with its comments made blank: key: value, key = value, "key" => value,
// key="value", key value.
func (r *Reader) Config(f *source.File, body string) {
	lines := strings.SplitAfter(body, "\n")
	offset := 0
	for i, line := range lines {
		start := offset
		offset += len(line)
		done := false
		for _, m := range keyValue.FindAllStringSubmatchIndex(line, -1) {
			key, end := line[m[2]:m[3]], len(line)
			kind := Name(key)
			_, parent := around(lines, i)
			if slices.Contains(Words(parent), "ports") {
				kind = "port"
			}
			if kind == "" {
				continue
			}
			done = true
			whose := own
			if key == "port" {
				whose = ownerOf(lines, i)
			}
			if whose != another {
				r.line(f, start+m[1], line[m[1]:end], kind, whose == own)
			}
		}
		m := spaced.FindStringSubmatchIndex(line)
		if m == nil || done {
			continue
		}
		key, from := line[m[2]:m[3]], m[4]
		if named := sectionAddress.FindStringIndex(line[m[4]:m[5]]); named != nil && (key == "listen" || key == "frontend") {
			key, from = "bind", m[4]+named[1] // as haproxy had it once: listen name *:80
		}
		if kind := Name(key); kind != "" {
			for _, a := range commas.FindAllStringIndex(line[from:m[5]], -1) {
				r.line(f, start+from+a[0], line[from+a[0]:from+a[1]], kind, true)
			}
		}
	}
}

var (
	// keyValue is a name before a value; blanks around = make no difference.
	keyValue = search.MustCompile(`(?:["':]|\b)([A-Za-z][\w.-]*)["']?\]?\s*(?::[ \t]|:$|=>|=)[ \t]*`)
	// spaced is a line of a file that has the name first and no sign.
	spaced = search.MustCompile(`^\s*\$?([A-Za-z][\w-]*)[ \t]+(?:port[ \t]+)?(\S.*?)\s*$`)
	// sectionAddress is the name of a section before its address.
	sectionAddress = search.MustCompile(`^[A-Za-z][\w.-]*[ \t]+`)
	// commas cuts a list of addresses; what stands in an expression stays whole.
	commas = search.MustCompile(`^(?:<%=.*?%>|[^,<\s])+|,(?:<%=.*?%>|[^,<\s])+`)
)

// line reads the value behind a name.
func (r *Reader) line(f *source.File, start int, text, kind string, sure bool) {
	trimmed := strings.TrimLeft(text, " \t,")
	start += len(text) - len(trimmed)
	value := trimmed
	if m := oneValue.FindString(trimmed); m != "" {
		value = m
	}
	value = strings.TrimRight(value, " \t\r\n,;")
	if value == "" {
		return
	}
	r.Value(source.Span{File: f, Start: start, End: start + len(value)}, value, kind, sure)
}

// oneValue is a value as far as it goes: quoted, an address with expressions in
// it, or Ruby.
var oneValue = search.MustCompile(`^(?:"[^"\n]*"|'[^'\n]*'|(?:<%=.*?%>|[\w.*:\[\]@/-])+(?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)[\w.]*)?(?:[ \t]*\|\|[ \t]*\S+)?)`)

// Value judges a port, or an address with or without one.
func (r *Reader) Value(at source.Span, text, kind string, sure bool) {
	text = strings.Trim(text, `"'`)
	if m := quoted.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	ruby := strings.Contains(text, "<%") || rubyValue.MatchString(text)
	if !ruby {
		if port, ok := Of(text); ok {
			r.Found = append(r.Found, Listener{At: at, Port: port, Sure: sure})
		}
		return
	}
	// what stands behind the last colon outside of expressions
	code := text
	if i := lastColon(text); i >= 0 {
		code, kind = text[i+1:], "port"
		if port, ok := Of(code); ok {
			r.Found = append(r.Found, Listener{At: at, Port: port, Sure: sure})
			return
		}
	}
	if at.File != nil {
		code = Local(at.File, code)
	}
	if strings.Contains(code, "link(") || !sure && !strings.Contains(code, "port") {
		return // the port of another job
	}
	known := false
	for _, n := range Numbers(code) {
		if port, ok := Of(n); ok {
			known = true
			r.Found = append(r.Found, Listener{At: at, Port: port, Sure: sure})
		}
	}
	for _, m := range rubyDefault.FindAllStringSubmatch(code, -1) {
		if port, ok := Of(m[1]); ok {
			known = true
			r.Found = append(r.Found, Listener{At: at, Port: port, Sure: sure})
		}
	}
	all := erb.Properties(code)
	names := slices.DeleteFunc(slices.Clone(all), func(name string) bool { // x of x && x.port
		return slices.ContainsFunc(all, func(o string) bool { return strings.HasPrefix(o, name+".") })
	})
	for _, name := range names {
		for _, v := range r.Values(name) {
			known = true
			if port, ok := Of(v.Text); ok {
				r.Found = append(r.Found, Listener{At: at, Port: port, Property: name, Value: v.Span, Sure: sure})
			}
		}
	}
	if len(names) > 0 && !known && sure {
		r.Found = append(r.Found, Listener{At: at, Property: names[0], Sure: true, Host: kind == "address" && !strings.Contains(names[0], "port")})
	}
}

var (
	quoted      = search.MustCompile(`^["'](.*)["']$`)
	rubyValue   = search.MustCompile(`^(?:p|if_p)\(|^properties\.|\bp\(["']`)
	rubyDefault = search.MustCompile(`(?:,|\|\||[^:]:[ \t])\s*["']?([\w.*:\[\]]*?\d+)["']?\s*(?:\)|$|%>|-%>)`)
	portNumber  = search.MustCompile(`^(\d{1,5})(?:$|[^\w.:-])`)
)

// Of gives the port of a number or of an address that ends in one. A port of
// 0 is none or any.
func Of(text string) (int, bool) {
	text = strings.Trim(strings.TrimSpace(text), `"'`)
	if i := lastColon(text); i >= 0 && !strings.HasSuffix(text, "]") {
		if strings.Count(text, ":") > 1 && !strings.Contains(text, "]:") && !strings.Contains(text, "://") && !strings.HasPrefix(text, "::") && !strings.HasPrefix(text, ":::") {
			return 0, false // an IPv6 address
		}
		text = text[i+1:]
	}
	text = strings.TrimSuffix(text, "/")
	m := portNumber.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil && n > 0 && n < 65536
}

// lastColon finds the colon before a port, none inside an expression or Ruby.
func lastColon(text string) int {
	depth := 0
	for i := len(text) - 1; i >= 0; i-- {
		switch {
		case strings.HasPrefix(text[i:], "%>"), text[i] == ')':
			depth++
		case strings.HasPrefix(text[i:], "<%"), text[i] == '(':
			depth--
		case text[i] == ':' && depth == 0:
			return i
		}
	}
	return -1
}

// around gives the lines that stand in one block with a line, and the name of
// the line above that opens the block.
func around(lines []string, i int) (block []string, parent string) {
	depth := indent(lines[i])
	collect := func(from, step int) (end int) {
		for j := from; j >= 0 && j < len(lines); j += step {
			switch in := indent(lines[j]); {
			case in < 0:
			case in < depth:
				return j
			case in == depth:
				block = append(block, lines[j])
			}
		}
		return -1
	}
	if j := collect(i-1, -1); j >= 0 {
		parent = strings.TrimSpace(lines[j])
	}
	collect(i+1, 1)
	return block, parent
}

// indent counts the blanks before a line, -1 for one that is empty or only has
// ERB.
func indent(line string) int {
	t := strings.TrimSpace(line)
	if t == "" || strings.HasPrefix(t, "<%") && !strings.HasPrefix(t, "<%=") {
		return -1
	}
	t = strings.TrimPrefix(strings.TrimLeft(line, " \t"), "- ")
	return len(line) - len(t)
}

var (
	// hostKey is a name for the host of another process.
	hostKey = search.MustCompile(`(?i)(?:^|[\s"'{(,:-])(?:host|hosts|hostname|server|servers|address|addresses|machines|url|uri|endpoint|target)["']?\s*(?::|=>|=)\s*["']?([^\s"',]*)`)
	// wildcard is a host to listen on.
	wildcard = search.MustCompile(`^(?:0\.0\.0\.0|\*|::|\[::\]|localhost|127\.0\.0\.1)$`)
	// asked are names of what a process asks, and does not serve.
	asked = map[string]bool{
		"nats": true, "mbus": true, "db": true, "database": true, "mysql": true, "postgres": true, "smtp": true, "mail": true, "email": true, "redis": true, "syslog": true,
		"nfs": true, "uaa": true, "ldap": true, "metron": true, "loggregator": true, "etcd": true, "consul": true, "statsd": true, "graphite": true, "upstream": true, "backend": true,
		"remote": true, "endpoint": true, "client": true, "resque": true, "zookeeper": true, "memcached": true, "ccdb": true, "uaadb": true,
	}
)

// owner of a plain port: another process below the name of what is asked, perhaps
// another one with a host beside it, and the process itself at the top of a file.
type owner int

const (
	own owner = iota
	unclear
	another
)

func ownerOf(lines []string, i int) owner {
	block, parent := around(lines, i)
	for _, word := range Words(parent) {
		if Asked(word) {
			return another
		}
	}
	switch several := len(keyValue.FindAllString(lines[i], -1)) > 1; {
	case several:
		block = lines[i : i+1]
	case parent == "":
		return own
	}
	for _, line := range block {
		if m := hostKey.FindStringSubmatch(line); m != nil && !wildcard.MatchString(m[1]) {
			return unclear
		}
	}
	return own
}
