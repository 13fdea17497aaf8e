package main

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"

	"schulhof/smtpd/queue"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// demands is a way to all other servers that keeps whether what leaves demands proven TLS: of the connection and of the message.
type demands chan string

// Dial implements queue.Dialer.
func (d demands) Dial(_ context.Context, to queue.Target) (queue.Session, error) {
	return demandSession{d, to.RequireTLS}, nil
}

type demandSession struct {
	demands
	connection bool
}

// Deliver implements queue.Session.
func (d demandSession) Deliver(ctx context.Context, m queue.Letter, to []queue.Recipient, beforeDot func(context.Context) error) ([]queue.Result, error) {
	if err := beforeDot(ctx); err != nil {
		return nil, err
	}
	for _, r := range to {
		word := " in any way"
		if d.connection && m.RequireTLS {
			word = " protected"
		} else if d.connection || m.RequireTLS {
			word = " half protected"
		}
		d.demands <- r.Address + word
	}
	return slices.Repeat([]queue.Result{{Code: 250, Enhanced: "2.0.0", Text: "OK"}}, len(to)), nil
}

// Close implements queue.Session.
func (demandSession) Close() {}

// A sender who demands that a message travels over proven TLS only gets that on every way on which it leaves again: to its recipient, out of
// an owner's and an administrator's hands, to a list's members elsewhere, and by a filter. RFC 8689 §4.2.1.
func TestRequireTLSHoldsOnEveryWay(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k := newAged(t)
	if _, err := k.Filters.Put(ctx, k.id["tina"], "main", []byte(`redirect "tina@else.example";`)); err != nil {
		t.Fatal(err)
	}
	if err := k.Filters.Activate(ctx, k.id["tina"], "main"); err != nil {
		t.Fatal(err)
	}
	submission, mx := k.door(t, "submission"), k.door(t, "smtp")
	send := func(server, login, from string, require bool, to ...string) {
		t.Helper()
		client, err := smtp.DialStartTLS(server, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own authority's certificate
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if login != "" {
			if err := client.Auth(sasl.NewPlainClient("", login, "richtig-Pferd-9")); err != nil {
				t.Fatal(err)
			}
		}
		err = client.Mail(from, &smtp.MailOptions{RequireTLS: require})
		for _, r := range to {
			err = errors.Join(err, client.Rcpt(r, nil))
		}
		w, dataErr := client.Data()
		if err = errors.Join(err, dataErr); err != nil {
			t.Fatal(err)
		}
		_, err = w.Write([]byte("From: " + from + "\r\nTo: x@example.org\r\nSubject: to " + to[0] + "\r\nMessage-ID: <" + to[0] + "@x>\r\n\r\nHallo\r\n"))
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	send(submission, "anna", "anna@school.test", true, "lena@example.org")
	send(submission, "anna", "anna@school.test", false, "open@example.org")
	send(submission, "anna", "anna@school.test", true, "7b@school.test")
	send(submission, "ben", "ben@school.test", true, "max@example.org", "mia@example.org")
	send(mx, "", "lena@example.org", true, "tina@school.test")
	held, err := k.Lists.Held(ctx, false)
	if err != nil || len(held) != 2 {
		t.Fatalf("held: %+v, %v", held, err)
	}
	for _, h := range held {
		if _, err := k.Lists.Decide(ctx, h.ID, true, "the test"); err != nil {
			t.Fatal(err)
		}
	}
	gone := make(demands, 10)
	k.serve(t, func(ctx context.Context) error { return k.Queue.Run(ctx, gone) })
	want := []string{"lena@example.org protected", "max@example.org protected", "mia@example.org protected", "oma@example.org protected",
		"open@example.org in any way", "tina@else.example protected", "tina@else.example protected"} // she decides about 7b: the question too
	var got []string
	for range want {
		got = append(got, <-gone)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
