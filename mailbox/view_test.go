package mailbox

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
)

func TestOpenFindsWhatIsCommittedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 3)
		info, err := w.mail.Lookup(ctx, w.anna, "INBOX", RightRead)
		w.check(err)
		v, first := w.mail.views.acquire(&info, 0)
		if !first {
			t.Fatal("it was hot")
		}
		w.fill(w.anna, "INBOX", 1) // seen by the loader, and published to the view that is being loaded
		var snap *Snapshot
		w.check(w.store.Read(ctx, func(tx *store.Tx) (err error) {
			snap, err = load(tx, info.ID)
			return err
		}))
		w.fill(w.anna, "INBOX", 2) // not seen by the loader
		w.mail.views.finish(v, snap, nil)
		if n := v.snap.Load().Len(); n != 6 {
			t.Errorf("%d messages, want 6", n)
		}
		w.sameAsRows()
		w.mail.views.release(v)
	})
}

func TestViewsAreForgottenOnlyWhenNobodyHasThemOpen(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.mail.views.limit = 1
		w.fill(w.anna, "INBOX", 2)
		a, b := w.box(w.anna, "INBOX"), w.box(w.anna, "INBOX")
		a.Close()
		a.Close()
		w.fill(w.anna, "INBOX", 1)
		if n := b.Snapshot().Len(); n != 3 {
			t.Errorf("%d messages", n)
		}
		hot := func() int {
			w.mail.views.mu.Lock()
			defer w.mail.views.mu.Unlock()
			if len(w.mail.views.byID) == 0 && w.mail.views.bytes != 0 {
				t.Errorf("no view, but %d bytes", w.mail.views.bytes)
			}
			return len(w.mail.views.byID)
		}
		if n := hot(); n != 1 {
			t.Errorf("%d views while one has it open", n)
		}
		b.Close()
		if n := hot(); n != 0 {
			t.Errorf("%d views afterwards", n)
		}
		if n := w.box(w.anna, "INBOX").Snapshot().Len(); n != 3 {
			t.Errorf("%d messages when loaded again", n)
		}
	})
}

func TestTheViewSeenLongestAgoGoesFirst(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		for _, name := range []string{"INBOX", "Sent", "Trash"} {
			w.box(w.anna, name).Close()
		}
		w.box(w.anna, "INBOX").Close() // used again
		w.mail.views.mu.Lock()
		w.mail.views.limit = w.mail.views.bytes - 1
		w.mail.views.evict()
		var names []string
		for _, v := range w.mail.views.byID {
			names = append(names, v.info.Load().Name)
		}
		w.mail.views.mu.Unlock()
		if len(names) != 2 || names[0] == "Sent" || names[1] == "Sent" {
			t.Errorf("left %v", names)
		}
	})
}

func TestOpenOfAMailboxThatGoesAway(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		info, err := w.mail.Lookup(ctx, w.anna, "Junk", RightRead)
		w.check(err)
		w.check(w.mail.Delete(ctx, w.anna, "Junk"))
		if _, err := w.mail.openView(ctx, &info, 0); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		if len(w.mail.views.byID) != 0 {
			t.Error("a view that could not be loaded stays")
		}
	})
}

func TestManySessionsAgree(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		const sessions, rounds = 8, 12
		w.fill(w.anna, "INBOX", 50)
		var wg sync.WaitGroup
		bodies := make([]*Prepared, sessions*rounds)
		for i := range bodies {
			bodies[i] = w.prepare(text(fmt.Sprint("runde ", i)))
		}
		for s := range sessions {
			wg.Go(func() {
				ctx := context.Background()
				for r := range rounds {
					b, err := w.mail.Open(ctx, w.anna, "INBOX")
					if err != nil {
						t.Error(err)
						return
					}
					old := b.Snapshot()
					_, err = b.StoreFlags(ctx, uidsOf(old), FlagOp{Mode: FlagMode(r % 3), Flags: 1 << s})
					if err == nil && r%4 == 1 {
						_, err = b.Copy(ctx, uidsOf(old)[:old.Len()/4], "Archive")
					}
					if err == nil && r%4 == 2 {
						_, err = b.Expunge(ctx, nil)
					}
					if err == nil {
						_, err = w.mail.Append(ctx, w.anna, "INBOX", []Appended{{Message: bodies[s*rounds+r]}})
					}
					if err == nil && r%4 == 3 {
						uids := uidsOf(b.Snapshot()) // the others may have left fewer than three
						_, err = b.Move(ctx, uids[:min(3, len(uids))], "Trash")
					}
					if err != nil {
						t.Error(err)
					}
					b.Close()
				}
			})
		}
		wg.Wait()
		w.sameAsRows()
		w.problems()
	})
}
