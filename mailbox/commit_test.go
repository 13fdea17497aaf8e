package mailbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// picture is all that clients of both pupils can see, as text. Keywords are left out: that list only grows, also by what fails.
func (w *school) picture() string {
	w.Helper()
	ctx := context.Background()
	var b strings.Builder
	for _, who := range []directory.ID{w.anna, w.ben} {
		list, err := w.mail.Mailboxes(ctx, who)
		w.check(err)
		subscribed, err := w.mail.Subscriptions(ctx, who)
		w.check(err)
		quota, err := w.mail.Quota(ctx, who)
		w.check(err)
		fmt.Fprintf(&b, "owner %d: %q, %+v\n", who, subscribed, quota)
		for _, m := range list {
			fmt.Fprintf(&b, "  %+v\n", m)
			if m.NoSelect {
				continue
			}
			fmt.Fprintf(&b, "  %+v\n", w.status(who, m.Name))
			box, err := w.mail.Open(ctx, who, m.Name)
			w.check(err)
			snap := box.Snapshot()
			gone, all, err := box.Expunged(ctx, 0)
			w.check(err)
			fmt.Fprintf(&b, "  next %d, highest %d, gone %v %t\n", snap.UIDNext(), snap.HighestModSeq(), gone, all)
			for i := range snap.Len() {
				e := snap.At(i)
				contents, err := box.Contents(ctx, []Entry{e}, WantBlob|WantEnvelope|WantStructure|WantPreview, nil)
				w.check(err)
				c := contents[0]
				e.Content = 0 // a number of its own in each database
				fmt.Fprintf(&b, "    %+v %x %x %s %s %q\n", e, c.Hash, c.Thread, c.Envelope, c.Structure, c.Preview)
			}
			box.Close()
		}
	}
	return b.String()
}

// verb is one command that writes.
type verb struct {
	name  string
	parts bool // it is made of several commits, each of which leaves mailboxes whole
	run   func(ctx context.Context, w *school) error
}

func verbs() []verb {
	with := func(name string, run func(ctx context.Context, b *Box) error) func(context.Context, *school) error {
		return func(ctx context.Context, w *school) error {
			b, err := w.mail.Open(context.Background(), w.anna, name)
			if err != nil {
				return err
			}
			defer b.Close()
			return run(ctx, b)
		}
	}
	return []verb{
		{"Append", false, func(ctx context.Context, w *school) error {
			_, err := w.mail.Append(ctx, w.anna, "Sent", []Appended{{Message: w.prepare(text("neu 1")), Flags: []string{`\Seen`}},
				{Message: w.prepare(text("neu 2")), Flags: []string{"$wichtig"}}})
			return err
		}},
		{"Deliver", false, func(ctx context.Context, w *school) error {
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("an alle")), Dedupe: &Dedupe{Key: [32]byte{7}},
				Recipients: []To{{Owner: w.anna}, {Owner: w.ben, Mailbox: "Listen/Technik", Exact: true}}})
			return errors.Join(append(results, err)...)
		}},
		{"StoreFlags", false, with("INBOX", func(ctx context.Context, b *Box) error {
			_, err := b.StoreFlags(ctx, []UID{1, 3, 5}, FlagOp{Mode: FlagsAdd, Flags: Flagged | Seen})
			return err
		})},
		{"Copy", false, with("INBOX", func(ctx context.Context, b *Box) error {
			_, err := b.Copy(ctx, []UID{1, 2, 6}, "Archive")
			return err
		})},
		{"Move", false, with("INBOX", func(ctx context.Context, b *Box) error {
			_, err := b.Move(ctx, []UID{2, 4}, "Trash")
			return err
		})},
		{"Expunge", false, with("Drafts", func(ctx context.Context, b *Box) error {
			_, err := b.Expunge(ctx, nil)
			return err
		})},
		{"Replace", false, func(ctx context.Context, w *school) error {
			msg := Appended{Message: w.prepare(text("ersetzt"))}
			return with("INBOX", func(ctx context.Context, b *Box) error {
				_, err := b.Replace(ctx, 3, "INBOX", msg)
				return err
			})(ctx, w)
		}},
		{"Create", false, func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.anna, "a/b/c", "")
			return err
		}},
		{"Rename", false, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "a", "z/y") }},
		{"Rename of INBOX", true, func(ctx context.Context, w *school) error { return w.mail.Rename(ctx, w.anna, "INBOX", "Alt") }},
		{"Subscribe", false, func(ctx context.Context, w *school) error { return w.mail.Subscribe(ctx, w.anna, "z/y", true) }},
		{"Unsubscribe", false, func(ctx context.Context, w *school) error { return w.mail.Subscribe(ctx, w.anna, "Junk", false) }},
		{"Delete", false, func(ctx context.Context, w *school) error { return w.mail.Delete(ctx, w.anna, "Archive") }},
	}
}

