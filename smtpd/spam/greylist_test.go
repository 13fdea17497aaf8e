package spam

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/store"
	"schulhof/store/storetest"
)

// doubtful is what makes a message doubtful: 2 + 1 + 1.5.
func (w *world) doubtful() { w.origin.tell(spf(authenticate.Fail), iprev(authenticate.PermError)) }

func (w *world) wants(when string, m *Message, want Action) {
	w.t.Helper()
	if v := w.judge(m); v.Action != want {
		w.t.Errorf("%s: %s (%s), want %s", when, v.Action, v.Reason, want)
	}
}

func (w *world) rows(table string) (n int64) {
	w.t.Helper()
	err := w.store.Read(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func each(t *testing.T, run func(t *testing.T, w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { run(t, newWorldOn(t, s)) })
}

// once is each for tests whose statements another test runs on both dialects.
func once(t *testing.T, run func(t *testing.T, w *world)) {
	t.Parallel()
	run(t, newWorld(t))
}

func TestWhoComesAgainGetsThrough(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.doubtful()
		m := from("198.51.100.7", good)
		w.wants("first", m, Defer)
		w.wants("at once", m, Defer)
		w.pass(defaultGreylistDelay - time.Second)
		w.wants("too early", m, Defer)
		w.pass(time.Second)
		w.wants("another server of the network, after the delay", from("198.51.100.99", good), Deliver)
		other := from("198.51.100.8", good)
		other.Sender, other.Recipients = "ines@example.net", []string{"ben@example.com"}
		w.wants("now the network is known", other, Deliver)
		w.wants("another network", from("203.0.113.7", good), Defer)
		w.wants("the same network in IPv6", from("2001:db8::7", good), Defer)
		w.pass(defaultGreylistDelay)
		w.wants("its neighbour", from("2001:db8::8", good), Deliver)
		w.wants("another /64", from("2001:db8:0:1::8", good), Defer)
	})
}

func TestWhatNamesAnAttempt(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		w.doubtful()
		m := from("198.51.100.7", good)
		m.Recipients = []string{"anna@school.test", "ben@other.test"}
		w.wants("first", m, Defer)
		w.pass(defaultGreylistDelay)
		sender := from("198.51.100.7", good)
		sender.Sender = "lena@example.net"
		w.wants("another sender's domain", sender, Defer)
		to := from("198.51.100.7", good)
		to.Recipients = []string{"anna@school.test"}
		w.wants("another recipient's domain", to, Defer)
		same := from("198.51.100.9", good)
		same.Sender, same.Recipients = "otto@EXAMPLE.org", []string{"ben@Other.test", "carla@school.test"}
		w.wants("the same domains in another order", same, Deliver)
	})
}

// Junk that comes again is delivered to Junk, and does not make its network known.
func TestJunkDoesNotMakeKnown(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		w.origin.tell(spf(authenticate.Fail), iprev(authenticate.PermError))
		m := from("198.51.100.7", without("Message-ID"))
		m.Hello = "x"
		w.wants("first", m, Defer)
		w.pass(time.Hour)
		w.wants("again", m, Junk)
		w.wants("once more, the recipient's mailbox was full", m, Junk)
		other := from("198.51.100.7", good)
		other.Sender = "a@other.test"
		w.wants("another message of the network", other, Defer)
		w.pass(greylistWindow)
		w.wants("after two days", m, Defer)
	})
}

func TestKnownNetworksOutliveARestart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.origin.tell()
		w.wants("a good message makes its network known", from("198.51.100.7", good), Deliver)
		if err := w.checker.Close(); err != nil {
			t.Fatal(err)
		}
		w.open()
		w.doubtful()
		today := func() *Message {
			return from("198.51.100.8", without("Date")+"Date: "+w.now().Format(time.RFC1123Z)+"\r\n")
		}
		w.wants("after a restart", today(), Deliver)
		w.pass(knownFor - 24*time.Hour)
		w.wants("a month later", today(), Deliver)
		w.pass(knownFor - 24*time.Hour)
		w.wants("a month after that", today(), Deliver)
		w.pass(knownFor + 24*time.Hour)
		w.wants("after a long silence", today(), Defer)
	})
}

