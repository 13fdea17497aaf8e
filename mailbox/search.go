package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

// Criteria is a search key tree. Exactly one meaning per node, chosen by Op.
type Criteria struct {
	Op       Op
	Children []*Criteria    // And (0 = ALL), Or (2), Not (1)
	Text     string         // Header value, Body, Text, Subject … substring (UTF-8)
	Header   string         // Header: field name (Subject, From, To, Cc, Bcc are Header too)
	Flags    Flags          // HasFlags: all of these set
	UIDs     func(UID) bool // UIDSet, SeqSet ($ and sequence numbers were resolved by the protocol)
	Number   int64          // Larger, Smaller, ModSeq, Older, Younger (seconds)
	Date     time.Time      // Before/On/Since and the Sent and Saved forms: midnight UTC of the day
	ID       int64          // EmailID, ThreadID
}

// Op is the meaning of one node of Criteria. RFC 9051 §6.4.4, RFC 5032 (Older, Younger), RFC 8514 (Saved…), RFC 7162 (ModSeqAtLeast), RFC 8474 (…IDIs).
type Op uint8

// The meanings.
const (
	And Op = iota
	Or
	Not
	UIDSet
	HasFlags
	Header
	Body
	Text
	Larger
	Smaller
	Before
	On
	Since
	SentBefore
	SentOn
	SentSince
	SavedBefore
	SavedOn
	SavedSince
	Older
	Younger
	ModSeqAtLeast
	EmailIDIs
	ThreadIDIs
)

// Search returns the indexes in snap of matching messages, ascending: exact IMAP substring semantics, whether or not the index has caught up.
// fault.Limit: nested too deeply. ctx bounds its time.
func (b *Box) Search(ctx context.Context, snap *Snapshot, c *Criteria) ([]int, error) {
	if err := b.may(RightRead); err != nil {
		return nil, err
	}
	if c.depth() > maxSearchDepth {
		return nil, fault.New(fault.Limit, "a search may be nested %d deep", maxSearchDepth)
	}
	all := make([]int, snap.Len())
	for i := range all {
		all[i] = i
	}
	s := &searcher{box: b, snap: snap, now: b.mail.now().Unix()}
	hits, err := s.eval(ctx, c, all)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return hits, nil
}

// depth is how deep c is nested, as far as it matters.
func (c *Criteria) depth() int {
	deepest := 0
	for level := []*Criteria{c}; len(level) > 0 && deepest <= maxSearchDepth; deepest++ {
		var next []*Criteria
		for _, n := range level {
			next = append(next, n.Children...)
		}
		level = next
	}
	return deepest
}

// searcher evaluates one search. Every step takes candidates (ascending indexes in snap) and returns those that match.
type searcher struct {
	box  *Box
	snap *Snapshot
	now  int64

	sink *textSink // made for the first message that is not indexed
	blob []byte
	buf  ContentBuf
}

// eval narrows candidates to those that c matches. Of And's children the cheap ones go first, so that text is looked at for few messages.
func (s *searcher) eval(ctx context.Context, c *Criteria, candidates []int) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	switch c.Op {
	case And:
		children := slices.Clone(c.Children)
		slices.SortStableFunc(children, func(a, b *Criteria) int { return a.cost() - b.cost() })
		var err error
		for _, child := range children {
			if candidates, err = s.eval(ctx, child, candidates); err != nil {
				return nil, err
			}
		}
		return candidates, nil
	case Or:
		return s.or(ctx, c.Children, candidates)
	case Not:
		if len(c.Children) != 1 {
			return nil, errCriteria
		}
		hits, err := s.eval(ctx, c.Children[0], candidates)
		return without(candidates, hits), err
	case Header, Body, Text:
		return s.text(ctx, c, candidates)
	case SentBefore, SentOn, SentSince:
		return s.sent(ctx, c, candidates)
	case SavedBefore, SavedOn, SavedSince:
		return s.saved(ctx, c, candidates)
	case ThreadIDIs:
		return s.thread(ctx, ThreadID(c.ID), candidates)
	}
	var hits []int
	for _, i := range candidates {
		e := s.snap.At(i)
		ok, err := s.matches(c, &e)
		if err != nil {
			return nil, err
		}
		if ok {
			hits = append(hits, i)
		}
	}
	return hits, nil
}

var errCriteria = errors.New("criteria that mean nothing")

