package collection

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Lock is a lock in force. RFC 4918 §6.
type Lock struct {
	Token    string // urn:uuid:…
	Root     Path   // what was locked, as seen from the path that was asked for
	Entry    ID
	Holder   directory.ID
	Shared   bool
	Infinite bool   // depth infinity: everything in it too
	Note     []byte // the owner element as the client gave it
	Expires  time.Time
}

// LockOptions say what lock to take.
type LockOptions struct {
	Guard
	Shared, Infinite bool
	Note             []byte
	Timeout          time.Duration // 0 or more than MaxLockTime: MaxLockTime
}

// Lock locks an entry against writing by others. Where nothing is, it makes an empty file (created). fault.InUse (no-conflicting-lock, with
// what holds the other lock), fault.Forbidden, fault.Limit, fault.TooLarge. RFC 4918 §9.10.
func (c *Collections) Lock(ctx context.Context, who directory.ID, p Path, o LockOptions) (l Lock, n Node, created bool, err error) {
	if len(o.Note) > MaxLockNote {
		return l, n, false, fault.New(fault.TooLarge, "the lock's owner element is longer than %d bytes", int64(MaxLockNote))
	}
	r, err := c.route(ctx, who, p)
	if err != nil {
		return l, n, false, err
	}
	if r.list {
		return l, n, false, errForbidden()
	}
	empty, err := c.store.PutBytes(ctx, nil) // costs a look-up when it is not needed
	if err != nil {
		return l, n, false, err
	}
	defer empty.Release()
	token := newLockToken()
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if created = !s.found; created {
			err = c.makeEmpty(ctx, tx, &s, &o.Guard, empty)
		} else if err = errForbidden(); s.access.privileges(s.path.Space, s.last().kind, false).Write {
			err = c.ask(ctx, tx, who, &o.Guard)
		}
		if err != nil {
			return err
		}
		h := heldLock{token: token, entry: s.last().id, holder: who, shared: o.Shared, infinite: o.Infinite && s.last().kind.IsCollection(),
			note: append([]byte{}, o.Note...), expires: c.lockEnd(o.Timeout)}
		if err := c.takeLock(tx, &s, &h); err != nil {
			return err
		}
		l, n = h.lock(s.path), c.node(&s)
		return nil
	})
	return l, n, created, err
}

func newLockToken() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4, RFC 9562
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (c *Collections) lockEnd(timeout time.Duration) int64 {
	if timeout <= 0 || timeout > MaxLockTime {
		timeout = MaxLockTime
	}
	return c.now().Add(timeout).Unix()
}

// makeEmpty makes the empty file that is locked. RFC 4918 §7.3. Calendars and address books have no place for one.
func (c *Collections) makeEmpty(ctx context.Context, tx *store.Tx, s *spot, g *Guard, empty *store.Blob) error {
	in := s.last()
	switch {
	case s.missing() > 1 || !in.kind.IsCollection():
		return errNoParent()
	case in.kind != Folder:
		return refuse(fault.Refused, "valid-calendar-data", "an empty object has no place there")
	case !s.access.privileges(s.path.Space, in.kind, false).Bind:
		return errForbidden()
	}
	if err := c.ask(ctx, tx, s.access.who.ID, g); err != nil {
		return err
	}
	if err := c.unlocked(tx, s, g, touchMembers); err != nil {
		return err
	}
	sum := sha256.Sum256(nil)
	e := entry{owner: s.access.owner, kind: Object, name: s.name(), etag: etagOf(sum)}
	var err error
	if e.blob, err = tx.Reference(empty); err != nil {
		return err
	}
	if err := c.bind(tx, in, &e); err != nil {
		return err
	}
	s.chain, s.found = append(s.chain, e), true
	return nil
}

// takeLock writes h unless another lock forbids it.
func (c *Collections) takeLock(tx *store.Tx, s *spot, h *heldLock) error {
	if err := c.noConflict(tx, s, h); err != nil {
		return err
	}
	var held int64
	err := tx.QueryRow(`SELECT COUNT(*) FROM dav_lock WHERE holder = $1 AND expires > $2`, int64(h.holder), c.now().Unix()).Scan(&held)
	if err != nil {
		return err
	}
	if held >= MaxLocks {
		return fault.New(fault.Limit, "you hold %d locks already", int64(MaxLocks))
	}
	return insertLock(tx, s.access.owner, h)
}

