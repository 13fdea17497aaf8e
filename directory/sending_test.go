package directory

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// send counts one message and tells the limit that it would pass, "" if none.
func (w *policySchool) send(who string, inside, outside int) string {
	w.t.Helper()
	err := w.store.Write(context.Background(), func(tx *store.Tx) error { return w.CountSending(tx, w.ids[who], inside, outside) })
	limit := new(SendingLimit)
	if errors.As(err, &limit) {
		if !fault.Is(err, fault.Throttled) {
			w.t.Errorf("%v is no fault.Throttled", err)
		}
		return w.PartyName(limit.To)
	}
	must(w.t, err)
	return ""
}

func (w *policySchool) limit(from, to string, n int64) {
	w.t.Helper()
	f, p := w.parties(from, to)
	_, err := w.SetRule(context.Background(), f, p, RuleChange{PerHour: &n})
	must(w.t, err)
}

func TestSendingLimits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newPolicySchool(t, s)
		steps := []struct {
			name            string
			who             string
			inside, outside int
			later           time.Duration // the clock before it
			want            string
		}{
			{"a pupil, 20 elsewhere", "anna", 0, 20, 0, ""},
			{"one more elsewhere", "anna", 0, 1, time.Minute, "external"},
			{"inside goes on", "anna", 29, 0, 0, ""},
			{"all or nothing: two are too many", "anna", 2, 0, 0, "anyone"},
			{"and none of them was counted", "anna", 1, 0, 0, ""},
			{"now all are used up", "anna", 1, 0, 0, "anyone"},
			{"another pupil has their own", "ben", 50, 0, 0, ""},
			{"more than a limit at once", "paul", 201, 0, 0, "anyone"},
			{"a teacher", "tina", 400, 100, 0, ""},
			{"a teacher has one limit for all", "tina", 0, 1, 0, "anyone"},
			{"before the hour is over", "anna", 0, 1, 58 * time.Minute, "external"},
			{"the twenty of the first minute are forgotten", "anna", 0, 20, 2 * time.Minute, ""},
			{"the thirty of the second are not", "anna", 1, 0, 0, "anyone"},
			{"a minute later they are", "anna", 30, 0, time.Minute, ""},
			{"an empty message", "anna", 0, 0, 0, ""},
			{"the clock goes back a day: nothing is forgotten", "anna", 1, 0, -24 * time.Hour, "anyone"},
		}
		for _, step := range steps {
			w.clock = w.clock.Add(step.later)
			if got := w.send(step.who, step.inside, step.outside); got != step.want {
				t.Errorf("%s: limit %q, want %q", step.name, got, step.want)
			}
		}
	})
}

// What was sent is known after a restart; an account's own rule comes before its role's, and zero is nothing at all.
func TestSendingLimitsOfOneAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newPolicySchool(t, s)
		w.limit("anna", "anyone", 100)
		w.limit("ben", "external", 0)
		if got := w.send("anna", 60, 0); got != "" {
			t.Errorf("her own limit: %q", got)
		}
		if got := w.send("ben", 0, 1); got != "external" {
			t.Errorf("none elsewhere: %q", got)
		}
		must(t, w.Close())
		clock := w.clock
		w.Directory = open(t, s, Options{Now: func() time.Time { return clock }})
		if got := w.send("anna", 41, 0); got != "anyone" {
			t.Errorf("after a restart: %q", got)
		}
		if got := w.send("anna", 40, 0); got != "" {
			t.Errorf("after a restart, what is left: %q", got)
		}
		var limits []SendingLimit
		must(t, s.Read(context.Background(), func(tx *store.Tx) (err error) {
			limits, err = w.SendingLimits(tx, w.ids["anna"])
			return err
		}))
		for _, l := range limits {
			if l.To.word == "anyone" && (l.Used != 100 || l.PerHour != 100) {
				t.Errorf("used %d of %d, want 100 of 100", l.Used, l.PerHour)
			}
		}
		from, to := w.parties("anna", "anyone")
		must(t, w.RemoveRule(context.Background(), from, to))
		if got := w.send("anna", 1, 0); got != "anyone" {
			t.Errorf("her role's again: %q", got)
		}
	})
}

// What has been sent anyway is counted without asking, and whoever asks first knows what there is room for.
func TestSendingRoom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newPolicySchool(t, s)
		room := func(inside, outside int) string {
			t.Helper()
			var limit *SendingLimit
			must(t, s.Read(context.Background(), func(tx *store.Tx) (err error) {
				limit, err = w.SendingRoom(tx, w.ids["anna"], inside, outside)
				return err
			}))
			if limit == nil {
				return ""
			}
			return w.PartyName(limit.To)
		}
		note := func(outside int) {
			t.Helper()
			must(t, s.Write(context.Background(), func(tx *store.Tx) error { return w.NoteSending(tx, w.ids["anna"], 0, outside) }))
		}
		for _, step := range []struct {
			note, inside, outside int
			want                  string
		}{{0, 0, 20, ""}, {0, 0, 21, "external"}, {19, 0, 1, ""}, {1, 0, 1, "external"}, {0, 30, 0, ""}, {5, 30, 0, "anyone"}, {0, 25, 0, ""}, {0, 0, 0, ""}} {
			note(step.note)
			if got := room(step.inside, step.outside); got != step.want {
				t.Errorf("%+v: limit %q", step, got)
			}
		}
		if got := w.send("anna", 0, 1); got != "external" {
			t.Errorf("what was noted does not count: %q", got)
		}
		rows := func() (n int) {
			must(t, s.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM sent`).Scan(&n) }))
			return n
		}
		before := rows()
		w.clock = w.clock.Add(2 * time.Hour)
		note(1)
		if got := rows(); got > before {
			t.Errorf("%d rows, before %d: what is over is kept", got, before)
		}
	})
}

// Of two groups the one that allows more counts: a limit is no punishment for a membership.
func TestSendingLimitsOfTwoGroups(t *testing.T) {
	w := newPolicySchool(t, storetest.Open(t))
	w.limit("7b", "anyone", 3)
	w.limit("chor", "anyone", 5)
	if got := w.send("tina", 5, 0); got != "" {
		t.Errorf("five: %q", got)
	}
	if got := w.send("tina", 1, 0); got != "anyone" {
		t.Errorf("six: %q", got)
	}
	if got := w.send("anna", 4, 0); got != "anyone" {
		t.Errorf("a member of one group: %q", got)
	}
}

// Many programs of one account at once: the limit is met exactly.
func TestSendingLimitIsExact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newPolicySchool(t, s)
		var wait sync.WaitGroup
		var mu sync.Mutex
		accepted := 0
		for range 70 {
			wait.Go(func() {
				if w.send("anna", 1, 0) == "" {
					mu.Lock()
					defer mu.Unlock()
					accepted++
				}
			})
		}
		wait.Wait()
		if accepted != 50 {
			t.Errorf("%d of 70 were accepted, want 50", accepted)
		}
	})
}
