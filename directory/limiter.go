package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"schulhof/store/fault"
)

// limiter bounds guessing: per (account, network) with growing delays, per address with a block, and per account
// from everywhere, when only networks known to the account may still try. No limit locks an account for its owner
// everywhere. A login that does not exist counts like one that does.
type limiter struct {
	schools []netip.Prefix
	log     *slog.Logger

	mu      sync.Mutex
	buckets map[limitKey]*bucket
	dirty   map[limitKey]bool
	known   map[ID][]knownNetwork
	fresh   map[ID]bool // whose known networks are not written yet
	saved   int64       // when, unix nanoseconds
	urgent  bool        // a block began that is not written yet
}

// limitKey names a bucket: "pair SUBJECT NETWORK", "address NETWORK" or "account SUBJECT", in parts so that a check builds no string.
type limitKey struct {
	what    limitKind
	subject subject
	network netip.Prefix
}

type limitKind uint8

const (
	limitPair limitKind = iota + 1
	limitAddress
	limitAccount
)

// subject is the account that is tried, or for a login that leads to none, its hash (people type passwords there).
type subject struct {
	id   ID
	name [12]byte
}

func subjectOf(id ID, login string) subject {
	if id != 0 {
		return subject{id: id}
	}
	sum := sha256.Sum256([]byte(login))
	return subject{name: [12]byte(sum[:12])}
}

// bucket fills by one per wrong try and leaks steadily. Times are unix nanoseconds.
type bucket struct {
	level   float64
	at      int64 // when level was right
	until   int64 // no tries before
	strikes int   // how often in a row it was full
}

type knownNetwork struct {
	network netip.Prefix
	seen    int64 // unix seconds
}

// rule says how a kind of bucket behaves.
type rule struct {
	limit  float64
	window time.Duration // in which limit leaks away
}

func (l *limiter) rule(k limitKey) rule {
	switch k.what {
	case limitPair:
		return rule{wrongPerLogin, wrongWindow}
	case limitAccount:
		return rule{wrongPerAccount, accountWindow}
	}
	if l.isSchool(k.network) {
		return rule{wrongPerAddress * schoolFactor, wrongWindow}
	}
	return rule{wrongPerAddress, wrongWindow}
}

func newLimiter(schools []netip.Prefix, log *slog.Logger) *limiter {
	return &limiter{
		schools: schools, log: log, buckets: map[limitKey]*bucket{}, dirty: map[limitKey]bool{},
		known: map[ID][]knownNetwork{}, fresh: map[ID]bool{},
	}
}

// isSchool reports whether the host (or the /64 it is in) is on the list; this machine always is.
func (l *limiter) isSchool(host netip.Prefix) bool {
	if host.Addr().IsLoopback() {
		return true
	}
	for _, p := range l.schools {
		if p.Overlaps(host) {
			return true
		}
	}
	return false
}

// networkOf is the /24 or /64 that an address lies in: what one household or one attacker's line has.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// hostOf is what counts as one address: an IPv4 address, a /64, or this machine.
func hostOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	if a.Is4() || a.IsLoopback() {
		return netip.PrefixFrom(a, a.BitLen())
	}
	return networkOf(a)
}

// check returns fault.Throttled while who may not try from remote.
func (l *limiter) check(who subject, remote netip.Addr, now time.Time) error {
	t := now.UnixNano()
	network := networkOf(remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buckets) == 0 {
		return nil
	}
	if l.closed(limitKey{what: limitPair, subject: who, network: network}, t) || l.closed(limitKey{what: limitAddress, network: hostOf(remote)}, t) {
		return errThrottled()
	}
	if l.closed(limitKey{what: limitAccount, subject: who}, t) && !l.knows(who.id, network, now.Unix()) {
		return errThrottled()
	}
	return nil
}

func errThrottled() error {
	return fault.New(fault.Throttled, "too many wrong logins, try again later")
}

// closed reports whether no tries are allowed yet. A time that is further away than any delay comes from a clock that was wrong.
func (l *limiter) closed(k limitKey, t int64) bool {
	b := l.buckets[k]
	return b != nil && t < b.until && b.until-t <= int64(longestDelay)
}

func (l *limiter) knows(id ID, network netip.Prefix, now int64) bool {
	for _, k := range l.known[id] {
		if k.network == network && now-k.seen < int64(knownFor/time.Second) {
			return true
		}
	}
	return false
}

