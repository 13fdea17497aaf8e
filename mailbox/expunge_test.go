package mailbox

import (
	"context"
	"slices"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

func (w *school) exec(query string, args ...any) {
	w.Helper()
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}

func (w *school) count(query string, args ...any) (n int) {
	w.Helper()
	w.check(w.store.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(&n) }))
	return n
}

func (w *school) expunge(b *Box, uids ...UID) {
	w.Helper()
	_, err := b.StoreFlags(context.Background(), uids, FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
	w.check(err)
	gone, err := b.Expunge(context.Background(), nil)
	w.check(err)
	if !slices.Equal(gone, uids) {
		w.Fatalf("expunged %v, want %v", gone, uids)
	}
}

func TestExpungeOnlyDeletedOnes(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 6)
		b := w.box(w.anna, "INBOX")
		before := b.Snapshot()
		if gone, err := b.Expunge(ctx, nil); err != nil || gone != nil || b.Snapshot() != before {
			t.Errorf("nothing to do: %v %v", gone, err)
		}
		_, err := b.StoreFlags(ctx, []UID{2, 3, 5}, FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
		w.check(err)
		if gone, err := b.Expunge(ctx, []UID{1, 3, 99}); err != nil || !slices.Equal(gone, []UID{3}) {
			t.Errorf("UID EXPUNGE: %v %v", gone, err)
		}
		if gone, err := b.Expunge(ctx, []UID{}); err != nil || gone != nil {
			t.Errorf("UID EXPUNGE of none: %v %v", gone, err)
		}
		since := b.Snapshot().HighestModSeq()
		if gone, err := b.Expunge(ctx, nil); err != nil || !slices.Equal(gone, []UID{2, 5}) {
			t.Errorf("EXPUNGE: %v %v", gone, err)
		}
		uids, all, err := b.Expunged(ctx, since)
		if err != nil || !all || !slices.Equal(uids, []UID{2, 5}) {
			t.Errorf("expunged since %d: %v %t %v", since, uids, all, err)
		}
		w.fill(w.anna, "INBOX", 1)
		if got := uidsOf(b.Snapshot()); !slices.Equal(got, []UID{1, 4, 6, 7}) {
			t.Errorf("left %v: UIDs must not come again", got)
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestTheExpungeLogForgetsAndSaysSo(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		uids := w.fill(w.anna, "INBOX", 8)
		b := w.box(w.anna, "INBOX")
		start := b.Snapshot().HighestModSeq()
		w.expunge(b, 1)
		w.exec(`UPDATE mailbox SET expunged_rows = $2 WHERE id = $1`, int64(b.Mailbox().ID), expungeRuns) // as if the log were full
		w.expunge(b, 3, 5, 7)
		if uids, all, err := b.Expunged(ctx, start); err != nil || !all || !slices.Equal(uids, []UID{1, 3, 5, 7}) {
			t.Errorf("%v %t %v", uids, all, err)
		}
		w.forgetLog(b, 2)
		if uids, all, err := b.Expunged(ctx, start); err != nil || all || uids != nil {
			t.Errorf("what is forgotten must be admitted: %v %t %v", uids, all, err)
		}
		now := b.Snapshot().HighestModSeq()
		w.expunge(b, uids[7])
		if uids, all, err := b.Expunged(ctx, now); err != nil || !all || !slices.Equal(uids, []UID{8}) {
			t.Errorf("later ones are known: %v %t %v", uids, all, err)
		}
	})
}

// forgetLog logs so many runs at once that only about keep of the older ones could stay.
func (w *school) forgetLog(b *Box, keep int) {
	w.Helper()
	uids := make([]UID, expungeRuns+keep)
	for i := range uids {
		uids[i] = UID(1000 + 2*i)
	}
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
		modseq, err := w.mail.count(tx, b.view.id, counters{})
		if err != nil {
			return err
		}
		w.mail.stage(tx, b.view.id, w.anna, &change{modseq: modseq})
		return logExpunged(tx, b.view.id, modseq, uids)
	}))
	if n := w.count(`SELECT COUNT(*) FROM expunged WHERE mailbox_id = $1`, int64(b.view.id)); n > expungeRuns {
		w.Errorf("the log has %d runs", n)
	}
}

func TestReplace(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "Drafts", 2, `\Draft`)
		b := w.box(w.anna, "Drafts")
		since := b.Snapshot().HighestModSeq()
		done, err := b.Replace(ctx, 1, "Drafts", Appended{Message: w.prepare(text("besser")), Flags: []string{`\Draft`, `\Seen`}})
		if err != nil || !slices.Equal(done.To, []UID{3}) || !slices.Equal(uidsOf(b.Snapshot()), []UID{2, 3}) {
			t.Fatalf("%+v %v", done, err)
		}
		if uids, all, err := b.Expunged(ctx, since); err != nil || !all || !slices.Equal(uids, []UID{1}) {
			t.Errorf("%v %t %v", uids, all, err)
		}
		if _, err := b.Replace(ctx, 1, "Drafts", Appended{Message: w.prepare(text("zu spät"))}); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		if _, err := b.Replace(ctx, 2, "nix", Appended{Message: w.prepare(text("wohin"))}); !fault.Is(err, fault.NotFound) || b.Snapshot().Len() != 2 {
			t.Error(err)
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestReplaceCountsWhatItFreesAgainstTheQuota(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		who := w.account("knapp", int64(len(text("eins"))))
		ctx := context.Background()
		_, err := w.mail.Append(ctx, who, "Drafts", []Appended{{Message: w.prepare(text("eins"))}})
		w.check(err)
		b := w.box(who, "Drafts")
		if _, err := b.Replace(ctx, 1, "Drafts", Appended{Message: w.prepare(text("zwei"))}); err != nil {
			t.Errorf("of the same size: %v", err)
		}
		if _, err := b.Replace(ctx, 2, "Drafts", Appended{Message: w.prepare(text("drei, größer"))}); !fault.Is(err, fault.OverQuota) {
			t.Errorf("larger: %v", err)
		}
	})
}

// What others have read of a message goes with it, whoever removes it and however.
func TestWhatWasReadGoesWithTheMessages(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lrste")
		w.share(office, "INBOX", "anna", "lrs")
		uids := w.fill(office, "INBOX", 3*minRun)
		own := w.box(office, "INBOX")
		for _, who := range []directory.ID{w.anna, w.ben} {
			_, err := w.box(who, "Other Users/office").StoreFlags(ctx, uids, FlagOp{Mode: FlagsAdd, Flags: Seen})
			w.check(err)
		}
		left := func(want int) {
			t.Helper()
			if n := w.count(`SELECT COUNT(*) FROM message_seen`); n != 2*want {
				t.Errorf("%d rows, want %d for each of two", n, want)
			}
		}
		left(3 * minRun)
		w.expunge(own, uids[:minRun+1]...)
		left(2*minRun - 1)
		_, err := own.Move(ctx, uids[2*minRun:2*minRun+1], "Archive")
		w.check(err)
		left(2*minRun - 2)
		_, err = w.box(w.ben, "Other Users/office").Move(ctx, uids[2*minRun+2:2*minRun+4], "Archive")
		w.check(err)
		left(2*minRun - 4)
		w.sameAsRows()
		w.problems()
	})
}
