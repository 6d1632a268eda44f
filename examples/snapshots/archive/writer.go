package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/longrunning-go/longrunning/examples/snapshots/internal/checkpointpb"
)

// ErrChanged says that a file was changed while it was archived.
var ErrChanged = errors.New("changed while it was archived")

const (
	blockSize  = 512       // of a tar, in bytes
	chunkSize  = 128 << 10 // bytes read at a time, at most
	checkParts = 20        // a checkpoint after every twentieth of the folder …
	checkBytes = 64 << 20  // … or so many bytes, if that is less
)

// A writer archives entries, one after another.
type writer struct {
	task     Task
	opts     *Options
	root     *os.Root
	out      *output
	throttle throttle
	progress Progress
	saved    *checkpointpb.Checkpoint // the last one
	buf      []byte
}

func newWriter(task Task, opts *Options, root *os.Root, out *output, from *checkpointpb.Checkpoint) *writer {
	return &writer{
		task:     task,
		opts:     opts,
		root:     root,
		out:      out,
		throttle: throttle{perSecond: opts.BytesPerSecond},
		progress: Progress{FilesDone: from.GetFiles(), BytesDone: from.GetBytes()},
		saved:    from,
		buf:      make([]byte, chunkSize),
	}
}

// write archives the entries that come after the checkpoint w.saved, and ends
// the archive.
func (w *writer) write(ctx context.Context, entries []entry) error {
	entries, err := rest(entries, w.saved)
	if err != nil {
		return err
	}
	part := w.saved.GetPart()
	w.count(entries, part)
	if err := w.save(ctx, string(w.saved.GetPath()), part); err != nil {
		return err
	}
	if err := removeEarlier(w.opts, w.task.Attempt()); err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(ctx, e, part); err != nil {
			return err
		}
		part = nil
	}
	return w.out.finish()
}

// count sets the totals: what is done, and rest, of which part is done too.
func (w *writer) count(rest []entry, part *checkpointpb.Checkpoint_Part) {
	w.progress.FilesTotal = w.progress.FilesDone
	w.progress.BytesTotal = w.progress.BytesDone - part.GetPosition()
	for _, e := range rest {
		if e.mode.IsRegular() {
			w.progress.FilesTotal++
			w.progress.BytesTotal += e.size
		}
	}
	w.report()
}

func (w *writer) report() {
	if w.opts.Report != nil {
		w.opts.Report(w.progress)
	}
}

// entry archives e, or what is missing of it behind part. A checkpoint follows
// it if one is due.
func (w *writer) entry(ctx context.Context, e entry, part *checkpointpb.Checkpoint_Part) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch {
	case e.mode.IsRegular():
		if err := w.file(ctx, e, part); err != nil {
			return err
		}
	case part != nil: // no longer a file
		return &FileError{Path: e.path, Err: ErrChanged}
	case e.mode.IsDir():
		return w.header(&tar.Header{Typeflag: tar.TypeDir, Name: e.path, Mode: int64(e.mode.Perm())})
	default:
		target, err := w.root.Readlink(filepath.FromSlash(e.path))
		if err != nil {
			return &FileError{Path: e.path, Err: bare(err)}
		}
		return w.header(&tar.Header{Typeflag: tar.TypeSymlink, Name: e.path, Linkname: target, Mode: 0o777})
	}
	if !w.due() {
		return nil
	}
	return w.save(ctx, e.path, nil)
}

// file archives a regular file as the last entry of a gzip member.
func (w *writer) file(ctx context.Context, e entry, part *checkpointpb.Checkpoint_Part) error {
	f, err := w.root.Open(filepath.FromSlash(e.path))
	if err != nil {
		return &FileError{Path: e.path, Err: bare(err)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return &FileError{Path: e.path, Err: bare(err)}
	}
	if !info.Mode().IsRegular() {
		return &FileError{Path: e.path, Err: ErrChanged}
	}
	if part == nil {
		part = &checkpointpb.Checkpoint_Part{Size: info.Size(), ModifyTime: timestamppb.New(info.ModTime())}
		w.progress.BytesTotal += info.Size() - e.size // since it was listed
		err = w.header(&tar.Header{Typeflag: tar.TypeReg, Name: e.path, Size: info.Size(), Mode: int64(info.Mode().Perm())})
	} else {
		_, err = f.Seek(part.GetPosition(), io.SeekStart)
	}
	if err != nil {
		return err
	}
	if err := w.content(ctx, e.path, f, part); err != nil {
		return err
	}
	if err := w.out.pad(part.GetSize()); err != nil {
		return err
	}
	w.progress.FilesDone++
	w.report()
	return w.out.endMember()
}

// content archives the bytes of f that part lacks, with checkpoints on the way.
// The header has already said how many there are, so a file of another size
// would damage the archive, and one that was written to meanwhile may never
// have been what was read: either is an error.
func (w *writer) content(ctx context.Context, path string, f *os.File, part *checkpointpb.Checkpoint_Part) error {
	for part.Position < part.Size {
		if w.due() {
			if err := w.save(ctx, path, part); err != nil {
				return err
			}
		}
		n := min(int64(len(w.buf)), part.Size-part.Position, w.interval()-w.unsaved(), w.throttle.chunk())
		read, err := io.ReadFull(f, w.buf[:n])
		part.Position += int64(read)
		w.progress.BytesRead += int64(read)
		w.progress.BytesDone += int64(read)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return &FileError{Path: path, Err: ErrChanged}
		case err != nil:
			return &FileError{Path: path, Err: bare(err)}
		}
		if _, err := w.out.Write(w.buf[:n]); err != nil {
			return err
		}
		w.report()
		if err := w.throttle.wait(ctx, n); err != nil {
			return err
		}
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return &FileError{Path: path, Err: bare(err)}
	case info.Size() != part.Size, !info.ModTime().Equal(part.ModifyTime.AsTime()):
		return &FileError{Path: path, Err: ErrChanged}
	}
	return nil
}

// header writes the header of an entry. It is made by a tar.Writer of its own:
// one for the whole archive would have to be told of every byte before it.
func (w *writer) header(h *tar.Header) error {
	h.ModTime = time.Unix(0, 0)
	var block bytes.Buffer
	if err := tar.NewWriter(&block).WriteHeader(h); err != nil {
		return &FileError{Path: h.Name, Err: err}
	}
	_, err := w.out.Write(block.Bytes())
	return err
}

// unsaved answers how many bytes of files were archived since the last
// checkpoint.
func (w *writer) unsaved() int64 { return w.progress.BytesDone - w.saved.GetBytes() }

// interval answers how many bytes of files lie between checkpoints.
func (w *writer) interval() int64 {
	return max(1, min(w.progress.BytesTotal/checkParts, checkBytes))
}

func (w *writer) due() bool { return w.unsaved() >= w.interval() }

// save ends the gzip member, brings the partial archive to the disk, and keeps a
// checkpoint: path is the last entry so far, and there in part if part is set.
func (w *writer) save(ctx context.Context, path string, part *checkpointpb.Checkpoint_Part) error {
	offset, sum, err := w.out.sync()
	if err != nil {
		return err
	}
	cp := &checkpointpb.Checkpoint{
		Attempt: w.task.Attempt(),
		Folder:  []byte(w.root.Name()),
		Offset:  offset,
		Sha256:  sum,
		Files:   w.progress.FilesDone,
		Bytes:   w.progress.BytesDone,
		Path:    []byte(path),
		Part:    proto.CloneOf(part),
	}
	if err := w.task.Save(ctx, cp); err != nil {
		return fmt.Errorf("archive: save checkpoint: %w", err)
	}
	w.saved = cp
	return nil
}
