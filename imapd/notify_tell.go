package imapd

import (
	"context"
	"slices"
	"strings"

	"schulhof/mailbox"
)

// news is what a look around found that the client is to be told.
type news struct {
	*watchlist
	quietNow []string
	removed  []string          // names to be told by LIST: of what is gone
	names    map[string]string // the others, with the old name of what was renamed
	counts   []string          // to be told by STATUS
	renames  map[string]string // from old to new, all of them
	appeared []watchedBox
	gone     []watchedBox
	survey   *mailbox.Survey
}

// tellWatched tells what happened in the mailboxes that are not selected. RFC 5465 §5.
func (c *conn) tellWatched(ctx context.Context) error {
	w := c.watched
	if !w.looksAround() || c.quit {
		return nil
	}
	select {
	case <-w.sub.C():
		w.stale.Store(true)
	default:
	}
	if !w.stale.Load() {
		return nil
	}
	s, err := c.lookAround(ctx, w)
	if err != nil {
		return err
	}
	boxes := make([]watchedBox, len(s.Boxes))
	for i := range s.Boxes {
		boxes[i] = c.boxOf(&s.Boxes[i])
	}
	n := w.compare(boxes, s, c.selectedID())
	if !w.remember(boxes, s.Names, c.srv.mostWatched) {
		c.overflow("There are too many mailboxes to watch")
		return nil
	}
	for _, l := range n.lines() {
		c.nameLine(s, l)
	}
	return c.tellCounts(ctx, w, n.counts)
}

// nameNews is one LIST that nobody asked for.
type nameNews struct {
	name, old string
	gone      bool // what had that name is no longer there, whatever has it now
}

// lines are the names in an order in which a client can take them in: what is gone first, then new names, those below others before them.
func (n *news) lines() []nameNews {
	list := make([]nameNews, 0, len(n.removed)+len(n.names))
	for _, name := range n.removed {
		list = append(list, nameNews{name: name, gone: true})
	}
	for name, old := range n.names {
		list = append(list, nameNews{name: name, old: old})
	}
	slices.SortFunc(list, func(a, b nameNews) int {
		switch {
		case a.gone != b.gone:
			return order(a.gone)
		case (a.old == "") != (b.old == ""):
			return order(a.old != "")
		case len(a.old) != len(b.old):
			return len(b.old) - len(a.old)
		}
		return mailbox.CompareNames(a.name, b.name)
	})
	return list
}

// order is that of two things of which the first is first, or the second.
func order(first bool) int {
	if first {
		return -1
	}
	return 1
}

// compare finds out what the client does not know of boxes, which are those of s. selected: whose messages are not told here.
func (w *watchlist) compare(boxes []watchedBox, s *mailbox.Survey, selected mailbox.ID) *news {
	n := &news{watchlist: w, names: map[string]string{}, renames: map[string]string{}, survey: s, quietNow: w.quiet}
	w.quiet = nil
	before := make(map[mailbox.ID]*watchedBox, len(w.boxes))
	for i := range w.boxes {
		before[w.boxes[i].id] = &w.boxes[i]
	}
	for i := range boxes {
		b := &boxes[i]
		old := before[b.id]
		delete(before, b.id)
		if old == nil {
			n.appeared = append(n.appeared, *b)
			continue
		}
		if old.name != b.name {
			n.renames[old.name] = b.name
		}
		n.access(old, b)
		if b.id != selected && n.counted(old, b) {
			n.counts = append(n.counts, b.name)
		}
	}
	for _, old := range before {
		n.gone = append(n.gone, *old)
	}
	n.listed(selected)
	n.renamed()
	n.subscriptions()
	slices.SortFunc(n.counts, mailbox.CompareNames)
	w.sent = nil
	return n
}

// access tells that the client may no longer read a mailbox, or that it may again. RFC 5465 §5.9.
func (n *news) access(old, b *watchedBox) {
	if old.readable != b.readable && n.wanted(&b.watchedName) != 0 {
		n.tellName(b.name)
	}
}

// counted tells whether STATUS is to be sent of a mailbox that was there before.
func (n *news) counted(old, b *watchedBox) bool {
	want := n.wanted(&b.watchedName) & messageEvents
	if want == 0 || !b.readable {
		return false
	}
	if !old.readable || n.wanted(&old.watchedName)&messageEvents == 0 {
		return true // the client knows nothing of its messages
	}
	if b.modseq == old.modseq || n.ownArrival(old, b) {
		return false
	}
	return b.uidNext != old.uidNext || b.messages != old.messages || want&flagChange != 0
}

// ownArrival: all that happened is what the client itself put there.
func (n *news) ownArrival(old, b *watchedBox) bool {
	return b.modseq == old.modseq+1 && slices.Contains(n.sent, arrival{b.name, b.uidNext - 1})
}

// listed finds the names and counts of mailboxes that came or went; that affects the level above them, too. RFC 5465 §5.4.
func (n *news) listed(selected mailbox.ID) {
	for i := range n.appeared {
		b := &n.appeared[i]
		if slices.Contains(n.quietNow, b.name) {
			continue
		}
		want := n.wanted(&b.watchedName)
		n.tellParent(b)
		if want&mailboxName != 0 {
			n.tellName(b.name)
		}
		again := slices.ContainsFunc(n.gone, func(g watchedBox) bool { return g.name == b.name })
		if want&messageEvents != 0 && b.readable && b.id != selected && (b.uidNext > 1 || again) {
			n.counts = append(n.counts, b.name)
		}
	}
	for i := range n.gone {
		b := &n.gone[i]
		want := n.wanted(&b.watchedName)
		n.tellParent(b)
		if want&mailboxName != 0 || want != 0 && !b.own {
			n.removed = append(n.removed, b.name)
		}
	}
}

