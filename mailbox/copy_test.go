package mailbox

import (
	"context"
	"slices"
	"testing"

	"schulhof/store/fault"
)

func TestCopyKeepsFlagsAndDates(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 40, `\Seen`, `\Deleted`, "$label")
		w.clock.Add(60)
		b := w.box(w.anna, "INBOX")
		uids := []UID{2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 30, 99}
		done, err := b.Copy(ctx, uids, "Archive")
		w.check(err)
		if !slices.Equal(done.From, uids[:len(uids)-1]) || !slices.Equal(done.To, uidsFrom(1, len(uids)-1)) {
			t.Fatalf("%+v", done)
		}
		archive := w.box(w.anna, "Archive")
		if done.UIDValidity != archive.Mailbox().UIDValidity {
			t.Errorf("UIDVALIDITY %d", done.UIDValidity)
		}
		for i, uid := range done.From {
			from := b.Snapshot().At(int(uid) - 1)
			to := archive.Snapshot().At(i)
			if to.Content != from.Content || to.Flags != from.Flags || to.Date != from.Date || to.Size != from.Size {
				t.Errorf("%+v became %+v", from, to)
			}
		}
		dates, err := archive.SaveDates(ctx, []UID{1, 2, 1000})
		if err != nil || !slices.Equal(dates, []int64{w.clock.Load(), w.clock.Load(), 0}) {
			t.Errorf("save dates %v %v", dates, err)
		}
		dates, err = b.SaveDates(ctx, []UID{1})
		if err != nil || dates[0] != w.clock.Load()-60 {
			t.Errorf("the original's save date %v %v", dates, err)
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestCopyAndMoveWithoutATarget(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 1)
		b := w.box(w.anna, "INBOX")
		for _, uids := range [][]UID{{1}, {}} {
			if _, err := b.Copy(ctx, uids, "nix"); !fault.Is(err, fault.NotFound) {
				t.Errorf("copy of %v: %v", uids, err)
			}
			if _, err := b.Move(ctx, uids, "nix"); !fault.Is(err, fault.NotFound) {
				t.Errorf("move of %v: %v", uids, err)
			}
		}
		if _, err := b.Copy(ctx, []UID{1}, "a//b"); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		if done, err := b.Copy(ctx, []UID{7}, "Sent"); err != nil || len(done.From) != 0 || done.UIDValidity == 0 {
			t.Errorf("copy of unknown messages: %+v %v", done, err)
		}
	})
}

func TestMoveWithinOneMailbox(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.fill(w.anna, "INBOX", 3)
		b := w.box(w.anna, "INBOX")
		done, err := b.Move(context.Background(), []UID{1, 2}, "inbox")
		if err != nil || !slices.Equal(done.To, []UID{4, 5}) || !slices.Equal(uidsOf(b.Snapshot()), []UID{3, 4, 5}) {
			t.Errorf("%+v %v, now %v", done, err, uidsOf(b.Snapshot()))
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestCopyIntoAMailboxThatRunsOutOfUIDs(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 2)
		w.exec(`UPDATE mailbox SET uidnext = 4294967294 WHERE owner_id = $1 AND name = 'Archive'`, int64(w.anna))
		b := w.box(w.anna, "INBOX")
		if _, err := b.Copy(ctx, []UID{1, 2}, "Archive"); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
		if done, err := b.Copy(ctx, []UID{1}, "Archive"); err != nil || done.To[0] != 4294967294 {
			t.Errorf("the last but one: %+v %v", done, err)
		}
		w.problems()
	})
}
