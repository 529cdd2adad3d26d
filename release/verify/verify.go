// Package verify runs the start path of a job as it was and as it is now, on
// machines in memory, and compares what the processes see.
package verify
