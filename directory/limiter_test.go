package directory

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// clock is a time that tests move.
type clock struct{ t time.Time }

func newClock() *clock { return &clock{time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }
func address(format string, a ...any) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf(format, a...))
}

func TestNetworks(t *testing.T) {
	tests := []struct{ in, network, host string }{
		{"192.0.2.77", "192.0.2.0/24", "192.0.2.77/32"},
		{"::ffff:192.0.2.77", "192.0.2.0/24", "192.0.2.77/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64", "fe80::/64"},
	}
	for _, tt := range tests {
		a := netip.MustParseAddr(tt.in)
		if networkOf(a).String() != tt.network || hostOf(a).String() != tt.host {
			t.Errorf("%s is in %s and %s, want %s and %s", tt.in, networkOf(a), hostOf(a), tt.network, tt.host)
		}
	}
	if networkOf(netip.Addr{}) != (netip.Prefix{}) || hostOf(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("no address is in no network")
	}
}

func TestPairLimit(t *testing.T) {
	c := newClock()
	l := newLimiter(nil, slog.New(slog.DiscardHandler))
	anna := subject{id: 1}
	for i := range wrongPerLogin {
		if err := l.check(anna, home, c.now()); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
		l.wrong(anna, home, c.now())
		c.advance(time.Second)
	}
	c.advance(-time.Second)
	for _, delay := range []time.Duration{1, 2, 4, 8, 16, 30, 30} { // then delays, growing
		delay *= time.Second
		c.advance(delay - time.Millisecond)
		if err := l.check(anna, home, c.now()); !fault.Is(err, fault.Throttled) {
			t.Fatalf("shortly before %v: %v, want fault.Throttled", delay, err)
		}
		c.advance(time.Millisecond)
		if err := l.check(anna, home, c.now()); err != nil {
			t.Fatalf("after %v: %v", delay, err)
		}
		l.wrong(anna, home, c.now())
	}
	if err := l.check(anna, address("192.0.2.99"), c.now()); !fault.Is(err, fault.Throttled) {
		t.Errorf("from the same network: %v, want fault.Throttled", err)
	}
	if err := l.check(anna, address("198.51.100.1"), c.now()); err != nil {
		t.Errorf("from another network: %v", err)
	}
	if err := l.check(subject{id: 2}, home, c.now()); err != nil {
		t.Errorf("another account: %v", err)
	}
	c.advance(delayMost)
	l.right(1, home, c.now())
	l.wrong(anna, home, c.now())
	if err := l.check(anna, home, c.now()); err != nil {
		t.Errorf("one wrong try after a right one: %v", err)
	}
}

func TestAddressLimit(t *testing.T) {
	school := netip.MustParsePrefix("203.0.113.0/28")
	tests := []struct {
		name   string
		remote netip.Addr
		tries  int
	}{
		{"an address", home, wrongPerAddress},
		{"a school's address", address("203.0.113.5"), wrongPerAddress * schoolFactor},
		{"this machine", address("127.0.0.1"), wrongPerAddress * schoolFactor},
		{"this machine, IPv6", address("::1"), wrongPerAddress * schoolFactor},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			l := newLimiter([]netip.Prefix{school}, slog.New(slog.DiscardHandler))
			for i := range tt.tries {
				if err := l.check(subject{id: ID(i)}, tt.remote, c.now()); err != nil {
					t.Fatalf("try %d: %v", i+1, err)
				}
				l.wrong(subject{id: ID(i)}, tt.remote, c.now())
			}
			if err := l.check(subject{id: 9999}, tt.remote, c.now()); !fault.Is(err, fault.Throttled) {
				t.Fatalf("after %d: %v, want fault.Throttled", tt.tries, err)
			}
			c.advance(blockFor - time.Second)
			if err := l.check(subject{id: 9999}, tt.remote, c.now()); !fault.Is(err, fault.Throttled) {
				t.Errorf("shortly before the end of the block: %v, want fault.Throttled", err)
			}
			c.advance(time.Second)
			if err := l.check(subject{id: 9999}, tt.remote, c.now()); err != nil {
				t.Errorf("after the block: %v", err)
			}
		})
	}
}

