package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/longrunning-go/longrunning/examples/snapshots/internal/checkpointpb"
)

// partialPattern matches the partial archives of all attempts.
const partialPattern = "*.attempt-*.partial"

// partial answers the path of an attempt's partial archive.
func partial(dir, id string, attempt int64) string {
	return filepath.Join(dir, fmt.Sprintf("%s.attempt-%d.partial", id, attempt))
}

// Discard removes the partial archive of an attempt, if there is one: no other
// attempt will follow.
func Discard(dir, id string, attempt int64) error {
	if err := os.Remove(partial(dir, id, attempt)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sweep removes the partial archives below dir that nobody has written to for
// age: more than an operation may last. They are what was left when an operation
// ended without its handler.
func Sweep(dir string, age time.Duration) error {
	paths, err := filepath.Glob(filepath.Join(dir, partialPattern))
	if err != nil {
		return err
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || time.Since(info.ModTime()) < age {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// openPartial answers the partial archive that this attempt writes, positioned
// where the checkpoint that it also answers stands: that of an earlier attempt,
// or an empty one.
func openPartial(task Task, opts *Options, folder string) (*os.File, *checkpointpb.Checkpoint, error) {
	var cp checkpointpb.Checkpoint
	found, err := task.Load(&cp)
	if err != nil {
		return nil, nil, fmt.Errorf("archive: load checkpoint: %w", err)
	}
	mine := partial(opts.Dir, opts.ID, task.Attempt())
	if found && bytes.Equal(cp.GetFolder(), []byte(folder)) {
		earlier := partial(opts.Dir, opts.ID, cp.GetAttempt())
		file, adoptErr := adopt(earlier, mine, cp.GetOffset())
		if adoptErr == nil {
			return file, &cp, nil
		}
		// Whatever is wrong with it: a new one will do.
	}
	if err := Discard(opts.Dir, opts.ID, task.Attempt()); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(mine, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, err
	}
	lock(file) // for adopt, which does without if need be
	return file, &checkpointpb.Checkpoint{}, nil
}

// adopt makes a partial archive of the first offset bytes of another one,
// positioned behind them. The other one keeps its name, for the case that this
// process is killed before it has saved a checkpoint of its own.
func adopt(earlier, mine string, offset int64) (*os.File, error) {
	from, err := os.OpenFile(earlier, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	info, err := from.Stat()
	if err == nil && info.Size() < offset {
		err = fmt.Errorf("archive: %s: expected at least %d bytes, found %d", earlier, offset, info.Size())
	}
	if err == nil && lock(from) && os.Link(earlier, mine) == nil {
		if err = from.Truncate(offset); err == nil {
			_, err = from.Seek(offset, io.SeekStart)
		}
		if err == nil {
			return from, nil
		}
	}
	defer from.Close()
	if err != nil {
		return nil, err
	}
	return copyPrefix(from, mine, offset)
}

// copyPrefix copies the first offset bytes of from, whose writer may be alive:
// it only ever appends, so these bytes stay as they are.
func copyPrefix(from *os.File, mine string, offset int64) (*os.File, error) {
	file, err := os.OpenFile(mine, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	lock(file)
	if _, err = io.CopyN(file, from, offset); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// removeEarlier takes the names of all earlier attempts' partial archives away,
// so that none of them can be published any more.
func removeEarlier(opts *Options, attempt int64) error {
	for earlier := int64(1); earlier < attempt; earlier++ {
		if err := Discard(opts.Dir, opts.ID, earlier); err != nil {
			return err
		}
	}
	return nil
}

// publish gives a whole archive its name. The file is still open, and with it
// locked, so that no other attempt takes it for one that nobody writes to.
func publish(file *os.File, opts *Options, attempt int64) (string, error) {
	if err := file.Sync(); err != nil {
		return "", err
	}
	path := filepath.Join(opts.Dir, opts.ID+".tar.gz")
	err := os.Rename(partial(opts.Dir, opts.ID, attempt), path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("archive: a later attempt has taken over from attempt %d: %w", attempt, err)
	}
	if err != nil {
		return "", err
	}
	return path, syncDir(opts.Dir)
}

// syncDir brings a rename in dir to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
