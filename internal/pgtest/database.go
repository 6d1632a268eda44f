package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn" //nolint:depguard // a database for tests, not a store
)

// createDatabase makes an empty database on a server, and answers its name.
func createDatabase(ctx context.Context, server *url.URL) (string, error) {
	name := "lro_test_" + strings.ToLower(rand.Text())
	// Nobody can be connected to template0, which would fail the statement,
	// and nobody has put anything into it.
	_, err := query(ctx, server, "CREATE DATABASE "+name+" TEMPLATE template0")
	return name, err
}

// dropDatabase drops a database and the connections that it still has.
func dropDatabase(ctx context.Context, server *url.URL, name string) error {
	_, err := query(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)")
	return err
}

// parseServer reads the value of LRO_TEST_POSTGRES_URL, which no error
// repeats, since it may hold a password.
func parseServer(value string) (*url.URL, error) {
	server, err := url.Parse(value)
	if err != nil || server.Scheme != "postgres" && server.Scheme != "postgresql" {
		return nil, errors.New("pgtest: LRO_TEST_POSTGRES_URL must look like postgres://user:password@host:5432/postgres, and does not")
	}
	return server, nil
}

// databaseURL answers the URL of one database of a server.
func databaseURL(server *url.URL, name string) string {
	database := *server
	database.Path = "/" + name
	return database.String()
}

// query runs one statement on a connection of its own, by the simple protocol,
// which any pooler understands, and answers the first value of its first row.
func query(ctx context.Context, database *url.URL, statement string) (string, error) {
	conn, err := pgconn.Connect(ctx, database.String())
	if err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		return "", fmt.Errorf("pgtest: %s: %w", statement, err)
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return "", nil
	}
	return string(results[0].Rows[0][0]), nil
}