// messages counts all messages of both pupils.
func (w *school) messages() (n uint32) {
	for _, who := range []directory.ID{w.anna, w.ben} {
		list, err := w.mail.Mailboxes(context.Background(), who)
		w.check(err)
		for _, m := range list {
			if !m.NoSelect {
				n += w.status(who, m.Name).Messages
			}
		}
	}
	return n
}

// quiet ends background work, so that only the test writes. There is no search index from then on.
func (w *school) quiet() {
	w.Helper()
	w.check(w.mail.Close())
}

// TestEveryCommitFails fails the n-th commit of every command, for every n. A client sees what it saw before, hot views equal the
// rows, Check finds nothing, and the same command succeeds when the disk has room again.
func TestEveryCommitFails(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var left atomic.Int64 // commits until one fails; 0: none does
		o.Faults = func(op, path string) error {
			if op == "commit" && left.Add(-1) == 0 {
				return syscall.ENOSPC
			}
			return nil
		}
		w := newSchool(t, storetest.OpenWith(t, o))
		w.quiet()
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 7)
		w.fill(w.anna, "Drafts", 3, `\Deleted`)
		open := w.box(w.anna, "INBOX")
		for _, v := range verbs() {
			for n := int64(1); ; n++ {
				before, messages, view := w.picture(), w.messages(), open.Snapshot()
				left.Store(n)
				err := v.run(ctx, w)
				failed := left.Load() <= 0
				left.Store(0)
				if failed != (err != nil) {
					t.Fatalf("%s, commit %d: %v", v.name, n, err)
				}
				if !failed {
					break
				}
				if !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%s, commit %d: %v, want Unavailable with the cause", v.name, n, err)
				}
				if v.parts {
					if got := w.messages(); got != messages {
						t.Errorf("%s, commit %d: %d messages, want %d", v.name, n, got, messages)
					}
					if n > 1 { // what somebody must do who tries once more
						w.check(w.mail.Delete(ctx, w.anna, "Alt"))
					}
					continue
				}
				if after := w.picture(); after != before {
					t.Errorf("%s, commit %d failed, and yet\n%s\nbecame\n%s", v.name, n, before, after)
				}
				if open.Snapshot() != view {
					t.Errorf("%s, commit %d: an open mailbox has a new view of a change that failed", v.name, n)
				}
				w.sameAsRows()
			}
			w.sameAsRows()
			w.problems()
		}
	})
}

