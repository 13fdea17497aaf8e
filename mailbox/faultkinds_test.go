package mailbox

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// TestEveryRefusalHasItsKind walks the calls and what each may refuse: the doors answer by the kind, and a client that hears a
// wrong one offers to make a mailbox that is there, or tries for ever.
func TestEveryRefusalHasItsKind(t *testing.T) {
	const stranger = directory.ID(999_999)
	tooLong, tooDeep := strings.Repeat("x", MaxLevelBytes+1), strings.Repeat("a/", MaxNameLevels)+"a"
	names := func(call func(ctx context.Context, w *school, name string) error) func(ctx context.Context, w *school) error {
		return func(ctx context.Context, w *school) error {
			for _, name := range []string{"", "/", "a//b", "/a", "a\x00", "a\nb", "a\u2028b", "\xff", tooLong, tooDeep, strings.Repeat("ä/", 400)} {
				if err := call(ctx, w, name); !fault.Is(err, fault.Invalid) {
					return fmt.Errorf("%.20q: %w", name, err)
				}
			}
			return fault.New(fault.Invalid, "all of them")
		}
	}
	inbox := func(call func(ctx context.Context, w *school, b *Box) error) func(ctx context.Context, w *school) error {
		return func(ctx context.Context, w *school) error {
			b, err := w.mail.Open(ctx, w.anna, "INBOX")
			if err != nil {
				return err
			}
			defer b.Close()
			return call(ctx, w, b)
		}
	}
	gone := func(call func(ctx context.Context, b *Box) error) func(ctx context.Context, w *school) error {
		return func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.anna, "bald weg", "")
			w.check(err)
			w.fill(w.anna, "bald weg", 3, `\Deleted`)
			b, err := w.mail.Open(ctx, w.anna, "bald weg")
			w.check(err)
			defer b.Close()
			w.check(w.mail.Delete(ctx, w.anna, "bald weg"))
			return call(ctx, b)
		}
	}
	tests := []struct {
		name string
		want fault.Kind
		call func(ctx context.Context, w *school) error
	}{
		{"Lookup of no mailbox", fault.NotFound, func(ctx context.Context, w *school) error {
			_, err := w.mail.Lookup(ctx, w.anna, "nie", RightRead)
			return err
		}},
		{"Lookup by a stranger", fault.NotFound, func(ctx context.Context, w *school) error {
			_, err := w.mail.Lookup(ctx, stranger, "INBOX", RightRead)
			return err
		}},
		{"Lookup of a mere level", fault.NotFound, func(ctx context.Context, w *school) error {
			_, err := w.mail.Lookup(ctx, w.anna, "oben", RightRead)
			return err
		}},
		{"Lookup of no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error {
			_, err := w.mail.Lookup(ctx, w.anna, n, RightRead)
			return err
		})},
		{"Open of no mailbox", fault.NotFound, func(ctx context.Context, w *school) error { _, err := w.mail.Open(ctx, w.anna, "nie"); return err }},
		{"Open of no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error {
			_, err := w.mail.Open(ctx, w.anna, n)
			return err
		})},
		{"Status of no mailbox", fault.NotFound, func(ctx context.Context, w *school) error { _, err := w.mail.Status(ctx, w.anna, "nie"); return err }},
		{"Status of no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error {
			_, err := w.mail.Status(ctx, w.anna, "INBOX", n)
			return err
		})},
		{"Create of INBOX", fault.AlreadyExists, func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.anna, "inbox", "")
			return err
		}},
		{"Create of a name that only looks new", fault.AlreadyExists, func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.anna, "Scho\u0308n", "") // Schön with its dots apart
			return err
		}},
		{"Create with an unknown use", fault.Refused, func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.anna, "neu", `\Wichtig`)
			return err
		}},
		{"Create with a taken use", fault.Refused, func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.anna, "neu", `\sent`)
			return err
		}},
		{"Create of no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error {
			_, err := w.mail.Create(ctx, w.anna, n+"//", "")
			return err
		})},
		{"Delete of INBOX", fault.Refused, func(ctx context.Context, w *school) error { return w.mail.Delete(ctx, w.anna, "InBox") }},
		{"Delete of a mere level", fault.Refused, func(ctx context.Context, w *school) error { return w.mail.Delete(ctx, w.anna, "oben") }},
		{"Delete of no mailbox", fault.NotFound, func(ctx context.Context, w *school) error { return w.mail.Delete(ctx, w.anna, "nie") }},
		{"Delete of no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error { return w.mail.Delete(ctx, w.anna, n) })},
		{"Rename of no mailbox", fault.NotFound, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "nie", "neu") }},
		{"Rename to what is there", fault.AlreadyExists, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "Sent", "Junk") }},
		{"Rename to itself", fault.AlreadyExists, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "Sent", "Sent") }},
		{"Rename below itself", fault.Refused, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "Sent", "Sent/alt") }},
		{"Rename to INBOX", fault.AlreadyExists, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "Sent", "inbox") }},
		{"Rename of INBOX to what is there", fault.AlreadyExists, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "INBOX", "Junk") }},
		{"Rename to no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error { return w.mail.Rename(ctx, w.anna, "Sent", n) })},
		{"Rename of no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error { return w.mail.Rename(ctx, w.anna, n, "neu") })},
		{"Rename of a tree to where it is too deep", fault.Invalid, func(ctx context.Context, w *school) error {
			return w.mail.Rename(ctx, w.anna, "oben", strings.Repeat("a/", MaxNameLevels-1)+"a")
		}},
		{"Subscribe to no name", fault.Invalid, names(func(ctx context.Context, w *school, n string) error { return w.mail.Subscribe(ctx, w.anna, n, true) })},
		{"Append to no mailbox", fault.NotFound, func(ctx context.Context, w *school) error {
			_, err := w.mail.Append(ctx, w.anna, "nie", []Appended{{Message: w.prepare(text("x"))}})
			return err
		}},
		{"Append with no flag", fault.Invalid, func(ctx context.Context, w *school) error {
			_, err := w.mail.Append(ctx, w.anna, "INBOX", []Appended{{Message: w.prepare(text("x")), Flags: []string{"a b"}}})
			return err
		}},
		{"Append for a stranger", fault.NotFound, func(ctx context.Context, w *school) error {
			_, err := w.mail.Append(ctx, stranger, "INBOX", []Appended{{Message: w.prepare(text("x"))}})
			return err
		}},
		{"Deliver to a stranger", fault.NotFound, func(ctx context.Context, w *school) error {
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("x")), Recipients: []To{{Owner: stranger}}})
			w.check(err)
			return results[0]
		}},
		{"Deliver to exactly no name", fault.Invalid, func(ctx context.Context, w *school) error {
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("x")), Recipients: []To{{Owner: w.anna, Mailbox: "a//b", Exact: true}}})
			w.check(err)
			return results[0]
		}},
		{"Quota of a stranger", fault.NotFound, func(ctx context.Context, w *school) error { _, err := w.mail.Quota(ctx, stranger); return err }},
		{"Copy to no mailbox", fault.NotFound, inbox(func(ctx context.Context, w *school, b *Box) error { _, err := b.Copy(ctx, []UID{1}, "nie"); return err })},
		{"Copy to no name", fault.Invalid, inbox(func(ctx context.Context, w *school, b *Box) error {
			_, err := b.Copy(ctx, []UID{1}, "a//b")
			return err
		})},
		{"Move to no mailbox", fault.NotFound, inbox(func(ctx context.Context, w *school, b *Box) error { _, err := b.Move(ctx, []UID{1}, "nie"); return err })},
		{"Replace into no mailbox", fault.NotFound, inbox(func(ctx context.Context, w *school, b *Box) error {
			_, err := b.Replace(ctx, 1, "nie", Appended{Message: w.prepare(text("x"))})
			return err
		})},
		{"Replace of what is gone", fault.Conflict, inbox(func(ctx context.Context, w *school, b *Box) error {
			_, err := b.Replace(ctx, 77, "INBOX", Appended{Message: w.prepare(text("x"))})
			return err
		})},
		{"StoreFlags in a deleted mailbox", fault.NotFound, gone(func(ctx context.Context, b *Box) error {
			_, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Seen})
			return err
		})},
		{"Expunge in a deleted mailbox", fault.NotFound, gone(func(ctx context.Context, b *Box) error { _, err := b.Expunge(ctx, nil); return err })},
		{"Copy from a deleted mailbox", fault.NotFound, gone(func(ctx context.Context, b *Box) error { _, err := b.Copy(ctx, []UID{1}, "Archive"); return err })},
		{"Move from a deleted mailbox", fault.NotFound, gone(func(ctx context.Context, b *Box) error { _, err := b.Move(ctx, []UID{1}, "Archive"); return err })},
		{"Expunged of a deleted mailbox", fault.NotFound, gone(func(ctx context.Context, b *Box) error { _, _, err := b.Expunged(ctx, 0); return err })},
		{"Search nested too deep", fault.Limit, inbox(func(ctx context.Context, w *school, b *Box) error {
			c := &Criteria{}
			for range maxSearchDepth + 1 {
				c = &Criteria{Op: Not, Children: []*Criteria{c}}
			}
			_, err := b.Search(ctx, b.Snapshot(), c)
			return err
		})},
	}
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 2)
		for _, name := range []string{"oben/unten", "Schön"} {
			_, err := w.mail.Create(ctx, w.anna, name, "")
			w.check(err)
		}
		w.check(w.mail.Delete(ctx, w.anna, "oben"))
		before := w.picture()
		for _, tt := range tests {
			err := tt.call(ctx, w)
			if !fault.Is(err, tt.want) || fault.TextOf(err) == "" {
				t.Errorf("%s: %v (%s), want %s with a text", tt.name, err, fault.KindOf(err), tt.want)
			}
		}
		if after := w.picture(); after != before {
			t.Errorf("a refusal changed\n%s\ninto\n%s", before, after)
		}
		w.problems()
	})
}

