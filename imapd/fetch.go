package imapd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store"
)

// fetch answers data of messages. RFC 9051 §6.4.5, CHANGEDSINCE and VANISHED of RFC 7162.
//
// Messages are read in pages: each page is one read of the database, closed before anything is
// written, so that a slow client holds no snapshot open.
func (c *conn) fetch(ctx context.Context, p *parser) error {
	var plan fetchPlan
	p.sp()
	set := p.seqSet()
	p.sp()
	p.fetchItems(&plan)
	p.fetchModifiers(&plan)
	if err := p.end(); err != nil {
		return err
	}
	if plan.vanished && (!c.uidMode || !plan.changed || c.enabled&qresync == 0) {
		return bad("VANISHED wants UID FETCH, CHANGEDSINCE and ENABLE QRESYNC")
	}
	if plan.changed || plan.has(itemModSeq) {
		c.enableCondstore()
	}
	if err := c.sync(c.uidMode); err != nil {
		return err
	}
	idx, err := c.resolve(set)
	if err != nil {
		return err
	}
	if plan.vanished {
		if err := c.vanishedEarlier(ctx, set, plan.changedSince); err != nil {
			return err
		}
	}
	plan.complete(c)
	f := fetchers.Get().(*fetcher)
	defer f.release()
	f.start(c, &plan)
	if err := f.run(ctx, idx); err != nil {
		return err
	}
	return f.finish()
}

// complete adds what the client did not name but gets: UID in answers to UID FETCH
// (RFC 9051 §6.4.9), MODSEQ with CHANGEDSINCE (RFC 7162 §3.1.4.1).
func (f *fetchPlan) complete(c *conn) {
	if c.uidMode && !f.has(itemUID) {
		f.items = append([]fetchItem{{kind: itemUID}}, f.items...)
	}
	if f.changed && !f.has(itemModSeq) {
		f.addKinds(itemModSeq)
	}
	if c.sel.readOnly {
		f.setSeen = false
	}
}

// fetchers keeps the memory of FETCH commands for the next one; an idle connection holds none.
var fetchers = sync.Pool{New: func() any { return new(fetcher) }}

// fetcher runs one FETCH. It is reused, so that a page costs no allocation once its memory has grown.
type fetcher struct {
	c      *conn
	w      *encoder
	plan   *fetchPlan
	snap   *mailbox.Snapshot // what sequence numbers refer to
	latest *mailbox.Snapshot // where flags and modseqs come from
	told   []mailbox.Entry   // what the answers said of messages that this command marked as seen

	seqs      []int // indexes in snap of the page's messages
	entries   []mailbox.Entry
	marked    []bool // entries that this command gave \Seen
	uids      []mailbox.UID
	saveDates []int64
	contents  mailbox.ContentBuf
	body      body
	fields    []byte // header fields that were selected
	chunk     []byte // for copying large messages
	streamed  bool   // part of the message's answer is on its way already
	own       encoder
	borrowed  bool // seqs, entries, marked and saveDates belong to the fetcher that this one helps

	gone, badCTE bool  // why the command ends with NO although it answered
	broken       error // the same: a message could not be read
}

func (f *fetcher) start(c *conn, plan *fetchPlan) {
	f.c, f.w, f.plan = c, c.w, plan
	f.snap, f.latest = c.sel.snap, c.sel.box.Snapshot()
	f.told = f.told[:0]
	f.gone, f.badCTE, f.broken = false, false, nil
	f.body.mail = c.srv.mail
}

// release gives f's memory back. Nothing of the connection stays in it.
func (f *fetcher) release() {
	f.body.close()
	if cap(f.body.buf) > maxPooledBody {
		f.body.buf = nil
	}
	if f.borrowed {
		f.seqs, f.entries, f.marked, f.saveDates, f.borrowed = nil, nil, nil, nil, false
	}
	f.c, f.w, f.plan, f.snap, f.latest, f.own = nil, nil, nil, nil, nil, encoder{}
	fetchers.Put(f)
}

// run answers the messages at idx (indexes in snap, ascending).
func (f *fetcher) run(ctx context.Context, idx []int) error {
	for len(idx) > 0 {
		f.seqs, f.entries = f.seqs[:0], f.entries[:0]
		for len(idx) > 0 && len(f.entries) < fetchPage {
			i := idx[0]
			idx = idx[1:]
			e := f.current(f.snap.At(i))
			if f.plan.changed && e.ModSeq <= f.plan.changedSince {
				continue
			}
			f.seqs, f.entries = append(f.seqs, i), append(f.entries, e)
		}
		if err := f.page(ctx); err != nil {
			return err
		}
	}
	return nil
}

// current brings e, an entry of snap, to the newest flags and modseq. An expunged message keeps
// what was known of it.
func (f *fetcher) current(e mailbox.Entry) mailbox.Entry {
	if f.snap == f.latest {
		return e
	}
	if i, ok := f.latest.Find(e.UID); ok {
		return f.latest.At(i)
	}
	return e
}

