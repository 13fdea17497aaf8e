package mailbox

import (
	"iter"
	"slices"
	"sort"
)

// Entry is one message in a view.
type Entry struct {
	UID     UID
	Flags   Flags
	ModSeq  ModSeq
	Size    int64
	Date    int64 // internal date, unix seconds
	Content ContentID
}

// entry is Entry in 40 bytes.
type entry struct {
	content ContentID
	flags   Flags
	modseq  ModSeq
	date    int64
	uid     UID
	size    uint32
}

const entryBytes = 40

func (e *entry) public() Entry {
	return Entry{UID: e.uid, Flags: e.flags, ModSeq: e.modseq, Size: int64(e.size), Date: e.date, Content: e.content}
}

// page holds up to pageSize entries in ascending order of UIDs. It never changes once published, but the slots behind
// its last entry are filled by the page that follows it.
type page struct {
	entries []entry
	unseen  int32
	deleted int32
}

func (p *page) last() UID { return p.entries[len(p.entries)-1].uid }

func newPage(entries []entry) *page {
	p := &page{entries: entries}
	for i := range entries {
		p.count(entries[i].flags, 1)
	}
	return p
}

func (p *page) count(f Flags, n int32) {
	if f&Seen == 0 {
		p.unseen += n
	}
	if f&DeletedFlag != 0 {
		p.deleted += n
	}
}

// Snapshot is an immutable, copy-on-write view of a mailbox: pages of at most 1,024 entries, shared between snapshots.
type Snapshot struct {
	pages   []*page
	start   []int32 // index of each page's first entry, and the length
	unseen  int
	deleted int
	uidNext UID
	modseq  ModSeq
}

func newSnapshot(pages []*page, uidNext UID, modseq ModSeq) *Snapshot {
	s := &Snapshot{pages: pages, start: make([]int32, len(pages)+1), uidNext: uidNext, modseq: modseq}
	n := int32(0)
	for i, p := range pages {
		s.start[i] = n
		n += int32(len(p.entries))
		s.unseen += int(p.unseen)
		s.deleted += int(p.deleted)
	}
	s.start[len(pages)] = n
	return s
}

// Len is EXISTS.
func (s *Snapshot) Len() int { return int(s.start[len(s.start)-1]) }

// At returns the message with sequence number i+1.
func (s *Snapshot) At(i int) Entry { return s.at(i).public() }

// UIDAt returns the UID of the message with sequence number i+1.
func (s *Snapshot) UIDAt(i int) UID { return s.at(i).uid }

func (s *Snapshot) at(i int) *entry {
	p := s.pageOf(i)
	return &s.pages[p].entries[i-int(s.start[p])]
}

// pageOf finds the page that holds index i. Pages are mostly full, so the guess is mostly right.
func (s *Snapshot) pageOf(i int) int {
	p := min(i/pageSize, len(s.pages)-1)
	if int(s.start[p]) <= i && i < int(s.start[p+1]) {
		return p
	}
	return sort.Search(len(s.pages), func(p int) bool { return int(s.start[p+1]) > i })
}

// Find returns where uid is, or would be.
func (s *Snapshot) Find(uid UID) (i int, ok bool) {
	p := sort.Search(len(s.pages), func(p int) bool { return s.pages[p].last() >= uid })
	if p == len(s.pages) {
		return s.Len(), false
	}
	at, ok := find(s.pages[p].entries, uid)
	return int(s.start[p]) + at, ok
}

func find(entries []entry, uid UID) (int, bool) {
	return slices.BinarySearchFunc(entries, uid, func(e entry, uid UID) int {
		switch {
		case e.uid < uid:
			return -1
		case e.uid > uid:
			return 1
		}
		return 0
	})
}

// ChangedSince goes through the messages whose modseq is above since, with their indexes, ascending.
func (s *Snapshot) ChangedSince(since ModSeq) iter.Seq2[int, Entry] {
	return func(yield func(int, Entry) bool) {
		for p, page := range s.pages {
			for i := range page.entries {
				if e := &page.entries[i]; e.modseq > since && !yield(int(s.start[p])+i, e.public()) {
					return
				}
			}
		}
	}
}

// UIDNext is the UID that the next message gets.
func (s *Snapshot) UIDNext() UID { return s.uidNext }

// HighestModSeq is the modseq of the last change.
func (s *Snapshot) HighestModSeq() ModSeq { return s.modseq }

// Unseen counts the messages without \Seen.
func (s *Snapshot) Unseen() int { return s.unseen }

// FirstUnseen is the index of the first message without \Seen, or -1.
func (s *Snapshot) FirstUnseen() int {
	for p, page := range s.pages {
		if page.unseen == 0 {
			continue
		}
		for i := range page.entries {
			if page.entries[i].flags&Seen == 0 {
				return int(s.start[p]) + i
			}
		}
	}
	return -1
}

func (s *Snapshot) bytes() int64 {
	return int64(s.Len())*entryBytes + int64(len(s.pages))*64 + 256
}

// equal reports whether both hold the same messages; tests and Check compare a hot view with the rows.
func (s *Snapshot) equal(o *Snapshot) bool {
	if s.Len() != o.Len() || s.uidNext != o.uidNext || s.modseq != o.modseq || s.unseen != o.unseen || s.deleted != o.deleted {
		return false
	}
	for i := range s.Len() {
		if *s.at(i) != *o.at(i) {
			return false
		}
	}
	return true
}
