package tarball

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tgz packs files, given as name and content in turn.
func tgz(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRefuses has tarballs that nobody made with bosh: the message is one line
// without the name of a temporary folder, and nothing is left behind.
func TestRefuses(t *testing.T) {
	const spec = "name: web\ntemplates: {}\npackages: []\n"
	job := tgz(t, "./job.MF", spec, "./monit", "")
	mf := func(names ...string) string {
		text := "name: site\nversion: \"1\"\npackages: []\njobs:\n"
		for _, n := range names {
			text += "- {name: '" + n + "', version: \"1\", sha1: ab}\n"
		}
		return text
	}
	for name, c := range map[string]struct{ data, want string }{
		"no archive":    {"hello", "is no release tarball: gzip: stdin: not in gzip format"},
		"cut off":       {job[:40], "is no release tarball: gzip: stdin: unexpected end of file"},
		"no release.MF": {tgz(t, "./jobs/web.tgz", job), "is no release tarball: there is no release.MF in it"},
		"no name":       {tgz(t, "./release.MF", "jobs: []\n"), "release.MF does not say the name of the release"},
		"no job.MF":     {tgz(t, "./release.MF", mf("web"), "./jobs/web.tgz", tgz(t, "./monit", "")), "job web: there is no job.MF in it"},
		"broken job":    {tgz(t, "./release.MF", mf("web"), "./jobs/web.tgz", "hello"), "job web: gzip: stdin: not in gzip format"},
		"a job twice":   {tgz(t, "./release.MF", mf("web", "web"), "./jobs/web.tgz", job), "release.MF lists job web twice"},
		"a job .":       {tgz(t, "./release.MF", mf("."), "./jobs/..tgz", job), `job "." has a name that no folder can have`},
		"a job ..":      {tgz(t, "./release.MF", mf(".."), "./jobs/...tgz", job), `job ".." has a name that no folder can have`},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			path := filepath.Join(t.TempDir(), "r.tgz")
			if err := os.WriteFile(path, []byte(c.data), 0o644); err != nil {
				t.Fatal(err)
			}
			_, _, err := Open(path)
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.TrimPrefix(err.Error(), path+": "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if left, _ := os.ReadDir(temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
