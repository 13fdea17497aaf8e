package webmail

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"

	"schulhof/mailbox"
	"schulhof/smtpd/queue"
	"schulhof/store"
)

// desk takes letters in tests: those that wait go into the real queue, the others count as sent.
type desk struct {
	w *world

	mu      sync.Mutex
	letters []Letter
	refuse  error // of the next letters
	held    bool
	sent    map[queue.ID]bool
}

// Submit implements Submitter.
func (d *desk) Submit(ctx context.Context, l Letter) (Taken, error) {
	d.mu.Lock()
	refuse, held := d.refuse, d.held
	d.mu.Unlock()
	if refuse != nil {
		return Taken{}, refuse
	}
	blob, err := d.w.store.PutBytes(ctx, l.Message)
	if err != nil {
		return Taken{}, err
	}
	defer blob.Release()
	m := queue.Message{Body: blob, Sender: l.Sender, Account: l.From.Account.ID, TraceID: "t", Whole: true, NotBefore: l.NotBefore}
	for _, address := range l.To {
		m.Recipients = append(m.Recipients, queue.Recipient{Address: address})
	}
	err = d.w.store.Write(ctx, func(tx *store.Tx) error {
		if !l.NotBefore.IsZero() {
			if _, err := d.w.queue.Enqueue(tx, m); err != nil {
				return err
			}
		}
		return l.Also(tx)
	})
	if err != nil {
		return Taken{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.letters = append(d.letters, l)
	return Taken{Waits: !l.NotBefore.IsZero(), Held: held}, nil
}

// last is the newest letter.
func (d *desk) last() Letter {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.letters) == 0 {
		d.w.t.Fatal("no letter was submitted")
	}
	return d.letters[len(d.letters)-1]
}

// due delivers what the queue hands over.
func (d *desk) due(ctx context.Context, s queue.Submission) ([]queue.Result, error) {
	all := make([]int, len(s.Recipients))
	for i := range all {
		all[i] = i
	}
	err := d.w.store.Write(ctx, func(tx *store.Tx) error {
		if err := s.Taken(tx, all); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.sent == nil {
				d.sent = map[queue.ID]bool{}
			}
			d.sent[s.ID] = true
		})
		return nil
	})
	return slices.Repeat([]queue.Result{{Code: 250, Enhanced: "2.0.0"}}, len(all)), err
}

func (d *desk) isSent(id queue.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent[id]
}

// box returns the messages in somebody's mailbox, oldest first.
func (w *world) box(who, name string) (list []string) {
	w.t.Helper()
	ctx := context.Background()
	b, err := w.mail.Open(ctx, w.id[who], name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer b.Close()
	for i := range b.Snapshot().Len() {
		c, err := b.Contents(ctx, []mailbox.Entry{b.Snapshot().At(i)}, mailbox.WantBlob, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := w.mail.OpenBody(ctx, c[0].Blob)
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, string(text))
	}
	return list
}

// put stores a message in somebody's mailbox for a special use.
func (w *world) put(who, use, text string) {
	w.t.Helper()
	ctx := context.Background()
	spool := w.mail.NewSpool()
	defer spool.Close()
	if _, err := io.Copy(spool, bytes.NewReader([]byte(text))); err != nil {
		w.t.Fatal(err)
	}
	p, err := w.mail.Prepare(ctx, spool)
	if err != nil {
		w.t.Fatal(err)
	}
	defer p.Release()
	if _, err := w.mail.Deliver(ctx, mailbox.Delivery{Message: p, Recipients: []mailbox.To{{Owner: w.id[who], Use: use}}}); err != nil {
		w.t.Fatal(err)
	}
}

// draft names somebody's only draft.
func (w *world) draft(who string) string {
	w.t.Helper()
	box, err := w.srv.draftsOf(context.Background(), w.id[who])
	if err != nil {
		w.t.Fatal(err)
	}
	defer box.Close()
	return draftRef(box, box.Snapshot().UIDAt(0))
}

// waiting are the ids of what waits of anybody.
func (w *world) waiting() (ids []queue.ID) {
	w.t.Helper()
	for after := queue.ID(0); ; after = ids[len(ids)-1] {
		page, err := w.queue.Find(context.Background(), queue.Filter{}, after)
		if err != nil {
			w.t.Fatal(err)
		}
		if ids = append(ids, page...); len(page) < queue.PageSize {
			return ids
		}
	}
}
