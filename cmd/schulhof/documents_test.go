package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented is what the guide says about the documents of one command.
type documented struct {
	array bool
	own   []string // the keys that its row names
	like  string   // the command whose keys it has besides
}

var (
	inBrackets = regexp.MustCompile(`\([^)]*\)`)
	quoted     = regexp.MustCompile("`([^`]+)`")
	alike      = regexp.MustCompile("^those of `([^`]+)`, and ")
)

// documentsOfTheGuide reads the table of keys, by command.
func documentsOfTheGuide(t *testing.T) map[string]documented {
	t.Helper()
	guide, err := os.ReadFile("../../docs/admin-accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "\n| command | keys |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	all := map[string]documented{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 2 {
			t.Fatalf("a row has %d cells: %s", len(cells), line)
		}
		var d documented
		keys := inBrackets.ReplaceAllString(cells[1], "")
		if m := alike.FindStringSubmatch(keys); m != nil {
			d.like, keys = m[1], keys[len(m[0]):]
		}
		for _, m := range quoted.FindAllStringSubmatch(keys, -1) {
			if !strings.Contains(m[1], " ") { // a command otherwise, after which there are more
				d.own = append(d.own, m[1])
			}
		}
		one, many, _ := strings.Cut(cells[0], "array: ")
		for i, commands := range []string{one, many} {
			d.array = i == 1
			for _, m := range quoted.FindAllStringSubmatch(commands, -1) {
				if _, twice := all[m[1]]; twice {
					t.Errorf("%s has two rows", m[1])
				}
				all[m[1]] = d
			}
		}
	}
	return all
}

// commandOf is the longest name in all that a command line begins with.
func commandOf(all map[string]documented, line string) (name string) {
	for n := range all {
		if len(n) > len(name) && strings.HasPrefix(line+" ", n+" ") {
			name = n
		}
	}
	return name
}

// tagsOf are the keys of a document, those of what it embeds included.
func tagsOf(doc any) string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(doc)) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
			keys = append(keys, tag)
		}
	}
	return strings.Join(keys, " ")
}

// writtenDocuments are the keys of every command, as theContract and other tests see them and, of lists that are empty there, as they are built.
func writtenDocuments() []step {
	list := []step{
		{"list pending", "", 0, "[] " + tagsOf(heldDoc{}), ""}, {"list approve 1", "", 0, "[] " + tagsOf(heldDoc{}), ""}, {"list reject 1", "", 0, "[] " + tagsOf(heldDoc{}), ""},
		{"queue list", "", 0, "[] " + tagsOf(queuedDoc{}), ""}, {"queue show 1", "", 0, tagsOf(queuedDoc{}) + " deliveries", ""},
		{"reports list", "", 0, "[] " + tagsOf(reportDoc{}), ""}, {"reports show 1", "", 0, tagsOf(shownReport{}), ""},
		{"file versions anna x", "", 0, "[] " + tagsOf(versionDoc{}), ""}, {"file trash anna", "", 0, "[] " + tagsOf(trashedDoc{}), ""},
		{"file restore anna x", "", 0, "path size", ""}, {"doctor", "", 0, doctorKeys, ""}, {"restore saved", "", 0, "data", ""},
		{"init", "", 0, "ca config data domain hostname", ""},
	}
	for args, keys := range otherDocuments {
		if args != "config show" { // the settings have a guide of their own
			list = append(list, step{args, "", 0, keys, ""})
		}
	}
	for _, s := range theContract {
		if s.keys != "" {
			list = append(list, s)
		}
	}
	return list
}

// The guide for administrators' scripts names every key of every document, and none that there is not.
func TestTheGuideNamesEveryKey(t *testing.T) {
	t.Parallel()
	all := documentsOfTheGuide(t)
	var named func(command string) []string
	named = func(command string) []string {
		d, ok := all[command]
		if !ok {
			t.Fatalf("the guide refers to %q, which has no row", command)
		}
		if d.like == "" {
			return d.own
		}
		return append(named(d.like), d.own...)
	}
	seen := map[string][]string{} // keys, by command
	for _, s := range writtenDocuments() {
		command := commandOf(all, s.args)
		if command == "" {
			t.Errorf("the guide says nothing about %q", s.args)
			continue
		}
		keys := strings.Fields(s.keys)
		if array := keys[0] == "[]"; array != all[command].array {
			t.Errorf("%s: an array %t, the guide says %t", s.args, array, all[command].array)
		} else if array {
			keys = keys[1:]
		}
		for _, key := range keys {
			if !slices.Contains(named(command), key) {
				t.Errorf("the guide lacks %s of %q", key, command)
			}
		}
		seen[command] = append(seen[command], keys...)
	}
	delete(all, "config show")
	for command, d := range all {
		if seen[command] == nil {
			t.Errorf("the guide has %q, which no test gives", command)
		}
		for _, key := range d.own {
			if key != "password" && !slices.Contains(seen[command], key) {
				t.Errorf("the guide has %s of %q, which is not written", key, command)
			}
		}
	}
}
