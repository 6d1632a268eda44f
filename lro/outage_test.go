package lro_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// debugger logs everything there is.
func (l *logbook) debugger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// above answers the messages above debug level.
func (l *logbook) above() []string {
	return slices.Concat(l.with("level", "INFO"), l.with("level", "WARN"), l.with("level", "ERROR"))
}

// TestOutage takes the store away for five minutes while operations start, run,
// report and end: the log hears of it a few times, not by the operation, and
// nothing is lost or run twice.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		var attempts atomic.Int64
		l := newLink(memstore.New())
		p := setup(t, l, func(_ context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			attempts.Add(1)
			for page := range int64(60) {
				time.Sleep(time.Second)
				task.Report(&testpb.PrintMetadata{PagesDone: page})
			}
			return &testpb.PrintResponse{Text: req.GetText()}, nil
		}, &lro.Options{Logger: log.debugger()}, nil)
		var names []string
		for range 50 {
			names = append(names, p.start("", nil))
		}
		waited := make(chan error, 1)
		go func() {
			_, err := p.Wait(t.Context(), names[0])
			waited <- err
		}()
		time.Sleep(10 * time.Second)
		if got := log.above(); len(got) > 0 {
			t.Errorf("before the outage the log has %q; want nothing above debug level", got)
		}

		l.kill()
		for range 20 {
			if _, err := p.print.Start(t.Context(), &testpb.PrintRequest{}, nil); err == nil {
				t.Error("Start without a store answered nil")
			}
		}
		time.Sleep(5*time.Minute - 20*5*time.Second)
		l.revive()
		began := time.Now()
		for _, name := range names {
			responseOf[*testpb.PrintResponse](t, p.end(name))
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the last end was stored %v after the outage; want within some seconds", took)
		}
		if err := <-waited; err != nil {
			t.Errorf("a wait over the outage answered %v", err)
		}
		if got := attempts.Load(); got != 50 {
			t.Errorf("50 operations took %d attempts over an outage; want one each", got)
		}
		time.Sleep(time.Minute)
		told := log.above()
		if first := slices.Index(told, "lro: the store answers again"); first < 0 || len(told) > 12 {
			t.Errorf("over an outage of five minutes the log has %d lines: %q; want its begin, its end, and one each 30 s in between", len(told), told)
		}
		if calls := log.with("msg", "lro: a store call failed"); len(calls) < 500 {
			t.Errorf("the log has %d calls that failed; want each of them at debug level", len(calls))
		}
	})
}

// TestLastingFault: what fails for good while all else works is one outage, not
// a new one with each try.
func TestLastingFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		f := newFlaky()
		f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			if rec.Checkpoint != nil {
				return nil, errStore
			}
			return f.Store.Update(ctx, rec)
		}
		p := setup(t, f, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return nil, task.Save(ctx, &testpb.Checkpoint{})
		}, &lro.Options{Logger: log.logger()}, nil)
		name := p.start("", nil)
		time.Sleep(10 * time.Minute)
		if told := log.above(); len(told) > 21 || slices.Contains(told, "lro: the store answers again") {
			t.Errorf("in ten minutes the log has %d lines: %q; want one each 30 s", len(told), told)
		}
		if err := p.Cancel(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		p.end(name)
		time.Sleep(time.Minute)
		if told := log.above(); !slices.Contains(told, "lro: the store answers again") {
			t.Errorf("a minute after the last failure the log has %q; want the end of the outage", told)
		}
	})
}

// A tally notes when a kind of call was made.
type tally struct {
	mu    sync.Mutex
	times []time.Time
}

func (c *tally) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, time.Now())
}

// gaps answers the least and the longest time between the calls made from a
// moment to another.
func (c *tally) gaps(from, to time.Time) (least, longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	least = time.Hour
	last := from
	for _, at := range c.times {
		if at.Before(from) || at.After(to) {
			continue
		}
		if last != from {
			least = min(least, at.Sub(last))
		}
		longest = max(longest, at.Sub(last))
		last = at
	}
	return least, max(longest, to.Sub(last))
}

