package archive

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"
)

// A Task numbers an attempt and keeps its checkpoints; an lro.Task is one.
type Task interface {
	// Attempt answers a number that is higher than that of every earlier
	// attempt.
	Attempt() int64
	// Load reads what was last saved, by an earlier attempt too, and reports
	// whether there is any.
	Load(checkpoint proto.Message) (bool, error)
	// Save keeps checkpoint. It fails if a later attempt has begun.
	Save(ctx context.Context, checkpoint proto.Message) error
}

// Options say what to archive, and where to.
type Options struct {
	// Folder is archived. Required.
	Folder string
	// Dir is where the archive goes: an existing folder, which is left out if
	// it lies inside of Folder. Processes that resume each other's work share
	// it. Required.
	Dir string
	// ID names the archive, {Dir}/{ID}.tar.gz. It is the same in every attempt,
	// and nothing else has it. Required.
	ID string
	// BytesPerSecond bounds how fast files are read; 0 is unlimited.
	BytesPerSecond int64
	// Report, if set, is told of progress, many times a second, by the goroutine
	// that called Take.
	Report func(Progress)
}

// Progress says how far an archive is. It counts regular files and their bytes.
type Progress struct {
	FilesTotal, FilesDone int64
	BytesTotal, BytesDone int64
	// BytesRead is how many bytes of files this attempt has read itself.
	BytesRead int64
}

// Result describes a whole archive.
type Result struct {
	Path   string // of the archive
	Files  int64  // regular files in it
	Bytes  int64  // in these files
	SHA256 string // of the uncompressed tar, in lower-case hexadecimal
}

// Take archives a folder. An attempt calls it once.
//
// If it fails, a [*FileError] says that it was for a file of the folder; the
// partial archive stays for the next attempt. Call [Discard] if there is none.
func Take(ctx context.Context, task Task, opts *Options) (*Result, error) {
	folder, err := filepath.EvalSymlinks(opts.Folder)
	if err != nil {
		return nil, &FileError{Path: ".", Err: bare(err)}
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, &FileError{Path: ".", Err: bare(err)}
	}
	defer root.Close()
	entries, err := list(ctx, folder, opts.Dir)
	if err != nil {
		return nil, err
	}
	part, from, err := openPartial(task, opts, folder)
	if err != nil {
		return nil, err
	}
	defer part.Close()
	out, err := newOutput(part, from)
	if err != nil {
		return nil, err
	}
	w := newWriter(task, opts, root, out, from)
	if err := w.write(ctx, entries); err != nil {
		return nil, err
	}
	path, err := publish(part, opts, task.Attempt())
	if err != nil {
		return nil, err
	}
	return &Result{
		Path:   path,
		Files:  w.progress.FilesDone,
		Bytes:  w.progress.BytesDone,
		SHA256: hex.EncodeToString(out.sum.Sum(nil)),
	}, nil
}

// A FileError says which entry of the folder could not be archived.
type FileError struct {
	Path string // from the folder, with slashes
	Err  error  // fs.ErrNotExist if it vanished, or ErrChanged, or another
}

func (e *FileError) Error() string { return fmt.Sprintf("archive: %q: %v", e.Path, e.Err) }

// Unwrap answers e.Err.
func (e *FileError) Unwrap() error { return e.Err }
