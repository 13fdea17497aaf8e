package webmail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// drafts is the special use of mailboxes for what is not sent yet. RFC 6154 §2.
const drafts = `\Drafts`

// errForeignDraft is that a draft has more than the form can hold: opened here, it would lose that.
var errForeignDraft = errors.New("a draft that is not of plain text alone")

// draftsOf opens somebody's drafts. fault.NotFound: they have no such mailbox.
func (s *Server) draftsOf(ctx context.Context, who directory.ID) (*mailbox.Box, error) {
	list, err := s.o.Mail.Mailboxes(ctx, who)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(b mailbox.Mailbox) bool { return b.SpecialUse == drafts && b.Owner == who })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "no drafts")
	}
	return s.o.Mail.Open(ctx, who, list[i].Name)
}

// draftRef names a draft for ever: UIDVALIDITY and UID. RFC 9051 §2.3.1.1.
func draftRef(b *mailbox.Box, uid mailbox.UID) string {
	return fmt.Sprintf("%d.%d", b.Mailbox().UIDValidity, uid)
}

// findDraft opens the drafts of who asks and finds the one that ref names. fault.NotFound. Close the box.
func (x *exchange) findDraft(ctx context.Context, ref string) (*mailbox.Box, mailbox.Entry, error) {
	validity, number, _ := strings.Cut(ref, ".")
	v, err1 := strconv.ParseUint(validity, 10, 32)
	uid, err2 := strconv.ParseUint(number, 10, 32)
	if err1 != nil || err2 != nil {
		return nil, mailbox.Entry{}, fault.New(fault.NotFound, "no such draft")
	}
	box, err := x.srv.draftsOf(ctx, x.who.Account.ID)
	if err != nil {
		return nil, mailbox.Entry{}, err
	}
	snap := box.Snapshot()
	i, ok := snap.Find(mailbox.UID(uid))
	if !ok || uint64(box.Mailbox().UIDValidity) != v {
		box.Close()
		return nil, mailbox.Entry{}, fault.New(fault.NotFound, "no such draft")
	}
	return box, snap.At(i), nil
}

// openDraft puts a draft into the form. fault.NotFound; errForeignDraft.
func (x *exchange) openDraft(ref string, p *writePage) error {
	ctx := x.r.Context()
	box, entry, err := x.findDraft(ctx, ref)
	if err != nil {
		return err
	}
	defer box.Close()
	if entry.Size > maxDraft {
		return errForeignDraft
	}
	list, err := box.Contents(ctx, []mailbox.Entry{entry}, mailbox.WantBlob, nil)
	if err != nil {
		return fmt.Errorf("open draft: %w", err)
	}
	if list[0].ID == 0 {
		return fault.New(fault.NotFound, "no such draft")
	}
	body, err := x.srv.o.Mail.OpenBody(ctx, list[0].Blob)
	if err != nil {
		return fmt.Errorf("open draft: %w", err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("open draft: %w", err)
	}
	p.Draft = ref
	return readDraft(b, p)
}

// readDraft puts a message into the form. errForeignDraft: the form cannot hold all of it.
func readDraft(b []byte, p *writePage) error {
	x, err := message.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return fmt.Errorf("read draft: %w", err)
	}
	root, h := x.Root, &x.Headers
	if root.Type != "text" || root.Subtype != "plain" || root.Disposition != "" || x.Flawed || len(h.References) > 0 {
		return errForeignDraft // a picture, formatted text, an answer to somebody
	}
	var text strings.Builder
	if err := message.WritePart(&text, bytes.NewReader(b), root, false, maxDraft); err != nil {
		return fmt.Errorf("read draft: %w", err)
	}
	var bcc []message.Address
	for name, raw := range message.Fields(b[:root.Body]) {
		if strings.EqualFold(name, "Bcc") {
			_, value, _ := strings.Cut(string(raw), ":")
			bcc = append(bcc, message.ParseAddresses(strings.NewReplacer("\r", "", "\n", "").Replace(value))...)
		}
	}
	p.To, p.Cc, p.Bcc = typed(h.To), typed(h.Cc), typed(bcc)
	p.Subject, p.Text = h.Subject, strings.TrimRight(text.String(), "\n")
	return nil
}

// keepDraft stores a message among somebody's drafts, in one commit with also, and returns its name. When there is no room, nothing happens.
func (s *Server) keepDraft(ctx context.Context, who directory.ID, spool *store.Spool, also func(tx *store.Tx) error) (ref string, err error) {
	prepared, err := s.o.Mail.Prepare(ctx, spool)
	if err != nil {
		return "", err
	}
	defer prepared.Release()
	_, err = s.o.Mail.Deliver(ctx, mailbox.Delivery{
		Message: prepared, Recipients: []mailbox.To{{Owner: who, Use: drafts, Flags: mailbox.Draft | mailbox.Seen}},
		Settled: func(tx *store.Tx, results []error) error {
			if results[0] != nil {
				return results[0]
			}
			return also(tx)
		},
	})
	if err != nil {
		return "", fmt.Errorf("keep a draft: %w", err)
	}
	ref, err = s.lastDraft(ctx, who, prepared.Blob.Hash)
	if err != nil { // it is there; only the way to it is longer
		s.log.Warn("webmail: find a draft", "err", err)
	}
	return ref, nil
}

// lastDraft names the newest of the last drafts that has this content; "" when it has moved on meanwhile.
func (s *Server) lastDraft(ctx context.Context, who directory.ID, hash store.Hash) (string, error) {
	box, err := s.draftsOf(ctx, who)
	if err != nil {
		return "", err
	}
	defer box.Close()
	snap := box.Snapshot()
	for i := snap.Len() - 1; i >= max(snap.Len()-lastDrafts, 0); i-- {
		list, err := box.Contents(ctx, []mailbox.Entry{snap.At(i)}, mailbox.WantBlob, nil)
		if err != nil {
			return "", err
		}
		if list[0].Hash == hash {
			return draftRef(box, snap.UIDAt(i)), nil
		}
	}
	return "", nil
}

// dropDraft removes a draft that was sent. When that does not work, it stays: that is better than lost.
func (x *exchange) dropDraft(ref string) {
	if ref == "" {
		return
	}
	ctx := context.WithoutCancel(x.r.Context())
	box, entry, err := x.findDraft(ctx, ref)
	if err == nil {
		defer box.Close()
		uids := []mailbox.UID{entry.UID}
		if _, err = box.StoreFlags(ctx, uids, mailbox.FlagOp{Mode: mailbox.FlagsAdd, Flags: mailbox.DeletedFlag}); err == nil {
			_, err = box.Expunge(ctx, uids)
		}
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		x.srv.log.Warn("webmail: remove a draft that was sent", "account", x.who.Account.Login, "err", err)
	}
}
