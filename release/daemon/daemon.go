// Package daemon is the table of well-known programs that clash with bpm, which
// supervises a process in the foreground: they put themselves in the background,
// and name pidfiles for which a container has no place.
//
// It holds facts of the programs, each with where it can be read, and finds the
// row of a command line. What follows from a row is for release/convert, which
// mends it, and release/check, which reports it.
package daemon

import (
	"path"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// Program is a program that puts itself in the background.
type Program struct {
	Names []string
	// Always says that it does so without being told.
	Always bool
	// Flags send it to the background; Valued are flags with a value that go with
	// them: pid and log files that only a background process needs.
	Flags, Valued []string
	// Front keeps it in the foreground: the first with its value is what the
	// conversion adds, the others are as good.
	Front [][]string
	// Stays is text that keeps it in the foreground, on the command line or in its
	// config file.
	Stays *search.Pattern
	// Verb is an argument that has to be there for the row to hold.
	Verb string
	Docs string
}

// Add is what keeps the program in the foreground, nil when nothing is needed.
func (p *Program) Add() []string {
	if len(p.Front) == 0 {
		return nil
	}
	return p.Front[0]
}

var programs = []Program{
	{Names: []string{"nginx"}, Always: true, Stays: search.MustCompile(`\bdaemon[ \t]+off\b`), Docs: "https://nginx.org/en/docs/ngx_core_module.html#daemon"},
	{Names: []string{"haproxy"}, Flags: []string{"-D"}, Front: [][]string{{"-db"}, {"-Ws"}}, Valued: []string{"-p"}, Docs: "haproxy(1): -D, -db"},
	{Names: []string{"pg_ctl"}, Always: true, Verb: "start", Docs: "https://www.postgresql.org/docs/current/app-pg-ctl.html"},
	{Names: []string{"mongod", "mongos"}, Flags: []string{"--fork"}, Valued: []string{"--pidfilepath"}, Docs: "https://www.mongodb.com/docs/manual/reference/program/mongod/"},
	{Names: []string{"memcached"}, Flags: []string{"-d"}, Valued: []string{"-P"}, Docs: "memcached(1)"},
	{Names: []string{"keepalived"}, Always: true, Front: [][]string{{"--dont-fork"}, {"-n"}}, Valued: []string{"-p", "--pid"}, Docs: "keepalived(8)"},
	{Names: []string{"dnsmasq"}, Always: true, Front: [][]string{{"--keep-in-foreground"}, {"-k"}}, Docs: "dnsmasq(8)"},
	{Names: []string{"squid", "squid3"}, Always: true, Front: [][]string{{"-N"}}, Docs: "squid(8)"},
	{Names: []string{"rabbitmq-server"}, Flags: []string{"-detached"}, Docs: "rabbitmq-server(8)"},
	{Names: []string{"unicorn", "unicorn_rails", "rainbows"}, Flags: []string{"-D", "--daemonize"}, Docs: "https://yhbt.net/unicorn/unicorn_1.html"},
	{Names: []string{"rackup", "thin", "puma"}, Flags: []string{"-D", "-d", "--daemonize", "--daemon"}, Valued: []string{"-P", "--pid"}, Docs: "rackup --help"},
	{Names: []string{"slapd"}, Always: true, Front: [][]string{{"-d", "0"}}, Docs: "slapd(8C)"},
	{Names: []string{"elasticsearch"}, Flags: []string{"-d", "--daemonize"}, Valued: []string{"-p", "--pidfile"}, Docs: "https://www.elastic.co/docs/deploy-manage/deploy/self-managed/install-elasticsearch-from-archive-on-linux-macos"},
	{Names: []string{"hadoop-daemon.sh"}, Always: true, Verb: "start", Docs: "Hadoop commands manual"},
	{Names: []string{"hbase-daemon.sh"}, Always: true, Verb: "start", Docs: "HBase reference, bin/hbase-daemon.sh"},
}

// anywhere are flags that send whatever has them to the background.
var anywhere = &Program{Flags: []string{"--daemonize", "--daemon", "--fork", "--background", "-daemonize", "--daemonize=yes", "--daemonize=true", "--daemon=true", "--daemon=yes"}}

// Find gives the row of a command line that puts itself in the background; nil
// when it stays in the foreground. It also looks at the program that an
// interpreter runs (bundle exec unicorn).
func Find(name string, args []string) *Program {
	names := []string{name}
	if slices.Contains([]string{"bundle", "ruby", "python", "env"}, name) {
		for i, a := range args {
			if i < 3 && !strings.HasPrefix(a, "-") && a != "exec" {
				names = append(names, path.Base(a))
			}
		}
	}
	for i := range programs {
		p := &programs[i]
		if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(p.Names, n) }) || p.Verb != "" && !slices.Contains(args, p.Verb) {
			continue
		}
		if slices.ContainsFunc(p.Front, func(f []string) bool { return slices.Contains(args, f[0]) }) {
			return nil
		}
		if p.Always || slices.ContainsFunc(p.Flags, func(f string) bool { return slices.Contains(args, f) }) {
			return p
		}
		return nil
	}
	if slices.ContainsFunc(anywhere.Flags, func(f string) bool { return slices.Contains(args, f) }) {
		return anywhere
	}
	return nil
}

