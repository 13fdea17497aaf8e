package mailbox

import (
	"context"
	"testing"

	"schulhof/store"
)

func TestContentsGoAfterTheGraceTime(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 5)
		b := w.box(w.anna, "INBOX")
		_, err := b.Copy(ctx, []UID{2}, "Archive")
		w.check(err)
		old := b.Snapshot()
		w.expunge(b, 1, 2, 3, 5)
		w.check(w.mail.tidy(ctx))
		list, err := b.Contents(ctx, []Entry{old.At(0)}, WantEnvelope, nil)
		if err != nil || list[0].ID == 0 {
			t.Errorf("within the grace time a session that was not told yet still reads it: %+v %v", list, err)
		}
		w.problems()
		w.clock.Add(int64(contentGrace.Seconds()) + 1)
		w.check(w.mail.tidy(ctx))
		if n := w.count(`SELECT COUNT(*) FROM content`); n != 2 {
			t.Errorf("%d contents are left, want the copied and the kept one", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM content_idle`); n != 0 {
			t.Errorf("%d runs are left", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM blob WHERE refs = 0`); n != 3 {
			t.Errorf("%d blobs lost their reference, want 3", n)
		}
		list, err = b.Contents(ctx, []Entry{old.At(0), old.At(1), old.At(3)}, WantEnvelope, nil)
		if err != nil || list[0].ID != 0 || list[1].ID == 0 || list[2].ID == 0 {
			t.Errorf("%+v %v", list, err)
		}
		w.problems()
		w.check(w.store.Check(ctx, false, func(p store.Problem) { t.Errorf("%s: %s", p.ID, p.Detail) }))
	})
}

func TestTheSameBytesComeBackAfterSweeping(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		body := text("wieder")
		deliver := func() {
			t.Helper()
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(body), Recipients: []To{{Owner: w.anna}}})
			w.check(err)
			w.check(results[0])
		}
		deliver()
		b := w.box(w.anna, "INBOX")
		w.expunge(b, 1)
		deliver() // the content is still there
		w.clock.Add(int64(contentGrace.Seconds()) + 1)
		w.check(w.mail.tidy(ctx))
		if n := w.count(`SELECT COUNT(*) FROM content`); n != 1 {
			t.Fatalf("%d contents", n)
		}
		w.expunge(b, 2)
		w.clock.Add(int64(contentGrace.Seconds()) + 1)
		w.check(w.mail.tidy(ctx))
		if n := w.count(`SELECT COUNT(*) FROM content`); n != 0 {
			t.Fatalf("%d contents", n)
		}
		deliver()
		w.problems()
		w.check(w.store.Check(ctx, false, func(p store.Problem) { t.Errorf("%s: %s", p.ID, p.Detail) }))
	})
}

func TestADeletedMailboxGoesSliceBySlice(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.mail.Close()) // no janitor in the background
		uids := w.fill(w.anna, "Junk", 25)
		b := w.box(w.anna, "Junk")
		w.expunge(b, uids[0])
		w.check(w.mail.Delete(ctx, w.anna, "Junk"))
		w.problems()
		for want := 14; want >= 0; want -= 10 {
			more, err := w.mail.reapMailbox(ctx, 10)
			if n := w.count(`SELECT COUNT(*) FROM message`); err != nil || !more || n != want {
				t.Fatalf("%d messages are left, want %d, %t %v", n, want, more, err)
			}
		}
		w.check(w.mail.tidy(ctx))
		if more, err := w.mail.reapMailbox(ctx, 10); more || err != nil {
			t.Error(more, err)
		}
		if n := w.count(`SELECT COUNT(*) FROM mailbox_gone`) + w.count(`SELECT COUNT(*) FROM expunged`) + w.count(`SELECT COUNT(*) FROM message`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		w.problems()
		w.clock.Add(int64(contentGrace.Seconds()) + 1)
		for more := true; more; {
			var err error
			more, err = w.mail.sweepContents(ctx, 7)
			w.check(err)
		}
		if n := w.count(`SELECT COUNT(*) FROM content`); n != 0 {
			t.Errorf("%d contents are left", n)
		}
		w.open(Options{}) // for the end of the test
	})
}
