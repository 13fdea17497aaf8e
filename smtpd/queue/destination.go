package queue

import (
	"context"
	"fmt"

	"schulhof/store"
)

// Destination is one that something waits for.
type Destination struct {
	Name     string // a domain, or host:port of a smart host
	Failures int    // tries in a row that did not reach it; 0: the last one did, or there was none
	Text     string // why the last one failed
}

// Destinations lists destinations that something waits for, those first that fail longest; at most limit.
func (q *Queue) Destinations(ctx context.Context, limit int) (list []Destination, err error) {
	err = q.store.Read(ctx, func(tx *store.Tx) error {
		list = nil
		rows, err := tx.Query(`SELECT name, failures, text FROM queue_destination ORDER BY failures DESC, name LIMIT $1`, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d Destination
			if err := rows.Scan(&d.Name, &d.Failures, &d.Text); err != nil {
				return err
			}
			list = append(list, d)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("destinations: %w", err)
	}
	return list, nil
}
