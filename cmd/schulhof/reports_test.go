package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"schulhof/config"
	"schulhof/smtpd/queue"
	"schulhof/store"
)

// A report goes into the queue in the commit that forgets what it tells, and nobody is told when it cannot be delivered.
func TestReportMailer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := openSchool(t, newSchool(t))
	reporting, err := r.tlsReporting(ctx)
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
	if reporting, err := r.tlsReporting(ctx); err != nil || reporting.Mailer != nil {
		t.Errorf("turned off, but %+v, %v", reporting, err)
	}
}
