package directory

import (
	"fmt"

	"schulhof/store"
)

func insertAlias(tx *store.Tx, address string, targets []Address) error {
	if _, err := tx.Exec(`INSERT INTO address (address, principal_id) VALUES ($1, NULL)`, address); err != nil {
		return fmt.Errorf("insert alias: %w", err)
	}
	for i, t := range targets {
		_, err := tx.Exec(`INSERT INTO alias_target (address, position, target) VALUES ($1, $2, $3)`, address, int64(i), t.withDetail())
		if err != nil {
			return fmt.Errorf("insert alias target: %w", err)
		}
	}
	return nil
}

// withDetail is String with the detail in the case it was written in: it names a mailbox.
func (a Address) withDetail() string {
	if base, detail, ok := a.Split(); ok {
		a.Local = base.Local + "+" + detail
	}
	return a.String()
}
