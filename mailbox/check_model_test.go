package mailbox

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"schulhof/store"
	"schulhof/store/storetest"
)

// TestAnyWrongCounterIsMended: whatever numbers of the tables are spoilt, Check finds it, repair sets it right, and clients never
// see a UID or a modseq come again.
func TestAnyWrongCounterIsMended(t *testing.T) {
	storetest.ShortRun(t, 6)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		w.quiet()
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 6, `\Seen`)
		w.fill(w.anna, "Sent", 3, `\Deleted`)
		w.expunge(w.box(w.anna, "INBOX"), 2, 6)
		rapid.Check(t, func(rt *rapid.T) {
			uidNext, modseq := w.status(w.anna, "INBOX").UIDNext, w.status(w.anna, "INBOX").HighestModSeq
			column := rapid.SampledFrom([]string{"messages", "unseen", "deleted", "deleted_size", "size"}).Draw(rt, "column")
			box := rapid.SampledFrom([]string{"INBOX", "Sent", "Junk"}).Draw(rt, "box")
			off := rapid.SampledFrom([]int{-3, -1, 1, 1000}).Draw(rt, "off")
			w.exec(`UPDATE mailbox SET `+column+` = `+column+` + $1 WHERE owner_id = $2 AND name = $3`, off, int64(w.anna), box)
			if rapid.Bool().Draw(rt, "the quota too") {
				w.exec(`UPDATE mail_owner SET used_bytes = used_bytes + $1 WHERE owner_id = $2`, off, int64(w.anna))
			}
			found, left := 0, 0
			w.check(w.mail.Check(ctx, true, func(p store.Problem) {
				if found++; !p.Mended {
					rt.Errorf("%s was not mended: %s", p.ID, p.Detail)
				}
			}))
			w.check(w.mail.Check(ctx, false, func(p store.Problem) { left++; rt.Errorf("left: %s: %s", p.ID, p.Detail) }))
			if found == 0 {
				rt.Errorf("%s of %s is off by %d, and nothing was found", column, box, off)
			}
			if s := w.status(w.anna, "INBOX"); s.UIDNext < uidNext || s.HighestModSeq < modseq {
				rt.Errorf("UIDNEXT %d after %d, modseq %d after %d", s.UIDNext, uidNext, s.HighestModSeq, modseq)
			}
		})
		if q, err := w.mail.Quota(ctx, w.anna); err != nil || q.UsedMessages != 7 {
			t.Errorf("quota %+v, %v", q, err)
		}
	})
}
