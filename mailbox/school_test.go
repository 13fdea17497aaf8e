package mailbox

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// school is a mail domain with accounts, a clock that stands still, and short words for what tests do.
type school struct {
	testing.TB
	store *store.Store
	dir   *directory.Directory
	mail  *Mail
	anna  directory.ID
	ben   directory.ID
	clock atomic.Int64
}

func newSchool(t testing.TB, s *store.Store) *school {
	t.Helper()
	w := &school{TB: t, store: s}
	w.clock.Store(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC).Unix())
	w.open(Options{})
	w.check(w.dir.AddDomain(t.Context(), "school.test"))
	w.anna, w.ben = w.account("anna", 0), w.account("ben", 0)
	t.Cleanup(func() { w.mail.Close() })
	return w
}

// open makes the rooms over the store, as a start of the server does.
func (w *school) open(o Options) {
	w.Helper()
	now := func() time.Time { return time.Unix(w.clock.Load(), 0) }
	dir, err := directory.New(w.Context(), w.store, directory.Options{Now: now,
		HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	w.check(err)
	o.Now = now
	m, err := New(w.Context(), w.store, dir, o)
	w.check(err)
	w.dir, w.mail = dir, m
}

func (w *school) check(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

func (w *school) account(login string, quota int64) directory.ID {
	w.Helper()
	list, _, err := w.dir.AddAccounts(context.Background(), []directory.NewAccount{{
		Address: login + "@school.test", Name: login, Role: directory.Student, Password: "correct horse battery", QuotaBytes: &quota}})
	w.check(err)
	return list[0].ID
}

// text is a small message whose subject makes it different.
func text(subject string) string {
	return "From: Ben <ben@school.test>\r\nTo: anna@school.test\r\nSubject: " + subject + "\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n" +
		"Message-ID: <" + strings.ReplaceAll(subject, " ", "-") + "@school.test>\r\n\r\nHallo, " + subject + "\r\n"
}

func (w *school) prepare(body string) *Prepared {
	w.Helper()
	spool := w.mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write([]byte(body))
	w.check(err)
	p, err := w.mail.Prepare(context.Background(), spool)
	w.check(err)
	w.Cleanup(p.Release)
	return p
}

// fill appends n different messages in one commit and returns their UIDs.
func (w *school) fill(who directory.ID, box string, n int, flags ...string) []UID {
	w.Helper()
	list := make([]Appended, n)
	for i := range list {
		list[i] = Appended{Message: w.prepare(text(fmt.Sprintf("%s %d", box, i))), Flags: flags}
	}
	done, err := w.mail.Append(context.Background(), who, box, list)
	w.check(err)
	return done.To
}

func (w *school) box(who directory.ID, name string) *Box {
	w.Helper()
	b, err := w.mail.Open(context.Background(), who, name)
	w.check(err)
	w.Cleanup(b.Close)
	return b
}

func (w *school) status(who directory.ID, name string) Status {
	w.Helper()
	list, err := w.mail.Status(context.Background(), who, name)
	w.check(err)
	return list[0]
}

// problems runs Check and fails for each finding.
func (w *school) problems() {
	w.Helper()
	w.check(w.mail.Check(context.Background(), false, func(p store.Problem) { w.Errorf("%s: %s", p.ID, p.Detail) }))
}

// sameAsRows compares every hot view with the rows.
func (w *school) sameAsRows() {
	w.Helper()
	w.mail.views.mu.Lock()
	views := make([]*view, 0, len(w.mail.views.byID))
	for _, v := range w.mail.views.byID {
		views = append(views, v)
	}
	for _, people := range w.mail.views.other {
		for _, v := range people {
			views = append(views, v)
		}
	}
	w.mail.views.mu.Unlock()
	for _, v := range views {
		var rows *Snapshot
		w.check(w.store.Read(context.Background(), func(tx *store.Tx) (err error) {
			rows, err = loadFor(tx, v.id, v.person)
			return err
		}))
		if snap := v.snap.Load(); !snap.equal(rows) {
			w.Errorf("the view of %s has %d messages at modseq %d, the rows %d at %d, or they differ", v.info.Load().Name,
				snap.Len(), snap.modseq, rows.Len(), rows.modseq)
		}
	}
}

func uidsOf(s *Snapshot) []UID {
	list := make([]UID, s.Len())
	for i := range list {
		list[i] = s.UIDAt(i)
	}
	return list
}

// each runs test on a school of each dialect.
func each(t *testing.T, test func(t *testing.T, w *school)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newSchool(t, s)) })
}
