package directory

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"schulhof/store"
)

// parseLimitKey reads what limitKey.String wrote.
func parseLimitKey(s string) (k limitKey, ok bool) {
	what, rest, _ := strings.Cut(s, " ")
	who, network, _ := strings.Cut(rest, " ")
	switch what {
	case "pair":
		k.what = limitPair
	case "account":
		k.what = limitAccount
	case "address":
		k.what, who, network = limitAddress, "", rest
	default:
		return k, false
	}
	if k.what != limitAccount && network != "invalid Prefix" {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return k, false
		}
		k.network = p
	}
	switch {
	case strings.HasPrefix(who, "a"):
		id, err := strconv.ParseInt(who[1:], 10, 64)
		k.subject.id = ID(id)
		return k, err == nil
	case strings.HasPrefix(who, "u"):
		n, err := hex.Decode(k.subject.name[:], []byte(who[1:min(len(who), 1+2*len(k.subject.name))]))
		return k, err == nil && n == len(k.subject.name)
	}
	return k, what == "address"
}

// restore takes a bucket back that an earlier process saved.
func (l *limiter) restore(key string, b bucket, now time.Time) {
	k, ok := parseLimitKey(key)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b.leak(l.rule(k), now.UnixNano())
	if b.level == 0 && b.until <= now.UnixNano() {
		l.dirty[k] = true // its row goes with the next save
		return
	}
	l.buckets[k] = &b
}

func (l *limiter) restoreNetwork(id ID, network string, seen int64) {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known[id]) < knownNetworks {
		l.known[id] = append(l.known[id], knownNetwork{p, seen})
	}
}

// unsaved is what save has to write.
type unsaved struct {
	buckets  map[limitKey]bucket // the zero bucket: its row goes
	networks map[ID][]knownNetwork
}

// take hands out what is not written yet and counts it as written.
func (l *limiter) take(now time.Time) unsaved {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := unsaved{buckets: map[limitKey]bucket{}, networks: map[ID][]knownNetwork{}}
	for k := range l.dirty {
		if b := l.buckets[k]; b != nil {
			out.buckets[k] = *b
		} else {
			out.buckets[k] = bucket{}
		}
	}
	for id := range l.fresh {
		out.networks[id] = slices.Clone(l.known[id])
	}
	clear(l.dirty)
	clear(l.fresh)
	l.saved, l.urgent = now.UnixNano(), false
	return out
}

// giveBack marks what could not be written as unwritten.
func (l *limiter) giveBack(u unsaved) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range u.buckets {
		l.dirty[k] = true
	}
	for id := range u.networks {
		l.fresh[id] = true
	}
}

// save writes the counts of wrong logins, known networks and last uses of app passwords.
func (d *Directory) save(ctx context.Context) error {
	u := d.limiter.take(d.now())
	used := d.used.take()
	if len(u.buckets) == 0 && len(u.networks) == 0 && len(used) == 0 {
		return nil
	}
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		for k, b := range u.buckets {
			if err := writeLimit(tx, k, b); err != nil {
				return err
			}
		}
		for id, list := range u.networks {
			if err := writeNetworks(tx, id, list); err != nil {
				return err
			}
		}
		return updateLastUsed(tx, used)
	})
	if err != nil {
		d.limiter.giveBack(u)
		d.used.giveBack(slices.Collect(maps.Keys(used)))
		return fmt.Errorf("save login counts: %w", err)
	}
	return nil
}

// saveSoon is save for a login on its way: what cannot be written is logged, and the login goes on.
func (d *Directory) saveSoon(ctx context.Context) {
	if err := d.save(context.WithoutCancel(ctx)); err != nil {
		d.log.Warn("login counts are not saved; they will be tried again", "err", err)
	}
}

func writeLimit(tx *store.Tx, k limitKey, b bucket) error {
	if b == (bucket{}) {
		if _, err := tx.Exec(`DELETE FROM login_limit WHERE key_ = $1`, k.String()); err != nil {
			return fmt.Errorf("delete limit: %w", err)
		}
		return nil
	}
	_, err := tx.Exec(`INSERT INTO login_limit (key_, level, at_micros, until_micros, strikes) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (key_) DO UPDATE SET level = excluded.level, at_micros = excluded.at_micros,
			until_micros = excluded.until_micros, strikes = excluded.strikes`,
		k.String(), int64(b.level*1000), b.at/1000, b.until/1000, int64(b.strikes))
	if err != nil {
		return fmt.Errorf("write limit: %w", err)
	}
	return nil
}

// writeNetworks replaces an account's known networks; none are written for one that was purged.
func writeNetworks(tx *store.Tx, id ID, list []knownNetwork) error {
	if _, err := tx.Exec(`DELETE FROM login_network WHERE account_id = $1`, int64(id)); err != nil {
		return fmt.Errorf("delete networks: %w", err)
	}
	for _, k := range list {
		_, err := tx.Exec(`INSERT INTO login_network (account_id, network, seen) SELECT id, $1, $2 FROM principal WHERE id = $3`,
			k.network.String(), k.seen, int64(id))
		if err != nil {
			return fmt.Errorf("write network: %w", err)
		}
	}
	return nil
}
