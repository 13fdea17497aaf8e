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
				if err := w.mail.setEntries(tx, office, on, []MetadataEntry{{"/shared/comment", []byte("x")}}, 0); !fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
				return nil
			})
			if n := w.count(`SELECT COUNT(*) FROM mailbox_metadata`); n != 0 {
				t.Errorf("%d entries of a mailbox that is gone", n)
			}
			w.sameShares()
		}
		{ // for a group that was removed
			g, err := w.dir.AddGroup(ctx, directory.Group{Name: "8c", Kind: directory.Class})
			w.check(err)
			w.check(w.dir.DeleteGroup(ctx, g.ID))
			w.write(func(tx *store.Tx) error {
				if err := set(archive, g.ID, readers)(tx); !fault.Is(err, fault.Refused) {
					t.Error(err)
				}
				return nil
			})
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

// Who makes a mailbox sees it: the right to create and the rights that are inherited come from the same mailbox.
func TestWhoCreatesSeesIt(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lrk")
		w.share(office, "Archive", "ben", "lrkx")
		g, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class})
		w.check(err)
		w.check(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.ben}, false))
		w.check(w.mail.ProvideGroup(ctx, g.ID))
		w.share(g.ID, "INBOX", "7b", "lrskx")
		tests := []struct {
			name string
			want fault.Kind // 0: it is made
		}{
			{"Other Users/office/neu", fault.Forbidden},
			{"Other Users/office/neu/unten", fault.Forbidden},
			{"Other Users/office/Sent/neu", fault.NotFound},
			{"Other Users/office/INBOX/neu", 0},
			{"Other Users/office/Archive/a/b", 0},
			{"Other Users/anna/neu", fault.NotFound},
			{"Shared/7b/Fotos/2026", 0},
		}
		for _, tt := range tests {
			if _, err := w.mail.Create(ctx, w.ben, tt.name, ""); (tt.want == 0) != (err == nil) || err != nil && !fault.Is(err, tt.want) {
				t.Errorf("CREATE %s: %v", tt.name, err)
			}
			if _, err := w.mail.Lookup(ctx, w.ben, tt.name, RightLookup); (tt.want == 0) != (err == nil) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if err := w.mail.Rename(ctx, w.ben, "Other Users/office/Archive/a/b", "Other Users/office/b"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("renamed to the top: %v", err)
		}
		w.check(w.mail.Rename(ctx, w.ben, "Other Users/office/Archive/a/b", "Other Users/office/Archive/c/d/b"))
		w.check(w.mail.Rename(ctx, w.ben, "Shared/7b/Fotos/2026", "Shared/7b/Bilder/2026"))
		for _, name := range []string{"Other Users/office/Archive/c", "Other Users/office/Archive/c/d", "Shared/7b/Bilder"} {
			if _, err := w.mail.Lookup(ctx, w.ben, name, RightCreate); err != nil {
				t.Errorf("the level %s that a renaming made: %v", name, err)
			}
		}
		w.sameShares()
		w.problems()
	})
}

// Messages of INBOX do not become somebody else's by a renaming.
func TestInboxKeepsItsOwner(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("Archive", "lrik")
		w.fill(w.ben, "INBOX", 1)
		for _, to := range []string{"Other Users/office/Archive/x", "Shared", "Shared/7b/x"} {
			if err := w.mail.Rename(ctx, w.ben, "INBOX", to); !fault.Is(err, fault.Refused) {
				t.Errorf("to %s: %v", to, err)
			}
		}
		if _, err := w.mail.Lookup(ctx, office, "Archive/x", 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("the office has a mailbox more: %v", err)
		}
		if n := w.status(w.ben, "INBOX").Messages; n != 1 {
			t.Errorf("%d messages in INBOX", n)
		}
	})
}
