// Package started tells lro/lrotest when a Run is up. It is not public since no
// program needs to know: what is started before is executed then.
package started

import "context"

type key struct{}

// Notify answers a context for Run, which calls f after each heartbeat, whether
// the store took it or not: from the first one on, Run serves and executes.
func Notify(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, key{}, f)
}

// Tell calls the f of Notify, if there is one.
func Tell(ctx context.Context) {
	if f, ok := ctx.Value(key{}).(func()); ok {
		f()
	}
}
