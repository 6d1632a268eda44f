// Command external ends an operation from outside: the handler orders the work
// from another system, and that system's webhook completes the operation, in
// this process or, with a shared store, in any other.
//
//	go run ./examples/external
//
// The other system is played by this program too.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A volumes method creates volumes that somebody else provisions.
type volumes = lro.Method[*pb.CreateVolumeRequest, *pb.Volume, *pb.VolumeMetadata]

// newVolumes registers a method whose handler calls order and is done: from then
// on the operation has no owner and waits. The handler may be run twice, after
// a crash, so order gets the operation's name to tell that it was placed before.
//
// Where nothing has to be done first, lro.Declare with MethodOptions.External
// needs no handler at all.
func newVolumes(m *lro.Manager, order func(ctx context.Context, operation string) error) *volumes {
	return lro.Handle(m, func(ctx context.Context, task *lro.Task[*pb.VolumeMetadata], _ *pb.CreateVolumeRequest) (*pb.Volume, error) {
		if err := order(ctx, task.Name()); err != nil {
			return nil, lro.Retry(err, 0)
		}
		return nil, lro.ErrExternal
	}, &lro.MethodOptions{Timeout: time.Hour}) // the other system may never answer
}

// A notice is what the other system sends: a path, or what went wrong.
type notice struct {
	Path  string `json:"path,omitempty"`
	Error string `json:"error,omitempty"`
}

// webhook ends the operation that its path names, POST /webhook/{operation}. A
// notice that is delivered twice is answered like the first. A real one checks
// who calls.
func webhook(m *lro.Manager, v *volumes) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook/{operation...}", func(w http.ResponseWriter, r *http.Request) {
		var n notice
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&n); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		name := r.PathValue("operation")
		var err error
		if n.Error != "" {
			err = m.Fail(r.Context(), name, status.Error(codes.ResourceExhausted, n.Error))
		} else {
			err = v.Complete(r.Context(), name, &pb.Volume{Path: n.Path})
		}
		switch {
		case err == nil:
			w.WriteHeader(http.StatusNoContent)
		case errors.Is(err, lro.ErrNotFound):
			http.Error(w, err.Error(), http.StatusNotFound)
		case errors.Is(err, lro.ErrDone): // with another result
			http.Error(w, err.Error(), http.StatusConflict)
		case status.Code(err) == codes.InvalidArgument:
			http.Error(w, err.Error(), http.StatusBadRequest)
		default: // the other system sends it again
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	return mux
}

// run orders a volume and waits for it. It tells out what happens.
func run(ctx context.Context, out *log.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return err
	}
	notices := "http://" + listener.Addr().String() + "/webhook/"
	v := newVolumes(m, func(_ context.Context, operation string) error {
		out.Print("ordered")
		time.AfterFunc(time.Second, func() { deliver(notices+operation, `{"path": "/volumes/v1"}`) })
		return nil
	})
	server := &http.Server{Handler: webhook(m, v), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()

	ctx, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()

	op, err := v.Start(ctx, &pb.CreateVolumeRequest{Parent: "projects/demo", VolumeId: "v1"}, &lro.StartOptions{Parent: "projects/demo"})
	if err == nil {
		var vol *pb.Volume
		if vol, err = poller.New[*pb.Volume](m.LocalClient(), op, nil).Wait(ctx); err == nil {
			out.Print("completed: path=", vol.GetPath())
		}
	}
	stop()
	return errors.Join(err, <-ran)
}

// deliver is the other system when it has finished.
func deliver(url, notice string) {
	resp, err := http.Post(url, "application/json", strings.NewReader(notice)) //nolint:noctx // it has no caller
	if err != nil {
		log.Print(err)
		return
	}
	_ = resp.Body.Close()
}

func main() {
	if err := run(context.Background(), log.New(os.Stdout, "", 0)); err != nil {
		log.Fatal("external: ", err)
	}
}
