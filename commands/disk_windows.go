package commands

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/windows"
)

// tryLock makes a mutex with a name for the folder: folders cannot be locked,
// and the system forgets the name when the process ends.
func (d *disk) tryLock() (unlock func(), err error) {
	name, err := windows.UTF16PtrFromString(`Global\bosh-bpmify-` + checksum([]byte(strings.ToLower(d.real))))
	if err != nil {
		return nil, err
	}
	mutex, err := windows.CreateMutex(nil, false, name)
	switch {
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		_ = windows.CloseHandle(mutex)
		return nil, errLocked
	case errors.Is(err, windows.ERROR_ACCESS_DENIED): // that of another user
		return nil, errLocked
	case err != nil:
		return nil, err
	}
	return func() { _ = windows.CloseHandle(mutex) }, nil
}

func (d *disk) lockedBy() string { return "" }

func (d *disk) give(*os.File, string) {}
