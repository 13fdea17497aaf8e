package queue

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/store"

	"pgregory.net/rapid"
)

func TestDoubled(t *testing.T) {
	for n, want := range map[int]time.Duration{
		-1: firstRetry, 0: firstRetry, 1: firstRetry, 2: 6 * time.Minute, 3: 12 * time.Minute, 6: 96 * time.Minute, 7: lastRetry, 8: lastRetry, 1 << 40: lastRetry,
	} {
		if got := doubled(firstRetry, lastRetry, n); got != want {
			t.Errorf("after try %d: %s, want %s", n, got, want)
		}
	}
	if got := doubled(lastPause, firstPause, 1); got != firstPause {
		t.Errorf("a first that is above the last: %s", got)
	}
}

// However long something fails, and whatever chance says, the waits stay within their bounds and never become shorter for long.
func TestWaitsAreBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		chance := rapid.Float64Range(0, 1).Draw(rt, "chance")
		n := rapid.IntRange(0, 1<<20).Draw(rt, "n")
		q := &Queue{chance: func() float64 { return chance }}
		for name, wait := range map[string]struct{ got, first, last time.Duration }{
			"retry": {q.retryAfter(n), firstRetry, lastRetry},
			"pause": {q.pauseAfter(n), firstPause, lastPause},
		} {
			middle := doubled(wait.first, wait.last, n)
			low, high := middle*8/10-time.Microsecond, middle*12/10+time.Microsecond
			if wait.got < low || wait.got > high || wait.got < wait.first/2 || wait.got > 2*wait.last {
				rt.Fatalf("%s %d: %s, want %s to %s", name, n, wait.got, low, high)
			}
		}
		if q.retryAfter(n) > q.retryAfter(n+1) || q.pauseAfter(n) > q.pauseAfter(n+1) {
			rt.Fatalf("with the same luck the wait %d is longer than the next one", n)
		}
	})
}

// What failed together does not come again together.
func TestWaitsDiffer(t *testing.T) {
	next := 0.0
	q := &Queue{chance: func() float64 { next += 0.25; return next - 0.25 }}
	seen := map[time.Duration]bool{}
	for range 4 {
		seen[q.retryAfter(1).Round(time.Millisecond)] = true
	}
	for _, want := range []time.Duration{144 * time.Second, 162 * time.Second, 180 * time.Second, 198 * time.Second} {
		if !seen[want] {
			t.Errorf("no wait of %s: %v", want, seen)
		}
	}
}

func TestFirstDeadline(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		name            string
		lifetime, delay time.Duration
		want            time.Duration
	}{
		{"as it comes", DefaultLifetime, DefaultDelayNotice, 4 * time.Hour},
		{"nobody is told of delays", day, -1, day},
		{"a life shorter than patience", time.Hour, 4 * time.Hour, time.Hour},
		{"as long as patience", 4 * time.Hour, 4 * time.Hour, 4 * time.Hour},
	}
	for _, tt := range tests {
		q := &Queue{o: Options{Lifetime: tt.lifetime, DelayNotice: tt.delay}}
		if got := *q.firstDeadline(1000); got != 1000+int64(tt.want/time.Second) {
			t.Errorf("%s: after %d s, want %s", tt.name, got-1000, tt.want)
		}
	}
}

// stoppedClock shows the time that a test says.
type stoppedClock struct{ at atomic.Int64 }

func (c *stoppedClock) now() time.Time { return time.Unix(c.at.Load(), 0) }