// One account tried from everywhere: only networks that it has logged in from may go on.
func TestAccountLimit(t *testing.T) {
	c := newClock()
	l := newLimiter(nil, slog.New(slog.DiscardHandler))
	l.right(1, home, c.now())
	for i := range wrongPerAccount {
		l.wrong(subject{id: 1}, address("198.51.%d.1", i), c.now())
	}
	if err := l.check(subject{id: 1}, address("203.0.113.1"), c.now()); !fault.Is(err, fault.Throttled) {
		t.Errorf("from a new network: %v, want fault.Throttled", err)
	}
	if err := l.check(subject{id: 1}, home, c.now()); err != nil {
		t.Errorf("from a known network: %v", err)
	}
	c.advance(accountWindow)
	if err := l.check(subject{id: 1}, address("203.0.113.1"), c.now()); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestWrongTriesLeakAway(t *testing.T) {
	c := newClock()
	l := newLimiter(nil, slog.New(slog.DiscardHandler))
	for i := range 200 { // a typo every two minutes is nobody's attack
		if err := l.check(subject{id: 1}, home, c.now()); err != nil {
			t.Fatalf("try %d: %v", i, err)
		}
		l.wrong(subject{id: 1}, home, c.now())
		c.advance(2 * time.Minute)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(nil, slog.New(slog.DiscardHandler))
	now := newClock().now()
	for i := range limiterEntries {
		l.wrong(subjectOf(0, fmt.Sprint(i)), address("2001:db8:%x:%x::1", i>>16, i&0xffff), now)
	}
	if len(l.buckets) > limiterEntries {
		t.Errorf("%d entries, want at most %d", len(l.buckets), limiterEntries)
	}
	for i := range 2 * knownNetworks {
		l.right(1, address("192.0.%d.1", i), now.Add(time.Duration(i)*time.Hour))
	}
	if n := len(l.known[1]); n != knownNetworks || !l.knows(1, networkOf(address("192.0.15.1")), now.Unix()) {
		t.Errorf("%d known networks, want %d, the newest among them", n, knownNetworks)
	}
}

func TestLimitKeys(t *testing.T) {
	for _, k := range []limitKey{
		{limitPair, subject{id: 17}, networkOf(home)},
		{limitPair, subjectOf(0, "nobody"), networkOf(address("2001:db8::1"))},
		{limitPair, subject{id: 17}, netip.Prefix{}},
		{limitAddress, subject{}, hostOf(home)},
		{limitAccount, subject{id: 17}, netip.Prefix{}},
	} {
		if got, ok := parseLimitKey(k.String()); !ok || got != k {
			t.Errorf("parseLimitKey(%q) = %+v, %v; want %+v", k.String(), got, ok, k)
		}
	}
	for _, s := range []string{"", "pair", "pair a1", "pair ax 192.0.2.0/24", "pair uzz 192.0.2.0/24", "address nowhere", "other a1", "pair u 192.0.2.0/24"} {
		if k, ok := parseLimitKey(s); ok {
			t.Errorf("parseLimitKey(%q) = %+v, want none", s, k)
		}
	}
}

// A restart does not reset an attack, nor forget from where people come.
func TestLimitsOutliveTheProcess(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		anna := add(t, d, "anna", Student)
		bob := add(t, d, "bob", Student)
		if _, err := login(d, "bob", "secret-test-1"); err != nil {
			t.Fatal(err)
		}
		for i := range wrongPerLogin {
			_, err := login(d, "anna", fmt.Sprint("wrong-test-", i))
			if !fault.Is(err, fault.Unauthenticated) {
				t.Fatalf("try %d: %v", i+1, err)
			}
		}
		if _, err := login(d, "anna", "secret-test-1"); !fault.Is(err, fault.Throttled) {
			t.Fatalf("after the limit: %v, want fault.Throttled", err)
		}
		// No Close: the process was killed. The block was written when it began.
		d = open(t, s, Options{Now: c.now})
		if _, err := login(d, "anna", "secret-test-1"); !fault.Is(err, fault.Throttled) {
			t.Errorf("after a restart: %v, want fault.Throttled", err)
		}
		if !d.limiter.knows(bob.ID, networkOf(home), c.now().Unix()) {
			t.Error("the network of an earlier login is forgotten")
		}
		c.advance(24 * time.Hour)
		d = open(t, s, Options{Now: c.now})
		if _, err := login(d, "anna", "secret-test-1"); err != nil {
			t.Errorf("a day later: %v", err)
		}
		must(t, d.Close())
		var rows int64
		must(t, s.Read(context.Background(), func(tx *store.Tx) (err error) {
			rows, err = count(tx, `SELECT COUNT(*) FROM login_limit`)
			return err
		}))
		if rows != 0 {
			t.Errorf("%d rows of limits long gone are kept, want 0", rows)
		}
		must(t, d.ChangeAccount(context.Background(), anna.ID, AccountChange{State: new(Deleted)}))
		must(t, d.PurgeAccount(context.Background(), anna.ID))
		d.limiter.right(anna.ID, home, c.now())
		must(t, d.Close()) // what is remembered of someone who is gone does no harm
	})
}
