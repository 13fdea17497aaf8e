package mailbox

import (
	"context"
	"fmt"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
)

func TestARememberedNameFollowsEveryChangeOfTheList(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		found := func(name string) (b Mailbox, there bool) {
			b, err := w.mail.Lookup(ctx, w.anna, name, RightRead)
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Fatal(err)
			}
			return b, err == nil
		}
		first, err := w.mail.Create(ctx, w.anna, "Mathe", "")
		w.check(err)
		for range 2 { // read, then remembered
			if b, ok := found("Mathe"); !ok || b != first {
				t.Errorf("%+v %t, want %+v", b, ok, first)
			}
		}
		if _, err := w.mail.Lookup(ctx, w.ben, "Mathe", RightRead); !fault.Is(err, fault.NotFound) {
			t.Errorf("ben finds anna's mailbox: %v", err)
		}
		w.check(w.mail.Rename(ctx, w.anna, "Mathe", "Physik"))
		if _, ok := found("Mathe"); ok {
			t.Error("the old name is found after a rename")
		}
		if b, ok := found("Physik"); !ok || b.ID != first.ID || b.Name != "Physik" {
			t.Errorf("after the rename: %+v %t", b, ok)
		}
		w.check(w.mail.Delete(ctx, w.anna, "Physik"))
		if _, ok := found("Physik"); ok {
			t.Error("a deleted mailbox is found")
		}
		second, err := w.mail.Create(ctx, w.anna, "Physik", "")
		w.check(err)
		if b, ok := found("Physik"); !ok || b != second {
			t.Errorf("%+v %t, want the new one, %+v", b, ok, second)
		}
		if _, ok := found(inbox); !ok {
			t.Fatal("no INBOX")
		}
		w.check(w.store.Write(ctx, func(tx *store.Tx) error { return w.mail.purge(tx, w.anna, false) }))
		if _, ok := found(inbox); ok {
			t.Error("a mailbox of a purged account is found")
		}
	})
}

// What was read before a change and is learned after it must not be remembered.
func TestAnOldReadIsNotRemembered(t *testing.T) {
	var k knownBoxes
	old := Mailbox{ID: 1, Owner: 7, Name: "a"}
	_, _, changes := k.find(7, "a")
	k.forget(7)
	k.learn(old, changes)
	if b, ok, _ := k.find(7, "a"); ok {
		t.Errorf("%+v is remembered from before the change", b)
	}
	_, _, changes = k.find(7, "a")
	k.learn(old, changes)
	if b, ok, _ := k.find(7, "a"); !ok || b != old {
		t.Errorf("%+v %t, want %+v", b, ok, old)
	}
}

func TestRememberedNamesAreBounded(t *testing.T) {
	var k knownBoxes
	for i := range maxKnownBoxes + 10 {
		k.learn(Mailbox{Owner: 7, Name: fmt.Sprint(i)}, 0)
	}
	if len(k.owners[7]) != k.n || k.n > maxKnownBoxes || k.n == 0 {
		t.Errorf("%d names counted, %d there", k.n, len(k.owners[7]))
	}
	k.forget(7)
	if k.n != 0 {
		t.Errorf("%d names counted, none is left", k.n)
	}
}

// An APPEND takes its mailbox from memory; the transaction must notice that it is gone.
func TestAppendToAMailboxThatWasJustDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		b, err := w.mail.Create(ctx, w.anna, "weg", "")
		w.check(err)
		a, err := w.mail.newAppending(ctx, w.anna, "weg", []Appended{{Message: w.prepare(text("late"))}})
		w.check(err)
		w.check(w.mail.Delete(ctx, w.anna, "weg"))
		w.mail.known.learn(b, 0) // even if it were remembered wrongly
		err = w.store.Write(ctx, func(tx *store.Tx) error {
			_, err := a.run(tx)
			return err
		})
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%v, want NotFound", err)
		}
	})
}
