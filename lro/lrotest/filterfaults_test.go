package lrotest_test

import (
	"context"
	"strings"
)

// unless answers a filter, or none.
func unless(filter string, ignored bool) string {
	if ignored {
		return ""
	}
	return filter
}

// filterFaults are faults of filters, of servers with and without.
func filterFaults() []fault {
	const others = "Whatever else a filter says"
	rewritten := func(name, rule string, rewrite func(string) string) fault {
		return fault{name: name, rule: "filter: " + rule, wire: asked(func(req *listRequest) error {
			req.Filter = rewrite(req.GetFilter())
			return nil
		})}
	}
	filters := func(name, rule string, p *pager) fault {
		return fault{name: name, rule: "filter: " + rule, wire: p.list}
	}
	return []fault{
		{name: "some filters are ignored, the others unimplemented", rule: "filter: A server without filters", wire: func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
			if r, ok := req.(*listRequest); ok && strings.HasPrefix(r.GetFilter(), "no_such_field") {
				r.Filter = ""
			}
			return noFilters(ctx, s, req, next)
		}},
		rewritten("a filter with OR is ignored", others, func(f string) string { return unless(f, strings.Contains(f, " OR ")) }),
		rewritten("a filter with - is ignored", others, func(f string) string { return unless(f, strings.HasPrefix(f, "-")) }),
		rewritten("a filter with != is ignored", others, func(f string) string { return unless(f, strings.Contains(f, "!=")) }),
		rewritten("a filter with : is ignored", others, func(f string) string { return unless(f, strings.Contains(f, "done:")) }),
		rewritten("AND binds tighter than OR", others, func(f string) string {
			either, rest, or := strings.Cut(f, " OR ")
			if !or || !strings.Contains(rest, " AND ") {
				return f
			}
			return either + " OR (" + rest + ")"
		}),
		rewritten("what comes after AND is ignored if it is unknown", "An unknown field", func(f string) string {
			before, _, _ := strings.Cut(f, " AND no_such")
			return before
		}),
		filters("a filter is lost after the first page", "A filter on done", &pager{losesFilter: true}),
		filters("done=true selects what is not", "A filter on done", &pager{inverted: true}),
		filters("a filter on the name is ignored", others, &pager{ignoresName: true}),
		filters("unbalanced parentheses are forgiven", "A syntax error", &pager{forgives: true}),
		filters("unknown fields equal nothing", "An unknown field", &pager{knowsAllFields: true}),
		filters("very many parentheses are INTERNAL", "A filter of very many", &pager{overflows: true}),
	}
}