// page answers f.entries.
func (f *fetcher) page(ctx context.Context) error {
	if len(f.entries) == 0 {
		return nil
	}
	f.marked = f.marked[:0]
	if f.plan.setSeen && f.c.sel.box.Rights().Has(mailbox.RightSeen) {
		if err := f.markSeen(ctx); err != nil {
			return err
		}
	}
	if err := f.c.tellKeywords(ctx, f.pageFlags()); err != nil {
		return err
	}
	var contents []mailbox.Content
	var err error
	box := f.c.sel.box
	if f.plan.want != 0 {
		if contents, err = box.Contents(ctx, f.entries, f.plan.want, &f.contents); err != nil {
			return fmt.Errorf("read contents: %w", err)
		}
	}
	if f.plan.saveDates {
		if f.saveDates, err = box.SaveDates(ctx, f.pageUIDs()); err != nil {
			return fmt.Errorf("read save dates: %w", err)
		}
	}
	if chunks := f.split(contents); chunks != nil {
		return f.parallel(ctx, contents, chunks)
	}
	var none mailbox.Content
	for n := range f.entries {
		content := &none
		if contents != nil {
			if content = &contents[n]; content.ID == 0 {
				f.gone = true // expunged, and swept since: nothing can be said of it
				continue
			}
		}
		if err := f.message(ctx, n, content); err != nil {
			return err
		}
		if err := f.w.flushIfFull(); err != nil {
			return err
		}
	}
	return nil
}

// pageFlags is all flags that the page's answers may name.
func (f *fetcher) pageFlags() mailbox.Flags {
	var all mailbox.Flags
	for i := range f.entries {
		all |= f.entries[i].Flags
	}
	return all
}

func (f *fetcher) pageUIDs() []mailbox.UID {
	f.uids = f.uids[:0]
	for i := range f.entries {
		f.uids = append(f.uids, f.entries[i].UID)
	}
	return f.uids
}

// markSeen sets \Seen on the page's messages that lack it, all in one STORE, before their bodies are sent.
func (f *fetcher) markSeen(ctx context.Context) error {
	f.uids = f.uids[:0]
	for i := range f.entries {
		if f.entries[i].Flags&mailbox.Seen == 0 {
			f.uids = append(f.uids, f.entries[i].UID)
		}
	}
	if len(f.uids) == 0 {
		return nil
	}
	_, err := f.c.sel.box.StoreFlags(ctx, f.uids, mailbox.FlagOp{Mode: mailbox.FlagsAdd, Flags: mailbox.Seen})
	if err != nil {
		return fmt.Errorf(`set \Seen: %w`, err)
	}
	f.latest = f.c.sel.box.Snapshot()
	for i := range f.entries {
		unseen := f.entries[i].Flags&mailbox.Seen == 0
		f.marked = append(f.marked, unseen)
		if unseen {
			f.entries[i] = f.current(f.entries[i])
			f.told = append(f.told, f.entries[i])
		}
	}
	return nil
}

// finish brings the client's view up to the marks this command made, without saying them twice,
// and reports what could not be answered.
func (f *fetcher) finish() error {
	if len(f.told) > 0 {
		err := f.c.syncTold(f.c.uidMode, func(e mailbox.Entry) bool {
			return wasTold(f.told, e)
		})
		if err != nil {
			return err
		}
	}
	switch {
	case f.badCTE:
		return no("UNKNOWN-CTE", "a part has an unknown Content-Transfer-Encoding")
	case f.gone:
		return no("EXPUNGEISSUED", "some of the messages no longer exist")
	case f.broken != nil:
		return no(unreadableCode(f.broken), "some of the messages cannot be read")
	}
	return nil
}

