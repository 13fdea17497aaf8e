package mailbox

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// view is the newest snapshot of one mailbox, shared by all who have it open.
type view struct {
	id     ID
	person directory.ID // whose \Seen it has; 0: the owner
	snap   atomic.Pointer[Snapshot]
	info   atomic.Pointer[Mailbox]
	gone   atomic.Bool

	loaded chan struct{} // closed when ready or err is set
	// guarded by views.mu
	ready   bool
	err     error
	boxes   int           // how many have it open
	idle    *list.Element // in views.idle while nobody has
	pending []*change     // committed while it was being loaded
	tip     *Snapshot     // state within the transactions that are not yet committed; only right if its modseq is the row's
}

// views are the hot mailboxes.
type views struct {
	mu    sync.Mutex
	byID  map[ID]*view
	other map[ID]map[directory.ID]*view // of people who are not the owner
	idle  list.List                     // of *view; the front was closed longest ago
	bytes int64                         // of all ready snapshots
	limit int64
}

func newViews(limit int64) *views {
	return &views{byID: make(map[ID]*view), other: make(map[ID]map[directory.ID]*view), limit: limit}
}

// acquire finds or makes the view; first means that the caller must load it.
func (h *views) acquire(info *Mailbox, person directory.ID) (v *view, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v = h.find(info.ID, person)
	if v == nil {
		v = &view{id: info.ID, person: person, loaded: make(chan struct{})}
		v.info.Store(info)
		h.keep(v)
		first = true
	}
	v.boxes++
	if v.idle != nil {
		h.idle.Remove(v.idle)
		v.idle = nil
	}
	return v, first
}

// finish sets what loading found, and applies what was committed meanwhile.
func (h *views) finish(v *view, snap *Snapshot, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer close(v.loaded)
	if err != nil {
		v.err = err
		h.forget(v)
		return
	}
	for _, c := range v.pending {
		if c.modseq > snap.modseq {
			snap = snap.applyFor(v.person, c)
		}
	}
	v.pending, v.ready = nil, true
	v.snap.Store(snap)
	h.bytes += snap.bytes()
	h.evict()
}

// release is the counterpart of acquire.
func (h *views) release(v *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.boxes--
	if v.boxes > 0 || h.find(v.id, v.person) != v || !v.ready {
		return
	}
	v.idle = h.idle.PushBack(v)
	h.evict()
}

// evict forgets views that nobody has open while all together are too large.
func (h *views) evict() {
	for h.bytes > h.limit && h.idle.Len() > 0 {
		h.drop(h.idle.Front().Value.(*view))
	}
}

// drop takes v out of the table; who has it open keeps a view that gets no more news, so only gone or idle ones are dropped.
func (h *views) drop(v *view) {
	if v.idle != nil {
		h.idle.Remove(v.idle)
		v.idle = nil
	}
	if h.forget(v) && v.ready {
		h.bytes -= v.snap.Load().bytes()
	}
}

// stage works out the snapshot after c inside c's transaction; nil when the mailbox is not hot. The tips of other people's views are theirs.
func (h *views) stage(id ID, c *change) (next *Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.other[id] {
		v.stage(c)
	}
	if v := h.byID[id]; v != nil {
		next = v.stage(c)
	}
	return next
}

// stage needs views.mu.
func (v *view) stage(c *change) (next *Snapshot) {
	if !v.ready {
		return nil
	}
	if base := v.at(c.modseq - 1); base != nil {
		next = base.applyFor(v.person, c)
	}
	v.tip = next
	return next
}

// at returns the state with that modseq if it is at hand. Every transaction that counts modseq up stages its change, which
// replaces tip; so a tip whose transaction failed has a modseq that the row does not have.
func (v *view) at(modseq ModSeq) *Snapshot {
	if v.tip != nil && v.tip.modseq == modseq {
		return v.tip
	}
	if snap := v.snap.Load(); snap != nil && snap.modseq == modseq {
		return snap
	}
	return nil
}

// latest is the newest state at hand, within the transactions that are not yet committed, or nil. It may be of a transaction that failed.
func (h *views) latest(v *view) *Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v.tip != nil {
		return v.tip
	}
	return v.snap.Load()
}

// publish makes a committed change visible. It runs on the writer goroutine in commit order.
func (h *views) publish(id ID, c *change, next *Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.other[id] {
		h.advance(v, c, nil)
	}
	if v := h.byID[id]; v != nil {
		h.advance(v, c, next)
	}
}

