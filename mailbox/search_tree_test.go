package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"schulhof/store"
	"schulhof/store/storetest"
)

// drawCriteria makes a search over what is known of a message without its text.
func drawCriteria(rt *rapid.T, depth int) *Criteria {
	ops := []Op{HasFlags, UIDSet, Larger, Smaller, Before, On, Since, ModSeqAtLeast}
	if depth > 0 {
		ops = append(ops, And, Or, Not, And, Or, Not)
	}
	c := &Criteria{Op: rapid.SampledFrom(ops).Draw(rt, "op")}
	n := 0
	switch c.Op {
	case And:
		n = rapid.IntRange(0, 3).Draw(rt, "children")
	case Or:
		n = 2
	case Not:
		n = 1
	case HasFlags:
		c.Flags = Flags(rapid.IntRange(0, 31).Draw(rt, "flags"))
	case UIDSet:
		low, high := UID(rapid.IntRange(0, 40).Draw(rt, "low")), UID(rapid.IntRange(0, 40).Draw(rt, "high"))
		c.UIDs = func(uid UID) bool { return low <= uid && uid <= high }
	case Larger, Smaller:
		c.Number = rapid.Int64Range(0, 600).Draw(rt, "size")
	case Before, On, Since:
		c.Date = time.Date(2026, 11, rapid.IntRange(1, 8).Draw(rt, "day"), 0, 0, 0, 0, time.UTC)
	case ModSeqAtLeast:
		c.Number = rapid.Int64Range(0, 12).Draw(rt, "modseq")
	}
	for range n {
		c.Children = append(c.Children, drawCriteria(rt, depth-1))
	}
	return c
}

// plainly answers a search for one message, word by word as RFC 9051 §6.4.4 has it.
func plainly(c *Criteria, e Entry) bool {
	day := func(unix int64) time.Time { return time.Unix(unix, 0).UTC().Truncate(24 * time.Hour) }
	switch c.Op {
	case And:
		for _, child := range c.Children {
			if !plainly(child, e) {
				return false
			}
		}
		return true
	case Or:
		return plainly(c.Children[0], e) || plainly(c.Children[1], e)
	case Not:
		return !plainly(c.Children[0], e)
	case HasFlags:
		return e.Flags&c.Flags == c.Flags
	case UIDSet:
		return c.UIDs(e.UID)
	case Larger:
		return e.Size > c.Number
	case Smaller:
		return e.Size < c.Number
	case Before:
		return day(e.Date).Before(c.Date)
	case On:
		return day(e.Date).Equal(c.Date)
	case Since:
		return !day(e.Date).Before(c.Date)
	case ModSeqAtLeast:
		return int64(e.ModSeq) >= c.Number
	}
	panic("not drawn")
}

// TestSearchTreesAgainstTheirWords: nested searches find exactly the messages of which they are true.
func TestSearchTreesAgainstTheirWords(t *testing.T) {
	storetest.ShortRun(t, 150)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		ctx := context.Background()
		flags := []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}
		for part := range 6 { // six modseqs
			var list []Appended
			for i := range 5 {
				n := 5*part + i
				list = append(list, Appended{Message: w.prepare(text(fmt.Sprint(n)) + strings.Repeat("x", 13*n)), Flags: flags[n%5 : min(n%5+n%3, 5)],
					Date: time.Date(2026, 11, 1+n%7, 5*(n%5), 0, 0, 0, time.UTC)})
			}
			_, err := w.mail.Append(ctx, w.anna, "INBOX", list)
			w.check(err)
		}
		b := w.box(w.anna, "INBOX")
		_, err := b.StoreFlags(ctx, []UID{3, 4, 17}, FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
		w.check(err)
		_, err = b.Expunge(ctx, []UID{3, 4, 17})
		w.check(err)
		rapid.Check(t, func(rt *rapid.T) {
			c := drawCriteria(rt, 4)
			snap := b.Snapshot()
			var want []int
			for i := range snap.Len() {
				if plainly(c, snap.At(i)) {
					want = append(want, i)
				}
			}
			got, err := b.Search(ctx, snap, c)
			if err != nil || !slices.Equal(got, want) {
				rt.Fatalf("found %v, %v, want %v", got, err, want)
			}
		})
	})
}
