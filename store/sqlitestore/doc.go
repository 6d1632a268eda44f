// Package sqlitestore keeps operations in a SQLite file: for services of one
// machine whose operations must survive their process.
//
//	st, err := sqlitestore.Open(ctx, "/var/lib/app/operations.db", &sqlitestore.Options{Migrate: true})
//	if err != nil {
//		return err
//	}
//	defer st.Close()
//	m, err := lro.New(st, nil)
//
// A write is on the disk when its call returns. Writes that are made at the same
// time share a commit, so many callers are written many times faster than one
// after the other, and a lone one waits for nobody.
//
// Several processes of one machine may open the same file, and one process may
// open it several times: a [Store] learns within about a tenth of a second what
// another has written. The file must lie on a local disk, since SQLite's
// write-ahead log shares memory between processes, and must hold nothing but
// operations. Beside it SQLite keeps two more, with -wal and -shm behind its
// name; a backup copies the three together with no process using them, or is
// made by SQLite's own tools.
//
// The schema is versioned: [Migrate], or [Options].Migrate, brings a file up to
// date, and processes of an older release go on beside newer ones; where the new
// schema is not for them, Open says so. Stop those that are open already before
// such a migration.
//
// The package uses modernc.org/sqlite, so it builds without cgo.
package sqlitestore
