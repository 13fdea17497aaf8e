package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// peculiar is an internet whose connections do what a test says instead of delivering; ok false: they deliver.
type peculiar struct {
	*internet
	dial    func(to Target) error
	deliver func(nth int, to []Recipient) (results []Result, ok bool, err error) // nth mail over this connection, from 1
}

func (p peculiar) Dial(ctx context.Context, to Target) (Session, error) {
	session, err := p.internet.Dial(ctx, to)
	if err == nil && p.dial != nil {
		if err := p.dial(to); err != nil {
			session.Close()
			return nil, err
		}
	}
	return &peculiarSession{Session: session, p: p}, err
}

type peculiarSession struct {
	Session
	p     peculiar
	mails int
}

func (s *peculiarSession) Deliver(ctx context.Context, m Letter, to []Recipient, beforeDot func(context.Context) error) ([]Result, error) {
	s.mails++
	if s.p.deliver != nil {
		if results, ok, err := s.p.deliver(s.mails, to); ok {
			return results, err
		}
	}
	return s.Session.Deliver(ctx, m, to, beforeDot)
}

// A connection that its server closed while it was idle is replaced, and nobody waits for that.
func TestStaleConnection(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.dial = peculiar{internet: w.net, deliver: func(nth int, _ []Recipient) ([]Result, bool, error) {
			return nil, nth == 2, errors.New("connection reset")
		}}
		w.run()
		for _, to := range []string{"a@example.org", "b@example.org"} {
			w.enqueue(to)
			synctest.Wait()
		}
		if diff := cmp.Diff([]string{"a@example.org", "b@example.org"}, w.net.arrived()); diff != "" || w.net.dialCount() != 2 {
			t.Errorf("%d connections, %s", w.net.dialCount(), diff)
		}
		if strings.Contains(w.log.String(), "message deferred") {
			t.Error("a stale connection counts as a try")
		}
	})
}

// One that breaks at once, each time, is a try that failed: it is not replaced for ever.
func TestBrokenConnections(t *testing.T) {
	tests := []struct {
		name    string
		results []Result
		err     error
		text    string
	}{
		{"it breaks", nil, errors.New("connection reset"), "The connection broke"},
		{"it breaks and says why", nil, &Unreachable{Result: Result{Code: 421, Enhanced: "4.3.2", Text: "Shutting down", Temporary: true}}, "Shutting down"},
		{"an answer is missing", []Result{{Code: 250}}, nil, "The connection broke"},
		{"one answer too many", []Result{{Code: 250}, {Code: 250}, {Code: 250}}, nil, "The connection broke"},
		{"it breaks with too few answers", []Result{{Code: 250}}, errors.New("connection reset"), "The connection broke"},
	}
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		name := func(i int) string { return fmt.Sprintf("h%d.example", i) }
		w.dial = peculiar{internet: w.net, deliver: func(_ int, to []Recipient) ([]Result, bool, error) {
			for i, tt := range tests {
				if strings.HasSuffix(to[0].Address, "@"+name(i)) {
					return tt.results, true, tt.err
				}
			}
			return nil, false, nil
		}}
		w.run()
		for i := range tests {
			w.enqueue("a@"+name(i), "b@"+name(i))
		}
		synctest.Wait()
		list := w.waiting()
		if len(list) != len(tests) || w.net.dialCount() != len(tests) || len(w.inbox(w.anna)) != 0 {
			t.Fatalf("%d wait after %d connections, %d notices", len(list), w.net.dialCount(), len(w.inbox(w.anna)))
		}
		for i, tt := range tests {
			d := list[i].Deliveries[0]
			if d.Tries != 1 || len(d.Recipients) != 2 || d.Recipients[0].Text != tt.text || d.Recipients[1].Text != tt.text {
				t.Errorf("%s: %+v", tt.name, d)
			}
		}
	})
}

