package imapd

import (
	"context"

	"schulhof/mailbox"
)

// vanishedEarlier answers which UIDs of set were expunged after since; where the log does not reach
// back so far, every UID that is missing. "*" means the last UID that was given, so that 1:* also
// covers messages that were the last and are gone. RFC 7162 §3.2.6.
func (c *conn) vanishedEarlier(ctx context.Context, set seqSet, since mailbox.ModSeq) error {
	gone, all, err := c.sel.box.Expunged(ctx, since)
	if err != nil {
		return err
	}
	snap := c.sel.snap
	top := uint32(snap.UIDNext() - 1)
	var missing []seqRange
	for _, r := range set.merged(top) {
		r.last = min(r.last, top)
		if !all {
			missing = appendGaps(missing, snap, r)
			continue
		}
		for len(gone) > 0 && uint32(gone[0]) < r.first {
			gone = gone[1:]
		}
		for len(gone) > 0 && uint32(gone[0]) <= r.last {
			uid := uint32(gone[0])
			gone = gone[1:]
			if _, here := snap.Find(mailbox.UID(uid)); here {
				continue // expunged just now: the client still numbers it, and is told in its turn
			}
			if n := len(missing); n > 0 && missing[n-1].last+1 == uid {
				missing[n-1].last = uid
			} else {
				missing = append(missing, seqRange{uid, uid})
			}
		}
	}
	for i, r := range missing {
		if i == 0 {
			c.w.str("* VANISHED (EARLIER) ")
		} else {
			c.w.str(",")
		}
		c.w.buf = appendRange(c.w.buf, r.first, r.last)
	}
	if len(missing) > 0 {
		c.w.crlf()
	}
	return nil
}

// appendGaps appends the runs of UIDs in r that snap does not have.
func appendGaps(out []seqRange, snap *mailbox.Snapshot, r seqRange) []seqRange {
	next := uint64(r.first)
	i, _ := snap.Find(mailbox.UID(r.first))
	for ; i < snap.Len() && uint32(snap.UIDAt(i)) <= r.last; i++ {
		uid := uint64(snap.UIDAt(i))
		if uid > next {
			out = append(out, seqRange{uint32(next), uint32(uid - 1)})
		}
		next = uid + 1
	}
	if next <= uint64(r.last) {
		out = append(out, seqRange{uint32(next), r.last})
	}
	return out
}
