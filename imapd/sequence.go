package imapd

import (
	"cmp"
	"math"
	"slices"

	"schulhof/mailbox"
)

// star stands for *, the highest number in use, in a seqRange.
const star = 0

// seqRange is n or n:m, as the client wrote it: either end may be star, and the larger may come first.
type seqRange struct{ first, last uint32 }

// seqSet is a set of sequence numbers or UIDs, or $ (RFC 5182). RFC 9051 §9 sequence-set.
type seqSet struct {
	ranges []seqRange
	saved  bool
}

// bounds returns r in order, with * replaced by top.
func (r seqRange) bounds(top uint32) (lo, hi uint32) {
	lo, hi = r.first, r.last
	if lo == star {
		lo = top
	}
	if hi == star {
		hi = top
	}
	return min(lo, hi), max(lo, hi)
}

// contains reports whether n is in s when the highest number in use is top. $ contains nothing here.
func (s seqSet) contains(n, top uint32) bool {
	for _, r := range s.ranges {
		if lo, hi := r.bounds(top); lo <= n && n <= hi {
			return true
		}
	}
	return false
}

// merged returns s as ascending ranges that neither touch nor overlap, * replaced by top.
func (s seqSet) merged(top uint32) []seqRange {
	out := make([]seqRange, 0, len(s.ranges))
	sorted := true
	for _, r := range s.ranges {
		lo, hi := r.bounds(top)
		if n := len(out); n > 0 && lo < out[n-1].first {
			sorted = false
		}
		out = append(out, seqRange{lo, hi})
	}
	if !sorted {
		slices.SortFunc(out, func(a, b seqRange) int { return cmp.Compare(a.first, b.first) })
	}
	n := 0
	for _, r := range out {
		if n > 0 && uint64(r.first) <= uint64(out[n-1].last)+1 {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out[n] = r
		n++
	}
	return out[:n]
}

// seqSet reads a sequence set.
func (p *parser) seqSet() seqSet {
	if p.accept('$') {
		return seqSet{saved: true}
	}
	var s seqSet
	for {
		first := p.seqNumber()
		r := seqRange{first, first}
		if p.accept(':') {
			r.last = p.seqNumber()
		}
		if p.err != nil {
			return seqSet{}
		}
		if len(s.ranges) == maxSetRanges {
			p.fail("a set has at most %d ranges", maxSetRanges)
			return seqSet{}
		}
		s.ranges = append(s.ranges, r)
		if !p.accept(',') {
			return s
		}
	}
}

// uidSet reads a set of UIDs without * (RFC 9051 §9 uid-set without seq-range "*", as in QRESYNC).
func (p *parser) uidSet() seqSet {
	s := p.seqSet()
	for _, r := range s.ranges {
		if r.first == star || r.last == star {
			p.fail("* is not allowed in this set")
		}
	}
	if s.saved {
		p.fail("$ is not allowed here")
	}
	return s
}

func (p *parser) seqNumber() uint32 {
	if p.accept('*') {
		return star
	}
	n := p.number()
	if n == 0 && p.err == nil {
		p.fail("0 is not a message number")
	}
	return n
}

// resolve returns the indexes in the selected mailbox's snapshot that set means, ascending. UIDs that do not exist are
// ignored (RFC 9051 §6.4.9); sequence numbers that do not exist are BAD.
func (c *conn) resolve(set seqSet) ([]int, error) {
	snap := c.sel.snap
	if set.saved {
		return c.resolveSaved(), nil
	}
	if snap.Len() == 0 {
		if !c.uidMode && !onlyStars(set) {
			return nil, bad("no such message: the mailbox is empty")
		}
		return nil, nil
	}
	if c.uidMode {
		return resolveUIDs(snap, set), nil
	}
	top := uint32(snap.Len())
	for _, r := range set.ranges {
		if lo, hi := r.bounds(top); hi > top && (lo > top || r.first != star && r.last != star) {
			if lo > top || hi != math.MaxUint32 {
				return nil, bad("no such message: the mailbox has " + decimal(int64(top)))
			}
		}
	}
	ranges := set.merged(top)
	out := make([]int, 0, countOf(ranges, top))
	for _, r := range ranges {
		for n := r.first; n <= min(r.last, top); n++ {
			out = append(out, int(n)-1)
		}
	}
	return out, nil
}

// onlyStars: every range has * in it, so that an empty mailbox gives the empty set, as clients that ask for 1:* expect.
func onlyStars(set seqSet) bool {
	for _, r := range set.ranges {
		if r.first != star && r.last != star {
			return false
		}
	}
	return true
}

func countOf(ranges []seqRange, top uint32) int {
	n := 0
	for _, r := range ranges {
		n += int(min(r.last, top)) - int(r.first) + 1
	}
	return max(n, 0)
}

func resolveUIDs(snap *mailbox.Snapshot, set seqSet) []int {
	ranges := set.merged(uint32(snap.UIDAt(snap.Len() - 1)))
	var out []int
	for _, r := range ranges {
		i, _ := snap.Find(mailbox.UID(r.first))
		end, ok := snap.Find(mailbox.UID(r.last))
		if ok {
			end++
		}
		if out == nil && end > i {
			out = make([]int, 0, end-i)
		}
		for ; i < end; i++ {
			out = append(out, i)
		}
	}
	return out
}

// resolveSaved is $: what the last SEARCH with SAVE found and is still there. RFC 5182 §2.1.
func (c *conn) resolveSaved() []int {
	var out []int
	for _, uid := range c.sel.saved {
		if i, ok := c.sel.snap.Find(uid); ok {
			out = append(out, i)
		}
	}
	return out
}

// appendUIDs appends uids as a set; neighbours in ascending order become ranges, the order is kept (COPYUID needs it).
func appendUIDs(b []byte, uids []mailbox.UID) []byte {
	for i := 0; i < len(uids); {
		j := i
		for j+1 < len(uids) && uids[j+1] == uids[j]+1 {
			j++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRange(b, uint32(uids[i]), uint32(uids[j]))
		i = j + 1
	}
	return b
}
