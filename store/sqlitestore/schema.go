package sqlitestore

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// applicationID marks a file as one of ours: "lro1".
const applicationID = 0x6c726f31

// oldest says, for each version of the schema, which is the oldest that a library
// may know and still use it. A schema that only adds leaves it as it was.
func oldest() []int { return []int{1, 1} }

// A schema is what a file says about its own.
type schema struct {
	version int // 0 is none: the file is empty
	oldest  int // a library that knows this version, or a later one, may use the file
}

// schema reads what the file says about its own. It refuses foreign files, and
// those that this library may no longer use.
func (f *file) schema(ctx context.Context, c *conn) (schema, error) {
	// In this order: tables and the id of whoever makes them arrive with one commit,
	// which may come between these reads.
	tables, err := c.one(ctx, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return schema{}, f.failed("read", err)
	}
	id, err := c.one(ctx, "PRAGMA application_id")
	if err != nil {
		return schema{}, f.failed("read", err)
	}
	if id == int64(0) && tables == int64(0) {
		return schema{}, nil
	}
	if id != int64(applicationID) {
		return schema{}, fmt.Errorf("sqlitestore: %s is a database of another application (application_id %#x, want %#x): give the path of a file that holds nothing but operations", f.path, id, applicationID)
	}
	has := schema{}
	err = c.query(ctx, func(row []driver.Value) error {
		has = schema{version: int(integer(row[0])), oldest: int(integer(row[1]))}
		return nil
	}, "SELECT version, oldest FROM schema_version WHERE id = 1")
	if err != nil {
		return schema{}, f.failed("read the schema's version", err)
	}
	if known := len(oldest()); has.oldest > known {
		return has, fmt.Errorf("sqlitestore: %s has schema %d, which libraries that know schema %d or later may use, and this one knows %d: upgrade the library", f.path, has.version, has.oldest, known)
	}
	return has, nil
}

// current checks that the file has what this library needs.
func (f *file) current(ctx context.Context, c *conn) error {
	has, err := f.schema(ctx, c)
	if err != nil {
		return err
	}
	if known := len(oldest()); has.version < known {
		return fmt.Errorf("sqlitestore: %s has schema %d, want %d or later: set Options.Migrate, or call Migrate first", f.path, has.version, known)
	}
	return nil
}