// A message that wants TLS and finds none waits by itself: its destination goes on for the others. RFC 8689.
func TestRequireTLSWaitsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.dial = peculiar{internet: w.net, dial: func(to Target) error {
			if to.RequireTLS {
				return &Unreachable{Result: Result{Temporary: true, Enhanced: "4.7.10", Text: "No TLS"}}
			}
			return nil
		}}
		w.run()
		id := w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", RequireTLS: true, Recipients: []Recipient{{Address: "secret@example.org"}}})
		synctest.Wait()
		w.enqueue("open@example.org")
		synctest.Wait()
		if diff := cmp.Diff([]string{"open@example.org"}, w.net.arrived()); diff != "" {
			t.Error(diff)
		}
		e, err := w.q.Entry(context.Background(), id)
		if err != nil || e.State() != StateDeferred || e.Deliveries[0].Tries != 1 || !strings.Contains(e.Deliveries[0].Why, "answer: No TLS; it is tried again at ") {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// A connection is used for what it was opened for only: with this login, with this promise.
func TestConnectionsAreNotMixed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t, func(o *Options) { o.PerHost = 1 })
		relay := Route{Domain: "a.example", Host: "relay.example", Port: 587, TLS: TLSRequire, User: "school", Password: "one"}
		route := func(domain, password string) {
			t.Helper()
			relay.Domain, relay.Password = domain, password
			if _, err := w.q.AddRoute(ctx, relay); err != nil {
				t.Fatal(err)
			}
		}
		route("a.example", "one")
		route("b.example", "one")
		w.run()
		send := func(requireTLS bool, to ...string) {
			m := Message{TraceID: "x", RequireTLS: requireTLS}
			for _, address := range to {
				m.Recipients = append(m.Recipients, Recipient{Address: address})
			}
			w.enqueueMessage(m)
			synctest.Wait()
		}
		send(false, "x@a.example", "y@b.example", "z@c.example") // one transaction for both, and one the way of its own servers
		send(false, "x2@a.example")
		route("a.example", "two")
		send(false, "x3@a.example")
		send(true, "x4@a.example")
		var got []string
		w.net.set(func(n *internet) {
			for _, to := range n.dials {
				got = append(got, fmt.Sprintf("%s%s %s %s %t", to.Domain, to.Host, to.User, to.Password, to.RequireTLS))
			}
		})
		want := map[string]int{"c.example   false": 1, "relay.example school one false": 1, "relay.example school two false": 1, "relay.example school two true": 1}
		for _, g := range got {
			want[g]--
		}
		for dial, n := range want {
			if n != 0 {
				t.Errorf("%q: %d more are wanted; connections: %q", dial, n, got)
			}
		}
		if diff := cmp.Diff([]string{"x2@a.example", "x3@a.example", "x4@a.example", "x@a.example,y@b.example", "z@c.example"}, w.net.arrived()); diff != "" {
			t.Error(diff)
		}
	})
}

// There are never more deliveries at once than allowed, in all and to one destination, and all that may be are used.
func TestConnectionsInAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Connections, o.PerHost = 5, 2 })
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{} // deliveries by destination, and in all
		count := func(to Target, n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range []string{to.Domain, "all"} {
				now[name] += n
				most[name] = max(most[name], now[name])
			}
		}
		w.net.hold = func(_ context.Context, to Target) {
			count(to, 1)
			time.Sleep(time.Second)
			count(to, -1)
		}
		for i := range 40 {
			w.enqueue(fmt.Sprintf("p%d@h%d.example", i, i%4))
		}
		w.run()
		time.Sleep(time.Minute)
		w.halt()
		synctest.Wait()
		if n := len(w.net.arrived()); n != 40 || most["all"] != 5 {
			t.Errorf("%d arrived, at most %d at once", n, most["all"])
		}
		for i := range 4 {
			if n := most[fmt.Sprintf("h%d.example", i)]; n < 1 || n > 2 {
				t.Errorf("%d at once to one destination", n)
			}
		}
		w.net.set(func(n *internet) {
			for name, open := range n.open {
				if open != 0 {
					t.Errorf("%d connections to %s are left open", open, name)
				}
			}
		})
	})
}
