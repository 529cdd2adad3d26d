package convert

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release/bpm"
	"github.com/bosh-bpmify/bosh-bpmify/release/erb"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
)

// setting is a line of a daemon's config file that clashes with bpm: it sends
// the daemon to the background, or names a pidfile for which the container has
// no place.
type setting struct {
	programs []string
	// line finds it outside of comments. The first group is what an edit
	// replaces, the last one the value.
	line *regexp.Regexp
	// want gives the text for the first group; ok is false where the value is
	// fine as it is.
	want func(w *job, value string) (text, why string, ok bool)
	docs string
}

var settings = []setting{
	{[]string{"redis-server", "redis-sentinel"}, keyed("daemonize", `yes|no|<%=.*?%>`), instead("yes", "no"), "https://redis.io/docs/latest/operate/oss_and_stack/management/config/"},
	{[]string{"redis-server", "redis-sentinel"}, keyed("pidfile", `\S+`), writablePid, "redis.conf: without daemonize a pidfile is written only where one is named"},
	{[]string{"mongod", "mongos"}, regexp.MustCompile(`(?m)^[ \t]*fork[ \t]*[=:][ \t]*((true|false|<%=.*?%>))`), instead("true", "false"), "https://www.mongodb.com/docs/manual/reference/configuration-options/#mongodb-setting-processManagement.fork"},
	{[]string{"mongod", "mongos"}, regexp.MustCompile(`(?m)^[ \t]*(?:pidfilepath|pidFilePath)[ \t]*[=:][ \t]*"?(([^\s"]+))`), writablePid, "https://www.mongodb.com/docs/manual/reference/configuration-options/#mongodb-setting-processManagement.pidFilePath"},
	{[]string{"haproxy"}, regexp.MustCompile(`(?m)^([ \t]*(daemon)[ \t]*(?:\n|\z))`), removed, "https://docs.haproxy.org/2.8/configuration.html#daemon"},
	{[]string{"openvpn"}, regexp.MustCompile(`(?m)^([ \t]*(daemon)(?:[ \t]+\S+)?[ \t]*(?:\n|\z))`), removed, "openvpn(8): --daemon"},
	{[]string{"openvpn"}, keyed("writepid", `\S+`), writablePid, "openvpn(8): --writepid"},
	{[]string{"stunnel", "stunnel4"}, regexp.MustCompile(`(?m)^[ \t]*foreground[ \t]*=[ \t]*((yes|no|quiet|<%=.*?%>))`), instead("no", "yes"), "stunnel(8): foreground"},
	{[]string{"stunnel", "stunnel4"}, regexp.MustCompile(`(?m)^[ \t]*pid[ \t]*=[ \t]*((\S+))`), writablePid, "stunnel(8): pid"},
	{[]string{"vsftpd"}, regexp.MustCompile(`(?m)^background=((YES|NO|<%=.*?%>))`), instead("YES", "NO"), "vsftpd.conf(5): background"},
	{[]string{"supervisord"}, regexp.MustCompile(`(?m)^[ \t]*nodaemon[ \t]*=[ \t]*((true|false|<%=.*?%>))`), instead("false", "true"), "https://supervisord.org/configuration.html"},
	{[]string{"postgres", "pg_ctl"}, regexp.MustCompile(`(?m)^[ \t]*external_pid_file[ \t]*=?[ \t]*'(([^'\s]+))'`), writablePid, "https://www.postgresql.org/docs/current/runtime-config-file-locations.html"},
	{[]string{"nginx"}, regexp.MustCompile(`(?m)(?:^|[;{}])[ \t]*daemon\s+((on|off|<%=.*?%>))\s*;`), instead("on", "off"), "https://nginx.org/en/docs/ngx_core_module.html#daemon"},
	{[]string{"nginx"}, regexp.MustCompile(`(?m)(?:^|[;{}])[ \t]*pid\s+(([^;{}\s]+))\s*;`), writablePid, "https://nginx.org/en/docs/ngx_core_module.html#pid"},
}

// keyed is a line like "key value".
func keyed(key, value string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]*` + key + `[ \t]+((` + value + `))`)
}

func instead(bad, good string) func(*job, string) (string, string, bool) {
	return func(_ *job, value string) (string, string, bool) {
		return good, "it sends the process to the background, and bpm supervises it in the foreground", value == bad
	}
}

func removed(*job, string) (string, string, bool) {
	return "", "it sends the process to the background, and bpm supervises it in the foreground", true
}

func writablePid(w *job, file string) (string, string, bool) {
	p := path.Clean(file)
	if !path.IsAbs(p) || below(p, w.dataDir()) || below(p, w.storeDir()) || below(p, w.logDir()) || below(p, "/tmp") || below(p, "/var/tmp") || p == "/dev/null" {
		return "", "", false
	}
	return path.Join(w.dataDir(), "tmp", path.Base(p)), "the container has no place for it; the job's tmp folder is and can be written. monit reads bpm's own pidfile", true
}

// daemonSettings edits what clashes with bpm in the config files that a process
// reads. What a property says cannot be edited and is a finding.
func (w *job) daemonSettings(l *launch, p *bpm.ProcessTemplate) {
	var rows []setting
	program := ""
	for _, u := range l.ways {
		for _, s := range settings {
			if slices.Contains(s.programs, u.Name()) {
				rows, program = append(rows, s), u.Name()
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	for _, c := range w.configs(p) {
		if !c.named {
			continue
		}
		texts, _ := w.configTexts(path.Join(w.jobDir(), c.target))
		for i, t := range texts {
			for _, s := range rows {
				w.applySetting(l, s, program, t, i == 0)
			}
		}
	}
}

// applySetting holds one text against a setting. Only the template itself can
// be edited.
func (w *job) applySetting(l *launch, s setting, program string, t text, template bool) {
	body := blankComments(t.body)
	for _, m := range s.line.FindAllStringSubmatchIndex(body, -1) {
		value := body[m[len(m)-2]:m[len(m)-1]]
		where := t.span(m[2], m[3])
		if strings.Contains(value, "<%") {
			for _, v := range w.propertyTexts(erb.Properties(value)...) {
				if now, why, clash := s.want(w, v.body); clash {
					w.find("config-clash", source.Error, v.span(0, len(v.body)), "%s reads %q from this property: %s. It has to be %s", program, v.body, why, now)
				}
			}
			continue
		}
		now, why, clash := s.want(w, value)
		if !clash {
			continue
		}
		old := strings.TrimSpace(t.body[m[2]:m[3]])
		if !template {
			w.find("config-clash", source.Error, where, "%s reads %q from this property: %s", program, strings.TrimSpace(body[m[0]:m[1]]), why)
			continue
		}
		w.editFile(where, now, "setting", "goes with bpm now")
		line := strings.Join(strings.Fields(body[m[0]:m[1]]), " ")
		if now == "" {
			w.decide(l, at(where), "no "+line, "%s (%s)", why, s.docs)
			continue
		}
		w.decide(l, at(where), strings.TrimLeft(strings.Replace(line, old, now, 1), ";{} "), "%s (%s)", why, s.docs)
	}
}
