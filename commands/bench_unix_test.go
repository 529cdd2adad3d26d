//go:build unix

package commands

import (
	"os"
	"runtime"
	"syscall"
)

// peakMemory is the largest resident size that a process had, in bytes.
func peakMemory(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin":
		return usage.Maxrss
	}
	return usage.Maxrss << 10 // getrusage(2): kilobytes
}
