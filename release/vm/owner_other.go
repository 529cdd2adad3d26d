//go:build !unix

package vm

// Sys gives nothing: the interpreter knows no owners on this system.
func (i info) Sys() any { return nil }
