package mailbox

import (
	"context"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// manyRights gives owner's INBOX all the grants that it may have, to people whom nobody knows.
func (w *school) manyRights(owner directory.ID) {
	w.Helper()
	w.write(func(tx *store.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
			INSERT INTO mailbox_right (mailbox_id, principal_id, rights)
			SELECT b.id, 1000000 + n.i, 1 FROM mailbox b CROSS JOIN n WHERE b.owner_id = $1 AND b.name = 'INBOX'`, int64(owner),
			int64(MaxGrants-w.grantsIn(tx, owner)))
		return err
	})
}

func (w *school) grantsIn(tx *store.Tx, owner directory.ID) (n int) {
	w.Helper()
	w.check(tx.QueryRow(`SELECT COUNT(*) FROM mailbox_right WHERE mailbox_id IN (SELECT id FROM mailbox WHERE owner_id = $1)`, int64(owner)).Scan(&n))
	return n
}

// write does steps in one commit, as commands do that come at the same time.
func (w *school) write(steps ...func(tx *store.Tx) error) {
	w.Helper()
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
		for _, step := range steps {
			if err := step(tx); err != nil {
				return err
			}
		}
		return nil
	}))
}

// sameShares compares the rights in memory with the rows, of which none is of a mailbox that is gone.
func (w *school) sameShares() {
	w.Helper()
	kept := w.mail.shares
	w.check(w.store.Read(context.Background(), w.mail.loadShares))
	rows := w.mail.shares
	w.mail.shares = kept
	for id, box := range kept.boxes {
		if now := rows.grants(id); len(now) != len(box.grants) {
			w.Errorf("mailbox %d has the rights %v in memory, %v in the rows", id, box.grants, now)
		}
	}
	n := 0
	for id, box := range rows.boxes {
		n += len(box.grants)
		for principal, r := range box.grants {
			if have := kept.grants(id)[principal]; have != r {
				w.Errorf("%d has %s on mailbox %d in memory, %s in the rows", principal, have, id, r)
			}
		}
	}
	if all := w.count(`SELECT COUNT(*) FROM mailbox_right`); all != n {
		w.Errorf("%d rights are of mailboxes that are gone", all-n)
	}
}

// What one command of a commit did to rights counts for the next one, though the memory does not have it yet.
func TestRightsWithinOneCommit(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("Archive", "lrk")
		archive, err := w.mail.lookup(ctx, office, "Archive", 0)
		w.check(err)
		set := func(b Mailbox, principal directory.ID, r Rights) func(*store.Tx) error {
			return func(tx *store.Tx) error { return w.mail.setRightsIn(tx, &b, principal, GrantReplace, r) }
		}
		create := func(name string) func(*store.Tx) error {
			return func(tx *store.Tx) error { _, err := w.mail.createIn(tx, office, name, ""); return err }
		}
		{ // taken, then inherited
			w.write(set(archive, w.ben, 0), create("Archive/2026"))
			if _, err := w.mail.Lookup(ctx, w.ben, "Other Users/office/Archive/2026", RightLookup); !fault.Is(err, fault.NotFound) {
				t.Errorf("the right that was taken is inherited: %v", err)
			}
			w.sameShares()
		}
		{ // the first, then inherited
			w.write(set(archive, w.anna, readers), create("Archive/2027"))
			if r, err := w.mail.MyRights(ctx, w.anna, "Other Users/office/Archive/2027"); r != readers {
				t.Errorf("inherited %s, %v", r, err)
			}
			w.sameShares()
		}
		{ // the first, then the mailbox deleted
			b, err := w.mail.lookup(ctx, office, "Archive/2026", 0)
			w.check(err)
			w.write(set(b, w.ben, readers), func(tx *store.Tx) error { return w.mail.deleteIn(tx, office, "Archive/2026") })
			w.sameShares()
		}
		{ // of a mailbox that was deleted
			b, err := w.mail.lookup(ctx, office, "Archive/2027", 0)
			w.check(err)
			w.write(func(tx *store.Tx) error { return w.mail.deleteIn(tx, office, "Archive/2027") }, func(tx *store.Tx) error {
				if err := set(b, w.ben, readers)(tx); !fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
				on := about{id: b.ID, owner: office, rights: AllRights}
				if err := w.mail.setEntries(tx, office, on, []MetadataEntry{{"/shared/comment", []byte("x")}}, nil); !fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
				return nil
			})
			if n := w.count(`SELECT COUNT(*) FROM mailbox_metadata`); n != 0 {
				t.Errorf("%d entries of a mailbox that is gone", n)
			}
			w.sameShares()
		}
		{ // the last two that there may be
			w.manyRights(office)
			w.write(func(tx *store.Tx) error {
				_, err := tx.Exec(`DELETE FROM mailbox_right WHERE principal_id = 1000001`)
				return err
			})
			w.write(set(archive, w.ben, readers), func(tx *store.Tx) error {
				if err := set(archive, Anyone, readers)(tx); !fault.Is(err, fault.Limit) {
					t.Error(err)
				}
				return nil
			})
			if _, err := w.mail.Create(ctx, office, "Archive/2028/alt", ""); !fault.Is(err, fault.Limit) {
				t.Error(err)
			}
			if _, err := w.mail.Lookup(ctx, office, "Archive/2028", 0); !fault.Is(err, fault.NotFound) {
				t.Error("a mailbox without the rights that it inherits")
			}
		}
		w.problems()
	})
}