// TestEverythingEndsWithItsContext: a caller that has gone gets its own error, and nothing is written for it.
func TestEverythingEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.fill(w.anna, "INBOX", 7)
		w.fill(w.anna, "Drafts", 3, `\Deleted`)
		before := w.picture()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, v := range verbs() {
			if v.name == "Rename" {
				continue // of a mailbox that Create would have made
			}
			if err := v.run(ctx, w); err == nil || !strings.Contains(err.Error(), "cancel") {
				t.Errorf("%s = %v, want the context's error", v.name, err)
			}
		}
		if after := w.picture(); after != before {
			t.Errorf("%s\nbecame\n%s", before, after)
		}
	})
}

// TestNobodyWritesToAReadOnlyStore: a copy that is only looked at can be read by every call.
func TestNobodyWritesToAReadOnlyStore(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := newSchool(t, s)
	w.fill(w.anna, "INBOX", 3)
	before := w.picture()
	w.check(w.mail.Close())
	w.check(s.Close())
	if s, err = store.Open(context.Background(), store.Options{Dir: dir, ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w.store = s
	w.open(Options{})
	if after := w.picture(); after != before {
		t.Errorf("%s\nbecame\n%s", before, after)
	}
	if err := w.mail.Subscribe(context.Background(), w.anna, "neu", true); !fault.Is(err, fault.Refused) {
		t.Errorf("Subscribe = %v, want Refused", err)
	}
	w.problems()
}
