package lro_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// all answers what a list yields over its pages, and how many pages there were.
func (l lister) all(req *longrunningpb.ListOperationsRequest) (names []string, pages int) {
	l.t.Helper()
	for pages = 1; ; pages++ {
		got, next := l.list(req)
		if names = append(names, got...); next == "" {
			return names, pages
		}
		req.PageToken = next
	}
}

// TestListFilter: a filter selects by what operations are (AIP-160), whichever part
// of it the store serves.
func TestListFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		done := p.fill("projects/p1", 3)
		running := p.start("x", &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{PagesDone: 7, Stage: "drying"}})
		cancelled := p.start("x", &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: "drying"}})
		elsewhere := p.start("x", &lro.StartOptions{Parent: "projects/p2"})
		if err := p.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		p.end(cancelled)
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		for _, c := range []struct {
			filter string
			want   []string
		}{
			{"done = true", append([]string{cancelled}, done...)},
			{"NOT done", []string{running}},
			{"error.code = CANCELLED", []string{cancelled}},
			{"done AND -error:*", done},
			{"cancel_requested", []string{cancelled}},
			{"metadata.stage = drying", []string{cancelled, running}},
			{"metadata.pages_done > 3 AND metadata.stage:drying", []string{running}},
			{`metadata.stage != "dry*"`, nil},
			{fmt.Sprintf("name = %q", running), []string{running}},
			{fmt.Sprintf("name = %q AND done", running), nil},
			{fmt.Sprintf("name = %q", elsewhere), nil}, // of another parent
			{`name = "projects/p1/operations/none"`, nil},
			{`name = "none"`, nil},
			{fmt.Sprintf("name = %q OR name = %q", running, done[1]), []string{running, done[1]}},
			{"create_time > 2100-01-01T00:00:00Z", nil},
			{"end_time >= 2000-01-01T00:00:00Z AND attempt >= 0", append([]string{cancelled}, done...)},
		} {
			got, _ := l.all(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: c.filter, PageSize: 2})
			if !slices.Equal(got, c.want) {
				t.Errorf("%s lists %v; want %v", c.filter, got, c.want)
			}
		}
	})
}

// TestListWildcard: "-" in a parent stands for any one segment (AIP-159), and an
// Authorizer sees it as it was asked for.
func TestListWildcard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		of := make(map[string][]string)
		for _, parent := range []string{"", "projects/p1", "projects/p2", "projects/p1/zones/a", "projects/p2/zones/b", "folders/p1"} {
			of[parent] = p.fill(parent, 2)
		}
		var asked []string
		l := lister{lro.NewServer(p.Manager, func(_ context.Context, access lro.Access) error {
			asked = append(asked, access.Parent)
			return nil
		}, nil), t}
		for parent, want := range map[string][]string{
			"projects/-":         slices.Concat(of["projects/p2"], of["projects/p1"]),
			"projects/-/zones/-": slices.Concat(of["projects/p2/zones/b"], of["projects/p1/zones/a"]),
			"projects/-/zones/a": of["projects/p1/zones/a"],
			"-/p1":               slices.Concat(of["folders/p1"], of["projects/p1"]),
			"-":                  nil,
			"none/-":             nil,
		} {
			asked = nil
			if got, _ := l.all(&longrunningpb.ListOperationsRequest{Name: parent, PageSize: 1}); !slices.Equal(got, want) {
				t.Errorf("%s lists %v; want %v", parent, got, want)
			}
			if asked[0] != parent {
				t.Errorf("the Authorizer was asked about %q; want %q", asked[0], parent)
			}
		}
		name := of["projects/p1"][0]
		if got, _ := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/-", Filter: fmt.Sprintf("name=%q", name)}); !slices.Equal(got, []string{name}) {
			t.Errorf("a name below a wildcard lists %v; want it", got)
		}
	})
}

// counting counts the records that lists read, in all and at most at a time.
type counting struct {
	*memstore.Store
	read, largest atomic.Int64
}

func (c *counting) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	recs, err := c.Store.List(ctx, q)
	c.read.Add(int64(len(recs)))
	c.largest.Store(max(c.largest.Load(), int64(len(recs))))
	return recs, err
}

// TestListShortPages: a filter that selects little makes short pages: a call reads
// a bounded number of records, and the token goes on behind the last of them.
func TestListShortPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &counting{Store: memstore.New()}
		p := setup(t, st, untilCancelled, nil, nil)
		oldest := p.start("x", &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: "drying"}})
		p.fill("projects/p1", 11_000)
		newest := p.start("x", &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: "drying"}})
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		st.read.Store(0)
		got, pages := l.all(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "metadata.stage=drying"})
		if want := []string{newest, oldest}; !slices.Equal(got, want) {
			t.Errorf("the list has %v; want %v", got, want)
		}
		if pages < 3 {
			t.Errorf("a list that looks at 11,000 records has %d pages; want each to look at 5,000 at most", pages)
		}
		if read := st.read.Load(); read > 13_000 {
			t.Errorf("the list read %d records; want about each of the 11,002 once", read)
		}
		st.read.Store(0)
		if got, _ := l.all(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "NOT done"}); len(got) != 2 || st.read.Load() > 10 {
			t.Errorf("NOT done lists %v after reading %d records; want the store to serve it", got, st.read.Load())
		}
	})
}

