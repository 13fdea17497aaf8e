package store

import (
	"strings"
	"testing"
)

func TestSQLiteParams(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"none", "SELECT 1", "SELECT 1"},
		{"out of order", "SET n = $2 WHERE id = $1", "SET n = ?2 WHERE id = ?1"},
		{"two digits", "VALUES ($9, $10, $11)", "VALUES (?9, ?10, ?11)"},
		{"in a text", "SELECT '$1', $1", "SELECT '$1', ?1"},
		{"a doubled quote in a text", "SELECT 'it''s $1', $2", "SELECT 'it''s $1', ?2"},
		{"in a name", `SELECT "$1", $1`, `SELECT "$1", ?1`},
		{"in a comment to the end of the line", "SELECT -- $1 isn't\n$1", "SELECT -- $1 isn't\n?1"},
		{"in a comment", "SELECT /* $1 ' */ $1", "SELECT /* $1 ' */ ?1"},
		{"minus", "SELECT 1-$1", "SELECT 1-?1"},
		{"divided", "SELECT 1/$1", "SELECT 1/?1"},
		{"part of a name", "SELECT a$1", "SELECT a$1"},
		{"a dollar alone", "SELECT $", "SELECT $"},
		{"an open text", "SELECT $1, '$2", "SELECT ?1, '$2"},
		{"an open comment", "SELECT $1 /* $2", "SELECT ?1 /* $2"},
		{"JSON path", "SELECT json_extract(x, '$.a[$1]'), $1", "SELECT json_extract(x, '$.a[$1]'), ?1"},
	}
	for _, tt := range tests {
		if got := sqliteParams(tt.in); got != tt.want {
			t.Errorf("%s: sqliteParams(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// FuzzSQLiteParams: only $ before a digit changes, to ?, and twice is as good as once.
func FuzzSQLiteParams(f *testing.F) {
	for _, seed := range []string{"$1", "'$1'", "a$1", "-- $1\n$2", "/*$1*/$2", `"$1`, "''$1", "$$1", "$1$2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := sqliteParams(in)
		if len(got) != len(in) {
			t.Fatalf("%q became %q", in, got)
		}
		for i := range in {
			if in[i] != got[i] && (in[i] != '$' || got[i] != '?' || !isDigit(in[i+1])) {
				t.Errorf("%q became %q: byte %d", in, got, i)
			}
		}
		if sqliteParams(got) != got {
			t.Errorf("%q became %q, and then %q", in, got, sqliteParams(got))
		}
		if !strings.ContainsAny(in, "'\"`-/") && strings.Count(got, "?") < strings.Count(in, "?") {
			t.Errorf("%q lost a parameter: %q", in, got)
		}
	})
}
