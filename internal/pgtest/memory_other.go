//go:build !linux

package pgtest

// inMemory answers the usual folder: memory is no folder here.
func inMemory() string { return "" }
