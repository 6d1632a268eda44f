package lrotest

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
)

const (
	ruleParent   rule = "lists: The name is the parent, and its operations are listed, no others (operations.proto)."
	ruleListed   rule = "lists: A list shows an operation as Get does (operations.proto)."
	rulePageSize rule = "lists: A page has at most page_size operations, and another size is honoured from page to page (AIP-158)."
	ruleDefault  rule = "lists: A page_size of 0 means the server's default (AIP-158)."
	ruleCoerced  rule = "lists: A page_size above the maximum is coerced, and no error (AIP-158)."
	ruleNegative rule = "lists: A negative page_size is INVALID_ARGUMENT (AIP-158)."
	ruleOnce     rule = "lists: Pages show every operation that stays exactly once, and only an empty token ends them (AIP-158)."
	ruleParents  rule = "lists: Whatever a parent holds, it is INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED or has its own list, and breaks nothing (google.rpc.Code, AIP-211)."
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
		{ruleParents, method, listsParents},
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
		t.broken(rulePageSize, "List of %v: got a page of %d operations, want at most %d", req, len(res.GetOperations()), size)
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

// walk lists a parent page by page and answers all names.
func (t *trial) walk(parent, filter string, size func(page int) int32) []string {
	var names []string
	req := &longrunningpb.ListOperationsRequest{Name: parent, Filter: filter, PageSize: size(0)}
	page := 0
	for res := range t.pages(t.rule, req) {
		for _, op := range res.GetOperations() {
			names = append(names, op.GetName())
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

// exactlyOnce checks that each of want is listed once. What others have, comes
// and goes.
func (t *trial) exactlyOnce(r rule, listed, want []string) {
	count := make(map[string]int)
	for _, name := range listed {
		count[name]++
	}
	for _, name := range want {
		if count[name] != 1 {
			t.broken(r, "%q is listed %d times among %d operations, want once", name, count[name], len(listed))
		}
	}
}

func listsParent(t *trial) {
	here := t.several(2)
	parent := t.parentOf(here[0])
	t.exactlyOnce(t.rule, t.walk(parent, "", always(0)), here)
	if t.StartElsewhere == nil {
		t.skip("the Target has no StartElsewhere, so there is one parent only")
	}
	there := t.begin(t.StartElsewhere).GetName()
	if t.parentOf(there) == parent {
		t.fail("StartElsewhere answered %q, want another parent than %q", there, parent)
	}
	t.apart(parent, there)
	t.exactlyOnce(t.rule, t.walk(t.parentOf(there), "", always(0)), []string{there})
	t.apart(t.parentOf(there), here...)
}

// apart checks that the list of a parent shows none of names, which have another.
func (t *trial) apart(parent string, names ...string) {
	for _, name := range t.walk(parent, "", always(0)) {
		if slices.Contains(names, name) {
			t.fail("List of %.60q shows %q, want only what has that parent", parent, name)
		}
	}
}

func listsShow(t *trial) {
	names := t.several(3)
	t.finish(names[0])
	t.failWith(names[1], aborted())
	before := make(map[string]*longrunningpb.Operation)
	for _, name := range names {
		before[name] = t.get(name)
	}
	parent := t.parentOf(names[0])
	for _, req := range []*longrunningpb.ListOperationsRequest{
		{Name: parent}, {Name: parent, PageSize: 2}, {Name: parent, Filter: "done=true"}, {Name: parent, Filter: "done=false"},
	} {
		what := fmt.Sprintf("List of %v", req)
		if _, err := t.list(req); err != nil && req.GetFilter() != "" {
			continue // it has no filters, which has cases of its own
		}
		for res := range t.pages(t.rule, req) {
			for _, op := range res.GetOperations() {
				if before[op.GetName()] != nil {
					t.asGet(t.rule, what, op, before[op.GetName()])
				}
			}
		}
	}
}

func listsPageSize(t *trial) {
	names := t.several(7)
	for _, sizes := range [][]int32{{1}, {3}, {1, 4, 2}, {5, 1}} {
		listed := t.walk(t.parentOf(names[0]), "", func(page int) int32 { return sizes[page%len(sizes)] })
		t.exactlyOnce(ruleOnce, listed, names)
	}
}

func listsDefault(t *trial) {
	names := t.several(3)
	listed := t.walk(t.parentOf(names[0]), "", always(0))
	t.exactlyOnce(ruleOnce, listed, names)
}

func listsCoerced(t *trial) {
	names := t.several(3)
	listed := t.walk(t.parentOf(names[0]), "", always(math.MaxInt32))
	t.exactlyOnce(ruleOnce, listed, names)
}

func listsNegative(t *trial) {
	for _, size := range []int32{-1, math.MinInt32} {
		req := &longrunningpb.ListOperationsRequest{Name: t.parentOf(t.start().GetName()), PageSize: size}
		_, err := t.list(req)
		t.refused(t.rule, "List of "+req.String(), err, codes.InvalidArgument)
	}
}

func listsOnce(t *trial) {
	names := t.several(7)
	t.exactlyOnce(t.rule, t.walk(t.parentOf(names[0]), "", always(2)), names)
}

// listsParents lists what need not be a parent at all, and has none of our
// operations; but for no parent, which may mean the default one.
func listsParents(t *trial) {
	name := t.start().GetName()
	parent := t.parentOf(name)
	for _, other := range append(hostile(parent), "", "//", parent+lastPart) {
		req := &longrunningpb.ListOperationsRequest{Name: other}
		if _, err := t.list(req); err != nil {
			t.refused(t.rule, fmt.Sprintf("List of %.60q", other), err, codes.InvalidArgument, codes.NotFound, codes.PermissionDenied)
		} else if other != "" {
			t.apart(other, name)
		}
	}
	t.undone(name)
}

func listsPartial(t *trial) {
	name := t.start().GetName()
	req := &longrunningpb.ListOperationsRequest{Name: t.parentOf(name), ReturnPartialSuccess: true}
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
