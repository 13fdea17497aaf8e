package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

func TestDeliverStoresOneBodyForAll(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		p := w.prepare(text("Ausflug"))
		results, err := w.mail.Deliver(ctx, Delivery{Message: p, Recipients: []To{{Owner: w.anna}, {Owner: w.ben, Via: "7b@school.test", Flags: Flagged}, {Owner: 999}}})
		w.check(err)
		if results[0] != nil || results[1] != nil || !fault.Is(results[2], fault.NotFound) {
			t.Fatalf("results %v", results)
		}
		a, b := w.box(w.anna, "INBOX"), w.box(w.ben, "inbox")
		ea, eb := a.Snapshot().At(0), b.Snapshot().At(0)
		if ea.Content != eb.Content || ea.UID != 1 || eb.Flags != Flagged || ea.Size != int64(len(text("Ausflug"))) || ea.Date != w.clock.Load() {
			t.Errorf("entries %+v %+v", ea, eb)
		}
		vias, err := b.Vias(ctx, []UID{1})
		if err != nil || vias[0] != "7b@school.test" {
			t.Errorf("via %q %v", vias, err)
		}
		contents, err := a.Contents(ctx, []Entry{ea}, WantEnvelope|WantStructure|WantLayout|WantPreview|WantBlob, nil)
		w.check(err)
		c := contents[0]
		if !strings.Contains(string(c.Envelope), `"Ausflug"`) || !strings.HasPrefix(string(c.Structure), `("text" "plain"`) && !strings.HasPrefix(string(c.Structure), `("TEXT" "PLAIN"`) {
			t.Errorf("envelope %s structure %s", c.Envelope, c.Structure)
		}
		body, err := w.mail.AppendBody(nil, c.Blob)
		if err != nil || string(body) != text("Ausflug") || c.Hash != p.Blob.Hash || c.Thread == 0 || len(c.Layout) == 0 || c.Preview == "" {
			t.Errorf("body %q %v, %+v", body, err, c)
		}
		w.sameAsRows()
		w.problems()
	})
}

// Junk is found wherever its owner moved it, and made again when it is gone.
func TestDeliverFindsTheMailboxOfASpecialUse(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		deliver := func(use string) error {
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("x")), Recipients: []To{{Owner: w.anna, Use: use}}})
			if err != nil {
				return err
			}
			return results[0]
		}
		w.check(deliver(`\Junk`))
		w.check(w.mail.Rename(ctx, w.anna, "Junk", "Papierkram/Werbung"))
		w.check(deliver(`\Junk`))
		if got := w.status(w.anna, "Papierkram/Werbung").Messages; got != 2 {
			t.Errorf("%d messages in the renamed mailbox, want 2", got)
		}
		w.check(w.mail.Delete(ctx, w.anna, "Papierkram/Werbung"))
		w.check(deliver(`\Junk`))
		if b, err := w.mail.Lookup(ctx, w.anna, "Junk", RightRead); err != nil || b.SpecialUse != `\Junk` {
			t.Errorf("made again: %+v, %v", b, err)
		}
		w.check(w.mail.Delete(ctx, w.anna, "Junk"))
		_, err := w.mail.Create(ctx, w.anna, "junk", "")
		w.check(err)
		w.check(deliver(`\Junk`))
		if got := w.status(w.anna, "junk").Messages; got != 1 {
			t.Errorf("%d messages in a mailbox of the usual name, want 1", got)
		}
		if err := deliver(`\Nonsense`); !fault.Is(err, fault.Invalid) {
			t.Errorf("no such use: %v", err)
		}
		w.problems()
	})
}

func TestDeliverChoosesTheMailbox(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, err := w.mail.Create(ctx, w.anna, "Mathe", "")
		w.check(err)
		tests := []struct {
			name string
			to   To
			want string
		}{
			{"no detail", To{}, "INBOX"},
			{"a detail with a mailbox", To{Mailbox: "Mathe"}, "Mathe"},
			{"a detail in another case", To{Mailbox: "mATHE"}, "Mathe"},
			{"a detail without a mailbox", To{Mailbox: "physik"}, "INBOX"},
			{"a detail that is no name", To{Mailbox: "a//b"}, "INBOX"},
			{"exact and there", To{Mailbox: "Junk", Exact: true}, "Junk"},
			{"exact and made", To{Mailbox: "Listen/Technik", Exact: true}, "Listen/Technik"},
		}
		for _, tt := range tests {
			before := map[string]uint32{}
			boxes, err := w.mail.Mailboxes(ctx, w.anna)
			w.check(err)
			for _, b := range boxes {
				before[b.Name] = w.status(w.anna, b.Name).Messages
			}
			tt.to.Owner = w.anna
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text(tt.name)), Recipients: []To{tt.to}})
			if err != nil || results[0] != nil {
				t.Fatalf("%s: %v %v", tt.name, results, err)
			}
			if got := w.status(w.anna, tt.want).Messages; got != before[tt.want]+1 {
				t.Errorf("%s: %s has %d messages, had %d", tt.name, tt.want, got, before[tt.want])
			}
		}
		w.problems()
	})
}

