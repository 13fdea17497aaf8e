package collection

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
)

func TestPutAndRead(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		for _, path := range []string{"files:/a.txt", "calendars:anna/calendar/1.ics", "calendars:/calendar/2.ics"} {
			content := event(path)
			n, created, err := w.tryPut(w.anna, path, content, PutOptions{ContentType: "text/x"})
			w.check(err)
			if !created || n.Size != int64(len(content)) || n.ContentType != "text/x" || n.ETag == "" {
				t.Errorf("%s: created %t, %+v", path, created, n)
			}
			if got := w.read(w.anna, path); got != content {
				t.Errorf("%s came back as %q", path, got)
			}
		}
		w.make(w.anna, "files:/sub", Folder)
		w.put(w.anna, "files:/sub/b", "")
		if got := w.list(w.anna, "files:/"); got != "a.txt sub/" {
			t.Error(got)
		}
		if got := w.read(w.anna, "files:/sub/b"); got != "" {
			t.Errorf("an empty file came back as %q", got)
		}
		w.delete(w.anna, "files:/sub")
		w.delete(w.anna, "files:/a.txt")
		if got := w.list(w.anna, "files:/"); got != "" {
			t.Error(got)
		}
	})
}

func TestPutRefusals(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		w.put(w.anna, "files:/file", "x")
		w.make(w.anna, "files:/folder", Folder)
		tests := []struct {
			name, path string
			kind       fault.Kind
			cause      error
		}{
			{"no parent", "files:/none/x", fault.Conflict, ErrNoParent},
			{"the parent is a file", "files:/file/x", fault.Conflict, ErrNoParent},
			{"far below a file", "files:/file/x/y", fault.Conflict, ErrNoParent},
			{"on a folder", "files:/folder", fault.Conflict, ErrIsCollection},
			{"on the root", "files:/", fault.Conflict, ErrIsCollection},
			{"on the list of groups", "groups:/", fault.Conflict, ErrIsCollection},
			{"beside the calendars", "calendars:anna/x.ics", fault.Refused, nil},
			{"in another one's calendar", "calendars:ben/calendar/x.ics", fault.NotFound, nil},
			{"in an unknown one's calendar", "calendars:nobody/calendar/x.ics", fault.NotFound, nil},
			{"a bad name", "files:/a\x00b", fault.Invalid, nil},
			{"too deep", "files:" + strings.Repeat("/a", MaxDepth+1), fault.Limit, nil},
		}
		for _, tt := range tests {
			_, _, err := w.tryPut(w.anna, tt.path, "content", PutOptions{})
			if !fault.Is(err, tt.kind) || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("%s: %v, want %s %v", tt.name, err, tt.kind, tt.cause)
			}
		}
	})
}

// Conditions are asked in the transaction: one that sees another state than the client knew refuses the write.
func TestPutConditions(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		first := w.put(w.anna, "files:/a", "1")
		broken := errors.New("broken")
		ifMatch := func(etag string) PutOptions {
			return PutOptions{Guard: Guard{If: func(s *State) error {
				r, err := s.At(at("files:/a"))
				if err != nil || r.ETag == etag && r.Exists {
					return err
				}
				return broken
			}}}
		}
		second, _, err := w.tryPut(w.anna, "files:/a", "2", ifMatch(first.ETag))
		w.check(err)
		if second.ETag == first.ETag {
			t.Error("the ETag stayed though the bytes changed")
		}
		if _, _, err = w.tryPut(w.anna, "files:/a", "3", ifMatch(first.ETag)); !errors.Is(err, broken) {
			t.Errorf("a lost update: %v", err)
		}
		if got := w.read(w.anna, "files:/a"); got != "2" {
			t.Error(got)
		}
		again, created, err := w.tryPut(w.anna, "files:/a", "2", ifMatch(second.ETag))
		if err != nil || created || again.ETag != second.ETag {
			t.Errorf("the same bytes again: %+v %t %v", again, created, err)
		}
		hidden := PutOptions{Guard: Guard{If: func(s *State) error {
			r, err := s.At(at("files:ben/a"))
			if r.Exists {
				t.Error("a condition saw a file of someone else")
			}
			return err
		}}}
		_, _, err = w.tryPut(w.anna, "files:/b", "", hidden)
		w.check(err)
	})
}

func TestQuotaHoldsInTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		quota := int64(10)
		w.check(w.dir.ChangeAccount(context.Background(), w.anna, directoryQuota(quota)))
		w.put(w.anna, "files:/a", "123456")
		if _, _, err := w.tryPut(w.anna, "files:/b", "12345", PutOptions{}); !fault.Is(err, fault.OverQuota) {
			t.Errorf("beyond the quota: %v", err)
		}
		w.put(w.anna, "files:/a", "1234567890")
		w.put(w.anna, "files:/a", "1")
		w.put(w.anna, "files:/b", "12345")
		if got := w.usage(w.anna, "files:/"); got != 6 {
			t.Errorf("used %d, want 6", got)
		}
	})
}

// A small content is stored while it is checked, a larger one afterwards. Of what is refused nothing is referred to, and the same bytes can be stored where
// they are allowed.
func TestRefusedContentLeavesNoReference(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.make(w.anna, "contacts:/book", AddressBook)
		for _, size := range []int{100, storedMeanwhile, storedMeanwhile + 1, store.SmallBlob + 1} {
			content := "BEGIN:VCARD\r\n" + strings.Repeat("x", size-13)
			for range 2 {
				if _, _, err := w.tryPut(w.anna, "contacts:/book/a.vcf", content, PutOptions{}); !errors.As(err, new(*Precondition)) {
					t.Errorf("%d bytes that are no card: %v", len(content), err)
				}
			}
			hash, rows := sha256.Sum256([]byte(content)), 0
			w.check(w.store.Read(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT COUNT(*) FROM blob WHERE hash = $1`, hash[:]).Scan(&rows)
			}))
			if rows != 0 {
				t.Errorf("%d bytes that are no card have a row", len(content))
			}
			w.put(w.anna, "files:/a", content)
			if got := w.read(w.anna, "files:/a"); got != content {
				t.Errorf("%d bytes as a file: %d come back", len(content), len(got))
			}
		}
		w.sound()
	})
}
