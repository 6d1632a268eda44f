//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package archive_test

import (
	"os"
	"testing"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
)

// The partial archive of a dead attempt is gone on with in place; that of one
// that may live is copied.
func TestAdoption(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end     func(op *operation, bytes int64)
		inPlace bool
	}{
		"dead":  {func(op *operation, bytes int64) { op.kill(bytes) }, true},
		"alive": {func(op *operation, bytes int64) { wake := op.pause(bytes); op.t.Cleanup(func() { _ = wake() }) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := setup(t)
			total := fill(op, evenly(20, 10_000))
			c.end(op, total/2)
			first, err := os.Stat(op.partials()[0])
			must(t, err)
			a := op.begin()
			var last os.FileInfo
			a.report = func(archive.Progress) {
				for _, path := range op.partials() {
					last, err = os.Stat(path)
					must(t, err)
				}
			}
			_, err = a.run(t.Context())
			must(t, err)
			if got := os.SameFile(first, last); got != c.inPlace {
				t.Errorf("same file: got %v, want %v", got, c.inPlace)
			}
		})
	}
}
