package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestName(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"config/final.yml": "name: a"}, "a"},
		{map[string]string{"config/final.yml": "final_name: b"}, "b"},
		{map[string]string{"config/final.yml": "blobstore: {}", "config/dev.yml": "dev_name: c"}, "c"},
		{map[string]string{"config/other.yml": "{"}, "d"},
	} {
		dir := filepath.Join(t.TempDir(), "d-release")
		put(t, dir, c.files)
		put(t, dir, map[string]string{"jobs/.gitkeep": ""})
		r, err := Load(dir)
		if err != nil || r.Name != c.want {
			t.Errorf("%v: %v, %v", c.files, r, err)
		}
	}
	dir := t.TempDir()
	put(t, dir, map[string]string{"jobs/.gitkeep": "", "config/final.yml": "{"})
	if _, err := Load(dir); err == nil || !strings.HasPrefix(err.Error(), "config/final.yml:1:1: ") {
		t.Errorf("broken: %v", err)
	}
}

func TestSpec(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"jobs/a/monit": "", "jobs/a/spec": `---
name: a
templates:
  é.erb: config/é
  "q u.erb": 'bin/q'   # a comment
  sub/c: bin/c
packages: [p]
properties:
  a.b: {description: d, default: 1}
  c:
    default: |
      text
`})
	r, err := Load(dir)
	if err != nil || r.Jobs[0].Err != nil {
		t.Fatal(err, r.Jobs[0].Err)
	}
	s := r.Jobs[0].Spec
	var got []string
	for _, tpl := range s.Templates {
		got = append(got, tpl.Span.Text())
	}
	if want := `é.erb: config/é|"q u.erb": 'bin/q'|sub/c: bin/c`; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
	if tpl, ok := s.Template("bin/../bin/q"); !ok || tpl.Source != "q u.erb" {
		t.Errorf("template of bin/q: %v", tpl)
	}
	if p, ok := s.Property("c"); !ok || p.Default.Value != "text\n" || p.Span.Position().Line != 10 {
		t.Errorf("property c: %+v", p)
	}
}

func TestFilesStayInside(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"r/jobs/.gitkeep": "", "secret": "x"})
	if err := os.Symlink("../../secret", filepath.Join(dir, "r/jobs/link")); err != nil {
		t.Fatal(err)
	}
	r, err := Load(filepath.Join(dir, "r"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"jobs/link": "leads out of the release", "../secret": "leads out of the release", "/etc/passwd": "leads out of the release",
		"jobs": "is not a regular file", "jobs/none": "not exist",
	} {
		if _, err := r.Read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

func TestInPackages(t *testing.T) {
	for p, want := range map[string]string{
		"/var/vcap/packages/web/bin/web":          "web/bin/web",
		"/var/vcap/data/packages/web/bin/web":     "web/bin/web",
		"/var/vcap/jobs/web/packages/web/bin/web": "web/bin/web",
		"/var/vcap/packages/../data/packages/a/b": "a/b",
		"/var/vcap/jobs/web/bin/web":              "",
		"/var/vcap/packages-old/web":              "",
	} {
		if got, ok := InPackages(p); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", p, got, ok)
		}
	}
}
