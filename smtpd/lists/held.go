package lists

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// Reason is why a message is held.
type Reason string

// The reasons.
const (
	ReasonModeration Reason = "moderation" // its list is moderated
	ReasonLimit      Reason = "limit"      // its sender has used up a limit
)

// State is what became of a held message.
type State string

// The states.
const (
	StateWaiting  State = "waiting"
	StateApproved State = "approved" // it was sent
	StateRejected State = "rejected"
	StateExpired  State = "expired" // nobody decided in time: it was not sent
)

// Held is a message that waits, or has waited.
type Held struct {
	ID         int64
	Reason     Reason
	Group      directory.ID // the moderated group, or 0
	Account    directory.ID // who wrote, 0: somebody elsewhere
	Sender     string
	Recipients []string
	Author     string // From, for people
	Subject    string
	Rule       string // why it is held, a sentence for people
	Size       int64
	TraceID    string
	RequireTLS bool
	Received   time.Time
	Expires    time.Time
	State      State
	Decided    time.Time // zero while it waits
	DecidedBy  string

	token string
	blob  store.BlobID
}

// NewHeld is a message to be held.
type NewHeld struct {
	Reason     Reason
	Group      directory.ID
	Account    directory.ID
	Sender     string
	Recipients []string
	Rule       string
	TraceID    string
	Message    *mailbox.Prepared
	RequireTLS bool // RFC 8689
	// For HoldAll: further copies and rows of the same commit; Also may be nil.
	Copies []mailbox.To
	Also   func(tx *store.Tx) error
}

// Holding is a message that is about to be held: who is told of it, and the rows to write.
type Holding struct {
	lists  *Lists
	held   Held
	blob   *store.Blob
	notice *mailbox.Prepared
	To     []mailbox.To // the notices, to be delivered in the same commit
}

// Hold prepares to hold a message: the moderators of its group, or the administrators, will get a notice. Write holds it, in the transaction
// that delivers the notices; then Release. fault.Limit: too many wait already. fault.Refused: there is nobody to decide.
func (l *Lists) Hold(ctx context.Context, n NewHeld) (*Holding, error) {
	if len(n.Recipients) > maxRecipients {
		return nil, fault.New(fault.Limit, "a message with more than %d recipients cannot be held", maxRecipients)
	}
	now := l.now()
	h := &Holding{lists: l, blob: n.Message.Blob, held: Held{
		Reason: n.Reason, Group: n.Group, Account: n.Account, Sender: n.Sender, Recipients: n.Recipients, Rule: n.Rule, TraceID: n.TraceID, RequireTLS: n.RequireTLS,
		Author: shownAuthor(n.Message.Index), Subject: shorten(n.Message.Index.Headers.Subject), Size: n.Message.Blob.Size,
		Received: now, Expires: now.Add(HoldFor), State: StateWaiting, token: newToken(),
	}}
	deciders := l.dir.Administrators()
	if n.Reason == ReasonModeration {
		deciders = l.dir.Moderators(n.Group)
	}
	if len(deciders) == 0 {
		return nil, fault.New(fault.Refused, "this list is moderated and has nobody to decide / Niemand kann ueber diese Nachricht entscheiden")
	}
	if n.Reason == ReasonLimit {
		due, err := l.limitDue(ctx, n.Account)
		if err != nil || !due {
			return h, err // they have been told within the hour
		}
	}
	var err error
	if h.notice, err = l.prepareText(ctx, l.heldNotice(ctx, &h.held)); err != nil {
		return nil, err
	}
	for _, a := range deciders {
		h.To = append(h.To, mailbox.To{Owner: a.ID, Message: h.notice})
	}
	return h, nil
}

// Write holds the message, in tx. It may run again. fault.Limit.
func (h *Holding) Write(tx *store.Tx) error {
	n, err := countWaiting(tx, &h.held)
	if err != nil {
		return err
	}
	if n >= MaxHeld {
		return fault.New(fault.Limit, "%d messages wait for a decision already", MaxHeld)
	}
	blob, err := tx.Reference(h.blob)
	if err != nil {
		return fmt.Errorf("hold message: %w", err)
	}
	if h.held.Reason == ReasonLimit && len(h.To) > 0 {
		first, err := limitTold(tx, h.held.Account, h.held.Received)
		if err != nil {
			return err
		}
		if !first {
			return errTold
		}
	}
	return insertHeld(tx, &h.held, blob)
}

// errTold is that somebody else told the administrators meanwhile.
var errTold = errors.New("told already")

// HoldAll holds a message of which nothing is delivered now, and tells those who decide.
func (l *Lists) HoldAll(ctx context.Context, n NewHeld) error {
	for {
		h, err := l.Hold(ctx, n)
		if err != nil {
			return err
		}
		_, err = l.mail.Deliver(ctx, mailbox.Delivery{Recipients: slices.Concat(h.To, n.Copies), TraceID: n.TraceID, Also: func(tx *store.Tx) error {
			err := h.Write(tx)
			if err == nil && n.Also != nil {
				err = n.Also(tx)
			}
			return err
		}})
		h.Release()
		if !errors.Is(err, errTold) {
			return err
		}
	}
}

// Release lets go of the notice; harmless when repeated.
func (h *Holding) Release() { h.notice.Release() }

// Held lists messages that are held, the oldest first; all: those decided lately too.
func (l *Lists) Held(ctx context.Context, all bool) (list []Held, err error) {
	err = l.store.Read(ctx, func(tx *store.Tx) error {
		list, err = selectHeld(tx, all)
		return err
	})
	return list, err
}

// purge drops what is held for a group or of an account that goes.
func (l *Lists) purge(tx *store.Tx, id directory.ID, _ bool) error {
	list, err := heldOf(tx, id)
	if err != nil {
		return err
	}
	for _, h := range list {
		if h.blob != 0 {
			if err := tx.Dereference(h.blob, 1); err != nil {
				return fmt.Errorf("drop held message: %w", err)
			}
		}
		if err := deleteHeld(tx, h.ID); err != nil {
			return err
		}
	}
	return nil
}

// newToken is 80 random bits that survive a mail address in any case.
func newToken() string {
	var b [10]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// shownAuthor is From for people.
func shownAuthor(x *message.Index) string {
	if len(x.Headers.From) == 0 {
		return ""
	}
	a := x.Headers.From[0]
	if a.Name == "" {
		return shorten(a.Local + "@" + a.Domain)
	}
	return shorten(a.Name + " <" + a.Local + "@" + a.Domain + ">")
}

// shorten keeps what people need to see.
func shorten(s string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
	if len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return string(runes)
}
