package smtpd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// composed is what anna's page has made.
const composed = "From: Anna <anna@school.test>\r\nTo: ben@school.test\r\nBcc: lena@example.org\r\nSubject: Trip\r\nDate: Thu, 26 Nov 2026 08:00:00 +0100\r\n" +
	"Message-ID: <trip@school.test>\r\n\r\nRain coats, please.\r\n"

// page is what anna submits on her page.
func (w *world) page(to ...string) Submission {
	w.t.Helper()
	account, err := w.dir.Account(context.Background(), w.id["anna"])
	if err != nil {
		w.t.Fatal(err)
	}
	return Submission{Identity: directory.Identity{Account: account, Scope: directory.ScopeAll}, Remote: netip.MustParseAddr("192.0.2.7"), Sender: "anna@school.test",
		Recipients: to, Message: strings.NewReader(composed), Size: int64(len(composed))}
}

// TestSubmit: a message from our own pages goes the way of what mail programs submit, and its author keeps a copy.
func TestSubmit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		out := &sentOut{}
		w := newWorldOn(t, s, func(o *Options) { o.Outbound = out })
		also := 0
		m := w.page("ben@school.test", "info@school.test", "lena@example.org")
		m.Also = func(*store.Tx) error { also++; return nil }
		receipt, err := w.srv.Submit(t.Context(), m)
		if err != nil || receipt.Held || !receipt.Waits.IsZero() || also != 1 {
			t.Fatalf("Submit = %+v, %v; %d times also", receipt, err, also)
		}
		for _, body := range slices.Concat(w.inbox("ben"), w.inbox("anna")) {
			if strings.Contains(body, "Bcc") || !strings.Contains(body, "Received: from submission") || strings.Contains(body, "192.0.2.7") || !strings.Contains(body, "Rain coats") {
				t.Errorf("they got %q", body)
			}
		}
		if len(w.inbox("ben")) != 1 || len(w.inbox("anna")) != 1 {
			t.Errorf("ben has %d, anna %d messages", len(w.inbox("ben")), len(w.inbox("anna")))
		}
		if sent := w.box("anna", "Sent"); len(sent) != 1 || sent[0] != composed {
			t.Errorf("Sent has %q", sent)
		}
		if len(out.list) != 1 || !out.list[0].AtOnce || !out.list[0].Later.IsZero() || out.list[0].Recipients[0].Address != "lena@example.org" {
			t.Errorf("the queue got %+v", out.list)
		}
	})
}

// TestSubmitRefused: all or nothing, and every reason is told with the recipient that it is about.
func TestSubmitRefused(t *testing.T) {
	t.Parallel()
	failed := errors.New("the form was sent before")
	tests := []struct {
		name   string
		change func(m *Submission)
		want   []string // what stands against it
	}{
		{"recipients that there are not", func(m *Submission) { m.Recipients = []string{"nobody@school.test", "ben@school.test", "no one"} },
			[]string{"nobody@school.test: 550 5.1.1", "no one: 501 5.1.3"}},
		{"somebody else's address", func(m *Submission) { m.Sender = "tina@school.test" }, []string{"553 5.7.1"}},
		{"somebody else's From", func(m *Submission) {
			m.Message = strings.NewReader(strings.Replace(composed, "anna@", "tina@", 1))
		}, []string{"553 5.7.1"}},
		{"a full mailbox", func(m *Submission) { m.Recipients = []string{"voll@school.test"} }, []string{"voll@school.test: 452 4.2.2"}},
		{"too large", func(m *Submission) { m.Message = strings.NewReader(composed + strings.Repeat("x", 5000)) }, []string{"552 5.3.4"}},
		{"a login that is over", func(m *Submission) { m.Identity.Account.Version++ }, []string{"550 5.7.1"}},
		{"rows that cannot be written", func(m *Submission) { m.Also = func(*store.Tx) error { return failed } }, []string{"451 4.3.0"}},
		{"rows that cannot be written, later", func(m *Submission) {
			m.Also, m.NotBefore = func(*store.Tx) error { return failed }, time.Now().Add(time.Hour)
		}, nil},
	}
	for _, tt := range tests {
		out := &sentOut{}
		w := newWorld(t, func(o *Options) { o.Outbound, o.MaxSize = out, 4000 })
		m := w.page("ben@school.test")
		m.Also = func(*store.Tx) error { t.Errorf("%s: rows were written", tt.name); return nil }
		tt.change(&m)
		_, err := w.srv.Submit(t.Context(), m)
		var refusals Refusals
		if errors.As(err, &refusals); len(refusals) != len(tt.want) || err == nil {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		for i, r := range refusals {
			if i < len(tt.want) && !strings.HasPrefix(r.Error(), tt.want[i]) {
				t.Errorf("%s: %q, want %q", tt.name, r.Error(), tt.want[i])
			}
		}
		if tt.name == "rows that cannot be written" && !errors.Is(err, failed) {
			t.Errorf("%s: %v does not say why", tt.name, err)
		}
		if n := len(w.inbox("ben")) + len(w.box("anna", "Sent")); n > 0 {
			t.Errorf("%s: %d messages were stored", tt.name, n)
		}
	}
}

// TestSubmitWaits: until its time nobody has it, and it is checked now for what holds then.
func TestSubmitWaits(t *testing.T) {
	t.Parallel()
	out := &sentOut{}
	w := newWorld(t, func(o *Options) { o.Outbound = out })
	m := w.page("ben@school.test", "lena@example.org")
	m.NotBefore = time.Now().Add(time.Hour)
	receipt, err := w.srv.Submit(t.Context(), m)
	if err != nil || !receipt.Waits.Equal(m.NotBefore) {
		t.Fatalf("Submit = %+v, %v", receipt, err)
	}
	if n := len(w.inbox("ben")) + len(w.box("anna", "Sent")); n > 0 {
		t.Errorf("%d messages were delivered", n)
	}
	if len(out.list) != 1 || !out.list[0].Later.Equal(m.NotBefore) || len(out.list[0].Recipients) != 2 {
		t.Errorf("the queue got %+v", out.list)
	}
	m = w.page("nobody@school.test")
	m.NotBefore = time.Now().Add(time.Hour)
	if _, err := w.srv.Submit(t.Context(), m); err == nil || len(out.list) != 1 {
		t.Errorf("a wrong recipient: %v, %d in the queue", err, len(out.list))
	}
}

// fullQueue takes nothing that waits.
type fullQueue struct{}

func (fullQueue) Enqueue(*store.Tx, Outgoing) error {
	return fmt.Errorf("enqueue message: %w", fault.New(fault.Limit, "at most 0 messages can wait"))
}

// TestSubmitBeyondWhatMayWait: its author is told so.
func TestSubmitBeyondWhatMayWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Outbound = fullQueue{} })
	m := w.page("ben@school.test")
	m.NotBefore = time.Now().Add(time.Hour)
	var refusals Refusals
	if _, err := w.srv.Submit(t.Context(), m); !errors.As(err, &refusals) || refusals[0].Address != "" || !strings.Contains(refusals[0].Text, "at most 0 messages can wait") {
		t.Errorf("Submit = %v", err)
	}
}

