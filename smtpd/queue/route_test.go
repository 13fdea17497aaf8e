package queue

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/google/go-cmp/cmp"
)

func TestRoutes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newWorldOn(t, s)
		for _, r := range []Route{
			{Domain: "*", Host: "Relay.example", Port: 587, TLS: TLSRequire, User: "school", Password: "geheim"},
			{Domain: "Example.ORG", Host: "::1", Port: 2525, TLS: TLSOff},
			{Domain: "example.org", Host: "127.0.0.1", Port: 25, TLS: TLSOff},
		} {
			if _, err := w.q.AddRoute(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		want := []Route{{Domain: "*", Host: "relay.example", Port: 587, TLS: TLSRequire, User: "school"}, {Domain: "example.org", Host: "127.0.0.1", Port: 25, TLS: TLSOff}}
		for _, q := range []*Queue{w.q, w.open()} {
			if diff := cmp.Diff(want, q.Routes()); diff != "" {
				t.Error(diff)
			}
			if got := q.targetOf("x@elsewhere.example"); got != (Target{Host: "relay.example", Port: 587, TLS: TLSRequire, User: "school", Password: "geheim"}) {
				t.Errorf("target %+v", got)
			}
			if got := q.destinationOf("x@EXAMPLE.org"); got != "127.0.0.1:25" {
				t.Errorf("destination %q", got)
			}
		}
		if err := w.q.RemoveRoute(ctx, "*"); err != nil {
			t.Fatal(err)
		}
		if err := w.q.RemoveRoute(ctx, "*"); !fault.Is(err, fault.NotFound) {
			t.Errorf("removed twice: %v", err)
		}
		if got := w.q.targetOf("x@Elsewhere.example"); got != (Target{Domain: "elsewhere.example"}) {
			t.Errorf("target %+v", got)
		}
	})
}

func TestRoutesAreChecked(t *testing.T) {
	tests := []struct {
		name string
		r    Route
		kind fault.Kind
	}{
		{"no domain", Route{Host: "h", Port: 25, TLS: TLSOff}, fault.Invalid},
		{"an address", Route{Domain: "a@b", Host: "h", Port: 25, TLS: TLSOff}, fault.Invalid},
		{"a pattern", Route{Domain: "*.b", Host: "h", Port: 25, TLS: TLSOff}, fault.Invalid},
		{"no host", Route{Domain: "*", Port: 25, TLS: TLSOff}, fault.Invalid},
		{"a host with a port", Route{Domain: "*", Host: "h:25", Port: 25, TLS: TLSOff}, fault.Invalid},
		{"no port", Route{Domain: "*", Host: "h", TLS: TLSOff}, fault.Invalid},
		{"a high port", Route{Domain: "*", Host: "h", Port: 65536, TLS: TLSOff}, fault.Invalid},
		{"no word for TLS", Route{Domain: "*", Host: "h", Port: 25}, fault.Invalid},
		{"a user without a password", Route{Domain: "*", Host: "h", Port: 25, TLS: TLSRequire, User: "u"}, fault.Invalid},
		{"a password of two lines", Route{Domain: "*", Host: "h", Port: 25, TLS: TLSRequire, User: "u", Password: "a\nb"}, fault.Invalid},
		{"a password in clear", Route{Domain: "*", Host: "h", Port: 25, TLS: TLSOpportunistic, User: "u", Password: "p"}, fault.Refused},
		{"a long label", Route{Domain: strings.Repeat("a", 64) + ".b", Host: "h", Port: 25, TLS: TLSOff}, fault.Invalid},
	}
	for _, tt := range tests {
		if _, err := tt.r.check(); !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
		}
	}
	for _, r := range []Route{
		{Domain: "*", Host: "127.0.0.1", Port: 25, TLS: TLSOff, User: "u", Password: "p"},
		{Domain: "münchen.example", Host: "2001:db8::1", Port: 25, TLS: TLSOpportunistic},
	} {
		if _, err := r.check(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// A new route helps what waits already, together and at once; what is held stays held.
func TestRouteForWhatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		for _, name := range []string{"a.example", "b.example"} {
			w.net.down[name] = &Unreachable{Result: Result{Temporary: true, Text: "Port 25 is blocked"}}
		}
		w.run()
		w.enqueue("x@a.example", "y@b.example")
		held := w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", Recipients: []Recipient{{Address: "z@a.example"}}, Held: &Hold{Reason: "x"}})
		time.Sleep(20 * time.Minute)
		if _, err := w.q.AddRoute(ctx, Route{Domain: "*", Host: "relay.example", Port: 587, TLS: TLSOpportunistic}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{"x@a.example", "y@b.example"}, w.net.arrived()); diff != "" {
			t.Fatal(diff)
		}
		w.enqueue("p@a.example", "q@b.example") // now both go to one destination
		synctest.Wait()
		if got := w.net.arrived(); len(got) != 3 || got[0] != "p@a.example,q@b.example" {
			t.Errorf("arrived: %q", got)
		}
		if _, err := w.q.Release(ctx, held); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := w.net.sent(); got[len(got)-1].rcpt[0] != "z@a.example" || got[len(got)-1].to.Host != "relay.example" {
			t.Errorf("a released message went to %+v", got[len(got)-1])
		}
		w.check()
	})
}