// wasTold tells whether told (ascending by UID) has exactly e's flags and modseq.
func wasTold(told []mailbox.Entry, e mailbox.Entry) bool {
	lo, hi := 0, len(told)
	for lo < hi {
		mid := (lo + hi) / 2
		if told[mid].UID < e.UID {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(told) && told[lo].UID == e.UID && told[lo].Flags == e.Flags && told[lo].ModSeq == e.ModSeq
}

// message writes the answer for entry n of the page.
func (f *fetcher) message(ctx context.Context, n int, content *mailbox.Content) error {
	w := f.w
	mark := len(w.buf)
	f.streamed = false
	w.str("* ")
	w.num(int64(f.seqs[n] + 1))
	w.str(" FETCH (")
	f.body.reset(content)
	flags := false
	for i := range f.plan.items {
		if i > 0 {
			w.sp()
		}
		it := &f.plan.items[i]
		flags = flags || it.kind == itemFlags
		if err := f.item(ctx, it, n, content); err != nil {
			f.body.close()
			return f.unreadable(ctx, mark, err)
		}
	}
	f.body.close()
	if len(f.marked) > 0 && f.marked[n] {
		if !flags {
			w.str(" FLAGS ")
			w.flags(f.c.keywords, f.entries[n].Flags)
		}
		if f.c.enabled&condstore != 0 && !f.plan.has(itemModSeq) {
			w.str(" MODSEQ (")
			w.num(int64(f.entries[n].ModSeq))
			w.str(")")
		}
	}
	w.str(")\r\n")
	return nil
}

// unreadable takes back what was written of a message whose bytes cannot be read; it ends the
// connection when part of it is on its way already.
func (f *fetcher) unreadable(ctx context.Context, mark int, err error) error {
	if f.w.err != nil {
		return f.w.err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.c.log.Error("message cannot be read", "mailbox", f.c.sel.name, "err", err)
	if f.streamed {
		return bye(unreadableCode(err), "A message cannot be read to its end")
	}
	f.w.buf = f.w.buf[:mark]
	f.broken = err
	return nil
}

// unreadableCode tells damage on the disk from what may work the next time. RFC 5530 §3.
func unreadableCode(err error) string {
	if errors.Is(err, store.ErrCorrupt) {
		return "CORRUPTION"
	}
	return "SERVERBUG"
}

// item writes one data item of entry n.
func (f *fetcher) item(ctx context.Context, it *fetchItem, n int, content *mailbox.Content) error {
	w, e := f.w, &f.entries[n]
	switch it.kind {
	case itemFlags:
		w.str("FLAGS ")
		w.flags(f.c.keywords, e.Flags)
	case itemUID:
		w.str("UID ")
		w.num(int64(e.UID))
	case itemInternalDate:
		w.str("INTERNALDATE ")
		w.unixTime(e.Date)
	case itemSize:
		w.str("RFC822.SIZE ")
		w.num(e.Size)
	case itemEnvelope:
		w.str("ENVELOPE ")
		w.bytes(f.utf8Form(content.Envelope, content.EnvelopeUTF8))
	case itemBodyStructure:
		w.str("BODYSTRUCTURE ")
		w.bytes(f.utf8Form(content.Structure, content.StructureUTF8))
	case itemBasicBody:
		w.str("BODY ")
		w.bytes(message.BasicStructure(f.utf8Form(content.Structure, content.StructureUTF8)))
	case itemModSeq:
		w.str("MODSEQ (")
		w.num(int64(e.ModSeq))
		w.str(")")
	case itemSaveDate:
		w.str("SAVEDATE ")
		if d := f.saveDates[n]; d != 0 {
			w.unixTime(d)
		} else {
			w.str("NIL")
		}
	case itemEmailID:
		w.str("EMAILID (")
		w.objectID('M', int64(e.Content))
		w.str(")")
	case itemThreadID:
		w.str("THREADID (")
		w.objectID('T', int64(content.Thread))
		w.str(")")
	case itemPreview:
		w.str("PREVIEW ")
		w.string(content.Preview)
	case itemSection:
		return f.sectionItem(ctx, &it.section)
	case itemBinary:
		return f.binaryItem(ctx, &it.section)
	case itemBinarySize:
		return f.binarySizeItem(ctx, &it.section)
	}
	return nil
}

// utf8Form picks the form of an envelope or a structure that the client understands: raw UTF-8 only
// after ENABLE UTF8=ACCEPT (RFC 6855 §3) or IMAP4rev2.
func (f *fetcher) utf8Form(ascii, utf8 []byte) []byte {
	if utf8 != nil && f.c.enabled&(utf8accept|rev2) != 0 {
		return utf8
	}
	return ascii
}

// unixTime writes seconds since 1970 as a date-time in UTC: "17-Jul-1996 02:44:25 +0000". RFC 9051 §9.
// It is time.AppendFormat without its cost, because a first sync writes one per message.
func (w *encoder) unixTime(sec int64) {
	days := sec / 86400
	if sec%86400 < 0 {
		days--
	}
	rest := sec - days*86400
	z := days + 719468 // days since 1 March of the year 0; a year ends with February here
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	month := (5*doy + 2) / 153
	day := doy - (153*month+2)/5 + 1
	year := yoe + era*400
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	b := append(w.buf, '"', byte('0'+day/10), byte('0'+day%10), '-')
	if day < 10 {
		b[len(b)-3] = ' '
	}
	b = append(b, months[3*month-3:3*month]...)
	b = append(b, '-', byte('0'+year/1000%10), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), ' ')
	hour, minute, second := rest/3600, rest/60%60, rest%60
	b = append(b, byte('0'+hour/10), byte('0'+hour%10), ':', byte('0'+minute/10), byte('0'+minute%10), ':')
	b = append(b, byte('0'+second/10), byte('0'+second%10))
	w.buf = append(b, " +0000\""...)
}

// objectID writes an object identifier: a letter for its kind and hexadecimal digits. RFC 8474 §4.
func (w *encoder) objectID(kind byte, id int64) {
	w.buf = strconv.AppendInt(append(w.buf, kind), id, 16)
}
