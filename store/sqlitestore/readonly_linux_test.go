package sqlitestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// A file that this process may not write is refused when it is opened, and left as
// it is.
func TestReadOnlyFile(t *testing.T) {
	t.Parallel()
	for what, lock := range map[string]func(path string) error{
		"a file": func(path string) error { return os.Chmod(path, 0o444) },
		"a folder": func(path string) error {
			return errors.Join(os.Chmod(path, 0o666), os.Chmod(filepath.Dir(path), 0o555))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			st, path := setup(t, nil)
			name := fill(t, path, 1)[0]
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			if err := lock(path); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // so that it can be removed
				if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
					t.Error(err)
				}
			})
			// The tests' folders are for their owner only.
			if err := os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755); err != nil {
				t.Fatal(err)
			}
			asNobody(t, func() {
				refused(t, "Open", openFails(t.Context(), t, path, nil), "may not")
			})
			if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			if !exists(t, open(t, path, nil), name) {
				t.Error("the record that was in the file is gone")
			}
			sound(t, rawDB(t, path))
		})
	}
}

// asNobody runs fn on a thread that has no rights of root on files, so that the
// permission bits hold.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Getuid() != 0 {
		fn()
		return
	}
	const nobody = 65534
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		fn()
	}()
	<-done
}
