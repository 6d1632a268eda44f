package archive_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
)

func TestTake(t *testing.T) {
	t.Parallel()
	op := setup(t)
	long := strings.Repeat("long", 60)
	op.write("a/b", []byte("under a"))
	op.write("a-b", []byte("before a/b"))
	op.write("a.b", nil)
	op.write("bin/run", []byte("#!"))
	op.write("deep/"+long, []byte("long"))
	op.write("stra\u00dfe", []byte("umlaut"))
	must(t, os.Chmod(filepath.Join(op.folder, "bin/run"), 0o755))
	must(t, os.Mkdir(filepath.Join(op.folder, "empty"), 0o755))
	must(t, os.Symlink("a/b", filepath.Join(op.folder, "link")))
	must(t, os.Symlink("/nowhere", filepath.Join(op.folder, "wild")))

	res, a := op.take()

	items, sum := unpack(t, op.archived())
	want := []item{
		{"a", "", "", tar.TypeDir, 0o755},
		{"a-b", "", "before a/b", tar.TypeReg, 0o644},
		{"a.b", "", "", tar.TypeReg, 0o644},
		{"a/b", "", "under a", tar.TypeReg, 0o644},
		{"bin", "", "", tar.TypeDir, 0o755},
		{"bin/run", "", "#!", tar.TypeReg, 0o755},
		{"deep", "", "", tar.TypeDir, 0o755},
		{"deep/" + long, "", "long", tar.TypeReg, 0o644},
		{"empty", "", "", tar.TypeDir, 0o755},
		{"link", "a/b", "", tar.TypeSymlink, 0o777},
		{"stra\u00dfe", "", "umlaut", tar.TypeReg, 0o644},
		{"wild", "/nowhere", "", tar.TypeSymlink, 0o777},
	}
	if !slices.Equal(items, want) {
		t.Errorf("entries in byte order of their paths:\ngot  %+v\nwant %+v", items, want)
	}
	if res.SHA256 != sum {
		t.Errorf("sha256 of the uncompressed tar: got %s, want %s", res.SHA256, sum)
	}
	if res.Files != 6 || res.Bytes != 29 {
		t.Errorf("regular files only: got %d files of %d bytes, want 6 of 29", res.Files, res.Bytes)
	}
	if p := (archive.Progress{FilesTotal: 6, FilesDone: 6, BytesTotal: 29, BytesDone: 29, BytesRead: 29}); a.last != p {
		t.Errorf("last progress: got %+v, want %+v", a.last, p)
	}
	left, err := os.ReadDir(op.dir)
	must(t, err)
	if len(left) != 1 || filepath.Join(op.dir, left[0].Name()) != res.Path {
		t.Errorf("nothing but the archive stays: got %v, want %s", left, res.Path)
	}
}

func TestTakeEmpty(t *testing.T) {
	t.Parallel()
	op := setup(t)
	res, _ := op.take()
	if items, sum := unpack(t, op.archived()); len(items) != 0 || res.SHA256 != sum {
		t.Errorf("an empty folder: got entries %+v and sha256 %s, want none and %s", items, res.SHA256, sum)
	}
}

func TestTakeSkipsSpecialFiles(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.folder = shortTemp(t) // the name of a socket has at most 100 bytes or so
	op.write("file", []byte("x"))
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "unix", filepath.Join(op.folder, "socket"))
	if err != nil {
		t.Skipf("no sockets in folders here: %v", err)
	}
	defer l.Close()
	op.take()
	if items, _ := unpack(t, op.archived()); len(items) != 1 || items[0].Name != "file" {
		t.Errorf("special files are skipped: got %+v, want only the file", items)
	}
}

func TestTakeReproducible(t *testing.T) {
	t.Parallel()
	first, second := setup(t), setup(t)
	for _, op := range []*operation{first, second} {
		op.write("x/one", []byte("1"))
		op.write("two", []byte("22"))
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	must(t, os.Chtimes(filepath.Join(second.folder, "two"), old, old))
	must(t, os.Chtimes(filepath.Join(second.folder, "x"), old, old))
	a, _ := first.take()
	b, _ := second.take()
	if a.SHA256 != b.SHA256 {
		t.Errorf("sha256 of two copies with other times: got %s and %s, want the same", a.SHA256, b.SHA256)
	}
	must(t, os.Chmod(filepath.Join(second.folder, "two"), 0o600))
	if c, _ := second.take(); c.SHA256 == a.SHA256 {
		t.Error("sha256 of a copy with other permissions: got the same, want another")
	}
}

func TestTakeLeavesDirOut(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.dir = filepath.Join(op.folder, "backup", "here")
	op.write("backup/here/old.tar.gz", []byte("old"))
	op.write("backup/file", []byte("x"))
	before, _ := op.take()
	after, _ := op.take()
	items, _ := unpack(t, op.archived())
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = it.Name
	}
	if want := []string{"backup", "backup/file"}; !slices.Equal(names, want) {
		t.Errorf("the folder of the archives is left out: got %q, want %q", names, want)
	}
	if before.SHA256 != after.SHA256 {
		t.Error("an archive inside the folder changes nothing: got another sha256")
	}
	op.folder = op.dir
	if _, err := op.begin().run(t.Context()); err == nil {
		t.Error("a folder that is the folder of the archives: got no error")
	}
}