// Who answers with a key is not asked to come again.
func TestVouchedMailIsNotGreylisted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, more := range map[string]told{
		"DMARC": dmarc(authenticate.Pass), "DKIM": dkim(authenticate.Pass), "ARC": func(v *authenticate.Verdict) { v.DMARC.Sealed = true },
	} {
		w.origin.tell(iprev(authenticate.PermError), more)
		m := from("198.51.100.7", without("Message-ID"))
		m.Hello = "x"
		m.Client = netip.MustParseAddr(fmt.Sprintf("198.51.%d.7", len(name)))
		if v := w.judge(m); v.Action != Deliver {
			t.Errorf("%s: %s %s", name, v.Action, v.Reason)
		}
	}
}

// A clock that was wrong neither lets everybody through nor keeps them waiting.
func TestGreylistWithAWrongClock(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		w.doubtful()
		m := from("198.51.100.7", good)
		w.pass(365 * 24 * time.Hour)
		w.wants("first, a year ahead", m, Defer)
		w.pass(-365 * 24 * time.Hour)
		w.wants("after the clock was set back", m, Defer)
		w.pass(defaultGreylistDelay)
		w.wants("after the delay", m, Deliver)
	})
}

func TestGreylistIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.doubtful()
		first := from("198.51.100.7", good)
		w.wants("first", first, Defer)
		for i := range maxWaitingPerNetwork {
			w.pass(time.Second)
			m := from("198.51.100.7", good)
			m.Sender = fmt.Sprintf("x@%d.test", i)
			w.wants("one of many", m, Defer)
		}
		if n := w.rows("greylist"); n != maxWaitingPerNetwork {
			t.Errorf("%d rows of one network, want %d", n, maxWaitingPerNetwork)
		}
		w.pass(defaultGreylistDelay)
		w.wants("what made room", first, Defer)
		w.pass(greylistWindow + time.Second)
		w.origin.tell()
		w.wants("a good one", from("203.0.113.7", good), Deliver)
		if err := errors.Join(w.checker.grey.flush(t.Context()), w.checker.grey.sweep(t.Context())); err != nil {
			t.Fatal(err)
		}
		if a, b := w.rows("greylist"), w.rows("known_network"); a != 0 || b != 1 {
			t.Errorf("after the sweep %d attempts, %d networks, want 0 and 1", a, b)
		}
		w.pass(knownFor + 48*time.Hour)
		if err := w.checker.grey.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.rows("known_network"); n != 0 || len(w.checker.grey.known) != 0 {
			t.Errorf("%d networks after a long silence, %d in memory", n, len(w.checker.grey.known))
		}
	})
}

// Many networks are written in several statements.
func TestManyKnownNetworks(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		for i := range 2*knownAtOnce + 3 {
			w.checker.grey.learn(netip.AddrFrom4([4]byte{198, 18 + byte(i>>8), byte(i), 1}))
		}
		if err := w.checker.grey.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.rows("known_network"); n != 2*knownAtOnce+3 {
			t.Errorf("%d networks", n)
		}
	})
}

// When the store does not answer, mail goes through, and what was learned is kept for later.
func TestGreylistWithoutAStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.origin.tell()
	w.wants("good", from("203.0.113.7", good), Deliver)
	w.doubtful()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if !w.checker.grey.passes(gone, from("198.51.100.7", good)) {
		t.Error("held back without a store")
	}
	if err := w.checker.grey.flush(gone); err == nil || len(w.checker.grey.dirty) != 1 {
		t.Errorf("flush: %v, %d networks kept", err, len(w.checker.grey.dirty))
	}
	if err := w.checker.grey.flush(t.Context()); err != nil || w.rows("known_network") != 1 {
		t.Errorf("flush: %v", err)
	}
}
