package store

import (
	"io/fs"
	"strings"
	"testing"
)

func TestMarkStatements(t *testing.T) {
	const up, begin, end = "-- +goose Up\n", "-- +goose StatementBegin\n", "-- +goose StatementEnd\n"
	tests := []struct{ name, in, want string }{
		{"nothing", up, up},
		{"one statement", up + "SELECT 1;\n", up + begin + "SELECT 1;\n" + end},
		{"without the last line's end", up + "SELECT 1;", up + begin + "SELECT 1;\n" + end},
		{"over several lines", up + "SELECT\n\n 1;\nSELECT 2;\n", up + begin + "SELECT\n\n 1;\n" + end + begin + "SELECT 2;\n" + end},
		{"comments before, within and behind", up + "-- one;\n\nSELECT 1, -- two;\n-- three;\n 2; -- four\n",
			up + "-- one;\n\n" + begin + "SELECT 1, -- two;\n-- three;\n 2; -- four\n" + end},
		{"a semicolon within a line", up + "SELECT 1; SELECT 2\n, 3;\n", up + begin + "SELECT 1; SELECT 2\n, 3;\n" + end},
		{"both directions", up + "SELECT 1;\n-- +goose Down\nSELECT 2;\n", up + begin + "SELECT 1;\n" + end + "-- +goose Down\n" + begin + "SELECT 2;\n" + end},
		{"marks of its own", up + begin + "SELECT 1;\nSELECT 2;\n" + end, up + begin + "SELECT 1;\nSELECT 2;\n" + end},
		{"without an end", up + "SELECT 1\n", up + begin + "SELECT 1\n"}, // goose refuses it
	}
	for _, tt := range tests {
		if got := markStatements(tt.in); got != tt.want {
			t.Errorf("%s: markStatements(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations %q, %v", files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrationFiles, file)
		if err != nil {
			t.Fatal(err)
		}
		marked := markStatements(string(text))
		if n := strings.Count(marked, begin); n == 0 || n != strings.Count(marked, end) {
			t.Errorf("%s: %d begins and %d ends of statements", file, n, strings.Count(marked, end))
		}
		if strings.NewReplacer(begin, "", end, "").Replace(marked) != string(text) {
			t.Errorf("%s: the marks changed more than they should", file)
		}
	}
}
