package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// A conn is a connection, and the statements it has prepared. One goroutine at a
// time may use it.
//
// It uses the driver without the pool of database/sql, whose conversions cost a
// sixth of a write in a batch, and which leaves open when a connection is
// replaced.
type conn struct {
	db         driver.Conn
	statements map[string]statement // by their SQL
	args       []driver.NamedValue  // of the statement at hand
}

// A statement is what the driver's are.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func newConn(c driver.Conn) *conn {
	return &conn{db: c, statements: make(map[string]statement)}
}

func (c *conn) prepare(sql string) (statement, error) {
	if s, ok := c.statements[sql]; ok {
		return s, nil
	}
	prepared, err := c.db.Prepare(sql)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, fmt.Errorf("sqlitestore: the driver's statements are %T, want those of modernc.org/sqlite", prepared)
	}
	c.statements[sql] = s
	return s, nil
}

// exec runs a statement of which no rows are wanted.
func (c *conn) exec(ctx context.Context, sql string, args ...driver.Value) (driver.Result, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, c.named(args))
}

// change runs a statement and answers how many rows it changed.
func (c *conn) change(ctx context.Context, sql string, args ...driver.Value) (int64, error) {
	result, err := c.exec(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query calls each with every row. What a row holds may be kept, the row not.
func (c *conn) query(ctx context.Context, each func(row []driver.Value) error, sql string, args ...driver.Value) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, c.named(args))
	if err != nil {
		return err
	}
	return errors.Join(forEach(ctx, rows, each), rows.Close())
}

func forEach(ctx context.Context, rows driver.Rows, each func(row []driver.Value) error) error {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := each(row); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// one is query for a single value of a single row, and answers nil without one.
func (c *conn) one(ctx context.Context, sql string, args ...driver.Value) (driver.Value, error) {
	var value driver.Value
	err := c.query(ctx, func(row []driver.Value) error {
		value = row[0]
		return nil
	}, sql, args...)
	return value, err
}

// named numbers args. The driver has read them when the call that gets them
// returns.
func (c *conn) named(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, arg := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return c.args
}

// close also ends the transaction, if there is one.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.db.Close())...)
}
