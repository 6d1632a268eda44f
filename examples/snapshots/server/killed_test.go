package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/poller"
)

// What a server that is killed with SIGKILL leaves is gone on with by the next
// one on the same store, be it the same again or another that was there before:
// 20 snapshots under way answer what an uninterrupted one does, on attempt 2.
func TestKilled(t *testing.T) {
	t.Parallel()
	sqlite := func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "operations.db") }
	postgres := func(t *testing.T) string { t.Helper(); return pgtest.Database(t) }
	for name, c := range map[string]struct {
		store   func(*testing.T) string
		sibling bool // two servers; the one that is killed is not started again
	}{
		"SQLite":                {sqlite, false},
		"SQLite, two servers":   {sqlite, true},
		"Postgres":              {postgres, false},
		"Postgres, two servers": {postgres, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			// A lease of 3 s outlives the hiccups of a busy machine.
			flags := []string{"-store", c.store(t), "-lease", "3s"}
			killed := setup(t, flags...)
			var next *process
			if c.sibling {
				next = setupIn(t, killed.dir, flags...)
			}

			const size, bytesPerSecond = 20_000, 5_000 // 4 s
			want, err := killed.start(t, size, 0).Wait(ctx)
			must(t, err)
			var names []string
			for range 20 {
				names = append(names, killed.take(t, bytesPerSecond).Name())
			}
			for _, operation := range names {
				killed.begun(ctx, t, operation)
			}
			must(t, killed.cmd.Process.Kill())
			if err := <-killed.ended; err == nil {
				t.Error("the server that was killed: got an orderly end")
			}

			if !c.sibling {
				next = setupIn(t, killed.dir, flags...)
			}
			for _, operation := range names {
				next.same(ctx, t, operation, want)
			}
			if left, _ := filepath.Glob(filepath.Join(killed.dir, "*.partial")); len(left) > 0 {
				t.Errorf("partial archives when all is done: got %q, want none", left)
			}
		})
	}
}

// begun returns when the operation shows bytes_done above 0.
func (p *process) begun(ctx context.Context, t *testing.T, operation string) {
	t.Helper()
	for op, err := range poller.Resume[*pb.TakeSnapshotResponse](longrunningpb.NewOperationsClient(p), operation, nil).Updates(ctx) {
		must(t, err)
		meta, err := poller.Metadata[*pb.TakeSnapshotMetadata](op)
		must(t, err)
		if op.GetDone() || meta.GetAttempt() > 1 {
			t.Fatalf("before the kill: got done %v, %v, want that it runs for the first time", op.GetDone(), meta)
		}
		if meta.GetBytesDone() > 0 {
			return
		}
	}
}

// same checks that the operation ends on attempt 2, with an archive like that of
// want.
func (p *process) same(ctx context.Context, t *testing.T, operation string, want *pb.TakeSnapshotResponse) {
	t.Helper()
	snapshot := poller.Resume[*pb.TakeSnapshotResponse](longrunningpb.NewOperationsClient(p), operation, nil)
	got, err := snapshot.Wait(ctx)
	must(t, err)
	if got.GetSha256() != want.GetSha256() || got.GetBytes() != want.GetBytes() || got.GetFiles() != want.GetFiles() {
		t.Errorf("%s, interrupted: got %v, want what it is uninterrupted, %v", operation, got, want)
	}
	if sum := sumOf(t, got.GetSnapshot()); sum != want.GetSha256() {
		t.Errorf("%s, sha256 of the archive on the disk: got %s, want %s", operation, sum, want.GetSha256())
	}
	meta, err := poller.Metadata[*pb.TakeSnapshotMetadata](snapshot.Operation())
	must(t, err)
	if meta.GetAttempt() != 2 || meta.GetBytesDone() != want.GetBytes() {
		t.Errorf("%s, the metadata: got %v, want attempt 2 and %d bytes done", operation, meta, want.GetBytes())
	}
}

// sumOf answers the SHA-256 of the tar in an archive.
func sumOf(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	tar, err := gzip.NewReader(f)
	must(t, err)
	sum := sha256.New()
	_, err = io.Copy(sum, tar)
	must(t, err)
	return hex.EncodeToString(sum.Sum(nil))
}
