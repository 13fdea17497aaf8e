package store

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"schulhof/store/pack"
)

// CompactReport says what Compact did.
type CompactReport struct {
	Blobs      int   // rows of blobs that nothing refers to, removed
	Packs      int   // files removed
	FreedBytes int64 // what they took on the disk
}

// Compact removes blobs unreferenced longer than the grace time and rewrites packs that are mostly dead. A pack whose
// blobs are gone or moved stays for retireDelay, for readers that hold a Location; a later Compact removes it.
func (s *Store) Compact(ctx context.Context) (report CompactReport, err error) {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	if err := s.setGraceRight(ctx); err != nil {
		return report, fmt.Errorf("compact: %w", err)
	}
	if report.Blobs, err = s.forgetBlobs(ctx); err != nil {
		return report, fmt.Errorf("compact: %w", err)
	}
	packs, err := s.packs.List()
	if err != nil {
		return report, fmt.Errorf("compact: %w", err)
	}
	live, err := s.liveBytes(ctx)
	if err != nil {
		return report, fmt.Errorf("compact: %w", err)
	}
	for _, p := range packs {
		if s.packs.Growing(p.ID) {
			continue
		}
		switch bytes := live[p.ID]; {
		case bytes == 0:
			err = s.retire(ctx, p, &report)
		case bytes < p.Size/2 && !s.pins.in(p.ID):
			err = s.movePack(ctx, p.ID, bytes)
		}
		if err != nil {
			return report, fmt.Errorf("compact pack %d: %w", p.ID, err)
		}
	}
	return report, nil
}

// compactNowAndThen runs Compact until the store closes. While nothing can be written it waits.
func (s *Store) compactNowAndThen() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ticker := time.NewTicker(s.o.Compact)
	defer ticker.Stop()
	go func() {
		select {
		case <-s.closing:
			stop()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.ReadOnlyCause() != nil {
			continue
		}
		report, err := s.Compact(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.log.Warn("compaction was not finished; it is tried again", "err", err)
		case report != CompactReport{}:
			s.log.Info("compacted", "blobs", report.Blobs, "packs", report.Packs, "bytes", report.FreedBytes)
		}
	}
}

