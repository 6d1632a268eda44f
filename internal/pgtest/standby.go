package pgtest

import (
	"context"
	"path/filepath"
)

// Standby starts a hot standby of the cluster: it follows every write and
// answers reads, but refuses writes. Its settings are those of c. Each of the
// two is stopped by its own Stop.
func (c *Cluster) Standby(ctx context.Context) (*Cluster, error) {
	return launch(ctx, c.bin, "", nil, func(data string, s *server) error {
		return s.run(ctx, filepath.Join(c.bin, "pg_basebackup"), "--pgdata="+data, "--dbname="+c.URL("postgres"),
			"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	})
}
