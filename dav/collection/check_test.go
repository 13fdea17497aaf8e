package collection

import (
	"context"
	"slices"
	"testing"

	"schulhof/store"
)

// Each damage is found by its id, mended, and not found again.
func TestCheck(t *testing.T) {
	tests := []struct {
		name, damage, id string
		mended           bool
	}{
		{"a sum", `UPDATE dav_owner SET used_bytes = used_bytes + 5 WHERE used_bytes > 0`, "dav-quota", true},
		{"what is kept", `UPDATE dav_owner SET kept_bytes = kept_bytes + 5 WHERE used_bytes > 0`, "dav-kept", true},
		{"a counter", `UPDATE dav_entry SET counter = 0 WHERE kind = 1 AND counter > 0`, "dav-modseq", true},
		{"a count of members", `UPDATE dav_entry SET members = members + 3 WHERE name = 'a'`, "dav-members", true},
		{"a count of properties", `UPDATE dav_entry SET properties = 7 WHERE name = 'x'`, "dav-properties", true},
		{"a name that is remembered as removed", `INSERT INTO dav_removed (collection_id, name, modseq, at)
			SELECT parent_id, name, 1, 0 FROM dav_entry WHERE name = 'x'`, "dav-removed", true},
		{"a wrong owner", `UPDATE dav_entry SET owner_id = owner_id + 1000 WHERE name = 'x'`, "dav-owner", true},
		{"an entry without a place", `UPDATE dav_entry SET parent_id = NULL WHERE name = 'a'`, "dav-lost", true},
		{"an entry in a collection that is missing", `UPDATE dav_entry SET parent_id = 1000000 WHERE name = 'a'`, "dav-orphan", true},
		{"trash that is none", `INSERT INTO dav_trash (entry_id, owner_id, root_id, path, size, deleted, deleted_by) VALUES (1000000, 1, 1, 'x', 0, 0, 0)`, "dav-trash", true},
		{"a missing root", `DELETE FROM dav_entry WHERE parent_id IS NULL AND kind = 5`, "dav-root", false},
	}
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/x=123")
		w.put(w.anna, "files:/a/x", "1234")
		w.sound()
		for _, tt := range tests {
			w.check(w.store.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(tt.damage)
				return err
			}))
			var found []string
			w.check(w.dav.Check(ctx, true, func(p store.Problem) {
				if p.Mended != tt.mended && p.ID == tt.id {
					t.Errorf("%s: %+v", tt.name, p)
				}
				found = append(found, p.ID)
			}))
			if !slices.Contains(found, tt.id) {
				t.Errorf("%s: found %q, want %s", tt.name, found, tt.id)
			}
			if !tt.mended {
				continue
			}
			w.sound()
			if tt.id == "dav-lost" || tt.id == "dav-orphan" { // nothing is lost
				list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0)
				if err != nil || len(list) != 1 || list[0].Size != 4 {
					t.Fatalf("%s: %+v %v", tt.name, list, err)
				}
				_, err = w.dav.Restore(ctx, w.anna, list[0], at("files:/a"))
				w.check(err)
			}
			if got := w.show(w.anna, "files:/"); got != "a/ a/x=1234" {
				t.Errorf("%s: %s", tt.name, got)
			}
		}
	})
}
