package rest_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// Middleware says who calls, and the Authorizer, the same as over gRPC, what
// they may do.
func ExampleNewHandler() {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	type tenant struct{}
	auth := func(ctx context.Context, access lro.Access) error {
		if mine, ok := ctx.Value(tenant{}).(string); !ok || access.Parent != mine {
			return status.Error(codes.PermissionDenied, "not your project")
		}
		return nil
	}
	operations := rest.NewHandler(lro.NewServer(m, auth, nil), nil)
	authenticated := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := "projects/" + r.Header.Get("X-Project") // in earnest, from a token that was verified
		operations.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tenant{}, who)))
	})
	srv := httptest.NewServer(http.StripPrefix("/api", authenticated))
	defer srv.Close()

	// An operation that somebody else has ended:
	ctx := context.Background()
	op, err := m.Create(ctx, &lro.CreateOptions{Parent: "projects/novels"})
	if err == nil {
		err = m.Complete(ctx, op.GetName(), &testpb.PrintResponse{Text: "Emma"})
	}
	if err != nil {
		log.Print(err)
		return
	}
	for _, project := range []string{"novels", "poems"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/api/v1/"+op.GetName(), http.NoBody)
		if err != nil {
			log.Print(err)
			return
		}
		r.Header.Set("X-Project", project)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Print(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode, strings.Contains(string(body), "Emma"))
	}
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// 200 true
	// 403 false
}