func TestTakeThroughLink(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.write("file", []byte("x"))
	direct, _ := op.take()
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(op.folder, link))
	op.folder = link
	if res, _ := op.take(); res.SHA256 != direct.SHA256 {
		t.Error("a folder that is named by a link: got another sha256")
	}
}

// Whatever happens to a file while it is archived is an error that names it.
func TestTakeOfChangingFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(path string) error
		file   string
		want   error
	}{
		{"a listed file vanishes", os.Remove, "later", fs.ErrNotExist},
		{"a listed file becomes a folder", func(path string) error {
			return cmp.Or(os.Remove(path), os.Mkdir(path, 0o700))
		}, "later", archive.ErrChanged},
		{"a file grows", func(path string) error {
			return os.WriteFile(path, make([]byte, 3<<20), 0o600)
		}, "early", archive.ErrChanged},
		{"a file shrinks", func(path string) error { return os.Truncate(path, 1) }, "early", archive.ErrChanged},
		{"a file is written over", func(path string) error {
			time := time.Now().Add(time.Hour) // the clock of a file may be coarse
			return cmp.Or(os.WriteFile(path, make([]byte, 2<<20), 0o600), os.Chtimes(path, time, time))
		}, "early", archive.ErrChanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			op := setup(t)
			op.write("early", make([]byte, 2<<20))
			op.write("later", make([]byte, 1))
			a := op.begin()
			a.report = func(p archive.Progress) {
				if p.BytesDone > 0 && c.change != nil {
					must(t, c.change(filepath.Join(op.folder, c.file)))
					c.change = nil
				}
			}
			_, err := a.run(t.Context())
			fileErr, ok := errors.AsType[*archive.FileError](err)
			if !ok || fileErr.Path != c.file || !errors.Is(err, c.want) {
				t.Errorf("got error %v, want a FileError of %q: %v", err, c.file, c.want)
			}
			if _, err := os.Stat(filepath.Join(op.dir, "op.tar.gz")); err == nil {
				t.Error("a failed attempt has published an archive")
			}
		})
	}
}

// A file may change between its listing and its turn: it is archived as it is
// then.
func TestTakeOfAFileThatGrewBeforeItsTurn(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.write("early", []byte("x"))
	op.write("later", nil)
	a := op.begin()
	a.report = func(p archive.Progress) {
		if p.FilesDone == 0 {
			op.write("later", make([]byte, 1<<20))
		}
	}
	res, err := a.run(t.Context())
	must(t, err)
	if want := int64(1<<20 + 1); res.Bytes != want || a.last.BytesTotal != want {
		t.Errorf("got %d bytes of %d, want %d of as many", res.Bytes, a.last.BytesTotal, want)
	}
	if _, sum := unpack(t, op.archived()); sum != res.SHA256 {
		t.Errorf("sha256: got %s, want %s", res.SHA256, sum)
	}
}

func TestTakeOfNoFolder(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.folder = filepath.Join(op.folder, "missing")
	_, err := op.begin().run(t.Context())
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), op.folder) {
		t.Errorf("got error %v, want fs.ErrNotExist without the folder's place on this machine", err)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.write("one", make([]byte, 7_000))
	op.write("two", make([]byte, 3_000))
	op.perSec = 1_000
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a := op.begin()
		a.report = func(p archive.Progress) {
			if limit := int64(time.Since(start)/time.Millisecond) + op.perSec/10; p.BytesRead > limit {
				t.Errorf("after %v: got %d bytes read, want at most %d", time.Since(start), p.BytesRead, limit)
			}
		}
		_, err := a.run(t.Context())
		must(t, err)
		if got, want := time.Since(start).Round(time.Millisecond), 10*time.Second; got != want {
			t.Errorf("10,000 bytes at 1,000 a second: took %v, want %v", got, want)
		}
	})
}

func TestThrottleEndsWithContext(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.write("file", make([]byte, 1_000))
	op.perSec = 1
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second+time.Millisecond, errKilled)
		defer cancel()
		a := op.begin()
		_, err := a.run(ctx)
		if !errors.Is(err, errKilled) || a.last.BytesRead != 11 {
			t.Errorf("got error %v after %d bytes, want %v after 11", err, a.last.BytesRead, errKilled)
		}
	})
}

func TestDiscardAndSweep(t *testing.T) {
	t.Parallel()
	op := setup(t)
	op.write("file", bytes.Repeat([]byte("x"), 100))
	op.kill(50)
	must(t, archive.Sweep(op.dir, time.Hour))
	if left := op.partials(); len(left) != 1 {
		t.Errorf("a partial archive that is new: Sweep left %q, want it", left)
	}
	old := time.Now().Add(-2 * time.Hour)
	must(t, os.Chtimes(op.partials()[0], old, old))
	must(t, archive.Sweep(op.dir, time.Hour))
	if left := op.partials(); len(left) != 0 {
		t.Errorf("a partial archive that is old: Sweep left %q, want nothing", left)
	}
	a := op.kill(50)
	for range 2 {
		must(t, archive.Discard(op.dir, "op", a.number))
	}
	if left := op.partials(); len(left) != 0 {
		t.Errorf("Discard left %q, want nothing", left)
	}
}

func (o *operation) partials() []string {
	o.t.Helper()
	paths, err := filepath.Glob(filepath.Join(o.dir, "*.partial"))
	must(o.t, err)
	return paths
}

func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "a") //nolint:usetesting // that one's path is too long here
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
