package spam

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"schulhof/store"
)

// load reads the known networks.
func (g *greylist) load(ctx context.Context) error {
	err := g.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT network, last_day FROM known_network ORDER BY last_day DESC LIMIT $1`, maxKnown)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			var last int64
			if err := rows.Scan(&text, &last); err != nil {
				return err
			}
			if n, err := netip.ParsePrefix(text); err == nil {
				g.known[n] = last
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("read known networks: %w", err)
	}
	return nil
}

// waiting is when an attempt was made for the first time, in unix seconds; 0: it was not.
func (g *greylist) waiting(ctx context.Context, key []byte) (since int64, err error) {
	err = g.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT since FROM greylist WHERE attempt = $1`, key).Scan(&since)
	})
	if errors.Is(err, store.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read greylist: %w", err)
	}
	return since, nil
}

// wait notes a first attempt. A network has only so many: the oldest makes room.
func (g *greylist) wait(ctx context.Context, n netip.Prefix, key []byte) error {
	now := g.now().Unix()
	err := g.store.Write(ctx, func(tx *store.Tx) error {
		var count int64
		if err := tx.QueryRow(`SELECT COUNT(*) FROM greylist WHERE network = $1`, n.String()).Scan(&count); err != nil {
			return err
		}
		if count >= maxWaitingPerNetwork {
			_, err := tx.Exec(`DELETE FROM greylist WHERE attempt IN (SELECT attempt FROM greylist WHERE network = $1 ORDER BY since LIMIT $2)`,
				n.String(), count-maxWaitingPerNetwork+1)
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO greylist (attempt, network, since) VALUES ($1, $2, $3)
			ON CONFLICT (attempt) DO UPDATE SET since = excluded.since`, key, n.String(), now)
		return err
	})
	if err != nil {
		return fmt.Errorf("write greylist: %w", err)
	}
	return nil
}

// writeKnown notes networks with the day of their last mail, some at a time.
func (g *greylist) writeKnown(ctx context.Context, list map[netip.Prefix]int64) error {
	args := make([]any, 0, 2*min(len(list), knownAtOnce))
	write := func() error {
		if len(args) == 0 {
			return nil
		}
		query := appendValues([]byte(`INSERT INTO known_network (network, last_day) VALUES `), len(args)/2, 2)
		query = append(query, ` ON CONFLICT (network) DO UPDATE SET last_day = excluded.last_day`...)
		err := g.store.WriteBulk(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(string(query), args...)
			return err
		})
		args = args[:0]
		if err != nil {
			return fmt.Errorf("write known networks: %w", err)
		}
		return nil
	}
	for n, last := range list {
		if args = append(args, n.String(), last); len(args) == 2*knownAtOnce {
			if err := write(); err != nil {
				return err
			}
		}
	}
	return write()
}

// forget removes networks whose last mail was before a day, first attempts before a time, and of these the oldest if there are too many.
func (g *greylist) forget(ctx context.Context, before, since int64) error {
	err := g.store.WriteBulk(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM known_network WHERE last_day < $1`, before); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM greylist WHERE since < $1`, since); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM greylist WHERE attempt IN (SELECT attempt FROM greylist ORDER BY since DESC LIMIT $1 OFFSET $2)`,
			int64(maxWaiting), int64(maxWaiting))
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep greylist: %w", err)
	}
	return nil
}

// appendValues writes ($1,$2),($3,$4) and so on.
func appendValues(dst []byte, rows, width int) []byte {
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		for j := range width {
			dst = append(dst, "(,"[min(j, 1)], '$')
			dst = strconv.AppendInt(dst, int64(i*width+j+1), 10)
		}
		dst = append(dst, ')')
	}
	return dst
}
