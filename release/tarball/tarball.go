// Package tarball reads the jobs of a release tarball, as "bosh create-release
// --tarball" and bosh.io give it, so that they can be looked at like those of a
// release directory.
//
// Packages are left packed. It extracts into a temporary folder and executes
// nothing of the release.
package tarball

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	boshcrypto "github.com/cloudfoundry/bosh-cli/v7/crypto"
	boshrelease "github.com/cloudfoundry/bosh-cli/v7/release"
	"github.com/cloudfoundry/bosh-utils/fileutil"
	boshlog "github.com/cloudfoundry/bosh-utils/logger"
	boshsys "github.com/cloudfoundry/bosh-utils/system"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/search"
)

// Open reads a tarball. done removes what was extracted; the release is of no
// use behind that.
func Open(path string) (r *release.Release, done func(), err error) {
	logger := boshlog.NewLogger(boshlog.LevelNone)
	files := boshsys.NewOsFileSystem(logger)
	runner := boshsys.NewExecCmdRunner(logger)
	packer := fileutil.NewTarballCompressor(runner, files)
	digests := boshcrypto.NewDigestCalculator(files, nil)
	archive, err := boshrelease.NewProvider(runner, packer, digests, files, logger).NewArchiveReader().Read(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: is no release tarball: %w", path, plain(err))
	}
	dir, err := os.MkdirTemp("", "bosh-bpmify-release-")
	done = func() {
		_ = archive.CleanUp()
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}
	fail := func(err error) (*release.Release, func(), error) {
		done()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return fail(err)
	}
	if archive.Name() == "" {
		return fail(errors.New("release.MF does not say the name of the release"))
	}
	if err := os.Mkdir(filepath.Join(dir, "jobs"), 0o700); err != nil {
		return fail(err)
	}
	for _, j := range archive.Jobs() {
		if !filepath.IsLocal(j.Name()) || filepath.Base(j.Name()) != j.Name() || j.Name() == "." {
			return fail(fmt.Errorf("job %q has a name that no folder can have", j.Name()))
		}
		to := filepath.Join(dir, "jobs", j.Name())
		switch err := os.Mkdir(to, 0o700); {
		case errors.Is(err, fs.ErrExist):
			return fail(fmt.Errorf("release.MF lists job %s twice", j.Name()))
		case err != nil:
			return fail(err)
		}
		if err := packer.DecompressFileToDir(j.ArchivePath(), to, fileutil.CompressorOptions{}); err != nil {
			return fail(fmt.Errorf("job %s: %w", j.Name(), plain(err)))
		}
		switch err := os.Rename(filepath.Join(to, "job.MF"), filepath.Join(to, "spec")); {
		case errors.Is(err, fs.ErrNotExist):
			return fail(fmt.Errorf("job %s: there is no job.MF in it", j.Name()))
		case err != nil:
			return fail(fmt.Errorf("job %s: %w", j.Name(), err))
		}
	}
	if r, err = release.Load(dir); err != nil {
		return fail(err)
	}
	r.Name = archive.Name()
	return r, done, nil
}

// shelled is how bosh-utils tells of a program that failed.
var shelled = search.MustCompile(`(?s)Running command: '[^']*', stdout: '.*', stderr: '(.*)': exit status \d+$`)

// plain leaves out of an error what only says something about temporary folders:
// of what tar says, the first error.
func plain(err error) error {
	if m := shelled.FindStringSubmatch(err.Error()); m != nil {
		for line := range strings.Lines(strings.TrimSpace(m[1])) {
			if !strings.Contains(line, ": Removing leading ") { // a warning
				return errors.New(strings.TrimSpace(line))
			}
		}
	}
	if strings.HasPrefix(err.Error(), "Reading manifest") && strings.HasSuffix(err.Error(), "no such file or directory") {
		return errors.New("there is no release.MF in it")
	}
	return err
}
