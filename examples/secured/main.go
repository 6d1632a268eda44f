// Command secured is a service whose callers bring signed tokens: who they are,
// whose operations they may see, and what they may do with them.
//
//	cd examples/secured && go run .
//
// The program plays the issuer of the tokens and three callers too. It speaks
// plain text on loopback; a real server has TLS, since whoever sees a token can
// use it.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

const (
	issuerName = "https://issuer.example"
	audience   = "https://snapshots.example"
	keyID      = "key-1"
)

// An issuer signs tokens.
type issuer struct{ key *ecdsa.PrivateKey }

func newIssuer() (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &issuer{key}, err
}

// verifier knows the issuer's tokens by its public key.
func (i *issuer) verifier() *verifier {
	return newVerifier(issuerName, audience, map[string]*ecdsa.PublicKey{keyID: &i.key.PublicKey})
}

// token answers one that is good for five minutes.
func (i *issuer) token(subject, tenant, scope string) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuerName, Audience: jwt.ClaimStrings{audience}, Subject: subject,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
		},
		Tenant: tenant, Scope: scope,
	})
	token.Header["kid"] = keyID
	return token.SignedString(i.key)
}

// bearer sends a token with each call.
type bearer string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity answers true in a real client.
func (bearer) RequireTransportSecurity() bool { return false }

// connect connects as the bearer of token.
func connect(address, token string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(token)))
}

// send sends an HTTP request as the bearer of token; of nobody if that is "".
func send(ctx context.Context, method, url, token string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(r)
}

// play lets Ann, who may write, and Rob, who may read, of the tenant acme, and
// Eve of acme-evil meet the server. It tells out what they are answered.
func play(ctx context.Context, out *log.Logger, address, web string, issue func(subject, tenant, scope string) (string, error)) error {
	conns, tokens := map[string]*grpc.ClientConn{}, map[string]string{}
	for _, c := range []struct{ subject, tenant, scope string }{
		{"ann", "acme", scopeWrite}, {"rob", "acme", scopeRead}, {"eve", "acme-evil", scopeWrite},
	} {
		token, err := issue(c.subject, c.tenant, c.scope)
		if err != nil {
			return err
		}
		if conns[c.subject], err = connect(address, token); err != nil {
			return err
		}
		tokens[c.subject] = token
		defer conns[c.subject].Close()
	}

	op, err := pb.NewSnapshotsClient(conns["ann"]).CreateVolume(ctx, &pb.CreateVolumeRequest{Parent: "projects/acme", VolumeId: "v1"})
	if err != nil {
		return err
	}
	for _, who := range []string{"rob", "eve"} {
		operations := longrunningpb.NewOperationsClient(conns[who])
		_, err = operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: op.GetName()})
		out.Printf("%s gets it: %v", who, status.Code(err))
		_, err = operations.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: op.GetName()})
		out.Printf("%s cancels it: %v", who, status.Code(err))
		answer, sendErr := send(ctx, http.MethodGet, web+"/v1/"+op.GetName(), tokens[who])
		if sendErr != nil {
			return sendErr
		}
		out.Printf("%s gets it over HTTP: %s", who, answer.Status)
		if closeErr := answer.Body.Close(); closeErr != nil {
			return closeErr
		}
	}
	vol, err := poller.New[*pb.Volume](longrunningpb.NewOperationsClient(conns["ann"]), op, nil).Wait(ctx)
	if err != nil {
		return err
	}
	out.Printf("ann has %s", vol.GetName())
	return nil
}

// run is issuer, server and callers together, on loopback.
func run(ctx context.Context, out *log.Logger) error {
	issuer, err := newIssuer()
	if err != nil {
		return err
	}
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return err
	}
	server, web := newServer(m, issuer.verifier(), func(ctx context.Context, volume string) (string, error) {
		select {
		case <-time.After(time.Second): // it takes some work
			return "/srv/" + volume, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(listener) }()
	defer server.GracefulStop()
	webListener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	h := &http.Server{Handler: web, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { _ = h.Serve(webListener) }()
	defer h.Close()

	ctx, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	err = play(ctx, out, listener.Addr().String(), "http://"+webListener.Addr().String(), issuer.token)
	stop()
	return errors.Join(err, <-ran)
}

func main() {
	if err := run(context.Background(), log.New(os.Stdout, "", 0)); err != nil {
		log.Fatal("secured: ", err)
	}
}
