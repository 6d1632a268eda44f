package lrotest

import (
	"iter"
	"math"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

const (
	ruleParent   rule = "lists: The name is the parent, and its operations are listed, no others (operations.proto)."
	ruleListed   rule = "lists: A list shows an operation as Get does (operations.proto)."
	rulePageSize rule = "lists: A page has at most page_size operations, and another size is honoured from page to page (AIP-158)."
	ruleDefault  rule = "lists: A page_size of 0 means the server's default (AIP-158)."
	ruleCoerced  rule = "lists: A page_size above the maximum is coerced, and no error (AIP-158)."
	ruleNegative rule = "lists: A negative page_size is INVALID_ARGUMENT (AIP-158)."
	ruleOnce     rule = "lists: Pages show every operation that stays exactly once, whatever comes meanwhile, and only an empty token ends them (AIP-158)."
	ruleNoParent rule = "lists: A malformed parent is INVALID_ARGUMENT (google.rpc.Code)."
	rulePartial  rule = "lists: return_partial_success is UNIMPLEMENTED, or honoured (operations.proto)."
)

func listsCases() []testCase {
	const method = longrunningpb.Operations_ListOperations_FullMethodName
	return []testCase{
		{ruleParent, method, listsParent},
		{ruleListed, method, listsShow},
		{rulePageSize, method, listsPageSize},
		{ruleDefault, method, listsDefault},
		{ruleCoerced, method, listsCoerced},
		{ruleNegative, method, listsNegative},
		{ruleOnce, method, listsOnce},
		{ruleNoParent, method, listsNoParent},
		{rulePartial, method, listsPartial},
	}
}

// list asks for a page.
func (t *trial) list(req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	ctx, stop := t.ctx()
	defer stop()
	return t.Client.ListOperations(ctx, req)
}

// page asks for a page that there is, for rule r.
func (t *trial) page(r rule, req *longrunningpb.ListOperationsRequest) *longrunningpb.ListOperationsResponse {
	res, err := t.list(req)
	if err != nil {
		t.broken(r, "List of %v: got error %v, want a page", req, err)
	}
	for _, op := range res.GetOperations() {
		t.shape(op)
	}
	if size := int(req.GetPageSize()); size > 0 && len(res.GetOperations()) > size {
		t.broken(rulePageSize, "List of %v: got a page of %d operations", req, len(res.GetOperations()))
	}
	return res
}

// maxPages bounds a list. A page may be short or empty, since a server may look at
// few records for each, so this is many more than such a server needs.
const maxPages = 2000

// pages yields the pages from req on, for rule r, until there is no token; req may
// get another page size in between.
func (t *trial) pages(r rule, req *longrunningpb.ListOperationsRequest) iter.Seq[*longrunningpb.ListOperationsResponse] {
	return func(yield func(*longrunningpb.ListOperationsResponse) bool) {
		for range maxPages {
			res := t.page(r, req)
			if !yield(res) || res.GetNextPageToken() == "" {
				return
			}
			req.PageToken = res.GetNextPageToken()
		}
		t.broken(ruleOnce, "List of %q: there is yet a token after %d pages, want an end. If the parent has that many operations, give the Target one of its own", req.GetName(), maxPages)
	}
}

// always asks for pages of one size.
func always(size int32) func(int) int32 { return func(int) int32 { return size } }

// walk lists a parent page by page, with between after each, if that is set, and
// answers all names.
func (t *trial) walk(parent, filter string, size func(page int) int32, between func()) []string {
	var names []string
	req := &longrunningpb.ListOperationsRequest{Name: parent, Filter: filter, PageSize: size(0)}
	page := 0
	for res := range t.pages(t.rule, req) {
		for _, op := range res.GetOperations() {
			names = append(names, op.GetName())
		}
		if between != nil {
			between()
		}
		page++
		req.PageSize = size(page)
	}
	return names
}

// several starts n operations and answers their names.
func (t *trial) several(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = t.start().GetName()
	}
	return names
}

