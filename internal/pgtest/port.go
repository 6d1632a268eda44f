package pgtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// onFreePort calls start with a port of 127.0.0.1 that nobody listens on, and
// with another if somebody else was sooner to take it.
func onFreePort(ctx context.Context, start func(port string) error) error {
	for tries := 1; ; tries++ {
		port, err := freePort(ctx)
		if err != nil {
			return err
		}
		err = start(port)
		// Only its log, which the error cites, tells why a server ended.
		if err == nil || tries == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

// freePort answers a port below those that systems give to outgoing
// connections, one of which could take it while a server restarts.
func freePort(ctx context.Context) (string, error) {
	const lowest, highest = 10_000, 32_000
	var config net.ListenConfig
	for tries := 1; ; tries++ {
		port := strconv.Itoa(lowest + rand.IntN(highest-lowest))
		listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:"+port)
		if err == nil {
			return port, listener.Close()
		}
		if tries == 100 {
			return "", fmt.Errorf("pgtest: want a free port from %d to %d, found none: %w", lowest, highest, err)
		}
	}
}
