package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// Mail is the mail domain of one server. Its methods may be called by many at once.
type Mail struct {
	store *store.Store
	dir   *directory.Directory
	log   *slog.Logger
	now   func() time.Time
	opts  Options

	views    *views
	known    knownBoxes
	keywords keywordCache
	seen     *deliverySeen
	shares   *shares
	notes    metadataLog
	sql      *statements
	metrics  *metrics

	stop context.CancelFunc
	work sync.WaitGroup
	kick chan struct{} // wakes the janitor

	indexer *indexer
}

// New opens the mail domain; it registers provisioning with dir and starts the indexer, which Close stops.
func New(ctx context.Context, s *store.Store, dir *directory.Directory, o Options) (*Mail, error) {
	o = o.withDefaults()
	m := &Mail{
		store: s, dir: dir, log: o.Log, now: o.Now, opts: o,
		views: newViews(o.ViewMemory),
		sql:   newStatements(),
		kick:  make(chan struct{}, 1),
	}
	m.metrics = newMetrics(o.Metrics, m)
	seen, err := m.loadDeliveriesSeen(ctx)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	m.seen = seen
	if err := s.Read(ctx, m.loadShares); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	s.RegisterRefs("mailbox", `SELECT blob_id, COUNT(*) FROM content GROUP BY blob_id`)
	dir.OnCreate(m.provision)
	dir.OnPurge(m.purge)
	newest, err := m.newestContent(ctx)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	m.indexer = newIndexer(m, openSearchIndex(ctx, s.Dir(), newest, o.Log))
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	m.work.Go(func() { m.janitor(work) })
	m.work.Go(func() { m.indexer.run(work) })
	return m, nil
}

// Close ends background work. Deliveries whose answer was sent are forgotten, so that the next start takes only those of a
// crash for unanswered ones.
func (m *Mail) Close() error {
	m.stop()
	m.work.Wait()
	return errors.Join(m.forgetAnswered(), m.indexer.index.close())
}

// NewSpool is where a door collects a message.
func (m *Mail) NewSpool() *store.Spool { return m.store.NewSpool() }

// MaxSize is the largest message that Prepare takes, in bytes (APPENDLIMIT, SIZE).
func (m *Mail) MaxSize() int64 { return m.opts.MaxSize }

func isNoRows(err error) bool { return errors.Is(err, store.ErrNoRows) }

// statements are the texts that come in several shapes.
type statements struct {
	setFlags, copyTo, expunge, saveDates, vias byUIDs
	setSeen                                    byUIDs // of somebody who is not the owner
	dropSeen                                   byUIDs // of everybody who is not
	contents                                   [32]byUIDs
	insertContents                             [2]string // of one, of contentsAtOnce
}

func newStatements() *statements {
	s := &statements{
		setFlags: forUIDs(`UPDATE message SET modseq = $2, flags = (flags & $3) | $4 WHERE mailbox_id = $1 AND {uids}`, "uid", 5),
		copyTo: forUIDs(`INSERT INTO message (mailbox_id, uid, modseq, flags, internal_date, size, content_id, save_date, via)
			SELECT CAST($2 AS BIGINT), CAST($3 AS BIGINT) + ROW_NUMBER() OVER (ORDER BY uid), CAST($4 AS BIGINT), flags, internal_date, size,
				content_id, CAST($5 AS BIGINT), via
			FROM message WHERE mailbox_id = $1 AND {uids}`, "uid", 6),
		setSeen: forUIDs(`INSERT INTO message_seen (mailbox_id, account_id, uid, seen, modseq)
			SELECT mailbox_id, CAST($2 AS BIGINT), uid, CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM message WHERE mailbox_id = $1 AND {uids}
			ON CONFLICT (mailbox_id, account_id, uid) DO UPDATE SET seen = excluded.seen, modseq = excluded.modseq`, "uid", 5),
		dropSeen:  forUIDs(`DELETE FROM message_seen WHERE mailbox_id = $1 AND {uids}`, "uid", 2),
		expunge:   forUIDs(`DELETE FROM message WHERE mailbox_id = $1 AND {uids}`, "uid", 2),
		saveDates: forUIDs(`SELECT uid, save_date FROM message WHERE mailbox_id = $1 AND {uids}`, "uid", 2),
		vias:      forUIDs(`SELECT uid, via FROM message WHERE mailbox_id = $1 AND via <> '' AND {uids}`, "uid", 2),
	}
	s.insertContents = [...]string{insertContentsText(1), insertContentsText(contentsAtOnce)}
	for want := range Want(len(s.contents)) {
		s.contents[want] = forUIDs(contentQuery(want), "c.id", 1)
	}
	return s
}