// TestCommitsPerCommand counts: every command is one commit, whatever the number of messages or recipients, and one that
// changes nothing is none. A commit is an fsync; this is what a school feels on Monday morning.
func TestCommitsPerCommand(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var commits atomic.Int64
		o.Faults = func(op, path string) error {
			if op == "commit" {
				commits.Add(1)
			}
			return nil
		}
		w := newSchool(t, storetest.OpenWith(t, o))
		w.quiet()
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 300)
		b := w.box(w.anna, "INBOX")
		all := uidsOf(b.Snapshot())
		var everyone []To
		for i := range 30 {
			everyone = append(everyone, To{Owner: w.account(fmt.Sprint("pupil", i), 0)})
		}
		var fifty []Appended
		for i := range 50 {
			fifty = append(fifty, Appended{Message: w.prepare(text(fmt.Sprint("Entwurf ", i))), Flags: []string{`\Draft`}})
		}
		mail := w.prepare(text("an alle"))
		tests := []struct {
			name string
			run  func() error
			want int64
		}{
			{"50 messages at once", func() error { _, err := w.mail.Append(ctx, w.anna, "Drafts", fifty); return err }, 1},
			{"a mail to 30", func() error {
				_, err := w.mail.Deliver(ctx, Delivery{Message: mail, Recipients: everyone})
				return err
			}, 1},
			{"flags of 300", func() error { _, err := b.StoreFlags(ctx, all, FlagOp{Mode: FlagsAdd, Flags: Seen}); return err }, 1},
			{"the same flags again", func() error { _, err := b.StoreFlags(ctx, all, FlagOp{Mode: FlagsAdd, Flags: Seen}); return err }, 0},
			{"copies of 300", func() error { _, err := b.Copy(ctx, all, "Archive"); return err }, 1},
			{"300 moved", func() error { _, err := b.Move(ctx, all, "Trash"); return err }, 1},
			{"moving what is gone", func() error { _, err := b.Move(ctx, all, "Trash"); return err }, 1}, // it must look at the newest rows
			{"nothing to expunge", func() error { _, err := b.Expunge(ctx, nil); return err }, 0},
			{"a mailbox with its parents", func() error { _, err := w.mail.Create(ctx, w.anna, "a/b/c/d/e", ""); return err }, 1},
			{"a tree renamed", func() error { return w.mail.Rename(ctx, w.anna, "a", "z") }, 1},
			{"subscribing to what is subscribed", func() error { return w.mail.Subscribe(ctx, w.anna, "Junk", true) }, 1},
			{"a known keyword", func() error { _, _, err := w.mail.FlagBits(ctx, w.anna, []string{`\Seen`}, true); return err }, 0},
			{"new keywords", func() error { _, _, err := w.mail.FlagBits(ctx, w.anna, []string{"a", "b", "c"}, true); return err }, 1},
			{"reading everything", func() error { w.picture(); return nil }, 0},
		}
		for _, tt := range tests {
			before := commits.Load()
			if err := tt.run(); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if n := commits.Load() - before; n != tt.want {
				t.Errorf("%s: %d commits, want %d", tt.name, n, tt.want)
			}
		}
		w.problems()
	})
}

// TestARestoredServerIsTheSame: after backup and restore elsewhere every client finds the same mailboxes: UIDVALIDITY, UIDs,
// flags, modseqs, dates, quotas, bodies. It need not download anything again.
func TestARestoredServerIsTheSame(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		w := newSchool(t, storetest.OpenWith(t, o))
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 7, `\Seen`, "$wichtig")
		w.fill(w.anna, "Drafts", 3, `\Deleted`)
		for _, v := range verbs() {
			if err := v.run(ctx, w); err != nil {
				t.Fatalf("%s: %v", v.name, err)
			}
		}
		saved := t.TempDir() + "/backup"
		w.check(w.store.Backup(ctx, saved))
		before := w.picture()
		keywords, err := w.mail.Keywords(ctx, w.anna)
		w.check(err)

		to := store.Options{Dir: t.TempDir() + "/elsewhere"}
		if o.Database != "" {
			to.Database = storetest.Postgres(t)
		}
		w.check(store.RestoreTo(ctx, saved, to))
		again := &school{TB: t, store: storetest.OpenWith(t, to), anna: w.anna, ben: w.ben}
		again.clock.Store(w.clock.Load())
		again.open(Options{})
		t.Cleanup(func() { again.mail.Close() })
		if after := again.picture(); after != before {
			t.Errorf("restored:\n%s\nwant:\n%s", after, before)
		}
		if names, err := again.mail.Keywords(ctx, w.anna); err != nil || fmt.Sprint(names) != fmt.Sprint(keywords) {
			t.Errorf("keywords %q, %v, want %q", names, err, keywords)
		}
		b := again.box(w.anna, "Trash")
		contents, err := b.Contents(ctx, []Entry{b.Snapshot().At(0)}, WantBlob, nil)
		again.check(err)
		if body, err := again.mail.AppendBody(nil, contents[0].Blob); err != nil || string(body) != text("INBOX 1") {
			t.Errorf("a body: %q, %v", body, err)
		}
		again.problems()
		again.check(again.store.Check(ctx, false, func(p store.Problem) { t.Errorf("%s: %s", p.ID, p.Detail) }))
		next := again.status(w.anna, "INBOX").UIDNext
		if uids := again.fill(w.anna, "INBOX", 1); uids[0] != next {
			t.Errorf("the next message has UID %d, want %d", uids[0], next)
		}
	})
}
