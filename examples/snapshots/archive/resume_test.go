package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
)

// An attempt that is killed anywhere costs at most a tenth of the folder, and
// the archive is the same.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string][]int{
		"one large file":          {2 << 20},
		"many small files":        evenly(400, 5_000),
		"one large among small":   append(evenly(50, 1_000), 2<<20),
		"a folder of a few bytes": evenly(30, 1),
	} {
		for _, percent := range []int64{1, 10, 50, 90, 99} {
			t.Run(fmt.Sprintf("%s, killed at %d %%", name, percent), func(t *testing.T) {
				t.Parallel()
				op := setup(t)
				total := fill(op, sizes)
				whole, _ := op.take()

				op.saved = nil // forget that it was ever done
				killed := op.kill(max(1, total*percent/100))
				res, second := op.take()

				if res.SHA256 != whole.SHA256 || res.Files != whole.Files || res.Bytes != whole.Bytes {
					t.Errorf("interrupted and uninterrupted archive differ: got %+v, want %+v", res, whole)
				}
				if _, sum := unpack(t, op.archived()); sum != whole.SHA256 {
					t.Errorf("sha256 of the tar on the disk: got %s, want %s", sum, whole.SHA256)
				}
				read := killed.last.BytesRead + second.last.BytesRead
				if limit := total + total/10; read > limit {
					t.Errorf("bytes read over both attempts: got %d (%d and %d), want at most 1.1 times %d, %d",
						read, killed.last.BytesRead, second.last.BytesRead, total, limit)
				}
				if left := op.partials(); len(left) != 0 {
					t.Errorf("partial archives left: got %q, want none", left)
				}
			})
		}
	}
}

// Any tree, killed any number of times, ends up the same.
func TestResumeProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		op := setup(t)
		sizes := rapid.SliceOfN(rapid.IntRange(0, 3_000), 1, 12).Draw(rt, "sizes")
		total := fill(op, sizes)
		whole, _ := op.take()
		op.saved = nil
		for _, at := range rapid.SliceOfN(rapid.Int64Range(1, max(1, total)), 0, 4).Draw(rt, "kills") {
			if at <= total && total > 0 {
				op.kill(at)
			}
		}
		res, _ := op.take()
		if res.SHA256 != whole.SHA256 || res.Files != whole.Files || res.Bytes != whole.Bytes {
			rt.Fatalf("got %+v, want %+v", res, whole)
		}
		if _, sum := unpack(t, op.archived()); sum != whole.SHA256 {
			rt.Fatalf("sha256 of the tar on the disk: got %s, want %s", sum, whole.SHA256)
		}
	})
}

// What an attempt wrote after its last checkpoint is cut off, or the next
// checkpoint would stand in the middle of it.
func TestResumeCutsOff(t *testing.T) {
	t.Parallel()
	op := setup(t)
	total := fill(op, []int{6 << 20}) // between two checkpoints lies more than a buffer holds
	whole, _ := op.take()
	op.saved = nil
	op.kill(total * 49 / 100)
	op.kill(total * 46 / 100) // as soon as it has gone on
	if res, _ := op.take(); res.SHA256 != whole.SHA256 {
		t.Errorf("sha256: got %s, want %s", res.SHA256, whole.SHA256)
	}
	if _, sum := unpack(t, op.archived()); sum != whole.SHA256 {
		t.Errorf("sha256 of the tar on the disk: got %s, want %s", sum, whole.SHA256)
	}
}

// Where the partial archive is of no use the attempt starts afresh.
func TestResumeWithoutPartialArchive(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(op *operation) error{
		"gone":              func(op *operation) error { return os.Remove(op.partials()[0]) },
		"short":             func(op *operation) error { return os.Truncate(op.partials()[0], 10) },
		"of another folder": func(op *operation) error { op.folder = op.t.TempDir(); fill(op, evenly(3, 100)); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := setup(t)
			fill(op, evenly(10, 1_000))
			op.kill(5_000)
			must(t, spoil(op))
			res, a := op.take()
			if a.last.BytesRead != res.Bytes {
				t.Errorf("bytes read: got %d, want all %d", a.last.BytesRead, res.Bytes)
			}
			if _, sum := unpack(t, op.archived()); sum != res.SHA256 {
				t.Errorf("sha256: got %s, want %s", res.SHA256, sum)
			}
		})
	}
}

// A file that was archived in part and is no longer the same cannot be gone on
// with.
func TestResumeInAChangedFile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"gone":      os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 10) },
		"rewritten": func(path string) error { return os.WriteFile(path, make([]byte, 1<<20+1), 0o600) },
		"a folder":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := setup(t)
			op.write("file", make([]byte, 1<<20))
			op.kill(1 << 19)
			must(t, change(filepath.Join(op.folder, "file")))
			_, err := op.begin().run(t.Context())
			if fileErr, ok := errors.AsType[*archive.FileError](err); !ok || fileErr.Path != "file" {
				t.Errorf("got error %v, want a FileError of %q", err, "file")
			}
		})
	}
}

