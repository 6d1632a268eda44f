package wire

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/lro"
)

// A caller is who calls, as if a token had been verified.
type caller struct {
	subject, tenant string
	scopes          []string
}

type callerKey struct{}

func withCaller(ctx context.Context) context.Context {
	return context.WithValue(ctx, callerKey{}, &caller{"ann", tenant, []string{"profile", scopeRead}})
}

// callerOf answers who calls; somebody without tenant and scopes where nobody has
// said who.
func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{}
}

// intercept and around tell who calls. They stand before the bare handlers too:
// they are the service's, whatever it calls.
func intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return handler(withCaller(ctx), req)
}

func around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(withCaller(r.Context())))
	})
}

const (
	scopeRead  = "snapshots.read"
	scopeWrite = "snapshots.write"
)

// authorizer lets callers see what is their tenant's, with the scopes for it.
func authorizer() lro.Authorizer {
	read, write := []string{scopeWrite, scopeRead}, []string{scopeWrite}
	return lro.All(
		func(ctx context.Context, a lro.Access) error {
			c := callerOf(ctx)
			own := "projects/" + c.tenant
			if c.tenant != "" && (a.Parent == own || strings.HasPrefix(a.Parent, own+"/")) {
				return nil
			}
			return errors.New("not the caller's tenant")
		},
		lro.RequireScopes(func(ctx context.Context) []string { return callerOf(ctx).scopes }, map[lro.Verb][]string{
			lro.VerbGet:    read,
			lro.VerbList:   read,
			lro.VerbWait:   read,
			lro.VerbCancel: write,
			lro.VerbDelete: write,
		}),
	)
}
