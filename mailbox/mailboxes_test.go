package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// listed writes a list of mailboxes as one line: name, then its special use, * when subscribed, ! for a mere level.
func (w *school) listed(who directory.ID) string {
	w.Helper()
	list, err := w.mail.Mailboxes(context.Background(), who)
	w.check(err)
	var words []string
	for _, b := range list {
		word := b.Name + b.SpecialUse
		if b.Subscribed {
			word += "*"
		}
		if b.NoSelect {
			word += "!"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

const provided = `INBOX* Archive\Archive* Drafts\Drafts* Junk\Junk* Sent\Sent* Trash\Trash*`

func TestANewAccountHasItsMailboxes(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		if got := w.listed(w.anna); got != provided {
			t.Errorf("%s, want %s", got, provided)
		}
		seen := map[uint32]bool{}
		list, err := w.mail.Mailboxes(context.Background(), w.anna)
		w.check(err)
		for _, b := range list {
			if seen[b.UIDValidity] || b.UIDValidity == 0 || b.Owner != w.anna || b.ID == 0 {
				t.Errorf("%+v", b)
			}
			seen[b.UIDValidity] = true
		}
	})
}

func TestCreate(t *testing.T) {
	tests := []struct {
		name, create, use string
		kind              fault.Kind // Internal: it succeeds
		want              string     // what is listed besides the provided ones
	}{
		{"plain", "Mathe", "", fault.Internal, "Mathe"},
		{"with a trailing delimiter", "Mathe/", "", fault.Internal, "Mathe"},
		{"with its parents", "a/b/c", "", fault.Internal, "a a/b a/b/c"},
		{"below INBOX", "inbox/x", "", fault.Internal, "INBOX/x"},
		{"umlauts", "Müll/Öl", "", fault.Internal, "Müll Müll/Öl"},
		{"there already", "Sent", "", fault.AlreadyExists, ""},
		{"INBOX", "inBOX", "", fault.AlreadyExists, ""},
		{"other case is another one", "sent", "", fault.Internal, "sent"},
		{"empty", "", "", fault.Invalid, ""},
		{"a special use that is taken", "Gesendet", `\Sent`, fault.Refused, ""},
		{"a special use that is unknown", "Alles", `\All`, fault.Refused, ""},
	}
	each(t, func(t *testing.T, w *school) {
		for i, tt := range tests {
			who := w.account(fmt.Sprint("pupil", i), 0)
			b, err := w.mail.Create(context.Background(), who, tt.create, tt.use)
			if tt.kind == fault.Internal {
				w.check(err)
				if got, err := w.mail.Lookup(context.Background(), who, tt.create[:len(strings.TrimSuffix(tt.create, "/"))], RightRead); err != nil || got != b {
					t.Errorf("%s: %+v %v, want %+v", tt.name, got, err, b)
				}
			} else if !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
			}
			var made []string
			for word := range strings.FieldsSeq(w.listed(who)) {
				if !slices.Contains(strings.Fields(provided), word) {
					made = append(made, word)
				}
			}
			if got := strings.Join(made, " "); got != tt.want {
				t.Errorf("%s: made %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

func TestCreateGivesASpecialUseBack(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.mail.Delete(ctx, w.anna, "Sent"))
		b, err := w.mail.Create(ctx, w.anna, "Gesendet/Alt", `\SENT`)
		if err != nil || b.SpecialUse != `\Sent` {
			t.Errorf("%+v %v", b, err)
		}
		if got := w.listed(w.anna); !strings.Contains(got, `Gesendet Gesendet/Alt\Sent`) {
			t.Error(got)
		}
	})
}

func TestTooManyMailboxes(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.mail.Close())
		w.open(Options{MaxBoxes: 8})
		_, err := w.mail.Create(ctx, w.anna, "a/b", "")
		w.check(err)
		if _, err = w.mail.Create(ctx, w.anna, "c", ""); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
		if err = w.mail.Rename(ctx, w.anna, "a", "x/y"); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
		if _, err = w.mail.Create(ctx, w.ben, "c", ""); err != nil {
			t.Errorf("another owner: %v", err)
		}
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, err := w.mail.Create(ctx, w.anna, "a/b", "")
		w.check(err)
		w.check(w.mail.Subscribe(ctx, w.anna, "a", true))
		first, err := w.mail.Lookup(ctx, w.anna, "a", RightRead)
		w.check(err)
		w.fill(w.anna, "a", 3)
		open := w.box(w.anna, "a")
		wakes := open.Subscribe()
		defer wakes.Close()
		for _, tt := range []struct {
			name string
			kind fault.Kind
		}{{"INBOX", fault.Refused}, {"nix", fault.NotFound}, {"a//", fault.Invalid}} {
			if err := w.mail.Delete(ctx, w.anna, tt.name); !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
			}
		}
		w.check(w.mail.Delete(ctx, w.anna, "a"))
		<-wakes.C()
		if !open.Gone() || open.Snapshot().Len() != 3 {
			t.Error("the open session must learn that it is gone, and may still look at what it had")
		}
		if _, err := open.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Seen}); !fault.Is(err, fault.NotFound) {
			t.Errorf("storing into it: %v", err)
		}
		if got := w.listed(w.anna); !strings.Contains(got, "a*! a/b ") && !strings.HasSuffix(got, "a*! a/b") {
			t.Errorf("with a child it stays as a level, and subscribed: %s", got)
		}
		if err := w.mail.Delete(ctx, w.anna, "a"); !fault.Is(err, fault.Refused) {
			t.Errorf("deleting the level: %v", err)
		}
		if _, err := w.mail.Open(ctx, w.anna, "a"); !fault.Is(err, fault.NotFound) {
			t.Errorf("opening the level: %v", err)
		}
		if q, err := w.mail.Quota(ctx, w.anna); err != nil || q.UsedBytes != 0 || q.UsedMessages != 0 {
			t.Errorf("quota at once: %+v %v", q, err)
		}
		again, err := w.mail.Create(ctx, w.anna, "a", "")
		if err != nil || again.UIDValidity <= first.UIDValidity || again.ID == first.ID {
			t.Errorf("made again: %+v after %+v, %v", again, first, err)
		}
		w.problems()
	})
}

