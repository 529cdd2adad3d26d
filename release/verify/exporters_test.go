package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
)

// exporters writes a release of 28 jobs as releases of exporters are: the ctl script
// of each has options for what operators may set, among them lists of hosts that are
// texts, and paths that are those of URLs. kinds are the four ways in which they print
// them.
func exporters(t *testing.T) *release.Release {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "exporters")
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("config/final.yml", "name: exporters\n")
	kinds := []struct{ head, options string }{
		{`export NO_PROXY="<%= p('env.no_proxy', '') %>"`, `
<% if_p('NAME.web.telemetry_path') do |path| %> \
  --web.telemetry-path="<%= path %>" \
<% end %> \
<% if_p('NAME.filter.collectors') do |list| %> \
  --filter.collectors="<%= list %>" \
<% end %> \
`},
		{`<% if_p('env.http_proxy') do |proxy| %>
export HTTP_PROXY="<%= proxy %>"
export http_proxy="<%= proxy %>"
<% end %>
<% if_p('env.no_proxy') do |hosts| %>
export NO_PROXY="<%= hosts %>"
export no_proxy="<%= hosts %>"
<% end %>`, ` \
  --metrics-path=<%= p('NAME.web.telemetry_path') %> \
  --api.url=https://localhost:<%= p('NAME.port') %><%= p('NAME.api_path') %> \
  --skip="<%= p('NAME.filter.collectors') %>" \
`},
		{`<% unless p('env.no_proxy').empty? %>
export NO_PROXY=<%= p('env.no_proxy').split(',').join(',') %>
<% end %>`, `
<% if_p('NAME.web.prefix_path', 'NAME.api_path') do |prefix, path| %> \
  -web.prefix "<%= prefix %>" -api <%= path %> \
<% end %> \
<% p('NAME.targets').each do |target| %> \
  -target <%= target %> \
<% end %> \
`},
		{`export NO_PROXY="<%= [p('env.no_proxy')].flatten.join(',') %>"`, ` \
<% if p('NAME.log_format') == 'json' %> \
  --log.format=json \
<% end %> \
<% if_p('NAME.config_path') do |path| %> --config.path <%= path %><% end %> \
  --timeout <%= p('NAME.timeout') %> \
`},
	}
	const spec = `properties:
  env.http_proxy: {description: HTTP proxy to use}
  env.no_proxy: {description: List of comma-separated hosts that should skip connecting to the proxy DEFAULT}
  NAME.port: {description: Port, default: 9100}
  NAME.timeout: {description: Timeout of a scrape, example: 10s}
  NAME.targets: {description: Targets to scrape, default: []}
  NAME.log_format: {description: Format of the log}
  NAME.config_path: {description: Path of the configuration}
  NAME.api_path: {description: Path of the API}
  NAME.web.prefix_path: {description: Prefix of all paths}
  NAME.web.telemetry_path: {description: Path under which to expose metrics}
  NAME.filter.collectors: {description: Array of collectors to filter}
`
	for i := range 28 {
		k, name := kinds[i%len(kinds)], fmt.Sprintf("exporter%02d", i+1)
		job := "jobs/" + name
		fill := strings.NewReplacer("NAME", name, " DEFAULT}", map[bool]string{true: ", default: ''}", false: "}"}[i%len(kinds) > 1])
		write(job+"/spec", "name: "+name+"\npackages: ["+name+"]\ntemplates:\n  ctl.erb: bin/ctl\n"+fill.Replace(spec))
		write(job+"/monit", fmt.Sprintf("check process %[1]s\n  with pidfile /var/vcap/sys/run/%[1]s/%[1]s.pid\n  start program \"/var/vcap/jobs/%[1]s/bin/ctl start\"\n  stop program \"/var/vcap/jobs/%[1]s/bin/ctl stop\"\n  group vcap\n", name))
		user := map[bool]string{true: "chpst -u vcap:vcap ", false: ""}[i%3 == 0]
		write(job+"/templates/ctl.erb", fill.Replace(`#!/bin/bash
set -e
RUN_DIR=/var/vcap/sys/run/NAME
LOG_DIR=/var/vcap/sys/log/NAME
mkdir -p $RUN_DIR $LOG_DIR
chown -R vcap:vcap $RUN_DIR $LOG_DIR
`+k.head+`
case $1 in
start)
  echo $$ > $RUN_DIR/NAME.pid
  exec `+user+`/var/vcap/packages/NAME/bin/NAME \
    --web.listen-address=":<%= p('NAME.port') %>" \
`+strings.Trim(k.options, " \\\n")+` \
    >> $LOG_DIR/NAME.stdout.log 2>> $LOG_DIR/NAME.stderr.log
  ;;
stop)
  kill $(cat $RUN_DIR/NAME.pid)
  rm -f $RUN_DIR/NAME.pid
  ;;
esac
`))
		write("packages/"+name+"/spec", "name: "+name+"\nfiles: []\n")
		write("packages/"+name+"/packaging", "")
	}
	rel, err := release.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// What is made up for properties makes no difference: a list of hosts stays a text,
// and the path of a URL is none of the disk.
func TestExporters(t *testing.T) {
	v := verifier(t)
	rel := exporters(t)
	plan, err := convert.Release(rel, convert.Options{Tool: "test"})
	if err != nil {
		t.Fatal(err)
	}
	after, err := rel.With(plan.Files())
	if err != nil {
		t.Fatal(err)
	}
	result, err := v.Release(rel, after, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Jobs) != 28 {
		t.Errorf("%d jobs compared, not 28", len(result.Jobs))
	}
	for _, j := range result.Jobs {
		if j.Proven() && j.Ran() > 3 {
			continue
		}
		t.Errorf("%s: %s, %d of %d cases ran: %s", j.Name, j.Status, j.Ran(), len(j.Cases), j.Why)
		for _, d := range j.Differences {
			if d.Status == Unexplained {
				t.Errorf("  %s %s: %q, now %q (%v)", d.Process, d.Aspect, d.Before, d.After, d.Cases)
			}
		}
	}
}
