// Command bosh-bpmify turns the jobs of a BOSH release that are started by ctl
// scripts into BPM jobs, and colocates bpm in deployment manifests.
package main

import (
	"os"

	"github.com/bosh-bpmify/bosh-bpmify/commands"
)

func main() {
	os.Exit(commands.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
