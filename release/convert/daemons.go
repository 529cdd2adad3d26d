package convert

import (
	"strconv"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// server is a row of the table of known servers: what a program does by itself
// that clashes with bpm, which supervises a process in the foreground, as
// vcap, over read-only packages. The table holds data only; the rules that
// read it are in launch.go and container.go.
type server struct {
	// name is the base name of the executable.
	name string
	// inline is the option that takes directives of the config file on the
	// command line; empty when there is none.
	inline string
	// foreground and background are the inline directives that keep it in the
	// foreground or send it to the background, which is also its default.
	foreground, background string
	// pid is the inline directive that names a pidfile.
	pid string
	// prefix is the option for the folder below which it keeps run-time files;
	// it is compiled to lie in the package, where a container cannot write.
	prefix string
	// prefixDirs are the folders below the prefix that it does not make by
	// itself; prefixLinks those that the package brings and that have to be
	// found below the new prefix too.
	prefixDirs, prefixLinks []string
	// configure is what the package's packaging script says to compile the
	// prefix in, for the place in the report.
	configure *search.Pattern
	// config is the option that names the config file.
	config string
	// listen finds what it listens on in the config file; the first group is
	// the address.
	listen *search.Pattern
	// port gives the port of such an address, 0 for none.
	port func(address string) int
	// include finds the files that it reads besides.
	include *search.Pattern
	// user finds the directive that drops privileges from root. Without root
	// it has no effect.
	user *search.Pattern
	// relative finds paths that are relative to the prefix.
	relative *search.Pattern
	// docs is where the facts of the row can be read.
	docs string
}

var servers = []server{
	{
		name:        "nginx",
		inline:      "-g",
		foreground:  "daemon off",
		background:  "daemon on",
		pid:         "pid",
		prefix:      "-p",
		prefixDirs:  []string{"logs"},
		prefixLinks: []string{"html"},
		configure:   search.MustCompile(`--prefix[= ]\S+`),
		config:      "-c",
		listen:      directive("listen"),
		port:        nginxPort,
		include:     directive("include"),
		user:        directive("user"),
		relative:    search.MustCompile(`(?m)(?:^|[;{}])[ \t]*(?:root|alias|[a-z]+_temp_path)[ \t]+([^/"'$;\s][^;\n]*);`),
		docs:        "https://nginx.org/en/docs/switches.html, https://nginx.org/en/docs/ngx_core_module.html",
	},
}

func knownDaemon(name string) *server {
	for i := range servers {
		if servers[i].name == name {
			return &servers[i]
		}
	}
	return nil
}

// directive matches "name value;" outside comments; the group is the value.
func directive(name string) *search.Pattern {
	return search.MustCompile(`(?m)(?:^|[;{}])[ \t]*` + search.QuoteMeta(name) + `\s+([^;{}]+);`)
}

// nginxPort reads the address of a listen directive: a port alone, an address
// with one, or an address without (port 80); a unix socket has none.
func nginxPort(address string) int {
	host, _, _ := strings.Cut(address, " ")
	if strings.HasPrefix(host, "unix:") {
		return 0
	}
	if n, err := strconv.Atoi(host); err == nil {
		return n
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		n, err := strconv.Atoi(host[i+1:])
		if err != nil {
			return 0 // a variable or an ERB expression
		}
		return n
	}
	return 80
}

// blankComments replaces "#" comments by blanks of the same length, so that
// offsets stay. A "#" inside quotes does not start one.
func blankComments(text string) string {
	b := []byte(text)
	var quote byte
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\n':
			quote = 0
		case quote != 0:
			if b[i] == quote {
				quote = 0
			}
		case b[i] == '"' || b[i] == '\'':
			quote = b[i]
		case b[i] == '#':
			for i < len(b) && b[i] != '\n' {
				b[i] = ' '
				i++
			}
		}
	}
	return string(b)
}

// blankConfig is blankComments for a config file, in which a line may begin with
// ; or //, and XML has comments of its own.
func blankConfig(text string) string {
	b := []byte(blankComments(text))
	for _, m := range configComment.FindAllIndex(b, -1) {
		for i := m[0]; i < m[1]; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b)
}

// withoutComments is a script, settingsOf a config file, with blanks for comments.
func withoutComments(f *source.File) string {
	type key struct{}
	return source.Derived(f, key{}, func() string { return blankComments(string(f.Data)) })
}

func settingsOf(f *source.File) string {
	type key struct{}
	return source.Derived(f, key{}, func() string { return blankConfig(string(f.Data)) })
}

var configComment = search.MustCompile(`(?m)^[ \t]*(?:;|//).*$|(?s:<!--.*?-->)`)

// directives is the value of an inline option: "a b; c d;".
type directives []string

func parseDirectives(s string) directives {
	var ds directives
	for _, d := range strings.Split(s, ";") {
		if d = strings.TrimSpace(d); d != "" {
			ds = append(ds, d)
		}
	}
	return ds
}

func (ds directives) String() string {
	return strings.Join(ds, "; ") + ";"
}

// index finds the directive with the given first words.
func (ds directives) index(words string) int {
	for i, d := range ds {
		if d == words || strings.HasPrefix(d, words+" ") {
			return i
		}
	}
	return -1
}
