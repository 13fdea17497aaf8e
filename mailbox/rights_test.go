package mailbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

// TestMailboxesOfManyOwnersKeepApart: no call with one owner's names or numbers reaches another's mail.
func TestMailboxesOfManyOwnersKeepApart(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 3)
		_, err := w.mail.Create(ctx, w.anna, "geheim", "")
		w.check(err)
		before := w.picture()
		for _, who := range []directory.ID{w.ben, 0, -1, 999} {
			if _, err := w.mail.Open(ctx, who, "geheim"); err == nil {
				t.Errorf("owner %d opens another's mailbox", who)
			}
			if list, _ := w.mail.Status(ctx, who, "INBOX", "geheim"); slices.ContainsFunc(list, func(s Status) bool { return s.Messages > 0 || s.Mailbox.Name == "geheim" }) {
				t.Errorf("owner %d sees %+v", who, list)
			}
			if err := w.mail.Delete(ctx, who, "geheim"); err == nil {
				t.Errorf("owner %d deletes another's mailbox", who)
			}
			if err := w.mail.Rename(ctx, who, "geheim", "meins"); err == nil {
				t.Errorf("owner %d renames another's mailbox", who)
			}
		}
		if after := w.picture(); after != before {
			t.Errorf("%s\nbecame\n%s", before, after)
		}
	})
}

// TestTheSameNameAtOnce: of many clients of one owner that make, rename to or deliver into the same new mailbox at once, one makes
// it, and nobody makes a second one.
func TestTheSameNameAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for round := range 5 {
			name := fmt.Sprint("neu", round)
			_, err := w.mail.Create(ctx, w.anna, "quelle", "")
			w.check(err)
			mail := w.prepare(text(name))
			var made atomic.Int64
			var wg sync.WaitGroup
			note := func(err error) {
				switch {
				case err == nil:
					made.Add(1)
				case !fault.Is(err, fault.AlreadyExists):
					t.Error(err)
				}
			}
			for range 4 {
				wg.Go(func() { _, err := w.mail.Create(ctx, w.anna, name, ""); note(err) })
			}
			wg.Go(func() { note(w.mail.Rename(ctx, w.anna, "quelle", name)) })
			wg.Go(func() {
				results, err := w.mail.Deliver(ctx, Delivery{Message: mail, Recipients: []To{{Owner: w.anna, Mailbox: name, Exact: true}}})
				if err != nil || results[0] != nil {
					t.Errorf("deliver: %v, %v", results, err)
				}
			})
			wg.Wait()
			if n := w.count(`SELECT COUNT(*) FROM mailbox WHERE name = $1`, name); n != 1 || made.Load() > 1 {
				t.Errorf("%d mailboxes %s, made by %d", n, name, made.Load())
			}
			w.check(w.mail.Delete(ctx, w.anna, name))
			if err := w.mail.Delete(ctx, w.anna, "quelle"); err != nil && !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		}
		w.problems()
	})
}

// A group that was given a mailbox keeps what is delivered to it, without a limit, and loses it with the group.
func TestMailboxOfAGroup(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		g, err := w.dir.AddGroup(ctx, directory.Group{Name: "chor", Kind: directory.Club})
		w.check(err)
		p := w.prepare(text("Probe"))
		results, err := w.mail.Deliver(ctx, Delivery{Message: p, Recipients: []To{{Owner: g.ID}}})
		if err != nil || !fault.Is(results[0], fault.NotFound) {
			t.Errorf("before: %v, %v", results, err)
		}
		for range 2 {
			w.check(w.mail.ProvideGroup(ctx, g.ID))
			results, err = w.mail.Deliver(ctx, Delivery{Message: p, Recipients: []To{{Owner: g.ID}, {Owner: w.anna}}})
			if err != nil || results[0] != nil || results[1] != nil {
				t.Errorf("after: %v, %v", results, err)
			}
		}
		if q, err := w.mail.Quota(ctx, g.ID); err != nil || q.UsedMessages != 2 || q.LimitBytes != 0 {
			t.Errorf("quota %+v, %v", q, err)
		}
		if n := w.box(g.ID, "INBOX").Snapshot().Len(); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
		w.problems()
		w.check(w.dir.DeleteGroup(ctx, g.ID))
		if err := w.mail.ProvideGroup(ctx, g.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a group that is gone: %v", err)
		}
		if _, err := w.mail.Open(ctx, g.ID, "INBOX"); !fault.Is(err, fault.NotFound) {
			t.Errorf("its mailbox: %v", err)
		}
	})
}