// noConflict refuses a lock beside an exclusive one, and an exclusive one beside any. RFC 4918 §6.1.
func (c *Collections) noConflict(tx *store.Tx, s *spot, h *heldLock) error {
	locks, err := locksOf(tx, s.access.owner, c.now().Unix())
	if err != nil {
		return err
	}
	for i := range locks {
		other := &locks[i]
		if other.shared && h.shared {
			continue
		}
		at := slices.IndexFunc(s.chain, func(e entry) bool { return e.id == other.entry })
		meets := at == len(s.chain)-1 || at >= 0 && other.infinite
		var place *Precondition
		if meets {
			place = &Precondition{Href: rootOf(s, at), Collection: s.chain[at].kind.IsCollection()}
		} else if at < 0 && h.infinite {
			if place, meets, err = memberOf(tx, s, other.entry); err != nil {
				return err
			}
		}
		if meets {
			place.Name = "no-conflicting-lock"
			return fault.Wrap(fault.InUse, place, "someone else works on it")
		}
	}
	return nil
}

// rootOf is the path of the at-th entry of s's chain; the whole path for one further down.
func rootOf(s *spot, at int) Path {
	p := s.path
	if at >= 0 {
		p.Segments = p.Segments[:len(p.Segments)-len(s.names)+at]
	}
	return p
}

// covering are the locks that hold for the path of s: on what it leads to, and those of infinite depth above.
func (c *Collections) covering(tx *store.Tx, s *spot) (list []Lock, err error) {
	locks, err := locksOf(tx, s.access.owner, c.now().Unix())
	if err != nil {
		return nil, err
	}
	for i := range locks {
		at := slices.IndexFunc(s.chain, func(e entry) bool { return e.id == locks[i].entry })
		if at >= 0 && (locks[i].infinite || s.found && at == len(s.chain)-1) {
			list = append(list, locks[i].lock(rootOf(s, at)))
		}
	}
	return list, nil
}

// Locks lists the locks that cover a path (DAV:lockdiscovery). fault.NotFound.
func (c *Collections) Locks(ctx context.Context, who directory.ID, p Path) (list []Lock, err error) {
	r, err := c.route(ctx, who, p)
	if err != nil || r.list || r.book {
		return nil, err
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if !s.found {
			return errNotFound()
		}
		list, err = c.covering(tx, &s)
		return err
	})
	return list, err
}

// Refresh makes a lock that covers the path last longer. fault.Conflict (lock-token-matches-request-uri): who holds no such lock there.
// RFC 4918 §9.10.2.
func (c *Collections) Refresh(ctx context.Context, who directory.ID, p Path, token string, timeout time.Duration, g Guard) (l Lock, err error) {
	err = c.withLock(ctx, who, p, token, func(tx *store.Tx, held Lock, _ *access) error {
		if held.Holder != who {
			return errNoLock()
		}
		if err := c.ask(ctx, tx, who, &g); err != nil {
			return err
		}
		l = held
		l.Expires = time.Unix(c.lockEnd(timeout), 0)
		_, err := tx.Exec(`UPDATE dav_lock SET expires = $2 WHERE token = $1`, token, l.Expires.Unix())
		return err
	})
	return l, err
}

// Unlock removes a lock that covers the path. fault.Conflict (lock-token-matches-request-uri): there is none with that token;
// fault.Forbidden: someone else's, unless who may break locks there. RFC 4918 §9.11.
func (c *Collections) Unlock(ctx context.Context, who directory.ID, p Path, token string) error {
	return c.withLock(ctx, who, p, token, func(tx *store.Tx, held Lock, a *access) error {
		if held.Holder != who && !a.privileges(p.Space, Folder, false).BreakLocks {
			return errForbidden()
		}
		_, err := tx.Exec(`DELETE FROM dav_lock WHERE token = $1`, token)
		return err
	})
}

func (c *Collections) withLock(ctx context.Context, who directory.ID, p Path, token string, fn func(*store.Tx, Lock, *access) error) error {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return err
	}
	if r.list {
		return errNoLock()
	}
	return c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		locks, err := c.covering(tx, &s)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(locks, func(l Lock) bool { return l.Token == token })
		if i < 0 {
			return errNoLock()
		}
		return fn(tx, locks[i], &s.access)
	})
}

func errNoLock() error {
	return refuse(fault.Conflict, "lock-token-matches-request-uri", "there is no such lock here")
}
