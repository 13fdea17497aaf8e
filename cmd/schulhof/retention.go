package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"schulhof/store/fault"
)

// retentionEvery is how often the server looks for what it has kept long enough. The first look is that long after the start: whoever has
// started with a wrong clock has time to see it.
const retentionEvery = time.Hour

// keepRetention looks every hour until ctx ends.
func (r *rooms) keepRetention(ctx context.Context) error {
	return everyHour(ctx, r.Log, r.applyRetention)
}

// everyHour calls look until ctx ends. What fails is tried again at the next look.
func everyHour(ctx context.Context, log *slog.Logger, look func(context.Context, time.Time) error) error {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := look(ctx, now); err != nil && ctx.Err() == nil {
				log.Warn("not everything that is done every hour was done; it is tried again", "err", err)
			}
		}
	}
}

// applyRetention removes what the settings say is to be gone at now. While nothing can be written it does nothing.
func (r *rooms) applyRetention(ctx context.Context, now time.Time) error {
	if r.Store.ReadOnlyCause() != nil {
		return nil
	}
	keep := r.Config.Retention
	var errs []error
	if keep.DeletedAccounts > 0 {
		errs = append(errs, r.purgeDeleted(ctx, now.Add(-keep.DeletedAccounts)))
	}
	removed, err := r.Store.RemoveCopies(now.Add(-keep.MigrationCopies))
	for _, name := range removed {
		r.Log.Info("retention: the copy made before an update was removed", "file", name)
	}
	return errors.Join(append(errs, err)...)
}

// purgeDeleted is the second stage of deletion for accounts that were deleted before t. The log names them by their number only.
func (r *rooms) purgeDeleted(ctx context.Context, t time.Time) error {
	var errs []error
	for _, account := range r.Directory.DeletedBefore(t) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := r.Directory.PurgeAccount(ctx, account.ID)
		switch {
		case err == nil:
			r.Log.Info("retention: a deleted account was removed for good", "account", account.ID, "role", account.Role)
		case fault.Is(err, fault.Refused), fault.Is(err, fault.NotFound): // somebody was faster, and brought it back or removed it
		default:
			errs = append(errs, fmt.Errorf("account %d: %w", account.ID, err))
		}
	}
	return errors.Join(errs...)
}
