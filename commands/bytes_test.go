package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBytesAreKept holds that a file with other line ends, a mark at its begin,
// no newline at its end or bytes that are no UTF-8 is edited as the plain one is,
// or is left as it is and named.
func TestBytesAreKept(t *testing.T) {
	whole := unpacked(t, small)
	if status, out := bpmify(t, "release", whole); status != 0 {
		t.Fatal(out)
	}
	converted := tree(t, whole)
	content := func(files map[string]string, name string) string {
		_, text, _ := strings.Cut(files[name], "\n")
		return text
	}
	before := func(line, added string) func(string) string {
		return func(text string) string { return strings.Replace(text, line, added+line, 1) }
	}
	for _, c := range []struct {
		name string
		turn func(string) string
		// says is what is said of files that are left as they are.
		says map[string]string
	}{
		{"CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			map[string]string{"jobs/web/templates/ctl.erb": "the line ends in CR LF"}},
		{"no final newline", func(s string) string { return strings.TrimSuffix(s, "\n") }, nil},
		{"BOM", func(s string) string { return "\ufeff" + s },
			map[string]string{"jobs/web/monit": "byte order mark, which monit does not read", "jobs/web/templates/ctl.erb": "byte order"}},
		{"latin-1", func(s string) string {
			for _, line := range []string{"  with pidfile", "packages:", "case $1", "releases:"} {
				s = before(line, "# caf\xe9\n")(s)
			}
			return s
		}, map[string]string{"jobs/web/spec": "jobs/web/spec:", "manifests/shop.yml": "manifests/shop.yml"}},
		{"unicode", func(s string) string {
			for _, line := range []string{"  with pidfile", "packages:", "case $1", "releases:"} {
				s = before(line, "# ☃ \u00a0 é\n")(s)
			}
			return s
		}, nil},
	} {
		for _, name := range []string{"jobs/web/monit", "jobs/web/spec", "jobs/web/templates/ctl.erb", "manifests/shop.yml"} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				dir := unpacked(t, small)
				p := filepath.Join(dir, name)
				data, err := os.ReadFile(p)
				if err != nil {
					t.Fatal(err)
				}
				odd := c.turn(string(data))
				if odd == string(data) {
					t.Fatal("nothing is odd about it")
				}
				if err := os.WriteFile(p, []byte(odd), 0o644); err != nil {
					t.Fatal(err)
				}
				_, out := bpmify(t, "release", dir)
				files := tree(t, dir)
				if content(files, name) == odd {
					says := c.says[name]
					if says == "" || !strings.Contains(out, says) {
						t.Errorf("is as it was, and this does not say %q:\n%s", says, out)
					}
					return
				}
				want := content(converted, name)
				if want != "" {
					want = c.turn(want)
				}
				if diff := cmp.Diff(want, content(files, name)); diff != "" {
					t.Errorf("%s\n%s", diff, out)
				}
			})
		}
	}
}

// TestOddNames converts a job whose files have names as nobody gives them.
func TestOddNames(t *testing.T) {
	for _, name := range []string{"my ctl.erb", "é☃.erb", "c\\ntl.erb", "-ctl.erb", "ctl;rm -rf.erb", "ctl'\\\".erb", "*.erb", strings.Repeat("n", 240) + ".erb"} {
		dir := unpacked(t, strings.Replace(small, "  ctl.erb: bin/ctl", "  \""+name+"\": bin/ctl", 1))
		real := strings.NewReplacer(`\n`, "\n", `\"`, `"`).Replace(name)
		if err := os.Rename(filepath.Join(dir, "jobs/web/templates/ctl.erb"), filepath.Join(dir, "jobs/web/templates", real)); err != nil {
			t.Fatal(err)
		}
		manifest := filepath.Join(dir, "manifests", "shop\n\xe9 x.yml")
		if err := os.Rename(filepath.Join(dir, "manifests/shop.yml"), manifest); err != nil {
			t.Logf("%q: %v", manifest, err) // a file system that has no such names
		}
		status, out := bpmify(t, "release", dir)
		if status != 0 || !strings.Contains(out, "web  converted") {
			t.Errorf("%q: %d %s", name, status, out)
		}
		if _, err := os.Lstat(filepath.Join(dir, "jobs/web/templates", real)); err == nil {
			t.Errorf("%q is still there", name)
		}
		if status, out := bpmify(t, "release", dir); status != 0 || !strings.Contains(out, "already bpm") {
			t.Errorf("%q, again: %d %s", name, status, out)
		}
	}
}
