package store

import (
	"context"
	"database/sql/driver"

	"github.com/mattn/go-sqlite3"
)

// liteConnector lends our kind of connection to package database/sql, which goose wants.
type liteConnector struct{ path string }

// Connect implements driver.Connector.
func (c liteConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := openLite(c.path, "rw", writerCacheKiB)
	if err != nil {
		return nil, err
	}
	return conn.c, nil
}

// Driver implements driver.Connector.
func (c liteConnector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }
