package lists

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
)

// errSettled is that somebody else decided meanwhile.
var errSettled = errors.New("decided already")

// Decide lets a held message through or not, by the id that List shows. The first decision counts; the same one again changes nothing and
// is no error. by is who decides, for people. fault.NotFound; fault.Conflict: it was decided the other way; fault.Expired: too late.
func (l *Lists) Decide(ctx context.Context, id int64, approve bool, by string) (Held, error) {
	return l.decide(ctx, id, "", approve, by)
}

// DecideByMail is Decide for an answer to a notice. fault.Forbidden: who is none of those that decide about it.
func (l *Lists) DecideByMail(ctx context.Context, token string, approve bool, who directory.ID) (Held, error) {
	h, err := l.find(ctx, 0, token)
	if err != nil {
		return h, err
	}
	account, err := l.dir.Account(ctx, who)
	if err != nil {
		return h, err
	}
	allowed := account.Role == directory.Admin
	if h.Reason == ReasonModeration {
		for _, a := range l.dir.Moderators(h.Group) {
			allowed = allowed || a.ID == who
		}
	}
	if !allowed {
		return h, fault.New(fault.Forbidden, "this is not yours to decide")
	}
	return l.decide(ctx, 0, token, approve, account.Address)
}

func (l *Lists) find(ctx context.Context, id int64, token string) (h Held, err error) {
	err = l.store.Read(ctx, func(tx *store.Tx) error {
		h, err = selectOne(tx, id, token)
		return err
	})
	return h, err
}

func (l *Lists) decide(ctx context.Context, id int64, token string, approve bool, by string) (h Held, err error) {
	if h, err = l.find(ctx, id, token); err != nil {
		return h, err
	}
	want := StateRejected
	if approve {
		want = StateApproved
	}
	if h.State == StateWaiting && !l.now().Before(h.Expires) {
		h.State = StateExpired // the next pass will write it down
	}
	if h.State == StateWaiting {
		switch err = l.carryOut(ctx, &h, want, by); {
		case err == nil:
			h.State, h.Decided, h.DecidedBy = want, l.now(), by
			l.log.Info("held message decided", "id", h.TraceID, "state", want, "by", by)
			return h, nil
		case !errors.Is(err, errSettled):
			return h, err
		}
		if h, err = l.find(ctx, h.ID, ""); err != nil {
			return h, err
		}
	}
	switch h.State {
	case want:
		return h, nil
	case StateExpired:
		return h, fault.New(fault.Expired, "it was not decided within %d days", int(HoldFor/(24*time.Hour)))
	}
	return h, fault.New(fault.Conflict, "it was %s by %s already", h.State, h.DecidedBy)
}

// carryOut sends a message or not, and settles which, in one commit. errSettled: somebody was quicker, and nothing was done.
func (l *Lists) carryOut(ctx context.Context, h *Held, s State, by string) error {
	d := mailbox.Delivery{Sender: h.Sender, TraceID: h.TraceID}
	also := func(*store.Tx) error { return nil }
	if s == StateApproved {
		release, err := l.prepareHeld(ctx, h, &d, &also)
		if err != nil {
			return err
		}
		defer release()
	} else if notice := l.refusalNotice(h, s); notice != nil && h.Account != 0 {
		told, err := l.prepareText(ctx, notice)
		if err != nil {
			return err
		}
		defer told.Release()
		d.Recipients = []mailbox.To{{Owner: h.Account, Message: told}}
	}
	d.Also = func(tx *store.Tx) error {
		first, err := settle(tx, h, s, by, l.now())
		if err != nil {
			return err
		}
		if !first {
			return errSettled
		}
		return also(tx)
	}
	if _, err := l.mail.Deliver(ctx, d); err != nil {
		return fmt.Errorf("settle held message: %w", err)
	}
	return nil
}

