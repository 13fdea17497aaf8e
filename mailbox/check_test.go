package mailbox

import (
	"context"
	"slices"
	"strings"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

func TestCheckFindsAndMends(t *testing.T) {
	tests := []struct {
		name, broken string
		want         string // the findings
		mended       bool
	}{
		{"nothing wrong", `UPDATE mailbox SET id = id`, "", true},
		{"wrong number of messages", `UPDATE mailbox SET messages = messages + 1 WHERE name = 'INBOX'`, "mail-counters mail-quota", true},
		{"wrong unseen", `UPDATE mailbox SET unseen = 0 WHERE name = 'INBOX'`, "mail-counters", true},
		{"wrong size of the deleted", `UPDATE mailbox SET deleted_size = 7 WHERE name = 'Sent'`, "mail-counters", true},
		{"UIDNEXT too low", `UPDATE mailbox SET uidnext = 1 WHERE name = 'INBOX'`, "mail-uidnext", true},
		{"modseq too low", `UPDATE mailbox SET modseq = 0 WHERE name = 'INBOX'`, "mail-modseq", true},
		{"quota", `UPDATE mail_owner SET used_bytes = 0, used_messages = 99`, "mail-quota", true},
		{"a lost content", `DELETE FROM content`, "blob-refs mail-content-missing", false},
		{"messages of no mailbox", `UPDATE message SET mailbox_id = 4711`, "mail-counters mail-orphans mail-quota", true},
		{"a forgotten content", `DELETE FROM message`, "mail-content-idle mail-counters mail-quota", true},
	}
	each(t, func(t *testing.T, w *school) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := newSchool(t, storetest.OpenLike(t, w.store))
				ctx := context.Background()
				w.fill(w.anna, "INBOX", 2)
				w.check(w.mail.Close())
				w.exec(tt.broken)
				findings := func(repair bool) string {
					found := map[string]bool{}
					note := func(p store.Problem) {
						found[p.ID] = true
						if repair && p.Mended != tt.mended && p.ID != "blob-refs" {
							t.Errorf("%s: mended %t", p.ID, p.Mended)
						}
					}
					w.check(w.mail.Check(ctx, repair, note))
					w.check(w.store.Check(ctx, repair, note))
					var ids []string
					for id := range found {
						ids = append(ids, id)
					}
					slices.Sort(ids)
					return strings.Join(ids, " ")
				}
				got := findings(false)
				// Mending the counters makes the quota wrong or right: what counts is that nothing is left.
				for _, id := range strings.Fields(tt.want) {
					if !strings.Contains(got, id) && id != "mail-quota" {
						t.Errorf("found %q, want %q", got, tt.want)
					}
				}
				if tt.want == "" && got != "" {
					t.Errorf("found %q", got)
				}
				if findings(true); tt.mended {
					if left := findings(false); left != "" {
						t.Errorf("after mending there is %q", left)
					}
				}
				w.open(Options{})
			})
		}
	})
}

func TestCheckOfAMendedMailboxReachesOpenSessions(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 2)
		b := w.box(w.anna, "INBOX")
		w.exec(`UPDATE mailbox SET messages = 9 WHERE id = $1`, int64(b.view.id))
		w.check(w.mail.Check(ctx, true, func(store.Problem) {}))
		_, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Seen})
		w.check(err)
		w.sameAsRows()
		w.problems()
	})
}
