package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

// Hash is the SHA-256 of a blob's bytes.
type Hash [32]byte

// BlobID is the key of a row in table blob.
type BlobID int64

// Location is where a blob lies; table blob holds it. Rooms join it: SELECT … b.pack, b.offset_, b.length, b.size FROM blob b,
// or ask Locate, so that a FETCH of many bodies needs one query.
type Location struct {
	Pack   int64
	Offset int64
	Length int64 // stored, framed bytes
	Size   int64 // the blob's bytes
}

// LocationColumns is the select list of a Location: b.pack, b.offset_, b.length, b.size.
const LocationColumns = "b.pack, b.offset_, b.length, b.size"

// Blob is a durable, pinned blob.
type Blob struct {
	Hash Hash
	Size int64

	pins *pins
	pin  *pin
	once sync.Once
}

// Release unpins the blob. It is idempotent.
func (b *Blob) Release() {
	b.once.Do(func() { b.pins.release(b.Hash, b.pin) })
}

// Location is where its bytes are. They stay there until Release.
func (b *Blob) Location() Location { return Location(b.pin.loc) }

// pin is a blob that compaction leaves alone. The first who wants it stores it, the others wait for ready.
type pin struct {
	count int
	size  int64
	ready chan struct{}
	loc   pack.Location // valid when ready is closed and err is nil
	err   error
}

// pins holds what is being put and what a transaction may still refer to.
type pins struct {
	mu  sync.Mutex
	all map[Hash]*pin
}

// take pins hash. first: the caller must settle it.
func (p *pins) take(h Hash, size int64) (entry *pin, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[Hash]*pin{}
	}
	entry = p.all[h]
	if entry == nil {
		entry, first = &pin{size: size, ready: make(chan struct{})}, true
		p.all[h] = entry
	}
	entry.count++
	return entry, first
}

func (p *pins) release(h Hash, entry *pin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry.count--
	if entry.count == 0 && p.all[h] == entry {
		delete(p.all, h)
	}
}

// settle tells those who wait how it went. A failure is forgotten, so that the next Put tries anew.
func (p *pins) settle(h Hash, entry *pin, loc pack.Location, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry.loc, entry.err = loc, err
	if err != nil && p.all[h] == entry {
		delete(p.all, h)
	}
	close(entry.ready)
}

func (p *pins) has(h Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[h] != nil
}

// in reports whether a pinned blob lies in pack id, or may: one that is being written to a pack of its own.
func (p *pins) in(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, entry := range p.all {
		if entry.loc.Pack == id || entry.loc.Pack == 0 && entry.size > pack.SingleSize {
			return true
		}
	}
	return false
}

// Put makes the spool's bytes durable (one fsync shared by all that wait) and pins them against compaction until Release.
// Known bytes are not stored again. The blob has no reference until a Tx calls Reference. fault.Unavailable: disk full or an I/O error.
func (s *Store) Put(ctx context.Context, p *Spool) (*Blob, error) {
	putting := s.Begin(ctx, p)
	return putting.Wait()
}

// Putting is a Put that is under way.
type Putting struct {
	store *Store
	hash  Hash
	size  int64
	pin   *pin
	first bool                              // this one stores the bytes; others wait for it
	write func(Hash) (pack.Location, error) // nil: there is nothing to do
	loc   pack.Location
	err   error
}

// Begin starts a Put, so that the caller can use the time that a small blob's fsync takes. p must not change until Wait, which must
// be called, and soon: others who put the same bytes wait for it.
func (s *Store) Begin(ctx context.Context, p *Spool) Putting {
	if p.err != nil {
		return Putting{err: p.err}
	}
	size := p.Size()
	if b, ok := p.Bytes(); ok {
		return s.begin(ctx, p.Hash(), b)
	}
	if size > pack.SingleSize { // its bytes are on the disk already
		return s.beginLate(ctx, p.Hash(), size, 0, func(h Hash) (pack.Location, error) { return s.packs.Adopt(p.draft, h) })
	}
	return s.beginLate(ctx, p.Hash(), size, size, func(h Hash) (pack.Location, error) { return s.packs.AppendReader(h, p.Reader(), size) })
}

// PutBytes is Put for bytes at hand.
func (s *Store) PutBytes(ctx context.Context, b []byte) (*Blob, error) {
	if len(b) > SmallBlob {
		p := s.NewSpool()
		defer p.Close()
		if _, err := p.Write(b); err != nil {
			return nil, err
		}
		return s.Put(ctx, p)
	}
	p := s.begin(ctx, sha256.Sum256(b), b)
	return p.Wait()
}

