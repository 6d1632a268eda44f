package lrotest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestNewManagerLogs: the Manager's log is the test's, for as long as there is a
// test.
func TestNewManagerLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &recorder{TB: t}
		m := lrotest.NewManager(fake, memstore.New(), nil)
		fail := func(text string) {
			op, err := m.Create(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Fail(t.Context(), op.GetName(), errors.New(text)); err != nil {
				t.Fatal(err)
			}
		}
		fail("the printer is on fire")
		fake.end()
		fail("the fire is out")
		if got := fake.log.String(); !strings.Contains(got, "the printer is on fire") {
			t.Errorf("the test's log is %q, want what the Manager logged", got)
		}
		if got := fake.log.String(); strings.Contains(got, "the fire is out") {
			t.Errorf("the test's log is %q, want nothing that was logged after the end of the test", got)
		}
	})
}

// TestNewManagerOptions: the caller's options count, those that differ from lro's
// too.
func TestNewManagerOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &recorder{TB: t}
		opts := &lro.Options{DrainTimeout: time.Hour}
		m := lrotest.NewManager(fake, memstore.New(), opts)
		conn := lrotest.Serve(fake, m, serving(m, printFrom))
		p := startPrint(t, conn, "ten minutes")
		began := time.Now()
		fake.end()
		if took := time.Since(began).Round(time.Second); took != 10*time.Minute {
			t.Errorf("the test took %v to end, want the ten minutes of the handler, which DrainTimeout allows", took)
		}
		op, err := m.Get(t.Context(), p.Name())
		if err != nil || !op.GetDone() {
			t.Errorf("got %v, %v; want that the handler could end", op, err)
		}
		if opts.Logger != nil {
			t.Error("NewManager has changed the caller's options")
		}
	})
}

// TestNewManagerFleet: several Managers may share a store.
func TestNewManagerFleet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := lrotest.NewStore()
		front := lrotest.NewManager(t, st, &lro.Options{Capacity: -1})
		method := lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](front, nil)
		lrotest.Serve(t, front, nil)
		worker := lrotest.NewManager(t, st, nil)
		lro.Handle(worker, echo, nil)
		lrotest.Serve(t, worker, nil)
		op, err := method.Start(t.Context(), &testpb.PrintRequest{Text: "hello"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if op, err = front.Wait(t.Context(), op.GetName()); err != nil || op.GetResponse() == nil {
			t.Errorf("got %v, %v; want the response of the other Manager's handler", op, err)
		}
	})
}
