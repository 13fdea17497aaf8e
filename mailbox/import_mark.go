package mailbox

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
)

// ImportMark is how far a folder of another server was taken over: every message up to UID, while its UIDVALIDITY is the same.
type ImportMark struct{ UIDValidity, UID uint32 }

// ImportMark tells how far owner's import of folder from source has come; zero: it has not begun.
func (m *Mail) ImportMark(ctx context.Context, owner directory.ID, source, folder string) (mark ImportMark, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		mark = ImportMark{}
		err := tx.QueryRow(`SELECT uidvalidity, uid FROM mail_import WHERE owner_id = $1 AND source = $2 AND folder = $3`, int64(owner), source, folder).
			Scan(&mark.UIDValidity, &mark.UID)
		if isNoRows(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return mark, fmt.Errorf("read how far an import has come: %w", err)
	}
	return mark, nil
}

// SetImportMark notes how far it has come.
func (m *Mail) SetImportMark(ctx context.Context, owner directory.ID, source, folder string, mark ImportMark) error {
	err := m.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO mail_import (owner_id, source, folder, uidvalidity, uid) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (owner_id, source, folder) DO UPDATE SET uidvalidity = excluded.uidvalidity, uid = excluded.uid`,
			int64(owner), source, folder, int64(mark.UIDValidity), int64(mark.UID))
		return err
	})
	if err != nil {
		return fmt.Errorf("note how far an import has come: %w", err)
	}
	return nil
}
