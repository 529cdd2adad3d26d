// Command bosh-bpmify turns the jobs of a BOSH release that are started by ctl
// scripts into BPM jobs, and colocates bpm in deployment manifests.
package main

import (
	"os"
	"runtime/debug"

	"github.com/bosh-bpmify/bosh-bpmify/commands"
)

func main() {
	// a run is short and reads much: memory is cheaper than time, up to a point
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(1 << 30)
	}
	os.Exit(commands.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