// wrong counts a try that was wrong, and not the same as one before. due: save should be called now.
func (l *limiter) wrong(who subject, remote netip.Addr, now time.Time) (due bool) {
	t := now.UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := limitKey{what: limitPair, subject: who, network: networkOf(remote)}
	if b, full := l.fill(pair, t); full {
		delay := delayMost
		if b.strikes <= 5 {
			delay = min(delayFirst<<(b.strikes-1), delayMost)
		}
		b.until = t + int64(delay)
		l.urgent = l.urgent || b.strikes == 1
	}
	host := limitKey{what: limitAddress, network: hostOf(remote)}
	if b, full := l.fill(host, t); full && !l.closed(host, t) {
		b.until = t + int64(blockFor)
		l.urgent = true
		l.log.Warn("too many wrong logins from one address", "address", remote, "blocked_for", blockFor)
	}
	account := limitKey{what: limitAccount, subject: who}
	if b, full := l.fill(account, t); full && !l.closed(account, t) {
		b.until = t + int64(accountWindow)
		l.urgent = true
		l.log.Warn("too many wrong logins for one account; only networks that it has logged in from may try", "account", who.id, "for", accountWindow)
	}
	return l.due(t)
}

// fill adds one to the bucket k; full: it has reached its limit.
func (l *limiter) fill(k limitKey, t int64) (b *bucket, full bool) {
	if b = l.buckets[k]; b == nil {
		l.makeRoom(t)
		b = &bucket{at: t}
		l.buckets[k] = b
	}
	r := l.rule(k)
	b.leak(r, t)
	if b.level < r.limit-1 {
		b.strikes = 0
	}
	b.level = min(b.level+1, 2*r.limit)
	l.dirty[k] = true
	if b.level < r.limit-0.5 { // half: what leaks while the tries are being made does not buy another one
		return b, false
	}
	b.strikes++
	return b, true
}

// leak brings level to time t. When the clock was set back nobody knows how long ago level was right: half full is fair.
func (b *bucket) leak(r rule, t int64) {
	switch {
	case t > b.at:
		b.level = max(0, b.level-r.limit*float64(t-b.at)/float64(r.window))
		b.at = t
	case b.at-t > int64(r.window):
		b.level = min(b.level, r.limit/2)
		b.at = t
	}
}

// makeRoom drops an entry when there are too many: one that is empty if it finds one among a few, else any.
func (l *limiter) makeRoom(t int64) {
	if len(l.buckets) < limiterEntries {
		return
	}
	const looked = 16
	var victim limitKey
	n := 0
	for k, b := range l.buckets {
		b.leak(l.rule(k), t)
		if n == 0 || b.level < l.buckets[victim].level {
			victim = k
		}
		if n++; n == looked {
			break
		}
	}
	delete(l.buckets, victim)
	l.dirty[victim] = true
}

// right notes a login of id from remote and forgets the pair's wrong tries. due: save should be called now.
func (l *limiter) right(id ID, remote netip.Addr, now time.Time) (due bool) {
	network := networkOf(remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	if pair := (limitKey{what: limitPair, subject: subject{id: id}, network: network}); l.buckets[pair] != nil {
		delete(l.buckets, pair)
		l.dirty[pair] = true
	}
	seen := now.Unix()
	list := l.known[id]
	oldest := 0
	for i, k := range list {
		if k.network == network {
			if seen-k.seen < int64(knownRefresh/time.Second) {
				return false
			}
			list[i].seen = seen
			l.fresh[id] = true
			return l.due(now.UnixNano())
		}
		if k.seen < list[oldest].seen {
			oldest = i
		}
	}
	if len(list) < knownNetworks {
		l.known[id] = append(list, knownNetwork{network, seen})
	} else {
		list[oldest] = knownNetwork{network, seen}
	}
	l.fresh[id] = true
	return l.due(now.UnixNano())
}

// due needs mu.
func (l *limiter) due(t int64) bool {
	return l.urgent || t-l.saved >= int64(limiterSave) || t < l.saved
}

// String is the key as it is stored.
func (k limitKey) String() string {
	who := "a" + strconv.FormatInt(int64(k.subject.id), 10)
	if k.subject.id == 0 {
		who = "u" + hex.EncodeToString(k.subject.name[:])
	}
	switch k.what {
	case limitPair:
		return "pair " + who + " " + k.network.String()
	case limitAccount:
		return "account " + who
	}
	return "address " + k.network.String()
}
