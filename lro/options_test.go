package lro_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// grpcStatus is what every error of a call carries.
type grpcStatus interface{ GRPCStatus() *status.Status }

// TestNewRefuses: New names the option that is wrong and says what it may be.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := lro.New(nil, nil); err == nil || !strings.Contains(err.Error(), "memstore.New()") {
		t.Errorf("New without a store answered %v; want an error that says where to find one", err)
	}
	for _, c := range []struct {
		opts lro.Options
		want []string
	}{
		{lro.Options{LeaseTTL: time.Second - 1}, []string{"Options.LeaseTTL", "999.999999ms", "at least 1s"}},
		{lro.Options{LeaseTTL: -time.Second}, []string{"Options.LeaseTTL", "-1s", "at least 1s"}},
		{lro.Options{DrainTimeout: -time.Second}, []string{"Options.DrainTimeout", "-1s", "negative"}},
		{lro.Options{ReportInterval: -time.Second}, []string{"ReportInterval", "-1s", "negative"}},
		{lro.Options{MaxPayload: -1}, []string{"MaxPayload", "-1", "negative"}},
	} {
		m, err := lro.New(memstore.New(), &c.opts)
		if err == nil || m != nil {
			t.Errorf("New with %+v answered %v, %v; want an error", c.opts, m, err)
			continue
		}
		for _, part := range append(c.want, "lro: ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("New answered %q; want %q in it", err, part)
			}
		}
	}
}

// TestOptionsAreCopied: a Manager keeps no hold on what it was given.
func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	opts := lro.Options{}
	if _, err := lro.New(memstore.New(), &opts); err != nil {
		t.Fatal(err)
	}
	if opts.Capacity != 0 || opts.Logger != nil || opts.Intercept != nil {
		t.Errorf("New filled in the caller's options: %+v", opts)
	}
}

// TestServerOptionsRefused: NewServer panics with what to write.
func TestServerOptionsRefused(t *testing.T) {
	t.Parallel()
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		call func()
		want string
	}{
		{"no Manager", func() { lro.NewServer(nil, lro.AllowAll, nil) }, "a Manager"},
		{"no Authorizer", func() { lro.NewServer(m, nil, nil) }, "pass lro.AllowAll"},
		{"negative MaxWait", func() { lro.NewServer(m, lro.AllowAll, &lro.ServerOptions{MaxWait: -1}) }, "MaxWait is -1ns"},
		{"negative MaxWaits", func() { lro.NewServer(m, lro.AllowAll, &lro.ServerOptions{MaxWaits: -1}) }, "MaxWaits -1"},
		{"negative MaxWaitsPerCaller", func() { lro.NewServer(m, lro.AllowAll, &lro.ServerOptions{MaxWaitsPerCaller: -1}) }, "MaxWaitsPerCaller -1"},
		{"MaxWaitsPerCaller without Caller", func() { lro.NewServer(m, lro.AllowAll, &lro.ServerOptions{MaxWaitsPerCaller: 1}) }, "needs Caller"},
	} {
		if got := panicOf(c.call); !strings.Contains(got, c.want) {
			t.Errorf("%s: panic %q; want %q in it", c.what, got, c.want)
		}
	}
}

// TestDefaultCapacity: 100 handlers run at once.
func TestDefaultCapacity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running gauge
		p := setup(t, memstore.New(), running.around(time.Minute), nil, nil)
		names := make([]string, 101)
		for i := range names {
			names[i] = p.start("x", nil)
		}
		synctest.Wait()
		if got := running.now(); got != 100 {
			t.Errorf("%d handlers run; want 100, the default of Options.Capacity", got)
		}
		for _, name := range names {
			p.end(name)
		}
	})
}

// TestDefaultMaxPayload: the cap is 1 MiB, of the serialized Any.
func TestDefaultMaxPayload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return &testpb.PrintResponse{}, nil
		}, nil, nil)
		p.end(p.start(strings.Repeat("x", 1<<20-100), nil))
		_, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: strings.Repeat("x", 1<<20)}, nil)
		wantRefusal(t, "Start", err, codes.InvalidArgument, "PAYLOAD_TOO_LARGE", "1048576")
	})
}

// TestDomain: errors of calls and of operations name the service's domain.
func TestDomain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, &lro.Options{Domain: "books.example"}, nil)
		_, err := p.Get(t.Context(), "operations/none")
		if got := errorInfo(status.Convert(err).Proto()).GetDomain(); got != "books.example" {
			t.Errorf("the error of Get is of domain %q; want books.example", got)
		}
		name := p.start("x", nil)
		if err := p.Cancel(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got := errorInfo(p.end(name).GetError()).GetDomain(); got != "books.example" {
			t.Errorf("Operation.error is of domain %q; want books.example", got)
		}
	})
}
