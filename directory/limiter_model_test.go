package directory

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestProofCacheAgainstAModel: an entry is good until it was idle for so long, or is so old, whatever is added, used or looked for
// in between and in any order of time; the model keeps two times for each.
func TestProofCacheAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		idle, age := 15*time.Minute, 2*time.Hour
		slack := idle / 64 // a use is noted at most this late
		cache := newProofCache(1000, idle, age)
		type times struct{ made, used time.Time }
		model := map[proof]times{}
		now := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "seconds")) * time.Second)
			p := proof{byte(rapid.IntRange(0, 4).Draw(rt, "proof"))}
			m, known := model[p]
			if rapid.Bool().Draw(rt, "add") {
				cache.add(p, now)
				model[p] = times{now, now}
				continue
			}
			got := cache.has(p, now)
			switch {
			case !known && got:
				rt.Fatalf("at %v an entry is good that was never added", now)
			case known && got && (now.Sub(m.used) >= idle || now.Sub(m.made) >= age):
				rt.Fatalf("an entry made %v ago and used %v ago is good", now.Sub(m.made), now.Sub(m.used))
			case known && !got && now.Sub(m.used) < idle-slack && now.Sub(m.made) < age:
				rt.Fatalf("an entry made %v ago and used %v ago is not good", now.Sub(m.made), now.Sub(m.used))
			}
			if got {
				model[p] = times{m.made, now}
			} else {
				delete(model, p)
			}
		}
	})
}

// TestARestartChangesNoAnswer: after any mix of right and wrong tries and time, a directory that is loaded anew lets and refuses
// exactly whom the old one would have.
func TestARestartChangesNoAnswer(t *testing.T) {
	storetest.ShortRun(t, 8)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		var people []ID
		for i := range 3 {
			people = append(people, add(t, d, fmt.Sprint("person", i), Student).ID)
		}
		remotes := []netip.Addr{home, address("198.51.100.1"), address("2001:db8::7"), address("127.0.0.1")}
		draw := func(rt *rapid.T) (subject, netip.Addr) {
			who := rapid.SampledFrom([]subject{subjectOf(people[0], ""), subjectOf(people[1], ""), subjectOf(people[2], ""), subjectOf(0, "nobody")}).Draw(rt, "who")
			return who, rapid.SampledFrom(remotes).Draw(rt, "remote")
		}
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				who, remote := draw(rt)
				switch rapid.IntRange(0, 3).Draw(rt, "what") {
				case 0, 1:
					for range rapid.IntRange(1, 40).Draw(rt, "wrong tries") {
						d.limiter.wrong(who, remote, c.now())
					}
				case 2:
					if who.id != 0 {
						d.limiter.right(who.id, remote, c.now())
					}
				case 3:
					c.advance(time.Duration(rapid.IntRange(0, 1200).Draw(rt, "seconds")) * time.Second)
				}
			}
			if err := d.Close(); err != nil {
				rt.Fatal(err)
			}
			again, err := New(context.Background(), s, Options{Now: c.now, HashParams: cheap()})
			if err != nil {
				rt.Fatal(err)
			}
			for range 3 {
				for _, id := range append([]ID{0}, people...) {
					for _, remote := range remotes {
						who := subjectOf(id, "nobody")
						before, after := d.limiter.check(who, remote, c.now()), again.limiter.check(who, remote, c.now())
						if (before == nil) != (after == nil) {
							rt.Fatalf("subject %v from %s: %v before the restart, %v after", who, remote, before, after)
						}
					}
				}
				c.advance(time.Duration(rapid.IntRange(1, 900).Draw(rt, "more seconds")) * time.Second)
			}
			d = again
		})
	})
}

// TestTheOwnerIsNeverLockedOut: whatever strangers do from elsewhere, who knows the password gets in from a network where he was
// before, at once and every time.
func TestTheOwnerIsNeverLockedOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newClock()
		l := newLimiter(nil, discard())
		l.right(1, home, c.now())
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			for range rapid.IntRange(1, 30).Draw(rt, "tries") {
				l.wrong(subject{id: 1}, address("203.0.113.%d", rapid.IntRange(0, 3).Draw(rt, "stranger")), c.now())
			}
			c.advance(time.Duration(rapid.IntRange(0, 4000).Draw(rt, "seconds")) * time.Second)
			if err := l.check(subject{id: 1}, home, c.now()); err != nil {
				rt.Fatalf("the owner: %v", err)
			}
			l.right(1, home, c.now())
		}
		if err := l.check(subject{id: 2}, home, c.now()); err != nil {
			rt.Fatalf("somebody else at home: %v", err)
		}
	})
}

// TestScopesComeBack: the names of a scope read as the same scope, and a door opens for exactly the scopes that say so.
func TestScopesComeBack(t *testing.T) {
	for s := Scope(1); s <= ScopeAll; s++ {
		if again, err := ParseScope(s.Names()); err != nil || again != s {
			t.Errorf("scope %b is called %q, which reads as %b, %v", s, s.Names(), again, err)
		}
		for _, tt := range []struct {
			need Scope
			want bool
		}{{ScopeMail, s&ScopeMail != 0}, {ScopeDAV, s&ScopeDAV != 0}, {ScopeSend, s&(ScopeSend|ScopeMail) != 0}, {0, false}} {
			if got := s.opens(tt.need); got != tt.want {
				t.Errorf("scope %q opens %q = %t, want %t", s.Names(), tt.need.Names(), got, tt.want)
			}
		}
	}
	if s, err := ParseScope(nil); s != 0 || err != nil {
		t.Errorf("no names are scope %b, %v", s, err)
	}
	if _, err := ParseScope([]string{"MAIL"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a name in capitals: %v", err)
	}
}
