package directory

import (
	"fmt"
	"time"

	"schulhof/store"
)

func insertApp(tx *store.Tx, account ID, app *appEntry) (id int64, err error) {
	err = tx.QueryRow(`INSERT INTO app_password (account_id, name, scope, prefix, sum, created, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id`,
		int64(account), app.Name, int64(app.Scope), app.prefix, app.sum[:], app.Created.Unix()).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("insert app password: %w", err)
	}
	return id, nil
}

// updateLastUsed writes the last uses of app passwords that still exist.
func updateLastUsed(tx *store.Tx, used map[int64]time.Time) error {
	for app, at := range used {
		if _, err := tx.Exec(`UPDATE app_password SET last_used = $1 WHERE id = $2`, at.Unix(), app); err != nil {
			return fmt.Errorf("write last use: %w", err)
		}
	}
	return nil
}