// or looks with each child only at what the ones before did not match.
func (s *searcher) or(ctx context.Context, children []*Criteria, candidates []int) ([]int, error) {
	var hits []int
	for _, child := range children {
		more, err := s.eval(ctx, child, candidates)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
		candidates = without(candidates, more)
	}
	slices.Sort(hits)
	return hits, nil
}

// without returns those of list that gone does not have; both ascend.
func without(list, gone []int) []int {
	if len(gone) == 0 {
		return list
	}
	kept := make([]int, 0, len(list)-len(gone))
	for _, i := range list {
		if len(gone) > 0 && gone[0] == i {
			gone = gone[1:]
			continue
		}
		kept = append(kept, i)
	}
	return kept
}

// cost orders the children of And: what the view knows, what rows know, what texts know.
func (c *Criteria) cost() int {
	switch c.Op {
	case And, Or, Not:
		worst := 0
		for _, child := range c.Children {
			worst = max(worst, child.cost())
		}
		return worst
	case SentBefore, SentOn, SentSince, SavedBefore, SavedOn, SavedSince, ThreadIDIs:
		return 1
	case Header:
		return 2
	case Body, Text:
		return 3
	}
	return 0
}

// matches answers what the view knows.
func (s *searcher) matches(c *Criteria, e *Entry) (bool, error) {
	switch c.Op {
	case UIDSet:
		return c.UIDs(e.UID), nil
	case HasFlags:
		return e.Flags&c.Flags == c.Flags, nil
	case Larger:
		return e.Size > c.Number, nil
	case Smaller:
		return e.Size < c.Number, nil
	case Before:
		return dayOf(e.Date) < dayOf(c.Date.Unix()), nil
	case On:
		return dayOf(e.Date) == dayOf(c.Date.Unix()), nil
	case Since:
		return dayOf(e.Date) >= dayOf(c.Date.Unix()), nil
	case Older:
		return e.Date <= s.now-c.Number, nil
	case Younger:
		return e.Date >= s.now-c.Number, nil
	case ModSeqAtLeast:
		return int64(e.ModSeq) >= c.Number, nil
	case EmailIDIs:
		return int64(e.Content) == c.ID, nil
	}
	return false, fmt.Errorf("search key %d: %w", c.Op, errCriteria)
}

// sent compares the day of the Date field, as it is written there. Messages without a usable one have none that matches.
func (s *searcher) sent(ctx context.Context, c *Criteria, candidates []int) ([]int, error) {
	want := dayOf(c.Date.Unix())
	return s.each(ctx, candidates, nil, func(_ int, e *outline, _ *textDoc) verdict {
		switch {
		case e.day == noDay:
			return no
		case c.Op == SentBefore && e.day < want, c.Op == SentOn && e.day == want, c.Op == SentSince && e.day >= want:
			return yes
		}
		return no
	}, nil)
}

func (s *searcher) saved(ctx context.Context, c *Criteria, candidates []int) ([]int, error) {
	uids := make([]UID, len(candidates))
	for k, i := range candidates {
		uids[k] = s.snap.UIDAt(i)
	}
	dates, err := s.box.SaveDates(ctx, uids)
	if err != nil {
		return nil, err
	}
	want := dayOf(c.Date.Unix())
	var hits []int
	for k, i := range candidates {
		day := dayOf(dates[k])
		if c.Op == SavedBefore && day < want || c.Op == SavedOn && day == want || c.Op == SavedSince && day >= want {
			hits = append(hits, i)
		}
	}
	return hits, nil
}

// thread asks for the contents of a conversation and keeps the candidates that have one of them.
func (s *searcher) thread(ctx context.Context, id ThreadID, candidates []int) ([]int, error) {
	rows, err := s.box.sortRows(ctx, s.snap, candidates)
	if err != nil {
		return nil, err
	}
	var hits []int
	for k, i := range candidates {
		if rows[k].thread == id && rows[k].content != 0 {
			hits = append(hits, i)
		}
	}
	return hits, nil
}

// fold prepares a term for comparison with folded text, in which lines end with LF.
func foldTerm(text string) []byte {
	folded := message.Fold(text)
	out := make([]byte, 0, len(folded))
	for i := range len(folded) {
		if folded[i] != '\r' && folded[i] != 0 {
			out = append(out, folded[i])
		}
	}
	return out
}
