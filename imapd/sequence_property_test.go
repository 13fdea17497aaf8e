package imapd

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"schulhof/mailbox"
)

// drawSet draws a sequence set as a client might write it, with what it means for a mailbox whose highest number is top.
func drawSet(t *rapid.T, most uint32, top uint32) (text string, has func(n uint32) bool) {
	number := rapid.Custom(func(t *rapid.T) uint32 {
		if rapid.IntRange(0, 5).Draw(t, "star") == 0 {
			return star
		}
		return rapid.Uint32Range(1, most).Draw(t, "number")
	})
	word := func(n uint32) string {
		if n == star {
			return "*"
		}
		return fmt.Sprint(n)
	}
	value := func(n uint32) uint32 {
		if n == star {
			return top
		}
		return n
	}
	var parts []string
	members := map[uint32]bool{}
	for range rapid.IntRange(1, 6).Draw(t, "ranges") {
		a := number.Draw(t, "first")
		if rapid.Bool().Draw(t, "single") {
			parts, members[value(a)] = append(parts, word(a)), true
			continue
		}
		b := number.Draw(t, "last")
		parts = append(parts, word(a)+":"+word(b))
		for n := min(value(a), value(b)); n <= max(value(a), value(b)); n++ {
			members[n] = true
		}
	}
	return strings.Join(parts, ","), func(n uint32) bool { return members[n] }
}

// A set has the numbers that a plain reading of it names, merged or not. RFC 9051 §9 sequence-set.
func TestSequenceSetsAgainstAPlainReading(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		top := rapid.Uint32Range(1, 25).Draw(rt, "top")
		text, has := drawSet(rt, 30, top)
		p := parserOf(t, text)
		set := p.seqSet()
		if err := p.end(); err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		merged := set.merged(top)
		for n := uint32(1); n <= 32; n++ {
			in := slices.ContainsFunc(merged, func(r seqRange) bool { return r.first <= n && n <= r.last })
			if want := has(n); set.contains(n, top) != want || in != want {
				rt.Fatalf("%s with * = %d: contains(%d) = %v, merged %v has it: %v, want %v", text, top, n, set.contains(n, top), merged, in, want)
			}
		}
		for i, r := range merged {
			if r.first > r.last || i > 0 && merged[i-1].last+1 >= r.first {
				rt.Fatalf("%s is merged to %v", text, merged)
			}
		}
	})
}

// FETCH and UID FETCH answer for exactly the messages that a plain reading of the set names, each once and in order.
func TestFetchedSetsAgainstAPlainReading(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(12)...)
	c.want(c.do(`a STORE 2,5:6,12 +FLAGS.SILENT (\Deleted)`), "a OK")
	c.want(c.do("b EXPUNGE"), "b OK")
	uids := []uint32{1, 3, 4, 7, 8, 9, 10, 11}
	rapid.Check(t, func(rt *rapid.T) {
		text, has := drawSet(rt, uint32(len(uids)), uint32(len(uids)))
		var want []string
		for i, uid := range uids {
			if has(uint32(i + 1)) {
				want = append(want, fmt.Sprintf("* %d FETCH (UID %d)", i+1, uid))
			}
		}
		if got := c.do("c FETCH " + text + " UID"); !slices.Equal(got[:len(got)-1], want) {
			rt.Fatalf("FETCH %s: %q, want %q", text, got, want)
		}
		text, has = drawSet(rt, 14, 11)
		want = nil
		for i, uid := range uids {
			if has(uid) {
				want = append(want, fmt.Sprintf("* %d FETCH (UID %d)", i+1, uid))
			}
		}
		if got := c.do("d UID FETCH " + text + " UID"); !slices.Equal(got[:len(got)-1], want) {
			rt.Fatalf("UID FETCH %s: %q, want %q", text, got, want)
		}
	})
}

// What appendUIDs writes names exactly the UIDs that it was given, and reads back in their order.
func TestWrittenSets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		uids := rapid.SliceOfN(rapid.Uint32Range(1, 60), 1, 40).Draw(rt, "uids")
		if rapid.Bool().Draw(rt, "ascending") {
			slices.Sort(uids)
			uids = slices.Compact(uids)
		}
		list := make([]mailbox.UID, len(uids))
		for i, uid := range uids {
			list[i] = mailbox.UID(uid)
		}
		text := formatUIDs(list)
		p := parserOf(t, text)
		var back []uint32
		for _, r := range p.seqSet().ranges {
			for n := r.first; n <= r.last; n++ {
				back = append(back, n)
			}
		}
		if err := p.end(); err != nil || !slices.Equal(back, uids) {
			rt.Fatalf("%v is written as %s, which reads %v, %v", uids, text, back, err)
		}
	})
}

// The largest number there is, at either end of a range, makes no endless loop and no overflow.
func TestSetsAtTheEndOfNumbers(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(2)...)
	for _, set := range []string{"4294967295", "4294967295:*", "*:4294967295", "4294967294:4294967295", "2:4294967295", "4294967295,1"} {
		c.want(c.do("a UID FETCH "+set+" UID"), "a OK")
		c.want(c.do("a UID SEARCH UID "+set), "a OK")
	}
	for _, set := range []string{"4294967296", "0", "1:0", "0:*", "-1", "1,", ",1", "1::2", "1:", ":1", "1;2", "**", "*:", "$1", "1,$"} {
		c.want(c.do("a UID FETCH "+set+" UID"), "a BAD")
	}
	s := seqSet{ranges: []seqRange{{math.MaxUint32, star}, {1, math.MaxUint32}}}
	if got := s.merged(math.MaxUint32); !slices.Equal(got, []seqRange{{1, math.MaxUint32}}) {
		t.Errorf("merged = %v", got)
	}
}
