package collection

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func TestMake(t *testing.T) {
	tests := []struct {
		name, path string
		kind       Kind
		components []string
		want       fault.Kind // Internal: it is made
		cause      any        // an error of errors.go, or the name of a precondition
	}{
		{"a folder", "files:/x", Folder, nil, fault.Internal, nil},
		{"a folder in a folder", "files:/x/y", Folder, nil, fault.Internal, nil},
		{"a folder of a group", "groups:/7b/x", Folder, nil, fault.Internal, nil},
		{"a calendar", "calendars:/x", Calendar, nil, fault.Internal, nil},
		{"a task list", "calendars:/y", Calendar, []string{"vtodo", "VTODO"}, fault.Internal, nil},
		{"an address book", "contacts:/x", AddressBook, nil, fault.Internal, nil},
		{"where something is", "files:/x", Folder, nil, fault.AlreadyExists, "resource-must-be-null"},
		{"where a file is", "files:/file", Folder, nil, fault.AlreadyExists, "resource-must-be-null"},
		{"the top", "files:/", Folder, nil, fault.AlreadyExists, "resource-must-be-null"},
		{"a group", "groups:/new", Folder, nil, fault.NotFound, nil},
		{"in nothing", "files:/none/x", Folder, nil, fault.Conflict, ErrNoParent},
		{"in a file", "files:/file/x", Folder, nil, fault.Conflict, ErrNoParent},
		{"in a calendar", "calendars:/calendar/x", Calendar, nil, fault.Refused, "calendar-collection-location-ok"},
		{"a calendar among files", "files:/cal", Calendar, nil, fault.Refused, "calendar-collection-location-ok"},
		{"an address book among calendars", "calendars:/book", AddressBook, nil, fault.Refused, "addressbook-collection-location-ok"},
		{"a folder among calendars", "calendars:/folder", Folder, nil, fault.Refused, "valid-resourcetype"},
		{"an object", "files:/object", Object, nil, fault.Refused, "valid-resourcetype"},
		{"an unknown component", "calendars:/z", Calendar, []string{"VEVENT", "VALARM"}, fault.Refused, "supported-calendar-component"},
		{"a name of the school", "calendars:/directory", Calendar, nil, fault.Refused, nil},
		{"a name of a group", "calendars:/group-x", Calendar, nil, fault.NotFound, nil},
		{"in a group's home, as a pupil", "calendars:7b/x", Calendar, nil, fault.Forbidden, "need-privileges"},
		{"in another one's home", "calendars:ben/x", Calendar, nil, fault.NotFound, nil},
	}
	quick(t, func(t *testing.T, w *school) {
		w.put(w.anna, "files:/file", "1")
		for _, tt := range tests {
			n, err := w.dav.Make(context.Background(), w.anna, at(tt.path), MakeOptions{Kind: tt.kind, Components: tt.components})
			if tt.want == fault.Internal {
				if err != nil || n.Kind != tt.kind || n.ID != w.node(w.anna, tt.path).ID || n.Token.ModSeq != 0 {
					t.Errorf("%s: %+v %v", tt.name, n, err)
				}
				continue
			}
			if !fault.Is(err, tt.want) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
			w.caused(tt.name, err, tt.cause)
		}
		if n := w.node(w.anna, "calendars:/y"); strings.Join(n.Components, " ") != "VTODO" {
			t.Errorf("%q", n.Components)
		}
		if n := w.node(w.anna, "calendars:/x"); len(n.Components) != defaultComponents {
			t.Errorf("%q", n.Components)
		}
		w.sound()
	})
}

// caused checks the cause of a fault: a sentinel or the name of a precondition.
func (w *school) caused(name string, err error, cause any) {
	w.Helper()
	switch cause := cause.(type) {
	case error:
		if !errors.Is(err, cause) {
			w.Errorf("%s: %v, want %v", name, err, cause)
		}
	case string:
		var p *Precondition
		if !errors.As(err, &p) || p.Name != cause {
			w.Errorf("%s: %v, want %s", name, err, cause)
		}
	}
}

// What a teacher makes in a group's home appears in the homes of its members.
func TestMoreCalendarsOfAGroup(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		w.make(w.klein, "calendars:7b/exams", Calendar)
		w.put(w.klein, "calendars:/group-7b~exams/1.ics", event("1"))
		if got := w.read(w.anna, "calendars:/group-7b~exams/1.ics"); got != event("1") {
			t.Error(got)
		}
		if n := w.node(w.anna, "calendars:/group-7b~exams"); n.DefaultTitle != "Class 7b: exams" {
			t.Errorf("%+v", n)
		}
		for _, path := range []string{"calendars:/group-7b", "calendars:/group-7b~tasks", "calendars:7b/calendar", "contacts:/group-7b"} { // a group has these as long as it lasts
			removed := w.dav.Delete(t.Context(), w.klein, at(path), DeleteOptions{})
			_, _, moved := w.dav.Move(t.Context(), w.klein, at(path), at(path[:strings.IndexByte(path, ':')]+":/mine"), MoveOptions{})
			if !fault.Is(removed, fault.Forbidden) || !fault.Is(moved, fault.Forbidden) {
				t.Errorf("%s was removed (%v) or moved (%v)", path, removed, moved)
			}
		}
		if _, _, err := w.dav.Copy(t.Context(), w.klein, at("calendars:/calendar"), at("calendars:/group-7b"), CopyOptions{Overwrite: true}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a copy took the place of what the group was given: %v", err)
		}
		w.delete(w.klein, "calendars:/group-7b~exams")
		if got := w.list(w.anna, "calendars:/"); got != "calendar/ group-7b/ group-7b~tasks/ tasks/" {
			t.Error(got)
		}
	})
}

