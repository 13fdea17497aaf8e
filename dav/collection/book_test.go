package collection

import (
	"context"
	"slices"
	"strings"
	"testing"

	"schulhof/dav/vcard"
	"schulhof/directory"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

const book = "contacts:/directory"

func TestTheSchoolDirectoryIsAnAddressBook(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		if got := w.list(w.anna, "contacts:/"); got != "contacts/ directory/ group-7b/" {
			t.Error(got)
		}
		if got := w.list(w.anna, book); got != "7b.vcf anna.vcf ben.vcf klein.vcf" {
			t.Error(got)
		}
		if got := w.list(w.otto, book); got != "otto.vcf" {
			t.Error(got)
		}
		if got := w.list(w.klein, book); got != "7b.vcf anna.vcf ben.vcf klein.vcf otto.vcf" {
			t.Error(got)
		}
		n := w.node(w.anna, book)
		if n.Kind != DirectoryBook || n.DefaultTitle != "School directory" || n.Privileges != (Privileges{Read: true}) || n.Token.ModSeq == 0 {
			t.Errorf("%+v", n)
		}
		for _, path := range []string{book + "/otto.vcf", book + "/anna", book + "/anna.vcf/x", "contacts:7b/directory"} {
			if _, err := w.dav.Resolve(ctx, w.anna, at(path)); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

// Every card is one that our own codec accepts, with what its group says of its members.
func TestCardsOfTheDirectory(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	uids := map[string]string{}
	var members []string
	for f, err := range w.dav.Objects(t.Context(), w.anna, w.node(w.anna, book), Window{}) {
		w.check(err)
		c, err := vcard.Parse(slices.Clone(f.Bytes))
		w.check(err)
		o, err := c.Check()
		w.check(err)
		if o.UID != f.Node.UID || f.Node.Size != int64(len(f.Bytes)) || w.read(w.anna, book+"/"+f.Node.Name()) != string(f.Bytes) {
			t.Errorf("%+v %+v", o, f.Node)
		}
		if uids[f.Node.Name()] = o.UID; o.Group {
			members = c.Members()
		}
	}
	want := []string{uids["anna.vcf"], uids["ben.vcf"], uids["klein.vcf"]}
	if !slices.Equal(members, want) {
		t.Errorf("the class has %v, want %v", members, want)
	}
	if text := w.read(w.ben, book+"/klein.vcf"); !strings.Contains(text, "klein@school.test") || text != w.read(w.klein, book+"/klein.vcf") {
		t.Error(text)
	}
}

func TestChangesOfTheDirectory(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		got, since := w.changes(w.anna, book, Token{}, 10)
		if got != "7b.vcf anna.vcf ben.vcf klein.vcf" {
			t.Error(got)
		}
		etag := w.node(w.anna, book+"/ben.vcf").ETag
		if got, _ = w.changes(w.anna, book, since, 10); got != "" {
			t.Errorf("without a change: %s", got)
		}
		w.check(w.dir.RemoveMembers(ctx, w.class, []directory.ID{w.klein}))
		w.check(w.dir.AddMembers(ctx, w.class, []directory.ID{w.otto}, false))
		if got, since = w.changes(w.anna, book, since, 10); got != "7b.vcf otto.vcf -klein.vcf" {
			t.Error(got)
		}
		if n := w.node(w.anna, book+"/ben.vcf"); n.ETag != etag {
			t.Error("ben's card changed with the class")
		}
		name := "Benjamin"
		w.check(w.dir.ChangeAccount(ctx, w.ben, directory.AccountChange{Name: &name}))
		if got, since = w.changes(w.anna, book, since, 10); got != "ben.vcf" || w.node(w.anna, book+"/ben.vcf").ETag == etag {
			t.Error(got)
		}
		for _, bad := range []Token{{since.Collection, since.ModSeq + 1}, {1, since.ModSeq}, {0, since.ModSeq}, {ModSeq: since.ModSeq + 1}} {
			if _, err := w.dav.Changes(ctx, w.anna, w.node(w.anna, book), bad, 10); !fault.Is(err, fault.Expired) {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

// When the school's words are others at the next start, so are the cards: who knew them of before is told to start anew, and with the same words
// nobody is.
func TestCardsInAnotherLanguage(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, since := w.changes(w.anna, book, Token{}, 10)
		if got, ok := ParseToken(since.String()); !ok || got != since {
			t.Errorf("%+v is read as %+v", since, got)
		}
		etags := map[string]string{}
		for _, name := range []string{"ben.vcf", "klein.vcf"} {
			etags[name] = w.node(w.anna, book+"/"+name).ETag
		}
		w.check(w.dav.Close())
		w.open(Options{})
		if got, now := w.changes(w.anna, book, since, 10); got != "" || now != since {
			t.Errorf("with the same words: %q, %+v after %+v", got, now, since)
		}
		w.check(w.dav.Close())
		w.open(Options{Words: Words{Directory: "Schulverzeichnis", Teacher: "Lehrkraft"}})
		n := w.node(w.anna, book)
		if n.DefaultTitle != "Schulverzeichnis" || n.Token == since {
			t.Errorf("%+v", n)
		}
		for name, etag := range etags {
			if changed := w.node(w.anna, book+"/"+name).ETag != etag; changed != (name == "klein.vcf") {
				t.Errorf("the card %s changed: %t", name, changed)
			}
		}
		if _, err := w.dav.Changes(ctx, w.anna, n, since, 10); !fault.Is(err, fault.Expired) {
			t.Errorf("a token of before: %v", err)
		}
		if got, now := w.changes(w.anna, book, Token{}, 10); got != "7b.vcf anna.vcf ben.vcf klein.vcf" || now != n.Token {
			t.Errorf("anew: %q, %+v, want %+v", got, now, n.Token)
		}
	})
}

func TestTheDirectoryIsOnlyRead(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	ctx := t.Context()
	for name, err := range map[string]error{
		"put":       second(w.tryPut(w.klein, book+"/anna.vcf", "x", PutOptions{})),
		"put new":   second(w.tryPut(w.klein, book+"/x.vcf", "x", PutOptions{})),
		"put on it": second(w.tryPut(w.klein, book, "x", PutOptions{})),
		"delete":    w.dav.Delete(ctx, w.klein, at(book), DeleteOptions{}),
		"delete a":  w.dav.Delete(ctx, w.klein, at(book+"/anna.vcf"), DeleteOptions{}),
		"patch":     first(w.dav.Patch(ctx, w.klein, at(book), PatchOptions{})),
		"lock":      third(w.dav.Lock(ctx, w.klein, at(book), LockOptions{})),
		"move":      second(w.dav.Move(ctx, w.klein, at(book+"/anna.vcf"), at("contacts:/contacts/a.vcf"), MoveOptions{})),
		"move it":   second(w.dav.Move(ctx, w.klein, at(book), at("contacts:/other"), MoveOptions{})),
		"move here": second(w.dav.Move(ctx, w.klein, at("contacts:/contacts"), at(book), MoveOptions{Overwrite: true})),
	} {
		if err == nil {
			t.Errorf("%s succeeds", name)
		}
	}
	if err := first(w.dav.Make(ctx, w.klein, at(book), MakeOptions{Kind: AddressBook})); !fault.Is(err, fault.AlreadyExists) {
		t.Error(err)
	}
	missing := 0
	for f, err := range w.dav.Fetch(ctx, w.anna, w.node(w.anna, book), []string{"ben.vcf", "otto.vcf", "x"}, false) {
		w.check(err)
		if f.Missing {
			missing++
		} else if !strings.Contains(string(f.Bytes), "ben@school.test") {
			t.Errorf("%s", f.Bytes)
		}
	}
	if missing != 2 {
		t.Errorf("%d are missing, want 2", missing)
	}
}
