package lists

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

// school has anna and ben (pupils), tina (a teacher, who owns 7b), adi (an administrator); the moderated class 7b of anna, ben and tina.
type school struct {
	t     testing.TB
	store *store.Store
	dir   *directory.Directory
	mail  *mailbox.Mail
	lists *Lists
	queue *fakeQueue
	group directory.Group
	id    map[string]directory.ID
	clock atomic.Int64 // since begin; background work reads it, too
}

// fakeQueue keeps what it gets.
type fakeQueue struct {
	got  []Outgoing
	keep bool // hold references, so that what left can be read
}

func (q *fakeQueue) Enqueue(tx *store.Tx, m Outgoing) error {
	tx.AfterCommit(func() { q.got = append(q.got, m) })
	if !q.keep {
		return nil
	}
	_, err := tx.Reference(m.Message.Blob)
	return err
}

// now is a morning in school, and what has passed since.
func (w *school) now() time.Time {
	return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC).Add(time.Duration(w.clock.Load()))
}

func newSchool(t testing.TB) *school {
	t.Helper()
	return newSchoolOn(t, storetest.Open(t), Options{})
}

func newSchoolOn(t testing.TB, s *store.Store, o Options) *school {
	t.Helper()
	ctx := context.Background()
	w := &school{t: t, store: s, queue: &fakeQueue{}, id: map[string]directory.ID{}}
	now := w.now
	var err error
	w.dir, err = directory.New(ctx, s, directory.Options{Now: now, HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	w.check(err)
	w.mail, err = mailbox.New(ctx, s, w.dir, mailbox.Options{Now: now})
	w.check(err)
	t.Cleanup(func() {
		w.mail.Close()
		w.dir.Close()
	})
	o.Hostname, o.Now, o.Queue = "mail.school.test", now, w.queue
	w.lists = New(s, w.mail, w.dir, o)
	w.check(w.dir.AddDomain(ctx, "school.test"))
	for name, role := range map[string]directory.Role{"anna": directory.Student, "ben": directory.Student, "tina": directory.Teacher, "adi": directory.Admin} {
		list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{{Address: name + "@school.test", Role: role, Password: "richtig-Pferd-9"}})
		w.check(err)
		w.id[name] = list[0].ID
	}
	w.group, err = w.dir.AddGroup(ctx, directory.Group{Name: "7b", Title: "Klasse 7b", Kind: directory.Class, ToSender: true})
	w.check(err)
	w.check(w.dir.AddMembers(ctx, w.group.ID, []directory.ID{w.id["anna"], w.id["ben"]}, false))
	w.check(w.dir.AddMembers(ctx, w.group.ID, []directory.ID{w.id["tina"]}, true))
	w.check(w.dir.ChangeList(ctx, w.group.ID, directory.ListChange{Post: new(directory.PostModerated)}))
	w.group, err = w.dir.GroupByID(w.group.ID)
	w.check(err)
	return w
}

func (w *school) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *school) prepare(text string) *mailbox.Prepared {
	w.t.Helper()
	spool := w.mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write([]byte(text))
	w.check(err)
	p, err := w.mail.Prepare(context.Background(), spool)
	w.check(err)
	return p
}

func letter(subject string) string {
	return crlf("Return-Path: <anna@school.test>", "Received: by x", "From: Anna <anna@school.test>", "To: 7b@school.test", "Subject: "+subject, "", "text")
}

// hold has a message of anna's held for the class, and returns its token.
func (w *school) hold(subject string) string {
	w.t.Helper()
	return w.holdFor(NewHeld{Reason: ReasonModeration, Group: w.group.ID, Recipients: []string{w.group.Address}}, subject)
}

func (w *school) holdFor(n NewHeld, subject string) string {
	w.t.Helper()
	p := w.prepare(letter(subject))
	defer p.Release()
	n.Account, n.Sender, n.Rule, n.TraceID, n.Message = w.id["anna"], "anna@school.test", "a rule", subject, p
	w.check(w.lists.HoldAll(context.Background(), n))
	held, err := w.lists.Held(context.Background(), true)
	w.check(err)
	return held[len(held)-1].token
}

// archive has the class keep what is sent to it.
func (w *school) archive() {
	w.t.Helper()
	for range 2 { // twice is harmless
		w.check(w.mail.ProvideGroup(context.Background(), w.group.ID))
	}
	w.check(w.dir.ChangeList(context.Background(), w.group.ID, directory.ListChange{Archive: new(true)}))
}

// inbox returns the bodies in name's INBOX, oldest first.
func (w *school) inbox(name string) (bodies []string) {
	w.t.Helper()
	return w.bodies(w.id[name])
}

func (w *school) bodies(owner directory.ID) (bodies []string) {
	w.t.Helper()
	ctx := context.Background()
	b, err := w.mail.Open(ctx, owner, "INBOX")
	w.check(err)
	defer b.Close()
	snap := b.Snapshot()
	var entries []mailbox.Entry
	for i := range snap.Len() {
		entries = append(entries, snap.At(i))
	}
	var buf mailbox.ContentBuf
	contents, err := b.Contents(ctx, entries, mailbox.WantBlob, &buf)
	w.check(err)
	for _, c := range contents {
		r, err := w.mail.OpenBody(ctx, c.Blob)
		w.check(err)
		var body bytes.Buffer
		_, err = body.ReadFrom(r)
		w.check(err)
		r.Close()
		bodies = append(bodies, body.String())
	}
	return bodies
}

// counts says how many messages each has: "anna 1 tina 2".
func (w *school) counts() string {
	w.t.Helper()
	var b strings.Builder
	for _, name := range []string{"adi", "anna", "ben", "tina"} {
		if n := len(w.inbox(name)); n > 0 {
			fmt.Fprintf(&b, " %s %d", name, n)
		}
	}
	return strings.TrimSpace(b.String())
}

// sound checks that every stored body has as many references as there are rows.
func (w *school) sound() {
	w.t.Helper()
	var problems []string
	w.check(w.store.Check(context.Background(), false, func(p store.Problem) { problems = append(problems, fmt.Sprint(p)) }))
	if len(problems) > 0 {
		w.t.Errorf("the store has problems: %s", strings.Join(problems, "; "))
	}
}

// states of all held messages, the oldest first.
func (w *school) states() string {
	w.t.Helper()
	held, err := w.lists.Held(context.Background(), true)
	w.check(err)
	var states []string
	for _, h := range held {
		states = append(states, string(h.State))
	}
	return strings.Join(states, " ")
}

// links are the addresses of a notice that take its answer.
func links(notice string) (list []string) {
	for line := range strings.Lines(notice) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "mailto:"); ok {
			address, _, _ := strings.Cut(rest, "?")
			list = append(list, address)
		}
	}
	return slices.Compact(list)
}
