package mailbox

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// listView is the model of a Snapshot: a plain list.
type listView struct {
	list    []entry
	uidNext UID
	modseq  ModSeq
}

func (l *listView) snapshot() *Snapshot {
	var pages []*page
	for part := range slices.Chunk(l.list, pageSize) {
		pages = append(pages, newPage(slices.Clone(part)))
	}
	return newSnapshot(pages, l.uidNext, l.modseq)
}

// step changes the model at random and returns the change that leads there from base.
func (l *listView) step(t *rapid.T, base *Snapshot) *change {
	l.modseq++
	c := &change{modseq: l.modseq}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0, 1:
		for range rapid.IntRange(1, 700).Draw(t, "added") {
			l.uidNext += UID(rapid.IntRange(0, 2).Draw(t, "gap") / 2)
			e := entry{uid: l.uidNext, modseq: l.modseq, flags: Flags(rapid.IntRange(0, 31).Draw(t, "flags")), size: 10, content: ContentID(l.uidNext)}
			l.uidNext++
			c.added = append(c.added, e)
			l.list = append(l.list, e)
		}
		c.uidNext = l.uidNext
	case 2:
		c.keep, c.set = FlagOp{Mode: FlagMode(rapid.IntRange(0, 2).Draw(t, "mode")), Flags: Seen | 1<<7}.masks()
		b := runBuilder{base: base}
		for i := range l.some(t) {
			l.list[i].flags, l.list[i].modseq = l.list[i].flags&c.keep|c.set, l.modseq
			b.add(i)
		}
		c.flagged = b.runs
	case 3:
		b := runBuilder{base: base}
		gone := map[int]bool{}
		for i := range l.some(t) {
			gone[i] = true
			b.add(i)
		}
		c.removed = b.runs
		left := []entry{}
		for i, e := range l.list {
			if !gone[i] {
				left = append(left, e)
			}
		}
		l.list = left
	}
	return c
}

// some picks indexes, ascending: a run, or every n-th.
func (l *listView) some(t *rapid.T) func(func(int) bool) {
	from := rapid.IntRange(0, len(l.list)).Draw(t, "from")
	to := rapid.IntRange(from, len(l.list)).Draw(t, "to")
	every := rapid.SampledFrom([]int{1, 1, 2, 7}).Draw(t, "every")
	return func(yield func(int) bool) {
		for i := from; i < to; i += every {
			if !yield(i) {
				return
			}
		}
	}
}

func TestSnapshotFollowsAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &listView{uidNext: 1, modseq: 1}
		snap := l.snapshot()
		type seen struct {
			list listView
			snap *Snapshot
		}
		var history []seen
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			history = append(history, seen{listView{slices.Clone(l.list), l.uidNext, l.modseq}, snap})
			c := l.step(t, snap)
			if rapid.IntRange(0, 4).Draw(t, "rolled back") == 0 {
				snap.apply(c) // a transaction that failed after it was staged: what follows must not notice
			}
			snap = snap.apply(c)
			if want := l.snapshot(); !snap.equal(want) {
				t.Fatalf("after %+v the snapshot differs from the list: %d of %d messages", c, snap.Len(), want.Len())
			}
		}
		for _, old := range history {
			if !old.snap.equal(old.list.snapshot()) {
				t.Fatal("an old snapshot changed")
			}
			checkDiff(t, old.snap, snap)
		}
		checkFind(t, l, snap)
	})
}

// checkDiff compares Diff with what comparing all messages gives.
func checkDiff(t *rapid.T, old, now *Snapshot) {
	gone, changed, added := now.Diff(old)
	var wantGone, wantChanged []int
	for i := range old.Len() {
		at, ok := now.Find(old.UIDAt(i))
		switch {
		case !ok:
			wantGone = append(wantGone, i)
		case now.At(at).ModSeq != old.At(i).ModSeq:
			wantChanged = append(wantChanged, at)
		}
	}
	wantAdded := now.Len()
	for i := range now.Len() {
		if now.UIDAt(i) >= old.UIDNext() {
			wantAdded = i
			break
		}
	}
	if !slices.Equal(gone, wantGone) || !slices.Equal(changed, wantChanged) || added != wantAdded {
		t.Fatalf("Diff = %v %v %d, want %v %v %d", gone, changed, added, wantGone, wantChanged, wantAdded)
	}
}

