package lro_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// with answers the messages of the entries whose field has this value.
func (l *logbook) with(field string, value any) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, entry := range l.entries {
		if entry[field] == value {
			found = append(found, fmt.Sprint(entry["msg"]))
		}
	}
	return found
}

// TestFencedErrorIsNoFailure: what a handler answers after somebody else has
// ended its operation is no failure of that operation, so nobody is woken for it.
func TestFencedErrorIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, &lro.Options{Logger: log.logger()}, nil)
		name := p.start("", nil)
		if err := p.print.Complete(t.Context(), name, &testpb.PrintResponse{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := log.with("level", "ERROR"); len(got) > 0 {
			t.Errorf("an operation that succeeded left in the log: %v", got)
		}
	})
}

// TestForgottenRun: operations that are started while nothing runs are worth a
// word.
func TestForgottenRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		p := setupIdle(t, memstore.New(), echo, &lro.Options{Logger: log.logger()}, nil)
		p.start("1", nil)
		p.start("2", nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := log.with("level", "WARN"); len(got) != 1 || !strings.Contains(got[0], "Run is not running") {
			t.Errorf("the log warns %q; want once, that Run is not running", got)
		}
	})
}
