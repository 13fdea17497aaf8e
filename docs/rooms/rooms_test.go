package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestImportsStayInTheTable is the rule of the house.
func TestImportsStayInTheTable(t *testing.T) {
	text, err := os.ReadFile("../rooms.md")
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := readTable(string(text))
	if err != nil {
		t.Fatal(err)
	}
	imports, err := readImports("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range compare(rooms, imports) {
		t.Error(fault)
	}
	for _, r := range rooms {
		for _, other := range rooms {
			if r.kind == "protocol" && other.kind == "protocol" && slices.Contains(r.may, other.name) {
				t.Errorf("the table lets %s import %s, but protocol rooms do not import each other", r.name, other.name)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	rooms, err := readTable("| room | kind | may import |\n|---|---|---|\n| `a` | program | `b` `c` |\n| `b` | leaf | |\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		imports map[string][]string
		want    []string
	}{
		{"all within the table", map[string][]string{"a": {"b"}, "b": nil}, nil},
		{"upwards", map[string][]string{"a": nil, "b": {"a"}}, []string{"b imports a, which the table does not allow"}},
		{"a room without a row", map[string][]string{"a": nil, "b": nil, "c": nil}, []string{"c is not in the table"}},
		{"a row without a room", map[string][]string{"a": nil}, []string{"the table names b, which is no package"}},
	}
	for _, tt := range tests {
		if got := compare(rooms, tt.imports); !slices.Equal(got, tt.want) {
			t.Errorf("%s: compare = %q, want %q", tt.name, got, tt.want)
		}
	}
	if _, err := readTable("nothing here"); err == nil {
		t.Error("readTable of a text without a table succeeded")
	}
}

func TestDrawLeavesOutImpliedImports(t *testing.T) {
	imports := map[string][]string{"a": {"b", "c"}, "b": {"c"}, "c": nil}
	rooms := []room{{name: "a", kind: "program"}, {name: "b", kind: "domain"}, {name: "c", kind: "leaf"}}
	svg := draw(rooms, imports)
	if lines := strings.Count(svg, "<line "); lines != 2 {
		t.Errorf("draw made %d lines, want 2 (a to c is implied)", lines)
	}
	if boxes := strings.Count(svg, "rx="); boxes != 3 {
		t.Errorf("draw made %d boxes, want 3", boxes)
	}
}