func TestRename(t *testing.T) {
	tests := []struct {
		name, from, to string
		kind           fault.Kind // Internal: it succeeds
		want           string
	}{
		{"with its children", "a", "z", fault.Internal, "z z/b z/b/c"},
		{"a child upwards", "a/b", "b", fault.Internal, "a b b/c"},
		{"making parents", "a/b/c", "x/y/z", fault.Internal, "a a/b x x/y x/y/z"},
		{"onto a mailbox", "a", "Sent", fault.AlreadyExists, "a a/b a/b/c"},
		{"onto itself", "a", "a", fault.AlreadyExists, "a a/b a/b/c"},
		{"into itself", "a", "a/b/x", fault.Refused, "a a/b a/b/c"},
		{"of nothing", "nix", "x", fault.NotFound, "a a/b a/b/c"},
		{"to INBOX", "a", "inbox", fault.AlreadyExists, "a a/b a/b/c"},
		{"to no name", "a", "x//y", fault.Invalid, "a a/b a/b/c"},
		{"too deep for the children", "a", strings.Repeat("x/", MaxNameLevels-2) + "x", fault.Invalid, "a a/b a/b/c"},
	}
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for i, tt := range tests {
			who := w.account(fmt.Sprint("pupil", i), 0)
			_, err := w.mail.Create(ctx, who, "a/b/c", "")
			w.check(err)
			before, err := w.mail.Lookup(ctx, who, "a", RightRead)
			w.check(err)
			open := w.box(who, "a")
			err = w.mail.Rename(ctx, who, tt.from, tt.to)
			if tt.kind == fault.Internal {
				w.check(err)
			} else if !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
			}
			var rest []string
			for word := range strings.FieldsSeq(w.listed(who)) {
				if !slices.Contains(strings.Fields(provided), word) {
					rest = append(rest, word)
				}
			}
			if got := strings.Join(rest, " "); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
			if tt.from == "a" && err == nil {
				after, err := w.mail.Lookup(ctx, who, tt.to, RightRead)
				if err != nil || after.ID != before.ID || after.UIDValidity != before.UIDValidity || open.Mailbox().Name != tt.to {
					t.Errorf("%s: %+v became %+v (%v); open it is %s", tt.name, before, after, err, open.Mailbox().Name)
				}
			}
		}
	})
}

func TestRenameOverALevel(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, err := w.mail.Create(ctx, w.anna, "a/a/a", "")
		w.check(err)
		w.check(w.mail.Delete(ctx, w.anna, "a"))
		w.check(w.mail.Rename(ctx, w.anna, "a/a", "a"))
		if got := w.listed(w.anna); !strings.HasSuffix(got, " a a/a") {
			t.Error(got)
		}
	})
}

