package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

// proof stands for one (account, credential version, scope, secret). It is a keyed hash, so that neither
// a memory dump of the cache nor its timing tells a secret.
type proof [sha256.Size]byte

// prover makes proofs with a key of this process.
type prover struct{ pool sync.Pool }

func newProver() *prover {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return &prover{pool: sync.Pool{New: func() any { return &keyed{mac: hmac.New(sha256.New, key)} }}}
}

type keyed struct {
	mac hash.Hash
	buf []byte
}

// prove hashes its arguments; name is the login that was given where there is no account (id 0).
func (p *prover) prove(id ID, version uint64, scope Scope, name, secret string) (out proof) {
	k := p.pool.Get().(*keyed)
	k.mac.Reset()
	b := binary.BigEndian.AppendUint64(k.buf[:0], uint64(id))
	b = binary.BigEndian.AppendUint64(b, version)
	b = append(b, byte(scope))
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	b = append(b, name...)
	b = append(b, secret...)
	k.mac.Write(b)
	copy(out[:], k.mac.Sum(b[:0]))
	clear(b[:cap(b)])
	k.buf = b[:0]
	p.pool.Put(k)
	return out
}

// proofCache remembers proofs until they were not used for idle, or are older than age. When it is full,
// what has expired goes, and otherwise any: a lost entry costs one hash.
type proofCache struct {
	max       int
	idle, age time.Duration

	mu sync.Mutex
	m  map[proof]lifetime
}

// lifetime is in nanoseconds since the Unix epoch.
type lifetime struct{ made, expires int64 }

func newProofCache(max int, idle, age time.Duration) *proofCache {
	return &proofCache{max: max, idle: idle, age: age, m: map[proof]lifetime{}}
}

// has reports whether p is remembered, and keeps it longer if so.
func (c *proofCache) has(p proof, now time.Time) bool {
	t := now.UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.m[p]
	if !ok {
		return false
	}
	if t >= l.expires || l.made-t > int64(c.idle) { // or the clock was set back: nobody knows how old it is
		delete(c.m, p)
		return false
	}
	if next := c.expiry(l.made, t); next-l.expires > int64(c.idle/64) { // not a map write per request
		l.expires = next
		c.m[p] = l
	}
	return true
}

func (c *proofCache) expiry(made, now int64) int64 {
	return min(now+int64(c.idle), made+int64(c.age))
}

// add remembers p.
func (c *proofCache) add(p proof, now time.Time) {
	t := now.UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.m[p]; !ok && len(c.m) >= c.max {
		c.makeRoom(t)
	}
	c.m[p] = lifetime{made: t, expires: c.expiry(t, t)}
}

// makeRoom looks at a few entries (maps iterate in random order), drops those that have expired, and the first if none has.
func (c *proofCache) makeRoom(now int64) {
	const looked = 16
	var victim proof
	n := 0
	for p, l := range c.m {
		if n == 0 {
			victim = p
		}
		if now >= l.expires {
			delete(c.m, p)
		}
		if n++; n == looked {
			break
		}
	}
	if len(c.m) >= c.max {
		delete(c.m, victim)
	}
}

func (c *proofCache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.m)
}
