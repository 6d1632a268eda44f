//go:build linux

package siege

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver of the log

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// sqlite is a file on a file system of its own, which can be filled.
type sqlite struct {
	dir     string
	db      *sql.DB
	mounted bool
}

const sqliteAudit = `
CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, removed INTEGER NOT NULL,
	name, parent, id, method, request_id, version, create_time, update_time, deadline, epoch, state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error);`

const diskSize = "512m"

func newSQLite() (*sqlite, error) {
	dir, err := os.MkdirTemp("", "chaos")
	if err != nil {
		return nil, err
	}
	s := &sqlite{dir: dir}
	// Without the right to mount, the disk cannot be filled; the report says so.
	s.mounted = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+diskSize) == nil
	dsn := url.URL{Scheme: "file", Opaque: s.file(), RawQuery: "_pragma=busy_timeout(10000)&_txlock=immediate"}
	if s.db, err = sql.Open("sqlite", dsn.String()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sqlite) file() string { return filepath.Join(s.dir, "operations.db") }

func (s *sqlite) way(context.Context, string) (string, *proxy.Proxy, error) {
	return "sqlite:" + s.file(), nil, nil
}

func (s *sqlite) audit(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, sqliteAudit); err != nil {
		return err
	}
	for event, is := range map[string]string{"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"} {
		values := []string{"CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)", strconv.FormatBool(event == "DELETE")}
		for _, column := range strings.Split(columns, ", ")[2:] {
			values = append(values, is+"."+column)
		}
		_, err := s.db.ExecContext(ctx, fmt.Sprintf(`CREATE TRIGGER chaos_%[1]s AFTER %[1]s ON operations BEGIN INSERT INTO audit (%[2]s) VALUES (%[3]s); END`,
			event, columns, strings.Join(values, ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlite) history(ctx context.Context) (changes []oracle.Change, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+columns+` FROM audit ORDER BY seq`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		c := oracle.Change{Record: new(store.Record)}
		r := c.Record
		var at, created, written int64
		var deadline sql.NullInt64
		if err := rows.Scan(&at, &c.Removed, &r.Name, &r.Parent, &r.ID, &r.Method, &r.RequestID, &r.Version, &created, &written, &deadline, &r.Epoch, &r.State, &r.Owner, &r.Released, &r.Retried,
			&r.CancelRequested, &r.Deleted, &r.Metadata, &r.Checkpoint, &r.Response, &r.Error); err != nil {
			return nil, err
		}
		c.At, r.CreateTime, r.UpdateTime = time.UnixMilli(at), time.UnixMicro(created), time.UnixMicro(written)
		if deadline.Valid {
			r.Deadline = time.UnixMicro(deadline.Int64)
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

func (s *sqlite) undone(ctx context.Context) (n int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM operations WHERE state <> 4`).Scan(&n)
	return n, err
}

// books has nothing to compare: transactions of the application are for Postgres.
func (s *sqlite) books(context.Context) ([]oracle.Violation, error) { return nil, nil }

func (s *sqlite) close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.mounted {
		errs = append(errs, syscall.Unmount(s.dir, syscall.MNT_DETACH))
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func (s *sqlite) faults() map[Kind]fault {
	faults := map[Kind]fault{Busy: s.busy, LoseHints: s.mute}
	if s.mounted {
		faults[Full] = s.full
	}
	return faults
}

// busy holds the file's lock for a while, as another process that writes.
func (s *sqlite) busy(ctx context.Context, sg *siege) bool {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false
	}
	sg.disturb(nil, 4*time.Second)
	sg.pause(ctx, 50*time.Millisecond+sg.rand(sg.scenario.TTL))
	_, err = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return err == nil
}

// full leaves no room on the disk for a while. It counts if a worker was refused.
func (s *sqlite) full(ctx context.Context, sg *siege) bool {
	sg.disturb(nil, 2*sg.scenario.TTL+4*time.Second)
	refused := sg.count(refusedForRoom)
	var disk syscall.Statfs_t
	if !sg.must(syscall.Statfs(s.dir, &disk)) {
		return false
	}
	used := (int64(disk.Blocks) - int64(disk.Bfree)) * int64(disk.Bsize)
	shrunk := syscall.Mount("tmpfs", s.dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", used+64<<10)) == nil
	struck := shrunk && sg.eventually(ctx, 2*sg.scenario.TTL, func() bool { return sg.count(refusedForRoom) > refused })
	sg.must(syscall.Mount("tmpfs", s.dir, "tmpfs", syscall.MS_REMOUNT, "size="+diskSize))
	return struck
}

// mute has a worker lose hints. The store has no connection that could lose them,
// so it is done in the worker, between store and Manager.
func (s *sqlite) mute(ctx context.Context, sg *siege) bool {
	m, release := sg.target(ctx, LoseHints)
	if m == nil {
		return false
	}
	defer release()
	sg.disturb(m, 4*time.Second)
	before := m.count(worker.MutedHint)
	m.command(worker.Command{Mute: time.Second})
	return sg.eventually(ctx, time.Second, func() bool { return m.count(worker.MutedHint) > before })
}
