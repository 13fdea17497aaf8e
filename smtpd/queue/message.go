package queue

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// ID names a queued message for ever.
type ID int64

// Notify is the set of what a sender wants to hear of. RFC 3461 §4.1. The zero value is what holds when nothing was said:
// failures and delays.
type Notify int64

// The members of a Notify. Never excludes the others.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

var notifyWords = []struct {
	word string
	bit  Notify
}{{"NEVER", NotifyNever}, {"SUCCESS", NotifySuccess}, {"FAILURE", NotifyFailure}, {"DELAY", NotifyDelay}}

// ParseNotify reads the words of NOTIFY. Unknown ones are left out.
func ParseNotify(words []string) (n Notify) {
	for _, w := range notifyWords {
		if slices.Contains(words, w.word) {
			n |= w.bit
		}
	}
	return n
}

// Words are the words of NOTIFY, nil for none.
func (n Notify) Words() (words []string) {
	for _, w := range notifyWords {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return words
}

// wants reports whether the sender is to hear of what.
func (n Notify) wants(what Notify) bool {
	if n == 0 {
		return what != NotifySuccess
	}
	return n&what != 0
}

// Message is one message with its recipients, to be sent as it is.
type Message struct {
	// Body is durable and pinned; the queue counts a reference of its own. A Return-Path field at its very beginning, which
	// the receiving server wrote for our own recipients, is not sent. RFC 5321 §4.4.
	Body   *store.Blob
	Prefix []byte // whole fields that go before the body: signatures

	// Signed and Sealed are domains of ours in whose names the message is signed (DKIM) and sealed (ARC) each time it leaves; "" for none.
	// Only what we, or somebody who logged in, have written is to be signed: a signature makes it genuine.
	Signed, Sealed string

	Sender     string // "" for <>: nobody is ever told of what becomes of it
	EightBit   bool   // RFC 6152
	UTF8       bool   // RFC 6531
	RequireTLS bool   // RFC 8689
	Ret, EnvID string // RFC 3461

	Recipients []Recipient
	Account    directory.ID // who sent it, and is told of failures; 0: the server itself
	Kind, Tag  string       // whose it is when the server itself sent it, and what that room wants to know again
	TraceID    string
	NotBefore  time.Time // zero: at once
	Whole      bool      // a submission that waits for all its recipients together, ours too; see Here
	Held       *Hold     // not nil: it waits until somebody releases it
}

// Recipient is one address with the parameters of its RCPT.
type Recipient struct {
	Address string
	Notify  Notify
	ORcpt   string // type;address, decoded; "" for none
}

// Hold is why a message waits for somebody, and who is told by a notice in the mailbox.
type Hold struct {
	Reason string // one sentence, for people
	Tell   []directory.ID
}

// Enqueue writes the rows for m in tx, which accepts it. It does SQL only, and may run again.
// fault.Invalid: an address or another text has no valid form, or there is no recipient. fault.Limit: too many of the account's wait whole.
func (q *Queue) Enqueue(tx *store.Tx, m Message) (ID, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	if m.Whole {
		if err := roomForWhole(tx, m.Account); err != nil {
			return 0, err
		}
	}
	blob, err := tx.Reference(m.Body)
	if err != nil {
		return 0, fmt.Errorf("enqueue: %w", err)
	}
	now := q.now()
	id, err := insertMessage(tx, &m, blob, now.Unix())
	if err != nil {
		return 0, fmt.Errorf("enqueue: %w", err)
	}
	destinations := q.group(m.Recipients)
	if m.Whole {
		destinations = []destination{{Here, m.Recipients}}
	}
	for _, d := range destinations {
		if err := q.insertDelivery(tx, id, &m, d, now); err != nil {
			return 0, fmt.Errorf("enqueue: %w", err)
		}
	}
	if m.Held != nil {
		for _, who := range m.Held.Tell {
			if err := insertTell(tx, id, who); err != nil {
				return 0, fmt.Errorf("enqueue: %w", err)
			}
		}
	}
	names := make([]string, len(destinations))
	for i, d := range destinations {
		names[i] = d.name
	}
	q.changed(tx, names...)
	tx.AfterCommit(func() { q.metrics.enqueued.Add(float64(len(m.Recipients))) })
	return id, nil
}

// insertDelivery writes what of m goes to one destination, in as many transactions of SMTP as it takes.
func (q *Queue) insertDelivery(tx *store.Tx, id ID, m *Message, d destination, now time.Time) error {
	row := deliveryRow{messageID: id, owner: m.Account, destination: d.name, due: now.Unix(), began: now.Unix()}
	if m.NotBefore.After(now) {
		row.notBefore = m.NotBefore.Unix()
		row.due, row.began = row.notBefore, row.notBefore
	}
	if m.Held != nil {
		row.phase, row.held = phaseHeld, m.Held.Reason
	} else {
		row.deadline = q.firstDeadline(row.began)
	}
	atOnce := maxRecipientsAtOnce
	if m.Whole {
		atOnce = len(d.recipients)
	}
	for list := range slices.Chunk(d.recipients, atOnce) {
		delivery, err := row.insert(tx)
		if err != nil {
			return err
		}
		if err := insertRecipients(tx, delivery, m.Account, list); err != nil {
			return err
		}
	}
	if m.Held != nil {
		return nil
	}
	return wakeDestination(tx, d.name, row.due)
}

// check refuses what could not be sent, or stored by every database.
func (m *Message) check() error {
	texts := []string{m.Sender, m.EnvID, m.Ret, m.Kind, m.Tag, m.TraceID, m.Signed, m.Sealed}
	for _, r := range m.Recipients {
		if local, domain, ok := cutAddress(r.Address); !ok || local == "" || domain == "" {
			return fault.New(fault.Invalid, "%q is no address", r.Address)
		}
		texts = append(texts, r.Address, r.ORcpt)
	}
	if m.Held != nil {
		if len(m.Held.Tell) > maxTell {
			return fault.New(fault.Limit, "%d accounts to be told, want at most %d", len(m.Held.Tell), maxTell)
		}
		if m.Held.Reason == "" || len(m.Held.Reason) > MaxReason {
			return fault.New(fault.Invalid, "the reason has %d bytes, want 1 to %d", len(m.Held.Reason), MaxReason)
		}
		texts = append(texts, m.Held.Reason)
	}
	for _, s := range texts {
		if len(s) > maxAddress || !printable(s) {
			return fault.New(fault.Invalid, "%.40q cannot be kept in the queue", s)
		}
	}
	switch {
	case len(m.Recipients) == 0:
		return fault.New(fault.Invalid, "no recipients")
	case len(m.Prefix) > maxPrefix:
		return fault.New(fault.TooLarge, "%d bytes of fields before the message", len(m.Prefix))
	case m.Ret != "" && m.Ret != "FULL" && m.Ret != "HDRS":
		return fault.New(fault.Invalid, "RET=%s", m.Ret)
	}
	return nil
}

// printable reports whether s is UTF-8 without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// cutAddress splits an address at its last @; a quoted local part may have one.
func cutAddress(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", "", false
	}
	return address[:at], strings.ToLower(address[at+1:]), true
}

// destination is where some recipients of a message go together.
type destination struct {
	name       string
	recipients []Recipient
}

// group sorts recipients by destination, in the order in which each comes first.
func (q *Queue) group(recipients []Recipient) (list []destination) {
	at := map[string]int{}
	for _, r := range recipients {
		name := q.destinationOf(r.Address)
		i, known := at[name]
		if !known {
			i = len(list)
			at[name] = i
			list = append(list, destination{name: name})
		}
		list[i].recipients = append(list[i].recipients, r)
	}
	return list
}
