package poller_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

func TestInvalidOptionsPanic(t *testing.T) {
	t.Parallel()
	for field, opts := range map[string]*poller.Options{
		"LongPoll":          {LongPoll: math.MaxInt64},
		"CallTimeout":       {CallTimeout: -1},
		"InitialBackoff":    {InitialBackoff: -1},
		"MaxBackoff":        {MaxBackoff: -1},
		"BackoffMultiplier": {BackoffMultiplier: 0.5},
		"BackoffJitter":     {BackoffJitter: math.NaN()},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			defer func() {
				got, _ := recover().(string)
				if !strings.HasPrefix(got, "poller: ") || !strings.Contains(got, field) {
					t.Errorf("Resume with %+v panicked with %q, want it to name %s", opts, got, field)
				}
			}()
			poller.Resume[*wrapperspb.StringValue](&pollertest.Client{}, name, opts)
		})
	}
}

func TestOneBackoffBoundMovesTheOther(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		opts poller.Options
		want []time.Duration
	}{
		"short maximum":            {poller.Options{MaxBackoff: 100 * time.Millisecond}, []time.Duration{100 * time.Millisecond, 100 * time.Millisecond}},
		"long initial":             {poller.Options{InitialBackoff: time.Hour}, []time.Duration{time.Hour, time.Hour}},
		"initial over the maximum": {poller.Options{InitialBackoff: time.Hour, MaxBackoff: time.Second}, []time.Duration{time.Second, time.Second}},
		"steep":                    {poller.Options{BackoffMultiplier: math.Inf(1)}, []time.Duration{time.Second, time.Minute}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.opts.BackoffJitter = -1
				p, c := setup(t, &tt.opts, pollertest.Step{Operation: running()}, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})
				res, err := p.Wait(t.Context())
				wantResponse(t, res, err)
				if got := intervals(c.Calls()); !slices.Equal(got, tt.want) {
					t.Errorf("got intervals %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestBackoffDoesNotOverflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, &poller.Options{BackoffMultiplier: 1e300, MaxBackoff: math.MaxInt64}, pollertest.Step{Operation: running()}, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got := intervals(c.Calls())[1]; got < 1000*time.Hour {
			t.Errorf("got a second interval of %v, want one without bounds", got)
		}
	})
}
