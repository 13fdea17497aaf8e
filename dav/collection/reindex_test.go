package collection

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schulhof/store"
)

// TestReindex: an index that is damaged or of an earlier version is made anew from the bytes, in as many slices as it takes; what
// clients know of the objects stays as it is.
func TestReindex(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for i := range reindexSlice + 5 {
			w.put(w.anna, fmt.Sprintf("calendars:/calendar/%d.ics", i), event(fmt.Sprint(i)))
		}
		w.put(w.anna, "contacts:/contacts/a.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nFN:A\r\nN:A;;;;\r\nEND:VCARD\r\n")
		w.put(w.anna, "files:/a.ics", event("a"))
		columns := func() (list string) {
			w.check(w.store.Read(ctx, func(tx *store.Tx) error {
				list = ""
				rows, err := tx.Query(`SELECT name, COALESCE(component, '-'), COALESCE(first_, -1), COALESCE(last_, -1), recurring, modseq FROM dav_entry WHERE kind = 0 ORDER BY id`)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					var name, component string
					var first, last, modseq int64
					var recurring int64
					if err := rows.Scan(&name, &component, &first, &last, &recurring, &modseq); err != nil {
						return err
					}
					list += fmt.Sprintln(name, component, first, last, recurring, modseq)
				}
				return rows.Err()
			}))
			return list
		}
		before := columns()
		w.check(w.dav.Reindex(ctx))
		if got := columns(); got != before {
			t.Errorf("what was right has become\n%s", got)
		}
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE dav_entry SET component = 'VTODO', first_ = 5, last_ = 6, recurring = 7 WHERE component IS NOT NULL`)
			return err
		}))
		if columns() == before {
			t.Fatal("nothing was damaged")
		}
		w.check(w.dav.Reindex(ctx))
		if got := columns(); got != before {
			t.Errorf("after the damage:\n%s\nwant\n%s", got, before)
		}
		w.sound()
	})
}

// TestReindexBesideDamage: an object whose bytes have rotted keeps what is known of it, and those behind it are read.
func TestReindexBesideDamage(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := t.Context()
		long := strings.Repeat("Stundenplan ", 3000) // larger than what memory keeps
		for _, name := range []string{"a", "b", "c"} {
			w.put(w.anna, "calendars:/calendar/"+name+".ics", strings.Replace(event(name), "SUMMARY:", "SUMMARY:"+name+long, 1))
		}
		var rotten store.Location
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(`UPDATE dav_entry SET component = 'VTODO' WHERE component IS NOT NULL`); err != nil {
				return err
			}
			return tx.QueryRow(`SELECT `+store.LocationColumns+` FROM dav_entry e JOIN blob b ON b.id = e.blob_id WHERE e.name = 'b.ics'`).
				Scan(&rotten.Pack, &rotten.Offset, &rotten.Length, &rotten.Size)
		}))
		packs, err := filepath.Glob(filepath.Join(w.store.Dir(), "packs", "*", "*.pack"))
		w.check(err)
		f, err := os.OpenFile(packs[0], os.O_WRONLY, 0)
		w.check(err)
		_, err = f.WriteAt([]byte("rot"), rotten.Offset+rotten.Length-8)
		w.check(err)
		w.check(f.Close())
		w.check(w.dav.Reindex(ctx))
		var events, todos int
		w.check(w.store.Read(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT SUM(CASE component WHEN 'VEVENT' THEN 1 ELSE 0 END), SUM(CASE component WHEN 'VTODO' THEN 1 ELSE 0 END) FROM dav_entry WHERE component IS NOT NULL`).
				Scan(&events, &todos)
		}))
		if events != 2 || todos != 1 {
			t.Errorf("%d were read again, %d stayed, want 2 and 1", events, todos)
		}
	})
}