func TestDeliverKeepsQuotas(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		body := text("groß")
		carla := w.account("carla", int64(2*len(body)))
		for i, want := range []bool{true, true, false, false} {
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(body), Recipients: []To{{Owner: carla}, {Owner: w.anna}}})
			w.check(err)
			if got := results[0] == nil; got != want || !got && !fault.Is(results[0], fault.OverQuota) || results[1] != nil {
				t.Fatalf("delivery %d: %v", i, results)
			}
		}
		q, err := w.mail.Quota(ctx, carla)
		if err != nil || q.UsedBytes != int64(2*len(body)) || q.LimitBytes != q.UsedBytes || q.UsedMessages != 2 {
			t.Errorf("quota %+v %v", q, err)
		}
		_, err = w.mail.Append(ctx, carla, "Sent", []Appended{{Message: w.prepare(body)}})
		if !fault.Is(err, fault.OverQuota) {
			t.Errorf("append: %v", err)
		}
		b := w.box(carla, "INBOX")
		if _, err := b.Copy(ctx, []UID{1}, "Archive"); !fault.Is(err, fault.OverQuota) {
			t.Errorf("copy: %v", err)
		}
		if _, err := b.Move(ctx, []UID{1}, "Archive"); err != nil {
			t.Errorf("a full mailbox must allow moving: %v", err)
		}
		_, err = b.StoreFlags(ctx, []UID{2}, FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
		w.check(err)
		_, err = b.Expunge(ctx, nil)
		w.check(err)
		if q, _ := w.mail.Quota(ctx, carla); q.UsedBytes != int64(len(body)) || q.UsedMessages != 1 {
			t.Errorf("after EXPUNGE: %+v", q)
		}
		w.problems()
	})
}

func TestDeliverIsAllOrNothingWithItsOtherRows(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		b := w.box(w.anna, "INBOX")
		broken := errors.New("the queue says no")
		_, err := w.mail.Deliver(context.Background(), Delivery{Message: w.prepare(text("x")), Recipients: []To{{Owner: w.anna}},
			Also: func(*store.Tx) error { return broken }})
		if !errors.Is(err, broken) || b.Snapshot().Len() != 0 || w.status(w.anna, "INBOX").Messages != 0 {
			t.Errorf("%v, %d messages", err, b.Snapshot().Len())
		}
		w.fill(w.anna, "INBOX", 1) // the view must not use what was staged and rolled back
		if got := b.Snapshot().At(0); got.UID != 1 || got.ModSeq != 2 {
			t.Errorf("%+v", got)
		}
		w.sameAsRows()
		w.problems()
	})
}

// What settles a delivery is told what became of each copy; when it fails, none of them is stored.
func TestDeliverSettlesByItsResults(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		nobody := errors.New("nobody got it")
		for _, tt := range []struct {
			to     []To
			fails  bool
			stored int
		}{
			{[]To{{Owner: 999}}, true, 0},
			{[]To{{Owner: 999}, {Owner: w.anna}}, false, 1},
		} {
			_, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("x")), Recipients: tt.to, Settled: func(_ *store.Tx, results []error) error {
				if len(results) != len(tt.to) || !fault.Is(results[0], fault.NotFound) {
					t.Errorf("results %v", results)
				}
				if !slices.Contains(results, nil) {
					return nobody
				}
				return nil
			}})
			if errors.Is(err, nobody) != tt.fails || !tt.fails && err != nil {
				t.Errorf("to %v: %v", tt.to, err)
			}
			if n := w.box(w.anna, "INBOX").Snapshot().Len(); n != tt.stored {
				t.Errorf("to %v: anna has %d messages, want %d", tt.to, n, tt.stored)
			}
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestALostAcknowledgementIsDeliveredOnce(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		full := w.account("voll", 1)
		key := [32]byte{1}
		deliver := func() []error {
			t.Helper()
			results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("x")), Dedupe: &Dedupe{key},
				Recipients: []To{{Owner: w.anna}, {Owner: full}}})
			w.check(err)
			if results[0] != nil || !fault.Is(results[1], fault.OverQuota) {
				t.Fatalf("results %v", results)
			}
			return results
		}
		count := func(want uint32, when string) {
			t.Helper()
			if got := w.status(w.anna, "INBOX").Messages; got != want {
				t.Errorf("%s: %d messages, want %d", when, got, want)
			}
		}
		deliver()
		deliver()
		count(2, "the same message twice, both answered")
		w.check(w.mail.AcknowledgementLost(ctx, key))
		deliver()
		count(2, "again after a lost answer")
		w.check(w.mail.Close())
		w.open(Options{})
		deliver()
		count(2, "again after a restart")
		w.clock.Add(int64(dedupeWindow.Seconds()) + 1)
		deliver()
		count(3, "after the window")
		w.check(w.mail.Close())
		w.open(Options{})
		deliver()
		count(4, "answered before an orderly end")
		w.open(Options{}) // as after a crash: nobody could say that the answer was lost
		deliver()
		count(4, "unanswered when the server crashed")
		w.clock.Add(int64(dedupeWindow.Seconds()) + 1)
		w.check(w.mail.tidy(ctx))
		w.check(w.store.Read(ctx, func(tx *store.Tx) error {
			var n int
			err := tx.QueryRow(`SELECT COUNT(*) FROM delivery_seen`).Scan(&n)
			if n != 0 {
				t.Errorf("%d notes are left after the window", n)
			}
			return err
		}))
	})
}

func TestManyDeliverAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		const writers, each = 16, 10
		b := w.box(w.anna, "INBOX")
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range each {
					results, err := w.mail.Deliver(context.Background(), Delivery{Message: w.prepare(text(fmt.Sprint(i, " ", j))),
						Recipients: []To{{Owner: w.anna}, {Owner: w.ben}}})
					if err := errors.Join(append(results, err)...); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		want := make([]UID, writers*each)
		for i := range want {
			want[i] = UID(i + 1)
		}
		if got := uidsOf(b.Snapshot()); !slices.Equal(got, want) {
			t.Errorf("UIDs %v", got)
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestClassMailReachesAllInOneCommit(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		var to []To
		var ids []directory.ID
		for i := range 30 {
			ids = append(ids, w.account(fmt.Sprintf("pupil%d", i), 0))
			to = append(to, To{Owner: ids[i], Via: "7b@school.test"})
		}
		sub := w.store.Subscribe(Key(w.box(ids[29], "INBOX").Mailbox().ID))
		defer sub.Close()
		results, err := w.mail.Deliver(context.Background(), Delivery{Message: w.prepare(text("Klasse")), Recipients: to})
		if err := errors.Join(append(results, err)...); err != nil {
			t.Fatal(err)
		}
		<-sub.C()
		w.check(w.store.Read(context.Background(), func(tx *store.Tx) error {
			var contents, refs int
			err := tx.QueryRow(`SELECT COUNT(*), MAX(b.refs) FROM content c JOIN blob b ON b.id = c.blob_id`).Scan(&contents, &refs)
			if contents != 1 || refs != 1 {
				t.Errorf("%d contents, %d references", contents, refs)
			}
			return err
		}))
		w.problems()
	})
}

// A recipient may have a form of the message of their own: all in one commit, each form stored once.
func TestDeliverForms(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		plain, list := w.prepare(text("plain")), w.prepare("List-Id: <7b.school.test>\r\n"+text("list"))
		for _, d := range []Delivery{
			{Message: plain, Recipients: []To{{Owner: w.anna}, {Owner: w.ben, Message: list}, {Owner: w.anna, Message: list}}},
			{Recipients: []To{{Owner: w.ben, Message: list}}},
		} {
			results, err := w.mail.Deliver(ctx, d)
			w.check(err)
			for i, err := range results {
				if err != nil {
					t.Errorf("recipient %d: %v", i, err)
				}
			}
		}
		for who, want := range map[directory.ID]int64{w.anna: plain.Blob.Size + list.Blob.Size, w.ben: 2 * list.Blob.Size} {
			if q, err := w.mail.Quota(ctx, who); err != nil || q.UsedBytes != want {
				t.Errorf("account %d uses %d bytes, %v, want %d", who, q.UsedBytes, err, want)
			}
		}
		a, b := w.box(w.anna, "INBOX").Snapshot(), w.box(w.ben, "INBOX").Snapshot()
		if a.At(0).Content == a.At(1).Content || a.At(1).Content != b.At(0).Content || b.At(0).Content != b.At(1).Content {
			t.Errorf("contents of anna %d %d, ben %d %d", a.At(0).Content, a.At(1).Content, b.At(0).Content, b.At(1).Content)
		}
		w.sameAsRows()
		w.problems()
	})
}

// A mailbox that the owner may not have, or whose rights would be too many, is no reason to refuse mail: INBOX serves.
func TestDeliverWithoutRoomForAMailbox(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.mail.Close())
		w.open(Options{MaxBoxes: len(specialUses) + 1})
		w.check(w.mail.Delete(ctx, w.anna, "Junk"))
		_, err := w.mail.Create(ctx, w.anna, "Klasse", "")
		w.check(err)
		office := w.office("INBOX", "lr")
		w.manyRights(office)
		w.check(w.mail.Delete(ctx, office, "Sent"))
		results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("x")), Recipients: []To{
			{Owner: w.anna, Use: `\Junk`}, {Owner: w.anna, Mailbox: "neu", Exact: true}, {Owner: office, Mailbox: "INBOX/neu", Exact: true}}})
		if err := errors.Join(append(results, err)...); err != nil {
			t.Error(err)
		}
		for owner, want := range map[directory.ID]uint32{w.anna: 2, office: 1} {
			if n := w.status(owner, "INBOX").Messages; n != want {
				t.Errorf("%d messages in the INBOX of %d, want %d", n, owner, want)
			}
		}
		if _, err := w.mail.Lookup(ctx, office, "INBOX/neu", 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("a mailbox without the rights that it inherits: %v", err)
		}
		w.problems()
	})
}
