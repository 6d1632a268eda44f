package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A file is the database's, and how connections to it are opened.
type file struct {
	path        string // absolute, so that later connections find the same file
	synchronous Synchronous
	busy        time.Duration
	opened      os.FileInfo // by Open
}

// unmoved answers an error if another file, or none, is where the one was that Open
// opened: what is written to that then, nobody would find.
func (f *file) unmoved() error {
	info, err := os.Stat(f.path)
	if err == nil && (f.opened == nil || os.SameFile(info, f.opened)) {
		return nil
	}
	return errors.Join(fmt.Errorf("sqlitestore: %s was moved, removed or replaced while it was open: end this process, and start it on the right file", f.path), err)
}

func newFile(path string, opts *Options) (*file, error) {
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("sqlitestore: the path is %q, want that of a file: operations in memory are what store/memstore is for", path)
	}
	if strings.HasPrefix(path, "file:") {
		return nil, fmt.Errorf("sqlitestore: the path is %q, want that of a file and no URI; options are for Options", path)
	}
	if strings.ContainsRune(path, 0) {
		return nil, errors.New("sqlitestore: the path has a NUL in it, want that of a file")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: the path %q: %w", path, err)
	}
	if info, err := os.Stat(absolute); err == nil && info.IsDir() {
		return nil, fmt.Errorf("sqlitestore: %s is a folder, want a file: name one in it", absolute)
	}
	if folder := filepath.Dir(absolute); !isFolder(folder) {
		return nil, fmt.Errorf("sqlitestore: %s is to be in %s, which is no folder: make it first", absolute, folder)
	}
	return &file{path: absolute, synchronous: opts.Synchronous, busy: opts.BusyTimeout}, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// A mode is what a connection may do. It is that of SQLite's URIs.
type mode string

const (
	reading  mode = "rw&_query_only=1" // whoever reads shares the log's index, which is a write to the system
	writing  mode = "rw"
	creating mode = "rwc" // the file too
)

// uri is the name by which SQLite opens the file.
func (f *file) uri(m mode) string {
	path := filepath.ToSlash(f.path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a volume of Windows
	}
	path = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	uri := fmt.Sprintf("file:%s?mode=%s&_error_rc=1&_dqs=0&_busy_timeout=%d&_synchronous=%d&_pragma=cache_size(-%d)",
		path, m, f.busy.Milliseconds(), f.synchronous.pragma(), cacheKiB)
	if f.synchronous == Full {
		uri += "&_pragma=fullfsync(1)" // on macOS fsync alone does not reach the disk
	}
	return uri
}

// cacheKiB is how much of the file each connection keeps in memory at most.
const cacheKiB = 8 << 10

// open opens one more connection.
func (f *file) open(ctx context.Context, m mode) (*conn, error) {
	connector, err := sqlite.NewConnector(f.uri(m))
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if f.opened != nil {
		if err := f.unmoved(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return newConn(c), nil
}

// openWriter opens a connection that can write, as it proves.
func (f *file) openWriter(ctx context.Context) (*conn, []byte, error) {
	c, err := f.open(ctx, writing)
	if err != nil {
		return nil, nil, f.failed("open", err)
	}
	secret, err := f.ready(ctx, c)
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	return c, secret, nil
}

func (f *file) ready(ctx context.Context, c *conn) (secret []byte, err error) {
	if err = f.current(ctx, c); err != nil {
		return nil, err
	}
	if err = f.useWAL(ctx, c); err != nil {
		return nil, err
	}
	if err = begin(ctx, c, f.busy); err != nil {
		return nil, f.failed("write", err)
	}
	if err = rollback(ctx, c); err != nil {
		return nil, f.failed("write", err)
	}
	// From here on it waits by itself: SQLite's own steps of up to 100 ms would
	// starve it beside a process that writes without a pause.
	if _, err = c.exec(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return nil, f.failed("set up", err)
	}
	value, err := c.one(ctx, selectSecret)
	if err != nil {
		return nil, f.failed("read", err)
	}
	if secret = blob(value); len(secret) != 32 {
		return nil, fmt.Errorf("sqlitestore: %s has a secret of %d bytes, want 32: restore a backup", f.path, len(secret))
	}
	return secret, nil
}

// useWAL makes sure that the file has a write-ahead log. SQLite does not wait for
// others who are about to do the same.
func (f *file) useWAL(ctx context.Context, c *conn) error {
	var got driver.Value
	err := retryBusy(ctx, f.busy, func() (err error) {
		got, err = c.one(ctx, "PRAGMA journal_mode = WAL")
		return err
	})
	if err != nil {
		return f.failed("turn on the write-ahead log of", err)
	}
	if mode, _ := got.(string); !strings.EqualFold(mode, "wal") {
		return fmt.Errorf("sqlitestore: %s: the journal mode is %v, want wal: the file must lie on a local disk that can share memory between processes", f.path, got)
	}
	return nil
}

// failed says what could not be done with the file.
func (f *file) failed(what string, err error) error {
	if code(err) == sqlite3.SQLITE_OK {
		return fmt.Errorf("sqlitestore: cannot %s %s: %w", what, f.path, err)
	}
	return fmt.Errorf("sqlitestore: cannot %s %s: %w", what, f.path, explained(err))
}
