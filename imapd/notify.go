package imapd

import (
	"context"
	"math"
	"slices"
	"strings"

	"schulhof/mailbox"
)

// events are what NOTIFY can ask for. RFC 5465 §5.
type events uint8

const (
	messageNew events = 1 << iota
	messageExpunge
	flagChange
	mailboxName
	subscriptionChange
	mailboxMetadataChange
	serverMetadataChange

	messageEvents = messageNew | messageExpunge | flagChange
)

// eventNames are all events that are supported, by bit. AnnotationChange is not: there are no annotations.
var eventNames = [...]string{
	"MessageNew", "MessageExpunge", "FlagChange", "MailboxName", "SubscriptionChange", "MailboxMetadataChange", "ServerMetadataChange",
}

// filter says which mailboxes an event group is about. RFC 5465 §6.
type filter uint8

const (
	ofSelected        filter = iota // the one that is selected, whichever it is
	ofSelectedDelayed               // the same; expunges wait until sequence numbers may change
	ofPersonal                      // all of one's own
	ofSubscribed
	ofSubtree // names and what stands below them
	ofMailboxes
)

// eventGroup is one pair of mailboxes and events.
type eventGroup struct {
	of     filter
	names  []string // of ofSubtree and ofMailboxes, ascending
	events events
	plan   fetchPlan // of ofSelected: what to tell of new messages
}

// notify replaces what the client is told of what it did not do itself: SET lists the events, NONE leaves none. RFC 5465 §3.1.
func (c *conn) notify(ctx context.Context, p *parser) error {
	p.sp()
	var ask watchRequest
	word := p.keyword()
	switch word {
	case "SET":
		p.watchRequest(&ask)
	case "NONE":
	default:
		p.fail("expected SET or NONE, found %q", word)
	}
	if err := p.end(); err != nil {
		return err
	}
	if ask.unsupported != "" {
		return no("BADEVENT ("+strings.Join(eventNames[:], " ")+")", forLog(ask.unsupported)+" is not supported")
	}
	w := ask.watchlist()
	if word == "NONE" {
		c.setWatched(w)
		return nil
	}
	if err := c.syncAll(); err != nil {
		return err
	}
	s, err := c.beginWatching(ctx, w)
	if err != nil {
		return err
	}
	return c.tellBeginning(ctx, w, s, ask.status)
}

// syncAll is NOOP as it was before NOTIFY: what has collected is told, whatever the client wants to hear from now on.
func (c *conn) syncAll() error {
	before := c.watched
	c.watched = nil
	err := c.sync(true)
	c.watched = before
	return err
}

// beginWatching looks at the mailboxes that w is about and puts w in the place of what was asked for before.
func (c *conn) beginWatching(ctx context.Context, w *watchlist) (s *mailbox.Survey, err error) {
	news := w.all&(mailboxMetadataChange|serverMetadataChange) != 0
	if news && !c.hearsMetadata() {
		if _, c.noted, err = c.srv.mail.MetadataChanges(ctx, c.who, math.MaxUint64, c.serial); err != nil {
			return nil, err
		}
	}
	if w.all != 0 {
		if s, err = c.lookAround(ctx, w); err != nil {
			w.close()
			return nil, err
		}
		boxes := make([]watchedBox, len(s.Boxes))
		for i := range s.Boxes {
			boxes[i] = c.boxOf(&s.Boxes[i])
		}
		if !w.remember(boxes, s.Names, c.srv.mostWatched) {
			w.close()
			return nil, no("NOTIFICATIONOVERFLOW", "Too many mailboxes, at most "+decimal(int64(c.srv.mostWatched)))
		}
	}
	if w.plan != nil && w.plan.has(itemModSeq) {
		c.enableCondstore()
	}
	c.setWatched(w)
	return s, nil
}

// tellBeginning answers NOTIFY SET: with STATUS the counts of the mailboxes whose messages are watched, and the names of those which the client
// may not read. RFC 5465 §3.1.
func (c *conn) tellBeginning(ctx context.Context, w *watchlist, s *mailbox.Survey, status bool) error {
	var names []string
	for _, b := range w.boxes {
		wanted := w.wanted(&b.watchedName)
		switch {
		case wanted == 0:
		case !b.readable:
			names = append(names, b.name)
		case status && wanted&messageEvents != 0 && !c.isSelected(b.id):
			names = append(names, b.name)
		}
	}
	slices.SortFunc(names, mailbox.CompareNames)
	var counted []string
	for _, name := range names {
		if b := w.named(name); b.readable {
			counted = append(counted, name)
		} else {
			c.nameLine(s, nameNews{name: name})
		}
	}
	return c.tellCounts(ctx, w, counted)
}

// setWatched puts w in the place of what was watched; nil is as before the first NOTIFY.
func (c *conn) setWatched(w *watchlist) {
	if c.watched != nil {
		c.watched.close()
	}
	c.watched = w
}

// overflow ends notifications that are too many: as after NOTIFY NONE. RFC 5465 §5.8.
func (c *conn) overflow(text string) {
	c.untaggedOK("NOTIFICATIONOVERFLOW", text)
	c.setWatched(&watchlist{})
}

// heard are the events of the selected mailbox that the client is told. What its own command did to the mailbox is always told.
func (c *conn) heard() events {
	switch {
	case c.watched == nil:
		return messageEvents
	case c.acted:
		return c.watched.selected | messageNew | messageExpunge
	}
	return c.watched.selected
}

// hearsMetadata: NOTIFY says which metadata are told; before it, ENABLE did.
func (c *conn) hearsMetadata() bool {
	if c.watched != nil {
		return c.watched.all&(mailboxMetadataChange|serverMetadataChange) != 0
	}
	return c.enabled&(metadata|metadataServer) != 0
}

// hears tells whether the client wants to know of a change of metadata. RFC 5464 §4.4.2, RFC 5465 §5.6, §5.7.
func (c *conn) hears(change *mailbox.MetadataChange) bool {
	w := c.watched
	switch {
	case w == nil:
		return change.Mailbox == 0 || c.enabled&metadata != 0
	case change.Mailbox == 0:
		return w.all&serverMetadataChange != 0
	}
	return w.wanted(w.nameOf(change.Path, change.Owner == c.who))&mailboxMetadataChange != 0
}

func (c *conn) isSelected(id mailbox.ID) bool { return c.sel != nil && c.sel.box.Mailbox().ID == id }