// exactlyOnce checks that each of want is listed once, and nothing twice.
func (t *trial) exactlyOnce(r rule, listed, want []string) {
	count := make(map[string]int)
	for _, name := range listed {
		if count[name]++; count[name] > 1 {
			t.broken(r, "%q is listed twice", name)
		}
	}
	for _, name := range want {
		if count[name] == 0 {
			t.broken(r, "%q is not listed; %d others are", name, len(listed))
		}
	}
}

func listsParent(t *trial) {
	here := t.several(2)
	parent := parentOf(here[0])
	listed := t.walk(parent, "", always(0), nil)
	t.exactlyOnce(t.rule, listed, here)
	for _, name := range listed {
		if parentOf(name) != parent {
			t.fail("List of %q shows %q", parent, name)
		}
	}
	if t.StartElsewhere == nil {
		t.skip("the Target has no StartElsewhere, so there is one parent only")
	}
	there := t.begin(t.StartElsewhere).GetName()
	if parentOf(there) == parent {
		t.fail("StartElsewhere answered %q, want another parent than %q", there, parent)
	}
	if slices.Contains(t.walk(parent, "", always(0), nil), there) {
		t.fail("List of %q shows %q", parent, there)
	}
	listed = t.walk(parentOf(there), "", always(0), nil)
	t.exactlyOnce(t.rule, listed, []string{there})
	if slices.Contains(listed, here[0]) {
		t.fail("List of %q shows %q", parentOf(there), here[0])
	}
}

func listsShow(t *trial) {
	names := t.several(3)
	t.finish(names[0])
	t.failWith(names[1], aborted())
	req := &longrunningpb.ListOperationsRequest{Name: parentOf(names[0])}
	for res := range t.pages(t.rule, req) {
		for _, op := range res.GetOperations() {
			if slices.Contains(names, op.GetName()) {
				if got := t.get(op.GetName()); !proto.Equal(op, got) {
					t.fail("List shows %v, want what Get does: %v", op, got)
				}
			}
		}
	}
}

func listsPageSize(t *trial) {
	names := t.several(7)
	for _, sizes := range [][]int32{{1}, {3}, {1, 4, 2}, {5, 1}} {
		listed := t.walk(parentOf(names[0]), "", func(page int) int32 { return sizes[page%len(sizes)] }, nil)
		t.exactlyOnce(ruleOnce, listed, names)
	}
}

func listsDefault(t *trial) {
	names := t.several(3)
	listed := t.walk(parentOf(names[0]), "", always(0), nil)
	t.exactlyOnce(ruleOnce, listed, names)
}

func listsCoerced(t *trial) {
	names := t.several(3)
	listed := t.walk(parentOf(names[0]), "", always(math.MaxInt32), nil)
	t.exactlyOnce(ruleOnce, listed, names)
}

func listsNegative(t *trial) {
	for _, size := range []int32{-1, math.MinInt32} {
		req := &longrunningpb.ListOperationsRequest{Name: parentOf(t.start().GetName()), PageSize: size}
		_, err := t.list(req)
		t.refused(t.rule, "List of "+req.String(), err, codes.InvalidArgument)
	}
}

func listsOnce(t *trial) {
	names := t.several(7)
	added := 0
	listed := t.walk(parentOf(names[0]), "", always(2), func() {
		if added++; added <= 10 {
			t.start()
		}
	})
	t.exactlyOnce(t.rule, listed, names)
}

func listsNoParent(t *trial) {
	for _, parent := range []string{"", "//"} {
		req := &longrunningpb.ListOperationsRequest{Name: parent}
		_, err := t.list(req)
		t.refused(t.rule, "List of "+req.String(), err, codes.InvalidArgument)
	}
}

func listsPartial(t *trial) {
	name := t.start().GetName()
	req := &longrunningpb.ListOperationsRequest{Name: parentOf(name), ReturnPartialSuccess: true}
	if _, err := t.list(req); err != nil {
		t.refused(t.rule, "List of "+req.String(), err, codes.Unimplemented)
		return
	}
	var listed []string
	for res := range t.pages(t.rule, req) {
		for _, op := range res.GetOperations() {
			listed = append(listed, op.GetName())
		}
	}
	t.exactlyOnce(t.rule, listed, []string{name})
}
