//go:build linux

package siege

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

func (p *postgres) open(ctx context.Context) (store.Store, func() error, error) {
	st, err := pgstore.New(ctx, p.pool, nil)
	if err != nil {
		return nil, nil, err
	}
	return st, func() error { st.Close(); return nil }, nil
}

func (p *postgres) lease(ctx context.Context, owner string) (until time.Time, dead bool, err error) {
	err = p.pool.QueryRow(ctx, `SELECT until, dead FROM lro_owners WHERE id = $1`, owner).Scan(&until, &dead)
	return until, dead, err
}

func (s *sqlite) open(ctx context.Context) (store.Store, func() error, error) {
	st, err := sqlitestore.Open(ctx, s.file(), nil)
	if err != nil {
		return nil, nil, err
	}
	return st, st.Close, nil
}

func (s *sqlite) lease(ctx context.Context, owner string) (until time.Time, dead bool, err error) {
	var micros int64
	err = s.db.QueryRowContext(ctx, `SELECT until, dead FROM owners WHERE id = ?`, owner).Scan(&micros, &dead)
	return time.UnixMicro(micros), dead, err
}

// fillers are how many goroutines fill a store, which groups what they write.
const fillers = 256

// fill makes the backlog: operations of a method, due at once and each some tenths
// of a second long.
func fill(ctx context.Context, st store.Store, method string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var made atomic.Int64
	var all sync.WaitGroup
	for range fillers {
		all.Go(func() {
			for n := made.Add(1); n <= backlog+spare && ctx.Err() == nil; n = made.Add(1) {
				// Of all lengths, or slots would be freed many at a time.
				script := worker.Script{Steps: 3, Pause: time.Duration(60+n%80) * time.Millisecond, Mute: true, End: worker.EndsResponse}
				if err := create(ctx, st, method, script); err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// spare is what workers may take of the backlog before it is measured behind it.
const spare = backlog / 50

func create(ctx context.Context, st store.Store, method string, script worker.Script) error {
	packed, err := anypb.New(&testpb.PrintRequest{Text: script.String()})
	if err != nil {
		return err
	}
	request, err := proto.Marshal(packed)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = st.Create(ctx, &store.Record{
		Name: "operations/" + id.String(), ID: id.String(), Method: method, Request: request,
		State: store.Pending, Timeout: 24 * time.Hour,
	})
	return err
}