// begin hands a small blob to the packs.
func (s *Store) begin(ctx context.Context, h Hash, b []byte) Putting {
	p := s.take(ctx, h, int64(len(b)))
	if p.first && p.settle(ctx, p.size) {
		pending := s.packs.Begin(h, b)
		p.write = func(Hash) (pack.Location, error) { return pending.Wait() }
	}
	return p
}

// beginLate leaves the work to Wait: store needs that many bytes of the disk.
func (s *Store) beginLate(ctx context.Context, h Hash, size, need int64, store func(Hash) (pack.Location, error)) Putting {
	p := s.take(ctx, h, size)
	if p.first && p.settle(ctx, need) {
		p.write = store
	}
	return p
}

func (s *Store) take(ctx context.Context, h Hash, size int64) Putting {
	if err := ctx.Err(); err != nil {
		return Putting{err: err}
	}
	p := Putting{store: s, hash: h, size: size}
	p.pin, p.first = s.pins.take(h, size)
	return p
}

// settle finds a known blob, or else finds out whether there is room for need bytes of a new one.
func (p *Putting) settle(ctx context.Context, need int64) (store bool) {
	s := p.store
	// Known bytes need no room, but a reference to them must be written: both follow the same rule.
	if p.err = s.writable(); p.err != nil {
		return false
	}
	if s.known.mayKnow(p.hash) {
		err := s.Read(context.WithoutCancel(ctx), func(tx *Tx) error {
			return tx.QueryRow(`SELECT pack, offset_, length, size FROM blob WHERE hash = $1`, p.hash[:]).
				Scan(&p.loc.Pack, &p.loc.Offset, &p.loc.Length, &p.loc.Size)
		})
		if !errors.Is(err, ErrNoRows) {
			p.err = err
			return false
		}
	}
	p.err = s.room(need)
	return p.err == nil
}

// Wait returns the blob once it is durable.
func (p *Putting) Wait() (*Blob, error) {
	if p.pin == nil {
		return nil, p.err
	}
	s := p.store
	if p.first {
		if p.write != nil {
			p.loc, p.err = p.write(p.hash)
			p.err = s.stored(p.hash, p.size, p.err)
		}
		s.pins.settle(p.hash, p.pin, p.loc, p.err)
	} else {
		<-p.pin.ready // not for long: an fsync
	}
	if p.pin.err != nil {
		s.pins.release(p.hash, p.pin)
		return nil, p.pin.err
	}
	return &Blob{Hash: p.hash, Size: p.size, pins: &s.pins, pin: p.pin}, nil
}

// stored takes note of a write that has ended.
func (s *Store) stored(h Hash, size int64, err error) error {
	if err == nil {
		s.known.add(h)
		s.metrics.stored.Add(float64(size))
		return nil
	}
	if errors.Is(err, pack.ErrFsync) {
		s.breakDown(err)
	}
	return s.diskError(fmt.Errorf("store blob: %w", err))
}

// Reference counts one more reference to b, in this transaction, and returns its row's id. fault.Conflict: it was
// released and is gone.
func (tx *Tx) Reference(b *Blob) (id BlobID, err error) {
	l := &b.pin.loc
	if !tx.store.pins.holds(b) {
		err = tx.QueryRow(`UPDATE blob SET refs = refs + 1, unreferenced_at = NULL WHERE hash = $1 RETURNING id`, b.Hash[:]).Scan(&id)
		if errors.Is(err, ErrNoRows) {
			return 0, fault.New(fault.Conflict, "the content is not there any more")
		}
		return id, err
	}
	err = tx.QueryRow(`INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES ($1, $2, $3, $4, $5, 1)
		ON CONFLICT (hash) DO UPDATE SET refs = blob.refs + 1, unreferenced_at = NULL RETURNING id`,
		b.Hash[:], l.Pack, l.Offset, l.Length, l.Size).Scan(&id)
	return id, err
}

// ReferenceAgain counts n more references to a blob that has one: what a copy does, which has no Blob at hand.
func (tx *Tx) ReferenceAgain(id BlobID, n int64) error {
	affected, err := tx.Exec(`UPDATE blob SET refs = refs + $2 WHERE id = $1 AND refs > 0`, id, n)
	if err == nil && affected != 1 {
		err = fmt.Errorf("blob %d has no reference to add to", id)
		tx.failed(err)
	}
	return err
}

