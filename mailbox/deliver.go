package mailbox

import (
	"cmp"
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Delivery is one SMTP or LMTP transaction.
type Delivery struct {
	Message    *Prepared // nil if every recipient has a form of their own
	Sender     string    // MAIL FROM, "" for <>
	Recipients []To
	TraceID    string
	Dedupe     *Dedupe                  // a message whose earlier connection ended before our 250 was written
	Also       func(tx *store.Tx) error // further rows of the same commit (queue); may be nil
	// Settled writes rows that depend on what became of the copies, after Also; when it fails, nothing is stored. It may be nil.
	Settled func(tx *store.Tx, results []error) error
	// Answers makes what the transaction's recipients are answered, which Dedupe remembers, of the results of its copies: filters and lists
	// make more or fewer copies than there are recipients. nil: they are the same. With it, the caller asks DeliveredBefore itself.
	Answers func(results []error) []error
}

// To is one recipient's copy. Mailbox: "" is INBOX; for plus-addressing the detail: used if such a mailbox exists (any case), else INBOX.
type To struct {
	Owner   directory.ID
	Mailbox string
	Exact   bool   // Mailbox must exist or is created
	Use     string // a special use such as "\\Junk": the owner's mailbox for it, wherever it was moved, instead of Mailbox
	Via     string // kept in a column
	Flags   Flags
	Message *Prepared // their form of the message, such as a list's; nil: Delivery.Message
}

// DeliveredBefore tells the answers to a transaction whose recipients were not told: the peer sends it again.
func (m *Mail) DeliveredBefore(key [32]byte, recipients int, traceID string) (results []error, seen bool) {
	if results, seen = m.seen.lookup(key, recipients, m.now()); seen {
		m.log.Info("delivered before, answered again", "trace", traceID)
		m.metrics.repeated.Inc()
	}
	return results, seen
}

// Deliver puts a message into its recipients' mailboxes. results tells each recipient's, in order: nil, fault.OverQuota, fault.NotFound …:
// LMTP answers each, MX temp-fails only what failed. All that succeeded became visible in one commit. err: nothing was stored.
func (m *Mail) Deliver(ctx context.Context, d Delivery) (results []error, err error) {
	if d.Dedupe != nil && d.Answers == nil {
		if results, seen := m.DeliveredBefore(d.Dedupe.Key, len(d.Recipients), d.TraceID); seen {
			return results, nil
		}
	}
	places, refused, err := m.placesFor(ctx, d.Recipients)
	if err != nil {
		return nil, err
	}
	now := m.now().Unix()
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		results = append(results[:0], refused...)
		if err := m.putCopies(tx, &d, places, results, now); err != nil {
			return err
		}
		if d.Also != nil {
			if err := d.Also(tx); err != nil {
				return err
			}
		}
		if d.Settled != nil {
			if err := d.Settled(tx, results); err != nil {
				return err
			}
		}
		if d.Dedupe != nil {
			answers := results
			if d.Answers != nil {
				answers = d.Answers(results)
			}
			return m.seen.record(tx, d.Dedupe.Key, answers, now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, err := range results {
		if err == nil {
			m.metrics.delivered.Inc()
		}
	}
	return results, nil
}

// copyPlace is where one recipient's copy goes.
type copyPlace struct {
	name  string // of the mailbox, as it is stored; "": where it goes by itself
	limit int64  // of the owner's bytes
}

// placesFor finds out what can be known before the transaction; refused tells in order who gets nothing, and why.
func (m *Mail) placesFor(ctx context.Context, recipients []To) (places []copyPlace, refused []error, err error) {
	places, refused = make([]copyPlace, len(recipients)), make([]error, len(recipients))
	for i, to := range recipients {
		p := &places[i]
		p.limit, refused[i] = m.quotaLimit(ctx, to.Owner)
		if refused[i] == nil && to.Mailbox != "" {
			name, err := CleanName(to.Mailbox)
			switch {
			case err == nil:
				p.name = name
			case to.Exact:
				refused[i] = err
			}
		}
		if refused[i] != nil && fault.KindOf(refused[i]) == fault.Internal {
			return nil, nil, refused[i]
		}
	}
	return places, refused, nil
}

// putCopies stores the copies of those who have no result yet, and sets the result of who is refused.
func (m *Mail) putCopies(tx *store.Tx, d *Delivery, places []copyPlace, results []error, now int64) error {
	forms := map[*Prepared]ContentID{}
	for i, to := range d.Recipients {
		if results[i] != nil {
			continue
		}
		form := cmp.Or(to.Message, d.Message)
		size := form.Blob.Size
		name, err := m.mailboxFor(tx, to, places[i].name)
		if err == nil {
			err = charge(tx, to.Owner, size, 1, places[i].limit)
		}
		if refusal(err) {
			results[i] = err
			continue
		}
		if err == nil && forms[form] == 0 {
			var ids []ContentID
			if ids, err = m.addContents(tx, []*Prepared{form}); err == nil {
				forms[form] = ids[0]
			}
		}
		if err == nil {
			err = m.put(tx, to, name, forms[form], size, now)
		}
		if err != nil {
			return fmt.Errorf("deliver to account %d: %w", to.Owner, err)
		}
	}
	return nil
}

// refusal reports an error of one recipient that leaves the others alone: it was found before anything was written for it.
func refusal(err error) bool {
	return fault.Is(err, fault.OverQuota) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Limit)
}

// put places one message in the mailbox name.
func (m *Mail) put(tx *store.Tx, to To, name string, content ContentID, size, now int64) error {
	e := entry{content: content, flags: to.Flags & allFlags, date: now, size: uint32(size)}
	var d counters
	d.add(e.flags, e.size)
	p, err := m.place(tx, to.Owner, name, 1, d)
	if err != nil {
		return err
	}
	e.uid, e.modseq = p.first, p.modseq
	_, err = tx.Exec(insertMessage, int64(p.id), int64(e.uid), int64(e.modseq), int64(e.flags), now, size, int64(content), now, to.Via)
	if err != nil {
		return err
	}
	m.stage(tx, p.id, to.Owner, &change{modseq: p.modseq, uidNext: p.first + 1, added: []entry{e}})
	return nil
}

const insertMessage = `INSERT INTO message (mailbox_id, uid, modseq, flags, internal_date, size, content_id, save_date, via)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// mailboxFor resolves To.Mailbox, which is name when cleaned, to the name of a mailbox that exists.
func (m *Mail) mailboxFor(tx *store.Tx, to To, name string) (string, error) {
	if name == "" && to.Use == "" {
		return inbox, nil
	}
	list, err := boxesOf(tx, to.Owner)
	if err != nil {
		return "", err
	}
	if to.Use != "" {
		return m.mailboxUsed(tx, to, list)
	}
	folded, found := foldName(name), ""
	for _, b := range list {
		if b.Name == name {
			return name, nil
		}
		if foldName(b.Name) == folded {
			found = b.Name
		}
	}
	switch {
	case to.Exact && !Reserved(name):
		return m.createFor(tx, to.Owner, name, "")
	case found != "":
		return found, nil
	}
	return inbox, nil
}

// mailboxUsed is the owner's mailbox for to.Use. Without one it is made under its usual name, or that mailbox serves if it exists.
func (m *Mail) mailboxUsed(tx *store.Tx, to To, list []Mailbox) (string, error) {
	usual := ""
	for _, s := range specialUses {
		if s.use == to.Use {
			usual = s.name
		}
	}
	if usual == "" {
		return "", fault.New(fault.Invalid, "no such special use")
	}
	for _, b := range list {
		if b.SpecialUse == to.Use {
			return b.Name, nil
		}
	}
	for _, b := range list {
		if foldName(b.Name) == foldName(usual) {
			return b.Name, nil
		}
	}
	return m.createFor(tx, to.Owner, usual, to.Use)
}

// createFor makes the mailbox name for mail. If its owner may have no more, INBOX serves: that is no reason to refuse mail.
func (m *Mail) createFor(tx *store.Tx, owner directory.ID, name, use string) (string, error) {
	_, err := m.createIn(tx, owner, name, use)
	if fault.Is(err, fault.Limit) {
		return inbox, nil
	}
	return name, err
}
