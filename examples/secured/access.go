package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/lro"
)

const (
	scopeRead  = "snapshots.read"
	scopeWrite = "snapshots.write"
)

// authorizer decides on the methods of google.longrunning.Operations: one's own
// tenant's operations only, to read with either scope, to cancel and delete with
// the one that writes.
func authorizer() lro.Authorizer {
	read, write := []string{scopeRead, scopeWrite}, []string{scopeWrite}
	return lro.All(
		func(ctx context.Context, a lro.Access) error { return ofTenant(ctx, a.Parent) },
		lro.RequireScopes(func(ctx context.Context) []string { return callerOf(ctx).scopes }, map[lro.Verb][]string{
			lro.VerbGet:    read,
			lro.VerbList:   read,
			lro.VerbWait:   read,
			lro.VerbCancel: write,
			lro.VerbDelete: write,
		}),
	)
}

// ofTenant compares with the slash: projects/acme is not projects/acme-evil. A
// wildcard is no tenant's, so projects/- is refused like everything else.
func ofTenant(ctx context.Context, parent string) error {
	c := callerOf(ctx)
	own := "projects/" + c.tenant
	if c.tenant != "" && (parent == own || strings.HasPrefix(parent, own+"/")) {
		return nil
	}
	return errors.New("not the caller's tenant") // for the log: the caller sees PERMISSION_DENIED
}

// mayStart decides on the service's own methods, for which no Authorizer is
// asked.
func mayStart(ctx context.Context, parent string) error {
	if ofTenant(ctx, parent) != nil || !slices.Contains(callerOf(ctx).scopes, scopeWrite) {
		return status.Error(codes.PermissionDenied, "permission denied")
	}
	return nil
}

const badToken = "the access token is missing, expired or not for this service: send a valid one as authorization: Bearer TOKEN"

// authenticate lets no call in without a token, whatever its method. There are
// no streams here: a server that has some, as for reflection or health, needs
// the same as a grpc.StreamServerInterceptor.
func authenticate(v *verifier) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		c, err := v.verify(metadata.ValueFromIncomingContext(ctx, "authorization"))
		if err != nil {
			slog.InfoContext(ctx, "not authenticated", "method", info.FullMethod, "error", err)
			return nil, status.Error(codes.Unauthenticated, badToken)
		}
		return handler(context.WithValue(ctx, callerKey{}, c), req)
	}
}

type callerKey struct{}

// callerOf answers who calls; somebody without tenant and scopes where no
// interceptor has said who.
func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{}
}
