package mailbox

import (
	"context"
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
)

// TestWhoIsWokenByWhat: each command wakes exactly those who watch what it changed, so that IDLE hears of everything and a quiet
// mailbox costs nothing.
func TestWhoIsWokenByWhat(t *testing.T) {
	want := map[string]string{
		"Append": "Sent, mail", "Deliver": "INBOX, list of ben, mail", "StoreFlags": "INBOX, mail", "Copy": "Archive, mail", "Move": "INBOX, Trash, mail",
		"Expunge": "Drafts, mail", "Replace": "INBOX, mail", "Create": "list", "Rename": "list, z/y, z/y/b, z/y/b/c", "Rename of INBOX": "Alt, INBOX, list, mail",
		"Subscribe": "list", "Unsubscribe": "list", "Delete": "Archive, list",
	}
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.quiet()
		w.fill(w.anna, "INBOX", 7)
		w.fill(w.anna, "Drafts", 3, `\Deleted`)
		for _, v := range verbs() {
			watched := map[ID]string{}
			subs := map[string]*store.Subscription{"list": w.store.Subscribe(ListKey(w.anna)), "list of ben": w.store.Subscribe(ListKey(w.ben)),
				"mail": w.store.Subscribe(MailKey(w.anna))}
			watch := func() {
				for _, name := range w.namesOf(w.anna) {
					if b, err := w.mail.Lookup(ctx, w.anna, name, RightRead); err == nil && watched[b.ID] == "" {
						watched[b.ID] = name
						subs[name] = w.store.Subscribe(Key(b.ID))
					}
				}
			}
			watch()
			before := w.picture()
			if err := v.run(ctx, w); err != nil {
				t.Fatalf("%s: %v", v.name, err)
			}
			var woken []string
			for name, sub := range subs {
				select {
				case <-sub.C():
					woken = append(woken, w.nameNow(watched, name))
				default:
				}
				sub.Close()
			}
			if v.name == "Rename of INBOX" {
				woken = append(woken, "Alt") // it was not there to be watched
			}
			slices.Sort(woken)
			if got := strings.Join(woken, ", "); got != want[v.name] {
				t.Errorf("%s wakes %q, want %q", v.name, got, want[v.name])
			}
			if w.picture() == before {
				t.Errorf("%s changes nothing", v.name)
			}
		}
		sub := w.store.Subscribe(ListKey(w.anna))
		defer sub.Close()
		for _, name := range []string{"INBOX", "Alt"} {
			b := w.box(w.anna, name)
			inbox := b.Subscribe()
			_, err := b.StoreFlags(ctx, uidsOf(b.Snapshot()), FlagOp{Mode: FlagsAdd})
			w.check(err)
			select {
			case <-inbox.C():
				t.Errorf("%s: flags that were there already wake somebody", name)
			case <-sub.C():
				t.Errorf("%s: flags wake those who watch the list", name)
			default:
			}
			inbox.Close()
		}
	})
}

func (w *school) namesOf(who directory.ID) (names []string) {
	list, err := w.mail.Mailboxes(context.Background(), who)
	w.check(err)
	for _, b := range list {
		names = append(names, b.Name)
	}
	return names
}

// nameNow is what the mailbox that was called name is called now.
func (w *school) nameNow(watched map[ID]string, name string) string {
	for id, was := range watched {
		if was != name {
			continue
		}
		var now string
		err := w.store.Read(context.Background(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT name FROM mailbox WHERE id = $1`, int64(id)).Scan(&now)
		})
		if err == nil {
			return now
		}
	}
	return name
}

// TestAnOpenMailboxFollowsItsName: a session sees the new name of its mailbox at once, and that the mailbox is gone.
func TestAnOpenMailboxFollowsItsName(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, err := w.mail.Create(ctx, w.anna, "a/b", "")
		w.check(err)
		w.fill(w.anna, "a/b", 2)
		b := w.box(w.anna, "a/b")
		sub := b.Subscribe()
		defer sub.Close()
		snap := b.Snapshot()
		w.check(w.mail.Rename(ctx, w.anna, "a", "z"))
		<-sub.C()
		if got := b.Mailbox().Name; got != "z/b" || b.Gone() || b.Snapshot() != snap {
			t.Errorf("after the rename it is %q, gone = %t", got, b.Gone())
		}
		_, err = b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Seen})
		w.check(err)
		<-sub.C()
		w.check(w.mail.Delete(ctx, w.anna, "z/b"))
		<-sub.C()
		if !b.Gone() {
			t.Error("it does not know that it was deleted")
		}
	})
}
