package imapd

import (
	"slices"

	"schulhof/mailbox"
)

// answer writes the untagged answer of SEARCH or SORT for hits (indexes in the client's snapshot, in
// the order to be told) and saves the result if that was asked.
func (s *searchCommand) answer(hits []int) {
	c := s.c
	if s.ret&returnSave != 0 {
		s.save(hits)
	}
	switch {
	case !s.extended && s.name == "SEARCH" && c.enabled&rev2 != 0:
		s.ret = returnAll // RFC 9051 §6.4.4: always ESEARCH
		s.esearch(hits)
	case !s.extended:
		s.plain(hits)
	case s.ret != returnSave:
		s.esearch(hits)
	}
}

// number is what the client calls the message at i: its sequence number or its UID.
func (c *conn) number(i int) uint32 {
	if c.uidMode {
		return uint32(c.sel.snap.UIDAt(i))
	}
	return uint32(i + 1)
}

// plain writes "* SEARCH 2 3 5 (MODSEQ 9)".
func (s *searchCommand) plain(hits []int) {
	w := s.c.w
	w.str("* ")
	w.str(s.name)
	for _, i := range hits {
		w.sp()
		w.num(int64(s.c.number(i)))
	}
	if s.keys.modseq && len(hits) > 0 {
		w.str(" (MODSEQ ")
		w.num(int64(s.highest(hits)))
		w.str(")")
	}
	w.crlf()
}

// esearch writes the ESEARCH answer. RFC 4731 §3.1, for SORT RFC 5267 §3: "first" and "last" are
// those of the order that was asked for.
func (s *searchCommand) esearch(hits []int) {
	c, w := s.c, s.c.w
	w.str("* ESEARCH (TAG ")
	w.quoted(c.tag)
	w.str(")")
	if c.uidMode {
		w.str(" UID")
	}
	if s.ret&returnMin != 0 && len(hits) > 0 {
		w.str(" MIN ")
		w.num(int64(c.number(hits[0])))
	}
	if s.ret&returnMax != 0 && len(hits) > 0 {
		w.str(" MAX ")
		w.num(int64(c.number(hits[len(hits)-1])))
	}
	if s.ret&returnAll != 0 && len(hits) > 0 {
		w.str(" ALL ")
		s.all(hits)
	}
	if s.ret&returnCount != 0 {
		w.str(" COUNT ")
		w.num(int64(len(hits)))
	}
	if s.keys.modseq && len(hits) > 0 {
		w.str(" MODSEQ ")
		w.num(int64(s.highest(s.returned(hits))))
	}
	w.crlf()
}

// all writes hits as a set, runs of rising numbers as ranges; the order stays.
func (s *searchCommand) all(hits []int) {
	w := s.c.w
	for n := 0; n < len(hits); {
		first := s.c.number(hits[n])
		last := first
		for n++; n < len(hits) && s.c.number(hits[n]) == last+1; n++ {
			last++
		}
		w.num(int64(first))
		if last != first {
			w.str(":")
			w.num(int64(last))
		}
		if n < len(hits) {
			w.str(",")
		}
	}
}

// returned is which hits the answer names: with MIN and MAX alone only those two. RFC 4731 §3.2, RFC 5182 §2.1.
func (s *searchCommand) returned(hits []int) []int {
	if s.ret&(returnAll|returnCount) != 0 || s.ret&(returnMin|returnMax) == 0 || len(hits) == 0 {
		return hits
	}
	var some []int
	if s.ret&returnMin != 0 {
		some = append(some, hits[0])
	}
	if s.ret&returnMax != 0 && (len(hits) > 1 || len(some) == 0) {
		some = append(some, hits[len(hits)-1])
	}
	return some
}

// highest is the highest modseq of hits.
func (s *searchCommand) highest(hits []int) mailbox.ModSeq {
	var most mailbox.ModSeq
	for _, i := range hits {
		e := s.c.sel.snap.At(i)
		if j, ok := s.latest.Find(e.UID); ok {
			e = s.latest.At(j)
		}
		most = max(most, e.ModSeq)
	}
	return most
}

// save keeps the result for "$": UIDs, so that expunged messages drop out by themselves. RFC 5182 §2.1.
func (s *searchCommand) save(hits []int) {
	hits = s.returned(hits)
	saved := make([]mailbox.UID, len(hits))
	for n, i := range hits {
		saved[n] = s.c.sel.snap.UIDAt(i)
	}
	slices.Sort(saved)
	s.c.sel.saved = saved
}
