// Command client calls the Snapshots server.
//
//	client create-volume VOLUME FOLDER   name a folder
//	client take VOLUME                   take a snapshot of it, and wait
//	client resume OPERATION              wait for an operation that goes on
//	client list                          list operations
//	client cancel OPERATION              cancel one
//
// Flags may stand anywhere: client take v1 -addr localhost:8080. A volume is
// named in full, projects/p1/volumes/v1, or by its last part, in the project
// that -project says.
//
// Progress goes to standard error, a bar on a terminal and lines elsewhere, the
// result to standard output. An interrupt ends the client and not the
// operation: it prints the command that waits for it again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	err := run(ctx, os.Args[1:], log.New(os.Stdout, "", 0), log.New(os.Stderr, "", 0))
	switch {
	case errors.Is(err, flag.ErrHelp), errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, context.Canceled):
		os.Exit(130) // as shells say it
	case err != nil:
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

// A client is one run of this program.
type client struct {
	pb.SnapshotsClient

	ops      longrunningpb.OperationsClient
	addr     string
	project  string
	rate     int64
	validate bool
	out, err *log.Logger
}

// A command needs so many arguments, and does something with them.
type command struct {
	args []string
	run  func(c *client, ctx context.Context, args []string) error
}

func commands() map[string]command {
	return map[string]command{
		"create-volume": {[]string{"VOLUME", "FOLDER"}, (*client).createVolume},
		"take":          {[]string{"VOLUME"}, (*client).take},
		"resume":        {[]string{"OPERATION"}, (*client).resume},
		"list":          {nil, (*client).list},
		"cancel":        {[]string{"OPERATION"}, (*client).cancel},
	}
}

// run executes the command that args are.
func run(ctx context.Context, args []string, out, errOut *log.Logger) error {
	c := &client{out: out, err: errOut}
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(errOut.Writer())
	flags.Usage = func() {
		errOut.Print("usage: client [flags] create-volume VOLUME FOLDER | take VOLUME | resume OPERATION | list | cancel OPERATION")
		flags.PrintDefaults()
	}
	flags.StringVar(&c.addr, "addr", "localhost:8080", "of the server")
	flags.StringVar(&c.project, "project", "local", "the project of volumes that are not named in full, and of list")
	flags.Int64Var(&c.rate, "bytes-per-second", 0, "take: how fast to read at most; 0 is unlimited")
	flags.BoolVar(&c.validate, "validate-only", false, "take: check only whether a snapshot could be started")
	var words []string
	for len(args) > 0 { // flags may stand anywhere
		if err := flags.Parse(args); err != nil {
			return errors.Join(errUsage, err)
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) == 0 {
		flags.Usage()
		return errUsage
	}
	cmd, ok := commands()[words[0]]
	if !ok {
		errOut.Printf("expected create-volume, take, resume, list or cancel, found %q; help: client -h", words[0])
		return errUsage
	}
	if len(words)-1 != len(cmd.args) {
		errOut.Printf("expected client %s %s, found %q", words[0], strings.Join(cmd.args, " "), words)
		return errUsage
	}
	conn, err := grpc.NewClient(c.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	c.SnapshotsClient, c.ops = pb.NewSnapshotsClient(conn), longrunningpb.NewOperationsClient(conn)
	return cmd.run(c, ctx, words[1:])
}

// volume answers the full name of a volume.
func (c *client) volume(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return c.parent() + "/volumes/" + name
}

func (c *client) parent() string { return "projects/" + strings.TrimPrefix(c.project, "projects/") }

// resumeCommand answers what waits for an operation again.
func (c *client) resumeCommand(operation string) string {
	self := os.Args[0]
	if strings.Contains(filepath.ToSlash(self), "/go-build") { // go run has built it, and removes it
		self = "go run ./examples/snapshots/client"
	}
	return fmt.Sprintf("%s resume -addr %s %s", self, c.addr, operation)
}