// first answers when the first call after a moment was made.
func (c *tally) first(after time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.times {
		if at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// TestBackOff: without its store a Manager saves its lease if it can, then asks
// less often, and is back at work with the first heartbeat.
func TestBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ttl = 15 * time.Second
		var down atomic.Bool
		var beats, claims tally
		f := newFlaky()
		f.mute = true
		f.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
			beats.note()
			if down.Load() {
				return nil, errStore
			}
			return f.Store.Heartbeat(ctx, owner, ttl)
		}
		f.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
			if len(c.Methods) > 0 {
				claims.note()
			}
			if down.Load() {
				return nil, errStore
			}
			return f.Store.Claim(ctx, c)
		}
		p := setup(t, f, echo, nil, nil)
		time.Sleep(time.Minute)
		declared := declarePrint(p)
		down.Store(true)
		began := time.Now()
		time.Sleep(10 * time.Minute)
		ended := time.Now()

		// The last heartbeat that succeeded came up to a third of the TTL before.
		if _, longest := beats.gaps(began.Add(ttl*2/5), began.Add(ttl*2/3)); longest > ttl/8 {
			t.Errorf("while the lease could be saved heartbeats left %v apart; want at most %v", longest, ttl/8)
		}
		if least, longest := beats.gaps(began.Add(time.Minute), ended); longest > ttl/3 || least < ttl/10 {
			t.Errorf("after the lease had lapsed heartbeats left %v to %v apart; want fewer, but at most %v", least, longest, ttl/3)
		}
		if least, longest := claims.gaps(began.Add(time.Minute), ended); least < 2*time.Second || longest > 10*time.Second {
			t.Errorf("a minute into the outage claims left %v to %v apart; want some seconds", least, longest)
		}

		for range 10 {
			op, err := declared.Start(t.Context(), &testpb.PrintRequest{}, nil) // pending, and no hint
			if err != nil {
				t.Fatal(err)
			}
			ended := time.Now()
			down.Store(false)
			p.end(op.GetName())
			took := time.Since(ended)
			synctest.Wait()
			if beat := beats.first(ended).Sub(ended); beat > 0 && took > beat || took > ttl/3 {
				t.Errorf("work was found %v after the outage; want it with the first heartbeat, after %v", took, beat)
			}
			down.Store(true)
			time.Sleep(time.Minute)
		}
	})
}

// TestFlappingClaims: a Claim that fails while heartbeats succeed backs off by
// itself.
func TestFlappingClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		var claims atomic.Int64
		f := newFlaky()
		f.claim = func(context.Context, *store.Claim) ([]*store.Record, error) {
			claims.Add(1)
			return nil, errors.New("permission denied for table operations")
		}
		p := setup(t, f, echo, &lro.Options{Logger: log.logger()}, nil)
		time.Sleep(time.Hour)
		if got := claims.Load(); got > 2*3600/4 {
			t.Errorf("two loops made %d claims in an hour, all of which failed; want one in some seconds each", got)
		}
		told := log.above()
		if len(told) > 121 || !strings.HasPrefix(told[0], "lro: the store") {
			t.Errorf("in an hour the log has %d lines; want one each 30 s", len(told))
		}
		f.set(func(f *flaky) { f.claim = nil })
		p.end(p.start("", nil))
	})
}

// TestRefusedClaims: a store that refuses what it is asked is no outage, and is
// told as what it is.
func TestRefusedClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		f := newFlaky()
		f.claim = func(context.Context, *store.Claim) ([]*store.Record, error) { return nil, store.ErrInvalid }
		setup(t, f, echo, &lro.Options{Logger: log.logger()}, nil)
		time.Sleep(time.Minute)
		if told := log.above(); len(told) == 0 || len(told) > 60 || slices.ContainsFunc(told, func(s string) bool { return s != "lro: the store refuses a call, trying again" }) {
			t.Errorf("in a minute in which the store refused claims the log has %q; want that, some seconds apart", told)
		}
	})
}
