// Package pgtest gives tests, benchmarks and the chaos program a Postgres of
// their own: a private throw-away cluster made by the programs on the machine.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }
//
//	func TestStore(t *testing.T) {
//		t.Parallel()
//		pool, err := pgxpool.New(t.Context(), pgtest.Database(t))
//		…
//	}
//
// [Database] is what most tests want: a fresh, empty database on a cluster that
// all tests of the process share, kept in memory where Linux has room. [New]
// and [Start] make a cluster of one's own on disk, to restart it, to give it a
// standby or a PgBouncer, or to set fsync.
//
// A cluster trusts every connection from this machine, listens on 127.0.0.1
// only, and is gone with the process that started it, whatever ends that: the
// server stops and its files are removed. As root it runs as an unprivileged
// user, since Postgres refuses root. Call nothing here from inside a
// testing/synctest bubble: a server does not live in fake time.
//
// These variables of the environment say which Postgres it is:
//
//   - LRO_TEST_POSTGRES_URL is a running server, as a URL of a user who may
//     create databases. [Database] uses it; [New] and [Start] do not.
//   - LRO_TEST_POSTGRES_BIN is the folder with initdb and postgres. Without it
//     they are looked for on the PATH, then where packages put them.
//   - LRO_TEST_REQUIRE, if the word postgres is among its comma-separated
//     ones, makes tests that find no Postgres fail; otherwise they are skipped.
package pgtest
