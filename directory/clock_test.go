package directory

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// jumps are what happens to clocks: a wrong time zone, an empty battery, a typo.
var jumps = map[string]time.Duration{"an hour ahead": time.Hour, "an hour back": -time.Hour, "a day ahead": 24 * time.Hour,
	"a day back": -24 * time.Hour, "to 1970": -time.Since(time.Unix(0, 0)), "to 2050": 25 * 365 * 24 * time.Hour}

// TestABlockEndsInSpiteOfTheClock: whatever the clock does while somebody is blocked and however it is set right again, soon
// after he may try again. A block that lasted for years would lock out a whole school.
func TestABlockEndsInSpiteOfTheClock(t *testing.T) {
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := newLimiter(nil, slog.New(slog.DiscardHandler))
			guess := func() { // until everything is blocked
				for i := range 3 * wrongPerAccount {
					l.wrong(subject{id: 1}, address("198.51.%d.1", i%200), c.now())
					l.wrong(subject{id: 1}, home, c.now())
				}
			}
			free := func(when string) {
				t.Helper()
				c.advance(3 * longestDelay)
				if err := l.check(subject{id: 1}, home, c.now()); err != nil {
					t.Errorf("%s: %v", when, err)
				}
				l.wrong(subject{id: 1}, home, c.now())
				if err := l.check(subject{id: 1}, address("203.0.113.1"), c.now()); err != nil {
					t.Errorf("%s, after one more typo: %v", when, err)
				}
			}
			guess()
			if err := l.check(subject{id: 1}, home, c.now()); !fault.Is(err, fault.Throttled) {
				t.Fatalf("nothing is blocked: %v", err)
			}
			c.advance(jump)
			free("blocked, then the clock jumps")
			guess()
			c.advance(-jump)
			free("blocked while the clock is wrong, then it is set right")
		})
	}
}

// TestCountingGoesOnAfterAJump: a clock that was set back does not let anybody guess without end.
func TestCountingGoesOnAfterAJump(t *testing.T) {
	for name, jump := range jumps {
		c := newClock()
		l := newLimiter(nil, slog.New(slog.DiscardHandler))
		for range 3 {
			c.advance(jump)
			tries := 0
			for ; tries < 10*wrongPerLogin; tries++ {
				if l.check(subject{id: 1}, home, c.now()) != nil {
					break
				}
				l.wrong(subject{id: 1}, home, c.now())
			}
			if tries > wrongPerLogin {
				t.Errorf("%s: %d tries in a row, want at most %d", name, tries, wrongPerLogin)
			}
			jump = -jump
		}
	}
}

// TestCachedLoginsAndTheClock: a credential that was cached while the clock was ahead does not live for years.
func TestCachedLoginsAndTheClock(t *testing.T) {
	for name, jump := range jumps {
		c := newClock()
		cache := newProofCache(10, cacheIdle, cacheAge)
		cache.add(proof{1}, c.now())
		c.advance(jump)
		if cache.has(proof{1}, c.now()) {
			t.Errorf("%s: an entry of before is still good", name)
		}
		cache.add(proof{2}, c.now())
		if !cache.has(proof{2}, c.now()) {
			t.Errorf("%s: a fresh entry is not good", name)
		}
		c.advance(-jump)
		for range 3 * int(cacheAge/cacheIdle) { // used all the time
			c.advance(cacheIdle / 2)
			cache.has(proof{2}, c.now())
		}
		c.advance(cacheAge)
		if cache.has(proof{2}, c.now()) {
			t.Errorf("%s: an entry outlives the longest time after the clock was set right", name)
		}
	}
}

// TestLoginsWhileTheClockJumps: the owner logs in whatever the clock says, sessions stay valid, and a change of the password
// ends them all the same.
func TestLoginsWhileTheClockJumps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		a := add(t, d, "anna", Student)
		_, secret, err := d.AddAppPassword(context.Background(), a.ID, "Phone", ScopeMail)
		must(t, err)
		for name, jump := range jumps {
			id, err := login(d, "anna", "secret-test-1")
			if err != nil {
				t.Errorf("before %s: %v", name, err)
			}
			c.advance(jump)
			for _, try := range []string{"secret-test-1", secret} {
				if _, err := login(d, "anna", try); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := login(d, "anna", fmt.Sprint("wrong-test-", name)); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: a wrong password: %v", name, err)
			}
			if err := d.Valid(id); err != nil {
				t.Errorf("%s: an open session ended: %v", name, err)
			}
			c.advance(-jump)
		}
		id, err := login(d, "anna", "secret-test-1")
		must(t, err)
		must(t, d.ChangeAccount(context.Background(), a.ID, AccountChange{Password: new("secret-test-2")}))
		if err := d.Valid(id); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a session with the old password: %v", err)
		}
		must(t, d.Close())
		again := open(t, s, Options{Now: c.now})
		must(t, second(login(again, "anna", "secret-test-2")))
	})
}

// TestRetentionAndTheClock: who is deleted while the clock is behind is not purged early once it is right, nor kept for ever
// when it was ahead: the sweep goes by the time that was noted.
func TestRetentionAndTheClock(t *testing.T) {
	c := newClock()
	d := open(t, storetest.Open(t), Options{Now: c.now})
	a := add(t, d, "anna", Student)
	must(t, d.ChangeAccount(context.Background(), a.ID, AccountChange{State: new(Deleted)}))
	for _, tt := range []struct {
		name   string
		before time.Duration // of now
		want   int
	}{{"a moment ago", -time.Second, 0}, {"this second", 0, 0}, {"a second later", time.Second, 1}, {"years later", 1 << 55, 1}} {
		if list := d.DeletedBefore(c.now().Add(tt.before)); len(list) != tt.want {
			t.Errorf("%s: %d accounts, want %d", tt.name, len(list), tt.want)
		}
	}
	c.advance(time.Hour)
	must(t, d.ChangeAccount(context.Background(), a.ID, AccountChange{Name: new("Anna")})) // no new deletion
	if list := d.DeletedBefore(c.now()); len(list) != 1 {
		t.Errorf("a change of the name starts the retention time anew")
	}
	must(t, d.ChangeAccount(context.Background(), a.ID, AccountChange{State: new(Active)}))
	if list := d.DeletedBefore(c.now().Add(time.Hour)); len(list) != 0 {
		t.Errorf("an active account would be purged")
	}
}
