package gapic_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"

	longrunning "cloud.google.com/go/longrunning/autogen"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro/rest"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/gapic"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// With a service of Google's, option.WithEndpoint and option.WithScopes take the
// place of these options, and the default credentials apply.
func Example() {
	address, stop := exampleServer()
	defer stop()

	ctx := context.Background()
	client, err := longrunning.NewOperationsClient(ctx, option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	p := poller.Resume[*testpb.PrintResponse](gapic.New(client), "operations/7", nil)
	res, err := p.Wait(ctx)
	fmt.Println(res.GetPages(), err)
	// Output: 3 <nil>
}

// With default credentials option.WithScopes stands in the place of
// option.WithoutAuthentication.
func ExampleTransport() {
	server := httptest.NewServer(rest.NewHandler(exampleOperations(), nil))
	defer server.Close()

	ctx := context.Background()
	httpClient, _, err := htransport.NewClient(ctx, option.WithoutAuthentication())
	if err != nil {
		fmt.Println(err)
		return
	}
	httpClient.Transport = &gapic.Transport{Base: httpClient.Transport}
	client, err := longrunning.NewOperationsRESTClient(ctx, option.WithHTTPClient(httpClient), option.WithEndpoint(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	p := poller.Resume[*testpb.PrintResponse](gapic.New(client), "operations/7", nil)
	res, err := p.Wait(ctx)
	fmt.Println(res.GetPages(), err)
	// Output: 3 <nil>
}

// exampleOperations is a server with one operation, which is done.
func exampleOperations() longrunningpb.OperationsServer {
	return scripted{Client: &pollertest.Client{Polls: []pollertest.Step{{Operation: succeeded()}}}}
}

// exampleServer serves it over gRPC, and answers where.
func exampleServer() (address string, stop func()) {
	l, err := net.Listen("tcp", "localhost:0") //nolint:noctx // an example has no test whose context it could take
	if err != nil {
		panic(err)
	}
	g := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(g, exampleOperations())
	go func() { _ = g.Serve(l) }()
	return l.Addr().String(), g.Stop
}
