package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
)

var (
	errKilled = errors.New("killed")
	errFenced = errors.New("fenced: a later attempt has begun")
)

// An operation hands out attempts and keeps their checkpoints, fenced as lro
// does it.
type operation struct {
	t       *testing.T
	folder  string
	dir     string
	perSec  int64
	mu      sync.Mutex
	attempt int64
	saved   []byte
	saves   int
}

// setup answers an operation on an empty folder.
func setup(t *testing.T) *operation {
	t.Helper()
	return &operation{t: t, folder: t.TempDir(), dir: t.TempDir()}
}

// write makes a file of the folder, and the directories above it.
func (o *operation) write(path string, content []byte) {
	o.t.Helper()
	path = filepath.Join(o.folder, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		o.t.Fatal(err)
	}
}

// archived answers the bytes of the archive as it is on the disk.
func (o *operation) archived() []byte {
	o.t.Helper()
	data, err := os.ReadFile(filepath.Join(o.dir, "op.tar.gz"))
	if err != nil {
		o.t.Fatal(err)
	}
	return data
}

// An attempt is one execution. Its report may be set before it runs.
type attempt struct {
	op     *operation
	number int64
	report func(archive.Progress)
	last   archive.Progress
}

func (o *operation) begin() *attempt {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attempt++
	return &attempt{op: o, number: o.attempt, report: func(archive.Progress) {}}
}

func (a *attempt) run(ctx context.Context) (*archive.Result, error) {
	return archive.Take(ctx, a, &archive.Options{
		Folder:         a.op.folder,
		Dir:            a.op.dir,
		ID:             "op",
		BytesPerSecond: a.op.perSec,
		Report: func(p archive.Progress) {
			a.last = p
			a.report(p)
		},
	})
}

// take runs an attempt that must succeed.
func (o *operation) take() (*archive.Result, *attempt) {
	o.t.Helper()
	a := o.begin()
	res, err := a.run(o.t.Context())
	if err != nil {
		o.t.Fatalf("attempt %d: got error %v, want none", a.number, err)
	}
	return res, a
}

// kill runs an attempt that dies when it has archived so many bytes.
func (o *operation) kill(bytes int64) *attempt {
	o.t.Helper()
	ctx, cancel := context.WithCancelCause(o.t.Context())
	a := o.begin()
	a.report = func(p archive.Progress) {
		if p.BytesDone >= bytes {
			cancel(errKilled)
		}
	}
	if _, err := a.run(ctx); !errors.Is(err, errKilled) {
		o.t.Fatalf("attempt %d: got error %v, want %v", a.number, err, errKilled)
	}
	return a
}

func (a *attempt) Attempt() int64 { return a.number }

func (a *attempt) Load(checkpoint proto.Message) (bool, error) {
	a.op.mu.Lock()
	defer a.op.mu.Unlock()
	return a.op.saved != nil, proto.Unmarshal(a.op.saved, checkpoint)
}

func (a *attempt) Save(ctx context.Context, checkpoint proto.Message) error {
	a.op.mu.Lock()
	defer a.op.mu.Unlock()
	if a.number != a.op.attempt {
		return errFenced
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	data, err := proto.Marshal(checkpoint)
	a.op.saved = data
	a.op.saves++
	return err
}

// An item is what a test compares of an entry.
type item struct {
	Name, Link, Content string
	Type                byte
	Mode                int64
}

// unpack answers the entries of an archive and the hash of its tar.
func unpack(t *testing.T, data []byte) ([]item, string) {
	t.Helper()
	unzip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatalf("unzip: %v", err)
	}
	sum := sha256.Sum256(whole)
	var items []item
	for r := tar.NewReader(bytes.NewReader(whole)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return items, hex.EncodeToString(sum[:])
		}
		if err != nil {
			t.Fatalf("untar: %v", err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("untar %s: %v", h.Name, err)
		}
		items = append(items, item{h.Name, h.Linkname, string(content), h.Typeflag, h.Mode})
	}
}
