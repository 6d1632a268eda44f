//go:build !linux

package sqlitestore_test

import "testing"

// smallDisks are none: a limit of pages stands for them.
func smallDisks(t *testing.T) []disk {
	t.Helper()
	t.Log("no file system of its own for a full disk on this system: a limit of pages stands for it")
	return nil
}
