package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestKept: answers are remembered for as long as they say, what does not exist too, and faults not at all.
func TestKept(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t, "a.example. 60 TXT old", "zero.example. 0 TXT now", "year.example. 31536000 TXT long", "alias.example. 10 CNAME a.example.")
	c := newClock()
	r := newResolver(t, c, s)
	for _, step := range []struct {
		after time.Duration
		name  string
		asks  int // questions that reach the server
	}{
		{0, "a.example", 1}, {0, "A.example.", 0}, {59 * time.Second, "a.example", 0}, {time.Second, "a.example", 1},
		{0, "zero.example", 1}, {0, "zero.example", 1},
		{0, "missing.example", 1}, {299 * time.Second, "missing.example", 0}, {time.Second, "missing.example", 1},
		{0, "alias.example", 1}, {9 * time.Second, "alias.example", 0}, {time.Second, "alias.example", 1},
		{0, "year.example", 1}, {23 * time.Hour, "year.example", 0}, {time.Hour, "year.example", 1},
	} {
		c.Add(step.after)
		before := len(s.Asked())
		_, err := r.LookupTXT(t.Context(), step.name)
		if IsNotFound(err) != (step.name == "missing.example") || len(s.Asked())-before != step.asks {
			t.Errorf("%s after %s more: %v, asked %q, want %d questions", step.name, step.after, err, s.Asked()[before:], step.asks)
		}
	}
	// A name that flaps: the fault is forgotten at once.
	s.Break("flap.example", dnstest.ServFail)
	if _, err := r.LookupTXT(t.Context(), "flap.example"); err == nil || IsNotFound(err) {
		t.Errorf("SERVFAIL: %v", err)
	}
	s.Break("flap.example", dnstest.None)
	s.Add(t, "flap.example. TXT back")
	if _, err := r.LookupTXT(t.Context(), "flap.example"); err != nil {
		t.Errorf("after SERVFAIL: %v", err)
	}
}

// TestAskedOnce: a hundred callers lead to one question; whose context ends leaves alone, and if that is the one who
// asks, another takes over.
func TestAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(time.Now)
		q := question{"a.example.", 16}
		asked, release := 0, make(chan struct{})
		ask := func(ctx context.Context) (*answer, error) {
			asked++
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-release:
				return &answer{name: q.name, ttl: time.Minute}, nil
			}
		}
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.get(first, q, ask); !errors.Is(err, context.Canceled) {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			all.Go(func() {
				if a, err := c.get(t.Context(), q, ask); err != nil || a == nil {
					t.Errorf("one of many: %v, %v", a, err)
				}
			})
		}
		second, alsoLeave := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := c.get(second, q, ask); !errors.Is(err, context.Canceled) {
				t.Errorf("one who leaves while waiting: %v", err)
			}
		})
		synctest.Wait()
		alsoLeave()
		synctest.Wait()
		leave()
		synctest.Wait()
		if asked != 2 {
			t.Errorf("asked %d times, want 2", asked)
		}
		close(release)
		all.Wait()
		if asked != 2 || len(c.flights) != 0 || len(c.entries) != 1 {
			t.Errorf("asked %d times, %d flights and %d answers left, want 2, 0, 1", asked, len(c.flights), len(c.entries))
		}
	})
}

// TestFailureShared: who waits for a question that fails gets the failure, instead of asking again one after the other.
func TestFailureShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(time.Now)
		asked, release := 0, make(chan struct{})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := c.get(t.Context(), question{"a.example.", 16}, func(context.Context) (*answer, error) {
					asked++
					<-release
					return nil, temporary("a.example.", "", "no answer", nil)
				})
				var known *net.DNSError
				if !errors.As(err, &known) || !known.IsTemporary {
					t.Errorf("get = %v", err)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
	})
}

// TestCacheModel: the cache never gives an answer whose time is over, keeps its bounds, and its books are right.
func TestCacheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		c := newCache(clock.Now)
		model := map[question]time.Time{} // until when an answer may be given
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			clock.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			q := question{fmt.Sprintf("%d.example.", rapid.IntRange(0, 5).Draw(t, "name")), 1}
			asked := false
			ttl := time.Duration(rapid.IntRange(0, 120).Draw(t, "ttl")) * time.Second
			cost := rapid.SampledFrom([]int{1, 100, maxBytes / 2, maxBytes, maxBytes + 1}).Draw(t, "cost")
			_, _ = c.get(context.Background(), q, func(context.Context) (*answer, error) {
				asked = true
				return &answer{ttl: ttl, cost: cost}, nil
			})
			if until, ok := model[q]; !asked && (!ok || !clock.Now().Before(until)) {
				t.Fatalf("%v answered from memory at %s, was known until %s", q, clock.Now(), until)
			}
			if asked {
				model[q] = clock.Now().Add(ttl)
			}
			sum := 0
			for _, element := range c.entries {
				sum += element.Value.(*entry).cost
			}
			if sum != c.bytes || c.bytes > maxBytes || c.recent.Len() != len(c.entries) {
				t.Fatalf("%d bytes counted, %d there, %d entries, %d in order", c.bytes, sum, len(c.entries), c.recent.Len())
			}
		}
	})
}

// TestEntries: not more answers are remembered than there is room for; the oldest go.
func TestEntries(t *testing.T) {
	t.Parallel()
	c := newCache(newClock().Now)
	get := func(i int) (asked bool) {
		_, _ = c.get(t.Context(), question{fmt.Sprint(i), 1}, func(context.Context) (*answer, error) {
			asked = true
			return &answer{ttl: time.Hour, cost: 1}, nil
		})
		return asked
	}
	for i := range maxEntries + 1 {
		get(i)
	}
	if len(c.entries) != maxEntries || get(1) || !get(0) {
		t.Errorf("%d answers kept, want %d and the first forgotten", len(c.entries), maxEntries)
	}
}

// TestResolvConf: a changed file is taken up after a moment; one that is gone or empty is not.
func TestResolvConf(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	r, err := New(Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	r.system.path = path
	write := func(text string, age time.Duration) {
		t.Helper()
		changed := c.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, changed, changed)); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when string, want ...server) {
		t.Helper()
		if diff := cmp.Diff(want, r.current(), cmp.AllowUnexported(server{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	expect("without a file", server{"127.0.0.1:53", true})
	write("nameserver 192.0.2.1\nnameserver nonsense\nnameserver ::1\noptions rotate\n", time.Hour)
	expect("at once", server{"127.0.0.1:53", true})
	c.Add(rereadAfter)
	expect("a moment later", server{"192.0.2.1:53", false}, server{"[::1]:53", true})
	r.prefer(server{"[::1]:53", true})
	expect("after the second answered", server{"[::1]:53", true}, server{"192.0.2.1:53", false})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c.Add(rereadAfter)
	expect("while it is away", server{"[::1]:53", true}, server{"192.0.2.1:53", false})
	write("# nothing\n", 0)
	c.Add(rereadAfter)
	expect("without a server in it", server{"127.0.0.1:53", true})
}