func TestRenamingINBOXEmptiesIt(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 5, `\Flagged`)
		_, err := w.mail.Create(ctx, w.anna, "INBOX/unten", "")
		w.check(err)
		b := w.box(w.anna, "INBOX")
		before := b.Mailbox()
		w.check(w.mail.Rename(ctx, w.anna, "INBOX", "alt/Post"))
		if b.Snapshot().Len() != 0 || b.Mailbox() != before || b.Snapshot().UIDNext() != 6 {
			t.Errorf("INBOX has %d messages, UIDNEXT %d", b.Snapshot().Len(), b.Snapshot().UIDNext())
		}
		moved := w.box(w.anna, "alt/Post").Snapshot()
		if moved.Len() != 5 || moved.At(4).Flags != Flagged {
			t.Errorf("%d messages", moved.Len())
		}
		if got := w.listed(w.anna); !strings.Contains(got, "INBOX/unten") {
			t.Error(got)
		}
		if err := w.mail.Rename(ctx, w.anna, "INBOX", "alt"); !fault.Is(err, fault.AlreadyExists) {
			t.Error(err)
		}
		w.problems()
	})
}

func TestSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		wakes := w.store.Subscribe(ListKey(w.anna))
		defer wakes.Close()
		w.check(w.mail.Subscribe(ctx, w.anna, "gibt/es/nicht", true))
		<-wakes.C()
		w.check(w.mail.Subscribe(ctx, w.anna, "gibt/es/nicht", true))
		w.check(w.mail.Subscribe(ctx, w.anna, "sent", false))
		w.check(w.mail.Subscribe(ctx, w.anna, "Sent", false))
		names, err := w.mail.Subscriptions(ctx, w.anna)
		if want := []string{"Archive", "Drafts", "INBOX", "Junk", "Trash", "gibt/es/nicht"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("%q %v", names, err)
		}
		if err := w.mail.Subscribe(ctx, w.anna, "a//b", true); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
	})
}

func TestStatusOfSeveral(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "Sent", 2, `\Seen`, `\Deleted`)
		list, err := w.mail.Status(ctx, w.anna, "Trash", "nix", "Sent")
		if err != nil || len(list) != 2 || list[0].Mailbox.Name != "Trash" || list[0].Messages != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		if s := list[1]; s.Messages != 2 || s.Deleted != 2 || s.Unseen != 0 || s.DeletedSize != s.Size || s.UIDNext != 3 || s.HighestModSeq != 2 {
			t.Errorf("%+v", s)
		}
		if _, err := w.mail.Status(ctx, w.anna, "nix"); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

func TestNobodyReachesAnothersMailboxes(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, err := w.mail.Create(ctx, w.anna, "geheim", "")
		w.check(err)
		if _, err := w.mail.Open(ctx, w.ben, "geheim"); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		if _, err := w.mail.Open(ctx, w.ben, "Other Users/anna/geheim"); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		for _, who := range []directory.ID{0, 999} {
			if list, err := w.mail.Mailboxes(ctx, who); err != nil || len(list) != 0 {
				t.Errorf("%d sees %v %v", who, list, err)
			}
			if _, err := w.mail.Create(ctx, who, "x", ""); !fault.Is(err, fault.NotFound) {
				t.Errorf("%d creates: %v", who, err)
			}
		}
	})
}

func TestAPurgedAccountLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 3, "$label")
		open := w.box(w.anna, "INBOX")
		w.check(w.store.Write(ctx, func(tx *store.Tx) error { return w.mail.purge(tx, w.anna, false) }))
		w.clock.Add(int64(contentGrace.Seconds()) + 1)
		w.check(w.mail.tidy(ctx))
		w.clock.Add(int64(contentGrace.Seconds()) + 1)
		w.check(w.mail.tidy(ctx))
		if !open.Gone() {
			t.Error("the open session does not know")
		}
		w.check(w.store.Read(ctx, func(tx *store.Tx) error {
			for _, table := range []string{"message", "content", "keyword", "mailbox_gone", "content_idle", "expunged"} {
				var n int
				if err := tx.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n); err != nil || n != 0 {
					t.Errorf("%s has %d rows, %v", table, n, err)
				}
			}
			return nil
		}))
		if got := w.listed(w.anna); got != "" {
			t.Error(got)
		}
		if got := w.listed(w.ben); got != provided {
			t.Error(got)
		}
		w.problems()
	})
}
