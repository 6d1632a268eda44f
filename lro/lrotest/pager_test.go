package lrotest_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

// A pager lists in place of our server, with filters of one comparison and a few
// more. Each field makes it wrong in one thing.
type pager struct {
	tokens memory[place]

	unboundFilter  bool // a token goes with any filter
	unboundParent  bool // and with any parent
	byOffset       bool // pages continue at a row number, which is no fault
	overlaps       bool // a page begins with the last row of the one before
	losesFilter    bool // after the first page
	inverted       bool // done=true selects what is not
	ignoresName    bool // name=… selects all
	forgives       bool // unbalanced parentheses
	knowsAllFields bool // which are never equal to anything
	overflows      bool // at many parentheses
}

// A place is where a list continues.
type place struct {
	parent, filter, last string
	offset               int
}

func newPager() *pager { return &pager{} }

func (p *pager) list(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
	r, ok := req.(*listRequest)
	if !ok || r.GetPageSize() < 0 || r.GetName() == "" || r.GetName() == "//" || r.GetReturnPartialSuccess() {
		return next(req)
	}
	var at place
	if r.GetPageToken() != "" {
		if at, ok = p.tokens.get(r.GetPageToken()); !ok ||
			at.filter != r.GetFilter() && !p.unboundFilter || at.parent != r.GetName() && !p.unboundParent {
			return nil, refusal(codes.InvalidArgument)
		}
	}
	matches, err := p.filter(r.GetFilter())
	if err != nil {
		return nil, err
	}
	var ops []*operation
	parent := r.GetName()
	if parent == "operations" {
		parent = ""
	}
	skip := at.offset
	for op, err := range s.List(ctx, parent, nil) { // newest first
		switch {
		case err != nil:
			return nil, err
		case !matches(op) && (!p.losesFilter || at.last == ""):
		case p.byOffset && skip > 0:
			skip--
		case p.byOffset || at.last == "" || op.GetName() < at.last || p.overlaps && op.GetName() == at.last && r.GetPageSize() > 1:
			ops = append(ops, op)
		}
	}
	res := &listResponse{Operations: ops}
	if size := min(cmp.Or(int(r.GetPageSize()), 100), 1000); len(ops) > size {
		res.Operations = ops[:size]
		res.NextPageToken = rand.Text()
		p.tokens.put(res.GetNextPageToken(), place{r.GetName(), r.GetFilter(), ops[size-1].GetName(), at.offset + size})
	}
	return res, nil
}

// filter understands comparisons of done and name, NOT before one, AND between
// two, and parentheses around one.
func (p *pager) filter(text string) (func(*operation) bool, error) {
	if p.overflows && len(text) > 10_000 {
		return nil, refusal(codes.Internal)
	}
	if first, second, ok := strings.Cut(text, " AND "); ok {
		a, errA := p.filter(first)
		b, errB := p.filter(second)
		return func(op *operation) bool { return a(op) && b(op) }, cmp.Or(errA, errB)
	}
	text = strings.Trim(text, " ")
	if inner, ok := strings.CutPrefix(text, "("); ok && (strings.HasSuffix(inner, ")") || p.forgives) {
		text = strings.TrimSuffix(inner, ")")
	}
	if p.forgives {
		text = strings.TrimRight(text, "()")
	}
	plain, negated := strings.CutPrefix(text, "NOT ")
	field, value, compared := strings.Cut(plain, "=")
	field, value = strings.Trim(field, " "), strings.Trim(value, " ")
	switch {
	case text == "":
		return func(*operation) bool { return true }, nil
	case field == "done" && !compared && negated:
		return func(op *operation) bool { return !op.GetDone() }, nil
	case field == "done" && slices.Contains([]string{"true", "false"}, value):
		want := (value == "true") != negated != p.inverted
		return func(op *operation) bool { return op.GetDone() == want }, nil
	case field == "name" && len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"':
		return func(op *operation) bool { return p.ignoresName || op.GetName() == strings.Trim(value, `"`) }, nil
	case p.knowsAllFields && field != "" && field != "name" && value != "" && !strings.ContainsAny(field+value, "()") && compared:
		return func(*operation) bool { return false }, nil
	default:
		return nil, refusal(codes.InvalidArgument)
	}
}

// noFilters refuses every filter.
func noFilters(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
	if r, ok := req.(*listRequest); ok && r.GetFilter() != "" {
		return nil, refusal(codes.Unimplemented)
	}
	return next(req)
}