func (n *news) tellName(name string) {
	if _, ok := n.names[name]; !ok {
		n.names[name] = ""
	}
}

func (n *news) tellParent(b *watchedBox) {
	i := strings.LastIndexByte(b.name, '/')
	if i < 0 {
		return
	}
	above := watchedName{name: b.name[:i], own: b.own}
	_, above.subscribed = slices.BinarySearch(n.survey.Names, above.name)
	if n.wanted(&above)&mailboxName != 0 {
		n.tellName(above.name)
	}
}

// renamed tells new names. What moved along with the mailbox above it is not told if that is. RFC 5465 §5.4.
func (n *news) renamed() {
	told := map[string]bool{}
	for old, now := range n.renames {
		told[old] = n.wantsRename(old, now)
	}
	for old, now := range n.renames {
		along := false
		for i := range len(old) {
			above := old[:i]
			along = along || old[i] == '/' && told[above] && now == n.renames[above]+old[i:]
		}
		if told[old] && !along {
			n.names[now] = old
		}
	}
}

func (n *news) wantsRename(old, now string) bool {
	own := !mailbox.Reserved(now)
	a, b := watchedName{name: old, own: own}, watchedName{name: now, own: own}
	_, a.subscribed = slices.BinarySearch(n.survey.Names, old)
	_, b.subscribed = slices.BinarySearch(n.survey.Names, now)
	return (n.wanted(&a)|n.wanted(&b))&mailboxName != 0
}

// subscriptions tells names that were subscribed, or are so no longer. RFC 5465 §5.5.
func (n *news) subscriptions() {
	if n.all&subscriptionChange == 0 {
		return
	}
	for _, lists := range [2][2][]string{{n.watchlist.names, n.survey.Names}, {n.survey.Names, n.watchlist.names}} {
		for _, name := range lists[0] {
			if _, both := slices.BinarySearch(lists[1], name); both {
				continue
			}
			if n.wanted(&watchedName{name: name, own: !mailbox.Reserved(name), subscribed: true})&subscriptionChange != 0 {
				n.tellName(name)
			}
		}
	}
}

// nameLine writes * LIST of a name as s has it. RFC 5465 §5.4, §5.9.
func (c *conn) nameLine(s *mailbox.Survey, l nameNews) {
	name := l.name
	i, there := slices.BinarySearchFunc(s.Boxes, name, func(b mailbox.Status, name string) int { return mailbox.CompareNames(b.Mailbox.Name, name) })
	j, _ := slices.BinarySearchFunc(s.Boxes, name+"/", func(b mailbox.Status, name string) int { return mailbox.CompareNames(b.Mailbox.Name, name) })
	parent := j < len(s.Boxes) && strings.HasPrefix(s.Boxes[j].Mailbox.Name, name+"/")
	there = there && !l.gone
	var attrs []string
	if !there {
		attrs = append(attrs, `\NonExistent`)
	}
	if there && !c.srv.mail.RightsOn(c.who, &s.Boxes[i].Mailbox).Has(mailbox.RightRead) || !there && !parent && mailbox.Reserved(name) {
		attrs = append(attrs, `\NoAccess`)
	}
	switch {
	case parent:
		attrs = append(attrs, `\HasChildren`)
	case there:
		attrs = append(attrs, `\HasNoChildren`)
	}
	if _, subscribed := slices.BinarySearch(s.Names, name); subscribed {
		attrs = append(attrs, `\Subscribed`)
	}
	if there && s.Boxes[i].Mailbox.SpecialUse != "" {
		attrs = append(attrs, s.Boxes[i].Mailbox.SpecialUse)
	}
	w := c.w
	w.str("* LIST (")
	w.str(strings.Join(attrs, " "))
	w.str(`) "/" `)
	w.mailbox(name)
	if l.old != "" {
		w.str(` ("OLDNAME" (`)
		w.mailbox(l.old)
		w.str("))")
	}
	w.crlf()
}

// tellCounts writes * STATUS of mailboxes with what the groups want to know. RFC 5465 §3.1, §5.1 to §5.3.
func (c *conn) tellCounts(ctx context.Context, w *watchlist, names []string) error {
	if len(names) == 0 {
		return nil
	}
	counts, err := c.countsOf(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		s, b := counts[name], w.named(name)
		if s == nil || b == nil {
			continue // gone meanwhile: the next look tells
		}
		b.uidNext, b.messages, b.modseq = s.UIDNext, s.Messages, s.HighestModSeq
		items := []string{"MESSAGES", "UIDNEXT", "UIDVALIDITY"}
		if w.wanted(&b.watchedName)&flagChange != 0 {
			items = append(items, "UNSEEN", "HIGHESTMODSEQ")
		} else if c.enabled&condstore != 0 {
			items = append(items, "HIGHESTMODSEQ")
		}
		c.statusLine(s, items)
		if err := c.w.flushIfFull(); err != nil {
			return err
		}
	}
	return nil
}

// tellNew fetches what the client wants to know of messages that came into the selected mailbox, except of those that it put there itself.
// added: the index of the first. RFC 5465 §5.2.
func (c *conn) tellNew(added int) error {
	s := c.sel
	own := s.sent
	s.sent = seqRange{}
	if c.watched == nil || c.watched.plan == nil {
		return nil
	}
	var idx []int
	for i := added; i < s.snap.Len(); i++ {
		if uid := uint32(s.snap.UIDAt(i)); uid < own.first || uid > own.last {
			idx = append(idx, i)
		}
	}
	if len(idx) > c.srv.mostNews {
		c.overflow("Too many new messages at once")
		return nil
	}
	if len(idx) == 0 {
		return nil
	}
	f := fetchers.Get().(*fetcher)
	defer f.release()
	f.start(c, c.watched.plan)
	return f.run(context.Background(), idx)
}
