//go:build linux

package siege

import (
	"context"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// A ground is a real store, with a log in it of every version of every record:
// triggers of ours write it, whoever writes the record.
type ground interface {
	// way answers a way to the store for one worker at a time, and the proxy that
	// lies on it, if any.
	way(ctx context.Context, place string) (url string, px *proxy.Proxy, err error)
	// audit begins the log; the tables are there.
	audit(ctx context.Context) error
	// history answers the log.
	history(ctx context.Context) ([]oracle.Change, error)
	// open opens the store of the workers past the ways to it; what comes with it
	// closes it.
	open(ctx context.Context) (store.Store, func() error, error)
	// lease answers when the lease of an owner lapses, or, once it is marked dead,
	// when it was; by the clock that the store sets all times by.
	lease(ctx context.Context, owner string) (until time.Time, dead bool, err error)
	// undone answers how many operations are not done.
	undone(ctx context.Context) (int, error)
	// books answers what contradicts the operations in the application's own rows.
	books(ctx context.Context) ([]oracle.Violation, error)
	// faults answers the faults that only this store has, by kind.
	faults() map[Kind]fault
	close() error
}

// A fault strikes once, and reports whether it really struck.
type fault func(ctx context.Context, s *siege) bool

// columns are those of the log, in the order of a row.
const columns = `at, removed, name, parent, id, method, request_id, version, create_time, update_time, deadline, epoch, state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error`