// pause starts an attempt that stops half-way, as a process does under SIGSTOP,
// until wake is called, which answers how the attempt ended.
func (o *operation) pause(bytes int64) (wake func() error) {
	o.t.Helper()
	a := o.begin()
	asleep, awake, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	a.report = func(p archive.Progress) {
		if p.BytesDone >= bytes {
			a.report = func(archive.Progress) {}
			close(asleep)
			<-awake
		}
	}
	go func() {
		_, err := a.run(o.t.Context())
		ended <- err
	}()
	select {
	case <-asleep:
	case err := <-ended:
		o.t.Fatalf("attempt %d: ended with %v, want it asleep", a.number, err)
	}
	return func() error {
		close(awake)
		return <-ended
	}
}

// An attempt that wakes up after another has finished changes nothing.
func TestZombieAfterTheEnd(t *testing.T) {
	t.Parallel()
	op := setup(t)
	total := fill(op, evenly(20, 50_000))
	wake := op.pause(total / 2)
	res, second := op.take()
	if second.last.BytesRead > total*6/10 {
		t.Errorf("the second attempt read %d of %d bytes, want about a half", second.last.BytesRead, total)
	}
	before := op.archived()
	if err := wake(); err == nil {
		t.Error("the fenced attempt: got no error")
	}
	if !bytes.Equal(op.archived(), before) {
		t.Error("the fenced attempt has changed the archive")
	}
	if _, sum := unpack(t, before); sum != res.SHA256 {
		t.Errorf("sha256 of the tar on the disk: got %s, want %s", sum, res.SHA256)
	}
}

// An attempt that wakes up while another works changes nothing either. What it
// has read and not yet written differs from what the other one read, so that
// one byte of it in the other's file would show.
func TestZombieMeanwhile(t *testing.T) {
	t.Parallel()
	op := setup(t)
	fill(op, evenly(100, 10_000)) // a checkpoint after every fifth
	wakeFirst := op.pause(340_000)
	op.write("file-031", make([]byte, 10_000))
	wakeSecond := op.pause(500_000)
	if err := wakeFirst(); !errors.Is(err, errFenced) {
		t.Errorf("the fenced attempt: got error %v, want %v", err, errFenced)
	}
	if err := wakeSecond(); err != nil {
		t.Errorf("the attempt that is not fenced: got error %v", err)
	}
	_, sum := unpack(t, op.archived())
	op.saved = nil
	if want, _ := op.take(); sum != want.SHA256 {
		t.Errorf("sha256 of the tar on the disk: got %s, want %s", sum, want.SHA256)
	}
}

// An attempt that has saved its last checkpoint and sleeps just before it
// publishes finds its name taken away.
func TestZombieBeforePublishing(t *testing.T) {
	t.Parallel()
	op := setup(t)
	total := fill(op, evenly(20, 50_000))
	wake := op.pause(total)
	op.write("file-000", make([]byte, 50_000)) // so that the archives differ
	op.saved = nil
	res, _ := op.take()
	if err := wake(); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errFenced) {
		t.Errorf("the fenced attempt: got error %v, want that its partial archive is gone", err)
	}
	if _, sum := unpack(t, op.archived()); sum != res.SHA256 {
		t.Errorf("sha256 of the tar on the disk: got %s, want that of the later attempt, %s", sum, res.SHA256)
	}
}

// An attempt that slept before it made its file writes nothing that counts. Its
// folder has no bytes, so that it saves no checkpoint but the first.
func TestZombieBeforeItsStart(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.write("empty", nil)
	late := op.begin()
	op.take()
	before := op.archived()
	op.write("another", nil)
	if _, err := late.run(t.Context()); !errors.Is(err, errFenced) {
		t.Errorf("the fenced attempt: got error %v, want %v", err, errFenced)
	}
	if !bytes.Equal(op.archived(), before) {
		t.Error("the fenced attempt has changed the archive")
	}
}

// fill writes one file of each size, incompressible, and answers their sum.
func fill(op *operation, sizes []int) int64 {
	op.t.Helper()
	random := rand.NewChaCha8([32]byte{1})
	var total int64
	for i, size := range sizes {
		content := make([]byte, size)
		random.Read(content) //nolint:errcheck // it cannot fail
		op.write(fmt.Sprintf("file-%03d", i), content)
		total += int64(size)
	}
	return total
}

func evenly(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}
