package sqlitestore_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// smallDisks are real file systems, where this process may mount one.
func smallDisks(t *testing.T) []disk {
	t.Helper()
	probe := t.TempDir()
	if err := syscall.Mount("tmpfs", probe, "tmpfs", 0, "size=1m"); err != nil {
		t.Logf("no file system of its own for a full disk, since this process may not mount one (%v): a limit of pages stands for it", err)
		return nil
	}
	if err := syscall.Unmount(probe, 0); err != nil {
		t.Fatal(err)
	}
	return []disk{{
		name: "file system",
		open: func(t *testing.T) (*sqlitestore.Store, string) {
			t.Helper()
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			return onDisk(t, dir)
		},
		grow: func(t *testing.T, _ *sqlitestore.Store, path string) {
			t.Helper()
			if err := syscall.Mount("tmpfs", filepath.Dir(path), "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
				t.Fatal(err)
			}
		},
	}}
}
