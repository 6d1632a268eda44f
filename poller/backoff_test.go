package poller_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// A server answers early when it drains, clamps, or does not hold calls at all.
func TestEarlyAnswersAreNotSpunOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, &poller.Options{BackoffJitter: -1}, repeat(14, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})...)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)

		got := intervals(c.Calls())
		if want := []time.Duration{time.Second, 1500 * time.Millisecond, 2250 * time.Millisecond}; !slices.Equal(got[:3], want) {
			t.Errorf("intervals begin with %v, want %v", got[:3], want)
		}
		if want := []time.Duration{time.Minute, time.Minute}; !slices.Equal(got[12:], want) {
			t.Errorf("intervals end with %v, want %v: MaxBackoff", got[12:], want)
		}
	})
}

func TestEarlyAnswersWaitForTheRestOfTheInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, &poller.Options{BackoffJitter: -1}, repeat(3, pollertest.Step{Operation: running(), Delay: 400 * time.Millisecond}, pollertest.Step{Operation: succeeded()})...)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := intervals(c.Calls()), []time.Duration{time.Second, 1500 * time.Millisecond, 2250 * time.Millisecond}; !slices.Equal(got, want) {
			t.Errorf("got intervals %v, want %v: from start to start", got, want)
		}
	})
}

// A server that clamps parked calls at ten seconds holds them long enough.
func TestClampedParksNeedNoPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, nil, repeat(30, pollertest.Step{Operation: running(), Delay: 10 * time.Second}, pollertest.Step{Operation: succeeded()})...)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		for i, d := range intervals(c.Calls()) {
			if d != 10*time.Second {
				t.Errorf("interval %d is %v, want 10s", i, d)
			}
		}
	})
}

func TestSlowServerIsGivenTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, &poller.Options{BackoffJitter: -1, LongPoll: -1}, repeat(4, pollertest.Step{Operation: running(), Delay: 2 * time.Second}, pollertest.Step{Operation: succeeded()})...)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := intervals(c.Calls()), []time.Duration{2 * time.Second, 2 * time.Second, 2250 * time.Millisecond, 3375 * time.Millisecond}; !slices.Equal(got, want) {
			t.Errorf("got intervals %v, want %v: the back-off grows all the while", got, want)
		}
	})
}

func TestParkedCallResetsTheBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		early := pollertest.Step{Operation: running()}
		parked := pollertest.Step{Operation: running(), Park: true}
		p, c := setup(t, &poller.Options{BackoffJitter: -1}, early, early, parked, early, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := intervals(c.Calls()), []time.Duration{time.Second, 1500 * time.Millisecond, time.Minute, time.Second}; !slices.Equal(got, want) {
			t.Errorf("got intervals %v, want %v", got, want)
		}
	})
}

func TestJitterShortensThePauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := &poller.Options{InitialBackoff: 10 * time.Second, BackoffMultiplier: 1, BackoffJitter: 0.5}
		p, c := setup(t, opts, repeat(200, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})...)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		got := intervals(c.Calls())
		if lo, hi := slices.Min(got), slices.Max(got); lo < 5*time.Second || hi > 10*time.Second || hi-lo < 3*time.Second {
			t.Errorf("200 intervals lie between %v and %v, want them spread between 5s and 10s", lo, hi)
		}
	})
}

func TestRecommendedIntervals(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		trailer metadata.MD
		want    time.Duration
	}{
		"shorter than the back-off": {pollertest.RetryInfo(300 * time.Millisecond), 300 * time.Millisecond},
		"longer than the back-off":  {pollertest.RetryInfo(3 * time.Minute), 3 * time.Minute},
		"absurdly long":             {pollertest.RetryInfo(1 << 62), 10 * time.Minute},
		"absurdly short":            {pollertest.RetryInfo(1), 100 * time.Millisecond},
		"none":                      {nil, time.Second},
		"zero":                      {pollertest.RetryInfo(0), time.Second},
		"negative":                  {pollertest.RetryInfo(-time.Hour), time.Second},
		"without a delay":           {metadata.Pairs("google.rpc.retryinfo-bin", ""), time.Second},
		"malformed":                 {metadata.Pairs("google.rpc.retryinfo-bin", "\xff\xff"), time.Second},
		"malformed, then a good":    {metadata.Join(metadata.Pairs("google.rpc.retryinfo-bin", "\xff"), pollertest.RetryInfo(7*time.Second)), 7 * time.Second},
	} {
		for _, longPoll := range []time.Duration{-1, time.Minute} {
			t.Run(what+"/"+longPoll.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p, c := setup(t, &poller.Options{BackoffJitter: -1, LongPoll: longPoll}, pollertest.Step{Operation: running(), Trailer: tt.trailer}, pollertest.Step{Operation: succeeded()})
					res, err := p.Wait(t.Context())
					wantResponse(t, res, err)
					if got := intervals(c.Calls())[0]; got != tt.want {
						t.Errorf("got an interval of %v, want %v", got, tt.want)
					}
				})
			})
		}
	}
}

// The interval is one between starts: a call that was parked for longer is
// followed by the next at once.
func TestRecommendedIntervalCountsTheParkedTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parked := func(interval time.Duration) pollertest.Step {
			return pollertest.Step{Operation: running(), Park: true, Trailer: pollertest.RetryInfo(interval)}
		}
		p, c := setup(t, nil, parked(5*time.Second), parked(3*time.Minute), pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := intervals(c.Calls()), []time.Duration{time.Minute, 3 * time.Minute}; !slices.Equal(got, want) {
			t.Errorf("got intervals %v, want %v", got, want)
		}
	})
}

func TestFailuresAreNotRepeatedSoonerThanRecommended(t *testing.T) {
	t.Parallel()
	detailed, err := status.New(codes.Unavailable, "restarting").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(45 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		step pollertest.Step
		want time.Duration
	}{
		"in the trailer":         {pollertest.Step{Err: status.Error(codes.Unavailable, "no"), Trailer: pollertest.RetryInfo(20 * time.Second)}, 20 * time.Second},
		"in the error's details": {pollertest.Step{Err: detailed.Err()}, 45 * time.Second},
		"less than the back-off": {pollertest.Step{Err: status.Error(codes.Unavailable, "no"), Trailer: pollertest.RetryInfo(time.Millisecond)}, time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, c := setup(t, &poller.Options{BackoffJitter: -1}, tt.step, pollertest.Step{Operation: succeeded()})
				res, err := p.Wait(t.Context())
				wantResponse(t, res, err)
				if got := intervals(c.Calls())[0]; got != tt.want {
					t.Errorf("the call was repeated after %v, want %v", got, tt.want)
				}
			})
		})
	}
}
