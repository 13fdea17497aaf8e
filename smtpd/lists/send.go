package lists

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
)

// Mailing is a message on its way: to readers of ours, whom lists brought some of, and to the lists' members elsewhere.
type Mailing struct {
	Message io.ReaderAt // as it was taken in
	Size    int64
	To      []mailbox.To   // each reader once
	Lists   []directory.ID // the list that brought each of To; 0: none
	Groups  []directory.ID // every list that the message goes to
	TraceID string
	Certain bool // whoever From names is certain to have written it: we vouch for no one else who claims to be ours

	RequireTLS bool // RFC 8689 §4.2.1: the demand holds for what a list sends on as well
}

// Copies are the forms of a message that its lists make, stored and ready for one commit.
type Copies struct {
	lists   *Lists
	traceID string
	tls     bool // what leaves needs proven TLS
	forms   map[directory.ID]*mailbox.Prepared
	leaving []leaving
	archive []mailbox.To
}

// leaving is what one list sends to its members elsewhere.
type leaving struct {
	list    directory.Group
	form    *mailbox.Prepared
	members []directory.External

	unsigned bool // the list does not sign it
}

// Prepare makes the lists' forms of a message durable and points their readers to them: m.To is changed. Release the copies after delivery.
func (l *Lists) Prepare(ctx context.Context, m *Mailing) (*Copies, error) {
	c := &Copies{lists: l, traceID: m.TraceID, tls: m.RequireTLS, forms: map[directory.ID]*mailbox.Prepared{}}
	if len(m.Groups) == 0 {
		return c, nil
	}
	head, err := readHead(m.Message, m.Size)
	if err != nil {
		return nil, err
	}
	for _, id := range m.Groups {
		if err := l.prepareList(ctx, c, m, head, id); err != nil {
			c.Release()
			return nil, err
		}
	}
	for i := range m.To {
		if form := c.forms[m.Lists[i]]; form != nil {
			m.To[i].Message = form
		}
	}
	return c, nil
}

// prepareList makes one list's forms: one for its readers here, one for its members elsewhere.
func (l *Lists) prepareList(ctx context.Context, c *Copies, m *Mailing, head []byte, id directory.ID) error {
	list, err := l.dir.GroupByID(id)
	if err != nil {
		return err
	}
	members, err := l.dir.Externals(id)
	if err != nil {
		return err
	}
	if c.forms[id], err = l.prepareForm(ctx, m, head, &form{list: list}); err != nil {
		return err
	}
	if list.Archive {
		c.archive = append(c.archive, mailbox.To{Owner: id, Message: c.forms[id], Via: list.Address})
	}
	var active []directory.External
	for _, x := range members {
		if !x.Paused {
			active = append(active, x)
		}
	}
	if len(active) == 0 || l.o.Queue == nil {
		return nil
	}
	out := leaving{list: list, members: active}
	f := form{list: list, outside: true}
	if f.author, out.unsigned, err = l.rewritten(ctx, head, m.Certain); err != nil {
		return err
	}
	if out.form, err = l.prepareForm(ctx, m, head, &f); err != nil {
		return err
	}
	c.leaving = append(c.leaving, out)
	return nil
}

// prepareForm writes a form and makes it durable.
func (l *Lists) prepareForm(ctx context.Context, m *Mailing, head []byte, f *form) (*mailbox.Prepared, error) {
	spool := l.mail.NewSpool()
	defer spool.Close()
	body := io.NewSectionReader(m.Message, int64(len(head)), m.Size-int64(len(head)))
	if err := copyAll(spool, bytes.NewReader(f.apply(head)), body); err != nil {
		return nil, err
	}
	prepared, err := l.mail.Prepare(ctx, spool)
	if err != nil {
		return nil, fmt.Errorf("store a list's form: %w", err)
	}
	return prepared, nil
}

func copyAll(to *store.Spool, parts ...io.Reader) error {
	for _, r := range parts {
		if _, err := io.Copy(to, r); err != nil {
			return fmt.Errorf("write a list's form: %w", err)
		}
	}
	return nil
}

// readHead reads a message's header, without the blank line. fault.Invalid: it does not end.
func readHead(message io.ReaderAt, size int64) ([]byte, error) {
	b := make([]byte, min(size, maxHead))
	if _, err := message.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	switch i := bytes.Index(b, []byte("\r\n\r\n")); {
	case bytes.HasPrefix(b, []byte("\r\n")):
		return nil, nil
	case i >= 0:
		return b[:i+2], nil
	case int64(len(b)) == size:
		return b, nil // a header alone
	}
	return nil, fault.New(fault.Invalid, "the header is longer than %d bytes", maxHead)
}

// rewritten is the author in whose name the list cannot send elsewhere; nil if it can. unsigned: From stays, and names somebody of whom we
// cannot say that they wrote it. Whoever only claims to be one of ours gets no signature of ours.
func (l *Lists) rewritten(ctx context.Context, head []byte, certain bool) (author *mail.Address, unsigned bool, err error) {
	author = authorOf(head)
	if author == nil {
		return nil, !certain, nil
	}
	domain := domainOf(author.Address)
	local, err := l.dir.IsLocalDomain(ctx, domain)
	switch {
	case err != nil:
		return nil, false, err
	case local && certain:
		return nil, false, nil // we sign it ourselves
	case local || l.o.Policy == nil:
		return author, false, nil
	}
	strict, err := l.o.Policy.Strict(ctx, domain)
	if err != nil || !strict {
		return nil, false, err
	}
	return author, false, nil
}

// Release lets go of what was prepared.
func (c *Copies) Release() {
	for _, p := range c.forms {
		p.Release()
	}
	for _, out := range c.leaving {
		out.form.Release()
	}
}

// Archive are the mailboxes of lists that keep what is sent to them, to be delivered to in the same commit.
func (c *Copies) Archive() []mailbox.To { return c.archive }

// Enqueue hands the queue what goes to members elsewhere, in the transaction that delivers to the others: a message for each, because its
// sender names them. RFC 3464 reports and whatever else comes back finds its way by that.
func (c *Copies) Enqueue(tx *store.Tx) error {
	for _, out := range c.leaving {
		sealed := domainOf(out.list.Address)
		signed := sealed
		if out.unsigned {
			signed = ""
		}
		for _, x := range out.members {
			err := c.lists.o.Queue.Enqueue(tx, Outgoing{
				Message: out.form, Sender: address(out.list.Address, PurposeBounce, x.Token), Recipients: []string{x.Address},
				Prefix: c.lists.unsubscribe(out.list.Address, x.Token),
				Tag:    x.Token, TraceID: c.traceID, Signed: signed, Sealed: sealed, RequireTLS: c.tls,
			})
			if err != nil {
				return fmt.Errorf("send to a member elsewhere: %w", err)
			}
		}
	}
	return nil
}

// unsubscribe are the fields that lead a member elsewhere out of a list: by mail, and by one click. RFC 2369 §3.2, RFC 8058 §3.1.
func (l *Lists) unsubscribe(list, token string) []byte {
	byMail := "<mailto:" + address(list, PurposeLeave, token) + ">\r\n"
	if l.o.LeaveAt == "" {
		return []byte("List-Unsubscribe: " + byMail)
	}
	return []byte("List-Unsubscribe: <" + l.o.LeaveAt + token + ">,\r\n " + byMail + "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
}

// Stay keeps the message from members elsewhere and archives: it went there when it was delivered to others before.
func (c *Copies) Stay() {
	for _, out := range c.leaving {
		out.form.Release()
	}
	c.leaving, c.archive = nil, nil
}
