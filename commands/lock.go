package commands

import (
	"errors"
	"fmt"
	"time"
)

// errLocked says that another process has the lock.
var errLocked = errors.New("locked")

// lock keeps other runs from writing to the folder until it is released or the
// process ends, however it ends. It waits for one that writes at most for so
// long. Where the file system has no locks there is none.
func (d *disk) lock(wait time.Duration) (unlock func(), err error) {
	if err := d.before("lock", "."); err != nil {
		return nil, failed(d.dir, err)
	}
	for until := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		unlock, err := d.tryLock()
		if err == nil {
			return unlock, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, failed(d.dir, err)
		}
		if !time.Now().Before(until) {
			return nil, fmt.Errorf("%s: another bosh-bpmify%s is writing here; wait until it has ended and run again", d.dir, d.lockedBy())
		}
	}
}
