package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func nested(n int, open, close, inner string) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(close, n)
}

// inScript puts text before the process of the small release.
func inScript(text string) string {
	for _, f := range txtar.Parse([]byte(small)).Files {
		if f.Name == "jobs/web/templates/ctl.erb" {
			return strings.Replace(string(f.Data), "    exec chpst", text+"    exec chpst", 1)
		}
	}
	panic("no script")
}

// TestHostileReleases holds that no release makes the program hang, grow without
// end or crash. What it says of them is the other half of the test; that it says
// it at all is the first: nothing here is timed, and what took for ever would be
// ended by go test.
func TestHostileReleases(t *testing.T) {
	const script = "jobs/web/templates/ctl.erb"
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	with := func(name, add string) string {
		for _, f := range txtar.Parse([]byte(small)).Files {
			if f.Name == name {
				return string(f.Data) + add
			}
		}
		panic(name)
	}
	chain := func(n int, first, format, last string) string {
		text := first
		for i := range n {
			text += fmt.Sprintf(format, i, i+1)
		}
		return text + last
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		says  string
	}{
		{"ERB if, 1000 deep", map[string]string{script: inScript(nested(1000, "<% if p('a') %>\n", "<% end %>\n", "A=1\n"))}, "more than 200 deep"},
		{"ERB each, 150 deep", map[string]string{script: inScript(nested(150, "<% p('a').each do |x| %>\n", "<% end %>\n", "A=1\n"))}, "web"},
		{"ERB if in a config file, 100000 deep", map[string]string{"jobs/web/monit": nested(100000, "<% if p('a') %>\n", "<% end %>\n", "")}, "more than 200 deep"},
		{"many ERB blocks", map[string]string{script: inScript(strings.Repeat("<% if p('a') %>\nA=1\n<% end %>\n", 600))}, "a script with 600 ERB blocks is not followed"},
		{"Ruby in brackets", map[string]string{script: inScript("export A=<%= " + nested(20000, "(", ")", "p('a')") + " %>\n")}, "web"},
		{"a long script", map[string]string{script: inScript(strings.Repeat("# much to say\n", 20000))}, "is not followed; at most"},
		{"subshells", map[string]string{script: inScript(nested(1000, "( ", ")\n", "A=1\n"))}, "more than 500 deep"},
		{"if", map[string]string{script: inScript(nested(1000, "if true; then\n", "fi\n", "A=1\n"))}, "more than 500 deep"},
		{"case", map[string]string{script: inScript(nested(1000, "case a in a)\n", ";;\nesac\n", "A=1\n"))}, "more than 500 deep"},
		{"elif", map[string]string{script: inScript("if a; then A=1\n" + strings.Repeat("elif b; then A=1\n", 1000) + "fi\n")}, "more than 500 deep"},
		{"command substitutions", map[string]string{script: inScript("A=" + nested(1000, "$(echo ", ")", "a") + "\n")}, "more than 500 deep"},
		{"expansions, 400 deep", map[string]string{script: inScript("A=" + nested(400, "${A:-", "}", "a") + "\n")}, "web"},
		{"a long pipe", map[string]string{script: inScript("true" + strings.Repeat(" | cat", 1000) + "\n")}, "more than 400 commands"},
		{"a long list", map[string]string{script: inScript("true" + strings.Repeat(" &&\n true", 1000) + "\n")}, "more than 400 commands"},
		{"a shell that calls itself", map[string]string{script: inScript("/var/vcap/jobs/web/bin/ctl start more\n")}, "nested more than 40 deep"},
		{"a script that becomes itself", map[string]string{script: "#!/bin/bash\nexec /var/vcap/jobs/web/bin/ctl \"$@\" more\n"}, "nested more than 40 deep"},
		{"a script that sources itself", map[string]string{script: inScript(". /var/vcap/jobs/web/bin/ctl\n")}, "nested more than 40 deep"},
		{"scripts that source each other", map[string]string{script: inScript(". /var/vcap/jobs/web/bin/a\n"),
			"jobs/web/templates/a.sh": ". /var/vcap/jobs/web/bin/b\n", "jobs/web/templates/b.sh": ". /var/vcap/jobs/web/bin/a\n",
			"jobs/web/spec": strings.Replace(with("jobs/web/spec", ""), "templates:", "templates:\n  a.sh: bin/a\n  b.sh: bin/b", 1)}, "nested more than 40 deep"},
		{"functions that double", map[string]string{script: chain(40, "#!/bin/bash\n", "f%d() { f%[2]d; f%[2]d; }\n", "f40() { A=1; }\n") + strings.TrimPrefix(inScript("f0\n"), "#!/bin/bash\n")}, "nested more than 40 deep"},
		{"values that double", map[string]string{script: inScript(chain(60, "A0=aaaaaaaaaa\n", "A%[2]d=\"$A%[1]d$A%[1]d\"\n", "export A=$A60\n"))}, "web"},
		{"a loop over all numbers", map[string]string{script: inScript("for i in {1..2000000000}; do mkdir -p /var/vcap/data/web/$i; done\n")}, "web"},
		{"many checks", map[string]string{"jobs/web/monit": strings.Repeat("check process web\n", 501)}, "more than 500 checks"},
		{"deep YAML in the spec", map[string]string{"jobs/web/spec": with("jobs/web/spec", "x: "+nested(100000, "[", "]", "")+"\n")}, "exceeded max depth"},
		{"deep YAML in a manifest", map[string]string{"manifests/shop.yml": with("manifests/shop.yml", "x: "+nested(100000, "[", "]", "")+"\n")}, "manifest-unreadable"},
		{"aliases in the spec", map[string]string{"jobs/web/spec": bomb + with("jobs/web/spec", "  x:\n    default: *a11\n")}, "excessive aliasing"},
		{"aliases in a manifest", map[string]string{"manifests/shop.yml": bomb + with("manifests/shop.yml", "    properties: {port: *a11}\n")}, "web"},
		{"aliases in .bpmify.yml", map[string]string{".bpmify.yml": "suppress: &a [*a]\n"}, ".bpmify.yml:1"},
		{"patterns in .bpmify.yml", map[string]string{".bpmify.yml": "suppress:\n- {id: old-pidfile-used, path: '" + strings.Repeat("**/", 40) + "x', reason: y}\n",
			"docs/" + strings.Repeat("a/", 40) + "y.md": "/var/vcap/sys/run/web/web.pid\n"}, "web"},
		{"patterns in a package", map[string]string{"jobs/web/monit": strings.ReplaceAll(with("jobs/web/monit", ""), "/var/vcap/jobs/", "/var/vcap/packages/"),
			"packages/web/spec": "name: web\nfiles: ['" + strings.Repeat("**/", 40) + "x']\n", "src/" + strings.Repeat("a/", 40) + "ctl": "x\n"}, "web"},
		{"a document full of paths", map[string]string{"docs/x.md": strings.Repeat("/var/vcap/sys/run/web/web.pid\n", 50000)}, "web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := unpacked(t, small)
			for name, text := range c.files {
				p := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, out := bpmify(t, "release", dir); !strings.Contains(out, c.says) {
				t.Errorf("does not say %q:\n%.2000s", c.says, out)
			}
			for _, command := range []string{"scan", "check"} {
				if _, out := bpmify(t, command, dir); out == "" {
					t.Errorf("%s says nothing", command)
				}
			}
		})
	}
}

