package poller

import (
	"cmp"
	"fmt"
	"time"
)

// Options say how a [Poller] polls. The zero value of a field is its default,
// and nil Options are all defaults. New and Resume panic if a number makes no
// sense: a negative one where that has no meaning, a multiplier below 1, a
// jitter above 1, a call of more than a day.
type Options struct {
	// LongPoll is how long one WaitOperation may be parked at the server.
	// Default: one minute. Negative: WaitOperation is never called, for servers
	// known not to have it; GetOperation and the back-off take its place.
	LongPoll time.Duration

	// CallTimeout is how long a call may take, on top of the time for which it
	// may be parked. A call that takes longer counts as a transient failure.
	// Default: 10 seconds.
	CallTimeout time.Duration

	// MaxRetries is how many transient failures in a row are survived: those
	// with code UNAVAILABLE (AIP-194), and calls that missed their own deadline.
	// Default: 10, which together with the back-off is about 100 seconds.
	// Negative: none.
	MaxRetries int

	// InitialBackoff is the first pause after a failure, and the first distance
	// between the starts of two calls that the server answers at once. Default:
	// one second, or MaxBackoff if that is set and shorter.
	InitialBackoff time.Duration

	// MaxBackoff is where the back-off stops growing. Default: one minute, or
	// InitialBackoff if that is longer.
	MaxBackoff time.Duration

	// BackoffMultiplier is by how much the back-off grows from one call to the
	// next; at least 1. Default: 1.5.
	BackoffMultiplier float64

	// BackoffJitter is by which share of itself a back-off is shortened at most,
	// at random, so that clients do not call in step; at most 1. Default: 0.2.
	// Negative: none.
	BackoffJitter float64

	// CancelOnContextDone makes Wait and Updates cancel the operation when their
	// context ends first. They make a best effort, for at most CallTimeout, and
	// return then. Default: the operation goes on.
	CancelOnContextDone bool
}

// withDefaults answers a copy with every field set, and panics if o is invalid.
func (o *Options) withDefaults() Options {
	if o == nil {
		o = &Options{}
	}
	out := *o
	out.validate()
	out.LongPoll = cmp.Or(o.LongPoll, time.Minute)
	out.CallTimeout = cmp.Or(o.CallTimeout, 10*time.Second)
	out.MaxRetries = max(0, cmp.Or(o.MaxRetries, 10))
	out.InitialBackoff = cmp.Or(o.InitialBackoff, time.Second)
	if o.MaxBackoff == 0 {
		out.MaxBackoff = max(out.InitialBackoff, time.Minute)
	}
	out.InitialBackoff = min(out.InitialBackoff, out.MaxBackoff)
	out.BackoffMultiplier = cmp.Or(o.BackoffMultiplier, 1.5)
	out.BackoffJitter = max(0, cmp.Or(o.BackoffJitter, 0.2))
	return out
}

// maxCall bounds the length of a call, far from where times overflow.
const maxCall = 24 * time.Hour

func (o *Options) validate() {
	switch {
	case o.CallTimeout < 0 || o.InitialBackoff < 0 || o.MaxBackoff < 0:
		panic(fmt.Sprintf("poller: Options: CallTimeout %v, InitialBackoff %v and MaxBackoff %v must not be negative; leave them 0 for the defaults", o.CallTimeout, o.InitialBackoff, o.MaxBackoff))
	case o.LongPoll > maxCall || o.CallTimeout > maxCall:
		panic(fmt.Sprintf("poller: Options: LongPoll %v and CallTimeout %v must be at most %v", o.LongPoll, o.CallTimeout, maxCall))
	case o.BackoffMultiplier != 0 && !(o.BackoffMultiplier >= 1):
		panic(fmt.Sprintf("poller: Options: BackoffMultiplier is %v, must be at least 1, or 0 for the default", o.BackoffMultiplier))
	case !(o.BackoffJitter <= 1):
		panic(fmt.Sprintf("poller: Options: BackoffJitter is %v, must be at most 1", o.BackoffJitter))
	}
}
