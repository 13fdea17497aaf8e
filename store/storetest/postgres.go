package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgresEnv names the variable with the URL of a throw-away PostgreSQL, for example from store/storetest/postgres.sh start.
const PostgresEnv = "SCHULHOF_TEST_POSTGRES"

// emptyDatabase is PostgreSQL's own template with nothing in it.
const emptyDatabase = "template0"

// Postgres makes a fresh database and returns its URL; without PostgresEnv it skips the test and says so.
func Postgres(t testing.TB) string {
	t.Helper()
	return needServer(t).make(t, emptyDatabase)
}

// make copies a database for t and returns its URL.
func (s *server) make(t testing.TB, template string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	if err := s.create(name, template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.drop(name); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

func needServer(t testing.TB) *server {
	t.Helper()
	if os.Getenv(PostgresEnv) == "" {
		t.Skipf("%s is not set: this half needs a PostgreSQL (store/storetest/postgres.sh start prints its URL)", PostgresEnv)
	}
	s, err := theServer()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// connect opens the connection of this process for statements that belong to no database.
func connect() (*server, error) {
	u, err := url.Parse(os.Getenv(PostgresEnv))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", PostgresEnv, err)
	}
	conn, err := pgx.Connect(context.Background(), u.String())
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL of %s: %w", PostgresEnv, err)
	}
	return &server{at: *u, conn: conn}, nil
}

func (s *server) url(database string) string {
	u := s.at
	u.Path = "/" + database
	return u.String()
}

// create copies a database. A copy of the files takes half as long as one through the log.
func (s *server) create(name, template string) error {
	return s.run("CREATE DATABASE " + name + " TEMPLATE " + template + " STRATEGY FILE_COPY ENCODING 'UTF8' LOCALE 'C'")
}

func (s *server) drop(name string) error {
	return s.run("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
}

func (s *server) run(statement string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.conn.Exec(context.Background(), statement, args...); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (s *server) ask(result any, query string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.QueryRow(context.Background(), query, args...).Scan(result); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
