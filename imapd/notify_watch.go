package imapd

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// watchlist is what the client asked NOTIFY for, and what it knows of the mailboxes that it has not selected. What happens is found by looking
// again and comparing, so that nothing is queued: many changes before a look are told as one.
type watchlist struct {
	selected events     // of the selected mailbox
	delayed  bool       // expunges in it wait until sequence numbers may change
	plan     *fetchPlan // what to tell of new messages in it; nil: that they are there
	groups   []eventGroup
	all      events // of all groups
	others   bool   // groups reach what others share

	sub     *store.Subscription
	follows mailbox.ID  // the selected mailbox that sub wakes for
	around  []store.Key // of the last survey; sub wakes for them
	stale   atomic.Bool // sub has woken since the last look

	boxes []watchedBox // those that groups are about; with MailboxName all, so that renames are seen
	names []string     // subscribed ones, for SubscriptionChange
	sent  []arrival    // what the client itself put into mailboxes and no look has seen yet
	quiet []string     // mailboxes that a command of the client made on its way
}

// watchedName is what decides which groups a mailbox belongs to.
type watchedName struct {
	name            string
	own, subscribed bool
}

// watchedBox is a mailbox as the client knows it.
type watchedBox struct {
	watchedName
	readable bool
	id       mailbox.ID
	uidNext  mailbox.UID
	messages uint32
	modseq   mailbox.ModSeq
}

// arrival is what an APPEND, COPY, MOVE or REPLACE of the client added to a mailbox.
type arrival struct {
	name string
	last mailbox.UID
}

// live reports whether the client wants to be told of anything while no command runs.
func (w *watchlist) live() bool { return w != nil && w.selected|w.all != 0 }

// looksAround reports whether w is about other mailboxes than the selected one. If not, nothing is to be noted: no look would forget it.
func (w *watchlist) looksAround() bool { return w != nil && w.all != 0 }

func (w *watchlist) close() {
	if w.sub != nil {
		w.sub.Close()
	}
}

// wanted are the events that the groups want to know of a mailbox; several groups may be about one. RFC 5465 §6.
func (w *watchlist) wanted(n *watchedName) (e events) {
	for i := range w.groups {
		if g := &w.groups[i]; g.events&^e != 0 && g.matches(n) {
			e |= g.events
		}
	}
	return e
}

func (g *eventGroup) matches(n *watchedName) bool {
	switch g.of {
	case ofPersonal:
		return n.own
	case ofSubscribed:
		return n.subscribed
	case ofMailboxes:
		return g.hasName(n.name)
	case ofSubtree:
		for i := range len(n.name) {
			if n.name[i] == '/' && g.hasName(n.name[:i]) {
				return true
			}
		}
		return g.hasName(n.name) || g.hasName("")
	}
	return false
}

func (g *eventGroup) hasName(name string) bool {
	_, ok := slices.BinarySearch(g.names, name)
	return ok
}

// boxOf is a mailbox of a survey as the client learns of it.
func (c *conn) boxOf(s *mailbox.Status) watchedBox {
	return watchedBox{
		watchedName: watchedName{s.Mailbox.Name, s.Mailbox.Owner == c.who, s.Mailbox.Subscribed},
		readable:    c.srv.mail.RightsOn(c.who, &s.Mailbox).Has(mailbox.RightRead),
		id:          s.Mailbox.ID, uidNext: s.UIDNext, messages: s.Messages, modseq: s.HighestModSeq,
	}
}

// remember keeps of a survey's mailboxes what the groups are about; false if they are more than most.
func (w *watchlist) remember(boxes []watchedBox, names []string, most int) bool {
	w.boxes = w.boxes[:0]
	for i := range boxes {
		if w.all&mailboxName != 0 || w.wanted(&boxes[i].watchedName) != 0 {
			w.boxes = append(w.boxes, boxes[i])
		}
	}
	if w.all&subscriptionChange != 0 {
		w.names = names
	}
	return len(w.boxes) <= most
}

func (w *watchlist) named(name string) *watchedBox {
	for i := range w.boxes {
		if w.boxes[i].name == name {
			return &w.boxes[i]
		}
	}
	return nil
}

// nameOf is what is known of a name.
func (w *watchlist) nameOf(name string, own bool) *watchedName {
	if b := w.named(name); b != nil {
		return &b.watchedName
	}
	return &watchedName{name: name, own: own}
}

// listen waits for what w is about, in the place of what it waited for before.
func (c *conn) listen(w *watchlist) {
	keys := append([]store.Key{directory.AccountKey(c.id.Account.ID)}, w.around...)
	if w.follows = 0; c.sel != nil {
		w.follows = c.sel.box.Mailbox().ID
		keys = append(keys, mailbox.Key(w.follows))
		if c.sel.box.Shared() {
			keys = append(keys, directory.ListKey())
		}
	}
	if w.all&(mailboxMetadataChange|serverMetadataChange) != 0 {
		keys = append(keys, mailbox.MetadataKey())
	}
	w.close()
	w.sub = c.srv.store.Subscribe(keys...)
	w.stale.Store(true) // what woke the one before may not have been noticed
}