// TestLargeFiles are named and not read.
func TestLargeFiles(t *testing.T) {
	for _, name := range []string{"jobs/web/templates/ctl.erb", "jobs/web/monit", "jobs/web/spec", "manifests/shop.yml", ".bpmify.yml"} {
		dir := unpacked(t, small)
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(p, 100<<20); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"release", dir}, {"scan", dir}} {
			if _, out := bpmify(t, args...); !strings.Contains(out, "is too large to be read (104857600 bytes; at most 4194304 are read)") {
				t.Errorf("%s, %s: %s", name, args[0], out)
			}
		}
		if name == "manifests/shop.yml" {
			for _, command := range []string{"ops", "manifest", "doctor"} {
				if status, out := bpmify(t, command, "--release", "shop", p); status != exitError || !strings.Contains(out, "is too large to be read") {
					t.Errorf("%s: %d %s", command, status, out)
				}
			}
		}
	}
}

// TestManyJobs convert, and are on bpm then.
func TestManyJobs(t *testing.T) {
	dir := unpacked(t, small)
	const n = 60
	for i := range n {
		for _, f := range txtar.Parse([]byte(small)).Files {
			if rest, ok := strings.CutPrefix(f.Name, "jobs/web/"); ok {
				name := fmt.Sprintf("web%d", i)
				p := filepath.Join(dir, "jobs", name, rest)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(strings.ReplaceAll(string(f.Data), "web", name)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// the new job is the same as it is alone
	alone := unpacked(t, small)
	for _, d := range []string{dir, alone} {
		if status, out := bpmify(t, "release", d); status != 0 {
			t.Fatal(out)
		}
	}
	one, many := tree(t, filepath.Join(alone, "jobs")), tree(t, filepath.Join(dir, "jobs"))
	for name, text := range one {
		if other := many[strings.Replace(name, "web/", "web17/", 1)]; strings.ReplaceAll(other, "web17", "web") != text {
			t.Errorf("%s:\n%s\n%s", name, text, other)
		}
	}
	if _, out := bpmify(t, "check", dir); !strings.Contains(out, fmt.Sprintf("%d jobs on bpm", n+1)) {
		t.Error(out)
	}
}
