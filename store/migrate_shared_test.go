package store_test

import (
	"context"
	"os"
	"testing"
	"testing/fstest"

	"schulhof/store"
	"schulhof/store/storetest"
)

// before are the migrations that stand before the one that begins with number.
func before(t *testing.T, number string) fstest.MapFS {
	t.Helper()
	entries, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, e := range entries {
		if e.Name() < number {
			data, err := os.ReadFile("migrations/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			files[e.Name()] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

// TestMigratingSharedMailboxes: a group that had a mailbox before mailboxes were shared can still be read by its members, and what was read of
// messages that are gone goes.
func TestMigratingSharedMailboxes(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, o store.Options) {
		open := func(o store.Options, then func(s *store.Store)) {
			t.Helper()
			s, err := store.Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			then(s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		open(store.WithMigrations(o, before(t, "0016")), func(s *store.Store) {
			for _, statement := range []string{
				`INSERT INTO principal (id, kind, login, address, name, created) VALUES (1, 1, 'anna', 'anna@school.test', 'Anna', 0)`,
				`INSERT INTO principal (id, kind, login, address, name, created) VALUES (2, 2, '7b', '7b@school.test', '7b', 0)`,
				`INSERT INTO principal (id, kind, login, address, name, created) VALUES (3, 2, '8b', '8b@school.test', '8b', 0)`,
				`INSERT INTO school_group (principal_id, kind, to_sender) VALUES (2, 'class', 0)`,
				`INSERT INTO school_group (principal_id, kind, to_sender) VALUES (3, 'class', 0)`,
				`INSERT INTO mailbox (id, owner_id, name, special_use, uidvalidity, uidnext, modseq, messages, unseen, deleted, deleted_size, size, expunged_from,
					expunged_rows) VALUES (11, 1, 'INBOX', '', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)`,
				`INSERT INTO mailbox (id, owner_id, name, special_use, uidvalidity, uidnext, modseq, messages, unseen, deleted, deleted_size, size, expunged_from,
					expunged_rows) VALUES (12, 2, 'INBOX', '', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)`,
			} {
				write(t, s, statement)
			}
		})
		open(store.WithMigrations(o, before(t, "0024")), func(s *store.Store) {
			if n := number(t, s, `SELECT COUNT(*) FROM mailbox_right`); n != 1 {
				t.Errorf("%d rights, want the members' of one group", n)
			}
			if n := number(t, s, `SELECT rights FROM mailbox_right WHERE mailbox_id = 12 AND principal_id = 2`); n != 7 {
				t.Errorf("members may %b, want lrs", n)
			}
			write(t, s, `INSERT INTO message_seen (mailbox_id, account_id, uid, seen, modseq) VALUES (12, 1, 5, 1, 1)`)
		})
		open(o, func(s *store.Store) {
			if n := number(t, s, `SELECT COUNT(*) FROM message_seen`); n != 0 {
				t.Errorf("%d rows of messages that are gone", n)
			}
		})
	})
}
