package directory

import (
	"fmt"
	"strings"

	"schulhof/store"
)

func selectDomains(tx *store.Tx) ([]string, error) {
	var names []string
	err := each(tx, `SELECT name FROM domain ORDER BY position`, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	})
	return names, err
}

func insertDomain(tx *store.Tx, name string, now int64) error {
	_, err := tx.Exec(`INSERT INTO domain (name, position, created) SELECT $1, COALESCE(MAX(position), 0) + 1, $2 FROM domain`, name, now)
	if err != nil {
		return fmt.Errorf("insert domain: %w", err)
	}
	return nil
}

// countAddresses counts the addresses at domain, aliases included.
func countAddresses(tx *store.Tx, domain string) (int64, error) {
	pattern := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace("@" + domain)
	n, err := count(tx, `SELECT COUNT(*) FROM address WHERE address LIKE $1 ESCAPE '\'`, "%"+pattern)
	if err != nil {
		return 0, fmt.Errorf("count addresses: %w", err)
	}
	return n, nil
}

// each calls fn for every row of a query.
func each(tx *store.Tx, query string, fn func(scan func(...any) error) error, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return fmt.Errorf("read row: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	return nil
}
