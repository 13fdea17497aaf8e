package queue

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// laneQueue is as much of a queue as a lane needs to learn: no jitter, a clock that stands.
func laneQueue(t testing.TB, perHost int) *Queue {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Queue{o: Options{PerHost: perHost}, metrics: m, log: slog.New(slog.DiscardHandler), now: func() time.Time { return time.Unix(1000, 0) },
		chance: func() float64 { return 0.5 }}
}

func newLane(q *Queue) *lane {
	return &lane{name: "example.org", window: min(firstWindow, float64(q.o.PerHost)), inHand: map[int64]bool{}}
}

func (l *lane) learnAll(q *Queue, kinds ...verdictKind) {
	for _, k := range kinds {
		l.learn(verdict{k, "why"}, q)
	}
}

func times(n int, k verdictKind) []verdictKind { return slices.Repeat([]verdictKind{k}, n) }

func TestLearn(t *testing.T) {
	taken, refused, broken, silent, nothing := verdictTaken, verdictRefused, verdictBroken, verdictNoAnswer, verdictNone
	tests := []struct {
		name     string
		verdicts []verdictKind
		busy     int // others that it serves meanwhile
		window   float64
		paused   bool
	}{
		{"nothing", nil, 0, firstWindow, false},
		{"what says nothing about it", times(50, nothing), 0, firstWindow, false},
		{"one connection more for as many mails as there are", times(5, taken), 0, 5.9, false},
		{"never more than allowed", times(500, taken), 0, 20, false},
		{"a connection that broke halves", []verdictKind{broken}, 0, 2.5, false},
		{"but leaves one", times(2, broken), 0, 1.25, false},
		{"three in a row pause", times(brokenLimit, broken), 0, 1, true},
		{"not with one that was taken between", []verdictKind{broken, broken, taken, broken, broken}, 0, 1, false},
		{"nor with one that answered", []verdictKind{broken, broken, refused, broken, broken}, 0, 1, false},
		{"refusals alone do not", times(barrenLimit-1, refused), 0, firstWindow, false},
		{"but so many in a row", times(barrenLimit, refused), 0, firstWindow, true},
		{"not with one that was taken between", append(times(barrenLimit-1, refused), taken, refused), 0, 5.2, false},
		{"no answer at all", []verdictKind{silent}, 0, 2.5, true},
		{"no answer to one more while others are served", []verdictKind{silent}, 2, 2, false},
		{"never less than one of them", []verdictKind{silent, silent}, 1, 1, false},
		{"that often is no answer", times(brokenLimit+1, silent), 1, 1, true},
	}
	for _, tt := range tests {
		q := laneQueue(t, 20)
		l := newLane(q)
		l.busy = tt.busy
		l.learnAll(q, tt.verdicts...)
		if diff := l.window - tt.window; diff < -0.1 || diff > 0.1 || l.paused != tt.paused {
			t.Errorf("%s: window %.2f, paused %t, want %.2f, %t", tt.name, l.window, l.paused, tt.window, tt.paused)
		}
		if l.paused && (l.failures != 1 || l.until != 1060 || l.text != "why") || !l.paused && l.failures != 0 {
			t.Errorf("%s: %d failures, until %d, %q", tt.name, l.failures, l.until, l.text)
		}
	}
}

// A destination that fails again and again is left alone for 1, 2, 4 … minutes, at most an hour; a mail that is taken ends that.
func TestPausesBecomeLonger(t *testing.T) {
	q := laneQueue(t, 20)
	l := newLane(q)
	for i, minutes := range []int64{1, 2, 4, 8, 16, 32, 60, 60} {
		l.paused = false
		l.learnAll(q, verdictNoAnswer, verdictNoAnswer) // those under way fail, too, which counts once
		if l.failures != i+1 || l.until != 1000+60*minutes {
			t.Errorf("failure %d: %d, a pause of %d s, want %d minutes", i+1, l.failures, l.until-1000, minutes)
		}
	}
	l.paused = false
	l.learnAll(q, verdictTaken, verdictNoAnswer)
	if l.failures != 1 || l.until != 1060 {
		t.Errorf("after it worked: %d failures, until %d", l.failures, l.until)
	}
}

// Whatever a destination does, there are between one connection and as many as are allowed, and a pause has a reason.
func TestWindowIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := laneQueue(t, rapid.IntRange(1, 50).Draw(rt, "per host"))
		l := newLane(q)
		for _, k := range rapid.SliceOf(rapid.IntRange(int(verdictNone), int(verdictNoAnswer))).Draw(rt, "verdicts") {
			before := *l
			l.busy = rapid.IntRange(0, q.o.PerHost).Draw(rt, "busy")
			l.learn(verdict{verdictKind(k), "why"}, q)
			switch {
			case l.window < 1 || l.window > float64(q.o.PerHost):
				rt.Fatalf("a window of %f", l.window)
			case l.window > before.window && verdictKind(k) != verdictTaken:
				rt.Fatalf("verdict %d made the window larger: %f to %f", k, before.window, l.window)
			case l.paused && !before.paused && (l.text == "" || l.until <= 1000 || l.failures == 0):
				rt.Fatalf("a pause without a reason: %+v", l)
			case before.paused && (l.until != before.until || l.failures > before.failures):
				rt.Fatalf("a pause became another one: %+v", l)
			}
			if rapid.Bool().Draw(rt, "the pause is over") {
				l.paused = false
			}
		}
	})
}