// Setting is a line of a config file that clashes with bpm: it sends the program
// to the background, or names a pidfile.
type Setting struct {
	Programs []string
	// Line finds it outside of comments. The first group is what an edit
	// replaces, the last one the value.
	Line *search.Pattern
	// Bad is the value that sends the program to the background, Good what has to
	// stand there instead, "" for nothing. Both are "" for a pidfile.
	Bad, Good string
	// Front are arguments that overrule the line.
	Front *search.Pattern
	Docs  string
}

// Pidfile says whether the setting names a pidfile.
func (s Setting) Pidfile() bool { return s.Bad == "" }

var redis = []string{"redis-server", "redis-sentinel", "valkey-server", "valkey-sentinel"}

// Settings is the table of them.
var Settings = []Setting{
	{Programs: redis, Line: keyed("daemonize", `yes|no`), Bad: "yes", Good: "no", Front: search.MustCompile(`--daemonize[ =]no\b`), Docs: "https://redis.io/docs/latest/operate/oss_and_stack/management/config/"},
	{Programs: redis, Line: keyed("pidfile", file), Docs: "redis.conf: without daemonize a pidfile is written only where one is named"},
	{Programs: []string{"gnatsd", "nats-server"}, Line: assigned("pid_?file", "[:= \\t]", file), Docs: "https://docs.nats.io/running-a-nats-service/configuration"},
	{Programs: []string{"mongod", "mongos"}, Line: assigned("fork", "[=:]", "true|false"), Bad: "true", Good: "false", Docs: "https://www.mongodb.com/docs/manual/reference/configuration-options/#mongodb-setting-processManagement.fork"},
	{Programs: []string{"mongod", "mongos"}, Line: assigned("pidfilepath", "[=:]", file), Docs: "https://www.mongodb.com/docs/manual/reference/configuration-options/#mongodb-setting-processManagement.pidFilePath"},
	{Programs: []string{"haproxy"}, Line: search.MustCompile(`(?m)^([ \t]*(daemon)[ \t]*(?:\r?\n|\z))`), Bad: "daemon", Front: search.MustCompile(`(?:^|\s)(?:-db|-Ws)(?:\s|$)`), Docs: "https://docs.haproxy.org/2.8/configuration.html#daemon"},
	{Programs: []string{"haproxy", "openvpn"}, Line: search.MustCompile(`%>[ \t]*((daemon))[ \t]*(?:<%|\r?\n|\z)`), Bad: "daemon", Front: search.MustCompile(`(?:^|\s)(?:-db|-Ws)(?:\s|$)`), Docs: "https://docs.haproxy.org/2.8/configuration.html#daemon, openvpn(8): --daemon"},
	{Programs: []string{"openvpn"}, Line: search.MustCompile(`(?m)^([ \t]*(daemon)(?:[ \t]+\S+)?[ \t]*(?:\r?\n|\z))`), Bad: "daemon", Docs: "openvpn(8): --daemon"},
	{Programs: []string{"openvpn"}, Line: keyed("writepid", file), Docs: "openvpn(8): --writepid"},
	{Programs: []string{"stunnel", "stunnel4"}, Line: assigned("foreground", "=", "yes|no|quiet"), Bad: "no", Good: "yes", Docs: "stunnel(8): foreground"},
	{Programs: []string{"stunnel", "stunnel4"}, Line: assigned("pid", "=", file), Docs: "stunnel(8): pid"},
	{Programs: []string{"vsftpd"}, Line: assigned("background", "=", "YES|NO"), Bad: "YES", Good: "NO", Docs: "vsftpd.conf(5): background"},
	{Programs: []string{"supervisord"}, Line: assigned("nodaemon", "=", "true|false"), Bad: "false", Good: "true", Front: search.MustCompile(`(?:^|\s)(?:-n|--nodaemon)(?:\s|$)`), Docs: "https://supervisord.org/configuration.html"},
	{Programs: []string{"postgres", "pg_ctl"}, Line: search.MustCompile(`(?m)(?:^|%>)[ \t]*external_pid_file[ \t]*=?[ \t]*'((` + file + `))'`), Docs: "https://www.postgresql.org/docs/current/runtime-config-file-locations.html"},
	{Programs: []string{"nginx"}, Line: search.MustCompile(`(?m)(?:^|[;{}]|%>)[ \t]*daemon\s+((on|off|(?:<%[^#].*?%>|on|off)+))\s*;`), Bad: "on", Good: "off", Docs: "https://nginx.org/en/docs/ngx_core_module.html#daemon"},
	{Programs: []string{"nginx"}, Line: search.MustCompile(`(?m)(?:^|[;{}]|%>)[ \t]*pid\s+(((?:<%[^#].*?%>|[^;{}\s<])+))\s*;`), Docs: "https://nginx.org/en/docs/ngx_core_module.html#pid"},
}

// file is a path with what ERB prints in it.
const file = `(?:<%[^#].*?%>|[^\s<"'])+`

// keyed is a line like "key value", alone or in a block of ERB. Names and words
// like yes are read in capitals, too.
func keyed(key, value string) *search.Pattern {
	return search.MustCompile(`(?mi)(?:^|%>)[ \t]*` + key + `[ \t]+["']?((` + value + `|<%[^#].*?%>))`)
}

// assigned is a line like "key = value", or a place in a list of such.
func assigned(key, sign, value string) *search.Pattern {
	return search.MustCompile(`(?mi)(?:^|[{,]|%>)[ \t]*` + key + `[ \t]*` + sign + `[ \t]*["']?((` + value + `|<%[^#].*?%>))`)
}
