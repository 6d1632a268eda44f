package pgstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/longrunning-go/longrunning/internal/hints"
	"github.com/longrunning-go/longrunning/store"
)

const (
	// probeTimeout is how long a notification of ours may take to come back.
	probeTimeout = 3 * time.Second
	// quiet is how long a listener hears nothing before it asks whether the server
	// is still there.
	quiet = 15 * time.Second
	// lookInterval is how often listeners are told to look where LISTEN does not
	// work, and relisten how long that goes on before it is tried again.
	lookInterval = time.Second
	relisten     = 10 * time.Minute
)

var errDeaf = errors.New("pgstore: notifications do not arrive: LISTEN does not work through a pooler in transaction mode")

// listen brings hints until ctx ends, over one connection, whichever that is.
func (s *Store) listen(ctx context.Context, source *hints.Source) {
	for delay := 50 * time.Millisecond; ctx.Err() == nil; delay = min(2*delay, 5*time.Second) {
		began := time.Now()
		err := s.hear(ctx, source)
		source.Deaf()
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, errDeaf):
			s.log.WarnContext(ctx, "pgstore: polling every second instead of listening", "error", err)
			look(ctx, source)
		default:
			s.log.WarnContext(ctx, "pgstore: the listening connection was lost, connecting again", "error", failure("Notify", err))
			if time.Since(began) > time.Minute {
				delay = 50 * time.Millisecond
			}
			pause(ctx, delay)
		}
	}
}

// look tells everybody to look at everything, again and again.
func look(ctx context.Context, source *hints.Source) {
	for range relisten / lookInterval {
		source.Hears()
		if !pause(ctx, lookInterval) {
			return
		}
	}
}

// hear listens on one connection until that fails.
func (s *Store) hear(ctx context.Context, source *hints.Source) error {
	connecting, stop := context.WithTimeout(ctx, 2*probeTimeout)
	defer stop()
	conn, err := s.reserved.Acquire(connecting)
	if err != nil {
		return err
	}
	listener := conn.Hijack() // it listens: nobody else may have it after us
	defer func() {
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		_ = listener.Close(end)
	}()
	if err := s.subscribe(ctx, listener); err != nil {
		return err
	}
	source.Hears()
	for {
		n, err := next(ctx, listener, quiet)
		switch {
		case err == nil:
			publish(source, n.Payload)
		case ctx.Err() != nil || !pgconn.Timeout(err):
			return err
		default:
			if err := s.ping(ctx, listener); err != nil {
				return err
			}
		}
	}
}

// subscribe begins to listen. A notification of ours that does not arrive may just
// be late, once.
func (s *Store) subscribe(ctx context.Context, listener *pgx.Conn) error {
	ctx, stop := context.WithTimeout(ctx, 3*probeTimeout)
	defer stop()
	if _, err := listener.Exec(ctx, `LISTEN `+pgx.Identifier{s.channel}.Sanitize()); err != nil {
		return err
	}
	err := s.probe(ctx, listener)
	if errors.Is(err, errDeaf) {
		err = s.probe(ctx, listener)
	}
	return err
}

// probe tells whether what another connection notifies arrives at this one. On
// the same one it always does.
func (s *Store) probe(ctx context.Context, listener *pgx.Conn) error {
	token := "?" + rand.Text()
	if _, err := s.reserved.Exec(ctx, `SELECT pg_notify($1, $2)`, s.channel, token); err != nil {
		return err
	}
	for deadline := time.Now().Add(probeTimeout); ; {
		n, err := next(ctx, listener, time.Until(deadline))
		switch {
		case err == nil && n.Payload == token:
			return nil
		case err == nil:
		case ctx.Err() == nil && pgconn.Timeout(err):
			return errDeaf
		default:
			return err
		}
	}
}

// next waits for a notification, at most for timeout.
func next(ctx context.Context, listener *pgx.Conn, timeout time.Duration) (*pgconn.Notification, error) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	return listener.WaitForNotification(ctx)
}

func (s *Store) ping(ctx context.Context, listener *pgx.Conn) error {
	ctx, stop := context.WithTimeout(ctx, probeTimeout)
	defer stop()
	return listener.Ping(ctx)
}

// publish hands on what a payload of lro_hint says.
func publish(source *hints.Source, payload string) {
	head, names, _ := strings.Cut(payload, "\n")
	switch {
	case head == "*":
		source.Publish(store.Hint{All: true})
	case head != "D" && head != "-":
		// A probe, or a word of a later version.
	case names == "":
		source.Publish(store.Hint{Due: head == "D"})
	default:
		source.Publish(store.Hint{Due: head == "D", Names: strings.Split(names, "\n")})
	}
}