func TestAHomeHasABoundedNumberOfCollections(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	for i := range MaxCollections - 2 {
		w.make(w.anna, fmt.Sprint("calendars:/", i), Calendar)
	}
	if _, err := w.dav.Make(t.Context(), w.anna, at("calendars:/more"), MakeOptions{Kind: Calendar}); !fault.Is(err, fault.Limit) {
		t.Error(err)
	}
	w.delete(w.anna, "calendars:/0")
	w.make(w.anna, "calendars:/more", Calendar)
	w.sound()
}

// rightsCase is what a kind of person may do with a place.
type rightsCase struct {
	who, path string
	want      string // letters of privileges; "": not found
}

// letters writes privileges: read, write, properties, bind, unbind, locks of others, delete itself.
func letters(p Privileges) string {
	var b strings.Builder
	for _, l := range []struct {
		has    bool
		letter byte
	}{{p.Read, 'r'}, {p.Write, 'w'}, {p.WriteProperties, 'p'}, {p.Bind, 'b'}, {p.Unbind, 'u'}, {p.BreakLocks, 'l'}, {p.Delete, 'd'}} {
		if l.has {
			b.WriteByte(l.letter)
		}
	}
	return b.String()
}

// The whole table of rights: who may do what where. What is not here is nothing.
func TestRights(t *testing.T) {
	tests := []rightsCase{
		{"anna", "files:/", "rwpbul"}, {"anna", "files:anna", "rwpbul"}, {"ben", "files:anna", ""}, {"klein", "files:anna", ""}, {"root", "files:anna", ""},
		{"anna", "files:/folder", "rwpbuld"}, {"anna", "files:/folder/file", "rwpld"}, {"ben", "files:anna/folder/file", ""},
		{"anna", "calendars:/", "rwpbul"}, {"anna", "calendars:/calendar", "rwpbuld"}, {"anna", "calendars:/calendar/e", "rwpld"},
		{"ben", "calendars:anna", ""}, {"klein", "calendars:anna/calendar", ""}, {"root", "calendars:anna/calendar/e", ""},
		{"anna", "contacts:/contacts", "rwpbuld"}, {"otto", "contacts:anna/contacts", ""},
		{"anna", "calendars:7b", "r"}, {"anna", "calendars:/group-7b", "r"}, {"anna", "calendars:/group-7b/g", "r"}, {"mum", "calendars:/group-7b/g", "r"},
		{"klein", "calendars:7b", "rwpbul"}, {"klein", "calendars:/group-7b", "rwpbul"}, {"klein", "calendars:/group-7b/g", "rwpld"},
		{"aide", "calendars:/group-7b~tasks", "rwpbul"}, {"speaker", "calendars:7b/calendar", "rwpbul"}, {"otto", "calendars:/group-7b", ""}, {"root", "calendars:7b", ""},
		{"anna", "contacts:/group-7b", "r"}, {"klein", "contacts:/group-7b", "rwpbul"}, {"klein", "calendars:/group-7b~exams", "rwpbuld"}, {"otto", "contacts:7b", ""},
		{"anna", "groups:/", "r"}, {"otto", "groups:/", "r"}, {"anna", "groups:/7b", "rwpbu"}, {"anna", "groups:/7b/file", "rwpd"}, {"mum", "groups:/7b/file", "rwpd"},
		{"klein", "groups:/7b", "rwpbul"}, {"klein", "groups:/7b/file", "rwpld"}, {"otto", "groups:/7b", ""}, {"root", "groups:/7b/file", ""},
		{"anna", "contacts:/directory", "r"}, {"root", "contacts:/directory", "r"}, {"anna", "contacts:/directory/ben.vcf", "r"}, {"anna", "contacts:/directory/otto.vcf", ""},
	}
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		who := map[string]directory.ID{"anna": w.anna, "ben": w.ben, "klein": w.klein, "otto": w.otto,
			"root": w.account("root", directory.Admin), "mum": w.account("mum", directory.Parent),
			"aide": w.account("aide", directory.Staff), "speaker": w.account("speaker", directory.Student)}
		w.check(w.dir.AddMembers(ctx, w.class, []directory.ID{who["mum"], who["aide"]}, false))
		w.check(w.dir.AddMembers(ctx, w.class, []directory.ID{who["speaker"]}, true))
		w.tree(w.anna, "files:/", "folder/ folder/file=1")
		w.put(w.anna, "calendars:/calendar/e", event("e"))
		w.put(w.klein, "calendars:/group-7b/g", event("g"))
		w.put(w.klein, "groups:/7b/file", "1")
		w.make(w.klein, "calendars:7b/exams", Calendar)
		for _, tt := range tests {
			n, err := w.dav.Resolve(ctx, who[tt.who], at(tt.path))
			if tt.want == "" {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s and %s: %v", tt.who, tt.path, err)
				}
				continue
			}
			if got := letters(n.Privileges); err != nil || got != tt.want {
				t.Errorf("%s and %s: %s %v, want %s", tt.who, tt.path, got, err, tt.want)
			}
		}
	})
}
