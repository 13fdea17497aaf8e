package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/smtpd"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/spam"
	"schulhof/store"
)

// A report goes into the queue in the commit that forgets what it tells, and nobody is told when it cannot be delivered.
func TestReportMailer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := openSchool(t, newSchool(t))
	reporting, err := r.reporters(config.ReportTLS).Reporter(ctx)
	if err != nil || reporting.From != "postmaster@school.test" || reporting.Mailer == nil {
		t.Fatalf("TLS reports come from %+v, %v", reporting, err)
	}
	waiting := func() []queue.Entry {
		t.Helper()
		ids, err := r.Queue.Find(ctx, queue.Filter{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		list, err := r.Queue.Entries(ctx, ids...)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	full := errors.New("disk full")
	mail := []byte("From: <postmaster@school.test>\r\nSubject: Report\r\n\r\nx\r\n")
	err = reporting.Mailer.SendReport(ctx, []string{"tls@there.example"}, mail, func(*store.Tx) error { return full })
	if !errors.Is(err, full) || len(waiting()) != 0 {
		t.Errorf("what is not forgotten would be told twice: %v, %d wait", err, len(waiting()))
	}
	forgotten := false
	err = reporting.Mailer.SendReport(ctx, []string{"a@there.example", "b@there.example"}, mail, func(*store.Tx) error { forgotten = true; return nil })
	if err != nil || !forgotten || len(waiting()) == 0 {
		t.Errorf("sent: %v, forgotten %t, %d wait", err, forgotten, len(waiting()))
	}
	var signed, kind, sender string
	err = r.Store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT signed, kind, sender FROM queue_message`).Scan(&signed, &kind, &sender)
	})
	if got := strings.Join([]string{signed, kind, sender}, " "); err != nil || got != "school.test report " {
		t.Errorf("in the queue as %q, %v", got, err)
	}
	r.Config.Reports.Send = []string{config.ReportDMARC}
	if who := r.reporters(config.ReportTLS); who != nil {
		t.Error("turned off, but somebody reports")
	}
}

// Reports come from the domain that there is when they are sent, not when the server starts.
func TestReporters(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := openSchool(t, newSchool(t))
	who := r.reporters(config.ReportDMARC)
	for _, step := range []struct {
		change func(context.Context, string) error
		domain string
		want   string
	}{
		{r.Directory.RemoveDomain, "school.test", ""}, {r.Directory.AddDomain, "other.test", "postmaster@other.test"},
	} {
		if err := step.change(ctx, step.domain); err != nil {
			t.Fatal(err)
		}
		if by, err := who.Reporter(ctx); err != nil || by.From != step.want || (by.Mailer != nil) != (step.want != "") {
			t.Errorf("reports come from %+v, %v, want %q", by, err, step.want)
		}
	}
}

// fixedOrigin says the same of every message.
type fixedOrigin struct{ verdict authenticate.Verdict }

func (o *fixedOrigin) Check(context.Context, authenticate.Input) (authenticate.Verdict, error) {
	return o.verdict, nil
}

// A message that has to come again is counted for reports once, when something becomes of it.
func TestCountedOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := openSchool(t, newSchool(t))
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	origin := &fixedOrigin{authenticate.Verdict{
		SPF:   authenticate.SPF{Result: authenticate.Fail, Domain: "bulk.example"},
		DMARC: authenticate.DMARC{Result: authenticate.Fail, From: "there.example", Record: "there.example", Wanted: true},
	}}
	judge, err := spam.New(ctx, r.Store, nil, r.Directory, spam.Options{
		Origin: origin, Hostname: "mail.school.test", Greylist: 1, GreylistDelay: time.Minute, Junk: -1, Reject: -1, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer judge.Close()
	stopped, stop := context.WithCancel(ctx)
	stop()
	const mail = "From: <x@there.example>\r\n\r\nBuy.\r\n"
	for _, step := range []struct {
		name    string
		action  authenticate.Action
		after   time.Duration
		want    smtpd.Action
		counted int64
	}{
		{"greylisted", authenticate.Accept, 0, smtpd.ActionDefer, 0},
		{"too early", authenticate.Accept, time.Second, smtpd.ActionDefer, 0},
		{"its origin is not known now", authenticate.Defer, time.Minute, smtpd.ActionDefer, 0},
		{"it came again", authenticate.Accept, 0, smtpd.ActionDeliver, 1},
		{"the next one", authenticate.Junk, 0, smtpd.ActionJunk, 2},
		{"refused", authenticate.Reject, 0, smtpd.ActionRefuse, 3},
	} {
		now, origin.verdict.Action = now.Add(step.after), step.action
		j, err := checker{judge, r.Reports}.Check(ctx, smtpd.Arrived{
			Client: netip.MustParseAddr("192.0.2.7"), Hello: "mx.bulk.example", Sender: "x@bulk.example", Recipients: []string{"anna@school.test"},
			Message: io.NewSectionReader(strings.NewReader(mail), 0, int64(len(mail))),
		})
		if err != nil || j.Action != step.want {
			t.Errorf("%s: action %d (%s), %v, want %d", step.name, j.Action, j.Reason, err, step.want)
		}
		if err := r.Reports.Run(stopped); err != nil {
			t.Fatal(err)
		}
		var n int64
		err = r.Store.Read(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT COALESCE(SUM(messages), 0) FROM dmarc_count`).Scan(&n)
		})
		if err != nil || n != step.counted {
			t.Errorf("%s: %d messages are counted, %v, want %d", step.name, n, err, step.counted)
		}
	}
}
