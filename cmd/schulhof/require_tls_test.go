package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

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
	require := &smtp.MailOptions{RequireTLS: true}
	bring(t, submission, "anna", "anna@school.test", require, "lena@example.org")
	bring(t, submission, "anna", "anna@school.test", nil, "open@example.org")
	bring(t, submission, "anna", "anna@school.test", require, "7b@school.test")
	bring(t, submission, "ben", "ben@school.test", require, "max@example.org", "mia@example.org")
	bring(t, mx, "", "lena@example.org", require, "tina@school.test")
	held, err := k.Lists.Held(ctx, false)
	if err != nil || len(held) != 2 {
		t.Fatalf("held: %+v, %v", held, err)
	}
	for _, h := range held {
		if _, err := k.Lists.Decide(ctx, h.ID, true, "the test"); err != nil {
			t.Fatal(err)
		}
	}
	gone := make(departures, 10)
	k.serve(t, func(ctx context.Context) error { return k.Queue.Run(ctx, gone) })
	want := []string{"lena@example.org protected", "max@example.org protected", "mia@example.org protected", "oma@example.org protected",
		"open@example.org in any way", "tina@else.example protected", "tina@else.example protected"} // she decides about 7b: the question too
	var got []string
	for len(got) < len(want) {
		left := <-gone
		word := " in any way"
		if left.connection && left.message {
			word = " protected"
		} else if left.connection || left.message {
			word = " half protected"
		}
		for _, r := range left.to {
			got = append(got, r.Address+word)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