// TestListLargeRecords: pages are as short as their operations are large, so that
// a client can receive them, and a filter does not read them all at once.
func TestListLargeRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &counting{Store: memstore.New()}
		p := setup(t, st, echo, nil, nil)
		var want []string
		large := &lro.StartOptions{Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: strings.Repeat("x", 1<<19)}}
		for range 100 {
			op, err := p.print.StartDone(t.Context(), &testpb.PrintRequest{}, &testpb.PrintResponse{Text: strings.Repeat("x", 1<<19)}, large)
			if err != nil {
				t.Fatal(err)
			}
			want = append([]string{op.GetName()}, want...)
		}
		s := lro.NewServer(p.Manager, lro.AllowAll, nil)
		var got []string
		for req := (&longrunningpb.ListOperationsRequest{Name: "projects/p1"}); ; {
			res, err := s.ListOperations(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if size := proto.Size(res); size > 4<<20 {
				t.Errorf("a page has %d bytes; want at most the 4 MiB that gRPC takes by default", size)
			}
			for _, op := range res.GetOperations() {
				got = append(got, op.GetName())
			}
			if req.PageToken = res.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the pages have %d operations; want all 100, newest first", len(got))
		}

		st.largest.Store(0)
		l := lister{s, t}
		got, pages := l.all(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "metadata.pages_done = 1", PageSize: 1})
		if len(got) > 0 || pages < 3 {
			t.Errorf("a filter that selects none of 100 MiB answers %v on %d pages; want none, on at least 3", got, pages)
		}
		for _, size := range []int32{0, 1, 1000} {
			st.largest.Store(0)
			l.list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", PageSize: size})
			if most := st.largest.Load(); most > 32 {
				t.Errorf("a page of size %d reads %d records of 1 MiB at a time; want few", size, most)
			}
		}
	})
}

// TestListLargestRecords: an operation that is larger than a page may be has a page
// of its own.
func TestListLargestRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, &lro.Options{MaxPayload: 8 << 20}, nil)
		for range 3 {
			if _, err := p.print.StartDone(t.Context(), &testpb.PrintRequest{}, &testpb.PrintResponse{Text: strings.Repeat("x", 4<<20)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		if got, pages := l.all(&longrunningpb.ListOperationsRequest{Name: "operations"}); len(got) != 3 || pages != 3 {
			t.Errorf("3 operations of 4 MiB are %d on %d pages; want each on its own", len(got), pages)
		}
	})
}

// TestListTokenFilter: a token goes with its filter.
func TestListTokenFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		p.fill("projects/p1", 3)
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		_, token := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "done", PageSize: 1})
		for _, req := range []*longrunningpb.ListOperationsRequest{
			{Name: "projects/p1", PageToken: token},
			{Name: "projects/p1", PageToken: token, Filter: "NOT done"},
			{Name: "projects/-", PageToken: token, Filter: "done"},
		} {
			if _, err := l.ListOperations(t.Context(), req); err == nil || !strings.Contains(err.Error(), "page token") {
				t.Errorf("%v: got error %v, want one about the page token", req, err)
			}
		}
	})
}

// A leaving store answers when the caller has left.
type leaving struct {
	*memstore.Store
	leave context.CancelFunc
}

func (l *leaving) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	recs, err := l.Store.List(ctx, q)
	l.leave()
	return recs, err
}

// TestListLeft: a list is no longer worked on when its caller has gone.
func TestListLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &leaving{Store: memstore.New()}
		p := setupIdle(t, st, echo, nil, nil)
		p.fill("projects/p1", 3)
		ctx, leave := context.WithCancel(t.Context())
		st.leave = leave
		_, err := lro.NewServer(p.Manager, lro.AllowAll, nil).ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "attempt=7"})
		if status.Code(err) != codes.Canceled {
			t.Errorf("the caller has gone: got %v, want CANCELLED", err)
		}
	})
}

// A dawdling store takes more than a second to list.
type dawdling struct{ *memstore.Store }

func (s dawdling) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	time.Sleep(1200 * time.Millisecond) // fake time
	return s.Store.List(ctx, q)
}

// TestListSlowStore: a slow store does not make a page of one operation; a page that
// looks at many records ends short after what it has read.
func TestListSlowStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setupIdle(t, dawdling{memstore.New()}, echo, nil, nil)
		want := p.fill("projects/p1", 150)
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		for filter, most := range map[string]int{"": 2, "attempt >= 0": 5} {
			got, pages := l.all(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: filter})
			if !slices.Equal(got, want) || pages > most {
				t.Errorf("with the filter %q: got %d operations on %d pages, want 150 on at most %d", filter, len(got), pages, most)
			}
		}
		_, next := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: "attempt > 7"})
		if next == "" {
			t.Error("a page that selects nothing looked at all 150 records, 1.2 s a batch; want it to end short")
		}
	})
}
