package hints_test

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/hints"
	"github.com/longrunning-go/longrunning/store"
)

var everything = store.Hint{All: true, Due: true}

func about(name string) store.Hint { return store.Hint{Names: []string{name}} }

// A call is one of Notify.
type call struct {
	t     *testing.T
	end   context.CancelFunc
	ended chan error

	mu    sync.Mutex
	hints []store.Hint
}

func notify(t *testing.T, h *hints.Hub) *call {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &call{t: t, end: cancel, ended: make(chan error, 1)}
	go func() {
		c.ended <- h.Notify(ctx, func(hint store.Hint) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.hints = append(c.hints, hint)
		})
	}()
	synctest.Wait()
	return c
}

// want checks the hints since the last check.
func (c *call) want(rule string, want ...store.Hint) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hints)+len(want) > 0 && !reflect.DeepEqual(c.hints, want) { //nolint:forbidigo // hints hold slices
		c.t.Errorf("%s: got hints %+v, want %+v", rule, c.hints, want)
	}
	c.hints = nil
}

func (c *call) stop() {
	c.t.Helper()
	c.end()
	if err := <-c.ended; err != nil {
		c.t.Errorf("Notify: got error %v when its context ended, want none", err)
	}
}

func TestWithoutSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hints.New(nil)
		h.Publish(about("early"))
		first := notify(t, h)
		first.want("the first hint covers all that came before", everything)
		second := notify(t, h)
		second.want("each call has a first hint", everything)
		first.want("the first hint of another call is its own")
		h.Publish(about("a"))
		first.want("every call is told", about("a"))
		second.want("every call is told", about("a"))
		first.stop()
		h.Publish(about("b"))
		first.want("no hint comes after Notify has returned")
		second.want("the others are told", about("b"))
		second.stop()
	})
}

// A listener is what a test has a hub run, and how often.
type listener struct {
	starts, ends int
	source       *hints.Source
	deaf         bool // it does not hear at first
}

func (l *listener) listen(ctx context.Context, s *hints.Source) {
	l.starts++
	l.source = s
	if !l.deaf {
		s.Hears()
	}
	<-ctx.Done()
	time.Sleep(time.Second) // what Notify waits for
	l.ends++
}

func TestWithSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &listener{deaf: true}
		h := hints.New(l.listen)
		c := notify(t, h)
		c.want("no hint comes before the source hears: it could not cover what is lost until then")
		h.Publish(about("lost"))
		c.want("what is published before the first hint is covered by it")
		l.source.Hears()
		c.want("the first hint comes when the source hears", everything)
		h.Publish(about("own"))
		l.source.Publish(about("foreign"))
		c.want("hints come from both sides", about("own"), about("foreign"))

		l.source.Deaf()
		late := notify(t, h)
		late.want("a call that begins while the source is deaf waits")
		h.Publish(about("meanwhile"))
		c.want("an earlier call hears what is published directly", about("meanwhile"))
		l.source.Hears()
		c.want("after a gap everything is to be looked at", everything)
		late.want("after a gap everything is to be looked at", everything)
		c.stop()
		late.stop()
	})
}

func TestSourceRunsForSubscribers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		h := hints.New(l.listen)
		state := func(rule string, starts, ends int) {
			t.Helper()
			synctest.Wait()
			if l.starts != starts || l.ends != ends {
				t.Errorf("%s: the source has started %d times and ended %d times, want %d and %d", rule, l.starts, l.ends, starts, ends)
			}
		}
		state("no source runs for nobody", 0, 0)
		a := notify(t, h)
		b := notify(t, h)
		state("one source runs for all", 1, 0)
		b.want("a call that begins while the source hears waits for nothing", everything)
		a.stop()
		state("the source runs on for the others", 1, 0)
		b.stop()
		state("the source has ended when the last call returns", 1, 1)
		c := notify(t, h)
		state("a new source runs for new calls", 2, 1)
		c.want("a new source begins with everything", everything)
		c.stop()
		state("the new source has ended too", 2, 2)
	})
}

// A call that has returned is told nothing, even of a hint that others are being
// told.
func TestEndDuringPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hints.New(nil)
		var told [2]int
		var end [2]context.CancelFunc
		var returned [2]chan struct{}
		for i := range told {
			var ctx context.Context
			ctx, end[i] = context.WithCancel(t.Context())
			returned[i] = make(chan struct{})
			go func() {
				defer close(returned[i])
				_ = h.Notify(ctx, func(hint store.Hint) {
					if !hint.All { // the first to be told ends the other
						told[i]++
						end[1-i]()
						<-returned[1-i]
					}
				})
			}()
		}
		synctest.Wait()
		h.Publish(about("a"))
		if told[0]+told[1] != 1 {
			t.Errorf("the two calls were told %v times, want one of them once: the other had returned", told)
		}
		end[0]()
		end[1]()
	})
}
