package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"schulhof/mailbox"
	"schulhof/store/fault"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	imapWindow = 500 // messages whose sizes and flags are asked for at once
	imapBatch  = 32  // messages whose bodies are asked for at once
)

// imapImport takes over the folders of another server.
type imapImport struct {
	client *imapclient.Client
	into   *mailImport
	source string // in the notes of how far it has come
	again  bool   // do not look at them
	prefix string // of the personal name space, such as "INBOX."
	space  imap.NamespaceData
	uses   map[string]string // the account's mailbox for each special use
}

// remoteFolder is one of the other server's.
type remoteFolder struct {
	name   string // there
	target string // here, below the import's top
}

// remoteMessage is what is asked before the body.
type remoteMessage struct {
	uid   imap.UID
	size  int64
	flags []string
	date  time.Time
}

// run imports all folders, in the order of their names.
func (s *imapImport) run(ctx context.Context) error {
	folders, err := s.folders(ctx)
	if err != nil {
		return fmt.Errorf("list folders: %w", err)
	}
	for _, f := range folders {
		if err := s.folder(ctx, f); err != nil {
			return fmt.Errorf("folder %s: %w", f.name, err)
		}
		if err := s.into.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// folders lists what can be opened. Views of other folders (\Flagged, \Important) are left out, or every message in them would come twice;
// so is what belongs to other people and groups, or everybody who reads it would take it over.
func (s *imapImport) folders(ctx context.Context) ([]remoteFolder, error) {
	caps := s.client.Caps()
	if caps.Has(imap.CapNamespace) || caps.Has(imap.CapIMAP4rev2) {
		if space, err := s.client.Namespace().Wait(); err == nil {
			s.space = *space
			if len(space.Personal) > 0 {
				s.prefix = space.Personal[0].Prefix
			}
		}
	}
	var options *imap.ListOptions
	if caps.Has(imap.CapSpecialUse) && caps.Has(imap.CapListExtended) {
		options = &imap.ListOptions{ReturnSpecialUse: true}
	}
	list, err := s.client.List("", "*", options).Collect()
	if err != nil {
		return nil, err
	}
	if err := s.findUses(ctx); err != nil {
		return nil, err
	}
	var out []remoteFolder
	for _, d := range list {
		has := func(attrs ...imap.MailboxAttr) bool {
			return slices.ContainsFunc(attrs, func(a imap.MailboxAttr) bool { return slices.Contains(d.Attrs, a) })
		}
		if has(imap.MailboxAttrNoSelect, imap.MailboxAttrNonExistent, imap.MailboxAttrFlagged, imap.MailboxAttrImportant) || s.foreign(d.Mailbox) {
			continue
		}
		out = append(out, remoteFolder{name: d.Mailbox, target: s.target(d)})
	}
	slices.SortFunc(out, func(a, b remoteFolder) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// foreign reports a folder below the server's name spaces of other people and of groups. The longest prefix decides: one of these may be
// empty, with the person's own folders below INBOX. RFC 2342 §5.
func (s *imapImport) foreign(name string) bool {
	longest := func(list []imap.NamespaceDescriptor) int {
		n := -1
		for _, d := range list {
			if strings.HasPrefix(name, d.Prefix) || d.Delim != 0 && name+string(d.Delim) == d.Prefix {
				n = max(n, len(d.Prefix))
			}
		}
		return n
	}
	return !strings.EqualFold(name, "INBOX") && max(longest(s.space.Other), longest(s.space.Shared)) > longest(s.space.Personal)
}

// findUses learns where the account keeps drafts, sent mail and so on.
func (s *imapImport) findUses(ctx context.Context) error {
	s.uses = map[string]string{}
	if s.into.top != "" {
		return nil // everything goes below one mailbox, as it is there
	}
	list, err := s.into.mail.Mailboxes(ctx, s.into.owner)
	for _, b := range list {
		if b.SpecialUse != "" {
			s.uses[b.SpecialUse] = b.Name
		}
	}
	return err
}

// target is the mailbox for a folder: the account's own for a special use, else the same levels with / between them.
func (s *imapImport) target(d *imap.ListData) string {
	if strings.EqualFold(d.Mailbox, "INBOX") {
		return ""
	}
	for _, attr := range d.Attrs {
		if name := s.uses[string(attr)]; name != "" {
			return name
		}
	}
	name := d.Mailbox
	if rest, ok := strings.CutPrefix(name, s.prefix); ok && rest != "" {
		name = rest
	}
	if d.Delim == 0 {
		return strings.ReplaceAll(name, "/", "_")
	}
	var levels []string
	for level := range strings.SplitSeq(name, string(d.Delim)) {
		if level != "" {
			levels = append(levels, strings.ReplaceAll(level, "/", "_"))
		}
	}
	return strings.Join(levels, "/")
}

// folder imports what is new in one.
func (s *imapImport) folder(ctx context.Context, f remoteFolder) error {
	selected, err := s.client.Select(f.name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		var refused *imap.Error
		if errors.As(err, &refused) && refused.Type == imap.StatusResponseTypeNo {
			s.into.failed(importedMail{mailbox: f.target, where: "folder " + f.name}, fault.New(fault.Refused, "the server does not open it: %s", refused.Text))
			return nil
		}
		return err
	}
	mark, err := s.into.mail.ImportMark(ctx, s.into.owner, s.source, f.name)
	if err != nil {
		return err
	}
	if mark.UIDValidity != selected.UIDValidity || s.again {
		mark = mailbox.ImportMark{UIDValidity: selected.UIDValidity}
	}
	s.into.full, s.into.reached = false, nil // what the folder before has not noted stays so
	if selected.NumMessages == 0 {
		return nil
	}
	uids, err := s.client.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{{{Start: imap.UID(mark.UID) + 1, Stop: 0}}}}, nil).Wait()
	if err != nil {
		return err
	}
	all := uids.AllUIDs()
	slices.Sort(all)
	all = slices.DeleteFunc(all, func(uid imap.UID) bool { return uint32(uid) <= mark.UID }) // "n:*" has the last message in any case
	for window := range slices.Chunk(all, imapWindow) {
		list, err := s.describe(window)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(list, imapBatch) {
			if err := s.bodies(ctx, f, selected.UIDValidity, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe asks for sizes, flags and dates, which come in any order.
func (s *imapImport) describe(uids []imap.UID) ([]remoteMessage, error) {
	list, err := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true}).Collect()
	if err != nil {
		return nil, err
	}
	out := make([]remoteMessage, 0, len(list))
	for _, m := range list {
		one := remoteMessage{uid: m.UID, size: m.RFC822Size, date: m.InternalDate}
		for _, flag := range m.Flags {
			if !strings.EqualFold(string(flag), `\Recent`) {
				one.flags = append(one.flags, string(flag))
			}
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b remoteMessage) int { return int(int64(a.uid) - int64(b.uid)) })
	return out, nil
}

// bodies gives the messages of a batch to the import as they arrive. What the server cannot give is asked for one by one, and told.
func (s *imapImport) bodies(ctx context.Context, f remoteFolder, validity uint32, batch []remoteMessage) error {
	wanted := batch[:0:0]
	for _, m := range batch {
		if err := s.into.refuses(ctx, m.size); fault.KindOf(err) == fault.Internal && err != nil {
			return err
		} else if err != nil {
			s.into.failed(imported(f, m), err)
			continue
		}
		wanted = append(wanted, m)
	}
	missing, err := s.fetch(ctx, f, wanted)
	for i := 0; err == nil && i < len(missing); i++ {
		var still []remoteMessage
		if still, err = s.fetch(ctx, f, missing[i:i+1]); err == nil && len(still) > 0 {
			s.into.failed(imported(f, missing[i]), fault.New(fault.Refused, "the server does not give it"))
		}
	}
	if err != nil || len(batch) == 0 {
		return err
	}
	mark := mailbox.ImportMark{UIDValidity: validity, UID: uint32(batch[len(batch)-1].uid)}
	s.into.reached = func(ctx context.Context) error {
		return s.into.mail.SetImportMark(ctx, s.into.owner, s.source, f.name, mark)
	}
	return nil
}

// fetch reads bodies; missing are those that did not come.
func (s *imapImport) fetch(ctx context.Context, f remoteFolder, list []remoteMessage) (missing []remoteMessage, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	uids := make([]imap.UID, len(list))
	for i, m := range list {
		uids[i] = m.uid
	}
	cmd := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	came := map[imap.UID]bool{}
	for data := cmd.Next(); data != nil; data = cmd.Next() {
		uid, took, takeErr := s.take(ctx, f, list, data)
		if takeErr != nil {
			return nil, errors.Join(takeErr, cmd.Close())
		}
		if took {
			came[uid] = true
		}
	}
	var refused *imap.Error
	if err := cmd.Close(); err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	for _, m := range list {
		if !came[m.uid] {
			missing = append(missing, m)
		}
	}
	return missing, nil
}

// take gives one message to the import while its body arrives.
func (s *imapImport) take(ctx context.Context, f remoteFolder, list []remoteMessage, data *imapclient.FetchMessageData) (uid imap.UID, took bool, err error) {
	if len(list) == 1 {
		uid = list[0].uid // whatever comes first: the server need not begin with the UID
	}
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = item.UID
		case imapclient.FetchItemDataBodySection:
			i := slices.IndexFunc(list, func(m remoteMessage) bool { return m.uid == uid })
			if item.Literal == nil || i < 0 || took {
				continue
			}
			m := imported(f, list[i])
			m.text = item.Literal
			if err := s.into.add(ctx, m); err != nil {
				return uid, false, err
			}
			took = true
		}
	}
	return uid, took, nil
}

// imported describes a message to the import.
func imported(f remoteFolder, m remoteMessage) importedMail {
	return importedMail{where: fmt.Sprintf("UID %d", m.uid), mailbox: f.target, flags: m.flags, date: m.date}
}
