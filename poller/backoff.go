package poller

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A recommended interval is taken as at least and at most this, so that a
// server's mistake makes a client neither spin nor sleep for ever.
const (
	minRecommended = 100 * time.Millisecond
	maxRecommended = 10 * time.Minute
)

// retryInfoKey is the trailer in which a server recommends an interval: the
// status details of an answer that is no error.
const retryInfoKey = "google.rpc.retryinfo-bin"

// A pace decides how long to pause between the calls of one Wait, Updates,
// Cancel or Delete.
type pace struct {
	opts     *Options
	backoff  time.Duration // the next one, before jitter
	failures int           // transient ones since the last answer
	failed   error         // of the last call, unless the context ended that
}

func newPace(opts *Options) *pace { return &pace{opts: opts, backoff: opts.InitialBackoff} }

// reset starts the back-off anew.
func (p *pace) reset() { p.backoff = p.opts.InitialBackoff }

// step answers the next back-off. It starts anew behind a call that was parked
// for that long, even if for less than asked. A GetOperation that took so long
// is another matter: its server is slow, and is given time.
func (p *pace) step(r reply) time.Duration {
	d := p.backoff
	p.backoff = p.opts.MaxBackoff
	if next := float64(d) * p.opts.BackoffMultiplier; next < float64(p.opts.MaxBackoff) {
		p.backoff = time.Duration(next)
	}
	d -= time.Duration(rand.Float64() * p.opts.BackoffJitter * float64(d))
	if r.asked > 0 && r.took >= d {
		p.reset()
	}
	return d
}

// afterAnswer answers how long to pause after a poll that found the operation
// not done. Intervals count from start to start: a call that was parked for
// all of its interval is followed at once by the next, and one that was
// answered early waits for what is left of it.
func (p *pace) afterAnswer(r reply) time.Duration {
	p.failures, p.failed = 0, nil
	switch {
	case r.recommended > 0:
		p.reset()
		return r.recommended - r.took
	case r.parked():
		p.reset()
		return 0
	default:
		return p.step(r) - r.took
	}
}

// afterFailure answers how long to pause after a failed call, or the error to
// end with.
func (p *pace) afterFailure(r reply) (time.Duration, error) {
	if !r.cut {
		p.failed = r.err
	}
	if !r.transient() {
		return 0, r.err
	}
	if p.failures++; p.failures > p.opts.MaxRetries {
		return 0, fmt.Errorf("%w (gave up: Options.MaxRetries allows %d transient failures in a row)", r.err, p.opts.MaxRetries)
	}
	return max(p.step(r), r.recommended), nil
}

// recommended answers the interval that the server recommends, in the trailer
// of an answer or the details of an error (google.rpc.RetryInfo); 0 is none.
func recommended(trailer metadata.MD, err error) time.Duration {
	for _, v := range trailer.Get(retryInfoKey) {
		info := &errdetails.RetryInfo{}
		if proto.Unmarshal([]byte(v), info) == nil {
			return bounded(info)
		}
	}
	if err == nil {
		return 0
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return bounded(info)
		}
	}
	return 0
}

func bounded(info *errdetails.RetryInfo) time.Duration {
	d := info.GetRetryDelay().AsDuration()
	if d <= 0 {
		return 0
	}
	return min(max(d, minRecommended), maxRecommended)
}

// pause waits for d, or until wake is closed or ctx ends.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}