// TestRelease: what stands against one recipient stands against that one alone, and the commit that delivers takes the others from the queue.
func TestRelease(t *testing.T) {
	t.Parallel()
	withdrawn := errors.New("withdrawn")
	tests := []struct {
		name       string
		to         []string
		begun      bool
		fails      error
		codes      []int
		taken      []int
		ben, inner int // messages of ben, and in Sent
	}{
		{"all", []string{"ben@school.test", "lena@example.org"}, false, nil, []int{250, 250}, []int{0, 1}, 1, 1},
		{"one is gone", []string{"nobody@school.test", "ben@school.test"}, false, nil, []int{550, 250}, []int{1}, 1, 1},
		{"one is full", []string{"voll@school.test", "ben@school.test"}, false, nil, []int{452, 250}, []int{1}, 1, 1},
		{"the rest of a message", []string{"ben@school.test"}, true, nil, []int{250}, []int{0}, 1, 0},
		{"all are gone", []string{"nobody@school.test"}, false, nil, []int{550}, nil, 0, 0},
		{"taken back meanwhile", []string{"ben@school.test", "lena@example.org"}, false, withdrawn, nil, []int{0, 1}, 0, 0},
	}
	for _, tt := range tests {
		out := &sentOut{}
		w := newWorld(t, func(o *Options) { o.Outbound = out })
		var taken []int
		answers, err := w.srv.Release(t.Context(), w.page(tt.to...), tt.begun, func(_ *store.Tx, who []int) error {
			taken = who
			return tt.fails
		})
		var codes []int
		for _, a := range answers {
			codes = append(codes, a.Code)
		}
		if !errors.Is(err, tt.fails) || !slices.Equal(codes, tt.codes) || !slices.Equal(taken, tt.taken) {
			t.Errorf("%s: %v, %v, taken %v", tt.name, codes, err, taken)
		}
		if ben, inner := len(w.inbox("ben")), len(w.box("anna", "Sent")); ben != tt.ben || inner != tt.inner {
			t.Errorf("%s: ben has %d messages, Sent %d", tt.name, ben, inner)
		}
	}
	small := newWorld(t, func(o *Options) { o.Outbound, o.MaxSize = &sentOut{}, int64(len(composed))/2-1 })
	if answers, err := small.srv.Release(t.Context(), small.page("ben@school.test"), false, nil); err != nil || answers[0].Code != 552 {
		t.Errorf("far above what is taken now: %+v, %v", answers, err)
	}
	w := newWorld(t, func(o *Options) { o.Outbound = &sentOut{} })
	m, off := w.page("ben@school.test"), directory.Disabled
	if err := w.dir.ChangeAccount(t.Context(), w.id["anna"], directory.AccountChange{State: &off}); err != nil {
		t.Fatal(err)
	}
	if answers, err := w.srv.Release(t.Context(), m, false, nil); err != nil || answers[0].Code != 550 || len(w.inbox("ben")) > 0 {
		t.Errorf("of a disabled account: %+v, %v", answers, err)
	}
}