// References is Reference for many blobs: one statement for referencesAtOnce of them. The ids come in the order of blobs.
func (tx *Tx) References(blobs []*Blob) (ids []BlobID, err error) {
	ids = make([]BlobID, len(blobs))
	if len(blobs) == 1 {
		ids[0], err = tx.Reference(blobs[0])
		return ids, err
	}
	for at := 0; at < len(blobs); at += referencesAtOnce {
		slice := blobs[at:min(at+referencesAtOnce, len(blobs))]
		if err := tx.referenceSlice(slice, ids[at:]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// referenceSlice counts those in one statement that it may hold: each hash once, and pinned.
func (tx *Tx) referenceSlice(blobs []*Blob, ids []BlobID) error {
	seen := make(map[Hash]int, len(blobs))
	args := make([]any, 0, 5*len(blobs))
	for i, b := range blobs {
		if _, again := seen[b.Hash]; again || !tx.store.pins.holds(b) {
			id, err := tx.Reference(b)
			if err != nil {
				return err
			}
			ids[i] = id
			continue
		}
		seen[b.Hash] = i
		l := &b.pin.loc
		args = append(args, b.Hash[:], l.Pack, l.Offset, l.Length, l.Size)
	}
	if len(seen) == 0 {
		return nil
	}
	rows, err := tx.Query(referencesQuery(len(seen)), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id BlobID
		var h Hash
		if err := rows.Scan(&id, &h); err != nil {
			return err
		}
		ids[seen[h]] = id
	}
	return rows.Err()
}

// referencesQuery is Reference's statement for n blobs.
func referencesQuery(n int) string {
	q := make([]byte, 0, 200+40*n)
	q = append(q, "INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES "...)
	for i := range n {
		if i > 0 {
			q = append(q, ", "...)
		}
		for column := range 5 {
			q = append(q, "($, $, $, $, $"[max(3*column-1, 0):3*column+2]...)
			q = strconv.AppendInt(q, int64(5*i+column+1), 10)
		}
		q = append(q, ", 1)"...)
	}
	return string(append(q, " ON CONFLICT (hash) DO UPDATE SET refs = blob.refs + 1, unreferenced_at = NULL RETURNING id, hash"...))
}

// holds reports whether b's pin is still in force.
func (p *pins) holds(b *Blob) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[b.Hash] == b.pin
}

// Dereference counts n fewer references to id; at 0 the grace time starts.
func (tx *Tx) Dereference(id BlobID, n int64) error {
	affected, err := tx.Exec(`UPDATE blob SET refs = refs - $2, unreferenced_at = CASE WHEN refs <= $2 THEN CAST($3 AS BIGINT) ELSE NULL END
		WHERE id = $1 AND refs >= $2`, id, n, tx.store.now().Unix())
	if err == nil && affected != 1 {
		err = fmt.Errorf("blob %d has fewer than %d references", id, n)
		tx.failed(err)
	}
	return err
}

// Locate tells where blob id lies. fault.NotFound: no such blob.
func (tx *Tx) Locate(id BlobID) (l Location, err error) {
	err = tx.QueryRow(`SELECT pack, offset_, length, size FROM blob WHERE id = $1`, id).Scan(&l.Pack, &l.Offset, &l.Length, &l.Size)
	if errors.Is(err, ErrNoRows) {
		err = fault.Wrap(fault.NotFound, fmt.Errorf("blob %d: %w", id, err), "the content is not there")
	}
	return l, err
}

// ErrCorrupt is in the chain of every error that says that stored bytes are not what was written.
var ErrCorrupt = pack.ErrCorrupt

// OpenBlob opens a blob for reading; small blobs (≤ SmallBlob) come whole from Bytes without a copy per read. The checksum is verified.
func (s *Store) OpenBlob(ctx context.Context, l Location) (*BlobReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := s.packs.Open(pack.Location(l))
	if err != nil {
		return nil, err
	}
	return &BlobReader{r: r}, nil
}

// AppendBlob appends a blob of at most SmallBlob bytes to dst: the quick path of FETCH.
func (s *Store) AppendBlob(dst []byte, l Location) ([]byte, error) {
	return s.packs.AppendTo(dst, pack.Location(l))
}

// BlobReader reads, seeks and reads at offsets; a range decompresses little. Not safe for concurrent use.
type BlobReader struct{ r *pack.Reader }

var _ io.ReadSeekCloser = (*BlobReader)(nil)

// Bytes returns a blob of at most SmallBlob bytes without a copy; it must not be changed. ok is false for a larger one.
func (r *BlobReader) Bytes() (b []byte, ok bool) { return r.r.Bytes() }

// Read implements io.Reader.
func (r *BlobReader) Read(b []byte) (int, error) { return r.r.Read(b) }

// ReadAt implements io.ReaderAt.
func (r *BlobReader) ReadAt(b []byte, off int64) (int, error) { return r.r.ReadAt(b, off) }

// Seek implements io.Seeker.
func (r *BlobReader) Seek(off int64, whence int) (int64, error) { return r.r.Seek(off, whence) }

// Size is the number of the blob's bytes.
func (r *BlobReader) Size() int64 { return r.r.Size() }

// Close ends reading. It is idempotent.
func (r *BlobReader) Close() error { return r.r.Close() }
