package child_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/longrunning-go/longrunning/bench/child"
)

// Whoever waits for an answer of a process need not watch the context, which a
// Ctrl-C ends: the process ends with it.
func TestEndOfContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	process, err := child.Start(ctx, []string{"sh", "-c", "cat; echo over"}, "role")
	if err != nil {
		t.Fatal(err)
	}
	stop()
	var said string
	if _, err := fmt.Fscan(process.Out, &said); err != nil || said != "over" {
		t.Errorf("a process whose context has ended: got %q, %v, want that its input ends", said, err)
	}
	if err := process.Close(); err != nil {
		t.Errorf("Close after that: got %v, want none", err)
	}
}