// prepareHeld makes what a held message was written for: its readers, as the directory has them now, and what leaves.
func (l *Lists) prepareHeld(ctx context.Context, h *Held, d *mailbox.Delivery, also *func(*store.Tx) error) (release func(), err error) {
	spool, err := l.spoolHeld(ctx, h)
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	plain, err := l.mail.Prepare(ctx, spool) // the same bytes, so the same blob
	if err != nil {
		return nil, fmt.Errorf("prepare held message: %w", err)
	}
	m := Mailing{Message: spool, Size: spool.Size(), TraceID: h.TraceID, Certain: h.Account != 0, RequireTLS: h.RequireTLS}
	outside := l.resolve(ctx, h, &m)
	head, err := readHead(spool, spool.Size())
	if err != nil {
		plain.Release()
		return nil, err
	}
	copies, err := l.Prepare(ctx, &m)
	if err != nil {
		plain.Release()
		return nil, err
	}
	d.Message, d.Recipients = plain, append(m.To, copies.Archive()...)
	out := Outgoing{Message: plain, Sender: h.Sender, Recipients: outside, Account: h.Account, TraceID: h.TraceID, Signed: h.signer(head), RequireTLS: h.RequireTLS}
	*also = func(tx *store.Tx) error {
		if len(outside) > 0 && l.o.Queue != nil {
			if err := l.o.Queue.Enqueue(tx, out); err != nil {
				return err
			}
		}
		return copies.Enqueue(tx)
	}
	return func() {
		copies.Release()
		plain.Release()
	}, nil
}

// signer is the domain in whose name a held message leaves, like one that was not held: that of whoever of ours wrote it; "" for none.
func (h *Held) signer(head []byte) string {
	if h.Account == 0 {
		return ""
	}
	if list := authorsOf(head); len(list) > 0 {
		return domainOf(list[0].Address)
	}
	return domainOf(h.Sender)
}

// resolve finds the readers of a held message, each once, and returns the recipients elsewhere. Those that are gone by now are left out.
func (l *Lists) resolve(ctx context.Context, h *Held, m *Mailing) (outside []string) {
	at := map[directory.ID]bool{}
	for _, address := range h.Recipients {
		list, err := l.dir.Resolve(ctx, address, h.Sender)
		if fault.Is(err, fault.Forbidden) {
			outside = append(outside, address)
			continue
		}
		for _, g := range l.dir.ListsAt(address) {
			m.Groups = append(m.Groups, g.ID)
		}
		for _, one := range list {
			if !at[one.Account] {
				at[one.Account] = true
				m.To = append(m.To, mailbox.To{Owner: one.Account, Mailbox: one.Detail, Via: one.Via})
				m.Lists = append(m.Lists, one.List)
			}
		}
	}
	m.Groups = unique(m.Groups)
	return outside
}

func unique(list []directory.ID) (out []directory.ID) {
	seen := map[directory.ID]bool{}
	for _, id := range list {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// spoolHeld reads a held message.
func (l *Lists) spoolHeld(ctx context.Context, h *Held) (*store.Spool, error) {
	var where store.Location
	err := l.store.Read(ctx, func(tx *store.Tx) (err error) {
		where, err = tx.Locate(h.blob)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find held message: %w", err)
	}
	body, err := l.store.OpenBlob(ctx, where)
	if err != nil {
		return nil, fmt.Errorf("open held message: %w", err)
	}
	defer body.Close()
	spool := l.mail.NewSpool()
	if _, err := io.Copy(spool, body); err != nil {
		spool.Close()
		return nil, fmt.Errorf("read held message: %w", err)
	}
	return spool, nil
}

// Expire settles messages that nobody has decided in time, tells their authors, and forgets what was decided long ago. The server calls it
// every hour.
func (l *Lists) Expire(ctx context.Context) error {
	for {
		var list []Held
		err := l.store.Read(ctx, func(tx *store.Tx) (err error) {
			list, err = overdue(tx, l.now())
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, h := range list {
			if h.State == StateWaiting {
				err = l.carryOut(ctx, &h, StateExpired, "")
			} else {
				err = l.store.Write(ctx, func(tx *store.Tx) error { return deleteHeld(tx, h.ID) })
			}
			if err != nil && !errors.Is(err, errSettled) {
				return fmt.Errorf("expire held messages: %w", err)
			}
		}
	}
}
