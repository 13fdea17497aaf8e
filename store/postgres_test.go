package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"testing"

	"schulhof/store/fault"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/mattn/go-sqlite3"
)

// TestPgErrorKinds: what PostgreSQL says becomes the same kinds as with SQLite. Codes: PostgreSQL manual, appendix A.
func TestPgErrorKinds(t *testing.T) {
	code := func(c string) error { return fmt.Errorf("query: %w", &pgconn.PgError{Code: c}) }
	tests := []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"unique_violation", code("23505"), fault.AlreadyExists},
		{"foreign_key_violation", code("23503"), fault.Conflict},
		{"disk_full", code("53100"), fault.Unavailable},
		{"too_many_connections", code("53300"), fault.Unavailable},
		{"admin_shutdown", code("57P01"), fault.Unavailable},
		{"io_error", code("58030"), fault.Unavailable},
		{"syntax_error", code("42601"), fault.Internal},
		{"not_null_violation", code("23502"), fault.Internal},
		{"an empty code", code(""), fault.Internal},
		{"the transaction was closed", fmt.Errorf("x: %w", pgx.ErrTxClosed), fault.Unavailable},
		{"something else", io.ErrUnexpectedEOF, fault.Internal},
	}
	for _, tt := range tests {
		got := pgError(tt.err)
		if fault.KindOf(got) != tt.want || !errors.Is(got, tt.err) {
			t.Errorf("%s: %v (%s), want %s", tt.name, got, fault.KindOf(got), tt.want)
		}
	}
	if err := pgError(nil); err != nil {
		t.Errorf("pgError(nil) = %v", err)
	}
	w := &pgWriter{}
	for c, want := range map[string]bool{"40001": true, "40P01": true, "40003": false, "23505": false} {
		if got := w.retryable(pgError(code(c))); got != want {
			t.Errorf("retryable(%s) = %t, want %t", c, got, want)
		}
	}
}

// TestLiteErrorKinds: SQLite's codes and their kinds. https://sqlite.org/rescode.html
func TestLiteErrorKinds(t *testing.T) {
	tests := []struct {
		name string
		err  sqlite3.Error
		want fault.Kind
	}{
		{"unique", sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintUnique}, fault.AlreadyExists},
		{"primary key", sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintPrimaryKey}, fault.AlreadyExists},
		{"row id", sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintRowID}, fault.AlreadyExists},
		{"foreign key", sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintForeignKey}, fault.Conflict},
		{"not null", sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintNotNull}, fault.Internal},
		{"full", sqlite3.Error{Code: sqlite3.ErrFull}, fault.Unavailable},
		{"I/O error", sqlite3.Error{Code: sqlite3.ErrIoErr}, fault.Unavailable},
		{"busy", sqlite3.Error{Code: sqlite3.ErrBusy}, fault.Unavailable},
		{"locked", sqlite3.Error{Code: sqlite3.ErrLocked}, fault.Unavailable},
		{"read only", sqlite3.Error{Code: sqlite3.ErrReadonly}, fault.Unavailable},
		{"cannot open", sqlite3.Error{Code: sqlite3.ErrCantOpen}, fault.Unavailable},
		{"wrong SQL", sqlite3.Error{Code: sqlite3.ErrError}, fault.Internal},
	}
	for _, tt := range tests {
		got := liteError(fmt.Errorf("x: %w", tt.err))
		if fault.KindOf(got) != tt.want || !errors.As(got, new(sqlite3.Error)) {
			t.Errorf("%s: %v (%s), want %s with the cause", tt.name, got, fault.KindOf(got), tt.want)
		}
	}
	if err := liteError(nil); err != nil {
		t.Errorf("liteError(nil) = %v", err)
	}
	if err := liteError(context.Canceled); err != context.Canceled {
		t.Errorf("another error became %v", err)
	}
}

// TestPgValue: what PostgreSQL's types become, so that rooms see what SQLite would have given them.
func TestPgValue(t *testing.T) {
	numeric := func(n int64, exp int32) pgtype.Numeric {
		return pgtype.Numeric{Int: big.NewInt(n), Exp: exp, Valid: true}
	}
	tests := []struct {
		name string
		in   any
		want any
	}{
		{"NULL", nil, nil},
		{"bigint", int64(7), int64(7)},
		{"integer", int32(-7), int64(-7)},
		{"smallint", int16(7), int64(7)},
		{"true", true, int64(1)},
		{"false", false, int64(0)},
		{"real", float32(0.5), 0.5},
		{"double", 0.25, 0.25},
		{"text", "ä", "ä"},
		{"a sum of bigint", numeric(12, 0), int64(12)},
		{"a sum with zeros", numeric(12, 3), int64(12000)},
		{"an average", numeric(25, -1), 2.5},
		{"a sum of nothing", pgtype.Numeric{}, nil},
	}
	for _, tt := range tests {
		if got, err := pgValue(tt.in); err != nil || got != tt.want {
			t.Errorf("%s: pgValue(%v) = %v, %v, want %v", tt.name, tt.in, got, err, tt.want)
		}
	}
	for _, in := range []any{struct{}{}, []string{"a"}, pgtype.Numeric{NaN: true, Valid: true}} {
		if got, err := pgValue(in); err == nil {
			t.Errorf("pgValue(%v) = %v, want an error", in, got)
		}
	}
}
