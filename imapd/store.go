package imapd

import (
	"context"
	"slices"
	"strings"

	"schulhof/mailbox"
)

// storeArgs is a parsed STORE.
type storeArgs struct {
	set       seqSet
	op        mailbox.FlagOp
	names     []string
	silent    bool
	unchanged bool
	since     mailbox.ModSeq
	news      []mailbox.UID // messages that others changed before, which the client has not been told; ascending
}

// storeArgs reads "set [(UNCHANGEDSINCE n)] [+-]FLAGS[.SILENT] flags".
func (p *parser) storeArgs() storeArgs {
	var a storeArgs
	p.sp()
	a.set = p.seqSet()
	p.sp()
	if p.peek() == '(' {
		p.list(func() {
			if word := p.word(); word != "UNCHANGEDSINCE" {
				p.fail("unknown STORE modifier %q", word)
			}
			p.sp()
			a.since, a.unchanged = p.modseq(), true
		})
		p.sp()
	}
	switch {
	case p.accept('+'):
		a.op.Mode = mailbox.FlagsAdd
	case p.accept('-'):
		a.op.Mode = mailbox.FlagsRemove
	default:
		a.op.Mode = mailbox.FlagsReplace
	}
	switch word := p.word(); word {
	case "FLAGS":
	case "FLAGS.SILENT":
		a.silent = true
	default:
		p.fail("unknown STORE item %q", word)
	}
	p.sp()
	a.names = p.flags()
	for _, name := range a.names {
		if strings.HasPrefix(name, `\`) && !isSystemFlag(name) {
			p.fail("%s is no flag that can be stored", name)
		}
	}
	if a.unchanged {
		a.op.UnchangedSince = &a.since
	}
	return a
}

// isSystemFlag tells whether name is one of the flags with a backslash that clients may change. \Recent is none.
func isSystemFlag(name string) bool {
	return slices.ContainsFunc(systemFlagNames[:], func(f string) bool { return strings.EqualFold(f, name) })
}

// store changes flags. RFC 9051 §6.4.6; UNCHANGEDSINCE: RFC 7162 §3.1.3; messages that others
// expunged: RFC 2180 §4.2.
func (c *conn) store(ctx context.Context, p *parser) error {
	a := p.storeArgs()
	if err := p.end(); err != nil {
		return err
	}
	if c.sel.readOnly {
		return no("READ-ONLY", "mailbox was opened read-only")
	}
	if a.unchanged {
		c.enableCondstore()
	}
	known := c.sel.snap
	if err := c.syncTold(c.uidMode, c.covers(a.set)); err != nil {
		return err
	}
	idx, err := c.resolve(a.set)
	if err != nil {
		return err
	}
	box := c.sel.box
	add := a.op.Mode != mailbox.FlagsRemove && box.Rights().Has(mailbox.RightWrite)
	a.op.Flags, a.op.Unknown, err = c.srv.mail.FlagBits(ctx, box.Mailbox().Owner, a.names, add)
	if err != nil {
		return err
	}
	if err := c.tellKeywords(ctx, a.op.Flags); err != nil {
		return err
	}
	if len(idx) == 0 {
		return nil
	}
	uids := make([]mailbox.UID, len(idx))
	for n, i := range idx {
		uids[n] = c.sel.snap.UIDAt(i)
	}
	a.news = changedSince(known, box.Snapshot(), uids)
	failed, err := box.StoreFlags(ctx, uids, a.op)
	if err != nil {
		return err
	}
	gone, err := c.storeAnswers(idx, failed, a)
	if err != nil {
		return err
	}
	return c.storeEnd(failed, gone, a)
}

// covers tells of a message whether set means it. What others did to such a message is not told before
// the command acts: a client that takes its own STORE for granted would think that it was undone.
func (c *conn) covers(set seqSet) func(e mailbox.Entry) bool {
	snap, saved, uid := c.sel.snap, c.sel.saved, c.uidMode
	return func(e mailbox.Entry) bool {
		if set.saved {
			_, ok := slices.BinarySearch(saved, e.UID)
			return ok
		}
		if uid {
			return set.contains(uint32(e.UID), uint32(snap.UIDNext()-1))
		}
		i, ok := snap.Find(e.UID)
		return ok && set.contains(uint32(i+1), uint32(snap.Len()))
	}
}

// changedSince lists those of uids that are new or changed in now.
func changedSince(known, now *mailbox.Snapshot, uids []mailbox.UID) []mailbox.UID {
	if known == now {
		return nil
	}
	var news []mailbox.UID
	for _, uid := range uids {
		i, ok := known.Find(uid)
		if j, here := now.Find(uid); !ok || here && now.At(j).ModSeq != known.At(i).ModSeq {
			news = append(news, uid)
		}
	}
	return news
}

// storeAnswers tells the client what the messages at idx have now, as far as it asked for it or
// cannot know it, and brings its view up to that. gone: some of them were expunged by others.
func (c *conn) storeAnswers(idx []int, failed []mailbox.UID, a storeArgs) (gone bool, err error) {
	snap, latest := c.sel.snap, c.sel.box.Snapshot()
	modseqs := c.enabled&condstore != 0
	told := make([]mailbox.Entry, 0, len(idx))
	for _, i := range idx {
		before := snap.At(i)
		j, ok := latest.Find(before.UID)
		if !ok {
			gone = true
			continue
		}
		now := latest.At(j)
		if len(failed) > 0 && failed[0] == now.UID {
			failed = failed[1:]
			if _, news := slices.BinarySearch(a.news, now.UID); !news {
				continue
			}
		}
		told = append(told, now)
		_, news := slices.BinarySearch(a.news, now.UID)
		if a.silent && !news && now.Flags == applied(a.op, before.Flags) {
			if modseqs && now.ModSeq != before.ModSeq {
				c.modSeqLine(i, now) // RFC 7162 §3.1.3: the new modseq even so
			}
		} else {
			c.storeLine(i, now)
		}
		if err := c.w.flushIfFull(); err != nil {
			return gone, err
		}
	}
	return gone, c.syncTold(c.uidMode, func(e mailbox.Entry) bool { return wasTold(told, e) })
}

// storeEnd chooses the tagged answer.
func (c *conn) storeEnd(failed []mailbox.UID, gone bool, a storeArgs) error {
	if len(failed) > 0 {
		c.ok("MODIFIED "+c.numbersOf(failed), "Conditional STORE failed for some")
		return nil
	}
	if gone && !c.uidMode && !a.silent {
		return no("EXPUNGEISSUED", "some of the messages no longer exist")
	}
	return nil
}

// applied is what flags are once op was done.
func applied(op mailbox.FlagOp, flags mailbox.Flags) mailbox.Flags {
	switch op.Mode {
	case mailbox.FlagsAdd:
		return flags | op.Flags
	case mailbox.FlagsRemove:
		return flags &^ op.Flags
	}
	return op.Flags
}

// storeLine answers what the message at i has now; its UID only if the client used UIDs or wants MODSEQ.
func (c *conn) storeLine(i int, e mailbox.Entry) {
	if c.uidMode || c.enabled&condstore != 0 {
		c.flagsLine(i, e)
		return
	}
	w := c.w
	w.untagged(int64(i)+1, "FETCH (FLAGS ")
	w.flags(c.keywords, e.Flags)
	w.str(")\r\n")
}

// modSeqLine answers a silent STORE of a client that knows MODSEQ.
func (c *conn) modSeqLine(i int, e mailbox.Entry) {
	w := c.w
	w.untagged(int64(i)+1, "FETCH (UID ")
	w.num(int64(e.UID))
	w.str(" MODSEQ (")
	w.num(int64(e.ModSeq))
	w.str("))\r\n")
}

// numbersOf writes uids (ascending) as the set that the command would have named.
func (c *conn) numbersOf(uids []mailbox.UID) string {
	if c.uidMode {
		return formatUIDs(uids)
	}
	numbers := make([]mailbox.UID, 0, len(uids))
	for _, uid := range uids {
		if i, ok := c.sel.snap.Find(uid); ok {
			numbers = append(numbers, mailbox.UID(i+1))
		}
	}
	return formatUIDs(numbers)
}