func checkFind(t *rapid.T, l *listView, snap *Snapshot) {
	unseen, first := 0, -1
	for i, e := range l.list {
		if at, ok := snap.Find(e.uid); at != i || !ok {
			t.Fatalf("Find(%d) = %d, %t, want %d", e.uid, at, ok, i)
		}
		if e.flags&Seen == 0 {
			unseen++
			if first < 0 {
				first = i
			}
		}
	}
	if snap.Unseen() != unseen || snap.FirstUnseen() != first {
		t.Fatalf("unseen %d first %d, want %d %d", snap.Unseen(), snap.FirstUnseen(), unseen, first)
	}
	if at, ok := snap.Find(l.uidNext); at != len(l.list) || ok {
		t.Fatalf("Find(UIDNEXT) = %d, %t", at, ok)
	}
}

func TestPagesStayFewWhenMostMessagesGo(t *testing.T) {
	l := &listView{uidNext: 1, modseq: 1}
	for range 100 * pageSize {
		l.list = append(l.list, entry{uid: l.uidNext})
		l.uidNext++
	}
	snap := l.snapshot()
	c := &change{modseq: 2}
	for i := 0; i < snap.Len(); i++ {
		if i%100 != 0 {
			c.removed = append(c.removed, uidRange{snap.UIDAt(i), snap.UIDAt(i)})
		}
	}
	snap = snap.apply(c)
	if snap.Len() != pageSize || len(snap.pages) > 2 {
		t.Errorf("%d messages in %d pages", snap.Len(), len(snap.pages))
	}
}

func TestDiffOfUnchangedPagesLooksAtNoMessages(t *testing.T) {
	l := &listView{uidNext: 1, modseq: 1}
	for range 4 * pageSize {
		l.list = append(l.list, entry{uid: l.uidNext})
		l.uidNext++
	}
	old := l.snapshot()
	now := old.apply(&change{modseq: 2, flagged: []uidRange{{700, 700}}, keep: allFlags, set: Seen})
	shared := 0
	for i := range old.pages {
		if old.pages[i] == now.pages[i] {
			shared++
		}
	}
	if shared != 3 {
		t.Errorf("%d of 4 pages are shared, want 3", shared)
	}
	if gone, changed, added := now.Diff(old); gone != nil || !slices.Equal(changed, []int{699}) || added != now.Len() {
		t.Errorf("Diff = %v %v %d", gone, changed, added)
	}
	if gone, changed, added := now.Diff(now); gone != nil || changed != nil || added != now.Len() {
		t.Errorf("Diff with itself = %v %v %d", gone, changed, added)
	}
}

func TestEmptySnapshot(t *testing.T) {
	s := newSnapshot(nil, 1, 1)
	if i, ok := s.Find(1); i != 0 || ok || s.Len() != 0 || s.FirstUnseen() != -1 {
		t.Errorf("Find = %d, %t; Len %d; FirstUnseen %d", i, ok, s.Len(), s.FirstUnseen())
	}
	full := s.apply(&change{modseq: 2, uidNext: 3, added: []entry{{uid: 1}, {uid: 2}}})
	if gone, changed, added := full.Diff(s); gone != nil || changed != nil || added != 0 {
		t.Errorf("from empty: %v %v %d", gone, changed, added)
	}
	if gone, changed, added := full.apply(&change{modseq: 3, removed: []uidRange{{1, 2}}}).Diff(full); len(gone) != 2 || changed != nil || added != 0 {
		t.Errorf("to empty: %v %v %d", gone, changed, added)
	}
}

func TestChangedSinceAcrossPages(t *testing.T) {
	l := listView{uidNext: 1, modseq: 9}
	for i := range 2*pageSize + 100 {
		l.list = append(l.list, entry{uid: l.uidNext, modseq: ModSeq(i % 10), content: ContentID(i)})
		l.uidNext += 3
	}
	s := l.snapshot()
	for _, since := range []ModSeq{0, 7, 8, 9} {
		var want, got []int
		for i := range s.Len() {
			if s.At(i).ModSeq > since {
				want = append(want, i)
			}
		}
		for i, e := range s.ChangedSince(since) {
			if e != s.At(i) {
				t.Errorf("since %d: message %d is %+v, want %+v", since, i, e, s.At(i))
			}
			got = append(got, i)
		}
		if !slices.Equal(got, want) {
			t.Errorf("since %d: %d messages, want %d", since, len(got), len(want))
		}
	}
	for i := range s.ChangedSince(0) {
		if i > pageSize+1 {
			break // must not be called again
		}
	}
}
