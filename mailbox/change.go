package mailbox

import (
	"slices"

	"schulhof/directory"
)

// uidRange is a run of UIDs in which every message that exists is meant.
type uidRange struct{ first, last UID }

// change is what one transaction did to one mailbox.
type change struct {
	modseq  ModSeq
	uidNext UID // 0: as before
	added   []entry
	removed []uidRange
	flagged []uidRange // messages in these runs got flags&keep|set and modseq
	keep    Flags
	set     Flags

	person directory.ID // somebody, not the owner, whose \Seen changes, too
	read   []uidRange   // messages that they have read now
	unread []uidRange   // messages that they have not
}

// apply returns the snapshot after c. Pages that c does not touch are shared.
func (s *Snapshot) apply(c *change) *Snapshot {
	pages := s.pages
	if len(c.flagged) > 0 {
		pages = flagPages(pages, c)
	}
	if len(c.removed) > 0 {
		pages = removeFrom(pages, c.removed)
	}
	if len(c.added) > 0 {
		pages = addTo(pages, c.added)
	}
	uidNext := s.uidNext
	if c.uidNext != 0 {
		uidNext = c.uidNext
	}
	return newSnapshot(pages, uidNext, c.modseq)
}

// touched calls fn for each page that runs may touch; fn returns its replacement, nil for none left.
func touched(pages []*page, runs []uidRange, fn func(p *page, runs []uidRange) *page) []*page {
	out := make([]*page, 0, len(pages)+1)
	for _, p := range pages {
		for len(runs) > 0 && runs[0].last < p.entries[0].uid {
			runs = runs[1:]
		}
		if len(runs) == 0 || runs[0].first > p.last() {
			out = append(out, p)
			continue
		}
		if q := fn(p, runs); q != nil {
			out = append(out, q)
		}
	}
	return out
}

func flagPages(pages []*page, c *change) []*page {
	return touched(pages, c.flagged, func(p *page, runs []uidRange) *page {
		entries := slices.Clone(p.entries)
		eachIn(entries, runs, func(e *entry) {
			e.flags, e.modseq = e.flags&c.keep|c.set, c.modseq
		})
		return newPage(entries)
	})
}

// eachIn calls fn for the entries within runs; both ascend.
func eachIn(entries []entry, runs []uidRange, fn func(*entry)) {
	for _, r := range runs {
		i, _ := find(entries, r.first)
		for ; i < len(entries) && entries[i].uid <= r.last; i++ {
			fn(&entries[i])
		}
		if i == len(entries) {
			return
		}
	}
}

func removeFrom(pages []*page, removed []uidRange) []*page {
	n := 0
	pages = touched(pages, removed, func(p *page, runs []uidRange) *page {
		left := make([]entry, 0, len(p.entries))
		at := 0
		for _, r := range runs {
			i, _ := find(p.entries, r.first)
			left = append(left, p.entries[at:max(i, at)]...)
			for at = max(i, at); at < len(p.entries) && p.entries[at].uid <= r.last; at++ {
			}
			if at == len(p.entries) {
				break
			}
		}
		left = append(left, p.entries[at:]...)
		if len(left) == 0 {
			return nil
		}
		return newPage(left)
	})
	for _, p := range pages {
		n += len(p.entries)
	}
	if len(pages) <= 2*(n/pageSize)+8 {
		return pages
	}
	var packed []*page // many small pages: pack them anew
	for _, p := range pages {
		packed = addTo(packed, p.entries)
	}
	return packed
}

// addTo appends entries. The last page's successor shares its memory as long as there is room.
func addTo(pages []*page, entries []entry) []*page {
	pages = slices.Clip(pages)
	if n := len(pages); n > 0 && len(pages[n-1].entries) < pageSize {
		last := *pages[n-1]
		room := min(pageSize-len(last.entries), len(entries))
		for i := range entries[:room] {
			last.count(entries[i].flags, 1)
		}
		last.entries = appendBounded(last.entries, entries[:room])
		pages = slices.Clone(pages)
		pages[n-1] = &last
		entries = entries[room:]
	}
	for len(entries) > 0 {
		n := min(pageSize, len(entries))
		pages = append(pages, newPage(appendBounded(nil, entries[:n])))
		entries = entries[n:]
	}
	return pages
}

// appendBounded is append whose capacity never passes pageSize.
func appendBounded(to, from []entry) []entry {
	if need := len(to) + len(from); need > cap(to) {
		grown := make([]entry, len(to), min(pageSize, max(need, 2*cap(to), 4)))
		copy(grown, to)
		to = grown
	}
	return append(to, from...)
}

// Diff tells what leads from old to s; pages that both share are skipped. gone: indexes in old, ascending; changed: indexes in s of
// messages that old had with another modseq, ascending; added: index in s of the first message with a UID ≥ old.UIDNext() (s.Len() if none).
func (s *Snapshot) Diff(old *Snapshot) (gone, changed []int, added int) {
	if s == old {
		return nil, nil, s.Len()
	}
	op, oi, np, ni := 0, 0, 0, 0 // page and place within it, of old and new
	for op < len(old.pages) && np < len(s.pages) {
		o, n := old.pages[op], s.pages[np]
		if o == n && oi == 0 && ni == 0 {
			op, np = op+1, np+1
			continue
		}
		oe, ne := &o.entries[oi], &n.entries[ni]
		if ne.uid >= old.uidNext {
			break
		}
		switch {
		case oe.uid == ne.uid:
			if oe.modseq != ne.modseq {
				changed = append(changed, int(s.start[np])+ni)
			}
			oi, ni = oi+1, ni+1
		case oe.uid < ne.uid:
			gone = append(gone, int(old.start[op])+oi)
			oi++
		default:
			ni++ // unknown to old though below its UIDNext: cannot be, and is no change of anything it had
		}
		if oi == len(o.entries) {
			op, oi = op+1, 0
		}
		if ni == len(n.entries) {
			np, ni = np+1, 0
		}
	}
	for ; op < len(old.pages); op, oi = op+1, 0 {
		for ; oi < len(old.pages[op].entries); oi++ {
			gone = append(gone, int(old.start[op])+oi)
		}
	}
	added, _ = s.Find(old.uidNext)
	return gone, changed, added
}