// TestReleaseInQuietHours: what has waited waits on until they end; it does not come back. Who would send now is told so.
func TestReleaseInQuietHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Outbound = &sentOut{} })
	w.rule("anna", "ben", directory.RuleChange{Quiet: always(t)})
	answers, err := w.srv.Release(t.Context(), w.page("ben@school.test"), false, func(*store.Tx, []int) error { return errors.New("it was delivered") })
	if err != nil || answers[0].Code != 450 || !strings.Contains(answers[0].Text, "quiet hours") {
		t.Errorf("Release = %+v, %v", answers, err)
	}
	var refusals Refusals
	if _, err := w.srv.Submit(t.Context(), w.page("ben@school.test")); !errors.As(err, &refusals) || refusals[0].Code != 550 || refusals[0].Address != "ben@school.test" {
		t.Errorf("Submit = %v", err)
	}
}

// TestSubmitOverLimit: beyond a sending limit an administrator decides, at once: there is nothing to take back from nobody. What leaves later is
// counted when it leaves, and goes the same way then.
func TestSubmitOverLimit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w, _ := listWorld(t, s)
		unlimited, limit := int64(0), int64(1)
		if err := w.dir.ChangeAccount(t.Context(), w.id["voll"], directory.AccountChange{QuotaBytes: &unlimited}); err != nil {
			t.Fatal(err)
		}
		w.rule("anna", "anyone", directory.RuleChange{PerHour: &limit})
		rows := 0
		for i, wait := range []time.Duration{0, 10 * time.Second, time.Hour} {
			m := w.page("ben@school.test", "tina@school.test")
			m.Also = func(*store.Tx) error { rows++; return nil }
			if wait > 0 {
				m.NotBefore = time.Now().Add(wait)
			}
			receipt, err := w.srv.Submit(t.Context(), m)
			if later := wait == time.Hour; err != nil || receipt.Held == later || receipt.Waits.IsZero() == later || rows != i+1 {
				t.Errorf("leaving in %s: %+v, %v, %d rows", wait, receipt, err, rows)
			}
		}
		taken := 0
		answers, err := w.srv.Release(t.Context(), w.page("ben@school.test", "tina@school.test"), false, func(*store.Tx, []int) error { taken++; return nil })
		if err != nil || answers[0].Code != 250 || taken != 1 {
			t.Errorf("Release = %+v, %v, taken %d times", answers, err, taken)
		}
		held, err := w.srv.o.Lists.Held(t.Context(), false)
		if got := w.deliveries(); err != nil || len(held) != 3 || got != "voll 1" || len(w.box("anna", "Sent")) != 3 {
			t.Errorf("%d held, deliveries %s, Sent %d, %v", len(held), got, len(w.box("anna", "Sent")), err)
		}
	})
}

// TestSubmitToLists: a list's owner decides about a message from our own pages, and answers from there.
func TestSubmitToLists(t *testing.T) {
	t.Parallel()
	w, _ := listWorld(t, storetest.Open(t))
	w.list("7b", directory.PostModerated)
	receipt, err := w.srv.Submit(t.Context(), w.page("7b@school.test"))
	if got := w.deliveries(); err != nil || !receipt.Held || got != "tina 1" || len(w.box("anna", "Sent")) != 1 {
		t.Fatalf("Submit = %+v, %v, deliveries %s", receipt, err, got)
	}
	_, rest, _ := strings.Cut(w.inbox("tina")[0], "Reply-To: <")
	decide, _, _ := strings.Cut(rest, ">")
	account, err := w.dir.Account(t.Context(), w.id["tina"])
	if err != nil {
		t.Fatal(err)
	}
	m, rows := w.page(decide), 0
	m.Identity.Account, m.Sender = account, "tina@school.test"
	m.Also = func(*store.Tx) error { rows++; return nil }
	answer := strings.Replace(strings.Replace(composed, "anna@", "tina@", 1), "Rain coats, please.", "ja", 1)
	m.Message, m.Size = strings.NewReader(answer), int64(len(answer))
	receipt, err = w.srv.Submit(t.Context(), m)
	if got := w.deliveries(); err != nil || receipt.Held || rows != 1 || got != "anna 1 ben 1 tina 2" || len(w.box("tina", "Sent")) != 1 {
		t.Errorf("the answer: %+v, %v, %d rows, deliveries %s", receipt, err, rows, got)
	}
}
