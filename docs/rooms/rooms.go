package main

import (
	"bufio"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "schulhof"

// room is one row of the table.
type room struct {
	name, kind string
	may        []string
}

// readTable reads the rows of docs/rooms.md.
func readTable(text string) (rooms []room, err error) {
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		r := room{name: strings.Trim(strings.TrimSpace(cells[1]), "`"), kind: strings.TrimSpace(cells[2])}
		for name := range strings.FieldsSeq(cells[3]) {
			r.may = append(r.may, strings.Trim(name, "`"))
		}
		rooms = append(rooms, r)
	}
	if len(rooms) == 0 {
		return nil, errors.New("no table of rooms found")
	}
	return rooms, nil
}

// readImports returns, for each package folder beneath root, which of our own packages its non-test files import.
func readImports(root string) (map[string][]string, error) {
	imports := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && file != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		imports[folder] = slices.Concat(imports[folder], []string{})
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(name, module+"/"); ok && !slices.Contains(imports[folder], own) {
				imports[folder] = append(imports[folder], own)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the imports: %w", err)
	}
	for _, list := range imports {
		slices.Sort(list)
	}
	return imports, nil
}

// compare says what leaves the table, and which rows have no package.
func compare(rooms []room, imports map[string][]string) (faults []string) {
	known := map[string]room{}
	for _, r := range rooms {
		known[r.name] = r
		if _, ok := imports[r.name]; !ok {
			faults = append(faults, "the table names "+r.name+", which is no package")
		}
	}
	for folder, list := range imports {
		r, ok := known[folder]
		if !ok {
			faults = append(faults, folder+" is not in the table")
			continue
		}
		for _, name := range list {
			if !slices.Contains(r.may, name) {
				faults = append(faults, folder+" imports "+name+", which the table does not allow")
			}
		}
	}
	slices.Sort(faults)
	return faults
}

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "rooms:", err)
		os.Exit(1)
	}
}

// run draws docs/rooms.svg of the tree at root.
func run(root string) error {
	text, err := os.ReadFile(path.Join(root, "docs/rooms.md"))
	if err != nil {
		return err
	}
	rooms, err := readTable(string(text))
	if err != nil {
		return err
	}
	imports, err := readImports(root)
	if err != nil {
		return err
	}
	return os.WriteFile(path.Join(root, "docs/rooms.svg"), []byte(draw(rooms, imports)), 0o644)
}