// lookAround surveys the mailboxes; whatever changes after it wakes w.sub.
func (c *conn) lookAround(ctx context.Context, w *watchlist) (*mailbox.Survey, error) {
	for {
		w.stale.Store(false)
		s, err := c.srv.mail.Survey(ctx, c.who, w.others)
		if err != nil {
			return nil, err
		}
		if w.sub != nil && slices.Equal(w.around, s.Keys) {
			return &s, nil
		}
		w.around = s.Keys
		c.listen(w)
	}
}

// attend waits for input, at most until something happens. A client that asked by NOTIFY is told what has, and what does while it waits.
func (c *conn) attend(ctx context.Context) error {
	if w := c.watched; w.live() {
		if err := c.tellNow(ctx, !w.delayed); err != nil {
			return err
		}
	}
	stop := func() {}
	if c.watched.live() {
		stop = c.wakeOn(nil)
	}
	defer stop()
	if err := c.pause(); err != nil {
		return err
	}
	err := c.rd.fill(idleTime, true)
	if err == errWoken {
		return c.interrupted()
	}
	return err
}

// tellNow tells everything that the client is to hear outside of commands. expunge: sequence numbers may change now.
func (c *conn) tellNow(ctx context.Context, expunge bool) error {
	c.w.ensure()
	if w := c.watched; w.live() && (w.sub == nil || w.follows != c.selectedID()) {
		c.listen(w)
	}
	if err := c.sync(expunge); err != nil {
		return err
	}
	if err := c.tellWatched(ctx); err != nil {
		return err
	}
	return c.syncMetadata(ctx)
}

func (c *conn) selectedID() mailbox.ID {
	if c.sel == nil {
		return 0
	}
	return c.sel.box.Mailbox().ID
}

// arrived notes what a command of the client added to a mailbox, so that it is not told of it. RFC 5465 §5.
func (c *conn) arrived(name string, uids []mailbox.UID) {
	if c.watched == nil || len(uids) == 0 {
		return
	}
	name = stored(name)
	first, last := uids[0], uids[len(uids)-1]
	if c.sel != nil && c.sel.box.Mailbox().Name == name {
		c.acted, c.sel.sent = true, seqRange{uint32(first), uint32(last)}
		return
	}
	if b := c.watched.named(name); b != nil {
		c.watched.sent = append(c.watched.sent, arrival{name, last})
	}
}

// made notes that the client made a mailbox, and the levels above it where there were none.
func (w *watchlist) made(b *mailbox.Mailbox) {
	if !w.looksAround() {
		return
	}
	w.boxes = append(w.boxes, watchedBox{watchedName: watchedName{name: b.Name, own: !mailbox.Reserved(b.Name), subscribed: b.Subscribed}, readable: true,
		id: b.ID, uidNext: 1, modseq: 1})
	w.quietAbove(b.Name)
}

func (w *watchlist) quietAbove(name string) {
	for i := range len(name) {
		if name[i] == '/' {
			w.quiet = append(w.quiet, name[:i])
		}
	}
}

// deleted notes that the client deleted a mailbox.
func (w *watchlist) deleted(name string) {
	if name = stored(name); w != nil {
		w.boxes = slices.DeleteFunc(w.boxes, func(b watchedBox) bool { return b.name == name })
	}
}

// renamed notes that the client renamed a mailbox and those below it. INBOX stays, and its messages come into a new one.
func (w *watchlist) renamed(from, to string) {
	if !w.looksAround() {
		return
	}
	from, to = stored(from), stored(to)
	w.quietAbove(to)
	if from == "INBOX" {
		w.quiet = append(w.quiet, to)
		return
	}
	for i := range w.boxes {
		if rest, ok := strings.CutPrefix(w.boxes[i].name, from); ok && (rest == "" || rest[0] == '/') {
			w.boxes[i].name = to + rest
		}
	}
}

// setSubscribed notes that the client changed its subscriptions.
func (w *watchlist) setSubscribed(name string, on bool) {
	if w == nil || w.all&subscriptionChange == 0 {
		return
	}
	name = stored(name)
	if i, ok := slices.BinarySearch(w.names, name); ok != on {
		if on {
			w.names = slices.Insert(w.names, i, name)
		} else {
			w.names = slices.Delete(w.names, i, i+1)
		}
	}
}

// left notes what the client knows of the mailbox that it selected no longer: from now on it belongs to the groups.
func (w *watchlist) left(s *selected) {
	if w == nil {
		return
	}
	id := s.box.Mailbox().ID
	if i := slices.IndexFunc(w.boxes, func(b watchedBox) bool { return b.id == id }); i >= 0 {
		b := &w.boxes[i]
		b.uidNext, b.messages, b.modseq = s.snap.UIDNext(), uint32(s.snap.Len()), s.snap.HighestModSeq()
		w.stale.Store(true)
	}
}
