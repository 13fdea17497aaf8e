package tally

import (
	"context"
	"errors"
	"fmt"
	"time"

	"schulhof/store"
)

// Day is a day about which a domain's owner is told. RFC 7489 §7.2, RFC 8460 §4.1.
type Day struct {
	Number int64 // since 1970-01-01, UTC
	Domain string
}

// Number is the day at t.
func Number(t time.Time) int64 { return t.Unix() / daySeconds }

// Begin is the first second of the day.
func (d Day) Begin() time.Time { return time.Unix(d.Number*daySeconds, 0).UTC() }

// End is the last second of the day.
func (d Day) End() time.Time { return d.Begin().Add(daySeconds*time.Second - time.Second) }

// Days reads the days that a query finds: their numbers and domains.
func Days(tx *store.Tx, query string, args ...any) (list []Day, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("days to report: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d Day
		if err := rows.Scan(&d.Number, &d.Domain); err != nil {
			return nil, fmt.Errorf("days to report: %w", err)
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// Each calls tell for every day, whatever becomes of others, until ctx ends. The error has the first of those that there were.
func Each(ctx context.Context, days []Day, tell func(context.Context, Day) error) error {
	var errs []error
	failed := 0
	for _, d := range days {
		if ctx.Err() != nil {
			break
		}
		if err := tell(ctx, d); err != nil {
			if failed++; failed <= maxErrors {
				errs = append(errs, fmt.Errorf("report about %s: %w", d.Domain, err))
			}
		}
	}
	if failed > maxErrors {
		errs = append(errs, fmt.Errorf("and %d more", failed-maxErrors))
	}
	return errors.Join(errs...)
}
