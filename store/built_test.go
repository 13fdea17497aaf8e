package store

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestBuiltAsTheMakefileSays: the options of SQLite that a commit's and a statement's time depend on are in the program that is tested.
func TestBuiltAsTheMakefileSays(t *testing.T) {
	if !strings.Contains(os.Getenv("CGO_CFLAGS"), "SQLITE_") {
		t.Skip("CGO_CFLAGS says nothing about SQLite: these tests were not started by make, and the program works without the options, only slower")
	}
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var options []string
	err = s.Read(context.Background(), func(tx *Tx) error {
		rows, err := tx.Query(`SELECT compile_options FROM pragma_compile_options`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var o string
			if err := rows.Scan(&o); err != nil {
				return err
			}
			options = append(options, o)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Join(options, " ")
	for _, o := range []string{"ENABLE_QPSG", "DEFAULT_PCACHE_INITSZ=1000"} {
		if !strings.Contains(list, o) {
			t.Errorf("no %s in %s", o, list)
		}
	}
}