// What the scheduler asks the tables, on both dialects.
func TestLaneQueries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := &world{t: t, s: s}
		wakesDestination(t, w)
		selectsJobs(t, w)
	})
}

// When a destination is looked at: at the first thing to do for it, but not while it pauses.
func wakesDestination(t *testing.T, w *world) {
	tests := []struct {
		name             string
		wake, until, due int64
		want             int64
	}{
		{"earlier than what waits", 200, 0, 100, 100},
		{"later than what waits", 50, 0, 100, 50},
		{"at the same time", 200, 0, 200, 200},
		{"while it pauses", 200, 150, 100, 150},
		{"while it pauses beyond what waits", 200, 250, 100, 200},
		{"after its pause", 200, 150, 160, 160},
		{"when its pause ends", 200, 150, 150, 150},
	}
	for i, tt := range tests {
		name := fmt.Sprintf("%d.example", i)
		w.exec(`INSERT INTO queue_destination (name, failing, wake, until, failures, text) VALUES ($1, 1, $2, $3, 4, 'why')`, name, tt.wake, tt.until)
		var wake, failures int64
		err := w.s.Write(context.Background(), func(tx *store.Tx) error {
			if err := wakeDestination(tx, name, tt.due); err != nil {
				return err
			}
			return tx.QueryRow(`SELECT wake, failures FROM queue_destination WHERE name = $1`, name).Scan(&wake, &failures)
		})
		if err != nil || wake != tt.want || failures != 4 {
			t.Errorf("%s: wakes at %d with %d failures, %v, want %d", tt.name, wake, failures, err, tt.want)
		}
	}
}

// New deliveries and those tried before are taken in turn, those that are due longest first, and none that is in hand.
func selectsJobs(t *testing.T, w *world) {
	for _, d := range []struct{ id, phase, due int64 }{
		{1, phaseNew, 50}, {2, phaseNew, 40}, {3, phaseNew, 30}, {4, phaseDeferred, 10}, {5, phaseDeferred, 20}, {6, phaseHeld, 1}, {7, phaseNew, 101}, {8, phaseNew, 100},
	} {
		w.exec(`INSERT INTO queue_delivery (id, message_id, owner_id, destination, phase, due, not_before, began, told, attempts, attempting, tried, held)
			VALUES ($1, 1, 0, 'example.org', $2, $3, 0, 0, 0, 0, 0, 0, '')`, d.id, d.phase, d.due)
	}
	tests := []struct {
		name   string
		inHand []int64
		limit  int
		want   []int64
	}{
		{"all", nil, 10, []int64{3, 4, 2, 5, 1, 8}},
		{"some", nil, 2, []int64{3, 4}},
		{"some are in hand", []int64{3, 4}, 3, []int64{2, 5, 1}},
		{"all are in hand", []int64{1, 2, 3, 4, 5, 8}, 3, nil},
	}
	for _, tt := range tests {
		l := &lane{name: "example.org", inHand: map[int64]bool{}}
		for _, id := range tt.inHand {
			l.inHand[id] = true
		}
		var got []int64
		err := w.s.Read(context.Background(), func(tx *store.Tx) error {
			jobs, err := selectJobs(tx, l, 100, tt.limit)
			for _, j := range jobs {
				got = append(got, j.delivery)
			}
			return err
		})
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// Many destinations whose time comes later cost nothing until then: there is one alarm, for the next of them.
func TestSleepsUntilTheNextOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const many = 40
		w := newWorld(t)
		s := &scheduler{q: w.q, lanes: map[string]*lane{}, fresh: map[string]int64{}, look: true}
		if pause := s.step(context.Background()); pause < 1000*time.Hour {
			t.Errorf("an empty queue is looked at every %s", pause)
		}
		began := time.Now().Truncate(time.Second).Add(time.Second)
		for i := range many {
			w.enqueueMessage(Message{TraceID: "x", NotBefore: began.Add(time.Duration(5+i) * time.Minute), Recipients: []Recipient{{Address: fmt.Sprintf("a@h%d.example", i)}}})
		}
		s.look = true
		if pause := s.step(context.Background()); pause < 4*time.Minute || pause > 5*time.Minute+time.Second || len(s.lanes) != 0 {
			t.Errorf("looked at again after %s, with %d lanes", pause, len(s.lanes))
		}
		w.run()
		time.Sleep((many + 6) * time.Minute)
		synctest.Wait()
		sent := w.net.sent()
		if len(sent) != many {
			t.Fatalf("%d were sent", len(sent))
		}
		for i, m := range sent {
			want := time.Duration(5+i) * time.Minute
			if late := m.at.Sub(began) - want; late < 0 || late > time.Second || m.to.Domain != fmt.Sprintf("h%d.example", i) {
				t.Errorf("message %d to %s was sent %s late", i, m.to.Domain, late)
			}
		}
	})
}
