package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a fresh folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestReadImports: our own packages count, once each, from every file but tests; what is generated, hidden or test data does not.
func TestReadImports(t *testing.T) {
	root := tree(t, map[string]string{
		"a/a.go":            "package a\nimport (\n\t\"fmt\"\n\t\"schulhof/b\"\n\tc2 \"schulhof/b/c\"\n)\n",
		"a/more.go":         "package a\nimport _ \"schulhof/b\"\n",
		"a/a_test.go":       "package a\nimport \"schulhof/z\"\n",
		"b/b.go":            "package b\nimport \"github.com/x/schulhof/y\"\n",
		"b/c/c.go":          "package c\n",
		"a/testdata/x.go":   "package x\nimport \"schulhof/z\"\n",
		".hidden/h.go":      "package h\nimport \"schulhof/z\"\n",
		"bin/b.go":          "package b\nimport \"schulhof/z\"\n",
		"node_modules/n.go": "package n\nimport \"schulhof/z\"\n",
		"a/notes.txt":       "import \"schulhof/z\"",
		"empty/README":      "",
	})
	got, err := readImports(root)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"a": {"b", "b/c"}, "b": {}, "b/c": {}}
	for name, list := range got {
		if len(list) == 0 {
			got[name] = []string{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	for name, files := range map[string]map[string]string{"no Go": {"a/a.go": "nonsense"}, "half an import": {"a/a.go": "package a\nimport \"schul"}} {
		if _, err := readImports(tree(t, files)); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	if _, err := readImports(filepath.Join(root, "nowhere")); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

// TestReadTable takes the rows of rooms and nothing else of the page.
func TestReadTable(t *testing.T) {
	text := "# Rooms\n\n| room | kind | may import |\n|---|---|---|\n| `a` | program | `b` `c/d` |\n|`b`|leaf||\n| plain | leaf | |\n| `x` | too | many | cells |\n\nSome `text`.\n"
	got, err := readTable(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []room{{"a", "program", []string{"b", "c/d"}}, {"b", "leaf", nil}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(room{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

var lines = regexp.MustCompile(`<line x1="(\d+)" y1="(\d+)" x2="(\d+)" y2="(\d+)"`)

// TestEveryLinePointsDownwards draws our own rooms: every box of a drawn kind is there once and inside the picture, and no line
// goes upwards, which would be an import that the rule of the house forbids.
func TestEveryLinePointsDownwards(t *testing.T) {
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
	svg := draw(rooms, imports)
	for _, r := range rooms {
		want := 0
		for _, kind := range kinds {
			if r.kind == kind {
				want = 1
			}
		}
		if n := strings.Count(svg, ">"+r.name+"</text>"); n != want {
			t.Errorf("%s (%s) is drawn %d times, want %d", r.name, r.kind, n, want)
		}
	}
	found := lines.FindAllStringSubmatch(svg, -1)
	if len(found) < 5 {
		t.Fatalf("only %d lines", len(found))
	}
	for _, m := range found {
		from, _ := strconv.Atoi(m[2])
		to, _ := strconv.Atoi(m[4])
		if to < from {
			t.Errorf("a line goes up: %s", m[0])
		}
	}
	if strings.Contains(svg, "\"-") {
		t.Error("something lies outside the picture")
	}
}

// TestRun writes the picture, and says what it misses.
func TestRun(t *testing.T) {
	files := map[string]string{"docs/rooms.md": "| `a` | program | `b` |\n| `b` | leaf | |\n", "a/a.go": "package a\nimport \"schulhof/b\"\n", "b/b.go": "package b\n"}
	root := tree(t, files)
	for range 2 { // the second time over the first
		if err := run(root); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := os.ReadFile(filepath.Join(root, "docs", "rooms.svg"))
	if err != nil || strings.Count(string(svg), "<line ") != 1 || !strings.HasSuffix(string(svg), "</svg>\n") {
		t.Errorf("the picture: %v\n%s", err, svg)
	}
	for name, change := range map[string]map[string]string{
		"no page":           {"docs/other.md": ""},
		"a page without it": {"docs/rooms.md": "nothing"},
		"a broken package":  {"docs/rooms.md": files["docs/rooms.md"], "a/a.go": "nonsense"},
	} {
		if err := run(tree(t, change)); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// TestDirect leaves out what another import implies, also over several rooms, and keeps what nothing implies.
func TestDirect(t *testing.T) {
	imports := map[string][]string{"a": {"b", "d", "e"}, "b": {"c"}, "c": {"d"}}
	if diff := cmp.Diff([]string{"b", "e"}, direct("a", imports)); diff != "" {
		t.Errorf("direct imports of a (-want +got):\n%s", diff)
	}
	if got := direct("d", imports); len(got) > 0 {
		t.Errorf("d imports nothing, got %q", got)
	}
}