// The sender is told of the delay at four hours, once, and of the end at five days; not a second earlier. Neither is anybody who has not
// asked, or of whom nobody knows.
func TestDeadlinesToTheSecond(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clock := new(stoppedClock)
	const began = 1_800_000_000
	clock.at.Store(began)
	w := newWorld(t, func(o *Options) { o.Now = clock.now })
	to := []Recipient{
		{Address: "asks@example.org", Notify: NotifyDelay | NotifyFailure, ORcpt: "rfc822;Asks@Old.example"}, {Address: "says-nothing@example.org"},
		{Address: "patient@example.org", Notify: NotifyFailure}, {Address: "never@example.org", Notify: NotifyNever}, {Address: "happy@example.org", Notify: NotifySuccess},
	}
	w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", EnvID: "Q7", Ret: "FULL", Recipients: to})
	w.enqueueMessage(Message{Account: w.anna, TraceID: "y", Recipients: []Recipient{{Address: "asks@example.net", Notify: NotifyDelay | NotifyFailure}}}) // from <>
	sweep := func(after time.Duration) []string {
		t.Helper()
		clock.at.Store(began + int64(after/time.Second))
		if err := (&scheduler{q: w.q}).sweep(ctx); err != nil {
			t.Fatal(err)
		}
		return w.inbox(w.anna)
	}
	if n := len(sweep(4*time.Hour - time.Second)); n != 0 {
		t.Errorf("%d notices before four hours", n)
	}
	notices := sweep(4 * time.Hour)
	wantActions(t, notices, map[string]string{"asks@example.org": "delayed", "says-nothing@example.org": "delayed"})
	for _, part := range []string{"Original-Envelope-Id: Q7\r\n", "Original-Recipient: rfc822; Asks@Old.example\r\n", "Status: 4.4.7\r\n",
		"Will-Retry-Until: " + time.Unix(began, 0).Add(DefaultLifetime).Format(dateFormat), "text/rfc822-headers"} {
		if !strings.Contains(notices[0], part) {
			t.Errorf("the notice of the delay lacks %q", part)
		}
	}
	if strings.Contains(notices[0], "Rain coats") { // RFC 3461 §4.3: RET is of failures
		t.Error("a notice of a delay returns the message")
	}
	for _, after := range []time.Duration{4 * time.Hour, 8 * time.Hour, DefaultLifetime - time.Second} {
		if n := len(sweep(after)); n != 1 {
			t.Errorf("%d notices after %s", n, after)
		}
	}
	if n := len(sweep(DefaultLifetime)); n != 1 || len(w.waiting()) != 2 {
		t.Errorf("given up without a try: %d notices, %d wait", n, len(w.waiting()))
	}
	w.exec(`UPDATE queue_delivery SET attempts = 3`)
	if n := len(sweep(DefaultLifetime + oneMoreTry - time.Second)); n != 1 {
		t.Errorf("%d notices before its last chance is over", n)
	}
	notices = sweep(DefaultLifetime + oneMoreTry)
	if len(notices) != 2 || len(w.waiting()) != 0 {
		t.Fatalf("at the end: %d notices, %d wait", len(notices), len(w.waiting()))
	}
	wantActions(t, notices[1:], map[string]string{"asks@example.org": "failed", "says-nothing@example.org": "failed", "patient@example.org": "failed"})
	if !strings.Contains(notices[1], "Rain coats") || !strings.Contains(notices[1], "Status: 5.4.7\r\n") || strings.Contains(notices[1], "Last-Attempt-Date") {
		t.Errorf("the last notice: %s", notices[1])
	}
	w.check()
}

// The reason why a whole destination did not work is told when the message itself was never answered.
func TestDeadlineOfADeadDestination(t *testing.T) {
	clock := new(stoppedClock)
	clock.at.Store(1_800_000_000)
	w := newWorld(t, func(o *Options) { o.Now = clock.now })
	w.enqueue("a@dead.example")
	w.exec(`UPDATE queue_destination SET failures = 9, failing = 1, text = 'No route'`)
	clock.at.Add(int64(DefaultLifetime / time.Second)) // nobody was there to tell of the delay
	for range 2 {
		if err := (&scheduler{q: w.q}).sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	notices := w.inbox(w.anna)
	if len(notices) != 1 || !strings.Contains(notices[0], "Action: failed\r\nStatus: 5.4.1\r\nDiagnostic-Code: x-schulhof; No route\r\n") || len(w.waiting()) != 0 {
		t.Errorf("told %q, %d wait", notices, len(w.waiting()))
	}
}

// exec changes the tables as a test needs them.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	err := w.s.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(statement, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// wantActions demands that notices tell of exactly these recipients, each once.
func wantActions(t *testing.T, notices []string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, notice := range notices {
		for block := range strings.SplitSeq(notice, "\r\n\r\n") {
			_, rest, ok := strings.Cut(block, "Final-Recipient: rfc822; ")
			if !ok {
				continue
			}
			address, rest, _ := strings.Cut(rest, "\r\n")
			_, action, _ := strings.Cut(rest, "Action: ")
			action, _, _ = strings.Cut(action, "\r\n")
			if got[address] != "" {
				t.Errorf("%s is told of twice", address)
			}
			got[address] = action
		}
	}
	for address, action := range want {
		if got[address] != action {
			t.Errorf("%s: told %q, want %q", address, got[address], action)
		}
	}
	if len(got) != len(want) {
		t.Errorf("told of %v, want %v", got, want)
	}
}
