//go:build !unix

package pgtest

import "syscall"

// childOf has nothing to say where there is no Unix: the guard, which needs a
// shell, is what fails there. LRO_TEST_POSTGRES_URL works everywhere.
func childOf(*account) *syscall.SysProcAttr { return nil }
