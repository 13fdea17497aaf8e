package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store"
)

// indexer fills search.db behind the watermark: contents get ever rising ids, so that what is new lies above it.
type indexer struct {
	mail  *Mail
	index *searchIndex
	wake  chan struct{}
	once  sync.Mutex // one run at a time: the background's or Reindex's
	sink  textSink   // of the run
	blob  []byte
}

func newIndexer(m *Mail, index *searchIndex) *indexer {
	return &indexer{mail: m, index: index, wake: make(chan struct{}, 1)}
}

// notify says that there are new contents. It never waits.
func (x *indexer) notify() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// run indexes until ctx ends. It gives way: while the store has much to write it works a tenth of the time, else half of it. Searches read
// what it has not reached.
func (x *indexer) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	sweepAt, commits := x.mail.now(), x.mail.store.Commits()
	for {
		rest := time.Duration(indexPause)
		now := x.mail.store.Commits()
		if now-commits >= indexBusy {
			rest = indexPauseBusy
		}
		commits = now
		began := time.Now()
		more, err := x.step(ctx)
		rest *= time.Since(began)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			x.mail.log.Warn("search index: tried again later", "error", err)
			pause.Reset(indexRetry)
		case more:
			pause.Reset(rest)
		default:
			if now := x.mail.now(); !now.Before(sweepAt) {
				sweepAt = now.Add(indexSweepEvery)
				if err := x.sweep(ctx); err != nil && ctx.Err() == nil {
					x.mail.log.Warn("search index: removing what is gone", "error", err)
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-x.wake:
			case now := <-minute.C:
				x.index.rest(now)
			}
			pause.Reset(indexDelay)
		}
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// step indexes the next contents above the watermark. more: there may be others.
func (x *indexer) step(ctx context.Context) (more bool, err error) {
	if x.index.db == nil {
		return false, nil
	}
	x.once.Lock()
	defer x.once.Unlock()
	done, err := x.index.indexed(ctx)
	if err != nil {
		return false, err
	}
	var list []indexable
	err = x.mail.store.Read(ctx, func(tx *store.Tx) error {
		list, err = contentsAfter(tx, done)
		return err
	})
	if err != nil || len(list) == 0 {
		return false, err
	}
	if err := x.mail.refresh(ctx, list); err != nil {
		return false, err
	}
	docs := make([]packedDoc, 0, len(list))
	bytes := 0
	for i := range list {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		done = list[i].ID
		d, err := x.mail.readText(ctx, &list[i].Content, &x.sink, &x.blob, nil)
		if err != nil {
			x.mail.log.Warn("search index: unreadable message", "content", list[i].ID, "error", err)
			continue // searches will try again and say so too
		}
		p := d.pack()
		docs = append(docs, p)
		if bytes += len(p.body); bytes > indexBatchBytes {
			break
		}
	}
	return true, x.index.add(ctx, docs, done)
}

// indexable is a content with the message.FormatVersion that its row is of.
type indexable struct {
	Content
	format int64
}

func contentsAfter(tx *store.Tx, after ContentID) (list []indexable, err error) {
	rows, err := tx.Query(`SELECT c.id, c.format, c.layout, `+store.LocationColumns+` FROM content c JOIN blob b ON b.id = c.blob_id
		WHERE c.id > $1 ORDER BY c.id LIMIT $2`, int64(after), indexBatch)
	if err != nil {
		return nil, fmt.Errorf("contents to index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c indexable
		if err := rows.Scan(&c.ID, &c.format, &c.Layout, &c.Blob.Pack, &c.Blob.Offset, &c.Blob.Length, &c.Blob.Size); err != nil {
			return nil, fmt.Errorf("contents to index: %w", err)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// readText makes the searchable text of a content from its bytes. blob is scratch memory. With a needle, sink.found tells whether
// the whole body holds it.
func (m *Mail) readText(ctx context.Context, c *Content, sink *textSink, blob *[]byte, needle []byte) (*textDoc, error) {
	root, err := message.ParseLayout(c.Layout)
	if err != nil {
		return nil, fmt.Errorf("layout of content %s: %w", c.ID, err)
	}
	x := &message.Index{Size: c.Blob.Size, Root: root}
	sink.reset(needle)
	if c.Blob.Size <= smallBody {
		b, err := m.AppendBody((*blob)[:0], c.Blob)
		if err != nil {
			return nil, err
		}
		*blob = b
		_, err = message.WriteText(sink, sliceReader(b), x, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		return sink.doc(c.ID), nil
	}
	r, err := m.OpenBody(ctx, c.Blob)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := message.WriteText(sink, r, x, math.MaxInt64); err != nil {
		return nil, err
	}
	return sink.doc(c.ID), nil
}

// sweep removes the rows of contents that are gone for good, in slices.
func (x *indexer) sweep(ctx context.Context) error {
	if x.index.db == nil {
		return nil
	}
	for after := int64(0); ; {
		var ids []int64
		rows, err := x.index.db.QueryContext(ctx, `SELECT content_id FROM entry WHERE content_id > ? ORDER BY content_id LIMIT ?`, after, sliceRows)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				rows.Close()
				return err
			}
			ids = append(ids, id)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		if err := x.removeGone(ctx, ids); err != nil {
			return err
		}
	}
}

// removeGone deletes those of ids (ascending) that table content no longer has.
func (x *indexer) removeGone(ctx context.Context, ids []int64) error {
	there := make(map[int64]bool, len(ids))
	err := x.mail.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT id FROM content WHERE id BETWEEN $1 AND $2`, ids[0], ids[len(ids)-1])
		if err != nil {
			return err
		}
		defer rows.Close()
		var id [1]int64
		for rows.Next() {
			if err := rows.Int64s(id[:]); err != nil {
				return err
			}
			there[id[0]] = true
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("contents that are there: %w", err)
	}
	x.index.write.Lock()
	defer x.index.write.Unlock()
	for _, id := range ids {
		if there[id] {
			continue
		}
		for _, table := range [...]string{"entry", "text"} {
			if _, err := x.index.db.ExecContext(ctx, "DELETE FROM "+table+" WHERE content_id = ?", id); err != nil {
				return fmt.Errorf("search index: %w", err)
			}
		}
	}
	return nil
}

// Reindex empties search.db and fills it again, up to what is there when it ends (schulhof reindex); rows of contents that an earlier
// version wrote are made anew. Searches stay right meanwhile.
func (m *Mail) Reindex(ctx context.Context) error {
	x := m.indexer
	x.once.Lock()
	err := x.index.clear(ctx)
	x.once.Unlock()
	if err != nil {
		return err
	}
	return m.catchUp(ctx)
}

// catchUp indexes at full speed what the indexer has not reached yet.
func (m *Mail) catchUp(ctx context.Context) error {
	for {
		more, err := m.indexer.step(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// Indexed tells how far the indexer is: every content up to done is in the index; newest is the newest there is.
func (m *Mail) Indexed(ctx context.Context) (done, newest ContentID, err error) {
	if newest, err = m.newestContent(ctx); err != nil {
		return 0, 0, err
	}
	done, err = m.indexer.index.indexed(ctx)
	return done, newest, err
}

func (m *Mail) newestContent(ctx context.Context) (newest ContentID, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT COALESCE(MAX(id), 0) FROM content`).Scan(&newest)
	})
	if err != nil {
		return 0, fmt.Errorf("newest content: %w", err)
	}
	return newest, nil
}