// advance needs mu. next is v's state after c, nil if it has to be worked out.
func (h *views) advance(v *view, c *change, next *Snapshot) {
	if !v.ready {
		v.pending = append(v.pending, c)
		return
	}
	now := v.snap.Load()
	if c.modseq <= now.modseq {
		return // the loader saw it already
	}
	if next == nil && v.person != 0 && v.tip != nil && v.tip.modseq == c.modseq {
		next = v.tip
	}
	if next == nil {
		next = now.applyFor(v.person, c)
	}
	v.snap.Store(next)
	h.bytes += next.bytes() - now.bytes()
}

// renamed tells those who have the mailbox open its new name.
func (h *views) renamed(id ID, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.each(id, func(v *view) {
		info := *v.info.Load()
		info.Name = name
		v.info.Store(&info)
	})
}

// deleted marks the view as gone for those who have it open.
func (h *views) deleted(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.each(id, func(v *view) {
		v.gone.Store(true)
		h.drop(v)
	})
}

// stage registers what the running transaction did to a mailbox of owner: its watchers will wake and its view will show c.
func (m *Mail) stage(tx *store.Tx, id ID, owner directory.ID, c *change) {
	next := m.views.stage(id, c)
	tx.Changed(Key(id), uint64(c.modseq))
	tx.Changed(MailKey(owner), 0)
	tx.AfterCommit(func() { m.views.publish(id, c, next) })
}

// current returns the mailbox's state in tx: a snapshot at hand if its modseq is the row's, else one loaded from the rows.
func (m *Mail) current(tx *store.Tx, v *view) (*Snapshot, error) {
	var modseq ModSeq
	err := tx.QueryRow(`SELECT modseq FROM mailbox WHERE id = $1`, int64(v.id)).Scan(&modseq)
	if isNoRows(err) {
		return nil, fault.New(fault.NotFound, "the mailbox was deleted")
	}
	if err != nil {
		return nil, err
	}
	m.views.mu.Lock()
	snap := v.at(modseq)
	m.views.mu.Unlock()
	if snap != nil {
		return snap, nil
	}
	return loadFor(tx, v.id, v.person)
}

// load reads a mailbox's messages in tx.
func load(tx *store.Tx, id ID) (*Snapshot, error) {
	var modseq ModSeq
	var uidNext UID
	var n int
	err := tx.QueryRow(`SELECT modseq, uidnext, messages FROM mailbox WHERE id = $1`, int64(id)).Scan(&modseq, &uidNext, &n)
	if isNoRows(err) {
		return nil, fault.New(fault.NotFound, "no such mailbox")
	}
	if err != nil {
		return nil, fmt.Errorf("load mailbox %d: %w", id, err)
	}
	rows, err := tx.Query(`SELECT uid, modseq, flags, internal_date, size, content_id FROM message WHERE mailbox_id = $1 ORDER BY uid`, int64(id))
	if err != nil {
		return nil, fmt.Errorf("load mailbox %d: %w", id, err)
	}
	defer rows.Close()
	pages := make([]*page, 0, max(n, 0)/pageSize+1)
	var entries []entry
	var row [6]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return nil, fmt.Errorf("load mailbox %d: %w", id, err)
		}
		if len(entries) == pageSize {
			pages = append(pages, newPage(entries))
			entries = nil
		}
		if entries == nil {
			entries = make([]entry, 0, min(pageSize, max(n-len(pages)*pageSize, 8)))
		}
		entries = append(entries, entry{uid: UID(row[0]), modseq: ModSeq(row[1]), flags: Flags(row[2]), date: row[3],
			size: uint32(row[4]), content: ContentID(row[5])})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("load mailbox %d: %w", id, err)
	}
	if len(entries) > 0 {
		pages = append(pages, newPage(entries))
	}
	return newSnapshot(pages, uidNext, modseq), nil
}

// openView returns the view of a mailbox that person has (0: its owner), loaded; release it.
func (m *Mail) openView(ctx context.Context, info *Mailbox, person directory.ID) (*view, error) {
	v, first := m.views.acquire(info, person)
	if first {
		var snap *Snapshot
		err := m.store.Read(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
			snap, err = loadFor(tx, info.ID, person)
			return err
		})
		m.views.finish(v, snap, err)
		return v, err
	}
	select {
	case <-v.loaded:
		return v, v.err
	case <-ctx.Done():
		m.views.release(v)
		return nil, ctx.Err()
	}
}