// setGraceRight lets grace times begin now that began in the future: the clock was wrong then, and they would last until that time.
func (s *Store) setGraceRight(ctx context.Context) error {
	now := s.now().Unix()
	var wrong int64
	err := s.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(`SELECT COUNT(*) FROM blob WHERE unreferenced_at > $1`, now).Scan(&wrong)
	})
	if err != nil || wrong == 0 {
		return err
	}
	s.log.Warn("the clock was set back; blobs without references wait anew for their removal", "blobs", wrong)
	return s.WriteBulk(ctx, func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE blob SET unreferenced_at = $1 WHERE unreferenced_at > $1`, now)
		return err
	})
}

// deadBlob is a row whose grace time is over.
type deadBlob struct {
	id   BlobID
	hash Hash
}

// forgetBlobs removes the rows whose grace time is over, in slices. A pinned one stays: someone is about to refer to it.
func (s *Store) forgetBlobs(ctx context.Context) (removed int, err error) {
	before := s.now().Add(-s.o.Grace).Unix()
	for last := BlobID(0); ; {
		var slice []deadBlob
		err := s.Read(ctx, func(tx *Tx) (err error) {
			slice, err = deadBlobs(tx, before, last)
			return err
		})
		if err != nil || len(slice) == 0 {
			return removed, err
		}
		last = slice[len(slice)-1].id
		gone := 0
		err = s.WriteBulk(ctx, func(tx *Tx) error {
			gone = 0
			for _, b := range slice {
				if s.pins.has(b.hash) {
					continue
				}
				n, err := tx.Exec(`DELETE FROM blob WHERE id = $1 AND refs = 0 AND unreferenced_at <= $2`, b.id, before)
				if err != nil {
					return err
				}
				gone += int(n)
			}
			return nil
		})
		if err != nil {
			return removed, err
		}
		removed += gone
	}
}

func deadBlobs(tx *Tx, before int64, after BlobID) (slice []deadBlob, err error) {
	rows, err := tx.Query(`SELECT id, hash FROM blob WHERE unreferenced_at <= $1 AND id > $2 ORDER BY id LIMIT $3`, before, after, compactSlice)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b deadBlob
		if err := rows.Scan(&b.id, &b.hash); err != nil {
			return nil, err
		}
		slice = append(slice, b)
	}
	return slice, rows.Err()
}

// liveBytes sums up the frames that rows know of, by pack.
func (s *Store) liveBytes(ctx context.Context) (map[int64]int64, error) {
	live := map[int64]int64{}
	err := s.Read(ctx, func(tx *Tx) error {
		rows, err := tx.Query(`SELECT pack, SUM(length) FROM blob GROUP BY pack`)
		if err != nil {
			return err
		}
		defer rows.Close()
		var row [2]int64
		for rows.Next() {
			if err := rows.Int64s(row[:]); err != nil {
				return err
			}
			live[row[0]] = row[1]
		}
		return rows.Err()
	})
	return live, err
}

// retire removes a pack that has been without live blobs for retireDelay. The pins are asked before the rows: a pin that
// is gone by then has its row committed, and a new one can only come from a row.
func (s *Store) retire(ctx context.Context, p pack.Info, report *CompactReport) error {
	since, known := s.retired[p.ID]
	if !known {
		s.retired[p.ID] = s.now()
		return nil
	}
	if s.now().Sub(since) < retireDelay {
		return nil
	}
	if s.pins.in(p.ID) {
		return nil
	}
	if end, err := s.packEnd(ctx, p.ID); err != nil || end > 0 {
		delete(s.retired, p.ID)
		return err
	}
	if err := s.packs.Remove(p.ID); err != nil {
		return err
	}
	delete(s.retired, p.ID)
	report.Packs++
	report.FreedBytes += p.Size
	return nil
}

// movedBlob is a row on its way to another pack.
type movedBlob struct {
	id       BlobID
	from, to pack.Location
}

// movePack copies the live blobs of pack id to the active pack, byte for byte, and points their rows there.
func (s *Store) movePack(ctx context.Context, id, bytes int64) error {
	if err := s.room(bytes); err != nil {
		return err
	}
	for after := int64(-1); ; {
		slice, err := s.blobsIn(ctx, id, after)
		if err != nil || len(slice) == 0 {
			return err
		}
		after = slice[len(slice)-1].from.Offset
		var copies errgroup.Group
		copies.SetLimit(compactAtOnce)
		for i := range slice {
			copies.Go(func() (err error) {
				slice[i].to, err = s.packs.AppendCopy(slice[i].from)
				return err
			})
		}
		if err := copies.Wait(); err != nil {
			return err
		}
		err = s.WriteBulk(ctx, func(tx *Tx) error {
			for _, b := range slice {
				_, err := tx.Exec(`UPDATE blob SET pack = $1, offset_ = $2 WHERE id = $3 AND pack = $4 AND offset_ = $5`,
					b.to.Pack, b.to.Offset, b.id, b.from.Pack, b.from.Offset)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// blobsIn lists a slice of the blobs of a pack, those behind the offset after.
func (s *Store) blobsIn(ctx context.Context, id, after int64) (slice []movedBlob, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		slice = nil
		rows, err := tx.Query(`SELECT id, offset_, length, size FROM blob WHERE pack = $1 AND offset_ > $2 ORDER BY offset_ LIMIT $3`,
			id, after, compactSlice)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			b := movedBlob{from: pack.Location{Pack: id}}
			if err := rows.Scan(&b.id, &b.from.Offset, &b.from.Length, &b.from.Size); err != nil {
				return err
			}
			slice = append(slice, b)
		}
		return rows.Err()
	})
	return slice, err
}
