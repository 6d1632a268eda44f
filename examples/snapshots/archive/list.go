package archive

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/longrunning-go/longrunning/examples/snapshots/internal/checkpointpb"
)

var errOwnFolder = errors.New("is the folder that archives go to, which is never archived")

// An entry of the folder, as it was when the folder was listed.
type entry struct {
	path string // from the folder, with slashes
	mode fs.FileMode
	size int64
}

// list answers what is in folder and can be archived, in byte order of the
// paths. That is not the order of a walk: a-b comes before a/b.
func list(ctx context.Context, folder, except string) ([]entry, error) {
	own, err := os.Stat(except)
	if err != nil {
		return nil, err
	}
	var entries []entry
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, relErr := filepath.Rel(folder, path)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		if err != nil {
			return &FileError{Path: rel, Err: bare(err)}
		}
		info, err := d.Info()
		if err != nil {
			return &FileError{Path: rel, Err: bare(err)}
		}
		switch {
		case d.IsDir() && os.SameFile(info, own) && rel == ".":
			return &FileError{Path: rel, Err: errOwnFolder}
		case d.IsDir() && os.SameFile(info, own):
			return fs.SkipDir
		case rel == ".":
			return nil
		}
		switch info.Mode().Type() {
		case 0, fs.ModeDir, fs.ModeSymlink:
			entries = append(entries, entry{path: rel, mode: info.Mode(), size: info.Size()})
		}
		return nil
	})
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	return entries, err
}

// rest answers the entries that come after the checkpoint cp, first the one
// that is archived in part.
func rest(entries []entry, cp *checkpointpb.Checkpoint) ([]entry, error) {
	path := string(cp.GetPath())
	i, found := slices.BinarySearchFunc(entries, path, func(e entry, path string) int {
		return cmp.Compare(e.path, path)
	})
	switch {
	case cp.GetPart() == nil && found:
		return entries[i+1:], nil
	case cp.GetPart() != nil && !found:
		return nil, &FileError{Path: path, Err: fs.ErrNotExist}
	default:
		return entries[i:], nil
	}
}

// bare answers err without the path that it says, which is that of the server's
// machine.
func bare(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
