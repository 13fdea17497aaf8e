package mailbox

import (
	"context"
	"testing"
	"time"

	"schulhof/store/storetest"
)

// clockJumps are what happens to the clock of a server, in seconds.
var clockJumps = map[string]int64{"an hour ahead": 3600, "an hour back": -3600, "a day ahead": 86400, "a day back": -86400,
	"to 1970": -1_795_000_000, "to 2050": 25 * 365 * 86400}

// TestMailInSpiteOfTheClock: while the clock is wrong and after it is set right, mail is delivered, UIDs and modseqs rise, new
// mailboxes get UIDVALIDITYs that were never given before, and contents that nobody has go, though not before their grace time.
func TestMailInSpiteOfTheClock(t *testing.T) {
	for name, jump := range clockJumps {
		t.Run(name, func(t *testing.T) {
			w := newSchool(t, storetest.Open(t))
			ctx := context.Background()
			w.quiet()
			w.fill(w.anna, "INBOX", 3)
			b := w.box(w.anna, "INBOX")
			given := map[uint32]string{}
			note := func(box string) {
				t.Helper()
				v := w.status(w.anna, box).Mailbox.UIDValidity
				if other, ok := given[v]; ok && other != box {
					t.Errorf("UIDVALIDITY %d of %s was that of %s", v, box, other)
				}
				given[v] = box
			}
			lastUID, lastSeq := b.Snapshot().UIDNext(), b.Snapshot().HighestModSeq()
			use := func(box string) {
				t.Helper()
				_, err := w.mail.Create(ctx, w.anna, box, "")
				w.check(err)
				note(box)
				results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text(box)), Recipients: []To{{Owner: w.anna}}})
				w.check(err)
				w.check(results[0])
				s := b.Snapshot()
				if s.UIDNext() <= lastUID || s.HighestModSeq() <= lastSeq {
					t.Errorf("UIDNEXT %d after %d, modseq %d after %d", s.UIDNext(), lastUID, s.HighestModSeq(), lastSeq)
				}
				lastUID, lastSeq = s.UIDNext(), s.HighestModSeq()
			}
			for _, box := range []string{"INBOX", "Sent", "Drafts"} {
				note(box)
			}
			use("vorher")
			w.expunge(b, 1)
			w.clock.Add(jump)
			use("dabei")
			w.expunge(b, 2)
			if err := w.mail.tidy(ctx); err != nil {
				t.Errorf("tidy while the clock is wrong: %v", err)
			}
			w.clock.Add(-jump)
			use("danach")
			w.expunge(b, 3)
			if n := w.count(`SELECT COUNT(*) FROM content`); n < 4 {
				t.Errorf("%d contents: one went before its grace time", n)
			}
			w.clock.Add(int64(contentGrace/time.Second) + 1)
			w.check(w.mail.tidy(ctx))
			w.clock.Add(int64(contentGrace/time.Second) + 1)
			w.check(w.mail.tidy(ctx))
			if n := w.count(`SELECT COUNT(*) FROM content`); n != 3 {
				t.Errorf("%d contents are left, want those of the three messages", n)
			}
			w.problems()
			w.sameAsRows()
		})
	}
}

// TestNotesOfDeliveriesAndTheClock: notes that were made while the clock was ahead do not pile up behind one another, and do not
// swallow a mail for years.
func TestNotesOfDeliveriesAndTheClock(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.quiet()
		deliver := func(key byte) {
			t.Helper()
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("Notiz")), Dedupe: &Dedupe{Key: [32]byte{key}}, Recipients: []To{{Owner: w.anna}}})
			w.check(err)
			w.check(results[0])
		}
		ahead := int64(25 * 365 * 86400)
		w.clock.Add(ahead)
		deliver(1)
		w.check(w.mail.AcknowledgementLost(ctx, [32]byte{1}))
		w.clock.Add(-ahead)
		deliver(2)
		deliver(1) // the same mail, much later by the clock: it may come twice, but must come
		if n := w.status(w.anna, "INBOX").Messages; n != 3 {
			t.Errorf("%d messages, want 3", n)
		}
		w.clock.Add(int64(dedupeWindow/time.Second) + 1)
		w.check(w.mail.tidy(ctx))
		if n := w.count(`SELECT COUNT(*) FROM delivery_seen`); n != 0 {
			t.Errorf("%d notes are left after their time", n)
		}
		w.mail.seen.mu.Lock()
		defer w.mail.seen.mu.Unlock()
		if len(w.mail.seen.lost) != 0 {
			t.Errorf("%d lost answers are remembered after their time", len(w.mail.seen.lost))
		}
	})
}

// TestACrashWhileTheClockWasAhead: the next start takes only deliveries of the last minutes for unanswered ones.
func TestACrashWhileTheClockWasAhead(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.quiet()
		now := w.clock.Load()
		for i, at := range []int64{now - 2*int64(dedupeWindow/time.Second), now - 5, now, now + 86400} {
			w.exec(`INSERT INTO delivery_seen (at, key, failed) VALUES ($1, $2, $3)`, at, append(make([]byte, 31), byte(i)), []byte{})
		}
		seen, err := w.mail.loadDeliveriesSeen(context.Background())
		w.check(err)
		for i, want := range []bool{false, true, true, false} {
			if _, ok := seen.lost[[32]byte(append(make([]byte, 31), byte(i)))]; ok != want {
				t.Errorf("delivery %d counts as unanswered = %t, want %t", i, ok, want)
			}
		}
		w.exec(`DELETE FROM delivery_seen`)
	})
}
